#include "commands/option_values.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/span.h"
#include "parsers/timestamp.h"

void option_begin(void) {
    opterr = 0;
    optind = 0; /* glibc: forget the parse before */
}

int option_next(int argc, char **argv, const struct option *options, struct err *err) {
    int id = getopt_long(argc, argv, ":", options, NULL);
    if (id == '?')
        err_set(err, ERR_USAGE, "%s: no such option, or it takes no value", argv[optind - 1]);
    else if (id == ':')
        err_set(err, ERR_USAGE, "%s: needs a value", argv[optind - 1]);
    else
        return id == -1 ? OPTION_END : id;
    return OPTION_WRONG;
}

bool option_parse_time(const char *option, const char *text, int64_t *ms, struct err *err) {
    if (timestamp_parse_option(span_of(text), ms))
        return true;
    return err_set(err, ERR_USAGE, "--%s %s: not a time. Write 2026-11-21, 2026-11-21T23:34:30Z or @1763768070", option,
                   text);
}

bool option_parse_duration(const char *option, const char *text, int64_t *ms, struct err *err) {
    if (duration_parse(span_of(text), ms))
        return true;
    return err_set(err, ERR_USAGE, "--%s %s: not a duration. Write 90s, 5m, 1h30m or 2d", option, text);
}

bool option_parse_number(const char *option, const char *text, unsigned long min, unsigned long max,
                         unsigned long *value, struct err *err) {
    char *end;
    errno = 0;
    *value = strtoul(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && !*end && !errno && *value >= min && *value <= max)
        return true;
    return err_set(err, ERR_USAGE, "--%s %s: not a number from %lu to %lu", option, text, min, max);
}

bool option_parse_choice(const char *option, const char *text, const char *const *names, int count, int *chosen,
                         struct err *err) {
    char all[200] = "";
    for (int i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            *chosen = i;
            return true;
        }
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? ", " : "", names[i]);
    }
    return err_set(err, ERR_USAGE, "--%s %s: not known. It is one of %s", option, text, all);
}

bool option_parse_bytes(const char *option, const char *text, uint64_t min, uint64_t *value, struct err *err) {
    static const char units[] = "KMGT";
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    const char *unit = *end ? strchr(units, *end) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    bool ok = text[0] >= '0' && text[0] <= '9' && !errno && (!*end || (unit && !end[1])) && n <= UINT64_MAX >> shift;
    *value = ok ? (uint64_t)n << shift : 0;
    return (ok && *value >= min) || err_set(err, ERR_USAGE, "--%s %s: not a size. Write 512M or 2G; at least %lluM",
                                            option, text, (unsigned long long)(min >> 20));
}
