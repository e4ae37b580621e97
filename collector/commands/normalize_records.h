/* One Kafka message's value into normalised records: what `normalize` as a service does with each. One thread's. */
#ifndef COMMANDS_NORMALIZE_RECORDS_H
#define COMMANDS_NORMALIZE_RECORDS_H

#include "config/config.h"
#include "core/err.h"
#include "source/kafka_transform.h"

struct normalize_records;

/* With the knowledge that the configuration names, and the key of its file. The configuration is borrowed. Returns new;
 * NULL with `err`. */
struct normalize_records *normalize_records_create(const struct config *c, struct err *err);
void normalize_records_destroy(struct normalize_records *r);                  /* NULL is allowed */
const char *normalize_records_fingerprint(const struct normalize_records *r); /* of the key: it may be shown */

/* A kafka_transform_fn, whose context is a struct normalize_records. */
void normalize_records_make(void *records, struct kafka_transform *t, struct span value,
                            struct kafka_transformed *made);

#endif
