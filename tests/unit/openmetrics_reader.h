/* A strict reader of OpenMetrics 1.0.0 text without timestamps of samples, which we write none of. Says what is wrong
 * with a text, or nothing. It reads lines by its own rules and shares no code with what writes them. */
#ifndef TESTS_OPENMETRICS_READER_H
#define TESTS_OPENMETRICS_READER_H

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"

enum { OPENMETRICS_MAX = 20000 };

struct openmetrics_reader {
    char family[128], type[16];
    bool sampled; /* the family has samples: no more metadata for it */
    const char *families[200];
    size_t family_count;
    char *series[OPENMETRICS_MAX]; /* name and labels, as written: labels always come in one order */
    size_t series_count;
    char bucket_of[2048];              /* labels of the histogram being read, without le */
    double bucket_bound, bucket_above; /* the bucket's value is at most the one and over the other */
    unsigned long long bucket_count;
    size_t exemplars;
    char problem[512];
};

static inline bool openmetrics_wrong(struct openmetrics_reader *r, const char *what, const char *line) {
    if (!*r->problem)
        snprintf(r->problem, sizeof r->problem, "%s: %.200s", what, line);
    return false;
}

static inline size_t openmetrics_name(const char *s) {
    size_t n = 0;
    while (isalpha((unsigned char)s[n]) || s[n] == '_' || (n > 0 && isdigit((unsigned char)s[n])))
        n++;
    return n;
}

/* "# HELP name text", "# TYPE name type", "# UNIT name unit" */
static inline bool openmetrics_metadata(struct openmetrics_reader *r, char *line) {
    char *name = line + 7;
    size_t n = openmetrics_name(name);
    if ((strncmp(line, "# HELP ", 7) && strncmp(line, "# TYPE ", 7) && strncmp(line, "# UNIT ", 7)) || n == 0 ||
        n >= sizeof r->family || name[n] != ' ')
        return openmetrics_wrong(r, "no metadata", line);
    if (strncmp(r->family, name, n) != 0 || strlen(r->family) != n) {
        snprintf(r->family, sizeof r->family, "%.*s", (int)n, name);
        strcpy(r->type, "unknown");
        r->sampled = false;
        *r->bucket_of = '\0';
        for (size_t i = 0; i < r->family_count; i++)
            if (strcmp(r->families[i], r->family) == 0)
                return openmetrics_wrong(r, "a family comes twice", line);
        if (r->family_count == sizeof r->families / sizeof r->families[0])
            return openmetrics_wrong(r, "too many families for this test", line);
        r->families[r->family_count++] = strdup(r->family);
    }
    if (r->sampled)
        return openmetrics_wrong(r, "metadata after samples", line);
    const char *rest = name + n + 1;
    if (line[2] == 'H')
        for (const char *c = rest; *c; c++) {
            if (*c == '"' || (*c == '\\' && !strchr("\\n\"", *++c)) || !*c)
                return openmetrics_wrong(r, "HELP with a bad escape", line);
        }
    if (line[2] == 'U' &&
        (strlen(r->family) <= strlen(rest) + 1 || strcmp(r->family + strlen(r->family) - strlen(rest), rest) != 0 ||
         r->family[strlen(r->family) - strlen(rest) - 1] != '_'))
        return openmetrics_wrong(r, "a unit that the name does not end in", line);
    if (line[2] == 'T')
        snprintf(r->type, sizeof r->type, "%s", rest);
    return true;
}

/* One label's value, behind its opening quote. Returns what stands behind the closing one; NULL if it is wrong. */
static inline const char *openmetrics_value(const char *s) {
    for (; *s && *s != '"'; s++)
        if (*s == '\\' && !strchr("\\n\"", *++s))
            return NULL;
    return *s == '"' ? s + 1 : NULL;
}

static inline bool openmetrics_bucket(struct openmetrics_reader *r, const char *labels, const char *le,
                                      unsigned long long count, const char *line) {
    char of[sizeof r->bucket_of];
    snprintf(of, sizeof of, "%.*s", (int)(le - labels), labels);
    bool first = strcmp(of, r->bucket_of) != 0 || !*of;
    double bound = strncmp(le, "+Inf", 4) == 0 ? 1e300 : strtod(le, NULL);
    size_t len = strcspn(le, "\"");
    if (bound < 1e300 && !memchr(le, '.', len))
        return openmetrics_wrong(r, "le is no canonical float", line);
    if (!first && r->bucket_bound < 1e300 && (bound <= r->bucket_bound || count < r->bucket_count))
        return openmetrics_wrong(r, "buckets that do not rise", line);
    strcpy(r->bucket_of, of);
    r->bucket_above = first ? -1e300 : r->bucket_bound;
    r->bucket_bound = bound;
    r->bucket_count = count;
    return true;
}

static inline bool openmetrics_suffix(struct openmetrics_reader *r, const char *suffix, const char *value) {
    if (strcmp(r->type, "counter") == 0)
        return strcmp(suffix, "_total") == 0 && *value != '-';
    if (strcmp(r->type, "info") == 0)
        return strcmp(suffix, "_info") == 0 && strcmp(value, "1") == 0;
    if (strcmp(r->type, "histogram") == 0)
        return strcmp(suffix, "_bucket") == 0 || strcmp(suffix, "_sum") == 0 || strcmp(suffix, "_count") == 0;
    return strcmp(r->type, "gauge") == 0 && !*suffix;
}

/* " # {name="value",...} value time": of a counter or a bucket only, at most 128 characters of names and values, the
 * value within its bucket. Their labels hold no character of several bytes here. */
static inline bool openmetrics_exemplar(struct openmetrics_reader *r, const char *suffix, const char *at,
                                        const char *line) {
    size_t characters = 0;
    char *end = NULL;
    if (strcmp(suffix, "_total") != 0 && strcmp(suffix, "_bucket") != 0)
        return openmetrics_wrong(r, "an exemplar where none may be", line);
    for (at += 4; *at != '}'; at += *at == ',') {
        size_t name = openmetrics_name(at);
        const char *value = at + name + 2;
        if (name == 0 || strncmp(at + name, "=\"", 2) != 0 || !(at = openmetrics_value(value)) ||
            (*at != ',' && *at != '}'))
            return openmetrics_wrong(r, "a bad exemplar", line);
        characters += name + (size_t)(at - 1 - value);
    }
    if (characters > 128)
        return openmetrics_wrong(r, "an exemplar that is too long", line);
    double value = at[1] == ' ' ? strtod(at + 2, &end) : 0;
    if (!end || end == at + 2 || *end != ' ')
        return openmetrics_wrong(r, "an exemplar without value and time", line);
    if (strcmp(suffix, "_bucket") == 0 && (value > r->bucket_bound || value <= r->bucket_above))
        return openmetrics_wrong(r, "an exemplar of another bucket", line);
    const char *time = end + 1;
    if (strtod(time, &end) <= 0 || end == time || *end)
        return openmetrics_wrong(r, "an exemplar without value and time", line);
    r->exemplars++;
    return true;
}

static inline bool openmetrics_sample(struct openmetrics_reader *r, char *line) {
    size_t n = openmetrics_name(line), family = strlen(r->family);
    const char *at = line + n, *le = NULL;
    if (n == 0 || *at == ' ' ? n == 0 : *at != '{')
        return openmetrics_wrong(r, "no sample", line);
    while (*at == '{' || *at == ',') {
        size_t name = openmetrics_name(++at);
        if (name == 0 || strncmp(at + name, "=\"", 2) != 0)
            return openmetrics_wrong(r, "no label", line);
        if (name == 2 && strncmp(at, "le", 2) == 0)
            le = at + 4;
        if (!(at = openmetrics_value(at + name + 2)))
            return openmetrics_wrong(r, "a bad label value", line);
        if (*at == '}') {
            at++;
            break;
        }
    }
    char *end = NULL;
    char *exemplar = *at == ' ' ? strstr(at, " # {") : NULL;
    if (exemplar)
        *exemplar = '\0';
    if (*at != ' ' || (strtod(at + 1, &end), end == at + 1 || *end))
        return openmetrics_wrong(r, "a bad value, or something behind it", line);
    char suffix[16] = "";
    if (n < family || strncmp(line, r->family, family) != 0 || n - family >= sizeof suffix)
        return openmetrics_wrong(r, "a sample outside of its family", line);
    snprintf(suffix, sizeof suffix, "%.*s", (int)(n - family), line + family);
    if (!openmetrics_suffix(r, suffix, at + 1))
        return openmetrics_wrong(r, "a name or value that its type does not have", line);
    unsigned long long count = strtoull(at + 1, NULL, 10);
    if (strcmp(suffix, "_bucket") == 0 && (!le || !openmetrics_bucket(r, line + n, le, count, line)))
        return openmetrics_wrong(r, "a bucket without le", line);
    if (strcmp(suffix, "_count") == 0 && (r->bucket_bound < 1e300 || count != r->bucket_count))
        return openmetrics_wrong(r, "_count is not the last bucket's", line);
    if (exemplar && !openmetrics_exemplar(r, suffix, exemplar, line))
        return false;
    r->sampled = true;
    r->series[r->series_count++] = strndup(line, (size_t)(at - line));
    return r->series_count < OPENMETRICS_MAX || openmetrics_wrong(r, "too long for this test", line);
}

static inline int openmetrics_by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline bool openmetrics_is_utf8(const char *text) {
    struct span rest = span_of(text);
    for (uint32_t c; rest.len;) {
        size_t len = utf8_next(rest, &c);
        if (len == 0)
            return false;
        rest = (struct span){rest.ptr + len, rest.len - len};
    }
    return true;
}

/* NULL when the text is right; else new text that says what is wrong. `samples` and `exemplars` may be NULL. */
static inline char *openmetrics_check_all(const char *text, size_t *samples, size_t *exemplars) {
    struct openmetrics_reader *r = calloc(1, sizeof *r);
    char *copy = strdup(text), *line = copy, *next;
    bool ended = false, ok = openmetrics_is_utf8(text) || openmetrics_wrong(r, "not UTF-8", "");
    for (; ok && *line; line = next) {
        next = strchr(line, '\n');
        if (!next || ended) {
            ok = openmetrics_wrong(r, ended ? "text behind the end" : "a line without an end", line);
            break;
        }
        *next++ = '\0';
        ended = strcmp(line, "# EOF") == 0;
        if (!ended)
            ok = *line == '#' ? openmetrics_metadata(r, line) : openmetrics_sample(r, line);
    }
    if (ok && !ended)
        openmetrics_wrong(r, "no # EOF", "");
    qsort(r->series, r->series_count, sizeof *r->series, openmetrics_by_text);
    for (size_t i = 1; i < r->series_count; i++)
        if (strcmp(r->series[i], r->series[i - 1]) == 0)
            openmetrics_wrong(r, "a series comes twice", r->series[i]);
    if (samples)
        *samples = r->series_count;
    if (exemplars)
        *exemplars = r->exemplars;
    for (size_t i = 0; i < r->series_count; i++)
        free(r->series[i]);
    for (size_t i = 0; i < r->family_count; i++)
        free((char *)r->families[i]);
    char *problem = *r->problem ? strdup(r->problem) : NULL;
    free(copy);
    free(r);
    return problem;
}

static inline char *openmetrics_check(const char *text, size_t *samples) {
    return openmetrics_check_all(text, samples, NULL);
}

#endif
