#include "sinks/find_table.h"

#include <string.h>

#include "core/utf8.h"
#include "sinks/report_cell.h"
#include "sinks/report_style.h"
#include "sinks/text.h"

enum { EVENT_WIDTH = 17, INDENT = 2, TIME_WIDTH = 19, MIN_WIDTH = 60, SHOWN_RECIPIENTS = 3 };

struct table {
    FILE *out;
    bool colour;
    size_t width; /* SIZE_MAX: no end */
    size_t at;    /* the column that is written next */
};

/* --- text from outside -------------------------------------------------------------------------------------------- */

/* The next character as a terminal may see it: line ends and tabs are blanks, other control characters U+FFFD. */
static size_t next_shown(struct span rest, char shown[8], size_t *width) {
    uint32_t c = 0;
    size_t len = utf8_next(rest, &c);
    struct span as = {rest.ptr, len};
    if (len && span_is_blank(rest.ptr[0]))
        as = SPAN_LIT(" ");
    else if (len == 0 || text_is_control(c))
        as = SPAN_LIT("\xef\xbf\xbd");
    memcpy(shown, as.ptr, as.len);
    shown[as.len] = '\0';
    *width = report_name_width(shown);
    return len ? len : 1;
}

static struct span behind(struct span s, size_t n) {
    return (struct span){s.ptr + n, s.len - n};
}

/* As much of `text` as fits into the line, with ".." where it is cut. */
static void put_cut(struct table *t, const char *text) {
    size_t room = t->width > t->at ? t->width - t->at : 0, total = 0, step;
    char shown[8];
    for (struct span rest = span_of(text); rest.len && total <= room; total += step)
        rest = behind(rest, next_shown(rest, shown, &step));
    bool cut = total > room;
    size_t limit = cut ? (room > 2 ? room - 2 : 0) : room, used = 0;
    for (struct span rest = span_of(text); rest.len;) {
        size_t n = next_shown(rest, shown, &step);
        if (used + step > limit)
            break;
        fputs(shown, t->out);
        used += step;
        rest = behind(rest, n);
    }
    if (cut && room >= 2) {
        fputs("..", t->out);
        used += 2;
    }
    t->at += used;
}

static void put_blanks(struct table *t, size_t n) {
    fprintf(t->out, "%*s", (int)n, "");
    t->at += n;
}

static void end_line(struct table *t) {
    fputc('\n', t->out);
    t->at = 0;
}

/* How many bytes of `text` go into `room` columns: to the last blank if there is one, to the end if all fits. */
static size_t line_length(struct span text, size_t room) {
    size_t used = 0, step, len = 0, last_blank = 0;
    char shown[8];
    while (len < text.len) {
        size_t n = next_shown(behind(text, len), shown, &step);
        if (shown[0] == ' ')
            last_blank = len;
        if (used + step > room)
            return last_blank ? last_blank : len ? len : n;
        used += step;
        len += n;
    }
    return len;
}

/* All of `text`, over as many lines as it takes, each indented. */
static void put_wrapped(struct table *t, size_t indent, const char *text, enum report_style style) {
    size_t room = t->width == SIZE_MAX ? SIZE_MAX : t->width - indent;
    for (struct span rest = span_trim(span_of(text)); rest.len; rest = span_trim(rest)) {
        char shown[8];
        size_t len = line_length(rest, room), step;
        put_blanks(t, indent);
        fputs(report_style_begin(t->colour, style), t->out);
        for (struct span line = {rest.ptr, len}; line.len;) {
            line = behind(line, next_shown(line, shown, &step));
            fputs(shown, t->out);
        }
        fputs(report_style_end(t->colour, style), t->out);
        end_line(t);
        rest = behind(rest, len);
    }
}

/* --- a message ---------------------------------------------------------------------------------------------------- */

static enum report_style style_of(enum event_type type) {
    switch (type) {
    case EVENT_BOUNCE:
    case EVENT_COMPLAINT:
    case EVENT_REJECT:
    case EVENT_RENDERING_FAILURE:
        return STYLE_CRITICAL;
    case EVENT_DELIVERY_DELAY:
        return STYLE_WARNING;
    case EVENT_DELIVERY:
    case EVENT_OPEN:
    case EVENT_CLICK:
        return STYLE_GOOD;
    default:
        return STYLE_PLAIN;
    }
}

static void put_styled(struct table *t, enum report_style style, const char *word, size_t width) {
    fprintf(t->out, "%s%-*s%s", report_style_begin(t->colour, style), (int)width, word,
            report_style_end(t->colour, style));
    t->at += strlen(word) > width ? strlen(word) : width;
}

static void put_time(struct table *t, enum report_style style, int64_t ms) {
    char text[TEXT_TIME_SIZE];
    text_time_plain(ms, text);
    put_styled(t, style, text, TIME_WIDTH);
}

static void put_heading(struct table *t, const struct found_message *m) {
    enum event_type last = m->last_event;
    put_time(t, STYLE_BOLD, m->sent_ms);
    put_blanks(t, 2);
    put_styled(t, last == EVENT_TYPES ? STYLE_PLAIN : style_of(last), last == EVENT_TYPES ? "?" : event_type_name(last),
               0);
    if (m->last_engagement != EVENT_TYPES) {
        put_blanks(t, 1);
        put_styled(t, STYLE_GOOD, event_type_name(m->last_engagement), 0);
    }
    put_blanks(t, 2);
    fputs(report_style_begin(t->colour, STYLE_BOLD), t->out);
    put_cut(t, *m->subject ? m->subject : "(subject not known)");
    fputs(report_style_end(t->colour, STYLE_BOLD), t->out);
    end_line(t);
}

static void put_field(struct table *t, const char *name, const char *text) {
    put_blanks(t, INDENT);
    put_styled(t, STYLE_DIM, name, 6);
    put_cut(t, text);
    end_line(t);
}

/* The first few different recipients; how many there are, `many` beyond that. */
static size_t first_recipients(const struct found_message *m, const char *names[SHOWN_RECIPIENTS], bool *many) {
    size_t count = 0;
    *many = false;
    for (size_t i = 0; i < m->count && !*many; i++) {
        size_t k = 0;
        if (!*m->events[i].recipient)
            continue;
        while (k < count && strcmp(names[k], m->events[i].recipient) != 0)
            k++;
        if (k < count)
            continue;
        *many = count == SHOWN_RECIPIENTS;
        if (!*many)
            names[count++] = m->events[i].recipient;
    }
    return count;
}

static void put_recipients(struct table *t, const char *const *names, size_t count, bool many) {
    put_blanks(t, INDENT);
    put_styled(t, STYLE_DIM, "to", 6);
    for (size_t i = 0; i < count; i++) {
        if (i)
            put_cut(t, ", ");
        put_cut(t, names[i]);
    }
    if (many)
        put_cut(t, ", and others");
    end_line(t);
}

static void put_event(struct table *t, const struct found_event *e, bool with_recipient) {
    const char *first, *second;
    char words[512];
    bool failed = e->type == EVENT_BOUNCE || e->type == EVENT_DELIVERY_DELAY;
    bool visit = e->type == EVENT_OPEN || e->type == EVENT_CLICK;
    found_event_words(e, &first, &second);
    snprintf(words, sizeof words, "%s%s%s%s%s%s%s%s%s%s", e->provider, failed ? "  " : "",
             failed ? bounce_reason_name((enum bounce_reason)e->reason) : "", first ? "  " : "", first ? first : "",
             second ? ", " : "", second ? second : "", *e->status ? "  " : "", e->status,
             visit ? (e->visitor == VISITOR_HUMAN   ? "  human"
                      : e->visitor == VISITOR_PROXY ? "  proxy"
                                                    : "  machine")
                   : "");
    put_blanks(t, INDENT);
    put_time(t, STYLE_PLAIN, e->time_ms);
    put_blanks(t, 2);
    put_styled(t, style_of((enum event_type)e->type), event_type_name((enum event_type)e->type), EVENT_WIDTH);
    put_blanks(t, 2);
    put_cut(t, words);
    if (with_recipient && *e->recipient) {
        put_cut(t, "  ");
        put_cut(t, e->recipient);
    }
    end_line(t);
    put_wrapped(t, INDENT + TIME_WIDTH + 2, e->answer, STYLE_PLAIN);
    put_wrapped(t, INDENT + TIME_WIDTH + 2, e->link, STYLE_PLAIN);
    put_wrapped(t, INDENT + TIME_WIDTH + 2, e->user_agent, STYLE_DIM);
}

static void put_message(struct table *t, const struct found_message *m) {
    const char *names[SHOWN_RECIPIENTS];
    bool many;
    size_t count = first_recipients(m, names, &many);
    put_heading(t, m);
    if (*m->from)
        put_field(t, "from", m->from);
    if (count)
        put_recipients(t, names, count, many);
    if (*m->configuration_set)
        put_field(t, "set", m->configuration_set);
    put_field(t, "id", m->id);
    for (size_t i = 0; i < m->count; i++)
        put_event(t, &m->events[i], count > 1);
}

void find_table_write(FILE *out, const struct found_message *messages, size_t count, const struct find_options *o) {
    struct table t = {.out = out, .colour = o->colour, .width = SIZE_MAX};
    if (o->width > 0)
        t.width = o->width < MIN_WIDTH ? MIN_WIDTH : (size_t)o->width;
    for (size_t i = 0; i < count; i++) {
        if (i)
            fputc('\n', out);
        put_message(&t, &messages[i]);
    }
}
