/* The truth that the simulator tells is what a reader that knows nothing of it counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "simulate_run.h"

/* --- the recount -------------------------------------------------------------------------------------------------- */

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

/* --- the truth ---------------------------------------------------------------------------------------------------- */

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
