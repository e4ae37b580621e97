#!/usr/bin/env bash
# Simulated events of SES that follow the clock, into Kafka and into a bucket: the same stream into each that is named.
# In the image it is the entry point of the stage "traffic"; scripts/stack runs it as it is. Ends on SIGTERM.
#   traffic.sh kafka|s3...
set -euo pipefail

program=${SES_COLLECTOR:-ses-collector}
folder=${TRAFFIC_FOLDER:-/var/lib/ses-collector/traffic} # what waits to be put, and a mark that it ran before
keep=${TRAFFIC_KEEP:-}                                   # a folder: what was sent is kept there, to count it again
rate=${TRAFFIC_RATE:-10/s} backfill=${TRAFFIC_BACKFILL:-2h} seed=${TRAFFIC_SEED:-1}
incidents=${TRAFFIC_INCIDENTS-blocklist@gmail:10s+10m}
duration=${TRAFFIC_DURATION:-}
start=${TRAFFIC_START:-$(date -u +%Y-%m-%dT%H:%M:%SZ)} # the same for both: so they write the same records
bootstrap=${KAFKA_BOOTSTRAP:-kafka:9092} topic=${KAFKA_TOPIC:-ses-events}
endpoint=${S3_ENDPOINT:-http://s3:8333} bucket=${S3_BUCKET:-ses-events} region=${AWS_REGION:-eu-west-1}
key=${AWS_ACCESS_KEY_ID:-demo} secret=${AWS_SECRET_ACCESS_KEY:-demo-secret}

declare -A ours=() # process ids
stopping=

say() {
    printf 'traffic: %s\n' "$*" >&2
}

# shellcheck disable=SC2317 # the trap calls it
# Only the simulators are told: what they have written is still sent.
stop() {
    stopping=yes
    local pid
    for pid in "${!ours[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
}
trap stop TERM INT

mkdir -p "$folder"
options=(--live --quiet --seed "$seed" --start "$start" --rate "$rate")
if [[ -e $folder/started ]]; then
    say "it ran before: what is past was sent then"
else
    options+=(--backfill "$backfill")
fi
for incident in $incidents; do options+=(--incident "$incident"); done
[[ -z $duration ]] || options+=(--duration "$duration")

# --- Kafka ----------------------------------------------------------------------------------------------------------------

# A pipe with a name, so that the simulator is a process of our own that can be told to end.
send_to_kafka() {
    local pipe=$folder/records
    rm -f "$pipe"
    mkfifo "$pipe"
    if [[ -n $keep ]]; then
        tee "$keep/kafka.jsonl" <"$pipe" | kcat -P -b "$bootstrap" -t "$topic" -X linger.ms=50 &
    else
        kcat -P -b "$bootstrap" -t "$topic" -X linger.ms=50 <"$pipe" &
    fi
    kafka_sender=$!
    "$program" simulate "${options[@]}" >"$pipe" &
    ours[$!]=1
}

# --- The bucket -----------------------------------------------------------------------------------------------------------

# s3 METHOD PATH FILE [curl's words]: signed; FILE is the body, /dev/null: none. The body's hash is told, since older
# versions of curl sign it and do not send it. The secret is not among the words that others can see.
s3() {
    local method=$1 path=$2 file=$3 hash
    shift 3
    hash=$(sha256sum "$file" | cut -d' ' -f1)
    [[ $file == /dev/null ]] || set -- -T "$file" "$@"
    printf 'user = "%s:%s"\n' "$key" "$secret" |
        curl -sS --fail-with-body -m 30 --noproxy '*' -K - --aws-sigv4 "aws:amz:$region:s3" \
            -X "$method" -H "x-amz-content-sha256: $hash" "$@" "$endpoint/$path"
}

# It may be there already. A store either knows the name of its own region, or takes a request without one.
bucket_is_there() {
    printf '<CreateBucketConfiguration><LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>' "$region" \
        >"$folder/region.xml"
    s3 HEAD "$bucket" /dev/null -I >/dev/null || s3 PUT "$bucket" /dev/null >/dev/null || s3 PUT "$bucket" "$folder/region.xml" >/dev/null
}

make_bucket() {
    local tries=0 said
    until said=$(bucket_is_there 2>&1); do
        if ((++tries >= ${TRAFFIC_TRIES:-30})) || [[ -n $stopping ]]; then
            say "the bucket $bucket cannot be made at $endpoint: $said"
            return 1
        fi
        sleep 1
    done
}

# Objects appear under their names when they are whole; until then these begin with a dot.
put_objects() {
    local file name
    while IFS= read -r file; do
        name=${file#"$folder/objects/"}
        s3 PUT "$bucket/$name" "$file" -H 'Content-Type: application/octet-stream' -H 'Content-Encoding: gzip' >/dev/null ||
            { say "$name could not be put, and waits"; return 0; }
        if [[ -n $keep ]]; then
            mkdir -p "$keep/s3/$(dirname "$name")"
            mv "$file" "$keep/s3/$name"
        else
            rm -f "$file"
        fi
    done < <(find "$folder/objects" -type f ! -name '.*' | sort)
}

send_to_s3() {
    rm -rf "$folder/objects"
    mkdir -p "$folder/objects"
    make_bucket
    "$program" simulate "${options[@]}" --out "$folder/objects" --object-interval "${TRAFFIC_OBJECT_INTERVAL:-10s}" &
    bucket_writer=$!
    ours[$!]=1
}

# --- Both -----------------------------------------------------------------------------------------------------------------

kafka_sender='' bucket_writer=''
for where in "$@"; do
    case $where in
    kafka) send_to_kafka ;;
    s3) send_to_s3 ;;
    *) say "there is no '$where': kafka and s3 are known" && exit 2 ;;
    esac
done
((${#ours[@]})) || { say "name kafka, s3, or both" && exit 2; }
touch "$folder/started"
say "from $start on, $rate, into $*${incidents:+, with $incidents}"

if [[ -n $bucket_writer ]]; then
    while kill -0 "$bucket_writer" 2>/dev/null; do
        put_objects
        sleep 1
    done
    put_objects
fi
# A signal ends a wait before the process has ended.
await() { # PID
    local code
    while :; do
        code=0
        wait "$1" || code=$?
        kill -0 "$1" 2>/dev/null || return "$code"
    done
}

status=0
for pid in "${!ours[@]}" $kafka_sender; do await "$pid" || status=$?; done
say "done"
exit "$status"
