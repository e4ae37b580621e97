#!/usr/bin/env python3
"""A second count of what AWS shows, from the raw records alone (docs/aws-numbers.md), held against `replay --like`.

    like_truth.py vdm|statistics REPORT.json|REPORT.csv [--from TIME] [--to TIME] FOLDER

Sound records only, one a line. Exit: 0 equal, 1 not.
"""

import argparse
import collections
import csv
import datetime
import gzip
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle"))
import providers  # noqa: E402 # the second table of domains

UTC = datetime.timezone.utc
LISTS = {"Delivery": ("delivery", "recipients"), "Bounce": ("bounce", "bouncedRecipients"),
         "Complaint": ("complaint", "complainedRecipients"), "DeliveryDelay": ("deliveryDelay", "delayedRecipients")}
OBJECTS = {"Open": "open", "Click": "click", "Subscription": "subscription"}
RATES = {"delivery": ("deliveries", "sends"), "transient_bounce": ("transient", "sends"),
         "permanent_bounce": ("permanent", "sends"), "complaint": ("complaints", "deliveries_with_loop"),
         "open": ("opens", "deliveries"), "click": ("clicks", "deliveries")}
FIGURES = ["sends", "deliveries"]


def moment(text):
    time = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def provider_of(address):
    return providers.provider_of(address.split("@")[-1])


def once(addresses):
    """The same recipient twice in a list is one."""
    bare = (a.split("<")[-1].strip("> ") for a in addresses)
    return list(dict.fromkeys(a.rpartition("@")[0] + "@" + a.rpartition("@")[2].lower() for a in bare))


def lines(folder):
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            with (gzip.open if name.endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
                yield from file


class Record:
    def __init__(self, line):
        raw = json.loads(line)
        self.type = raw.get("eventType") or raw["notificationType"]
        mail = raw["mail"]
        tags = mail.get("tags") or {}
        header = [h["value"] for h in mail.get("headers") or [] if h["name"].lower() == "x-ses-configuration-set"]
        name, key = LISTS.get(self.type, (OBJECTS.get(self.type), None))
        self.object = raw.get(name) or {}
        own = once(r["emailAddress"] if isinstance(r, dict) else r for r in self.object.get(key, [])) if key else []
        destination = mail.get("destination") or []
        self.recipients = own or once(destination)
        self.single = len(destination or own) == 1
        self.time = moment(self.object.get("timestamp") or mail["timestamp"])
        self.set = (tags.get("ses:configuration-set") or header or [""])[0]
        identity = (mail.get("sourceArn", "").rpartition(":identity/")[2] or tags.get("ses:from-domain", [""])[0] or
                    mail["source"].rstrip(">").split("@")[-1]).lower()
        self.identity = "*@" + identity.split("@")[1] if "@" in identity else identity
        self.provider = provider_of(self.recipients[0])

    def figures(self):
        """What this record adds, for each of its recipients."""
        if self.type == "Bounce" and self.object["bounceSubType"] == "OnAccountSuppressionList":
            return []
        if self.type == "Bounce":
            return {"Permanent": ["permanent"], "Transient": ["transient"]}.get(self.object["bounceType"], [])
        if self.type == "Complaint":
            none = (self.object.get("complaintSubType") == "OnAccountSuppressionList" or
                    self.object.get("complaintFeedbackType") == "not-spam")
            return [] if none else ["complaints"]
        if self.type == "Delivery" and self.provider in providers.FEEDBACK_LOOP:
            return ["deliveries", "deliveries_with_loop"]
        return {"Send": ["sends"], "Delivery": ["deliveries"], "Open": ["opens"], "Click": ["clicks"],
                "Reject": ["rejects"]}.get(self.type, [])


def records(folder):
    """Each once: the simulator's duplicates are the same bytes."""
    return [Record(line) for line in {line.strip() for line in lines(folder)}]


def vdm(all_records, begin, end):
    rows = collections.defaultdict(collections.Counter)
    for r in all_records:
        if not r.single or r.provider == providers.SIMULATOR or not begin <= r.time < end:
            continue
        for key in (("account", ""), ("provider", r.provider), ("identity", r.identity), ("configuration_set", r.set)):
            for figure in r.figures() or ["nothing"]:
                rows[key][figure] += len(r.recipients) if r.type not in ("Complaint", "Open", "Click") else 1
    return rows


def numbers_of(counts):
    found = {figure: counts[figure] for figure in FIGURES}
    for rate, (above, below) in RATES.items():
        found[f"{rate}_count"], found[f"{rate}_of"] = counts[above], counts[below]
        found[f"{rate}_rate"] = counts[above] / counts[below] if counts[below] else None
    return found


def change_of(now, before):
    found = {figure: (now[figure] - before[figure]) / before[figure] if before[figure] else None for figure in FIGURES}
    for rate in RATES:
        a, b = now[f"{rate}_rate"], before[f"{rate}_rate"]
        found[f"{rate}_rate"] = None if a is None or b is None else a - b
    return found


def flat(holder):
    """A row of the JSON, or its `before`, as numbers_of names it."""
    found = dict(holder["volume"])
    for rate, parts in holder["rates"].items():
        found[f"{rate}_rate"], found[f"{rate}_count"], found[f"{rate}_of"] = parts["value"], parts["count"], parts["of"]
    return found


def read_json(path):
    with open(path, encoding="utf-8") as file:
        for view in json.load(file)["data"]["views"]:
            for row in view["rows"]:
                names = [row[key] for key in ("provider", "configuration_set", "name") if key in row]
                found = {"": flat(row)}
                if "before" in row:
                    found["before_"] = flat(row["before"])
                    found["change_"] = dict(row["change"]["volume"])
                    found["change_"].update({f"{rate}_rate": n for rate, n in row["change"]["rates"].items()})
                yield (view["by"], names[0] if names else ""), found


def read_csv(path):
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            key = row.pop("by"), row.pop("provider") + row.pop("configuration_set") + row.pop("name")
            found = collections.defaultdict(dict)
            for name, text in row.items():
                prefix = next((p for p in ("before_", "change_") if name.startswith(p)), "")
                found[prefix][name[len(prefix):]] = float(text) if text else None
            yield key, found


def same(a, b):
    return a == b or (a is not None and b is not None and abs(a - b) < 1e-12)


def check_vdm(path, all_records, begin, end):
    now, parts = vdm(all_records, begin, end), ("",)
    before = None
    if begin > datetime.datetime.min.replace(tzinfo=UTC) and end < datetime.datetime.max.replace(tzinfo=UTC):
        before, parts = vdm(all_records, begin - (end - begin), begin), ("", "before_", "change_")
    problems, seen = [], set()
    for key, found in (read_json if path.endswith(".json") else read_csv)(path):
        seen.add(key)
        wanted = {"": numbers_of(now[key])}
        if before is not None:
            wanted["before_"] = numbers_of(before[key])
            wanted["change_"] = change_of(wanted[""], wanted["before_"])
        if set(found) != set(parts):
            problems.append(f"{key}: has {sorted(found)}")
            continue
        for part in parts:
            if set(found[part]) != set(wanted[part]):
                problems.append(f"{key}: {part} has {sorted(found[part])}")
            problems += [f"{key}: {part}{name} is {found[part].get(name)}, not {n}"
                         for name, n in wanted[part].items() if not same(found[part].get(name), n)]
    missed = {key for key in list(now) + list(before or ()) if key not in seen}
    return problems + [f"{key} is missing" for key in sorted(missed)] + ([] if seen else ["nothing"])


def check_statistics(path, all_records, begin, end):
    columns = {"sends": "DeliveryAttempts", "permanent": "Bounces", "complaints": "Complaints", "rejects": "Rejects"}
    wanted = collections.defaultdict(lambda: dict.fromkeys(columns.values(), 0))
    for r in all_records:
        if not begin <= r.time < end:
            continue
        quarter = r.time.replace(minute=r.time.minute // 15 * 15, second=0, microsecond=0)
        for figure in r.figures():
            if figure in columns:
                people = [a for a in r.recipients if provider_of(a) != providers.SIMULATOR]
                n = bool(people) if r.type == "Complaint" else len(people)
                if n:
                    wanted[quarter.strftime("%Y-%m-%dT%H:%M:%SZ")][columns[figure]] += n
    with open(path, encoding="utf-8", newline="") as file:
        points = json.load(file)["SendDataPoints"] if path.endswith(".json") else list(csv.DictReader(file))
    found = {p["Timestamp"]: {name: int(p[name]) for name in columns.values()} for p in points}
    if [p["Timestamp"] for p in points] != sorted(found) or any(len(p) != 5 for p in points):
        return ["the points are out of order, twice, or of another form"]
    return [f"{t}: {found.get(t)}, not {wanted.get(t)}" for t in sorted(set(found) | set(wanted))
            if found.get(t) != wanted.get(t)] + ([] if found else ["nothing"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("vdm", "statistics"))
    parser.add_argument("report")
    parser.add_argument("--from", dest="begin", type=moment, default=datetime.datetime.min.replace(tzinfo=UTC))
    parser.add_argument("--to", dest="end", type=moment, default=datetime.datetime.max.replace(tzinfo=UTC))
    parser.add_argument("folder")
    o = parser.parse_args()
    problems = (check_vdm if o.what == "vdm" else check_statistics)(o.report, records(o.folder), o.begin, o.end)
    print("\n".join([f"{len(problems)} problems"] + problems[:12]))
    return 1 if problems else 0


sys.exit(main())
