/* A server's reply: what is found stands in it, and some reason comes of it, whatever it says. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "parsers/bounce_rules.h"
#include "parsers/smtp_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct bounce_rules *rules_once(void) {
    static struct bounce_rules *rules;
    if (!rules) {
        struct provider_table *providers = provider_table_create();
        rules = bounce_rules_create(NULL, providers, NULL);
        provider_table_destroy(providers);
    }
    return rules;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span text = {(const char *)data, size};
    struct smtp_reply reply = smtp_reply_parse(text);
    assert(reply.text.len <= size && reply.text.len <= SMTP_REPLY_MAX);
    assert(reply.code == 0 || (reply.code >= 200 && reply.code <= 599 && reply.code / 100 != 3));
    assert(reply.status.class == 0 || reply.status.class == 2 || reply.status.class == 4 || reply.status.class == 5);
    assert(reply.status.subject <= 7 && reply.status.detail <= 999);

    char line[SMTP_REPLY_MAX];
    struct span joined = smtp_reply_join(&reply, line);
    assert(joined.len <= reply.text.len);
    for (size_t i = 0; i < joined.len; i++)
        assert(!span_is_blank(joined.ptr[i]) || (joined.ptr[i] == ' ' && (i == 0 || joined.ptr[i - 1] != ' ')));

    struct smtp_status status = smtp_status_parse(text);
    assert(status.class == 0 || size >= 5);
    struct bounce_facts facts = {.type = EVENT_BOUNCE,
                                 .bounce_type = (enum bounce_type)(size % BOUNCE_TYPES),
                                 .bounce_subtype = SUBTYPE_GENERAL,
                                 .provider = (uint16_t)(size % 64),
                                 .diagnostic = text};
    assert(bounce_rules_find(rules_once(), &facts) < REASONS);
    facts.status = text;
    facts.type = EVENT_DELIVERY_DELAY;
    facts.delay_type = (enum delay_type)(size % DELAY_TYPES);
    assert(bounce_rules_find(rules_once(), &facts) < REASONS);
    return 0;
}
