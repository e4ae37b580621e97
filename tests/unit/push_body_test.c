/* collector/source/push_body: what a request of Firehose may look like, what its records hold, and what cannot get out
 * of hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/base64.h"
#include "source/push_body.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- bodies ------------------------------------------------------------------------------------------------------- */

/* The records as "data|data|", one without data as "-|". */
static void list(struct push_body *b, char *to) {
    struct span data;
    while (push_body_next(b, &data))
        to += data.ptr ? sprintf(to, "%.*s|", SPAN_ARG(data)) : sprintf(to, "-|");
    *to = '\0';
}

static void bodies(void **state) {
    (void)state;
    static const struct {
        const char *text, *records, *id; /* records NULL: refused */
    } cases[] = {
        {"{\"requestId\":\"a-b\",\"timestamp\":1578090901599,\"records\":[{\"data\":\"aGVsbG8=\"},{\"data\":\"\"}]}",
         "aGVsbG8=||", "a-b"},
        {"{\"records\":[]}", "", NULL},
        {" \r\n\t{ \"records\" : [ { \"data\" : \"YQ==\" } , { \"data\" : \"Yg==\" } ] } \n", "YQ==|Yg==|", NULL},
        {"{\"records\":[{\"data\":\"YQ==\"}],\"requestId\":\"late\"}", "YQ==|", "late"},
        {"{\"records\":[{\"x\":{\"data\":\"no\"},\"data\":\"YQ==\",\"y\":[1,{\"data\":2}]}]}", "YQ==|", NULL},
        {"{\"more\":{\"a\":[[],{},[{\"b\":null}],-1.5e+3,true,\"x\\\"]}\\\\\"]},\"records\":[{\"data\":\"YQ==\"}]}",
         "YQ==|", NULL},
        {"{\"records\":[{\"data\":\"a\\/b\"}]}", "a\\/b|", NULL},
        {"{\"records\":[{\"data\":\"\\\"}]}\"}]}", "\\\"}]}|", NULL},
        {"{\"records\":[{}]}", "-|", NULL},
        {"{\"records\":[{\"data\":5}]}", "-|", NULL},
        {"{\"records\":[{\"data\":null},{\"data\":\"YQ==\"}]}", "-|YQ==|", NULL},
        {"{\"requestId\":5,\"records\":[]}", "", NULL},
        {"{\"records\":[[]]}", NULL, NULL},
        {"{\"records\":[\"YQ==\"]}", NULL, NULL},
        {"{\"records\":{}}", NULL, NULL},
        {"{\"records\":[],\"records\":[]}", NULL, NULL},
        {"{\"records\":[{\"data\":\"YQ==\"},]}", NULL, NULL},
        {"{\"records\":[{\"data\":\"YQ==\"}", NULL, NULL},
        {"{\"records\":[{\"data\":\"YQ==", NULL, NULL},
        {"{\"records\":[{\"data\":\"YQ==\\", NULL, NULL},
        {"{\"records\":[{\"data\":\"YQ==\\\"", NULL, NULL},
        {"{\"records\":[{\"data\" \"YQ==\"}]}", NULL, NULL},
        {"{\"records\":[{\"data\":\"YQ==\"}]},", NULL, NULL},
        {"{\"records\":[]}{}", NULL, NULL},
        {"{\"x\":[1,2,\"records\":[]}", NULL, NULL},
        {"{\"x\":{1:2},\"records\":[]}", NULL, NULL},
        {"{\"x\":[}],\"records\":[]}", NULL, NULL},
        {"{\"x\":,\"records\":[]}", NULL, NULL},
        {"{,\"records\":[]}", NULL, NULL},
        {"{\"requestId\":\"a\"}", NULL, NULL},
        {"[{\"records\":[]}]", NULL, NULL},
        {"{}", NULL, NULL},
        {"", NULL, NULL},
        {"{", NULL, NULL},
        {"hello", NULL, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct push_body b;
        struct err err = {0};
        char records[200] = "";
        char *exact = malloc(strlen(cases[i].text) + 1); /* so that a sanitizer sees what reads beyond */
        memcpy(exact, cases[i].text, strlen(cases[i].text));
        bool good = push_body_check(&b, (struct span){exact, strlen(cases[i].text)}, &err);
        if (good)
            list(&b, records);
        if (good != (cases[i].records != NULL) || (good && strcmp(records, cases[i].records) != 0))
            fail_msg("%s: %s", cases[i].text, records);
        if (good && (cases[i].id ? !span_eq(b.request_id, span_of(cases[i].id)) : b.request_id.ptr != NULL))
            fail_msg("%s: %.*s", cases[i].text, SPAN_ARG(b.request_id));
        free(exact);
    }
}

static bool is_nested_taken(unsigned depth, char open, char close) {
    struct push_body b;
    struct err err = {0};
    char *text = malloc(2 * depth + 100), *to = text;
    to += sprintf(to, "{\"x\":");
    memset(to, open, depth);
    memset(to + depth, close, depth);
    to += 2 * depth;
    to += sprintf(to, ",\"records\":[]}");
    bool good = push_body_check(&b, (struct span){text, (size_t)(to - text)}, &err);
    free(text);
    return good;
}

static void depth(void **state) {
    (void)state;
    assert_true(is_nested_taken(PUSH_BODY_DEPTH, '[', ']'));
    assert_false(is_nested_taken(PUSH_BODY_DEPTH + 1, '[', ']'));
    assert_false(is_nested_taken(1000000, '[', ']'));
    assert_false(is_nested_taken(10, '[', '}'));
    assert_false(is_nested_taken(10, '{', '}'));
}

/* Quotes and backslashes are searched for once each, however they stand. */
static void long_strings(void **state) {
    (void)state;
    enum { LEN = 8 << 20 };
    static const char *const fillings[] = {"A", "\\\"", "\\\\", "\\A"};
    char *text = malloc(LEN + 100);
    for (size_t i = 0; i < COUNT(fillings); i++) {
        size_t piece = strlen(fillings[i]), n = (size_t)sprintf(text, "{\"records\":[{\"data\":\"");
        while (n < LEN) {
            memcpy(text + n, fillings[i], piece);
            n += piece;
        }
        n += (size_t)sprintf(text + n, "\"}]}");
        struct push_body b;
        struct err err = {0};
        assert_true(push_body_check(&b, (struct span){text, n}, &err));
        assert_int_equal(b.count, 1);
    }
    free(text);
}

/* --- records ------------------------------------------------------------------------------------------------------ */

static struct push_decoder *decoder;
static struct buf text;

static int make(void **state) {
    (void)state;
    decoder = push_decoder_create();
    buf_init(&text, PUSH_TEXT_MAX);
    return 0;
}

static int destroy(void **state) {
    (void)state;
    push_decoder_destroy(decoder);
    buf_deinit(&text);
    return 0;
}

static bool add(const char *data) {
    return push_decoder_add(decoder, span_of(data), &text);
}

static void expect(const char *wanted) {
    assert_int_equal(text.len, strlen(wanted));
    assert_memory_equal(text.data, wanted, text.len);
    buf_clear(&text);
}

static void plain_records(void **state) {
    (void)state;
    push_decoder_begin(decoder);
    assert_true(add("aGVsbG8="));
    assert_true(add(""));
    assert_true(add("YWI"));            /* without padding */
    assert_true(add("YT9iPj8\\/"));     /* a slash as some write it */
    assert_true(add("YT9i\\u002Bw==")); /* a plus as others do */
    assert_false(add("YQ==YQ=="));
    assert_false(add("{\\\"a\\\":1}"));
    assert_false(add("A"));
    assert_false(add("a b"));
    assert_false(add("\\u0141"));
    assert_false(add("abc\\"));
    assert_false(add("abc\\u00"));
    expect("hello\n\nab\na?b>??\na?b\xfb\n");
}

/* Returns new: the base64 of what it becomes. */
static char *pack(const void *data, size_t len, size_t *out_len) {
    z_stream z = {0};
    size_t room = len / 2 + 1000;
    unsigned char *packed = malloc(room);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)data;
    z.avail_in = (unsigned)len;
    z.next_out = packed;
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    *out_len = room - z.avail_out;
    deflateEnd(&z);
    return (char *)packed;
}

static char *encode(const char *data, size_t len) {
    char *out = calloc(base64_encoded_size(len) + 1, 1);
    base64_encode((struct span){data, len}, out);
    return out;
}

static void compressed_records(void **state) {
    (void)state;
    size_t len;
    char *packed = pack("a record", 8, &len), *data = encode(packed, len);
    push_decoder_begin(decoder);
    assert_true(add(data));
    assert_true(add("aGVsbG8="));
    expect("a record\nhello\n");
    packed[len - 5] ^= 1; /* the checksum */
    free(data);
    data = encode(packed, len);
    assert_true(add("aGVsbG8="));
    assert_false(add(data));
    free(data);
    data = encode(packed, len / 2);
    assert_false(add(data));
    expect("hello\n"); /* nothing of the damaged ones */
    free(data);
    free(packed);
}

/* A record may become 16 MiB, those of a body 256 MiB together. */
static void bombs(void **state) {
    (void)state;
    char *zeros = calloc(PUSH_RECORD_MAX + 1, 1);
    size_t len;
    char *packed = pack(zeros, PUSH_RECORD_MAX + 1, &len), *data = encode(packed, len);
    push_decoder_begin(decoder);
    assert_false(add(data));
    assert_int_equal(text.len, 0);
    free(data);
    free(packed);
    packed = pack(zeros, PUSH_RECORD_MAX, &len);
    data = encode(packed, len);
    unsigned taken = 0;
    for (int i = 0; i < 20; i++) {
        taken += add(data);
        buf_clear(&text);
    }
    assert_in_range(taken, PUSH_INFLATED_MAX / PUSH_RECORD_MAX - 1, PUSH_INFLATED_MAX / PUSH_RECORD_MAX + 1);
    push_decoder_begin(decoder);
    assert_true(add(data));
    buf_clear(&text);
    free(data);
    free(packed);
    free(zeros);
}

static void compressed_bodies(void **state) {
    (void)state;
    char *zeros = calloc(PUSH_BODY_MAX + 1, 1);
    size_t len;
    char *packed = pack("{\"records\":[]}", 14, &len);
    assert_int_equal(push_decoder_inflate(decoder, (struct span){packed, len}, &text), PUSH_INFLATED);
    expect("{\"records\":[]}");
    assert_int_equal(push_decoder_inflate(decoder, (struct span){packed, len - 1}, &text), PUSH_DAMAGED);
    buf_clear(&text);
    assert_int_equal(push_decoder_inflate(decoder, (struct span){"{}", 2}, &text), PUSH_DAMAGED);
    assert_int_equal(push_decoder_inflate(decoder, (struct span){NULL, 0}, &text), PUSH_DAMAGED);
    buf_clear(&text);
    free(packed);
    packed = pack(zeros, PUSH_BODY_MAX + 1, &len);
    assert_int_equal(push_decoder_inflate(decoder, (struct span){packed, len}, &text), PUSH_OVER_LIMIT);
    buf_clear(&text);
    free(packed);
    free(zeros);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies),
        cmocka_unit_test(depth),
        cmocka_unit_test(long_strings),
        cmocka_unit_test(plain_records),
        cmocka_unit_test(bombs),
        cmocka_unit_test(compressed_records),
        cmocka_unit_test(compressed_bodies),
    };
    return cmocka_run_group_tests(tests, make, destroy);
}
