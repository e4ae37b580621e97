"""A small model of a Grafana dashboard in its Classic JSON form: what the three dashboards here are made of.

Panels are laid out in lines of 24 columns. A line has one height and its panels stand beside each other, so two panels
cannot overlap; a line that is too wide is an error.
"""

COLUMNS = 24
SCHEMA_VERSION = 42
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
GREEN, YELLOW, ORANGE, RED, BLUE, GREY = "green", "yellow", "orange", "red", "blue", "text"


class Mistake(Exception):
    """Something in a dashboard's source that Grafana would show wrongly."""


# --- Queries ------------------------------------------------------------------------------------------------------


def query(expr, legend="", instant=False, table=False, heatmap=False, exemplars=False):
    """One target of a panel. A table's is instant. With exemplars Grafana also asks for messages that are examples, and
    draws each as a dot."""
    instant = instant or table
    form = "table" if table else "heatmap" if heatmap else "time_series"
    return {
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": " ".join(expr.split()),
        "format": form,
        "instant": instant,
        "range": not instant,
        "exemplar": exemplars,
        "legendFormat": legend or "__auto",
    }


def letter(number):
    return chr(ord("A") + number)


# --- Fields -------------------------------------------------------------------------------------------------------


def thresholds(*steps, base=GREEN):
    """steps: (value, colour), rising."""
    rows = [{"color": base, "value": None}] + [{"color": colour, "value": value} for value, colour in steps]
    values = [value for value, _ in steps]
    if values != sorted(values):
        raise Mistake(f"thresholds do not rise: {values}")
    return {"mode": "absolute", "steps": rows}


def words(*rows):
    """Value mappings: (value, text, colour)."""
    options = {str(value): {"text": text, "color": colour, "index": i} for i, (value, text, colour) in enumerate(rows)}
    return [{"type": "value", "options": options}]


def defaults(unit, decimals=None, limits=None, mappings=None, none=None, **more):
    field = {
        "unit": unit,
        "color": {"mode": "thresholds" if limits else "palette-classic"},
        "thresholds": limits or thresholds(),
        "mappings": mappings or [],
    }
    if decimals is not None:
        field["decimals"] = decimals
    if none is not None:
        field["noValue"] = none
    field.update(more)
    return field


def override(name, **properties):
    """Of the field that is shown under this name. Dots in a property's name are written as __."""
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()],
    }


def colours(**of_series):
    return [override(name, color={"mode": "fixed", "fixedColor": colour}) for name, colour in of_series.items()]


# --- Panels -------------------------------------------------------------------------------------------------------


def panel(kind, title, description, targets, field, options, overrides=None, transformations=None, links=None):
    if not title or not description:
        raise Mistake(f"a panel without title or description: {title!r}")
    targets = [dict(target, refId=letter(i)) for i, target in enumerate(targets)]
    made = {
        "type": kind,
        "title": title,
        "description": " ".join(description.split()),
        "datasource": DATASOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": field, "overrides": overrides or []},
        "options": options,
    }
    if transformations:
        made["transformations"] = transformations
    if links:
        made["links"] = links
    return made


def legend(*calcs, as_table=True):
    return {
        "displayMode": "table" if as_table else "list",
        "placement": "bottom",
        "showLegend": True,
        "calcs": list(calcs),
    }


def lines(stack, bars, log, limits):
    """How a chart draws its series."""
    return {
        "drawStyle": "bars" if bars else "line",
        "lineInterpolation": "linear",
        "lineWidth": 1,
        "fillOpacity": 40 if stack or bars else 0 if log else 8,
        "gradientMode": "none",
        "pointSize": 4,
        "showPoints": "auto",
        "spanNulls": False,
        "insertNulls": False,
        "axisPlacement": "auto",
        "axisLabel": "",
        "axisColorMode": "text",
        "scaleDistribution": {"type": "log", "log": 10} if log else {"type": "linear"},
        "hideFrom": {"legend": False, "tooltip": False, "viz": False},
        "stacking": {"group": "A", "mode": "normal" if stack else "none"},
        "thresholdsStyle": {"mode": "dashed" if limits else "off"},
    }


# What a legend says of each series. The last value that is there is not "now" where a series has gaps, so those that
# have some say how high they were, and no last one.
ALL_CALCS, PEAKS, WITH_GAPS, PEAK = ("mean", "max", "lastNotNull"), ("max", "lastNotNull"), ("mean", "max"), ("max",)
SORTED_BY = {"lastNotNull": "Last *", "max": "Max", "mean": "Mean", "sum": "Total", "min": "Min"}


def timeseries(title, description, targets, unit, decimals=None, limits=None, stack=False, bars=False, log=False,
               calcs=ALL_CALCS, overrides=None, around=None):
    """Thresholds are drawn as dashed lines; the series keep colours of their own. The axis begins at 0, unless it is
    logarithmic, or shows at least what is `around` (low, high), so that a small fall from 100 % is seen."""
    field = defaults(unit, decimals, limits, custom=lines(stack, bars, log, limits))
    field["color"] = {"mode": "palette-classic"}
    if around:
        field["custom"].update(axisSoftMin=around[0], axisSoftMax=around[1])
    elif not log:
        field["min"] = 0
    options = {"legend": {**legend(*calcs), "sortBy": SORTED_BY[calcs[-1]], "sortDesc": calcs[-1] != "min"},
               "tooltip": {"mode": "multi", "sort": "desc"}}
    return panel("timeseries", title, description, targets, field, options, overrides)


def stat(title, description, target, unit, decimals=None, limits=None, mappings=None, none=None, links=None):
    """One value of now. An instant query: over a range the last value would stand there long after the source is
    gone."""
    if not target["instant"]:
        raise Mistake(f"{title}: the query is not an instant one")
    field = defaults(unit, decimals, limits, mappings, none)
    if not limits:
        field["color"] = {"mode": "fixed", "fixedColor": BLUE}
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "auto",
        "textMode": "value",
        "wideLayout": True,
        "colorMode": "background" if limits else "value",
        "graphMode": "none",
        "justifyMode": "center",
        "showPercentChange": False,
    }
    return panel("stat", title, description, [target], field, options, links=links)


def bargauge(title, description, targets, unit, decimals=None, limits=None, links=None, largest=None):
    field = defaults(unit, decimals, limits)
    field["min"] = 0
    if largest is not None:
        field["max"] = largest
    if not limits:
        field["color"] = {"mode": "continuous-BlPu"}
    options = {
        "displayMode": "basic" if limits else "gradient",
        "orientation": "horizontal",
        "valueMode": "color",
        "namePlacement": "auto",
        "showUnfilled": True,
        "sizing": "auto",
        "minVizWidth": 8,
        "minVizHeight": 16,
        "maxVizHeight": 300,
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
    }
    return panel("bargauge", title, description, targets, field, options, links=links)


class Column:
    """Of a table: what it is called, and how its values look. Either of a query, or, without one, of a label. Not
    shown: a query that only says which rows there are."""

    def __init__(self, name, expr=None, label=None, unit="short", decimals=None, limits=None, link=None, width=None,
                 mappings=None, shown=True):
        if (expr is None) == (label is None):
            raise Mistake(f"column {name}: a query or a label")
        self.name, self.expr, self.label, self.shown = name, expr, label, shown
        self.unit, self.decimals, self.limits = unit, decimals, limits
        self.link, self.width, self.mappings = link, width, mappings

    def override(self):
        properties = {}
        if self.expr is not None:
            properties["unit"] = self.unit
        if self.decimals is not None:
            properties["decimals"] = self.decimals
        if self.limits:
            properties["thresholds"] = self.limits
        if self.mappings:
            properties["mappings"] = self.mappings
        if self.limits or self.mappings:
            properties["custom__cellOptions"] = {"type": "color-background", "mode": "basic"}
        if self.link:
            properties["links"] = [self.link]
        if self.width:
            properties["custom__width"] = self.width
        return override(self.name, **properties) if properties else None


def arranged(columns, hidden):
    """Columns in their order and by their names; without the time, labels that are hidden, and columns not shown."""
    queries = [c for c in columns if c.expr is not None]
    values = {c.name: "Value" if len(queries) == 1 else f"Value #{letter(i)}" for i, c in enumerate(queries)}
    sources = {values[c.name] if c.expr is not None else c.label: c for c in columns}
    left_out = ["Time", *hidden, *(source for source, c in sources.items() if not c.shown)]
    return {
        "excludeByName": {name: True for name in left_out},
        "includeByName": {},
        "indexByName": {source: i for i, source in enumerate(sources)},
        "renameByName": {source: c.name for source, c in sources.items() if c.shown},
    }


def table(title, description, columns, sort, rows=None, hidden=(), links=None, descending=True):
    """Each query is an instant one, and a column; rows are joined by what labels they share. `sort` is a column's name.
    `hidden`: labels that are left out, as the time is. `rows`: at most so many."""
    queries = [c for c in columns if c.expr is not None]
    if sort not in [c.name for c in columns if c.shown]:
        raise Mistake(f"{title}: no column {sort}")
    steps = []
    if len(queries) > 1:
        steps.append({"id": "merge", "options": {}})
    steps.append({"id": "organize", "options": arranged(columns, hidden)})
    steps.append({"id": "sortBy", "options": {"fields": {}, "sort": [{"field": sort, "desc": descending}]}})
    if rows:
        steps.append({"id": "limit", "options": {"limitField": rows}})
    field = defaults("short", None, thresholds(), custom={
        "align": "auto", "cellOptions": {"type": "auto"}, "inspect": False, "filterable": True, "minWidth": 60})
    options = {
        "showHeader": True,
        "cellHeight": "sm",
        "sortBy": [{"displayName": sort, "desc": descending}],
    }
    overrides = [o for o in (c.override() for c in columns if c.shown) if o]
    return panel("table", title, description, [query(c.expr, table=True) for c in queries], field, options, overrides,
                 steps, links)


def heatmap(title, description, target, unit):
    options = {
        "calculate": False,
        "yAxis": {"unit": unit, "axisPlacement": "left", "reverse": False},
        "rowsFrame": {"layout": "auto"},
        "color": {"mode": "scheme", "scheme": "Blues", "exponent": 0.5, "fill": "dark-blue", "scale": "exponential",
                  "steps": 64, "reverse": False},
        "cellGap": 1,
        "filterValues": {"le": 1e-9},
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": True},
        "legend": {"show": True},
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "showValue": "never",
    }
    field = {"unit": "short", "custom": {"hideFrom": {"legend": False, "tooltip": False, "viz": False},
                                         "scaleDistribution": {"type": "linear"}}}
    return panel("heatmap", title, description, [target], field, options)


# --- Variables and links ------------------------------------------------------------------------------------------


def datasource_variable():
    return {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus", "regex": "",
            "hide": 0, "refresh": 1, "multi": False, "includeAll": False, "options": [], "current": {}}


def label_variable(name, label, expr, every=".+", description=""):
    return {
        "type": "query",
        "name": name,
        "label": label,
        "description": description,
        "datasource": DATASOURCE,
        "definition": expr,
        "query": {"qryType": 1, "query": expr, "refId": f"variable-{name}"},
        "regex": "",
        "refresh": 2,
        "sort": 1,
        "hide": 0,
        "multi": True,
        "includeAll": True,
        "allValue": every,
        "options": [],
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "skipUrlSync": False,
    }


def choice_variable(name, label, values, chosen, description=""):
    options = [{"selected": value == chosen, "text": value, "value": value} for value in values]
    return {"type": "custom", "name": name, "label": label, "description": description, "query": ",".join(values),
            "hide": 0, "multi": False, "includeAll": False, "options": options, "skipUrlSync": False,
            "current": {"selected": True, "text": chosen, "value": chosen}}


def hidden_variable(name, label, value, description):
    """Not on the page, but to be given in the address: var-NAME=."""
    return {"type": "textbox", "name": name, "label": label, "description": description, "query": value, "hide": 2,
            "options": [{"selected": True, "text": value, "value": value}], "skipUrlSync": False,
            "current": {"selected": True, "text": value, "value": value}}


def dashboard_links(tag):
    return [{"type": "dashboards", "title": "ses-collector", "tags": [tag], "asDropdown": False, "keepTime": True,
             "includeVars": True, "targetBlank": False, "icon": "external link", "tooltip": "", "url": ""}]


def goto(uid, title, carry=(), **variables):
    """A link to another dashboard: the time and the variables that all have go with it, and those in `carry`."""
    carried = "&".join("${%s:queryparam}" % name for name in ("datasource", "job", "instance", *carry))
    given = "".join(f"&var-{name}={value}" for name, value in variables.items())
    return {"title": title, "url": f"/d/{uid}?${{__url_time_range}}&{carried}{given}", "targetBlank": False}


def annotation(name, expr, title, body, tags, colour):
    return {"name": name, "datasource": DATASOURCE, "enable": True, "hide": False, "iconColor": colour,
            "expr": " ".join(expr.split()), "step": "60s", "titleFormat": title, "textFormat": body, "tagKeys": tags,
            "useValueForTime": False}


# --- The whole ----------------------------------------------------------------------------------------------------


class Dashboard:
    def __init__(self, uid, title, description, variables, annotations, since, refresh="1m"):
        self.uid, self.title, self.description = uid, title, description
        self.variables, self.annotations = variables, annotations
        self.since, self.refresh = since, refresh
        self.panels, self.top, self.folded = [], 0, None

    def row(self, title, folded=False):
        """What follows stands under it. Folded: it is queried only when somebody opens it."""
        made = {"type": "row", "title": title, "collapsed": folded, "panels": [],
                "gridPos": position(0, self.top, COLUMNS, 1)}
        self.panels.append(made)
        self.folded = made["panels"] if folded else None
        self.top += 1

    def line(self, height, *panels):
        """panels: (width, panel), beside each other."""
        if sum(width for width, _ in panels) > COLUMNS:
            raise Mistake(f"a line of {[p['title'] for _, p in panels]} is too wide")
        left = 0
        for width, made in panels:
            made["gridPos"] = position(left, self.top, width, height)
            (self.panels if self.folded is None else self.folded).append(made)
            left += width
        self.top += height

    def all_panels(self):
        for made in self.panels:
            yield made
            yield from made.get("panels", [])

    def to_json(self):
        for number, made in enumerate(self.all_panels(), 1):
            made["id"] = number
        return {
            "id": None,
            "uid": self.uid,
            "title": self.title,
            "description": " ".join(self.description.split()),
            "tags": ["ses-collector"],
            "timezone": "",
            "editable": False,
            "graphTooltip": 1,
            "fiscalYearStartMonth": 0,
            "liveNow": False,
            "refresh": self.refresh,
            "schemaVersion": SCHEMA_VERSION,
            "version": 1,
            "weekStart": "",
            "time": {"from": f"now-{self.since}", "to": "now"},
            "timepicker": {},
            "templating": {"list": self.variables},
            "annotations": {"list": [BUILT_IN] + self.annotations},
            "links": dashboard_links("ses-collector"),
            "panels": self.panels,
        }


BUILT_IN = {"builtIn": 1, "datasource": {"type": "grafana", "uid": "-- Grafana --"}, "enable": True, "hide": True,
            "iconColor": "rgba(0, 211, 255, 1)", "name": "Annotations & Alerts", "type": "dashboard"}


def position(x, y, w, h):
    return {"x": x, "y": y, "w": w, "h": h}
