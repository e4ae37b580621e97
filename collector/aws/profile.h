/* The files of AWS's own tools: ~/.aws/credentials and ~/.aws/config
 * (docs.aws.amazon.com/sdkref/latest/guide/file-format.html).
 *
 *     [default]                    [profile name]  in config, [name] in credentials
 *     key = value                  # and ; begin comments, behind a value only after a blank
 *     key =                        what is indented deeper belongs to the key before:
 *       other = value              "key.other"
 *
 * What stands in credentials wins over config. */
#ifndef AWS_PROFILE_H
#define AWS_PROFILE_H

#include <stdbool.h>

#include "core/err.h"
#include "core/span.h"

enum { PROFILE_FILE_MAX = 1 << 20, PROFILE_SECTIONS_MAX = 2000, PROFILE_VALUE_MAX = 16 << 10 };

struct profile_set;

struct profile_set *profile_set_create(void);    /* returns new, empty */
void profile_set_destroy(struct profile_set *s); /* wipes; NULL is allowed */

enum profile_file { PROFILE_CREDENTIALS, PROFILE_CONFIG };

/* Adds what `text` holds. `name` is the file's, for `err`, which never holds any of its content. */
bool profile_set_parse(struct profile_set *s, enum profile_file file, struct span text, const char *name,
                       struct err *err);

/* Adds both files: those that AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name, else those below HOME. One that is
 * not there is empty. */
bool profile_set_load(struct profile_set *s, struct err *err);

bool profile_exists(const struct profile_set *s, const char *profile);

/* Borrowed; NULL: not there, or empty. `key` in lower case, "key.other" for a nested one. */
const char *profile_value(const struct profile_set *s, const char *profile, const char *key);

/* The same of a section [services NAME]. */
const char *profile_service_value(const struct profile_set *s, const char *services, const char *key);

/* A file's content, at most `max` bytes, terminated; returns new, to be wiped. NULL with `err`; *problem, if given, is
 * then open's errno. */
char *profile_read_file(const char *path, size_t max, size_t *len, int *problem, struct err *err);

#endif
