/* Any bytes as the file of a state: it is opened or refused, read from end to end, written to, closed. A file that is
 * refused must not be changed. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
    if (!ok)
        abort();
}

/* --- The file ---- */

static char folder[] = "/tmp/store_fuzz.XXXXXX";
static char path[64];

static void remove_all(void) {
    static const char *const suffixes[] = {"", "-wal", "-journal", ".lock", ".new"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

static void remove_folder(void) {
    remove_all();
    rmdir(folder);
}

static void write_file(const uint8_t *data, size_t size) {
    FILE *f = fopen(path, "w");
    check(f && fwrite(data, 1, size, f) == size && fclose(f) == 0);
}

static void check_file(const uint8_t *data, size_t size) {
    FILE *f = fopen(path, "r");
    uint8_t *now = malloc(size + 1);
    check(f && now && fread(now, 1, size + 1, f) == size && memcmp(now, data, size) == 0);
    fclose(f);
    free(now);
}

/* --- Its contents ---- */

static uint64_t sum; /* of every byte that is handed out, so that all of them are read */

static bool add(struct span s) {
    for (size_t i = 0; i < s.len; i++)
        sum += (unsigned char)s.ptr[i];
    return true;
}

static bool each_cell(void *context, int64_t index, uint64_t key, struct span value) {
    (void)context;
    sum += (uint64_t)index ^ key;
    return add(value);
}

static bool each_keys(void *context, int64_t hour, const uint64_t *keys, size_t count) {
    (void)context;
    check(count > 0);
    for (size_t i = 0; i < count; i++)
        sum += keys[i] ^ (uint64_t)hour;
    return true;
}

static bool each_name(void *context, int64_t id, struct span name) {
    (void)context;
    sum += (uint64_t)id;
    return add(name);
}

static bool each_position(void *context, const char *stream, const struct position *p) {
    (void)context;
    sum += (uint64_t)p->n[0];
    return add(span_of(stream));
}

static bool each_outbox(void *context, uint64_t id, const char *target, struct span message) {
    (void)context;
    sum += id;
    return add(span_of(target)) && add(message);
}

static void read_all(struct store *s) {
    static const char *const names[] = {"", "set", "provider", "kafka", "files", "key"};
    for (int table = 0; table < 4; table++)
        (void)store_each_cell(s, table, each_cell, NULL, NULL);
    (void)store_each_keys(s, STATE_KEYS_HAPPENINGS, each_keys, NULL, NULL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char value[8];
        size_t len;
        (void)store_each_name(s, names[i], each_name, NULL, NULL);
        (void)store_each_position(s, names[i], each_position, NULL, NULL);
        (void)store_get_value(s, names[i], value, sizeof value, &len);
    }
    (void)store_each_outbox(s, each_outbox, NULL, NULL);
}

static void write_some(struct store *s) {
    uint64_t keys[] = {1, 2, 3};
    store_begin(s);
    store_put_cell(s, 1, 1, 1, SPAN_LIT("value"));
    store_drop_cells_below(s, 2, 100);
    store_drop_keys_below(s, STATE_KEYS_HAPPENINGS, 2);
    store_add_keys(s, STATE_KEYS_HAPPENINGS, 3, keys, 3);
    store_put_position(s, "kafka", "mail/1", &(struct position){{1}});
    store_drop_outbox(s, 1);
    (void)store_commit(s, NULL); /* damage may be found only here */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!path[0]) {
        check(mkdtemp(folder) != NULL);
        snprintf(path, sizeof path, "%s/state", folder);
        atexit(remove_folder);
    }
    if (size > 1 << 20)
        return 0;
    write_file(data, size);
    enum store_refusal why;
    struct err err = {0};
    struct store *s = store_open(path, &why, &err);
    check((s != NULL) == (why == STORE_REFUSED_NONE) && (s != NULL) == (err.code == ERR_NONE));
    if (s) {
        read_all(s);
        write_some(s);
        read_all(s);
        store_close(s);
    } else {
        check_file(data, size);
    }
    remove_all();
    return 0;
}
