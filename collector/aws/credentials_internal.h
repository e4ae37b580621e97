/* What the files of the credentials share: the places where they may be found, each a function.
 *
 *     credentials.c           kept, renewed, given out
 *     credentials_chain.c     which place is asked after which
 *     credentials_profile.c   profiles: keys, roles, their sources
 *     credentials_process.c   a command
 *     credentials_machine.c   the container's endpoint and the machine's
 *     credentials_sts.c       roles */
#ifndef AWS_CREDENTIALS_INTERNAL_H
#define AWS_CREDENTIALS_INTERNAL_H

#include "aws/credentials.h"
#include "aws/profile.h"
#include "core/buf.h"
#include "core/span.h"

/* How far AWS's clock is ahead of ours, as all calls of a session have learned. */
struct aws_clock {
    _Atomic int64_t offset_ms;
    atomic_bool is_told; /* in the log */
};
enum { CLOCK_OFFSET_MAX_MS = 24 * 3600 * 1000, CLOCK_LEARN_MS = 1000 };

int64_t aws_clock_now_ms(struct aws_clock *c);

/* Learns from an answer's date. False when that is no help: more than a day off. */
bool aws_clock_learn(struct aws_clock *c, int64_t date_ms);

struct aws_clock *aws_identity_clock(struct aws_identity *i); /* borrowed */

/* One search for credentials. All borrowed. */
struct search {
    const struct aws_settings *settings;
    struct http_pool *pool;
    struct aws_clock *clock;
    const atomic_bool *stop;
    const struct profile_set *profiles;
    const char *profile; /* its name: the settings', AWS_PROFILE's, "default" */
};

enum found {
    FOUND_NOTHING, /* nothing is set up here: `err` says what is missing */
    FOUND_FAILED,  /* what is set up here does not work */
    FOUND_OK,
};

enum { CREDENTIALS_ANSWER_MAX = 64 << 10 };

enum found credentials_find(const struct search *s, struct aws_credentials *c, struct err *err);

const char *credentials_variable(const char *name);                 /* of the environment; NULL: not set, or empty */
const char *credentials_profile_name(const struct aws_settings *s); /* which profile counts */
enum found credentials_of_environment(struct aws_credentials *c, struct err *err);

enum found credentials_of_profile(const struct search *s, struct aws_credentials *c, struct err *err);

/* Runs `command` with /bin/sh. */
enum found credentials_of_process(const char *command, const struct search *s, struct aws_credentials *c,
                                  struct err *err);

enum found credentials_of_container(const struct search *s, struct aws_credentials *c, struct err *err);
enum found credentials_of_machine(const struct search *s, struct aws_credentials *c, struct err *err);

/* The machine's region. Returns new; NULL: it does not say. */
char *credentials_machine_region(const struct search *s, struct err *err);

/* A JSON object with AccessKeyId, SecretAccessKey, and the token and the end under these names. `who` for `err`. */
struct credentials_words {
    const char *who, *token, *expiration;
    bool must_expire;
};
bool credentials_of_json(struct span text, const struct credentials_words *words, struct aws_credentials *c,
                         struct err *err);

/* A role. NULL where nothing is said. */
struct role {
    const char *arn, *session_name, *external_id, *duration_s;
    const char *region; /* of the STS to ask; NULL: found */
};
bool credentials_of_role(const struct search *s, const struct role *role, const struct aws_credentials *base,
                         struct aws_credentials *c, struct err *err);
bool credentials_of_web_identity(const struct search *s, const struct role *role, const char *token_file,
                                 struct aws_credentials *c, struct err *err);

/* settings, AWS_REGION, AWS_DEFAULT_REGION, the profile. Borrowed; NULL: none. */
const char *credentials_region(const struct search *s);

#endif
