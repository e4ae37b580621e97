/* A Kafka topic (or several) as a source, with librdkafka.
 *
 * Position of a partition: n[0] next offset; the anchor, by which a recreated or truncated topic is told from the one
 * that was counted: n[1] offset of the last message counted (-1: none), n[2] its timestamp, n[3] a hash of its value;
 * n[4] the offset at which this state began to count the partition without a break.
 *
 * Going on: from the anchor, which must come first. Another message there, or a topic that ends before it: read again
 * from the beginning, for what was counted is known. Messages deleted before they were read are counted as lost.
 *
 * Never thrown out of the group for being slow: a thread of the source's own polls the consumer while the source waits
 * for a batch, so max.poll.interval.ms stays librdkafka's. A partition that is taken away is handed over when what was
 * given is committed, or after 10 s. The group's offset carries the words "ses-collector STATE FROM": when partitions
 * come back, this state's own position is good unless it is behind the offset or another STATE counted in between;
 * then the offset is, and what both have counted is said and counted. */
#ifndef SOURCE_KAFKA_H
#define SOURCE_KAFKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "source/source.h"

enum kafka_mode {
    KAFKA_ASSIGN, /* this instance reads the partitions named, or all; positions are in the state alone */
    KAFKA_GROUP,  /* the partitions are shared out among the members of the consumer group */
};
enum kafka_start { KAFKA_START_STORED, KAFKA_START_BEGINNING, KAFKA_START_END, KAFKA_START_TIME };

struct kafka_property {
    char *name, *value;
};

/* Of the configuration file; owned by it. */
struct kafka_options {
    char *name; /* of the source */
    char **topics;
    size_t topic_count;
    int32_t *partitions; /* KAFKA_ASSIGN: only these; none: all */
    size_t partition_count;
    enum kafka_mode mode;
    enum kafka_start start;            /* where a partition begins that has no position yet */
    int64_t start_ms;                  /* KAFKA_START_TIME */
    struct kafka_property *properties; /* librdkafka's, passed on as they are */
    size_t property_count;
    char *dead_letter_topic; /* NULL: none */
    char *msk_iam_region;    /* OAUTHBEARER with MSK IAM; NULL: none */
};

void kafka_options_deinit(struct kafka_options *o);

/* What librdkafka thinks of the properties, without connecting: false with `err` for an unknown name or a bad value. */
bool kafka_options_check(const struct kafka_options *o, struct err *err);

/* Properties whose value is a secret: never shown, never logged. */
bool kafka_property_is_secret(const char *name);

/* The options are borrowed. Returns new; NULL when it cannot be made at all (`err`). Connects only when it runs. */
struct source *kafka_open(const struct kafka_options *o, const struct saved_position *saved, size_t saved_count,
                          struct err *err);

#endif
