/* suppression: */
#include "config/keys.h"
#include "config/keys_aws.h"

static const struct key aws_keys[] = {AWS_KEYS(struct config, suppression.ses.aws)};
static const struct section aws_section = {"aws", KEYS_OF(aws_keys)};

static const struct key ses_keys[] = {
    {"enabled", KEY_BOOL, 0, FIELD(struct config, suppression.ses_enabled), .fallback = "false",
     .means = "Whether addresses are put on SES's own suppression list (`ses:PutSuppressedDestination`)."},
    {"aws", KEY_SECTION, .section = &aws_section, .means = "What this does not take from the general `aws`."},
};
static const struct section ses_section = {"suppression.ses", KEYS_OF(ses_keys)};

static const struct key told_keys[] = {
    {"url", KEY_TEXT, KEY_SECRET, FIELD(struct config, suppression.webhook.url), .wrong = url_wrong,
     .means = "Where addresses are posted to, as JSON, at most 100 at a time."},
    {"bearer_token", KEY_TEXT, KEY_SECRET, FIELD(struct config, suppression.webhook.bearer_token), .wrong = line_wrong,
     .means = "Sent as `Authorization: Bearer ...`."},
    {"hmac_secret", KEY_TEXT, KEY_SECRET, FIELD(struct config, suppression.webhook.hmac_secret),
     .means = "Signs each message: `X-Ses-Collector-Signature: sha256=...`, the HMAC of its body."},
    {"ca_file", KEY_PATH, KEY_READABLE, FIELD(struct config, suppression.webhook.ca_file),
     .shown_default = "the system's certificates", .means = "Certificates to trust instead (PEM)."},
};
static const struct section told_section = {"suppression.webhook", KEYS_OF(told_keys)};

static const struct key suppression_keys[] = {
    {"bounces", KEY_BOOL, 0, FIELD(struct config, suppression.bounces), .fallback = "true",
     .means = "Addresses that bounced for good, but for those that SES holds back already."},
    {"complaints", KEY_BOOL, 0, FIELD(struct config, suppression.complaints), .fallback = "true",
     .means = "Addresses that complained, where the complaint names one only."},
    {"file", KEY_PATH, 0, FIELD(struct config, suppression.file),
     .means = "A CSV file (address, reason, time) that holds them all."},
    {"file_interval", KEY_DURATION, 0, FIELD(struct config, suppression.file_interval_ms), .fallback = "1m",
     .min = 1000, .max = 86400000, .means = "How often the file is written anew at most."},
    {"max_addresses", KEY_NUMBER, 0, FIELD(struct config, suppression.max_addresses), .fallback = "1000000", .min = 1,
     .max = 50000000, .means = "How many are kept; what comes beyond is counted only."},
    {"webhook", KEY_SECTION, .section = &told_section, .means = "A service of yours that is told."},
    {"ses", KEY_SECTION, .section = &ses_section, .means = "The account's own list."},
};
const struct section suppression_section = {"suppression", KEYS_OF(suppression_keys)};

bool finish_suppression(struct binder *b, struct config *c, const struct node *root) {
    const struct node *section = tree_get(root, "suppression");
    const struct suppression_target *webhook = &c->suppression.webhook;
    struct err err = {0};
    aws_settings_inherit_identity(&c->suppression.ses.aws, &c->aws);
    if (!section)
        return true;
    if ((webhook->bearer_token || webhook->hmac_secret || webhook->ca_file) && !webhook->url)
        return bind_error(b, bind_place(section, "webhook"),
                          "suppression.webhook has no url; say where addresses are posted to");
    return aws_settings_check(&c->suppression.ses.aws, &err) ||
           bind_error(b, bind_place(section, "ses"), "suppression.ses.aws: %s", err.text);
}
