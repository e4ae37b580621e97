/* collector/aggregate: events in, a snapshot out, by the rules of docs/counting.md. */
#include "aggregate_run.h"

/* --- what becomes of a record ------------------------------------------------------------------------------------- */

static void fates(void **state) {
    (void)state;
    enum fate { COUNTED, DUPLICATE, LATE, FUTURE, FILTERED };
    static const struct {
        int64_t time_ms;
        uint64_t key;
        enum fate fate;
    } steps[] = {
        {NOON, 1, COUNTED},
        {NOON, 1, DUPLICATE},
        {NOON, 2, COUNTED},
        {NOON - HOURS(2), 3, COUNTED}, /* at the edge: the hour that is two before the watermark's */
        {NOON - HOURS(2), 3, DUPLICATE},
        {NOON - HOURS(2) - 1, 4, LATE},
        {NOON - HOURS(2) - 1, 4, LATE},                /* also when seen again: late is asked before duplicate */
        {NOON + HOURS(5) + MINUTES(5) + 1, 5, FUTURE}, /* the clock says 17:00 */
        {NOON - HOURS(2), 6, COUNTED},                 /* the future did not move the watermark */
        {NOON + HOURS(20), 7, FILTERED},               /* outside the period is asked before future */
        {NOON - HOURS(50), 8, FILTERED},               /* and before late */
        {NOON + MINUTES(59), 9, COUNTED},
        {NOON - HOURS(2), 10, COUNTED}, /* the hour of the watermark counts, not its minute */
        {NOON + HOURS(1), 11, COUNTED},
        {NOON - HOURS(1) - 1, 12, LATE},
        {NOON - HOURS(2), 3, LATE}, /* was counted, and is out of reach now */
        {NOON - HOURS(1), 13, COUNTED},
        {NOON + HOURS(5) + MINUTES(5), 14, COUNTED}, /* five minutes ahead are forgiven */
        {NOON, 1, LATE},
        {NOON + HOURS(10) - 1, 15, FUTURE},
        {NOON + HOURS(10), 16, FILTERED},
        {NOON + HOURS(3), 1, COUNTED}, /* a key is of its hour */
    };
    struct aggregate_options o = usual;
    o.now_ms = NOON + HOURS(5);
    o.lateness_ms = HOURS(2);
    o.from_ms = NOON - HOURS(48);
    o.to_ms = NOON + HOURS(10);
    struct run *r = run_create(o);
    uint64_t want[5] = {0};
    for (size_t i = 0; i < COUNT(steps); i++) {
        give(r, EVENT_SEND, steps[i].time_ms, steps[i].key);
        want[steps[i].fate]++;
        struct snapshot *s = look(r, 10);
        const struct accounting *a = &s->accounting;
        const uint64_t got[5] = {a->counted, a->duplicate, a->late, a->future, a->filtered};
        if (memcmp(got, want, sizeof got) != 0)
            print_error("step %zu\n", i);
        assert_memory_equal(got, want, sizeof got);
        assert_true(accounting_holds(a));
        assert_int_equal(s->account.rows[0].tally[PERIOD_NOW].recipients[EVENT_SEND], want[COUNTED]);
        assert_int_equal(s->account.rows[0].tally[PERIOD_NOW].records[EVENT_SEND], want[COUNTED]);
        snapshot_destroy(s);
    }
    assert_true(aggregate_watermark_ms(r->aggregate) == NOON + HOURS(5) + MINUTES(5));
    run_destroy(r);
}

/* Hours are compared whole, so that a part of an hour more lets nothing more in. And it is said what would have. */
static void lateness_in_hours(void **state) {
    (void)state;
    static const struct {
        int64_t lateness_ms, age_ms;
        bool late;
    } cases[] = {
        {0, MINUTES(30), false}, /* at 12:30 */
        {0, MINUTES(30) + 1, true},
        {MINUTES(59), MINUTES(31), true},
        {HOURS(1), MINUTES(90), false},
        {HOURS(1) + MINUTES(59), MINUTES(90), false},
        {HOURS(1) + MINUTES(59), MINUTES(90) + 1, true},
        {HOURS(72), HOURS(72) + MINUTES(30), false},
        {HOURS(72), HOURS(72) + MINUTES(31), true},
        {DAYS(400), DAYS(399), false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct aggregate_options o = usual;
        o.lateness_ms = cases[i].lateness_ms;
        struct run *r = run_create(o);
        give(r, EVENT_SEND, NOON + MINUTES(30), 1);
        give(r, EVENT_SEND, NOON + MINUTES(30) - cases[i].age_ms, 2);
        struct snapshot *s;
        finish(r, &s);
        assert_int_equal(s->accounting.late, cases[i].late);
        assert_int_equal(s->accounting.counted, 2 - cases[i].late);
        assert_true(s->latest_by_ms == (cases[i].late ? cases[i].age_ms : 0));
        snapshot_destroy(s);
        run_destroy(r);
    }
}

static void nothing_counted(void **state) {
    (void)state;
    struct run *r = run_create(usual);
    struct snapshot *s;
    finish(r, &s);
    assert_true(aggregate_watermark_ms(r->aggregate) == INT64_MIN);
    assert_int_equal(s->watermark_ms, 0);
    assert_int_equal(s->first_ms, 0);
    assert_int_equal(s->account.count, 1); /* one row all the same */
    assert_int_equal(s->both.count, 0);
    assert_int_equal(s->detail_count, 0);
    assert_int_equal(s->window_count, 0);
    fflush(r->closed);
    assert_int_equal(r->closed_len, 0);
    snapshot_destroy(s);
    snapshot_destroy(NULL);
    run_destroy(r);
    aggregate_destroy(NULL);
}

static void times_that_are_kept(void **state) {
    (void)state;
    struct run *r = run_create(usual);
    give(r, EVENT_SEND, NOON + 5, 1);
    give(r, EVENT_BOUNCE, NOON + 9, 2);
    give(r, EVENT_BOUNCE, NOON + 7, 3);
    give(r, EVENT_SEND, NOON - 3, 4);
    struct snapshot *s;
    finish(r, &s);
    assert_true(s->watermark_ms == NOON + 9);
    assert_true(s->first_ms == NOON - 3);
    assert_true(s->last_event_ms[EVENT_SEND] == NOON + 5);
    assert_true(s->last_event_ms[EVENT_BOUNCE] == NOON + 9);
    assert_true(s->last_event_ms[EVENT_OPEN] == 0);
    snapshot_destroy(s);
    run_destroy(r);
}

/* What the workers counted is added up. */
static void accounting_of_batches(void **state) {
    (void)state;
    struct run *r = run_create(usual);
    for (unsigned i = 1; i <= 3; i++) {
        r->batch->accounting.read = r->batch->accounting.filtered = i;
        r->batch->accounting.bytes_decoded = 100 * i;
        r->batch->accounting.malformed[MALFORMED_BAD_TIME] = i;
        r->batch->accounting.read += i;
        r->batch->accounting.objects_done = 1;
        flush(r);
    }
    struct snapshot *s;
    finish(r, &s);
    assert_int_equal(s->accounting.read, 12);
    assert_int_equal(s->accounting.filtered, 6);
    assert_int_equal(s->accounting.malformed[MALFORMED_BAD_TIME], 6);
    assert_int_equal(s->accounting.bytes_decoded, 600);
    assert_int_equal(s->accounting.objects_done, 3);
    snapshot_destroy(s);
    run_destroy(r);
}

/* --- records of several recipients -------------------------------------------------------------------------------- */

static void record_is_at_a_provider(void **state) {
    (void)state;
    static const struct {
        int at[4], count; /* recipients' providers, by place in used_providers */
        const char *provider;
    } cases[] = {
        {{0}, 1, "gmail"},          {{0, 0, 0}, 3, "gmail"},    {{0, 1}, 2, "multiple"}, {{0, 0, 1}, 3, "multiple"},
        {{1, 0, 0}, 3, "multiple"}, {{0, 1, 0}, 3, "multiple"}, {{3, 3}, 2, "other"},    {{3, 0}, 2, "multiple"},
        {{4, 4}, 2, "simulator"},   {{4, 0}, 2, "multiple"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct run *r = run_create(usual);
        uint16_t at[4];
        for (int j = 0; j < cases[i].count; j++)
            at[j] = used_providers[cases[i].at[j]];
        give_record(r, event_of(EVENT_REJECT, NOON, 1), at, cases[i].count);
        give_record(r, event_of(EVENT_REJECT, NOON, 1), at, cases[i].count);
        struct snapshot *s;
        finish(r, &s);
        assert_int_equal(s->accounting.counted, 1);
        assert_int_equal(s->accounting.duplicate, 1);
        const struct view *v = &s->views[1];
        for (size_t row = 0; row < v->count; row++) {
            const struct tally *t = &v->rows[row].tally[PERIOD_NOW];
            assert_int_equal(t->records[EVENT_REJECT], strcmp(v->rows[row].provider, cases[i].provider) == 0);
        }
        assert_non_null(row_of(v, cases[i].provider));
        assert_int_equal(s->account.rows[0].tally[0].recipients[EVENT_REJECT], cases[i].count);
        assert_int_equal(s->account.rows[0].tally[0].records[EVENT_REJECT], 1);
        snapshot_destroy(s);
        run_destroy(r);
    }
}

/* A record that is partly known counts with its new recipients, and is where all its recipients are. */
static void partly_known_record(void **state) {
    (void)state;
    for (int known = 0; known < 2; known++) {
        struct run *r = run_create(usual);
        const uint16_t at[] = {GMAIL, MAILRU};
        struct event one = event_of(EVENT_BOUNCE, NOON, 1 + (uint64_t)known);
        one.provider = at[known];
        give_event(r, &one);
        give_record(r, event_of(EVENT_BOUNCE, NOON, 1), at, 2);
        give_record(r, event_of(EVENT_BOUNCE, NOON, 1), at, 2);
        struct snapshot *s;
        finish(r, &s);
        assert_int_equal(s->accounting.counted, 2);
        assert_int_equal(s->accounting.duplicate, 1);
        const struct view *v = &s->views[1];
        assert_int_equal(row_of(v, "gmail")->tally[0].recipients[EVENT_BOUNCE], 1);
        assert_int_equal(row_of(v, "mailru")->tally[0].recipients[EVENT_BOUNCE], 1);
        assert_int_equal(row_of(v, "multiple")->tally[0].recipients[EVENT_BOUNCE], 0);
        assert_int_equal(row_of(v, "multiple")->tally[0].records[EVENT_BOUNCE], 1);
        assert_int_equal(row_of(v, known ? "mailru" : "gmail")->tally[0].records[EVENT_BOUNCE], 1);
        snapshot_destroy(s);
        run_destroy(r);
    }
}

/* The same recipient twice in one record counts once; a record may begin in one batch and end in the next. */
static void recipient_twice_across_batches(void **state) {
    (void)state;
    struct run *r = run_create(usual);
    struct event e = event_of(EVENT_SEND, NOON, 1);
    e.flags = EVENT_FIRST;
    give_event(r, &e);
    flush(r);
    e.flags = 0;
    give_event(r, &e);
    e.key = 2;
    e.provider = MAILRU;
    give_event(r, &e);
    flush(r);
    e.key = 3;
    e.flags = EVENT_LAST;
    give_event(r, &e);
    struct snapshot *s;
    finish(r, &s);
    assert_int_equal(s->accounting.read, 1);
    assert_int_equal(s->accounting.counted, 1);
    assert_int_equal(s->account.rows[0].tally[0].recipients[EVENT_SEND], 3);
    assert_int_equal(row_of(&s->views[1], "multiple")->tally[0].records[EVENT_SEND], 1);
    snapshot_destroy(s);
    run_destroy(r);
}

/* --- what is counted ---------------------------------------------------------------------------------------------- */

static void tallies(void **state) {
    (void)state;
    struct run *r = run_create(usual);
    struct event e = event_of(EVENT_SEND, NOON, 1);
    give_event(r, &e);
    e = event_of(EVENT_BOUNCE, NOON, 2);
    e.set = sets[1];
    e.identity = identities[1];
    e.tags[0] = tag_values[1];
    e.provider = MAILRU;
    give_event(r, &e);
    e = event_of(EVENT_OPEN, NOON, 3);
    give_event(r, &e);
    e = event_of(EVENT_SEND, NOON, 4);
    e.provider = PROVIDER_SIMULATOR;
    e.counters = 0;
    give_event(r, &e);
    struct snapshot *s;
    finish(r, &s);
    const char *rows[COUNT(all_views)][2] = {{"", ""}, {"gmail", "mailru"},          {"set-0", "set-1"},
                                             {"", ""}, {"identity-0", "identity-1"}, {"tag-0", "tag-1"}};
    for (size_t i = 1; i < COUNT(all_views); i++) {
        if (all_views[i].kind == VIEW_BOTH)
            continue;
        assert_int_equal(s->views[i].kind, all_views[i].kind);
        assert_string_equal(s->views[i].title, all_views[i].title);
        const struct tally *first = row_of(&s->views[i], rows[i][0])->tally;
        const struct tally *second = row_of(&s->views[i], rows[i][1])->tally;
        assert_int_equal(first->rates.n[COUNT_SENT], 1);
        assert_int_equal(first->recipients[EVENT_OPEN], 1);
        assert_int_equal(first->recipients[EVENT_BOUNCE], 0);
        assert_int_equal(second->rates.n[COUNT_BOUNCED], 1);
        assert_int_equal(second->rates.n[COUNT_PERMANENT], 1);
        assert_int_equal(second->rates.n[COUNT_SENT], 0);
        assert_int_equal(second->records[EVENT_BOUNCE], 1);
    }
    const struct tally *simulator = row_of(&s->views[1], "simulator")->tally;
    assert_int_equal(simulator->recipients[EVENT_SEND], 1);
    assert_int_equal(simulator->rates.n[COUNT_SENT], 0);
    assert_int_equal(s->account.rows[0].tally[0].recipients[EVENT_SEND], 2);
    assert_int_equal(s->both.count, 3);
    snapshot_destroy(s);
    run_destroy(r);
}

static void delivery_times(void **state) {
    (void)state;
    static const struct {
        uint32_t ms;
        int bucket; /* -1: not given */
    } cases[] = {{0, 0},
                 {100, 0},
                 {101, 1},
                 {1000, 3},
                 {1001, 4},
                 {10000, 6},
                 {14400000, 13},
                 {14400001, 14},
                 {UINT32_MAX - 1, 14},
                 {EVENT_NO_DELIVERY_MS, -1}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct run *r = run_create(usual);
        struct event e = event_of(EVENT_DELIVERY, NOON, 1);
        e.delivery_ms = cases[i].ms;
        give_event(r, &e);
        give_event(r, &e); /* a duplicate adds nothing */
        struct snapshot *s;
        finish(r, &s);
        const struct tally *t = s->account.rows[0].tally;
        for (int b = 0; b < DELIVERY_BUCKETS; b++)
            assert_int_equal(t->delivery_count[b], b == cases[i].bucket);
        assert_int_equal(t->delivery_ms_sum, cases[i].bucket < 0 ? 0 : cases[i].ms);
        snapshot_destroy(s);
        run_destroy(r);
    }
}

static void details(void **state) {
    (void)state;
    static const struct {
        enum event_type type;
        enum detail_kind kind;
        uint32_t detail;
        const char *first, *second;
        bool has_provider;
        const char *reason; /* counted as well */
    } cases[] = {
        {EVENT_BOUNCE, DETAIL_BOUNCE, EVENT_DETAIL_PAIR(BOUNCE_TRANSIENT, SUBTYPE_MAILBOX_FULL), "Transient",
         "MailboxFull", true, "mailbox_full"},
        {EVENT_COMPLAINT, DETAIL_COMPLAINT, FEEDBACK_ABUSE, "abuse", NULL, true, NULL},
        {EVENT_DELIVERY_DELAY, DETAIL_DELAY, DELAY_IP_FAILURE, "IPFailure", NULL, true, "mailbox_full"},
        {EVENT_REJECT, DETAIL_REJECT, REJECT_BAD_CONTENT, "Bad content", NULL, false, NULL},
        {EVENT_RENDERING_FAILURE, DETAIL_RENDERING_FAILURE, 0, "template-1", NULL, false, NULL},
        {EVENT_SUBSCRIPTION, DETAIL_SUBSCRIPTION,
         EVENT_DETAIL_PAIR(CHANGE_OPT_OUT, SUBSCRIPTION_SOURCE_PREFERENCES_PAGE), "opt_out", "PreferencesPage", false,
         NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct run *r = run_create(usual);
        struct event e = event_of(cases[i].type, NOON, 1);
        e.detail = cases[i].type == EVENT_RENDERING_FAILURE ? templates[1] : cases[i].detail;
        e.reason = REASON_MAILBOX_FULL;
        give_event(r, &e);
        e.key = 2;
        give_event(r, &e);
        e.key = 3;
        e.provider = MAILRU;
        give_event(r, &e);
        give_event(r, &e); /* a duplicate */
        give(r, EVENT_SEND, NOON, 4);
        struct snapshot *s;
        finish(r, &s);
        size_t rows = cases[i].has_provider ? 2 : 1;
        assert_int_equal(s->detail_count, cases[i].reason ? 2 * rows : rows);
        assert_int_equal(s->details[0].count, cases[i].has_provider ? 2 : 3);
        for (size_t row = 0; row < s->detail_count; row++) {
            const struct detail_row *d = &s->details[row];
            bool is_reason = row >= rows; /* kinds in their order */
            assert_int_equal(d->count, rows == 1 ? 3 : row % 2 ? 1 : 2);
            assert_int_equal(d->before, 0);
            if (is_reason)
                assert_int_equal(d->kind, d->kind == DETAIL_BOUNCE_REASON ? DETAIL_BOUNCE_REASON : DETAIL_DELAY_REASON);
            else
                assert_int_equal(d->kind, cases[i].kind);
            const char *second = is_reason ? NULL : cases[i].second;
            assert_string_equal(d->first, is_reason ? cases[i].reason : cases[i].first);
            assert_int_equal(d->second != NULL, second != NULL);
            if (d->second)
                assert_string_equal(d->second, second);
            assert_string_equal(d->configuration_set, "set-0");
            assert_int_equal(d->provider != NULL, cases[i].has_provider);
            if (d->provider)
                assert_string_equal(d->provider, row % 2 ? "mailru" : "gmail");
        }
        snapshot_destroy(s);
        run_destroy(r);
    }
}

/* --- periods ------------------------------------------------------------------------------------------------------ */

static void periods(void **state) {
    (void)state;
    static const struct {
        int64_t time_ms;
        int period; /* -1: filtered */
    } cases[] = {
        {NOON - HOURS(2) - 1, -1}, {NOON - HOURS(2), PERIOD_BEFORE},  {NOON - 1, PERIOD_BEFORE},
        {NOON, PERIOD_NOW},        {NOON + HOURS(2) - 1, PERIOD_NOW}, {NOON + HOURS(2), -1},
    };
    for (int with_before = 0; with_before < 2; with_before++) {
        struct aggregate_options o = usual;
        o.from_ms = NOON;
        o.to_ms = NOON + HOURS(2);
        o.has_before = with_before;
        uint64_t want[PERIODS] = {0};
        struct run *r = run_create(o);
        for (size_t i = 0; i < COUNT(cases); i++) {
            struct event e = event_of(EVENT_BOUNCE, cases[i].time_ms, 1 + i);
            give_event(r, &e);
            if (cases[i].period == PERIOD_NOW || (with_before && cases[i].period == PERIOD_BEFORE))
                want[cases[i].period]++;
        }
        struct snapshot *s;
        finish(r, &s);
        assert_int_equal(s->has_before, with_before);
        assert_true(s->before_from_ms == (with_before ? NOON - HOURS(2) : NOON));
        assert_int_equal(s->accounting.filtered, COUNT(cases) - want[0] - want[1]);
        for (int p = 0; p < PERIODS; p++) {
            assert_int_equal(s->account.rows[0].tally[p].records[EVENT_BOUNCE], want[p]);
            assert_int_equal(row_of(&s->views[4], "identity-0")->tally[p].rates.n[COUNT_BOUNCED], want[p]);
            assert_int_equal(row_of(&s->views[5], "tag-0")->tally[p].rates.n[COUNT_BOUNCED], want[p]);
        }
        assert_int_equal(s->details[0].count, want[PERIOD_NOW]); /* details and minutes are of the period itself */
        fflush(r->closed);
        assert_null(strstr(r->closed_text, "rate0"));
        char minute[64];
        snprintf(minute, sizeof minute, "minute %lld records=1\n", (long long)NOON_MINUTE);
        assert_ptr_equal(strstr(r->closed_text, "minute"), r->closed_text);
        assert_int_equal(strncmp(r->closed_text, minute, strlen(minute)), 0);
        snapshot_destroy(s);
        run_destroy(r);
    }
}

/* --- names that are shown ----------------------------------------------------------------------------------------- */

/* The busiest keep their names; rows by falling volume, `other` last however busy. */
static void busiest_keep_their_names(void **state) {
    (void)state;
    static const int records[SETS] = {3, 9, 1, 7, 3, 0, 5};
    static const char *const order[] = {"set-1", "set-3", "set-6", "set-0", "other"};
    static const uint64_t volume[] = {9, 7, 5, 3, 4}; /* of equals the first by name keeps its own */
    struct run *r = run_create(usual);
    uint64_t key = 1;
    for (int i = 0; i < SETS; i++)
        for (int n = 0; n < records[i]; n++) {
            struct event e = event_of(EVENT_BOUNCE, NOON, key++);
            e.set = sets[i];
            give_event(r, &e);
        }
    struct snapshot *s = look(r, 4);
    const struct view *v = &s->views[2];
    assert_int_equal(v->count, 5);
    for (size_t i = 0; i < v->count; i++) {
        assert_string_equal(v->rows[i].configuration_set, order[i]);
        assert_int_equal(v->rows[i].tally[0].records[EVENT_BOUNCE], volume[i]);
    }
    assert_int_equal(v->overflowed, 2);
    /* The same names everywhere. */
    assert_int_equal(s->detail_count, 2 * 5); /* kinds of bounces, and reasons */
    uint64_t other = 0;
    for (size_t i = 0; i < 5; i++)
        other += strcmp(s->details[i].configuration_set, "other") == 0 ? s->details[i].count : 0;
    assert_int_equal(other, 4);
    size_t windows_of_sets = 0;
    for (size_t i = 0; i < s->window_count; i++)
        windows_of_sets += strcmp(s->windows[i].scope, "configuration_set") == 0;
    assert_int_equal(windows_of_sets, 5 * (WINDOWS + WINDOW_LAST_SENDS));
    snapshot_destroy(s);
    run_destroy(r);
}

static void multiple_and_other_last(void **state) {
    (void)state;
    struct run *r = run_create(usual);
    uint64_t key = 1;
    const uint16_t at[] = {PROVIDER_OTHER,    PROVIDER_OTHER,    PROVIDER_OTHER,
                           PROVIDER_MULTIPLE, PROVIDER_MULTIPLE, MAILRU};
    for (size_t i = 0; i < COUNT(at); i++) {
        struct event e = event_of(EVENT_OPEN, NOON, key++);
        e.provider = at[i];
        give_event(r, &e);
    }
    struct snapshot *s;
    finish(r, &s);
    static const char *const order[] = {"mailru", "multiple", "other"};
    assert_int_equal(s->views[1].count, COUNT(order));
    for (size_t i = 0; i < COUNT(order); i++)
        assert_string_equal(s->views[1].rows[i].provider, order[i]);
    snapshot_destroy(s);
    run_destroy(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fates),
        cmocka_unit_test(lateness_in_hours),
        cmocka_unit_test(nothing_counted),
        cmocka_unit_test(times_that_are_kept),
        cmocka_unit_test(accounting_of_batches),
        cmocka_unit_test(record_is_at_a_provider),
        cmocka_unit_test(partly_known_record),
        cmocka_unit_test(recipient_twice_across_batches),
        cmocka_unit_test(tallies),
        cmocka_unit_test(delivery_times),
        cmocka_unit_test(details),
        cmocka_unit_test(periods),
        cmocka_unit_test(busiest_keep_their_names),
        cmocka_unit_test(multiple_and_other_last),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
