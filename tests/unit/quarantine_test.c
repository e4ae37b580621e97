/* What the quarantine keeps, and what it does when it is full or cannot write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sinks/quarantine.h"

struct folder {
    char base[64];
    char dir[80], records[112], unknown[112];
};

static void make_folder(struct folder *f) {
    snprintf(f->base, sizeof f->base, "/tmp/quarantine_test.XXXXXX");
    assert_non_null(mkdtemp(f->base));
    snprintf(f->dir, sizeof f->dir, "%s/q", f->base);
    snprintf(f->records, sizeof f->records, "%s/malformed.ndjson", f->dir);
    snprintf(f->unknown, sizeof f->unknown, "%s/unknown-values.csv", f->dir);
}

static void remove_folder(struct folder *f) {
    unlink(f->records);
    unlink(f->unknown);
    rmdir(f->dir);
    assert_int_equal(rmdir(f->base), 0); /* and no temporary file was left */
}

static char *read_all(const char *path) {
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    size_t len = fread(text, 1, (1 << 20) - 1, in);
    text[len] = '\0';
    fclose(in);
    return text;
}

static struct quarantine *open_or_fail(const struct folder *f, uint64_t max_bytes) {
    struct err err = {0};
    struct quarantine *q = quarantine_open(f->dir, max_bytes, &err);
    assert_string_equal(err.text, "");
    assert_non_null(q);
    return q;
}

static void keeps_records(void **state) {
    (void)state;
    struct folder f;
    make_folder(&f);
    struct quarantine *q = open_or_fail(&f, 0);
    quarantine_add(q, SPAN_LIT("a/b.gz"), 17, 5, MALFORMED_TRUNCATED, SPAN_LIT("{\"a\":"));
    quarantine_add(q, SPAN_LIT("x\"\\\n\x01\xff\xe2\x80\xae"), 0, 0, MALFORMED_NOT_JSON, (struct span){NULL, 0});
    assert_int_equal(quarantine_kept(q), 2);
    assert_int_equal(quarantine_dropped(q), 0);
    assert_true(quarantine_close(q, NULL));

    struct stat st;
    assert_int_equal(stat(f.dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(f.records, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_not_equal(access(f.unknown, F_OK), 0);
    char *text = read_all(f.records);
    assert_string_equal(text, "{\"object\":\"a/b.gz\",\"offset\":17,\"length\":5,\"errorCode\":\"truncated\","
                              "\"errorMessage\":\"the record ends in the middle\",\"rawData\":\"eyJhIjo=\"}\n"
                              "{\"object\":\"x\\\"\\\\\\n\\u0001\\ufffd\\u202e\",\"offset\":0,\"length\":0,"
                              "\"errorCode\":\"not_json\",\"errorMessage\":\"the bytes do not begin a JSON object\","
                              "\"rawData\":\"\"}\n");
    free(text);
    remove_folder(&f);
}

/* Any bytes give one valid JSON line. */
static void any_bytes_are_valid_json(void **state) {
    (void)state;
    struct folder f;
    make_folder(&f);
    struct quarantine *q = open_or_fail(&f, 0);
    unsigned char bytes[256];
    for (int round = 0; round < 64; round++) {
        for (int i = 0; i < 256; i++)
            bytes[i] = (unsigned char)(round == 0 ? i : rand());
        struct span s = {(const char *)bytes, (size_t)(round * 4)};
        quarantine_add(q, s, (uint64_t)round, s.len, MALFORMED_STRUCTURE, s);
    }
    assert_true(quarantine_close(q, NULL));
    FILE *in = fopen(f.records, "r");
    assert_non_null(in);
    char line[4096];
    for (int i = 0; i < 64; i++) {
        assert_non_null(fgets(line, sizeof line, in));
        json_t *record = json_loads(line, JSON_ALLOW_NUL, NULL);
        assert_non_null(record);
        assert_int_equal(json_string_length(json_object_get(record, "rawData")), (size_t)(i * 4 + 2) / 3 * 4);
        json_decref(record);
    }
    assert_null(fgets(line, sizeof line, in));
    fclose(in);
    remove_folder(&f);
}

static void stays_under_the_cap(void **state) {
    (void)state;
    struct folder f;
    make_folder(&f);
    char raw[100];
    memset(raw, 'x', sizeof raw);
    for (int run = 0; run < 3; run++) { /* what stands there already counts */
        struct quarantine *q = open_or_fail(&f, 2000);
        for (int i = 0; i < 50; i++)
            quarantine_add(q, SPAN_LIT("o"), 0, sizeof raw, MALFORMED_BAD_TIME, (struct span){raw, sizeof raw});
        assert_int_equal(quarantine_kept(q) + quarantine_dropped(q), 50);
        assert_true(run > 0 || quarantine_kept(q) >= 3);
        assert_true(quarantine_close(q, NULL));
        struct stat st;
        assert_int_equal(stat(f.records, &st), 0);
        assert_true(st.st_size <= 2000);
    }
    remove_folder(&f);
}

static void ends_half_a_line(void **state) {
    (void)state;
    struct folder f;
    make_folder(&f);
    assert_int_equal(mkdir(f.dir, 0700), 0);
    FILE *out = fopen(f.records, "w");
    assert_non_null(out);
    fputs("{\"object\":\"cut", out);
    fclose(out);
    struct quarantine *q = open_or_fail(&f, 0);
    quarantine_add(q, SPAN_LIT("o"), 0, 0, MALFORMED_BAD_TIME, SPAN_LIT(""));
    assert_true(quarantine_close(q, NULL));
    char *text = read_all(f.records);
    assert_int_equal(strncmp(text, "{\"object\":\"cut\n{\"object\":\"o\"", 28), 0);
    free(text);
    remove_folder(&f);
}

static void counts_unknown_values(void **state) {
    (void)state;
    struct folder f;
    make_folder(&f);
    struct quarantine *q = open_or_fail(&f, 0);
    quarantine_add_unknown(q, "delayType", SPAN_LIT("New"));
    quarantine_add_unknown(q, "bounceSubType", SPAN_LIT("=1+1"));
    quarantine_add_unknown(q, "delayType", SPAN_LIT("New"));
    quarantine_add_unknown(q, "delayType", SPAN_LIT("a,\"b\"\n\\\xff\x1b"));
    /* 63 bytes and a character of two: it does not fit whole, so it is left away */
    quarantine_add_unknown(q, "eventType",
                           SPAN_LIT("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\xc3\xa9yy"));
    assert_true(quarantine_close(q, NULL));
    char *text = read_all(f.unknown);
    assert_string_equal(text, "field,value,count\r\n"
                              "bounceSubType,'=1+1,1\r\n"
                              "delayType,New,2\r\n"
                              "delayType,\"a,\"\"b\"\"\\x0a\\\\\\xff\\x1b\",1\r\n"
                              "eventType,xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx,1\r\n");
    free(text);
    struct stat st;
    assert_int_equal(stat(f.unknown, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    remove_folder(&f);
}

static void unknown_values_have_a_cap(void **state) {
    (void)state;
    struct folder f;
    make_folder(&f);
    struct quarantine *q = open_or_fail(&f, 0);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < QUARANTINE_MAX_UNKNOWN + 5; i++) {
            char value[16];
            snprintf(value, sizeof value, "v%d", i);
            quarantine_add_unknown(q, "eventType", span_of(value));
        }
    }
    assert_true(quarantine_close(q, NULL));
    char *text = read_all(f.unknown);
    size_t lines = 0;
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, 1 + QUARANTINE_MAX_UNKNOWN + 1);
    assert_non_null(strstr(text, "eventType,v7,2\r\n"));
    assert_non_null(strstr(text, "(values beyond the first 1000),,10\r\n"));
    free(text);
    remove_folder(&f);
}

static void says_what_it_cannot_do(void **state) {
    (void)state;
    struct err err = {0};
    assert_null(quarantine_open("/nonexistent/q", 0, &err));
    assert_string_equal(err.text, "cannot create the quarantine folder /nonexistent/q: No such file or directory");
    assert_int_equal(err.code, ERR_IO);

    struct folder f;
    make_folder(&f);
    assert_int_equal(mkdir(f.dir, 0700), 0);
    assert_int_equal(symlink("/tmp/elsewhere", f.records), 0);
    err = (struct err){0};
    assert_null(quarantine_open(f.dir, 0, &err));
    assert_non_null(strstr(err.text, "malformed.ndjson: "));
    unlink(f.records);

    remove_folder(&f);
    assert_true(quarantine_close(NULL, NULL));
}

/* A limit on the size of files stands in for a full disk. */
static void a_failed_write_is_told_at_the_end(void **state) {
    (void)state;
    struct folder f;
    make_folder(&f);
    struct quarantine *q = open_or_fail(&f, 0);
    struct rlimit old, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    small = (struct rlimit){1000, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 200; i++)
        quarantine_add(q, SPAN_LIT("o"), 0, 0, MALFORMED_BAD_TIME, SPAN_LIT("0123456789"));
    uint64_t kept = quarantine_kept(q), dropped = quarantine_dropped(q);
    struct err err = {0};
    bool closed = quarantine_close(q, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_false(closed);
    assert_int_equal(kept + dropped, 200);
    assert_true(dropped > 0);
    assert_non_null(strstr(err.text, "malformed.ndjson: File too large"));
    remove_folder(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_records),          cmocka_unit_test(any_bytes_are_valid_json),
        cmocka_unit_test(stays_under_the_cap),    cmocka_unit_test(ends_half_a_line),
        cmocka_unit_test(counts_unknown_values),  cmocka_unit_test(unknown_values_have_a_cap),
        cmocka_unit_test(says_what_it_cannot_do), cmocka_unit_test(a_failed_write_is_told_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
