#!/usr/bin/env bash
# Quiet mail raises no alert: many seeds of little traffic (20 to 500 mails an hour, of a business's day and week, every
# hour up to 30 % more or less than that), days of it each and of every tenth seed three weeks, judged by the default
# rules.
#
#   tests/integration/quiet.sh [SEEDS] [FIRST]    (200 seeds from 1 on; in a run of the whole suite QUIET_SEEDS, or 24)
# shellcheck disable=SC2317 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"

if (($#)) || [[ -t 1 ]]; then
    seeds=${1:-200}
else
    seeds=${QUIET_SEEDS:-24}
fi
first=${2:-1}

# one SEED: a line "SEED MAILS-AN-HOUR DAYS ALERT..." ; without an alert nothing follows the days
one() {
    local seed=$1 an_hour days
    an_hour=$((20 + seed * 7919 % 481))
    days=$((2 + seed % 4))
    ((seed % 10 == 0)) && days=21
    "$SES_COLLECTOR" simulate --quiet --seed "$seed" --duration "${days}d" --messages $((an_hour * 24 * days)) \
        --uneven 0.3 --start 2026-10-01 |
        "$SES_COLLECTOR" replay --threads 1 --format json --alerts "alerts.$seed" - >/dev/null 2>"err.$seed" || {
        echo "$seed $an_hour $days failed: $(tail -n 1 "err.$seed")"
        return
    }
    echo "$seed $an_hour $days $(jq -r '[.data.alerts[] | select(.firedAt != null) |
        "\(.labels.alertname)/\(.labels.severity)/\(.labels.scope)/\(.labels.provider)\(.labels.configuration_set)=\(.value) (\(.numerator)/\(.denominator)) at \(.firedAt)"] | join("; ")' "alerts.$seed")"
    rm -f "alerts.$seed" "err.$seed"
}
export -f one
export SES_COLLECTOR

seq "$first" $((first + seeds - 1)) | xargs -P "$(nproc)" -I SEED bash -c 'one SEED' >lines
no_alert() {
    (($(wc -l <lines) == seeds)) && ! grep -E '^[0-9]+ [0-9]+ [0-9]+ .+' lines
}
check "$seeds seeds of quiet traffic ($(awk '{ h += $3 * 24 } END { print h }' lines) hours, $(awk '{ m += $2 * $3 * 24 } END { print m }' lines) mails) raise no alert" no_alert
finish
