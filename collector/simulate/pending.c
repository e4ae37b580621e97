#include "simulate/pending.h"

#include <stdlib.h>

#include "core/alloc.h"

/* Ties are broken by what stands in the record, so that the order does not depend on the heap's shape. */
static bool pending_before(const struct pending *a, const struct pending *b) {
    if (a->arrival_ms != b->arrival_ms)
        return a->arrival_ms < b->arrival_ms;
    if (a->message != b->message)
        return a->message < b->message;
    return a->ordinal != b->ordinal ? a->ordinal < b->ordinal : a->what < b->what;
}

void pending_push(struct pending_heap *h, const struct pending *e) {
    if (h->count == h->size) {
        h->size = h->size ? h->size + h->size / 2 : 4096;
        h->items = alloc_resize(h->items, h->size, sizeof *h->items);
    }
    size_t at = h->count++;
    while (at) {
        size_t parent = (at - 1) / 4;
        if (!pending_before(e, &h->items[parent]))
            break;
        h->items[at] = h->items[parent];
        at = parent;
    }
    h->items[at] = *e;
}

bool pending_pop(struct pending_heap *h, struct pending *e) {
    if (!h->count)
        return false;
    *e = h->items[0];
    struct pending last = h->items[--h->count];
    size_t at = 0;
    for (size_t child = 1; child < h->count; child = at * 4 + 1) {
        size_t end = child + 4 < h->count ? child + 4 : h->count, least = child;
        for (size_t i = child + 1; i < end; i++)
            least = pending_before(&h->items[i], &h->items[least]) ? i : least;
        if (!pending_before(&h->items[least], &last))
            break;
        h->items[at] = h->items[least];
        at = least;
    }
    if (h->count)
        h->items[at] = last;
    return true;
}

void pending_deinit(struct pending_heap *h) {
    free(h->items);
    *h = (struct pending_heap){0};
}
