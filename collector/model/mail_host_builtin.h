/* The names of mail servers that the program knows by itself; model/mail_host.c makes its table of them. */
#ifndef MODEL_MAIL_HOST_BUILTIN_H
#define MODEL_MAIL_HOST_BUILTIN_H

#include <stddef.h>

struct mail_host_builtin {
    const char
        *provider;     /* a name of model/provider_builtin; "other": nobody's, although a shorter name is somebody's */
    const char *hosts; /* separated by blanks, lower case: mx.example.com, or *.example.com for every name below */
};

extern const struct mail_host_builtin mail_host_builtins[];
extern const size_t mail_host_builtin_count;

#endif
