#!/usr/bin/env python3
"""Reads a history back from the receiver that it was sent to, and holds it against what it should be.

  remote_write_history.py KIND URL HISTORY CELLS METRICS [NAME=VALUE...]

- every sample is in HISTORY (replay --openmetrics), and none else;
- every whole hour of every series is the sum of the oracle's cells (oracle.py --cells);
- the last values are the oracle's (oracle.py --metrics).

KIND is prometheus or victoria-metrics. NAME=VALUE are labels that choose the history; they are no part of what is compared.

Exit: 0 as it should be, 1 not.
"""

import collections
import csv
import json
import sys
import urllib.parse
import urllib.request

import openmetrics_history as history

FIRST, LAST = 1790000000, 1792000000  # 2026-09-21 to 2026-10-14: all histories lie in it
HOUR = 3600


def fetch(url):
    with urllib.request.urlopen(url, timeout=120) as answer:
        return answer.read()


def selector(labels):
    pairs = "".join(f",{name}={json.dumps(value)}" for name, value in labels.items())
    return '{__name__=~"ses_.+_total"' + pairs + "}"


def key_of(metric, labels):
    return frozenset(item for item in metric.items() if item[0] not in labels and item[1] != "")


def from_prometheus(url, labels):
    query = urllib.parse.urlencode({"query": f"{selector(labels)}[{LAST - FIRST}s]", "time": LAST})
    answer = json.loads(fetch(f"{url}/api/v1/query?{query}"))
    if answer["status"] != "success":
        history.wrong(answer)
    for series in answer["data"]["result"]:
        yield series["metric"], [(round(time * 1000), float(value)) for time, value in series["values"]]


def from_victoria_metrics(url, labels):
    fetch(f"{url}/internal/force_flush")
    query = urllib.parse.urlencode({"match[]": selector(labels), "start": FIRST, "end": LAST})
    for line in fetch(f"{url}/api/v1/export?{query}").splitlines():
        series = json.loads(line)
        points = zip(series["timestamps"], map(float, series["values"]))
        yield series["metric"], list(dict.fromkeys(points))  # it keeps what came twice


def stored(kind, url, labels):
    """(labels without those that choose) -> [(ms, value), ...]"""
    found = {}
    for metric, points in {"prometheus": from_prometheus, "victoria-metrics": from_victoria_metrics}[kind](url, labels):
        if found.setdefault(key_of(metric, labels), points) is not points:
            history.wrong(f"{metric} comes twice")
    if len(found) < 100:
        history.wrong(f"only {len(found)} series")
    return found


def read_labels(text):
    """Of a line of OpenMetrics; our names need no more than this."""
    name, rest = text.split("{", 1)
    found, at = {"__name__": name}, 0
    while rest[at] != "}":
        label, at = rest[at:rest.index("=", at)], rest.index("=", at) + 2
        value = ""
        while rest[at] != '"':
            if rest[at] == "\\":
                at += 1
                value += "\n" if rest[at] == "n" else rest[at]
            else:
                value += rest[at]
            at += 1
        found[label] = value
        at += 2 if rest[at + 1] == "," else 1
    return found


def in_file(path, labels):
    series, keys = collections.defaultdict(list), {}
    for text, value, time in history.read(path):
        if text not in keys:
            keys[text] = key_of(read_labels(text), labels)
        series[keys[text]].append((time * 1000, float(value)))
    return series


def differ(what, got, wanted):
    keys = [key for key in set(got) | set(wanted) if got.get(key) != wanted.get(key)]
    if keys or not wanted:
        lines = [f"{len(keys)} of {len(wanted)} {what} differ"]
        for key in keys[:5]:
            lines.append(f"{key}: {str(got.get(key))[:300]}, not {str(wanted.get(key))[:300]}")
        history.wrong("\n".join(lines))
    print(f"{len(wanted)} {what}")


def same(found, path, labels):
    wanted = in_file(path, labels)
    differ("series", found, wanted)
    print(f"{sum(map(len, wanted.values()))} samples")


def hours(found, path):
    wanted, got = collections.Counter(), {}
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            end = history.stamp(row["time"]) // HOUR * HOUR + HOUR
            named = {"event_type": row["event_type"], "configuration_set": row["configuration_set"]}
            wanted[key_of({"__name__": "ses_events_total", **named}, ()), end] += int(row["records"])
            named["provider"] = row["provider"]
            wanted[key_of({"__name__": "ses_recipients_total", **named}, ()), end] += int(row["recipients"])
    families = {("__name__", "ses_events_total"), ("__name__", "ses_recipients_total")}
    for key, points in found.items():
        if not key & families:
            continue
        at = dict(points)
        for end in range(points[0][0] // 1000 // HOUR * HOUR + HOUR, points[-1][0] // 1000 + 1, HOUR):
            if end * 1000 not in at:
                history.wrong(f"{key} has no sample at {end}")
            more = at[end * 1000] - at.get((end - HOUR) * 1000, 0)
            if more:
                got[key, end] = more
    differ("hours of series", got, {key: n for key, n in wanted.items() if n})


def totals(found, path):
    families = {f"ses_{name}_total" for name in history.FAMILIES}
    with open(path, encoding="utf-8") as file:
        wanted = {key_of({"__name__": row["name"], **row["labels"]}, ()): row["value"] for row in json.load(file)
                  if row["name"] in families and row["value"]}
    differ("totals", {key: points[-1][1] for key, points in found.items()}, wanted)


def main():
    _, kind, url, text, cells, metrics, *pairs = sys.argv
    labels = dict(pair.split("=", 1) for pair in pairs)
    found = stored(kind, url, labels)
    same(found, text, labels)
    hours(found, cells)
    totals(found, metrics)


if __name__ == "__main__":
    main()
