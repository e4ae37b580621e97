#include "config/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "core/alloc.h"

enum { SHOWN_FILE_NAME = 160 };

struct tree_reader {
    const char *file;
    struct span text;
    struct err *err;
    yaml_parser_t parser;
    struct node *newest;               /* of the chain of all nodes; the oldest is the root */
    struct node *open[TREE_MAX_DEPTH]; /* lists and maps that have not ended */
    struct node *keys[TREE_MAX_DEPTH]; /* of each open map: the key that waits for its value */
    unsigned depth;
    unsigned documents;
};

bool tree_error(struct err *err, const char *file, unsigned line, unsigned column, const char *fmt, ...) {
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t len = strlen(file);
    bool is_long = len > SHOWN_FILE_NAME;
    return err_set(err, ERR_CONFIG, "%s%s:%u:%u: %s", is_long ? "..." : "",
                   is_long ? file + len - SHOWN_FILE_NAME : file, line, column, text);
}

/* --- nodes -------------------------------------------------------------------------------------------------------- */

static struct node *node_create(struct tree_reader *r, enum node_kind kind, const yaml_mark_t *mark) {
    struct node *n = alloc_zeroed(1, sizeof *n);
    n->kind = kind;
    n->line = (unsigned)mark->line + 1;
    n->column = (unsigned)mark->column + 1;
    n->chain = r->newest;
    r->newest = n;
    return n;
}

static void destroy_all(struct node *newest) {
    while (newest) {
        struct node *before = newest->chain;
        free(newest->text);
        free(newest->key);
        free(newest);
        newest = before;
    }
}

/* The chain begins with the root: chain_from_root. */
void tree_destroy(struct node *root) {
    destroy_all(root);
}

struct node *tree_get(const struct node *map, const char *key) {
    if (!map || map->kind != NODE_MAP)
        return NULL;
    for (struct node *n = map->first; n; n = n->next)
        if (strcmp(n->key, key) == 0)
            return n;
    return NULL;
}

static bool fail_at(struct tree_reader *r, const yaml_mark_t *mark, const char *what) {
    return tree_error(r->err, r->file, (unsigned)mark->line + 1, (unsigned)mark->column + 1, "%s", what);
}

/* --- a tree from events ------------------------------------------------------------------------------------------- */

static bool append(struct tree_reader *r, struct node *to, struct node *n) {
    if (++to->entries > TREE_MAX_ENTRIES)
        return tree_error(r->err, r->file, n->line, n->column, "more than %d entries in one place", TREE_MAX_ENTRIES);
    if (to->last)
        to->last->next = n;
    else
        to->first = n;
    to->last = n;
    return true;
}

static bool take_key(struct tree_reader *r, struct node *map, struct node *n) {
    if (n->kind != NODE_TEXT || !*n->text)
        return tree_error(r->err, r->file, n->line, n->column, "a key must be a word, as in \"name: value\"");
    if (strcmp(n->text, "<<") == 0)
        return tree_error(r->err, r->file, n->line, n->column,
                          "merge keys (<<) are not taken; write out what it would bring in");
    const struct node *other = tree_get(map, n->text);
    if (other)
        return tree_error(r->err, r->file, n->line, n->column, "\"%.60s\" stands here twice; the first is in line %u",
                          n->text, other->key_line);
    r->keys[r->depth - 1] = n;
    return true;
}

/* Puts a finished scalar, or a list or map that begins, into what is open. */
static bool place(struct tree_reader *r, struct node *n) {
    if (!r->depth)
        return true;
    struct node *parent = r->open[r->depth - 1], **key = &r->keys[r->depth - 1];
    if (parent->kind == NODE_LIST)
        return append(r, parent, n);
    if (!*key)
        return take_key(r, parent, n);
    n->key = alloc_string((*key)->text, strlen((*key)->text));
    n->key_line = (*key)->line;
    n->key_column = (*key)->column;
    *key = NULL;
    return append(r, parent, n);
}

static bool open_node(struct tree_reader *r, enum node_kind kind, const yaml_event_t *event) {
    struct node *n = node_create(r, kind, &event->start_mark);
    if (r->depth && r->open[r->depth - 1]->kind == NODE_MAP && !r->keys[r->depth - 1])
        return fail_at(r, &event->start_mark, "a key must be a word, as in \"name: value\"");
    if (r->depth == TREE_MAX_DEPTH)
        return fail_at(r, &event->start_mark, "nested too deep; no part of a configuration is");
    if (!place(r, n))
        return false;
    r->open[r->depth] = n;
    r->keys[r->depth++] = NULL;
    return true;
}

static bool is_null(const yaml_event_t *event) {
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    struct span text = {(const char *)event->data.scalar.value, event->data.scalar.length};
    return !text.len || span_is(text, "~") || span_is(text, "null") || span_is(text, "Null") || span_is(text, "NULL");
}

static bool take_scalar(struct tree_reader *r, const yaml_event_t *event) {
    const char *text = (const char *)event->data.scalar.value;
    if (memchr(text, '\0', event->data.scalar.length))
        return fail_at(r, &event->start_mark, "a zero byte inside a text");
    struct node *n = node_create(r, is_null(event) ? NODE_NONE : NODE_TEXT, &event->start_mark);
    n->text = alloc_string(text, event->data.scalar.length);
    return place(r, n);
}

/* What YAML can do and a configuration must not. */
static bool refuse_cleverness(struct tree_reader *r, const yaml_event_t *event) {
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return fail_at(r, &event->start_mark, "aliases (*name) are not taken; write the value here again");
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    default:
        return true;
    }
    if (anchor)
        return fail_at(r, &event->start_mark, "anchors (&name) are not taken; write the value where it is needed");
    if (tag)
        return fail_at(r, &event->start_mark,
                       "tags (!name) are not taken; write the value alone, in quotes if need be");
    return true;
}

static bool take_event(struct tree_reader *r, const yaml_event_t *event) {
    if (!refuse_cleverness(r, event))
        return false;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (r->documents++)
            return fail_at(r, &event->start_mark, "a second document (---); a configuration is one");
        return true;
    case YAML_SCALAR_EVENT:
        return take_scalar(r, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_node(r, NODE_LIST, event);
    case YAML_MAPPING_START_EVENT:
        return open_node(r, NODE_MAP, event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        r->depth--;
        return true;
    default:
        return true;
    }
}

/* --- the parse ---------------------------------------------------------------------------------------------------- */

/* libyaml's reader knows only the offset of a byte that it does not like. */
static void mark_of_offset(struct span text, size_t offset, yaml_mark_t *mark) {
    *mark = (yaml_mark_t){0};
    for (size_t i = 0; i < offset && i < text.len; i++)
        if (text.ptr[i] == '\n') {
            mark->line++;
            mark->column = 0;
        } else if (((unsigned char)text.ptr[i] & 0xc0) != 0x80) {
            mark->column++;
        }
}

static bool fail_of_libyaml(struct tree_reader *r) {
    yaml_mark_t mark = r->parser.problem_mark;
    if (r->parser.error == YAML_READER_ERROR) {
        mark_of_offset(r->text, r->parser.problem_offset, &mark);
        return fail_at(r, &mark, "a byte that no text has; the file must be UTF-8 without control characters");
    }
    const char *problem = r->parser.problem ? r->parser.problem : "cannot be read";
    return tree_error(r->err, r->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1,
                      "not YAML: %s; look at the indentation, colons, quotes and brackets before this place", problem);
}

static bool read_events(struct tree_reader *r) {
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&r->parser, &event))
            return fail_of_libyaml(r);
        bool end = event.type == YAML_STREAM_END_EVENT;
        bool ok = take_event(r, &event);
        yaml_event_delete(&event);
        if (!ok || end)
            return ok;
    }
}

/* Turns the chain round, so that it begins with the root. */
static struct node *chain_from_root(struct node *newest) {
    struct node *root = NULL;
    while (newest) {
        struct node *before = newest->chain;
        newest->chain = root;
        root = newest;
        newest = before;
    }
    return root;
}

struct node *tree_parse(const char *file, struct span text, struct err *err) {
    struct tree_reader r = {.file = file, .text = text, .err = err};
    if (!yaml_parser_initialize(&r.parser)) {
        err_set(err, ERR_IO, "%s: out of memory", file);
        return NULL;
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.ptr, text.len);
    bool ok = read_events(&r);
    yaml_parser_delete(&r.parser);
    if (!ok) {
        destroy_all(r.newest);
        return NULL;
    }
    if (!r.newest)
        node_create(&r, NODE_NONE, &(yaml_mark_t){0});
    return chain_from_root(r.newest);
}
