/* collector/model/board: readers keep what they look at, and every snapshot is destroyed exactly once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/alloc.h"
#include "model/board.h"

static atomic_int made, destroyed;

/* Snapshots carry their number three times: a torn or freed one would show. */
static struct snapshot *snapshot_of(int number) {
    struct snapshot *s = alloc_zeroed(1, sizeof *s);
    s->first_ms = s->watermark_ms = number;
    s->series = (uint64_t)number;
    s->service.queued_batches = (uint64_t)number;
    s->alerts = alloc_zeroed(1, sizeof *s->alerts);
    s->alerts->incident = (uint64_t)number;
    atomic_fetch_add(&made, 1);
    return s;
}

static void destroy(struct snapshot *s) {
    atomic_fetch_add(&destroyed, 1);
    free(s->alerts);
    free(s);
}

static int begin(void **state) {
    (void)state;
    atomic_store(&made, 0);
    atomic_store(&destroyed, 0);
    return 0;
}

static void assert_shows(const struct snapshot *s, int number, uint64_t service) {
    assert_non_null(s);
    assert_int_equal(s->first_ms, number);
    assert_int_equal(s->watermark_ms, number);
    assert_int_equal(s->series, number);
    assert_int_equal(s->alerts->incident, number);
    assert_int_equal(s->service.queued_batches, service);
}

static void nothing_yet(void **state) {
    (void)state;
    struct board *b = board_create(destroy);
    const struct service_row row = {.queued_batches = 1};
    assert_null(board_look(b));
    board_release(b, NULL);
    board_amend(b, &row);
    assert_null(board_look(b));
    board_destroy(b);
    board_destroy(NULL);
    assert_int_equal(destroyed, 0);
}

static void readers_keep_theirs(void **state) {
    (void)state;
    struct board *b = board_create(destroy);
    board_put(b, snapshot_of(1));
    const struct snapshot *one = board_look(b), *again = board_look(b);
    board_put(b, snapshot_of(2));
    const struct snapshot *two = board_look(b);
    board_put(b, snapshot_of(3));
    board_put(b, snapshot_of(4));
    assert_int_equal(destroyed, 1); /* the third, whom nobody looked at */
    assert_shows(one, 1, 1);
    assert_shows(two, 2, 2);
    board_release(b, one);
    assert_int_equal(destroyed, 1);
    assert_shows(again, 1, 1);
    board_release(b, again);
    assert_int_equal(destroyed, 2);
    board_release(b, two);
    assert_int_equal(destroyed, 3);
    const struct snapshot *four = board_look(b);
    assert_shows(four, 4, 4);
    board_release(b, four);
    assert_int_equal(destroyed, 3);
    board_destroy(b);
    assert_int_equal(destroyed, made);
}

static void amended_again_and_again(void **state) {
    (void)state;
    struct board *b = board_create(destroy);
    board_put(b, snapshot_of(1));
    const struct snapshot *plain = board_look(b);
    const struct snapshot *held[5];
    for (uint64_t i = 0; i < 5; i++) {
        const struct service_row row = {.queued_batches = 100 + i};
        board_amend(b, &row);
        board_amend(b, &(struct service_row){.queued_batches = 200 + i});
        held[i] = board_look(b);
    }
    for (uint64_t i = 0; i < 5; i++)
        assert_shows(held[i], 1, 200 + i);
    assert_shows(plain, 1, 1);
    board_put(b, snapshot_of(2));
    board_release(b, plain);
    for (uint64_t i = 0; i < 5; i++) { /* the last one to let go ends what they all show */
        assert_int_equal(destroyed, 0);
        assert_shows(held[4 - i], 1, 204 - i);
        board_release(b, held[4 - i]);
    }
    assert_int_equal(destroyed, 1);
    board_amend(b, &(struct service_row){.queued_batches = 7});
    const struct snapshot *s = board_look(b);
    assert_shows(s, 2, 7);
    board_release(b, s);
    board_destroy(b);
    assert_int_equal(destroyed, made);
}

/* The board may go while an amended one hangs, with what it was made from only there. */
static void ended_while_amended(void **state) {
    (void)state;
    struct board *b = board_create(destroy);
    board_put(b, snapshot_of(1));
    board_amend(b, &(struct service_row){.queued_batches = 1});
    board_amend(b, &(struct service_row){.queued_batches = 2});
    assert_int_equal(destroyed, 0);
    board_destroy(b);
    assert_int_equal(destroyed, 1);
}

/* --- threads ------------------------------------------------------------------------------------------------------ */

struct reader {
    struct board *board;
    atomic_bool *stop;
    pthread_t thread;
    size_t looks;
    bool wrong;
};

static void *read_on(void *context) {
    struct reader *r = context;
    int64_t last = 0;
    while (!atomic_load(r->stop)) {
        const struct snapshot *s = board_look(r->board), *second = board_look(r->board);
        if (s) {
            r->wrong |= s->first_ms != s->watermark_ms || s->series != (uint64_t)s->first_ms ||
                        s->alerts->incident != s->series || s->first_ms < last;
            r->wrong |= second->first_ms < s->first_ms;
            last = s->first_ms;
            r->looks++;
        }
        board_release(r->board, s);
        board_release(r->board, second);
    }
    return NULL;
}

static void many_readers(void **state) {
    (void)state;
    enum { READERS = 4, PUTS = 3000 };
    struct board *b = board_create(destroy);
    struct reader readers[READERS] = {0};
    atomic_bool stop = false;
    for (int i = 0; i < READERS; i++) {
        readers[i].board = b;
        readers[i].stop = &stop;
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
    }
    for (int i = 1; i <= PUTS; i++) {
        if (i % 3)
            board_put(b, snapshot_of(i));
        else
            board_amend(b, &(struct service_row){.queued_batches = (uint64_t)i});
        if (i % 64 == 0)
            usleep(200);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i].thread, NULL);
        assert_false(readers[i].wrong);
        assert_true(readers[i].looks > 0);
    }
    board_destroy(b);
    assert_int_equal(destroyed, made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_yet, begin),
        cmocka_unit_test_setup(readers_keep_theirs, begin),
        cmocka_unit_test_setup(amended_again_and_again, begin),
        cmocka_unit_test_setup(ended_while_amended, begin),
        cmocka_unit_test_setup(many_readers, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
