/* `normalize` as a service: from one Kafka topic to another. */
#ifndef COMMANDS_NORMALIZE_SERVICE_H
#define COMMANDS_NORMALIZE_SERVICE_H

#include <stdbool.h>

/* Whether that is what the command line asks for: --config.file is there. */
bool normalize_is_service(int argc, char **argv);
int normalize_serve(int argc, char **argv); /* returns the exit code */

#endif
