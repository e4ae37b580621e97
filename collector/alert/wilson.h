/* How sure a share of few is: the interval of Wilson (1927), one-sided. */
#ifndef ALERT_WILSON_H
#define ALERT_WILSON_H

#include <stdint.h>

/* The z of a one-sided confidence from 0.5 to below 1: 0.95 gives 1.645. */
double wilson_quantile(double confidence);

/* What the true share is at least, or at most, with that confidence. 0 and 1 when the denominator is 0. */
double wilson_lower(uint64_t numerator, uint64_t denominator, double confidence);
double wilson_upper(uint64_t numerator, uint64_t denominator, double confidence);

/* The same by its z, for those who ask often; a z of 0 gives the plain share. */
double wilson_lower_z(uint64_t numerator, uint64_t denominator, double z);
double wilson_upper_z(uint64_t numerator, uint64_t denominator, double z);

#endif
