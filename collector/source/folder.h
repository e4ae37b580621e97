/* Folders that grow: every file is read once, in the order of the times in their names.
 *
 * The position of a file is its ledger entry's (ledger.h). A file that changed since is read again from its beginning:
 * what was counted is known. */
#ifndef SOURCE_FOLDER_H
#define SOURCE_FOLDER_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "source/source.h"

struct folder_options {
    char *name;
    char **paths; /* folders, files, globs */
    size_t path_count;
    int64_t interval_ms; /* between two looks */
    int64_t settle_ms;   /* a file that changed less than this ago may still be being written */
};

void folder_options_deinit(struct folder_options *o);

struct source *folder_open(const struct folder_options *o, const struct saved_position *saved, size_t saved_count,
                           struct err *err);

#endif
