/* collector/source/folder: every file once, whatever becomes of it and whenever the run is stopped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "source/folder.h"
#include "unit/fake_pipeline.h"
#include "unit/known.h"

enum { DEADLINE_MS = 20000 };

static struct provider_table *providers;
static struct dictionary dictionary;

/* --- files -------------------------------------------------------------------------------------------------------- */

static char folder[] = "/tmp/folder_test.XXXXXX";

static const char *in_folder(const char *name) {
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void write_text(const char *name, const char *text) {
    FILE *f = fopen(in_folder(name), "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static void write_records(const char *name, unsigned from, unsigned n) {
    char *text = made_up_records(from, n);
    write_text(name, text);
    free(text);
}

/* Gzipped; `cut` bytes are missing at the end. */
static void write_gzip(const char *name, unsigned from, unsigned n, off_t cut) {
    char *text = made_up_records(from, n);
    gzFile f = gzopen(in_folder(name), "w");
    assert_non_null(f);
    assert_true(gzwrite(f, text, (unsigned)strlen(text)) > 0);
    assert_int_equal(gzclose(f), Z_OK);
    free(text);
    struct stat st;
    assert_int_equal(stat(in_folder(name), &st), 0);
    assert_int_equal(truncate(in_folder(name), st.st_size - cut), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where) {
    (void)st, (void)type;
    return where->level ? remove(path) : 0;
}

static int begin(void **state) {
    (void)state;
    pipeline_clear();
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- running ------------------------------------------------------------------------------------------------------ */

static struct folder_options options;

static struct source *open_saved(const struct saved_position *saved, size_t count, struct err *err) {
    return folder_open(&options, saved, count, err);
}

static struct source *open_source(bool exit_at_end) {
    return pipeline_open(open_saved, &dictionary, exit_at_end);
}

/* One run from beginning to end, with what earlier runs committed. */
static void run_once(void) {
    struct source *s = open_source(true);
    struct err err = {0};
    assert_true(s->ops->run(s, &err));
    struct source_row row = {0};
    s->ops->status(s, &row);
    assert_null(row.trouble);
    s->ops->close(s);
}

struct running {
    struct source *source;
    pthread_t thread;
    bool ok;
    struct err err;
};

static void *thread_body(void *context) {
    struct running *r = context;
    r->ok = r->source->ops->run(r->source, &r->err);
    atomic_store(&r->source->done, true);
    return NULL;
}

static void start(struct running *r, bool exit_at_end) {
    *r = (struct running){.source = open_source(exit_at_end)};
    assert_int_equal(pthread_create(&r->thread, NULL, thread_body, r), 0);
}

static void stop(struct running *r) {
    int64_t began = clock_monotonic_ns();
    atomic_store(&r->source->stop, true);
    pthread_join(r->thread, NULL);
    assert_true(clock_monotonic_ns() - began < DEADLINE_MS * 1000000LL);
    assert_true(r->ok);
    r->source->ops->close(r->source);
}

#define await(condition)                                                                                               \
    do {                                                                                                               \
        int64_t until = clock_monotonic_ns() + DEADLINE_MS * 1000000LL;                                                \
        while (!(condition) && clock_monotonic_ns() < until)                                                           \
            poll(NULL, 0, 5);                                                                                          \
        assert_true(condition);                                                                                        \
    } while (0)

static bool is_caught_up(struct source *s) {
    struct source_row row = {0};
    s->ops->status(s, &row);
    free(row.trouble);
    return row.caught_up;
}

static bool has_trouble(struct source *s, const char *text) {
    struct source_row row = {0};
    s->ops->status(s, &row);
    bool has = row.trouble && strstr(row.trouble, text);
    free(row.trouble);
    return has;
}

static bool is_forgotten(const char *path) {
    pthread_mutex_lock(&pipeline.lock);
    bool forgotten = pipeline_kept(path)->forgotten;
    pthread_mutex_unlock(&pipeline.lock);
    return forgotten;
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

static void test_each_file_once(void **state) {
    (void)state;
    write_records("b.json", 0, 10);
    write_gzip("a.json.gz", 10, 10, 0);
    write_text("empty", "");
    run_once();
    pipeline_assert_events(20);
    assert_int_equal(pipeline.accounting.objects_done, 2);
    assert_int_equal(pipeline.accounting.objects_empty, 1);
    struct position p = pipeline_kept(in_folder("b.json"))->position;
    struct stat st;
    assert_int_equal(stat(in_folder("b.json"), &st), 0);
    assert_int_equal(p.n[0], st.st_size);
    assert_int_equal(p.n[1], st.st_size);
    assert_int_equal(p.n[2], st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec);
    assert_int_equal(p.n[3], 1);
    pipeline_clear_counts();
    run_once(); /* a second life knows them all */
    assert_int_equal(pipeline.chains, 0);
    write_records("c.json", 20, 5);
    run_once();
    pipeline_assert_events(5);
}

static void test_order_of_times(void **state) {
    (void)state;
    write_records("s-10-2026-11-20-08-00-00-a", 0, 1);
    write_records("s-9-2026-11-20-07-00-00-b", 1, 1);
    write_records("s-1-2026-11-20-09-00-00-c", 2, 1);
    run_once();
    assert_int_equal(pipeline.order_count, 3);
    assert_string_equal(pipeline.order[0], in_folder("s-9-2026-11-20-07-00-00-b"));
    assert_string_equal(pipeline.order[1], in_folder("s-10-2026-11-20-08-00-00-a"));
    assert_string_equal(pipeline.order[2], in_folder("s-1-2026-11-20-09-00-00-c"));
}

static void test_growing_folder(void **state) {
    (void)state;
    struct running r;
    write_records("0.json", 0, 3);
    start(&r, false);
    await(pipeline_read() == 3);
    for (unsigned i = 1; i < 10; i++) {
        char name[32];
        snprintf(name, sizeof name, "%u.json", i);
        write_records(name, 3 * i, 3);
    }
    await(pipeline_read() >= 30);
    await(is_caught_up(r.source));
    stop(&r);
    assert_int_equal(pipeline_different_keys(),
                     30); /* one caught half written is read again; that is what settle_ms is for */
}

static void test_rewritten_file_is_read_again(void **state) {
    (void)state;
    write_records("a.json", 0, 10);
    run_once();
    write_records("a.json", 0, 12);
    pipeline_clear_counts();
    run_once();
    pipeline_assert_events(12);
    pipeline_clear_counts();
    run_once();
    pipeline_assert_events(0);
    struct timespec times[] = {{.tv_sec = 1700000000}, {.tv_sec = 1700000000}};
    assert_int_equal(utimensat(AT_FDCWD, in_folder("a.json"), times, 0), 0); /* the size is the same */
    run_once();
    pipeline_assert_events(12);
}

/* Stopped again and again after so many batches; in the end every event was counted once. */
static void assert_resumes(const char *name, size_t batches, unsigned events) {
    size_t lives = 0;
    do {
        pipeline.batches_taken = 0;
        pipeline.stop_after = batches;
        assert_true(lives++ < 50);
        struct source *s = open_source(true);
        struct err err = {0};
        atomic_store(&s->stop, false);
        assert_true(s->ops->run(s, &err));
        s->ops->close(s);
    } while (!pipeline_kept(in_folder(name))->position.n[3]);
    assert_true(lives > 2);
    pipeline_assert_events(events);
    assert_int_equal(pipeline.accounting.read, events);
    assert_int_equal(pipeline.accounting.objects_done, 1);
    assert_int_equal(accounting_malformed(&pipeline.accounting), 0);
}

static void test_partly_read_file_is_resumed(void **state) {
    (void)state;
    write_records("a.json", 0, 9000);
    assert_resumes("a.json", 2, 9000);
}

static void test_partly_read_gzip_is_resumed(void **state) {
    (void)state;
    write_gzip("a.gz", 0, 9000, 0);
    assert_resumes("a.gz", 3, 9000);
}

/* Records to many recipients: batches end within them, and a stop there takes back the whole record. */
static void test_stop_within_a_record(void **state) {
    (void)state;
    FILE *f = fopen(in_folder("a.json"), "w");
    for (unsigned i = 0; i < 30; i++) {
        fprintf(f,
                "{\"eventType\":\"Send\",\"send\":{},\"mail\":{\"timestamp\":\"2026-11-20T08:15:30.123Z\","
                "\"source\":\"x@shop.example\",\"messageId\":\"m-%u\",\"tags\":{},\"destination\":[",
                i);
        for (unsigned j = 0; j < 700; j++)
            fprintf(f, "%s\"r%u@x.example\"", j ? "," : "", j);
        fputs("]}}\n", f);
    }
    fclose(f);
    size_t lives = 0;
    do {
        pipeline.batches_taken = 0;
        pipeline.stop_after = 12; /* over a piece of text, the longest chain of records that are not torn */
        assert_true(lives++ < 50);
        struct source *s = open_source(true);
        struct err err = {0};
        assert_true(s->ops->run(s, &err));
        s->ops->close(s);
    } while (!pipeline_kept(in_folder("a.json"))->position.n[3]);
    assert_true(lives > 2);
    pipeline_assert_events(30 * 700);
    assert_int_equal(pipeline.accounting.read, 30);
}

static void test_changed_while_away(void **state) {
    (void)state;
    write_records("a.json", 0, 5000);
    pipeline.stop_after = 2;
    struct source *s = open_source(true);
    struct err err = {0};
    assert_true(s->ops->run(s, &err));
    s->ops->close(s);
    assert_int_equal(pipeline_kept(in_folder("a.json"))->position.n[3], 0);
    assert_true(pipeline_kept(in_folder("a.json"))->position.n[0] > 0);
    write_records("a.json", 7000, 100); /* another file under the same name */
    pipeline_clear_counts();
    run_once();
    pipeline_assert_events(100);
}

/* The position lies behind the end of a text whose size and time are the same: all of it again. */
static void test_position_behind_the_end(void **state) {
    (void)state;
    write_records("a.json", 0, 20);
    run_once();
    pipeline_kept(in_folder("a.json"))->position.n[0] *= 3;
    pipeline_kept(in_folder("a.json"))->position.n[3] = 0;
    pipeline_clear_counts();
    run_once();
    pipeline_assert_events(20);
}

static void test_damaged_gzip_is_counted_once(void **state) {
    (void)state;
    struct running r;
    write_gzip("a.gz", 0, 2000, 400);
    start(&r, false);
    await(is_caught_up(r.source));
    poll(NULL, 0, 200); /* several listings */
    stop(&r);
    assert_int_equal(pipeline.accounting.objects_damaged, 1);
    assert_int_equal(pipeline.accounting.objects_done, 0);
    size_t before = pipeline_different_keys();
    assert_true(before > 0 && before < 2000);
    pipeline_clear_counts();
    run_once();
    assert_int_equal(pipeline.chains, 0);
    write_gzip("a.gz", 0, 2000, 0); /* its writer has ended now */
    run_once();
    pipeline_assert_events(2000);
    assert_int_equal(pipeline.accounting.objects_done, 1);
    assert_int_equal(pipeline.accounting.objects_damaged, 0);
}

static void test_unsupported_file(void **state) {
    (void)state;
    write_text("a.parquet", "PAR1 and so on, and so on");
    run_once();
    assert_int_equal(pipeline.accounting.objects_unsupported, 1);
    pipeline_clear_counts();
    run_once();
    assert_int_equal(pipeline.chains, 0);
}

static void test_gone_files_are_forgotten(void **state) {
    (void)state;
    struct running r;
    write_records("a.json", 0, 3);
    write_records("b.json", 3, 3);
    run_once();
    assert_int_equal(unlink(in_folder("a.json")), 0);
    start(&r, false);
    await(is_forgotten(in_folder("a.json")));
    assert_false(is_forgotten(in_folder("b.json")));
    write_records("a.json", 6, 4); /* a new one under the old name */
    await(!is_forgotten(in_folder("a.json")));
    await(pipeline_read() == 10);
    assert_int_equal(unlink(in_folder("a.json")), 0);
    assert_int_equal(unlink(in_folder("b.json")), 0);
    poll(NULL, 0, 300);
    assert_false(is_forgotten(in_folder("b.json"))); /* an empty folder may be one that is not mounted */
    stop(&r);
}

static void test_what_is_no_file_is_left_out(void **state) {
    (void)state;
    write_records("a.json", 0, 3);
    write_records(".hidden", 3, 3);
    assert_int_equal(symlink(in_folder("a.json"), in_folder("link")), 0);
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    assert_int_equal(mkdir(in_folder(".tmp"), 0700), 0);
    write_records(".tmp/b.json", 6, 3);
    run_once();
    pipeline_assert_events(3);
    char *paths[] = {(char *)in_folder("pipe")}; /* not even by its name */
    struct folder_options before = options;
    options.paths = paths;
    pipeline_clear();
    run_once();
    options = before;
    assert_int_equal(pipeline.chains, 0);
}

static void test_missing_path_is_trouble(void **state) {
    (void)state;
    char missing[256], *paths[] = {missing, folder};
    snprintf(missing, sizeof missing, "%s/later", folder);
    struct folder_options before = options;
    options.paths = paths;
    options.path_count = 2;
    write_records("a.json", 0, 3);
    struct running r;
    start(&r, false);
    await(has_trouble(r.source, "/later"));
    await(pipeline_read() == 3); /* the others are read */
    assert_int_equal(mkdir(missing, 0700), 0);
    await(!has_trouble(r.source, "/later"));
    stop(&r);
    assert_int_equal(rmdir(missing), 0);
    struct source *s = open_source(true); /* a run to the end says that it did not see everything */
    struct err err = {0};
    assert_false(s->ops->run(s, &err));
    assert_non_null(strstr(err.text, "/later"));
    s->ops->close(s);
    options = before;
}

static void test_unreadable_file_is_tried_again(void **state) {
    (void)state;
    if (geteuid() == 0)
        skip(); /* who may read everything */
    struct running r;
    write_records("a.json", 0, 3);
    write_records("b.json", 3, 3);
    assert_int_equal(chmod(in_folder("a.json"), 0), 0);
    start(&r, false);
    await(has_trouble(r.source, "a.json"));
    await(pipeline_read() == 3);
    assert_int_equal(chmod(in_folder("a.json"), 0600), 0);
    await(pipeline_read() == 6);
    await(!has_trouble(r.source, "a.json"));
    stop(&r);
    assert_int_equal(pipeline.accounting.objects_unreadable, 1);
    assert_int_equal(pipeline.accounting.objects_done, 2);
}

static void test_fresh_files_wait(void **state) {
    (void)state;
    struct running r;
    options.settle_ms = 3600000;
    write_records("a.json", 0, 3);
    start(&r, false);
    await(is_caught_up(r.source)); /* what is still being written is no backlog */
    poll(NULL, 0, 100);
    stop(&r);
    assert_int_equal(pipeline.chains, 0);
    options.settle_ms = 300;
    int64_t began = clock_monotonic_ns();
    write_records("b.json", 3, 3);
    run_once(); /* to the end: what is there is waited for */
    options.settle_ms = 0;
    assert_true(clock_monotonic_ns() - began > 200 * 1000000LL);
    pipeline_assert_events(6);
}

static void test_end_waits_for_the_commit(void **state) {
    (void)state;
    struct running r;
    pipeline.commits = false;
    write_records("a.json", 0, 3);
    write_text("empty", "");
    start(&r, true);
    await(pipeline_read() == 3);
    poll(NULL, 0, 200);
    assert_false(atomic_load(&r.source->done));
    stop(&r);
}

static void test_thousands_of_small_files(void **state) {
    (void)state;
    enum { FILES = 3000 };
    char name[64];
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "%02u", i % 50);
        if (i < 50)
            assert_int_equal(mkdir(in_folder(name), 0700), 0);
        snprintf(name, sizeof name, "%02u/%04u.json", i % 50, i);
        write_records(name, i, 1);
    }
    run_once();
    pipeline_assert_events(FILES);
    assert_int_equal(pipeline.accounting.objects_done, FILES);
    pipeline_clear_counts();
    run_once();
    assert_int_equal(pipeline.chains, 0);
}

static void test_refuses_standard_input(void **state) {
    (void)state;
    char dash[] = "-", name[] = "dumps", *paths[] = {dash};
    struct folder_options o = {.name = name, .paths = paths, .path_count = 1};
    struct err err = {0};
    assert_null(folder_open(&o, NULL, 0, &err));
    assert_int_equal(err.code, ERR_CONFIG);
}

static int set_up(void **state) {
    (void)state;
    static char name[] = "dumps", *paths[] = {folder};
    if (!mkdtemp(folder))
        return -1;
    options = (struct folder_options){.name = name, .paths = paths, .path_count = 1, .interval_ms = 20};
    providers = provider_table_create();
    dictionary = known_dictionary(providers, 100);
    return 0;
}

static int tear_down(void **state) {
    begin(state);
    known_dictionary_end(&dictionary);
    provider_table_destroy(providers);
    return rmdir(folder);
}

#define TEST(f) cmocka_unit_test_setup(f, begin)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_each_file_once),
        TEST(test_order_of_times),
        TEST(test_growing_folder),
        TEST(test_rewritten_file_is_read_again),
        TEST(test_partly_read_file_is_resumed),
        TEST(test_partly_read_gzip_is_resumed),
        TEST(test_stop_within_a_record),
        TEST(test_changed_while_away),
        TEST(test_position_behind_the_end),
        TEST(test_damaged_gzip_is_counted_once),
        TEST(test_unsupported_file),
        TEST(test_gone_files_are_forgotten),
        TEST(test_what_is_no_file_is_left_out),
        TEST(test_missing_path_is_trouble),
        TEST(test_unreadable_file_is_tried_again),
        TEST(test_fresh_files_wait),
        TEST(test_end_waits_for_the_commit),
        TEST(test_thousands_of_small_files),
        TEST(test_refuses_standard_input),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
