#!/usr/bin/env bash
# Queues: notifications of buckets in every form, SES events in messages, and what goes wrong with them. Against moto, which
# makes notifications itself and has SNS, and against the double, which checks every signature and fails as it is told.
# shellcheck disable=SC2317,SC2154 source=service.bash
. "$(dirname "${BASH_SOURCE[0]}")/service.bash"
# shellcheck source=aws.bash
. "$top/tests/integration/aws.bash"
aws_env
python=$(aws_python) || exit 1
export PYTHONPATH=$top/tests/aws

# What is asked of AWS's own client. Sends go out one by one: all that stands on a line of its own is a body.
cat >ask_sqs.py <<'PY'
import json
import sys
import urllib.parse

from put import client

url, what, *rest = sys.argv[1:]
sqs = client("sqs", url)


def record(bucket, key, etag, size, name="ObjectCreated:Put"):
    """As AWS has it: keys are encoded as in forms."""
    return {"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-west-1", "eventName": name,
            "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": bucket},
                   "object": {"key": urllib.parse.quote_plus(key), "size": size, "eTag": etag, "sequencer": "00"}}}


def objects(bucket, prefix):
    s3 = client("s3", url)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for o in page.get("Contents", []):
            yield bucket, o["Key"], o["ETag"].strip('"'), o["Size"]


def send(queue, body):
    sqs.send_message(QueueUrl=queue, MessageBody=body if isinstance(body, str) else json.dumps(body))


if what == "make":  # NAME VISIBILITY: prints the URL
    print(sqs.create_queue(QueueName=rest[0], Attributes={"VisibilityTimeout": rest[1]})["QueueUrl"])
elif what == "notify":  # BUCKET PREFIX QUEUE: the bucket itself tells of what is put below the prefix
    arn = sqs.get_queue_attributes(QueueUrl=rest[2], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client("s3", url).put_bucket_notification_configuration(Bucket=rest[0], NotificationConfiguration={
        "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": {
            "Key": {"FilterRules": [{"Name": "prefix", "Value": rest[1]}]}}}]})
elif what == "bucket":
    client("s3", url).create_bucket(Bucket=rest[0], CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
elif what == "tell":  # BUCKET PREFIX QUEUE [TIMES]: a message for each object, each so many times
    for _ in range(int((rest[3:] or [1])[0])):
        for o in objects(*rest[:2]):
            send(rest[2], {"Records": [record(*o)]})
elif what == "tell-many":  # BUCKET PREFIX QUEUE: three objects in a message, and one that was removed
    found = list(objects(*rest[:2]))
    for i in range(0, len(found), 3):
        send(rest[2], {"Records": [record(*o) for o in found[i:i + 3]] + [record(*found[i], "ObjectRemoved:Delete")]})
elif what == "tell-bridge":  # BUCKET PREFIX QUEUE: as EventBridge does, keys as they are
    for bucket, key, etag, size in objects(*rest[:2]):
        send(rest[2], {"version": "0", "id": "1", "detail-type": "Object Created", "source": "aws.s3", "resources": [],
                       "detail": {"version": "0", "bucket": {"name": bucket},
                                  "object": {"key": key, "size": size, "etag": etag, "sequencer": "00"}}})
elif what == "tell-topic":  # BUCKET PREFIX QUEUE: through SNS
    sns = client("sns", url)
    topic = sns.create_topic(Name="objects")["TopicArn"]
    arn = sqs.get_queue_attributes(QueueUrl=rest[2], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    for o in objects(*rest[:2]):
        sns.publish(TopicArn=topic, Message=json.dumps({"Records": [record(*o)]}))
elif what == "events":  # QUEUE: each line a message; the second in SNS's envelope, the third in EventBridge's, and so on
    for i, line in enumerate(sys.stdin.read().splitlines()):
        send(rest[0], [line, {"Type": "Notification", "MessageId": str(i), "Message": line},
                       {"source": "aws.ses", "detail-type": "Email Sent", "detail": json.loads(line)}][i % 3])
elif what == "send":  # QUEUE BODY
    send(*rest)
elif what == "record":  # BUCKET KEY ETAG SIZE ...: a body
    print(json.dumps({"Records": [record(*rest[i:i + 3], int(rest[i + 3])) for i in range(0, len(rest), 4)]}))
elif what == "left":  # QUEUE: visible and hidden
    found = sqs.get_queue_attributes(QueueUrl=rest[0], AttributeNames=["All"])["Attributes"]
    print(int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesNotVisible"]))
PY

queue() { # COMMAND ARGUMENT...: at the endpoint that is ours now
    "$python" ask_sqs.py "$endpoint" "$@"
}

left_are() { # QUEUE NUMBER
    is "$(queue left "$1")" "$2"
}

# queue_config FILE QUEUE: a state and a queue; what stands on standard input belongs to its section
queue_config() {
    { cat <<YAML && cat; } >"$1"
state: {path: ${1%.yaml}.db, commit_interval: 200ms}
log: {level: debug}
aws: {endpoint: "$endpoint"}
sources:
  - sqs:
      name: files # as replay calls it
      queue: "$2"
      wait: 1s
      visibility: ${visibility:-10s}
YAML
}

shows_some() { # SERIES
    (($(metric "$1") > 0))
}

sum_of() { # FILE NAME: over all series
    awk -v n="$2" '$1 == n || index($1, n "{") == 1 { v += $2 } END { printf "%.0f\n", v }' "$1"
}

no_secret() {
    ! grep -aE 'wJalrXUtnFEMI|Signature=|AWS4-HMAC|AQEB[A-Za-z0-9_-]{20}' "$@"
}

# --- every form, with moto -------------------------------------------------------------------------------------------------
simulate --seed 61 --duration 3h --messages 9000 --malformed 0.003 --object-size 200K --out staging
simulate --seed 62 --duration 1h --messages 60 --out - >events.ndjson
mkdir -p parts/{bucket,alone,several,bridge,topic} truth
n=0
parts=(bucket alone several bridge topic)
while read -r file; do
    mv "$file" "parts/${parts[n++ % 5]}/"
done < <(find staging -type f | sort)
cp events.ndjson truth
cp -r parts truth/
check "forms: enough objects" test "$n" -ge 20
# Keys that look otherwise when they are encoded.
for part in alone several bridge topic; do
    i=0
    for file in parts/"$part"/*; do
        case $((i++ % 3)) in
        0) mv "$file" "parts/$part/a+b ${file##*/}" ;;
        1) mkdir -p "parts/$part/year=2026 ä%2B" && mv "$file" "parts/$part/year=2026 ä%2B/" ;;
        esac
    done
done
check "forms: replay is the truth" replay --quiet --metrics truth.prom truth

moto_start moto
endpoint=$MOTO_URL
url=$(queue make all 30)
queue bucket dumps
queue notify dumps bucket/ "$url"
for part in "${parts[@]}"; do
    s3_put_tree dumps "parts/$part" "$part/"
done
{
    queue tell dumps alone/ "$url" 2
    queue tell-many dumps several/ "$url"
    queue tell-bridge dumps bridge/ "$url"
    queue tell-topic dumps topic/ "$url"
    queue events "$url" <events.ndjson
    queue send "$url" '{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-21T00:00:00Z","Bucket":"dumps"}'
} || exit 1
queue_config forms.yaml "$url" <<YAML
      buckets: [dumps]
YAML
check "forms: run reads them to the end" run_all forms.yaml --metrics forms.prom
check "forms: every sample is replay's" same_samples truth.prom forms.prom "$but_for_reading"
check "forms: each object once" is "$(sum_of forms.prom ses_collector_objects_read_total)" "$n"
check "forms: the queue is empty" left_are "$url" 0
check "forms: logs tell no secrets" no_secret forms.log
for part in "${parts[@]}"; do
    queue tell dumps "$part/" "$url"
done
check "forms: all once more" run_all forms.yaml --metrics again.prom
check "forms: nothing was read again" is "$(sum_of again.prom ses_collector_objects_read_total)" "$n"
check "forms: every sample is replay's still" same_samples truth.prom again.prom "$but_for_reading"
check "forms: the queue is empty again" left_are "$url" 0
moto_stop

# --- signatures, and a host in the URL that is not to be asked: with the double ---------------------------------------------
# More and smaller objects, in one place.
simulate --seed 63 --duration 2h --messages 12000 --object-size 400K --out small
mkdir flat
find small -type f -exec mv {} flat/ \;
objects=$(find flat -type f | wc -l)
check "double: replay is the truth" replay --quiet --metrics flat.prom flat
double_start double
mkdir -p double/dumps/ses
cp flat/* double/dumps/ses/
endpoint=$DOUBLE_URL
queue make kills 10 >/dev/null
url=https://sqs.eu-west-1.amazonaws.com/123456789012/kills
queue tell dumps ses/ "$url"

# Killed after the commit, before the deletion: nobody answers that.
double_faults '[{"match":{"op":"DeleteMessageBatch"},"action":{"status":503,"code":"ServiceUnavailable"}}]'
queue_config kills.yaml "$url" <<YAML
      buckets: [dumps]
      prefixes: [ses/]
YAML
serve kills.yaml
check "killed: all is counted" wait_for 60 shows ses_collector_objects_read_total "$objects"
check "killed: nothing is deleted" left_are "$url" "$objects"
check "killed: that it cannot be is said" wait_for 60 shows ses_collector_source_trouble 1
kill -KILL "$pid"
gone "$pid" 2>/dev/null
double_faults '[]'
double_mark
sleep 11 # hidden so long
check "killed: the next start ends" run_all kills.yaml --metrics kills.prom
check "killed: the queue is empty" left_are "$url" 0
check "killed: every sample is replay's" same_samples flat.prom kills.prom '^ses_alert_firing$'
check "killed: no object was asked for again" is "$(double_log '.service == "s3" and .op == "GetObject"')" 0

# At any moment.
rm -f kills.db*
queue tell dumps ses/ "$url"
killed=0
for i in {1..6}; do
    serve kills.yaml
    sleep "0.$((RANDOM % 9))$((RANDOM % 10))"
    kill -KILL "$pid"
    gone "$pid" 2>/dev/null
    ((code == 137)) && ((++killed))
done 2>/dev/null
check "killed anywhere: six times" is "$killed" 6
sleep 11
check "killed anywhere: the last start ends" run_all kills.yaml --metrics kills.prom
check "killed anywhere: every sample is replay's" same_samples flat.prom kills.prom "$but_for_reading"
check "killed anywhere: the queue is empty" left_are "$url" 0

# --- what takes longer than a message stays hidden -------------------------------------------------------------------------
queue make slow 10 >/dev/null
url=$endpoint/123456789012/slow
largest=$(find flat -type f -printf '%s %f\n' | sort -n | tail -n 1)
etag=$(md5sum <"flat/${largest#* }" | cut -d ' ' -f 1)
double_faults "[{\"match\":{\"op\":\"GetObject\"},\"action\":{\"rate\":$((${largest% *} / 22))}}]"
queue send "$url" "$(queue record dumps "ses/${largest#* }" "$etag" "${largest% *}")"
queue_config slow.yaml "$url" <<YAML
      buckets: [dumps]
YAML
check "slow: read to the end" run_all slow.yaml --metrics slow.prom
check "slow: its message was hidden again meanwhile" test "$(double_state .queues.slow.extended)" -ge 3
check "slow: it came once" says 'ses_collector_sqs_messages_total{source="files",result="received"} 1' slow.prom
check "slow: and went" left_are "$url" 0
double_faults '[]'

# --- what is left ----------------------------------------------------------------------------------------------------------
queue make odd 10 >/dev/null
url=$endpoint/123456789012/odd
mapfile -t three < <(find flat -type f -printf '%f\n' | sort | head -n 3)
mkdir -p three double/theirs
for name in "${three[@]}"; do
    cp "flat/$name" three/
    cp "flat/$name" double/theirs/
done
check "left: replay is the truth" replay --quiet --metrics three.prom three
double_tell hide "{\"bucket\":\"dumps\",\"keys\":[\"ses/${three[1]}\"],\"for\":3600}"
of() { # NAME
    printf 'ses/%s %s %s ' "$1" "$(md5sum <"flat/$1" | cut -d ' ' -f 1)" "$(stat -c %s "flat/$1")"
}
# shellcheck disable=SC2046 # words are what is wanted
queue send "$url" "$(queue record $(for name in "${three[@]}"; do printf 'dumps %s' "$(of "$name")"; done))"
# shellcheck disable=SC2046
queue send "$url" "$(queue record theirs $(of "${three[0]}"))"
queue_config odd.yaml "$url" <<YAML
      buckets: [dumps]
      attempts: 0
YAML
serve odd.yaml
check "left: what is there is read" wait_for 60 shows ses_collector_objects_read_total 2
check "left: the message with one missing, and the one of a foreign bucket" left_are "$url" 2
check "left: there is trouble" wait_for 60 shows ses_collector_source_trouble 1
# Again and again, with each time that they come.
check "left: deferred" wait_for 60 shows_some 'ses_collector_sqs_messages_total{source="files",result="deferred"}'
check "left: refused" wait_for 60 shows_some 'ses_collector_sqs_messages_total{source="files",result="refused"}'
double_tell hide "{\"bucket\":\"dumps\",\"keys\":[\"ses/${three[1]}\"],\"for\":0}"
check "left: read once it is there" wait_for 60 shows ses_collector_objects_read_total 3
check "left: and its message goes" wait_for 60 left_are "$url" 1
get /metrics >odd.prom
check "left: each once" same_samples three.prom odd.prom '^(ses_alert_firing|ses_collector_bytes_.*)$'
check "left: the foreign bucket was never asked" is "$(double_log '.path | startswith("/theirs/")')" 0
terminate "$pid"
check "left: ends well" is "$code" 0
check "left: and soon" at_most "$took" 5000

# --- a queue that hangs, and one that is not there -------------------------------------------------------------------------
double_faults '[{"match":{"op":"ReceiveMessage"},"action":{"stall":120}}]'
serve odd.yaml
sleep 1
terminate "$pid"
check "hangs: it ends all the same" is "$code" 0
check "hangs: soon" at_most "$took" 5000
double_faults '[]'
queue_config none.yaml "$endpoint/123456789012/nowhere" </dev/null
check "no queue: it fails" bash -c "! '$SES_COLLECTOR' run --config.file=none.yaml --web.listen-address=127.0.0.1:0 --exit-at-eof 2>none.log"
check "no queue: and says so" says "queue nowhere does not exist" none.log
check "logs tell no secrets" no_secret ./*.log
finish
