/* The sections of the file itself. */
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "config/keys_aws.h"
#include "config/words.h"
#include "core/alloc.h"
#include "parsers/recipient.h"

#define MINUTE ((int64_t)60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static const char *choice_of_level(unsigned i) {
    static const char *const names[] = {"debug", "info", "warn", "error"}; /* as enum log_level */
    return i < 4 ? names[i] : NULL;
}

static const char *choice_of_format(unsigned i) {
    static const char *const names[] = {"logfmt", "json"}; /* as enum log_format */
    return i < 2 ? names[i] : NULL;
}

static const char *domain_wrong(const char *text) {
    char address[RECIPIENT_DOMAIN_SIZE + 2], domain[RECIPIENT_DOMAIN_SIZE];
    size_t len = strlen(text);
    if (len < RECIPIENT_DOMAIN_SIZE && !strchr(text, '@')) {
        snprintf(address, sizeof address, "@%s", text);
        if (recipient_domain(span_of(address), domain))
            return NULL;
    }
    return "write a domain as in shop.example";
}

/* --- counting.tags ------------------------------------------------------------------------------------------------ */

static bool take_tag(struct binder *b, void *base, const struct node *entry) {
    enum { MAX_TAG = 256 }; /* SES allows no longer name */
    struct config *c = base;
    if (entry->kind != NODE_TEXT || !*entry->text || strlen(entry->text) > MAX_TAG || line_wrong(entry->text))
        return bind_error(b, entry, "tags: not a name; write the name of a tag as in campaign");
    for (unsigned i = 0; i < c->tag_count; i++)
        if (strcmp(c->tags[i], entry->text) == 0)
            return bind_error(b, entry, "tags: \"%.60s\" stands here twice; take one out", entry->text);
    c->tags[c->tag_count++] = alloc_string(entry->text, strlen(entry->text)); /* the table says: at most four */
    return true;
}

/* As a list has it whose length has no limit. */
struct tag_list {
    char *const *names;
    size_t count;
};

static void show_tags(struct writer *w, const void *base) {
    static const struct key tags = {"tags", KEY_TEXTS, 0, LIST_FIELD(struct tag_list, names, count)};
    const struct config *c = base;
    write_key(w, &tags, &(struct tag_list){c->tags, c->tag_count});
}

/* --- tables ------------------------------------------------------------------------------------------------------- */

static const struct key state_keys[] = {
    {"path", KEY_PATH, KEY_FIXED, FIELD(struct config, state_path), .shown_default = "none: in memory only",
     .means = "The file that keeps the counts over a restart."},
    {"commit_interval", KEY_DURATION, 0, FIELD(struct config, commit_ms), .fallback = "1s", .min = 10, .max = MINUTE,
     .means = "How long counts wait at most until they are committed and shown."},
};

static const struct key counting_keys[] = {
    {"lateness", KEY_DURATION, KEY_FIXED, FIELD(struct config, lateness_ms), .fallback = "72h", .min = MINUTE,
     .max = 400 * DAY, .means = "How far behind the newest event one may be and still count."},
    {"providers_file", KEY_PATH, KEY_READABLE, FIELD(struct config, providers_file),
     .shown_default = "none: the built-in table",
     .means = "A file that adds to the table of mailbox providers or overrides it ([its form](providers.md))."},
    {"mx_table", KEY_PATH, KEY_READABLE, FIELD(struct config, mx_table), .shown_default = "none",
     .means = "A file of domains and the names of their mail servers, to tell whose the mailboxes of a company's own "
              "domain are ([its form](providers.md))."},
    {"learn_domains", KEY_BOOL, 0, FIELD(struct config, learn_domains), .fallback = "true",
     .means = "Whether what a server's reply gives away of whose a domain's mailboxes are, holds for mail that is sent "
              "there later."},
    {"exemplars", KEY_BOOL, KEY_FIXED, FIELD(struct config, exemplars), .fallback = "false",
     .means = "Whether counters and buckets name a message as an exemplar ([what that is](metrics.md))."},
    {"bounce_rules", KEY_PATH, KEY_READABLE, FIELD(struct config, bounce_rules),
     .shown_default = "none: the built-in rules",
     .means = "A file of rules that say why mail bounced, asked before the built-in ones ([its form](reasons.md))."},
    {"last_sends", KEY_NUMBER, KEY_FIXED, FIELD(struct config, last_sends), .fallback = "10000", .min = 100,
     .max = 1000000000, .means = "Over how many of the last sends the reputation and the rates of `last_N` are taken."},
    {"max_visits", KEY_NUMBER, KEY_FIXED, FIELD(struct config, max_visits), .fallback = "20000000", .min = 1000,
     .max = 10000000000,
     .means = "First opens and clicks that are remembered, so that a message counts once: 10 to 20 "
              "bytes each, up to 62 days."},
    {"verified_domains", KEY_TEXTS, 0, LIST_FIELD(struct config, verified_domains, verified_count),
     .wrong = domain_wrong, .means = "Your own domains: left out of the reputation bounce rate, as AWS does."},
    {"tags", KEY_ITEMS, KEY_FIXED, .max = EVENT_MAX_TAGS, .take = take_tag, .show = show_tags,
     .means =
         "Message tags whose values are counted apart (`ses_tag_recipients_total`): a list of at most four names."},
    {"max_names", KEY_NUMBER, 0, FIELD(struct config, max_names), .fallback = "200", .min = 1, .max = 65536,
     .means = "Names of a kind (configuration sets, identities, values of a tag) that are shown; the least busy beyond "
              "become `other`. A configuration set has about 120 series of its own, and as many again with each "
              "provider."},
};

static const struct key quota_keys[] = {
    {"per_day", KEY_NUMBER, 0, FIELD(struct config, quota_per_day), .fallback = "0", .max = 1000000000000,
     .means = "How many recipients it may send to within 24 hours (Max24HourSend); 0: not known."},
    {"per_second", KEY_NUMBER, 0, FIELD(struct config, quota_per_second), .fallback = "0", .max = 1000000000,
     .means = "How many a second (MaxSendRate); 0: not known."},
};

static const struct key quarantine_keys[] = {
    {"directory", KEY_PATH, KEY_FIXED, FIELD(struct config, quarantine_dir),
     .shown_default = "none: malformed records are counted only",
     .means = "The folder that keeps malformed records, with source, position and reason."},
    {"max_size", KEY_SIZE, KEY_FIXED, FIELD(struct config, quarantine_bytes), .fallback = "1GiB", .min = 1 << 20,
     .max = (int64_t)1 << 50, .means = "How large the file there may grow."},
};

static const struct key log_keys[] = {
    {"level", KEY_CHOICE, 0, FIELD(struct config, log_level), .fallback = "info", .choice = choice_of_level,
     .means = "The least important lines that are written."},
    {"format", KEY_CHOICE, 0, FIELD(struct config, log_format), .fallback = "logfmt", .choice = choice_of_format,
     .means = "How a line is written."},
};

static const struct key web_keys[] = {
    {"listen_address", KEY_TEXT, KEY_FIXED, FIELD(struct config, web.listen_address), .fallback = ":9465",
     .wrong = listen_wrong,
     .means = "Where metrics, the API and the page are served; without a host on all addresses."},
    {"config_file", KEY_PATH, 0, FIELD(struct config, web_config_file),
     .shown_default = "none: neither TLS nor passwords",
     .means = "TLS and passwords, in the form of [Prometheus's exporter toolkit](#the-file-of-webconfig_file)."},
    {"enable_reload", KEY_BOOL, 0, FIELD(struct config, web.enable_reload), .fallback = "false",
     .means = "Whether POST /-/reload reads the configuration again, as SIGHUP does."},
    {"max_connections", KEY_NUMBER, 0, FIELD(struct config, web.max_connections), .fallback = "512", .min = 16,
     .max = 65536, .means = "Connections served at once; beyond it the oldest unfinished one is closed."},
};

static const struct key alerts_keys[] = {
    {"file", KEY_PATH, 0, FIELD(struct config, alerts_file),
     .means = "A JSON file that holds the alerts, as /api/v1/alerts gives them."},
    {"delay", KEY_DURATION, KEY_FIXED, FIELD(struct config, alert_delay_ms), .fallback = "1m", .min = 1000, .max = HOUR,
     .means = "How long after a minute has ended it is judged."},
    {"idle_after", KEY_DURATION, 0, FIELD(struct config, idle_after_ms), .fallback = "15m", .min = 1000, .max = DAY,
     .means = "When no newer event came for so long, time goes on with the clock: a silent stream is noticed, and what "
              "fires can resolve."},
    {"hold_when_behind", KEY_DURATION, 0, FIELD(struct config, hold_behind_ms), .fallback = "15m", .min = MINUTE,
     .max = 7 * DAY, .means = "While the newest event is older than this, incidents are held and not announced."},
    {"default_rules", KEY_BOOL, 0, FIELD(struct config, default_rules), .fallback = "true",
     .means = "Whether the [default rules](#the-default-rules) stand beside those given here; one given here with the "
              "same name and severity "
              "takes the place of a default."},
    {"rules", KEY_ITEMS, 0, .section = &rule_section, .max = MAX_RULES, .take = take_rule, .show = show_rules,
     .means = "When to raise an alert."},
    {"alertmanagers", KEY_ITEMS, 0, .section = &alertmanager_section, .max = MAX_TARGETS, .take = take_alertmanager,
     .show = show_alertmanagers, .means = "Clusters of Alertmanager that are told."},
    {"webhooks", KEY_ITEMS, 0, .section = &webhook_section, .max = MAX_TARGETS, .take = take_webhook,
     .show = show_webhooks, .means = "Addresses that are sent a JSON message for every incident that begins or ends."},
    {"slack", KEY_ITEMS, 0, .section = &slack_section, .max = MAX_TARGETS, .take = take_slack, .show = show_slacks,
     .means = "Incoming webhooks of Slack, or of what understands the same."},
};

static const struct key aws_keys[] = {AWS_KEYS(struct config, aws)};

static const struct section aws_section = {"aws", KEYS_OF(aws_keys)};
static const struct section state_section = {"state", KEYS_OF(state_keys)};
static const struct section counting_section = {"counting", KEYS_OF(counting_keys)};
static const struct section quota_section = {"quota", KEYS_OF(quota_keys)};
static const struct section quarantine_section = {"quarantine", KEYS_OF(quarantine_keys)};
static const struct section log_section = {"log", KEYS_OF(log_keys)};
static const struct section web_section = {"web", KEYS_OF(web_keys)};
static const struct section alerts_section = {"alerts", KEYS_OF(alerts_keys)};

static const struct key root_keys[] = {
    {"state", KEY_SECTION, .section = &state_section, .means = "What is kept over a restart."},
    {"counting", KEY_SECTION, .section = &counting_section, .means = "What is counted, and for how long."},
    {"quota", KEY_SECTION, .section = &quota_section,
     .means = "The account's sending quota, as AWS's console shows it: for rules about how much of it is used."},
    {"quarantine", KEY_SECTION, .section = &quarantine_section, .means = "What becomes of malformed records."},
    {"log", KEY_SECTION, .section = &log_section, .means = "What the service says on standard error."},
    {"web", KEY_SECTION, .section = &web_section, .means = "The HTTP server."},
    {"aws", KEY_SECTION, .section = &aws_section,
     .means = "Who we are to AWS, and where it is; for every source and action that does not say it itself."},
    {"sources", KEY_ITEMS, 0, .section = &sources_section, .max = MAX_SOURCES, .take = take_source,
     .show = show_sources,
     .means = "Where events come from: entries that begin with `kafka:`, `files:`, `s3:`, `sqs:` or `push:`."},
    {"normalize", KEY_SECTION, .section = &normalize_section,
     .means =
         "Makes the file one for `ses-collector normalize`: what the Kafka source reads is written to another topic, "
         "normalised ([how](kafka.md#normalising-workers))."},
    {"alerts", KEY_SECTION, .section = &alerts_section, .means = "When an alert is raised, and who is told."},
    {"remote_write", KEY_ITEMS, 0, .section = &remote_write_section, .max = REMOTE_WRITE_TARGETS_MAX,
     .take = take_remote_write, .show = show_remote_writes,
     .means = "Receivers of Prometheus's remote write that are sent every metric ([how](remote-write.md))."},
    {"brake", KEY_SECTION, .section = &brake_section,
     .means = "What pauses sending, for rules that have a `brake`. Off unless a rule asks for it."},
    {"suppression", KEY_SECTION, .section = &suppression_section,
     .means = "The recipients that bounced for good or complained, for who stops sending to them. Off unless a file, a "
              "webhook or SES's list is named: it holds addresses."},
};
const struct section root_section = {"", KEYS_OF(root_keys)};
