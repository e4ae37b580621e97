#include "core/time_rule.h"

#include <string.h>

enum { DAY_S = 86400, HOUR_S = 3600 };

/* --- the calendar ------------------------------------------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}

static bool is_leap(int64_t year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_before_month(int64_t year, int month) {
    static const int days[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    return days[month - 1] + (month > 2 && is_leap(year));
}

static int64_t days_before_year(int64_t year) {
    int64_t y = year - 1;
    return 365 * (year - 1970) + (floor_div(y, 4) - 492) - (floor_div(y, 100) - 19) + (floor_div(y, 400) - 4);
}

int64_t time_rule_days_to(int64_t year, int month, int day) {
    return days_before_year(year) + days_before_month(year, month) + day - 1;
}

int64_t time_rule_year_of(int64_t seconds) {
    int64_t days = floor_div(seconds, DAY_S);
    int64_t year = 1970 + floor_div(days, 366); /* not after the real one, when days >= 0 */
    while (days_before_year(year) > days)
        year--;
    while (days_before_year(year + 1) <= days)
        year++;
    return year;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static bool take_char(struct span *s, char c) {
    if (!s->len || *s->ptr != c)
        return false;
    s->ptr++;
    s->len--;
    return true;
}

static bool take_number(struct span *s, int max, int *n) {
    bool any = false;
    *n = 0;
    while (s->len && *s->ptr >= '0' && *s->ptr <= '9' && *n <= max) {
        *n = *n * 10 + (*s->ptr - '0');
        s->ptr++;
        s->len--;
        any = true;
    }
    return any && *n <= max;
}

/* "CEST", "<+0530>" */
static bool take_name(struct span *s) {
    bool quoted = take_char(s, '<');
    size_t len = 0;
    while (len < s->len) {
        char c = s->ptr[len], letter = (char)(c | 0x20);
        bool is_letter = letter >= 'a' && letter <= 'z';
        if (!is_letter && !(quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-')))
            break;
        len++;
    }
    s->ptr += len;
    s->len -= len;
    return len >= 3 && (!quoted || take_char(s, '>'));
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct span *s, int max_hours, int32_t *seconds) {
    bool negative = take_char(s, '-');
    int hours, minutes = 0, more = 0;
    if (!negative)
        take_char(s, '+');
    if (!take_number(s, max_hours, &hours))
        return false;
    if (take_char(s, ':') && (!take_number(s, 59, &minutes) || (take_char(s, ':') && !take_number(s, 59, &more))))
        return false;
    *seconds = (hours * HOUR_S + minutes * 60 + more) * (negative ? -1 : 1);
    return true;
}

static bool take_date(struct span *s, struct time_rule_date *d) {
    *d = (struct time_rule_date){.kind = RULE_DAY, .second = 2 * HOUR_S};
    if (take_char(s, 'M')) {
        d->kind = RULE_MONTH;
        if (!take_number(s, 12, &d->month) || !take_char(s, '.') || !take_number(s, 5, &d->week) ||
            !take_char(s, '.') || !take_number(s, 6, &d->day) || !d->month || !d->week)
            return false;
    } else if (take_char(s, 'J')) {
        d->kind = RULE_JULIAN;
        if (!take_number(s, 365, &d->day) || !d->day)
            return false;
    } else if (!take_number(s, 365, &d->day)) {
        return false;
    }
    return !take_char(s, '/') || take_time(s, 167, &d->second);
}

/* POSIX counts west of Greenwich. */
static bool take_offset(struct span *s, int32_t *east) {
    if (!take_time(s, 24, east))
        return false;
    *east = -*east;
    return true;
}

bool time_rule_parse(struct span s, struct time_rule *r) {
    *r = (struct time_rule){0};
    if (!take_name(&s) || !take_offset(&s, &r->standard))
        return false;
    r->summer = r->standard;
    if (!s.len)
        return true;
    r->has_summer = true;
    r->summer = r->standard + HOUR_S;
    if (!take_name(&s) || (s.len && *s.ptr != ',' && !take_offset(&s, &r->summer)))
        return false;
    return take_char(&s, ',') && take_date(&s, &r->start) && take_char(&s, ',') && take_date(&s, &r->end) && !s.len;
}

/* --- using -------------------------------------------------------------------------------------------------------- */

static int64_t day_of(const struct time_rule_date *d, int64_t year) {
    if (d->kind == RULE_DAY)
        return days_before_year(year) + d->day;
    if (d->kind == RULE_JULIAN)
        return days_before_year(year) + d->day - 1 + (is_leap(year) && d->day > 59);
    int64_t first = time_rule_days_to(year, d->month, 1);
    int64_t next = d->month == 12 ? days_before_year(year + 1) : time_rule_days_to(year, d->month + 1, 1);
    int64_t weekday = (first + 4) % 7; /* 1970-01-01 was a Thursday; Sunday is 0 */
    if (weekday < 0)
        weekday += 7;
    int64_t day = first + (d->day - weekday + 7) % 7 + 7 * (d->week - 1);
    return day >= next ? day - 7 : day; /* the fifth is the last, and may be the fourth */
}

int64_t time_rule_start(const struct time_rule *r, int64_t year) {
    return day_of(&r->start, year) * DAY_S + r->start.second - r->standard;
}

int64_t time_rule_end(const struct time_rule *r, int64_t year) {
    return day_of(&r->end, year) * DAY_S + r->end.second - r->summer;
}

int32_t time_rule_offset(const struct time_rule *r, int64_t utc) {
    if (!r->has_summer)
        return r->standard;
    int64_t year = time_rule_year_of(utc + r->standard);
    int64_t start = time_rule_start(r, year), end = time_rule_end(r, year);
    bool summer = start < end ? start <= utc && utc < end : !(end <= utc && utc < start);
    return summer ? r->summer : r->standard;
}
