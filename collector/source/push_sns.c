/* What SNS sends: believed only when it is signed, of a topic that may, and fresh. A subscription is kept for the
 * operator, and nothing is answered to SNS but a status. */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "source/push_internal.h"

enum {
    OLDEST_MS = 2 * 3600 * 1000, /* SNS gives up after an hour of trying at most; a clock may be wrong as well */
    NEWEST_MS = 15 * 60 * 1000,
    CONFIRMATIONS_MAX = 100,
    WAIT_MS = 500,
    CONFIRMATION_PATH = 4096,
};

bool push_allows_topic(const struct push *p, struct span arn) {
    for (size_t i = 0; i < p->options.topic_count; i++)
        if (span_eq(arn, span_of(p->options.topics[i])))
            return true;
    return false;
}

/* --- subscriptions ------------------------------------------------------------------------------------------------ */

static bool is_confirmation(const char *name) {
    size_t len = strlen(name);
    return len > 5 && strcmp(name + len - 5, ".json") == 0;
}

static size_t count_confirmations(int folder) {
    size_t n = 0;
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d && fd >= 0)
        close(fd);
    for (const struct dirent *e; d && (e = readdir(d));)
        n += is_confirmation(e->d_name);
    if (d)
        closedir(d);
    return n;
}

static bool write_all(int fd, struct span text) {
    while (text.len) {
        ssize_t n = write(fd, text.ptr, text.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text.ptr += n;
        text.len -= (size_t)n;
    }
    return fsync(fd) == 0;
}

/* Under another name first, so that nobody finds half of it. */
static bool write_confirmation(int folder, const char *name, struct span body, struct err *err) {
    char draft[SNS_NAME_SIZE + 16];
    snprintf(draft, sizeof draft, ".%s.new", name);
    int fd = openat(folder, draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write_all(fd, body);
    int cause = errno;
    if (fd >= 0)
        close(fd);
    if (good && renameat(folder, draft, folder, name) == 0)
        return true;
    if (good)
        cause = errno;
    if (fd >= 0)
        unlinkat(folder, draft, 0);
    return err_set_errno(err, ERR_IO, cause, "the subscription cannot be kept");
}

bool push_keep_confirmation(struct push *p, const struct sns_message *m, struct span body, struct err *err) {
    char digest[SNS_NAME_SIZE], name[SNS_NAME_SIZE + 8];
    sns_confirmation_name(m, digest);
    snprintf(name, sizeof name, "%s.json", digest);
    mkdir(p->options.confirmations, 0700);
    int folder = open(p->options.confirmations, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return err_set_errno(err, ERR_IO, errno, "the folder for subscriptions cannot be opened");
    bool is_there = faccessat(folder, name, F_OK, 0) == 0;
    bool good = true;
    if (!is_there && count_confirmations(folder) >= CONFIRMATIONS_MAX)
        good = err_set(err, ERR_IO, "%d subscriptions wait already: confirm or delete some", CONFIRMATIONS_MAX);
    good = good && write_confirmation(folder, name, body, err);
    close(folder);
    if (!good)
        return false;
    if (is_there)
        return true; /* said already: SNS asks several times, and so may others who saw the message */
    char path[CONFIRMATION_PATH];
    snprintf(path, sizeof path, "%s/%s", p->options.confirmations, name);
    log_event_always(LOG_WARN,
                     m->type == SNS_SUBSCRIPTION
                         ? "a subscription waits: ses-collector sns confirm FILE"
                         : "a subscription was ended; to take it up again: ses-collector sns confirm FILE",
                     LOG_FIELDS({"source", p->source.name}, {"topic", m->topic_arn.ptr}, {"file", path}));
    return true;
}

static void take_confirmation(struct push *p, const struct sns_message *m, struct push_request *r) {
    struct err err = {0};
    if (!p->options.confirmations) {
        log_event(LOG_WARN, "a subscription waits, and there is no folder to keep it in: set sns.confirmations",
                  LOG_FIELDS({"source", p->source.name}, {"topic", m->topic_arn.ptr}));
        push_answer(p, r, MHD_HTTP_OK, NULL);
    } else if (push_keep_confirmation(p, m, (struct span){r->body, r->len}, &err)) {
        push_answer(p, r, MHD_HTTP_OK, NULL);
    } else {
        log_event(LOG_ERROR, "a subscription cannot be kept",
                  LOG_FIELDS({"source", p->source.name}, {"cause", err.text}));
        push_answer(p, r, MHD_HTTP_SERVICE_UNAVAILABLE, "the subscription cannot be kept now");
    }
}

/* --- notifications ------------------------------------------------------------------------------------------------ */

/* Only what was signed goes on: the text of Message takes the place of the body that held it, which is longer. */
static void take_notification(struct push *p, const struct sns_message *m, struct push_request *r) {
    assert(m->message.len <= r->len);
    if (m->message.len)
        memcpy(r->body, m->message.ptr, m->message.len);
    r->len = m->message.len;
    push_queue_for(p, &p->arrived, r);
}

static void note_trouble(struct push *p, const struct err *err) {
    pthread_mutex_lock(&p->lock);
    p->trouble = *err;
    p->trouble_ns = clock_monotonic_ns();
    pthread_mutex_unlock(&p->lock);
}

static void refuse(struct push *p, const struct sns_message *m, struct push_request *r, const char *why) {
    log_event(LOG_WARN, "a message that claims to be of SNS was refused",
              LOG_FIELDS({"source", p->source.name}, {"topic", m->topic_arn.ptr}, {"cause", why}));
    push_answer(p, r, MHD_HTTP_FORBIDDEN, "not from SNS, not of a topic that may publish here, or too old");
}

static bool is_fresh(const struct sns_message *m, int64_t now_ms) {
    return m->time_ms > now_ms - OLDEST_MS && m->time_ms < now_ms + NEWEST_MS;
}

static void verify(struct push *p, const struct sns_message *m, struct push_request *r) {
    struct err err = {0};
    int64_t now_ms = clock_wall_ms();
    if (!push_allows_topic(p, m->topic_arn)) {
        refuse(p, m, r, "the topic is not in sns.topics");
        return;
    }
    if (!is_fresh(m, now_ms)) {
        refuse(p, m, r, "it is older than 2 hours, or from the future");
        return;
    }
    switch (sns_certificates_check(p->certificates, m, now_ms, &p->source.stop, &err)) {
    case SNS_FORGED:
        refuse(p, m, r, err.text);
        return;
    case SNS_UNDECIDED:
        note_trouble(p, &err);
        push_answer(p, r, MHD_HTTP_SERVICE_UNAVAILABLE, "the certificate of SNS cannot be had now");
        return;
    case SNS_GENUINE:
        break;
    }
    if (m->type == SNS_NOTIFICATION)
        take_notification(p, m, r);
    else
        take_confirmation(p, m, r);
}

void *push_verify(void *context) {
    struct push *p = context;
    while (!atomic_load(&p->closing)) {
        struct push_request *r = push_next(p, &p->to_verify, WAIT_MS);
        struct sns_message m;
        struct err err = {0};
        if (!r)
            continue;
        if (sns_message_parse(&m, (struct span){r->body, r->len}, &err)) {
            verify(p, &m, r);
            sns_message_deinit(&m);
        } else {
            log_event(LOG_WARN, "a request that is no message of SNS was refused",
                      LOG_FIELDS({"source", p->source.name}, {"cause", err.text}));
            push_answer(p, r, MHD_HTTP_BAD_REQUEST, "not a message of SNS");
        }
    }
    return NULL;
}
