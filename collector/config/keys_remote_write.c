/* remote_write[] */
#include <stdlib.h>
#include <string.h>

#include "config/keys_aws.h"
#include "config/keys_http.h"
#include "core/alloc.h"

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

static const char *choice_of_protocol(unsigned i) {
    static const char *const names[] = {"1.0", "2.0", "auto"}; /* as enum remote_write_protocol */
    return i < 3 ? names[i] : NULL;
}

static const char *own_label_wrong(const char *text) {
    return strncmp(text, "__", 2) == 0 ? "names that begin with __ are Prometheus's own" : label_wrong(text);
}

static const char *own_value_wrong(const char *text) {
    return strlen(text) > 1024 ? "write at most 1024 bytes" : line_wrong(text);
}

/* --- tables ------------------------------------------------------------------------------------------------------- */

static const struct key basic_auth_keys[] = {BASIC_AUTH_KEYS(struct remote_write_target)};
static const struct section basic_auth_section = {"basic_auth", KEYS_OF(basic_auth_keys)};
static const struct key tls_keys[] = {TLS_KEYS(struct remote_write_target)};
static const struct section tls_section = {"tls", KEYS_OF(tls_keys)};
static const struct key aws_keys[] = {AWS_KEYS(struct remote_write_target, aws)};
static const struct section aws_section = {"aws", KEYS_OF(aws_keys)};

static const struct key remote_write_keys[] = {
    {"name", KEY_TEXT, 0, FIELD(struct remote_write_target, name), .wrong = name_wrong,
     .shown_default = "`remote-write`, then `remote-write-2` and so on",
     .means = "Its name in metrics and in the log: the label `target`."},
    {"url", KEY_TEXT, KEY_REQUIRED | KEY_SECRET, FIELD(struct remote_write_target, url), .wrong = url_wrong,
     .means = "Where samples are posted to, as in http://prometheus.example:9090/api/v1/write."},
    {"protocol", KEY_CHOICE, 0, FIELD(struct remote_write_target, protocol), .fallback = "1.0",
     .choice = choice_of_protocol,
     .means = "The version of remote write. 2.0 also sends what metrics mean; a receiver that does not know it is told "
              "apart by its answer, and `auto` then goes on with 1.0."},
    {"native_histograms", KEY_BOOL, 0, FIELD(struct remote_write_target, native_histograms), .fallback = "false",
     .means = "Whether histograms are sent as native ones with custom buckets, in the place of their series `_bucket`, "
              "`_sum` and `_count`. Only with protocol 2.0."},
    {"exemplars", KEY_BOOL, 0, FIELD(struct remote_write_target, exemplars), .fallback = "false",
     .means = "Whether exemplars are sent, too: messages that are examples, which `counting.exemplars` keeps."},
    {"interval", KEY_DURATION, 0, FIELD(struct remote_write_target, interval_ms), .fallback = "15s", .min = SECOND,
     .max = 5 * MINUTE, .means = "How often every series is written. Over 4 minutes Prometheus shows gaps."},
    {"timeout", KEY_DURATION, 0, FIELD(struct remote_write_target, timeout_ms), .fallback = "30s", .min = SECOND,
     .max = 5 * MINUTE, .means = "How long one request may take, from beginning to end."},
    {"give_up_after", KEY_DURATION, 0, FIELD(struct remote_write_target, give_up_ms), .fallback = "1h", .min = SECOND,
     .max = 24 * HOUR,
     .means = "Samples that could not be written for so long are dropped, and counted; so are the oldest when more "
              "than 64 MiB wait, 12 bytes each."},
    {"max_samples", KEY_NUMBER, 0, FIELD(struct remote_write_target, max_samples), .fallback = "5000", .min = 1,
     .max = 100000, .means = "Samples in a request."},
    {"labels", KEY_PAIRS, 0, LIST_FIELD(struct remote_write_target, labels, label_count),
     .max = REMOTE_WRITE_LABELS_MAX, .wrong = own_label_wrong, .wrong_value = own_value_wrong,
     .means = "Labels that are put on every series, as job and instance; one that a series has itself stays."},
    HEADERS_KEY(struct remote_write_target),
    {"basic_auth", KEY_SECTION, 0, .section = &basic_auth_section, .means = "A user and password."},
    BEARER_TOKEN_KEY(struct remote_write_target),
    {"tls", KEY_SECTION, 0, .section = &tls_section, .means = "Certificates."},
    {"sigv4", KEY_BOOL, 0, FIELD(struct remote_write_target, sigv4), .fallback = "false",
     .means = "Whether requests are signed for Amazon Managed Service for Prometheus."},
    {"aws", KEY_SECTION, .section = &aws_section,
     .means = "For sigv4: what this target does not take from the general `aws`. A region is needed only where the URL "
              "is not one of AWS's; it is then looked for in the environment and the profile, and the machine is not "
              "asked."},
};
const struct section remote_write_section = {"remote_write[]", KEYS_OF(remote_write_keys)};

/* --- reading ------------------------------------------------------------------------------------------------------ */

static bool check_entry(struct binder *b, const struct remote_write_target *t, const struct node *map) {
    const struct http_keys keys = {t->username, t->bearer_token, t->cert_file,
                                   t->key_file, t->headers,      t->header_count};
    struct err err = {0};
    if (!check_http_keys(b, &keys, map))
        return false;
    if (t->native_histograms && t->protocol != REMOTE_WRITE_2)
        return bind_error(b, bind_place(map, "native_histograms"),
                          "native_histograms: only protocol 2.0 can carry them, and auto may become 1.0; set protocol: "
                          "2.0, or take it out");
    if (!aws_settings_check(&t->aws, &err))
        return bind_error_at_key(b, bind_place(map, "aws"), "aws: %s", err.text);
    return remote_write_target_check(t, &err) || bind_error(b, map, "%s", err.text);
}

/* Whoever sends as one of them sends as the other: whichever is late has its samples refused. */
static bool write_the_same(const struct remote_write_target *a, const struct remote_write_target *b) {
    struct remote_write_target other = *b;
    other.name = a->name;
    other.protocol = a->protocol;
    other.native_histograms = a->native_histograms; /* all but the histograms are the same */
    other.exemplars = a->exemplars;
    other.interval_ms = a->interval_ms;
    other.timeout_ms = a->timeout_ms;
    other.give_up_ms = a->give_up_ms;
    other.max_samples = a->max_samples;
    return remote_write_target_equal(a, &other);
}

bool take_remote_write(struct binder *b, void *base, const struct node *entry) {
    struct config *c = base;
    c->remote_writes = alloc_resize(c->remote_writes, c->remote_write_count + 1, sizeof *c->remote_writes);
    struct remote_write_target *t = &c->remote_writes[c->remote_write_count++];
    *t = (struct remote_write_target){.line = entry->line, .column = entry->column};
    bind_defaults(&remote_write_section, t);
    if (!bind_section(b, &remote_write_section, t, entry) || !check_entry(b, t, entry))
        return false;
    for (size_t i = 0; t->name && i + 1 < c->remote_write_count; i++)
        if (c->remote_writes[i].name && strcmp(c->remote_writes[i].name, t->name) == 0)
            return bind_error(b, bind_place(entry, "name"),
                              "name: two targets of remote_write are called \"%s\"; give this one another name",
                              t->name);
    for (size_t i = 0; i + 1 < c->remote_write_count; i++)
        if (write_the_same(&c->remote_writes[i], t))
            return bind_error(
                b, entry,
                "it writes the same series to the same URL as another target of remote_write; take one of "
                "them out, or give it other labels");
    return true;
}

static bool is_taken(const struct config *c, const char *name) {
    for (size_t i = 0; i < c->remote_write_count; i++)
        if (c->remote_writes[i].name && strcmp(c->remote_writes[i].name, name) == 0)
            return true;
    return false;
}

void finish_remote_writes(struct config *c) {
    for (size_t i = 0; i < c->remote_write_count; i++) {
        struct remote_write_target *t = &c->remote_writes[i];
        if (!t->name)
            t->name = name_for("remote-write", is_taken, c);
        aws_settings_inherit_identity(&t->aws, &c->aws);
    }
}

bool check_exemplars(struct binder *b, const struct config *c, const struct node *root) {
    const struct node *list = tree_get(root, "remote_write");
    const struct node *entry = list ? list->first : NULL;
    for (size_t i = 0; entry && i < c->remote_write_count; i++, entry = entry->next)
        if (c->remote_writes[i].exemplars && !c->exemplars)
            return bind_error(b, bind_place(entry, "exemplars"),
                              "exemplars: none are kept; set counting: {exemplars: true}, or take it out");
    return true;
}

bool config_try_remote_writes(const struct config *c, struct err *err) {
    for (size_t i = 0; i < c->remote_write_count; i++) {
        const struct remote_write_target *t = &c->remote_writes[i];
        struct err cause = {0};
        if (remote_write_target_try(t, &cause))
            continue;
        return cause.code == ERR_CONFIG ? tree_error(err, c->path, t->line, t->column, "%s", cause.text)
                                        : err_set(err, cause.code, "%s", cause.text);
    }
    return true;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

void show_remote_writes(struct writer *w, const void *base) {
    const struct config *c = base;
    if (!c->remote_write_count)
        return;
    write_begin(w, "remote_write");
    for (size_t i = 0; i < c->remote_write_count; i++) {
        w->indent++;
        w->dash = true;
        write_section(w, &remote_write_section, &c->remote_writes[i]);
        w->indent--;
    }
    write_end(w);
}
