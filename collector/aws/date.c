#include "aws/date.h"

#include <string.h>
#include <time.h>

/* Exactly `digits` digits. */
static bool take_number(const char **at, unsigned digits, int *value) {
    *value = 0;
    for (; digits; digits--, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *value = *value * 10 + (**at - '0');
    }
    return true;
}

static bool take(const char **at, const char *text) {
    size_t len = strlen(text);
    if (strncmp(*at, text, len) != 0)
        return false;
    *at += len;
    return true;
}

static bool to_ms(const struct tm *t, int64_t *ms) {
    struct tm copy = *t;
    if (t->tm_mon < 0 || t->tm_mon > 11 || t->tm_mday < 1 || t->tm_mday > 31 || t->tm_hour > 23 || t->tm_min > 59 ||
        t->tm_sec > 60)
        return false;
    *ms = (int64_t)timegm(&copy) * 1000;
    return true;
}

/* "Z", "+01:00", "+0100", in minutes east of UTC. */
static bool take_zone(const char **at, int *minutes) {
    int hour, minute;
    *minutes = 0;
    if (take(at, "Z") || take(at, "z"))
        return true;
    int sign = take(at, "+") ? 1 : take(at, "-") ? -1 : 0;
    if (!sign || !take_number(at, 2, &hour))
        return false;
    take(at, ":");
    if (!take_number(at, 2, &minute))
        return false;
    *minutes = sign * (60 * hour + minute);
    return true;
}

bool date_parse_iso(const char *text, int64_t *ms) {
    struct tm t = {0};
    int fraction = 0, zone;
    if (!take_number(&text, 4, &t.tm_year) || !take(&text, "-") || !take_number(&text, 2, &t.tm_mon) ||
        !take(&text, "-") || !take_number(&text, 2, &t.tm_mday) || !(take(&text, "T") || take(&text, " ")) ||
        !take_number(&text, 2, &t.tm_hour) || !take(&text, ":") || !take_number(&text, 2, &t.tm_min) ||
        !take(&text, ":") || !take_number(&text, 2, &t.tm_sec))
        return false;
    if (take(&text, "."))
        for (int weight = 100; *text >= '0' && *text <= '9'; text++, weight /= 10)
            fraction += (*text - '0') * weight;
    if (!take_zone(&text, &zone) || *text)
        return false;
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    if (!to_ms(&t, ms))
        return false;
    *ms += fraction - zone * INT64_C(60000);
    return true;
}

bool date_parse_http(const char *text, int64_t *ms) {
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm t = {0};
    const char *comma = strchr(text, ',');
    if (!comma || strlen(comma) < sizeof ", 20 Nov 2026 08:15:30 GMT" - 1)
        return false;
    text = comma + 1;
    if (!take(&text, " ") || !take_number(&text, 2, &t.tm_mday) || !take(&text, " "))
        return false;
    for (t.tm_mon = 0; t.tm_mon < 12 && strncmp(text, months + 3 * t.tm_mon, 3) != 0;)
        t.tm_mon++;
    text += 3;
    if (!take(&text, " ") || !take_number(&text, 4, &t.tm_year) || !take(&text, " ") ||
        !take_number(&text, 2, &t.tm_hour) || !take(&text, ":") || !take_number(&text, 2, &t.tm_min) ||
        !take(&text, ":") || !take_number(&text, 2, &t.tm_sec) || strcmp(text, " GMT") != 0)
        return false;
    t.tm_year -= 1900;
    return to_ms(&t, ms);
}
