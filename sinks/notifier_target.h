/* Whether a target of the configuration file can be served. */
#ifndef SINKS_NOTIFIER_TARGET_H
#define SINKS_NOTIFIER_TARGET_H

#include "sinks/notifier.h"

/* URLs and headers. The reason names the target and holds no URL and no secret. notifier_start does this too. */
bool notify_target_check(const struct notify_target *t, struct err *err);

#endif
