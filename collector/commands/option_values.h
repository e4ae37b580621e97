/* Options and their values, as several commands take them. */
#ifndef COMMANDS_OPTION_VALUES_H
#define COMMANDS_OPTION_VALUES_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"

/* The options of a command line, one after another. option_next returns an id of getopt_long's table, whose value is in
 * `optarg`; behind the last OPTION_END, and `optind` says where the rest begins; or OPTION_WRONG, with ERR_USAGE. */
enum { OPTION_END = -1, OPTION_WRONG = -2 };
void option_begin(void);
int option_next(int argc, char **argv, const struct option *options, struct err *err);

/* Each takes the option's name (without the dashes) for its message, and is false with ERR_USAGE and a sentence that
 * says what to type instead. */
bool option_parse_time(const char *option, const char *text, int64_t *ms, struct err *err);
bool option_parse_duration(const char *option, const char *text, int64_t *ms, struct err *err);
bool option_parse_number(const char *option, const char *text, unsigned long min, unsigned long max,
                         unsigned long *value, struct err *err);
bool option_parse_choice(const char *option, const char *text, const char *const *names, int count, int *chosen,
                         struct err *err);
/* "512M", "2G", "100K" or bytes. */
bool option_parse_bytes(const char *option, const char *text, uint64_t min, uint64_t *value, struct err *err);

#endif
