#include "model/bounce_reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_reason_has_a_name_of_its_own(void **state) {
    (void)state;
    for (int i = 0; i < REASONS; i++) {
        const char *name = bounce_reason_name((enum bounce_reason)i);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
        enum bounce_reason back;
        assert_true(bounce_reason_parse(name, &back));
        assert_int_equal(back, i);
        const char *meaning = bounce_reason_meaning((enum bounce_reason)i);
        assert_true(strlen(meaning) > 10 && meaning[strlen(meaning) - 1] == '.');
    }
}

/* The label's values are promised to whoever reads the metrics. */
static void the_names_stay(void **state) {
    (void)state;
    static const char *const names[REASONS] = {
        "undetermined", "invalid_recipient", "bad_domain",     "inactive_mailbox",
        "mailbox_full", "too_large",         "sender_invalid", "auth_failed",
        "ptr",          "reputation_block",  "spam_content",   "policy",
        "rate_limited", "relay_denied",      "network",        "dns",
        "routing",      "expired",           "protocol",       "content",
        "suppressed",   "autoreply",
    };
    for (int i = 0; i < REASONS; i++)
        assert_string_equal(bounce_reason_name((enum bounce_reason)i), names[i]);
}

static void other_names_are_none(void **state) {
    (void)state;
    static const char *const wrong[] = {"", "Policy", "policy ", "polic", "reputation-block", "other", "none"};
    enum bounce_reason r;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(bounce_reason_parse(wrong[i], &r));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_has_a_name_of_its_own),
        cmocka_unit_test(the_names_stay),
        cmocka_unit_test(other_names_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
