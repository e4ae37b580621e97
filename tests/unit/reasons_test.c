/* Why mail bounced, as the report, the page and the metrics tell it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sinks/page_parts.h"
#include "sinks/prometheus_parts.h"
#include "sinks/reasons.h"
#include "sinks/report_parts.h"
#include "unit/made_up_snapshot.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

/* What a function writes; for free(). */
static char *written;
static size_t written_len;
static FILE *begin(void) {
    written = NULL;
    FILE *f = open_memstream(&written, &written_len);
    assert_non_null(f);
    return f;
}

static struct detail_row of(const char *reason, const char *provider, const char *set, uint64_t now, uint64_t before) {
    return (struct detail_row){.kind = DETAIL_BOUNCE_REASON,
                               .first = reason,
                               .configuration_set = set,
                               .provider = provider,
                               .count = now,
                               .before = before};
}

static struct snapshot with_details(struct detail_row *rows, size_t count) {
    struct snapshot s = made_up_snapshot();
    s.details = rows;
    s.detail_count = count;
    s.has_before = true;
    return s;
}

static void sets_add_up_and_the_simulator_is_left_out(void **state) {
    (void)state;
    struct detail_row rows[] = {
        of("reputation_block", "gmail", "a", 60, 1),
        of("reputation_block", "gmail", "b", 2, 3),
        of("mailbox_full", "gmail", "a", 38, 96),
        of("invalid_recipient", "yahoo", "a", 300, 0),
        of("invalid_recipient", "simulator", "a", 5000, 0),
        of("policy", "naver", "a", 0, 0),
        {.kind = DETAIL_DELAY_REASON,
         .first = "rate_limited",
         .configuration_set = "a",
         .provider = "gmail",
         .count = 9},
        {.kind = DETAIL_BOUNCE,
         .first = "Permanent",
         .second = "General",
         .configuration_set = "a",
         .provider = "gmail"},
    };
    struct snapshot s = with_details(rows, LENGTH(rows));
    size_t count;
    struct provider_reasons *r = reasons_of_period(&s, DETAIL_BOUNCE_REASON, &count);
    assert_int_equal(count, 2);
    assert_string_equal(r[0].provider, "yahoo");
    assert_int_equal(r[0].total, 300);
    assert_string_equal(r[1].provider, "gmail");
    assert_int_equal(r[1].total, 100);
    assert_int_equal(r[1].total_before, 100);
    assert_int_equal(r[1].share_count, 2);
    assert_int_equal(r[1].shares[0].reason, REASON_REPUTATION_BLOCK);
    assert_int_equal(r[1].shares[0].count, 62);
    assert_int_equal(r[1].shares[0].before, 4);
    free(r);
    r = reasons_of_period(&s, DETAIL_DELAY_REASON, &count);
    assert_int_equal(count, 1);
    assert_int_equal(r[0].total, 9);
    free(r);
}

static void the_report_says_what_changed(void **state) {
    (void)state;
    struct detail_row rows[] = {
        of("reputation_block", "gmail", "", 62, 4),
        of("mailbox_full", "gmail", "", 38, 96),
        of("invalid_recipient", "other", "", 5, 0),
    };
    struct snapshot s = with_details(rows, LENGTH(rows));
    FILE *f = begin();
    report_write_reasons(f, &s, &(struct report_options){.compare = true});
    fclose(f);
    assert_string_equal(written, "\nBOUNCES AT     bounced  WHY\n"
                                 "gmail              100  62 % reputation_block (up from 4.0 %), "
                                 "38 % mailbox_full (down from 96 %)\n"
                                 "other                5  100 % invalid_recipient\n");
    free(written);
    f = begin();
    report_write_reasons(f, &s, &(struct report_options){.max_rows = 1});
    fclose(f);
    assert_non_null(strstr(written, "62 % reputation_block, 38 % mailbox_full\n"));
    assert_non_null(strstr(written, "... and 1 more, --rows 0 shows all\n"));
    free(written);
}

static void windows_are_told_without_what_they_share(void **state) {
    (void)state;
    struct reason_row rows[] = {
        {WINDOW_24H, "gmail", REASON_REPUTATION_BLOCK, 50},
        {WINDOW_24H, "gmail", REASON_MAILBOX_FULL, 50},
        {WINDOW_7D, "gmail", REASON_REPUTATION_BLOCK, 60},
        {WINDOW_7D, "gmail", REASON_MAILBOX_FULL, 140},
        {WINDOW_7D, "yahoo", REASON_POLICY, 7},
        {WINDOW_1H, "gmail", REASON_POLICY, 1000},
    };
    struct snapshot s = made_up_snapshot();
    s.reasons = rows;
    s.reason_count = LENGTH(rows);
    size_t count;
    struct provider_reasons *r = reasons_of_windows(&s, WINDOW_24H, WINDOW_7D, &count);
    assert_int_equal(count, 2);
    assert_int_equal(r[0].total, 100);
    assert_int_equal(r[0].total_before, 100);
    assert_int_equal(r[0].shares[1].reason, REASON_REPUTATION_BLOCK);
    assert_int_equal(r[0].shares[1].before, 10);
    assert_int_equal(r[1].total, 0);
    free(r);
    FILE *f = begin();
    page_write_reasons(f, &s);
    fclose(f);
    assert_non_null(strstr(written, "<b>50 %</b> reputation_block <span class=\"quiet\">up from 10 %</span>"));
    assert_null(strstr(written, "yahoo")); /* nothing bounced there today */
    free(written);
}

static const struct reputation_row standings[] = {
    {REPUTATION_BOUNCE, "account", "", 120, 10000, REPUTATION_HEALTHY, 380, 0.05},
    {REPUTATION_COMPLAINT, "account", "", 9, 3000, REPUTATION_UNDER_REVIEW, 6, 0.005},
    {REPUTATION_BOUNCE, "configuration_set", "", 0, 0, REPUTATION_UNKNOWN, 0, 0},
    {REPUTATION_BOUNCE, "configuration_set", "news", 30, 100, REPUTATION_AT_RISK, 0, 0},
    {REPUTATION_BOUNCE, "configuration_set", "receipts", 1, 100, REPUTATION_HEALTHY, 4, 0.05},
};

static struct snapshot with_standings(void) {
    struct snapshot s = made_up_snapshot();
    s.reputation = (struct reputation_row *)standings;
    s.reputation_count = LENGTH(standings);
    snprintf(s.last_sends_name, sizeof s.last_sends_name, "last_10000");
    return s;
}

static void the_report_says_how_far_it_is(void **state) {
    (void)state;
    struct snapshot s = with_standings();
    FILE *f = begin();
    report_write_reputation(f, &s, false);
    fclose(f);
    assert_string_equal(written, "AWS sees  last_10000: bounce 1.20 % healthy (380 more to 5 %), "
                                 "complaint 0.300 % under review (6 more to 0.5 %)\n"
                                 "          set news: bounce 30.00 % at risk of a pause\n");
    free(written);
}

static void the_page_shows_who_is_in_trouble(void **state) {
    (void)state;
    struct snapshot s = with_standings();
    FILE *f = begin();
    page_write_reputation(f, &s);
    fclose(f);
    assert_non_null(strstr(written, "<b class=\"warn\">under review</b>"));
    assert_non_null(strstr(written, "380 more to 5 %"));
    assert_non_null(strstr(written, ">news</th>"));
    assert_null(strstr(written, "receipts"));
    free(written);
}

static void the_metrics_say_the_same(void **state) {
    (void)state;
    struct snapshot s = with_standings();
    FILE *f = begin();
    prometheus_write_reputation(&(struct exposition){.out = f}, &s);
    fclose(f);
    static const char *const lines[] = {
        "ses_reputation_ratio{kind=\"bounce\",scope=\"account\",configuration_set=\"\"} 0.012\n",
        "ses_reputation_state{kind=\"complaint\",scope=\"account\",configuration_set=\"\",state=\"under_review\"} 1\n",
        "ses_reputation_state{kind=\"complaint\",scope=\"account\",configuration_set=\"\",state=\"healthy\"} 0\n",
        "ses_reputation_to_next_threshold{kind=\"bounce\",scope=\"account\",configuration_set=\"\"} 380\n",
        ("ses_reputation_state{kind=\"bounce\",scope=\"configuration_set\",configuration_set=\"\",state=\"unknown\"} "
         "1\n"),
    };
    for (size_t i = 0; i < LENGTH(lines); i++)
        assert_non_null(strstr(written, lines[i]));
    /* Nothing to divide by: no ratio. At risk: nothing is next. */
    assert_null(
        strstr(written, "ses_reputation_ratio{kind=\"bounce\",scope=\"configuration_set\",configuration_set=\"\"}"));
    assert_null(strstr(
        written,
        "ses_reputation_to_next_threshold{kind=\"bounce\",scope=\"configuration_set\",configuration_set=\"news\"}"));
    free(written);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_add_up_and_the_simulator_is_left_out), cmocka_unit_test(the_report_says_what_changed),
        cmocka_unit_test(windows_are_told_without_what_they_share),  cmocka_unit_test(the_report_says_how_far_it_is),
        cmocka_unit_test(the_page_shows_who_is_in_trouble),          cmocka_unit_test(the_metrics_say_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
