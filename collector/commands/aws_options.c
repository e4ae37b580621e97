#include "commands/aws_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/time_zone.h"
#include "http/pool.h"
#include "parsers/timestamp.h"

enum { MAX_AHEAD = 256, MAX_EXCLUDE = 1000 };
#define HOUR_MS                  ((int64_t)3600 * 1000)
#define DEFAULT_ARRIVAL_SLACK_MS (26 * HOUR_MS)

const char bucket_options_help[] =
    "Buckets\n"
    "  --region NAME            default: as AWS's own tools find it (environment, profile, machine); credentials too\n"
    "  --profile NAME           of ~/.aws/config and ~/.aws/credentials\n"
    "  --endpoint-url URL       of another store than AWS's\n"
    "  --no-sign-request        for buckets that anybody may read\n"
    "  --request-payer          requests and transfer are paid by us\n"
    "  --path-style             the bucket's name stands in the path, not in the host's name\n"
    "  --time-zone ZONE         of the times in keys: Europe/Berlin, +05:30 (default UTC, as Firehose's)\n"
    "  --exclude GLOB           leaves out keys that match; * matches / too. May be repeated\n"
    "  --replay-errors          reads what lies below Firehose's folders of errors too (also below local folders)\n"
    "  --arrival-slack DURATION with --to, events are looked for in objects up to so much later (default 26h)\n"
    "  --ahead N                downloads at once (default 16)\n\n";

void bucket_options_init(struct bucket_options *o) {
    *o = (struct bucket_options){.arrival_slack_ms = DEFAULT_ARRIVAL_SLACK_MS};
}

void bucket_options_deinit(struct bucket_options *o) {
    aws_settings_deinit(&o->aws);
    free(o->exclude);
    *o = (struct bucket_options){0};
}

static bool take_text(const char *option, char **to, const char *text, struct err *err) {
    if (!*text)
        return err_set(err, ERR_USAGE, "--%s: is empty", option);
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return err_set(err, ERR_USAGE, "--%s: has a control character in it", option);
    free(*to);
    *to = alloc_string(text, strlen(text));
    return true;
}

static bool take_endpoint(struct bucket_options *o, const char *text, struct err *err) {
    struct err why = {0};
    if (!http_check_url(text, &why))
        return err_set(err, ERR_USAGE, "--endpoint-url: %s", why.text);
    return take_text("endpoint-url", &o->aws.endpoint, text, err);
}

/* Looked up here, so that a name that is not known is wrong usage. */
static bool take_zone(struct bucket_options *o, const char *text, struct err *err) {
    struct err why = {0};
    struct time_zone *zone = time_zone_open(text, &why);
    if (!zone)
        return err_set(err, ERR_USAGE, "--time-zone %s: %s", text, why.text);
    time_zone_close(zone);
    o->time_zone = text;
    return true;
}

static bool take_exclude(struct bucket_options *o, const char *text, struct err *err) {
    if (o->exclude_count == MAX_EXCLUDE)
        return err_set(err, ERR_USAGE, "--exclude: more than %d", MAX_EXCLUDE);
    o->exclude = alloc_resize(o->exclude, o->exclude_count + 1, sizeof *o->exclude);
    o->exclude[o->exclude_count++] = text;
    return true;
}

static bool take_ahead(struct bucket_options *o, const char *text, struct err *err) {
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || n < 1 || n > MAX_AHEAD)
        return err_set(err, ERR_USAGE, "--ahead %s: not a number from 1 to %d", text, MAX_AHEAD);
    o->ahead = (unsigned)n;
    return true;
}

bool bucket_options_take(struct bucket_options *o, int id, const char *text, struct err *err) {
    switch ((enum aws_option)id) {
    case AWS_OPT_REGION:
        return take_text("region", &o->aws.region, text, err);
    case AWS_OPT_PROFILE:
        return take_text("profile", &o->aws.profile, text, err);
    case AWS_OPT_ENDPOINT:
        return take_endpoint(o, text, err);
    case AWS_OPT_ANONYMOUS:
        return o->aws.anonymous = true;
    case AWS_OPT_PAYER:
        if (text && strcmp(text, "requester") != 0)
            return err_set(err, ERR_USAGE, "--request-payer=%s: it is --request-payer=requester", text);
        return o->requester_pays = true;
    case AWS_OPT_PATH_STYLE:
        return o->path_style = true;
    case AWS_OPT_ZONE:
        return take_zone(o, text, err);
    case AWS_OPT_EXCLUDE:
        return take_exclude(o, text, err);
    case AWS_OPT_ERRORS:
        return o->errors = true;
    case AWS_OPT_SLACK:
        return duration_parse((struct span){text, strlen(text)}, &o->arrival_slack_ms) ||
               err_set(err, ERR_USAGE, "--arrival-slack %s: not a duration. Write 90s, 5m, 1h30m or 2d", text);
    case AWS_OPT_AHEAD:
        return take_ahead(o, text, err);
    }
    return err_set(err, ERR_USAGE, "wrong option");
}
