/* collector/source/batcher: where batches end, what they say of their records, and how far the text was read. */
#include "unit/batcher_run.h"
#include "unit/sample_records.h"

/* A Send to so many recipients. */
static void add_send(struct text *t, unsigned number, unsigned recipients, const char *behind) {
    char piece[200];
    snprintf(piece, sizeof piece,
             "{\"eventType\":\"Send\",\"mail\":{\"timestamp\":\"2026-11-20T08:15:30.123Z\",\"messageId\":\"m%u\","
             "\"source\":\"a@b.example\",\"destination\":[",
             number);
    add(t, piece);
    for (unsigned i = 0; i < recipients; i++) {
        snprintf(piece, sizeof piece, "%s\"r%u@gmail.com\"", i ? "," : "", i);
        add(t, piece);
    }
    add(t, "]},\"send\":{}}");
    add(t, behind);
}

/* --- cases -------------------------------------------------------------------------------------------------------- */

static void small_texts(void **state) {
    (void)state;
    struct text t = {0};
    assert_true(batcher_read(&batcher, (struct span){NULL, 0}));
    assert_true(batcher_read(&batcher, SPAN_LIT("")));
    assert_int_equal(batcher.record_end, 0);
    add_send(&t, 1, 3, "\n");
    assert_true(read_all(&t));
    assert_int_equal(batcher.record_end, t.len); /* at the end of a text all of it is done with */
    assert_int_equal(given.count, 0);
    assert_int_equal(batcher.batch->count, 3);
    assert_true(read_all(&t)); /* another message goes into the same batch */
    batcher_flush(&batcher);
    batcher_flush(&batcher); /* nothing at hand: nothing is given */
    assert_int_equal(given.count, 1);
    assert_int_equal(all_events(), 6);
    assert_seams();
    struct accounting a = all_accounting();
    assert_int_equal(a.read, 2);
    assert_int_equal(a.bytes_decoded, 2 * t.len);
    assert_int_equal(a.bytes_read, 0); /* who knows that is the source */
    free(t.bytes);
}

/* Far more recipients than a batch has room for. */
static void records_over_many_batches(void **state) {
    (void)state;
    static const unsigned sizes[] = {1, BATCH_EVENTS - 1, 1, 5000, 3, BATCH_EVENTS, 2 * BATCH_EVENTS, 7, 1};
    struct text t = {0};
    size_t events = 0, ends[16], count = sizeof sizes / sizeof sizes[0];
    for (size_t i = 0; i < count; i++) {
        add_send(&t, (unsigned)i, sizes[i], i % 2 ? "\n" : "");
        ends[i] = t.len - (i % 2);
        events += sizes[i];
    }
    assert_true(read_all(&t));
    batcher_flush(&batcher);
    assert_int_equal(all_events(), events);
    assert_seams();
    assert_int_equal(all_accounting().read, count);
    for (size_t i = 0, at = 0; i < given.count; i++) { /* what ends with a record says where that was */
        for (unsigned n = 0; n < given.batches[i]->count; n++)
            at += given.batches[i]->events[n].flags & EVENT_LAST ? 1 : 0;
        if (!given.inside[i])
            assert_int_equal(given.record_end[i], ends[at - 1]);
        else
            assert_int_equal(given.batches[i]->count, BATCH_EVENTS);
    }
    free(t.bytes);
}

static void stopped_in_the_middle(void **state) {
    (void)state;
    struct text t = {0};
    add_send(&t, 1, 3000, "\n");
    given.stop_after = 2;
    assert_false(read_all(&t));
    assert_null(batcher.batch);
    assert_int_equal(given.count, 2);
    assert_true(given.inside[0] && given.inside[1]);
    assert_false(batcher_open(&batcher));
    assert_false(read_all(&t));
    batcher_flush(&batcher);
    assert_int_equal(given.count, 2);
    free(t.bytes);
}

/* Texts that the frame cannot take at once: nothing is lost at the seams, wherever they are. */
static void texts_of_any_size(void **state) {
    (void)state;
    struct text t = {0};
    unsigned records = 0;
    for (; t.len < 5 * 1024 * 1024; records++)
        add_send(&t, records, 1 + records % 40, records % 3 ? "\n" : "");
    size_t room;
    batcher_begin(&batcher, 0);
    batcher_space(&batcher, &room);
    assert_true(t.len > room);
    assert_true(read_all(&t));
    batcher_flush(&batcher);
    assert_int_equal(all_accounting().read, records);
    assert_int_equal(all_accounting().bytes_decoded, t.len);
    assert_int_equal(accounting_malformed(&(struct accounting){0}), 0);
    struct accounting sum = all_accounting();
    assert_int_equal(accounting_malformed(&sum), 0);
    assert_seams();
    const size_t events = all_events();

    /* The same in small pieces, from an offset on. */
    enum { OFFSET = 1000000, PIECE = 10007 };
    batcher_begin(&batcher, OFFSET);
    assert_int_equal(batcher.record_end, OFFSET);
    for (size_t at = 0; at < t.len;) {
        char *to = batcher_space(&batcher, &room);
        size_t n = t.len - at < PIECE ? t.len - at : PIECE;
        memcpy(to, t.bytes + at, n);
        at += n;
        assert_true(batcher_filled(&batcher, n, at == t.len));
        assert_true(batcher.record_end <= OFFSET + at);
    }
    batcher_flush(&batcher);
    assert_int_equal(all_events(), 2 * events);
    assert_true(batcher.record_end >= OFFSET + t.len - 1);
    assert_seams();
    free(t.bytes);
}

/* A text as long as the frame's room, one byte less, and one more. */
static void texts_as_long_as_the_room(void **state) {
    (void)state;
    size_t room;
    batcher_begin(&batcher, 0);
    batcher_space(&batcher, &room);
    for (int more = -1; more <= 1; more++) {
        struct text t = {0};
        add_send(&t, 1, 2, "\n");
        size_t wanted = room + (size_t)more;
        char *line = calloc(1, wanted + 2000);
        size_t used = 0;
        while (used + 2 * t.len < wanted) {
            memcpy(line + used, t.bytes, t.len);
            used += t.len;
        }
        memset(line + used, ' ', wanted - used);
        memcpy(line + wanted - t.len + 1, t.bytes, t.len - 1); /* ends with the text, without a line end */
        uint64_t before = all_accounting().read;
        assert_true(batcher_read(&batcher, (struct span){line, wanted}));
        batcher_flush(&batcher);
        assert_int_equal(all_accounting().read - before, used / t.len + 1);
        assert_int_equal(batcher.record_end, wanted);
        struct accounting sum = all_accounting();
        assert_int_equal(accounting_malformed(&sum), 0);
        free(line);
        free(t.bytes);
    }
}

/* --- notes -------------------------------------------------------------------------------------------------------- */

static void notes_when_wanted(void **state) {
    (void)state;
    for (int keep = 0; keep < 2; keep++) {
        struct text t = {0};
        add_send(&t, 1, 1, "\n");
        size_t damage = t.len;
        add(&t, "{\"eventType\":\"Send\", damage}\n");
        size_t damage_end = t.len - 1;
        add(&t, "{\"eventType\":\"Teleport\"," SAMPLE_MAIL "}\n");
        add(&t, "{\"Type\":\"SubscriptionConfirmation\",\"Message\":\"x\"}\n");
        batcher.keep_notes = keep;
        assert_true(read_all(&t));
        batcher_flush(&batcher);
        const struct batch *b = given.batches[keep];
        assert_int_equal(b->accounting.read, 4);
        assert_int_equal(b->accounting.filtered, 1);
        assert_int_equal(accounting_malformed(&b->accounting), 1);
        assert_int_equal(b->note_count, keep ? 2 : 0);
        if (keep) {
            assert_null(b->notes[0].unknown_field);
            assert_int_equal(b->notes[0].offset, damage);
            assert_int_equal(b->notes[0].length, damage_end - damage);
            assert_memory_equal(b->raw.data + b->notes[0].raw_at, t.bytes + damage, damage_end - damage);
            assert_non_null(b->notes[1].unknown_field);
            assert_int_equal(b->notes[1].raw_len, strlen("Teleport"));
            assert_memory_equal(b->raw.data + b->notes[1].raw_at, "Teleport", 8);
        }
        free(t.bytes);
    }
}

/* Batches also end when their notes, or the bytes of these, are many. */
static void many_notes(void **state) {
    (void)state;
    struct text t = {0}, wide = {0};
    for (int i = 0; i < 3000; i++)
        add(&t, "{\"damage\":}\n");
    char *blob = malloc(200001);
    memset(blob, 'x', 200000);
    blob[200000] = '\0';
    for (int i = 0; i < 30; i++) {
        add(&wide, "{\"damage\":");
        add(&wide, blob);
        add(&wide, "\n");
    }
    free(blob);
    batcher.keep_notes = true;
    assert_true(read_all(&t));
    assert_true(read_all(&wide));
    batcher_flush(&batcher);
    size_t notes = 0, bytes = 0;
    for (size_t i = 0; i < given.count; i++) {
        const struct batch *b = given.batches[i];
        notes += b->note_count;
        bytes += b->raw.len;
        assert_false(given.inside[i]);
        assert_true(b->note_count < BATCH_NOTES && b->raw.len <= BATCH_RAW_LIMIT && !b->raw.failed);
        for (unsigned n = 0; n < b->note_count; n++)
            assert_true(b->notes[n].raw_at + b->notes[n].raw_len <= b->raw.len);
    }
    assert_int_equal(notes, 3030);
    assert_int_equal(bytes, t.len - 3000 + wide.len - 30);
    struct accounting sum = all_accounting();
    assert_int_equal(accounting_malformed(&sum), 3030);
    assert_int_equal(sum.read, 3030);
    free(t.bytes);
    free(wide.bytes);
}

/* Unknown values fill the notes just as well, also where records are long. */
static void many_unknown_values(void **state) {
    (void)state;
    struct text t = {0};
    enum { RECORDS = 1000 };
    for (int i = 0; i < RECORDS; i++)
        add(&t, "{\"eventType\":\"Teleport\"," SAMPLE_MAIL "}\n");
    batcher.keep_notes = true;
    assert_true(read_all(&t));
    batcher_flush(&batcher);
    size_t notes = 0;
    for (size_t i = 0; i < given.count; i++)
        notes += given.batches[i]->note_count;
    assert_int_equal(notes, RECORDS);
    assert_int_equal(all_accounting().read, RECORDS);
    assert_seams();
    free(t.bytes);
}

/* How far the text was read, behind damage that is longer than a record may be. */
static void read_to_the_end_of_long_damage(void **state) {
    (void)state;
    struct text t = {0};
    add_send(&t, 1, 1, "\n");
    char *blob = malloc(3 * 1024 * 1024 + 1);
    memset(blob, 'x', 3 * 1024 * 1024);
    blob[3 * 1024 * 1024] = '\0';
    add(&t, "{\"damage\":\"");
    add(&t, blob);
    free(blob);
    add(&t, "\n");
    size_t damage_end = t.len - 1;
    assert_true(read_all(&t));
    batcher_flush(&batcher);
    struct accounting sum = all_accounting();
    assert_int_equal(sum.read, 2);
    assert_int_equal(accounting_malformed(&sum), 1);
    assert_true(batcher.record_end >= damage_end);
    free(t.bytes);
}

/* --- the compact form --------------------------------------------------------------------------------------------- */

static void compact_over_many_batches(void **state) {
    (void)state;
    static const unsigned sizes[] = {1, BATCH_EVENTS - 1, 1, 5000, 3, BATCH_EVENTS, 7};
    size_t events = 0, bytes = 0, count = sizeof sizes / sizeof sizes[0];
    for (size_t i = 0; i < count; i++) {
        struct text t = {0};
        add_send(&t, (unsigned)i, sizes[i], "");
        struct buf value = compact(&t);
        assert_true(batcher_read_normalized(&batcher, buf_span(&value)));
        assert_int_equal(batcher.record_end, value.len);
        events += sizes[i];
        bytes += value.len;
        if (i == 2)
            assert_true(read_all(&t)); /* mixed with records as SES makes them */
        buf_deinit(&value);
        free(t.bytes);
    }
    batcher_flush(&batcher);
    assert_int_equal(all_events(), events + 1);
    assert_int_equal(all_accounting().read, count + 1);
    assert_true(all_accounting().bytes_decoded > bytes);
    assert_int_equal(all_accounting().bytes_read, 0); /* the source's */
    assert_seams();
}

static void compact_and_malformed(void **state) {
    (void)state;
    char *large = alloc_zeroed(RECORD_MAX_SIZE + 10, 1);
    large[0] = (char)NORMALIZED_RECORD_MAGIC;
    batcher.keep_notes = true;
    assert_true(batcher_read_normalized(&batcher, SPAN_LIT("\x9e\x01\x01")));
    assert_true(batcher_read_normalized(&batcher, SPAN_LIT("\x9e\x02 later")));
    assert_true(batcher_read_normalized(&batcher, (struct span){large, RECORD_MAX_SIZE + 10}));
    batcher_flush(&batcher);
    struct accounting a = all_accounting();
    assert_int_equal(a.read, 3);
    assert_int_equal(accounting_malformed(&a), 3);
    assert_int_equal(a.malformed[MALFORMED_TRUNCATED], 1);
    assert_int_equal(a.malformed[MALFORMED_NOT_SES], 1);
    assert_int_equal(a.malformed[MALFORMED_TOO_LARGE], 1);
    assert_int_equal(all_events(), 0);
    const struct batch *b = given.batches[0];
    assert_int_equal(b->note_count, 3);
    assert_int_equal(b->notes[1].reason, MALFORMED_NOT_SES);
    assert_int_equal(b->notes[1].raw_len, 8);
    assert_memory_equal(b->raw.data + b->notes[1].raw_at, "\x9e\x02 later", 8);
    free(large);
}

static void compact_and_stopped(void **state) {
    (void)state;
    struct text t = {0};
    add_send(&t, 1, 3000, "");
    struct buf value = compact(&t);
    given.stop_after = 2;
    assert_false(batcher_read_normalized(&batcher, buf_span(&value)));
    assert_int_equal(given.count, 2);
    assert_true(given.inside[0] && given.inside[1]);
    assert_false(batcher_read_normalized(&batcher, buf_span(&value)));
    assert_int_equal(given.count, 2);
    buf_deinit(&value);
    free(t.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(small_texts, begin, end),
        cmocka_unit_test_setup_teardown(records_over_many_batches, begin, end),
        cmocka_unit_test_setup_teardown(stopped_in_the_middle, begin, end),
        cmocka_unit_test_setup_teardown(texts_of_any_size, begin, end),
        cmocka_unit_test_setup_teardown(texts_as_long_as_the_room, begin, end),
        cmocka_unit_test_setup_teardown(notes_when_wanted, begin, end),
        cmocka_unit_test_setup_teardown(many_notes, begin, end),
        cmocka_unit_test_setup_teardown(many_unknown_values, begin, end),
        cmocka_unit_test_setup_teardown(read_to_the_end_of_long_damage, begin, end),
        cmocka_unit_test_setup_teardown(compact_over_many_batches, begin, end),
        cmocka_unit_test_setup_teardown(compact_and_malformed, begin, end),
        cmocka_unit_test_setup_teardown(compact_and_stopped, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
