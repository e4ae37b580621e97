#include "source/s3_listing_tree.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "source/files.h"
#include "source/s3_listing_text.h"

void tree_clear(struct tree *t) {
    for (size_t i = 0; i < t->level_count; i++) {
        free(t->levels[i].prefix);
        free(t->levels[i].given_to);
    }
    for (size_t i = 0; i < t->root_count; i++)
        free(t->roots[i].parent);
    for (size_t i = 0; i < t->shape_count; i++)
        free(t->shapes[i].prefix);
    free(t->levels);
    free(t->roots);
    free(t->shapes);
    t->levels = NULL;
    t->roots = NULL;
    t->shapes = NULL;
    t->level_count = t->level_capacity = t->root_count = t->root_capacity = t->shape_count = t->shape_capacity = 0;
    t->capped = false;
}

static void add_level(struct tree *t, const char *prefix, unsigned depth) {
    if (t->level_count == t->level_capacity) {
        t->level_capacity = t->level_capacity ? t->level_capacity * 2 : 16;
        t->levels = alloc_resize(t->levels, t->level_capacity, sizeof *t->levels);
    }
    t->levels[t->level_count++] = (struct tree_level){.prefix = copy_text(prefix), .depth = depth};
}

static struct tree_root *add_root(struct tree *t, const char *parent) {
    if (t->root_count == t->root_capacity) {
        t->root_capacity = t->root_capacity ? t->root_capacity * 2 : 16;
        t->roots = alloc_resize(t->roots, t->root_capacity, sizeof *t->roots);
    }
    struct tree_root *r = &t->roots[t->root_count++];
    *r = (struct tree_root){.parent = copy_text(parent)};
    return r;
}

static void add_flat(struct tree *t, const char *prefix) {
    add_root(t, prefix)->flat = true;
}

/* Nothing outside the scope is asked for: the user may not be allowed to see it. */
static const char *within_scope(const struct tree *t, const char *prefix) {
    return strlen(prefix) < strlen(t->scope) ? t->scope : prefix;
}

/* A folder's own name, without its slash. */
static struct span own_name(const char *folder, size_t parent_len) {
    return (struct span){folder + parent_len, strlen(folder) - parent_len - 1};
}

static bool is_left_out(const struct tree *t, struct span name) {
    return !t->errors && files_is_error_folder(name);
}

/* "folder/" as consoles make it */
static bool is_marker(const struct s3_object *o) {
    size_t len = strlen(o->key);
    return o->size == 0 && (!len || o->key[len - 1] == '/');
}

/* --- looking into folders of times -------------------------------------------------------------------------------- */

struct shape_look {
    struct tree *tree;
    struct tree_shape *found;
    size_t prefix_len;
    struct key_time known;
    uint64_t left_out;
};

static bool look_at_object(void *context, const struct s3_object *o) {
    struct shape_look *l = context;
    if (is_marker(o))
        return true;
    l->found->kind = l->found->kind == TREE_EMPTY ? TREE_OBJECTS : TREE_MIXED;
    return false;
}

static bool look_at_folder(void *context, const char *folder) {
    struct shape_look *l = context;
    struct key_time t = l->known;
    struct key_shape shape = {0};
    struct span name = own_name(folder, l->prefix_len);
    if (is_left_out(l->tree, name))
        return true;
    if (key_shape_parse(name, &t, &shape) &&
        (l->found->kind == TREE_EMPTY || key_shape_equal(&shape, &l->found->shape))) {
        l->found->kind = TREE_TIMES;
        l->found->shape = shape;
        return true;
    }
    struct key_time year = {0};
    l->found->kind = TREE_MIXED;
    l->found->years = key_shape_parse(name, &year, &shape);
    return false;
}

/* What lies in a folder whose time is known as far as `known`. NULL when it cannot be listed. */
static const struct tree_shape *look_into(struct tree *t, const char *prefix, const struct key_time *known,
                                          struct err *err) {
    for (size_t i = 0; i < t->shape_count; i++)
        if (strcmp(t->shapes[i].prefix, prefix) == 0)
            return &t->shapes[i];
    struct tree_shape found = {.kind = TREE_EMPTY};
    struct shape_look look = {t, &found, strlen(prefix), *known, 0};
    struct s3_list list = {.prefix = within_scope(t, prefix), .folders = true, .requests = t->requests};
    struct s3_list_hooks hooks = {&look, look_at_object, look_at_folder};
    if (!s3_list_objects(t->session, t->bucket, &list, &hooks, t->stop, err))
        return NULL;
    if (t->shape_count == TREE_SHAPES) {
        for (size_t i = 0; i < t->shape_count; i++)
            free(t->shapes[i].prefix);
        t->shape_count = 0;
    }
    if (t->shape_count == t->shape_capacity) {
        t->shape_capacity = t->shape_capacity ? t->shape_capacity * 2 : 16;
        t->shapes = alloc_resize(t->shapes, t->shape_capacity, sizeof *t->shapes);
    }
    found.prefix = copy_text(prefix);
    t->shapes[t->shape_count++] = found;
    return &t->shapes[t->shape_count - 1];
}

/* --- looking into levels ------------------------------------------------------------------------------------------ */

/* Folders of one shape, not yet a root. */
struct candidate {
    struct key_shape shape;
    struct texts folders; /* all while it may turn out that they are none of times, else the first */
};

enum { CANDIDATES_MAX = 64 };

struct level_look {
    struct tree *tree;
    const char *prefix; /* borrowed: levels move */
    size_t prefix_len;
    bool loose, numbers; /* objects, and folders that are numbers but no years */
    char *given_to;      /* owned; the last of the objects */
    struct texts folders;
    struct candidate candidates[CANDIDATES_MAX];
    unsigned candidate_count;
};

static bool see_object(void *context, const struct s3_object *o) {
    struct level_look *l = context;
    if (is_marker(o))
        return true;
    l->loose = true;
    free(l->given_to);
    l->given_to = copy_text(o->key);
    l->tree->ended = !l->tree->loose(l->tree->context, o);
    return !l->tree->ended;
}

/* Its folders may be others than times: a number of four digits, or a word before it. */
static bool may_be_none(const struct key_shape *s) {
    return !key_shape_is_sure(s) || (!s->word[0] && s->end == KEY_MONTH);
}

static struct candidate *candidate_of(struct level_look *l, const struct key_shape *shape) {
    for (unsigned i = 0; i < l->candidate_count; i++)
        if (key_shape_equal(&l->candidates[i].shape, shape))
            return &l->candidates[i];
    if (l->candidate_count == CANDIDATES_MAX)
        return NULL;
    l->candidates[l->candidate_count] = (struct candidate){.shape = *shape};
    return &l->candidates[l->candidate_count++];
}

static bool is_number(struct span s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return s.len > 0;
}

static bool see_folder(void *context, const char *folder) {
    struct level_look *l = context;
    struct key_time time = {0};
    struct key_shape shape;
    struct span name = own_name(folder, l->prefix_len);
    if (is_left_out(l->tree, name)) {
        (*l->tree->left_out)++;
        return true;
    }
    struct candidate *c = NULL;
    if (key_shape_parse(name, &time, &shape))
        c = candidate_of(l, &shape);
    if (!c) {
        l->numbers |= is_number(name);
        return texts_add(&l->folders, folder, TREE_LEVELS + 1);
    }
    if (may_be_none(&shape) || !c->folders.count)
        return texts_add(&c->folders, folder, TREE_LEVELS + 1);
    return true;
}

static bool list_level(struct level_look *l, struct err *err) {
    struct tree *t = l->tree;
    struct s3_list list = {.prefix = within_scope(t, l->prefix), .folders = true, .requests = t->requests};
    struct s3_list_hooks hooks = {l, see_object, see_folder};
    return s3_list_objects(t->session, t->bucket, &list, &hooks, t->stop, err);
}

/* Whether a candidate's folders are times: where the name alone does not say it, what is in the first of them does. */
static bool judge_candidate(struct level_look *l, const struct candidate *c, bool *is_root, struct err *err) {
    const struct key_shape *s = &c->shape;
    struct key_time known = {0};
    struct key_shape shape;
    *is_root = true;
    if (!may_be_none(s))
        return true;
    if (key_shape_is_sure(s) && l->numbers) {
        *is_root = false;
        return true;
    }
    const char *folder = c->folders.list[c->folders.count - 1]; /* the newest */
    key_shape_parse(own_name(folder, l->prefix_len), &known, &shape);
    const struct tree_shape *inside = look_into(l->tree, folder, &known, err);
    if (!inside)
        return false;
    if (key_shape_is_sure(s))
        *is_root = !inside->years;
    else
        *is_root =
            (inside->kind == TREE_TIMES && s->end < KEY_FIELDS) || (s->end > KEY_MONTH && inside->kind == TREE_OBJECTS);
    return true;
}

/* How many folders the first 1000 keys lie in. */
struct probe {
    size_t prefix_len;
    char *last; /* owned */
    unsigned folders;
};

static bool probe_object(void *context, const struct s3_object *o) {
    struct probe *p = context;
    const char *slash = strchr(o->key + p->prefix_len, '/');
    if (!slash)
        return true;
    size_t len = (size_t)(slash - o->key) + 1;
    if (p->last && strncmp(p->last, o->key, len) == 0)
        return true;
    free(p->last);
    p->last = alloc_string(o->key, len);
    p->folders++;
    return true;
}

/* Many folders with little in each (a random text before the time): to list their objects costs less than to look into
 * each. */
static bool is_scattered(struct level_look *l, bool *scattered, struct err *err) {
    struct probe p = {.prefix_len = l->prefix_len};
    struct tree *t = l->tree;
    struct s3_list list = {.prefix = within_scope(t, l->prefix), .max = 1000, .requests = t->requests};
    struct s3_list_hooks hooks = {&p, probe_object, NULL};
    bool ok = s3_list_objects(t->session, t->bucket, &list, &hooks, t->stop, err);
    *scattered = p.folders >= TREE_PROBE_FOLDERS;
    free(p.last);
    return ok;
}

/* What was seen becomes roots, and levels to look into next. */
static bool settle_level(struct level_look *l, size_t level, struct err *err) {
    struct tree *t = l->tree;
    unsigned depth = t->levels[level].depth;
    bool scattered = false;
    size_t first_root = t->root_count;
    for (unsigned i = 0; i < l->candidate_count; i++) {
        struct candidate *c = &l->candidates[i];
        bool is_root;
        if (!judge_candidate(l, c, &is_root, err))
            return false;
        if (is_root)
            add_root(t, l->prefix)->shape = c->shape;
        for (size_t k = 0; !is_root && k < c->folders.count; k++)
            texts_add(&l->folders, c->folders.list[k], SIZE_MAX);
    }
    if (l->folders.count > TREE_PROBE_FOLDERS && !is_scattered(l, &scattered, err))
        return false;
    if (scattered || t->level_count + l->folders.count > TREE_LEVELS) {
        t->capped |= !scattered;
        while (t->root_count > first_root)
            free(t->roots[--t->root_count].parent);
        add_flat(t, l->prefix);
        t->levels[level].flat = true;
        t->levels[level].given_to = l->given_to;
        l->given_to = NULL;
        return true;
    }
    for (size_t i = 0; i < l->folders.count; i++) {
        if (depth < TREE_DEPTH) {
            add_level(t, l->folders.list[i], depth + 1);
        } else {
            t->capped = true;
            add_flat(t, l->folders.list[i]);
        }
    }
    return true;
}

static bool discover_level(struct tree *t, size_t i, struct err *err) {
    char *prefix = copy_text(t->levels[i].prefix);
    struct level_look look = {.tree = t, .prefix = prefix, .prefix_len = strlen(prefix)};
    bool ok = list_level(&look, err);
    t->levels[i].loose = look.loose;
    if (ok && !t->ended)
        ok = settle_level(&look, i, err);
    for (unsigned k = 0; k < look.candidate_count; k++)
        texts_deinit(&look.candidates[k].folders);
    texts_deinit(&look.folders);
    free(look.given_to);
    free(prefix);
    return ok;
}

static int by_prefix(const void *a, const void *b) {
    return strcmp(((const struct tree_level *)a)->prefix, ((const struct tree_level *)b)->prefix);
}

/* Whether the folder that the user named lies within a time already, and which. */
static bool is_within_time(struct tree *t, const char *folder, struct key_time *known, bool *within, struct err *err) {
    size_t end;
    *known = key_folder_time(folder, &end);
    *within = known->known && end == strlen(folder);
    if (!*within || known->known > 1)
        return true;
    const struct tree_shape *inside = look_into(t, folder, known, err); /* a number, or a year? */
    *within = inside && !inside->years;
    return inside != NULL;
}

bool tree_discover(struct tree *t, struct err *err) {
    const char *slash = strrchr(t->scope, '/');
    char *folder = alloc_string(t->scope, slash ? (size_t)(slash - t->scope) + 1 : 0);
    struct key_time known;
    bool within;
    bool ok = is_within_time(t, folder, &known, &within, err);
    if (known.known == KEY_FIELDS) { /* within one hour: there is nothing to cut */
        add_flat(t, t->scope);
    } else if (within) {
        add_root(t, folder)->base = known;
    } else {
        add_level(t, folder, 1);
        for (size_t i = 0; ok && !t->ended && i < t->level_count; i++)
            ok = discover_level(t, i, err);
    }
    free(folder);
    if (t->level_count)
        qsort(t->levels, t->level_count, sizeof *t->levels, by_prefix);
    return ok;
}

static bool pass_folder(void *context, const char *folder) {
    (void)context, (void)folder;
    return true;
}

static bool pass_object(void *context, const struct s3_object *o) {
    struct tree *t = context;
    if (!is_marker(o))
        t->ended = !t->loose(t->context, o);
    return !t->ended;
}

bool tree_give_loose(struct tree *t, struct err *err) {
    bool ok = true;
    for (size_t i = 0; ok && !t->ended && i < t->level_count; i++) {
        free(t->levels[i].given_to);
        t->levels[i].given_to = NULL;
        struct s3_list list = {
            .prefix = within_scope(t, t->levels[i].prefix), .folders = true, .requests = t->requests};
        struct s3_list_hooks hooks = {t, pass_object, pass_folder};
        if (t->levels[i].loose && !t->levels[i].flat)
            ok = s3_list_objects(t->session, t->bucket, &list, &hooks, t->stop, err);
    }
    return ok;
}

bool tree_is_loose(const struct tree *t, const char *key) {
    const char *slash = strrchr(key, '/');
    size_t len = slash ? (size_t)(slash - key) + 1 : 0;
    size_t low = 0, high = t->level_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct tree_level *level = &t->levels[middle];
        int order = strncmp(level->prefix, key, len);
        if (order == 0 && !level->prefix[len])
            return !level->flat || (level->given_to && strcmp(key, level->given_to) <= 0);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* --- stretches of keys -------------------------------------------------------------------------------------------- */

void key_range_deinit(struct key_range *r) {
    free(r->prefix);
    free(r->from);
    free(r->to);
    *r = (struct key_range){0};
}

/* Where the walk to a border is. */
struct border {
    char *folder; /* owned; ends with a slash, or is a root's parent */
    struct key_time known;
};

/* The way to the folder that `at` lies in, until it ends or is no way of times. True: `name`, below b->folder, is the
 * border; an empty one: the folder itself is. */
static bool walk_to(struct tree *t, struct border *b, const struct key_shape *first, const struct key_time *at,
                    char name[KEY_NAME_SIZE], struct err *err) {
    const struct key_shape *shape = first;
    for (;;) {
        name[0] = 0;
        if (!shape) {
            if (b->known.known == KEY_FIELDS)
                return true;
            const struct tree_shape *inside = look_into(t, b->folder, &b->known, err);
            if (!inside)
                return false;
            if (inside->kind != TREE_TIMES)
                return true;
            shape = &inside->shape;
        }
        key_shape_format(shape, at, name);
        unsigned known = shape->end;
        shape = NULL;
        if (known == KEY_FIELDS)
            return true;
        char *next = join_text(b->folder, name, "/");
        free(b->folder);
        b->folder = next;
        b->known = *at;
        b->known.known = known;
    }
}

/* Behind everything that begins so. */
static char *behind(const char *folder, const char *name) {
    char *text = join_text(folder, name, "");
    size_t len = strlen(text);
    while (len && (unsigned char)text[len - 1] == 0xff)
        text[--len] = 0;
    if (!len) {
        free(text);
        return copy_text("\xff\xff"); /* no key of UTF-8 begins so */
    }
    text[len - 1]++;
    return text;
}

/* Whether `base`, what is known of all of a root's keys, lies before, around (0) or behind a moment. */
static int where_is(const struct key_time *base, int64_t at) {
    if (!base->known)
        return 0;
    return key_time_end(base) <= at ? -1 : key_time_start(base) > at;
}

static bool find_from(struct tree *t, const struct tree_root *root, int64_t lo, char **from, struct err *err) {
    struct key_time at = key_time_of(lo);
    const struct key_shape *first = root->base.known ? NULL : &root->shape;
    int where = where_is(&root->base, lo);
    char name[KEY_NAME_SIZE];
    if (where < 0) {
        *from = behind(root->parent, "");
    } else if (where > 0) {
        *from = copy_text(root->parent);
    } else if (first && key_time_start(&at) > lo) { /* before all years */
        snprintf(name, sizeof name, "%s%d", first->word, KEY_FIRST_YEAR);
        *from = join_text(root->parent, name, "");
    } else {
        struct border b = {copy_text(root->parent), root->base};
        bool ok = walk_to(t, &b, first, &at, name, err);
        *from = ok ? join_text(b.folder, name, "") : NULL;
        free(b.folder);
        return ok;
    }
    return true;
}

static bool find_to(struct tree *t, const struct tree_root *root, int64_t hi, char **to, struct err *err) {
    struct key_time at = key_time_of(hi);
    const struct key_shape *first = root->base.known ? NULL : &root->shape;
    int where = where_is(&root->base, hi);
    char name[KEY_NAME_SIZE];
    if (where < 0) {
        *to = behind(root->parent, "");
    } else if (where > 0) {
        *to = copy_text(root->parent);
    } else if (first && key_time_end(&at) <= hi) { /* behind all years */
        snprintf(name, sizeof name, "%s%d", first->word, KEY_LAST_YEAR);
        *to = behind(root->parent, name);
    } else {
        struct border b = {copy_text(root->parent), root->base};
        bool ok = walk_to(t, &b, first, &at, name, err);
        *to = ok ? behind(b.folder, name) : NULL;
        free(b.folder);
        return ok;
    }
    return true;
}

bool tree_range(struct tree *t, const struct tree_root *root, int64_t lo, int64_t hi, struct key_range *r,
                struct err *err) {
    *r = (struct key_range){0};
    if (root->flat) {
        const char *prefix = within_scope(t, root->parent);
        *r = (struct key_range){copy_text(prefix), copy_text(prefix), behind(prefix, "")};
        return true;
    }
    char *own = join_text(root->parent, root->base.known ? "" : root->shape.word, "");
    r->prefix = copy_text(within_scope(t, own));
    free(own);
    if (find_from(t, root, lo, &r->from, err) && find_to(t, root, hi, &r->to, err))
        return true;
    key_range_deinit(r);
    return false;
}
