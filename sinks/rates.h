/* The rates as JSON: what /api/v1/rates gives. */
#ifndef SINKS_RATES_H
#define SINKS_RATES_H

#include <stdbool.h>
#include <stdio.h>

#include "core/err.h"
#include "model/snapshot.h"

/* Which rows are wanted; NULL is all of them. "" is a real value: mail without a configuration set, and what a scope
 * does not have. A name that nothing has gives an empty list. */
struct rates_query {
    const char *scope, *window, *basis, *rate, *provider, *configuration_set;
};

/* {"status":"success","data":{"watermark":TIME|null,"rates":[{"rate","window","basis","scope","provider",
 * "configuration_set","identity","value","numerator","denominator"}]}}, one rate a line. The value is null while its
 * denominator is 0. `out` is borrowed and not flushed. False when writing to it failed. */
bool rates_write(FILE *out, const struct snapshot *s, const struct rates_query *query, struct err *err);

#endif
