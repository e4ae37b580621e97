/* The domain of a recipient, as SES records give recipients. */
#ifndef PARSERS_RECIPIENT_H
#define PARSERS_RECIPIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/span.h"

enum { RECIPIENT_DOMAIN_SIZE = 256 };

/* Finds the bare address in `text`: blanks around it, a display name (`"Doe, J" <j@x.org>`), angle brackets. The
 * result is inside `text`. `text` itself when there is nothing to take off. */
struct span recipient_address(struct span text);

/* Writes the address's domain: what follows the last `@` outside quotes, lower case, an internationalised name as
 * A-labels (IDNA 2008 by libidn2, only when a byte is over 0x7f), no trailing dot, no blanks. Returns its length, or 0
 * when there is no usable domain: none, empty, longer than 253 bytes, or with a byte that no domain has (control
 * characters, blanks, quotes, brackets...). A domain literal ([192.0.2.1]) is no usable domain.
 * Fast path: plain ASCII addresses without display name; allocates nothing. */
size_t recipient_domain(struct span text, char out[RECIPIENT_DOMAIN_SIZE]);

#endif
