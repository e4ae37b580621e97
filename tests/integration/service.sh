#!/usr/bin/env bash
# `ses-collector run`: over a folder to its end, as a service on a folder that grows, and what it says meanwhile.
# shellcheck disable=SC2317,SC2154,SC2119,SC2120 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"

# --- what is in the way of leaks: none of these may be in a log -----------------------------------------------------------
readonly canary=kanarienvogel
canaries() { # TIME NAME: a bounce whose every private text is a canary; then what is broken in several ways, with canaries
    cat <<JSON
{"eventType":"Bounce","bounce":{"bounceType":"Permanent","bounceSubType":"General","bouncedRecipients":[{"emailAddress":"$canary-$2@gmail.com","action":"failed","status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 <$canary-$2@gmail.com> $canary unknown"}],"timestamp":"$1","feedbackId":"$canary-feedback-$2","reportingMTA":"dns; $canary.example"},"mail":{"timestamp":"$1","source":"$canary@sender.example","sendingAccountId":"123456789012","messageId":"$canary-id-$2","destination":["$canary-$2@gmail.com"],"headersTruncated":false,"headers":[{"name":"Subject","value":"$canary subject"}],"commonHeaders":{"from":["$canary@sender.example"],"to":["$canary-$2@gmail.com"],"messageId":"$canary-id-$2","subject":"$canary subject"},"tags":{"ses:configuration-set":["news"],"ses:source-ip":["192.0.2.1"]}}}
{"eventType":"Bounce","mail":{"messageId":"$canary-id","destination":["$canary@gmail.com"]},"$canary":
$canary@gmail.com is no JSON
{"notificationType":"$canary","mail":{"messageId":"$canary","timestamp":"$canary"}}
{"Type":"Notification","Message":"{\"eventType\":\"$canary\"","Subject":"$canary"}
JSON
}

no_canary() {
    ! grep -aniE "$canary|topsecret" "$@"
}

logs_parse() { # FORMAT FILE
    python3 - "$@" <<'PY'
import json, re, sys
pair = r'[a-z_]+=(?:"(?:[^"\\]|\\.)*"|[^ "=]+)'
lines = open(sys.argv[2]).read().splitlines()
assert lines, "an empty log"
for line in lines:
    if sys.argv[1] == "json":
        at = json.loads(line)
        assert at["level"] in ("debug", "info", "warn", "error") and at["msg"] and at["time"].endswith("Z"), line
    else:
        assert re.fullmatch(f"time=[-0-9T:.]+Z level=(debug|info|warn|error) msg=.*", line), line
        assert re.fullmatch(f"{pair}(?: {pair})*", line), line
PY
}

# --- a batch run ----------------------------------------------------------------------------------------------------------
simulate --seed 41 --duration 2h --messages 6000 --malformed 0.01 --object-size 1M --incident blocklist@gmail:30m+30m --out batch
canaries 2026-11-01T00:00:00Z one >batch/canaries.ndjson
check "batch: replay is the truth" replay --quiet --metrics batch.prom batch
configure one.yaml batch <<YAML
log: {level: debug}
quarantine: {directory: kept}
alerts:
  webhooks: [{url: "http://127.0.0.1:9/$canary?key=topsecret", hmac_secret: topsecret, basic_auth: {username: a, password: topsecret}}]
YAML
check "batch: run reads to the end" run_all one.yaml --metrics one.prom
check "batch: every sample is replay's, but for the alerts, which are judged before late records came" same_samples batch.prom one.prom "$but_for_alerts"
check "batch: once more" run_all one.yaml --metrics again.prom
check "batch: nothing was read again" same_samples batch.prom again.prom "$but_for_alerts"
check "batch: the quarantine has the malformed, once" is "$(wc -l <kept/malformed.ndjson)" \
    "$(awk '/^ses_collector_records_malformed_total/ { n += $2 } END { print n }' batch.prom)"
check "batch: logfmt parses" logs_parse logfmt one.log
check "batch: JSON parses" run_all one.yaml --log.format=json --metrics again.prom
tail -n 2 one.log >json.log
check "batch: JSON lines" logs_parse json json.log
check "batch: logs tell no names and no secrets" no_canary one.log
check "batch: a folder that is not there fails" bash -c "! '$SES_COLLECTOR' run --exit-at-eof --web.listen-address=127.0.0.1:0 \
    --config.file=<(printf 'sources: [{files: {paths: [$work/nowhere]}}]') 2>nowhere.log"
check "batch: and is named" says nowhere nowhere.log

# --- a folder that grows --------------------------------------------------------------------------------------------------
simulate --seed 42 --duration 3h --messages 9000 --malformed 0.005 --object-size 400K --out staging
mkdir spool spool/sub
canaries 2026-11-01T02:00:00Z two >staging/canaries.ndjson
first=$(find staging -name '*-1-*' | sort | sed -n 3p)
head -c 2000 "$(find staging -name '*-1-*' | sort | sed -n 9p)" >staging/damaged.gz
: >staging/empty.gz
check "growing: replay is the truth" replay --quiet --metrics growing.prom staging
objects=$(find staging -type f | wc -l)
configure two.yaml spool <<YAML
log: {level: debug, format: json}
YAML
mkfifo spool/pipe
ln -s /etc/passwd spool/link
ln -s nowhere spool/sub/dangling
ln -s . spool/sub/loop
echo half >spool/.hidden
serve two.yaml
check "growing: healthy at once" is "$(status_of /-/healthy)" 200
check "growing: ready with nothing to read" wait_for 60 ready_is 200

moved=0
while read -r file; do
    mkdir -p "spool/$(dirname "${file#staging/}")"
    mv "$file" "spool/${file#staging/}"
    ((++moved % 20)) || sleep 0.2
done < <(find staging -type f | sort)
read_in_all() { # OBJECTS
    shows ses_collector_objects_read_total "$1"
}
check "growing: every object" wait_for 60 read_in_all "$objects"
sleep 0.5
get /metrics >live.prom
check "growing: once; every sample is replay's" same_samples growing.prom live.prom "$but_for_alerts"

# Rewritten with the same text, with more at the end, with less: what is counted stays what it was.
rewritten=spool/${first#staging/}
cp "$rewritten" spool/.copy && mv spool/.copy "$rewritten"
check "growing: a rewritten file is read again" wait_for 60 read_in_all $((objects + 1))
{ cat spool/canaries.ndjson && head -c 300 spool/canaries.ndjson && echo; } >spool/.copy
mv spool/.copy spool/canaries.ndjson
check "growing: one that grew" wait_for 60 read_in_all $((objects + 2))
rm "$(find spool -name '*-1-*' | sort | sed -n 5p)"
sleep 0.5
get /metrics >live.prom
check "growing: counted once all the same" same_samples growing.prom live.prom \
    '^(ses_alert_firing|ses_collector_(records_(read|malformed)|events_duplicate|bytes_(read|decoded)|objects_read)_total)$'
terminate "$pid"
check "growing: SIGTERM ends it" is "$code" 0
check "growing: JSON lines" logs_parse json two.log
check "growing: logs tell no names" no_canary two.log
check "growing: nor how /etc/passwd looks" bash -c '! grep -a root: two.log'
serve two.yaml
check "growing: ready again" wait_for 60 ready_is 200
sleep 0.5
check "growing: nothing was read again" read_in_all $((objects + 2))
get /metrics >after.prom
check "growing: the same after a restart" same_to_the_last live.prom after.prom '^(ses_alert_firing|ses_collector_(ready|behind|state_.*|commit.*|config.*|queue.*))$'
terminate "$pid"
finish
