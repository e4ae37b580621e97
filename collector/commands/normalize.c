/* SES records in, normalised events out: a line of JSON each. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "commands/normalize_service.h"
#include "commands/scan_command.h"
#include "commands/stop.h"
#include "core/alloc.h"
#include "parsers/smtp_reply.h"
#include "sinks/normalized.h"
#include "sinks/output.h"

struct command {
    struct scan_command scan; /* first: see scan_command_run */
    bool clear, quiet;
    const char *key_file;
    struct span tag_names[EVENT_MAX_TAGS];
    unsigned tag_count;
    unsigned char key[NORMALIZED_MAX_KEY];
    size_t key_len;
    struct output output;
    uint64_t lines;
    int write_error; /* errno; 0: none */
};

/* A worker's. */
struct visitor_state {
    const struct command *command;
    struct normaliser normaliser;
    struct normalized_writer *writer;
};

/* --- the command line --------------------------------------------------------------------------------------------- */

enum { OPT_CLEAR = 256, OPT_KEY_FILE, OPT_TAG, OPT_QUARANTINE };

static const struct option options[] = {
    {"clear", no_argument, NULL, OPT_CLEAR},
    {"hash-key-file", required_argument, NULL, OPT_KEY_FILE},
    {"tag", required_argument, NULL, OPT_TAG},
    {"quarantine", required_argument, NULL, OPT_QUARANTINE},
    INPUT_OPTIONS,
    {0},
};

static const char help_before[] =
    "Reads SES events and writes them to standard output as lines of JSON, normalised: one line for each event and\n"
    "recipient, all forms of records alike (docs/normalized-events.md is the schema).\n\n"
    "Usage: ses-collector normalize [OPTIONS] PATH...\n"
    "       ses-collector normalize --config.file=FILE [OPTIONS]   a service: from Kafka to Kafka, exactly once\n"
    "                                                              (its own --help, and docs/kafka.md)\n\n"
    "PATH is a file, a folder (with everything below it), a glob pattern, - for standard input, a named pipe, or\n"
    "s3://BUCKET/PREFIX, as of ses-collector replay. What comes through a pipe leaves as soon as the pipe is empty.\n\n"
    "What comes out\n"
    "  --from TIME, --to TIME   only events from TIME on, before TIME (2026-11-21, 2026-11-21T23:34, @1763768070; "
    "UTC)\n"
    "  --clear                  addresses, replies, links, user agents and IP addresses in clear; else recipients are\n"
    "                           hashes, and the others are left out\n"
    "  --hash-key-file FILE     the key of the hashes, so that two runs can be joined (default: a random one each "
    "run)\n"
    "  --tag NAME               adds the message tag NAME (at most 4)\n"
    "  --quarantine DIR         keeps malformed records, with object, offset and reason\n\n";
static const char help_behind[] =
    "The last line on standard error accounts for every record. Duplicates are not taken out: they have the same key.\n"
    "Exit: 0 done, 1 failed, 2 wrong usage, 3 see --strict, 78 a table or key that cannot be read.\n\n"
    "Examples\n"
    "  ses-collector normalize dumps | jq -r 'select(.type == \"bounce\") | .bounce.reason' | sort | uniq -c\n"
    "  ses-collector normalize --hash-key-file key --from 2026-11-20 --to 2026-11-21 s3://my-bucket/ses/ > day.ndjson\n"
    "  tail -f events.json | ses-collector normalize --clear -\n";

static bool take_tag(struct command *c, const char *text, struct err *err) {
    struct span name = span_of(text);
    if (!name.len || name.len > NORMALIZED_NAME_MAX)
        return err_set(err, ERR_USAGE, "--tag: needs the name of a message tag");
    for (unsigned i = 0; i < c->tag_count; i++)
        if (span_eq(c->tag_names[i], name))
            return true;
    if (c->tag_count == EVENT_MAX_TAGS)
        return err_set(err, ERR_USAGE, "--tag: more than %d tags", EVENT_MAX_TAGS);
    c->tag_names[c->tag_count++] = name;
    return true;
}

static bool take_option(void *context, int id, char *text, struct err *err) {
    struct command *c = context;
    switch (id) {
    case OPT_CLEAR:
        return c->clear = true;
    case OPT_KEY_FILE:
        c->key_file = text;
        return true;
    case OPT_TAG:
        return take_tag(c, text, err);
    default:
        c->scan.quarantine_dir = text;
        return true;
    }
}

/* --- records to lines --------------------------------------------------------------------------------------------- */

static void *open_visitor(void *context) {
    const struct command *c = context;
    struct normalized_options o = {
        .clear = c->clear, .tag_names = c->tag_names, .tag_count = c->tag_count, .key = c->key, .key_len = c->key_len};
    struct visitor_state *v = alloc_zeroed(1, sizeof *v);
    v->command = c;
    normaliser_init(&v->normaliser, &c->scan.input.dictionary);
    v->writer = normalized_create(&o);
    return v;
}

static void close_visitor(void *visitor) {
    struct visitor_state *v = visitor;
    normalized_destroy(v->writer);
    free(v);
}

static void copy_status(const struct smtp_status *from, struct normalized_event *to) {
    to->status[0] = from->class;
    to->status[1] = from->subject;
    to->status[2] = from->detail;
}

/* The recipient's part of the record: what the server said to it. */
static void describe_reply(const struct ses_event *r, const struct ses_recipient *to, struct normalized_event *e) {
    if (r->type == EVENT_DELIVERY)
        e->reply = r->smtp_response;
    if (r->type != EVENT_BOUNCE && r->type != EVENT_DELIVERY_DELAY)
        return;
    struct smtp_reply reply = smtp_reply_parse(to->diagnostic_code);
    struct smtp_status field = smtp_status_parse(to->status);
    e->reply = to->diagnostic_code;
    e->code = reply.code;
    copy_status(field.class && (!smtp_status_is_weak(&field) || !reply.status.class) ? &field : &reply.status, e);
}

static void describe_record(const struct visitor_state *v, const struct ses_event *r, struct normalized_event *e) {
    *e = (struct normalized_event){.message_id = r->message_id,
                                   .link = r->link,
                                   .user_agent = r->user_agent,
                                   .ip_address = r->ip_address,
                                   .template_name = r->template_name,
                                   .error_message = r->error_message};
    char scratch[INTERN_SCRATCH];
    e->configuration_set = label_clean(r->configuration_set, scratch);
    for (unsigned i = 0; i < v->command->tag_count; i++)
        e->tag_values[i] = r->tag_values[i];
}

/* The event's own part. `at`: which of the record's recipients. */
static void describe_event(const struct visitor_state *v, const struct ses_event *r, const struct event *event,
                           uint32_t at, bool is_whole, char domain[RECIPIENT_DOMAIN_SIZE], struct normalized_event *e) {
    const struct dictionary *d = &v->command->scan.input.dictionary;
    struct ses_list list = ses_recipients_of(r);
    e->event = event;
    e->provider = span_of(provider_table_name(d->providers, event->provider));
    e->identity = span_of(intern_name(d->identities, event->identity));
    e->hint = event->provider == PROVIDER_OTHER && event->hint != PROVIDER_OTHER
                  ? span_of(provider_table_name(d->providers, event->hint))
                  : (struct span){0};
    e->recipients = list.count;
    e->address = e->domain = (struct span){0};
    if (!list.count || (is_whole && list.count > 1))
        return;
    const struct ses_recipient *to = &r->recipients[list.first + at];
    e->address = recipient_address(to->address);
    e->domain = (struct span){domain, recipient_domain(to->address, domain)};
    describe_reply(r, to, e);
}

static bool is_outside(const struct command *c, int64_t time_ms) {
    return time_ms < c->scan.options.from_ms || time_ms >= c->scan.options.to_ms;
}

static enum scan_verdict visit(void *visitor, const struct ses_event *r, struct scan_out *out) {
    struct visitor_state *v = visitor;
    struct normalized_event e;
    struct event event;
    char domain[RECIPIENT_DOMAIN_SIZE];
    if (is_outside(v->command, r->time_ms))
        return SCAN_PASSED;
    describe_record(v, r, &e);
    normalise_begin(&v->normaliser, r);
    if (v->command->scan.quarantine)
        for (unsigned i = 0; i < v->normaliser.unknown_count; i++)
            quarantine_add_unknown(v->command->scan.quarantine, v->normaliser.unknown[i].field,
                                   v->normaliser.unknown[i].value);
    for (uint32_t at = 0; normalise_next(&v->normaliser, &event); at++) {
        bool is_whole = at == 0 && event.flags & EVENT_LAST;
        if (at && !scan_room(out))
            break;
        describe_event(v, r, &event, at, is_whole, domain, &e);
        normalized_write(v->writer, &e, scan_buf(out));
    }
    return SCAN_TAKEN;
}

/* --- lines to standard output ------------------------------------------------------------------------------------- */

static uint64_t count_lines(struct span text) {
    uint64_t n = 0;
    for (const char *p = text.ptr, *end = text.ptr + text.len; p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++)
        n++;
    return n;
}

static bool take_text(void *context, struct span text, bool idle) {
    struct command *c = context;
    (void)idle; /* a block is large enough, or the input has paused: written in either case */
    if (!text.len)
        return true;
    c->lines += count_lines(text);
    if (fwrite(text.ptr, 1, text.len, c->output.file) == text.len && fflush(c->output.file) == 0)
        return true;
    c->write_error = errno ? errno : EIO;
    return false;
}

/* --- the run ------------------------------------------------------------------------------------------------------ */

static bool load_key(struct command *c, struct err *err) {
    if (c->key_file)
        c->key_len = normalized_read_key(c->key_file, c->key, err);
    else
        c->key_len = normalized_random_key(c->key, err) ? 32 : 0;
    if (!c->key_len)
        return false;
    uint64_t event_key[2];
    normalized_event_key(c->key, c->key_len, event_key);
    c->scan.input.dictionary.key = (struct hash_key){event_key[0], event_key[1]};
    return true;
}

static void say_accounting(const struct command *c, const struct scan *s) {
    const struct accounting *a = &s->accounting;
    fprintf(stderr, "records read %llu = normalised %llu (%llu events) + malformed %llu + filtered %llu\n",
            (unsigned long long)a->read, (unsigned long long)a->counted, (unsigned long long)c->lines,
            (unsigned long long)accounting_malformed(a), (unsigned long long)(a->filtered + s->passed));
}

static int finish(struct command *c, const struct scan *s, bool done) {
    struct err err = {0};
    bool written = output_commit(&c->output, &err) && !c->write_error;
    if (c->write_error && c->write_error != EPIPE) {
        err.code = ERR_NONE; /* the commit no longer knows why */
        err_set_errno(&err, ERR_IO, c->write_error, "cannot write standard output");
        return scan_command_fail(&c->scan, &err);
    }
    if (!written && !c->write_error && !c->output.reader_gone)
        return scan_command_fail(&c->scan, &err);
    if (!done && written) {
        fprintf(stderr, "ses-collector: stopped\n");
        return EXIT_FAILED;
    }
    if (!done)
        return EXIT_DONE; /* who read us has enough */
    bool kept = !c->scan.quarantine || quarantine_close(c->scan.quarantine, &err);
    c->scan.quarantine = NULL;
    scan_command_say(&c->scan, s);
    say_accounting(c, s);
    return kept ? scan_command_exit_code(&c->scan, s) : scan_command_fail(&c->scan, &err);
}

static int run(struct command *c, bool *hung) {
    struct err err = {0};
    struct scan s = {.tag_names = c->tag_names,
                     .tag_count = c->tag_count,
                     .open = open_visitor,
                     .visit = visit,
                     .close = close_visitor,
                     .take = take_text};
    if (!scan_command_prepare(&c->scan, true, &err) || !load_key(c, &err) || !output_open(&c->output, "-", &err))
        return stop_signal() ? EXIT_FAILED : scan_command_fail(&c->scan, &err);
    bool done = scan_command_run(&c->scan, &s);
    *hung = s.hung;
    return finish(c, &s, done);
}

int command_normalize(int argc, char **argv) {
    static const struct scan_form form = {"normalize", options, help_before, help_behind, take_option};
    static struct command c;
    bool hung = false;
    int code;
    if (normalize_is_service(argc, argv))
        return normalize_serve(argc, argv);
    if (!scan_command_begin(&c.scan, &form, argc, argv, &c, &code))
        return code;
    code = run(&c, &hung);
    if (stop_signal())
        raise(stop_signal());
    if (!hung) /* a worker that waits for input still has it all */
        scan_command_deinit(&c.scan);
    return code;
}
