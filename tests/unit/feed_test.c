/* collector/source/feed: an object's records once, whatever becomes of the object while it is read; texts that are
 * there as a whole; and what is committed. (tests/unit/folder_test.c reads files through it.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "source/feed.h"
#include "unit/fake_pipeline.h"
#include "unit/known.h"

static struct provider_table *providers;
static struct dictionary dictionary;
static const struct source_port port = {.take = pipeline_take, .give = pipeline_give};
static char source_name[] = "test";
static struct source source;
static struct ledger ledger;
static struct feed feed;

/* An object that is no file: its bytes, how many of them can be had, and what comes then. */
static struct store {
    char *text;
    size_t len, at, breaks_at;
    enum object_loss loss;
    bool stops; /* the source, when it breaks */
} store;

static ssize_t store_read(void *context, char *to, size_t room, struct err *err) {
    struct store *s = context;
    size_t end = s->breaks_at < s->len ? s->breaks_at : s->len;
    if (s->at == s->breaks_at) {
        if (s->stops)
            atomic_store(&source.stop, true);
        err_set(err, ERR_IO, "the store broke off");
        return -1;
    }
    size_t n = end - s->at < room ? end - s->at : room;
    n = n > 5000 ? 5000 : n;
    memcpy(to, s->text + s->at, n);
    s->at += n;
    return (ssize_t)n;
}

static enum object_loss store_loss(void *context) {
    return ((struct store *)context)->loss;
}

static void store_close(void *context) {
    ((struct store *)context)->at = 0;
}

static bool store_open(void *context, const struct object *o, struct object_bytes *to, struct err *err) {
    (void)o, (void)err;
    *to = (struct object_bytes){context, store_read, store_loss, store_close};
    return true;
}

static const struct object_opener opener = {&store, store_open};
static char path[] = "s3://bucket/a";
static const struct object object = {.path = path, .end = UINT64_MAX, .opener = &opener};

/* Records number [from, from + n). */
static void put_records(unsigned from, unsigned n) {
    free(store.text);
    store = (struct store){.breaks_at = SIZE_MAX};
    FILE *out = open_memstream(&store.text, &store.len);
    for (unsigned i = from; i < from + n; i++)
        fprintf(out,
                "{\"eventType\":\"Send\",\"send\":{},\"mail\":{\"timestamp\":\"2026-11-20T08:15:30.123Z\","
                "\"source\":\"x@shop.example\",\"messageId\":\"m-%u\",\"destination\":[\"a@mail%u.example\"],"
                "\"tags\":{}}}\n",
                i, i % 7);
    fclose(out);
}

static struct ledger_entry *entry_of(const char *name) {
    struct ledger_entry *entry = ledger_at(&ledger, name);
    if (entry->size < 0)
        entry->size = (int64_t)store.len;
    return entry;
}

static enum feed_result read_once(struct ledger_entry *entry, struct err *err) {
    *err = (struct err){0};
    return feed_object(&feed, &object, entry, err);
}

static int begin(void **state) {
    (void)state;
    pipeline_clear();
    source = (struct source){.name = source_name, .index = FAKE_SOURCE, .port = &port, .dictionary = &dictionary};
    ledger_init(&ledger);
    feed_init(&feed, &source);
    return 0;
}

static int end(void **state) {
    (void)state;
    feed_deinit(&feed);
    ledger_deinit(&ledger);
    return 0;
}

/* --- objects ------------------------------------------------------------------------------------------------------ */

static void test_reads_to_the_end(void **state) {
    (void)state;
    struct err err;
    put_records(0, 500);
    struct ledger_entry *entry = entry_of("bucket/a");
    assert_int_equal(read_once(entry, &err), FEED_READ);
    assert_int_equal(err.code, ERR_NONE);
    pipeline_assert_events(500);
    assert_true(entry->done && entry->kept && entry->given > 0);
    assert_int_equal(entry->offset, store.len);
    assert_int_equal(pipeline.accounting.objects_done, 1);
    assert_int_equal(pipeline.accounting.bytes_read, store.len);
    assert_int_equal(pipeline_kept("bucket/a")->position.n[3], 1);
    assert_true(feed_is_committed(entry));
}

static void test_gone_before_it_was_read(void **state) {
    (void)state;
    struct err err;
    put_records(0, 5);
    store.breaks_at = 0;
    store.loss = OBJECT_LOSS_GONE;
    struct ledger_entry *entry = entry_of("bucket/a");
    assert_int_equal(read_once(entry, &err), FEED_GONE);
    assert_non_null(strstr(err.text, "broke off"));
    assert_int_equal(pipeline.chains, 0);
    assert_false(entry->kept || entry->complained);
}

/* What was read of it stands; the new one is read from its beginning, and what they share is known to the counting. */
static void test_changed_while_it_was_read(void **state) {
    (void)state;
    struct err err;
    put_records(0, 500);
    store.breaks_at = store.len / 2;
    store.loss = OBJECT_LOSS_CHANGED;
    struct ledger_entry *entry = entry_of("bucket/a");
    assert_int_equal(read_once(entry, &err), FEED_CHANGED);
    size_t before = pipeline.key_count;
    assert_true(before > 200 && before < 251);
    assert_false(entry->done);
    assert_true(entry->offset > 0 && (size_t)entry->offset <= store.len / 2);
    assert_int_equal(pipeline.accounting.objects_done + pipeline.accounting.objects_unreadable, 0);
    put_records(0, 600);
    ledger_entry_reset(entry);
    entry->size = (int64_t)store.len;
    assert_int_equal(read_once(entry, &err), FEED_READ);
    assert_int_equal(pipeline_different_keys(), 600);
    assert_int_equal(pipeline.key_count, before + 600);
}

static void test_refused_counts_once_and_goes_on(void **state) {
    (void)state;
    struct err err;
    put_records(0, 500);
    store.breaks_at = store.len / 3;
    struct ledger_entry *entry = entry_of("bucket/a");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(read_once(entry, &err), FEED_UNREADABLE);
        assert_int_equal(pipeline.accounting.objects_unreadable, 1);
        store.breaks_at += store.len / 6;
    }
    assert_true(entry->complained && !entry->done);
    store.breaks_at = SIZE_MAX;
    assert_int_equal(read_once(entry, &err), FEED_READ);
    pipeline_assert_events(500); /* each try went on where the one before had to end */
    assert_int_equal(pipeline.accounting.objects_done, 1);
}

/* A download that a stop ends says nothing of the object. */
static void test_stop_is_no_failure(void **state) {
    (void)state;
    struct err err;
    put_records(0, 500);
    store.breaks_at = store.len / 2;
    store.stops = true;
    struct ledger_entry *entry = entry_of("bucket/a");
    assert_int_equal(read_once(entry, &err), FEED_STOPPED);
    assert_int_equal(pipeline.accounting.objects_unreadable, 0);
    atomic_store(&source.stop, false);
    store.breaks_at = SIZE_MAX;
    assert_int_equal(read_once(entry, &err), FEED_READ);
    pipeline_assert_events(500);
}

/* --- texts -------------------------------------------------------------------------------------------------------- */

static struct span text_of(unsigned from, unsigned n) {
    put_records(from, n);
    return (struct span){store.text, store.len};
}

static void test_texts_share_batches(void **state) {
    (void)state;
    struct ledger_entry *a = entry_of("(a)"), *b = entry_of("(b)");
    size_t bytes = 0;
    for (unsigned i = 0; i < 10; i++) {
        struct span text = text_of(i, 1);
        bytes += text.len;
        assert_true(feed_text(&feed, text, a, i == 9));
    }
    assert_int_equal(pipeline.chains, 1);
    assert_int_equal(a->given, 1);
    assert_int_equal(pipeline.accounting.bytes_read, bytes);
    a->offset = 77; /* the source's own number goes with what is given next */
    assert_true(feed_text(&feed, text_of(10, 1), a, false));
    assert_int_equal(pipeline.chains, 1);
    assert_true(feed_text(&feed, text_of(11, 1), b, false)); /* another one's: what is at hand goes first */
    assert_int_equal(pipeline.chains, 2);
    assert_int_equal(pipeline_kept("(a)")->position.n[0], 77);
    put_records(12, 1);
    struct err err;
    assert_int_equal(read_once(entry_of("bucket/a"), &err), FEED_READ); /* an object between texts */
    assert_int_equal(b->given, 1);
    assert_false(b->done);
    pipeline_assert_events(13);
    assert_true(feed_text(&feed, text_of(13, 1500), a, true)); /* more than a batch holds */
    pipeline_assert_events(13 + 1500);
    assert_true(feed_text(&feed, (struct span){"", 0}, a, true));
    assert_int_equal(pipeline.accounting.read, 13 + 1500);
}

static void test_stopped_within_a_text(void **state) {
    (void)state;
    struct ledger_entry *entry = entry_of("(a)");
    pipeline.stop_after = 1;
    assert_false(feed_text(&feed, text_of(0, 3000), entry, true));
    assert_true(pipeline.key_count <= BATCH_EVENTS);
    pipeline_clear_counts();
    assert_true(feed_text(&feed, text_of(0, 3000), entry, true));
    pipeline_assert_events(3000);
}

/* --- positions ---------------------------------------------------------------------------------------------------- */

static void test_positions_without_events(void **state) {
    (void)state;
    struct ledger_entry *entry = entry_of("(pass)");
    pipeline.commits = false;
    assert_true(feed_is_committed(entry));
    entry->offset = 1234;
    assert_true(feed_position(&feed, entry, false));
    assert_true(entry->kept);
    assert_int_equal(pipeline_kept("(pass)")->position.n[0], 1234);
    assert_false(feed_is_committed(entry));
    pipeline.commits = true;
    assert_true(feed_position(&feed, entry, true));
    assert_true(feed_is_committed(entry));
    assert_true(pipeline_kept("(pass)")->forgotten);
    assert_int_equal(pipeline_kept("(pass)")->position.n[0], 0);
    assert_false(entry->kept);
    ledger_drop(&ledger, entry);
    assert_int_equal(ledger.count, 0);
    pipeline.stop_after = 1;
    assert_false(feed_position(&feed, entry_of("(pass)"), false));
    assert_false(entry_of("(pass)")->kept);
}

static int set_up(void **state) {
    (void)state;
    providers = provider_table_create();
    dictionary = known_dictionary(providers, 100);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    pipeline_clear();
    free(store.text);
    known_dictionary_end(&dictionary);
    provider_table_destroy(providers);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_reads_to_the_end),          TEST(test_gone_before_it_was_read),
        TEST(test_changed_while_it_was_read), TEST(test_refused_counts_once_and_goes_on),
        TEST(test_stop_is_no_failure),        TEST(test_texts_share_batches),
        TEST(test_stopped_within_a_text),     TEST(test_positions_without_events),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
