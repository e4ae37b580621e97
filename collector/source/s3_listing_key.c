#include "source/s3_listing_key.h"

#include <stdio.h>
#include <string.h>

#include "core/time_rule.h"

#define HOUR_MS ((int64_t)3600 * 1000)
#define DAY_MS  ((int64_t)24 * HOUR_MS)

/* --- names of folders --------------------------------------------------------------------------------------------- */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool take_digits(struct span *s, unsigned count, int *n) {
    *n = 0;
    if (s->len < count)
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (!is_digit(s->ptr[i]))
            return false;
        *n = *n * 10 + (s->ptr[i] - '0');
    }
    s->ptr += count;
    s->len -= count;
    return true;
}

static bool take_field(struct span *s, unsigned field, int *n) {
    static const int least[] = {KEY_FIRST_YEAR, 1, 1, 0}, most[] = {KEY_LAST_YEAR, 12, 31, 23};
    return take_digits(s, field == KEY_YEAR ? 4 : 2, n) && *n >= least[field] && *n <= most[field];
}

/* What may stand between two fields of one name; 0 when a digit follows at once. */
static bool take_between(struct span *s, char *between) {
    *between = 0;
    if (!s->len)
        return false;
    if (is_digit(*s->ptr))
        return true;
    if (!strchr("-_.T", *s->ptr) || !*s->ptr)
        return false;
    *between = *s->ptr;
    s->ptr++;
    s->len--;
    return true;
}

/* "-34", "-34-30": minutes and seconds behind an hour */
static bool is_tail(struct span s) {
    char between;
    int n;
    for (int i = 0; i < 2 && s.len; i++)
        if (!take_between(&s, &between) || !take_digits(&s, 2, &n) || n > 59)
            return false;
    return !s.len;
}

/* The whole of `s` as fields from `first` on. */
static bool take_fields(struct span s, unsigned first, struct key_time *t, struct key_shape *shape) {
    unsigned field = first;
    shape->first = first;
    memset(shape->between, 0, sizeof shape->between);
    if (!take_field(&s, field, &t->field[field]))
        return false;
    while (++field < KEY_FIELDS && s.len)
        if (!take_between(&s, &shape->between[field - 1]) || !take_field(&s, field, &t->field[field]))
            return false;
    if (s.len && (field < KEY_FIELDS || !is_tail(s)))
        return false;
    shape->end = t->known = field;
    return true;
}

/* "month=", "MM-", "" */
static bool word_names(struct span word, unsigned field) {
    static const char *const names[KEY_FIELDS][5] = {
        {"year", "y", "yyyy", "yr"}, {"month", "m", "mm", "mon"}, {"day", "d", "dd"}, {"hour", "h", "hh", "hr"}};
    if (!word.len)
        return true;
    if (strchr("=-_", word.ptr[word.len - 1]))
        word.len--;
    for (unsigned i = 0; i < 5 && names[field][i]; i++)
        if (span_eq_nocase(word, span_of(names[field][i])))
            return true;
    return false;
}

static bool keep_word(struct key_shape *shape, struct span word) {
    if (word.len >= sizeof shape->word || memchr(word.ptr, 0, word.len))
        return false;
    memcpy(shape->word, word.ptr, word.len);
    shape->word[word.len] = 0;
    return true;
}

bool key_shape_parse(struct span name, struct key_time *t, struct key_shape *shape) {
    if (t->known >= KEY_FIELDS)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        struct key_time found = *t;
        struct key_shape as = {0};
        if (!is_digit(name.ptr[i]) || (i && is_digit(name.ptr[i - 1])))
            continue;
        struct span word = {name.ptr, i}, rest = {name.ptr + i, name.len - i};
        if (t->known && !word_names(word, t->known))
            return false;
        if (take_fields(rest, t->known, &found, &as) && keep_word(&as, word)) {
            *t = found;
            *shape = as;
            return true;
        }
        if (t->known)
            return false;
    }
    return false;
}

bool key_shape_equal(const struct key_shape *a, const struct key_shape *b) {
    return a->first == b->first && a->end == b->end && strcmp(a->word, b->word) == 0 &&
           memcmp(a->between, b->between, sizeof a->between) == 0;
}

bool key_shape_is_sure(const struct key_shape *shape) {
    struct span word = span_of(shape->word);
    if (!word.len)
        return true;
    return word.ptr[word.len - 1] == '=' && (shape->end > KEY_MONTH || word_names(word, KEY_YEAR));
}

void key_shape_format(const struct key_shape *shape, const struct key_time *t, char name[KEY_NAME_SIZE]) {
    int len = snprintf(name, KEY_NAME_SIZE, "%s", shape->word);
    for (unsigned i = shape->first; i < shape->end; i++) {
        len += snprintf(name + len, (size_t)(KEY_NAME_SIZE - len), "%0*d", i == KEY_YEAR ? 4 : 2, t->field[i]);
        if (i + 1 < shape->end && shape->between[i]) {
            name[len++] = shape->between[i];
            name[len] = 0;
        }
    }
}

/* --- times -------------------------------------------------------------------------------------------------------- */

static int64_t start_of(int64_t year, int month, int day, int hour) {
    return time_rule_days_to(year, month, day) * DAY_MS + hour * HOUR_MS;
}

int64_t key_time_start(const struct key_time *t) {
    const int *f = t->field;
    return start_of(f[KEY_YEAR], t->known > KEY_MONTH ? f[KEY_MONTH] : 1, t->known > KEY_DAY ? f[KEY_DAY] : 1,
                    t->known > KEY_HOUR ? f[KEY_HOUR] : 0);
}

int64_t key_time_end(const struct key_time *t) {
    const int *f = t->field;
    switch (t->known) {
    case KEY_YEAR + 1:
        return start_of(f[KEY_YEAR] + 1, 1, 1, 0);
    case KEY_MONTH + 1:
        return f[KEY_MONTH] == 12 ? start_of(f[KEY_YEAR] + 1, 1, 1, 0) : start_of(f[KEY_YEAR], f[KEY_MONTH] + 1, 1, 0);
    case KEY_DAY + 1:
        return key_time_start(t) + DAY_MS;
    default:
        return key_time_start(t) + HOUR_MS;
    }
}

struct key_time key_time_of(int64_t local_ms) {
    const int64_t first = start_of(KEY_FIRST_YEAR, 1, 1, 0), last = start_of(KEY_LAST_YEAR + 1, 1, 1, 0) - 1;
    int64_t ms = local_ms < first ? first : local_ms > last ? last : local_ms;
    int64_t year = time_rule_year_of(ms / 1000), days = ms / DAY_MS;
    int month = 12;
    while (time_rule_days_to(year, month, 1) > days)
        month--;
    return (struct key_time){
        {(int)year, month, (int)(days - time_rule_days_to(year, month, 1)) + 1, (int)(ms % DAY_MS / HOUR_MS)},
        KEY_FIELDS};
}

/* --- times in keys ------------------------------------------------------------------------------------------------ */

/* As many folders from `p` on as say one time. Returns the place behind them; `p` itself when there is none. */
static const char *read_folders(const char *p, struct key_time *t, bool *sure) {
    const char *slash;
    t->known = 0;
    while (t->known < KEY_FIELDS && (slash = strchr(p, '/'))) {
        struct key_shape shape;
        unsigned known = t->known;
        if (!key_shape_parse((struct span){p, (size_t)(slash - p)}, t, &shape))
            break;
        if (!known)
            *sure = key_shape_is_sure(&shape);
        p = slash + 1;
    }
    return p;
}

/* A number may be anything; two fields one behind the other are a time, above all where nothing else stands. */
static int rank_of(const struct key_time *t, bool sure) {
    if (t->known > 1)
        return sure ? 3 : 2;
    return t->known && sure;
}

struct key_time key_folder_time(const char *key, size_t *end) {
    struct key_time best = {0};
    int best_rank = 0;
    *end = 0;
    for (const char *p = key; best_rank < 3; p++) {
        struct key_time t;
        bool sure = false;
        const char *behind = read_folders(p, &t, &sure);
        int rank = rank_of(&t, sure);
        if (rank > best_rank) {
            best_rank = rank;
            best = t;
            *end = (size_t)(behind - key);
        }
        if (!(p = strchr(p, '/')))
            break;
    }
    return best;
}
