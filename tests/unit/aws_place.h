/* A place for tests of what talks to AWS: a folder of its own as HOME, an environment without anything of AWS's, and a
 * server that stands for all of it. */
#ifndef TESTS_UNIT_AWS_PLACE_H
#define TESTS_UNIT_AWS_PLACE_H

#include <ftw.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <time.h>

#include "http_receiver.h"

#define PLACE_SECRET "SeCrEt0canary0SeCrEt0canary0SeCrEt0canar"
#define PLACE_TOKEN  "ToKeN0canary0ToKeN0canary0ToKeN0canary0ToKeN0canary"

static char place_folder[64];
static struct receiver *place_server;

static inline void place_clean_environment(void) {
    extern char **environ;
    for (bool again = true; again;) {
        again = false;
        for (char **v = environ; *v && !again; v++) {
            if (strncmp(*v, "AWS_", 4) != 0 && strcasestr(*v, "_proxy=") == NULL)
                continue;
            char *name = alloc_string(*v, strcspn(*v, "="));
            unsetenv(name);
            free(name);
            again = true;
        }
    }
    setenv("HOME", place_folder, 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
}

static inline void place_open(struct receiver_reply (*reply)(size_t, const struct receiver_request *)) {
    snprintf(place_folder, sizeof place_folder, "/tmp/ses-aws-XXXXXX");
    char *made = mkdtemp(place_folder);
    assert(made);
    place_clean_environment();
    place_server = receiver_start(reply);
}

static inline int place_remove_entry(const char *path, const struct stat *s, int kind, struct FTW *f) {
    (void)s, (void)kind, (void)f;
    return remove(path);
}

static inline void place_close(void) {
    receiver_stop(place_server);
    nftw(place_folder, place_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Sets a variable; "%d" is the server's port. */
static inline void place_set(const char *name, const char *value) {
    char text[512];
    const char *at = strstr(value, "%d");
    if (at)
        snprintf(text, sizeof text, "%.*s%d%s", (int)(at - value), value, place_server->port, at + 2);
    else
        snprintf(text, sizeof text, "%s", value);
    setenv(name, text, 1);
}

/* Writes a file below the folder, and has a variable name it. */
static inline void place_write(const char *variable, const char *name, const char *content) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", place_folder, name);
    FILE *f = fopen(path, "w");
    assert(f);
    fputs(content, f);
    fclose(f);
    if (variable)
        setenv(variable, path, 1);
}

/* A time as AWS writes it, so many seconds from now. */
static inline const char *place_time(int64_t ahead_s, char to[32]) {
    time_t at = time(NULL) + (time_t)ahead_s;
    struct tm utc;
    gmtime_r(&at, &utc);
    strftime(to, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return to;
}

#endif
