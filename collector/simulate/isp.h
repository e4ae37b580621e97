/* Mailbox providers as the simulator knows them: their share of the mail, their domains, and how their servers talk. */
#ifndef SIMULATE_ISP_H
#define SIMULATE_ISP_H

#include <stdbool.h>
#include <stdint.h>

/* How the recipients of a provider read their mail. */
enum isp_readers {
    READERS_PEOPLE,
    READERS_GMAIL,     /* pictures come through Google's proxy */
    READERS_YAHOO,     /* the same at Yahoo */
    READERS_APPLE,     /* Mail Privacy Protection fetches them unasked */
    READERS_MICROSOFT, /* links are opened by a scanner now and then */
    READERS_COMPANY,   /* a security gateway often opens everything */
};

/* Texts of servers, already escaped for JSON. Marks in them: \001 ten hexadecimal digits, \002 Unix time, \003 the
 * message id, \004 the recipient, \005 our server's address, \006 three digits. */
struct isp {
    const char *name; /* as in the label `provider` */
    bool feedback;    /* sends complaints to SES */
    enum isp_readers readers;
    const char *network;      /* first two parts of its servers' addresses */
    const char *accepted;     /* smtpResponse */
    const char *no_such_user; /* diagnosticCode of the bounces, ... */
    const char *mailbox_full;
    const char *blocked;     /* ... of a block for good, ... */
    const char *blocked_now; /* ... and of one that may pass */
    const char *deferred;    /* of a delay */
};

enum {
    ISP_OTHER,     /* company domains */
    ISP_SIMULATOR, /* SES's mailbox simulator */
    ISP_GMAIL,
    ISP_MICROSOFT,
    ISP_YAHOO,
    ISP_APPLE,
    ISP_NAVER,
    ISP_KAKAO,
    ISP_GMX_WEBDE,
    ISP_COMCAST,
    ISP_ORANGE,
    ISP_MAILRU,
    ISP_YANDEX,
    ISP_TENCENT,
    ISP_NETEASE,
    ISP_DOCOMO,
    ISP_ITALIAONLINE,
    ISPS,
    ISP_MULTIPLE = ISPS /* not a provider: the recipients are at several */
};

extern const struct isp isps[ISPS];

struct isp_domain {
    const char *name;
    uint8_t isp;
    uint16_t weight; /* of 10000; what is left goes to the company domains */
};
extern const struct isp_domain isp_domains[];
extern const uint32_t isp_domain_count;

#endif
