/* aws/s3_read: exactly the bytes of one object, however often the transfer breaks off, or why not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/s3.h"
#include "core/alloc.h"

/* --- a store that does as it was told ----------------------------------------------------------------------------- */

/* What a request is answered with. */
struct answer {
    int status; /* other than 2xx: the call fails */
    const char *code;
    size_t breaks_after; /* bytes of the body; 0: does not break */
    const char *etag;    /* of the answer; NULL: as the store's */
    bool no_range;       /* 200, the whole of it */
    size_t shifted;      /* 206, but from there */
    const char *content_range;
    const char *length; /* Content-Length; NULL: none */
    size_t ends_after;  /* bytes of the body, and then it is as if that were all of it; 0: it is whole */
    size_t more;        /* bytes of something else behind the body */
    bool nameless;      /* no ETag */
};

static struct store {
    char body[10000];
    size_t size;
    const char *etag; /* with quotes */
    struct answer answers[20];
    unsigned answer_count, asked;
    char if_match[20][64], range[20][64];
    unsigned exchanges, flights; /* open */
} store;

struct http_exchange {
    struct answer answer;
    char content_range[64];
    size_t at, end, more;
};
struct aws_flight {
    unsigned number;
};

static unsigned take_request(const struct aws_call *call) {
    unsigned n = store.asked++;
    assert_true(n < 20);
    assert_string_equal(call->path, "/a key/\xc3\xbc");
    assert_string_equal(call->method, "GET");
    store.if_match[n][0] = store.range[n][0] = 0;
    for (size_t i = 0; i < call->header_count; i++) {
        assert_string_not_equal(call->headers[i].name, "accept-encoding");
        if (strcmp(call->headers[i].name, "if-match") == 0)
            strcpy(store.if_match[n], call->headers[i].value);
        if (strcmp(call->headers[i].name, "range") == 0)
            strcpy(store.range[n], call->headers[i].value);
    }
    return n;
}

static struct http_exchange *give_answer(unsigned n, struct aws_answer *answer, struct err *err) {
    struct answer a = n < store.answer_count ? store.answers[n] : (struct answer){0};
    *answer = (struct aws_answer){.status = a.status ? a.status : 200};
    snprintf(answer->code, sizeof answer->code, "%s", a.code ? a.code : "");
    if (a.status && a.status != 200 && a.status != 206) {
        err_set(err, ERR_IO, "GET in mail: status %d", a.status);
        return NULL;
    }
    struct http_exchange *x = alloc_zeroed(1, sizeof *x);
    size_t from = store.range[n][0] ? strtoul(store.range[n] + 6, NULL, 10) : 0;
    x->answer = a;
    x->answer.status = from && !a.no_range ? 206 : 200;
    x->at = a.no_range ? 0 : from + a.shifted;
    x->end = a.breaks_after && x->at + a.breaks_after < store.size ? x->at + a.breaks_after : store.size;
    if (a.ends_after && x->at + a.ends_after < store.size)
        x->end = x->at + a.ends_after;
    x->more = a.more;
    snprintf(x->content_range, sizeof x->content_range, "bytes %zu-%zu/%zu", x->at, store.size - 1, store.size);
    store.exchanges++;
    return x;
}

struct aws_flight *aws_stream_begin(struct aws_session *s, const struct aws_call *call, const atomic_bool *stop,
                                    struct err *err) {
    (void)s, (void)stop, (void)err;
    struct aws_flight *f = alloc_zeroed(1, sizeof *f);
    f->number = take_request(call);
    store.flights++;
    return f;
}

struct http_exchange *aws_stream_wait(struct aws_flight *f, struct aws_answer *answer, struct err *err) {
    unsigned n = f->number;
    aws_stream_drop(f);
    return give_answer(n, answer, err);
}

void aws_stream_drop(struct aws_flight *f) {
    store.flights--;
    free(f);
}

struct http_exchange *aws_stream(struct aws_session *s, const struct aws_call *call, struct aws_answer *answer,
                                 const atomic_bool *stop, struct err *err) {
    (void)s, (void)stop;
    return give_answer(take_request(call), answer, err);
}

void aws_answer_deinit(struct aws_answer *a) {
    (void)a;
}

int http_status(struct http_exchange *x, struct err *err) {
    (void)err;
    return x->answer.status;
}

const char *http_header_of(const struct http_exchange *x, const char *name) {
    if (strcmp(name, "etag") == 0)
        return x->answer.nameless ? NULL : x->answer.etag ? x->answer.etag : store.etag;
    if (strcmp(name, "content-length") == 0)
        return x->answer.length;
    if (strcmp(name, "content-range") == 0 && x->answer.status == 206)
        return x->answer.content_range ? x->answer.content_range : x->content_range;
    return NULL;
}

ssize_t http_read(struct http_exchange *x, char *to, size_t room, struct err *err) {
    size_t n = x->end - x->at < room ? x->end - x->at : room;
    if (!n && x->more) {
        n = x->more < room ? x->more : room;
        memset(to, '?', n);
        x->more -= n;
        return (ssize_t)n;
    }
    if (!n && x->answer.breaks_after && x->end < store.size) {
        err_set(err, ERR_IO, "it broke off");
        return -1;
    }
    memcpy(to, store.body + x->at, n);
    x->at += n;
    return (ssize_t)n;
}

void http_end(struct http_exchange *x) {
    store.exchanges -= x != NULL;
    free(x);
}

/* --- the test's side ---------------------------------------------------------------------------------------------- */

static int reset(void **state) {
    (void)state;
    store = (struct store){.size = sizeof store.body, .etag = "\"e-3\""};
    for (size_t i = 0; i < sizeof store.body; i++)
        store.body[i] = (char)(i * 31 + i / 256);
    return 0;
}

static struct err last_err;

/* The object must come whole; else which result it has. */
static enum s3_read_result read_sized(const char *etag, uint64_t listed, const atomic_bool *stop) {
    static char bucket_name[] = "mail";
    struct s3_bucket bucket = {.name = bucket_name};
    char text[sizeof store.body + 1];
    size_t len = 0;
    ssize_t n;
    last_err = (struct err){0};
    struct s3_download *d = s3_download_begin(NULL, &bucket, "a key/\xc3\xbc", etag, listed, 0, stop);
    while ((n = s3_download_read(d, text + len, sizeof text - len < 700 ? sizeof text - len : 700, &last_err)) > 0)
        len += (size_t)n;
    enum s3_read_result result = s3_download_result(d);
    assert_int_equal(n < 0, result != S3_READ_OK);
    assert_memory_equal(text, store.body, len); /* never another byte */
    if (n == 0) {
        assert_int_equal(len, store.size);
        assert_int_equal(s3_download_read(d, text, 1, &last_err), 0);
    } else {
        assert_string_not_equal(last_err.text, "");
        struct err again = {0};
        assert_int_equal(s3_download_read(d, text, 1, &again), -1);
        assert_string_equal(again.text, last_err.text);
    }
    s3_download_end(d);
    assert_int_equal(store.exchanges + store.flights, 0);
    return result;
}

static enum s3_read_result read_with(const char *etag, const atomic_bool *stop) {
    return read_sized(etag, 0, stop);
}

static void answer_with(struct answer a) {
    store.answers[store.answer_count++] = a;
}

static void whole(void **state) {
    (void)state;
    assert_int_equal(read_with("e-3", NULL), S3_READ_OK);
    assert_string_equal(store.if_match[0], "\"e-3\"");
    assert_string_equal(store.range[0], "");
    assert_int_equal(store.asked, 1);
    reset(NULL);
    store.size = 0;
    assert_int_equal(read_with(NULL, NULL), S3_READ_OK);
    assert_string_equal(store.if_match[0], "");
}

static void taken_up_where_it_broke(void **state) {
    (void)state;
    answer_with((struct answer){.breaks_after = 1});
    answer_with((struct answer){.breaks_after = 2999});
    answer_with((struct answer){.breaks_after = 1000, .no_range = true});
    answer_with((struct answer){.breaks_after = 5000, .no_range = true});
    assert_int_equal(read_with(NULL, NULL), S3_READ_OK);
    assert_int_equal(store.asked, 5);
    assert_string_equal(store.range[1], "bytes=1-");
    assert_string_equal(store.range[2], "bytes=3000-");
    assert_string_equal(store.range[3], "bytes=3000-");
    assert_string_equal(store.range[4], "bytes=5000-");
    assert_string_equal(store.if_match[0], "");
    for (unsigned i = 1; i < 5; i++)
        assert_string_equal(store.if_match[i], "\"e-3\""); /* which object it is was said by the first answer */
}

static void given_up(void **state) {
    (void)state;
    answer_with((struct answer){.breaks_after = 100});
    for (unsigned i = 0; i < 6; i++)
        answer_with((struct answer){.breaks_after = 50, .no_range = true});
    assert_int_equal(read_with("e-3", NULL), S3_READ_FAILED);
    assert_int_equal(store.asked, 6);
    assert_string_equal(last_err.text, "it broke off");
    reset(NULL);
    answer_with((struct answer){.status = 503});
    assert_int_equal(read_with("e-3", NULL), S3_READ_FAILED);
    assert_int_equal(store.asked, 1); /* the session has tried */
}

static void another_object(void **state) {
    (void)state;
    answer_with((struct answer){.status = 412, .code = "PreconditionFailed"});
    assert_int_equal(read_with("e-3", NULL), S3_READ_CHANGED);
    reset(NULL);
    answer_with((struct answer){.breaks_after = 10});
    answer_with((struct answer){.status = 412});
    assert_int_equal(read_with(NULL, NULL), S3_READ_CHANGED);
    reset(NULL); /* a store that does not look at If-Match */
    answer_with((struct answer){.etag = "\"e-4\""});
    assert_int_equal(read_with("e-3", NULL), S3_READ_CHANGED);
    reset(NULL);
    answer_with((struct answer){.breaks_after = 10});
    answer_with((struct answer){.etag = "\"e-4\""});
    assert_int_equal(read_with(NULL, NULL), S3_READ_CHANGED);
    reset(NULL); /* shorter than what was given, with the same name */
    answer_with((struct answer){.breaks_after = 5000});
    answer_with((struct answer){.no_range = true});
    store.size = 10000;
    assert_int_equal(read_with("e-3", NULL), S3_READ_OK);
}

static void kinds_of_failure(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *code;
        enum s3_read_result result;
        const char *says;
    } cases[] = {
        {404, "NoSuchKey", S3_READ_MISSING, "not there any more"},
        {404, "NoSuchBucket", S3_READ_FAILED, "status 404"},
        {403, "InvalidObjectState", S3_READ_DENIED, "restore it"},
        {403, "AccessDenied", S3_READ_DENIED, "s3:GetObject"},
        {403, "AccessDenied", S3_READ_DENIED, "kms:Decrypt"},
        {400, "KMS.DisabledException", S3_READ_FAILED, "status 400"},
        {416, "InvalidRange", S3_READ_FAILED, "status 416"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reset(NULL);
        answer_with((struct answer){.status = cases[i].status, .code = cases[i].code});
        assert_int_equal(read_with("e-3", NULL), cases[i].result);
        assert_non_null(strstr(last_err.text, cases[i].says));
    }
}

static void ranges_that_are_others(void **state) {
    (void)state;
    static const char *const texts[] = {"bytes 17-99/10000",
                                        "bytes 10000-",
                                        "octets 100-1/2",
                                        "bytes */10000",
                                        "",
                                        "bytes 100",
                                        "bytes 100000000000000000000000-9/10"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        reset(NULL);
        answer_with((struct answer){.breaks_after = 100});
        answer_with((struct answer){.content_range = texts[i]});
        assert_int_equal(read_with("e-3", NULL), S3_READ_FAILED);
    }
    reset(NULL);
    answer_with((struct answer){.breaks_after = 100});
    answer_with((struct answer){.shifted = 1});
    assert_int_equal(read_with("e-3", NULL), S3_READ_FAILED);
    assert_non_null(strstr(last_err.text, "another stretch"));
}

static void names_of_objects(void **state) {
    (void)state;
    assert_int_equal(read_with("\"e-3\"", NULL), S3_READ_OK);
    assert_string_equal(store.if_match[0], "\"e-3\"");
    reset(NULL); /* a weak one never matches; it is compared here */
    store.etag = "W/\"w\"";
    assert_int_equal(read_with("W/\"w\"", NULL), S3_READ_OK);
    assert_string_equal(store.if_match[0], "");
    reset(NULL); /* what cannot stand in a header is not sent */
    assert_int_equal(read_with("a\r\nX-Injected: b", NULL), S3_READ_OK);
    assert_string_equal(store.if_match[0], "");
}

static void broken_behind_the_last_byte(void **state) {
    (void)state;
    answer_with((struct answer){.breaks_after = 5000});
    answer_with((struct answer){.status = 416, .code = "InvalidRange"});
    store.size = 10000;
    char text[10000];
    static char bucket_name[] = "mail";
    struct s3_bucket bucket = {.name = bucket_name};
    struct s3_download *d = s3_download_begin(NULL, &bucket, "a key/\xc3\xbc", "e-3", 0, 0, NULL);
    struct err err = {0};
    assert_int_equal(s3_download_read(d, text, sizeof text, &err), 5000);
    assert_int_equal(s3_download_read(d, text, sizeof text, &err), 0); /* there is no more of this very object */
    s3_download_end(d);
}

/* A body without a length, through a proxy or HTTP/1.0, ends where its connection does. */
static void ends_too_soon(void **state) {
    (void)state;
    answer_with((struct answer){.ends_after = 100});
    answer_with((struct answer){.ends_after = 900});
    answer_with((struct answer){.ends_after = 3000, .no_range = true});
    assert_int_equal(read_sized("e-3", 10000, NULL), S3_READ_OK);
    assert_int_equal(store.asked, 4);
    assert_string_equal(store.range[1], "bytes=100-");
    assert_string_equal(store.range[2], "bytes=1000-");
    assert_string_equal(store.range[3], "bytes=3000-");
    reset(NULL); /* nobody listed it: its first answer says how long it is, or the first that goes on */
    answer_with((struct answer){.length = "10000", .ends_after = 100});
    assert_int_equal(read_with(NULL, NULL), S3_READ_OK);
    assert_int_equal(store.asked, 2);
    reset(NULL);
    answer_with((struct answer){.breaks_after = 100});
    answer_with((struct answer){.ends_after = 50}); /* a stretch that is shorter than it was asked for */
    assert_int_equal(read_with("e-3", NULL), S3_READ_OK);
    assert_int_equal(store.asked, 3);
    assert_string_equal(store.range[2], "bytes=150-");
    reset(NULL); /* ... and nobody knows of how much */
    answer_with((struct answer){.breaks_after = 100});
    answer_with((struct answer){.ends_after = 50, .content_range = "bytes 100-149/*"});
    assert_int_equal(read_with("e-3", NULL), S3_READ_OK);
    reset(NULL); /* never further */
    answer_with((struct answer){.ends_after = 100});
    for (unsigned i = 0; i < 6; i++)
        answer_with((struct answer){.ends_after = 100, .no_range = true});
    assert_int_equal(read_sized("e-3", 10000, NULL), S3_READ_FAILED);
    assert_int_equal(store.asked, 6);
    assert_string_equal(last_err.text, "the transfer broke off after 100 of 10000 bytes");
    reset(NULL); /* without its name it cannot be taken up, and is not taken for whole */
    answer_with((struct answer){.ends_after = 100, .nameless = true});
    assert_int_equal(read_sized(NULL, 10000, NULL), S3_READ_FAILED);
    reset(NULL); /* a store that has no more of it */
    answer_with((struct answer){.ends_after = 100});
    answer_with((struct answer){.status = 416});
    assert_int_equal(read_sized("e-3", 10000, NULL), S3_READ_FAILED);
    assert_string_equal(last_err.text, "the store says that it is shorter than it is listed");
}

static void more_than_there_is(void **state) {
    (void)state;
    answer_with((struct answer){.more = 1});
    assert_int_equal(read_sized("e-3", 10000, NULL), S3_READ_FAILED);
    assert_string_equal(last_err.text, "more bytes of it come than it is long");
    reset(NULL);
    answer_with((struct answer){.length = "9999999999999999999x", .more = 1});
    assert_int_equal(read_sized("e-3", 10000, NULL), S3_READ_FAILED);
    reset(NULL); /* only its key was known: it may be another one */
    answer_with((struct answer){.more = 1});
    assert_int_equal(read_sized(NULL, 10000, NULL), S3_READ_CHANGED);
}

/* Who wants it may be wrong about its size; a head may be, too. */
static void sizes_that_differ(void **state) {
    (void)state;
    static const uint64_t listed[] = {1, 9999, 10001, 1000000};
    for (unsigned i = 0; i < 4; i++) {
        reset(NULL);
        answer_with((struct answer){.length = "10000"});
        answer_with((struct answer){.status = 416});
        assert_int_equal(read_sized(i % 2 ? "e-3" : NULL, listed[i], NULL), S3_READ_OK);
        assert_int_equal(store.asked, listed[i] > 10000 ? 2 : 1);
    }
    reset(NULL); /* a store without Range says the same twice */
    answer_with((struct answer){.length = "10000"});
    answer_with((struct answer){.length = "10000", .no_range = true});
    assert_int_equal(read_sized("e-3", 10001, NULL), S3_READ_OK);
    assert_int_equal(store.asked, 2);
    reset(NULL); /* a head that promises too little, or too much */
    answer_with((struct answer){.length = "9000", .ends_after = 9000});
    assert_int_equal(read_sized("e-3", 10000, NULL), S3_READ_OK);
    assert_string_equal(store.range[1], "bytes=9000-");
    reset(NULL);
    answer_with((struct answer){.length = "11000", .breaks_after = 9000});
    assert_int_equal(read_sized("e-3", 10000, NULL), S3_READ_OK);
    reset(NULL);
    answer_with((struct answer){.length = "11000"});
    answer_with((struct answer){.status = 416});
    assert_int_equal(read_sized("e-3", 10000, NULL), S3_READ_OK);
    reset(NULL); /* two heads that differ, and nobody says which is right */
    answer_with((struct answer){.length = "11000", .breaks_after = 9000});
    assert_int_equal(read_with("e-3", NULL), S3_READ_CHANGED);
    reset(NULL); /* a whole that is less than what was given */
    answer_with((struct answer){.breaks_after = 9000});
    answer_with((struct answer){.length = "8000", .no_range = true});
    assert_int_equal(read_sized("e-3", 10000, NULL), S3_READ_CHANGED);
    reset(NULL); /* nothing vouches for it being the same object */
    answer_with((struct answer){.length = "9000", .ends_after = 9000, .nameless = true});
    assert_int_equal(read_sized("e-3", 10000, NULL), S3_READ_FAILED);
    assert_non_null(strstr(last_err.text, "something else"));
    reset(NULL);
    answer_with((struct answer){.length = "10000", .nameless = true});
    assert_int_equal(read_sized("e-3", 10000, NULL), S3_READ_OK);
}

static void stopped_and_dropped(void **state) {
    (void)state;
    atomic_bool stop = true;
    answer_with((struct answer){.breaks_after = 10});
    assert_int_equal(read_with("e-3", &stop), S3_READ_FAILED);
    assert_int_equal(store.asked, 1);
    static char bucket_name[] = "mail";
    struct s3_bucket bucket = {.name = bucket_name};
    s3_download_end(s3_download_begin(NULL, &bucket, "a key/\xc3\xbc", "e", 0, 0, NULL));
    s3_download_end(NULL);
    assert_int_equal(store.flights, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(whole, reset),
        cmocka_unit_test_setup(taken_up_where_it_broke, reset),
        cmocka_unit_test_setup(given_up, reset),
        cmocka_unit_test_setup(another_object, reset),
        cmocka_unit_test_setup(kinds_of_failure, reset),
        cmocka_unit_test_setup(ranges_that_are_others, reset),
        cmocka_unit_test_setup(names_of_objects, reset),
        cmocka_unit_test_setup(broken_behind_the_last_byte, reset),
        cmocka_unit_test_setup(ends_too_soon, reset),
        cmocka_unit_test_setup(more_than_there_is, reset),
        cmocka_unit_test_setup(sizes_that_differ, reset),
        cmocka_unit_test_setup(stopped_and_dropped, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
