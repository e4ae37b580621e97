/* Everything that is known beforehand of mailboxes, replies and visitors, beside the table of providers: made once (and
 * anew when the configuration is loaded again), read by all threads. */
#ifndef PARSERS_KNOWLEDGE_H
#define PARSERS_KNOWLEDGE_H

#include "core/err.h"
#include "model/mail_host.h"
#include "model/mx_table.h"
#include "model/provider.h"
#include "parsers/bounce_rules.h"
#include "parsers/hosted.h"
#include "parsers/visitors.h"

struct knowledge_files {
    const char *mx_table;     /* NULL: none */
    const char *bounce_rules; /* NULL: none */
};

struct knowledge {
    struct mail_hosts *hosts;
    struct mx_table *mx; /* NULL: none */
    struct hosted *hosted;
    struct bounce_rules *rules;
    struct visitors *visitors;
};

/* `providers` must outlive it. Returns new; NULL with ERR_CONFIG and a text that names file, line and column.
 * ERR_CONFIG too, and the file alone, when a file cannot be opened or read: the configuration has named it. */
struct knowledge *knowledge_create(const struct provider_table *providers, const struct knowledge_files *files,
                                   struct err *err);
void knowledge_destroy(struct knowledge *k); /* NULL is allowed */

#endif
