#include "commands/terminal.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct terminal terminal_of_stdout(void) {
    struct winsize size;
    const char *no_colour = getenv("NO_COLOR");
    if (!isatty(STDOUT_FILENO))
        return (struct terminal){0};
    return (struct terminal){.colour = !(no_colour && *no_colour),
                             .width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0};
}
