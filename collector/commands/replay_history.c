#include "commands/replay_history.h"

#include <stdio.h>
#include <string.h>

#include "aggregate/cells.h"
#include "commands/stop.h"
#include "core/clock.h"
#include "sinks/history_remote.h"
#include "sinks/openmetrics.h"
#include "sinks/text.h"

enum { TIMEOUT_MS = 30000, GIVE_UP_MS = 300000, REQUEST_SAMPLES = 5000 };

/* --- before ------------------------------------------------------------------------------------------------------- */

/* "host:port" of a URL: who it is without path, query, user and password. */
static void host_of(const char *url, char *to, size_t size) {
    const char *host = strstr(url, "://") + strlen("://");
    const char *end = host + strcspn(host, "/?#");
    for (const char *c = host; c < end; c++)
        if (*c == '@')
            host = c + 1;
    snprintf(to, size, "%.*s", (int)(end - host), host);
}

static bool take_url(struct replay_history *r, const struct replay_options *o, struct err *err) {
    host_of(o->remote_write, r->name, sizeof r->name);
    r->by_url = (struct remote_write_target){
        .name = r->name,
        .url = (char *)o->remote_write, /* never freed: this target is not deinited */
        .protocol = REMOTE_WRITE_1,
        .timeout_ms = TIMEOUT_MS,
        .give_up_ms = GIVE_UP_MS,
        .max_samples = REQUEST_SAMPLES,
    };
    r->target = &r->by_url;
    struct err why = {0};
    return remote_write_target_check(r->target, &why) || err_set(err, ERR_USAGE, "--remote-write: %s", why.text);
}

static bool find_target(struct replay_history *r, const struct replay_options *o, const struct config *c,
                        struct err *err) {
    if (strstr(o->remote_write, "://"))
        return take_url(r, o, err);
    for (size_t i = 0; i < c->remote_write_count; i++)
        if (strcmp(c->remote_writes[i].name, o->remote_write) == 0)
            r->target = &c->remote_writes[i];
    return r->target || err_set(err, ERR_USAGE, "--remote-write %s: %s has no target of that name below `remote_write`",
                                o->remote_write, o->config_file);
}

bool replay_history_open(struct replay_history *r, const struct replay_options *o, const struct config *c,
                         const struct snapshot_names *names, struct err *err) {
    if (o->remote_write && !find_target(r, o, c, err))
        return false;
    if (o->openmetrics) {
        if (!output_open(&r->output, o->openmetrics, err))
            return false;
        r->has_output = true;
    }
    if (r->has_output || r->target)
        r->history = history_create(o->step_ms, names);
    return true;
}

/* --- after: the file ---------------------------------------------------------------------------------------------- */

/* What is there is said, so that it can be held against what promtool says. */
bool replay_history_write(struct replay_history *r, const struct replay_options *o, struct err *err) {
    struct openmetrics_totals t;
    struct err why = {0};
    if (!r->has_output)
        return true;
    bool written =
        openmetrics_write_history(r->history, o->history_labels, o->history_label_count, r->output.file, &t, &why);
    r->has_output = false;
    if (!written && !ferror(r->output.file)) { /* the commit knows only of the stream */
        output_abort(&r->output);
        return err_set(err, why.code, "%s", why.text);
    }
    if (!output_commit(&r->output, err))
        return r->output.reader_gone;
    fprintf(stderr, "ses-collector: %s: %llu samples of %llu series\n",
            strcmp(o->openmetrics, "-") == 0 ? "history" : o->openmetrics, (unsigned long long)t.samples,
            (unsigned long long)t.series);
    return true;
}

/* --- after: the receiver ------------------------------------------------------------------------------------------ */

struct sending {
    struct progress *progress;
    const char *name;
    int64_t started_ns;
};

static void on_progress(void *context, const struct history_remote_progress *at) {
    struct sending *s = context;
    char time[TEXT_TIME_SIZE], samples[TEXT_NUMBER_SIZE], speed[TEXT_NUMBER_SIZE], line[256 + 3 * TEXT_TIME_SIZE];
    if (!s->progress->wanted)
        return;
    double seconds = (double)(clock_monotonic_ns() - s->started_ns) / 1e9;
    double done = (double)(at->at_ms - at->from_ms) / (double)(at->to_ms - at->from_ms + 1);
    text_time_plain(at->at_ms, time);
    text_count(at->samples, samples);
    text_count(seconds > 0 ? (uint64_t)((double)at->samples / seconds) : 0, speed);
    int len = snprintf(line, sizeof line, "%s: history at %.16s (%.0f %%)", s->name, time, done > 0 ? done * 100 : 0);
    if (done > 0.01 && len > 0) {
        long left = (long)(seconds / done - seconds + 0.5);
        len += snprintf(line + len, sizeof line - (size_t)len, ", %ld:%02ld left", left / 60, left % 60);
    }
    snprintf(line + len, sizeof line - (size_t)len, ", %s samples, %s samples/s", samples, speed);
    progress_say(s->progress, line);
}

static void say_totals(const char *name, const struct history_remote_totals *t) {
    const struct remote_write_counts *c = &t->counts;
    fprintf(stderr, "ses-collector: %s: %llu samples of %llu series: written %llu + refused %llu + dropped %llu", name,
            (unsigned long long)t->samples, (unsigned long long)t->series, (unsigned long long)c->written,
            (unsigned long long)c->refused, (unsigned long long)c->dropped);
    uint64_t known = c->written + c->refused + c->dropped, rest = known < t->samples ? t->samples - known : 0;
    if (rest) /* only when it broke off */
        fprintf(stderr, " + not sent %llu", (unsigned long long)rest);
    fputc('\n', stderr);
}

static bool say_refused(const char *name, const struct history_remote_totals *t, struct history *h, struct err *err) {
    size_t count;
    uint64_t lost = t->counts.refused + t->counts.dropped;
    char advice[320];
    const struct history_stretch *stretches = history_stretches(h, &count);
    history_remote_advice(t->refusal, count ? stretches[0].start * 1000 : 0, clock_wall_ms(), advice, sizeof advice);
    fprintf(stderr, "ses-collector: %s answered first: %s\n", name, t->refusal);
    return err_set(err, ERR_IO, "%llu samples of the history were refused: %s", (unsigned long long)lost, advice);
}

static bool send_it(struct replay_history *r, const struct replay_options *o, struct progress *progress,
                    struct err *err) {
    struct sending s = {progress, r->target->name, clock_monotonic_ns()};
    struct history_remote_options options = {.labels = o->history_labels,
                                             .label_count = o->history_label_count,
                                             .stop = stop_flag(),
                                             .on_progress = on_progress,
                                             .context = &s};
    struct history_remote_totals t;
    struct err why = {0};
    bool done = history_remote_send(r->history, r->target, &options, &t, &why);
    progress_clear(progress);
    say_totals(s.name, &t);
    if (!done && stop_signal())
        return err_set(err, ERR_IO, "stopped while the history was sent; sent again, equal samples count once");
    if (!done)
        return err_set(err, why.code, "%s", why.text);
    return t.counts.refused + t.counts.dropped == 0 || say_refused(s.name, &t, r->history, err);
}

bool replay_history_send(struct replay_history *r, const struct replay_options *o, struct progress *progress,
                         struct err *err) {
    return !r->target || send_it(r, o, progress, err);
}

void replay_history_close(struct replay_history *r) {
    history_destroy(r->history);
    r->history = NULL;
    if (r->has_output)
        output_abort(&r->output);
    r->has_output = false;
}
