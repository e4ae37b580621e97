/* Keyed hashing (SipHash-1-3, Aumasson and Bernstein 2012): input cannot be chosen to collide without the key. */
#ifndef CORE_HASH_H
#define CORE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t k0, k1;
};

/* A key from the system's random source; ends the program if there is none. */
struct hash_key hash_key_random(void);

uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t len);

/* Several fields into one hash. Each field goes in with its length, so ("ab","c") differs from ("a","bc"). */
struct hash_state {
    uint64_t v0, v1, v2, v3;
    uint64_t total;
};

#define HASH_ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

static inline void hash_round(struct hash_state *s) {
    s->v0 += s->v1;
    s->v1 = HASH_ROTL(s->v1, 13) ^ s->v0;
    s->v0 = HASH_ROTL(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = HASH_ROTL(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = HASH_ROTL(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = HASH_ROTL(s->v1, 17) ^ s->v2;
    s->v2 = HASH_ROTL(s->v2, 32);
}

static inline void hash_begin(struct hash_state *s, const struct hash_key *key) {
    s->v0 = key->k0 ^ 0x736f6d6570736575ull;
    s->v1 = key->k1 ^ 0x646f72616e646f6dull;
    s->v2 = key->k0 ^ 0x6c7967656e657261ull;
    s->v3 = key->k1 ^ 0x7465646279746573ull;
    s->total = 0;
}

static inline void hash_u64(struct hash_state *s, uint64_t m) {
    s->v3 ^= m;
    hash_round(s);
    s->v0 ^= m;
    s->total += 8;
}

void hash_field(struct hash_state *s, const void *data, size_t len);

static inline uint64_t hash_end(const struct hash_state *state) {
    struct hash_state s = *state;
    hash_u64(&s, s.total << 56);
    s.v2 ^= 0xff;
    hash_round(&s);
    hash_round(&s);
    hash_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/* Spreads an integer over 64 bits; for tables whose keys are our own small numbers, not input. */
static inline uint64_t hash_mix(uint64_t x) {
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ull;
    x ^= x >> 32;
    return x;
}

#endif
