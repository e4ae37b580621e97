/* Messages that match, while a dump is read: what workers write into buffers becomes messages with their events, each
 * event once. Not for several threads at once, but for find_wire_put. */
#ifndef COMMANDS_FIND_STORE_H
#define COMMANDS_FIND_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/intern.h"
#include "core/map.h"
#include "model/event.h"
#include "model/provider.h"
#include "sinks/find.h"

/* The texts of an event on its way; what is longer is cut. */
enum find_text {
    FIND_ID,
    FIND_SUBJECT,
    FIND_FROM,   /* the header */
    FIND_SOURCE, /* the envelope: where the header is not known */
    FIND_SET,
    FIND_RECIPIENT,
    FIND_STATUS,
    FIND_ANSWER,
    FIND_LINK,
    FIND_USER_AGENT,
    FIND_IP,
    FIND_TEXTS
};

struct find_wire {
    uint64_t message; /* the message's number: its id, hashed */
    bool is_match;    /* the record holds what is looked for */
    struct event event;
    struct span texts[FIND_TEXTS];
};

void find_wire_put(struct buf *out, const struct find_wire *w);
/* The next one of `text`, which is moved behind it. False at the end. */
bool find_wire_take(struct span *text, struct find_wire *w);

/* While a message grows. */
struct find_growth {
    size_t capacity; /* of its events */
    bool is_match;   /* one of its records matched */
};

struct find_store {
    const struct provider_table *providers; /* borrowed */
    struct intern *identities;              /* borrowed */
    uint64_t max_memory, memory;            /* bytes, as asked for */
    struct map numbers;                     /* message number -> place in messages */
    struct map keys;                        /* of events that are there */
    struct found_message *messages;
    struct find_growth *growths; /* of the messages, in the same places */
    size_t count, capacity;
    uint64_t duplicates;
    struct find_block *blocks; /* texts */
};

void find_store_init(struct find_store *s, uint64_t max_memory);
void find_store_deinit(struct find_store *s);

/* Adds what workers wrote. False with a sentence that says what to do when the memory does not suffice. */
bool find_store_add(struct find_store *s, struct span text, struct err *err);

/* Settles the messages, keeps those with a record that matched and that `keep` wants, and sorts them: newest first,
 * then by id. */
void find_store_settle(struct find_store *s, bool (*keep)(void *context, const struct found_message *m), void *context);

#endif
