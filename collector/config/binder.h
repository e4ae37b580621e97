/* Tables of keys: what may stand in a section of a configuration file, where it goes, what it means. One table reads,
 * writes and documents a section, so the three cannot differ. */
#ifndef CONFIG_BINDER_H
#define CONFIG_BINDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/tree.h"
#include "core/err.h"

enum { CONFIG_MAX_BYTES = 1 << 20, CONFIG_MAX_SECRET_BYTES = 64 << 10 };

/* --- the tables --------------------------------------------------------------------------------------------------- */

enum key_type {
    KEY_TEXT,     /* char *; with a count it is the only member of a list: char ** */
    KEY_PATH,     /* char *, made absolute from the file's folder */
    KEY_BOOL,     /* bool */
    KEY_CHOICE,   /* an enum; `choice` names its values */
    KEY_FLAGS,    /* unsigned, bits of what `choice` names; a list */
    KEY_NUMBER,   /* int32, uint32, uint64, size_t: `width` says which */
    KEY_SIZE,     /* uint64_t, bytes */
    KEY_DURATION, /* int64_t, ms; below 0 is "not given" */
    KEY_SHARE,    /* double, 0 to 1; below 0 is "not given" */
    KEY_FACTOR,   /* double, 1.1 to 1000; below 0 is "not given" */
    KEY_TEXTS,    /* char ** and a count; one text alone is taken for a list of one */
    KEY_PATHS,    /* the same, each made absolute */
    KEY_NUMBERS,  /* int32_t * and a count */
    KEY_PAIRS,    /* an array of structs of two char *, and a count */
    KEY_SECTION,  /* keys of their own, in `section`, below the same base */
    KEY_ITEMS,    /* a list; each entry goes to `take` */
    KEY_REFUSED,  /* known, and not supported: `means` says what to do */
};

enum {
    KEY_REQUIRED = 1, /* must be there */
    KEY_SECRET = 2,   /* never shown; NAME_file reads it from a file */
    KEY_FIXED = 4,    /* a running service cannot take over another value */
    KEY_READABLE = 8, /* KEY_PATH: must be a file that can be read now */
    KEY_PLAIN = 16,   /* never expanded: its text has dollar signs of its own */
};

struct binder;
struct writer;
struct section;

struct key {
    const char *name;
    enum key_type type;
    unsigned flags;
    size_t at, width, count_at;             /* FIELD, LIST_FIELD */
    const char *fallback;                   /* the default, as it would be written; NULL: none */
    const char *word;                       /* KEY_DURATION, KEY_SHARE: may stand in the value's place, and is a 0 */
    const char *shown_default;              /* where the default has to be told in words */
    int64_t min, max;                       /* KEY_NUMBER, KEY_NUMBERS, KEY_SIZE, KEY_DURATION (ms); max 0: none */
    const char *(*choice)(unsigned i);      /* NULL past the last */
    const char *(*wrong)(const char *text); /* see words.h; of each text, or of each name of KEY_PAIRS */
    const char *(*wrong_value)(const char *text); /* KEY_PAIRS */
    bool (*is_secret)(const char *name);          /* KEY_PAIRS */
    const struct section *section;                /* KEY_SECTION; KEY_ITEMS: for the documentation */
    bool (*take)(struct binder *b, void *base, const struct node *entry);
    void (*show)(struct writer *w, const void *base); /* KEY_ITEMS: every entry, or nothing */
    const char *means;                                /* for the documentation: one sentence */
};

struct section {
    const char *name; /* its path: "alerts.rules[]" */
    const struct key *keys;
    size_t count;
};

#define FIELD(type, member)               .at = offsetof(type, member), .width = sizeof(((type *)0)->member)
#define LIST_FIELD(type, member, counter) .at = offsetof(type, member), .count_at = offsetof(type, counter)
#define KEYS_OF(array)                    .keys = (array), .count = sizeof(array) / sizeof(array)[0]

/* --- reading ------------------------------------------------------------------------------------------------------ */

struct binder {
    const char *file;   /* as it stands in messages */
    const char *folder; /* relative paths begin here */
    bool expands;       /* ${NAME} in values */
    struct err *err;
};

/* Fills in the defaults of all keys of a section, and of those below. `base` was zeroed. */
void bind_defaults(const struct section *s, void *base);

/* Takes the values of `map` (NODE_MAP, or NODE_NONE for none at all). */
bool bind_section(struct binder *b, const struct section *s, void *base, const struct node *map);

/* Of the value, of its key. Return false. */
bool bind_error(struct binder *b, const struct node *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool bind_error_at_key(struct binder *b, const struct node *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The place of a key's value (or of NAME_file's), for what is found wrong later; `map` itself if it is not there. */
const struct node *bind_place(const struct node *map, const char *key);

/* Frees what a section's keys hold. KEY_ITEMS are left to their owner. */
void bind_free(const struct section *s, void *base);

/* Reads a file of at most `max` bytes. `regular`: nothing but a regular file. Returns new, terminated; NULL with `err`
 * (without a place). */
char *bind_read_file(const char *path, size_t max, bool regular, size_t *len, struct err *err);

/* `path`, or folder/path when it is relative. Returns new. */
char *bind_absolute(const char *folder, const char *path);

/* --- writing ------------------------------------------------------------------------------------------------------ */

struct writer {
    FILE *out;
    bool reveal; /* secrets too: to compare, never to show */
    unsigned indent;
    bool dash;  /* the next line begins an entry of a list */
    bool terse; /* keys that are not set leave no comment */
};

void write_section(struct writer *w, const struct section *s, const void *base);
void write_key(struct writer *w, const struct key *k, const void *base);
/* "name:" of a list or section, whose lines follow two columns further in, until write_end. */
void write_begin(struct writer *w, const char *name);
void write_end(struct writer *w);

/* The keys of a section, and of those below, as Markdown. */
void write_reference(FILE *out, const struct section *s);

#endif
