#include "commands/find_store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

/* --- on the way --------------------------------------------------------------------------------------------------- */

static const size_t longest[FIND_TEXTS] = {
    [FIND_ID] = 512,    [FIND_SUBJECT] = 2048,    [FIND_FROM] = 512,  [FIND_SOURCE] = 512,
    [FIND_SET] = 128,   [FIND_RECIPIENT] = 512,   [FIND_STATUS] = 64, [FIND_ANSWER] = 4096,
    [FIND_LINK] = 4096, [FIND_USER_AGENT] = 1024, [FIND_IP] = 64,
};

struct wire_head {
    uint64_t message;
    bool is_match;
    struct event event;
    uint32_t lengths[FIND_TEXTS];
};

void find_wire_put(struct buf *out, const struct find_wire *w) {
    struct wire_head head;
    memset(&head, 0, sizeof head); /* no byte of it stays unset */
    head.message = w->message;
    head.is_match = w->is_match;
    head.event = w->event;
    for (int i = 0; i < FIND_TEXTS; i++)
        head.lengths[i] = (uint32_t)(w->texts[i].len < longest[i] ? w->texts[i].len : longest[i]);
    buf_append(out, &head, sizeof head);
    for (int i = 0; i < FIND_TEXTS; i++)
        buf_append(out, w->texts[i].ptr, head.lengths[i]);
}

bool find_wire_take(struct span *text, struct find_wire *w) {
    struct wire_head head;
    if (!text->len)
        return false;
    assert(text->len >= sizeof head);
    memcpy(&head, text->ptr, sizeof head);
    *text = (struct span){text->ptr + sizeof head, text->len - sizeof head};
    w->message = head.message;
    w->is_match = head.is_match;
    w->event = head.event;
    for (int i = 0; i < FIND_TEXTS; i++) {
        assert(text->len >= head.lengths[i]);
        w->texts[i] = (struct span){text->ptr, head.lengths[i]};
        *text = (struct span){text->ptr + head.lengths[i], text->len - head.lengths[i]};
    }
    return true;
}

/* --- texts -------------------------------------------------------------------------------------------------------- */

enum { BLOCK = 256 << 10 };
struct find_block {
    struct find_block *next;
    size_t used;
    char text[BLOCK];
};

/* Terminated; a byte 0 inside becomes one that is no UTF-8 either. */
static const char *keep_text(struct find_store *s, struct span text) {
    if (!text.len)
        return "";
    if (!s->blocks || BLOCK - s->blocks->used <= text.len) {
        struct find_block *b = alloc_zeroed(1, sizeof *b);
        b->next = s->blocks;
        s->blocks = b;
        s->memory += sizeof *b;
    }
    char *to = s->blocks->text + s->blocks->used;
    for (size_t i = 0; i < text.len; i++)
        to[i] = text.ptr[i] ? text.ptr[i] : '\xff';
    s->blocks->used += text.len + 1;
    return to;
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

void find_store_init(struct find_store *s, uint64_t max_memory) {
    *s = (struct find_store){.max_memory = max_memory};
    map_init(&s->numbers, sizeof(size_t));
    map_init(&s->keys, 1);
}

void find_store_deinit(struct find_store *s) {
    for (size_t i = 0; i < s->count; i++)
        free(s->messages[i].events);
    free(s->messages);
    free(s->growths);
    map_deinit(&s->numbers);
    map_deinit(&s->keys);
    while (s->blocks) {
        struct find_block *next = s->blocks->next;
        free(s->blocks);
        s->blocks = next;
    }
}

static uint64_t map_key(uint64_t key) {
    return key == UINT64_MAX ? 0 : key;
}

static size_t message_of(struct find_store *s, const struct find_wire *w) {
    size_t *place = map_put(&s->numbers, map_key(w->message)); /* the place and 1; 0: it is new */
    if (*place)
        return *place - 1;
    if (s->count == s->capacity) {
        s->memory += (s->capacity ? s->capacity : 64) * (sizeof *s->messages + sizeof *s->growths);
        s->capacity = s->capacity ? s->capacity * 2 : 64;
        s->messages = alloc_resize(s->messages, s->capacity, sizeof *s->messages);
        s->growths = alloc_resize(s->growths, s->capacity, sizeof *s->growths);
    }
    s->messages[s->count] = (struct found_message){
        .sent_ms = INT64_MAX,
        .id = keep_text(s, w->texts[FIND_ID]),
        .subject = "",
        .from = "",
        .source = "",
        .configuration_set = "",
        .identity = "",
    };
    s->growths[s->count] = (struct find_growth){0};
    *place = ++s->count;
    return s->count - 1;
}

/* What several records say alike; not each says all. Whichever comes first, the same is kept. */
static void keep_least(struct find_store *s, const char **kept, struct span text) {
    if (!text.len)
        return;
    size_t len = strlen(*kept);
    int c = len ? memcmp(text.ptr, *kept, len < text.len ? len : text.len) : -1;
    if (!len || c < 0 || (c == 0 && text.len < len))
        *kept = keep_text(s, text);
}

static void describe_message(struct find_store *s, struct found_message *m, const struct find_wire *w) {
    if (w->event.sent_ms < m->sent_ms)
        m->sent_ms = w->event.sent_ms;
    keep_least(s, &m->subject, w->texts[FIND_SUBJECT]);
    keep_least(s, &m->from, w->texts[FIND_FROM]);
    keep_least(s, &m->source, w->texts[FIND_SOURCE]);
    keep_least(s, &m->configuration_set, w->texts[FIND_SET]);
    if (!*m->identity)
        m->identity = intern_name(s->identities, w->event.identity);
}

static void add_event(struct find_store *s, size_t at, const struct find_wire *w) {
    struct found_message *m = &s->messages[at];
    size_t *capacity = &s->growths[at].capacity;
    describe_message(s, m, w);
    if (m->count == *capacity) {
        s->memory += (*capacity ? *capacity : 4) * sizeof *m->events;
        *capacity = *capacity ? *capacity * 2 : 4;
        m->events = alloc_resize(m->events, *capacity, sizeof *m->events);
    }
    const struct event *e = &w->event;
    uint16_t provider = e->provider == PROVIDER_OTHER && e->hint != PROVIDER_OTHER ? e->hint : e->provider;
    m->events[m->count++] = (struct found_event){
        .time_ms = e->time_ms,
        .key = e->key,
        .provider = provider_table_name(s->providers, provider),
        .recipient = keep_text(s, w->texts[FIND_RECIPIENT]),
        .status = keep_text(s, w->texts[FIND_STATUS]),
        .answer = keep_text(s, w->texts[FIND_ANSWER]),
        .link = keep_text(s, w->texts[FIND_LINK]),
        .user_agent = keep_text(s, w->texts[FIND_USER_AGENT]),
        .ip_address = keep_text(s, w->texts[FIND_IP]),
        .detail = e->detail,
        .delivery_ms = e->delivery_ms,
        .type = e->type,
        .reason = e->reason,
        .visitor = e->visitor,
    };
}

bool find_store_add(struct find_store *s, struct span text, struct err *err) {
    struct find_wire w;
    while (find_wire_take(&text, &w)) {
        size_t at = message_of(s, &w);
        s->growths[at].is_match |= w.is_match;
        char *is_there = map_put(&s->keys, map_key(w.event.key));
        if (*is_there) {
            s->duplicates++;
            continue;
        }
        *is_there = 1;
        add_event(s, at, &w);
        if (s->memory + map_memory(&s->keys) + map_memory(&s->numbers) > s->max_memory)
            return err_set(err, ERR_INPUT,
                           "more messages match than fit into %llu MiB (%zu by now): narrow the search, with --from "
                           "and --to or another filter, or give it more with --max-memory",
                           (unsigned long long)(s->max_memory >> 20), s->count);
    }
    return true;
}

static int by_send_time(const void *x, const void *y) {
    const struct found_message *a = x, *b = y;
    if (a->sent_ms != b->sent_ms)
        return a->sent_ms < b->sent_ms ? 1 : -1;
    return strcmp(a->id, b->id);
}

void find_store_settle(struct find_store *s, bool (*keep)(void *context, const struct found_message *m),
                       void *context) {
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++) {
        found_message_settle(&s->messages[i]);
        if (s->growths[i].is_match && keep(context, &s->messages[i]))
            s->messages[kept++] = s->messages[i];
        else
            free(s->messages[i].events);
    }
    s->count = kept;
    if (s->count)
        qsort(s->messages, s->count, sizeof *s->messages, by_send_time);
}
