#include "config/words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- numbers with units ------------------------------------------------------------------------------------------- */

static bool only(const char *text, size_t len, const char *allowed) {
    return len && strspn(text, allowed) >= len;
}

enum { SHARE_DECIMALS = 12 }; /* with more, share_format could not find its way back */

bool share_parse(const char *text, double *share) {
    char number[40];
    size_t len = strlen(text);
    bool percent = len && text[len - 1] == '%';
    if (percent)
        len--;
    while (percent && len && text[len - 1] == ' ')
        len--;
    const char *point = memchr(text, '.', len);
    if (len > 30 || !only(text, len, "0123456789.") || !strpbrk(text, "0123456789"))
        return false;
    size_t decimals = point ? len - (size_t)(point + 1 - text) : 0;
    if (decimals > SHARE_DECIMALS || (point && memchr(point + 1, '.', decimals)))
        return false;
    snprintf(number, sizeof number, "%.*s%s", (int)len, text, percent ? "e-2" : "");
    *share = strtod(number, NULL);
    return true;
}

void share_format(double share, char out[SHARE_SIZE]) {
    double back = -1;
    for (int digits = 0; digits <= SHARE_DECIMALS && back != share; digits++) {
        snprintf(out, SHARE_SIZE, "%.*f%%", digits, share * 100);
        if (!share_parse(out, &back))
            back = -1;
    }
}

void factor_format(double factor, char out[SHARE_SIZE]) {
    double back = -1;
    for (int digits = 0; digits <= SHARE_DECIMALS && back != factor; digits++) {
        snprintf(out, SHARE_SIZE, "%.*f", digits, factor);
        if (!share_parse(out, &back))
            back = -1;
    }
}

static const struct unit {
    const char *name;
    uint64_t bytes;
} units[] = {
    {"TiB", (uint64_t)1 << 40},
    {"GiB", (uint64_t)1 << 30},
    {"MiB", 1 << 20},
    {"KiB", 1 << 10},
    {"TB", 1000000000000},
    {"GB", 1000000000},
    {"MB", 1000000},
    {"kB", 1000},
    {"KB", 1000},
    {"B", 1},
};
enum { UNIT_COUNT = sizeof units / sizeof units[0], BINARY_UNITS = 4 };

bool size_parse(const char *text, uint64_t *bytes) {
    char *end;
    errno = 0;
    if (text[0] < '0' || text[0] > '9')
        return false;
    unsigned long long number = strtoull(text, &end, 10);
    uint64_t unit = *end ? 0 : 1;
    while (*end == ' ')
        end++;
    for (size_t i = 0; i < UNIT_COUNT; i++)
        if (strcmp(end, units[i].name) == 0)
            unit = units[i].bytes;
    if (errno || !unit || number > INT64_MAX / unit)
        return false;
    *bytes = number * unit;
    return true;
}

void size_format(uint64_t bytes, char out[SIZE_SIZE]) {
    for (size_t i = 0; i < BINARY_UNITS; i++)
        if (bytes && bytes % units[i].bytes == 0) {
            snprintf(out, SIZE_SIZE, "%" PRIu64 "%s", bytes / units[i].bytes, units[i].name);
            return;
        }
    snprintf(out, SIZE_SIZE, "%" PRIu64, bytes);
}

void duration_format(int64_t ms, char out[DURATION_SIZE]) {
    const int64_t second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;
    if (ms == 0)
        snprintf(out, DURATION_SIZE, "0s");
    else if (ms % day == 0 && ms > 3 * day)
        snprintf(out, DURATION_SIZE, "%" PRId64 "d", ms / day);
    else if (ms % hour == 0)
        snprintf(out, DURATION_SIZE, "%" PRId64 "h", ms / hour);
    else if (ms % minute == 0)
        snprintf(out, DURATION_SIZE, "%" PRId64 "m", ms / minute);
    else if (ms % second == 0)
        snprintf(out, DURATION_SIZE, "%" PRId64 "s", ms / second);
    else
        snprintf(out, DURATION_SIZE, "%" PRId64 "ms", ms);
}

/* --- words -------------------------------------------------------------------------------------------------------- */

enum { MAX_WORD = 40 };

static unsigned least(unsigned a, unsigned b, unsigned c) {
    unsigned ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein's distance, a row at a time. */
static unsigned word_distance(const char *a, const char *b) {
    size_t len = strlen(b);
    unsigned row[MAX_WORD + 1];
    for (size_t j = 0; j <= len; j++)
        row[j] = (unsigned)j;
    for (size_t i = 0; a[i]; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i + 1;
        for (size_t j = 0; j < len; j++) {
            unsigned above = row[j + 1];
            row[j + 1] = least(above + 1, row[j] + 1, diagonal + (a[i] != b[j]));
            diagonal = above;
        }
    }
    return row[len];
}

bool word_is_near(const char *a, const char *b, unsigned *distance) {
    size_t a_len = strlen(a), b_len = strlen(b), longer = a_len > b_len ? a_len : b_len;
    if (!a_len || !b_len || longer > MAX_WORD)
        return false;
    *distance = word_distance(a, b);
    return *distance <= 1 + longer / 4 && *distance < longer;
}

/* --- forms -------------------------------------------------------------------------------------------------------- */

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

static bool has_control(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

static bool is_port(const char *text) {
    size_t len = strlen(text);
    return len >= 1 && len <= 5 && only(text, len, DIGITS) && strtol(text, NULL, 10) <= 65535;
}

/* The port behind a host's end, or nothing. */
static bool is_end_of_host(const char *text) {
    return !*text || (*text == ':' && is_port(text + 1) && strcmp(text + 1, "0") != 0);
}

/* "name", "name:9093", "192.0.2.1", "[2001:db8::1]:9093" */
static bool is_host(const char *text) {
    size_t len;
    if (*text == '[') {
        len = strspn(text + 1, DIGITS "abcdefABCDEF:.");
        return len >= 2 && text[len + 1] == ']' && is_end_of_host(text + len + 2);
    }
    len = strspn(text, LETTERS DIGITS "-._");
    return len && len <= 253 && is_end_of_host(text + len);
}

const char *url_wrong(const char *text) {
    char host[300];
    const char *rest = strncmp(text, "http://", 7) == 0    ? text + 7
                       : strncmp(text, "https://", 8) == 0 ? text + 8
                                                           : NULL;
    if (!rest)
        return "write a URL that begins with http:// or https://";
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || strchr("\"<>\\^`{|}", *c))
            return "write blanks and other odd characters of a URL as %20 and the like";
    size_t len = strcspn(rest, "/?#");
    if (memchr(rest, '@', len))
        return "take the user and password out of the URL; they go to basic_auth";
    snprintf(host, sizeof host, "%.*s", len < sizeof host ? (int)len : 0, rest);
    if (!is_host(host))
        return "write a host, and a port if need be, behind the slashes: http://alertmanager:9093";
    return strchr(rest, '#') ? "take off the part from # on; it never reaches a server" : NULL;
}

const char *listen_wrong(const char *text) {
    static const char right[] = "write HOST:PORT as in \":9465\", \"127.0.0.1:9465\" or \"[::1]:9465\"";
    const char *colon = strrchr(text, ':');
    if (!colon || !is_port(colon + 1))
        return right;
    size_t len = (size_t)(colon - text);
    char host[260];
    if (len >= sizeof host)
        return right;
    snprintf(host, sizeof host, "%.*s", (int)len, text);
    return !len || (is_host(host) && (host[0] == '[' || !strchr(host, ':'))) ? NULL : right;
}

const char *topic_wrong(const char *text) {
    size_t len = strlen(text);
    bool good =
        len <= 249 && only(text, len, LETTERS DIGITS "._-") && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
    return good ? NULL : "a topic's name has letters, digits, points, _ and -, at most 249 of them";
}

const char *name_wrong(const char *text) {
    size_t len = strlen(text);
    return len <= 64 && only(text, len, LETTERS DIGITS "._-") ? NULL
                                                              : "write up to 64 letters, digits, points, _ and -";
}

const char *region_wrong(const char *text) {
    size_t len = strlen(text);
    bool good = len <= 32 && only(text, len, "abcdefghijklmnopqrstuvwxyz" DIGITS "-") && strchr(text, '-');
    return good ? NULL : "write a region of AWS as in eu-west-1";
}

const char *label_wrong(const char *text) {
    size_t len = strlen(text);
    bool good = len <= 64 && only(text, len, LETTERS DIGITS "_") && !strchr(DIGITS, text[0]);
    return good ? NULL : "a name here has letters, digits and _, and does not begin with a digit";
}

const char *header_wrong(const char *text) {
    static const char *const ours[] = {
        "content-type", "content-length", "content-encoding", "transfer-encoding", "connection",
        "expect",       "host",           "user-agent",       "idempotency-key",   "x-ses-collector-signature"};
    size_t len = strlen(text);
    if (len > 64 || !only(text, len, LETTERS DIGITS "-"))
        return "a header's name has letters, digits and -";
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strcasecmp(text, ours[i]) == 0)
            return "this header is set by ses-collector itself; take it out";
    return NULL;
}

const char *line_wrong(const char *text) {
    if (strlen(text) > 4096)
        return "at most 4096 bytes";
    return has_control(text) ? "take out line breaks and other control characters" : NULL;
}

const char *bcrypt_wrong(const char *text) {
    bool good = strlen(text) == 60 && text[0] == '$' && text[1] == '2' && strchr("aby", text[2]) && text[3] == '$' &&
                only(text + 4, 2, DIGITS) && text[6] == '$' && only(text + 7, 53, LETTERS DIGITS "./");
    return good ? NULL : "write a bcrypt hash, as \"htpasswd -nBC 10 NAME\" prints it behind the colon: $2y$10$...";
}
