/* The settings of a target: freeing them, comparing them, and whether they can be served. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/credentials.h"
#include "aws/endpoint.h"
#include "core/alloc.h"
#include "http/pool.h"
#include "sinks/remote_write.h"

static void free_pairs(struct notify_header *pairs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(pairs[i].name);
        alloc_forget(pairs[i].value);
    }
    free(pairs);
}

void remote_write_target_deinit(struct remote_write_target *t) {
    free(t->name);
    alloc_forget(t->url);
    free(t->username);
    alloc_forget(t->password);
    alloc_forget(t->bearer_token);
    free_pairs(t->headers, t->header_count);
    free(t->ca_file);
    free(t->cert_file);
    free(t->key_file);
    aws_settings_deinit(&t->aws);
    free_pairs(t->labels, t->label_count);
    *t = (struct remote_write_target){0};
}

/* --- comparing ---------------------------------------------------------------------------------------------------- */

static bool same(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_pairs(const struct notify_header *a, size_t a_count, const struct notify_header *b, size_t b_count) {
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (!same(a[i].name, b[i].name) || !same(a[i].value, b[i].value))
            return false;
    return true;
}

static bool same_aws(const struct aws_settings *a, const struct aws_settings *b) {
    return same(a->region, b->region) && same(a->profile, b->profile) && same(a->access_key_id, b->access_key_id) &&
           same(a->secret_access_key, b->secret_access_key) && same(a->session_token, b->session_token) &&
           same(a->role_arn, b->role_arn) && same(a->role_session_name, b->role_session_name) &&
           same(a->external_id, b->external_id) && same(a->endpoint, b->endpoint) && same(a->ca_file, b->ca_file) &&
           a->fips == b->fips && a->dual_stack == b->dual_stack && a->anonymous == b->anonymous;
}

bool remote_write_target_equal(const struct remote_write_target *a, const struct remote_write_target *b) {
    return same(a->name, b->name) && same(a->url, b->url) && a->protocol == b->protocol &&
           a->native_histograms == b->native_histograms && a->exemplars == b->exemplars &&
           same(a->username, b->username) && same(a->password, b->password) && same(a->bearer_token, b->bearer_token) &&
           same_pairs(a->headers, a->header_count, b->headers, b->header_count) && same(a->ca_file, b->ca_file) &&
           same(a->cert_file, b->cert_file) && same(a->key_file, b->key_file) && a->sigv4 == b->sigv4 &&
           (!a->sigv4 || same_aws(&a->aws, &b->aws)) &&
           same_pairs(a->labels, a->label_count, b->labels, b->label_count) && a->interval_ms == b->interval_ms &&
           a->timeout_ms == b->timeout_ms && a->give_up_ms == b->give_up_ms && a->max_samples == b->max_samples;
}

/* --- checking ----------------------------------------------------------------------------------------------------- */

/* What we set ourselves, or what would change where a request ends. */
static bool is_taken(const char *name) {
    static const char *const taken[] = {"Content-Type",
                                        "Content-Length",
                                        "Content-Encoding",
                                        "Transfer-Encoding",
                                        "Connection",
                                        "Expect",
                                        "Host",
                                        "User-Agent",
                                        "X-Prometheus-Remote-Write-Version",
                                        "X-Amz-Date",
                                        "X-Amz-Security-Token"};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (strcasecmp(name, taken[i]) == 0)
            return true;
    return false;
}

static bool check_headers(const struct remote_write_target *t, struct err *err) {
    bool authorized = t->username || t->bearer_token;
    if (t->header_count > REMOTE_WRITE_HEADERS_MAX)
        return err_set(err, ERR_CONFIG, "more than %d headers", REMOTE_WRITE_HEADERS_MAX);
    if (t->bearer_token && !*t->bearer_token)
        return err_set(err, ERR_CONFIG, "the bearer token is empty");
    if (t->bearer_token && !http_check_header("Authorization", t->bearer_token, NULL))
        return err_set(err, ERR_CONFIG, "the bearer token holds a line end or another control byte");
    for (size_t i = 0; i < t->header_count; i++) {
        const struct notify_header *h = &t->headers[i];
        if (!http_check_header(h->name, h->value, err))
            return false;
        if (is_taken(h->name))
            return err_set(err, ERR_CONFIG, "the header %.100s is set by the collector itself", h->name);
        authorized = authorized || strcasecmp(h->name, "Authorization") == 0;
    }
    return !t->sigv4 || !authorized ||
           err_set(err, ERR_CONFIG, "sigv4 signs requests by itself; take out the user, the token or the header");
}

static bool check_labels(const struct remote_write_target *t, struct err *err) {
    if (t->label_count > REMOTE_WRITE_LABELS_MAX)
        return err_set(err, ERR_CONFIG, "more than %d labels", REMOTE_WRITE_LABELS_MAX);
    for (size_t i = 0; i < t->label_count; i++)
        if (strncmp(t->labels[i].name, "__", 2) == 0)
            return err_set(err, ERR_CONFIG, "the label %.60s: names that begin with __ are Prometheus's own",
                           t->labels[i].name);
    return true;
}

static bool check(const struct remote_write_target *t, struct err *err) {
    if (!t->url || !http_check_url(t->url, err))
        return err_set(err, ERR_CONFIG, "it has no URL");
    const char *host = strstr(t->url, "://") + 3;
    if (memchr(host, '@', strcspn(host, "/?#")))
        return err_set(err, ERR_CONFIG, "take the user and password out of the URL; they go to basic_auth");
    if (t->sigv4 && strpbrk(host, "?#%"))
        return err_set(err, ERR_CONFIG, "with sigv4 the URL has neither a query nor anything escaped");
    return check_headers(t, err) && check_labels(t, err);
}

bool remote_write_target_check(const struct remote_write_target *t, struct err *err) {
    struct err cause = {0};
    return check(t, &cause) || err_set(err, cause.code, "remote_write %.60s: %s", t->name ? t->name : "", cause.text);
}

/* --- the region --------------------------------------------------------------------------------------------------- */

/* aps-workspaces.eu-west-1.amazonaws.com has the region in its name. Returns new; NULL: not there. */
static char *region_of_url(const char *url) {
    static const char start[] = "aps-workspaces.";
    const char *host = strstr(url, "://") + 3;
    if (strncasecmp(host, start, strlen(start)) != 0)
        return NULL;
    host += strlen(start);
    size_t len = strcspn(host, "./?#:");
    return host[len] == '.' && len ? alloc_string(host, len) : NULL;
}

char *remote_write_target_region(const struct remote_write_target *t, struct err *err) {
    char *region = region_of_url(t->url);
    if (!region) {
        struct aws_identity *identity = aws_identity_create(&t->aws, NULL); /* nobody is asked */
        region = aws_identity_region(identity, false, NULL);
        aws_identity_destroy(identity);
    }
    if (region && endpoint_is_region(region))
        return region;
    if (region)
        err_set(err, ERR_CONFIG, "sigv4: %.40s is no region of AWS; write aws: {region: eu-west-1}, or yours", region);
    else
        err_set(err, ERR_CONFIG,
                "sigv4: the region is not known; write aws: {region: eu-west-1}, or yours, or set AWS_REGION");
    free(region);
    return NULL;
}
