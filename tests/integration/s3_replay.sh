#!/usr/bin/env bash
# `replay s3://`: the same figures, to the byte, as a replay of the same files, whatever the layout of the keys; of a period
# only its hours are listed and read; what is left out, excluded, archived, forbidden; the command line. Against moto, and
# for signatures, pages and interruption against the double.
# shellcheck disable=SC2317,SC2154,SC2054 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"
# shellcheck source=aws.bash
. "$top/tests/integration/aws.bash"

aws_env
moto_start moto
export AWS_ENDPOINT_URL=$MOTO_URL
readonly outputs=(--by account,provider --by configuration_set --format json)
readonly file='([^/]+)$'

# lay_out TREE SED-SCRIPT: staging's files under other keys
lay_out() {
    local key new
    while read -r key; do
        new=$(sed -E "$2" <<<"$key")
        mkdir -p "$1/$(dirname "$new")"
        cp "staging/$key" "$1/$new"
    done < <(cd staging && find . -type f | sed 's|^\./||')
}

# both NAME LOCAL URL OPTIONS...: everything that comes out is the same
both() {
    local name=$1 here=$2 there=$3
    shift 3
    check "$name" same "$here" "$there" "$@"
}
same() {
    local here=$1 there=$2
    shift 2
    replay "${outputs[@]}" --cells here.csv --metrics here.prom --alerts here.json "$@" "$here" >here.report 2>here.said || return 1
    replay "${outputs[@]}" --cells there.csv --metrics there.prom --alerts there.json "$@" "$there" >there.report 2>there.said || {
        cat there.said
        return 1
    }
    cmp here.csv there.csv && cmp here.json there.json || return 1
    if [[ " $* " == *" --from "* ]]; then # how much was read, and filtered out, is another matter
        cmp <(jq 'del(.data.accounting, .data.period.watermark)' here.report) <(jq 'del(.data.accounting, .data.period.watermark)' there.report)
    else
        cmp here.report there.report && cmp here.prom there.prom
    fi
}
# requests_of FILE: how many there were; listing_of FILE: of these, to list
requests_of() {
    sed -nE 's/.*: ([0-9]+) requests to buckets, .*/\1/p' "$1"
}
listing_of() {
    sed -nE 's/.* requests to buckets, ([0-9]+) of them to list$/\1/p' "$1"
}
at_most() { # N FILE WHICH
    local n
    n=$("$3" "$2")
    if [[ ! $n ]] || ((n > $1)); then
        echo "$n, not at most $1"
        return 1
    fi
}
says() { # FILE WORDS
    grep -qE -- "$2" "$1" || { cat "$1"; return 1; }
}

# --- layouts --------------------------------------------------------------------------------------------------------------
simulate --seed 81 --duration 27h --messages 8000 --late 0.02 --malformed 0.002 --object-size 150K --start 2025-11-20 --out staging
objects=$(find staging -type f | wc -l)
check "there are objects: $objects" test "$objects" -gt 100
lay_out hive "s|^([0-9]+)/([0-9]+)/([0-9]+)/([0-9]+)/$file|year=\\1/month=\\2/day=\\3/hour=\\4/\\5|"
lay_out date "s|^([0-9]+)/([0-9]+)/([0-9]+)/([0-9]+)/$file|dt=\\1-\\2-\\3/odd chars +%=\&\\5|"
lay_out word 's|^|legacy|'
lay_out plain 's|/|-|g; s|^|x|'
python3 - <<'PY'
import os, shutil
# Two streams, an account above them, and keys in the time of India.
import datetime, re
for path, _, names in os.walk("staging"):
    for i, name in enumerate(sorted(names)):
        source = os.path.join(path, name)
        hour = path[len("staging/"):]
        target = f"streams/123456789012/{'ab'[i % 2]}/{hour}"
        os.makedirs(target, exist_ok=True)
        shutil.copy(source, target)
        at = re.search(r"-(\d{4})-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-", name)
        local = datetime.datetime(*map(int, at.groups())) + datetime.timedelta(hours=5, minutes=30)
        target = f"india/{local:%Y/%m/%d/%H}"
        os.makedirs(target, exist_ok=True)
        shutil.copy(source, f"{target}/s-1-{local:%Y-%m-%d-%H-%M-%S}-{i:08x}-0000-4000-8000-000000000000.gz")
PY
for tree in staging hive date word plain streams india; do
    s3_put_tree "$tree" "$tree" ses/
done
for tree in staging hive date word plain streams; do
    both "$tree: all of it" "$tree" "s3://$tree/ses/"
done
both "the whole bucket" staging s3://staging
both "a prefix without its slash" staging s3://staging/ses
both "a prefix in the middle of a name" word s3://word/ses/legacy
both "expressions of Firehose" hive 's3://hive/ses/year=!{timestamp:yyyy}/month=!{timestamp:MM}/'
key=$(cd staging && find . -type f | sort | sed -n '7s|^\./||p')
both "one object" "staging/$key" "s3://staging/ses/$key"
both "one hour's folder" staging/2025/11/20/09 s3://staging/ses/2025/11/20/09/
both "two threads, two downloads" staging s3://staging/ses/ --threads 2 --ahead 2
check "files and buckets together" bash -c "'$SES_COLLECTOR' replay --quiet --cells a.csv staging/2025/11/20 staging/2025/11/21 staging/2025/11/22 2>/dev/null &&
    '$SES_COLLECTOR' replay --quiet --cells b.csv s3://staging/ses/2025/11/20/ staging/2025/11/21 s3://hive/ses/year=2025/month=11/day=22/ 2>/dev/null && cmp a.csv b.csv"

# --- a period -------------------------------------------------------------------------------------------------------------
readonly period=(--from 2025-11-20T10:00 --to 2025-11-20T12:00)
# Late records may come a day after their time.
for tree in staging hive date word streams; do
    both "$tree: two hours" "$tree" "s3://$tree/ses/" "${period[@]}" --arrival-slack 26h
done
both "compared with the two before" staging s3://staging/ses/ "${period[@]}" --compare --arrival-slack 26h
replay --quiet "${period[@]}" --arrival-slack 3h s3://staging/ses/ 2>narrow
check "a period reads a part only" at_most $((objects / 2)) narrow requests_of
check "and lists it in a few requests" at_most 8 narrow listing_of
replay --quiet "${period[@]}" s3://streams/ 2>narrow
check "also two streams below an account" at_most 20 narrow listing_of
both "keys in another time zone" staging s3://india/ses/ "${period[@]}" --arrival-slack 26h --time-zone Asia/Kolkata
replay --quiet "${period[@]}" s3://staging/ses/2025/11/21/ 2>narrow
check "nothing there in this period is no error" test $? -eq 0

# --- what is left out -----------------------------------------------------------------------------------------------------
mkdir -p errors/2025/11/20/09 errors/processing-failed/2025/11/20/09
cp "staging/$key" errors/2025/11/20/09/
python3 - "$key" <<'PY' >errors/processing-failed/2025/11/20/09/s-1-2025-11-20-09-00-00-00000000-0000-4000-8000-000000000000
import base64, glob, gzip, sys
other = sorted(glob.glob("staging/2025/11/21/*/*.gz"))[0]
for line in gzip.open(other):
    print('{"attemptsMade":"4","arrivalTimestamp":1763629200000,"errorCode":"Lambda.FunctionError","errorMessage":"m",'
          f'"attemptEndingTimestamp":1763629260000,"rawData":"{base64.b64encode(line).decode()}","lambdaArn":"arn"}}')
PY
s3_put_tree errors errors
both "errors are left out" errors s3://errors/
check "which is said of files" says here.said '1 files below folders of errors were left out; --replay-errors'
check "and of buckets" says there.said '1 objects or folders of errors in buckets were left out'
cp here.csv without.csv
both "--replay-errors reads them" errors s3://errors/ --replay-errors
check "and that is more" bash -c '! cmp -s here.csv without.csv'
both "or they are named" errors/processing-failed s3://errors/processing-failed/
replay --quiet --cells there.csv --exclude '*/processing-failed/*' --exclude 'processing-failed/*' --replay-errors s3://errors/ 2>there.said
check "--exclude leaves out what matches" cmp there.csv without.csv

# --- the double: signatures, pages, refusals ------------------------------------------------------------------------------
double_start double --config '{"page": 7, "requester_pays": ["payers"], "public": ["open"], "storage": {"cold/a.json": "DEEP_ARCHIVE", "cold/b.json": "GLACIER_IR"}}'
export AWS_ENDPOINT_URL=$DOUBLE_URL
mkdir -p double/{payers,open,cold}
cp -r date "double/odd keys" 2>/dev/null
cp -r date double/signed
both "every request is signed, also for odd keys" date s3://signed/
check "all of them are verified" test "$(double_log '.verified != "yes"')" -eq 0
both "path style" date s3://signed/ --path-style
gzip -dc "staging/$key" | tee double/payers/a.json double/open/a.json double/cold/a.json >double/cold/b.json
refused() { # WORDS ARGUMENT...
    local words=$1
    shift
    ! replay --quiet "$@" 2>said && says said "$words"
}
check "requester pays: refused without" refused 'AccessDenied|403' s3://payers/
check "requester pays: read with it" replay --quiet --request-payer s3://payers/
check "a public bucket" env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY "$SES_COLLECTOR" replay --quiet --no-sign-request s3://open/
check "no such bucket" refused 'NoSuchBucket|not there|404' s3://nowhere-at-all/
check "nothing at that prefix" refused 'there is nothing' s3://open/none/
replay --quiet --strict s3://cold/ 2>said
check "an archived object makes a strict run partial" test $? -eq 3
check "it is named, and what to do" says said 's3://cold/a.json: it is archived: restore it first'
check "and was not asked for" test "$(double_log '.op == "GetObject" and (.path | endswith("a.json")) and (.path | contains("cold"))')" -eq 0
check "a bucket's name that is none" refused 's3://BUCKET/PREFIX' 's3://no bucket/'

# Objects are as old as their names say, but by a clock that is five and a half hours ahead.
mkdir -p double/india
cp -r india double/india/ses
python3 - <<'PY'
import calendar, os, re
for path, _, names in os.walk("double/india"):
    for name in names:
        at = calendar.timegm(tuple(map(int, re.search(r"-(\d{4})-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-", name).groups())))
        os.utime(os.path.join(path, name), (at - 19800 + 60,) * 2)
PY
both "another time zone is found out, and listed" staging s3://india/ses/ "${period[@]}" --arrival-slack 26h
check "and said" says there.said 'say the time zone'
both "not when it was said" staging s3://india/ses/ "${period[@]}" --arrival-slack 26h --time-zone +05:30
check "then all is well" bash -c "! grep 'time zone' there.said"

# --- roles, by moto's STS ---------------------------------------------------------------------------------------------------
cat >roles <<INI
[default]
aws_access_key_id = $AWS_ACCESS_KEY_ID
aws_secret_access_key = $AWS_SECRET_ACCESS_KEY
[profile reader]
role_arn = arn:aws:iam::123456789012:role/reader
source_profile = default
INI
echo token >web.token
sts_was_asked() { # its calls are the only POSTs to /
    (($(grep -c '"POST / ' moto/log) > sts_before))
}
sts_before=$(grep -c '"POST / ' moto/log)
AWS_ENDPOINT_URL=$MOTO_URL AWS_CONFIG_FILE=$PWD/roles both "a role of a profile" staging s3://staging/ses/ --profile reader
check "which STS was asked for" sts_was_asked
sts_before=$(grep -c '"POST / ' moto/log)
AWS_ENDPOINT_URL=$MOTO_URL AWS_ACCESS_KEY_ID='' AWS_SECRET_ACCESS_KEY='' AWS_WEB_IDENTITY_TOKEN_FILE=$PWD/web.token \
    AWS_ROLE_ARN=arn:aws:iam::123456789012:role/web both "a web identity" staging s3://staging/ses/
check "for which STS was asked, too" sts_was_asked

# --- interruption ---------------------------------------------------------------------------------------------------------
interrupted() { # FAULT
    local p code until=$((SECONDS + 60))
    double_faults "$1"
    double_mark
    "$SES_COLLECTOR" replay --quiet --cells never.csv s3://signed/ 2>said &
    p=$!
    until (($(double_log '.service == "s3"') > 0)); do
        ((SECONDS < until)) || return 1
        sleep 0.1
    done
    sleep 0.3 # it may be anywhere from here on
    local began=$SECONDS
    kill -INT "$p"
    wait "$p"
    code=$?
    double_faults '[]'
    [[ $code == 130 && ! -e never.csv ]] && ((SECONDS - began < 10)) && says said 'stopped; no report was written'
}
check "Ctrl-C while it lists" interrupted '[{"match": {"op": "ListObjectsV2"}, "action": {"stall": 60}}]'
check "Ctrl-C while it downloads" interrupted '[{"match": {"op": "GetObject"}, "action": {"stall": 60, "after": 10}}]'
check "no secret was said" bash -c "! grep -rlF '$AWS_SECRET_ACCESS_KEY' said there.said narrow moto double/requests.jsonl"
finish
