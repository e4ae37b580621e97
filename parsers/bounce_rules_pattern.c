#include "parsers/bounce_rules_internal.h"

/* Digits up to `limit`, and moves past them. False when there are none, or the number is larger. */
static bool take_number(struct span *text, uint16_t limit, uint16_t *n) {
    size_t len = 0;
    for (*n = 0; len < text->len && text->ptr[len] >= '0' && text->ptr[len] <= '9'; len++) {
        *n = (uint16_t)(*n * 10 + (text->ptr[len] - '0'));
        if (*n > limit)
            return false;
    }
    text->ptr += len, text->len -= len;
    return len > 0;
}

static bool take_char(struct span *text, char c) {
    if (!text->len || text->ptr[0] != c)
        return false;
    text->ptr++, text->len--;
    return true;
}

bool code_pattern_parse(struct span text, struct code_pattern *p) {
    uint16_t class = 0;
    *p = (struct code_pattern){.to = 999};
    if (!take_char(&text, 'x') && (!take_number(&text, 5, &class) || (class != 4 && class != 5)))
        return false;
    p->class = (uint8_t) class;
    if (!take_char(&text, '.') || !take_number(&text, 999, &p->subject) || !take_char(&text, '.'))
        return false;
    if (take_char(&text, '*'))
        return !text.len;
    if (!take_number(&text, 999, &p->from))
        return false;
    p->to = p->from;
    if (take_char(&text, '-') && !take_number(&text, 999, &p->to))
        return false;
    return !text.len && p->from <= p->to;
}

bool code_pattern_fits(const struct code_pattern *p, const struct smtp_status *s) {
    return (s->class == 4 || s->class == 5) && (p->class == 0 || p->class == s->class) && p->subject == s->subject &&
           s->detail >= p->from && s->detail <= p->to;
}

bool reply_pattern_parse(struct span text, struct reply_pattern *p) {
    uint16_t scale = 1;
    while (scale < 100 && text.len > 1 && text.ptr[text.len - 1] == 'x')
        scale = (uint16_t)(scale * 10), text.len--;
    if (!take_number(&text, 599, &p->from))
        return false;
    p->to = p->from;
    if (scale == 1 && take_char(&text, '-') && !take_number(&text, 599, &p->to))
        return false;
    p->from = (uint16_t)(p->from * scale);
    p->to = (uint16_t)(p->to * scale + scale - 1);
    return !text.len && p->from >= 400 && p->from <= p->to && p->to <= 599;
}
