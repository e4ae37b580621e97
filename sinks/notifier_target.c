/* The settings of a target: freeing them, and whether they can be served. */
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "http/pool.h"
#include "sinks/notifier_target.h"

void notify_target_deinit(struct notify_target *t) {
    free(t->name);
    for (size_t i = 0; i < t->url_count; i++)
        alloc_forget(t->urls[i]);
    free(t->urls);
    free(t->username);
    alloc_forget(t->password);
    alloc_forget(t->bearer_token);
    for (size_t i = 0; i < t->header_count; i++) {
        free(t->headers[i].name);
        alloc_forget(t->headers[i].value);
    }
    free(t->headers);
    alloc_forget(t->hmac_secret);
    free(t->ca_file);
    free(t->cert_file);
    free(t->key_file);
    free(t->external_url);
    *t = (struct notify_target){0};
}

/* What we set ourselves, or what would change where a request ends. */
static bool is_taken(const char *name) {
    static const char *const taken[] = {"Content-Type",      "Content-Length",  "Content-Encoding",
                                        "Transfer-Encoding", "Connection",      "Expect",
                                        "User-Agent",        "Idempotency-Key", "X-Ses-Collector-Signature"};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (strcasecmp(name, taken[i]) == 0)
            return true;
    return false;
}

static bool check(const struct notify_target *t, struct err *err) {
    if (t->url_count == 0 || (t->kind != NOTIFY_ALERTMANAGER && t->url_count != 1))
        return err_set(err, ERR_CONFIG, "it needs %s", t->kind == NOTIFY_ALERTMANAGER ? "a URL" : "exactly one URL");
    for (size_t i = 0; i < t->url_count; i++)
        if (!http_check_url(t->urls[i], err))
            return false;
    for (size_t i = 0; i < t->header_count; i++) {
        const struct notify_header *h = &t->headers[i];
        if (!http_check_header(h->name, h->value, err))
            return false;
        if (is_taken(h->name))
            return err_set(err, ERR_CONFIG, "the header %.100s is set by the collector itself", h->name);
    }
    if (t->hmac_secret && !*t->hmac_secret)
        return err_set(err, ERR_CONFIG, "the secret for signatures is empty");
    return true;
}

bool notify_target_check(const struct notify_target *t, struct err *err) {
    struct err cause = {0};
    return check(t, &cause) || err_set(err, cause.code, "notification target %.60s: %s", t->name, cause.text);
}
