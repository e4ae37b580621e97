#include "aggregate/exemplars.h"

#include "aggregate/detail_key.h"
#include "aggregate/detail_names.h"

void exemplars_init(struct exemplars *x) {
    map_init(&x->latest, sizeof(struct exemplar));
    x->newest_ms = INT64_MIN;
}

void exemplars_deinit(struct exemplars *x) {
    map_deinit(&x->latest);
}

void exemplars_put(struct map *latest, uint64_t key, const struct exemplar *one) {
    struct exemplar *there = map_put(latest, key);
    if (!there->message || one->time_ms > there->time_ms ||
        (one->time_ms == there->time_ms && one->message > there->message))
        *there = *one;
}

/* Not more than half stays, so that this is rare. */
static void make_room(struct exemplars *x) {
    struct map kept;
    uint64_t key;
    void *value;
    map_init(&kept, sizeof(struct exemplar));
    for (size_t at = 0; kept.len < EXEMPLARS_MAX / 2 && map_next(&x->latest, &at, &key, &value);)
        if (x->newest_ms - ((const struct exemplar *)value)->time_ms <= EXEMPLAR_SHOWN_MS)
            exemplars_put(&kept, key, value);
    map_deinit(&x->latest);
    x->latest = kept;
}

static void note(struct exemplars *x, const struct event *e, unsigned kind, uint32_t detail,
                 const struct exemplar *one) {
    uint64_t key = DETAIL_KEY(kind, detail, e->set, e->provider);
    const struct exemplar *there = map_get(&x->latest, key);
    if (there && there->time_ms >= one->time_ms)
        return;
    if (!there && x->latest.len >= EXEMPLARS_MAX)
        make_room(x);
    exemplars_put(&x->latest, key, one);
}

void exemplars_note(struct exemplars *x, const struct event *e, uint64_t message) {
    struct exemplar one = {.message = message, .value = 1, .time_ms = e->time_ms};
    struct detail details[EVENT_DETAILS];
    unsigned count = detail_of_event(e, details);
    if (e->time_ms > x->newest_ms)
        x->newest_ms = e->time_ms;
    for (unsigned i = 0; i < count; i++)
        note(x, e, details[i].kind, details[i].detail, &one);
    if (e->delivery_ms == EVENT_NO_DELIVERY_MS)
        return;
    one.value = e->delivery_ms / 1000.0;
    note(x, e, EXEMPLAR_DELIVERY, (uint32_t)delivery_bucket(e->delivery_ms), &one);
}
