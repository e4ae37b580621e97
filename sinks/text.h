/* Small pieces of text that several sinks write: times, numbers, and names that came from outside. */
#ifndef SINKS_TEXT_H
#define SINKS_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "core/span.h"

/* C0, DEL and C1 controls, line separators, and the invisible characters that turn or hide text. */
bool text_is_control(uint32_t code);

enum { TEXT_TIME_SIZE = 80 }; /* six ints at their longest, so that no compiler doubts it */
/* "2026-11-21T23:34:30.123Z" (RFC 3339, always with milliseconds). */
void text_time(int64_t ms, char out[TEXT_TIME_SIZE]);
/* "2026-11-21 23:34:30", for people. */
void text_time_plain(int64_t ms, char out[TEXT_TIME_SIZE]);

enum { TEXT_NUMBER_SIZE = 40 };
/* The fewest digits that read back as the same double; "NaN", "+Inf" and "-Inf" as Prometheus writes them. */
void text_double(double value, char out[TEXT_NUMBER_SIZE]);
/* "1,234,567" */
void text_count(uint64_t value, char out[TEXT_NUMBER_SIZE]);
/* "1.2 GiB" */
void text_bytes(uint64_t value, char out[TEXT_NUMBER_SIZE]);

#endif
