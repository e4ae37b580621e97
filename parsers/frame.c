#include "parsers/frame.h"

#include <assert.h>
#include <stdlib.h>

#include "core/alloc.h"

/* A record of the greatest size, whole, and a piece of text behind it. */
enum { FRAME_TEXT = RECORD_MAX_SIZE + FRAME_PIECE + 4096 };

struct frame {
    char *text; /* owned; FRAME_TEXT and padding */
    size_t len;
    size_t at;       /* everything before it was given out */
    uint64_t offset; /* of text[0] in the object */
    bool last;       /* nothing follows text[len] */

    /* The index is of text + base, and of as much of it as was needed so far. */
    struct json_index index;
    size_t base;

    /* Damage being passed over: from `at` (or before the buffer) up to `scan`. */
    bool in_damage;
    bool reported; /* it was too long to keep and has been given out already */
    bool retry;    /* at `scan` stands a record that was cut: try it again with more text */
    enum malformed_reason reason;
    size_t scan;
    bool in_string, escaped; /* what the bytes before `scan` make of the one at `scan` */
    char before;             /* the last byte before `scan` that is no blank */

    enum json_isa isa;
    struct record_reader reader;
    struct ses_event event;
};

struct frame *frame_create(enum json_isa isa) {
    struct frame *f = alloc_zeroed(1, sizeof *f);
    f->text = alloc_zeroed(FRAME_TEXT + JSON_PADDING, 1);
    f->isa = isa;
    json_index_init(&f->index);
    record_reader_init(&f->reader, isa);
    return f;
}

void frame_destroy(struct frame *f) {
    if (!f)
        return;
    json_index_deinit(&f->index);
    record_reader_deinit(&f->reader);
    free(f->text);
    free(f);
}

uint64_t frame_position(const struct frame *f) {
    return f->offset + f->at;
}

void frame_set_tags(struct frame *f, const struct span *names, unsigned count) {
    assert(count <= EVENT_MAX_TAGS);
    for (unsigned i = 0; i < count; i++)
        f->reader.parser.tag_names[i] = names[i];
    f->reader.parser.tag_count = count;
}

void frame_begin(struct frame *f, uint64_t offset) {
    f->len = f->at = f->scan = f->base = 0;
    f->offset = offset;
    f->last = f->in_damage = f->reported = f->retry = false;
    f->index.len = 0;
}

char *frame_space(struct frame *f, size_t *room) {
    assert(!f->last);
    if (f->at) {
        memmove(f->text, f->text + f->at, f->len - f->at);
        f->len -= f->at;
        f->scan -= f->scan < f->at ? f->scan : f->at;
        f->offset += f->at;
        f->at = 0;
    }
    *room = FRAME_TEXT - f->len;
    if (*room > FRAME_PIECE)
        *room = FRAME_PIECE;
    assert(*room == FRAME_PIECE);
    return f->text + f->len;
}

/* Indexes at most `len` bytes from `base`. */
static void index_from(struct frame *f, size_t base, size_t len) {
    if (len > f->len - base)
        len = f->len - base;
    f->base = base;
    f->index.last = f->last && base + len == f->len;
    json_index_build(&f->index, f->text + base, len, f->isa);
}

void frame_filled(struct frame *f, size_t n, bool last) {
    f->len += n;
    f->text[f->len] = 0;
    f->last = last;
    if (f->in_damage)
        f->index.len = 0; /* made where a record may begin, and only as far as it is looked at */
    else
        index_from(f, 0, f->len); /* text[0] begins a record */
}

/* --- between records ---------------------------------------------------------------------------------------------- */

/* What may stand between records: blanks, commas and brackets of an array around them, byte order marks, RS (RFC 7464).
 */
static size_t pass_separators(const struct frame *f, size_t at) {
    const char *text = f->text;
    for (; at < f->len; at++) {
        unsigned char c = (unsigned char)text[at];
        if (c == '{')
            break;
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',' || c == '[' || c == ']' || c == 0x1e)
            continue;
        if (c == 0xef && f->len - at >= 3 && memcmp(text + at, "\xef\xbb\xbf", 3) == 0) {
            at += 2;
            continue;
        }
        break;
    }
    return at;
}

static bool may_be_cut_mark(const struct frame *f, size_t at) {
    return !f->last && f->len - at < 3 && (unsigned char)f->text[at] == 0xef;
}

/* --- records ------------------------------------------------------------------------------------------------------ */

/* How much is indexed when a record begins where the index cannot be used: behind damage, where quotes may be turned
 * inside out. Most of what looks like a record there is none, and hostile text looks like one every few bytes. */
enum { FIRST_WINDOW = 256 };

static bool is_indexed(const struct frame *f, size_t at) {
    size_t i = at - f->base;
    return at >= f->base && i < f->index.len && (f->index.blocks[i >> 6].open >> (i & 63) & 1);
}

/* The record at text[at]; the index is moved there, and grown, as needed. */
static struct record read_indexed(struct frame *f, size_t at) {
    if (!is_indexed(f, at))
        index_from(f, at, FIRST_WINDOW);
    for (;;) {
        size_t reach = f->base + f->index.len;
        char kept = f->text[reach];
        f->text[reach] = 0; /* the index's text ends here, and must end in 0 */
        struct record record = record_read(&f->reader, &f->index, at - f->base, &f->event);
        f->text[reach] = kept;
        record.end += f->base;
        if (record.kind != RECORD_CUT || reach == f->len)
            return record;
        index_from(f, at, 4 * f->index.len);
    }
}

/* The same, and what it is: MALFORMED with record->kind LOST when its end is not to be trusted. With FRAME_NEED_TEXT
 * nothing has changed. Whether a record is too large must not depend on how much of it happens to be here. */
static enum frame_result read_record(struct frame *f, size_t at, struct record *record) {
    *record = read_indexed(f, at);
    if (record->kind == RECORD_CUT) {
        if (!f->last && f->len - at <= RECORD_MAX_SIZE)
            return FRAME_NEED_TEXT;
        record->kind = RECORD_LOST;
        record->end = f->len;
    }
    if (record->end - at > RECORD_MAX_SIZE) {
        record->kind = RECORD_LOST;
        record->reason = MALFORMED_TOO_LARGE;
    }
    switch (record->kind) {
    case RECORD_EVENT:
        return FRAME_EVENT;
    case RECORD_FILTERED:
        return FRAME_FILTERED;
    default:
        return FRAME_MALFORMED;
    }
}

static enum frame_result give(struct frame *f, enum frame_result result, size_t at, const struct record *record,
                              struct frame_item *item) {
    item->offset = f->offset + at;
    item->raw = (struct span){f->text + at, record->end - at};
    item->reason = record->reason;
    item->event = &f->event;
    f->at = f->scan = record->end;
    return result;
}

/* --- damage ------------------------------------------------------------------------------------------------------- */

static bool is_blank(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Damage begins with the byte at `at`; a record there has been tried. */
static void damage_begins(struct frame *f, size_t at, enum malformed_reason reason) {
    f->in_damage = true;
    f->reported = f->retry = false;
    f->reason = reason;
    f->at = at;
    f->scan = f->text[at] == '{' ? at + 1 : at;
    f->before = '{';
    f->in_string = f->escaped = false;
}

/* Describes the damage up to `end`. False when it was given out before. */
static bool report_damage(const struct frame *f, size_t end, struct frame_item *item) {
    size_t len = end - f->at;
    while (len && (f->text[f->at + len - 1] == '\n' || f->text[f->at + len - 1] == '\r'))
        len--;
    item->offset = f->offset + f->at;
    item->raw = (struct span){f->text + f->at, len < RECORD_MAX_SIZE ? len : RECORD_MAX_SIZE};
    item->reason = f->reason;
    return !f->reported;
}

/* Ends the damage at `end`, where the next record may begin. False when there is nothing to say of it. */
static bool damage_ends(struct frame *f, size_t end, struct frame_item *item) {
    bool report = report_damage(f, end, item);
    f->in_damage = false;
    f->at = f->scan = end;
    return report;
}

/* Damage longer than a record may be: given out with its first MiB, the rest is dropped as it comes. */
static bool damage_overflows(struct frame *f, struct frame_item *item) {
    bool report = report_damage(f, f->scan, item);
    f->reported = true;
    f->at = f->scan;
    return report;
}

enum damage_step { DAMAGE_GOES_ON, DAMAGE_TRY, DAMAGE_OVER, DAMAGE_NEED_TEXT };

/* The first byte at or behind `at` that is no blank, or 0 after many blanks or at the end. False: the text must tell.
 */
static bool byte_behind_blanks(const struct frame *f, size_t at, char *c) {
    size_t i = at, limit = f->len - at > JSON_MAX_BLANKS ? at + JSON_MAX_BLANKS : f->len;
    while (i < limit && is_blank(f->text[i]))
        i++;
    *c = i < limit ? f->text[i] : 0;
    return i < limit || f->last || i == at + JSON_MAX_BLANKS;
}

/* The bracket at f->scan: only {" can begin a record. */
static enum damage_step try_bracket(const struct frame *f) {
    char next;
    if (!byte_behind_blanks(f, f->scan + 1, &next))
        return DAMAGE_NEED_TEXT;
    return next == '"' ? DAMAGE_TRY : DAMAGE_GOES_ON;
}

/* The line end at f->scan. */
static enum damage_step pass_newline(struct frame *f) {
    size_t next;
    switch (json_newline_between((struct span){f->text, f->len}, f->last, f->scan, f->before, f->in_string, &next)) {
    case JSON_NEWLINE_UNKNOWN:
        return DAMAGE_NEED_TEXT;
    case JSON_NEWLINE_ENDS:
        f->scan++;
        return DAMAGE_OVER;
    default:
        f->in_string = false;
        f->before = '\n';
        f->scan = next - 1;
        return DAMAGE_GOES_ON;
    }
}

/* From f->scan on, byte by byte: to the next place where a record may begin. TRY: only a good record ends the damage
 * there. OVER: it ends there whatever follows. What is passed over does not depend on the pieces that the text came in:
 * with NEED_TEXT the byte at f->scan is still to be judged. */
static enum damage_step pass_damage(struct frame *f) {
    for (; f->scan < f->len; f->scan++) {
        char c = f->text[f->scan];
        bool is_escaped = f->escaped;
        enum damage_step step = DAMAGE_GOES_ON;
        f->escaped = !is_escaped && c == '\\';
        if (c == '"')
            f->in_string ^= !is_escaped;
        else if (c == '{')
            step = try_bracket(f);
        else if (c == '\n')
            step = pass_newline(f);
        if (step != DAMAGE_GOES_ON)
            return step;
        if (!is_blank(c))
            f->before = c;
    }
    return f->last ? DAMAGE_OVER : DAMAGE_NEED_TEXT;
}

/* The record at f->scan, if it is a good one. What stands behind a colon and is followed by the rest of an object is
 * what a broken envelope holds, and went down with it; behind a record that was cut at a colon stands the next record.
 */
static enum frame_result try_record(struct frame *f, struct record *record) {
    enum frame_result result = read_record(f, f->scan, record);
    if (result != FRAME_EVENT && result != FRAME_FILTERED)
        return result;
    char next = 0;
    if (f->before == ':' && !byte_behind_blanks(f, record->end, &next))
        return FRAME_NEED_TEXT;
    return next == '}' || next == ',' ? FRAME_MALFORMED : result;
}

/* Passes over damage. True with *result when there is something to say; false when the damage is over, nothing is to be
 * said of it, and reading goes on at f->at. */
static bool next_in_damage(struct frame *f, struct frame_item *item, enum frame_result *result) {
    for (;;) {
        enum damage_step step = f->retry ? DAMAGE_TRY : pass_damage(f);
        f->retry = false;
        *result = FRAME_MALFORMED;
        if (step == DAMAGE_OVER)
            return damage_ends(f, f->scan, item);
        struct record record;
        enum frame_result found = step == DAMAGE_TRY ? try_record(f, &record) : FRAME_NEED_TEXT;
        if (found == FRAME_EVENT || found == FRAME_FILTERED) {
            size_t at = f->scan;
            if (!damage_ends(f, at, item))
                *result = give(f, found, at, &record, item);
            return true; /* after a report the good record is read again: rare */
        }
        if (found == FRAME_NEED_TEXT) {
            f->retry = step == DAMAGE_TRY;
            /* What cannot be kept any longer is given out, so that there is room for more. */
            if (f->reported || f->len - f->at > RECORD_MAX_SIZE - FRAME_PIECE)
                if (damage_overflows(f, item))
                    return true;
            *result = FRAME_NEED_TEXT;
            return true;
        }
        f->before = '{';
        f->scan++;
    }
}

enum frame_result frame_next(struct frame *f, struct frame_item *item) {
    for (;;) {
        enum frame_result result;
        if (f->in_damage) {
            if (next_in_damage(f, item, &result))
                return result;
            continue;
        }
        size_t at = pass_separators(f, f->at);
        if (at == f->len) {
            f->at = f->scan = at;
            return f->last ? FRAME_END : FRAME_NEED_TEXT;
        }
        if (f->text[at] != '{') {
            if (may_be_cut_mark(f, at)) {
                f->at = f->scan = at;
                return FRAME_NEED_TEXT;
            }
            damage_begins(f, at, MALFORMED_NOT_JSON);
            continue;
        }
        struct record record;
        result = read_record(f, at, &record);
        if (result == FRAME_NEED_TEXT) {
            f->at = f->scan = at;
            return FRAME_NEED_TEXT;
        }
        if (record.kind != RECORD_LOST)
            return give(f, result, at, &record, item);
        damage_begins(f, at, record.reason);
    }
}
