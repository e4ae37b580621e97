#include "sinks/find.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "sinks/csv.h"
#include "sinks/find_table.h"
#include "sinks/json_writer.h"
#include "sinks/text.h"

/* --- order -------------------------------------------------------------------------------------------------------- */

/* What can only follow what, where two have the same time: SES's notifications cut times to seconds. */
static int rank(enum event_type type) {
    static const int ranks[EVENT_TYPES] = {
        [EVENT_SEND] = 0,     [EVENT_REJECT] = 1,  [EVENT_RENDERING_FAILURE] = 1, [EVENT_DELIVERY_DELAY] = 2,
        [EVENT_DELIVERY] = 3, [EVENT_BOUNCE] = 4,  [EVENT_COMPLAINT] = 5,         [EVENT_OPEN] = 6,
        [EVENT_CLICK] = 7,    [EVENT_UNKNOWN] = 8, [EVENT_SUBSCRIPTION] = 9};
    return ranks[type];
}

static int newest_first(const void *x, const void *y) {
    const struct found_event *a = x, *b = y;
    if ((a->type == EVENT_SEND) != (b->type == EVENT_SEND))
        return a->type == EVENT_SEND ? 1 : -1;
    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms ? 1 : -1;
    int by_rank = rank((enum event_type)b->type) - rank((enum event_type)a->type);
    if (by_rank)
        return by_rank;
    int by_name = strcmp(a->recipient, b->recipient);
    return by_name ? by_name : (a->key > b->key) - (a->key < b->key);
}

static bool is_engagement(const struct found_event *e) {
    return e->type == EVENT_OPEN || e->type == EVENT_CLICK;
}

static bool is_delivery(const struct found_event *e) {
    return !is_engagement(e) && e->type != EVENT_SUBSCRIPTION && e->type != EVENT_UNKNOWN;
}

void found_message_settle(struct found_message *m) {
    qsort(m->events, m->count, sizeof *m->events, newest_first);
    if (!*m->from)
        m->from = m->source;
    m->last_event = m->last_engagement = EVENT_TYPES;
    for (size_t i = m->count; i-- > 0;) {
        if (is_engagement(&m->events[i]))
            m->last_engagement = (enum event_type)m->events[i].type;
        else if (is_delivery(&m->events[i]))
            m->last_event = (enum event_type)m->events[i].type;
    }
}

/* By recipient, then newest first: the events are in that order already, in one array. */
static int by_recipient(const void *x, const void *y) {
    const struct found_event *const *a = x, *const *b = y;
    int by_name = strcmp((*a)->recipient, (*b)->recipient);
    return by_name ? by_name : (*a > *b) - (*a < *b);
}

/* What names no recipient (a complaint about one of several) concerns all, and stands in front of the others here. */
bool found_message_ended_as(const struct found_message *m, enum event_type type) {
    const struct found_event **sorted = alloc_zeroed(m->count + 1, sizeof(struct found_event *)), *whole = NULL;
    size_t count = 0;
    for (size_t i = 0; i < m->count; i++)
        if (is_delivery(&m->events[i]))
            sorted[count++] = &m->events[i];
    qsort(sorted, count, sizeof(struct found_event *), by_recipient);
    if (count && !*sorted[0]->recipient)
        whole = sorted[0];
    bool found = false, any = false;
    for (size_t i = 0; i < count && !found; i++) {
        const struct found_event *e = sorted[i];
        if (!*e->recipient || (i && strcmp(sorted[i - 1]->recipient, e->recipient) == 0))
            continue;
        const struct found_event *last = whole && whole < e ? whole : e;
        any = true;
        found = last->type == type;
    }
    found = found || (!any && whole && whole->type == type);
    free(sorted);
    return found;
}

void found_event_words(const struct found_event *e, const char **first, const char **second) {
    *first = *second = NULL;
    switch ((enum event_type)e->type) {
    case EVENT_BOUNCE:
        *first = bounce_type_name((enum bounce_type)(e->detail >> 8));
        *second = bounce_subtype_name((enum bounce_subtype)(e->detail & 0xff));
        break;
    case EVENT_DELIVERY_DELAY:
        *first = delay_type_name((enum delay_type)e->detail);
        break;
    case EVENT_COMPLAINT:
        *first = feedback_type_name((enum feedback_type)e->detail);
        break;
    case EVENT_REJECT:
        *first = reject_reason_name((enum reject_reason)e->detail);
        break;
    case EVENT_SUBSCRIPTION:
        *first = subscription_change_name((enum subscription_change)(e->detail >> 8));
        *second = subscription_source_name((enum subscription_source)(e->detail & 0xff));
        break;
    default:
        break;
    }
}

static const char *type_name(enum event_type type) {
    return type == EVENT_TYPES ? NULL : event_type_name(type);
}

static const char *reason_of(const struct found_event *e) {
    bool has = e->type == EVENT_BOUNCE || e->type == EVENT_DELIVERY_DELAY;
    return has ? bounce_reason_name((enum bounce_reason)e->reason) : NULL;
}

static const char *agent_of(const struct found_event *e) {
    return is_engagement(e) ? visitor_name((enum visitor)e->visitor) : NULL;
}

/* --- CSV ---------------------------------------------------------------------------------------------------------- */

static const char *const columns[] = {"sent",
                                      "message_id",
                                      "from",
                                      "subject",
                                      "configuration_set",
                                      "identity",
                                      "last_event",
                                      "last_engagement",
                                      "time",
                                      "event",
                                      "recipient",
                                      "provider",
                                      "type",
                                      "subtype",
                                      "reason",
                                      "status",
                                      "agent",
                                      "delivery_ms",
                                      "answer",
                                      "link",
                                      "user_agent",
                                      "ip"};

static void put_csv_time(struct csv_writer *w, int64_t ms) {
    char text[TEXT_TIME_SIZE];
    text_time(ms, text);
    csv_put_word(w, text);
}

static void put_csv_word(struct csv_writer *w, const char *word) {
    csv_put_word(w, word ? word : "");
}

static void write_csv_row(struct csv_writer *w, const struct found_message *m, const struct found_event *e) {
    const char *first, *second;
    found_event_words(e, &first, &second);
    put_csv_time(w, m->sent_ms);
    csv_put_text(w, m->id);
    csv_put_text(w, m->from);
    csv_put_text(w, m->subject);
    csv_put_text(w, m->configuration_set);
    csv_put_text(w, m->identity);
    put_csv_word(w, type_name(m->last_event));
    put_csv_word(w, type_name(m->last_engagement));
    put_csv_time(w, e->time_ms);
    put_csv_word(w, event_type_name((enum event_type)e->type));
    csv_put_text(w, e->recipient);
    csv_put_text(w, e->provider);
    put_csv_word(w, first);
    put_csv_word(w, second);
    put_csv_word(w, reason_of(e));
    csv_put_text(w, e->status);
    put_csv_word(w, agent_of(e));
    if (e->delivery_ms != EVENT_NO_DELIVERY_MS)
        csv_put_u64(w, e->delivery_ms);
    else
        csv_put_empty(w);
    csv_put_text(w, e->answer);
    csv_put_text(w, e->link);
    csv_put_text(w, e->user_agent);
    csv_put_text(w, e->ip_address);
    csv_end_line(w);
}

static void write_csv(FILE *out, const struct found_message *messages, size_t count) {
    struct csv_writer w = {.out = out};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        csv_put_word(&w, columns[i]);
    csv_end_line(&w);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < messages[i].count; k++)
            write_csv_row(&w, &messages[i], &messages[i].events[k]);
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

/* Left out where there is nothing to say. */
static void put_json_if(struct json_writer *w, const char *key, const char *text) {
    if (text && *text)
        json_put_string_member(w, key, text);
}

static void write_json_event(struct json_writer *w, const struct found_event *e) {
    const char *first, *second;
    found_event_words(e, &first, &second);
    json_put_open(w, '{');
    json_put_key(w, "time");
    json_put_time(w, e->time_ms);
    json_put_string_member(w, "event", event_type_name((enum event_type)e->type));
    put_json_if(w, "recipient", e->recipient);
    json_put_string_member(w, "provider", e->provider);
    put_json_if(w, "type", first);
    put_json_if(w, "subtype", second);
    put_json_if(w, "reason", reason_of(e));
    put_json_if(w, "status", e->status);
    put_json_if(w, "agent", agent_of(e));
    if (e->delivery_ms != EVENT_NO_DELIVERY_MS) {
        json_put_u64_member(w, "delivery_ms", e->delivery_ms);
    }
    put_json_if(w, "answer", e->answer);
    put_json_if(w, "link", e->link);
    put_json_if(w, "user_agent", e->user_agent);
    put_json_if(w, "ip", e->ip_address);
    json_put_close(w, '}');
}

static void write_json_message(struct json_writer *w, const struct found_message *m) {
    json_put_open(w, '{');
    json_put_key(w, "sent");
    json_put_time(w, m->sent_ms);
    json_put_string_member(w, "message_id", m->id);
    json_put_string_member(w, "from", m->from);
    json_put_string_member(w, "subject", m->subject);
    json_put_string_member(w, "configuration_set", m->configuration_set);
    json_put_string_member(w, "identity", m->identity);
    json_put_string_member(w, "last_event", type_name(m->last_event));
    json_put_string_member(w, "last_engagement", type_name(m->last_engagement));
    json_put_key(w, "history");
    json_put_open(w, '[');
    for (size_t i = 0; i < m->count; i++)
        write_json_event(w, &m->events[i]);
    json_put_close(w, ']');
    json_put_close(w, '}');
}

static void write_json(FILE *out, const struct found_message *messages, size_t count, uint64_t found) {
    struct json_writer w = {.out = out};
    json_put_open(&w, '{');
    json_put_u64_member(&w, "found", found);
    json_put_key(&w, "messages");
    json_put_open(&w, '[');
    for (size_t i = 0; i < count; i++) {
        json_put_line(&w);
        write_json_message(&w, &messages[i]);
    }
    json_put_close(&w, ']');
    json_put_close(&w, '}');
    fputc('\n', out);
}

void find_write(FILE *out, const struct found_message *messages, size_t count, uint64_t found,
                const struct find_options *o) {
    if (o->format == FIND_CSV)
        write_csv(out, messages, count);
    else if (o->format == FIND_JSON)
        write_json(out, messages, count, found);
    else
        find_table_write(out, messages, count, o);
}
