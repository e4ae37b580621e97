#include "aggregate/cells.h"

#include "model/snapshot.h"

static struct grid_cell *ring_slot(struct grid_cell *ring, int64_t size, int64_t index) {
    return &ring[((index % size) + size) % size];
}

static void init_ring(struct grid_cell *ring, size_t size) {
    for (size_t i = 0; i < size; i++) {
        ring[i].index = INT64_MIN;
        map_init(&ring[i].cells, sizeof(struct cell_counts));
    }
}

static void deinit_ring(struct grid_cell *ring, size_t size) {
    for (size_t i = 0; i < size; i++)
        map_deinit(&ring[i].cells);
}

void grid_init(struct grid *g) {
    g->started = false;
    g->watermark_ms = 0;
    init_ring(g->minutes, GRID_MINUTES);
    init_ring(g->hours, GRID_HOURS);
    init_ring(g->days, GRID_DAYS);
}

void grid_track(struct grid *g) {
    for (size_t i = 0; i < GRID_MINUTES; i++)
        map_track(&g->minutes[i].cells);
    for (size_t i = 0; i < GRID_HOURS; i++)
        map_track(&g->hours[i].cells);
    for (size_t i = 0; i < GRID_DAYS; i++)
        map_track(&g->days[i].cells);
}

static void forget_ring(struct grid_cell *ring, size_t size) {
    for (size_t i = 0; i < size; i++)
        map_forget_changes(&ring[i].cells);
}

void grid_forget_changes(struct grid *g) {
    forget_ring(g->minutes, GRID_MINUTES);
    forget_ring(g->hours, GRID_HOURS);
    forget_ring(g->days, GRID_DAYS);
}

void grid_deinit(struct grid *g) {
    deinit_ring(g->minutes, GRID_MINUTES);
    deinit_ring(g->hours, GRID_HOURS);
    deinit_ring(g->days, GRID_DAYS);
}

/* Moves what a cell holds into the coarser one that covers it. */
static void fold(struct grid_cell *from, struct grid_cell *into) {
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(&from->cells, &at, &key, &value);) {
        const struct cell_counts *counts = value;
        struct cell_counts *sum = map_put(&into->cells, key);
        for (int i = 0; i < RATE_COUNTERS; i++)
            sum->n[i] += counts->n[i];
    }
    map_clear(&from->cells);
    from->index = INT64_MIN;
}

static struct grid_cell *claim(struct grid_cell *ring, int64_t size, int64_t index) {
    struct grid_cell *cell = ring_slot(ring, size, index);
    if (cell->index != index) {
        map_clear(&cell->cells); /* only days are ever overwritten: over 400 days old */
        cell->index = index;
    }
    return cell;
}

/* Days make room, then hours move into days. */
static void move_hours(struct grid *g, int64_t hour, int64_t day) {
    for (int i = 0; i < GRID_DAYS; i++)
        if (g->days[i].index != INT64_MIN && g->days[i].index <= day - GRID_DAYS)
            map_clear(&g->days[i].cells), g->days[i].index = INT64_MIN;
    for (int i = 0; i < GRID_HOURS; i++) {
        int64_t index = g->hours[i].index;
        if (index != INT64_MIN && index <= hour - GRID_HOURS)
            fold(&g->hours[i], claim(g->days, GRID_DAYS, floor_div(index, 24)));
    }
}

/* Minutes move into hours (or, when the jump was long, into days). */
static void move_minutes(struct grid *g, int64_t minute, int64_t hour) {
    for (int i = 0; i < GRID_MINUTES; i++) {
        int64_t index = g->minutes[i].index;
        if (index == INT64_MIN || index > minute - GRID_MINUTES)
            continue;
        int64_t of_hour = floor_div(index, 60);
        bool hour_is_kept = of_hour > hour - GRID_HOURS;
        fold(&g->minutes[i],
             hour_is_kept ? claim(g->hours, GRID_HOURS, of_hour) : claim(g->days, GRID_DAYS, floor_div(of_hour, 24)));
    }
}

void grid_advance(struct grid *g, int64_t watermark_ms) {
    if (g->started && watermark_ms <= g->watermark_ms)
        return;
    int64_t minute = floor_div(watermark_ms, MINUTE_MS), hour = floor_div(watermark_ms, HOUR_MS);
    bool same_minute = g->started && floor_div(g->watermark_ms, MINUTE_MS) == minute;
    bool same_hour = g->started && floor_div(g->watermark_ms, HOUR_MS) == hour;
    g->started = true;
    g->watermark_ms = watermark_ms;
    if (!same_hour)
        move_hours(g, hour, floor_div(watermark_ms, DAY_MS));
    if (!same_minute)
        move_minutes(g, minute, hour);
}

struct map *grid_cells(struct grid *g, int64_t time_ms) {
    int64_t minute = floor_div(time_ms, MINUTE_MS);
    if (minute > floor_div(g->watermark_ms, MINUTE_MS) - GRID_MINUTES)
        return &claim(g->minutes, GRID_MINUTES, minute)->cells;
    int64_t hour = floor_div(time_ms, HOUR_MS), day = floor_div(time_ms, DAY_MS);
    if (hour > floor_div(g->watermark_ms, HOUR_MS) - GRID_HOURS)
        return &claim(g->hours, GRID_HOURS, hour)->cells;
    if (day > floor_div(g->watermark_ms, DAY_MS) - GRID_DAYS)
        return &claim(g->days, GRID_DAYS, day)->cells;
    return NULL;
}

void grid_add(struct grid *g, int64_t time_ms, uint64_t key, unsigned counters, int by) {
    struct map *cells = grid_cells(g, time_ms);
    if (cells)
        cell_add(cells, key, counters, by);
}

static const struct map *cell_of(const struct grid_cell *ring, int64_t size, int64_t index) {
    const struct grid_cell *cell = &ring[((index % size) + size) % size];
    return cell->index == index ? &cell->cells : NULL;
}

const struct map *grid_minute(const struct grid *g, int64_t minute) {
    return cell_of(g->minutes, GRID_MINUTES, minute);
}

const struct map *grid_hour(const struct grid *g, int64_t hour) {
    return cell_of(g->hours, GRID_HOURS, hour);
}

const struct map *grid_newest(const struct grid *g, int age) {
    if (!g->started)
        return NULL;
    if (age < GRID_MINUTES)
        return grid_minute(g, floor_div(g->watermark_ms, MINUTE_MS) - age);
    if (age < GRID_MINUTES + GRID_HOURS)
        return grid_hour(g, floor_div(g->watermark_ms, HOUR_MS) - (age - GRID_MINUTES));
    return cell_of(g->days, GRID_DAYS, floor_div(g->watermark_ms, DAY_MS) - (age - GRID_MINUTES - GRID_HOURS));
}

struct cell_counts *grid_restore(struct grid *g, enum grid_level level, int64_t index, uint64_t key) {
    static const int64_t units[] = {MINUTE_MS, HOUR_MS, DAY_MS};
    static const int64_t sizes[] = {GRID_MINUTES, GRID_HOURS, GRID_DAYS};
    struct grid_cell *rings[] = {g->minutes, g->hours, g->days};
    int64_t now = floor_div(g->watermark_ms, units[level]);
    if (!g->started || index > now || index <= now - sizes[level])
        return NULL;
    return map_put(&claim(rings[level], sizes[level], index)->cells, key);
}

static void add_cell(const struct grid_cell *cell, struct map *sums) {
    uint64_t key;
    void *value;
    for (size_t at = 0; map_next(&cell->cells, &at, &key, &value);) {
        const struct cell_counts *counts = value;
        struct rate_counts *sum = map_put(sums, key);
        for (int i = 0; i < RATE_COUNTERS; i++)
            sum->n[i] += counts->n[i];
    }
}

void grid_window(const struct grid *g, int window, struct map *sums) {
    static const int64_t lengths[WINDOW_LAST_SENDS] = {5 * MINUTE_MS, HOUR_MS, DAY_MS, 7 * (int64_t)DAY_MS};
    if (!g->started)
        return;
    /* A finer cell belongs to the window when the coarser one that it is part of does. */
    int64_t unit = window <= WINDOW_1H ? MINUTE_MS : window == WINDOW_24H ? HOUR_MS : DAY_MS;
    int64_t first = floor_div(g->watermark_ms - lengths[window], unit);
    for (int i = 0; i < GRID_MINUTES; i++)
        if (g->minutes[i].index != INT64_MIN && floor_div(g->minutes[i].index * MINUTE_MS, unit) >= first)
            add_cell(&g->minutes[i], sums);
    if (unit == MINUTE_MS)
        return;
    for (int i = 0; i < GRID_HOURS; i++)
        if (g->hours[i].index != INT64_MIN && floor_div(g->hours[i].index * HOUR_MS, unit) >= first)
            add_cell(&g->hours[i], sums);
    if (unit == HOUR_MS)
        return;
    for (int i = 0; i < GRID_DAYS; i++)
        if (g->days[i].index != INT64_MIN && g->days[i].index >= first)
            add_cell(&g->days[i], sums);
}
