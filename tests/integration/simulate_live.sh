#!/usr/bin/env bash
# `simulate --live` by the real clock: records come when their time has come and at once, in two places the same, objects
# are whole, and a signal is an ordinary end. What the clock may do is in tests/unit/simulate_live_test.c.
# shellcheck disable=SC2016,SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"

lines_of() {
    wc -l <"$1"
}

has_lines() { # FILE AT-LEAST
    (($(lines_of "$1") >= $2))
}

whole() { # FILE: records, each on a line of its own
    jq -es 'length' "$1" >/dev/null && is "$(tail -c 1 "$1" | od -An -c | tr -d ' ')" '\n'
}

# When it happened, in seconds: the newest of a file.
newest() {
    replay --quiet --format json --metrics newest.prom "$1" >/dev/null 2>&1
    awk '$1 == "ses_collector_watermark_timestamp_seconds" { printf "%d\n", $2 }' newest.prom
}

ended_with() { # CODE
    is "$code" "$1"
}

# --- standard output -----------------------------------------------------------------------------------------------------

began=$(date +%s)
background "$SES_COLLECTOR" simulate --live --rate 20 --late 0 --backfill 1m >out.jsonl 2>said
check "what is past comes at once" wait_for 20 has_lines out.jsonl 2000
check "what comes, comes when its time has come" wait_for 20 has_lines out.jsonl $((2400 + 100))
kill -TERM "$pid"
gone "$pid"
ended=$(date +%s)
check "a signal is an ordinary end" ended_with 0
check "it says what it has made" says "simulate: " said
check "the records are whole" whole out.jsonl
check "none is of the future" at_most "$(newest out.jsonl)" "$ended"
check "none of the last seconds is missing" at_most "$began" "$(newest out.jsonl)"

took=$(date +%s%3N)
background "$SES_COLLECTOR" simulate --live --rate 5 --duration 3s --quiet >short.jsonl
gone "$pid"
took=$(($(date +%s%3N) - took))
check "it ends after its time" eval 'ended_with 0 && at_most "$took" 10000 && at_most 2000 "$took"'
check "with records in it" has_lines short.jsonl 8

background sh -c '"$1" simulate --live --rate 50 --quiet | head -n 5 >head.jsonl' - "$SES_COLLECTOR"
check "a reader that has seen enough ends it" wait_for 60 eval '! kill -0 "$pid" 2>/dev/null'
gone "$pid"

# A reader that has the pipe and takes nothing: what is past is more than any pipe holds.
ended() { # PID
    [[ ! -e /proc/$1 ]] || is "$(awk '{ print $3 }' "/proc/$1/stat")" Z
}
mkfifo stuck
for signal in TERM INT; do
    exec 9<>stuck # nobody reads, and the pipe has an end for readers all the same
    background "$SES_COLLECTOR" simulate --live --rate 200 --backfill 10m --quiet --truth "stuck.$signal" >stuck 2>said
    sleep 1.5
    check "a reader who reads nothing holds it up" eval '! ended "$pid"'
    took=$(date +%s%3N)
    kill "-$signal" "$pid"
    check "the first SIG$signal ends it all the same" wait_for 20 ended "$pid"
    took=$(($(date +%s%3N) - took))
    check "soon" at_most "$took" 5000 # half a second, on a machine that has time
    kill -KILL "$pid" 2>/dev/null
    gone "$pid"
    check "that is no good end" ended_with 1
    check "and it says why" says "nobody reads standard output" said
    check "what was made can be told" has_lines "stuck.$signal" 100
    exec 9>&-
done
background sh -c 'exec 8<stuck; until [ -e late ]; do sleep 0.05; done; exec cat <&8 >slow.jsonl'
reader=$pid
background "$SES_COLLECTOR" simulate --live --rate 100 --quiet >stuck
sleep 2
touch late
kill -TERM "$pid"
gone "$pid"
gone "$reader"
check "a reader who comes late has whole records" whole slow.jsonl
check "and not few" has_lines slow.jsonl 50

# --- two of them, and a folder -------------------------------------------------------------------------------------------

start=$(date -u +%Y-%m-%dT%H:%M:%SZ)
same=(--live --seed 9 --start "$start" --rate 30 --backfill 10m --duration 12s --quiet --incident blocklist@gmail:2s+1m)
background "$SES_COLLECTOR" simulate "${same[@]}"  >first.jsonl
first=$pid
sleep 2 # started later, it makes up for that
background "$SES_COLLECTOR" simulate "${same[@]}" --out objects --object-interval 2s
second=$pid
check "an object that is not whole has a hidden name" wait_for 20 eval 'compgen -G "objects/*/*/*/*/.*.part"'
check "objects appear while it goes on" wait_for 20 eval '(($(find objects -name "ses-events-*" | wc -l) >= 4))'
check "they are whole" eval 'find objects -name "ses-events-*" -exec gzip -t {} +'
gone "$first"
check "the one ends" ended_with 0
gone "$second"
check "the other ends" ended_with 0
find objects -name 'ses-events-*' | sort | xargs cat | gzip -dc >second.jsonl
check "both wrote the same" cmp first.jsonl second.jsonl
check "and not little" has_lines first.jsonl 18000
check "nothing is left half done" eval '! find objects -name ".*" | grep .'
check "an incident counts from where the clock is followed" eval \
    '(($(grep -c "\"eventType\":\"Bounce\"\|\"notificationType\":\"Bounce\"" <(tail -n 800 first.jsonl)) > 2 * $(grep -c "\"eventType\":\"Bounce\"\|\"notificationType\":\"Bounce\"" <(head -n 800 first.jsonl))))'

background "$SES_COLLECTOR" simulate --live --rate 30 --out cut --object-interval 1m --quiet
wait_for 20 eval 'compgen -G "cut/*/*/*/*/.*.part"'
sleep 2
kill -INT "$pid"
gone "$pid"
check "with a folder a signal is an ordinary end, too" ended_with 0
check "the last object is whole" eval 'gzip -t cut/*/*/*/*/ses-events-*.gz && (($(gzip -dc cut/*/*/*/*/ses-events-*.gz | wc -l) >= 30))'
finish
