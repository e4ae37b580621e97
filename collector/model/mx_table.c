#include "model/mx_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/hash.h"
#include "core/list_file.h"

/* docs/providers.md names these ceilings. */
enum {
    DOMAINS_MAX = 1000000,
    FILE_MAX = 64 << 20,
    DOMAIN_MAX_LEN = 253,
    LABEL_MAX_LEN = 63,
    PREFERENCE_MAX = 65535, /* of an MX record: the lowest is asked first */
};

/* A domain whose provider is known. Its name stands in `names`: a byte for its length, then the name. */
struct mx_slot {
    uint32_t hash;
    uint32_t name;     /* where it begins in `names`, plus 1; 0 = free */
    uint16_t provider; /* never PROVIDER_OTHER */
    uint16_t preference;
};

struct mx_table {
    struct mx_slot *slots;
    size_t slot_count; /* a power of two, at least 4/3 of count */
    size_t count;
    struct buf names;
};

/* What stands in the table is the operator's, and a look-up adds nothing: the key need not be secret. */
static uint32_t domain_hash(struct span domain) {
    static const struct hash_key key = {0x6d782d7461626c65, 0x646f6d61696e7321};
    return (uint32_t)hash_bytes(&key, domain.ptr, domain.len);
}

static struct mx_slot *find_slot(const struct mx_table *t, struct span domain, uint32_t hash) {
    for (size_t i = hash & (t->slot_count - 1);; i = (i + 1) & (t->slot_count - 1)) {
        struct mx_slot *slot = &t->slots[i];
        if (slot->name == 0)
            return slot;
        const char *name = t->names.data + slot->name - 1;
        if (slot->hash == hash && (unsigned char)name[0] == domain.len && memcmp(name + 1, domain.ptr, domain.len) == 0)
            return slot;
    }
}

static void grow_slots(struct mx_table *t) {
    struct mx_slot *old = t->slots;
    size_t old_count = t->slot_count;
    t->slot_count *= 2;
    t->slots = alloc_zeroed(t->slot_count, sizeof *t->slots);
    for (size_t i = 0; i < old_count; i++) {
        if (old[i].name == 0)
            continue;
        size_t to = old[i].hash & (t->slot_count - 1);
        while (t->slots[to].name)
            to = (to + 1) & (t->slot_count - 1);
        t->slots[to] = old[i];
    }
    free(old);
}

/* Of several servers the most preferred one decides, of equal ones the first; a provider by name (`is_final`) beats
 * them all. False when the table is full. */
static bool put_domain(struct mx_table *t, struct span domain, uint16_t provider, unsigned preference, bool is_final) {
    uint32_t hash = domain_hash(domain);
    struct mx_slot *slot = find_slot(t, domain, hash);
    unsigned rank = is_final ? 0 : preference < PREFERENCE_MAX ? preference + 1 : PREFERENCE_MAX;
    if (slot->name) {
        if (is_final || rank < slot->preference)
            slot->provider = provider, slot->preference = (uint16_t)rank;
        return true;
    }
    if (t->count == DOMAINS_MAX)
        return false;
    *slot = (struct mx_slot){hash, (uint32_t)t->names.len + 1, provider, (uint16_t)rank};
    if (!buf_append_char(&t->names, (char)domain.len) || !buf_append(&t->names, domain.ptr, domain.len))
        abort(); /* its limit holds DOMAINS_MAX names, so memory has run out */
    if (++t->count * 4 > t->slot_count * 3)
        grow_slots(t);
    return true;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* A comment as in our other lists, or as `dig` writes it. */
static const struct list_form form = {.max = FILE_MAX, .comments = "#;"};

struct loader {
    struct mx_table *t;
    const struct mail_hosts *hosts;
    const struct provider_table *providers;
    struct list_file file;
};

static bool is_number(struct span word) {
    for (size_t i = 0; i < word.len; i++)
        if (word.ptr[i] < '0' || word.ptr[i] > '9')
            return false;
    return word.len > 0;
}

/* -1 when it is no preference. */
static int parse_preference(struct span word) {
    int preference = 0;
    if (!is_number(word) || word.len > 5)
        return -1;
    for (size_t i = 0; i < word.len; i++)
        preference = preference * 10 + (word.ptr[i] - '0');
    return preference <= PREFERENCE_MAX ? preference : -1;
}

static bool is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Writes the domain as recipients' domains are: lower case, no dot at its end. Returns NULL, or what is wrong with it.
 */
static const char *parse_domain(struct span word, char out[DOMAIN_MAX_LEN], size_t *len) {
    for (size_t i = 0; i < word.len; i++)
        if ((unsigned char)word.ptr[i] > 0x7f)
            return "is not ASCII: write an internationalised domain with A-labels (xn--...)";
    if (word.len > 1 && word.ptr[word.len - 1] == '.')
        word.len--;
    if (word.len > DOMAIN_MAX_LEN)
        return "is too long for a domain: expected at most 253 bytes";
    size_t label = 0, dots = 0;
    bool is_right = true;
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        out[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
        is_right = is_right && (c == '.' ? label > 0 : is_name_byte(out[i]) && label < LABEL_MAX_LEN);
        label = c == '.' ? 0 : label + 1;
        dots += c == '.';
    }
    *len = word.len;
    return is_right && dots && label ? NULL
                                     : "is no domain: expected a line `example.com MX-HOST...` or "
                                       "`example.com provider=NAME`";
}

static uint16_t provider_named(const struct provider_table *providers, struct span name) {
    for (size_t i = PROVIDER_SIMULATOR + 1; i < provider_table_count(providers); i++)
        if (span_eq(span_of(provider_table_name(providers, (uint16_t)i)), name))
            return (uint16_t)i;
    return PROVIDER_OTHER;
}

static bool put(struct loader *l, struct span word, struct span domain, uint16_t provider, unsigned preference,
                bool is_final) {
    if (provider == PROVIDER_OTHER || put_domain(l->t, domain, provider, preference, is_final))
        return true;
    return list_file_fail(&l->file, word,
                          "is one too many: expected at most 1000000 domains with servers that are known");
}

/* `example.com provider=NAME`: `word` is the second word. */
static bool load_named(struct loader *l, struct span domain, struct span word) {
    size_t skip = sizeof "provider=" - 1;
    struct span name = {word.ptr + skip, word.len - skip};
    uint16_t provider = provider_named(l->providers, name);
    if (provider == PROVIDER_OTHER)
        return list_file_fail(&l->file, word, "names no provider: expected one of the table or of the providers file");
    struct span more = list_file_next_word(&l->file);
    if (more.len)
        return list_file_fail(&l->file, more, "is too much: expected nothing behind provider=NAME");
    return put(l, word, domain, provider, 0, true);
}

static bool is_word(struct span word, const char *wanted) {
    return span_eq_nocase(word, span_of(wanted));
}

/* `example.com. 300 IN MX 10 mx.example.net.`: `word` is the second word. Records of other types say nothing. */
static bool load_record(struct loader *l, struct span domain, struct span word) {
    if (is_number(word))
        word = list_file_next_word(&l->file);
    if (is_word(word, "in"))
        word = list_file_next_word(&l->file);
    if (!word.len)
        return list_file_fail(&l->file, word,
                              "the record ends too early: expected `example.com. 300 IN MX 10 mx.example.net.`");
    if (!is_word(word, "mx"))
        return true;
    struct span number = list_file_next_word(&l->file), host = list_file_next_word(&l->file);
    int preference = parse_preference(number);
    if (number.len && preference < 0)
        return list_file_fail(&l->file, number, "is no preference: expected 0 to 65535 behind MX");
    if (!host.len)
        return list_file_fail(&l->file, host,
                              "the record ends too early: expected a preference and a mail server behind MX");
    return put(l, host, domain, mail_hosts_find(l->hosts, host), (unsigned)preference, false);
}

/* `example.com mx.example.net mx2.example.net`: the first that is known decides. */
static bool load_servers(struct loader *l, struct span domain, struct span word) {
    uint16_t provider = PROVIDER_OTHER;
    struct span first = word;
    for (; word.len; word = list_file_next_word(&l->file)) {
        for (size_t i = 0; i < word.len; i++) {
            char c = word.ptr[i];
            if (c != '.' && !is_name_byte((char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c)))
                return list_file_fail(&l->file, word, "is no mail server: expected a name such as mx.example.net");
        }
        if (provider == PROVIDER_OTHER)
            provider = mail_hosts_find(l->hosts, word);
    }
    return put(l, first, domain, provider, 0, false);
}

static bool load_line(struct loader *l) {
    struct span word = list_file_next_word(&l->file);
    if (!word.len)
        return true;
    char name[DOMAIN_MAX_LEN];
    struct span domain = {name, 0};
    const char *wrong = parse_domain(word, name, &domain.len);
    if (wrong)
        return list_file_fail(&l->file, word, wrong);
    word = list_file_next_word(&l->file);
    if (word.len >= sizeof "provider=" - 1 && memcmp(word.ptr, "provider=", sizeof "provider=" - 1) == 0)
        return load_named(l, domain, word);
    if (is_number(word) || is_word(word, "in") || is_word(word, "mx"))
        return load_record(l, domain, word);
    return load_servers(l, domain, word); /* none at all: a domain without MX records */
}

struct mx_table *mx_table_load(const char *path, const struct mail_hosts *hosts, const struct provider_table *providers,
                               struct err *err) {
    struct mx_table *t = alloc_zeroed(1, sizeof *t);
    t->slot_count = 64;
    t->slots = alloc_zeroed(t->slot_count, sizeof *t->slots);
    buf_init(&t->names, (size_t)DOMAINS_MAX * (DOMAIN_MAX_LEN + 1));
    struct loader l = {.t = t, .hosts = hosts, .providers = providers};
    bool ok = list_file_open(&l.file, path, &form, err);
    while (ok && list_file_next_line(&l.file))
        ok = load_line(&l);
    list_file_close(&l.file);
    if (ok)
        return t;
    mx_table_destroy(t);
    return NULL;
}

void mx_table_destroy(struct mx_table *t) {
    if (!t)
        return;
    free(t->slots);
    buf_deinit(&t->names);
    free(t);
}

size_t mx_table_count(const struct mx_table *t) {
    return t->count;
}

uint16_t mx_table_find(const struct mx_table *t, struct span domain) {
    if (domain.len == 0 || domain.len > DOMAIN_MAX_LEN)
        return PROVIDER_OTHER;
    const struct mx_slot *slot = find_slot(t, domain, domain_hash(domain));
    return slot->name ? slot->provider : PROVIDER_OTHER;
}
