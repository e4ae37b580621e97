#!/usr/bin/env bash
# The Grafana dashboards against a real Prometheus. Two weeks go by for two services that share the mail of an account,
# with incidents; what a Prometheus would have scraped of them is loaded into one, and every query of every dashboard,
# of its variables and annotations is asked as Grafana would ask it. Counts must be the oracle's. A service on a real
# Kafka is scraped live for what only that shows, and one that is in trouble for panels where nothing is good.
#
#     tests/integration/dashboards.sh [--keep FOLDER]     FOLDER: the loaded Prometheus data stay there, for the previews
#
# shellcheck disable=SC2317,SC2154 source=kafka_service.bash
. "$(dirname "${BASH_SOURCE[0]}")/kafka_service.bash"

# shellcheck source=aws.bash
. "$top/tests/integration/aws.bash"

keep=
[[ ${1:-} != --keep ]] || keep=$(realpath -m "${2:?a folder}")
dashboards=${DASHBOARDS:-$top/grafana/dashboards}
readonly start=2026-11-02T12:00:00Z cut=2026-11-09T12:00:00Z end=2026-11-16T12:00:00Z step=3600
readonly key=an-access-key-of-32-letters-long
export PYTHONDONTWRITEBYTECODE=1

tool() { # NAME ARGUMENT...
    python3 "$top/tests/integration/dashboards_$1.py" "${@:2}"
}

for program in prometheus promtool; do
    command -v $program >/dev/null || {
        echo "not ok dashboards: needs $program"
        exit 1
    }
done
"${CC:-cc}" -D_GNU_SOURCE -shared -fPIC -o clock_shift.so "$top/tests/integration/clock_shift.c" || exit 1

# --- the dashboards by themselves --------------------------------------------------------------------------------------------

check "the generated files are those of their source" "$top/scripts/dashboards" --check
check "structure: layout, names, units, links" tool structure "$dashboards"
check "a check that finds nothing is none: every fault put in is found" tool structure --self-test "$dashboards"
if tools=$("$top/scripts/grafana-tools" 2>tools.err); then
    check "Grafana's own types take them, and refuse each fault put in" tool types "$dashboards" "$tools"
else
    echo "not ok Grafana's types: $(tail -n 1 tools.err)"
    failures=$((failures + 1))
fi

# --- two weeks --------------------------------------------------------------------------------------------------------------

# A service whose clock stands at the beginning of the weeks. Sets port_of[NAME], push_of[NAME], pid_of[NAME].
declare -A port_of=() push_of=() pid_of=()
set_clock() { # NAME
    python3 -c 'import struct, sys, time; sys.stdout.buffer.write(struct.pack("q", int((float(sys.argv[1]) - time.time()) * 1000)))' \
        "$(date -ud "$start" +%s)" >"$1.clock"
}
then_serve() { # NAME; the rest of its configuration on standard input
    push_of[$1]=$(free_port)
    [[ -e $1.clock ]] || set_clock "$1"
    {
        cat <<YAML
state: {path: $1.db, commit_interval: 10ms}
sources:
  - push: {name: firehose, listen_address: "127.0.0.1:${push_of[$1]}", firehose: {access_key: $key}}
YAML
        cat
    } >"$1.yaml"
    CLOCK_SHIFT=$work/$1.clock LD_PRELOAD=$work/clock_shift.so serve "$1.yaml"
    port_of[$1]=$port pid_of[$1]=$pid
}

# live_through NAME JOB FROM DUMP: in the background; its samples are in NAME.om then
live_through() {
    background python3 "$top/tests/integration/dashboards_week.py" --metrics "http://127.0.0.1:${port_of[$1]}/metrics" \
        --push "http://127.0.0.1:${push_of[$1]}/firehose" --clock "$1.clock" --dump "$4" --start "$3" --cut "$cut" \
        --end "$end" --step "$step" --job "$2" --instance "$1:9465" --wanted wanted --posted "$1" --out "$1.om" >"$1.said" 2>&1
}

made() { # NAME: nothing is made of less
    cat "$1.said"
    [[ -s $1.om ]] && grep -q 'records of' "$1.said"
}

# Every incident comes in both weeks, so that no series begins within the second one, which is what the dashboards show.
usual=(--start 2026-11-02T12:00 --duration 14d --sets 3 --identities 2 --multi 0.05 --late 0.01 --size 2G
    --incident blocklist@gmail:2d21h+4h --incident outage@microsoft:3d22h+3h --incident complaints@all:4d20h+6h
    --incident badlist@all:5d20h+4h
    --incident blocklist@gmail:9d21h+4h --incident outage@microsoft:10d22h+3h --incident complaints@all:11d20h+6h
    --incident badlist@all:13d21h+3h)
tool structure --queries "$dashboards" >wanted
simulate "${usual[@]}" --messages 30000 --seed 1 --stream one --out first.dump &
simulate "${usual[@]}" --messages 12000 --seed 2 --stream two --out second.dump
wait $!
simulate --start 2026-11-14T12:00 --duration 2d --messages 12000 --sets 6 --malformed 0.01 --duplicates 0.05 --late 0.1 \
    --seed 3 --incident badlist@all:1d16h+8h --out control.dump
peer_with_port receive receive.out
receiver=$peer_port
then_serve first <<YAML
alerts: {webhooks: [{name: ours, url: "http://127.0.0.1:$receiver/"}]}
YAML
then_serve second </dev/null
# In trouble: nobody takes its messages, its labels are full, the brake would act, and nobody wants the addresses.
set_clock control
CLOCK_SHIFT=$work/control.clock LD_PRELOAD=$work/clock_shift.so double_start ses
export AWS_ENDPOINT_URL_SESV2=$DOUBLE_URL
then_serve control <<YAML
counting: {learn_domains: false, max_names: 2, last_sends: 2000, tags: [campaign]}
aws: {region: eu-west-1, endpoint: "http://127.0.0.1:9", access_key_id: AKIDEXAMPLE,
      secret_access_key: wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY}
brake: {dry_run: false}
suppression: {max_addresses: 100, webhook: {url: "http://127.0.0.1:9/"}}
alerts:
  webhooks: [{name: nobody, url: "http://127.0.0.1:9/", give_up_after: 1m}]
  rules: [{name: Pause, rate: bounce, above: 5%, window: 1h, by: [account, configuration_set], min_volume: 50, brake: {pause: true, min_volume: 100}}]
YAML
workers=()
for name in first second control; do
    case $name in
    control) live_through $name ses-collector-in-trouble 2026-11-14T12:00:00Z control.dump ;;
    *) live_through $name ses-collector "$start" $name.dump ;;
    esac
    workers+=("$pid")
done
for pid in "${workers[@]}"; do gone "$pid"; done
for name in first second control; do
    check "the weeks of $name" made $name
    [[ ! $keep || $name != first ]] || curl -s -o page.html "http://127.0.0.1:${port_of[$name]}/"
    terminate "${pid_of[$name]}"
done

echo "# $SECONDS s: weeks lived"
# What the oracle says of all that was posted until the cut, and until the end.
oracles=()
for name in first.before second.before first.all second.all; do
    background python3 "$top/tests/oracle/oracle.py" --no-learning --metrics "$name.prom" "$name" 2>>oracle.said
    oracles+=("$pid")
done
for pid in "${oracles[@]}"; do gone "$pid"; done
truth_made() {
    tool truth --cut "$cut" --end "$end" --job oracle --out oracle.om \
        first:9465=first.before.prom,first.all.prom second:9465=second.before.prom,second.all.prom
}
check "the oracle's counts of the same" truth_made

# --- into a Prometheus -------------------------------------------------------------------------------------------------------

mkdir data
echo "# $SECONDS s: counted by the oracle"
all_loaded() {
    cat first.om second.om control.om oracle.om >weeks.om && echo '# EOF' >>weeks.om || return 1
    promtool tsdb create-blocks-from openmetrics --quiet --max-block-duration=162h weeks.om data >made.log 2>&1 || {
        tail -n 5 made.log
        return 1
    }
    rm -f weeks.om first.om second.om control.om
}
check "promtool makes blocks of it" all_loaded

echo "# $SECONDS s: loaded"
# A service as it is now: files, a bucket, a queue, and a real Kafka into which mail comes; it writes into Prometheus too. And
# a worker that normalises the same mail into another topic.
ago=$(date -ud '-1 hour' +%Y-%m-%dT%H:%M)
simulate --start "$ago" --duration 40m --messages 3000 --malformed 0.01 --late 0 --object-size 200K --out spool
simulate --start "$ago" --duration 40m --messages 20000 --late 0 --seed 9 --out - >kafka.ndjson
split -n l/8 kafka.ndjson part.
# shellcheck disable=SC2119
kafka_begin
kafka_create events 3
kafka_create normal 3
double_start double
object=$(date -ud '-1 hour' +double/mail/%Y/%m/%d/%H/ses-1-%Y-%m-%d-%H-%M-%S-1)
mkdir -p "$(dirname "$object")"
head -n 300 kafka.ndjson >"$object"
double_tell send "$(head -n 20 kafka.ndjson | jq -Rsc '{queue: "events", bodies: split("\n") | map(select(. != ""))}')" ||
    echo "not ok the double takes messages"
prometheus_port=$(free_port) worker_port=$(free_port)
cat >live.yaml <<YAML
state: {path: live.db, commit_interval: 200ms}
sources:
  - files: {name: files, paths: [spool], interval: 1s, settle: 0s}
  - kafka: {name: kafka, topics: [events], properties: {bootstrap.servers: "$kafka_bootstrap"}}
  - s3: {name: bucket, bucket: mail, interval: 1s}
  - sqs: {name: queue, queue: "$DOUBLE_URL/123456789012/events", wait: 1s, visibility: 10s}
aws: {region: eu-west-1, endpoint: "$DOUBLE_URL", access_key_id: AKIDEXAMPLE,
      secret_access_key: wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY}
remote_write:
  - {name: prometheus, url: "http://127.0.0.1:$prometheus_port/api/v1/write", interval: 1s, labels: {job: ses-written, instance: live}}
YAML
openssl rand -hex 32 >hash.key
cat >worker.yaml <<YAML
sources:
  - kafka: {name: kafka, topics: [events], mode: group, properties: {bootstrap.servers: "$kafka_bootstrap", group.id: workers}}
normalize: {topic: normal, instance: worker-1, hash_key_file: hash.key}
web: {listen_address: "127.0.0.1:$worker_port"}
YAML
serve live.yaml
live_port=$port live_pid=$pid
background "$SES_COLLECTOR" normalize --config.file=worker.yaml 2>>worker.log
worker_pid=$pid
cat >prometheus.yml <<YAML
global: {scrape_interval: 1s, evaluation_interval: 1s}
scrape_configs: [{job_name: ses-collector-live, static_configs: [{targets: ["127.0.0.1:$live_port", "127.0.0.1:$worker_port"]}]}]
rule_files: ["$top/grafana/rules/*.yml"]
YAML
start_prometheus() {
    background prometheus --config.file=prometheus.yml --storage.tsdb.path=data --storage.tsdb.retention.time=10y \
        --web.enable-remote-write-receiver --web.listen-address="127.0.0.1:$prometheus_port" --log.level=warn 2>>prometheus.log
    prometheus_pid=$pid
}
answers() {
    curl -sf -o ready "http://127.0.0.1:$prometheus_port/-/ready"
}
written() {
    curl -s --data-urlencode 'query=count_over_time(ses_events_total{job="ses-written"}[1h])' "$url/api/v1/query" | jq -e '.data.result | length > 5'
}
live_from=$(date +%s)
start_prometheus
check "Prometheus serves" wait_for 60 answers
for part in part.*; do
    kafka_load events "$part" >>load.log 2>&1 || echo "not ok mail into Kafka"
    sleep 2
done
check "all of Kafka's is counted" wait_for 60 shows ses_collector_kafka_lag_messages 0
sleep 3
live_to=$(date +%s)
terminate "$worker_pid"
terminate "$live_pid"
url=http://127.0.0.1:$prometheus_port
rules_ran() { # of grafana/rules, on what was scraped: none may have failed
    curl -s "$url/api/v1/rules" >rules.json
    jq -e '[.data.groups[].rules[]] | length > 20 and all(.health == "ok")' rules.json && return
    jq -c '.data.groups[].rules[] | select(.health != "ok")' rules.json
    return 1
}
check "the rules of grafana/rules run there, every one" wait_for 60 rules_ran
check "the collector wrote into it as well" wait_for 60 written

# --- every query --------------------------------------------------------------------------------------------------------------

echo "# $SECONDS s: live"
cat >worlds.json <<JSON
{"week": {"job": "ses-collector", "start": $(date -ud "$cut" +%s), "end": $(date -ud "$end" +%s), "scrape": $step},
 "control": {"job": "ses-collector-in-trouble", "start": $(date -ud "2026-11-14T12:00Z" +%s), "end": $(date -ud "$end" +%s), "scrape": $step},
 "live": {"job": "ses-collector-live", "start": $((live_from + 5)), "end": $live_to, "scrape": 1},
 "oracle": {"job": "oracle", "start": $(date -ud "$cut" +%s), "end": $(date -ud "$end" +%s), "scrape": $step}}
JSON
while read -r line; do
    case $line in
    ok\ * | "not ok "*) echo "$line" ;;
    *) echo "    $line" ;;
    esac
    [[ $line != "not ok "* ]] || failures=$((failures + 1))
done < <(tool queries "$dashboards" worlds.json "$url" 2>&1)

echo "# $SECONDS s: asked"
if [[ $keep ]]; then
    terminate "$prometheus_pid"
    mkdir -p "$keep" && cp -r data worlds.json page.html "$keep"
fi
finish
