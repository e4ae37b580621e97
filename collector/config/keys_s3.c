/* sources[].s3 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "config/keys_aws.h"
#include "core/alloc.h"
#include "core/time_zone.h"
#include "parsers/timestamp.h"

static const char lower_and_digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";

/* s3_watch_options, and the one key whose text says two things. */
struct s3_form {
    struct s3_watch_options o;
    char *start;
};

/* --- what may stand there ----------------------------------------------------------------------------------------- */

static const char *bucket_wrong(const char *text) {
    size_t len = strlen(text);
    if (strncmp(text, "arn:", 4) == 0)
        return "write the bucket's name, or an access point's alias (it ends with -s3alias), instead of the ARN";
    if (strncmp(text, "s3://", 5) == 0)
        return "write the bucket's name alone; what stands behind it is the `prefix`";
    if (strchr(text, '/'))
        return "write the bucket's name alone, without a slash; folders are the `prefix`";
    if (len < 3 || len > 63 || strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-") != len ||
        !strchr(lower_and_digits, text[0]) || !strchr(lower_and_digits, text[len - 1]))
        return "write a bucket's name: 3 to 63 lower case letters, digits, points and hyphens";
    return NULL;
}

static const char *prefix_wrong(const char *text) {
    if (text[0] == '/')
        return "write it without the slash at the beginning: keys have none";
    if (strncmp(text, "s3://", 5) == 0)
        return "write what stands behind the bucket's name alone";
    return NULL;
}

static const char *time_zone_wrong(const char *text) {
    struct time_zone *z = time_zone_open(text, NULL);
    time_zone_close(z);
    return z ? NULL : "write UTC, a name as in Europe/Berlin (the system's tzdata must know it), or +05:30";
}

static const char *start_wrong(const char *text) {
    int64_t ms;
    return timestamp_parse_option(span_of(text), &ms) ? NULL : "write a time as in 2026-11-21 or 2026-11-21T23:34:30Z";
}

static const char *account_wrong(const char *text) {
    return strlen(text) == 12 && strspn(text, "0123456789") == 12 ? NULL : "write an account id: 12 digits";
}

static const struct key aws_keys[] = {AWS_KEYS(struct s3_form, o.aws)};
static const struct section aws_section = {"aws", KEYS_OF(aws_keys)};

static const struct key s3_keys[] = {
    {"name", KEY_TEXT, 0, FIELD(struct s3_form, o.name), .wrong = source_name_wrong,
     .shown_default = "`s3`, then `s3-2` and so on",
     .means = "The source's name in metrics and in the state: another name reads everything anew."},
    {"bucket", KEY_TEXT, KEY_REQUIRED, FIELD(struct s3_form, o.place.bucket.name), .wrong = bucket_wrong,
     .means = "The bucket's name, or the alias of an access point."},
    {"prefix", KEY_TEXT, 0, FIELD(struct s3_form, o.place.prefix), .wrong = prefix_wrong,
     .shown_default = "the whole bucket",
     .means = "What the keys to read begin with. Firehose's own prefix may be copied here as it is: from its first "
              "`!{...}` on it is not needed, and left out."},
    {"time_zone", KEY_TEXT, 0, FIELD(struct s3_form, o.place.time_zone), .wrong = time_zone_wrong,
     .shown_default = "UTC",
     .means = "The time zone of the times in keys: what the delivery stream has as its custom time zone."},
    {"start", KEY_TEXT, 0, FIELD(struct s3_form, start), .wrong = start_wrong,
     .shown_default = "`look_back` before the first start",
     .means = "Objects whose keys have an earlier time than this are not read. A time in the past has what is already "
              "in the bucket counted."},
    {"look_back", KEY_DURATION, 0, FIELD(struct s3_form, o.look_back_ms), .fallback = "26h", .min = 3600000,
     .max = 2592000000,
     .means = "How late an object may appear under its hour and still be seen. Firehose tries for 24 hours to deliver. "
              "A pause of the service, however long, is made up for on top of this."},
    {"interval", KEY_DURATION, 0, FIELD(struct s3_form, o.interval_ms), .fallback = "1m", .min = 100, .max = 86400000,
     .means = "How often the bucket is listed. Each look at a look-back is a request for every 1000 objects in it, and "
              "AWS bills requests."},
    {"exclude", KEY_TEXTS, 0, LIST_FIELD(struct s3_form, o.place.exclude, o.place.exclude_count), .max = 100,
     .means = "Patterns of keys that are left out, as in `*/test/*`; a star stands for slashes too."},
    {"errors", KEY_BOOL, 0, FIELD(struct s3_form, o.place.errors), .fallback = "false",
     .means = "Also read what Firehose put below its error prefixes (`processing-failed/` and the like)."},
    {"requester_pays", KEY_BOOL, 0, FIELD(struct s3_form, o.place.bucket.requester_pays), .fallback = "false",
     .means = "Agree to pay for requests to a bucket of somebody else's who asks for that."},
    {"path_style", KEY_BOOL, 0, FIELD(struct s3_form, o.place.bucket.path_style), .fallback = "false",
     .means = "Put the bucket's name into the path of URLs, not into the host. An `endpoint` of your own, and a name "
              "with points in it, have that anyway."},
    {"expected_owner", KEY_TEXT, 0, FIELD(struct s3_form, o.place.bucket.expected_owner), .wrong = account_wrong,
     .shown_default = "any", .means = "The id of the account that must own the bucket, or requests to it fail."},
    {"ahead", KEY_NUMBER, 0, FIELD(struct s3_form, o.ahead), .fallback = "16", .min = 1, .max = 64,
     .means = "Downloads under way at the same time, each with at most 1 MiB that waits to be read."},
    {"aws", KEY_SECTION, .section = &aws_section,
     .means = "What this source does not take from the general `aws` section."},
};
const struct section s3_section = {"sources[].s3", KEYS_OF(s3_keys)};

/* --- taking and showing ------------------------------------------------------------------------------------------- */

static bool check_s3(struct binder *b, const struct s3_watch_options *o, const struct node *map) {
    struct err err = {0};
    return aws_settings_check(&o->aws, &err) || bind_error(b, bind_place(map, "aws"), "aws: %s", err.text);
}

static bool take(struct binder *b, struct config_source *s, const struct node *map) {
    struct s3_form form = {0};
    bind_defaults(&s3_section, &form);
    bool ok = bind_section(b, &s3_section, &form, map);
    form.o.start_ms = INT64_MIN;
    if (ok && form.start)
        timestamp_parse_option(span_of(form.start), &form.o.start_ms);
    if (ok && !form.o.place.prefix)
        form.o.place.prefix = alloc_string("", 0);
    free(form.start);
    s->s3 = form.o;
    return ok && check_s3(b, &s->s3, map);
}

static void show(struct writer *w, const struct config_source *s) {
    char time[TIMESTAMP_SIZE];
    struct s3_form form = {.o = s->s3};
    if (s->s3.start_ms != INT64_MIN) {
        timestamp_format(s->s3.start_ms, time);
        form.start = time;
    }
    if (form.o.place.prefix && !*form.o.place.prefix)
        form.o.place.prefix = NULL; /* not said */
    write_section(w, &s3_section, &form);
}

static void deinit(struct config_source *s) {
    s3_watch_options_deinit(&s->s3);
}

static char **name_of(struct config_source *s) {
    return &s->s3.name;
}

const struct source_keys s3_source_keys = {take, show, deinit, name_of};
