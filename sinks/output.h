/* Where a sink's text goes: standard output, or a file that appears whole or not at all. */
#ifndef SINKS_OUTPUT_H
#define SINKS_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "core/err.h"

/* Written under a temporary name in the target's folder and renamed by output_commit. What exists already and is no
 * regular file (a pipe, a terminal, /dev/null) is written to directly; a symbolic link keeps pointing where it did.
 * The caller ignores SIGPIPE, so that a reader that went away shows as an error of the write. */
struct output {
    FILE *file;       /* to write to; owned, but for standard output */
    char *name;       /* for messages: the path as given, or "standard output"; owned */
    char *target;     /* what to rename to; NULL when written to directly; owned */
    char *temporary;  /* owned */
    bool reader_gone; /* after a failed commit: the reader closed its end, which is no news worth a message */
};

/* `path` "-" is standard output. On false nothing is left to close. */
bool output_open(struct output *o, const char *path, struct err *err);

/* Flushes, syncs, and puts the file in its place. False when any write since output_open failed; the target is then
 * what it was before. Frees everything. */
bool output_commit(struct output *o, struct err *err);

/* Gives up: the target stays what it was before. Frees everything. */
void output_abort(struct output *o);

#endif
