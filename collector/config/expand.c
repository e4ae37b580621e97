/* Variables of the environment in values. Done after YAML was parsed: whatever a variable holds, it stays one value. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/words.h"
#include "core/span.h"
#include "core/utf8.h"

static bool is_name(struct span s) {
    if (!s.len || s.len > 100 || (s.ptr[0] >= '0' && s.ptr[0] <= '9'))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

static bool is_utf8(struct span s) {
    uint32_t code;
    for (size_t len; s.len; s.ptr += len, s.len -= len)
        if (!(len = utf8_next(s, &code)))
            return false;
    return true;
}

/* What stands between ${ and }. */
static bool expand_one(struct span inside, struct buf *to, struct err *err) {
    const char *colon = memchr(inside.ptr, ':', inside.len);
    struct span name = {inside.ptr, colon ? (size_t)(colon - inside.ptr) : inside.len}, rest = {NULL, 0};
    char kind = 0, text[128];
    if (colon) {
        rest = (struct span){colon + 1, inside.len - name.len - 1};
        kind = rest.len ? rest.ptr[0] : 0;
    }
    if (!is_name(name) || (colon && kind != '-' && kind != '?'))
        return err_set(err, ERR_CONFIG,
                       "${%.*s} is not understood; write ${NAME}, ${NAME:-default} or ${NAME:?message}, and $$ for a $",
                       inside.len < 60 ? (int)inside.len : 60, inside.ptr);
    snprintf(text, sizeof text, "%.*s", SPAN_ARG(name));
    const char *value = getenv(text);
    if (value && !is_utf8(span_of(value)))
        return err_set(err, ERR_CONFIG, "the variable %s of the environment is not UTF-8", text);
    if (value && (*value || !kind))
        return buf_append_str(to, value);
    if (kind == '-')
        return buf_append(to, rest.ptr + 1, rest.len - 1);
    if (kind == '?')
        return err_set(err, ERR_CONFIG, "the variable %s is not set: %.*s", text,
                       rest.len - 1 < 200 ? (int)(rest.len - 1) : 200, rest.ptr + 1);
    return err_set(err, ERR_CONFIG, "the variable %s of the environment is not set; set it, or write ${%s:-default}",
                   text, text);
}

bool expand_variables(const char *text, struct buf *to, struct err *err) {
    while (*text) {
        size_t len = strcspn(text, "$");
        buf_append(to, text, len);
        text += len;
        if (*text != '$')
            break;
        if (text[1] != '{') {
            buf_append_char(to, '$');
            text += text[1] == '$' ? 2 : 1;
            continue;
        }
        const char *end = strchr(text, '}');
        struct span inside = {text + 2, end ? (size_t)(end - text) - 2 : 0};
        if (!end)
            return err_set(err, ERR_CONFIG, "${ without its }; write $${ for the characters themselves");
        if (memmem(inside.ptr, inside.len, "${", 2))
            return err_set(err, ERR_CONFIG,
                           "a variable inside the default of another; only plain text can stand there");
        if (!expand_one(inside, to, err))
            break;
        text = end + 1;
    }
    if (to->failed)
        return err_set(err, ERR_CONFIG, "too long once its variables are filled in");
    return !err->code;
}
