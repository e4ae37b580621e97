#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "aggregate/cells.h"
#include "core/alloc.h"
#include "sinks/history.h"
#include "sinks/history_parts.h"

/* Prometheus looks back five minutes. Four divide an hour. */
enum { REPEAT_S = 240 };

struct history_trace {
    const struct history *h;
    const struct series *series;
    struct history_place *place;
    struct block block; /* what `loaded` names */
    uint32_t loaded;    /* 0: none */
};

struct history_trace *history_trace_create(const struct history *h) {
    assert(h->named);
    struct history_trace *t = alloc_zeroed(1, sizeof *t);
    t->h = h;
    return t;
}

void history_trace_destroy(struct history_trace *t) {
    free(t);
}

/* --- changes ------------------------------------------------------------------------------------------------------ */

static bool is_on_disk(const struct series *s, uint32_t block) {
    return block != 0 && block != s->own;
}

void history_trace_open(struct history_trace *t, size_t series, struct history_place *place) {
    assert(series < t->h->series.len);
    t->series = t->h->named[series].series;
    t->place = place;
    if (!place->block && !place->in_memory) {
        place->block = t->series->first;
        place->in_memory = !is_on_disk(t->series, place->block);
    }
}

static bool load(struct history_trace *t, struct err *err) {
    uint32_t number = t->place->block;
    if (t->loaded == number)
        return true;
    errno = EIO; /* what a short read means */
    if (pread(t->h->spill, &t->block, sizeof t->block, history_block_offset(number)) != (ssize_t)sizeof t->block) {
        t->loaded = 0;
        return err_set_errno(err, ERR_IO, errno, "cannot read a temporary file back");
    }
    t->loaded = number;
    return true;
}

/* The change that comes next; NULL in `change`: no more. */
static bool next_change(struct history_trace *t, const struct change **change, struct err *err) {
    struct history_place *p = t->place;
    *change = NULL;
    if (p->in_memory) {
        if (p->at < t->series->count)
            *change = &t->series->changes[p->at];
        return true;
    }
    if (!load(t, err))
        return false;
    *change = &t->block.changes[p->at];
    return true;
}

/* Past the change that next_change gave. */
static void take_change(struct history_trace *t) {
    struct history_place *p = t->place;
    p->at++;
    if (p->in_memory || p->at < t->block.count)
        return;
    p->at = 0;
    p->block = t->block.next;
    p->in_memory = !is_on_disk(t->series, p->block);
}

/* --- samples ------------------------------------------------------------------------------------------------------ */

static int64_t earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* In which stretch a time lies, which is not before stretch `from`. */
static uint32_t stretch_of(const struct history *h, uint32_t from, int64_t time) {
    while (from + 1 < h->stretch_count && h->stretches[from + 1].start <= time)
        from++;
    return from;
}

/* The first sample: 0, one step before the first change. */
static enum history_next begin(struct history_trace *t, int64_t until, const struct change *c,
                               struct history_sample *sample) {
    struct history_place *p = t->place;
    assert(c); /* a series is made by its first change */
    int64_t before = c->step * t->h->step_s;
    p->last = before;
    p->looked_at = true;
    if (before >= until)
        return HISTORY_NO_MORE;
    p->stretch = stretch_of(t->h, p->stretch, before);
    p->begun = true;
    *sample = (struct history_sample){before, 0};
    return HISTORY_SAMPLE;
}

/* Everything is decided by the place and the next change:
 *
 *   change in this stretch     repeat up to one step before it, and there; repeat up to its end, and there it counts
 *   in a later one, or none    repeat up to the end of the stretch, and there; then the beginning of the next stretch
 */
enum history_next history_trace_next(struct history_trace *t, int64_t until, struct history_sample *sample,
                                     struct err *err) {
    const struct history *h = t->h;
    struct history_place *p = t->place;
    const struct change *c;
    if (p->looked_at && p->last >= until) /* no need to read anything back */
        return HISTORY_NO_MORE;
    if (!next_change(t, &c, err))
        return HISTORY_FAILED;
    if (!p->begun)
        return begin(t, until, c, sample);
    int64_t repeated = (floor_div(p->last, REPEAT_S) + 1) * REPEAT_S, time;
    int64_t before = c ? c->step * h->step_s : 0, end = h->stretches[p->stretch].end;
    bool leaves = !c || stretch_of(h, p->stretch, before) != p->stretch, leaps = false, counts = false;
    if (leaves && p->last < end) {
        time = earlier(repeated, end);
    } else if (leaves && p->stretch + 1 == h->stretch_count) {
        return HISTORY_NO_MORE;
    } else if (leaves) {
        time = h->stretches[p->stretch + 1].start;
        leaps = true;
    } else if (p->last < before) {
        time = earlier(repeated, before);
    } else {
        time = earlier(repeated, before + h->step_s);
        counts = time == before + h->step_s;
    }
    if (time >= until)
        return HISTORY_NO_MORE;
    p->last = time;
    p->stretch += leaps;
    if (counts) {
        p->value += c->by;
        take_change(t);
    }
    *sample = (struct history_sample){time, p->value};
    return HISTORY_SAMPLE;
}
