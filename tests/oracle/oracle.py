#!/usr/bin/env python3
"""Counts SES event records a second time, from docs/counting.md alone, to hold the collector's counts against.

  oracle.py [options] --cells FILE --report FILE --metrics FILE --alerts FILE PATH...

Reads plain, gzip and zip objects; zstd and snappy must be decompressed before. Any of the four outputs may be left
out. --by takes views separated by `;` (a comma is part of a view's name) and may be repeated, and so may --tag.
Where --metrics and --report know whose a company's domain is from the beginning, --cells and --alerts learn it hour by
hour, as the collector's do.
With --compare, records of the period before are counted for the report's comparison only.
"""

import argparse
import bisect
import csv
import datetime
import fractions
import json
import sys
import time

import alerts
import knowing
import ledger
import reading
import records
from ledger import DAY, HOUR, MINUTE

BASIC_VIEWS = ["account", "provider", "configuration_set", "provider,configuration_set", "identity"]
WINDOWS = {"5m": (5 * MINUTE, MINUTE), "1h": (HOUR, MINUTE), "24h": (24 * HOUR, HOUR), "7d": (7 * DAY, DAY)}
SCOPES = ["account", "provider", "configuration_set", "provider_configuration_set", "identity"]
SENT_SCOPES = SCOPES[:3]    # what the metrics show by send time

REASONS_OF = {"bounce": "bounce", "delivery_delay": "delay"}

# What AWS looks at: kind -> (rate, the states that begin at a threshold).
REPUTATION = {
    "bounce": ("reputation_bounce", (("under_review", "0.05"), ("at_risk", "0.1"))),
    "complaint": ("complaint", (("under_review", "0.001"), ("at_risk", "0.005"))),
}


def parse_time_option(text):
    if text.isdigit():
        return int(text) * 1000
    found = records.parse_time(text + "T00:00:00Z" if len(text) == 10 else text)
    if found is None:
        raise argparse.ArgumentTypeError(f"no time: {text}")
    return found


def parse_duration(text):
    units = {"ms": 1, "s": 1000, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
    number = text.rstrip("mshdw")
    if not number.isdigit() or text[len(number):] not in units:
        raise argparse.ArgumentTypeError(f"no duration: {text}")
    return int(number) * units[text[len(number):]]


def format_seconds(seconds):
    if seconds is None:
        return None
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


# --- outputs ---------------------------------------------------------------------------------------------------------

def write_cells(book, file):
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["time", "event_type", "configuration_set", "provider", "records", "recipients"])

    def order(item):
        minute, kind, name, provider = item[0]
        return minute, records.TYPE_ORDER.index(kind), name.encode(), provider.encode()

    for (minute, kind, name, provider), numbers in sorted(book.cells().items(), key=order):
        writer.writerow([format_seconds(minute * 60), kind, name, provider, *numbers])


def row_numbers(row):
    """records, recipients and rates of a row of Ledger.view."""
    numbers = {"records": {}, "recipients": {}, "rates": {}}
    for what, number in row.items():
        name = what[1] if isinstance(what, tuple) else what
        if name[1] == ":":
            group = numbers["records" if name[0] == "r" else "recipients"]
            group[name[2:]] = group.get(name[2:], 0) + number
    for rate, (numerator, denominator) in ledger.rates_of(row).items():
        numbers["rates"][rate] = {"numerator": numerator, "denominator": denominator}
    return numbers


def make_report(book, views, boundary):
    """boundary: the minute at which the period begins that the one before is compared with, or None."""
    report = {"accounting": book.accounts, "reasons": reason_rows(book, boundary),
              "reputation": [labels | numbers for labels, numbers in reputation_rows(book.only_period())], "views": {}}
    for by in views:
        now = book.view(by, begin=boundary)
        before = book.view(by, end=boundary) if boundary is not None else {}
        rows = []
        for key in sorted(set(now) | set(before), key=lambda names: [name.encode() for name in names]):
            row = {"provider": key[0], "configuration_set": key[1], "name": key[2]} | row_numbers(now.get(key, {}))
            if boundary is not None:
                row["before"] = row_numbers(before.get(key, {}))
            rows.append(row)
        report["views"][by] = rows
    return report


def reason_rows(book, boundary):
    """Recipients bounced and delayed by reason, provider and configuration set, now and in the period before."""
    found = {}
    for (minute, name, provider, _, _, what, _), number in book.counts.items():
        kind, _, reason = what.partition("_reason:")
        if reason:
            is_before = boundary is not None and minute < boundary
            found.setdefault((REASONS_OF[kind], reason, provider, name), [0, 0])[is_before] += number
    return [dict(zip(("of", "reason", "provider", "configuration_set"), key), recipients=now, before=before)
            for key, (now, before) in sorted(found.items())]


def make_metrics(book):
    found = [{"name": name, "labels": dict(labels), "value": number}
             for (name, labels), number in sorted(book.samples.items())]
    for (name, provider), milliseconds in sorted(book.seconds.items()):
        labels = {"configuration_set": name, "provider": provider}
        found.append({"name": "ses_delivery_seconds_count", "labels": labels, "value": len(milliseconds)})
        found.append({"name": "ses_delivery_seconds_sum", "labels": labels, "value": sum(milliseconds) / 1000})
        if book.buckets:
            ordered = sorted(milliseconds)
            for bound in book.buckets + ["+Inf"]:
                value = len(ordered) if bound == "+Inf" else bisect.bisect_right(ordered, float(bound) * 1000)
                found.append({"name": "ses_delivery_seconds_bucket", "labels": labels | {"le": bound}, "value": value})
    return found + window_samples(book) + reputation_samples(book)


def windows_of(book):
    """(window, basis, scope, rows) of all windows, which end at the watermark."""
    for window, (length, cell) in WINDOWS.items():
        first = (book.watermark - length) // cell * cell // MINUTE
        behind = (book.watermark // cell + 1) * cell // MINUTE
        for basis, scopes in ("event", SCOPES), ("sent", SENT_SCOPES):
            for scope in scopes:
                yield window, basis, scope, book.view(scope, first, behind, basis)
    for scope in SENT_SCOPES:
        yield f"last_{book.last_sends}", "sent", scope, book.view_of_last_sends(scope)


def window_samples(book):
    found = []
    if book.watermark is None:
        return found
    for window, basis, scope, rows in windows_of(book):
        for key, row in sorted(rows.items()):
            for rate, numbers in ledger.rate_numbers(row).items():
                labels = {"rate": rate, "window": window, "basis": basis, "scope": scope, "provider": key[0],
                          "configuration_set": key[1], "identity": key[2]}
                for name, value in zip(("ses_rate_numerator", "ses_rate_denominator"), numbers):
                    if value:
                        found.append({"name": name, "labels": labels, "value": value})
                if numbers[1]:
                    found.append({"name": "ses_rate_ratio", "labels": labels, "value": numbers[0] / numbers[1]})
    return found


def reputation(kind, numerator, denominator):
    """(state, how many more would reach the next threshold or None)."""
    if not denominator:
        return "unknown", None
    state, to_next = "healthy", None
    for name, threshold in REPUTATION[kind][1]:
        reached = fractions.Fraction(threshold) * denominator
        if numerator >= reached:
            state = name
        elif to_next is None:
            to_next = -(-reached.numerator // reached.denominator) - numerator
    return state, to_next


def reputation_rows(book):
    """(labels, numbers) of the account and of each configuration set, for each kind."""
    found = []
    for scope in ("account", "configuration_set") if book.watermark is not None else ():
        for key, row in sorted(book.view_of_last_sends(scope).items()):
            for kind, (rate, _) in REPUTATION.items():
                numerator, denominator = ledger.rate_numbers(row)[rate]
                state, to_next = reputation(kind, numerator, denominator)
                found.append(({"kind": kind, "scope": scope, "configuration_set": key[1]},
                              {"numerator": numerator, "denominator": denominator, "state": state,
                               "to_next_threshold": to_next}))
    return found


def reputation_samples(book):
    found = []
    for labels, numbers in reputation_rows(book):
        samples = [("ses_reputation_state", {"state": numbers["state"]}, 1)]
        if numbers["denominator"]:
            samples.append(("ses_reputation_ratio", {}, numbers["numerator"] / numbers["denominator"]))
        if numbers["to_next_threshold"] is not None:
            samples.append(("ses_reputation_to_next_threshold", {}, numbers["to_next_threshold"]))
        found += [{"name": name, "labels": labels | more, "value": value} for name, more, value in samples]
    return found


def make_alerts(book, rules):
    found = alerts.incidents(book, rules)
    found.sort(key=lambda item: (item["firedAt"], item["rule"], item["severity"], item["scope"], item["provider"],
                                 item["configuration_set"]))
    for item in found:
        for name in ("activeAt", "firedAt", "resolvedAt"):
            item[name] = format_seconds(item[name])
    return found


# --- the command -----------------------------------------------------------------------------------------------------

def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="since", type=parse_time_option)
    parser.add_argument("--to", dest="until", type=parse_time_option)
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--lateness", type=parse_duration, default=72 * HOUR)
    parser.add_argument("--now", type=parse_time_option)
    parser.add_argument("--by", action="append", default=[])
    parser.add_argument("--verified-domains", default="")
    parser.add_argument("--mx-table", help="the operator's domains and their mail servers")
    parser.add_argument("--bounce-rules", help="the operator's rules of what a reply means")
    parser.add_argument("--no-learning", action="store_true", help="let nothing tell whose a domain is")
    parser.add_argument("--last-sends", type=int, default=10_000, metavar="N")
    parser.add_argument("--tag", action="append", default=[])
    parser.add_argument("--buckets", default="", help="bounds of ses_delivery_seconds, ascending, comma-separated")
    parser.add_argument("--rules", help="JSON list of alert rules")
    for name in ("cells", "report", "metrics", "alerts"):
        parser.add_argument("--" + name)
    parser.add_argument("paths", nargs="+", metavar="PATH")
    options = parser.parse_args(arguments)
    if options.compare and (options.since is None or options.until is None):
        parser.error("--compare needs --from and --to")
    if options.compare and options.since % MINUTE:
        parser.error("--compare needs a --from on a whole minute, since the periods are told apart by their cells")
    if options.alerts and not options.rules:
        parser.error("--alerts needs --rules")
    return options


def count(options):
    """The finished Ledger over all paths."""
    views = [by for item in options.by for by in item.split(";") if by]
    tags = list(dict.fromkeys(options.tag + [by[4:] for by in views if by.startswith("tag:")]))
    options.views = views or BASIC_VIEWS + ["tag:" + name for name in tags]
    since = options.since
    if options.compare:
        since = 2 * options.since - options.until
    book = ledger.Ledger(
        now=int(time.time() * 1000) if options.now is None else options.now, since=since, until=options.until,
        lateness=options.lateness, verified=options.verified_domains.replace(",", " ").split(), tag_names=tags,
        buckets=[bound for bound in options.buckets.split(",") if bound and bound != "+Inf"],
        period=options.since if options.compare else None,
        knowledge=knowing.Knowledge(options.mx_table, options.bounce_rules), is_learning=not options.no_learning,
        last_sends=options.last_sends)
    for path in reading.list_objects(options.paths):
        for text in reading.read_object(path):
            book.read_text(text)
    book.finish()
    return book


def main(arguments=None):
    options = parse_arguments(arguments)
    book = count(options)
    boundary = options.since // MINUTE if options.compare else None
    if options.cells:
        with open(options.cells, "w", encoding="utf-8", newline="") as file:
            write_cells(book.only_period(), file)
    rules = []
    if options.rules:
        with open(options.rules, encoding="utf-8") as file:
            rules = json.load(file)
    for path, make in ((options.report, lambda: make_report(book, options.views, boundary)),
                       (options.metrics, lambda: make_metrics(book.only_period())),
                       (options.alerts, lambda: make_alerts(book.only_period(), rules))):
        if path:
            with open(path, "w", encoding="utf-8") as file:
                json.dump(make(), file, indent=1, ensure_ascii=False)
                file.write("\n")
    print(" ".join(f"{name}={number}" for name, number in book.accounts.items()), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
