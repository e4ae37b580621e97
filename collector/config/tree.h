/* A YAML file as a tree of nodes that know where they stand. Strict: one document, no anchors, no aliases, no tags, no
 * merge keys, no key twice, and nothing deep. */
#ifndef CONFIG_TREE_H
#define CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "core/span.h"

enum { TREE_MAX_DEPTH = 16, TREE_MAX_ENTRIES = 10000 };

enum node_kind {
    NODE_NONE, /* nothing was written, or null */
    NODE_TEXT,
    NODE_LIST,
    NODE_MAP,
};

struct node {
    enum node_kind kind;
    unsigned line, column;         /* from 1; columns count characters */
    char *text;                    /* NODE_TEXT: terminated, holds no zero byte, is UTF-8 */
    char *key;                     /* of an entry of a map, else NULL */
    unsigned key_line, key_column; /* where the key stands */
    struct node *first, *last;     /* NODE_LIST, NODE_MAP: entries */
    struct node *next;             /* the entry after this one */
    unsigned entries;
    struct node *chain; /* all nodes of the tree, to free them */
};

/* `file` is for messages, borrowed for the call. Returns new; NULL with "file:line:column: ..." in `err`. */
struct node *tree_parse(const char *file, struct span text, struct err *err);
void tree_destroy(struct node *root); /* NULL is allowed */

/* The entry of a map with this key; NULL if it is not there or `map` is no map. */
struct node *tree_get(const struct node *map, const char *key);

/* Says ERR_CONFIG with "file:line:column: " before the text; a long file name loses its beginning. Returns false. */
bool tree_error(struct err *err, const char *file, unsigned line, unsigned column, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

#endif
