#!/usr/bin/env python3
"""Looks at a history that `replay --openmetrics` wrote, and at what a Prometheus makes of it. Knows nothing of how.

  openmetrics_history.py text FILE STEP       its order and its times
  openmetrics_history.py ends FILE METRICS    the last value of every series is that of the metrics
  openmetrics_history.py blocks FOLDER        prints the samples and the series in a folder of blocks
  openmetrics_history.py hours URL CELLS      increase() over every whole hour is the sum of the hour's cells
  openmetrics_history.py holes URL            every series has a value at every minute from its first to its last
  openmetrics_history.py labels URL NAME=VALUE...

Exit: 0 as it should be, 1 not.
"""

import collections
import csv
import datetime
import json
import os
import re
import sys
import urllib.parse
import urllib.request

SAMPLE = re.compile(r'(ses_\w+_total\{.*\}) (\d+)(?: (-?\d+))?')
FAMILIES = """events recipients bounces bounce_reasons complaints delivery_delays delay_reasons opens clicks
              unique_opens unique_clicks subscription_changes rejects rendering_failures""".split()
HOUR = 3600


def wrong(text):
    print(text)
    sys.exit(1)


def read(path):
    """Yields (series, value, time) of a file."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line[0] != "#":
                match = SAMPLE.fullmatch(line.rstrip("\n"))
                if not match:
                    wrong(f"not understood: {line}")
                yield match[1], int(match[2]), int(match[3])


def text(path, step):
    step, lines = int(step), open(path, encoding="utf-8").read().splitlines()
    if lines[-1] != "# EOF" or lines.count("# EOF") != 1 or "" in lines:
        wrong("no end, or more than one, or empty lines")
    types = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    if len(types) != len(set(types)) or not set(types) <= {f"ses_{name}" for name in FAMILIES}:
        wrong(f"families: {types}")
    series = collections.OrderedDict()
    at = None
    for name, value, time in read(path):
        if name != at and name in series:
            wrong(f"{name} comes twice")
        at = name
        series.setdefault(name, []).append((time, value))
    ends = {points[-1][0] for points in series.values()}
    if len(ends) != 1 or min(ends) % HOUR:
        wrong(f"they end at {sorted(ends)[:5]}")
    families = []
    for name, points in series.items():
        family = name.split("{")[0]
        if family not in families:
            families.append(family)
        elif families[-1] != family:
            wrong(f"{family} comes twice")
        if points[0][1] != 0 or points[0][0] % step:
            wrong(f"{name} begins with {points[0]}")
        times = {time for time, _ in points}
        for (t0, v0), (t1, v1) in zip(points, points[1:]):
            if not 0 < t1 - t0 <= 240 or v1 < v0:
                wrong(f"{name}: {v0} at {t0}, then {v1} at {t1}")
            if v1 != v0 and (t1 % step or t1 - t0 > step):
                wrong(f"{name} changed from {t0} to {t1}")
        for hour in range(points[0][0] // HOUR * HOUR + HOUR, points[-1][0] + 1, HOUR):
            if hour not in times:
                wrong(f"{name} has no sample at {hour}")


def without(series, names):
    for name in names:
        series = re.sub(rf',{name}="(?:[^"\\]|\\.)*"', "", series)
    return series


def ends(path, metrics):
    last, wanted = {}, {}
    for name, value, _ in read(path):
        last[without(name, ("instance", "job"))] = value
    names = {f"ses_{name}_total" for name in FAMILIES}
    with open(metrics, encoding="utf-8") as file:
        for line in file:
            match = SAMPLE.fullmatch(line.rstrip("\n"))
            if match and match[1].split("{")[0] in names and match[2] != "0":
                wanted[match[1]] = int(match[2])
    if not wanted or last != wanted:
        differ = [f"{name}: {last.get(name)}, not {wanted.get(name)}" for name in sorted(set(last) | set(wanted))
                  if last.get(name) != wanted.get(name)]
        wrong("\n".join([f"{len(differ)} of {len(wanted)} series"] + differ[:10]))


def blocks(folder):
    """No series ends before the last block."""
    samples = series = 0
    for name in os.listdir(folder):
        meta = os.path.join(folder, name, "meta.json")
        if os.path.exists(meta):
            with open(meta, encoding="utf-8") as file:
                stats = json.load(file)["stats"]
            samples += stats["numSamples"]
            series = max(series, stats["numSeries"])
    print(samples, series)


def get(url, path, **query):
    with urllib.request.urlopen(f"{url}/api/v1/{path}?{urllib.parse.urlencode(query, doseq=True)}", timeout=120) as r:
        answer = json.load(r)
    if answer["status"] != "success":
        wrong(answer)
    return answer["data"]


def stamp(text_time):
    return int(datetime.datetime.fromisoformat(text_time.replace("Z", "+00:00")).timestamp())


def hours(url, cells):
    wanted = collections.Counter()
    with open(cells, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            end = stamp(row["time"]) // HOUR * HOUR + HOUR
            labels = row["event_type"], row["configuration_set"]
            wanted["ses_events_total", labels, end] += int(row["records"])
            wanted["ses_recipients_total", labels + (row["provider"],), end] += int(row["recipients"])
    wanted = {key: n for key, n in wanted.items() if n}
    first, last = min(key[2] for key in wanted), max(key[2] for key in wanted)
    names = {"ses_events_total": ("event_type", "configuration_set"),
             "ses_recipients_total": ("event_type", "configuration_set", "provider")}
    got = {}
    for family, labels in names.items():
        data = get(url, "query_range", query=f"increase({family}[1h])", start=first, end=last, step=HOUR)
        for series in data["result"]:
            key = tuple(series["metric"].get(label, "") for label in labels)
            for time, value in series["values"]:
                if float(value):
                    got[family, key, int(time)] = float(value)
    if not wanted or got != wanted:
        differ = [f"{key}: {got.get(key)}, not {wanted.get(key)}" for key in sorted(set(got) | set(wanted))
                  if got.get(key) != wanted.get(key)]
        wrong("\n".join([f"{len(differ)} of {len(wanted)} hours"] + differ[:10]))
    print(f"{len(wanted)} hours of series")


def holes(url):
    end = datetime.datetime(2026, 11, 5, tzinfo=datetime.timezone.utc).timestamp()
    start = datetime.datetime(2026, 10, 31, 12, tzinfo=datetime.timezone.utc).timestamp()
    count = 0
    for name in FAMILIES:
        data = get(url, "query_range", query=f"ses_{name}_total", start=int(start), end=int(end), step=60)
        for series in data["result"]:
            times = [int(time) for time, _ in series["values"]]
            count += 1
            if len(times) != (times[-1] - times[0]) // 60 + 1:
                wrong(f"{series['metric']} has {len(times)} values from {times[0]} to {times[-1]}")
    if count < 100:
        wrong(f"only {count} series")


def labels(url, *pairs):
    wanted = dict(pair.split("=", 1) for pair in pairs)
    for series in get(url, "series", **{"match[]": '{__name__=~"ses_.*"}'}, start=1, end=4e9):
        if any(series.get(name) != value for name, value in wanted.items()):
            wrong(series)


COMMANDS = {"text": text, "ends": ends, "blocks": blocks, "hours": hours, "holes": holes, "labels": labels}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
