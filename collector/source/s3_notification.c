#include "source/s3_notification.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

enum {
    MAX_DEPTH = 16,          /* an object in a record in an envelope: 6 */
    MAX_VALUES = 128 * 1024, /* a document of more would take many times its size in memory */
    MAX_ENVELOPES = 3,
    MAX_KEY = 1024,
    MAX_BUCKET = 255,
    MAX_WORD = 1024
};

/* --- before anything is made of it -------------------------------------------------------------------------------- */

/* Whether a document is so small and flat that it can be had as a whole: only counts, and need not be right about what
 * is no JSON. */
static bool is_modest(struct span text) {
    size_t depth = 0, values = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
            continue;
        }
        if (c == '"')
            in_string = true;
        else if (c == '{' || c == '[')
            depth++, values++;
        else if ((c == '}' || c == ']') && depth)
            depth--;
        else if (c == ',')
            values++;
        if (depth > MAX_DEPTH || values > MAX_VALUES)
            return false;
    }
    return true;
}

static json_t *load(struct span text) {
    text = span_trim(text);
    if (!text.len || text.ptr[0] != '{' || text.len > S3_NOTIFICATION_MAX || !is_modest(text))
        return NULL;
    json_error_t e;
    json_t *root = json_loadb(text.ptr, text.len, 0, &e);
    if (json_is_object(root))
        return root;
    json_decref(root);
    return NULL;
}

/* --- words -------------------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static bool is(const json_t *object, const char *name, const char *text) {
    return strcmp(text_of(object, name), text) == 0;
}

static bool begins_with(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

static bool ends_with(const char *text, const char *end) {
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* Such a word goes into requests: visible ASCII without quotes. NULL where there is none. */
static char *word_of(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '"')
            return NULL;
    return len && len <= MAX_WORD ? alloc_string(text, len) : NULL;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* As forms are encoded: "+" is a blank, then %XY. Returns new; NULL when it is not encoded so. */
static char *decode_key(const char *text) {
    char *key = alloc_string(text, strlen(text)), *to = key;
    for (; *text; text++) {
        if (*text != '%') {
            *to++ = (char)(*text == '+' ? ' ' : *text);
            continue;
        }
        int high = hex_value(text[1]), low = high < 0 ? -1 : hex_value(text[2]);
        if (low < 0 || high + low == 0) { /* no key holds a NUL */
            free(key);
            return NULL;
        }
        *to++ = (char)(high * 16 + low);
        text += 2;
    }
    *to = 0;
    return key;
}

/* --- objects ------------------------------------------------------------------------------------------------------ */

static void clear(struct s3_notified *o) {
    free(o->bucket);
    free(o->key);
    free(o->etag);
    free(o->version_id);
    free(o->sequencer);
}

/* "abc", as some write it, is abc. */
static char *etag_of(const char *text) {
    size_t len = strlen(text);
    if (len >= 2 && text[0] == '"' && text[len - 1] == '"')
        text++, len -= 2;
    return word_of(text, len);
}

/* `bucket` and `object` as S3 and EventBridge have them, but for the names of three fields. */
static void add_object(struct s3_notification *n, const json_t *bucket, const json_t *object, bool encoded) {
    const char *name = text_of(bucket, "name"), *key = text_of(object, "key"),
               *version = text_of(object, encoded ? "versionId" : "version-id"),
               *sequencer = text_of(object, "sequencer");
    const json_t *size = json_object_get(object, "size");
    struct s3_notified o = {
        .bucket = alloc_string(name, strlen(name)),
        .key = encoded ? decode_key(key) : alloc_string(key, strlen(key)),
        .etag = etag_of(text_of(object, encoded ? "eTag" : "etag")),
        .version_id = word_of(version, strlen(version)),
        .sequencer = word_of(sequencer, strlen(sequencer)),
        .size = json_is_integer(size) && json_integer_value(size) >= 0 ? json_integer_value(size) : -1,
    };
    if (!*name || strlen(name) > MAX_BUCKET || strchr(name, '/') || !o.key || !*o.key || strlen(o.key) > MAX_KEY) {
        clear(&o);
        n->broken++;
        return;
    }
    n->objects = alloc_resize(n->objects, n->count + 1, sizeof *n->objects);
    n->objects[n->count++] = o;
}

/* --- the forms ---------------------------------------------------------------------------------------------------- */

/* {"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{...},
 * "object":{...}}}]}. The first number of the version says whether we can read it, as AWS promises. */
static void take_record(struct s3_notification *n, const json_t *record) {
    const char *name = text_of(record, "eventName"), *version = text_of(record, "eventVersion");
    if (begins_with(name, "s3:"))
        name += 3;
    if (!*name || (*version && !begins_with(version, "2.")))
        n->broken++;
    else if (begins_with(name, "ObjectCreated:")) {
        const json_t *s3 = json_object_get(record, "s3");
        add_object(n, json_object_get(s3, "bucket"), json_object_get(s3, "object"), true);
    } else
        n->ignored++;
}

static bool take_records(struct s3_notification *n, const json_t *root) {
    const json_t *records = json_object_get(root, "Records");
    size_t count = json_array_size(records);
    if (!count || count > S3_NOTIFICATION_RECORDS)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!ends_with(text_of(json_array_get(records, i), "eventSource"), ":s3"))
            return false; /* of another service, which has records too */
    for (size_t i = 0; i < count; i++)
        take_record(n, json_array_get(records, i));
    n->kind = S3_NOTIFICATION_OBJECTS;
    return true;
}

/* {"Service":"Amazon S3","Event":"s3:TestEvent","Time":...,"Bucket":...} */
static bool take_test(struct s3_notification *n, const json_t *root) {
    if (!is(root, "Event", "s3:TestEvent") || json_object_get(root, "Records"))
        return false;
    n->kind = S3_NOTIFICATION_TEST;
    return true;
}

/* {"detail-type":"Object Created","source":"aws.s3","detail":{"bucket":{...},"object":{...}}}: the key as it is. */
static bool take_eventbridge(struct s3_notification *n, const json_t *root) {
    if (!is(root, "source", "aws.s3") || !*text_of(root, "detail-type"))
        return false;
    const json_t *detail = json_object_get(root, "detail");
    if (is(root, "detail-type", "Object Created"))
        add_object(n, json_object_get(detail, "bucket"), json_object_get(detail, "object"), false);
    else
        n->ignored++;
    n->kind = S3_NOTIFICATION_OBJECTS;
    return true;
}

/* SNS's envelope: {"Type":"Notification","Message":"..."}. NULL: it is none. */
static json_t *open_envelope(const json_t *root) {
    const json_t *message = json_object_get(root, "Message");
    if (!is(root, "Type", "Notification") || !json_is_string(message))
        return NULL;
    return load((struct span){json_string_value(message), json_string_length(message)});
}

void s3_notification_read(struct span body, struct s3_notification *n) {
    *n = (struct s3_notification){0};
    json_t *root = load(body);
    for (int opened = 0; root && !take_records(n, root) && !take_test(n, root) && !take_eventbridge(n, root);
         opened++) {
        json_t *inner = opened < MAX_ENVELOPES ? open_envelope(root) : NULL;
        json_decref(root);
        root = inner;
    }
    json_decref(root);
}

void s3_notification_deinit(struct s3_notification *n) {
    for (size_t i = 0; i < n->count; i++)
        clear(&n->objects[i]);
    free(n->objects);
    *n = (struct s3_notification){0};
}
