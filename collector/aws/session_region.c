/* Which region a call goes to: what AWS said of the bucket, the call's, the session's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/session_internal.h"
#include "core/alloc.h"
#include "core/clock.h"

enum { ASK_AGAIN_MS = 60000 };

/* Under the lock. */
static struct learned *find(struct aws_session *s, const char *bucket) {
    for (size_t i = 0; i < s->learned_count; i++)
        if (strcmp(s->learned[i].bucket, bucket) == 0)
            return &s->learned[i];
    return NULL;
}

void session_learn_region(struct aws_session *s, const char *bucket, const char *region) {
    pthread_mutex_lock(&s->lock);
    struct learned *at = find(s, bucket);
    if (!at) {
        at = &s->learned[s->learned_next];
        s->learned_next = (s->learned_next + 1) % LEARNED_MAX;
        if (s->learned_count < LEARNED_MAX)
            s->learned_count++;
        free(at->bucket);
        at->bucket = alloc_string(bucket, strlen(bucket));
    }
    snprintf(at->region, sizeof at->region, "%s", region);
    pthread_mutex_unlock(&s->lock);
}

void session_regions_deinit(struct aws_session *s) {
    for (size_t i = 0; i < s->learned_count; i++)
        free(s->learned[i].bucket);
    free(s->region);
}

static bool set(char to[ENDPOINT_REGION_MAX], const char *region) {
    if (!region || !endpoint_is_region(region))
        return false;
    snprintf(to, ENDPOINT_REGION_MAX, "%s", region);
    return true;
}

/* Asks the machine, when nothing else says it; not too often. */
static bool ask_machine(struct aws_session *s, char to[ENDPOINT_REGION_MAX], const atomic_bool *stop) {
    int64_t now_ms = clock_monotonic_ns() / 1000000;
    pthread_mutex_lock(&s->lock);
    bool ask = !s->region && now_ms >= s->ask_again_ms;
    if (ask)
        s->ask_again_ms = now_ms + ASK_AGAIN_MS;
    pthread_mutex_unlock(&s->lock);
    char *region = ask ? aws_identity_region(s->identity, true, stop) : NULL;
    pthread_mutex_lock(&s->lock);
    if (region && !s->region) {
        s->region = region;
        region = NULL;
    } else if (ask && !s->region && retry_is_stopped(stop)) {
        s->ask_again_ms = 0;
    }
    bool ok = set(to, s->region);
    pthread_mutex_unlock(&s->lock);
    free(region);
    return ok;
}

bool session_region_of(struct aws_session *s, const struct aws_call *call, char to[ENDPOINT_REGION_MAX],
                       const atomic_bool *stop, struct err *err) {
    bool is_s3 = strcmp(call->service, "s3") == 0, ok = false;
    pthread_mutex_lock(&s->lock);
    struct learned *learned = call->bucket ? find(s, call->bucket) : NULL;
    ok = learned && set(to, learned->region);
    const char *region = call->region ? call->region : s->region;
    bool is_said = ok || region;
    ok = ok || set(to, region);
    pthread_mutex_unlock(&s->lock);
    if (ok)
        return true;
    if (is_said)
        return err_set(err, ERR_CONFIG, "no AWS region: %.40s", call->region ? call->region : "that of the settings");
    if (is_s3)
        return set(to, "us-east-1"); /* from there S3 says where the bucket is */
    return ask_machine(s, to, stop) ||
           err_set(err, ERR_CONFIG,
                   "no AWS region for %s: give it as aws.region, in AWS_REGION, or as region in the profile",
                   call->service);
}
