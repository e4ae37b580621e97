/* What `replay`, `find` and `normalize` read: the tables that it is read with, the objects, the progress line, and what
 * is said about input at the end. */
#ifndef COMMANDS_INPUT_H
#define COMMANDS_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "commands/input_options.h"
#include "commands/progress.h"
#include "commands/replay_buckets.h"
#include "core/err.h"
#include "model/provider.h"
#include "model/snapshot.h"
#include "parsers/knowledge.h"
#include "parsers/normalise.h"
#include "source/files.h"

/* Set `options`, zero the rest. */
struct input {
    const struct input_options *options; /* borrowed */
    struct object_list objects;
    struct replay_buckets buckets;
    struct provider_table *providers;
    struct knowledge *knowledge;
    struct dictionary dictionary; /* of these two; its names are owned */
    struct progress progress;
    unsigned troubles; /* objects that could not be read to their end */
};

/* Loads the tables, and makes room for so many names of sets and of identities, and so many of templates. False with
 * ERR_CONFIG. The caller adds tags: those are destroyed with the rest. */
bool input_load(struct input *in, size_t max_names, size_t max_templates, struct err *err);

/* Finds the objects, and may be called again: then anew. `before_ms`: how much before the period is read, too.
 * `in_time_order`: objects whose names say no time are looked into for it. */
bool input_find_objects(struct input *in, int64_t before_ms, bool in_time_order, struct err *err);

unsigned input_threads(const struct input *in); /* as many as are of use, at least 1 */

/* Before a run, and after it. */
void input_begin(struct input *in);
void input_end(struct input *in);
/* What a run calls; `context` is the input, or a struct that begins with it. */
bool input_on_progress(void *context, const struct replay_progress *at);
void input_on_trouble(void *context, const char *text);

/* Not one object could be read. One of which a part was read, or that holds something else, is read. */
bool input_is_nothing_read(const struct accounting *a);
/* On standard error: what was left out or could not be read; the malformed by reason. */
void input_say_unread(const struct input *in, const struct accounting *a);
void input_say_malformed(const struct accounting *a);

void input_deinit(struct input *in);

#endif
