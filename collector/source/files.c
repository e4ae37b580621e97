#include "source/files.h"

#include <errno.h>
#include <fts.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/alloc.h"
#include "parsers/timestamp.h"

void object_list_deinit(struct object_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        free(list->objects[i].path);
        free(list->objects[i].etag);
    }
    free(list->objects);
    *list = (struct object_list){0};
}

void object_list_add(struct object_list *list, const struct object *o) {
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 64;
        list->objects = alloc_resize(list->objects, list->capacity, sizeof *list->objects);
    }
    list->objects[list->count] = *o;
    list->objects[list->count].sequence = list->count;
    list->count++;
    list->total_size += o->size;
}

static void add_object(struct object_list *list, const char *path, uint64_t size) {
    struct object o = {.path = alloc_string(path, strlen(path)), .size = size, .end = UINT64_MAX};
    o.has_time = files_key_time(path, &o.time_ms);
    object_list_add(list, &o);
}

/* The byte of an entry's name at `i`, in the key of what it is or holds: a folder's name goes on with a slash. */
static int key_byte(const FTSENT *e, size_t i) {
    if (i < e->fts_namelen)
        return (unsigned char)e->fts_name[i];
    return i == e->fts_namelen && e->fts_info == FTS_D ? '/' : 0;
}

/* As S3 lists keys: "a-b/x" and "a.json" stand before "a/x". */
static int by_key(const FTSENT **a, const FTSENT **b) {
    size_t i = 0;
    while (key_byte(*a, i) && key_byte(*a, i) == key_byte(*b, i))
        i++;
    return key_byte(*a, i) - key_byte(*b, i);
}

/* Without slashes at the end. */
static struct span last_name(const char *path) {
    struct span s = span_of(path);
    while (s.len && s.ptr[s.len - 1] == '/')
        s.len--;
    size_t at = s.len;
    while (at && s.ptr[at - 1] != '/')
        at--;
    return (struct span){s.ptr + at, s.len - at};
}

/* Of a folder of errors nothing is added, only counted. */
static bool add_folder(struct object_list *list, const char *path, bool errors, struct err *err) {
    char *copy = alloc_string(path, strlen(path));
    char *roots[] = {copy, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_key);
    bool ok = tree != NULL;
    if (!ok)
        err_set_errno(err, ERR_IO, errno, "%s: cannot be listed", path);
    FTSENT *entry;
    int error_level = INT_MAX; /* of the folder of errors that we are in */
    errors |= files_is_error_key(path) || files_is_error_folder(last_name(path));
    while (ok && (entry = fts_read(tree))) {
        if (entry->fts_level > 0 && entry->fts_name[0] == '.') {
            fts_set(tree, entry, FTS_SKIP); /* hidden: another program's, or not complete yet */
            continue;
        }
        switch (entry->fts_info) {
        case FTS_F:
            if (entry->fts_level > error_level)
                list->left_out++;
            else
                add_object(list, entry->fts_path, (uint64_t)entry->fts_statp->st_size);
            break;
        case FTS_D:
            if (!errors && entry->fts_level > 0 && entry->fts_level < error_level &&
                files_is_error_folder((struct span){entry->fts_name, entry->fts_namelen}))
                error_level = entry->fts_level;
            break;
        case FTS_DP:
            if (entry->fts_level == error_level)
                error_level = INT_MAX;
            break;
        case FTS_DOT:
            break;
        case FTS_DNR:
        case FTS_ERR:
        case FTS_NS:
            ok = err_set_errno(err, ERR_IO, entry->fts_errno, "%s: cannot be read", entry->fts_path);
            break;
        default:
            list->skipped++;
            break;
        }
    }
    if (tree)
        fts_close(tree);
    free(copy);
    return ok;
}

static bool add_glob(struct object_list *list, const char *pattern, bool errors, struct err *err) {
    glob_t found;
    bool ok = true;
    int rc = glob(pattern, 0, NULL, &found);
    if (rc == GLOB_NOMATCH)
        return err_set(err, ERR_IO, "%s: nothing matches", pattern);
    if (rc != 0)
        return err_set(err, ERR_IO, "%s: the pattern cannot be expanded", pattern);
    for (size_t i = 0; ok && i < found.gl_pathc; i++)
        ok = files_add_all(list, found.gl_pathv[i], errors, err); /* names that exist: no further pattern */
    globfree(&found);
    return ok;
}

bool files_add(struct object_list *list, const char *path, struct err *err) {
    return files_add_all(list, path, false, err);
}

bool files_add_all(struct object_list *list, const char *path, bool errors, struct err *err) {
    struct stat st;
    if (strcmp(path, "-") == 0) {
        add_object(list, path, 0);
        return true;
    }
    if (stat(path, &st) != 0) {
        if (errno == ENOENT && strpbrk(path, "*?["))
            return add_glob(list, path, errors, err);
        return err_set_errno(err, ERR_IO, errno, "%s", path);
    }
    if (S_ISDIR(st.st_mode))
        return add_folder(list, path, errors, err);
    add_object(list, path, S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0);
    return true;
}

static int by_time(const void *x, const void *y) {
    const struct object *a = x, *b = y;
    if (a->has_time != b->has_time)
        return a->has_time ? 1 : -1;
    if (a->has_time && a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms ? -1 : 1;
    return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

void files_sort(struct object_list *list) {
    if (list->count)
        qsort(list->objects, list->count, sizeof *list->objects, by_time);
}

/* --- times in keys ------------------------------------------------------------------------------------------------ */

/* `digits` digits at p; -1 if there are not so many, or more. */
static int number_at(const char *p, int digits) {
    int n = 0;
    for (int i = 0; i < digits; i++) {
        if (p[i] < '0' || p[i] > '9')
            return -1;
        n = n * 10 + (p[i] - '0');
    }
    return p[digits] >= '0' && p[digits] <= '9' ? -1 : n;
}

static bool time_of(int year, int month, int day, int hour, int minute, int second, int64_t *ms) {
    char text[32];
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 ||
        minute > 59 || second < 0 || second > 59)
        return false;
    int len = snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day, hour, minute, second);
    return timestamp_parse((struct span){text, (size_t)len}, ms);
}

/* -2026-11-21-23-34-30- */
static bool name_time(const char *p, int64_t *ms) {
    static const int at[] = {1, 6, 9, 12, 15, 18}, digits[] = {4, 2, 2, 2, 2, 2};
    int v[6];
    for (int i = 0; i < 6; i++) {
        if (p[at[i] - 1] != '-' || (v[i] = number_at(p + at[i], digits[i])) < 0)
            return false;
    }
    return time_of(v[0], v[1], v[2], v[3], v[4], v[5], ms);
}

/* The number of a path's component: "2026" or "year=2026". -1 if it is none. *next: behind its slash. */
static int component(const char *p, int digits, const char **next) {
    size_t len = strcspn(p, "/");
    const char *equals = memchr(p, '=', len);
    const char *value = equals ? equals + 1 : p;
    if (p[len] != '/' || (size_t)(p + len - value) != (size_t)digits)
        return -1;
    *next = p + len + 1;
    return number_at(value, digits);
}

/* 2026/11/21/23/ */
static bool folder_time(const char *p, int64_t *ms) {
    static const int digits[] = {4, 2, 2, 2};
    int v[4];
    for (int i = 0; i < 4; i++)
        if ((v[i] = component(p, digits[i], &p)) < 0)
            return false;
    return time_of(v[0], v[1], v[2], v[3], 0, 0, ms);
}

bool files_name_time(const char *path, int64_t *time_ms) {
    size_t len = strlen(path);
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    for (const char *p = path + len; p-- > name;) /* from the right: stream names may hold dashes and digits */
        if (*p == '-' && strlen(p) > 20 && name_time(p, time_ms))
            return true;
    return false;
}

bool files_key_time(const char *path, int64_t *time_ms) {
    if (files_name_time(path, time_ms))
        return true;
    for (const char *p = path; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
        if (folder_time(p, time_ms))
            return true;
    return false;
}

/* --- folders of errors -------------------------------------------------------------------------------------------- */

/* What stands behind the word is the time that Firehose adds to a prefix without one. */
static bool is_behind_word(struct span rest) {
    return !rest.len || (rest.len == 4 && rest.ptr[0] >= '0' && rest.ptr[0] <= '9');
}

bool files_is_error_folder(struct span name) {
    static const char *const types[] = {"processing-failed",
                                        "AmazonOpenSearchService-failed",
                                        "AmazonOpensearchService-failed",
                                        "AmazonOpenSearchServerless-failed",
                                        "elasticsearch-failed",
                                        "splunk-failed",
                                        "format-conversion-failed",
                                        "http-endpoint-failed"};
    const char *equals = memchr(name.ptr, '=', name.len);
    if (equals)
        name = (struct span){equals + 1, (size_t)(name.ptr + name.len - equals - 1)};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t len = strlen(types[i]);
        if (name.len >= len && memcmp(name.ptr, types[i], len) == 0 &&
            is_behind_word((struct span){name.ptr + len, name.len - len}))
            return true;
    }
    return false;
}

bool files_is_error_key(const char *path) {
    const char *p = path;
    for (const char *slash; (slash = strchr(p, '/')); p = slash + 1)
        if (files_is_error_folder((struct span){p, (size_t)(slash - p)}))
            return true;
    return false;
}
