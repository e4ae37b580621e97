#!/usr/bin/env bash
# Workers of `normalize` between two topics: three of them, killed at random moments and started again, one leaving and
# coming back, a broker that stops: every record is in the second topic exactly once for readers of committed messages,
# and whoever counts there, alone or two with half of the partitions each, counts what a replay of the dump counts.
#
#     kafka_normalize.sh [KILLS] [SEED]      default: 12 kills
# shellcheck disable=SC2016,SC2154,SC2317,SC2119,SC2120 source=kafka_service.bash
. "$(dirname "${BASH_SOURCE[0]}")/kafka_service.bash"

readonly kills=${1:-12} seed=${2:-1}
RANDOM=$seed
declare -A pids=() ports=()

kafka_begin
openssl rand -hex 32 >key

# worker_file NAME IN OUT [LINE-OF-NORMALIZE]...
worker_file() {
    local name=$1
    {
        printf 'web: {listen_address: "127.0.0.1:%s"}\n' "${ports[$name]}"
        printf 'sources:\n  - kafka:\n      topics: [%s]\n      mode: group\n      dead_letter_topic: %s-dead\n' "$2" "$3"
        printf '      properties: {bootstrap.servers: "%s", group.id: to-%s, session.timeout.ms: 6000, heartbeat.interval.ms: 500' \
            "$kafka_bootstrap" "$3"
        printf '%s%s}\n' "${strategy:+, partition.assignment.strategy: $strategy}" "${static:+, group.instance.id: $name}"
        printf 'normalize:\n  topic: %s\n  instance: %s\n  hash_key_file: key\n' "$3" "${instance:-$name}"
        printf '  %s\n' "${@:4}"
    } >"$name.yaml"
}
work_on() { # NAME: starts the worker. Not within check.
    background "$SES_COLLECTOR" normalize --config.file="$1.yaml" 2>>"$1.log"
    pids[$1]=$pid
}
worker_shows() { # NAME SERIES VALUE
    port=${ports[$1]} shows "$2" "$3"
}
read_all() { # TOPIC FILE [committed|uncommitted]: key and value of every message
    kcat -b "$kafka_bootstrap" -X "isolation.level=read_${3:-committed}" -C -t "$1" -o beginning -e -q -f '%K:%k:%S:%s' >"$2"
}
count_of() { # FILE: how many messages read_all put there
    python3 -c 'import sys; sys.path.insert(0, sys.argv[1]); import kafka_normalize_check as c
print(sum(1 for m in c.messages(c.read(sys.argv[2]))))' "$top/tests/integration" "$1"
}
group_is_done() { # TOPIC GROUP
    kafka_admin offsets "$1" | awk '{ print $1, $3 }' >offsets.end
    kafka_admin committed "$1" "$2" >offsets.committed
    diff offsets.end offsets.committed
}
exactly_once() { # DUMP TOPIC
    read_all "$2" "$2.read" && python3 "$top/tests/integration/kafka_normalize_check.py" "$1" <"$2.read"
}
for name in one two three again calm spare; do ports[$name]=$(free_port); done

# --- what is refused ------------------------------------------------------------------------------------------------------
# Two have a place in the group of their own, and get their partitions back without a word; the third is a new member
# each time, and is missed for as long as its session lasts.
static=1 worker_file one ses normal
check "check accepts a worker's file" exits 0 "$SES_COLLECTOR" check --config.file=one.yaml
check "and says whose it is" says "for ses-collector normalize, not for run" err
cp err checked
openssl rand -hex 4 >short
sed 's/hash_key_file: key/hash_key_file: short/' one.yaml >two.yaml
check "a key that is too short is found" exits 78 "$SES_COLLECTOR" check --config.file=two.yaml
check "and not shown" is "$(grep -cF "$(<short)" err)" 0
check "what it prints loads again" sh -c '"$0" check --config.file=one.yaml >effective.yaml && "$0" check --config.file=effective.yaml | diff effective.yaml -' "$SES_COLLECTOR"
check "run does not take it" exits 78 "$SES_COLLECTOR" run --config.file=one.yaml
sed '/^normalize/,$d' one.yaml >none.yaml
check "normalize takes no other" exits 78 "$SES_COLLECTOR" normalize --config.file=none.yaml

# --- before there is anything ----------------------------------------------------------------------------------------------
# Forty minutes with duplicates; poison goes in between. The input is keyed by nothing.
simulate --seed "$seed" --duration 20m --tail 20m --messages $((kills * 1500)) --malformed 0 --late 0 --duplicates 0.03 >stream.ndjson
records=$(wc -l <stream.ndjson)
readonly records
truth stream.ndjson
work_on one
check "a worker without a topic to write to says so, and waits" wait_for 60 grep -q 'normal (normalize.topic) does not exist' one.log
check "and is not ready" is "$(port=${ports[one]} status_of /-/ready)" 503
kafka_create ses 6
kafka_create normal 6
kafka_create normal-dead 1
check "with the topics there it works" wait_for 60 worker_shows one ses_collector_ready 1
fingerprint=$(sed -nE "s/.*the key's fingerprint is ([0-9a-f]+)$/\\1/p" checked)
check "which key it has can be seen" worker_shows one "ses_collector_hash_key_info{fingerprint=\"$fingerprint\"}" 1
((failures == 0)) || finish # nothing of what follows could be right

# --- three workers, kills, a broker ----------------------------------------------------------------------------------------
static=1 worker_file two ses normal
worker_file three ses normal
work_on two
work_on three
# something was written since it was $1 by offsets: then a transaction is open. Or nobody sends any more.
writes() {
    (($(kafka_messages normal) > $1)) || ! kill -0 "$loader" 2>/dev/null
}
background kafka_load ses --partitions-by round-robin --rate $((records / (kills * 3))) --poison-every 1000 --tombstone-every 1500 stream.ndjson >loaded
loader=$pid
killed=0
names=(one two three)
while ((killed < kills)); do
    written=$(kafka_messages normal)
    wait_for 60 writes "$written"
    sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
    name=${names[(RANDOM % 5) % 3]}
    kill -KILL "${pids[$name]}"
    gone "${pids[$name]}" 2>/dev/null
    killed=$((killed + 1))
    case $((killed % 6)) in
    3) # one leaves as it should, another's place is empty for a while
        other=${names[RANDOM % 3]}
        [[ $other == "$name" ]] || {
            terminate "${pids[$other]}"
            check "a worker ends within 5 s (kill $killed)" ends_in_time
            work_on "$other"
        }
        ;;
    5)
        kafka_stop --kill
        sleep 1
        kafka_start
        ;;
    esac
    work_on "$name"
done
gone "$loader"
check "the input is in Kafka: $(<loaded)" test "$code" = 0
check "everything is normalised after $killed kills" wait_for 120 group_is_done ses to-normal
check "each record exactly once: $(exactly_once stream.ndjson normal | head -n 1)" exactly_once stream.ndjson normal
read_all normal all.read uncommitted
aborted=$(($(count_of all.read) - $(count_of normal.read)))
check "the kills met open transactions: $aborted records were written and aborted" test "$aborted" -gt 0
poison=$(sed -E 's/.*poison ([0-9]+).*/\1/' loaded)
dead() { # a line for each dead letter: where it came from
    kcat -b "$kafka_bootstrap" -X isolation.level=read_committed -C -t normal-dead -o beginning -e -q -f '%h\n' |
        sed -E 's/.*errors.partition=([0-9]+).*errors.offset=([0-9]+).*/\1 \2/' | sort "$@"
}
check "each message that is no record is a dead letter, exactly once" is "$(dead | wc -l) $(dead -u | wc -l)" "$poison $poison"
for name in one two three; do
    terminate "${pids[$name]}"
    check "$name ends within 5 s" ends_in_time
done

# --- who counts ------------------------------------------------------------------------------------------------------------
# A worker that was gone for ten seconds leaves a gap of minutes of the stream, filled later: a minute must wait for what
# belongs to it, or a machine's three clicks are judged one by one. No minute of so short a stream is over within an hour.
count_topic() { # NAME [LINE]...: a batch run over the second topic
    kafka_configure "$1.yaml" normal "${@:2}"
    echo 'alerts: {delay: 1h}' >>"$1.yaml"
    run_all "$1.yaml" --metrics "$1.prom"
}
readonly of_the_reading='^(ses_alert_firing|ses_collector_.*)$'
check "one counts the second topic" count_topic whole
check "and counts what a replay of the dump does" counts_are whole.prom "$of_the_reading"
oracle --metrics oracle-metrics.json stream.ndjson >/dev/null 2>&1
grep -v '^ses_collector_' whole.prom >whole-mail.prom
python3 - <<'PY'
import json
rows = [r for r in json.load(open("oracle-metrics.json")) if not r["name"].startswith("ses_collector_")]
json.dump(rows, open("oracle-mail.json", "w"))
PY
check "and what the oracle does" compare metrics --no-visits oracle-mail.json whole-mail.prom
check "two count half of the partitions each" count_topic left 'partitions: [0, 1, 2]'
check "the other half" count_topic right 'partitions: [3, 4, 5]'
added() { # METRICS...: counters and buckets, added up
    cat "$@" | awk '/^# TYPE/ { keep = $3 ~ /^ses_/ && $3 !~ /^ses_collector_/ && ($4 == "counter" || $4 == "histogram") }
        !/^#/ && keep && $1 !~ /_sum[{]/ { n[$1] += $2 } END { for (s in n) if (n[s]) print s, n[s] }' | LC_ALL=C sort
}
add_up() {
    added truth.prom >added.wanted
    added left.prom right.prom >added.shown
    (($(wc -l <added.wanted) > 100)) && diff added.wanted added.shown
}
check "the sum of both is the replay's" add_up
both_have() {
    (($(of left.prom ses_collector_records_read_total) > 0 && $(of right.prom ses_collector_records_read_total) > 0))
}
check "and both had something to count" both_have

# --- the same name ----------------------------------------------------------------------------------------------------------
# The one that was there first hears of it with its next transaction.
kafka_create named 2
kafka_create named-out 2
kafka_create named-out-dead 1
head -n 4000 stream.ndjson >named.ndjson
background "$KAFKA_TOOLS/kafka_load" --brokers "$kafka_bootstrap" --topic named --rate 100 named.ndjson >/dev/null
loader=$pid
instance=same worker_file calm named named-out
work_on calm
wait_for 60 worker_shows calm ses_collector_ready 1
instance=same worker_file spare named named-out
work_on spare
check "a worker whose name another one takes is told what to do" wait_for 60 grep -q 'give each worker its own normalize.instance' calm.log
check "and counts it" wait_for 60 worker_shows calm 'ses_collector_clients_recreated_total{reason="fenced"}' 1
for name in calm spare; do terminate "${pids[$name]}"; done
kill -TERM "$loader"
gone "$loader" 2>/dev/null

# --- another strategy -------------------------------------------------------------------------------------------------------
kafka_create calm 3
kafka_create calm-dead 1
strategy=cooperative-sticky
worker_file calm ses calm
worker_file spare ses calm
worker_file again ses calm
for name in calm spare again; do work_on $name; done
check "cooperative workers read it all" wait_for 120 group_is_done ses to-calm
terminate "${pids[spare]}"
work_on spare
kafka_load ses --partitions-by round-robin stream.ndjson >loaded
check "and what comes while one leaves and another joins" wait_for 120 group_is_done ses to-calm
cat stream.ndjson stream.ndjson >twice.ndjson
check "each exactly once: $(exactly_once twice.ndjson calm | head -n 1)" exactly_once twice.ndjson calm
check "byte for byte what the others made of it" python3 "$top/tests/integration/kafka_normalize_check.py" --times 2 normal.read calm.read

# --- a topic that takes little -------------------------------------------------------------------------------------------
# Every batch of the usual size is refused there, and a few records are too large by themselves: the largest twentieth, about,
# with the 70 bytes that Kafka puts around one.
room=$(head -n 1000 stream.ndjson | python3 -c 'import json, sys; sys.path.insert(0, sys.argv[1]); import kafka_normalize_check as c
ids = {json.loads(line)["mail"]["messageId"].encode() for line in sys.stdin}
sizes = sorted(len(key) + len(value) for key, value in c.messages(c.read("normal.read")) if key in ids)
print(sizes[len(sizes) * 95 // 100] + 70)' "$top/tests/integration")
kafka_create few 2
kafka_create small 2 1 max.message.bytes="$room"
kafka_create small-dead 1
head -n 1000 stream.ndjson | kafka_load few --poison-every 500 >loaded
terminate "${pids[calm]}"
worker_file calm few small
work_on calm
check "what is too large for its topic does not stop the rest" wait_for 120 group_is_done few to-small
read_all small small.read
arrived=$(count_of small.read)
check "and is counted: $((1000 - arrived)) of 1000" wait_for 60 worker_shows calm 'ses_collector_records_malformed_total{source="kafka",reason="too_large"}' $((1000 - arrived))
check "some were, and most were not" test "$arrived" -lt 1000 -a "$arrived" -gt 800
terminate "${pids[calm]}"
worker_file calm ses calm
work_on calm

# --- the end with a broker that holds its connections and says nothing -------------------------------------------------------
head -n 3000 stream.ndjson | kafka_load ses >loaded
kill -STOP "$(<"$kafka_dir/node1/pid")"
sleep 1
terminate "${pids[calm]}"
check "a worker ends within 5 s while a broker is silent" ends_in_time
kill -CONT "$(<"$kafka_dir/node1/pid")"
work_on calm

# --- the end with the brokers gone -------------------------------------------------------------------------------------------
kafka_stop --kill
sleep 1
for name in calm spare again; do
    terminate "${pids[$name]}"
    check "$name ends within 5 s with no broker there" ends_in_time
done
before=$(wc -l <one.log)
work_on one
check "a worker starts with no broker there" wait_for 60 said 'no broker answers' one.log "$before"
terminate "${pids[one]}"
check "and ends" ends_in_time
finish
