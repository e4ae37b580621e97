#!/usr/bin/env python3
"""Holds the oracle's output against the collector's; every number must be equal, not near.

  compare.py cells A.csv B.csv
  compare.py report ORACLE.json REPLAY.json      (replay --format json)
  compare.py metrics [--no-visits] ORACLE.json METRICS.txt     (the Prometheus text format, read strictly;
                                                 without what is counted by agent, which the service knows later)
  compare.py alerts [--rules RULES.json] ORACLE.json ALERTS.json     (only incidents of these rules, which the oracle had)

Exit: 0 equal, 1 different or nothing compared, 2 wrong usage.
"""

import csv
import json
import math
import re
import sys

SHOWN = 20

FAMILIES = {
    "ses_events_total", "ses_recipients_total", "ses_bounces_total", "ses_complaints_total",
    "ses_delivery_delays_total", "ses_subscription_changes_total", "ses_rejects_total", "ses_rendering_failures_total",
    "ses_delivery_seconds_bucket", "ses_delivery_seconds_sum", "ses_delivery_seconds_count",
    "ses_rate_numerator", "ses_rate_denominator", "ses_rate_ratio",
    "ses_bounce_reasons_total", "ses_delay_reasons_total",
    "ses_opens_total", "ses_clicks_total", "ses_unique_opens_total", "ses_unique_clicks_total",
    "ses_reputation_ratio", "ses_reputation_state", "ses_reputation_to_next_threshold",
}
RATES = {"delivery", "bounce", "permanent_bounce", "transient_bounce", "reputation_bounce", "complaint", "delay",
         "reject", "rendering_failure", "unsubscribe"}
VISIT_RATES = {"open", "proxy_open", "machine_open", "click", "machine_click"}
RATES |= VISIT_RATES
WINDOWS = {"5m", "1h", "24h", "7d"}     # and last_N
BASES = {"event", "sent"}
SCOPES = {"account", "provider", "configuration_set", "provider_configuration_set", "identity"}
ACCOUNTS = ("read", "counted", "duplicate", "late", "future", "malformed", "filtered")


class Unusable(Exception):
    """A file that cannot be compared at all."""


class Comparison:
    """What differs, and how much was looked at."""

    def __init__(self):
        self.compared = 0
        self.differences = []

    def equal(self, what, left, right, is_equal=None):
        self.compared += 1
        if not (left == right if is_equal is None else is_equal):
            self.differences.append(f"{what}: {left!r} | {right!r}")

    def report(self, noun, out):
        for line in self.differences[:SHOWN]:
            print(line, file=out)
        if len(self.differences) > SHOWN:
            print(f"... and {len(self.differences) - SHOWN} more", file=out)
        print(f"{self.compared} {noun} compared, {len(self.differences)} different", file=out)
        if not self.compared:
            print("nothing was compared", file=out)
        return 0 if self.compared and not self.differences else 1


def read_json(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise Unusable(f"{path}: {error}") from None


# --- cells -----------------------------------------------------------------------------------------------------------

HEADER = ["time", "event_type", "configuration_set", "provider", "records", "recipients"]


def read_cells(path):
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    if not rows or rows[0] != HEADER:
        raise Unusable(f"{path}: the header is not {','.join(HEADER)}")
    cells = {}
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(HEADER) or not row[4].isdigit() or not row[5].isdigit():
            raise Unusable(f"{path}: row {number} is no cell: {row}")
        if tuple(row[:4]) in cells:
            raise Unusable(f"{path}: row {number} is there twice: {row}")
        cells[tuple(row[:4])] = (int(row[4]), int(row[5]))
    return cells


def compare_cells(left_path, right_path, out):
    left, right = read_cells(left_path), read_cells(right_path)
    comparison = Comparison()
    for key in sorted(set(left) | set(right)):
        comparison.equal(",".join(key), left.get(key), right.get(key))
    return comparison.report("rows", out)


# --- report ----------------------------------------------------------------------------------------------------------

def without_zeros(numbers):
    return {name: number for name, number in (numbers or {}).items() if number}


def known_rates(rates):
    """rate -> (numerator, denominator) of the oracle's rates that have a denominator."""
    return {name: (rate["numerator"], rate["denominator"]) for name, rate in (rates or {}).items()
            if name in RATES and rate and rate.get("denominator")}


def compare_numbers(comparison, place, left, right):
    for group in ("records", "recipients"):
        wanted, given = without_zeros(left.get(group)), without_zeros(right.get(group))
        for name in sorted(set(wanted) | set(given)):
            comparison.equal(f"{place} {group}.{name}", wanted.get(name, 0), given.get(name, 0))
    wanted, given = known_rates(left.get("rates")), known_rates(right.get("rates"))
    for name in sorted(set(wanted) | set(given)):
        comparison.equal(f"{place} rates.{name}", wanted.get(name), given.get(name))
        value = (right.get("rates") or {}).get(name, {}).get("value")
        if name in given and value is not None:
            expected = given[name][0] / given[name][1]
            comparison.equal(f"{place} rates.{name}.value", expected, value,
                             math.isclose(expected, value, rel_tol=1e-6, abs_tol=1e-12))


def rows_by_key(rows, place):
    found = {}
    for row in rows:
        key = (row.get("provider") or "", row.get("configuration_set") or "", row.get("name") or "")
        if key in found:
            raise Unusable(f"{place}: row {key} is there twice")
        found[key] = row
    return found


def compare_lists(comparison, oracle, data):
    """Reasons and reputation, which are no views."""
    sides = []
    for part in (oracle, data):
        numbers = {}
        for row in part.get("reasons") or []:
            place = "reasons " + "/".join(row.get(name) or "" for name in ("of", "reason", "provider", "configuration_set"))
            if place in numbers:
                raise Unusable(f"{place} is there twice")
            numbers[place] = row.get("recipients", 0), row.get("before") or 0
        sides.append({place: both for place, both in numbers.items() if any(both)})
        for row in part.get("reputation") or []:
            place = "reputation " + "/".join(row.get(name) or "" for name in ("kind", "scope", "configuration_set"))
            if place in sides[-1]:
                raise Unusable(f"{place} is there twice")
            sides[-1][place] = (row["state"], row["numerator"], row["denominator"], row["to_next_threshold"] or 0)
    for place in sorted(set(sides[0]) | set(sides[1])):
        comparison.equal(place, sides[0].get(place), sides[1].get(place))


def compare_report(oracle_path, replay_path, out):
    oracle, replay = read_json(oracle_path), read_json(replay_path)
    if replay.get("status") != "success":
        raise Unusable(f"{replay_path}: the status is {replay.get('status')!r}")
    data = replay["data"]
    comparison = Comparison()
    for name in ACCOUNTS:
        comparison.equal(f"accounting.{name}", oracle["accounting"].get(name), data.get("accounting", {}).get(name))
    compare_lists(comparison, oracle, data)
    rows_seen = 0
    for view in data["views"]:
        by = view["by"]
        if by not in oracle["views"]:
            raise Unusable(f"{oracle_path}: has no view by {by}")
        wanted, given = rows_by_key(oracle["views"][by], by), rows_by_key(view["rows"], by)
        for key in sorted(set(wanted) | set(given)):
            rows_seen += 1
            left, right = wanted.get(key, {}), given.get(key, {})
            place = f"{by} {'/'.join(key)}"
            compare_numbers(comparison, place, left, right)
            if "before" in left or "before" in right:
                compare_numbers(comparison, place + " before", left.get("before") or {}, right.get("before") or {})
    if not rows_seen:
        comparison.differences.append("no view has a row")
    return comparison.report("numbers", out)


# --- metrics ---------------------------------------------------------------------------------------------------------

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"', re.ASCII)
VALUE = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[-+]?Inf|NaN", re.ASCII)
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: (-?\d+))?", re.ASCII | re.DOTALL)
TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}
ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def parse_labels(text, line):
    labels = {}
    at = 0
    while at < len(text):
        match = LABEL.match(text, at)
        if not match:
            raise Unusable(f"labels cannot be read: {line}")
        if match.group(1) in labels:
            raise Unusable(f"a label is there twice: {line}")
        labels[match.group(1)] = re.sub(r'\\[\\"n]', lambda found: ESCAPES[found.group()], match.group(2))
        at = match.end()
        if at < len(text):
            if text[at] != "," or at + 1 == len(text):
                raise Unusable(f"labels cannot be read: {line}")
            at += 1
    return labels


def number_of(text):
    return float(text.replace("Inf", "inf"))


def family_of(name, types):
    for suffix in ("_bucket", "_sum", "_count"):
        base = name.removesuffix(suffix)
        if base != name and types.get(base) in ("histogram", "summary"):
            return base
    return name


def parse_metrics(text):
    """(name, frozen labels) -> value, of a text in Prometheus's format 0.0.4. Unusable where it is not."""
    if text and not text.endswith("\n"):
        raise Unusable("the last line has no end")
    samples, types, helps, sampled, closed = {}, {}, set(), set(), set()
    current = None
    for line in text.split("\n")[:-1]:
        if not line:
            continue
        if line.startswith("#"):
            words = line.split(" ", 3)
            if len(words) < 3 or words[0] != "#" or words[1] not in ("HELP", "TYPE"):
                continue
            family = words[2]
            if not NAME.fullmatch(family):
                raise Unusable(f"no metric's name: {line}")
            if words[1] == "TYPE":
                if family in types or family in sampled:
                    raise Unusable(f"TYPE twice, or behind the samples: {line}")
                if len(words) != 4 or words[3] not in TYPES:
                    raise Unusable(f"no type: {line}")
                types[family] = words[3]
            else:
                if family in helps:
                    raise Unusable(f"HELP twice: {line}")
                helps.add(family)
        else:
            match = SAMPLE.fullmatch(line)
            if not match or not VALUE.fullmatch(match.group(3)):
                raise Unusable(f"no sample: {line}")
            family = family_of(match.group(1), types)
            key = (match.group(1), frozenset(parse_labels(match.group(2) or "", line).items()))
            if key in samples:
                raise Unusable(f"a sample is there twice: {line}")
            samples[key] = number_of(match.group(3))
            sampled.add(family)
        if family != current:
            if family in closed:
                raise Unusable(f"the lines of {family} do not stand together: {line}")
            if current is not None:
                closed.add(current)
            current = family
    return samples


def sample_key(name, labels):
    """The sample's name and labels; `le` as a number, since 1, 1.0 and 1e0 are the same bound."""
    labels = dict(labels)
    if "le" in labels:
        labels["le"] = number_of(labels["le"])
    return name, tuple(sorted(labels.items()))


def is_comparable(name, labels, names):
    """Whether the oracle would have said something of this sample."""
    if name not in FAMILIES:
        return False
    if name.startswith("ses_rate_"):
        window = labels.get("window", "")
        return labels.get("rate") in RATES and labels.get("scope") in SCOPES and labels.get("basis") in BASES \
            and (window in WINDOWS or window.startswith("last_"))
    return name != "ses_delivery_seconds_bucket" or name in names


def show_sample(key):
    return key[0] + "{" + ",".join(f'{name}="{value}"' for name, value in key[1]) + "}"


def is_visit(name, labels):
    return "agent" in labels or name.startswith("ses_rate_") and labels.get("rate") in VISIT_RATES


def compare_metrics(oracle_path, metrics_path, out, has_visits=True):
    wanted = {sample_key(item["name"], item["labels"]): item["value"] for item in read_json(oracle_path)
              if has_visits or not is_visit(item["name"], item["labels"])}
    names = {name for name, _ in wanted}
    with open(metrics_path, encoding="utf-8", newline="") as file:
        samples = parse_metrics(file.read())
    given = {sample_key(name, labels): value for (name, labels), value in samples.items()
             if is_comparable(name, dict(labels), names) and (has_visits or not is_visit(name, dict(labels)))}
    comparison = Comparison()
    for key in sorted(set(wanted) | set(given), key=show_sample):
        left, right = wanted.get(key), given.get(key)
        is_ratio = key[0].endswith("_ratio")    # absent, where it is not known; not 0
        if left is None and right == 0 and not is_ratio:
            continue
        is_near = (is_ratio or key[0].endswith("_sum")) and left is not None and right is not None
        comparison.equal(show_sample(key), left, right,
                         math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-6) if is_near else None)
    return comparison.report("samples", out)


# --- alerts ----------------------------------------------------------------------------------------------------------

MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.0+)?(?:Z|[+-]00:00)", re.ASCII)


def moment(text):
    """The time in one spelling; None for none."""
    if not text:
        return None
    match = MOMENT.fullmatch(text)
    if not match:
        raise Unusable(f"no time of an alert: {text}")
    return match.group(1) + "Z"


def incident_key(name, labels, active_at):
    return (name, labels.get("severity") or "", labels.get("scope") or "", labels.get("provider") or "",
            labels.get("configuration_set") or "", labels.get("identity") or "", moment(active_at))


def compare_alerts(oracle_path, alerts_path, out, rules=None):
    wanted, given = {}, {}
    names = rules and {(rule["name"], rule.get("severity", "")) for rule in read_json(rules)}
    left_out = 0
    for item in read_json(oracle_path):
        labels = dict(item)
        labels["identity"] = item.get("key")
        wanted[incident_key(item["rule"], labels, item["activeAt"])] = item
    answer = read_json(alerts_path)
    if answer.get("status") != "success":
        raise Unusable(f"{alerts_path}: the status is {answer.get('status')!r}")
    pending = 0
    for item in answer["data"]["alerts"]:
        if item["state"] == "pending":
            pending += 1
            continue
        if names and (item["labels"]["alertname"], item["labels"].get("severity") or "") not in names:
            left_out += 1
            continue
        key = incident_key(item["labels"]["alertname"], item["labels"], item["activeAt"])
        if key in given:
            raise Unusable(f"{alerts_path}: incident {key} is there twice")
        given[key] = item
    comparison = Comparison()
    comparison.equal("incidents", len(wanted), len(given))      # none is a result, too
    for key in sorted(set(wanted) | set(given), key=str):
        left, right = wanted.get(key), given.get(key)
        place = " ".join(str(part) for part in key if part)
        if left is None or right is None:
            comparison.equal(place, "absent" if left is None else "fired", "absent" if right is None else "fired")
            continue
        for name in ("firedAt", "resolvedAt"):
            comparison.equal(f"{place} {name}", moment(left.get(name)), moment(right.get(name)))
        comparison.equal(f"{place} state", "resolved" if left.get("resolvedAt") else "firing", right["state"])
        for name in ("numerator", "denominator"):
            comparison.equal(f"{place} {name}", left[name], right.get(name))
    print(f"{len(wanted)} incidents expected, {len(given)} given, {pending} pending left out, "
          f"{left_out} of other rules", file=out)
    return comparison.report("values", out)


def main(arguments, out=sys.stdout):
    kinds = {"cells": compare_cells, "report": compare_report, "metrics": compare_metrics, "alerts": compare_alerts}
    options = {}
    if arguments[:2] == ["metrics", "--no-visits"]:
        arguments = [arguments[0], *arguments[2:]]
        options = {"has_visits": False}
    elif arguments[:2] == ["alerts", "--rules"] and len(arguments) > 2:
        options = {"rules": arguments[2]}
        arguments = [arguments[0], *arguments[3:]]
    if len(arguments) != 3 or arguments[0] not in kinds:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        return kinds[arguments[0]](arguments[1], arguments[2], out, **options)
    except (Unusable, OSError, UnicodeDecodeError) as error:
        print(f"cannot compare: {error}", file=out)
    except (KeyError, TypeError, AttributeError) as error:
        print(f"cannot compare: not the expected form ({type(error).__name__}: {error})", file=out)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
