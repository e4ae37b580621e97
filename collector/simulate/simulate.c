#include "simulate/simulate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "simulate/damage.h"
#include "simulate/record.h"
#include "simulate/schedule.h"
#include "simulate/timeline.h"
#include "simulate/truth.h"

enum {
    HOUR_MS = 3600000,
    LATE_MS = 24 * HOUR_MS,
    ON_TIME_MS = 60000, /* what is not late arrives within a minute */
    STEP_RECORDS = 4096,
    /* A message's records together, less than on the average: a period planned for a size is not to fall short of it.
     */
    MESSAGE_BYTES = 3500,
    DUPLICATE_MS = 6 * HOUR_MS,
    SURGE = 10,        /* times the mail */
    DROP_PPM = 900000, /* of the mail that is not sent */
};

const char *const incident_names[INCIDENTS] = {"blocklist", "outage", "complaints",      "badlist", "silence",
                                               "drop",      "surge",  "lost-deliveries", "spamtrap"};

struct simulate {
    struct simulate_options options;
    struct catalog *catalog;
    struct incidents incidents;
    struct schedule schedule;
    int64_t live_ms;     /* live: when the clock is followed; before that it is the past */
    int64_t interval_ms; /* live: an object's from then on; 0: as before */
    bool following;      /* live: live_ms is over */
    bool sending;        /* there is a next message, at next_ms */
    int64_t next_ms, last_sent_ms, now_ms;
    uint32_t next_index;
    struct pending_heap pending;
    struct dump *dump;
    struct truth *truth;
    struct prng damage;
    struct buf damaged;
    struct simulate_totals totals;
    struct record_writer writer;
    struct timeline timeline;
    char record[RECORD_MAX];
};

void simulate_options_init(struct simulate_options *o) {
    *o = (struct simulate_options){
        .seed = 1,
        .start_ms = 1793491200000, /* 2026-11-01T00:00:00Z */
        .duration_ms = HOUR_MS,
        .tail_ms = 2 * HOUR_MS,
        .duplicates_ppm = 10000,
        .late_ppm = 50000,
        .multi_ppm = 80000,
        .sets = CATALOG_USES,
        .identities = 4,
        .dump = {.fd = 1, .stream = "ses-events", .object_size = 5 << 20},
    };
}

static bool resolve_what(const struct catalog *c, const struct simulate_incident *from, struct incident *to,
                         struct err *err) {
    struct span what = span_of(from->what);
    if (span_is(what, "all")) {
        to->scope = INCIDENT_ALL;
        return true;
    }
    for (uint32_t i = 0; i < ISPS; i++) {
        if (i != ISP_SIMULATOR && span_eq(what, span_of(isps[i].name))) {
            to->scope = INCIDENT_ISP;
            to->which = i;
            return true;
        }
    }
    for (uint32_t i = 0; i < c->set_count; i++) {
        if (span_eq(what, c->sets[i].name)) {
            to->scope = INCIDENT_SET;
            to->which = i;
            return true;
        }
    }
    return err_set(err, ERR_USAGE, "an incident is to hit '%s', which is neither a provider nor a configuration set",
                   from->what);
}

static bool is_of_provider(enum incident_kind kind) {
    return kind == INCIDENT_BLOCKLIST || kind == INCIDENT_OUTAGE || kind == INCIDENT_SPAMTRAP;
}

static bool resolve_incidents(struct simulate *s, struct err *err) {
    const struct simulate_options *o = &s->options;
    for (uint32_t i = 0; i < o->incident_count; i++) {
        const struct simulate_incident *from = &o->incidents[i];
        struct incident *to = &s->incidents.items[s->incidents.count++];
        to->kind = from->kind;
        to->start_ms = o->start_ms + o->backfill_ms + from->start_ms;
        to->end_ms = to->start_ms + from->length_ms;
        if (!resolve_what(s->catalog, from, to, err))
            return false;
        if (to->start_ms >= o->start_ms + o->duration_ms)
            return err_set(err, ERR_USAGE, "the incident '%s@%s' begins after the period's end: see --duration",
                           incident_names[to->kind], from->what);
        if (to->scope == INCIDENT_SET && is_of_provider(to->kind))
            return err_set(err, ERR_USAGE, "'%s' is a matter of a provider, and '%s' is a configuration set",
                           incident_names[to->kind], from->what);
        if (to->scope == INCIDENT_ISP && to->kind != INCIDENT_COMPLAINTS && !is_of_provider(to->kind))
            return err_set(err, ERR_USAGE, "'%s' is a matter of a configuration set, and '%s' is a provider",
                           incident_names[to->kind], from->what);
        if (to->kind == INCIDENT_COMPLAINTS && to->scope == INCIDENT_ISP && !isps[to->which].feedback)
            return err_set(err, ERR_USAGE, "no complaints can come from %s: it sends SES no feedback", from->what);
    }
    return true;
}

static bool plan_messages(struct simulate *s, struct err *err) {
    struct simulate_options *o = &s->options;
    int64_t end_ms = o->start_ms + o->duration_ms;
    if (o->per_second > 0 && !o->curve) {
        schedule_init_even(&s->schedule, prng_mix(o->seed), o->start_ms, end_ms, o->per_second);
    } else {
        if (o->per_second > 0)
            o->messages = (uint64_t)(o->per_second * (double)o->duration_ms / 1000);
        else if (!o->messages)
            o->messages = o->dump.max_bytes ? o->dump.max_bytes / MESSAGE_BYTES + 100 : 10000;
        schedule_init_curve(&s->schedule, prng_mix(o->seed), o->start_ms, end_ms, o->messages, o->uneven_ppm);
    }
    uint64_t most = s->schedule.total;
    for (uint32_t i = 0; i < s->incidents.count; i++)
        most = s->incidents.items[i].kind == INCIDENT_SURGE ? s->schedule.total * SURGE : most;
    if (most > UINT32_MAX)
        return err_set(err, ERR_USAGE, "over %u messages in one run", UINT32_MAX);
    s->sending = schedule_next(&s->schedule, &s->next_ms);
    return true;
}

struct simulate *simulate_open(const struct simulate_options *options, struct err *err) {
    struct simulate *s = alloc_zeroed(1, sizeof *s);
    s->options = *options;
    s->options.dump.seed = options->seed;
    s->live_ms = options->start_ms + options->backfill_ms;
    s->interval_ms = options->dump.interval_ms;
    if (options->live && options->backfill_ms)
        s->options.dump.interval_ms = 0; /* what is past lies in objects as Firehose makes them by itself */
    s->catalog = catalog_create(options->sets, options->identities);
    s->writer.catalog = s->catalog;
    s->damage.state = prng_mix(options->seed + 0x64616d616765ull);
    buf_init(&s->damaged, 2 * RECORD_MAX);
    if (!resolve_incidents(s, err) || !plan_messages(s, err))
        goto failed;
    int64_t longest_ms = options->late_ppm ? LATE_MS + ON_TIME_MS : ON_TIME_MS;
    if (options->truth) {
        s->truth = truth_open(options->truth, s->catalog, options->start_ms, longest_ms, err);
        if (!s->truth)
            goto failed;
    }
    s->dump = dump_open(&s->options.dump, err);
    if (!s->dump)
        goto failed;
    return s;
failed:
    simulate_destroy(s);
    return NULL;
}

void simulate_destroy(struct simulate *s) {
    if (!s)
        return;
    dump_destroy(s->dump);
    truth_destroy(s->truth);
    pending_deinit(&s->pending);
    buf_deinit(&s->damaged);
    catalog_destroy(s->catalog);
    free(s);
}

/* From the event to Firehose: seconds, now and then most of a minute; late ones hours, so in another hour's folder. */
static int64_t lag_of(struct prng *r, bool late) {
    static const uint32_t on_time[] = {120, 250, 400, 650, 1100, 2200, 9000};
    static const uint32_t slow[] = {9000, 20000, 55000};
    if (late)
        return prng_between(r, HOUR_MS, LATE_MS - 1);
    return prng_chance(r, 990000) ? PRNG_QUANTILE(r, on_time) : PRNG_QUANTILE(r, slow);
}

static void queue_event(struct simulate *s, const struct message *m, struct pending *e) {
    const struct simulate_options *o = &s->options;
    int64_t event_ms = m->sent_ms + e->after_ms;
    if (event_ms > (o->live ? m->sent_ms : o->start_ms + o->duration_ms) + o->tail_ms)
        return;
    if (s->incidents.count && incident_find(&s->incidents, INCIDENT_SILENCE, m->set, ISPS, event_ms))
        return;
    if (s->incidents.count && pending_type(e) == EVENT_DELIVERY &&
        incident_find(&s->incidents, INCIDENT_LOST, m->set, ISPS, event_ms))
        return;
    struct prng r = {prng_mix(m->seed + 0x6c6167ull) + e->ordinal};
    bool late = prng_chance(&r, o->late_ppm);
    int64_t lag = lag_of(&r, late);
    e->arrival_ms = event_ms + lag;
    e->waited_ms = (uint32_t)(e->arrival_ms - m->sent_ms);
    e->what |= late ? PENDING_LATE << 4 : 0;
    pending_push(&s->pending, e);
    if (!prng_chance(&r, o->duplicates_ppm))
        return;
    /* At least once: again soon, or hours later. */
    uint32_t again = 1 + (prng_chance(&r, 850000) ? prng_below(&r, 300000) : prng_below(&r, DUPLICATE_MS));
    e->arrival_ms += again;
    e->waited_ms += again;
    e->what |= PENDING_DUPLICATE << 4;
    pending_push(&s->pending, e);
}

static bool is_held_back(const struct simulate *s, const struct message *m) {
    if (!s->incidents.count)
        return false;
    if (incident_find(&s->incidents, INCIDENT_SILENCE, m->set, ISPS, m->sent_ms))
        return true;
    struct prng r = {prng_mix(m->seed + 0x64726f70ull)};
    return incident_find(&s->incidents, INCIDENT_DROP, m->set, ISPS, m->sent_ms) && prng_chance(&r, DROP_PPM);
}

static void send(struct simulate *s, const struct message *m) {
    if (is_held_back(s, m))
        return;
    s->last_sent_ms = m->sent_ms;
    s->totals.messages++;
    timeline_make(s->catalog, &s->incidents, m, &s->timeline);
    for (uint32_t i = 0; i < s->timeline.count; i++)
        queue_event(s, m, &s->timeline.events[i]);
}

/* What a surge sends besides, up to the next message's time: as many more of every set, of which those stay that it is
 * about. */
static void send_surge(struct simulate *s, int64_t from_ms, int64_t to_ms) {
    bool any = false;
    for (uint32_t i = 0; i < s->incidents.count; i++) {
        const struct incident *x = &s->incidents.items[i];
        any = any || (x->kind == INCIDENT_SURGE && from_ms >= x->start_ms && from_ms < x->end_ms);
    }
    for (int64_t i = 1; any && i < SURGE; i++) {
        struct message m;
        int64_t at_ms = from_ms + (to_ms - from_ms) * i / SURGE;
        message_derive(s->catalog, s->options.seed, s->options.multi_ppm, s->next_index++, at_ms, &m);
        if (incident_find(&s->incidents, INCIDENT_SURGE, m.set, ISPS, at_ms))
            send(s, &m);
    }
}

static void send_next(struct simulate *s) {
    struct message m;
    int64_t at_ms = s->next_ms;
    message_derive(s->catalog, s->options.seed, s->options.multi_ppm, s->next_index++, at_ms, &m);
    send(s, &m);
    s->sending = schedule_next(&s->schedule, &s->next_ms);
    if (s->incidents.count)
        send_surge(s, at_ms, s->sending ? s->next_ms : at_ms);
}

static bool counts_once(enum event_type type) {
    return type == EVENT_COMPLAINT || type == EVENT_OPEN || type == EVENT_CLICK || type == EVENT_SUBSCRIPTION;
}

static bool count_recipients(struct simulate *s, const struct message *m, const struct pending *e,
                             const struct record_form *form, uint32_t set, struct err *err) {
    uint32_t type = pending_type(e), recipients = pending_recipients(e);
    int64_t event_ms = pending_event_ms(e);
    for (uint32_t i = 0; i < m->recipient_count; i++) {
        if (!(recipients & 1u << i))
            continue;
        uint32_t domain = form->forwarded ? form->forwarded_to.domain : m->recipients[i].domain;
        if (!truth_add(s->truth, event_ms, s->now_ms, type, set, s->catalog->domains[domain].isp, 0, 1, err))
            return false;
    }
    return true;
}

static bool count(struct simulate *s, const struct message *m, const struct pending *e, const struct record_form *form,
                  struct err *err) {
    enum event_type type = (enum event_type)pending_type(e);
    uint32_t recipients = pending_recipients(e);
    bool once = counts_once(type);
    s->totals.records_of[type]++;
    s->totals.recipients_of[type] += once ? 1 : (uint32_t)__builtin_popcount(recipients);
    if (!s->truth)
        return true;
    uint32_t set = form->has_set ? m->set : TRUTH_NO_SET;
    uint32_t isp =
        form->forwarded ? s->catalog->domains[form->forwarded_to.domain].isp : message_isp(s->catalog, m, recipients);
    if (!truth_add(s->truth, pending_event_ms(e), s->now_ms, type, set, isp, 1, once ? 1 : 0, err))
        return false;
    return once || count_recipients(s, m, e, form, set, err);
}

static bool write_damaged(struct simulate *s, struct span record, struct err *err) {
    enum dump_framing framing = s->options.dump.framing;
    damage_record(&s->damage, record, framing == DUMP_NEWLINE || framing == DUMP_CRLF, &s->damaged);
    s->totals.records++;
    s->totals.malformed++;
    return dump_write(s->dump, buf_span(&s->damaged), s->now_ms, err);
}

static bool write_event(struct simulate *s, const struct pending *e, struct err *err) {
    struct message m;
    s->now_ms = e->arrival_ms;
    message_derive(s->catalog, s->options.seed, s->options.multi_ppm, e->message, pending_sent_ms(e), &m);
    struct record_form form = record_form_of(s->catalog, &m, e);
    struct span record = {s->record, record_write(&s->writer, &m, e, &form, s->record)};
    if (!dump_write(s->dump, record, s->now_ms, err))
        return false;
    s->totals.records++;
    s->totals.late += pending_is(e, PENDING_LATE);
    if (pending_is(e, PENDING_DUPLICATE))
        s->totals.duplicates++;
    else if (!count(s, &m, e, &form, err))
        return false;
    if (prng_chance(&s->damage, s->options.malformed_ppm))
        return write_damaged(s, record, err);
    return true;
}

static bool write_summary(const struct simulate *s, struct err *err) {
    const char *path = s->options.truth_summary;
    FILE *file = fopen(path, "we");
    if (!file)
        return err_set_errno(err, ERR_IO, errno, "cannot write %s", path);
    struct simulate_totals t;
    simulate_totals(s, &t);
    fprintf(file, "{\"messages\":%ju,\"records\":%ju,\"duplicates\":%ju,\"malformed\":%ju,\"late\":%ju,",
            (uintmax_t)t.messages, (uintmax_t)t.records, (uintmax_t)t.duplicates, (uintmax_t)t.malformed,
            (uintmax_t)t.late);
    fprintf(file, "\"bytes\":%ju,\"objects\":%ju,\n \"event_types\":{", (uintmax_t)t.bytes, (uintmax_t)t.objects);
    for (int i = 0; i < EVENT_TYPES; i++)
        fprintf(file, "%s\n  \"%s\":{\"records\":%ju,\"recipients\":%ju}", i ? "," : "",
                event_type_name((enum event_type)i), (uintmax_t)t.records_of[i], (uintmax_t)t.recipients_of[i]);
    fputs("}}\n", file);
    bool failed = ferror(file);
    if (fclose(file) != 0 || failed)
        return err_set_errno(err, ERR_IO, errno, "cannot write %s", path);
    return true;
}

bool simulate_finish(struct simulate *s, struct err *err) {
    bool ok = dump_finish(s->dump, err);
    if (ok && s->truth)
        ok = truth_finish(s->truth, err);
    if (ok && s->options.truth_summary)
        ok = write_summary(s, err);
    if (ok && dump_left_out(s->dump))
        ok = err_set(err, ERR_IO, "nobody reads standard output: what was still to be written is left out");
    return ok;
}

static enum simulate_status finish(struct simulate *s, struct err *err) {
    return simulate_finish(s, err) ? SIMULATE_DONE : SIMULATE_FAILED;
}

/* A message's records come after it: none that is not made yet could be before the first that waits. What is later than
 * `now_ms` is not looked for: a stream that is silent for a day makes that day's messages as they come. */
static void send_due(struct simulate *s, int64_t now_ms) {
    while (s->sending && s->next_ms <= now_ms && (!s->pending.count || s->next_ms <= s->pending.items[0].arrival_ms))
        send_next(s);
}

enum simulate_status simulate_step(struct simulate *s, struct err *err) {
    for (int i = 0; i < STEP_RECORDS; i++) {
        send_due(s, INT64_MAX);
        struct pending e;
        if (dump_is_full(s->dump) || !pending_pop(&s->pending, &e))
            return finish(s, err);
        if (!s->sending && pending_event_ms(&e) > s->last_sent_ms + s->options.tail_ms)
            continue; /* the last message was sent before the period's end */
        if (!write_event(s, &e, err))
            return dump_is_closed(s->dump) ? finish(s, err) : SIMULATE_FAILED;
    }
    return SIMULATE_MORE;
}

/* The next message, record or end of an object. */
static int64_t next_due_ms(const struct simulate *s) {
    int64_t due_ms = s->sending ? s->next_ms : INT64_MAX, object_ms = dump_due_ms(s->dump);
    if (s->pending.count && s->pending.items[0].arrival_ms < due_ms)
        due_ms = s->pending.items[0].arrival_ms;
    return object_ms < due_ms ? object_ms : due_ms;
}

/* What was past when it began is written, and lies in objects that are whole. */
static bool follow(struct simulate *s, struct err *err) {
    s->following = true;
    if (s->interval_ms)
        dump_set_interval(s->dump, s->interval_ms);
    return dump_finish(s->dump, err);
}

enum simulate_status simulate_step_to(struct simulate *s, int64_t now_ms, int64_t *due_ms, struct err *err) {
    int64_t end_ms = s->options.start_ms + s->options.duration_ms;
    int64_t until_ms = now_ms < end_ms ? now_ms : end_ms;
    if (!s->following && until_ms > s->live_ms)
        until_ms = s->live_ms;
    for (int i = 0; i < STEP_RECORDS; i++) {
        send_due(s, until_ms);
        struct pending e;
        if (dump_is_full(s->dump))
            return finish(s, err);
        if (!s->pending.count || s->pending.items[0].arrival_ms > until_ms) {
            if (s->following && now_ms >= end_ms)
                return finish(s, err);
            if (!s->following && now_ms >= s->live_ms && !follow(s, err))
                return dump_is_closed(s->dump) ? finish(s, err) : SIMULATE_FAILED;
            break;
        }
        pending_pop(&s->pending, &e);
        if (!write_event(s, &e, err))
            return dump_is_closed(s->dump) ? finish(s, err) : SIMULATE_FAILED;
    }
    if (s->following && !dump_flush(s->dump, now_ms, err))
        return dump_is_closed(s->dump) ? finish(s, err) : SIMULATE_FAILED;
    *due_ms = s->following ? next_due_ms(s) : now_ms;
    *due_ms = end_ms < *due_ms ? end_ms : *due_ms;
    return SIMULATE_MORE;
}

int64_t simulate_longest_ms(double per_second) {
    double by_number = (double)(UINT32_MAX / SURGE) / per_second * 1000, ten_years = 3660.0 * 24 * HOUR_MS;
    return (int64_t)(by_number < ten_years ? by_number : ten_years);
}

void simulate_totals(const struct simulate *s, struct simulate_totals *totals) {
    *totals = s->totals;
    totals->bytes = dump_bytes(s->dump);
    totals->objects = dump_objects(s->dump);
}

bool simulate_reader_left(const struct simulate *s) {
    return dump_is_closed(s->dump);
}

double simulate_progress(const struct simulate *s) {
    double by_message = s->schedule.total ? (double)s->schedule.issued / (double)s->schedule.total : 1;
    if (!s->options.dump.max_bytes)
        return by_message;
    double by_size = (double)dump_bytes(s->dump) / (double)s->options.dump.max_bytes;
    return by_size > by_message ? by_size : by_message;
}
