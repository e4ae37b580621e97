/* The only place that reads a clock. Everything else takes time as an argument. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdint.h>

/* Milliseconds since 1970-01-01T00:00:00Z; may jump when the system's clock is set. */
int64_t clock_wall_ms(void);

/* Nanoseconds since some start; never goes back. For durations. */
int64_t clock_monotonic_ns(void);

#endif
