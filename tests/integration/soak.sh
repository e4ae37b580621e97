#!/usr/bin/env bash
# A long steady load: memory, file descriptors and commit times stay flat, and every count is right at the end.
#
#     soak.sh [MINUTES] [EVENTS-A-SECOND]      default: 0.5 minutes at 5000
#
# Event time runs twenty times as fast as the clock and the allowed lateness is one hour, so that keys and minutes expire
# as they do over days: with the default of 72 h, memory would grow by 10 to 20 bytes an event for three days.
# shellcheck disable=SC2016,SC2119,SC2154,SC2317 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"
# shellcheck source=kafka.bash
. "$top/tests/integration/kafka.bash"
trap 'kafka_end; clean_up' EXIT

readonly minutes=${1:-0.5} rate=${2:-5000}
seconds=$(python3 -c "print(int($minutes * 60))")
records=$((rate * seconds))

# About 2.35 records a message; what is too much is cut off. The truth of a long run is replay's, which the oracle is held
# against elsewhere; of a short one, the oracle's as well.
make_stream() {
    simulate --seed 7 --start "@$(($(date +%s) - 20 * seconds - 3600))" --duration "$((20 * seconds))s" --tail 30m --late 0 \
        --messages $((records / 2)) --duplicates 0.01 | head -n "$records"
}
readonly short=$((records <= 300000))
feed() {
    if ((short)); then
        make_stream | tee stream.ndjson >(replay --lateness 1h --quiet --metrics truth.prom - 2>replayed) | kafka_load ses --rate "$rate"
    else
        make_stream | tee >(replay --lateness 1h --quiet --metrics truth.prom - 2>replayed) | kafka_load ses --rate "$rate"
    fi
}
kafka_begin --set log.retention.bytes=2000000000
kafka_create ses 4
fixed_port=$(free_port)
cat >soak.yaml <<YAML
state: {path: soak.db}
counting: {lateness: 1h}
web: {listen_address: "127.0.0.1:$fixed_port"}
sources:
  - kafka: {name: files, topics: [ses], start: beginning, properties: {bootstrap.servers: "$kafka_bootstrap"}}
YAML
counts_as_replay soak.yaml
background "$SES_COLLECTOR" run --config.file=soak.yaml --metrics final.prom 2>>soak.log
service=$pid
background feed >loaded
loader=$pid

count_of() {
    curl -fsS "http://127.0.0.1:$fixed_port/metrics" | awk -v name="$1" 'index($1, name "{") == 1 || $1 == name { n += $2 } END { print n + 0 }'
}
# seconds, memory (KiB), descriptors, commits, seconds in commits, records counted so far
sample() {
    local page
    page=$(curl -fsS "http://127.0.0.1:$fixed_port/metrics") || return
    awk -v at="$SECONDS" -v rss="$(awk '/VmRSS/ { print $2 }' "/proc/$service/status")" -v fds="$(find "/proc/$service/fd" -type l | wc -l)" '
        $1 == "ses_collector_commit_seconds_count" { commits = $2 }
        $1 == "ses_collector_commit_seconds_sum" { spent = $2 }
        index($1, "ses_collector_records_read_total{") == 1 { read += $2 }
        END { print at, rss, fds, commits, spent, read + 0 }' <<<"$page"
}
sleep 2
while kill -0 "$loader" 2>/dev/null; do
    sample >>samples
    sleep "$((seconds > 600 ? 10 : 2))"
done
gone "$loader"
check "the load is in Kafka" test "$code" = 0
is_counted() {
    [[ $(count_of ses_collector_records_read_total) == "$records" ]]
}
check "all of it is counted: $records records" wait_for 60 is_counted
terminate "$service"
check "ends well" test "$code" = 0

wait_for 60 grep -q counted replayed
check "metrics = replay's" same_samples truth.prom final.prom '^ses_collector_'
if ((short)); then
    oracle --lateness 1h --buckets 0.1,0.25,0.5,1,2.5,5,10,30,60,300,900,1800,3600,14400 --metrics oracle-metrics.json stream.ndjson
    check "metrics = oracle" compare metrics --no-visits oracle-metrics.json final.prom
fi

# Thirds of the run: memory at most, descriptors at most, mean time of a commit.
python3 - samples <<'PYTHON' >thirds
import sys
rows = [list(map(float, line.split())) for line in open(sys.argv[1]) if len(line.split()) == 6]
size = max(1, len(rows) // 3)
for part in (rows[:size], rows[size:2 * size], rows[2 * size:]):
    commits = part[-1][3] - part[0][3]
    mean = (part[-1][4] - part[0][4]) / commits if commits else 0
    print(f"{max(r[1] for r in part):.0f} {max(r[2] for r in part):.0f} {1000 * mean:.2f}")
PYTHON
awk '{ printf "third %d: at most %.1f MiB, %d descriptors, %.2f ms a commit\n", NR, $1 / 1024, $2, $3 }' thirds
check "memory is flat from the second third to the last" awk 'NR == 2 { m = $1 } NR == 3 { exit !($1 <= 1.2 * m + 16384) }' thirds
check "descriptors are flat" awk 'NR == 1 || $2 < low { low = $2 } $2 > high { high = $2 } END { exit !(high - low <= 8) }' thirds
finish
