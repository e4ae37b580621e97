#include "parsers/normalise.h"

#include "core/utf8.h"

/* --- names -------------------------------------------------------------------------------------------------------- */

enum { LABEL_MAX = 128 };

struct span label_clean(struct span raw, char scratch[INTERN_SCRATCH]) {
    (void)scratch;
    if (raw.len > LABEL_MAX)
        return SPAN_LIT("invalid");
    for (struct span rest = raw; rest.len;) {
        uint32_t code;
        size_t n = utf8_next(rest, &code);
        if (n == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0))
            return SPAN_LIT("invalid");
        rest.ptr += n;
        rest.len -= n;
    }
    return raw;
}

/* An identity is shown in lower case, and never with the local part of an address. */
static struct span clean_identity(struct span raw, char scratch[INTERN_SCRATCH]) {
    const char *at = memrchr(raw.ptr, '@', raw.len);
    struct span domain = at ? (struct span){at + 1, (size_t)(raw.ptr + raw.len - at - 1)} : raw;
    if (domain.len > LABEL_MAX)
        return SPAN_LIT("invalid");
    size_t len = 0;
    if (at) {
        scratch[len++] = '*';
        scratch[len++] = '@';
    }
    for (size_t i = 0; i < domain.len; i++) {
        char c = domain.ptr[i];
        scratch[len++] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    return label_clean((struct span){scratch, len}, scratch);
}

/* arn:aws:ses:eu-west-1:123456789012:identity/example.com */
static struct span clean_arn(struct span raw, char scratch[INTERN_SCRATCH]) {
    static const char mark[] = ":identity/";
    const char *found = memmem(raw.ptr, raw.len, mark, sizeof mark - 1);
    if (!found)
        return (struct span){0};
    found += sizeof mark - 1;
    return clean_identity((struct span){found, (size_t)(raw.ptr + raw.len - found)}, scratch);
}

void normaliser_init(struct normaliser *n, const struct dictionary *d) {
    memset(n, 0, sizeof *n);
    n->dictionary = d;
    intern_cache_init(&n->sets, d->sets, label_clean);
    intern_cache_init(&n->identities_by_arn, d->identities, clean_arn);
    intern_cache_init(&n->identities_by_domain, d->identities, clean_identity);
    intern_cache_init(&n->templates, d->templates, label_clean);
    for (unsigned i = 0; i < d->tag_count; i++)
        intern_cache_init(&n->tags[i], d->tags[i], label_clean);
}

static uint32_t identity_of(struct normaliser *n, const struct ses_event *r) {
    uint32_t id = intern_cached(&n->identities_by_arn, r->source_arn);
    if (id != INTERN_EMPTY)
        return id;
    if (r->from_domain.len)
        return intern_cached(&n->identities_by_domain, r->from_domain);
    char domain[RECIPIENT_DOMAIN_SIZE];
    size_t len = r->source.len ? recipient_domain(r->source, domain) : 0;
    return intern_cached(&n->identities_by_domain, (struct span){domain, len});
}

/* --- what is counted beyond the type --------------------------------------------------------------------------------
 */

static void unknown(struct normaliser *n, const char *field, struct span value) {
    if (n->unknown_count < UNKNOWN_VALUES_MAX)
        n->unknown[n->unknown_count++] = (struct unknown_value){field, value};
}

static uint32_t bounce_detail(struct normaliser *n, const struct ses_event *r) {
    enum bounce_type type = bounce_type_parse(r->bounce_type);
    enum bounce_subtype subtype = bounce_subtype_parse(r->bounce_subtype);
    if (type == BOUNCE_OTHER)
        unknown(n, "bounceType", r->bounce_type);
    if (subtype == SUBTYPE_OTHER)
        unknown(n, "bounceSubType", r->bounce_subtype);
    return EVENT_DETAIL_PAIR(type, subtype);
}

static uint32_t complaint_detail(struct normaliser *n, const struct ses_event *r) {
    if (span_is(r->complaint_subtype, "OnAccountSuppressionList"))
        return FEEDBACK_SUPPRESSED;
    if (r->complaint_subtype.len)
        unknown(n, "complaintSubType", r->complaint_subtype);
    enum feedback_type type = feedback_type_parse(r->complaint_feedback_type);
    if (type == FEEDBACK_OTHER && !span_is(r->complaint_feedback_type, "other"))
        unknown(n, "complaintFeedbackType", r->complaint_feedback_type);
    return type;
}

static uint32_t detail_of(struct normaliser *n, const struct ses_event *r) {
    uint32_t detail = 0;
    switch (r->type) {
    case EVENT_BOUNCE:
        return bounce_detail(n, r);
    case EVENT_COMPLAINT:
        return complaint_detail(n, r);
    case EVENT_DELIVERY_DELAY:
        detail = delay_type_parse(r->delay_type);
        if (detail == DELAY_OTHER)
            unknown(n, "delayType", r->delay_type);
        return detail;
    case EVENT_REJECT:
        detail = reject_reason_parse(r->reason);
        if (detail == REJECT_OTHER)
            unknown(n, "reason", r->reason);
        return detail;
    case EVENT_RENDERING_FAILURE:
        return r->template_name.len ? intern_cached(&n->templates, r->template_name)
                                    : intern_cached(&n->templates, SPAN_LIT("none"));
    case EVENT_SUBSCRIPTION:
        detail = subscription_source_parse(r->subscription_source);
        if (detail == SUBSCRIPTION_SOURCE_OTHER)
            unknown(n, "source", r->subscription_source);
        return EVENT_DETAIL_PAIR(r->change, detail);
    case EVENT_UNKNOWN:
        unknown(n, "eventType", r->type_name);
        return 0;
    default:
        return 0;
    }
}

static bool is_verified(const struct dictionary *d, struct span domain) {
    size_t low = 0, high = d->verified_count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        struct span v = d->verified_domains[mid];
        int c = memcmp(v.ptr, domain.ptr, v.len < domain.len ? v.len : domain.len);
        if (c == 0 && v.len == domain.len)
            return true;
        if (c < 0 || (c == 0 && v.len < domain.len))
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

#define BIT(counter) (1u << (counter))

static unsigned bounce_counters(uint32_t detail, bool verified) {
    enum bounce_type type = (enum bounce_type)(detail >> 8);
    if ((detail & 0xff) == SUBTYPE_ON_ACCOUNT_SUPPRESSION_LIST)
        return 0;
    unsigned bits = BIT(COUNT_BOUNCED);
    if (type == BOUNCE_PERMANENT)
        bits |= BIT(COUNT_PERMANENT) | (verified ? 0 : BIT(COUNT_REPUTATION_BOUNCED));
    if (type == BOUNCE_TRANSIENT)
        bits |= BIT(COUNT_TRANSIENT);
    return bits;
}

/* The rate counters that an event adds one to: see model/rate.h. */
static unsigned counters_of(const struct dictionary *d, const struct event *e, bool verified) {
    if (e->provider == PROVIDER_SIMULATOR)
        return 0;
    switch ((enum event_type)e->type) {
    case EVENT_SEND:
        return BIT(COUNT_SENT) | (verified ? 0 : BIT(COUNT_SENT_REPUTATION));
    case EVENT_DELIVERY:
        return BIT(COUNT_DELIVERED) |
               (provider_table_has_feedback_loop(d->providers, e->provider) ? BIT(COUNT_DELIVERED_FEEDBACK) : 0);
    case EVENT_BOUNCE:
        return bounce_counters(e->detail, verified);
    case EVENT_COMPLAINT:
        return e->detail == FEEDBACK_SUPPRESSED || e->detail == FEEDBACK_NOT_SPAM ? 0 : BIT(COUNT_COMPLAINED);
    case EVENT_DELIVERY_DELAY:
        return BIT(COUNT_DELAYED); /* the aggregate keeps it for the first delay only */
    case EVENT_REJECT:
        return BIT(COUNT_REJECTED);
    case EVENT_RENDERING_FAILURE:
        return BIT(COUNT_RENDERING_FAILED);
    case EVENT_SUBSCRIPTION: {
        enum subscription_change change = (enum subscription_change)(e->detail >> 8);
        return change == CHANGE_OPT_OUT || change == CHANGE_UNSUBSCRIBE_ALL ? BIT(COUNT_OPTED_OUT) : 0;
    }
    default:
        return 0;
    }
}

/* --- identity of a happening -------------------------------------------------------------------------------------- */

static void hash_span(struct hash_state *s, struct span v) {
    hash_field(s, v.ptr, v.len);
}

static int64_t whole_seconds(int64_t ms) {
    return ms >= 0 ? ms / 1000 : -((-ms + 999) / 1000);
}

static void hash_happening(struct normaliser *n, const struct ses_event *r) {
    struct hash_state *s = &n->state;
    hash_begin(s, &n->dictionary->key);
    hash_u64(s, (uint64_t)r->type);
    hash_span(s, r->message_id);
    bool exact = r->type == EVENT_OPEN || r->type == EVENT_CLICK || r->type == EVENT_DELIVERY_DELAY;
    hash_u64(s, (uint64_t)(exact ? r->time_ms : whole_seconds(r->time_ms)));
    switch (r->type) {
    case EVENT_BOUNCE:
    case EVENT_COMPLAINT:
        hash_span(s, r->feedback_id);
        break;
    case EVENT_CLICK:
        hash_span(s, r->link);
        hash_span(s, r->link_tags);
        __attribute__((fallthrough));
    case EVENT_OPEN:
        hash_span(s, r->ip_address);
        hash_span(s, r->user_agent);
        break;
    case EVENT_DELIVERY_DELAY:
        hash_span(s, r->delay_type);
        break;
    case EVENT_SUBSCRIPTION:
        hash_span(s, r->contact_list);
        hash_span(s, r->subscription_source);
        break;
    case EVENT_UNKNOWN:
        hash_span(s, r->type_name);
        break;
    default:
        break;
    }
}

/* A recipient's address, with its domain in the one form that recipient_domain gives. */
static void hash_recipient(struct hash_state *s, struct span address, struct span domain) {
    struct span bare = recipient_address(address);
    const char *at = domain.len ? memrchr(bare.ptr, '@', bare.len) : NULL;
    if (at)
        bare.len = (size_t)(at - bare.ptr);
    hash_span(s, bare);
    hash_span(s, domain);
}

/* --- addresses ---------------------------------------------------------------------------------------------------- */

/* Whom SES would send to in vain, or in spite of a complaint. Those that it holds back already are no news. */
static unsigned suppression_of(const struct event *e) {
    if (e->provider == PROVIDER_SIMULATOR)
        return 0;
    if (e->type == EVENT_COMPLAINT)
        return e->detail == FEEDBACK_SUPPRESSED || e->detail == FEEDBACK_NOT_SPAM ? 0 : ADDRESS_COMPLAINED;
    if (e->type != EVENT_BOUNCE || e->detail >> 8 != BOUNCE_PERMANENT)
        return 0;
    switch ((enum bounce_subtype)(e->detail & 0xff)) {
    case SUBTYPE_NONE:
    case SUBTYPE_GENERAL:
    case SUBTYPE_NO_EMAIL:
    case SUBTYPE_SUPPRESSED:
        return ADDRESS_BOUNCED;
    default:
        return 0;
    }
}

static void keep_address(struct normaliser *n, const struct event *e, struct span address) {
    n->address_why = suppression_of(e) & n->dictionary->wanted_addresses;
    if (n->address_why)
        n->address = recipient_address(address);
}

/* --- one record --------------------------------------------------------------------------------------------------- */

static bool counts_per_recipient(enum event_type type) {
    return type != EVENT_COMPLAINT && type != EVENT_OPEN && type != EVENT_CLICK && type != EVENT_SUBSCRIPTION;
}

/* Whose mailboxes a domain's are: by its name, or by the operator's table of MX records. */
static uint16_t provider_of(const struct dictionary *d, struct span domain) {
    uint16_t provider = provider_table_find(d->providers, domain);
    return provider == PROVIDER_OTHER && d->knowledge->mx ? mx_table_find(d->knowledge->mx, domain) : provider;
}

/* For a domain that no table knows: what tells its events from those of other domains. */
static uint64_t domain_key(const struct normaliser *n, uint16_t provider, struct span domain) {
    struct hash_state s;
    if (provider != PROVIDER_OTHER || domain.len == 0)
        return 0;
    hash_begin(&s, &n->dictionary->key);
    hash_span(&s, domain);
    uint64_t key = hash_end(&s);
    return key && key != UINT64_MAX ? key : 1; /* 0 says that there is none, and a map takes no UINT64_MAX */
}

/* The provider that all recipients are at; `multiple`; `other` when there are none. `*key`: of the domain that all of
 * them share, if no table knows it. */
static uint16_t common_provider(const struct normaliser *n, uint64_t *key) {
    char text[RECIPIENT_DOMAIN_SIZE];
    uint16_t provider = PROVIDER_OTHER;
    *key = 0;
    for (uint32_t i = 0; i < n->recipients.count; i++) {
        size_t len = recipient_domain(n->record->recipients[n->recipients.first + i].address, text);
        struct span domain = {text, len};
        uint16_t here = provider_of(n->dictionary, domain);
        uint64_t key_here = domain_key(n, here, domain);
        if (i && here != provider) {
            *key = 0;
            return PROVIDER_MULTIPLE;
        }
        *key = i && key_here != *key ? 0 : key_here;
        provider = here;
    }
    return provider;
}

/* Of an open or a click: which message, which link, and who it was. */
static void note_visit(struct normaliser *n, const struct ses_event *r) {
    struct hash_state s;
    hash_begin(&s, &n->dictionary->key);
    hash_span(&s, r->message_id);
    n->common.message_key = hash_end(&s);
    if (r->type == EVENT_CLICK && r->link.len) {
        hash_begin(&s, &n->dictionary->key);
        hash_span(&s, r->link);
        n->common.link = (uint32_t)hash_end(&s) | 1; /* 0 says that there is none */
    }
    n->common.visitor =
        (uint8_t)visitors_find(n->dictionary->knowledge->visitors, r->type, r->user_agent, r->ip_address);
}

/* The reporting MTA of a delivery is the server of SES that sent the message. Looked for once: a record may have many
 * recipients. */
static uint16_t delivery_hint(struct normaliser *n) {
    const struct ses_event *r = n->record;
    if (!n->has_hint)
        n->hint =
            hosted_find(n->dictionary->knowledge->hosted, r->smtp_response, (struct span){NULL, 0}, r->remote_mta_ip);
    n->has_hint = true;
    return n->hint;
}

/* What the recipient's server said: whose it is, where only that can tell, and why it did not take the message. */
static void read_reply(struct normaliser *n, const struct ses_recipient *to, struct event *out) {
    const struct knowledge *k = n->dictionary->knowledge;
    const struct ses_event *r = n->record;
    bool failed = out->type == EVENT_BOUNCE || out->type == EVENT_DELIVERY_DELAY;
    if (!failed && out->type != EVENT_DELIVERY)
        return;
    if (out->domain_key)
        out->hint =
            failed ? hosted_find(k->hosted, to->diagnostic_code, r->reporting_mta, r->remote_mta_ip) : delivery_hint(n);
    if (!failed)
        return;
    struct bounce_facts facts = {
        .type = (enum event_type)out->type,
        .provider = out->hint == PROVIDER_OTHER ? out->provider : out->hint,
        .diagnostic = to->diagnostic_code,
        .status = to->status,
        .action = to->action,
    };
    if (out->type == EVENT_BOUNCE) {
        facts.bounce_type = (enum bounce_type)(out->detail >> 8);
        facts.bounce_subtype = (enum bounce_subtype)(out->detail & 0xff);
    } else {
        facts.delay_type = (enum delay_type)out->detail;
    }
    out->reason = (uint8_t)bounce_rules_find(k->rules, &facts);
}

/* Of the whole message; where the record does not say, of the event. */
static bool has_one_recipient(const struct normaliser *n) {
    return n->record->destination.count ? n->record->destination.count == 1 : n->recipients.count == 1;
}

void normalise_begin(struct normaliser *n, const struct ses_event *r) {
    n->record = r;
    n->recipients = ses_recipients_of(r);
    n->at = 0;
    n->unknown_count = 0;
    n->has_hint = false;
    struct event *c = &n->common;
    *c = (struct event){
        .time_ms = r->time_ms,
        .set = intern_cached(&n->sets, r->configuration_set),
        .identity = identity_of(n, r),
        .detail = detail_of(n, r),
        .sent_ms = r->has_mail_time && r->mail_time_ms < r->time_ms ? r->mail_time_ms : r->time_ms,
        .delivery_ms = r->type == EVENT_DELIVERY ? r->processing_ms : EVENT_NO_DELIVERY_MS,
        .type = (uint8_t)r->type,
        .flags = (uint8_t)(EVENT_FIRST | (has_one_recipient(n) ? EVENT_SINGLE : 0)),
    };
    for (unsigned i = 0; i < n->dictionary->tag_count; i++)
        c->tags[i] = intern_cached(&n->tags[i], r->tag_values[i]);
    if (r->type == EVENT_OPEN || r->type == EVENT_CLICK)
        note_visit(n, r);
    hash_happening(n, r);
}

static void whole_event(struct normaliser *n, struct event *out) {
    out->provider = common_provider(n, &out->domain_key);
    out->counters = counters_of(n->dictionary, out, false);
    out->key = hash_end(&n->state);
    if (n->dictionary->wanted_addresses && n->recipients.count == 1) /* of several, nobody knows who complained */
        keep_address(n, out, n->record->recipients[n->recipients.first].address);
    n->at = n->recipients.count + 1;
}

static void recipient_event(struct normaliser *n, struct event *out) {
    const struct dictionary *d = n->dictionary;
    const struct ses_recipient *to = &n->record->recipients[n->recipients.first + n->at];
    struct span address = to->address;
    char text[RECIPIENT_DOMAIN_SIZE];
    struct span domain = {text, recipient_domain(address, text)};
    out->provider = provider_of(d, domain);
    out->domain_key = domain_key(n, out->provider, domain);
    bool verified = d->verified_count && is_verified(d, domain);
    out->counters = counters_of(d, out, verified);
    read_reply(n, to, out);
    if (d->wanted_addresses)
        keep_address(n, out, address);
    struct hash_state s = n->state;
    hash_recipient(&s, address, domain);
    out->key = hash_end(&s);
    if (out->type == EVENT_DELIVERY_DELAY) {
        hash_begin(&s, &d->key);
        hash_span(&s, n->record->message_id);
        hash_recipient(&s, address, domain);
        out->message_key = hash_end(&s);
    }
    n->at++;
}

bool normalise_next(struct normaliser *n, struct event *out) {
    uint32_t count = n->recipients.count;
    if (n->at && n->at >= count)
        return false;
    *out = n->common;
    n->common.flags = 0;
    n->address_why = 0;
    if (count == 0 || !counts_per_recipient((enum event_type)out->type))
        whole_event(n, out);
    else
        recipient_event(n, out);
    if (n->at >= count)
        out->flags |= EVENT_LAST;
    return true;
}
