/* Any stream of text, in pieces whose sizes the first two bytes give: the results must be those of the whole text read
 * at once by the other instruction set; what they cover must lie in the text, in order, and never twice. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
    if (!ok)
        abort();
}

struct result {
    enum frame_result kind;
    uint64_t offset;
    size_t len;
    int reason;
    uint64_t event;
};

static uint64_t digest(const struct ses_event *e) {
    uint64_t h = (uint64_t)e->type * 31 + (uint64_t)e->time_ms;
    for (size_t i = 0; i < e->message_id.len; i++)
        h = h * 31 + (unsigned char)e->message_id.ptr[i];
    return h * 31 + ses_recipients_of(e).count;
}

/* Reads the text; returns the number of results, which `out` has room for. */
static size_t read_text(struct frame *f, const uint8_t *text, size_t size, const size_t pieces[2], struct result *out) {
    size_t at = 0, count = 0;
    uint64_t covered = 0;
    struct frame_item item;
    frame_begin(f, 0);
    for (unsigned turn = 0;; turn++) {
        size_t room, n = pieces[turn & 1];
        char *to = frame_space(f, &room);
        check(room >= FRAME_PIECE);
        n = n < room ? n : room;
        n = n < size - at ? n : size - at;
        if (n)
            memcpy(to, text + at, n);
        at += n;
        frame_filled(f, n, at == size);
        enum frame_result kind;
        while ((kind = frame_next(f, &item)) != FRAME_NEED_TEXT && kind != FRAME_END) {
            check(count < size); /* every result takes a byte at least */
            check(item.offset >= covered && item.offset + item.raw.len <= at && item.raw.len > 0);
            check(memcmp(item.raw.ptr, text + item.offset, item.raw.len) == 0);
            covered = item.offset + item.raw.len;
            out[count++] =
                (struct result){kind, item.offset, item.raw.len, kind == FRAME_MALFORMED ? (int)item.reason : -1,
                                kind == FRAME_EVENT ? digest(item.event) : 0};
        }
        check((kind == FRAME_END) == (at == size));
        if (kind == FRAME_END)
            return count;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct frame *plain, *best;
    if (!plain) {
        plain = frame_create(JSON_ISA_PLAIN);
        best = frame_create(json_isa_best());
    }
    if (size < 2 || size > 512 * 1024) /* over that, what is kept of damage depends on the pieces */
        return 0;
    const size_t pieces[2] = {1 + (size_t)data[0] * (data[0] & 1 ? 1 : 9), 1 + (size_t)data[1]};
    const size_t whole[2] = {size, size};
    data += 2;
    size -= 2;
    struct result *a = calloc(size + 1, sizeof *a), *b = calloc(size + 1, sizeof *b);
    check(a && b);
    size_t count = read_text(best, data, size, whole, a);
    check(read_text(plain, data, size, pieces, b) == count);
    for (size_t i = 0; i < count; i++)
        check(a[i].kind == b[i].kind && a[i].offset == b[i].offset && a[i].len == b[i].len &&
              a[i].reason == b[i].reason && a[i].event == b[i].event);
    free(a);
    free(b);
    return 0;
}
