/* What alerting tells: an incident's words, and which of those that begin together is the one to be told. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "model/bounce_reason.h"
#include "pipeline/alerting_internal.h"

enum { DESCRIPTION_SIZE = 640, MOST_SHOWN = 3 };
/* What began so much before the account's own incident, and was not told, is a part of it. */
static const int64_t BEFORE_MS = 10 * MINUTE_MS;

/* --- words -------------------------------------------------------------------------------------------------------- */

/* A text that grows in a place that does not. */
struct text {
    char *to;
    size_t size, len;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...) {
    va_list list;
    va_start(list, format);
    int len = vsnprintf(t->to + t->len, t->size - t->len, format, list);
    va_end(list);
    if (len > 0)
        t->len = t->len + (size_t)len < t->size ? t->len + (size_t)len : t->size - 1;
}

static double percent(uint64_t part, uint64_t whole) {
    return whole ? 100 * (double)part / (double)whole : 0;
}

static void put_window(struct text *t, const struct alert_rule *rule) {
    if (rule->window == 0)
        put(t, "of the last %" PRIu64 " sends", rule->last_sends);
    else
        put(t, alerting_basis(rule) == BASIS_SENT ? "of mail sent within %s" : "over %s", rule->window_name);
}

static void put_sure(struct text *t, const struct alert_rule *rule) {
    if (rule->confidence > 0)
        put(t, ", passed with a confidence of %.4g %%", rule->confidence * 100);
}

static void put_rate(struct text *t, const struct alert_rule *rule, const struct alert_reading *r) {
    put(t, "The %s rate ", rate_name(rule->rate));
    put_window(t, rule);
    put(t, " was %.4g %% (%" PRIu64 " of %" PRIu64 " %s); ", percent(r->numerator, r->denominator), r->numerator,
        r->denominator, rate_denominator_name(rule->rate));
    if (rule->kind == ALERT_CHANGE)
        put(t, "in the same hours of %u weeks before it was %.4g %% (%" PRIu64 " of %" PRIu64 ").", r->weeks,
            percent(r->before_numerator, r->before_denominator), r->before_numerator, r->before_denominator);
    else
        put(t, "the threshold is %.4g %%", rule->threshold * 100);
    if (rule->kind == ALERT_CHANGE)
        return;
    put_sure(t, rule);
    put(t, ".");
}

static void put_silence(struct text *t, const struct alert_rule *rule, const struct alert_reading *r) {
    if (rule->event == EVENT_TYPES)
        put(t, "No event within %s; %" PRIu64 " within %s before.", rule->window_name, r->denominator,
            rule->window_name);
    else if (rule->event == EVENT_SEND)
        put(t, "No send event within %s; %" PRIu64 " within %s before.", rule->window_name, r->denominator,
            rule->window_name);
    else
        put(t, "No %s event within %s, at %" PRIu64 " sends; %" PRIu64 " within %s before, at %" PRIu64 ".",
            event_type_name((enum event_type)rule->event), rule->window_name, r->denominator, r->before_numerator,
            rule->window_name, r->before_denominator);
}

static void put_reason(struct text *t, const struct alert_rule *rule, const struct alert_reading *r,
                       const struct alert_row *row) {
    put(t,
        "%" PRIu64 " of %" PRIu64 " recipients at %s bounced for %s over %s (%.4g %%); in the week before it was %.4g "
        "%% (%" PRIu64 " of %" PRIu64 ").",
        r->numerator, r->denominator, row->provider, row->reason, rule->window_name,
        percent(r->numerator, r->denominator), percent(r->before_numerator, r->before_denominator), r->before_numerator,
        r->before_denominator);
}

static void put_quota(struct text *t, const struct alert_rule *rule, const struct alert_reading *r) {
    bool day = rule->kind == ALERT_QUOTA_DAY;
    put(t, "%" PRIu64 " recipients were sent to within %s: %.4g %% of the quota of %s; the threshold is %.4g %%.",
        r->numerator, day ? "24h" : "a minute", percent(r->numerator, r->denominator), day ? "a day" : "a second",
        rule->threshold * 100);
}

static void put_all(struct text *t, const struct alert_rule *rule, const struct alert_reading *r,
                    const struct alert_row *row) {
    switch (rule->kind) {
    case ALERT_SILENCE:
        put_silence(t, rule, r);
        break;
    case ALERT_DROP:
        put(t,
            "%" PRIu64 " recipients were sent to over %s; in the same hours of %u weeks before at least %" PRIu64 ".",
            r->numerator, rule->window_name, r->weeks, r->denominator);
        break;
    case ALERT_NEW_REASON:
        put_reason(t, rule, r, row);
        break;
    case ALERT_QUOTA_DAY:
    case ALERT_QUOTA_SECOND:
        put_quota(t, rule, r);
        break;
    default:
        put_rate(t, rule, r);
        break;
    }
}

/* --- what an account's incident is made of ------------------------------------------------------------------------ */

struct part {
    uint64_t series, numerator;
};

/* Keeps the largest, by falling size; of two that are equal the lower series first. */
static void keep_most(struct part most[MOST_SHOWN], struct part p) {
    for (int i = 0; i < MOST_SHOWN; i++) {
        bool before =
            p.numerator > most[i].numerator || (p.numerator == most[i].numerator && p.series < most[i].series);
        if (!p.numerator || !before)
            continue;
        struct part next = most[i];
        most[i] = p;
        p = next;
    }
}

static void find_most(const struct alerting *a, const struct rule_state *r, int64_t minute,
                      struct part most[MOST_SHOWN]) {
    const struct hours *h = &a->hours[BASIS_SENT];
    bool last_sends = r->window < 0;
    int64_t last = floor_div(minute, HOUR_MINUTES), first = last;
    struct rate_counts account = {0};
    if (last_sends)
        first = hours_latest(h, CELL_ACCOUNT, last, r->rule->last_sends, &account);
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(last_sends ? &h->series : &a->windows[r->window].sums, &at, &key, &value);) {
        struct rate_counts sum = {0};
        if (CELL_KIND(key) != CELL_PROVIDER)
            continue;
        if (last_sends)
            hours_sum(h, key, first, last, &sum);
        keep_most(most, (struct part){key, rate_numerator(r->rule->rate, last_sends ? &sum : value)});
    }
}

static void put_most(struct text *t, const struct alerting *a, const struct rule_state *r, uint64_t series,
                     uint64_t numerator, int64_t minute) {
    struct part most[MOST_SHOWN] = {{0}};
    bool of_a_rate = r->rule->kind == ALERT_RATE_ABOVE || r->rule->kind == ALERT_CHANGE;
    if (series != CELL_ACCOUNT || !of_a_rate || !numerator)
        return;
    find_most(a, r, minute, most);
    for (int i = 0; i < MOST_SHOWN && most[i].numerator; i++)
        put(t, "%s%s %.0f %%",
            i ? ", " : " Most of it: ", provider_table_name(a->names->providers, (uint16_t)most[i].series),
            percent(most[i].numerator, numerator));
    if (most[0].numerator)
        put(t, ".");
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

static void name_series(const struct alerting *a, uint64_t series, struct alert_row *row) {
    const struct snapshot_names *names = a->names;
    switch (CELL_KIND(series)) {
    case CELL_ACCOUNT:
        row->scope = alert_scope_name(SCOPE_ACCOUNT);
        break;
    case CELL_REASON:
        row->scope = alert_scope_name(SCOPE_PROVIDER);
        row->provider = provider_table_name(names->providers, CELL_REASON_PROVIDER(series));
        row->reason = bounce_reason_name((enum bounce_reason)CELL_REASON_REASON(series));
        break;
    case CELL_PROVIDER:
        row->scope = alert_scope_name(SCOPE_PROVIDER);
        row->provider = provider_table_name(names->providers, (uint16_t)series);
        break;
    case CELL_SET:
        row->scope = alert_scope_name(SCOPE_CONFIGURATION_SET);
        row->configuration_set = intern_name(names->sets, CELL_ID(series));
        break;
    case CELL_IDENTITY:
        row->scope = alert_scope_name(SCOPE_IDENTITY);
        row->identity = intern_name(names->identities, CELL_ID(series));
        break;
    default:
        row->scope = alert_scope_name(SCOPE_PROVIDER_CONFIGURATION_SET);
        row->provider = provider_table_name(names->providers, CELL_PAIR_PROVIDER(series));
        row->configuration_set = intern_name(names->sets, CELL_PAIR_SET(series));
        break;
    }
}

static struct alert_row make_row(const struct alerting *a, const struct alert_rule *rule, uint64_t series,
                                 const struct alert_status *s, const struct alert_reading *reading) {
    struct alert_row row = {
        .alertname = rule->name,
        .severity = rule->severity,
        .provider = "",
        .configuration_set = "",
        .identity = "",
        .reason = "",
        .rate = alert_watched(rule),
        .window = rule->window_name,
        .basis = basis_names[alerting_basis(rule)],
        .summary = rule->summary,
        .state = s->fired_ms ? ALERT_FIRING : ALERT_PENDING,
        .active_ms = s->active_ms,
        .fired_ms = s->fired_ms,
        .value = s->value,
        .threshold = alert_threshold(rule, reading),
        .numerator = s->numerator,
        .denominator = s->denominator,
        .labels = rule->labels,
        .label_count = rule->label_count,
        .annotations = rule->annotations,
        .annotation_count = rule->annotation_count,
    };
    name_series(a, series, &row);
    return row;
}

/* The operator's own words, where the rule has some. */
static const char *own_description(const struct alert_rule *rule) {
    for (size_t i = 0; i < rule->annotation_count; i++)
        if (strcmp(rule->annotations[i].name, "description") == 0)
            return rule->annotations[i].value;
    return NULL;
}

/* Returns new. */
static struct alert_row *pending_row(const struct alerting *a, const struct rule_state *r, uint64_t series,
                                     const struct alert_status *s) {
    static const struct alert_reading unknown;
    char text[DESCRIPTION_SIZE];
    struct text t = {text, sizeof text, 0};
    struct alert_row row = make_row(a, r->rule, series, s, &unknown);
    const char *own = own_description(r->rule);
    if (!own)
        put(&t, "The condition holds, and fires when it has held for %d minutes.", r->rule->for_minutes);
    row.description = own ? own : text;
    const struct alert_row *one = &row;
    return alert_rows_copy(&one, 1);
}

/* The rules that wait for their `for`; each row is a block of its own. */
static size_t pending_rows(const struct alerting *a, struct alert_row **blocks) {
    size_t count = 0;
    for (size_t i = 0; i < a->rule_count; i++)
        for (size_t j = 0; j < a->rules[i].active_count; j++) {
            uint64_t series = a->rules[i].active[j];
            const struct watch *w = map_get(&a->rules[i].watches, series);
            if (w->status.fired_ms)
                continue;
            if (blocks)
                blocks[count] = pending_row(a, &a->rules[i], series, &w->status);
            count++;
        }
    return count;
}

static int by_time(const void *x, const void *y) {
    const struct alert_row *a = x, *b = y;
    if (a->active_ms != b->active_ms)
        return a->active_ms < b->active_ms ? -1 : 1;
    int c = strcmp(a->alertname, b->alertname);
    c = c ? c : strcmp(a->severity, b->severity);
    c = c ? c : strcmp(a->scope, b->scope);
    c = c ? c : strcmp(a->provider, b->provider);
    c = c ? c : strcmp(a->configuration_set, b->configuration_set);
    c = c ? c : strcmp(a->identity, b->identity);
    return c ? c : strcmp(a->reason, b->reason);
}

/* A batch run's incidents have no numbers; but those that mute others, so that one can see which. */
static void take_numbers(struct alert_row *rows, size_t count) {
    struct map muting;
    map_init(&muting, 1);
    for (size_t i = 0; i < count; i++)
        if (rows[i].muted_by)
            map_put(&muting, rows[i].muted_by);
    for (size_t i = 0; i < count; i++)
        if (rows[i].incident && !map_get(&muting, rows[i].incident))
            rows[i].incident = 0;
    map_deinit(&muting);
}

struct alert_row *alerting_rows(const struct alerting *a, size_t *count, uint64_t *dropped) {
    size_t fired = a->incidents.count, pending = pending_rows(a, NULL);
    struct alert_row **all = alloc_zeroed(fired + pending, sizeof(struct alert_row *));
    if (fired)
        memcpy(all, a->incidents.rows, fired * sizeof(struct alert_row *));
    pending_rows(a, all + fired);
    struct alert_row *rows = alert_rows_copy((const struct alert_row *const *)all, fired + pending);
    for (size_t i = fired; i < fired + pending; i++)
        free(all[i]);
    free(all);
    if (!a->live)
        take_numbers(rows, fired);
    if (rows)
        qsort(rows, fired + pending, sizeof *rows, by_time);
    *count = fired + pending;
    *dropped = a->incidents.dropped;
    return rows;
}

/* --- begin and end ------------------------------------------------------------------------------------------------ */

static void touch(struct alerting *a, const struct alert_row *row) {
    alerting_push(&a->touched, &a->touched_count, &a->touched_size, row->incident);
}

static void tell(struct alerting *a, const struct alert_row *row) {
    touch(a, row);
    if (a->live)
        a->hooks.on_change(a->hooks.context, row);
}

static void note_gone(void *context, uint64_t number) {
    struct alerting *a = context;
    alerting_push(&a->gone, &a->gone_count, &a->gone_size, number);
}

void alerting_prune(struct alerting *a, int64_t minute) {
    incidents_prune(&a->incidents, minute * MINUTE_MS, note_gone, a);
}

uint64_t alerting_open_incident(struct alerting *a, struct rule_state *r, uint64_t series, const struct alert_status *s,
                                const struct alert_reading *reading, int64_t minute) {
    char text[DESCRIPTION_SIZE];
    struct text t = {text, sizeof text, 0};
    struct alert_row row = make_row(a, r->rule, series, s, reading);
    put_all(&t, r->rule, reading, &row);
    put_most(&t, a, r, series, reading->numerator, minute);
    const char *own = own_description(r->rule);
    row.description = own ? own : text;
    row.held = a->held;
    if (a->live && a->incidents.count == INCIDENTS_MAX) /* make room: what was over an hour ago was told */
        alerting_prune(a, a->next - 60);
    const struct alert_row *added = incidents_add(&a->incidents, &row);
    if (!added)
        return 0;
    if (a->fresh_count == a->fresh_size) {
        a->fresh_size = a->fresh_size ? a->fresh_size * 2 : 16;
        a->fresh = alloc_resize(a->fresh, a->fresh_size, sizeof *a->fresh);
    }
    a->fresh[a->fresh_count++] = (struct fresh){r, series, added->incident};
    return added->incident;
}

void alerting_close_incident(struct alerting *a, uint64_t incident, int64_t now_ms) {
    struct alert_row *row = incidents_find(&a->incidents, incident);
    if (!row || row->state == ALERT_RESOLVED)
        return;
    row->state = ALERT_RESOLVED;
    row->resolved_ms = now_ms;
    a->some_ended = true;
    tell(a, row);
}

bool alerting_fires(const struct alerting *a, uint64_t incident) {
    const struct alert_row *row = incidents_find(&a->incidents, incident);
    return row && row->state == ALERT_FIRING;
}

void alerting_hold(struct alerting *a, bool held) {
    bool released = a->held && !held;
    a->held = held;
    for (size_t i = 0; released && i < a->incidents.count; i++) {
        struct alert_row *row = a->incidents.rows[i];
        if (!row->held || row->state != ALERT_FIRING)
            continue;
        row->held = false;
        tell(a, row);
    }
}

/* --- one alert for the cause -------------------------------------------------------------------------------------- */

static bool is_of_account(const struct alert_row *row) {
    return strcmp(row->scope, alert_scope_name(SCOPE_ACCOUNT)) == 0;
}

static bool same_series(const struct alert_row *a, const struct alert_row *b) {
    return strcmp(a->scope, b->scope) == 0 && strcmp(a->provider, b->provider) == 0 &&
           strcmp(a->configuration_set, b->configuration_set) == 0 && strcmp(a->identity, b->identity) == 0 &&
           strcmp(a->reason, b->reason) == 0;
}

/* `row` says nothing that `cause`, which is told, does not say. */
static bool mutes(const struct alert_row *cause, const struct alert_row *row) {
    int rank = alert_severity_rank(cause->severity), other = alert_severity_rank(row->severity);
    if (cause == row || strcmp(cause->alertname, row->alertname) != 0)
        return false;
    if (same_series(cause, row))
        return rank > other;
    return is_of_account(cause) && strcmp(cause->rate, row->rate) == 0 && rank >= other &&
           row->fired_ms >= cause->fired_ms - BEFORE_MS;
}

/* The account's own before others, the worse one before the better one, the earlier one before the later one. */
static bool is_better(const struct alert_row *cause, const struct alert_row *than) {
    bool of_account = is_of_account(cause);
    if (of_account != is_of_account(than))
        return of_account;
    return alert_severity_rank(cause->severity) > alert_severity_rank(than->severity);
}

static uint64_t find_cause(const struct alerting *a, const struct alert_row *row) {
    const struct alert_row *best = NULL;
    for (size_t i = 0; i < a->incidents.count; i++) {
        const struct alert_row *cause = a->incidents.rows[i];
        if (cause->state == ALERT_FIRING && !cause->muted_by && mutes(cause, row) && (!best || is_better(cause, best)))
            best = cause;
    }
    return best ? best->incident : 0;
}

/* What may mute others comes before what it may mute. */
static int by_weight(const void *x, const void *y) {
    const struct alert_row *a = *(const struct alert_row *const *)x, *b = *(const struct alert_row *const *)y;
    if (is_of_account(a) != is_of_account(b))
        return is_of_account(a) ? -1 : 1;
    int ranks = alert_severity_rank(b->severity) - alert_severity_rank(a->severity);
    if (ranks)
        return ranks;
    return a->incident < b->incident ? -1 : a->incident > b->incident;
}

/* By rule, as they are configured, and by series. */
static int by_place(const void *x, const void *y) {
    const struct fresh *a = x, *b = y;
    if (a->r != b->r)
        return a->r < b->r ? -1 : 1;
    return a->series < b->series ? -1 : a->series > b->series;
}

/* In which order series are looked at depends on how they came to be known: numbers must not, since others name them.
 * What is fresh has the last numbers, one after the other. */
static void number_fresh(struct alerting *a) {
    size_t count = a->fresh_count, first = a->incidents.count - count;
    uint64_t number = a->incidents.last - count + 1;
    if (count < 2)
        return;
    struct alert_row **rows = alloc_zeroed(count, sizeof(struct alert_row *));
    qsort(a->fresh, count, sizeof *a->fresh, by_place);
    for (size_t i = 0; i < count; i++)
        rows[i] = incidents_find(&a->incidents, a->fresh[i].incident);
    for (size_t i = 0; i < count; i++) {
        struct fresh *f = &a->fresh[i];
        a->incidents.rows[first + i] = rows[i];
        f->incident = rows[i]->incident = number + i;
        ((struct watch *)map_put(&f->r->watches, f->series))->incident = f->incident;
    }
    free(rows);
}

/* What muted them is over: they are to be looked at anew. */
static void collect_freed(struct alerting *a, struct alert_row **list, size_t *count) {
    for (size_t i = 0; i < a->incidents.count; i++) {
        struct alert_row *row = a->incidents.rows[i];
        if (!row->muted_by || row->state != ALERT_FIRING || alerting_fires(a, row->muted_by))
            continue;
        row->muted_by = 0;
        list[(*count)++] = row;
    }
}

/* Those that are held were not told either: what is new may be their cause. */
static void mute_held(struct alerting *a) {
    for (size_t i = 0; a->held && i < a->incidents.count; i++) {
        struct alert_row *row = a->incidents.rows[i];
        if (!row->held || row->state != ALERT_FIRING || row->muted_by)
            continue;
        row->muted_by = find_cause(a, row);
        if (row->muted_by)
            touch(a, row);
    }
}

/* Those that were told stay told: only what is new, held, or was muted by what is over can be muted. */
void alerting_tell_together(struct alerting *a) {
    size_t count = 0;
    if (!a->fresh_count && !a->some_ended)
        return;
    number_fresh(a);
    struct alert_row **list = alloc_zeroed(a->incidents.count + 1, sizeof(struct alert_row *));
    for (size_t i = 0; i < a->fresh_count; i++)
        list[count++] = incidents_find(&a->incidents, a->fresh[i].incident);
    if (a->some_ended)
        collect_freed(a, list, &count);
    if (count)
        qsort(list, count, sizeof(struct alert_row *), by_weight);
    for (size_t i = 0; i < count; i++)
        list[i]->muted_by = find_cause(a, list[i]);
    mute_held(a);
    for (size_t i = 0; i < count; i++)
        tell(a, list[i]);
    free(list);
    a->fresh_count = 0;
    a->some_ended = false;
}
