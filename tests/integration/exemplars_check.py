#!/usr/bin/env python3
"""What exemplars a Prometheus holds, against the dump that was counted.

    exemplars_check.py URL JOB DUMP...    each exemplar of the job's series names a message of which the dump has such an
                                          event: of that set, provider and kind, at that time, with that value; and every
                                          family that a dump has something of has exemplars out of that dump. Prints how
                                          many there are.
    exemplars_check.py URL JOB --dashboard FILE    each query of a dashboard that asks for exemplars gets some. Prints how
                                          many do.

The dump is read by the oracle, not by the program. Providers are not learned.
"""
import collections
import hashlib
import json
import os
import re
import sys
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../oracle"))
import knowing  # noqa: E402
import records  # noqa: E402

DETAILS = {  # type -> family and labels of what it is labelled with, family by reason
    "bounce": ("ses_bounces_total", ("bounce_type", "bounce_subtype"), "ses_bounce_reasons_total"),
    "complaint": ("ses_complaints_total", ("feedback_type",), None),
    "delivery_delay": ("ses_delivery_delays_total", ("delay_type",), "ses_delay_reasons_total"),
    "reject": ("ses_rejects_total", ("reason",), None),
    "rendering_failure": ("ses_rendering_failures_total", ("template",), None),
    "subscription": ("ses_subscription_changes_total", ("change", "source"), None),
}
WITHOUT_PROVIDER = {"reject", "rendering_failure", "subscription"}


def key_of(name, labels):
    return name, frozenset((k, v) for k, v in labels.items() if v)


def series_of(record):
    """Family, labels and value of what one record is counted under."""
    for recipient in record.recipients if record.per_recipient and record.recipients else [None]:
        where = {"configuration_set": record.configuration_set}
        if record.type not in WITHOUT_PROVIDER:
            where["provider"] = recipient.provider if recipient and record.type != "complaint" else record.provider
        if record.type == "delivery" and record.milliseconds is not None:
            yield "ses_delivery_seconds", where, record.milliseconds / 1000
        if record.type in DETAILS:
            family, names, reasons = DETAILS[record.type]
            values = record.label if isinstance(record.label, tuple) else (record.label,)
            yield family, where | dict(zip(names, values)), 1
            if reasons:
                yield reasons, where | {"reason": recipient.reason}, 1


def name_of(message_id):
    return hashlib.sha256(message_id.encode()).hexdigest()[:16]


def counted(path):
    found = collections.defaultdict(set)
    knowledge = knowing.Knowledge()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            record = records.extract(json.loads(line), line, 0, len(line), (), knowledge)
            for family, labels, value in series_of(record):
                found[key_of(family, labels)].add((name_of(record.message_id), record.time, value))
    return found


def ask(url, query):
    asked = urllib.parse.urlencode({"query": query, "start": 0, "end": 4e9})
    with urllib.request.urlopen(url + "/api/v1/query_exemplars?" + asked, timeout=30) as f:
        answer = json.load(f)
    assert answer["status"] == "success", answer
    return answer["data"]


def held(url, job):
    return ask(url, '{__name__=~"ses_.+",job="%s"}' % job)


def queries_with_exemplars(panels):
    for panel in panels:
        for target in panel.get("targets", []):
            if target.get("exemplar"):
                yield panel["title"], target["expr"]
        yield from queries_with_exemplars(panel.get("panels", []))


def dashboard(url, job, path):
    """Every variable but the job is as wide as can be."""
    with open(path, encoding="utf-8") as f:
        asked = list(queries_with_exemplars(json.load(f)["panels"]))
    without = []
    for title, expr in asked:
        query = re.sub(r"\$\w+", ".+", expr.replace("$__rate_interval", "5m").replace("$job", job))
        if not any(series["exemplars"] for series in ask(url, query)):
            without.append(title)
    print(len(asked), "queries;", "without exemplars:", without)
    return 1 if without or not asked else 0


def bucket_is_right(value, bound, bounds):
    below = [b for b in bounds if b < bound]
    return (max(below) if below else -1) < value <= bound


def main(url, job, *paths):
    dumps = [counted(path) for path in paths]
    bounds = {float(s["seriesLabels"]["le"].replace("+Inf", "inf")) for s in held(url, job) if "le" in s["seriesLabels"]}
    bounds |= {0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 1800, 3600, 14400}
    families, wrong = collections.Counter(), []
    missing = {(name, path) for dump, path in zip(dumps, paths) for name, _ in dump}
    for series in held(url, job):
        labels = {k: v for k, v in series["seriesLabels"].items() if k not in ("__name__", "job", "instance")}
        name = series["seriesLabels"]["__name__"].removesuffix("_bucket")
        bound = labels.pop("le", None)
        for exemplar in series["exemplars"]:
            value = float(exemplar["value"])
            one = exemplar["labels"].get("message_hash"), round(exemplar["timestamp"] * 1000), value
            sources = [path for dump, path in zip(dumps, paths) if one in dump[key_of(name, labels)]]
            missing -= {(name, path) for path in sources}
            right = sources and len(exemplar["labels"]) == 1
            if bound:
                right = right and bucket_is_right(value, float(bound.replace("+Inf", "inf")), bounds)
            families[name] += 1
            if not right:
                wrong.append((name, labels, bound, one))
    for what in wrong[:3]:
        print("of no event:", what)
    if missing:
        print("without exemplars:", sorted(missing))
    print(sum(families.values()), "exemplars of", len(families), "families")
    return 1 if wrong or missing or not families else 0


if __name__ == "__main__":
    if sys.argv[3] == "--dashboard":
        sys.exit(dashboard(*sys.argv[1:3], sys.argv[4]))
    sys.exit(main(*sys.argv[1:]))
