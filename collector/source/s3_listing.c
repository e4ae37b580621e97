#include "source/s3_listing.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "source/files.h"
#include "source/s3_listing_text.h"
#include "source/s3_listing_tree.h"

enum { ODD_AHEAD = 3, ODD_BEHIND = 10 };
#define MINUTE_MS ((int64_t)60 * 1000)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)
/* What was found is forgotten after this, so that a new stream's folder is seen; later where there are many folders. */
#define FORGET_NS           ((int64_t)15 * 60 * 1000000000)
#define FORGET_NS_PER_LEVEL ((int64_t)1000000000)
#define ODD_WIDER_MS        (14 * HOUR_MS) /* no time zone is further from UTC */

/* How times in keys go with the times of the objects. */
struct odd_times {
    uint64_t ahead;                             /* keys that say a later time than their object's */
    uint64_t timed;                             /* keys with a time to the second */
    int64_t least_lag, most_lag, first, latest; /* of these */
};

struct s3_listing {
    struct aws_session *session;
    const struct s3_place *place;
    struct time_zone *zone;
    char *scope; /* owned; the prefix up to its first expression */
    bool errors;
    struct tree tree;
    bool discovered;
    int64_t discovered_ns;
    bool odd;         /* the zone is another one: everything is listed wider */
    bool capped_said; /* that there are too many folders */
};

/* A stretch of local time; INT64_MIN, INT64_MAX: open. */
struct stretch {
    int64_t lo, hi;
};

/* One call of s3_listing_run. */
struct run {
    struct s3_listing *listing;
    int64_t from_ms, to_ms;
    struct stretch wanted, had; /* `had`: was given by the pass before this one */
    bool again;                 /* there was one */
    bool (*each)(void *, const struct s3_listed *);
    void *context;
    struct s3_listing_result *result;
    const atomic_bool *stop;
    struct odd_times odd;
    const char *to; /* of the range being listed */
    bool ended;
};

struct s3_listing *s3_listing_create(struct aws_session *session, const struct s3_place *place, struct err *err) {
    struct time_zone *zone = time_zone_open(place->time_zone ? place->time_zone : "UTC", err);
    if (!zone)
        return NULL;
    struct s3_listing *l = alloc_zeroed(1, sizeof *l);
    l->session = session;
    l->place = place;
    l->zone = zone;
    const char *prefix = place->prefix ? place->prefix : "", *expression = strstr(prefix, "!{");
    l->scope = alloc_string(prefix, expression ? (size_t)(expression - prefix) : strlen(prefix));
    l->errors = place->errors || files_is_error_key(l->scope);
    return l;
}

void s3_listing_destroy(struct s3_listing *l) {
    if (!l)
        return;
    tree_clear(&l->tree);
    time_zone_close(l->zone);
    free(l->scope);
    free(l);
}

/* --- times of keys ------------------------------------------------------------------------------------------------ */

/* What a key says of its first record's arrival, by the clock of the zone: somewhere in [start, end), about at `time`.
 */
struct key_says {
    bool any, to_the_second;
    int64_t start, end, time;
};

/* The folders decide: their time is that of the oldest record. A name's time makes them more exact. */
static struct key_says read_key(const char *key) {
    size_t end;
    int64_t name_ms;
    struct key_time folders = key_folder_time(key, &end);
    bool named = files_name_time(key, &name_ms);
    struct key_says says = {.any = folders.known || named};
    if (!folders.known) {
        int64_t hour = named ? name_ms - name_ms % HOUR_MS : 0;
        return (struct key_says){named, named, hour, hour + HOUR_MS, named ? name_ms : 0};
    }
    says.start = says.time = key_time_start(&folders);
    says.end = key_time_end(&folders);
    if (named && name_ms > says.start - HOUR_MS && name_ms < says.end + HOUR_MS) {
        says.time = name_ms;
        says.to_the_second = true;
        if (folders.known < KEY_FIELDS) {
            says.start = says.start > name_ms - HOUR_MS ? says.start : name_ms - HOUR_MS;
            says.end = says.end < name_ms + HOUR_MS ? says.end : name_ms + HOUR_MS;
        }
    }
    return says;
}

static bool is_within(const struct key_says *says, const struct stretch *s) {
    return says->start <= s->hi && says->end > s->lo;
}

static void note_odd(struct run *r, const struct key_says *says, int64_t time_ms, int64_t modified_ms) {
    struct odd_times *o = &r->odd;
    int64_t lag = modified_ms - time_ms;
    o->ahead += lag < -5 * MINUTE_MS;
    if (!says->to_the_second)
        return;
    if (!o->timed++) {
        o->least_lag = o->most_lag = lag;
        o->first = o->latest = time_ms;
    }
    o->least_lag = lag < o->least_lag ? lag : o->least_lag;
    o->most_lag = lag > o->most_lag ? lag : o->most_lag;
    o->first = time_ms < o->first ? time_ms : o->first;
    o->latest = time_ms > o->latest ? time_ms : o->latest;
}

/* Objects are there some minutes after their times. Earlier cannot be; all of them late by nearly the same is a clock
 * of another zone, unless they were copied, all at once. */
static bool is_odd(const struct odd_times *o) {
    return o->ahead >= ODD_AHEAD || (o->timed >= ODD_BEHIND && o->least_lag > 50 * MINUTE_MS &&
                                     o->most_lag - o->least_lag < 20 * MINUTE_MS && o->latest - o->first >= HOUR_MS);
}

/* --- objects ------------------------------------------------------------------------------------------------------ */

static bool is_excluded(const struct s3_listing *l, const char *key) {
    for (size_t i = 0; i < l->place->exclude_count; i++)
        if (fnmatch(l->place->exclude[i], key, 0) == 0)
            return true;
    return !l->errors && files_is_error_key(key);
}

/* False when `each` has had enough. */
static bool give(struct run *r, const struct s3_object *o) {
    struct s3_listing *l = r->listing;
    if (is_excluded(l, o->key)) {
        r->result->left_out += !r->again;
        return true;
    }
    struct key_says says = read_key(o->key);
    struct s3_listed listed = {.key = o->key,
                               .etag = o->etag,
                               .size = o->size,
                               .modified_ms = o->modified_ms,
                               .time_ms = o->modified_ms,
                               .timed = says.any,
                               .archived = o->archived};
    if (says.any) {
        listed.time_ms = time_zone_to_utc(l->zone, says.time);
        if (!r->again)
            note_odd(r, &says, listed.time_ms, o->modified_ms);
        if (!is_within(&says, &r->wanted) || (r->again && is_within(&says, &r->had)))
            return true;
    } else if (r->again || o->modified_ms < r->from_ms) {
        return true;
    }
    r->result->objects++;
    r->result->untimed += !says.any;
    r->ended = !r->each(r->context, &listed);
    return !r->ended;
}

static bool give_loose(void *context, const struct s3_object *o) {
    return give(context, o);
}

static bool give_ranged(void *context, const struct s3_object *o) {
    struct run *r = context;
    size_t len = strlen(o->key);
    if (strcmp(o->key, r->to) >= 0)
        return false; /* the range's end */
    if ((o->size == 0 && len && o->key[len - 1] == '/') || tree_is_loose(&r->listing->tree, o->key))
        return true;
    return give(r, o);
}

/* --- ranges ------------------------------------------------------------------------------------------------------- */

static int by_from(const void *x, const void *y) {
    const struct key_range *a = x, *b = y;
    int order = strcmp(a->from, b->from);
    return order ? order : strcmp(a->to, b->to);
}

/* What both prefixes begin with. */
static void shorten_to_common(char *a, const char *b) {
    size_t i = 0;
    while (a[i] && a[i] == b[i])
        i++;
    a[i] = 0;
}

/* Ranges that overlap become one: roots of several shapes may lie side by side. Returns how many are left; the others
 * are gone. */
static size_t merge_ranges(struct key_range *ranges, size_t count) {
    size_t kept = 0;
    if (count)
        qsort(ranges, count, sizeof *ranges, by_from);
    for (size_t i = 0; i < count; i++) {
        struct key_range *r = &ranges[i];
        if (strcmp(r->from, r->to) >= 0) {
            key_range_deinit(r);
            continue;
        }
        struct key_range *before = kept ? &ranges[kept - 1] : NULL;
        if (!before || strcmp(r->from, before->to) >= 0) {
            struct key_range moved = *r;
            *r = (struct key_range){0};
            ranges[kept++] = moved;
            continue;
        }
        shorten_to_common(before->prefix, r->prefix);
        if (strcmp(r->to, before->to) > 0) {
            char *to = before->to;
            before->to = r->to;
            r->to = to;
        }
        key_range_deinit(r);
    }
    return kept;
}

static bool list_range(struct run *r, const struct key_range *range, struct err *err) {
    struct s3_listing *l = r->listing;
    /* Behind `from`, but keys of a folder that is the border itself have it as a beginning: nothing is lost. */
    struct s3_list list = {.prefix = range->prefix, .requests = &r->result->requests};
    if (strcmp(range->from, range->prefix) > 0)
        list.start_after = range->from;
    r->to = range->to;
    struct s3_list_hooks hooks = {r, give_ranged, NULL};
    return s3_list_objects(l->session, &l->place->bucket, &list, &hooks, r->stop, err);
}

static bool list_roots(struct run *r, struct err *err) {
    struct tree *t = &r->listing->tree;
    struct key_range *ranges = alloc_zeroed(t->root_count + 1, sizeof *ranges);
    size_t count = 0;
    bool ok = true;
    /* Behind the present nothing has to be cut off, and no request spent to find out where. */
    int64_t hi = r->to_ms < clock_wall_ms() ? r->wanted.hi : INT64_MAX;
    for (size_t i = 0; ok && i < t->root_count; i++)
        if ((ok = tree_range(t, &t->roots[i], r->wanted.lo, hi, &ranges[count], err)))
            count++;
    if (ok)
        count = merge_ranges(ranges, count);
    for (size_t i = 0; ok && !r->ended && i < count; i++)
        ok = list_range(r, &ranges[i], err);
    for (size_t i = 0; i < count; i++)
        key_range_deinit(&ranges[i]);
    free(ranges);
    return ok;
}

/* --- the run ------------------------------------------------------------------------------------------------------ */

static bool is_forgotten(const struct s3_listing *l) {
    int64_t keep = (int64_t)l->tree.level_count * FORGET_NS_PER_LEVEL;
    return !l->discovered || clock_monotonic_ns() - l->discovered_ns > (keep > FORGET_NS ? keep : FORGET_NS);
}

static bool find_roots(struct run *r, struct err *err) {
    struct s3_listing *l = r->listing;
    struct tree *t = &l->tree;
    t->session = l->session;
    t->bucket = &l->place->bucket;
    t->scope = l->scope;
    t->errors = l->errors;
    t->stop = r->stop;
    t->requests = &r->result->requests;
    t->left_out = &r->result->left_out;
    t->loose = give_loose;
    t->context = r;
    t->ended = false;
    if (!r->again && is_forgotten(l)) {
        tree_clear(t);
        l->discovered = false;
        if (!tree_discover(t, err))
            return false;
        l->discovered = !t->ended && (t->root_count || t->level_count > 1); /* of nothing, nothing was learned */
        l->discovered_ns = clock_monotonic_ns();
    } else if (!tree_give_loose(t, err)) {
        return false;
    }
    if (t->capped && !l->capped_said) {
        l->capped_said = true;
        log_event(LOG_WARN, "too many folders in the bucket to look into each: they are listed whole",
                  LOG_FIELDS({"bucket", l->place->bucket.name}));
    }
    return true;
}

static bool run_once(struct run *r, struct err *err) {
    return find_roots(r, err) && (r->ended || list_roots(r, err));
}

/* The local times of [from, to], and a little more: a clock set back shows some of them before and some after. */
static struct stretch local_stretch(const struct s3_listing *l, int64_t from_ms, int64_t to_ms, bool wide) {
    struct stretch s = {INT64_MIN, INT64_MAX};
    int64_t wider = wide ? ODD_WIDER_MS : 0, far = INT64_MAX / 4;
    if (from_ms > -far) {
        int32_t a = time_zone_offset(l->zone, from_ms), b = time_zone_offset(l->zone, from_ms + 25 * HOUR_MS);
        s.lo = from_ms + (a < b ? a : b) * (int64_t)1000 - wider;
    }
    if (to_ms < far) {
        int32_t a = time_zone_offset(l->zone, to_ms), b = time_zone_offset(l->zone, to_ms - 25 * HOUR_MS);
        s.hi = to_ms + (a > b ? a : b) * (int64_t)1000 + wider;
    }
    return s;
}

bool s3_listing_run(struct s3_listing *l, int64_t from_ms, int64_t to_ms,
                    bool (*each)(void *context, const struct s3_listed *o), void *context,
                    struct s3_listing_result *result, const atomic_bool *stop, struct err *err) {
    *result = (struct s3_listing_result){.odd_times = l->odd};
    struct run r = {.listing = l,
                    .from_ms = from_ms,
                    .to_ms = to_ms,
                    .wanted = local_stretch(l, from_ms, to_ms, l->odd),
                    .each = each,
                    .context = context,
                    .result = result,
                    .stop = stop};
    if (!run_once(&r, err))
        return false;
    if (r.ended || l->odd || !is_odd(&r.odd))
        return true;
    l->odd = result->odd_times = true;
    log_event(LOG_WARN, "times in the bucket's keys do not go with those of its objects: say the time zone",
              LOG_FIELDS({"bucket", l->place->bucket.name}));
    r.again = true;
    r.had = r.wanted;
    r.wanted = local_stretch(l, from_ms, to_ms, true);
    return run_once(&r, err);
}
