#include "simulate/pick.h"

#include <stdlib.h>

#include "core/alloc.h"

/* Every slot gets one share of the whole; what a light thing leaves free in its slot is given to a heavy one. */
void pick_init(struct pick *p, const double *weights, uint32_t count) {
    double *share = alloc_zeroed(count, sizeof *share);
    uint32_t *light = alloc_zeroed(count, sizeof *light), *heavy = alloc_zeroed(count, sizeof *heavy);
    uint32_t lights = 0, heavies = 0;
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += weights[i];
    p->count = count;
    p->slots = alloc_zeroed(count, sizeof *p->slots);
    for (uint32_t i = 0; i < count; i++) {
        share[i] = weights[i] * count / sum;
        p->slots[i] = (struct pick_slot){UINT32_MAX, i};
        if (share[i] < 1.0)
            light[lights++] = i;
        else
            heavy[heavies++] = i;
    }
    while (lights && heavies) {
        uint32_t small = light[--lights], big = heavy[heavies - 1];
        p->slots[small] = (struct pick_slot){(uint32_t)(share[small] * 4294967295.0), big};
        share[big] -= 1.0 - share[small];
        if (share[big] < 1.0) {
            heavies--;
            light[lights++] = big;
        }
    }
    free(share);
    free(light);
    free(heavy);
}

void pick_deinit(struct pick *p) {
    free(p->slots);
    *p = (struct pick){0};
}
