/* Messages that were found, with what happened to them, as a table, CSV or JSON. All of it is in clear: whoever asks
 * has the dumps. */
#ifndef SINKS_FIND_H
#define SINKS_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "model/bounce_reason.h"
#include "model/event.h"

/* One thing that happened. Texts are terminated, of any bytes but 0; "" where the record does not say. */
struct found_event {
    int64_t time_ms;
    uint64_t key;         /* equal: the same happening, read twice */
    const char *provider; /* name */
    const char *recipient, *status, *answer, *link, *user_agent, *ip_address;
    uint32_t detail; /* as of struct event */
    uint32_t delivery_ms;
    uint8_t type, reason, visitor;
};

struct found_message {
    int64_t sent_ms;
    const char *id, *subject, *configuration_set, *identity;
    const char *from, *source;  /* the header, the envelope; settled, `from` is the source where it is not known */
    struct found_event *events; /* newest first, once found_message_settle was called */
    size_t count;
    enum event_type last_event, last_engagement; /* EVENT_TYPES: none */
};

/* Sorts the events, newest first (a Send is always the oldest), and finds the last ones: of delivery (send, delay,
 * delivery, bounce, complaint, reject, rendering failure) and of engagement (open, click). */
void found_message_settle(struct found_message *m);

/* Whether the last delivery event is `type` for one of the recipients. Settled messages only. */
bool found_message_ended_as(const struct found_message *m, enum event_type type);

/* What SES calls it, by type: bounce type and subtype, delay type, feedback type, ... NULL: nothing. */
void found_event_words(const struct found_event *e, const char **first, const char **second);

enum find_format { FIND_TABLE, FIND_CSV, FIND_JSON };
struct find_options {
    enum find_format format;
    bool colour;
    int width; /* of the terminal; 0: none, lines are as long as they get */
};

/* `messages`: those to be shown, in order; `found`: how many there are. Write errors stay in the stream. */
void find_write(FILE *out, const struct found_message *messages, size_t count, uint64_t found,
                const struct find_options *o);

#endif
