/* One message that is an example of what a counter counts, or of a bucket of a histogram: Prometheus keeps it beside
 * the series, and Grafana shows it as a dot.
 *
 * The message's id itself is never shown beside a metric (docs/adr/0008-labels.md): the example is named by a hash that
 * leads to the message only whoever has the dumps. It is no keyed one, so that every instance and `find` make the same:
 *     printf %s ID | sha256sum | cut -c 1-16 */
#ifndef MODEL_EXEMPLAR_H
#define MODEL_EXEMPLAR_H

#include <stdint.h>

#include "core/span.h"

#define EXEMPLAR_LABEL "message_hash"
enum { EXEMPLAR_DIGITS = 16 };

struct exemplar {
    uint64_t message; /* exemplar_message; 0: there is none */
    double value;     /* what the one event added to a counter: 1; of a bucket: seconds */
    int64_t time_ms;  /* of the event */
};

/* The first 64 bits of the id's SHA-256; never 0. */
uint64_t exemplar_message(struct span message_id);
/* As it is shown: hexadecimal, in small letters. */
void exemplar_name(uint64_t message, char out[EXEMPLAR_DIGITS + 1]);
/* From that. 0: it is none. */
uint64_t exemplar_parse(const char *name);

#endif
