/* SES's own list of addresses that the account sends nothing to (PutSuppressedDestination of the SES v2 API). */
#ifndef AWS_SES_SUPPRESSION_H
#define AWS_SES_SUPPRESSION_H

#include <stdatomic.h>
#include <stdbool.h>

#include "aws/session.h"

enum ses_suppression_reason { SES_SUPPRESS_BOUNCE, SES_SUPPRESS_COMPLAINT };

enum ses_suppression_result {
    SES_SUPPRESSED,
    SES_SUPPRESSION_REFUSED, /* this address will never do: no address that SES knows as one */
    SES_SUPPRESSION_FAILED,  /* to be tried again: `err` */
};

/* Puts one address on the list; one that is there already stays. `err` never holds the address. */
enum ses_suppression_result ses_suppress(struct aws_session *s, const char *address, enum ses_suppression_reason reason,
                                         const atomic_bool *stop, struct err *err);

#endif
