/* The list of incidents: what fired, and what became of it. Rows are copies with all their strings; a rule may change
 * or go while its incidents are still told of. */
#ifndef ALERT_INCIDENTS_H
#define ALERT_INCIDENTS_H

#include "model/snapshot.h"

enum { INCIDENTS_MAX = 10000 };

struct incidents {
    struct alert_row **rows; /* owned; by rising number */
    size_t count, size;
    uint64_t last;    /* the highest number given */
    uint64_t dropped; /* that found no place */
};

void incidents_deinit(struct incidents *list);

/* Adds a copy under the next number; NULL when the list is full. Borrowed. */
struct alert_row *incidents_add(struct incidents *list, const struct alert_row *row);
/* Adds a row that has its number; takes the block. False when there is one of that number, or no place. */
bool incidents_restore(struct incidents *list, struct alert_row *block);
struct alert_row *incidents_find(const struct incidents *list, uint64_t number); /* NULL: none */

/* Removes the oldest that are over: those resolved before `time_ms`. Calls `gone` (may be NULL) with each number. */
void incidents_prune(struct incidents *list, int64_t time_ms, void (*gone)(void *context, uint64_t number),
                     void *context);

#endif
