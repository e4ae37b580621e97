#include "simulate/timeline.h"

#include <string.h>

#include "model/event.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

/* Times in milliseconds as quantiles. */
static const uint32_t hand_over[] = {280, 420, 560, 720, 950, 1300, 1900, 2900, 5200};
static const uint32_t first_delay[] = {2 * MINUTE, 4 * MINUTE, 7 * MINUTE, 12 * MINUTE, 25 * MINUTE};
static const uint32_t complaint_after[] = {MINUTE,   4 * MINUTE, 12 * MINUTE, 30 * MINUTE, 75 * MINUTE,
                                           3 * HOUR, 8 * HOUR,   20 * HOUR,   3 * DAY};
static const uint32_t person_after[] = {15 * SECOND, 2 * MINUTE, 8 * MINUTE, 25 * MINUTE, 65 * MINUTE,
                                        3 * HOUR,    7 * HOUR,   16 * HOUR,  3 * DAY};
static const uint32_t apple_after[] = {5 * SECOND, 40 * SECOND, 6 * MINUTE, 50 * MINUTE, 10 * HOUR};
/* A security gateway: its picture at once, then every link in one burst (two thirds within a minute). */
static const uint32_t gateway_open[] = {3 * SECOND, 6 * SECOND, 9 * SECOND, 14 * SECOND, 30 * SECOND};
static const uint32_t gateway_click[] = {9 * SECOND, 25 * SECOND, 36 * SECOND, 50 * SECOND, 100 * SECOND, 5 * MINUTE};

enum fate {
    FATE_DELIVERED,
    FATE_DELAYED,
    FATE_OUTAGE,
    FATE_BOUNCED, /* + enum bounce_kind */
};

struct plan {
    const struct catalog *catalog;
    const struct incidents *incidents;
    const struct message *message;
    const struct catalog_use *use;
    struct timeline *timeline;
    struct prng random;
    uint32_t visitors; /* recipients whose opens are made: not everyone's, a record list is finite */
};

static void add(struct plan *p, enum event_type type, uint64_t after_ms, uint32_t recipients, uint32_t detail) {
    struct timeline *t = p->timeline;
    if (t->count == TIMELINE_MAX || after_ms > 31ull * DAY)
        return;
    t->events[t->count] = (struct pending){
        .after_ms = (uint32_t)after_ms,
        .message = p->message->index,
        .recipients = (uint16_t)((recipients & PENDING_RECIPIENTS) | detail << PENDING_DETAIL_SHIFT),
        .what = (uint8_t)type,
        .ordinal = (uint8_t)t->count,
    };
    t->count++;
}

static void add_visit(struct plan *p, enum event_type type, uint64_t after_ms, uint32_t agent, uint32_t link) {
    for (uint32_t i = 0; i < p->timeline->count; i++) {
        const struct pending *e = &p->timeline->events[i];
        if (pending_type(e) == type && e->after_ms == after_ms) {
            after_ms++;
            i = UINT32_MAX; /* from the start: the next millisecond may be taken, too */
        }
    }
    add(p, type, after_ms, message_all(p->message), visit_detail(agent, link));
}

static void visit_by_gateway(struct plan *p, uint64_t delivered, enum agent agent) {
    add_visit(p, EVENT_OPEN, delivered + PRNG_QUANTILE(&p->random, gateway_open), agent, 0);
    uint64_t at = delivered + PRNG_QUANTILE(&p->random, gateway_click);
    for (uint32_t link = 0; link < p->message->links; link++) {
        add_visit(p, EVENT_CLICK, at, agent, link);
        at += prng_below(&p->random, 400);
    }
}

static void click_by_person(struct plan *p, uint64_t at) {
    add_visit(p, EVENT_CLICK, at, AGENT_PERSON, prng_below(&p->random, p->message->links));
}

static void visit_by_person(struct plan *p, uint64_t delivered, enum agent agent) {
    struct prng *r = &p->random;
    uint64_t at = delivered + PRNG_QUANTILE(r, person_after);
    add_visit(p, EVENT_OPEN, at, agent, 0);
    if (prng_chance(r, 220000))
        add_visit(p, EVENT_OPEN, at + prng_between(r, 20 * SECOND, 5 * HOUR), agent, 0);
    if (prng_chance(r, 130000)) {
        at += prng_between(r, 3 * SECOND, 90 * SECOND);
        click_by_person(p, at);
        if (prng_chance(r, 200000))
            click_by_person(p, at + prng_between(r, 2 * SECOND, 120 * SECOND));
    }
    if (p->use->list && prng_chance(r, 4000))
        add(p, EVENT_SUBSCRIPTION, at + prng_between(r, 5 * SECOND, 300 * SECOND), message_all(p->message), 0);
}

static void visit(struct plan *p, enum isp_readers readers, uint64_t delivered) {
    static const struct {
        uint32_t person;
        enum agent through;
        uint32_t machine;
        enum agent by;
    } habits[] = {
        [READERS_PEOPLE] = {190000, AGENT_PERSON, 0, AGENT_PERSON},
        [READERS_GMAIL] = {270000, AGENT_GMAIL, 8000, AGENT_GMAIL_SCAN},
        [READERS_YAHOO] = {210000, AGENT_YAHOO, 0, AGENT_PERSON},
        [READERS_APPLE] = {120000, AGENT_PERSON, 600000, AGENT_APPLE},
        [READERS_MICROSOFT] = {200000, AGENT_PERSON, 25000, AGENT_MICROSOFT},
        [READERS_COMPANY] = {160000, AGENT_PERSON, 140000, AGENT_GATEWAY},
    };
    if (!p->use->tracked || p->message->box || p->visitors == 4)
        return;
    p->visitors++;
    if (prng_chance(&p->random, habits[readers].machine)) {
        enum agent by = habits[readers].by;
        if (by == AGENT_APPLE)
            add_visit(p, EVENT_OPEN, delivered + PRNG_QUANTILE(&p->random, apple_after), by, 0);
        else if (by == AGENT_GMAIL_SCAN)
            add_visit(p, EVENT_OPEN, delivered + prng_between(&p->random, 300, 2500), by, 0);
        else
            visit_by_gateway(p, delivered, by);
    }
    if (prng_chance(&p->random, habits[readers].person))
        visit_by_person(p, delivered, habits[readers].through);
}

static void complain(struct plan *p, uint32_t isp, uint64_t delivered, uint32_t group) {
    const struct message *m = p->message;
    uint32_t chance = isps[isp].feedback ? p->use->complaint : 0;
    if (incident_find(p->incidents, INCIDENT_COMPLAINTS, m->set, isp, m->sent_ms))
        chance *= 20;
    if (m->box == BOX_COMPLAINT)
        chance = 1000000;
    if (!prng_chance(&p->random, chance))
        return;
    uint32_t kind = prng_below(&p->random, 1000);
    enum complaint_cause cause = kind < 930   ? COMPLAINT_REPORT
                                 : kind < 970 ? COMPLAINT_BARE
                                 : kind < 990 ? COMPLAINT_NOT_SPAM
                                              : COMPLAINT_NEW_TYPE;
    uint64_t after =
        m->box ? prng_between(&p->random, SECOND, 20 * SECOND) : PRNG_QUANTILE(&p->random, complaint_after);
    add(p, EVENT_COMPLAINT, delivered + after, group, cause);
}

static void deliver(struct plan *p, uint64_t at, uint32_t group, uint32_t isp) {
    add(p, EVENT_DELIVERY, at, group, 0);
    complain(p, isp, at, group);
    for (uint32_t i = 0; i < p->message->recipient_count; i++) {
        if (!(group & 1u << i))
            continue;
        visit(p, isps[isp].readers, at);
        uint32_t away = p->message->box == BOX_OOTO ? 1000000 : 500;
        if (prng_chance(&p->random, away))
            add(p, EVENT_BOUNCE, at + prng_between(&p->random, 2 * SECOND, 4 * MINUTE), 1u << i, BOUNCE_OUT_OF_OFFICE);
    }
}

static void delay(struct plan *p, uint32_t group, uint32_t isp) {
    struct prng *r = &p->random;
    uint64_t at = PRNG_QUANTILE(r, first_delay);
    uint32_t kind = prng_below(r, 100);
    enum delay_cause cause = kind < 60   ? DELAYED_BY_RATE
                             : kind < 75 ? DELAYED_BY_FULL_MAILBOX
                             : kind < 98 ? DELAYED_BY_SERVER
                                         : DELAYED_NEW_TYPE;
    for (uint32_t tries = prng_between(r, 1, 3); tries; tries--) {
        add(p, EVENT_DELIVERY_DELAY, at, group, cause);
        at += at / 2 + prng_between(r, 3 * MINUTE, 20 * MINUTE);
    }
    uint32_t end = prng_below(r, 100);
    if (end < 85)
        deliver(p, at, group, isp);
    else if (end < 95)
        add(p, EVENT_BOUNCE, EXPIRES_MS + prng_below(r, 2 * MINUTE), group, BOUNCE_EXPIRED);
    else /* a configuration set may give up sooner */
        add(p, EVENT_BOUNCE, at + prng_below(r, MINUTE), group, BOUNCE_TIMEOUT_EXCEEDED);
}

static void wait_for_outage(struct plan *p, uint32_t group, uint32_t isp) {
    const struct message *m = p->message;
    const struct incident *x = incident_find(p->incidents, INCIDENT_OUTAGE, m->set, isp, m->sent_ms);
    uint64_t end = x ? (uint64_t)(x->end_ms - m->sent_ms) : 0, at = prng_between(&p->random, 2 * MINUTE, 6 * MINUTE);
    for (uint32_t tries = 0; at < end && at < EXPIRES_MS && tries < 12; tries++) {
        add(p, EVENT_DELIVERY_DELAY, at, group, DELAYED_BY_OUTAGE);
        at += at / 2 + prng_between(&p->random, 4 * MINUTE, 10 * MINUTE);
    }
    if (end >= EXPIRES_MS)
        add(p, EVENT_BOUNCE, EXPIRES_MS + prng_below(&p->random, 2 * MINUTE), group, BOUNCE_EXPIRED);
    else
        deliver(p, end + prng_between(&p->random, SECOND, 12 * MINUTE), group, isp);
}

static void bounce(struct plan *p, uint32_t group, enum bounce_kind kind) {
    uint64_t at = PRNG_QUANTILE(&p->random, hand_over);
    if (kind == BOUNCE_SUPPRESSED || kind == BOUNCE_ACCOUNT_SUPPRESSED)
        at = prng_between(&p->random, 20, 400); /* never leaves SES */
    else if (kind == BOUNCE_BLOCKED_NOW || kind == BOUNCE_MAILBOX_FULL)
        at = prng_between(&p->random, 20 * SECOND, 15 * MINUTE); /* after some tries */
    add(p, EVENT_BOUNCE, at, group, kind);
}

static uint32_t fate_in_box(const struct message *m) {
    return m->box == BOX_BOUNCE             ? FATE_BOUNCED + BOUNCE_NO_SUCH_USER
           : m->box == BOX_SUPPRESSION_LIST ? FATE_BOUNCED + BOUNCE_SUPPRESSED
                                            : FATE_DELIVERED;
}

/* Rare bounces that have nothing to do with who sends. */
static uint32_t fate_by_chance(uint32_t chance) {
    static const struct {
        uint32_t below; /* of a million */
        enum bounce_kind kind;
    } kinds[] = {
        {1200, BOUNCE_ACCOUNT_SUPPRESSED},
        {1700, BOUNCE_SUPPRESSED},
        {3000, BOUNCE_MAILBOX_FULL},
        {3600, BOUNCE_BLOCKED},
        {3900, BOUNCE_CONTENT},
        {3960, BOUNCE_ATTACHMENT},
        {4020, BOUNCE_TOO_LARGE},
        {4200, BOUNCE_UNCLEAR},
        {4500, BOUNCE_INVALID_DOMAIN},
        {4560, BOUNCE_NEW_SUBTYPE},
    };
    for (uint32_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (chance < kinds[i].below)
            return FATE_BOUNCED + kinds[i].kind;
    }
    return chance < 4560 + 14000 ? FATE_DELAYED : FATE_DELIVERED;
}

static uint32_t fate_of(struct plan *p, uint32_t isp) {
    const struct message *m = p->message;
    struct prng *r = &p->random;
    if (m->box)
        return fate_in_box(m);
    const struct incidents *all = p->incidents;
    if (all->count) {
        if (incident_find(all, INCIDENT_OUTAGE, m->set, isp, m->sent_ms))
            return FATE_OUTAGE;
        if (incident_find(all, INCIDENT_BLOCKLIST, m->set, isp, m->sent_ms) && prng_chance(r, 600000))
            return FATE_BOUNCED + (prng_chance(r, 650000) ? BOUNCE_BLOCKED : BOUNCE_BLOCKED_NOW);
        if (incident_find(all, INCIDENT_SPAMTRAP, m->set, isp, m->sent_ms) && prng_chance(r, 30000))
            return FATE_BOUNCED + BOUNCE_BLOCKED;
        if (incident_find(all, INCIDENT_BADLIST, m->set, isp, m->sent_ms) && prng_chance(r, 250000))
            return FATE_BOUNCED + BOUNCE_NO_SUCH_USER;
    }
    if (prng_chance(r, p->use->no_such_user))
        return FATE_BOUNCED + BOUNCE_NO_SUCH_USER;
    return fate_by_chance(prng_below(r, 1000000));
}

static void settle(struct plan *p, uint32_t fate, uint32_t group, uint32_t isp) {
    if (fate == FATE_DELIVERED)
        deliver(p, PRNG_QUANTILE(&p->random, hand_over), group, isp);
    else if (fate == FATE_DELAYED)
        delay(p, group, isp);
    else if (fate == FATE_OUTAGE)
        wait_for_outage(p, group, isp);
    else
        bounce(p, group, fate - FATE_BOUNCED);
}

/* Recipients of one domain with one fate are in one record; what SES itself holds back, whatever the domain. */
static void settle_all(struct plan *p) {
    const struct message *m = p->message;
    uint32_t fates[MESSAGE_RECIPIENTS] = {0}, done = 0;
    for (uint32_t i = 0; i < m->recipient_count; i++)
        fates[i] = fate_of(p, p->catalog->domains[m->recipients[i].domain].isp);
    for (uint32_t i = 0; i < m->recipient_count; i++) {
        if (done & 1u << i)
            continue;
        bool by_ses = fates[i] == FATE_BOUNCED + BOUNCE_ACCOUNT_SUPPRESSED;
        uint32_t group = 0;
        for (uint32_t k = i; k < m->recipient_count; k++) {
            if (fates[k] == fates[i] && (by_ses || m->recipients[k].domain == m->recipients[i].domain))
                group |= 1u << k;
        }
        done |= group;
        settle(p, fates[i], group, p->catalog->domains[m->recipients[i].domain].isp);
    }
}

void timeline_make(const struct catalog *c, const struct incidents *incidents, const struct message *m,
                   struct timeline *t) {
    t->count = 0;
    struct plan p = {.catalog = c, .incidents = incidents, .message = m, .use = c->sets[m->set].use, .timeline = t};
    p.random.state = m->seed ^ 0x74696d656c696e65ull;
    uint32_t kind = prng_below(&p.random, 1000000);
    if (kind < 300) {
        add(&p, EVENT_REJECT, 0, message_all(m), 0);
        return;
    }
    if (p.use->templated && kind < 1800) {
        add(&p, EVENT_RENDERING_FAILURE, 0, message_all(m), 0);
        return;
    }
    add(&p, EVENT_SEND, 0, message_all(m), 0);
    if (kind >= 999800)
        add(&p, EVENT_UNKNOWN, 0, message_all(m), 0);
    /* The account's own list also takes the place of a complaint: SES does not even try. */
    if (kind >= 999780 && kind < 999800) {
        add(&p, EVENT_COMPLAINT, prng_between(&p.random, 20, 400), message_all(m), COMPLAINT_SUPPRESSED);
        return;
    }
    settle_all(&p);
}
