#include "commands/normalize_records.h"

#include <stdlib.h>
#include <string.h>

#include "aws/credentials.h"
#include "core/alloc.h"
#include "core/buf.h"
#include "core/intern.h"
#include "parsers/frame.h"
#include "parsers/normalized_record.h"
#include "sinks/normalized.h"

/* As the service that counts has them. A record of 1 MiB becomes less than that. */
enum { MAX_NAMES = 65536, MAX_TEMPLATES = 1000, MAX_RECORD = 8 << 20 };

struct normalize_records {
    struct provider_table *providers;
    struct knowledge *knowledge;
    struct span *verified_domains;
    struct dictionary dictionary;
    struct normaliser normaliser;
    struct frame *frame;
    struct buf out;
    char fingerprint[NORMALIZED_FINGERPRINT + 1];
};

/* --- what is known beforehand ------------------------------------------------------------------------------------- */

static bool load_knowledge(struct normalize_records *r, const struct config *c, struct err *err) {
    r->providers = provider_table_create();
    if (!c->providers_file || provider_table_load(r->providers, c->providers_file, err))
        r->knowledge = knowledge_create(r->providers, &(struct knowledge_files){c->mx_table, c->bounce_rules}, err);
    return r->knowledge != NULL;
}

static bool load_key(struct normalize_records *r, const struct config *c, struct err *err) {
    unsigned char key[NORMALIZED_MAX_KEY];
    uint64_t event_key[2];
    size_t len = normalized_read_key(c->normalize_key_file, key, err);
    if (!len)
        return false;
    normalized_event_key(key, len, event_key);
    normalized_key_fingerprint(key, len, r->fingerprint);
    aws_wipe(key, sizeof key);
    r->dictionary.key = (struct hash_key){event_key[0], event_key[1]};
    return true;
}

static void fill_dictionary(struct normalize_records *r, const struct config *c) {
    struct dictionary *d = &r->dictionary;
    d->providers = r->providers;
    d->knowledge = r->knowledge;
    d->sets = intern_create(MAX_NAMES);
    d->identities = intern_create(MAX_NAMES);
    d->templates = intern_create(MAX_TEMPLATES);
    for (unsigned i = 0; i < c->tag_count; i++) {
        d->tags[i] = intern_create(MAX_NAMES);
        d->tag_names[i] = span_of(c->tags[i]);
    }
    d->tag_count = c->tag_count;
    r->verified_domains = d->verified_domains = alloc_zeroed(c->verified_count + 1, sizeof *d->verified_domains);
    d->verified_count = c->verified_count;
    for (size_t i = 0; i < c->verified_count; i++)
        d->verified_domains[i] = span_of(c->verified_domains[i]);
}

struct normalize_records *normalize_records_create(const struct config *c, struct err *err) {
    struct normalize_records *r = alloc_zeroed(1, sizeof *r);
    buf_init(&r->out, MAX_RECORD);
    if (!load_knowledge(r, c, err) || !load_key(r, c, err)) {
        normalize_records_destroy(r);
        return NULL;
    }
    fill_dictionary(r, c);
    normaliser_init(&r->normaliser, &r->dictionary);
    r->frame = frame_create(json_isa_best());
    frame_set_tags(r->frame, r->dictionary.tag_names, r->dictionary.tag_count);
    return r;
}

const char *normalize_records_fingerprint(const struct normalize_records *r) {
    return r->fingerprint;
}

void normalize_records_destroy(struct normalize_records *r) {
    if (!r)
        return;
    struct dictionary *d = &r->dictionary;
    frame_destroy(r->frame);
    intern_destroy(d->sets);
    intern_destroy(d->identities);
    intern_destroy(d->templates);
    for (unsigned i = 0; i < d->tag_count; i++)
        intern_destroy(d->tags[i]);
    knowledge_destroy(r->knowledge);
    provider_table_destroy(r->providers);
    free(r->verified_domains);
    buf_deinit(&r->out);
    free(r);
}

/* --- a message ---------------------------------------------------------------------------------------------------- */

static void take_malformed(enum malformed_reason reason, struct kafka_transformed *made) {
    made->accounting.malformed[reason]++;
    if (!made->is_dead)
        made->reason = reason;
    made->is_dead = true;
}

/* As normalise_next gives them: one for each recipient, where what happened is the recipient's. */
static uint64_t events_of(const struct ses_event *e) {
    bool whole =
        e->type == EVENT_COMPLAINT || e->type == EVENT_OPEN || e->type == EVENT_CLICK || e->type == EVENT_SUBSCRIPTION;
    uint32_t count = whole ? 1 : ses_recipients_of(e).count;
    return count ? count : 1;
}

static void write_record(struct normalize_records *r, struct kafka_transform *t, const struct ses_event *event,
                         struct kafka_transformed *made) {
    buf_clear(&r->out);
    normalized_record_encode(&r->normaliser, event, &r->out);
    if (r->out.failed) {
        take_malformed(MALFORMED_TOO_LARGE, made);
        return;
    }
    uint64_t events = events_of(event);
    made->events += events;
    made->accounting.counted++;
    kafka_transform_put(t, event->message_id, buf_span(&r->out), events);
}

static void take_items(struct normalize_records *r, struct kafka_transform *t, struct kafka_transformed *made) {
    struct frame_item item;
    enum frame_result result;
    while ((result = frame_next(r->frame, &item)) != FRAME_NEED_TEXT && result != FRAME_END) {
        made->accounting.read++;
        if (result == FRAME_EVENT)
            write_record(r, t, item.event, made);
        else if (result == FRAME_MALFORMED)
            take_malformed(item.reason, made);
        else
            made->accounting.filtered++;
    }
}

void normalize_records_make(void *records, struct kafka_transform *t, struct span value,
                            struct kafka_transformed *made) {
    struct normalize_records *r = records;
    size_t at = 0;
    frame_begin(r->frame, 0);
    do {
        size_t room;
        char *to = frame_space(r->frame, &room);
        size_t n = value.len - at < room ? value.len - at : room;
        if (n)
            memcpy(to, value.ptr + at, n);
        at += n;
        made->accounting.bytes_decoded += n;
        frame_filled(r->frame, n, at == value.len);
        take_items(r, t, made);
    } while (at < value.len);
}
