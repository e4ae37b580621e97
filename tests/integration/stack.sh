#!/usr/bin/env bash
# scripts/stack: the composition of docker/ without containers. An incident of simulated traffic is seen on the page, in
# Prometheus and in Alertmanager; what came by Kafka and by S3 is counted once; nothing is left behind. SCREENSHOTS is a
# folder to keep the pictures in.
# shellcheck disable=SC2016,SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"

# Its temporary folder is below ours, so that all that it starts can be told by its words.
mkdir tmp
stack() {
    env SES_COLLECTOR="$SES_COLLECTOR" TMPDIR="$work/tmp" timeout --kill-after=30 420 "$top/scripts/stack" "$@"
}

nothing_runs() {
    local file
    for file in /proc/[0-9]*/cmdline; do
        if tr '\0' ' ' <"$file" 2>/dev/null | grep -qF "$work/tmp/"; then
            tr '\0' ' ' <"$file"
            return 1
        fi
    done
}

nothing_is_left() {
    wait_for 60 nothing_runs && is "$(ls -A tmp)" ''
}

page_is_there() {
    curl -sf --noproxy '*' -o page.html "$(sed -nE 's/^ +the page +(.*)/\1/p' shown)" && says ses-collector page.html
}

stack --check --screenshots "${SCREENSHOTS:-$work/pictures}" >said 2>&1 </dev/null
code=$?
grep -E '^(ok|not ok|    |# )' said
check "the check itself says that all is well" is "$code" 0
check "it checked" eval '(($(grep -c "^ok " said) >= 12))'
check "nothing is left of it" nothing_is_left

background env SES_COLLECTOR="$SES_COLLECTOR" TMPDIR="$work/tmp" TRAFFIC_BACKFILL=1m "$top/scripts/stack" >shown 2>&1
check "without --check it says where to look" wait_for 100 grep -q 'Control-C ends everything' shown
check "the page is there" page_is_there
kill -TERM "$pid"
gone "$pid"
check "a signal ends it" is "$code" 143
check "nothing is left of that" nothing_is_left
finish
