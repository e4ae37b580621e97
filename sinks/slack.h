/* The body of a message to a Slack incoming webhook. */
#ifndef SINKS_SLACK_H
#define SINKS_SLACK_H

#include "sinks/notifier.h"

char *slack_body(const struct notify_target *t, const struct alert_row *alert); /* returns new; firing or resolved */

#endif
