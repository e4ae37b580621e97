/* collector/pipeline/keeper: numbers of names stay what they are, and a file that is not ours is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/keeper.h"
#include "unit/store_folder.h"

/* --- a keeper and its tables -------------------------------------------------------------------------------------- */

static struct store_folder folder;

struct rig {
    struct keeper *keeper;
    struct keeper_names names;
    struct provider_table *providers;
};

static struct rig rig_open(const char *const *tags, unsigned tag_count) {
    struct rig r = {0};
    struct err err = {0};
    enum store_refusal why;
    r.keeper = keeper_open(folder.state, &why, &err);
    if (!r.keeper)
        fail_msg("%s", err.text);
    struct intern **const tables[] = {&r.names.sets,    &r.names.identities, &r.names.templates,
                                      &r.names.sources, &r.names.rules,      &r.names.tag_names};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        *tables[i] = intern_create(1000);
    assert_true(keeper_load_tag_names(r.keeper, r.names.tag_names, &err));
    r.names.tag_count = tag_count;
    for (unsigned i = 0; i < tag_count; i++) {
        r.names.tags[i] = intern_create(1000);
        r.names.tag_numbers[i] = intern_id(r.names.tag_names, span_of(tags[i]));
    }
    assert_true(keeper_load_names(r.keeper, &r.names, &err));
    r.providers = keeper_make_providers(r.keeper, &err);
    if (!r.providers)
        fail_msg("%s", err.text);
    return r;
}

static void commit(struct rig *r) {
    struct err err = {0};
    keeper_begin(r->keeper);
    assert_int_equal(keeper_commit(r->keeper, r->providers, &err), STORE_OK);
}

static void rig_close(struct rig *r) {
    struct intern *const tables[] = {r->names.sets,    r->names.identities, r->names.templates,
                                     r->names.sources, r->names.rules,      r->names.tag_names};
    keeper_close(r->keeper);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        intern_destroy(tables[i]);
    for (unsigned i = 0; i < r->names.tag_count; i++)
        intern_destroy(r->names.tags[i]);
    provider_table_destroy(r->providers);
}

static uint32_t number(struct intern *table, const char *name) {
    return intern_id(table, span_of(name));
}

static int begin(void **state) {
    (void)state;
    store_folder_make(&folder);
    return 0;
}

static int end(void **state) {
    (void)state;
    store_folder_remove(&folder);
    return 0;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

static void numbers_stay(void **state) {
    (void)state;
    static const char *const many[] = {"zeta", "alpha", "", "other", "middle", "with blank", "\xc3\xa4"};
    uint32_t sets[7], rules[7];
    struct rig r = rig_open(NULL, 0);
    for (int i = 0; i < 4; i++)
        sets[i] = number(r.names.sets, many[i]), rules[i] = number(r.names.rules, many[3 - i]);
    commit(&r);
    for (int i = 4; i < 7; i++) /* more names, with a commit for each */
        sets[i] = number(r.names.sets, many[i]), commit(&r);
    number(r.names.sets, "never committed");
    rig_close(&r);

    r = rig_open(NULL, 0);
    assert_int_equal(intern_count(r.names.sets), 7); /* "" and "other" are always there */
    assert_int_equal(number(r.names.sets, "new in this life"), 7);
    for (int i = 6; i >= 0; i--)
        assert_int_equal(number(r.names.sets, many[i]), sets[i]);
    for (int i = 0; i < 4; i++)
        assert_int_equal(number(r.names.rules, many[3 - i]), rules[i]);
    assert_int_equal(intern_count(r.names.identities), 2);
    commit(&r);
    rig_close(&r);
    r = rig_open(NULL, 0);
    assert_int_equal(number(r.names.sets, "new in this life"), 7);
    rig_close(&r);
}

/* Which tags are views, and in which order, may change: a tag's values keep their numbers. */
static void tags_in_another_order(void **state) {
    (void)state;
    static const char *const first[] = {"campaign", "team"}, *const second[] = {"season", "team", "campaign"},
                             *const third[] = {"team"};
    struct rig r = rig_open(first, 2);
    uint32_t campaign = r.names.tag_numbers[0], team = r.names.tag_numbers[1];
    assert_int_not_equal(campaign, team);
    uint32_t spring = (number(r.names.tags[0], "winter"), number(r.names.tags[0], "spring"));
    uint32_t red = number(r.names.tags[1], "red");
    commit(&r);
    rig_close(&r);

    r = rig_open(second, 3);
    assert_int_equal(r.names.tag_numbers[1], team);
    assert_int_equal(r.names.tag_numbers[2], campaign);
    assert_true(r.names.tag_numbers[0] != team && r.names.tag_numbers[0] != campaign);
    assert_int_equal(intern_count(r.names.tags[0]), 2);
    assert_int_equal(intern_count(r.names.tags[1]), 3);
    assert_int_equal(intern_count(r.names.tags[2]), 4);
    uint32_t autumn = number(r.names.tags[2], "autumn");
    uint32_t season = r.names.tag_numbers[0];
    commit(&r);
    rig_close(&r);

    r = rig_open(third, 1);
    assert_int_equal(number(r.names.tags[0], "red"), red);
    commit(&r);
    rig_close(&r);

    r = rig_open(second, 3); /* away for one life, and back */
    assert_int_equal(r.names.tag_numbers[0], season);
    assert_int_equal(number(r.names.tags[2], "spring"), spring);
    assert_int_equal(number(r.names.tags[2], "autumn"), autumn);
    rig_close(&r);
}

static void write_providers(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static uint16_t provider_at(const struct provider_table *t, const char *domain) {
    return provider_table_find(t, span_of(domain));
}

static void other_providers_files(void **state) {
    (void)state;
    char path[128];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/providers", folder.base);
    struct rig r = rig_open(NULL, 0);
    struct provider_table *builtin = provider_table_create();
    assert_int_equal(provider_table_count(r.providers), provider_table_count(builtin));
    for (size_t i = 0; i < provider_table_count(builtin); i++)
        assert_string_equal(provider_table_name(r.providers, (uint16_t)i), provider_table_name(builtin, (uint16_t)i));
    provider_table_destroy(builtin);
    uint16_t gmail = provider_at(r.providers, "gmail.com");
    write_providers(path, "provider northmail\nnorth.example\nprovider eastmail\neast.example\n");
    if (!provider_table_load(r.providers, path, &err))
        fail_msg("%s", err.text);
    uint16_t north = provider_at(r.providers, "north.example"), east = provider_at(r.providers, "east.example");
    assert_true(north != east && north > gmail && east > PROVIDER_SIMULATOR);
    commit(&r);
    rig_close(&r);

    r = rig_open(NULL, 0);
    assert_int_equal(provider_at(r.providers, "gmail.com"), gmail);
    assert_string_equal(provider_table_name(r.providers, north), "northmail"); /* counts of it are still named */
    assert_int_equal(provider_at(r.providers, "north.example"), PROVIDER_OTHER);
    write_providers(path, "provider westmail\nwest.example\nprovider eastmail\neast.example\n");
    assert_true(provider_table_load(r.providers, path, &err));
    assert_int_equal(provider_at(r.providers, "east.example"), east);
    uint16_t west = provider_at(r.providers, "west.example");
    assert_true(west != north && west != east && west != gmail);
    commit(&r);
    rig_close(&r);

    r = rig_open(NULL, 0);
    assert_string_equal(provider_table_name(r.providers, west), "westmail");
    assert_string_equal(provider_table_name(r.providers, north), "northmail");
    rig_close(&r);
}

/* --- the file ----------------------------------------------------------------------------------------------------- */

static void it_is_the_same_file(void **state) {
    (void)state;
    struct rig r = rig_open(NULL, 0);
    struct hash_key key = *keeper_key(r.keeper);
    char id[40];
    snprintf(id, sizeof id, "%s", keeper_id(r.keeper));
    assert_int_equal(strlen(id), 16);
    assert_int_equal(strspn(id, "0123456789abcdef"), 16);
    rig_close(&r); /* nothing was committed: it may be another one */
    r = rig_open(NULL, 0);
    key = *keeper_key(r.keeper);
    snprintf(id, sizeof id, "%s", keeper_id(r.keeper));
    commit(&r);
    commit(&r);
    rig_close(&r);
    for (int i = 0; i < 2; i++) {
        r = rig_open(NULL, 0);
        assert_memory_equal(keeper_key(r.keeper), &key, sizeof key);
        assert_string_equal(keeper_id(r.keeper), id);
        assert_true(keeper_bytes(r.keeper) > 0);
        commit(&r);
        rig_close(&r);
    }
}

static void assert_refused(enum store_refusal reason) {
    struct err err = {0};
    enum store_refusal why = STORE_REFUSED_NONE;
    assert_null(keeper_open(folder.state, &why, &err));
    assert_int_equal(why, reason);
    assert_int_not_equal(err.code, ERR_NONE);
    assert_non_null(strstr(err.text, folder.state));
}

static void put_value(const char *name, struct span value) {
    struct store *s = store_must_open(&folder);
    store_begin(s);
    store_put_value(s, name, value);
    store_must_commit(s);
    store_close(s);
}

static void of_another_shape(void **state) {
    (void)state;
    struct rig r = rig_open(NULL, 0);
    char layout[64] = "", longer[80];
    size_t len;
    commit(&r);
    assert_true(store_get_value(keeper_store(r.keeper), "layout", layout, sizeof layout - 1, &len));
    rig_close(&r);
    memset(longer, '1', sizeof longer);
    put_value("layout", SPAN_LIT("2:1:1:1:1"));
    assert_refused(STORE_REFUSED_NEWER);
    put_value("layout", (struct span){longer, sizeof longer});
    assert_refused(STORE_REFUSED_CORRUPT);
    put_value("layout", (struct span){longer, 63});
    assert_refused(STORE_REFUSED_NEWER);
    put_value("layout", (struct span){layout, len - 1});
    assert_refused(STORE_REFUSED_NEWER);
    put_value("layout", span_of(layout));
    put_value("id", SPAN_LIT("0123456789abcde"));
    assert_refused(STORE_REFUSED_CORRUPT);
    put_value("id", SPAN_LIT("0123456789abcdef"));
    put_value("key", SPAN_LIT("short"));
    assert_refused(STORE_REFUSED_CORRUPT);
    put_value("key", SPAN_LIT("sixteen bytes it"));
    r = rig_open(NULL, 0); /* and it was left as it was */
    assert_string_equal(keeper_id(r.keeper), "0123456789abcdef");
    rig_close(&r);
}

static void of_another_program(void **state) {
    (void)state;
    put_value("something", SPAN_LIT("else"));
    assert_refused(STORE_REFUSED_CORRUPT);
}

static void one_at_a_time(void **state) {
    (void)state;
    struct rig r = rig_open(NULL, 0);
    assert_refused(STORE_REFUSED_LOCKED);
    commit(&r);
    assert_refused(STORE_REFUSED_LOCKED);
    commit(&r); /* the first does not mind */
    rig_close(&r);
    r = rig_open(NULL, 0);
    rig_close(&r);
}

static void damaged_names(void **state) {
    (void)state;
    struct rig r = rig_open(NULL, 0);
    struct err err = {0};
    enum store_refusal why;
    number(r.names.sets, "one");
    commit(&r);
    rig_close(&r);
    struct store *s = store_must_open(&folder);
    store_begin(s);
    store_put_name(s, "set", 9, SPAN_LIT("far away"));
    store_put_name(s, "provider", 5000, SPAN_LIT("far away"));
    store_must_commit(s);
    store_close(s);
    struct keeper *k = keeper_open(folder.state, &why, &err);
    struct intern *table = intern_create(100);
    const struct keeper_names names = {table, table, table, table, table, table, {0}, {0}, 0};
    assert_false(keeper_load_names(k, &names, &err));
    assert_non_null(strstr(err.text, "set"));
    err = (struct err){0};
    assert_null(keeper_make_providers(k, &err));
    assert_non_null(strstr(err.text, "provider"));
    keeper_close(k);
    intern_destroy(table);
}

/* --- cells -------------------------------------------------------------------------------------------------------- */

static void count_cells(void *context, int64_t index, uint64_t key, const void *value) {
    uint64_t *sum = context, number;
    memcpy(&number, value, sizeof number);
    *sum += number + (uint64_t)index + key;
}

static void sum_lengths(void *context, int64_t index, uint64_t key, const void *value) {
    (void)index, (void)key;
    *(uint64_t *)context += ((const struct span *)value)->len;
}

static void cells_of_a_size(void **state) {
    (void)state;
    struct rig r = rig_open(NULL, 0);
    const uint64_t value = 100;
    uint64_t sum = 0;
    struct err err = {0};
    const struct state_writer to = keeper_writer(r.keeper);
    keeper_begin(r.keeper);
    to.put(to.context, STATE_MINUTES, 5, 1, &value, sizeof value);
    to.put(to.context, STATE_MINUTES, 6, 2, &value, sizeof value);
    to.put(to.context, STATE_MINUTES, 6, 3, &value, sizeof value);
    to.put(to.context, STATE_INCIDENTS, 0, 1, "abc", 3);
    to.drop(to.context, STATE_MINUTES, 6, 3);
    to.drop_below(to.context, STATE_MINUTES, 6);
    assert_int_equal(keeper_commit(r.keeper, r.providers, &err), STORE_OK);
    const struct state_reader from = keeper_reader(r.keeper);
    assert_true(from.each(from.context, STATE_MINUTES, sizeof value, count_cells, &sum, &err));
    assert_int_equal(sum, 108);
    assert_false(from.each(from.context, STATE_INCIDENTS, sizeof value, count_cells, &sum, &err));
    assert_non_null(strstr(err.text, "table 11"));
    sum = 0;
    assert_true(from.each(from.context, STATE_INCIDENTS, 0, sum_lengths, &sum, &err));
    assert_int_equal(sum, 3);
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_stay, begin, end),
        cmocka_unit_test_setup_teardown(tags_in_another_order, begin, end),
        cmocka_unit_test_setup_teardown(other_providers_files, begin, end),
        cmocka_unit_test_setup_teardown(it_is_the_same_file, begin, end),
        cmocka_unit_test_setup_teardown(of_another_shape, begin, end),
        cmocka_unit_test_setup_teardown(of_another_program, begin, end),
        cmocka_unit_test_setup_teardown(one_at_a_time, begin, end),
        cmocka_unit_test_setup_teardown(damaged_names, begin, end),
        cmocka_unit_test_setup_teardown(cells_of_a_size, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
