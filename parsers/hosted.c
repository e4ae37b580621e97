#include "parsers/hosted.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/networks.h"
#include "core/phrases.h"
#include "parsers/hosted_builtin.h"

enum { REPLY_MAX = 2048, MTA_MAX = 512, OWN_PHRASES_MAX = 128 };

struct hosted {
    const struct mail_hosts *hosts; /* borrowed */
    struct phrases *phrases;        /* numbered as in hosted_phrases */
    uint16_t phrase_providers[OWN_PHRASES_MAX];
    struct networks *networks; /* each with its provider's number */
    /* A domain that no table knows is a company's own, so never one of the consumers' services. */
    uint16_t gmail, google_workspace, microsoft, microsoft_365;
};

static uint16_t provider_named(const struct provider_table *providers, const char *name) {
    for (size_t i = 0; i < provider_table_count(providers); i++)
        if (strcmp(provider_table_name(providers, (uint16_t)i), name) == 0)
            return (uint16_t)i;
    return PROVIDER_OTHER;
}

static void add_networks(struct hosted *h, const char *list, uint16_t provider) {
    for (const char *p = list; *p;) {
        size_t len = strcspn(p, " ");
        bool added = networks_add(h->networks, (struct span){p, len}, provider);
        assert(added);
        (void)added;
        p += len + (p[len] == ' ');
    }
}

struct hosted *hosted_create(const struct mail_hosts *hosts, const struct provider_table *providers) {
    struct hosted *h = alloc_zeroed(1, sizeof *h);
    h->hosts = hosts;
    h->phrases = phrases_create();
    assert(hosted_phrase_count <= OWN_PHRASES_MAX);
    for (size_t i = 0; i < hosted_phrase_count; i++) {
        int number = phrases_add(h->phrases, span_of(hosted_phrases[i].text));
        assert(number == (int)i);
        h->phrase_providers[number] = provider_named(providers, hosted_phrases[i].provider);
    }
    phrases_finish(h->phrases);
    h->networks = networks_create();
    for (size_t i = 0; i < hosted_networks_count; i++)
        add_networks(h, hosted_networks[i].networks, provider_named(providers, hosted_networks[i].provider));
    networks_finish(h->networks);
    h->gmail = provider_named(providers, "gmail");
    h->google_workspace = provider_named(providers, "google_workspace");
    h->microsoft = provider_named(providers, "microsoft");
    h->microsoft_365 = provider_named(providers, "microsoft_365");
    return h;
}

void hosted_destroy(struct hosted *h) {
    if (!h)
        return;
    phrases_destroy(h->phrases);
    networks_destroy(h->networks);
    free(h);
}

static inline bool is_host_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

static size_t skip_word(struct span text, size_t i) {
    while (i < text.len && !span_is_blank(text.ptr[i]))
        i++;
    return i;
}

/* As it stands in a sentence: dots and hyphens at its ends are not its own. Empty when it is no name of a server. */
static struct span trim_name(struct span name) {
    while (name.len && (name.ptr[0] == '.' || name.ptr[0] == '-'))
        name.ptr++, name.len--;
    while (name.len && (name.ptr[name.len - 1] == '.' || name.ptr[name.len - 1] == '-'))
        name.len--;
    return name.len && memchr(name.ptr, '.', name.len) ? name : (struct span){NULL, 0};
}

/* The first name of a server that is known. What follows an @ is the domain of an address or of a message id, what
 * stands before it a person's name; a page of the web (up to the next blank) may be anybody's: phrases are for those.
 */
static uint16_t find_name(const struct hosted *h, struct span text) {
    size_t i = 0;
    while (i < text.len) {
        if (!is_host_byte(text.ptr[i])) {
            i++;
            continue;
        }
        size_t begin = i;
        while (i < text.len && is_host_byte(text.ptr[i]))
            i++;
        struct span name = trim_name((struct span){text.ptr + begin, i - begin});
        if (name.len == 0)
            continue;
        char before = begin ? text.ptr[begin - 1] : ' ', behind = i < text.len ? text.ptr[i] : ' ';
        if (before == '/' || behind == '/') {
            i = skip_word(text, i);
            continue;
        }
        if (before == '@' || behind == '@')
            continue;
        uint16_t provider = mail_hosts_find(h->hosts, name);
        if (provider != PROVIDER_OTHER)
            return provider;
    }
    return PROVIDER_OTHER;
}

static uint16_t find_phrase(const struct hosted *h, struct span text) {
    struct phrases_found found;
    memset(found.bits, 0, (hosted_phrase_count + 63) / 64 * sizeof found.bits[0]);
    phrases_find(h->phrases, text, &found);
    for (size_t i = 0; i < hosted_phrase_count; i++)
        if (phrases_has(&found, (int)i) && h->phrase_providers[i] != PROVIDER_OTHER)
            return h->phrase_providers[i];
    return PROVIDER_OTHER;
}

/* `dns; mx.example.com`: the type before the semicolon says nothing. What is longer than any name is none: it is looked
 * at for each of a record's recipients. */
static uint16_t find_mta(const struct hosted *h, struct span mta) {
    if (mta.len > MTA_MAX)
        return PROVIDER_OTHER;
    const char *semicolon = mta.len ? memrchr(mta.ptr, ';', mta.len) : NULL;
    if (semicolon)
        mta = (struct span){semicolon + 1, mta.len - (size_t)(semicolon + 1 - mta.ptr)};
    return mail_hosts_find(h->hosts, span_trim(mta));
}

static uint16_t find_network(const struct hosted *h, struct span address) {
    int provider = networks_find(h->networks, address);
    return provider < 0 ? PROVIDER_OTHER : (uint16_t)provider;
}

uint16_t hosted_find(const struct hosted *h, struct span reply, struct span reporting_mta, struct span remote_mta_ip) {
    if (reply.len > REPLY_MAX)
        reply.len = REPLY_MAX;
    uint16_t provider = find_name(h, reply);
    if (provider == PROVIDER_OTHER)
        provider = find_phrase(h, reply);
    if (provider == PROVIDER_OTHER)
        provider = find_mta(h, reporting_mta);
    if (provider == PROVIDER_OTHER)
        provider = find_network(h, remote_mta_ip);
    if (provider == h->gmail)
        return h->google_workspace;
    return provider == h->microsoft ? h->microsoft_365 : provider;
}
