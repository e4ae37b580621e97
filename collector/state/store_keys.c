/* Sets of keys: rows of 64-bit numbers, little-endian, several for an index (of happenings the hour).
 *
 *     hour 481312   part 1   k k k k ...      every commit adds a row; once some hundreds of small ones have piled up
 *                   part 2   k k              for an hour that is no longer the newest, a commit makes one row of
 *                   part 3   k k k            them. A merge writes two megabytes at most, so that it costs a commit
 *                   ...                       little; what is left of the pile is for the next commits.
 *
 * All sets lie in one table, each in a stretch of its own: a row's place is its index, moved by the set. */
#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "state/store_internal.h"

enum { KEYS_AT_ONCE = 8 << 10 }; /* given to a reader, who may want them aligned */

/* --- Places ---- */

enum { SET_STRIDE = 2 * STORE_INDEX_LIMIT };

static int64_t first_place(int set) {
    return (int64_t)set * SET_STRIDE - STORE_INDEX_LIMIT;
}

static int64_t place_of(enum state_keys set, int64_t index) {
    assert((int)set < STATE_KEY_SETS && index >= -STORE_INDEX_LIMIT && index < STORE_INDEX_LIMIT);
    return (int64_t)set * SET_STRIDE + index;
}

/* --- Piles ---- */

static struct store_pile *find_pile(struct store *s, int64_t place) {
    for (unsigned i = 0; i < s->pile_count; i++) {
        if (s->piles[i].place == place)
            return &s->piles[i];
    }
    return NULL;
}

/* More places than can be watched are just not merged. */
static void note_row(struct store *s, int64_t place, size_t bytes) {
    struct store_pile *pile = find_pile(s, place);
    if (!pile && s->pile_count < STORE_PILES) {
        pile = &s->piles[s->pile_count++];
        *pile = (struct store_pile){.place = place};
    }
    if (pile && bytes < STORE_SMALL_ROW)
        pile->rows++;
}

static void forget_piles(struct store *s, int64_t from, int64_t to) {
    unsigned kept = 0;
    for (unsigned i = 0; i < s->pile_count; i++) {
        if (s->piles[i].place < from || s->piles[i].place >= to)
            s->piles[kept++] = s->piles[i];
    }
    s->pile_count = kept;
}

bool store_count_piles(struct store *s, struct err *err) {
    sqlite3_stmt *st = STORE_SELECT(s, STORE_COUNT_PILES, store_int(STORE_SMALL_ROW), store_int(STORE_PILES));
    bool ok = true;
    s->pile_count = 0;
    while (ok && s->pile_count < STORE_PILES && store_next(s, st, "ii", &ok, err))
        s->piles[s->pile_count++] =
            (struct store_pile){sqlite3_column_int64(st, 0), (unsigned)sqlite3_column_int64(st, 1)};
    sqlite3_reset(st);
    return ok;
}

/* Whether rows are still being added to it, as far as anybody can tell: nothing newer has come in its set. */
static bool is_newest(const struct store *s, const struct store_pile *pile) {
    int64_t end = first_place(0);
    while (end <= pile->place)
        end += SET_STRIDE;
    for (unsigned i = 0; i < s->pile_count; i++) {
        if (s->piles[i].place > pile->place && s->piles[i].place < end)
            return false;
    }
    return true;
}

static struct store_pile *highest_pile(struct store *s) {
    struct store_pile *highest = NULL;
    for (unsigned i = 0; i < s->pile_count; i++) {
        struct store_pile *pile = &s->piles[i];
        if (pile->rows > STORE_PILE_ROWS && (!highest || pile->rows > highest->rows) && !is_newest(s, pile))
            highest = pile;
    }
    return highest;
}

/* Collects small rows of a place until there are enough; returns how many. */
static unsigned take_small_rows(struct store *s, int64_t place, struct buf *keys, int64_t *parts) {
    sqlite3_stmt *st = STORE_SELECT(s, STORE_SMALL_ROWS, store_int(place), store_int(STORE_SMALL_ROW));
    unsigned count = 0;
    bool ok = true;
    while (count < STORE_MERGE_ROWS && store_next(s, st, "ik", &ok, NULL)) {
        struct span row = store_column(st, 1);
        if (keys->len + row.len > STORE_MERGE_BYTES || !buf_append(keys, row.ptr, row.len))
            break;
        parts[count++] = sqlite3_column_int64(st, 0);
    }
    sqlite3_reset(st);
    if (!ok)
        store_note_damage(s);
    return count;
}

void store_merge_pile(struct store *s) {
    if (s->merge_pause > 0) {
        s->merge_pause--;
        return;
    }
    struct store_pile *pile = s->result == STORE_OK ? highest_pile(s) : NULL;
    if (!pile)
        return;
    int64_t parts[STORE_MERGE_ROWS];
    struct buf keys;
    buf_init(&keys, STORE_MERGE_BYTES);
    unsigned count = take_small_rows(s, pile->place, &keys, parts);
    for (unsigned i = 0; i < count; i++)
        STORE_RUN(s, STORE_DROP_ROW, store_int(pile->place), store_int(parts[i]));
    if (count)
        STORE_RUN(s, STORE_PUT_ROW, store_int(pile->place), store_int(parts[0]), store_blob(buf_span(&keys)));
    pile->rows = count < pile->rows ? pile->rows - count : 0;
    pile->rows += count && keys.len < STORE_SMALL_ROW;
    buf_deinit(&keys);
}

/* --- Keys ---- */

static void to_little_endian(uint64_t *to, const void *from, size_t count) {
    memcpy(to, from, count * sizeof *to);
    for (size_t i = 0; i < count; i++)
        to[i] = htole64(to[i]);
}

void store_add_keys(struct store *s, enum state_keys set, int64_t index, const uint64_t *keys, size_t count) {
    int64_t place = place_of(set, index);
    size_t room = count < STORE_KEYS_ROW ? count : STORE_KEYS_ROW;
    uint64_t *row = room ? alloc_zeroed(room, sizeof *row) : NULL;
    while (count) {
        size_t n = count < room ? count : room;
        to_little_endian(row, keys, n);
        STORE_RUN(s, STORE_ADD_KEYS, store_int(place), store_blob((struct span){(const char *)row, n * sizeof *row}));
        note_row(s, place, n * sizeof *row);
        keys += n;
        count -= n;
    }
    free(row);
}

void store_drop_keys_below(struct store *s, enum state_keys set, int64_t index) {
    if (index < -STORE_INDEX_LIMIT) /* nothing can be there */
        return;
    int64_t from = first_place((int)set), to = place_of(set, index);
    STORE_RUN(s, STORE_DROP_KEYS_BELOW, store_int(from), store_int(to));
    forget_piles(s, from, to);
}

/* SQLite's bytes are not aligned, and little-endian. */
static bool give_keys(struct span row, int64_t index, uint64_t *room, store_keys_fn each, void *context) {
    bool ok = true;
    while (ok && row.len) {
        size_t n = row.len / STORE_KEY_BYTES < KEYS_AT_ONCE ? row.len / STORE_KEY_BYTES : KEYS_AT_ONCE;
        to_little_endian(room, row.ptr, n); /* the same swap in both directions */
        ok = each(context, index, room, n);
        row.ptr += n * STORE_KEY_BYTES;
        row.len -= n * STORE_KEY_BYTES;
    }
    return ok;
}

bool store_each_keys(struct store *s, enum state_keys set, store_keys_fn each, void *context, struct err *err) {
    sqlite3_stmt *st =
        STORE_SELECT(s, STORE_EACH_KEYS, store_int(first_place((int)set)), store_int(first_place((int)set + 1)));
    uint64_t *room = alloc_zeroed(KEYS_AT_ONCE, sizeof *room);
    bool ok = true;
    while (ok && store_next(s, st, "ik", &ok, err))
        ok = give_keys(store_column(st, 1), sqlite3_column_int64(st, 0) - place_of(set, 0), room, each, context);
    sqlite3_reset(st);
    free(room);
    return ok;
}
