/* collector/alert/incidents and rows: copies that stand by themselves, numbers that only rise, a list with an end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert/incidents.h"
#include "alert/rule.h"

/* --- copies ------------------------------------------------------------------------------------------------------- */

/* Every text in memory of its own, so that a copy which borrows one is found out. */
static char *text(const char *s) {
    return strdup(s);
}

static struct label_pair *pairs(size_t count, const char *stem) {
    struct label_pair *p = calloc(count + 1, sizeof *p);
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s%zu", stem, i);
        p[i].name = text(name);
        p[i].value = i % 2 ? text("") : text(stem);
    }
    return p;
}

static struct alert_row full_row(size_t labels, size_t annotations) {
    return (struct alert_row){
        .alertname = text("name"),
        .severity = text("severity"),
        .scope = text("provider"),
        .provider = text("gmail"),
        .configuration_set = text(""),
        .rate = text("bounce"),
        .window = text("1h"),
        .summary = text("a summary"),
        .description = text("a description, a little longer"),
        .state = ALERT_FIRING,
        .active_ms = 1,
        .fired_ms = 2,
        .resolved_ms = 3,
        .value = 0.5,
        .threshold = 0.25,
        .numerator = 4,
        .denominator = 8,
        .incident = 9,
        .held = true,
        .labels = pairs(labels, "label"),
        .label_count = labels,
        .annotations = pairs(annotations, "annotation"),
        .annotation_count = annotations,
    };
}

static void free_pairs(const struct label_pair *p, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free((char *)(uintptr_t)p[i].name);
        free((char *)(uintptr_t)p[i].value);
    }
    free((void *)(uintptr_t)p);
}

static void free_row(struct alert_row *r) {
    const char *all[] = {r->alertname, r->severity, r->scope,   r->provider,   r->configuration_set,
                         r->rate,      r->window,   r->summary, r->description};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free((char *)(uintptr_t)all[i]);
    free_pairs(r->labels, r->label_count);
    free_pairs(r->annotations, r->annotation_count);
    memset(r, 0xff, sizeof *r);
}

static void assert_pairs(const struct label_pair *p, size_t count, const char *stem) {
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s%zu", stem, i);
        assert_string_equal(p[i].name, name);
        assert_string_equal(p[i].value, i % 2 ? "" : stem);
    }
}

static void assert_full(const struct alert_row *r, size_t labels, size_t annotations) {
    assert_string_equal(r->alertname, "name");
    assert_string_equal(r->severity, "severity");
    assert_string_equal(r->scope, "provider");
    assert_string_equal(r->provider, "gmail");
    assert_string_equal(r->configuration_set, "");
    assert_string_equal(r->rate, "bounce");
    assert_string_equal(r->window, "1h");
    assert_string_equal(r->summary, "a summary");
    assert_string_equal(r->description, "a description, a little longer");
    assert_int_equal(r->state, ALERT_FIRING);
    assert_true(r->active_ms == 1 && r->fired_ms == 2 && r->resolved_ms == 3 && r->held);
    assert_true(r->value == 0.5 && r->threshold == 0.25 && r->numerator == 4 && r->denominator == 8);
    assert_int_equal(r->label_count, labels);
    assert_int_equal(r->annotation_count, annotations);
    assert_pairs(r->labels, labels, "label");
    assert_pairs(r->annotations, annotations, "annotation");
}

static void copies_have_everything(void **state) {
    (void)state;
    struct alert_row one = full_row(3, 2), two = full_row(0, 5), bare = {.alertname = "only this"};
    const struct alert_row *rows[] = {&one, &bare, &two, &one};
    struct alert_row *copy = alert_rows_copy(rows, 4);
    free_row(&one);
    free_row(&two);
    assert_full(&copy[0], 3, 2);
    assert_full(&copy[2], 0, 5);
    assert_full(&copy[3], 3, 2);
    assert_string_equal(copy[1].alertname, "only this");
    assert_null(copy[1].provider);
    assert_int_equal(copy[1].label_count, 0);
    assert_int_equal(copy[0].incident, 9);
    const struct alert_row *again = &copy[3];
    struct alert_row *copy_of_copy = alert_rows_copy(&again, 1);
    free(copy);
    assert_full(copy_of_copy, 3, 2);
    free(copy_of_copy);
    assert_null(alert_rows_copy(NULL, 0));
}

/* --- the list ----------------------------------------------------------------------------------------------------- */

static struct alert_row plain(enum alert_state state, int64_t resolved_ms, uint64_t number) {
    return (struct alert_row){.alertname = "a", .state = state, .resolved_ms = resolved_ms, .incident = number};
}

static bool restore(struct incidents *list, uint64_t number) {
    const struct alert_row row = plain(ALERT_FIRING, 0, number), *one = &row;
    return incidents_restore(list, alert_rows_copy(&one, 1));
}

static void numbers_rise(void **state) {
    (void)state;
    struct incidents list = {0};
    for (uint64_t i = 1; i <= 100; i++) {
        const struct alert_row row = plain(ALERT_FIRING, 0, 77);
        const struct alert_row *added = incidents_add(&list, &row);
        assert_int_equal(added->incident, i);
        assert_ptr_not_equal(added, &row);
    }
    for (uint64_t i = 1; i <= 100; i++)
        assert_int_equal(incidents_find(&list, i)->incident, i);
    assert_null(incidents_find(&list, 0));
    assert_null(incidents_find(&list, 101));
    incidents_deinit(&list);
    assert_int_equal(list.count, 0);
    assert_null(incidents_find(&list, 1));
}

static void restored_in_order(void **state) {
    (void)state;
    struct incidents list = {0};
    assert_false(restore(&list, 0));
    assert_true(restore(&list, 5));
    assert_false(restore(&list, 5));
    assert_false(restore(&list, 4));
    assert_true(restore(&list, 90));
    assert_int_equal(list.count, 2);
    const struct alert_row row = plain(ALERT_FIRING, 0, 0);
    assert_int_equal(incidents_add(&list, &row)->incident, 91);
    assert_non_null(incidents_find(&list, 5));
    assert_null(incidents_find(&list, 4));
    assert_null(incidents_find(&list, 50));
    incidents_deinit(&list);
}

struct gone {
    uint64_t numbers[8];
    size_t count;
};

static void note_gone(void *context, uint64_t number) {
    struct gone *g = context;
    g->numbers[g->count++] = number;
}

static void pruned_by_time(void **state) {
    (void)state;
    struct incidents list = {0};
    struct gone gone = {0};
    const struct alert_row rows[] = {
        plain(ALERT_RESOLVED, 1000, 0), plain(ALERT_FIRING, 0, 0),      plain(ALERT_RESOLVED, 3000, 0),
        plain(ALERT_RESOLVED, 1999, 0), plain(ALERT_RESOLVED, 2000, 0),
    };
    for (size_t i = 0; i < 5; i++)
        incidents_add(&list, &rows[i]);
    incidents_prune(&list, 2000, note_gone, &gone);
    assert_int_equal(gone.count, 2);
    assert_int_equal(gone.numbers[0], 1);
    assert_int_equal(gone.numbers[1], 4);
    assert_int_equal(list.count, 3);
    for (uint64_t i = 1; i <= 5; i++)
        assert_int_equal(incidents_find(&list, i) != NULL, i != 1 && i != 4);
    incidents_prune(&list, INT64_MAX, NULL, NULL);
    assert_int_equal(list.count, 1); /* what fires stays */
    assert_int_equal(list.last, 5);
    const struct alert_row row = plain(ALERT_FIRING, 0, 0);
    assert_int_equal(incidents_add(&list, &row)->incident, 6);
    incidents_deinit(&list);
}

static void the_list_has_an_end(void **state) {
    (void)state;
    struct incidents list = {0};
    struct alert_row row = plain(ALERT_FIRING, 0, 0);
    for (int i = 0; i < INCIDENTS_MAX; i++)
        assert_non_null(incidents_add(&list, &row));
    assert_null(incidents_add(&list, &row));
    assert_null(incidents_add(&list, &row));
    assert_false(restore(&list, 1000000));
    assert_int_equal(list.count, INCIDENTS_MAX);
    assert_int_equal(list.dropped, 2);
    assert_int_equal(list.last, INCIDENTS_MAX); /* no number was given */
    struct alert_row *one = incidents_find(&list, 17);
    one->state = ALERT_RESOLVED;
    one->resolved_ms = 1;
    incidents_prune(&list, 2, NULL, NULL);
    assert_int_equal(incidents_add(&list, &row)->incident, INCIDENTS_MAX + 1);
    incidents_deinit(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_have_everything), cmocka_unit_test(numbers_rise),
        cmocka_unit_test(restored_in_order),      cmocka_unit_test(pruned_by_time),
        cmocka_unit_test(the_list_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
