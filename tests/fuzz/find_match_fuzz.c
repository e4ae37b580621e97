/* Patterns against texts, and the headers that they are asked of: the same answer as a plain table of all prefixes, and
 * no byte too far. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "commands/find_match.h"
#include "core/buf.h"
#include "sinks/normalized.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lower case is of ASCII here: texts with other bytes are only tried, not compared. */
static char lower(char c) {
    return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static bool plain_match(struct span pattern, struct span text) {
    bool *row = calloc(text.len + 1, 1);
    row[0] = true;
    for (size_t p = 0; p < pattern.len; p++) {
        bool before = row[0];
        row[0] = row[0] && pattern.ptr[p] == '*';
        for (size_t t = 1; t <= text.len; t++) {
            bool diagonal = before;
            before = row[t];
            row[t] = pattern.ptr[p] == '*' ? row[t] || row[t - 1]
                                           : diagonal && lower(pattern.ptr[p]) == lower(text.ptr[t - 1]);
        }
    }
    bool found = row[text.len];
    free(row);
    return found;
}

static bool is_ascii(struct span s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] > 0x7f)
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *line = size ? memchr(data, '\n', size) : NULL;
    size_t len = line ? (size_t)(line - (const char *)data) : 0;
    if (!line || len > 200 || size > 1000)
        return 0;
    char *pattern = calloc(len + 1, 1), *text = malloc(size - len);
    memcpy(pattern, data, len);
    memcpy(text, line + 1, size - len - 1);
    struct span rest = {text, size - len - 1}, subject, from;
    static struct find_pattern p;
    find_pattern_set(&p, "x", pattern, NULL);
    bool found = find_pattern_matches(&p, rest);
    if (is_ascii(span_of(pattern)) && is_ascii(rest))
        assert(found == plain_match(span_of(pattern), rest));
    struct find_headers h;
    find_headers_init(&h, json_isa_best());
    if (find_headers_read(&h, rest, &subject, &from, NULL, NULL)) {
        struct buf b;
        buf_init(&b, 1 << 16);
        normalized_put_string(&b, subject, 100);
        normalized_put_string(&b, from, 100);
        assert(!b.failed);
        for (size_t i = 0; i < b.len; i++)
            assert((unsigned char)b.data[i] >= ' ');
        buf_deinit(&b);
    }
    find_headers_deinit(&h);
    free(pattern);
    free(text);
    return 0;
}
