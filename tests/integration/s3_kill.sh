#!/usr/bin/env bash
# A bucket that Firehose fills over 30 days: one object in twenty appears up to 24 hours late, below the hour it belongs to,
# in any order; the watcher is killed again and again, and in the end every object was read once. The days go by within a
# minute or two: the service's clock is the test's (clock_shift.c), and the look-back is the usual 26 hours of it, so that
# nearly all of the time what is late would be missed by who does not look back, and what was there before would be read
# twice by who does not remember. (With `look_back: 20h` the same run misses some.)
#
#     tests/integration/s3_kill.sh [KILLS [SEED [OBJECTS]]]       default: 8, any, 600
#
# shellcheck disable=SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"
# shellcheck source=aws.bash
. "$top/tests/integration/aws.bash"

kills=${1:-8}
seed=${2:-$RANDOM}
objects=${3:-600}
RANDOM=$seed
echo "# $kills kills, seed $seed, $objects objects" # the moments are random all the same
life() { python3 "$top/tests/integration/bucket_life.py" "$@"; }

aws_env
"${CC:-cc}" -D_GNU_SOURCE -shared -fPIC -o clock_shift.so "$top/tests/integration/clock_shift.c" || exit 1
program=$SES_COLLECTOR
cat >collector <<SH
#!/bin/sh
export CLOCK_SHIFT="$work/clock" LD_PRELOAD="$work/clock_shift.so" ASAN_OPTIONS="verify_asan_link_order=0:\$ASAN_OPTIONS"
exec "$program" "\$@"
SH
chmod +x collector

# Some ten records in each object, whatever their number.
rate=$(awk -v n="$objects" 'BEGIN { printf "%.4f", n * 4 / (30 * 86400) }')
simulate --seed "$seed" --start 2026-10-01 --duration 30d --rate "$rate" --late 0 --malformed 0.002 | life make "$objects" "$seed" staging
objects=$(find staging -type f | wc -l)
read -r late latest <<<"$(life late staging)"
check "of $objects objects, $late are late, by up to $latest h" test $((late * 30)) -gt "$objects"
check "replay is the truth" replay --quiet --metrics truth.prom --cells truth.csv staging
oracle --cells oracle.csv staging >/dev/null 2>oracle.log
check "and the oracle's" compare cells oracle.csv truth.csv
everything=$(awk '/^ses_collector_records_read_total/ { n += $2 } END { print n }' truth.prom)

mkdir -p double/mail/ses
double_start double --config '{"any_clock": true, "page": 100}'
cat >s3.yaml <<YAML
log: {level: debug}
state: {path: state.db, commit_interval: 20ms}
sources:
  - s3:
      name: files # as a replay calls it: samples can be compared then
      bucket: mail
      prefix: ses/
      start: 2026-10-01 # the first life may end before it has committed when that was
      interval: 100ms
      aws: {endpoint: "$DOUBLE_URL"}
YAML

# Long enough for all of its lives, and for the service to see the clock go on (bucket_life.py).
seconds=$((kills * 3 / 2 + 15))
((seconds >= 120)) || seconds=120
life clock clock "$((($(date -u -d "$(find staging -name '*.gz' | sort | head -n 1 | cut -d/ -f2-4 | tr / -)" +%s) - $(date +%s)) * 1000))"
background python3 "$top/tests/integration/bucket_life.py" play staging double/mail/ses "$seconds" clock
playing=$pid
SES_COLLECTOR=$work/collector
killed=0
# Where the times begin in an empty bucket is looked for again only after a quarter of an hour: years, here.
has_objects() {
    find double/mail -name '*.gz' | grep . >/dev/null
}
wait_for 60 has_objects
for ((i = 0; i < kills; i++)); do
    serve s3.yaml
    sleep "$(awk -v r="$RANDOM" -v all="$seconds" -v n="$kills" 'BEGIN { print r / 32768 * 2 * (all / n - 0.4) }')"
    kill -KILL "$pid"
    gone "$pid" 2>/dev/null
    ((code == 137)) && ((++killed))
done 2>/dev/null
check "it was killed $kills times, and by nothing else" is "$killed" "$kills"
serve s3.yaml
gone "$playing" 2>/dev/null
check "all objects have appeared" is "$code $(find double/mail -name '*.gz' | wc -l)" "0 $objects"
check "none was missed" wait_for 120 shows ses_collector_objects_read_total "$objects"
sleep 1 # a few more passes, in which something could be read twice
check "none was read twice" shows ses_collector_objects_read_total "$objects"
check "nor a record of them" shows ses_collector_records_read_total "$everything"
get /metrics >end.prom
check "every sample is replay's" same_samples truth.prom end.prom '^(ses_alert_firing|ses_collector_bytes_.*)$'
check "there is no trouble" shows ses_collector_source_trouble 0
terminate "$pid" 2>/dev/null
check "SIGTERM ends it" is "$code" 0

double_mark
serve s3.yaml
check "once more: caught up" wait_for 60 shows ses_collector_source_caught_up 1
sleep 0.5
check "and nothing is read again" shows ses_collector_records_read_total "$everything"
check "no object was even fetched" is "$(double_log '.op == "GetObject"')" 0
terminate "$pid" 2>/dev/null
known=$(sed -nE 's/.*msg="a bucket is watched".* known=([0-9]+).*/\1/p' s3.log | tail -n 1)
check "it remembers a few days only: $known of $objects objects" at_most "$known" $((objects / 4))
echo "# $(grep -c 'bucket listed' s3.log) listings"
finish
