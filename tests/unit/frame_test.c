/* From a stream of text to records: framings, pieces, damage and what is found behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parsers/frame.h"
#include "unit/sample_records.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- text --------------------------------------------------------------------------------------------------------- */

struct text {
    char *bytes;
    size_t len, size;
};

static void put(struct text *t, const char *bytes, size_t len) {
    if (t->len + len + 1 > t->size) {
        t->size = 2 * (t->len + len + 1);
        t->bytes = realloc(t->bytes, t->size);
        assert_non_null(t->bytes);
    }
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
    t->bytes[t->len] = 0;
}

static void puts_to(struct text *t, const char *s) {
    put(t, s, strlen(s));
}

static void put_times(struct text *t, const char *s, size_t times) {
    for (size_t i = 0; i < times; i++)
        puts_to(t, s);
}

static void clear(struct text *t) {
    free(t->bytes);
    *t = (struct text){0};
}

static uint64_t random_state = 20261122;

static uint32_t random_below(uint32_t n) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % n);
}

/* As Python's json.dumps(indent=...) writes it. */
static void put_pretty(struct text *t, const char *record, size_t indent) {
    size_t depth = 0;
    bool in_string = false;
    for (const char *c = record; *c; c++) {
        if (in_string) {
            put(t, c, 1);
            if (*c == '\\')
                put(t, ++c, 1);
            else if (*c == '"')
                in_string = false;
            continue;
        }
        bool is_empty = (*c == '{' || *c == '[') && (c[1] == '}' || c[1] == ']');
        if (is_empty) {
            put(t, c++, 2);
            continue;
        }
        if (*c == '}' || *c == ']') {
            puts_to(t, "\n");
            put_times(t, " ", --depth * indent);
        }
        put(t, c, 1);
        if (*c == '{' || *c == '[' || *c == ',') {
            depth += *c != ',';
            puts_to(t, "\n");
            put_times(t, " ", depth * indent);
        }
        if (*c == ':')
            puts_to(t, " ");
        in_string = *c == '"';
    }
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* What one call of frame_next gave, as far as it can be compared later. */
struct result {
    enum frame_result kind;
    uint64_t offset;
    size_t len;        /* of raw */
    uint64_t raw_hash; /* FNV-1a */
    int reason;
    enum event_type type;
    int64_t time_ms;
    uint64_t id_hash;
    uint32_t recipients;
};

struct results {
    struct result *all;
    size_t count, size;
    size_t events, filtered, malformed;
    struct result *last;
};

static uint64_t hash(struct span s) {
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.ptr[i]) * 1099511628211u;
    return h;
}

static void keep(struct results *r, enum frame_result kind, const struct frame_item *item) {
    if (r->count == r->size) {
        r->size = r->size ? 2 * r->size : 64;
        r->all = realloc(r->all, r->size * sizeof *r->all);
        assert_non_null(r->all);
    }
    r->last = &r->all[r->count++];
    *r->last = (struct result){.kind = kind, .offset = item->offset, .len = item->raw.len, .reason = -1};
    r->last->raw_hash = hash(item->raw);
    if (kind == FRAME_MALFORMED) {
        r->malformed++;
        r->last->reason = (int)item->reason;
    } else if (kind == FRAME_FILTERED) {
        r->filtered++;
    } else {
        r->events++;
        r->last->type = item->event->type;
        r->last->time_ms = item->event->time_ms;
        r->last->id_hash = hash(item->event->message_id);
        r->last->recipients = ses_recipients_of(item->event).count;
    }
}

static struct frame *frame, *plain_frame; /* for all: what an object leaves behind must not matter for the next */

enum { RANDOM_PIECES = 0 };

/* Reads a text that comes in pieces of `piece` bytes. */
static void read_pieces(const char *text, size_t len, size_t piece, struct results *r) {
    size_t at = 0;
    bool is_over = false;
    r->count = r->events = r->filtered = r->malformed = 0;
    frame_begin(frame, 0);
    while (!is_over) {
        size_t room, n = piece == RANDOM_PIECES ? random_below(300) : piece;
        char *to = frame_space(frame, &room);
        assert_true(room >= FRAME_PIECE);
        n = n < room ? n : room;
        n = n < len - at ? n : len - at;
        memcpy(to, text + at, n);
        at += n;
        frame_filled(frame, n, at == len);
        struct frame_item item;
        enum frame_result kind;
        while ((kind = frame_next(frame, &item)) != FRAME_NEED_TEXT && kind != FRAME_END) {
            assert_true(item.offset + item.raw.len <= at);
            if (item.raw.len)
                assert_memory_equal(item.raw.ptr, text + item.offset, item.raw.len);
            if (r->count)
                assert_true(item.offset >= r->last->offset + (r->last->len < RECORD_MAX_SIZE / 2 ? r->last->len : 0));
            keep(r, kind, &item);
        }
        is_over = kind == FRAME_END;
        assert_int_equal(is_over, at == len);
    }
}

static struct results read_text(const struct text *t) {
    struct results r = {0};
    read_pieces(t->bytes ? t->bytes : "", t->len, FRAME_PIECE, &r);
    return r;
}

static void drop(struct results *r) {
    free(r->all);
    *r = (struct results){0};
}

static void check_same(const struct results *expected, const struct results *found, bool with_raw, const char *what,
                       size_t number) {
    if (expected->count != found->count)
        fail_msg("%s %zu: %zu results, expected %zu", what, number, found->count, expected->count);
    for (size_t i = 0; i < expected->count; i++) {
        const struct result *a = &expected->all[i], *b = &found->all[i];
        bool same = a->kind == b->kind && a->reason == b->reason && a->type == b->type && a->time_ms == b->time_ms &&
                    a->id_hash == b->id_hash && a->recipients == b->recipients;
        if (with_raw)
            same = same && a->offset == b->offset && a->len == b->len && a->raw_hash == b->raw_hash;
        if (!same)
            fail_msg(
                "%s %zu: result %zu differs: kind %d, reason %d, offset %llu, length %zu; expected %d, %d, %llu, %zu",
                what, number, i, (int)b->kind, b->reason, (unsigned long long)b->offset, b->len, (int)a->kind,
                a->reason, (unsigned long long)a->offset, a->len);
    }
}

/* --- a corpus ----------------------------------------------------------------------------------------------------- */

enum { MAX_CORPUS = 64 };
static char *corpus[MAX_CORPUS]; /* good records, bare and in envelopes */
static size_t corpus_size;

static char *with_newline(const char *text) {
    return sample_print(text, "", "\n");
}

static int set_up(void **state) {
    (void)state;
    frame = frame_create(json_isa_best());
    plain_frame = frame_create(JSON_ISA_PLAIN);
    for (size_t i = 0; i < SAMPLE_RECORDS; i++)
        corpus[corpus_size++] = strdup(sample_records[i]);
    corpus[corpus_size++] = sample_in_sns(sample_records[EVENT_BOUNCE]);
    char *line = with_newline(sample_records[EVENT_OPEN]);
    corpus[corpus_size++] = sample_in_sns(line);
    free(line);
    corpus[corpus_size++] = sample_in_eventbridge(sample_records[EVENT_CLICK]);
    corpus[corpus_size++] = sample_in_firehose_error(sample_records[EVENT_REJECT]);
    corpus[corpus_size++] = sample_in_connect(sample_records[EVENT_DELIVERY]);
    corpus[corpus_size++] = strdup("{\"mail\":{\"messageId\":\"m\",\"destination\":[\"a@b\"],\"timestamp\":"
                                   "\"2026-11-20T08:15:30Z\"},\"notificationType\":\"Delivery\"}");
    corpus[corpus_size++] = strdup("{\"Type\":\"Notification\",\"Message\":\"plain text\"}");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    frame_destroy(frame);
    frame_destroy(plain_frame);
    frame_destroy(NULL);
    for (size_t i = 0; i < corpus_size; i++)
        free(corpus[i]);
    return 0;
}

/* --- framings ----------------------------------------------------------------------------------------------------- */

struct framing {
    const char *name, *before, *between, *behind;
    int indent; /* -1: as it is */
};

static const struct framing framings[] = {
    {"newline", "", "\n", "\n", -1},
    {"no last newline", "", "\n", "", -1},
    {"CRLF", "", "\r\n", "\r\n", -1},
    {"nothing between", "", "", "", -1},
    {"nothing between, a newline behind", "", "", "\n", -1},
    {"blank lines", "\n\n", "\n\r\n \t\n", "\n\n\n", -1},
    {"blanks", " ", "  ", "\t", -1},
    {"byte order mark", "\xef\xbb\xbf", "\n", "\n", -1},
    {"a mark before each", "\xef\xbb\xbf", "\n\xef\xbb\xbf", "\n", -1},
    {"record separators", "\x1e", "\n\x1e", "\n", -1},
    {"json.dumps(indent=2)", "", "\n", "\n", 2},
    {"json.dumps(indent=0)", "", "\n", "\n", 0},
    {"indent=4, blank lines", "\n", "\n\n", "\n\n", 4},
    {"indent=2, nothing between", "", "", "", 2},
    {"indent=0, nothing between", "", "", "", 0},
    {"array on one line", "[", ",", "]", -1},
    {"array with blanks", "[ ", " , ", " ]\n", -1},
    {"array, one element a line", "[\n", ",\n", "\n]\n", -1},
    {"array, commas first", "[", "\n,", "\n]", -1},
    {"array, indent=2", "[\n  ", ",\n  ", "\n]\n", 2},
    {"array, indent=0", "[\n", ",\n", "\n]\n", 0},
    {"array after array", "[", "][", "]", -1},
};

static void put_framed(struct text *t, const struct framing *f) {
    puts_to(t, f->before);
    for (size_t i = 0; i < corpus_size; i++) {
        if (i)
            puts_to(t, f->between);
        if (f->indent < 0)
            puts_to(t, corpus[i]);
        else
            put_pretty(t, corpus[i], (size_t)f->indent);
    }
    puts_to(t, f->behind);
}

static void test_framings(void **state) {
    (void)state;
    struct text plain = {0};
    put_framed(&plain, &framings[0]);
    struct results expected = read_text(&plain), found = {0};
    assert_int_equal(expected.events, corpus_size - 1);
    assert_int_equal(expected.filtered, 1);
    assert_int_equal(expected.malformed, 0);
    for (size_t i = 0; i < COUNT(framings); i++) {
        struct text t = {0};
        put_framed(&t, &framings[i]);
        static const size_t pieces[] = {FRAME_PIECE, 1, 7, 64, 1000, RANDOM_PIECES};
        for (size_t p = 0; p < COUNT(pieces); p++) {
            read_pieces(t.bytes, t.len, pieces[p], &found);
            check_same(&expected, &found, false, framings[i].name, pieces[p]);
        }
        clear(&t);
    }
    drop(&expected);
    drop(&found);
    clear(&plain);
}

/* --- pieces ------------------------------------------------------------------------------------------------------- */

/* What stands between the good records of test_pieces. */
static const char *const damages[] = {
    "",
    "\n",
    "garbage\n",
    "{\"eventType\":\"Send\",\"mail\":{\"messageId\":\"cut in a str\n",
    "{\"eventType\":\"Send\",\"mail\":{\"messageId\":\"cut, not delimited",
    "{\"eventType\":\"Send\",\"mail\":",
    "{\"eventType\":\"Send\",\"mail\":\n",
    "{\"eventType\":\"Send\",\"mail\":{\"destination\":[",
    "{\"eventType\":\"Send\",\"mail\":{\"destination\":[\n",
    "{\"eventType\":\"Send\",\"mail\":{\"headers\":[{\"name\":\"a\"},\n",
    "{\"eventType\":\"Send\",\"mail\":{\"headers\":[{\"name\":\"a\"},",
    "{\"version\":broken,\"detail\":{\"eventType\":\"Open\",\"mail\":{\"timestamp\":\"2026-11-20T08:15:30Z\","
    "\"messageId\":\"inner\"}}}\n",
    "{\"version\":broken,\"detail\": {\"eventType\":\"Open\",\"mail\":{\"timestamp\":\"2026-11-20T08:15:30Z\","
    "\"messageId\":\"inner\"}}   \n ,\"x\":1}",
    "}}}\n",
    "}}}",
    "\"\n",
    "\"",
    "\\\"",
    "123 true \"x\" null\n",
    "\xef\xbb",
    "\xef\xbb\xbf\xef",
    "{\"a\":1}{\"b\":2}{\"c\"",
    "{\"a\":{}{}}\n{\"x\" 1}\n",
    "{\"a\":1\n{\n{\"\n\"{\"\n",
    "{ \n \"eventType\" : \"Send\"\n\n\n,\n\"mail\":{\n\"x\"\n\n\n",
    "{                            ",
    "{\"eventType\":\"Send\",\"mail\":{\"timestamp\":\"2026-11-20T08:15:30Z\"}}\n",
};

/* However the text is split, the same results come out in the same order, at the same places. */
static void test_pieces(void **state) {
    (void)state;
    struct results expected = {0}, found = {0};
    for (size_t round = 0; round < COUNT(damages); round++) {
        struct text t = {0};
        for (size_t i = 0; i < 4; i++) {
            puts_to(&t, damages[(round + i * i) % COUNT(damages)]);
            puts_to(&t, corpus[(round * 7 + i) % corpus_size]);
            puts_to(&t, i == 2 ? "" : i == 1 ? "\r\n" : "\n");
        }
        puts_to(&t, damages[round]);
        read_pieces(t.bytes, t.len, FRAME_PIECE, &expected);
        assert_true(expected.events + expected.filtered >= 3);
        for (size_t piece = 1; piece <= 200; piece++) {
            read_pieces(t.bytes, t.len, piece, &found);
            check_same(&expected, &found, true, t.bytes, piece);
        }
        for (size_t i = 0; i < 50; i++) {
            read_pieces(t.bytes, t.len, RANDOM_PIECES, &found);
            check_same(&expected, &found, true, t.bytes, 0);
        }
        clear(&t);
    }
    drop(&expected);
    drop(&found);
}

/* The same for text that is damaged anyhow. */
static void test_pieces_of_random_damage(void **state) {
    (void)state;
    static const char *const alphabet = "{}[]\",:\\\n\r \xef\xbb\xbf\x1e"
                                        "0tn";
    struct results expected = {0}, found = {0};
    for (size_t round = 0; round < 1500; round++) {
        struct text t = {0};
        for (size_t i = 0; i < 4; i++) {
            puts_to(&t,
                    round % 3 ? corpus[random_below((uint32_t)corpus_size)] : damages[random_below(COUNT(damages))]);
            puts_to(&t, random_below(2) ? "\n" : "");
        }
        for (size_t i = random_below(12); t.len && i > 0; i--) {
            size_t at = random_below((uint32_t)t.len), n = random_below(40);
            n = n < t.len - at ? n : t.len - at;
            switch (random_below(4)) {
            case 0: /* cut out */
                memmove(t.bytes + at, t.bytes + at + n, t.len - at - n);
                t.len -= n;
                break;
            case 1: /* copied over another place */
                memmove(t.bytes + random_below((uint32_t)(t.len - n + 1)), t.bytes + at, n);
                break;
            default:
                t.bytes[at] = alphabet[random_below((uint32_t)strlen(alphabet))];
                break;
            }
        }
        read_pieces(t.bytes, t.len, FRAME_PIECE, &expected);
        for (size_t i = 0; i < 8; i++) {
            struct frame *other = frame; /* and with the other instruction set */
            frame = plain_frame;
            plain_frame = other;
            read_pieces(t.bytes, t.len, i < 4 ? RANDOM_PIECES : 1 + random_below(1 + 20 * (uint32_t)i), &found);
            check_same(&expected, &found, true, t.bytes, round);
        }
        clear(&t);
    }
    drop(&expected);
    drop(&found);
}

/* The same near the limits of size, in pieces from a few KiB to the most that fits. */
static void test_pieces_of_large_records(void **state) {
    (void)state;
    static const size_t sizes[] = {RECORD_MAX_SIZE - 200000, RECORD_MAX_SIZE - 40, RECORD_MAX_SIZE + 60, 3000000};
    static const char *const ends[] = {"\"}\n", "\"}", "\n", "", "\"}}{\"x\"", "\",\"y\":{\"eventType\":"};
    struct results expected = {0}, found = {0};
    for (size_t s = 0; s < COUNT(sizes); s++) {
        for (size_t e = 0; e < COUNT(ends); e++) {
            struct text t = {0};
            puts_to(&t, corpus[0]);
            puts_to(&t, "\n{\"eventType\":\"Send\",\"x\":\"");
            put_times(&t, "0123456789abcdef{[]}", sizes[s] / 20);
            puts_to(&t, ends[e]);
            puts_to(&t, corpus[1]);
            puts_to(&t, "\n");
            puts_to(&t, corpus[2]);
            read_pieces(t.bytes, t.len, FRAME_PIECE, &expected);
            assert_int_equal(expected.events, 3);
            assert_in_range(expected.malformed, 1, 2);
            assert_true(expected.all[1].len <= RECORD_MAX_SIZE);
            for (size_t piece = 30011; piece < FRAME_PIECE; piece += 17003) {
                read_pieces(t.bytes, t.len, piece, &found);
                check_same(&expected, &found, false, ends[e], piece);
            }
            clear(&t);
        }
    }
    drop(&expected);
    drop(&found);
}

/* --- cut records -------------------------------------------------------------------------------------------------- */

static const char next_bare[] = "{\"eventType\":\"Complaint\",\"mail\":{\"timestamp\":\"2026-11-20T08:15:30Z\","
                                "\"messageId\":\"next\"},\"complaint\":{}}";
static const char next_mail_first[] = "{\"mail\":{\"timestamp\":\"2026-11-20T08:15:30Z\",\"messageId\":\"next\"},"
                                      "\"eventType\":\"Complaint\"}";

struct cut {
    const char *name;
    char *record; /* to be cut */
    char *next;
    const char *between, *behind; /* the cut record and the next; the next and one more */
};

/* Whether all that a cut took is an envelope's last bracket: the record inside is whole, and counts. (Before a comma it
 * does not: there the envelope seems to go on.) */
static bool is_inner_whole(const struct cut *c, size_t n) {
    return n + 1 == strlen(c->record) && c->between[0] != ',' && strstr(c->record, "\"payload\":{");
}

/* Reads a record cut behind `n` bytes. The two behind it must come out whole; the cut one is one piece of damage, and
 * gives no event of its own. */
static void check_cut(const struct cut *c, size_t n, struct text *t, struct results *r) {
    t->len = 0;
    put(t, c->record, n);
    puts_to(t, c->between);
    puts_to(t, c->next);
    puts_to(t, c->behind);
    puts_to(t, corpus[0]);
    read_pieces(t->bytes, t->len, FRAME_PIECE, r);
    size_t next = 0, last = 0;
    for (size_t i = 0; i < r->count; i++) {
        next += r->all[i].kind == FRAME_EVENT && r->all[i].id_hash == hash(SPAN_LIT("next"));
        last += r->all[i].kind == FRAME_EVENT && r->all[i].id_hash == hash(SPAN_LIT(SAMPLE_ID));
    }
    bool is_whole = n == strlen(c->record);
    size_t malformed = n == 0 || is_whole ? 0 : 1, events = is_whole || is_inner_whole(c, n) ? 3 : 2;
    if (next != 1 || last != events - 1 || r->malformed != malformed || r->events != events || r->filtered)
        fail_msg("%s, cut at %zu of %zu: %zu malformed, %zu events, the next %zu times\n%s", c->name, n,
                 strlen(c->record), r->malformed, r->events, next, t->bytes);
}

static void check_cuts(const struct cut *c, size_t from, size_t step) {
    struct text t = {0};
    struct results r = {0};
    for (size_t n = from; n <= strlen(c->record); n += step)
        check_cut(c, n, &t, &r);
    clear(&t);
    drop(&r);
}

static char *pretty(const char *record, size_t indent) {
    struct text t = {0};
    put_pretty(&t, record, indent);
    return t.bytes;
}

/* Every `step`th place to cut at, others for each pair of records. */
static void check_cuts_with(const char *name, const char *between, const char *behind, size_t step) {
    char *records[] = {strdup(corpus[EVENT_BOUNCE]), sample_in_sns(corpus[EVENT_OPEN]),
                       sample_in_firehose_error(corpus[EVENT_OPEN]), sample_in_connect(corpus[EVENT_REJECT]),
                       strdup(corpus[EVENT_SUBSCRIPTION])};
    char *nexts[] = {strdup(next_bare),        strdup(next_mail_first),
                     sample_in_sns(next_bare), sample_in_eventbridge(next_bare),
                     pretty(next_bare, 2),     pretty(next_mail_first, 0)};
    for (size_t i = 0; i < COUNT(records); i++)
        for (size_t j = 0; j < COUNT(nexts); j++)
            check_cuts(&(struct cut){name, records[i], nexts[j], between, behind}, (i + j) % step, step);
    for (size_t i = 0; i < COUNT(records); i++)
        free(records[i]);
    for (size_t i = 0; i < COUNT(nexts); i++)
        free(nexts[i]);
}

static void test_cut_lines(void **state) {
    (void)state;
    check_cuts_with("newline", "\n", "\n", 1);
    check_cuts_with("CRLF", "\r\n", "\r\n", 3);
    check_cuts_with("blank lines", "\n\n", "\n\n", 3);
}

static void test_cut_without_lines(void **state) {
    (void)state;
    check_cuts_with("nothing between", "", "", 1);
    check_cuts_with("nothing between the cut and the next", "", "\n", 3);
}

static void test_cut_in_arrays(void **state) {
    (void)state;
    check_cuts_with("array, one element a line", ",\n", ",\n", 3);
    check_cuts_with("array on one line", ",", ",", 3);
}

/* --- garbage, sizes, depth ------------------------------------------------------------------------------------------
 */

struct damage_case {
    const char *text;
    const char *expected; /* E event, F filtered, M malformed, in their order */
};

#define GOOD "{\"eventType\":\"Open\",\"mail\":{\"timestamp\":\"2026-11-20T08:15:30Z\",\"messageId\":\"m\"}}"
#define LINE GOOD "\n"

static const struct damage_case damage_cases[] = {
    {"", ""},
    {"\n", ""},
    {" \r\n\t", ""},
    {"\xef\xbb\xbf", ""},
    {"[]", ""},
    {"[\n]\n", ""},
    {GOOD, "E"},
    {"\n\n" GOOD, "E"},
    {LINE GOOD, "EE"},
    {"\xef", "M"},
    {"\xef\xbb", "M"},
    {"{", "M"},
    {"{\n", "M"},
    {"{}", "M"},
    {"{}{}", "MM"},
    {"{}\n{}\n", "MM"},
    {"x", "M"},
    {"null\n", "M"},
    {"7\n" LINE, "ME"},
    {"\"text\"\n" LINE, "ME"},
    {"timestamp=2026 level=info\n" LINE "GET / HTTP/1.1\n" LINE, "MEME"},
    {"<html>\n<body>\n" LINE, "MME"},
    {"a\nb\nc\n", "MMM"},
    {"a\n\n\nb\n", "MM"},
    {LINE "garbage" GOOD "\n" LINE, "EMEE"},
    {GOOD "garbage\n" LINE, "EME"},
    {GOOD "garbage" GOOD, "EME"},
    {GOOD "}" GOOD, "EME"},
    {GOOD "}\n" GOOD, "EME"},
    {GOOD "\"" GOOD, "EME"},
    {GOOD "\"\n" GOOD, "EME"},
    {GOOD "\\\"" GOOD, "EME"},
    {GOOD ",," GOOD "][" GOOD, "EEE"},
    {"[" GOOD ",broken," GOOD "]", "EME"},
    {"[" GOOD ",{\"eventType\":\"Open\",\"mail\":7}," GOOD "]", "EME"},
    /* Two broken lines in a row are two. */
    {"{\"eventType\":\"Open\",\"mail\":{\"mess\n{\"eventType\":\"Open\",\"ma\n" LINE, "MME"},
    {"{\"eventType\":\"Open\",\"mail\":{\n{\"eventType\":\"Open\",\"mail\":{\n" LINE, "MME"},
    {"{\"eventType\":\"Open\",\"mail\":{\"messageId\":\"m,\n{\"mail\":{\"messageId\":\"m\n" LINE, "MME"},
    {"{\"eventType\":\"Open\",\n{\"eventType\":\"Open\",\n{\"eventType\":\"Open\",\n" LINE, "MMME"},
    {"{\"eventType\":\"Open\" \"x\"}\n{\"eventType\":\"Open\" \"x\"}\n" LINE, "MME"},
    {"{\"eventType\":\"Open\"\n{\"mail\":{}\n" LINE, "MME"},
    /* Side by side they are one: only a good record or a line's end ends damage. */
    {"{\"eventType\":\"Open\" \"x\"}{\"eventType\":\"Open\" \"x\"}" GOOD, "ME"},
    {"{\"eventType\":\"Open\",\"mail\":{\"me{\"eventType\":\"Open\",\"mail\":{\"me" GOOD, "ME"},
    /* A record that is whole, and lacks something, ends where it ends. */
    {"{\"eventType\":\"Open\"}" GOOD, "ME"},
    {"{\"eventType\":\"Open\"}\n" GOOD, "ME"},
    /* Broken in the middle of a pretty-printed record. */
    {"{\n  \"eventType\": \"Open\",\n  \"mail\": {\n    \"messageId\" \"m\"\n  }\n}\n" GOOD "\n", "ME"},
    {"{\n  \"eventType\": \"Open\",\n  \"mail\": {\n    \"messageId\": \"m\n" GOOD "\n", "ME"},
    {"{\n  \"eventType\": \"Open\",\n  \"mail\": {\n    \"messageId\": \n" GOOD "\n", "ME"},
    {"{\n  \"eventType\": \"Open\",\n  \"mail\": {\n    \"headers\": [\n" GOOD "\n", "ME"},
    /* What a broken envelope holds goes down with it, */
    {"{\"detail-type\":broken,\"detail\":" GOOD "}\n" GOOD, "ME"},
    {"{\"detail-type\":broken,\"detail\": " GOOD " }\n" GOOD, "ME"},
    {"{\"payload\":" GOOD ",\"schema\":broken}\n" GOOD, "ME"},
    {"{\"version\":broken,\"detail\":" GOOD "}{\"detail\":" GOOD "}", "ME"},
    /* but not the record behind one that was cut at a colon. */
    {"{\"eventType\":\"Open\",\"mail\":" GOOD, "ME"},
    {"{\"eventType\":\"Open\",\"mail\":" GOOD "\n" GOOD, "MEE"},
    {"{\"eventType\":\"Open\",\"mail\":" GOOD GOOD, "MEE"},
    {"{\"eventType\":\"Open\",\"mail\":\n" GOOD "\n" GOOD, "MEE"},
    {"[{\"eventType\":\"Open\",\"mail\":,\n" GOOD ",\n" GOOD "]", "MEE"},
    /* Cut in the middle of a word or number. */
    {"{\"eventType\":\"Open\",\"x\":fal" GOOD, "ME"},
    {"{\"eventType\":\"Open\",\"x\":12" GOOD "\n" GOOD, "MEE"},
    {"{\"eventType\":\"Open\",\"x\":12\n" GOOD "\n" GOOD, "MEE"},
    {"{\"eventType\":\"Open\",\"x\":\"\\" GOOD, "ME"},
    {"{\"eventType\":\"Open\",\"x\":\"\\\n" GOOD, "ME"},
    /* The last one. */
    {LINE "{\"eventType\":\"Open\",\"mail\":{\"timest", "EM"},
    {LINE "{\"eventType\":\"Open\",\"mail\":{\"timest\n", "EM"},
    {GOOD "{\"eventType\":\"Open\",\"mail\":[1,2,", "EM"},
    {GOOD "{\"eventType\":\"Open\",\"mail\":[1,2,\n\n\n", "EM"},
    {LINE "{\"notificationType\":\"Received\"}", "EF"},
    {"{\"Message\":\"text\"}" GOOD "{\"Message\":\"text\"}\n" GOOD, "FEFE"},
};

static const char *in_letters(const struct results *r) {
    static char letters[64];
    assert_true(r->count < sizeof letters);
    for (size_t i = 0; i < r->count; i++)
        letters[i] = "EFM"[r->all[i].kind];
    letters[r->count] = 0;
    return letters;
}

static void test_damage(void **state) {
    (void)state;
    struct results r = {0};
    for (size_t i = 0; i < COUNT(damage_cases); i++) {
        const struct damage_case *c = &damage_cases[i];
        for (size_t piece = 0; piece < 40; piece++) {
            read_pieces(c->text, strlen(c->text), piece, &r);
            if (strcmp(in_letters(&r), c->expected) != 0)
                fail_msg("%s: %s, expected %s (pieces of %zu)", c->text, in_letters(&r), c->expected, piece);
        }
    }
    drop(&r);
}

static void check_reason(const char *text, enum malformed_reason reason, const char *raw) {
    struct results r = {0};
    read_pieces(text, strlen(text), FRAME_PIECE, &r);
    assert_int_equal(r.malformed, 1);
    assert_int_equal(r.all[0].reason, reason);
    assert_int_equal(r.all[0].offset, 0);
    assert_int_equal(r.all[0].len, strlen(raw));
    assert_int_equal(r.all[0].raw_hash, hash(span_of(raw)));
    drop(&r);
}

/* Why, and which bytes: the line without its end. */
static void test_reasons(void **state) {
    (void)state;
    check_reason("x y\r\n" LINE, MALFORMED_NOT_JSON, "x y");
    check_reason("{\"a\" 1}\n" LINE, MALFORMED_STRUCTURE, "{\"a\" 1}");
    check_reason("{\"a\":1}\n" LINE, MALFORMED_NOT_SES, "{\"a\":1}");
    check_reason("{\"a\":1", MALFORMED_TRUNCATED, "{\"a\":1");
    check_reason("{\"a\":", MALFORMED_TRUNCATED, "{\"a\":");
    check_reason("{\"eventType\":\"Open\"" GOOD, MALFORMED_STRUCTURE, "{\"eventType\":\"Open\"");
}

static void check_sizes(struct text *t, const char *expected, enum malformed_reason reason) {
    struct results r = read_text(t);
    assert_string_equal(in_letters(&r), expected);
    for (size_t i = 0; i < r.count; i++) {
        if (r.all[i].kind == FRAME_MALFORMED) {
            assert_int_equal(r.all[i].reason, reason);
            assert_true(r.all[i].len <= RECORD_MAX_SIZE);
        }
    }
    drop(&r);
    clear(t);
}

/* A record whose Subject fills it up to exactly `size` bytes. */
static void put_sized(struct text *t, size_t size) {
    static const char head[] = "{\"eventType\":\"Open\",\"mail\":{\"timestamp\":\"2026-11-20T08:15:30Z\",\"messageId\":"
                               "\"m\",\"commonHeaders\":{\"subject\":\"",
                      tail[] = "\"}}}";
    puts_to(t, head);
    put_times(t, "x", size - (sizeof head - 1) - (sizeof tail - 1));
    puts_to(t, tail);
}

static void test_large_records(void **state) {
    (void)state;
    struct text t = {0};
    for (int is_delimited = 0; is_delimited <= 1; is_delimited++) {
        const char *end = is_delimited ? "\n" : "";
        put_sized(&t, RECORD_MAX_SIZE);
        puts_to(&t, end);
        puts_to(&t, GOOD);
        check_sizes(&t, "EE", MALFORMED_TOO_LARGE);

        put_sized(&t, RECORD_MAX_SIZE + 1);
        puts_to(&t, end);
        puts_to(&t, GOOD);
        check_sizes(&t, "ME", MALFORMED_TOO_LARGE);

        puts_to(&t, LINE);
        put_sized(&t, 5 * RECORD_MAX_SIZE);
        puts_to(&t, end);
        puts_to(&t, GOOD);
        check_sizes(&t, "EME", MALFORMED_TOO_LARGE);

        put_sized(&t, RECORD_MAX_SIZE + 70000);
        puts_to(&t, end);
        put_sized(&t, RECORD_MAX_SIZE - 70000);
        puts_to(&t, end);
        put_sized(&t, RECORD_MAX_SIZE + 200000);
        puts_to(&t, end);
        check_sizes(&t, "MEM", MALFORMED_TOO_LARGE);
    }
    put_times(&t, "no line ends here, ", 5 * RECORD_MAX_SIZE / 19);
    puts_to(&t, "\n" GOOD);
    check_sizes(&t, "ME", MALFORMED_NOT_JSON);

    put_times(&t, "no line ends here, ", 5 * RECORD_MAX_SIZE / 19);
    puts_to(&t, GOOD);
    check_sizes(&t, "ME", MALFORMED_NOT_JSON);

    put_times(&t, "{\"a\":[1,", 3 * RECORD_MAX_SIZE / 8);
    puts_to(&t, "\n" GOOD);
    check_sizes(&t, "ME", MALFORMED_TOO_DEEP);

    /* A good record of nearly the greatest size behind damage of some size. */
    for (size_t damage = 1; damage < RECORD_MAX_SIZE; damage = damage * 5 + 3) {
        put_times(&t, "!", damage);
        put_sized(&t, RECORD_MAX_SIZE - 3);
        puts_to(&t, GOOD);
        check_sizes(&t, "MEE", MALFORMED_NOT_JSON);
    }
    /* A whole MiB of nothing in the middle. */
    puts_to(&t, LINE);
    put_times(&t, " \n", RECORD_MAX_SIZE);
    puts_to(&t, GOOD);
    check_sizes(&t, "EE", MALFORMED_NOT_JSON);
    puts_to(&t, "{\"eventType\":\"Open\"");
    put_times(&t, " \n", RECORD_MAX_SIZE);
    puts_to(&t, GOOD);
    check_sizes(&t, "ME", MALFORMED_TOO_LARGE);
}

static void test_depth_bombs(void **state) {
    (void)state;
    static const char *const bombs[] = {"{\"a\":",    "{\"a\":[",     "[{\"a\":",         "{\"a\":\n",
                                        "{\"mail\":", "{\"detail\":", "{\"eventType\":[", "{\"payload\":{\"Message\":"};
    struct text t = {0};
    for (size_t i = 0; i < COUNT(bombs); i++) {
        put_times(&t, bombs[i], 1000000);
        puts_to(&t, "\n\n" GOOD "\n");
        struct results r = read_text(&t);
        assert_int_equal(r.events, 1);
        assert_int_equal(r.last->kind, FRAME_EVENT);
        assert_int_equal(r.malformed, 1);
        assert_int_equal(r.all[0].reason, MALFORMED_TOO_DEEP);
        drop(&r);
        clear(&t);
    }
    /* Brackets alone stand between values. */
    put_times(&t, "[", 1000000);
    puts_to(&t, GOOD);
    put_times(&t, "]", 1000000);
    check_sizes(&t, "E", MALFORMED_TOO_DEEP);
}

/* An object may begin anywhere in a whole: offsets are those of the whole; and nothing is left of the one before. */
static void test_objects_follow_each_other(void **state) {
    (void)state;
    static const char *const before[] = {"", "{\"eventType\":\"Open\",\"mail\":{\"cut", "garbage \"", "\xef"};
    for (size_t i = 0; i < COUNT(before); i++) {
        size_t room;
        struct frame_item item;
        frame_begin(frame, 0);
        memcpy(frame_space(frame, &room), before[i], strlen(before[i]));
        frame_filled(frame, strlen(before[i]), false);
        assert_int_equal(frame_next(frame, &item), FRAME_NEED_TEXT);
        frame_begin(frame, 5000000000);
        memcpy(frame_space(frame, &room), "x\n" LINE, strlen("x\n" LINE));
        frame_filled(frame, strlen("x\n" LINE), true);
        assert_int_equal(frame_next(frame, &item), FRAME_MALFORMED);
        assert_int_equal(item.offset, 5000000000);
        assert_int_equal(frame_next(frame, &item), FRAME_EVENT);
        assert_int_equal(item.offset, 5000000002);
        assert_int_equal(frame_next(frame, &item), FRAME_END);
    }
}

static void test_tags(void **state) {
    (void)state;
    const struct span names[] = {SPAN_LIT("campaign"), SPAN_LIT("nowhere")};
    struct text t = {0};
    size_t room;
    struct frame_item item;
    frame_set_tags(frame, names, 2);
    frame_begin(frame, 0);
    puts_to(&t, corpus[0]);
    memcpy(frame_space(frame, &room), t.bytes, t.len);
    frame_filled(frame, t.len, true);
    assert_int_equal(frame_next(frame, &item), FRAME_EVENT);
    assert_true(span_is(item.event->tag_values[0], "spring"));
    assert_int_equal(item.event->tag_values[1].len, 0);
    frame_set_tags(frame, NULL, 0);
    clear(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_framings),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_pieces_of_random_damage),
        cmocka_unit_test(test_pieces_of_large_records),
        cmocka_unit_test(test_cut_lines),
        cmocka_unit_test(test_cut_without_lines),
        cmocka_unit_test(test_cut_in_arrays),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_large_records),
        cmocka_unit_test(test_depth_bombs),
        cmocka_unit_test(test_objects_follow_each_other),
        cmocka_unit_test(test_tags),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
