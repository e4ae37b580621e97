/* Writes JSON to a stream as it is told it, so that a report of any length needs no memory. The caller keeps the
 * order (a key before each member of an object); commas and escapes are done here. Bytes from outside may be
 * anything: what is no valid UTF-8 becomes U+FFFD. Write errors stay in the stream (ferror). */
#ifndef SINKS_JSON_WRITER_H
#define SINKS_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/span.h"

struct json_writer {
    FILE *out;  /* borrowed */
    bool comma; /* something stands before the next value at this level */
};

void json_put_open(struct json_writer *w, char bracket);   /* '{' or '[' */
void json_put_close(struct json_writer *w, char bracket);  /* '}' or ']' */
void json_put_key(struct json_writer *w, const char *key); /* our own word, written as it is */
void json_put_span(struct json_writer *w, struct span s);
void json_put_string(struct json_writer *w, const char *s); /* NULL is null */
void json_put_u64(struct json_writer *w, uint64_t value);
void json_put_double(struct json_writer *w, double value);  /* null when it is no finite number */
void json_put_time(struct json_writer *w, int64_t ms);      /* RFC 3339 */
void json_put_base64(struct json_writer *w, struct span s); /* RFC 4648, padded */
void json_put_null(struct json_writer *w);
void json_put_line(struct json_writer *w); /* the next value begins on a new line */

/* A member of an object: its key, and the value. Of one that is not known the value is null. */
void json_put_string_member(struct json_writer *w, const char *key, const char *s);
void json_put_u64_member(struct json_writer *w, const char *key, uint64_t value);
void json_put_double_member(struct json_writer *w, const char *key, bool known, double value);
void json_put_time_member(struct json_writer *w, const char *key, bool known, int64_t ms);

#endif
