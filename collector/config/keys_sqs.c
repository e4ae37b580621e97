/* sources[].sqs */
#include <string.h>

#include "aws/sqs.h"
#include "config/keys.h"
#include "config/keys_aws.h"

#define QUEUE_RIGHT "write its URL as in https://sqs.eu-west-1.amazonaws.com/123456789012/ses-events"

static const char *queue_wrong(const char *text) {
    struct sqs_queue queue;
    struct err err = {0};
    bool ok = sqs_queue_parse(text, &queue, &err);
    sqs_queue_deinit(&queue);
    return ok ? NULL : QUEUE_RIGHT;
}

static const char *bucket_wrong(const char *text) {
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    size_t len = strlen(text);
    return len >= 3 && len <= 255 && !text[strspn(text, good)] ? NULL
                                                               : "write the bucket's name alone, as in ses-dumps";
}

static const char *prefix_wrong(const char *text) {
    const char *wrong = line_wrong(text);
    if (wrong)
        return wrong;
    return *text && *text != '/' && strlen(text) <= 1024 ? NULL
                                                         : "write how keys begin, as in ses/; without the bucket";
}

static const struct key aws_keys[] = {AWS_KEYS(struct sqs_options, aws)};
static const struct section aws_section = {"aws", KEYS_OF(aws_keys)};

static const struct key sqs_keys[] = {
    {"name", KEY_TEXT, 0, FIELD(struct sqs_options, name), .wrong = source_name_wrong,
     .shown_default = "`sqs`, then `sqs-2` and so on",
     .means = "The source's name in metrics and in the state: another name reads everything anew."},
    {"queue", KEY_TEXT, KEY_REQUIRED, FIELD(struct sqs_options, queue_url), .wrong = queue_wrong,
     .means =
         "The queue's URL. It holds notifications of S3 (bare, through SNS or EventBridge), whose objects are read, "
         "or SES events themselves. The region is that of the URL unless `aws` says another."},
    {"buckets", KEY_TEXTS, 0, LIST_FIELD(struct sqs_options, buckets, bucket_count), .wrong = bucket_wrong,
     .shown_default = "none",
     .means = "Buckets whose objects may be read. A message that names an object of another "
              "one is left in the queue, for its dead letter queue."},
    {"prefixes", KEY_TEXTS, 0, LIST_FIELD(struct sqs_options, prefixes, prefix_count), .wrong = prefix_wrong,
     .shown_default = "any", .means = "How the keys of objects must begin that may be read."},
    {"wait", KEY_DURATION, 0, FIELD(struct sqs_options, wait_ms), .fallback = "20s", .max = SQS_WAIT_MAX_S * 1000,
     .means = "How long the queue may wait for a message before it answers that there is none; whole seconds."},
    {"visibility", KEY_DURATION, 0, FIELD(struct sqs_options, visibility_ms), .fallback = "2m", .min = 10000,
     .max = SQS_VISIBILITY_MAX_S * 1000,
     .means = "For how long a message in hand is hidden from others. It is hidden again at half of that, until what "
              "came of it is committed; after a crash it comes back when the time is over."},
    {"attempts", KEY_NUMBER, 0, FIELD(struct sqs_options, attempts), .fallback = "5", .max = 1000,
     .means =
         "After so many receptions of its message an object that is not there is given up, counted as unreadable, "
         "and the message deleted. One that is there and cannot be read is given up only when its message is a day "
         "old too. 0: never; then the queue's own dead letter policy ends it."},
    {"errors", KEY_BOOL, 0, FIELD(struct sqs_options, errors), .fallback = "false",
     .means = "Read what Firehose put into folders for failed records too (processing-failed and the like)."},
    {"path_style", KEY_BOOL, 0, FIELD(struct sqs_options, path_style), .fallback = "false",
     .means = "The bucket stands in the path of URLs, not in the host."},
    {"requester_pays", KEY_BOOL, 0, FIELD(struct sqs_options, requester_pays), .fallback = "false",
     .means = "Pay for the requests to buckets of others that ask for it."},
    {"ahead", KEY_NUMBER, 0, FIELD(struct sqs_options, ahead), .fallback = "16", .min = 1, .max = 64,
     .means = "Objects that are downloaded at once, each with up to 1 MiB in memory."},
    {"aws", KEY_SECTION, .section = &aws_section, .means = "What this source does not take from the general `aws`."},
};
const struct section sqs_section = {"sources[].sqs", KEYS_OF(sqs_keys)};

static bool check_seconds(struct binder *b, const struct node *map, const char *key, int64_t ms) {
    return ms % 1000 == 0 || bind_error(b, bind_place(map, key), "%s is not in whole seconds; write it as in 20s", key);
}

static bool check(struct binder *b, const struct sqs_options *o, const struct node *map) {
    struct err err = {0};
    if (!check_seconds(b, map, "wait", o->wait_ms) || !check_seconds(b, map, "visibility", o->visibility_ms))
        return false;
    if (o->prefix_count && !o->bucket_count)
        return bind_error(
            b, bind_place(map, "prefixes"),
            "prefixes are of buckets, and none is named; add buckets: with the names of those to be read");
    return aws_settings_check(&o->aws, &err) || bind_error_at_key(b, bind_place(map, "aws"), "aws: %s", err.text);
}

static bool take(struct binder *b, struct config_source *s, const struct node *map) {
    bind_defaults(&sqs_section, &s->sqs);
    return bind_section(b, &sqs_section, &s->sqs, map) && check(b, &s->sqs, map);
}

static void show(struct writer *w, const struct config_source *s) {
    write_section(w, &sqs_section, &s->sqs);
}

static void deinit(struct config_source *s) {
    sqs_options_deinit(&s->sqs);
}

static char **name_of(struct config_source *s) {
    return &s->sqs.name;
}

const struct source_keys sqs_source_keys = {take, show, deinit, name_of};
