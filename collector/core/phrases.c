#include "core/phrases.h"

#include <assert.h>
#include <stdlib.h>

#include "core/alloc.h"

/* While phrases are added they stand in a tree of single bytes. phrases_finish makes a table of it: a row for each
 * state, a column for each class of bytes. All bytes that stand in no phrase are one class. */
struct tree_node {
    uint32_t first_child, next_sibling; /* 0: none, as the root is nobody's child */
    int32_t phrase;                     /* the one that ends here, or -1 */
    unsigned char byte;
};

/* What a state has found: a phrase, and a shorter state that has found something too. */
struct finding {
    int32_t phrase; /* -1: none */
    uint32_t next;  /* a state; 0: none */
};

/* A step is the row to go to (where it begins in `steps`), and the flag when something is found there. */
#define FINDS (UINT32_C(1) << 31)

struct phrases {
    size_t count;
    struct tree_node *nodes; /* NULL once finished */
    uint32_t node_count, node_size;
    uint32_t *steps; /* NULL until finished */
    struct finding *findings;
    uint32_t width; /* classes of bytes */
    uint8_t class_of[256];
};

static_assert(((uint64_t)PHRASES_MAX * PHRASE_MAX_LEN + 1) * 256 < FINDS, "every row can be named beside the flag");

static inline unsigned char lower(char c) {
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static uint32_t add_node(struct phrases *p, unsigned char byte) {
    if (p->node_count == p->node_size) {
        p->node_size = p->node_size ? p->node_size * 2 : 1024;
        p->nodes = alloc_resize(p->nodes, p->node_size, sizeof *p->nodes);
    }
    p->nodes[p->node_count] = (struct tree_node){.byte = byte, .phrase = -1};
    return p->node_count++;
}

struct phrases *phrases_create(void) {
    struct phrases *p = alloc_zeroed(1, sizeof *p);
    add_node(p, 0);
    return p;
}

void phrases_destroy(struct phrases *p) {
    if (!p)
        return;
    free(p->nodes);
    free(p->steps);
    free(p->findings);
    free(p);
}

size_t phrases_count(const struct phrases *p) {
    return p->count;
}

/* The child of `node` for a byte; 0 when there is none. */
static uint32_t find_child(const struct phrases *p, uint32_t node, unsigned char byte) {
    uint32_t child = p->nodes[node].first_child;
    while (child && p->nodes[child].byte != byte)
        child = p->nodes[child].next_sibling;
    return child;
}

static uint32_t put_child(struct phrases *p, uint32_t node, unsigned char byte) {
    uint32_t child = find_child(p, node, byte);
    if (child)
        return child;
    child = add_node(p, byte);
    p->nodes[child].next_sibling = p->nodes[node].first_child;
    p->nodes[node].first_child = child;
    return child;
}

/* The phrase's own node if it was added before; 0 when not. */
static uint32_t find_node(const struct phrases *p, struct span phrase) {
    uint32_t node = 0;
    for (size_t i = 0; i < phrase.len; i++)
        if (!(node = find_child(p, node, lower(phrase.ptr[i]))))
            return 0;
    return node;
}

int phrases_add(struct phrases *p, struct span phrase) {
    assert(!p->steps);
    if (phrase.len == 0 || phrase.len > PHRASE_MAX_LEN)
        return -1;
    uint32_t node = find_node(p, phrase);
    if (node && p->nodes[node].phrase >= 0)
        return p->nodes[node].phrase;
    if (p->count == PHRASES_MAX)
        return -1;
    node = 0;
    for (size_t i = 0; i < phrase.len; i++)
        node = put_child(p, node, lower(phrase.ptr[i]));
    p->nodes[node].phrase = (int32_t)p->count;
    return (int)p->count++;
}

/* Class 0 is for the bytes of no phrase. */
static void assign_classes(struct phrases *p) {
    p->width = 1;
    for (uint32_t i = 1; i < p->node_count; i++) {
        unsigned char byte = p->nodes[i].byte;
        if (p->class_of[byte] == 0)
            p->class_of[byte] = (uint8_t)p->width++;
    }
    for (int c = 'A'; c <= 'Z'; c++)
        p->class_of[c] = p->class_of[c | 0x20];
}

static uint32_t state_of(const struct phrases *p, uint32_t step) {
    return (step & ~FINDS) / p->width;
}

/* Gives a child its state and row. `shorter` is the longest proper end of its bytes that is a state, too. */
static void enter_child(struct phrases *p, const struct tree_node *child, uint32_t state, uint32_t child_state,
                        uint32_t *shorter_of) {
    uint32_t *step = &p->steps[(size_t)state * p->width + p->class_of[child->byte]];
    uint32_t shorter = state ? state_of(p, *step) : 0; /* so far the row is a copy of the shorter state's row */
    const struct finding *below = &p->findings[shorter];
    p->findings[child_state] =
        (struct finding){.phrase = child->phrase, .next = below->phrase >= 0 ? shorter : below->next};
    bool finds = child->phrase >= 0 || p->findings[child_state].next;
    *step = child_state * p->width | (finds ? FINDS : 0);
    shorter_of[child_state] = shorter;
}

/* Breadth first: a state's row begins as a copy of a shorter state's row, which is complete by then. Short states,
 * which are visited most, come to lie together. */
void phrases_finish(struct phrases *p) {
    assert(!p->steps);
    assign_classes(p);
    p->steps = alloc_zeroed((size_t)p->node_count * p->width, sizeof *p->steps);
    p->findings = alloc_zeroed(p->node_count, sizeof *p->findings);
    p->findings[0].phrase = -1;
    uint32_t *node_of = alloc_zeroed(p->node_count, sizeof *node_of);
    uint32_t *shorter_of = alloc_zeroed(p->node_count, sizeof *shorter_of);
    uint32_t states = 1;
    for (uint32_t state = 0; state < states; state++) {
        if (state)
            memcpy(&p->steps[(size_t)state * p->width], &p->steps[(size_t)shorter_of[state] * p->width],
                   p->width * sizeof *p->steps);
        for (uint32_t child = p->nodes[node_of[state]].first_child; child; child = p->nodes[child].next_sibling) {
            node_of[states] = child;
            enter_child(p, &p->nodes[child], state, states++, shorter_of);
        }
    }
    assert(states == p->node_count);
    free(node_of);
    free(shorter_of);
    free(p->nodes);
    p->nodes = NULL;
}

void phrases_find(const struct phrases *p, struct span text, struct phrases_found *found) {
    assert(p->steps);
    uint32_t row = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint32_t step = p->steps[row + p->class_of[(unsigned char)text.ptr[i]]];
        row = step & ~FINDS;
        if (!(step & FINDS))
            continue;
        for (uint32_t state = row / p->width; state; state = p->findings[state].next) {
            int32_t phrase = p->findings[state].phrase;
            if (phrase < 0)
                continue;
            uint64_t *bits = &found->bits[phrase / 64], bit = UINT64_C(1) << (phrase % 64);
            if (*bits & bit)
                break; /* and so are all that it ends with */
            *bits |= bit;
        }
    }
}
