/* Base64 (RFC 4648, section 4). */
#ifndef CORE_BASE64_H
#define CORE_BASE64_H

#include <stddef.h>

#include "core/span.h"

/* Bytes that the encoding of `len` bytes takes. */
static inline size_t base64_encoded_size(size_t len) {
    return (len + 2) / 3 * 4;
}

/* Writes base64_encoded_size(data.len) bytes; returns their number. Not terminated. */
size_t base64_encode(struct span data, char *out);

/* Writes at most 3 bytes for every 4 of `text`. Line ends and missing padding are accepted. Returns the length, or -1
 * when `text` is no base64. */
ptrdiff_t base64_decode(struct span text, char *out);

#endif
