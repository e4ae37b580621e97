/* UTF-8 (RFC 3629). */
#ifndef CORE_UTF8_H
#define CORE_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "core/span.h"

/* The next character of `s`: its length in bytes (1 to 4) and its code point. 0 when the bytes at `s` are no valid
 * UTF-8 (no surrogates, no overlong forms); the caller then passes over one byte. `s` is not empty. */
size_t utf8_next(struct span s, uint32_t *code);

#endif
