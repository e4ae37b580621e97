/* Things that go wrong in a simulated period, on demand. */
#ifndef SIMULATE_INCIDENT_H
#define SIMULATE_INCIDENT_H

#include <stdbool.h>
#include <stdint.h>

enum incident_kind {
    INCIDENT_BLOCKLIST,  /* a provider blocks us: 60 % of the mail to it bounces */
    INCIDENT_OUTAGE,     /* a provider takes nothing for a while: delays, and delivery afterwards */
    INCIDENT_COMPLAINTS, /* twenty times the complaints */
    INCIDENT_BADLIST,    /* mail to a bought list: 25 % of the addresses do not exist */
    INCIDENT_SILENCE,    /* nothing is sent, and nothing happens */
    INCIDENT_DROP,       /* a tenth of the mail is sent: whatever makes it has broken in part */
    INCIDENT_SURGE,      /* ten times the mail */
    INCIDENT_LOST,       /* deliveries are not told of: a broken event destination */
    INCIDENT_SPAMTRAP,   /* a provider blocks 3 % of the mail to it: too few for an alarm about bounces */
    INCIDENTS
};

enum incident_scope { INCIDENT_ALL, INCIDENT_ISP, INCIDENT_SET };

struct incident {
    enum incident_kind kind;
    enum incident_scope scope;
    uint32_t which; /* the provider or the configuration set */
    int64_t start_ms, end_ms;
};

enum { INCIDENT_MAX = 32 };

struct incidents {
    struct incident items[INCIDENT_MAX];
    uint32_t count;
};

/* The incident of that kind that concerns mail of that set to that provider at that time; NULL if there is none. */
static inline const struct incident *incident_find(const struct incidents *all, enum incident_kind kind, uint32_t set,
                                                   uint32_t isp, int64_t ms) {
    for (uint32_t i = 0; i < all->count; i++) {
        const struct incident *x = &all->items[i];
        if (x->kind == kind && ms >= x->start_ms && ms < x->end_ms &&
            (x->scope == INCIDENT_ALL || x->which == (x->scope == INCIDENT_SET ? set : isp)))
            return x;
    }
    return 0;
}

#endif
