/* What the notifier's own files share. Nobody else includes this. */
#ifndef SINKS_NOTIFIER_INTERNAL_H
#define SINKS_NOTIFIER_INTERNAL_H

#include <pthread.h>

#include "sinks/http_client.h"
#include "sinks/notifier.h"

enum {
    NOTIFIER_QUEUE_MAX = 10000,
    NOTIFIER_BACKOFF_MAX_MS = 5 * 60 * 1000,
    NOTIFIER_RETRY_AFTER_MAX_MS = 60 * 60 * 1000, /* a peer that asks for more waits no longer than this */
};

/* What becomes of a message; DUE as long as it waits. */
enum message_fate {
    MESSAGE_DUE,
    MESSAGE_DELIVERED,
    MESSAGE_UNWANTED,
    MESSAGE_TOO_OLD,
    MESSAGE_TOO_MANY,
    MESSAGE_REFUSED
};

struct notifier_message {
    struct notifier_message *next;
    uint64_t id, incident;
    int64_t created_ms;    /* wall clock */
    int64_t not_before_ms; /* notifier_now_ms; 0 = not tried yet */
    unsigned attempts;
    bool in_flight; /* the thread has it: not to be freed by others */
    enum message_fate fate;
    char *body; /* NULL once its fate is known */
};

struct notifier_list {
    struct notifier_message *first, **end; /* `end`: where the next one is hung */
    size_t count;
};

/* A thread with its peer. Alertmanager has one for each member of its cluster, the others have one. */
struct notifier_worker {
    struct notifier *notifier;
    struct http_client *client;
    size_t number; /* from 1 */
    pthread_t thread;
    uint64_t random;
};

struct notifier {
    const struct notify_target *target;
    struct board *board;
    struct notifier_hooks hooks;
    struct notifier_worker *workers;
    size_t worker_count;

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t changed;
    bool stopping;
    size_t running; /* threads */
    struct notifier_counts counts;
    struct notifier_list waiting; /* by age */
    struct notifier_list decided; /* their `finished` is still to be called, by the thread */
};

/* A clock that never goes back. */
int64_t notifier_now_ms(void);

/* Both need the lock. `wait`: until something changes, at most `ms`. */
void notifier_wait(struct notifier *n, int64_t ms);
void notifier_count(struct notifier *n, uint64_t sent, uint64_t failed);

/* Sleeps for `ms` unless the notifier is to stop: then false, at once. Takes the lock itself. */
bool notifier_sleep(struct notifier *n, int64_t ms);

/* How long to wait after so many failures in a row: doubled each time from a second on, and between half of that and
 * all of it by chance, so that many do not come back at the same moment. */
int64_t notifier_backoff_ms(struct notifier_worker *w, unsigned failures, int64_t most_ms);

enum verdict { VERDICT_DELIVERED, VERDICT_RETRY, VERDICT_REFUSED, VERDICT_STOPPED };
struct attempt {
    enum verdict verdict;
    int status;             /* 0: there was no answer */
    int64_t retry_after_ms; /* 0: the peer does not say */
    char reason[HTTP_LINE_SIZE + 300];
};
/* One post, judged: 2xx is delivered; 408, 429, 5xx and silence may be tried again; all else is refused. */
void notifier_attempt(struct notifier_worker *w, struct span body, const struct http_header *headers, size_t count,
                      struct attempt *result);

/* What a thread runs until the notifier is to stop. */
void notifier_deliver(struct notifier_worker *w); /* webhook, Slack */
void alertmanager_run(struct notifier_worker *w);

/* Takes the message. Needs the lock. */
void notifier_enqueue(struct notifier *n, struct notifier_message *m);
void notifier_list_deinit(struct notifier_list *l);

#endif
