/* collector/source/ledger: what is known of objects, whatever is added and dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "source/ledger.h"

enum { NAMES = 3000 };

static const char *name_of(unsigned i) {
    static char name[32];
    snprintf(name, sizeof name, "bucket/%u", i);
    return name;
}

static void test_entries_stay_where_they_are(void **state) {
    (void)state;
    static struct ledger_entry *at[NAMES];
    struct ledger l;
    ledger_init(&l);
    assert_null(ledger_find(&l, "bucket/0"));
    for (unsigned i = 0; i < NAMES; i++)
        at[i] = ledger_at(&l, name_of(i));
    assert_int_equal(l.count, NAMES);
    for (unsigned i = 0; i < NAMES; i++) {
        assert_ptr_equal(ledger_at(&l, name_of(i)), at[i]);
        assert_ptr_equal(ledger_find(&l, name_of(i)), at[i]);
        assert_string_equal(at[i]->stream.name, name_of(i));
        assert_int_equal(at[i]->size, -1);
    }
    assert_int_equal(l.count, NAMES);
    ledger_deinit(&l);
}

static void test_restored_positions_come_back(void **state) {
    (void)state;
    struct ledger l;
    ledger_init(&l);
    const struct saved_position saved = {"bucket/a", {{5, 6, -7, 1, 8}}};
    ledger_restore(&l, &saved);
    struct ledger_entry *entry = ledger_find(&l, "bucket/a");
    assert_non_null(entry);
    assert_true(entry->kept && entry->done);
    assert_int_equal(entry->offset, 5);
    assert_int_equal(entry->size, 6);
    assert_int_equal(entry->version, -7);
    assert_int_equal(entry->time_ms, 8);
    assert_int_equal(atomic_load(&entry->stream.committed0), 5);
    struct position p = ledger_entry_position(entry);
    assert_memory_equal(&p, &saved.position, sizeof p);
    entry->given = 3;
    ledger_entry_reset(entry);
    p = ledger_entry_position(entry);
    assert_memory_equal(&p, (&(struct position){{0, -1, 0, 0, 8}}), sizeof p);
    assert_int_equal(entry->given, 3); /* what was given is still on its way */
    ledger_deinit(&l);
}

/* As the years go by: as many come as are dropped, in any order, and the tables stay as small as what is known. */
static void test_shrinks(void **state) {
    (void)state;
    enum { KNOWN = 100, COME = 50000 };
    static char known[KNOWN][32];
    struct ledger l;
    uint64_t random = 1;
    ledger_init(&l);
    for (unsigned i = 0; i < COME; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        char *place = known[(random >> 33) % KNOWN];
        if (*place)
            ledger_drop(&l, ledger_find(&l, place));
        snprintf(place, sizeof known[0], "%s", name_of(i));
        ledger_at(&l, place)->size = i;
        assert_true(l.count <= KNOWN);
        assert_true(l.by_name.len <= 4 * KNOWN);
    }
    for (unsigned i = 0; i < KNOWN; i++) {
        struct ledger_entry *entry = ledger_find(&l, known[i]);
        assert_non_null(entry);
        assert_string_equal(entry->stream.name, known[i]);
        assert_string_equal(name_of((unsigned)entry->size), known[i]);
        assert_ptr_equal(l.entries[entry->at], entry);
        ledger_drop(&l, entry);
        assert_null(ledger_find(&l, known[i]));
    }
    assert_int_equal(l.count, 0);
    for (unsigned i = 0; i < NAMES; i++)
        ledger_at(&l, name_of(i));
    while (l.count)
        ledger_drop(&l, l.entries[l.count / 2]);
    assert_true(l.capacity <= 256);
    ledger_deinit(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_stay_where_they_are),
        cmocka_unit_test(test_restored_positions_come_back),
        cmocka_unit_test(test_shrinks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
