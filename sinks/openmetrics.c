#include "sinks/openmetrics.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* What is being written. */
struct writer {
    struct history *history;
    const struct metric_label *labels;
    size_t label_count;
    FILE *out;
    struct history_trace *trace;
    struct openmetrics_totals *totals;
};

static void note(struct openmetrics_totals *t, int64_t time) {
    int64_t ms = time * 1000;
    if (!t->samples++ || ms < t->from_ms)
        t->from_ms = ms;
    if (t->samples == 1 || ms > t->to_ms)
        t->to_ms = ms;
}

/* Name and labels, for all lines of a series. Returns new. */
static char *make_prefix(const struct writer *w, size_t series, size_t *len) {
    char *prefix = NULL;
    struct metric_label labels[FAMILY_MAX_LABELS + HISTORY_MAX_LABELS];
    size_t count = history_labels(w->history, series, labels);
    for (size_t i = 0; i < w->label_count; i++)
        labels[count++] = w->labels[i];
    struct exposition e = {.out = open_memstream(&prefix, len),
                           .family = history_family(w->history, series)->name,
                           .format = EXPOSITION_OPENMETRICS};
    assert(e.out); /* memory alone */
    exposition_series(&e, labels, count);
    fclose(e.out);
    return prefix;
}

static bool write_series(struct writer *w, size_t series, struct err *err) {
    size_t len;
    char *prefix = make_prefix(w, series, &len);
    struct history_place place = {0};
    struct history_sample s;
    enum history_next next;
    history_trace_open(w->trace, series, &place);
    while ((next = history_trace_next(w->trace, INT64_MAX, &s, err)) == HISTORY_SAMPLE) {
        fwrite(prefix, 1, len, w->out);
        fprintf(w->out, "%llu %lld\n", (unsigned long long)s.value, (long long)s.time);
        note(w->totals, s.time);
    }
    free(prefix);
    w->totals->series++;
    return next == HISTORY_NO_MORE;
}

static bool write_all(struct writer *w, struct err *err) {
    struct exposition e = {.out = w->out, .format = EXPOSITION_OPENMETRICS};
    const struct counter_family *family = NULL;
    bool ok = true;
    for (size_t i = 0; ok && i < history_series(w->history) && !ferror(w->out); i++) {
        if (history_family(w->history, i) != family) {
            family = history_family(w->history, i);
            exposition_begin(&e, family->name, METRIC_COUNTER, family->help);
        }
        ok = write_series(w, i, err);
    }
    exposition_end(&e);
    return ok;
}

bool openmetrics_write_history(struct history *h, const struct metric_label *labels, size_t label_count, FILE *out,
                               struct openmetrics_totals *totals, struct err *err) {
    assert(label_count <= HISTORY_MAX_LABELS);
    *totals = (struct openmetrics_totals){0};
    if (!history_seal(h, err))
        return false;
    struct writer w = {h, labels, label_count, out, history_trace_create(h), totals};
    errno = 0;
    bool ok = write_all(&w, err);
    history_trace_destroy(w.trace);
    if (!ok)
        return false;
    return !ferror(out) || err_set_errno(err, ERR_IO, errno ? errno : EIO, "cannot write the history");
}
