# A Kafka cluster of its own for a test script. Sourced after common.bash.
# The tools are built beside SES_COLLECTOR (KAFKA_TOOLS: the folder that has them).
# shellcheck shell=bash disable=SC2154 # top and work: of common.bash

KAFKA_TOOLS=${KAFKA_TOOLS:-$(dirname "$SES_COLLECTOR")/tests}
kafka_dir=$work/kafka
kafka_bootstrap=''

# What is started is ended with the script, however that ends.
trap 'kafka_end; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# kafka_begin [options of scripts/kafka start]: a new cluster, whose addresses are in kafka_bootstrap, or the end of the
# script. A test by itself: not within `check`, whose commands cannot set variables.
kafka_begin() {
    if "$top/scripts/kafka" start "$kafka_dir" "$@" >"$work/kafka.log" 2>&1; then
        echo "ok Apache Kafka starts"
    else
        echo "not ok Apache Kafka starts"
        sed 's/^/    /' "$work/kafka.log"
        exit 1
    fi
    kafka_bootstrap=$("$top/scripts/kafka" bootstrap "$kafka_dir")
}

# At once: the data will not be needed any more.
kafka_end() {
    "$top/scripts/kafka" stop "$kafka_dir" --kill
}

# kafka_stop [--node N] [--kill]; kafka_start [--node N]: the same cluster, its data and addresses stay.
kafka_stop() {
    "$top/scripts/kafka" stop "$kafka_dir" "$@"
}

kafka_start() {
    "$top/scripts/kafka" start "$kafka_dir" "$@" >/dev/null
}

# kafka_admin COMMAND TOPIC...: see the head of kafka_admin.c
kafka_admin() {
    "$KAFKA_TOOLS/kafka_admin" "$kafka_bootstrap" "$@"
}

kafka_create() { # TOPIC PARTITIONS [REPLICAS] [NAME=VALUE...]
    kafka_admin create "$@"
}

kafka_grow() { # TOPIC PARTITIONS
    kafka_admin grow "$@"
}

kafka_cut() { # TOPIC PARTITION OFFSET
    kafka_admin cut "$@"
}

kafka_alter() { # TOPIC NAME=VALUE...
    kafka_admin alter "$@"
}

# Deleting goes on for a while after it was agreed on: returns when the name is free.
kafka_delete() { # TOPIC
    kafka_admin delete "$1" && kafka_wait 30 kafka_is_gone "$1"
}

kafka_is_gone() { # TOPIC
    ! kafka_admin leaders "$1" >/dev/null 2>&1
}

# kafka_load TOPIC [options] [FILE...]: see the head of kafka_load.c
kafka_load() {
    local topic=$1
    shift
    "$KAFKA_TOOLS/kafka_load" --brokers "$kafka_bootstrap" --topic "$topic" "$@"
}

# kafka_offsets TOPIC: a line "PARTITION FIRST NEXT" for each. In short tries: librdkafka 2.0.2 asks a leader that has
# died over and over, whatever time it was given.
kafka_offsets() {
    local found
    for _ in 1 2 3 4 5 6; do
        if found=$(timeout 5 "$KAFKA_TOOLS/kafka_admin" "$kafka_bootstrap" offsets "$1"); then
            printf '%s\n' "$found"
            return
        fi
    done
    return 1
}

# The messages of a topic, by its offsets: control records of transactions and what was compacted count.
kafka_messages() { # TOPIC
    kafka_offsets "$1" | awk '{ n += $3 - $2 } END { print n + 0 }'
}

kafka_leader() { # TOPIC PARTITION
    kafka_admin leaders "$1" | awk -v p="$2" '$1 == p { print $2 }'
}

# kafka_wait SECONDS COMMAND...: until it succeeds; false when it does not in time.
kafka_wait() {
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < until)) || return 1
        sleep 0.1
    done
}
