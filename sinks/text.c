#include "sinks/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

bool text_is_control(uint32_t c) {
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c || c == 0x180e ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
           c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

static void split_time(int64_t ms, struct tm *tm, int *millis) {
    int64_t seconds = ms / 1000, rest = ms % 1000;
    if (rest < 0) {
        rest += 1000;
        seconds--;
    }
    time_t t = seconds;
    if (!gmtime_r(&t, tm))
        *tm = (struct tm){.tm_year = 70, .tm_mday = 1}; /* a year beyond int; event times never are */
    *millis = (int)rest;
}

void text_time(int64_t ms, char out[TEXT_TIME_SIZE]) {
    struct tm tm;
    int millis;
    split_time(ms, &tm, &millis);
    snprintf(out, TEXT_TIME_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
             tm.tm_hour, tm.tm_min, tm.tm_sec, millis);
}

void text_time_plain(int64_t ms, char out[TEXT_TIME_SIZE]) {
    struct tm tm;
    int millis;
    split_time(ms, &tm, &millis);
    snprintf(out, TEXT_TIME_SIZE, "%04d-%02d-%02d %02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
             tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void text_double(double value, char out[TEXT_NUMBER_SIZE]) {
    if (isnan(value) || isinf(value)) {
        snprintf(out, TEXT_NUMBER_SIZE, "%s", isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, TEXT_NUMBER_SIZE, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            return;
    }
}

void text_count(uint64_t value, char out[TEXT_NUMBER_SIZE]) {
    char digits[TEXT_NUMBER_SIZE];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    char *to = out;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
}

void text_bytes(uint64_t value, char out[TEXT_NUMBER_SIZE]) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double scaled = (double)value;
    int unit = 0;
    while (scaled >= 1024 && unit < 6) {
        scaled /= 1024;
        unit++;
    }
    snprintf(out, TEXT_NUMBER_SIZE, "%.*f %s", unit == 0 || scaled >= 100 ? 0 : 1, scaled, units[unit]);
}
