#!/usr/bin/env bash
# `ses-collector run`, killed at random moments while it reads: no counter that anybody saw ever goes down, and in the end
# everything is counted once. A scraper of ours watches, and a Prometheus where there is one.
#
#     tests/integration/service_kill.sh [ROUNDS]       default: 20
#
# shellcheck disable=SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"

rounds=${1:-20}
RANDOM=${SEED:-$(date +%s)}
echo "# SEED=$RANDOM" # the moments are random all the same

simulate --seed 51 --duration 6h --messages 60000 --malformed 0.002 --object-size 3M --out staging
# One that is read for as long as a few commits, so that some kills fall into the middle of it.
simulate --seed 52 --duration 6h --messages 60000 --out - | gzip -1 >staging/large.json.gz
check "replay is the truth" replay --quiet --metrics truth.prom staging
find staging -type f | sort >objects.txt
objects=$(wc -l <objects.txt)

mkdir spool
configure kill.yaml spool </dev/null
fixed_port=$(free_port)
url=http://127.0.0.1:$fixed_port

# What lives as long as a process begins anew with each of them.
touch lives
background python3 "$top/tests/integration/scrape.py" "$url/metrics" 4 --lives lives --process ses_collector_commit_seconds \
    --process ses_collector_notifications_total --process ses_collector_notifications_failed_total \
    --process ses_collector_notifications_dropped_total --process ses_collector_dead_letters_total \
    --process ses_collector_dead_letters_failed_total >scraped
scraper=$pid

prometheus=
if command -v prometheus >/dev/null; then
    cat >prometheus.yml <<YAML
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs: [{job_name: ses, static_configs: [{targets: ["127.0.0.1:$fixed_port"]}]}]
YAML
    prometheus_port=$(free_port)
    background prometheus --config.file=prometheus.yml --storage.tsdb.path=prometheus.data \
        --web.listen-address="127.0.0.1:$prometheus_port" >prometheus.log 2>&1
    prometheus=$pid
fi

# query PROMQL: the value of the only sample
query() {
    curl -sS -m 10 --data-urlencode "query=$1" "http://127.0.0.1:$prometheus_port/api/v1/query" |
        python3 -c 'import json, sys; r = json.load(sys.stdin)["data"]["result"]; assert len(r) == 1, r; print("%.0f" % float(r[0]["value"][1]))'
}

finds() { # PROMQL VALUE
    is "$(query "$1")" "$2"
}

none_was_reset() {
    local names
    names=$(awk '/^# TYPE/ && !/ses_collector_(commit|notifications|dead)|process_/ {
        if ($4 == "counter") print $3; if ($4 == "histogram") print $3 "_bucket\n" $3 "_sum\n" $3 "_count" }' end.prom)
    (($(wc -w <<<"$names") > 20)) || return
    for name in $names; do
        # A counter without a series yet has no answer either.
        finds "sum(resets(${name}[30m])) or vector(0)" 0 || { echo "$name"; return 1; }
    done
}

bytes_are_near() {
    for name in ses_collector_bytes_read_total ses_collector_bytes_decoded_total; do
        local wanted got
        wanted=$(awk -v n="$name{" 'index($1, n) == 1 { print $2 }' truth.prom)
        got=$(awk -v n="$name{" 'index($1, n) == 1 { print $2 }' end.prom)
        ((got - wanted <= kills << 20 && wanted - got <= kills << 20)) || { echo "$name: $got, not $wanted"; return 1; }
    done
}

move_in() { # of the lines of objects.txt on standard input
    while read -r file; do
        mkdir -p "spool/$(dirname "${file#staging/}")"
        mv "$file" "spool/${file#staging/}"
    done
}

# What lives now was scraped by both.
is_seen() {
    local start
    start=$(get /metrics | awk '$1 == "process_start_time_seconds" { print $2 }')
    [[ $start ]] && (($(wc -l <lives) > lives_before)) || return 1
    [[ ! $prometheus ]] || finds "count(process_start_time_seconds == $start)" 1
}

kills=0
for ((i = 0; i < rounds; i++)); do
    lives_before=$(wc -l <lives)
    sed -n "$((objects * i / rounds + 1)),$((objects * (i + 1) / rounds))p" objects.txt | move_in &
    serve kill.yaml
    sleep "0.$(printf %03d $((RANDOM % 1000)))"
    ((i % 4)) || wait_for 60 is_seen
    kill -KILL "$pid"
    gone "$pid" 2>/dev/null
    ((code == 137)) && ((++kills))
done 2>/dev/null
wait_for 60 test ! -e "$(tail -n 1 objects.txt)" # the last move
check "it was killed $rounds times, and by nothing else" is "$kills" "$rounds"
serve kill.yaml
check "all is read in the end" wait_for 120 shows 'ses_collector_objects_read_total' "$objects"
get /metrics >end.prom
check "every sample is replay's" same_samples truth.prom end.prom '^(ses_alert_firing|ses_collector_bytes_.*)$'
check "and the bytes nearly so: what no commit had reached is read again" bytes_are_near

if [[ $prometheus ]]; then
    truth=$(awk '/^ses_recipients_total/ { n += $2 } END { print n }' truth.prom)
    check "Prometheus: up" wait_for 60 finds up 1
    check "Prometheus: the truth" wait_for 60 finds 'sum(ses_recipients_total)' "$truth"
    check "Prometheus: saw several lives" test "$(query 'changes(process_start_time_seconds[30m])')" -gt $((rounds / 5))
    check "Prometheus: no counter was ever reset" none_was_reset
    kill -TERM "$prometheus"
    gone "$prometheus"
else
    echo "ok Prometheus # SKIP not installed"
fi
kill -TERM "$scraper"
gone "$scraper"
sed 's/^/# /' scraped
check "no counter went down" is "$code" 0
check "the scraper saw several lives" test "$(sed -nE '1s/.* lives ([0-9]+) .*/\1/p' scraped)" -gt $((rounds / 5))
terminate "$pid" 2>/dev/null
finish
