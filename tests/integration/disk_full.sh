#!/usr/bin/env bash
# `ses-collector run` while a backlog is read, and while the disk of its state is full: it waits, says so, shows what is
# committed, and goes on when there is room.
# shellcheck disable=SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"

simulate --seed 81 --duration 6h --messages 150000 --object-size 8M --out spool
check "replay is the truth" replay --quiet --metrics truth.prom spool

# --- a backlog ------------------------------------------------------------------------------------------------------------
# Files of a month ago, more than can be read between two questions.
configure backlog.yaml spool <<YAML
alerts: {hold_when_behind: 1m}
YAML
serve backlog.yaml
asked=0 unready=0 unhealthy=0 samples=0
for _ in {1..200}; do
    ((++asked))
    [[ $(status_of /-/healthy) == 200 ]] || ((++unhealthy))
    [[ $(status_of /-/ready) == 200 ]] && break
    ((++unready))
    [[ -e body ]] && cp body why
    get /metrics 2>/dev/null | grep '^ses_collector_behind 1' >/dev/null && ((++samples))
    sleep 0.02
done
echo "# asked $asked times, not ready $unready times"
check "backlog: not ready while it is read" test "$unready" -ge 1
check "backlog: and says why" says backlog why
check "backlog: a gauge says so too" test "$samples" -ge 1
check "backlog: healthy all the time" is "$unhealthy" 0
check "backlog: ready when it was read" wait_for 60 ready_is 200
check "backlog: with all that there is" wait_for 30 shows ses_collector_objects_read_total "$(find spool -type f | wc -l)"
get /metrics >backlog.prom
check "backlog: every sample is replay's" same_samples truth.prom backlog.prom "$but_for_alerts"
terminate "$pid"

# --- no room --------------------------------------------------------------------------------------------------------------
mkdir disk
if ! mount -t tmpfs -o size=24M tmpfs "$work/disk" 2>mount.said; then
    echo "ok disk full # SKIP no tmpfs can be mounted here: $(head -n 1 mount.said)"
    finish
fi
mounted=$work/disk
configure full.yaml spool </dev/null
sed -i 's,path: full.db,path: disk/state.db,' full.yaml
# Not from the start: a state that cannot be made is refused. Some of it is read, then the room goes.
mkdir later && mv spool/* later/
serve full.yaml
mkdir -p spool
find later -type f | sort >files
move_in() {
    while read -r file; do
        mkdir -p "spool/$(dirname "${file#later/}")"
        mv "$file" "spool/${file#later/}"
    done
}
head -n 2 files | move_in
check "full: reads while there is room" wait_for 60 shows ses_collector_objects_read_total 2
dd if=/dev/zero of=disk/ballast bs=64k 2>/dev/null
dd if=/dev/zero of=disk/crumbs bs=1k 2>/dev/null
tail -n +3 files | move_in
not_writable() {
    shows ses_collector_state_writable 0
}
check "full: it is noticed" wait_for 60 not_writable
check "full: not ready" ready_is 503
check "full: and says why" says room body
check "full: healthy" is "$(status_of /-/healthy)" 200
get /metrics >stuck.prom
sleep 2
get /metrics >still.prom
check "full: what is shown is what is committed" same_samples stuck.prom still.prom '^ses_collector_(commit|state|queue|config)'
shown=$(awk '/^ses_collector_objects_read_total/ { n += $2 } END { print n }' still.prom)
check "full: the input waits" test "$shown" -lt "$(wc -l <files)"
check "full: one line about it" is "$(grep -c 'cannot be written, the input waits' full.log)" 1

# Killed while it is full: what was committed is there again.
kill -KILL "$pid"
gone "$pid" 2>/dev/null
rm disk/ballast
serve full.yaml
check "full: after kill -9 and some room it goes on" wait_for 60 shows ses_collector_objects_read_total "$(wc -l <files)"
terminate "$pid"

# The same again, without an end: it comes back by itself.
rm -f disk/*
rm -rf spool later
simulate --seed 81 --duration 6h --messages 150000 --object-size 8M --out later
mkdir spool
serve full.yaml
head -n 3 files | move_in
check "again: reads while there is room" wait_for 60 shows ses_collector_objects_read_total 3
dd if=/dev/zero of=disk/ballast bs=64k 2>/dev/null
dd if=/dev/zero of=disk/crumbs bs=1k 2>/dev/null
tail -n +4 files | move_in
check "again: it is noticed" wait_for 60 not_writable
kill -HUP "$pid" # sources cannot be exchanged now; they are as they were when there is room
check "again: a reload is refused" wait_for 60 says "configuration refused" full.log
check "again: still not ready" ready_is 503
rm disk/ballast disk/crumbs
check "again: it goes on by itself" wait_for 60 shows ses_collector_objects_read_total "$(wc -l <files)"
check "again: ready" wait_for 60 ready_is 200
check "again: it says so" says "the state can be written again" full.log
get /metrics >full.prom
check "again: every sample is replay's" same_samples truth.prom full.prom '^(ses_alert_firing|ses_collector_bytes_.*)$'

# SIGTERM while it is full: ends in time, and nothing is lost.
terminate "$pid" # its log becomes small, and leaves no room that could be used again
serve full.yaml
check "term: ready" wait_for 60 ready_is 200
dd if=/dev/zero of=disk/ballast bs=64k 2>/dev/null
dd if=/dev/zero of=disk/crumbs bs=1k 2>/dev/null
simulate --seed 82 --duration 2h --messages 60000 --object-size 8M --out more
mv more spool/more
check "term: it is noticed" wait_for 60 not_writable
terminate "$pid"
check "term: within 5 s" at_most "$took" 5000
echo "# SIGTERM while full: exit $code"
check "term: and says that it did not commit" bash -c "grep msg=ended full.log | tail -n 1 | grep -q committed=no"
rm disk/ballast disk/crumbs
serve full.yaml
check "term: ready after the next start" wait_for 60 ready_is 200
check "replay is the truth of all" replay --quiet --metrics more.prom spool
same_in_the_end() {
    get /metrics >full.prom
    same_samples more.prom full.prom "$but_for_reading"
}
check "term: nothing was lost" wait_for 60 same_in_the_end
terminate "$pid"
finish
