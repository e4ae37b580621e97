/* collector/source/files: times in keys, and what a path stands for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parsers/timestamp.h"
#include "source/files.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define UUID         "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"

/* --- times in keys ------------------------------------------------------------------------------------------------ */

static void key_times(void **state) {
    (void)state;
    static const struct {
        const char *path;
        const char *time; /* NULL: none */
    } cases[] = {
        /* As Firehose names its objects: stream, version, time, random. */
        {"ses-1-2026-11-21-23-34-30-" UUID, "2026-11-21T23:34:30Z"},
        {"/d/2026/11/21/23/ses-1-2026-11-21-23-34-30-" UUID, "2026-11-21T23:34:30Z"},
        {"ses-1-2026-11-21-23-34-30-" UUID ".gz", "2026-11-21T23:34:30Z"},
        {"ses-1-2026-11-21-23-34-30.gz", "2026-11-21T23:34:30Z"},
        {"-2026-11-21-23-34-30-x", "2026-11-21T23:34:30Z"},
        {"s-1-2024-02-29-00-00-00-" UUID, "2024-02-29T00:00:00Z"},
        /* Stream names with dashes and digits, even with a time of their own: the rightmost is Firehose's. */
        {"my-ses-events-12-1-2026-11-21-23-34-30-" UUID, "2026-11-21T23:34:30Z"},
        {"ses-2025-10-1-2026-11-21-23-34-30-" UUID, "2026-11-21T23:34:30Z"},
        {"a-2020-01-01-00-00-00-b-1-2026-11-21-23-34-30-" UUID, "2026-11-21T23:34:30Z"},
        {"2020-01-01-00-00-00-1-2026-11-21-23-34-30-" UUID, "2026-11-21T23:34:30Z"},
        /* The name's time is finer than the folder's, and stands for it. */
        {"2020/01/01/00/ses-1-2026-11-21-23-34-30-" UUID, "2026-11-21T23:34:30Z"},
        /* Folders. */
        {"2026/11/21/23/part-0.gz", "2026-11-21T23:00:00Z"},
        {"/data/ses/2026/11/21/23/x", "2026-11-21T23:00:00Z"},
        {"/data/ses/2026/11/21/00/deeper/x", "2026-11-21T00:00:00Z"},
        {"s/year=2026/month=11/day=21/hour=23/x.json", "2026-11-21T23:00:00Z"},
        {"s/y=2026/m=11/d=21/h=23/x", "2026-11-21T23:00:00Z"},
        {"7/2026/11/21/23/x", "2026-11-21T23:00:00Z"},
        {"1999/2026/11/21/23/x", "2026-11-21T23:00:00Z"},
        {"2026/2026/11/21/23/x", "2026-11-21T23:00:00Z"},
        {"2026/13/2026/11/21/23/x", "2026-11-21T23:00:00Z"},
        /* None. */
        {"", NULL},
        {"-", NULL},
        {"events.json", NULL},
        {"2026/11/21/23", NULL}, /* a file called 23 */
        {"2026/11/21/x", NULL},
        {"2026/11/21/24/x", NULL},
        {"2026/00/21/23/x", NULL},
        {"2026/02/30/23/x", NULL},
        {"1969/11/21/23/x", NULL},
        {"26/11/21/23/x", NULL},
        {"2026/1/21/23/x", NULL},
        {"2026//11/21/23/x", NULL},
        {"year=2026/month=11/day=21/x", NULL},
        {"a=2026x/11/21/23/x", NULL},
        {"ses-1-2026-11-21-23-34-60-" UUID, NULL},
        {"ses-1-2026-11-31-23-34-30-" UUID, NULL},
        {"ses-1-2026-11-21-23-34-301-" UUID, NULL},
        {"ses-1-12026-11-21-23-34-30-" UUID, NULL},
        {"ses-1-2026-11-21-23-34", NULL},
        {"ses-1-2026-11-21-23-34-", NULL},
        {"ses-1-2026_11_21_23_34_30-" UUID, NULL},
        {"ses-1-2026-11-21-23-34-30-" UUID "/x", NULL}, /* a folder's name */
        {UUID, NULL},
        {"a-1234-5678-9012-3456-7890-1234-5678", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t want = 0, got = 0;
        bool found = files_key_time(cases[i].path, &got);
        if (found != (cases[i].time != NULL))
            print_error("%s\n", cases[i].path);
        assert_int_equal(found, cases[i].time != NULL);
        if (!found)
            continue;
        assert_true(timestamp_parse(span_of(cases[i].time), &want));
        if (got != want)
            print_error("%s\n", cases[i].path);
        assert_true(got == want);
    }
}

/* --- folders ------------------------------------------------------------------------------------------------------ */

static char root[] = "/tmp/files_test.XXXXXX";

static const char *at(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void make_file(const char *name, const char *text) {
    FILE *f = fopen(at(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int set_up(void **state) {
    (void)state;
    static const char *const folders[] = {"d", "d/a", "d/a-b", "d/empty", "d/.git", "e"};
    if (!mkdtemp(root))
        return -1;
    for (size_t i = 0; i < COUNT(folders); i++)
        if (mkdir(at(folders[i]), 0700) != 0)
            return -1;
    make_file("d/b", "22");
    make_file("d/B", "1");
    make_file("d/a.json", "333");
    make_file("d/a/x", "4444");
    make_file("d/a/.hidden", "55555");
    make_file("d/a-b/x", "");
    make_file("d/.git/x", "666666");
    if (mkdir(at("f"), 0700) != 0 || mkdir(at("f/processing-failed"), 0700) != 0 ||
        mkdir(at("f/processing-failed/2026"), 0700) != 0 ||
        mkdir(at("f/processing-failed/2026/splunk-failed"), 0700) != 0)
        return -1;
    make_file("f/a", "1");
    make_file("f/processing-failed/1", "22");
    make_file("f/processing-failed/2026/2", "333");
    make_file("f/processing-failed/2026/splunk-failed/3", "4444");
    make_file("f/z", "5");
    make_file("e/2", "later");
    make_file("e/1-2026-11-21-23-34-30-x", "first");
    make_file("e/odd[1].json", "odd");
    char target[512];
    snprintf(target, sizeof target, "%s", at("e/2"));
    if (symlink(target, at("d/link")) != 0 || symlink("nowhere", at("d/dangling")) != 0 ||
        symlink("a", at("d/link-to-folder")) != 0 || symlink("d", at("folder")) != 0 || mkfifo(at("d/pipe"), 0600) != 0)
        return -1;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *walk) {
    (void)st, (void)flag, (void)walk;
    return remove(path);
}

static int tear_down(void **state) {
    (void)state;
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The paths of a list, without the root, separated by blanks. */
static const char *paths_of(const struct object_list *list) {
    static char text[2000];
    text[0] = '\0';
    for (size_t i = 0; i < list->count; i++) {
        const char *path = list->objects[i].path;
        if (strncmp(path, root, strlen(root)) == 0)
            path += strlen(root) + 1;
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "", path);
    }
    return text;
}

static void folders(void **state) {
    (void)state;
    struct object_list list = {0};
    struct err err = {0};
    assert_true(files_add(&list, at("d"), &err));
    /* Byte order of the keys, as S3 lists them: '-' and '.' stand before '/'. */
    assert_string_equal(paths_of(&list), "d/B d/a-b/x d/a.json d/a/x d/b");
    assert_int_equal(list.skipped, 4); /* three links and a pipe; what is hidden is not even that */
    assert_int_equal(list.total_size, 1 + 0 + 3 + 4 + 2);
    static const uint64_t sizes[] = {1, 0, 3, 4, 2};
    for (size_t i = 0; i < list.count; i++) {
        assert_int_equal(list.objects[i].size, sizes[i]);
        assert_int_equal(list.objects[i].sequence, i);
        assert_int_equal(list.objects[i].start, 0);
        assert_true(list.objects[i].end == UINT64_MAX);
        assert_false(list.objects[i].has_time);
    }
    object_list_deinit(&list);
    assert_int_equal(list.count, 0);
}

static void empty_folder(void **state) {
    (void)state;
    struct object_list list = {0};
    struct err err = {0};
    assert_true(files_add(&list, at("d/empty"), &err));
    assert_int_equal(list.count, 0);
    object_list_deinit(&list);
}

static void error_folders(void **state) {
    (void)state;
    struct object_list list = {0};
    struct err err = {0};
    assert_true(files_add(&list, at("f"), &err));
    assert_string_equal(paths_of(&list), "f/a f/z");
    assert_int_equal(list.left_out, 3);
    assert_int_equal(list.total_size, 2);
    object_list_deinit(&list);
    /* Named themselves, below one, or asked for. */
    assert_true(files_add(&list, at("f/processing-failed"), &err));
    assert_true(files_add(&list, at("f/processing-failed/2026/"), &err));
    assert_int_equal(list.count, 5);
    assert_int_equal(list.left_out, 0);
    object_list_deinit(&list);
    assert_true(files_add_all(&list, at("f"), true, &err));
    assert_string_equal(paths_of(&list), "f/a f/processing-failed/1 f/processing-failed/2026/2 "
                                         "f/processing-failed/2026/splunk-failed/3 f/z");
    object_list_deinit(&list);
    assert_true(files_add(&list, at("f/processing-failed/1"), &err));
    assert_int_equal(list.count, 1);
    object_list_deinit(&list);
}

static void error_names(void **state) {
    (void)state;
    static const char *const yes[] = {"processing-failed/x", "a/splunk-failed/b/c", "elasticsearch-failed2026/11/x",
                                      "error=http-endpoint-failed/x", "/AmazonOpenSearchService-failed/x"};
    static const char *const no[] = {"processing-failed",     "a/processing-failed-not/x", "not-processing-failed/x",
                                     "processing-failed20/x", "x/splunk-failed2026x/y",    ""};
    for (size_t i = 0; i < COUNT(yes); i++)
        assert_true(files_is_error_key(yes[i]));
    for (size_t i = 0; i < COUNT(no); i++)
        assert_false(files_is_error_key(no[i]));
}

/* Links, and hidden things, count when they are named themselves. */
static void named_links(void **state) {
    (void)state;
    struct object_list list = {0};
    struct err err = {0};
    assert_true(files_add(&list, at("folder"), &err));
    assert_string_equal(paths_of(&list), "folder/B folder/a-b/x folder/a.json folder/a/x folder/b");
    object_list_deinit(&list);
    assert_true(files_add(&list, at("d/link"), &err));
    assert_string_equal(paths_of(&list), "d/link");
    assert_int_equal(list.total_size, 5);
    object_list_deinit(&list);
    assert_true(files_add(&list, at("d/.git"), &err));
    assert_true(files_add(&list, at("d/a/.hidden"), &err));
    assert_string_equal(paths_of(&list), "d/.git/x d/a/.hidden");
    object_list_deinit(&list);
}

static void arguments_in_their_order(void **state) {
    (void)state;
    static const char *const names[] = {"d/b", "d/a", "d/B", "d/b", "d/pipe"};
    struct object_list list = {0};
    struct err err = {0};
    assert_true(files_add(&list, "-", &err));
    for (size_t i = 0; i < COUNT(names); i++)
        assert_true(files_add(&list, at(names[i]), &err));
    assert_string_equal(paths_of(&list), "- d/b d/a/x d/B d/b d/pipe");
    assert_int_equal(list.objects[0].size, 0);
    assert_int_equal(list.objects[5].size, 0); /* a pipe that was named: taken, of unknown size */
    object_list_deinit(&list);
}

static void globs(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *paths; /* NULL: nothing matches */
    } cases[] = {
        {"d/[ab]", "d/a/x d/b"},
        {"d/*.json", "d/a.json"},
        {"d/?/x", "d/a/x"},
        {"e/odd[1].json", "e/odd[1].json"}, /* a file of that very name */
        {"e/odd[[]1].json", "e/odd[1].json"},
        {"d/nothing*", NULL},
        {"nothing/*", NULL},
        {"*/x", NULL},
        {"e/*", "e/1-2026-11-21-23-34-30-x e/2 e/odd[1].json"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct object_list list = {0};
        struct err err = {0};
        assert_int_equal(files_add(&list, at(cases[i].pattern), &err), cases[i].paths != NULL);
        if (cases[i].paths) {
            assert_string_equal(paths_of(&list), cases[i].paths);
        } else {
            assert_int_equal(err.code, ERR_IO);
            assert_non_null(strstr(err.text, cases[i].pattern));
            assert_non_null(strstr(err.text, "nothing matches"));
        }
        object_list_deinit(&list);
    }
}

static void missing(void **state) {
    (void)state;
    static const char *const names[] = {"nothing", "d/b/below-a-file", ""};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct object_list list = {0};
        struct err err = {0};
        char path[600];
        snprintf(path, sizeof path, "%s", names[i][0] ? at(names[i]) : "");
        assert_false(files_add(&list, path, &err));
        assert_int_equal(err.code, ERR_IO);
        assert_non_null(strstr(err.text, path));
        assert_non_null(strstr(err.text, strerror(i == 1 ? ENOTDIR : ENOENT)));
        assert_int_equal(list.count, 0);
        object_list_deinit(&list);
    }
}

static void sorted_by_time(void **state) {
    (void)state;
    static const char *const names[] = {
        "e/2",
        "e/1-2026-11-21-23-34-30-x",
        "d/b",
        "d/B",
    };
    struct object_list list = {0};
    struct err err = {0};
    for (size_t i = 0; i < COUNT(names); i++)
        assert_true(files_add(&list, at(names[i]), &err));
    assert_true(list.objects[1].has_time);
    files_sort(&list);
    /* Without a time: in front, in the order found. */
    assert_string_equal(paths_of(&list), "e/2 d/b d/B e/1-2026-11-21-23-34-30-x");
    list.objects[0].has_time = list.objects[1].has_time = list.objects[2].has_time = true;
    list.objects[0].time_ms = 30;
    list.objects[1].time_ms = list.objects[2].time_ms = 20;
    list.objects[3].time_ms = -5;
    files_sort(&list);
    assert_string_equal(paths_of(&list), "e/1-2026-11-21-23-34-30-x d/b d/B e/2");
    object_list_deinit(&list);
}

/* Many files, so that the list grows. */
static void many_files(void **state) {
    (void)state;
    enum { FILES = 300 };
    char name[64];
    struct object_list list = {0};
    struct err err = {0};
    assert_int_equal(mkdir(at("many"), 0700), 0);
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "many/%03d", (i * 7) % FILES);
        make_file(name, "x");
    }
    assert_true(files_add(&list, at("many"), &err));
    assert_int_equal(list.count, FILES);
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "many/%03d", i);
        assert_string_equal(list.objects[i].path, at(name));
    }
    object_list_deinit(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_times),
        cmocka_unit_test(folders),
        cmocka_unit_test(empty_folder),
        cmocka_unit_test(named_links),
        cmocka_unit_test(error_folders),
        cmocka_unit_test(error_names),
        cmocka_unit_test(arguments_in_their_order),
        cmocka_unit_test(globs),
        cmocka_unit_test(missing),
        cmocka_unit_test(sorted_by_time),
        cmocka_unit_test(many_files),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
