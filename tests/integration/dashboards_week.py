#!/usr/bin/env python3
"""Lives through weeks with a service, and keeps what a Prometheus would have scraped from it.

  dashboards_week.py --metrics URL --push URL --clock FILE --dump DIR --start TIME --cut TIME --end TIME --step SECONDS
      --job NAME --instance NAME --wanted FILE --posted NAME --out FILE

The clock of the service is the file that clock_shift.c reads. For each step it is set to the step's end, the objects of
DIR that Firehose had closed by then are posted, and when they are committed and shown, /metrics is taken down with that
time: lines of OpenMetrics in FILE, without an end. Of the rates, which are nine in ten of all series, only those are kept
that a query in the file --wanted can select (a line each: `range` or `instant`, and the query); those that only instant
queries select, only at --cut and at the end. NAME.before and NAME.all are the records posted until --cut,
and all of them.
"""
import argparse
import base64
import calendar
import datetime
import gzip
import http.client
import json
import pathlib
import re
import struct
import sys
import time
import urllib.parse
import uuid

import dashboards_promql as promql

OBJECT_SECONDS = 330    # Firehose closes an object 300 s after its first record
KEY = "an-access-key-of-32-letters-long"
TIME_OF_NAME = re.compile(r"-(\d{4})-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def time_of(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


class Service:
    def __init__(self, metrics, push, clock):
        metrics, push = urllib.parse.urlsplit(metrics), urllib.parse.urlsplit(push)
        self.page = http.client.HTTPConnection(metrics.hostname, metrics.port, timeout=60)
        self.door, self.path = http.client.HTTPConnection(push.hostname, push.port, timeout=60), push.path
        self.clock = open(clock, "r+b", buffering=0)

    def set_time(self, seconds):
        self.clock.seek(0)
        self.clock.write(struct.pack("q", int(seconds * 1000 - time.time() * 1000)))

    def post(self, lines, now):
        body = json.dumps({"requestId": str(uuid.uuid4()), "timestamp": int(now * 1000),
                           "records": [{"data": base64.b64encode(line).decode()} for line in lines]}).encode()
        self.door.request("POST", self.path, body, {
            "X-Amz-Firehose-Protocol-Version": "1.0", "X-Amz-Firehose-Access-Key": KEY, "Content-Type": "application/json",
            "X-Amz-Firehose-Request-Id": json.loads(body)["requestId"]})
        answer = self.door.getresponse()
        said = answer.read()
        if answer.status != 200:
            sys.exit(f"a push was answered {answer.status}: {said!r}")

    def scrape(self):
        self.page.request("GET", "/metrics")
        answer = self.page.getresponse()
        return answer.read().decode()

    def read(self, page):
        """How many records the page has"""
        return sum(int(n) for n in re.findall(r"^ses_collector_records_read_total\{[^}]*\} (\d+)$", page, re.M))

    def scrape_with(self, records):
        until = time.monotonic() + 60
        while True:
            page = self.scrape()
            if self.read(page) >= records:
                return page
            if time.monotonic() > until:
                sys.exit(f"still {self.read(page)} records of {records}")
            time.sleep(0.005)


class Keeper:
    """Writes samples; knows of each series what it is called there, or that nobody wants it, and whether at each step."""

    def __init__(self, args):
        self.out = open(args.out, "w", encoding="utf-8")
        self.labels = f'job="{args.job}",instance="{args.instance}"'
        self.names, self.samples = {}, 0
        self.rates = {}
        for line in pathlib.Path(args.wanted).read_text(encoding="utf-8").splitlines():
            when, _, query = line.partition(" ")
            for name, matchers in promql.selectors(query):
                self.rates.setdefault(name, []).append((when, matchers))

    def name_of(self, series):
        name, _, labels = series.partition("{")
        always = True
        if name.startswith("ses_rate_"):
            of = dict(LABEL.findall(labels))
            moments = {when for when, matchers in self.rates.get(name, []) if promql.matches(of, matchers)}
            if not moments:
                return None, False
            always = "range" in moments
        return f"{name}{{{self.labels},{labels}" if labels else f"{name}{{{self.labels}}}", always

    def firing(self, series):
        """As the rules of `ses-collector rules` would have it in Prometheus (rules.sh shows that they agree)"""
        labels = series.partition("{")[2][:-1].replace('alert="', 'alertname="', 1)
        return f'alertstate="firing",{self.labels},{labels}'

    def keep(self, page, at, edge):
        lines = [f"up{{{self.labels}}} 1 {at}\n", f"scrape_samples_scraped{{{self.labels}}} {page.count(chr(10))} {at}\n"]
        for line in page.splitlines():
            if line.startswith("#"):
                continue
            series, _, value = line.rpartition(" ")
            if series not in self.names:
                self.names[series] = self.name_of(series)
            name, always = self.names[series]
            if name and (always or edge):
                lines.append(f"{name} {value} {at}\n")
            if value == "1" and series.startswith("ses_alert_firing{"):
                lines.append(f"ALERTS{{{self.firing(series)}}} 1 {at}\n")
        self.samples += len(lines)
        self.out.writelines(lines)


def objects_of(folder):
    """(when it was closed, path), in that order"""
    found = []
    for path in pathlib.Path(folder).rglob("*.gz"):
        began = calendar.timegm(tuple(map(int, TIME_OF_NAME.search(path.name).groups())) + (0, 0, 0))
        found.append((began + OBJECT_SECONDS, path))
    return sorted(found)


def main():
    parser = argparse.ArgumentParser()
    for name in "metrics push clock dump start cut end step job instance wanted posted out".split():
        parser.add_argument("--" + name, required=True)
    args = parser.parse_args()
    service, keeper, objects = Service(args.metrics, args.push, args.clock), Keeper(args), objects_of(args.dump)
    step, cut, at, records, taken, known = int(args.step), time_of(args.cut), time_of(args.start), 0, 0, []
    with open(args.posted + ".before", "wb") as before, open(args.posted + ".all", "wb") as everything:
        while at < time_of(args.end):
            at += step
            service.set_time(at)
            lines = []
            while taken < len(objects) and objects[taken][0] <= at:
                lines += gzip.decompress(objects[taken][1].read_bytes()).splitlines(keepends=True)
                taken += 1
            # A record that is known already, alone: it is answered after a commit, and with it the service looks at its clock.
            if known:
                service.post(known, at)
            else:
                time.sleep(1)
            lines = known + lines
            for first in range(len(known), len(lines), 400):
                service.post(lines[first:first + 400], at)
            everything.writelines(lines)
            if at <= cut:
                before.writelines(lines)
            records, known = records + len(lines), known or lines[:1]
            keeper.keep(service.scrape_with(records), at, at in (cut, time_of(args.end)))
    print(f"{args.instance}: {records} records of {taken} objects, {len(keeper.names)} series, {keeper.samples} samples")


main()
