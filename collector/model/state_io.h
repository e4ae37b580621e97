/* What state is made of, between those who have it (aggregate, alerting) and whoever keeps it. Values are the structs
 * of their owners as they lie in memory: STATE_LAYOUT changes with them, and says so to the keeper. */
#ifndef MODEL_STATE_IO_H
#define MODEL_STATE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "model/event.h"

/* Numbers are for ever. */
enum state_table {
    STATE_NUMBERS = 1,    /* index STATE_NUMBERS_OF_*: single numbers */
    STATE_ACCOUNTING = 2, /* key source: struct accounting */
    STATE_PAIRS = 3,      /* key CELL_PAIR: struct tally */
    STATE_IDENTITIES = 4, /* key identity: struct tally */
    STATE_DETAILS = 5,    /* DETAIL_KEY: uint64_t */
    STATE_MINUTES = 6,    /* index minute, hour, day; key of a cell: struct cell_counts */
    STATE_HOURS = 7,
    STATE_DAYS = 8,
    STATE_DELAYS = 9,        /* index day; key of message and recipient: struct first_delay */
    STATE_WATCHES = 10,      /* index rule; key of a series: a rule's standing there */
    STATE_INCIDENTS = 11,    /* key incident */
    STATE_ACTIVITY = 12,     /* index minute: uint32_t records of each type */
    STATE_SENT_MINUTES = 13, /* as the three above, by when the mail was sent */
    STATE_SENT_HOURS = 14,
    STATE_SENT_DAYS = 15,
    STATE_DOMAINS = 16, /* key of a domain: whose it is, and since when that is known */
    STATE_VISITS = 17,  /* index minute; key of an open or a click that is not judged yet */
    STATE_TAGS = 64,    /* and the following: key tag value: struct tally */
};
enum { STATE_NUMBERS_OF_AGGREGATE, STATE_NUMBERS_OF_ALERTING };

/* The shape of the values above: a file with another is not read. */
enum { STATE_LAYOUT = 2 };

enum state_keys { STATE_KEYS_HAPPENINGS, STATE_KEYS_VISITS, STATE_KEY_SETS };

struct state_writer {
    void *context;
    void (*put)(void *context, int table, int64_t index, uint64_t key, const void *value, size_t size);
    void (*drop)(void *context, int table, int64_t index, uint64_t key);
    void (*drop_below)(void *context, int table, int64_t index);
    /* Sets of keys: of what happened, by hour; of first opens and clicks, by the day of sending. */
    void (*add_keys)(void *context, enum state_keys set, int64_t index, const uint64_t *keys, size_t count);
    void (*drop_keys_below)(void *context, enum state_keys set, int64_t index);
};

typedef void (*state_cell_fn)(void *context, int64_t index, uint64_t key, const void *value);
typedef void (*state_keys_fn)(void *context, int64_t index, const uint64_t *keys, size_t count);
struct state_reader {
    void *context;
    /* Calls `each` for every cell of the table; false with `err` when it cannot be read, or a value has not `size`
     * bytes (0: any size; then `each` gets a struct span). */
    bool (*each)(void *context, int table, size_t size, state_cell_fn each, void *each_context, struct err *err);
    bool (*each_keys)(void *context, enum state_keys set, state_keys_fn each, void *each_context, struct err *err);
};

#endif
