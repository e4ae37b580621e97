/* sources: the kinds of entries, and what they have in common. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "config/words.h"
#include "core/alloc.h"

/* An entry is a map with one of these keys; both tables as enum source_kind. */
static const struct key words[SOURCE_KINDS] = {
    {"kafka", KEY_SECTION, .section = &kafka_section, .means = "Kafka topics."},
    {"files", KEY_SECTION, .section = &files_section, .means = "Folders of dumps that grow."},
    {"s3", KEY_SECTION, .section = &s3_section,
     .means = "A bucket that Firehose fills, watched without notifications."},
    {"sqs", KEY_SECTION, .section = &sqs_section, .means = "A queue of S3 notifications, or of SES events."},
    {"push", KEY_SECTION, .section = &push_section, .means = "What Firehose and SNS send over HTTP."},
};
const struct section sources_section = {"sources[]", KEYS_OF(words)};

static const struct source_keys *const kinds[SOURCE_KINDS] = {
    &kafka_source_keys, &files_source_keys, &s3_source_keys, &sqs_source_keys, &push_source_keys,
};

/* `other` is what the tables of names call the rest. */
const char *source_name_wrong(const char *text) {
    return strcmp(text, "other") == 0 ? "write another name: this one has a meaning of its own" : name_wrong(text);
}

static const struct source_keys *keys_of(const struct config_source *s) {
    return kinds[s->kind];
}

static char *name_of(const struct config_source *s) {
    return *keys_of(s)->name((struct config_source *)s);
}

void config_source_deinit(struct config_source *s) {
    keys_of(s)->deinit(s);
}

static bool check_name(struct binder *b, const struct config *c, const struct node *body) {
    const struct config_source *newest = &c->sources[c->source_count - 1];
    const char *name = name_of(newest);
    for (const struct config_source *s = c->sources; name && s < newest; s++)
        if (name_of(s) && strcmp(name_of(s), name) == 0)
            return bind_error(b, bind_place(body, "name"),
                              "name: two sources are called \"%s\"; give this one another name", name);
    return true;
}

/* "kafka:, files: or s3:" */
static void list_words(char *text, size_t size) {
    size_t len = 0;
    for (unsigned i = 0; i < SOURCE_KINDS && len < size; i++)
        len += (size_t)snprintf(text + len, size - len, "%s\"%s:\"",
                                i == 0                  ? ""
                                : i == SOURCE_KINDS - 1 ? " or "
                                                        : ", ",
                                words[i].name);
}

static bool find_kind(const char *word, enum source_kind *kind) {
    for (unsigned i = 0; i < SOURCE_KINDS; i++)
        if (strcmp(words[i].name, word) == 0) {
            *kind = (enum source_kind)i;
            return true;
        }
    return false;
}

bool take_source(struct binder *b, void *base, const struct node *entry) {
    struct config *c = base;
    enum source_kind kind;
    char right[128];
    list_words(right, sizeof right);
    if (entry->kind != NODE_MAP || !entry->first)
        return bind_error(b, entry, "this is no source; begin it with %s", right);
    const struct node *body = entry->first;
    if (!find_kind(body->key, &kind))
        return bind_error_at_key(b, body, "unknown kind of source \"%.60s\"; begin it with %s", body->key, right);
    if (body->next)
        return bind_error_at_key(
            b, body->next,
            "\"%.60s\" beside \"%s\" in one entry; indent what belongs to it, and begin another source with a dash",
            body->next->key, body->key);
    c->sources = alloc_resize(c->sources, c->source_count + 1, sizeof *c->sources);
    struct config_source *s = &c->sources[c->source_count++];
    memset(s, 0, sizeof *s);
    s->kind = kind;
    return kinds[kind]->take(b, s, body) && check_name(b, c, body);
}

static bool is_taken(const struct config *c, const char *name) {
    for (size_t i = 0; i < c->source_count; i++) {
        const char *other = name_of(&c->sources[i]);
        if (other && strcmp(other, name) == 0)
            return true;
    }
    return false;
}

static struct aws_settings *aws_of(struct config_source *s) {
    switch (s->kind) {
    case SOURCE_S3:
        return &s->s3.aws;
    case SOURCE_SQS:
        return &s->sqs.aws;
    default:
        return NULL;
    }
}

void finish_sources(struct config *c) {
    for (size_t i = 0; i < c->source_count; i++) {
        struct config_source *s = &c->sources[i];
        if (!name_of(s))
            *keys_of(s)->name(s) = name_for(words[s->kind].name, is_taken, c);
        if (aws_of(s))
            aws_settings_inherit(aws_of(s), &c->aws);
        if (s->kind == SOURCE_PUSH)
            finish_push(&s->push, c->state_path, &c->aws);
    }
}

void show_sources(struct writer *w, const void *base) {
    const struct config *c = base;
    if (!c->source_count)
        return;
    write_begin(w, "sources");
    for (size_t i = 0; i < c->source_count; i++) {
        const struct config_source *s = &c->sources[i];
        w->indent++;
        w->dash = true;
        write_begin(w, words[s->kind].name);
        keys_of(s)->show(w, s);
        write_end(w);
        w->indent--;
    }
    write_end(w);
}
