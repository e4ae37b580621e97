#include "model/provider.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/hash.h"
#include "core/list_file.h"
#include "model/provider_builtin.h"

/* Ceilings, the built-in table included. docs/providers.md names them. */
enum {
    NAME_MAX_LEN = 40,
    PROVIDERS_MAX = 1000,
    DOMAINS_MAX = 100000,
    FILE_MAX = 16 << 20,
    DOMAIN_MAX_LEN = 253,
    LABEL_MAX_LEN = 63,
};

/* The three forms of a rule; where several fit a domain, the first here wins. */
enum rule_kind {
    RULE_DOMAIN, /* example.org */
    RULE_NAME,   /* example.*: the label right before a public suffix */
    RULE_SUFFIX, /* *.example.org: every name below it; the longest wins */
};

struct rule {
    enum rule_kind kind;
    size_t len;
    char text[DOMAIN_MAX_LEN]; /* without the `*` and its dot */
};

struct rule_slot {
    uint32_t hash;
    uint32_t text; /* where it begins in `texts` */
    uint16_t provider;
    uint8_t len; /* 0 = free */
    uint8_t kind;
};

struct provider {
    char name[NAME_MAX_LEN + 1];
    bool has_feedback_loop;
};

/* All rules stand in one open-addressing table. The hash needs no key: what stands in it is ours or the operator's, and
 * a look-up adds nothing. The sets of lengths spare nearly every unknown domain the look-ups for patterns. */
struct provider_table {
    struct provider providers[PROVIDERS_MAX];
    size_t provider_count;
    struct rule_slot *slots;
    size_t slot_count; /* a power of two, at least twice rule_count */
    size_t rule_count;
    struct buf texts;
    uint64_t name_lengths;      /* bit n: there is a RULE_NAME of n bytes */
    uint64_t suffix_lengths[4]; /* the same for RULE_SUFFIX */
};

static_assert(PROVIDERS_MAX <= (int)PROVIDER_MAX, "ids are below PROVIDER_MAX");
static_assert(DOMAIN_MAX_LEN <= UINT8_MAX, "lengths fit a slot");

static inline uint64_t load8(const char *p) {
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static inline uint64_t load4(const char *p) {
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

/* Whole words; the last one overlaps the one before, so no byte loop. */
static inline uint32_t rule_hash(enum rule_kind kind, const char *s, size_t len) {
    uint64_t h = (len << 2 | kind) * 0x9e3779b97f4a7c15ull;
    uint64_t last;
    if (len >= 8) {
        for (size_t i = 0; i + 8 < len; i += 8)
            h = hash_mix(h ^ load8(s + i));
        last = load8(s + len - 8);
    } else if (len >= 4) {
        last = load4(s) | load4(s + len - 4) << 32;
    } else {
        last = (uint64_t)(unsigned char)s[0] | (uint64_t)(unsigned char)s[len / 2] << 8 |
               (uint64_t)(unsigned char)s[len - 1] << 16;
    }
    return (uint32_t)hash_mix(h ^ last);
}

/* The slot of a rule, or the free one where it would stand. */
static inline struct rule_slot *find_slot(const struct provider_table *t, enum rule_kind kind, const char *s,
                                          size_t len, uint32_t hash) {
    size_t mask = t->slot_count - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct rule_slot *slot = &t->slots[i];
        if (slot->len == 0 || (slot->hash == hash && slot->len == len && slot->kind == (uint8_t)kind &&
                               memcmp(t->texts.data + slot->text, s, len) == 0))
            return slot;
    }
}

/* `len` is 1 to DOMAIN_MAX_LEN. PROVIDER_OTHER when there is no such rule: no rule leads there. */
static inline uint16_t find_rule(const struct provider_table *t, enum rule_kind kind, const char *s, size_t len) {
    return find_slot(t, kind, s, len, rule_hash(kind, s, len))->provider;
}

static void grow_slots(struct provider_table *t) {
    struct rule_slot *old = t->slots;
    size_t old_count = t->slot_count;
    t->slot_count *= 2;
    t->slots = alloc_zeroed(t->slot_count, sizeof *t->slots);
    for (size_t i = 0; i < old_count; i++) {
        if (old[i].len == 0)
            continue;
        size_t to = old[i].hash & (t->slot_count - 1);
        while (t->slots[to].len)
            to = (to + 1) & (t->slot_count - 1);
        t->slots[to] = old[i];
    }
    free(old);
}

/* Adds a rule, or moves it to `provider`. False when the table is full. */
static bool put_rule(struct provider_table *t, const struct rule *rule, uint16_t provider) {
    uint32_t hash = rule_hash(rule->kind, rule->text, rule->len);
    struct rule_slot *slot = find_slot(t, rule->kind, rule->text, rule->len, hash);
    if (slot->len) {
        slot->provider = provider;
        return true;
    }
    if (t->rule_count == DOMAINS_MAX)
        return false;
    *slot = (struct rule_slot){.hash = hash,
                               .text = (uint32_t)t->texts.len,
                               .provider = provider,
                               .len = (uint8_t)rule->len,
                               .kind = (uint8_t)rule->kind};
    if (!buf_append(&t->texts, rule->text, rule->len))
        abort(); /* its limit holds DOMAINS_MAX names, so memory has run out */
    if (rule->kind == RULE_NAME)
        t->name_lengths |= UINT64_C(1) << rule->len;
    if (rule->kind == RULE_SUFFIX)
        t->suffix_lengths[rule->len / 64] |= UINT64_C(1) << (rule->len % 64);
    if (++t->rule_count * 2 > t->slot_count)
        grow_slots(t);
    return true;
}

/* Labels of letters, digits, `-` and `_`, each 1 to 63 bytes, no hyphen at either end. */
static bool is_domain(const char *s, size_t len) {
    size_t label = 0;
    for (size_t i = 0; i <= len; i++) {
        char c = i < len ? s[i] : '.';
        if (c == '.') {
            if (label == 0 || label > LABEL_MAX_LEN || s[i - 1] == '-' || s[i - label] == '-')
                return false;
            label = 0;
            continue;
        }
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
        label++;
    }
    return true;
}

/* Reads a domain or pattern in any case, with or without a last dot. Returns NULL, or what is wrong with it. */
static const char *parse_rule(struct span text, struct rule *rule) {
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] > 0x7f)
            return "is not ASCII: write an internationalised domain with A-labels (xn--...)";
    rule->kind = RULE_DOMAIN;
    if (text.len > 2 && memcmp(text.ptr, "*.", 2) == 0) {
        rule->kind = RULE_SUFFIX;
        text.ptr += 2, text.len -= 2;
    } else if (text.len > 2 && memcmp(text.ptr + text.len - 2, ".*", 2) == 0) {
        rule->kind = RULE_NAME;
        text.len -= 2;
    }
    if (text.len > 1 && text.ptr[text.len - 1] == '.' && rule->kind != RULE_NAME)
        text.len--;
    if (text.len > DOMAIN_MAX_LEN)
        return "is too long for a domain: expected at most 253 bytes";
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        rule->text[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    rule->len = text.len;
    bool has_dot = memchr(rule->text, '.', rule->len) != NULL;
    bool dots_right = rule->kind == RULE_SUFFIX || has_dot == (rule->kind == RULE_DOMAIN);
    if (!dots_right || !is_domain(rule->text, rule->len))
        return "is no domain: expected example.com, a pattern (*.example.com, example.*), or `provider NAME`";
    return NULL;
}

/* Adds a provider, or finds the one of that name. PROVIDER_OTHER when the table is full. */
static uint16_t put_provider(struct provider_table *t, struct span name) {
    for (size_t i = 0; i < t->provider_count; i++)
        if (span_eq(span_of(t->providers[i].name), name))
            return (uint16_t)i;
    if (t->provider_count == PROVIDERS_MAX)
        return PROVIDER_OTHER;
    assert(name.len <= NAME_MAX_LEN);
    struct provider *p = &t->providers[t->provider_count];
    memcpy(p->name, name.ptr, name.len);
    p->name[name.len] = '\0';
    return (uint16_t)t->provider_count++;
}

static void add_builtin(struct provider_table *t, const struct provider_builtin *b) {
    uint16_t provider = put_provider(t, span_of(b->name));
    t->providers[provider].has_feedback_loop = b->feedback_loop;
    for (const char *at = b->domains; *at;) {
        struct span domain = {at, strcspn(at, " ")};
        struct rule rule;
        const char *wrong = parse_rule(domain, &rule);
        assert(!wrong);
        bool added = put_rule(t, &rule, provider);
        assert(added);
        at += domain.len + strspn(at + domain.len, " ");
    }
}

static const char simulator_domain[] = "simulator.amazonses.com";

static bool is_provider_name(struct span s);

/* The first numbers as they were given before. */
static bool put_numbered(struct provider_table *t, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct span name = span_of(names[i]);
        if (name.len > NAME_MAX_LEN || !is_provider_name(name) || i >= PROVIDERS_MAX || put_provider(t, name) != i)
            return false;
    }
    return true;
}

struct provider_table *provider_table_create(void) {
    return provider_table_create_numbered(NULL, 0);
}

struct provider_table *provider_table_create_numbered(const char *const *names, size_t count) {
    static const char *const first[] = {"other", "multiple", "simulator"};
    for (size_t i = 0; i < count && i < sizeof first / sizeof first[0]; i++)
        if (strcmp(names[i], first[i]) != 0)
            return NULL;
    struct provider_table *t = alloc_zeroed(1, sizeof *t);
    t->slot_count = 64;
    t->slots = alloc_zeroed(t->slot_count, sizeof *t->slots);
    buf_init(&t->texts, (size_t)DOMAINS_MAX * DOMAIN_MAX_LEN);
    if (!put_numbered(t, names, count)) {
        provider_table_destroy(t);
        return NULL;
    }
    uint16_t other = put_provider(t, SPAN_LIT("other"));
    uint16_t multiple = put_provider(t, SPAN_LIT("multiple"));
    assert(other == PROVIDER_OTHER && multiple == PROVIDER_MULTIPLE);
    add_builtin(t, &(struct provider_builtin){"simulator", false, simulator_domain});
    assert(provider_table_find(t, span_of(simulator_domain)) == PROVIDER_SIMULATOR);
    for (size_t i = 0; i < provider_builtin_count; i++)
        add_builtin(t, &provider_builtins[i]);
    return t;
}

static void deinit_table(struct provider_table *t) {
    free(t->slots);
    buf_deinit(&t->texts);
}

void provider_table_destroy(struct provider_table *t) {
    if (!t)
        return;
    deinit_table(t);
    free(t);
}

static struct provider_table *copy_table(const struct provider_table *t) {
    struct provider_table *copy = alloc_zeroed(1, sizeof *copy);
    *copy = *t;
    copy->slots = alloc_zeroed(t->slot_count, sizeof *t->slots);
    memcpy(copy->slots, t->slots, t->slot_count * sizeof *t->slots);
    buf_init(&copy->texts, t->texts.limit);
    if (!buf_append(&copy->texts, t->texts.data, t->texts.len))
        abort(); /* out of memory */
    return copy;
}

static const struct list_form form = {.max = FILE_MAX, .comments = "#"};

struct loader {
    struct provider_table *t;
    struct list_file file;
    uint16_t provider; /* of the last provider line; PROVIDER_OTHER before the first */
};

static bool is_provider_name(struct span s) {
    if (s.len == 0 || s.len > NAME_MAX_LEN)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

/* What follows the word `provider`: NAME [feedback_loop=yes|no]. Without the option a new provider has no feedback
 * loop, and a known one keeps what it has. */
static bool load_provider_line(struct loader *l) {
    struct span name = list_file_next_word(&l->file);
    if (!name.len)
        return list_file_fail(&l->file, name, "expected a name after `provider`");
    if (!is_provider_name(name))
        return list_file_fail(&l->file, name, "is no provider's name: expected 1 to 40 of a-z, 0-9 and _");
    if (span_is(name, "other") || span_is(name, "multiple") || span_is(name, "simulator"))
        return list_file_fail(&l->file, name, "is a reserved name: expected another one");
    l->provider = put_provider(l->t, name);
    if (l->provider == PROVIDER_OTHER)
        return list_file_fail(&l->file, name,
                              "is one too many: expected at most 1000 providers, the built-in ones included");
    struct span option = list_file_next_word(&l->file);
    if (!option.len)
        return true;
    bool yes = span_is(option, "feedback_loop=yes");
    if (!yes && !span_is(option, "feedback_loop=no"))
        return list_file_fail(&l->file, option, "is no option: expected feedback_loop=yes or feedback_loop=no");
    l->t->providers[l->provider].has_feedback_loop = yes;
    struct span more = list_file_next_word(&l->file);
    return !more.len || list_file_fail(&l->file, more, "is too much: expected nothing behind feedback_loop");
}

static bool load_domain(struct loader *l, struct span word) {
    struct rule rule;
    const char *wrong = parse_rule(word, &rule);
    if (wrong)
        return list_file_fail(&l->file, word, wrong);
    if (l->provider == PROVIDER_OTHER)
        return list_file_fail(&l->file, word, "belongs to nobody: expected a line `provider NAME` before it");
    if (rule.kind == RULE_DOMAIN && span_eq((struct span){rule.text, rule.len}, span_of(simulator_domain)))
        return list_file_fail(&l->file, word,
                              "is SES's mailbox simulator, which enters no rate: expected another domain");
    if (!put_rule(l->t, &rule, l->provider))
        return list_file_fail(&l->file, word,
                              "is one too many: expected at most 100000 domains, the built-in ones included");
    return true;
}

static bool load_line(struct loader *l) {
    struct span word = list_file_next_word(&l->file);
    if (span_is(word, "provider"))
        return load_provider_line(l);
    for (; word.len; word = list_file_next_word(&l->file))
        if (!load_domain(l, word))
            return false;
    return true;
}

/* Works on a copy, so that a file with an error changes nothing. */
bool provider_table_load(struct provider_table *t, const char *path, struct err *err) {
    struct loader l = {.provider = PROVIDER_OTHER};
    bool ok = list_file_open(&l.file, path, &form, err);
    if (ok)
        l.t = copy_table(t);
    while (ok && list_file_next_line(&l.file))
        ok = load_line(&l);
    if (ok) {
        struct provider_table old = *t;
        *t = *l.t;
        *l.t = old;
    }
    provider_table_destroy(l.t);
    list_file_close(&l.file);
    return ok;
}

static inline bool is_letter(char c) {
    return c >= 'a' && c <= 'z';
}

/* Where people register names: a top-level domain of 2 or 3 letters, or one of the usual second levels under a country.
 */
static bool is_public_suffix(const char *s, size_t len) {
    static const char second_levels[][4] = {"co", "com", "net", "org", "ne", "ac", "or", "go"};
    if (len < 2 || len > sizeof "com.uk" - 1)
        return false;
    if (len <= 3)
        return is_letter(s[0]) && is_letter(s[1]) && (len == 2 || is_letter(s[2]));
    if (s[len - 3] != '.' || !is_letter(s[len - 2]) || !is_letter(s[len - 1]))
        return false;
    for (size_t i = 0; i < sizeof second_levels / sizeof second_levels[0]; i++)
        if (span_eq((struct span){s, len - 3}, span_of(second_levels[i])))
            return true;
    return false;
}

/* A domain that stands in no rule itself. */
static uint16_t find_pattern(const struct provider_table *t, const char *s, size_t len) {
    const char *end = s + len;
    const char *dot = memchr(s, '.', len);
    if (!dot)
        return PROVIDER_OTHER;
    size_t label = (size_t)(dot - s);
    if (label - 1 < LABEL_MAX_LEN && (t->name_lengths >> label & 1) && is_public_suffix(dot + 1, len - label - 1)) {
        uint16_t provider = find_rule(t, RULE_NAME, s, label);
        if (provider != PROVIDER_OTHER)
            return provider;
    }
    for (; dot; dot = memchr(dot + 1, '.', (size_t)(end - dot - 1))) {
        size_t rest = (size_t)(end - dot - 1);
        if (!(t->suffix_lengths[rest / 64] >> (rest % 64) & 1))
            continue;
        uint16_t provider = find_rule(t, RULE_SUFFIX, dot + 1, rest);
        if (provider != PROVIDER_OTHER)
            return provider;
    }
    return PROVIDER_OTHER;
}

uint16_t provider_table_find(const struct provider_table *t, struct span domain) {
    if (domain.len == 0 || domain.len > DOMAIN_MAX_LEN)
        return PROVIDER_OTHER;
    uint16_t provider = find_rule(t, RULE_DOMAIN, domain.ptr, domain.len);
    return provider != PROVIDER_OTHER ? provider : find_pattern(t, domain.ptr, domain.len);
}

size_t provider_table_count(const struct provider_table *t) {
    return t->provider_count;
}

const char *provider_table_name(const struct provider_table *t, uint16_t provider) {
    return t->providers[provider < t->provider_count ? provider : PROVIDER_OTHER].name;
}

bool provider_table_has_feedback_loop(const struct provider_table *t, uint16_t provider) {
    return provider < t->provider_count && t->providers[provider].has_feedback_loop;
}
