/* A new state file. */
#ifndef STATE_STORE_MAKE_H
#define STATE_STORE_MAKE_H

#include <stdbool.h>

#include "core/err.h"

/* Makes the file (0600) under another name, PATH.new, and renames it when it is whole and on the disk: whatever happens
 * meanwhile, a file of the name PATH is a complete state, or what was there before. The caller holds the lock. */
bool store_make_file(const char *path, struct err *err);

#endif
