#!/usr/bin/env bash
# `ses-collector rules`: promtool takes what it prints, and on the same data Prometheus's alerts fire where ours do, and
# nowhere else. What Prometheus sees is made by replaying up to each of its scrapes, or taken from --openmetrics.
# shellcheck disable=SC2317,SC2016 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"

rules() {
    "$SES_COLLECTOR" rules "$@"
}

# --- the command --------------------------------------------------------------------------------------------------

check "rules --help" exits 0 rules --help
check "an unknown option" exits 2 rules --colour
check "a file without its option" exits 2 rules some.yaml
check "it says how" says "--config.file=some.yaml" err
check "a file that is not there" exits 78 rules --config.file=nowhere.yaml
check "a full disk" exits 1 bash -c '"$0" rules >/dev/full' "$SES_COLLECTOR"
printf 'alerts: {default_rules: false}\n' >none.yaml
check "no rules at all" exits 0 rules --config.file=none.yaml
check "say so" says "rules: []" out

if ! command -v promtool >/dev/null; then
    echo "ok promtool # SKIP not installed"
    finish
fi

cat >kinds.yaml <<'YAML'
quota: {per_day: 5000, per_second: 14}
counting: {last_sends: 700}
alerts:
  rules:
  - {name: Last, rate: open, below: 5%, window: last_sends, confidence: off, clear_above: 7%, by: identity}
  - {name: Change, rate: bounce, changed_by: 2.25, basis: sent, window: 24h, by: [provider_configuration_set]}
  - {name: Change, severity: critical, rate: bounce, changed_by: 2.25, window: 6h}
  - {name: Change, severity: page, rate: bounce, changed_by: 5, window: 6h, above: 1%}
  - {name: Delay, rate: delay, above: 0.3%, clear_below: 0.1%, window: 6h}
  - {name: Complaints, rate: complaint, above: 0.3%, window: 12h, by: [account, identity]}
  - {name: Drop, dropped_to: 1%, window: 1h}
  - {name: Drop, severity: page, dropped_to: 1%, window: 3h, by: [account, configuration_set]}
  - {name: NoDelivery, silence: 2h, event: delivery}
  - {name: NoSend, silence: 2h, event: send}
  - {name: Nothing, silence: 2h}
  - {name: Reason, new_reason: 0.5%, grown_by: 1.1, clear_below: 0.2%}
  - {name: Reason, severity: page, new_reason: 5%, confidence: off}
  - {name: Quota, quota_used: 1, quota: second, for: 2m}
  - {name: Sent, rate: bounce, above: 1%, basis: sent, window: 6h}
  - {name: "{{ \"nasty' # \\ : {{ \u2028 \u0085 \u00fc }}", rate: unsubscribe, above: 1%, window: 10m,
     labels: {team: "{{ $x"}, brake: {pause: true},
     annotations: {summary: "a {{ template }} \" \\ \n b", runbook_url: "https://x/{{", description: "{{ $value }}"}}
YAML
for rate in delivery bounce permanent_bounce transient_bounce reputation_bounce complaint delay reject \
    rendering_failure unsubscribe open proxy_open machine_open click machine_click; do
    printf '  - {name: R_%s, rate: %s, above: 3%%, window: 2h}\n  - {name: S_%s, rate: %s, below: 3%%, basis: sent}\n' \
        $rate $rate $rate $rate
done >>kinds.yaml

promtool_takes() {
    if ! promtool check rules "$1" >promtool.out 2>&1 || grep -qiE 'duplicate|FAILED' promtool.out; then
        cat promtool.out
        return 1
    fi
}

rules >default.rules.yml
check "promtool takes the default rules" promtool_takes default.rules.yml
check "all kinds of rules" exits 0 rules --config.file=kinds.yaml
cp out kinds.rules.yml
check "promtool takes them" promtool_takes kinds.rules.yml
check "what no counter tells is left out, and why" says '"Delay" ("warning") is left out: no counter' kinds.rules.yml
check "or in part" says '"Complaints" ("warning") in part: no counter has identities' kinds.rules.yml
check "the end of an alert differs, and it says how" says "it would end only over 7 %" kinds.rules.yml
check "the brake is missed" says "Prometheus pauses nothing" kinds.rules.yml
check "words of the operator are no template" says '{{ `{{` }} $value }}' kinds.rules.yml
printf 'counting: {verified_domains: [a.example]}\nalerts: {rules: [{name: X, rate: reputation_bounce, above: 5%%, window: 2h}]}\n' >verified.yaml
check "verified domains" exits 0 rules --config.file=verified.yaml
check "are in no counter" says "no counter leaves out counting.verified_domains" out

# --- the same alerts ----------------------------------------------------------------------------------------------

day=2026-11-03
midnight=$(date -ud "$day" +%s)
step=300

# scrapes DUMP FROM TO: a page for each time of a scrape, as the service had it then. FROM and TO in seconds of the day.
scrapes() {
    local dump=$1 from=$2 to=$3
    rm -rf pages && mkdir pages
    seq -f %05g "$from" "$step" "$to" | MIDNIGHT=$midnight xargs -P "$(nproc)" -I AT bash -c \
        '"$0" replay --threads 1 --config.file fire.yaml --to "@$((MIDNIGHT + 10#AT))" --metrics pages/AT "$1" >/dev/null 2>&1' \
        "$SES_COLLECTOR" "$dump"
}

# same_alerts DUMP FROM TO: what fires at TO
same_alerts() {
    local dump=$1 from=$2 to=$3
    scrapes "$dump" "$from" "$to" && rules --config.file=fire.yaml >fire.rules.yml &&
        replay --config.file fire.yaml --alerts alerts.json "$dump" >/dev/null 2>&1 &&
        python3 "$top/tests/integration/rules_series.py" --rules fire.rules.yml --alerts alerts.json \
            --start $((midnight + from)) --step "$step" --at $((midnight + to)) pages/* >test.yml &&
        promtool test rules test.yml
}

# fires NAME: the test just made expects it
fires() {
    grep -qF "alertname=\\\"$1\\\"" test.yml || {
        grep -A 100 exp_samples test.yml
        return 1
    }
}

none_fire() {
    grep -qF 'exp_samples: []' test.yml || {
        grep -A 100 exp_samples test.yml
        return 1
    }
}

cat >fire.yaml <<'YAML'
quota: {per_day: 30000, per_second: 8}
counting: {last_sends: 3000}
alerts:
  default_rules: false
  rules:
  - {name: Bounces, rate: bounce, above: 5%}
  - {name: ManyBounces, severity: critical, rate: bounce, above: 10%, min_volume: 500, by: [account, provider]}
  - {name: TwoHours, rate: permanent_bounce, above: 4%, window: 2h, by: [account, provider]}
  - {name: Last, rate: bounce, above: 5%, window: last_sends, by: account}
  - {name: SentBounces, rate: bounce, above: 5%, basis: sent, by: [provider]}
  - {name: FewDelivered, rate: delivery, below: 90%, by: [provider]}
  - {name: Silent, silence: 1h}
  - {name: NoDeliveries, silence: 1h, event: delivery, min_volume: 100}
  - {name: Quota, quota_used: 80%}
  - {name: Fast, quota_used: 80%, quota: second, for: 10m}
YAML
args=(--start "$day" --duration 3h --rate 1.5 --late 0 --seed 5 --sets 3)
simulate "${args[@]}" --out quiet
simulate "${args[@]}" --incident blocklist@gmail:45m+2h --out blocked
simulate "${args[@]}" --incident lost-deliveries@all:1h30m+90m --incident surge@all:2h15m+30m --out lost
check "quiet: nothing fires" same_alerts quiet 900 9900
check "indeed nothing" none_fire
check "a block by Gmail: the same alerts fire" same_alerts blocked 900 9900
for name in Bounces ManyBounces TwoHours SentBounces FewDelivered Last; do
    check "$name among them" fires $name
done
check "deliveries that are lost, and a surge: the same alerts fire" same_alerts lost 900 9900
for name in NoDeliveries Quota Fast; do
    check "$name among them" fires $name
done

# --- against the weeks before -------------------------------------------------------------------------------------

# same_as_ever DUMP TO: from the counters through all that time, by the hour
same_as_ever() {
    local dump=$1 at
    at=$(date -ud "$2" +%s)
    rules --config.file=weeks.yaml >weeks.rules.yml &&
        replay --config.file weeks.yaml --alerts alerts.json --openmetrics om --step 1h "$dump" >/dev/null 2>&1 &&
        python3 "$top/tests/integration/rules_series.py" --rules weeks.rules.yml --alerts alerts.json \
            --start "$(date -ud 2026-10-01 +%s)" --step 3600 --at "$at" --openmetrics om >test.yml &&
        promtool test rules test.yml
}

cat >weeks.yaml <<'YAML'
alerts:
  default_rules: false
  rules:
  - {name: FewSent, dropped_to: 30%, window: 3h, min_volume: 300}
  - {name: MoreBounces, rate: bounce, changed_by: 3, window: 6h, by: [account, provider], min_volume: 100}
  - {name: NewReason, new_reason: 1%, window: 6h}
YAML
args=(--start 2026-10-01 --duration 23d --messages 60000 --uneven 0.2 --sets 2 --late 0 --multi 0)
simulate "${args[@]}" --out weeks
simulate "${args[@]}" --incident drop@all:22d6h+12h --out dropped
simulate "${args[@]}" --incident blocklist@gmail:22d+16h --out blocked4
check "weeks of quiet: nothing fires" same_as_ever weeks 2026-10-23T16:00:00Z
check "indeed nothing" none_fire
check "sends drop: the same alert fires" same_as_ever dropped 2026-10-23T16:00:00Z
check "FewSent it is" fires FewSent
check "a provider has a new reason: the same alerts fire" same_as_ever blocked4 2026-10-23T14:00:00Z
check "NewReason among them" fires NewReason
check "MoreBounces among them" fires MoreBounces

finish
