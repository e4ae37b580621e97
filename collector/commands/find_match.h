/* Which messages `find` looks for: patterns, and what they are compared with in a record. */
#ifndef COMMANDS_FIND_MATCH_H
#define COMMANDS_FIND_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/span.h"
#include "model/provider.h"
#include "parsers/json_index.h"
#include "parsers/knowledge.h"
#include "parsers/ses_event.h"

/* Texts are compared up to this length, in bytes. */
enum { FIND_PATTERN_MAX = 1024, FIND_TEXT_MAX = 8192 };

/* A text with `*` for any run of characters, none too. The whole text must match; upper and lower case are the same
 * (letters of all scripts where the system knows them). */
struct find_pattern {
    bool is_set, has_star;
    size_t len;
    char text[FIND_PATTERN_MAX * 2]; /* in lower case */
};

/* False with ERR_USAGE: too long. `option` is for the message. */
bool find_pattern_set(struct find_pattern *p, const char *option, const char *text, struct err *err);
bool find_pattern_matches(const struct find_pattern *p, struct span text);

/* Members of mail.commonHeaders, which the parser leaves as raw JSON. One thread's. */
struct find_headers {
    enum json_isa isa;
    char *text, *decoded; /* owned */
    size_t size;
    struct json_index index;
};
void find_headers_init(struct find_headers *h, enum json_isa isa);
void find_headers_deinit(struct find_headers *h);

/* False when `raw` is no object. *from: the first of the addresses; each is given to `each` (may be NULL) too. Spans
 * live until the next call. */
bool find_headers_read(struct find_headers *h, struct span raw, struct span *subject, struct span *from,
                       void (*each)(void *context, struct span from), void *context);

struct find_filters {
    struct find_pattern recipient, from, subject, set, message_id;
    uint64_t message_hash; /* exemplar_message; 0: any */
    bool has_provider;
    uint16_t provider;
    int64_t from_ms, to_ms; /* of the send time */
    bool is_loose;          /* NO to the provider only where no other record of the message could say yes */
};

enum find_answer {
    FIND_NO,
    FIND_MAYBE, /* the record lacks what was asked for: it belongs to the message if another record says yes */
    FIND_YES,
    FIND_YES_ALONE, /* by what stands in this record, but not in the message's others */
};

/* Whether the record's message is one of those. */
enum find_answer find_match(const struct find_filters *f, const struct provider_table *providers,
                            const struct knowledge *knowledge, struct find_headers *headers,
                            const struct ses_event *record);

#endif
