/* An operator's offline table of domains and the mail servers of their MX records: whose the mailboxes of a company's
 * own domain are. The form of the file: docs/providers.md. */
#ifndef MODEL_MX_TABLE_H
#define MODEL_MX_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/span.h"
#include "model/mail_host.h"
#include "model/provider.h"

struct mx_table;

/* Returns new; NULL with a text that names file, line and column. */
struct mx_table *mx_table_load(const char *path, const struct mail_hosts *hosts, const struct provider_table *providers,
                               struct err *err);
void mx_table_destroy(struct mx_table *t); /* NULL is allowed */

size_t mx_table_count(const struct mx_table *t);

/* `domain` as for provider_table_find. PROVIDER_OTHER when it is not in the table, or none of its servers is known. */
uint16_t mx_table_find(const struct mx_table *t, struct span domain);

#endif
