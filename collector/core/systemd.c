#include "core/systemd.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void systemd_notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    if (len < 2 || len >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    int saved = errno;
    memcpy(to.sun_path, path, len);
    if (path[0] == '@')
        to.sun_path[0] = '\0'; /* the abstract name space: the name is what the length says, with no zero behind it */
    else
        len++;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
        /* Whether it arrived does not matter to us: a service manager that does not listen must stop nothing. */
        ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to, size);
        (void)sent;
        close(fd);
    }
    errno = saved;
}

/* A decimal number; false for anything else. */
static bool read_number(const char *text, int64_t *value) {
    if (!text || text[0] < '0' || text[0] > '9')
        return false;
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno || *end)
        return false;
    *value = n;
    return true;
}

int64_t systemd_watchdog_ms(void) {
    int64_t usec, pid;
    if (!read_number(getenv("WATCHDOG_USEC"), &usec))
        return 0;
    const char *whose = getenv("WATCHDOG_PID");
    if (whose && (!read_number(whose, &pid) || pid != (int64_t)getpid()))
        return 0;
    return usec > 0 && usec < 1000 ? 1 : usec / 1000;
}
