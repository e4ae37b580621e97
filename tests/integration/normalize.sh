#!/usr/bin/env bash
# Lines that `normalize` writes, against a second reader of the same dump (normalize_reader.py): every event, and
# nothing that should not be there.
# shellcheck disable=SC2317,SC2016 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"

normalize() {
    "$SES_COLLECTOR" normalize "$@"
}

reader() {
    python3 "$top/tests/integration/normalize_reader.py" "$@"
}

# same FEWEST DUMP OPTIONS...: at least FEWEST lines, and the same as the reader writes.
same() {
    local fewest=$1 dump=$2
    shift 2
    normalize --hash-key-file key "$@" "$dump" 2>said | reader --strip >found || return 1
    reader --key key "$@" "$dump" >expected || return 1
    agree "$fewest" lines
}

silent() { # PATTERN FILE: the file has nothing of the kind
    ! grep -m 3 -oiE -- "$1" "$2"
}

echo 0123456789abcdef0123456789abcdef >key
simulate --seed 41 --duration 8h --messages 6000 --multi 0.15 --duplicates 0.02 --incident blocklist@gmail:1h+1h \
    --incident outage@microsoft:2h+1h --incident complaints@all:3h+1h --out dump
check "every event" same 15000 dump
check "in clear, with tags" same 15000 dump --clear --tag campaign --tag stream
check "of an hour" same 1000 dump --from 2026-11-01T02:00:00Z --to 2026-11-01T03:00:00Z
check "accounts for every record" grep -E '^records read ([0-9]+) = normalised [0-9]+ \([0-9]+ events\) \+ malformed 0 \+ filtered [1-9]' said

# --- one order, keys --------------------------------------------------------------------------------------------------

normalize --hash-key-file key --threads 1 dump >one 2>/dev/null
normalize --hash-key-file key --threads 6 dump >six 2>/dev/null
check "any number of workers" cmp one six
normalize dump >random1 2>/dev/null
normalize dump >random2 2>/dev/null
check "hashes of two runs cannot be joined without a key" python3 -c '
import json
hashes = lambda path: {json.loads(line)["recipient"] for line in open(path)} - {None}
assert not hashes("random1") & hashes("random2") and hashes("one") == hashes("six")'
check "keys tell duplicates" python3 -c '
import json
lines, keys = [json.loads(line) for line in open("one")], {}
for line in lines:
    keys.setdefault(line["key"], []).append({k: v for k, v in line.items()})
assert len(keys) < len(lines) and all(a["message_id"] == b["message_id"] and a["type"] == b["type"] for same in keys.values() for a in same for b in same)'
find dump -type f -print0 | sort -z | xargs -0 zcat >all.ndjson
normalize --hash-key-file key - <all.ndjson 2>/dev/null | sort >piped
sort one >one.sorted
check "standard input" cmp one.sorted piped
cat all.ndjson all.ndjson all.ndjson >big.ndjson
normalize --hash-key-file key --threads 4 big.ndjson 2>/dev/null | sha256sum >a
# shellcheck disable=SC2002 # through a pipe
cat big.ndjson | normalize --hash-key-file key --threads 1 - 2>/dev/null | sha256sum >b
check "a big file in stretches" cmp a b

# --- nothing leaks ----------------------------------------------------------------------------------------------------

readonly address='[a-z0-9._+-]+@[a-z0-9-]+\.[a-z]'
check "no address" silent "$address" one
check "no IP address" silent '[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}' one
check "no link, agent or reply" silent 'https?:|mozilla|smtp;|queued|unsolicited|gsmtp' one
check "no subject" silent 'sale|subscription renews|arrivals' one
check "in clear there are" grep -qE -- "$address" <(normalize --clear dump 2>/dev/null)
cat >canary.json <<'RECORDS'
{"eventType":"Bounce","mail":{"timestamp":"2026-11-01T00:00:00Z","messageId":"m1","source":"canary1@sender.example","destination":["canary2@to.example"],"commonHeaders":{"subject":"canary3"},"headers":[{"name":"x","value":"canary4"}],"tags":{"campaign":["canary5"]}},"bounce":{"bounceType":"canary6","bounceSubType":"canary7","timestamp":"2026-11-01T00:00:01Z","reportingMTA":"canary8","remoteMtaIp":"canary9","bouncedRecipients":[{"emailAddress":"canary10@to.example","status":"5.1.1 canary11","action":"canary12","diagnosticCode":"smtp; 550 5.1.1 canary13"}]}}
{"eventType":"Click","mail":{"timestamp":"2026-11-01T00:00:00Z","messageId":"m2","source":"canary1@sender.example","destination":["canary2@to.example"]},"click":{"timestamp":"2026-11-01T00:00:01Z","ipAddress":"canary14","userAgent":"canary15","link":"https://canary16.example","linkTags":{"canary17":["x"]}}}
{"eventType":"Complaint","mail":{"timestamp":"2026-11-01T00:00:00Z","messageId":"m3","source":"canary1@sender.example","destination":["canary2@to.example"]},"complaint":{"timestamp":"2026-11-01T00:00:01Z","complaintFeedbackType":"canary18","userAgent":"canary19","complainedRecipients":[{"emailAddress":"canary20@to.example"}]}}
{"eventType":"DeliveryDelay","mail":{"timestamp":"2026-11-01T00:00:00Z","messageId":"m4","source":"canary1@sender.example","destination":["canary2@to.example"]},"deliveryDelay":{"timestamp":"2026-11-01T00:00:01Z","delayType":"canary21","delayedRecipients":[{"emailAddress":"canary22@to.example","status":"canary23","diagnosticCode":"canary24"}]}}
{"eventType":"Reject","mail":{"timestamp":"2026-11-01T00:00:00Z","messageId":"m5","source":"canary1@sender.example","destination":["canary2@to.example"]},"reject":{"reason":"canary25"}}
{"eventType":"Rendering Failure","mail":{"timestamp":"2026-11-01T00:00:00Z","messageId":"m6","source":"canary1@sender.example","destination":["canary2@to.example"]},"failure":{"errorMessage":"canary26","templateName":"welcome"}}
{"eventType":"Subscription","mail":{"timestamp":"2026-11-01T00:00:00Z","messageId":"m7","source":"canary1@sender.example","destination":["canary2@to.example"]},"subscription":{"contactList":"canary27","timestamp":"2026-11-01T00:00:01Z","source":"canary28","newTopicPreferences":{"unsubscribeAll":true}}}
{"eventType":"Delivery","mail":{"timestamp":"2026-11-01T00:00:00Z","messageId":"m8","source":"canary1@sender.example","destination":["canary2@to.example"]},"delivery":{"timestamp":"2026-11-01T00:00:01Z","recipients":["canary29@to.example"],"smtpResponse":"canary30","processingTimeMillis":"12"}}
{"eventType":"canary31","mail":{"timestamp":"2026-11-01T00:00:00Z","messageId":"m9","source":"canary1@sender.example","destination":["\"canary32\" <canary33@to.example>"]}}
RECORDS
check "canaries: all records are read" exits 0 normalize --strict canary.json
check "no canary comes through" silent 'canary|to\.example' out
check "nine lines" exits 0 test "$(wc -l <out)" -eq 9
printf '{"eventType":"Delivery","mail":{"timestamp":"2026-11-01T00:00:00Z","messageId":"m\xff\\u0000\\u001b[2J\\u2028","destination":["a\xc3\x28@b.example"]},"delivery":{"timestamp":"2026-11-01T00:00:01Z","smtpResponse":"%s"}}\n' "$(head -c 20000 /dev/zero | tr '\0' x)" >hostile.json
normalize --clear hostile.json >hostile.out 2>/dev/null
check "hostile bytes: a line of JSON, in UTF-8" python3 -c '
import json
text = open("hostile.out", encoding="utf-8").read()
line = json.loads(text)
assert text.count("\n") == 1 and not any(ord(c) < 32 for c in text[:-1]), text
assert line["message_id"] == "m\ufffd\0\x1b[2J\u2028" and line["recipient"] == "a\ufffd(@b.example", line
assert line["delivery"]["diagnostic"] == "x" * 4096 + "\u2026"'

# --- pipes ------------------------------------------------------------------------------------------------------------

# streams: a record that went into a pipe comes out while the pipe stays open.
streams() {
    mkfifo in
    normalize in >streamed 2>said &
    local pid=$!
    exec 7>in
    head -n 2 all.ndjson >&7
    for _ in {1..1200}; do
        (($(wc -l <streamed) >= 2)) && break
        sleep 0.05
    done
    local first try_ok
    first=$(wc -l <streamed)
    sed -n 3,5p all.ndjson >&7
    for _ in {1..1200}; do
        (($(wc -l <streamed) >= 5)) && break
        sleep 0.05
    done
    try_ok=$(wc -l <streamed)
    kill -TERM "$pid" # it waits for input: it must not need any to end
    local code
    wait "$pid"
    code=$?
    exec 7>&-
    ((first >= 2 && try_ok >= 5 && code == 143)) || {
        echo "lines after 2 records $first, after 5 $try_ok, exit $code"
        return 1
    }
}
check "a pipe streams, and ends by a signal" streams
check "a reader that has enough" exits 0 bash -c "set -o pipefail; '$SES_COLLECTOR' normalize big.ndjson 2>said | head -n 1"
check "that is no trouble" exits 1 grep -q . said
check "a full disk is" exits 1 bash -c "'$SES_COLLECTOR' normalize big.ndjson >/dev/full"
check "it is said" says 'cannot write standard output: No space left' err

# --- malformed, usage -------------------------------------------------------------------------------------------------

simulate --seed 42 --messages 500 --malformed 0.1 >mixed.ndjson
check "malformed records are counted" exits 0 normalize --quarantine kept mixed.ndjson
check "by reason" says 'records malformed: ' err
cp err said
check "and kept" exits 0 test -s kept/malformed.ndjson
check "as many" bash -c '(($(wc -l <kept/malformed.ndjson) == $(tail -n 1 said | sed -E "s/.*malformed ([0-9]+).*/\1/")))' 
check "--strict" exits 3 normalize --strict mixed.ndjson
check "no path" exits 2 normalize
check "too many tags" exits 2 normalize --tag a --tag b --tag c --tag d --tag e dump
check "a key that is not there" exits 78 normalize --hash-key-file nowhere dump
echo short >short
check "a key that is too short" exits 78 normalize --hash-key-file short dump
check "it says how to make one" says 'openssl rand' err
check "no such option" exits 2 normalize --clearly dump
check "--help" exits 0 normalize --help
finish
