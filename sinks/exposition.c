#include "sinks/exposition.h"

#include <assert.h>
#include <string.h>

#include "core/utf8.h"
#include "sinks/text.h"

/* HELP escapes the backslash and the line end; label values the quote as well. */
static void put_help(FILE *out, const char *text) {
    for (; *text; text++) {
        if (*text == '\\')
            fputs("\\\\", out);
        else if (*text == '\n')
            fputs("\\n", out);
        else
            fputc(*text, out);
    }
}

/* The format wants UTF-8, and one bad byte makes Prometheus refuse the whole scrape. A byte that is none is written
 * out as \xHH rather than replaced, so that two names that differ stay two series. Control characters as well: they are
 * legal, but whoever looks at the text does so in a terminal. */
static void put_value(FILE *out, const char *value) {
    struct span s = span_of(value);
    for (size_t i = 0; i < s.len;) {
        uint32_t c = 0;
        size_t len = utf8_next((struct span){s.ptr + i, s.len - i}, &c);
        if (len && c == '\n') {
            fputs("\\n", out);
        } else if (len && (c == '"' || c == '\\')) {
            fprintf(out, "\\%c", (char)c);
        } else if (len && (c >= 0x20 && c != 0x7f)) {
            fwrite(s.ptr + i, 1, len, out);
        } else {
            fprintf(out, "\\\\x%02x", (unsigned char)s.ptr[i]);
            len = 1;
        }
        i += len;
    }
}

static void put_series(struct exposition *e, const char *suffix, const struct metric_label *labels, size_t count) {
    fprintf(e->out, "%s%s", e->family, suffix);
    for (size_t i = 0; i < count; i++) {
        fprintf(e->out, "%s%s=\"", i == 0 ? "{" : ",", labels[i].name);
        if (labels[i].value)
            put_value(e->out, labels[i].value);
        fputc('"', e->out);
    }
    fputs(count ? "} " : " ", e->out);
}

void exposition_begin(struct exposition *e, const char *name, enum metric_type type, const char *help) {
    static const char *const types[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
    e->family = name;
    fprintf(e->out, "# HELP %s ", name);
    put_help(e->out, help);
    fprintf(e->out, "\n# TYPE %s %s\n", name, types[type]);
}

static void put_u64(struct exposition *e, const char *suffix, const struct metric_label *labels, size_t count,
                    uint64_t value) {
    put_series(e, suffix, labels, count);
    fprintf(e->out, "%llu\n", (unsigned long long)value);
}

static void put_double(struct exposition *e, const char *suffix, const struct metric_label *labels, size_t count,
                       double value) {
    char text[TEXT_NUMBER_SIZE];
    text_double(value, text);
    put_series(e, suffix, labels, count);
    fprintf(e->out, "%s\n", text);
}

void exposition_u64(struct exposition *e, const struct metric_label *labels, size_t count, uint64_t value) {
    put_u64(e, "", labels, count, value);
}

void exposition_double(struct exposition *e, const struct metric_label *labels, size_t count, double value) {
    put_double(e, "", labels, count, value);
}

void exposition_histogram(struct exposition *e, const struct metric_label *labels, size_t count, const double *bounds,
                          size_t bound_count, const uint64_t *counts, double sum) {
    assert(count < EXPOSITION_MAX_LABELS);
    struct metric_label with_le[EXPOSITION_MAX_LABELS];
    memcpy(with_le, labels, count * sizeof *labels);
    uint64_t below = 0;
    for (size_t i = 0; i <= bound_count; i++) {
        char le[TEXT_NUMBER_SIZE] = "+Inf";
        if (i < bound_count)
            text_double(bounds[i], le);
        with_le[count] = (struct metric_label){"le", le};
        below += counts[i];
        put_u64(e, "_bucket", with_le, count + 1, below);
    }
    put_double(e, "_sum", labels, count, sum);
    put_u64(e, "_count", labels, count, below);
}
