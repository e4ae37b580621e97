#!/usr/bin/env python3
"""A double of AWS for tests: it checks every signature, keeps a log, and fails as it is told.

    double.py FOLDER [--host ADDRESS] [--port N] [--tls CERTIFICATE KEY] [--tunnel CERTIFICATE KEY] [--config JSON]

FOLDER/BUCKET/KEY are the objects, FOLDER/requests.jsonl is a line for each request, FOLDER/port says where the double
listens once it does. --tls: it speaks TLS at once; --tunnel: within what a client asks for as of a proxy (see web.py).

Under its own control, not logged:
    POST /_double/faults   a list of rules (faults.py)
    POST /_double/config   an object whose members replace those of DEFAULTS
    POST /_double/keys     {"id":, "secret":, "token":, "who":, "expires_in": seconds}, or {"revoke": PREFIX of ids}
    POST /_double/hide     {"bucket":, "keys": [...], "for": seconds}: not there until then; 0 reveals
    POST /_double/send     {"queue":, "bodies": [...]}: messages, without AWS's ceremony; makes the queue
    GET  /_double/state    what has come of it: faults applied, queues, SES, confirmed subscriptions, all keys it knows

A key that is known from the start: AKIDEXAMPLE with wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY.
"""
import argparse
import json
import os
import random
import re
import signal
import sys
import threading
import time

import signature
from buckets import Buckets, s3_error
from faults import ANSWERS, Faults
from services import (Container, Issuer, Key, Machine, Queue, Ses, Sns, Sqs, Sts, form_of, json_answer, json_error,
                      query_error, rest_error)
from signature import Caller, Refused, query_pairs
from web import Answer, Server, tell_port, tls_context

KEY_ID, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
USER = "arn:aws:iam::123456789012:user/example"

DEFAULTS = {
    "clock_offset": 0,  # seconds by which the double's clock is ahead
    "any_clock": False,  # no request is too old: for clients with a clock of their own
    "lifetime": None,  # seconds for which credentials are given out, whatever was asked for
    "domains": ["localhost"],  # BUCKET.DOMAIN is a bucket's host
    "regions": {},  # bucket: the region it is in; others are in every region
    "public": [],  # buckets that need no signature
    "requester_pays": [],
    "denied": [],  # "s3:ListBucket", "ses:PutAccountSendingAttributes"
    "storage": {},  # "bucket/key": storage class
    "page": 1000,  # entries of a listing's page at most
    "empty_pages": False,  # an empty page before each
    "like_nginx": False,  # ETags as nginx gives them, which serves the same folder beside it
    "ignore_encoding": False,  # as some stores do: encoding-type is not looked at
    "queue_host": None,  # of QueueUrls; None: the one that was asked
    "roles": {},  # arn: {"external_id":, "trusts": arn, "denied": true}; others may be assumed by all
    "web_token": None,  # the web identity's; None: any
    "machine_role": "machine",
    "machine_region": "eu-west-1",
    "container_token": None,
    "configuration_sets": [],  # those of SES; none: all there are
}
SECRETS = re.compile(r"(?i)((?:X-Amz-(?:Signature|Credential|Security-Token)|(?:^|&)Token|WebIdentityToken)=)[^&]*")


class Double:
    def __init__(self, folder, config):
        self.config = {**DEFAULTS, **config}
        self.faults = Faults()
        self.keys = {KEY_ID: Key(SECRET, USER)}
        issuer = Issuer(self.keys, self.config, self.clock)
        self.buckets = Buckets(folder, self.config)
        self.services = {"s3": self.buckets, "sts": Sts(issuer, self.config), "sqs": Sqs(self.config), "sns": Sns(),
                         "ses": Ses(self.config), "imds": Machine(issuer, self.config),
                         "container": Container(issuer, self.config)}
        self.log = open(os.path.join(folder, "requests.jsonl"), "a", encoding="utf-8")
        self.log_lock = threading.Lock()
        self.count = 0

    def clock(self):
        return time.time() + self.config["clock_offset"]

    # --- which service is meant ---

    def service_of(self, request):
        if request.path.startswith("/latest/"):
            return "imds"
        if request.path.startswith(("/creds", "/v2/credentials", "/v1/credentials")):
            return "container"
        named = re.search(r"[=/]\d{8}/[^/]+/([a-z0-9]+)/aws4_request", request.header("authorization") or "")
        if named and named.group(1) in self.services:
            return named.group(1)
        if request.header("x-amz-target"):
            return "sqs"
        if request.path.startswith("/v2/email/"):
            return "ses"
        if request.path == "/" and ("Action=" in request.query or request.header("content-type") is not None
                                    and "x-www-form-urlencoded" in request.header("content-type")):
            return "sns" if form_of(request).get("Action") == "ConfirmSubscription" else "sts"
        return "s3"

    def caller_of(self, request, service):
        if service in ("imds", "container") or not signature.claims_one(request):
            return Caller()
        return signature.verify(request, self.keys, self.clock(), self.config["any_clock"])

    def refusal(self, service, refused):
        made = {"sts": query_error, "sns": query_error, "sqs": json_error, "ses": rest_error}.get(service)
        if made:
            return made(refused.status, refused.code, refused.message)
        return s3_error(refused.status, refused.code, refused.message, refused.more, refused.headers)

    # --- one request ---

    def application(self, request):
        if request.path.startswith("/_double/"):
            return self.control(request), None
        service, op, caller, why = self.service_of(request), "?", Caller(), ""
        verified = "no"
        fault = None
        try:
            op = self.services[service].op(request)
            fault = self.faults.take(request, service, op)
            if fault and any(name in fault for name in ANSWERS):
                answer = self.instead(service, fault)
                verified = "not checked"
            else:
                caller = self.caller_of(request, service)
                verified = "yes" if caller.who else "unsigned"
                if caller.service not in (None, service):
                    raise Refused(400, "AuthorizationHeaderMalformed", "the scope is of another service")
                answer = self.services[service].answer(request, caller)
        except Refused as refused:
            why = refused.code
            answer = self.refusal(service, refused)
            if refused.why:
                print(f"{request.method} {request.path}: {refused.code}: {refused.why}", file=sys.stderr, flush=True)
        except (KeyError, ValueError, TypeError) as e:
            why = "MalformedInput"
            answer = self.refusal(service, Refused(400, "MalformedInput", "The double could not read this."))
            print(f"{request.method} {request.path}: {e!r}", file=sys.stderr, flush=True)
        if fault and "swap" in fault:
            self.buckets.store.swap(*self.buckets.place(request))
            fault = {"truncate": fault["swap"]}
        self.dress(answer)
        self.note(request, service, op, caller, verified, why, answer, fault)
        return answer, fault

    def dress(self, answer):
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(self.clock()))
        self.count += 1
        answer.headers = {"Date": date, "Server": "Double", "x-amz-request-id": f"DOUBLE{self.count}", **answer.headers}

    def note(self, request, service, op, caller, verified, why, answer, fault):
        entry = {"t": round(time.time(), 3), "service": service, "op": op, "method": request.method, "host": request.host,
                 "path": request.path, "query": SECRETS.sub(r"\1***", request.query), "verified": verified,
                 "who": caller.who, "region": caller.region, "status": answer.status, "bytes": answer.length}
        for name in ("range", "if-match", "user-agent", "x-amz-request-payer"):
            if request.header(name) is not None:
                entry[name] = request.header(name)
        if why:
            entry["why"] = why
        if fault:
            entry["fault"] = fault
        with self.log_lock:
            self.log.write(json.dumps(entry) + "\n")
            self.log.flush()

    def connected(self, target):
        with self.log_lock:
            self.log.write(json.dumps({"t": round(time.time(), 3), "service": "proxy", "op": "CONNECT", "host": target}) + "\n")
            self.log.flush()

    def instead(self, service, fault):
        """An answer that no service gave."""
        if "expired" in fault:
            s3 = service == "s3"
            return self.refusal(service, Refused(400 if s3 else 403, "ExpiredToken", "The provided token has expired."))
        if "redirect" in fault:
            headers = {"Location": fault.get("location", "http://127.0.0.1:9/elsewhere")}
            more = {"Endpoint": "elsewhere.s3.amazonaws.com"}
            if "region" in fault:
                headers["x-amz-bucket-region"] = fault["region"]
            return s3_error(fault["redirect"], "PermanentRedirect" if fault["redirect"] == 301 else "TemporaryRedirect",
                            "Please send requests to the endpoint of this answer.", more, headers)
        if "garbage" in fault:
            return Answer(200, random.Random(1).randbytes(fault["garbage"]))
        if "empty" in fault:
            return Answer(200)
        headers = fault.get("headers", {})
        if "body" in fault:
            return Answer(fault["status"], fault["body"].encode(), headers)
        code = fault.get("code", {503: "SlowDown", 500: "InternalError", 429: "TooManyRequests"}.get(fault["status"], "Error"))
        answer = self.refusal(service, Refused(fault["status"], code, fault.get("message", "Please reduce your request rate.")))
        answer.headers.update(headers)
        return answer

    # --- control ---

    def control(self, request):
        what = request.path[len("/_double/"):]
        try:
            given = json.loads(request.body or b"{}")
            if what == "state":
                return json_answer({"faults": self.faults.state(), "queues": self.services["sqs"].state(),
                                    "ses": self.services["ses"].state(), "confirmed": self.services["sns"].confirmed,
                                    "keys": [{"id": i, "secret": k.secret, "token": k.token, "who": k.who}
                                             for i, k in list(self.keys.items())]})
            getattr(self, "control_" + what)(given)
        except (AttributeError, KeyError, ValueError, TypeError) as e:
            return json_answer({"error": repr(e)}, 400)
        return json_answer({})

    def control_faults(self, given):
        self.faults.set(given)

    def control_config(self, given):
        if set(given) - set(DEFAULTS):
            raise ValueError(f"unknown: {set(given) - set(DEFAULTS)}")
        self.config.update(given)

    def control_keys(self, given):
        if "revoke" in given:
            for key_id in [k for k in self.keys if k.startswith(given["revoke"])]:
                self.keys[key_id].expires = 0
            return
        expires = self.clock() + given["expires_in"] if "expires_in" in given else None
        self.keys[given["id"]] = Key(given["secret"], given.get("who", USER), given.get("token"), expires)

    def control_send(self, given):
        sqs = self.services["sqs"]
        sqs.queues.setdefault(given["queue"], Queue(given["queue"]))
        for body in given["bodies"]:
            sqs.SendMessage({"QueueUrl": given["queue"], "MessageBody": body}, None)

    def control_hide(self, given):
        for key in given["keys"]:
            self.buckets.store.hidden[given["bucket"], key.encode()] = time.time() + given["for"]


def main():
    parser = argparse.ArgumentParser(description="A double of AWS for tests.")
    parser.add_argument("folder")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"))
    parser.add_argument("--tunnel", nargs=2, metavar=("CERTIFICATE", "KEY"))
    parser.add_argument("--config", type=json.loads, default={})
    options = parser.parse_args()
    if set(options.config) - set(DEFAULTS):
        parser.error(f"unknown: {set(options.config) - set(DEFAULTS)}")
    os.makedirs(options.folder, exist_ok=True)
    double = Double(options.folder, options.config)
    ending = threading.Event()
    tls = options.tls or options.tunnel
    server = Server((options.host, options.port), double.application, double.connected, ending,
                    tls_context(*tls) if tls else None, bool(options.tls))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: (ending.set(), threading.Thread(target=server.shutdown).start()))
    tell_port(os.path.join(options.folder, "port"), server.server_address[1])
    server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
