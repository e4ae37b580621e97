#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "source/s3_listing.h"

static char *copy_string(const char *s) {
    return s ? alloc_string(s, strlen(s)) : NULL;
}

void s3_place_deinit(struct s3_place *p) {
    s3_bucket_deinit(&p->bucket);
    free(p->prefix);
    free(p->time_zone);
    for (size_t i = 0; i < p->exclude_count; i++)
        free(p->exclude[i]);
    free(p->exclude);
    *p = (struct s3_place){0};
}

struct s3_place s3_place_copy(const struct s3_place *p) {
    struct s3_place copy = {.bucket = s3_bucket_copy(&p->bucket),
                            .prefix = copy_string(p->prefix),
                            .time_zone = copy_string(p->time_zone),
                            .errors = p->errors};
    if (p->exclude_count)
        copy.exclude = alloc_zeroed(p->exclude_count, sizeof *copy.exclude);
    for (; copy.exclude_count < p->exclude_count; copy.exclude_count++)
        copy.exclude[copy.exclude_count] = copy_string(p->exclude[copy.exclude_count]);
    return copy;
}

/* Letters, digits, "-", "." and "_", which old buckets and other stores have. */
static bool is_bucket_name(const char *name, size_t len) {
    if (len < 3 || len > 255)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i], letter = (char)(c | 0x20);
        bool plain = (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9');
        if (!plain && (i == 0 || i + 1 == len || !strchr("-._", c)))
            return false;
        if (c == '.' && name[i - 1] == '.')
            return false;
    }
    return true;
}

bool s3_place_parse(const char *url, struct s3_place *p, struct err *err) {
    static const char scheme[] = "s3://";
    *p = (struct s3_place){0};
    if (strncmp(url, scheme, sizeof scheme - 1) != 0)
        return err_set(err, ERR_USAGE, "%s: not s3://BUCKET/PREFIX", url);
    const char *name = url + sizeof scheme - 1;
    size_t len = strcspn(name, "/");
    if (!is_bucket_name(name, len))
        return err_set(err, ERR_USAGE, "%s: its bucket's name cannot be one. Write s3://BUCKET/PREFIX", url);
    p->bucket.name = alloc_string(name, len);
    p->prefix = copy_string(name[len] ? name + len + 1 : "");
    return true;
}
