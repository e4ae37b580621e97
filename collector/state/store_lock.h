/* The lock beside the state: PATH.lock, held with flock(2) for as long as the state is open. It ends with the process,
 * however that ends, so a lock file that was left behind locks nobody out. */
#ifndef STATE_STORE_LOCK_H
#define STATE_STORE_LOCK_H

#include <stdbool.h>

#include "core/err.h"

enum store_lock_result { STORE_LOCK_HELD, STORE_LOCK_TAKEN, STORE_LOCK_IMPOSSIBLE };

struct store_lock {
    char *path; /* owned */
    int fd;     /* -1: not held */
    bool made;  /* the file was not there before */
};

/* Does not wait. TAKEN and IMPOSSIBLE fill `err`. `state` is the path of what is locked. */
enum store_lock_result store_lock_take(struct store_lock *lock, const char *state, struct err *err);
/* `forget`: removes the file if it was not there before. */
void store_lock_release(struct store_lock *lock, bool forget);

#endif
