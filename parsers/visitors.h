/* Who opened or clicked, by what one event says: user agent and address. What several events of a message say together
 * (bursts) is aggregate/visits. Sources of the signals: docs/engagement.md. */
#ifndef PARSERS_VISITORS_H
#define PARSERS_VISITORS_H

#include "core/span.h"
#include "model/event.h"

struct visitors;

struct visitors *visitors_create(void);    /* returns new */
void visitors_destroy(struct visitors *v); /* NULL is allowed */

/* `type`: EVENT_OPEN or EVENT_CLICK. */
enum visitor visitors_find(const struct visitors *v, enum event_type type, struct span user_agent, struct span address);

#endif
