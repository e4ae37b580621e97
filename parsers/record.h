/* One record, whatever it is wrapped in: the root object is looked at, envelopes are opened, and what is inside is
 * read. The rules are those of docs/counting.md, "From bytes to records". */
#ifndef PARSERS_RECORD_H
#define PARSERS_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "parsers/json_index.h"
#include "parsers/json_walk.h"
#include "parsers/ses_event.h"

enum { RECORD_MAX_SIZE = 1 << 20, RECORD_MAX_ENVELOPES = 3 };

enum record_kind {
    RECORD_EVENT,
    RECORD_FILTERED,  /* understood, and no sending event */
    RECORD_MALFORMED, /* `reason` says why; its end is known */
    RECORD_LOST,      /* malformed, and its end cannot be found by its structure */
    RECORD_CUT,       /* the text ends inside it */
};

struct record {
    enum record_kind kind;
    enum malformed_reason reason;
    size_t end; /* behind the record; LOST: near the place where it broke; CUT: of no use */
};

struct record_reader {
    struct ses_parser parser;
    enum json_isa isa;
    struct {
        char *text; /* what an envelope held as a string, decoded; allocated when first needed */
        struct json_index index;
    } levels[RECORD_MAX_ENVELOPES];
};

void record_reader_init(struct record_reader *r, enum json_isa isa);
void record_reader_deinit(struct record_reader *r);

/* Reads the object at `at` ('{'). `event` is filled when it is one; its spans live until the next call, and as long as
 * the text of `ix`. */
struct record record_read(struct record_reader *r, const struct json_index *ix, size_t at, struct ses_event *event);

#endif
