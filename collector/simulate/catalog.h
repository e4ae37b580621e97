/* What the simulated account looks like: its configuration sets, identities, subjects, and everyone it writes to.
 * Made once, then read only. Texts are fragments of JSON, ready to be copied into records. */
#ifndef SIMULATE_CATALOG_H
#define SIMULATE_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/span.h"
#include "simulate/isp.h"
#include "simulate/pick.h"

enum { CATALOG_COMPANIES = 4000, CATALOG_NAMES = 64, CATALOG_CAMPAIGNS = 12 };

/* What a configuration set is used for decides how its mail fares. */
struct catalog_use {
    const char *name;  /* of the set */
    const char *local; /* of its sender's address */
    bool tracked;      /* opens and clicks are published */
    bool list;         /* mail to a list: one can unsubscribe */
    bool templated;
    uint32_t no_such_user; /* these: per million recipients */
    uint32_t complaint;
};
enum { CATALOG_USES = 8 };
extern const struct catalog_use catalog_uses[CATALOG_USES];

struct catalog_set {
    const struct catalog_use *use;
    struct span name;
    struct span tag, tag_escaped;       /* "ses:configuration-set":["..."],  */
    struct span header, header_escaped; /* {"name":"X-SES-CONFIGURATION-SET","value":"..."}, */
};

struct catalog_identity {
    struct span domain;
    struct span display;          /* the sender's display name */
    struct span display_escaped;  /* the same with \uXXXX */
    struct span arn, arn_slashed; /* "sourceArn":"...", and with \/ as PHP writes it */
    struct span mta;              /* .smtp-out.eu-west-1.amazonses.com */
    const char *id_prefix;        /* of message ids: stands for the region */
    uint8_t region;
};

struct catalog_domain {
    struct span name;
    struct span upper; /* in capital letters; the same as name for an internationalised one */
    uint8_t isp;
};

struct catalog_subject {
    struct span text, escaped; /* as in commonHeaders; with \uXXXX */
    struct span header;        /* as in headers: encoded words where it is not ASCII */
    bool numbered;             /* a number follows */
};

struct catalog {
    struct catalog_set *sets;
    uint32_t set_count;
    struct pick set_pick;
    struct catalog_identity *identities;
    uint32_t identity_count;
    struct catalog_domain *domains;
    uint32_t domain_count;
    uint32_t company_first; /* domains from here on are companies' */
    uint32_t simulator;     /* the domain of the mailbox simulator: never drawn */
    struct pick domain_pick;
    struct catalog_subject *subjects;
    uint32_t subject_count;
    struct span first_names[CATALOG_NAMES], last_names[CATALOG_NAMES];
    struct span campaigns[CATALOG_CAMPAIGNS];
    struct catalog_block *blocks; /* where the texts are */
};

struct catalog *catalog_create(uint32_t sets, uint32_t identities); /* returns new; both > 0 */
void catalog_destroy(struct catalog *c);                            /* NULL is allowed */

#endif
