/* Counting compact records gives every number that counting the SES records gives: simulated dumps with everything in
 * them, and copies of the records with odd ones between, are counted both ways. The two sides have keys, and tables of
 * names, of their own, as
 * two machines have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregate/aggregate.h"
#include "core/alloc.h"
#include "simulate/simulate.h"
#include "snapshot_text.h"
#include "source/batcher.h"
#include "unit/known.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define DAYS(n)      ((int64_t)(n)*24 * HOUR_MS)

/* --- records ------------------------------------------------------------------------------------------------------ */

struct text {
    char *data; /* owned */
    size_t len;
};

/* Mail to Gmail becomes mail to companies whose mailboxes are there, which only the replies tell: one for each last
 * letter of a name. */
static void hide_gmail(struct text *t) {
    static const char gmail[] = "@gmail.com";
    char *at = t->data, *end = t->data + t->len;
    while ((at = memmem(at, (size_t)(end - at), gmail, sizeof gmail - 1))) {
        memcpy(at, "@g0a?l.com", sizeof gmail - 1);
        at[4] = at[-1] >= 'a' && at[-1] <= 'z' ? at[-1] : '0';
        at += sizeof gmail - 1;
    }
}

static struct text simulated(uint64_t seed, uint64_t messages) {
    struct simulate_options o;
    struct err err = {0};
    simulate_options_init(&o);
    o.seed = seed;
    o.messages = messages;
    o.duration_ms = DAYS(2);
    o.multi_ppm = 200000;
    o.duplicates_ppm = 50000;
    o.malformed_ppm = 10000;
    o.dump.fd = memfd_create("records", MFD_CLOEXEC);
    assert_true(o.dump.fd >= 0);
    struct simulate *s = simulate_open(&o, &err);
    assert_non_null(s);
    enum simulate_status status;
    while ((status = simulate_step(s, &err)) == SIMULATE_MORE)
        ;
    assert_int_equal(status, SIMULATE_DONE);
    simulate_destroy(s);
    struct stat st;
    assert_int_equal(fstat(o.dump.fd, &st), 0);
    struct text t = {alloc_zeroed((size_t)st.st_size + 1, 1), (size_t)st.st_size};
    assert_int_equal(pread(o.dump.fd, t.data, t.len, 0), (ssize_t)t.len);
    close(o.dump.fd);
    hide_gmail(&t);
    return t;
}

static struct text from_file(const char *path) {
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    struct text t = {alloc_zeroed(1 << 20, 1), 0};
    t.len = fread(t.data, 1, 1 << 20, in);
    assert_true(t.len > 0 && t.len < 1 << 20);
    fclose(in);
    return t;
}

/* --- one side ----------------------------------------------------------------------------------------------------- */

struct side {
    struct provider_table *providers;
    struct dictionary dictionary;
    struct aggregate *aggregate;
    struct batcher batcher;
    struct batch *spare;
    char *closed_text;
    size_t closed_len;
    FILE *closed;
};

static struct batch *take(void *context) {
    struct side *s = context;
    struct batch *b = s->spare;
    b->count = b->note_count = 0;
    b->accounting = (struct accounting){0};
    buf_clear(&b->raw);
    return b;
}

static void give(void *context, struct batch *batch, bool inside) {
    struct side *s = context;
    (void)inside;
    aggregate_apply(s->aggregate, batch);
}

static void on_closed(void *context, const struct closed_minute *m) {
    closed_minute_text(((struct side *)context)->closed, m);
}

/* Minutes are text with the providers' and sets' numbers: names must get these in the same order on both sides. */
static void on_amended(void *context, int64_t minute, int64_t sent_minute, uint64_t series, unsigned counters, int by) {
    fprintf(((struct side *)context)->closed, "amended %lld %lld %llx %x %d\n", (long long)minute,
            (long long)sent_minute, (unsigned long long)series, counters, by);
}

static void side_begin(struct side *s, struct hash_key key, enum learning learning) {
    *s = (struct side){.providers = provider_table_create()};
    s->dictionary = known_dictionary(s->providers, 1000);
    s->dictionary.key = key;
    s->dictionary.tags[0] = intern_create(1000);
    s->dictionary.tag_names[0] = SPAN_LIT("campaign");
    s->dictionary.tag_count = 1;
    s->closed = open_memstream(&s->closed_text, &s->closed_len);
    struct aggregate_options options = {.now_ms = INT64_C(4102444800000),
                                        .lateness_ms = DAYS(3),
                                        .from_ms = INT64_MIN,
                                        .to_ms = INT64_MAX,
                                        .keep_steps = true,
                                        .keep_details = true,
                                        .keep_cohorts = true,
                                        .keep_wide = true,
                                        .learning = learning,
                                        .tag_count = 1,
                                        .on_closed = on_closed,
                                        .on_closed_context = s};
    if (learning == LEARN_FOR_LATER) {
        options.keep_steps = false; /* as the service has it */
        options.settle_ms = 2 * MINUTE_MS;
        options.on_amended = on_amended;
    }
    s->aggregate = aggregate_create(&options);
    s->spare = alloc_zeroed(1, sizeof *s->spare);
    buf_init(&s->spare->raw, BATCH_RAW_LIMIT);
    batcher_init(&s->batcher, &s->dictionary, json_isa_best());
    s->batcher.take = take;
    s->batcher.give = give;
    s->batcher.context = s;
}

static struct snapshot *side_finish(struct side *s) {
    batcher_flush(&s->batcher);
    aggregate_finish(s->aggregate);
    struct snapshot_names names = {.sets = s->dictionary.sets,
                                   .identities = s->dictionary.identities,
                                   .templates = s->dictionary.templates,
                                   .tags = {s->dictionary.tags[0]},
                                   .providers = s->providers,
                                   .sources = (const char *const[]){"kafka"},
                                   .source_count = 1};
    static const struct view_request views[] = {
        {VIEW_PROVIDER, 0, "provider"}, {VIEW_IDENTITY, 0, "identity"}, {VIEW_TAG, 0, "tag:campaign"}};
    fflush(s->closed);
    return aggregate_snapshot(s->aggregate, &names, views, COUNT(views), 100);
}

static void side_end(struct side *s) {
    fclose(s->closed);
    free(s->closed_text);
    aggregate_destroy(s->aggregate);
    batcher_deinit(&s->batcher);
    buf_deinit(&s->spare->raw);
    free(s->spare);
    intern_destroy(s->dictionary.tags[0]);
    known_dictionary_end(&s->dictionary);
    provider_table_destroy(s->providers);
}

/* --- between them ------------------------------------------------------------------------------------------------- */

/* A worker: SES records in, values out, each at once into the reader. Malformed and filtered records end here. */
struct worker {
    struct provider_table *providers;
    struct dictionary dictionary;
    struct normaliser *normaliser;
    struct frame *frame;
    uint64_t written, bytes, malformed;
};

static void worker_begin(struct worker *w) {
    *w = (struct worker){.providers = provider_table_create()};
    w->dictionary = known_dictionary(w->providers, 1000);
    w->dictionary.key = (struct hash_key){77, 78};
    w->dictionary.tags[0] = intern_create(1000);
    w->dictionary.tags[1] = intern_create(1000);
    w->dictionary.tag_names[0] = SPAN_LIT("team"); /* it is asked for more, in another order */
    w->dictionary.tag_names[1] = SPAN_LIT("campaign");
    w->dictionary.tag_count = 2;
    intern_id(w->dictionary.sets, SPAN_LIT("seen before"));
    w->normaliser = alloc_zeroed(1, sizeof *w->normaliser);
    normaliser_init(w->normaliser, &w->dictionary);
    w->frame = frame_create(json_isa_best());
    frame_set_tags(w->frame, w->dictionary.tag_names, w->dictionary.tag_count);
}

static void worker_end(struct worker *w) {
    frame_destroy(w->frame);
    free(w->normaliser);
    intern_destroy(w->dictionary.tags[0]);
    intern_destroy(w->dictionary.tags[1]);
    known_dictionary_end(&w->dictionary);
    provider_table_destroy(w->providers);
}

static void worker_pass_on(struct worker *w, struct batcher *to, const struct ses_event *record) {
    struct buf value;
    buf_init(&value, 1 << 20);
    normalized_record_encode(w->normaliser, record, &value);
    assert_false(value.failed);
    assert_true(batcher_read_normalized(to, buf_span(&value)));
    w->written++;
    w->bytes += value.len;
    buf_deinit(&value);
}

static void worker_read(struct worker *w, struct batcher *to, const struct text *t) {
    enum frame_result result = FRAME_NEED_TEXT;
    struct frame_item item;
    frame_begin(w->frame, 0);
    for (size_t at = 0; result != FRAME_END; result = frame_next(w->frame, &item)) {
        if (result == FRAME_EVENT)
            worker_pass_on(w, to, item.event);
        w->malformed += result == FRAME_MALFORMED;
        if (result != FRAME_NEED_TEXT)
            continue;
        size_t room;
        char *space = frame_space(w->frame, &room);
        size_t n = t->len - at < room ? t->len - at : room;
        memcpy(space, t->data + at, n);
        at += n;
        frame_filled(w->frame, n, at == t->len);
    }
}

/* --- both ways ---------------------------------------------------------------------------------------------------- */

static void count_both_ways(struct text t, enum learning learning, uint64_t at_least) {
    struct side direct, compact;
    struct worker worker;
    side_begin(&direct, (struct hash_key){1, 2}, learning);
    side_begin(&compact, (struct hash_key){3, 4}, learning);
    worker_begin(&worker);
    assert_true(batcher_read(&direct.batcher, (struct span){t.data, t.len}));
    worker_read(&worker, &compact.batcher, &t);
    struct snapshot *a = side_finish(&direct), *b = side_finish(&compact);
    char *a_text = snapshot_text(a), *b_text = snapshot_text(b);
    assert_string_equal(a_text, b_text);
    assert_string_equal(direct.closed_text, compact.closed_text);
    assert_int_equal(a->accounting.counted, b->accounting.counted);
    assert_int_equal(a->accounting.duplicate, b->accounting.duplicate);
    assert_int_equal(a->accounting.late, b->accounting.late);
    assert_int_equal(accounting_malformed(&a->accounting), worker.malformed);
    assert_int_equal(accounting_malformed(&b->accounting), 0);
    assert_int_equal(b->accounting.read, worker.written);
    assert_true(accounting_holds(&a->accounting) && accounting_holds(&b->accounting));
    assert_true(a->accounting.counted >= at_least);
    assert_true(learning == LEARN_NOTHING || at_least < 1000 || a->domains_learned > 8);
    assert_int_equal(a->domains_learned, b->domains_learned);
    assert_true(at_least < 1000 || worker.bytes * 10 < t.len);
    free(a_text);
    free(b_text);
    snapshot_destroy(a);
    snapshot_destroy(b);
    worker_end(&worker);
    side_end(&direct);
    side_end(&compact);
    free(t.data);
}

static void as_replay_counts(void **state) {
    (void)state;
    count_both_ways(simulated(1, 8000), LEARN_FOR_ALL, 10000);
}

static void as_the_service_counts(void **state) {
    (void)state;
    count_both_ways(simulated(2, 8000), LEARN_FOR_LATER, 10000);
}

static void without_learning(void **state) {
    (void)state;
    count_both_ways(simulated(3, 3000), LEARN_NOTHING, 4000);
}

/* Every kind of record that the oracle's golden ones have. */
static void odd_records(void **state) {
    (void)state;
    struct text t = from_file("tests/oracle/normalized_v1.ndjson");
    count_both_ways(t, LEARN_FOR_ALL, 15);
}

/* Clicks on three links at once are a machine's; on one link, or a second apart each, a person's. */
static void bursts(void **state) {
    (void)state;
    struct text t = {alloc_zeroed(1 << 20, 1), 0};
    for (int message = 0; message < 300; message++)
        for (int click = 0; click < 4; click++)
            t.len += (size_t)sprintf(
                t.data + t.len,
                "{\"eventType\":\"Click\",\"mail\":{\"timestamp\":\"2026-11-20T08:15:30.123Z\",\"messageId\":\"m%d\","
                "\"destination\":[\"a@gmail.com\"]},\"click\":{\"ipAddress\":\"198.51.100.%d\",\"link\":"
                "\"https://shop.example/%d\",\"timestamp\":\"2026-11-20T10:%02d:%02d.%d00Z\",\"userAgent\":\"Mozilla/"
                "5.0\"}}\n",
                message, click, message % 3 ? click : 7, message % 60, message % 3 == 2 ? 15 * click : 5, click);
    struct text again = {alloc_zeroed(t.len + 1, 1), t.len};
    memcpy(again.data, t.data, t.len);
    count_both_ways(t, LEARN_FOR_ALL, 300);
    struct side direct;
    side_begin(&direct, (struct hash_key){1, 2}, LEARN_FOR_ALL);
    assert_true(batcher_read(&direct.batcher, (struct span){again.data, again.len}));
    struct snapshot *s = side_finish(&direct);
    char *text = snapshot_text(s);
    assert_non_null(strstr(text, "machine")); /* so there is something to be compared */
    assert_non_null(strstr(text, "human"));
    free(text);
    snapshot_destroy(s);
    side_end(&direct);
    free(again.data);
}

/* The same values twice: every record of the second time is a duplicate. */
static void twice(void **state) {
    (void)state;
    struct side compact;
    struct worker worker;
    struct text t = simulated(4, 500);
    side_begin(&compact, (struct hash_key){3, 4}, LEARN_FOR_ALL);
    worker_begin(&worker);
    worker_read(&worker, &compact.batcher, &t);
    batcher_flush(&compact.batcher);
    struct worker another; /* with the same key */
    worker_begin(&another);
    worker_read(&another, &compact.batcher, &t);
    struct snapshot *s = side_finish(&compact);
    assert_true(s->accounting.counted > 500);
    assert_true(s->accounting.duplicate >= s->accounting.counted);
    assert_int_equal(s->accounting.counted + s->accounting.duplicate, 2 * worker.written);
    snapshot_destroy(s);
    worker_end(&worker);
    worker_end(&another);
    side_end(&compact);
    free(t.data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_replay_counts), cmocka_unit_test(as_the_service_counts),
        cmocka_unit_test(without_learning), cmocka_unit_test(odd_records),
        cmocka_unit_test(bursts),           cmocka_unit_test(twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
