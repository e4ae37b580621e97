#include "sinks/prometheus.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "sinks/families.h"
#include "sinks/prometheus_parts.h"
#include "version.h"

/* The snapshot, and its rows in an order of their names: the order of rows in a snapshot follows volume and would move
 * series about from one scrape to the next. */
struct page {
    struct exposition to;
    const struct snapshot *s;
    const struct view_row **rows; /* of s->both, by set, then provider */
    const struct detail_row **details;
    const struct window_row **windows;
};

static const char *text_of(const char *s) {
    return s ? s : "";
}

static int compare_text(const char *a, const char *b) {
    return strcmp(text_of(a), text_of(b));
}

static int compare_rows(const void *a, const void *b) {
    const struct view_row *x = *(const struct view_row *const *)a, *y = *(const struct view_row *const *)b;
    int order = compare_text(x->configuration_set, y->configuration_set);
    return order ? order : compare_text(x->provider, y->provider);
}

static int compare_details(const void *a, const void *b) {
    const struct detail_row *x = *(const struct detail_row *const *)a, *y = *(const struct detail_row *const *)b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    int order = compare_text(x->first, y->first);
    order = order ? order : compare_text(x->second, y->second);
    order = order ? order : compare_text(x->configuration_set, y->configuration_set);
    return order ? order : compare_text(x->provider, y->provider);
}

static int compare_windows(const void *a, const void *b) {
    const struct window_row *x = *(const struct window_row *const *)a, *y = *(const struct window_row *const *)b;
    if (x->basis != y->basis)
        return x->basis < y->basis ? -1 : 1;
    if (x->window != y->window)
        return x->window < y->window ? -1 : 1;
    int order = compare_text(x->scope, y->scope);
    order = order ? order : compare_text(x->provider, y->provider);
    order = order ? order : compare_text(x->configuration_set, y->configuration_set);
    return order ? order : compare_text(x->identity, y->identity);
}

/* Pointers to the elements of an array, sorted. Returns new. */
static void *sorted(const void *array, size_t count, size_t size, int (*compare)(const void *, const void *)) {
    const void **pointers = alloc_zeroed(count, sizeof *pointers);
    for (size_t i = 0; i < count; i++)
        pointers[i] = (const char *)array + i * size;
    if (count)
        qsort(pointers, count, sizeof *pointers, compare);
    return pointers;
}

static void write_series(struct page *p, const struct counter_family *family, const struct family_values *values,
                         uint64_t value, const struct exemplar *exemplar) {
    struct metric_label labels[FAMILY_MAX_LABELS];
    size_t count = counter_family_labels(family, values, labels);
    exposition_counter(&p->to, labels, count, value, exemplar);
}

static void write_events(struct page *p, const struct counter_family *family) {
    size_t count = p->s->both.count;
    for (size_t i = 0, end; i < count; i = end) {
        const char *set = p->rows[i]->configuration_set;
        uint64_t sum[EVENT_TYPES] = {0};
        for (end = i; end < count && compare_text(p->rows[end]->configuration_set, set) == 0; end++)
            for (int t = 0; t < EVENT_TYPES; t++)
                sum[t] += p->rows[end]->tally[PERIOD_NOW].records[t];
        for (int t = 0; t < EVENT_TYPES; t++)
            write_series(
                p, family,
                &(struct family_values){.first = event_type_name((enum event_type)t), .configuration_set = set}, sum[t],
                NULL);
    }
}

static void write_recipients(struct page *p, const struct counter_family *family) {
    for (size_t i = 0; i < p->s->both.count; i++) {
        const struct view_row *row = p->rows[i];
        for (int t = 0; t < EVENT_TYPES; t++)
            write_series(p, family,
                         &(struct family_values){.first = event_type_name((enum event_type)t),
                                                 .configuration_set = row->configuration_set,
                                                 .provider = row->provider},
                         row->tally[PERIOD_NOW].recipients[t], NULL);
    }
}

/* Only of the tags that are views; a view's title is `tag:` and the tag's name, or the name alone. */
static void write_tags(struct page *p) {
    bool begun = false;
    for (size_t v = 0; v < p->s->view_count; v++) {
        const struct view *view = &p->s->views[v];
        if (view->kind != VIEW_TAG)
            continue;
        if (!begun)
            exposition_begin(&p->to, "ses_tag_recipients_total", METRIC_COUNTER,
                             "Recipients that the counted events concern, by the value of a message tag.");
        begun = true;
        const char *tag = strncmp(view->title, "tag:", 4) == 0 ? view->title + 4 : view->title;
        for (size_t i = 0; i < view->count; i++)
            for (int t = 0; t < EVENT_TYPES; t++)
                exposition_u64(&p->to,
                               LABELS({"tag", tag}, {"value", view->rows[i].name},
                                      {"event_type", event_type_name((enum event_type)t)}),
                               3, view->rows[i].tally[PERIOD_NOW].recipients[t]);
    }
}

static const struct exemplar *later_of(const struct exemplar *a, const struct exemplar *b) {
    return !a || (b && b->time_ms > a->time_ms) ? b : a;
}

/* What is counted beyond an event's type. */
static void write_details(struct page *p, const struct counter_family *family) {
    size_t count = p->s->detail_count;
    for (size_t i = 0, end; i < count; i = end) {
        const struct detail_row *row = p->details[i];
        const struct exemplar *exemplar = NULL;
        uint64_t sum = 0;
        /* Equal rows become one series: the format allows each only once. */
        for (end = i; end < count && compare_details(&p->details[end], &p->details[i]) == 0; end++) {
            sum += p->details[end]->count;
            exemplar = later_of(exemplar, p->details[end]->exemplar);
        }
        if ((int)row->kind == family->kind)
            write_series(p, family,
                         &(struct family_values){row->first, row->second, row->configuration_set, row->provider}, sum,
                         exemplar);
    }
}

static void write_counter_family(struct page *p, const struct counter_family *family) {
    exposition_begin(&p->to, family->name, METRIC_COUNTER, family->help);
    if (family->kind == FAMILY_EVENTS)
        write_events(p, family);
    else if (family->kind == FAMILY_RECIPIENTS)
        write_recipients(p, family);
    else
        write_details(p, family);
}

static void write_delivery_seconds(struct page *p) {
    exposition_begin(&p->to, "ses_delivery_seconds", METRIC_HISTOGRAM,
                     "Time from SES taking a message in to the recipient's server taking it over.");
    for (size_t i = 0; i < p->s->both.count; i++) {
        const struct view_row *row = p->rows[i];
        const struct tally *t = &row->tally[PERIOD_NOW];
        if (t->recipients[EVENT_DELIVERY] == 0)
            continue;
        exposition_histogram(&p->to, LABELS({"configuration_set", row->configuration_set}, {"provider", row->provider}),
                             2, delivery_bucket_bounds, DELIVERY_BUCKETS - 1, t->delivery_count,
                             (double)t->delivery_ms_sum / 1000, row->deliveries);
    }
}

enum rate_part { RATE_PART_RATIO, RATE_PART_NUMERATOR, RATE_PART_DENOMINATOR };

/* All labels on every series, `identity` too: a label that comes and goes breaks joins. */
static void write_rate_sample(struct page *p, enum rate_part part, const struct window_row *row, enum rate rate) {
    struct metric_label labels[] = {
        {"rate", rate_name(rate)},          {"window", snapshot_window_name(p->s, row->window)},
        {"basis", basis_names[row->basis]}, {"scope", row->scope},
        {"provider", row->provider},        {"configuration_set", row->configuration_set},
        {"identity", row->identity},
    };
    double value;
    if (part == RATE_PART_NUMERATOR)
        exposition_u64(&p->to, labels, COUNT(labels), rate_numerator(rate, &row->counts));
    else if (part == RATE_PART_DENOMINATOR)
        exposition_u64(&p->to, labels, COUNT(labels), rate_denominator(rate, &row->counts));
    else if (rate_value(rate, &row->counts, &value))
        exposition_double(&p->to, labels, COUNT(labels), value);
}

/* By when mail was sent only for the account, providers and sets: with pairs and identities the page would be three
 * times as long. /api/v1/rates has them. */
static bool has_series(const struct window_row *row) {
    return row->basis == BASIS_EVENT || strcmp(row->scope, "account") == 0 || strcmp(row->scope, "provider") == 0 ||
           strcmp(row->scope, "configuration_set") == 0;
}

static void write_rates(struct page *p) {
    static const struct {
        const char *name, *help;
    } parts[] = {
        [RATE_PART_RATIO] = {"ses_rate_ratio",
                             "Rate over a window that ends at the watermark; absent while its denominator is 0."},
        [RATE_PART_NUMERATOR] = {"ses_rate_numerator", "What ses_rate_ratio divides."},
        [RATE_PART_DENOMINATOR] = {"ses_rate_denominator", "What ses_rate_ratio divides by."},
    };
    for (size_t part = 0; part < COUNT(parts); part++) {
        exposition_begin(&p->to, parts[part].name, METRIC_GAUGE, parts[part].help);
        for (size_t i = 0; i < p->s->window_count; i++)
            for (int rate = 0; rate < RATES && has_series(p->windows[i]); rate++)
                write_rate_sample(p, (enum rate_part)part, p->windows[i], (enum rate)rate);
    }
}

static int compare_alerts(const void *a, const void *b) {
    const struct alert_row *x = *(const struct alert_row *const *)a, *y = *(const struct alert_row *const *)b;
    int order = compare_text(x->alertname, y->alertname);
    order = order ? order : compare_text(x->severity, y->severity);
    order = order ? order : compare_text(x->scope, y->scope);
    order = order ? order : compare_text(x->provider, y->provider);
    return order ? order : compare_text(x->configuration_set, y->configuration_set);
}

/* The list has a row for each time an alert fired; its series is one, and 1 if the last of them still fires. */
static void write_alerts(struct page *p) {
    exposition_begin(&p->to, "ses_alert_firing", METRIC_GAUGE,
                     "1 while the alert fires, 0 when it was pending or firing before.");
    size_t count = p->s->alert_count;
    const struct alert_row **alerts = sorted(p->s->alerts, count, sizeof *p->s->alerts, compare_alerts);
    for (size_t i = 0, end; i < count; i = end) {
        const struct alert_row *a = alerts[i];
        bool firing = false;
        for (end = i; end < count && compare_alerts(&alerts[end], &alerts[i]) == 0; end++)
            firing = firing || alerts[end]->state == ALERT_FIRING;
        exposition_u64(&p->to,
                       LABELS({"alert", a->alertname}, {"severity", a->severity}, {"scope", a->scope},
                              {"provider", a->provider}, {"configuration_set", a->configuration_set}),
                       5, firing);
    }
    free(alerts);
}

/* One counter of every source's accounting, found by its place in the struct. */
static void write_source_counter(struct page *p, size_t offset) {
    for (size_t i = 0; i < p->s->source_count; i++) {
        const struct source_row *source = &p->s->sources[i];
        uint64_t value;
        memcpy(&value, (const char *)&source->accounting + offset, sizeof value);
        exposition_u64(&p->to, LABELS({"source", source->name}), 1, value);
    }
}

static void write_records(struct page *p) {
    static const struct {
        const char *name, *help;
        size_t offset;
    } families[] = {
        {"ses_collector_records_read_total", "Records read, damaged ones included.", offsetof(struct accounting, read)},
        {"ses_collector_records_counted_total", "Records counted.", offsetof(struct accounting, counted)},
        {"ses_collector_events_duplicate_total", "Records whose events were all counted before.",
         offsetof(struct accounting, duplicate)},
        {"ses_collector_events_late_total", "Records older than the allowed lateness.",
         offsetof(struct accounting, late)},
        {"ses_collector_events_future_total", "Records from more than 5 minutes ahead of the clock.",
         offsetof(struct accounting, future)},
        {"ses_collector_records_filtered_total",
         "Records understood and left out: no sending events, or outside the period.",
         offsetof(struct accounting, filtered)},
        {"ses_collector_bytes_read_total", "Bytes read, as stored.", offsetof(struct accounting, bytes_read)},
        {"ses_collector_bytes_decoded_total", "Bytes after decompression.", offsetof(struct accounting, bytes_decoded)},
    };
    for (size_t i = 0; i < COUNT(families); i++) {
        /* A worker writes records and leaves the counting to others: theirs would be added to these. */
        size_t at = families[i].offset;
        bool is_counting = at >= offsetof(struct accounting, counted) && at <= offsetof(struct accounting, future);
        if (p->s->has_worker && is_counting)
            continue;
        exposition_begin(&p->to, families[i].name, METRIC_COUNTER, families[i].help);
        write_source_counter(p, at);
    }
}

static void write_malformed(struct page *p) {
    exposition_begin(&p->to, "ses_collector_records_malformed_total", METRIC_COUNTER,
                     "Records that could not be understood, by reason.");
    for (size_t i = 0; i < p->s->source_count; i++)
        for (int r = 0; r < MALFORMED_REASONS; r++)
            exposition_u64(
                &p->to,
                LABELS({"source", p->s->sources[i].name}, {"reason", malformed_reason_name((enum malformed_reason)r)}),
                2, p->s->sources[i].accounting.malformed[r]);
}

static void write_objects_of(struct page *p, const struct source_row *source) {
    const struct accounting *a = &source->accounting;
    const struct {
        const char *result;
        uint64_t value;
    } results[] = {{"done", a->objects_done},
                   {"empty", a->objects_empty},
                   {"damaged", a->objects_damaged},
                   {"unsupported", a->objects_unsupported},
                   {"unreadable", a->objects_unreadable}};
    for (size_t i = 0; i < COUNT(results); i++)
        exposition_u64(&p->to, LABELS({"source", source->name}, {"result", results[i].result}), 2, results[i].value);
}

static void write_objects(struct page *p) {
    exposition_begin(&p->to, "ses_collector_objects_read_total", METRIC_COUNTER,
                     "Objects (files) taken up, by what became of them.");
    for (size_t i = 0; i < p->s->source_count; i++)
        write_objects_of(p, &p->s->sources[i]);
}

static void write_times(struct page *p) {
    exposition_begin(&p->to, "ses_collector_watermark_timestamp_seconds", METRIC_GAUGE,
                     "Latest event time counted; windows end here. Absent before the first event.");
    if (p->s->watermark_ms)
        exposition_double(&p->to, NULL, 0, (double)p->s->watermark_ms / 1000);
    exposition_begin(&p->to, "ses_collector_last_event_timestamp_seconds", METRIC_GAUGE,
                     "Latest event time of each event type. Absent before the first event.");
    for (int t = 0; t < EVENT_TYPES; t++)
        if (p->s->last_event_ms[t])
            exposition_double(&p->to, LABELS({"event_type", event_type_name((enum event_type)t)}), 1,
                              (double)p->s->last_event_ms[t] / 1000);
}

static void write_self(struct page *p) {
    const struct snapshot *s = p->s;
    const struct {
        const char *label;
        uint64_t value;
    } overflows[] = {{"configuration_set", s->overflow_set},
                     {"identity", s->overflow_identity},
                     {"tag", s->overflow_tag},
                     {"template", s->overflow_template},
                     {"domain", s->domains_forgotten}};
    exposition_begin(&p->to, "ses_collector_label_overflow_total", METRIC_COUNTER,
                     "Names folded into the value other, since their label was full.");
    for (size_t i = 0; i < COUNT(overflows); i++)
        exposition_u64(&p->to, LABELS({"label", overflows[i].label}), 1, overflows[i].value);
    exposition_begin(&p->to, "ses_collector_domains_learned", METRIC_GAUGE,
                     "Domains whose provider was told by what replies say.");
    exposition_u64(&p->to, NULL, 0, s->domains_learned);
    exposition_begin(&p->to, "ses_collector_visits_forgotten_total", METRIC_COUNTER,
                     "First opens and clicks forgotten before their time, for want of room: these messages may count "
                     "again.");
    exposition_u64(&p->to, NULL, 0, s->visits_forgotten);
    exposition_begin(&p->to, "ses_collector_series", METRIC_GAUGE, "Time series held.");
    exposition_u64(&p->to, NULL, 0, s->series);
}

static void write_build(struct page *p) {
    exposition_begin(&p->to, "ses_collector_build_info", METRIC_INFO, "Always 1; the labels say what runs.");
    exposition_u64(&p->to, LABELS({"version", SES_COLLECTOR_VERSION}), 1, 1);
}

static void write_mail(struct page *p) {
    for (size_t i = 0; i < COUNTER_FAMILIES; i++)
        write_counter_family(p, &counter_families[i]);
    write_tags(p);
    write_delivery_seconds(p);
    write_rates(p);
    prometheus_write_reputation(&p->to, p->s);
    write_alerts(p);
}

static void write_counting(struct page *p) {
    write_objects(p);
    write_times(p);
    write_self(p);
}

static void write_families(struct exposition to, const struct snapshot *s) {
    struct page p = {
        .to = to,
        .s = s,
        .rows = sorted(s->both.rows, s->both.count, sizeof *s->both.rows, compare_rows),
        .details = sorted(s->details, s->detail_count, sizeof *s->details, compare_details),
        .windows = sorted(s->windows, s->window_count, sizeof *s->windows, compare_windows),
    };
    if (!s->has_worker)
        write_mail(&p);
    write_records(&p);
    write_malformed(&p);
    if (!s->has_worker)
        write_counting(&p);
    write_build(&p);
    if (s->has_service) {
        prometheus_write_service(&p.to, s);
        prometheus_write_process(&p.to, s);
    }
    exposition_end(&p.to);
    free(p.rows);
    free(p.details);
    free(p.windows);
}

static bool write_page(FILE *out, const struct snapshot *s, enum exposition_format format, struct err *err) {
    errno = 0;
    write_families((struct exposition){.out = out, .format = format}, s);
    int reason = errno;
    if (ferror(out))
        return err_set_errno(err, ERR_IO, reason ? reason : EIO, "cannot write the metrics");
    return true;
}

bool prometheus_write(FILE *out, const struct snapshot *s, struct err *err) {
    return write_page(out, s, EXPOSITION_TEXT, err);
}

bool openmetrics_write(FILE *out, const struct snapshot *s, struct err *err) {
    return write_page(out, s, EXPOSITION_OPENMETRICS, err);
}

void prometheus_feed(const struct exposition_taker *taker, const struct snapshot *s) {
    /* OpenMetrics: Prometheus prefers it when it scrapes, and a bound shall have one form however it comes. */
    write_families((struct exposition){.format = EXPOSITION_OPENMETRICS, .taker = taker}, s);
}
