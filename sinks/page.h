/* The page for people at `/`: one HTML document that holds everything it needs (no request to anywhere, its own
 * included, except that a small script fetches the page again now and then and takes over its <main>). All numbers are
 * there without the script. Works with the policy "default-src 'none'; style-src 'unsafe-inline'; img-src data:;
 * script-src 'unsafe-inline'; connect-src 'self'". */
#ifndef SINKS_PAGE_H
#define SINKS_PAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "core/err.h"
#include "model/snapshot.h"

/* `out` is borrowed and not flushed. False when writing to it failed. Equal snapshots give equal pages: "now" is the
 * moment at which the snapshot was made. */
bool page_write(FILE *out, const struct snapshot *s, struct err *err);

#endif
