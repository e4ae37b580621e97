"""Checks AWS Signature Version 4 from what came over the wire, for the double. Written from AWS's description of it and not
from the program's own signer: the two share nothing but the outcome.

A request is refused with the words AWS uses, and `why` says more, for the double's log; no secret is in it.
"""
import calendar
import hashlib
import hmac
import re
import time
import urllib.parse

SKEW_S = 15 * 60
UNRESERVED = "-_.~"
EMPTY = hashlib.sha256(b"").hexdigest()


class Refused(Exception):
    """What the client is told: an HTTP status, AWS's code, a sentence. `more`: elements of S3's answer."""

    def __init__(self, status, code, message, why="", more=None, headers=None):
        super().__init__(code)
        self.status, self.code, self.message, self.why = status, code, message, why
        self.more, self.headers = more or {}, headers or {}


class Caller:
    """Who signed, for which service and region. All None: nobody."""

    def __init__(self, who=None, service=None, region=None):
        self.who, self.service, self.region = who, service, region


def encode(data, safe=""):
    return urllib.parse.quote(data, safe=UNRESERVED + safe)


def decode(text):
    """Percent signs must be followed by two digits: what AWS would guess about others, no client should rely on."""
    if re.search("%(?![0-9A-Fa-f]{2})", text):
        raise Refused(400, "InvalidURI", "Couldn't parse the specified URI.")
    return urllib.parse.unquote_to_bytes(text.encode("latin-1"))


def query_pairs(raw):
    """The pairs as bytes, in the order they came. A + stands for a blank, as it does for S3."""
    pairs = []
    for part in raw.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((decode(name.replace("+", "%20")), decode(value.replace("+", "%20"))))
    return pairs


def canonical_path(path, service):
    if service == "s3":
        return encode(decode(path), "/")
    kept = []  # the others shorten the path first, and encode what is encoded once more
    for part in path.split("/"):
        if part == "..":
            kept[-1:] = []
        elif part not in ("", "."):
            kept.append(part)
    shortened = "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")
    return encode(shortened, "/")


def canonical_request(request, service, signed_headers, payload):
    pairs = sorted((encode(n), encode(v)) for n, v in query_pairs(request.query) if n != b"X-Amz-Signature")
    lines = [request.method, canonical_path(request.path, service), "&".join(f"{n}={v}" for n, v in pairs)]
    for name in signed_headers:
        values = [re.sub(" +", " ", v.strip()) for n, v in request.headers if n.lower() == name]
        lines.append(f"{name}:{','.join(values)}")
    return "\n".join([*lines, "", ";".join(signed_headers), payload])


def signing_key(secret, date, region, service):
    key = ("AWS4" + secret).encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def seconds_of(stamp):
    try:
        if re.fullmatch(r"\d{8}T\d{6}Z", stamp):
            return calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        pass
    raise Refused(403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")


def parts_of_header(text):
    found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^, ]+), ?SignedHeaders=([^, ]+), ?Signature=([0-9a-f]{64})", text)
    if not found:
        raise Refused(400, "AuthorizationHeaderMalformed", "The authorization header is malformed.")
    return found.groups()


class Claim:
    """What a request says about its signature, in the header or in the query."""

    def __init__(self, request):
        query = {n: v.decode("latin-1") for n, v in query_pairs(request.query)}
        authorization = request.header("authorization")
        self.presigned = b"X-Amz-Algorithm" in query
        self.lifetime = None
        if self.presigned and authorization is not None:
            raise Refused(400, "InvalidArgument", "Only one auth mechanism allowed")
        if self.presigned:
            try:
                credential, headers = query[b"X-Amz-Credential"], query[b"X-Amz-SignedHeaders"]
                self.signature, self.stamp = query[b"X-Amz-Signature"], query[b"X-Amz-Date"]
                self.lifetime = int(query[b"X-Amz-Expires"])
            except (KeyError, ValueError):
                raise Refused(400, "AuthorizationQueryParametersError", "Query-string authentication requires ...") from None
            if query[b"X-Amz-Algorithm"] != "AWS4-HMAC-SHA256" or not 0 < self.lifetime <= 604800:
                raise Refused(400, "AuthorizationQueryParametersError", "X-Amz-Algorithm or X-Amz-Expires is wrong")
            self.token = query.get(b"X-Amz-Security-Token")
        else:
            credential, headers, self.signature = parts_of_header(authorization)
            self.stamp = request.header("x-amz-date") or ""
            self.token = request.header("x-amz-security-token")
        self.headers = headers.split(";")
        scope = credential.split("/")
        if len(scope) != 5 or scope[4] != "aws4_request":
            raise Refused(400, "AuthorizationHeaderMalformed", "The Credential is malformed.")
        self.key, self.date, self.region, self.service = scope[:4]


def claims_one(request):
    return request.header("authorization") is not None or "X-Amz-Algorithm=" in request.query


def check_headers(request, claim):
    if claim.headers != sorted(claim.headers) or len(set(claim.headers)) != len(claim.headers):
        raise Refused(403, "SignatureDoesNotMatch", MISMATCH, "SignedHeaders are not in order")
    if "host" not in claim.headers:
        raise Refused(403, "AccessDenied", "There were headers present in the request which were not signed", "host")
    for name, _ in request.headers:
        if name.lower().startswith("x-amz-") and name.lower() not in claim.headers:
            raise Refused(403, "AccessDenied", "There were headers present in the request which were not signed", name)


def check_payload(request, claim):
    """The hash that was signed; and that it is the body's."""
    told = request.header("x-amz-content-sha256")
    if claim.presigned and told is None:
        return "UNSIGNED-PAYLOAD" if claim.service == "s3" else hashlib.sha256(request.body).hexdigest()
    if told is None:
        if claim.service == "s3":
            raise Refused(400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
        return hashlib.sha256(request.body).hexdigest()
    if told != hashlib.sha256(request.body).hexdigest() and not (told == "UNSIGNED-PAYLOAD" and request.tls):
        raise Refused(400, "XAmzContentSHA256Mismatch",
                      "The provided 'x-amz-content-sha256' header does not match what was computed.")
    return told


MISMATCH = ("The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method.")


def check_time(claim, now):
    at = seconds_of(claim.stamp)
    if not claim.stamp.startswith(claim.date):
        raise Refused(403, "SignatureDoesNotMatch", MISMATCH, "the scope's date is not that of x-amz-date")
    if claim.lifetime is not None and at + claim.lifetime < now:
        raise Refused(403, "AccessDenied", "Request has expired")
    early = claim.lifetime is None or at > now
    if early and abs(at - now) > SKEW_S:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        if claim.service == "s3":
            raise Refused(403, "RequestTimeTooSkewed",
                          "The difference between the request time and the current time is too large.",
                          more={"RequestTime": claim.stamp, "ServerTime": stamp, "MaxAllowedSkewMilliseconds": "900000"})
        raise Refused(403, "SignatureDoesNotMatch" if claim.service == "sts" else "InvalidSignatureException",
                      f"Signature expired: {claim.stamp} is now earlier than {stamp} (15 min.)" if at < now else
                      f"Signature not yet current: {claim.stamp} is still later than {stamp} (15 min.)")


def check_key(claim, keys, now):
    key = keys.get(claim.key)
    s3 = claim.service == "s3"
    if key is None:
        if s3:
            raise Refused(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
        raise Refused(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
    if (key.token or None) != (claim.token or None):
        raise Refused(400 if s3 else 403, "InvalidToken" if s3 else "InvalidClientTokenId",
                      "The provided token is malformed or otherwise invalid.")
    if key.expires is not None and key.expires <= now:
        raise Refused(400 if s3 else 403, "ExpiredToken", "The provided token has expired.")
    return key


def verify(request, keys, now, any_clock=False):
    """Who signed it; Refused when it was not signed right."""
    if not claims_one(request):
        raise Refused(403, "AccessDenied", "Access Denied")
    claim = Claim(request)
    check_headers(request, claim)
    if not any_clock:
        check_time(claim, now)
    key = check_key(claim, keys, now)
    payload = check_payload(request, claim)
    canonical = canonical_request(request, claim.service, claim.headers, payload)
    scope = f"{claim.date}/{claim.region}/{claim.service}/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", claim.stamp, scope, hashlib.sha256(canonical.encode("latin-1")).hexdigest()])
    wanted = hmac.new(signing_key(key.secret, claim.date, claim.region, claim.service), to_sign.encode("latin-1"),
                      hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted, claim.signature):
        shown = re.sub(r"(?im)(security-token[:=])[^&\n]*", r"\1***", canonical)
        raise Refused(403, "SignatureDoesNotMatch", MISMATCH, f"this was to be signed, for {scope}:\n{shown}")
    return Caller(key.who, claim.service, claim.region)
