#include "core/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct hash_key hash_key_random(void) {
    struct hash_key key;
    if (getrandom(&key, sizeof key, 0) != (ssize_t)sizeof key) {
        perror("ses-collector: no random numbers from the system");
        abort();
    }
    return key;
}

void hash_field(struct hash_state *s, const void *data, size_t len) {
    const char *p = data;
    hash_u64(s, len);
    while (len >= 8) {
        uint64_t m;
        memcpy(&m, p, 8);
        hash_u64(s, m);
        p += 8;
        len -= 8;
    }
    if (len) {
        uint64_t m = 0;
        memcpy(&m, p, len);
        hash_u64(s, m);
    }
}

uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t len) {
    struct hash_state s;
    hash_begin(&s, key);
    hash_field(&s, data, len);
    return hash_end(&s);
}
