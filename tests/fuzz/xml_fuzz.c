/* Answers of AWS: XML is walked or refused, depths and sizes have their ceilings, and whatever an error's answer holds,
 * what may be shown of it is one line. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "aws/session_error.h"
#include "aws/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    size_t elements;
};

static bool see(void *context, const char *path, const char *text) {
    struct seen *s = context;
    unsigned depth = 1;
    for (const char *at = path; *at; at++)
        depth += *at == '/';
    assert(*path && depth <= 16 && strlen(path) < 1024 && strlen(text) <= 64 << 10);
    return ++s->elements < 10000;
}

static void check_line(const char *text, size_t size) {
    size_t len = strlen(text);
    assert(len < size);
    for (size_t i = 0; i < len; i++)
        assert((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span text = {(const char *)data, size};
    struct seen seen = {0};
    struct err err = {0};
    struct aws_problem p;
    bool ok = xml_walk(text, &(struct xml_hooks){&seen, see}, &err);
    assert(ok == (err.code == ERR_NONE));
    aws_problem_read(&p, 400, &(struct aws_problem_headers){0}, text);
    check_line(p.code, sizeof p.code);
    check_line(p.message, sizeof p.message);
    assert(!strchr(p.message, '@'));
    assert(!*p.region || endpoint_is_region(p.region));
    return 0;
}
