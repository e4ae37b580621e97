/* The scanner against a twin on jansson: made-up records of every kind, and the same with bytes changed. Whatever
 * jansson takes for one JSON object, the scanner must take for the same record, with every instruction set; what
 * jansson refuses, the scanner must survive. SES_DIFFERENTIAL_CASES sets the number of records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/jansson_event.h"
#include "unit/random_records.h"

static const struct span tag_names[] = {{"campaign", 8}, {"x", 1}};
static struct record_reader readers[JSON_ISAS];
static struct json_index index_of_text;
static size_t compared, events, refused;

/* Where one rule is the scanner's alone: a line that begins as a record does begins one. */
static bool has_line_like_record(const char *text, size_t len) {
    const char *line = text, *end = text + len;
    while (line < end && (line = memchr(line, '\n', (size_t)(end - line)))) {
        while (line < end && (unsigned char)*line <= ' ')
            line++;
        if (json_looks_like_record(line, (size_t)(end - line)))
            return true;
    }
    return false;
}

/* -0 is a number that jansson makes 0 of. */
static bool has_minus_zero(const char *text, size_t len) {
    for (size_t i = 1; i + 2 < len; i++)
        if (text[i] == '-' && text[i + 1] == '0' && strchr(": \t\r\n", text[i - 1]) && strchr(",} \t\r\n", text[i + 2]))
            return true;
    return false;
}

static void check_text(const char *bytes, size_t len, const char *what, size_t number) {
    struct dump expected = {0}, found = {0};
    struct ses_event e;
    while (len && (unsigned char)bytes[0] <= ' ')
        bytes++, len--;
    if (!len || bytes[0] != '{')
        return;
    bool is_comparable = twin_dump(bytes, len, tag_names, COUNT(tag_names), &expected) && !has_minus_zero(bytes, len) &&
                         !has_line_like_record(bytes, len);
    char *text = malloc(len + 1); /* exactly its size */
    assert_non_null(text);
    memcpy(text, bytes, len);
    text[len] = 0;
    for (int isa = 0; isa < JSON_ISAS; isa++) {
        if (!json_isa_supported((enum json_isa)isa))
            continue;
        json_index_build(&index_of_text, text, len, (enum json_isa)isa);
        struct record r = record_read(&readers[isa], &index_of_text, 0, &e);
        found.len = 0;
        dump_kind(&found, r.kind, (int)r.reason);
        if (r.kind == RECORD_EVENT)
            dump_event(&found, &e, COUNT(tag_names));
        if (is_comparable && (found.len != expected.len || memcmp(found.bytes, expected.bytes, found.len) != 0)) {
            fprintf(stderr, "%s %zu, %s: %.*s\n--- the scanner:\n%s--- jansson:\n%s---\n", what, number,
                    json_isa_name((enum json_isa)isa), (int)len, text, found.bytes, expected.bytes);
            fail();
        }
        if (is_comparable && r.kind == RECORD_EVENT && isa == 0)
            events++;
    }
    compared += is_comparable;
    refused += !is_comparable;
    free(text);
    free(expected.bytes);
    free(found.bytes);
}

/* Changes a few bytes. */
static void mutate(struct dump *d) {
    static const char alphabet[] = "{}[]\",:\\u0123456789eE.-+ \n\tantrfls\x80\xff";
    for (uint32_t n = 1 + random_below(3); n > 0 && d->len > 8; n--) {
        uint32_t len = (uint32_t)d->len, at = random_below(len), run = 1 + random_below(6);
        run = run < len - at ? run : len - at;
        switch (random_below(5)) {
        case 0: /* flip a bit */
            d->bytes[at] = (char)(d->bytes[at] ^ (1 << random_below(8)));
            break;
        case 1: /* leave some out */
            memmove(d->bytes + at, d->bytes + at + run, len - at - run);
            d->len -= run;
            break;
        case 2: { /* repeat some elsewhere */
            char copy[8];
            memcpy(copy, d->bytes + at, run);
            dump_bytes(d, copy, run);
            at = random_below(len);
            memmove(d->bytes + at + run, d->bytes + at, len - at);
            memcpy(d->bytes + at, copy, run);
            break;
        }
        case 3: { /* swap two */
            uint32_t other = random_below(len);
            char c = d->bytes[at];
            d->bytes[at] = d->bytes[other];
            d->bytes[other] = c;
            break;
        }
        default:
            d->bytes[at] = alphabet[random_below(sizeof alphabet - 1)];
            break;
        }
    }
}

static size_t cases_wanted(void) {
    const char *text = getenv("SES_DIFFERENTIAL_CASES");
    return text && strtoul(text, NULL, 10) ? strtoul(text, NULL, 10) : 4000;
}

static void test_random_records(void **state) {
    (void)state;
    size_t cases = cases_wanted();
    for (size_t i = 0; i < cases; i++) {
        random_state = 0x5e5 + i * 0x9e3779b97f4a7c15u; /* so that one case can be looked at alone */
        struct writer w = {.lines = one_in(3)};
        w.blanks = one_in(2) ? 0 : 2 + random_below(8);
        w.escapes = one_in(2) ? 0 : 3 + random_below(40);
        put_record(&w);
        for (uint32_t wraps = one_in(3) ? random_below(5) : 0; wraps > 0; wraps--)
            wrap(&w);
        check_text(w.out.bytes, w.out.len, "record", i);
        for (int m = 0; m < 4; m++) {
            struct dump copy = {0};
            dump_bytes(&copy, w.out.bytes, w.out.len);
            mutate(&copy);
            check_text(copy.bytes, copy.len, "changed record", i);
            free(copy.bytes);
        }
        free(w.out.bytes);
    }
    print_message("%zu texts compared (%zu of them events), %zu refused by jansson\n", compared, events, refused);
    assert_true(compared > cases); /* or the test tests nothing */
    assert_true(events > cases / 2);
}

static int set_up(void **state) {
    (void)state;
    json_object_seed(1);
    json_index_init(&index_of_text);
    for (int i = 0; i < JSON_ISAS; i++) {
        record_reader_init(&readers[i], json_isa_supported((enum json_isa)i) ? (enum json_isa)i : JSON_ISA_PLAIN);
        memcpy(readers[i].parser.tag_names, tag_names, sizeof tag_names);
        readers[i].parser.tag_count = COUNT(tag_names);
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (int i = 0; i < JSON_ISAS; i++)
        record_reader_deinit(&readers[i]);
    json_index_deinit(&index_of_text);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_records),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
