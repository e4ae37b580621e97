/* What stands in a configuration's values: pure functions over text. */
#ifndef CONFIG_WORDS_H
#define CONFIG_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

/* "5%", "0.5 %", "0.05": digits and a point only, 12 behind it at most. Exact: 0.1% is the same double as 0.001. */
bool share_parse(const char *text, double *share);
enum { SHARE_SIZE = 40 };
void share_format(double share, char out[SHARE_SIZE]); /* in percent; parses to the same double */

void factor_format(double factor, char out[SHARE_SIZE]); /* without a sign; share_parse gives the same double */

/* "1GiB", "512 MiB", "10MB", "4096": whole numbers, binary and decimal units. */
bool size_parse(const char *text, uint64_t *bytes);
enum { SIZE_SIZE = 32 };
void size_format(uint64_t bytes, char out[SIZE_SIZE]);

/* In the largest unit that gives a whole number, days from 4 on: "90m", "72h", "7d". */
enum { DURATION_SIZE = 32 };
void duration_format(int64_t ms, char out[DURATION_SIZE]);

/* Whether the words differ by so little that one may be meant for the other; the lower the closer. */
bool word_is_near(const char *a, const char *b, unsigned *distance);

/* Each returns NULL when the text is good, else what would be right, to stand behind "; ". */
const char *url_wrong(const char *text);    /* http or https, a host, no user, no fragment */
const char *listen_wrong(const char *text); /* ":9465", "127.0.0.1:9465", "[::1]:9465" */
const char *topic_wrong(const char *text);  /* a name that Kafka allows */
const char *name_wrong(const char *text);   /* of a source or a target */
const char *region_wrong(const char *text); /* of AWS */
const char *label_wrong(const char *text);  /* a label's or annotation's name */
const char *header_wrong(const char *text); /* a header's name */
const char *line_wrong(const char *text);   /* no control characters: a header's value, a name */
const char *bcrypt_wrong(const char *text); /* a hash: $2y$10$... */

/* Appends `text` with ${NAME}, ${NAME:-other}, ${NAME:?what to do} and $$ replaced, from the environment. Any other $
 * stands for itself. False with a sentence in `err` (without a place). */
bool expand_variables(const char *text, struct buf *to, struct err *err);

#endif
