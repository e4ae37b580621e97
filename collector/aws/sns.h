/* Messages that SNS sends over HTTP: what stands in them, and whether SNS wrote them
 * (docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html). Pure: no clock, no network. */
#ifndef AWS_SNS_H
#define AWS_SNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/span.h"

/* arn:PARTITION:sns:REGION:ACCOUNT:NAME. The spans are those of the ARN. */
struct sns_topic {
    struct span partition, region, account, name;
    const char *domain; /* of AWS's services there: "amazonaws.com" */
};
/* False when it is none, or of a partition that is not known here. */
bool sns_topic_parse(struct span arn, struct sns_topic *t);

enum sns_type { SNS_NOTIFICATION, SNS_SUBSCRIPTION, SNS_UNSUBSCRIBE };

enum { SNS_MESSAGE_MAX = 1 << 20 }; /* bytes of a body; SNS's own limit is 256 KiB, before it is escaped */

/* A key that is not there has ptr NULL. The spans live as long as the message. */
struct sns_message {
    enum sns_type type;
    struct span type_text, message, message_id, subject, subscribe_url, timestamp, token, topic_arn;
    struct span signature, certificate_url;
    struct sns_topic topic;
    unsigned signature_version; /* 1: SHA-1, 2: SHA-256 */
    int64_t time_ms;            /* when it was published */
    void *document;             /* owned */
};

/* False when the body is no such message (`err`). Nothing in it is believed yet. */
bool sns_message_parse(struct sns_message *m, struct span body, struct err *err);
void sns_message_deinit(struct sns_message *m);

/* Appends the text that SNS has signed: names and values, each with a line end. */
void sns_signed_text(const struct sns_message *m, struct buf *to);

/* Whether the certificate's key signed the message, the certificate is in its time, and it is one for SNS. `err` says
 * why not. */
bool sns_verify(const struct sns_message *m, struct span certificate_pem, int64_t now_ms, struct err *err);

/* Where the certificate of such a message has to lie: "https://sns.REGION.amazonaws.com/NAME", or ENDPOINT/NAME when
 * there is one. Only NAME is taken out of the message, when it has the form that SNS gives them; and the message must
 * say that very address. */
bool sns_certificate_url(const struct sns_message *m, const char *endpoint, struct buf *to, struct err *err);

/* What a subscription that waits is called: it tells nothing of its token. */
enum { SNS_NAME_SIZE = 33 };
void sns_confirmation_name(const struct sns_message *m, char name[SNS_NAME_SIZE]);

#endif
