/* sources: Kafka topics and folders. */
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "config/words.h"
#include "core/alloc.h"
#include "parsers/timestamp.h"

/* kafka_options, and the one key whose text says two things. */
struct kafka_form {
    struct kafka_options o;
    char *start;
};

static const char *choice_of_mode(unsigned i) {
    static const char *const names[] = {"assign", "group"}; /* as enum kafka_mode */
    return i < 2 ? names[i] : NULL;
}

static bool parse_start(const char *text, enum kafka_start *start, int64_t *ms) {
    static const char *const names[] = {"stored", "beginning", "end"}; /* as enum kafka_start */
    for (int i = 0; i < 3; i++)
        if (strcmp(text, names[i]) == 0) {
            *start = (enum kafka_start)i;
            return true;
        }
    *start = KAFKA_START_TIME;
    return timestamp_parse_option(span_of(text), ms);
}

static const char *start_wrong(const char *text) {
    enum kafka_start start;
    int64_t ms;
    return parse_start(text, &start, &ms) ? NULL : "write stored, beginning, end, or a time as in 2026-11-21T23:34:30Z";
}

static const char *property_wrong(const char *text) {
    size_t len = strlen(text);
    bool good =
        len && len <= 100 && !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")];
    return good ? NULL : "write a property of librdkafka as in bootstrap.servers";
}

/* `other` is what the tables of names call the rest. */
static const char *source_name_wrong(const char *text) {
    return strcmp(text, "other") == 0 ? "write another name: this one has a meaning of its own" : name_wrong(text);
}

static const struct key msk_keys[] = {
    {"region", KEY_TEXT, KEY_REQUIRED, FIELD(struct kafka_form, o.msk_iam_region), .wrong = region_wrong,
     .means = "The region of the MSK cluster, as in eu-west-1."},
};
static const struct section msk_section = {"sources[].kafka.msk_iam", KEYS_OF(msk_keys)};

static const struct key kafka_keys[] = {
    {"name", KEY_TEXT, 0, FIELD(struct kafka_form, o.name), .wrong = source_name_wrong,
     .shown_default = "`kafka`, then `kafka-2` and so on",
     .means = "The source's name in metrics and in the state: another name reads everything anew."},
    {"topics", KEY_TEXTS, KEY_REQUIRED, LIST_FIELD(struct kafka_form, o.topics, o.topic_count), .wrong = topic_wrong,
     .means = "Topics to read."},
    {"partitions", KEY_NUMBERS, 0, LIST_FIELD(struct kafka_form, o.partitions, o.partition_count), .max = INT32_MAX,
     .shown_default = "all", .means = "With mode assign: only these partitions of each topic."},
    {"mode", KEY_CHOICE, 0, FIELD(struct kafka_form, o.mode), .fallback = "assign", .choice = choice_of_mode,
     .means = "`assign`: this instance reads all partitions, or those named. `group`: they are shared out among the "
              "members of the consumer group (the property group.id, `ses-collector` by default)."},
    {"start", KEY_TEXT, 0, FIELD(struct kafka_form, start), .wrong = start_wrong,
     .shown_default = "`beginning`; with mode group `stored`",
     .means =
         "Where to begin with a partition of which the state knows no position: `stored` (where the consumer group "
         "has committed, else the beginning), `beginning`, `end`, or a time."},
    {"properties", KEY_PAIRS, KEY_REQUIRED, LIST_FIELD(struct kafka_form, o.properties, o.property_count), .max = 200,
     .wrong = property_wrong, .wrong_value = line_wrong, .is_secret = kafka_property_is_secret,
     .means =
         "Properties of librdkafka, passed on as they are; `bootstrap.servers` must be among them. A secret one can be "
         "read from a file: `sasl.password_file`."},
    {"dead_letter_topic", KEY_TEXT, 0, FIELD(struct kafka_form, o.dead_letter_topic), .wrong = topic_wrong,
     .means = "A topic that is sent the messages that hold no SES record."},
    {"msk_iam", KEY_SECTION, 0, .section = &msk_section, .means = "Signs in to Amazon MSK with IAM."},
};
static const struct section kafka_section = {"sources[].kafka", KEYS_OF(kafka_keys)};

static const struct key files_keys[] = {
    {"name", KEY_TEXT, 0, FIELD(struct folder_options, name), .wrong = source_name_wrong,
     .shown_default = "`files`, then `files-2` and so on",
     .means = "The source's name in metrics and in the state: another name reads everything anew."},
    {"paths", KEY_PATHS, KEY_REQUIRED, LIST_FIELD(struct folder_options, paths, path_count),
     .means = "Folders (with everything below them), files and glob patterns."},
    {"interval", KEY_DURATION, 0, FIELD(struct folder_options, interval_ms), .fallback = "10s", .min = 100,
     .max = 86400000, .means = "How often to look for what is new."},
    {"settle", KEY_DURATION, 0, FIELD(struct folder_options, settle_ms), .fallback = "5s", .max = 86400000,
     .means = "A file that changed less than this ago may still be being written, and waits."},
};
static const struct section files_section = {"sources[].files", KEYS_OF(files_keys)};

/* An entry is a map with one of these keys. */
static const struct key source_keys[] = {
    {"kafka", KEY_SECTION, .section = &kafka_section, .means = "Kafka topics."},
    {"files", KEY_SECTION, .section = &files_section, .means = "Folders of dumps that grow."},
};
const struct section sources_section = {"sources[]", KEYS_OF(source_keys)};

/* --- Kafka -------------------------------------------------------------------------------------------------------- */

static const char *property_of(const struct kafka_options *o, const char *name) {
    for (size_t i = 0; i < o->property_count; i++)
        if (strcmp(o->properties[i].name, name) == 0)
            return *o->properties[i].value ? o->properties[i].value : NULL;
    return NULL;
}

/* librdkafka names the property that it does not like: the line of the longest name found in its words. */
static const struct node *place_of_property(const struct node *map, const char *text) {
    const struct node *found = map;
    size_t longest = 0;
    for (const struct node *n = bind_place(map, "properties")->first; n; n = n->next)
        if (strlen(n->key) > longest && strstr(text, n->key)) {
            longest = strlen(n->key);
            found = n;
        }
    return found;
}

static bool check_kafka(struct binder *b, const struct kafka_options *o, const struct node *map) {
    struct err err = {0};
    if (!property_of(o, "bootstrap.servers") && !property_of(o, "metadata.broker.list"))
        return bind_error(b, bind_place(map, "properties"),
                          "properties have no bootstrap.servers; add it: HOST:PORT of one or more brokers");
    if (o->mode == KAFKA_GROUP && o->partition_count)
        return bind_error_at_key(b, bind_place(map, "partitions"),
                                 "partitions are shared out in mode group; take this out, or write mode: assign");
    for (size_t i = 0; o->dead_letter_topic && i < o->topic_count; i++)
        if (strcmp(o->topics[i], o->dead_letter_topic) == 0)
            return bind_error(
                b, bind_place(map, "dead_letter_topic"),
                "dead_letter_topic: %s is also read, and each message would come back; name another topic",
                o->dead_letter_topic);
    return kafka_options_check(o, &err) || bind_error_at_key(b, place_of_property(map, err.text), "%s", err.text);
}

/* Who reads all partitions counts all there is; a member of a group goes on where the group is. */
static const char *default_start(const struct kafka_options *o) {
    return o->mode == KAFKA_GROUP ? "stored" : "beginning";
}

static bool take_kafka(struct binder *b, struct config_source *s, const struct node *map) {
    struct kafka_form form = {0};
    bind_defaults(&kafka_section, &form);
    bool ok = bind_section(b, &kafka_section, &form, map);
    if (ok)
        parse_start(form.start ? form.start : default_start(&form.o), &form.o.start, &form.o.start_ms);
    free(form.start);
    s->kafka = form.o;
    return ok && check_kafka(b, &s->kafka, map);
}

/* --- entries ------------------------------------------------------------------------------------------------------ */

static char **name_of(const struct config_source *s) {
    return s->kind == CONFIG_KAFKA ? (char **)&s->kafka.name : (char **)&s->files.name;
}

static bool check_name(struct binder *b, const struct config *c, const struct node *body) {
    const struct config_source *newest = &c->sources[c->source_count - 1];
    const char *name = *name_of(newest);
    for (const struct config_source *s = c->sources; name && s < newest; s++)
        if (*name_of(s) && strcmp(*name_of(s), name) == 0)
            return bind_error(b, bind_place(body, "name"),
                              "name: two sources are called \"%s\"; give this one another name", name);
    return true;
}

static bool take_body(struct binder *b, struct config_source *s, const struct node *body) {
    if (s->kind == CONFIG_KAFKA)
        return take_kafka(b, s, body);
    bind_defaults(&files_section, &s->files);
    return bind_section(b, &files_section, &s->files, body);
}

bool take_source(struct binder *b, void *base, const struct node *entry) {
    struct config *c = base;
    static const char right[] = "begin it with \"kafka:\" or \"files:\"";
    if (entry->kind != NODE_MAP || !entry->first)
        return bind_error(b, entry, "this is no source; %s", right);
    const struct node *body = entry->first;
    bool is_kafka = strcmp(body->key, "kafka") == 0;
    if (!is_kafka && strcmp(body->key, "files") != 0)
        return bind_error_at_key(b, body, "unknown kind of source \"%.60s\"; %s", body->key, right);
    if (body->next)
        return bind_error_at_key(
            b, body->next,
            "\"%.60s\" beside \"%s\" in one entry; indent what belongs to it, and begin another source with a dash",
            body->next->key, body->key);
    c->sources = alloc_resize(c->sources, c->source_count + 1, sizeof *c->sources);
    struct config_source *s = &c->sources[c->source_count++];
    *s = (struct config_source){.kind = is_kafka ? CONFIG_KAFKA : CONFIG_FILES};
    return take_body(b, s, body) && check_name(b, c, body);
}

static bool is_taken(const struct config *c, const char *name) {
    for (size_t i = 0; i < c->source_count; i++) {
        const char *other = *name_of(&c->sources[i]);
        if (other && strcmp(other, name) == 0)
            return true;
    }
    return false;
}

void finish_sources(struct config *c) {
    for (size_t i = 0; i < c->source_count; i++)
        if (!*name_of(&c->sources[i]))
            *name_of(&c->sources[i]) = name_for(c->sources[i].kind == CONFIG_KAFKA ? "kafka" : "files", is_taken, c);
}

static void show_kafka(struct writer *w, const struct kafka_options *o) {
    static const char *const names[] = {"stored", "beginning", "end"};
    char time[TIMESTAMP_SIZE];
    struct kafka_form form = {.o = *o};
    if (o->start == KAFKA_START_TIME)
        timestamp_format(o->start_ms, time);
    else
        snprintf(time, sizeof time, "%s", names[o->start]);
    form.start = time;
    write_section(w, &kafka_section, &form);
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
        write_begin(w, s->kind == CONFIG_KAFKA ? "kafka" : "files");
        if (s->kind == CONFIG_KAFKA)
            show_kafka(w, &s->kafka);
        else
            write_section(w, &files_section, &s->files);
        write_end(w);
        w->indent--;
    }
    write_end(w);
}
