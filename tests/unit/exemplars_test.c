/* collector/aggregate/exemplars and snapshot_exemplars, model/exemplar: whose message stands beside a counter or a
 * bucket, for how long, and by which name. */
#include "aggregate_run.h"

#include "aggregate/detail_key.h"
#include "aggregate/exemplars.h"

static struct event at_set(struct event e, uint32_t set) {
    e.set = set;
    return e;
}

static struct event bounce_at(int64_t time_ms, uint64_t key) {
    struct event e = event_of(EVENT_BOUNCE, time_ms, key);
    e.detail = EVENT_DETAIL_PAIR(BOUNCE_PERMANENT, SUBTYPE_NO_EMAIL);
    e.reason = REASON_MAILBOX_FULL;
    return e;
}

static struct event delivery_in(uint32_t ms, int64_t time_ms, uint64_t key) {
    struct event e = event_of(EVENT_DELIVERY, time_ms, key);
    e.delivery_ms = ms;
    return e;
}

/* The one row of the kind with this set and provider; "" for none of the two. */
static const struct detail_row *detail_of(const struct snapshot *s, enum detail_kind kind, const char *set,
                                          const char *provider) {
    const struct detail_row *found = NULL;
    for (size_t i = 0; i < s->detail_count; i++) {
        const struct detail_row *d = &s->details[i];
        if (d->kind != kind || strcmp(d->configuration_set, set) != 0 ||
            strcmp(d->provider ? d->provider : "", provider) != 0)
            continue;
        assert_null(found);
        found = d;
    }
    assert_non_null(found);
    return found;
}

static const struct view_row *pair_of(const struct snapshot *s, const char *set, const char *provider) {
    for (size_t i = 0; i < s->both.count; i++)
        if (strcmp(s->both.rows[i].configuration_set, set) == 0 && strcmp(s->both.rows[i].provider, provider) == 0)
            return &s->both.rows[i];
    fail_msg("no row %s %s", set, provider);
    return NULL;
}

/* NULL: there is none. */
static void expect_exemplar(const struct exemplar *x, const char *message_id, double value, int64_t time_ms) {
    assert_int_equal(x != NULL, message_id != NULL);
    if (!x)
        return;
    assert_true(x->message == exemplar_message(span_of(message_id)));
    assert_true(x->value == value);
    assert_int_equal(x->time_ms, time_ms);
}

static void note(struct exemplars *x, const struct event *e, const char *message_id) {
    exemplars_note(x, e, exemplar_message(span_of(message_id)));
}

static void expect_bounce(struct run *r, const char *message_id, int64_t time_ms) {
    struct snapshot *s = look(r, 1000);
    expect_exemplar(detail_of(s, DETAIL_BOUNCE, "set-0", "gmail")->exemplar, message_id, 1, time_ms);
    expect_exemplar(detail_of(s, DETAIL_BOUNCE_REASON, "set-0", "gmail")->exemplar, message_id, 1, time_ms);
    snapshot_destroy(s);
}

/* --- which one stays ---------------------------------------------------------------------------------------------- */

static void the_later_one_stays(void **state) {
    (void)state;
    struct exemplars x;
    const struct event events[] = {bounce_at(2000, 1), bounce_at(1999, 2), bounce_at(-5, 3), bounce_at(2001, 4)};
    static const char *const ids[] = {"first", "older", "long-ago", "later"}, *const there[] = {"first", "first",
                                                                                                "first", "later"};
    static const int64_t times[] = {2000, 2000, 2000, 2001};
    exemplars_init(&x);
    for (size_t i = 0; i < COUNT(events); i++) {
        note(&x, &events[i], ids[i]);
        assert_int_equal(x.latest.len, 2); /* what bounced, and why */
        uint64_t key = DETAIL_KEY(DETAIL_BOUNCE, events[i].detail, sets[0], GMAIL);
        expect_exemplar(map_get(&x.latest, key), there[i], 1, times[i]);
        key = DETAIL_KEY(DETAIL_BOUNCE_REASON, events[i].reason, sets[0], GMAIL);
        expect_exemplar(map_get(&x.latest, key), there[i], 1, times[i]);
    }
    struct event elsewhere = at_set(bounce_at(5, 5), sets[1]);
    note(&x, &elsewhere, "elsewhere"); /* another series: its own first one */
    assert_int_equal(x.latest.len, 4);
    exemplars_deinit(&x);
}

/* One event of each type: the series that it adds to get its message, and no others. */
static void events_of_every_type(void **state) {
    (void)state;
    static const struct {
        enum detail_kind kind;
        enum event_type type;
        const char *provider; /* "": counted without */
    } series[] = {
        {DETAIL_BOUNCE, EVENT_BOUNCE, "gmail"},
        {DETAIL_BOUNCE_REASON, EVENT_BOUNCE, "gmail"},
        {DETAIL_COMPLAINT, EVENT_COMPLAINT, "gmail"},
        {DETAIL_DELAY, EVENT_DELIVERY_DELAY, "gmail"},
        {DETAIL_REJECT, EVENT_REJECT, ""},
        {DETAIL_DELAY_REASON, EVENT_DELIVERY_DELAY, "gmail"},
        {DETAIL_SUBSCRIPTION, EVENT_SUBSCRIPTION, ""},
        {DETAIL_RENDERING_FAILURE, EVENT_RENDERING_FAILURE, ""},
        {DETAIL_OPEN, EVENT_TYPES, "gmail"},
        {DETAIL_CLICK, EVENT_TYPES, "gmail"},
        {DETAIL_UNIQUE_OPEN, EVENT_TYPES, "gmail"},
        {DETAIL_UNIQUE_CLICK, EVENT_TYPES, "gmail"},
    };
    struct run *r = run_create(usual);
    for (int type = 0; type < EVENT_TYPES; type++) {
        struct event e = event_of((enum event_type)type, NOON + type, 100 + (uint64_t)type);
        char id[8];
        snprintf(id, sizeof id, "m-%d", type);
        give_with(r, e, id);
    }
    struct snapshot *s;
    finish(r, &s);
    assert_int_equal(s->detail_count, COUNT(series));
    for (size_t i = 0; i < COUNT(series); i++) {
        char id[8];
        snprintf(id, sizeof id, "m-%d", (int)series[i].type);
        expect_exemplar(detail_of(s, series[i].kind, "set-0", series[i].provider)->exemplar,
                        series[i].type == EVENT_TYPES ? NULL : id, 1, NOON + (int)series[i].type);
    }
    const struct view_row *row = pair_of(s, "set-0", "gmail");
    for (int i = 0; i < DELIVERY_BUCKETS; i++) /* the delivery came without a time */
        assert_null(row->deliveries[i]);
    snapshot_destroy(s);
    run_destroy(r);
}

/* Of a batch's events the one that it says, whatever stands around it, in a record of several too. */
static void the_event_that_a_batch_says(void **state) {
    (void)state;
    struct run *r = run_create(usual);
    struct event e = bounce_at(NOON, 10);
    give(r, EVENT_SEND, NOON, 1);
    e.flags = EVENT_FIRST;
    give_event(r, &e);
    e = at_set(bounce_at(NOON, 11), sets[1]);
    e.flags = 0;
    give_with(r, e, "second-recipient");
    e = at_set(bounce_at(NOON, 12), sets[2]);
    e.flags = EVENT_LAST;
    give_event(r, &e);
    e = delivery_in(5, NOON + 1, 13);
    give_with(r, e, "delivered");
    struct snapshot *s = look(r, 1000);
    assert_null(detail_of(s, DETAIL_BOUNCE, "set-0", "gmail")->exemplar);
    expect_exemplar(detail_of(s, DETAIL_BOUNCE, "set-1", "gmail")->exemplar, "second-recipient", 1, NOON);
    assert_null(detail_of(s, DETAIL_BOUNCE, "set-2", "gmail")->exemplar);
    expect_exemplar(pair_of(s, "set-0", "gmail")->deliveries[0], "delivered", 0.005, NOON + 1);
    assert_null(pair_of(s, "set-1", "gmail")->deliveries[0]);
    snapshot_destroy(s);
    /* The next batch counts from 0 again. */
    give_with(r, at_set(bounce_at(NOON + 2, 14), sets[2]), "next-batch");
    s = look(r, 1000);
    expect_exemplar(detail_of(s, DETAIL_BOUNCE, "set-2", "gmail")->exemplar, "next-batch", 1, NOON + 2);
    snapshot_destroy(s);
    run_destroy(r);
}

/* --- what is not counted is no example ---------------------------------------------------------------------------- */

static void what_is_not_counted_gives_none(void **state) {
    (void)state;
    struct aggregate_options options = usual;
    options.from_ms = NOON - DAYS(10);
    struct run *r = run_create(options);
    give_with(r, bounce_at(NOON, 1), "counted");
    expect_bounce(r, "counted", NOON);
    give_with(r, bounce_at(NOON + 1000, 1), "duplicate"); /* the same happening */
    expect_bounce(r, "counted", NOON);
    give_with(r, bounce_at(options.now_ms + HOURS(1), 2), "future");
    expect_bounce(r, "counted", NOON);
    give_with(r, at_set(bounce_at(NOON - DAYS(5), 3), sets[1]), "late");
    give_with(r, at_set(bounce_at(NOON - DAYS(20), 4), sets[1]), "filtered");
    struct snapshot *s = look(r, 1000);
    assert_int_equal(s->accounting.duplicate, 1);
    assert_int_equal(s->accounting.future, 1);
    assert_int_equal(s->accounting.late, 1);
    assert_int_equal(s->accounting.filtered, 1);
    assert_int_equal(s->detail_count, 2);
    expect_exemplar(detail_of(s, DETAIL_BOUNCE, "set-0", "gmail")->exemplar, "counted", 1, NOON);
    snapshot_destroy(s);
    /* A record of which one recipient was seen before: the other one is new. */
    struct event e = bounce_at(NOON + 2000, 1);
    e.flags = EVENT_FIRST;
    give_with(r, e, "seen");
    e = at_set(bounce_at(NOON + 2000, 5), sets[1]);
    e.flags = EVENT_LAST;
    give_with(r, e, "new");
    s = look(r, 1000);
    expect_exemplar(detail_of(s, DETAIL_BOUNCE, "set-0", "gmail")->exemplar, "counted", 1, NOON);
    expect_exemplar(detail_of(s, DETAIL_BOUNCE, "set-1", "gmail")->exemplar, "new", 1, NOON + 2000);
    snapshot_destroy(s);
    run_destroy(r);
}

static void none_without_ids(void **state) {
    (void)state;
    struct run *r = run_create(usual);
    struct event e = bounce_at(NOON, 1);
    give_event(r, &e);
    e = delivery_in(5, NOON, 2);
    give_event(r, &e);
    struct snapshot *s = look(r, 1000);
    for (size_t i = 0; i < s->detail_count; i++)
        assert_null(s->details[i].exemplar);
    for (int i = 0; i < DELIVERY_BUCKETS; i++)
        assert_null(pair_of(s, "set-0", "gmail")->deliveries[i]);
    snapshot_destroy(s);
    run_destroy(r);
}

/* --- delivery times ----------------------------------------------------------------------------------------------- */

/* Each bound belongs to the bucket below it; a millisecond more to the next. */
static void every_bucket_of_delivery_times(void **state) {
    (void)state;
    struct run *r = run_create(usual);
    uint32_t shortest[DELIVERY_BUCKETS] = {0}, longest[DELIVERY_BUCKETS];
    uint64_t key = 1;
    for (int i = 0; i < DELIVERY_BUCKETS - 1; i++) {
        longest[i] = (uint32_t)(delivery_bucket_bounds[i] * 1000 + 0.5);
        shortest[i + 1] = longest[i] + 1;
    }
    longest[DELIVERY_BUCKETS - 1] = EVENT_NO_DELIVERY_MS - 1;
    give_with(r, delivery_in(EVENT_NO_DELIVERY_MS, NOON + 9, key++), "no-time");
    for (int round = 0; round < 2; round++) {
        const uint32_t *ms = round ? longest : shortest;
        for (uint32_t i = 0; i < DELIVERY_BUCKETS; i++) {
            char id[16];
            snprintf(id, sizeof id, "bucket-%u", i);
            give_with(r, delivery_in(ms[i], NOON + round, key++), id);
        }
        struct snapshot *s = look(r, 1000);
        const struct view_row *row = pair_of(s, "set-0", "gmail");
        for (int i = 0; i < DELIVERY_BUCKETS; i++) {
            char id[16];
            snprintf(id, sizeof id, "bucket-%d", i);
            expect_exemplar(row->deliveries[i], id, ms[i] / 1000.0, NOON + round);
            assert_true(i == 0 || row->deliveries[i]->value > delivery_bucket_bounds[i - 1]);
            assert_true(i == DELIVERY_BUCKETS - 1 || row->deliveries[i]->value <= delivery_bucket_bounds[i]);
            assert_int_equal(row->tally[PERIOD_NOW].delivery_count[i], round + 1);
        }
        assert_null(row_of(&s->views[1], "gmail")->deliveries[0]); /* it has no histogram */
        snapshot_destroy(s);
    }
    run_destroy(r);
}

/* --- how many, and for how long ----------------------------------------------------------------------------------- */

static void with_too_many_half_of_them_go(void **state) {
    (void)state;
    struct exemplars x;
    struct event e = event_of(EVENT_COMPLAINT, NOON, 1);
    exemplars_init(&x);
    for (e.set = 0; e.set < EXEMPLARS_MAX; e.set++)
        note(&x, &e, "one-of-many");
    assert_int_equal(x.latest.len, EXEMPLARS_MAX);
    e.set = 7;
    e.time_ms++;
    note(&x, &e, "there-already");
    assert_int_equal(x.latest.len, EXEMPLARS_MAX);
    expect_exemplar(map_get(&x.latest, DETAIL_KEY(DETAIL_COMPLAINT, 0, 7, GMAIL)), "there-already", 1, NOON + 1);
    expect_exemplar(map_get(&x.latest, DETAIL_KEY(DETAIL_COMPLAINT, 0, 8, GMAIL)), "one-of-many", 1, NOON);
    e.set = EXEMPLARS_MAX;
    note(&x, &e, "one-too-many");
    assert_int_equal(x.latest.len, EXEMPLARS_MAX / 2 + 1);
    expect_exemplar(map_get(&x.latest, DETAIL_KEY(DETAIL_COMPLAINT, 0, EXEMPLARS_MAX, GMAIL)), "one-too-many", 1,
                    NOON + 1);
    for (e.set = 0; e.set < 3 * EXEMPLARS_MAX; e.set++) {
        note(&x, &e, "and-so-on");
        assert_true(x.latest.len <= EXEMPLARS_MAX);
    }
    exemplars_deinit(&x);
}

/* What is not shown any more makes room for the others. */
static void with_too_many_the_old_ones_go(void **state) {
    (void)state;
    enum { FRESH = 100 };
    struct exemplars x;
    struct event e = event_of(EVENT_COMPLAINT, NOON, 1);
    exemplars_init(&x);
    for (e.set = 0; e.set < EXEMPLARS_MAX - FRESH; e.set++)
        note(&x, &e, "old");
    e.time_ms = NOON + HOURS(2) + 1;
    for (; e.set < EXEMPLARS_MAX; e.set++)
        note(&x, &e, "fresh");
    note(&x, &e, "one-more");
    assert_int_equal(x.latest.len, FRESH + 1);
    for (uint32_t set = EXEMPLARS_MAX - FRESH; set < EXEMPLARS_MAX; set++)
        expect_exemplar(map_get(&x.latest, DETAIL_KEY(DETAIL_COMPLAINT, 0, set, GMAIL)), "fresh", 1, e.time_ms);
    exemplars_deinit(&x);
}

/* Times only rise: of two at the same moment the first stays. */
static void at_the_same_time_the_first_stays(void **state) {
    (void)state;
    struct run *r = run_create(usual);
    give_with(r, bounce_at(NOON, 1), "first");
    give_with(r, bounce_at(NOON, 2), "second");
    expect_bounce(r, "first", NOON);
    run_destroy(r);
}

/* By the watermark: what two hours have passed over is not shown, and the next one is. */
static void two_hours_later_it_is_not_shown(void **state) {
    (void)state;
    struct run *r = run_create(usual);
    give_with(r, bounce_at(NOON, 1), "before");
    give_with(r, delivery_in(300, NOON, 2), "delivered");
    give(r, EVENT_SEND, NOON + HOURS(2), 3);
    expect_bounce(r, "before", NOON);
    give(r, EVENT_SEND, NOON + HOURS(2) + 1, 4);
    expect_bounce(r, NULL, 0);
    struct snapshot *s = look(r, 1000);
    assert_int_equal(detail_of(s, DETAIL_BOUNCE, "set-0", "gmail")->count, 1); /* the counter goes on */
    assert_null(pair_of(s, "set-0", "gmail")->deliveries[delivery_bucket(300)]);
    snapshot_destroy(s);
    give_with(r, bounce_at(NOON + 1, 5), "a-little-later");
    expect_bounce(r, "a-little-later", NOON + 1);
    run_destroy(r);
}

/* A snapshot keeps its own: what comes later, and the aggregate's end, change nothing in it. */
static void a_snapshot_has_its_own(void **state) {
    (void)state;
    struct run *r = run_create(usual);
    give_with(r, bounce_at(NOON, 1), "before");
    struct snapshot *s = look(r, 1000);
    give_with(r, bounce_at(NOON + 1, 2), "after");
    expect_bounce(r, "after", NOON + 1);
    run_destroy(r);
    expect_exemplar(detail_of(s, DETAIL_BOUNCE, "set-0", "gmail")->exemplar, "before", 1, NOON);
    snapshot_destroy(s);
}

/* --- series that fall together ------------------------------------------------------------------------------------ */

/* One set keeps its name, three do not: their `other` has the latest of them, whichever it is. */
static void folded_sets_show_the_latest(void **state) {
    (void)state;
    for (uint32_t latest = 1; latest <= 3; latest++) {
        struct run *r = run_create(usual);
        uint64_t key = 1;
        for (int i = 0; i < 10; i++)
            give_with(r, bounce_at(NOON + 50 + i, key++), "busy");
        for (uint32_t i = 1; i <= 3; i++) {
            int64_t time_ms = NOON + (i == latest ? 20 : i);
            char id[16];
            snprintf(id, sizeof id, "set-%u", i);
            give_with(r, at_set(bounce_at(time_ms, key++), sets[i]), id);
            give_with(r, at_set(delivery_in(100 + i, time_ms, key++), sets[i]), id);
            give_with(r, at_set(event_of(EVENT_REJECT, time_ms, key++), sets[i]), id);
        }
        struct snapshot *s = look(r, 1);
        const struct view_row *row = pair_of(s, "other", "gmail");
        char id[16];
        snprintf(id, sizeof id, "set-%u", latest);
        assert_int_equal(detail_of(s, DETAIL_BOUNCE, "other", "gmail")->count, 3);
        expect_exemplar(detail_of(s, DETAIL_BOUNCE, "other", "gmail")->exemplar, id, 1, NOON + 20);
        expect_exemplar(detail_of(s, DETAIL_BOUNCE_REASON, "other", "gmail")->exemplar, id, 1, NOON + 20);
        expect_exemplar(detail_of(s, DETAIL_REJECT, "other", "")->exemplar, id, 1, NOON + 20);
        expect_exemplar(detail_of(s, DETAIL_BOUNCE, "set-0", "gmail")->exemplar, "busy", 1, NOON + 59);
        expect_exemplar(row->deliveries[delivery_bucket(101)], id, (100 + latest) / 1000.0, NOON + 20);
        assert_null(row->deliveries[0]);
        snapshot_destroy(s);
        run_destroy(r);
    }
}

/* What is counted without a provider: the latest of all of them. */
static void rejects_of_several_providers(void **state) {
    (void)state;
    struct run *r = run_create(usual);
    struct event e = event_of(EVENT_REJECT, NOON + 5, 1);
    give_with(r, e, "at-gmail");
    e = event_of(EVENT_REJECT, NOON + 3, 2);
    e.provider = MAILRU;
    give_with(r, e, "at-mailru");
    struct snapshot *s = look(r, 1000);
    assert_int_equal(s->detail_count, 1);
    expect_exemplar(s->details[0].exemplar, "at-gmail", 1, NOON + 5);
    snapshot_destroy(s);
    run_destroy(r);
}

/* A domain is counted under a number of its own until it is told whose it is: its messages then are its provider's. */
static void domains_that_become_a_provider(void **state) {
    (void)state;
    struct aggregate_options options = usual;
    options.learning = LEARN_FOR_ALL;
    struct run *r = run_create(options);
    give_with(r, bounce_at(NOON, 1), "at-gmail");
    struct event e = bounce_at(NOON + 5, 2);
    e.provider = PROVIDER_OTHER;
    e.domain_key = 77;
    give_with(r, e, "at-the-domain");
    struct snapshot *s = look(r, 1000);
    expect_exemplar(detail_of(s, DETAIL_BOUNCE, "set-0", "gmail")->exemplar, "at-gmail", 1, NOON);
    expect_exemplar(detail_of(s, DETAIL_BOUNCE, "set-0", "other")->exemplar, "at-the-domain", 1, NOON + 5);
    snapshot_destroy(s);
    e = delivery_in(40, NOON + 6, 3);
    e.provider = PROVIDER_OTHER;
    e.domain_key = 77;
    e.hint = GMAIL;
    give_with(r, e, "delivered");
    s = look(r, 1000);
    expect_exemplar(detail_of(s, DETAIL_BOUNCE, "set-0", "gmail")->exemplar, "at-the-domain", 1, NOON + 5);
    expect_exemplar(pair_of(s, "set-0", "gmail")->deliveries[0], "delivered", 0.04, NOON + 6);
    snapshot_destroy(s);
    run_destroy(r);
}

/* --- names -------------------------------------------------------------------------------------------------------- */

/* As `printf %s ID | sha256sum | cut -c 1-16` says; the empty text's and abc's are in FIPS 180-4's examples. */
static void names_are_hashes_of_ids(void **state) {
    (void)state;
    static const char with_zero[] = {'a', '\0', 'b'};
    static const struct {
        struct span id;
        uint64_t message;
        const char *name;
    } cases[] = {
        {{"abc", 3}, 0xba7816bf8f01cfeau, "ba7816bf8f01cfea"},
        {{"", 0}, 0xe3b0c44298fc1c14u, "e3b0c44298fc1c14"},
        {{NULL, 0}, 0xe3b0c44298fc1c14u, "e3b0c44298fc1c14"},
        {{"0102018f6a3b4c5d-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9-000000", 60}, 0x71432fd9be8e385cu, "71432fd9be8e385c"},
        {{with_zero, sizeof with_zero}, 0x59b271ae1bbcb1d3u, "59b271ae1bbcb1d3"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char name[EXEMPLAR_DIGITS + 1];
        assert_true(exemplar_message(cases[i].id) == cases[i].message);
        exemplar_name(cases[i].message, name);
        assert_string_equal(name, cases[i].name);
        assert_true(exemplar_parse(name) == cases[i].message);
    }
    assert_true(exemplar_message(SPAN_LIT("abc")) != exemplar_message(SPAN_LIT("abd")));
}

static void names_are_read(void **state) {
    (void)state;
    static const uint64_t messages[] = {1, 0xf, 0x10, 0x0123456789abcdef, 0x8000000000000000, UINT64_MAX};
    static const char *const bad[] = {"",
                                      "0",
                                      "123456789abcdef",
                                      "0123456789abcdef0",
                                      "0123456789abcdeg",
                                      "0123456789abcde ",
                                      " 0123456789abcdef",
                                      "0x23456789abcdef",
                                      "-123456789abcdef",
                                      "0123456789abcde\xff",
                                      "0000000000000000"}; /* there is no such message */
    char name[EXEMPLAR_DIGITS + 1];
    for (size_t i = 0; i < COUNT(messages); i++) {
        exemplar_name(messages[i], name);
        assert_int_equal(strlen(name), EXEMPLAR_DIGITS);
        assert_int_equal(strspn(name, "0123456789abcdef"), EXEMPLAR_DIGITS);
        assert_true(exemplar_parse(name) == messages[i]);
    }
    assert_true(exemplar_parse("0123456789ABCDEF") == 0x0123456789abcdef);
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_true(exemplar_parse(bad[i]) == 0);
    for (unsigned c = 0; c < 256; c++) { /* every byte, at every place */
        bool is_digit = c && strchr("0123456789abcdefABCDEF", (int)c);
        for (size_t place = 0; place < EXEMPLAR_DIGITS; place++) {
            strcpy(name, "1111111111111111");
            name[place] = (char)c;
            assert_int_equal(exemplar_parse(name) != 0, is_digit);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_later_one_stays),
        cmocka_unit_test(events_of_every_type),
        cmocka_unit_test(the_event_that_a_batch_says),
        cmocka_unit_test(what_is_not_counted_gives_none),
        cmocka_unit_test(none_without_ids),
        cmocka_unit_test(every_bucket_of_delivery_times),
        cmocka_unit_test(with_too_many_half_of_them_go),
        cmocka_unit_test(with_too_many_the_old_ones_go),
        cmocka_unit_test(at_the_same_time_the_first_stays),
        cmocka_unit_test(two_hours_later_it_is_not_shown),
        cmocka_unit_test(a_snapshot_has_its_own),
        cmocka_unit_test(folded_sets_show_the_latest),
        cmocka_unit_test(rejects_of_several_providers),
        cmocka_unit_test(domains_that_become_a_provider),
        cmocka_unit_test(names_are_hashes_of_ids),
        cmocka_unit_test(names_are_read),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
