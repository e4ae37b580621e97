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

# wait_for SECONDS COMMAND...: until the command succeeds. The limit is no promise: a busy machine may take its time.
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

# A replay knows whose a company's domain is for all of its mail, the service only for what is sent later. So where the
# two are held against each other, which is nearly everywhere, neither learns; service_learning.sh is about that.
replay() {
    "$SES_COLLECTOR" replay --no-learning "$@"
}

oracle() {
    python3 "$top/tests/oracle/oracle.py" --no-learning "$@"
}

# counts_as_replay CONFIG: the service's part of that, in a configuration that does not say what it wants
counts_as_replay() {
    if grep -q '^counting: {' "$1"; then
        grep -q learn_domains "$1" || sed -i 's/^counting: {/&learn_domains: false, /' "$1"
    elif ! grep -q '^counting:' "$1"; then
        # At the beginning, where nothing is open yet; and what a test broke stays broken at its end.
        sed -i '1i counting: {learn_domains: false}' "$1"
    fi
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
    counts_as_replay "$1"
}

# run_all CONFIG [OPTION...]: reads everything and ends
run_all() {
    counts_as_replay "$1"
    "$SES_COLLECTOR" run --config.file="$1" --web.listen-address=127.0.0.1:0 --exit-at-eof "${@:2}" 2>>"${1%.yaml}.log"
}

# serve CONFIG [OPTION...]: starts the service; sets `pid`, `port`; its log is CONFIG's name with .log. Not within check.
serve() {
    local log=${1%.yaml}.log lines=0
    [[ -e $log ]] && lines=$(wc -l <"$log")
    counts_as_replay "$1"
    port=
    background "$SES_COLLECTOR" run --config.file="$1" --web.listen-address="127.0.0.1:${fixed_port:-0}" "${@:2}" 2>>"$log"
    for _ in {1..600}; do
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
    local began=${EPOCHREALTIME/[.,]/}
    kill -TERM "$1"
    gone "$1"
    took=$(((${EPOCHREALTIME/[.,]/} - began) / 1000))
}

# of the one that was terminated last
ends_in_time() {
    is "$code" 0 && at_most "$took" 5000
}

get() {
    curl -sS -m 60 "http://127.0.0.1:$port$1"
}

status_of() { # PATH: the status, and the body in `body`
    curl -s -m 60 -o body -w '%{http_code}' "${@:2}" "http://127.0.0.1:$port$1"
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

at_most() { # IS LIMIT
    (($1 <= $2)) || {
        echo "$1 is more than $2"
        return 1
    }
}

ready_is() { # STATUS
    is "$(status_of /-/ready)" "$1"
}

# Who opened is judged when a minute closes: in a replay when nothing can come any more, in the service a minute after. So
# a service that runs has not yet judged the last minutes, and for clicks of one burst of which some came later it may
# have judged otherwise. What stays equal is how many opens and clicks there were (ses_recipients_total). The number of
# rows that are held follows from what was judged, and so do rows of windows in which nothing else was (0).
readonly visits='^(ses_(unique_)?(opens|clicks)_total|ses_rate_[a-z]+)[{].*(agent="|rate="((proxy|machine)_)?(open|click)")|^ses_collector_series |^ses_rate_[a-z]+[{].*[}] 0$'

# same_samples TRUTH METRICS [REGEX]: what a replay of everything shows, the service shows, to the last sample; but for names
# that match REGEX, for visits, and those that only a service has
same_samples() {
    same_to_the_last <(grep -vE "$visits" "$1") <(grep -vE "$visits" "$2") "${3:-}"
}

# same_to_the_last: visits as well, where both are the service's, or a replay's of what came in order
same_to_the_last() {
    local first second
    first=$(<"$1") second=$(<"$2") # they may be pipes
    samples <(echo "$first") <(echo "$first") "${3:-}" >samples.wanted
    samples <(echo "$first") <(echo "$second") "${3:-}" >samples.shown
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
    wait_for 60 test -e "port.$1" || exit 1
    peer_port=$(<"port.$1")
}
