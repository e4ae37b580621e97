#!/usr/bin/env python3
"""The double against AWS's own client (run it with the python of scripts/aws-tools).

    check_double.py signatures [SEED]   random requests that botocore signs are verified; with one byte changed, refused
    check_double.py clients ENDPOINT    botocore's clients get along with the double that listens there
    check_double.py faults ENDPOINT     what it does wrong on demand is what a client sees
"""
import datetime
import json
import random
import sys
import time
import urllib.request
from urllib.parse import quote, urlsplit

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import botocore.session

import signature
from put import client
from services import Key
from web import Request

REQUESTS = 500
ALPHABET = "abcXYZ019-_.~ +/=&?%#:;,@!$'()*[]{}<>|\\\"^`é日\u00ff"
SERVICES = ("s3", "s3", "s3", "sqs", "sts", "ses", "sns")


def text(source, longest):
    return "".join(source.choice(ALPHABET) for _ in range(source.randint(1, longest)))


def random_request(source, service):
    """As one of botocore's, not signed yet."""
    words = [w for w in (text(source, 12) for _ in range(source.randint(1, 4))) if service == "s3" or w not in (".", "..")]
    path = "/" + "/".join(quote(w, safe="-_.~" + ("/" if service == "s3" else "")) for w in words)
    query = "&".join(f"{quote(text(source, 8), safe='-_.~')}={quote(text(source, 20), safe='-_.~')}"
                     for _ in range(source.randint(0, 5)))
    host = source.choice(["b.s3.eu-west-1.amazonaws.com", "127.0.0.1:4566", "[::1]:9000", "localhost"])
    body = source.randbytes(source.randint(0, 300)) if source.random() < 0.5 else b""
    headers = {}
    if source.random() < 0.5:
        headers["x-amz-target"] = "AmazonSQS.ReceiveMessage"
    if source.random() < 0.3:
        headers["x-amz-meta-note"] = "  two   blanks " + source.choice("abc")
    if source.random() < 0.5:
        headers["Range"] = f"bytes={source.randint(0, 99)}-"
    url = f"{source.choice(['http', 'https'])}://{host}{path}" + (f"?{query}" if query else "")
    return botocore.awsrequest.AWSRequest(method=source.choice(["GET", "PUT", "POST", "HEAD", "DELETE"]), url=url,
                                          headers=headers, data=body)


def on_the_wire(request):
    """What http.client would send of it."""
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    headers = [("Host", parts.netloc)] if "host" not in map(str.lower, prepared.headers) else []
    for name, value in prepared.headers.items():
        headers.append((name, (value if isinstance(value, str) else value.decode("latin-1")).strip()))
    made = Request(prepared.method, parts.path + (f"?{parts.query}" if parts.query else ""), headers, parts.scheme == "https")
    body = prepared.body or b""
    made.body = body.encode() if isinstance(body, str) else bytes(body)
    return made


def other(source, character):
    return source.choice([c for c in "abcdefgh01234567" if c != character.lower()])


def changed(source, request):
    """One byte of what was signed becomes another one; which part it was is returned with it."""
    made = Request(request.method, request.path + (f"?{request.query}" if request.query else ""), list(request.headers),
                   request.tls)
    made.body = request.body
    signed = [h for h, _ in request.headers if h.lower() in ("host", "x-amz-date", "x-amz-target", "x-amz-content-sha256",
                                                             "x-amz-security-token", "authorization")]
    part = source.choice(["path", "method", *["query"] * bool(request.query), *["body"] * bool(request.body), *signed])
    # A byte of a query's X-Amz-Expires and the like may make it wrong in another way: refused is refused.
    if part == "method":
        made.method = "PATCH"
    elif part == "body":
        at = source.randrange(len(request.body))
        made.body = request.body[:at] + bytes([request.body[at] ^ 1]) + request.body[at + 1:]
    elif part in ("path", "query"):
        value = getattr(request, part)
        # Letters and digits that stand for themselves: %2B and %2b are the same.
        places = [i for i, c in enumerate(value) if c.isalnum() and "%" not in value[max(0, i - 2):i]]
        if not places:
            return None, part
        at = source.choice(places)
        setattr(made, part, value[:at] + other(source, value[at]) + value[at + 1:])
    else:
        value = request.header(part.lower())
        at = source.choice([i for i, c in enumerate(value) if c.isalnum()])
        new = value[:at] + other(source, value[at]) + value[at + 1:]
        made.headers = [(n, new if n == part else v) for n, v in request.headers]
    return made, part


def sign(source, request, service, credentials):
    s3 = service == "s3"
    if s3 and request.method == "GET" and source.random() < 0.4:
        request.data = b""
        botocore.auth.S3SigV4QueryAuth(credentials, service, "eu-west-1", expires=300).add_auth(request)
    else:
        (botocore.auth.S3SigV4Auth if s3 else botocore.auth.SigV4Auth)(credentials, service, "eu-west-1").add_auth(request)


def check_signatures(seed):
    source = random.Random(seed)
    now = time.time()
    keys = {"AKIDPLAIN": Key("s3cr/et+", "plain"), "ASIATOKEN": Key("an+other/", "token", "tok/en+==")}
    wrong = refusals = 0
    parts = {}
    for number in range(REQUESTS):
        service = source.choice(SERVICES)
        key_id = source.choice(list(keys))
        request = random_request(source, service)
        sign(source, request, service, botocore.credentials.Credentials(key_id, keys[key_id].secret, keys[key_id].token))
        wire = on_the_wire(request)
        try:
            assert signature.verify(wire, keys, now).who == keys[key_id].who
        except signature.Refused as refused:
            wrong += 1
            print(f"{number}: {wire.method} {wire.path}?{wire.query}: {refused.code} {refused.why}", file=sys.stderr)
        bad, part = changed(source, wire)
        if bad is None:
            continue
        try:
            signature.verify(bad, keys, now, any_clock=True)  # only the signature decides
            wrong += 1
            print(f"{number}: a changed {part} is accepted: {bad.method} {bad.path}?{bad.query}", file=sys.stderr)
        except signature.Refused:
            refusals += 1
            parts[part.lower()] = parts.get(part.lower(), 0) + 1
    print(f"{REQUESTS} accepted, {refusals} refused: {parts}" if not wrong else f"{wrong} wrong")
    return wrong == 0 and refusals > 0.9 * REQUESTS


def check_s3(endpoint):
    s3 = client("s3", endpoint)
    s3.create_bucket(Bucket="check", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    keys = ["a", "a-b", "a/b", "a/c d", "a/year=2026/x+y", "a//two", "b/", "b/.", "é/日", "z\x01", "a/b/c"]
    for key in keys:
        s3.put_object(Bucket="check", Key=key, Body=key.encode() * 10)
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket="check", PaginationConfig={"PageSize": 2}))
    listed = [o["Key"] for p in pages for o in p.get("Contents", [])]
    assert listed == sorted(keys, key=str.encode), listed
    assert len(pages) >= 6, len(pages)
    for key in keys:
        assert s3.get_object(Bucket="check", Key=key)["Body"].read() == key.encode() * 10, key
    for prefix, folders, objects in (("", ["a/", "b/", "é/"], ["a", "a-b", "z\x01"]),
                                     ("a/", ["a//", "a/b/", "a/year=2026/"], ["a/b", "a/c d"])):
        pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket="check", Prefix=prefix, Delimiter="/",
                                                                  PaginationConfig={"PageSize": 2}))
        assert [f["Prefix"] for p in pages for f in p.get("CommonPrefixes", [])] == folders, pages
        assert [o["Key"] for p in pages for o in p.get("Contents", [])] == objects, pages
    behind = s3.list_objects_v2(Bucket="check", StartAfter="a/b")
    assert [o["Key"] for o in behind["Contents"]] == sorted([k for k in keys if k.encode() > b"a/b"], key=str.encode), behind
    head = s3.head_object(Bucket="check", Key="a")
    part = s3.get_object(Bucket="check", Key="a", Range="bytes=4-", IfMatch=head["ETag"])
    assert part["ContentRange"] == "bytes 4-9/10" and part["Body"].read() == b"aaaaaa"
    for arguments, code in (({"IfMatch": '"0"'}, "PreconditionFailed"), ({"Range": "bytes=10-"}, "InvalidRange")):
        try:
            s3.get_object(Bucket="check", Key="a", **arguments)
            raise AssertionError(code)
        except botocore.exceptions.ClientError as e:
            assert e.response["Error"]["Code"] == code, e
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "check", "Key": "a/x+y"})
    assert "X-Amz-Signature" in url or "Signature" in url
    s3.delete_object(Bucket="check", Key="a/b/c")
    assert "a/b/c" not in [o["Key"] for o in s3.list_objects_v2(Bucket="check")["Contents"]]


def check_sqs(endpoint):
    sqs = client("sqs", endpoint)
    url = sqs.create_queue(QueueName="work")["QueueUrl"]
    for number in range(12):
        sqs.send_message(QueueUrl=url, MessageBody=f"message {number}")
    first = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=60,
                                MessageSystemAttributeNames=["ApproximateReceiveCount"])["Messages"]
    assert len(first) == 10 and first[0]["Attributes"] == {"ApproximateReceiveCount": "1"}, first
    entries = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(first)]
    gone = sqs.delete_message_batch(QueueUrl=url, Entries=[*entries[:5], {"Id": "x", "ReceiptHandle": "wrong"}][:6])
    assert len(gone["Successful"]) == 5 and gone["Failed"][0]["Id"] == "x", gone
    sqs.change_message_visibility_batch(QueueUrl=url, Entries=[{**e, "VisibilityTimeout": 0} for e in entries[5:]])
    again = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])["Messages"]
    assert sorted(m["Attributes"]["ApproximateReceiveCount"] for m in again) == ["1", "1", "2", "2", "2", "2", "2"], again
    began = time.monotonic()
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)
    assert time.monotonic() - began >= 0.9
    try:
        sqs.receive_message(QueueUrl=url.replace("work", "none"))
        raise AssertionError("a queue that is not there")
    except sqs.exceptions.QueueDoesNotExist:
        pass


def check_others(endpoint):
    sts = client("sts", endpoint)
    assert sts.get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:user/example"
    role = sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/reader", RoleSessionName="session")["Credentials"]
    assert role["Expiration"] > datetime.datetime.now(datetime.timezone.utc)
    session = botocore.session.get_session()
    session.set_credentials(role["AccessKeyId"], role["SecretAccessKey"], role["SessionToken"])
    assumed = session.create_client("sts", endpoint_url=endpoint)
    assert assumed.get_caller_identity()["Arn"].endswith(":assumed-role/reader/session")
    web = sts.assume_role_with_web_identity(RoleArn="arn:aws:iam::123456789012:role/web", RoleSessionName="web",
                                            WebIdentityToken="token")
    assert web["Credentials"]["AccessKeyId"].startswith("ASIA")
    ses = client("sesv2", endpoint)
    ses.put_configuration_set_sending_options(ConfigurationSetName="my set", SendingEnabled=False)
    assert ses.get_configuration_set(ConfigurationSetName="my set")["SendingOptions"] == {"SendingEnabled": False}
    ses.put_account_sending_attributes(SendingEnabled=False)
    assert ses.get_account()["SendingEnabled"] is False
    ses.put_suppressed_destination(EmailAddress="a@example.com", Reason="BOUNCE")
    sns = client("sns", endpoint)
    assert "SubscriptionArn" in sns.confirm_subscription(TopicArn="arn:aws:sns:eu-west-1:123456789012:t", Token="x")


def tell(endpoint, what, value):
    data = json.dumps(value).encode()
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/_double/{what}", data), timeout=30).read()


def code_of(call, *arguments, **named):
    """AWS's error code, or what a broken connection is called."""
    try:
        call(*arguments, **named)["Body"].read()
        return "ok"
    except botocore.exceptions.ClientError as e:
        return e.response["Error"]["Code"]
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.HTTPClientError) as e:
        return type(e).__name__


FAULTS = (
    ({"status": 503}, "SlowDown"),
    ({"status": 429, "code": "Throttling"}, "Throttling"),
    ({"status": 403, "code": "AccessDenied"}, "AccessDenied"),
    ({"expired": True}, "ExpiredToken"),
    ({"close": True}, "ConnectionClosedError"),
    ({"reset": True}, "ConnectionClosedError"),
    ({"truncate": 5}, "ResponseStreamingError"),
    ({"reset": True, "after": 5}, "ResponseStreamingError"),
    ({"length": 10}, "ResponseStreamingError"),
    ({"stall": 0.3, "after": 5}, "ok"),
    ({"rate": 500}, "ok"),
    ({"garbage": 100}, "ok"),
    ({"swap": 5}, "ResponseStreamingError"),
)


def check_faults(endpoint):
    s3 = client("s3", endpoint, connect_timeout=10, read_timeout=10)
    s3.create_bucket(Bucket="faults")
    s3.put_object(Bucket="faults", Key="k", Body=b"0123456789" * 10)
    for action, wanted in FAULTS:
        etag = s3.head_object(Bucket="faults", Key="k")["ETag"]
        tell(endpoint, "faults", [{"match": {"op": "GetObject", "path": "/k$"}, "times": 1, "action": action}])
        seen = code_of(s3.get_object, Bucket="faults", Key="k")
        assert seen in (wanted, "IncompleteReadError" if wanted == "ResponseStreamingError" else wanted), (action, seen)
        assert code_of(s3.get_object, Bucket="faults", Key="k") == "ok", action
        after = code_of(s3.get_object, Bucket="faults", Key="k", IfMatch=etag)
        assert after == ("PreconditionFailed" if "swap" in action else "ok"), (action, after)
    tell(endpoint, "faults", [{"match": {"op": "GetObject"}, "p": 0.5, "seed": 3, "action": {"status": 503}}])
    seen = [code_of(s3.get_object, Bucket="faults", Key="k") for _ in range(40)]
    assert 8 < seen.count("SlowDown") < 32 and len(set(seen)) == 2, seen
    tell(endpoint, "faults", [])
    for config, wanted in (({"clock_offset": 3600}, "RequestTimeTooSkewed"), ({"clock_offset": 3600, "any_clock": True}, "ok"),
                           ({"clock_offset": 0, "any_clock": False, "denied": ["s3:GetObject"]}, "AccessDenied"),
                           ({"denied": [], "requester_pays": ["faults"]}, "AccessDenied"),
                           # botocore learns the region and tries again
                           ({"requester_pays": [], "regions": {"faults": "us-west-2"}}, "ok"),
                           ({"regions": {}, "storage": {"faults/k": "GLACIER"}}, "InvalidObjectState"), ({"storage": {}}, "ok")):
        tell(endpoint, "config", config)
        assert code_of(s3.get_object, Bucket="faults", Key="k") == wanted, config
    tell(endpoint, "config", {"empty_pages": True, "page": 3})
    for number in range(8):
        s3.put_object(Bucket="faults", Key=f"many/{number}", Body=b"")
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket="faults", Prefix="many/"))
    assert [len(p.get("Contents", [])) for p in pages] == [0, 3, 0, 3, 0, 2], pages
    tell(endpoint, "config", {"empty_pages": False, "page": 1000})


def main():
    if sys.argv[1] == "signatures":
        sys.exit(0 if check_signatures(int(sys.argv[2]) if len(sys.argv) > 2 else 1) else 1)
    for check in (check_faults,) if sys.argv[1] == "faults" else (check_s3, check_sqs, check_others):
        check(sys.argv[2])


if __name__ == "__main__":
    main()
