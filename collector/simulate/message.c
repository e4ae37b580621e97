#include "simulate/message.h"

enum { BOX_PPM = 5000 }; /* messages to the mailbox simulator */

static void make_recipient(struct prng *r, struct recipient *to, uint32_t domain) {
    uint64_t bits = prng_next(r);
    uint32_t oddity = (uint32_t)(bits >> 32) % 100000;
    *to = (struct recipient){
        .domain = domain,
        .style = (uint8_t)(bits % 3),
        .first = (uint8_t)(bits >> 8) % CATALOG_NAMES,
        .last = (uint8_t)(bits >> 16) % CATALOG_NAMES,
        .number = (uint16_t)((bits >> 20) % 980),
        .upper = oddity < 500,
        .escaped = oddity >= 99960,
    };
    if (oddity >= 99930 && oddity < 99960)
        to->style = RECIPIENT_UMLAUT;
}

static void make_box(struct prng *r, struct message *m, const struct catalog *c) {
    static const uint8_t boxes[8] = {BOX_SUCCESS, BOX_SUCCESS, BOX_SUCCESS,   BOX_BOUNCE,
                                     BOX_BOUNCE,  BOX_OOTO,    BOX_COMPLAINT, BOX_SUPPRESSION_LIST};
    m->box = boxes[prng_below(r, 8)];
    m->recipient_count = 1;
    m->recipients[0] = (struct recipient){.domain = c->simulator, .style = RECIPIENT_BOX};
    m->recipients[0].number = (uint16_t)prng_below(r, 100); /* the label; 0 = none */
}

/* Half of them at one company or provider, as colleagues are, the others anywhere. */
static void make_recipients(struct prng *r, struct message *m, const struct catalog *c, uint32_t multi_ppm) {
    uint32_t domain = pick_draw(&c->domain_pick, prng_next(r));
    make_recipient(r, &m->recipients[0], domain);
    m->recipient_count = 1;
    if (!prng_chance(r, multi_ppm))
        return;
    static const uint32_t counts[] = {2, 2, 3, 4, 6, MESSAGE_RECIPIENTS + 1};
    uint32_t count = PRNG_QUANTILE(r, counts);
    m->recipient_count = (uint8_t)(count > MESSAGE_RECIPIENTS ? MESSAGE_RECIPIENTS : count);
    m->repeated = prng_chance(r, 10000);
    bool together = prng_chance(r, 500000);
    for (uint32_t i = 0; i < m->recipient_count; i++) {
        if (i && !together)
            domain = pick_draw(&c->domain_pick, prng_next(r));
        struct recipient *to = &m->recipients[i];
        make_recipient(r, to, domain);
        /* The number keeps them apart: two equal addresses in one record would count once. */
        if (to->style == RECIPIENT_DOTTED)
            to->style = RECIPIENT_NUMBERED;
        to->number = (uint16_t)(to->number / 10 * 10 + i);
    }
}

void message_derive(const struct catalog *c, uint64_t run_seed, uint32_t multi_ppm, uint32_t index, int64_t sent_ms,
                    struct message *m) {
    /* A bijection of the number: no two messages of a run share it, nor their id. */
    m->seed = prng_mix(prng_mix(run_seed + 0x6d657373616765ull) + index);
    m->index = index;
    m->sent_ms = sent_ms;
    struct prng r = {m->seed};
    m->set = pick_draw(&c->set_pick, prng_next(&r));
    uint64_t bits = prng_next(&r);
    /* A set belongs to one identity, or to a few when there are more identities than sets. */
    uint32_t few = (c->identity_count + c->set_count - 1) / c->set_count;
    uint32_t which = (uint32_t)(bits & 0xffffff) % few;
    m->identity = (uint32_t)((m->set + (uint64_t)c->set_count * which) % c->identity_count);
    m->subject = (uint16_t)((bits >> 24 & 0xffff) % c->subject_count);
    m->campaign = (uint8_t)((bits >> 40 & 0xff) % CATALOG_CAMPAIGNS);
    m->source_form = (uint8_t)(bits >> 48 & 0x0f);
    m->links = (uint8_t)(2 + (bits >> 52 & 0xff) % (MESSAGE_LINKS - 1));
    m->header_set = (bits >> 60) < 5;
    m->subject_number = (uint16_t)(bits >> 30);
    m->repeated = false;
    m->box = BOX_NONE;
    if (prng_chance(&r, BOX_PPM))
        make_box(&r, m, c);
    else
        make_recipients(&r, m, c, multi_ppm);
}

uint8_t message_isp(const struct catalog *c, const struct message *m, uint32_t recipients) {
    uint8_t isp = ISP_MULTIPLE;
    for (uint32_t i = 0; i < m->recipient_count; i++) {
        if (!(recipients & 1u << i))
            continue;
        uint8_t of = c->domains[m->recipients[i].domain].isp;
        if (isp != ISP_MULTIPLE && isp != of)
            return ISP_MULTIPLE;
        isp = of;
    }
    return isp;
}
