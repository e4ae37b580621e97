#include "alert/wilson.h"

#include <assert.h>
#include <math.h>

/* A first guess (Abramowitz and Stegun 26.2.23, right to 5e-4), made exact by Newton's steps on the normal integral. */
double wilson_quantile(double confidence) {
    assert(confidence >= 0.5 && confidence < 1);
    double above = 1 - confidence, t = sqrt(-2 * log(above));
    double z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
    for (int i = 0; i < 3; i++)
        z += (erfc(z / sqrt(2)) / 2 - above) / (exp(-z * z / 2) / sqrt(2 * acos(-1)));
    return z < 0 ? 0 : z;
}

/* The end of the interval at `side` (-1 or 1) of the share. A share over 1 (a rate whose parts come at different
 * times) is 1. */
static double bound(uint64_t numerator, uint64_t denominator, double z, int side) {
    double n = (double)denominator, p = numerator < denominator ? (double)numerator / n : 1, zz = z * z;
    return (p + zz / (2 * n) + side * z * sqrt(p * (1 - p) / n + zz / (4 * n * n))) / (1 + zz / n);
}

double wilson_lower_z(uint64_t numerator, uint64_t denominator, double z) {
    double low = denominator ? bound(numerator, denominator, z, -1) : 0;
    return low > 0 ? low : 0;
}

double wilson_upper_z(uint64_t numerator, uint64_t denominator, double z) {
    double high = denominator ? bound(numerator, denominator, z, 1) : 1;
    return high < 1 ? high : 1;
}

double wilson_lower(uint64_t numerator, uint64_t denominator, double confidence) {
    return wilson_lower_z(numerator, denominator, wilson_quantile(confidence));
}

double wilson_upper(uint64_t numerator, uint64_t denominator, double confidence) {
    return wilson_upper_z(numerator, denominator, wilson_quantile(confidence));
}
