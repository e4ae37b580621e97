#!/usr/bin/env bash
# What the service learns and judges as it goes, over kill -9 and restarts: whose a company's domain is, who opened, and
# which visit is a message's first. In the end every count is that of a service that nobody disturbed.
#
#     tests/integration/service_learning.sh [ROUNDS [SEED]]       default: 12 rounds, any seed
#
# shellcheck disable=SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"

rounds=${1:-12}
seed=${2:-$RANDOM}
RANDOM=$seed
echo "# seed $seed" # the moments are random all the same

# The simulator's mail of a day, which is many, and the made-up one, which is odd: in objects that are read in one order.
simulate --seed "$seed" --duration 24h --messages 60000 --multi 0.1 --object-size 2M --out spool
python3 "$top/tests/oracle/make_dump.py" --seed "$seed" --messages 6000 --hours 24 >odd.ndjson
split -n l/6 -d --additional-suffix=.ndjson odd.ndjson odd-
for part in 0 1 2 3 4 5; do
    mv "odd-0$part.ndjson" "spool/odd-1-2026-11-01-$(printf %02d $((part * 4)))-59-59-5c1b2a6e-0000-4000-8000-00000000000$part"
done
objects=$(find spool -type f | wc -l)

# What belongs to a process's life, and not to what was counted.
readonly life='ses_alert_firing|ses_collector_(ready|behind|bytes_.*|commit.*|config.*|state.*|queue.*|source_.*|notifications_.*)'

learning='counting: {learn_domains: true}'
configure calm.yaml <<<"$learning"
check "undisturbed: reads to the end" run_all calm.yaml --metrics calm.prom

# sum REGEX FILE: of the samples that match
sum() {
    awk -v re="$1" '$0 ~ re { n += $2 } END { printf "%.0f\n", n }' "$2"
}
sum_is_more() { # REGEX FILE THAN
    local n
    n=$(sum "$1" "$2")
    ((n > $3)) || { echo "$1: $n"; return 1; }
}
# totals FILE: ses_recipients_total without providers
totals() {
    sed -nE 's/^ses_recipients_total\{(.*),?provider="[^"]*",?(.*)\} /\1 \2 /p' "$1" |
        awk '{ v = $NF; $NF = ""; n[$0] += v } END { for (k in n) print k, n[k] }' | LC_ALL=C sort
}
check "replay without learning" replay --quiet --metrics plain.prom spool
check "domains were learned" sum_is_more '^ses_recipients_total[{].*event_type="send".*provider="(google_workspace|microsoft_365|gateway)"' calm.prom 100
check "which nobody knows without" is "$(sum '^ses_recipients_total[{].*provider="google_workspace"' plain.prom)" 0
check "the sum over providers is the total" diff <(totals plain.prom) <(totals calm.prom)
for kind in open click; do
    check "${kind}s: every one has an agent" is "$(sum "^ses_${kind}s_total[{]" calm.prom)" "$(sum "^ses_recipients_total[{].*event_type=\"$kind\"" calm.prom)"
    check "${kind}s: machines among them" sum_is_more "^ses_${kind}s_total[{]agent=\"machine\"" calm.prom 100
    check "${kind}s: fewer first ones" sum_is_more "^ses_unique_${kind}s_total[{]" calm.prom 100
    check "${kind}s: first ones are no more than all" at_most "$(sum "^ses_unique_${kind}s_total[{]" calm.prom)" "$(sum "^ses_${kind}s_total[{]" calm.prom)"
done

# --- killed, stopped, killed ----------------------------------------------------------------------------------------------
configure rough.yaml <<<"$learning"
sed -i 's/commit_interval: 200ms/commit_interval: 50ms/' rough.yaml
fixed_port=$(free_port)
background python3 "$top/tests/integration/scrape.py" "http://127.0.0.1:$fixed_port/metrics" 4 \
    --process ses_collector_commit_seconds --process ses_collector_notifications_total \
    --process ses_collector_notifications_failed_total --process ses_collector_notifications_dropped_total >scraped
scraper=$pid
kills=0 ends=0
for ((i = 0; i < rounds; i++)); do
    serve rough.yaml
    sleep "0.$(printf %03d $((RANDOM % 400)))"
    if ((i % 4 == 3)); then
        terminate "$pid"
        ((code == 0)) && ((++ends))
    else
        kill -KILL "$pid"
        gone "$pid" 2>/dev/null
        ((code == 137)) && ((++kills))
    fi
done 2>/dev/null
check "rough: killed and ended $rounds times, and by nothing else" is $((kills + ends)) "$rounds"
serve rough.yaml
check "rough: all is read in the end" wait_for 120 shows ses_collector_objects_read_total "$objects"
sleep 0.5
terminate "$pid"
kill -TERM "$scraper"
gone "$scraper"
sed 's/^/# /' scraped
check "rough: no counter went down" is "$code" 0
# To the end, where the last minutes close.
check "rough: to the end" run_all rough.yaml --metrics rough.prom
check "rough: every sample is that of the undisturbed one, agents and first visits as well" \
    same_to_the_last calm.prom rough.prom "^($life)\$"

# --- the same once more ---------------------------------------------------------------------------------------------------
cp odd.ndjson spool/again-1-2026-11-02-23-59-59-5c1b2a6e-0000-4000-8000-000000000009
check "again: what is known changes nothing" run_all rough.yaml --metrics again.prom
check "again: every sample" same_to_the_last rough.prom again.prom "^($life)\$|$but_for_reading"

# --- who opened, without a late one ---------------------------------------------------------------------------------------
# When nothing comes later than a minute after its time, the service judges as replay does, to the last visit.
mkdir ordered
simulate --seed "$seed" --duration 6h --messages 15000 --late 0 --out - >ordered/mail.ndjson
configure ordered.yaml ordered </dev/null
check "in order: run" run_all ordered.yaml --metrics ordered.prom
check "in order: replay is the truth" replay --quiet --metrics truth.prom ordered
check "in order: every sample is replay's, agents and first visits as well" same_to_the_last truth.prom ordered.prom "^($life)\$"
finish
