/* Configurations out of texts: what is read, and what is refused, where exactly, and with which advice. */
#ifndef TESTS_UNIT_CONFIG_TEXT_H
#define TESTS_UNIT_CONFIG_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "config/keys.h"

struct refusal {
    const char *text;   /* of the file */
    const char *place;  /* "line:column" */
    const char *said;   /* what is wrong */
    const char *advice; /* what would be right */
};

static inline bool read_text(struct config *c, const char *text, struct err *err) {
    memset(err, 0, sizeof *err);
    return config_read(c, "c.yaml", span_of(text), NULL, err);
}

static inline void read_good(struct config *c, const char *text) {
    struct err err;
    if (!read_text(c, text, &err))
        fail_msg("%s\n%s", text, err.text);
}

static inline bool is_refused(const struct refusal *r) {
    struct config c;
    struct err err;
    char start[60];
    snprintf(start, sizeof start, "c.yaml:%s: ", r->place);
    bool ok = read_text(&c, r->text, &err);
    if (ok)
        config_deinit(&c);
    bool good = !ok && err.code == ERR_CONFIG && strncmp(err.text, start, strlen(start)) == 0 &&
                strstr(err.text, r->said) && strstr(err.text, r->advice);
    if (!good)
        print_error("%s--- wanted %s%s; %s\n--- got    %s\n", r->text, start, r->said, r->advice,
                    ok ? "a configuration" : err.text);
    return good;
}

static inline void expect_refusals(const struct refusal *cases, size_t count) {
    size_t refused = 0;
    for (size_t i = 0; i < count; i++)
        refused += is_refused(&cases[i]);
    assert_int_equal(refused, count);
}

/* A running service takes over everything in which the two differ. */
static inline void expect_reloadable(const char *before, const char *after) {
    struct config a, b;
    char fixed[256];
    read_good(&a, before);
    read_good(&b, after);
    config_fixed_differences(&a, &b, fixed, sizeof fixed);
    assert_string_equal(fixed, "");
    config_deinit(&a);
    config_deinit(&b);
}

#endif
