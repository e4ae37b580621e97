#include "config/binder_values.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/words.h"
#include "core/alloc.h"

/* All structs of KEY_PAIRS have this shape: a library's own type for each, and one reader for all. */
struct pair {
    char *name, *value;
};

static void *field_of(const struct key *k, void *base) {
    return (char *)base + k->at;
}

static size_t *count_of(const struct key *k, void *base) {
    return (size_t *)((char *)base + k->count_at);
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

bool bind_error(struct binder *b, const struct node *at, const char *fmt, ...) {
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return tree_error(b->err, b->file, at->line, at->column, "%s", text);
}

bool bind_error_at_key(struct binder *b, const struct node *at, const char *fmt, ...) {
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!at->key)
        return tree_error(b->err, b->file, at->line, at->column, "%s", text);
    return tree_error(b->err, b->file, at->key_line, at->key_column, "%s", text);
}

const struct node *bind_place(const struct node *map, const char *key) {
    char twin[80];
    const struct node *n = tree_get(map, key);
    if (!n) {
        snprintf(twin, sizeof twin, "%s_file", key);
        n = tree_get(map, twin);
    }
    return n ? n : map;
}

/* --- files -------------------------------------------------------------------------------------------------------- */

static char *read_all(int fd, size_t max, size_t *len) {
    char *text = alloc_zeroed(max + 2, 1);
    ssize_t n;
    *len = 0;
    while (*len <= max && (n = read(fd, text + *len, max + 1 - *len)) != 0) {
        if (n > 0) {
            *len += (size_t)n;
        } else if (errno != EINTR) {
            free(text);
            return NULL;
        }
    }
    return text;
}

char *bind_read_file(const char *path, size_t max, bool regular, size_t *len, struct err *err) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | (regular ? O_NONBLOCK : 0)); /* a pipe must not hold us up */
    if (fd < 0 || fstat(fd, &st) < 0) {
        err_set_errno(err, ERR_CONFIG, errno, "%s cannot be opened", path);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    char *text = NULL;
    if (S_ISDIR(st.st_mode) || (regular && !S_ISREG(st.st_mode)))
        err_set(err, ERR_CONFIG, "%s is no file", path);
    else if (!(text = read_all(fd, max, len)))
        err_set_errno(err, ERR_CONFIG, errno, "%s cannot be read", path);
    close(fd);
    if (text && *len > max) {
        err_set(err, ERR_CONFIG, "%s is larger than %zu KiB", path, max >> 10);
        free(text);
        return NULL;
    }
    return text;
}

char *bind_absolute(const char *folder, const char *path) {
    size_t len = strlen(folder) + strlen(path) + 2;
    char *text = alloc_zeroed(len, 1);
    if (path[0] == '/')
        snprintf(text, len, "%s", path);
    else
        snprintf(text, len, "%s%s%s", folder, strcmp(folder, "/") == 0 ? "" : "/", path);
    return text;
}

/* --- texts -------------------------------------------------------------------------------------------------------- */

/* The value of a scalar, variables filled in. Returns new; NULL when it is none. */
static char *text_of(struct binder *b, const struct node *n, bool expand) {
    if (n->kind == NODE_NONE) {
        bind_error(b, n, "%s%shas no value; give it one, or take the line out", n->key ? n->key : "",
                   n->key ? " " : "this ");
        return NULL;
    }
    if (n->kind != NODE_TEXT) {
        bind_error(b, n, "%s%s; one value belongs here", n->key ? n->key : "this",
                   n->kind == NODE_LIST ? " is a list" : " has keys below it");
        return NULL;
    }
    if (!expand || !b->expands)
        return alloc_string(n->text, strlen(n->text));
    struct buf text;
    struct err err = {0};
    char *made = NULL;
    buf_init(&text, CONFIG_MAX_SECRET_BYTES);
    if (expand_variables(n->text, &text, &err))
        made = alloc_string(text.data ? text.data : "", text.len);
    else
        bind_error(b, n, "%s", err.text);
    buf_deinit(&text);
    return made;
}

/* What a file holds, without the line break at its end. Returns new. */
static char *text_of_file(struct binder *b, const struct node *n) {
    char *name = text_of(b, n, true), *path = name ? bind_absolute(b->folder, name) : NULL, *text = NULL;
    struct err err = {0};
    size_t len = 0;
    if (path && !*name)
        err_set(&err, ERR_CONFIG, "%s is empty; name a file", n->key);
    else if (path)
        text = bind_read_file(path, CONFIG_MAX_SECRET_BYTES, true, &len, &err);
    if (text && memchr(text, '\0', len))
        err_set(&err, ERR_CONFIG, "%s holds a zero byte; a secret is text", path);
    else if (text) {
        if (len && text[len - 1] == '\n')
            text[--len] = '\0';
        if (len && text[len - 1] == '\r')
            text[--len] = '\0';
        if (!len)
            err_set(&err, ERR_CONFIG, "%s is empty; a secret belongs into it", path);
    }
    if (err.code) {
        bind_error(b, n, "%s", err.text);
        free(text);
        text = NULL;
    }
    free(name);
    free(path);
    return text;
}

/* --- values by type ----------------------------------------------------------------------------------------------- */

static bool check_text(struct binder *b, const struct key *k, const struct node *n, const char *text) {
    const char *wrong = !*text ? "give it a value, or take the line out" : k->wrong ? k->wrong(text) : line_wrong(text);
    if (!wrong)
        return true;
    if (!*text)
        return bind_error(b, n, "%s is empty; %s", k->name, wrong);
    if (k->flags & KEY_SECRET)
        return bind_error(b, n, "%s is not good; %s", k->name, wrong);
    return bind_error(b, n, "%s: \"%.80s\" is not good; %s", k->name, text, wrong);
}

/* The text is what `check --config.file` prints in a secret's place: nobody means that. */
static bool check_secret(struct binder *b, const struct node *n, const char *name, const char *text) {
    if (strcmp(text, "<secret>") != 0)
        return true;
    return bind_error(b, n, "%s: \"<secret>\" stands where a secret was taken out; put the secret itself there", name);
}

static bool check_readable(struct binder *b, const struct key *k, const struct node *n, const char *path) {
    struct stat st;
    if (!(k->flags & KEY_READABLE))
        return true;
    if (access(path, R_OK) < 0)
        return bind_error(b, n, "%s: %s cannot be read: %s; relative paths begin at the folder of this file", k->name,
                          path, strerror(errno));
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return bind_error(b, n, "%s: %s is a folder; name a file", k->name, path);
    return true;
}

/* Takes `text`. */
static bool store_text(struct binder *b, const struct key *k, void *base, const struct node *n, char *text) {
    bool ok = check_text(b, k, n, text) && (!(k->flags & KEY_SECRET) || check_secret(b, n, k->name, text));
    if (ok && k->type == KEY_PATH) {
        char *path = bind_absolute(b->folder, text);
        free(text);
        text = path;
        ok = check_readable(b, k, n, text);
    }
    if (!ok) {
        free(text);
        return false;
    }
    char **to = field_of(k, base);
    if (k->count_at) { /* a list of one */
        if (!*count_of(k, base)) {
            *(char ***)field_of(k, base) = alloc_zeroed(1, sizeof(char *));
            *count_of(k, base) = 1;
        }
        to = *(char ***)field_of(k, base);
    }
    free(*to);
    *to = text;
    return true;
}

static bool take_text(struct binder *b, const struct key *k, void *base, const struct node *n, bool from_file) {
    char *text = from_file ? text_of_file(b, n) : text_of(b, n, !(k->flags & KEY_PLAIN));
    return text && store_text(b, k, base, n, text);
}

static bool take_scalar(struct binder *b, const struct key *k, void *base, const struct node *n) {
    char right[320], *text = text_of(b, n, true);
    bool ok = text && value_store(k, field_of(k, base), text, right, sizeof right);
    if (text && !ok)
        bind_error(b, n, "%s: \"%.80s\" is not good; %s", k->name, text, right);
    free(text);
    return ok;
}

static void add_text(const struct key *k, void *base, char *text) {
    char ***list = field_of(k, base);
    size_t *count = count_of(k, base);
    *list = alloc_resize(*list, *count + 1, sizeof **list);
    (*list)[(*count)++] = text;
}

static bool take_member(struct binder *b, const struct key *k, void *base, const struct node *n) {
    char *text = text_of(b, n, true), right[320];
    bool ok = text && check_text(b, k, n, text);
    int64_t number = 0;
    unsigned chosen = 0;
    if (ok && k->type == KEY_NUMBERS)
        ok = value_number(k, text, &number, right, sizeof right) ||
             bind_error(b, n, "%s: \"%.80s\" is not good; %s", k->name, text, right);
    if (ok && k->type == KEY_FLAGS)
        ok = value_choice(k, text, &chosen, right, sizeof right) ||
             bind_error(b, n, "%s: \"%.80s\" is not good; %s", k->name, text, right);
    if (!ok) {
        free(text);
        return false;
    }
    if (k->type == KEY_TEXTS) {
        add_text(k, base, text);
        return true;
    }
    if (k->type == KEY_PATHS) {
        add_text(k, base, bind_absolute(b->folder, text));
    } else if (k->type == KEY_FLAGS) {
        *(unsigned *)field_of(k, base) |= 1u << chosen;
    } else {
        int32_t **list = field_of(k, base);
        *list = alloc_resize(*list, *count_of(k, base) + 1, sizeof **list);
        (*list)[(*count_of(k, base))++] = (int32_t)number;
    }
    free(text);
    return true;
}

/* A list twice the same member is a slip of the hand. */
static bool check_members(struct binder *b, const struct key *k, const struct node *list) {
    enum { MANY = 500 }; /* beyond it the look at all pairs would take long */
    if (list->entries > MANY)
        return true;
    for (const struct node *n = list->first; n; n = n->next)
        for (const struct node *m = list->first; m != n; m = m->next)
            if (m->text && n->text && strcmp(m->text, n->text) == 0)
                return bind_error(b, n, "%s: \"%.80s\" stands here twice; take one out", k->name, n->text);
    return true;
}

static bool take_members(struct binder *b, const struct key *k, void *base, const struct node *n) {
    if (k->type == KEY_FLAGS)
        *(unsigned *)field_of(k, base) = 0; /* the default */
    if (n->kind == NODE_TEXT)
        return take_member(b, k, base, n);
    if (n->kind == NODE_NONE)
        return true;
    if (n->kind != NODE_LIST)
        return bind_error(b, n, "%s has keys below it; write a list: [one, two]", k->name);
    if (!n->entries && k->flags & KEY_REQUIRED)
        return bind_error(b, n, "%s is empty; name at least one", k->name);
    for (const struct node *m = n->first; m; m = m->next)
        if (!take_member(b, k, base, m))
            return false;
    return check_members(b, k, n);
}

/* --- pairs -------------------------------------------------------------------------------------------------------- */

/* "sasl.password_file" is "sasl.password" read from a file, where the name is one of a secret. */
static bool is_file_twin(const struct key *k, char *name) {
    size_t len = strlen(name);
    if (!k->is_secret || len <= 5 || strcmp(name + len - 5, "_file") != 0)
        return false;
    name[len - 5] = '\0';
    if (k->is_secret(name))
        return true;
    name[len - 5] = '_';
    return false;
}

static bool take_pair(struct binder *b, const struct key *k, void *base, const struct node *map, const struct node *n) {
    char *name = alloc_string(n->key, strlen(n->key)), *value = NULL;
    bool from_file = is_file_twin(k, name);
    const char *wrong = k->wrong ? k->wrong(name) : line_wrong(name);
    bool ok = false;
    if (wrong)
        bind_error_at_key(b, n, "%s: \"%.80s\" is not good; %s", k->name, name, wrong);
    else if (from_file && tree_get(map, name))
        bind_error_at_key(b, n, "%.80s and %.80s_file are both given; keep one of them", name, name);
    else if ((value = from_file ? text_of_file(b, n) : text_of(b, n, !(k->flags & KEY_PLAIN)))) {
        wrong = k->wrong_value ? k->wrong_value(value) : NULL;
        ok = wrong ? bind_error(b, n, "%.80s is not good; %s", name, wrong) : check_secret(b, n, name, value);
    }
    if (!ok) {
        free(name);
        free(value);
        return false;
    }
    struct pair **pairs = field_of(k, base);
    size_t *count = count_of(k, base);
    *pairs = alloc_resize(*pairs, *count + 1, sizeof **pairs);
    (*pairs)[(*count)++] = (struct pair){name, value};
    return true;
}

static bool take_pairs(struct binder *b, const struct key *k, void *base, const struct node *n) {
    if (n->kind == NODE_NONE)
        return true;
    if (n->kind != NODE_MAP)
        return bind_error(b, n, "%s is not a list of \"name: value\" lines; write it so, further in than %s itself",
                          k->name, k->name);
    if (k->max && n->entries > (uint64_t)k->max)
        return bind_error(b, n, "%s has %u entries; at most %" PRId64 " are taken", k->name, n->entries, k->max);
    for (const struct node *m = n->first; m; m = m->next)
        if (!take_pair(b, k, base, n, m))
            return false;
    return true;
}

/* --- sections ----------------------------------------------------------------------------------------------------- */

static bool take_items(struct binder *b, const struct key *k, void *base, const struct node *n) {
    if (n->kind == NODE_NONE)
        return true;
    if (n->kind != NODE_LIST)
        return bind_error(b, n, "%s is no list; begin each entry with a dash", k->name);
    if (k->max && n->entries > (uint64_t)k->max)
        return bind_error(b, n, "%s has %u entries; at most %" PRId64 " are taken", k->name, n->entries, k->max);
    for (const struct node *m = n->first; m; m = m->next)
        if (!k->take(b, base, m))
            return false;
    return true;
}

static bool take_key(struct binder *b, const struct key *k, void *base, const struct node *n, bool from_file) {
    switch (k->type) {
    case KEY_TEXT:
    case KEY_PATH:
        return take_text(b, k, base, n, from_file);
    case KEY_TEXTS:
    case KEY_PATHS:
    case KEY_NUMBERS:
    case KEY_FLAGS:
        return take_members(b, k, base, n);
    case KEY_PAIRS:
        return take_pairs(b, k, base, n);
    case KEY_SECTION:
        return bind_section(b, k->section, base, n);
    case KEY_ITEMS:
        return take_items(b, k, base, n);
    case KEY_REFUSED:
        return bind_error_at_key(b, n, "%s is not supported; %s", k->name, k->means);
    default:
        return take_scalar(b, k, base, n);
    }
}

static const struct key *find_key(const struct section *s, const char *name, bool *from_file) {
    *from_file = false;
    for (size_t i = 0; i < s->count; i++) {
        const struct key *k = &s->keys[i];
        size_t len = strlen(k->name);
        if (strcmp(name, k->name) == 0)
            return k;
        if (k->flags & KEY_SECRET && strncmp(name, k->name, len) == 0 && strcmp(name + len, "_file") == 0) {
            *from_file = true;
            return k;
        }
    }
    return NULL;
}

static bool unknown_key(struct binder *b, const struct section *s, const struct node *n) {
    unsigned distance, nearest = UINT32_MAX;
    const char *meant = NULL;
    char known[260] = "";
    for (size_t i = 0; i < s->count; i++) {
        if (word_is_near(n->key, s->keys[i].name, &distance) && distance < nearest) {
            nearest = distance;
            meant = s->keys[i].name;
        }
        if (s->keys[i].type != KEY_REFUSED)
            snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", *known ? ", " : "", s->keys[i].name);
    }
    if (meant)
        return bind_error_at_key(b, n, "unknown key \"%.60s\"; did you mean \"%s\"?", n->key, meant);
    return bind_error_at_key(b, n, "unknown key \"%.60s\"; known here: %s", n->key, known);
}

static bool check_required(struct binder *b, const struct section *s, const struct node *map) {
    for (size_t i = 0; i < s->count; i++) {
        const struct key *k = &s->keys[i];
        if (k->flags & KEY_REQUIRED && bind_place(map, k->name) == map)
            return bind_error(b, map, "%s is missing; add it: %c%s", k->name, tolower(k->means[0]), k->means + 1);
    }
    return true;
}

bool bind_section(struct binder *b, const struct section *s, void *base, const struct node *map) {
    if (map->kind != NODE_MAP && map->kind != NODE_NONE)
        return bind_error(b, map, "%s must be a section; write its keys as \"name: value\" lines",
                          *s->name ? s->name : "the file");
    for (const struct node *n = map->first; n; n = n->next) {
        bool from_file;
        const struct key *k = find_key(s, n->key, &from_file);
        if (!k)
            return unknown_key(b, s, n);
        if (from_file && tree_get(map, k->name))
            return bind_error_at_key(b, n, "%s and %s_file are both given; keep one of them", k->name, k->name);
        if (!take_key(b, k, base, n, from_file))
            return false;
    }
    return check_required(b, s, map);
}

/* --- defaults, and the end ---------------------------------------------------------------------------------------- */

static void default_flags(const struct key *k, void *base) {
    unsigned *flags = field_of(k, base);
    for (unsigned i = 0; k->choice(i); i++)
        if (strstr(k->fallback, k->choice(i)))
            *flags |= 1u << i;
}

void bind_defaults(const struct section *s, void *base) {
    for (size_t i = 0; i < s->count; i++) {
        const struct key *k = &s->keys[i];
        char right[320];
        if (k->type == KEY_SECTION)
            bind_defaults(k->section, base);
        else if (!k->fallback)
            continue;
        else if (k->type == KEY_TEXT)
            *(char **)field_of(k, base) = alloc_string(k->fallback, strlen(k->fallback));
        else if (k->type == KEY_FLAGS)
            default_flags(k, base);
        else if (!value_store(k, field_of(k, base), k->fallback, right, sizeof right))
            assert(!"a default of our own is wrong");
    }
}

static void free_list(const struct key *k, void *base) {
    char ***list = field_of(k, base);
    for (size_t i = 0; i < *count_of(k, base); i++)
        free((*list)[i]);
    free(*list);
    *list = NULL;
    *count_of(k, base) = 0;
}

static void free_pairs(const struct key *k, void *base) {
    struct pair **pairs = field_of(k, base);
    for (size_t i = 0; i < *count_of(k, base); i++) {
        free((*pairs)[i].name);
        free((*pairs)[i].value);
    }
    free(*pairs);
    *pairs = NULL;
    *count_of(k, base) = 0;
}

void bind_free(const struct section *s, void *base) {
    for (size_t i = 0; i < s->count; i++) {
        const struct key *k = &s->keys[i];
        if (k->type == KEY_SECTION)
            bind_free(k->section, base);
        else if (k->type == KEY_TEXTS || k->type == KEY_PATHS || (k->type == KEY_TEXT && k->count_at))
            free_list(k, base);
        else if (k->type == KEY_PAIRS)
            free_pairs(k, base);
        else if (k->type == KEY_TEXT || k->type == KEY_PATH || k->type == KEY_NUMBERS) {
            void **at = field_of(k, base);
            free(*at);
            *at = NULL;
        }
    }
}
