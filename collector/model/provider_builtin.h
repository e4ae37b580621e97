/* The providers that the program knows by itself; model/provider.c builds its table from them. */
#ifndef MODEL_PROVIDER_BUILTIN_H
#define MODEL_PROVIDER_BUILTIN_H

#include <stdbool.h>
#include <stddef.h>

struct provider_builtin {
    const char *name;
    bool feedback_loop;
    const char *domains; /* separated by blanks; patterns as in a provider file (docs/providers.md) */
};

extern const struct provider_builtin provider_builtins[];
extern const size_t provider_builtin_count;

#endif
