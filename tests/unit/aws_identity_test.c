/* aws/credentials: found once for all threads, renewed ahead of their end by one of them, kept while renewing fails,
 * and looked for anew when AWS refuses them. The clock is AWS's, which a test may set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/credentials_internal.h"
#include "unit/aws_place.h"

enum { MINUTE_MS = 60000, THREADS = 8 };

/* --- a container's endpoint that counts --------------------------------------------------------------------------- */

static struct { atomic_int given, life_s, status, delay_ms, same; } machine;

static struct receiver_reply answer(size_t number, const struct receiver_request *r) {
    static char body[512]; /* the server answers one after the other */
    char end[32];
    (void)number, (void)r;
    int status = machine.status;
    usleep((useconds_t)machine.delay_ms * 1000);
    int given = status ? 0 : atomic_fetch_add(&machine.given, 1) + 1;
    snprintf(body, sizeof body,
             "{\"AccessKeyId\":\"AKID%d\",\"SecretAccessKey\":\"" PLACE_SECRET "\",\"Token\":\"" PLACE_TOKEN
             "\",\"Expiration\":\"%s\"}",
             machine.same ? 0 : given, place_time(machine.life_s, end));
    return (struct receiver_reply){.status = status, .body = body};
}

static const struct aws_settings nothing;
static struct http_pool *pool;
static struct aws_identity *identity;
static _Thread_local struct err err;

/* How far AWS's clock is after the test's beginning. */
static void set_time(int64_t minutes) {
    atomic_store(&aws_identity_clock(identity)->offset_ms, minutes * MINUTE_MS);
}

static const char *key(void) {
    static _Thread_local char text[64];
    struct aws_credentials c;
    struct err why = {0};
    bool ok = aws_identity_get(identity, &c, NULL, &why);
    snprintf(text, sizeof text, "%s", ok ? c.access_key : "none");
    if (!ok)
        err = why;
    aws_credentials_deinit(&c);
    return text;
}

/* --- many threads ------------------------------------------------------------------------------------------------- */

static pthread_barrier_t start;

static void *get_one(void *to) {
    pthread_barrier_wait(&start);
    snprintf(to, 64, "%s", key());
    return NULL;
}

static void get_by_all(char keys[THREADS][64]) {
    pthread_t threads[THREADS];
    pthread_barrier_init(&start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, get_one, keys[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
}

static void one_thread_asks_for_all(void **state) {
    (void)state;
    char keys[THREADS][64];
    machine.delay_ms = 200;
    get_by_all(keys);
    for (int i = 0; i < THREADS; i++)
        assert_string_equal(keys[i], "AKID1");
    assert_int_equal(machine.given, 1);
    /* So late that nobody goes on with the old ones. */
    set_time(51);
    get_by_all(keys);
    for (int i = 0; i < THREADS; i++)
        assert_string_equal(keys[i], "AKID2");
    assert_int_equal(machine.given, 2);
}

static void a_failure_is_everybodys(void **state) {
    (void)state;
    char keys[THREADS][64];
    machine.status = 404;
    machine.delay_ms = 800;
    size_t before = receiver_count(place_server);
    get_by_all(keys);
    for (int i = 0; i < THREADS; i++)
        assert_string_equal(keys[i], "none");
    assert_true(receiver_count(place_server) - before <= 3); /* a thread may come too late for the first */
}

static void others_go_on_while_one_renews(void **state) {
    (void)state;
    char keys[THREADS][64];
    int old = 0;
    assert_string_equal(key(), "AKID1");
    set_time(46);
    machine.delay_ms = 1500;
    get_by_all(keys);
    for (int i = 0; i < THREADS; i++)
        old += strcmp(keys[i], "AKID1") == 0;
    assert_int_equal(machine.given, 2);
    assert_true(old >= THREADS / 2);
    assert_string_equal(key(), "AKID2");
}

/* --- time --------------------------------------------------------------------------------------------------------- */

static void they_are_renewed_fifteen_minutes_ahead(void **state) {
    (void)state;
    assert_string_equal(key(), "AKID1");
    set_time(44);
    assert_string_equal(key(), "AKID1");
    set_time(46);
    machine.life_s = 3600 + 46 * 60;
    assert_string_equal(key(), "AKID2");
    set_time(90);
    assert_string_equal(key(), "AKID2");
}

static void short_lives_are_scaled(void **state) {
    (void)state;
    machine.life_s = 16 * 60;
    assert_string_equal(key(), "AKID1"); /* less than a quarter of an hour is left, and still: */
    set_time(11);
    assert_string_equal(key(), "AKID1");
    set_time(13);
    assert_string_equal(key(), "AKID2");
}

static void old_ones_are_kept_while_renewing_fails(void **state) {
    (void)state;
    assert_string_equal(key(), "AKID1");
    machine.status = 404;
    set_time(51);
    size_t before = receiver_count(place_server);
    assert_string_equal(key(), "AKID1");
    assert_int_equal(receiver_count(place_server), before + 1);
    assert_string_equal(key(), "AKID1"); /* nor is it tried again at once */
    assert_int_equal(receiver_count(place_server), before + 1);
    set_time(61);
    assert_string_equal(key(), "none");
    assert_non_null(strstr(err.text, "HTTP 404"));
    assert_null(strstr(err.text, "canary"));
    machine.status = 0;
    machine.life_s = 7200;
    assert_string_equal(key(), "AKID2");
}

/* --- refusals ----------------------------------------------------------------------------------------------------- */

static void refuse(const char *access_key) {
    char name[64], secret[] = PLACE_SECRET, token[] = PLACE_TOKEN;
    snprintf(name, sizeof name, "%s", access_key);
    aws_identity_refused(identity, &(struct aws_credentials){name, secret, token, INT64_MAX});
}

static void refused_ones_are_looked_for_anew(void **state) {
    (void)state;
    assert_string_equal(key(), "AKID1");
    refuse("AKIDANOTHER");
    assert_string_equal(key(), "AKID1");
    refuse("AKID1");
    assert_string_equal(key(), "AKID2");
    refuse("AKID2"); /* not every few seconds */
    assert_string_equal(key(), "AKID2");
    assert_int_equal(machine.given, 2);
}

static void refused_ones_are_not_given_out_again(void **state) {
    (void)state;
    assert_string_equal(key(), "AKID1");
    machine.status = 404;
    refuse("AKID1");
    assert_string_equal(key(), "none");
}

static void who_stops_does_not_wait(void **state) {
    (void)state;
    atomic_bool stop = true;
    struct aws_credentials c;
    struct err why = {0};
    assert_false(aws_identity_get(identity, &c, &stop, &why));
    assert_null(c.access_key);
    assert_string_equal(key(), "AKID1"); /* and it is nobody else's failure */
}

/* ------------------------------------------------------------------------------------------------------------------ */

static int open_place(void **state) {
    (void)state;
    place_open(answer);
    pool = http_pool_create(&(struct http_pool_options){0}, NULL);
    return pool ? 0 : -1;
}

static int close_place(void **state) {
    (void)state;
    http_pool_destroy(pool);
    place_close();
    return 0;
}

static int begin(void **state) {
    (void)state;
    place_clean_environment();
    place_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:%d/");
    machine.given = machine.status = machine.delay_ms = machine.same = 0;
    machine.life_s = 3600;
    identity = aws_identity_create(&nothing, pool);
    return 0;
}

static int end(void **state) {
    (void)state;
    aws_identity_destroy(identity);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_thread_asks_for_all),          TEST(a_failure_is_everybodys),
        TEST(others_go_on_while_one_renews),    TEST(they_are_renewed_fifteen_minutes_ahead),
        TEST(short_lives_are_scaled),           TEST(old_ones_are_kept_while_renewing_fails),
        TEST(refused_ones_are_looked_for_anew), TEST(refused_ones_are_not_given_out_again),
        TEST(who_stops_does_not_wait),
    };
    return cmocka_run_group_tests(tests, open_place, close_place);
}
