#!/usr/bin/env bash
# Pushes: Firehose's HTTP endpoint and SNS, as they really send, and as others would. Everything is counted once, across
# kill -9 at any moment; 200 is never seen before the commit; what is forged, foreign, huge or slow is refused.
#
#     tests/integration/push.sh [KILLS]       default: 12
#
# shellcheck disable=SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"

kills=${1:-12}
RANDOM=${SEED:-$(date +%s)}
echo "# SEED=$RANDOM"
sender() {
    python3 "$top/tests/integration/sns_sender.py" "$@"
}

readonly key=an-access-key-of-32-letters-long
readonly topic=arn:aws:sns:eu-west-1:123456789012:ses-events
fixed_port=$(free_port)
push_port=$(free_port)
readonly firehose=http://127.0.0.1:$push_port/firehose sns=http://127.0.0.1:$push_port/sns

for name in sns foreign; do
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=sns.amazonaws.com -keyout $name.key -out $name.pem 2>openssl.log
done
background python3 "$top/tests/integration/sns_sender.py" endpoint endpoint.port sns.pem >endpoint.said
wait_for 30 test -e endpoint.port >/dev/null || echo "not ok the stand-in for SNS starts"
endpoint=http://127.0.0.1:$(<endpoint.port)
readonly certificate=$endpoint/SimpleNotificationService-123456789abcdef0123456789abcdef0.pem

# configure_push NAME [INTERVAL]: NAME.yaml, with what stands on standard input below the source
configure_push() {
    { cat <<YAML && cat; } >"$1.yaml"
state: {path: $1.db, commit_interval: ${2:-200ms}}
sources:
  - push:
      name: files # as replay calls what it reads
      listen_address: "127.0.0.1:$push_port"
      firehose: {access_key: $key}
      sns: {topics: ["$topic"]}
      aws: {endpoint: "$endpoint"}
YAML
}

listens() { # NAME TIMES
    is "$(grep -c 'listening for pushes' "$1.log")" "$2"
}

# start_push NAME: starts the service and waits until pushes are taken. Not within check.
start_push() {
    local before
    before=$(grep -cs 'listening for pushes' "$1.log")
    serve "$1.yaml" --metrics "$1.prom"
    wait_for 30 listens "$1" $((before + 1)) >/dev/null || echo "not ok $1 listens"
}

# stop_push NAME: ends it; its last metrics are in NAME.prom
stop_push() {
    terminate "$pid" # with its last commit it writes them
}

simulate --seed 71 --duration 3h --messages 20000 --out - >data.ndjson
simulate --seed 72 --duration 1h --messages 3000 --malformed 0.01 --out - >damaged.ndjson
simulate --seed 73 --duration 1h --messages 300 --out - >few.ndjson
for name in data damaged few; do
    check "replay is the truth of $name" replay --quiet --metrics $name.truth $name.ndjson
done

# --- all of it, with damaged records -----------------------------------------------------------------------------------------

configure_push plain </dev/null
start_push plain
check "Firehose's batches are taken" sender firehose "$firehose" $key damaged.ndjson --batch 250
stop_push plain
check "each record is counted as in a file" same_samples damaged.truth plain.prom "$but_for_alerts|bytes_|objects_"
check "a stop ends in time" at_most $took 3000
check "and well" is $code 0

# --- killed in the middle ------------------------------------------------------------------------------------------------------

configure_push kill 50ms </dev/null
start_push kill
service=$pid killed=0
background python3 "$top/tests/integration/sns_sender.py" firehose "$firehose" $key data.ndjson --batch 100 >sent 2>&1
sending=$pid
for ((i = 0; i < kills; i++)); do
    sleep 0.$((RANDOM % 9))$((RANDOM % 9 + 1))
    kill -0 $sending 2>/dev/null || break
    kill -KILL "$service"
    gone "$service"
    killed=$((killed + 1))
    start_push kill
    service=$pid
done
gone $sending
check "everything was sent" is $code 0
check "after kill -9 $killed times in the middle" test $killed -gt 3
pid=$service
stop_push kill
check "everything is counted once" same_samples data.truth kill.prom "$but_for_reading"

# --- 200 means committed -------------------------------------------------------------------------------------------------------

head -n 500 data.ndjson >some.ndjson
check "replay is the truth of some" replay --quiet --metrics some.truth some.ndjson
configure_push committed 3s </dev/null
start_push committed
for ((i = 0; i < 5; i++)); do
    tail -n +$((i * 100 + 1)) some.ndjson | head -n 100 >part.ndjson
    sender firehose "$firehose" $key part.ndjson --batch 100 --first-only >sent && answered=yes || answered=no
    kill -KILL "$pid" # at once
    gone "$pid"
    [[ $answered == yes ]] || break
    start_push committed
done
check "batch after batch was answered 200" is "$answered" yes
stop_push committed
check "what was answered 200 is there after kill -9" same_samples some.truth committed.prom "$but_for_reading"

# --- SNS ------------------------------------------------------------------------------------------------------------------------

certificates_fetched() {
    grep -c '^GET certificate' endpoint.said
}

configure_push notified 20ms </dev/null
start_push notified
check "signed notifications are taken" sender sns "$sns" sns.key $topic "$certificate" few.ndjson
get /metrics >notified.prom
check "the certificate was fetched once" is "$(certificates_fetched)" 1
status=$(sender subscribe "$sns" sns.key $topic "$certificate" "$endpoint/follow-me")
check "a subscription is answered 200" is "$status" 200
check "and is said" says 'a subscription waits: ses-collector sns confirm FILE' notified.log
request=$(find sns -name '*.json')
check "it is kept for nobody else" is "$(stat -c %a "$request")" 600
service=$pid
background python3 "$top/tests/integration/sns_sender.py" slow "$firehose" $key >slow.said
slow=$pid
sender attacks "$firehose" $key "$sns" sns.key foreign.key $topic "$certificate" >attacks.said
cat attacks.said
failures=$((failures + $(grep -c '^not ok' attacks.said)))
check "all attacks were tried" test "$(wc -l <attacks.said)" -gt 30
check "more notifications are taken after that" sender sns "$sns" sns.key $topic "$certificate" few.ndjson
shows_refusals() {
    for result in unauthorized malformed too_large accepted; do
        (($(metric "ses_collector_push_requests_total{source=\"files\",endpoint=\"firehose\",result=\"$result\"}") > 0)) || return
    done
    for result in forbidden malformed busy accepted; do
        (($(metric "ses_collector_push_requests_total{source=\"files\",endpoint=\"sns\",result=\"$result\"}") > 0)) || return
    done
}
check "what was refused is counted" wait_for 60 shows_refusals
gone $slow
check "a slow body is not put up with for long" at_most "$(<slow.said)" 45
pid=$service
stop_push notified
check "notifications are counted as in a file" same_samples few.truth notified.prom "$but_for_reading|records_malformed|records_filtered"
no_link_followed() {
    ! grep -F follow-me endpoint.said
}
check "no link was followed" no_link_followed
no_secrets_said() {
    ! grep -F -e "$key" -e 2336412f37fb687f5d51e6e2425e90ca ./*.log
}
check "no key and no token stands in the log" no_secrets_said

# --- sns list, sns confirm ------------------------------------------------------------------------------------------------------

confirm() {
    "$SES_COLLECTOR" sns confirm "$@"
}
exits() { # CODE COMMAND...
    local wanted=$1
    shift
    "$@" </dev/null
    is $? "$wanted"
}
"$SES_COLLECTOR" sns list --config.file=notified.yaml >listed
check "sns list shows the topic and the file" says "$topic $work/$request" listed
check "nothing is confirmed unasked" exits 2 confirm "$request" --config.file=notified.yaml
sed "s/$topic/$topic-other/" notified.yaml >other.yaml
check "a topic that is not allowed is not confirmed" exits 1 confirm "$request" --config.file=other.yaml --yes
sed 's/You have chosen/You have not chosen/' "$request" >changed.json
check "a request that was changed is not confirmed" exits 1 confirm changed.json --config.file=notified.yaml --yes
check "a request of another key is not confirmed" exits 1 confirm "$request" --certificate foreign.pem --endpoint-url "$endpoint" --yes
check "SNS was not told yet" is "$(grep -c '^POST' endpoint.said)" 0
confirm "$request" --config.file=notified.yaml --yes >arn 2>confirm.said
check "the subscription is confirmed" says "$topic:6b0e71bd" arn
check "SNS was told once, with the token" is "$(grep '^POST' endpoint.said)" "POST ConfirmSubscription $topic right unsigned"
check "the request is done with" test -e "$request.done" -a ! -e "$request"
check "sns list has nothing more" is "$("$SES_COLLECTOR" sns list --config.file=notified.yaml)" ""
for usage in "sns" "sns frob" "sns list" "sns confirm" "sns confirm x --frob" "sns confirm x --config.file=a --endpoint-url=b"; do
    # shellcheck disable=SC2086 # words
    check "wrong usage: $usage" exits 2 "$SES_COLLECTOR" $usage
done
check "a configuration that is not there" exits 78 "$SES_COLLECTOR" sns list --config.file=nowhere.yaml

# --- TLS, and a configuration that is read again ----------------------------------------------------------------------------------

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
    -keyout web.key -out web.pem 2>openssl.log
configure_push secure </dev/null
sed -i 's|^      firehose:|      cert_file: web.pem\n      key_file: web.key\n&|' secure.yaml
start_push secure
check "Firehose is served over TLS" sender firehose "https://127.0.0.1:$push_port/firehose" $key few.ndjson --ca web.pem
configure_push secure </dev/null # without
kill -HUP "$pid"
check "a reload is taken over" wait_for 60 listens secure 2
check "and plain HTTP is spoken from then on" sender firehose "$firehose" $key few.ndjson
stop_push secure
check "everything is counted once over both" same_samples few.truth secure.prom "$but_for_reading"
finish
