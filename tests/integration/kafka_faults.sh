#!/usr/bin/env bash
# What happens to a cluster and its topics while the service reads them, or while it is down: brokers that go and come
# back, leaders that move, partitions that are added, topics that are deleted and made again, retention that is faster.
# After each the counts are those of a replay of the same records, or what is missing is named to the message.
#
#     kafka_faults.sh [MESSAGES]      default: 3000, about 2.3 records each
# shellcheck disable=SC2317,SC2154 source=kafka_service.bash
. "$(dirname "${BASH_SOURCE[0]}")/kafka_service.bash"

readonly messages=${1:-3000}
readonly recreated="kafka partition was recreated or truncated" lost="kafka messages lost to retention"

simulate --seed 61 --duration 2h --messages "$messages" --late 0 --duplicates 0.02 >stream.ndjson
simulate --seed 62 --duration 2h --messages "$messages" --late 0 --duplicates 0.02 >other.ndjson
records=$(wc -l <stream.ndjson) others=$(wc -l <other.ndjson)
third=$((records / 3))
head -n $third stream.ndjson >first.ndjson
sed -n "$((third + 1)),$((2 * third))p" stream.ndjson >second.ndjson
tail -n +$((2 * third + 1)) stream.ndjson >third.ndjson

kafka_begin --brokers 2 --set broker.session.timeout.ms=3000 --set broker.heartbeat.interval.ms=500 \
    --set leader.imbalance.check.interval.seconds=1

page_says() {
    get / >page.html && says "$1" page.html
}
# counted_as FILE...: the service at `port` comes to show the counts of these records, however often it read them
counted_as() {
    truth "$@" && wait_for 60 shows ses_collector_kafka_lag_messages 0 && wait_for 60 live_counts_are "$but_for_reading"
}
lines_of() {
    grep -cF "$1" "$2"
}

# --- brokers ------------------------------------------------------------------------------------------------------------
# Leaders of all partitions on node 2: it can go while the controller stays.
kafka_create brokers 4 2,1
kafka_configure brokers.yaml brokers 'dead_letter_topic: dead'
kafka_create dead 1
serve brokers.yaml
service=$pid
background kafka_load brokers --rate $((records / 18)) stream.ndjson >loaded 2>loader.log
loader=$pid
sleep 1
kafka_stop --node 2
leads() { # NODE
    is "$(kafka_leader brokers 0)" "$1"
}
check "a broker stops: its leaders move" wait_for 60 leads 1
sleep 1
kafka_start --node 2
check "they move back" wait_for 60 leads 2
kafka_stop --node 2 --kill
sleep 1
kafka_stop --kill
# What is said depends on which attempt failed last.
page_tells() {
    get / | grep -E 'no broker answers|looking for the topic brokers' >/dev/null
}
check "no broker: the page says so" wait_for 60 page_tells
check "no broker: not caught up" wait_for 60 shows ses_collector_source_caught_up 0
kafka_start
gone "$loader"
check "all records are in Kafka: $(tail -n 1 loader.log | cut -c1-60)" test "$code" = 0
check "brokers: all is read, once" wait_for 60 is_counted "$records"
truth stream.ndjson
check "brokers: counts" live_counts_are
check "brokers: nothing lost" shows ses_collector_kafka_lost_messages_total 0
check "brokers: the page is content" wait_for 60 bash -c "! curl -s 127.0.0.1:$port/ | grep -qE 'no broker answers|looking for the topic'"
check "brokers: ready" wait_for 60 ready_is 200
check "brokers: the log is no flood ($(wc -l <brokers.log) lines)" at_most "$(wc -l <brokers.log)" 400
terminate "$service"

# --- partitions are added -------------------------------------------------------------------------------------------------
# From the end on, and yet what lands in a new partition before it is noticed is read.
kafka_create grows 2
kafka_load grows other.ndjson >/dev/null
kafka_configure grows.yaml grows 'start: end'
serve grows.yaml
check "partitions added: ready" wait_for 60 ready_is 200
kafka_load grows first.ndjson >/dev/null
kafka_grow grows 5
kafka_load grows second.ndjson third.ndjson >/dev/null
check "partitions added: all is read, once" wait_for 60 is_counted "$records"
truth stream.ndjson
check "partitions added: counts" live_counts_are
check "partitions added: lag of each" is "$(get /metrics | grep -c '^ses_collector_kafka_lag_messages')" 5
terminate "$pid"

# --- a topic is made again while the service runs -------------------------------------------------------------------------
again() { # TOPIC PARTITIONS FILE...
    sleep 2 # what follows within a second of the first messages cannot be told (docs/kafka.md)
    kafka_delete "$1"
    kafka_create "$1" "$2"
    (($# == 2)) || kafka_load "$1" "${@:3}" >/dev/null
}
kafka_create live 2
kafka_load live first.ndjson >/dev/null
kafka_configure live.yaml live
serve live.yaml
check "made again: the first" counted_as first.ndjson
again live 2 first.ndjson
check "made again, the same: counts" counted_as first.ndjson
check "made again, the same: was read again" wait_for 60 shows ses_collector_records_read_total $((2 * third))
check "made again, the same: the log says so" says "$recreated" live.log
check "made again, the same: the page says so" page_says "was recreated or cut short: it is read again from its beginning"
again live 2 first.ndjson second.ndjson
check "made again, longer: counts" counted_as first.ndjson second.ndjson
head -n 50 third.ndjson >short.ndjson
before=$(lines_of "$recreated" live.log)
again live 2 short.ndjson
check "made again, shorter: counts" counted_as first.ndjson second.ndjson short.ndjson
check "made again, shorter: the log says so" test "$(lines_of "$recreated" live.log)" -gt "$before"
again live 2
sleep 1
kafka_load live third.ndjson >/dev/null
check "made again, empty at first: counts" counted_as stream.ndjson
again live 4 other.ndjson
check "made again with more partitions: counts" counted_as stream.ndjson other.ndjson
check "made again: nothing lost" shows ses_collector_kafka_lost_messages_total 0
check "made again: ready" wait_for 60 ready_is 200
terminate "$pid"

# --- the same while it is down ---------------------------------------------------------------------------------------------
kafka_create down 2
kafka_load down first.ndjson >/dev/null
kafka_configure down.yaml down
# down_as NAME LINES FILE...: a run to the end; the counts of these records; so many new lines of the log say "recreated"
down_as() {
    local name=$1 wanted=$2 before
    before=$(lines_of "$recreated" down.log 2>/dev/null)
    truth "${@:3}"
    check "down, $name: run" run_all down.yaml --metrics down.prom
    check "down, $name: counts" counts_are down.prom "$but_for_reading"
    check "down, $name: the log says so $wanted times" is $(($(lines_of "$recreated" down.log) - before)) "$wanted"
    check "down, $name: nothing lost" is "$(of down.prom ses_collector_kafka_lost_messages_total)" 0
}
down_as "the first" 0 first.ndjson
again down 2 first.ndjson
down_as "the same again" 2 first.ndjson
again down 2 second.ndjson first.ndjson
down_as "others and longer" 2 first.ndjson second.ndjson
again down 2 short.ndjson
down_as shorter 2 first.ndjson second.ndjson short.ndjson
again down 2
down_as empty 2 first.ndjson second.ndjson short.ndjson
kafka_load down third.ndjson >/dev/null
down_as "filled then" 0 stream.ndjson
again down 1 other.ndjson
down_as "fewer partitions" 1 stream.ndjson other.ndjson
kafka_grow down 2
simulate --seed 63 --duration 2h --messages 300 --late 0 >new.ndjson
kafka_load down --partitions-by 1 new.ndjson >/dev/null
down_as "and one more, whose number was known" 1 stream.ndjson other.ndjson new.ndjson

# --- retention is faster ----------------------------------------------------------------------------------------------------
kafka_create cut 1
kafka_load cut first.ndjson >/dev/null
kafka_configure cut.yaml cut fetch.message.max.bytes=1000 # one batch at a time
truth first.ndjson
check "retention: the first third" run_all cut.yaml --metrics cut.prom
kafka_cut cut 0 $third
check "retention to where we are: run" run_all cut.yaml --metrics cut.prom
check "retention to where we are: nothing lost" is "$(of cut.prom ses_collector_kafka_lost_messages_total)" 0
check "retention to where we are: no word" bash -c "! grep -q '$lost' cut.log"
kafka_load cut second.ndjson >/dev/null
kafka_cut cut 0 $((third + 17))
check "retention beyond: run" run_all cut.yaml --metrics cut.prom
check "retention beyond: what was lost" is "$(of cut.prom ses_collector_kafka_lost_messages_total)" 17
check "retention beyond: the log says so" is "$(field cut.log "$lost" lost)" 17
tail -n +18 second.ndjson >kept.ndjson
truth first.ndjson kept.ndjson
check "retention beyond: counts of the others" counts_are cut.prom
serve cut.yaml
check "retention while it runs: ready" wait_for 60 ready_is 200
kill -STOP "$pid"
kafka_load cut third.ndjson >/dev/null
end=$(wc -l <third.ndjson)
kafka_cut cut 0 $((2 * third + end - 5))
kill -CONT "$pid"
# What was on its way already is read: a first batch. Then the five that were kept.
missing_is_named() {
    local read gone
    read=$(metric ses_collector_records_read_total) gone=$(metric ses_collector_kafka_lost_messages_total)
    is $((read + gone)) $((records - 17)) && ((gone > 0)) && shows ses_collector_kafka_lag_messages 0
}
check "retention while it runs: read and lost are everything" wait_for 60 missing_is_named
missing=$(metric ses_collector_kafka_lost_messages_total)
head -n $((end - 5 - missing)) third.ndjson >rest.ndjson
tail -n 5 third.ndjson >>rest.ndjson
truth first.ndjson kept.ndjson rest.ndjson
check "retention while it runs: counts" live_counts_are
check "retention while it runs: the page says so ($missing)" \
    page_says "$missing messages of cut/0 were deleted by retention before they were read"
check "retention while it runs: the log says so" is "$(field cut.log "$lost" lost)" $((17 + missing))
terminate "$pid"
kafka_load cut other.ndjson >/dev/null
kafka_cut cut 0 -1
check "retention of all: run" run_all cut.yaml --metrics cut.prom
check "retention of all: what was lost" is "$(of cut.prom ses_collector_kafka_lost_messages_total)" "$others"
check "retention of all: counts" counts_are cut.prom
finish
