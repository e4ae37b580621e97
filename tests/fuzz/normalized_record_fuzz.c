/* Any bytes as a compact record: refused with a reason, or a record whose events are whole and can be counted. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/normalized_record.h"
#include "parsers/normalized_record_numbers.h"
#include "parsers/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
    if (!ok)
        abort();
}

static struct dictionary *make_dictionary(void) {
    static struct dictionary d;
    struct err err = {0};
    struct provider_table *providers = provider_table_create();
    d = (struct dictionary){.providers = providers,
                            .knowledge = knowledge_create(providers, &(struct knowledge_files){0}, &err),
                            .key = {1, 2},
                            .sets = intern_create(1000),
                            .identities = intern_create(1000),
                            .templates = intern_create(1000),
                            .tags = {intern_create(1000)},
                            .tag_names = {SPAN_LIT("campaign")},
                            .tag_count = 1};
    return &d;
}

static void check_event(const struct event *e, const struct dictionary *d, bool is_first) {
    check(e->type < EVENT_TYPES && e->reason < REASONS && e->visitor < VISITORS);
    check(e->provider < provider_table_count(d->providers) && e->hint < provider_table_count(d->providers));
    check(e->sent_ms <= e->time_ms && e->time_ms <= NORMALIZED_TIME_LAST && e->sent_ms >= NORMALIZED_TIME_FIRST);
    check(e->set < intern_count(d->sets) && e->identity < intern_count(d->identities));
    check(e->tags[0] < intern_count(d->tags[0]) && e->tags[1] == 0);
    check(e->counters < 1u << RATE_COUNTERS && e->domain_key != UINT64_MAX);
    check(e->domain_key == 0 || e->provider == PROVIDER_OTHER);
    check(e->hint == PROVIDER_OTHER || e->domain_key);
    check(!(e->flags & EVENT_FIRST) == !is_first);
    check(is_first || !(e->flags & EVENT_SINGLE));
    if (e->type == EVENT_BOUNCE)
        check(e->detail >> 8 < BOUNCE_TYPES && (e->detail & 0xff) < SUBTYPES);
    if (e->type == EVENT_SUBSCRIPTION)
        check(e->detail >> 8 < CHANGES && (e->detail & 0xff) < SUBSCRIPTION_SOURCES);
    if (e->type == EVENT_RENDERING_FAILURE)
        check(e->detail < intern_count(d->templates));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct dictionary *dictionary;
    static struct normalized_reader *reader;
    enum malformed_reason why = MALFORMED_REASONS;
    struct span value = {(const char *)data, size};
    struct event e;
    if (!dictionary) {
        dictionary = make_dictionary();
        reader = normalized_reader_create(dictionary);
    }
    if (!normalized_reader_begin(reader, value, &why)) {
        check(why < MALFORMED_REASONS);
        check(!normalized_reader_next(reader, &e));
        return 0;
    }
    check(normalized_record_is(value) && size <= RECORD_MAX_SIZE);
    bool is_last = false;
    for (size_t n = 0; normalized_reader_next(reader, &e); n++) {
        check(!is_last && n < NORMALIZED_RECORD_MAX_EVENTS);
        check_event(&e, dictionary, n == 0);
        is_last = e.flags & EVENT_LAST;
    }
    check(is_last);
    return 0;
}
