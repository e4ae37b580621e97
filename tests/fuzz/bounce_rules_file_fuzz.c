/* An operator's rules: read or refused by line; what was read can be looked for. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "parsers/bounce_rules_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rule(void *context, const struct bounce_rule *rule) {
    size_t *count = context;
    (*count)++;
    assert(rule->reason < REASONS && rule->phrase_count <= BOUNCE_RULE_PHRASES && rule->provider_count <= 1);
    assert(rule->phrase_count || rule->has_code || rule->has_reply);
    assert(!rule->has_code || (rule->code.from <= rule->code.to && rule->code.to <= 999));
    assert(!rule->has_reply || (rule->reply.from >= 400 && rule->reply.to <= 599));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct provider_table *providers;
    if (!providers)
        providers = provider_table_create();
    struct span text = {(const char *)data, size};
    struct phrases *phrases = phrases_create();
    struct err err = {0};
    size_t count = 0;
    bool ok = bounce_rules_read(text, "the file", providers, phrases, check_rule, &count, &err);
    assert(ok == (err.code == ERR_NONE));
    assert(ok || strncmp(err.text, "the file:", 9) == 0 || strstr(err.text, "too large"));
    assert(count <= BOUNCE_FILE_RULES_MAX && phrases_count(phrases) <= BOUNCE_FILE_PHRASES_MAX + 1);
    phrases_finish(phrases);
    struct phrases_found found = {0};
    phrases_find(phrases, text, &found);
    phrases_destroy(phrases);

    struct code_pattern code;
    struct reply_pattern reply;
    if (code_pattern_parse(text, &code))
        assert(size >= 5 && code.from <= code.to);
    if (reply_pattern_parse(text, &reply))
        assert(size >= 3 && reply.from <= reply.to);
    return 0;
}
