/* The datagrams that systemd gets, at a socket of the test's own, and the watchdog's interval. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/systemd.h"

static int listen_at(const char *name) {
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    assert_true(len < sizeof at.sun_path);
    memcpy(at.sun_path, name, len);
    if (name[0] == '@')
        at.sun_path[0] = '\0';
    assert_int_equal(bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
    return fd;
}

static void expect(int fd, const char *text) {
    char got[256] = "";
    ssize_t len = recv(fd, got, sizeof got - 1, 0);
    assert_int_equal(len, strlen(text));
    assert_string_equal(got, text);
}

static void path_socket(void **state) {
    (void)state;
    char folder[] = "/tmp/ses-systemd-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    snprintf(path, sizeof path, "%s/notify", folder);
    int fd = listen_at(path);
    setenv("NOTIFY_SOCKET", path, 1);
    systemd_notify("READY=1\nSTATUS=counting");
    expect(fd, "READY=1\nSTATUS=counting");
    close(fd);
    systemd_notify("WATCHDOG=1"); /* nobody listens: nothing happens */
    unlink(path);
    systemd_notify("WATCHDOG=1");
    rmdir(folder);
}

static void abstract_socket(void **state) {
    (void)state;
    char name[64];
    snprintf(name, sizeof name, "@ses-systemd-test-%d", (int)getpid());
    int fd = listen_at(name);
    setenv("NOTIFY_SOCKET", name, 1);
    systemd_notify("STOPPING=1");
    expect(fd, "STOPPING=1");
    close(fd);
}

static void no_socket(void **state) {
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    systemd_notify("READY=1");
    static const char *const odd[] = {"", "@", "/", "relative/path", "vsock:2:1"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        setenv("NOTIFY_SOCKET", odd[i], 1);
        systemd_notify("READY=1");
    }
    char path[400];
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    setenv("NOTIFY_SOCKET", path, 1);
    systemd_notify("READY=1");
}

static void watchdog(void **state) {
    (void)state;
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
    assert_int_equal(systemd_watchdog_ms(), 0);
    static const struct {
        const char *usec;
        int64_t ms;
    } cases[] = {{"30000000", 30000}, {"1500", 1}, {"999", 1}, {"0", 0},  {"", 0},
                 {"-5", 0},           {"x", 0},    {"5x", 0},  {" 5", 0}, {"99999999999999999999", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        setenv("WATCHDOG_USEC", cases[i].usec, 1);
        assert_int_equal(systemd_watchdog_ms(), cases[i].ms);
    }
    setenv("WATCHDOG_USEC", "2000000", 1);
    char pid[32];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    assert_int_equal(systemd_watchdog_ms(), 2000);
    setenv("WATCHDOG_PID", "1", 1); /* meant for another process */
    assert_int_equal(systemd_watchdog_ms(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_socket),
        cmocka_unit_test(abstract_socket),
        cmocka_unit_test(no_socket),
        cmocka_unit_test(watchdog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
