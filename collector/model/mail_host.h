/* Whose a mail server is, by its name: the names of MX records and of servers in replies. */
#ifndef MODEL_MAIL_HOST_H
#define MODEL_MAIL_HOST_H

#include <stdint.h>

#include "core/span.h"
#include "model/provider.h"

/* The hosts that are known, with the providers' numbers in one table. The table is borrowed while it is made. */
struct mail_hosts;
struct mail_hosts *mail_hosts_create(const struct provider_table *providers); /* returns new */
void mail_hosts_destroy(struct mail_hosts *h);                                /* NULL is allowed */

/* `host`: any case, with or without a dot at its end. PROVIDER_OTHER when it is not known. */
uint16_t mail_hosts_find(const struct mail_hosts *h, struct span host);

#endif
