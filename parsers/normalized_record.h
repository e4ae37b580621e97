/* The compact form of a normalised record, as `ses-collector normalize` puts it into a Kafka topic and a Kafka source
 * takes it out again: what an SES record became (docs/normalized-events.md, "The compact form"), with its names written
 * out, so that every message stands for itself. No address, subject, link, IP address or user agent is in it.
 *
 *     first byte 0x9E: no JSON, no UTF-8 text, no schema registry's prefix begins so; then the version
 *
 * Written by workers that share one key (struct dictionary.key); whoever counts may have another, since the keys in it
 * are hashed once more with its own. Versions: a reader takes all up to its own, and refuses what is newer as
 * malformed.
 */
#ifndef PARSERS_NORMALIZED_RECORD_H
#define PARSERS_NORMALIZED_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/span.h"
#include "model/event.h"
#include "model/snapshot.h"
#include "parsers/normalise.h"

enum { NORMALIZED_RECORD_MAGIC = 0x9E, NORMALIZED_RECORD_VERSION = 1 };
enum { NORMALIZED_RECORD_MAX_EVENTS = 1 << 16 }; /* of one record; a message of SES has 50 recipients */

/* Appends what the record becomes (this calls normalise_begin and normalise_next). There is at least one event. When it
 * would have more events, or more than 1 MiB, or `out` has no room, out->failed is set and nothing is appended. */
void normalized_record_encode(struct normaliser *n, const struct ses_event *record, struct buf *out);

/* Whether a message's value is of this form, whatever its version. */
bool normalized_record_is(struct span value);

/* One thread's. Borrows the dictionary, whose names it fills. */
struct normalized_reader;
struct normalized_reader *normalized_reader_create(const struct dictionary *d); /* returns new */
void normalized_reader_destroy(struct normalized_reader *r);                    /* NULL is allowed */

/* Checks the whole value before anything of it is given: false with the reason. Then every call of
 * normalized_reader_next gives one event, until it returns false; EVENT_FIRST and EVENT_LAST are set as normalise_next
 * does. `value` is borrowed until then. */
bool normalized_reader_begin(struct normalized_reader *r, struct span value, enum malformed_reason *why);
bool normalized_reader_next(struct normalized_reader *r, struct event *out);

#endif
