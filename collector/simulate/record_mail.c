/* The `mail` object: what SES knows of the message itself. */
#include "model/event.h"
#include "simulate/record.h"

static const struct catalog_identity *identity_of(const struct record_writer *w) {
    return &w->catalog->identities[w->message->identity];
}
static const struct catalog_set *set_of(const struct record_writer *w) {
    return &w->catalog->sets[w->message->set];
}

static char *put_sender(const struct record_writer *w, char *p) {
    p = put_str(p, set_of(w)->use->local);
    *p++ = '@';
    return put_span(p, identity_of(w)->domain);
}

static char *put_named_sender(const struct record_writer *w, char *p, bool escaped) {
    p = PUT(p, "\\\"");
    p = put_span(p, escaped ? identity_of(w)->display_escaped : identity_of(w)->display);
    p = PUT(p, "\\\" <");
    p = put_sender(w, p);
    return PUT(p, ">");
}

/* MAIL FROM: mostly the bare address; `Shop <a@b>` in one of sixteen, `"Shop" <a@b>` in another. */
static char *put_source(const struct record_writer *w, char *p) {
    if (w->message->source_form == 1)
        return put_named_sender(w, p, false);
    if (w->message->source_form == 2) {
        p = put_span(p, identity_of(w)->display_escaped);
        p = PUT(p, " <");
        p = put_sender(w, p);
        return PUT(p, ">");
    }
    return put_sender(w, p);
}

static char *put_destination(struct record_writer *w, char *p) {
    if (w->form->oddity != ODD_DISPLAY_NAMES)
        return record_put_recipients(
            w, p, message_all(w->message) | (w->message->repeated ? message_all(w->message) + 1 : 0));
    for (uint32_t i = 0; i < w->message->recipient_count; i++) {
        p = i & 1 ? PUT(p, "\" ") : PUT(p, "\"\\\"Customer, Dear\\\" <");
        memcpy(p, w->addresses[i].text, w->addresses[i].len);
        p += w->addresses[i].len;
        p = i & 1 ? PUT(p, "\",") : PUT(p, ">\",");
    }
    return p - 1;
}

static char *put_to(const struct record_writer *w, char *p) {
    for (uint32_t i = 0; i < w->message->recipient_count; i++) {
        memcpy(p, w->addresses[i].text, w->addresses[i].len);
        p = PUT(p + w->addresses[i].len, ", ");
    }
    return p - 2;
}

static char *put_subject(const struct record_writer *w, char *p, bool header) {
    const struct catalog_subject *s = &w->catalog->subjects[w->message->subject];
    p = put_span(p, header ? s->header : w->message->seed & 4 ? s->escaped : s->text);
    return s->numbered && !(header && s->header.ptr[0] == '=') ? put_u64(p, 100000u + w->message->subject_number) : p;
}

static char *put_list_headers(const struct record_writer *w, char *p) {
    p = PUT(p, "{\"name\":\"List-Unsubscribe\",\"value\":\"<https://");
    p = put_span(p, identity_of(w)->domain);
    p = PUT(p, "/unsubscribe/");
    p = put_hex(p, prng_mix(w->message->seed + 5), 16);
    p = PUT(p, ">, <mailto:unsubscribe@");
    p = put_span(p, identity_of(w)->domain);
    p = PUT(p, ">\"},{\"name\":\"List-Unsubscribe-Post\",\"value\":\"List-Unsubscribe=One-Click\"},"
               "{\"name\":\"Precedence\",\"value\":\"bulk\"},");
    return p;
}

static char *put_headers(struct record_writer *w, char *p) {
    const struct message *m = w->message;
    p = PUT(p, ",\"headersTruncated\":");
    p = w->form->oddity == ODD_STRINGS ? PUT(p, "\"false\"") : PUT(p, "false");
    p = PUT(p, ",\"headers\":[{\"name\":\"From\",\"value\":\"");
    p = put_named_sender(w, p, false);
    p = PUT(p, "\"},{\"name\":\"To\",\"value\":\"");
    p = put_to(w, p);
    p = PUT(p, "\"},{\"name\":\"Subject\",\"value\":\"");
    p = put_subject(w, p, true);
    p = PUT(p, "\"},{\"name\":\"Date\",\"value\":\"");
    p = put_span(p, (struct span){time_text_of(&w->times, m->sent_ms)->mail, 25});
    p = PUT(p, " +0000\"},{\"name\":\"Message-ID\",\"value\":\"<");
    p = put_hex(p, prng_mix(m->seed + 1), 16);
    p = PUT(p, ".1@");
    p = put_span(p, identity_of(w)->domain);
    p = PUT(p, ">\"},{\"name\":\"MIME-Version\",\"value\":\"1.0\"},");
    if (m->header_set)
        p = put_span(p, w->form->oddity == ODD_ESCAPED_SET ? set_of(w)->header_escaped : set_of(w)->header);
    if (set_of(w)->use->list)
        p = put_list_headers(w, p);
    p = PUT(p, "{\"name\":\"Content-Type\",\"value\":\"multipart/alternative;  boundary=\\\"----=_Part_");
    p = put_u64(p, m->seed >> 44);
    *p++ = '_';
    p = put_u64(p, m->seed >> 34 & 0x3fffffff);
    p = PUT(p, ".\\\"\"},{\"name\":\"Feedback-ID\",\"value\":\"");
    p = put_span(p, w->catalog->campaigns[m->campaign]);
    *p++ = ':';
    p = put_span(p, set_of(w)->name);
    return PUT(p, ":shop:ses\"}]");
}

static char *put_common_headers(struct record_writer *w, char *p) {
    p = PUT(p, ",\"commonHeaders\":{\"from\":[\"");
    p = put_named_sender(w, p, w->message->seed & 8);
    p = PUT(p, "\"],\"date\":\"");
    p = put_span(p, (struct span){time_text_of(&w->times, w->message->sent_ms)->mail, 25});
    p = PUT(p, " +0000\",\"to\":[");
    p = record_put_recipients(w, p, message_all(w->message));
    p = PUT(p, "],\"messageId\":\"");
    p = put_span(p, (struct span){w->id, sizeof w->id});
    if (w->form->oddity == ODD_NULLS)
        return PUT(p, "\",\"subject\":null}");
    p = PUT(p, "\",\"subject\":\"");
    p = put_subject(w, p, false);
    return PUT(p, "\"}");
}

static char *put_source_ip(const struct record_writer *w, char *p) {
    return put_address4(p, "198.51", 100u << 8 | (w->message->identity * 16u + w->message->set) % 200u);
}

static char *put_tags(struct record_writer *w, char *p) {
    const struct catalog_set *s = set_of(w);
    p = PUT(p, ",\"tags\":{");
    p = w->message->header_set ? PUT(p, "\"ses:operation\":[\"SendSmtpEmail\"],")
                               : PUT(p, "\"ses:operation\":[\"SendEmail\"],");
    if (w->form->oddity != ODD_NO_SET_TAG)
        p = put_span(p, w->form->oddity == ODD_ESCAPED_SET ? s->tag_escaped : s->tag);
    p = PUT(p, "\"ses:source-ip\":[\"");
    p = put_source_ip(w, p);
    p = PUT(p, "\"],\"ses:from-domain\":[\"");
    p = put_span(p, identity_of(w)->domain);
    p = PUT(p, "\"],\"ses:caller-identity\":[\"ses-");
    p = put_str(p, s->use->local);
    p = PUT(p, "\"],");
    if (pending_type(w->event) == EVENT_DELIVERY) {
        p = PUT(p, "\"ses:outgoing-ip\":[\"");
        p = record_put_outgoing_ip(w, p);
        p = PUT(p, "\"],");
    }
    p = PUT(p, "\"ses:source-tls-version\":[\"TLSv1.3\"],\"campaign\":[\"");
    p = put_span(p, w->catalog->campaigns[w->message->campaign]);
    p = s->use->list ? PUT(p, "\"],\"stream\":[\"bulk\"]}") : PUT(p, "\"],\"stream\":[\"triggered\"]}");
    return p;
}

char *record_put_mail(struct record_writer *w, char *p) {
    const struct catalog_identity *id = identity_of(w);
    p = PUT(p, "\"mail\":{\"timestamp\":\"");
    p = put_time(p, &w->times, w->message->sent_ms, record_time_form(w));
    p = PUT(p, "\",\"source\":\"");
    p = put_source(w, p);
    p = PUT(p, "\",");
    if (w->form->oddity != ODD_NO_ARN)
        p = put_span(p, w->form->oddity == ODD_SLASHED ? id->arn_slashed : id->arn);
    if (w->form->notification) {
        p = PUT(p, "\"sourceIp\":\"");
        p = put_source_ip(w, p);
        p = PUT(p, "\",\"callerIdentity\":\"ses-");
        p = put_str(p, set_of(w)->use->local);
        p = PUT(p, "\",");
    }
    p = PUT(p, "\"sendingAccountId\":\"123456789012\",\"messageId\":\"");
    p = put_span(p, (struct span){w->id, sizeof w->id});
    p = PUT(p, "\",\"destination\":[");
    p = put_destination(w, p);
    p = PUT(p, "]");
    if (w->form->headers) {
        p = put_headers(w, p);
        p = put_common_headers(w, p);
    }
    if (w->form->tags)
        p = put_tags(w, p);
    return PUT(p, "}");
}
