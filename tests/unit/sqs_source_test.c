/* collector/source/sqs: what messages are about is counted once, however often they come, and a message goes only when
 * all of it is committed. Queue, bucket and pipeline are made up. */
#include "unit/fake_queue.h"

#include <poll.h>

#include "source/sqs_internal.h"
#include "unit/fake_pipeline.h"
#include "unit/known.h"
#include "unit/sample_records.h"

enum { DEADLINE_MS = 20000 };

static struct provider_table *providers;
static struct dictionary dictionary;

/* --- messages and objects ----------------------------------------------------------------------------------------- */

/* "bucket key etag": a record of a notification */
struct named {
    const char *bucket, *key, *etag;
};

static char *notification(const struct named *objects, size_t n) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    fprintf(out, "{\"Records\":[");
    for (size_t i = 0; i < n; i++)
        fprintf(out,
                "%s{\"eventVersion\":\"2.1\",\"eventSource\":\"aws:s3\",\"eventName\":\"ObjectCreated:Put\",\"s3\":{"
                "\"bucket\":{\"name\":\"%s\"},\"object\":{\"key\":\"%s\",\"size\":100,\"eTag\":\"%s\"}}}",
                i ? "," : "", objects[i].bucket, objects[i].key, objects[i].etag);
    fprintf(out, "]}");
    fclose(out);
    return text;
}

static struct fake_message *notify(const char *bucket, const char *key, const char *etag) {
    return fake_queue_send(notification(&(struct named){bucket, key, etag}, 1));
}

static struct fake_message *send_text(const char *text) {
    return fake_queue_send(alloc_string(text, strlen(text)));
}

/* --- running ------------------------------------------------------------------------------------------------------ */

static char *buckets[] = {(char *)"dumps", (char *)"more"};
static char *prefixes[] = {(char *)"ses/"};
static struct sqs_options options;
static struct stream *given[4096]; /* streams of what was given */
static size_t given_count;

static void give(void *context, struct batch *chain) {
    pthread_mutex_lock(&pipeline.lock);
    size_t i = 0;
    while (i < given_count && given[i] != chain->stream)
        i++;
    if (i == given_count)
        given[given_count++] = chain->stream;
    pthread_mutex_unlock(&pipeline.lock);
    pipeline_give(context, chain);
}

static void commit(void) {
    pthread_mutex_lock(&pipeline.lock);
    for (size_t i = 0; i < given_count; i++)
        atomic_store(&given[i]->committed_chains, given[i]->counted_chains);
    pthread_mutex_unlock(&pipeline.lock);
}

static int begin(void **state) {
    (void)state;
    pipeline_clear();
    fake_queue_clear();
    fake_store_clear();
    given_count = 0;
    options = (struct sqs_options){.name = (char *)"sqs",
                                   .queue_url = (char *)"https://queue.example/1/q",
                                   .buckets = buckets,
                                   .bucket_count = 2,
                                   .prefixes = prefixes,
                                   .prefix_count = 1,
                                   .visibility_ms = 120000,
                                   .attempts = 3};
    return 0;
}

static const struct source_port port = {.take = pipeline_take, .give = give};

static struct source *open_saved(const struct saved_position *saved, size_t count, struct err *err) {
    return sqs_open(&options, saved, count, err);
}

static struct source *open_source(bool exit_at_end) {
    struct source *s = pipeline_open(open_saved, &dictionary, exit_at_end);
    s->port = &port;
    given_count = 0;
    return s;
}

static struct source_row row; /* of the last run */
static char trouble[512];

static void take_status(struct source *s) {
    row = (struct source_row){0};
    s->ops->status(s, &row);
    snprintf(trouble, sizeof trouble, "%s", row.trouble ? row.trouble : "");
    free(row.trouble);
    row.trouble = NULL;
}

/* A run until two looks found nothing. False: it failed, `said` says why. */
static char said[512];
static bool run(void) {
    struct source *s = open_source(true);
    struct err err = {0};
    bool ok = s->ops->run(s, &err);
    snprintf(said, sizeof said, "%s", err.text);
    take_status(s);
    s->ops->close(s);
    return ok;
}

static void assert_run(void) {
    if (!run())
        fail_msg("%s", said);
}

struct running {
    struct source *source;
    pthread_t thread;
};

static void *thread_body(void *context) {
    struct running *r = context;
    struct err err = {0};
    r->source->ops->run(r->source, &err);
    return NULL;
}

static void start(struct running *r) {
    *r = (struct running){.source = open_source(false)};
    assert_int_equal(pthread_create(&r->thread, NULL, thread_body, r), 0);
}

static void stop(struct running *r) {
    int64_t began = clock_monotonic_ns();
    atomic_store(&r->source->stop, true);
    pthread_join(r->thread, NULL);
    assert_true(clock_monotonic_ns() - began < 5000000000LL);
    take_status(r->source);
    r->source->ops->close(r->source);
}

#define await(condition)                                                                                               \
    do {                                                                                                               \
        int64_t until = clock_monotonic_ns() + DEADLINE_MS * 1000000LL;                                                \
        while (!(condition) && clock_monotonic_ns() < until)                                                           \
            poll(NULL, 0, 5);                                                                                          \
        assert_true(condition);                                                                                        \
    } while (0)

/* --- tests -------------------------------------------------------------------------------------------------------- */

static void test_every_form(void **state) {
    (void)state;
    fake_store_put("s3://dumps/ses/a b", "1", made_up_records(0, 10));
    fake_store_put("s3://more/ses/c+d", "2", made_up_records(10, 10));
    fake_store_put("s3://dumps/ses/e", "3", made_up_records(20, 10));
    notify("dumps", "ses/a+b", "1");
    send_text("{\"source\":\"aws.s3\",\"detail-type\":\"Object Created\",\"detail\":{\"bucket\":{"
              "\"name\":\"more\"},\"object\":{\"key\":\"ses/c+d\",\"etag\":\"2\",\"size\":100}}}");
    char *inner = notification(&(struct named){"dumps", "ses/e", "3"}, 1);
    fake_queue_send(sample_in_sns(inner));
    free(inner);
    send_text("{\"Service\":\"Amazon S3\",\"Event\":\"s3:TestEvent\"}");
    fake_queue_send(made_up_records(30, 3));
    char *event = made_up_records(33, 1);
    fake_queue_send(sample_in_sns(event));
    fake_queue_send(sample_in_eventbridge(event)); /* the same once more: known by its key */
    free(event);
    assert_run();
    assert_int_equal(pipeline.key_count, 35);
    assert_int_equal(pipeline_different_keys(), 34);
    assert_int_equal(pipeline.accounting.objects_done, 3);
    assert_int_equal(accounting_malformed(&pipeline.accounting), 0);
    assert_int_equal(fake_queue_left(), 0);
    assert_int_equal(row.messages_received, 7);
    assert_int_equal(row.messages_deleted, 7);
    assert_int_equal(row.messages_ignored, 1);
    assert_int_equal(row.messages_redelivered, 0);
    assert_true(row.caught_up);
    assert_string_equal(trouble, "");
}

static void test_rubbish_is_counted_and_goes(void **state) {
    (void)state;
    send_text("rubbish");
    send_text("{\"Records\":[{\"eventSource\":\"aws:s3\"}]}");
    send_text("{\"a\":1}");
    send_text("");
    assert_run();
    assert_int_equal(pipeline.accounting.read, 3);
    assert_int_equal(accounting_malformed(&pipeline.accounting), 3);
    assert_int_equal(fake_queue_left(), 0);
}

static void test_deleted_only_when_committed(void **state) {
    (void)state;
    struct running r;
    pipeline.commits = false;
    fake_store_put("s3://dumps/ses/a", "1", made_up_records(0, 10));
    notify("dumps", "ses/a", "1");
    fake_queue_send(made_up_records(10, 1));
    start(&r);
    await(pipeline_read() == 11);
    poll(NULL, 0, 200);
    assert_int_equal(fake_queue_left(), 2);
    commit();
    await(fake_queue_left() == 0);
    stop(&r);
    pipeline_assert_events(11);
}

/* The end comes before the commit: another start reads nothing twice. */
static void test_stopped_before_commit(void **state) {
    (void)state;
    struct running r;
    pipeline.commits = false;
    fake_store_put("s3://dumps/ses/a", "1", made_up_records(0, 10));
    struct fake_message *m = notify("dumps", "ses/a", "1");
    start(&r);
    await(pipeline_read() == 10);
    stop(&r);
    assert_false(m->deleted);
    assert_false(m->hidden); /* given back */
    pipeline.commits = true;
    assert_run();
    pipeline_assert_events(10);
    assert_int_equal(fake_queue_left(), 0);
    assert_int_equal(row.messages_redelivered, 1);
}

static void test_redelivered_while_in_hand(void **state) {
    (void)state;
    struct running r;
    pipeline.commits = false;
    fake_store_put("s3://dumps/ses/a", "1", made_up_records(0, 10));
    struct fake_message *m = notify("dumps", "ses/a", "1");
    start(&r);
    await(pipeline_read() == 10);
    fake_queue_show();
    await(fake_queue_receptions(m) == 2);
    commit();
    await(fake_queue_left() == 0); /* with its newer receipt */
    stop(&r);
    pipeline_assert_events(10);
}

/* Deleted in vain; it comes again, and another message names the same object. */
static void test_what_is_done_is_only_deleted(void **state) {
    (void)state;
    struct fake_object *o = fake_store_put("s3://dumps/ses/a", "1", made_up_records(0, 10));
    notify("dumps", "ses/a", "1");
    notify("dumps", "ses/a", "1");
    assert_run();
    fake_queue.messages[0].deleted = fake_queue.messages[0].hidden = false;
    notify("dumps", "ses/a", "1");
    assert_run();
    pipeline_assert_events(10);
    assert_int_equal(o->reads, 1);
    assert_int_equal(fake_queue_left(), 0);
}

static void test_one_of_several_fails(void **state) {
    (void)state;
    struct fake_object *a = fake_store_put("s3://dumps/ses/a", "1", made_up_records(0, 10));
    struct fake_object *b = fake_store_put("s3://dumps/ses/b", "2", made_up_records(10, 10));
    fake_store_put("s3://more/ses/c", "3", made_up_records(20, 10));
    const struct named all[] = {{"dumps", "ses/a", "1"}, {"dumps", "ses/b", "2"}, {"more", "ses/c", "3"}};
    struct fake_message *m = fake_queue_send(notification(all, 3));
    notify("dumps", "ses/b", "2"); /* the same fails for it */
    b->denied = true;
    assert_false(run());
    assert_non_null(strstr(said, "2 messages could not be read"));
    assert_non_null(strstr(trouble, "an object cannot be read"));
    assert_int_equal(fake_queue_left(), 2);
    assert_int_equal(m->hidden_s, 30);
    pipeline_assert_events(20);
    assert_int_equal(pipeline.accounting.objects_unreadable, 1);
    fake_queue_show();
    assert_false(run());
    assert_int_equal(m->hidden_s, 60);
    b->denied = false;
    fake_queue_show();
    assert_run();
    assert_string_equal(trouble, "");
    pipeline_assert_events(30);
    assert_int_equal(a->reads, 1);
    assert_int_equal(fake_queue_left(), 0);
}

static void test_what_is_not_listed_is_left(void **state) {
    (void)state;
    struct fake_object *o = fake_store_put("s3://theirs/ses/a", "1", made_up_records(0, 10));
    fake_store_put("s3://dumps/other/a", "1", made_up_records(0, 10));
    fake_store_put("s3://dumps/ses/a", "1", made_up_records(20, 10));
    notify("theirs", "ses/a", "1");
    notify("dumps", "other/a", "1");
    const struct named both[] = {{"dumps", "ses/a", "1"}, {"theirs", "ses/a", "1"}};
    fake_queue_send(notification(both, 2));
    assert_false(run());
    assert_int_equal(row.messages_refused, 3);
    assert_non_null(strstr(trouble, "theirs"));
    assert_int_equal(fake_queue_left(), 3);
    assert_int_equal(o->reads, 0);
    pipeline_assert_events(10);
}

static void test_error_output_is_left_out(void **state) {
    (void)state;
    struct fake_object *o = fake_store_put("s3://dumps/ses/processing-failed/2026/a", "1", made_up_records(0, 10));
    notify("dumps", "ses/processing-failed/2026/a", "1");
    assert_run();
    assert_int_equal(o->reads, 0);
    assert_int_equal(fake_queue_left(), 0);
    assert_int_equal(row.messages_ignored, 1);
    options.errors = true;
    notify("dumps", "ses/processing-failed/2026/a", "1");
    assert_run();
    assert_int_equal(o->reads, 1);
}

static void test_gone_is_given_up(void **state) {
    (void)state;
    struct fake_message *m = notify("dumps", "ses/gone", "1");
    for (unsigned i = 1; i < options.attempts; i++) {
        assert_false(run());
        assert_int_equal(m->hidden_s, 30u << (i - 1));
        fake_queue_show();
    }
    assert_int_equal(pipeline.accounting.objects_unreadable, 0);
    assert_run();
    assert_int_equal(pipeline.accounting.objects_unreadable, 1);
    assert_int_equal(fake_queue_left(), 0);
    /* Should it appear after all, it is read. */
    fake_store_put("s3://dumps/ses/gone", "1", made_up_records(0, 10));
    notify("dumps", "ses/gone", "1");
    assert_run();
    pipeline_assert_events(10);
}

static void test_denied_is_given_up_after_a_day(void **state) {
    (void)state;
    fake_store_put("s3://dumps/ses/a", "1", made_up_records(0, 10))->denied = true;
    struct fake_message *m = notify("dumps", "ses/a", "1");
    for (int i = 0; i < 6; i++) {
        assert_false(run());
        fake_queue_show();
    }
    m->sent_ms -= 25 * 3600 * 1000;
    options.attempts = 0; /* never */
    assert_false(run());
    fake_queue_show();
    options.attempts = 3;
    assert_run();
    assert_int_equal(fake_queue_left(), 0);
    assert_int_equal(m->receptions, 8);
}

/* Written over since the message was sent: what is there now is read. Its own message finds it known, event by event.
 */
static void test_changed_since(void **state) {
    (void)state;
    struct fake_object *o = fake_store_put("s3://dumps/ses/a", "new", made_up_records(0, 10));
    notify("dumps", "ses/a", "old");
    assert_run();
    pipeline_assert_events(10);
    assert_int_equal(fake_queue_left(), 0);
    notify("dumps", "ses/a", "new");
    assert_run();
    assert_int_equal(o->reads, 2);
    assert_int_equal(pipeline_different_keys(), 10);
    assert_int_equal(fake_queue_left(), 0);
}

static void test_two_versions_at_once(void **state) {
    (void)state;
    fake_store_put("s3://dumps/ses/a", "2", made_up_records(0, 10));
    const struct named both[] = {{"dumps", "ses/a", "1"}, {"dumps", "ses/a", "2"}};
    fake_queue_send(notification(both, 2));
    assert_run();
    assert_int_equal(pipeline_different_keys(), 10);
    assert_int_equal(fake_queue_left(), 0);
}

static void test_damaged_message_is_left(void **state) {
    (void)state;
    fake_queue_send(made_up_records(0, 1))->damaged = true;
    assert_false(run());
    assert_int_equal(fake_queue_left(), 1);
    assert_int_equal(pipeline.accounting.read, 0);
    assert_int_equal(row.messages_deferred, 1);
}

static void test_queue_fails(void **state) {
    (void)state;
    struct running r;
    fake_queue.fails = true;
    assert_false(run());
    assert_string_equal(said, "queue q does not exist");
    fake_queue_send(made_up_records(0, 1));
    start(&r);
    await((take_status(r.source), strstr(trouble, "does not exist") != NULL));
    assert_false(row.caught_up);
    pthread_mutex_lock(&fake_queue.lock);
    fake_queue.fails = false;
    pthread_mutex_unlock(&fake_queue.lock);
    await(fake_queue_left() == 0);
    await((take_status(r.source), !trouble[0] && row.caught_up));
    stop(&r);
}

static void test_a_backlog_is_seen(void **state) {
    (void)state;
    struct running r;
    pipeline.commits = false;
    fake_queue_send(made_up_records(0, 1))->sent_ms -= 2 * SQS_FRESH_MS;
    start(&r);
    await(pipeline_read() == 1);
    take_status(r.source);
    assert_false(row.caught_up);
    commit();
    await((take_status(r.source), row.caught_up));
    stop(&r);
}

static void test_ledger_is_pruned(void **state) {
    (void)state;
    fake_store_put("s3://dumps/ses/a", "1", made_up_records(0, 10));
    notify("dumps", "ses/a", "1");
    assert_run();
    struct source *s = open_source(true);
    struct sqs_source *q = (struct sqs_source *)s;
    const int64_t day = 86400000;
    int64_t now = clock_wall_ms();
    bool all;
    feed_init(&q->feed, s);
    assert_true(sqs_prune(q, now + 3 * day, &all));
    assert_int_equal(q->ledger.count, 2); /* and that of the texts */
    assert_false(pipeline_kept("dumps/ses/a")->forgotten);
    assert_true(sqs_prune(q, now + 5 * day, &all));
    assert_true(pipeline_kept("dumps/ses/a")->forgotten);
    assert_true(sqs_prune(q, now + 5 * day, &all));
    assert_true(all);
    assert_int_equal(q->ledger.count, 1);
    feed_deinit(&q->feed);
    s->ops->close(s);
}

static void add_names(struct ledger *l, int count, bool kept, int64_t time_ms) {
    for (int i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "dumps/ses/%d", i);
        struct ledger_entry *entry = ledger_at(l, name);
        entry->kept = kept;
        entry->time_ms = time_ms;
    }
}

/* However many become old between two prunings: a queue may name more a day than one forgets. */
static void test_all_that_is_old_is_pruned(void **state) {
    (void)state;
    struct source *s = open_source(true);
    struct sqs_source *q = (struct sqs_source *)s;
    const int64_t day = 86400000;
    int64_t now = clock_wall_ms();
    bool all = false;
    feed_init(&q->feed, s);
    add_names(&q->ledger, 2500, true, now);
    for (int i = 0; i < 3; i++) {
        assert_false(all);
        assert_true(sqs_prune(q, now + 5 * day, &all));
    }
    assert_true(all);
    assert_true(sqs_prune(q, now + 5 * day, &all));
    assert_int_equal(q->ledger.count, 1);
    feed_deinit(&q->feed);
    s->ops->close(s);
}

/* Messages may name objects that nowhere are, without end. */
static void test_names_that_lead_nowhere_have_a_ceiling(void **state) {
    (void)state;
    struct source *s = open_source(true);
    struct sqs_source *q = (struct sqs_source *)s;
    bool all;
    feed_init(&q->feed, s);
    add_names(&q->ledger, 500001, false, clock_wall_ms());
    ledger_find(&q->ledger, "dumps/ses/7")->kept = true;
    assert_true(sqs_prune(q, clock_wall_ms(), &all));
    assert_int_equal(q->ledger.count, 2);
    assert_non_null(ledger_find(&q->ledger, "dumps/ses/7")); /* was there, and was read */
    feed_deinit(&q->feed);
    s->ops->close(s);
}

/* Stopped by the pipeline at every batch; what is left is read by the next start. */
static void test_stopped_anywhere(void **state) {
    (void)state;
    for (size_t stop_after = 1; stop_after < 12; stop_after++) {
        begin(state);
        for (unsigned i = 0; i < 6; i++) {
            char path[64], key[32];
            snprintf(key, sizeof key, "ses/%u", i);
            snprintf(path, sizeof path, "s3://dumps/%s", key);
            fake_store_put(path, "1", made_up_records(10 * i, 10));
            notify("dumps", key, "1");
            fake_queue_send(made_up_records(100 + i, 1));
        }
        pipeline.stop_after = stop_after;
        run();
        pipeline.stop_after = 0;
        fake_queue_show();
        assert_run();
        assert_int_equal(pipeline_different_keys(), 66);
        assert_int_equal(fake_queue_left(), 0);
    }
}

static int set_up(void **state) {
    (void)state;
    providers = provider_table_create();
    dictionary = known_dictionary(providers, 100);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    begin(state);
    pipeline_clear();
    known_dictionary_end(&dictionary);
    provider_table_destroy(providers);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_every_form, begin),
        cmocka_unit_test_setup(test_rubbish_is_counted_and_goes, begin),
        cmocka_unit_test_setup(test_deleted_only_when_committed, begin),
        cmocka_unit_test_setup(test_stopped_before_commit, begin),
        cmocka_unit_test_setup(test_redelivered_while_in_hand, begin),
        cmocka_unit_test_setup(test_what_is_done_is_only_deleted, begin),
        cmocka_unit_test_setup(test_one_of_several_fails, begin),
        cmocka_unit_test_setup(test_what_is_not_listed_is_left, begin),
        cmocka_unit_test_setup(test_error_output_is_left_out, begin),
        cmocka_unit_test_setup(test_gone_is_given_up, begin),
        cmocka_unit_test_setup(test_denied_is_given_up_after_a_day, begin),
        cmocka_unit_test_setup(test_changed_since, begin),
        cmocka_unit_test_setup(test_two_versions_at_once, begin),
        cmocka_unit_test_setup(test_damaged_message_is_left, begin),
        cmocka_unit_test_setup(test_queue_fails, begin),
        cmocka_unit_test_setup(test_a_backlog_is_seen, begin),
        cmocka_unit_test_setup(test_ledger_is_pruned, begin),
        cmocka_unit_test_setup(test_all_that_is_old_is_pruned, begin),
        cmocka_unit_test_setup(test_names_that_lead_nowhere_have_a_ceiling, begin),
        cmocka_unit_test_setup(test_stopped_anywhere, begin),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
