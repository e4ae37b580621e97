#include "parsers/bounce_rules.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "parsers/bounce_rules_internal.h"

/* The rules stand in the order in which they are asked, list behind list. */
enum list { LIST_OPERATOR, LIST_PROVIDERS, LIST_USUAL, LIST_VAGUE, LISTS };

struct code_entry {
    enum bounce_reason reason;
    struct code_pattern pattern;
};
struct reply_entry {
    enum bounce_reason reason;
    struct reply_pattern pattern;
};

/* A rule is found by its first phrase: only those are looked at whose first phrase stands in the text. */
struct bounce_rules {
    struct phrases *phrases;
    struct bounce_rule *rules;
    size_t count, size;
    size_t ends[LISTS];      /* where each list ends */
    uint32_t *with_phrase;   /* by phrase: the first rule that begins with it, + 1 */
    uint32_t without_phrase; /* the same of the rules that have none */
    struct code_entry *codes;
    struct reply_entry *replies;
};

bool bounce_rule_add_phrase(struct bounce_rule *rule, struct phrases *phrases, struct span phrase) {
    if (rule->phrase_count == BOUNCE_RULE_PHRASES)
        return false;
    int number = phrases_add(phrases, phrase);
    if (number < 0)
        return false;
    rule->phrases[rule->phrase_count++] = (uint16_t)number;
    return true;
}

uint16_t bounce_rule_provider(const struct provider_table *providers, struct span name) {
    size_t count = provider_table_count(providers);
    for (size_t i = 0; i < count; i++)
        if (span_eq(span_of(provider_table_name(providers, (uint16_t)i)), name))
            return (uint16_t)i;
    return PROVIDER_OTHER;
}

static void put_rule(void *context, const struct bounce_rule *rule) {
    struct bounce_rules *r = context;
    if (r->count == r->size) {
        r->size = r->size ? r->size * 2 : 512;
        r->rules = alloc_resize(r->rules, r->size, sizeof *r->rules);
    }
    r->rules[r->count++] = *rule;
}

static void put_providers(struct bounce_rule *rule, const char *names, const struct provider_table *providers) {
    while (*names) {
        size_t len = strcspn(names, " ");
        uint16_t provider = bounce_rule_provider(providers, (struct span){names, len});
        assert(provider != PROVIDER_OTHER && rule->provider_count < BOUNCE_RULE_PROVIDERS_MAX);
        rule->providers[rule->provider_count++] = provider;
        names += len + (names[len] == ' ');
    }
}

static void put_builtin(struct bounce_rules *r, const struct bounce_rule_builtin *b,
                        const struct provider_table *providers) {
    struct bounce_rule rule = {.reason = b->reason, .has_code = b->code, .has_reply = b->reply};
    bool ok = true;
    if (b->in)
        put_providers(&rule, b->in, providers);
    for (size_t i = 0; i < BOUNCE_RULE_PHRASES && b->phrases[i]; i++)
        ok &= bounce_rule_add_phrase(&rule, r->phrases, span_of(b->phrases[i]));
    if (b->code)
        ok &= code_pattern_parse(span_of(b->code), &rule.code);
    if (b->reply)
        ok &= reply_pattern_parse(span_of(b->reply), &rule.reply);
    assert(ok && (rule.phrase_count || b->code || b->reply));
    (void)ok;
    put_rule(r, &rule);
}

static void put_list(struct bounce_rules *r, enum list list, const struct bounce_rule_list *rows,
                     const struct provider_table *providers) {
    for (size_t i = 0; i < rows->count; i++)
        put_builtin(r, &rows->rows[i], providers);
    r->ends[list] = r->count;
}

static void put_codes(struct bounce_rules *r) {
    const struct bounce_code_list *codes = &bounce_rules_codes, *replies = &bounce_rules_replies;
    r->codes = alloc_zeroed(codes->count, sizeof *r->codes);
    r->replies = alloc_zeroed(replies->count, sizeof *r->replies);
    bool ok = true;
    for (size_t i = 0; i < codes->count; i++) {
        r->codes[i].reason = codes->rows[i].reason;
        ok &= code_pattern_parse(span_of(codes->rows[i].pattern), &r->codes[i].pattern);
    }
    for (size_t i = 0; i < replies->count; i++) {
        r->replies[i].reason = replies->rows[i].reason;
        ok &= reply_pattern_parse(span_of(replies->rows[i].pattern), &r->replies[i].pattern);
    }
    assert(ok);
    (void)ok;
}

/* From behind, so that every chain is in the order of the rules. */
static void chain_rules(struct bounce_rules *r) {
    phrases_finish(r->phrases);
    r->with_phrase = alloc_zeroed(phrases_count(r->phrases), sizeof *r->with_phrase);
    for (size_t i = r->count; i-- > 0;) {
        struct bounce_rule *rule = &r->rules[i];
        uint32_t *head = rule->phrase_count ? &r->with_phrase[rule->phrases[0]] : &r->without_phrase;
        rule->next_same = *head;
        *head = (uint32_t)i + 1;
    }
}

struct bounce_rules *bounce_rules_create(const char *path, const struct provider_table *providers, struct err *err) {
    struct bounce_rules *r = alloc_zeroed(1, sizeof *r);
    r->phrases = phrases_create();
    if (path && !bounce_rules_load(path, providers, r->phrases, put_rule, r, err)) {
        bounce_rules_destroy(r);
        return NULL;
    }
    r->ends[LIST_OPERATOR] = r->count;
    put_list(r, LIST_PROVIDERS, &bounce_rules_providers, providers);
    put_list(r, LIST_USUAL, &bounce_rules_usual, providers);
    put_list(r, LIST_VAGUE, &bounce_rules_vague, providers);
    put_codes(r);
    chain_rules(r);
    return r;
}

void bounce_rules_destroy(struct bounce_rules *r) {
    if (!r)
        return;
    phrases_destroy(r->phrases);
    free(r->rules);
    free(r->with_phrase);
    free(r->codes);
    free(r->replies);
    free(r);
}

/* What the rules are compared with. */
struct look {
    struct smtp_reply reply;
    struct smtp_status status; /* the field */
    struct smtp_status code;   /* the better one of the two */
    uint16_t provider;
    struct phrases_found found;
    size_t best[LISTS]; /* the first rule of each list that fits, or SIZE_MAX */
};

static bool fits(const struct bounce_rule *rule, const struct look *look) {
    for (size_t i = 1; i < rule->phrase_count; i++)
        if (!phrases_has(&look->found, rule->phrases[i]))
            return false;
    if (rule->has_code && !code_pattern_fits(&rule->code, &look->code))
        return false;
    uint16_t code = look->reply.code ? look->reply.code : (uint16_t)(look->code.class * 100);
    if (rule->has_reply && (code < rule->reply.from || code > rule->reply.to))
        return false;
    bool here = rule->provider_count == 0;
    for (size_t i = 0; i < rule->provider_count; i++)
        here |= rule->providers[i] == look->provider;
    return here;
}

static enum list list_of(const struct bounce_rules *r, size_t rule) {
    enum list list = LIST_OPERATOR;
    while (rule >= r->ends[list])
        list++;
    return list;
}

static void look_at_chain(const struct bounce_rules *r, uint32_t head, struct look *look) {
    for (uint32_t at = head; at; at = r->rules[at - 1].next_same) {
        size_t i = at - 1;
        size_t *best = &look->best[list_of(r, i)];
        if (i < *best && fits(&r->rules[i], look))
            *best = i;
    }
}

static void look_at_text(const struct bounce_rules *r, struct look *look) {
    for (size_t i = 0; i < LISTS; i++)
        look->best[i] = SIZE_MAX;
    size_t words = (phrases_count(r->phrases) + 63) / 64;
    memset(&look->found, 0, words * sizeof look->found.bits[0]);
    if (look->reply.text.len) {
        char line[SMTP_REPLY_MAX];
        phrases_find(r->phrases, smtp_reply_join(&look->reply, line), &look->found);
    }
    for (size_t w = 0; w < words; w++)
        for (uint64_t bits = look->found.bits[w]; bits; bits &= bits - 1)
            look_at_chain(r, r->with_phrase[w * 64 + (size_t)__builtin_ctzll(bits)], look);
    look_at_chain(r, r->without_phrase, look);
}

static bool is_suppressed(const struct bounce_facts *f) {
    return f->type == EVENT_BOUNCE &&
           (f->bounce_subtype == SUBTYPE_SUPPRESSED || f->bounce_subtype == SUBTYPE_ON_ACCOUNT_SUPPRESSION_LIST ||
            f->bounce_subtype == SUBTYPE_ON_TENANT_SUPPRESSION_LIST ||
            f->bounce_subtype == SUBTYPE_UNSUBSCRIBED_RECIPIENT ||
            f->bounce_subtype == SUBTYPE_EMAIL_VALIDATION_SUPPRESSED);
}

/* What SES itself has found out, where it says more than "general". */
static enum bounce_reason reason_of_subtype(const struct bounce_facts *f) {
    static const uint8_t subtypes[SUBTYPES] = {
        [SUBTYPE_NO_EMAIL] = REASON_INVALID_RECIPIENT,  [SUBTYPE_MAILBOX_FULL] = REASON_MAILBOX_FULL,
        [SUBTYPE_MESSAGE_TOO_LARGE] = REASON_TOO_LARGE, [SUBTYPE_CONTENT_REJECTED] = REASON_SPAM_CONTENT,
        [SUBTYPE_ATTACHMENT_REJECTED] = REASON_CONTENT, [SUBTYPE_CUSTOM_TIMEOUT_EXCEEDED] = REASON_EXPIRED,
    };
    static const uint8_t delays[DELAY_TYPES] = {
        [DELAY_MAILBOX_FULL] = REASON_MAILBOX_FULL,
        [DELAY_SPAM_DETECTED] = REASON_REPUTATION_BLOCK,
        [DELAY_BYOIP_HOST_NAME_LOOKUP_UNAVAILABLE] = REASON_PTR,
        [DELAY_SENDING_DEFERRAL] = REASON_RATE_LIMITED,
    };
    return f->type == EVENT_BOUNCE ? subtypes[f->bounce_subtype] : delays[f->delay_type];
}

/* The last straw: nothing but the type is left. An out-of-office answer has an address and nothing else. */
static enum bounce_reason reason_of_type(const struct bounce_facts *f) {
    static const uint8_t delays[DELAY_TYPES] = {
        [DELAY_IP_FAILURE] = REASON_REPUTATION_BLOCK,
        [DELAY_RECIPIENT_SERVER_ERROR] = REASON_NETWORK,
        [DELAY_TRANSIENT_COMMUNICATION_FAILURE] = REASON_NETWORK,
    };
    if (f->type != EVENT_BOUNCE)
        return delays[f->delay_type];
    bool is_bare = !f->diagnostic.len && !f->status.len && !f->action.len;
    bool is_general = f->bounce_subtype == SUBTYPE_GENERAL || f->bounce_subtype == SUBTYPE_NONE;
    return f->bounce_type == BOUNCE_TRANSIENT && is_general && is_bare ? REASON_AUTOREPLY : REASON_UNDETERMINED;
}

static bool find_code(const struct bounce_rules *r, const struct smtp_status *s, struct bounce_decision *d) {
    for (size_t i = 0; i < bounce_rules_codes.count; i++) {
        if (code_pattern_fits(&r->codes[i].pattern, s)) {
            d->reason = r->codes[i].reason;
            d->row = i;
            return true;
        }
    }
    return false;
}

static bool find_reply(const struct bounce_rules *r, uint16_t code, struct bounce_decision *d) {
    for (size_t i = 0; i < bounce_rules_replies.count; i++) {
        if (code >= r->replies[i].pattern.from && code <= r->replies[i].pattern.to) {
            d->reason = r->replies[i].reason;
            d->row = i;
            return true;
        }
    }
    return false;
}

static bool decide_by_text(const struct bounce_rules *r, const struct look *look, enum list list,
                           struct bounce_decision *d) {
    size_t rule = look->best[list];
    if (rule == SIZE_MAX)
        return false;
    d->reason = r->rules[rule].reason;
    d->row = list ? rule - r->ends[list - 1] : rule;
    return true;
}

static struct bounce_decision decide_by_look(const struct bounce_rules *r, const struct bounce_facts *f,
                                             const struct look *look) {
    struct bounce_decision d = {0};
    if (d.step = STEP_PROVIDER_TEXT, decide_by_text(r, look, LIST_PROVIDERS, &d))
        return d;
    if (d.step = STEP_USUAL_TEXT, decide_by_text(r, look, LIST_USUAL, &d))
        return d;
    if (d.step = STEP_CODE, find_code(r, &look->reply.status, &d))
        return d;
    if (d.step = STEP_STATUS, find_code(r, &look->status, &d))
        return d;
    if (d.step = STEP_VAGUE_TEXT, decide_by_text(r, look, LIST_VAGUE, &d))
        return d;
    if (d.step = STEP_REPLY, find_reply(r, look->reply.code, &d))
        return d;
    return (struct bounce_decision){reason_of_type(f), STEP_TYPE, 0};
}

struct bounce_decision bounce_rules_decide(const struct bounce_rules *r, const struct bounce_facts *f) {
    if (is_suppressed(f))
        return (struct bounce_decision){REASON_SUPPRESSED, STEP_SUPPRESSED, 0};
    struct bounce_decision d = {reason_of_subtype(f), STEP_SUBTYPE, 0};
    if (d.reason != REASON_UNDETERMINED && r->ends[LIST_OPERATOR] == 0)
        return d;
    struct look look;
    look.reply = smtp_reply_parse(f->diagnostic);
    look.status = smtp_status_parse(f->status);
    bool text_tells = look.reply.status.class > 2 && !smtp_status_is_weak(&look.reply.status);
    look.code = text_tells || !look.status.class ? look.reply.status : look.status;
    look.provider = f->provider;
    look_at_text(r, &look);
    struct bounce_decision by_operator = {.step = STEP_OPERATOR};
    if (decide_by_text(r, &look, LIST_OPERATOR, &by_operator))
        return by_operator;
    return d.reason != REASON_UNDETERMINED ? d : decide_by_look(r, f, &look);
}

enum bounce_reason bounce_rules_find(const struct bounce_rules *r, const struct bounce_facts *facts) {
    return bounce_rules_decide(r, facts).reason;
}
