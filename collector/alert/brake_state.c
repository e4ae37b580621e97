/* The brake's state as text: a line that says which form it is, then a line for each pause, its name last:
 *
 *     brake 1
 *     INCIDENT SINCE OVER REACH FLAGS NAME
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "alert/brake.h"
#include "core/alloc.h"

static const char first_line[] = "brake 1\n";

enum { FLAG_DRY = 1, FLAG_JOINED = 2, FLAG_STAYS = 4, FLAG_ENDED = 8, FLAGS = 15 };

bool brake_state_encode(const struct brake_state *s, struct buf *to) {
    buf_append_str(to, first_line);
    for (size_t i = 0; i < s->count; i++) {
        const struct brake_pause *p = &s->pauses[i];
        int flags = (p->dry ? FLAG_DRY : 0) | (p->joined ? FLAG_JOINED : 0) | (p->stays ? FLAG_STAYS : 0) |
                    (p->ended ? FLAG_ENDED : 0);
        buf_printf(to, "%" PRIu64 " %" PRId64 " %" PRId64 " %d %d %s\n", p->incident, p->since_ms, p->over_ms,
                   (int)p->reach, flags, p->configuration_set);
    }
    return !to->failed;
}

/* A number of digits alone and the blank behind it. */
static bool take_number(struct span *line, uint64_t most, uint64_t *to) {
    size_t at = 0;
    *to = 0;
    for (; at < line->len && line->ptr[at] >= '0' && line->ptr[at] <= '9'; at++) {
        uint64_t digit = (uint64_t)(line->ptr[at] - '0');
        if (digit > most || *to > (most - digit) / 10)
            return false;
        *to = *to * 10 + digit;
    }
    if (!at || at == line->len || line->ptr[at] != ' ')
        return false;
    line->ptr += at + 1;
    line->len -= at + 1;
    return true;
}

static bool take_line(struct span line, struct brake_pause *p) {
    uint64_t incident, since, over, reach, flags;
    if (!take_number(&line, UINT64_MAX, &incident) || !take_number(&line, INT64_MAX, &since) ||
        !take_number(&line, INT64_MAX, &over) || !take_number(&line, BRAKE_REACHED, &reach) ||
        !take_number(&line, FLAGS, &flags) || line.len >= BRAKE_NAME_SIZE)
        return false;
    *p = (struct brake_pause){.incident = incident,
                              .since_ms = (int64_t)since,
                              .over_ms = (int64_t)over,
                              .reach = (enum brake_reach)reach,
                              .dry = flags & FLAG_DRY,
                              .joined = flags & FLAG_JOINED,
                              .stays = flags & FLAG_STAYS,
                              .ended = flags & FLAG_ENDED};
    memcpy(p->configuration_set, line.ptr, line.len);
    return brake_is_name(p->configuration_set) && strlen(p->configuration_set) == line.len;
}

static bool take_all(struct span text, struct brake_state *s) {
    size_t head = sizeof first_line - 1;
    if (text.len < head || memcmp(text.ptr, first_line, head) != 0)
        return false;
    for (const char *at = text.ptr + head, *end = text.ptr + text.len; at < end;) {
        const char *eol = memchr(at, '\n', (size_t)(end - at));
        struct brake_pause p;
        if (!eol || s->count == BRAKE_PAUSES_MAX || !take_line((struct span){at, (size_t)(eol - at)}, &p))
            return false;
        if (s->count == s->capacity) {
            s->capacity = s->capacity ? s->capacity * 2 : 8;
            s->pauses = alloc_resize(s->pauses, s->capacity, sizeof *s->pauses);
        }
        s->pauses[s->count++] = p;
        at = eol + 1;
    }
    return true;
}

bool brake_state_decode(struct span from, struct brake_state *s, struct err *err) {
    *s = (struct brake_state){0};
    if (take_all(from, s))
        return true;
    brake_state_deinit(s);
    return err_set(err, ERR_INPUT, "the state file's list of pauses is damaged");
}
