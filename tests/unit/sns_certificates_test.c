/* Shows that the certificates of SNS are fetched, kept and fetched again: that made up addresses cannot keep a known
 * one from being fetched again, that an old one counts while SNS cannot be asked, and that what is no certificate is
 * not kept. The clock is ours, so that days pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "aws/sns_certificates.h"
#include "core/clock.h"
#include "http_peer.h"
#include "sns_maker.h"

/* --- time, instead of the library's ------------------------------------------------------------------------------- */

static _Atomic int64_t passed_s;

static int64_t now_ns(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return ((int64_t)t.tv_sec + atomic_load(&passed_s)) * 1000000000 + t.tv_nsec;
}

int64_t clock_wall_ms(void) {
    return now_ns(CLOCK_REALTIME) / 1000000;
}

int64_t clock_monotonic_ns(void) {
    return now_ns(CLOCK_MONOTONIC);
}

/* --- SNS ---------------------------------------------------------------------------------------------------------- */

enum { HOUR_S = 3600, DAY_S = 24 * HOUR_S };

static EVP_PKEY *key;
static char *certificate;
enum { GOOD, NO_CERTIFICATE, BROKEN };
static atomic_int answers;
static atomic_uint asked;

#define GOOD_NAME "SimpleNotificationService-0123456789abcdef.pem"

static bool serve(struct peer *p, int fd, const struct peer_request *r) {
    char head[128];
    bool known = strstr(r->line, "/" GOOD_NAME " ");
    int how = atomic_load(&answers);
    const char *body = how == NO_CERTIFICATE ? "<html>sign in</html>" : certificate;
    if (known)
        atomic_fetch_add(&asked, 1);
    if (!known || how == BROKEN)
        body = "";
    snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", *body ? "200 OK" : "404 Not Found",
             strlen(body));
    return peer_send(p, fd, head, strlen(head)) && peer_send(p, fd, body, strlen(body));
}

struct scene {
    struct peer *peer;
    struct sns_certificates *certificates;
    char endpoint[64];
};

static int set_up(void **state) {
    struct scene *s = calloc(1, sizeof *s);
    struct err err = {0};
    atomic_store(&answers, GOOD);
    atomic_store(&asked, 0);
    atomic_store(&passed_s, 0);
    s->peer = peer_start(serve);
    snprintf(s->endpoint, sizeof s->endpoint, "http://127.0.0.1:%d", s->peer->port);
    const struct aws_settings settings = {.endpoint = s->endpoint};
    s->certificates = sns_certificates_create(&settings, NULL, 0, &err);
    assert_non_null(s->certificates);
    *state = s;
    return 0;
}

static int tear_down(void **state) {
    struct scene *s = *state;
    sns_certificates_destroy(s->certificates);
    peer_stop(s->peer);
    free(s);
    return 0;
}

/* A message signed by SNS that names the certificate's address. */
static enum sns_verdict check(struct scene *s, const char *name) {
    char url[256];
    struct sns_message m;
    struct err err = {0};
    snprintf(url, sizeof url, "%s/%s", s->endpoint, name);
    char *body = maker_body(key, &(struct maker_message){.message = "x", .url = url}, "x");
    assert_true(sns_message_parse(&m, span_of(body), &err));
    enum sns_verdict verdict = sns_certificates_check(s->certificates, &m, clock_wall_ms(), NULL, &err);
    sns_message_deinit(&m);
    free(body);
    return verdict;
}

/* Somebody without a key sends addresses that he made up, as many as it takes. */
static void make_up(struct scene *s) {
    for (unsigned i = 0; i < 30; i++) {
        char name[64];
        snprintf(name, sizeof name, "SimpleNotificationService-%032x.pem", i);
        assert_int_equal(check(s, name), SNS_UNDECIDED);
    }
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

static void kept(void **state) {
    struct scene *s = *state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(check(s, GOOD_NAME), SNS_GENUINE);
    assert_int_equal(atomic_load(&asked), 1);
    atomic_fetch_add(&passed_s, DAY_S + 1);
    assert_int_equal(check(s, GOOD_NAME), SNS_GENUINE);
    assert_int_equal(atomic_load(&asked), 2);
}

static void made_up_addresses(void **state) {
    struct scene *s = *state;
    assert_int_equal(check(s, GOOD_NAME), SNS_GENUINE);
    make_up(s);
    assert_int_equal(check(s, GOOD_NAME), SNS_GENUINE);
    assert_int_equal(atomic_load(&asked), 1);
    atomic_fetch_add(&passed_s, DAY_S + 1);
    make_up(s); /* nothing may be fetched any more, for now */
    assert_int_equal(check(s, GOOD_NAME), SNS_GENUINE);
    assert_int_equal(atomic_load(&asked), 2);
}

static void old_one_counts(void **state) {
    struct scene *s = *state;
    assert_int_equal(check(s, GOOD_NAME), SNS_GENUINE);
    atomic_store(&answers, BROKEN);
    atomic_fetch_add(&passed_s, DAY_S + 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(check(s, GOOD_NAME), SNS_GENUINE);
    assert_int_equal(atomic_load(&asked), 2);
    atomic_store(&answers, GOOD);
    atomic_fetch_add(&passed_s, 61);
    for (int i = 0; i < 3; i++)
        assert_int_equal(check(s, GOOD_NAME), SNS_GENUINE);
    assert_int_equal(atomic_load(&asked), 3);
    atomic_fetch_add(&passed_s, 30 * DAY_S); /* the certificate's own time is over */
    assert_int_equal(check(s, GOOD_NAME), SNS_FORGED);
}

static void no_certificate(void **state) {
    struct scene *s = *state;
    atomic_store(&answers, NO_CERTIFICATE);
    assert_int_equal(check(s, GOOD_NAME), SNS_UNDECIDED); /* not forged: it comes again */
    atomic_store(&answers, GOOD);
    assert_int_equal(check(s, GOOD_NAME), SNS_UNDECIDED);
    assert_int_equal(atomic_load(&asked), 1);
    atomic_fetch_add(&passed_s, 61);
    assert_int_equal(check(s, GOOD_NAME), SNS_GENUINE);
}

static int make_key(void **state) {
    (void)state;
    key = maker_key(2048);
    certificate = maker_certificate(key, "sns.amazonaws.com", -HOUR_S, 20 * DAY_S);
    return 0;
}

static int free_key(void **state) {
    (void)state;
    EVP_PKEY_free(key);
    free(certificate);
    return 0;
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(made_up_addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(old_one_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_certificate, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, make_key, free_key);
}
