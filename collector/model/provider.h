/* Mailbox providers (ISPs): from a recipient's domain to the provider that runs its mailboxes. */
#ifndef MODEL_PROVIDER_H
#define MODEL_PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/span.h"

enum {
    PROVIDER_OTHER = 0,     /* every domain that no rule names */
    PROVIDER_MULTIPLE = 1,  /* an event whose recipients are at several providers */
    PROVIDER_SIMULATOR = 2, /* simulator.amazonses.com: counted apart, in no rate */
    PROVIDER_MAX = 1024,    /* ids are below this */
};

struct provider_table;

/* The built-in table. Returns new. */
struct provider_table *provider_table_create(void);
/* The same, but names[i] gets the number i, so that numbers kept from another run still mean the same: `names` begins
 * with other, multiple, simulator. NULL when they are no names that such a table can have given. */
struct provider_table *provider_table_create_numbered(const char *const *names, size_t count);
void provider_table_destroy(struct provider_table *t); /* NULL is allowed */

/* Extends and overrides the table from a file (format: docs/providers.md). On error the text names file, line and
 * column. */
bool provider_table_load(struct provider_table *t, const char *path, struct err *err);

/* `domain`: lower case, A-labels, no trailing dot (parsers/recipient.h makes it so). Thread-safe once loading is over.
 */
uint16_t provider_table_find(const struct provider_table *t, struct span domain);

size_t provider_table_count(const struct provider_table *t);
const char *provider_table_name(const struct provider_table *t, uint16_t provider);
bool provider_table_has_feedback_loop(const struct provider_table *t, uint16_t provider);

#endif
