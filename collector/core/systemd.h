/* What systemd is told of the service and what it asks for (sd_notify(3), sd_watchdog_enabled(3)), without its library:
 * the whole protocol is one datagram. */
#ifndef CORE_SYSTEMD_H
#define CORE_SYSTEMD_H

#include <stdint.h>

/* Sends `state` ("READY=1", "WATCHDOG=1", "STATUS=...", several lines) to $NOTIFY_SOCKET. Does nothing where that is
 * unset or nobody listens; never waits. Any thread. */
void systemd_notify(const char *state);

/* How often at least "WATCHDOG=1" is expected of this process, in ms; 0 = never. */
int64_t systemd_watchdog_ms(void);

#endif
