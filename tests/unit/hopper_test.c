/* collector/pipeline/hopper: order, bound, stopping and waking; several producers and one consumer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "pipeline/hopper.h"

static atomic_bool go_on, stopped = true;
static const int64_t second_ns = 1000000000;

static struct batch *take_one(struct hopper *h, int64_t number) {
    struct batch *b = hopper_take(h, &go_on);
    assert_non_null(b);
    b->position.n[0] = number;
    return b;
}

static struct batch *next_now(struct hopper *h) {
    return hopper_next(h, clock_monotonic_ns() + 60 * second_ns);
}

static void one_after_the_other(void **state) {
    (void)state;
    struct hopper *h = hopper_create(100);
    for (int i = 0; i < 50; i++)
        hopper_give(h, take_one(h, i));
    assert_int_equal(hopper_waiting(h), 50);
    for (int i = 0; i < 50; i++) {
        struct batch *b = next_now(h);
        assert_int_equal(b->position.n[0], i);
        assert_null(b->next);
        hopper_free(h, b);
    }
    assert_int_equal(hopper_waiting(h), 0);
    assert_null(hopper_next(h, 0));
    hopper_destroy(h);
    hopper_destroy(NULL);
}

/* A chain counts as many, comes out as it went in, and its batches come back empty. */
static void chains(void **state) {
    (void)state;
    static struct stream stream;
    struct hopper *h = hopper_create(10);
    struct batch *first = take_one(h, 1), *second = take_one(h, 2);
    first->next = second;
    first->count = 7;
    second->note_count = 3;
    second->stream = &stream;
    second->forget = true;
    second->accounting.read = 9;
    assert_true(buf_append_str(&second->raw, "something"));
    hopper_give(h, first);
    hopper_give(h, take_one(h, 3));
    assert_int_equal(hopper_waiting(h), 3);
    struct batch *chain = next_now(h);
    assert_ptr_equal(chain, first);
    assert_ptr_equal(chain->next, second);
    assert_null(second->next);
    assert_int_equal(hopper_waiting(h), 1);
    hopper_free(h, chain);
    hopper_free(h, NULL);
    for (int i = 0; i < 2; i++) {
        struct batch *b = hopper_take(h, &go_on);
        assert_true(b == first || b == second);
        assert_true(!b->next && !b->stream && !b->forget && !b->count && !b->note_count && !b->raw.len);
        assert_true(b->position.n[0] == 0 && b->accounting.read == 0);
        hopper_give(h, b);
    }
    hopper_destroy(h); /* with chains that wait */
}

static void stop_is_seen_at_once(void **state) {
    (void)state;
    struct hopper *h = hopper_create(1);
    assert_null(hopper_take(h, &stopped)); /* there is room, and still */
    hopper_give(h, take_one(h, 1));
    int64_t began = clock_monotonic_ns();
    assert_null(hopper_take(h, &stopped));
    assert_true(clock_monotonic_ns() - began < 10 * second_ns);
    hopper_destroy(h);
}

static void a_deadline_and_a_wake(void **state) {
    (void)state;
    struct hopper *h = hopper_create(1);
    int64_t began = clock_monotonic_ns();
    assert_null(hopper_next(h, began + second_ns / 20));
    assert_true(clock_monotonic_ns() - began >= second_ns / 20);
    hopper_wake(h); /* before the wait: it is not lost */
    assert_null(next_now(h));
    assert_true(clock_monotonic_ns() - began < 30 * second_ns);
    hopper_give(h, take_one(h, 5));
    hopper_wake(h); /* nor does it hide what is there */
    struct batch *b = next_now(h);
    assert_int_equal(b->position.n[0], 5);
    hopper_free(h, b);
    hopper_destroy(h);
}

/* --- threads ------------------------------------------------------------------------------------------------------ */

struct taker {
    struct hopper *hopper;
    atomic_bool stop, done;
    struct batch *got;
};

static void *take_in_thread(void *context) {
    struct taker *t = context;
    t->got = hopper_take(t->hopper, &t->stop);
    atomic_store(&t->done, true);
    return NULL;
}

static void full_means_wait(void **state) {
    (void)state;
    struct hopper *h = hopper_create(2);
    pthread_t thread;
    struct taker t = {.hopper = h};
    hopper_give(h, take_one(h, 1));
    hopper_give(h, take_one(h, 2));
    assert_int_equal(pthread_create(&thread, NULL, take_in_thread, &t), 0);
    usleep(250000);
    assert_false(atomic_load(&t.done));
    struct batch *b = next_now(h);
    pthread_join(thread, NULL);
    assert_non_null(t.got);
    hopper_free(h, b);
    hopper_give(h, t.got);

    t = (struct taker){.hopper = h}; /* full again; a stop, and no room */
    assert_int_equal(pthread_create(&thread, NULL, take_in_thread, &t), 0);
    usleep(20000);
    assert_false(atomic_load(&t.done));
    atomic_store(&t.stop, true);
    hopper_wake(h);
    pthread_join(thread, NULL);
    assert_null(t.got);
    hopper_destroy(h);
}

static void *wake_in_thread(void *context) {
    usleep(50000);
    hopper_wake(context);
    return NULL;
}

static void woken_while_waiting(void **state) {
    (void)state;
    struct hopper *h = hopper_create(2);
    pthread_t thread;
    int64_t began = clock_monotonic_ns();
    assert_int_equal(pthread_create(&thread, NULL, wake_in_thread, h), 0);
    assert_null(next_now(h));
    assert_true(clock_monotonic_ns() - began < 30 * second_ns);
    pthread_join(thread, NULL);
    hopper_destroy(h);
}

enum { PRODUCERS = 5, CHAINS = 20000, BOUND = 16 };

struct producer {
    struct hopper *hopper;
    pthread_t thread;
    unsigned number;
};

/* Chains of one to three batches, numbered through. */
static void *produce(void *context) {
    struct producer *p = context;
    int64_t number = 0;
    for (int i = 0; i < CHAINS; i++) {
        struct batch *first = NULL, **last = &first;
        for (int n = 0; n <= i % 3; n++) {
            struct batch *b = hopper_take(p->hopper, &go_on);
            b->source = p->number;
            b->position.n[0] = number++;
            *last = b;
            last = &b->next;
        }
        hopper_give(p->hopper, first);
    }
    return NULL;
}

static void many_producers(void **state) {
    (void)state;
    struct hopper *h = hopper_create(BOUND);
    struct producer producers[PRODUCERS];
    int64_t expected[PRODUCERS] = {0};
    for (unsigned i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){.hopper = h, .number = i};
        assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
    }
    size_t most = 0;
    for (int i = 0; i < PRODUCERS * CHAINS; i++) {
        size_t waiting = hopper_waiting(h);
        most = waiting > most ? waiting : most;
        struct batch *chain = next_now(h);
        assert_non_null(chain);
        for (struct batch *b = chain; b; b = b->next) {
            assert_true(b->source < PRODUCERS && b->source == chain->source);
            assert_int_equal(b->position.n[0], expected[b->source]++);
        }
        hopper_free(h, chain);
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(producers[i].thread, NULL);
    assert_int_equal(hopper_waiting(h), 0);
    assert_null(hopper_next(h, 0));
    /* Each may have had a chain of three in hand when the bound was reached. */
    assert_true(most <= BOUND + 3 * PRODUCERS);
    hopper_destroy(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_after_the_other),  cmocka_unit_test(chains),
        cmocka_unit_test(stop_is_seen_at_once), cmocka_unit_test(a_deadline_and_a_wake),
        cmocka_unit_test(full_means_wait),      cmocka_unit_test(woken_while_waiting),
        cmocka_unit_test(many_producers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
