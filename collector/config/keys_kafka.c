/* sources[].kafka */
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

const char *property_wrong(const char *text) {
    size_t len = strlen(text);
    bool good =
        len && len <= 100 && !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")];
    return good ? NULL : "write a property of librdkafka as in bootstrap.servers";
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
const struct section kafka_section = {"sources[].kafka", KEYS_OF(kafka_keys)};

static const char *property_of(const struct kafka_options *o, const char *name) {
    for (size_t i = 0; i < o->property_count; i++)
        if (strcmp(o->properties[i].name, name) == 0)
            return *o->properties[i].value ? o->properties[i].value : NULL;
    return NULL;
}

/* librdkafka names the property that it does not like: the line of the longest name found in its words. */
const struct node *place_of_property(const struct node *map, const char *text) {
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

static bool take(struct binder *b, struct config_source *s, const struct node *map) {
    struct kafka_form form = {0};
    bind_defaults(&kafka_section, &form);
    bool ok = bind_section(b, &kafka_section, &form, map);
    if (ok)
        parse_start(form.start ? form.start : default_start(&form.o), &form.o.start, &form.o.start_ms);
    free(form.start);
    s->kafka = form.o;
    return ok && check_kafka(b, &s->kafka, map);
}

static void show(struct writer *w, const struct config_source *s) {
    const struct kafka_options *o = &s->kafka;
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

static void deinit(struct config_source *s) {
    kafka_options_deinit(&s->kafka);
}

static char **name_of(struct config_source *s) {
    return (char **)&s->kafka.name;
}

const struct source_keys kafka_source_keys = {take, show, deinit, name_of};
