#include "aws/xml.h"

#include <expat.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"

enum { DEPTH_MAX = 16, PATH_MAX_BYTES = 1024, TEXT_MAX = 64 << 10, PIECE = 1 << 20 };

struct walk {
    XML_Parser parser;
    const struct xml_hooks *hooks;
    char path[PATH_MAX_BYTES];
    size_t path_len;
    size_t starts[DEPTH_MAX]; /* where in `path` each open element's name begins, slash included */
    unsigned depth;
    struct buf text;
    bool enough;         /* the caller's */
    const char *refused; /* why we do not go on; NULL: we do */
};

static void refuse(struct walk *w, const char *why) {
    w->refused = why;
    XML_StopParser(w->parser, XML_FALSE);
}

static void take_start(void *context, const XML_Char *name, const XML_Char **attributes) {
    struct walk *w = context;
    (void)attributes;
    if (w->enough || w->refused)
        return;
    const char *colon = strrchr(name, ':');
    const char *local = colon && colon[1] ? colon + 1 : name;
    size_t len = strlen(local);
    if (w->depth == DEPTH_MAX) {
        refuse(w, "it is too deep");
        return;
    }
    if (w->path_len + len + 2 > sizeof w->path) {
        refuse(w, "its names are too long");
        return;
    }
    w->starts[w->depth] = w->path_len;
    if (w->depth++)
        w->path[w->path_len++] = '/';
    memcpy(w->path + w->path_len, local, len + 1);
    w->path_len += len;
    buf_clear(&w->text);
}

static void take_end(void *context, const XML_Char *name) {
    struct walk *w = context;
    (void)name;
    if (w->enough || w->refused)
        return;
    if (!buf_append_char(&w->text, 0)) {
        refuse(w, "a text of it is too long");
        return;
    }
    if (!w->hooks->element(w->hooks->context, w->path, w->text.data)) {
        w->enough = true;
        XML_StopParser(w->parser, XML_FALSE);
    }
    buf_clear(&w->text);
    w->path_len = w->starts[--w->depth];
    w->path[w->path_len] = 0;
}

static void take_text(void *context, const XML_Char *text, int len) {
    struct walk *w = context;
    if (w->enough || w->refused || len <= 0)
        return;
    if (w->text.len + (size_t)len > TEXT_MAX || !buf_append(&w->text, text, (size_t)len))
        refuse(w, "a text of it is too long");
}

/* What a DTD may do (entities that grow, files that are read) is nothing that an answer needs. */
static void take_doctype(void *context, const XML_Char *name, const XML_Char *system, const XML_Char *public,
                         int has_subset) {
    (void)name, (void)system, (void)public, (void)has_subset;
    refuse(context, "it has a DTD");
}

static bool walk(struct walk *w, struct span text, struct err *err) {
    XML_SetUserData(w->parser, w);
    XML_SetElementHandler(w->parser, take_start, take_end);
    XML_SetCharacterDataHandler(w->parser, take_text);
    XML_SetStartDoctypeDeclHandler(w->parser, take_doctype);
    enum XML_Status status = XML_STATUS_OK;
    do {
        size_t len = text.len < PIECE ? text.len : PIECE;
        status = XML_Parse(w->parser, text.ptr, (int)len, len == text.len);
        text.ptr += len;
        text.len -= len;
    } while (status == XML_STATUS_OK && text.len);
    if (w->enough)
        return true;
    if (w->refused)
        return err_set(err, ERR_INPUT, "XML is not read on: %s", w->refused);
    return status == XML_STATUS_OK ||
           err_set(err, ERR_INPUT, "no valid XML, line %lu: %s", (unsigned long)XML_GetCurrentLineNumber(w->parser),
                   XML_ErrorString(XML_GetErrorCode(w->parser)));
}

bool xml_walk(struct span text, const struct xml_hooks *hooks, struct err *err) {
    if (!text.len)
        return err_set(err, ERR_INPUT, "no valid XML: it is empty");
    struct walk w = {.parser = XML_ParserCreate(NULL), .hooks = hooks};
    if (!w.parser)
        return err_set(err, ERR_IO, "no memory for XML");
    buf_init(&w.text, TEXT_MAX + 1);
    bool ok = walk(&w, text, err);
    buf_deinit(&w.text);
    XML_ParserFree(w.parser);
    return ok;
}
