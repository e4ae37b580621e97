#!/usr/bin/env bash
# Several instances in one consumer group, each with a state of its own: what they have counted adds up to what was sent,
# whoever comes, goes, is killed or comes back; and what two have counted is named to the message.
#
#     kafka_group.sh [ROUNDS]      default: 10 joins and leaves
# shellcheck disable=SC2317,SC2154,SC2119,SC2120 source=kafka_service.bash
. "$(dirname "${BASH_SOURCE[0]}")/kafka_service.bash"

readonly rounds=${1:-10}
readonly twice="kafka messages counted by two states"
declare -A ports=() pids=()
ended_badly=

kafka_begin

# begin NAME TOPIC [PROPERTY=VALUE]...: an instance of the topic's group; a member that is gone is missed after `session_ms`
begin() {
    kafka_configure "$1.yaml" "$2" 'mode: group' "group.id=$2" heartbeat.interval.ms=300 "session.timeout.ms=${session_ms:-2000}" "${@:3}"
    serve "$1.yaml" --metrics "$1.prom"
    ports[$1]=$port pids[$1]=$pid
}
end() { # NAME: its metrics are in NAME.prom then
    terminate "${pids[$1]}"
    unset "pids[$1]"
    ((code == 0)) || ended_badly+=" $1:$code"
}
# The group was told of everything, so nobody has anything left to read.
group_is_done() { # TOPIC
    kafka_admin offsets "$1" | awk '{ print $1, $3 }' >offsets.end
    kafka_admin committed "$1" "$1" >offsets.committed
    diff offsets.end offsets.committed
}
collect() { # NAME...: what the running ones show, in NAME.prom
    local name
    for name in "$@"; do
        curl -sS -m 10 "http://127.0.0.1:${ports[$name]}/metrics" >"$name.prom"
    done
}
# Counters and buckets of several instances, added up, and those of the truth.
added() { # METRICS...
    cat "$@" | awk '/^# TYPE/ { keep = $3 ~ /^ses_/ && $3 !~ /_(bytes_.*|overflow|objects_read)_total$/ && ($4 == "counter" || $4 == "histogram")
            service = $3 ~ /^ses_collector_(commit|dead|kafka|notif)/; next }
        !/^#/ && keep && !service && $1 !~ /_sum[{]/ { n[$1] += $2 } END { for (s in n) if (n[s]) print s, n[s] }' | LC_ALL=C sort
}
add_up() { # NAME...
    # Agents are judged when time has gone on, which it has not behind the newest events.
    added truth.prom | grep -vE "$visits" >added.wanted
    added "${@/%/.prom}" | grep -vE "$visits" >added.shown
    (($(wc -l <added.wanted) > 100)) && diff added.wanted added.shown
}
# read_at_least RECORDS NAME...: a commit is shown a moment after the group was told of it
read_at_least() {
    collect "${@:2}"
    (($(read_by "${@:2}") >= $1))
}
read_by() { # NAME...
    local name total=0
    for name in "$@"; do total=$((total + $(of "$name.prom" ses_collector_records_read_total))); done
    echo "$total"
}

# Records that no two of are the same, so that none can be left out as a duplicate: what is read twice would show.
simulate --seed 71 --duration 2h --messages $((rounds * 2000)) --late 0 --duplicates 0 >stream.ndjson
records=$(wc -l <stream.ndjson)
truth stream.ndjson

# --- joins and leaves -----------------------------------------------------------------------------------------------------
kafka_create joins 6
session_ms=20000 # nobody is killed here, and nobody must be missed who is only slow
begin one joins
background kafka_load joins --rate $((records / (2 * rounds + 1))) stream.ndjson >/dev/null 2>&1
loader=$pid
for ((round = 0; round < rounds; round++)); do
    case $((round % 4)) in
    0 | 2) begin two joins ;;
    1) end two ;;
    3) # both at once, and only one comes back
        end one
        begin one joins
        end two
        ;;
    esac
    sleep 1.7
done
gone "$loader"
[[ ${pids[two]:-} ]] || begin two joins
check "joins and leaves: everything is counted" wait_for 60 group_is_done joins
wait_for 60 read_at_least "$records" one two
check "joins and leaves: each read something" test "$(of one.prom ses_collector_records_read_total)" -gt 0 -a \
    "$(of two.prom ses_collector_records_read_total)" -gt 0
check "joins and leaves: all was read, once" is "$(read_by one two)" "$records"
check "joins and leaves: the sum is the truth" add_up one two
check "joins and leaves: every end was a good one" is "$ended_badly" ""
check "joins and leaves: nobody says that something counts twice" bash -c "! grep -h '$twice' one.log two.log"
end one
end two

# --- killed, and back -----------------------------------------------------------------------------------------------------
kafka_create kills 4
session_ms=
begin three kills
begin four kills
background kafka_load kills --rate $((records / 14)) stream.ndjson >/dev/null 2>&1
loader=$pid
for _ in 1 2; do
    sleep 2.7
    kill -KILL "${pids[four]}"
    gone "${pids[four]}" 2>/dev/null
    sleep 3.5 # missed after 2 s
    begin four kills
done
gone "$loader"
check "killed: everything is counted" wait_for 60 group_is_done kills
wait_for 60 read_at_least "$records" three four
# Only who was killed can know what both have counted, and only of the partitions that come back to it: now they all do.
end three
check "killed: the other one ends well" is "$code" 0
takes_all() {
    is "$(curl -sS "http://127.0.0.1:${ports[four]}/metrics" | grep -c '^ses_collector_kafka_lag_messages')" 4
}
check "killed: takes all when the other one goes" wait_for 60 takes_all
collect four
surplus=$(($(read_by three four) - records))
named=$(($(field three.log "$twice" messages) + $(field four.log "$twice" messages)))
check "killed: nothing is missing" test "$surplus" -ge 0
check "killed: at most the last stretch is counted twice ($surplus)" at_most "$surplus" $((4 * records / 14))
check "killed: what is counted twice is named" is "$named" "$surplus"
page_says_twice() {
    ((surplus == 0)) || curl -sS "http://127.0.0.1:${ports[four]}/" | grep 'were counted here and by another state' >/dev/null
}
check "killed: the page says so" page_says_twice
end four

# --- static members -------------------------------------------------------------------------------------------------------
kafka_create static 4
session_ms=20000
begin five static group.instance.id=five
begin six static group.instance.id=six
share_evenly() {
    is "$(curl -sS "http://127.0.0.1:${ports[five]}/metrics" | grep -c '^ses_collector_kafka_lag_messages')" 2 &&
        is "$(curl -sS "http://127.0.0.1:${ports[six]}/metrics" | grep -c '^ses_collector_kafka_lag_messages')" 2
}
check "static: both have their share" wait_for 60 share_evenly
shared=$(grep -c "shared out" five.log)
background kafka_load static --rate $((records / 6)) stream.ndjson >/dev/null 2>&1
loader=$pid
for _ in 1 2; do
    sleep 1.5
    end six
    sleep 0.5
    begin six static group.instance.id=six
done
gone "$loader"
check "static: everything is counted" wait_for 60 group_is_done static
wait_for 60 read_at_least "$records" five six
check "static: all was read, once" is "$(read_by five six)" "$records"
check "static: the sum is the truth" add_up five six
check "static: the other one was not disturbed" is "$(grep -c "shared out" five.log)" "$shared"
end five
end six

# --- one state, two instances ---------------------------------------------------------------------------------------------
kafka_configure seven.yaml static
serve seven.yaml
check "one state: read" wait_for 60 is_counted "$records"
check "one state: counts" live_counts_are
"$SES_COLLECTOR" run --config.file=seven.yaml --web.listen-address=127.0.0.1:0 2>second.log
check "one state: the second one is refused" is $? 75
check "one state: and says why" says seven.db second.log
check "one state: the first one goes on" ready_is 200
terminate "$pid"
finish
