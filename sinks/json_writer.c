#include "sinks/json_writer.h"

#include <math.h>

#include "core/base64.h"
#include "core/utf8.h"
#include "sinks/text.h"

/* Before every value and key. */
static void separate(struct json_writer *w) {
    if (w->comma)
        fputc(',', w->out);
    w->comma = true;
}

void json_put_open(struct json_writer *w, char bracket) {
    separate(w);
    fputc(bracket, w->out);
    w->comma = false;
}

void json_put_close(struct json_writer *w, char bracket) {
    fputc(bracket, w->out);
    w->comma = true;
}

void json_put_key(struct json_writer *w, const char *key) {
    separate(w);
    fprintf(w->out, "\"%s\":", key);
    w->comma = false;
}

static void put_escaped(FILE *out, uint32_t c) {
    switch (c) {
    case '"':
        fputs("\\\"", out);
        break;
    case '\\':
        fputs("\\\\", out);
        break;
    case '\n':
        fputs("\\n", out);
        break;
    case '\r':
        fputs("\\r", out);
        break;
    case '\t':
        fputs("\\t", out);
        break;
    default:
        if (c < 0x10000)
            fprintf(out, "\\u%04x", (unsigned)c);
        else
            fprintf(out, "\\u%04x\\u%04x", 0xd7c0u + (unsigned)(c >> 10), 0xdc00u + (unsigned)(c & 0x3ff));
    }
}

/* Runs that need no escape are written in one piece: most names are one such run. */
void json_put_span(struct json_writer *w, struct span s) {
    separate(w);
    fputc('"', w->out);
    size_t run = 0;
    for (size_t i = 0; i < s.len;) {
        uint32_t c = 0xfffd;
        size_t len = utf8_next((struct span){s.ptr + i, s.len - i}, &c);
        if (len && c != '"' && c != '\\' && !text_is_control(c)) {
            i += len;
            continue;
        }
        fwrite(s.ptr + run, 1, i - run, w->out);
        put_escaped(w->out, len ? c : 0xfffd);
        i += len ? len : 1;
        run = i;
    }
    if (s.len > run)
        fwrite(s.ptr + run, 1, s.len - run, w->out);
    fputc('"', w->out);
}

void json_put_string(struct json_writer *w, const char *s) {
    if (s)
        json_put_span(w, span_of(s));
    else
        json_put_null(w);
}

void json_put_u64(struct json_writer *w, uint64_t value) {
    separate(w);
    fprintf(w->out, "%llu", (unsigned long long)value);
}

void json_put_double(struct json_writer *w, double value) {
    if (!isfinite(value)) {
        json_put_null(w);
        return;
    }
    char text[TEXT_NUMBER_SIZE];
    text_double(value, text);
    separate(w);
    fputs(text, w->out);
}

void json_put_time(struct json_writer *w, int64_t ms) {
    char text[TEXT_TIME_SIZE];
    text_time(ms, text);
    json_put_string(w, text);
}

void json_put_base64(struct json_writer *w, struct span s) {
    enum { PIECE = 3 * 256 }; /* whole groups of three, so that only the last piece is padded */
    char text[PIECE / 3 * 4] = {0};
    separate(w);
    fputc('"', w->out);
    for (size_t i = 0; i < s.len; i += PIECE) {
        struct span piece = {s.ptr + i, s.len - i < PIECE ? s.len - i : PIECE};
        fwrite(text, 1, base64_encode(piece, text), w->out);
    }
    fputc('"', w->out);
}

void json_put_null(struct json_writer *w) {
    separate(w);
    fputs("null", w->out);
}

void json_put_line(struct json_writer *w) {
    if (w->comma)
        fputc(',', w->out);
    w->comma = false;
    fputc('\n', w->out);
}

void json_put_string_member(struct json_writer *w, const char *key, const char *s) {
    json_put_key(w, key);
    json_put_string(w, s);
}

void json_put_u64_member(struct json_writer *w, const char *key, uint64_t value) {
    json_put_key(w, key);
    json_put_u64(w, value);
}

void json_put_double_member(struct json_writer *w, const char *key, bool known, double value) {
    json_put_key(w, key);
    if (known)
        json_put_double(w, value);
    else
        json_put_null(w);
}

void json_put_time_member(struct json_writer *w, const char *key, bool known, int64_t ms) {
    json_put_key(w, key);
    if (known)
        json_put_time(w, ms);
    else
        json_put_null(w);
}
