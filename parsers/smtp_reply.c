#include "parsers/smtp_reply.h"

#include <stdbool.h>
#include <string.h>

static inline bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static inline bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool is_word(char c) {
    return is_digit(c) || is_letter(c) || c == '_';
}

/* A byte of the text, or NUL outside of it. */
static inline char at(struct span s, size_t i) {
    return i < s.len ? s.ptr[i] : '\0';
}

/* 1 to 3 digits. Returns how many; 0 when there are none, or more. */
static size_t read_number(struct span s, size_t i, uint16_t *n) {
    size_t len = 0;
    for (*n = 0; is_digit(at(s, i + len)); len++) {
        if (len == 3)
            return 0;
        *n = (uint16_t)(*n * 10 + (at(s, i + len) - '0'));
    }
    return len;
}

/* digit . 1-3 digits . 1-3 digits at `i`. Returns its length, or 0. What stands around it is not looked at. */
static size_t read_status(struct span s, size_t i, struct smtp_status *status) {
    char class = at(s, i);
    if ((class != '2' && class != '4' && class != '5') || at(s, i + 1) != '.')
        return 0;
    size_t subject_len = read_number(s, i + 2, &status->subject);
    if (!subject_len || at(s, i + 2 + subject_len) != '.')
        return 0;
    size_t detail_len = read_number(s, i + 3 + subject_len, &status->detail);
    if (!detail_len)
        return 0;
    status->class = (uint8_t)(class - '0');
    return 3 + subject_len + detail_len;
}

struct smtp_status smtp_status_parse(struct span text) {
    struct smtp_status status = {0};
    text = span_trim(text);
    if (text.len == 0 || read_status(text, 0, &status) != text.len)
        return (struct smtp_status){0};
    return status;
}

int smtp_status_is_weak(const struct smtp_status *s) {
    return (s->subject == 0 && s->detail == 0) || (s->class == 4 && s->subject == 4 && s->detail == 7);
}

/* Three digits of a reply that means something: 2xx, 4xx, 5xx. */
static uint16_t read_code(struct span s, size_t i) {
    char class = at(s, i);
    if ((class != '2' && class != '4' && class != '5') || !is_digit(at(s, i + 1)) || !is_digit(at(s, i + 2)) ||
        is_word(at(s, i + 3)))
        return 0;
    return (uint16_t)((class - '0') * 100 + (at(s, i + 1) - '0') * 10 + (at(s, i + 2) - '0'));
}

/* The blanks before `i` are skipped, and the byte before them is returned. */
static size_t skip_back(struct span s, size_t i) {
    while (i > 0 && span_is_blank(s.ptr[i - 1]))
        i--;
    return i;
}

/* The reply code right before `i`, as in `550 5.1.1`, `550-5.1.1`, `550 #5.1.1`; 0 when there is none. */
static uint16_t code_before(struct span s, size_t i) {
    if (i > 0 && (s.ptr[i - 1] == '#' || s.ptr[i - 1] == '(' || s.ptr[i - 1] == '-'))
        i--;
    i = skip_back(s, i);
    if (i < 3 || (i > 3 && (is_word(s.ptr[i - 4]) || s.ptr[i - 4] == '.')))
        return 0;
    return read_code((struct span){s.ptr, i}, i - 3);
}

/* "Exim 4.94.2", "version 5.1.1". */
static bool is_after_program(struct span s, size_t i) {
    static const char *const words[] = {"version", "ver", "exim", "sendmail", "postfix", "release", "exchange"};
    size_t end = skip_back(s, i), start = end;
    if (end == i)
        return false;
    while (start > 0 && is_letter(s.ptr[start - 1]))
        start--;
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++)
        if (span_eq_nocase((struct span){s.ptr + start, end - start}, span_of(words[k])))
            return true;
    return false;
}

/* Whether a status of `len` bytes at `i` stands alone. RFC 3463 has the subjects 0 to 7: "4.94.2" is a version. */
static bool stands_alone(struct span s, size_t i, size_t len, const struct smtp_status *status) {
    char before = i ? s.ptr[i - 1] : ' ', after = at(s, i + len), then = at(s, i + len + 1);
    if (status->subject > 7 || is_word(before) || before == '.' || before == '/' || before == '@')
        return false;
    if (before == '-' && !code_before(s, i))
        return false;
    if (is_word(after) || after == '/' || after == '@' || ((after == '.' || after == '-') && is_word(then)))
        return false;
    return !is_after_program(s, i);
}

/* 0: nothing; more is better. */
static int worth(const struct smtp_status *s) {
    return s->class == 0 ? 0 : s->class == 2 ? 1 : smtp_status_is_weak(s) ? 2 : 3;
}

static void find_status(struct smtp_reply *reply) {
    struct span s = reply->text;
    uint16_t first = reply->code;
    for (size_t i = 0; i + 5 <= s.len && worth(&reply->status) < 3; i++) {
        struct smtp_status status = {0};
        size_t len = s.ptr[i + 1] == '.' ? read_status(s, i, &status) : 0;
        if (!len || !stands_alone(s, i, len, &status) || worth(&status) <= worth(&reply->status))
            continue;
        reply->status = status;
        uint16_t code = code_before(s, i);
        reply->code = code ? code : first;
        i += len - 1;
    }
}

static bool has_line_end(struct span s, size_t from, size_t to) {
    return memchr(s.ptr + from, '\n', to - from) || memchr(s.ptr + from, '\r', to - from);
}

/* At the start of the text or of a line, or behind `said:` or `<`: anywhere else it may be any number. */
static uint16_t first_code(struct span s) {
    for (size_t i = 0; i + 3 <= s.len; i++) {
        uint16_t code = read_code(s, i);
        if (!code || at(s, i + 3) == '.')
            continue;
        size_t back = skip_back(s, i);
        bool is_start = back == 0 || has_line_end(s, back, i) || s.ptr[back - 1] == '<' ||
                        (back >= 5 && span_eq_nocase((struct span){s.ptr + back - 5, 5}, SPAN_LIT("said:")));
        if (is_start)
            return code;
    }
    return 0;
}

/* `smtp;`, `x-unix;`, `X-Postfix;`: the kind of text that follows. It may stand there twice. */
static struct span strip_type(struct span s) {
    static const char *const types[] = {"smtp", "lmtp", "dns", "unix", "local", "unknown", "rfc822", "x400"};
    for (;;) {
        s = span_trim(s);
        size_t len = 0;
        while (len < s.len && len < 32 && (is_word(s.ptr[len]) || s.ptr[len] == '-'))
            len++;
        struct span type = {s.ptr, len};
        while (span_is_blank(at(s, len)))
            len++;
        if (at(s, len) != ';')
            return s;
        bool known = type.len > 2 && (type.ptr[0] | 0x20) == 'x' && type.ptr[1] == '-';
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
            known |= span_eq_nocase(type, span_of(types[i]));
        if (!known)
            return s;
        s.ptr += len + 1, s.len -= len + 1;
    }
}

struct smtp_reply smtp_reply_parse(struct span diagnostic) {
    if (diagnostic.len > SMTP_REPLY_MAX)
        diagnostic.len = SMTP_REPLY_MAX;
    struct smtp_reply reply = {.text = diagnostic.len ? strip_type(diagnostic) : (struct span){"", 0}};
    reply.code = first_code(reply.text);
    find_status(&reply);
    return reply;
}

/* How the lines of a reply begin. */
struct line_start {
    struct span code; /* three digits; none: this is no reply */
    bool continued;   /* the first line says that another one follows */
};

/* The codes that begin a line at `i`, `550-5.1.1` or `550 5.1.1`: how many bytes. 0: there are none. */
static size_t codes_at(struct span s, size_t i, struct span code) {
    if (i + code.len > s.len || memcmp(s.ptr + i, code.ptr, code.len) != 0)
        return 0;
    size_t end = i + code.len;
    if (at(s, end) == '-')
        end++;
    else if (end < s.len && !span_is_blank(s.ptr[end]))
        return 0;
    size_t behind = end;
    while (behind < s.len && span_is_blank(s.ptr[behind]))
        behind++;
    struct smtp_status status = {0};
    size_t len = read_status(s, behind, &status);
    behind += len;
    return (len && (behind == s.len || span_is_blank(s.ptr[behind])) ? behind : end) - i;
}

/* Past the blanks at `i`, and past the codes of the lines that begin behind them. */
static size_t skip_line_starts(struct span s, size_t i, const struct line_start *start) {
    for (;;) {
        size_t from = i;
        while (i < s.len && span_is_blank(s.ptr[i]))
            i++;
        bool begins = i > from && start->code.len && (start->continued || has_line_end(s, from, i));
        size_t codes = begins ? codes_at(s, i, start->code) : 0;
        if (!codes)
            return i;
        i += codes;
    }
}

struct span smtp_reply_join(const struct smtp_reply *reply, char *to) {
    struct span s = reply->text;
    struct line_start start = {0};
    if (read_code(s, 0))
        start = (struct line_start){{s.ptr, 3}, at(s, 3) == '-'};
    size_t len = 0;
    for (size_t i = 0; i < s.len;) {
        if (!span_is_blank(s.ptr[i])) {
            to[len++] = s.ptr[i++];
            continue;
        }
        i = skip_line_starts(s, i, &start);
        if (i < s.len)
            to[len++] = ' ';
    }
    return (struct span){to, len};
}
