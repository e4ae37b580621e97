/* A simulated message: everything about it follows from the run's seed, its number and its time, so that it can be
 * forgotten and made again for each of its events. */
#ifndef SIMULATE_MESSAGE_H
#define SIMULATE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "simulate/catalog.h"
#include "simulate/prng.h"

enum { MESSAGE_RECIPIENTS = 10, MESSAGE_LINKS = 6 };

enum recipient_style {
    RECIPIENT_DOTTED,   /* anna.weber@ */
    RECIPIENT_NUMBERED, /* anna.weber17@ */
    RECIPIENT_SHORT,    /* aweber17@ */
    RECIPIENT_UMLAUT,   /* anna.wébér17@, beyond ASCII */
    RECIPIENT_BOX,      /* a box of the mailbox simulator */
};

struct recipient {
    uint32_t domain; /* index into the catalog */
    uint8_t style;
    uint8_t first, last;
    bool upper;   /* the domain in capital letters */
    bool escaped; /* the @ as \u0040 */
    uint16_t number;
};

enum simulator_box { BOX_NONE, BOX_SUCCESS, BOX_BOUNCE, BOX_OOTO, BOX_COMPLAINT, BOX_SUPPRESSION_LIST };

struct message {
    uint64_t seed;
    int64_t sent_ms;
    uint32_t index;
    uint32_t set;
    uint32_t identity;
    uint16_t subject;
    uint16_t subject_number;
    uint8_t campaign;
    uint8_t box; /* enum simulator_box */
    uint8_t links;
    uint8_t source_form;
    bool header_set; /* sent by SMTP: the configuration set is in a header, too */
    bool repeated;   /* the first recipient stands in `destination` once more, in other letters */
    uint8_t recipient_count;
    struct recipient recipients[MESSAGE_RECIPIENTS];
};

void message_derive(const struct catalog *c, uint64_t run_seed, uint32_t multi_ppm, uint32_t index, int64_t sent_ms,
                    struct message *m);

/* The provider of those recipients (bits): ISP_MULTIPLE when they are at several. */
uint8_t message_isp(const struct catalog *c, const struct message *m, uint32_t recipients);

static inline uint32_t message_all(const struct message *m) {
    return (1u << m->recipient_count) - 1;
}

#endif
