/* source/s3_ahead: downloads begin ahead of their readers, in the plan's order, never too many; whoever opens an object
 * gets its own bytes, in any order, from any thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "source/s3_ahead.h"

/* --- downloads of made up objects --------------------------------------------------------------------------------- */

struct s3_download {
    char key[100], etag[40];
    size_t at;
};

static struct watched {
    pthread_mutex_t lock;
    unsigned begun, open, most;
    char order[4000]; /* keys, as their downloads began */
} watched = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct s3_download *s3_download_begin(struct aws_session *s, const struct s3_bucket *b, const char *key,
                                      const char *etag, uint64_t size, size_t window, const atomic_bool *stop) {
    (void)s, (void)stop;
    assert_string_equal(b->name, "mail");
    if (key[0] == 'k')
        assert_int_equal(size, strtoul(key + 1, NULL, 10)); /* as add_many lists it */
    assert_int_equal(window, S3_AHEAD_WINDOW);
    struct s3_download *d = alloc_zeroed(1, sizeof *d);
    snprintf(d->key, sizeof d->key, "%s", key);
    snprintf(d->etag, sizeof d->etag, "%s", etag ? etag : "none");
    pthread_mutex_lock(&watched.lock);
    watched.begun++;
    if (++watched.open > watched.most)
        watched.most = watched.open;
    if (strlen(watched.order) + strlen(key) + 2 < sizeof watched.order)
        strcat(strcat(watched.order, key), " ");
    pthread_mutex_unlock(&watched.lock);
    return d;
}

/* Its key and etag; some keys fail. */
ssize_t s3_download_read(struct s3_download *d, char *to, size_t room, struct err *err) {
    char text[200];
    if (strncmp(d->key, "bad-", 4) == 0) {
        err_set(err, ERR_IO, "made up");
        return -1;
    }
    snprintf(text, sizeof text, "%s=%s", d->key, d->etag);
    size_t n = strlen(text) - d->at;
    if (n > 3)
        n = 3;
    if (n > room)
        n = room;
    memcpy(to, text + d->at, n);
    d->at += n;
    return (ssize_t)n;
}

enum s3_read_result s3_download_result(const struct s3_download *d) {
    return strcmp(d->key, "bad-gone") == 0      ? S3_READ_MISSING
           : strcmp(d->key, "bad-changed") == 0 ? S3_READ_CHANGED
                                                : S3_READ_DENIED;
}

void s3_download_end(struct s3_download *d) {
    pthread_mutex_lock(&watched.lock);
    watched.open--;
    pthread_mutex_unlock(&watched.lock);
    free(d);
}

/* --- the test's side ---------------------------------------------------------------------------------------------- */

static char bucket_name[] = "mail";
static const struct s3_bucket bucket = {.name = bucket_name};

static int reset(void **state) {
    (void)state;
    assert_int_equal(watched.open, 0);
    watched.begun = watched.most = 0;
    watched.order[0] = 0;
    return 0;
}

static void add_many(struct s3_ahead *a, struct object_list *list, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        char key[20];
        snprintf(key, sizeof key, "k%u", i);
        s3_ahead_add(a, list, key, i % 2 ? "e" : "", i, i);
    }
}

/* Through the reader that everybody uses. */
static void read_object(struct object_reader *r, const struct object *o, const char *expected) {
    char text[300];
    size_t len = 0, n;
    struct err err = {0};
    enum object_status status;
    assert_true(object_open(r, o, &err));
    while ((status = object_read(r, text + len, sizeof text - 1 - len, &n, &err)) == OBJECT_MORE)
        len += n;
    text[len + n] = 0;
    assert_int_equal(status, OBJECT_DONE);
    assert_string_equal(text, expected);
    assert_int_equal(object_bytes_read(r), strlen(expected));
    object_close(r);
}

static void in_order_and_ahead(void **state) {
    (void)state;
    struct object_list list = {0};
    struct s3_ahead *a = s3_ahead_create(NULL, &bucket, 3, NULL);
    struct object_reader *r = object_reader_create(NULL);
    add_many(a, &list, 6);
    assert_string_equal(list.objects[1].path, "s3://mail/k1");
    assert_string_equal(list.objects[1].etag, "e");
    assert_null(list.objects[0].etag);
    assert_true(list.objects[1].has_time && list.objects[1].time_ms == 1 && list.objects[1].size == 1);
    assert_int_equal(list.total_size, 15);
    s3_ahead_plan(a, &list);
    assert_string_equal(watched.order, "k0 k1 k2 ");
    read_object(r, &list.objects[0], "k0=none");
    assert_string_equal(watched.order, "k0 k1 k2 k3 ");
    read_object(r, &list.objects[3], "k3=e"); /* not its turn */
    read_object(r, &list.objects[1], "k1=e");
    read_object(r, &list.objects[5], "k5=e");
    read_object(r, &list.objects[2], "k2=none");
    read_object(r, &list.objects[4], "k4=none");
    assert_int_equal(watched.begun, 6);
    assert_in_range(watched.most, 3, 4);
    assert_int_equal(watched.open, 0);
    read_object(r, &list.objects[2], "k2=none"); /* once more, behind the plan */
    object_reader_destroy(r);
    object_list_deinit(&list);
    s3_ahead_destroy(a);
}

/* An object that is read long before its turn is not asked for again when that comes. */
static void out_of_turn(void **state) {
    (void)state;
    struct object_list list = {0};
    struct s3_ahead *a = s3_ahead_create(NULL, &bucket, 2, NULL);
    struct object_reader *r = object_reader_create(NULL);
    add_many(a, &list, 8);
    s3_ahead_plan(a, &list);
    for (unsigned i = 8; i--;) {
        char expected[20];
        snprintf(expected, sizeof expected, i % 2 ? "k%u=e" : "k%u=none", i);
        read_object(r, &list.objects[i], expected);
    }
    assert_int_equal(watched.begun, 8);
    assert_int_equal(watched.open, 0);
    object_reader_destroy(r);
    object_list_deinit(&list);
    s3_ahead_destroy(a);
}

static void what_is_never_opened_is_dropped(void **state) {
    (void)state;
    struct object_list list = {0}, none = {0};
    struct s3_ahead *a = s3_ahead_create(NULL, &bucket, 0, NULL);
    add_many(a, &list, 40);
    s3_ahead_plan(a, &list);
    assert_int_equal(watched.open, S3_AHEAD);
    s3_ahead_plan(a, &none);
    assert_int_equal(watched.open, 0);
    s3_ahead_plan(a, &list);
    object_list_deinit(&list);
    s3_ahead_destroy(a);
    assert_int_equal(watched.open, 0);
    s3_ahead_destroy(NULL);
}

/* A plan may end while an object is being read. */
static void a_plan_ends_under_a_reader(void **state) {
    (void)state;
    struct object_list list = {0}, none = {0};
    struct s3_ahead *a = s3_ahead_create(NULL, &bucket, 2, NULL);
    struct object_reader *r = object_reader_create(NULL);
    struct err err = {0};
    char text[100];
    size_t n;
    add_many(a, &list, 4);
    s3_ahead_plan(a, &list);
    assert_true(object_open(r, &list.objects[0], &err));
    s3_ahead_plan(a, &none);
    assert_int_equal(object_read(r, text, sizeof text, &n, &err), OBJECT_MORE);
    object_close(r);
    assert_int_equal(watched.open, 0);
    object_reader_destroy(r);
    object_list_deinit(&list);
    s3_ahead_destroy(a);
}

/* Files and other buckets may stand in between. */
static void only_its_own(void **state) {
    (void)state;
    struct object_list list = {0};
    struct s3_ahead *a = s3_ahead_create(NULL, &bucket, 8, NULL), *b = s3_ahead_create(NULL, &bucket, 8, NULL);
    struct err err = {0};
    s3_ahead_add(a, &list, "a1", "e", 1, 1);
    s3_ahead_add(b, &list, "b1", "e", 1, 1);
    assert_true(files_add(&list, "/dev/null", &err));
    s3_ahead_add_archived(a, &list, "cold", 1);
    s3_ahead_add(a, &list, "a2", "e", 1, 1);
    s3_ahead_plan(a, &list);
    assert_string_equal(watched.order, "a1 a2 ");
    struct object_reader *r = object_reader_create(NULL);
    assert_false(object_open(r, &list.objects[3], &err));
    assert_string_equal(err.text, "s3://mail/cold: it is archived: restore it first");
    assert_int_equal(object_loss(r), OBJECT_LOSS_NONE);
    object_reader_destroy(r);
    object_list_deinit(&list);
    s3_ahead_destroy(a);
    s3_ahead_destroy(b);
}

static void failures(void **state) {
    (void)state;
    static const struct {
        const char *key;
        enum object_loss loss;
    } cases[] = {{"bad-gone", OBJECT_LOSS_GONE}, {"bad-changed", OBJECT_LOSS_CHANGED}, {"bad-other", OBJECT_LOSS_NONE}};
    struct object_list list = {0};
    struct s3_ahead *a = s3_ahead_create(NULL, &bucket, 2, NULL);
    struct object_reader *r = object_reader_create(NULL);
    char text[100];
    size_t n;
    for (size_t i = 0; i < 3; i++)
        s3_ahead_add(a, &list, cases[i].key, "e", 1, 1);
    s3_ahead_plan(a, &list);
    for (size_t i = 0; i < 3; i++) {
        struct err err = {0};
        char says[100];
        assert_true(object_open(r, &list.objects[i], &err));
        assert_int_equal(object_read(r, text, sizeof text, &n, &err), OBJECT_UNREADABLE);
        snprintf(says, sizeof says, "s3://mail/%s: made up", cases[i].key);
        assert_string_equal(err.text, says);
        assert_int_equal(object_loss(r), cases[i].loss);
        object_close(r);
    }
    object_reader_destroy(r);
    object_list_deinit(&list);
    s3_ahead_destroy(a);
}

/* --- workers ------------------------------------------------------------------------------------------------------ */

enum { THREADS = 6, OBJECTS = 3000 };

static struct object_list shared;
static atomic_uint next_object;

static void *work(void *context) {
    struct object_reader *r = object_reader_create(NULL);
    (void)context;
    for (unsigned i; (i = atomic_fetch_add(&next_object, 1)) < OBJECTS;) {
        char expected[40];
        snprintf(expected, sizeof expected, i % 2 ? "k%u=e" : "k%u=none", i);
        read_object(r, &shared.objects[i], expected);
    }
    object_reader_destroy(r);
    return NULL;
}

static void many_workers(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    struct s3_ahead *a = s3_ahead_create(NULL, &bucket, 8, NULL);
    add_many(a, &shared, OBJECTS);
    s3_ahead_plan(a, &shared);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(watched.begun, OBJECTS);
    assert_in_range(watched.most, 8, 8 + THREADS);
    object_list_deinit(&shared);
    s3_ahead_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(in_order_and_ahead, reset),
        cmocka_unit_test_setup(out_of_turn, reset),
        cmocka_unit_test_setup(what_is_never_opened_is_dropped, reset),
        cmocka_unit_test_setup(a_plan_ends_under_a_reader, reset),
        cmocka_unit_test_setup(only_its_own, reset),
        cmocka_unit_test_setup(failures, reset),
        cmocka_unit_test_setup(many_workers, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
