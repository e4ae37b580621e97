/* The page: what it says, that its markup is sound, and that nothing from data becomes markup. How it looks, and what a
 * browser makes of it: tests/integration/page.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>

#include "rich_snapshot.h"
#include "sinks/page.h"
#include "sinks/page_parts.h"

static char *page_of(const struct snapshot *s) {
    char *text = NULL;
    struct err err = {0};
    MADE_UP_TEXT(text, assert_true(page_write(out, s, &err)));
    return text;
}

static void expect(const char *page, const char *piece) {
    if (!strstr(page, piece))
        fail_msg("missing: %s", piece);
}

static void expect_not(const char *page, const char *piece) {
    if (strstr(page, piece))
        fail_msg("there is: %s", piece);
}

static size_t count_of(const char *page, const char *piece) {
    size_t n = 0;
    for (const char *at = page; (at = strstr(at, piece)); at += strlen(piece))
        n++;
    return n;
}

/* From one piece of the page to another. Returns new. */
static char *between(const char *page, const char *from, const char *to) {
    const char *a = strstr(page, from);
    assert_non_null(a);
    const char *b = strstr(a + strlen(from), to);
    assert_non_null(b);
    return strndup(a, (size_t)(b - a));
}

/* Every element closed in its turn, every attribute in quotes, no bare < > & " in text. Fails at what it does not
 * understand. */
struct markup {
    char open[32][16];
    size_t depth;
};

static const char *skip_tag(struct markup *m, const char *at) {
    char name[16] = "";
    bool closing = at[1] == '/';
    const char *p = at + 1 + closing;
    for (size_t n = 0; isalnum((unsigned char)*p) && n < sizeof name - 1; p++)
        name[n++] = *p;
    while (*p == ' ' || *p == '\n') {
        while (isalpha((unsigned char)*++p) || *p == '-')
            ;
        if (*p == '=') {
            assert_int_equal(p[1], '"');
            p = strchr(p + 2, '"');
            assert_non_null(p);
            p++;
        }
    }
    bool empty = *p == '/' && p[1] == '>';
    p += empty;
    if (!*name || *p != '>')
        fail_msg("no tag: %.80s", at);
    if (closing) {
        if (m->depth == 0 || strcmp(m->open[--m->depth], name) != 0)
            fail_msg("closes what is not open: %.80s", at);
    } else if (!empty && strcmp(name, "meta") != 0 && strcmp(name, "link") != 0) {
        assert_true(m->depth < MADE_UP_COUNT(m->open));
        strcpy(m->open[m->depth++], name);
    }
    bool raw = !closing && (strcmp(name, "style") == 0 || strcmp(name, "script") == 0);
    return raw ? strstr(p, strcmp(name, "style") == 0 ? "</style>" : "</script>") : p + 1;
}

static void expect_sound(const char *page) {
    static const char begin[] = "<!DOCTYPE html>\n";
    struct markup m = {.depth = 0};
    assert_memory_equal(page, begin, strlen(begin));
    for (const char *at = page + strlen(begin); at && *at;) {
        if (*at == '<') {
            at = skip_tag(&m, at);
            continue;
        }
        size_t entity = *at == '&' ? strspn(at + 1, "#abcdefghijklmnopqrstuvwxyz0123456789") : 0;
        if (*at == '>' || (*at == '&' && at[1 + entity] != ';'))
            fail_msg("bare: %.80s", at);
        at++;
    }
    assert_int_equal(m.depth, 0);
}

static void escapes(void **state) {
    (void)state;
#define BAD "\xef\xbf\xbd"
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"plain", "plain"},
        {"", ""},
        {NULL, ""},
        {"<b>&amp;\"'", "&lt;b&gt;&amp;amp;&quot;&#39;"},
        {"\xea\xb0\x80\xf0\x9f\x93\xa7", "\xea\xb0\x80\xf0\x9f\x93\xa7"},
        {"a\nb\tc\r\x01\x7f", "a" BAD "b" BAD "c" BAD BAD BAD},
        {"\xff\xfe", BAD BAD},
        {"\xc0\xbc", BAD BAD},                 /* an overlong < */
        {"\xed\xa0\x80", BAD BAD BAD},         /* a surrogate */
        {"\xe2\x80\xae\xe2\x80\x8b", BAD BAD}, /* right to left from here; a blank without width */
        {"\xe2\x80", BAD BAD},                 /* cut off */
    };
    for (size_t i = 0; i < MADE_UP_COUNT(cases); i++) {
        char *text = NULL;
        MADE_UP_TEXT(text, page_text(out, cases[i].text));
        assert_string_equal(text, cases[i].expected);
        free(text);
    }
}

static void durations(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *expected;
    } cases[] = {{-5000, "0 s"},
                 {999, "0 s"},
                 {119999, "119 s"},
                 {120000, "2 min"},
                 {7199999, "119 min"},
                 {7200000, "2 h 0 min"},
                 {172799999, "47 h 59 min"},
                 {INT64_C(1000) * 86400 * 3 + 3600000, "3 d 1 h"}};
    for (size_t i = 0; i < MADE_UP_COUNT(cases); i++) {
        char *text = NULL;
        MADE_UP_TEXT(text, page_duration(out, cases[i].ms));
        assert_string_equal(text, cases[i].expected);
        free(text);
    }
}

/* Marks from AWS's levels on, and only where there is some volume. */
static void marks(void **state) {
    (void)state;
    static const struct {
        enum report_column column;
        uint64_t numerator, denominator;
        const char *class, *shown;
    } cases[] = {
        {COLUMN_BOUNCE_RATE, 0, 0, "none", "&ndash;</span>"},
        {COLUMN_BOUNCE_RATE, 49, 1000, NULL, ">4.90 %</span>"},
        {COLUMN_BOUNCE_RATE, 50, 1000, "warn", "</b>5.00 %</span>"},
        {COLUMN_BOUNCE_RATE, 100, 1000, "bad", "</b>10.00 %</span>"},
        {COLUMN_BOUNCE_RATE, 99, 99, NULL, ">100.00 %</span>"},
        {COLUMN_BOUNCE_RATE, 100, 100, "bad", "</b>100.00 %</span>"},
        {COLUMN_BOUNCE_RATE, 1, 10000000, NULL, ">&lt;0.01 %</span>"},
        {COLUMN_COMPLAINT_RATE, 1, 999, NULL, ">0.100 %</span>"},
        {COLUMN_COMPLAINT_RATE, 1, 1000, "warn", "</b>0.100 %</span>"},
        {COLUMN_COMPLAINT_RATE, 5, 1000, "bad", "</b>0.500 %</span>"},
        {COLUMN_DELIVERY_RATE, 1, 1000, NULL, ">0.10 %</span>"},
    };
    for (size_t i = 0; i < MADE_UP_COUNT(cases); i++) {
        static const int counters[][2] = {[COLUMN_BOUNCE_RATE] = {COUNT_BOUNCED, COUNT_SENT},
                                          [COLUMN_COMPLAINT_RATE] = {COUNT_COMPLAINED, COUNT_DELIVERED_FEEDBACK},
                                          [COLUMN_DELIVERY_RATE] = {COUNT_DELIVERED, COUNT_SENT}};
        struct rate_counts c = {0};
        c.n[counters[cases[i].column][0]] = cases[i].numerator;
        c.n[counters[cases[i].column][1]] = cases[i].denominator;
        char *text = NULL, begin[64];
        MADE_UP_TEXT(text, page_rate(out, cases[i].column, &c));
        snprintf(begin, sizeof begin, cases[i].class ? "<span class=\"%s\"" : "<span title=", cases[i].class);
        expect(text, begin);
        expect(text, cases[i].shown);
        bool marked = cases[i].class && strcmp(cases[i].class, "none") != 0;
        assert_int_equal(marked, strstr(text, ">!") != NULL && strstr(text, "high: ") != NULL);
        free(text);
    }
}

static void the_numbers(void **state) {
    (void)state;
    struct rich *r = rich_snapshot(0);
    char *page = page_of(&r->s);
    expect_sound(page);
    static const char *const pieces[] = {
        "<title>2 firing, Ready, with trouble - ses-collector</title>",
        "as of <time datetime=\"2026-11-22T02:14:30.000Z\">2026-11-22 02:14:30</time> UTC",
        "Newest event <time datetime=\"2026-11-22T02:14:18.000Z\">2026-11-22 02:14:18</time>, <b>12 s</b> behind now",
        "<h3>Sent</h3><p class=\"big\">1,182,507</p><p class=\"quiet\">1 h: 35,475</p>",
        "<th scope=\"row\">gmail</th><td class=\"first\">612,400</td>",
        "title=\"12,839 of 98,010\"><i aria-hidden=\"true\">!!</i><b class=\"vh\">very high: </b>13.10 %</span>",
        "<th scope=\"row\"><em>none</em></th><td class=\"first\">77,053</td>",
        "<th scope=\"row\">events</th><td class=\"left\">kafka</td>",
        "<span class=\"good\">caught up</span></td><td>4,101,223</td><td>68</td><td>9,401</td>",
        "<b>events</b>: 6 partitions, 5 read here, 70 messages behind (not known of 1)",
        "<th scope=\"row\">ses-events</th><td>1</td><td>1,201,322</td><td>7</td><td class=\"left\">here</td>",
        "<dt>A commit takes</dt><dd>6.3 ms</dd>",
        "<dt>State file</dt><dd>50.0 MiB</dd>",
        "href=\"metrics\"",
        "href=\"api/v1/alerts\"",
        "href=\"api/v1/rates\"",
    };
    for (size_t i = 0; i < MADE_UP_COUNT(pieces); i++)
        expect(page, pieces[i]);
    char *few = between(page, "<details id=\"partitions-0\"", ">"),
         *many = between(page, "<details id=\"partitions-1\"", ">");
    expect(few, "open");
    expect_not(many, "open");
    free(few);
    free(many);
    free(page);
    free(r);
}

static void nothing_from_data_is_markup(void **state) {
    (void)state;
    struct rich *r = rich_snapshot(0);
    snprintf(r->s.service.not_ready, sizeof r->s.service.not_ready, "%s", RICH_HOSTILE);
    r->s.service.ready = false;
    struct alert_row *a = &r->alerts[4];
    a->alertname = a->severity = a->scope = a->rate = a->window = a->summary = RICH_HOSTILE;
    r->alerts[5].provider = NULL;
    r->sources[1].kind = RICH_HOSTILE;
    char *page = page_of(&r->s);
    expect_sound(page);
    expect_not(page, "<script>alert");
    expect_not(page, "\xff");
    expect_not(page, "\xe2\x80\xae");
    expect_not(page, "javascript:");
    assert_int_equal(count_of(page, "<script>"), 1);
    assert_true(count_of(page, "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\xef\xbf\xbd") > 10);
    expect(page, " <a rel=\"noopener noreferrer\" href=\"https://example.com/runbook?a=1&amp;b=&quot;2&quot;\">");
    free(page);
    free(r);
}

/* No address but the runbook's and the name of SVG's vocabulary; nothing that a browser would load. */
static void it_asks_nobody(void **state) {
    (void)state;
    struct rich *r = rich_snapshot(0);
    char *page = page_of(&r->s);
    assert_int_equal(count_of(page, "//"), 2);
    static const char *const loaders[] = {" src=",   "srcset", "@import", "url(",   "<iframe",
                                          "<object", "<base",  "onload",  "onclick"};
    for (size_t i = 0; i < MADE_UP_COUNT(loaders); i++)
        expect_not(page, loaders[i]);
    assert_int_equal(count_of(page, "<link "), 1);
    expect(page, "<link rel=\"icon\" href=\"data:image/svg+xml,");
    free(page);
    free(r);
}

static void alerts_in_order_of_urgency(void **state) {
    (void)state;
    struct rich *r = rich_snapshot(0);
    char *page = page_of(&r->s), *list = between(page, "<ul class=\"alerts\">", "</ul>");
    static const char *const order[] = {
        "<li class=\"bad\">",
        "provider <b>yahoo</b>",
        "<b>12.95 %</b> bounce in 1h, threshold 10 % <span class=\"quiet\">(415 of 3,204)",
        "for <b>26 min</b>",
        "<li class=\"warn\">",
        "<b>0.140 %</b> complaint in 24h, threshold 0.1 %",
        "held back",
        "<li class=\"pending\">",
        "<b>Silence</b>",
        "No event within 1h; 4711 within 1h before.",
        "<li class=\"pending\">",
        "configuration set <b><em>none</em></b>",
        "<li class=\"resolved\">",
        "provider <b>icloud</b>",
        "<span>to <time"};
    const char *at = list;
    for (size_t i = 0; i < MADE_UP_COUNT(order); i++) {
        at = strstr(at, order[i]);
        if (!at)
            fail_msg("missing, or out of order: %s", order[i]);
        at += strlen(order[i]);
    }
    assert_int_equal(count_of(list, "<li"), 5);
    expect_not(page, "LongGone");
    assert_int_equal(count_of(list, "held back"), 1);
    free(list);
    free(page);
    free(r);
}

static void at_most_fifty_rows(void **state) {
    (void)state;
    struct rich *r = rich_snapshot(300);
    r->s.source_count = 1;
    char *page = page_of(&r->s), *sets = between(page, "<section id=\"sets\"", "</section>");
    expect_sound(page);
    assert_int_equal(count_of(sets, "<th scope=\"row\">"), 51);
    /* Of 305, five are larger, the hostile one among them; 45 of the 300 with 99 each are shown. */
    expect(sets, "<tr class=\"rest\"><th scope=\"row\">255 more, together</th><td class=\"first\">25,245</td>");
    free(sets);
    free(page);
    struct source_row *sources = calloc(60, sizeof *sources);
    assert_non_null(sources);
    for (int i = 0; i < 60; i++)
        sources[i] = (struct source_row){.name = "s", .kind = "files", .accounting.counted = 100};
    r->s.sources = sources;
    r->s.source_count = 60;
    sources[0].partitions = r->partitions[1];
    sources[0].partition_count = RICH_MAX_PARTITIONS;
    struct alert_row *alerts = calloc(70, sizeof *alerts);
    assert_non_null(alerts);
    for (int i = 0; i < 70; i++)
        alerts[i] = r->alerts[4];
    r->s.alerts = alerts;
    r->s.alert_count = 70;
    page = page_of(&r->s);
    expect(page, "10 more, together</th><td></td><td class=\"left\"></td><td>1,000</td>");
    /* Partitions 50 to 59: lags of 7 for each number, but of 53 and 58, which are not known. */
    expect(page, "10 more, together</th><td></td><td></td><td>3,038</td>");
    expect(page, "And 20 more: <a href=\"api/v1/alerts\">the whole list</a>");
    free(page);
    free(alerts);
    free(sources);
    free(r);
}

static void states(void **state) {
    (void)state;
    struct rich *r = rich_snapshot(0);
    r->sources[2].trouble = NULL;
    r->s.alert_count = 0;
    char *page = page_of(&r->s);
    expect(page, "<title>Ready - ses-collector</title>");
    expect(page, "<header class=\"good\">");
    expect(page, "<ul class=\"notes\"></ul>");
    expect(page, "<small>none fires</small>");
    free(page);
    r->s.service.behind = true;
    page = page_of(&r->s);
    expect(page, "<header class=\"warn\">");
    expect(page, "</span>Behind</h1>");
    expect(page, "A backlog is being read.");
    free(page);
    r->s.service = (struct service_row){.now_ms = RICH_NOW_MS, .not_ready = "the topic is not there"};
    r->s.watermark_ms = 0;
    r->s.window_count = r->s.history_count = 0;
    page = page_of(&r->s);
    expect_sound(page);
    expect(page, "<header class=\"bad\">");
    expect(page, "</span>Not ready</h1>");
    expect(page, "<li>the topic is not there</li>");
    expect(page, "The state file cannot be written.");
    expect(page, "The configuration on disk was refused.");
    expect(page, "No event has been counted yet.");
    assert_int_equal(count_of(page, "Nothing in the last 24 hours."), 2);
    expect_not(page, "nan");
    free(page);
    struct snapshot bare = made_up_snapshot();
    page = page_of(&bare);
    expect_sound(page);
    free(page);
    free(r);
}

static void graphs(void **state) {
    (void)state;
    struct history_row row = {.scope = "account"};
    row.hours[0].n[COUNT_SENT] = 100;
    row.hours[0].n[COUNT_BOUNCED] = 5;
    row.hours[2].n[COUNT_SENT] = 1000;
    row.hours[2].n[COUNT_BOUNCED] = 200;
    row.hours[3].n[COUNT_SENT] = 1; /* too few to stretch the scale: cut off at the top */
    row.hours[3].n[COUNT_BOUNCED] = 1;
    row.hours[HISTORY_POINTS - 1].n[COUNT_SENT] = 500;
    char *bars = NULL, *line = NULL, *none = NULL;
    MADE_UP_TEXT(bars, page_bars(out, &row));
    MADE_UP_TEXT(line, page_line(out, &row, RATE_BOUNCE));
    MADE_UP_TEXT(none, page_bars(out, NULL); page_line(out, NULL, RATE_BOUNCE));
    expect(bars, "<title>sent in each of the last 48 hours: 1,601 in all, 1,000 at most</title>");
    expect(bars, "<path d=\"M0.2 24v-2.4h1.6V24zM4.2 24v-24.0h1.6V24zM6.2 24v-0.8h1.6V24z\"/>");
    expect(bars, "<path class=\"now\" d=\"M94.2 24v-12.0h1.6V24z\"/>");
    expect(line, "drawn from 0 to 20 %</title><path class=\"level\" d=\"M0 17.5H96\"/>");
    expect(line, "<path d=\"M1 17.5h.1M5 1.0h.1L7 1.0M95 23.0h.1\"/>");
    assert_string_equal(none, "");
    free(bars);
    free(line);
    free(none);
}

static void a_full_disk_is_told(void **state) {
    (void)state;
    struct snapshot s = made_up_snapshot();
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    setvbuf(full, NULL, _IONBF, 0);
    struct err err = {0};
    assert_false(page_write(full, &s, &err));
    assert_string_equal(err.text, "cannot write the page: No space left on device");
    fclose(full);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes),
        cmocka_unit_test(durations),
        cmocka_unit_test(marks),
        cmocka_unit_test(the_numbers),
        cmocka_unit_test(nothing_from_data_is_markup),
        cmocka_unit_test(it_asks_nobody),
        cmocka_unit_test(alerts_in_order_of_urgency),
        cmocka_unit_test(at_most_fifty_rows),
        cmocka_unit_test(states),
        cmocka_unit_test(graphs),
        cmocka_unit_test(a_full_disk_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
