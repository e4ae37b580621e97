/* The certificates that SNS signs with: fetched from SNS in the topic's own region and kept, or given as files. One
 * thread's. */
#ifndef AWS_SNS_CERTIFICATES_H
#define AWS_SNS_CERTIFICATES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/settings.h"
#include "aws/sns.h"
#include "core/err.h"

struct sns_certificates;

/* With `files` those are taken and nothing is fetched. Returns new; NULL when a file holds no certificate or HTTP
 * cannot start. */
struct sns_certificates *sns_certificates_create(const struct aws_settings *s, char *const *files, size_t file_count,
                                                 struct err *err);
void sns_certificates_destroy(struct sns_certificates *c); /* NULL is allowed */

enum sns_verdict {
    SNS_GENUINE,
    SNS_FORGED,    /* `err` says what is wrong with it */
    SNS_UNDECIDED, /* the certificate cannot be had now: to be asked again */
};

/* Keeps at most 16 certificates for a day, and longer while SNS cannot be asked; remembers for a minute what could not
 * be fetched. Addresses that are not known yet are asked for a few times in a minute at most: messages name them, and
 * anybody can send messages. */
enum sns_verdict sns_certificates_check(struct sns_certificates *c, const struct sns_message *m, int64_t now_ms,
                                        const atomic_bool *stop, struct err *err);

#endif
