# What the tests of the service share, beside common.bash. Sourced.
# shellcheck shell=bash disable=SC2034,SC2154 # variables for the tests; those of common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"

declare -A ours=() # process ids of what was started here and may still run
pid=
port=

# Kills only what was started here.
clean_up() {
    for p in "${!ours[@]}"; do
        kill -KILL "$p" 2>/dev/null
    done
    wait 2>/dev/null
    [[ ${mounted:-} ]] && umount "$mounted"
    rm -rf "$work"
}
trap clean_up EXIT

# background COMMAND...: not within check, whose subshell would forget. Sets `pid`.
background() {
    "$@" &
    pid=$!
    ours[$pid]=1
}

# gone PID: ended by itself or by us; sets `code`
gone() {
    wait "$1"
    code=$?
    unset "ours[$1]"
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# wait_for SECONDS COMMAND...: until the command succeeds
wait_for() {
    local until=$((SECONDS + $1))
    shift
    until "$@" >wait_for.said 2>&1; do
        ((SECONDS < until)) || {
            echo "still not: $*"
            tail -n 20 wait_for.said
            return 1
        }
        sleep 0.1
    done
}

# configure FILE [SOURCE-FOLDER]: a state, a folder that is read at once, and the sections that stand on standard input
configure() {
    { cat <<YAML && cat; } >"$1"
state:
  path: ${1%.yaml}.db
  commit_interval: 200ms
sources:
  - files:
      paths: [${2:-spool}]
      interval: ${interval:-100ms}
      settle: ${settle:-0s}
YAML
}

# run_all CONFIG [OPTION...]: reads everything and ends
run_all() {
    "$SES_COLLECTOR" run --config.file="$1" --web.listen-address=127.0.0.1:0 --exit-at-eof "${@:2}" 2>>"${1%.yaml}.log"
}

# serve CONFIG [OPTION...]: starts the service; sets `pid`, `port`; its log is CONFIG's name with .log. Not within check.
serve() {
    local log=${1%.yaml}.log lines=0
    [[ -e $log ]] && lines=$(wc -l <"$log")
    port=
    background "$SES_COLLECTOR" run --config.file="$1" --web.listen-address="127.0.0.1:${fixed_port:-0}" "${@:2}" 2>>"$log"
    for _ in {1..100}; do
        port=$(tail -n +$((lines + 1)) "$log" 2>/dev/null | sed -nE 's/.*msg=started .*port=([0-9]+).*/\1/p; s/.*"started".*"port":([0-9]+).*/\1/p')
        [[ $port ]] && return
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    echo "not ok the service starts with $1"
    tail -n 5 "$log" | sed 's/^/    /'
    exit 1
}

# terminate PID: sets `code` and `took` (milliseconds)
terminate() {
    local began
    began=$(date +%s%3N)
    kill -TERM "$1"
    gone "$1"
    took=$(($(date +%s%3N) - began))
}

get() {
    curl -sS -m 10 "http://127.0.0.1:$port$1"
}

status_of() { # PATH: the status, and the body in `body`
    curl -s -m 10 -o body -w '%{http_code}' "${@:2}" "http://127.0.0.1:$port$1"
}

# metric SERIES: its value, or of a name without labels the sum over all series
metric() {
    get /metrics | awk -v s="$1" '$1 == s || index($1, s "{") == 1 { v += $2; n++ } END { if (!n) exit 1; printf "%.0f\n", v }'
}

shows() { # SERIES VALUE
    local value
    value=$(metric "$1")
    [[ $value == "$2" ]] || {
        echo "$1 is \"$value\", not \"$2\""
        return 1
    }
}

is() { # IS WANTED
    [[ $1 == "$2" ]] || {
        echo "got      \"$1\""
        echo "expected \"$2\""
        return 1
    }
}

at_most() { # IS LIMIT
    (($1 <= $2)) || {
        echo "$1 is more than $2"
        return 1
    }
}

says() { # TEXT FILE
    grep -qF -- "$1" "$2" || {
        echo "\"$1\" is not in $2:"
        tail -n 20 "$2"
        return 1
    }
}

ready_is() { # STATUS
    is "$(status_of /-/ready)" "$1"
}

# same_samples TRUTH METRICS [REGEX]: what a replay of everything shows, the service shows, to the last sample; but for names
# that match REGEX, and those that only a service has
same_samples() {
    samples "$1" "$1" "${3:-}" >samples.wanted
    samples "$1" "$2" "${3:-}" >samples.shown
    (($(wc -l <samples.wanted) > 100)) || {
        echo "$1: hardly a sample in it"
        return 1
    }
    diff samples.wanted samples.shown
}

# samples NAMES-OF METRICS REGEX: those of METRICS whose names are in NAMES-OF too, but for those that match REGEX
samples() {
    awk -v leave="${3:-^$}" 'NR == FNR { if (/^# TYPE ses_/) known[$3] = 1; next }
        /^# TYPE/ { keep = ($3 in known) && $3 !~ leave; next }
        keep && !/^#/' "$1" "$2" | LC_ALL=C sort
}

# In a service, incidents come to their end as time goes on; how often things were read is up to what happened.
readonly but_for_alerts='^ses_alert_firing$'
readonly but_for_reading='^(ses_alert_firing|ses_collector_(records_read|events_duplicate|bytes_(read|decoded)|objects_read)_total)$'

# peer KIND ARGUMENT...: one of service_peers.py, whose process id is `peer_pid`. Not within check.
peer() {
    background python3 "$top/tests/integration/service_peers.py" "$@" >>"peer.$1.log" 2>&1
    peer_pid=$pid
}

# peer_with_port KIND [ARGUMENT...]: the same for those that listen; sets `peer_port`
peer_with_port() {
    rm -f "port.$1"
    peer "$1" "port.$1" "${@:2}"
    for _ in {1..100}; do
        [[ -e port.$1 ]] && peer_port=$(<"port.$1") && return
        sleep 0.1
    done
}
