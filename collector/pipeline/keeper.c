#include "pipeline/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

/* What the file was made with, beyond the store's own schema. A difference means: values of another shape. */
#define LAYOUT_FORMAT "%d:%zu:%zu:%d:%d"

enum { PROVIDERS_MAX_KEPT = 1024 };

/* What the last commit has left in the file. Alone, since it is written with each, while sources read the identity. */
struct kept {
    size_t sets, identities, templates, sources, rules, tag_names, providers;
    size_t tags[EVENT_MAX_TAGS];
    bool was_new; /* the file's identity is not written yet */
};

struct keeper {
    struct store *store;
    struct hash_key key;
    char id[17];
    struct keeper_names names;
    struct kept kept;
};

/* --- identity of the file ----------------------------------------------------------------------------------------- */

static void layout_of(char *text, size_t size) {
    snprintf(text, size, LAYOUT_FORMAT, (int)STATE_LAYOUT, sizeof(struct tally), sizeof(struct accounting),
             (int)RATE_COUNTERS, (int)EVENT_TYPES);
}

static void make_identity(struct keeper *k) {
    struct hash_key id = hash_key_random();
    k->key = hash_key_random();
    snprintf(k->id, sizeof k->id, "%016llx", (unsigned long long)id.k0);
    k->kept.was_new = true;
}

static bool refuse(enum store_refusal *why, enum store_refusal reason, struct err *err, const char *path,
                   const char *text) {
    *why = reason;
    return err_set(err, ERR_INPUT, "%s: %s; it was left as it is. Move it away to begin anew", path, text);
}

static bool read_identity(struct keeper *k, const char *path, enum store_refusal *why, struct err *err) {
    char layout[64], kept[64] = "";
    size_t len = 0;
    layout_of(layout, sizeof layout);
    if (!store_get_value(k->store, "layout", kept, sizeof kept - 1, &len) || len >= sizeof kept)
        return refuse(why, STORE_REFUSED_CORRUPT, err, path, "this state file does not say how it is laid out");
    kept[len] = '\0';
    if (strcmp(kept, layout) != 0)
        return refuse(why, STORE_REFUSED_NEWER, err, path, "this state file was written by another version");
    if (!store_get_value(k->store, "key", &k->key, sizeof k->key, &len) || len != sizeof k->key ||
        !store_get_value(k->store, "id", k->id, sizeof k->id - 1, &len) || len != sizeof k->id - 1)
        return refuse(why, STORE_REFUSED_CORRUPT, err, path, "this state file has lost its key");
    return true;
}

struct keeper *keeper_open(const char *path, enum store_refusal *why, struct err *err) {
    struct keeper *k = alloc_zeroed(1, sizeof *k);
    k->store = store_open(path, why, err);
    if (!k->store) {
        free(k);
        return NULL;
    }
    if (store_is_new(k->store)) {
        make_identity(k);
    } else if (!read_identity(k, path, why, err)) {
        keeper_close(k);
        return NULL;
    }
    return k;
}

void keeper_close(struct keeper *k) {
    if (!k)
        return;
    store_close(k->store);
    free(k);
}

const struct hash_key *keeper_key(const struct keeper *k) {
    return &k->key;
}

const char *keeper_id(const struct keeper *k) {
    return k->id;
}

uint64_t keeper_bytes(const struct keeper *k) {
    return store_bytes(k->store);
}

struct store *keeper_store(struct keeper *k) {
    return k->store;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

struct name_load {
    struct intern *table;
    bool wrong;
};

static bool load_name(void *context, int64_t id, struct span name) {
    struct name_load *load = context;
    load->wrong |= intern_id(load->table, name) != id;
    return !load->wrong;
}

static bool load_table(struct keeper *k, const char *name, struct intern *table, size_t *kept, struct err *err) {
    struct name_load load = {.table = table};
    if (!store_each_name(k->store, name, load_name, &load, err) || load.wrong)
        return err_set(err, ERR_INPUT, "the state file's names (%s) are damaged", name);
    *kept = intern_count(table);
    return true;
}

static void tag_table(const struct keeper *k, unsigned i, char *to, size_t size) {
    snprintf(to, size, "tag:%u", k->names.tag_numbers[i]);
}

bool keeper_load_tag_names(struct keeper *k, struct intern *tag_names, struct err *err) {
    return load_table(k, "tag", tag_names, &k->kept.tag_names, err);
}

bool keeper_load_names(struct keeper *k, const struct keeper_names *names, struct err *err) {
    k->names = *names;
    if (!load_table(k, "set", names->sets, &k->kept.sets, err) ||
        !load_table(k, "identity", names->identities, &k->kept.identities, err) ||
        !load_table(k, "template", names->templates, &k->kept.templates, err) ||
        !load_table(k, "source", names->sources, &k->kept.sources, err) ||
        !load_table(k, "rule", names->rules, &k->kept.rules, err))
        return false;
    for (unsigned i = 0; i < names->tag_count; i++) {
        char table[32];
        tag_table(k, i, table, sizeof table);
        if (!load_table(k, table, names->tags[i], &k->kept.tags[i], err))
            return false;
    }
    return true;
}

static size_t save_table(struct keeper *k, const char *name, struct intern *table, size_t kept) {
    size_t count = intern_count(table);
    for (size_t id = kept < 2 ? 2 : kept; id < count; id++)
        store_put_name(k->store, name, (int64_t)id, span_of(intern_name(table, (uint32_t)id)));
    return count;
}

/* --- providers ---------------------------------------------------------------------------------------------------- */

struct provider_load {
    char *names[PROVIDERS_MAX_KEPT];
    size_t count;
};

static bool load_provider(void *context, int64_t id, struct span name) {
    struct provider_load *load = context;
    if (id != (int64_t)load->count || load->count == PROVIDERS_MAX_KEPT)
        return false;
    load->names[load->count++] = alloc_string(name.ptr, name.len);
    return true;
}

struct provider_table *keeper_make_providers(struct keeper *k, struct err *err) {
    struct provider_load *load = alloc_zeroed(1, sizeof *load);
    struct provider_table *table = NULL;
    if (store_each_name(k->store, "provider", load_provider, load, err))
        table = provider_table_create_numbered((const char *const *)load->names, load->count);
    if (!table)
        err_set(err, ERR_INPUT, "the state file's names (provider) are damaged");
    k->kept.providers = load->count;
    for (size_t i = 0; i < load->count; i++)
        free(load->names[i]);
    free(load);
    return table;
}

/* --- cells -------------------------------------------------------------------------------------------------------- */

static void put(void *context, int table, int64_t index, uint64_t key, const void *value, size_t size) {
    struct keeper *k = context;
    store_put_cell(k->store, table, index, key, (struct span){value, size});
}

static void drop(void *context, int table, int64_t index, uint64_t key) {
    struct keeper *k = context;
    store_drop_cell(k->store, table, index, key);
}

static void drop_below(void *context, int table, int64_t index) {
    struct keeper *k = context;
    store_drop_cells_below(k->store, table, index);
}

static void add_keys(void *context, enum state_keys set, int64_t index, const uint64_t *keys, size_t count) {
    struct keeper *k = context;
    store_add_keys(k->store, set, index, keys, count);
}

static void drop_keys_below(void *context, enum state_keys set, int64_t index) {
    struct keeper *k = context;
    store_drop_keys_below(k->store, set, index);
}

struct state_writer keeper_writer(struct keeper *k) {
    return (struct state_writer){k, put, drop, drop_below, add_keys, drop_keys_below};
}

struct cell_load {
    state_cell_fn each;
    void *context;
    size_t size;
    bool wrong;
};

static bool load_cell(void *context, int64_t index, uint64_t key, struct span value) {
    struct cell_load *load = context;
    load->wrong |= load->size && value.len != load->size;
    if (!load->wrong)
        load->each(load->context, index, key, load->size ? (const void *)value.ptr : (const void *)&value);
    return !load->wrong;
}

static bool each(void *context, int table, size_t size, state_cell_fn fn, void *fn_context, struct err *err) {
    struct keeper *k = context;
    struct cell_load load = {fn, fn_context, size, false};
    bool read = store_each_cell(k->store, table, load_cell, &load, err);
    if (load.wrong)
        return err_set(err, ERR_INPUT, "the state file's table %d is damaged", table);
    return read;
}

struct keys_load {
    state_keys_fn each;
    void *context;
};

static bool load_keys(void *context, int64_t index, const uint64_t *keys, size_t count) {
    const struct keys_load *load = context;
    load->each(load->context, index, keys, count);
    return true;
}

static bool each_keys(void *context, enum state_keys set, state_keys_fn fn, void *fn_context, struct err *err) {
    struct keeper *k = context;
    return store_each_keys(k->store, set, load_keys, &(struct keys_load){fn, fn_context}, err);
}

struct state_reader keeper_reader(struct keeper *k) {
    return (struct state_reader){k, each, each_keys};
}

/* --- commits ------------------------------------------------------------------------------------------------------ */

void keeper_begin(struct keeper *k) {
    store_begin(k->store);
    if (!k->kept.was_new)
        return;
    char layout[64];
    layout_of(layout, sizeof layout);
    store_put_value(k->store, "layout", span_of(layout));
    store_put_value(k->store, "key", (struct span){(const char *)&k->key, sizeof k->key});
    store_put_value(k->store, "id", span_of(k->id));
}

enum store_result keeper_commit(struct keeper *k, const struct provider_table *providers, struct err *err) {
    const struct keeper_names *n = &k->names;
    struct kept after = k->kept;
    after.sets = save_table(k, "set", n->sets, k->kept.sets);
    after.identities = save_table(k, "identity", n->identities, k->kept.identities);
    after.templates = save_table(k, "template", n->templates, k->kept.templates);
    after.sources = save_table(k, "source", n->sources, k->kept.sources);
    after.rules = save_table(k, "rule", n->rules, k->kept.rules);
    after.tag_names = save_table(k, "tag", n->tag_names, k->kept.tag_names);
    for (unsigned i = 0; i < n->tag_count; i++) {
        char table[32];
        tag_table(k, i, table, sizeof table);
        after.tags[i] = save_table(k, table, n->tags[i], k->kept.tags[i]);
    }
    after.providers = provider_table_count(providers);
    for (size_t id = k->kept.providers; id < after.providers; id++)
        store_put_name(k->store, "provider", (int64_t)id, span_of(provider_table_name(providers, (uint16_t)id)));
    enum store_result result = store_commit(k->store, err);
    if (result != STORE_OK)
        return result;
    after.was_new = false;
    k->kept = after;
    return STORE_OK;
}
