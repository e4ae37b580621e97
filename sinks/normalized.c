#include "sinks/normalized.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/alloc.h"
#include "core/utf8.h"
#include "sinks/text.h"

enum { DIGEST = 32, SECOND_TEXT = 19, TIME_SLOTS = 64 };

/* "2026-11-21T23:34:30", of the seconds met last: most events share theirs with others. */
struct second {
    bool used;
    int64_t second;
    char text[SECOND_TEXT];
};

struct normalized_writer {
    bool clear;
    struct span tag_names[EVENT_MAX_TAGS];
    unsigned tag_count;
    EVP_MAC *mac;
    EVP_MAC_CTX *keyed; /* begun with the key; every hash starts from there */
    struct second seconds[TIME_SLOTS];
};

/* --- strings ------------------------------------------------------------------------------------------------------ */

static void put_escaped(struct buf *out, uint32_t c) {
    if (c == '"' || c == '\\')
        buf_append(out, (char[]){'\\', (char)c}, 2);
    else if (c == '\n')
        buf_append(out, "\\n", 2);
    else if (c < 0x10000)
        buf_printf(out, "\\u%04x", (unsigned)c);
    else
        buf_printf(out, "\\u%04x\\u%04x", 0xd7c0u + (unsigned)(c >> 10), 0xdc00u + (unsigned)(c & 0x3ff));
}

/* How many bytes from `i` on are plain ASCII that needs no escape. */
static size_t plain_run(struct span s, size_t i) {
    size_t at = i;
    while (at < s.len) {
        unsigned char c = (unsigned char)s.ptr[at];
        if (c < ' ' || c >= 0x7f || c == '"' || c == '\\')
            break;
        at++;
    }
    return at - i;
}

/* The longest beginning of `s` of at most `max` bytes that does not end inside a character. */
static struct span cut_text(struct span s, size_t max) {
    if (s.len <= max)
        return s;
    size_t len = max;
    for (int back = 0; back < 3 && len && ((unsigned char)s.ptr[len] & 0xc0) == 0x80; back++)
        len--;
    return (struct span){s.ptr, len};
}

void normalized_put_string(struct buf *out, struct span text, size_t max) {
    struct span s = cut_text(text, max);
    buf_append_char(out, '"');
    for (size_t i = 0; i < s.len;) {
        size_t run = plain_run(s, i);
        if (run) {
            buf_append(out, s.ptr + i, run);
            i += run;
            continue;
        }
        uint32_t c = 0;
        size_t len = utf8_next((struct span){s.ptr + i, s.len - i}, &c);
        if (len == 0)
            buf_append(out, "\xef\xbf\xbd", 3);
        else if (c == '"' || c == '\\' || text_is_control(c))
            put_escaped(out, c);
        else
            buf_append(out, s.ptr + i, len);
        i += len ? len : 1;
    }
    if (s.len < text.len)
        buf_append(out, "\xe2\x80\xa6", 3);
    buf_append_char(out, '"');
}

/* `key` is our own, with its comma, quotes and colon. */
static void put_name(struct buf *out, const char *key, struct span value) {
    buf_append_str(out, key);
    normalized_put_string(out, value, NORMALIZED_NAME_MAX);
}

static void put_text(struct buf *out, const char *key, struct span value) {
    if (!value.len)
        return;
    buf_append_str(out, key);
    normalized_put_string(out, value, NORMALIZED_TEXT_MAX);
}

static void put_word(struct buf *out, const char *key, const char *word) {
    buf_append_str(out, key);
    buf_append_char(out, '"');
    buf_append_str(out, word);
    buf_append_char(out, '"');
}

static void put_number(struct buf *out, const char *key, uint64_t n) {
    char digits[24];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + n % 10);
    while (n /= 10);
    buf_append_str(out, key);
    buf_append(out, digits + at, sizeof digits - at);
}

static void put_time(struct normalized_writer *w, struct buf *out, const char *key, int64_t ms) {
    int64_t second = ms / 1000 - (ms % 1000 < 0);
    unsigned rest = (unsigned)(ms - second * 1000);
    struct second *kept = &w->seconds[(uint64_t)second % TIME_SLOTS];
    if (!kept->used || kept->second != second) {
        char text[TEXT_TIME_SIZE];
        text_time(ms, text);
        memcpy(kept->text, text, SECOND_TEXT);
        kept->second = second;
        kept->used = true;
    }
    char tail[] = {'.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10), (char)('0' + rest % 10), 'Z', '"'};
    buf_append_str(out, key);
    buf_append_char(out, '"');
    buf_append(out, kept->text, SECOND_TEXT);
    buf_append(out, tail, sizeof tail);
}

static void hex_of(const unsigned char *bytes, size_t len, char *out) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
}

/* --- hashes ------------------------------------------------------------------------------------------------------- */

/* OpenSSL without SHA-256, or out of memory: better no line than one with an address in it. */
static void must(bool ok) {
    if (!ok)
        abort();
}

static EVP_MAC_CTX *begin_keyed(EVP_MAC *mac, const unsigned char *key, size_t len) {
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0), OSSL_PARAM_construct_end()};
    EVP_MAC_CTX *c = EVP_MAC_CTX_new(mac);
    must(c && EVP_MAC_init(c, key, len, parameters));
    return c;
}

/* In pieces, so that an address of any length needs no memory. */
static void hash_lower(EVP_MAC_CTX *c, struct span s) {
    unsigned char piece[256];
    while (s.len) {
        size_t n = s.len < sizeof piece ? s.len : sizeof piece;
        for (size_t i = 0; i < n; i++) {
            unsigned char b = (unsigned char)s.ptr[i];
            piece[i] = (unsigned char)(b >= 'A' && b <= 'Z' ? b | 0x20 : b);
        }
        must(EVP_MAC_update(c, piece, n));
        s = (struct span){s.ptr + n, s.len - n};
    }
}

void normalized_hash(struct normalized_writer *w, struct span address, struct span domain,
                     char out[NORMALIZED_HASH_DIGITS + 1]) {
    unsigned char digest[DIGEST];
    size_t len;
    must(EVP_MAC_init(w->keyed, NULL, 0, NULL)); /* again, with the same key */
    const char *at = domain.len ? memrchr(address.ptr, '@', address.len) : NULL;
    if (at) {
        hash_lower(w->keyed, (struct span){address.ptr, (size_t)(at + 1 - address.ptr)});
        hash_lower(w->keyed, domain);
    } else {
        hash_lower(w->keyed, address);
    }
    must(EVP_MAC_final(w->keyed, digest, &len, sizeof digest) && len == DIGEST);
    hex_of(digest, NORMALIZED_HASH_DIGITS / 2, out);
    out[NORMALIZED_HASH_DIGITS] = '\0';
}

size_t normalized_read_key(const char *path, unsigned char key[NORMALIZED_MAX_KEY], struct err *err) {
    FILE *f = fopen(path, "rbe");
    if (!f) {
        err_set_errno(err, ERR_CONFIG, errno, "%s", path);
        return 0;
    }
    char text[NORMALIZED_MAX_KEY + 1];
    size_t len = fread(text, 1, sizeof text, f);
    bool failed = ferror(f);
    int reason = errno;
    fclose(f);
    if (failed) {
        err_set_errno(err, ERR_CONFIG, reason, "%s", path);
        return 0;
    }
    bool long_enough = len <= NORMALIZED_MAX_KEY;
    while (len && span_is_blank(text[len - 1]))
        len--;
    if (!long_enough || len < NORMALIZED_MIN_KEY) {
        err_set(err, ERR_CONFIG, "%s: a key has %d to %d bytes. Make one with: openssl rand -hex 32", path,
                NORMALIZED_MIN_KEY, NORMALIZED_MAX_KEY);
        len = 0;
    }
    memcpy(key, text, len);
    OPENSSL_cleanse(text, sizeof text);
    return len;
}

bool normalized_random_key(unsigned char key[32], struct err *err) {
    if (getrandom(key, 32, 0) == 32)
        return true;
    return err_set_errno(err, ERR_IO, errno, "no random numbers from the system");
}

/* The capital letters of a purpose keep it apart from addresses, which are hashed in lower case: one record with this
 * text for an address would give the key away. */
static void derive(const unsigned char *key, size_t len, const char *purpose, unsigned char digest[DIGEST]) {
    size_t got;
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    must(mac != NULL);
    EVP_MAC_CTX *c = begin_keyed(mac, key, len);
    must(EVP_MAC_update(c, (const unsigned char *)purpose, strlen(purpose)));
    must(EVP_MAC_final(c, digest, &got, DIGEST) && got == DIGEST);
    EVP_MAC_CTX_free(c);
    EVP_MAC_free(mac);
}

void normalized_event_key(const unsigned char *key, size_t len, uint64_t out[2]) {
    unsigned char digest[DIGEST];
    derive(key, len, "ses-collector EVENT KEY", digest);
    memcpy(out, digest, 16);
    OPENSSL_cleanse(digest, sizeof digest);
}

void normalized_key_fingerprint(const unsigned char *key, size_t len, char out[NORMALIZED_FINGERPRINT + 1]) {
    unsigned char digest[DIGEST];
    derive(key, len, "ses-collector FINGERPRINT", digest);
    hex_of(digest, NORMALIZED_FINGERPRINT / 2, out);
    out[NORMALIZED_FINGERPRINT] = '\0';
}

/* --- the writer --------------------------------------------------------------------------------------------------- */

struct normalized_writer *normalized_create(const struct normalized_options *o) {
    assert(o->tag_count <= EVENT_MAX_TAGS);
    struct normalized_writer *w = alloc_zeroed(1, sizeof *w);
    w->clear = o->clear;
    w->tag_count = o->tag_count;
    for (unsigned i = 0; i < o->tag_count; i++)
        w->tag_names[i] = o->tag_names[i];
    w->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    must(w->mac != NULL);
    w->keyed = begin_keyed(w->mac, o->key, o->key_len);
    return w;
}

void normalized_destroy(struct normalized_writer *w) {
    if (!w)
        return;
    EVP_MAC_CTX_free(w->keyed);
    EVP_MAC_free(w->mac);
    free(w);
}

/* --- lines -------------------------------------------------------------------------------------------------------- */

static void put_recipient(struct normalized_writer *w, const struct normalized_event *e, struct buf *out) {
    if (!e->address.len) {
        buf_append_str(out, ",\"recipient\":null");
        put_number(out, ",\"recipients\":", e->recipients);
        return;
    }
    if (w->clear) {
        put_name(out, ",\"recipient\":", e->address);
        if (e->domain.len)
            put_name(out, ",\"recipient_domain\":", e->domain);
        return;
    }
    char hash[NORMALIZED_HASH_DIGITS + 1];
    normalized_hash(w, e->address, e->domain, hash);
    put_word(out, ",\"recipient\":", hash);
}

/* Why a message bounced or is late. */
static void put_reason(const struct normalized_writer *w, const struct normalized_event *e, struct buf *out) {
    put_word(out, ",\"reason\":", bounce_reason_name((enum bounce_reason)e->event->reason));
    if (e->status[0])
        buf_printf(out, ",\"status\":\"%u.%u.%u\"", e->status[0], e->status[1], e->status[2]);
    if (e->code)
        put_number(out, ",\"code\":", e->code);
    if (w->clear)
        put_text(out, ",\"diagnostic\":", e->reply);
}

static void put_visit(const struct normalized_writer *w, const struct normalized_event *e, struct buf *out) {
    put_word(out, "{\"agent\":", visitor_name((enum visitor)e->event->visitor));
    if (!w->clear)
        return;
    put_text(out, ",\"link\":", e->link);
    put_text(out, ",\"user_agent\":", e->user_agent);
    put_text(out, ",\"ip\":", e->ip_address);
}

static void put_delivery(const struct normalized_writer *w, const struct normalized_event *e, struct buf *out) {
    if (e->event->delivery_ms != EVENT_NO_DELIVERY_MS)
        put_number(out, "{\"ms\":", e->event->delivery_ms);
    else
        buf_append_str(out, "{\"ms\":null");
    if (w->clear)
        put_text(out, ",\"diagnostic\":", e->reply);
}

static void put_failure(const struct normalized_writer *w, const struct normalized_event *e, struct buf *out) {
    buf_append_str(out, "{\"template\":");
    if (e->template_name.len)
        normalized_put_string(out, e->template_name, NORMALIZED_NAME_MAX);
    else
        buf_append_str(out, "null");
    if (w->clear)
        put_text(out, ",\"message\":", e->error_message);
}

/* The object named after the type. */
static void put_details(const struct normalized_writer *w, const struct normalized_event *e, struct buf *out) {
    uint32_t detail = e->event->detail;
    switch ((enum event_type)e->event->type) {
    case EVENT_DELIVERY:
        buf_append_str(out, ",\"delivery\":");
        put_delivery(w, e, out);
        break;
    case EVENT_BOUNCE:
        put_word(out, ",\"bounce\":{\"type\":", bounce_type_name((enum bounce_type)(detail >> 8)));
        put_word(out, ",\"subtype\":", bounce_subtype_name((enum bounce_subtype)(detail & 0xff)));
        put_reason(w, e, out);
        break;
    case EVENT_DELIVERY_DELAY:
        put_word(out, ",\"delay\":{\"type\":", delay_type_name((enum delay_type)detail));
        put_reason(w, e, out);
        break;
    case EVENT_COMPLAINT:
        put_word(out, ",\"complaint\":{\"feedback\":", feedback_type_name((enum feedback_type)detail));
        break;
    case EVENT_OPEN:
    case EVENT_CLICK:
        buf_append_str(out, e->event->type == EVENT_OPEN ? ",\"open\":" : ",\"click\":");
        put_visit(w, e, out);
        break;
    case EVENT_SUBSCRIPTION:
        put_word(out,
                 ",\"subscription\":{\"change\":", subscription_change_name((enum subscription_change)(detail >> 8)));
        put_word(out, ",\"source\":", subscription_source_name((enum subscription_source)(detail & 0xff)));
        break;
    case EVENT_REJECT:
        put_word(out, ",\"reject\":{\"reason\":", reject_reason_name((enum reject_reason)detail));
        break;
    case EVENT_RENDERING_FAILURE:
        buf_append_str(out, ",\"failure\":");
        put_failure(w, e, out);
        break;
    default:
        return;
    }
    buf_append_char(out, '}');
}

static void put_tags(const struct normalized_writer *w, const struct normalized_event *e, struct buf *out) {
    bool any = false;
    for (unsigned i = 0; i < w->tag_count; i++) {
        if (!e->tag_values[i].len)
            continue;
        buf_append_str(out, any ? "," : ",\"tags\":{");
        any = true;
        normalized_put_string(out, w->tag_names[i], NORMALIZED_NAME_MAX);
        put_name(out, ":", e->tag_values[i]);
    }
    if (any)
        buf_append_char(out, '}');
}

void normalized_write(struct normalized_writer *w, const struct normalized_event *e, struct buf *out) {
    const struct event *event = e->event;
    char key[16];
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(event->key >> (56 - 8 * i));
    hex_of(bytes, sizeof bytes, key);
    put_number(out, "{\"v\":", NORMALIZED_VERSION);
    put_word(out, ",\"type\":", event_type_name((enum event_type)event->type));
    put_time(w, out, ",\"time\":", event->time_ms);
    put_time(w, out, ",\"sent\":", event->sent_ms);
    put_name(out, ",\"message_id\":", e->message_id);
    put_name(out, ",\"configuration_set\":", e->configuration_set);
    put_name(out, ",\"identity\":", e->identity);
    put_name(out, ",\"provider\":", e->provider);
    if (e->hint.len)
        put_name(out, ",\"provider_hint\":", e->hint);
    put_recipient(w, e, out);
    put_details(w, e, out);
    put_tags(w, e, out);
    buf_append_str(out, ",\"key\":\"");
    buf_append(out, key, sizeof key);
    buf_append(out, "\"}\n", 3);
}
