#!/usr/bin/env bash
# History into Prometheus: `replay --openmetrics`, promtool, and a real Prometheus over the blocks. Every hour of every
# series must be what was counted in it, to the last one, and no graph may have a hole.
# shellcheck disable=SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"

if ! command -v promtool >/dev/null || ! command -v prometheus >/dev/null; then
    echo "not ok openmetrics: needs prometheus and promtool"
    exit 1
fi

history() { # the program that looks
    python3 "$top/tests/integration/openmetrics_history.py" "$@"
}

# said NAME: "SAMPLES SERIES" as the program said on standard error
said() {
    sed -nE "s/^ses-collector: $1: ([0-9]+) samples of ([0-9]+) series$/\1 \2/p" err
}

# blocks NAME FOLDER: makes them; promtool must have taken every sample that was written
blocks() {
    local wanted got
    wanted=$(said "$1")
    promtool tsdb create-blocks-from openmetrics "$1" "$2" >made 2>&1 || {
        tail -n 5 made
        return 1
    }
    got=$(history blocks "$2")
    [[ $wanted && $wanted == "$got" ]] || {
        echo "written \"$wanted\", in the blocks \"$got\""
        tail -n 5 made
        return 1
    }
}

serves() {
    curl -sS -m 5 -o /dev/null -f "http://127.0.0.1:$port/-/ready"
}

# serve FOLDER: a Prometheus over these blocks; sets `port`, `prometheus`
serve() {
    port=$(free_port)
    echo 'global: {}' >prometheus.yml
    background prometheus --config.file=prometheus.yml --storage.tsdb.path="$1" --storage.tsdb.retention.time=100y \
        --web.listen-address="127.0.0.1:$port" >prometheus.log 2>&1
    prometheus=$pid
    check "Prometheus opens the blocks of $1" wait_for 60 serves
}

leave() {
    kill -TERM "$prometheus"
    gone "$prometheus"
}

simulate --seed 61 --duration 2d --messages 15000 --tail 20h --sets 4 --identities 3 --duplicates 0.02 --late 0.05 \
    --incident silence@newsletter:9h+5h --incident blocklist@gmail:20h+2h --out dump
# What this run knows of providers hour by hour and at its end is the same only without learning.
check "it writes the history" replay --no-learning --quiet --openmetrics history.om --openmetrics-label instance=backfill \
    --openmetrics-label 'job=ses "old"' --cells cells.csv --metrics end.prom dump
replay --no-learning --quiet --openmetrics history.om --openmetrics-label instance=backfill \
    --openmetrics-label 'job=ses "old"' dump 2>err
check "in order, without a hole, up to the full hour" history text history.om 60
check "it ends where the metrics end" history ends history.om end.prom
check "promtool takes every sample" blocks history.om data
serve data
check "every hour is what was counted in it" history hours "http://127.0.0.1:$port" cells.csv
check "no hole in any graph" history holes "http://127.0.0.1:$port"
check "the labels are on every series" history labels "http://127.0.0.1:$port" instance=backfill 'job=ses "old"'
leave

for step in 5m 1h; do
    replay --no-learning --quiet --step $step --openmetrics $step.om dump 2>err
    check "$step: it ends where the metrics end" history ends $step.om end.prom
    check "$step: promtool takes every sample" blocks $step.om data.$step
    serve data.$step
    check "$step: every hour is what was counted in it" history hours "http://127.0.0.1:$port" cells.csv
    check "$step: no hole in any graph" history holes "http://127.0.0.1:$port"
    leave
done

# The same whoever counts, and wherever it goes.
replay --quiet --threads 1 --openmetrics one.om dump 2>err
replay --quiet --threads 4 --openmetrics four.om dump 2>>err
check "it does not depend on the threads" cmp one.om four.om
replay --openmetrics - dump >standard.om 2>>err
check "standard output is a file, too" cmp one.om standard.om
check "a label that a series has is refused" bash -c "! \"$SES_COLLECTOR\" replay --openmetrics x.om --openmetrics-label source=x dump 2>/dev/null"
check "a label twice is refused" bash -c "! \"$SES_COLLECTOR\" replay --openmetrics x.om --openmetrics-label a=x --openmetrics-label a=y dump 2>/dev/null"
check "a full disk is said" bash -c "! \"$SES_COLLECTOR\" replay --quiet --openmetrics /dev/full dump 2>err && grep -q 'No space left' err"
check "no folder for what is spilled" bash -c "! TMPDIR=/nowhere \"$SES_COLLECTOR\" replay --quiet --openmetrics y.om dump 2>err && grep -q '/nowhere' err && [[ ! -e y.om ]]"
finish
