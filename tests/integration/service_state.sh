#!/usr/bin/env bash
# The state file of `ses-collector run`: who may have it, and what is refused and stays as it is.
# shellcheck disable=SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"

simulate --seed 71 --duration 1h --messages 3000 --out spool
check "replay is the truth" replay --quiet --metrics truth.prom spool

# --- two instances --------------------------------------------------------------------------------------------------------
configure one.yaml spool </dev/null
serve one.yaml
check "two: the first reads" wait_for 60 shows ses_collector_objects_read_total "$(find spool -type f | wc -l)"
sleep 0.5
get /metrics >before.prom
begins() {
    "$SES_COLLECTOR" run --config.file=one.yaml --web.listen-address=127.0.0.1:0 >second.log 2>&1
    echo $?
}
check "two: the second ends with 75" is "$(begins)" 75
check "two: with one line" is "$(wc -l <second.log)" 1
check "two: that names the file" says one.db second.log
check "two: and the process that has it" says "$pid" second.log
get /metrics >after.prom
check "two: the first is as it was" same_to_the_last before.prom after.prom '^ses_collector_(commit|state|config|queue)'
check "two: and right" same_samples truth.prom after.prom "$but_for_alerts"
check "two: and healthy" is "$(status_of /-/healthy)" 200
# Another one at the same port, with a state of its own.
configure other.yaml spool </dev/null
"$SES_COLLECTOR" run --config.file=other.yaml --web.listen-address="127.0.0.1:$port" >port.log 2>&1
check "two: a port in use ends with 1" is "$?" 1
check "two: and is named" says "$port" port.log
terminate "$pid"
check "two: the first ends with 0" is "$code" 0

# --- what is refused ------------------------------------------------------------------------------------------------------
# refused NAME CODE WORD: with the state NAME.db, which is there
refused() {
    local name=$1 before after
    before=$(fingerprint "$name.db")
    configure "$name.yaml" spool </dev/null
    timeout 20 "$SES_COLLECTOR" run --config.file="$name.yaml" --web.listen-address=127.0.0.1:0 >"$name.log" 2>&1
    code=$?
    after=$(fingerprint "$name.db")
    check "$name: ends with $2" is "$code" "$2"
    check "$name: says why in one line" is "$(wc -l <"$name.log")" 1
    check "$name: names the file" says "$name.db" "$name.log"
    check "$name: and what is wrong" grep -qiE "$3" "$name.log"
    check "$name: the file is as it was" is "$after" "$before"
    check "$name: and nothing beside it" is "$(find . -maxdepth 1 -name "$name.db?*" ! -name "*.lock")" ""
}
fingerprint() {
    sha256sum "$1"
}
sql() {
    python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.executescript(sys.argv[2]); c.close()' "$@"
}
sql foreign.db 'CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)'
refused foreign 78 'no state'
cp one.db newer.db
sql newer.db 'PRAGMA user_version = 99'
refused newer 78 newer
head -c 20000 one.db >cut.db
refused cut 78 damaged
head -c 50 one.db >stump.db
refused stump 78 'damaged|no state'
head -c 100000 /dev/urandom >noise.db
refused noise 78 'damaged|no state'
mkdir folder.db
configure folder.yaml spool </dev/null
"$SES_COLLECTOR" run --config.file=folder.yaml --web.listen-address=127.0.0.1:0 >folder.log 2>&1
check "a folder in its place: ends with 1" is "$?" 1
check "a folder in its place: one line names it" bash -c "grep -q folder.db folder.log && ((\$(wc -l <folder.log) == 1))"

# What cannot be written: root may write everywhere, so as somebody else where there is a way to be.
mkdir locked && cp one.db locked/state.db
sed 's,path: one.db,path: locked/state.db,' one.yaml >locked.yaml
chmod -R a+rX "$work" . && chmod 755 "$work" && chmod 555 locked && chmod 444 locked/state.db
if ((EUID)) || setpriv --reuid=65534 --regid=65534 --clear-groups test -r locked.yaml -a -x "$SES_COLLECTOR" 2>/dev/null; then
    as_other=()
    ((EUID)) || as_other=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    before=$(sha256sum locked/state.db)
    "${as_other[@]}" "$SES_COLLECTOR" run --config.file=locked.yaml --web.listen-address=127.0.0.1:0 >locked.log 2>&1
    check "read-only: ends with 1" is "$?" 1
    check "read-only: says why in one line" is "$(wc -l <locked.log)" 1
    check "read-only: names the file" says locked locked.log
    check "read-only: the file is as it was" is "$(sha256sum locked/state.db)" "$before"
else
    echo "ok read-only # SKIP cannot be somebody else here"
fi
sed 's,path: one.db,path: nowhere/state.db,' one.yaml >nowhere.yaml
"$SES_COLLECTOR" run --config.file=nowhere.yaml --web.listen-address=127.0.0.1:0 >nowhere.log 2>&1
check "a folder that is not there: ends with 1" is "$?" 1
check "and is named" says nowhere nowhere.log
finish
