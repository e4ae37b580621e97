/* Any bytes as a queue's message: what is taken out of it must be whole names within their limits, the same each time,
 * and nothing may come of what is no notification. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "source/s3_notification.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
    if (!ok)
        abort();
}

static bool is_visible(const char *word) {
    for (; word && *word; word++)
        if (*word <= ' ' || *word > '~' || *word == '"')
            return false;
    return true;
}

static void check_object(const struct s3_notified *o, size_t size) {
    check(*o->bucket && strlen(o->bucket) <= 255 && !strchr(o->bucket, '/'));
    check(*o->key && strlen(o->key) <= 1024);
    check(strlen(o->bucket) <= size && strlen(o->key) <= size);
    check(!o->etag || *o->etag);
    check(is_visible(o->etag) && is_visible(o->version_id) && is_visible(o->sequencer));
    check(o->size >= -1);
}

static bool same_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct s3_notification n, again;
    char *text = malloc(size ? size : 1); /* exactly as long as it is */
    check(text != NULL);
    if (size)
        memcpy(text, data, size);
    s3_notification_read((struct span){text, size}, &n);
    s3_notification_read((struct span){text, size}, &again);
    free(text); /* nothing is borrowed */
    check(n.kind == again.kind && n.count == again.count && n.ignored == again.ignored && n.broken == again.broken);
    check(n.count + n.ignored + n.broken <= S3_NOTIFICATION_RECORDS);
    check((n.kind == S3_NOTIFICATION_OBJECTS) == (n.count + n.ignored + n.broken > 0));
    for (size_t i = 0; i < n.count; i++) {
        check_object(&n.objects[i], size);
        check(same_text(n.objects[i].key, again.objects[i].key) && same_text(n.objects[i].etag, again.objects[i].etag));
    }
    s3_notification_deinit(&n);
    s3_notification_deinit(&again);
    return 0;
}
