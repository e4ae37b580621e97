#!/usr/bin/env bash
# A watched bucket: objects appear late, out of order, below old hours; a restart; pauses longer than the look-back; what is
# forbidden, changed, gone, excluded. Against moto, and for what moto cannot do against the double that checks signatures.
# What the service shows is always what a replay of the same files shows.
# shellcheck disable=SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"
# shellcheck source=aws.bash
. "$top/tests/integration/aws.bash"

aws_env
readonly secret=$AWS_SECRET_ACCESS_KEY
program=$SES_COLLECTOR
"${CC:-cc}" -D_GNU_SOURCE -shared -fPIC -o clock_shift.so "$top/tests/integration/clock_shift.c" || exit 1
cat >shifted <<SH
#!/bin/sh
export CLOCK_SHIFT="$work/clock" LD_PRELOAD="$work/clock_shift.so" ASAN_OPTIONS="verify_asan_link_order=0:\$ASAN_OPTIONS"
exec "$program" "\$@"
SH
chmod +x shifted
shift_clock() { # SECONDS
    python3 "$top/tests/integration/bucket_life.py" clock clock $(($1 * 1000))
}
hours_ago() {
    date -u -d "$1 hours ago" +%Y-%m-%dT%H:00:00Z
}

# watch FILE ENDPOINT [KEY: VALUE]...: a configuration with more keys of the source on standard input
watch() {
    { cat <<YAML && sed 's/^/      /'; } >"$1"
log: {level: debug}
state: {path: ${1%.yaml}.db, commit_interval: 100ms}
sources:
  - s3:
      name: files # as a replay calls it: samples can be compared then
      bucket: mail
      interval: 200ms
      aws: {endpoint: "$2"}
YAML
}

# put BUCKET-FOLDER KEY...: some of staging's objects, in the order in which they are named
put() {
    local prefix=$1 key
    shift
    rm -rf part
    for key in "$@"; do
        mkdir -p "part/$(dirname "$key")"
        cp "staging/$key" "part/$key"
    done
    s3_put_tree mail part "$prefix"
}

objects_are() { # N
    shows ses_collector_objects_read_total "$1"
}
requests_reach() { # N
    (($(metric ses_collector_s3_requests_total) >= $1))
}
# Each takes one request, or a few.
more_passes() {
    wait_for 60 requests_reach $(($(metric ses_collector_s3_requests_total) + 12))
}

# --- moto: most of a day of mail, in any order ------------------------------------------------------------------------------------
moto_start moto
export AWS_ENDPOINT_URL=$MOTO_URL
simulate --seed 71 --start "$(hours_ago 24)" --duration 14h --messages 8000 --late 0 --malformed 0.003 --object-size 80K --out staging
(cd staging && find . -type f | sed 's|^\./||' | shuf --random-source=<(yes)) >keys.txt
objects=$(wc -l <keys.txt)
check "there are some: $objects" test "$objects" -gt 60
check "replay is the truth" replay --quiet --metrics truth.prom staging
mapfile -t keys <keys.txt
third=$((objects / 3))
put ses/ "${keys[@]:0:third}"
watch moto.yaml "$MOTO_URL" <<YAML
prefix: ses/
YAML
serve moto.yaml
check "what is there is read" wait_for 60 objects_are "$third"
check "and then it is ready" wait_for 60 ready_is 200
put ses/ "${keys[@]:third:third}"
check "what appears late and below old hours is read" wait_for 60 objects_are $((2 * third))
more_passes
check "once" objects_are $((2 * third))
terminate "$pid"
check "SIGTERM ends it" is "$code" 0
check "soon: $took ms" at_most "$took" 5000
put ses/ "${keys[@]:2*third}"
mkdir -p extra/processing-failed/2026/11/20/08
echo '{"attemptsMade":4,"rawData":"e30="}' >extra/processing-failed/2026/11/20/08/s-1-2026-11-20-08-00-00-5c1b2a6e-0000-4000-8000-000000000000
s3_put_tree mail extra ses/
serve moto.yaml
check "after a restart the rest is read" wait_for 60 objects_are "$objects"
more_passes
check "and nothing twice" objects_are "$objects"
get /metrics >moto.prom
check "every sample is replay's" same_samples truth.prom moto.prom "$but_for_alerts"
check "and of reading too" is "$(metric ses_collector_records_read_total)" \
    "$(awk '/^ses_collector_records_read_total/ { n += $2 } END { print n }' truth.prom)"
check "requests are told" test "$(metric ses_collector_s3_requests_total)" -gt 2
check "there is no trouble" shows ses_collector_source_trouble 0
terminate "$pid"

check "a run to the end reads to the end" run_all moto.yaml --metrics again.prom
check "and nothing again" same_samples truth.prom again.prom "$but_for_alerts"
put other/ "${keys[@]:0:5}"
check "another prefix begins anew" bash -c "sed -i s,ses/,other/, moto.yaml && '$program' run --config.file=moto.yaml \
    --web.listen-address=127.0.0.1:0 --exit-at-eof --metrics other.prom 2>>moto.log"
read_by() { # FILE
    awk '/^ses_collector_objects_read_total/ { n += $2 } END { print n }' "$1"
}
check "with its objects" is "$(read_by other.prom)" $((objects + 5))

# --- a pause that is longer than the look-back ----------------------------------------------------------------------------
rm -rf staging
six_days_ago=$(hours_ago 144) # asked once: an hour may be over before it is needed again
simulate --seed 72 --start "$six_days_ago" --duration 5d --messages 4000 --late 0 --object-size 200K --out staging
check "pause: replay is the truth" replay --quiet --metrics pause.truth staging
(cd staging && find . -type f | sed 's|^\./||' | sort) >keys.txt
mapfile -t keys <keys.txt
put pause/ "${keys[@]:0:3}" # of six days ago
watch pause.yaml "$MOTO_URL" <<YAML
prefix: pause/
look_back: 26h
YAML
shift_clock $((-140 * 3600))
SES_COLLECTOR=$work/shifted
check "pause: six days ago" run_all pause.yaml --metrics pause.prom
check "pause: the first objects were read" is "$(read_by pause.prom)" 3
put pause/ "${keys[@]:3}"
shift_clock 0
check "pause: now" run_all pause.yaml --metrics pause.prom
check "pause: everything since was read" is "$(read_by pause.prom)" "${#keys[@]}"
check "pause: every sample is replay's" same_samples pause.truth pause.prom "$but_for_alerts"
SES_COLLECTOR=$program
# Which hours are meant must not change between our question and the service's.
while ((10#$(date -u +%M%S) > 5930)); do sleep 1; done
recent=$(printf '%s\n' "${keys[@]}" | awk -v from="$(date -u -d '30 hours ago' +%Y/%m/%d/%H)" 'substr($0, 1, 13) >= from' | wc -l)
watch fresh.yaml "$MOTO_URL" <<YAML
prefix: pause/
look_back: 30h
YAML
check "who never was there" run_all fresh.yaml --metrics fresh.prom
check "reads a look-back: $recent of ${#keys[@]}" is "$(read_by fresh.prom)" "$recent"
watch start.yaml "$MOTO_URL" <<YAML
prefix: pause/
start: $six_days_ago
look_back: 1h
YAML
check "with a start" run_all start.yaml --metrics start.prom
check "everything" same_samples pause.truth start.prom "$but_for_alerts"
moto_stop

# --- the double: what goes wrong ------------------------------------------------------------------------------------------
unset AWS_ENDPOINT_URL
rm -rf staging
simulate --seed 73 --start "$(hours_ago 20)" --duration 10h --messages 1500 --late 0 --object-size 60K --out staging
check "faults: replay is the truth" replay --quiet --metrics faults.truth staging
mkdir -p double/mail
double_start double
cp -r staging double/mail/ses
objects=$(find staging -type f | wc -l)
victim=$(cd staging && find . -type f | sed 's|^\./||' | sort | sed -n 5p)
watch faults.yaml "$DOUBLE_URL" <<YAML
prefix: ses/
exclude: ["*/test/*"]
YAML
mkdir -p double/mail/ses/2026/test/
cp "staging/$victim" double/mail/ses/2026/test/
double_faults "[{\"match\": {\"op\": \"GetObject\", \"path\": \"${victim##*/}\"}, \"action\": {\"status\": 403, \"code\": \"AccessDenied\"}},
    {\"match\": {\"op\": \"GetObject\"}, \"p\": 0.1, \"action\": {\"truncate\": 3000}},
    {\"match\": {\"op\": \"ListObjectsV2\"}, \"p\": 0.2, \"action\": {\"status\": 503, \"code\": \"SlowDown\"}}]"
serve faults.yaml
healthy() { # OBJECTS
    is "$(get /metrics | awk '/^ses_collector_objects_read_total/ && !/unreadable/ { n += $2 } END { print n }')" "$1"
}
check "faults: all but the forbidden one are read" wait_for 60 healthy $((objects - 1))
check "faults: which is trouble" wait_for 60 shows ses_collector_source_trouble 1
check "faults: and counted once" shows 'ses_collector_objects_read_total{source="files",result="unreadable"}' 1
check "faults: but no backlog" wait_for 60 shows ses_collector_source_caught_up 1
double_faults '[]'
check "faults: it is read when it may be" wait_for 60 healthy "$objects"
check "faults: no trouble any more" wait_for 60 shows ses_collector_source_trouble 0
get /metrics >faults.prom
check "faults: every sample is replay's" same_samples faults.truth faults.prom "$but_for_reading"
double_faults '[{"match": {"op": "ListObjectsV2"}, "action": {"status": 403, "code": "AccessDenied"}}]'
check "faults: a bucket that cannot be listed is trouble" wait_for 60 shows ses_collector_source_trouble 1
check "faults: and nobody knows what there is" wait_for 60 shows ses_collector_source_caught_up 0
double_faults '[]'
check "faults: that passes too" wait_for 60 shows ses_collector_source_caught_up 1

# Written again while it is read: the new one is read to its end.
fresh=$(date -u +%Y/%m/%d/%H)/ses-events-1-$(date -u +%Y-%m-%d-%H-%M-%S)-5c1b2a6e-0000-4000-8000-000000000001
double_faults "[{\"match\": {\"op\": \"GetObject\", \"path\": \"000000000001\"}, \"times\": 1, \"action\": {\"swap\": 2000}}]"
mkdir -p "double/mail/ses/$(dirname "$fresh")"
cp "staging/$victim" double/new
mv double/new "double/mail/ses/$fresh"
check "faults: an object that changes while it is read" wait_for 60 healthy $((objects + 1))
check "faults: and one that another stream begins" bash -c "mkdir -p 'double/mail/ses/$(dirname "$fresh")' && \
    cp 'staging/$victim' double/new && mv double/new 'double/mail/ses/${fresh%1}2'"
check "faults: is read too" wait_for 60 healthy $((objects + 2))
get /metrics >faults.prom
check "faults: counted once all the same" same_samples faults.truth faults.prom "$but_for_reading"

# No answer at all: a stop does not wait for one.
double_faults '[{"match": {"service": "s3"}, "action": {"stall": 60}}]'
sleep 0.5
terminate "$pid"
check "faults: SIGTERM with a store that hangs" is "$code" 0
check "faults: soon: $took ms" at_most "$took" 5000
double_faults '[{"match": {"op": "GetObject"}, "action": {"status": 403, "code": "AccessDenied"}}]'
cp "staging/$victim" double/new
mv double/new "double/mail/ses/${fresh%1}3"
check "faults: a run to the end fails when something cannot be read" bash -c "! '$program' run --config.file=faults.yaml \
    --web.listen-address=127.0.0.1:0 --exit-at-eof 2>>faults.log"
check "faults: every request was signed well" is "$(double_log '.verified == "no"')" 0
check "no log has a secret" bash -c "! grep -aF '$secret' ./*.log"
check "nor a signature" bash -c "! grep -aiE 'X-Amz-Signature|Signature=' ./*.log"
finish
