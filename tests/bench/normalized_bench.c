/* What the compact form costs, on records of your own (NDJSON, framed as dumps are) from standard input:
 *
 *     normalized_bench [--tag NAME] [--values FILE] < records
 *
 * Each step runs over all of them, again and again for at least two seconds of processor time: reading the JSON alone,
 * reading and normalising (what counting it directly takes), reading and encoding, decoding. With --values the values
 * go into FILE, each behind its length (4 bytes, the highest first); nothing is measured then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/alloc.h"
#include "parsers/frame.h"
#include "parsers/normalized_record.h"

enum step { STEP_READ, STEP_NORMALISE, STEP_ENCODE, STEP_DECODE, STEPS };
static const char *const step_names[STEPS] = {"read the JSON", "read, normalise", "read, encode", "decode"};

static struct {
    struct dictionary dictionary;
    struct normaliser *normaliser;
    struct normalized_reader *reader;
    struct buf text, values;
    uint32_t *lengths;
    size_t records, room, events;
    uint64_t sum; /* so that nothing is left out as unused */
} bench;

static void set_up(const char *tag) {
    struct provider_table *providers = provider_table_create();
    struct err err = {0};
    bench.dictionary = (struct dictionary){.providers = providers,
                                           .knowledge = knowledge_create(providers, &(struct knowledge_files){0}, &err),
                                           .key = {1, 2},
                                           .sets = intern_create(65536),
                                           .identities = intern_create(65536),
                                           .templates = intern_create(1000),
                                           .tags = {intern_create(65536)},
                                           .tag_names = {span_of(tag)},
                                           .tag_count = tag != NULL};
    bench.normaliser = alloc_zeroed(1, sizeof *bench.normaliser);
    normaliser_init(bench.normaliser, &bench.dictionary);
    bench.reader = normalized_reader_create(&bench.dictionary);
    buf_init(&bench.text, (size_t)2 << 30);
    buf_init(&bench.values, (size_t)1 << 30);
}

static void read_input(void) {
    size_t n;
    do {
        if (!buf_reserve(&bench.text, 1 << 20))
            exit(1);
        n = fread(bench.text.data + bench.text.len, 1, 1 << 20, stdin);
        bench.text.len += n;
    } while (n);
}

static void do_record(const struct ses_event *record, enum step step) {
    struct event event;
    if (step == STEP_READ)
        bench.sum += (uint64_t)record->time_ms;
    if (step == STEP_NORMALISE) {
        normalise_begin(bench.normaliser, record);
        while (normalise_next(bench.normaliser, &event))
            bench.sum += event.key;
    }
    if (step != STEP_ENCODE)
        return;
    size_t start = bench.values.len;
    normalized_record_encode(bench.normaliser, record, &bench.values);
    if (bench.values.failed)
        exit(1);
    if (bench.records == bench.room)
        bench.lengths = alloc_resize(bench.lengths, bench.room = 2 * bench.room + 1024, sizeof *bench.lengths);
    bench.lengths[bench.records++] = (uint32_t)(bench.values.len - start);
}

static void run_text(enum step step) {
    struct frame *f = frame_create(json_isa_best());
    struct frame_item item;
    enum frame_result result = FRAME_NEED_TEXT;
    frame_set_tags(f, bench.dictionary.tag_names, bench.dictionary.tag_count);
    frame_begin(f, 0);
    for (size_t at = 0; result != FRAME_END; result = frame_next(f, &item)) {
        if (result == FRAME_EVENT)
            do_record(item.event, step);
        if (result != FRAME_NEED_TEXT)
            continue;
        size_t room, left = bench.text.len - at;
        char *to = frame_space(f, &room);
        size_t n = left < room ? left : room;
        memcpy(to, bench.text.data + at, n);
        at += n;
        frame_filled(f, n, at == bench.text.len);
    }
    frame_destroy(f);
}

static void run_decode(void) {
    const char *at = bench.values.data;
    enum malformed_reason why;
    struct event event;
    bench.events = 0;
    for (size_t i = 0; i < bench.records; at += bench.lengths[i++]) {
        if (!normalized_reader_begin(bench.reader, (struct span){at, bench.lengths[i]}, &why))
            exit(1);
        while (normalized_reader_next(bench.reader, &event)) {
            bench.sum += event.key;
            bench.events++;
        }
    }
}

static void run(enum step step) {
    if (step == STEP_DECODE) {
        run_decode();
        return;
    }
    if (step == STEP_ENCODE) {
        buf_clear(&bench.values);
        bench.records = 0;
    }
    run_text(step);
}

static void write_values(const char *path) {
    FILE *out = fopen(path, "wb");
    const char *at = bench.values.data;
    for (size_t i = 0; out && i < bench.records; at += bench.lengths[i++]) {
        uint32_t n = bench.lengths[i];
        const unsigned char head[4] = {(unsigned char)(n >> 24), (unsigned char)(n >> 16), (unsigned char)(n >> 8),
                                       (unsigned char)n};
        fwrite(head, 1, sizeof head, out);
        fwrite(at, 1, n, out);
    }
    if (!out || fclose(out) != 0) {
        perror(path);
        exit(1);
    }
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void measure(void) {
    double read_ns = 0;
    printf("%zu records, %zu events, %.1f bytes of JSON an event, %.1f bytes of the compact form\n", bench.records,
           bench.events, (double)bench.text.len / (double)bench.events,
           (double)bench.values.len / (double)bench.events);
    for (int step = 0; step < STEPS; step++) {
        double start = seconds();
        unsigned rounds = 0;
        while (seconds() - start < 2) {
            run((enum step)step);
            rounds++;
        }
        double ns = (seconds() - start) * 1e9 / rounds / (double)bench.events;
        read_ns = step == STEP_READ ? ns : read_ns;
        printf("%-16s %7.0f ns an event, %.2f of reading the JSON\n", step_names[step], ns, ns / read_ns);
    }
}

int main(int argc, char **argv) {
    const char *tag = NULL, *values = NULL;
    for (int i = 1; i < argc; i += 2) {
        const char **to = strcmp(argv[i], "--tag") == 0 ? &tag : strcmp(argv[i], "--values") == 0 ? &values : NULL;
        if (!to || i + 1 == argc) {
            fputs("usage: normalized_bench [--tag NAME] [--values FILE] < records\n", stderr);
            return 2;
        }
        *to = argv[i + 1];
    }
    set_up(tag);
    read_input();
    run(STEP_ENCODE);
    run(STEP_DECODE);
    if (values)
        write_values(values);
    else
        measure();
    return bench.sum == 0;
}
