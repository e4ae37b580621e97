#include "core/networks.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

enum { BITS = 129 }; /* prefix lengths of IPv6: 0 to 128 */

/* 128 bits, the first one on top of `high`. Of an IPv4 address only the first 32 are used. */
struct bits128 {
    uint64_t high, low;
};

struct address {
    bool v6;
    struct bits128 bits;
};

struct network {
    struct bits128 bits;
    uint8_t length;
    bool v6;
    int number;
    size_t order; /* in which it was added: of two equal ones the first stays */
};

/* The networks with one prefix length: a sorted stretch of `all`. */
struct stretch {
    size_t begin, count;
    uint8_t length;
};

struct networks {
    struct network *all; /* owned; once finished: IPv4 first, long prefixes first, then by their bits */
    size_t count, size;
    struct stretch stretches[2][BITS]; /* of IPv4 and of IPv6, the longest first */
    size_t stretch_counts[2];
    bool finished;
};

struct networks *networks_create(void) {
    return alloc_zeroed(1, sizeof(struct networks));
}

void networks_destroy(struct networks *n) {
    if (!n)
        return;
    free(n->all);
    free(n);
}

static int compare_bits(struct bits128 a, struct bits128 b) {
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    return (a.low > b.low) - (a.low < b.low);
}

static struct bits128 mask(struct bits128 a, unsigned length) {
    if (length <= 64)
        return (struct bits128){length ? a.high & UINT64_MAX << (64 - length) : 0, 0};
    return (struct bits128){a.high, length < 128 ? a.low & UINT64_MAX << (128 - length) : a.low};
}

static uint64_t load_big_endian(const unsigned char *p) {
    uint64_t x = 0;
    for (int i = 0; i < 8; i++)
        x = x << 8 | p[i];
    return x;
}

/* The only forms are inet_pton's: nothing before or behind, no zone, no octal. */
static bool parse_address(struct span text, struct address *out) {
    char copy[INET6_ADDRSTRLEN];
    unsigned char bytes[16] = {0};
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.ptr, '\0', text.len))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    out->v6 = memchr(copy, ':', text.len) != NULL;
    if (inet_pton(out->v6 ? AF_INET6 : AF_INET, copy, bytes) != 1)
        return false;
    out->bits = (struct bits128){load_big_endian(bytes), load_big_endian(bytes + 8)};
    return true;
}

enum { MAPPED_LENGTH = 96 }; /* ::ffff:0:0/96 holds the IPv4 addresses */

static bool is_mapped(const struct address *a) {
    return a->v6 && a->bits.high == 0 && a->bits.low >> 32 == 0xffff;
}

static struct address unmap(struct address a) {
    return is_mapped(&a) ? (struct address){false, {a.bits.low << 32, 0}} : a;
}

/* 0 to `most`, without leading zeros; -1 when it is none. */
static int parse_length(struct span text, int most) {
    if (text.len == 0 || text.len > 3 || (text.ptr[0] == '0' && text.len > 1))
        return -1;
    int length = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return -1;
        length = length * 10 + (text.ptr[i] - '0');
    }
    return length <= most ? length : -1;
}

bool networks_add(struct networks *n, struct span network, int number) {
    assert(!n->finished && number >= 0);
    const char *slash = network.len ? memchr(network.ptr, '/', network.len) : NULL;
    struct address a;
    if (!parse_address(slash ? (struct span){network.ptr, (size_t)(slash - network.ptr)} : network, &a))
        return false;
    int length = a.v6 ? 128 : 32;
    if (slash)
        length = parse_length((struct span){slash + 1, network.len - (size_t)(slash + 1 - network.ptr)}, length);
    if (length < 0 || compare_bits(mask(a.bits, (unsigned)length), a.bits) != 0)
        return false;
    if (is_mapped(&a) && length >= MAPPED_LENGTH) {
        a = unmap(a);
        length -= MAPPED_LENGTH;
    }
    if (n->count == n->size) {
        n->size = n->size ? n->size * 2 : 64;
        n->all = alloc_resize(n->all, n->size, sizeof *n->all);
    }
    n->all[n->count] = (struct network){a.bits, (uint8_t)length, a.v6, number, n->count};
    n->count++;
    return true;
}

static int compare_networks(const void *left, const void *right) {
    const struct network *a = left, *b = right;
    if (a->v6 != b->v6)
        return a->v6 ? 1 : -1;
    if (a->length != b->length)
        return a->length > b->length ? -1 : 1;
    int bits = compare_bits(a->bits, b->bits);
    return bits ? bits : (a->order > b->order) - (a->order < b->order);
}

static bool is_same(const struct network *a, const struct network *b) {
    return a->v6 == b->v6 && a->length == b->length && compare_bits(a->bits, b->bits) == 0;
}

void networks_finish(struct networks *n) {
    n->finished = true;
    if (n->count == 0)
        return;
    qsort(n->all, n->count, sizeof *n->all, compare_networks);
    size_t kept = 0;
    for (size_t i = 0; i < n->count; i++) {
        const struct network *next = &n->all[i];
        if (kept && is_same(&n->all[kept - 1], next))
            continue;
        size_t *stretches = &n->stretch_counts[next->v6];
        struct stretch *last = *stretches ? &n->stretches[next->v6][*stretches - 1] : NULL;
        if (!last || last->length != next->length) {
            last = &n->stretches[next->v6][(*stretches)++];
            *last = (struct stretch){.begin = kept, .length = next->length};
        }
        last->count++;
        n->all[kept++] = *next;
    }
    n->count = kept;
}

static const struct network *find_in(const struct networks *n, const struct stretch *s, struct bits128 address) {
    struct bits128 wanted = mask(address, s->length);
    size_t low = s->begin, high = s->begin + s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_bits(n->all[middle].bits, wanted);
        if (order == 0)
            return &n->all[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

int networks_find(const struct networks *n, struct span address) {
    assert(n->finished);
    struct address a;
    if (!parse_address(address, &a))
        return -1;
    a = unmap(a);
    for (size_t i = 0; i < n->stretch_counts[a.v6]; i++) {
        const struct network *found = find_in(n, &n->stretches[a.v6][i], a.bits);
        if (found)
            return found->number;
    }
    return -1;
}
