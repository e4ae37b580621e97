/* What the page and the metrics show of the brake: nothing while no rule has one; what is paused, and what is in its
 * way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "rich_snapshot.h"
#include "sinks/page.h"
#include "sinks/prometheus.h"

static struct rich *r;
static char *text;

static void page(void) {
    struct err err = {0};
    free(text);
    MADE_UP_TEXT(text, assert_true(page_write(out, &r->s, &err)));
}

static void metrics(void) {
    struct err err = {0};
    free(text);
    MADE_UP_TEXT(text, assert_true(prometheus_write(out, &r->s, &err)));
}

static void has(const char *wanted) {
    if (!strstr(text, wanted))
        fail_msg("not there: %s", wanted);
}

static void has_not(const char *unwanted) {
    if (strstr(text, unwanted))
        fail_msg("there: %s", unwanted);
}

static void pauses(const char *name, bool reached, bool over) {
    struct brake_row *row = &r->s.brakes[r->s.brake_count++];
    *row = (struct brake_row){.since_ms = RICH_NOW_MS - 60000, .reached = reached, .over = over};
    snprintf(row->configuration_set, sizeof row->configuration_set, "%s", name);
}

static int begin(void **state) {
    (void)state;
    r = rich_snapshot(0);
    return 0;
}

static int end(void **state) {
    (void)state;
    free(text);
    text = NULL;
    free(r);
    return 0;
}

static void nothing_without_one(void **state) {
    (void)state;
    page();
    has_not("brake");
    metrics();
    has_not("\nses_collector_brake_");
}

static void what_is_paused(void **state) {
    (void)state;
    r->s.service.brake_asked = true;
    pauses("newsletter", true, false);
    pauses("", true, true);
    pauses("soon", false, false);
    pauses("perhaps", false, true);
    page();
    has("Sending is paused by the brake: that of configuration set <b>newsletter</b>");
    has("Sending is paused by the brake: that of the whole <b>account</b>");
    has("Sending is being paused by the brake: that of configuration set <b>soon</b>");
    has("Sending may be paused by the brake: that of configuration set <b>perhaps</b>");
    has("stays paused until");
    metrics();
    has("\nses_collector_brake_paused{configuration_set=\"newsletter\"} 1\n");
    has("\nses_collector_brake_paused{configuration_set=\"\"} 1\n");
    has_not("configuration_set=\"soon\"");
    has_not("configuration_set=\"perhaps\"");
    has("\nses_collector_brake_trouble 0\n");
}

static void what_it_did(void **state) {
    (void)state;
    struct service_row *v = &r->s.service;
    v->brake_asked = true;
    for (int d = 0; d < BRAKE_DECISIONS; d++)
        v->brake_decisions[d] = (uint64_t)d + 10;
    v->brake_done[BRAKE_ACTION_PAUSE] = 1;
    v->brake_failed[BRAKE_ACTION_PAUSE] = 2;
    v->brake_done[BRAKE_ACTION_RESUME] = 3;
    v->brake_failed[BRAKE_ACTION_RESUME] = 4;
    snprintf(v->brake_trouble, sizeof v->brake_trouble, "cannot pause news: <script>alert(1)</script>");
    metrics();
    has("\nses_collector_brake_decisions_total{decision=\"not_asked\"} 10\n");
    has("\nses_collector_brake_decisions_total{decision=\"pause\"} 11\n");
    has("\nses_collector_brake_decisions_total{decision=\"stays_paused\"} 19\n");
    has("\nses_collector_brake_actions_total{action=\"pause\",result=\"done\"} 1\n");
    has("\nses_collector_brake_actions_total{action=\"pause\",result=\"failed\"} 2\n");
    has("\nses_collector_brake_actions_total{action=\"resume\",result=\"done\"} 3\n");
    has("\nses_collector_brake_actions_total{action=\"resume\",result=\"failed\"} 4\n");
    has("\nses_collector_brake_trouble 1\n");
    page();
    has("The brake cannot do its work");
    has("cannot pause news: &lt;script&gt;");
    has_not("<script>alert");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_without_one, begin, end),
        cmocka_unit_test_setup_teardown(what_is_paused, begin, end),
        cmocka_unit_test_setup_teardown(what_it_did, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
