#!/usr/bin/env bash
# The brake of `ses-collector run`: says what it would do, does it when it is armed, once, also over kill -9; no oftener than
# it may; and lets sending go on only when it is told to. SES is the double, which checks every signature.
# shellcheck disable=SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"
# shellcheck source=aws.bash
. "$top/tests/integration/aws.bash"
aws_env

in_minutes() {
    date -u -d "$1 minutes" +%Y-%m-%dT%H:%M:00Z
}
bad() { # FOLDER SET: mail of that set that bounces, up to a minute ago
    simulate --seed 101 --start "$(in_minutes -20)" --duration 19m --messages 8000 --sets 4 --late 0 --tail 1m \
        --out staging --incident "badlist@$2:3m+16m" && mv staging "$1/bad"
}
good() { # FOLDER: mail that does not; up to in 4 minutes, which is within what clocks may be apart
    simulate --seed 102 --start "$(in_minutes -1)" --duration 5m --messages 12000 --sets 4 --late 0 --tail 0s --out staging &&
        mv staging "$1/good"
}

# with_brake NAME BY RULE-BRAKE BRAKE...: a service with one rule, and the lines of the section `brake`
with_brake() {
    mkdir -p "$1"
    configure "$1.yaml" "$1" <<YAML
log: {level: debug}
aws: {region: eu-west-1, endpoint: "http://127.0.0.1:9"} # a store of buckets, and nobody that the brake asks
alerts:
  delay: 1s
  default_rules: false
  rules:
    - {name: Bounces, rate: bounce, by: [$2], window: 5m, above: 15%, clear_below: 10%, min_volume: 50, for: 1m,
       keep_firing_for: 0s, brake: {pause: true, min_volume: 100$3}}
$([[ ${4:-} ]] && printf 'brake:\n' && printf '  %s\n' "${@:4}")
YAML
}

# A new double for each part; its log tells what was asked of it.
double() { # NAME [CONFIG]
    double_start "double.$1" ${2:+--config "$2"}
    export AWS_ENDPOINT_URL_SESV2=$DOUBLE_URL
}
puts() {
    double_log '.service == "ses" and .method == "PUT"'
}
puts_are() {
    is "$(puts)" "$1"
}
sets_are() { # what SES has, as "NAME=ENABLED ..."
    is "$(double_state '.ses.sets | to_entries | sort_by(.key) | map("\(.key)=\(.value)") | join(" ")')" "$1"
}
account_is() {
    is "$(double_state .ses.account)" "$1"
}
decided() { # DECISION COUNT
    shows "ses_collector_brake_decisions_total{decision=\"$1\"}" "$2"
}
some_decided() { # DECISION
    (($(metric "ses_collector_brake_decisions_total{decision=\"$1\"}") >= 1))
}
paused() { # SET COUNT
    shows "ses_collector_brake_paused{configuration_set=\"$1\"}" "$2"
}
none_paused() {
    ! get /metrics | grep '^ses_collector_brake_paused{' >/dev/null
}
one_is_paused() {
    is "$(double_state '[.ses.sets[] | select(. == false)] | length')" 1
}
restart() { # NAME: killed, and up again
    kill -KILL "$pid"
    gone "$pid" 2>/dev/null
    serve "$1.yaml"
}
page_says() {
    get / | grep -F -- "$1" >/dev/null
}

# --- a dry run, which is what a rule alone gives --------------------------------------------------------------------------
double dry
with_brake dry configuration_set ''
check "dry: check says so" says "only says what it would do" <("$SES_COLLECTOR" check --config.file=dry.yaml 2>&1)
serve dry.yaml
bad dry newsletter
check "dry: it would pause" wait_for 60 decided would_pause 1
check "dry: the log says what" says 'decision=would_pause alert=Bounces' dry.log
good dry
check "dry: the incident ends" wait_for 60 says 'alert resolved' dry.log
sleep 1
check "dry: nothing was asked of SES" is "$(double_log true)" 0
check "dry: nothing is paused" none_paused
terminate "$pid"
check "dry: ends with 0" is "$code" 0
double_stop

# --- armed, killed, over --------------------------------------------------------------------------------------------------
double armed
with_brake armed configuration_set '' 'dry_run: false'
check "armed: check says so" says "is armed" <("$SES_COLLECTOR" check --config.file=armed.yaml 2>&1)
serve armed.yaml
bad armed newsletter
check "armed: it pauses" wait_for 60 sets_are newsletter=false
check "armed: and says so" wait_for 60 paused newsletter 1
check "armed: the page too" page_says "Sending is paused by the brake"
check "armed: the decision" decided pause 1
check "armed: the call" shows 'ses_collector_brake_actions_total{action="pause",result="done"}' 1
sleep 1
for _ in 1 2; do
    restart armed
    sleep 1
done
check "armed: killed: it is known" wait_for 60 paused newsletter 1
check "armed: killed: asked for once" puts_are 1
good armed
check "armed: over: it stays paused" wait_for 60 decided stays_paused 1
sleep 1
check "armed: over: SES was asked nothing more" puts_are 1
check "armed: over: and has it paused" sets_are newsletter=false
check "armed: over: as is shown" paused newsletter 1
check "armed: the account may send" account_is true
terminate "$pid"
check "armed: ends with 0" is "$code" 0
double_stop

# --- decided and committed, but SES does not take it; then killed ---------------------------------------------------------
double late
double_faults '[{"match": {"service": "ses"}, "action": {"status": 500, "code": "InternalFailure"}}]'
with_brake late configuration_set ', resume: true' 'dry_run: false'
serve late.yaml
bad late newsletter
check "late: it decides" wait_for 60 decided pause 1
check "late: it cannot" wait_for 60 shows ses_collector_brake_trouble 1
check "late: the page says why" page_says "The brake cannot do its work"
check "late: nothing is shown as paused" none_paused
check "late: the service is ready" ready_is 200
sleep 0.7
kill -KILL "$pid"
gone "$pid" 2>/dev/null
double_faults '[]'
check "late: not done so far" sets_are ""
serve late.yaml
check "late: done after the kill" wait_for 60 sets_are newsletter=false
check "late: and known" wait_for 60 paused newsletter 1
check "late: no trouble" wait_for 60 shows ses_collector_brake_trouble 0
good late
check "late: over: it goes on" wait_for 60 sets_are newsletter=true
check "late: over: as is shown" wait_for 60 none_paused
check "late: over: by a call" shows 'ses_collector_brake_actions_total{action="resume",result="done"}' 1
restart late
sleep 1.5
check "late: killed: it still goes on" sets_are newsletter=true
terminate "$pid"
double_stop

# --- not allowed; then allowed, and so many a day -------------------------------------------------------------------------
double many '{"denied": ["ses:PutConfigurationSetSendingOptions"]}'
with_brake many configuration_set '' 'dry_run: false' 'max_per_day: 1'
serve many.yaml
bad many all
check "many: the others are too many" wait_for 60 some_decided too_many
check "many: one is decided" decided pause 1
check "many: SES denies it" wait_for 60 says AccessDenied many.log
check "many: what it takes is named" says ses:PutConfigurationSetSendingOptions many.log
check "many: the service is ready" ready_is 200
double_config '{"denied": []}'
check "many: allowed, it is done" wait_for 60 one_is_paused
terminate "$pid"
double_stop

# --- the account, with the dry run taken away while the incident fires ----------------------------------------------------
double account
with_brake account account '' 'dry_run: true'
serve account.yaml
bad account all
check "account: it would" wait_for 60 decided would_pause 1
with_brake account account '' 'dry_run: false'
kill -HUP "$pid"
check "account: the reload is taken" wait_for 60 says "the brake is armed" account.log
bad_again() {
    simulate --seed 103 --start "$(in_minutes -1)" --duration 3m --messages 2000 --sets 4 --late 0 --tail 0s --out staging \
        --incident badlist@all:0m+3m && mv staging account/again
}
bad_again
check "account: paused with the next minute" wait_for 60 account_is false
check "account: no set is" sets_are ""
check "account: as is shown" wait_for 60 paused "" 1
terminate "$pid"
double_stop

# --- what must not be in a log --------------------------------------------------------------------------------------------
check "no secret in any log" bash -c '! grep -hE "wJalrXUtnFEMI|AKIDEXAMPLE|Signature=" ./*.log'
finish
