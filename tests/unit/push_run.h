/* A push source that runs over the fake pipeline, and a client that talks to it. */
#ifndef TESTS_UNIT_PUSH_RUN_H
#define TESTS_UNIT_PUSH_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "fake_pipeline.h"
#include "model/provider.h"
#include "parsers/timestamp.h"
#include "sns_maker.h"
#include "source/push.h"
#include "unit/known.h"

#define KEY "0123456789abcdef"
/* --- a source ----------------------------------------------------------------------------------------------------- */

static struct running {
    struct source *source;
    struct dictionary dictionary;
    struct source_port port;
    struct push_options options;
    pthread_t thread;
    int tcp;
    struct err err;
    bool ok;
} now_running;

static EVP_PKEY *key, *other_key;
static struct provider_table *providers;
static char folder[64], certificate_path[100], confirmations[100];
static char *topics[] = {(char *)(uintptr_t)MAKER_TOPIC};
static char *certificates[] = {certificate_path};

static struct stream *last_stream;

static inline void keep_stream(void *context, struct batch *chain) {
    last_stream = chain->stream;
    pipeline_give(context, chain);
}

static inline void *run(void *context) {
    struct running *r = context;
    r->ok = r->source->ops->run(r->source, &r->err);
    return NULL;
}

/* A port that is free now. */
static inline int free_port(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    getsockname(fd, (struct sockaddr *)&a, &len);
    close(fd);
    return ntohs(a.sin_port);
}

static inline void start(bool commits) {
    struct running *r = &now_running;
    char address[40];
    struct err err = {0};
    pipeline_clear();
    pipeline.commits = commits;
    r->tcp = free_port();
    snprintf(address, sizeof address, "127.0.0.1:%d", r->tcp);
    r->options.name = (char *)(uintptr_t) "push";
    r->options.listen_address = address;
    if (!r->options.memory)
        r->options.memory = 64 << 20;
    r->options.max_connections = 64;
    r->options.firehose_path = (char *)(uintptr_t) "/firehose";
    r->options.firehose_access_key = (char *)(uintptr_t)KEY;
    r->options.sns_path = (char *)(uintptr_t) "/sns";
    r->options.topics = topics;
    r->options.topic_count = 1;
    r->options.confirmations = confirmations;
    r->options.sns_certificates = certificates;
    r->options.sns_certificate_count = 1;
    r->source = push_open(&r->options, NULL, 0, &err);
    if (!r->source)
        fail_msg("%s", err.text);
    r->port = (struct source_port){NULL, pipeline_take, keep_stream};
    r->source->port = &r->port;
    r->source->index = FAKE_SOURCE;
    r->source->dictionary = &r->dictionary;
    r->source->isa = json_isa_best();
    assert_int_equal(pthread_create(&r->thread, NULL, run, r), 0);
}

static inline void start_source(void) {
    start(true);
}

static inline void stop_source(void) {
    struct running *r = &now_running;
    int64_t began = clock_monotonic_ns();
    atomic_store(&r->source->stop, true);
    pthread_join(r->thread, NULL);
    assert_true(clock_monotonic_ns() - began < 5000000000); /* 1 s, where nobody else needs the processor */
    if (!r->ok)
        fail_msg("%s", r->err.text);
    r->source->ops->close(r->source);
    r->options = (struct push_options){0};
}

/* --- a client ----------------------------------------------------------------------------------------------------- */

struct reply {
    int status;
    char text[4096];
};

static inline int dial(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)now_running.tcp)};
    struct timeval patience = {.tv_sec = 60};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static inline void send_all(int fd, const char *data, size_t len) {
    while (len) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        data += n;
        len -= (size_t)n;
    }
}

static inline int begin(const char *path, const char *headers, const char *body, size_t len) {
    char head[1500];
    int fd = dial();
    snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: h\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n",
             path, headers, len);
    send_all(fd, head, strlen(head));
    send_all(fd, body, len);
    return fd;
}

static inline struct reply finish(int fd) {
    struct reply r = {0};
    size_t len = 0;
    ssize_t n;
    while (len < sizeof r.text - 1 && (n = recv(fd, r.text + len, sizeof r.text - 1 - len, 0)) > 0)
        len += (size_t)n;
    close(fd);
    if (len > 12)
        r.status = (int)strtol(r.text + 9, NULL, 10);
    return r;
}

static inline struct reply post(const char *path, const char *headers, const char *body) {
    return finish(begin(path, headers, body, strlen(body)));
}

#define HEADERS "X-Amz-Firehose-Access-Key: " KEY "\r\nX-Amz-Firehose-Request-Id: id-\"1\"\\\r\n"

/* A message to one recipient. */
static inline void make_record(char *to, size_t size, int number) {
    snprintf(to, size,
             "{\"eventType\":\"Send\",\"send\":{},\"mail\":{\"timestamp\":\"2026-11-20T08:15:30.123Z\","
             "\"source\":\"x@shop.example\",\"messageId\":\"m-%d\",\"destination\":[\"a@mail.example\"],"
             "\"tags\":{}}}",
             number);
}

static inline void add_data(char *to, const char *text) {
    char coded[8192] = "";
    base64_encode(span_of(text), coded);
    sprintf(to + strlen(to), "%s{\"data\":\"%s\"}", to[strlen(to) - 1] == '[' ? "" : ",", coded);
}

/* A request with so many different deliveries. */
static inline const char *body_of(int first, int count) {
    static char body[1 << 20];
    char record[4096];
    strcpy(body, "{\"requestId\":\"of-the-body\",\"timestamp\":1,\"records\":[");
    for (int i = first; i < first + count; i++) {
        make_record(record, sizeof record, i);
        add_data(body, record);
    }
    strcat(body, "]}");
    return body;
}

static inline bool has(const struct reply *r, const char *text) {
    return strstr(r->text, text) != NULL;
}

static inline void expect(struct reply r, int status, const char *text) {
    if (r.status != status || !has(&r, text))
        fail_msg("%d: %s", r.status, r.text);
}
/* --- for a group of tests ----------------------------------------------------------------------------------------- */

static inline int make(void **state) {
    (void)state;
    struct dictionary *d = &now_running.dictionary;
    log_configure(LOG_ERROR, LOG_LOGFMT);
    snprintf(folder, sizeof folder, "/tmp/push_test.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(certificate_path, sizeof certificate_path, "%s/sns.pem", folder);
    snprintf(confirmations, sizeof confirmations, "%s/sns", folder);
    key = maker_key(2048);
    other_key = maker_key(2048);
    char *pem = maker_certificate(key, "sns.amazonaws.com", -3600, 86400);
    FILE *f = fopen(certificate_path, "w");
    fputs(pem, f);
    fclose(f);
    free(pem);
    d->providers = providers = provider_table_create();
    d->knowledge = known(providers);
    d->sets = intern_create(1000);
    d->identities = intern_create(1000);
    d->templates = intern_create(1000);
    return 0;
}

static inline int destroy(void **state) {
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    pipeline_clear();
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
    provider_table_destroy(providers);
    intern_destroy(now_running.dictionary.sets);
    intern_destroy(now_running.dictionary.identities);
    intern_destroy(now_running.dictionary.templates);
    return system(command);
}

#endif
