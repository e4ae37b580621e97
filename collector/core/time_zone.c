#include "core/time_zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/time_rule.h"

enum {
    FILE_MAX = 256 * 1024,
    NAME_MAX_LEN = 120,
    HEADER = 44,
    TYPE_SIZE = 6,
    TYPES_MAX = 256,
    TIMES_MAX = 8192,
    OFFSET_MAX = 26 * 3600, /* no zone is further from Greenwich (RFC 8536, 3.2) */
    CHANGES_MAX = 64,       /* that a search for a local time looks at */
};
#define TIME_MAX ((int64_t)1 << 42) /* seconds: more than 100,000 years */

struct time_zone {
    int64_t *at;      /* owned: when each change comes, ascending */
    int32_t *offsets; /* owned: count + 1; [0] before the first change, [i + 1] from change i on */
    size_t count;
    bool has_rule;
    struct time_rule rule; /* behind the last change */
};

/* --- TZif --------------------------------------------------------------------------------------------------------- */

/* One of the two blocks of a file: a header with six counts, and what they count. */
struct block {
    uint32_t isut, isstd, leap, time, type, chars;
    const unsigned char *data;
    size_t size;
};

static uint32_t be32(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const unsigned char *p) {
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

/* `width`: bytes of a time, 4 or 8. */
static bool open_block(struct span *rest, unsigned width, struct block *b) {
    const unsigned char *p = (const unsigned char *)rest->ptr;
    if (rest->len < HEADER || memcmp(p, "TZif", 4) != 0)
        return false;
    *b = (struct block){be32(p + 20), be32(p + 24), be32(p + 28), be32(p + 32),
                        be32(p + 36), be32(p + 40), p + HEADER,   0};
    if (b->time > TIMES_MAX || b->type > TYPES_MAX || !b->type || b->chars > 4096 || b->leap > 1024 ||
        b->isstd > TYPES_MAX || b->isut > TYPES_MAX)
        return false;
    b->size = b->time * (size_t)width + b->time + b->type * (size_t)TYPE_SIZE + b->chars +
              b->leap * (size_t)(width + 4) + b->isstd + b->isut;
    if (b->size > rest->len - HEADER)
        return false;
    rest->ptr += HEADER + b->size;
    rest->len -= HEADER + b->size;
    return true;
}

static bool offset_of(const struct block *b, unsigned width, unsigned type, int32_t *offset) {
    if (type >= b->type)
        return false;
    const unsigned char *p = b->data + b->time * (size_t)width + b->time + type * (size_t)TYPE_SIZE;
    *offset = (int32_t)be32(p);
    return *offset >= -OFFSET_MAX && *offset <= OFFSET_MAX;
}

static bool take_block(struct time_zone *z, const struct block *b, unsigned width) {
    z->at = alloc_zeroed(b->time + (size_t)1, sizeof *z->at);
    z->offsets = alloc_zeroed(b->time + (size_t)1, sizeof *z->offsets);
    z->count = b->time;
    if (!offset_of(b, width, 0, &z->offsets[0]))
        return false;
    for (uint32_t i = 0; i < b->time; i++) {
        const unsigned char *p = b->data + i * (size_t)width;
        z->at[i] = width == 8 ? be64(p) : (int32_t)be32(p);
        if ((i && z->at[i] <= z->at[i - 1]) ||
            !offset_of(b, width, b->data[b->time * (size_t)width + i], &z->offsets[i + 1]))
            return false;
        if (z->at[i] < -TIME_MAX || z->at[i] > TIME_MAX)
            z->at[i] = z->at[i] < 0 ? -TIME_MAX : TIME_MAX;
    }
    return true;
}

/* "\nCET-1CEST,M3.5.0,M10.5.0/3\n" */
static bool take_footer(struct time_zone *z, struct span rest) {
    if (rest.len < 2 || rest.ptr[0] != '\n')
        return false;
    const char *end = memchr(rest.ptr + 1, '\n', rest.len - 1);
    if (!end)
        return false;
    struct span text = {rest.ptr + 1, (size_t)(end - rest.ptr - 1)};
    if (!text.len)
        return true; /* nothing is said of later times */
    return z->has_rule = time_rule_parse(text, &z->rule);
}

static bool parse(struct time_zone *z, struct span file) {
    struct block b;
    unsigned width = 4;
    char version = file.len > 4 ? file.ptr[4] : 0;
    if (!open_block(&file, width, &b))
        return false;
    if (version >= '2') { /* everything once more, in 64 bits */
        width = 8;
        if (!open_block(&file, width, &b))
            return false;
    }
    return b.leap == 0 && take_block(z, &b, width) && (width == 4 || take_footer(z, file));
}

struct time_zone *time_zone_parse(struct span file, struct err *err) {
    struct time_zone *z = alloc_zeroed(1, sizeof *z);
    if (parse(z, file))
        return z;
    time_zone_close(z);
    err_set(err, ERR_INPUT, "not a time zone file that can be read");
    return NULL;
}

void time_zone_close(struct time_zone *z) {
    if (!z)
        return;
    free(z->at);
    free(z->offsets);
    free(z);
}

/* --- by name ------------------------------------------------------------------------------------------------------ */

static struct time_zone *fixed_zone(int32_t offset) {
    struct time_zone *z = alloc_zeroed(1, sizeof *z);
    z->at = alloc_zeroed(1, sizeof *z->at);
    z->offsets = alloc_zeroed(1, sizeof *z->offsets);
    z->offsets[0] = offset;
    return z;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* "+05:30" */
static bool parse_offset(const char *name, int32_t *offset) {
    if (strlen(name) != 6 || (name[0] != '+' && name[0] != '-') || name[3] != ':' || !is_digit(name[1]) ||
        !is_digit(name[2]) || !is_digit(name[4]) || !is_digit(name[5]))
        return false;
    int hours = (name[1] - '0') * 10 + name[2] - '0', minutes = (name[4] - '0') * 10 + name[5] - '0';
    *offset = (hours * 60 + minutes) * 60 * (name[0] == '-' ? -1 : 1);
    return hours <= 18 && minutes <= 59;
}

/* Letters, digits, and "_+-" in parts between slashes: nothing that leads out of the folder. */
static bool is_zone_name(const char *name) {
    size_t len = strlen(name);
    if (!len || len > NAME_MAX_LEN || name[0] == '/' || name[len - 1] == '/')
        return false;
    for (const char *p = name; *p; p++) {
        char letter = (char)(*p | 0x20);
        if (!(letter >= 'a' && letter <= 'z') && !is_digit(*p) && !strchr("_+-/", *p))
            return false;
        if (*p == '/' && p[1] == '/')
            return false;
    }
    return true;
}

static bool read_file(const char *path, char *text, size_t *len, struct err *err) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return err_set_errno(err, ERR_CONFIG, errno, "%s", path);
    ssize_t n = 1;
    *len = 0;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        n = -1;
    while (n > 0 && *len < FILE_MAX && (n = read(fd, text + *len, FILE_MAX - *len)) > 0)
        *len += (size_t)n;
    close(fd);
    return n == 0 || err_set(err, ERR_CONFIG, "%s: no time zone file", path);
}

static struct time_zone *open_file(const char *name, struct err *err) {
    const char *folder = getenv("TZDIR");
    char path[512];
    struct err why = {0};
    size_t len = 0;
    int n = snprintf(path, sizeof path, "%s/%s", folder && *folder ? folder : "/usr/share/zoneinfo", name);
    if (n < 0 || (size_t)n >= sizeof path) {
        err_set(err, ERR_CONFIG, "time zone %s: TZDIR is too long", name);
        return NULL;
    }
    char *text = alloc_zeroed(FILE_MAX, 1);
    struct time_zone *z = NULL;
    if (read_file(path, text, &len, &why))
        z = time_zone_parse((struct span){text, len}, &why);
    free(text);
    if (!z)
        err_set(err, ERR_CONFIG, "time zone %s is not known here (%s). Write a name as Europe/Berlin, or +05:30", name,
                why.text);
    return z;
}

struct time_zone *time_zone_open(const char *name, struct err *err) {
    int32_t offset;
    if (strcmp(name, "UTC") == 0 || strcmp(name, "Z") == 0)
        return fixed_zone(0);
    if (parse_offset(name, &offset))
        return fixed_zone(offset);
    if (is_zone_name(name))
        return open_file(name, err);
    err_set(err, ERR_CONFIG, "not a time zone. Write a name as Europe/Berlin, or +05:30");
    return NULL;
}

/* --- times -------------------------------------------------------------------------------------------------------- */

static int64_t floor_seconds(int64_t ms) {
    int64_t s = ms / 1000 - (ms % 1000 < 0);
    return s < -TIME_MAX ? -TIME_MAX : s > TIME_MAX ? TIME_MAX : s;
}

/* How many changes came at or before this moment. */
static size_t changes_until(const struct time_zone *z, int64_t s) {
    size_t low = 0, high = z->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (z->at[middle] <= s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int32_t offset_at(const struct time_zone *z, int64_t s) {
    size_t i = changes_until(z, s);
    return i == z->count && z->has_rule ? time_rule_offset(&z->rule, s) : z->offsets[i];
}

/* The first change after this moment; INT64_MAX: none. */
static int64_t next_change(const struct time_zone *z, int64_t s) {
    size_t i = changes_until(z, s);
    if (i < z->count)
        return z->at[i];
    if (!z->has_rule || !z->rule.has_summer)
        return INT64_MAX;
    int64_t next = INT64_MAX;
    int64_t year = time_rule_year_of(s);
    for (int64_t y = year - 1; y <= year + 1; y++) {
        int64_t changes[] = {time_rule_start(&z->rule, y), time_rule_end(&z->rule, y)};
        for (int k = 0; k < 2; k++)
            if (changes[k] > s && changes[k] < next)
                next = changes[k];
    }
    return next;
}

int32_t time_zone_offset(const struct time_zone *z, int64_t utc_ms) {
    return offset_at(z, floor_seconds(utc_ms));
}

/* A zone's clock runs with UTC between two changes: the first stretch that gets as far as this local time has it. */
int64_t time_zone_to_utc(const struct time_zone *z, int64_t local_ms) {
    int64_t local = floor_seconds(local_ms), within = local_ms - local * 1000;
    if (within < 0 || within > 999)
        within = 0; /* further away than anything that is told apart */
    int64_t from = local - OFFSET_MAX;
    for (int i = 0; i < CHANGES_MAX; i++) {
        int64_t end = next_change(z, from), at = local - offset_at(z, from);
        if (at < from)
            return from * 1000; /* the clock jumped over it */
        if (at < end)
            return at * 1000 + within;
        from = end;
    }
    return (local - offset_at(z, local)) * 1000 + within; /* a zone that changes every few hours */
}
