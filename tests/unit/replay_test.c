/* collector/pipeline/replay: the same result whatever the number of workers, and however a file is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <assert.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "pipeline/replay.h"
#include "snapshot_text.h"
#include "unit/known.h"
#include "unit/random_numbers.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define MINUTES(n)   ((int64_t)(n)*MINUTE_MS)
#define NOON         ((int64_t)1795262400000) /* 2026-11-21T12:00:00Z */

/* --- records and files -------------------------------------------------------------------------------------------- */

static const char *time_text(int64_t ms) {
    static char text[40];
    time_t seconds = ms / 1000;
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + len, sizeof text - len, ".%03dZ", (int)(ms % 1000));
    return text;
}

static void put_mail(FILE *out, unsigned id, unsigned random, int64_t sent_ms, unsigned filler) {
    static const char *const domains[] = {"gmail.com", "mail.ru", "yahoo.com", "nowhere.example"};
    fprintf(out,
            "\"mail\":{\"timestamp\":\"%s\",\"messageId\":\"m-%u\",\"source\":\"x@shop.example\","
            "\"destination\":[\"a%u@%s\"%s],\"tags\":{\"ses:configuration-set\":[\"set-%u\"]},\"filler\":\"%*s\"}}\n",
            time_text(sent_ms), id, random % 97, domains[random % 4], random % 5 == 0 ? ",\"second@mail.ru\"" : "",
            random % 3, (int)filler, "");
}

/* Sends, deliveries, bounces, delays and complaints; now and then what cannot be read or is not known. */
static void put_record(FILE *out, unsigned id, int64_t time_ms, unsigned filler, uint64_t *seed) {
    unsigned random = below(seed, 1u << 30), kind = below(seed, 60);
    if (kind == 0) {
        fputs("this is no JSON\n", out);
    } else if (kind == 1) {
        fputs("{\"eventType\":\"Send\",\"mail\":{\"messageId\":\"cut\n", out);
    } else if (kind == 2) {
        fputs("{\"eventType\":\"Send\",\"mail\":{\"messageId\":\"no-time\",\"destination\":[\"a@b.c\"]}}\n", out);
    } else if (kind == 3) {
        fputs("{\"notificationType\":\"AmazonSnsSubscriptionSucceeded\",\"mail\":{}}\n", out);
    } else if (kind < 35) {
        fputs("{\"eventType\":\"Send\",", out);
        put_mail(out, id, random, time_ms, filler);
    } else if (kind < 45) {
        fprintf(out, "{\"eventType\":\"Delivery\",\"delivery\":{\"timestamp\":\"%s\",\"processingTimeMillis\":%u},",
                time_text(time_ms), random % 60000);
        put_mail(out, id, random, time_ms - 5000, filler);
    } else if (kind < 50) {
        fprintf(out,
                "{\"eventType\":\"Bounce\",\"bounce\":{\"timestamp\":\"%s\",\"bounceType\":\"Permanent\","
                "\"bounceSubType\":\"%s\"},",
                time_text(time_ms), random % 7 ? "General" : "NewInNextYear");
        put_mail(out, id, random, time_ms - 5000, filler);
    } else if (kind < 57) {
        fprintf(out,
                "{\"eventType\":\"DeliveryDelay\",\"deliveryDelay\":{\"timestamp\":\"%s\",\"delayType\":\"General\"},",
                time_text(time_ms));
        put_mail(out, id / 20, 5 * (id / 20), time_ms - 5000, filler); /* one message is delayed again and again */
    } else {
        fprintf(out, "{\"eventType\":\"Complaint\",\"complaint\":{\"timestamp\":\"%s\"},", time_text(time_ms));
        put_mail(out, id, random, time_ms - 5000, filler);
    }
}

static char root[] = "/tmp/replay_test.XXXXXX";

static const char *at(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static char *make_text(unsigned records, unsigned first_id, int64_t begin_ms, unsigned filler, size_t *len) {
    char *text;
    uint64_t seed = first_id;
    FILE *out = open_memstream(&text, len);
    for (unsigned i = 0; i < records; i++) {
        int64_t time_ms = begin_ms + (int64_t)i * 400 - below(&seed, 30000); /* not quite in order */
        put_record(out, first_id + i, time_ms, filler, &seed);
    }
    fclose(out);
    return text;
}

static void write_plain(const char *name, struct span text) {
    FILE *f = fopen(at(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text.ptr, 1, text.len, f), text.len);
    assert_int_equal(fclose(f), 0);
}

/* Without its last `cut` bytes. */
static void write_gzip(const char *name, struct span text, size_t cut) {
    gzFile f = gzopen(at(name), "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, text.ptr, (unsigned)text.len), text.len);
    assert_int_equal(gzclose(f), Z_OK);
    struct stat st;
    assert_int_equal(stat(at(name), &st), 0);
    assert_int_equal(truncate(at(name), st.st_size - (off_t)cut), 0);
}

enum { FILES = 12, RECORDS = 150, BIG_RECORDS = 2500 };

/* A dozen objects, five minutes each, some of them compressed, some twice, and some that give trouble. */
static int set_up(void **state) {
    (void)state;
    if (!mkdtemp(root) || mkdir(at("dump"), 0700) != 0)
        return -1;
    for (unsigned i = 0; i < FILES; i++) {
        char name[100];
        size_t len;
        int64_t begin = NOON + MINUTES(5 * i);
        char *text = make_text(i == 5 ? BIG_RECORDS : RECORDS, 10000 * (i % 10), begin, 0, &len);
        snprintf(name, sizeof name, "dump/ses-1-2026-11-21-12-%02u-00-%08x%s", 5 * i, i, i % 3 ? "" : ".gz");
        if (i % 3)
            write_plain(name, (struct span){text, len});
        else
            write_gzip(name, (struct span){text, len}, i == 9 ? 20 : 0); /* one damaged at its end */
        free(text);
    }
    write_plain("dump/ses-1-2026-11-21-12-07-00-empty", SPAN_LIT(""));
    write_plain("dump/ses-1-2026-11-21-12-11-00-parquet", SPAN_LIT("PAR1and more"));
    write_plain("dump/ses-1-2026-11-21-12-41-00-orc", SPAN_LIT("ORC and more"));
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *walk) {
    (void)st, (void)flag, (void)walk;
    return remove(path);
}

static int tear_down(void **state) {
    (void)state;
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- runs --------------------------------------------------------------------------------------------------------- */

/* All that a run says. */
struct outcome {
    bool done;
    char *snapshot, *closed, *troubles, *quarantine;
    size_t closed_len, troubles_len;
    struct accounting accounting;
    struct replay_progress progress;
    unsigned progress_calls, stop_after; /* 0: never */
    unsigned pause_ms;                   /* before it stops */
    FILE *closed_file, *troubles_file;
};

static void on_closed(void *context, const struct closed_minute *m) {
    closed_minute_text(((struct outcome *)context)->closed_file, m);
}

static bool on_progress(void *context, const struct replay_progress *p) {
    struct outcome *o = context;
    assert(p->records >= o->progress.records && p->bytes_read >= o->progress.bytes_read &&
           p->objects_done >= o->progress.objects_done);
    o->progress = *p;
    if (++o->progress_calls != o->stop_after)
        return true;
    usleep(o->pause_ms * 1000); /* so that the workers run out of batches */
    return false;
}

static void on_trouble(void *context, const char *text) {
    fprintf(((struct outcome *)context)->troubles_file, "%s\n", text);
}

static char *read_text(const char *name) {
    char *text = calloc(1, 1 << 22);
    FILE *f = fopen(at(name), "rb");
    assert_non_null(f);
    size_t len = fread(text, 1, (1 << 22) - 1, f);
    text[len] = '\0';
    fclose(f);
    return text;
}

static void name_sets(struct dictionary *d) {
    for (int i = 0; i < 3; i++) { /* so that numbers do not depend on which worker is first */
        char name[16];
        snprintf(name, sizeof name, "set-%d", i);
        intern_id(d->sets, span_of(name));
    }
}

static struct outcome run_slowly(struct object_list *objects, unsigned threads, unsigned stop_after,
                                 unsigned pause_ms) {
    struct provider_table *providers = provider_table_create();
    struct dictionary d = {.providers = providers,
                           .knowledge = known(providers),
                           .key = {11, 22},
                           .sets = intern_create(100),
                           .identities = intern_create(100),
                           .templates = intern_create(100)};
    name_sets(&d);
    struct outcome o = {.stop_after = stop_after, .pause_ms = pause_ms};
    o.closed_file = open_memstream(&o.closed, &o.closed_len);
    o.troubles_file = open_memstream(&o.troubles, &o.troubles_len);
    struct aggregate_options options = {.now_ms = NOON + MINUTES(600),
                                        .lateness_ms = 72 * (int64_t)HOUR_MS,
                                        .from_ms = INT64_MIN,
                                        .to_ms = INT64_MAX,
                                        .keep_steps = true,
                                        .on_closed = on_closed,
                                        .on_closed_context = &o};
    struct err err = {0};
    unlink(at("quarantine/malformed.ndjson"));
    unlink(at("quarantine/unknown-values.csv"));
    struct quarantine *q = quarantine_open(at("quarantine"), 0, &err);
    assert_non_null(q);
    struct replay r = {.objects = objects,
                       .dictionary = &d,
                       .aggregate = aggregate_create(&options),
                       .quarantine = q,
                       .isa = json_isa_best(),
                       .threads = threads,
                       .on_progress = on_progress,
                       .on_trouble = on_trouble,
                       .context = &o};
    o.done = replay_run(&r);
    aggregate_finish(r.aggregate);
    struct snapshot_names names = {.sets = d.sets,
                                   .identities = d.identities,
                                   .templates = d.templates,
                                   .providers = providers,
                                   .sources = (const char *const[]){"files"},
                                   .source_count = 1};
    const struct view_request views[] = {{VIEW_PROVIDER, 0, "provider"}, {VIEW_IDENTITY, 0, "identity"}};
    struct snapshot *s = aggregate_snapshot(r.aggregate, &names, views, COUNT(views), 100);
    o.snapshot = snapshot_text(s);
    o.accounting = s->accounting;
    fclose(o.closed_file);
    fclose(o.troubles_file);
    assert_true(quarantine_close(q, &err));
    o.quarantine = read_text("quarantine/malformed.ndjson");
    snapshot_destroy(s);
    aggregate_destroy(r.aggregate);
    intern_destroy(d.sets);
    intern_destroy(d.identities);
    intern_destroy(d.templates);
    provider_table_destroy(providers);
    return o;
}

static struct outcome run(struct object_list *objects, unsigned threads, unsigned stop_after) {
    return run_slowly(objects, threads, stop_after, 0);
}

static void drop(struct outcome *o) {
    free(o->snapshot);
    free(o->closed);
    free(o->troubles);
    free(o->quarantine);
}

static void assert_same(const struct outcome *a, const struct outcome *b) {
    assert_true(a->done && b->done);
    assert_string_equal(a->snapshot, b->snapshot);
    assert_string_equal(a->closed, b->closed);
    assert_string_equal(a->troubles, b->troubles);
    assert_string_equal(a->quarantine, b->quarantine);
    assert_memory_equal(&a->accounting, &b->accounting, sizeof a->accounting);
}

static void find_dump(struct object_list *list) {
    struct err err = {0};
    *list = (struct object_list){0};
    assert_true(files_add(list, at("dump"), &err));
    files_sort(list);
}

/* As replay_split does, but in stretches of any size; objects that are not plain are left whole. */
static void cut_list(struct object_list *list, uint64_t step) {
    struct object_list cut = {.total_size = list->total_size};
    for (size_t i = 0; i < list->count; i++) {
        const struct object *o = &list->objects[i];
        bool whole = strstr(o->path, ".gz") || strstr(o->path, "-parquet") || strstr(o->path, "-orc") || !o->size;
        for (uint64_t start = 0; start == 0 || (!whole && start < o->size); start += step) {
            cut.objects = realloc(cut.objects, (cut.count + 1) * sizeof *cut.objects);
            struct object *piece = &cut.objects[cut.count++];
            *piece = *o;
            piece->path = strdup(o->path);
            piece->start = start;
            piece->end = whole ? UINT64_MAX : start + step;
        }
    }
    object_list_deinit(list);
    *list = cut;
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

/* What a run over the dump must have found, so that the comparisons below compare something. */
static void what_is_found(void **state) {
    (void)state;
    struct object_list list;
    find_dump(&list);
    struct outcome o = run(&list, 1, 0);
    const struct accounting *a = &o.accounting;
    assert_true(o.done);
    assert_true(accounting_holds(a));
    assert_true(a->counted > BIG_RECORDS / 2 + FILES * RECORDS / 2);
    assert_true(a->duplicate > 0 && a->filtered > 0 && a->future == 0 && a->late == 0);
    assert_true(a->malformed[MALFORMED_NOT_JSON] && a->malformed[MALFORMED_MISSING_FIELD]);
    assert_int_equal(a->objects_done, FILES - 1);
    assert_int_equal(a->objects_damaged, 1);
    assert_int_equal(a->objects_empty, 1);
    assert_int_equal(a->objects_unsupported, 2);
    assert_int_equal(a->objects_unreadable, 0);
    assert_true(a->bytes_read == list.total_size && a->bytes_decoded > a->bytes_read);
    assert_true(o.progress_calls >= list.count);
    assert_int_equal(o.progress.records, a->read);
    assert_int_equal(o.progress.malformed, accounting_malformed(a));
    assert_int_equal(o.progress.bytes_read, a->bytes_read);
    assert_int_equal(o.progress.bytes_total, list.total_size);
    assert_int_equal(o.progress.objects_total, FILES + 3);
    size_t kept = 0;
    for (const char *p = o.quarantine; (p = strchr(p, '\n')); p++)
        kept++;
    assert_int_equal(kept, accounting_malformed(a));
    char *unknown = read_text("quarantine/unknown-values.csv");
    assert_non_null(strstr(unknown, "NewInNextYear"));
    free(unknown);
    drop(&o);
    object_list_deinit(&list);
}

static void any_number_of_threads(void **state) {
    (void)state;
    static const unsigned threads[] = {2, 5, 40};
    struct object_list list;
    find_dump(&list);
    struct outcome one = run(&list, 1, 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        struct outcome o = run(&list, threads[i], 0);
        assert_same(&o, &one);
        drop(&o);
    }
    drop(&one);
    object_list_deinit(&list);
}

/* In stretches down to a fraction of a record. */
static void cut_anyhow(void **state) {
    (void)state;
    static const struct {
        uint64_t step;
        unsigned threads;
    } cases[] = {{300000, 2}, {70001, 5}, {5000, 5}};
    struct object_list list;
    find_dump(&list);
    struct outcome whole = run(&list, 1, 0);
    object_list_deinit(&list);
    for (size_t i = 0; i < COUNT(cases); i++) {
        find_dump(&list);
        cut_list(&list, cases[i].step);
        assert_true(list.count > FILES + 3);
        struct outcome o = run(&list, cases[i].threads, 0);
        assert_same(&o, &whole);
        drop(&o);
        object_list_deinit(&list);
    }
    drop(&whole);
}

/* replay_split itself cuts only what is over 32 MiB. */
static void split_a_big_file(void **state) {
    (void)state;
    char *text;
    size_t len;
    struct err err = {0};
    struct object_list list = {0};
    text = make_text(2200, 77, NOON, 16000, &len); /* few records, and long ones */
    assert_true(len > 32 << 20 && len < 40 << 20);
    write_plain("big", (struct span){text, len});
    free(text);
    assert_true(files_add(&list, at("big"), &err));
    assert_true(files_add(&list, at("dump/ses-1-2026-11-21-12-05-00-00000001"), &err));
    replay_split(&list, 1);
    assert_int_equal(list.count, 2); /* one worker reads whole files */
    struct outcome whole = run(&list, 1, 0);
    assert_true(whole.accounting.counted > 2000);
    replay_split(&list, 3);
    assert_int_equal(list.count, 4);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(list.objects[i].path, at("big"));
        assert_int_equal(list.objects[i].start, i * (16 << 20));
        assert_int_equal(list.objects[i].end, (i + 1) * (16 << 20));
    }
    assert_true(list.objects[3].end == UINT64_MAX);
    struct outcome cut = run(&list, 3, 0);
    assert_same(&cut, &whole);
    drop(&whole);
    drop(&cut);
    object_list_deinit(&list);
    unlink(at("big"));
}

/* on_progress stops the run after so many batches: it ends, and what was counted by then is an early part of it all. */
static void stopped(void **state) {
    (void)state;
    static const unsigned threads[] = {1, 2, 5}, after[] = {1, 2, 7, 12};
    struct object_list list;
    find_dump(&list);
    struct outcome whole = run(&list, 1, 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        uint64_t read_before = 0;
        for (size_t j = 0; j < COUNT(after); j++) {
            struct outcome o = run(&list, threads[i], after[j]);
            assert_false(o.done);
            assert_int_equal(o.progress_calls, after[j]);
            assert_true(o.accounting.read > read_before && o.accounting.read < whole.accounting.read);
            assert_int_equal(strncmp(o.quarantine, whole.quarantine, strlen(o.quarantine)), 0);
            read_before = o.accounting.read;
            drop(&o);
        }
    }
    drop(&whole);
    object_list_deinit(&list);
}

/* Stopped while other workers have run out of batches and wait for some. */
static void stopped_while_waiting(void **state) {
    (void)state;
    struct object_list list, many = {0};
    find_dump(&list);
    cut_list(&list, 1500); /* one piece, one batch: far more than there are */
    assert_true(list.count > 400);
    for (unsigned after = 1; after < 300; after += 140) {
        struct outcome o = run_slowly(&list, 5, after, 100);
        assert_false(o.done);
        assert_int_equal(o.progress_calls, after);
        drop(&o);
    }
    object_list_deinit(&list);
    struct outcome none = run(&many, 2, 0); /* and without any object */
    assert_true(none.done);
    assert_int_equal(none.progress_calls, 0);
    assert_int_equal(none.accounting.read, 0);
    drop(&none);
}

/* One object of many batches behind which everything else must wait: more than all the pool holds. */
static void more_than_the_pool(void **state) {
    (void)state;
    size_t len;
    char *text = make_text(400, 5, NOON, 0, &len);
    FILE *f = fopen(at("long"), "wb");
    assert_non_null(f);
    char to[] = "\"a0@gmail.com\",";
    for (unsigned i = 0; i < 100; i++) { /* a record of 2000 recipients is two batches */
        fprintf(f, "{\"eventType\":\"Send\",\"mail\":{\"timestamp\":\"%s\",\"messageId\":\"l-%u\",\"destination\":[",
                time_text(NOON + i), i);
        for (int n = 0; n < 2000; n++)
            fputs(to, f);
        fputs("\"b@mail.ru\"]}}\n", f);
    }
    fclose(f);
    struct object_list list = {0};
    struct err err = {0};
    write_plain("short", (struct span){text, len});
    free(text);
    for (int i = 0; i < 6; i++)
        assert_true(files_add(&list, at(i % 2 ? "short" : "long"), &err));
    struct outcome one = run(&list, 1, 0), five = run(&list, 5, 0);
    assert_same(&five, &one);
    assert_true(one.progress_calls > 3 * 160);
    assert_int_equal(one.accounting.counted + one.accounting.duplicate,
                     300 + 3 * (400 - accounting_malformed(&one.accounting) / 3 - one.accounting.filtered / 3));
    drop(&one);
    drop(&five);
    object_list_deinit(&list);
}

static void troubles_in_order(void **state) {
    (void)state;
    static const unsigned threads[] = {1, 2, 5};
    for (size_t i = 0; i < COUNT(threads); i++) {
        struct object_list list;
        find_dump(&list);
        for (size_t j = 0; j < list.count; j++)
            if (strstr(list.objects[j].path, "12-20-00")) { /* gone between listing and reading */
                free(list.objects[j].path);
                list.objects[j].path = strdup("/tmp/replay_test.nothing/there");
            }
        struct outcome o = run(&list, threads[i], 0);
        assert_int_equal(o.accounting.objects_unreadable, 1);
        static const char *const order[] = {"-parquet: ", "/there: ", "-orc: ", "12-45-00-00000009.gz: "};
        const char *p = o.troubles;
        for (size_t j = 0; j < COUNT(order); j++) {
            const char *end = strchr(p, '\n'), *found = strstr(p, order[j]);
            assert_non_null(end);
            assert_true(found && found < end);
            p = end + 1;
        }
        assert_int_equal(*p, '\0');
        drop(&o);
        object_list_deinit(&list);
    }
}

/* --- the order of objects whose names say no time ----------------------------------------------------------------- */

static void times_from_content(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int hour; /* of its events; -1: none */
        bool gz;
    } files[] = {{"times/a", 3, false},
                 {"times/b", 1, true},
                 {"times/c", 2, false},
                 {"times/d", -1, false},
                 {"times/e-2026-11-21-12-30-00-x", 9, false}};
    struct object_list list = {0};
    struct err err = {0};
    assert_int_equal(mkdir(at("times"), 0700), 0);
    for (size_t i = 0; i < COUNT(files); i++) {
        size_t len;
        char *text = make_text(50, (unsigned)i, NOON + MINUTES(60 * files[i].hour), 0, &len);
        if (files[i].hour < 0)
            write_plain(files[i].name, SPAN_LIT("no records here\n"));
        else if (files[i].gz)
            write_gzip(files[i].name, (struct span){text, len}, 0);
        else
            write_plain(files[i].name, (struct span){text, len});
        free(text);
    }
    assert_true(files_add(&list, at("times"), &err));
    replay_find_times(&list, json_isa_best());
    for (size_t i = 0; i < list.count; i++) {
        assert_int_equal(list.objects[i].has_time, files[i].hour >= 0);
        if (i < 3) { /* the latest event at its beginning */
            int64_t after = list.objects[i].time_ms - (NOON + MINUTES(60 * files[i].hour));
            assert_true(after > 0 && after <= 50 * 400);
        }
    }
    assert_true(list.objects[4].time_ms == NOON + MINUTES(30)); /* by its name, not by what is in it */
    files_sort(&list);
    static const char *const order[] = {"times/d", "times/e-2026-11-21-12-30-00-x", "times/b", "times/c", "times/a"};
    for (size_t i = 0; i < list.count; i++)
        assert_string_equal(list.objects[i].path, at(order[i]));
    object_list_deinit(&list);
    assert_true(files_add(&list, at("times/a"), &err)); /* one object is in order by itself */
    replay_find_times(&list, json_isa_best());
    assert_false(list.objects[0].has_time);
    object_list_deinit(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_found),
        cmocka_unit_test(any_number_of_threads),
        cmocka_unit_test(cut_anyhow),
        cmocka_unit_test(split_a_big_file),
        cmocka_unit_test(stopped),
        cmocka_unit_test(stopped_while_waiting),
        cmocka_unit_test(more_than_the_pool),
        cmocka_unit_test(troubles_in_order),
        cmocka_unit_test(times_from_content),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
