#!/usr/bin/env bash
# Messages that `find` finds, against a second reader of the same dump (find_reader.py): every message, none else, and
# every event of each.
# shellcheck disable=SC2317 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"

find_messages() {
    "$SES_COLLECTOR" find "$@"
}

# same NAME FEWEST DUMP FILTERS...: at least FEWEST messages, and the same as the reader finds.
same() {
    local fewest=$1 dump=$2
    shift 2
    find_messages --limit 0 --format json "$@" "$dump" 2>said | python3 "$top/tests/integration/find_reader.py" --strip >found || return 1
    python3 "$top/tests/integration/find_reader.py" "$@" "$dump" >expected || return 1
    agree "$fewest" messages
}

simulate --seed 31 --duration 6h --messages 6000 --multi 0.15 --duplicates 0.03 --incident blocklist@gmail:1h+1h \
    --incident outage@microsoft:2h+1h --incident complaints@all:3h+1h --out dump
one=$(python3 "$top/tests/integration/find_reader.py" --last-event complaint dump | sed -n 1p)
to=$(python3 -c 'import json, sys; print(next(e["recipient"] for e in json.loads(sys.argv[1])["history"] if "recipient" in e))' "$one")
id=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["message_id"])' "$one")

check "everything" same 5000 dump
check "a recipient" same 1 dump --recipient "$to"
check "a recipient in capitals" same 1 dump --recipient "${to^^}"
check "recipients of a domain" same 100 dump --recipient '*@gmail.com'
check "a message id" same 1 dump --message-id "$id"
hash=$(printf %s "$id" | sha256sum | cut -c 1-16)
check "the hash of a message id, as an exemplar has it" same 1 dump --message-hash "$hash"
check "and not half of it" exits 2 "$SES_COLLECTOR" find --message-hash "${hash:0:8}" dump
check "the beginning of ids" same 100 dump --message-id "${id:0:8}*"
check "a sender" same 100 dump --from-address 'no-reply@*'
check "a subject" same 20 dump --subject '*SALE*starts*'
check "a subject in another script" same 1 dump --subject '*COMMANDE A ÉTÉ*'
check "a provider" same 100 dump --provider microsoft
check "a configuration set" same 100 dump --configuration-set newsletter
check "sent in an hour" same 100 dump --from 2026-11-01T02:00:00Z --to 2026-11-01T03:00:00Z
check "last event: send" same 0 dump --last-event send
for event in delivery bounce complaint delay; do
    check "last event: $event" same 1 dump --last-event "$event"
done
for event in open click none; do
    check "last engagement: $event" same 1 dump --last-engagement "$event"
done
check "several at once" same 1 dump --provider gmail --last-event bounce --subject '*e*' --from 2026-11-01T01:00:00Z
check "nothing" same 0 dump --recipient nobody@nowhere.example
check "which is said" says "no message found" said
check "bounced at a provider" same 10 dump --provider gmail --last-event bounce

# --- one file, any number of workers, a pipe -------------------------------------------------------------------------

find_messages --limit 0 --format json --threads 1 --last-event bounce dump >one.json 2>/dev/null
check "any number of workers: reads" find_messages --limit 0 --format json --threads 7 --last-event bounce dump
find_messages --limit 0 --format json --threads 7 --last-event bounce dump >seven.json 2>/dev/null
check "any number of workers" cmp one.json seven.json
find dump -type f -print0 | sort -z | xargs -0 zcat >all.ndjson
find_messages --limit 0 --format json --last-event bounce - <all.ndjson >pipe.json 2>/dev/null
check "standard input" cmp one.json pipe.json

# --- records that do not say all --------------------------------------------------------------------------------------

mkdir notices
cat >notices/events.json <<'RECORDS'
{"notificationType":"Bounce","mail":{"timestamp":"2026-11-01T00:00:10.000Z","messageId":"m-1","source":"a@example.com","destination":["anna@example.org"]},"bounce":{"bounceType":"Permanent","bounceSubType":"General","bouncedRecipients":[{"emailAddress":"anna@example.org","status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 unknown"}],"timestamp":"2026-11-01T00:00:11.000Z","feedbackId":"f-1"}}
{"eventType":"Send","mail":{"timestamp":"2026-11-01T00:00:10.500Z","messageId":"m-1","source":"a@example.com","destination":["anna@example.org"],"commonHeaders":{"from":["\"A\" <a@example.com>"],"subject":"Your order"},"tags":{"ses:configuration-set":["news"]}},"send":{}}
{"eventType":"Send","mail":{"timestamp":"2026-11-01T00:00:12.500Z","messageId":"m-2","source":"a@example.com","destination":["bert@example.org"],"commonHeaders":{"from":["a@example.com"],"subject":"Another"},"tags":{"ses:configuration-set":["news"]}},"send":{}}
{"notificationType":"Bounce","mail":{"timestamp":"2026-11-01T00:00:12.000Z","messageId":"m-2","source":"a@example.com","destination":["bert@example.org"]},"bounce":{"bounceType":"Permanent","bounceSubType":"General","bouncedRecipients":[{"emailAddress":"forwarded@elsewhere.example"}],"timestamp":"2026-11-01T00:00:13.000Z","feedbackId":"f-2"}}
RECORDS
check "a notification without headers joins" same 1 notices --subject 'your *'
check "it is the whole history" says '"event": "bounce"' found
check "so does one without tags" same 2 notices --configuration-set news
check "an address that only the bounce names" same 1 notices --recipient '*@elsewhere.example'
check "last event of a record that lacks the subject" same 1 notices --subject 'your order' --last-event bounce
check "a second cut off by the notification" same 1 notices --to 2026-11-01T00:00:12.400Z --from 2026-11-01T00:00:10.400Z
check "a pipe is not read twice" exits 0 find_messages --subject 'your *' - <notices/events.json
check "which is said, too" says "cannot be read a second time" err

# --- output -----------------------------------------------------------------------------------------------------------

printf '{"eventType":"Bounce","mail":{"timestamp":"2026-11-01T00:00:00Z","messageId":"m","source":"=cmd@example.com","destination":["a@b.example"],"commonHeaders":{"subject":"\\u001b[31mred\\u202e\\r\\nsecond, \\"line\\""}},"bounce":{"bounceType":"Permanent","timestamp":"2026-11-01T00:00:01Z","bouncedRecipients":[{"emailAddress":"a@b.example","diagnosticCode":"smtp; 550 \\u001b]0;title\\u0007\\nmore \xff"}]}}\n' >hostile.json
find_messages hostile.json >table 2>/dev/null
check "no escape reaches the terminal" python3 -c 'import sys, unicodedata
text = open("table", encoding="utf-8").read()
sys.exit(any(unicodedata.category(c) in ("Cc", "Cf") and c != "\n" for c in text) or "red" not in text or "title" not in text)'
find_messages --format csv hostile.json >shown.csv 2>/dev/null
check "CSV that a reader of CSV reads" python3 -c 'import csv
rows = list(csv.DictReader(open("shown.csv", newline="", encoding="utf-8")))
assert len(rows) == 1 and rows[0]["subject"].endswith("second, \"line\"") and rows[0]["from"][0] == "\x27", rows'
find_messages --format json hostile.json >shown.json 2>/dev/null
check "JSON" python3 -c 'import json
m = json.load(open("shown.json", encoding="utf-8"))["messages"][0]
assert m["subject"] == "\x1b[31mred\u202e\r\nsecond, \"line\"" and m["history"][0]["answer"].endswith("more \ufffd"), m'
for columns in 60 80 200; do
    script -qec "stty cols $columns; NO_COLOR=1 '$SES_COLLECTOR' find --progress never --limit 300 dump" /dev/null 2>/dev/null </dev/null | tr -d '\r' >table
    check "fits $columns columns" python3 -c 'import sys, unicodedata
width = lambda line: sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in line)
lines = [line for line in open("table", encoding="utf-8").read().split("\n") if not line.startswith(("records read", "ses-collector:"))]
too_long = [line for line in lines if width(line) > int(sys.argv[1])]
sys.exit(f"{len(too_long)} of {len(lines)}: {too_long[:3]}" if too_long or len(lines) < 1000 else 0)' "$columns"
done
check "the newest first, and so many" exits 0 find_messages --limit 3 --format json dump
check "three" python3 -c 'import json
found = json.load(open("out")); sent = [m["sent"] for m in found["messages"]]
assert len(sent) == 3 and sent == sorted(sent, reverse=True) and found["found"] > 5000'
check "what is left out is said" says "the newest 3 shown" err

# --- limits and usage -------------------------------------------------------------------------------------------------

simulate --seed 32 --messages 60000 --duration 12h >many.ndjson
check "more than the memory" exits 1 find_messages --max-memory 16M many.ndjson
check "says what to do" says "narrow the search" err
check "a rare event of many messages takes little" exits 0 find_messages --max-memory 16M --last-event complaint many.ndjson
check "no path" exits 2 find_messages --subject x
check "no such event" exits 2 find_messages --last-event gone dump
check "no such provider" exits 2 find_messages --provider postman dump
check "no such option" exits 2 find_messages --recipients x dump
check "an empty period" exits 2 find_messages --from 2026-11-02 --to 2026-11-01 dump
check "nothing there" exits 1 find_messages nowhere
check "a table that is not there" exits 78 find_messages --mx-table nowhere dump
check "--help" exits 0 find_messages --help
echo "no JSON" >broken.json
check "malformed" exits 0 find_messages broken.json
check "malformed, --strict" exits 3 find_messages --strict broken.json
finish
