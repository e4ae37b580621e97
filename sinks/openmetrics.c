#include "sinks/openmetrics.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aggregate/cells.h"
#include "aggregate/detail_key.h"
#include "aggregate/detail_names.h"
#include "core/alloc.h"
#include "core/map.h"
#include "sinks/families.h"

/* Prometheus looks back five minutes. Four divide an hour. */
enum { REPEAT_S = 240, HOUR_S = 3600, PAUSE_MINUTES = 31 * 24 * 60, BLOCK_CHANGES = 15 };

struct change {
    int64_t step; /* since 1970 */
    uint64_t by;
};

/* What is spilled at once, of one series. */
struct block {
    uint32_t next; /* the series' next block: on disk, or the one that is still in memory */
    uint32_t count;
    struct change changes[BLOCK_CHANGES];
};

struct series {
    uint32_t first; /* block on disk, from 1; 0: none */
    uint32_t own;   /* the number that the changes in memory will have as a block; 0: none yet */
    uint32_t count, capacity;
    struct change *changes; /* owned; the latest ones */
};

/* Time without long pauses, in seconds. */
struct stretch {
    int64_t start, end;
};

struct openmetrics_writer {
    struct openmetrics_options options;
    const struct snapshot_names *names;
    int64_t step_s;
    struct map series; /* DETAIL_KEY, with kinds of counter_families -> struct series */
    struct stretch *stretches;
    size_t stretch_count;
    int64_t last_minute;
    int spill; /* -1: none yet */
    uint32_t blocks;
    struct err err; /* of the spill */
};

/* --- labels ------------------------------------------------------------------------------------------------------- */

static bool is_label_name(const char *name) {
    for (const char *c = name; *c; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_';
        if (!letter && (c == name || *c < '0' || *c > '9'))
            return false;
    }
    return *name != '\0';
}

const char *openmetrics_label_problem(const char *name) {
    if (!is_label_name(name))
        return "not a label's name: letters, digits and _";
    if (strncmp(name, "__", 2) == 0)
        return "Prometheus keeps names that begin with __ for itself";
    for (int i = 0; i < COUNTER_FAMILIES; i++) {
        struct metric_label labels[FAMILY_MAX_LABELS];
        size_t count = counter_family_labels(&counter_families[i], &(struct family_values){0}, labels);
        for (size_t k = 0; k < count; k++)
            if (strcmp(name, labels[k].name) == 0)
                return "a series has a label of that name already";
    }
    return NULL;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

struct openmetrics_writer *openmetrics_create(const struct openmetrics_options *options,
                                              const struct snapshot_names *names) {
    assert(options->step_ms > 0 && options->step_ms % MINUTE_MS == 0 && options->step_ms <= DAY_MS);
    assert(options->label_count <= OPENMETRICS_MAX_LABELS);
    struct openmetrics_writer *w = alloc_zeroed(1, sizeof *w);
    *w = (struct openmetrics_writer){
        .options = *options, .names = names, .step_s = options->step_ms / 1000, .last_minute = INT64_MIN, .spill = -1};
    map_init(&w->series, sizeof(struct series));
    return w;
}

void openmetrics_destroy(struct openmetrics_writer *w) {
    if (!w)
        return;
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(&w->series, &at, &key, &value);)
        free(((struct series *)value)->changes);
    map_deinit(&w->series);
    free(w->stretches);
    if (w->spill >= 0)
        close(w->spill);
    free(w);
}

/* --- what changed ------------------------------------------------------------------------------------------------- */

static bool open_spill(struct openmetrics_writer *w) {
    const char *folder = getenv("TMPDIR");
    if (!folder || !*folder)
        folder = "/var/tmp";
    w->spill = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (w->spill < 0) { /* a file system that has no files without names */
        char path[4096];
        int len = snprintf(path, sizeof path, "%s/ses-collector.XXXXXX", folder);
        if (len > 0 && (size_t)len < sizeof path && (w->spill = mkostemp(path, O_CLOEXEC)) >= 0)
            unlink(path);
    }
    return w->spill >= 0 || err_set_errno(&w->err, ERR_IO, errno, "cannot make a temporary file in %s", folder);
}

static off_t block_offset(uint32_t number) {
    return (off_t)(number - 1) * (off_t)sizeof(struct block);
}

/* Puts a full buffer where its number says, and gives the series the next number. */
static void spill(struct openmetrics_writer *w, struct series *s) {
    uint32_t number = s->own ? s->own : ++w->blocks;
    struct block block = {.next = ++w->blocks, .count = s->count};
    memcpy(block.changes, s->changes, s->count * sizeof *s->changes);
    s->count = 0;
    s->own = block.next;
    if (!s->first)
        s->first = number;
    if (w->err.code || (w->spill < 0 && !open_spill(w)))
        return;
    errno = ENOSPC; /* what a short write means */
    if (pwrite(w->spill, &block, sizeof block, block_offset(number)) != (ssize_t)sizeof block)
        err_set_errno(&w->err, ERR_IO, errno, "cannot write to a temporary file; TMPDIR says where it is");
}

static void add(struct openmetrics_writer *w, uint64_t key, int64_t step, uint64_t by) {
    if (!by)
        return;
    struct series *s = map_put(&w->series, key);
    if (s->count && s->changes[s->count - 1].step == step) {
        s->changes[s->count - 1].by += by;
        return;
    }
    if (s->count == BLOCK_CHANGES)
        spill(w, s);
    if (s->count == s->capacity) { /* most series of a long tail change once or twice */
        s->capacity = s->capacity == 0 ? 1 : s->capacity == 1 ? 4 : BLOCK_CHANGES;
        s->changes = alloc_resize(s->changes, s->capacity, sizeof *s->changes);
    }
    s->changes[s->count++] = (struct change){step, by};
}

/* Time goes on: the stretch at hand becomes longer, or a new one begins. */
static void note_time(struct openmetrics_writer *w, int64_t minute, int64_t step) {
    bool pause = w->last_minute != INT64_MIN && minute - w->last_minute > PAUSE_MINUTES;
    if (!w->stretch_count || pause) {
        w->stretches = alloc_resize(w->stretches, w->stretch_count + 1, sizeof *w->stretches);
        w->stretches[w->stretch_count++].start = step * w->step_s;
    }
    int64_t hour = (floor_div(minute, 60) + 1) * HOUR_S, end = (step + 1) * w->step_s;
    w->stretches[w->stretch_count - 1].end = hour > end ? hour : end;
    w->last_minute = minute;
}

void openmetrics_minute(struct openmetrics_writer *w, const struct closed_minute *minute) {
    int64_t step = floor_div(minute->minute * MINUTE_MS, w->options.step_ms);
    uint64_t key;
    void *value;
    note_time(w, minute->minute, step);
    for (size_t at = 0; map_next(minute->steps, &at, &key, &value);) {
        const struct step_counts *c = value;
        uint32_t set = CELL_PAIR_SET(key);
        for (int t = 0; t < EVENT_TYPES; t++) {
            add(w, DETAIL_KEY(FAMILY_EVENTS, t, set, 0), step, c->records[t]);
            add(w, DETAIL_KEY(FAMILY_RECIPIENTS, t, set, CELL_PAIR_PROVIDER(key)), step, c->recipients[t]);
        }
    }
    for (size_t at = 0; map_next(minute->details, &at, &key, &value);) {
        if (!detail_has_provider(DETAIL_KEY_KIND(key)))
            key -= DETAIL_KEY_PROVIDER(key);
        add(w, key, step, *(const uint64_t *)value);
    }
}

/* --- series by name ----------------------------------------------------------------------------------------------- */

struct named_series {
    int family; /* place in counter_families */
    struct family_values values;
    const struct series *series;
};

static int compare_text(const char *a, const char *b) {
    return strcmp(a ? a : "", b ? b : "");
}

static int by_name(const void *x, const void *y) {
    const struct named_series *a = x, *b = y;
    if (a->family != b->family)
        return a->family - b->family;
    int c = compare_text(a->values.first, b->values.first);
    c = c ? c : compare_text(a->values.second, b->values.second);
    c = c ? c : compare_text(a->values.configuration_set, b->values.configuration_set);
    return c ? c : compare_text(a->values.provider, b->values.provider);
}

static int family_of(int kind) {
    int i = 0;
    while (counter_families[i].kind != kind)
        i++;
    return i;
}

static struct named_series name_series(const struct openmetrics_writer *w, uint64_t key, const struct series *s) {
    struct named_series named = {.family = family_of((int)(key >> 56)), .series = s};
    uint32_t detail = DETAIL_KEY_DETAIL(key);
    if (key >> 56 == FAMILY_EVENTS || key >> 56 == FAMILY_RECIPIENTS)
        named.values.first = event_type_name((enum event_type)detail);
    else
        detail_names(DETAIL_KEY_KIND(key), detail, w->names->templates, &named.values.first, &named.values.second);
    named.values.configuration_set = intern_name(w->names->sets, DETAIL_KEY_SET(key));
    named.values.provider = provider_table_name(w->names->providers, DETAIL_KEY_PROVIDER(key));
    return named;
}

/* Returns new. */
static struct named_series *sorted_series(const struct openmetrics_writer *w) {
    struct named_series *all = alloc_zeroed(w->series.len, sizeof *all);
    size_t count = 0;
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(&w->series, &at, &key, &value);)
        all[count++] = name_series(w, key, value);
    if (count)
        qsort(all, count, sizeof *all, by_name);
    return all;
}

/* --- samples ------------------------------------------------------------------------------------------------------ */

/* One series being written. Times are seconds. */
struct trace {
    const struct openmetrics_writer *w;
    FILE *out;
    char *prefix; /* name and labels; owned */
    size_t prefix_len;
    struct openmetrics_totals *totals;
    size_t stretch;
    bool begun;
    int64_t last; /* the sample written last */
    uint64_t value;
};

static void put_sample(struct trace *t, int64_t time) {
    fwrite(t->prefix, 1, t->prefix_len, t->out);
    fprintf(t->out, "%llu %lld\n", (unsigned long long)t->value, (long long)time);
    t->last = time;
    if (!t->totals->samples++ || time * 1000 < t->totals->from_ms)
        t->totals->from_ms = time * 1000;
    if (t->totals->samples == 1 || time * 1000 > t->totals->to_ms)
        t->totals->to_ms = time * 1000;
}

/* The value as it stands, before `time`. */
static void repeat(struct trace *t, int64_t time) {
    for (int64_t at = (floor_div(t->last, REPEAT_S) + 1) * REPEAT_S; at < time; at += REPEAT_S)
        put_sample(t, at);
}

/* And at `time` itself. */
static void repeat_to(struct trace *t, int64_t time) {
    if (t->last >= time)
        return;
    repeat(t, time);
    put_sample(t, time);
}

/* Into the stretch that `time` is in. */
static void cross_pauses(struct trace *t, int64_t time) {
    const struct openmetrics_writer *w = t->w;
    while (t->stretch + 1 < w->stretch_count && w->stretches[t->stretch + 1].start <= time) {
        if (t->begun)
            repeat_to(t, w->stretches[t->stretch].end);
        t->stretch++;
        if (t->begun)
            put_sample(t, w->stretches[t->stretch].start);
    }
}

static void put_change(struct trace *t, const struct change *c) {
    int64_t before = c->step * t->w->step_s, after = before + t->w->step_s;
    cross_pauses(t, before);
    if (!t->begun) {
        t->begun = true;
        put_sample(t, before);
    }
    repeat_to(t, before);
    repeat(t, after);
    t->value += c->by;
    put_sample(t, after);
}

static bool put_changes(struct trace *t, const struct series *s, struct err *err) {
    struct block block;
    for (uint32_t number = s->first; number && number != s->own; number = block.next) {
        errno = EIO; /* what a short read means */
        if (pread(t->w->spill, &block, sizeof block, block_offset(number)) != (ssize_t)sizeof block)
            return err_set_errno(err, ERR_IO, errno, "cannot read a temporary file back");
        for (uint32_t i = 0; i < block.count; i++)
            put_change(t, &block.changes[i]);
    }
    for (uint32_t i = 0; i < s->count; i++)
        put_change(t, &s->changes[i]);
    cross_pauses(t, INT64_MAX);
    repeat_to(t, t->w->stretches[t->stretch].end);
    return true;
}

static void make_prefix(struct trace *t, const struct named_series *named) {
    const struct counter_family *family = &counter_families[named->family];
    const struct openmetrics_options *o = &t->w->options;
    struct metric_label labels[FAMILY_MAX_LABELS + OPENMETRICS_MAX_LABELS];
    size_t count = counter_family_labels(family, &named->values, labels);
    for (size_t i = 0; i < o->label_count; i++)
        labels[count++] = o->labels[i];
    struct exposition e = {
        .out = open_memstream(&t->prefix, &t->prefix_len), .family = family->name, .format = EXPOSITION_OPENMETRICS};
    assert(e.out); /* memory alone */
    exposition_series(&e, labels, count);
    fclose(e.out);
}

static bool write_all(struct openmetrics_writer *w, FILE *out, struct openmetrics_totals *totals, struct err *err) {
    struct exposition e = {.out = out, .format = EXPOSITION_OPENMETRICS};
    struct named_series *all = sorted_series(w);
    bool ok = true;
    for (size_t i = 0; ok && i < w->series.len && !ferror(out); i++) {
        const struct counter_family *family = &counter_families[all[i].family];
        if (i == 0 || all[i - 1].family != all[i].family)
            exposition_begin(&e, family->name, METRIC_COUNTER, family->help);
        struct trace t = {.w = w, .out = out, .totals = totals};
        make_prefix(&t, &all[i]);
        ok = put_changes(&t, all[i].series, err);
        free(t.prefix);
        totals->series++;
    }
    free(all);
    exposition_end(&e);
    return ok;
}

bool openmetrics_finish(struct openmetrics_writer *w, FILE *out, struct openmetrics_totals *totals, struct err *err) {
    *totals = (struct openmetrics_totals){0};
    if (w->err.code)
        return err_set(err, w->err.code, "%s", w->err.text);
    errno = 0;
    if (!write_all(w, out, totals, err))
        return false;
    return !ferror(out) || err_set_errno(err, ERR_IO, errno ? errno : EIO, "cannot write the history");
}
