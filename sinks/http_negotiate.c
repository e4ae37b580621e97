#include "sinks/http_negotiate.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "core/span.h"

/* An element of the list: `name;parameter=value;q=0.5`. */
struct choice {
    struct span name;
    struct span version; /* empty: not given */
    int q;               /* thousandths */
};

static struct span trimmed(const char *from, const char *to) {
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    return (struct span){from, (size_t)(to - from)};
}

static bool is(struct span s, const char *word) {
    return s.len == strlen(word) && (s.len == 0 || !strncasecmp(s.ptr, word, s.len));
}

/* "1", "0.25": thousandths. What is no number counts as 0: an offer that we do not understand is none. */
static int parse_q(struct span s) {
    if (s.len == 0 || s.len > 5 || (s.ptr[0] != '0' && s.ptr[0] != '1') || (s.len > 1 && s.ptr[1] != '.'))
        return 0;
    int q = (s.ptr[0] - '0') * 1000;
    for (size_t i = 2, scale = 100; i < s.len; i++, scale /= 10) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return 0;
        q += (s.ptr[i] - '0') * (int)scale;
    }
    return q > 1000 ? 0 : q;
}

static void read_parameter(struct choice *c, struct span p) {
    const char *equals = memchr(p.ptr, '=', p.len);
    if (!equals)
        return;
    struct span name = trimmed(p.ptr, equals), value = trimmed(equals + 1, p.ptr + p.len);
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        value = (struct span){value.ptr + 1, value.len - 2};
    if (is(name, "q"))
        c->q = parse_q(value);
    else if (is(name, "version"))
        c->version = value;
}

/* Takes the next element off the list; false at its end. */
static bool next_choice(const char **at, struct choice *c) {
    if (!**at)
        return false;
    const char *end = *at + strcspn(*at, ","), *part = *at;
    *c = (struct choice){.version = {"", 0}, .q = 1000};
    for (bool first = true; part <= end; first = false) {
        const char *stop = memchr(part, ';', (size_t)(end - part));
        struct span p = trimmed(part, stop ? stop : end);
        if (first)
            c->name = p;
        else if (p.len)
            read_parameter(c, p);
        part = (stop ? stop : end) + 1;
    }
    *at = *end ? end + 1 : end;
    return true;
}

const char *metrics_format_content_type(enum metrics_format f) {
    static const char *const types[METRICS_FORMATS] = {
        "text/plain; version=0.0.4; charset=utf-8",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
        "application/openmetrics-text; version=0.0.1; charset=utf-8",
    };
    return types[f];
}

/* How exactly an element names a format: 0 = it does not. */
static int closeness(const struct choice *c, enum metrics_format f) {
    static const struct {
        const char *type, *version;
    } names[METRICS_FORMATS] = {
        {"text/plain", "0.0.4"}, {"application/openmetrics-text", "1.0.0"}, {"application/openmetrics-text", "0.0.1"}};
    if (is(c->name, names[f].type)) {
        if (c->version.len == 0)
            return 3;
        return is(c->version, names[f].version) ? 4 : 0;
    }
    if (f != METRICS_TEXT)
        return 0;
    return is(c->name, "text/*") ? 2 : is(c->name, "*/*") ? 1 : 0;
}

enum metrics_format http_negotiate_metrics(const char *accept) {
    int q[METRICS_FORMATS] = {0}, exact[METRICS_FORMATS] = {0};
    struct choice c;
    for (const char *at = accept ? accept : ""; next_choice(&at, &c);)
        for (int f = 0; f < METRICS_FORMATS; f++) {
            int how = closeness(&c, (enum metrics_format)f);
            if (how > exact[f]) {
                exact[f] = how;
                q[f] = c.q;
            }
        }
    enum metrics_format best = METRICS_TEXT;
    if (q[METRICS_OPENMETRICS] > 0 && q[METRICS_OPENMETRICS] >= q[best])
        best = METRICS_OPENMETRICS;
    if (q[METRICS_OPENMETRICS_0_0_1] > q[best] ||
        (best == METRICS_TEXT && q[METRICS_OPENMETRICS_0_0_1] > 0 && q[METRICS_OPENMETRICS_0_0_1] == q[best]))
        best = METRICS_OPENMETRICS_0_0_1;
    return best;
}

bool http_negotiate_gzip(const char *accept_encoding) {
    int gzip = -1, any = -1, identity = -1;
    struct choice c;
    for (const char *at = accept_encoding ? accept_encoding : ""; next_choice(&at, &c);) {
        if (is(c.name, "gzip") || is(c.name, "x-gzip"))
            gzip = c.q;
        else if (is(c.name, "*"))
            any = c.q;
        else if (is(c.name, "identity"))
            identity = c.q;
    }
    int q = gzip >= 0 ? gzip : any;
    return q > 0 && q >= identity;
}
