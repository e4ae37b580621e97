/* Who may ask the HTTP server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_site.h"

/* Cost 4, of "secret" and "changed". */
#define HASH_SECRET    "$2y$04$WUHhXETkX0fnYkrqZU3ta.V/MhsBGVkvl.skVEhBTiEdihFBnDQOa"
#define HASH_CHANGED   "$2y$04$WUHhXETkX0fnYkrqZU3ta.D1QvCVmmuTp0dDvDGVr9MIWiycX7g8S"
#define ALICE_SECRET   "Authorization: Basic YWxpY2U6c2VjcmV0\r\n"
#define ALICE_CHANGED  "Authorization: Basic YWxpY2U6Y2hhbmdlZA==\r\n"
#define MALLORY_SECRET "Authorization: basic bWFsbG9yeTpzZWNyZXQ=\r\n"

static void passwords(void **state) {
    (void)state;
    struct web_user alice = {(char *)(uintptr_t) "alice", (char *)(uintptr_t)HASH_SECRET};
    struct site site = {.options = {.users = &alice, .user_count = 1, .enable_reload = true}};
    open_site(&site);
    board_put(site.board, new_snapshot(1, true));
    static const char *const protected[] = {"/metrics", "/", "/-/healthy", "/-/ready", "/api/v1/rates", "/nowhere"};
    for (size_t i = 0; i < MADE_UP_COUNT(protected); i++)
        expect(&site, "GET", protected[i], "", 401, "Unauthorized");
    expect(&site, "POST", "/-/reload", "", 401, "Unauthorized");
    expect_header(&site, "GET", "/metrics", "", "WWW-Authenticate: Basic realm=\"ses-collector\", charset=\"UTF-8\"");
    expect(&site, "GET", "/metrics", ALICE_SECRET, 200, "ses_collector_series");
    expect(&site, "GET", "/metrics", ALICE_SECRET, 200, "ses_collector_series");
    expect(&site, "POST", "/-/reload", ALICE_SECRET, 200, "Reloaded");
    static const char *const wrong[] = {ALICE_CHANGED,
                                        MALLORY_SECRET,
                                        "Authorization: Bearer YWxpY2U6c2VjcmV0\r\n",
                                        "Authorization: Basic\r\n",
                                        "Authorization: Basic ====\r\n",
                                        "Authorization: Basic YWxpY2U=\r\n",              /* no colon */
                                        "Authorization: Basic OnNlY3JldA==\r\n",          /* no name */
                                        "Authorization: Basic YWxpY2U6c2VjcmV0AHg=\r\n"}; /* a NUL */
    for (size_t i = 0; i < MADE_UP_COUNT(wrong); i++)
        expect(&site, "GET", "/metrics", wrong[i], 401, "Unauthorized");
    alice.bcrypt = (char *)(uintptr_t)HASH_CHANGED;
    assert_true(http_server_reconfigure(site.server, &site.options, NULL));
    expect(&site, "GET", "/metrics", ALICE_SECRET, 401, NULL);
    expect(&site, "GET", "/metrics", ALICE_CHANGED, 200, NULL);
    site.options.user_count = 0;
    assert_true(http_server_reconfigure(site.server, &site.options, NULL));
    expect(&site, "GET", "/metrics", "", 200, NULL);
    close_site(&site);
}

static void guesses_are_cut_short(void **state) {
    (void)state;
    struct web_user alice = {(char *)(uintptr_t) "alice", (char *)(uintptr_t)HASH_SECRET};
    struct site site = {.options = {.users = &alice, .user_count = 1}};
    open_site(&site);
    expect(&site, "GET", "/-/healthy", ALICE_SECRET, 200, NULL);
    int counted[2] = {0};
    for (int i = 0; i < 60; i++) {
        struct answer a = ask(&site, "GET", "/-/healthy", i % 2 ? ALICE_CHANGED : MALLORY_SECRET);
        assert_true(a.status == 401 || a.status == 429);
        counted[a.status == 429]++;
        free(a.raw);
    }
    assert_true(counted[0] >= 5);
    assert_true(counted[1] > 0);
    expect(&site, "GET", "/-/healthy", ALICE_SECRET, 200, NULL); /* known, and not in the way of the others */
    close_site(&site);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passwords),
        cmocka_unit_test(guesses_are_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
