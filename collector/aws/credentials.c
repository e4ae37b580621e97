#include "aws/credentials.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/credentials_internal.h"
#include "aws/session_retry.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"

static void wipe(char **secret) {
    if (*secret)
        OPENSSL_cleanse(*secret, strlen(*secret));
    free(*secret);
    *secret = NULL;
}

void aws_credentials_deinit(struct aws_credentials *c) {
    wipe(&c->access_key);
    wipe(&c->secret_key);
    wipe(&c->session_token);
}

void aws_wipe(void *data, size_t len) {
    OPENSSL_cleanse(data, len);
}

static struct aws_credentials copy_of(const struct aws_credentials *c) {
    return (struct aws_credentials){alloc_copy(c->access_key), alloc_copy(c->secret_key), alloc_copy(c->session_token),
                                    c->expires_ms};
}

static bool is_same(const struct aws_credentials *a, const struct aws_credentials *b) {
    return a->access_key && b->access_key && strcmp(a->access_key, b->access_key) == 0 &&
           strcmp(a->session_token ? a->session_token : "", b->session_token ? b->session_token : "") == 0;
}

/* --- AWS's clock -------------------------------------------------------------------------------------------------- */

int64_t aws_clock_now_ms(struct aws_clock *c) {
    return clock_wall_ms() + atomic_load(&c->offset_ms);
}

bool aws_clock_learn(struct aws_clock *c, int64_t date_ms) {
    int64_t offset = date_ms - clock_wall_ms();
    if (!date_ms || offset > CLOCK_OFFSET_MAX_MS || offset < -CLOCK_OFFSET_MAX_MS)
        return false;
    atomic_store(&c->offset_ms, offset);
    if (!atomic_exchange(&c->is_told, true))
        log_event(LOG_WARN, "the clock of this machine is not AWS's; requests are signed with AWS's time",
                  LOG_FIELDS({"aws_is_ahead_by_s", .number = offset / 1000}));
    return true;
}

/* --- the identity ------------------------------------------------------------------------------------------------- */

/* How long before their end they are renewed: by one thread while the others go on; by one while the others wait. */
enum { ADVISORY_MS = 15 * 60 * 1000, MANDATORY_MS = 10 * 60 * 1000, SHORT_MS = 20 * 60 * 1000 };
enum { AGAIN_MS = 10000, AGAIN_JITTER_MS = 20000, REFUSED_PAUSE_MS = 10000, TICK_MS = 100 };

struct aws_identity {
    const struct aws_settings *settings;
    struct http_pool *pool;
    struct aws_clock clock;
    pthread_mutex_t lock;
    pthread_cond_t changed;

    /* Under the lock. */
    bool has, busy, refused;
    struct aws_credentials now;
    int64_t advisory_ms, mandatory_ms; /* AWS's clock; from when on */
    int64_t again_ms;                  /* monotonic: not renewed before, as it has just failed */
    int64_t refused_until_ms;          /* monotonic: what AWS refuses is not news before */
    uint64_t rounds;                   /* searches that ended */
    bool failed, failed_by_stop;       /* the last one */
    struct err failure;
};

struct aws_identity *aws_identity_create(const struct aws_settings *s, struct http_pool *pool) {
    struct aws_identity *i = alloc_zeroed(1, sizeof *i);
    pthread_condattr_t attributes;
    i->settings = s;
    i->pool = pool;
    pthread_mutex_init(&i->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&i->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return i;
}

void aws_identity_destroy(struct aws_identity *i) {
    if (!i)
        return;
    aws_credentials_deinit(&i->now);
    pthread_cond_destroy(&i->changed);
    pthread_mutex_destroy(&i->lock);
    free(i);
}

struct aws_clock *aws_identity_clock(struct aws_identity *i) {
    return &i->clock;
}

static int64_t monotonic_ms(void) {
    return clock_monotonic_ns() / 1000000;
}

static enum found find(struct aws_identity *i, struct aws_credentials *c, const atomic_bool *stop, struct err *err) {
    struct profile_set *profiles = profile_set_create();
    struct search s = {i->settings, i->pool, &i->clock, stop, profiles, credentials_profile_name(i->settings)};
    enum found found = FOUND_FAILED;
    /* Who has keys of his own does not need the files. */
    if (profile_set_load(profiles, i->settings->access_key_id ? NULL : err) || i->settings->access_key_id)
        found = credentials_find(&s, c, err);
    profile_set_destroy(profiles);
    return found;
}

/* Short-lived ones are renewed in the last quarter of their life, and waited for in the last tenth. */
static void set_times(struct aws_identity *i) {
    int64_t end = i->now.expires_ms, life = end - aws_clock_now_ms(&i->clock);
    if (end == INT64_MAX) {
        i->advisory_ms = i->mandatory_ms = INT64_MAX;
        return;
    }
    bool is_short = life < SHORT_MS;
    i->advisory_ms = end - (is_short ? life / 4 : ADVISORY_MS);
    i->mandatory_ms = end - (is_short ? life / 10 : MANDATORY_MS);
}

/* Under the lock, which is given up meanwhile. */
static void renew(struct aws_identity *i, const atomic_bool *stop) {
    struct aws_credentials new = {0};
    struct err err = {0};
    i->busy = true;
    pthread_mutex_unlock(&i->lock);
    bool ok = find(i, &new, stop, &err) == FOUND_OK;
    if (ok && new.expires_ms <= aws_clock_now_ms(&i->clock)) {
        ok = err_set(&err, ERR_CONFIG, "the AWS credentials that were found have expired already");
        aws_credentials_deinit(&new);
    }
    pthread_mutex_lock(&i->lock);
    i->busy = false;
    i->rounds++;
    i->failed = !ok;
    i->failed_by_stop = !ok && retry_is_stopped(stop);
    i->failure = err;
    if (ok) {
        aws_credentials_deinit(&i->now);
        i->now = new;
        i->has = true;
        i->refused = false;
        i->again_ms = 0;
        set_times(i);
    } else if (!i->failed_by_stop) {
        i->again_ms = monotonic_ms() + AGAIN_MS + retry_random(AGAIN_JITTER_MS);
        if (i->has)
            log_event(LOG_WARN, "AWS credentials were not renewed", LOG_FIELDS({"error", err.text, 0}));
    }
    pthread_cond_broadcast(&i->changed);
}

enum need { NEED_NOTHING, NEED_SOON, NEED_NOW };

static enum need need(struct aws_identity *i) {
    int64_t now_ms = aws_clock_now_ms(&i->clock);
    bool valid = i->has && !i->refused && now_ms < i->now.expires_ms;
    if (!valid)
        return NEED_NOW;
    if (monotonic_ms() < i->again_ms)
        return NEED_NOTHING; /* as good as they are */
    if (now_ms >= i->mandatory_ms)
        return NEED_NOW;
    return now_ms >= i->advisory_ms ? NEED_SOON : NEED_NOTHING;
}

static void wait_a_little(struct aws_identity *i) {
    int64_t until = clock_monotonic_ns() + TICK_MS * 1000000;
    struct timespec at = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
    pthread_cond_timedwait(&i->changed, &i->lock, &at);
}

/* Until there is something to give out, or it is known why not. Under the lock. */
static bool prepare(struct aws_identity *i, const atomic_bool *stop, struct err *err) {
    uint64_t round = i->rounds;
    for (;;) {
        enum need wanted = need(i);
        if (wanted == NEED_NOTHING || (wanted == NEED_SOON && i->busy))
            return true;
        if (retry_is_stopped(stop))
            return err_set(err, ERR_IO, "stopped");
        /* Somebody else's failure is ours too, unless he was only told to stop. */
        if (i->rounds != round && i->failed && !i->failed_by_stop && !i->busy)
            return err_set(err, i->failure.code, "%s", i->failure.text);
        if (i->busy)
            wait_a_little(i);
        else
            renew(i, stop);
    }
}

bool aws_identity_get(struct aws_identity *i, struct aws_credentials *c, const atomic_bool *stop, struct err *err) {
    *c = (struct aws_credentials){0};
    pthread_mutex_lock(&i->lock);
    bool ok = prepare(i, stop, err);
    if (ok)
        *c = copy_of(&i->now);
    pthread_mutex_unlock(&i->lock);
    return ok;
}

void aws_identity_refused(struct aws_identity *i, const struct aws_credentials *c) {
    pthread_mutex_lock(&i->lock);
    if (i->has && !i->busy && is_same(&i->now, c) && monotonic_ms() >= i->refused_until_ms) {
        i->refused = true;
        i->refused_until_ms = monotonic_ms() + REFUSED_PAUSE_MS;
    }
    pthread_mutex_unlock(&i->lock);
}

char *aws_identity_region(struct aws_identity *i, bool ask, const atomic_bool *stop) {
    struct profile_set *profiles = profile_set_create();
    struct search s = {i->settings, i->pool, &i->clock, stop, profiles, credentials_profile_name(i->settings)};
    (void)profile_set_load(profiles, NULL);
    char *region = alloc_copy(credentials_region(&s));
    if (!region && ask)
        region = credentials_machine_region(&s, NULL);
    profile_set_destroy(profiles);
    return region;
}
