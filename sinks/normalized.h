/* Normalised events as lines of JSON, one for each event. The schema is docs/normalized-events.md; its number is
 * NORMALIZED_VERSION. Addresses, domains, links, user agents, IP addresses and replies are written only where the
 * options say so; a recipient is a keyed hash (HMAC-SHA-256) else. */
#ifndef SINKS_NORMALIZED_H
#define SINKS_NORMALIZED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/span.h"
#include "model/bounce_reason.h"
#include "model/event.h"

enum { NORMALIZED_VERSION = 1, NORMALIZED_HASH_DIGITS = 32, NORMALIZED_MIN_KEY = 16, NORMALIZED_MAX_KEY = 4096 };

/* Longer texts are cut, and end in U+2026 then: names and addresses, and everything else. Lengths in bytes. */
enum { NORMALIZED_NAME_MAX = 512, NORMALIZED_TEXT_MAX = 4096 };

/* One event. Spans may hold any bytes; empty means that the record does not say. */
struct normalized_event {
    const struct event *event;
    struct span message_id, configuration_set, identity, provider;
    struct span hint;    /* whose the domain is by this event's own text; empty: nothing tells */
    struct span address; /* bare; empty: no recipient, or several and nobody knows which */
    struct span domain;  /* of the address: lower case, A-labels */
    uint32_t recipients; /* how many the event concerns */
    unsigned status[3];  /* bounce, delay: the enhanced code; status[0] == 0: none */
    unsigned code;       /* the reply's; 0: none */
    struct span reply;   /* diagnosticCode, or smtpResponse */
    struct span link, user_agent, ip_address, template_name, error_message;
    struct span tag_values[EVENT_MAX_TAGS];
};

struct normalized_options {
    bool clear;
    const struct span *tag_names; /* borrowed */
    unsigned tag_count;
    const unsigned char *key; /* of the hashes; borrowed while the writer is made */
    size_t key_len;
};

struct normalized_writer;

struct normalized_writer *normalized_create(const struct normalized_options *o); /* returns new; one thread's */
void normalized_destroy(struct normalized_writer *w);                            /* NULL is allowed */

/* Appends a line; at most NORMALIZED_LINE_MAX bytes. */
enum { NORMALIZED_LINE_MAX = 192 << 10 };
void normalized_write(struct normalized_writer *w, const struct normalized_event *e, struct buf *out);

/* The hash of an address: `address` bare, `domain` as above, in lower case as a whole (ASCII). */
void normalized_hash(struct normalized_writer *w, struct span address, struct span domain,
                     char out[NORMALIZED_HASH_DIGITS + 1]);

/* Appends a JSON string with its quotes; bytes that are no UTF-8 become U+FFFD, control characters are escaped. What is
 * longer than `max` bytes is cut before a character. */
void normalized_put_string(struct buf *out, struct span s, size_t max);

/* A key from a file: its bytes without blanks at the end, NORMALIZED_MIN_KEY to NORMALIZED_MAX_KEY of them. Returns the
 * length, 0 with `err`. */
size_t normalized_read_key(const char *path, unsigned char key[NORMALIZED_MAX_KEY], struct err *err);
/* A key of 32 bytes from the system; false with `err`. */
bool normalized_random_key(unsigned char key[32], struct err *err);
/* The event keys' key, from the hashes' key: events of two runs can be joined when their keys are the same. */
void normalized_event_key(const unsigned char *key, size_t len, uint64_t out[2]);
/* What may be shown of a key, to see whether two are the same. */
enum { NORMALIZED_FINGERPRINT = 8 };
void normalized_key_fingerprint(const unsigned char *key, size_t len, char out[NORMALIZED_FINGERPRINT + 1]);

#endif
