# What the tests of the service on Kafka share, beside service.bash and kafka.bash. Sourced.
# shellcheck shell=bash disable=SC2034,SC2154 # variables for the tests; those of the other two
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"
# shellcheck source=kafka.bash
. "$top/tests/integration/kafka.bash"
trap 'kafka_end; clean_up' EXIT

# kafka_configure FILE TOPIC[,TOPIC...] [LINE | PROPERTY=VALUE]...: a state, and one Kafka source that reads from the
# beginning. Its name is that which replay gives to files, so that every sample can be compared.
kafka_configure() {
    local file=$1 topics=$2 line lines=() properties=("bootstrap.servers=$kafka_bootstrap") start='start: beginning'
    shift 2
    for line in "$@"; do
        case $line in
        start:*) start=$line ;;
        bootstrap.servers=*) properties[0]=$line ;;
        *=*) properties+=("$line") ;;
        *) lines+=("$line") ;;
        esac
    done
    {
        printf 'state: {path: %s, commit_interval: 200ms}\nsources:\n' "${file%.yaml}.db"
        printf '  - kafka:\n      name: files\n      topics: [%s]\n      %s\n' "$topics" "$start"
        ((${#lines[@]} == 0)) || printf '      %s\n' "${lines[@]}"
        printf '      properties:\n'
        for line in "${properties[@]}"; do printf '        %s: "%s"\n' "${line%%=*}" "${line#*=}"; done
    } >"$file"
}

# truth FILE...: what all of it comes to, in truth.prom
truth() {
    replay --quiet --metrics truth.prom "$@" 2>truth.said
}

readonly but_for_bytes='^(ses_alert_firing|ses_collector_(bytes_(read|decoded)|objects_read)_total)$'

# counts_are FILE REGEX...: the metrics in FILE are those of a replay of everything, to the last sample
counts_are() {
    same_samples truth.prom "$1" "${2:-$but_for_bytes}"
}

# of FILE SERIES: like `metric`, of metrics in a file
of() {
    awk -v s="$2" '$1 == s || index($1, s "{") == 1 { v += $2; n++ } END { if (!n) exit 1; printf "%.0f\n", v }' "$1"
}

# is_counted RECORDS: as many were read, and nothing is left
is_counted() {
    shows ses_collector_records_read_total "$1" && shows ses_collector_kafka_lag_messages 0
}

# live_counts_are [REGEX]: of the service at `port`
live_counts_are() {
    get /metrics >live.prom
    counts_are live.prom "${1:-$but_for_bytes}"
}

# said TEXT LOG [SKIP]: beyond the first SKIP lines of the log
said() {
    tail -n +$((${3:-0} + 1)) "$2" | grep -F -- "$1" >/dev/null || {
        echo "\"$1\" is not in $2:"
        tail -n 20 "$2"
        return 1
    }
}

# field LOG MESSAGE NAME: the sum of a number in all log lines of a message
field() {
    grep -F "msg=\"$2\"" "$1" | sed -nE "s/.* $3=(-?[0-9]+).*/\1/p" | awk '{ n += $1 } END { print n + 0 }'
}

# cpu_ticks PID: hundredths of a second that the process has worked
cpu_ticks() {
    awk '{ print $14 + $15 }' "/proc/$1/stat"
}
