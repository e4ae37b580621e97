#!/usr/bin/env python3
"""Lets the TypeScript compiler hold each dashboard against Grafana's own types (@grafana/schema).

  dashboards_types.py FOLDER TOOLS      TOOLS: the folder of scripts/grafana-tools

A dashboard becomes constants with types: the whole without its panels, each panel, and of each panel its options and the
settings of its fields with the types of its kind. An object that is written down may have no member that its type does
not have, so a wrong name is an error like a wrong value. Then the same once more with one fault at a time, and the
compiler must complain about each.

Some things are our own words for what that package leaves open or has otherwise than Grafana itself writes them: a query
to Prometheus and an annotation by one; a panel's links have only title, url and targetBlank; a variable has a definition,
and its current value may be {}.
"""
import copy
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import dashboards_model as model

KINDS = {"timeseries": "TimeSeries", "stat": "Stat", "table": "Table", "bargauge": "BarGauge", "heatmap": "Heatmap",
         "text": "Text"}
FIELDS = {"timeseries", "table", "heatmap"}     # those that have settings of fields of their own

HEAD = """
import type * as g from "@grafana/schema";
%s
// Enumerations by their values, which is what JSON has.
export type Plain<T> = T extends string ? `${T}` : T extends number | boolean | null | undefined ? T :
  T extends (infer U)[] ? Plain<U>[] : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
export interface Query {
  refId: string; datasource: { type: "prometheus"; uid: string }; editorMode: "code"; expr: string;
  format: "time_series" | "table" | "heatmap"; instant: boolean; range: boolean; exemplar: boolean; legendFormat: string;
  interval?: string; hide?: boolean;
}
export interface Link { title: string; url: string; targetBlank: boolean }
export type APanel = Plain<Omit<g.Panel, "targets" | "links" | "options">> &
  { targets?: Query[]; links?: Link[]; options?: Record<string, unknown> };
export type ARow = Plain<Omit<g.RowPanel, "panels">> & { panels: unknown[] };
export type Variable = Plain<Omit<g.VariableModel, "current">> &
  { current?: Partial<Plain<g.VariableOption>>; definition?: string };
export type Whole = Plain<Omit<g.Dashboard, "panels" | "annotations" | "templating">> & { templating: { list: Variable[] } };
export type BuiltIn = Plain<g.AnnotationQuery>;
export type Annotation = Plain<g.AnnotationQuery> &
  { expr: string; step: string; titleFormat: string; textFormat: string; tagKeys: string; useValueForTime: boolean };
"""


def imports():
    lines = []
    for kind, name in KINDS.items():
        path = f"@grafana/schema/dist/esm/raw/composable/{kind}/panelcfg/x/{name}PanelCfg_types.gen"
        lines.append(f'import type * as {kind} from "{path}";')
        lines.append(f"export type Options_{kind} = Plain<Partial<{kind}.Options>>;")
        if kind in FIELDS:
            lines.append(f"export type Field_{kind} = Plain<Partial<{kind}.FieldConfig>>;")
    return "\n".join(lines)


def constants(dashboard):
    """TypeScript of a dashboard, each constant with its type"""
    count = 0

    def constant(kind, value):
        nonlocal count
        count += 1
        return f"export const v{count}: t.{kind} = {json.dumps(value)};"
    yield 'import type * as t from "./types";'
    yield constant("Whole", {k: v for k, v in dashboard.items() if k not in ("panels", "annotations", "_file")})
    for annotation in dashboard["annotations"]["list"]:
        yield constant("BuiltIn" if annotation.get("builtIn") else "Annotation", annotation)
    for row in (p for p in dashboard["panels"] if p["type"] == "row"):
        yield constant("ARow", row)
    for panel in model.panels(dashboard):
        yield constant("APanel", panel)
        kind = panel["type"]
        yield constant(f"Options_{kind}", panel.get("options", {}))
        if kind in FIELDS:
            yield constant(f"Field_{kind}", panel["fieldConfig"]["defaults"].get("custom", {}))


def of_kind(dashboard, kind):
    return next(p for p in model.panels(dashboard) if p["type"] == kind)


FAULTS = {
    "a member that is none": lambda d: d.update(titel="x"),
    "a number as title": lambda d: d.update(title=3),
    "a cursor of its own": lambda d: d.update(graphTooltip="shared"),
    "no schemaVersion": lambda d: d.pop("schemaVersion"),
    "a variable of a kind that is none": lambda d: model.variables(d)[1].update(type="questions"),
    "a wrong member of a variable": lambda d: model.variables(d)[1].update(includeall=True),
    "a wrong member of a panel": lambda d: of_kind(d, "stat").update(grid={}),
    "a position without width": lambda d: of_kind(d, "stat")["gridPos"].pop("w"),
    "a unit that is a number": lambda d: of_kind(d, "stat")["fieldConfig"]["defaults"].update(unit=3),
    "a wrong member of a field": lambda d: of_kind(d, "stat")["fieldConfig"]["defaults"].update(decimal=3),
    "a mode of thresholds that is none": lambda d: of_kind(d, "stat")["fieldConfig"]["defaults"]["thresholds"].update(mode="x"),
    "a wrong option of a stat": lambda d: of_kind(d, "stat")["options"].update(colourMode="value"),
    "a value that is none of a stat": lambda d: of_kind(d, "stat")["options"].update(graphMode="pie"),
    "a wrong option of a time series": lambda d: of_kind(d, "timeseries")["options"]["legend"].update(placement="left"),
    "a wrong setting of its lines": lambda d: of_kind(d, "timeseries")["fieldConfig"]["defaults"]["custom"].update(lineWidths=2),
    "a wrong option of a table": lambda d: of_kind(d, "table")["options"].update(cellHeight="tiny"),
    "a wrong option of a bar gauge": lambda d: of_kind(d, "bargauge")["options"].update(displayMode="bars"),
    "a query without its letter": lambda d: of_kind(d, "stat")["targets"][0].pop("refId"),
    "a wrong member of an annotation": lambda d: model.annotations(d)[0].update(query="up"),
}


def compile_all(tools, sources):
    """file -> its errors"""
    with tempfile.TemporaryDirectory(dir=tools) as folder:  # there, so that its node_modules are found
        place = pathlib.Path(folder)
        (place / "types.ts").write_text(HEAD % imports(), encoding="utf-8")
        for name, text in sources.items():
            (place / f"{name}.ts").write_text(text, encoding="utf-8")
        (place / "tsconfig.json").write_text(json.dumps({
            "compilerOptions": {"strict": True, "noEmit": True, "module": "esnext", "moduleResolution": "bundler",
                                "target": "es2022", "skipLibCheck": True, "types": []},
            "include": ["*.ts"]}), encoding="utf-8")
        done = subprocess.run(["node", f"{tools}/node_modules/typescript/bin/tsc", "-p", folder, "--pretty", "false"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder, timeout=240)
    errors = {name: [] for name in ["types", *sources]}
    for line in done.stdout.splitlines():
        found = re.match(r"(\w+)\.ts\(\d+,\d+\): (error .*)", line)
        if found:
            errors[found.group(1)].append(found.group(2))
        elif line.startswith("error"):
            errors["types"].append(line)
    if done.returncode and not any(errors.values()):
        errors["types"].append(f"the compiler failed: {done.stdout[-500:]}")
    return errors


def main():
    folder, tools = sys.argv[1], str(pathlib.Path(sys.argv[2]).resolve())
    dashboards = model.load(folder)
    sources = {uid.replace("-", "_"): "\n".join(constants(d)) for uid, d in dashboards.items()}
    good = set(sources)
    first = next(iter(d for d in dashboards.values()
                      if {"stat", "timeseries", "table", "bargauge"} <= {p["type"] for p in model.panels(d)}))
    # Of a dashboard with a fault one panel of each kind is enough; without a fault it must be clean.
    FAULTS.setdefault("none", lambda d: None)
    for number, put_in in enumerate(FAULTS.values()):
        tried = copy.deepcopy(first)
        put_in(tried)
        small = [of_kind(tried, kind) for kind in ("stat", "timeseries", "table", "bargauge")]
        tried["panels"] = small
        sources[f"fault{number}"] = "\n".join(constants(tried))
    errors = compile_all(tools, sources)
    wrong = [f"{name}: {error}" for name in ["types", *sorted(good)] for error in errors[name]]
    wrong += [f"not found: {name}" for number, name in enumerate(FAULTS)
              if bool(errors[f"fault{number}"]) == (name == "none")]
    print("\n".join(wrong[:60]))
    print(f"{len(good)} dashboards, {sum(s.count('export const') for n, s in sources.items() if n in good)} values, "
          f"{len(FAULTS)} faults, {len(wrong)} things wrong")
    sys.exit(len(wrong) > 0)


main()
