/* Tells SNS that a subscription is wanted (docs.aws.amazon.com/sns/latest/api/API_ConfirmSubscription.html). */
#ifndef AWS_SNS_CONFIRM_H
#define AWS_SNS_CONFIRM_H

#include <stdatomic.h>

#include "aws/session.h"
#include "aws/sns.h"
#include "core/buf.h"
#include "core/err.h"

/* Asks SNS in the topic's own region, unsigned: the token is the right to do so. `arn` gets the subscription's ARN. The
 * token stands in no error. */
bool sns_confirm(struct aws_session *s, const struct sns_message *m, struct buf *arn, const atomic_bool *stop,
                 struct err *err);

#endif
