#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/networks.h"
#include "random_numbers.h"

static struct networks *networks_of(const char *const *texts) {
    struct networks *n = networks_create();
    for (int i = 0; texts[i]; i++)
        assert_true(networks_add(n, span_of(texts[i]), i));
    networks_finish(n);
    return n;
}

static void longest_prefix_wins(void **state) {
    (void)state;
    static const char *const texts[] = {"10.0.0.0/8",
                                        "10.1.0.0/16",
                                        "10.1.2.0/24",
                                        "10.1.2.3",
                                        "192.0.2.128/25",
                                        "2001:db8::/32",
                                        "2001:db8:1::/48",
                                        "2001:db8:1::7/128",
                                        "198.51.100.7/32",
                                        "::ffff:203.0.113.0/120",
                                        NULL};
    static const struct {
        const char *address;
        int number;
    } cases[] = {
        {"10.0.0.0", 0},        {"10.255.255.255", 0},
        {"10.1.0.1", 1},        {"10.1.2.2", 2},
        {"10.1.2.3", 3},        {"11.0.0.0", -1},
        {"9.255.255.255", -1},  {"192.0.2.127", -1},
        {"192.0.2.128", 4},     {"192.0.2.255", 4},
        {"2001:db8::1", 5},     {"2001:db8:1::1", 6},
        {"2001:db8:1::7", 7},   {"2001:db9::", -1},
        {"2001:DB8:1::7", 7},   {"198.51.100.7", 8},
        {"198.51.100.6", -1},   {"203.0.113.200", 9},
        {"::ffff:10.1.2.3", 3}, {"::ffff:a01:203", 3},
        {"::10.1.2.3", -1},     {"::", -1},
        {"0.0.0.0", -1},        {"255.255.255.255", -1},
        {"::ffff:9.1.2.3", -1}, {"2001:db8:1:0:0:0:0:7", 7},
    };
    struct networks *n = networks_of(texts);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (networks_find(n, span_of(cases[i].address)) != cases[i].number)
            fail_msg("%s: %d", cases[i].address, networks_find(n, span_of(cases[i].address)));
    }
    networks_destroy(n);
}

static void what_is_no_address_is_nowhere(void **state) {
    (void)state;
    static const char *const all[] = {"0.0.0.0/0", "::/0", NULL};
    struct networks *n = networks_of(all);
    assert_int_equal(networks_find(n, SPAN_LIT("192.0.2.1")), 0);
    assert_int_equal(networks_find(n, SPAN_LIT("fe80::1")), 1);
    static const char *const bad[] = {"",
                                      " ",
                                      "192.0.2.1 ",
                                      " 192.0.2.1",
                                      "192.0.2",
                                      "192.0.2.256",
                                      "192.0.2.01",
                                      "192.0.2.1.1",
                                      "192.0.2.1/32",
                                      "-1.0.2.1",
                                      "fe80::1%eth0",
                                      "[::1]",
                                      "::1::",
                                      ":",
                                      "12345::",
                                      "1:2:3:4:5:6:7:8:9",
                                      "0x7f.1",
                                      "example.com",
                                      "00000000000000000000000000000000000000000000000000000000000000000000000::1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(networks_find(n, span_of(bad[i])), -1);
    assert_int_equal(networks_find(n, (struct span){"192.0.2.1\0", 10}), -1);
    assert_int_equal(networks_find(n, (struct span){NULL, 0}), -1);
    networks_destroy(n);
}

static void bad_networks_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "/8",
                                      "10.0.0.0/",
                                      "10.0.0.0/33",
                                      "10.0.0.0/08",
                                      "10.0.0.0/x",
                                      "10.0.0.0/-1",
                                      "10.0.0.1/8",
                                      "10.0.0.0/8 ",
                                      "10.0.0.0/8/8",
                                      "::/129",
                                      "2001:db8::1/64",
                                      "ten/8",
                                      "::ffff:10.0.0.1/100"};
    struct networks *n = networks_create();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (networks_add(n, span_of(bad[i]), 1))
            fail_msg("%s was taken", bad[i]);
    networks_finish(n);
    assert_int_equal(networks_find(n, SPAN_LIT("10.0.0.1")), -1);
    networks_destroy(n);
    networks_destroy(NULL);
}

static void of_two_equal_ones_the_first_stays(void **state) {
    (void)state;
    static const char *const texts[] = {"10.0.0.0/8", "10.0.0.0/8", "::ffff:10.0.0.0/104", "0.0.0.0/0", NULL};
    struct networks *n = networks_of(texts);
    assert_int_equal(networks_find(n, SPAN_LIT("10.9.9.9")), 0);
    assert_int_equal(networks_find(n, SPAN_LIT("11.9.9.9")), 3);
    assert_int_equal(networks_find(n, SPAN_LIT("::1")), -1);
    networks_destroy(n);
}

/* The naive reading: every network, bit by bit. */
struct plain_network {
    int family, length;
    unsigned char bytes[16];
};

static bool covers(const struct plain_network *n, int family, const unsigned char *address) {
    if (n->family != family)
        return false;
    for (int bit = 0; bit < n->length; bit++)
        if ((n->bytes[bit / 8] ^ address[bit / 8]) >> (7 - bit % 8) & 1)
            return false;
    return true;
}

static int find_plainly(const struct plain_network *all, int count, int family, const unsigned char *address) {
    int best = -1;
    for (int i = 0; i < count; i++)
        if (covers(&all[i], family, address) && (best < 0 || all[i].length > all[best].length))
            best = i;
    return best;
}

/* Few different bits, so that networks lie in one another. */
static void random_bytes(uint64_t *r, int count, unsigned char *bytes) {
    for (int i = 0; i < count; i++)
        bytes[i] = (unsigned char)(below(r, 4) ? 0x20 : below(r, 256));
}

static void agrees_with_a_naive_reading(void **state) {
    (void)state;
    enum { NETWORKS = 400, LOOK_UPS = 20000 };
    static struct plain_network plain[NETWORKS];
    uint64_t r = 7;
    struct networks *n = networks_create();
    for (int i = 0; i < NETWORKS; i++) {
        struct plain_network *p = &plain[i];
        p->family = below(&r, 2) ? AF_INET : AF_INET6;
        int bits = p->family == AF_INET ? 32 : 128;
        p->length = (int)below(&r, (unsigned)bits + 1);
        random_bytes(&r, bits / 8, p->bytes);
        for (int bit = p->length; bit < bits; bit++)
            p->bytes[bit / 8] &= (unsigned char)~(0x80 >> bit % 8);
        char text[64], network[80];
        assert_non_null(inet_ntop(p->family, p->bytes, text, sizeof text));
        snprintf(network, sizeof network, "%s/%d", text, p->length);
        assert_true(networks_add(n, span_of(network), i));
    }
    networks_finish(n);
    int hits = 0;
    for (int i = 0; i < LOOK_UPS; i++) {
        unsigned char bytes[16];
        char text[64];
        int family = below(&r, 2) ? AF_INET : AF_INET6;
        random_bytes(&r, 16, bytes);
        assert_non_null(inet_ntop(family, bytes, text, sizeof text));
        int wanted = find_plainly(plain, NETWORKS, family, bytes);
        assert_int_equal(networks_find(n, span_of(text)), wanted);
        hits += wanted >= 0;
    }
    assert_true(hits > LOOK_UPS / 20); /* or the comparison is of nothing */
    networks_destroy(n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(longest_prefix_wins),         cmocka_unit_test(what_is_no_address_is_nowhere),
        cmocka_unit_test(bad_networks_are_refused),    cmocka_unit_test(of_two_equal_ones_the_first_stays),
        cmocka_unit_test(agrees_with_a_naive_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
