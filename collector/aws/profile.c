#include "aws/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/credentials.h"
#include "core/alloc.h"

/* --- what was read ------------------------------------------------------------------------------------------------ */

enum kind {
    KIND_CREDENTIALS, /* of the credentials file */
    KIND_PROFILE,     /* [profile name] */
    KIND_BARE,        /* [default] of the config file: [profile default] goes before it */
    KIND_SERVICES,    /* [services name] */
    KIND_OTHER,       /* of no use to us */
};

struct pair {
    char *key, *value; /* owned */
};

struct section {
    enum kind kind;
    char *name; /* owned */
    struct pair *pairs;
    size_t count, room;
};

struct profile_set {
    struct section *sections;
    size_t count, room;
};

struct profile_set *profile_set_create(void) {
    return alloc_zeroed(1, sizeof(struct profile_set));
}

static void wipe(char *text) {
    if (text)
        aws_wipe(text, strlen(text));
    free(text);
}

void profile_set_destroy(struct profile_set *s) {
    for (size_t i = 0; s && i < s->count; i++) {
        struct section *section = &s->sections[i];
        for (size_t k = 0; k < section->count; k++) {
            free(section->pairs[k].key);
            wipe(section->pairs[k].value);
        }
        free(section->pairs);
        free(section->name);
    }
    if (s)
        free(s->sections);
    free(s);
}

static struct section *find(const struct profile_set *s, enum kind kind, const char *name, size_t len) {
    for (size_t i = 0; i < s->count; i++)
        if (s->sections[i].kind == kind && strlen(s->sections[i].name) == len &&
            memcmp(s->sections[i].name, name, len) == 0)
            return &s->sections[i];
    return NULL;
}

static struct section *put_section(struct profile_set *s, enum kind kind, struct span name) {
    struct section *found = find(s, kind, name.ptr, name.len);
    if (found)
        return found;
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 8;
        s->sections = alloc_resize(s->sections, s->room, sizeof *s->sections);
    }
    s->sections[s->count] = (struct section){.kind = kind, .name = alloc_string(name.ptr, name.len)};
    return &s->sections[s->count++];
}

static const char *value_of(const struct section *section, const char *key) {
    for (size_t i = 0; section && i < section->count; i++)
        if (strcmp(section->pairs[i].key, key) == 0)
            return *section->pairs[i].value ? section->pairs[i].value : NULL;
    return NULL;
}

/* Takes `key`. What is said twice counts as said last. */
static void put_pair(struct section *section, char *key, struct span value) {
    for (size_t i = 0; i < section->count; i++) {
        if (strcmp(section->pairs[i].key, key) == 0) {
            wipe(section->pairs[i].value);
            section->pairs[i].value = alloc_string(value.ptr, value.len);
            free(key);
            return;
        }
    }
    if (section->count == section->room) {
        section->room = section->room ? 2 * section->room : 8;
        section->pairs = alloc_resize(section->pairs, section->room, sizeof *section->pairs);
    }
    section->pairs[section->count++] = (struct pair){key, alloc_string(value.ptr, value.len)};
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

enum { PAIRS_MAX = 1000 };

struct reader {
    struct profile_set *set;
    enum profile_file file;
    size_t section; /* its number + 1; 0: none yet */
    char key[128];  /* the last one of the section that was not nested; "": none */
    size_t indent;  /* that one's */
    bool is_open;   /* it had no value: deeper lines are its own */
};

static bool takes_word(struct span *rest, const char *word) {
    size_t len = strlen(word);
    if (rest->len <= len || memcmp(rest->ptr, word, len) != 0 || !span_is_blank(rest->ptr[len]))
        return false;
    *rest = span_trim((struct span){rest->ptr + len, rest->len - len});
    return true;
}

static struct span unquoted(struct span s) {
    if (s.len >= 2 && (s.ptr[0] == '"' || s.ptr[0] == '\'') && s.ptr[s.len - 1] == s.ptr[0])
        return (struct span){s.ptr + 1, s.len - 2};
    return s;
}

static bool read_section(struct reader *r, struct span line) {
    const char *end = memchr(line.ptr, ']', line.len);
    if (!end)
        return false;
    struct span name = span_trim((struct span){line.ptr + 1, (size_t)(end - line.ptr) - 1});
    enum kind kind = KIND_OTHER;
    if (r->file == PROFILE_CREDENTIALS)
        kind = KIND_CREDENTIALS;
    else if (takes_word(&name, "profile"))
        kind = KIND_PROFILE;
    else if (takes_word(&name, "services"))
        kind = KIND_SERVICES;
    else if (span_is(name, "default"))
        kind = KIND_BARE;
    name = unquoted(name);
    if (r->set->count >= PROFILE_SECTIONS_MAX)
        return false;
    r->section = (size_t)(put_section(r->set, kind, name) - r->set->sections) + 1;
    *r->key = 0;
    r->is_open = false;
    return true;
}

/* Behind a value a comment begins with a blank. A command may hold anything. */
static struct span without_comment(struct span value) {
    for (size_t i = 1; i < value.len; i++)
        if ((value.ptr[i] == '#' || value.ptr[i] == ';') && span_is_blank(value.ptr[i - 1]))
            return span_trim((struct span){value.ptr, i});
    if (value.len && (value.ptr[0] == '#' || value.ptr[0] == ';'))
        return (struct span){value.ptr, 0};
    return value;
}

static bool read_pair(struct reader *r, struct span line, size_t indent) {
    struct section *section = r->section ? &r->set->sections[r->section - 1] : NULL;
    bool nested = *r->key && indent > r->indent;
    if (nested && !r->is_open)
        return true; /* a value that goes on in the next line: none of ours does */
    const char *equals = memchr(line.ptr, '=', line.len);
    if (!equals || !section || section->count >= PAIRS_MAX)
        return false;
    struct span name = span_trim((struct span){line.ptr, (size_t)(equals - line.ptr)});
    struct span value = span_trim((struct span){equals + 1, line.len - (size_t)(equals - line.ptr) - 1});
    if (!name.len || name.len >= sizeof r->key)
        return false;
    char *key = alloc_zeroed(strlen(r->key) + name.len + 2, 1);
    size_t at = 0;
    if (nested) {
        at = strlen(r->key);
        memcpy(key, r->key, at);
        key[at++] = '.';
    }
    for (size_t i = 0; i < name.len; i++)
        key[at + i] = (char)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] | 0x20 : name.ptr[i]);
    if (strcmp(key, "credential_process") != 0)
        value = without_comment(value);
    if (!nested) {
        memcpy(r->key, key, name.len + 1);
        r->indent = indent;
        r->is_open = value.len == 0;
    }
    if (value.len > PROFILE_VALUE_MAX || memchr(value.ptr, 0, value.len)) {
        free(key);
        return false;
    }
    put_pair(section, key, value);
    return true;
}

static bool read_line(struct reader *r, struct span line) {
    struct span rest = span_trim(line);
    if (!rest.len || rest.ptr[0] == '#' || rest.ptr[0] == ';')
        return true;
    size_t indent = (size_t)(rest.ptr - line.ptr);
    if (rest.ptr[0] == '[')
        return read_section(r, rest);
    return read_pair(r, rest, indent);
}

bool profile_set_parse(struct profile_set *s, enum profile_file file, struct span text, const char *name,
                       struct err *err) {
    struct reader r = {.set = s, .file = file};
    if (text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0)
        text.ptr += 3, text.len -= 3;
    for (unsigned number = 1; text.len; number++) {
        const char *end = memchr(text.ptr, '\n', text.len);
        struct span line = {text.ptr, end ? (size_t)(end - text.ptr) : text.len};
        if (!read_line(&r, line))
            return err_set(err, ERR_CONFIG, "%s, line %u: neither a [section] nor a key with its value", name, number);
        size_t eaten = line.len + (end != NULL);
        text.ptr += eaten;
        text.len -= eaten;
    }
    return true;
}

/* --- files -------------------------------------------------------------------------------------------------------- */

static char *read_all(int fd, size_t max, size_t *len, bool *too_long) {
    char *data = alloc_zeroed(max + 2, 1);
    *len = 0;
    for (;;) {
        ssize_t n = read(fd, data + *len, max + 1 - *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n > 0)
            *len += (size_t)n;
        *too_long = *len > max;
        if (n > 0 && !*too_long)
            continue;
        if (n >= 0 && !*too_long)
            return data;
        aws_wipe(data, *len);
        free(data);
        return NULL;
    }
}

char *profile_read_file(const char *path, size_t max, size_t *len, int *problem, struct err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe that nobody writes to holds nobody up */
    if (problem)
        *problem = fd < 0 ? errno : 0;
    if (fd < 0) {
        err_set_errno(err, ERR_IO, errno, "cannot open %.200s", path);
        return NULL;
    }
    bool too_long = false;
    char *data = read_all(fd, max, len, &too_long);
    int cause = errno;
    close(fd);
    if (!data && too_long)
        err_set(err, ERR_CONFIG, "%.200s is longer than %zu bytes", path, max);
    else if (!data)
        err_set_errno(err, ERR_IO, cause, "cannot read %.200s", path);
    return data;
}

/* Returns new; NULL: there is no such place. */
static char *path_of(const char *variable, const char *usual) {
    const char *path = getenv(variable), *home = getenv("HOME");
    if (!path || !*path)
        path = usual;
    if (strncmp(path, "~/", 2) != 0)
        return alloc_string(path, strlen(path));
    if (!home || !*home)
        return NULL;
    size_t size = strlen(home) + strlen(path);
    char *whole = alloc_zeroed(size, 1);
    snprintf(whole, size, "%s%s", home, path + 1);
    return whole;
}

static bool load(struct profile_set *s, enum profile_file file, const char *variable, const char *usual,
                 struct err *err) {
    char *path = path_of(variable, usual);
    if (!path)
        return true;
    struct err why = {0};
    size_t len;
    int problem;
    char *text = profile_read_file(path, PROFILE_FILE_MAX, &len, &problem, &why);
    /* A service whose home is shut off has no files there. */
    bool missing = problem == ENOENT || problem == ENOTDIR || (problem == EACCES && !getenv(variable));
    bool ok = text ? profile_set_parse(s, file, (struct span){text, len}, path, err)
                   : missing || err_set(err, why.code, "%s", why.text);
    if (text)
        aws_wipe(text, len);
    free(text);
    free(path);
    return ok;
}

bool profile_set_load(struct profile_set *s, struct err *err) {
    return load(s, PROFILE_CREDENTIALS, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", err) &&
           load(s, PROFILE_CONFIG, "AWS_CONFIG_FILE", "~/.aws/config", err);
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

static const enum kind places[] = {KIND_CREDENTIALS, KIND_PROFILE, KIND_BARE};
enum { PLACES = sizeof places / sizeof *places };

bool profile_exists(const struct profile_set *s, const char *profile) {
    for (size_t i = 0; i < PLACES; i++)
        if (find(s, places[i], profile, strlen(profile)))
            return true;
    return false;
}

const char *profile_value(const struct profile_set *s, const char *profile, const char *key) {
    const char *value = NULL;
    for (size_t i = 0; !value && i < PLACES; i++)
        value = value_of(find(s, places[i], profile, strlen(profile)), key);
    return value;
}

const char *profile_service_value(const struct profile_set *s, const char *services, const char *key) {
    return value_of(find(s, KIND_SERVICES, services, strlen(services)), key);
}
