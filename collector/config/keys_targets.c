/* alerts.alertmanagers, alerts.webhooks, alerts.slack */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/keys_http.h"
#include "core/alloc.h"
#include "sinks/notifier_target.h"

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define DAY    (24 * 60 * MINUTE)

/* --- tables ------------------------------------------------------------------------------------------------------- */

static const struct key basic_auth_keys[] = {BASIC_AUTH_KEYS(struct notify_target)};
static const struct section basic_auth_section = {"basic_auth", KEYS_OF(basic_auth_keys)};

static const struct key tls_keys[] = {TLS_KEYS(struct notify_target)};
static const struct section tls_section = {"tls", KEYS_OF(tls_keys)};

#define NAME_KEY(kind)                                                                                                 \
    {                                                                                                                  \
        "name", KEY_TEXT, 0, FIELD(struct notify_target, name),                                                        \
            .wrong = name_wrong, .shown_default = "`" kind "`, then `" kind "-2` and so on",                           \
            .means = "Says which it is, for ever: waiting messages belong to it."                                      \
    }
/* clang-format off */
#define AUTH_KEYS \
    {"basic_auth", KEY_SECTION, 0, .section = &basic_auth_section, .means = "A user and password."}, \
    BEARER_TOKEN_KEY(struct notify_target), \
    {"tls", KEY_SECTION, 0, .section = &tls_section, .means = "Certificates."}
/* clang-format on */
#define TIMEOUT_KEY                                                                                                    \
    {                                                                                                                  \
        "timeout", KEY_DURATION, 0, FIELD(struct notify_target, timeout_ms),                                           \
            .fallback = "10s", .min = SECOND, .max = 5 * MINUTE,                                                       \
            .means = "How long one request may take, from beginning to end."                                           \
    }
#define URL_KEY                                                                                                        \
    {                                                                                                                  \
        "url", KEY_TEXT, KEY_REQUIRED | KEY_SECRET, LIST_FIELD(struct notify_target, urls, url_count),                 \
            .wrong = url_wrong, .means = "Where messages are sent; it often is a secret in itself."                    \
    }
#define MESSAGE_KEYS                                                                                                   \
    {"send_resolved",                                                                                                  \
     KEY_BOOL,                                                                                                         \
     0,                                                                                                                \
     FIELD(struct notify_target, send_resolved),                                                                       \
     .fallback = "true",                                                                                               \
     .means = "Whether the end of an incident is a message too."},                                                     \
        TIMEOUT_KEY, {                                                                                                 \
        "give_up_after", KEY_DURATION, 0, FIELD(struct notify_target, give_up_ms),                                     \
            .fallback = "24h", .min = MINUTE, .max = 30 * DAY,                                                         \
            .means = "A message that could not be delivered for so long is dropped, and counted."                      \
    }
#define EXTERNAL_URL_KEY                                                                                               \
    {                                                                                                                  \
        "external_url", KEY_TEXT, 0, FIELD(struct notify_target, external_url),                                        \
            .wrong = url_wrong, .means = "Where people reach the page of this service; messages link to it."           \
    }

static const struct key alertmanager_keys[] = {
    NAME_KEY("alertmanager"),
    {"urls", KEY_TEXTS, KEY_REQUIRED, LIST_FIELD(struct notify_target, urls, url_count), .wrong = url_wrong,
     .means = "Every member of the cluster: each is sent everything."},
    AUTH_KEYS,
    TIMEOUT_KEY,
    {"resend_interval", KEY_DURATION, 0, FIELD(struct notify_target, resend_ms), .fallback = "1m", .min = SECOND,
     .max = 60 * MINUTE, .means = "How often alerts that fire are sent again."},
    EXTERNAL_URL_KEY,
};
static const struct key webhook_keys[] = {
    NAME_KEY("webhook"),
    URL_KEY,
    HEADERS_KEY(struct notify_target),
    {"hmac_secret", KEY_TEXT, KEY_SECRET, FIELD(struct notify_target, hmac_secret),
     .means = "Signs the body: X-Ses-Collector-Signature: sha256=HEX."},
    AUTH_KEYS,
    MESSAGE_KEYS,
    EXTERNAL_URL_KEY,
};
static const struct key slack_keys[] = {
    NAME_KEY("slack"),
    URL_KEY,
    MESSAGE_KEYS,
    EXTERNAL_URL_KEY,
};
const struct section alertmanager_section = {"alerts.alertmanagers[]", KEYS_OF(alertmanager_keys)};
const struct section webhook_section = {"alerts.webhooks[]", KEYS_OF(webhook_keys)};
const struct section slack_section = {"alerts.slack[]", KEYS_OF(slack_keys)};

static const struct section *section_of(enum notify_kind kind) {
    return kind == NOTIFY_ALERTMANAGER ? &alertmanager_section
           : kind == NOTIFY_WEBHOOK    ? &webhook_section
                                       : &slack_section;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static bool check_target(struct binder *b, const struct notify_target *t, const struct node *map) {
    const struct http_keys keys = {t->username, t->bearer_token, t->cert_file,
                                   t->key_file, t->headers,      t->header_count};
    if (!check_http_keys(b, &keys, map))
        return false;
    struct err err = {0};
    return notify_target_check(t, &err) || bind_error(b, map, "%s", err.text);
}

static bool take_target(struct binder *b, void *base, const struct node *entry, enum notify_kind kind) {
    struct config *c = base;
    const struct section *s = section_of(kind);
    c->targets = alloc_resize(c->targets, c->target_count + 1, sizeof *c->targets);
    struct notify_target *t = &c->targets[c->target_count++];
    *t = (struct notify_target){.kind = kind, .send_resolved = true};
    bind_defaults(s, t);
    if (!bind_section(b, s, t, entry) || !check_target(b, t, entry))
        return false;
    for (size_t i = 0; t->name && i + 1 < c->target_count; i++)
        if (c->targets[i].name && strcmp(c->targets[i].name, t->name) == 0)
            return bind_error(
                b, bind_place(entry, "name"),
                "name: two of alertmanagers, webhooks and slack are called \"%s\"; give this one another name",
                t->name);
    return true;
}

bool take_alertmanager(struct binder *b, void *base, const struct node *entry) {
    return take_target(b, base, entry, NOTIFY_ALERTMANAGER);
}

bool take_webhook(struct binder *b, void *base, const struct node *entry) {
    return take_target(b, base, entry, NOTIFY_WEBHOOK);
}

bool take_slack(struct binder *b, void *base, const struct node *entry) {
    return take_target(b, base, entry, NOTIFY_SLACK);
}

static bool is_taken(const struct config *c, const char *name) {
    for (size_t i = 0; i < c->target_count; i++)
        if (c->targets[i].name && strcmp(c->targets[i].name, name) == 0)
            return true;
    return false;
}

void finish_targets(struct config *c) {
    static const char *const kinds[] = {"alertmanager", "webhook", "slack"}; /* as enum notify_kind */
    for (size_t i = 0; i < c->target_count; i++)
        if (!c->targets[i].name)
            c->targets[i].name = name_for(kinds[c->targets[i].kind], is_taken, c);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static void show_targets(struct writer *w, const struct config *c, enum notify_kind kind, const char *name) {
    bool any = false;
    for (size_t i = 0; i < c->target_count; i++) {
        if (c->targets[i].kind != kind)
            continue;
        if (!any)
            write_begin(w, name);
        any = true;
        w->indent++;
        w->dash = true;
        write_section(w, section_of(kind), &c->targets[i]);
        w->indent--;
    }
    if (any)
        write_end(w);
}

void show_alertmanagers(struct writer *w, const void *base) {
    show_targets(w, base, NOTIFY_ALERTMANAGER, "alertmanagers");
}

void show_webhooks(struct writer *w, const void *base) {
    show_targets(w, base, NOTIFY_WEBHOOK, "webhooks");
}

void show_slacks(struct writer *w, const void *base) {
    show_targets(w, base, NOTIFY_SLACK, "slack");
}
