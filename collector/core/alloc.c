#include "core/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void alloc_failed(size_t count, size_t size) {
    fprintf(stderr, "ses-collector: out of memory (%zu x %zu bytes)\n", count, size);
    abort();
}

void *alloc_zeroed(size_t count, size_t size) {
    void *p = calloc(count ? count : 1, size ? size : 1);
    if (!p)
        alloc_failed(count, size);
    return p;
}

void *alloc_resize(void *old, size_t count, size_t size) {
    void *p = reallocarray(old, count ? count : 1, size ? size : 1);
    if (!p)
        alloc_failed(count, size);
    return p;
}

char *alloc_string(const char *s, size_t len) {
    char *copy = alloc_zeroed(len + 1, 1);
    if (len)
        memcpy(copy, s, len);
    return copy;
}

char *alloc_copy(const char *text) {
    return text ? alloc_string(text, strlen(text)) : NULL;
}

void alloc_forget(char *secret) {
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}
