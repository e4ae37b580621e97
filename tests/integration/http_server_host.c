/* A service that is nothing but its HTTP server, with a made-up snapshot of a big sender. For http.sh.
 *
 *     http_server_host NAME=VALUE...      prints "port N"
 *
 * Names: listen, cert, key, ca, auth (0 to 4), min, connections, user (NAME:HASH). Each line on standard input is a new
 * set of such words, taken over by http_server_reconfigure: prints "ok", or "error: " and why. The end of the input is
 * the end of the program. */
#include <signal.h>
#include <stdint.h>

#include "model/board.h"
#include "sinks/http_server.h"
#include "unit/made_up_snapshot.h"

enum { ROWS = 4000, WORDS = 16 };

static void free_snapshot(struct snapshot *s) {
    free(s->windows);
    free(s);
}

static struct snapshot *big_snapshot(void) {
    struct snapshot *s = malloc(sizeof *s);
    assert(s);
    *s = made_up_snapshot();
    s->has_service = s->service.ready = true;
    s->windows = calloc(ROWS, sizeof *s->windows);
    s->window_count = ROWS;
    for (size_t i = 0; i < ROWS; i++)
        s->windows[i] = (struct window_row){
            WINDOW_1H, BASIS_EVENT, "provider", "gmail", "", "", made_up_tally(100 + i, 7, 1, 3).rates};
    return s;
}

static void read_word(struct web_options *o, struct web_user *user, char *word) {
    char *value = strchr(word, '=');
    if (!value)
        return;
    *value++ = 0;
    struct {
        const char *name;
        char **to;
    } texts[] = {{"listen", &o->listen_address},
                 {"cert", &o->cert_file},
                 {"key", &o->key_file},
                 {"ca", &o->client_ca_file},
                 {"min", &o->min_version}};
    for (size_t i = 0; i < MADE_UP_COUNT(texts); i++)
        if (!strcmp(texts[i].name, word))
            *texts[i].to = value;
    if (!strcmp(word, "auth"))
        o->client_auth = (enum web_client_auth)atoi(value);
    if (!strcmp(word, "connections"))
        o->max_connections = (unsigned)atoi(value);
    if (!strcmp(word, "user")) {
        user->name = value;
        user->bcrypt = strchr(value, ':');
        assert(user->bcrypt);
        *user->bcrypt++ = 0;
        o->users = user;
        o->user_count = 1;
    }
}

static void reconfigure(struct http_server *server, char *line, char *listen_address) {
    struct web_options o = {.listen_address = listen_address};
    struct web_user user;
    struct err err = {0};
    char *rest = NULL;
    for (char *word = strtok_r(line, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest))
        read_word(&o, &user, word);
    if (http_server_reconfigure(server, &o, &err))
        puts("ok");
    else
        printf("error: %s\n", err.text);
    fflush(stdout);
}

int main(int argc, char **argv) {
    struct web_options o = {.listen_address = (char *)(uintptr_t) "127.0.0.1:0"};
    struct web_user user;
    struct err err = {0};
    signal(SIGPIPE, SIG_IGN);
    for (int i = 1; i < argc; i++)
        read_word(&o, &user, argv[i]);
    struct board *board = board_create(free_snapshot);
    board_put(board, big_snapshot());
    struct http_server *server = http_server_start(&o, board, NULL, &err);
    if (!server) {
        printf("error: %s\n", err.text);
        board_destroy(board);
        return 1;
    }
    printf("port %d\n", http_server_port(server));
    fflush(stdout);
    char line[4096];
    while (fgets(line, sizeof line, stdin))
        reconfigure(server, line, o.listen_address);
    http_server_stop(server);
    board_destroy(board);
    return 0;
}
