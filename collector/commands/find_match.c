#include "commands/find_match.h"

#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#include "core/alloc.h"
#include "core/utf8.h"
#include "model/exemplar.h"
#include "model/mx_table.h"
#include "parsers/json_walk.h"
#include "parsers/recipient.h"

/* Records of one message differ by seconds in its send time. */
#define NEAR_MS ((int64_t)60 * 1000)

/* --- patterns ----------------------------------------------------------------------------------------------------- */

static locale_t unicode;
static pthread_once_t unicode_once = PTHREAD_ONCE_INIT;

static void open_unicode(void) {
    unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0); /* 0 where there is none: then only ASCII is folded */
}

static size_t put_utf8(uint32_t c, char *to) {
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i; i--, c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3f));
    to[0] = (char)((0xf00u >> len) | c);
    return len;
}

/* In lower case; what is no UTF-8 stays as it is. `to` has twice the room. */
static size_t fold(struct span text, char *to) {
    size_t len = 0;
    for (size_t i = 0; i < text.len;) {
        unsigned char b = (unsigned char)text.ptr[i];
        if (b < 0x80) {
            to[len++] = (char)(b >= 'A' && b <= 'Z' ? b | 0x20 : b);
            i++;
            continue;
        }
        uint32_t c;
        size_t n = utf8_next((struct span){text.ptr + i, text.len - i}, &c);
        if (n && unicode)
            len += put_utf8((uint32_t)towlower_l((wint_t)c, unicode), to + len);
        else
            for (size_t k = 0; k < (n ? n : 1); k++)
                to[len++] = text.ptr[i + k];
        i += n ? n : 1;
    }
    return len;
}

bool find_pattern_set(struct find_pattern *p, const char *option, const char *text, struct err *err) {
    struct span s = span_of(text);
    if (s.len > FIND_PATTERN_MAX)
        return err_set(err, ERR_USAGE, "--%s: longer than %d bytes", option, FIND_PATTERN_MAX);
    pthread_once(&unicode_once, open_unicode);
    p->is_set = true;
    p->len = fold(s, p->text);
    p->has_star = memchr(p->text, '*', p->len) != NULL;
    return true;
}

/* One step back suffices: whatever the last star takes, those before it need not take more. */
static bool matches_stars(const char *pattern, size_t pattern_len, const char *text, size_t len) {
    size_t p = 0, t = 0, star = SIZE_MAX, behind = 0;
    while (t < len) {
        if (p < pattern_len && pattern[p] == '*') {
            star = p++;
            behind = t;
        } else if (p < pattern_len && pattern[p] == text[t]) {
            p++, t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++behind;
        } else {
            return false;
        }
    }
    while (p < pattern_len && pattern[p] == '*')
        p++;
    return p == pattern_len;
}

static bool is_ascii(struct span s) {
    unsigned char all = 0;
    for (size_t i = 0; i < s.len; i++)
        all |= (unsigned char)s.ptr[i];
    return all < 0x80;
}

bool find_pattern_matches(const struct find_pattern *p, struct span text) {
    char folded[2 * FIND_TEXT_MAX];
    struct span pattern = {p->text, p->len};
    if (!p->has_star && text.len == p->len && is_ascii(text))
        return span_eq_nocase(pattern, text);
    if (!p->has_star && is_ascii(text))
        return false;
    if (text.len > FIND_TEXT_MAX)
        text.len = FIND_TEXT_MAX;
    size_t len = fold(text, folded);
    return matches_stars(p->text, p->len, folded, len);
}

/* --- headers ------------------------------------------------------------------------------------------------------ */

void find_headers_init(struct find_headers *h, enum json_isa isa) {
    *h = (struct find_headers){.isa = isa};
    json_index_init(&h->index);
}

void find_headers_deinit(struct find_headers *h) {
    json_index_deinit(&h->index);
    free(h->text);
    free(h->decoded);
}

/* A copy that ends in 0, as the index needs it; strings are decoded one behind the other. */
static void keep_text(struct find_headers *h, struct span raw) {
    if (h->size < raw.len + JSON_PADDING) {
        h->size = (raw.len + JSON_PADDING) * 2;
        h->text = alloc_resize(h->text, h->size, 1);
        h->decoded = alloc_resize(h->decoded, h->size, 1);
    }
    memcpy(h->text, raw.ptr, raw.len);
    memset(h->text + raw.len, 0, JSON_PADDING);
    json_index_build(&h->index, h->text, raw.len, h->isa);
}

static struct span string_of(struct find_headers *h, const struct json_walk *w, const struct json_value *v) {
    struct span text = json_text(w, v);
    if (v->kind != JSON_KIND_STRING)
        return (struct span){0};
    if (!json_has_escape(w->ix, v->start, v->end))
        return text;
    char *to = h->decoded + v->start; /* never longer than the text, which is in another place */
    ptrdiff_t len = json_unescape(text, to);
    return len < 0 ? (struct span){0} : (struct span){to, (size_t)len};
}

/* ["a@b", ...], or a bare string. */
static void read_from(struct find_headers *h, struct json_walk *w, struct json_value *v, struct span *from,
                      void (*each)(void *context, struct span from), void *context) {
    bool first = true;
    struct json_value item = *v;
    if (v->kind != JSON_KIND_ARRAY) {
        struct span one = string_of(h, w, v);
        json_pass(w, v);
        if (one.ptr && !from->ptr)
            *from = one;
        if (one.ptr && each)
            each(context, one);
        return;
    }
    if (!json_enter(w))
        return;
    while (json_element(w, &first, &item)) {
        struct span one = string_of(h, w, &item);
        json_pass(w, &item);
        if (one.ptr && !from->ptr)
            *from = one;
        if (one.ptr && each)
            each(context, one);
    }
}

bool find_headers_read(struct find_headers *h, struct span raw, struct span *subject, struct span *from,
                       void (*each)(void *context, struct span from), void *context) {
    *subject = *from = (struct span){0};
    if (!raw.len || raw.ptr[0] != '{')
        return false;
    keep_text(h, raw);
    struct json_walk w = json_walk_at(&h->index, 0);
    struct json_value key, v;
    bool first = true;
    if (!json_enter(&w))
        return false;
    while (json_member(&w, &first, &key, &v)) {
        struct span k = json_text(&w, &key);
        if (span_is(k, "from")) {
            read_from(h, &w, &v, from, each, context);
            continue;
        }
        if (span_is(k, "subject"))
            *subject = string_of(h, &w, &v);
        json_pass(&w, &v);
    }
    return true;
}

/* --- filters ------------------------------------------------------------------------------------------------------ */

static enum find_answer match_time(const struct find_filters *f, const struct ses_event *r) {
    int64_t sent = r->has_mail_time ? r->mail_time_ms : r->time_ms;
    if (sent >= f->from_ms && sent < f->to_ms)
        return FIND_YES;
    bool near = (f->from_ms != INT64_MIN && sent >= f->from_ms - NEAR_MS && sent < f->from_ms) ||
                (f->to_ms != INT64_MAX && sent >= f->to_ms && sent < f->to_ms + NEAR_MS);
    return near || !r->has_mail_time ? FIND_MAYBE : FIND_NO;
}

static enum find_answer match_set(const struct find_filters *f, const struct ses_event *r) {
    if (find_pattern_matches(&f->set, r->configuration_set))
        return FIND_YES;
    return r->configuration_set.len || r->tags.len ? FIND_NO : FIND_MAYBE;
}

typedef bool (*recipient_fn)(const struct find_filters *f, const struct provider_table *providers,
                             const struct knowledge *knowledge, const struct ses_event *r,
                             const struct ses_recipient *to, bool is_own);

static bool is_address(const struct find_filters *f, const struct provider_table *providers,
                       const struct knowledge *knowledge, const struct ses_event *r, const struct ses_recipient *to,
                       bool is_own) {
    (void)providers, (void)knowledge, (void)r, (void)is_own;
    return find_pattern_matches(&f->recipient, recipient_address(to->address));
}

static bool is_provider(const struct find_filters *f, const struct provider_table *providers,
                        const struct knowledge *knowledge, const struct ses_event *r, const struct ses_recipient *to,
                        bool is_own) {
    char text[RECIPIENT_DOMAIN_SIZE];
    struct span domain = {text, recipient_domain(to->address, text)};
    uint16_t provider = provider_table_find(providers, domain);
    if (provider == PROVIDER_OTHER && knowledge->mx)
        provider = mx_table_find(knowledge->mx, domain);
    if (provider == PROVIDER_OTHER && is_own && domain.len) {
        bool delivered = r->type == EVENT_DELIVERY;
        if (delivered || r->type == EVENT_BOUNCE || r->type == EVENT_DELIVERY_DELAY)
            provider = hosted_find(knowledge->hosted, delivered ? r->smtp_response : to->diagnostic_code,
                                   r->reporting_mta, r->remote_mta_ip);
    }
    return provider == f->provider;
}

static bool has_unknown(const struct provider_table *providers, const struct ses_event *r) {
    char text[RECIPIENT_DOMAIN_SIZE];
    for (uint32_t i = 0; i < r->destination.count; i++) {
        struct span domain = {text, recipient_domain(r->recipients[r->destination.first + i].address, text)};
        if (provider_table_find(providers, domain) == PROVIDER_OTHER)
            return true;
    }
    return false;
}

/* By mail.destination, which every record of a message repeats; else by the record's own list, which they do not. */
static enum find_answer match_recipients(const struct find_filters *f, const struct provider_table *providers,
                                         const struct knowledge *knowledge, const struct ses_event *r,
                                         recipient_fn is_one) {
    for (uint32_t i = 0; i < r->destination.count; i++)
        if (is_one(f, providers, knowledge, r, &r->recipients[r->destination.first + i], false))
            return FIND_YES;
    for (uint32_t i = 0; i < r->object_recipients.count; i++)
        if (is_one(f, providers, knowledge, r, &r->recipients[r->object_recipients.first + i], true))
            return FIND_YES_ALONE;
    bool is_open = !r->destination.count || (f->is_loose && has_unknown(providers, r));
    return is_open ? FIND_MAYBE : FIND_NO;
}

struct senders {
    const struct find_filters *filters;
    bool found;
};

static void look_at_sender(void *context, struct span from) {
    struct senders *s = context;
    s->found = s->found || find_pattern_matches(&s->filters->from, recipient_address(from));
}

static enum find_answer match_headers(const struct find_filters *f, struct find_headers *headers,
                                      const struct ses_event *r) {
    struct span subject, from;
    struct senders senders = {f, !f->from.is_set};
    if (f->from.is_set && r->source.len)
        look_at_sender(&senders, r->source);
    if (senders.found && !f->subject.is_set)
        return FIND_YES;
    if (!find_headers_read(headers, r->common_headers, &subject, &from, look_at_sender, &senders))
        return FIND_MAYBE;
    bool is_subject = !f->subject.is_set || find_pattern_matches(&f->subject, subject);
    if ((!senders.found && from.ptr) || (!is_subject && subject.ptr))
        return FIND_NO;
    return senders.found && is_subject ? FIND_YES : FIND_MAYBE;
}

/* `so_far` and one more condition. */
static enum find_answer both(enum find_answer so_far, enum find_answer more) {
    if (so_far == FIND_NO || more == FIND_NO)
        return FIND_NO;
    if (so_far == FIND_MAYBE || more == FIND_MAYBE)
        return FIND_MAYBE;
    return so_far == FIND_YES_ALONE ? so_far : more;
}

enum find_answer find_match(const struct find_filters *f, const struct provider_table *providers,
                            const struct knowledge *knowledge, struct find_headers *headers,
                            const struct ses_event *r) {
    enum find_answer a = match_time(f, r);
    if (a != FIND_NO && f->message_id.is_set && !find_pattern_matches(&f->message_id, r->message_id))
        a = FIND_NO;
    if (a != FIND_NO && f->message_hash && exemplar_message(r->message_id) != f->message_hash)
        a = FIND_NO;
    if (a != FIND_NO && f->set.is_set)
        a = both(a, match_set(f, r));
    if (a != FIND_NO && f->recipient.is_set)
        a = both(a, match_recipients(f, providers, knowledge, r, is_address));
    if (a != FIND_NO && f->has_provider)
        a = both(a, match_recipients(f, providers, knowledge, r, is_provider));
    if (a != FIND_NO && (f->from.is_set || f->subject.is_set))
        a = both(a, match_headers(f, headers, r));
    return a;
}
