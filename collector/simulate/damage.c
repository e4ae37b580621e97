#include "simulate/damage.h"

#include <string.h>

/* Each makes a record malformed that was sound: the first occurrence of `find` becomes `put`. */
struct edit {
    const char *find, *put;
};

/* The structure stays whole. */
static const struct edit edits_inside[] = {
    {"\"messageId\":\"", "\"messageid\":\""},            /* missing: the name is another one */
    {"\"messageId\":\"", "\"messageId\":17,\"was\":\""}, /* of the wrong type */
    {"\"messageId\":\"", "\"messageId\":\"\",\"was\":\""},
    {"\"mail\":{", "\"mail\":[],\"was\":{"},
    {"\"mail\":{", "\"mial\":{"},
    {"\"eventType\":\"", "\"eventType\":null,\"was\":\""},
    {"\"mail\":{", "\"mail\":{\"messageId\":\"twice\","},
};

/* It does not. */
static const struct edit edits_torn[] = {
    {"\"mail\":{", "\"mail\":{,"},
    {"\"mail\":{", "\"mail\" {"},
    {",\"destination\"", "\"destination\""},
    {"],\"", "\",\""},
};

static const struct edit fallback = {"", "\"mail\":null,"};

static void apply(const struct edit *edit, struct span record, struct buf *out) {
    const char *at = memmem(record.ptr, record.len, edit->find, strlen(edit->find));
    if (!at) { /* not in this kind of record: a key that stands twice can be had in every one */
        at = record.ptr + 1;
        edit = &fallback;
    }
    buf_append(out, record.ptr, (size_t)(at - record.ptr));
    buf_append_str(out, edit->put);
    at += strlen(edit->find);
    buf_append(out, at, (size_t)(record.ptr + record.len - at));
}

/* A bad time: the digit that begins every year we write becomes a letter, in mail and in the event. */
static void break_times(struct span record, struct buf *out) {
    static const char mark[] = "\"timestamp\":\"";
    size_t from = out->len;
    if (!buf_append(out, record.ptr, record.len))
        return;
    char *p = out->data + from, *end = out->data + out->len;
    while ((p = memmem(p, (size_t)(end - p), mark, sizeof mark - 1)) != NULL) {
        p += sizeof mark - 1;
        *p = 'x';
    }
}

void damage_record(struct prng *r, struct span record, bool by_line, struct buf *out) {
    enum { INSIDE = sizeof edits_inside / sizeof edits_inside[0], TORN = sizeof edits_torn / sizeof edits_torn[0] };
    buf_clear(out);
    uint32_t kind = prng_below(r, by_line ? INSIDE + TORN + 5 : INSIDE + 1);
    if (kind < INSIDE)
        apply(&edits_inside[kind], record, out);
    else if (kind == INSIDE)
        break_times(record, out);
    else if (kind <= INSIDE + TORN)
        apply(&edits_torn[kind - INSIDE - 1], record, out);
    else if (kind == INSIDE + TORN + 1)
        buf_append_str(out, "ERROR upstream connect error: connection reset by peer");
    else /* cut off: the commonest damage of all */
        buf_append(out, record.ptr, prng_between(r, 20, (uint32_t)record.len - 1));
}

static void new_line(struct buf *out, uint32_t depth) {
    buf_append_char(out, '\n');
    for (uint32_t i = 0; i < depth; i++)
        buf_append(out, "  ", 2);
}

/* The end of the string that begins at `p`. */
static const char *string_end(const char *p, const char *end) {
    for (p++; p < end && *p != '"'; p++)
        p += *p == '\\';
    return p < end ? p + 1 : end;
}

void damage_spread(struct span record, struct buf *out) {
    uint32_t depth = 0;
    const char *end = record.ptr + record.len;
    for (const char *p = record.ptr; p < end;) {
        const char *from = p;
        if (*p == '"') {
            p = string_end(p, end);
            buf_append(out, from, (size_t)(p - from));
            continue;
        }
        bool closes = *p == '}' || *p == ']';
        if (closes && (from == record.ptr || (p[-1] != '{' && p[-1] != '[')))
            new_line(out, --depth);
        else if (closes)
            depth--;
        buf_append_char(out, *p);
        if (*p == ':')
            buf_append_char(out, ' ');
        if (*p == '{' || *p == '[')
            depth++;
        if (*p == ',' || ((*p == '{' || *p == '[') && p + 1 < end && p[1] != '}' && p[1] != ']'))
            new_line(out, depth);
        p++;
    }
}
