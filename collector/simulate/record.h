/* The text of a record, as SES publishes it. */
#ifndef SIMULATE_RECORD_H
#define SIMULATE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "simulate/message.h"
#include "simulate/pending.h"
#include "simulate/text.h"

/* What is unusual about a record: all of this has been seen. */
enum oddity {
    ODD_NOTHING,
    ODD_NOTIFICATION, /* an identity's notification: notificationType, no tags, times cut to seconds */
    ODD_OLD_KEY,      /* notificationType where eventType is meant */
    ODD_NO_TAGS,
    ODD_NO_SET_TAG, /* tags, but no configuration set among them */
    ODD_REVERSED,   /* mail first, the type last */
    ODD_STRINGS,    /* numbers and booleans as strings */
    ODD_EXTRA_KEYS, /* top-level keys of an application's own */
    ODD_TIME_SECONDS,
    ODD_TIME_OFFSET,
    ODD_TIME_LONG,
    ODD_ESCAPED_SET, /* the configuration set's name with \uXXXX in it */
    ODD_FORWARDED,   /* the bounced address is not the one that was written to */
    ODD_SLASHED,     /* \/ as PHP writes it */
    ODD_NULLS,
    ODD_DISPLAY_NAMES, /* destination with display names and blanks */
    ODD_NO_ARN,
    ODD_MTA, /* reportingMTA with "dns;" or bare, action "Failed" */
    ODD_NO_DIAGNOSTIC,
    ODDITIES
};

/* What has to be known about a record besides its text. */
struct record_form {
    enum oddity oddity;
    bool notification;
    bool tags, headers;
    bool has_set; /* the configuration set can be seen, in a tag or a header */
    bool forwarded;
    struct recipient forwarded_to;
    uint64_t seed; /* of everything else in it */
};

struct record_form record_form_of(const struct catalog *c, const struct message *m, const struct pending *e);

/* No record is longer: ten recipients in four places, each under 512 bytes, and less than 8 KiB for the rest. */
enum { RECORD_MAX = 64 * 1024 };

struct record_writer {
    const struct catalog *catalog;
    struct time_texts times;
    /* Of the record being written: */
    const struct message *message;
    const struct pending *event;
    const struct record_form *form;
    struct prng random;
    char id[60];
    struct {
        char text[256];
        size_t len;
    } addresses[MESSAGE_RECIPIENTS + 1];
};

/* Writes the record at `out` (RECORD_MAX bytes); returns its length. */
size_t record_write(struct record_writer *w, const struct message *m, const struct pending *e,
                    const struct record_form *form, char *out);

/* Its parts, in files of their own. */
char *record_put_mail(struct record_writer *w, char *p);                              /* "mail":{...} */
char *record_put_event(struct record_writer *w, char *p);                             /* "bounce":{...} */
char *record_put_id(char *p, const char *prefix, int64_t ms, uint64_t a, uint64_t b); /* 60 bytes */
/* The names of a JSON list of the recipients in `recipients` (bits): "a","b" */
char *record_put_recipients(struct record_writer *w, char *p, uint32_t recipients);
char *record_put_outgoing_ip(const struct record_writer *w, char *p);
char *record_put_mta(const struct record_writer *w, char *p); /* a8-50.smtp-out.amazonses.com */
size_t record_make_address(const struct catalog *c, const struct recipient *r, uint32_t box, char out[256]);
enum time_form record_time_form(const struct record_writer *w);

#endif
