#!/usr/bin/env bash
# A bucket of which nothing can be relied on: storms of 503, bodies that break off, stand still or crawl, objects that change
# or go while they are read, nonsense. What is counted is what is counted without all that; what cannot be had is said; and
# no storm is answered with one of our own.
# shellcheck disable=SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"
# shellcheck source=aws.bash
. "$top/tests/integration/aws.bash"

aws_env
double_start double --config '{"page": 10}'
export AWS_ENDPOINT_URL=$DOUBLE_URL
simulate --seed 71 --start "$(date -u -d '-20 hours' +%FT%H:00Z)" --duration 90m --tail 30m --messages 4000 --late 0 \
    --object-size 200K --out double/mail/ses
objects=$(find double/mail -name '*.gz' | wc -l)
victim=$(cd double/mail && find . -name '*.gz' | sort | sed -n '20s|^\./||p')
replay --quiet --cells truth.csv double/mail 2>/dev/null
(($(wc -l <truth.csv) > 100 && objects > 30)) && [[ $victim ]] || exit 1

bucket=mail
# read_bucket: sets `code` and `took` (s), and the number of requests that it took
read_bucket() {
    local began=$SECONDS
    rm -f cells.csv
    double_mark
    timeout 120 "$SES_COLLECTOR" replay --quiet --cells cells.csv "s3://$bucket/ses/" >said 2>&1
    code=$?
    took=$((SECONDS - began))
    requests=$(double_log '.service == "s3"')
}
all_is_read() { # REQUESTS-AT-MOST
    ((code == 0)) || { echo "exit code $code"; tail -n 5 said; return 1; }
    cmp truth.csv cells.csv || { tail -n 5 said; return 1; }
    at_most "$requests" "$1"
}
# despite NAME FAULTS REQUESTS-AT-MOST: everything is read all the same
despite() {
    double_faults "$2"
    read_bucket
    double_faults '[]'
    check "$1" all_is_read "$3"
}
# said_when NAME FAULTS CODE WORDS REQUESTS-AT-MOST SECONDS-AT-MOST: not everything can be read: that is said
said_when() {
    double_faults "$2"
    read_bucket
    double_faults '[]'
    check "$1" is_said "${@:3}"
}
is_said() {
    [[ $code =~ ^($1)$ ]] || { echo "exit code $code, not $1"; tail -n 5 said; return 1; }
    grep -qE -- "$2" said || { echo "\"$2\" is not said:"; tail -n 10 said; return 1; }
    at_most "$requests" "$3" && at_most "$took" "$4"
}

# --- what helps to be tried again -------------------------------------------------------------------------------------
read_bucket
check "without any fault" all_is_read $((objects * 2))
readonly usual=$requests
get='"match": {"op": "GetObject"}' list='"match": {"op": "ListObjectsV2"}'
# `each`: nothing fails so often that it has to be given up.
despite "500 for every request at first" '[{"each": 1, "action": {"status": 500}}]' $((usual * 2))
despite "500 and 503 for two in five" '[{"p": 0.2, "seed": 2, "each": 2, "action": {"status": 500}},
    {"p": 0.2, "seed": 3, "each": 1, "action": {"status": 503}}]' $((usual * 2))
despite "429 with a second to wait" '[{"times": 1, "action": {"status": 429, "headers": {"Retry-After": "1"}}}]' $((usual + 2))
despite "no answer for one request in five" '[{"p": 0.2, "seed": 4, "each": 3, "action": {"close": true}}]' $((usual * 2))
despite "a reset for one request in five" '[{"p": 0.2, "seed": 5, "each": 3, "action": {"reset": true}}]' $((usual * 2))
despite "listings break off" "[{$list, \"p\": 0.4, \"seed\": 6, \"each\": 3, \"action\": {\"truncate\": 900}}]" $((usual * 2))
double_config '{"empty_pages": true}'
despite "empty pages between the others" '[]' $((usual * 2))
double_config '{"empty_pages": false, "ignore_encoding": true}'
despite "a store that does not encode keys" '[]' "$usual"
double_config '{"ignore_encoding": false}'

# --- bodies -----------------------------------------------------------------------------------------------------------
despite "every second body breaks off" "[{$get, \"p\": 0.5, \"seed\": 7, \"action\": {\"truncate\": 7000}}]" $((usual * 4))
resumed() {
    local from_anywhere
    from_anywhere=$(double_log '.op == "GetObject" and .range == "bytes=7000-" and ."if-match" != null')
    ((from_anywhere > objects / 4)) || { echo "$from_anywhere went on where they were"; return 1; }
}
check "and goes on where it was, if it is still the same object" resumed
despite "a body is reset in its middle" "[{$get, \"p\": 0.3, \"seed\": 8, \"action\": {\"reset\": true, \"after\": 3000}}]" $((usual * 3))
despite "a longer body is promised than comes" "[{$get, \"times\": 3, \"action\": {\"length\": 1000}}]" $((usual + 10))
despite "a body stands still for 3 s" "[{$get, \"times\": 20, \"action\": {\"stall\": 3, \"after\": 2000}}]" $((usual + 2))
despite "bodies crawl" "[{$get, \"action\": {\"rate\": 20000}}]" $((usual + 2))
despite "a body stands still for good" "[{$get, \"times\": 2, \"action\": {\"stall\": 300, \"after\": 2000}}]" $((usual + 6))
despite "all of it at once" "[{\"p\": 0.1, \"seed\": 9, \"each\": 1, \"action\": {\"status\": 503}},
    {\"p\": 0.1, \"seed\": 10, \"each\": 2, \"action\": {\"close\": true}},
    {$get, \"p\": 0.2, \"seed\": 11, \"each\": 1, \"action\": {\"truncate\": 5000}},
    {$get, \"p\": 0.1, \"seed\": 12, \"action\": {\"stall\": 1}}]" $((usual * 4))

# --- what does not help to be tried again -----------------------------------------------------------------------------
said_when "503 for ever" '[{"action": {"status": 503}}]' 1 SlowDown 12 60
mkdir -p double/few/ses && find double/mail -name '*.gz' | sort | head -n 3 | xargs cp -t double/few/ses
bucket=few
said_when "503 for ever, but not for listings" "[{$get, \"action\": {\"status\": 503}}]" 1 'nothing could be read: not one of 3 objects' 25 90
check "and what stands in the way" grep -q SlowDown said
bucket=mail
said_when "no answer, ever" '[{"action": {"close": true}}]' 1 'ListBucket.*(no data|closed|empty)' 12 30
one="\"match\": {\"op\": \"GetObject\", \"path\": \"$victim\$\"}"
# all_but_one NAME FAULTS WORDS REQUESTS-AT-MOST SECONDS-AT-MOST: one object cannot be read; all others are
find double/mail -name '*.gz' ! -name "${victim##*/}" -exec "$SES_COLLECTOR" replay --quiet --cells others.csv {} + 2>/dev/null
all_but_one() {
    said_when "$1" "$2" 0 "${@:3}"
    check "$1: all others are read" cmp others.csv cells.csv
}
all_but_one "an object is gone" "[{$one, \"action\": {\"status\": 404, \"code\": \"NoSuchKey\"}}]" \
    "${victim##*/}: it is not there any more" $((usual + 4)) 30
all_but_one "an object must not be read" "[{$one, \"action\": {\"status\": 403, \"code\": \"AccessDenied\"}}]" \
    "${victim##*/}: .*AccessDenied.*kms:Decrypt" $((usual + 4)) 30
all_but_one "an object breaks off at the same place for ever" "[{$one, \"action\": {\"truncate\": 0}}]" \
    "${victim##*/}: the transfer broke off after 0 of" $((usual + 30)) 90
all_but_one "an object is nonsense" "[{$one, \"action\": {\"garbage\": 5000}}]" \
    "${victim##*/}: the answer is something else" $((usual + 10)) 30
double_config "{\"storage\": {\"mail/$victim\": \"GLACIER\"}}"
all_but_one "an object is archived" '[]' "${victim##*/}: it is archived" $((usual + 4)) 30
double_config '{"storage": {}}'
said_when "an object changes while it is read" "[{$one, \"times\": 1, \"action\": {\"swap\": 4000}}]" 0 \
    "${victim##*/}: it was replaced while it was read" $((usual + 10)) 30
said_when "a listing is nonsense" "[{$list, \"action\": {\"garbage\": 5000}}]" 1 'XML|listing' 20 60
said_when "a listing is empty" "[{$list, \"action\": {\"empty\": true}}]" 1 'XML|listing' 20 60
said_when "a listing that goes on, but does not say where" "[{$list, \"action\": {\"status\": 200,
    \"body\": \"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>\"}}]" 1 'XML|listing|token' 20 60
said_when "a head of 2 MB" '[{"action": {"head": 2000000}}]' 1 . 20 60
said_when "a redirect to nowhere" '[{"action": {"redirect": 307, "location": "http://127.0.0.1:9/"}}]' 1 'redirect|Redirect|307' 20 30
said_when "an answer from something else" '[{"action": {"status": 200, "body": "<html>Sign in to the network</html>"}}]' 1 \
    'XML|listing' 20 60

# --- the service: it does not give up ---------------------------------------------------------------------------------
replay --quiet --metrics truth.prom double/mail 2>/dev/null
sed -i 's/source="files"/source="s3"/' truth.prom
watch() { # FILE
    cat >"$1" <<YAML
state:
  path: ${1%.yaml}.db
  commit_interval: 200ms
sources:
  - s3:
      bucket: mail
      prefix: ses/
      start: $(date -u -d '-2 days' +%F)
      interval: 300ms
YAML
}
watch calm.yaml
check "run: without any fault" run_all calm.yaml --metrics calm.prom
check "run: every sample is replay's" same_samples truth.prom calm.prom "$but_for_reading"
watch storm.yaml
double_faults "[{\"p\": 0.1, \"seed\": 21, \"action\": {\"status\": 503}}, {\"p\": 0.1, \"seed\": 22, \"action\": {\"reset\": true}},
    {$get, \"p\": 0.3, \"seed\": 23, \"action\": {\"truncate\": 6000}},
    {$get, \"p\": 0.02, \"seed\": 24, \"action\": {\"status\": 500}}]"
# An object that is refused five times in a row is one that could not be read: the run says so, and the next one reads it.
all_runs() {
    for _ in 1 2 3 4 5 6; do
        if run_all storm.yaml --metrics storm.prom; then return; fi
        grep -q 'cannot be read, tried again later' storm.log || return 1
    done
    return 1
}
double_config '{"page": 1000}'
check "run: in a storm" all_runs
check "run: in a storm: every sample is replay's" same_samples truth.prom storm.prom "$but_for_reading"
is_same_again() {
    run_all storm.yaml --metrics again.prom && same_samples truth.prom again.prom "$but_for_reading"
}
double_faults '[]'
check "run: once more: nothing twice" is_same_again

watch live.yaml
double_faults '[{"match": {"service": "s3"}, "action": {"status": 503}}]'
double_mark
serve live.yaml
nothing_yet() {
    (($(double_log '.status == 503') > 3)) && shows ses_collector_records_read_total 0
}
check "run: the bucket answers 503: it waits" wait_for 60 nothing_yet
check "run: and lives" get /-/healthy
double_faults '[]'
of() { # FILE SERIES
    awk -v s="$2" '$1 == s || index($1, s "{") == 1 { n += $2 } END { print n + 0 }' "$1"
}
records() {
    shows ses_collector_records_counted_total "$(of truth.prom ses_collector_records_counted_total)"
}
check "run: when the bucket is back, all of it is read" wait_for 90 records
# The same records, packed otherwise; and it changes once more while it is read.
double_mark
double_faults "[{$one, \"times\": 1, \"action\": {\"swap\": 3000}}]"
zcat "double/mail/$victim" | gzip -1 >changed.gz && mv changed.gz "double/mail/$victim"
read_again() {
    (($(double_log ".op == \"GetObject\" and .status == 412 and (.path | endswith(\"$victim\"))") == 1)) &&
        (($(double_log ".op == \"GetObject\" and .status == 200 and (.path | endswith(\"$victim\"))") == 2))
}
check "run: an object that changes, and changes while it is read, is read again" wait_for 60 read_again
more_was_read() {
    (($(metric ses_collector_records_read_total) > $(of truth.prom ses_collector_records_read_total)))
}
check "run: and again is read" wait_for 60 more_was_read
check "run: but counts once" shows ses_collector_records_counted_total "$(of truth.prom ses_collector_records_counted_total)"
terminate "$pid"
check "run: SIGTERM ends it" is "$code" 0
double_faults '[{"action": {"stall": 300}}]'
watch stuck.yaml
serve stuck.yaml
double_mark
check "run: the bucket does not answer" wait_for 60 test "$(double_log true)" -ge 0
sleep 1
terminate "$pid"
check "run: SIGTERM ends it while the bucket does not answer" at_most "$took" 6000
double_faults '[]'
finish
