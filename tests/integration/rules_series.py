#!/usr/bin/env python3
"""What a Prometheus would have seen, as input of `promtool test rules`; and what our own alerts say should fire then.

  rules_series.py --rules FILE --alerts FILE --start TIME --step SECONDS --at TIME [--openmetrics FILE] PAGE...

A PAGE is /metrics as it was at TIME, TIME + SECONDS, ... With --openmetrics it is one file with times. Prints the test.
TIME is in seconds since 1970, or as in 2026-11-01T02:00:00Z.
"""
import argparse
import datetime
import json
import re
import sys

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? ([^ ]+)(?: ([0-9.]+))?$')
LABELS = ("alertname", "severity", "scope", "provider", "configuration_set", "identity", "reason")


def time_of(text):
    if re.fullmatch(r"[0-9.]+", text):
        return float(text)
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def read_samples(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            match = SAMPLE.match(line.rstrip("\n"))
            if match and not line.startswith("#"):
                yield match.group(1), match.group(2) or "", match.group(3), match.group(4)


def wanted_series(path):
    """The metrics that rules name; and of the rates, which there are many of, rate, window, basis and scopes."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    rates = re.findall(r'ses_rate_[a-z]+\{rate="([^"]*)",window="([^"]*)",basis="([^"]*)",scope=~?"([^"]*)"', text)
    rates = {(r, w, b, scope) for r, w, b, scopes in rates for scope in scopes.split("|")}
    names = set(re.findall(r"\bses_[a-z_]+", text))

    def wants(name, labels):
        if name not in names:
            return False
        of = dict(re.findall(r'([a-z_]+)="([^"]*)"', labels))
        return not name.startswith("ses_rate_") or (of["rate"], of["window"], of["basis"], of["scope"]) in rates
    return wants


def read_series(args, wants):
    """name and labels -> a value, or None, for each step"""
    series = {}
    steps = int((args.at - args.start) / args.step) + 1
    pages = [(args.openmetrics, None)] if args.openmetrics else [(p, i) for i, p in enumerate(args.pages)]
    for path, index in pages:
        for name, labels, value, when in read_samples(path):
            if not wants(name, labels):
                continue
            at = index
            if at is None:
                offset = float(when) - args.start
                at = int(offset / args.step)
                if offset % args.step or offset < 0:
                    continue
            if at < steps:
                series.setdefault(name + labels, [None] * steps)[at] = value
    return series


def values_of(values):
    """promtool's own notation: runs of the same are written once"""
    out, i = [], 0
    while i < len(values):
        j = i
        while j + 1 < len(values) and values[j + 1] == values[i]:
            j += 1
        value = "_" if values[i] is None else values[i]
        if j == i:
            out.append(value)
        else:
            out.append(f"_x{j - i + 1}" if values[i] is None else f"{value}x{j - i}")
        i = j + 1
    return " ".join(out)


def firing(path, at):
    with open(path, encoding="utf-8") as file:
        rows = json.load(file)["data"]["alerts"]
    sets = set()
    for row in rows:
        if row.get("firedAt") and time_of(row["firedAt"]) <= at and \
           (not row.get("resolvedAt") or time_of(row["resolvedAt"]) > at):
            sets.add(tuple((name, row["labels"].get(name, "")) for name in LABELS if row["labels"].get(name)))
    return sorted(sets)


def main():
    parser = argparse.ArgumentParser()
    for name in ("rules", "alerts", "start", "step", "at"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--openmetrics")
    parser.add_argument("pages", nargs="*")
    args = parser.parse_args()
    args.start, args.step, args.at = time_of(args.start), float(args.step), time_of(args.at)
    series = read_series(args, wanted_series(args.rules))
    expected = firing(args.alerts, args.at)
    print(f"{len(series)} series, {len(expected)} alerts", file=sys.stderr)
    step = f"{int(args.step)}s"
    print(f"rule_files: [{json.dumps(args.rules)}]\nevaluation_interval: {step}\ntests:\n  - interval: {step}")
    print("    input_series:" if series else "    input_series: []")
    for name in sorted(series):
        print(f"      - series: {json.dumps(name, ensure_ascii=False)}\n        values: {json.dumps(values_of(series[name]))}")
    print("    promql_expr_test:")
    print(f'      - expr: count by ({", ".join(LABELS)}) (ALERTS{{alertstate="firing"}})')
    print(f"        eval_time: {int(args.at - args.start)}s")
    print("        exp_samples:" if expected else "        exp_samples: []")
    for labels in expected:
        text = "{" + ", ".join(f"{name}={json.dumps(value)}" for name, value in labels) + "}"
        print(f"          - {{labels: {json.dumps(text)}, value: 1}}")


main()
