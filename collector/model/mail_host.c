#include "model/mail_host.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/hash.h"
#include "model/mail_host_builtin.h"

enum { HOST_MAX_LEN = 253, SLOTS = 512 }; /* a power of two, over twice the names */

/* A name of the list, without `*` and the dot behind it. */
struct host_slot {
    uint64_t hash;
    const char *text; /* borrowed from the list */
    uint8_t len;      /* 0 = free */
    bool is_suffix;
    uint16_t provider;
};

struct mail_hosts {
    struct host_slot slots[SLOTS];
};

/* From the last byte to the first, so that one pass over a host has the hash of every ending of it. */
static inline uint64_t hash_step(uint64_t hash, unsigned char c) {
    return (hash ^ c) * 0x9e3779b97f4a7c15ull;
}
enum { HASH_SEED = 0x2545f491 };

static inline unsigned char lower(char c) {
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static bool ends_with(const char *end, const struct host_slot *slot) {
    const char *begin = end - slot->len;
    for (size_t i = 0; i < slot->len; i++)
        if (lower(begin[i]) != (unsigned char)slot->text[i])
            return false;
    return true;
}

/* The slot of a name `len` bytes long that ends at `end`, or the free one where it would stand. */
static const struct host_slot *find_slot(const struct mail_hosts *h, uint64_t hash, const char *end, size_t len,
                                         bool is_suffix) {
    for (size_t i = hash_mix(hash) % SLOTS;; i = (i + 1) % SLOTS) {
        const struct host_slot *slot = &h->slots[i];
        if (slot->len == 0 ||
            (slot->hash == hash && slot->len == len && slot->is_suffix == is_suffix && ends_with(end, slot)))
            return slot;
    }
}

static uint16_t provider_named(const struct provider_table *providers, const char *name) {
    for (size_t i = 0; i < provider_table_count(providers); i++)
        if (strcmp(provider_table_name(providers, (uint16_t)i), name) == 0)
            return (uint16_t)i;
    return PROVIDER_OTHER; /* a host of nobody's */
}

static void add_host(struct mail_hosts *h, struct span host, uint16_t provider) {
    bool is_suffix = host.len > 2 && memcmp(host.ptr, "*.", 2) == 0;
    if (is_suffix)
        host.ptr += 2, host.len -= 2;
    assert(host.len > 0 && host.len <= HOST_MAX_LEN);
    uint64_t hash = HASH_SEED;
    for (size_t i = host.len; i-- > 0;)
        hash = hash_step(hash, (unsigned char)host.ptr[i]);
    struct host_slot *slot = (struct host_slot *)find_slot(h, hash, host.ptr + host.len, host.len, is_suffix);
    assert(slot->len == 0);
    *slot = (struct host_slot){hash, host.ptr, (uint8_t)host.len, is_suffix, provider};
}

struct mail_hosts *mail_hosts_create(const struct provider_table *providers) {
    struct mail_hosts *h = alloc_zeroed(1, sizeof *h);
    size_t added = 0;
    for (size_t i = 0; i < mail_host_builtin_count; i++) {
        uint16_t provider = provider_named(providers, mail_host_builtins[i].provider);
        for (const char *p = mail_host_builtins[i].hosts; *p;) {
            size_t len = strcspn(p, " ");
            add_host(h, (struct span){p, len}, provider);
            p += len + (p[len] == ' ');
            added++;
        }
    }
    assert(added * 2 <= SLOTS);
    (void)added;
    return h;
}

void mail_hosts_destroy(struct mail_hosts *h) {
    free(h);
}

uint16_t mail_hosts_find(const struct mail_hosts *h, struct span host) {
    if (host.len && host.ptr[host.len - 1] == '.')
        host.len--;
    if (host.len == 0 || host.len > HOST_MAX_LEN)
        return PROVIDER_OTHER;
    const char *end = host.ptr + host.len;
    uint16_t provider = PROVIDER_OTHER;
    uint64_t hash = HASH_SEED;
    for (size_t i = host.len; i-- > 0;) {
        hash = hash_step(hash, lower(host.ptr[i]));
        if (i && host.ptr[i - 1] != '.')
            continue;
        size_t len = host.len - i;
        /* The longest name that fits has the last word. */
        const struct host_slot *slot = find_slot(h, hash, end, len, i > 0);
        if (slot->len)
            provider = slot->provider;
    }
    return provider;
}
