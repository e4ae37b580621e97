#include <string.h>

#include "core/list_file.h"
#include "parsers/bounce_rules_internal.h"

static const struct list_form form = {.max = BOUNCE_FILE_MAX, .comments = "#", .has_quotes = true};

struct reader {
    struct list_file file;
    const struct provider_table *providers;
    struct phrases *phrases;
    size_t rule_count;
};

static bool take_phrase(struct reader *l, struct bounce_rule *rule) {
    char text[PHRASE_MAX_LEN];
    struct span phrase, place;
    if (!list_file_next_quoted(&l->file, text, sizeof text, &phrase, &place))
        return false;
    if (phrase.len == 0 || span_is(phrase, " "))
        return list_file_fail(&l->file, place, "is an empty phrase: expected words of the reply");
    struct span quote = {place.ptr, 1};
    if (rule->phrase_count == BOUNCE_RULE_PHRASES)
        return list_file_fail(&l->file, quote, "begins one phrase too many: expected at most 4 in a rule");
    if (!bounce_rule_add_phrase(rule, l->phrases, phrase) || phrases_count(l->phrases) > BOUNCE_FILE_PHRASES_MAX)
        return list_file_fail(&l->file, quote,
                              "begins one phrase too many: expected at most 3000 different ones in the file");
    return true;
}

/* The value of `name=VALUE`; an empty one with ptr NULL when the word is something else. */
static struct span value_of(struct span word, const char *name) {
    size_t len = strlen(name);
    if (word.len < len || memcmp(word.ptr, name, len) != 0)
        return (struct span){NULL, 0};
    return (struct span){word.ptr + len, word.len - len};
}

static bool take_option(const struct reader *l, struct span word, struct bounce_rule *rule) {
    struct span provider = value_of(word, "provider="), code = value_of(word, "code="),
                reply = value_of(word, "reply=");
    if ((provider.ptr && rule->provider_count) || (code.ptr && rule->has_code) || (reply.ptr && rule->has_reply))
        return list_file_fail(&l->file, word, "is the second of its kind: expected each at most once");
    if (provider.ptr) {
        uint16_t id = bounce_rule_provider(l->providers, provider);
        if (id == PROVIDER_OTHER || id == PROVIDER_MULTIPLE)
            return list_file_fail(&l->file, word,
                                  "names no provider: expected one of docs/providers.md, or of your own file");
        rule->providers[rule->provider_count++] = id;
        return true;
    }
    if (code.ptr) {
        rule->has_code = true;
        return code_pattern_parse(code, &rule->code) ||
               list_file_fail(&l->file, word, "is no enhanced code: expected 5.7.1, x.7.1, 5.7.600-649 or 5.7.*");
    }
    if (reply.ptr) {
        rule->has_reply = true;
        return reply_pattern_parse(reply, &rule->reply) ||
               list_file_fail(&l->file, word, "is no reply: expected 550, 55x or 4xx");
    }
    return list_file_fail(&l->file, word,
                          "is not understood: expected provider=NAME, code=5.7.1, reply=4xx or a phrase in quotes");
}

static bool take_reason(const struct reader *l, struct span word, struct bounce_rule *rule) {
    char name[32];
    if (word.len < sizeof name) {
        memcpy(name, word.ptr, word.len);
        name[word.len] = '\0';
        if (strlen(name) == word.len && bounce_reason_parse(name, &rule->reason))
            return true;
    }
    return list_file_fail(&l->file, word.len ? word : (struct span){word.ptr, 1},
                          "is no reason: expected one of docs/reasons.md, such as mailbox_full or policy");
}

static bool read_line(struct reader *l, bounce_rule_put *put, void *context) {
    struct bounce_rule rule = {0};
    struct span reason = list_file_next_word(&l->file);
    if (!reason.len && !list_file_at_quote(&l->file))
        return true;
    if (!take_reason(l, reason, &rule))
        return false;
    bool at_end = false;
    while (!at_end) {
        if (list_file_at_quote(&l->file)) {
            if (!take_phrase(l, &rule))
                return false;
            continue;
        }
        struct span word = list_file_next_word(&l->file);
        at_end = word.len == 0;
        if (!at_end && !take_option(l, word, &rule))
            return false;
    }
    if (!rule.phrase_count && !rule.has_code && !rule.has_reply)
        return list_file_fail(&l->file, reason,
                              "has nothing to go by: expected a phrase in quotes, code= or reply= behind it");
    if (l->rule_count++ == BOUNCE_FILE_RULES_MAX)
        return list_file_fail(&l->file, reason, "begins one rule too many: expected at most 1000");
    put(context, &rule);
    return true;
}

/* `ok`: what opening said. */
static bool read_rules(struct reader *l, bool ok, bounce_rule_put *put, void *context) {
    while (ok && list_file_next_line(&l->file))
        ok = read_line(l, put, context);
    list_file_close(&l->file);
    return ok;
}

bool bounce_rules_read(struct span text, const char *path, const struct provider_table *providers,
                       struct phrases *phrases, bounce_rule_put *put, void *context, struct err *err) {
    struct reader l = {.providers = providers, .phrases = phrases};
    return read_rules(&l, list_file_of_text(&l.file, text, path, &form, err), put, context);
}

bool bounce_rules_load(const char *path, const struct provider_table *providers, struct phrases *phrases,
                       bounce_rule_put *put, void *context, struct err *err) {
    struct reader l = {.providers = providers, .phrases = phrases};
    return read_rules(&l, list_file_open(&l.file, path, &form, err), put, context);
}
