#!/usr/bin/env bash
# The service on a real Kafka cluster: codecs, what messages can look like, dead letters, where to start, transactions,
# lag, topics and brokers that are not there, TLS and passwords. Every count is held against a replay of the same records.
#
#     kafka.sh [MESSAGES]      default: 4000, about 2.3 records each
# shellcheck disable=SC2317,SC2154 source=kafka_service.bash
. "$(dirname "${BASH_SOURCE[0]}")/kafka_service.bash"

readonly messages=${1:-4000}
readonly password=kanarienvogel

# A listener with TLS and passwords beside the plain one, so the ports are chosen here.
plain_port=$(free_port) controller_port=$(free_port) sasl_port=$(free_port)
make_ca() { # NAME
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -keyout "$1.key" -out "$1.crt" 2>/dev/null
}
make_ca ca && make_ca other-ca
openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout broker.key -out broker.csr 2>/dev/null
openssl x509 -req -in broker.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out broker.crt \
    -extfile <(echo subjectAltName=DNS:localhost) 2>/dev/null
cat broker.key broker.crt ca.crt >broker.pem
kafka_begin "$plain_port" \
    --set "listeners=PLAINTEXT://127.0.0.1:$plain_port,CONTROLLER://127.0.0.1:$controller_port,SASL_SSL://127.0.0.1:$sasl_port" \
    --set "advertised.listeners=PLAINTEXT://127.0.0.1:$plain_port,SASL_SSL://localhost:$sasl_port" \
    --set "controller.quorum.voters=1@127.0.0.1:$controller_port" \
    --set listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL \
    --set ssl.keystore.type=PEM --set "ssl.keystore.location=$PWD/broker.pem" --set sasl.enabled.mechanisms=PLAIN \
    --set "listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_reader=\"$password\";"

simulate --seed 51 --duration 2h --messages "$messages" --late 0 --duplicates 0.02 >stream.ndjson
records=$(wc -l <stream.ndjson)
half=$((records / 2))
head -n $half stream.ndjson >first.ndjson
tail -n +$((half + 1)) stream.ndjson >second.ndjson

# --- codecs ---------------------------------------------------------------------------------------------------------------
truth stream.ndjson
for codec in none gzip snappy lz4 zstd; do
    kafka_create $codec 4
    kafka_load $codec --compression $codec --key messageId stream.ndjson >/dev/null
    kafka_configure $codec.yaml $codec
    check "$codec: run reads to the end" run_all $codec.yaml --metrics $codec.prom
    check "$codec: every sample is replay's" counts_are $codec.prom
done
check "once more" run_all none.yaml --metrics again.prom
check "nothing is read twice" counts_are again.prom

# --- where to start -------------------------------------------------------------------------------------------------------
kafka_create start 4
kafka_load start first.ndjson >/dev/null
kafka_configure first.yaml start group.id=stored
check "start: the first half" run_all first.yaml --metrics first.prom
kafka_configure end.yaml start 'start: end'
serve end.yaml
check "start at the end: ready with nothing read" wait_for 60 ready_is 200
check "start at the end: nothing was read" shows ses_collector_records_read_total 0
sleep 1.1
time=$(date -u +%FT%T.%3NZ)
sleep 0.2
kafka_load start second.ndjson >/dev/null
truth second.ndjson
check "start at the end: reads what comes" wait_for 60 is_counted $((records - half))
check "start at the end: counts" live_counts_are
terminate "$pid"
check "SIGTERM ends it" is "$code" 0
kafka_configure time.yaml start "start: $time"
check "start at a time" run_all time.yaml --metrics time.prom
check "start at a time: counts" counts_are time.prom
kafka_configure stored.yaml start 'start: stored' group.id=stored
check "start where the group is" run_all stored.yaml --metrics stored.prom
check "start where the group is: counts" counts_are stored.prom
truth stream.ndjson
kafka_configure nobody.yaml start 'start: stored' group.id=nobody
check "start where the group is, and it is nowhere" run_all nobody.yaml --metrics nobody.prom
check "start where the group is, and it is nowhere: all" counts_are nobody.prom
check "the first half goes on" run_all first.yaml --metrics first.prom
check "the first half goes on: all" counts_are first.prom

# --- some partitions ------------------------------------------------------------------------------------------------------
kafka_configure some.yaml zstd 'partitions: [0, 2]'
check "partitions 0 and 2" run_all some.yaml --metrics some.prom
kafka_configure others.yaml zstd 'partitions: [1, 3]'
check "partitions 1 and 3" run_all others.yaml --metrics others.prom
for partition in 0 2; do kcat -q -C -b "$kafka_bootstrap" -t zstd -p $partition -e; done >some.ndjson
truth some.ndjson
check "partitions 0 and 2: counts" counts_are some.prom
together() {
    is $(($(of some.prom ses_collector_records_read_total) + $(of others.prom ses_collector_records_read_total))) "$records"
}
check "all four together are everything" together

# --- what messages look like ----------------------------------------------------------------------------------------------
# Every shape, the same records; a message with several; messages without any.
kafka_create shapes 2
kafka_create dead 1
head -n 100 stream.ndjson >shapes.ndjson
sed -n 101,200p stream.ndjson >framed
sed -n 201,300p stream.ndjson | jq -c '{schema: {type: "struct", optional: false}, payload: .}' >enveloped
sed -n 301,400p stream.ndjson | jq -c '{Type: "Notification", MessageId: "m", TopicArn: "arn:aws:sns:eu-west-1:123456789012:ses",
    Message: tojson, Timestamp: "2026-11-01T00:00:00.000Z", SignatureVersion: "1"}' >notified
sed -n 401,500p stream.ndjson | paste -sd ' ' >several
sed -n 501,600p stream.ndjson | jq -c -s . >array
sed -n 101,600p stream.ndjson >>shapes.ndjson
kafka_load shapes --tombstone-every 10 <shapes.ndjson >/dev/null # 600 records, 60 tombstones
kafka_load shapes --confluent 7 framed >/dev/null
kafka_load shapes enveloped notified several array >/dev/null
printf 'key:\n' | kcat -P -b "$kafka_bootstrap" -t shapes -p 0 -K: # an empty value
printf '   ' | kcat -P -b "$kafka_bootstrap" -t shapes -p 1
truth shapes.ndjson
kafka_configure shapes.yaml shapes 'dead_letter_topic: dead'
check "shapes: run" run_all shapes.yaml --metrics shapes.prom
check "shapes: each counts once" counts_are shapes.prom "$but_for_reading|^ses_collector_records_filtered_total$"
check "shapes: all are read" is "$(of shapes.prom ses_collector_records_read_total)" 1162
check "shapes: tombstones, an empty one and a blank one are passed over" \
    is "$(of shapes.prom ses_collector_records_filtered_total)" 62
check "shapes: the others are known" is "$(of shapes.prom ses_collector_events_duplicate_total)" \
    $((500 + $(of truth.prom ses_collector_events_duplicate_total)))
check "shapes: no dead letter" is "$(kafka_messages dead)" 0

# --- dead letters ---------------------------------------------------------------------------------------------------------
kafka_create poison 1
head -n 300 stream.ndjson >sound.ndjson
kafka_load poison --poison-every 10 sound.ndjson >/dev/null # 30
{ sed -n 1p stream.ndjson && echo "broken $password" && sed -n 2p stream.ndjson; } | tr '\n' ' ' >mixed
kcat -P -b "$kafka_bootstrap" -t poison -p 0 -k who -H trace=abc -H __connect.errors.offset=7 mixed
kafka_configure poison.yaml poison 'dead_letter_topic: dead'
truth sound.ndjson
check "dead letters: run" run_all poison.yaml --metrics poison.prom
check "dead letters: the rest counts" counts_are poison.prom "$but_for_reading|^ses_collector_records_malformed_total$"
malformed=$(of poison.prom ses_collector_records_malformed_total)
check "dead letters: one for each message" is "$(kafka_messages dead)" 31
check "dead letters: as the metric says" is "$(of poison.prom ses_collector_dead_letters_total)" 31
check "dead letters: each is malformed ($malformed)" test "$malformed" -ge 31
letters() {
    kcat -q -C -b "$kafka_bootstrap" -t "$1" -e -f "$2"
}
letters dead '%h\n' >headers
check "dead letters: where they came from" is \
    "$(sort headers | grep -c '__connect.errors.topic=poison,__connect.errors.partition=0,__connect.errors.offset=')" 31
check "dead letters: which source, which reason" is "$(grep -cE \
    '__connect.errors.connector.name=files,__connect.errors.stage=VALUE_CONVERTER,__connect.errors.class.name=ses-collector,__connect.errors.exception.class.name=[a-z_]+,__connect.errors.exception.message=.+' headers)" 31
check "dead letters: headers of the message stay" says trace=abc <(tail -n 1 headers)
check "dead letters: but for those of an earlier life" bash -c '! tail -n 1 headers | grep -q "offset=7"'
letters dead '%s\n' | head -n 30 >sent
letters poison '%o %s\n' >values
offsets=$(sed -nE 's/.*__connect.errors.offset=([0-9]+).*/\1/p' headers | head -n 30)
for offset in $offsets; do awk -v o="$offset" '$1 == o { sub(/^[0-9]+ /, ""); print }' values; done >wanted
check "dead letters: the values are the messages'" cmp sent wanted
check "dead letters: the key too" is "$(letters dead '%k\n' | tail -n 1)" who
check "dead letters: a message with some good and some bad comes whole" cmp <(letters dead '%s' -o -1 | tail -c "$(wc -c <mixed)") mixed
check "dead letters: none is logged" bash -c "! grep -q $password poison.log"

kafka_configure nowhere.yaml poison 'dead_letter_topic: nowhere' message.timeout.ms=2000 topic.metadata.propagation.max.ms=500
check "dead letters without a topic: run" run_all nowhere.yaml --metrics nowhere.prom
check "dead letters without a topic: the rest counts" counts_are nowhere.prom "$but_for_reading|^ses_collector_records_malformed_total$"
check "dead letters without a topic: failed" is "$(of nowhere.prom ses_collector_dead_letters_failed_total)" 31
check "dead letters without a topic: said" says "kafka dead letter not delivered" nowhere.log

# --- several sources ------------------------------------------------------------------------------------------------------
kafka_create one 2
kafka_create two 2
kafka_load one first.ndjson >/dev/null
kafka_load two second.ndjson >/dev/null
mkdir folder
cp second.ndjson folder/again.ndjson
cat >three.yaml <<YAML
state: {path: three.db, commit_interval: 200ms}
sources:
  - kafka: {name: one, topics: [one], start: beginning, properties: {bootstrap.servers: "$kafka_bootstrap"}}
  - kafka: {name: two, topics: [two], start: beginning, properties: {bootstrap.servers: "$kafka_bootstrap"}}
  - files: {name: dump, paths: [folder], settle: 0s, interval: 100ms}
YAML
truth stream.ndjson
readonly but_for_sources='^(ses_alert_firing|ses_collector_(records_.*|events_duplicate|events_late|events_future|bytes_.*|objects_read)_total)$'
check "two topics and a folder" run_all three.yaml --metrics three.prom
check "two topics and a folder: counts" counts_are three.prom "$but_for_sources"
read_by() {
    awk -v s="ses_collector_records_read_total{source=\"$1\"}" '$1 == s { print $2 }' three.prom
}
check "each source's own records" is "$(read_by one) $(read_by two) $(read_by dump)" "$half $((records - half)) $((records - half))"
check "what is in the topic and in the folder counts once" is "$(of three.prom ses_collector_records_counted_total)" \
    "$(of truth.prom ses_collector_records_counted_total)"
cat >topics.yaml <<YAML
state: {path: topics.db, commit_interval: 200ms}
sources:
  - kafka: {name: files, topics: [one, two], start: beginning, properties: {bootstrap.servers: "$kafka_bootstrap"}}
YAML
check "one source of two topics" run_all topics.yaml --metrics topics.prom
check "one source of two topics: counts" counts_are topics.prom

# --- transactions ---------------------------------------------------------------------------------------------------------
kafka_create tx 2
kafka_load tx --transaction commit first.ndjson >/dev/null 2>&1
kafka_load tx --transaction abort second.ndjson >/dev/null 2>&1
truth first.ndjson
kafka_configure tx.yaml tx
check "transactions: run ends behind the marks" run_all tx.yaml --metrics tx.prom
check "transactions: aborted ones do not count" counts_are tx.prom
check "transactions: no lag" is "$(of tx.prom ses_collector_kafka_lag_messages)" 0
kafka_load tx --transaction commit second.ndjson >/dev/null 2>&1
truth stream.ndjson
check "transactions: once more" run_all tx.yaml --metrics tx.prom
check "transactions: what was committed then" counts_are tx.prom
kafka_configure uncommitted.yaml tx isolation.level=read_uncommitted
check "transactions: read uncommitted" run_all uncommitted.yaml --metrics uncommitted.prom
check "transactions: all three are read, each record counts once" is "$(of uncommitted.prom ses_collector_records_read_total) \
$(of uncommitted.prom ses_collector_records_counted_total)" "$((2 * records - half)) $(of truth.prom ses_collector_records_counted_total)"

# --- lag ------------------------------------------------------------------------------------------------------------------
kafka_create lag 2
kafka_configure lag.yaml lag queued.min.messages=1 queued.max.messages.kbytes=1 max.partition.fetch.bytes=1024
serve lag.yaml
check "lag: nothing to read" wait_for 60 ready_is 200
kill -STOP "$pid"
kafka_load lag --property batch.num.messages=2 stream.ndjson >/dev/null # in many small fetches
( # what a scrape sees until it is 0: it may only fall, and begins at no more than there is
    for _ in {1..100}; do metric ses_collector_kafka_lag_messages; sleep 0.05; done
) >lags 2>/dev/null &
watcher=$!
ours[$watcher]=1
kill -CONT "$pid"
check "lag: counted" wait_for 60 is_counted "$records"
gone "$watcher"
check "lag: is never more than there is" test "$(sort -n lags | tail -n 1)" -le "$records"
check "lag: is seen ($(sort -n lags | tail -n 1))" test "$(sort -n lags | tail -n 1)" -gt 0
check "lag: caught up" shows ses_collector_source_caught_up 1
terminate "$pid"

# --- what is not there ----------------------------------------------------------------------------------------------------
page_says() {
    get / >page.html && says "$1" page.html
}
works_little() { # PID: for a second
    local before
    before=$(cpu_ticks "$1")
    sleep 1
    at_most $(($(cpu_ticks "$1") - before)) 20
}
# To the end of a topic that is not there: patient for half a minute, beside all that follows.
kafka_configure never.yaml never
background run_all never.yaml
never=$pid

kafka_configure later.yaml later
serve later.yaml
check "no such topic: the page says so" wait_for 60 page_says "the topic later does not exist; waiting for it"
check "no such topic: the log says so" says "the topic later does not exist; waiting for it" later.log
check "no such topic: not ready" ready_is 503
check "no such topic: not caught up" shows ses_collector_source_caught_up 0
check "no such topic: waits quietly" works_little "$pid"
kafka_create later 2
kafka_load later stream.ndjson >/dev/null
check "no such topic: read when it is there" wait_for 60 is_counted "$records"
truth stream.ndjson
check "no such topic: counts" live_counts_are
check "no such topic: ready then" wait_for 60 ready_is 200
check "no such topic: the page is content" bash -c "! curl -s 127.0.0.1:$port/ | grep -q 'waiting for it'"
terminate "$pid"

kafka_configure wrong.yaml later "bootstrap.servers=127.0.0.1:$(free_port)"
serve wrong.yaml
check "no broker: the page says so" wait_for 60 page_says "no broker answers: 127.0.0.1:"
check "no broker: the log says so" says "Connection refused" wrong.log
check "no broker: not ready" ready_is 503
check "no broker: waits quietly" works_little "$pid"
check "no broker: the log is short" at_most "$(wc -l <wrong.log)" 40
terminate "$pid"
check "no broker: ends well" is "$code" 0

# --- TLS and passwords ----------------------------------------------------------------------------------------------------
# sign_in FILE CA PASSWORD
sign_in() {
    kafka_configure "$1" later "bootstrap.servers=localhost:$sasl_port" security.protocol=SASL_SSL sasl.mechanism=PLAIN \
        sasl.username=reader "sasl.password=$3" "ssl.ca.location=$2"
}
sign_in right.yaml ca.crt "$password"
check "TLS and password: run" run_all right.yaml --metrics right.prom
check "TLS and password: counts" counts_are right.prom
printf '%s\n' "$password" >password
sed -i 's/sasl.password: .*/sasl.password_file: password/' right.yaml
check "password from a file: run" run_all right.yaml --metrics right.prom
check "password from a file: counts" counts_are right.prom
sign_in wrong-password.yaml ca.crt "wrong-$password"
serve wrong-password.yaml
check "wrong password: the log says so" wait_for 60 says "SASL authentication error" wrong-password.log
check "wrong password: the page says that something is wrong" wait_for 60 page_says "no broker answers: localhost:"
check "wrong password: the log is short" at_most "$(wc -l <wrong-password.log)" 60
terminate "$pid"
check "wrong password: ends well" is "$code" 0
sign_in wrong-ca.yaml other-ca.crt "$password"
serve wrong-ca.yaml
check "wrong authority: refused, and the log says why" wait_for 60 says "certificate verify failed" wrong-ca.log
terminate "$pid"
check "the password is in no log" bash -c "! grep -l $password ./*.log page.html"

gone "$never"
check "a topic that never comes: the run fails" test "$code" != 0
check "a topic that never comes: and says why" says "the topic never does not exist" never.log
finish
