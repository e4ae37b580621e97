#include "aws/sigv4.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DIGEST = 32, HEX = 2 * DIGEST, TIME_TEXT = 17, DATE_TEXT = 9, SCOPE_TEXT = 128, URL_LIMIT = 64 << 10 };

/* Algorithm, Credential, Date, Expires, Security-Token, SignedHeaders. */
enum { OWN_PARAMETERS = 6 };

/* --- text --------------------------------------------------------------------------------------------------------- */

/* Everything but A-Z a-z 0-9 - . _ ~ becomes %XY. */
static void append_encoded(struct buf *to, const char *text) {
    static const char digits[] = "0123456789ABCDEF";
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '.' || c == '_' || c == '~';
        if (plain) {
            buf_append_char(to, (char)c);
        } else {
            char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
            buf_append(to, escape, sizeof escape);
        }
    }
}

static void to_hex(const unsigned char digest[DIGEST], char hex[HEX + 1]) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[HEX] = 0;
}

static int by_name_and_value(const void *a, const void *b) {
    const struct sigv4_parameter *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->value, y->value);
}

static const char *encode(struct buf *to, const char *text) {
    const char *start = to->data + to->len;
    append_encoded(to, text);
    buf_append_char(to, 0);
    return start;
}

/* The query as it is signed: everything encoded, then sorted. */
static bool append_query(struct buf *to, struct sigv4_parameter *parameters, size_t count) {
    size_t most = 1;
    for (size_t i = 0; i < count; i++)
        most += 3 * (strlen(parameters[i].name) + strlen(parameters[i].value)) + 2;
    struct buf encoded;
    buf_init(&encoded, URL_LIMIT);
    bool ok = buf_reserve(&encoded, most); /* so that it does not move */
    for (size_t i = 0; ok && i < count; i++)
        parameters[i] =
            (struct sigv4_parameter){encode(&encoded, parameters[i].name), encode(&encoded, parameters[i].value)};
    if (ok)
        qsort(parameters, count, sizeof *parameters, by_name_and_value);
    for (size_t i = 0; ok && i < count; i++)
        ok = buf_printf(to, "%s%s=%s", i ? "&" : "", parameters[i].name, parameters[i].value);
    buf_deinit(&encoded);
    return ok;
}

/* --- digests ------------------------------------------------------------------------------------------------------ */

static bool sha256(struct span data, unsigned char out[DIGEST]) {
    return EVP_Digest(data.ptr, data.len, out, NULL, EVP_sha256(), NULL) == 1;
}

static bool hmac(const void *key, size_t key_len, const char *data, size_t len, unsigned char out[DIGEST]) {
    return HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)data, len, out, NULL) != NULL;
}

/* The key of a day, a region and a service: a chain of four HMACs. */
static bool signing_key(const struct sigv4_presign *r, const char *secret, const char date[DATE_TEXT],
                        unsigned char key[DIGEST]) {
    struct buf start;
    buf_init(&start, 4096);
    unsigned char a[DIGEST], b[DIGEST];
    bool ok = buf_printf(&start, "AWS4%s", secret) && hmac(start.data, start.len, date, strlen(date), a) &&
              hmac(a, DIGEST, r->region, strlen(r->region), b) && hmac(b, DIGEST, r->service, strlen(r->service), a) &&
              hmac(a, DIGEST, "aws4_request", strlen("aws4_request"), key);
    if (start.data)
        OPENSSL_cleanse(start.data, start.size);
    OPENSSL_cleanse(a, sizeof a);
    OPENSSL_cleanse(b, sizeof b);
    buf_deinit(&start);
    return ok;
}

/* --- the URL ------------------------------------------------------------------------------------------------------ */

struct stamp {
    char time[TIME_TEXT], date[DATE_TEXT], scope[SCOPE_TEXT];
};

static bool make_stamp(const struct sigv4_presign *r, struct stamp *s) {
    time_t seconds = (time_t)(r->now_ms / 1000);
    struct tm utc;
    if (!gmtime_r(&seconds, &utc) || !strftime(s->time, sizeof s->time, "%Y%m%dT%H%M%SZ", &utc))
        return false;
    memcpy(s->date, s->time, DATE_TEXT - 1);
    s->date[DATE_TEXT - 1] = 0;
    int n = snprintf(s->scope, sizeof s->scope, "%s/%s/%s/aws4_request", s->date, r->region, r->service);
    return n > 0 && (size_t)n < sizeof s->scope;
}

/* The canonical request, its digest in the text to sign, and that text's signature. */
static bool sign(const struct sigv4_presign *r, const struct aws_credentials *c, const struct stamp *stamp,
                 struct span query, char signature[HEX + 1]) {
    static const char empty_digest[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    unsigned char digest[DIGEST], key[DIGEST];
    char hex[HEX + 1];
    struct buf text;
    buf_init(&text, 2 * URL_LIMIT);
    bool ok =
        buf_printf(&text, "GET\n%s\n%.*s\nhost:%s\n\nhost\n%s", r->path, SPAN_ARG(query), r->host, empty_digest) &&
        sha256(buf_span(&text), digest);
    if (ok) {
        to_hex(digest, hex);
        buf_clear(&text);
        ok = buf_printf(&text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", stamp->time, stamp->scope, hex) &&
             signing_key(r, c->secret_key, stamp->date, key) && hmac(key, DIGEST, text.data, text.len, digest);
    }
    OPENSSL_cleanse(key, sizeof key);
    buf_deinit(&text);
    if (ok)
        to_hex(digest, signature);
    return ok;
}

bool sigv4_presign_url(const struct sigv4_presign *r, const struct aws_credentials *c, struct buf *to) {
    struct stamp stamp;
    if (r->parameter_count > SIGV4_PARAMETERS_MAX || !make_stamp(r, &stamp))
        return false;
    struct buf credential, query;
    buf_init(&credential, 1024);
    buf_init(&query, URL_LIMIT);
    char expires[16], signature[HEX + 1];
    snprintf(expires, sizeof expires, "%u", r->expires_s);
    bool ok = buf_printf(&credential, "%s/%s", c->access_key, stamp.scope) && buf_append_char(&credential, 0);

    struct sigv4_parameter parameters[SIGV4_PARAMETERS_MAX + OWN_PARAMETERS];
    size_t count = 0;
    for (; count < r->parameter_count; count++)
        parameters[count] = r->parameters[count];
    parameters[count++] = (struct sigv4_parameter){"X-Amz-Algorithm", "AWS4-HMAC-SHA256"};
    parameters[count++] = (struct sigv4_parameter){"X-Amz-Credential", ok ? credential.data : ""};
    parameters[count++] = (struct sigv4_parameter){"X-Amz-Date", stamp.time};
    parameters[count++] = (struct sigv4_parameter){"X-Amz-Expires", expires};
    if (c->session_token)
        parameters[count++] = (struct sigv4_parameter){"X-Amz-Security-Token", c->session_token};
    parameters[count++] = (struct sigv4_parameter){"X-Amz-SignedHeaders", "host"};
    append_query(&query, parameters, count);

    ok =
        ok && !query.failed && sign(r, c, &stamp, buf_span(&query), signature) &&
        buf_printf(to, "https://%s%s?%.*s&X-Amz-Signature=%s", r->host, r->path, SPAN_ARG(buf_span(&query)), signature);
    buf_deinit(&credential);
    buf_deinit(&query);
    return ok;
}
