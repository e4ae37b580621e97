/* The place where the latest snapshot hangs: one thread puts it up, any thread takes a look. What hangs there is
 * committed: nobody ever sees a count that a crash could take back. */
#ifndef MODEL_BOARD_H
#define MODEL_BOARD_H

#include "model/snapshot.h"

struct board;

struct board *board_create(void (*destroy)(struct snapshot *)); /* returns new */
void board_destroy(struct board *b);                            /* nobody may look any more; NULL is allowed */

/* Takes the snapshot; the one before is destroyed when its last reader has let go. */
void board_put(struct board *b, struct snapshot *s);

/* Puts up the snapshot that hangs once more, with another row of the service. Does nothing while there is none. */
void board_amend(struct board *b, const struct service_row *service);

/* NULL while there is none. Every look must end with board_release. Thread-safe. */
const struct snapshot *board_look(struct board *b);
void board_release(struct board *b, const struct snapshot *s); /* NULL is allowed */

#endif
