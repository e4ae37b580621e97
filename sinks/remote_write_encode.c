#include "sinks/remote_write_encode.h"

#include <assert.h>
#include <snappy-c.h>
#include <stdlib.h>

#include "core/alloc.h"

/* --- protobuf ----------------------------------------------------------------------------------------------------- */

enum { WIRE_VARINT = 0, WIRE_DOUBLE = 1, WIRE_BYTES = 2, VARINT_MAX = 10, DOUBLE_SIZE = 8 };

/* Of field numbers below 16: such a tag is one byte. */
static unsigned char tag(unsigned field, unsigned wire) {
    return (unsigned char)(field << 3 | wire);
}

/* Seven bits a byte, the lowest first; the highest bit says that more follow. */
static size_t make_varint(uint64_t value, unsigned char out[VARINT_MAX]) {
    size_t len = 0;
    for (; value >= 0x80; value >>= 7)
        out[len++] = (unsigned char)(value | 0x80);
    out[len++] = (unsigned char)value;
    return len;
}

static size_t varint_size(uint64_t value) {
    size_t size = 1;
    for (; value >= 0x80; value >>= 7)
        size++;
    return size;
}

static void put_varint(struct buf *to, uint64_t value) {
    unsigned char bytes[VARINT_MAX];
    buf_append(to, bytes, make_varint(value, bytes));
}

static void put_number(struct buf *to, unsigned field, uint64_t value) {
    buf_append_char(to, (char)tag(field, WIRE_VARINT));
    put_varint(to, value);
}

static void put_start(struct buf *to, unsigned field, size_t len) {
    buf_append_char(to, (char)tag(field, WIRE_BYTES));
    put_varint(to, len);
}

static void put_bytes(struct buf *to, unsigned field, const void *data, size_t len) {
    put_start(to, field, len);
    buf_append(to, data, len);
}

/* The lowest byte first. */
static void make_double(double value, unsigned char out[DOUBLE_SIZE]) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < DOUBLE_SIZE; i++)
        out[i] = (unsigned char)(bits >> (8 * i));
}

static void put_plain_double(struct buf *to, double value) {
    unsigned char bytes[DOUBLE_SIZE];
    make_double(value, bytes);
    buf_append(to, bytes, sizeof bytes);
}

static void put_double(struct buf *to, unsigned field, double value) {
    buf_append_char(to, (char)tag(field, WIRE_DOUBLE));
    put_plain_double(to, value);
}

/* A signed number of small size, whatever its sign: 0, -1, 1, -2 and so on become 0, 1, 2, 3. */
static uint64_t zigzag(int64_t value) {
    return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

/* Of our own encoding only: it is whole. */
static uint64_t take_varint(struct span *from) {
    uint64_t value = 0;
    for (unsigned shift = 0; from->len && shift < 64; shift += 7) {
        unsigned char c = (unsigned char)*from->ptr;
        from->ptr++, from->len--;
        value |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80)
            break;
    }
    return value;
}

static struct span take_bytes(struct span *from) {
    from->ptr++, from->len--; /* the tag */
    size_t len = (size_t)take_varint(from);
    struct span bytes = {from->ptr, len < from->len ? len : from->len};
    from->ptr += bytes.len;
    from->len -= bytes.len;
    return bytes;
}

/* --- labels ------------------------------------------------------------------------------------------------------- */

struct label {
    const char *name, *value, *suffix; /* the suffix is put behind the value */
};

static void add_label(struct label *list, size_t *count, struct label label) {
    size_t at = *count;
    for (; at && strcmp(list[at - 1].name, label.name) > 0; at--)
        list[at] = list[at - 1];
    list[at] = label;
    (*count)++;
}

static bool has_label(const struct metric_label *labels, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(labels[i].name, name) == 0)
            return true;
    return false;
}

/* 1 labels { 1 name, 2 value } */
static void put_label(struct buf *to, const struct label *l) {
    char value[REMOTE_VALUE_MAX];
    size_t name_len = strlen(l->name), len = exposition_plain_value(l->value, value, sizeof value);
    len += exposition_plain_value(l->suffix, value + len, sizeof value - len);
    put_start(to, 1, 1 + varint_size(name_len) + name_len + 1 + varint_size(len) + len);
    put_bytes(to, 1, l->name, name_len);
    put_bytes(to, 2, value, len);
}

bool remote_labels_append(struct buf *to, const char *name, const char *suffix, const struct metric_label *labels,
                          size_t count, const struct metric_label *more, size_t more_count) {
    struct label list[REMOTE_LABELS_MAX];
    size_t used = 0;
    if (count + more_count + 1 > REMOTE_LABELS_MAX)
        return false;
    add_label(list, &used, (struct label){"__name__", name, suffix});
    for (size_t i = 0; i < count; i++)
        if (labels[i].value && *labels[i].value)
            add_label(list, &used, (struct label){labels[i].name, labels[i].value, ""});
    for (size_t i = 0; i < more_count; i++)
        if (more[i].value && *more[i].value && !has_label(labels, count, more[i].name))
            add_label(list, &used, (struct label){more[i].name, more[i].value, ""});
    for (size_t i = 0; i < used; i++)
        put_label(to, &list[i]);
    return !to->failed;
}

/* --- native histograms -------------------------------------------------------------------------------------------- */

enum { CUSTOM_BUCKETS = -53, BOUNDS_FIELD = 16, STALE_HISTOGRAM_SIZE = 2 + 1 + DOUBLE_SIZE };

/* From the first to the last bucket that holds anything, each as what it has more than the one before. */
static void put_buckets(struct buf *to, const uint64_t *counts, size_t count) {
    size_t first = 0, size = 0;
    while (count && !counts[count - 1])
        count--;
    if (!count)
        return;
    while (!counts[first])
        first++;
    put_start(to, 11, 1 + varint_size(zigzag((int64_t)first)) + 1 + varint_size(count - first));
    put_number(to, 1, zigzag((int64_t)first));
    put_number(to, 2, count - first);
    for (size_t i = first; i < count; i++)
        size += varint_size(zigzag((int64_t)(counts[i] - (i > first ? counts[i - 1] : 0))));
    put_start(to, 12, size);
    for (size_t i = first; i < count; i++)
        put_varint(to, zigzag((int64_t)(counts[i] - (i > first ? counts[i - 1] : 0))));
}

bool remote_histogram_append(struct buf *to, const double *bounds, size_t bound_count, const uint64_t *counts,
                             double sum) {
    size_t before = to->len;
    uint64_t all = 0;
    for (size_t i = 0; i <= bound_count; i++)
        all += counts[i];
    put_number(to, 1, all);
    put_double(to, 3, sum);
    put_number(to, 4, zigzag(CUSTOM_BUCKETS));
    put_buckets(to, counts, bound_count + 1);
    put_varint(to, BOUNDS_FIELD << 3 | WIRE_BYTES);
    put_varint(to, bound_count * DOUBLE_SIZE);
    for (size_t i = 0; i < bound_count; i++)
        put_plain_double(to, bounds[i]);
    if (!to->failed)
        return true;
    to->len = before;
    return false;
}

/* Its sum is the marker; there is no more to it. */
static void put_stale_histogram(struct buf *to) {
    put_number(to, 1, 0);
    put_double(to, 3, remote_stale_marker());
}

/* --- symbols of 2.0 ----------------------------------------------------------------------------------------------- */

enum { SLOTS_MIN = 256, SYMBOL_FIELD = 4, TIMESERIES_FIELD = 5 };

static size_t slot_of(const struct remote_encoder *e, struct span text) {
    size_t mask = e->slot_count - 1, at = (size_t)hash_bytes(&e->key, text.ptr, text.len) & mask;
    for (; e->slots[at]; at = (at + 1) & mask) {
        const struct remote_symbol *s = &e->table[e->slots[at] - 1];
        if (s->len == text.len && memcmp(e->symbols.data + s->at, text.ptr, text.len) == 0)
            break;
    }
    return at;
}

/* Half of the places stay free. */
static void grow_symbols(struct remote_encoder *e) {
    size_t slots = e->slot_count ? e->slot_count * 2 : SLOTS_MIN;
    free(e->slots);
    e->slots = alloc_zeroed(slots, sizeof *e->slots);
    e->slot_count = slots;
    e->table_size = slots / 2;
    e->table = alloc_resize(e->table, e->table_size, sizeof *e->table);
    for (uint32_t i = 0; i < e->table_count; i++)
        e->slots[slot_of(e, (struct span){e->symbols.data + e->table[i].at, e->table[i].len})] = i + 1;
}

static uint32_t symbol_of(struct remote_encoder *e, struct span text) {
    if (e->table_count == e->table_size)
        grow_symbols(e);
    size_t slot = slot_of(e, text);
    if (e->slots[slot])
        return e->slots[slot] - 1;
    put_start(&e->symbols, SYMBOL_FIELD, text.len);
    size_t at = e->symbols.len;
    if (!buf_append(&e->symbols, text.ptr, text.len))
        return 0; /* the request is lost: remote_encode_end says so */
    e->table[e->table_count] = (struct remote_symbol){at, (uint32_t)text.len};
    e->slots[slot] = (uint32_t)++e->table_count;
    return (uint32_t)e->table_count - 1;
}

/* --- a request ---------------------------------------------------------------------------------------------------- */

void remote_encoder_init(struct remote_encoder *e) {
    *e = (struct remote_encoder){.key = hash_key_random()};
    struct buf *const all[] = {&e->series, &e->one, &e->exemplar, &e->symbols, &e->body, &e->sent};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        buf_init(all[i], REMOTE_BODY_MAX);
}

void remote_encoder_deinit(struct remote_encoder *e) {
    buf_deinit(&e->series);
    buf_deinit(&e->one);
    buf_deinit(&e->exemplar);
    buf_deinit(&e->symbols);
    buf_deinit(&e->body);
    buf_deinit(&e->sent);
    free(e->slots);
    free(e->table);
}

void remote_encode_begin(struct remote_encoder *e, bool second) {
    e->second = second;
    buf_clear(&e->series);
    buf_clear(&e->exemplar);
    buf_clear(&e->symbols);
    e->table_count = 0;
    if (e->slot_count)
        memset(e->slots, 0, e->slot_count * sizeof *e->slots);
    if (second)
        symbol_of(e, (struct span){"", 0});
}

/* labels_refs: name and value by turns. Two passes: their length stands before them. */
static void put_refs(struct remote_encoder *e, struct span labels) {
    uint32_t refs[2 * REMOTE_LABELS_MAX];
    size_t count = 0, size = 0;
    while (labels.len && count + 2 <= sizeof refs / sizeof refs[0]) {
        struct span label = take_bytes(&labels);
        refs[count++] = symbol_of(e, take_bytes(&label));
        refs[count++] = symbol_of(e, take_bytes(&label));
    }
    for (size_t i = 0; i < count; i++)
        size += varint_size(refs[i]);
    put_start(&e->one, 1, size);
    for (size_t i = 0; i < count; i++)
        put_varint(&e->one, refs[i]);
}

static void put_metadata(struct remote_encoder *e, const struct remote_metadata *m) {
    static const unsigned char types[] = {
        [METRIC_COUNTER] = 1, [METRIC_GAUGE] = 2, [METRIC_HISTOGRAM] = 3, [METRIC_INFO] = 6};
    uint32_t help = symbol_of(e, span_of(m->help)), unit = symbol_of(e, span_of(m->unit));
    put_start(&e->one, 5, 2 + (help ? 1 + varint_size(help) : 0) + (unit ? 1 + varint_size(unit) : 0));
    put_number(&e->one, 1, types[m->type]);
    if (help)
        put_number(&e->one, 3, help);
    if (unit)
        put_number(&e->one, 4, unit);
}

/* 2 samples { 1 double, 2 int64 } */
static void put_sample(struct buf *to, const struct remote_sample *s) {
    unsigned char bytes[2 + 1 + DOUBLE_SIZE + 1 + VARINT_MAX];
    size_t len = 2;
    bytes[len++] = tag(1, WIRE_DOUBLE);
    make_double(s->value, bytes + len);
    len += DOUBLE_SIZE;
    bytes[len++] = tag(2, WIRE_VARINT);
    len += make_varint((uint64_t)s->time_ms, bytes + len);
    bytes[0] = tag(2, WIRE_BYTES);
    bytes[1] = (unsigned char)(len - 2); /* at most 20 */
    buf_append(to, bytes, len);
}

static void begin_series(struct remote_encoder *e, struct span labels) {
    buf_clear(&e->one);
    if (e->second)
        put_refs(e, labels);
    else
        buf_append(&e->one, labels.ptr, labels.len);
}

void remote_encode_exemplar(struct remote_encoder *e, const struct exemplar *x) {
    char name[EXEMPLAR_DIGITS + 1];
    exemplar_name(x->message, name);
    buf_clear(&e->exemplar);
    if (e->second) {
        uint32_t refs[] = {symbol_of(e, SPAN_LIT(EXEMPLAR_LABEL)), symbol_of(e, span_of(name))};
        put_start(&e->exemplar, 1, varint_size(refs[0]) + varint_size(refs[1]));
        put_varint(&e->exemplar, refs[0]);
        put_varint(&e->exemplar, refs[1]);
    } else {
        put_label(&e->exemplar, &(struct label){EXEMPLAR_LABEL, name, ""});
    }
    put_double(&e->exemplar, 2, x->value);
    put_number(&e->exemplar, 3, (uint64_t)x->time_ms);
}

static void end_series(struct remote_encoder *e, const struct remote_metadata *metadata) {
    if (e->exemplar.len)
        put_bytes(&e->one, e->second ? 4 : 3, e->exemplar.data, e->exemplar.len);
    e->one.failed |= e->exemplar.failed;
    buf_clear(&e->exemplar);
    if (e->second && metadata)
        put_metadata(e, metadata);
    e->series.failed |= e->one.failed;
    put_bytes(&e->series, e->second ? TIMESERIES_FIELD : 1, e->one.data, e->one.len);
}

void remote_encode_series(struct remote_encoder *e, struct span labels, const struct remote_metadata *metadata,
                          const struct remote_sample *samples, size_t count) {
    begin_series(e, labels);
    for (size_t i = 0; i < count; i++)
        put_sample(&e->one, &samples[i]);
    end_series(e, metadata);
}

void remote_encode_histogram(struct remote_encoder *e, struct span labels, const struct remote_metadata *metadata,
                             struct span histogram, int64_t time_ms) {
    assert(e->second);
    begin_series(e, labels);
    size_t len = histogram.len ? histogram.len : STALE_HISTOGRAM_SIZE;
    put_start(&e->one, 3, len + 1 + varint_size((uint64_t)time_ms));
    if (histogram.len)
        buf_append(&e->one, histogram.ptr, histogram.len);
    else
        put_stale_histogram(&e->one);
    put_number(&e->one, 15, (uint64_t)time_ms);
    end_series(e, metadata);
}

bool remote_encode_end(struct remote_encoder *e, struct span *body) {
    buf_clear(&e->body);
    buf_clear(&e->sent);
    struct span plain = buf_span(&e->series);
    if (e->second) {
        buf_append(&e->body, e->symbols.data, e->symbols.len);
        buf_append(&e->body, e->series.data, e->series.len);
        plain = buf_span(&e->body);
    }
    size_t size = snappy_max_compressed_length(plain.len);
    if (e->series.failed || e->symbols.failed || e->body.failed || !buf_reserve(&e->sent, size) ||
        snappy_compress(plain.ptr ? plain.ptr : "", plain.len, e->sent.data, &size) != SNAPPY_OK)
        return false;
    e->sent.len = size;
    *body = buf_span(&e->sent);
    return true;
}
