/* Details are counted under their kind, what they are, configuration set and provider. */
#ifndef AGGREGATE_DETAIL_KEY_H
#define AGGREGATE_DETAIL_KEY_H

#include <stdint.h>

#include "model/snapshot.h"

#define DETAIL_KEY(kind, detail, set, provider)                                                                        \
    ((uint64_t)(kind) << 56 | (uint64_t)(detail) << 40 | (uint64_t)(set) << 16 | (uint64_t)(provider))
#define DETAIL_KEY_KIND(key)     ((enum detail_kind)((key) >> 56))
#define DETAIL_KEY_DETAIL(key)   ((uint32_t)((key) >> 40) & 0xffffu)
#define DETAIL_KEY_SET(key)      ((uint32_t)((key) >> 16) & 0xffffffu)
#define DETAIL_KEY_PROVIDER(key) ((uint16_t)(key))

#endif
