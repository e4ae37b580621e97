/* An order as the outbox keeps it: "pause NAME" or "resume NAME"; without a name it is the account's. */
#include <string.h>

#include "alert/brake.h"
#include "sinks/brake.h"

static const char *const words[BRAKE_ACTIONS] = {
    [BRAKE_ACTION_PAUSE] = "pause ",
    [BRAKE_ACTION_RESUME] = "resume ",
};

bool brake_order_encode(const struct brake_order *order, struct buf *to) {
    return buf_append_str(to, words[order->action]) && buf_append_str(to, order->configuration_set);
}

bool brake_order_decode(struct span from, struct brake_order *order) {
    *order = (struct brake_order){0};
    for (int action = 0; action < BRAKE_ACTIONS; action++) {
        size_t len = strlen(words[action]), rest = from.len - len;
        if (from.len < len || memcmp(from.ptr, words[action], len) != 0 || rest >= BRAKE_NAME_SIZE)
            continue;
        order->action = (enum brake_action)action;
        memcpy(order->configuration_set, from.ptr + len, rest);
        return strlen(order->configuration_set) == rest && brake_is_name(order->configuration_set);
    }
    return false;
}
