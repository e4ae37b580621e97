/* Messages found, for a person at a terminal. */
#ifndef SINKS_FIND_TABLE_H
#define SINKS_FIND_TABLE_H

#include "sinks/find.h"

void find_table_write(FILE *out, const struct found_message *messages, size_t count, const struct find_options *o);

#endif
