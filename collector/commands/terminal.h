/* Whom standard output is for. */
#ifndef COMMANDS_TERMINAL_H
#define COMMANDS_TERMINAL_H

#include <stdbool.h>

struct terminal {
    bool colour; /* it is a terminal, and NO_COLOR does not say otherwise */
    int width;   /* in columns; 0: not a terminal, or one that does not tell */
};

struct terminal terminal_of_stdout(void);

#endif
