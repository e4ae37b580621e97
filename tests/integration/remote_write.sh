#!/usr/bin/env bash
# A history by remote write: `replay --remote-write` into Prometheus and VictoriaMetrics of several ages. What they hold
# then must be, to the last sample, what `replay --openmetrics` writes of the same dump; its hours and totals the oracle's.
# shellcheck disable=SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"
# shellcheck source=receivers.bash
. "$top/tests/integration/receivers.bash"

answers() {
    curl -sS -m 5 -o /dev/null -f "http://127.0.0.1:$port/$1"
}

# prometheus NAME FOLDER WINDOW [NEWER]: with out_of_order_time_window WINDOW (empty: none). NEWER: with samples that are
# newer than the history: "scraped" of now, "written" some weeks later. Sets `port` (fixed_port: that), `receiver`, `url`.
prometheus() {
    port=${fixed_port:-$(free_port)}
    url=http://127.0.0.1:$port
    {
        echo 'global: {scrape_interval: 1s}'
        [[ -z $3 ]] || echo "storage: {tsdb: {out_of_order_time_window: $3}}"
        [[ ${4:-} != scraped ]] || echo "scrape_configs: [{job_name: self, static_configs: [{targets: ['127.0.0.1:$port']}]}]"
    } >"$2.yml"
    background "${receivers[$1]}" --config.file="$2.yml" --storage.tsdb.path="$2" --storage.tsdb.retention.time=100y \
        --web.listen-address="127.0.0.1:$port" --web.enable-remote-write-receiver >>"$2.log" 2>&1
    receiver=$pid
    check "$1 is ready" wait_for 60 answers -/ready
    case ${4:-} in
    scraped) check "$1 has scraped itself" wait_for 60 has_scraped ;;
    written) check "$1 has newer samples" replay --quiet --remote-write "$url/api/v1/write" --history-label run=newer newer ;;
    esac
}

has_scraped() {
    curl -sS -m 5 "$url/api/v1/query?query=up" >up.json && grep -q '"value"' up.json
}

has_taken() { # SAMPLES
    curl -sS -m 5 "$url/metrics" | awk -v least="$1" '/^prometheus_tsdb_head_samples_appended_total/ { n += $2 } END { exit n < least }'
}

victoria_metrics() { # NAME FOLDER
    port=$(free_port)
    url=http://127.0.0.1:$port
    background "${receivers[$1]}" -storageDataPath="$2" -retentionPeriod=100y -httpListenAddr="127.0.0.1:$port" \
        -search.disableCache >>"$2.log" 2>&1
    receiver=$pid
    check "$1 is ready" wait_for 60 answers health
}

leave() {
    kill -TERM "$receiver"
    gone "$receiver"
}

# sends TARGET [OPTION...]: everything must be taken
sends() {
    exits 0 replay --quiet --remote-write "$1" "${@:2}" dump || return 1
    [[ $(<err) =~ :\ ([0-9]+)\ samples\ of\ [0-9]+\ series:\ written\ ([0-9]+)\ \+\ refused\ 0\ \+\ dropped\ 0$'\n' ]] || {
        cat err
        return 1
    }
    is "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}" "$samples $samples"
}

# refused WINDOW-TEXT: nothing is taken, and the end says what to do. Within a minute.
refused() {
    exits 1 timeout 60 "$SES_COLLECTOR" replay --no-learning --quiet --remote-write "$url/api/v1/write" dump || return 1
    says "written 0 + refused $samples + dropped 0" err || return 1
    says "out_of_order_time_window" err && says "answered first: " err
}

holds() { # KIND [NAME=VALUE...]
    python3 "$top/tests/integration/remote_write_history.py" "$1" "$url" history.om cells.csv metrics.json "${@:2}"
}

# all_of KIND [NAME=VALUE...]
all_of() {
    check "$what: every sample is there, hours and totals are the oracle's" holds "$@"
}

simulate --seed 63 --start 2026-10-25 --duration 1h --messages 200 --out newer
simulate --seed 62 --start 2026-10-01 --duration 1d --messages 6000 --tail 10h --sets 3 --identities 3 --duplicates 0.02 \
    --late 0.05 --incident blocklist@gmail:9h+2h --out dump
check "the oracle counts" oracle --cells cells.csv --metrics metrics.json dump
replay --quiet --openmetrics history.om dump 2>err
samples=$(sed -nE 's/^ses-collector: history.om: ([0-9]+) samples .*/\1/p' err)
check "there is something to send" at_most 100000 "$samples"

# Prometheus, empty and without a window: the order of sending makes that possible.
for name in prometheus-2.42 prometheus-2.53 prometheus-3; do
    has $name || continue
    what="$name, empty, no window"
    prometheus $name "empty-$name" ''
    check "$what: it takes everything" sends "$url/api/v1/write"
    all_of prometheus
    if [[ $name != prometheus-3 ]]; then # whose increase() leaves the sample at the left end out
        check "$what: increase() over every hour" python3 "$top/tests/integration/openmetrics_history.py" hours "$url" cells.csv
    fi
    leave
done

# With newer samples, and without a window: everything is refused, which is said and is the end of it.
for name in prometheus-2.42 prometheus-2.53 prometheus-3; do
    has $name || continue
    prometheus $name "refuses-$name" '' written
    check "$name with newer samples, no window: refused" refused
    leave
    prometheus $name "narrow-$name" 1h written
    check "$name with newer samples, a window of an hour: refused" refused
    leave
done

# With samples of now and a wide window: by the target's name, and twice.
if has prometheus-2.42; then
    what="prometheus-2.42, a window"
    prometheus prometheus-2.42 window-2.42 100y scraped
    cat >named.yaml <<YAML
remote_write:
  - {name: main, url: "$url/api/v1/write", labels: {instance: live, job: ses}}
YAML
    check "$what: a target by its name" sends main --config.file named.yaml --history-label instance=backfill
    all_of prometheus instance=backfill job=ses
    check "$what: sent twice" sends main --config.file named.yaml --history-label instance=backfill
    all_of prometheus instance=backfill job=ses
    check "a file and a receiver at once" sends "$url/api/v1/write" --openmetrics both.om --history-label instance=both
    what="$what, beside a file"
    all_of prometheus instance=both
    replay --quiet --openmetrics alone.om --history-label instance=both dump 2>err
    check "the file is the same" cmp both.om alone.om
    leave
fi

# Prometheus 3 by every version of the protocol; 2.53 does not know 2.0 and must be found out.
for name in prometheus-2.53 prometheus-3; do
    has $name || continue
    prometheus $name "protocols-$name" 100y written
    for protocol in 1.0 2.0 auto; do
        [[ $name != prometheus-2.53 || $protocol != 2.0 ]] || continue
        what="$name, protocol $protocol"
        cat >"$protocol.yaml" <<YAML
remote_write: [{name: main, url: "$url/api/v1/write", protocol: "$protocol"}]
YAML
        check "$what: it takes everything" sends main --config.file "$protocol.yaml" --history-label "protocol=$protocol"
        all_of prometheus "protocol=$protocol"
    done
    leave
done

for name in victoria-metrics-1.79 victoria-metrics-1.112; do
    has $name || continue
    what=$name
    victoria_metrics $name "data-$name"
    check "$what: it takes everything" sends "$url/api/v1/write"
    all_of victoria-metrics
    check "$what: sent twice" sends "$url/api/v1/write"
    all_of victoria-metrics
    leave
done

# Killed in the middle, and started again: the sending goes on.
if has prometheus-2.42; then
    what="a receiver that is killed"
    prometheus prometheus-2.42 killed 100y
    cat >small.yaml <<YAML
remote_write: [{name: main, url: "$url/api/v1/write", max_samples: 50}]
YAML
    background "$SES_COLLECTOR" replay --no-learning --quiet --config.file small.yaml --remote-write main \
        --history-label instance=backfill dump 2>killed.err
    sender=$pid
    check "$what: some is there" wait_for 60 has_taken 10000
    kill -KILL "$receiver"
    gone "$receiver"
    check "$what: while it is sent to" kill -0 "$sender"
    fixed_port=$port
    prometheus prometheus-2.42 killed 100y
    fixed_port=
    gone "$sender"
    check "$what: the sending goes on to its end" is "$code" 0
    check "$what: all is written" says "written $samples + refused 0 + dropped 0" killed.err
    all_of prometheus instance=backfill
    leave
fi

# What cannot be.
closed=$(free_port)
cat >closed.yaml <<YAML
remote_write: [{name: main, url: "http://127.0.0.1:$closed/api/v1/write", give_up_after: 1s}]
YAML
check "nobody there" exits 1 replay --quiet --config.file closed.yaml --remote-write main --history-label a=b dump
check "nobody there: it says so" says "given up" err
check "a name without a configuration" exits 2 replay --quiet --remote-write main dump
check "a name that is not there" exits 2 replay --quiet --config.file closed.yaml --remote-write other --history-label a=b dump
check "a name without a label" exits 2 replay --quiet --config.file closed.yaml --remote-write main dump
check "a URL that is none" exits 2 replay --quiet --remote-write ftp://example.com/ dump
finish
