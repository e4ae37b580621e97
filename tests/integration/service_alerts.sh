#!/usr/bin/env bash
# Alerts of `ses-collector run`: told once when they begin and once when they end, also over kill -9; and not at all when they
# are of long ago.
# shellcheck disable=SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"

in_minutes() {
    date -u -d "$1 minutes" +%Y-%m-%dT%H:%M:00Z
}
bad() { # FOLDER: mail that bounces, up to a minute ago
    simulate --seed 101 --start "$(in_minutes -20)" --duration 19m --messages 6000 --late 0 --tail 1m --out "$1" --incident badlist@all:3m+16m
}
good() { # FOLDER: mail that does not; up to in 4 minutes, which is within what clocks may be apart
    simulate --seed 102 --start "$(in_minutes -1)" --duration 5m --messages 12000 --late 0 --tail 0s --out "$1"
}
with_hook() { # NAME PORT FOLDER
    configure "$1.yaml" "$3" <<YAML
alerts:
  file: $1.json
  delay: 1s
  default_rules: false
  rules:
    - {name: Bounces, rate: bounce, by: [account], window: 5m, above: 15%, clear_below: 10%, min_volume: 50, for: 1m, keep_firing_for: 0s}
  webhooks: [{name: hook, url: "http://127.0.0.1:$2/", timeout: 2s}]
YAML
}
# told STATUS FILE: how often a webhook was told so of the account's bounces
told() {
    python3 - "$@" <<'PY'
import json, sys
bodies = [json.loads(line) for line in open(sys.argv[2])]
print(sum(a["status"] == sys.argv[1] and a["labels"]["alertname"] == "Bounces" for b in bodies for a in b["alerts"]))
PY
}
told_is() { # STATUS FILE WANTED
    is "$(told "$1" "$2")" "$3"
}
identities() { # FILE: what tells incidents apart, each once
    python3 - "$@" <<'PY'
import json, sys
bodies = [json.loads(line) for line in open(sys.argv[1])]
seen = {(a["fingerprint"], a["startsAt"]) for b in bodies for a in b["alerts"]}
print(len(seen), *{b["groupKey"] for b in bodies} if len(seen) == 1 else ())
PY
}
listed() { # STATE FILE: how often the list has it
    python3 - "$@" <<'PY'
import json, sys
def rows(x):
    if isinstance(x, dict):
        if "state" in x and "labels" in x:
            yield x
        for y in x.values():
            yield from rows(y)
    elif isinstance(x, list):
        for y in x:
            yield from rows(y)
print(sum(r["state"] == sys.argv[1] for r in rows(json.load(open(sys.argv[2])))))
PY
}
listed_is() {
    is "$(listed "$1" "$2")" "$3"
}
same_list() { # as the API's
    get /api/v1/alerts >api.json
    is "$(listed firing api.json) $(listed resolved api.json)" "$(listed firing "$1") $(listed resolved "$1")"
}

# In the state file, as a killed service would leave it: nobody has still to be told. Copied while it is written to, so it may
# be unreadable once in a while.
noted() { # NAME
    cp "$1.db" look.db && cp "$1.db-wal" look.db-wal && rm -f look.db-shm &&
        python3 -c 'import sqlite3
left = sqlite3.connect("look.db").execute("SELECT count(*) FROM outbox").fetchone()[0]
raise SystemExit(left and f"{left} wait")'
}

# --- begins, is killed, ends ----------------------------------------------------------------------------------------------
touch got
peer_with_port receive got
hook=$peer_port
mkdir live
with_hook live "$hook" live
serve live.yaml
bad staging
mv staging live/bad
check "it fires" wait_for 60 told_is firing got 1
check "the file has it" wait_for 60 listed_is firing live.json 1
check "as the API has" wait_for 30 same_list live.json
check "that it was told is noted" wait_for 60 noted live
for _ in 1 2 3; do
    kill -KILL "$pid"
    gone "$pid" 2>/dev/null
    serve live.yaml
    sleep 1
done
check "killed three times: still firing" wait_for 60 listed_is firing live.json 1
check "and told once" told_is firing got 1
good staging
mv staging live/good
check "it ends" wait_for 60 told_is resolved got 1
check "the file has that" wait_for 30 listed_is resolved live.json 1
check "that is noted too" wait_for 60 noted live
kill -KILL "$pid"
gone "$pid" 2>/dev/null
serve live.yaml
sleep 1.5
check "told once each in the end" is "$(told firing got) $(told resolved got)" "1 1"
check "of one incident" is "$(identities got | cut -d' ' -f1)" 1
check "nothing waits" wait_for 30 shows ses_collector_notifications_waiting 0
terminate "$pid"

# --- nobody answers, it is killed, somebody answers -----------------------------------------------------------------------
peer_with_port hang
mkdir deaf
with_hook deaf "$peer_port" deaf
serve deaf.yaml
bad staging
mv staging deaf/bad
waits() {
    (($(metric ses_collector_notifications_waiting) >= 1))
}
check "deaf: it waits to be told" wait_for 60 waits
sleep 0.7
kill -KILL "$pid"
gone "$pid" 2>/dev/null
touch got.later
peer_with_port receive got.later
with_hook deaf "$peer_port" deaf
serve deaf.yaml
check "deaf: told after the kill" wait_for 60 told_is firing got.later 1
sleep 1.5
check "deaf: once" told_is firing got.later 1
check "deaf: nothing waits" wait_for 60 shows ses_collector_notifications_waiting 0
terminate "$pid"

# --- long ago -------------------------------------------------------------------------------------------------------------
touch got.old
peer_with_port receive got.old
with_hook old "$peer_port" old
simulate --seed 103 --start 2026-01-01 --duration 3h --messages 20000 --incident badlist@all:30m+60m --out old
serve old.yaml
resolved() {
    (($(listed resolved old.json) >= 1))
}
check "old: the list has it" wait_for 60 resolved
sleep 1.5
check "old: nobody was told" is "$(wc -l <got.old)" 0
check "old: nothing waits" shows ses_collector_notifications_waiting 0
check "old: nothing fires now" listed_is firing old.json 0
terminate "$pid"
check "old: ends with 0" is "$code" 0
finish
