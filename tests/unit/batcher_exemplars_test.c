/* collector/source/batcher: which events of a batch say their message, as an exemplar. */
#include "unit/batcher_run.h"

#include <stdio.h>

#include "unit/random_numbers.h"

/* --- records ------------------------------------------------------------------------------------------------------ */

#define BASE_MS INT64_C(1795161600000) /* 2026-11-20T08:00:00Z; record number n is of n ms later */

static const struct kind {
    const char *name, *object, *list, *rest;
    unsigned most; /* of its events in a batch; deliveries: see wants */
} kinds[EVENT_TYPES] = {
    [EVENT_SEND] = {"Send", "send", NULL, "", 0},
    [EVENT_DELIVERY] = {"Delivery", "delivery", "recipients", ",\"smtpResponse\":\"250 OK\"", 0},
    [EVENT_BOUNCE] = {"Bounce", "bounce", "bouncedRecipients",
                      ",\"feedbackId\":\"f\",\"bounceType\":\"Permanent\",\"bounceSubType\":\"General\"", 20},
    [EVENT_COMPLAINT] = {"Complaint", "complaint", "complainedRecipients", ",\"feedbackId\":\"f\"", 8},
    [EVENT_REJECT] = {"Reject", "reject", NULL, ",\"reason\":\"Bad content\"", 3},
    [EVENT_OPEN] = {"Open", "open", NULL, ",\"ipAddress\":\"198.51.100.1\",\"userAgent\":\"x\"", 0},
    [EVENT_CLICK] = {"Click", "click", NULL, ",\"ipAddress\":\"198.51.100.1\",\"link\":\"http://x/\"", 0},
    [EVENT_RENDERING_FAILURE] = {"Rendering Failure", "failure", NULL, ",\"templateName\":\"welcome\"", 3},
    [EVENT_DELIVERY_DELAY] = {"DeliveryDelay", "deliveryDelay", "delayedRecipients", ",\"delayType\":\"General\"", 12},
    [EVENT_SUBSCRIPTION] = {"Subscription", "subscription", NULL,
                            ",\"contactList\":\"l\",\"source\":\"UnsubscribeHeader\",\"newTopicPreferences\":"
                            "{\"unsubscribeAll\":true},\"oldTopicPreferences\":{\"unsubscribeAll\":false}",
                            3},
    [EVENT_UNKNOWN] = {"Teleport", "teleport", NULL, "", 0},
};

static void add_recipients(struct text *t, const char *name, bool objects, unsigned count) {
    add(t, "\"");
    add(t, name);
    add(t, "\":[");
    for (unsigned i = 0; i < count; i++) {
        char piece[80];
        snprintf(piece, sizeof piece, objects ? "%s{\"emailAddress\":\"r%u@gmail.com\"}" : "%s\"r%u@gmail.com\"",
                 i ? "," : "", i);
        add(t, piece);
    }
    add(t, "]");
}

/* `ms`: of a delivery; negative: left out. */
static void add_record(struct text *t, enum event_type type, unsigned number, const char *id, unsigned recipients,
                       int64_t ms) {
    const struct kind *k = &kinds[type];
    char time[40], piece[400];
    snprintf(time, sizeof time, "2026-11-20T08:%02u:%02u.%03uZ", number / 60000 % 60, number / 1000 % 60,
             number % 1000);
    snprintf(piece, sizeof piece,
             "{\"eventType\":\"%s\",\"mail\":{\"timestamp\":\"%s\",\"source\":\"a@b.example\",\"messageId\":\"%s\",",
             k->name, time, id);
    add(t, piece);
    add_recipients(t, "destination", false, recipients);
    snprintf(piece, sizeof piece, "},\"%s\":{\"timestamp\":\"%s\"%s", k->object, time, k->rest);
    add(t, piece);
    if (type == EVENT_DELIVERY && ms >= 0) {
        snprintf(piece, sizeof piece, ",\"processingTimeMillis\":%lld", (long long)ms);
        add(t, piece);
    }
    if (k->list) {
        add(t, ",");
        add_recipients(t, k->list, type != EVENT_DELIVERY, recipients);
    }
    add(t, "}}\n");
}

/* --- what is expected --------------------------------------------------------------------------------------------- */

static void id_of(unsigned number, char id[64]) {
    snprintf(id, 64, "0102-m_%u.x", number);
}

static void expect_message(const struct batch_exemplar *x, unsigned event, const char *id) {
    assert_int_equal(x->event, event);
    assert_true(x->message == exemplar_message(span_of(id)));
}

/* What a batch has so far. */
struct shares {
    unsigned buckets, of_type[EVENT_TYPES];
};

static bool wants(const struct event *e, struct shares *s) {
    if (e->type != EVENT_DELIVERY || e->delivery_ms == EVENT_NO_DELIVERY_MS)
        return ++s->of_type[e->type] <= kinds[e->type].most;
    unsigned bit = 1u << delivery_bucket(e->delivery_ms);
    bool is_first = !(s->buckets & bit);
    s->buckets |= bit;
    return is_first;
}

/* Every batch once more, from its events alone. Returns how many there are in all. */
static size_t expect_exemplars(void) {
    size_t all = 0;
    for (size_t i = 0; i < given.count; i++) {
        const struct batch *b = given.batches[i];
        struct shares shares = {0};
        unsigned next = 0;
        for (unsigned n = 0; n < b->count; n++) {
            char id[64];
            if (!wants(&b->events[n], &shares))
                continue;
            id_of((unsigned)(b->events[n].time_ms - BASE_MS), id);
            assert_true(next < b->exemplar_count);
            expect_message(&b->exemplars[next], n, id);
            next++;
        }
        assert_int_equal(b->exemplar_count, next);
        all += next;
    }
    return all;
}

static void read_and_flush(struct text *t, size_t records) {
    uint64_t before = all_accounting().read + (batcher.batch ? batcher.batch->accounting.read : 0);
    assert_true(read_all(t));
    batcher_flush(&batcher);
    struct accounting sum = all_accounting();
    assert_int_equal(sum.read - before, records);
    assert_int_equal(accounting_malformed(&sum), 0);
    free(t->bytes);
    *t = (struct text){0};
}

static void add_numbered(struct text *t, enum event_type type, unsigned number, unsigned recipients, int64_t ms) {
    char id[64];
    id_of(number, id);
    add_record(t, type, number, id, recipients, ms);
}

/* --- cases -------------------------------------------------------------------------------------------------------- */

/* Of types: not sends, opens, clicks, and what nobody knows. */
static void off_unless_wanted(void **state) {
    (void)state;
    static const enum event_type wanted[] = {
        EVENT_DELIVERY,          EVENT_BOUNCE,         EVENT_COMPLAINT,   EVENT_REJECT,
        EVENT_RENDERING_FAILURE, EVENT_DELIVERY_DELAY, EVENT_SUBSCRIPTION};
    for (int keep = 0; keep < 2; keep++) {
        struct text t = {0};
        for (unsigned type = 0; type < EVENT_TYPES; type++)
            add_numbered(&t, (enum event_type)type, 7 * type, 1, 200);
        if (keep)
            batcher.keep_exemplars = true;
        read_and_flush(&t, EVENT_TYPES);
        assert_int_equal(given.batches[keep]->count, EVENT_TYPES);
    }
    assert_int_equal(given.batches[0]->exemplar_count, 0);
    const struct batch *b = given.batches[1];
    assert_int_equal(b->exemplar_count, sizeof wanted / sizeof wanted[0]);
    for (unsigned i = 0; i < b->exemplar_count; i++) {
        char id[64];
        id_of(7 * (unsigned)wanted[i], id);
        expect_message(&b->exemplars[i], wanted[i], id);
    }
}

static void so_many_in_a_batch(void **state) {
    (void)state;
    enum { RECORDS = 2 * BATCH_EVENTS + 70, COMPLAINTS = 8, FLOOD = 200 };
    struct text t = {0};
    batcher.keep_exemplars = true;
    for (unsigned i = 0; i < RECORDS; i++)
        add_record(&t, EVENT_COMPLAINT, i, "same", 1, 0);
    read_and_flush(&t, RECORDS);
    assert_int_equal(given.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(given.batches[i]->exemplar_count, COMPLAINTS);
        for (unsigned n = 0; n < COMPLAINTS; n++)
            assert_int_equal(given.batches[i]->exemplars[n].event, n);
    }
    /* However many they are, there is room for the others. */
    for (unsigned i = 0; i < FLOOD; i++)
        add_record(&t, EVENT_COMPLAINT, i, "same", 1, 0);
    add_record(&t, EVENT_DELIVERY, 5000, "delivered", 1, 5);
    add_record(&t, EVENT_REJECT, 5001, "rejected", 1, 0);
    read_and_flush(&t, FLOOD + 2);
    assert_int_equal(given.batches[3]->exemplar_count, COMPLAINTS + 2);
    expect_message(&given.batches[3]->exemplars[COMPLAINTS], FLOOD, "delivered");
    expect_message(&given.batches[3]->exemplars[COMPLAINTS + 1], FLOOD + 1, "rejected");
}

/* The largest batch of examples that there can be. */
static void every_share_is_full(void **state) {
    (void)state;
    struct text t = {0};
    unsigned number = 0;
    batcher.keep_exemplars = true;
    for (unsigned type = 0; type < EVENT_TYPES; type++)
        for (unsigned i = 0; i < 2 * kinds[type].most; i++)
            add_numbered(&t, (enum event_type)type, number++, 1, -1);
    for (int i = 0; i < DELIVERY_BUCKETS; i++)
        add_numbered(&t, EVENT_DELIVERY, number++, 1,
                     i < DELIVERY_BUCKETS - 1 ? (int64_t)(delivery_bucket_bounds[i] * 1000) : 20000000);
    read_and_flush(&t, number);
    assert_int_equal(given.count, 1);
    assert_int_equal(given.batches[0]->exemplar_count, BATCH_EXEMPLARS);
    assert_int_equal(expect_exemplars(), BATCH_EXEMPLARS);
}

/* The first delivery of each bucket in a batch; none for those without a time. */
static void a_delivery_of_each_bucket(void **state) {
    (void)state;
    enum { RECORDS = 3 * BATCH_EVENTS / 2 };
    static const unsigned times[] = {5, 100, 101, 0, 700, 700000, 200, 20000000, 4294967294u, 650};
    struct text t = {0};
    uint64_t r = 3;
    batcher.keep_exemplars = true;
    for (unsigned i = 0; i < RECORDS; i++) {
        unsigned n = below(&r, sizeof times / sizeof times[0] + 1);
        add_numbered(&t, EVENT_DELIVERY, i, 1, n ? (int64_t)times[n - 1] : -1);
    }
    read_and_flush(&t, RECORDS);
    assert_int_equal(given.count, 2);
    assert_int_equal(expect_exemplars(), 2 * 5);
    for (int i = 0; i < 2; i++) {
        unsigned seen = 0;
        for (unsigned n = 0; n < given.batches[i]->exemplar_count; n++)
            seen |= 1u << delivery_bucket(given.batches[i]->events[given.batches[i]->exemplars[n].event].delivery_ms);
        assert_int_equal(seen, 1u << 0 | 1u << 1 | 1u << 3 | 1u << 10 | 1u << (DELIVERY_BUCKETS - 1));
    }
}

/* Records of many recipients, over the borders of batches: the index is that of the event in its own batch. */
static void events_over_many_batches(void **state) {
    (void)state;
    static const unsigned sizes[] = {1, BATCH_EVENTS - 30, 70, 1, 3000, 2, BATCH_EVENTS, 1};
    struct text t = {0};
    size_t events = 0;
    batcher.keep_exemplars = true;
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        add_numbered(&t, i % 2 ? EVENT_SEND : i % 4 ? EVENT_DELIVERY_DELAY : EVENT_BOUNCE, i, sizes[i], 0);
        events += sizes[i];
    }
    read_and_flush(&t, sizeof sizes / sizeof sizes[0]);
    assert_int_equal(all_events(), events);
    assert_true(given.count >= 5);
    assert_seams();
    assert_true(expect_exemplars() > 4 * 20);
}

static void texts_of_all_sorts(void **state) {
    (void)state;
    uint64_t r = 11;
    unsigned number = 0;
    batcher.keep_exemplars = true;
    for (int round = 0; round < 40; round++) {
        struct text t = {0};
        unsigned records = 1 + below(&r, 400);
        bool is_rare = round % 2; /* what is wanted, among sends */
        for (unsigned i = 0; i < records; i++) {
            unsigned type = is_rare && below(&r, 50) ? EVENT_SEND : below(&r, EVENT_TYPES);
            unsigned recipients = below(&r, 20) ? 1 : 1 + below(&r, 60);
            add_numbered(&t, (enum event_type)type, number++, recipients, (int64_t)below(&r, 3000000));
        }
        if (below(&r, 3))
            read_and_flush(&t, records);
        assert_true(t.bytes == NULL || read_all(&t));
        free(t.bytes);
    }
    batcher_flush(&batcher);
    assert_true(expect_exemplars() > 500);
}

/* --- ids ---------------------------------------------------------------------------------------------------------- */

/* Whatever is in it, and however it is written: nothing but a hash of the id as it is meant leaves the batcher. */
static void ids_of_all_sorts(void **state) {
    (void)state;
    const char *const ids[][2] = {
        {"plain", "plain"},
        {"with blank", "with blank"},
        {"<b>a@b.example", "<b>a@b.example"},
        {"quote\\\"d", "quote\"d"},
        {"line\\nend", "line\nend"},
        {"\xc3\xa4", "\xc3\xa4"},
        {"\\u00e4\\u0061", "\xc3\xa4"
                           "a"},
        {"{},[]", "{},[]"},
    };
    struct text t = {0};
    batcher.keep_exemplars = true;
    for (unsigned i = 0; i < sizeof ids / sizeof ids[0]; i++)
        add_record(&t, EVENT_BOUNCE, i, ids[i][0], 1, 0);
    read_and_flush(&t, sizeof ids / sizeof ids[0]);
    const struct batch *b = given.batches[0];
    assert_int_equal(b->exemplar_count, sizeof ids / sizeof ids[0]);
    for (unsigned i = 0; i < b->exemplar_count; i++)
        expect_message(&b->exemplars[i], i, ids[i][1]);
}

/* --- the compact form --------------------------------------------------------------------------------------------- */

/* It knows no ids of messages. Beside it, in the same batch, records of SES's form say theirs. */
static void compact_records_have_none(void **state) {
    (void)state;
    batcher.keep_exemplars = true;
    for (unsigned i = 0; i < 20; i++) {
        struct text t = {0};
        add_numbered(&t, i % 2 ? EVENT_BOUNCE : EVENT_DELIVERY, i, 3, 700);
        struct buf value = compact(&t);
        assert_true(batcher_read_normalized(&batcher, buf_span(&value)));
        buf_deinit(&value);
        free(t.bytes);
    }
    assert_int_equal(batcher.batch->count, 60);
    assert_int_equal(batcher.batch->exemplar_count, 0);
    struct text t = {0};
    add_numbered(&t, EVENT_BOUNCE, 100, 1, 0);
    read_and_flush(&t, 1);
    assert_int_equal(given.batches[0]->exemplar_count, 1);
    expect_message(&given.batches[0]->exemplars[0], 60, "0102-m_100.x");
}

/* A batch that is used again begins without any. */
static void an_emptied_batch_has_none(void **state) {
    (void)state;
    struct text t = {0};
    batcher.keep_exemplars = true;
    add_numbered(&t, EVENT_BOUNCE, 1, 5, 0);
    read_and_flush(&t, 1);
    struct batch *b = given.batches[0];
    assert_int_equal(b->exemplar_count, 5);
    b->source = 7;
    batch_empty(b);
    assert_int_equal(b->count + b->note_count + b->exemplar_count, 0);
    assert_int_equal(b->accounting.read, 0);
    assert_int_equal(b->source, 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(off_unless_wanted, begin, end),
        cmocka_unit_test_setup_teardown(so_many_in_a_batch, begin, end),
        cmocka_unit_test_setup_teardown(every_share_is_full, begin, end),
        cmocka_unit_test_setup_teardown(a_delivery_of_each_bucket, begin, end),
        cmocka_unit_test_setup_teardown(events_over_many_batches, begin, end),
        cmocka_unit_test_setup_teardown(texts_of_all_sorts, begin, end),
        cmocka_unit_test_setup_teardown(ids_of_all_sorts, begin, end),
        cmocka_unit_test_setup_teardown(compact_records_have_none, begin, end),
        cmocka_unit_test_setup_teardown(an_emptied_batch_has_none, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
