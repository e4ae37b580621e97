#!/usr/bin/env bash
# Remote write of the running service into a real Prometheus: every series has the value that /metrics shows, also after
# the receiver was down; a dead receiver beside it holds up nothing; native histograms; passwords; reloads; the end of a
# series.
# shellcheck disable=SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"

for program in prometheus promtool curl; do
    command -v "$program" >/dev/null || {
        echo "not ok remote_write_live: needs $program"
        exit 1
    }
done

reader() {
    python3 "$top/tests/integration/remote_write_check.py" "$@"
}

echo 'global: {}' >prometheus.yml

# prometheus_on FOLDER PORT [OPTION...]: sets `prometheus`
prometheus_on() {
    background prometheus --config.file=prometheus.yml --storage.tsdb.path="$1" --web.listen-address="127.0.0.1:$2" \
        --web.enable-remote-write-receiver --log.level=warn "${@:3}" 2>>prometheus.log
    prometheus=$pid
}

# answers PORT [CURL-OPTION...]
answers() {
    curl -sf -o ready.said "${@:2}" "http://127.0.0.1:$1/-/ready"
}

# metric NAME: the value of the series that begins so
metric() {
    curl -s "http://127.0.0.1:$port/metrics" >metrics.now
    grep -F -- "$1" metrics.now | grep -v '^#' | head -n 1 | sed 's/.* //'
}

# over NAME NUMBER
over() {
    local value
    value=$(metric "$1")
    [[ $value ]] && python3 -c 'import sys; sys.exit(not float(sys.argv[1]) > float(sys.argv[2]))' "$value" "$2"
}

# target NAME URL: an entry of remote_write
target() {
    cat <<YAML
  - name: $1
    url: $2
    interval: 1s
    timeout: 2s
    labels: {job: $1, instance: here}
YAML
}

# end_written CONFIG TARGET...: ends the service in order; sets `code` and `took`. What a receiver does not take within the
# second that the end leaves is given up, and the log says so: on a busy machine that may be, and it is started and ended anew.
end_written() {
    local config=$1 log=${1%.yaml}.log lines
    shift
    for _ in 1 2 3 4 5 6; do
        lines=$(wc -l <"$log")
        terminate "$service"
        tail -n +$((lines + 1)) "$log" | grep 'given up at the end' >given_up
        grep -qE "target=($(IFS='|' && echo "$*"))( |\$)" given_up || return
        echo "# the receiver was too slow for the end: $(paste -sd ' ' given_up)"
        serve "$config" --metrics "${config%.yaml}.prom"
        service=$pid
        wait_for 60 over "remote_write_samples_total{target=\"$1\"}" 100
        wait_for 60 caught_up "$@"
    done
}

# caught_up TARGET...: nothing waits for them
caught_up() {
    local name
    for name in "$@"; do
        [[ $(metric "remote_write_samples_waiting{target=\"$name\"}") == 0 ]] || return
    done
}

# --- values, and a dead receiver beside ---------------------------------------------------------------------------------
receiver=$(free_port)
dead=$(free_port)
url=http://127.0.0.1:$receiver
prometheus_on data "$receiver"
check "Prometheus starts" wait_for 60 answers "$receiver"
simulate --seed 401 --duration 1h --messages 3000 --sets 2 --out dump
mkdir spool
{
    echo "remote_write:"
    target whole "$url/api/v1/write" # 2.42 to 2.53 know 1.0 alone, and say nothing of it
    echo "    protocol: auto"
    target dead "http://127.0.0.1:$dead/api/v1/write"
} | configure live.yaml
serve live.yaml --metrics live.prom
service=$pid
check "samples are written before there are events" wait_for 60 over 'remote_write_samples_total{target="whole"}' 0
mv dump spool/dump
check "the dead one keeps its samples" wait_for 60 over 'remote_write_samples_waiting{target="dead"}' 500
check "nothing of it is written" is "$(metric 'remote_write_samples_total{target="dead"}')" 0
check "the other one has no trouble but 2.0" is "$(metric 'remote_write_samples_refused_total{target="whole"}')" 0
check "and is sent 1.0" says "does not know 2.0" live.log
check "the time of the last sample is told" over 'remote_write_last_written_timestamp_seconds{target="whole"}' 1.5e9

# --- down, and up again -------------------------------------------------------------------------------------------------
kill -KILL "$prometheus"
gone "$prometheus" 2>/dev/null
check "samples wait for a receiver that is down" wait_for 60 over 'remote_write_samples_waiting{target="whole"}' 1000
sleep 5
prometheus_on data "$receiver"
check "Prometheus starts again" wait_for 60 answers "$receiver"
check "what waited is written" wait_for 60 caught_up whole
check "no second is missing" reader gaps "$url" 'ses_collector_series{job="whole"}[10m]' 4.5 8
check "nothing was given up" is "$(metric 'remote_write_samples_dropped_total{target="whole"}')" 0

# --- the end ------------------------------------------------------------------------------------------------------------
end_written live.yaml whole
check "it ends well beside a dead receiver" is "$code" 0
check "it ends in time ($took ms)" test "$took" -lt 5000
check "every series of the last page has its value" reader equal "$url" live.prom whole instance=here
check "and has ended" is "$(reader live "$url" whole)" 0

# --- again, at once -----------------------------------------------------------------------------------------------------
serve live.yaml --metrics live.prom
service=$pid
check "it writes again" wait_for 60 over 'remote_write_samples_total{target="whole"}' 100
end_written live.yaml whole
check "after a restart nothing was refused" is "$(grep -c 'refused' live.log)" 0
check "and every value is the same again" reader equal "$url" live.prom whole instance=here
resets() {
    curl -s --data-urlencode 'query=sum(resets(ses_events_total{job="whole"}[1h]))' "$url/api/v1/query" >resets.said
    python3 -c 'import json, sys; print(json.load(open("resets.said"))["data"]["result"][0]["value"][1])'
}
check "no counter went back" is "$(resets)" 0

# --- passwords and reloads ----------------------------------------------------------------------------------------------
guarded=$(free_port)
python3 -W ignore - >web.yml <<'PYTHON'
import crypt
print("basic_auth_users: {collector: '%s'}" % crypt.crypt("right password", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))
PYTHON
prometheus_on guarded "$guarded" --web.config.file=web.yml
check "a guarded Prometheus starts" wait_for 60 answers "$guarded" -u "collector:right password"
{
    echo "remote_write:"
    target whole "$url/api/v1/write"
} | configure guard.yaml
serve guard.yaml
service=$pid
check "before the reload there is one target" wait_for 60 over 'remote_write_samples_total{target="whole"}' 100
cp guard.yaml before.yaml
add_guarded() { # PASSWORD
    cp before.yaml guard.yaml
    {
        target guarded "http://127.0.0.1:$guarded/api/v1/write"
        echo "    basic_auth: {username: collector, password: $1}"
    } >>guard.yaml
    kill -HUP "$service"
}
add_guarded "wrong password"
check "a reload adds a target" wait_for 60 over 'remote_write_requests_total{target="guarded"}' 0
check "a wrong password is refused" wait_for 60 over 'remote_write_samples_refused_total{target="guarded"}' 100
check "nothing is written with it" is "$(metric 'remote_write_samples_total{target="guarded"}')" 0
check "the log says what to do" says "user and password, or the token, are wrong" guard.log
check "once, and not at every request" is "$(grep -c 'remote write is refused' guard.log)" 1
check "and not the password" is "$(grep -c 'wrong password' guard.log)" 0
add_guarded "right password"
check "the right one is taken" wait_for 60 over 'remote_write_samples_total{target="guarded"}' 200
check "the target beside it went on" over 'remote_write_samples_total{target="whole"}' 300
check "and its series have no gap" reader gaps "$url" 'ses_collector_ready{job="whole"}[30s]' 9 3
cp before.yaml guard.yaml
echo "  - {name: bad, url: 'http://127.0.0.1:1/', sigv4: true, bearer_token: x}" >>guard.yaml
kill -HUP "$service"
check "a reload that is wrong changes nothing" wait_for 60 says "configuration refused" guard.log
check "so that both go on" over 'remote_write_samples_total{target="guarded"}' 200
terminate "$service"

# --- native histograms --------------------------------------------------------------------------------------------------
third=$("$top/scripts/receivers" prometheus-3 2>missing | sed -n 's/^prometheus-3 //p')
sed 's/^/# /' missing

# deliveries DUMP...: how many the histograms of a replay count
deliveries() {
    replay --quiet --metrics truth.prom "$@" 2>truth.said
    awk '/^ses_delivery_seconds_count/ { n += $NF } END { print n }' truth.prom
}

if [[ $third ]]; then
    receiver_3=$(free_port)
    url_3=http://127.0.0.1:$receiver_3
    background "$third" --config.file=prometheus.yml --storage.tsdb.path=data-3 --web.enable-remote-write-receiver \
        --web.listen-address="127.0.0.1:$receiver_3" --log.level=warn 2>>prometheus-3.log
    check "Prometheus 3 starts" wait_for 60 answers "$receiver_3"
    simulate --seed 402 --start 2026-10-01 --duration 2h --messages 3000 --sets 2 --out dump-a
    simulate --seed 403 --start 2026-10-02 --duration 2h --messages 3000 --sets 2 --out dump-b
    mkdir native
    {
        echo "remote_write:"
        target classic "$url_3/api/v1/write"
        echo "    protocol: 2.0"
        target native "$url_3/api/v1/write"
        printf '    protocol: 2.0\n    native_histograms: true\n'
    } | configure native.yaml native
    mv dump-a native/a
    serve native.yaml
    service=$pid
    check "native histograms say what classic ones say" wait_for 60 reader histograms "$url_3" "$(deliveries native/a)"
    sleep 2
    from=$(date +%s.%3N)
    sleep 2
    mv dump-b native/b
    check "and so does their rate" wait_for 60 reader histograms "$url_3" "$(deliveries native/a native/b)" "$from"
    check "they count as written" over 'remote_write_samples_total{target="native"}' 100
    check "none is refused" is "$(metric 'remote_write_samples_refused_total{target="native"}')" 0
    end_written native.yaml native classic
    check "the last ones are the same too" reader histograms "$url_3" "$(deliveries native/a native/b)"
    check "native ones have ended" is "$(reader live "$url_3" native)" 0
else
    echo "# skipped: no Prometheus 3 here, so native histograms are sent to nobody"
fi

# --- many that never answer ---------------------------------------------------------------------------------------------
cat >silent.py <<'PYTHON'
import socket, time
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(200)  # the kernel takes the requests in, and nobody reads them
print(listener.getsockname()[1], flush=True)
time.sleep(600)
PYTHON
background python3 silent.py >silent.port
mkdir nothing
check "a peer that never answers" wait_for 60 test -s silent.port
{
    echo "remote_write:"
    for number in {1..15}; do
        target "silent-$number" "http://127.0.0.1:$(<silent.port)/api/v1/write"
    done
} | sed 's/timeout: 2s/timeout: 60s/' | configure silent.yaml nothing
serve silent.yaml
check "samples wait for all of them" wait_for 60 over 'remote_write_samples_waiting{target="silent-15"}' 0
terminate "$pid"
check "beside 15 that hang it ends in time ($took ms)" test "$code $((took < 5000))" = "0 1"
check "none of them is left behind" is "$(grep -c 'left behind' silent.log)" 0
serve silent.yaml
service=$pid
check "samples wait for all of them again" wait_for 60 over 'remote_write_samples_waiting{target="silent-15"}' 0
{
    sed 's/timeout: 60s/timeout: 61s/' silent.yaml
    target kept "$url/api/v1/write"
} >changed.yaml
cp changed.yaml silent.yaml
kill -HUP "$service"
check "a reload ends them and starts them anew" wait_for 60 over 'remote_write_samples_total{target="kept"}' 0
sed -i 's/timeout: 61s/timeout: 62s/' silent.yaml
taken_over() { # TIMES
    (($(grep -c 'configuration taken over' silent.log) >= $1))
}
began=$(date +%s%3N) shown=0 missing=0
kill -HUP "$service"
until taken_over 2 || ((missing + shown == 1000)); do
    if [[ $(metric 'remote_write_samples_total{target="kept"}') ]]; then ((++shown)); else ((++missing)); fi
    sleep 0.05
done
took=$(($(date +%s%3N) - began))
check "a reload waits for them ($took ms)" test "$took" -ge 1500
check "and meanwhile the others are shown ($shown times)" test "$shown" -ge 3 -a "$missing" = 0
# It would wait for two seconds, and the end takes one.
sed -i 's/timeout: 62s/timeout: 63s/' silent.yaml
kill -HUP "$service"
sleep 0.2
terminate "$service"
check "a reload that waits for them does not keep a signal waiting ($took ms)" test "$code $((took < 2600))" = "0 1"

check "no secret is in any log" is "$(cat ./*.log | grep -c 'right password')" 0

finish
