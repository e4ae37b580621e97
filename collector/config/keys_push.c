/* sources[].push */
#include <stdlib.h>
#include <string.h>

#include "aws/sns.h"
#include "config/keys.h"
#include "config/keys_aws.h"
#include "core/alloc.h"
#include "http/listen.h"

enum { MAX_TOPICS = 256, MAX_CERTIFICATES = 16, SHORTEST_KEY = 16, LONGEST_KEY = 4096 };

static const char *path_wrong(const char *text) {
    if (text[0] != '/' || strlen(text) > 200)
        return "write a path that begins with /, as in /firehose";
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
    return text[strspn(text, good)] ? "a path here has letters, digits and -._~/" : NULL;
}

static const char *key_wrong(const char *text) {
    size_t len = strlen(text);
    if (len < SHORTEST_KEY)
        return "make it longer: 16 bytes or more";
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
            return "write it in letters, digits and signs, without blanks";
    return len > LONGEST_KEY ? "Firehose sends 4096 bytes at most" : NULL;
}

static const char *arn_wrong(const char *text) {
    struct sns_topic topic;
    return sns_topic_parse(span_of(text), &topic)
               ? NULL
               : "write the ARN of a topic as in arn:aws:sns:eu-west-1:123456789012:ses-events";
}

static const struct key aws_keys[] = {AWS_KEYS(struct push_options, aws)};
static const struct section aws_section = {"aws", KEYS_OF(aws_keys)};

static const struct key firehose_keys[] = {
    {"path", KEY_TEXT, 0, FIELD(struct push_options, firehose_path), .fallback = "/firehose", .wrong = path_wrong,
     .means = "The path of the endpoint's URL."},
    {"access_key", KEY_TEXT, KEY_SECRET, FIELD(struct push_options, firehose_access_key),
     .shown_default = "required, unless `listen_address` is of this machine alone", .wrong = key_wrong,
     .means = "The access key that Firehose is configured with."},
};
static const struct section firehose_section = {"sources[].push.firehose", KEYS_OF(firehose_keys)};

static const struct key sns_keys[] = {
    {"path", KEY_TEXT, 0, FIELD(struct push_options, sns_path), .fallback = "/sns", .wrong = path_wrong,
     .means = "The path of the subscription's URL."},
    {"topics", KEY_TEXTS, KEY_REQUIRED, LIST_FIELD(struct push_options, topics, topic_count), .max = MAX_TOPICS,
     .wrong = arn_wrong, .means = "The ARNs of topics that may publish here; what others send is refused."},
    {"confirmations", KEY_PATH, 0, FIELD(struct push_options, confirmations),
     .shown_default = "`sns` beside `state.path`",
     .means = "The folder that keeps subscriptions until `ses-collector sns confirm` takes them up."},
    {"certificates", KEY_PATHS, 0, LIST_FIELD(struct push_options, sns_certificates, sns_certificate_count),
     .max = MAX_CERTIFICATES, .shown_default = "fetched from SNS in the topic's region",
     .means = "Certificates (PEM) that sign messages; with any nothing is fetched."},
    {"allow_raw", KEY_BOOL, 0, FIELD(struct push_options, allow_raw), .fallback = "false",
     .means = "Whether raw message delivery is taken. It is not signed: anybody who reaches the port can write it."},
};
static const struct section sns_section = {"sources[].push.sns", KEYS_OF(sns_keys)};

static const struct key push_keys[] = {
    {"name", KEY_TEXT, 0, FIELD(struct push_options, name), .wrong = source_name_wrong,
     .shown_default = "`push`, then `push-2` and so on", .means = "The source's name in metrics and in the state."},
    {"listen_address", KEY_TEXT, KEY_REQUIRED, FIELD(struct push_options, listen_address), .wrong = listen_wrong,
     .means = "Where pushes are received; a port of its own."},
    {"cert_file", KEY_PATH, KEY_READABLE, FIELD(struct push_options, cert_file),
     .shown_default = "none: plain HTTP, for a proxy in front that speaks TLS",
     .means = "The server's certificate (PEM), with those between it and the root."},
    {"key_file", KEY_PATH, KEY_READABLE, FIELD(struct push_options, key_file), .means = "Its key (PEM)."},
    {"memory", KEY_SIZE, 0, FIELD(struct push_options, memory), .fallback = "256MiB", .min = 64 << 20,
     .max = (int64_t)64 << 30,
     .means = "How much of bodies is held at once; what comes beyond it is answered 503 and sent again."},
    {"max_connections", KEY_NUMBER, 0, FIELD(struct push_options, max_connections), .fallback = "256", .min = 16,
     .max = 65536, .means = "Connections served at once; beyond it the oldest unfinished one is closed."},
    {"firehose", KEY_SECTION, .section = &firehose_section,
     .means = "Firehose's HTTP endpoint destination; without this section there is none."},
    {"sns", KEY_SECTION, .section = &sns_section,
     .means = "Subscriptions of SNS over HTTP; without this section there are none."},
    {"aws", KEY_SECTION, .section = &aws_section, .means = "What this source does not take from the general `aws`."},
};
const struct section push_section = {"sources[].push", KEYS_OF(push_keys)};

/* A section that is not there is not wanted, whatever its defaults. */
static bool bind_sections(struct binder *b, struct push_options *o, const struct node *map) {
    const struct node *firehose = tree_get(map, "firehose"), *sns = tree_get(map, "sns");
    if (!firehose) {
        free(o->firehose_path);
        o->firehose_path = NULL;
    }
    if (!sns) {
        free(o->sns_path);
        o->sns_path = NULL;
    }
    return firehose || sns ||
           bind_error(b, map, "nothing is received here; add firehose: or sns:, with what belongs to it");
}

static bool check(struct binder *b, const struct push_options *o, const struct node *map) {
    const struct node *firehose = tree_get(map, "firehose");
    if (!o->cert_file != !o->key_file)
        return bind_error(b, bind_place(map, o->cert_file ? "cert_file" : "key_file"),
                          "cert_file and key_file go together; add %s", o->cert_file ? "key_file" : "cert_file");
    if (firehose && !o->firehose_access_key && !http_listen_is_local(o->listen_address))
        return bind_error(b, firehose,
                          "access_key is missing, and others than this machine reach %s; add it, as Firehose has it",
                          o->listen_address);
    if (o->firehose_path && o->sns_path && strcmp(o->firehose_path, o->sns_path) == 0)
        return bind_error(b, bind_place(tree_get(map, "sns"), "path"),
                          "path is that of firehose too; write another one for one of them");
    return true;
}

static bool take(struct binder *b, struct config_source *s, const struct node *map) {
    bind_defaults(&push_section, &s->push);
    return bind_section(b, &push_section, &s->push, map) && bind_sections(b, &s->push, map) && check(b, &s->push, map);
}

static void show(struct writer *w, const struct config_source *s) {
    for (size_t i = 0; i < push_section.count; i++) {
        const struct key *k = &push_section.keys[i];
        if ((k->section != &firehose_section || s->push.firehose_path) &&
            (k->section != &sns_section || s->push.sns_path))
            write_key(w, k, &s->push);
    }
}

static void deinit(struct config_source *s) {
    push_options_deinit(&s->push);
}

static char **name_of(struct config_source *s) {
    return &s->push.name;
}

void finish_push(struct push_options *o, const char *state_path, const struct aws_settings *general) {
    aws_settings_inherit_identity(&o->aws, general); /* SNS's certificates come from SNS, whoever has the buckets */
    if (!o->sns_path || o->confirmations || !state_path)
        return;
    const char *slash = strrchr(state_path, '/');
    size_t len = slash ? (size_t)(slash - state_path) + 1 : 0;
    o->confirmations = alloc_zeroed(len + sizeof "sns", 1);
    memcpy(o->confirmations, state_path, len);
    memcpy(o->confirmations + len, "sns", sizeof "sns");
}

const struct source_keys push_source_keys = {take, show, deinit, name_of};
