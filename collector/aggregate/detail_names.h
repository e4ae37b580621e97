/* What a detail is called (model/snapshot.h: enum detail_kind). */
#ifndef AGGREGATE_DETAIL_NAMES_H
#define AGGREGATE_DETAIL_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/intern.h"
#include "model/snapshot.h"

/* Whether it is counted by provider, too. */
bool detail_has_provider(enum detail_kind kind);

/* `detail` as in struct event, or the reason, or the agent. The names live as long as `templates`; no second: NULL. */
void detail_names(enum detail_kind kind, uint32_t detail, struct intern *templates, const char **first,
                  const char **second);

#endif
