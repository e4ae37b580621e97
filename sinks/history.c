#include "sinks/history.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aggregate/cells.h"
#include "aggregate/detail_key.h"
#include "aggregate/detail_names.h"
#include "core/alloc.h"
#include "sinks/history_parts.h"

enum { HOUR_S = 3600, PAUSE_MINUTES = 31 * 24 * 60 };

/* --- labels ------------------------------------------------------------------------------------------------------- */

static bool is_label_name(const char *name) {
    for (const char *c = name; *c; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_';
        if (!letter && (c == name || *c < '0' || *c > '9'))
            return false;
    }
    return *name != '\0';
}

const char *history_label_problem(const char *name) {
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

struct history *history_create(int64_t step_ms, const struct snapshot_names *names) {
    assert(step_ms > 0 && step_ms % MINUTE_MS == 0 && step_ms <= DAY_MS);
    struct history *h = alloc_zeroed(1, sizeof *h);
    *h = (struct history){
        .names = names, .step_ms = step_ms, .step_s = step_ms / 1000, .last_minute = INT64_MIN, .spill = -1};
    map_init(&h->series, sizeof(struct series));
    return h;
}

void history_destroy(struct history *h) {
    if (!h)
        return;
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(&h->series, &at, &key, &value);)
        free(((struct series *)value)->changes);
    map_deinit(&h->series);
    free(h->named);
    free(h->stretches);
    if (h->spill >= 0)
        close(h->spill);
    free(h);
}

/* --- what changed ------------------------------------------------------------------------------------------------- */

static bool open_spill(struct history *h) {
    const char *folder = getenv("TMPDIR");
    if (!folder || !*folder)
        folder = "/var/tmp";
    h->spill = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (h->spill < 0) { /* a file system that has no files without names */
        char path[4096];
        int len = snprintf(path, sizeof path, "%s/ses-collector.XXXXXX", folder);
        if (len > 0 && (size_t)len < sizeof path && (h->spill = mkostemp(path, O_CLOEXEC)) >= 0)
            unlink(path);
    }
    return h->spill >= 0 || err_set_errno(&h->err, ERR_IO, errno, "cannot make a temporary file in %s", folder);
}

/* Puts a full buffer where its number says, and gives the series the next number. */
static void spill(struct history *h, struct series *s) {
    uint32_t number = s->own ? s->own : ++h->blocks;
    struct block block = {.next = ++h->blocks, .count = s->count};
    memcpy(block.changes, s->changes, s->count * sizeof *s->changes);
    s->count = 0;
    s->own = block.next;
    if (!s->first)
        s->first = number;
    if (h->err.code || (h->spill < 0 && !open_spill(h)))
        return;
    errno = ENOSPC; /* what a short write means */
    if (pwrite(h->spill, &block, sizeof block, history_block_offset(number)) != (ssize_t)sizeof block)
        err_set_errno(&h->err, ERR_IO, errno, "cannot write to a temporary file; TMPDIR says where it is");
}

static void add(struct history *h, uint64_t key, int64_t step, uint64_t by) {
    if (!by)
        return;
    struct series *s = map_put(&h->series, key);
    if (s->count && s->changes[s->count - 1].step == step) {
        s->changes[s->count - 1].by += by;
        return;
    }
    if (s->count == HISTORY_BLOCK_CHANGES)
        spill(h, s);
    if (s->count == s->capacity) { /* most series of a long tail change once or twice */
        s->capacity = s->capacity == 0 ? 1 : s->capacity == 1 ? 4 : HISTORY_BLOCK_CHANGES;
        s->changes = alloc_resize(s->changes, s->capacity, sizeof *s->changes);
    }
    s->changes[s->count++] = (struct change){step, by};
}

/* Time goes on: the stretch at hand becomes longer, or a new one begins. */
static void note_time(struct history *h, int64_t minute, int64_t step) {
    bool pause = h->last_minute != INT64_MIN && minute - h->last_minute > PAUSE_MINUTES;
    if (!h->stretch_count || pause) {
        h->stretches = alloc_resize(h->stretches, h->stretch_count + 1, sizeof *h->stretches);
        h->stretches[h->stretch_count++].start = step * h->step_s;
    }
    int64_t hour = (floor_div(minute, 60) + 1) * HOUR_S, end = (step + 1) * h->step_s;
    h->stretches[h->stretch_count - 1].end = hour > end ? hour : end;
    h->last_minute = minute;
}

void history_minute(struct history *h, const struct closed_minute *minute) {
    int64_t step = floor_div(minute->minute * MINUTE_MS, h->step_ms);
    uint64_t key;
    void *value;
    assert(!h->named);
    note_time(h, minute->minute, step);
    for (size_t at = 0; map_next(minute->steps, &at, &key, &value);) {
        const struct step_counts *c = value;
        uint32_t set = CELL_PAIR_SET(key);
        for (int t = 0; t < EVENT_TYPES; t++) {
            add(h, DETAIL_KEY(FAMILY_EVENTS, t, set, 0), step, c->records[t]);
            add(h, DETAIL_KEY(FAMILY_RECIPIENTS, t, set, CELL_PAIR_PROVIDER(key)), step, c->recipients[t]);
        }
    }
    for (size_t at = 0; map_next(minute->details, &at, &key, &value);) {
        if (!detail_has_provider(DETAIL_KEY_KIND(key)))
            key -= DETAIL_KEY_PROVIDER(key);
        add(h, key, step, *(const uint64_t *)value);
    }
}

/* --- series by name ----------------------------------------------------------------------------------------------- */

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

static struct named_series name_series(const struct history *h, uint64_t key, const struct series *s) {
    struct named_series named = {.family = family_of((int)(key >> 56)), .series = s};
    uint32_t detail = DETAIL_KEY_DETAIL(key);
    if (key >> 56 == FAMILY_EVENTS || key >> 56 == FAMILY_RECIPIENTS)
        named.values.first = event_type_name((enum event_type)detail);
    else
        detail_names(DETAIL_KEY_KIND(key), detail, h->names->templates, &named.values.first, &named.values.second);
    named.values.configuration_set = intern_name(h->names->sets, DETAIL_KEY_SET(key));
    named.values.provider = provider_table_name(h->names->providers, DETAIL_KEY_PROVIDER(key));
    return named;
}

bool history_seal(struct history *h, struct err *err) {
    if (h->err.code)
        return err_set(err, h->err.code, "%s", h->err.text);
    if (h->named)
        return true;
    h->named = alloc_zeroed(h->series.len + 1, sizeof *h->named);
    size_t count = 0;
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(&h->series, &at, &key, &value);)
        h->named[count++] = name_series(h, key, value);
    if (count)
        qsort(h->named, count, sizeof *h->named, by_name);
    return true;
}

size_t history_series(const struct history *h) {
    assert(h->named);
    return h->series.len;
}

const struct counter_family *history_family(const struct history *h, size_t series) {
    return &counter_families[h->named[series].family];
}

size_t history_labels(const struct history *h, size_t series, struct metric_label labels[FAMILY_MAX_LABELS]) {
    return counter_family_labels(history_family(h, series), &h->named[series].values, labels);
}

const struct history_stretch *history_stretches(const struct history *h, size_t *count) {
    *count = h->stretch_count;
    return h->stretches;
}
