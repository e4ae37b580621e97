/* Exemplars under the names that rows are shown with: where several fall together, the latest. */
#include "aggregate/detail_names.h"
#include "aggregate/snapshot_internal.h"
#include "core/alloc.h"

static uint64_t shown_key(const struct snapshot_builder *b, uint64_t key) {
    enum detail_kind kind = DETAIL_KEY_KIND(key);
    key = domains_detail_key(&b->a->domains, key, INT64_MAX);
    return DETAIL_KEY(kind, DETAIL_KEY_DETAIL(key), b->kept_sets[DETAIL_KEY_SET(key)],
                      detail_has_provider(kind) ? DETAIL_KEY_PROVIDER(key) : 0);
}

void snapshot_build_exemplars(struct snapshot_builder *b, struct snapshot *s) {
    struct map latest;
    uint64_t key;
    void *value;
    map_init(&latest, sizeof(struct exemplar));
    map_init(&b->exemplars, sizeof(uint32_t));
    for (size_t at = 0; map_next(&b->a->exemplars.latest, &at, &key, &value);) {
        const struct exemplar *one = value;
        if (b->a->watermark_ms - one->time_ms <= EXEMPLAR_SHOWN_MS)
            exemplars_put(&latest, shown_key(b, key), one);
    }
    s->exemplars = alloc_zeroed(latest.len, sizeof *s->exemplars);
    uint32_t count = 0;
    for (size_t at = 0; map_next(&latest, &at, &key, &value);) {
        s->exemplars[count] = *(const struct exemplar *)value;
        *(uint32_t *)map_put(&b->exemplars, key) = count++;
    }
    map_deinit(&latest);
}

const struct exemplar *snapshot_exemplar(const struct snapshot_builder *b, const struct snapshot *s, uint64_t key) {
    const uint32_t *at = map_get(&b->exemplars, key);
    return at ? &s->exemplars[*at] : NULL;
}
