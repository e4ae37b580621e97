#!/usr/bin/env bash
# `ses-collector run` is told to read its configuration again: all of it takes effect, or nothing.
# shellcheck disable=SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"

simulate --seed 91 --duration 3h --messages 12000 --object-size 400K --incident badlist@newsletter:30m+60m --out spool
simulate --seed 92 --duration 3h --messages 8000 --out second
mkdir third

more_sources=
write() { # SECTIONS on standard input
    configure reload.yaml spool <<YAML
$more_sources
web: {enable_reload: true}
$(cat)
YAML
}
write </dev/null
truth=$(find spool -type f | wc -l)
serve reload.yaml
started_port=$port
check "reads" wait_for 60 shows ses_collector_objects_read_total "$truth"
check "a reload counter of 1 at the start" shows ses_collector_config_last_reload_successful 1

firing() { # ALERTNAME: how many of the list fire
    get /api/v1/alerts | python3 -c 'import json, sys; print(sum(a["state"] == "firing" and a["labels"]["alertname"] == sys.argv[1] for a in json.load(sys.stdin)["data"]["alerts"]))' "$1"
}
reload() { # the status; the answer is in `body`
    status_of /-/reload -X POST
}

# --- rules: with mail of now, as nothing else is judged -------------------------------------------------------------------
mail_of() { # MINUTES-FROM-NOW DURATION SEED FOLDER
    simulate --seed "$3" --start "$(date -u -d "$1 minutes" +%Y-%m-%dT%H:%M:00Z)" --duration "$2" --messages 4000 --late 0 --tail 0s --out staging
    mv staging "$4"
}
rule() { # THRESHOLD
    configure rules.yaml mail <<YAML
alerts:
  delay: 1s
  default_rules: false
  rules: [{name: AnyBounce, rate: bounce, by: [account], window: 1h, above: $1, min_volume: 1, for: 0s}]
YAML
}
main=$pid
mkdir mail
rule 90%
serve rules.yaml
mail_of -20 18m 96 mail/first
check "rules: reads" wait_for 60 ready_is 200
check "rules: nothing fires" is "$(firing AnyBounce)" 0
rule 0.1%
kill -HUP "$pid"
check "rules: SIGHUP" wait_for 60 says "configuration taken over" rules.log
mail_of 0 4m 97 mail/second
fires() {
    is "$(firing AnyBounce)" 1
}
check "rules: the new threshold is in effect" wait_for 60 fires
configure rules.yaml mail <<<'alerts: {delay: 1s, default_rules: false}'
kill -HUP "$pid"
fires_no_more() {
    is "$(firing AnyBounce)" 0
}
check "rules: without the rule nothing fires" wait_for 60 fires_no_more
terminate "$pid"
pid=$main port=$started_port

# --- what is refused ------------------------------------------------------------------------------------------------------
cp reload.yaml good.yaml
good_text=$(<good.yaml)
echo 'alerts: {rules: [{name: X' >>reload.yaml
check "broken: refused" test "$(reload)" -ge 400
check "broken: with its place" says "reload.yaml:" body
check "broken: a gauge says so" wait_for 60 shows ses_collector_config_last_reload_successful 0
check "broken: in the log too" says "configuration refused" reload.log
check "broken: the service goes on" is "$(status_of /-/ready)" 200
cp good.yaml reload.yaml
kill -HUP "$pid"
check "mended: the gauge says so" wait_for 60 shows ses_collector_config_last_reload_successful 1
sed -i 's,path: reload.db,path: elsewhere.db,' reload.yaml
check "another state: refused" test "$(reload)" -ge 400
check "another state: by the key's name" says state.path body
check "another state: none was made" test ! -e elsewhere.db
cp good.yaml reload.yaml
rm good.yaml
mv reload.yaml aside.yaml
check "no file at all: refused" test "$(reload)" -ge 400
mv aside.yaml reload.yaml
check "back again" is "$(reload)" 200
without_post() {
    is "$(status_of /-/reload)" 405
}
check "GET /-/reload does nothing" without_post

# One that comes while another is at work is told what became of its own, not of that one.
mistaken=0
for _ in {1..20}; do
    kill -HUP "$pid"
    sleep 0.0$((RANDOM % 10))
    echo 'alerts: {rules: [{name: X' >>reload.yaml
    (($(reload) >= 400)) || ((++mistaken))
    printf '%s\n' "$good_text" >reload.yaml
done
check "two at a time: each gets its own answer" is "$mistaken" 0
check "two at a time: good in the end" is "$(reload)" 200

# --- sources --------------------------------------------------------------------------------------------------------------
check "replay is the truth of the first" replay --quiet --metrics first.prom spool
check "replay is the truth of both" replay --quiet --metrics both.prom spool second
with_sources() {
    more_sources=${1:+"  $1"}
    write </dev/null
}
with_sources '- files: {name: extra, paths: [second], interval: 100ms, settle: 0s}'
check "a source more: taken over" is "$(reload)" 200
all_of() { # TRUTH [AND]
    get /metrics >now.prom
    same_samples "$1" now.prom "^(ses_alert_firing|ses_rate_.*|ses_collector_.*)$"
}
check "a source more: its counts" wait_for 60 all_of both.prom
check "a source more: its own accounting" shows 'ses_collector_objects_read_total{source="extra",result="done"}' "$(find second -type f | wc -l)"
check "a source more: the other's is as it was" shows 'ses_collector_objects_read_total{source="files",result="done"}' "$truth"
with_sources ''
check "a source less: taken over" is "$(reload)" 200
sleep 0.5
check "a source less: its counts stay" all_of both.prom
with_sources '- files: {name: extra, paths: [second, third], interval: 100ms, settle: 0s}'
check "back with a path more: taken over" is "$(reload)" 200
sleep 0.5
check "back: nothing was read again" shows 'ses_collector_objects_read_total{source="extra",result="done"}' "$(find second -type f | wc -l)"

# --- under load -----------------------------------------------------------------------------------------------------------
simulate --seed 94 --start 2026-11-01T03:00:00Z --duration 4h --messages 60000 --object-size 1M --out staging
check "load: replay is the truth" replay --quiet --metrics load.prom spool second staging
cp reload.yaml good.yaml
python3 - <<'PY'
import os, random
random.seed(95)
good = open("good.yaml", "rb").read()
os.mkdir("mutants")
for i in range(300):
    text = bytearray(good)
    if i % 4:
        for _ in range(random.randint(1, 4)):
            at = random.randrange(len(text))
            text[at:at + random.randint(0, 6)] = bytes(random.choices(b"{}[]:,-#\n\t \"'&*!|>%@ax0\x00\xff", k=random.randint(0, 3)))
        # What it reads and keeps must stay what it is; that is tried elsewhere.
        if any(word not in text for word in (b"[spool]", b"reload.db", b"[second, third]", b"name: extra", b"settle: 0s")):
            text = bytearray(b"broken: [")
    open(f"mutants/{i}.yaml", "wb").write(text)
PY
find staging -type f | sort >files
move_in() {
    while read -r file; do
        mkdir -p "spool/$(dirname "${file#staging/}")"
        mv "$file" "spool/${file#staging/}"
        sleep 0.05
    done <files
}
service=$pid
background move_in
mover=$pid
taken=0 refused=0 odd=0
for i in {0..299}; do
    mv "mutants/$i.yaml" reload.yaml
    case $(reload) in
    200) ((++taken)) ;;
    4?? | 500 | 503) ((++refused)) ;;
    *) ((++odd)) ;;
    esac
    ((i % 10)) || kill -HUP "$service"
done
gone "$mover"
echo "# taken over $taken, refused $refused"
check "load: every reload was answered" is "$odd" 0
check "load: both kinds" test "$taken" -ge 50 -a "$refused" -ge 50
cp good.yaml reload.yaml
check "load: a good one is taken over" is "$(reload)" 200
check "load: nothing lost, nothing twice" wait_for 60 all_of load.prom
check "load: the objects, exactly" shows 'ses_collector_objects_read_total{source="files",result="done"}' $((truth + $(wc -l <files)))
check "the port is the same" is "$(status_of /-/healthy)$port" "200$started_port"
pid=$service
terminate "$service"
check "ends with 0" is "$code" 0
check "in time" at_most "$took" 5000
finish
