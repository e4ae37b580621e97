#include "sinks/exposition.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "core/utf8.h"
#include "sinks/text.h"

/* HELP escapes the backslash and the line end; OpenMetrics, and label values in both formats, the quote as well. */
static void put_help(FILE *out, const char *text, bool quotes) {
    for (; *text; text++) {
        if (*text == '\\')
            fputs("\\\\", out);
        else if (*text == '"' && quotes)
            fputs("\\\"", out);
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

size_t exposition_plain_value(const char *value, char *to, size_t size) {
    static const char hex[] = "0123456789abcdef";
    struct span s = span_of(value);
    size_t used = 0;
    for (size_t i = 0; i < s.len;) {
        uint32_t c = 0;
        size_t len = utf8_next((struct span){s.ptr + i, s.len - i}, &c);
        bool shown = len && ((c >= 0x20 && c != 0x7f) || c == '\n');
        unsigned char byte = (unsigned char)s.ptr[i];
        const char escaped[] = {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
        size_t out = shown ? len : sizeof escaped;
        if (out > size - used)
            break;
        memcpy(to + used, shown ? s.ptr + i : escaped, out);
        used += out;
        i += shown ? len : 1;
    }
    return used;
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

static bool ends_with(struct span s, struct span end) {
    return s.len > end.len && memcmp(s.ptr + s.len - end.len, end.ptr, end.len) == 0;
}

/* What OpenMetrics calls the family: its samples' names without the suffix of their type. */
static struct span openmetrics_family(const char *name, enum metric_type type) {
    struct span family = span_of(name);
    struct span suffix = type == METRIC_COUNTER ? SPAN_LIT("_total") : SPAN_LIT("_info");
    if (type == METRIC_COUNTER || type == METRIC_INFO) {
        assert(ends_with(family, suffix));
        family.len -= suffix.len;
    }
    return family;
}

static const char *unit_of(struct span family) {
    static const char *const units[] = {"seconds", "bytes", "ratio"};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        struct span unit = span_of(units[i]);
        if (ends_with(family, unit) && family.ptr[family.len - unit.len - 1] == '_')
            return units[i];
    }
    return "";
}

const char *exposition_unit(const char *name, enum metric_type type) {
    return unit_of(openmetrics_family(name, type));
}

static void put_unit(FILE *out, struct span family) {
    const char *unit = unit_of(family);
    if (*unit)
        fprintf(out, "# UNIT %.*s %s\n", (int)family.len, family.ptr, unit);
}

void exposition_begin(struct exposition *e, const char *name, enum metric_type type, const char *help) {
    static const char *const types[][2] = {
        [METRIC_COUNTER] = {"counter", "counter"},
        [METRIC_GAUGE] = {"gauge", "gauge"},
        [METRIC_HISTOGRAM] = {"histogram", "histogram"},
        [METRIC_INFO] = {"gauge", "info"}, /* the text format knows no info */
    };
    if (e->taker) {
        e->family = name;
        e->taker->family(e->taker->context, name, type, help);
        return;
    }
    bool openmetrics = e->format == EXPOSITION_OPENMETRICS;
    struct span family = openmetrics ? openmetrics_family(name, type) : span_of(name);
    e->family = name;
    fprintf(e->out, "# HELP %.*s ", (int)family.len, family.ptr);
    put_help(e->out, help, openmetrics);
    fprintf(e->out, "\n# TYPE %.*s %s\n", (int)family.len, family.ptr, types[type][openmetrics]);
    if (openmetrics)
        put_unit(e->out, family);
}

/* Behind a sample: its label, what it added, and when, in seconds. */
static void put_exemplar(FILE *out, const struct exemplar *x) {
    char value[TEXT_NUMBER_SIZE], at[TEXT_NUMBER_SIZE], name[EXEMPLAR_DIGITS + 1];
    exemplar_name(x->message, name);
    text_double(x->value, value);
    text_double((double)x->time_ms / 1000, at);
    fprintf(out, " # {" EXEMPLAR_LABEL "=\"%s\"} %s %s", name, value, at);
}

static void put_u64(struct exposition *e, const char *suffix, const struct metric_label *labels, size_t count,
                    uint64_t value, const struct exemplar *exemplar) {
    if (e->taker) {
        e->taker->sample(e->taker->context, suffix, labels, count, (double)value, exemplar);
        return;
    }
    put_series(e, suffix, labels, count);
    fprintf(e->out, "%llu", (unsigned long long)value);
    if (exemplar && e->format == EXPOSITION_OPENMETRICS)
        put_exemplar(e->out, exemplar);
    fputc('\n', e->out);
}

static void put_double(struct exposition *e, const char *suffix, const struct metric_label *labels, size_t count,
                       double value) {
    if (e->taker) {
        e->taker->sample(e->taker->context, suffix, labels, count, value, NULL);
        return;
    }
    char text[TEXT_NUMBER_SIZE];
    text_double(value, text);
    put_series(e, suffix, labels, count);
    fprintf(e->out, "%s\n", text);
}

void exposition_series(struct exposition *e, const struct metric_label *labels, size_t count) {
    assert(!e->taker);
    put_series(e, "", labels, count);
}

void exposition_u64(struct exposition *e, const struct metric_label *labels, size_t count, uint64_t value) {
    put_u64(e, "", labels, count, value, NULL);
}

void exposition_counter(struct exposition *e, const struct metric_label *labels, size_t count, uint64_t value,
                        const struct exemplar *exemplar) {
    put_u64(e, "", labels, count, value, exemplar);
}

void exposition_double(struct exposition *e, const struct metric_label *labels, size_t count, double value) {
    put_double(e, "", labels, count, value);
}

/* OpenMetrics wants a bound to look like a float: "1.0", where the text format has "1". */
static void make_bound(const struct exposition *e, double bound, char out[TEXT_NUMBER_SIZE]) {
    text_double(bound, out);
    if (e->format == EXPOSITION_OPENMETRICS && !strpbrk(out, ".eIN"))
        memcpy(out + strlen(out), ".0", sizeof ".0");
}

void exposition_histogram(struct exposition *e, const struct metric_label *labels, size_t count, const double *bounds,
                          size_t bound_count, const uint64_t *counts, double sum,
                          const struct exemplar *const *exemplars) {
    assert(count < EXPOSITION_MAX_LABELS);
    if (e->taker && e->taker->histogram) {
        e->taker->histogram(e->taker->context, labels, count, bounds, bound_count, counts, sum, exemplars);
        return;
    }
    struct metric_label with_le[EXPOSITION_MAX_LABELS];
    if (count)
        memcpy(with_le, labels, count * sizeof *labels);
    uint64_t below = 0;
    for (size_t i = 0; i <= bound_count; i++) {
        char le[TEXT_NUMBER_SIZE] = "+Inf";
        if (i < bound_count)
            make_bound(e, bounds[i], le);
        with_le[count] = (struct metric_label){"le", le};
        below += counts[i];
        put_u64(e, "_bucket", with_le, count + 1, below, exemplars ? exemplars[i] : NULL);
    }
    put_double(e, "_sum", labels, count, sum);
    put_u64(e, "_count", labels, count, below, NULL);
}

void exposition_end(struct exposition *e) {
    if (e->format == EXPOSITION_OPENMETRICS && !e->taker)
        fputs("# EOF\n", e->out);
}
