/* The body of a request of Firehose's HTTP endpoint protocol
 * (docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html):
 *
 *     {"requestId":"...","timestamp":1578090901599,"records":[{"data":"BASE64"},{"data":"BASE64"}]}
 *
 * Looked through in place, without a tree: 64 MiB of it cost no memory. What is not known is passed over. */
#ifndef SOURCE_PUSH_BODY_H
#define SOURCE_PUSH_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/span.h"

enum {
    PUSH_BODY_MAX = 64 << 20,         /* bytes; Firehose's own limit, before compression */
    PUSH_BODY_DEPTH = 64,             /* of nested values */
    PUSH_RECORD_MAX = 16 << 20,       /* bytes that a compressed record may become */
    PUSH_INFLATED_MAX = 256 << 20,    /* bytes that all compressed records of a body may become */
    PUSH_TEXT_MAX = 2 * PUSH_BODY_MAX /* limit of the buffer that records are added to */
};

struct push_body {
    struct span request_id; /* as it stands there, escapes and all; ptr NULL: none */
    const char *records;    /* behind the bracket */
    const char *end;
    size_t count;
};

/* False when it is not of that form (`err`). The spans are those of the text. */
bool push_body_check(struct push_body *b, struct span text, struct err *err);

/* The records one after the other, from b->records on: what stands between the quotes of `data`; ptr NULL when there is
 * no such string. False at the end. */
bool push_body_next(struct push_body *b, struct span *data);

struct push_decoder;
struct push_decoder *push_decoder_create(void); /* returns new */
void push_decoder_destroy(struct push_decoder *d);

/* A whole body that came with Content-Encoding: gzip. */
enum push_inflated { PUSH_INFLATED, PUSH_DAMAGED, PUSH_OVER_LIMIT };
enum push_inflated push_decoder_inflate(struct push_decoder *d, struct span body, struct buf *to);

void push_decoder_begin(struct push_decoder *d); /* another body: what its records become is counted anew */

/* Appends what the record holds, inflated when it is gzip, and a line end. False when it is no base64, or cannot be
 * inflated; then nothing was appended. */
bool push_decoder_add(struct push_decoder *d, struct span data, struct buf *to);

#endif
