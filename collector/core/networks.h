/* Lists of IP networks, each with a number of the caller's; the longest prefix that covers an address wins. Built once,
 * then read by all threads. */
#ifndef CORE_NETWORKS_H
#define CORE_NETWORKS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/span.h"

struct networks;

struct networks *networks_create(void);    /* returns new */
void networks_destroy(struct networks *n); /* NULL is allowed */

/* "192.0.2.0/24", "2001:db8::/32", an address alone. False when it is none, or bits are set behind the prefix. */
bool networks_add(struct networks *n, struct span network, int number);
void networks_finish(struct networks *n);

/* The number of the network that `address` (text) is in; -1: none, or it is no address. An IPv4 address may also be
 * written as IPv6 (::ffff:192.0.2.1). */
int networks_find(const struct networks *n, struct span address);

#endif
