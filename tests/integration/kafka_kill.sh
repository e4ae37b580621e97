#!/usr/bin/env bash
# kill -9 at random moments while Kafka delivers: every count equals the oracle's, no counter is ever seen going down,
# and every alert is told once.
#
#     kafka_kill.sh [CYCLES] [SEED]      default: 10 cycles
# shellcheck disable=SC2016,SC2119,SC2154,SC2317 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"
# shellcheck source=kafka.bash
. "$top/tests/integration/kafka.bash"
trap 'kafka_end; clean_up' EXIT

readonly cycles=${1:-10} seed=${2:-1}
readonly records_a_cycle=12000
RANDOM=$seed

# Three hours that end now, so that the alerts are news and not a backlog's.
simulate --seed "$seed" --start "@$(($(date +%s) - 10800))" --duration 3h --tail 0s --messages $((cycles * 5000)) \
    --late 0 --duplicates 0.03 --malformed 0.002 --incident blocklist@gmail:1h+40m >stream.ndjson
records=$(wc -l <stream.ndjson)
readonly records
oracle --rules "$top/tests/integration/default_rules.json" --buckets 0.1,0.25,0.5,1,2.5,5,10,30,60,300,900,1800,3600,14400 \
    --metrics oracle-metrics.json --alerts oracle-alerts.json stream.ndjson

kafka_begin
kafka_create ses 4

background python3 "$top/tests/integration/webhook_receiver.py" told.ndjson
receiver=$pid
wait_for 60 test -s told.ndjson.port
fixed_port=$(free_port)
cat >kill.yaml <<YAML
state: {path: kill.db, commit_interval: 200ms}
web: {listen_address: "127.0.0.1:$fixed_port"}
sources:
  - kafka:
      name: files
      topics: [ses]
      start: beginning
      dead_letter_topic: dead
      properties: {bootstrap.servers: "$kafka_bootstrap"}
alerts:
  file: alerts.json
  hold_when_behind: 4h
  webhooks: [{name: hook, url: "http://127.0.0.1:$(cat told.ndjson.port)/", send_resolved: true}]
YAML
counts_as_replay kill.yaml
kafka_create dead 1

background kafka_load ses --rate $((records_a_cycle * 2 / 3)) stream.ndjson >loaded
loader=$pid
background python3 "$top/tests/integration/scrape.py" "http://127.0.0.1:$fixed_port/metrics" 4 \
    --process ses_collector_commit_seconds --process ses_collector_dead_letters_total \
    --process ses_collector_notifications_total >scraped 2>&1
scraper=$pid

killed=0
while ((killed < cycles)); do
    background "$SES_COLLECTOR" run --config.file=kill.yaml 2>>kill.log
    sleep "$((RANDOM % 3)).$((RANDOM % 10))$((RANDOM % 10))"
    kill -KILL "$pid"
    gone "$pid" 2>/dev/null
    killed=$((killed + 1))
done
gone "$loader"
check "all records are in Kafka" test "$code" = 0

# The last one lives until everything is counted.
background "$SES_COLLECTOR" run --config.file=kill.yaml --metrics final.prom 2>>kill.log
service=$pid
count_of() {
    curl -fsS "http://127.0.0.1:$fixed_port/metrics" | awk -v name="$1" 'index($1, name "{") == 1 || $1 == name { n += $2 } END { print n + 0 }'
}
is_counted() {
    [[ $(count_of ses_collector_records_read_total) == "$records" && $(count_of ses_collector_kafka_lag_messages) == 0 ]]
}
check "everything is counted after $killed kills" wait_for 60 is_counted
told_all() {
    [[ $(count_of ses_collector_notifications_waiting) == 0 ]]
}
check "everything is told" wait_for 60 told_all
kill -TERM "$service"
gone "$service"
check "ends well" test "$code" = 0
kill -TERM "$scraper"
gone "$scraper"
check "no counter ever went down: $(tail -n 1 scraped)" test "$code" = 0
check "metrics = oracle" compare metrics --no-visits oracle-metrics.json final.prom

# Which incidents there were: their labels, and how often each fired. Numbers and minutes may differ: here an alert is
# judged a minute after its minute ended, by what had come until then; the oracle knows all that ever came.
incidents() {
    jq -r '.data.alerts[] | select(.firedAt) | [.labels.alertname, .labels.severity, .labels.scope, .labels.provider,
        .labels.configuration_set] | join("/")' alerts.json | sort
}
oracle_incidents() {
    jq -r '.[] | [.rule, .severity, .scope, .provider // "", .configuration_set // ""] | join("/")' oracle-alerts.json | sort
}
check "incidents = oracle" diff <(oracle_incidents) <(incidents)

kill -TERM "$receiver"
gone "$receiver"
# Told with one identity, however often: id of the message, status, labels.
told() {
    jq -r '[.id, .body.status, .body.alerts[0].labels.alertname, .body.alerts[0].labels.severity, (.body.alerts[0].labels.provider // ""),
        (.body.alerts[0].labels.configuration_set // ""), .body.alerts[0].startsAt] | join("/")' told.ndjson | sort -u
}
to_be_told() { # parts of others are not
    jq -r '.data.alerts[] | select(.firedAt and (.muted_by | not)) | [.labels.alertname, .labels.severity, .labels.provider, .labels.configuration_set, .firedAt] as $who |
        (["firing"] + $who), (select(.state == "resolved") | ["resolved"] + $who) | join("/")' alerts.json | sort
}
check "each incident is told once by one name" diff <(to_be_told) <(told | cut -d/ -f2- | sort)
check "the list of incidents is not empty" test "$(to_be_told | wc -l)" -gt 1

check "the state is sound" test "$(sqlite3 kill.db 'PRAGMA integrity_check')" = ok
malformed=$(count_of_file() { awk -v name="$1" 'index($1, name "{") == 1 { n += $2 } END { print n + 0 }' "$2"; }; count_of_file ses_collector_records_malformed_total final.prom)
check "every poison record is a dead letter, at least once ($malformed)" test "$(kafka_messages dead)" -ge "$malformed"
finish
