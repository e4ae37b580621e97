/* Writing: docs/normalized-events.md, "The compact form", has the bytes. */
#include "parsers/normalized_record.h"

#include <assert.h>

#include "parsers/normalized_record_numbers.h"
#include "parsers/record.h"

bool normalized_record_is(struct span value) {
    return value.len && (unsigned char)value.ptr[0] == NORMALIZED_RECORD_MAGIC;
}

/* --- numbers ------------------------------------------------------------------------------------------------------ */

static const uint8_t types[EVENT_TYPES] = {NORMALIZED_TYPES(NORMALIZED_NUMBER_OF)};
static const uint8_t bounce_types[BOUNCE_TYPES] = {NORMALIZED_BOUNCE_TYPES(NORMALIZED_NUMBER_OF)};
static const uint8_t bounce_subtypes[SUBTYPES] = {NORMALIZED_BOUNCE_SUBTYPES(NORMALIZED_NUMBER_OF)};
static const uint8_t feedback_types[FEEDBACK_TYPES] = {NORMALIZED_FEEDBACK_TYPES(NORMALIZED_NUMBER_OF)};
static const uint8_t delay_types[DELAY_TYPES] = {NORMALIZED_DELAY_TYPES(NORMALIZED_NUMBER_OF)};
static const uint8_t reject_reasons[REJECT_REASONS] = {NORMALIZED_REJECT_REASONS(NORMALIZED_NUMBER_OF)};
static const uint8_t changes[CHANGES] = {NORMALIZED_CHANGES(NORMALIZED_NUMBER_OF)};
static const uint8_t sources[SUBSCRIPTION_SOURCES] = {NORMALIZED_SOURCES(NORMALIZED_NUMBER_OF)};
static const uint8_t visitors[VISITORS] = {NORMALIZED_VISITORS(NORMALIZED_NUMBER_OF)};
static const uint8_t reasons[REASONS] = {NORMALIZED_REASONS(NORMALIZED_NUMBER_OF)};
static const uint8_t counter_bits[RATE_COUNTERS] = {NORMALIZED_COUNTERS(NORMALIZED_NUMBER_OF)};

static uint32_t counters_of(const struct event *e) {
    uint32_t out = 0;
    assert(e->counters < 1u << COUNT_OPENED); /* no others have a bit */
    for (uint32_t bits = e->counters; bits; bits &= bits - 1)
        out |= 1u << counter_bits[__builtin_ctz(bits)];
    return out;
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

static void put_byte(struct buf *out, unsigned byte) {
    buf_append_char(out, (char)byte);
}

/* Seven bits a byte, the lowest first; the eighth says that another byte follows. */
static void put_number(struct buf *out, uint64_t n) {
    unsigned char bytes[10];
    size_t len = 0;
    while (n >= 0x80) {
        bytes[len++] = (unsigned char)(n | 0x80);
        n >>= 7;
    }
    bytes[len++] = (unsigned char)n;
    buf_append(out, bytes, len);
}

/* 0, -1, 1, -2, ... become 0, 1, 2, 3, ... */
static void put_signed(struct buf *out, int64_t n) {
    put_number(out, (uint64_t)n << 1 ^ (n < 0 ? UINT64_MAX : 0));
}

static void put_fixed(struct buf *out, uint64_t n, size_t len) {
    unsigned char bytes[8];
    for (size_t i = 0; i < len; i++)
        bytes[i] = (unsigned char)(n >> 8 * i);
    buf_append(out, bytes, len);
}

static void put_text(struct buf *out, struct span text) {
    put_number(out, text.len);
    buf_append(out, text.ptr, text.len);
}

static void put_name(struct buf *out, struct intern *names, uint32_t id) {
    put_text(out, span_of(intern_name(names, id)));
}

/* --- a record ----------------------------------------------------------------------------------------------------- */

static void put_tags(struct buf *out, const struct dictionary *d, const struct event *e, unsigned count) {
    put_number(out, count);
    for (unsigned i = 0; i < d->tag_count; i++) {
        if (e->tags[i] == INTERN_EMPTY)
            continue;
        put_text(out, d->tag_names[i]);
        put_name(out, d->tags[i], e->tags[i]);
    }
}

static void put_detail(struct buf *out, const struct dictionary *d, const struct event *e) {
    unsigned high = e->detail >> 8, low = e->detail & 0xff;
    switch ((enum event_type)e->type) {
    case EVENT_DELIVERY:
        put_number(out, e->delivery_ms == EVENT_NO_DELIVERY_MS ? 0 : (uint64_t)e->delivery_ms + 1);
        break;
    case EVENT_BOUNCE:
        put_byte(out, bounce_types[high]);
        put_byte(out, bounce_subtypes[low]);
        break;
    case EVENT_COMPLAINT:
        put_byte(out, feedback_types[low]);
        break;
    case EVENT_REJECT:
        put_byte(out, reject_reasons[low]);
        break;
    case EVENT_OPEN:
    case EVENT_CLICK:
        put_byte(out, visitors[e->visitor]);
        put_fixed(out, e->message_key, 8);
        if (e->type == EVENT_CLICK)
            put_fixed(out, e->link, 4);
        break;
    case EVENT_RENDERING_FAILURE:
        put_name(out, d->templates, e->detail);
        break;
    case EVENT_DELIVERY_DELAY:
        put_byte(out, delay_types[low]);
        break;
    case EVENT_SUBSCRIPTION:
        put_byte(out, changes[high]);
        put_byte(out, sources[low]);
        break;
    default:
        break;
    }
}

/* What all events of the record share; `e` is the first of them. */
static void put_head(struct buf *out, const struct dictionary *d, const struct event *e, size_t count) {
    unsigned tags = 0;
    for (unsigned i = 0; i < d->tag_count; i++)
        tags += e->tags[i] != INTERN_EMPTY;
    unsigned bits = (e->flags & EVENT_SINGLE ? RECORD_SINGLE : 0u) | (e->sent_ms != e->time_ms ? RECORD_SENT : 0u) |
                    (e->set != INTERN_EMPTY ? RECORD_SET : 0u) | (e->identity != INTERN_EMPTY ? RECORD_IDENTITY : 0u) |
                    (tags ? RECORD_TAGS : 0u) | (count > 1 ? RECORD_SEVERAL : 0u);
    put_byte(out, NORMALIZED_RECORD_MAGIC);
    put_byte(out, NORMALIZED_RECORD_VERSION);
    put_byte(out, types[e->type]);
    put_byte(out, bits);
    put_signed(out, e->time_ms);
    if (bits & RECORD_SENT)
        put_number(out, (uint64_t)(e->time_ms - e->sent_ms));
    if (bits & RECORD_SET)
        put_name(out, d->sets, e->set);
    if (bits & RECORD_IDENTITY)
        put_name(out, d->identities, e->identity);
    if (bits & RECORD_TAGS)
        put_tags(out, d, e, tags);
    if (bits & RECORD_SEVERAL)
        put_number(out, count);
    put_detail(out, d, e);
}

static unsigned place_of(const struct event *e, const struct event *before) {
    if (before && e->provider == before->provider && e->domain_key == before->domain_key)
        return AT_SAME;
    if (e->provider != PROVIDER_OTHER)
        return AT_NAMED;
    return e->domain_key ? AT_DOMAIN : AT_OTHER;
}

static void put_event(struct buf *out, const struct dictionary *d, const struct event *e, const struct event *before) {
    unsigned place = place_of(e, before);
    unsigned bits = place | (e->hint != PROVIDER_OTHER ? EVENT_HINT : 0u) |
                    (e->counters != (before ? before->counters : 0) ? EVENT_COUNTERS : 0u);
    put_byte(out, bits);
    if (place == AT_NAMED)
        put_text(out, span_of(provider_table_name(d->providers, e->provider)));
    else if (place == AT_DOMAIN)
        put_fixed(out, e->domain_key, 8);
    if (bits & EVENT_HINT)
        put_text(out, span_of(provider_table_name(d->providers, e->hint)));
    if (bits & EVENT_COUNTERS)
        put_number(out, counters_of(e));
    if (e->type == EVENT_BOUNCE || e->type == EVENT_DELIVERY_DELAY)
        put_byte(out, reasons[e->reason]);
    if (e->type == EVENT_DELIVERY_DELAY)
        put_fixed(out, e->message_key, 8);
    put_fixed(out, e->key, 8);
}

/* How many events there will be, without making them: the number stands before them. */
static size_t count_events(const struct normaliser *n) {
    enum event_type type = n->record->type;
    bool whole = type == EVENT_COMPLAINT || type == EVENT_OPEN || type == EVENT_CLICK || type == EVENT_SUBSCRIPTION;
    return whole || n->recipients.count == 0 ? 1 : n->recipients.count;
}

void normalized_record_encode(struct normaliser *n, const struct ses_event *record, struct buf *out) {
    const struct dictionary *d = n->dictionary;
    struct event event, before;
    size_t start = out->len, count, at = 0;
    normalise_begin(n, record);
    count = count_events(n);
    if (count > NORMALIZED_RECORD_MAX_EVENTS) {
        out->failed = true;
        return;
    }
    while (normalise_next(n, &event)) {
        if (at == 0)
            put_head(out, d, &event, count);
        put_event(out, d, &event, at ? &before : NULL);
        before = event;
        at++;
    }
    assert(at == count);
    if (out->len - start > RECORD_MAX_SIZE)
        out->failed = true;
    if (out->failed)
        out->len = start;
}
