/* A history: batches are sent, and waited for, by whoever adds the samples. */
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/wait.h"
#include "sinks/remote_write_sender.h"

enum { LABEL_BYTES_MAX = 1 << 20 };

struct remote_client {
    const struct remote_write_target *target;
    const atomic_bool *stop;
    struct remote_sender *sender;
    struct remote_batch batch;
    struct buf labels;
    uint64_t dropped;
};

/* All that is known of a family here is what its samples' names say. */
static const struct remote_metadata of_counter = {METRIC_COUNTER, "", ""};

struct remote_client *remote_client_open(const struct remote_write_target *t, const atomic_bool *stop,
                                         struct err *err) {
    struct remote_sender *sender = remote_sender_open(t, stop, err);
    if (!sender)
        return NULL;
    struct remote_client *c = alloc_zeroed(1, sizeof *c);
    c->target = t;
    c->stop = stop;
    c->sender = sender;
    remote_batch_init(&c->batch);
    buf_init(&c->labels, LABEL_BYTES_MAX);
    return c;
}

void remote_client_close(struct remote_client *c) {
    if (!c)
        return;
    remote_sender_close(c->sender);
    remote_batch_deinit(&c->batch);
    buf_deinit(&c->labels);
    free(c);
}

static bool fail(struct remote_client *c, const char *what, struct err *err) {
    return err_set(err, ERR_IO, "remote_write %.60s: %s%s%.350s", c->target->name, what, *what ? ": " : "",
                   remote_sender_reason(c->sender));
}

/* Waits before the next attempt, but not beyond `until_ns`. */
static bool wait_for_next(struct remote_client *c, int64_t until_ns) {
    static const atomic_bool never;
    int64_t left = (until_ns - clock_monotonic_ns()) / 1000000, pause = remote_sender_pause_ms(c->sender);
    return left > 0 && wait_unless(c->stop ? c->stop : &never, pause < left ? pause : left);
}

bool remote_client_flush(struct remote_client *c, struct err *err) {
    int64_t until_ns = clock_monotonic_ns() + c->target->give_up_ms * 1000000;
    while (c->batch.todo_count) {
        switch (remote_sender_send(c->sender, &c->batch)) {
        case REMOTE_DONE:
            break;
        case REMOTE_AGAIN:
            if (wait_for_next(c, until_ns))
                break;
            if (c->stop && atomic_load(c->stop))
                return err_set(err, ERR_IO, "remote_write %.60s: stopped", c->target->name);
            c->dropped += remote_batch_left(&c->batch);
            remote_batch_clear(&c->batch);
            return fail(c, "given up", err);
        case REMOTE_FAILED:
            remote_sender_counts(c->sender)->refused += remote_batch_left(&c->batch);
            remote_batch_clear(&c->batch);
            return fail(c, "", err);
        case REMOTE_STOPPED:
            return err_set(err, ERR_IO, "remote_write %.60s: stopped", c->target->name);
        }
    }
    remote_batch_clear(&c->batch);
    return true;
}

static bool ends_with_total(const char *name) {
    size_t len = strlen(name);
    return len > strlen("_total") && strcmp(name + len - strlen("_total"), "_total") == 0;
}

bool remote_client_add(struct remote_client *c, const char *name, const struct metric_label *labels, size_t label_count,
                       const struct remote_sample *samples, size_t sample_count, struct err *err) {
    size_t more_count, max = c->target->max_samples ? c->target->max_samples : 1;
    const struct metric_label *more = remote_sender_labels(c->sender, &more_count);
    buf_clear(&c->labels);
    if (!remote_labels_append(&c->labels, name, "", labels, label_count, more, more_count))
        return err_set(err, ERR_INPUT, "remote_write %.60s: a series has too many labels", c->target->name);
    for (size_t done = 0; done < sample_count;) {
        /* A series is cut only where it does not fit into a request of its own. */
        size_t room = max > c->batch.sample_count ? max - c->batch.sample_count : 0, left = sample_count - done;
        if (c->batch.sample_count && (room == 0 || (left > room && left <= max))) {
            if (!remote_client_flush(c, err))
                return false;
            continue;
        }
        size_t count = left < room ? left : room;
        if (!remote_batch_series(&c->batch, buf_span(&c->labels), ends_with_total(name) ? &of_counter : NULL))
            return err_set(err, ERR_IO, "remote_write %.60s: max_samples is too large", c->target->name);
        for (size_t i = 0; i < count; i++)
            remote_batch_sample(&c->batch, samples[done + i]);
        done += count;
    }
    return c->batch.sample_count < max || remote_client_flush(c, err);
}

void remote_client_counts(const struct remote_client *c, struct remote_write_counts *to) {
    *to = *remote_sender_counts(c->sender);
    to->dropped = c->dropped;
    to->waiting = remote_batch_left(&c->batch);
}

const char *remote_client_refusal(const struct remote_client *c) {
    return remote_sender_refusal(c->sender);
}
