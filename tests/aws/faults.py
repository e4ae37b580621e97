"""What goes wrong on demand, in the double: a list of rules, of which the first that matches a request is applied.

    {"match": {"service": "s3", "op": "GetObject", "method": "GET", "path": REGEX, "host": REGEX},  all optional
     "skip": N,               the first N that match are left alone
     "times": N,              then so many; without it: all
     "each": N,               at most N for the same method, path and query: what is tried more often than that succeeds
     "p": 0.1, "seed": 1,     with this probability
     "action": {...}}

Actions that answer in place of the service:
    {"status": 503, "code": "SlowDown", "message": ..., "headers": {...}, "body": ...}
    {"expired": true}         as if the credentials had expired
    {"redirect": 301, "region": "eu-west-1", "location": URL}
    {"garbage": N}            200 with N bytes of nonsense
    {"empty": true}           200 with nothing
Actions on the answer of the service:
    {"close": true}           no answer at all
    {"reset": true, "after": N}    a reset, before the head or behind N bytes of the body
    {"truncate": N}           the connection ends behind N bytes of the body
    {"stall": S, "after": N}  S seconds of nothing, before the head or behind N bytes; "then_close": true ends it there
    {"rate": N}               N bytes a second
    {"length": N}             a Content-Length that is N too large (or too small); then the connection ends
    {"head": N}               N bytes of headers more
    {"swap": N}               truncated behind N bytes; from then on the object has another ETag
"""
import random
import re
import threading

ANSWERS = ("status", "expired", "redirect", "garbage", "empty")


class Rule:
    def __init__(self, given):
        unknown = set(given) - {"match", "skip", "times", "each", "p", "seed", "action"}
        if unknown or "action" not in given:
            raise ValueError(f"a rule has an action and nothing unknown: {sorted(unknown)}")
        self.match = given.get("match", {})
        self.skip, self.times = given.get("skip", 0), given.get("times")
        self.p, self.random = given.get("p", 1), random.Random(given.get("seed", 0))
        self.each, self.seen = given.get("each"), {}
        self.action = given["action"]
        self.applied = 0

    def fits(self, request, service, op):
        wanted = self.match
        return (wanted.get("service", service) == service and wanted.get("op", op) == op
                and wanted.get("method", request.method) == request.method
                and ("path" not in wanted or re.search(wanted["path"], request.path))
                and ("host" not in wanted or re.search(wanted["host"], request.host)))

    def take(self, request):
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times == 0 or self.random.random() >= self.p:
            return False
        what = (request.method, request.path, request.query)
        if self.each is not None and self.seen.get(what, 0) >= self.each:
            return False
        self.seen[what] = self.seen.get(what, 0) + 1
        if self.times is not None:
            self.times -= 1
        self.applied += 1
        return True


class Faults:
    def __init__(self):
        self.lock = threading.Lock()
        self.rules = []

    def set(self, rules):
        made = [Rule(r) for r in rules]
        with self.lock:
            self.rules = made

    def take(self, request, service, op):
        with self.lock:
            for rule in self.rules:
                if rule.fits(request, service, op) and rule.take(request):
                    return rule.action
        return None

    def state(self):
        with self.lock:
            return [{"match": r.match, "action": r.action, "applied": r.applied} for r in self.rules]
