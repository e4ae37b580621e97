#!/usr/bin/env bash
# The program as a person at a terminal meets it: exit codes, messages, files, hostile input.
# shellcheck disable=SC2317,SC2016 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"

counted() { # the last line on standard error, as "counted duplicate late future malformed filtered"
    tail -n 1 err | sed -E 's/[^0-9]+/ /g; s/^ [0-9]+ //; s/ $//'
}

send() { # TIME ID RECIPIENT
    printf '{"eventType":"Send","mail":{"timestamp":"%s","messageId":"%s","source":"a@example.com","destination":["%s"],"tags":{"ses:configuration-set":["news"]}},"send":{}}' "$1" "$2" "$3"
}

check "no command: usage" exits 2 "$SES_COLLECTOR"
check "an unknown command: usage" exits 2 "$SES_COLLECTOR" brew
check "--help" exits 0 "$SES_COLLECTOR" --help
check "--version" exits 0 "$SES_COLLECTOR" --version
check "replay --help" exits 0 replay --help
check "simulate --help" exits 0 "$SES_COLLECTOR" simulate --help
check "replay without a path" exits 2 replay
check "a path that is not there" exits 1 replay nowhere
check "it is named" says "nowhere: No such file" err
check "an unknown view" exits 2 replay --by postman .
check "it lists those that there are" says "configuration_set" err
check "a time that is none" exits 2 replay --from yesterday .
check "an empty period" exits 2 replay --from 2026-01-02 --to 2026-01-01 .
check "--compare without a period" exits 2 replay --compare .
check "an unknown option" exits 2 replay --frm 2026-01-01 .
check "two outputs to standard output" exits 2 replay --metrics - --alerts - .
check "an output folder that is not there" exits 1 replay --metrics nowhere/metrics /dev/null
check "a wrong provider file" exits 78 replay --providers <(echo 'gmail.com gmail') /dev/null

# Good, broken, good: the broken one costs itself alone, is kept, and can be mended and replayed.
{
    send 2026-11-01T10:00:00Z m1 a@gmail.com
    echo
    send 2026-11-01T10:00:01Z m2 b@gmail.com | head -c 90
    echo
    echo 'no JSON at all'
    send 2026-11-01T10:00:02Z m3 c@outlook.com
    echo
    echo '{"notificationType":"Received","mail":{"messageId":"x"}}'
} >mixed.ndjson
check "damage is counted" exits 0 replay --quarantine kept mixed.ndjson
check "damage costs itself alone" is "$(counted)" "2 0 0 0 2 1"
check "--strict says so" exits 3 replay --strict mixed.ndjson
check "malformed records are kept" is "$(wc -l <kept/malformed.ndjson)" 2
check "for the owner only" is "$(stat -c %a kept kept/malformed.ndjson | tr '\n' ' ')" "700 600 "
check "with their place" says "\"offset\":$(($(head -n 1 mixed.ndjson | wc -c)))" kept/malformed.ndjson
python3 - <<'PY'
import base64, json
for line in open("kept/malformed.ndjson"):
    item = json.loads(line)
    if item["errorCode"] == "not_json":
        continue
    mended = base64.b64decode(item["rawData"]) + b'ion":["b@gmail.com"],"tags":{}},"send":{}}'
    text = mended.decode()
    text = text[:text.index('"source"')] + '"destination":["b@gmail.com"]}}'
    item["rawData"] = base64.b64encode(text.encode()).decode()
    open("mended.ndjson", "w").write(json.dumps(item) + "\n")
PY
check "a mended record replays" exits 0 replay mended.ndjson
check "and counts" is "$(counted)" "1 0 0 0 0 0"

# Formats.
printf 'PAR1%0600d' 0 >table.parquet
check "Parquet gets a word" exits 0 replay table.parquet mixed.ndjson
check "the word" says "Apache Parquet" err
check "and its neighbour is read" is "$(counted)" "2 0 0 0 2 1"
check "strict about unreadable objects" exits 3 replay --strict table.parquet
gzip -k mixed.ndjson
head -c 150 mixed.ndjson.gz >cut.gz
check "a cut gzip object" exits 0 replay cut.gz
check "is named" says "cut.gz: " err
: >empty.gz
check "an empty object is fine" exits 0 replay --strict empty.gz
# A file that opens, and gives nothing: the first page of a process's memory.
check "nothing could be read" exits 1 replay --format json --metrics nothing.prom /proc/self/mem
check "is said" says "nothing could be read: not one of 1 objects" err
check "and what was asked for is written" bash -c "jq -e '.data.accounting.objects.unreadable == 1' out >/dev/null && [[ -s nothing.prom ]]"
check "strict about that, too" exits 1 replay --strict /proc/self/mem /proc/self/mem
check "something could be read" exits 0 replay /proc/self/mem mixed.ndjson
check "which a strict run tells" exits 3 replay --strict /proc/self/mem mixed.ndjson
check "an empty object is something" exits 0 replay /proc/self/mem empty.gz
check "standard input" exits 0 bash -c "\"$SES_COLLECTOR\" replay - <mixed.ndjson"
check "a glob" exits 0 replay "*.ndjson"

# Lateness and the clock.
{
    send 2026-10-01T00:00:00Z late x@gmail.com
    echo
} >old.ndjson
cat mixed.ndjson old.ndjson >stream.ndjson
check "too late" exits 0 replay stream.ndjson
check "is counted as late" is "$(counted)" "2 0 1 0 2 1"
check "and says what to do" says "--lateness" err
check "the lateness it suggests" exits 0 replay --lateness "$(sed -nE 's/.*--lateness ([0-9]+h) .*/\1/p' err)" stream.ndjson
check "is enough" is "$(counted)" "3 0 0 0 2 1"
check "more lateness" exits 0 replay --lateness 60d stream.ndjson
check "counts it" is "$(counted)" "3 0 0 0 2 1"
check "two files are read in the order of their events" exits 0 replay mixed.ndjson old.ndjson
check "so that neither is late" is "$(counted)" "3 0 0 0 2 1"
check "a clock that is behind" exits 0 replay --now 2026-11-01T09:00:00Z mixed.ndjson
check "puts events into the future" is "$(counted)" "0 0 0 2 2 1"
check "a period" exits 0 replay --from 2026-11-01T10:00:02Z --to 2026-11-02 mixed.ndjson
check "filters" is "$(counted)" "1 0 0 0 2 2"
check "the same file twice" exits 0 replay mixed.ndjson mixed.ndjson
check "counts once" is "$(counted)" "2 2 0 0 4 2"

# Outputs.
simulate --seed 31 --duration 1h --messages 3000 --out dump
check "JSON is JSON" bash -c "\"$SES_COLLECTOR\" replay --format json --by provider dump 2>/dev/null | python3 -m json.tool >/dev/null"
check "CSV has one width" bash -c "\"$SES_COLLECTOR\" replay --format csv --by provider,configuration_set dump 2>/dev/null | python3 -c 'import csv,sys; rows=list(csv.reader(sys.stdin)); assert len(rows) > 50 and len({len(r) for r in rows}) == 1'"
check "metrics to standard output" exits 0 replay --metrics - dump
cp out metrics
check "promtool finds nothing to say" bash -c 'said=$(promtool check metrics <metrics 2>&1) && [[ -z $said ]] || { echo "$said"; exit 1; }'
check "NO_COLOR and pipes: no escapes" bash -c "! \"$SES_COLLECTOR\" replay dump 2>/dev/null | grep -q $'\x1b'"
check "a reader that goes away is no failure" bash -c "\"$SES_COLLECTOR\" replay --format csv --by provider,configuration_set dump 2>err | head -n 1 >/dev/null; ! grep -qi 'broken pipe' err"
check "no address in any output" bash -c "\"$SES_COLLECTOR\" replay --metrics - --by provider dump 2>&1 | { ! grep -E '[a-z0-9]@[a-z]'; }"
check "a full disk is said" bash -c "! \"$SES_COLLECTOR\" replay --quiet --metrics /dev/full dump 2>err && grep -q 'No space left' err"

# Hostile input: ends soon, in a line, with the neighbour counted.
good=$(send 2026-11-01T10:00:02Z m3 c@outlook.com)
python3 -c 'print("[" * 1000000)' >deep.json
echo "$good" >>deep.json
check "a million brackets in a small stack" bash -c "ulimit -s 256; \"$SES_COLLECTOR\" replay deep.json 2>err"
check "and the neighbour" says "counted 1 " err
head -c 50000000 /dev/zero | tr '\0' 'x' >long
{ echo; echo "$good"; } >>long
check "50 MB without a line end" exits 0 replay long
check "one malformed record" is "$(counted)" "1 0 0 0 1 0"
head -c 300000 /dev/urandom >noise
{ echo; echo "$good"; } >>noise
check "noise" timeout 20 "$SES_COLLECTOR" replay --quiet noise
head -c 200000000 /dev/zero | gzip >bomb.gz
check "200 MB of zeros from 200 KB" timeout 20 "$SES_COLLECTOR" replay --quiet bomb.gz
finish
