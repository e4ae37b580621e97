#!/usr/bin/env bash
# Each kind of alert fires in an incident made for it, within the time that one would expect, and nowhere else; and in
# the same traffic without the incident it does not. The expectation stands with each case, with its reason.
# shellcheck disable=SC2317 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"

# judge DUMP: DUMP.json
judge() {
    check "$1 is judged" replay --threads 1 --config.file rules.yaml --format json --alerts "$1.json" "$1"
}

# fired FILTER DUMP: lines "SECONDS-SINCE-1970 ..." of what fired, of the alerts that the jq filter selects
fired() {
    jq -r ".data.alerts[] | select(.firedAt != null) | select($1) |
        \"\(.firedAt | sub(\"[.][0-9]+Z\$\"; \"Z\") | fromdate) \(.labels | tojson) \(.value)\"" "$2.json"
}

# fires_within MINUTES FILTER: the first that the filter selects fired at most so long after the incident began, and
# none before it
fires_within() {
    local minutes=$1 first
    first=$(fired "$2" with | sort -n | head -n 1)
    [[ -n $first ]] || {
        echo "nothing fired"
        jq -r '.data.alerts[] | [.labels.alertname, .labels.scope, .labels.provider, .state, .activeAt, .value] | @tsv' with.json
        return 1
    }
    local after=$(((${first%% *} - began) / 60))
    ((after >= 0 && after <= minutes)) || {
        echo "it fired $after minutes after the incident began, not within $minutes: $first"
        return 1
    }
    echo "fired $after minutes after the incident began"
}

# never_fires DUMP FILTER
never_fires() {
    local lines
    lines=$(fired "$2" "$1")
    [[ -z $lines ]] || {
        echo "it fired: $lines"
        return 1
    }
}

# traffic NAME START OPTION...: the traffic of the cases that follow, without an incident
traffic() {
    dump=$1 start=$2
    shift 2
    options=(--start "$start" --late 0 "$@")
    simulate "${options[@]}" --out "$dump"
    judge "$dump"
}

# incident KIND@WHAT:START+LENGTH...: the same traffic with it; `began` is when the first of them does
incident() {
    local spec list=() offset
    for spec in "$@"; do
        list+=(--incident "$spec")
    done
    offset=${1#*:} offset=${offset%+*}
    began=$(date -ud "$start + $(sed -E 's/d/ days /; s/h/ hours /; s/m$/ minutes/' <<<"$offset")" +%s)
    rm -rf with && simulate "${options[@]}" "${list[@]}" --out with
    judge with
}

# kind NAME MINUTES FILTER: in `with` it fires in time, in the traffic without the incident never
kind() {
    check "$1: no alert in quiet" never_fires "$dump" "$3"
    check "$1: fires within $2 minutes" fires_within "$2" "$3"
}

name() {
    echo ".labels.alertname == \"$1\""
}

# --- an hour or two -----------------------------------------------------------------------------------------------

cat >rules.yaml <<'YAML'
quota: {per_day: 60000, per_second: 8}
counting: {last_sends: 3000}
alerts:
  default_rules: true
  rules:
  - {name: FewDelivered, rate: delivery, below: 80%, by: [provider]}
  - {name: LastSends, rate: permanent_bounce, above: 5%, window: last_sends, by: [account]}
  - {name: OfTheSent, rate: bounce, above: 5%, basis: sent, by: [identity]}
  - {name: OfAPair, rate: bounce, above: 10%, by: [provider_configuration_set], min_volume: 50}
  - {name: FastSending, severity: warning, quota_used: 80%, quota: second, for: 5m}
YAML
traffic hours 2026-11-03T08:00Z --duration 5h --rate 1.5 --seed 3 --sets 3

# Of 60 % that bounce at once, the window of an hour has 5 % (and by the Wilson bound surely so) after some 7 minutes,
# and 10 % after 13; for 5 more it must hold.
incident blocklist@gmail:2h+2h
kind "a rate above, of a provider" 25 "$(name HighBounceRate) and .labels.severity == \"critical\" and .labels.provider == \"gmail\""
kind "a rate above, of the account" 40 "$(name HighBounceRate) and .labels.severity == \"warning\" and .labels.scope == \"account\""
kind "a rate above, of a provider and set" 30 "$(name OfAPair) and .labels.provider == \"gmail\""
# A third of all mail: 20 % of it bounce.
kind "a rate by send time, of an identity" 45 "$(name OfTheSent)"

# Nothing is delivered: an hour's window is down to 80 % after 12 minutes; 5 more.
incident outage@gmail:2h+90m
kind "a rate below" 25 "$(name FewDelivered) and .labels.provider == \"gmail\""

# A quarter of the addresses do not exist. The last 3000 sends are those of half an hour; they are looked at when an hour
# ends.
incident badlist@all:2h+2h
kind "the last sends" 75 "$(name LastSends)"

# The first minute of the first hour without anything.
incident silence@all:2h30m+2h
kind "silence" 62 "$(name StreamSilent)"

# Deliveries come no more, mail goes on being sent: after an hour.
incident lost-deliveries@all:2h+2h
kind "silence of deliveries" 65 "$(name DeliveriesSilent)"
check "the stream is not silent" never_fires with "$(name StreamSilent)"

# Ten times the mail is some 20 a second, the quota 8: at once, and 5 minutes for it to hold. Of the day's 60,000 it
# leaves 48,000 after half an hour.
incident surge@all:2h+1h
kind "the quota of a second" 10 "$(name FastSending)"
kind "the quota of a day" 45 "$(name QuotaNearlyUsed) and .labels.severity == \"warning\""

# --- against the weeks before -------------------------------------------------------------------------------------

cat >rules.yaml <<'YAML'
alerts:
  default_rules: true
  rules:
  - {name: FewSent, dropped_to: 30%, window: 3h, min_volume: 500}
  - {name: BouncesTripled, rate: bounce, changed_by: 3, window: 6h, by: [provider], min_volume: 200}
YAML
traffic weeks 2026-10-01 --duration 23d --messages 160000 --uneven 0.2 --sets 2 --multi 0 --seed 4

# A tenth is sent. Of a window of three hours 30 % are left when most of it lies in the drop; the whole hours are
# judged when they end: after the third.
incident drop@all:22d8h+10h
kind "a drop" 185 "$(name FewSent)"
kind "a drop, by the default rule" 370 "$(name VolumeDropped)"

# 3 % more bounce at Gmail: no alarm about bounces, but a reason that was rare. It takes 20 of them, which some 700 mails
# to Gmail have, of some 150 an hour; six hours are the rule's window.
incident spamtrap@gmail:22d6h+17h
kind "a new reason" 360 "$(name NewBounceReason) and .labels.provider == \"gmail\""
check "no alarm about the rate" never_fires with "$(name HighBounceRate)"

# Three times what bounced in the same hours of the weeks before, which is 1 %: soon, when 60 % bounce.
incident blocklist@gmail:22d6h+10h
kind "a change" 120 "$(name BouncesTripled) and .labels.provider == \"gmail\""
kind "a change, by the default rule" 180 "$(name BounceRateChanged)"

finish
