"""Compares the signer with botocore's, request by request, and the table of endpoints with botocore's rules.

    sigv4_oracle.py signatures COUNT SEED AWS_SIGN
    sigv4_oracle.py vectors AWS_SIGN
    sigv4_oracle.py endpoints AWS_SIGN

AWS_SIGN is the program tests/integration/aws_sign.c. What goes in is chosen here and not encoded; what has to come out
is made by botocore alone. Prints what differs; ends with 1 if anything does.
"""

import datetime
import json
import random
import subprocess
import sys
from urllib.parse import quote

import botocore.auth
import botocore.loaders
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.endpoint_provider import EndpointProvider

SAFE = "-_.~"


class Signer:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, question):
        self.process.stdin.write(json.dumps(question, ensure_ascii=False).encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        return self.process.wait(timeout=30)


def expected(request):
    """What botocore makes of it: the authorization, the date and the rest of the headers."""
    url = request["url"] + quote(request["path"], safe="/" + SAFE)
    if request["parameters"]:
        url += "?" + "&".join(f"{quote(n, safe=SAFE)}={quote(v, safe=SAFE)}" for n, v in request["parameters"])
    aws = AWSRequest(method=request["method"], url=url, data=request["body"].encode())
    for name, value in request["headers"]:
        aws.headers[name] = value
    when = datetime.datetime.fromtimestamp(request["now_ms"] // 1000, datetime.timezone.utc)
    botocore.auth.get_current_datetime = lambda *_, **__: when
    credentials = Credentials(request["key"], request["secret"], request["token"])
    kind = S3SigV4Auth if request["service"] == "s3" else SigV4Auth
    kind(credentials, request["service"], request["region"]).add_auth(aws)
    return aws, url


def compare(signer, request):
    """None, or what differs."""
    aws, url = expected(request)
    ours = signer.ask({"do": "sign", **request})
    if ours.get("authorization") != aws.headers["Authorization"]:
        return f"authorization\n  {ours.get('authorization')}\n  {aws.headers['Authorization']}"
    target = url[len(request["url"]):]
    path, _, query = target.partition("?")
    our_path, _, our_query = ours["target"].partition("?")
    if our_path != path or sorted(our_query.split("&")) != sorted(query.split("&")):
        return f"target\n  {ours['target']}\n  {target}"
    own = {n.lower(): v for n, v in ours["headers"]}
    for name in ("X-Amz-Date", "X-Amz-Content-SHA256", "X-Amz-Security-Token"):
        if own.get(name.lower()) != aws.headers.get(name):
            return f"{name}: {own.get(name.lower())} and {aws.headers.get(name)}"
    for name, value in request["headers"]:
        if [name, value] not in ours["headers"]:
            return f"header {name} is not sent"
    return None


# --- random requests ---------------------------------------------------------------------------------------------------

PIECES = ["year=2024", "month=07", "a b", "a+b", "%2B", "%", "%zz", "..", ".", "", "~tilde", "ü", "日本", "😀", "x*y", "q?r",
          "h#i", "a&b=c", "semi;colon", "com,ma", "(par)", "'quote'", '"double"', "back\\slash", "[1]", "{2}", "|", "^",
          "`", "@", ":", "$", "!", "<tag>", "data-1-2024-07-13-14-05-33-8c1f.gz", "\t", "\x01", "\x7f", "UPPER", "_",
          "a" * 200]
TOKENS = ["1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=", "+/+/==", "a b+c/d~e_f-g.h*(')", "", "0", "ä=ö&ü", "%41",
          "2024/07/13/14/", "year=2024/month=07/"]
NAMES = ["list-type", "prefix", "start-after", "continuation-token", "max-keys", "delimiter", "encoding-type", "uploads",
         "acl", "X", "x", "Ü", "a b", "a+b", "marker", "A-b.c_d~e", "Param1", "param1", "Param", "partNumber"]
HEADERS = ["Range", "if-match", "X-Amz-Request-Payer", "x-amz-expected-bucket-owner", "content-type", "X-Amz-Target",
           "x-amz-meta-a", "x-amz-meta-a-b", "x-amz-meta-ab", "x-amz-meta", "X-AMZ-Meta-A_B", "accept", "My-Header1",
           "my-header1", "if-none-match", "x-amz-acl"]
VALUES = ["bytes=5-", '"0123456789abcdef"', "requester", "  both ends  ", "in   the    middle", "\ttab\t in \t it",
          "", "a,b , c", "application/x-amz-json-1.0", "AmazonSQS.ReceiveMessage", '"a   b   c"', "x" * 500, "=:;/?"]
HOSTS = ["https://bucket.s3.eu-west-1.amazonaws.com", "https://example.com:8443", "http://127.0.0.1:9000",
         "http://localhost:80", "https://host.example:443", "http://[::1]:4566", "https://UPPER.example"]


def random_request(dice):
    service = dice.choice(["s3", "s3", "s3", "sqs", "sts", "ses", "sns", "service", "execute-api"])
    host = dice.choice(HOSTS)
    path = "/" + "/".join(dice.choice(PIECES) for _ in range(dice.randint(0, 6)))
    if dice.random() < 0.3:
        path += "/"
    if dice.random() < 0.1:
        path = "/" + path
    names = [dice.choice(NAMES) for _ in range(dice.randint(0, 9))]
    return {
        "method": dice.choice(["GET", "PUT", "POST", "DELETE", "HEAD"]),
        "service": service,
        "region": dice.choice(["us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1", "ap-southeast-7"]),
        "url": host.lower() if "UPPER" in host else host,
        "path": path,
        "parameters": [[n, dice.choice(TOKENS + PIECES)] for n in names],
        "headers": [[n, dice.choice(VALUES)] for n in dice.sample(HEADERS, dice.randint(0, 8))],
        "body": dice.choice(["", "", "{}", "Action=AssumeRole&Version=2011-06-15", "ü" * 100, "x" * 70000]),
        "now_ms": dice.choice([0, 951782399000, 1709251199999, dice.randrange(0, 4102444800000)]),
        "key": dice.choice(["AKIDEXAMPLE", "ASIAEXAMPLEEXAMPLE00"]),
        "secret": dice.choice(["wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "s" * 300, "/+/="]),
        "token": dice.choice([None, None, "AQoDYXdzEPT//////////wEXAMPLEtc764assume+role/DQ==", "t" * 2000]),
    }


def signatures(count, seed, program):
    dice, signer, wrong = random.Random(seed), Signer(program), 0
    for number in range(count):
        request = random_request(dice)
        difference = compare(signer, request)
        if difference and (wrong := wrong + 1) <= 5:
            print(f"request {number}: {json.dumps(request, ensure_ascii=False)[:600]}\n{difference}")
    print(f"{count} requests, {wrong} signatures differ (botocore {botocore.__version__})")
    return wrong == 0 and signer.close() == 0


# --- the table of endpoints --------------------------------------------------------------------------------------------

SERVICES = [("s3", None, "s3"), ("sqs", None, "sqs"), ("sts", None, "sts"), ("sns", None, "sns"), ("ses", "email", "sesv2")]
BUCKETS = ["logs", "my-bucket-1", "with.dots", "UPPER-case", "under_score", "a" * 64, "ab"]


def endpoints(program):
    loader, signer, wrong, count = botocore.loaders.Loader(), Signer(program), 0, 0
    partitions = loader.load_data("partitions")
    regions = [r for p in partitions["partitions"] for r in p["regions"] if "global" not in r]
    regions += ["eu-nowhere-9", "us-gov-middle-3"]
    for service, prefix, model in SERVICES:
        provider = EndpointProvider(loader.load_service_model(model, "endpoint-rule-set-1"), partitions)
        for region in regions:
            for flags in range(8):
                question = {"service": service, "region": region, "fips": bool(flags & 1), "dual_stack": bool(flags & 2),
                            "path_style": bool(flags & 4)}
                if prefix:
                    question["prefix"] = prefix
                for bucket in BUCKETS if service == "s3" else [None]:
                    rules = {"Region": region, "UseFIPS": question["fips"], "UseDualStack": question["dual_stack"]}
                    if bucket:
                        question["bucket"] = bucket
                        rules.update(Bucket=bucket, ForcePathStyle=question["path_style"], UseGlobalEndpoint=False,
                                     Accelerate=False)
                    try:
                        right = provider.resolve_endpoint(**rules).url
                    except Exception:  # noqa: BLE001 - the rules refuse some combinations, in words of their own
                        continue
                    ours = signer.ask({"do": "endpoint", **question}).get("url")
                    count += 1
                    if ours != right and (wrong := wrong + 1) <= 10:
                        print(f"{question}: {ours}, not {right}")
    print(f"{count} endpoints, {wrong} differ")
    return count > 1000 and wrong == 0 and signer.close() == 0


# --- published examples ------------------------------------------------------------------------------------------------

def vectors(program):
    """The examples of AWS's documentation that tests/unit/sigv4_test.c has: that botocore says the same."""
    signer, wrong = Signer(program), 0
    suite = {"method": "GET", "service": "service", "region": "us-east-1", "url": "https://example.amazonaws.com",
             "path": "/", "parameters": [], "headers": [], "body": "", "now_ms": 1440938160000, "key": "AKIDEXAMPLE",
             "secret": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "token": None}
    cases = [
        ({}, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ({"parameters": [["Param2", "value2"], ["Param1", "value1"]]},
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        ({"method": "POST"}, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ]
    for change, signature in cases:
        request = {**suite, **change}
        difference = compare(signer, request)
        theirs = expected(request)[0].headers["Authorization"].rpartition("=")[2]
        if difference or theirs != signature:
            wrong += 1
            print(f"{change}: {difference or theirs}")
    return wrong == 0 and signer.close() == 0


def main():
    what = sys.argv[1]
    if what == "signatures":
        ok = signatures(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    else:
        ok = {"endpoints": endpoints, "vectors": vectors}[what](sys.argv[2])
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
