#include "simulate/truth.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/map.h"
#include "model/event.h"
#include "simulate/text.h"

enum { MINUTE_MS = 60000 };

struct cell {
    uint32_t records, recipients;
};

/* A cell's key sorts as its row does: type, then the rank of the set's name, then that of the provider's. */
#define CELL_KEY(type, set_rank, isp_rank) ((uint64_t)(type) << 40 | (uint64_t)(set_rank) << 8 | (uint64_t)(isp_rank))

struct truth {
    FILE *file;
    const char *path;
    const struct catalog *catalog;
    uint32_t *set_rank; /* by set + 1; 0 is for none */
    uint32_t *set_at;   /* the set (+ 1) of a rank */
    uint32_t isp_rank[ISPS + 1], isp_at[ISPS + 1];
    struct map *minutes; /* a ring of open minutes: minute modulo ring */
    int64_t ring;
    int64_t first_minute; /* the oldest that is not written yet */
    int64_t last_minute;  /* the newest that was counted in */
    uint64_t *keys;
    size_t keys_size;
    struct time_texts times;
};

static const char *isp_name(uint32_t isp) {
    return isp == ISP_MULTIPLE ? "multiple" : isps[isp].name;
}

struct named {
    struct span name;
    uint32_t index;
};

static int by_name(const void *a, const void *b) {
    struct span x = ((const struct named *)a)->name, y = ((const struct named *)b)->name;
    int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);
    return order ? order : (x.len > y.len) - (x.len < y.len);
}

static void rank_names(struct named *names, size_t count, uint32_t *rank, uint32_t *at) {
    qsort(names, count, sizeof *names, by_name);
    for (size_t i = 0; i < count; i++) {
        rank[names[i].index] = (uint32_t)i;
        at[i] = names[i].index;
    }
}

static void rank_all(struct truth *t) {
    const struct catalog *c = t->catalog;
    size_t count = c->set_count + 1u;
    struct named *names = alloc_zeroed(count, sizeof *names);
    t->set_rank = alloc_zeroed(count, sizeof *t->set_rank);
    t->set_at = alloc_zeroed(count, sizeof *t->set_at);
    names[0] = (struct named){SPAN_LIT(""), 0};
    for (uint32_t i = 0; i < c->set_count; i++)
        names[i + 1] = (struct named){c->sets[i].name, i + 1};
    rank_names(names, count, t->set_rank, t->set_at);
    free(names);
    struct named providers[ISPS + 1];
    for (uint32_t i = 0; i <= ISPS; i++)
        providers[i] = (struct named){span_of(isp_name(i)), i};
    rank_names(providers, ISPS + 1, t->isp_rank, t->isp_at);
}

struct truth *truth_open(const char *path, const struct catalog *c, int64_t start_ms, int64_t longest_ms,
                         struct err *err) {
    FILE *file = fopen(path, "we");
    if (!file) {
        err_set_errno(err, ERR_IO, errno, "cannot write %s", path);
        return NULL;
    }
    struct truth *t = alloc_zeroed(1, sizeof *t);
    t->file = file;
    t->path = path;
    t->catalog = c;
    t->ring = longest_ms / MINUTE_MS + 3;
    t->minutes = alloc_zeroed((size_t)t->ring, sizeof *t->minutes);
    for (int64_t i = 0; i < t->ring; i++)
        map_init(&t->minutes[i], sizeof(struct cell));
    t->first_minute = start_ms / MINUTE_MS;
    t->last_minute = t->first_minute - 1;
    rank_all(t);
    fputs("time,event_type,configuration_set,provider,records,recipients\n", file);
    return t;
}

static int by_key(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void write_row(struct truth *t, const char *time, uint64_t key, const struct cell *cell) {
    uint32_t set = t->set_at[(uint32_t)(key >> 8)];
    struct span name = set ? t->catalog->sets[set - 1].name : SPAN_LIT("");
    fprintf(t->file, "%.17s00Z,%s,%.*s,%s,%u,%u\n", time, event_type_name((enum event_type)(key >> 40)), SPAN_ARG(name),
            isp_name(t->isp_at[key & 0xff]), cell->records, cell->recipients);
}

static void write_minute(struct truth *t, int64_t minute) {
    struct map *cells = &t->minutes[minute % t->ring];
    const char *time = time_text_of(&t->times, minute * MINUTE_MS)->iso;
    if (cells->len > t->keys_size) {
        t->keys_size = cells->len * 2;
        t->keys = alloc_resize(t->keys, t->keys_size, sizeof *t->keys);
    }
    size_t count = 0, at = 0;
    uint64_t key;
    void *value;
    while (map_next(cells, &at, &key, &value))
        t->keys[count++] = key;
    if (count)
        qsort(t->keys, count, sizeof *t->keys, by_key);
    for (size_t i = 0; i < count; i++)
        write_row(t, time, t->keys[i], map_get(cells, t->keys[i]));
    map_clear(cells);
}

static bool write_until(struct truth *t, int64_t minute, struct err *err) {
    for (; t->first_minute < minute && t->first_minute <= t->last_minute; t->first_minute++)
        write_minute(t, t->first_minute);
    if (t->first_minute < minute)
        t->first_minute = minute;
    if (ferror(t->file))
        return err_set_errno(err, ERR_IO, errno, "cannot write %s", t->path);
    return true;
}

bool truth_add(struct truth *t, int64_t event_ms, int64_t now_ms, uint32_t type, uint32_t set, uint32_t isp,
               uint32_t records, uint32_t recipients, struct err *err) {
    int64_t minute = event_ms / MINUTE_MS, oldest = now_ms / MINUTE_MS - (t->ring - 2);
    if (oldest > t->first_minute && !write_until(t, oldest, err))
        return false;
    assert(minute >= t->first_minute && minute < t->first_minute + t->ring);
    if (minute > t->last_minute)
        t->last_minute = minute;
    uint64_t key = CELL_KEY(type, t->set_rank[set == TRUTH_NO_SET ? 0 : set + 1], t->isp_rank[isp]);
    struct cell *cell = map_put(&t->minutes[minute % t->ring], key);
    cell->records += records;
    cell->recipients += recipients;
    return true;
}

bool truth_finish(struct truth *t, struct err *err) {
    bool ok = write_until(t, t->last_minute + 1, err);
    FILE *file = t->file;
    t->file = NULL;
    if (fclose(file) != 0 && ok)
        return err_set_errno(err, ERR_IO, errno, "cannot write %s", t->path);
    return ok;
}

void truth_destroy(struct truth *t) {
    if (!t)
        return;
    if (t->file)
        fclose(t->file);
    for (int64_t i = 0; i < t->ring; i++)
        map_deinit(&t->minutes[i]);
    free(t->minutes);
    free(t->set_rank);
    free(t->set_at);
    free(t->keys);
    free(t);
}
