/* The body of a webhook: that of Alertmanager's webhooks, version "4", so that what receives those receives ours; and
 * its signature. */
#ifndef SINKS_WEBHOOK_H
#define SINKS_WEBHOOK_H

#include "core/span.h"
#include "sinks/notifier.h"

char *webhook_body(const struct notify_target *t, const struct alert_row *alert); /* returns new; firing or resolved */

enum { WEBHOOK_SIGNATURE_SIZE = sizeof "sha256=" + 64 };
/* "sha256=" and the HMAC-SHA-256 (RFC 2104) of the body in hexadecimal digits. */
void webhook_sign(const char *secret, struct span body, char out[WEBHOOK_SIGNATURE_SIZE]);

#endif
