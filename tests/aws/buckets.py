"""S3 as the double serves it: objects are the files of a folder (FOLDER/BUCKET/KEY), looked at anew for every request, so
that a test can also make and move them by hand. Keys that no file can have are kept in memory.
"""
import base64
import hashlib
import heapq
import os
import re
import threading
import time
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

from signature import Refused, decode, query_pairs
from web import Answer

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
TOKEN_MARK = b"\xfb\xef\xbe\xff\xff"  # in base64: "++++//8...": what clients get wrong
LARGE = 8 << 20
OWNER = "123456789012"


def rfc1123(at):
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(at))


def iso8601(at):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at * 1000) % 1000:03d}Z"


def element(name, text):
    return f"<{name}>{escape(str(text), {chr(13): '&#13;'})}</{name}>"


def s3_error(status, code, message, more=None, headers=None):
    parts = "".join(element(n, v) for n, v in {"Code": code, "Message": message, **(more or {})}.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{parts}<RequestId>DOUBLE</RequestId></Error>'.encode()
    return Answer(status, body, {"Content-Type": "application/xml", **(headers or {})})


class Object:
    def __init__(self, key, path=None, data=None, modified=None, salt=""):
        self.key, self.path, self.data, self.modified, self.salt = key, path, data, modified, salt
        if path is not None:
            stat = os.stat(path)
            self.size, self.modified = stat.st_size, stat.st_mtime
            self.version = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        else:
            self.size = len(data)


class Store:
    def __init__(self, folder, config):
        self.folder, self.config = os.fsencode(folder), config
        self.lock = threading.Lock()
        self.memory = {}  # (bucket, key) -> Object
        self.etags = {}  # path -> (version, salt, etag)
        self.salts = {}  # (bucket, key) -> str: what makes an ETag another one
        self.hidden = {}  # (bucket, key) -> when it appears

    def has(self, bucket):
        return os.path.isdir(os.path.join(self.folder, bucket.encode())) and "/" not in bucket and bucket not in ("", ".", "..")

    def buckets(self):
        return sorted(e.name.decode() for e in os.scandir(self.folder) if e.is_dir())

    def path_of(self, bucket, key):
        """None for keys that cannot be files."""
        parts = key.split(b"/")
        if any(p in (b"", b".", b"..") or len(p) > 255 or b"\0" in p for p in parts) or len(key) > 3000:
            return None
        return os.path.join(self.folder, bucket.encode(), key)

    def visible(self, bucket, key):
        return self.hidden.get((bucket, key), 0) <= time.time()

    def find(self, bucket, key):
        if not self.visible(bucket, key):
            return None
        if (bucket, key) in self.memory:
            return self.memory[bucket, key]
        path = self.path_of(bucket, key)
        if path is None or not os.path.isfile(path):
            return None
        try:
            return Object(key, path, salt=self.salts.get((bucket, key), ""))
        except FileNotFoundError:
            return None

    def put(self, bucket, key, data):
        path = self.path_of(bucket, key)
        try:
            if path is None:
                raise OSError
            os.makedirs(os.path.dirname(path), exist_ok=True)
            new = os.path.join(self.folder, b".new-%d" % threading.get_ident())
            with open(new, "wb") as out:
                out.write(data)
            os.rename(new, path)
            return Object(key, path)
        except OSError:  # "a" and "a/b" are both keys
            self.memory[bucket, key] = Object(key, data=data, modified=time.time())
            return self.memory[bucket, key]

    def delete(self, bucket, key):
        if self.memory.pop((bucket, key), None) is None:
            path = self.path_of(bucket, key)
            if path is not None and os.path.isfile(path):
                os.unlink(path)

    def etag(self, o):
        """MD5; that of large objects looks as after an upload in parts, and is not one of the content."""
        if self.config["like_nginx"] and o.path is not None:
            return f"{int(o.modified):x}-{o.size:x}"
        if o.path is None:
            return hashlib.md5(o.data + o.salt.encode()).hexdigest()
        known = self.etags.get(o.path)
        if known and known[0] == o.version and known[1] == o.salt:
            return known[2]
        if o.size >= LARGE:
            etag = hashlib.md5(repr((o.version, o.salt)).encode()).hexdigest() + f"-{o.size // LARGE + 1}"
        else:
            with open(o.path, "rb") as file:
                etag = hashlib.md5(file.read() + o.salt.encode()).hexdigest()
        self.etags[o.path] = (o.version, o.salt, etag)
        return etag

    def swap(self, bucket, key):
        with self.lock:
            self.salts[bucket, key] = self.salts.get((bucket, key), "") + "x"

    def walk(self, bucket, prefix, after):
        """Keys in the order of their bytes that begin with `prefix` and come behind `after`. Lazily: a page reads only
        the folders it shows."""
        root = os.path.join(self.folder, bucket.encode())
        in_memory = sorted(k for b, k in list(self.memory) if b == bucket and k.startswith(prefix) and k > after)
        for key in heapq.merge(self.walk_files(root, b"", prefix, after), in_memory):
            if self.visible(bucket, key):
                yield key

    def walk_files(self, folder, above, prefix, after):
        entries = []
        try:
            with os.scandir(folder) as found:
                entries = [(above + e.name + (b"/" if e.is_dir() else b""), e.path) for e in found]
        except FileNotFoundError:
            return
        for name, path in sorted(entries):
            if name.endswith(b"/"):
                overlaps = name.startswith(prefix) or prefix.startswith(name)
                if overlaps and (name > after or after.startswith(name)):
                    yield from self.walk_files(path, name, prefix, after)
            elif name.startswith(prefix) and name > after:
                yield name


class Listing:
    """One page of ListObjectsV2."""

    def __init__(self, store, bucket, query, config):
        self.store, self.bucket, self.query = store, bucket, query
        self.prefix, self.delimiter = query.get("prefix", b""), query.get("delimiter", b"")
        self.page = min(int(query.get("max-keys", b"1000") or 1000), config["page"])
        self.config = config
        self.empty = False
        self.after = query.get("start-after", b"")
        if "continuation-token" in query:
            self.after = self.position(query["continuation-token"])
        elif config["empty_pages"]:
            self.empty = True
        self.objects, self.folders, self.last, self.truncated = [], [], self.after, False

    def position(self, token):
        try:
            told = base64.b64decode(token, validate=True)
        except ValueError:
            told = b""
        if not told.startswith(TOKEN_MARK):
            raise Refused(400, "InvalidArgument", "The continuation token provided is incorrect")
        told = told[len(TOKEN_MARK):]
        # A page without anything in it, of which more follow, is one that S3 may give at any time.
        self.empty = self.config["empty_pages"] and told[:1] == b"F"
        return told[1:]

    def token(self):
        state = b"E" if self.empty else b"F"
        return base64.b64encode(TOKEN_MARK + state + self.last).decode()

    def fill(self):
        if self.empty:
            self.truncated = True
            return
        after = self.after
        while after is not None:
            after = self.fill_from(after)

    def fill_from(self, after):
        """Where to go on behind a folder, None at the end."""
        for key in self.store.walk(self.bucket, self.prefix, after):
            if len(self.objects) + len(self.folders) >= self.page:
                self.truncated = True
                return None
            folder = self.folder_of(key)
            if folder is not None:
                self.folders.append(folder)
                self.last = folder + b"\xff"  # behind all that is in it: no key has this byte
                return self.last
            o = self.store.find(self.bucket, key)
            if o is not None:
                self.objects.append(o)
                self.last = key
        return None

    def folder_of(self, key):
        if not self.delimiter:
            return None
        at = key.find(self.delimiter, len(self.prefix))
        return None if at < 0 else key[:at + len(self.delimiter)]

    def name(self, text):
        if self.encoded():
            return quote_plus(text, safe="/*")
        return text.decode("utf-8", "replace")

    def encoded(self):
        return self.query.get("encoding-type") == b"url" and not self.config["ignore_encoding"]

    def text(self):
        self.fill()
        parts = [element("Name", self.bucket), element("Prefix", self.name(self.prefix)),
                 element("KeyCount", len(self.objects) + len(self.folders)), element("MaxKeys", self.page),
                 element("IsTruncated", "true" if self.truncated else "false")]
        if self.delimiter:
            parts.append(element("Delimiter", self.name(self.delimiter)))
        if self.encoded():
            parts.append(element("EncodingType", "url"))
        if "start-after" in self.query:
            parts.append(element("StartAfter", self.name(self.query["start-after"])))
        if "continuation-token" in self.query:
            parts.append(element("ContinuationToken", self.query["continuation-token"].decode("latin-1")))
        if self.truncated:
            parts.append(element("NextContinuationToken", self.token()))
        for o in self.objects:
            storage = storage_of(self.config, self.bucket, o.key)
            parts.append("<Contents>" + element("Key", self.name(o.key)) + element("LastModified", iso8601(o.modified))
                         + element("ETag", f'"{self.store.etag(o)}"') + element("Size", o.size)
                         + element("StorageClass", storage) + "</Contents>")
        parts += ["<CommonPrefixes>" + element("Prefix", self.name(f)) + "</CommonPrefixes>" for f in self.folders]
        return (f'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="{NAMESPACE}">'
                + "".join(parts) + "</ListBucketResult>").encode()


def storage_of(config, bucket, key):
    return config["storage"].get(f"{bucket}/{key.decode('utf-8', 'replace')}", "STANDARD")


class Buckets:
    """`config` is the double's; it changes under way."""

    def __init__(self, folder, config):
        self.store, self.config = Store(folder, config), config

    def place(self, request):
        """The bucket and the key of a request; "" where there is none."""
        host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
        path = decode(request.path)
        found = re.match(r"(?:(.+)\.)?s3(?:-fips)?(?:\.dualstack)?(?:\.([a-z0-9-]+))?\.amazonaws\.(?:com(?:\.cn)?|eu)$", host)
        bucket = found.group(1) if found else next(
            (host[:-len(d) - 1] for d in self.config["domains"] if host.endswith("." + d)), None)
        if bucket is not None:
            return bucket, path[1:]
        name, _, key = path[1:].partition(b"/")
        return name.decode("utf-8", "replace"), key

    def op(self, request):
        bucket, key = self.place(request)
        query = dict(query_pairs(request.query))
        if not bucket:
            return "ListBuckets"
        if not key:
            names = {"GET": "ListObjectsV2" if b"list-type" in query else "ListObjects", "HEAD": "HeadBucket",
                     "PUT": "CreateBucket", "DELETE": "DeleteBucket"}
            return "GetBucketLocation" if b"location" in query else names.get(request.method, "?")
        return {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}.get(request.method, "?")

    def check(self, request, caller, bucket, op):
        config = self.config
        if caller.who is None and bucket not in config["public"]:
            raise Refused(403, "AccessDenied", "Access Denied")
        region = config["regions"].get(bucket)
        if region and caller.region and caller.region != region:
            self.elsewhere(request, bucket, region, caller.region)
        if not self.store.has(bucket) and op != "CreateBucket":
            raise Refused(404, "NoSuchBucket", "The specified bucket does not exist", more={"BucketName": bucket})
        owner = request.header("x-amz-expected-bucket-owner")
        action = {"ListObjectsV2": "ListBucket", "ListObjects": "ListBucket", "HeadObject": "GetObject"}.get(op, op)
        if (owner not in (None, OWNER) or "s3:" + action in config["denied"]
                or bucket in config["requester_pays"] and request.header("x-amz-request-payer") != "requester"):
            raise Refused(403, "AccessDenied", "Access Denied")

    def elsewhere(self, request, bucket, region, signed):
        headers = {"x-amz-bucket-region": region}
        if request.host.startswith(bucket + "."):
            raise Refused(400, "AuthorizationHeaderMalformed",
                          f"The authorization header is malformed; the region '{signed}' is wrong; expecting '{region}'",
                          more={"Region": region}, headers=headers)
        raise Refused(301, "PermanentRedirect",
                      "The bucket you are attempting to access must be addressed using the specified endpoint.",
                      more={"Bucket": bucket, "Endpoint": f"{bucket}.s3.{region}.amazonaws.com"},
                      headers={**headers, "Location": f"http://{bucket}.s3.{region}.amazonaws.com/"})

    def answer(self, request, caller):
        op = self.op(request)
        bucket, key = self.place(request)
        if op == "ListBuckets":
            if caller.who is None:
                raise Refused(403, "AccessDenied", "Access Denied")
            names = "".join(f"<Bucket>{element('Name', b)}</Bucket>" for b in self.store.buckets())
            return Answer(200, f'<ListAllMyBucketsResult xmlns="{NAMESPACE}"><Buckets>{names}</Buckets>'
                               "</ListAllMyBucketsResult>".encode(), {"Content-Type": "application/xml"})
        self.check(request, caller, bucket, op)
        query = {n.decode("latin-1"): v for n, v in query_pairs(request.query)}
        if op == "CreateBucket":
            os.makedirs(os.path.join(self.store.folder, bucket.encode()), exist_ok=True)
            return Answer(200)
        if op == "HeadBucket":
            return Answer(200, headers={"x-amz-bucket-region": self.config["regions"].get(bucket, "us-east-1")})
        if op == "GetBucketLocation":
            where = self.config["regions"].get(bucket, "")
            return Answer(200, f'<LocationConstraint xmlns="{NAMESPACE}">{where}</LocationConstraint>'.encode())
        if op == "ListObjectsV2":
            return Answer(200, Listing(self.store, bucket, query, self.config).text(), {"Content-Type": "application/xml"})
        if op in ("GetObject", "HeadObject"):
            return self.get(request, bucket, key)
        if op == "PutObject":
            made = self.store.put(bucket, key, request.body)
            return Answer(200, headers={"ETag": f'"{self.store.etag(made)}"'})
        if op == "DeleteObject":
            self.store.delete(bucket, key)
            return Answer(204)
        raise Refused(501, "NotImplemented", "The double does not have this.")

    def get(self, request, bucket, key):
        o = self.store.find(bucket, key)
        if o is None:
            raise Refused(404, "NoSuchKey", "The specified key does not exist.", more={"Key": key.decode("utf-8", "replace")})
        if storage_of(self.config, bucket, key) in ("GLACIER", "DEEP_ARCHIVE"):
            raise Refused(403, "InvalidObjectState", "The operation is not valid for the object's storage class")
        etag = f'"{self.store.etag(o)}"'
        wanted = request.header("if-match")
        if wanted is not None and wanted not in (etag, etag.strip('"'), "*"):
            raise Refused(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold",
                          more={"Condition": "If-Match"})
        status, start, end = byte_range(request.header("range"), o.size)
        headers = {"ETag": etag, "Last-Modified": rfc1123(o.modified), "Accept-Ranges": "bytes",
                   "Content-Type": "application/octet-stream"}
        if key.endswith(b".gz"):
            headers["Content-Encoding"] = "gzip"  # as Firehose stores it: libcurl must leave the body alone
        if status == 206:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{o.size}"
        if o.path is None:
            return Answer(status, o.data[start:end], headers)
        return Answer(status, headers=headers, file=open(o.path, "rb"), offset=start, length=end - start)


def byte_range(text, size):
    """The status, where it begins and where it ends."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", text or "")
    if not found or found.groups() == ("", ""):
        return 200, 0, size
    first, last = found.groups()
    if first == "":
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
    if start >= size or start >= end:
        raise Refused(416, "InvalidRange", "The requested range is not satisfiable", more={"ActualObjectSize": size})
    return 206, start, end
