/* Tells the world about incidents: Alertmanager, webhooks, Slack. One thread for each target; a slow or dead one holds
 * up nobody. */
#ifndef SINKS_NOTIFIER_H
#define SINKS_NOTIFIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "model/board.h"

enum notify_kind { NOTIFY_ALERTMANAGER, NOTIFY_WEBHOOK, NOTIFY_SLACK };

struct notify_header {
    char *name, *value;
};

/* Of the configuration file; owned by it. Secrets are already read from their files. */
struct notify_target {
    enum notify_kind kind;
    char *name;  /* says which it is, for ever: waiting messages belong to it */
    char **urls; /* Alertmanager: every member of the cluster; others: one. A secret for Slack: never logged */
    size_t url_count;
    char *username, *password, *bearer_token; /* NULL: none */
    struct notify_header *headers;            /* webhook */
    size_t header_count;
    char *hmac_secret; /* webhook: X-Ses-Collector-Signature: sha256=<hex HMAC of the body>; NULL: none */
    char *ca_file, *cert_file, *key_file; /* TLS; NULL: the system's */
    bool send_resolved;
    int64_t timeout_ms; /* of one request, whole */
    int64_t resend_ms;  /* Alertmanager: firing alerts are sent again so often */
    int64_t give_up_ms; /* webhook, Slack: a message older than this is dropped, and counted */
    char *external_url; /* generatorURL, externalURL; NULL: none */
};
void notify_target_deinit(struct notify_target *t);

/* A message for a webhook or Slack: one change of one incident. */
struct notification {
    uint64_t id;            /* of the outbox: the same for every attempt, over restarts too */
    int64_t created_ms;     /* wall clock */
    struct alert_row alert; /* its strings are borrowed for the call only */
};

/* As kept in the outbox: everything of the notification, a JSON object of at most 1 MiB; texts are cut at 8 KiB, and
 * what is no UTF-8 in them becomes U+FFFD. False: more than 64 labels or annotations, or `to` is full. Decode takes
 * only what encode writes; its strings are new and owned by the notification, on false there are none. */
bool notification_encode(const struct notification *n, struct buf *to);
bool notification_decode(struct span from, struct notification *n);
void notification_deinit(struct notification *n); /* of a decoded one */

struct notifier_counts {
    uint64_t sent, failed, dropped; /* requests answered well; attempts that failed; messages given up */
    uint64_t waiting;
};

struct notifier;

struct notifier_hooks {
    void *context;
    /* The message was delivered, or given up: it may leave the outbox. Called on the target's thread. */
    void (*finished)(void *context, uint64_t id);
};

/* The target and the board are borrowed until notifier_stop. NULL: the target's settings are wrong; the text says
 * which, without URL or secret. Alertmanager reads firing and lately resolved alerts from the board by itself (every
 * resend_ms, and within a second of a change); the others get messages. Returns new. */
struct notifier *notifier_start(const struct notify_target *t, struct board *board, const struct notifier_hooks *hooks,
                                struct err *err);
/* Copies the message and returns at once. Not for Alertmanager. Messages of one incident are delivered in the order in
 * which they are sent. `finished` is called for what is not wanted, too (held, or resolved without `send_resolved`).
 * When 10,000 wait, the oldest is given up. Any thread. */
void notifier_send(struct notifier *n, const struct notification *message);
void notifier_counts(struct notifier *n, struct notifier_counts *to);
/* Ends within `deadline_ms`, whatever the peer does; what was not delivered stays in the outbox. `finished` may still
 * be called while it waits, and must not wait for the thread that stops. NULL is allowed. */
void notifier_stop(struct notifier *n, int64_t deadline_ms);

#endif
