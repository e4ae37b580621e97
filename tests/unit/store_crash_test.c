/* A store whose process is killed, and one whose disk is full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "random_numbers.h"
#include "store_folder.h"

enum { SKIPPED = 77, CELL_BYTES = 400 };

/* Children are no cmocka tests: they say what is wrong and end. */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                                  \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static int exit_code(pid_t pid) {
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* --- Numbered transactions ---- */

static void put_number(struct store *s, uint64_t n) {
    static char value[60000];
    uint64_t keys[] = {n, n << 32};
    memset(value, (int)n, sizeof value);
    store_begin(s);
    store_put_value(s, "n", (struct span){(const char *)&n, sizeof n});
    /* Now and then a large one, so that the log is copied into the file as well. */
    store_put_cell(s, 1, (int64_t)n, n, (struct span){value, n % 2 ? CELL_BYTES : sizeof value});
    store_add_keys(s, STATE_KEYS_HAPPENINGS, (int64_t)n, keys, 2);
    store_put_position(s, "kafka", "mail/1", &(struct position){{(int64_t)n}});
    store_put_outbox(s, n, "page", SPAN_LIT("{}"));
    store_drop_outbox(s, n - 1);
}

struct counted {
    uint64_t cells, keys, position, outbox, messages;
};

static bool next_cell(void *context, int64_t index, uint64_t key, struct span value) {
    struct counted *c = context;
    c->cells++;
    return key == c->cells && (uint64_t)index == key && (unsigned char)value.ptr[value.len - 1] == (key & 0xff);
}

static bool next_keys(void *context, int64_t hour, const uint64_t *keys, size_t count) {
    struct counted *c = context;
    c->keys++;
    return (uint64_t)hour == c->keys && count == 2 && keys[0] == c->keys && keys[1] == c->keys << 32;
}

static bool the_position(void *context, const char *stream, const struct position *p) {
    ((struct counted *)context)->position = (uint64_t)p->n[0];
    return strcmp(stream, "mail/1") == 0;
}

static bool next_message(void *context, uint64_t id, const char *target, struct span message) {
    struct counted *c = context;
    c->outbox = id;
    c->messages++;
    return strcmp(target, "page") == 0 && span_is(message, "{}");
}

/* The number of the last transaction; every part of the store must be of the same one. */
static uint64_t count_numbers(struct store *s) {
    uint64_t n = 0;
    size_t len = 0;
    struct counted c = {0};
    CHECK(!store_get_value(s, "n", &n, sizeof n, &len) || len == sizeof n);
    CHECK(store_is_new(s) == (n == 0));
    CHECK(store_each_cell(s, 1, next_cell, &c, NULL) && c.cells == n);
    CHECK(store_each_keys(s, STATE_KEYS_HAPPENINGS, next_keys, &c, NULL) && c.keys == n);
    CHECK(store_each_position(s, "kafka", the_position, &c, NULL) && c.position == n);
    CHECK(store_each_outbox(s, next_message, &c, NULL) && c.outbox == n && c.messages == (n ? 1 : 0));
    return n;
}

/* --- Killed ---- */

static void commit_until_killed(const struct store_folder *f, int out) {
    struct store *s = store_must_open(f);
    for (uint64_t n = count_numbers(s) + 1;; n++) {
        put_number(s, n);
        store_must_commit(s);
        CHECK(write(out, &n, sizeof n) == sizeof n);
    }
}

/* Returns the last transaction that the child reported before it was killed. */
static uint64_t kill_one(const struct store_folder *f, unsigned microseconds, uint64_t last) {
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    if (pid == 0)
        commit_until_killed(f, pipes[1]);
    close(pipes[1]);
    usleep(microseconds);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(exit_code(pid), 128 + SIGKILL);
    for (uint64_t n; read(pipes[0], &n, sizeof n) == sizeof n;)
        last = n;
    close(pipes[0]);
    return last;
}

static void loses_nothing_when_killed(void **state) {
    (void)state;
    struct store_folder f;
    uint64_t seed = (uint64_t)getpid(), last = 0, all = 0;
    store_folder_make(&f);
    for (int round = 0; round < 30; round++) {
        if (round % 6 == 0) { /* from the beginning, and killed early, which may be while the file is made */
            store_folder_count(&f, true);
            last = 0;
        }
        uint64_t reported = kill_one(&f, below(&seed, round % 6 == 0 ? 15000 : 120000), last);
        struct store *s = store_must_open(&f);
        uint64_t found = count_numbers(s);
        if (found != reported && found != reported + 1)
            fail_msg("round %d: %llu reported, %llu found", round, (unsigned long long)reported,
                     (unsigned long long)found);
        all += found - last;
        last = found;
        store_close(s);
    }
    print_message("%llu transactions, killed 30 times\n", (unsigned long long)all);
    assert_true(all > 0);
    store_folder_remove(&f);
}

/* --- A full disk ---- */

static bool write_line(const char *path, const char *line) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, line, strlen(line)) == (ssize_t)strlen(line);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* Who is not root may mount where he is. */
static bool become_root_of_nothing(void) {
    char users[64], groups[64];
    snprintf(users, sizeof users, "0 %u 1", (unsigned)geteuid());
    snprintf(groups, sizeof groups, "0 %u 1", (unsigned)getegid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && write_line("/proc/self/setgroups", "deny") &&
           write_line("/proc/self/uid_map", users) && write_line("/proc/self/gid_map", groups);
}

/* A file system of that size for this process alone. */
static bool mount_small(const char *path, unsigned kilobytes) {
    char options[32];
    snprintf(options, sizeof options, "size=%uk", kilobytes);
    if (unshare(CLONE_NEWNS) != 0 && !become_root_of_nothing())
        return false;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return false;
    return mount("tmpfs", path, "tmpfs", 0, options) == 0;
}

/* Runs it on a small file system of its own; what it makes is gone afterwards. */
static void run_on_small_disk(unsigned kilobytes, void (*run)(const struct store_folder *f, unsigned kilobytes)) {
    struct store_folder f;
    store_folder_make(&f);
    pid_t pid = fork();
    if (pid == 0) {
        if (!mount_small(f.base, kilobytes)) {
            fprintf(stderr, "cannot mount a small file system: %s\n", strerror(errno));
            _exit(SKIPPED);
        }
        run(&f, kilobytes);
        _exit(0);
    }
    int code = exit_code(pid);
    store_folder_remove(&f);
    if (code == SKIPPED)
        skip();
    assert_int_equal(code, 0);
}

/* Takes all the room that is left. */
static void fill_disk(const char *path) {
    static char block[4096];
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    CHECK(fd >= 0);
    while (write(fd, block, sizeof block) > 0)
        ;
    while (write(fd, block, 1) > 0)
        ;
    CHECK(errno == ENOSPC);
    close(fd);
}

/* Commits until there is no room; returns the last number that was committed. */
static uint64_t commit_until_full(struct store *s, uint64_t n) {
    for (;; n++) {
        struct err err = {0};
        put_number(s, n + 1);
        enum store_result result = store_commit(s, &err);
        if (result == STORE_OK)
            continue;
        if (result != STORE_FULL)
            fprintf(stderr, "%s\n", err.text);
        CHECK(result == STORE_FULL && strstr(err.text, "no room to write the state"));
        CHECK(count_numbers(s) == n);
        return n;
    }
}

static void commit_more(struct store *s, uint64_t *n, int count) {
    for (int i = 0; i < count; i++) {
        put_number(s, ++*n);
        store_must_commit(s);
        CHECK(count_numbers(s) == *n);
    }
}

static void fill_and_free(const struct store_folder *f, unsigned kilobytes) {
    char filler[128];
    (void)kilobytes;
    snprintf(filler, sizeof filler, "%s/filler", f->base);
    struct store *s = store_must_open(f);
    uint64_t n = 0;
    commit_more(s, &n, 6);
    for (int i = 0; i < 3; i++) {
        fill_disk(filler);
        n = commit_until_full(s, n);
        n = commit_until_full(s, n); /* again: there may have been room left in the log */
        CHECK(unlink(filler) == 0);
        commit_more(s, &n, 3); /* no restart is needed */
    }
    fill_disk(filler);
    store_close(s); /* no room to copy the log: it stays */
    CHECK(unlink(filler) == 0);
    s = store_must_open(f);
    CHECK(count_numbers(s) == n);
    commit_more(s, &n, 3);
    store_close(s);
}

static void waits_for_room(void **state) {
    (void)state;
    run_on_small_disk(4096, fill_and_free);
}

/* From a disk on which not even an empty state has room: nothing is lost and nothing half made. */
static void use_up(const struct store_folder *f, unsigned kilobytes) {
    enum store_refusal why;
    struct err err = {0};
    struct store *s = store_open(f->state, &why, &err);
    if (!s) {
        CHECK(kilobytes < 256 && why == STORE_REFUSED_SYSTEM && strstr(err.text, f->state));
        CHECK(store_folder_count(f, false) == 0);
        return;
    }
    uint64_t n = commit_until_full(s, 0);
    store_close(s);
    s = store_must_open(f);
    CHECK(count_numbers(s) == n);
    store_close(s);
}

static void uses_up_disks_of_many_sizes(void **state) {
    (void)state;
    for (unsigned kilobytes = 4; kilobytes <= 1024; kilobytes += kilobytes < 128 ? 12 : 150)
        run_on_small_disk(kilobytes, use_up);
}

static void read_only(const struct store_folder *f, unsigned kilobytes) {
    (void)kilobytes;
    enum store_refusal why;
    struct err err = {0};
    struct store *s = store_must_open(f);
    uint64_t n = 0;
    commit_more(s, &n, 3);
    store_close(s);
    CHECK(mount("none", f->base, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    CHECK(!store_open(f->state, &why, &err) && why == STORE_REFUSED_SYSTEM);
    CHECK(strstr(err.text, "Read-only file system"));
    CHECK(mount("none", f->base, NULL, MS_REMOUNT, NULL) == 0);
    s = store_must_open(f);
    CHECK(count_numbers(s) == n);
    store_close(s);
}

static void refuses_a_read_only_disk(void **state) {
    (void)state;
    run_on_small_disk(4096, read_only);
}

/* The same without a mount, for machines that allow none: a limit on the size of files. The log may grow less than
 * SQLite wants to write. */
static void waits_for_a_higher_limit(void **state) {
    (void)state;
    struct store_folder f;
    store_folder_make(&f);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit limit;
        CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR && getrlimit(RLIMIT_FSIZE, &limit) == 0);
        rlim_t most = limit.rlim_max;
        struct store *s = store_must_open(&f);
        uint64_t n = 0;
        for (rlim_t size = 300 << 10; size < 1 << 20; size += 300 << 10) {
            limit.rlim_cur = size;
            CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
            n = commit_until_full(s, n);
        }
        limit.rlim_cur = most;
        CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
        commit_more(s, &n, 3);
        store_close(s);
        s = store_must_open(&f);
        CHECK(count_numbers(s) == n);
        store_close(s);
        _exit(0);
    }
    assert_int_equal(exit_code(pid), 0);
    store_folder_remove(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loses_nothing_when_killed),   cmocka_unit_test(waits_for_room),
        cmocka_unit_test(uses_up_disks_of_many_sizes), cmocka_unit_test(refuses_a_read_only_disk),
        cmocka_unit_test(waits_for_a_higher_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
