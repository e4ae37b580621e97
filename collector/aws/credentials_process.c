/* credential_process: a command that prints credentials (docs.aws.amazon.com/sdkref/latest/guide/
 * feature-process-credentials.html). */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "aws/credentials_internal.h"
#include "aws/session_retry.h"
#include "core/clock.h"

enum { PROCESS_MS = 60000, TICK_MS = 50 };

extern char **environ;

struct process {
    pid_t pid;
    int output;
    int64_t until_ns;
    const atomic_bool *stop;
};

/* A group of its own, so that all of it can be ended; none of our signals blocked, none of our files open. */
static int spawn(const char *command, int output, pid_t *pid) {
    char shell[] = "sh", flag[] = "-c";
    char *arguments[] = {shell, flag, (char *)(uintptr_t)command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
#endif
    int problem = posix_spawn(pid, "/bin/sh", &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return problem;
}

static bool is_over(const struct process *p) {
    return retry_is_stopped(p->stop) || clock_monotonic_ns() >= p->until_ns;
}

static bool fail_over(const struct process *p, struct err *err) {
    return retry_is_stopped(p->stop)
               ? err_set(err, ERR_IO, "stopped")
               : err_set(err, ERR_IO, "credential_process did not end within %d s", PROCESS_MS / 1000);
}

static bool read_output(const struct process *p, struct buf *to, struct err *err) {
    char piece[4096];
    ssize_t n = 1;
    while (n > 0) {
        struct pollfd ready = {.fd = p->output, .events = POLLIN};
        if (is_over(p))
            return fail_over(p, err);
        if (poll(&ready, 1, TICK_MS) <= 0)
            continue;
        n = read(p->output, piece, sizeof piece);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            n = 1;
        else if (n > 0 && !buf_append(to, piece, (size_t)n))
            return err_set(err, ERR_CONFIG, "credential_process prints more than %d bytes", CREDENTIALS_ANSWER_MAX);
        else if (n < 0)
            return err_set_errno(err, ERR_IO, errno, "cannot read from credential_process");
        aws_wipe(piece, sizeof piece);
    }
    return true;
}

/* Waits until it has ended; ends it when that takes too long. */
static bool reap(const struct process *p, bool kill_it, struct err *err) {
    int status = 0;
    bool killed = false;
    for (;;) {
        if ((kill_it || is_over(p)) && !killed) {
            kill(-p->pid, SIGKILL);
            killed = true;
        }
        pid_t ended = waitpid(p->pid, &status, killed ? 0 : WNOHANG);
        if (ended == p->pid || (ended < 0 && errno != EINTR))
            break;
        if (!killed)
            retry_pause(TICK_MS / 5, NULL);
    }
    if (killed)
        return kill_it ? false : fail_over(p, err);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    return WIFEXITED(status) ? err_set(err, ERR_CONFIG, "credential_process failed (exit code %d)", WEXITSTATUS(status))
                             : err_set(err, ERR_CONFIG, "credential_process was ended by a signal");
}

static bool run(const char *command, const atomic_bool *stop, struct buf *to, struct err *err) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return err_set_errno(err, ERR_IO, errno, "no pipe for credential_process");
    struct process p = {
        .output = ends[0], .stop = stop, .until_ns = clock_monotonic_ns() + PROCESS_MS * INT64_C(1000000)};
    int problem = spawn(command, ends[1], &p.pid);
    close(ends[1]);
    bool ok = !problem || err_set_errno(err, ERR_IO, problem, "cannot start credential_process");
    if (ok) {
        ok = read_output(&p, to, err);
        ok &= reap(&p, !ok, err);
    }
    close(ends[0]);
    return ok;
}

static bool is_version_1(struct span text) {
    json_t *json = json_loadb(text.ptr, text.len, 0, NULL);
    bool is = json_integer_value(json_object_get(json, "Version")) == 1;
    const char *secret = json_string_value(json_object_get(json, "SecretAccessKey"));
    if (secret)
        aws_wipe((char *)(uintptr_t)secret, strlen(secret));
    json_decref(json);
    return is;
}

enum found credentials_of_process(const char *command, const struct search *s, struct aws_credentials *c,
                                  struct err *err) {
    static const struct credentials_words words = {"credential_process", "SessionToken", "Expiration", false};
    struct buf output;
    buf_init(&output, CREDENTIALS_ANSWER_MAX);
    buf_reserve(&output, CREDENTIALS_ANSWER_MAX);
    bool ok = run(command, s->stop, &output, err) &&
              (is_version_1(buf_span(&output)) ||
               err_set(err, ERR_CONFIG, "credential_process did not print JSON of version 1")) &&
              credentials_of_json(buf_span(&output), &words, c, err);
    if (output.data)
        aws_wipe(output.data, output.size);
    buf_deinit(&output);
    return ok ? FOUND_OK : FOUND_FAILED;
}
