/* pipeline/suppression: each address once, over restarts too; told only once it is durable; a file that says it all.
 * The webhook is real HTTP on the loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <time.h>

#include "pipeline/suppression.h"
#include "unit/http_receiver.h"
#include "unit/store_folder.h"

static const struct hash_key key = {1, 2};

static struct store_folder folder;
static struct store *store;
static struct suppression *list;
static struct suppression_options options;
static char file[128];

static void open_list(void) {
    struct err err = {0};
    store = store_must_open(&folder);
    list = suppression_create(&options, &key, store, &err);
    if (!list)
        fail_msg("%s", err.text);
}

static void close_list(void) {
    suppression_destroy(list);
    store_close(store);
}

static int begin(void **state) {
    (void)state;
    store_folder_make(&folder);
    snprintf(file, sizeof file, "%s/list.csv", folder.base);
    options = (struct suppression_options){
        .bounces = true, .complaints = true, .file = file, .file_interval_ms = 0, .max_addresses = 1000};
    open_list();
    return 0;
}

static int end(void **state) {
    (void)state;
    close_list();
    store_folder_remove(&folder);
    return 0;
}

static void add(unsigned why, const char *address) {
    suppression_add(list, why, 1763776800000, span_of(address));
}

static void commit(void) {
    store_begin(store);
    suppression_save(list, store);
    store_must_commit(store);
    suppression_saved(list, store);
}

static void expect_file(const char *text) {
    char *found = alloc_zeroed(1, 65536);
    FILE *in = fopen(file, "r");
    assert_non_null(in);
    size_t len = fread(found, 1, 65535, in);
    fclose(in);
    found[len] = 0;
    assert_string_equal(found, text);
    free(found);
}

#define HEAD "address,reason,time\n"
#define TIME "2025-11-22T02:00:00Z"

/* --- what is kept ------------------------------------------------------------------------------------------------- */

static void test_each_once(void **state) {
    (void)state;
    struct stat st;
    add(SUPPRESSED_BOUNCED, "one@example.com");
    add(SUPPRESSED_BOUNCED, "ONE@Example.com");
    add(SUPPRESSED_COMPLAINED, "one@example.com");
    assert_int_not_equal(access(file, F_OK), 0); /* nothing leaves before the commit */
    assert_true(suppression_has_news(list));
    commit();
    assert_false(suppression_has_news(list));
    expect_file(HEAD "\"one@example.com\",bounce," TIME "\n\"one@example.com\",complaint," TIME "\n");
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_over_a_restart(void **state) {
    (void)state;
    add(SUPPRESSED_BOUNCED, "one@example.com");
    commit();
    add(SUPPRESSED_BOUNCED, "lost@example.com"); /* never committed */
    close_list();
    open_list();
    add(SUPPRESSED_BOUNCED, "one@example.com");
    assert_false(suppression_has_news(list));
    add(SUPPRESSED_BOUNCED, "two@example.com");
    commit();
    expect_file(HEAD "\"one@example.com\",bounce," TIME "\n\"two@example.com\",bounce," TIME "\n");
}

static void test_what_is_no_address(void **state) {
    (void)state;
    char longest[400];
    memset(longest, 'x', sizeof longest);
    memcpy(longest + 300, "@y.example", 11);
    static const char *const wrong[] = {"", "@", "nobody", "a b@c.example", "a\n@c.example", "a\x7f@c.example"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        add(SUPPRESSED_BOUNCED, wrong[i]);
    assert_false(suppression_has_news(list));
    add(SUPPRESSED_BOUNCED, longest); /* 310 bytes */
    add(SUPPRESSED_BOUNCED, "a\",b@c.example");
    commit();
    struct suppression_row row;
    suppression_counts(list, &row);
    assert_int_equal(row.addresses, 2);
    memset(longest, 'x', sizeof longest);
    memcpy(longest + 311, "@y.example", 11); /* 321 */
    add(SUPPRESSED_BOUNCED, longest);
    assert_false(suppression_has_news(list));
}

static void test_a_full_list(void **state) {
    (void)state;
    char address[40];
    for (int i = 0; i < 1010; i++) {
        snprintf(address, sizeof address, "user%d@example.com", i);
        add(SUPPRESSED_BOUNCED, address);
    }
    commit();
    struct suppression_row row;
    suppression_counts(list, &row);
    assert_int_equal(row.addresses, 1000);
    assert_int_equal(row.dropped, 10);
}

static void test_only_what_was_asked_for(void **state) {
    (void)state;
    options.bounces = false;
    assert_int_equal(suppression_wanted(&options), SUPPRESSED_COMPLAINED);
    close_list();
    open_list();
    add(SUPPRESSED_BOUNCED, "one@example.com");
    assert_false(suppression_has_news(list));
    options.file = NULL;
    assert_int_equal(suppression_wanted(&options), 0);
    options.file = file;
}

/* A reload reads it in one place and keeps it in another. */
static void test_options_that_move(void **state) {
    (void)state;
    memset(&options, 0x55, sizeof options);
    add(SUPPRESSED_BOUNCED, "one@example.com");
    commit();
    expect_file(HEAD "\"one@example.com\",bounce," TIME "\n");
}

/* --- the webhook -------------------------------------------------------------------------------------------------- */

static struct receiver *receiver;

static struct receiver_reply fail_once(size_t number, const struct receiver_request *r) {
    (void)r;
    return (struct receiver_reply){.status = number < 1 ? 500 : 200};
}

static void wait_until_told(uint64_t told) {
    struct suppression_row row = {0};
    for (int i = 0; i < 400 && row.told < told; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
        suppression_counts(list, &row);
    }
    assert_int_equal(row.told, told);
}

static void test_the_webhook(void **state) {
    (void)state;
    char url[64], address[40], secret[] = "quiet please";
    receiver = receiver_start(fail_once);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/list", receiver->port);
    close_list();
    options.webhook = (struct suppression_target){.url = url, .hmac_secret = secret};
    open_list();
    for (int i = 0; i < 150; i++) {
        snprintf(address, sizeof address, "user%d@example.com", i);
        add(SUPPRESSED_BOUNCED, address);
    }
    assert_int_equal(receiver_count(receiver), 0);
    commit();
    wait_until_told(150);
    commit(); /* how far it was told */
    close_list();
    size_t requests = receiver_count(receiver);
    assert_true(requests >= 3); /* one that failed, and at most 100 addresses in each */
    assert_non_null(strstr(receiver->requests[requests - 1].head, "X-Ses-Collector-Signature: sha256="));
    assert_non_null(strstr(receiver->requests[requests - 1].body, "user149@example.com"));
    assert_non_null(strstr(receiver->requests[requests - 1].body, "\"reason\":\"bounce\""));

    open_list(); /* nothing is told again, but what is new */
    add(SUPPRESSED_COMPLAINED, "late@example.com");
    commit();
    wait_until_told(1);
    assert_int_equal(receiver_count(receiver), requests + 1);
    assert_null(strstr(receiver->requests[requests].body, "user149"));
    assert_non_null(strstr(receiver->requests[requests].body, "late@example.com"));
    receiver_stop(receiver);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_once, begin, end),
        cmocka_unit_test_setup_teardown(test_over_a_restart, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_no_address, begin, end),
        cmocka_unit_test_setup_teardown(test_a_full_list, begin, end),
        cmocka_unit_test_setup_teardown(test_only_what_was_asked_for, begin, end),
        cmocka_unit_test_setup_teardown(test_options_that_move, begin, end),
        cmocka_unit_test_setup_teardown(test_the_webhook, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
