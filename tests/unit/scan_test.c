/* collector/pipeline/scan and relay: every record visited once, what visitors write in one order whatever the number of
 * workers, and a stop that ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pipeline/scan.h"

enum { FILES = 9, RECORDS = 700 };

static char root[] = "/tmp/scan_test.XXXXXX";

static const char *at(const char *name) {
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

/* Sends with numbers in their ids; every tenth line is none. */
static int set_up(void **state) {
    (void)state;
    if (!mkdtemp(root))
        return -1;
    for (unsigned i = 0; i < FILES; i++) {
        char name[20];
        snprintf(name, sizeof name, "f%u", i);
        FILE *f = fopen(at(name), "wb");
        for (unsigned k = 0; k < RECORDS; k++)
            if (k % 10 == 9)
                fputs("no JSON\n", f);
            else
                fprintf(
                    f,
                    "{\"eventType\":\"Send\",\"mail\":{\"timestamp\":\"2026-11-01T00:00:00Z\",\"messageId\":\"%u-%u\","
                    "\"destination\":[\"a@b.c\"],\"x\":\"%*s\"}}\n",
                    i, k, (int)(k % 7 * 100), "");
        fclose(f);
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (unsigned i = 0; i < FILES; i++) {
        char name[20];
        snprintf(name, sizeof name, "f%u", i);
        unlink(at(name));
    }
    return rmdir(root);
}

struct outcome {
    struct buf text;
    unsigned stop_after, takes; /* 0: never */
    unsigned troubles;
};

static void *open_visitor(void *context) {
    return context;
}

static void close_visitor(void *visitor) {
    (void)visitor;
}

/* Writes more than a buffer holds for some records. */
static enum scan_verdict visit(void *visitor, const struct ses_event *r, struct scan_out *out) {
    (void)visitor;
    unsigned times = r->message_id.ptr[r->message_id.len - 1] == '3' ? 3000 : 1;
    if (r->message_id.ptr[r->message_id.len - 1] == '5')
        return SCAN_PASSED;
    for (unsigned i = 0; i < times; i++) {
        if (i && !scan_room(out))
            return SCAN_TAKEN;
        buf_append(scan_buf(out), r->message_id.ptr, r->message_id.len);
        buf_append_char(scan_buf(out), ' ');
    }
    return SCAN_TAKEN;
}

static bool take(void *context, struct span text, bool idle) {
    struct outcome *o = context;
    (void)idle;
    buf_append(&o->text, text.ptr, text.len);
    return ++o->takes != o->stop_after;
}

static void on_trouble(void *context, const char *text) {
    (void)text;
    ((struct outcome *)context)->troubles++;
}

static bool run(unsigned threads, struct outcome *o, struct scan *s) {
    struct object_list list = {0};
    struct err err = {0};
    assert_true(files_add(&list, root, &err));
    files_sort(&list);
    buf_init(&o->text, 64 << 20);
    *s = (struct scan){.objects = &list,
                       .isa = json_isa_best(),
                       .threads = threads,
                       .context = o,
                       .open = open_visitor,
                       .visit = visit,
                       .close = close_visitor,
                       .take = take,
                       .on_trouble = on_trouble};
    bool done = scan_run(s);
    object_list_deinit(&list);
    return done;
}

static void in_one_order(void **state) {
    (void)state;
    struct outcome one = {0};
    struct scan s;
    char *expected = NULL;
    size_t len;
    FILE *f = open_memstream(&expected, &len);
    for (unsigned i = 0; i < FILES; i++)
        for (unsigned k = 0; k < RECORDS; k++)
            for (unsigned n = 0; n < (k % 10 == 3 ? 3000u : k % 10 == 5 || k % 10 == 9 ? 0u : 1u); n++)
                fprintf(f, "%u-%u ", i, k);
    fclose(f);
    assert_true(run(1, &one, &s));
    assert_int_equal(one.text.len, len);
    assert_memory_equal(one.text.data, expected, len);
    assert_int_equal(s.accounting.read, FILES * RECORDS);
    assert_int_equal(s.accounting.counted, FILES * RECORDS / 10 * 8);
    assert_int_equal(s.passed, FILES * RECORDS / 10);
    assert_int_equal(accounting_malformed(&s.accounting), FILES * RECORDS / 10);
    assert_int_equal(s.accounting.objects_done, FILES);
    for (unsigned threads = 2; threads < 20; threads += 5) {
        struct outcome more = {0};
        assert_true(run(threads, &more, &s));
        assert_int_equal(more.text.len, len);
        assert_memory_equal(more.text.data, expected, len);
        buf_deinit(&more.text);
    }
    buf_deinit(&one.text);
    free(expected);
}

static void stopped(void **state) {
    (void)state;
    for (unsigned threads = 1; threads < 12; threads += 5)
        for (unsigned after = 1; after < 40; after += 11) {
            struct outcome o = {.stop_after = after};
            struct scan s;
            assert_false(run(threads, &o, &s));
            assert_int_equal(o.takes, after);
            assert_false(s.hung);
            buf_deinit(&o.text);
        }
}

/* What it read from a pipe is passed on while the pipe stays open; a stop does not wait for more to come. */
static atomic_bool stop;

static bool take_and_stop(void *context, struct span text, bool idle) {
    struct outcome *o = context;
    assert_true(idle);
    buf_append(&o->text, text.ptr, text.len);
    atomic_store(&stop, true);
    return true;
}

/* In a process of its own: what a worker that hangs has is never freed. */
static int read_pipe(int in) {
    struct outcome o = {0};
    struct object_list list = {0};
    struct err err = {0};
    char path[40];
    snprintf(path, sizeof path, "/dev/fd/%d", in);
    if (!files_add(&list, path, &err))
        return 2;
    buf_init(&o.text, 1 << 20);
    struct scan s = {.objects = &list,
                     .isa = json_isa_best(),
                     .threads = 1,
                     .stop = &stop,
                     .context = &o,
                     .open = open_visitor,
                     .visit = visit,
                     .close = close_visitor,
                     .take = take_and_stop};
    return scan_run(&s) || !s.hung || o.text.len != strlen("m-1 ");
}

static void a_pipe(void **state) {
    (void)state;
    int ends[2], status;
    char text[2000];
    assert_int_equal(pipe(ends), 0);
    int len = snprintf(text, sizeof text,
                       "{\"eventType\":\"Send\",\"mail\":{\"timestamp\":\"2026-11-01T00:00:00Z\",\"messageId\":\"m-1\","
                       "\"destination\":[\"a@b.c\"],\"x\":\"%*s\"}}\n",
                       1000, "");
    assert_int_equal(write(ends[1], text, (size_t)len), len);
    pid_t child = fork();
    if (child == 0)
        _exit(read_pipe(ends[0]));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_one_order), cmocka_unit_test(stopped),
                                       cmocka_unit_test(a_pipe)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
