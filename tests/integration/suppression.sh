#!/usr/bin/env bash
# The suppression list of `ses-collector run`: exactly those that bounced for good or complained, each once, also over
# kill -9; as a file, to a webhook and on SES's own list (the double, which checks every signature). No address in any log.
# shellcheck disable=SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"
# shellcheck source=aws.bash
. "$top/tests/integration/aws.bash"
aws_env

dump() { # SEED NAME
    simulate --seed "$1" --duration 2h --messages 6000 --out staging --incident blocklist@gmail:30m+1h && mv staging "$2"
}
truth() { # FOLDER...
    find "$@" -name '*.gz' -print0 | xargs -0 python3 "$top/tests/integration/suppression_truth.py" >truth
    [[ -s truth ]] && (($(wc -l <truth) > 100))
}
listed() { # FILE: as the truth has it
    python3 - "$1" <<'PY'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1], newline="")))
print(*sorted(f'{r["address"].lower()} {r["reason"]}' for r in rows), sep="\n")
PY
}
same_as_truth() { # FILE
    listed "$1" >list.shown && diff truth list.shown
}
on_list() { # what SES has: the reason told last stands
    double_state '.ses.suppressed | keys | length'
}
ses_has_all() {
    cut -d' ' -f1 truth | sort -u >addresses.wanted
    double_state '.ses.suppressed | keys[] | ascii_downcase' | sort -u >addresses.told
    diff addresses.wanted addresses.told
}
told_to_webhook() {
    jq -r '.suppressed[] | (.address | ascii_downcase) + " " + .reason' <hook.bodies 2>/dev/null | sort -u >hooked
    diff truth hooked
}
# A receiver that keeps bodies, one a line. A file of its own: what is started must be the process that is ended.
cat >webhook.py <<'PY'
import http.server, os, sys
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(sys.argv[2], "ab") as f:
            f.write(body.replace(b"\n", b" ") + b"\n")
        self.send_response(204)
        self.end_headers()
    def log_message(self, *a):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
with open(sys.argv[1] + ".new", "w") as f:
    f.write(str(server.server_port))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
PY

mkdir spool
double_start double
background python3 -u webhook.py hook.port hook.bodies
wait_for 60 test -e hook.port
configure list.yaml <<YAML
log: {level: debug}
aws: {region: eu-west-1}
suppression:
  file: list.csv
  file_interval: 1s
  webhook: {url: "http://127.0.0.1:$(<hook.port)/list"}
  ses: {enabled: true, aws: {endpoint: "$DOUBLE_URL"}}
YAML

# Without being asked for, no address is kept anywhere.
configure plain.yaml </dev/null
dump 1 first
truth first
cp -r first spool/first
run_all plain.yaml
not_in() {
    local address
    address=$(head -n 1 truth | cut -d' ' -f1)
    ! grep -aiF -- "$address" "$1" "$1-wal" 2>/dev/null
}
check "nobody asked: the state holds no address" not_in plain.db

double_faults '[{"match": {"service": "ses"}, "times": 3, "action": {"status": 503, "code": "ServiceUnavailable"}}]'
serve list.yaml
check "the file is exactly the truth" wait_for 60 same_as_truth list.csv
check "the file is for nobody else" is "$(stat -c %a list.csv)" 600
kill -KILL "$pid"
gone "$pid" 2>/dev/null
serve list.yaml
check "after kill -9 the webhook was told all" wait_for 60 told_to_webhook
check "and SES has them all" wait_for 60 ses_has_all
check "nothing waits" wait_for 60 shows ses_collector_suppression_waiting 0
before=$(double_log '.service == "ses"')

dump 2 second
truth first second
cp -r second spool/second
check "what is new comes too" wait_for 60 same_as_truth list.csv
check "to the webhook" wait_for 60 told_to_webhook
check "to SES" wait_for 60 ses_has_all
check "as many as on the list" shows ses_collector_suppression_addresses "$(wc -l <truth)"
terminate "$pid"
check "the end is orderly" is "$code" 0
serve list.yaml
sleep 1
after=$(double_log '.service == "ses"')
check "a restart tells nothing again" wait_for 60 shows ses_collector_suppression_waiting 0
check "and asks SES nothing" is "$(double_log '.service == "ses"')" "$after"
at_least() {
    (($1 >= $2))
}
check "SES was told what was new" at_least $((after - before)) 50
check "there was something to tell" at_least "$(wc -l <truth)" 100
check "every request was signed right" is "$(double_log '.verified == "no"')" 0
no_address_said() {
    local address
    while read -r address _; do
        ! grep -iF -- "$address" list.log plain.log || return 1
    done < <(shuf -n 50 --random-source=list.csv truth)
}
check "no address in any log" no_address_said
terminate "$pid"
finish
