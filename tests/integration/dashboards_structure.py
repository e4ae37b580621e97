#!/usr/bin/env python3
"""Looks at the dashboards' JSON by itself: layout, numbers, names of metrics and labels, units, variables, links.

  dashboards_structure.py FOLDER               what is wrong, a line each; 1 when anything is
  dashboards_structure.py --self-test FOLDER   puts faults into a copy, each of which must be found
  dashboards_structure.py --queries FOLDER     every query, a line each, behind `instant` or `range`
"""
import copy
import pathlib
import re
import sys

import dashboards_model as model
import dashboards_promql as promql

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLUMNS = 24
TARGET_LABELS = {"job", "instance"}
OTHERS = {"up": set(), "scrape_duration_seconds": set(),
          "scrape_samples_scraped": set(),
          "ALERTS": {"alertname", "alertstate", "severity", "scope", "provider", "configuration_set", "source"}}
# Counters of one scrape that are set against each other: no time is in it.
BALANCES = {"Unaccounted for"}
NO_DATA_TYPES = {"row", "text", "dashlist"}
# Grafana's own ids of units; those in use here.
UNITS = {"short", "percentunit", "percent", "s", "ms", "bytes", "decbytes", "reqps", "ops", "cps", "rowsps", "Bps", "binBps",
         "none", "dateTimeAsIso", "dateTimeFromNow", "bool", "bool_yes_no", "bool_on_off", "cpm", "opm", "rpm", "dtdurations",
         "eps", "mps", "wps", "recps", "locale", "string", "clocks"}


def families():
    """metric -> its labels, as docs/metrics.md has them, which the tests hold against the source"""
    found = {}
    text = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    for name, kind, labels in re.findall(r"^\| `((?:ses|process)_\w+)` \| (\w+) \| ([^|]*) \|", text, re.M):
        own = set(re.findall(r"`(\w+)`", labels))
        names = [name] if kind != "histogram" else [name + end for end in ("_bucket", "_sum", "_count")]
        for each in names:
            found[each] = own
    return found


def recorded():
    """Names that rules of grafana/rules record"""
    names = set()
    for path in sorted((ROOT / "grafana/rules").glob("*.y*ml")):
        names |= set(re.findall(r"^\s*-?\s*record:\s*([\w:]+)", path.read_text(encoding="utf-8"), re.M))
    return names


def layout(dashboard):
    ids = []
    for panel in dashboard["panels"]:
        ids += [panel["id"]] + [inner["id"] for inner in panel.get("panels", [])]
    for number in sorted(set(ids)):
        if ids.count(number) > 1:
            yield f"the number {number} stands {ids.count(number)} times"
    groups = [dashboard["panels"]] + [p["panels"] for p in dashboard["panels"] if p.get("panels")]
    for group in groups:
        taken = {}
        for panel in group:
            at = panel["gridPos"]
            if at["x"] < 0 or at["x"] + at["w"] > COLUMNS or at["w"] < 1 or at["h"] < 1 or at["y"] < 0:
                yield f"{panel['title']}: outside of {COLUMNS} columns: {at}"
            for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
                other = taken.setdefault(cell, panel["title"])
                if other != panel["title"]:
                    yield f"{panel['title']} lies over {other}"
                    break


def described(dashboard):
    for what in ("uid", "title", "description", "schemaVersion"):
        if not dashboard.get(what):
            yield f"no {what}"
    if dashboard.get("id") is not None or dashboard.get("editable") is not False or dashboard.get("graphTooltip") != 1:
        yield "id must be null, editable false, graphTooltip 1"
    if not 39 <= dashboard.get("schemaVersion", 0) <= 42:
        yield "a schemaVersion of another time"
    for panel in model.panels(dashboard):
        name = panel.get("title") or f"panel {panel['id']}"
        if not panel.get("title") or len(panel.get("description", "")) < 20:
            yield f"{name}: no title, or hardly a description"
        if panel["type"] in NO_DATA_TYPES:
            continue
        unit = panel["fieldConfig"]["defaults"].get("unit")
        if unit not in UNITS:
            yield f"{name}: unit {unit!r}"
        for override in panel["fieldConfig"].get("overrides", []):
            for one in override["properties"]:
                if one["id"] == "unit" and one["value"] not in UNITS:
                    yield f"{name}: unit {one['value']!r}"
        if not panel.get("targets"):
            yield f"{name}: no query"


def datasources(dashboard):
    for panel in model.panels(dashboard):
        if panel["type"] in NO_DATA_TYPES:
            continue
        for where in [panel] + panel.get("targets", []):
            if where.get("datasource") != {"type": "prometheus", "uid": "${datasource}"}:
                yield f"{panel['title']}: another data source: {where.get('datasource')}"
    for variable in model.variables(dashboard):
        if variable["type"] == "query" and variable.get("datasource", {}).get("uid") != "${datasource}":
            yield f"variable {variable['name']}: another data source"
    if not any(v["type"] == "datasource" and v["query"] == "prometheus" for v in model.variables(dashboard)):
        yield "no variable for the data source"


def names(dashboard, known):
    for where, expr in model.expressions(dashboard):
        found = promql.selectors(expr)
        if not found:
            yield f"{where}: names no metric: {expr}"
        for metric, matchers in found:
            if metric not in known:
                yield f"{where}: nobody exports {metric}"
                continue
            for label, _, _ in matchers:
                if known[metric] is not None and label not in known[metric] | TARGET_LABELS:
                    yield f"{where}: {metric} has no label {label}"
            if not where.startswith(("variable", "annotation")) and metric != "ALERTS":
                if {label for label, _, _ in matchers} & TARGET_LABELS != TARGET_LABELS:
                    yield f"{where}: {metric} without job and instance"
        grouped = " ".join(re.findall(r"\b(?:by|without|on|ignoring)\s*\(([^()]*)\)", expr))
        made = set(re.findall(r"label_(?:replace|join)\(.*?,\s*\"(\w+)\"", expr)) | {"le", ""}
        allowed = set().union(*[known.get(m) or set() for m, _ in found]) | TARGET_LABELS | made
        for label in re.split(r"[,\s]+", grouped):
            if not label.startswith("$") and label not in allowed:
                yield f"{where}: grouped by {label}, which no metric there has"


def ranges(dashboard):
    """Counters only through rate or increase, and over Grafana's own intervals"""
    for where, expr in model.expressions(dashboard):
        if where.startswith(("variable", "annotation")) or where.rpartition(" ")[0] in BALANCES:
            continue
        for name, span in re.findall(r"\b(rate|irate)\(\s*[\w:]+(?:\{[^}]*\})?\[([^\]]*)\]", expr):
            if span not in ("$__rate_interval", "$__range"):
                yield f"{where}: {name} over {span}, not $__rate_interval"
        without = re.sub(r"\b(?:rate|irate|increase|delta|resets|changes|count|absent|present_over_time|timestamp)\(\s*[\w:]+(?:\{[^}]*\})?", "", expr)
        for name in re.findall(r"\b(\w+_(?:total|bucket))\b", re.sub(r"\"[^\"]*\"", "", without)):
            yield f"{where}: the counter {name} as it is"


def variable_use(dashboard):
    own = {v["name"] for v in model.variables(dashboard)}
    used = set()
    for where, expr in model.expressions(dashboard):
        used |= model.used_variables(expr)
        for name in model.used_variables(expr) - own - model.BUILT_IN:
            yield f"{where}: no variable ${name}"
        for variable in model.variables(dashboard):
            if variable.get("multi") or variable.get("includeAll"):
                if re.search(r"[^~]=\s*\"\$\{?%s\b" % variable["name"], expr):
                    yield f"{where}: ${variable['name']} takes several values and needs =~"
    for name in own - used - {"datasource"}:
        yield f"the variable {name} is used nowhere"


def links(dashboard, others):
    found = [(dashboard["title"], link) for link in dashboard.get("links", [])]
    for panel in model.panels(dashboard):
        field = panel.get("fieldConfig", {})
        inner = panel.get("links", []) + field.get("defaults", {}).get("links", [])
        for override in field.get("overrides", []):
            for one in override["properties"]:
                if one["id"] == "links":
                    inner += one["value"]
        found += [(panel["title"], link) for link in inner]
    for where, link in found:
        if link.get("type") == "dashboards":
            tagged = [d for d in others.values() if set(link["tags"]) <= set(d["tags"])]
            if len(tagged) < 2 <= len(others):
                yield f"{where}: nobody has the tags {link['tags']}"
            continue
        url = link["url"]
        if url.startswith("/d/"):
            uid = re.match(r"/d/([^/?]+)", url).group(1)
            if uid not in others:
                yield f"{where}: no dashboard {uid}"
                continue
            theirs = {v["name"] for v in model.variables(others[uid])}
            given = set(re.findall(r"[?&]var-(\w+)=", url)) | set(re.findall(r"\$\{(\w+):queryparam\}", url))
            for name in given - theirs:
                yield f"{where}: {uid} has no variable {name}"
        own = {v["name"] for v in model.variables(dashboard)}
        for name in model.used_variables(url) - own - model.BUILT_IN:
            if not re.search(r"\$\{__(?:value|data|field|series)\b", url) or not name.startswith("__"):
                yield f"{where}: the link has ${name}, which is none here"


def legends(dashboard):
    for panel in model.panels(dashboard):
        for target in panel.get("targets", []):
            for label in model.legend_labels(target.get("legendFormat", "")):
                if not re.search(rf"\b{label}\b", target["expr"]):
                    yield f"{panel['title']} {target['refId']}: the legend names {label}, the query does not"
        letters = [t["refId"] for t in panel.get("targets", [])]
        if len(set(letters)) != len(letters):
            yield f"{panel['title']}: two queries of one letter"


def wrong_in(dashboards):
    known = {**families(), **OTHERS, **{name: None for name in recorded()}}
    for uid, dashboard in dashboards.items():
        for check in (layout, described, datasources, ranges, variable_use, legends):
            for line in check(dashboard):
                yield f"{uid}: {line}"
        for line in names(dashboard, known):
            yield f"{uid}: {line}"
        for line in links(dashboard, dashboards):
            yield f"{uid}: {line}"


# --- does it find anything ------------------------------------------------------------------------------------------------


def charts(dashboard):
    return [p for p in model.panels(dashboard) if p["type"] not in NO_DATA_TYPES]


def target_with(dashboard, text):
    return next(t for p in charts(dashboard) for t in p["targets"] if text in t["expr"])


def put(target, old, new):
    assert old in target["expr"], (old, target["expr"])
    target["expr"] = target["expr"].replace(old, new)


FAULTS = {
    "lies over": lambda d: charts(d)[1]["gridPos"].update(charts(d)[0]["gridPos"]),
    "outside of 24": lambda d: charts(d)[0]["gridPos"].update(x=20, w=8),
    "stands 2 times": lambda d: charts(d)[1].update(id=charts(d)[0]["id"]),
    "hardly a description": lambda d: charts(d)[0].update(description=""),
    "unit 'percentage'": lambda d: charts(d)[0]["fieldConfig"]["defaults"].update(unit="percentage"),
    "another data source": lambda d: charts(d)[0]["targets"][0].update(datasource={"type": "prometheus", "uid": "mine"}),
    "nobody exports ses_mails_total": lambda d: charts(d)[0]["targets"][0].update(expr='ses_mails_total{job=~"$job"}'),
    "has no label isp": lambda d: put(target_with(d, "{job="), '{job=', '{isp="gmail",job='),
    "without job and instance": lambda d: put(target_with(d, 'instance=~"$instance"'), 'instance=~"$instance"', ''),
    "not $__rate_interval": lambda d: put(target_with(d, "$__rate_interval"), "$__rate_interval", "5m"),
    "as it is": lambda d: charts(d)[0]["targets"][0].update(expr='sum(ses_events_total{job=~"$job",instance=~"$instance"})'),
    "no variable $jobs": lambda d: put(target_with(d, "$job"), "$job", "$jobs"),
    "needs =~": lambda d: put(target_with(d, 'job=~"$job"'), 'job=~"$job"', 'job="$job"'),
    "the legend names isp": lambda d: charts(d)[0]["targets"][0].update(legendFormat="{{isp}}"),
    "no dashboard nowhere": lambda d: charts(d)[0].update(links=[{"title": "x", "url": "/d/nowhere?a=b"}]),
    "has no variable isp": lambda d: charts(d)[0].update(links=[{"title": "x", "url": f"/d/{d['uid']}?var-isp=b"}]),
    "grouped by isp": lambda d: charts(d)[0]["targets"][0].update(
        expr='sum by (isp) (rate(ses_events_total{job=~"$job",instance=~"$instance"}[$__rate_interval]))'),
    "a schemaVersion": lambda d: d.update(schemaVersion=16),
}


def self_test(dashboards):
    missed = []
    for fault, put_in in FAULTS.items():
        tried = copy.deepcopy(dashboards)
        put_in(next(iter(tried.values())))
        if not any(fault in line for line in wrong_in(tried)):
            missed.append(fault)
    print(f"{len(FAULTS) - len(missed)} of {len(FAULTS)} faults found")
    for fault in missed:
        print(f"not found: {fault}")
    return missed


def main():
    mode, folder = (sys.argv[1], sys.argv[2]) if len(sys.argv) > 2 else ("", sys.argv[1])
    dashboards = model.load(folder)
    if not dashboards:
        sys.exit(f"no dashboards in {folder}")
    if mode == "--queries":
        print("\n".join(f"{when} {expr}" for d in dashboards.values() for when, expr in model.moments(d)))
        return
    if mode == "--self-test":
        sys.exit(len(self_test(dashboards)) > 0)
    wrong = list(wrong_in(dashboards))
    print("\n".join(wrong))
    print(f"{len(dashboards)} dashboards, {sum(len(charts(d)) for d in dashboards.values())} panels, {len(wrong)} things wrong")
    sys.exit(len(wrong) > 0)


if __name__ == "__main__":
    main()
