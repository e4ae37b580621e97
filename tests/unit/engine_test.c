/* collector/pipeline/engine and keeper: what is counted, in whatever pieces and over however many restarts, is the
 * same; and nothing is seen or acknowledged before it is durable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aggregate/cells.h"
#include "pipeline/engine.h"
#include "snapshot_text.h"
#include "unit/random_numbers.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
enum { CHAINS = 60, EVENTS = 400 };
static const int64_t start_ms = 20600 * (int64_t)DAY_MS;

/* --- a service without sources ------------------------------------------------------------------------------------ */

struct rig {
    char path[64];
    struct keeper *keeper;
    struct board *board;
    struct hopper *hopper;
    struct outbox *outbox;
    struct engine *engine;
    struct stream stream;
};

static void destroy_snapshot(struct snapshot *s) {
    free(s->alerts);
    snapshot_destroy(s);
}

static void rig_open(struct rig *r, const struct alert_rule *rules, size_t rule_count) {
    enum store_refusal why;
    struct err err = {0};
    const struct engine_options options = {.commit_ms = 20,
                                           .lateness_ms = 72 * (int64_t)HOUR_MS,
                                           .settle_ms = MINUTE_MS,
                                           .hold_behind_ms = INT64_MAX / 2,
                                           .max_names = 100,
                                           .show_the_end = true,
                                           .tags = {SPAN_LIT("campaign")},
                                           .tag_count = 1};
    r->keeper = keeper_open(r->path, &why, &err);
    assert_non_null(r->keeper);
    r->board = board_create(destroy_snapshot);
    r->hopper = hopper_create(16);
    r->outbox = outbox_create(r->board);
    const struct engine_parts parts = {r->keeper, r->board, r->hopper, r->outbox, NULL};
    r->engine = engine_create(&options, &parts, rules, rule_count, &err);
    if (!r->engine)
        fail_msg("%s", err.text);
    engine_source_index(r->engine, "test", "files");
}

/* Committed and ended; the last snapshot stays on the board until rig_close. */
static const struct snapshot *rig_finish(struct rig *r) {
    assert_true(engine_stop(r->engine, 20000));
    return board_look(r->board);
}

static void rig_close(struct rig *r, const struct snapshot *looked_at) {
    board_release(r->board, looked_at);
    outbox_destroy(r->outbox);
    board_destroy(r->board);
    engine_destroy(r->engine);
    hopper_destroy(r->hopper);
    keeper_close(r->keeper);
}

static void rig_remove(const struct rig *r) {
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < COUNT(ends); i++) {
        char path[96];
        snprintf(path, sizeof path, "%s%s", r->path, ends[i]);
        unlink(path);
    }
}

static struct rig rig_new(const char *name) {
    struct rig r = {.stream = {.name = (char *)(uintptr_t) "stream"}};
    snprintf(r.path, sizeof r.path, "/tmp/ses-engine-%s-%d.db", name, (int)getpid());
    rig_remove(&r);
    return r;
}

/* --- a stream of events ------------------------------------------------------------------------------------------- */

static const uint16_t counters_by_type[EVENT_TYPES] = {
    [EVENT_SEND] = 1u << COUNT_SENT,
    [EVENT_DELIVERY] = 1u << COUNT_DELIVERED | 1u << COUNT_DELIVERED_FEEDBACK,
    [EVENT_BOUNCE] = 1u << COUNT_BOUNCED | 1u << COUNT_PERMANENT,
    [EVENT_COMPLAINT] = 1u << COUNT_COMPLAINED,
    [EVENT_DELIVERY_DELAY] = 1u << COUNT_DELAYED,
};

static uint32_t name_of(struct intern *table, const char *stem, unsigned number) {
    char name[32];
    int len = snprintf(name, sizeof name, "%s-%u", stem, number);
    return intern_id(table, (struct span){name, (size_t)len});
}

/* The n-th event: the same in every run. Every seventh comes twice; with `late`, every fifth up to a day late. */
static struct event event_at(struct rig *r, uint64_t n, bool late) {
    struct dictionary *d = engine_dictionary(r->engine);
    uint64_t number = n % 7 == 6 ? n - 1 : n;
    uint64_t own = number + 17;
    static const enum event_type types[] = {EVENT_SEND,      EVENT_SEND,     EVENT_SEND,
                                            EVENT_DELIVERY,  EVENT_DELIVERY, EVENT_BOUNCE,
                                            EVENT_COMPLAINT, EVENT_CLICK,    EVENT_DELIVERY_DELAY};
    struct event e = {
        .key = hash_mix(number + 1),
        .message_key = hash_mix(number / 9 + 1),
        .time_ms = start_ms + (int64_t)number * 2500 - (late && number % 5 == 4 ? (int64_t)(below(&own, DAY_MS)) : 0),
        .set = name_of(d->sets, "set", below(&own, 6)),
        .identity = name_of(d->identities, "identity", below(&own, 3)),
        .tags = {name_of(d->tags[0], "value", below(&own, 4))},
        .provider = provider_table_find(d->providers, below(&own, 2) ? span_of("gmail.com") : span_of("gmx.de")),
        .delivery_ms = EVENT_NO_DELIVERY_MS,
        .flags = EVENT_FIRST | EVENT_LAST,
    };
    e.type = (uint8_t)types[below(&own, COUNT(types))];
    e.counters = counters_by_type[e.type];
    if (e.type == EVENT_BOUNCE)
        e.detail = EVENT_DETAIL_PAIR(BOUNCE_PERMANENT, SUBTYPE_GENERAL);
    return e;
}

static void give_chain(struct rig *r, int chain, bool late) {
    static const atomic_bool go_on;
    struct batch *b = hopper_take(r->hopper, &go_on);
    for (int i = 0; i < EVENTS; i++) {
        b->events[i] = event_at(r, (uint64_t)chain * EVENTS + (uint64_t)i, late);
        b->accounting.read++;
    }
    b->count = EVENTS;
    b->source = 0;
    b->stream = &r->stream;
    b->position.n[0] = chain + 1;
    hopper_give(r->hopper, b);
}

static void alerts_text(FILE *out, const struct snapshot *s) {
    for (size_t i = 0; i < s->alert_count; i++) {
        const struct alert_row *a = &s->alerts[i];
        fprintf(out,
                "alert %s %s %s [%s|%s] %d %" PRId64 " %" PRId64 " %" PRId64 " %.17g %" PRIu64 "/%" PRIu64 " #%" PRIu64
                " %s\n",
                a->alertname, a->severity, a->scope, a->provider, a->configuration_set, (int)a->state, a->active_ms,
                a->fired_ms, a->resolved_ms, a->value, a->numerator, a->denominator, a->incident, a->description);
    }
}

static char *everything(const struct snapshot *s, bool alerts) {
    char *text, *rows = snapshot_text(s);
    size_t len;
    FILE *out = open_memstream(&text, &len);
    fputs(rows, out);
    free(rows);
    if (alerts)
        alerts_text(out, s);
    const struct accounting *a = &s->sources[0].accounting;
    fprintf(out, "read %" PRIu64 " counted %" PRIu64 " duplicate %" PRIu64 " late %" PRIu64 "\n", a->read, a->counted,
            a->duplicate, a->late);
    fclose(out);
    return text;
}

static const struct alert_rule rules[] = {
    {.name = "Bounces",
     .severity = "warning",
     .summary = "s",
     .rate = RATE_BOUNCE,
     .scopes = 7,
     .window = 60,
     .window_name = "1h",
     .threshold = 0.30,
     .clear = 0.25,
     .min_volume = 100,
     .for_minutes = 3,
     .keep_firing_minutes = 5},
    {.name = "Complaints",
     .severity = "page",
     .summary = "s",
     .rate = RATE_COMPLAINT,
     .scopes = 7,
     .window = 600,
     .window_name = "10h",
     .threshold = 0.45,
     .clear = 0.44,
     .min_volume = 100,
     .for_minutes = 1,
     .keep_firing_minutes = 2},
    {.name = "Silence",
     .severity = "warning",
     .summary = "s",
     .kind = ALERT_SILENCE,
     .event = EVENT_TYPES,
     .scopes = 1,
     .window = 30,
     .window_name = "30m",
     .min_volume = 10},
};

/* Runs the stream with a restart after each chain for which `restarts` has a bit. */
static char *run_stream(const char *name, uint64_t restarts, bool late) {
    struct rig r = rig_new(name);
    rig_open(&r, rules, COUNT(rules));
    engine_start(r.engine);
    for (int chain = 0; chain < CHAINS; chain++) {
        give_chain(&r, chain, late);
        if (!(restarts >> chain & 1))
            continue;
        rig_close(&r, rig_finish(&r));
        assert_int_equal(atomic_load(&r.stream.committed0), chain + 1);
        rig_open(&r, rules, COUNT(rules));
        engine_start(r.engine);
    }
    const struct snapshot *s = rig_finish(&r);
    char *text = everything(s, !late);
    rig_close(&r, s);
    rig_remove(&r);
    return text;
}

static void restarts_change_nothing(void **state) {
    (void)state;
    char *whole = run_stream("whole", 0, false);
    assert_non_null(strstr(whole, "alert Bounces"));
    char *pieces = run_stream("pieces", 0x0812490300120a4ull, false);
    assert_string_equal(whole, pieces);
    free(whole);
    free(pieces);
}

static void restarts_change_no_count_of_late_events(void **state) {
    (void)state;
    char *whole = run_stream("late", 0, true);
    char *pieces = run_stream("late-pieces", 0x040a00f00421211ull, true);
    assert_string_equal(whole, pieces);
    free(whole);
    free(pieces);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restarts_change_nothing),
        cmocka_unit_test(restarts_change_no_count_of_late_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
