#!/usr/bin/env python3
"""Draws a dashboard as a page, from its JSON and what a Prometheus answers to its queries. It is not Grafana: panels are
where and what the JSON says, in a drawing of our own, so that one can look at the numbers, units, thresholds and legends.

  dashboards_preview.py FOLDER WORLDS PROMETHEUS-URL OUT-FOLDER     a NAME.html for each dashboard, and its height in NAME.height

A panel that the week leaves empty is drawn from another world, and says so.
"""
import html
import json
import math
import pathlib
import sys
import time

import dashboards_model as model
import dashboards_queries as queries

WIDTH, ROW, GAP = 1600, 38, 8
PALETTE = ["#73bf69", "#f2cc0c", "#5794f2", "#ff780a", "#f2495c", "#b877d9", "#3274d9", "#fa6400", "#c4162a", "#8f3bb8",
           "#37872d", "#e0b400", "#8ab8ff", "#ffb357", "#ff7383", "#ca95e5"]
COLOURS = {"green": "#73bf69", "yellow": "#fade2a", "orange": "#ff9830", "red": "#f2495c", "blue": "#5794f2",
           "text": "#9fa7b3",
           "purple": "#b877d9", "gray": "#8e8e8e", "grey": "#8e8e8e"}
STYLE = """
body{margin:0;background:#111217;color:#ccccdc;font:13px/1.35 "DejaVu Sans",sans-serif;width:%dpx;position:relative}
header{padding:10px 12px;height:48px;box-sizing:border-box;white-space:nowrap;overflow:hidden} header b{font-size:17px;color:#fff;margin-right:16px}
header i{color:#ff9830;font-style:normal;margin-right:16px} header span{background:#22252b;padding:3px 5px;margin-right:4px;font-size:11px}
.p{position:absolute;background:#181b1f;border:1px solid #2c2f36;box-sizing:border-box;overflow:hidden;padding:5px 8px}
.p h3{margin:0 0 2px;font-size:13px;font-weight:600;white-space:nowrap;overflow:hidden} .p h3 em{color:#ff9830;font-weight:400}
.row{position:absolute;font-size:15px;font-weight:600;padding:6px 10px} .big{display:flex;align-items:center;justify-content:center;
font-weight:600} table{border-collapse:collapse;width:100%%;font-size:12px} td,th{text-align:left;padding:2px 6px;
border-bottom:1px solid #24272d;white-space:nowrap;overflow:hidden;max-width:260px} th{color:#6e9fff;font-weight:600} td.n,th.n{text-align:right}
.key td{border:0;padding:0 6px} .bar{display:flex;align-items:center;font-size:12px} .none{color:#8e8e8e;text-align:center;
padding-top:12px} svg text{fill:#9fa7b3;font-size:11px}
"""


# --- numbers --------------------------------------------------------------------------------------------------------------


def scaled(value, steps, base):
    for size, name in reversed(steps):
        if abs(value) >= size:
            return value / size, name
    return value, base


def trimmed(value, decimals):
    if decimals is None:
        size = abs(value)
        decimals = 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2 if size >= 0.1 else 3
    return f"{value:,.{decimals}f}"


def shown(value, field):
    """The value in its unit, or what stands for it"""
    if value is None or math.isnan(value):
        return field.get("noValue", "-")
    for mapping in field.get("mappings", []):
        hit = mapping.get("options", {}).get(trimmed(value, 0)) if mapping["type"] == "value" else None
        if hit and value == round(value):
            return hit["text"]
    unit, decimals = field.get("unit", "short"), field.get("decimals")
    if unit == "percentunit":
        return f"{value * 100:.{1 if decimals is None else decimals}f}%"
    if unit in ("bytes", "decbytes", "Bps", "binBps"):
        value, name = scaled(value, [(1024, "KiB"), (1024**2, "MiB"), (1024**3, "GiB")], "B")
        return f"{trimmed(value, decimals)} {name}{'/s' if unit.endswith('ps') else ''}"
    if unit in ("s", "dtdurations"):
        if abs(value) < 1 and value:
            return f"{trimmed(value * 1000, decimals)} ms"
        value, name = scaled(value, [(60, "min"), (3600, "h"), (86400, "d")], "s")
        return f"{trimmed(value, decimals if name == 's' else 1)} {name}"
    if unit.startswith("dateTime"):
        return time.strftime("%Y-%m-%d %H:%M", time.gmtime(value / 1000))
    value, name = scaled(value, [(1e3, "K"), (1e6, "M")], "") if unit == "short" and abs(value) >= 10000 else (value, "")
    ending = {"reqps": " req/s", "ops": " ops/s", "recps": " rec/s", "cps": " c/s", "mps": " msg/s", "percent": " %"}.get(unit, "")
    return f"{trimmed(value, 1 if name and decimals == 0 else decimals)}{name}{ending}"


def colour_of(value, field):
    for mapping in field.get("mappings", []):
        hit = mapping.get("options", {}).get(trimmed(value, 0)) if mapping["type"] == "value" else None
        if hit and value == round(value) and hit.get("color"):
            return COLOURS.get(hit["color"], hit["color"])
    colour = field.get("color", {})
    if colour.get("mode") == "fixed":
        return COLOURS.get(colour["fixedColor"], colour["fixedColor"])
    found = "green"
    for step in field.get("thresholds", {}).get("steps", []):
        if step["value"] is None or value >= step["value"]:
            found = step["color"]
    return COLOURS.get(found, found)


def field_for(panel, name):
    """The defaults, and what is overridden for a field of this name"""
    field = json.loads(json.dumps(panel["fieldConfig"]["defaults"]))
    for override in panel["fieldConfig"].get("overrides", []):
        if override["matcher"]["options"] == name:
            for one in override["properties"]:
                place, *path = [field, *one["id"].split(".")]
                for key in path[:-1]:
                    place = place.setdefault(key, {})
                place[path[-1]] = one["value"]
    return field


# --- what a panel's queries gave --------------------------------------------------------------------------------------------


def series_of(panel, frames):
    """[(name, values, field)] in order"""
    found = []
    for target, rows in zip(panel["targets"], frames):
        for labels, values in rows:
            legend = target["legendFormat"]
            if legend == "__auto":
                shared = {k: v for k, v in labels.items() if k != "__name__"}
                legend = ", ".join(f"{k}={v}" for k, v in shared.items()) or "Value"
            for label in model.legend_labels(legend):
                legend = legend.replace("{{%s}}" % label, labels.get(label, ""))
            found.append((legend.strip(), values, field_for(panel, legend.strip())))
    return found


def calc(name, values):
    numbers = [v for _, v in values if not math.isnan(v)]
    if not numbers:
        return math.nan
    return {"lastNotNull": numbers[-1], "last": numbers[-1], "max": max(numbers), "min": min(numbers),
            "mean": sum(numbers) / len(numbers), "sum": sum(numbers)}[name]


def table_of(panel, frames):
    """column names, rows: after merge, organize, sortBy and limit"""
    single, rows = len(frames) == 1, {}
    for target, frame in zip(panel["targets"], frames):
        for labels, values in frame:
            key = tuple(sorted(labels.items()))
            row = rows.setdefault(key, dict(labels))
            row["Value" if single else f"Value #{target['refId']}"] = values[-1][1]
    rows, columns, steps = list(rows.values()), None, {t["id"]: t["options"] for t in panel.get("transformations", [])}
    organize = steps.get("organize", {})
    names, index = organize.get("renameByName", {}), organize.get("indexByName", {})
    sources = sorted({k for row in rows for k in row} | set(names), key=lambda k: (index.get(k, 99), k))
    sources = [k for k in sources if not organize.get("excludeByName", {}).get(k)]
    columns = [names.get(k, k) for k in sources]
    rows = [[row.get(k) for k in sources] for row in rows]
    for sort in steps.get("sortBy", {}).get("sort", []):
        if sort["field"] in columns:
            at = columns.index(sort["field"])
            rows.sort(key=lambda r: (r[at] is not None and r[at] == r[at], r[at] if r[at] is not None else ""),
                      reverse=sort.get("desc", False))
    if "limit" in steps:
        rows = rows[:int(steps["limit"]["limitField"])]
    return columns, rows


# --- drawings -----------------------------------------------------------------------------------------------------------------


def draw_stat(panel, frames, width, height):
    series = series_of(panel, frames)
    name, values, field = series[0] if series else ("", [], panel["fieldConfig"]["defaults"])
    value, text = calc("lastNotNull", values), shown(calc("lastNotNull", values), field)
    colour = "#8e8e8e" if math.isnan(value) else colour_of(value, field)
    solid = panel["options"].get("colorMode") == "background" and not math.isnan(value)
    look = f"background:{colour};color:#111" if solid else f"color:{colour}"
    size = min(34, (height - 30) / 2, 1.5 * (width - 16) / max(len(text), 1))
    return (f"<div class=big style='height:{height - 32}px'><div style='flex:1;text-align:center;{look};border-radius:3px;"
            f"padding:3px'><span style='font-size:{size:.0f}px'>{html.escape(text)}</span></div></div>")


def path_of(values, width, height, x, y, bounds, colour, thick, fill=0, ground=None):
    finite = [v for _, v in values if math.isfinite(v)]
    if not finite:
        return ""
    (start, end), (low, high) = bounds
    across = lambda t: x + (t - start) / ((end - start) or 1) * width
    up = lambda v: y + height - (v - low) / ((high - low) or 1) * height
    step, pieces, last = min((b[0] - a[0] for a, b in zip(values, values[1:])), default=1), [], None
    for at, value in values:
        if not math.isfinite(value):
            last = None
            continue
        pieces.append(f"{'L' if last is not None and at - last <= 1.5 * step else 'M'}{across(at):.1f} {up(value):.1f}")
        last = at
    made = f"<path d='{''.join(pieces)}' fill=none stroke='{colour}' stroke-width={thick} />"
    if all(p[0] == "M" for p in pieces):
        made = "".join(f"<circle cx={p[1:].split()[0]} cy={p[1:].split()[1]} r=2 fill='{colour}' />" for p in pieces)
    if fill:
        made = "".join(area_of(run, across, up, low, colour, fill, dict(ground or [])) for run in runs(values, step)) + made
    return made


def runs(values, step):
    """The values, cut where some are missing"""
    found, last = [], None
    for at, value in values:
        if math.isfinite(value):
            if last is None or at - last > 1.5 * step:
                found.append([])
            found[-1].append((at, value))
            last = at
    return found


def area_of(run, across, up, low, colour, fill, ground):
    below = [(at, ground.get(at, low)) for at, _ in run]
    points = " ".join(f"{across(at):.1f},{up(value):.1f}" for at, value in run + below[::-1])
    return f"<polygon points='{points}' fill='{colour}' fill-opacity={fill / 100} />"


def nice(high):
    size = 10 ** math.floor(math.log10(high)) if high > 0 else 1
    return next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= high * 0.999)


def stacked(series):
    """each on top of those before: (values, what lies below)"""
    below, made = {}, []
    for _, values, _ in series:
        ground = [(at, below.get(at, 0)) for at, _ in values]
        top = [(at, below.get(at, 0) + (v if math.isfinite(v) else 0)) for at, v in values]
        below.update(dict(top))
        made.append((top, ground))
    return made


class Scale:
    """Where a value stands on the axis: as its field has it, linear from 0 or around what is shown, or logarithmic."""

    def __init__(self, field, tops):
        custom = field.get("custom", {})
        self.log = custom.get("scaleDistribution", {}).get("type") == "log"
        found = [v for values, _ in tops for _, v in values if math.isfinite(v) and (v > 0 or not self.log)]
        low, high = min(found, default=0), max(found, default=1)
        if self.log:
            low, high = math.floor(math.log10(low or 1)), math.ceil(math.log10(high or 1))
            self.low, self.high = low, max(high, low + 1)
            self.ticks = [10 ** i for i in range(self.low, self.high + 1)]
            return
        if "axisSoftMin" in custom:
            low, high = min(low, custom["axisSoftMin"]), max(high, custom["axisSoftMax"])
            step = nice((high - low) / 4)
            self.low, self.high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
        else:
            self.low, self.high, step = 0, nice(high or 1), nice(high or 1) / 4
        self.ticks = [self.low + step * i for i in range(round((self.high - self.low) / step) + 1)]

    def __call__(self, value):
        if not self.log:
            return value
        return math.log10(value) if value > 0 else math.nan

    def of(self, values):
        return [(at, self(v)) for at, v in values]

    def part(self, value):
        """0 at the bottom, 1 at the top"""
        return (self(value) - self.low) / (self.high - self.low)


def draw_axes(field, start, end, scale, width, height, left):
    made, plain = [], {**field, "mappings": [], "decimals": field.get("decimals") if field.get("unit") == "percentunit" else None}
    for tick in scale.ticks:
        y = 6 + height - scale.part(tick) * height
        made.append(f"<line x1={left} x2={left + width:.0f} y1={y:.1f} y2={y:.1f} stroke='#2c2f36' />"
                    f"<text x={left - 4} y={y + 4:.1f} text-anchor=end>{html.escape(shown(tick, plain))}</text>")
    form = "%d %b" if end - start > 2 * 86400 else "%H:%M" if end - start > 600 else "%H:%M:%S"
    step = next(s for s in (5, 10, 30, 60, 300, 1800, 7200, 21600, 86400, 1e9) if (end - start) / s <= max(width / 75, 1))
    at = math.ceil(start / step) * step
    while at <= end:
        x = left + (at - start) / ((end - start) or 1) * width
        made.append(f"<text x={x:.0f} y={height + 20} text-anchor=middle>{time.strftime(form, time.gmtime(at))}</text>")
        at += step
    dashed = field.get("custom", {}).get("thresholdsStyle", {}).get("mode") != "off"
    for limit in field.get("thresholds", {}).get("steps", []) if dashed else []:
        if limit["value"] is not None and limit["value"] <= scale.high:
            y = 6 + height - scale.part(limit["value"]) * height
            made.append(f"<line x1={left} x2={left + width:.0f} y1={y:.1f} y2={y:.1f} stroke='{COLOURS[limit['color']]}' "
                        "stroke-dasharray='6 4' />")
    return "".join(made)


def colours_of(series):
    fixed = [field.get("color", {}).get("fixedColor") for _, _, field in series]
    return [COLOURS.get(own, own) if own else PALETTE[i % len(PALETTE)] for i, own in enumerate(fixed)]


def draw_key(series, colours, calcs, lines):
    """The legend: a table, the greatest of its last column first"""
    names = {"lastNotNull": "Last", "mean": "Mean", "max": "Max", "min": "Min", "sum": "Total"}
    head = "".join(f"<th class=n>{names[c]}</th>" for c in calcs)
    rows = ""
    order = sorted(range(len(series)), key=lambda i: calc(calcs[-1], series[i][1]), reverse=calcs[-1] != "min")
    for i in order:
        name, values, field = series[i]
        numbers = "".join(f"<td class=n>{html.escape(shown(calc(c, values), field))}</td>" for c in calcs)
        rows += f"<tr><td><span style='color:{colours[i]}'>&#9644;</span> {html.escape(name)}</td>{numbers}</tr>"
    return (f"<div style='height:{20 * lines}px;overflow:hidden'><table class=key><tr><th></th>{head}</tr>{rows}</table></div>")


def draw_bars(values, ground, bounds, scale, width, height, left, colour):
    """Each point as a bar from the ground that it stands on"""
    step = min((b[0] - a[0] for a, b in zip(values, values[1:])), default=1)
    wide = max(step / ((bounds[1] - bounds[0]) or 1) * width - 1, 1)
    made, below = "", dict(ground or [])
    for at, value in values:
        tall = (scale.part(value) - scale.part(below.get(at, 0))) * height
        if math.isfinite(value) and tall > 0:
            x = left + (at - bounds[0]) / ((bounds[1] - bounds[0]) or 1) * width - wide / 2
            made += (f"<rect x={x:.1f} y={6 + height - scale.part(value) * height:.1f} width={wide:.1f} height={tall:.1f} "
                     f"fill='{colour}' />")
    return made


def draw_timeseries(panel, frames, width, height):
    series = [s for s in series_of(panel, frames) if s[1]]
    if not series:
        return "<div class=none>No data</div>"
    field = panel["fieldConfig"]["defaults"]
    custom, calcs, colours = field["custom"], panel["options"]["legend"]["calcs"], colours_of(series)
    stack = custom["stacking"]["mode"] == "normal"
    lines = min(len(series) + 1, 5)
    tall, left = height - 34 - 20 * lines - 20, 78
    wide = width - left - 24
    tops = stacked(series) if stack else [(values, None) for _, values, _ in series]
    start, end = panel["from"], panel["to"]
    scale = Scale(field, tops)
    chart = draw_axes(field, start, end, scale, wide, tall, left)
    for (values, ground), (_, _, own), colour in zip(tops, series, colours):
        if custom["drawStyle"] == "bars":
            chart += draw_bars(values, ground, (start, end), scale, wide, tall, left, colour)
            continue
        chart += path_of(scale.of(values), wide, tall, left, 6, ((start, end), (scale.low, scale.high)), colour,
                         own["custom"].get("lineWidth", 1) * 1.3, custom["fillOpacity"] if stack or len(tops) < 4 else 0, ground)
    return f"<svg width={width - 18} height={tall + 26}>{chart}</svg>{draw_key(series, colours, calcs, lines)}"


def draw_table(panel, frames, width, height):
    columns, rows = table_of(panel, frames)
    if not rows:
        return f"<div class=none>{html.escape(panel['fieldConfig']['defaults'].get('noValue', 'No data'))}</div>"
    fields = [field_for(panel, name) for name in columns]
    numeric = [any(isinstance(row[i], float) for row in rows) for i in range(len(columns))]
    made = "<tr>" + "".join(f"<th{' class=n' if numeric[i] else ''}>{html.escape(name)}</th>" for i, name in enumerate(columns)) + "</tr>"
    for row in rows[:int((height - 50) / 20)]:
        made += "<tr>"
        for value, field, number in zip(row, fields, numeric):
            if isinstance(value, float):
                cell = field.get("custom", {}).get("cellOptions", {}).get("type", "auto")
                style = f" style='background:{colour_of(value, field)};color:#111'" if cell in ("color-background", "gauge") else ""
                made += f"<td class=n{style}>{html.escape(shown(value, field))}</td>"
            else:
                hit = next((m["options"][value] for m in field.get("mappings", []) if value in m["options"]), None)
                style = f" style='background:{COLOURS[hit['color']]};color:#111'" if hit else ""
                made += f"<td{' class=n' if number else ''}{style}>{html.escape(value or '')}</td>"
        made += "</tr>"
    return f"<table>{made}</table>"


def draw_bargauge(panel, frames, width, height):
    series = sorted(((n, calc("lastNotNull", v), f) for n, v, f in series_of(panel, frames)), key=lambda s: -s[1])
    if not series:
        return "<div class=none>No data</div>"
    high, tall = max(max(v for _, v, _ in series), 1e-9), min(24, (height - 36) / len(series))
    made = ""
    for name, value, field in series:
        limited = field.get("color", {}).get("mode") == "thresholds"
        colour = colour_of(value, field) if limited else "#5794f2"
        made += (f"<div class=bar style='height:{tall:.0f}px'><span style='width:160px'>{html.escape(name)}</span><span style='background:"
                 f"{colour};height:{tall - 6:.0f}px;width:{value / high * (width - 270):.0f}px'></span>&nbsp;{html.escape(shown(value, field))}</div>")
    return made


def bound(text):
    return math.inf if text == "+Inf" else float(text)


def draw_heatmap(panel, frames, width, height):
    rows = sorted(((labels["le"], dict(values)) for labels, values in frames[0]), key=lambda row: bound(row[0]))
    if not rows:
        return "<div class=none>No data</div>"
    times = sorted({at for _, values in rows for at in values})
    cells, top, before = [], 0, {}
    for le, values in rows:
        own = {at: max(values.get(at, 0) - before.get(at, 0), 0) for at in times}
        before, top = values, max(top, *own.values())
        cells.append((le, own))
    wide, tall, made = (width - 90) / len(times), (height - 60) / len(cells), ""
    for i, (le, own) in enumerate(cells):
        y = height - 60 - (i + 1) * tall + 6
        made += f"<text x=56 y={y + tall / 2 + 4:.1f} text-anchor=end>{shown(bound(le), {'unit': 's'}) if le != '+Inf' else '∞'}</text>"
        made += "".join(f"<rect x={62 + j * wide:.1f} y={y:.1f} width={wide + .4:.1f} height={tall - 1:.1f} fill='#5794f2' "
                        f"fill-opacity={math.sqrt(own[at] / top):.2f} />" for j, at in enumerate(times) if own[at] > 0 and top)
    return f"<svg width={width - 18} height={height - 40}>{made}</svg>"


DRAW = {"stat": draw_stat, "timeseries": draw_timeseries, "table": draw_table, "bargauge": draw_bargauge, "heatmap": draw_heatmap}


# --- a page -------------------------------------------------------------------------------------------------------------------


def ask(prometheus, scenes, panel):
    """world, frames, scene: of the first world in which anything is there"""
    first = None
    for name, scene in scenes:
        try:
            frames = [queries.answer(prometheus, scene, target) for target in panel.get("targets", [])]
        except queries.Refused as why:
            frames, name = [[] for _ in panel["targets"]], str(why)
        first = first or (name, frames, scene)
        if any(frames):
            return name, frames, scene
    return first


def titled(title, scene):
    """With what is chosen, as Grafana shows it"""
    def text(match):
        value = scene.chosen.get(match.group(1) or match.group(2), match.group(0))
        return "All" if value is None else str(value)
    return model.VARIABLE.sub(text, title)


def draw(prometheus, worlds, dashboard):
    scenes = [(name, next(queries.scenes(prometheus, dashboard, worlds[name]))[1]) for name in ("week", "live", "control")]
    for _, scene in scenes:     # simulated mail is little: an hour of it says hardly anything
        scene.chosen.update({"window": "24h"} if "window" in scene.chosen else {})
    chosen = scenes[0][1].chosen
    shown_ones = [v for v in model.variables(dashboard) if v.get("hide", 0) != 2 and v["type"] != "datasource"]
    choices = [f"{v.get('label') or v['name']}: {'All' if chosen[v['name']] is None else chosen[v['name']]}" for v in shown_ones]
    head = (f"<header><b>{html.escape(dashboard['title'])}</b><i>Preview drawn from the same queries, not Grafana</i>" +
            "".join(f"<span>{html.escape(text)}</span>" for text in [*choices, "one week, simulated"]) + "</header>")
    made, bottom, cell = [], 0, WIDTH / 24
    for panel in [p for top in dashboard["panels"] for p in [top, *top.get("panels", [])]]:
        at = panel["gridPos"]
        x, y, width, height = at["x"] * cell + GAP / 2, 52 + at["y"] * ROW, at["w"] * cell - GAP, at["h"] * ROW - GAP
        bottom = max(bottom, y + height)
        place = f"left:{x:.0f}px;top:{y}px;width:{width:.0f}px;height:{height}px"
        if panel["type"] == "row":
            made.append(f"<div class=row style='{place}'>&#9662; {html.escape(titled(panel['title'], scenes[0][1]))}</div>")
            continue
        world, frames, scene = ask(prometheus, scenes, panel)
        panel.update({"from": scene.start, "to": scene.end})
        other = {"live": "a live service", "control": "one in trouble"}.get(world, world)
        note = "" if world == "week" else f" <em>({html.escape(other)})</em>"
        title = f"<h3>{html.escape(titled(panel['title'], scenes[0][1]))}{note}</h3>"
        made.append(f"<div class=p style='{place}'>{title}{DRAW[panel['type']](panel, frames, width, height)}</div>")
    return f"<!doctype html><meta charset=utf-8><style>{STYLE % WIDTH}</style>{head}{''.join(made)}", int(bottom + 8)


def main():
    folder, worlds, url, out = sys.argv[1:5]
    with open(worlds, encoding="utf-8") as file:
        worlds = json.load(file)
    prometheus = queries.Prometheus(url)
    for dashboard in model.load(folder).values():
        page, height = draw(prometheus, worlds, dashboard)
        name = dashboard["_file"].removesuffix(".json")
        pathlib.Path(out, f"{name}.html").write_text(page, encoding="utf-8")
        pathlib.Path(out, f"{name}.height").write_text(f"{height}\n", encoding="utf-8")
        print(f"{name}: {WIDTH} x {height}")


main()
