/* Any bytes as a user agent and, behind the first line end, an address. A click is never a proxy's, and a machine that
 * clicks is one that opens. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/visitors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct visitors *visitors;
    if (!visitors)
        visitors = visitors_create();
    const char *text = (const char *)data;
    const char *end = size ? memchr(text, '\n', size) : NULL;
    struct span agent = {text, end ? (size_t)(end - text) : size};
    struct span address = {text + agent.len, size - agent.len};
    if (end)
        address.ptr++, address.len--;
    enum visitor open = visitors_find(visitors, EVENT_OPEN, agent, address);
    enum visitor click = visitors_find(visitors, EVENT_CLICK, agent, address);
    check(open < VISITORS && (click == VISITOR_HUMAN || click == VISITOR_MACHINE));
    check(click == VISITOR_HUMAN || open == VISITOR_MACHINE);
    return 0;
}
