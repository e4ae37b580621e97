/* The signals by which an open or a click is known for what it is; parsers/visitors.c reads them. */
#ifndef PARSERS_VISITORS_BUILTIN_H
#define PARSERS_VISITORS_BUILTIN_H

#include <stddef.h>

/* What a user agent says of itself. */
enum visitor_word_kind {
    WORD_MACHINE, /* a tool that says so */
    WORD_PROXY,   /* opens: a mail service fetches pictures for its people */
    WORD_NOT_BOT, /* a telephone whose name only sounds like one */
    WORD_BOT,     /* a machine, unless there is a WORD_NOT_BOT */
};

struct visitor_word {
    enum visitor_word_kind kind;
    const char *text;    /* lower case. A blank stands for any byte but letters, digits, `/`, `-`, `_` and `.`, and for
                            the beginning and the end */
    const char *example; /* a user agent that has it */
};
extern const struct visitor_word visitor_words[];
extern const size_t visitor_word_count;

/* Whose an address is. */
enum visitor_network_kind {
    NETWORK_SCANNER,       /* nobody but scanners: opens and clicks */
    NETWORK_GOOGLE,        /* Google's fetchers: opens are its picture proxy's, and without a name nobody's */
    NETWORK_MICROSOFT_WEB, /* opens: Outlook on the web fetches pictures for its people */
};

struct visitor_network {
    enum visitor_network_kind kind;
    const char *what;
    const char *networks; /* separated by blanks */
};
extern const struct visitor_network visitor_networks[];
extern const size_t visitor_network_count;

#endif
