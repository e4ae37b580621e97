"""A dashboard's JSON as Grafana would treat it when it asks a Prometheus: variables, intervals, panels and targets.

What is said of Grafana here was taken from how its Prometheus data source fills in queries: a value of a variable that
takes several is escaped as a regular expression and joined by |, All is the variable's own text for it, and
$__rate_interval is the greater of four scrapes and of one step and a scrape.
"""
import json
import pathlib
import re

VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::(\w+))?\}|\[\[(\w+)(?::(\w+))?\]\]")
POINTS = 1000   # how many a panel of a usual screen asks for
STEPS = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400]
BUILT_IN = {"__range", "__range_s", "__range_ms", "__rate_interval", "__interval", "__interval_ms", "__from", "__to",
            "__dashboard", "__url_time_range", "__all_variables"}


def load(folder):
    """uid -> dashboard"""
    found = {}
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        made = json.loads(path.read_text(encoding="utf-8"))
        made["_file"] = path.name
        found[made["uid"]] = made
    return found


def panels(dashboard):
    """All that show something, those of folded rows too."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels", [])
        else:
            yield panel


def variables(dashboard):
    return dashboard.get("templating", {}).get("list", [])


def annotations(dashboard):
    return [a for a in dashboard.get("annotations", {}).get("list", []) if not a.get("builtIn")]


def query_of(variable):
    query = variable.get("query", "")
    return query["query"] if isinstance(query, dict) else query


def expressions(dashboard):
    """(where, PromQL) of everything that is asked, with variables still in it"""
    for panel in panels(dashboard):
        for target in panel.get("targets", []):
            yield f"{panel['title']} {target.get('refId', '?')}", target["expr"]
    for annotation in annotations(dashboard):
        yield f"annotation {annotation['name']}", annotation.get("expr") or annotation.get("target", {}).get("expr", "")
    for variable in variables(dashboard):
        if variable["type"] == "query":
            yield f"variable {variable['name']}", query_of(variable)


def moments(dashboard):
    """("instant" or "range", PromQL) of everything that is asked of series"""
    instant = {t["expr"] for p in panels(dashboard) for t in p.get("targets", []) if t.get("instant")}
    for _, expr in expressions(dashboard):
        yield "instant" if expr in instant else "range", expr


def used_variables(text):
    return {a or b or c for a, b, _, c, _ in VARIABLE.findall(text)}


def duration(seconds):
    return f"{int(seconds)}s"


def step_of(length, scrape, points=POINTS):
    """$__interval in seconds: a round time, at least a scrape"""
    wanted = length / points
    for step in STEPS:
        if step >= wanted and step >= scrape:
            return step
    return STEPS[-1]


def escape(value):
    """Of a value that goes into a regular expression, which goes into a PromQL string"""
    return re.sub(r"[\\^$*+?.()|\[\]{}]", r"\\\\\g<0>", value)


class Scene:
    """A dashboard with a time range, and a value for each variable."""

    def __init__(self, dashboard, start, end, scrape, chosen):
        """`chosen`: name -> a text, a list of texts, or None for All"""
        self.dashboard, self.start, self.end, self.scrape, self.chosen = dashboard, start, end, scrape, chosen
        self.step = step_of(end - start, scrape)
        self.by_name = {v["name"]: v for v in variables(dashboard)}
        self.options = {}   # name -> what a variable's own query found

    def built_in(self, name, scrape):
        length = self.end - self.start
        step = max(self.step, scrape)
        return {
            "__range": duration(length), "__range_s": str(int(length)), "__range_ms": str(int(length * 1000)),
            "__interval": duration(step), "__interval_ms": str(int(step * 1000)),
            "__rate_interval": duration(max(step + scrape, 4 * scrape)),
            "__from": str(int(self.start * 1000)), "__to": str(int(self.end * 1000)),
        }.get(name)

    def value_of(self, name, regex=True):
        variable = self.by_name[name]
        value = self.chosen.get(name, "")
        if value is None:   # All
            if variable.get("allValue"):
                return variable["allValue"]
            value = self.options[name]
        if variable.get("multi") or variable.get("includeAll"):
            values = [value] if isinstance(value, str) else value
            escaped = [escape(v) if regex else v for v in values]
            return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
        return value.replace("\\", "\\\\").replace('"', '\\"') if regex else value

    def fill(self, text, scrape=None):
        """The text as it is sent; a variable that does not exist stays, as in Grafana, and Prometheus refuses it"""
        def replace(match):
            name = match.group(1) or match.group(2) or match.group(4)
            if name in self.by_name:
                return self.value_of(name)
            built_in = self.built_in(name, scrape or self.scrape)
            return match.group(0) if built_in is None else built_in
        return VARIABLE.sub(replace, text)


def legend_labels(legend):
    return re.findall(r"\{\{\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*\}\}", legend or "")


