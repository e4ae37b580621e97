#include "simulate/catalog.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/base64.h"
#include "simulate/catalog_words.h"
#include "simulate/prng.h"

const struct catalog_use catalog_uses[CATALOG_USES] = {
    {"transactional", "no-reply", false, false, false, 5000, 100},
    {"newsletter", "news", true, true, false, 11000, 450},
    {"order-confirmation", "orders", true, false, true, 6000, 120},
    {"password-reset", "security", false, false, true, 9000, 40},
    {"marketing-promo", "offers", true, true, false, 13000, 500},
    {"notifications", "notify", true, false, false, 7000, 150},
    {"onboarding", "welcome", true, false, true, 14000, 200},
    {"billing_invoices", "billing", false, false, true, 6000, 60},
};

struct catalog_block {
    struct catalog_block *next;
    size_t used;
    char text[65536 - 2 * sizeof(size_t)];
};

static struct span keep(struct catalog *c, const char *text, size_t len) {
    if (!c->blocks || sizeof c->blocks->text - c->blocks->used < len) {
        struct catalog_block *block = alloc_zeroed(1, sizeof *block);
        block->next = c->blocks;
        c->blocks = block;
    }
    char *to = c->blocks->text + c->blocks->used;
    memcpy(to, text, len);
    c->blocks->used += len;
    return (struct span){to, len};
}

__attribute__((format(printf, 2, 3))) static struct span keep_printf(struct catalog *c, const char *format, ...) {
    char text[2048];
    va_list ap;
    va_start(ap, format);
    int len = vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    return keep(c, text, len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
}

/* One UTF-8 character of our own (sound) text. */
static uint32_t utf8_next(const char **s) {
    const unsigned char *p = (const unsigned char *)*s;
    int more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
    uint32_t c = more == 0 ? *p : *p & (0x3fu >> more);
    for (int i = 1; i <= more; i++)
        c = c << 6 | (p[i] & 0x3fu);
    *s += 1 + more;
    return c;
}

/* `raw` as the inside of a JSON string: beyond ASCII as it is, or (`ascii`) as \uXXXX. */
static struct span keep_json(struct catalog *c, const char *raw, bool ascii) {
    char text[1024];
    size_t n = 0;
    while (*raw && n < sizeof text - 16) {
        const char *from = raw;
        uint32_t u = utf8_next(&raw);
        if (u == '"' || u == '\\') {
            text[n++] = '\\';
            text[n++] = (char)u;
        } else if (u >= 0x80 && ascii) {
            if (u >= 0x10000)
                n += (size_t)sprintf(text + n, "\\u%04x", 0xd800u + ((u - 0x10000) >> 10));
            n += (size_t)sprintf(text + n, "\\u%04x", u >= 0x10000 ? 0xdc00u + (u & 0x3ff) : u);
        } else {
            memcpy(text + n, from, (size_t)(raw - from));
            n += (size_t)(raw - from);
        }
    }
    return keep(c, text, n);
}

static struct span keep_upper(struct catalog *c, struct span name) {
    struct span copy = keep(c, name.ptr, name.len);
    char *p = c->blocks->text + c->blocks->used - name.len;
    for (size_t i = 0; i < name.len; i++)
        p[i] = (char)(p[i] >= 'a' && p[i] <= 'z' ? p[i] - 32 : p[i]);
    return copy;
}

/* The name with one letter in the middle as \uXXXX: it means the same, but cannot be compared byte by byte. */
static struct span keep_escaped_letter(struct catalog *c, struct span name) {
    size_t at = name.len / 2;
    return keep_printf(c, "%.*s\\u%04x%.*s", (int)at, name.ptr, (unsigned char)name.ptr[at], (int)(name.len - at - 1),
                       name.ptr + at + 1);
}

static void make_sets(struct catalog *c, uint32_t count) {
    double *weights = alloc_zeroed(count, sizeof *weights);
    c->set_count = count;
    c->sets = alloc_zeroed(count, sizeof *c->sets);
    for (uint32_t i = 0; i < count; i++) {
        struct catalog_set *s = &c->sets[i];
        s->use = &catalog_uses[i % CATALOG_USES];
        weights[i] = 1.0 / (i + 1.0);
        if (i < CATALOG_USES)
            s->name = keep_printf(c, "%s", s->use->name);
        else
            s->name = keep_printf(c, "%s-%s-%04u", catalog_words_first[(i * 7) % CATALOG_WORDS], s->use->local, i);
        struct span odd = keep_escaped_letter(c, s->name);
        s->tag = keep_printf(c, "\"ses:configuration-set\":[\"%.*s\"],", SPAN_ARG(s->name));
        s->tag_escaped = keep_printf(c, "\"ses:configuration-set\":[\"%.*s\"],", SPAN_ARG(odd));
        s->header = keep_printf(c, "{\"name\":\"X-SES-CONFIGURATION-SET\",\"value\":\"%.*s\"},", SPAN_ARG(s->name));
        s->header_escaped = keep_printf(c, "{\"name\":\"x-ses-configuration-set\",\"value\":\"%.*s\"},", SPAN_ARG(odd));
    }
    pick_init(&c->set_pick, weights, count);
    free(weights);
}

static const struct {
    const char *name, *id_prefix;
} regions[] = {{"us-east-1", "0100"}, {"us-east-1", "0100"},    {"eu-west-1", "0102"},
               {"us-west-2", "0101"}, {"eu-central-1", "0107"}, {"ap-south-1", "0109"}};

static void make_identities(struct catalog *c, uint32_t count) {
    static const char *const shops[] = {"Acme Shop",    "Nordlicht 'Outdoor'", "Bücherstube Grün",
                                        "Blue Harbour", "서울 문구",           "Café Lumière",
                                        "Parcel & Co",  "Fern/Moss",           "Tidewater Tools"};
    c->identity_count = count;
    c->identities = alloc_zeroed(count, sizeof *c->identities);
    for (uint32_t i = 0; i < count; i++) {
        struct catalog_identity *id = &c->identities[i];
        const char *shop = shops[i % (sizeof shops / sizeof shops[0])];
        const char *word = catalog_words_first[(i * 11 + 3) % CATALOG_WORDS];
        id->region = (uint8_t)(i % (sizeof regions / sizeof regions[0]));
        id->id_prefix = regions[id->region].id_prefix;
        const char *region = regions[id->region].name;
        id->display = keep_json(c, shop, false);
        id->display_escaped = keep_json(c, shop, true);
        id->domain = i < 4 ? keep_printf(c, "%s.%s-shop.example", i % 2 ? "mail" : "news", word)
                           : keep_printf(c, "m%u.%s-shop.example", i, word);
        /* Every seventh account part sends with the identity of one address. */
        const char *local = i % 7 == 6 ? "hello@" : "";
        id->arn = keep_printf(c, "\"sourceArn\":\"arn:aws:ses:%s:123456789012:identity/%s%.*s\",", region, local,
                              SPAN_ARG(id->domain));
        id->arn_slashed = keep_printf(c, "\"sourceArn\":\"arn:aws:ses:%s:123456789012:identity\\/%s%.*s\",", region,
                                      local, SPAN_ARG(id->domain));
        id->mta = strcmp(region, "us-east-1") == 0 ? keep_printf(c, ".smtp-out.amazonses.com")
                                                   : keep_printf(c, ".smtp-out.%s.amazonses.com", region);
    }
}

/* Under .example and example.{com,net,org} (RFC 2606): nobody is there, and no provider's table names them. */
static struct span company_name(struct catalog *c, uint32_t number) {
    static const char *const ends[] = {".example",     ".example.com", ".co.example",
                                       ".example.net", ".example.org", "-group.example"};
    static const char *const foreign[] = {"bücher-lager.example", "müller-söhne.example", "cafe-crème.example",
                                          "서울전자.example"};
    if (number % 500 == 137)
        return keep_json(c, foreign[number / 500 % 4], number / 500 % 3 == 1);
    if (number % 500 == 337)
        return keep_printf(c, "xn--bcher-kva%u.example", number);
    /* 1493 has no factor in common with the number of pairs: every pair comes once, in no order. */
    uint32_t pair = (uint32_t)(((uint64_t)number * 1493) % (CATALOG_WORDS * CATALOG_WORDS));
    return keep_printf(c, "%s-%s%s", catalog_words_first[pair % CATALOG_WORDS],
                       catalog_words_second[pair / CATALOG_WORDS], ends[number % 6]);
}

static void make_domains(struct catalog *c) {
    c->company_first = isp_domain_count;
    c->simulator = isp_domain_count + CATALOG_COMPANIES;
    c->domain_count = c->simulator + 1;
    c->domains = alloc_zeroed(c->domain_count, sizeof *c->domains);
    double *weights = alloc_zeroed(c->simulator, sizeof *weights);
    double rest = 10000, sum = 0;
    for (uint32_t i = 0; i < isp_domain_count; i++) {
        struct span name = span_of(isp_domains[i].name);
        c->domains[i] = (struct catalog_domain){name, keep_upper(c, name), isp_domains[i].isp};
        weights[i] = isp_domains[i].weight;
        rest -= weights[i];
    }
    for (uint32_t i = 0; i < CATALOG_COMPANIES; i++)
        sum += 1.0 / (i + 8.0);
    for (uint32_t i = 0; i < CATALOG_COMPANIES; i++) {
        struct span name = company_name(c, i);
        bool plain = true;
        for (size_t k = 0; k < name.len; k++)
            plain &= name.ptr[k] > ' ' && name.ptr[k] < 0x7f && name.ptr[k] != '\\';
        c->domains[c->company_first + i] = (struct catalog_domain){name, plain ? keep_upper(c, name) : name, ISP_OTHER};
        weights[c->company_first + i] = rest / (i + 8.0) / sum;
    }
    struct span box = SPAN_LIT("simulator.amazonses.com");
    c->domains[c->simulator] = (struct catalog_domain){box, keep_upper(c, box), ISP_SIMULATOR};
    pick_init(&c->domain_pick, weights, c->simulator);
    free(weights);
}

/* RFC 2047: one or more encoded words of at most 45 bytes each, cut between characters. */
static struct span keep_encoded(struct catalog *c, const char *raw) {
    char text[1024];
    size_t n = 0;
    while (*raw && n < sizeof text - 128) {
        const char *from = raw;
        while (*raw && raw - from <= 41)
            utf8_next(&raw);
        n += (size_t)sprintf(text + n, "%s=?UTF-8?B?", n ? " " : "");
        n += base64_encode((struct span){from, (size_t)(raw - from)}, text + n);
        memcpy(text + n, "?=", 2);
        n += 2;
    }
    return keep(c, text, n);
}

static void make_subjects(struct catalog *c) {
    c->subject_count = catalog_subject_count;
    c->subjects = alloc_zeroed(c->subject_count, sizeof *c->subjects);
    for (uint32_t i = 0; i < c->subject_count; i++) {
        struct catalog_subject *s = &c->subjects[i];
        const char *raw = catalog_subjects[i];
        bool ascii = true;
        for (const char *p = raw; *p; p++)
            ascii &= (unsigned char)*p < 0x80;
        s->text = keep_json(c, raw, false);
        s->escaped = keep_json(c, raw, true);
        s->header = ascii ? s->text : keep_encoded(c, raw);
        s->numbered = s->text.len && s->text.ptr[s->text.len - 1] == '#';
    }
}

struct catalog *catalog_create(uint32_t sets, uint32_t identities) {
    struct catalog *c = alloc_zeroed(1, sizeof *c);
    make_sets(c, sets);
    make_identities(c, identities);
    make_domains(c);
    make_subjects(c);
    for (uint32_t i = 0; i < CATALOG_NAMES; i++) {
        c->first_names[i] = span_of(catalog_first_names[i]);
        c->last_names[i] = span_of(catalog_last_names[i]);
    }
    for (uint32_t i = 0; i < CATALOG_CAMPAIGNS; i++)
        c->campaigns[i] = keep_printf(c, "%s-%02u", catalog_words_second[(i * 5) % CATALOG_WORDS], i + 1);
    return c;
}

void catalog_destroy(struct catalog *c) {
    if (!c)
        return;
    while (c->blocks) {
        struct catalog_block *next = c->blocks->next;
        free(c->blocks);
        c->blocks = next;
    }
    pick_deinit(&c->set_pick);
    pick_deinit(&c->domain_pick);
    free(c->sets);
    free(c->identities);
    free(c->domains);
    free(c->subjects);
    free(c);
}
