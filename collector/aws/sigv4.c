#include "aws/sigv4.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { DIGEST = 32, HEX = 2 * DIGEST, TIME_TEXT = 17, DATE_TEXT = 9, SCOPE_TEXT = 128, URL_LIMIT = 64 << 10 };

/* Algorithm, Credential, Date, Expires, Security-Token, SignedHeaders. */
enum { OWN_PARAMETERS = 6 };

/* Date, digest, token, authorization; and the host. All headers together, at most: */
enum { OWN_HEADERS = 5, TEXT_LIMIT = 64 << 10 };

static const char empty_digest[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/* What a signature is for. */
struct signer {
    const char *service, *region;
    char time[TIME_TEXT], date[DATE_TEXT], scope[SCOPE_TEXT];
};

/* --- text --------------------------------------------------------------------------------------------------------- */

void sigv4_encode(struct buf *to, struct span text, bool slash) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '.' || c == '_' || c == '~' || (c == '/' && slash);
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

/* Tokens go through buffers. */
static void wipe_buf(struct buf *b) {
    if (b->data)
        OPENSSL_cleanse(b->data, b->size);
    buf_deinit(b);
}

static int by_name_and_value(const void *a, const void *b) {
    const struct sigv4_parameter *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->value, y->value);
}

/* `to` does not move: there is room. */
static const char *encode(struct buf *to, const char *text) {
    const char *start = to->data + to->len;
    sigv4_encode(to, span_of(text), false);
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
        ok = buf_append_str(to, i ? "&" : "") && buf_append_str(to, parameters[i].name) && buf_append_char(to, '=') &&
             buf_append_str(to, parameters[i].value);
    wipe_buf(&encoded);
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
static bool signing_key(const struct signer *s, const char *secret, unsigned char key[DIGEST]) {
    struct buf start;
    buf_init(&start, 4096);
    unsigned char a[DIGEST], b[DIGEST];
    bool ok = buf_append_str(&start, "AWS4") && buf_append_str(&start, secret) &&
              hmac(start.data, start.len, s->date, strlen(s->date), a) &&
              hmac(a, DIGEST, s->region, strlen(s->region), b) && hmac(b, DIGEST, s->service, strlen(s->service), a) &&
              hmac(a, DIGEST, "aws4_request", strlen("aws4_request"), key);
    OPENSSL_cleanse(a, sizeof a);
    OPENSSL_cleanse(b, sizeof b);
    wipe_buf(&start);
    return ok;
}

static bool signer_init(struct signer *s, const char *service, const char *region, int64_t now_ms) {
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    *s = (struct signer){.service = service, .region = region};
    if (!gmtime_r(&seconds, &utc) || !strftime(s->time, sizeof s->time, "%Y%m%dT%H%M%SZ", &utc))
        return false;
    memcpy(s->date, s->time, DATE_TEXT - 1);
    int n = snprintf(s->scope, sizeof s->scope, "%s/%s/%s/aws4_request", s->date, region, service);
    return n > 0 && (size_t)n < sizeof s->scope;
}

/* The canonical request's digest in the text to sign, and that text's signature. */
static bool sign_canonical(const struct signer *s, const char *secret, struct span canonical, char signature[HEX + 1]) {
    unsigned char digest[DIGEST], key[DIGEST] = {0};
    char hex[HEX + 1];
    if (!sha256(canonical, digest))
        return false;
    to_hex(digest, hex);
    struct buf text;
    buf_init(&text, 1024);
    bool ok = buf_printf(&text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", s->time, s->scope, hex) &&
              signing_key(s, secret, key) && hmac(key, DIGEST, text.data, text.len, digest);
    OPENSSL_cleanse(key, sizeof key);
    buf_deinit(&text);
    if (ok)
        to_hex(digest, signature);
    return ok;
}

/* --- a URL that is signed ----------------------------------------------------------------------------------------- */

/* The canonical request: GET, no body, and the host as its only header. */
static bool sign_url(const struct sigv4_presign *r, const struct signer *s, const char *secret, struct span query,
                     char signature[HEX + 1]) {
    struct buf text;
    buf_init(&text, 2 * URL_LIMIT);
    bool ok = buf_append_str(&text, "GET\n") && buf_append_str(&text, r->path) && buf_append_char(&text, '\n') &&
              buf_append(&text, query.ptr, query.len) &&
              buf_printf(&text, "\nhost:%s\n\nhost\n%s", r->host, empty_digest) &&
              sign_canonical(s, secret, buf_span(&text), signature);
    wipe_buf(&text);
    return ok;
}

bool sigv4_presign_url(const struct sigv4_presign *r, const struct aws_credentials *c, struct buf *to) {
    struct signer signer;
    if (r->parameter_count > SIGV4_PARAMETERS_MAX || !signer_init(&signer, r->service, r->region, r->now_ms))
        return false;
    struct buf credential, query;
    buf_init(&credential, 1024);
    buf_init(&query, URL_LIMIT);
    char expires[16], signature[HEX + 1];
    snprintf(expires, sizeof expires, "%u", r->expires_s);
    bool ok = buf_printf(&credential, "%s/%s", c->access_key, signer.scope) && buf_append_char(&credential, 0);

    struct sigv4_parameter parameters[SIGV4_PARAMETERS_MAX + OWN_PARAMETERS];
    size_t count = 0;
    for (; count < r->parameter_count; count++)
        parameters[count] = r->parameters[count];
    parameters[count++] = (struct sigv4_parameter){"X-Amz-Algorithm", "AWS4-HMAC-SHA256"};
    parameters[count++] = (struct sigv4_parameter){"X-Amz-Credential", ok ? credential.data : ""};
    parameters[count++] = (struct sigv4_parameter){"X-Amz-Date", signer.time};
    parameters[count++] = (struct sigv4_parameter){"X-Amz-Expires", expires};
    if (c->session_token)
        parameters[count++] = (struct sigv4_parameter){"X-Amz-Security-Token", c->session_token};
    parameters[count++] = (struct sigv4_parameter){"X-Amz-SignedHeaders", "host"};
    append_query(&query, parameters, count);

    ok = ok && !query.failed && sign_url(r, &signer, c->secret_key, buf_span(&query), signature) &&
         buf_printf(to, "https://%s%s?", r->host, r->path) && buf_append(to, query.data, query.len) &&
         buf_printf(to, "&X-Amz-Signature=%s", signature);
    buf_deinit(&credential);
    wipe_buf(&query);
    return ok;
}

/* --- a request that is signed in its headers ---------------------------------------------------------------------- */

/* Appends the path as every service but S3 wants it signed: without empty segments, "." and "..", and encoded once
 * more. `path` is encoded already, which leaves dots as they are. */
static void append_normal_path(struct buf *to, struct span path) {
    struct buf plain;
    buf_init(&plain, URL_LIMIT);
    size_t at = 0;
    while (at < path.len) {
        size_t start = ++at; /* behind the slash */
        while (at < path.len && path.ptr[at] != '/')
            at++;
        struct span segment = {path.ptr + start, at - start};
        if (segment.len == 0 || span_is(segment, "."))
            continue;
        if (span_is(segment, "..")) {
            while (plain.len && plain.data[--plain.len] != '/')
                ;
            continue;
        }
        buf_append_char(&plain, '/');
        buf_append(&plain, segment.ptr, segment.len);
    }
    if (plain.len == 0 || path.ptr[path.len - 1] == '/')
        buf_append_char(&plain, '/');
    to->failed |= plain.failed;
    sigv4_encode(to, buf_span(&plain), true);
    buf_deinit(&plain);
}

/* Blanks at the ends go, those inside become one. */
static void append_value(struct buf *to, const char *value) {
    struct span rest = span_trim(span_of(value));
    for (size_t i = 0; i < rest.len; i++) {
        bool blank = span_is_blank(rest.ptr[i]);
        if (!blank || !span_is_blank(rest.ptr[i - 1]))
            buf_append_char(to, blank ? ' ' : rest.ptr[i]);
    }
}

static void append_lower(struct buf *to, const char *name) {
    for (; *name; name++)
        buf_append_char(to, (char)(*name >= 'A' && *name <= 'Z' ? *name | 0x20 : *name));
}

/* Sorts by name, equal ones as they came. */
static void sort_headers(struct http_header *headers, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct http_header h = headers[i];
        size_t at = i;
        for (; at && strcasecmp(headers[at - 1].name, h.name) > 0; at--)
            headers[at] = headers[at - 1];
        headers[at] = h;
    }
}

/* "name:value\n" of each into `lines`, "name;name" into `names`. Those of one name become one, with commas. */
static void append_headers(const struct http_header *sorted, size_t count, struct buf *lines, struct buf *names) {
    for (size_t i = 0; i < count; i++) {
        bool again = i && strcasecmp(sorted[i - 1].name, sorted[i].name) == 0;
        if (again) {
            buf_append_char(lines, ',');
        } else {
            buf_append_str(lines, i ? "\n" : "");
            append_lower(lines, sorted[i].name);
            buf_append_char(lines, ':');
            buf_append_str(names, i ? ";" : "");
            append_lower(names, sorted[i].name);
        }
        append_value(lines, sorted[i].value);
    }
    buf_append_char(lines, '\n');
}

/* The headers that go out live in `text`, which may move while it grows: until all are there they are offsets. */
struct draft {
    struct sigv4_signed *out;
    size_t names[SIGV4_HEADERS_MAX], values[SIGV4_HEADERS_MAX];
};

static void add_header(struct draft *d, const char *name, const char *value) {
    struct sigv4_signed *out = d->out;
    assert(out->header_count < SIGV4_HEADERS_MAX);
    d->names[out->header_count] = out->text.len;
    buf_append(&out->text, name, strlen(name) + 1);
    d->values[out->header_count] = out->text.len;
    buf_append(&out->text, value, strlen(value) + 1);
    out->header_count++;
}

static void settle_headers(struct draft *d) {
    struct sigv4_signed *out = d->out;
    for (size_t i = 0; !out->text.failed && i < out->header_count; i++)
        out->headers[i] = (struct http_header){out->text.data + d->names[i], out->text.data + d->values[i]};
}

/* The path and the query, as they are sent. */
static bool append_target(const struct sigv4_request *r, struct buf *target, size_t *path_len) {
    struct sigv4_parameter parameters[SIGV4_PARAMETERS_MAX];
    for (size_t i = 0; i < r->parameter_count; i++)
        parameters[i] = r->parameters[i];
    sigv4_encode(target, span_of(r->path), true);
    *path_len = target->len;
    if (r->parameter_count)
        buf_append_char(target, '?');
    return append_query(target, parameters, r->parameter_count) && !target->failed;
}

/* The canonical request up to its body's digest. `headers` are the signed ones but for the host. */
static void append_canonical(const struct sigv4_request *r, const struct sigv4_signed *out, size_t path_len,
                             struct buf *to, struct buf *names) {
    struct http_header sorted[SIGV4_HEADERS_MAX + 1];
    size_t count = out->header_count;
    memcpy(sorted, out->headers, count * sizeof *sorted);
    sorted[count++] = (struct http_header){"host", r->host};
    sort_headers(sorted, count);
    struct span path = {out->target.data, path_len};
    buf_append_str(to, r->method);
    buf_append_char(to, '\n');
    if (strcmp(r->service, "s3") == 0)
        buf_append(to, path.ptr, path.len);
    else
        append_normal_path(to, path);
    buf_append_char(to, '\n');
    if (out->target.len > path_len)
        buf_append(to, out->target.data + path_len + 1, out->target.len - path_len - 1);
    buf_append_char(to, '\n');
    append_headers(sorted, count, to, names);
    buf_append_char(to, '\n');
    buf_append(to, names->data, names->len);
    buf_append_char(to, '\n');
    to->failed |= names->failed;
}

static bool authorize(const struct sigv4_request *r, const struct signer *signer, const struct aws_credentials *c,
                      size_t path_len, const char *body_digest, struct draft *d) {
    char signature[HEX + 1];
    struct buf canonical, names, line;
    buf_init(&canonical, 2 * URL_LIMIT + TEXT_LIMIT);
    buf_init(&names, TEXT_LIMIT);
    buf_init(&line, TEXT_LIMIT);
    append_canonical(r, d->out, path_len, &canonical, &names);
    bool ok = buf_append_str(&canonical, body_digest) && !canonical.failed &&
              sign_canonical(signer, c->secret_key, buf_span(&canonical), signature) &&
              buf_printf(&line, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=", c->access_key, signer->scope) &&
              buf_append(&line, names.data, names.len) && buf_printf(&line, ", Signature=%s", signature) &&
              buf_append_char(&line, 0);
    if (ok)
        add_header(d, "authorization", line.data);
    wipe_buf(&canonical);
    wipe_buf(&line);
    buf_deinit(&names);
    return ok;
}

bool sigv4_sign(const struct sigv4_request *r, const struct aws_credentials *c, struct sigv4_signed *out) {
    unsigned char digest[DIGEST];
    char body_digest[HEX + 1];
    struct signer signer;
    struct draft d = {.out = out};
    size_t path_len;
    *out = (struct sigv4_signed){0};
    buf_init(&out->target, URL_LIMIT);
    buf_init(&out->text, TEXT_LIMIT);
    if (*r->path != '/' || r->parameter_count > SIGV4_PARAMETERS_MAX ||
        r->header_count > SIGV4_HEADERS_MAX - OWN_HEADERS || !append_target(r, &out->target, &path_len))
        return false;
    for (size_t i = 0; i < r->header_count; i++)
        add_header(&d, r->headers[i].name, r->headers[i].value);
    bool ok = true;
    if (c) {
        ok = signer_init(&signer, r->service, r->region, r->now_ms) && sha256(r->body, digest);
        if (!ok)
            return false;
        to_hex(digest, body_digest);
        add_header(&d, "x-amz-date", signer.time);
        if (strcmp(r->service, "s3") == 0)
            add_header(&d, "x-amz-content-sha256", body_digest);
        if (c->session_token)
            add_header(&d, "x-amz-security-token", c->session_token);
        if (out->text.failed)
            return false;
        settle_headers(&d);
        ok = authorize(r, &signer, c, path_len, body_digest, &d);
    }
    settle_headers(&d);
    return ok && !out->text.failed && buf_append_char(&out->target, 0);
}

void sigv4_signed_deinit(struct sigv4_signed *s) {
    wipe_buf(&s->target);
    wipe_buf(&s->text);
    *s = (struct sigv4_signed){0};
}
