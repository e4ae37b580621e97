/* Messages in dumps, found by what is known of them, with what happened to each. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "commands/find_match.h"
#include "commands/find_store.h"
#include "commands/option_values.h"
#include "commands/scan_command.h"
#include "commands/stop.h"
#include "commands/terminal.h"
#include "core/alloc.h"
#include "model/exemplar.h"
#include "sinks/output.h"

/* Which messages have records that lacked what was asked for: two bits of these for each. */
enum { MAYBE_BITS = 1 << 26, DEFAULT_LIMIT = 100, SPELLING_MAX = 512 };
#define DEFAULT_MEMORY ((uint64_t)1 << 30)
#define NO_FILTER      (-1)
#define NONE           EVENT_TYPES

struct command {
    struct scan_command scan; /* first: see scan_command_run */
    struct find_filters filters;
    const char *provider;
    int last_event, last_engagement; /* enum event_type, NO_FILTER or NONE */
    uint64_t limit, max_memory;
    enum find_format format;

    struct find_store store;
    unsigned picked;     /* types of events (bits): only messages with one of them are kept; 0: all */
    bool is_second;      /* the input is read again, for the other records of what was found */
    struct map wanted;   /* then: their numbers. Nobody writes to it any more */
    struct hash_key key; /* of the numbers */
    atomic_uint_least64_t *maybe;
    atomic_bool is_alone; /* some record said yes that the message's others do not */
    struct err err;
};

/* A worker's. */
struct visitor_state {
    struct command *command;
    struct normaliser normaliser;
    struct find_headers headers;
};

/* --- the command line --------------------------------------------------------------------------------------------- */

enum {
    OPT_RECIPIENT = 256,
    OPT_FROM_ADDRESS,
    OPT_SUBJECT,
    OPT_PROVIDER,
    OPT_SET,
    OPT_MESSAGE_ID,
    OPT_MESSAGE_HASH,
    OPT_LAST_EVENT,
    OPT_LAST_ENGAGEMENT,
    OPT_LIMIT,
    OPT_FORMAT,
    OPT_MAX_MEMORY,
};

static const struct option options[] = {
    {"recipient", required_argument, NULL, OPT_RECIPIENT},
    {"from-address", required_argument, NULL, OPT_FROM_ADDRESS},
    {"subject", required_argument, NULL, OPT_SUBJECT},
    {"provider", required_argument, NULL, OPT_PROVIDER},
    {"configuration-set", required_argument, NULL, OPT_SET},
    {"message-id", required_argument, NULL, OPT_MESSAGE_ID},
    {"message-hash", required_argument, NULL, OPT_MESSAGE_HASH},
    {"last-event", required_argument, NULL, OPT_LAST_EVENT},
    {"last-engagement", required_argument, NULL, OPT_LAST_ENGAGEMENT},
    {"limit", required_argument, NULL, OPT_LIMIT},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"max-memory", required_argument, NULL, OPT_MAX_MEMORY},
    INPUT_OPTIONS,
    {0},
};

static const char help_before[] =
    "Finds messages in dumps of SES events, and shows what happened to each, newest first, with the providers' "
    "answers.\n\n"
    "Usage: ses-collector find [FILTERS] [OPTIONS] PATH...\n\n"
    "PATH is a file, a folder (with everything below it), a glob pattern, - for standard input, or\n"
    "s3://BUCKET/PREFIX, as of ses-collector replay.\n\n"
    "Which messages (all that is given must hold; * stands for any text, upper and lower case are the same)\n"
    "  --recipient PATTERN      sent to this address: anna@example.org, *@example.org\n"
    "  --from-address PATTERN   sent from this address\n"
    "  --subject PATTERN        '*order*'\n"
    "  --provider NAME          to a mailbox of this provider: gmail, microsoft, ... (docs/providers.md)\n"
    "  --configuration-set PATTERN\n"
    "  --message-id PATTERN     SES's id of the message\n"
    "  --message-hash HASH      the message that an exemplar of a metric names: 16 hexadecimal digits\n"
    "  --last-event EVENT       what came last for a recipient: send, delivery, bounce, complaint, reject, delay,\n"
    "                           rendering_failure\n"
    "  --last-engagement EVENT  what came last: open, click; none: neither was seen\n"
    "  --from TIME, --to TIME   sent from TIME on, before TIME (2026-11-21, 2026-11-21T23:34, @1763768070; UTC)\n\n"
    "What comes out\n"
    "  --limit N                the newest N messages (default 100); 0 for all\n"
    "  --format FORMAT          table (default), csv (a row for each event) or json, on standard output\n"
    "  --max-memory SIZE        what messages that match may take (default 1G)\n\n";
static const char help_behind[] =
    "The last line on standard error accounts for every record. Exit: 0 done, also when nothing was found, 1 failed,\n"
    "2 wrong usage, 3 see --strict, 78 a table that cannot be read.\n\n"
    "Examples\n"
    "  ses-collector find --recipient anna@example.org dumps\n"
    "  ses-collector find --subject '*invoice*' --provider gmail --last-event bounce --format csv dumps > bounced.csv\n"
    "  ses-collector find --message-id '0102019a*' --from 2026-11-20 --to 2026-11-21 s3://my-bucket/ses/\n";

static bool take_last_event(struct command *c, const char *text, struct err *err) {
    static const char *const names[] = {"send",   "delivery", "bounce",         "complaint",
                                        "reject", "delay",    "delivery_delay", "rendering_failure"};
    static const enum event_type types[] = {EVENT_SEND,           EVENT_DELIVERY,         EVENT_BOUNCE,
                                            EVENT_COMPLAINT,      EVENT_REJECT,           EVENT_DELIVERY_DELAY,
                                            EVENT_DELIVERY_DELAY, EVENT_RENDERING_FAILURE};
    int chosen = 0;
    if (!option_parse_choice("last-event", text, names, 8, &chosen, err))
        return false;
    c->last_event = (int)types[chosen];
    return true;
}

static bool take_last_engagement(struct command *c, const char *text, struct err *err) {
    static const char *const names[] = {"open", "click", "none"};
    static const int types[] = {EVENT_OPEN, EVENT_CLICK, NONE};
    int chosen = 0;
    if (!option_parse_choice("last-engagement", text, names, 3, &chosen, err))
        return false;
    c->last_engagement = types[chosen];
    return true;
}

static bool take_option(void *context, int id, char *text, struct err *err) {
    static const char *const formats[] = {"table", "csv", "json"};
    struct command *c = context;
    unsigned long n = 0;
    int chosen = 0;
    switch (id) {
    case OPT_RECIPIENT:
        return find_pattern_set(&c->filters.recipient, "recipient", text, err);
    case OPT_FROM_ADDRESS:
        return find_pattern_set(&c->filters.from, "from-address", text, err);
    case OPT_SUBJECT:
        return find_pattern_set(&c->filters.subject, "subject", text, err);
    case OPT_SET:
        return find_pattern_set(&c->filters.set, "configuration-set", text, err);
    case OPT_MESSAGE_ID:
        return find_pattern_set(&c->filters.message_id, "message-id", text, err);
    case OPT_MESSAGE_HASH:
        c->filters.message_hash = exemplar_parse(text);
        return c->filters.message_hash || err_set(err, ERR_USAGE,
                                                  "--message-hash %.40s: write the 16 hexadecimal "
                                                  "digits of message_hash in an exemplar",
                                                  text);
    case OPT_PROVIDER:
        c->provider = text;
        return true;
    case OPT_LAST_EVENT:
        return take_last_event(c, text, err);
    case OPT_LAST_ENGAGEMENT:
        return take_last_engagement(c, text, err);
    case OPT_LIMIT:
        if (!option_parse_number("limit", text, 0, 1000000000, &n, err))
            return false;
        c->limit = n;
        return true;
    case OPT_MAX_MEMORY:
        return option_parse_bytes("max-memory", text, (uint64_t)16 << 20, &c->max_memory, err);
    default:
        if (!option_parse_choice("format", text, formats, 3, &chosen, err))
            return false;
        c->format = (enum find_format)chosen;
        return true;
    }
}

/* Once the table of providers is there. */
static bool choose_provider(struct command *c, struct err *err) {
    if (!c->provider)
        return true;
    for (size_t i = 0; i < provider_table_count(c->scan.input.providers); i++)
        if (strcmp(provider_table_name(c->scan.input.providers, (uint16_t)i), c->provider) == 0) {
            c->filters.provider = (uint16_t)i;
            c->filters.has_provider = i != PROVIDER_MULTIPLE;
        }
    return c->filters.has_provider ||
           err_set(err, ERR_USAGE, "--provider %s: not known. docs/providers.md lists them; others are `other`",
                   c->provider);
}

/* --- records ------------------------------------------------------------------------------------------------------ */

static void *open_visitor(void *context) {
    struct command *c = context;
    struct visitor_state *v = alloc_zeroed(1, sizeof *v);
    v->command = c;
    normaliser_init(&v->normaliser, &c->scan.input.dictionary);
    find_headers_init(&v->headers, c->scan.options.isa);
    return v;
}

static void close_visitor(void *visitor) {
    struct visitor_state *v = visitor;
    find_headers_deinit(&v->headers);
    free(v);
}

static uint64_t number_of(const struct command *c, const struct ses_event *r) {
    uint64_t n = hash_bytes(&c->key, r->message_id.ptr, r->message_id.len);
    return n == UINT64_MAX ? 0 : n;
}

static void maybe_add(struct command *c, uint64_t number) {
    for (int i = 0; i < 2; i++, number >>= 32)
        atomic_fetch_or_explicit(&c->maybe[number % MAYBE_BITS / 64], (uint64_t)1 << (number % 64),
                                 memory_order_relaxed);
}

static bool maybe_has(const struct command *c, uint64_t number) {
    for (int i = 0; i < 2; i++, number >>= 32)
        if (!(atomic_load_explicit(&c->maybe[number % MAYBE_BITS / 64], memory_order_relaxed) >> (number % 64) & 1))
            return false;
    return true;
}

/* Whether the record is kept. `*is_match`: it holds what is looked for. */
static bool is_wanted(struct visitor_state *v, const struct ses_event *r, bool *is_match) {
    struct command *c = v->command;
    if (c->is_second && !map_get(&c->wanted, number_of(c, r)))
        return false;
    enum find_answer answer = find_match(&c->filters, c->scan.input.providers, c->scan.input.knowledge, &v->headers, r);
    *is_match = answer == FIND_YES || answer == FIND_YES_ALONE;
    if (c->is_second)
        return true;
    if (c->picked)
        return answer != FIND_NO && c->picked >> r->type & 1;
    if (answer == FIND_MAYBE)
        maybe_add(c, number_of(c, r));
    if (answer == FIND_YES_ALONE)
        atomic_store_explicit(&c->is_alone, true, memory_order_relaxed);
    return *is_match;
}

/* The bare address, its domain in lower case: so one mailbox has one spelling in all records of a message. */
static struct span spell_address(struct span text, char room[SPELLING_MAX]) {
    struct span bare = recipient_address(text);
    size_t len = bare.len < SPELLING_MAX ? bare.len : SPELLING_MAX;
    const char *at = len ? memrchr(bare.ptr, '@', len) : NULL;
    memcpy(room, bare.ptr, len);
    for (size_t i = at ? (size_t)(at - bare.ptr) : len; i < len; i++)
        room[i] = (char)(room[i] >= 'A' && room[i] <= 'Z' ? room[i] | 0x20 : room[i]);
    return (struct span){room, len};
}

static void describe_recipient(const struct ses_event *r, uint32_t at, bool is_whole, char room[SPELLING_MAX],
                               struct find_wire *w) {
    struct ses_list list = ses_recipients_of(r);
    w->texts[FIND_RECIPIENT] = w->texts[FIND_STATUS] = (struct span){0};
    w->texts[FIND_ANSWER] = r->smtp_response.len ? r->smtp_response : r->error_message;
    if (!list.count || (is_whole && list.count > 1))
        return;
    const struct ses_recipient *to = &r->recipients[list.first + at];
    w->texts[FIND_RECIPIENT] = spell_address(to->address, room);
    w->texts[FIND_STATUS] = to->status;
    if (to->diagnostic_code.len)
        w->texts[FIND_ANSWER] = to->diagnostic_code;
}

static enum scan_verdict visit(void *visitor, const struct ses_event *r, struct scan_out *out) {
    struct visitor_state *v = visitor;
    struct find_wire w = {0};
    struct span subject, from;
    char address[SPELLING_MAX];
    if (!is_wanted(v, r, &w.is_match))
        return SCAN_PASSED;
    find_headers_read(&v->headers, r->common_headers, &subject, &from, NULL, NULL);
    w.message = number_of(v->command, r);
    w.texts[FIND_ID] = r->message_id;
    w.texts[FIND_SUBJECT] = subject;
    w.texts[FIND_FROM] = from;
    w.texts[FIND_SOURCE] = r->source;
    w.texts[FIND_SET] = r->configuration_set;
    w.texts[FIND_LINK] = r->link;
    w.texts[FIND_USER_AGENT] = r->user_agent;
    w.texts[FIND_IP] = r->ip_address;
    normalise_begin(&v->normaliser, r);
    for (uint32_t at = 0; normalise_next(&v->normaliser, &w.event); at++) {
        bool is_whole = at == 0 && w.event.flags & EVENT_LAST;
        if (at && !scan_room(out))
            break;
        describe_recipient(r, at, is_whole, address, &w);
        find_wire_put(scan_buf(out), &w);
    }
    return SCAN_TAKEN;
}

static bool take_text(void *context, struct span text, bool idle) {
    struct command *c = context;
    (void)idle;
    return find_store_add(&c->store, text, &c->err);
}

/* --- the run ------------------------------------------------------------------------------------------------------ */

/* Whether the input may hold more records of what was found. */
static bool needs_second(const struct command *c) {
    if (atomic_load(&c->is_alone) || (c->picked && c->store.count))
        return true;
    size_t at = 0;
    uint64_t number;
    void *value;
    while (map_next(&c->store.numbers, &at, &number, &value))
        if (maybe_has(c, number))
            return true;
    return false;
}

static void want_again(struct command *c) {
    size_t at = 0;
    uint64_t number;
    void *value;
    map_init(&c->wanted, 1);
    while (map_next(&c->store.numbers, &at, &number, &value))
        map_put(&c->wanted, number);
    c->is_second = true;
}

/* What few messages have come to: those alone are kept, and read a second time for the rest of their history. */
static void pick_types(struct command *c) {
    bool is_rare = c->last_event != NO_FILTER && c->last_event != EVENT_SEND && c->last_event != EVENT_DELIVERY;
    bool is_engaged = c->last_engagement != NO_FILTER && c->last_engagement != NONE;
    if (c->filters.recipient.is_set || !scan_command_is_readable_again(&c->scan))
        return;
    if (is_rare)
        c->picked = 1u << c->last_event;
    else if (is_engaged)
        c->picked = 1u << c->last_engagement;
    c->filters.is_loose = c->picked != 0;
}

/* The first pass; and a second one where records lack what was asked for. False when it was stopped, or `c->err`. */
static bool read_all(struct command *c, struct scan *s) {
    struct scan again = *s;
    pick_types(c);
    if (!scan_command_run(&c->scan, s))
        return false;
    if (!needs_second(c))
        return true;
    if (!scan_command_is_readable_again(&c->scan)) {
        fprintf(stderr, "ses-collector: some records do not hold what was asked for, and the input cannot be read a "
                        "second time: histories may lack them\n");
        return true;
    }
    want_again(c);
    unsigned troubles = c->scan.input.troubles;
    c->scan.input.troubles += 1000000; /* said already */
    bool done = scan_command_again(&c->scan, &c->err) && scan_command_run(&c->scan, &again);
    c->scan.input.troubles = troubles;
    *s = again;
    return done;
}

static bool keep(void *context, const struct found_message *m) {
    const struct command *c = context;
    if (c->last_engagement != NO_FILTER && (int)m->last_engagement != c->last_engagement)
        return false;
    return c->last_event == NO_FILTER || found_message_ended_as(m, (enum event_type)c->last_event);
}

static bool write_found(const struct command *c, size_t shown, struct err *err) {
    struct output out;
    struct terminal terminal = terminal_of_stdout();
    struct find_options o = {.format = c->format, .colour = terminal.colour, .width = terminal.width};
    if (!output_open(&out, "-", err))
        return false;
    find_write(out.file, c->store.messages, shown, c->store.count, &o);
    return output_commit(&out, err) || out.reader_gone;
}

static void say_result(const struct command *c, const struct scan *s, size_t shown) {
    const struct accounting *a = &s->accounting;
    scan_command_say(&c->scan, s);
    if (!c->store.count)
        fprintf(stderr, "ses-collector: no message found\n");
    else if (shown < c->store.count)
        fprintf(stderr, "ses-collector: %zu messages found, the newest %zu shown; --limit 0 shows all\n",
                c->store.count, shown);
    fprintf(stderr, "records read %llu = matching %llu + others %llu + malformed %llu + filtered %llu\n",
            (unsigned long long)a->read, (unsigned long long)a->counted, (unsigned long long)s->passed,
            (unsigned long long)accounting_malformed(a), (unsigned long long)a->filtered);
}

static int run(struct command *c, struct scan *s) {
    struct err *err = &c->err;
    if (!scan_command_prepare(&c->scan, false, err) || !choose_provider(c, err))
        return stop_signal() ? EXIT_FAILED : scan_command_fail(&c->scan, err);
    c->store.providers = c->scan.input.providers;
    c->store.identities = c->scan.input.dictionary.identities;
    c->filters.from_ms = c->scan.options.from_ms;
    c->filters.to_ms = c->scan.options.to_ms;
    if (!read_all(c, s)) {
        if (c->err.code != ERR_NONE)
            return scan_command_fail(&c->scan, err);
        fprintf(stderr, "ses-collector: stopped; nothing was written\n");
        return EXIT_FAILED;
    }
    find_store_settle(&c->store, keep, c);
    size_t shown = c->limit && c->limit < c->store.count ? c->limit : c->store.count;
    bool written = write_found(c, shown, err);
    say_result(c, s, shown);
    return written ? scan_command_exit_code(&c->scan, s) : scan_command_fail(&c->scan, err);
}

static void destroy(struct command *c) {
    find_store_deinit(&c->store);
    map_deinit(&c->wanted);
    free(c->maybe);
    scan_command_deinit(&c->scan);
}

int command_find(int argc, char **argv) {
    static const struct scan_form form = {"find", options, help_before, help_behind, take_option};
    static struct command c;
    int code;
    struct scan s = {.open = open_visitor, .visit = visit, .close = close_visitor, .take = take_text};
    c = (struct command){.last_event = NO_FILTER,
                         .last_engagement = NO_FILTER,
                         .limit = DEFAULT_LIMIT,
                         .max_memory = DEFAULT_MEMORY,
                         .key = hash_key_random()};
    if (!scan_command_begin(&c.scan, &form, argc, argv, &c, &code))
        return code;
    c.maybe = alloc_zeroed(MAYBE_BITS / 64, sizeof *c.maybe);
    find_store_init(&c.store, c.max_memory);
    code = run(&c, &s);
    if (stop_signal())
        raise(stop_signal());
    if (!s.hung) /* a worker that waits for input still has it all */
        destroy(&c);
    return code;
}
