#!/usr/bin/env python3
"""Asks a Prometheus every query of every dashboard as Grafana would; prints "ok NAME" and "not ok NAME" lines.

  dashboards_queries.py FOLDER WORLDS PROMETHEUS-URL [--verbose]

WORLDS is JSON: name -> {job, start, end, scrape}. `week` is what is usual, `live` a service on Kafka and files just now,
`control` one in trouble, `oracle` what should have been counted at the edges of `week`.
"""
import json
import math
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

import dashboards_model as model
import dashboards_promql as promql

# Who opened is judged a minute later than in the oracle's reading, which has all of the input at once: counts of visits are
# near, and rates of visits are left out.
VISITS = re.compile(r"ses_(unique_)?(opens|clicks)_total")
VISIT_RATES = {"open", "proxy_open", "machine_open", "click", "machine_click"}
COUNTERS = re.compile(r"^ses_(?!collector_|delivery_seconds)[a-z_]+_total$")   # the oracle has no histogram
RATES = re.compile(r"^ses_rate_[a-z]+$")


class Refused(Exception):
    pass


class Prometheus:
    def __init__(self, url):
        self.url, self.asked, self.known = url, 0, {}

    def get(self, path, **arguments):
        """The data of an answer. The same question, which another choice of variables comes to, is asked once."""
        key = (path, *sorted((name, str(value)) for name, value in arguments.items()))
        if key not in self.known:
            self.known[key] = self.ask(path, arguments)
        return self.known[key]

    def ask(self, path, arguments):
        self.asked += 1
        data = urllib.parse.urlencode(arguments, doseq=True).encode()
        request = urllib.request.Request(self.url + path + ("?" + data.decode() if path.endswith("values") else ""),
                                         data=None if path.endswith("values") else data)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise Refused(json.loads(error.read()).get("error", str(error))) from None

    def instant(self, expr, at):
        """[(labels, [(time, value)])]"""
        data = self.get("/api/v1/query", query=expr, time=at)
        if data["resultType"] == "scalar":
            return [({}, [tuple(map(float, data["result"]))])]
        return [(row["metric"], [tuple(map(float, row["value"]))]) for row in data["result"]]

    def range(self, expr, start, end, step):
        data = self.get("/api/v1/query_range", query=expr, start=start, end=end, step=step)
        return [(row["metric"], [tuple(map(float, v)) for v in row["values"]]) for row in data["result"]]

    def options(self, query, scene):
        """Of a variable"""
        text = scene.fill(query)
        found = re.fullmatch(r"\s*label_values\(\s*(?:(.*)\s*,)?\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*\)\s*", text, re.S)
        if found:
            arguments = {"match[]": found.group(1)} if found.group(1) else {}
            return self.get(f"/api/v1/label/{found.group(2)}/values", start=scene.start, end=scene.end, **arguments)
        found = re.fullmatch(r"\s*query_result\((.*)\)\s*", text, re.S)
        if not found:
            raise Refused(f"no form of a variable's query that is known: {text}")
        return [json.dumps(labels) for labels, _ in self.instant(found.group(1), scene.end)]


# --- what is chosen on top of a dashboard -------------------------------------------------------------------------------


def defaults(dashboard, job):
    chosen = {}
    for variable in model.variables(dashboard):
        name, current = variable["name"], variable.get("current", {}).get("value", "")
        if name == "job":
            chosen[name] = job
        elif variable["type"] == "query" and variable.get("includeAll"):
            chosen[name] = None
        else:
            chosen[name] = current[0] if isinstance(current, list) and current else current or ""
    return chosen


def resolve(prometheus, scene):
    """Options of each variable, in the order in which Grafana finds them"""
    for variable in model.variables(scene.dashboard):
        if variable["type"] == "query":
            found = prometheus.options(model.query_of(variable), scene)
            if variable.get("regex"):
                pattern = variable["regex"].strip("/")
                hits = [re.search(pattern, text) for text in found]
                found = [hit.group(1) if hit.groups() else hit.group(0) for hit in hits if hit]
            scene.options[variable["name"]] = found
            if variable["name"] not in ("job",) and scene.chosen.get(variable["name"]) == "" and found:
                scene.chosen[variable["name"]] = found[0]


def busiest(prometheus, scene, name, options, how_many):
    """Those options with the most mail, so that a drill-down has something to show"""
    try:
        job = scene.chosen["job"]
        rows = prometheus.instant(f'sum by ({name}) (ses_recipients_total{{job="{job}",provider!="simulator"}})', scene.end)
    except Refused:
        rows = []
    ranked = [labels[name] for labels, _ in sorted(rows, key=lambda row: -row[1][0][1]) if labels.get(name) in options]
    return (ranked + [o for o in options if o not in ranked and o])[:how_many]


def scenes(prometheus, dashboard, world):
    """(what, scene): everything; one of each; two of each; each choice of a list of choices"""
    def make(**changed):
        scene = model.Scene(dashboard, world["start"], world["end"], world["scrape"],
                            {**defaults(dashboard, world["job"]), **changed})
        resolve(prometheus, scene)
        return scene
    first = make()
    yield "all", first
    several = [v["name"] for v in model.variables(dashboard) if v["type"] == "query" and v["name"] != "job"]
    for what, count in (("one", 1), ("two", 2)):
        picked = {name: busiest(prometheus, first, name, first.options[name], count) for name in several}
        yield what, make(**{name: values if len(values) > 1 else values[0] for name, values in picked.items() if values})
    for variable in model.variables(dashboard):
        if variable["type"] == "custom":
            for value in (o["value"] for o in variable.get("options", [])):
                if value != first.chosen[variable["name"]]:
                    yield f"{variable['name']}={value}", make(**{variable["name"]: value})


# --- what a target gives ------------------------------------------------------------------------------------------------


def answer(prometheus, scene, target):
    expr = scene.fill(target["expr"])
    if target.get("instant"):
        return prometheus.instant(expr, scene.end)
    return prometheus.range(expr, scene.start, scene.end, scene.step)


def problems(rows, target, name):
    if any(math.isinf(value) for _, values in rows for _, value in values):
        yield f"{name}: an infinite value"
    for labels, values in rows:
        if not any(math.isfinite(value) for _, value in values):
            yield f"{name}: a series that is never a number: {labels}"
            break
    for label in model.legend_labels(target.get("legendFormat", "")):
        missing = [labels for labels, _ in rows if label not in labels]
        if rows and len(missing) == len(rows):
            yield f"{name}: the legend names {label}, which no series has: {missing[0]}"


class Report:
    def __init__(self):
        self.failed = 0

    def say(self, name, wrong):
        print(f"{'not ok' if wrong else 'ok'} {name}")
        for line in list(wrong)[:12]:
            print(f"  {line}")
        self.failed += bool(wrong)


def check_panels(prometheus, worlds, dashboard, report):
    empty = set()
    for what, scene in scenes(prometheus, dashboard, worlds["week"]):
        wrong = [f"variable {name} has no values" for name, found in scene.options.items() if not found]
        asked = 0
        for panel in model.panels(dashboard):
            for target in panel.get("targets", []):
                name, asked = f"{panel['title']} {target['refId']}", asked + 1
                try:
                    rows = answer(prometheus, scene, target)
                except Refused as why:
                    wrong.append(f"{name}: {why}: {scene.fill(target['expr'])}")
                    continue
                wrong += problems(rows, target, name)
                if not rows and what == "all":
                    empty.add((panel["id"], target["refId"]))
                elif not rows and (panel["id"], target["refId"]) not in empty and what == "one":
                    print(f"  # {dashboard['uid']}: one of each: {name} is empty")
        report.say(f"{dashboard['uid']}: {what}: {asked} queries", wrong)
    check_empty(prometheus, worlds, dashboard, empty, report)


def check_empty(prometheus, worlds, dashboard, empty, report):
    """What the week does not show must be shown by a world that is made for it"""
    wrong, seen = [], 0
    others = {name: next(scenes(prometheus, dashboard, worlds[name]))[1] for name in ("live", "control")}
    for panel in model.panels(dashboard):
        for target in panel.get("targets", []):
            if (panel["id"], target["refId"]) not in empty:
                continue
            hits = {name: answer(prometheus, scene, target) for name, scene in others.items()}
            shown = [name for name, rows in hits.items() if rows]
            name = f"{panel['title']} {target['refId']}"
            if not shown:
                wrong.append(f"{name}: nowhere anything: {others['control'].fill(target['expr'])}")
            else:
                seen += 1
                wrong += problems(hits[shown[0]], target, name)
                print(f"  # {dashboard['uid']}: {name}: shown by {shown[0]}")
    report.say(f"{dashboard['uid']}: nothing is empty everywhere ({seen} are shown only in other worlds)", wrong)


# --- against the oracle -------------------------------------------------------------------------------------------------


def comparable(target, expr):
    """Whether the oracle's two scrapes are enough: counters over the whole range, or rates at its end, both at its end"""
    names = promql.metrics(target["expr"])
    if any(label == "rate" and value in VISIT_RATES for _, matchers in promql.selectors(expr) for label, _, value in matchers):
        return False
    if not names or "$__rate_interval" in target["expr"] or "$__interval" in target["expr"] or " offset " in expr:
        return False
    return all(COUNTERS.match(n) for n in names) and "$__range" in target["expr"] or all(RATES.match(n) for n in names)


def births(prometheus, expr, scene):
    """What the series that the query selects and that began within the range have now: increase() does not see what they
    began with, so so much may be missing"""
    lost = 0
    for name, matchers in promql.selectors(expr):
        series = name + "{" + ",".join(f'{label}{operator}"{value}"' for label, operator, value in matchers) + "}"
        rows = prometheus.instant(f"sum({series} unless {series} offset {int(scene.end - scene.start)}s)", scene.end)
        lost += rows[0][1][0][1] if rows else 0
    return lost


def compare(mine, theirs, slack):
    """slack: how much less or more each may be"""
    def table(rows):
        return {tuple(sorted((k, v) for k, v in labels.items() if k != "job")): values[-1][1] for labels, values in rows}
    mine, theirs = table(mine), table(theirs)
    wrong = []
    for labels in sorted(set(mine) | set(theirs)):
        if dict(labels).get("rate") in VISIT_RATES:
            continue
        got, wanted = mine.get(labels, 0), theirs.get(labels, 0)
        if not math.isclose(got, wanted, rel_tol=1e-9, abs_tol=1e-9 + slack):
            wrong.append(f"{dict(labels)}: {got}, the oracle has {wanted}")
    return wrong, len(theirs)


def sees_nothing(mine, theirs, slack):
    """A comparison that does not see an answer that is wrong by a little more than it allows is none"""
    if not mine:
        return False
    labels, values = next((row for row in mine if row[0].get("rate") not in VISIT_RATES), mine[0])
    spoilt = [(labels, [(values[-1][0], values[-1][1] * 1.001 + slack * 2 + 1e-6)])] + [row for row in mine if row[0] is not labels]
    return labels.get("rate") not in VISIT_RATES and not compare(spoilt, theirs, slack)[0]


def check_oracle(prometheus, worlds, dashboard, report):
    wrong, exact, near, values, blind = [], 0, 0, 0, 0
    for what, scene in scenes(prometheus, dashboard, worlds["week"]):
        truth = model.Scene(dashboard, scene.start, scene.end, scene.scrape, {**scene.chosen, "job": worlds["oracle"]["job"]})
        truth.options = scene.options
        for panel in model.panels(dashboard):
            for target in panel.get("targets", []):
                expr = scene.fill(target["expr"])
                if not comparable(target, expr) or "topk" in expr:
                    continue
                try:
                    mine = prometheus.instant(expr, scene.end)
                    theirs = prometheus.instant(truth.fill(target["expr"]), scene.end)
                except Refused:
                    continue    # told elsewhere
                slack = births(prometheus, expr, scene) if "$__range" in target["expr"] else 0
                visits = VISITS.search(expr) is not None
                if visits:
                    slack += 0.02 * max((v[-1][1] for _, v in theirs), default=0)
                found, count = compare(mine, theirs, slack)
                wrong += [f"{what}: {panel['title']} {target['refId']}: {line}" for line in found]
                blind += not found and sees_nothing(mine, theirs, slack)
                exact, near, values = exact + (slack == 0), near + (slack > 0), values + count
    if exact + near:
        if blind or exact < 100:
            wrong.append(f"{exact} answers were compared, and {blind} comparisons did not see one more or less")
        report.say(f"{dashboard['uid']}: the oracle's numbers: {exact} answers exactly, {near} within what their series began "
                   f"with or visits leave open, {values} values", wrong)


# --- annotations ----------------------------------------------------------------------------------------------------------


def check_annotations(prometheus, worlds, dashboard, report):
    wrong, count = [], 0
    _, scene = next(scenes(prometheus, dashboard, worlds["week"]))
    for annotation in model.annotations(dashboard):
        expr = annotation.get("expr") or annotation["target"]["expr"]
        count += 1
        try:
            rows = prometheus.range(scene.fill(expr), scene.start, scene.end, scene.step)
        except Refused as why:
            wrong.append(f"{annotation['name']}: {why}")
            continue
        if not rows:
            wrong.append(f"{annotation['name']}: nothing in a week with incidents: {scene.fill(expr)}")
        for label in model.legend_labels(annotation.get("titleFormat", "")):
            if rows and not any(label in labels for labels, _ in rows):
                wrong.append(f"{annotation['name']}: no {label} in {rows[0][0]}")
    report.say(f"{dashboard['uid']}: {count} annotations", wrong)


def main():
    folder, worlds, url = sys.argv[1:4]
    with open(worlds, encoding="utf-8") as file:
        worlds = json.load(file)
    prometheus, report = Prometheus(url), Report()
    for dashboard in model.load(folder).values():
        for step in (check_panels, check_oracle, check_annotations):
            try:
                step(prometheus, worlds, dashboard, report)
            except (Refused, KeyError, AttributeError) as error:
                report.say(f"{dashboard['uid']}: {step.__name__}", [repr(error)])
    report.say(f"{prometheus.asked} questions were asked", [] if prometheus.asked > 100 else ["too few"])
    sys.exit(report.failed != 0)


if __name__ == "__main__":
    main()
