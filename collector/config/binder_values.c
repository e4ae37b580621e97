/* From the text of a value to the value. */
#include "config/binder_values.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/words.h"
#include "parsers/timestamp.h"

static void list_choices(const struct key *k, char *all, size_t size) {
    all[0] = '\0';
    for (unsigned i = 0; k->choice(i); i++)
        snprintf(all + strlen(all), size - strlen(all), "%s%s", i ? ", " : "", k->choice(i));
}

/* Each of these takes the text of a value, and says what would be right when it is none. */
bool value_choice(const struct key *k, const char *text, unsigned *chosen, char *right, size_t size) {
    for (unsigned i = 0; k->choice(i); i++)
        if (strcmp(text, k->choice(i)) == 0) {
            *chosen = i;
            return true;
        }
    char all[240];
    list_choices(k, all, sizeof all);
    snprintf(right, size, "it is one of %s", all);
    return false;
}

static bool parse_bool(const char *text, bool *value, char *right, size_t size) {
    *value = strcmp(text, "true") == 0;
    if (*value || strcmp(text, "false") == 0)
        return true;
    snprintf(right, size, "write true or false");
    return false;
}

bool value_number(const struct key *k, const char *text, int64_t *value, char *right, size_t size) {
    char *end;
    errno = 0;
    *value = strtoll(text, &end, 10);
    bool is_number = text[0] >= '0' && text[0] <= '9' && !*end && !errno;
    if (is_number && *value >= k->min && (!k->max || *value <= k->max))
        return true;
    if (k->max)
        snprintf(right, size, "write a whole number from %" PRId64 " to %" PRId64, k->min, k->max);
    else
        snprintf(right, size, "write a whole number from %" PRId64 " on", k->min);
    return false;
}

static bool parse_size(const struct key *k, const char *text, uint64_t *bytes, char *right, size_t size) {
    if (!size_parse(text, bytes)) {
        snprintf(right, size, "write a size as in 512MiB or 1GiB");
        return false;
    }
    char least[SIZE_SIZE], most[SIZE_SIZE];
    size_format((uint64_t)k->min, least);
    size_format((uint64_t)k->max, most);
    snprintf(right, size, k->max ? "write a size from %s to %s" : "write a size from %s on", least, most);
    return *bytes >= (uint64_t)k->min && (!k->max || *bytes <= (uint64_t)k->max);
}

static bool parse_duration(const struct key *k, const char *text, int64_t *ms, char *right, size_t size) {
    if (k->word && strcmp(text, k->word) == 0) {
        *ms = 0;
        return true;
    }
    const char * or = k->word ? ", or " : "", *word = k->word ? k->word : "";
    if (strcmp(text, "0") == 0 || strcmp(text, "0s") == 0) {
        *ms = 0;
    } else if (!duration_parse(span_of(text), ms)) {
        snprintf(right, size, "write a duration as in 90s, 5m, 1h30m or 2d%s%s", or, word);
        return false;
    }
    char least[DURATION_SIZE], most[DURATION_SIZE];
    duration_format(k->min, least);
    duration_format(k->max, most);
    if (k->max)
        snprintf(right, size, "write a duration from %s to %s%s%s", least, most, or, word);
    else
        snprintf(right, size, "write a duration from %s on%s%s", least, or, word);
    return *ms >= k->min && (!k->max || *ms <= k->max);
}

static bool parse_share(const struct key *k, const char *text, double *share, char *right, size_t size) {
    if (k->word && strcmp(text, k->word) == 0) {
        *share = 0;
        return true;
    }
    if (!share_parse(text, share))
        snprintf(right, size, "write a share as in 5%% or 0.05%s%s", k->word ? ", or " : "", k->word ? k->word : "");
    else if (*share > 1)
        snprintf(right, size, "a share is at most 100%%; write 5%% or 0.05");
    else
        return true;
    return false;
}

static bool parse_factor(const char *text, double *factor, char *right, size_t size) {
    snprintf(right, size, "write how many times as much, from 1.1 to 1000, as in 3 or 2.5");
    return share_parse(text, factor) && !strchr(text, '%') && *factor >= 1.1 && *factor <= 1000;
}

static void store_number(const struct key *k, void *field, int64_t value) {
    if (k->width == sizeof(int32_t))
        memcpy(field, &(int32_t){(int32_t)value}, sizeof(int32_t));
    else
        memcpy(field, &value, sizeof value);
}

bool value_store(const struct key *k, void *field, const char *text, char *right, size_t size) {
    unsigned chosen = 0;
    int64_t number = 0;
    switch (k->type) {
    case KEY_BOOL:
        return parse_bool(text, field, right, size);
    case KEY_CHOICE:
        if (!value_choice(k, text, &chosen, right, size))
            return false;
        memcpy(field, &chosen, sizeof chosen); /* an enum of ours is as wide */
        return true;
    case KEY_NUMBER:
        if (!value_number(k, text, &number, right, size))
            return false;
        store_number(k, field, number);
        return true;
    case KEY_SIZE:
        return parse_size(k, text, field, right, size);
    case KEY_DURATION:
        return parse_duration(k, text, field, right, size);
    case KEY_FACTOR:
        return parse_factor(text, field, right, size);
    default:
        assert(k->type == KEY_SHARE);
        return parse_share(k, text, field, right, size);
    }
}
