#!/usr/bin/env bash
# How `ses-collector run` ends, whoever else hangs, and what it tells systemd.
# shellcheck disable=SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"

minutes_ago() {
    date -u -d "$1 minutes ago" +%Y-%m-%dT%H:%M:00Z
}

# Bounces that fire an alert now, so that whoever hangs has something to hang over.
simulate --seed 61 --start "$(minutes_ago 60)" --duration 58m --messages 20000 --late 0 --tail 2m --out live \
    --incident badlist@all:5m+53m
simulate --seed 62 --duration 2h --messages 5000 --out batch
check "replay is the truth" replay --quiet --metrics truth.prom batch

# --- everybody hangs ------------------------------------------------------------------------------------------------------
peer_with_port hang
hang_port=$peer_port
configure hang.yaml live <<YAML
alerts:
  delay: 1s
  webhooks: [{url: "http://127.0.0.1:$hang_port/hook", timeout: 60s}]
  alertmanagers: [{urls: ["http://127.0.0.1:$hang_port"], timeout: 60s}]
YAML
serve hang.yaml
both_are_connected() {
    (($(grep -c connected peer.hang.log) >= 2))
}
check "hanging: the targets are called" wait_for 60 both_are_connected
service=$pid
for _ in 1 2 3; do
    peer slow "$port"
done
sleep 0.5
terminate "$service"
check "hanging: ends with 0" is "$code" 0
check "hanging: within 5 s" at_most "$took" 5000
check "hanging: committed" says "committed=yes" hang.log

# --- in the middle of a backlog -------------------------------------------------------------------------------------------
simulate --seed 63 --duration 4h --messages 150000 --out - >large.json
mkdir backlog
mv large.json backlog/
configure backlog.yaml backlog </dev/null
for ((round = 0; round < 4; round++)); do
    serve backlog.yaml
    sleep 0.$((1 + round))
    terminate "$pid"
    check "backlog: SIGTERM in the middle, ends with 0" is "$code" 0
    check "backlog: within 5 s" at_most "$took" 5000
done
check "backlog: replay is the truth" replay --quiet --metrics backlog.prom backlog
check "backlog: the rest" run_all backlog.yaml --metrics rest.prom
check "backlog: every sample is replay's" same_samples backlog.prom rest.prom '^(ses_alert_firing|ses_collector_bytes_.*)$'

# SIGINT as well; and a signal while it starts.
configure end.yaml batch </dev/null
serve end.yaml
kill -INT "$pid"
gone "$pid"
check "SIGINT ends it with 0" is "$code" 0

# --- systemd --------------------------------------------------------------------------------------------------------------
peer notify notify.sock told
touch told
wait_for 60 test -S notify.sock
export NOTIFY_SOCKET=$work/notify.sock WATCHDOG_USEC=1500000
serve end.yaml
unset NOTIFY_SOCKET WATCHDOG_USEC
check "systemd: READY=1" wait_for 60 grep -q ' READY=1$' told
pinged() {
    (($(grep -c ' WATCHDOG=1$' told) >= 6))
}
# The usual pause between two of them; a machine that is busy may stretch some.
usual_pause() {
    awk '/ WATCHDOG=1$/ { if (last) printf "%d\n", 1000 * ($1 - last); last = $1 }' told | sort -n | sed -n 3p
}
check "systemd: WATCHDOG=1 again and again" wait_for 60 pinged
check "systemd: and more often than asked for" at_most "$(usual_pause)" 1000
kill -HUP "$pid"
check "systemd: RELOADING=1 with its time" wait_for 30 grep -qE ' RELOADING=1\|MONOTONIC_USEC=[0-9]+$' told
ready_twice() {
    (($(grep -c ' READY=1$' told) == 2))
}
check "systemd: READY=1 again" wait_for 60 ready_twice
echo 'nonsense: [' >>end.yaml
kill -HUP "$pid"
ready_thrice() {
    (($(grep -c ' READY=1$' told) == 3))
}
check "systemd: READY=1 also after a refused reload" wait_for 60 ready_thrice
terminate "$pid"
check "systemd: STOPPING=1 in the end" bash -c "tail -n 1 told | grep -q ' STOPPING=1$'"
python3 - >order <<'PY'
words = [line.split(" ", 1)[1].split("=")[0] for line in open("told").read().splitlines()]
print(*[w for w in words if w != "WATCHDOG"])
PY
check "systemd: all in its order" is "$(<order)" "READY RELOADING READY RELOADING READY STOPPING"

# --- the unit -------------------------------------------------------------------------------------------------------------
unit=$top/packaging/ses-collector.service
if command -v systemd-analyze >/dev/null; then
    check "unit: exposed to 1.5 at most" systemd-analyze security --offline=true --threshold=15 "$unit"
    sed "s,^ExecStart=[^ ]*,ExecStart=$SES_COLLECTOR," "$unit" >ses-collector.service
    verified() {
        local said
        said=$(systemd-analyze verify --man=no ./ses-collector.service 2>&1 | grep -F ses-collector.service)
        [[ -z $said ]] || { echo "$said"; return 1; }
    }
    check "unit: systemd has nothing to say" verified
else
    echo "ok unit # SKIP no systemd-analyze"
fi
finish
