#include "alert/incidents.h"

#include <stdlib.h>
#include <string.h>

#include "alert/rule.h"
#include "core/alloc.h"

void incidents_deinit(struct incidents *list) {
    for (size_t i = 0; i < list->count; i++)
        free(list->rows[i]);
    free(list->rows);
    *list = (struct incidents){0};
}

static void append(struct incidents *list, struct alert_row *block) {
    if (list->count == list->size) {
        list->size = list->size ? list->size * 2 : 32;
        list->rows = alloc_resize(list->rows, list->size, sizeof(struct alert_row *));
    }
    list->rows[list->count++] = block;
}

struct alert_row *incidents_add(struct incidents *list, const struct alert_row *row) {
    if (list->count == INCIDENTS_MAX) {
        list->dropped++;
        return NULL;
    }
    struct alert_row *block = alert_rows_copy(&row, 1);
    block->incident = ++list->last;
    append(list, block);
    return block;
}

bool incidents_restore(struct incidents *list, struct alert_row *block) {
    if (list->count == INCIDENTS_MAX || block->incident <= list->last) {
        free(block);
        return false;
    }
    list->last = block->incident;
    append(list, block);
    return true;
}

struct alert_row *incidents_find(const struct incidents *list, uint64_t number) {
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->rows[middle]->incident < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < list->count && list->rows[low]->incident == number ? list->rows[low] : NULL;
}

void incidents_prune(struct incidents *list, int64_t time_ms, void (*gone)(void *context, uint64_t number),
                     void *context) {
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct alert_row *row = list->rows[i];
        if (row->state != ALERT_RESOLVED || row->resolved_ms >= time_ms) {
            list->rows[kept++] = row;
            continue;
        }
        if (gone)
            gone(context, row->incident);
        free(row);
    }
    list->count = kept;
}
