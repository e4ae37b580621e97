/* From what a record says to what is counted: recipients become providers, names become numbers, and every event gets
 * the key that tells whether it was seen before. The rules are those of docs/counting.md. */
#ifndef PARSERS_NORMALISE_H
#define PARSERS_NORMALISE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/hash.h"
#include "core/intern.h"
#include "model/event.h"
#include "model/provider.h"
#include "parsers/knowledge.h"
#include "parsers/recipient.h"
#include "parsers/ses_event.h"

/* What all workers share. Borrowed by the normalisers; read-only but for the intern tables, which lock. */
struct dictionary {
    const struct provider_table *providers;
    const struct knowledge *knowledge; /* made with these providers */
    struct hash_key key;               /* of event.key: one for all that is deduplicated together */
    struct intern *sets, *identities, *templates;
    struct intern *tags[EVENT_MAX_TAGS];
    struct span tag_names[EVENT_MAX_TAGS];
    unsigned tag_count;
    struct span *verified_domains; /* lower case, sorted by bytes */
    size_t verified_count;
    unsigned wanted_addresses; /* ADDRESS_*: whose recipients somebody wants; 0 unless an operator asked */
};

/* Addresses leave the parser only for who wants to suppress them. */
enum { ADDRESS_BOUNCED = 1, ADDRESS_COMPLAINED = 2 };

/* A value of an enumeration that this version does not know: counted as `other`, and said. */
struct unknown_value {
    const char *field; /* a literal */
    struct span value;
};
enum { UNKNOWN_VALUES_MAX = 4 };

/* One worker's. */
struct normaliser {
    const struct dictionary *dictionary;
    struct intern_cache sets, identities_by_arn, identities_by_domain, templates, tags[EVENT_MAX_TAGS];
    struct unknown_value unknown[UNKNOWN_VALUES_MAX]; /* of the record at hand */
    unsigned unknown_count;

    const struct ses_event *record;
    struct ses_list recipients;
    uint32_t at;
    unsigned address_why;    /* of the event last given: ADDRESS_*, 0 = not wanted */
    struct span address;     /* the same: bare, as long as the record */
    struct event common;     /* what all events of the record share */
    struct hash_state state; /* of the key, before the recipient */
    uint16_t hint;           /* of a delivery: one answer for all its recipients */
    bool has_hint;
};

void normaliser_init(struct normaliser *n, const struct dictionary *dictionary);

/* Starts a record; then every call of normalise_next gives one event, until it returns false. There is at least one. */
void normalise_begin(struct normaliser *n, const struct ses_event *record);
bool normalise_next(struct normaliser *n, struct event *out);

/* A label as it may be shown: `raw`, or "invalid" when it is over 128 bytes, no UTF-8, or holds control characters. */
struct span label_clean(struct span raw, char scratch[INTERN_SCRATCH]);

#endif
