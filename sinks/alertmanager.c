#include "sinks/alertmanager.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "sinks/notifier_internal.h"
#include "sinks/notifier_payload.h"

enum {
    LOOK_MS = 1000,
    RESOLVED_MS = 15 * 60 * 1000, /* so long resolved alerts are sent again */
    BATCH = 256,                  /* alerts in one request */
    DEFAULT_RESEND_MS = 60 * 1000,
};

/* What a member of the cluster has been told of one label set. */
struct told {
    uint64_t fingerprint, incident;
    int64_t fired_ms;
    enum alert_state state;
    size_t row;      /* in the snapshot looked at now */
    int64_t seen_ms; /* notifier_now_ms: since when it is known in this state */
    bool delivered;  /* in this state */
};

struct member {
    struct notifier_worker *worker;
    struct told *told; /* by fingerprint */
    size_t count;
    bool all_sent;       /* once, since the start */
    int64_t all_sent_ms; /* notifier_now_ms: when all of it was last sent */
    unsigned failures;   /* in a row */
    bool complained;     /* the reason of a refusal has been logged */
};

/* --- Bodies ----------------------------------------------------------------------------------------------------- */

char *alertmanager_url(const char *member) {
    static const char path[] = "/api/v2/alerts";
    size_t len = strlen(member);
    while (len && member[len - 1] == '/')
        len--;
    if (len >= sizeof path - 1 && memcmp(member + len - (sizeof path - 1), path, sizeof path - 1) == 0)
        len -= sizeof path - 1;
    char *url = alloc_zeroed(1, len + sizeof path);
    memcpy(url, member, len);
    memcpy(url + len, path, sizeof path);
    return url;
}

static int64_t resend_ms(const struct notify_target *t) {
    return t->resend_ms > 0 ? t->resend_ms : DEFAULT_RESEND_MS;
}

static int64_t earlier_of(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Event time may be ahead of the clock by a little. An end ahead of the clock would be no end, and Alertmanager refuses
 * a start after the end. */
json_t *alertmanager_alert(const struct notify_target *t, const struct alert_row *a, int64_t now_ms) {
    bool over = a->state == ALERT_RESOLVED;
    int64_t end = over ? earlier_of(a->resolved_ms, now_ms) : now_ms + 4 * resend_ms(t);
    struct payload_labels labels;
    payload_labels_of(a, &labels);
    json_t *json = json_object();
    json_object_set_new(json, "labels", payload_labels_json(&labels));
    json_object_set_new(json, "annotations", payload_annotations_json(a));
    json_object_set_new(json, "startsAt", payload_time(earlier_of(a->fired_ms, earlier_of(end, now_ms))));
    json_object_set_new(json, "endsAt", payload_time(end));
    if (t->external_url)
        json_object_set_new(json, "generatorURL", payload_string(t->external_url));
    return json;
}

/* --- What there is to tell -------------------------------------------------------------------------------------- */

/* By label set; of one label set the latest incident first. */
static int compare_told(const void *left, const void *right) {
    const struct told *a = left, *b = right;
    if (a->fingerprint != b->fingerprint)
        return a->fingerprint < b->fingerprint ? -1 : 1;
    if (a->incident != b->incident)
        return a->incident > b->incident ? -1 : 1;
    if (a->fired_ms != b->fired_ms)
        return a->fired_ms > b->fired_ms ? -1 : 1;
    return a->row > b->row ? -1 : a->row < b->row;
}

/* Fills `list`, which has room for every alert. Returns how many label sets there are. */
static size_t collect(const struct snapshot *s, struct told *list) {
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < s->alert_count; i++) {
        const struct alert_row *a = &s->alerts[i];
        if (a->state == ALERT_PENDING || a->held || a->muted_by)
            continue;
        struct payload_labels labels;
        payload_labels_of(a, &labels);
        list[count++] = (struct told){.fingerprint = payload_fingerprint(&labels),
                                      .incident = a->incident,
                                      .fired_ms = a->fired_ms,
                                      .state = a->state,
                                      .row = i,
                                      .seen_ms = notifier_now_ms()};
    }
    if (count)
        qsort(list, count, sizeof *list, compare_told);
    for (size_t i = 0; i < count; i++)
        if (!kept || list[kept - 1].fingerprint != list[i].fingerprint)
            list[kept++] = list[i];
    return kept;
}

/* Takes the place of what was known; what is as before keeps what it was told. */
static void take_over(struct member *m, struct told *list, size_t count) {
    for (size_t i = 0, before = 0; i < count; i++) {
        while (before < m->count && m->told[before].fingerprint < list[i].fingerprint)
            before++;
        if (before == m->count || m->told[before].fingerprint != list[i].fingerprint)
            continue;
        const struct told *old = &m->told[before];
        if (old->incident == list[i].incident && old->fired_ms == list[i].fired_ms && old->state == list[i].state) {
            list[i].seen_ms = old->seen_ms;
            list[i].delivered = old->delivered;
        }
    }
    free(m->told);
    m->told = list;
    m->count = count;
}

static bool is_to_be_sent(const struct notify_target *t, const struct told *a, bool all) {
    if (a->state == ALERT_RESOLVED && !t->send_resolved)
        return false;
    if (!a->delivered)
        return true;
    return all && (a->state == ALERT_FIRING || notifier_now_ms() - a->seen_ms < RESOLVED_MS);
}

/* --- Requests --------------------------------------------------------------------------------------------------- */

/* A request, and which label sets are in it. */
struct request {
    struct request *next;
    char *body;
    size_t count, at[BATCH];
};

static void free_requests(struct request *r) {
    while (r) {
        struct request *next = r->next;
        free(r->body);
        free(r);
        r = next;
    }
}

static void close_request(struct request *r, json_t **alerts) {
    if (*alerts)
        r->body = payload_dump(*alerts);
    *alerts = NULL;
}

/* Everything is written down before the first request goes out: no snapshot is held for as long as a peer takes. */
static struct request *write_requests(const struct member *m, const struct snapshot *s, bool all) {
    const struct notify_target *t = m->worker->notifier->target;
    struct request *first = NULL, *last = NULL;
    json_t *alerts = NULL;
    int64_t now = clock_wall_ms();
    for (size_t i = 0; i < m->count; i++) {
        if (!is_to_be_sent(t, &m->told[i], all))
            continue;
        if (!last || last->count == BATCH) {
            close_request(last, &alerts);
            struct request *r = alloc_zeroed(1, sizeof *r);
            *(last ? &last->next : &first) = r;
            last = r;
            alerts = json_array();
        }
        json_array_append_new(alerts, alertmanager_alert(t, &s->alerts[m->told[i].row], now));
        last->at[last->count++] = i;
    }
    close_request(last, &alerts);
    return first;
}

static struct request *look(struct member *m, bool all) {
    struct board *board = m->worker->notifier->board;
    const struct snapshot *s = board_look(board);
    if (!s)
        return NULL;
    struct told *list = alloc_zeroed(s->alert_count + 1, sizeof *list);
    take_over(m, list, collect(s, list));
    struct request *requests = write_requests(m, s, all);
    board_release(board, s);
    return requests;
}

static void log_attempt(struct member *m, const struct attempt *a) {
    const struct notify_target *t = m->worker->notifier->target;
    const struct log_field fields[] = {
        {"target", t->name}, {"member", .number = (int64_t)m->worker->number}, {"reason", a->reason}};
    if (a->verdict == VERDICT_DELIVERED) {
        if (m->failures)
            log_event(LOG_INFO, "Alertmanager takes alerts again", fields, 2);
        m->complained = false;
    } else if (a->verdict == VERDICT_REFUSED && !m->complained) {
        log_event(LOG_ERROR, "Alertmanager refuses alerts", fields, 3);
        m->complained = true;
    } else if (a->verdict == VERDICT_RETRY) {
        log_event(m->failures ? LOG_DEBUG : LOG_WARN, "Alertmanager cannot be reached, alerts are sent again", fields,
                  3);
    }
}

/* How long to wait before the next look. */
static int64_t take_result(struct member *m, const struct request *r, const struct attempt *a) {
    const struct notify_target *t = m->worker->notifier->target;
    log_attempt(m, a);
    /* 400: some alerts are wrong, and would be the next time; the others were taken. */
    if (a->verdict == VERDICT_DELIVERED || a->status == 400) {
        for (size_t i = 0; i < r->count; i++)
            m->told[r->at[i]].delivered = true;
        m->failures = 0;
        return 0;
    }
    m->failures++;
    if (a->verdict == VERDICT_REFUSED)
        return resend_ms(t);
    int64_t pause = notifier_backoff_ms(m->worker, m->failures, earlier_of(resend_ms(t), NOTIFIER_BACKOFF_MAX_MS));
    return a->retry_after_ms > pause ? earlier_of(a->retry_after_ms, NOTIFIER_BACKOFF_MAX_MS) : pause;
}

/* Returns how long to wait before the next look. */
static int64_t tell(struct member *m) {
    int64_t start = notifier_now_ms(), pause = 0;
    bool all = !m->all_sent || start - m->all_sent_ms >= resend_ms(m->worker->notifier->target);
    struct request *requests = look(m, all);
    for (struct request *r = requests; r && !pause; r = r->next) {
        struct attempt result;
        notifier_attempt(m->worker, span_of(r->body), NULL, 0, &result);
        if (result.verdict == VERDICT_STOPPED)
            break;
        pause = take_result(m, r, &result);
    }
    if (all && !pause && requests) {
        m->all_sent = true;
        m->all_sent_ms = start;
    }
    free_requests(requests);
    return pause ? pause : LOOK_MS;
}

void alertmanager_run(struct notifier_worker *w) {
    struct member m = {.worker = w};
    for (int64_t pause = 0; notifier_sleep(w->notifier, pause);)
        pause = tell(&m);
    free(m.told);
}
