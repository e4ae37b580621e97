/* One object, from its bytes to its text. */
#ifndef SOURCE_OBJECT_H
#define SOURCE_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "model/snapshot.h"
#include "parsers/inflate.h"
#include "source/files.h"

enum object_status {
    OBJECT_MORE,        /* text was given */
    OBJECT_DONE,        /* all of it was given (the last call may have given some) */
    OBJECT_EMPTY,       /* there was nothing in it */
    OBJECT_DAMAGED,     /* what came before the damage was given: `err` says what */
    OBJECT_UNSUPPORTED, /* a format that is not read here: `err` says which */
    OBJECT_UNREADABLE,  /* the system refused: `err` says why */
};

/* Counts an object that ended so; MORE counts as read to its end. */
void object_count(struct accounting *a, enum object_status status);

/* Reads one object after the other with the same memory. */
struct object_reader;

struct object_reader *object_reader_create(const struct inflate_limits *limits); /* NULL: defaults; returns new */
void object_reader_destroy(struct object_reader *r);

/* False when it cannot be opened (`err`). A named pipe is waited for: the list holds one only if the user named it. */
bool object_open(struct object_reader *r, const struct object *o, struct err *err);
void object_close(struct object_reader *r);

/* Writes up to `room` bytes of text; *len may be 0 without the end being reached. Once the status is not MORE, it
 * stays. */
enum object_status object_read(struct object_reader *r, char *to, size_t room, size_t *len, struct err *err);

/* Whether an object that is unreadable is gone, or another one by now: what its opener says. Until object_close. */
enum object_loss object_loss(const struct object_reader *r);

uint64_t object_bytes_read(const struct object_reader *r);  /* of this object, so far */
uint64_t object_text_offset(const struct object_reader *r); /* where the text of a stretch begins in the whole */

/* Whether a file is plain text whose records stand on lines of their own, so that it may be read in stretches by
 * several workers: looked at in its first bytes. */
bool object_is_splittable(const struct object *o);

#endif
