/* What gives a mail service away in a reply, beside the names of its servers (model/mail_host_builtin), and where its
 * servers stand. */
#ifndef PARSERS_HOSTED_BUILTIN_H
#define PARSERS_HOSTED_BUILTIN_H

#include <stddef.h>

struct hosted_phrase {
    const char *provider; /* a name of model/provider_builtin */
    const char *text;     /* in any case, anywhere in a reply */
};
extern const struct hosted_phrase hosted_phrases[];
extern const size_t hosted_phrase_count;

struct hosted_networks {
    const char *provider;
    const char *networks; /* separated by blanks */
};
extern const struct hosted_networks hosted_networks[];
extern const size_t hosted_networks_count;

#endif
