/* Any bytes as the body of a request of Firehose: what is taken is read in order and within its bytes; whatever jansson
 * takes for such a body is taken here too, with the same records. */
#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "source/push_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(json_t *records, struct push_body body) {
    struct span data;
    size_t i;
    json_t *record;
    json_array_foreach(records, i, record) {
        json_t *wanted = json_object_get(record, "data");
        assert(push_body_next(&body, &data));
        if (json_is_string(wanted))
            assert(data.ptr && span_eq(data, (struct span){json_string_value(wanted), json_string_length(wanted)}));
    }
    assert(!push_body_next(&body, &data));
}

static bool are_objects(json_t *records) {
    size_t i;
    json_t *record;
    json_array_foreach(records, i, record) if (!json_is_object(record)) return false;
    return true;
}

/* Nested deeper than we look. */
static bool is_deep(const char *text, size_t len) {
    unsigned brackets = 0;
    for (size_t i = 0; i < len; i++)
        brackets += text[i] == '[' || text[i] == '{';
    return brackets > PUSH_BODY_DEPTH;
}

static void check(const char *text, size_t len, const struct push_body *taken) {
    /* jansson passes over a NUL behind a number; we do not. */
    if (is_deep(text, len) || memchr(text, '\\', len) || memchr(text, 0, len))
        return;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    json_t *records = json_object_get(root, "records");
    if (json_is_array(records) && are_objects(records)) {
        assert(taken);
        compare(records, *taken);
    }
    json_decref(root);
}

static void decode(struct push_decoder *d, struct push_body body) {
    struct buf text;
    struct span data;
    size_t count = 0;
    buf_init(&text, 1 << 20);
    push_decoder_begin(d);
    while (push_body_next(&body, &data)) {
        size_t before = text.len;
        bool good = data.ptr && push_decoder_add(d, data, &text);
        assert(good ? text.len > before && text.data[text.len - 1] == '\n' : text.len == before);
        count++;
    }
    assert(count == body.count);
    buf_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct push_decoder *decoder; /* one for all, as the source has it */
    struct push_body body;
    struct err err = {0};
    if (!decoder)
        decoder = push_decoder_create();
    if (size > 1 << 16)
        return 0;
    char *text = malloc(size ? size : 1);
    memcpy(text, data, size);
    bool good = push_body_check(&body, (struct span){text, size}, &err);
    if (good)
        decode(decoder, body);
    check(text, size, good ? &body : NULL);
    struct buf inflated;
    buf_init(&inflated, 1 << 20);
    if (push_decoder_inflate(decoder, (struct span){text, size}, &inflated) == PUSH_INFLATED)
        push_body_check(&body, buf_span(&inflated), &err);
    buf_deinit(&inflated);
    free(text);
    return 0;
}
