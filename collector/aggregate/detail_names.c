#include "aggregate/detail_names.h"

#include "model/bounce_reason.h"

bool detail_has_provider(enum detail_kind kind) {
    return kind != DETAIL_REJECT && kind != DETAIL_RENDERING_FAILURE && kind != DETAIL_SUBSCRIPTION;
}

unsigned detail_of_event(const struct event *e, struct detail out[EVENT_DETAILS]) {
    static const struct {
        bool any, has_reason;
        enum detail_kind kind, reason;
    } of_type[EVENT_TYPES] = {
        [EVENT_BOUNCE] = {true, true, DETAIL_BOUNCE, DETAIL_BOUNCE_REASON},
        [EVENT_COMPLAINT] = {.any = true, .kind = DETAIL_COMPLAINT},
        [EVENT_DELIVERY_DELAY] = {true, true, DETAIL_DELAY, DETAIL_DELAY_REASON},
        [EVENT_REJECT] = {.any = true, .kind = DETAIL_REJECT},
        [EVENT_RENDERING_FAILURE] = {.any = true, .kind = DETAIL_RENDERING_FAILURE},
        [EVENT_SUBSCRIPTION] = {.any = true, .kind = DETAIL_SUBSCRIPTION},
    };
    unsigned count = 0;
    if (of_type[e->type].any)
        out[count++] = (struct detail){of_type[e->type].kind, e->detail};
    if (of_type[e->type].has_reason)
        out[count++] = (struct detail){of_type[e->type].reason, e->reason};
    return count;
}

void detail_names(enum detail_kind kind, uint32_t detail, struct intern *templates, const char **first,
                  const char **second) {
    *first = *second = NULL;
    switch (kind) {
    case DETAIL_BOUNCE:
        *first = bounce_type_name((enum bounce_type)(detail >> 8));
        *second = bounce_subtype_name((enum bounce_subtype)(detail & 0xff));
        break;
    case DETAIL_COMPLAINT:
        *first = feedback_type_name((enum feedback_type)detail);
        break;
    case DETAIL_DELAY:
        *first = delay_type_name((enum delay_type)detail);
        break;
    case DETAIL_BOUNCE_REASON:
    case DETAIL_DELAY_REASON:
        *first = bounce_reason_name((enum bounce_reason)detail);
        break;
    case DETAIL_OPEN:
    case DETAIL_CLICK:
    case DETAIL_UNIQUE_OPEN:
    case DETAIL_UNIQUE_CLICK:
        *first = visitor_name((enum visitor)detail);
        break;
    case DETAIL_REJECT:
        *first = reject_reason_name((enum reject_reason)detail);
        break;
    case DETAIL_RENDERING_FAILURE:
        *first = intern_name(templates, detail);
        break;
    case DETAIL_SUBSCRIPTION:
        *first = subscription_change_name((enum subscription_change)(detail >> 8));
        *second = subscription_source_name((enum subscription_source)(detail & 0xff));
        break;
    case DETAIL_KINDS:
        break;
    }
}
