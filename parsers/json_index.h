/* First pass over JSON text: where are the quotes, the brackets and the line ends? One bit per byte, in blocks of 64,
 * after the first stage of simdjson (Langdale and Lemire 2019). What follows never looks at bytes it does not need:
 * a string ends at the next quote bit, a value is jumped over by counting bracket bits.
 *
 * A raw line end cannot stand inside a JSON string. Where one does, the text is damaged there: the string is taken to
 * end, so that the next line starts afresh, and the place is marked. */
#ifndef PARSERS_JSON_INDEX_H
#define PARSERS_JSON_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bit i of a word stands for byte i of the block. */
struct json_block {
    uint64_t quote;   /* quotes that begin or end a string */
    uint64_t open;    /* { and [ outside strings */
    uint64_t close;   /* } and ] outside strings */
    uint64_t escape;  /* backslashes, anywhere */
    uint64_t newline; /* line feeds, anywhere */
    uint64_t damage;  /* line feeds that stood inside a string */
    uint32_t opens;   /* how many bits `open` has: counting is cheap here, where the processor is known */
    uint32_t closes;
};

/* Room behind the text: text[len] must be readable, and is expected to be 0, so that no look at a byte needs a check.
 */
enum { JSON_PADDING = 64 };

struct json_index {
    const char *text; /* borrowed */
    size_t len;
    struct json_block *blocks; /* owned; a block of zeros follows the last */
    size_t capacity;           /* blocks */
    bool damaged;              /* some damage bit is set */
    bool last;                 /* nothing follows the text: set by the caller, true after init */
};

/* The same work for different processors; all give the same result. */
enum json_isa { JSON_ISA_PLAIN, JSON_ISA_SSE2, JSON_ISA_AVX2, JSON_ISA_AVX512, JSON_ISAS };
const char *json_isa_name(enum json_isa isa);
bool json_isa_supported(enum json_isa isa);
enum json_isa json_isa_best(void);

void json_index_init(struct json_index *ix);
void json_index_deinit(struct json_index *ix);

/* Indexes `text`, which begins outside of any string, with the given instruction set (it must be supported). text[len]
 * must be 0. Reuses its memory: 56 bytes per 64 of text, grown to the longest text so far. `text` must stay until the
 * next call. */
void json_index_build(struct json_index *ix, const char *text, size_t len, enum json_isa isa);

#endif
