/* Reading. A value is checked from its first byte to its last before any of it is given, since an event that was
 * counted cannot be taken back. Both passes walk over the same bytes with the same functions. */
#include <stdlib.h>

#include "core/alloc.h"
#include "parsers/normalized_record.h"
#include "parsers/normalized_record_numbers.h"
#include "parsers/record.h"

/* --- numbers ------------------------------------------------------------------------------------------------------ */

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const uint8_t types[EVENT_TYPES] = {NORMALIZED_TYPES(NORMALIZED_VALUE_OF)};
static const uint8_t bounce_types[BOUNCE_TYPES] = {NORMALIZED_BOUNCE_TYPES(NORMALIZED_VALUE_OF)};
static const uint8_t bounce_subtypes[SUBTYPES] = {NORMALIZED_BOUNCE_SUBTYPES(NORMALIZED_VALUE_OF)};
static const uint8_t feedback_types[FEEDBACK_TYPES] = {NORMALIZED_FEEDBACK_TYPES(NORMALIZED_VALUE_OF)};
static const uint8_t delay_types[DELAY_TYPES] = {NORMALIZED_DELAY_TYPES(NORMALIZED_VALUE_OF)};
static const uint8_t reject_reasons[REJECT_REASONS] = {NORMALIZED_REJECT_REASONS(NORMALIZED_VALUE_OF)};
static const uint8_t changes[CHANGES] = {NORMALIZED_CHANGES(NORMALIZED_VALUE_OF)};
static const uint8_t sources[SUBSCRIPTION_SOURCES] = {NORMALIZED_SOURCES(NORMALIZED_VALUE_OF)};
static const uint8_t visitors[VISITORS] = {NORMALIZED_VISITORS(NORMALIZED_VALUE_OF)};
static const uint8_t reasons[REASONS] = {NORMALIZED_REASONS(NORMALIZED_VALUE_OF)};
static const uint8_t counters[] = {NORMALIZED_COUNTERS(NORMALIZED_VALUE_OF)};

/* What a number stands for: 0 stands for those that this version does not know. */
#define VALUE(table, number) value_of(table, COUNT(table), number)

static uint8_t value_of(const uint8_t *table, size_t count, unsigned number) {
    return table[number < count ? number : 0];
}

#define BIT(counter) (1u << (counter))

/* What an event of a type can count for: whatever else a value says is not believed. */
static const uint32_t counters_by_type[EVENT_TYPES] = {
    [EVENT_SEND] = BIT(COUNT_SENT) | BIT(COUNT_SENT_REPUTATION),
    [EVENT_DELIVERY] = BIT(COUNT_DELIVERED) | BIT(COUNT_DELIVERED_FEEDBACK),
    [EVENT_BOUNCE] = BIT(COUNT_BOUNCED) | BIT(COUNT_PERMANENT) | BIT(COUNT_TRANSIENT) | BIT(COUNT_REPUTATION_BOUNCED),
    [EVENT_COMPLAINT] = BIT(COUNT_COMPLAINED),
    [EVENT_DELIVERY_DELAY] = BIT(COUNT_DELAYED),
    [EVENT_REJECT] = BIT(COUNT_REJECTED),
    [EVENT_RENDERING_FAILURE] = BIT(COUNT_RENDERING_FAILED),
    [EVENT_SUBSCRIPTION] = BIT(COUNT_OPTED_OUT),
};

static uint32_t counters_of(uint64_t bits, enum event_type type) {
    uint32_t out = 0;
    for (bits &= BIT(COUNT(counters)) - 1; bits; bits &= bits - 1)
        out |= BIT(counters[__builtin_ctzll(bits)]);
    return out & counters_by_type[type];
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

/* What is left of the value; and what was wrong with it first. After that everything read is 0 and empty. */
struct cursor {
    const unsigned char *at, *end;
    bool bad;
    enum malformed_reason why;
};

static void refuse(struct cursor *c, enum malformed_reason why) {
    if (!c->bad) {
        c->bad = true;
        c->why = why;
    }
    c->at = c->end;
}

static unsigned take_byte(struct cursor *c) {
    if (c->at == c->end) {
        refuse(c, MALFORMED_TRUNCATED);
        return 0;
    }
    return *c->at++;
}

/* In the shortest form only: a value has one spelling. */
static uint64_t take_number(struct cursor *c) {
    uint64_t n = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint64_t byte = take_byte(c);
        n |= (byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        if ((byte == 0 && shift) || (shift == 63 && byte > 1))
            break;
        return c->bad ? 0 : n;
    }
    refuse(c, MALFORMED_STRUCTURE);
    return 0;
}

static int64_t take_signed(struct cursor *c) {
    uint64_t n = take_number(c);
    return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

static uint64_t take_fixed(struct cursor *c, size_t len) {
    uint64_t n = 0;
    if ((size_t)(c->end - c->at) < len) {
        refuse(c, MALFORMED_TRUNCATED);
        return 0;
    }
    for (size_t i = 0; i < len; i++)
        n |= (uint64_t)c->at[i] << 8 * i;
    c->at += len;
    return n;
}

static struct span take_text(struct cursor *c) {
    uint64_t len = take_number(c);
    if (len > (uint64_t)(c->end - c->at)) {
        refuse(c, MALFORMED_TRUNCATED);
        return (struct span){0};
    }
    struct span text = {(const char *)c->at, (size_t)len};
    c->at += len;
    return text;
}

/* --- what a value says -------------------------------------------------------------------------------------------- */

/* Names are still bytes of the value here, and keys the writer's. */
struct head {
    enum event_type type;
    bool is_single;
    int64_t time_ms, sent_ms;
    struct span set, identity, template_name;
    struct span tags[EVENT_MAX_TAGS]; /* those that this reader's dictionary asks for */
    size_t count;
    uint32_t detail, delivery_ms, link;
    uint8_t visitor;
    uint64_t message_key;
};

struct said {
    unsigned place; /* AT_NAMED, AT_OTHER, AT_DOMAIN */
    struct span provider, hint;
    uint32_t counters;
    uint64_t domain_key, message_key, key;
    uint8_t reason;
};

struct normalized_reader {
    const struct dictionary *dictionary;
    struct normaliser normaliser;     /* for its names */
    uint16_t slots[2 * PROVIDER_MAX]; /* of providers by name: number and 1; 0: free */

    struct cursor cursor; /* of the record at hand, before the event that comes next */
    struct head head;
    struct said said;
    struct event common;
    size_t at;
};

static void take_tags(struct cursor *c, const struct dictionary *d, struct head *h) {
    uint64_t count = take_number(c);
    if (count > NORMALIZED_MAX_TAGS)
        refuse(c, MALFORMED_STRUCTURE);
    for (uint64_t i = 0; i < count && !c->bad; i++) {
        struct span name = take_text(c), value = take_text(c);
        for (unsigned t = 0; t < d->tag_count; t++)
            if (!h->tags[t].len && span_eq(d->tag_names[t], name))
                h->tags[t] = value;
    }
}

static void take_detail(struct cursor *c, struct head *h) {
    unsigned high = 0;
    uint64_t ms;
    switch (h->type) {
    case EVENT_DELIVERY:
        ms = take_number(c);
        if (ms > UINT32_MAX)
            refuse(c, MALFORMED_STRUCTURE);
        h->delivery_ms = ms ? (uint32_t)(ms - 1) : EVENT_NO_DELIVERY_MS;
        break;
    case EVENT_BOUNCE:
        high = take_byte(c);
        h->detail = EVENT_DETAIL_PAIR(VALUE(bounce_types, high), VALUE(bounce_subtypes, take_byte(c)));
        break;
    case EVENT_COMPLAINT:
        h->detail = VALUE(feedback_types, take_byte(c));
        break;
    case EVENT_REJECT:
        h->detail = VALUE(reject_reasons, take_byte(c));
        break;
    case EVENT_OPEN:
    case EVENT_CLICK:
        h->visitor = VALUE(visitors, take_byte(c));
        h->message_key = take_fixed(c, 8);
        h->link = h->type == EVENT_CLICK ? (uint32_t)take_fixed(c, 4) : 0;
        break;
    case EVENT_RENDERING_FAILURE:
        h->template_name = take_text(c);
        break;
    case EVENT_DELIVERY_DELAY:
        h->detail = VALUE(delay_types, take_byte(c));
        break;
    case EVENT_SUBSCRIPTION:
        high = take_byte(c);
        h->detail = EVENT_DETAIL_PAIR(VALUE(changes, high), VALUE(sources, take_byte(c)));
        break;
    default:
        break;
    }
}

static void take_times(struct cursor *c, struct head *h, bool has_sent) {
    h->time_ms = take_signed(c);
    uint64_t ago = has_sent ? take_number(c) : 0;
    if (c->bad)
        return;
    if (h->time_ms < NORMALIZED_TIME_FIRST || h->time_ms > NORMALIZED_TIME_LAST ||
        ago > (uint64_t)(h->time_ms - NORMALIZED_TIME_FIRST)) {
        refuse(c, MALFORMED_BAD_TIME);
        return;
    }
    h->sent_ms = h->time_ms - (int64_t)ago;
}

static void take_head(struct cursor *c, const struct dictionary *d, struct head *h) {
    *h = (struct head){.delivery_ms = EVENT_NO_DELIVERY_MS, .count = 1};
    h->type = VALUE(types, take_byte(c));
    unsigned bits = take_byte(c);
    if (bits & ~(unsigned)RECORD_BITS)
        refuse(c, MALFORMED_STRUCTURE);
    h->is_single = bits & RECORD_SINGLE;
    take_times(c, h, bits & RECORD_SENT);
    if (bits & RECORD_SET)
        h->set = take_text(c);
    if (bits & RECORD_IDENTITY)
        h->identity = take_text(c);
    if (bits & RECORD_TAGS)
        take_tags(c, d, h);
    if (bits & RECORD_SEVERAL) {
        uint64_t count = take_number(c);
        if (count < 2)
            refuse(c, MALFORMED_STRUCTURE);
        else if (count > NORMALIZED_RECORD_MAX_EVENTS)
            refuse(c, MALFORMED_TOO_LARGE);
        h->count = (size_t)count;
    }
    take_detail(c, h);
}

static void take_place(struct cursor *c, struct said *s, unsigned place, bool is_first) {
    if (place == AT_SAME) {
        if (is_first)
            refuse(c, MALFORMED_STRUCTURE);
        return;
    }
    s->place = place;
    s->provider = place == AT_NAMED ? take_text(c) : (struct span){0};
    s->domain_key = place == AT_DOMAIN ? take_fixed(c, 8) : 0;
}

/* `s` is the event before, and becomes this one. */
static void take_said(struct cursor *c, enum event_type type, struct said *s, bool is_first) {
    unsigned bits = take_byte(c);
    if (bits & ~(unsigned)EVENT_BITS)
        refuse(c, MALFORMED_STRUCTURE);
    take_place(c, s, bits & AT_BITS, is_first);
    s->hint = bits & EVENT_HINT ? take_text(c) : (struct span){0};
    if (bits & EVENT_COUNTERS)
        s->counters = counters_of(take_number(c), type);
    s->reason = type == EVENT_BOUNCE || type == EVENT_DELIVERY_DELAY ? VALUE(reasons, take_byte(c)) : 0;
    s->message_key = type == EVENT_DELIVERY_DELAY ? take_fixed(c, 8) : 0;
    s->key = take_fixed(c, 8);
}

/* What later writers add: a number, which rises, a length, and so many bytes. This version knows none. */
static void pass_over_fields(struct cursor *c) {
    uint64_t last = 0;
    while (c->at != c->end) {
        uint64_t number = take_number(c);
        if (number <= last)
            refuse(c, MALFORMED_STRUCTURE);
        take_text(c);
        last = number;
    }
}

static void take_version(struct cursor *c) {
    if (take_byte(c) != NORMALIZED_RECORD_MAGIC)
        refuse(c, MALFORMED_NOT_SES);
    unsigned version = take_byte(c);
    if (version != NORMALIZED_RECORD_VERSION)
        refuse(c, version ? MALFORMED_NOT_SES : MALFORMED_STRUCTURE);
}

/* --- providers ---------------------------------------------------------------------------------------------------- */

static uint16_t *slot_of(struct normalized_reader *r, struct span name) {
    const struct provider_table *t = r->dictionary->providers;
    size_t at = (size_t)hash_bytes(&r->dictionary->key, name.ptr, name.len) % COUNT(r->slots);
    while (r->slots[at] && !span_eq(span_of(provider_table_name(t, (uint16_t)(r->slots[at] - 1))), name))
        at = (at + 1) % COUNT(r->slots);
    return &r->slots[at];
}

static uint16_t provider_of(struct normalized_reader *r, struct span name) {
    uint16_t found = *slot_of(r, name);
    return found ? (uint16_t)(found - 1) : PROVIDER_OTHER;
}

/* --- events ------------------------------------------------------------------------------------------------------- */

struct normalized_reader *normalized_reader_create(const struct dictionary *d) {
    struct normalized_reader *r = alloc_zeroed(1, sizeof *r);
    r->dictionary = d;
    normaliser_init(&r->normaliser, d);
    for (size_t i = 0; i < provider_table_count(d->providers); i++) {
        uint16_t *slot = slot_of(r, span_of(provider_table_name(d->providers, (uint16_t)i)));
        if (!*slot)
            *slot = (uint16_t)(i + 1);
    }
    return r;
}

void normalized_reader_destroy(struct normalized_reader *r) {
    free(r);
}

/* Where it is counted keys decide about places in tables: so they must not be what somebody wrote into a topic. */
static uint64_t own_key(const struct normalized_reader *r, uint64_t key) {
    struct hash_state s;
    hash_begin(&s, &r->dictionary->key);
    hash_u64(&s, key);
    return hash_end(&s);
}

static uint64_t own_domain_key(const struct normalized_reader *r, uint64_t key) {
    uint64_t own = own_key(r, key);
    return own && own != UINT64_MAX ? own : 1; /* as the normaliser has it */
}

/* Only a record that is whole may give names to the tables. */
static void begin_events(struct normalized_reader *r) {
    const struct head *h = &r->head;
    struct normaliser *n = &r->normaliser;
    r->at = 0;
    r->said = (struct said){0};
    r->common = (struct event){
        .time_ms = h->time_ms,
        .sent_ms = h->sent_ms,
        .set = intern_cached(&n->sets, h->set),
        .identity = intern_cached(&n->identities_by_domain, h->identity),
        .detail = h->type == EVENT_RENDERING_FAILURE ? intern_cached(&n->templates, h->template_name) : h->detail,
        .delivery_ms = h->delivery_ms,
        .link = h->link,
        .message_key = h->type == EVENT_OPEN || h->type == EVENT_CLICK ? own_key(r, h->message_key) : 0,
        .type = (uint8_t)h->type,
        .visitor = h->visitor,
        .flags = (uint8_t)(EVENT_FIRST | (h->is_single ? EVENT_SINGLE : 0)),
    };
    for (unsigned i = 0; i < r->dictionary->tag_count; i++)
        r->common.tags[i] = intern_cached(&n->tags[i], h->tags[i]);
}

bool normalized_reader_begin(struct normalized_reader *r, struct span value, enum malformed_reason *why) {
    struct cursor c = {.at = (const unsigned char *)value.ptr};
    r->head.count = r->at = 0;
    c.end = c.at + value.len;
    if (value.len > RECORD_MAX_SIZE) {
        *why = MALFORMED_TOO_LARGE;
        return false;
    }
    take_version(&c);
    struct head head;
    take_head(&c, r->dictionary, &head);
    struct cursor events = c;
    struct said said = {0};
    for (size_t i = 0; i < head.count && !c.bad; i++)
        take_said(&c, head.type, &said, i == 0);
    pass_over_fields(&c);
    if (c.bad) {
        *why = c.why;
        return false;
    }
    r->head = head;
    r->cursor = events;
    begin_events(r);
    return true;
}

bool normalized_reader_next(struct normalized_reader *r, struct event *out) {
    if (r->at == r->head.count)
        return false;
    struct said *s = &r->said;
    take_said(&r->cursor, r->head.type, s, r->at == 0);
    *out = r->common;
    r->common.flags = 0;
    r->at++;
    out->provider = s->place == AT_NAMED ? provider_of(r, s->provider) : PROVIDER_OTHER;
    out->domain_key = s->place == AT_DOMAIN ? own_domain_key(r, s->domain_key) : 0;
    out->hint = out->domain_key && s->hint.len ? provider_of(r, s->hint) : PROVIDER_OTHER;
    out->counters = s->counters;
    out->reason = s->reason;
    out->key = own_key(r, s->key);
    if (out->type == EVENT_DELIVERY_DELAY)
        out->message_key = own_key(r, s->message_key);
    if (r->at == r->head.count)
        out->flags |= EVENT_LAST;
    return true;
}
