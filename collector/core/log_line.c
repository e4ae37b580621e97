#include "core/log_line.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/utf8.h"

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};

/* --- Addresses -------------------------------------------------------------------------------------------------- */

/* What may stand in the local part without quotes (RFC 5321 and 6531). Wider than what is usual: hiding too much
 * is the safe side. */
static bool is_local(unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80 ||
           (c && strchr(".!#$%&'*+-/=?^_`{|}~", c));
}

static bool is_domain(unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80 ||
           (c && strchr(".-_@[]:%", c));
}

static bool holds_encoded_at(struct span word) {
    for (size_t i = 1; i + 3 < word.len; i++)
        if (word.ptr[i] == '%' && word.ptr[i + 1] == '4' && word.ptr[i + 2] == '0')
            return true;
    return false;
}

/* The length of a quoted local part with its "@", at the start of `s`; 0: it is none. */
static size_t quoted_local(struct span s) {
    enum { LONGEST = 256 };
    if (s.len < 4 || s.ptr[0] != '"')
        return 0;
    for (size_t i = 1; i + 1 < s.len && i < LONGEST; i++)
        if (s.ptr[i] == '"' && s.ptr[i + 1] == '@')
            return i + 2;
    return 0;
}

/* The length of what looks like an address at the start of `s`, or 0. `*word` is how much else can be taken as a whole:
 * a word with no address in it, or the one byte that is no word. */
static size_t address_at(struct span s, size_t *word) {
    size_t local = quoted_local(s);
    if (!local) {
        while (local < s.len && is_local((unsigned char)s.ptr[local]))
            local++;
        *word = local ? local : 1;
        if (local && holds_encoded_at((struct span){s.ptr, local}))
            return local;
        if (!local || local + 1 >= s.len || s.ptr[local] != '@')
            return 0;
        local++;
    }
    size_t end = local;
    while (end < s.len && is_domain((unsigned char)s.ptr[end]))
        end++;
    return end > local ? end : 0;
}

/* --- Values ----------------------------------------------------------------------------------------------------- */

/* Controls, line separators, and what turns or hides text on a terminal. */
static bool is_control(uint32_t c) {
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xe0000 && c <= 0xe007f);
}

static void put_code(struct buf *to, uint32_t code) {
    if (code >= 0x10000) {
        uint32_t rest = code - 0x10000;
        buf_printf(to, "\\u%04x\\u%04x", 0xd800u + (rest >> 10), 0xdc00u + (rest & 0x3ff));
    } else if (code == '\n' || code == '\r' || code == '\t') {
        buf_printf(to, "\\%c", code == '\n' ? 'n' : code == '\r' ? 'r' : 't');
    } else {
        buf_printf(to, "\\u%04x", (unsigned)code);
    }
}

/* One character of `s` within quotes; both forms escape alike. Returns its length. */
static size_t put_character(struct buf *to, struct span s) {
    uint32_t code = 0;
    size_t len = utf8_next(s, &code);
    if (!len) {
        buf_append_str(to, "\\ufffd");
        return 1;
    }
    if (is_control(code))
        put_code(to, code);
    else if (code == '"' || code == '\\')
        buf_printf(to, "\\%c", (char)code);
    else
        buf_append(to, s.ptr, len);
    return len;
}

static void put_text(struct buf *to, struct span s) {
    size_t end = to->len + LOG_VALUE_MAX, plain = 0;
    while (s.len) {
        if (to->len >= end) {
            buf_append_str(to, "...");
            return;
        }
        size_t step = 1;
        if (plain) { /* inside a word that was found to hold no address */
            step = put_character(to, s);
            plain -= step < plain ? step : plain;
        } else if ((step = address_at(s, &plain))) {
            buf_append_str(to, "<e-mail>");
            plain = 0;
        }
        s.ptr += step;
        s.len -= step;
    }
}

static bool needs_quotes(struct span s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\' || c == '<')
            return true;
    }
    return !s.len;
}

/* Spaces would be fine in no logfmt value without quotes, so the text is made first and then looked at. */
static void put_value(struct buf *to, enum log_format format, const char *value) {
    size_t start = to->len;
    buf_append_char(to, '"');
    put_text(to, span_of(value));
    buf_append_char(to, '"');
    struct span inside = {to->data + start + 1, to->len - start - 2};
    if (format == LOG_JSON || to->failed || needs_quotes(inside))
        return;
    memmove(to->data + start, inside.ptr, inside.len);
    to->len -= 2;
}

/* --- Lines ------------------------------------------------------------------------------------------------------ */

static void put_time(struct buf *to, int64_t ms) {
    time_t seconds = ms / 1000 - (ms % 1000 < 0);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm))
        tm = (struct tm){.tm_year = 70, .tm_mday = 1};
    buf_printf(to, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
               tm.tm_min, tm.tm_sec, (int)(ms - (int64_t)seconds * 1000));
}

static void put_name(struct buf *to, enum log_format format, const char *name) {
    buf_printf(to, format == LOG_JSON ? ",\"%s\":" : " %s=", name);
}

bool log_line_write(struct buf *to, enum log_format format, const struct log_line *line) {
    buf_append_str(to, format == LOG_JSON ? "{\"time\":\"" : "time=");
    put_time(to, line->now_ms);
    buf_append_str(to, format == LOG_JSON ? "\"" : "");
    put_name(to, format, "level");
    put_value(to, format, level_names[line->level]);
    put_name(to, format, "msg");
    put_value(to, format, line->message);
    for (size_t i = 0; i < line->count; i++) {
        const struct log_field *f = &line->fields[i];
        put_name(to, format, f->name);
        if (f->value)
            put_value(to, format, f->value);
        else
            buf_printf(to, "%lld", (long long)f->number);
    }
    if (line->suppressed) {
        put_name(to, format, "suppressed");
        buf_printf(to, "%llu", (unsigned long long)line->suppressed);
    }
    buf_append_str(to, format == LOG_JSON ? "}\n" : "\n");
    return !to->failed;
}

/* --- Limit ------------------------------------------------------------------------------------------------------ */

/* The same text may be several literals, so the text counts and not its place. */
static struct log_limit_text *find_text(struct log_limit *l, const char *message) {
    for (size_t i = 0; i < LOG_LIMIT_TEXTS; i++) {
        struct log_limit_text *t = &l->texts[i];
        if (!t->message) {
            t->message = message;
            return t;
        }
        if (t->message == message || strcmp(t->message, message) == 0)
            return t;
    }
    return NULL;
}

bool log_limit_pass(struct log_limit *l, const char *message, int64_t now_ms, uint64_t *suppressed) {
    *suppressed = 0;
    struct log_limit_text *t = find_text(l, message);
    if (!t)
        return true;
    if (t->count && now_ms - t->since_ms >= LOG_LIMIT_MS) {
        *suppressed = t->count > LOG_LIMIT_COUNT ? t->count - LOG_LIMIT_COUNT : 0;
        t->count = 0;
    }
    if (!t->count)
        t->since_ms = now_ms;
    return t->count++ < LOG_LIMIT_COUNT;
}
