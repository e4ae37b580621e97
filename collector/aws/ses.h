/* Amazon SES, version 2 of its API: whether a configuration set, or the account, may send
 * (docs.aws.amazon.com/ses/latest/APIReference-V2: PutConfigurationSetSendingOptions, PutAccountSendingAttributes,
 * GetConfigurationSet, GetAccount). Thread-safe, as sessions are. */
#ifndef AWS_SES_H
#define AWS_SES_H

#include <stdatomic.h>
#include <stdbool.h>

#include "aws/session.h"
#include "core/err.h"

enum ses_result {
    SES_DONE,
    SES_REFUSED, /* and will be for ever: there is no such set, or the request cannot be right */
    SES_FAILED,  /* not done: denied, throttled; another time perhaps */
    SES_UNSURE,  /* no answer, or one of a server in trouble: it may have been done */
};

/* `configuration_set`: its name, "": the account. Doing what is done already is no error. */
enum ses_result ses_set_sending(struct aws_session *session, const char *configuration_set, bool enabled,
                                const atomic_bool *stop, struct err *err);
enum ses_result ses_get_sending(struct aws_session *session, const char *configuration_set, bool *enabled,
                                const atomic_bool *stop, struct err *err);

#endif
