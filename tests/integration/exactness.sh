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
    local options=()
    while [[ $1 != -- ]]; do
        options+=("$1")
        shift
    done
    shift
    mkdir "$dir"
    check "$name: simulates" simulate --out "$dir/dump" --truth "$dir/truth.csv" --truth-summary "$dir/summary.json" "$@"
    check "$name: replays" replay "${views[@]}" "${options[@]}" --format json --cells "$dir/cells.csv" --metrics "$dir/metrics" \
        --alerts "$dir/alerts.json" "$dir/dump" >/dev/null
    replay "${views[@]}" "${options[@]}" --format json "$dir/dump" >"$dir/report.json" 2>"$dir/said"
    check "$name: accounts for every record" adds_up "$(tail -n 1 "$dir/said")"
    check "$name: the oracle reads" oracle --by "$oracle_views" --buckets "$buckets" --rules "$top/tests/integration/default_rules.json" \
        "${options[@]}" --cells "$dir/oracle.csv" --report "$dir/oracle.json" --metrics "$dir/oracle-metrics.json" \
        --alerts "$dir/oracle-alerts.json" "$dir/dump"
    [[ " ${options[*]} " == *" --from "* ]] || check "$name: cells = what was made" cmp "$dir/truth.csv" "$dir/cells.csv"
    check "$name: cells = oracle" compare cells "$dir/oracle.csv" "$dir/cells.csv"
    check "$name: report = oracle" compare report "$dir/oracle.json" "$dir/report.json"
    check "$name: metrics = oracle" compare metrics "$dir/oracle-metrics.json" "$dir/metrics"
    check "$name: alerts = oracle" compare alerts "$dir/oracle-alerts.json" "$dir/alerts.json"
}

one plain -- --seed 11 --duration 3h --messages 20000 --duplicates 0.01 --late 0.05 --multi 0.08 --incident badlist@newsletter:1h+1h
one incident -- --seed 12 --duration 3h --messages 25000 --incident blocklist@gmail:1h+30m --incident silence@all:2h+20m
one many-sets -- --seed 13 --duration 6h --messages 25000 --sets 400 --identities 50 --duplicates 0.05 --late 0.10 --incident outage@microsoft:2h+1h --incident blocklist@yahoo:3h+1h
one days --lateness 48h -- --seed 14 --duration 5d --messages 20000 --tail 1d --incident complaints@all:1d+12h
one period --from 2026-11-01T01:00:00Z --to 2026-11-01T02:00:00Z --compare -- --seed 15 --duration 3h --messages 20000 --incident blocklist@gmail:1h+30m
one silent -- --seed 16 --duration 8h --messages 25000 --incident silence@all:3h+3h --late 0
finish
