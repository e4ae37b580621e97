/* Events that are pushed to us over HTTP: by Firehose's HTTP endpoint destination, and by SNS. Listens on an address of
 * its own, apart from metrics. 200 is answered only after the commit; what cannot be taken now is answered 503 and
 * comes again.
 *
 * SNS: the topic must be allow-listed, the signature (version 1 or 2) must be right, and the certificate comes from the
 * host of the topic's own region, whose address is made here: no URL out of a message is ever followed. A subscription
 * waits, as a file, for `ses-collector sns confirm`. */
#ifndef SOURCE_PUSH_H
#define SOURCE_PUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/settings.h"
#include "core/err.h"
#include "source/source.h"

struct push_options {
    char *name;
    char *listen_address;
    char *cert_file, *key_file; /* NULL: no TLS: only behind a proxy */
    uint64_t memory;            /* bytes of bodies that may wait at once; beyond: 503 */
    unsigned max_connections;
    char *firehose_path;       /* NULL: none */
    char *firehose_access_key; /* NULL: none is asked for */
    char *sns_path;            /* NULL: none */
    char **topics;             /* ARNs that may publish here */
    size_t topic_count;
    char *confirmations;     /* the folder for subscriptions that wait; NULL: they are only counted and logged */
    char **sns_certificates; /* PEM files that are taken instead of asking SNS for one */
    size_t sns_certificate_count;
    bool allow_raw;          /* raw message delivery, which is not signed */
    struct aws_settings aws; /* of requests to SNS: endpoint, ca_file */
};
void push_options_deinit(struct push_options *o);

struct source *push_open(const struct push_options *o, const struct saved_position *saved, size_t saved_count,
                         struct err *err);

#endif
