#!/usr/bin/env bash
# A notifier against real Alertmanagers (Debian: prometheus-alertmanager, with amtool): what fires is there, what is resolved
# goes, a restarted one is told again, and every member of a cluster is told.
# ALERTMANAGER_BOARD is tests/integration/alertmanager_board.c, built (default: beside the release build).
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2317,SC2153 # functions are called by check and by the trap; BOARD_PID is the coprocess's
source "$(dirname "$0")/common.bash"

board=$(realpath -m "${ALERTMANAGER_BOARD:-$(dirname "$SES_COLLECTOR")/tests/alertmanager_board}")
daemon=$(command -v prometheus-alertmanager || command -v alertmanager)
if [[ -z $daemon || -z $(command -v amtool) || ! -x $board ]]; then
    echo "not ok alertmanager: needs prometheus-alertmanager, amtool and $board"
    exit 1
fi
# Seconds. What is not told again within four times that, Alertmanager forgets by itself: what goes must go sooner.
resend=10
declare -A pid=() port=()
board_pid=

# Kills only what was started here.
cleanup() {
    for p in "${pid[@]}" $board_pid; do
        kill "$p" 2>/dev/null
    done
    wait 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT

cat > alertmanager.yml <<'YAML'
route:
  receiver: nobody
receivers:
  - name: nobody
YAML

# start NAME: an Alertmanager of that name with its data in a folder of its own, at the port it had before if it had one.
# Not for check: that calls in a subshell, and what is started must be known here.
start() {
    local name=$1
    [[ -n ${port[$name]:-} ]] || port[$name]=$(free_port)
    "$daemon" --config.file=alertmanager.yml --storage.path="$name.data" --web.listen-address="127.0.0.1:${port[$name]}" \
        --cluster.listen-address= > "$name.log" 2>&1 &
    pid[$name]=$!
}

answers() {
    for _ in $(seq 300); do
        alerts_of "$1" > ready 2>&1 && return
        sleep 0.2
    done
    cat "$1.log"
    return 1
}

stop() {
    kill "${pid[$1]}"
    wait "${pid[$1]}" 2>/dev/null
    unset "pid[$1]"
}

alerts_of() {
    amtool --alertmanager.url="http://127.0.0.1:${port[$1]}" alert query -o json
}

# providers NAME: those of the alerts that are active there, on one line.
providers() {
    alerts_of "$1" | python3 -c 'import json, sys; print(*sorted(a["labels"].get("provider", "?") for a in json.load(sys.stdin)))'
}

# within SECONDS NAME PROVIDERS: they are active there, soon.
within() {
    local seconds=$1 name=$2 expected=$3 found
    for _ in $(seq $((seconds * 5))); do
        found=$(providers "$name" 2> /dev/null)
        [[ $found == "$expected" ]] && return
        sleep 0.2
    done
    echo "expected: $expected; after $seconds s $name has: $found"
    return 1
}

# In its own words: every label, and no other; and the number by which Alertmanager knows the label set.
exact() {
    alerts_of one | python3 -c '
import json, sys
for a in json.load(sys.stdin):
    provider = a["labels"]["provider"]
    assert a["labels"] == {"alertname": "HighBounceRate", "severity": "critical", "scope": "provider",
                           "provider": provider, "team": "mail \"ops\" \\ \ufffd"}, a
    assert a["annotations"] == {"summary": "Too many bounces.", "description": "13.7 % of 3,000 bounced."}, a
    assert a["startsAt"] < a["updatedAt"] < a["endsAt"], a
    fingerprint = 0xcbf29ce484222325
    for pair in sorted(a["labels"].items()):
        for text in pair:
            for byte in text.encode() + b"\xff":
                fingerprint = (fingerprint ^ byte) * 0x100000001b3 % 2**64
    assert a["fingerprint"] == f"{fingerprint:016x}", a
'
}

say() {
    echo "$1" >&"${BOARD[1]}"
    read -r -t 60 -u "${BOARD[0]}" answer && [[ $answer == ok ]]
}

start one
start one_more
check "an Alertmanager starts" answers one
check "another starts" answers one_more
coproc BOARD { exec "$board" $((resend * 1000)) "http://127.0.0.1:${port[one]}" "http://127.0.0.1:${port[one_more]}/" 2> board.log; }
board_pid=$BOARD_PID
say "fire gmail"
say "fire yahoo"
say "hold outlook"
check "both alerts are there" within 60 one "gmail yahoo"
check "with exactly these labels" exact
check "the other member has them, too" within 60 one_more "gmail yahoo"
say "resolve yahoo"
check "a resolved one goes" within $((2 * resend)) one "gmail"
check "on the other member, too" within $((2 * resend)) one_more "gmail"
stop one
rm -rf one.data
start one
check "an Alertmanager is restarted, with nothing" answers one
check "what fires comes back, what is resolved does not" within $((resend + 56)) one "gmail"
stop one
say "fire yahoo"
check "one member dead, the other is told at once" within 60 one_more "gmail yahoo"
say "resolve gmail"
start one
check "it is started again" answers one
check "it catches up" within $((2 * resend)) one "yahoo"
echo quit >&"${BOARD[1]}"
wait "$board_pid"
ended=$?
board_pid=
check "the notifier ends" test $ended = 0
cat board.log
finish
