/* Whose the mailboxes of a company's own domain are, as far as one event gives it away: the names of servers in the
 * reply's text, reportingMTA, and the networks of remoteMtaIp. */
#ifndef PARSERS_HOSTED_H
#define PARSERS_HOSTED_H

#include <stdint.h>

#include "core/span.h"
#include "model/mail_host.h"
#include "model/provider.h"

struct hosted;

struct hosted *hosted_create(const struct mail_hosts *hosts,
                             const struct provider_table *providers); /* borrows hosts */
void hosted_destroy(struct hosted *h);                                /* NULL is allowed */

/* The reply (smtpResponse or diagnosticCode), reportingMTA, remoteMtaIp; each may be empty. In this order; the first
 * that tells something counts. PROVIDER_OTHER: none does. */
uint16_t hosted_find(const struct hosted *h, struct span reply, struct span reporting_mta, struct span remote_mta_ip);

#endif
