#include "alert/rule.h"

#include <assert.h>
#include <string.h>

#include "core/alloc.h"

/* Where the next label and the next byte of text go in the block. */
struct filling {
    struct label_pair *pair;
    char *text;
};

enum { ROW_TEXTS = 12 };

/* The places of a row's strings. */
static void row_texts(struct alert_row *row, const char **texts[ROW_TEXTS]) {
    const char **const all[ROW_TEXTS] = {
        &row->alertname, &row->severity, &row->scope,  &row->provider, &row->configuration_set, &row->identity,
        &row->reason,    &row->rate,     &row->window, &row->basis,    &row->summary,           &row->description};
    memcpy(texts, all, sizeof all);
}

static size_t length_of(const char *text) {
    return text ? strlen(text) + 1 : 0;
}

static size_t pairs_length(const struct label_pair *pairs, size_t count) {
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += length_of(pairs[i].name) + length_of(pairs[i].value);
    return sum;
}

static size_t row_length(const struct alert_row *from) {
    struct alert_row row = *from;
    const char **texts[ROW_TEXTS];
    row_texts(&row, texts);
    size_t sum = pairs_length(row.labels, row.label_count) + pairs_length(row.annotations, row.annotation_count);
    for (int i = 0; i < ROW_TEXTS; i++)
        sum += length_of(*texts[i]);
    return sum;
}

static const char *copy_text(struct filling *f, const char *text) {
    if (!text)
        return NULL;
    char *copy = f->text;
    size_t len = length_of(text);
    memcpy(copy, text, len);
    f->text += len;
    return copy;
}

static const struct label_pair *copy_pairs(struct filling *f, const struct label_pair *pairs, size_t count) {
    struct label_pair *copy = f->pair;
    for (size_t i = 0; i < count; i++)
        copy[i] = (struct label_pair){copy_text(f, pairs[i].name), copy_text(f, pairs[i].value)};
    f->pair += count;
    return copy;
}

struct alert_row *alert_rows_copy(const struct alert_row *const *rows, size_t count) {
    size_t pairs = 0, text = 0;
    if (!count)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        pairs += rows[i]->label_count + rows[i]->annotation_count;
        text += row_length(rows[i]);
    }
    size_t rows_size = count * sizeof(struct alert_row), pairs_size = pairs * sizeof(struct label_pair);
    char *block = alloc_zeroed(1, rows_size + pairs_size + text);
    struct alert_row *copies = (struct alert_row *)(void *)block;
    struct filling f = {(struct label_pair *)(void *)(block + rows_size), block + rows_size + pairs_size};
    for (size_t i = 0; i < count; i++) {
        const char **texts[ROW_TEXTS];
        copies[i] = *rows[i];
        row_texts(&copies[i], texts);
        for (int t = 0; t < ROW_TEXTS; t++)
            *texts[t] = copy_text(&f, *texts[t]);
        copies[i].labels = copy_pairs(&f, rows[i]->labels, rows[i]->label_count);
        copies[i].annotations = copy_pairs(&f, rows[i]->annotations, rows[i]->annotation_count);
    }
    assert(f.text == block + rows_size + pairs_size + text);
    return copies;
}
