#include "parsers/visitors.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/networks.h"
#include "core/phrases.h"
#include "parsers/visitors_builtin.h"

enum { AGENT_MAX = 1024, WORDS_MAX = 64 };

struct visitors {
    struct phrases *words;           /* numbered as in visitor_words */
    uint64_t words_of[WORD_BOT + 1]; /* by kind: a bit for each word */
    struct networks *networks;       /* each with its enum visitor_network_kind */
};

static_assert(WORDS_MAX <= 64, "a bit for each word in one number");

struct visitors *visitors_create(void) {
    struct visitors *v = alloc_zeroed(1, sizeof *v);
    v->words = phrases_create();
    assert(visitor_word_count <= WORDS_MAX);
    for (size_t i = 0; i < visitor_word_count; i++) {
        int number = phrases_add(v->words, span_of(visitor_words[i].text));
        assert(number == (int)i);
        v->words_of[visitor_words[i].kind] |= UINT64_C(1) << number;
    }
    phrases_finish(v->words);
    v->networks = networks_create();
    for (size_t i = 0; i < visitor_network_count; i++) {
        for (const char *p = visitor_networks[i].networks; *p;) {
            size_t len = strcspn(p, " ");
            bool added = networks_add(v->networks, (struct span){p, len}, (int)visitor_networks[i].kind);
            assert(added);
            (void)added;
            p += len + (p[len] == ' ');
        }
    }
    networks_finish(v->networks);
    return v;
}

void visitors_destroy(struct visitors *v) {
    if (!v)
        return;
    phrases_destroy(v->words);
    networks_destroy(v->networks);
    free(v);
}

static inline bool is_word_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '-' ||
           c == '_' || c == '.';
}

/* Which words stand in it: a bit for each. The copy has blanks for all that separates words, so that a word's own
 * blanks find where it begins and ends. */
static uint64_t words_in(const struct visitors *v, struct span agent) {
    char copy[AGENT_MAX + 2];
    size_t len = agent.len < AGENT_MAX ? agent.len : AGENT_MAX;
    copy[0] = ' ';
    for (size_t i = 0; i < len; i++)
        copy[i + 1] = is_word_byte(agent.ptr[i]) ? agent.ptr[i] : ' ';
    copy[len + 1] = ' ';
    struct phrases_found found;
    found.bits[0] = 0;
    phrases_find(v->words, (struct span){copy, len + 2}, &found);
    return found.bits[0];
}

static bool is_machine_by_name(const struct visitors *v, uint64_t words) {
    return (words & v->words_of[WORD_MACHINE]) ||
           ((words & v->words_of[WORD_BOT]) && !(words & v->words_of[WORD_NOT_BOT]));
}

static bool ends_with(struct span text, struct span end) {
    return text.len >= end.len && memcmp(text.ptr + text.len - end.len, end.ptr, end.len) == 0;
}

/* Gmail looks at mail when it comes in, under the name of an old Edge with one word too many. */
static bool is_gmail_scan(struct span agent) {
    return ends_with(agent, SPAN_LIT("Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"));
}

/* Takes ` Mobile/15E148` off the end, where it is there. */
static struct span without_build(struct span agent) {
    static const struct span word = SPAN_LIT(" Mobile/");
    size_t len = agent.len;
    while (len && ((agent.ptr[len - 1] >= '0' && agent.ptr[len - 1] <= '9') ||
                   (agent.ptr[len - 1] >= 'A' && agent.ptr[len - 1] <= 'Z') ||
                   (agent.ptr[len - 1] >= 'a' && agent.ptr[len - 1] <= 'z')))
        len--;
    if (len == agent.len || !ends_with((struct span){agent.ptr, len}, word))
        return agent;
    return (struct span){agent.ptr, len - word.len};
}

/* Apple's privacy protection: `Mozilla/5.0` and nothing else, or Apple's WebKit with nothing behind it that a browser
 * or another program would add. */
static bool is_apple_prefetch(struct span agent) {
    static const struct span systems[] = {SPAN_LIT("Mozilla/5.0 (Macintosh; "), SPAN_LIT("Mozilla/5.0 (iPhone; "),
                                          SPAN_LIT("Mozilla/5.0 (iPad; ")};
    static const struct span engine = SPAN_LIT("AppleWebKit/"), end = SPAN_LIT("(KHTML, like Gecko)");
    if (span_is(agent, "Mozilla/5.0"))
        return true;
    agent = without_build(agent);
    for (size_t i = 0; i < sizeof systems / sizeof systems[0]; i++) {
        const struct span *begin = &systems[i];
        if (agent.len < begin->len + end.len || memcmp(agent.ptr, begin->ptr, begin->len) != 0)
            continue;
        return ends_with(agent, end) &&
               memmem(agent.ptr + begin->len, agent.len - begin->len - end.len, engine.ptr, engine.len);
    }
    return false;
}

/* The order is that of docs/engagement.md. */
enum visitor visitors_find(const struct visitors *v, enum event_type type, struct span user_agent,
                           struct span address) {
    uint64_t words = words_in(v, user_agent);
    int network = networks_find(v->networks, address);
    if (is_machine_by_name(v, words) || is_gmail_scan(user_agent) || network == NETWORK_SCANNER)
        return VISITOR_MACHINE;
    if (network == NETWORK_GOOGLE && user_agent.len == 0)
        return VISITOR_MACHINE;
    if (type != EVENT_OPEN)
        return VISITOR_HUMAN;
    if ((words & v->words_of[WORD_PROXY]) || network == NETWORK_GOOGLE || network == NETWORK_MICROSOFT_WEB)
        return VISITOR_PROXY;
    return is_apple_prefetch(user_agent) ? VISITOR_MACHINE : VISITOR_HUMAN;
}
