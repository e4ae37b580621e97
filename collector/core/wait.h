/* Waiting that a stop can end. */
#ifndef CORE_WAIT_H
#define CORE_WAIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Sleeps for `ms`, and looks at *stop twenty times a second. False once it is true. */
bool wait_unless(const atomic_bool *stop, int64_t ms);

#endif
