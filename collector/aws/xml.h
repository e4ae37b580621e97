/* XML as AWS answers with: listings, errors, STS. */
#ifndef AWS_XML_H
#define AWS_XML_H

#include <stdbool.h>

#include "core/err.h"
#include "core/span.h"

/* Walks the XML in `text` and calls `element` for each element, at its end, with the path of local names that leads to
 * it ("ListBucketResult/Contents/Key") and its text, decoded; of an element that holds others, what follows the last of
 * them. DTDs are refused, depth over 16 and texts over 64 KiB too. */
struct xml_hooks {
    void *context;
    bool (*element)(void *context, const char *path, const char *text); /* false: enough */
};
bool xml_walk(struct span text, const struct xml_hooks *hooks, struct err *err);

#endif
