#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/date.h"
#include "aws/s3.h"
#include "aws/s3_call.h"
#include "aws/xml.h"
#include "core/alloc.h"
#include "core/buf.h"

enum {
    PAGE_KEYS = 1000,
    TEXT_LIMIT = AWS_ANSWER_MAX,
    TOKEN_MAX = 8192,
    ETAG_MAX = 1024,
    BEGIN_AGAIN = 3,
    EMPTY_PAGES = 1000, /* in a row: a store that never comes to an end */
};

/* An entry of a page; its texts lie in the page's. */
struct entry {
    size_t key_at, etag_at;
    uint64_t size;
    int64_t modified_ms;
    bool folder, archived;
};

/* One answer, kept until it is whole: nothing is given of a page that breaks off. */
struct page {
    struct buf text;
    struct entry *entries;
    size_t count, capacity;
    struct entry now; /* being read */
    bool has_key, truncated, encoded, is_list;
    struct buf token; /* terminated */
    const char *wrong;
};

/* A listing on its way over its pages. */
struct listing {
    struct aws_session *session;
    const struct s3_bucket *bucket;
    const struct s3_list *list;
    const struct s3_list_hooks *hooks;
    const atomic_bool *stop;
    char *last_object, *last_folder; /* owned; NULL: none was given yet */
    char *seen_object, *seen_folder; /* owned; the last of a page; NULL: none since it was begun, or begun again */
    char *start_after;               /* owned; NULL: none */
    struct page page;
    uint64_t given;
    unsigned empty_pages;
    bool ended; /* the hooks have had enough */
};

/* --- one page ----------------------------------------------------------------------------------------------------- */

static size_t keep_text(struct page *p, const char *text) {
    size_t at = p->text.len;
    if (!buf_append(&p->text, text, strlen(text) + 1))
        p->wrong = "it is too long";
    return at;
}

/* Quotes belong to the header, not to the name. A weak one ("W/...") stays as it is. */
static size_t keep_etag(struct page *p, const char *text) {
    size_t len = strlen(text);
    if (len > ETAG_MAX)
        return keep_text(p, "");
    if (len >= 2 && text[0] == '"' && text[len - 1] == '"') {
        char etag[ETAG_MAX];
        memcpy(etag, text + 1, len - 2);
        etag[len - 2] = 0;
        return keep_text(p, etag);
    }
    return keep_text(p, text);
}

static bool parse_size(const char *text, uint64_t *size) {
    uint64_t n = 0;
    if (!*text || strlen(text) > 18)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        n = n * 10 + (uint64_t)(*text - '0');
    }
    *size = n;
    return true;
}

static void end_entry(struct page *p) {
    if (!p->has_key) {
        p->wrong = "an entry has no key";
        return;
    }
    if (p->count == p->capacity) {
        p->capacity = p->capacity ? p->capacity * 2 : 256;
        p->entries = alloc_resize(p->entries, p->capacity, sizeof *p->entries);
    }
    p->entries[p->count++] = p->now;
    p->now = (struct entry){0};
    p->has_key = false;
}

static void take_contents(struct page *p, const char *name, const char *text) {
    if (strcmp(name, "Key") == 0) {
        p->now.key_at = keep_text(p, text);
        p->now.etag_at = keep_text(p, "");
        p->has_key = true;
    } else if (strcmp(name, "ETag") == 0) {
        p->now.etag_at = keep_etag(p, text);
    } else if (strcmp(name, "Size") == 0) {
        if (!parse_size(text, &p->now.size))
            p->wrong = "a size is no number";
    } else if (strcmp(name, "LastModified") == 0) {
        if (!date_parse_iso(text, &p->now.modified_ms))
            p->wrong = "a time of change is no time";
    } else if (strcmp(name, "StorageClass") == 0) {
        p->now.archived = strcmp(text, "GLACIER") == 0 || strcmp(text, "DEEP_ARCHIVE") == 0;
    }
}

static bool take_element(void *context, const char *path, const char *text) {
    struct page *p = context;
    static const char root[] = "ListBucketResult";
    size_t len = sizeof root - 1;
    if (strncmp(path, root, len) != 0)
        return true;
    p->is_list = true;
    const char *name = path[len] == '/' ? path + len + 1 : "";
    if (strncmp(name, "Contents/", 9) == 0) {
        take_contents(p, name + 9, text);
    } else if (strcmp(name, "Contents") == 0) {
        end_entry(p);
    } else if (strcmp(name, "CommonPrefixes/Prefix") == 0) {
        p->now = (struct entry){.key_at = keep_text(p, text), .folder = true};
        p->has_key = true;
        end_entry(p);
    } else if (strcmp(name, "IsTruncated") == 0) {
        p->truncated = strcmp(text, "true") == 0;
    } else if (strcmp(name, "NextContinuationToken") == 0) {
        buf_clear(&p->token);
        if (!buf_append(&p->token, text, strlen(text) + 1))
            p->wrong = "its continuation token is too long";
    } else if (strcmp(name, "EncodingType") == 0) {
        p->encoded = strcmp(text, "url") == 0;
    }
    return !p->wrong;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. A blank may stand as '+': S3 encodes a real one as %2B. What would end the text, or is no escape, makes the
 * page wrong: the key would be another one. */
static bool decode(char *text) {
    char *to = text;
    for (const char *p = text; *p; p++) {
        if (*p != '%') {
            *to++ = *p == '+' ? ' ' : *p;
            continue;
        }
        int high = hex_digit(p[1]), low = high < 0 ? -1 : hex_digit(p[2]);
        if (low < 0 || high * 16 + low == 0)
            return false;
        *to++ = (char)(high * 16 + low);
        p += 2;
    }
    *to = 0;
    return true;
}

static void clear_page(struct page *p) {
    buf_clear(&p->text);
    p->count = 0;
    p->now = (struct entry){0};
    p->has_key = p->truncated = p->encoded = p->is_list = false;
    p->wrong = NULL;
}

static bool parse_page(struct page *p, struct span text, struct err *err) {
    struct xml_hooks hooks = {p, take_element};
    clear_page(p);
    buf_clear(&p->token);
    if (!xml_walk(text, &hooks, err))
        return false;
    if (!p->is_list)
        p->wrong = "it is another document";
    for (size_t i = 0; p->encoded && !p->wrong && i < p->count; i++)
        if (!decode(p->text.data + p->entries[i].key_at))
            p->wrong = "a key is not encoded as it says";
    if (p->truncated && p->token.len <= 1 && !p->wrong)
        p->wrong = "it says that it goes on, but not where";
    return !p->wrong || err_set(err, ERR_INPUT, "%s", p->wrong);
}

/* --- the pages ---------------------------------------------------------------------------------------------------- */

static void set_string(char **to, const char *text) {
    char *copy = alloc_string(text, strlen(text)); /* before the old one goes: `text` may be it */
    free(*to);
    *to = copy;
}

/* What was given is told by its last key, so a smaller one that comes later would be taken for given. Looked at before
 * anything of the page is given. */
static bool check_order(struct listing *l, struct err *err) {
    const char *object = l->seen_object, *folder = l->seen_folder;
    assert(!l->page.count || l->page.text.data); /* entries point into it */
    for (size_t i = 0; i < l->page.count; i++) {
        const struct entry *e = &l->page.entries[i];
        const char **seen = e->folder ? &folder : &object, *key = l->page.text.data + e->key_at;
        if (*seen && strcmp(key, *seen) < 0)
            return err_set(err, ERR_IO,
                           "bucket %s: its listing is not in the order of the keys; stores that do not list in order, "
                           "as S3 directory buckets do not, are not supported",
                           l->bucket->name);
        *seen = key;
    }
    if (object && object != l->seen_object)
        set_string(&l->seen_object, object);
    if (folder && folder != l->seen_folder)
        set_string(&l->seen_folder, folder);
    return true;
}

static void give_entry(struct listing *l, const struct entry *e) {
    const char *key = l->page.text.data + e->key_at;
    const struct s3_list *list = l->list;
    char **last = e->folder ? &l->last_folder : &l->last_object;
    size_t prefix_len = strlen(list->prefix), len = strlen(key);
    if (strncmp(key, list->prefix, prefix_len) != 0)
        return; /* was not asked for */
    if (e->folder && (!list->folders || len <= prefix_len || key[len - 1] != '/'))
        return; /* no folder below the prefix */
    if (list->start_after && strcmp(key, list->start_after) <= 0 && !e->folder)
        return; /* a store that does not know it */
    if (*last && strcmp(key, *last) <= 0)
        return; /* given before: pages that overlap, or a listing begun again */
    set_string(last, key);
    l->given++;
    if (e->folder) {
        l->ended = !l->hooks->folder(l->hooks->context, key);
    } else {
        struct s3_object o = {.key = key,
                              .etag = l->page.text.data + e->etag_at,
                              .size = e->size,
                              .modified_ms = e->modified_ms,
                              .archived = e->archived};
        l->ended = !l->hooks->object(l->hooks->context, &o);
    }
    if (list->max && l->given >= list->max)
        l->ended = true;
}

static bool fetch_page(struct listing *l, struct aws_answer *answer, struct err *err) {
    const struct s3_list *list = l->list;
    struct s3_call c;
    char max_keys[16];
    unsigned max = list->max && list->max < PAGE_KEYS ? list->max : PAGE_KEYS;
    struct sigv4_parameter parameters[8] = {{"list-type", "2"}, {"encoding-type", "url"}};
    size_t n = 2;
    snprintf(max_keys, sizeof max_keys, "%u", max);
    parameters[n++] = (struct sigv4_parameter){"max-keys", max_keys};
    parameters[n++] = (struct sigv4_parameter){"prefix", list->prefix};
    if (list->folders)
        parameters[n++] = (struct sigv4_parameter){"delimiter", "/"};
    if (l->page.token.len > 1)
        parameters[n++] = (struct sigv4_parameter){"continuation-token", l->page.token.data};
    else if (l->start_after)
        parameters[n++] = (struct sigv4_parameter){"start-after", l->start_after};
    s3_call_init(&c, l->bucket, "/");
    c.call.parameters = parameters;
    c.call.parameter_count = n;
    if (list->requests)
        (*list->requests)++;
    return aws_perform(l->session, &c.call, answer, l->stop, err);
}

/* A failure that a listing begun anew may not meet again: a page that was no whole one; or it was not the request that
 * failed (the session has tried that), but what went before it: the token. */
static bool may_begin_again(const struct listing *l, const struct aws_answer *answer) {
    if (l->stop && atomic_load(l->stop))
        return false;
    bool goes_on = l->page.token.len > 1;
    return answer->status / 100 == 2 ||
           (goes_on && (answer->status == 0 || answer->status == 400 || answer->status >= 500));
}

static void begin_again(struct listing *l) {
    const char *a = l->last_object, *b = l->last_folder;
    const char *last = !a || (b && strcmp(b, a) > 0) ? b : a;
    buf_clear(&l->page.token);
    free(l->seen_object);
    free(l->seen_folder);
    l->seen_object = l->seen_folder = NULL;
    if (last)
        set_string(&l->start_after, last);
}

/* False with `err` when the page could not be had; `again`: but the listing may be begun anew. */
static bool list_page(struct listing *l, bool *again, struct err *err) {
    struct aws_answer answer;
    struct err why = {0};
    bool ok = fetch_page(l, &answer, err);
    if (!ok)
        *again = may_begin_again(l, &answer);
    if (ok && !parse_page(&l->page, buf_span(&answer.body), &why)) {
        ok = err_set(err, ERR_IO, "bucket %s: what it answers is no listing: %s", l->bucket->name, why.text);
        *again = may_begin_again(l, &answer);
    }
    aws_answer_deinit(&answer);
    return ok;
}

static bool list_pages(struct listing *l, struct err *err) {
    unsigned failures = 0;
    bool more = true;
    while (more && !l->ended) {
        struct err why = {0};
        bool again = false;
        if (!list_page(l, &again, &why)) {
            if (!again || ++failures > BEGIN_AGAIN)
                return err_set(err, why.code, "%s", why.text);
            begin_again(l);
            continue;
        }
        if (!check_order(l, err))
            return false;
        uint64_t before = l->given;
        for (size_t i = 0; i < l->page.count && !l->ended; i++)
            give_entry(l, &l->page.entries[i]);
        more = l->page.truncated;
        l->empty_pages = l->given == before ? l->empty_pages + 1 : 0;
        if (l->given != before)
            failures = 0;
        if (more && !l->ended && l->empty_pages > EMPTY_PAGES)
            return err_set(err, ERR_IO, "bucket %s: its listing does not come to an end", l->bucket->name);
    }
    return true;
}

bool s3_list_objects(struct aws_session *s, const struct s3_bucket *b, const struct s3_list *list,
                     const struct s3_list_hooks *hooks, const atomic_bool *stop, struct err *err) {
    struct listing l = {.session = s, .bucket = b, .list = list, .hooks = hooks, .stop = stop};
    buf_init(&l.page.text, TEXT_LIMIT);
    buf_init(&l.page.token, TOKEN_MAX);
    if (list->start_after)
        set_string(&l.start_after, list->start_after);
    bool ok = list_pages(&l, err);
    buf_deinit(&l.page.text);
    buf_deinit(&l.page.token);
    free(l.page.entries);
    free(l.last_object);
    free(l.last_folder);
    free(l.seen_object);
    free(l.seen_folder);
    free(l.start_after);
    return ok;
}
