/* What one would write first: zlib, jansson and a table, one line at a time, one thread. It is the yardstick of
 * tests/bench/run, built by it and part of nothing else. Counts (minute, event type, configuration set, recipient's
 * domain) of the dumps named on the command line, and prints how many records and different keys it saw.
 *
 * gzopen reads plain files too, so one program serves both. */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { LINE_MAX_BYTES = 1 << 20, KEY_MAX_BYTES = 512 };

struct entry {
    char *key; /* NULL: free */
    uint64_t count;
};

struct table {
    struct entry *entries;
    size_t slots; /* a power of two */
    size_t len;
};

static uint64_t hash_key(const char *key) {
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (; *key; key++)
        h = (h ^ (unsigned char)*key) * 1099511628211u;
    return h;
}

static struct entry *table_find(const struct table *t, const char *key) {
    size_t i = (size_t)hash_key(key) & (t->slots - 1);
    while (t->entries[i].key && strcmp(t->entries[i].key, key) != 0)
        i = (i + 1) & (t->slots - 1);
    return &t->entries[i];
}

static void *must(void *p) {
    if (!p) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return p;
}

static void table_grow(struct table *t) {
    struct table bigger = {.slots = t->slots ? t->slots * 2 : 1024, .len = t->len};
    bigger.entries = must(calloc(bigger.slots, sizeof *bigger.entries));
    for (size_t i = 0; i < t->slots; i++) {
        if (t->entries[i].key)
            *table_find(&bigger, t->entries[i].key) = t->entries[i];
    }
    free(t->entries);
    *t = bigger;
}

static void table_count(struct table *t, const char *key) {
    if (t->len * 2 >= t->slots)
        table_grow(t);
    struct entry *e = table_find(t, key);
    if (!e->key) {
        e->key = must(strdup(key));
        t->len++;
    }
    e->count++;
}

static const char *string_or_empty(const json_t *value) {
    const char *s = json_string_value(value);
    return s ? s : "";
}

static const char *domain_of(const char *address) {
    const char *at = strrchr(address, '@');
    return at ? at + 1 : "";
}

/* The event's own object: where its timestamp is. NULL for the types whose time is that of the mail. */
static const json_t *event_object(const json_t *record, const char *type) {
    static const struct {
        const char *type, *object;
    } objects[] = {{"Delivery", "delivery"}, {"Bounce", "bounce"}, {"Complaint", "complaint"},
                   {"Open", "open"},         {"Click", "click"},   {"DeliveryDelay", "deliveryDelay"}};
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        if (strcmp(type, objects[i].type) == 0)
            return json_object_get(record, objects[i].object);
    }
    return NULL;
}

static bool count_record(struct table *t, const json_t *record) {
    const json_t *mail = json_object_get(record, "mail");
    const char *type = string_or_empty(json_object_get(record, "eventType"));
    if (!*type || !json_is_object(mail))
        return false;
    const char *time = string_or_empty(json_object_get(event_object(record, type), "timestamp"));
    if (!*time)
        time = string_or_empty(json_object_get(mail, "timestamp"));
    const json_t *sets = json_object_get(json_object_get(mail, "tags"), "ses:configuration-set");
    const char *set = string_or_empty(json_array_get(sets, 0));
    const json_t *destination = json_object_get(mail, "destination");
    for (size_t i = 0; i < json_array_size(destination); i++) {
        char key[KEY_MAX_BYTES];
        snprintf(key, sizeof key, "%.16s %s %s %s", time, type, set,
                 domain_of(string_or_empty(json_array_get(destination, i))));
        table_count(t, key);
    }
    return true;
}

static bool count_file(struct table *t, const char *path, char *line, uint64_t *records, uint64_t *malformed) {
    gzFile in = gzopen(path, "rb");
    if (!in) {
        fprintf(stderr, "cannot open %s\n", path);
        return false;
    }
    gzbuffer(in, 256 * 1024);
    while (gzgets(in, line, LINE_MAX_BYTES)) {
        size_t len = strlen(line);
        if (len <= 1)
            continue;
        json_t *record = json_loadb(line, len, 0, NULL);
        ++*records;
        if (!record || !count_record(t, record))
            ++*malformed;
        json_decref(record);
    }
    return gzclose(in) == Z_OK;
}

int main(int argc, char **argv) {
    struct table t = {0};
    uint64_t records = 0, malformed = 0;
    char *line = must(malloc(LINE_MAX_BYTES));
    bool fine = argc > 1;
    for (int i = 1; i < argc && fine; i++)
        fine = count_file(&t, argv[i], line, &records, &malformed);
    printf("%llu records, %llu malformed, %zu keys\n", (unsigned long long)records, (unsigned long long)malformed,
           t.len);
    for (size_t i = 0; i < t.slots; i++)
        free(t.entries[i].key);
    free(t.entries);
    free(line);
    return fine ? 0 : 1;
}
