/* A server's reply as SES passes it on: `smtp; 550-5.1.1 The email account ...`, over one or several lines.
 * RFC 5321 (replies), RFC 3463 (enhanced codes), RFC 3464 (the type before the semicolon). Nothing is allocated. */
#ifndef PARSERS_SMTP_REPLY_H
#define PARSERS_SMTP_REPLY_H

#include <stdint.h>

#include "core/span.h"

enum { SMTP_REPLY_MAX = 4096 }; /* bytes of a text that are looked at */

/* An enhanced status code; class 0: there is none. */
struct smtp_status {
    uint8_t class; /* 2, 4 or 5 */
    uint16_t subject, detail;
};

struct smtp_reply {
    uint16_t code;             /* 421, 550, ...: the one right before the status, else the first; 0: none */
    struct smtp_status status; /* the one to trust of those in the text */
    struct span text;          /* without the type ("smtp;"), at most SMTP_REPLY_MAX bytes */
};

/* The status that says most: x.0.0 and 4.4.7 give way to any other one, 2.x.x to 4.x.x and 5.x.x; else the first
 * counts. What stands in an IP address or in the name of a version is none. All of it: docs/reasons.md. */
struct smtp_reply smtp_reply_parse(struct span diagnostic);

/* The text on one line: `to` holds SMTP_REPLY_MAX bytes. Blanks and line ends become one blank; the codes that begin
 * the second and every later line are left out. A phrase can then be looked for wherever the server broke its lines. */
struct span smtp_reply_join(const struct smtp_reply *reply, char *to);

/* "5.1.1" as a whole (the field `status`); class 0 when it is none. */
struct smtp_status smtp_status_parse(struct span text);
/* x.0.0, or 4.4.7: says little. */
int smtp_status_is_weak(const struct smtp_status *s);

#endif
