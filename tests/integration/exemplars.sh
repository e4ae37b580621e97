#!/usr/bin/env bash
# Exemplars in real Prometheus servers, scraped and by remote write of both versions: each names a message that the dump
# has, with the event that its series counts.
# shellcheck disable=SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"
# shellcheck source=receivers.bash
. "$top/tests/integration/receivers.bash"

answers() { # PORT
    curl -sf -o ready.said "http://127.0.0.1:$1/-/ready"
}
holds() { # JOB DUMP...
    python3 "$top/tests/integration/exemplars_check.py" "$url" "$@" >exemplars.said 2>&1
}
exemplars_of() { # JOB: how many
    holds "$1" first.ndjson second.ndjson
    sed -nE 's/^([0-9]+) exemplars.*/\1/p' exemplars.said
}
page_as() { # ACCEPT
    curl -sf -H "Accept: $1" "http://127.0.0.1:$port/metrics" >page.said
}
target() { # JOB [LINE...]
    printf '  - {name: %s, url: "%s/api/v1/write", interval: 2s, labels: {job: %s, instance: here}, %s}\n' \
        "$1" "$url" "$1" "${*:2}"
}

# An hour, and another one after it: what comes later takes the place of what was there.
simulate --seed 77 --start 2026-11-01T08:00Z --duration 1h --tail 30m --messages 4000 --sets 2 --late 0 >first.ndjson
simulate --seed 79 --start 2026-11-01T11:40Z --duration 15m --tail 5m --messages 2000 --sets 2 --late 0 >earlier.ndjson
simulate --seed 78 --start 2026-11-01T12:00Z --duration 1h --tail 30m --messages 4000 --sets 2 --late 0 >second.ndjson

put() { # DUMP FILE: it is there as a whole
    cp "$1" arriving
    mv arriving "$2"
}
# What the receiver has at this moment is what is shown.
written_again() { # JOB
    local there
    there=$(curl -sf -G "$url/api/v1/query" --data-urlencode 'query=sum(ses_bounces_total{job="'"$1"'"})' |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["data"]["result"][0]["value"][1])')
    shows ses_bounces_total "$there"
}

# into NAME TARGET...: counts the dump with these targets beside Prometheus's own scrape
into() {
    local server=$1 receiver number scraped one
    shift
    receiver=$(free_port) number=$(free_port)
    url=http://127.0.0.1:$receiver
    mkdir "$server"
    cat >"$server/prometheus.yml" <<YAML
global: {scrape_interval: 2s}
scrape_configs: [{job_name: scraped, static_configs: [{targets: ["127.0.0.1:$number"]}]}]
YAML
    background "${receivers[$server]}" --config.file="$server/prometheus.yml" --storage.tsdb.path="$server/data" \
        --storage.tsdb.retention.time=100y --web.listen-address="127.0.0.1:$receiver" --log.level=warn \
        --web.enable-remote-write-receiver --enable-feature=exemplar-storage,native-histograms 2>"$server/log"
    local prometheus=$pid
    check "$server starts" wait_for 60 answers "$receiver"
    mkdir "$server/spool"
    put first.ndjson "$server/spool/1.ndjson"
    {
        echo 'counting: {exemplars: true}'
        echo 'remote_write:'
        for one in "$@"; do
            case $one in
            first) target first 'exemplars: true' ;;
            second) target second 'exemplars: true, protocol: 2.0' ;;
            native) target native 'exemplars: true, protocol: 2.0, native_histograms: true' ;;
            without) target without 'exemplars: false' ;;
            esac
        done
    } | configure "$server.yaml" "$server/spool"
    fixed_port=$number serve "$server.yaml"
    local service=$pid
    for one in scraped "$@"; do
        [[ $one == without ]] || check "$server, $one: the first hours" wait_for 60 holds "$one" first.ndjson
    done
    put second.ndjson "$server/spool/2.ndjson"
    check "$server: the next hours are counted" wait_for 60 shows ses_collector_objects_read_total 2
    for one in scraped "$@"; do
        [[ $one == without ]] || check "$server, $one: those of the next hours, too" \
            wait_for 60 holds "$one" first.ndjson second.ndjson
    done
    check "$server: the dashboard's queries find some" python3 "$top/tests/integration/exemplars_check.py" "$url" scraped \
        --dashboard "$top/grafana/dashboards/provider.json"
    check "$server, without: samples" wait_for 30 written_again without
    check "$server, without: no exemplars" is "$(exemplars_of without)" 0
    page_as application/openmetrics-text
    scraped=$(exemplars_of scraped)
    check "$server has kept those of before: $scraped" test "$scraped" -gt "$(grep -c '# {' page.said)"
    page_as text/plain
    check "the text format has none" is "$(grep -c '# {' page.said)" 0
    check "no sample was refused" shows ses_collector_remote_write_samples_refused_total 0
    terminate "$service"
    # After a restart it knows no exemplar, and what comes now is older than what the receiver has: it wants none of these.
    put earlier.ndjson "$server/spool/3.ndjson"
    fixed_port=$number serve "$server.yaml"
    service=$pid
    check "$server: what came late is counted" wait_for 60 shows ses_collector_objects_read_total 3
    check "exemplars that are too old cost no sample" wait_for 60 written_again first
    check "though there were some" grep -q "out-of-order exemplars" "$server/log"
    check "and none is refused" shows ses_collector_remote_write_samples_refused_total 0
    terminate "$service"
    kill -TERM "$prometheus"
    gone "$prometheus" 2>/dev/null
}
for server in prometheus-2.42 prometheus-3; do
    has "$server" || continue
    if [[ $server == prometheus-3 ]]; then into "$server" first second native without; else into "$server" first without; fi
done
finish
