#include "pipeline/suppression.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/map.h"
#include "parsers/normalise.h"
#include "parsers/timestamp.h"
#include "sinks/output.h"

_Static_assert((int)SUPPRESSED_BOUNCED == (int)ADDRESS_BOUNCED && (int)SUPPRESSED_COMPLAINED == (int)ADDRESS_COMPLAINED,
               "parsers and sinks do not see each other, and mean the same");

static const char table[] = "suppressed";
enum { ROW_SIZE = SUPPRESSION_ADDRESS_MAX + 32 };

/* Not told to every target yet. */
struct pending {
    uint64_t id;
    unsigned why;
    int64_t time_ms;
    char *address; /* owned */
};

struct target {
    const char *told_name; /* under which the state knows how far it was told */
    const struct suppression_target *where;
    struct suppression_worker *worker;
    uint64_t offered, saved; /* ids up to which the worker has them; up to which the state knows it to be done */
    uint64_t saving;         /* what `saved` is once the commit at hand has gone well */
};

struct suppression {
    struct suppression_options options; /* a reload moves the configuration: only its texts and lists stay in place */
    struct hash_key key;
    struct map known;        /* hash of address and why -> a byte */
    uint64_t last;           /* id */
    uint64_t fresh;          /* ids from here on are not durable */
    struct pending *pending; /* a queue: ids in order, those that every target was offered are gone */
    size_t first, count, size;
    struct target targets[SUPPRESSION_TARGETS];
    size_t target_count;
    bool file_is_stale;
    int64_t file_written_ns;
    uint64_t dropped;
};

/* --- what is known ------------------------------------------------------------------------------------------------ */

/* Addresses are told apart without regard to case, as mailbox providers do. */
static uint64_t hash_of(const struct suppression *s, unsigned why, struct span address) {
    char lower[SUPPRESSION_ADDRESS_MAX];
    struct hash_state state;
    for (size_t i = 0; i < address.len; i++) {
        char c = address.ptr[i];
        lower[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    hash_begin(&state, &s->key);
    hash_u64(&state, why);
    hash_field(&state, lower, address.len);
    uint64_t hash = hash_end(&state);
    return hash == UINT64_MAX ? 0 : hash;
}

static void append(struct suppression *s, uint64_t id, unsigned why, int64_t time_ms, struct span address) {
    if (s->first && s->first + s->count == s->size) {
        memmove(s->pending, s->pending + s->first, s->count * sizeof *s->pending);
        s->first = 0;
    }
    if (s->count == s->size) {
        s->size = s->size ? s->size * 2 : 64;
        s->pending = alloc_resize(s->pending, s->size, sizeof *s->pending);
    }
    s->pending[s->first + s->count++] = (struct pending){id, why, time_ms, alloc_string(address.ptr, address.len)};
}

/* What cannot be an address is nobody's; and no row, line or message may be broken by one. */
static bool is_address(struct span text) {
    if (text.len < 3 || text.len > SUPPRESSION_ADDRESS_MAX || !memchr(text.ptr, '@', text.len))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7f)
            return false;
    return true;
}

void suppression_add(struct suppression *s, unsigned why, int64_t time_ms, struct span address) {
    if (!(why & suppression_wanted(&s->options)) || !is_address(address))
        return;
    uint64_t hash = hash_of(s, why, address);
    if (map_get(&s->known, hash))
        return;
    if (s->last >= s->options.max_addresses) {
        if (!s->dropped++)
            log_event(LOG_ERROR, "the suppression list is full: raise suppression.max_addresses", LOG_NO_FIELDS);
        return;
    }
    *(unsigned char *)map_put(&s->known, hash) = 1;
    append(s, ++s->last, why, time_ms, address);
}

/* --- the state ---------------------------------------------------------------------------------------------------- */

/* "B 1763776800000 user@example.com" */
static bool parse_row(struct span row, unsigned *why, int64_t *time_ms, struct span *address) {
    const char *blank = row.len > 2 ? memchr(row.ptr + 2, ' ', row.len - 2) : NULL;
    if (!blank || row.ptr[1] != ' ')
        return false;
    *why = row.ptr[0] == 'C' ? SUPPRESSED_COMPLAINED : SUPPRESSED_BOUNCED;
    *time_ms = 0;
    for (const char *p = row.ptr + 2; p < blank; p++) {
        if (*p < '0' || *p > '9' || *time_ms > INT64_MAX / 100)
            return false;
        *time_ms = *time_ms * 10 + (*p - '0');
    }
    *address = (struct span){blank + 1, (size_t)(row.ptr + row.len - blank - 1)};
    return is_address(*address);
}

static uint64_t told_to_all(const struct suppression *s) {
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < s->target_count; i++)
        if (s->targets[i].saved < least)
            least = s->targets[i].saved;
    return least;
}

static bool load_row(void *context, int64_t id, struct span row) {
    struct suppression *s = context;
    unsigned why;
    int64_t time_ms;
    struct span address;
    if ((uint64_t)id > s->last)
        s->last = (uint64_t)id;
    if (!parse_row(row, &why, &time_ms, &address))
        return true;
    *(unsigned char *)map_put(&s->known, hash_of(s, why, address)) = 1;
    if ((uint64_t)id > told_to_all(s))
        append(s, (uint64_t)id, why, time_ms, address);
    return true;
}

static void add_target(struct suppression *s, const char *told_name, const struct suppression_target *where,
                       struct store *from) {
    struct target *t = &s->targets[s->target_count++];
    size_t len;
    uint64_t told;
    *t = (struct target){.told_name = told_name, .where = where};
    if (store_get_value(from, told_name, &told, sizeof told, &len) && len == sizeof told)
        t->saved = t->offered = told;
}

struct suppression *suppression_create(const struct suppression_options *o, const struct hash_key *key,
                                       struct store *from, struct err *err) {
    struct suppression *s = alloc_zeroed(1, sizeof *s);
    s->options = *o;
    s->key = *key;
    map_init(&s->known, 1);
    if (o->ses_enabled)
        add_target(s, "suppression/ses", &s->options.ses, from);
    if (o->webhook.url)
        add_target(s, "suppression/webhook", &s->options.webhook, from);
    bool ok = store_each_name(from, table, load_row, s, err);
    s->fresh = s->last + 1;
    s->file_is_stale = o->file != NULL;
    for (size_t i = 0; ok && i < s->target_count; i++)
        ok = (s->targets[i].worker = suppression_worker_start(s->targets[i].where, err)) != NULL;
    if (ok)
        return s;
    suppression_destroy(s);
    return NULL;
}

void suppression_destroy(struct suppression *s) {
    if (!s)
        return;
    for (size_t i = 0; i < SUPPRESSION_TARGETS; i++)
        suppression_worker_stop(s->targets[i].worker);
    for (size_t i = 0; i < s->count; i++)
        free(s->pending[s->first + i].address);
    free(s->pending);
    map_deinit(&s->known);
    free(s);
}

static uint64_t done_by(struct target *t) {
    struct suppression_counts counts = {0};
    suppression_worker_counts(t->worker, &counts);
    return counts.done > t->saved ? counts.done : t->saved;
}

bool suppression_has_news(struct suppression *s) {
    bool any = s->last >= s->fresh;
    for (size_t i = 0; i < s->target_count && !any; i++)
        any = done_by(&s->targets[i]) > s->targets[i].saved;
    return any;
}

void suppression_save(struct suppression *s, struct store *to) {
    char row[ROW_SIZE];
    for (size_t i = 0; i < s->count; i++) {
        const struct pending *p = &s->pending[s->first + i];
        if (p->id < s->fresh)
            continue;
        int n = snprintf(row, sizeof row, "%c %" PRId64 " %s", p->why & SUPPRESSED_COMPLAINED ? 'C' : 'B',
                         p->time_ms > 0 ? p->time_ms : 0, p->address);
        store_put_name(to, table, (int64_t)p->id, (struct span){row, (size_t)n});
    }
    for (size_t i = 0; i < s->target_count; i++) {
        struct target *t = &s->targets[i];
        t->saving = done_by(t);
        if (t->saving > t->saved)
            store_put_value(to, t->told_name, (struct span){(const char *)&t->saving, sizeof t->saving});
    }
}

/* --- out with it -------------------------------------------------------------------------------------------------- */

/* The first that the target was not offered. */
static size_t next_for(const struct suppression *s, const struct target *t) {
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (s->pending[s->first + mid].id <= t->offered)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void offer(struct suppression *s) {
    for (size_t i = 0; i < s->target_count; i++) {
        struct target *t = &s->targets[i];
        for (size_t j = next_for(s, t); j < s->count; j++) {
            const struct pending *p = &s->pending[s->first + j];
            const struct suppressed row = {p->id, p->why, p->time_ms, p->address};
            if (!suppression_worker_offer(t->worker, &row))
                break;
            t->offered = p->id;
        }
    }
}

static void drop_offered(struct suppression *s) {
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < s->target_count; i++)
        if (s->targets[i].offered < least)
            least = s->targets[i].offered;
    while (s->count && s->pending[s->first].id <= least) {
        free(s->pending[s->first].address);
        s->first++;
        s->count--;
    }
    if (!s->count)
        s->first = 0;
}

/* An address may hold what a table would take for something else. */
static void write_quoted(FILE *out, struct span text) {
    putc('"', out);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            putc('"', out);
        putc(text.ptr[i], out);
    }
    putc('"', out);
}

static bool write_row(void *context, int64_t id, struct span row) {
    FILE *out = context;
    unsigned why;
    int64_t time_ms;
    struct span address;
    char time[TIMESTAMP_SIZE];
    (void)id;
    if (!parse_row(row, &why, &time_ms, &address))
        return true;
    timestamp_format(time_ms, time);
    write_quoted(out, address);
    fprintf(out, ",%s,%s\n", suppression_why_name(why), time);
    return !ferror(out);
}

static void write_file(struct suppression *s, struct store *from) {
    struct output to;
    struct err err = {0};
    int64_t now = clock_monotonic_ns();
    if (!s->file_is_stale ||
        (s->file_written_ns && now - s->file_written_ns < s->options.file_interval_ms * (int64_t)1000000))
        return;
    bool ok = output_open(&to, s->options.file, &err);
    if (ok) {
        if (to.temporary && access(s->options.file, F_OK) != 0)
            fchmod(fileno(to.file), 0600); /* addresses are nobody else's; a file that is there keeps its mode */
        fputs("address,reason,time\n", to.file);
        store_each_name(from, table, write_row, to.file, NULL);
        ok = output_commit(&to, &err);
    }
    if (!ok)
        log_event(LOG_ERROR, "the suppression list cannot be written", LOG_FIELDS({"reason", err.text, 0}));
    s->file_is_stale = !ok;
    s->file_written_ns = now;
}

void suppression_saved(struct suppression *s, struct store *from) {
    if (s->last >= s->fresh)
        s->file_is_stale = s->options.file != NULL;
    s->fresh = s->last + 1;
    for (size_t i = 0; i < s->target_count; i++)
        if (s->targets[i].saving > s->targets[i].saved)
            s->targets[i].saved = s->targets[i].saving;
    offer(s);
    drop_offered(s);
    write_file(s, from);
}

void suppression_counts(struct suppression *s, struct suppression_row *row) {
    *row = (struct suppression_row){.addresses = s->last, .dropped = s->dropped};
    for (size_t i = 0; i < s->target_count; i++) {
        struct suppression_counts c = {0};
        suppression_worker_counts(s->targets[i].worker, &c);
        row->told += c.told;
        row->refused += c.refused;
        row->failed += c.failed;
        row->waiting += s->last - (c.done > s->targets[i].saved ? c.done : s->targets[i].saved);
    }
}
