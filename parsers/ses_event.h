/* One SES record, read: every field that the developer guide names, as spans into the record's text (or, where it had
 * escapes, into the parser's arena). Nothing is interpreted here beyond types and times; parsers/normalise does that.
 * Source of the fields: Amazon SES developer guide, "Examples of event data that Amazon SES publishes". */
#ifndef PARSERS_SES_EVENT_H
#define PARSERS_SES_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/span.h"
#include "model/event.h"
#include "model/snapshot.h"
#include "parsers/json_walk.h"

/* A run of entries in ses_event.recipients. */
struct ses_list {
    uint32_t first, count;
};

/* destination and delivery.recipients give only addresses; the others are empty there. */
struct ses_recipient {
    struct span address, action, status, diagnostic_code;
};

/* An absent field is an empty span. A field of a type that AWS does not give it is absent too, unless it is needed. */
struct ses_event {
    enum event_type type;
    struct span type_name;
    bool notification; /* came with notificationType */
    int64_t time_ms;   /* event time, by the rule of docs/counting.md */
    /* Why there is none, should it be needed. */
    enum malformed_reason no_mail_time, no_object_time, no_recipients;

    int64_t mail_time_ms;
    bool has_mail_time;
    struct span message_id, source, source_arn, source_ip, caller_identity, sending_account_id;
    struct span headers_truncated, headers, common_headers, tags; /* raw JSON */
    struct ses_list destination;
    struct span configuration_set, from_domain;
    struct span tag_values[EVENT_MAX_TAGS]; /* of the tags that the parser was asked for */

    bool has_object; /* the object named after the type */
    bool has_object_time;
    int64_t object_time_ms;
    struct ses_list object_recipients;
    struct span feedback_id, reporting_mta, remote_mta_ip;  /* bounce, complaint, delivery, delay */
    struct span bounce_type, bounce_subtype;                /* bounce */
    struct span complaint_subtype, complaint_feedback_type; /* complaint */
    struct span arrival_date;                               /* complaint */
    struct span smtp_response;                              /* delivery */
    uint32_t processing_ms;                                 /* delivery; EVENT_NO_DELIVERY_MS */
    struct span reason;                                     /* reject */
    struct span ip_address, user_agent, link, link_tags;    /* open, click; complaint: user_agent */
    struct span template_name, error_message;               /* failure */
    struct span delay_type, expiration_time;                /* deliveryDelay */
    struct span contact_list, subscription_source;          /* subscription */
    struct span new_preferences, old_preferences;           /* subscription: raw JSON */
    enum subscription_change change;                        /* subscription */

    struct ses_recipient *recipients; /* owned by the parser */
    uint32_t recipient_count;
};

/* What the parser needs besides the text; reused for every record. */
struct ses_parser {
    struct span tag_names[EVENT_MAX_TAGS]; /* tags wanted in tag_values; borrowed */
    unsigned tag_count;
    struct ses_recipient *recipients; /* owned; grown as needed: a record is at most 1 MiB */
    uint32_t recipient_capacity;
    char *arena; /* decoded strings of the record; ARENA_SIZE bytes */
    size_t arena_used;
};

/* Decoded text is never longer than the record it came from (1 MiB). */
enum { SES_ARENA_SIZE = (1 << 20) + 64 };

void ses_parser_init(struct ses_parser *p);
void ses_parser_deinit(struct ses_parser *p);

/* Forgets the record before: its event's spans and recipients are void. */
void ses_event_begin(struct ses_parser *p, struct ses_event *e);

/* Reasons are from enum malformed_reason; this says that there is none. */
enum { SES_FINE = -1 };

/* Each reads the object at w->at and leaves the walk behind it. They return SES_FINE or why the record is malformed;
 * the walk goes on to the object's end all the same, unless its status says that this was not possible. */
int ses_read_mail(struct ses_parser *p, struct json_walk *w, struct ses_event *e);
int ses_read_object(struct ses_parser *p, struct json_walk *w, struct ses_event *e);

/* The member that holds a type's object: "bounce", "deliveryDelay", ... "" for EVENT_UNKNOWN. */
struct span ses_object_name(enum event_type type);

/* After both: event time, configuration set, and what is missing. `ix` is the text that they were read from. */
int ses_finish(struct ses_parser *p, const struct json_index *ix, struct ses_event *e);

/* The string of `v`, decoded into the arena if it has escapes. False for an escape that JSON does not have. */
bool ses_string(struct ses_parser *p, const struct json_walk *w, const struct json_value *v, struct span *out);

/* The reason that stands for a walk's failure. */
int ses_reason_of(enum json_status status);

/* The recipients that the event concerns: the event's own list, or mail.destination where it has none. */
struct ses_list ses_recipients_of(const struct ses_event *e);

#endif
