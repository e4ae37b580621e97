/* collector/source/object: from an object's bytes to its text, whole or in stretches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "core/buf.h"
#include "source/object.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static uint64_t next_random(uint64_t *seed) {
    uint64_t z = *seed += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static char path[] = "/tmp/object_test.XXXXXX";
static struct object_reader *reader; /* one for all objects, as a worker has */

static int set_up(void **state) {
    (void)state;
    int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    close(fd);
    reader = object_reader_create(NULL);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    object_reader_destroy(reader);
    object_reader_destroy(NULL);
    return unlink(path);
}

static void write_object(struct span bytes) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
}

static struct object the_object(uint64_t size) {
    return (struct object){.path = path, .size = size, .end = UINT64_MAX};
}

/* Reads an open object to its end; `room` bytes at a time. */
static enum object_status read_all(struct buf *text, size_t room, struct err *err) {
    enum object_status status;
    do {
        size_t len = 12345;
        assert_true(buf_reserve(text, room));
        status = object_read(reader, text->data + text->len, room, &len, err);
        assert_true(len <= room);
        text->len += len;
    } while (status == OBJECT_MORE);
    size_t len = 1; /* it stays, and gives nothing more */
    char more[16];
    assert_int_equal(object_read(reader, more, sizeof more, &len, err), status);
    assert_int_equal(len, 0);
    return status;
}

static struct buf gzip(struct span text) {
    struct buf out;
    z_stream z = {0};
    buf_init(&out, 1 << 24);
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_true(buf_reserve(&out, deflateBound(&z, text.len)));
    z.next_in = (Bytef *)(uintptr_t)text.ptr;
    z.avail_in = (uInt)text.len;
    z.next_out = (Bytef *)out.data;
    z.avail_out = (uInt)out.size;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out.len = z.total_out;
    deflateEnd(&z);
    return out;
}

/* Lines like records: a few hundred bytes each, all different. */
static struct buf make_text(size_t records, uint64_t seed) {
    struct buf text;
    buf_init(&text, 1 << 24);
    for (size_t i = 0; i < records; i++) {
        assert_true(buf_printf(&text, "{\"eventType\":\"Send\",\"n\":%zu,\"x\":\"", i));
        for (uint64_t n = next_random(&seed) % 300; n > 0; n--)
            assert_true(buf_append_char(&text, "abc{} ,["[next_random(&seed) % 8]));
        assert_true(buf_append_str(&text, "\"}\n"));
    }
    return text;
}

/* --- whole objects ------------------------------------------------------------------------------------------------ */

static const size_t rooms[] = {1, 7, 4096, 128 * 1024, 1 << 20};

static void check_whole(struct span bytes, struct span want, enum object_status status) {
    write_object(bytes);
    for (size_t i = 0; i < COUNT(rooms); i++) {
        if (rooms[i] < 100 && want.len > 20000)
            continue;
        struct object o = the_object(bytes.len);
        struct err err = {0};
        struct buf text;
        buf_init(&text, 1 << 26);
        assert_true(object_open(reader, &o, &err));
        assert_int_equal(read_all(&text, rooms[i], &err), status);
        assert_true(span_eq(buf_span(&text), want));
        assert_int_equal(err.code != ERR_NONE, status == OBJECT_DAMAGED);
        assert_int_equal(object_bytes_read(reader), bytes.len);
        assert_int_equal(object_text_offset(reader), 0);
        object_close(reader);
        buf_deinit(&text);
    }
}

static void plain(void **state) {
    (void)state;
    check_whole(SPAN_LIT("x"), SPAN_LIT("x"), OBJECT_DONE);
    check_whole(SPAN_LIT("{\"a\":1}"), SPAN_LIT("{\"a\":1}"), OBJECT_DONE);
    struct buf text = make_text(3000, 1); /* over the reader's own buffer */
    assert_true(text.len > 512 * 1024);
    check_whole(buf_span(&text), buf_span(&text), OBJECT_DONE);
    check_whole((struct span){text.data, 10000}, (struct span){text.data, 10000}, OBJECT_DONE);
    buf_deinit(&text);
}

static void empty(void **state) {
    (void)state;
    check_whole(SPAN_LIT(""), SPAN_LIT(""), OBJECT_EMPTY);
}

static void gzipped(void **state) {
    (void)state;
    static const size_t records[] = {0, 1, 30, 6000};
    for (size_t i = 0; i < COUNT(records); i++) {
        struct buf text = make_text(records[i], 2);
        struct buf bytes = gzip(buf_span(&text));
        check_whole(buf_span(&bytes), buf_span(&text), OBJECT_DONE);
        buf_deinit(&text);
        buf_deinit(&bytes);
    }
}

/* A pipe gives a few bytes at a time; the format is recognised all the same. */
static void from_a_pipe(void **state) {
    (void)state;
    int fds[2];
    struct buf text = make_text(30, 3), got;
    struct buf bytes = gzip(buf_span(&text));
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        for (size_t i = 0; i < bytes.len; i++)
            if (write(fds[1], bytes.data + i, 1) != 1)
                break;
        _exit(0);
    }
    close(fds[1]);
    char name[64];
    snprintf(name, sizeof name, "/dev/fd/%d", fds[0]);
    struct object o = {.path = name, .end = UINT64_MAX};
    struct err err = {0};
    buf_init(&got, 1 << 20);
    assert_true(object_open(reader, &o, &err));
    assert_int_equal(read_all(&got, 1000, &err), OBJECT_DONE);
    assert_true(span_eq(buf_span(&got), buf_span(&text)));
    object_close(reader);
    close(fds[0]);
    buf_deinit(&got);
    buf_deinit(&text);
    buf_deinit(&bytes);
}

/* Everything before the end is given, once; and it is said that there was no end. */
static void truncated_gzip(void **state) {
    (void)state;
    struct buf text = make_text(40, 4);
    struct buf bytes = gzip(buf_span(&text));
    size_t before = 0;
    for (size_t cut = 3; cut < bytes.len; cut += cut + 33 < bytes.len ? 13 : 1) {
        write_object((struct span){bytes.data, cut});
        struct object o = the_object(cut);
        struct err err = {0};
        struct buf got;
        buf_init(&got, 1 << 20);
        assert_true(object_open(reader, &o, &err));
        assert_int_equal(read_all(&got, 500, &err), OBJECT_DAMAGED);
        assert_int_equal(err.code, ERR_INPUT);
        assert_non_null(strstr(err.text, path));
        assert_true(got.len <= text.len && got.len >= before);
        assert_true(got.len == 0 || memcmp(got.data, text.data, got.len) == 0);
        before = got.len;
        buf_deinit(&got);
    }
    assert_int_equal(before, text.len); /* with only the checksum missing, all of it was there */
    buf_deinit(&text);
    buf_deinit(&bytes);
}

static void other_formats(void **state) {
    (void)state;
    static const struct {
        struct span bytes;
        const char *named, *advice;
    } cases[] = {
        {SPAN_LIT("PAR1\x15\x04\x15\x20"), "Apache Parquet", "record format conversion"},
        {SPAN_LIT("ORC\x08\x03"), "Apache ORC", "record format conversion"},
        {SPAN_LIT("BZh91AY"), "bzip2", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        write_object(cases[i].bytes);
        struct object o = the_object(cases[i].bytes.len);
        struct err err = {0};
        struct buf got;
        buf_init(&got, 1000);
        assert_true(object_open(reader, &o, &err));
        assert_int_equal(read_all(&got, 100, &err), OBJECT_UNSUPPORTED);
        assert_int_equal(got.len, 0);
        assert_int_equal(err.code, ERR_INPUT);
        assert_non_null(strstr(err.text, path));
        assert_non_null(strstr(err.text, cases[i].named));
        assert_int_equal(strstr(err.text, "format conversion") != NULL, cases[i].advice != NULL);
        buf_deinit(&got);
    }
}

static void unreadable(void **state) {
    (void)state;
    struct err err = {0};
    struct object o = {.path = (char *)(uintptr_t) "/tmp/object_test.nothing/there", .end = UINT64_MAX};
    assert_false(object_open(reader, &o, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.text, "/tmp/object_test.nothing/there"));
    assert_int_equal(object_bytes_read(reader), 0);
    err = (struct err){0};
    o.path = (char *)(uintptr_t) "/tmp"; /* opens, and cannot be read */
    struct buf got;
    buf_init(&got, 1000);
    assert_true(object_open(reader, &o, &err));
    assert_int_equal(read_all(&got, 100, &err), OBJECT_UNREADABLE);
    assert_int_equal(err.code, ERR_IO);
    assert_non_null(strstr(err.text, strerror(EISDIR)));
    buf_deinit(&got);
}

/* --- stretches ---------------------------------------------------------------------------------------------------- */

/* Cuts the file in stretches of `step` bytes and reads them in turn. Returns how many held something. */
static size_t read_stretches(struct span whole, uint64_t step) {
    struct buf text;
    size_t used = 0;
    uint64_t bytes_read = 0;
    buf_init(&text, 1 << 24);
    for (uint64_t start = 0; start < whole.len; start += step) {
        struct object o = the_object(whole.len);
        struct err err = {0};
        o.start = start;
        o.end = start + step;
        assert_true(object_open(reader, &o, &err));
        size_t before = text.len;
        uint64_t offset = object_text_offset(reader);
        assert_int_equal(read_all(&text, 1000 + step % 5000, &err), OBJECT_DONE);
        bytes_read += object_bytes_read(reader);
        if (text.len == before)
            continue;
        used++;
        assert_int_equal(offset, before); /* so that damage is reported where it lies in the whole */
        assert_true(text.data[before] == '{');
        assert_true(before == 0 || text.data[before - 1] == '\n');
    }
    assert_int_equal(bytes_read, whole.len);
    assert_true(span_eq(buf_span(&text), whole));
    buf_deinit(&text);
    return used;
}

static void all_stretches_are_the_file(void **state) {
    (void)state;
    struct buf text = make_text(60, 5);
    write_object(buf_span(&text));
    size_t most = 0;
    for (uint64_t step = 40; step < text.len + 100; step += step < 700 ? 23 : 397) {
        size_t used = read_stretches(buf_span(&text), step);
        most = used > most ? used : most;
        assert_true(used >= 1 && used <= text.len / step + 1);
    }
    assert_int_equal(most, 60); /* each record its own */
    buf_deinit(&text);
}

/* Borders fall on every byte around the ends of lines: with blanks, empty lines, CRLF, and without a last line end. */
static void borders_on_every_byte(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n",
        "{\"a\":1}\r\n{\"b\":2}\r\n{\"c\":3}",
        "{\"a\":{\"x\":{}}} \n\n \t\n  {\"b\":2}\n\n",
        "{\"a\":\"}\"}\n{\"b\":\"{\"}\n{}\n{}\n{}\n",
        "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n{\n  \"c\": [{\n},\n{\n}]\n}\n",
        "\n\n{\"a\":1}\n{\"b\":2}",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct span whole = span_of(texts[i]);
        write_object(whole);
        for (uint64_t border = 1; border < whole.len; border++) {
            char got[200];
            size_t len = 0;
            for (int second = 0; second < 2; second++) {
                struct object o = the_object(whole.len);
                struct err err = {0};
                o.start = second ? border : 0;
                o.end = second ? whole.len : border;
                size_t n = 0, before = len;
                assert_true(object_open(reader, &o, &err));
                while (object_read(reader, got + len, sizeof got - len, &n, &err) == OBJECT_MORE)
                    len += n;
                if (second && len > before)
                    assert_true(got[before] == '{');
            }
            assert_true(span_eq((struct span){got, len}, whole));
        }
    }
}

/* No two records on lines of their own: whoever has the beginning gets it all. */
static void without_lines_one_gets_all(void **state) {
    (void)state;
    static const char *const joints[] = {"", ",\n", ",", "\n,"};
    for (size_t i = 0; i < COUNT(joints); i++) {
        struct buf text;
        buf_init(&text, 1 << 20);
        for (int n = 0; n < 200; n++)
            assert_true(buf_printf(&text, "%s{\"eventType\":\"Send\",\"n\":%d}", n ? joints[i] : "", n));
        write_object(buf_span(&text));
        for (uint64_t step = 50; step < text.len; step += 411)
            assert_int_equal(read_stretches(buf_span(&text), step), 1);
        struct object o = the_object(text.len);
        assert_false(object_is_splittable(&o));
        buf_deinit(&text);
    }
}

/* Damage without a record's end for longer than a border is looked for: its stretch goes on to the next border. */
static void far_to_the_next_record(void **state) {
    (void)state;
    struct buf text = make_text(200, 7), more = make_text(200, 8);
    size_t before = text.len;
    assert_true(buf_reserve(&text, (5 << 20) + more.len));
    memset(text.data + text.len, 'x', 5 << 20);
    text.len += 5 << 20;
    assert_true(buf_append_char(&text, '\n'));
    assert_true(buf_append(&text, more.data, more.len));
    write_object(buf_span(&text));
    for (uint64_t step = before / 2; step < (4 << 20); step = step * 3 + 1)
        assert_true(read_stretches(buf_span(&text), step) >= 2);
    buf_deinit(&text);
    buf_deinit(&more);
}

static void splittable(void **state) {
    (void)state;
    struct buf text = make_text(1000, 6);
    struct buf bytes = gzip(buf_span(&text));
    struct object o = the_object(text.len);
    write_object(buf_span(&text));
    assert_true(object_is_splittable(&o));
    write_object((struct span){text.data, 60000}); /* not worth it */
    assert_false(object_is_splittable(&o));
    write_object(buf_span(&bytes));
    assert_true(bytes.len > 64 * 1024);
    assert_false(object_is_splittable(&o));
    memset(text.data, ' ', text.len);
    write_object(buf_span(&text));
    assert_false(object_is_splittable(&o));
    o.path = (char *)(uintptr_t) "/tmp/object_test.nothing/there";
    assert_false(object_is_splittable(&o));
    buf_deinit(&text);
    buf_deinit(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),
        cmocka_unit_test(empty),
        cmocka_unit_test(gzipped),
        cmocka_unit_test(from_a_pipe),
        cmocka_unit_test(truncated_gzip),
        cmocka_unit_test(other_formats),
        cmocka_unit_test(unreadable),
        cmocka_unit_test(all_stretches_are_the_file),
        cmocka_unit_test(borders_on_every_byte),
        cmocka_unit_test(without_lines_one_gets_all),
        cmocka_unit_test(far_to_the_next_record),
        cmocka_unit_test(splittable),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
