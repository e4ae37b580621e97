/* Any bytes as an object's key and as a folder's name. What is read as a time must be one, lie where it says, and write
 * the same name again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "source/files.h"
#include "source/s3_listing_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
    if (!ok)
        abort();
}

static void check_time(const struct key_time *t) {
    check(t->known <= KEY_FIELDS);
    if (!t->known)
        return;
    int64_t start = key_time_start(t), end = key_time_end(t);
    check(start < end && end - start <= 366 * (int64_t)86400000);
    check(t->field[KEY_YEAR] >= KEY_FIRST_YEAR && t->field[KEY_YEAR] <= KEY_LAST_YEAR);
}

static void check_name(struct span name, unsigned known) {
    struct key_time t = key_time_of(1795304070000);
    struct key_shape shape;
    char again[KEY_NAME_SIZE];
    t.known = known;
    if (!key_shape_parse(name, &t, &shape)) {
        check(t.known == known);
        return;
    }
    check(t.known > known && shape.first == known && shape.end == t.known);
    check_time(&t);
    key_shape_format(&shape, &t, again);
    check(name.len >= strlen(again) && memcmp(name.ptr, again, strlen(again)) == 0); /* minutes are not said */
    check(key_shape_equal(&shape, &shape));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 4096)
        return 0;
    char *key = malloc(size + 1);
    check(key != NULL);
    memcpy(key, data, size);
    key[size] = 0;
    size_t end;
    int64_t ms;
    struct key_time t = key_folder_time(key, &end);
    check_time(&t);
    check(end <= strlen(key) && (end == 0 || key[end - 1] == '/') && (end == 0) == (t.known == 0));
    for (unsigned known = 0; known < KEY_FIELDS; known++)
        check_name((struct span){key, size}, known);
    (void)files_key_time(key, &ms);
    (void)files_is_error_key(key);
    if (size >= sizeof ms) {
        memcpy(&ms, data, sizeof ms);
        t = key_time_of(ms);
        check(t.known == KEY_FIELDS);
        check_time(&t);
        if (key_time_start(&t) <= ms)
            check(key_time_end(&t) > ms || t.field[KEY_YEAR] == KEY_LAST_YEAR);
    }
    free(key);
    return 0;
}
