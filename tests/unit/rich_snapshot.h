/* A made-up snapshot of a service in full life: providers good and bad, alerts in each state, sources of each kind, and
 * names that somebody chose to do harm. For the tests of what the service shows. */
#ifndef TESTS_RICH_SNAPSHOT_H
#define TESTS_RICH_SNAPSHOT_H

#include <math.h>

#include "made_up_snapshot.h"

/* Markup, quotes, a line end, bytes that are no UTF-8, a character that turns the text around. */
#define RICH_HOSTILE "<script>alert(1)</script>\"'&\n\xff\xe2\x80\xae"

enum {
    RICH_MAX_NAMES = 400,
    RICH_WINDOWS = WINDOW_LAST_SENDS, /* of each scope: those by event time */
    RICH_MAX_WINDOWS = 4 * RICH_MAX_NAMES,
    RICH_MAX_PARTITIONS = 60,
    RICH_SOURCES = 4,
    RICH_ALERTS = 6,
};

struct rich {
    struct snapshot s;
    struct window_row windows[RICH_MAX_WINDOWS];
    struct history_row history[RICH_MAX_NAMES];
    struct view_row rows[RICH_MAX_NAMES];
    struct alert_row alerts[RICH_ALERTS];
    struct source_row sources[RICH_SOURCES];
    struct partition_row partitions[2][RICH_MAX_PARTITIONS];
    char names[RICH_MAX_NAMES][32];
};

#define RICH_NOW_MS     INT64_C(1795313670000) /* 2026-11-22 02:14:30 */
#define RICH_NEWEST_MS  (RICH_NOW_MS - 12000)
#define RICH_MINUTES(n) ((n)*INT64_C(60000))

/* `per_mille` and `per_myriad` of what was sent bounced, and of what was delivered was complained of. */
static inline struct rate_counts rich_counts(uint64_t sent, unsigned per_mille, unsigned per_myriad) {
    uint64_t bounced = sent * per_mille / 1000, complained = (sent - bounced) * per_myriad / 10000;
    struct rate_counts c = made_up_tally(sent, bounced, complained, 0).rates;
    c.n[COUNT_DELIVERED] -= sent / 250; /* on their way */
    c.n[COUNT_DELIVERED_FEEDBACK] = per_myriad ? c.n[COUNT_DELIVERED] : 0;
    return c;
}

static inline void rich_add(struct rich *r, const char *scope, const char *provider, const char *set, uint64_t sent,
                            unsigned per_mille, unsigned per_myriad) {
    static const unsigned parts[RICH_WINDOWS] = {
        [WINDOW_5M] = 2, [WINDOW_1H] = 30, [WINDOW_24H] = 1000, [WINDOW_7D] = 6500};
    for (int w = 0; w < RICH_WINDOWS; w++) {
        assert(r->s.window_count < RICH_MAX_WINDOWS);
        unsigned recent = w == WINDOW_1H ? per_mille * 3 / 2 : per_mille;
        r->windows[r->s.window_count++] = (struct window_row){
            w, BASIS_EVENT, scope, provider, set, "", rich_counts(sent * parts[w] / 1000, recent, per_myriad)};
    }
    assert(r->s.history_count < RICH_MAX_NAMES);
    struct history_row *history = &r->history[r->s.history_count++];
    *history = (struct history_row){.scope = scope, .provider = provider, .configuration_set = set};
    for (int h = 0; h < HISTORY_POINTS; h++) {
        double day = 1 + 0.8 * sin((h - 9) * 3.14159265 / 12), swing = 1 + 0.35 * sin(h * 1.7 + per_mille);
        double rise = h > 40 ? 1 + (h - 40) * 0.08 : 1;
        history->hours[h] = rich_counts((uint64_t)((double)sent / 24 * day * (h == HISTORY_POINTS - 1 ? 0.25 : 1)),
                                        (unsigned)(per_mille * swing * rise), per_myriad);
    }
}

static inline void rich_add_rates(struct rich *r, size_t more_sets) {
    static const struct {
        const char *name;
        uint64_t sent;
        unsigned per_mille, per_myriad;
    } providers[] = {{"gmail", 612400, 8, 0},
                     {"microsoft", 201377, 62, 4},
                     {"yahoo", 98010, 131, 61},
                     {"naver", 41220, 21, 0},
                     {"google_workspace", 80122, 11, 0},
                     {"microsoft_365", 55821, 17, 0},
                     {"icloud", 23456, 9, 12},
                     {"other", 70011, 38, 0},
                     {"gmx", 90, 300, 0}};
    static const struct {
        const char *name;
        uint64_t sent;
        unsigned per_mille, per_myriad;
    } sets[] = {{"newsletter", 702134, 44, 14},
                {"transactional", 391220, 7, 1},
                {"", 77053, 25, 0},
                {"a-configuration-set-with-a-name-of-sixty-four-characters-or-more", 12010, 3, 0},
                {RICH_HOSTILE, 100, 500, 0}};
    rich_add(r, "account", "", "", 1182507, 34, 9);
    for (size_t i = 0; i < MADE_UP_COUNT(providers); i++)
        rich_add(r, "provider", providers[i].name, "", providers[i].sent, providers[i].per_mille,
                 providers[i].per_myriad);
    rich_add(r, "provider", RICH_HOSTILE, "", 77, 0, 0);
    for (size_t i = 0; i < MADE_UP_COUNT(sets); i++)
        rich_add(r, "configuration_set", "", sets[i].name, sets[i].sent, sets[i].per_mille, sets[i].per_myriad);
    for (size_t i = 0; i < more_sets; i++) {
        snprintf(r->names[i], sizeof r->names[i], "customer-%03zu", i);
        rich_add(r, "configuration_set", "", r->names[i], 99, 10, 0);
    }
    rich_add(r, "provider_configuration_set", "gmail", "newsletter", 400000, 8, 0);
    rich_add(r, "identity", "", "", 400000, 8, 0);
    r->windows[r->s.window_count - 1].identity = "example.com";
}

static inline void rich_add_alerts(struct rich *r) {
    static const struct label_pair labels[] = {{"severity", "none"}, {"team", "mail " RICH_HOSTILE}};
    static const struct label_pair annotations[] = {{"runbook_url", "https://example.com/runbook?a=1&b=\"2\""}};
    static const struct label_pair bad_link[] = {{"runbook_url", "javascript:alert(1)"}};
    struct alert_row base = {.alertname = "HighBounceRate",
                             .severity = "critical",
                             .scope = "provider",
                             .provider = "yahoo",
                             .configuration_set = "",
                             .rate = "bounce",
                             .window = "1h",
                             .summary = "Bounces reached the rate at which AWS may pause an account's sending",
                             .description = "12.95 % of 3,204.",
                             .state = ALERT_FIRING,
                             .active_ms = RICH_NEWEST_MS - RICH_MINUTES(31),
                             .fired_ms = RICH_NEWEST_MS - RICH_MINUTES(26),
                             .value = 415 / 3204.0,
                             .threshold = 0.1,
                             .numerator = 415,
                             .denominator = 3204};
    struct alert_row *a = r->alerts;
    for (size_t i = 0; i < RICH_ALERTS; i++)
        a[i] = base;
    a[0].state = ALERT_RESOLVED; /* long ago: not on the page */
    a[0].fired_ms -= RICH_MINUTES(4000);
    a[0].resolved_ms = a[0].fired_ms + RICH_MINUTES(10);
    a[0].alertname = "LongGone";
    a[1].state = ALERT_RESOLVED;
    a[1].resolved_ms = RICH_NEWEST_MS - RICH_MINUTES(3);
    a[1].provider = "icloud";
    a[2].state = ALERT_PENDING;
    a[2].severity = "warning";
    a[2].scope = "configuration_set";
    a[2].provider = "";
    a[2].value = 0.0531;
    a[2].threshold = 0.05;
    a[2].annotations = bad_link;
    a[2].annotation_count = 1;
    a[3].severity = "warning";
    a[3].scope = "configuration_set";
    a[3].provider = "";
    a[3].configuration_set = RICH_HOSTILE;
    a[3].rate = "complaint";
    a[3].window = "24h";
    a[3].value = 0.0014;
    a[3].threshold = 0.001;
    a[3].numerator = 9;
    a[3].denominator = 6429;
    a[3].summary = "Complaints reached the rate at which AWS puts an account under review";
    a[3].held = true;
    a[4].incident = 17;
    a[4].labels = labels;
    a[4].label_count = MADE_UP_COUNT(labels);
    a[4].annotations = annotations;
    a[4].annotation_count = MADE_UP_COUNT(annotations);
    a[5].state = ALERT_PENDING;
    a[5].alertname = "Silence";
    a[5].scope = "account";
    a[5].provider = "";
    a[5].rate = "events";
    a[5].value = a[5].threshold = 0;
    a[5].numerator = 0;
    a[5].denominator = 4711;
    a[5].description = "No event within 1h; 4711 within 1h before.";
    r->s.alerts = a;
    r->s.alert_count = RICH_ALERTS;
}

static inline void rich_add_partitions(struct rich *r, int which, char *topic, int count) {
    struct source_row *source = &r->sources[which];
    for (int p = 0; p < count; p++)
        r->partitions[which][p] = (struct partition_row){topic, p, 1200345 + 977 * p, p % 5 == 3 ? -1 : 7 * p, p != 2};
    if (count)
        r->partitions[which][0].next = -1;
    source->partitions = r->partitions[which];
    source->partition_count = (size_t)count;
}

static inline void rich_add_sources(struct rich *r) {
    static char topic[] = "ses-events", hostile[] = RICH_HOSTILE;
    static char trouble[] = "/srv/dumps/2026-11-21.gz: permission denied " RICH_HOSTILE;
    struct accounting a = {.read = 4112009, .counted = 4101223, .duplicate = 9401, .late = 17, .filtered = 1300};
    a.malformed[MALFORMED_NOT_JSON] = 51;
    a.malformed[MALFORMED_BAD_TIME] = 17;
    a.bytes_read = UINT64_C(912345678);
    a.bytes_decoded = UINT64_C(9123456789);
    r->sources[0] =
        (struct source_row){.name = "events", .kind = "kafka", .accounting = a, .caught_up = true, .dead_letters = 68};
    r->sources[1] = (struct source_row){
        .name = "archive", .kind = "kafka", .accounting = a, .messages_lost = 12, .dead_letters_failed = 2};
    r->sources[2] = (struct source_row){.name = "dumps", .kind = "files", .accounting = a, .trouble = trouble};
    r->sources[3] = (struct source_row){.name = RICH_HOSTILE, .kind = "files", .caught_up = true};
    rich_add_partitions(r, 0, topic, 6);
    rich_add_partitions(r, 1, hostile, RICH_MAX_PARTITIONS);
    r->s.sources = r->sources;
    r->s.source_count = RICH_SOURCES;
    for (size_t i = 0; i < RICH_SOURCES; i++)
        accounting_add(&r->s.accounting, &r->sources[i].accounting);
}

/* `more_sets`: configuration sets beyond the usual few; at most 300. Returns new, one block: free() frees it all. */
static inline struct rich *rich_snapshot(size_t more_sets) {
    struct rich *r = calloc(1, sizeof *r);
    assert(r && more_sets <= 300);
    r->s = (struct snapshot){.windows = r->windows,
                             .history = r->history,
                             .from_ms = INT64_MIN,
                             .to_ms = INT64_MAX,
                             .watermark_ms = RICH_NEWEST_MS,
                             .first_ms = RICH_NEWEST_MS - RICH_MINUTES(60 * 24 * 30),
                             .history_start_ms = RICH_NEWEST_MS - RICH_MINUTES(60 * HISTORY_POINTS),
                             .series = 1234,
                             .overflow_set = 3,
                             .has_service = true};
    r->s.service = (struct service_row){.now_ms = RICH_NOW_MS,
                                        .started_ms = RICH_NOW_MS - RICH_MINUTES(60 * 50),
                                        .ready = true,
                                        .state_writable = true,
                                        .state_bytes = 52428800,
                                        .commit_count = {[2] = 4000, [3] = 900, [5] = 100, [COMMIT_BUCKETS - 1] = 1},
                                        .commit_seconds_sum = 31.5,
                                        .queued_batches = 2,
                                        .reload_ok = true,
                                        .reload_ok_ms = RICH_NOW_MS - RICH_MINUTES(60),
                                        .notifications_sent = 21,
                                        .notifications_failed = 2,
                                        .notifications_waiting = 1};
    rich_add_rates(r, more_sets);
    rich_add_alerts(r);
    rich_add_sources(r);
    static const char *const names[] = {"gmail", RICH_HOSTILE};
    for (size_t i = 0; i < MADE_UP_COUNT(names); i++) {
        r->rows[i] = (struct view_row){.provider = names[i], .configuration_set = names[1 - i]};
        r->rows[i].tally[PERIOD_NOW] = made_up_tally(1000, 30, 1, 10);
    }
    r->s.both = (struct view){.kind = VIEW_BOTH, .rows = r->rows, .count = MADE_UP_COUNT(names)};
    return r;
}

#endif
