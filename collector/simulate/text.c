#include "simulate/text.h"

enum { HOUR_MS = 3600000 };

/* Days since 1970 to a date, by shifting the year's start to March (Hinnant, "chrono-compatible low-level date
 * algorithms"). */
static void date_of(int64_t days, int64_t *year, uint32_t *month, uint32_t *day) {
    days += 719468;
    int64_t era = days / 146097;
    uint32_t of_era = (uint32_t)(days % 146097);
    uint32_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * years + years / 4 - years / 100);
    uint32_t shifted = (5 * of_year + 2) / 153;
    *day = of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = (int64_t)years + era * 400 + (*month <= 2);
}

static void time_text_make(struct time_text *t, int64_t second) {
    static const char days[] = "ThuFriSatSunMonTueWed", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t year, day_number = second / 86400;
    uint32_t month, day, of_day = (uint32_t)(second % 86400);
    date_of(day_number, &year, &month, &day);
    t->second = second;
    char *p = put_decimal(t->iso, (uint64_t)year, 4);
    *p++ = '-';
    p = put_decimal(p, month, 2);
    *p++ = '-';
    p = put_decimal(p, day, 2);
    *p++ = 'T';
    p = put_decimal(p, of_day / 3600, 2);
    *p++ = ':';
    p = put_decimal(p, of_day / 60 % 60, 2);
    *p++ = ':';
    put_decimal(p, of_day % 60, 2);
    memcpy(t->mail, days + (size_t)(day_number % 7) * 3, 3);
    p = PUT(t->mail + 3, ", ");
    p = put_decimal(p, day, 2);
    *p++ = ' ';
    memcpy(p, months + (size_t)(month - 1) * 3, 3);
    p[3] = ' ';
    p = put_decimal(p + 4, (uint64_t)year, 4);
    *p++ = ' ';
    memcpy(p, t->iso + 11, 8);
}

const struct time_text *time_text_of(struct time_texts *t, int64_t ms) {
    int64_t second = ms / 1000;
    struct time_text *slot = &t->slots[second % TIME_TEXTS];
    if (slot->second != second || !slot->iso[0])
        time_text_make(slot, second);
    return slot;
}

char *put_time(char *p, struct time_texts *t, int64_t ms, enum time_form form) {
    int64_t local = form == TIME_OFFSET ? ms - 5 * HOUR_MS : form == TIME_LONG ? ms + 3 * HOUR_MS : ms;
    memcpy(p, time_text_of(t, local < 0 ? 0 : local)->iso, 19);
    p += 19;
    if (form == TIME_SECONDS)
        return PUT(p, " +0000");
    *p++ = '.';
    p = put_decimal(p, form == TIME_CUT ? 0 : (uint64_t)(ms % 1000), 3);
    if (form == TIME_OFFSET)
        return PUT(p, "-05:00");
    if (form == TIME_LONG) {
        p = put_decimal(p, (uint64_t)ms * 7919, 3); /* finer digits: to be cut off, not rounded */
        return PUT(p, "+03:00");
    }
    return PUT(p, "Z");
}
