/* Which files are taken for a state, which are refused and why, and that a refusal changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "random_numbers.h"
#include "store_folder.h"

static int make(void **state) {
    struct store_folder *f = calloc(1, sizeof *f);
    assert_non_null(f);
    store_folder_make(f);
    *state = f;
    return 0;
}

static int clear(void **state) {
    store_folder_remove(*state);
    free(*state);
    return 0;
}

/* --- Files ---- */

struct bytes {
    char *data;
    size_t len;
};

static struct bytes read_file(const char *path) {
    struct bytes b = {malloc(1 << 20), 0};
    FILE *in = fopen(path, "r");
    assert_non_null(b.data);
    assert_non_null(in);
    b.len = fread(b.data, 1, 1 << 20, in);
    assert_in_range(b.len, 0, (1 << 20) - 1);
    fclose(in);
    return b;
}

static void write_file(const char *path, const void *data, size_t len) {
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(data, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

static void expect_file(const char *path, const struct bytes *expected) {
    struct bytes now = read_file(path);
    assert_int_equal(now.len, expected->len);
    assert_memory_equal(now.data, expected->data, now.len);
    free(now.data);
}

static unsigned mode_of(const char *path) {
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

/* --- Refusals ---- */

static void expect_refusal(const char *path, enum store_refusal expected, const char *words) {
    struct err err = {0};
    enum store_refusal why = STORE_REFUSED_NONE;
    struct store *s = store_open(path, &why, &err);
    assert_null(s);
    if (why != expected || !strstr(err.text, words))
        fail_msg("refused as %d: %s", (int)why, err.text);
    assert_null(strchr(err.text, '\n'));
    assert_int_not_equal(err.code, ERR_NONE);
}

/* Neither the file nor the folder is changed. */
static void expect_untouched(const struct store_folder *f, enum store_refusal expected, const char *words) {
    struct bytes before = read_file(f->state);
    int count = store_folder_count(f, false);
    expect_refusal(f->state, expected, words);
    expect_refusal(f->state, expected, words); /* nor does the first try leave something for the second */
    expect_file(f->state, &before);
    assert_int_equal(store_folder_count(f, false), count);
    free(before.data);
}

/* A state with something of everything, on which no log is left. */
static void make_state(const struct store_folder *f) {
    struct store *s = store_must_open(f);
    static char value[400];
    for (uint64_t n = 0; n < 20; n++) {
        uint64_t keys[] = {n, n << 40, n * n};
        store_begin(s);
        for (int i = 0; i < 10; i++)
            store_put_cell(s, i % 3, (int64_t)n, (uint64_t)i, (struct span){value, sizeof value});
        store_add_keys(s, STATE_KEYS_HAPPENINGS, (int64_t)n / 4, keys, 3);
        store_put_name(s, "set", (int64_t)n, SPAN_LIT("some name"));
        store_put_value(s, "key", SPAN_LIT("0123456789abcdef"));
        store_put_position(s, "kafka", "mail/1", &(struct position){{(int64_t)n}});
        store_put_outbox(s, n, "page", SPAN_LIT("{}"));
        store_must_commit(s);
    }
    store_close(s);
    unlink(f->lock);
    assert_int_equal(store_folder_count(f, false), 1);
}

/* As another program could change it. */
static void run_sql(const char *path, const char *sql) {
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void refuses_a_second_instance(void **state) {
    const struct store_folder *f = *state;
    struct store *s = store_must_open(f);
    char words[64], link[96];
    snprintf(words, sizeof words, "in use by another instance (process %ld)", (long)getpid());
    expect_refusal(f->state, STORE_REFUSED_LOCKED, words);
    snprintf(link, sizeof link, "%s/link", f->base);
    assert_int_equal(symlink(f->state, link), 0);
    expect_refusal(link, STORE_REFUSED_LOCKED, words); /* by another name */
    expect_refusal(f->state, STORE_REFUSED_LOCKED, f->state);
    store_begin(s);
    store_put_value(s, "a", SPAN_LIT("b"));
    store_must_commit(s);
    store_close(s);
    store_close(store_must_open(f));
}

static void refuses_another_process(void **state) {
    const struct store_folder *f = *state;
    struct store *s = store_must_open(f);
    for (int i = 0; i < 20; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            enum store_refusal why;
            _exit(!store_open(f->state, &why, NULL) && why == STORE_REFUSED_LOCKED ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
    store_begin(s);
    store_put_value(s, "a", SPAN_LIT("b"));
    store_must_commit(s);
    store_close(s);
}

static void refuses_a_file_open_elsewhere(void **state) {
    const struct store_folder *f = *state;
    make_state(f);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(f->state, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT * FROM meta", NULL, NULL, NULL), SQLITE_OK);
    expect_refusal(f->state, STORE_REFUSED_LOCKED, "open in another program");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    store_close(store_must_open(f));
}

static void refuses_what_is_no_state(void **state) {
    const struct store_folder *f = *state;
    static const char zeros[8192];
    write_file(f->state, "counters: {}\n", 13);
    expect_untouched(f, STORE_REFUSED_FOREIGN, "is no state of ses-collector");
    write_file(f->state, zeros, sizeof zeros);
    expect_untouched(f, STORE_REFUSED_FOREIGN, f->state);
    write_file(f->state, "SQLite format 3", 16);
    expect_untouched(f, STORE_REFUSED_FOREIGN, f->state);
    unlink(f->state);
    run_sql(f->state, "CREATE TABLE t(x); INSERT INTO t VALUES(1); PRAGMA journal_mode = WAL");
    expect_untouched(f, STORE_REFUSED_FOREIGN, f->state);
    assert_int_equal(store_folder_count(f, false), 1);
}

static void refuses_a_later_version(void **state) {
    const struct store_folder *f = *state;
    make_state(f);
    run_sql(f->state, "PRAGMA user_version = 2");
    expect_untouched(f, STORE_REFUSED_NEWER, "of a later version");
    run_sql(f->state, "PRAGMA user_version = 1");
    pid_t pid = fork();
    if (pid == 0) { /* the later version was killed before its log was copied */
        sqlite3 *db = NULL;
        int rc = sqlite3_open(f->state, &db);
        rc = rc ? rc : sqlite3_exec(db, "PRAGMA user_version = 3; DROP TABLE cell", NULL, NULL, NULL);
        _exit(rc);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    struct bytes log = read_file(f->log);
    assert_true(log.len > 0);
    expect_untouched(f, STORE_REFUSED_NEWER, "(3; this one knows 1)");
    expect_file(f->log, &log);
    free(log.data);
}

static void refuses_other_tables(void **state) {
    const struct store_folder *f = *state;
    static const char *const changes[] = {
        "CREATE TABLE more(x)",
        "DROP TABLE outbox",
        "DROP TABLE outbox; CREATE TABLE outbox(id INTEGER PRIMARY KEY, target, message)",
        "CREATE TRIGGER t AFTER DELETE ON meta BEGIN DELETE FROM cell; END",
        "CREATE INDEX i ON cell(value)",
        "PRAGMA user_version = 0",
        "PRAGMA user_version = -5",
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        make_state(f);
        run_sql(f->state, changes[i]);
        expect_untouched(f, STORE_REFUSED_CORRUPT, "is damaged (its ");
        unlink(f->state);
    }
}

static void refuses_damage(void **state) {
    const struct store_folder *f = *state;
    make_state(f);
    struct bytes whole = read_file(f->state);
    assert_int_equal(truncate(f->state, (off_t)whole.len / 2), 0);
    expect_untouched(f, STORE_REFUSED_CORRUPT, "Move it away");
    for (size_t page = 1; page < 7; page++) { /* the roots of the tables */
        struct bytes damaged = {malloc(whole.len), whole.len};
        assert_non_null(damaged.data);
        memcpy(damaged.data, whole.data, whole.len);
        memset(damaged.data + page * 4096, 0x55, 4096);
        write_file(f->state, damaged.data, damaged.len);
        expect_untouched(f, STORE_REFUSED_CORRUPT, "-wal too");
        free(damaged.data);
    }
    write_file(f->state, whole.data, whole.len);
    store_close(store_must_open(f));
    free(whole.data);
}

/* SQLite would read a log that was left behind into whatever gets its file's name. */
static void refuses_a_log_without_its_file(void **state) {
    const struct store_folder *f = *state;
    write_file(f->log, "rest", 4);
    expect_refusal(f->state, STORE_REFUSED_CORRUPT, f->log);
    assert_int_equal(access(f->state, F_OK), -1);
    assert_int_equal(store_folder_count(f, false), 1);
    assert_int_equal(unlink(f->log), 0);
    store_close(store_must_open(f));
}

static void refuses_impossible_paths(void **state) {
    const struct store_folder *f = *state;
    char path[128];
    expect_refusal("", STORE_REFUSED_SYSTEM, "No such file");
    expect_refusal(f->base, STORE_REFUSED_SYSTEM, "it is a folder");
    snprintf(path, sizeof path, "%s/none/state.db", f->base);
    expect_refusal(path, STORE_REFUSED_SYSTEM, "make its folder first: No such file");
    snprintf(path, sizeof path, "%s/none/", f->base);
    expect_refusal(path, STORE_REFUSED_SYSTEM, "No such file");
    assert_int_equal(symlink("nowhere", f->state), 0);
    expect_refusal(f->state, STORE_REFUSED_SYSTEM, "No such file");
    unlink(f->state);
    assert_int_equal(mkfifo(f->state, 0600), 0);
    expect_refusal(f->state, STORE_REFUSED_SYSTEM, "not a file");
    assert_int_equal(store_folder_count(f, true), 1);
    assert_int_equal(store_folder_count(f, false), 0);
}

static void refuses_without_permission(void **state) {
    const struct store_folder *f = *state;
    make_state(f);
    struct bytes before = read_file(f->state);
    for (int i = 0; i < 3; i++) {
        static const struct { mode_t folder, file; } modes[] = {{0555, 0666}, {0777, 0000}, {0777, 0444}};
        assert_int_equal(chmod(f->state, modes[i].file), 0);
        assert_int_equal(chmod(f->base, modes[i].folder), 0);
        pid_t pid = fork();
        if (pid == 0) {
            enum store_refusal why;
            struct err err = {0};
            if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) /* root may do everything */
                _exit(3);
            struct store *s = store_open(f->state, &why, &err);
            if (s || why != STORE_REFUSED_SYSTEM || !strstr(err.text, strerror(EACCES)))
                fprintf(stderr, "%d: refused as %d: %s\n", i, (int)why, err.text);
            _exit(!s && why == STORE_REFUSED_SYSTEM && strstr(err.text, strerror(EACCES)) ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_int_equal(chmod(f->state, 0600), 0);
        assert_int_equal(chmod(f->base, 0700), 0);
        expect_file(f->state, &before);
        assert_int_equal(store_folder_count(f, false), 1);
    }
    free(before.data);
}

/* --- What is taken ---- */

static void makes_private_files(void **state) {
    const struct store_folder *f = *state;
    static const mode_t masks[] = {0, 0777, 022};
    for (int i = 0; i < 3; i++) {
        mode_t old = umask(masks[i]);
        struct store *s = store_must_open(f);
        store_begin(s);
        store_put_value(s, "a", SPAN_LIT("b"));
        store_must_commit(s);
        umask(old);
        assert_int_equal(mode_of(f->state), 0600);
        assert_int_equal(mode_of(f->log), 0600);
        assert_int_equal(mode_of(f->lock), 0600);
        assert_int_equal(store_folder_count(f, false), 3); /* and no shared memory */
        store_close(s);
        store_folder_count(f, true);
    }
}

static void takes_an_empty_file_for_new(void **state) {
    const struct store_folder *f = *state;
    char rest[128];
    snprintf(rest, sizeof rest, "%s.new", f->state);
    write_file(f->state, "", 0);
    write_file(f->log, "", 0);
    write_file(rest, "of a start that was killed", 26);
    struct store *s = store_must_open(f);
    assert_true(store_is_new(s));
    assert_int_equal(mode_of(f->state), 0600);
    assert_int_equal(access(rest, F_OK), -1);
    store_begin(s);
    store_put_value(s, "a", SPAN_LIT("b"));
    store_must_commit(s);
    store_close(s);
    s = store_must_open(f);
    assert_false(store_is_new(s));
    store_close(s);
}

/* SQLite knows names that begin with file: and have options behind a question mark. */
static void takes_odd_names_as_they_are(void **state) {
    const struct store_folder *f = *state;
    char here[512];
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(f->base), 0);
    enum store_refusal why;
    struct err err = {0};
    struct store *s = store_open("file:a?mode=memory", &why, &err);
    assert_string_equal(err.text, "");
    assert_non_null(s);
    assert_int_equal(access("file:a?mode=memory", F_OK), 0);
    store_close(s);
    assert_int_equal(chdir(here), 0);
}

/* --- Damage that is not seen on opening ---- */

static bool any_cell(void *context, int64_t index, uint64_t key, struct span value) {
    *(uint64_t *)context += (uint64_t)index ^ key;
    for (size_t i = 0; i < value.len; i++) /* every byte can be read */
        *(uint64_t *)context += (unsigned char)value.ptr[i];
    return true;
}

static bool any_keys(void *context, int64_t hour, const uint64_t *keys, size_t count) {
    for (size_t i = 0; i < count; i++)
        *(uint64_t *)context += keys[i] ^ (uint64_t)hour;
    return true;
}

static bool any_name(void *context, int64_t id, struct span name) {
    return any_cell(context, id, 0, name);
}

static bool any_position(void *context, const char *stream, const struct position *p) {
    return any_cell(context, p->n[5], 0, span_of(stream));
}

static bool any_outbox(void *context, uint64_t id, const char *target, struct span message) {
    return any_cell(context, (int64_t)strlen(target), id, message);
}

static void read_everything(struct store *s) {
    uint64_t sum = 0;
    char value[16];
    size_t len;
    for (int i = -1; i < 4; i++)
        store_each_cell(s, i, any_cell, &sum, &(struct err){0});
    store_each_keys(s, STATE_KEYS_HAPPENINGS, any_keys, &sum, &(struct err){0});
    store_each_name(s, "set", any_name, &sum, &(struct err){0});
    store_each_position(s, "kafka", any_position, &sum, &(struct err){0});
    store_each_outbox(s, any_outbox, &sum, &(struct err){0});
    store_get_value(s, "key", value, sizeof value, &len);
}

static void reports_wrong_lengths(void **state) {
    const struct store_folder *f = *state;
    make_state(f);
    run_sql(f->state, "UPDATE happening_keys SET keys = x'01020304050607' WHERE id >> 32 = 2;"
                      "UPDATE outbox SET target = 'a' || char(0) || 'b' WHERE id = 3");
    struct store *s = store_must_open(f);
    struct err err = {0};
    uint64_t sum = 0;
    assert_false(store_each_keys(s, STATE_KEYS_HAPPENINGS, any_keys, &sum, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_non_null(strstr(err.text, "is damaged (a value of the wrong kind or length)"));
    err = (struct err){0};
    assert_false(store_each_outbox(s, any_outbox, &sum, &err));
    assert_int_equal(err.code, ERR_INPUT);
    store_close(s);
}

/* Also the writing of a file whose damage is not seen: it may fail, and must come back. */
static void write_something(struct store *s) {
    uint64_t key = 7;
    store_begin(s);
    store_put_cell(s, 1, 5, 5, SPAN_LIT("changed"));
    store_drop_cells_below(s, 0, 9);
    store_add_keys(s, STATE_KEYS_HAPPENINGS, 1, &key, 1);
    store_drop_keys_below(s, STATE_KEYS_HAPPENINGS, 2);
    store_put_position(s, "kafka", "mail/1", &(struct position){{5}});
    store_drop_outbox(s, 3);
    (void)store_commit(s, &(struct err){0});
}

static void survives_flipped_bytes(void **state) {
    const struct store_folder *f = *state;
    make_state(f);
    struct bytes whole = read_file(f->state);
    uint64_t seed = 20240501;
    int refused = 0;
    for (int i = 0; i < 300; i++) {
        struct bytes damaged = {malloc(whole.len), whole.len};
        assert_non_null(damaged.data);
        memcpy(damaged.data, whole.data, whole.len);
        size_t at = below(&seed, i % 3 ? (unsigned)whole.len : 4096);
        damaged.data[at] = (char)(damaged.data[at] ^ (1 + below(&seed, 255)));
        if (i % 5 == 0) /* several bytes in one page */
            for (int j = 0; j < 20; j++)
                damaged.data[at / 4096 * 4096 + below(&seed, 4096)] = (char)next_random(&seed);
        write_file(f->state, damaged.data, damaged.len);
        enum store_refusal why;
        struct err err = {0};
        struct store *s = store_open(f->state, &why, &err);
        if (s) {
            read_everything(s);
            write_something(s);
            store_close(s);
        } else {
            refused++;
            assert_int_not_equal(why, STORE_REFUSED_NONE);
            assert_int_not_equal(why, STORE_REFUSED_LOCKED);
            assert_true(err.text[0] != '\0');
            expect_file(f->state, &damaged);
            assert_int_equal(access(f->log, F_OK), -1);
        }
        store_folder_count(f, true);
        free(damaged.data);
    }
    assert_in_range(refused, 30, 290);
    free(whole.data);
}

int main(void) {
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make, clear)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(refuses_a_second_instance),
        IN_A_FOLDER(refuses_another_process),
        IN_A_FOLDER(refuses_a_file_open_elsewhere),
        IN_A_FOLDER(refuses_what_is_no_state),
        IN_A_FOLDER(refuses_a_later_version),
        IN_A_FOLDER(refuses_other_tables),
        IN_A_FOLDER(refuses_damage),
        IN_A_FOLDER(refuses_a_log_without_its_file),
        IN_A_FOLDER(refuses_impossible_paths),
        IN_A_FOLDER(refuses_without_permission),
        IN_A_FOLDER(makes_private_files),
        IN_A_FOLDER(takes_an_empty_file_for_new),
        IN_A_FOLDER(takes_odd_names_as_they_are),
        IN_A_FOLDER(reports_wrong_lengths),
        IN_A_FOLDER(survives_flipped_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
