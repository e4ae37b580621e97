/* Times in the folders of a key, as Firehose and those who write like it put them there: 2026/11/21/23/,
 * year=2026/month=11/, dt=2026-11-21/hour=23/, 2026112123/, legacy2026/11/. Pure.
 *
 * A time is read folder by folder: each gives the fields behind those that are known. */
#ifndef SOURCE_S3_LISTING_KEY_H
#define SOURCE_S3_LISTING_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/span.h"

enum { KEY_YEAR, KEY_MONTH, KEY_DAY, KEY_HOUR, KEY_FIELDS };
enum { KEY_FIRST_YEAR = 1990, KEY_LAST_YEAR = 2099, KEY_WORD_SIZE = 64, KEY_NAME_SIZE = 96 };

/* A calendar time as far as it is known: its first `known` fields. */
struct key_time {
    int field[KEY_FIELDS];
    unsigned known;
};

/* How a folder is called: "month=11" has the word "month=" and the fields [KEY_MONTH, KEY_DAY). */
struct key_shape {
    char word[KEY_WORD_SIZE];
    unsigned first, end;      /* fields */
    char between[KEY_FIELDS]; /* behind each field but the last: '-', '_', '.', 'T', or 0 for nothing */
};

/* Reads a folder's name (without its slash) as what comes behind the fields that *t knows, and adds these. The year may
 * stand behind any word, the others only behind a word that names them. Minutes behind an hour are read over. */
bool key_shape_parse(struct span name, struct key_time *t, struct key_shape *shape);
bool key_shape_equal(const struct key_shape *a, const struct key_shape *b);
/* Whether such a folder is one of times by its name alone: "2026", "dt=2026-11-21", "year=2026"; not "backup2026". */
bool key_shape_is_sure(const struct key_shape *shape);
/* The name of the folder that `t`, known as a whole, lies in; minutes are not said. */
void key_shape_format(const struct key_shape *shape, const struct key_time *t, char name[KEY_NAME_SIZE]);

/* Moments of a calendar (ms as if it were UTC): where the time begins, and ends. */
int64_t key_time_start(const struct key_time *t);
int64_t key_time_end(const struct key_time *t);
/* The hour that a moment lies in; a moment out of the years that keys have is moved to the next that is not. */
struct key_time key_time_of(int64_t local_ms);

/* The time that the folders of a key say; known is 0 when there is none. *end: where in the key it ends, behind a
 * slash. */
struct key_time key_folder_time(const char *key, size_t *end);

#endif
