#!/usr/bin/env bash
# Every count against two others that know nothing of it: what the simulator made, and what the oracle (Python) reads
# from the same files. Equal, to the last cell; never near.
# shellcheck disable=SC2317,SC2054 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"

readonly views=(--by account,provider --by configuration_set --by provider,configuration_set --by identity,tag:campaign)
readonly oracle_views="account;provider;configuration_set;provider,configuration_set;identity;tag:campaign"
readonly buckets=0.1,0.25,0.5,1,2.5,5,10,30,60,300,900,1800,3600,14400

adds_up() { # SUMMARY-LINE: read = counted + duplicate + ...
    [[ $1 =~ ^records\ read\ ([0-9]+)\ =\ counted\ ([0-9]+)\ \+\ duplicate\ ([0-9]+)\ \+\ late\ ([0-9]+)\ \+\ future\ ([0-9]+)\ \+\ malformed\ ([0-9]+)\ \+\ filtered\ ([0-9]+)$ ]] &&
        ((BASH_REMATCH[1] == BASH_REMATCH[2] + BASH_REMATCH[3] + BASH_REMATCH[4] + BASH_REMATCH[5] + BASH_REMATCH[6] + BASH_REMATCH[7]))
}

# one NAME REPLAY-AND-ORACLE-OPTIONS -- SIMULATE-OPTIONS
one() {
    local name=$1 dir=$work/$1
    shift
    options=()
    while [[ $1 != -- ]]; do
        options+=("$1")
        shift
    done
    shift
    mkdir "$dir"
    check "$name: simulates" simulate --out "$dir/dump" --truth "$dir/truth.csv" --truth-summary "$dir/summary.json" "$@"
    all_is_equal "$name" "$dir"
    [[ " $* " != *" --incident "* ]] || check "$name: there are incidents" grep -q '"rule"' "$dir/oracle-alerts.json"
    # The simulator does not say whose its companies' mail is.
    [[ " ${options[*]} " == *" --from "* ]] || {
        replay "${options[@]}" --no-learning --quiet --cells "$dir/made.csv" "$dir/dump" 2>/dev/null
        check "$name: cells = what was made" cmp "$dir/truth.csv" "$dir/made.csv"
    }
}

# odd NAME OPTIONS -- MAKE-DUMP-OPTIONS: the same for what is hard to count. With --mx-table, the table is made with it.
odd() {
    local name=$1 dir=$work/$1
    shift
    options=()
    while [[ $1 != -- ]]; do
        options+=("${1/MADE/$dir/mx}")
        shift
    done
    shift
    mkdir -p "$dir/dump"
    python3 "$top/tests/oracle/make_dump.py" --mx-table "$dir/mx" "$@" >"$dir/dump/odd.ndjson"
    check "$name: there is a lot of it" test "$(wc -l <"$dir/dump/odd.ndjson")" -gt 5000
    all_is_equal "$name" "$dir"
    check "$name: of every family" has_all "$dir/metrics"
}

# all_is_equal NAME FOLDER: of FOLDER/dump, with `options`
all_is_equal() {
    local name=$1 dir=$2
    check "$name: replays" replay "${views[@]}" "${options[@]}" --format json --cells "$dir/cells.csv" --metrics "$dir/metrics" \
        --alerts "$dir/alerts.json" "$dir/dump"
    replay "${views[@]}" "${options[@]}" --format json "$dir/dump" >"$dir/report.json" 2>"$dir/said"
    check "$name: accounts for every record" adds_up "$(tail -n 1 "$dir/said")"
    check "$name: the oracle reads" oracle --by "$oracle_views" --buckets "$buckets" --rules "$top/tests/integration/default_rules.json" \
        "${options[@]}" --cells "$dir/oracle.csv" --report "$dir/oracle.json" --metrics "$dir/oracle-metrics.json" \
        --alerts "$dir/oracle-alerts.json" "$dir/dump"
    check "$name: cells = oracle" compare cells "$dir/oracle.csv" "$dir/cells.csv"
    check "$name: report = oracle" compare report "$dir/oracle.json" "$dir/report.json"
    check "$name: metrics = oracle" compare metrics "$dir/oracle-metrics.json" "$dir/metrics"
    check "$name: alerts = oracle" compare alerts --rules "$top/tests/integration/default_rules.json" "$dir/oracle-alerts.json" "$dir/alerts.json"
}

# Nothing is shown by families that are empty. Of `options`: a company's mail is told by learning.
has_all() { # METRICS
    local pattern learned=()
    [[ " ${options[*]} " == *" --no-learning "* ]] || learned=('ses_recipients_total.*provider="google_workspace"')
    for pattern in "${learned[@]}" ses_bounce_reasons_total ses_delay_reasons_total 'ses_opens_total.*"human"' 'ses_opens_total.*"proxy"' \
        'ses_opens_total.*"machine"' 'ses_clicks_total.*"machine"' 'ses_unique_opens_total.*"proxy"' ses_unique_clicks_total \
        'ses_rate_numerator.*rate="machine_click".*window="24h"' 'ses_rate_numerator.*basis="sent"' 'ses_rate_ratio.*window="last_' \
        ses_reputation_ratio; do
        grep -qE "^$pattern" "$1" || { echo "nothing of $pattern"; return 1; }
    done
}

one plain -- --seed 11 --duration 3h --messages 20000 --duplicates 0.01 --late 0.05 --multi 0.08 --incident badlist@newsletter:1h+1h
one incident --last-sends 500 -- --seed 12 --duration 3h --messages 25000 --incident blocklist@gmail:1h+30m --incident silence@all:2h+20m
one many-sets -- --seed 13 --duration 6h --messages 25000 --sets 400 --identities 50 --duplicates 0.05 --late 0.10 --incident outage@microsoft:2h+1h --incident blocklist@yahoo:3h+1h
one days --lateness 48h --last-sends 3000 -- --seed 14 --duration 5d --messages 40000 --tail 1d --incident complaints@all:1d+12h --incident badlist@all:3d+12h
one weeks --last-sends 8000 -- --seed 17 --start 2026-08-01 --duration 40d --messages 12000 --late 0.02
one period --from 2026-11-01T01:00:00Z --to 2026-11-01T02:00:00Z --compare -- --seed 15 --duration 3h --messages 20000 --incident blocklist@gmail:1h+30m
one silent --no-learning -- --seed 16 --duration 8h --messages 25000 --incident silence@all:3h+3h --late 0
odd odd --mx-table MADE --last-sends 300 -- --seed 21 --messages 3000
odd late --verified-domains company1.example,gmail.com --last-sends 1000 -- --seed 22 --messages 3000 --hours 120 --late
odd unlearned --no-learning --mx-table MADE -- --seed 23 --messages 2000
odd compared --from 2026-11-01T08:00:00Z --to 2026-11-01T16:00:00Z --compare -- --seed 24 --messages 4000 --hours 20
finish
