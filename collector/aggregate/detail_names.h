/* What a detail is called (model/snapshot.h: enum detail_kind). */
#ifndef AGGREGATE_DETAIL_NAMES_H
#define AGGREGATE_DETAIL_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/intern.h"
#include "model/snapshot.h"

/* Whether it is counted by provider, too. */
bool detail_has_provider(enum detail_kind kind);

/* What an event is counted under beyond its type; of opens and clicks nothing, they wait for who it was. Returns how
 * many. */
struct detail {
    enum detail_kind kind;
    uint32_t detail;
};
enum { EVENT_DETAILS = 2 };
unsigned detail_of_event(const struct event *e, struct detail out[EVENT_DETAILS]);

/* `detail` as in struct event, or the reason, or the agent. The names live as long as `templates`; no second: NULL. */
void detail_names(enum detail_kind kind, uint32_t detail, struct intern *templates, const char **first,
                  const char **second);

#endif
