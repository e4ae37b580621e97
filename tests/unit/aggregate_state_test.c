/* collector/aggregate, saved and loaded: whatever was saved when, the counts are those of a run that never ended. */
#include "aggregate_run.h"

#include "unit/memory_state.h"
#include "unit/random_numbers.h"

/* --- a run that can be ended and taken up ------------------------------------------------------------------------- */

struct life {
    struct run *run;
    struct memory memory;
    int64_t sums[RATE_COUNTERS]; /* of the account: in closed minutes and amendments */
};

/* A minute in which nothing was counted says nothing. */
static void note_closed(void *context, const struct closed_minute *m) {
    struct life *l = context;
    uint64_t key;
    void *value;
    bool any = false;
    for (int i = 0; i < EVENT_TYPES; i++)
        any |= m->records[i] > 0;
    for (size_t at = 0; map_next(m->series, &at, &key, &value);)
        for (int i = 0; i < RATE_COUNTERS; i++) {
            uint32_t n = ((struct cell_counts *)value)->n[i];
            any |= n != 0;
            l->sums[i] += key == CELL_ACCOUNT ? (int32_t)n : 0;
        }
    if (any)
        on_closed(l->run, m);
}

static void note_amended(void *context, int64_t minute, int64_t sent_minute, uint64_t series, unsigned counters,
                         int by) {
    struct life *l = context;
    fprintf(l->run->closed, "amended %" PRId64 " %" PRId64 " %" PRIx64 " %x %d\n", minute, sent_minute, series,
            counters, by);
    for (int i = 0; series == CELL_ACCOUNT && i < RATE_COUNTERS; i++)
        l->sums[i] += counters >> i & 1 ? by : 0;
}

static struct aggregate_options service(void) {
    struct aggregate_options o = usual;
    o.keep_steps = false;
    o.keep_state = true;
    o.learning = LEARN_FOR_LATER;
    o.last_sends = 300;
    o.settle_ms = MINUTE_MS;
    o.tag_numbers[0] = 3;
    o.on_closed = note_closed;
    o.on_amended = note_amended;
    return o;
}

static void make_aggregate(struct life *l, const struct aggregate_options *options) {
    struct aggregate_options o = *options;
    o.on_closed_context = l;
    aggregate_destroy(l->run->aggregate);
    l->run->aggregate = aggregate_create(&o);
}

static struct life *life_begin(const struct aggregate_options *options) {
    struct life *l = calloc(1, sizeof *l);
    l->run = run_create(*options);
    make_aggregate(l, options);
    return l;
}

static void life_end(struct life *l) {
    run_destroy(l->run);
    memory_deinit(&l->memory);
    free(l);
}

static void save(struct life *l, bool confirmed) {
    const struct state_writer to = memory_writer(&l->memory);
    flush(l->run);
    aggregate_save(l->run->aggregate, &to);
    if (!confirmed) {
        memory_roll_back(&l->memory);
        return;
    }
    memory_commit(&l->memory);
    aggregate_saved(l->run->aggregate);
}

/* Ends it as a crash does, and takes up what is durable. */
static void restart(struct life *l, const struct aggregate_options *options) {
    struct err err = {0};
    const struct state_reader from = memory_reader(&l->memory);
    memory_roll_back(&l->memory);
    l->run->batch->count = 0;
    memset(&l->run->batch->accounting, 0, sizeof l->run->batch->accounting);
    make_aggregate(l, options);
    if (!aggregate_load(l->run->aggregate, &from, &err))
        fail_msg("%s", err.text);
}

static char *all_of(struct life *l) {
    struct snapshot *s = look(l->run, 1000);
    char *rows = snapshot_text(s), *text;
    const struct accounting *a = &s->accounting;
    if (asprintf(&text,
                 "%sread %" PRIu64 " counted %" PRIu64 " duplicate %" PRIu64 " late %" PRIu64 " by %" PRId64 "\n", rows,
                 a->read, a->counted, a->duplicate, a->late, s->latest_by_ms) < 0)
        abort();
    assert_true(accounting_holds(a));
    free(rows);
    snapshot_destroy(s);
    return text;
}

static const char *closed_of(struct life *l) {
    fflush(l->run->closed);
    return l->run->closed_text;
}

/* --- events ------------------------------------------------------------------------------------------------------- */

static bool visits_are_late; /* some of them */

/* Company for each other: a few messages, close together around the ends of minutes. */
static void make_visit(struct event *e, uint64_t number, uint64_t *own) {
    bool late = visits_are_late && below(own, 4) == 0;
    e->time_ms = NOON + (int64_t)(number / 700) * HOURS(9) + (int64_t)(number / 8 + 1) * MINUTES(12) - 1500 +
                 (int64_t)below(own, 3000) - (late ? MINUTES(below(own, 100)) : 0);
    e->message_key = hash_mix(number / 24 * 2 + below(own, 2) + 1);
    e->sent_ms = e->time_ms - DAYS(number / 24 % 70) - (int64_t)below(own, 1000);
    e->link = 1 + below(own, 5);
    e->visitor = (uint8_t)below(own, VISITORS);
}

/* The n-th of a stream of twelve days: some come late, some too late, some twice; recipients are delayed again and
 * again. The same in every run. */
static struct event event_at(uint64_t n) {
    static const enum event_type types[] = {EVENT_SEND,      EVENT_SEND,   EVENT_DELIVERY,       EVENT_BOUNCE,
                                            EVENT_OPEN,      EVENT_REJECT, EVENT_DELIVERY_DELAY, EVENT_DELIVERY_DELAY,
                                            EVENT_COMPLAINT, EVENT_CLICK,  EVENT_CLICK,          EVENT_CLICK};
    uint64_t number = n % 9 == 8 ? n - 5 : n, own = number * 31 + 7;
    int64_t back = below(&own, 3) ? 0 : HOURS(below(&own, 78)) + below(&own, HOUR_MS);
    int64_t quiet = (int64_t)(number / 700) * HOURS(9);
    struct event e = event_of(types[below(&own, COUNT(types))], NOON + quiet + (int64_t)number * MINUTES(3) / 2 - back,
                              hash_mix(number + 1));
    e.message_key = hash_mix(below(&own, 250) + 1);
    e.set = sets[below(&own, SETS)];
    e.identity = identities[below(&own, IDENTITIES)];
    e.tags[0] = tag_values[below(&own, TAG_VALUES)];
    e.provider = used_providers[below(&own, PROVIDERS_USED)];
    if (e.type == EVENT_DELIVERY)
        e.delivery_ms = below(&own, 100000);
    if (e.type == EVENT_OPEN || e.type == EVENT_CLICK)
        make_visit(&e, number, &own);
    else
        e.sent_ms -= below(&own, 2) ? 0 : HOURS(below(&own, 100));
    if (e.provider == PROVIDER_OTHER) {
        e.domain_key = 1 + below(&own, 30);
        e.hint = e.type == EVENT_DELIVERY || e.type == EVENT_BOUNCE ? used_providers[below(&own, 4)] : PROVIDER_OTHER;
    }
    e.reason = (uint8_t)(e.type == EVENT_BOUNCE ? below(&own, REASONS) : 0);
    return e;
}

enum { EVENTS = 11000 };

static void give_up_to(struct life *l, uint64_t *at, uint64_t end) {
    for (; *at < end; ++*at) {
        struct event e = event_at(*at);
        give_event(l->run, &e);
    }
    flush(l->run);
}

enum ending { NEVER, BY_STOPPING, BY_CRASHING };

/* `every`: how many events lie between two saves, about. */
static struct life *live(const struct aggregate_options *options, enum ending ending, unsigned every, uint64_t seed) {
    struct life *l = life_begin(options);
    uint64_t at = 0, durable = 0;
    while (at < EVENTS) {
        uint64_t end = at + 1 + below(&seed, every);
        give_up_to(l, &at, end < EVENTS ? end : EVENTS);
        if (ending == NEVER)
            continue;
        unsigned what = below(&seed, 10);
        if (what == 0) {
            save(l, false);
        } else if (what == 1 && ending == BY_CRASHING) {
            save(l, false);
            restart(l, options);
            at = durable; /* the source reads again what was not committed */
        } else {
            save(l, true);
            durable = at;
            if (what < 5)
                restart(l, options);
        }
    }
    return l;
}

static void restarts_change_nothing(void **state) {
    (void)state;
    visits_are_late = true;
    struct aggregate_options options = service();
    struct life *whole = live(&options, NEVER, 100, 1);
    char *expected = all_of(whole);
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct life *l = live(&options, BY_STOPPING, seed % 2 ? 150 : 700, seed);
        char *got = all_of(l);
        assert_string_equal(got, expected);
        assert_string_equal(closed_of(l), closed_of(whole));
        free(got);
        life_end(l);
    }
    free(expected);
    life_end(whole);
}

static void crashes_change_no_count(void **state) {
    (void)state;
    struct aggregate_options options = service();
    struct life *whole = live(&options, NEVER, 100, 1);
    char *expected = all_of(whole);
    struct life *l = live(&options, BY_CRASHING, 200, 5);
    char *got = all_of(l);
    assert_string_equal(got, expected);
    free(got);
    life_end(l);
    free(expected);
    life_end(whole);
}

/* The service counts as a batch run does; and closed minutes with what was amended are everything. */
static void as_a_batch_run(void **state) {
    (void)state;
    visits_are_late = false; /* what comes late is judged by what came with it */
    struct aggregate_options options = service(), plain = usual;
    plain.keep_steps = false;
    plain.learning = LEARN_FOR_LATER;
    plain.last_sends = options.last_sends;
    plain.on_closed = note_closed;
    struct life *l = live(&options, BY_STOPPING, 300, 8), *batch = live(&plain, NEVER, 100, 1);
    aggregate_finish(l->run->aggregate);
    aggregate_finish(batch->run->aggregate);
    for (int i = 0; i < RATE_COUNTERS; i++)
        assert_int_equal(l->sums[i], batch->sums[i]);
    struct snapshot *one = look(l->run, 1000), *other = look(batch->run, 1000);
    assert_int_equal(one->window_count, other->window_count);
    for (size_t i = 0; i < one->window_count; i++)
        assert_memory_equal(&one->windows[i].counts, &other->windows[i].counts, sizeof one->windows[i].counts);
    assert_memory_equal(&one->account.rows->tally[0], &other->account.rows->tally[0], sizeof(struct tally));
    snapshot_destroy(one);
    snapshot_destroy(other);
    life_end(l);
    life_end(batch);
}

/* A save that was not confirmed is written again, whole: into an empty place it says as much as all saves before. */
static void unconfirmed_is_repeated(void **state) {
    (void)state;
    struct aggregate_options options = service();
    struct life *l = life_begin(&options);
    uint64_t at = 0;
    for (int i = 1; i <= 20; i++) {
        give_up_to(l, &at, (uint64_t)i * 150);
        save(l, false);
    }
    char *expected = all_of(l);
    save(l, true);
    restart(l, &options);
    char *got = all_of(l);
    assert_string_equal(got, expected);
    free(got);
    free(expected);
    life_end(l);
}

/* --- first delays ------------------------------------------------------------------------------------------------- */

static uint64_t delayed(struct life *l) {
    struct snapshot *s = look(l->run, 1000);
    uint64_t n = s->account.rows->tally[0].rates.n[COUNT_DELAYED];
    snapshot_destroy(s);
    return n;
}

static void give_delay(struct life *l, int64_t time_ms, uint64_t key) {
    struct event e = event_of(EVENT_DELIVERY_DELAY, time_ms, key);
    e.message_key = 4711;
    give_event(l->run, &e);
}

/* An earlier delay takes the place of a later one on another day; after a restart the later one must not come back. */
static void a_delay_that_lost_its_place(void **state) {
    (void)state;
    for (int restarts = 0; restarts < 2; restarts++) {
        struct aggregate_options options = service();
        struct life *l = life_begin(&options);
        give_delay(l, NOON, 1);
        save(l, true);
        give_delay(l, NOON - HOURS(48), 2);
        save(l, true);
        if (restarts)
            restart(l, &options);
        assert_int_equal(delayed(l), 1);
        give_delay(l, NOON + HOURS(60), 3); /* over four days behind the first */
        assert_int_equal(delayed(l), 2);
        life_end(l);
    }
}

/* --- what expires ------------------------------------------------------------------------------------------------- */

static void assert_between(const struct memory *m, int table, int64_t first, int64_t last, size_t most_cells) {
    for (size_t i = 0; i < m->kept.count; i++) {
        const struct memory_row *r = &m->kept.rows[i];
        if (r->table == table)
            assert_true(r->index >= first && r->index <= last);
    }
    assert_true(memory_count(m, table) <= most_cells);
}

/* Six weeks of the same events every day, with a restart each day. */
static void six_weeks_do_not_grow(void **state) {
    (void)state;
    struct aggregate_options options = service();
    struct life *l = life_begin(&options);
    enum { A_DAY = 24 * 12, LIVED = 45, FULL = 37 };
    size_t rows = 0, keys = 0;
    for (int64_t day = 0; day < LIVED; day++) {
        for (int64_t i = 0; i < A_DAY; i++) {
            int64_t time_ms = NOON + DAYS(day) + i * MINUTES(5);
            give(l->run, i % 4 ? EVENT_SEND : EVENT_DELIVERY_DELAY, time_ms, hash_mix((uint64_t)(day * A_DAY + i + 1)));
            if (i % 96 == 0)
                save(l, i % 192 == 0);
        }
        save(l, true);
        restart(l, &options);
        int64_t now = aggregate_watermark_ms(l->run->aggregate), hour = now / HOUR_MS;
        const struct memory *m = &l->memory;
        assert_between(m, STATE_MINUTES, now / MINUTE_MS - GRID_MINUTES + 1, now / MINUTE_MS,
                       2 * (GRID_MINUTES / 5 + 1));
        assert_between(m, STATE_HOURS, hour - GRID_HOURS + 1, hour, 2 * GRID_HOURS);
        assert_between(m, STATE_SENT_MINUTES, now / MINUTE_MS - GRID_MINUTES + 1, now / MINUTE_MS,
                       2 * (GRID_MINUTES / 5 + 1));
        assert_between(m, STATE_SENT_HOURS, hour - GRID_HOURS + 1, hour, 2 * GRID_HOURS);
        assert_between(m, STATE_DAYS, 0, now / DAY_MS, 2 * (LIVED + 1));
        assert_between(m, STATE_DELAYS, now / DAY_MS - 10, now / DAY_MS, (A_DAY / 4 + 1) * 11);
        for (size_t i = 0; i < m->kept.key_count; i++)
            assert_true(m->kept.keys[i].set == STATE_KEYS_HAPPENINGS && m->kept.keys[i].index >= hour - 72);
        size_t others = m->kept.count - memory_count(m, STATE_DAYS) - memory_count(m, STATE_SENT_DAYS) -
                        memory_count(m, STATE_ACTIVITY);
        if (day == FULL)
            rows = others, keys = m->kept.key_count;
        assert_true(day < FULL || (others <= rows && m->kept.key_count <= keys));
    }
    /* The latest five weeks are hours and minutes. */
    assert_int_equal(memory_count(&l->memory, STATE_DAYS), 2 * (LIVED + 1 - 35));
    assert_int_equal(memory_count(&l->memory, STATE_SENT_DAYS), 2 * (LIVED + 1 - 35));
    life_end(l);
}

/* --- other settings than before ----------------------------------------------------------------------------------- */

static uint64_t duplicates(struct life *l, uint64_t *late) {
    struct snapshot *s = look(l->run, 1000);
    uint64_t n = s->accounting.duplicate;
    *late = s->accounting.late;
    snapshot_destroy(s);
    return n;
}

static void another_lateness(void **state) {
    (void)state;
    struct aggregate_options options = service(), shorter = service();
    shorter.lateness_ms = HOURS(24);
    struct life *l = life_begin(&options);
    for (int i = 72; i >= 0; i--)
        give(l->run, i % 2 ? EVENT_SEND : EVENT_DELIVERY_DELAY, NOON - HOURS(i), 1000 + (uint64_t)i);
    save(l, true);
    char *expected = all_of(l);
    restart(l, &shorter);
    char *got = all_of(l);
    assert_string_equal(got, expected);
    free(got);
    free(expected);
    uint64_t late;
    for (int i = 72; i >= 0; i--)
        give(l->run, i % 2 ? EVENT_SEND : EVENT_DELIVERY_DELAY, NOON - HOURS(i), 1000 + (uint64_t)i);
    assert_int_equal(duplicates(l, &late), 25);
    assert_int_equal(late, 48);
    save(l, true);
    for (size_t i = 0; i < l->memory.kept.key_count; i++)
        assert_true(l->memory.kept.keys[i].index >= NOON / HOUR_MS - 24);
    restart(l, &options); /* and back: what is held is still a duplicate */
    for (int i = 24; i >= 0; i--)
        give(l->run, i % 2 ? EVENT_SEND : EVENT_DELIVERY_DELAY, NOON - HOURS(i), 1000 + (uint64_t)i);
    assert_int_equal(duplicates(l, &late), 50);
    life_end(l);
}

/* Every minute is closed once, or amended, whatever the time to settle was and is. */
static void assert_nothing_lost(int64_t settle_before_ms, int64_t settle_after_ms) {
    struct aggregate_options before = service(), after = service();
    before.settle_ms = settle_before_ms;
    after.settle_ms = settle_after_ms;
    struct life *l = life_begin(&before);
    enum { SENT = 400 };
    for (int i = 0; i < SENT; i++)
        give(l->run, EVENT_SEND, NOON + MINUTES(i), 1 + (uint64_t)i);
    save(l, true);
    restart(l, &after);
    give(l->run, EVENT_SEND, NOON + MINUTES(SENT), SENT + 1);
    give(l->run, EVENT_SEND, NOON + MINUTES(SENT - 15), SENT + 2);
    flush(l->run);
    aggregate_finish(l->run->aggregate);
    assert_int_equal(l->sums[COUNT_SENT], SENT + 2);
    assert_true(l->run->in_order);
    life_end(l);
}

static void a_longer_time_to_settle(void **state) {
    (void)state;
    assert_nothing_lost(MINUTE_MS, MINUTES(30));
}

static void a_shorter_time_to_settle(void **state) {
    (void)state;
    assert_nothing_lost(MINUTES(30), MINUTE_MS);
}

/* The configuration allows up to a day. */
static void a_long_time_to_settle(void **state) {
    (void)state;
    assert_nothing_lost(HOURS(3), HOURS(3));
}

/* --- time without events ------------------------------------------------------------------------------------------ */

/* Minutes were closed by the clock; an event behind that is an amendment, also after a restart. */
static void closed_by_the_clock(void **state) {
    (void)state;
    struct aggregate_options options = service();
    struct life *l = life_begin(&options);
    assert_true(aggregate_open_from(l->run->aggregate) == INT64_MIN);
    aggregate_close_until(l->run->aggregate, NOON);
    give(l->run, EVENT_SEND, NOON, 1);
    flush(l->run);
    assert_int_equal(aggregate_open_from(l->run->aggregate), NOON_MINUTE - 1);
    aggregate_close_until(l->run->aggregate, NOON + MINUTES(30));
    assert_int_equal(aggregate_open_from(l->run->aggregate), NOON_MINUTE + 30);
    assert_int_equal(l->sums[COUNT_SENT], 1);
    save(l, true);
    restart(l, &options);
    assert_int_equal(aggregate_open_from(l->run->aggregate), NOON_MINUTE + 30);
    give(l->run, EVENT_SEND, NOON + MINUTES(20), 2);
    flush(l->run);
    assert_non_null(strstr(closed_of(l), "amended"));
    assert_int_equal(l->sums[COUNT_SENT], 2);
    give(l->run, EVENT_SEND, NOON + MINUTES(40), 3);
    flush(l->run);
    assert_int_equal(l->sums[COUNT_SENT], 2); /* its minute is open */
    aggregate_finish(l->run->aggregate);
    assert_int_equal(l->sums[COUNT_SENT], 3);
    life_end(l);
}

static void nothing_counted_yet(void **state) {
    (void)state;
    struct aggregate_options options = service();
    struct life *l = life_begin(&options);
    save(l, true);
    restart(l, &options);
    save(l, true);
    restart(l, &options);
    assert_true(aggregate_watermark_ms(l->run->aggregate) == INT64_MIN);
    give(l->run, EVENT_SEND, NOON, 1);
    flush(l->run);
    assert_true(aggregate_watermark_ms(l->run->aggregate) == NOON);
    life_end(l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restarts_change_nothing),
        cmocka_unit_test(crashes_change_no_count),
        cmocka_unit_test(as_a_batch_run),
        cmocka_unit_test(unconfirmed_is_repeated),
        cmocka_unit_test(a_delay_that_lost_its_place),
        cmocka_unit_test(six_weeks_do_not_grow),
        cmocka_unit_test(another_lateness),
        cmocka_unit_test(a_longer_time_to_settle),
        cmocka_unit_test(a_shorter_time_to_settle),
        cmocka_unit_test(a_long_time_to_settle),
        cmocka_unit_test(closed_by_the_clock),
        cmocka_unit_test(nothing_counted_yet),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
