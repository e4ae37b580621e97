#!/usr/bin/env python3
"""What the oracle counted, as two scrapes of a job of its own: at the beginning of the week shown, and at its end.

  dashboards_truth.py --cut TIME --end TIME --job NAME --out FILE INSTANCE=BEFORE,ALL...

BEFORE and ALL are the oracle's metrics of what had come by --cut and by --end. A counter that is missing in BEFORE was 0.
"""
import argparse
import datetime
import json

def time_of(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def text_of(labels):
    return ",".join(f'{name}="{escaped(value)}"' for name, value in labels.items())


def escaped(value):
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def samples(path):
    """name and labels -> value, of the oracle's list"""
    with open(path, encoding="utf-8") as file:
        return {(row["name"], text_of(row["labels"])): row["value"] for row in json.load(file)}


def main():
    parser = argparse.ArgumentParser()
    for name in "cut end job out".split():
        parser.add_argument("--" + name, required=True)
    parser.add_argument("instances", nargs="+")
    args = parser.parse_args()
    count = 0
    with open(args.out, "w", encoding="utf-8") as out:
        for instance in args.instances:
            name, _, files = instance.partition("=")
            before, everything = (samples(path) for path in files.split(","))
            for metric, labels in list(everything):     # the oracle leaves out what is 0
                if metric == "ses_rate_denominator":
                    everything.setdefault(("ses_rate_numerator", labels), 0)
            for (metric, labels), value in everything.items():
                series = f'{metric}{{job="{args.job}",instance="{name}"{"," if labels else ""}{labels}}}'
                if metric.endswith(("_total", "_bucket", "_count", "_sum")):
                    out.write(f"{series} {before.get((metric, labels), 0)} {time_of(args.cut)}\n")
                out.write(f"{series} {value} {time_of(args.end)}\n")
                count += 1
    print(f"{count} series")
    assert count > 500, "hardly a series"


main()
