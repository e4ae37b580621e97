/* brake: what pauses sending, for the rules that ask for it. */
#include "config/keys.h"
#include "config/keys_aws.h"

static const struct key aws_keys[] = {AWS_KEYS(struct config, brake_aws)};
static const struct section aws_section = {"aws", KEYS_OF(aws_keys)};

static const struct key brake_keys[] = {
    {"dry_run", KEY_BOOL, 0, FIELD(struct config, brake_dry_run), .fallback = "true",
     .means = "Whether it only says what it would do, in the log and in `ses_collector_brake_decisions_total`: nothing "
              "is paused until this is `false`."},
    {"max_per_day", KEY_NUMBER, 0, FIELD(struct config, brake_max_per_day), .fallback = "3", .min = 1, .max = 100,
     .means = "How often it pauses within 24 hours at most, all rules together."},
    {"aws", KEY_SECTION, .section = &aws_section, .means = "What the brake does not take from the general `aws`."},
};
const struct section brake_section = {"brake", KEYS_OF(brake_keys)};

bool finish_brake(struct binder *b, struct config *c, const struct node *root) {
    const struct node *brake = tree_get(root, "brake");
    struct err err = {0};
    aws_settings_inherit_identity(&c->brake_aws, &c->aws);
    if (brake && !aws_settings_check(&c->brake_aws, &err))
        return bind_error(b, bind_place(brake, "aws"), "brake.aws: %s", err.text);
    return true;
}

bool config_has_brake(const struct config *c) {
    for (size_t i = 0; i < c->rule_count; i++)
        if (c->rules[i].brake.on)
            return true;
    return false;
}
