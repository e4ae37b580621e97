#include "aws/sns_certificates.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/endpoint.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/log.h"
#include "http/pool.h"

enum {
    KEPT = 16,
    PEM_MAX = 64 * 1024,
    URL_MAX = 512,
    FETCH_MS = 10000,
    FETCHES = 8, /* so many at once ... */
};
static const int64_t kept_ns = 24LL * 3600 * 1000000000, failed_ns = 60LL * 1000000000;
static const int64_t fetch_again_ns = 15LL * 1000000000; /* ... and one more each time this has gone by */

static const char pem_head[] = "-----BEGIN CERTIFICATE-----";

struct certificate {
    char *url; /* owned; NULL: the place is free */
    char *pem; /* owned; NULL: it could not be fetched */
    size_t len;
    int64_t since_ns;
};

struct sns_certificates {
    struct http_pool *pool; /* NULL: files were given */
    char *endpoint;         /* NULL: SNS's own */
    struct certificate good[KEPT];
    struct certificate failed[KEPT]; /* apart, so that made up addresses do not push out good certificates */
    struct certificate *files;
    size_t file_count;
    int64_t fetches_ns; /* of credit for new addresses */
    int64_t credited_ns;
};

/* --- files -------------------------------------------------------------------------------------------------------- */

static bool read_whole(int fd, char *to, size_t len) {
    for (size_t done = 0; done < len;) {
        ssize_t n = read(fd, to + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static bool read_file(struct certificate *c, const char *path, struct err *err) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool good = fd >= 0 && fstat(fd, &st) == 0;
    if (!good) {
        err_set_errno(err, ERR_CONFIG, errno, "certificates: %.200s", path);
    } else if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > PEM_MAX) {
        good = err_set(err, ERR_CONFIG, "certificates: %.200s: no PEM file of at most 64 KiB", path);
    } else {
        c->len = (size_t)st.st_size;
        c->pem = alloc_zeroed(c->len + 1, 1);
        good = read_whole(fd, c->pem, c->len) || err_set(err, ERR_CONFIG, "certificates: %.200s: cannot be read", path);
    }
    if (good && !strstr(c->pem, pem_head))
        good = err_set(err, ERR_CONFIG, "certificates: %.200s: no certificate in PEM form", path);
    if (fd >= 0)
        close(fd);
    return good;
}

/* --- what is kept ------------------------------------------------------------------------------------------------- */

static void forget(struct certificate *c) {
    free(c->url);
    free(c->pem);
    *c = (struct certificate){0};
}

static struct certificate *find(struct certificate table[KEPT], const char *url, int64_t younger_ns, int64_t now_ns) {
    for (size_t i = 0; i < KEPT; i++)
        if (table[i].url && strcmp(table[i].url, url) == 0 && now_ns - table[i].since_ns < younger_ns)
            return &table[i];
    return NULL;
}

/* A free place, that of the same address, or the oldest. */
static struct certificate *place_for(struct certificate table[KEPT], const char *url) {
    struct certificate *best = &table[0];
    for (size_t i = 0; i < KEPT; i++) {
        if (table[i].url && strcmp(table[i].url, url) == 0) {
            best = &table[i];
            break;
        }
        if (!table[i].url || (best->url && table[i].since_ns < best->since_ns))
            best = &table[i];
    }
    forget(best);
    best->url = alloc_string(url, strlen(url));
    return best;
}

static bool may_fetch(struct sns_certificates *c, int64_t now_ns) {
    c->fetches_ns += now_ns - c->credited_ns;
    c->credited_ns = now_ns;
    if (c->fetches_ns > FETCHES * fetch_again_ns)
        c->fetches_ns = FETCHES * fetch_again_ns;
    if (c->fetches_ns < fetch_again_ns)
        return false;
    c->fetches_ns -= fetch_again_ns;
    return true;
}

/* --- fetching ----------------------------------------------------------------------------------------------------- */

static bool fetch(struct sns_certificates *c, const char *url, struct buf *pem, const atomic_bool *stop,
                  struct err *err) {
    const struct http_request request = {.method = "GET", .url = url, .timeout_ms = FETCH_MS, .forget = true};
    int status = http_fetch(c->pool, &request, PEM_MAX, pem, NULL, NULL, stop, err);
    if (status && status != 200)
        return err_set(err, ERR_IO, "SNS answers %d when it is asked for its certificate", status);
    if (status && !(pem->len && memmem(pem->data, pem->len, pem_head, strlen(pem_head))))
        return err_set(err, ERR_IO, "SNS answers with something else when it is asked for its certificate");
    return status == 200;
}

static const struct certificate *certificate_at(struct sns_certificates *c, const char *url, const atomic_bool *stop,
                                                struct err *err) {
    int64_t now_ns = clock_monotonic_ns();
    struct certificate *kept = find(c->good, url, kept_ns, now_ns);
    if (kept)
        return kept;
    /* Known, and only old: who sends made up addresses must not keep it from being fetched again. */
    struct certificate *old = find(c->good, url, INT64_MAX, now_ns);
    if (!old && (find(c->failed, url, failed_ns, now_ns) || !may_fetch(c, now_ns))) {
        err_set(err, ERR_IO, "the certificate could not be fetched a moment ago");
        return NULL;
    }
    struct buf pem;
    buf_init(&pem, PEM_MAX);
    struct err why = {0};
    bool fetched = fetch(c, url, &pem, stop, &why);
    if (!fetched)
        log_event(LOG_WARN, "a certificate of SNS cannot be fetched", LOG_FIELDS({"cause", why.text}));
    if (fetched) {
        kept = place_for(c->good, url);
        kept->since_ns = clock_monotonic_ns();
        kept->pem = alloc_string(pem.data ? pem.data : "", pem.len);
        kept->len = pem.len;
    } else if (old) { /* as good as it was, while it is in its time; asked for again in a while */
        kept = old;
        kept->since_ns = clock_monotonic_ns() - kept_ns + failed_ns;
    } else {
        place_for(c->failed, url)->since_ns = clock_monotonic_ns();
        err_set(err, why.code, "%s", why.text);
    }
    buf_deinit(&pem);
    return kept;
}

/* --- checking ----------------------------------------------------------------------------------------------------- */

static enum sns_verdict check_with_files(const struct sns_certificates *c, const struct sns_message *m, int64_t now_ms,
                                         struct err *err) {
    for (size_t i = 0; i < c->file_count; i++) {
        struct err why = {0};
        if (sns_verify(m, (struct span){c->files[i].pem, c->files[i].len}, now_ms, &why))
            return SNS_GENUINE;
        if (i + 1 == c->file_count)
            err_set(err, ERR_INPUT, "%s", why.text);
    }
    return SNS_FORGED;
}

enum sns_verdict sns_certificates_check(struct sns_certificates *c, const struct sns_message *m, int64_t now_ms,
                                        const atomic_bool *stop, struct err *err) {
    if (c->file_count)
        return check_with_files(c, m, now_ms, err);
    struct buf url;
    buf_init(&url, URL_MAX);
    enum sns_verdict verdict = SNS_FORGED;
    if (sns_certificate_url(m, c->endpoint, &url, err) && buf_append_char(&url, '\0')) {
        const struct certificate *certificate = certificate_at(c, url.data, stop, err);
        if (!certificate)
            verdict = SNS_UNDECIDED;
        else if (sns_verify(m, (struct span){certificate->pem, certificate->len}, now_ms, err))
            verdict = SNS_GENUINE;
    }
    buf_deinit(&url);
    return verdict;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

struct sns_certificates *sns_certificates_create(const struct aws_settings *s, char *const *files, size_t file_count,
                                                 struct err *err) {
    struct sns_certificates *c = alloc_zeroed(1, sizeof *c);
    bool good = true;
    c->credited_ns = clock_monotonic_ns();
    c->fetches_ns = FETCHES * fetch_again_ns;
    c->files = alloc_zeroed(file_count ? file_count : 1, sizeof *c->files);
    c->file_count = file_count;
    for (size_t i = 0; good && i < file_count; i++)
        good = read_file(&c->files[i], files[i], err);
    if (s->endpoint)
        c->endpoint = alloc_string(s->endpoint, strlen(s->endpoint));
    if (s->endpoint && !file_count && endpoint_is_open(s->endpoint))
        log_event(LOG_WARN, "certificates of SNS come over http: whoever is on the way can forge messages",
                  LOG_FIELDS({"endpoint", s->endpoint}));
    if (good && !file_count) {
        c->pool = http_pool_create(&(struct http_pool_options){.ca_file = s->ca_file}, err);
        good = c->pool != NULL;
    }
    if (good)
        return c;
    sns_certificates_destroy(c);
    return NULL;
}

void sns_certificates_destroy(struct sns_certificates *c) {
    if (!c)
        return;
    for (size_t i = 0; i < KEPT; i++) {
        forget(&c->good[i]);
        forget(&c->failed[i]);
    }
    for (size_t i = 0; i < c->file_count; i++)
        free(c->files[i].pem);
    free(c->files);
    free(c->endpoint);
    http_pool_destroy(c->pool);
    free(c);
}
