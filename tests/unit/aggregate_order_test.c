/* collector/aggregate: the result does not depend on the order of the input, nor on how often it comes; and whatever is
 * folded together, the sums stay. */
#include "aggregate_run.h"
#include "unit/random_numbers.h"

/* --- first delays ------------------------------------------------------------------------------------------------- */

/* Calls `try` with each order of 0 .. count-1 (Heap's algorithm, without recursion). */
static void each_order(int count, void (*try)(const int *order, void *context), void *context) {
    int order[8], at[8] = {0};
    assert_true(count <= 8);
    for (int i = 0; i < count; i++)
        order[i] = i;
    try(order, context);
    for (int i = 1; i < count;) {
        if (at[i] >= i) {
            at[i++] = 0;
            continue;
        }
        int with = i % 2 ? at[i] : 0, kept = order[with];
        order[with] = order[i];
        order[i] = kept;
        try(order, context);
        at[i]++;
        i = 1;
    }
}

struct delays {
    const struct event *events;
    int count, tried;
    char *snapshot, *closed;
};

static void try_delays(const int *order, void *context) {
    struct delays *d = context;
    struct run *r = run_create(usual);
    for (int i = 0; i < d->count; i++)
        give_event(r, &d->events[order[i]]);
    struct snapshot *s;
    finish(r, &s);
    char *text = snapshot_text(s);
    fflush(r->closed);
    if (d->tried++ == 0) {
        d->snapshot = strdup(text);
        d->closed = strdup(r->closed_text);
    }
    assert_string_equal(text, d->snapshot);
    assert_string_equal(r->closed_text, d->closed);
    free(text);
    snapshot_destroy(s);
    run_destroy(r);
}

static void first_delay_in_any_order(void **state) {
    (void)state;
    /* Five delays of one recipient, spread over all windows, and one of another. */
    static const int64_t ages[] = {HOURS(70), HOURS(30), MINUTES(50), MINUTES(4), 0, MINUTES(20)};
    struct event events[COUNT(ages)];
    for (size_t i = 0; i < COUNT(ages); i++) {
        events[i] = event_of(EVENT_DELIVERY_DELAY, NOON - ages[i], 100 + i);
        events[i].message_key = i < 5 ? 1 : 2;
        events[i].detail = i % 2 ? DELAY_GENERAL : DELAY_MAILBOX_FULL;
    }
    struct delays d = {.events = events, .count = COUNT(ages)};
    each_order(d.count, try_delays, &d);
    assert_int_equal(d.tried, 720);
    /* Both are counted, at their first minutes. */
    char at[120];
    snprintf(at, sizeof at, "minute %lld records=1\n  type%d=1\n  series %llx rate%d=1",
             (long long)NOON_MINUTE - 70 * 60, EVENT_DELIVERY_DELAY, CELL_PROVIDER | GMAIL, COUNT_DELAYED);
    assert_ptr_equal(strstr(d.closed, at), d.closed);
    snprintf(at, sizeof at, "minute %lld records=1\n  type%d=1\n  series %llx rate%d=1", (long long)NOON_MINUTE - 20,
             EVENT_DELIVERY_DELAY, CELL_PROVIDER | GMAIL, COUNT_DELAYED);
    assert_non_null(strstr(d.closed, at));
    snprintf(at, sizeof at, "rate%d=2", COUNT_DELAYED);
    assert_non_null(strstr(d.snapshot, at));
    assert_non_null(strstr(d.snapshot, "window 1h event account [||] rate9=1\n"));
    assert_non_null(strstr(d.snapshot, "window 7d event account [||] rate9=2\n"));
    assert_null(strstr(d.snapshot, "window 5m event")); /* nothing was delayed there for the first time */
    free(d.snapshot);
    free(d.closed);
}

/* Remembered for four days: then a delay is a first one again. */
static void first_delay_is_forgotten(void **state) {
    (void)state;
    static const struct {
        int64_t at[5];
        int count, first;
    } cases[] = {
        {{0, DAYS(4)}, 2, 1},
        {{0, DAYS(4) + 1}, 2, 2},
        {{0, DAYS(3), DAYS(6)}, 3, 2}, /* the one in the middle was no first */
        {{0, DAYS(4), DAYS(8)}, 3, 2},
        {{0, DAYS(5), DAYS(10), DAYS(15)}, 4, 4},
        {{0, DAYS(30), DAYS(31)}, 3, 2},
        {{0, HOURS(97), HOURS(94)}, 3, 2},            /* read late, and belongs to the first */
        {{HOURS(72), 0, HOURS(95), HOURS(97)}, 4, 2}, /* a first that moved back is forgotten from there */
        {{HOURS(72), HOURS(100), HOURS(30), HOURS(126)}, 4, 1},
        {{HOURS(72), HOURS(100), HOURS(30), HOURS(127)}, 4, 2},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int others = 0; others < 2; others++) { /* with delays of others between, and without */
            struct run *r = run_create(usual);
            uint64_t key = 1000;
            for (int j = 0; j < cases[i].count; j++) {
                struct event e = event_of(EVENT_DELIVERY_DELAY, NOON + cases[i].at[j], 1 + (uint64_t)j);
                e.message_key = 77;
                if (others) {
                    give(r, EVENT_DELIVERY_DELAY, e.time_ms, key);
                    key += 2; /* a map takes half of it */
                }
                give_event(r, &e);
            }
            struct snapshot *s;
            finish(r, &s);
            assert_int_equal(s->accounting.late, 0);
            assert_int_equal(s->account.rows[0].tally[0].rates.n[COUNT_DELAYED],
                             cases[i].first + (others ? cases[i].count : 0));
            assert_int_equal(s->account.rows[0].tally[0].recipients[EVENT_DELIVERY_DELAY],
                             cases[i].count * (1 + others));
            snapshot_destroy(s);
            run_destroy(r);
        }
}

/* With a lateness beyond those four days, what is read first may be more than four days later. */
static void first_delay_read_long_after(void **state) {
    (void)state;
    static const struct {
        int64_t later;
        int first;
    } cases[] = {{HOURS(95), 1}, {DAYS(4), 1}, {DAYS(4) + 1, 2}, {HOURS(97), 2}, {HOURS(150), 2}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct aggregate_options o = usual;
        o.lateness_ms = HOURS(200);
        struct run *r = run_create(o);
        struct event e = event_of(EVENT_DELIVERY_DELAY, NOON + cases[i].later, 1);
        give_event(r, &e);
        e.time_ms = NOON;
        e.key = 2;
        e.message_key = 1;
        give_event(r, &e);
        struct snapshot *s;
        finish(r, &s);
        assert_int_equal(s->account.rows[0].tally[0].rates.n[COUNT_DELAYED], cases[i].first);
        snapshot_destroy(s);
        run_destroy(r);
    }
}

/* A first delay in the period before, and later ones in the period: it is delayed there, not here. */
static void first_delay_across_periods(void **state) {
    (void)state;
    for (int turned = 0; turned < 2; turned++) {
        struct aggregate_options o = usual;
        o.from_ms = NOON;
        o.to_ms = NOON + HOURS(2);
        o.has_before = true;
        struct run *r = run_create(o);
        for (int i = 0; i < 2; i++) {
            bool before = (i == 0) != turned;
            struct event e = event_of(EVENT_DELIVERY_DELAY, before ? NOON - MINUTES(10) : NOON + MINUTES(10), 1);
            e.key += before;
            give_event(r, &e);
        }
        struct snapshot *s;
        finish(r, &s);
        const struct tally *t = s->account.rows[0].tally;
        assert_int_equal(t[PERIOD_BEFORE].rates.n[COUNT_DELAYED], 1);
        assert_int_equal(t[PERIOD_NOW].rates.n[COUNT_DELAYED], 0);
        assert_int_equal(t[PERIOD_NOW].recipients[EVENT_DELIVERY_DELAY], 1);
        snapshot_destroy(s);
        run_destroy(r);
    }
}

/* --- a random stream ---------------------------------------------------------------------------------------------- */

enum { MAX_RECIPIENTS = 4, RECORDS = 400 };

struct record {
    struct event events[MAX_RECIPIENTS];
    int count;
    int64_t order; /* by which records are read */
};

static uint32_t random_detail(enum event_type type, uint64_t *seed) {
    switch (type) {
    case EVENT_BOUNCE:
        return EVENT_DETAIL_PAIR(below(seed, BOUNCE_TYPES), below(seed, SUBTYPES));
    case EVENT_COMPLAINT:
        return below(seed, FEEDBACK_TYPES);
    case EVENT_DELIVERY_DELAY:
        return below(seed, DELAY_TYPES);
    case EVENT_REJECT:
        return below(seed, REJECT_REASONS);
    case EVENT_RENDERING_FAILURE:
        return templates[below(seed, TEMPLATES)];
    case EVENT_SUBSCRIPTION:
        return EVENT_DETAIL_PAIR(below(seed, CHANGES), below(seed, SUBSCRIPTION_SOURCES));
    default:
        return 0;
    }
}

/* Of a few messages, so that there are bursts, and the same agents again. Sent up to 80 days before. */
static void make_visit(struct event *e, uint64_t *seed) {
    e->message_key = 1000 + below(seed, 12);
    e->sent_ms = e->time_ms - (int64_t)below(seed, 4) * DAYS(20) - below(seed, MINUTE_MS);
    e->link = below(seed, 6);
    e->visitor = (uint8_t)below(seed, VISITORS);
}

/* Mail at domains that no table knows; now and then their events tell whose they are. */
static void make_unknown(struct event *e, uint64_t *seed) {
    e->provider = PROVIDER_OTHER;
    e->domain_key = 1 + below(seed, 8);
    e->hint = below(seed, 6) || e->domain_key > 6 ? PROVIDER_OTHER : used_providers[below(seed, 3)];
    if (e->type != EVENT_DELIVERY && e->type != EVENT_BOUNCE && e->type != EVENT_DELIVERY_DELAY)
        e->hint = PROVIDER_OTHER;
}

/* Clicks and opens lie together, often around the end of a minute. */
static int64_t visit_time(int64_t begin, int64_t span, uint64_t *seed) {
    int64_t minute = floor_div(begin, MINUTE_MS) + 1 + below(seed, 5) * (span / MINUTE_MS / 6);
    return minute * MINUTE_MS + (int64_t)below(seed, 9000) - 4500;
}

static void make_record(struct record *r, int64_t begin, int64_t span, uint64_t *seed) {
    enum event_type type = (enum event_type)below(seed, EVENT_TYPES + 4);
    if (type >= EVENT_TYPES)
        type = type % 2 ? EVENT_OPEN : EVENT_CLICK;
    bool whole = type == EVENT_COMPLAINT || type == EVENT_OPEN || type == EVENT_CLICK || type == EVENT_SUBSCRIPTION;
    struct event e = event_of(type, begin + (int64_t)(next_random(seed) % (uint64_t)span), 0);
    if (type == EVENT_OPEN || type == EVENT_CLICK)
        e.time_ms = visit_time(begin, span, seed);
    e.set = sets[below(seed, below(seed, 2) ? 2 : SETS)];
    e.identity = identities[below(seed, IDENTITIES)];
    e.tags[0] = tag_values[below(seed, TAG_VALUES)];
    e.detail = random_detail(type, seed);
    r->count = whole ? 1 : 1 + (int)below(seed, MAX_RECIPIENTS);
    for (int i = 0; i < r->count; i++) {
        e.key = next_random(seed);
        e.message_key = 2 + 2 * below(seed, 40); /* few, so that recipients are delayed again and again */
        e.provider = used_providers[type == EVENT_DELIVERY_DELAY ? e.message_key % 3 : below(seed, PROVIDERS_USED)];
        if (type == EVENT_DELIVERY_DELAY) { /* a recipient's delays are all of one message */
            e.set = sets[e.message_key % SETS];
            e.identity = identities[e.message_key % IDENTITIES];
        }
        e.domain_key = 0;
        e.hint = PROVIDER_OTHER;
        if (e.provider == PROVIDER_OTHER && type != EVENT_DELIVERY_DELAY)
            make_unknown(&e, seed);
        e.sent_ms = e.time_ms - (below(seed, 2) ? 0 : (int64_t)below(seed, HOUR_MS) * (1 + below(seed, 60)));
        if (type == EVENT_OPEN || type == EVENT_CLICK)
            make_visit(&e, seed);
        e.reason = (uint8_t)(type == EVENT_BOUNCE || type == EVENT_DELIVERY_DELAY ? below(seed, REASONS) : 0);
        e.counters = e.provider == PROVIDER_SIMULATOR ? 0 : counters_by_type[type];
        e.delivery_ms = type == EVENT_DELIVERY ? below(seed, 100000) : EVENT_NO_DELIVERY_MS;
        e.flags = (uint8_t)((i == 0 ? EVENT_FIRST : 0) | (i + 1 == r->count ? EVENT_LAST : 0));
        r->events[i] = e;
    }
}

static int by_order(const void *x, const void *y) {
    const struct record *a = x, *b = y;
    return (a->order > b->order) - (a->order < b->order);
}

/* Gives the records `copies` fold and out of order by up to `disorder`, in batches that end anywhere. */
static char *count_stream(const struct record *records, unsigned copies, int64_t disorder, struct aggregate_options o,
                          uint64_t seed, char **closed) {
    size_t count = (size_t)RECORDS * copies;
    struct record *list = calloc(count, sizeof *list);
    for (size_t i = 0; i < count; i++) {
        list[i] = records[i % RECORDS];
        list[i].order = list[i].events[0].time_ms;
        if (disorder)
            list[i].order += (int64_t)(next_random(&seed) % (uint64_t)disorder);
    }
    qsort(list, count, sizeof *list, by_order);
    struct run *r = run_create(o);
    for (size_t i = 0; i < count; i++)
        for (int j = 0; j < list[i].count; j++) {
            give_event(r, &list[i].events[j]);
            if (disorder && below(&seed, 20) == 0)
                flush(r);
        }
    struct snapshot *s;
    finish(r, &s);
    assert_int_equal(s->accounting.read, count);
    assert_int_equal(s->accounting.counted + s->accounting.filtered / copies, RECORDS);
    assert_int_equal(s->accounting.duplicate, s->accounting.counted * (copies - 1));
    char *text = snapshot_text(s);
    fflush(r->closed);
    *closed = strdup(r->closed_text);
    snapshot_destroy(s);
    run_destroy(r);
    free(list);
    return text;
}

static void stream_in_any_order(int64_t span, struct aggregate_options o, uint64_t seed) {
    struct record *records = calloc(RECORDS, sizeof *records);
    uint64_t random = seed;
    for (int i = 0; i < RECORDS; i++)
        make_record(&records[i], NOON, span, &random);
    char *closed, *want = count_stream(records, 1, 0, o, seed, &closed);
    for (unsigned round = 1; round <= 8; round++) {
        char *closed_again;
        char *again = count_stream(records, 1 + round % 4, o.lateness_ms, o, seed + round, &closed_again);
        assert_string_equal(again, want);
        assert_string_equal(closed_again, closed);
        free(again);
        free(closed_again);
    }
    free(want);
    free(closed);
    free(records);
}

/* However the input is cut, repeated and shuffled within the lateness, the result is the same, minute by minute. */
static void order_and_repetition(void **state) {
    (void)state;
    struct aggregate_options o = usual;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        o = usual;
        o.learning = seed == 3 ? LEARN_NOTHING : LEARN_FOR_ALL;
        o.keep_wide = o.keep_cohorts = o.keep_details = seed % 2 == 0;
        o.last_sends = seed * 7;
        stream_in_any_order(HOURS(72), o, 10 * seed); /* all of it within the lateness: any order at all */
        o.lateness_ms = HOURS(2);
        stream_in_any_order(HOURS(60), o, 100 * seed); /* minutes close on the way */
        o.lateness_ms = HOURS(5);
        stream_in_any_order(DAYS(20), o, 1000 * seed);
        o.has_before = true;
        o.from_ms = NOON + HOURS(20);
        o.to_ms = NOON + HOURS(36);
        stream_in_any_order(HOURS(60), o, 10000 * seed);
    }
}

static void sum_rows(const struct view *v, struct tally sums[PERIODS]) {
    memset(sums, 0, PERIODS * sizeof *sums);
    for (size_t i = 0; i < v->count; i++)
        for (int p = 0; p < PERIODS; p++)
            tally_add(&sums[p], &v->rows[i].tally[p]);
}

static void window_adds_up(const struct snapshot *s, enum basis basis, int window) {
    static const char *const scopes[] = {"provider", "configuration_set", "provider_configuration_set", "identity"};
    const struct window_row *account = window_on(s, basis, window, "account");
    for (size_t i = 0; i < COUNT(scopes); i++) {
        struct rate_counts sum = {0};
        for (size_t row = 0; row < s->window_count; row++) {
            const struct window_row *r = &s->windows[row];
            for (int n = 0;
                 r->window == window && r->basis == basis && strcmp(r->scope, scopes[i]) == 0 && n < RATE_COUNTERS; n++)
                sum.n[n] += r->counts.n[n];
        }
        if (account)
            assert_memory_equal(&sum, &account->counts, sizeof sum);
    }
}

static void windows_add_up(const struct snapshot *s) {
    for (int window = 0; window < WINDOWS; window++) {
        window_adds_up(s, BASIS_EVENT, window);
        window_adds_up(s, BASIS_SENT, window); /* the last sends too: there are fewer than are asked for */
    }
    assert_non_null(window_on(s, BASIS_EVENT, WINDOW_7D, "account"));
    assert_non_null(window_on(s, BASIS_SENT, WINDOW_LAST_SENDS, "account"));
}

/* Whatever is folded into `other`, every view adds up to the account. */
static void views_add_up(void **state) {
    (void)state;
    struct aggregate_options o = usual;
    o.has_before = true;
    o.from_ms = NOON + HOURS(30);
    o.to_ms = NOON + HOURS(60);
    struct run *r = run_create(o);
    uint64_t seed = 5;
    for (int i = 0; i < RECORDS; i++) {
        struct record record;
        make_record(&record, NOON, HOURS(60), &seed);
        for (int j = 0; j < record.count; j++)
            give_event(r, &record.events[j]);
    }
    for (size_t max_names = 0; max_names < 9; max_names++) {
        struct snapshot *s = look(r, max_names);
        const struct tally *account = s->account.rows[0].tally;
        assert_true(account[PERIOD_NOW].rates.n[COUNT_SENT] && account[PERIOD_BEFORE].rates.n[COUNT_SENT]);
        for (size_t i = 0; i <= s->view_count; i++) {
            const struct view *v = i == s->view_count ? &s->both : &s->views[i];
            struct tally sums[PERIODS];
            sum_rows(v, sums);
            assert_memory_equal(sums, account, sizeof sums);
        }
        uint64_t details = 0, want = 0;
        for (size_t i = 0; i < s->detail_count; i++)
            details += s->details[i].kind <= DETAIL_RENDERING_FAILURE ? s->details[i].count : 0;
        static const enum event_type with_details[] = {
            EVENT_BOUNCE,         EVENT_COMPLAINT,         EVENT_REJECT,
            EVENT_DELIVERY_DELAY, EVENT_RENDERING_FAILURE, EVENT_SUBSCRIPTION};
        for (size_t i = 0; i < COUNT(with_details); i++)
            want += account[PERIOD_NOW].recipients[with_details[i]];
        assert_int_equal(details, want);
        windows_add_up(s);
        /* Names that keep theirs, and one `other` for the rest. */
        size_t tags = max_names < TAG_VALUES ? max_names + 1 : TAG_VALUES;
        assert_int_equal(s->views[5].count, tags);
        assert_int_equal(s->views[5].overflowed, max_names < TAG_VALUES ? TAG_VALUES - max_names : 0);
        assert_int_equal(s->overflow_tag, s->views[5].overflowed);
        assert_int_equal(s->overflow_set, max_names < SETS ? SETS - max_names : 0);
        assert_int_equal(s->views[2].overflowed, s->overflow_set);
        assert_int_equal(s->overflow_identity, max_names < IDENTITIES ? IDENTITIES - max_names : 0);
        assert_int_equal(row_of(&s->views[5], "other") != NULL, max_names < TAG_VALUES);
        snapshot_destroy(s);
    }
    run_destroy(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_delay_in_any_order),    cmocka_unit_test(first_delay_is_forgotten),
        cmocka_unit_test(first_delay_read_long_after), cmocka_unit_test(first_delay_across_periods),
        cmocka_unit_test(order_and_repetition),        cmocka_unit_test(views_add_up),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
