#include <assert.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "sinks/remote_write_sender.h"

enum { LABELS_BYTES_MAX = 128 << 20 };

void remote_batch_init(struct remote_batch *b) {
    *b = (struct remote_batch){0};
    buf_init(&b->labels, LABELS_BYTES_MAX);
}

void remote_batch_deinit(struct remote_batch *b) {
    buf_deinit(&b->labels);
    free(b->entries);
    free(b->samples);
}

void remote_batch_clear(struct remote_batch *b) {
    buf_clear(&b->labels);
    b->count = b->sample_count = b->todo_first = b->todo_count = 0;
    b->requests = 0;
    b->any_written = false;
}

bool remote_batch_series(struct remote_batch *b, struct span labels, const struct remote_metadata *metadata) {
    if (b->count == b->size) {
        b->size = b->size ? b->size * 2 : 256;
        b->entries = alloc_resize(b->entries, b->size, sizeof *b->entries);
    }
    struct remote_entry entry = {.labels_at = b->labels.len, .labels_len = labels.len, .metadata = metadata};
    entry.first = b->sample_count;
    if (!buf_append(&b->labels, labels.ptr, labels.len))
        return false;
    b->entries[b->count++] = entry;
    return true;
}

void remote_batch_sample(struct remote_batch *b, struct remote_sample sample) {
    assert(b->count && b->todo_count <= 1);
    if (b->sample_count == b->sample_size) {
        b->sample_size = b->sample_size ? b->sample_size * 2 : 1024;
        b->samples = alloc_resize(b->samples, b->sample_size, sizeof *b->samples);
    }
    b->samples[b->sample_count++] = sample;
    b->entries[b->count - 1].count++;
    b->todo[0] = (struct remote_range){0, b->sample_count};
    b->todo_first = 0;
    b->todo_count = 1;
}

bool remote_batch_histogram(struct remote_batch *b, struct span histogram, int64_t time_ms) {
    assert(b->count && !b->entries[b->count - 1].count);
    struct remote_entry *e = &b->entries[b->count - 1];
    e->is_histogram = true;
    e->histogram_at = b->labels.len;
    e->histogram_len = histogram.len;
    if (histogram.len && !buf_append(&b->labels, histogram.ptr, histogram.len))
        return false;
    remote_batch_sample(b, (struct remote_sample){0, time_ms});
    return true;
}

void remote_batch_exemplar(struct remote_batch *b, const struct exemplar *exemplar) {
    struct remote_entry *e = &b->entries[b->count - 1];
    e->exemplar_at = b->labels.len;
    e->has_exemplar = buf_append(&b->labels, exemplar, sizeof *exemplar);
    b->labels.failed = false;
}

size_t remote_batch_left(const struct remote_batch *b) {
    size_t left = 0;
    for (size_t i = 0; i < b->todo_count; i++) {
        const struct remote_range *r = &b->todo[(b->todo_first + i) % (REMOTE_REQUESTS_MAX + 2)];
        left += r->to - r->from;
    }
    return left;
}
