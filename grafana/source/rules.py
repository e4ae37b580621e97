"""What every dashboard here keeps to: the published rules of Grafana's dashboard linter
(https://github.com/grafana/dashboard-linter, docs/rules), and that panels lie in 24 columns without overlapping.

Exceptions have a reason and are listed by the panel; they are written into the linter's own file too, so that it and
this say the same.
"""
import re

import model as m

UNITS = {"short", "none", "percentunit", "s", "bytes", "Bps", "ops", "reqps", "recps", "mps"}
WITH_UNITS = {"stat", "table", "timeseries", "gauge", "bargauge"}
FUNCTIONS = {"rate", "irate", "increase"}
OVER_THE_RANGE = "Counts within the time that the dashboard shows, at its end."
ALERTS_HAVE_NO_JOB = "Prometheus's alerts have the labels of their expressions, and mostly no job or instance."
BOOKKEEPING = "The accounting holds for the counters as they stand, and for no rate of them."

SELECTOR = re.compile(r"\b([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^{}]*)\}(\[[^\]]*\])?")
COUNTER = re.compile(r"_(total|bucket|sum|count)$")


def targets(dashboard):
    """(panel, index, target)"""
    for panel in dashboard.all_panels():
        for i, target in enumerate(panel.get("targets", [])):
            yield panel, i, target


def exceptions(dashboard):
    """rule: {reason: [(panel's title, index of the target)]}"""
    found = {}

    def note(rule, reason, panel, i):
        found.setdefault(rule, {}).setdefault(reason, []).append((panel["title"], i))

    for panel, i, target in targets(dashboard):
        if target["instant"] and "[$__range]" in target["expr"]:
            note("target-rate-interval-rule", OVER_THE_RANGE, panel, i)
        if "ALERTS{" in target["expr"]:
            note("target-job-rule", ALERTS_HAVE_NO_JOB, panel, i)
            note("target-instance-rule", ALERTS_HAVE_NO_JOB, panel, i)
        if panel["title"] == "Unaccounted for":
            note("target-counter-agg-rule", BOOKKEEPING, panel, i)
    return found


def lint_file(dashboards):
    """The linter's file of exceptions, as YAML."""
    rules = {}
    for dashboard in dashboards:
        for rule, reasons in exceptions(dashboard).items():
            for reason, entries in reasons.items():
                rules.setdefault(rule, {}).setdefault(reason, []).extend((dashboard.title, *entry) for entry in entries)
    lines = ["# Written by scripts/dashboards: exceptions for https://github.com/grafana/dashboard-linter.",
             "exclusions:"]
    for rule, reasons in sorted(rules.items()):
        if len(reasons) != 1:
            raise m.Mistake(f"{rule} has exceptions for several reasons, and the linter's file takes one")
        for reason, entries in reasons.items():
            lines += [f"  {rule}:", f"    reason: {quoted(reason)}", "    entries:"]
            for title, panel, i in entries:
                lines.append(f"      - {{dashboard: {quoted(title)}, panel: {quoted(panel)}, targetIdx: {i}}}")
    return "\n".join(lines) + "\n"


def quoted(words):
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"') + '"'


def called_with(expr, start):
    """The function whose argument the selector at `start` is, if any."""
    before = re.search(r"(\w+)\($", expr[:start])
    return before.group(1) if before else ""


def broken_in_expression(expr, excepted):
    for found in SELECTOR.finditer(expr):
        metric, matchers, window = found.groups()
        for name in ("job", "instance"):
            if f'{name}=~"${name}"' not in matchers and f"target-{name}-rule" not in excepted:
                yield f"{metric} has no matcher of {name}"
        function = called_with(expr, found.start())
        if function in FUNCTIONS and window != "[$__rate_interval]" and "target-rate-interval-rule" not in excepted:
            yield f"{function} over {window}"
        if COUNTER.search(metric) and function not in FUNCTIONS and "target-counter-agg-rule" not in excepted:
            yield f"the counter {metric} without a rate"
    if re.search(r"(?<![\w.])ses_\w+(?![\w{])", expr):
        yield "a metric without matchers"


def broken_in_panel(panel):
    if panel["type"] == "row":
        return
    if not panel.get("title") or not panel.get("description"):
        yield "no title or description"
    if panel["datasource"] != m.DATASOURCE or any(t["datasource"] != m.DATASOURCE for t in panel.get("targets", [])):
        yield "another data source"
    if panel["type"] != "text" and not panel.get("targets"):
        yield "no targets"
    fields = [panel["fieldConfig"]["defaults"].get("unit")]
    fields += [p["value"] for o in panel["fieldConfig"]["overrides"] for p in o["properties"] if p["id"] == "unit"]
    if panel["type"] in WITH_UNITS and set(fields) - UNITS:
        yield f"units {set(fields) - UNITS}"


def overlapping(dashboard):
    taken = {}
    for panel in dashboard.all_panels():
        at = panel["gridPos"]
        if at["x"] < 0 or at["w"] < 1 or at["h"] < 1 or at["x"] + at["w"] > m.COLUMNS:
            yield f"{panel['title']}: outside the columns"
        for y in range(at["y"], at["y"] + at["h"]):
            for x in range(at["x"], at["x"] + at["w"]):
                other = taken.setdefault((x, y), panel["title"])
                if other != panel["title"]:
                    yield f"{panel['title']} lies on {other}"
                    return


def broken_in_variables(made):
    by_name = {v["name"]: v for v in made["templating"]["list"]}
    if [v["name"] for v in made["templating"]["list"] if v["type"] == "datasource"] != ["datasource"]:
        yield "the variable of the data source"
    for name in ("job", "instance"):
        v = by_name.get(name, {})
        wanted = {"type": "query", "label": name, "multi": True, "allValue": ".+", "datasource": m.DATASOURCE}
        if any(v.get(key) != value for key, value in wanted.items()):
            yield f"the variable {name}"
    for v in by_name.values():
        if v["type"] == "query" and v["refresh"] != 2:
            yield f"the variable {v['name']} does not follow the time"
    used = set(re.findall(r"\$\{?([a-z]\w*)", str(made)))
    for name in sorted(used - set(by_name)):
        yield f"${name} is no variable"


def broken(dashboard, uids):
    """What is wrong, one sentence each. uids: of all dashboards."""
    made = dashboard.to_json()
    excepted = {}
    for rule, reasons in exceptions(dashboard).items():
        for entries in reasons.values():
            for entry in entries:
                excepted.setdefault(entry, set()).add(rule)
    for panel, i, target in targets(dashboard):
        for what in broken_in_expression(target["expr"], excepted.get((panel["title"], i), ())):
            yield f"{panel['title']}, query {target['refId']}: {what}"
    for panel in dashboard.all_panels():
        for what in broken_in_panel(panel):
            yield f"{panel['title']}: {what}"
    yield from overlapping(dashboard)
    yield from broken_in_variables(made)
    titles = [p["title"] for p in dashboard.all_panels()]
    for title in {t for t in titles if titles.count(t) > 1}:
        yield f"two panels are called {title}"
    for uid in sorted(set(re.findall(r"/d/([\w-]+)", str(made))) - uids):
        yield f"a link to the dashboard {uid}, which is not there"
    if made["editable"]:
        yield "it is editable"
