#!/usr/bin/env bash
# Grafana's dashboards and Prometheus's rules as files: made from their source, nothing stale, all rules of the linter kept,
# every alert shown to fire and not to fire by promtool, runbooks that are there. That the dashboards' queries are right is
# tested in dashboards.sh.
# shellcheck disable=SC2317,SC2016 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"

grafana=$top/grafana

check "the dashboards are those of their source, and break no rule" "$top/scripts/dashboards" --check
check "the mail rules are those that the program prints" env SES_COLLECTOR="$SES_COLLECTOR" "$top/scripts/prometheus-rules" --check

# --- what is wrong is found: a source with one mistake each ---------------------------------------------------------

# refused WHAT FILE OLD NEW: with OLD changed to NEW in FILE of the source, scripts/dashboards says WHAT
refused() {
    rm -rf copy && mkdir -p copy/scripts copy/grafana && cp -r "$grafana/source" "$grafana/rules" copy/grafana/ &&
        cp "$top/scripts/dashboards" copy/scripts/ || return 1
    WHAT=$1 OLD=$3 NEW=$4 python3 - "copy/grafana/source/$2" <<'PYTHON' || return 1
import os, pathlib, sys
path = pathlib.Path(sys.argv[1])
text = path.read_text()
assert text.count(os.environ["OLD"]) >= 1, "the text to change is not there"
path.write_text(text.replace(os.environ["OLD"], os.environ["NEW"], 1))
PYTHON
    if copy/scripts/dashboards --check >said 2>&1; then
        echo "nothing was found"
        return 1
    fi
    says "$1" said
}

check "stale files are found" refused "is behind its source" overview.py '"SES: Overview"' '"SES: Else"'
check "a selector without job" refused "has no matcher of job" expressions.py "'job=~\"\$job\"', " ""
check "a rate over a fixed time" refused "rate over [5m]" expressions.py '[$__rate_interval]' '[5m]'
check "a counter without a rate" refused "without a rate" rules.py '"Unaccounted for"' '"Accounted for"'
check "an unknown unit" refused "units {'mails'}" overview.py '"percentunit", decimals, limits, none' '"mails", decimals, limits, none'
check "a line that is too wide" refused "is too wide" overview.py 'd.line(8, (12, standing' 'd.line(8, (13, standing'
check "a panel without words" refused "without title or description" provider.py '"Percentiles"' '""'
check "a variable that is not there" refused '$windows is no variable' expressions.py 'window="$window"' 'window="$windows"'
check "a link to nowhere" refused "a link to the dashboard ses-nowhere" shared.py 'm.goto(PROVIDER,' 'm.goto("ses-nowhere",'

# --- the two forms --------------------------------------------------------------------------------------------------

forms() {
    python3 - "$grafana" <<'PYTHON'
import json, pathlib, sys
grafana = pathlib.Path(sys.argv[1])
names = sorted(p.name for p in (grafana / "dashboards").glob("*.json"))
assert names == ["collector.json", "overview.json", "provider.json"], names
for name in names:
    shipped = json.loads((grafana / "dashboards" / name).read_text())
    asks = (grafana / "import" / name).read_text()
    imported = json.loads(asks)
    assert shipped["id"] is None and shipped["uid"] and not shipped["editable"] and "__inputs" not in shipped, name
    assert 39 <= shipped["schemaVersion"] <= 42, name
    assert [i["name"] for i in imported["__inputs"]] == ["DS_PROMETHEUS"] and imported["__requires"], name
    assert "${datasource" not in asks and "${DS_PROMETHEUS}" in asks, name
    assert len(shipped["panels"]) == len(imported["panels"]), name
PYTHON
}
check "one form for provisioning, one for the import dialogue" forms

# --- rules ----------------------------------------------------------------------------------------------------------

runbooks() {
    python3 - "$top" "$grafana"/rules/ses-collector-watch.yml <<'PYTHON'
import pathlib, re, sys
top, text = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_text()
places = re.findall(r'^ *runbook_url: "([^"]+)"', text, re.M)
alerts = re.findall(r"- alert: (\w+)", text)
assert alerts and len(places) == len(alerts), "an alert without a runbook"
for place in places:
    page, _, anchor = place.partition("#")
    headings = [re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.+)$", (top / page).read_text(), re.M)]
    assert not anchor or anchor in headings, f"{place} is not there"
PYTHON
}
check "every alert of the collector has a runbook, which is there" runbooks

# Each alert stands in a test among those that fire.
tested() {
    local name
    grep -hE 'exp_samples|labels:|alertname' "$grafana"/rules/tests/*.yml >tests.yml
    grep -ohE '^ *- alert: "?\w+' "$grafana"/rules/*.yml | grep -oE '\w+$' | sort -u >alerts
    (($(wc -l <alerts) >= 25)) || return 1
    while read -r name; do
        grep -qE "\b$name\b" tests.yml || {
            echo "$name is in no test"
            return 1
        }
    done <alerts
}
check "every alert has a test" tested

metrics_exist() {
    grep -ohE '\bses_[a-z_]+' "$grafana"/rules/*.yml | sed -E 's/_(bucket|count|sum)$//' | sort -u >used
    grep -ohE '^\| `(ses_[a-z_]+)`' "$top/docs/metrics.md" | grep -oE 'ses_[a-z_]+' | sort -u >known
    comm -23 used known | grep -vE '^ses_(rate|recipients|reputation_ratio|collector_watermark_age_seconds)$' >unknown || true
    [[ ! -s unknown ]] || {
        cat unknown
        return 1
    }
}
check "every metric in a rule is in docs/metrics.md" metrics_exist

if ! command -v promtool >/dev/null; then
    echo "ok promtool # SKIP not installed"
    finish
fi
check "promtool takes the rules" promtool check rules "$grafana"/rules/*.yml
for file in "$grafana"/rules/tests/*.yml; do
    check "promtool tests ${file##*/}" promtool test rules "$file"
done

# A test that cannot fail shows nothing: with each alert's expression made false, the tests must fail.
silenced() {
    local file name
    rm -rf mute && cp -r "$grafana/rules" mute || return 1
    for name in SesCollectorDown SesLagGrows SesRemoteWriteLoses; do
        cp "$grafana/rules/ses-collector-watch.yml" mute/
        NAME=$name python3 - mute/ses-collector-watch.yml <<'PYTHON' || return 1
import os, pathlib, re, sys
path = pathlib.Path(sys.argv[1])
text, count = re.subn(r"(- alert: %s\n        expr: ).*?(?=\n        (?:for|labels):)" % os.environ["NAME"], r"\1vector(0) > 1", path.read_text(), flags=re.S)
assert count == 1
path.write_text(text)
PYTHON
        if promtool test rules mute/tests/watch.yml >/dev/null 2>&1; then
            echo "$name can be taken away, and no test notices"
            return 1
        fi
    done
}
check "the tests notice an alert that never fires" silenced

# --- Grafana's own linter, where it is ------------------------------------------------------------------------------

linter=${GRAFANA_TOOLS:-$top/build/grafana-tools}/bin/dashboard-linter
if [[ ! -x $linter ]] && ! linter=$(command -v dashboard-linter); then
    echo "ok Grafana's linter # SKIP not there: scripts/grafana-tools linter builds it"
    finish
fi
for name in overview provider collector; do
    check "Grafana's linter: $name" "$linter" lint --strict "$grafana/dashboards/$name.json"
done

finish
