#!/usr/bin/env bash
# Nothing but what is configured is ever contacted. In a network namespace of its own every address there is is local, every
# name resolves, and whoever is spoken to is written down (egress_trap.py): the parsers, the push endpoint, the queue and the
# bucket are fed with URLs, and nobody may be spoken to but the configured endpoint. That the traps catch is shown too.
# shellcheck disable=SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"

if [[ ${1:-} != --inside ]]; then
    cd "$top" || exit 1
    for way in '-n' '-Urn'; do
        # shellcheck disable=SC2086 # one option
        if unshare $way -- sh -c 'ip link set lo up && ip route add local 0.0.0.0/0 dev lo' 2>/dev/null; then
            rm -rf "$work"
            exec unshare $way -- "$top/tests/integration/egress.sh" --inside
        fi
    done
    echo "ok skipped: this system allows no network namespace"
    exit 0
fi
# shellcheck source=aws.bash
. "$top/tests/integration/aws.bash"

ip link set lo up && ip route add local 0.0.0.0/0 dev lo || exit 1
ip -6 route add local ::/0 dev lo 2>/dev/null # where there is IPv6
background python3 "$top/tests/integration/egress_trap.py" trap.out trap.ready
wait_for 30 test -e trap.ready || exit 1
aws_env
unset AWS_EC2_METADATA_DISABLED

# --- who was spoken to ------------------------------------------------------------------------------------------------
marks=0
# Everything up to here is written down; from here on it counts anew. Sets `since` and `until`, lines of trap.out.
mark() {
    marks=$((marks + 1))
    printf 'mark-%d' $marks >/dev/udp/127.0.0.1/9
    wait_for 30 grep -q "mark mark-$marks\$" trap.out || exit 1
    since=${until:-0}
    until=$(wc -l <trap.out)
}
contacts() {
    sed -n "$((since + 1)),${until}p" trap.out | grep -E '^(tcp|udp|other|dns|http|tls) ' | sort | uniq -c
}
# only ADDRESS:PORT...: nobody else since the mark before the last one
only() {
    local allowed='^$' place
    for place in "$@"; do allowed+="|^ *[0-9]+ (tcp ${place%:*} ${place##*:}\$|http ${place%:*} )"; done
    ! contacts | grep -vE "$allowed"
}
spoken_to() { # PATTERN
    contacts | grep -E "$1" >/dev/null || { echo "nobody noticed: $1"; contacts; return 1; }
}

# --- the traps catch --------------------------------------------------------------------------------------------------
mark
curl -s -m 5 http://169.254.169.254/latest/meta-data/ http://evil.example/x 'http://[fd00:ec2::254]/x' >/dev/null
curl -s -m 5 https://sns.eu-west-1.amazonaws.com/x.pem >/dev/null
(exec 3<>/dev/tcp/203.0.113.9/4711) 2>/dev/null
printf x >/dev/udp/203.0.113.9/53
mark
for what in 'tcp 169.254.169.254 80' 'dns evil.example' 'http 198.51.100.7 GET /x' 'dns sns.eu-west-1' 'tcp 198.51.100.7 443' \
    'tcp 203.0.113.9 4711' 'udp 203.0.113.9 53'; do
    check "the trap catches: $what" spoken_to "$what"
done

# --- what is read -----------------------------------------------------------------------------------------------------
urls=(http://169.254.169.254/latest/meta-data/iam/security-credentials/ 'http://[fd00:ec2::254]/latest/'
    http://169.254.170.2/creds http://evil.example/ https://evil.example/x.pem //evil.example/x file:///etc/passwd
    gopher://evil.example:70/x ftp://evil.example/ http://127.0.0.1:4711/ "http://localhost:4711/" s3://evil-bucket/key)
simulate --seed 81 --duration 1h --messages 300 | head -n 400 | python3 "$top/tests/aws/hostile.py" "${urls[@]}" >hostile.ndjson
(($(wc -l <hostile.ndjson) > 300)) || exit 1
mkdir -p spool/2026/11/01/00 && cp hostile.ndjson spool/2026/11/01/00/ && gzip -k spool/2026/11/01/00/hostile.ndjson

mark
check "replay of files" replay --quiet --metrics replay.prom --quarantine q spool
replay - <hostile.ndjson >/dev/null 2>&1
mark
check "replay of files speaks to nobody, keys of AWS in the environment or not" only

configure files.yaml <<'YAML'
YAML
check "run on a folder" run_all files.yaml --metrics files.prom
serve files.yaml
check "run: serves" get /metrics
terminate "$pid"
mark
check "run on a folder speaks to nobody" only 127.0.0.1:"$port"

# --- a bucket ---------------------------------------------------------------------------------------------------------
double_start double
mkdir -p double/mail/ses && cp -r spool/2026 double/mail/ses/
mkdir -p double/evil-bucket && cp hostile.ndjson double/evil-bucket/key
endpoint=127.0.0.1:$DOUBLE_PORT
mark
check "replay of a bucket" env AWS_ENDPOINT_URL="$DOUBLE_URL" "$SES_COLLECTOR" replay --quiet s3://mail/ses/
mark
check "replay of a bucket speaks to its endpoint alone" only "$endpoint"
double_faults '[{"action": {"redirect": 307, "location": "http://169.254.169.254/latest/meta-data/"}}]'
AWS_ENDPOINT_URL=$DOUBLE_URL replay --quiet s3://mail/ses/ >/dev/null 2>&1
double_faults '[{"action": {"redirect": 301, "region": "evil.example/#", "location": "http://evil.example/"}}]'
AWS_ENDPOINT_URL=$DOUBLE_URL replay --quiet s3://mail/ses/ >/dev/null 2>&1
double_faults '[{"match": {"op": "GetObject"}, "action": {"redirect": 307, "location": "http://169.254.170.2/"}}]'
AWS_ENDPOINT_URL=$DOUBLE_URL replay --quiet s3://mail/ses/ >/dev/null 2>&1
double_faults '[]'
mark
check "no redirect is followed" only "$endpoint"
without_keys() { # ENVIRONMENT... COMMAND...
    env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY "$@" >no-keys 2>&1
}
mark
without_keys AWS_ENDPOINT_URL="$DOUBLE_URL" "$SES_COLLECTOR" replay --quiet s3://mail/ses/
mark
check "without keys the machine is asked: S3 needs some" spoken_to 'http 169.254.169.254 PUT /latest/api/token'
check "without keys: and nobody but the machine" only 169.254.169.254:80 "$endpoint"
mark
without_keys AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/creds AWS_ENDPOINT_URL="$DOUBLE_URL" \
    "$SES_COLLECTOR" replay --quiet s3://mail/ses/
mark
check "in a container, the container's endpoint is asked" spoken_to 'http 169.254.170.2 GET /creds'
mark
without_keys "$SES_COLLECTOR" replay --quiet spool
mark
check "but who reads files asks no machine" only
timeout 20 "$SES_COLLECTOR" replay --quiet s3://mail/ses/ >aws 2>&1
mark
check "without an endpoint AWS is asked" spoken_to 'dns mail.s3.eu-west-1.amazonaws.com'
others() {
    ! contacts | grep -vE 'dns mail.s3.eu-west-1.amazonaws.com$|udp [0-9.]+ 53$|tcp 198.51.100.7 443$|tls 198.51.100.7$'
}
check "without an endpoint AWS is asked, and nobody else" others
cat >check.yaml <<YAML
state: {path: check.db}
aws: {endpoint: http://evil.example}
sources:
  - s3: {bucket: mail}
YAML
mark
check "a configuration is checked" "$SES_COLLECTOR" check --config.file=check.yaml
mark
check "a configuration is checked without speaking to anybody" only

# --- a queue ----------------------------------------------------------------------------------------------------------
jq -c -R -s '{queue: "work", bodies: [split("\n")[] | select(. != "")] | .[:150]}' hostile.ndjson >bodies.json
double_tell send @bodies.json
for object in evil-bucket/key mail/ses/2026/11/01/00/hostile.ndjson; do
    jq -nc --arg b "${object%%/*}" --arg k "${object#*/}" '{queue: "work", bodies:
        [({Records: [{eventVersion: "2.1", eventSource: "aws:s3", awsRegion: "evil.example/", eventName: "ObjectCreated:Put",
          s3: {bucket: {name: $b, arn: "arn:aws:s3:::\($b)"}, object: {key: $k, size: 1000}}}]} | tojson),
         ({version: "0", "detail-type": "Object Created", source: "aws.s3", region: "evil.example/",
          detail: {bucket: {name: $b}, object: {key: $k, size: 1000}}} | tojson)]}' >notified.json
    double_tell send @notified.json
done
cat >queue.yaml <<YAML
state: {path: queue.db, commit_interval: 200ms}
aws: {endpoint: $DOUBLE_URL}
sources:
  - sqs:
      queue: https://sqs.eu-west-1.amazonaws.com/123456789012/work
      buckets: [mail]
      wait: 1s
YAML
double_mark
mark
serve queue.yaml
# What names the bucket of somebody else is left to whoever may read it: every fifth of 150, and two.
worked_through() {
    double_state .queues.work && is "$(double_state .queues.work.deleted)" $((150 - 30 + 2))
}
check "a queue of hostile messages is worked through" wait_for 60 worked_through
ours_is_read() {
    (($(double_log '.service == "s3" and (.path | startswith("/mail/"))') > 0))
}
check "the object of the bucket that is ours is read" wait_for 60 ours_is_read
terminate "$pid"
mark
check "the queue speaks to its endpoint alone" only "$endpoint"
check "the bucket of somebody else is not asked for" test "$(double_log '.path | test("evil")')" = 0

# --- pushes -----------------------------------------------------------------------------------------------------------
push_port=$(free_port)
cat >push.yaml <<YAML
state: {path: push.db, commit_interval: 200ms}
sources:
  - push:
      listen_address: 127.0.0.1:$push_port
      firehose: {access_key: kanarienvogel-for-firehose}
      sns:
        topics: ['arn:aws:sns:eu-west-1:123456789012:ses']
        confirmations: waiting
YAML
accepts() {
    (exec 3<>"/dev/tcp/127.0.0.1/$push_port") 2>/dev/null
}
serve push.yaml
check "push listens" wait_for 60 accepts
pem=SimpleNotificationService-0123456789abcdef0123456789abcdef.pem
genuine=https://sns.eu-west-1.amazonaws.com/$pem
# sns TYPE TOPIC CERTIFICATE-URL SUBSCRIBE-URL
sns() {
    jq -nc --arg type "$1" --arg topic "$2" --arg cert "$3" --arg url "$4" --arg now "$(date -u +%FT%T.000Z)" '{Type: $type,
        MessageId: "22b80b92", TopicArn: $topic, Message: "{}", Timestamp: $now, SignatureVersion: "2",
        Signature: ("A" * 340 + "=="), SigningCertURL: $cert, Token: ("2" * 200), SubscribeURL: $url, UnsubscribeURL: $url}' |
        curl -s -m 10 -o /dev/null -w '%{http_code}\n' -H "x-amz-sns-message-type: $1" -H "x-amz-sns-topic-arn: $2" \
            -H 'Content-Type: text/plain; charset=UTF-8' --data-binary @- "http://127.0.0.1:$push_port/sns" >>statuses
}
topic=arn:aws:sns:eu-west-1:123456789012:ses
mark
for type in Notification SubscriptionConfirmation UnsubscribeConfirmation; do
    for url in "${urls[@]}" https://sns.eu-west-1.amazonaws.com.evil.example/$pem https://sns.eu-west-1.amazonaws.com@evil.example/$pem \
        http://sns.eu-west-1.amazonaws.com/$pem https://sns.us-east-1.amazonaws.com/$pem "$genuine?x=http://evil.example/"; do
        sns $type "$topic" "$url" "$url"
    done
    sns $type arn:aws:sns:eu-west-1:123456789012:other "$genuine" "$genuine"
    sns $type 'arn:aws:sns:evil.example/:123456789012:ses' "$genuine" "$genuine"
done
jq -nc --rawfile lines hostile.ndjson '{requestId: "1", timestamp: 1,
    records: [$lines | split("\n")[] | select(. != "") | {data: @base64}]}' |
    curl -s -m 20 -o firehose -w '%{http_code}\n' -H 'X-Amz-Firehose-Access-Key: kanarienvogel-for-firehose' \
        -H 'X-Amz-Firehose-Request-Id: 1' -H 'Content-Type: application/json' --data-binary @- "http://127.0.0.1:$push_port/firehose" >firehose.status
mark
check "push: hostile messages and records make it speak to nobody" only "127.0.0.1:$push_port"
check "push: none of the messages was taken" test "$(grep -c 200 statuses)" = 0
check "push: the records were" is "$(<firehose.status)" 200
check "push: no subscription waits that nobody signed" test ! -e waiting -o -z "$(ls waiting 2>/dev/null)"
mark
sns SubscriptionConfirmation "$topic" $genuine http://evil.example/
mark
check "push: SNS of the topic's own region is asked for its certificate" spoken_to 'dns sns.eu-west-1.amazonaws.com'
others() {
    ! contacts | grep -vE "dns sns.eu-west-1.amazonaws.com\$|udp [0-9.]+ 53\$|t(cp|ls) 198.51.100.7( 443)?\$|tcp 127.0.0.1 $push_port\$"
}
check "push: and nobody else" others
terminate "$pid"
finish
