#!/usr/bin/env python3
"""Plays Firehose and SNS for the tests of pushes, and those who would like to be taken for them. Standard library only.

  sns_sender.py firehose URL KEY FILE [--batch N] [--threads N] [--ca FILE] [--first-only]
      sends the lines of FILE as records, every other request gzipped, each again under its id until it is answered 200;
      checks every answer by the letter of the protocol
  sns_sender.py sns URL KEYFILE TOPIC CERTIFICATE-URL FILE
      sends each line as a signed notification, versions 1 and 2 in turn, again while the answer is 5xx
  sns_sender.py subscribe URL KEYFILE TOPIC CERTIFICATE-URL SUBSCRIBE-URL
      asks for a subscription to be confirmed; prints the status
  sns_sender.py attacks FIREHOSE-URL KEY SNS-URL KEYFILE FOREIGN-KEYFILE TOPIC CERTIFICATE-URL
      everything that must be refused; prints "ok ..." or "not ok ..." lines
  sns_sender.py slow URL KEY
      a body of one byte a second; prints how long it was put up with
  sns_sender.py endpoint PORT-FILE PEM-FILE
      stands for SNS itself: gives the certificate, takes ConfirmSubscription; says on standard output what was asked
"""
import argparse
import base64
import datetime
import gzip
import hashlib
import http.client
import http.server
import json
import os
import random
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid

PATIENCE = 120  # seconds for one record to get through
TOKEN = "2336412f37fb687f5d51e6e2425e90ca"


# --- HTTP -----------------------------------------------------------------------------------------------------------------


class Peer:
    """One connection, made anew when it breaks."""

    def __init__(self, url, ca=None):
        self.url = urllib.parse.urlsplit(url)
        self.context = ssl.create_default_context(cafile=ca) if self.url.scheme == "https" else None
        self.connection = None

    def open(self):
        where = (self.url.hostname, self.url.port)
        if self.context:
            return http.client.HTTPSConnection(*where, timeout=60, context=self.context)
        return http.client.HTTPConnection(*where, timeout=60)

    def post(self, body, headers):
        """Status, headers, body; (0, {}, b"") when there was no answer."""
        try:
            self.connection = self.connection or self.open()
            self.connection.request("POST", self.url.path, body, headers)
            answer = self.connection.getresponse()
            text = answer.read()
            if answer.getheader("Connection") == "close":
                self.close()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, text
        except (OSError, http.client.HTTPException):
            self.close()
            return 0, {}, b""

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


# --- Firehose -------------------------------------------------------------------------------------------------------------


def firehose_headers(key, request_id):
    return {
        "X-Amz-Firehose-Protocol-Version": "1.0",
        "X-Amz-Firehose-Request-Id": request_id,
        "X-Amz-Firehose-Source-Arn": "arn:aws:firehose:eu-west-1:123456789012:deliverystream/ses",
        "X-Amz-Firehose-Access-Key": key,
        "X-Amz-Firehose-Common-Attributes": json.dumps({"commonAttributes": {"stage": "test"}}),
        "Content-Type": "application/json",
    }


def firehose_body(records, request_id):
    return json.dumps({
        "requestId": request_id,
        "timestamp": int(time.time() * 1000),
        "records": [{"data": base64.b64encode(r).decode()} for r in records],
    }).encode()


def what_is_wrong(status, headers, body, request_id):
    """With an answer, by the protocol; None: nothing."""
    if headers.get("content-type") != "application/json":
        return f"Content-Type: {headers.get('content-type')}"
    if "content-encoding" in headers or headers.get("content-length") != str(len(body)) or len(body) >= 1 << 20:
        return f"headers: {headers}"
    said = json.loads(body)
    if said.get("requestId") != request_id or not isinstance(said.get("timestamp"), int):
        return f"body: {body!r}"
    if ("errorMessage" in said) == (status == 200):
        return f"errorMessage with {status}"
    return None


def deliver(peer, key, records, packed):
    """As Firehose does: until 200. The number of attempts."""
    request_id = str(uuid.uuid4())
    body, headers = firehose_body(records, request_id), firehose_headers(key, request_id)
    if packed:
        body = gzip.compress(body, 1)
        headers["Content-Encoding"] = "gzip"
    until, pause, attempts = time.monotonic() + PATIENCE, 0.05, 0
    while time.monotonic() < until:
        status, answered, text = peer.post(body, headers)
        attempts += 1
        if status:
            wrong = what_is_wrong(status, answered, text, request_id)
            if wrong:
                sys.exit(f"an answer that Firehose would not take: {wrong}")
        if status == 200:
            return attempts
        if status == 413:
            sys.exit("413: Firehose would drop the batch")
        time.sleep(pause * random.uniform(0.85, 1.15))
        pause = min(pause * 2, 1)
    sys.exit("a batch was not taken in time")


def send_firehose(options):
    with open(options.file, "rb") as f:
        lines = f.read().splitlines()
    batches = [lines[i:i + options.batch] for i in range(0, len(lines), options.batch)]
    if options.first_only:
        batches = batches[:1]
    lock, attempts, failed = threading.Lock(), [0], []

    def work():
        peer = Peer(options.url, options.ca)
        while True:
            with lock:
                if not batches or failed:
                    return
                batch, number = batches.pop(0), len(batches)
            try:
                n = deliver(peer, options.key, batch, number % 2 == 0)
            except SystemExit as e:
                failed.append(str(e))
                return
            with lock:
                attempts[0] += n

    threads = [threading.Thread(target=work) for _ in range(options.threads)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failed:
        sys.exit(failed[0])
    print(f"records {len(lines)} attempts {attempts[0]}")


# --- SNS ------------------------------------------------------------------------------------------------------------------


class Key:
    """RSA by hand, so that it is not the same library that signs and that verifies."""

    PREFIX = {"1": bytes.fromhex("3021300906052b0e03021a05000414"), "2": bytes.fromhex("3031300d060960864801650304020105000420")}

    def __init__(self, path):
        text = subprocess.run(["openssl", "rsa", "-in", path, "-noout", "-text"], check=True, capture_output=True, text=True).stdout
        self.n, self.d = self.number(text, "modulus"), self.number(text, "privateExponent")

    @staticmethod
    def number(text, name):
        return int(re.sub(r"[^0-9a-f]", "", re.search(name + r":\n((?:\s+[0-9a-f:]+\n)+)", text)[1]), 16)

    def sign(self, text, version):
        digest = (hashlib.sha1 if version == "1" else hashlib.sha256)(text).digest()
        tail = b"\x00" + self.PREFIX[version] + digest
        size = (self.n.bit_length() + 7) // 8
        padded = b"\x00\x01" + b"\xff" * (size - 2 - len(tail)) + tail
        return base64.b64encode(pow(int.from_bytes(padded, "big"), self.d, self.n).to_bytes(size, "big")).decode()


def stamp(seconds=0):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def sns_message(key, topic, certificate_url, version="2", **more):
    m = {"Type": "Notification", "MessageId": str(uuid.uuid4()), "TopicArn": topic, "Timestamp": stamp(),
         "SignatureVersion": version, "SigningCertURL": certificate_url, **more}
    names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    if m["Type"] != "Notification":
        names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{n}\n{m[n]}\n" for n in names if n in m)
    m["Signature"] = key.sign(text.encode(), version)
    return m


def sns_headers(m, **more):
    return {"x-amz-sns-message-type": m["Type"], "x-amz-sns-message-id": m["MessageId"], "x-amz-sns-topic-arn": m["TopicArn"],
            "Content-Type": "text/plain; charset=UTF-8", "User-Agent": "Amazon Simple Notification Service Agent", **more}


def post_sns(peer, m, **more):
    return peer.post(json.dumps(m).encode(), sns_headers(m, **more))[0]


def send_sns(options):
    key, peer = Key(options.keyfile), Peer(options.url)
    with open(options.file, encoding="utf-8") as f:
        lines = f.read().splitlines()
    for i, line in enumerate(lines):
        more = {"Subject": "Amazon SES Email Event Notification"} if i % 3 else {}
        m = sns_message(key, options.topic, options.certificate, "12"[i % 2], Message=line, **more)
        until = time.monotonic() + PATIENCE
        while (status := post_sns(peer, m)) != 200:
            if 400 <= status < 500 or time.monotonic() > until:
                sys.exit(f"message {i}: {status}")
            time.sleep(0.2)
    print(f"messages {len(lines)}")


def subscribe(options):
    m = sns_message(Key(options.keyfile), options.topic, options.certificate, Type="SubscriptionConfirmation", Token=TOKEN,
                    Message="You have chosen to subscribe ...", SubscribeURL=options.subscribe)
    print(post_sns(Peer(options.url), m))


# --- what must be refused -------------------------------------------------------------------------------------------------

failures = []


def expect(name, got, wanted):
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    print(f"ok {name}" if got in wanted else f"not ok {name}: {got}, not {wanted}")
    if got not in wanted:
        failures.append(name)


def raw_request(url, head, body=b""):
    """Status of whatever is written; 0: closed without an answer."""
    where = urllib.parse.urlsplit(url)
    with socket.create_connection((where.hostname, where.port), timeout=60) as s:
        try:
            s.sendall(head.replace(b"\n", b"\r\n") + body)
            line = s.recv(100)
        except OSError:
            return 0
        return int(line[9:12]) if line[:5] == b"HTTP/" else 0


def attack_firehose(options):
    peer, key = Peer(options.url), options.key

    def post(body, k=key, **more):
        headers = firehose_headers(k, "attack")
        headers.update(more)
        return peer.post(body, {n: v for n, v in headers.items() if v is not None})[0]

    record = base64.b64encode(b"x").decode()
    expect("a wrong access key is refused", post(firehose_body([], "a"), "not-the-key"), 401)
    expect("a missing access key is refused", post(firehose_body([], "a"), None), 401)
    expect("the beginning of the key is refused", post(firehose_body([], "a"), key[:-1]), 401)
    expect("a wrong key with a large body is refused", post(b"x" * (8 << 20), "not-the-key"), 401)
    expect("a body that is no JSON is refused", post(b"\x00\xff" * 100), 400)
    expect("half a body is refused", post(b'{"requestId":"a","records":[{"data":"' + record.encode()), 400)
    expect("a million brackets are refused", post(b'{"x":' + b"[" * 1000000), 400)
    expect("gzip that is none is refused", post(b"{}", **{"Content-Encoding": "gzip"}), 400)
    expect("another encoding is refused", post(b"{}", **{"Content-Encoding": "deflate"}), 415)
    expect("a bomb of a body can never be taken", post(gzip.compress(b" " * (65 << 20), 9), **{"Content-Encoding": "gzip"}), 413)
    expect("more than 64 MiB can never be taken",
           raw_request(options.url, f"POST /firehose HTTP/1.1\nHost: x\nX-Amz-Firehose-Access-Key: {key}\n"
                                    f"Content-Length: {(64 << 20) + 1}\n\n".encode()), 413)
    bomb = base64.b64encode(gzip.compress(b" " * (17 << 20), 9)).decode()
    body = json.dumps({"requestId": "attack", "timestamp": 1, "records": [{"data": bomb}] * 30}).encode()
    expect("bombs in records are only malformed", post(body), 200)
    expect("a request id of 10000 bytes does no harm", post(firehose_body([], "a"), **{"X-Amz-Firehose-Request-Id": "x" * 10000}), 200)
    expect("two lengths are refused", raw_request(options.url, b"POST /firehose HTTP/1.1\nHost: x\nContent-Length: 2\nContent-Length: 3\n\n", b"{}"), (400, 0))
    expect("a length and chunks are refused", raw_request(options.url, b"POST /firehose HTTP/1.1\nHost: x\nContent-Length: 2\nTransfer-Encoding: chunked\n\n", b"0\r\n\r\n"), (400, 0))
    expect("a head of 200 KiB is refused", raw_request(options.url, b"POST /firehose HTTP/1.1\nHost: x\nA: " + b"x" * 200000 + b"\n\n"), (431, 400, 413, 0))


def attack_sns(options):
    key, foreign_key, peer = Key(options.keyfile), Key(options.foreign), Peer(options.sns)
    topic, url = options.topic, options.certificate
    name = url.rsplit("/", 1)[1]
    event = '{"eventType":"Send"}'

    def message(k=key, t=topic, u=url, **more):
        return sns_message(k, t, u, **{"Message": event, **more})

    def post(m, **more):
        return post_sns(peer, m, **more)

    expect("a forged signature is refused", post(message(foreign_key)), 403)
    expect("a forged signature of version 1 is refused", post(message(foreign_key, version="1")), 403)
    changed = message()
    changed["Message"] = '{"eventType":"Bounce"}'
    expect("a changed message is refused", post(changed), 403)
    foreign = topic + "-of-others"
    expect("a foreign topic is refused", post(message(t=foreign)), 403)
    expect("a foreign topic behind a good head is refused", post(message(t=foreign), **{"x-amz-sns-topic-arn": topic}), 403)
    for host in ("https://sns.eu-west-1.amazonaws.com.evil.example/", "https://evil.example/", "http://127.0.0.1:1/",
                 "http://169.254.169.254/latest/", "file:///etc/"):
        expect(f"a certificate at {host} is refused", post(message(u=host + name)), 403)
    expect("a certificate of another name is refused", post(message(u=url.rsplit("/", 1)[0] + "/evil.pem")), 403)
    expect("an unknown certificate is not decided", post(message(u=url.replace(name, "SimpleNotificationService-" + "0" * 32 + ".pem"))), 503)
    expect("yesterday's message is refused", post(message(Timestamp=stamp(-86400))), 403)
    expect("tomorrow's message is refused", post(message(Timestamp=stamp(86400))), 403)
    expect("raw delivery is refused", peer.post(event.encode(), sns_headers(message(), **{"x-amz-sns-rawdelivery": "true"}))[0], 403)
    expect("a message without signature is refused", peer.post(event.encode(), sns_headers(message()))[0], 400)
    expect("a body over 1 MiB is refused", post(message(Message="x" * (1 << 20))), (413, 0))
    expect("a forged subscription is refused", post(message(foreign_key, Type="SubscriptionConfirmation", Token="t", SubscribeURL="http://evil.example/")), 403)
    expect("a subscription of a foreign topic is refused", post(message(t=foreign, Type="SubscriptionConfirmation", Token="t", SubscribeURL="http://evil.example/")), 403)
    expect("SES's own note is taken", post(message(Message="Successfully validated SNS topic for Amazon SES event publishing.")), 200)


def attacks(options):
    attack_firehose(options)
    attack_sns(options)
    return 1 if failures else 0


def slow(options):
    where = urllib.parse.urlsplit(options.url)
    began = time.monotonic()
    with socket.create_connection((where.hostname, where.port), timeout=5) as s:
        s.sendall(f"POST {where.path} HTTP/1.1\r\nHost: x\r\nX-Amz-Firehose-Access-Key: {options.key}\r\n"
                  "Content-Length: 100000\r\n\r\n".encode())
        try:
            while time.monotonic() - began < 100:
                s.sendall(b" ")
                time.sleep(1)
        except OSError:
            pass
    print(int(time.monotonic() - began))


# --- SNS itself -----------------------------------------------------------------------------------------------------------


class Endpoint(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pem = b""

    def say(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        good = re.fullmatch(r"/SimpleNotificationService-[1-9a-f][0-9a-f]+\.pem", self.path)
        print("GET", "certificate" if good else self.path, flush=True)
        self.say(200 if good else 404, self.pem if good else b"no")

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode(), strict_parsing=True)
        right = form.get("Token") == [TOKEN] and form.get("Version") == ["2010-03-31"]
        print("POST", form.get("Action", [""])[0], form.get("TopicArn", [""])[0], "right" if right else "wrong",
              "signed" if "Authorization" in self.headers else "unsigned", flush=True)
        arn = form["TopicArn"][0] + ":6b0e71bd-7e97-4d97-80ce-4a0994e55286"
        self.say(200, ('<ConfirmSubscriptionResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><ConfirmSubscriptionResult>'
                       f"<SubscriptionArn>{arn}</SubscriptionArn></ConfirmSubscriptionResult></ConfirmSubscriptionResponse>").encode())

    def log_message(self, *_):
        pass


def endpoint(options):
    with open(options.pem, "rb") as f:
        Endpoint.pem = f.read()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    with open(options.port_file + ".new", "w", encoding="ascii") as f:
        f.write(str(server.server_address[1]))
    os.rename(options.port_file + ".new", options.port_file)
    server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name, run, *names):
        c = commands.add_parser(name)
        c.set_defaults(run=run)
        for n in names:
            c.add_argument(n)
        return c

    c = command("firehose", send_firehose, "url", "key", "file")
    c.add_argument("--batch", type=int, default=500)
    c.add_argument("--threads", type=int, default=4)
    c.add_argument("--ca")
    c.add_argument("--first-only", action="store_true")
    command("sns", send_sns, "url", "keyfile", "topic", "certificate", "file")
    command("subscribe", subscribe, "url", "keyfile", "topic", "certificate", "subscribe")
    command("attacks", attacks, "url", "key", "sns", "keyfile", "foreign", "topic", "certificate")
    command("slow", slow, "url", "key")
    command("endpoint", endpoint, "port_file", "pem")
    options = parser.parse_args()
    return options.run(options)


if __name__ == "__main__":
    sys.exit(main())
