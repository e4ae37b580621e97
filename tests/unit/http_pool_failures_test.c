/* The HTTP pool against slow, broken and hostile peers: memory stays within the window however slow the reader is,
 * every wait ends, half an answer is never taken for a whole one, nothing is followed or unpacked, and no secret gets
 * into a reason. */
#include "http_pool_scene.h"
#include "side_by_side.h"

/* --- Slow readers ----------------------------------------------------------------------------------------------- */

enum { LONG_BODY = 50 * 1000 * 1000, CHUNK_MOST = CURL_MAX_WRITE_SIZE };

static uint32_t number_at(size_t at) {
    return (uint32_t)(at * 2654435761u);
}

/* 50 MB of numbers: chunked if asked so. */
static bool numbers(struct peer *p, int fd, const struct peer_request *r) {
    bool chunked = strstr(r->line, "chunked");
    char head[256];
    snprintf(head, sizeof head,
             chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                     : "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
             LONG_BODY);
    bool ok = peer_say(p, fd, head);
    static _Thread_local uint32_t piece[10000];
    for (size_t at = 0; ok && at < LONG_BODY / 4; at += COUNT(piece)) {
        for (size_t i = 0; i < COUNT(piece); i++)
            piece[i] = number_at(at + i);
        ok = (!chunked || peer_say(p, fd, "9c40\r\n")) && peer_send(p, fd, piece, sizeof piece) &&
             (!chunked || peer_say(p, fd, "\r\n"));
    }
    return ok && (!chunked || peer_say(p, fd, "0\r\nX-Trailer: x\r\n\r\n"));
}

static size_t buffered(struct http_exchange *x) {
    pthread_mutex_lock(&x->pool->lock);
    size_t used = x->used;
    pthread_mutex_unlock(&x->pool->lock);
    return used;
}

static void read_numbers(struct scene *s, const char *path, size_t window) {
    char url[256];
    snprintf(url, sizeof url, "%s%s", s->url, path);
    struct http_request r = get_of(url);
    r.window = window;
    r.stall_ms = LONG_MS / 2;
    int64_t sent_before = atomic_load(&s->peer->sent);
    struct http_exchange *x = begin(s, &r, NULL);
    assert_int_equal(http_status(x, &s->err), 200);
    pause_ms(200); /* the peer has to wait, too: what is not in the window is in the system's own buffers */
    assert_true(atomic_load(&s->peer->sent) - sent_before < LONG_BODY / 2);
    static uint32_t piece[PIECE / 4];
    size_t at = 0, len = 0;
    ssize_t n;
    for (int turn = 0; (n = http_read(x, (char *)piece + len, sizeof piece - len, &s->err)) > 0; turn++) {
        len += (size_t)n;
        for (size_t i = 0; i < len / 4; i++)
            if (piece[i] != number_at(at + i))
                fail_msg("%zu", at + i);
        at += len / 4;
        memmove(piece, (char *)piece + len / 4 * 4, len % 4);
        len %= 4;
        assert_true(buffered(x) <= window + CHUNK_MOST);
        if (turn % 64 == 0)
            pause_ms(1);
    }
    assert_string_equal(s->err.text, "");
    assert_int_equal(at, LONG_BODY / 4);
    http_end(x);
}

static void slow_reader(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, numbers);
    read_numbers(&s, "", HTTP_WINDOW);
    read_numbers(&s, "", 100001);
    read_numbers(&s, "chunked", HTTP_WINDOW);
    read_numbers(&s, "chunked", 1000); /* less than a piece of libcurl's */
    assert_int_equal(s.peer->connections, 1);
    scene_end(&s);
}

/* Keeping the peer waiting for longer than stall_ms is our own doing. */
static void pause_is_no_stall(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, numbers);
    struct http_request r = get_of(s.url);
    r.stall_ms = 1500;
    r.window = PIECE;
    struct http_exchange *x = begin(&s, &r, NULL);
    static char piece[PIECE];
    ssize_t n = http_read(x, piece, sizeof piece, &s.err);
    assert_true(n > 0);
    pause_ms(2500);
    assert_int_equal(n + read_rest(x, &s.err), LONG_BODY);
    http_end(x);
    scene_end(&s);
}

/* --- Broken answers --------------------------------------------------------------------------------------------- */

/* Each answer to its path; then the connection is closed, or hangs if the path says so. */
static bool broken(struct peer *p, int fd, const struct peer_request *r) {
    static const struct {
        const char *path, *text;
    } answers[] = {
        {"/short", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n1234567890"},
        {"/chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n9\r\n123"},
        {"/chunk-end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"},
        {"/chunk-bad", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n12345\r\n"},
        {"/length", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n12345"},
        {"/half", "HTTP/1.1 200 OK\r\nContent-Len"},
        {"/half-line", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"},
        {"/interim", "HTTP/1.1 100 Continue\r\n\r\n"},
        {"/nothing", ""},
        {"/ssh", "SSH-2.0-OpenSSH_9.2p1\r\n"},
        {"/noise", "\x16\x03\x01\x02\x00\x01\xff\xfe\n\n\n\x80"},
        {"/nul", "HTTP/1.1 200 OK\r\nX-A: b"},
        {"/packed", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n"},
        {"/hang-head", "HTTP/1.1 200 OK\r\nX-A: b\r\n"},
        {"/hang-body", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n1234567890"},
        {"/hang", ""},
        {"/trickle", "HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n"},
    };
    char path[64];
    snprintf(path, sizeof path, "%.*s", (int)strcspn(r->line + 4, " ?"), r->line + 4);
    for (size_t i = 0; i < COUNT(answers); i++) {
        if (strcmp(answers[i].path, path) != 0)
            continue;
        bool ok = peer_say(p, fd, answers[i].text);
        if (strcmp(path, "/nul") == 0)
            ok = peer_send(p, fd, "\0c\r\nX-\0D: e\r\nContent-Length: 2\r\n\r\nok", 36);
        if (strncmp(path, "/hang", 5) == 0)
            peer_hang(fd);
        while (ok && strcmp(path, "/trickle") == 0) {
            pause_ms(20);
            ok = peer_say(p, fd, "x");
        }
        return false;
    }
    return peer_answer(p, fd, 404, "", "no such answer");
}

/* "STATUS, BYTES read, reason" with a query, a header and a password that are secret. */
static void expect(struct scene *s, struct http_request r, const char *path, const char *expected) {
    static const struct http_header headers[] = {{"Authorization", "SECRET-header"}, {"X-Amz-Token", "SECRETtoken"}};
    char url[256], said[700];
    snprintf(url, sizeof url, "%s%s?SECRET=SECRETquery", s->url, path);
    r.method = "GET";
    r.url = url;
    r.headers = headers;
    r.header_count = COUNT(headers);
    struct err err = {0};
    int64_t start = now_ms(), all = 0;
    struct http_exchange *x = begin(s, &r, NULL);
    int status = http_status(x, &err);
    char piece[1000];
    ssize_t n = 0;
    while (status && (n = http_read(x, piece, sizeof piece, &err)) > 0)
        all += n;
    http_end(x);
    assert_true(now_ms() - start < LONG_MS / 2);
    snprintf(said, sizeof said, "%d, %lld read, %s", status, (long long)all, n < 0 || !status ? err.text : "whole");
    if (strncmp(said, expected, strlen(expected)) != 0)
        fail_msg("%s: %s", path, said);
    assert_null(strstr(err.text, "SECRET"));
    if (err.code)
        assert_int_equal(err.code, ERR_IO);
}

static void broken_answers(void **state) {
    (void)state;
    static const struct {
        const char *path, *expected;
    } cases[] = {
        {"short", "200, 10 read, the transfer broke off after 10 of 50 bytes"},
        {"chunk", "200, 8 read, the transfer broke off after 8 bytes"},
        {"chunk-end", "200, 5 read, the transfer broke off after 5 bytes"},
        {"chunk-bad", "200, 0 read, "},
        {"length", "0, 0 read, the answer is not HTTP"},
        {"half", "0, 0 read, the answer broke off in its head"},
        {"half-line", "0, 0 read, the answer broke off in its head"},
        {"interim", "0, 0 read, "},
        {"nothing", "0, 0 read, "},
        {"ssh", "0, 0 read, the answer is not HTTP"},
        {"noise", "0, 0 read, the answer is not HTTP"},
        {"nul", "0, 0 read, the answer is not HTTP"},
        {"packed", "0, 0 read, the answer comes in a transfer encoding"},
        {"else", "404, 14 read, whole"},
    };
    struct scene s;
    scene_begin(&s, broken);
    for (size_t i = 0; i < COUNT(cases); i++) {
        expect(&s, (struct http_request){.timeout_ms = LONG_MS}, cases[i].path, cases[i].expected);
        expect(&s, (struct http_request){.stall_ms = LONG_MS, .window = 1}, cases[i].path, cases[i].expected);
    }
    scene_end(&s);
}

static void deadlines(void **state) {
    (void)state;
    struct http_request whole = {.timeout_ms = 800}, stall = {.stall_ms = 500};
    struct scene s;
    scene_begin(&s, broken);
    expect(&s, whole, "hang", "0, 0 read, no whole answer within 800 ms");
    expect(&s, whole, "hang-head", "0, 0 read, no whole answer within 800 ms");
    expect(&s, whole, "hang-body", "200, 10 read, no whole answer within 800 ms");
    expect(&s, whole, "trickle", "200, ");
    expect(&s, stall, "hang", "0, 0 read, no byte came for 500 ms, after 0 bytes");
    expect(&s, stall, "hang-head", "0, 0 read, no byte came for 500 ms, after 0 bytes");
    expect(&s, stall, "hang-body", "200, 10 read, no byte came for 500 ms, after 10 of 50 bytes");
    expect(&s, (struct http_request){.stall_ms = 5000, .timeout_ms = 500}, "trickle", "200, ");
    scene_end(&s);
}

/* A peer that does not let us in: the place for connections that wait is taken. */
static void no_connection(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, broken);
    int full = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), waiting[8];
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    assert_int_equal(bind(full, (struct sockaddr *)&at, sizeof at) || listen(full, 0), 0);
    assert_int_equal(getsockname(full, (struct sockaddr *)&at, &size), 0);
    for (size_t i = 0; i < COUNT(waiting); i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(waiting[i], (struct sockaddr *)&at, sizeof at); /* most of them hang: that is the point */
    }
    int open_port = s.peer->port;
    snprintf(s.url, sizeof s.url, "http://127.0.0.1:%d/", ntohs(at.sin_port));
    expect(&s, (struct http_request){.stall_ms = 50, .connect_ms = 300}, "", "0, 0 read, no connection within 300 ms");
    expect(&s, (struct http_request){.timeout_ms = 200}, "", "0, 0 read, no whole answer within 200 ms");
    for (size_t i = 0; i < COUNT(waiting); i++)
        close(waiting[i]);
    close(full);
    expect(&s, (struct http_request){.timeout_ms = LONG_MS}, "", "0, 0 read, "); /* nobody listens */
    snprintf(s.url, sizeof s.url, "https://127.0.0.1:%d/", open_port);           /* no TLS there */
    expect(&s, (struct http_request){.timeout_ms = LONG_MS, .connect_ms = 400}, "short", "0, 0 read, ");
    scene_end(&s);
}

/* --- Hostile answers -------------------------------------------------------------------------------------------- */

static bool endless(struct peer *p, int fd, const struct peer_request *r) {
    static char line[1000];
    memset(line, 'x', sizeof line);
    bool interim = strstr(r->line, "/interim"), lines = strstr(r->line, "/lines"),
         trailer = strstr(r->line, "/trailer");
    bool ok = interim || peer_say(p, fd, "HTTP/1.1 200 OK\r\n");
    if (trailer)
        ok = peer_say(p, fd, "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n");
    ok = ok && (interim || lines || trailer || peer_say(p, fd, "X-A: "));
    for (size_t i = 0; ok && i < 10000; i++) {
        ok = interim            ? peer_say(p, fd, "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
             : lines || trailer ? peer_say(p, fd, "X-A: b\r\n")
                                : peer_send(p, fd, line, sizeof line);
    }
    return false;
}

static void endless_heads(void **state) {
    (void)state;
    struct http_request r = {.timeout_ms = LONG_MS};
    struct scene s;
    scene_begin(&s, endless);
    expect(&s, r, "lines", "0, 0 read, the head of the answer is too long");
    expect(&s, r, "line", "0, 0 read, the head of the answer is too long");
    expect(&s, r, "interim", "0, 0 read, the head of the answer is too long");
    expect(&s, r, "trailer", "200, 2 read, the head of the answer is too long");
    scene_end(&s);
}

static struct peer *elsewhere;
static bool redirect(struct peer *p, int fd, const struct peer_request *r) {
    (void)r;
    char location[128];
    snprintf(location, sizeof location, "Location: http://127.0.0.1:%d/\r\n", elsewhere ? elsewhere->port : 1);
    return peer_answer(p, fd, 307, location, "there");
}

static void redirects_are_answers(void **state) {
    (void)state;
    struct scene s;
    elsewhere = peer_start(redirect);
    scene_begin(&s, redirect);
    expect(&s, (struct http_request){.timeout_ms = LONG_MS}, "", "307, 5 read, whole");
    assert_int_equal(elsewhere->requests, 0);
    scene_end(&s);
    peer_stop(elsewhere);
    elsewhere = NULL;
}

/* --- Ending ----------------------------------------------------------------------------------------------------- */

struct stop_later {
    atomic_bool stop;
    int64_t at_ms;
};

static void *stop_soon(void *context) {
    struct stop_later *later = context;
    pause_ms(150);
    later->at_ms = now_ms();
    atomic_store(&later->stop, true);
    return NULL;
}

/* How long a wait in the head (or in the body) goes on after *stop. */
static int64_t wait_after_stop(struct scene *s, bool in_body) {
    char url[256], piece[100];
    snprintf(url, sizeof url, "%s%s", s->url, in_body ? "hang-body" : "hang");
    struct http_request r = get_of(url);
    struct stop_later later = {.stop = false};
    struct http_exchange *x = begin(s, &r, &later.stop);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &later), 0);
    while (in_body && http_read(x, piece, sizeof piece, &s->err) > 0)
        continue;
    assert_true(in_body || http_status(x, &s->err) == 0);
    int64_t ended = now_ms();
    assert_string_equal(s->err.text, "stopped");
    pthread_join(thread, NULL);
    http_end(x);
    s->err = (struct err){0};
    assert_int_equal(http_fetch(s->pool, &r, 100, &(struct buf){.limit = 1000}, NULL, NULL, &later.stop, &s->err), 0);
    s->err = (struct err){0};
    return ended - later.at_ms;
}

static void stopping(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, broken);
    int64_t start = now_ms();
    for (int in_body = 0; in_body < 2; in_body++) {
        int64_t least = LONG_MS;
        for (int turn = 0; turn < 5 && least >= 300; turn++) { /* the machine may be busy with something else */
            int64_t waited = wait_after_stop(&s, in_body);
            least = waited < least ? waited : least;
        }
        assert_true(least < 300);
    }
    assert_true(now_ms() - start < LONG_MS);
    scene_end(&s);
}

/* At any moment: before anything was sent, in the head, in the body, while paused, after the end. */
static void ending_at_any_moment(void **state) {
    (void)state;
    struct scene s;
    scene_begin(&s, numbers);
    int64_t start = now_ms();
    for (int i = 0; i < 60; i++) {
        struct http_request r = get_of(s.url);
        r.window = 20000;
        struct http_exchange *x = begin(&s, &r, NULL);
        char piece[5000];
        if (i % 4 == 1)
            pause_ms(i % 8);
        if (i % 4 >= 2)
            assert_int_equal(http_status(x, &s.err), 200);
        for (int k = 0; i % 4 == 3 && k < i; k++)
            assert_true(http_read(x, piece, sizeof piece, &s.err) > 0);
        http_end(x);
    }
    assert_true(now_ms() - start < LONG_MS / 2);
    scene_end(&s);
}

/* A body of ours that the peer is slow to take is no stall while some of it goes. */
static void *take_slowly(void *context) {
    int listener = *(int *)context, fd = accept(listener, NULL, NULL);
    static char piece[256 * 1024];
    ssize_t all = 0, n;
    while (all < 8000000 && (n = recv(fd, piece, sizeof piece, 0)) > 0) {
        all += n;
        pause_ms(40);
    }
    const char *text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    assert(send(fd, text, strlen(text), MSG_NOSIGNAL) > 0);
    close(fd);
    return NULL;
}

static void slow_taker(void **state) {
    (void)state;
    int small = 65536, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, take_slowly, &listener), 0);
    struct scene s;
    scene_begin(&s, broken);
    char url[128], *body = alloc_zeroed(1, 8000000);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(at.sin_port));
    struct http_request r = {.method = "PUT", .url = url, .body = {body, 8000000}, .stall_ms = 1500};
    struct http_exchange *x = begin(&s, &r, NULL);
    int status = http_status(x, &s.err);
    assert_string_equal(s.err.text, "");
    assert_int_equal(status, 200);
    http_end(x);
    free(body);
    pthread_join(thread, NULL);
    close(listener);
    scene_end(&s);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_reader),           cmocka_unit_test(pause_is_no_stall),
        cmocka_unit_test(broken_answers),        cmocka_unit_test(deadlines),
        cmocka_unit_test(no_connection),         cmocka_unit_test(endless_heads),
        cmocka_unit_test(redirects_are_answers), cmocka_unit_test(stopping),
        cmocka_unit_test(ending_at_any_moment),  cmocka_unit_test(slow_taker),
    };
    return run_side_by_side(tests, COUNT(tests), argc > 1 ? argv[1] : NULL);
}
