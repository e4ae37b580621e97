/* The simulator: the same seed gives the same bytes, in every form the same records, and every record is sound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "simulate_run.h"

/* --- records ------------------------------------------------------------------------------------------------------ */

static void test_reproducible(void **state) {
    (void)state;
    struct text a = simulate_text(options_of(1, 2000), NULL), b = simulate_text(options_of(1, 2000), NULL);
    struct text c = simulate_text(options_of(2, 2000), NULL);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    assert_true(a.len != c.len || memcmp(a.data, c.data, a.len) != 0);
    free(a.data);
    free(b.data);
    free(c.data);
}

static void test_records_are_sound(void **state) {
    (void)state;
    struct simulate_totals totals;
    struct text text = simulate_text(options_of(5, 8000), &totals);
    const char *p = text.data;
    uint64_t records = 0;
    for (json_t *v; (v = next_value(&p, text.data + text.len)); json_decref(v)) {
        assert_true(json_is_object(v));
        assert_int_equal(strlen(json_string_value(json_object_get(json_object_get(v, "mail"), "messageId"))), 60);
        records++;
    }
    assert_int_equal(records, totals.records);
    assert_int_equal(text.len, totals.bytes);
    assert_true(records > 0);
    if (!records) /* for the analyzer, which does not know that assert_true does not return */
        return;
    assert_in_range(text.len / records, 1600, 2000);
    assert_in_range(totals.duplicates * 1000 / records, 5, 15);
    free(text.data);
}

static void test_framings(void **state) {
    (void)state;
    json_t *want = NULL;
    for (int framing = 0; framing < DUMP_FRAMINGS; framing++) {
        struct simulate_options o = options_of(9, 800);
        o.dump.framing = (enum dump_framing)framing;
        struct text text = simulate_text(o, NULL);
        const char *p = text.data, *end = text.data + text.len;
        json_t *all = framing == DUMP_ARRAY ? next_value(&p, end) : json_array();
        for (json_t *v; (v = next_value(&p, end));)
            json_array_append_new(all, v);
        assert_true(json_array_size(all) > 1000);
        if (!want)
            want = json_incref(all);
        assert_true(json_equal(want, all));
        const char *first_end = strchr(text.data, '\n');
        assert_int_equal(framing == DUMP_NONE, first_end == NULL);
        assert_int_equal(framing == DUMP_CRLF, first_end && first_end[-1] == '\r');
        json_decref(all);
        free(text.data);
    }
    json_decref(want);
}

/* Broken lines stand between the sound ones and change none of them. */
static void test_malformed(void **state) {
    (void)state;
    struct simulate_options o = options_of(21, 1500);
    struct text sound = simulate_text(o, NULL);
    o.malformed_ppm = 100000;
    struct simulate_totals totals;
    struct text mixed = simulate_text(o, &totals);
    char *rest_sound = sound.data, *rest_mixed = mixed.data, *a, *b;
    uint64_t broken = 0;
    while ((b = strsep(&rest_mixed, "\n"))) {
        a = rest_sound ? rest_sound : b;
        size_t len = strcspn(a, "\n");
        if (rest_sound && strlen(b) == len && memcmp(a, b, len) == 0)
            strsep(&rest_sound, "\n");
        else
            broken++;
    }
    assert_null(rest_sound);
    assert_int_equal(broken, totals.malformed);
    assert_in_range(broken * 100 / totals.records, 7, 11);
    free(sound.data);
    free(mixed.data);
}

/* --- objects ------------------------------------------------------------------------------------------------------ */

static uint64_t object_count, object_bytes;

static int visit_object(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)st;
    if (type != FTW_F)
        return type == FTW_DP ? rmdir(path) : 0;
    /* .../2026/11/01/05/ses-events-1-2026-11-01-05-03-20-<uuid>.gz */
    const char *name = path + at->base, *folder = name - 14, *time = strstr(name, "-1-2026");
    assert_non_null(time);
    time += 3;
    assert_memory_equal(folder, "2026/", 5);
    assert_memory_equal(folder + 5, time + 5, 2);
    assert_memory_equal(folder + 8, time + 8, 2);
    assert_memory_equal(folder + 11, time + 11, 2);
    assert_int_equal(strlen(time), 20 + 36 + 3);
    gzFile file = gzopen(path, "rb");
    static char buffer[1 << 17];
    uint64_t bytes = 0;
    for (int n; (n = gzread(file, buffer, sizeof buffer)) != 0; bytes += (uint64_t)n) {
        assert_true(n > 0);
    }
    assert_int_equal(gzclose(file), Z_OK);
    assert_in_range(bytes, 1, 100000);
    object_bytes += bytes;
    object_count++;
    return unlink(path);
}

static void test_folder(void **state) {
    (void)state;
    char folder[] = "/tmp/simulate_test_XXXXXX";
    assert_non_null(mkdtemp(folder));
    struct simulate_options o = options_of(1, 1500);
    o.dump.folder = folder;
    o.dump.gzip = true;
    o.dump.object_size = 100000;
    struct simulate_totals totals = run_all(&o);
    object_count = object_bytes = 0;
    assert_int_equal(nftw(folder, visit_object, 16, FTW_DEPTH | FTW_PHYS), 0);
    assert_int_equal(object_count, totals.objects);
    assert_int_equal(object_bytes, totals.bytes);
    assert_true(totals.late > 0 && object_count > 40);
}

/* --- uneven hours ------------------------------------------------------------------------------------------------- */

/* An hour's share of the day, from the truth that nothing else makes. */
static void hours_of(uint32_t uneven_ppm, uint64_t seed, double hours[24]) {
    char path[] = "/tmp/simulate_test_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    struct simulate_options o = options_of(seed, 24000);
    o.duration_ms = 24LL * 3600000;
    o.uneven_ppm = uneven_ppm;
    o.multi_ppm = 0;
    o.truth = path;
    free(simulate_text(o, NULL).data);
    struct text truth = read_fd(fd);
    memset(hours, 0, 24 * sizeof *hours);
    char *save = NULL;
    for (char *line = strtok_r(truth.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        unsigned hour, records;
        const char *comma = strrchr(line, ','), *before = comma ? memrchr(line, ',', (size_t)(comma - line)) : NULL;
        if (strstr(line, ",send,") && before && sscanf(line, "%*10sT%2u:", &hour) == 1 &&
            sscanf(before, ",%u", &records) == 1)
            hours[hour % 24] += records;
    }
    free(truth.data);
    close(fd);
    unlink(path);
}

/* An hour is up to so much more or less than the curve, each its own way, and otherwise with another seed. */
static void test_uneven(void **state) {
    (void)state;
    double even[24], once[24], again[24], other[24];
    hours_of(0, 1, even);
    hours_of(500000, 1, once);
    hours_of(500000, 1, again);
    hours_of(500000, 2, other);
    int differ = 0, others = 0;
    for (int i = 0; i < 24; i++) {
        assert_true(even[i] > 200);
        assert_true(once[i] == again[i]);
        double ratio = once[i] / even[i]; /* the day has as many all the same, so a little beyond the share */
        assert_true(ratio > 0.4 && ratio < 1.8);
        differ += ratio < 0.9 || ratio > 1.1;
        others += once[i] != other[i];
    }
    assert_true(differ > 10 && others > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reproducible), cmocka_unit_test(test_records_are_sound),
        cmocka_unit_test(test_framings),     cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_folder),       cmocka_unit_test(test_uneven),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
