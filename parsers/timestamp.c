#include "parsers/timestamp.h"

#include <string.h>

#define MS_PER_SECOND 1000
#define MS_PER_MINUTE (60 * (int64_t)MS_PER_SECOND)
#define MS_PER_HOUR   (60 * MS_PER_MINUTE)
#define MS_PER_DAY    (24 * MS_PER_HOUR)

/* From 0000-03-01 to 1970-01-01. Years begin in March here, so that a leap day is the last day of its year. */
enum { DAYS_TO_1970 = 719468 };

struct civil {
    unsigned year, month, day, hour, minute;
};

/* Eight bytes at once, the first one lowest, whatever the processor's byte order. */
static inline uint64_t load8(const char *p) {
    uint64_t x;
    memcpy(&x, p, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return x;
}

/* A word as characters, first one lowest: the form that load8 gives. */
#define WORD(a, b, c, d, e, f, g, h)                                                                                   \
    ((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 | (uint64_t)(e) << 32 |            \
     (uint64_t)(f) << 40 | (uint64_t)(g) << 48 | (uint64_t)(h) << 56)

#define BYTE(word, i) ((unsigned)((word) >> (8 * (i)) & 0xff))

/* Added to a byte that should be 0..9 (0) it sets the top bit when the byte is more. */
#define DIGIT 0x76
#define FIXED 0x7f

/* Takes the expected characters off a word: '0' where a digit stands, so that digits become their values and fixed
 * characters 0. False when a byte is out of its range. Bytes over 0x7f are caught by `x` itself: the sum of such a byte
 * may carry into its neighbour, but the answer is no anyway. */
static inline bool take_word(uint64_t *word, uint64_t expected, uint64_t slack) {
    uint64_t x = *word ^ expected;
    *word = x;
    return (((x + slack) | x) & 0x8080808080808080ull) == 0;
}

/* Byte i becomes ten times itself plus byte i+1: two-digit numbers. At most 99, so nothing carries. */
static inline uint64_t pair_digits(uint64_t x) {
    return x * 10 + (x >> 8);
}

/* "2017-08-" and "05T00:41"; `separator` replaces the T in `second`. Ranges of month to minute are checked here. */
static inline bool take_date_time(uint64_t first, uint64_t second, char separator, struct civil *c) {
    if (!take_word(&first, WORD('0', '0', '0', '0', '-', '0', '0', '-'),
                   WORD(DIGIT, DIGIT, DIGIT, DIGIT, FIXED, DIGIT, DIGIT, FIXED)) ||
        !take_word(&second, WORD('0', '0', (unsigned char)separator, '0', '0', ':', '0', '0'),
                   WORD(DIGIT, DIGIT, FIXED, DIGIT, DIGIT, FIXED, DIGIT, DIGIT)))
        return false;
    first = pair_digits(first);
    second = pair_digits(second);
    c->year = BYTE(first, 0) * 100 + BYTE(first, 2);
    c->month = BYTE(first, 5);
    c->day = BYTE(second, 0);
    c->hour = BYTE(second, 3);
    c->minute = BYTE(second, 6);
    return c->hour < 24 && c->minute < 60;
}

static inline bool is_leap(unsigned year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static inline bool is_date(unsigned year, unsigned month, unsigned day) {
    static const unsigned char days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year == 0 || month - 1 >= 12 || day - 1 >= 31)
        return false;
    return day <= days[month - 1] || (month == 2 && day == 29 && is_leap(year));
}

/* Days since 1970-01-01 of a date that exists, years 1 to 9999. */
static inline int64_t days_from_civil(unsigned year, unsigned month, unsigned day) {
    static const unsigned short before[12] = {306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275};
    unsigned y = year - (month <= 2);
    return (int64_t)(y * 365 + y / 4 - y / 100 + y / 400 + before[month - 1] + day - 1) - DAYS_TO_1970;
}

static inline int64_t civil_ms(const struct civil *c) {
    return days_from_civil(c->year, c->month, c->day) * MS_PER_DAY + c->hour * MS_PER_HOUR + c->minute * MS_PER_MINUTE;
}

static inline bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool take_char(struct span *s, char c) {
    if (!s->len || s->ptr[0] != c)
        return false;
    s->ptr++, s->len--;
    return true;
}

static bool take_two_digits(struct span *s, unsigned *value) {
    if (s->len < 2 || !is_digit(s->ptr[0]) || !is_digit(s->ptr[1]))
        return false;
    *value = (unsigned)(s->ptr[0] - '0') * 10 + (unsigned)(s->ptr[1] - '0');
    s->ptr += 2, s->len -= 2;
    return true;
}

/* The fraction's digits after the point: 1 to 9, of which the first three count. */
static bool take_fraction(struct span *s, unsigned *ms) {
    size_t n = 0;
    unsigned value = 0, unit = 100;
    for (; n < s->len && is_digit(s->ptr[n]); n++, unit /= 10)
        value += (unsigned)(s->ptr[n] - '0') * unit;
    if (n == 0 || n > 9)
        return false;
    s->ptr += n, s->len -= n;
    *ms = value;
    return true;
}

/* ":02", ":02.669", ":60" */
static bool take_seconds(struct span *s, int64_t *ms) {
    unsigned second, fraction = 0;
    if (!take_char(s, ':') || !take_two_digits(s, &second) || second > 60)
        return false;
    if (take_char(s, '.') && !take_fraction(s, &fraction))
        return false;
    *ms = second == 60 ? 59999 : second * MS_PER_SECOND + fraction;
    return true;
}

/* What is left must be a zone: nothing, Z, z, or [blank](+|-)hh[[:]mm]. */
static bool take_zone(struct span s, int64_t *offset_ms) {
    *offset_ms = 0;
    if (s.len == 0 || (s.len == 1 && (s.ptr[0] | 0x20) == 'z'))
        return true;
    take_char(&s, ' ');
    bool west = s.len && s.ptr[0] == '-';
    if (!west && (!s.len || s.ptr[0] != '+'))
        return false;
    s.ptr++, s.len--;
    unsigned hours, minutes = 0;
    if (!take_two_digits(&s, &hours) || hours > 23)
        return false;
    if (s.len) {
        take_char(&s, ':');
        if (!take_two_digits(&s, &minutes) || minutes > 59 || s.len)
            return false;
    }
    *offset_ms = (int64_t)hours * MS_PER_HOUR + (int64_t)minutes * MS_PER_MINUTE;
    if (west)
        *offset_ms = -*offset_ms;
    return true;
}

/* Every form but the usual one. `need_seconds`: "2026-11-21T23:34" is not enough. */
static __attribute__((noinline)) bool parse_other_form(struct span text, bool need_seconds, int64_t *ms) {
    text = span_trim(text);
    if (text.len < 16)
        return false;
    char separator = text.ptr[10];
    struct civil c;
    if (separator != 'T' && separator != 't' && separator != ' ')
        return false;
    if (!take_date_time(load8(text.ptr), load8(text.ptr + 8), separator, &c) || !is_date(c.year, c.month, c.day))
        return false;
    struct span rest = {text.ptr + 16, text.len - 16};
    int64_t seconds_ms = 0, offset_ms;
    bool has_seconds = rest.len && rest.ptr[0] == ':';
    if ((has_seconds || need_seconds) && !take_seconds(&rest, &seconds_ms))
        return false;
    if (!take_zone(rest, &offset_ms))
        return false;
    *ms = civil_ms(&c) + seconds_ms - offset_ms;
    return true;
}

/* The usual form, in three words:
 *
 *     2017-08- 05T00:41 :02.669Z
 */
bool timestamp_parse(struct span text, int64_t *ms) {
    if (__builtin_expect(text.len != 24, 0))
        return parse_other_form(text, true, ms);
    uint64_t third = load8(text.ptr + 16);
    struct civil c;
    if (__builtin_expect(!take_word(&third, WORD(':', '0', '0', '.', '0', '0', '0', 'Z'),
                                    WORD(FIXED, DIGIT, DIGIT, FIXED, DIGIT, DIGIT, DIGIT, FIXED)) ||
                             !take_date_time(load8(text.ptr), load8(text.ptr + 8), 'T', &c),
                         0))
        return parse_other_form(text, true, ms);
    uint64_t pairs = pair_digits(third);
    unsigned second = BYTE(pairs, 1);
    if (__builtin_expect(second > 59 || !is_date(c.year, c.month, c.day), 0))
        return parse_other_form(text, true, ms);
    *ms = civil_ms(&c) + second * MS_PER_SECOND + (int64_t)(BYTE(third, 4) * 100 + BYTE(pairs, 5));
    return true;
}

/* "@1763768070": whole seconds since 1970, within the years 0001 to 9999. */
static bool parse_unix_seconds(struct span s, int64_t *ms) {
    const int64_t first = -62135596800, last = 253402300799;
    int64_t value = 0;
    take_char(&s, '@');
    bool negative = take_char(&s, '-');
    if (s.len == 0 || s.len > 12)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.ptr[i]))
            return false;
        value = value * 10 + (s.ptr[i] - '0');
    }
    if (negative)
        value = -value;
    if (value < first || value > last)
        return false;
    *ms = value * MS_PER_SECOND;
    return true;
}

bool timestamp_parse_option(struct span text, int64_t *ms) {
    enum { DATE_LEN = 10 };
    text = span_trim(text);
    if (text.len && text.ptr[0] == '@')
        return parse_unix_seconds(text, ms);
    if (text.len != DATE_LEN)
        return parse_other_form(text, false, ms);
    char midnight[] = "0000-00-00T00:00";
    memcpy(midnight, text.ptr, DATE_LEN);
    return parse_other_form((struct span){midnight, sizeof midnight - 1}, false, ms);
}

static char *put_digits(char *out, uint64_t value, int width) {
    for (int i = width - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
    return out + width;
}

/* At least four digits; a sign when there are more or the year is before 0000, as ISO 8601 has it. */
static char *put_year(char *out, int64_t year) {
    uint64_t size = (uint64_t)(year < 0 ? -year : year);
    int width = 4;
    for (uint64_t rest = size / 10000; rest; rest /= 10)
        width++;
    if (year < 0)
        *out++ = '-';
    else if (width > 4)
        *out++ = '+';
    return put_digits(out, size, width);
}

/* `days` since 1970-01-01. Works for every day that an int64_t of milliseconds can name. */
static char *put_date(char *out, int64_t days) {
    enum { DAYS_PER_400_YEARS = 146097 };
    days += DAYS_TO_1970;
    int64_t era = (days >= 0 ? days : days - (DAYS_PER_400_YEARS - 1)) / DAYS_PER_400_YEARS;
    unsigned day_of_era = (unsigned)(days - era * DAYS_PER_400_YEARS);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned march_month = (5 * day_of_year + 2) / 153; /* 0 = March */
    unsigned day = day_of_year - (153 * march_month + 2) / 5 + 1;
    unsigned month = march_month < 10 ? march_month + 3 : march_month - 9;
    out = put_year(out, era * 400 + year_of_era + (month <= 2));
    *out++ = '-';
    out = put_digits(out, month, 2);
    *out++ = '-';
    return put_digits(out, day, 2);
}

void timestamp_format(int64_t ms, char out[TIMESTAMP_SIZE]) {
    int64_t days = ms / MS_PER_DAY, rest = ms % MS_PER_DAY;
    if (rest < 0) {
        rest += MS_PER_DAY;
        days--;
    }
    out = put_date(out, days);
    *out++ = 'T';
    out = put_digits(out, (uint64_t)(rest / MS_PER_HOUR), 2);
    *out++ = ':';
    out = put_digits(out, (uint64_t)(rest / MS_PER_MINUTE % 60), 2);
    *out++ = ':';
    out = put_digits(out, (uint64_t)(rest / MS_PER_SECOND % 60), 2);
    if (rest % MS_PER_SECOND) {
        *out++ = '.';
        out = put_digits(out, (uint64_t)(rest % MS_PER_SECOND), 3);
    }
    *out++ = 'Z';
    *out = '\0';
}

/* Decimal digits up to `limit`. */
static bool take_number(struct span *s, int64_t limit, int64_t *value) {
    size_t n = 0;
    *value = 0;
    for (; n < s->len && is_digit(s->ptr[n]) && *value <= limit; n++)
        *value = *value * 10 + (s->ptr[n] - '0');
    s->ptr += n, s->len -= n;
    return n > 0 && *value <= limit;
}

static struct span take_letters(struct span *s) {
    size_t n = 0;
    while (n < s->len && !is_digit(s->ptr[n]))
        n++;
    struct span letters = {s->ptr, n};
    s->ptr += n, s->len -= n;
    return letters;
}

/* Units in falling order, each at most once, as Prometheus has them: a repeated or misplaced one is a slip. */
bool duration_parse(struct span text, int64_t *ms) {
    static const struct {
        char name[3];
        int64_t ms;
    } units[] = {{"w", 7 * MS_PER_DAY}, {"d", MS_PER_DAY},    {"h", MS_PER_HOUR},
                 {"m", MS_PER_MINUTE},  {"s", MS_PER_SECOND}, {"ms", 1}};
    const size_t unit_count = sizeof units / sizeof units[0];
    const int64_t limit = 36525 * MS_PER_DAY;
    int64_t total = 0, value;
    size_t unit = 0;
    while (text.len) {
        if (!take_number(&text, limit, &value))
            return false;
        struct span name = take_letters(&text);
        while (unit < unit_count && !span_eq(span_of(units[unit].name), name))
            unit++;
        if (unit == unit_count || value > (limit - total) / units[unit].ms)
            return false;
        total += value * units[unit++].ms;
    }
    if (total == 0)
        return false;
    *ms = total;
    return true;
}
