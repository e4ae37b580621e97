#include "model/snapshot.h"

#include <stdlib.h>

#include <assert.h>

/* Most mail is handed over within seconds. What a receiver defers comes with the retries, minutes to hours later.
 * The bounds are close where most mail lies and wide beyond. */
const double delivery_bucket_bounds[DELIVERY_BUCKETS - 1] = {0.1, 0.25, 0.5, 1,   2.5,  5,    10,
                                                             30,  60,   300, 900, 1800, 3600, 14400};

int delivery_bucket(uint32_t ms) {
    double seconds = ms / 1000.0;
    int i = 0;
    while (i < DELIVERY_BUCKETS - 1 && seconds > delivery_bucket_bounds[i])
        i++;
    return i;
}

const double commit_bucket_bounds[COMMIT_BUCKETS - 1] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5};

const char *const push_endpoint_names[PUSH_ENDPOINTS] = {"firehose", "sns", "other"};
const char *const push_result_names[PUSH_RESULTS] = {"accepted",  "unauthorized", "forbidden",
                                                     "malformed", "too_large",    "busy"};

const char *const basis_names[BASES] = {[BASIS_EVENT] = "event", [BASIS_SENT] = "sent"};

const char *snapshot_window_name(const struct snapshot *s, int window) {
    static const char *const names[WINDOW_LAST_SENDS] = {"5m", "1h", "24h", "7d"};
    assert(window >= 0 && window < WINDOWS);
    return window == WINDOW_LAST_SENDS ? s->last_sends_name : names[window];
}

static const struct {
    const char *name, *text;
} reasons[MALFORMED_REASONS] = {
    [MALFORMED_NOT_JSON] = {"not_json", "the bytes do not begin a JSON object"},
    [MALFORMED_STRUCTURE] = {"structure", "brackets, commas or colons, or parts of a compact record, are out of place"},
    [MALFORMED_TRUNCATED] = {"truncated", "the record ends in the middle"},
    [MALFORMED_TOO_LARGE] = {"too_large", "the record is larger than 1 MiB"},
    [MALFORMED_TOO_DEEP] = {"too_deep", "the record is nested deeper than 64 levels"},
    [MALFORMED_DUPLICATE_KEY] = {"duplicate_key", "a key that is read stands twice in one object"},
    [MALFORMED_MISSING_FIELD] = {"missing_field", "a needed field is missing"},
    [MALFORMED_WRONG_TYPE] = {"wrong_type", "a needed field is of another type"},
    [MALFORMED_BAD_TIME] = {"bad_time", "a needed time cannot be read"},
    [MALFORMED_NOT_SES] = {"not_ses", "neither an SES record, nor a known envelope, nor a known compact form"},
    [MALFORMED_BAD_ENVELOPE] = {"bad_envelope", "the envelope's content cannot be taken out, or is nested over 3 deep"},
};

const char *malformed_reason_name(enum malformed_reason r) {
    assert((size_t)r < MALFORMED_REASONS && reasons[r].name);
    return reasons[r].name;
}

const char *malformed_reason_text(enum malformed_reason r) {
    assert((size_t)r < MALFORMED_REASONS && reasons[r].text);
    return reasons[r].text;
}

static void add_all(uint64_t *to, const uint64_t *from, size_t count) {
    for (size_t i = 0; i < count; i++)
        to[i] += from[i];
}

void tally_add(struct tally *to, const struct tally *from) {
    add_all(to->records, from->records, EVENT_TYPES);
    add_all(to->recipients, from->recipients, EVENT_TYPES);
    add_all(to->rates.n, from->rates.n, RATE_COUNTERS);
    add_all(to->delivery_count, from->delivery_count, DELIVERY_BUCKETS);
    to->delivery_ms_sum += from->delivery_ms_sum;
}

uint64_t accounting_malformed(const struct accounting *a) {
    uint64_t sum = 0;
    for (int i = 0; i < MALFORMED_REASONS; i++)
        sum += a->malformed[i];
    return sum;
}

bool accounting_holds(const struct accounting *a) {
    return a->read == a->counted + a->duplicate + a->late + a->future + a->filtered + accounting_malformed(a);
}

void accounting_add(struct accounting *to, const struct accounting *from) {
    to->read += from->read;
    to->counted += from->counted;
    to->duplicate += from->duplicate;
    to->late += from->late;
    to->future += from->future;
    to->filtered += from->filtered;
    add_all(to->malformed, from->malformed, MALFORMED_REASONS);
    to->bytes_read += from->bytes_read;
    to->bytes_decoded += from->bytes_decoded;
    to->objects_done += from->objects_done;
    to->objects_empty += from->objects_empty;
    to->objects_damaged += from->objects_damaged;
    to->objects_unsupported += from->objects_unsupported;
    to->objects_unreadable += from->objects_unreadable;
}

void source_row_deinit(struct source_row *row) {
    free(row->trouble);
    for (size_t i = 0; i < row->partition_count; i++)
        free(row->partitions[i].topic);
    free(row->partitions);
}
