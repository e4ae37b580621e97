/* The rates as JSON, as a reader sees them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "rich_snapshot.h"
#include "sinks/rates.h"

static char *text_of(const struct snapshot *s, const struct rates_query *q) {
    char *text = NULL;
    struct err err = {0};
    MADE_UP_TEXT(text, assert_true(rates_write(out, s, q, &err)));
    return text;
}

static void none(void **state) {
    (void)state;
    struct snapshot s = made_up_snapshot();
    char *text = text_of(&s, &(struct rates_query){0});
    assert_string_equal(text, "{\"status\":\"success\",\"data\":{\"watermark\":null,\"rates\":[]}}\n");
    free(text);
}

static void one(void **state) {
    (void)state;
    struct window_row rows[] = {
        {WINDOW_1H, BASIS_EVENT, "provider", "gmail", "", "", {{[COUNT_SENT] = 3000, [COUNT_BOUNCED] = 411}}}};
    struct snapshot s = made_up_snapshot();
    s.windows = rows;
    s.window_count = 1;
    s.watermark_ms = 1763768070123;
    char *text = text_of(&s, &(struct rates_query){.rate = "bounce"});
    assert_string_equal(text,
                        "{\"status\":\"success\",\"data\":{\"watermark\":\"2025-11-21T23:34:30.123Z\",\"rates\":[\n"
                        "{\"rate\":\"bounce\",\"window\":\"1h\",\"basis\":\"event\",\"scope\":\"provider\","
                        "\"provider\":\"gmail\",\"configuration_set\":\"\",\"identity\":\"\",\"value\":0.137,"
                        "\"numerator\":411,\"denominator\":3000}]}}\n");
    free(text);
    text = text_of(&s, &(struct rates_query){.rate = "complaint"});
    assert_non_null(strstr(text, "\"value\":null,\"numerator\":0,\"denominator\":0}"));
    free(text);
}

/* How many rates a query gives; each must be one that it asks for. */
static size_t count(const struct snapshot *s, const struct rates_query *q) {
    char *text = text_of(s, q);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *row;
    assert_non_null(root);
    json_t *rates = json_object_get(json_object_get(root, "data"), "rates");
    size_t i, n = json_array_size(rates);
    json_array_foreach(rates, i, row) {
        const char *const wanted[][2] = {
            {"scope", q->scope}, {"window", q->window}, {"rate", q->rate}, {"provider", q->provider}};
        for (size_t k = 0; k < MADE_UP_COUNT(wanted); k++)
            if (wanted[k][1])
                assert_string_equal(json_string_value(json_object_get(row, wanted[k][0])), wanted[k][1]);
    }
    json_decref(root);
    free(text);
    return n;
}

static void queries(void **state) {
    (void)state;
    struct rich *r = rich_snapshot(0);
    const size_t all = r->s.window_count * RATES;
    const struct {
        struct rates_query query;
        size_t count;
    } cases[] = {
        {{0}, all},
        {{.scope = "provider"}, (size_t)10 * RICH_WINDOWS * RATES},
        {{.window = "24h"}, all / RICH_WINDOWS},
        {{.rate = "delay"}, all / RATES},
        {{.basis = "event"}, all},
        {{.basis = "sent"}, 0},
        {{.provider = "gmail"}, (size_t)2 * RICH_WINDOWS * RATES}, /* alone, and with a set */
        {{.provider = "gmail", .scope = "provider", .window = "1h", .rate = "bounce"}, 1},
        {{.configuration_set = "newsletter", .window = "1h", .rate = "bounce"}, 2},
        {{.scope = "configuration_set", .configuration_set = "", .window = "1h", .rate = "bounce"}, 1},
        {{.scope = "configuration_set", .configuration_set = RICH_HOSTILE, .window = "1h", .rate = "bounce"}, 1},
        {{.rate = "bounces"}, 0},
        {{.window = ""}, 0},
        {{.scope = "provider", .configuration_set = "newsletter"}, 0},
    };
    for (size_t i = 0; i < MADE_UP_COUNT(cases); i++)
        if (count(&r->s, &cases[i].query) != cases[i].count)
            fail_msg("case %zu: not %zu", i, cases[i].count);
    free(r);
}

static void a_full_disk_is_told(void **state) {
    (void)state;
    struct snapshot s = made_up_snapshot();
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    setvbuf(full, NULL, _IONBF, 0);
    struct err err = {0};
    assert_false(rates_write(full, &s, &(struct rates_query){0}, &err));
    assert_string_equal(err.text, "cannot write the list of rates: No space left on device");
    fclose(full);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none),
        cmocka_unit_test(one),
        cmocka_unit_test(queries),
        cmocka_unit_test(a_full_disk_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
