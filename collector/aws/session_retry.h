/* When to try again, and how long to wait before. */
#ifndef AWS_SESSION_RETRY_H
#define AWS_SESSION_RETRY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    RETRY_ATTEMPTS = 5,
    RETRY_BASE_MS = 50,
    RETRY_BASE_THROTTLED_MS = 1000,
    RETRY_WAIT_MAX_MS = 20000,
    RETRY_BUDGET = 500,
    RETRY_COST = 5,
    RETRY_COST_TIMEOUT = 10,
};

/* What all calls of a session may spend on trying again: where everything fails, nearly nothing is tried twice. */
struct retry_budget {
    _Atomic int left;
};

void retry_budget_init(struct retry_budget *b);
bool retry_budget_take(struct retry_budget *b, int cost); /* false: there is not as much */
void retry_budget_give(struct retry_budget *b, int amount);

/* Between 0 and what doubles with each attempt (the first is 0); not less than what the peer asks for. */
int64_t retry_wait_ms(unsigned attempt, bool throttled, int64_t asked_ms);

int64_t retry_random(int64_t below); /* 0 <= n < below; 0 when below <= 0. Any thread */

/* False: *stop (may be NULL) became true, at most 100 ms ago. */
bool retry_pause(int64_t ms, const atomic_bool *stop);

bool retry_is_stopped(const atomic_bool *stop);

#endif
