/* What is put into the store is what comes out of it, in the promised order, and only after a commit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "core/buf.h"
#include "store_folder.h"

static int make(void **state) {
    struct store_folder *f = calloc(1, sizeof *f);
    assert_non_null(f);
    store_folder_make(f);
    *state = f;
    return 0;
}

static int clear(void **state) {
    store_folder_remove(*state);
    free(*state);
    return 0;
}

/* --- Everything in a store, as text ---- */

static bool write_cell(void *context, int64_t index, uint64_t key, struct span value) {
    buf_printf(context, "%lld/%llu=%.*s ", (long long)index, (unsigned long long)key, SPAN_ARG(value));
    return true;
}

static bool write_keys(void *context, int64_t hour, const uint64_t *keys, size_t count) {
    for (size_t i = 0; i < count; i++)
        buf_printf(context, "%lld:%llu ", (long long)hour, (unsigned long long)keys[i]);
    return true;
}

static bool write_name(void *context, int64_t id, struct span name) {
    buf_printf(context, "%lld=%.*s ", (long long)id, SPAN_ARG(name));
    return true;
}

static bool write_position(void *context, const char *stream, const struct position *p) {
    buf_printf(context, "%s", stream);
    for (int i = 0; i < POSITION_NUMBERS; i++)
        buf_printf(context, ",%lld", (long long)p->n[i]);
    return buf_append_char(context, ' ');
}

static bool write_outbox(void *context, uint64_t id, const char *target, struct span message) {
    buf_printf(context, "%llu>%s:%.*s ", (unsigned long long)id, target, SPAN_ARG(message));
    return true;
}

/* Compares and frees. */
static void expect(struct buf *text, bool ok, const char *expected) {
    assert_true(ok);
    buf_append_char(text, '\0');
    assert_false(text->failed);
    assert_string_equal(text->data, expected);
    buf_deinit(text);
}

static struct buf new_text(void) {
    struct buf text;
    buf_init(&text, 1 << 24);
    return text;
}

static void expect_cells(struct store *s, int table, const char *expected) {
    struct buf text = new_text();
    bool ok = store_each_cell(s, table, write_cell, &text, NULL);
    expect(&text, ok, expected);
}

static void expect_keys(struct store *s, const char *expected) {
    struct buf text = new_text();
    bool ok = store_each_keys(s, STATE_KEYS_HAPPENINGS, write_keys, &text, NULL);
    expect(&text, ok, expected);
}

static void expect_names(struct store *s, const char *table, const char *expected) {
    struct buf text = new_text();
    bool ok = store_each_name(s, table, write_name, &text, NULL);
    expect(&text, ok, expected);
}

static void expect_positions(struct store *s, const char *source, const char *expected) {
    struct buf text = new_text();
    bool ok = store_each_position(s, source, write_position, &text, NULL);
    expect(&text, ok, expected);
}

static void expect_outbox(struct store *s, const char *expected) {
    struct buf text = new_text();
    bool ok = store_each_outbox(s, write_outbox, &text, NULL);
    expect(&text, ok, expected);
}

static struct store *reopen(const struct store_folder *f, struct store *s) {
    store_close(s);
    return store_must_open(f);
}

/* --- Cells ---- */

static void keeps_cells(void **state) {
    const struct store_folder *f = *state;
    struct store *s = store_must_open(f);
    store_begin(s);
    store_put_cell(s, 1, 5, 1, SPAN_LIT("first"));
    store_put_cell(s, 1, -7, 2, SPAN_LIT("negative"));
    store_put_cell(s, 1, 5, UINT64_MAX, SPAN_LIT("last key is -1"));
    store_put_cell(s, 1, 5, 1ULL << 63, SPAN_LIT("least"));
    store_put_cell(s, 1, INT64_MIN, 0, SPAN_LIT(""));
    store_put_cell(s, 1, INT64_MAX, 0, (struct span){NULL, 0});
    store_put_cell(s, 2, 5, 1, SPAN_LIT("another table"));
    store_put_cell(s, 1, 5, 1, SPAN_LIT("changed"));
    store_must_commit(s);
    const char *all = "-9223372036854775808/0= -7/2=negative 5/9223372036854775808=least "
                      "5/18446744073709551615=last key is -1 5/1=changed 9223372036854775807/0= ";
    expect_cells(s, 1, all);
    s = reopen(f, s);
    expect_cells(s, 1, all);
    expect_cells(s, 2, "5/1=another table ");
    expect_cells(s, 3, "");
    store_close(s);
}

static void drops_cells(void **state) {
    const struct store_folder *f = *state;
    struct store *s = store_must_open(f);
    store_begin(s);
    for (int64_t i = -3; i <= 3; i++)
        store_put_cell(s, 1, i, 9, SPAN_LIT("x"));
    store_put_cell(s, 2, -3, 9, SPAN_LIT("x"));
    store_must_commit(s);
    store_begin(s);
    store_drop_cells_below(s, 1, 0);
    store_drop_cell(s, 1, 2, 9);
    store_drop_cell(s, 1, 3, 8); /* is not there */
    store_must_commit(s);
    s = reopen(f, s);
    expect_cells(s, 1, "0/9=x 1/9=x 3/9=x ");
    expect_cells(s, 2, "-3/9=x ");
    store_begin(s);
    store_drop_table(s, 1);
    store_must_commit(s);
    s = reopen(f, s);
    expect_cells(s, 1, "");
    expect_cells(s, 2, "-3/9=x ");
    store_close(s);
}

static bool check_bytes(void *context, int64_t index, uint64_t key, struct span value) {
    (void)index;
    (void)key;
    const struct span *expected = context;
    return span_eq(*expected, value);
}

static void keeps_any_bytes(void **state) {
    const struct store_folder *f = *state;
    struct store *s = store_must_open(f);
    size_t len = 3 << 20;
    char *bytes = malloc(len);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i * 31 >> 3);
    struct span value = {bytes, len};
    store_begin(s);
    store_put_cell(s, 1, 0, 0, value);
    store_must_commit(s);
    s = reopen(f, s);
    assert_true(store_each_cell(s, 1, check_bytes, &value, NULL));
    value.len--;
    struct err err = {0};
    assert_false(store_each_cell(s, 1, check_bytes, &value, &err)); /* the function says no: that is no error */
    assert_int_equal(err.code, ERR_NONE);
    store_close(s);
    free(bytes);
}

/* --- Keys ---- */

static void keeps_keys(void **state) {
    const struct store_folder *f = *state;
    struct store *s = store_must_open(f);
    const uint64_t keys[] = {1, UINT64_MAX, 1ULL << 63, 0x0102030405060708, 0};
    store_begin(s);
    store_add_keys(s, STATE_KEYS_HAPPENINGS, 10, keys, 3);
    store_add_keys(s, STATE_KEYS_HAPPENINGS, -2, keys, 1);
    store_add_keys(s, STATE_KEYS_HAPPENINGS, 9, keys + 3, 2);
    store_add_keys(s, STATE_KEYS_HAPPENINGS, 9, keys, 0);
    store_must_commit(s);
    store_begin(s);
    store_add_keys(s, STATE_KEYS_HAPPENINGS, 10, keys, 1);
    store_must_commit(s);
    s = reopen(f, s);
    expect_keys(s, "-2:1 9:72623859790382856 9:0 10:1 10:18446744073709551615 10:9223372036854775808 10:1 ");
    store_begin(s);
    store_drop_keys_below(s, STATE_KEYS_HAPPENINGS, 10);
    store_must_commit(s);
    s = reopen(f, s);
    expect_keys(s, "10:1 10:18446744073709551615 10:9223372036854775808 10:1 ");
    store_close(s);
}

static bool count_keys(void *context, int64_t hour, const uint64_t *keys, size_t count) {
    uint64_t *sums = context;
    for (size_t i = 0; i < count; i++)
        sums[hour] += keys[i];
    return true;
}

/* How many, and their sum. */
static bool sum_keys(void *context, int64_t index, const uint64_t *keys, size_t count) {
    uint64_t *sums = context;
    assert_in_range(index + STORE_INDEX_LIMIT, 0, 2 * (int64_t)STORE_INDEX_LIMIT);
    for (size_t i = 0; i < count; i++)
        sums[1] += keys[i];
    sums[0] += count;
    return true;
}

/* Rows of the table as it is in the file. */
static int64_t ask_file(const struct store_folder *f, const char *sql) {
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    assert_int_equal(sqlite3_open_v2(f->state, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return number;
}

static void keeps_many_keys(void **state) {
    const struct store_folder *f = *state;
    struct store *s = store_must_open(f);
    size_t count = 300000; /* more than a row has */
    uint64_t *keys = calloc(count, sizeof *keys), sum = 0, sums[1] = {0};
    assert_non_null(keys);
    for (size_t i = 0; i < count; i++)
        sum += keys[i] = i * 0x9e3779b97f4a7c15;
    store_begin(s);
    store_add_keys(s, STATE_KEYS_HAPPENINGS, 0, keys, count);
    store_must_commit(s);
    assert_true(store_each_keys(s, STATE_KEYS_HAPPENINGS, count_keys, sums, NULL));
    assert_true(sums[0] == sum);
    store_close(s);
    assert_int_equal(ask_file(f, "SELECT sum(length(keys)) FROM happening_keys"), 8 * (int64_t)count);
    free(keys);
}

static void merges_small_rows(void **state) {
    const struct store_folder *f = *state;
    struct store *s = store_must_open(f);
    uint64_t sums[3] = {0}, expected[3] = {0};
    for (uint64_t n = 1; n <= 1500; n++) {
        int hour = n % 2 ? 1 : 0; /* both grow alike; only the newest is left alone */
        uint64_t key = n << 20;
        store_begin(s);
        store_add_keys(s, STATE_KEYS_HAPPENINGS, hour, &key, 1);
        store_must_commit(s);
        expected[hour] += key;
    }
    assert_true(store_each_keys(s, STATE_KEYS_HAPPENINGS, count_keys, sums, NULL));
    assert_memory_equal(sums, expected, sizeof sums);
    store_close(s);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM happening_keys WHERE id >> 32 = 1"), 750);
    assert_in_range(ask_file(f, "SELECT count(*) FROM happening_keys WHERE id >> 32 = 0"), 1, 601);

    s = store_must_open(f); /* what has piled up is known again */
    store_begin(s);
    store_add_keys(s, STATE_KEYS_HAPPENINGS, 2, &expected[0], 1);
    store_must_commit(s);
    expected[2] = expected[0];
    memset(sums, 0, sizeof sums);
    assert_true(store_each_keys(s, STATE_KEYS_HAPPENINGS, count_keys, sums, NULL));
    assert_memory_equal(sums, expected, sizeof sums);
    store_close(s);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM happening_keys WHERE id >> 32 = 1"), 1);
    assert_int_equal(ask_file(f, "SELECT sum(length(keys)) FROM happening_keys"), 8 * 1501);
}

/* Two sets share a table and nothing else: neither reading nor dropping one of them sees the other, and each has a
 * newest index of its own that is left alone. */
static void keeps_sets_apart(void **state) {
    const struct store_folder *f = *state;
    struct store *s = store_must_open(f);
    const int64_t indexes[] = {-STORE_INDEX_LIMIT, -1, 0, 20000, STORE_INDEX_LIMIT - 1};
    store_begin(s);
    for (uint64_t i = 0; i < 5; i++) {
        uint64_t keys[2] = {10 + i, 20 + i};
        store_add_keys(s, STATE_KEYS_HAPPENINGS, indexes[i], &keys[0], 1);
        store_add_keys(s, STATE_KEYS_VISITS, indexes[i], &keys[1], 1);
    }
    store_drop_keys_below(s, STATE_KEYS_VISITS, 0);
    store_drop_keys_below(s, STATE_KEYS_VISITS, INT64_MIN); /* nothing is below it */
    store_must_commit(s);
    s = reopen(f, s);
    uint64_t counts[2][2] = {{0}};
    for (int set = 0; set < STATE_KEY_SETS; set++)
        assert_true(store_each_keys(s, (enum state_keys)set, sum_keys, counts[set], NULL));
    assert_true(counts[STATE_KEYS_HAPPENINGS][0] == 5 && counts[STATE_KEYS_HAPPENINGS][1] == 10 + 11 + 12 + 13 + 14);
    assert_true(counts[STATE_KEYS_VISITS][0] == 3 && counts[STATE_KEYS_VISITS][1] == 22 + 23 + 24);
    store_begin(s);
    store_drop_keys_below(s, STATE_KEYS_HAPPENINGS, STORE_INDEX_LIMIT - 1);
    store_must_commit(s);
    memset(counts, 0, sizeof counts);
    for (int set = 0; set < STATE_KEY_SETS; set++)
        assert_true(store_each_keys(s, (enum state_keys)set, sum_keys, counts[set], NULL));
    assert_true(counts[STATE_KEYS_HAPPENINGS][0] == 1 && counts[STATE_KEYS_VISITS][0] == 3);
    store_close(s);
}

static void merges_sets_apart(void **state) {
    const struct store_folder *f = *state;
    struct store *s = store_must_open(f);
    for (uint64_t n = 1; n <= 700; n++) {
        store_begin(s);
        store_add_keys(s, STATE_KEYS_HAPPENINGS, 490000, &n, 1); /* the newest hour, though days come behind it */
        store_add_keys(s, STATE_KEYS_VISITS, 20000, &n, 1);
        store_add_keys(s, STATE_KEYS_VISITS, 20001, &n, 1);
        store_must_commit(s);
    }
    store_close(s);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM happening_keys WHERE id >> 32 = 490000"), 700);
    assert_int_equal(ask_file(f, "SELECT count(*) FROM happening_keys WHERE id >> 32 = 20001 + (1 << 30)"), 700);
    assert_in_range(ask_file(f, "SELECT count(*) FROM happening_keys WHERE id >> 32 = 20000 + (1 << 30)"), 1, 601);
    assert_int_equal(ask_file(f, "SELECT sum(length(keys)) FROM happening_keys"), 8 * 3 * 700);
}

/* --- Names, values, positions, outbox ---- */

static void keeps_names(void **state) {
    const struct store_folder *f = *state;
    struct store *s = store_must_open(f);
    store_begin(s);
    store_put_name(s, "set", 2, SPAN_LIT("marketing"));
    store_put_name(s, "set", -1, SPAN_LIT("n\xc3\xa9gative"));
    store_put_name(s, "provider", 2, SPAN_LIT("gmail"));
    store_put_name(s, "set", 1, SPAN_LIT(""));
    store_put_name(s, "set", 2, SPAN_LIT("transactional"));
    store_put_name(s, "odd", 0, SPAN_LIT("\xff\xfe!"));
    store_must_commit(s);
    s = reopen(f, s);
    expect_names(s, "set", "-1=n\xc3\xa9gative 1= 2=transactional ");
    expect_names(s, "provider", "2=gmail ");
    expect_names(s, "odd", "0=\xff\xfe! ");
    expect_names(s, "none", "");
    store_close(s);
}

static bool same_name(void *context, int64_t id, struct span name) {
    (void)id;
    return span_eq(*(struct span *)context, name);
}

static void keeps_names_with_a_nul(void **state) {
    struct store *s = store_must_open(*state);
    struct span name = SPAN_LIT("a\0b\0");
    store_begin(s);
    store_put_name(s, "set", 1, name);
    store_must_commit(s);
    assert_true(store_each_name(s, "set", same_name, &name, NULL));
    store_close(s);
}

static void keeps_values(void **state) {
    const struct store_folder *f = *state;
    struct store *s = store_must_open(f);
    char room[8] = "-------";
    size_t len = 99;
    assert_false(store_get_value(s, "key", room, sizeof room, &len));
    store_begin(s);
    store_put_value(s, "key", SPAN_LIT("a\0c"));
    store_put_value(s, "empty", (struct span){NULL, 0});
    store_put_value(s, "long", SPAN_LIT("0123456789"));
    assert_true(store_get_value(s, "key", room, sizeof room, &len)); /* one's own, before the commit */
    store_must_commit(s);
    s = reopen(f, s);
    assert_true(store_get_value(s, "key", room, sizeof room, &len));
    assert_int_equal(len, 3);
    assert_memory_equal(room, "a\0c----", 7);
    assert_true(store_get_value(s, "long", room, 4, &len));
    assert_int_equal(len, 10);
    assert_memory_equal(room, "0123---", 7);
    assert_true(store_get_value(s, "empty", room, sizeof room, &len));
    assert_int_equal(len, 0);
    assert_true(store_get_value(s, "long", NULL, 0, &len));
    assert_int_equal(len, 10);
    assert_false(store_get_value(s, "none", room, sizeof room, &len));
    store_close(s);
}

static void keeps_positions(void **state) {
    const struct store_folder *f = *state;
    struct store *s = store_must_open(f);
    store_begin(s);
    store_put_position(s, "kafka", "mail/10", &(struct position){{1, -2, 3, INT64_MIN, INT64_MAX, 6}});
    store_put_position(s, "kafka", "mail/1", &(struct position){{0}});
    store_put_position(s, "files", "/tmp/\xff odd", &(struct position){{7}});
    store_put_position(s, "kafka", "mail/1", &(struct position){{8, 9}});
    store_put_position(s, "kafka", "gone/1", &(struct position){{1}});
    store_drop_position(s, "kafka", "gone/1");
    store_must_commit(s);
    s = reopen(f, s);
    expect_positions(s, "kafka", "mail/1,8,9,0,0,0,0 mail/10,1,-2,3,-9223372036854775808,9223372036854775807,6 ");
    expect_positions(s, "files", "/tmp/\xff odd,7,0,0,0,0,0 ");
    expect_positions(s, "none", "");
    store_close(s);
}

static void keeps_the_outbox(void **state) {
    const struct store_folder *f = *state;
    struct store *s = store_must_open(f);
    store_begin(s);
    store_put_outbox(s, UINT64_MAX, "page", SPAN_LIT("last"));
    store_put_outbox(s, 2, "page", SPAN_LIT("{\"b\":1}"));
    store_put_outbox(s, 1, "mail", SPAN_LIT(""));
    store_put_outbox(s, 3, "mail", SPAN_LIT("told"));
    store_must_commit(s);
    store_begin(s);
    store_drop_outbox(s, 3);
    store_must_commit(s);
    s = reopen(f, s);
    expect_outbox(s, "1>mail: 2>page:{\"b\":1} 18446744073709551615>page:last ");
    store_close(s);
}

/* --- Transactions ---- */

static void forgets_what_was_not_committed(void **state) {
    const struct store_folder *f = *state;
    struct store *s = store_must_open(f);
    assert_true(store_is_new(s));
    store_begin(s);
    store_put_value(s, "a", SPAN_LIT("1"));
    s = reopen(f, s); /* rolls back */
    assert_true(store_is_new(s));
    store_begin(s);
    store_put_value(s, "b", SPAN_LIT("1"));
    store_put_cell(s, 1, 1, 1, SPAN_LIT("x"));
    store_must_commit(s);
    assert_false(store_is_new(s));
    store_begin(s);
    store_drop_table(s, 1);
    store_put_value(s, "b", SPAN_LIT("2"));
    s = reopen(f, s);
    assert_false(store_is_new(s));
    char room[1];
    size_t len;
    assert_false(store_get_value(s, "a", room, 1, &len));
    assert_true(store_get_value(s, "b", room, 1, &len));
    assert_int_equal(room[0], '1');
    expect_cells(s, 1, "1/1=x ");
    store_close(s);
    store_close(NULL);
}

static void knows_its_size(void **state) {
    const struct store_folder *f = *state;
    struct store *s = store_must_open(f);
    uint64_t before = store_bytes(s);
    assert_in_range(before, 4096, 1 << 20);
    static char value[200000];
    store_begin(s);
    store_put_cell(s, 1, 1, 1, (struct span){value, sizeof value});
    store_must_commit(s);
    assert_in_range(store_bytes(s), before + sizeof value, 1 << 20);
    struct stat file, log;
    assert_int_equal(stat(f->state, &file), 0);
    assert_int_equal(stat(f->log, &log), 0);
    assert_int_equal(store_bytes(s), file.st_size + log.st_size);
    store_close(s);
}

/* The log is copied into the file again and again, so that neither grows for ever. */
static void keeps_the_log_short(void **state) {
    const struct store_folder *f = *state;
    struct store *s = store_must_open(f);
    static char value[400000];
    for (int i = 0; i < 150; i++) {
        store_begin(s);
        memset(value, i, sizeof value);
        store_put_cell(s, 1, i % 3, 1, (struct span){value, sizeof value});
        store_must_commit(s);
    }
    assert_in_range(store_bytes(s), 3 * sizeof value, 24 << 20); /* of 60 MB written */
    store_close(s);
    assert_int_equal(access(f->log, F_OK), -1);
}

int main(void) {
#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make, clear)
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(keeps_cells),      IN_A_FOLDER(drops_cells),
        IN_A_FOLDER(keeps_any_bytes),  IN_A_FOLDER(keeps_keys),
        IN_A_FOLDER(keeps_many_keys),  IN_A_FOLDER(merges_small_rows),
        IN_A_FOLDER(keeps_sets_apart), IN_A_FOLDER(merges_sets_apart),
        IN_A_FOLDER(keeps_names),      IN_A_FOLDER(keeps_names_with_a_nul),
        IN_A_FOLDER(keeps_values),     IN_A_FOLDER(keeps_positions),
        IN_A_FOLDER(keeps_the_outbox), IN_A_FOLDER(forgets_what_was_not_committed),
        IN_A_FOLDER(knows_its_size),   IN_A_FOLDER(keeps_the_log_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
