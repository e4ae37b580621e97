/* The simulator: the same seed gives the same bytes, every record is sound, and the truth it tells is what a reader
 * that knows nothing of it counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "commands/commands.h"
#include "core/alloc.h"
#include "simulate/simulate.h"

struct text {
    char *data; /* owned, terminated */
    size_t len;
};

static struct text read_fd(int fd) {
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    struct text t = {alloc_zeroed((size_t)st.st_size + 1, 1), (size_t)st.st_size};
    assert_int_equal(pread(fd, t.data, t.len, 0), (ssize_t)t.len);
    return t;
}

static struct simulate_totals run_all(const struct simulate_options *o) {
    struct err err = {0};
    struct simulate *s = simulate_open(o, &err);
    assert_string_equal(err.text, "");
    assert_non_null(s);
    enum simulate_status status;
    while ((status = simulate_step(s, &err)) == SIMULATE_MORE)
        ;
    assert_string_equal(err.text, "");
    assert_int_equal(status, SIMULATE_DONE);
    struct simulate_totals totals;
    simulate_totals(s, &totals);
    simulate_destroy(s);
    return totals;
}

static struct simulate_options options_of(uint64_t seed, uint64_t messages) {
    struct simulate_options o;
    simulate_options_init(&o);
    o.seed = seed;
    o.messages = messages;
    return o;
}

static struct text simulate_text(struct simulate_options o, struct simulate_totals *totals) {
    o.dump.fd = memfd_create("records", MFD_CLOEXEC);
    assert_true(o.dump.fd >= 0);
    struct simulate_totals t = run_all(&o);
    struct text text = read_fd(o.dump.fd);
    close(o.dump.fd);
    if (totals)
        *totals = t;
    return text;
}

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

static json_t *next_value(const char **p, const char *end) {
    while (*p < end && strchr(" \r\n,", **p))
        (*p)++;
    if (*p >= end)
        return NULL;
    json_error_t error;
    json_t *value = json_loadb(*p, (size_t)(end - *p), JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &error);
    if (!value)
        fail_msg("%s at %d in %.200s", error.text, error.position, *p);
    *p += error.position;
    return value;
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

/* The recount. */

struct row {
    char key[200]; /* minute, letter of the type, set, provider: sorts as the rows of the truth do */
    uint64_t records, recipients;
};
struct recount {
    struct row *rows;
    size_t count, size;
    json_t *seen;
};

static const struct kind {
    const char *type, *label, *object, *list;
    bool once, millis;
    const char *extra[4]; /* fields that tell two happenings apart */
} kinds[] = {
    {"Send", "send", NULL, NULL, false, false, {0}},
    {"Delivery", "delivery", "delivery", "recipients", false, false, {0}},
    {"Bounce", "bounce", "bounce", "bouncedRecipients", false, false, {"feedbackId"}},
    {"Complaint", "complaint", "complaint", "complainedRecipients", true, false, {"feedbackId"}},
    {"Reject", "reject", NULL, NULL, false, false, {0}},
    {"Open", "open", "open", NULL, true, true, {"ipAddress", "userAgent"}},
    {"Click", "click", "click", NULL, true, true, {"ipAddress", "userAgent", "link"}},
    {"Rendering Failure", "rendering_failure", NULL, NULL, false, false, {0}},
    {"DeliveryDelay", "delivery_delay", "deliveryDelay", "delayedRecipients", false, true, {"delayType"}},
    {"Subscription", "subscription", "subscription", NULL, true, false, {"contactList", "source"}},
    {"", "unknown", NULL, NULL, false, false, {0}},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static const char *provider_of(const char *domain) {
    static const char *const table[][2] = {
        {" gmail.com googlemail.com ", "gmail"},
        {" hotmail.com outlook.com live.com msn.com hotmail.co.uk hotmail.fr outlook.de outlook.kr live.co.uk live.fr ",
         "microsoft"},
        {" yahoo.com aol.com ymail.com yahoo.co.uk yahoo.fr rocketmail.com ", "yahoo"},
        {" icloud.com me.com mac.com ", "apple"},
        {" naver.com ", "naver"},
        {" hanmail.net daum.net kakao.com ", "kakao"},
        {" web.de gmx.de gmx.net gmx.at ", "gmx_webde"},
        {" comcast.net ", "comcast"},
        {" orange.fr wanadoo.fr ", "orange"},
        {" mail.ru inbox.ru list.ru bk.ru ", "mailru"},
        {" yandex.ru ya.ru ", "yandex"},
        {" qq.com foxmail.com ", "tencent"},
        {" 163.com 126.com ", "netease"},
        {" docomo.ne.jp ", "docomo"},
        {" libero.it virgilio.it ", "italiaonline"},
        {" simulator.amazonses.com ", "simulator"},
    };
    char padded[300];
    snprintf(padded, sizeof padded, " %s ", domain);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strstr(table[i][0], padded))
            return table[i][1];
    }
    return "other";
}

/* Days since 1970 the slow way, to owe nothing to what is tested. */
static int64_t seconds_of(const char *t) {
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y, mo, d, h, mi, s;
    assert_int_equal(sscanf(t, "%d-%d-%dT%d:%d:%d", &y, &mo, &d, &h, &mi, &s), 6);
    int64_t days = d - 1;
    for (int i = 1970; i < y; i++)
        days += i % 4 == 0 ? 366 : 365;
    for (int i = 0; i < mo - 1; i++)
        days += lengths[i] + (i == 1 && y % 4 == 0);
    const char *zone = t + 19;
    if (*zone == '.')
        zone += 1 + strspn(zone + 1, "0123456789");
    zone += *zone == ' ';
    int hours = 0, minutes = 0;
    if (*zone != 'Z')
        assert_in_range(sscanf(zone, strchr(zone, ':') ? "%3d:%2d" : "%3d%2d", &hours, &minutes), 2, 2);
    return ((days * 24 + h - hours) * 60 + mi - minutes) * 60 + s;
}

/* The address in `text` (behind a display name, too), its domain in small letters. */
static void address_of(const char *text, char out[512]) {
    const char *open = strchr(text, '<');
    snprintf(out, 512, "%s", open ? open + 1 : text + strspn(text, " "));
    out[strcspn(out, ">")] = 0;
    for (char *p = strrchr(out, '@'); *p; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
}

static const char *set_of(const json_t *mail) {
    json_t *tag = json_object_get(json_object_get(mail, "tags"), "ses:configuration-set");
    if (tag)
        return json_string_value(json_array_get(tag, 0));
    size_t i;
    json_t *header;
    json_array_foreach(json_object_get(mail, "headers"), i, header) {
        if (strcasecmp(json_string_value(json_object_get(header, "name")), "X-SES-CONFIGURATION-SET") == 0)
            return json_string_value(json_object_get(header, "value"));
    }
    return "";
}

static void add_row(struct recount *c, int64_t second, size_t kind, const char *set, const char *provider, bool record,
                    bool recipient) {
    if (c->count == c->size)
        c->rows = alloc_resize(c->rows, c->size = c->size ? c->size * 2 : 1024, sizeof *c->rows);
    struct row *row = &c->rows[c->count++];
    /* \001 sorts before every letter: a name before a longer one that begins with it. */
    snprintf(row->key, sizeof row->key, "%012jd\001%c\001%s\001%s", (intmax_t)(second / 60), (int)('a' + kind), set,
             provider);
    row->records = record;
    row->recipients = recipient;
}

static size_t kind_of(const json_t *v) {
    const json_t *type = json_object_get(v, "eventType");
    const char *name = json_string_value(type ? type : json_object_get(v, "notificationType"));
    assert_non_null(name);
    size_t kind = 0;
    while (kind < KINDS - 1 && strcmp(kinds[kind].type, name) != 0)
        kind++;
    return kind;
}

static bool is_new(struct recount *c, const json_t *v, size_t kind, const char *time) {
    const struct kind *k = &kinds[kind];
    const json_t *object = json_object_get(v, k->object ? k->object : "");
    const char *id = json_string_value(json_object_get(json_object_get(v, "mail"), "messageId"));
    char key[1024];
    /* All that is behind the seconds only where milliseconds count; no two of one record differ in recipients alone. */
    int n = snprintf(key, sizeof key, "%zu %s %jd %.*s", kind, id, (intmax_t)seconds_of(time), k->millis ? 5 : 0,
                     time + 19);
    for (int i = 0; i < 4 && k->extra[i]; i++)
        n += snprintf(key + n, sizeof key - (size_t)n, " %s", json_string_value(json_object_get(object, k->extra[i])));
    if (k->list) {
        char *list = json_dumps(json_object_get(object, k->list), JSON_COMPACT);
        snprintf(key + n, sizeof key - (size_t)n, " %.300s", list);
        free(list);
    }
    if (json_object_get(c->seen, key))
        return false;
    json_object_set_new(c->seen, key, json_true());
    return true;
}

static void recount_record(struct recount *c, const json_t *v) {
    size_t kind = kind_of(v);
    const struct kind *k = &kinds[kind];
    const json_t *mail = json_object_get(v, "mail"), *object = k->object ? json_object_get(v, k->object) : NULL;
    const char *time = json_string_value(json_object_get(object ? object : mail, "timestamp"));
    if (!is_new(c, v, kind, time))
        return;
    const json_t *list = k->list ? json_object_get(object, k->list) : json_object_get(mail, "destination");
    char seen[64][512];
    size_t count = 0, i;
    const char *all = NULL, *set = set_of(mail);
    json_t *item;
    json_array_foreach(list, i, item) {
        const char *text = json_string_value(json_is_object(item) ? json_object_get(item, "emailAddress") : item);
        address_of(text, seen[count]);
        bool again = false;
        for (size_t j = 0; j < count; j++)
            again |= strcmp(seen[j], seen[count]) == 0;
        if (again)
            continue;
        const char *provider = provider_of(strrchr(seen[count++], '@') + 1);
        all = !all || strcmp(all, provider) == 0 ? provider : "multiple";
        if (!k->once)
            add_row(c, seconds_of(time), kind, set, provider, false, true);
    }
    assert_non_null(all);
    add_row(c, seconds_of(time), kind, set, all, true, k->once);
}

static int by_key(const void *a, const void *b) {
    return strcmp(((const struct row *)a)->key, ((const struct row *)b)->key);
}

static void recount_sum(struct recount *c) {
    qsort(c->rows, c->count, sizeof *c->rows, by_key);
    size_t n = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (n && strcmp(c->rows[n - 1].key, c->rows[i].key) == 0) {
            c->rows[n - 1].records += c->rows[i].records;
            c->rows[n - 1].recipients += c->rows[i].recipients;
        } else {
            c->rows[n++] = c->rows[i];
        }
    }
    c->count = n;
}

static void compare_with_truth(const struct recount *c, char *truth) {
    char *rest = truth, *line = strsep(&rest, "\n");
    assert_string_equal(line, "time,event_type,configuration_set,provider,records,recipients");
    for (size_t i = 0; i < c->count; i++) {
        const char *minute = c->rows[i].key, *kind = minute + 13, *set = kind + 2, *provider = strrchr(set, 1) + 1;
        char want[300], rows_time[32];
        assert_non_null(line = strsep(&rest, "\n"));
        assert_int_equal(seconds_of(line), atoll(minute) * 60);
        snprintf(rows_time, sizeof rows_time, "%.17s00Z", line);
        snprintf(want, sizeof want, "%s,%s,%.*s,%s,%ju,%ju", rows_time, kinds[*kind - 'a'].label,
                 (int)(provider - 1 - set), set, provider, (uintmax_t)c->rows[i].records,
                 (uintmax_t)c->rows[i].recipients);
        assert_string_equal(line, want);
    }
    assert_string_equal(strsep(&rest, "\n"), "");
    assert_null(rest);
}

static void check_truth(struct simulate_options o) {
    char path[] = "/tmp/simulate_test_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    o.truth = path;
    struct simulate_totals totals;
    struct text text = simulate_text(o, &totals), truth = read_fd(fd);
    struct recount c = {.seen = json_object()};
    const char *p = text.data;
    for (json_t *v; (v = next_value(&p, text.data + text.len)); json_decref(v))
        recount_record(&c, v);
    assert_int_equal(json_object_size(c.seen), totals.records - totals.duplicates);
    recount_sum(&c);
    compare_with_truth(&c, truth.data);
    json_decref(c.seen);
    free(c.rows);
    free(text.data);
    free(truth.data);
    close(fd);
    unlink(path);
}

static void test_truth(void **state) {
    (void)state;
    struct simulate_options o = options_of(3, 6000);
    check_truth(o);
    o.seed = 11;
    o.duration_ms = 50LL * 3600000;
    o.sets = 30;
    o.identities = 100;
    o.duplicates_ppm = 200000;
    o.late_ppm = 300000;
    o.multi_ppm = 600000;
    check_truth(o);
    o = options_of(4, 3000);
    o.incidents[0] = (struct simulate_incident){INCIDENT_OUTAGE, "gmail", 600000, 1800000};
    o.incidents[1] = (struct simulate_incident){INCIDENT_SILENCE, "all", 2700000, 600000};
    o.incident_count = 2;
    o.dump.max_bytes = 8 << 20; /* ends in the middle */
    check_truth(o);
    o = options_of(6, 3000);
    o.uneven_ppm = 500000;
    o.incidents[0] = (struct simulate_incident){INCIDENT_SURGE, "newsletter", 0, 600000};
    o.incidents[1] = (struct simulate_incident){INCIDENT_DROP, "all", 1200000, 600000};
    o.incidents[2] = (struct simulate_incident){INCIDENT_LOST, "all", 2100000, 600000};
    o.incidents[3] = (struct simulate_incident){INCIDENT_SPAMTRAP, "gmail", 0, 3600000};
    o.incident_count = 4;
    check_truth(o);
}

static uint64_t messages_with(enum incident_kind kind, const char *what, int64_t start_ms, int64_t length_ms) {
    struct simulate_options o = options_of(8, 10000);
    o.incidents[0] = (struct simulate_incident){.kind = kind, .start_ms = start_ms, .length_ms = length_ms};
    snprintf(o.incidents[0].what, sizeof o.incidents[0].what, "%s", what);
    o.incident_count = 1;
    struct simulate_totals totals;
    free(simulate_text(o, &totals).data);
    return totals.messages;
}

/* Half an hour of the hour, in the simulator's quiet night: nearly half of the messages. */
static void test_volumes(void **state) {
    (void)state;
    assert_in_range(messages_with(INCIDENT_DROP, "all", 0, 1800000), 5000, 5900);
    assert_in_range(messages_with(INCIDENT_SURGE, "all", 0, 1800000), 51000, 59000);
    assert_int_equal(messages_with(INCIDENT_LOST, "all", 0, 1800000), 10000);
    /* Of one set: what it sends is some share, ten times of which is there besides. */
    uint64_t kept = messages_with(INCIDENT_DROP, "newsletter", 0, 3600000);
    uint64_t more = messages_with(INCIDENT_SURGE, "newsletter", 0, 3600000);
    double sends = (double)(10000 - kept) / 0.9, besides = (double)(more - 10000) / 9;
    assert_true(sends > 500 && besides > 0.85 * sends && besides < 1.15 * sends);
}

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

static double share(const struct simulate_totals *t, enum event_type type, enum event_type of) {
    return (double)t->recipients_of[type] / (double)t->recipients_of[of];
}

static void test_incidents(void **state) {
    (void)state;
    static const struct {
        struct simulate_incident incident;
        enum event_type type, of;
        double low, high;
    } cases[] = {
        {{INCIDENT_BLOCKLIST, "nothing", 0, 0}, EVENT_BOUNCE, EVENT_SEND, 0.01, 0.03}, /* none: the ordinary share */
        {{INCIDENT_BLOCKLIST, "gmail", 0, 3600000}, EVENT_BOUNCE, EVENT_SEND, 0.20, 0.30},
        {{INCIDENT_BADLIST, "all", 0, 3600000}, EVENT_BOUNCE, EVENT_SEND, 0.24, 0.29},
        {{INCIDENT_OUTAGE, "gmail", 0, 3600000}, EVENT_DELIVERY_DELAY, EVENT_SEND, 0.4, 2.0},
        {{INCIDENT_COMPLAINTS, "nothing", 0, 0}, EVENT_COMPLAINT, EVENT_DELIVERY, 0, 0.0015},
        {{INCIDENT_COMPLAINTS, "all", 0, 3600000}, EVENT_COMPLAINT, EVENT_DELIVERY, 0.0015, 0.01},
        {{INCIDENT_SPAMTRAP, "gmail", 0, 3600000}, EVENT_BOUNCE, EVENT_SEND, 0.02, 0.04},
        {{INCIDENT_LOST, "all", 0, 3600000}, EVENT_DELIVERY, EVENT_SEND, 0, 0.06}, /* what comes after the hour */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct simulate_options o = options_of(30 + i, 8000);
        o.incidents[0] = cases[i].incident;
        o.incident_count = cases[i].incident.length_ms > 0;
        struct simulate_totals totals;
        free(simulate_text(o, &totals).data);
        double is = share(&totals, cases[i].type, cases[i].of);
        if (is < cases[i].low || is > cases[i].high)
            fail_msg("case %zu: %f is not in %f .. %f", i, is, cases[i].low, cases[i].high);
    }
    struct simulate_options o = options_of(1, 5000);
    o.incidents[0] = (struct simulate_incident){INCIDENT_SILENCE, "all", 0, 3600000};
    o.incident_count = 1;
    struct simulate_totals totals;
    free(simulate_text(o, &totals).data);
    assert_int_equal(totals.messages, 0);
    assert_int_equal(totals.records, 0);
}

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

static int command(const char *line) {
    char copy[300], *argv[20], *save = NULL;
    int argc = 0;
    snprintf(copy, sizeof copy, "simulate %s", line);
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
        argv[argc++] = word;
    argv[argc] = NULL;
    return command_simulate(argc, argv);
}

static void test_command(void **state) {
    (void)state;
    static const struct {
        const char *line;
        int code;
    } cases[] = {
        {"--help", EXIT_DONE},
        {"--messages 20 --quiet", EXIT_DONE},
        {"--messages=20 --seed=18446744073709551615 --incident=badlist@newsletter:0+5m --quiet", EXIT_DONE},
        {"--rate 2/s --duration 10s --tail 0 --framing crlf --compress gzip --quiet", EXIT_DONE},
        {"--size 10K --quiet --progress never --out -", EXIT_DONE},
        {"--messages 0", EXIT_USAGE},
        {"--messages -5", EXIT_USAGE},
        {"--messages 4294967296", EXIT_USAGE},
        {"--messages 5 --rate 2", EXIT_USAGE},
        {"--seed 1x", EXIT_USAGE},
        {"--seed 18446744073709551616", EXIT_USAGE},
        {"--start yesterday", EXIT_USAGE},
        {"--start 1969-12-31", EXIT_USAGE},
        {"--duration 0", EXIT_USAGE},
        {"--duration 5", EXIT_USAGE},
        {"--rate nan", EXIT_USAGE},
        {"--rate 1e-9", EXIT_USAGE},
        {"--size 1Q", EXIT_USAGE},
        {"--uneven 0.5 --messages 20 --quiet", EXIT_DONE},
        {"--uneven 0.95", EXIT_USAGE},
        {"--uneven x", EXIT_USAGE},
        {"--uneven 0.5 --rate 2", EXIT_USAGE},
        {"--uneven 0.5 --rate 2 --curve --duration 1m --quiet", EXIT_DONE},
        {"--curve", EXIT_USAGE},
        {"--curve --messages 5", EXIT_USAGE},
        {"--live --duration 1s --rate 50 --backfill 1m --quiet", EXIT_DONE},
        {"--live --start 2026-11-01 --duration 5m --quiet", EXIT_DONE}, /* all of it is past */
        {"--live --messages 50", EXIT_USAGE},
        {"--live --backfill 31d", EXIT_USAGE},
        {"--live --start 1970-01-01 --backfill 1d --duration 1s", EXIT_USAGE},
        {"--live --rate 10000 --backfill 1d", EXIT_USAGE},
        {"--live --incident blocklist@gmail:2m+1m --duration 1m --backfill 1h", EXIT_USAGE},
        {"--backfill 1h", EXIT_USAGE},
        {"--object-interval 10s --messages 20 --quiet", EXIT_DONE},
        {"--object-interval 1h", EXIT_USAGE},
        {"--object-interval 0", EXIT_USAGE},
        {"--messages 20 --quiet --incident surge@all:0+1m --incident drop@all:5m+1m", EXIT_DONE},
        {"--messages 20 --quiet --incident lost-deliveries@newsletter:0+1m --incident spamtrap@gmail:0+1m", EXIT_DONE},
        {"--incident surge@gmail:0+1m", EXIT_USAGE},
        {"--incident drop@gmail:0+1m", EXIT_USAGE},
        {"--incident lost-deliveries@gmail:0+1m", EXIT_USAGE},
        {"--incident spamtrap@newsletter:0+1m", EXIT_USAGE},
        {"--messages 429496730 --incident surge@all:0+1m", EXIT_USAGE},
        {"--size 99999999999999999999", EXIT_USAGE},
        {"--late 1.5", EXIT_USAGE},
        {"--multi x", EXIT_USAGE},
        {"--sets 10001", EXIT_USAGE},
        {"--framing xml", EXIT_USAGE},
        {"--compress zip", EXIT_USAGE},
        {"--stream a/b", EXIT_USAGE},
        {"--stream ..", EXIT_USAGE},
        {"--incident blocklist", EXIT_USAGE},
        {"--incident blocklist@gmail", EXIT_USAGE},
        {"--incident flood@gmail:0+1m", EXIT_USAGE},
        {"--incident blocklist@:0+1m", EXIT_USAGE},
        {"--incident blocklist@nobody:0+1m", EXIT_USAGE},
        {"--incident blocklist@newsletter:0+1m", EXIT_USAGE},
        {"--incident badlist@gmail:0+1m", EXIT_USAGE},
        {"--incident complaints@gmail:0+1m", EXIT_USAGE},
        {"--incident blocklist@gmail:2h+1m", EXIT_USAGE},
        {"--incident blocklist@gmail:x+1m", EXIT_USAGE},
        {"--incident blocklist@gmail:1m+0", EXIT_USAGE},
        {"--colour", EXIT_USAGE},
        {"--seed", EXIT_USAGE},
        {"more", EXIT_USAGE},
        {"--messages 5 --truth /proc/none/x", EXIT_FAILED},
        {"--messages 5 --out /proc/none/x", EXIT_FAILED},
    };
    fflush(stdout);
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), none = open("/dev/null", O_WRONLY | O_CLOEXEC);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dup2(none, STDOUT_FILENO);
        dup2(none, STDERR_FILENO);
        int code = command(cases[i].line);
        fflush(stdout);
        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        if (code != cases[i].code)
            fail_msg("simulate %s: %d instead of %d", cases[i].line, code, cases[i].code);
    }
    close(out);
    close(err);
    close(none);
}

/* head(1) has seen enough: no failure. */
static void test_reader_leaves(void **state) {
    (void)state;
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    fflush(stdout);
    int out = dup(STDOUT_FILENO);
    dup2(pipe_fds[1], STDOUT_FILENO);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    int code = command("--messages 5000");
    dup2(out, STDOUT_FILENO);
    close(out);
    assert_int_equal(code, EXIT_DONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reproducible),  cmocka_unit_test(test_records_are_sound),
        cmocka_unit_test(test_truth),         cmocka_unit_test(test_framings),
        cmocka_unit_test(test_malformed),     cmocka_unit_test(test_incidents),
        cmocka_unit_test(test_folder),        cmocka_unit_test(test_command),
        cmocka_unit_test(test_reader_leaves), cmocka_unit_test(test_volumes),
        cmocka_unit_test(test_uneven),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
