/* Draws one of many things by weight in constant time (Walker's alias method, as Vose builds it). */
#ifndef SIMULATE_PICK_H
#define SIMULATE_PICK_H

#include <stddef.h>
#include <stdint.h>

struct pick_slot {
    uint32_t threshold; /* below it: this one; else the alias */
    uint32_t alias;
};

struct pick {
    struct pick_slot *slots; /* owned */
    uint32_t count;
};

/* `weights`: not negative, their sum over 0; count > 0. */
void pick_init(struct pick *p, const double *weights, uint32_t count);
void pick_deinit(struct pick *p);

/* `random`: 64 random bits. */
static inline uint32_t pick_draw(const struct pick *p, uint64_t random) {
    uint32_t i = (uint32_t)(((random >> 32) * p->count) >> 32);
    return (uint32_t)random < p->slots[i].threshold ? i : p->slots[i].alias;
}

#endif
