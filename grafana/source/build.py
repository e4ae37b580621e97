"""From the dashboards' sources to the files that are shipped."""
import importlib.util
import json
import pathlib
import re

import model as m
import rules

DASHBOARDS = ("overview", "provider", "collector")
IMPORT_INPUT = {"name": "DS_PROMETHEUS", "label": "Prometheus",
                "description": "Where the metrics of ses-collector are.",
                "type": "datasource", "pluginId": "prometheus", "pluginName": "Prometheus"}
OLDEST_GRAFANA = "11.0.0"
HERE = pathlib.Path(__file__).resolve().parent


def alert_names(rule_files):
    """The names of the alerts in files of Prometheus rules, which the dashboards show. By regular expression: a YAML
    library is not in Python's own."""
    names = set()
    for path in rule_files:
        names.update(re.findall(r'^\s*- alert: "?([^"\s]+)"?\s*$', path.read_text(), re.M))
    return sorted(names)


def importable(dashboard):
    """The same for Grafana's import dialogue, which asks for the data source and then writes it in."""
    text = json.dumps(dashboard).replace("${datasource:queryparam}", "").replace("${datasource}", "${DS_PROMETHEUS}")
    made = json.loads(text.replace("?${__url_time_range}&&", "?${__url_time_range}&"))
    made["templating"]["list"] = [v for v in made["templating"]["list"] if v["name"] != "datasource"]
    made["editable"] = True
    kinds = sorted({p["type"] for p in every_panel(made)} - {"row"})
    requires = [{"type": "grafana", "id": "grafana", "name": "Grafana", "version": OLDEST_GRAFANA},
                {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"}]
    requires += [{"type": "panel", "id": kind, "name": kind, "version": ""} for kind in kinds]
    return {"__inputs": [IMPORT_INPUT], "__elements": {}, "__requires": requires, **made}


def every_panel(dashboard):
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def load(name):
    # Not by `import`: that name could be somebody else's module.
    spec = importlib.util.spec_from_file_location(f"dashboard_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def as_text(made):
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def files(names):
    """name: text, of all that is made. Raises Mistake where a rule is broken."""
    made, dashboards = {}, [load(name).make(names) for name in DASHBOARDS]
    uids = {d.uid for d in dashboards}
    wrong = [f"{d.title}: {what}" for d in dashboards for what in rules.broken(d, uids)]
    if wrong:
        raise m.Mistake("\n  ".join(["rules are broken (grafana/source/rules.py):", *wrong]))
    for name, dashboard in zip(DASHBOARDS, dashboards):
        made[f"dashboards/{name}.json"] = as_text(dashboard.to_json())
        made[f"import/{name}.json"] = as_text(importable(dashboard.to_json()))
    made["dashboards/.lint"] = rules.lint_file(dashboards)
    return made
