#include "aggregate/domains.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/cells.h"
#include "aggregate/detail_key.h"
#include "core/alloc.h"

_Static_assert(PROVIDER_MAX + MAX_DOMAINS_FOR_ALL <= UINT16_MAX, "a domain's number stands where a provider's does");

void domains_init(struct domains *d, enum learning learning) {
    *d = (struct domains){.learning = learning};
    map_init(&d->known, learning == LEARN_FOR_ALL ? sizeof(uint32_t) : sizeof(struct domain_hint));
}

void domains_deinit(struct domains *d) {
    map_deinit(&d->known);
    free(d->hints);
}

/* --- a batch run -------------------------------------------------------------------------------------------------- */

/* The domain's slot and 1; 0 when there is no place for another. */
static uint32_t slot_of(struct domains *d, uint64_t domain_key) {
    const uint32_t *found = map_get(&d->known, domain_key);
    if (found)
        return *found;
    if (d->count == MAX_DOMAINS_FOR_ALL)
        return 0;
    if (d->count == d->size) {
        d->size = d->size ? d->size * 2 : 64;
        d->hints = alloc_resize(d->hints, d->size, sizeof *d->hints);
    }
    d->hints[d->count++] = (struct domain_hint){0};
    *(uint32_t *)map_put(&d->known, domain_key) = d->count;
    return d->count;
}

/* The earliest holds, whatever the order they come in. */
static void learn_earliest(struct domains *d, const struct event *e) {
    uint32_t slot = slot_of(d, e->domain_key);
    if (!slot) {
        d->forgotten++;
        return;
    }
    struct domain_hint *h = &d->hints[slot - 1];
    d->learned += h->provider == PROVIDER_OTHER;
    if (h->provider == PROVIDER_OTHER || e->time_ms < h->time_ms || (e->time_ms == h->time_ms && e->hint < h->provider))
        *h = (struct domain_hint){.time_ms = e->time_ms, .provider = e->hint};
}

/* --- the service -------------------------------------------------------------------------------------------------- */

static uint16_t remembered(const struct domains *d, const struct event *e) {
    const struct domain_hint *h = map_get(&d->known, e->domain_key);
    return h && h->time_ms <= e->sent_ms ? h->provider : PROVIDER_OTHER;
}

/* The first one that is counted holds. */
static void learn_once(struct domains *d, const struct event *e) {
    if (map_get(&d->known, e->domain_key))
        return;
    if (d->known.len >= MAX_DOMAINS_FOR_LATER) {
        d->forgotten++;
        return;
    }
    struct domain_hint *h = map_put(&d->known, e->domain_key);
    h->time_ms = e->time_ms;
    h->provider = e->hint;
    d->learned++;
}

/* --- both --------------------------------------------------------------------------------------------------------- */

uint16_t domains_number(struct domains *d, const struct event *e) {
    if (!e->domain_key)
        return e->provider;
    uint32_t slot;
    switch (d->learning) {
    case LEARN_FOR_ALL:
        slot = slot_of(d, e->domain_key);
        return slot ? (uint16_t)(PROVIDER_MAX + slot - 1) : PROVIDER_OTHER;
    case LEARN_FOR_LATER:
        return remembered(d, e);
    case LEARN_NOTHING:
        break;
    }
    return PROVIDER_OTHER;
}

void domains_learn(struct domains *d, const struct event *e) {
    if (!e->domain_key || e->hint == PROVIDER_OTHER)
        return;
    if (d->learning == LEARN_FOR_ALL)
        learn_earliest(d, e);
    else if (d->learning == LEARN_FOR_LATER)
        learn_once(d, e);
}

uint16_t domains_provider(const struct domains *d, uint16_t number, int64_t hour) {
    if (number < PROVIDER_MAX)
        return number;
    assert(number - PROVIDER_MAX < (int64_t)d->count);
    const struct domain_hint *h = &d->hints[number - PROVIDER_MAX];
    return h->provider != PROVIDER_OTHER && floor_div(h->time_ms, HOUR_MS) <= hour ? h->provider : PROVIDER_OTHER;
}

uint64_t domains_cell_key(const struct domains *d, uint64_t key, int64_t hour) {
    const uint64_t low = 0xffff;
    if (CELL_KIND(key) == CELL_REASON)
        return (key & ~(low << 8)) | (uint64_t)domains_provider(d, CELL_REASON_PROVIDER(key), hour) << 8;
    if (CELL_KIND(key) == 0 || CELL_KIND(key) == CELL_PROVIDER)
        return (key & ~low) | domains_provider(d, CELL_PAIR_PROVIDER(key), hour);
    return key;
}

uint64_t domains_detail_key(const struct domains *d, uint64_t key, int64_t hour) {
    return (key & ~(uint64_t)0xffff) | domains_provider(d, DETAIL_KEY_PROVIDER(key), hour);
}

static void add_words(void *to, const void *from, size_t size, size_t word) {
    if (word == sizeof(uint32_t))
        for (size_t i = 0; i < size / word; i++)
            ((uint32_t *)to)[i] += ((const uint32_t *)from)[i];
    else
        for (size_t i = 0; i < size / word; i++)
            ((uint64_t *)to)[i] += ((const uint64_t *)from)[i];
}

void domains_fold(const struct domains *d, const struct map *from, domains_key_fn key_of, size_t word, int64_t hour,
                  struct map *to) {
    uint64_t key;
    void *value;
    assert(from->value_size % word == 0);
    map_init(to, from->value_size);
    for (size_t at = 0; map_next(from, &at, &key, &value);)
        add_words(map_put(to, key_of(d, key, hour)), value, from->value_size, word);
}
