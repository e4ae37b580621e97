#include "simulate/record.h"

#include <assert.h>

#include "model/event.h"

static const struct {
    const char *type, *object;
} names[EVENT_TYPES] = {
    [EVENT_SEND] = {"Send", "send"},
    [EVENT_DELIVERY] = {"Delivery", "delivery"},
    [EVENT_BOUNCE] = {"Bounce", "bounce"},
    [EVENT_COMPLAINT] = {"Complaint", "complaint"},
    [EVENT_REJECT] = {"Reject", "reject"},
    [EVENT_OPEN] = {"Open", "open"},
    [EVENT_CLICK] = {"Click", "click"},
    [EVENT_RENDERING_FAILURE] = {"Rendering Failure", "failure"},
    [EVENT_DELIVERY_DELAY] = {"DeliveryDelay", "deliveryDelay"},
    [EVENT_SUBSCRIPTION] = {"Subscription", "subscription"},
    [EVENT_UNKNOWN] = {"Inspection", "inspection"}, /* a type that AWS has not thought of yet */
};

/* Of a million records. Some concern few types, so they are rarer than it says here. */
static const uint32_t odd_share[ODDITIES] = {
    [ODD_NOTIFICATION] = 8000, [ODD_OLD_KEY] = 2000,       [ODD_NO_TAGS] = 1500,      [ODD_NO_SET_TAG] = 1000,
    [ODD_REVERSED] = 1500,     [ODD_STRINGS] = 2500,       [ODD_EXTRA_KEYS] = 2000,   [ODD_TIME_SECONDS] = 2500,
    [ODD_TIME_OFFSET] = 1500,  [ODD_TIME_LONG] = 1000,     [ODD_ESCAPED_SET] = 800,   [ODD_FORWARDED] = 8000,
    [ODD_SLASHED] = 800,       [ODD_NULLS] = 3000,         [ODD_DISPLAY_NAMES] = 600, [ODD_NO_ARN] = 3000,
    [ODD_MTA] = 3000,          [ODD_NO_DIAGNOSTIC] = 4000,
};

static enum oddity draw_oddity(struct prng *r) {
    uint32_t u = prng_below(r, 1000000);
    if (u >= 60000) /* more than their sum: nearly every record leaves here */
        return ODD_NOTHING;
    for (int i = 1; i < ODDITIES; i++) {
        if (u < odd_share[i])
            return (enum oddity)i;
        u -= odd_share[i];
    }
    return ODD_NOTHING;
}

struct record_form record_form_of(const struct catalog *c, const struct message *m, const struct pending *e) {
    struct record_form f = {.tags = true, .headers = true, .has_set = true};
    f.seed = prng_mix(m->seed + 0x9e3779b97f4a7c15ull * (e->ordinal + 1u));
    struct prng r = {f.seed};
    enum event_type type = (enum event_type)pending_type(e);
    f.oddity = draw_oddity(&r);
    if (f.oddity == ODD_NOTIFICATION) {
        f.notification = type == EVENT_DELIVERY || type == EVENT_BOUNCE || type == EVENT_COMPLAINT;
        if (f.notification)
            f.headers = prng_chance(&r, 500000);
    }
    if (f.notification || f.oddity == ODD_NO_TAGS)
        f.tags = false;
    if (!f.tags || f.oddity == ODD_NO_SET_TAG)
        f.has_set = f.headers && m->header_set;
    uint32_t group = pending_recipients(e);
    if (f.oddity == ODD_FORWARDED && type == EVENT_BOUNCE && !m->box && (group & (group - 1)) == 0) {
        f.forwarded = true;
        f.forwarded_to = (struct recipient){.style = RECIPIENT_SHORT}; /* one draw a statement: their order counts */
        f.forwarded_to.domain = pick_draw(&c->domain_pick, prng_next(&r));
        f.forwarded_to.first = (uint8_t)prng_below(&r, CATALOG_NAMES);
        f.forwarded_to.last = (uint8_t)prng_below(&r, CATALOG_NAMES);
        f.forwarded_to.number = (uint16_t)prng_below(&r, 1000);
    }
    return f;
}

/* The times that tell two opens, clicks or delays apart keep their milliseconds. */
enum time_form record_time_form(const struct record_writer *w) {
    enum event_type type = (enum event_type)pending_type(w->event);
    switch (w->form->oddity) {
    case ODD_NOTIFICATION:
        return w->form->notification ? TIME_CUT : TIME_PLAIN;
    case ODD_TIME_SECONDS:
        return type == EVENT_OPEN || type == EVENT_CLICK || type == EVENT_DELIVERY_DELAY ? TIME_PLAIN : TIME_SECONDS;
    case ODD_TIME_OFFSET:
        return TIME_OFFSET;
    case ODD_TIME_LONG:
        return TIME_LONG;
    default:
        return TIME_PLAIN;
    }
}

char *record_put_id(char *p, const char *prefix, int64_t ms, uint64_t a, uint64_t b) {
    memcpy(p, prefix, 4);
    p = put_hex(p + 4, (uint64_t)ms, 12);
    *p++ = '-';
    p = put_hex(p, a >> 32, 8);
    *p++ = '-';
    p = put_hex(p, a >> 16, 4);
    *p++ = '-';
    p = put_hex(p, a, 4);
    *p++ = '-';
    p = put_hex(p, b >> 48, 4);
    *p++ = '-';
    p = put_hex(p, b, 12);
    return PUT(p, "-000000");
}

static char *put_box(char *p, uint32_t box, uint32_t label) {
    static const char *const boxes[] = {
        [BOX_SUCCESS] = "success",
        [BOX_BOUNCE] = "bounce",
        [BOX_OOTO] = "ooto",
        [BOX_COMPLAINT] = "complaint",
        [BOX_SUPPRESSION_LIST] = "suppressionlist",
    };
    p = put_str(p, boxes[box]);
    if (label)
        p = put_u64(PUT(p, "+label"), label);
    return p;
}

size_t record_make_address(const struct catalog *c, const struct recipient *r, uint32_t box, char out[256]) {
    char *p = out;
    struct span first = c->first_names[r->first];
    if (r->style == RECIPIENT_BOX) {
        p = put_box(p, box, r->number);
    } else {
        p = r->style == RECIPIENT_SHORT ? put_span(p, (struct span){first.ptr, 1}) : put_span(p, first);
        if (r->style != RECIPIENT_SHORT)
            *p++ = '.';
        if (r->style == RECIPIENT_UMLAUT)
            p = r->number & 1 ? PUT(p, "\\u00fc") : PUT(p, "ü");
        p = put_span(p, c->last_names[r->last]);
        if (r->style != RECIPIENT_DOTTED)
            p = put_u64(p, r->number);
    }
    p = r->escaped ? PUT(p, "\\u0040") : PUT(p, "@");
    p = put_span(p, r->upper ? c->domains[r->domain].upper : c->domains[r->domain].name);
    return (size_t)(p - out);
}

char *record_put_recipients(struct record_writer *w, char *p, uint32_t recipients) {
    for (uint32_t i = 0; recipients >> i; i++) {
        if (!(recipients & 1u << i))
            continue;
        *p++ = '"';
        memcpy(p, w->addresses[i].text, w->addresses[i].len);
        p = PUT(p + w->addresses[i].len, "\",");
    }
    return p - 1; /* without the last comma: there is always one recipient */
}

char *record_put_outgoing_ip(const struct record_writer *w, char *p) {
    return put_address4(p, "54.240", (uint32_t)(w->message->seed >> 8) & 0x0fff);
}

char *record_put_mta(const struct record_writer *w, char *p) {
    const struct catalog_identity *id = &w->catalog->identities[w->message->identity];
    *p++ = 'a';
    p = put_u64(p, 1u + id->region * 7u % 60u);
    *p++ = '-';
    p = put_u64(p, 1 + (w->message->seed >> 20) % 120);
    return put_span(p, id->mta);
}

static void begin(struct record_writer *w, const struct message *m) {
    record_put_id(w->id, w->catalog->identities[m->identity].id_prefix, m->sent_ms, m->seed, prng_mix(~m->seed));
    for (uint32_t i = 0; i < m->recipient_count; i++)
        w->addresses[i].len = record_make_address(w->catalog, &m->recipients[i], m->box, w->addresses[i].text);
    if (m->repeated) {
        struct recipient again = m->recipients[0];
        again.upper = !again.upper;
        w->addresses[m->recipient_count].len =
            record_make_address(w->catalog, &again, m->box, w->addresses[m->recipient_count].text);
    }
}

static char *put_type(const struct record_writer *w, char *p) {
    bool notification = w->form->notification || w->form->oddity == ODD_OLD_KEY;
    p = notification ? PUT(p, "\"notificationType\":\"") : PUT(p, "\"eventType\":\"");
    p = put_str(p, names[pending_type(w->event)].type);
    return PUT(p, "\"");
}

static char *put_object(struct record_writer *w, char *p) {
    *p++ = '"';
    p = put_str(p, names[pending_type(w->event)].object);
    return record_put_event(w, PUT(p, "\":"));
}

size_t record_write(struct record_writer *w, const struct message *m, const struct pending *e,
                    const struct record_form *form, char *out) {
    w->message = m;
    w->event = e;
    w->form = form;
    w->random.state = form->seed ^ 0x7265636f7264ull;
    begin(w, m);
    char *p = PUT(out, "{");
    /* As AWS has it: a bounce and a complaint stand before the mail, everything else behind it. */
    bool object_first = pending_type(e) == EVENT_BOUNCE || pending_type(e) == EVENT_COMPLAINT;
    if (form->oddity == ODD_REVERSED) {
        p = PUT(record_put_mail(w, p), ",");
        p = PUT(put_object(w, p), ",");
        p = put_type(w, p);
    } else {
        p = PUT(put_type(w, p), ",");
        if (form->oddity == ODD_EXTRA_KEYS)
            p = PUT(put_u64(PUT(p, "\"id\":"), form->seed >> 20), ",\"timestamp\":null,\"region\":{\"name\":[]},");
        p = object_first ? put_object(w, p) : record_put_mail(w, p);
        p = PUT(p, ",");
        p = object_first ? record_put_mail(w, p) : put_object(w, p);
    }
    p = PUT(p, "}");
    size_t len = (size_t)(p - out);
    assert(len <= RECORD_MAX);
    return len;
}
