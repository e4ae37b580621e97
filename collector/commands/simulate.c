#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/commands.h"
#include "commands/stop.h"
#include "core/clock.h"
#include "core/wait.h"
#include "parsers/timestamp.h"
#include "simulate/simulate.h"

static const char help_text[] =
    "Usage: ses-collector simulate [options]\n"
    "\n"
    "Writes a realistic stream of Amazon SES event records: for demos, load tests and checks of exactness. The same\n"
    "options and the same seed give the same bytes. Nobody gets mail, and nothing is sent anywhere.\n"
    "\n"
    "What is made:\n"
    "  --seed N             the stream's seed (default 1)\n"
    "  --start TIME         the period's start, e.g. 2026-11-20, 2026-11-20T08:00Z, @1763768070\n"
    "                       (default 2026-11-01T00:00:00Z)\n"
    "  --duration LENGTH    the period's length, e.g. 90m, 2d (default 1h)\n"
    "  --messages N         that many messages, spread as a business day and week spread them (default 10000)\n"
    "  --rate N[/s]         instead: so many messages every second, evenly; 0.5 is one in two seconds\n"
    "  --curve              with --rate: so many on the average, spread as a business day and week spread them\n"
    "  --uneven SHARE       with --messages or --curve: every hour has up to that share more or less than the curve "
    "says, at\n"
    "                       random (default 0, at most 0.9)\n"
    "  --size BYTES         stop after so many bytes of JSON (K, M, G); without --messages and --rate, as many\n"
    "                       messages as that takes. What would arrive later is lost, most late records too\n"
    "  --tail LENGTH        opens, complaints and the like that come later than this after the last message are left\n"
    "                       out (default 2h, at most 30d)\n"
    "  --sets N             configuration sets (default 8, at most 10000)\n"
    "  --identities N       sending identities (default 4, at most 10000)\n"
    "  --multi SHARE        messages to 2 to 10 recipients (default 0.08)\n"
    "  --incident KIND@WHAT:START+LENGTH\n"
    "                       something goes wrong; may stand several times. START is counted from the period's start.\n"
    "\n"
    "Live, which follows the clock and not --start alone:\n"
    "  --live               writes each record when its time comes, from now on; ends on SIGTERM or SIGINT, or after\n"
    "                       --duration. Without --rate and --messages it sends 10/s\n"
    "  --start TIME         the clock is followed from then on, in the place of now: what is past already is written\n"
    "                       at once. Two that are given the same seed and start write the same records\n"
    "  --backfill LENGTH    first writes so much of what came before, at once: a dashboard is not empty then\n"
    "  --tail LENGTH        is counted from each message. --incident counts from where the clock is followed\n"
    "\n"
    "Incidents:\n"
    "  blocklist@PROVIDER   the provider blocks us: 60 % of the mail to it bounces\n"
    "  outage@PROVIDER      the provider takes nothing: delays, and delivery when it is over\n"
    "  complaints@WHAT      twenty times the complaints, of a configuration set or at a provider\n"
    "  badlist@SET          the configuration set mails a bought list: 25 % of the addresses do not exist\n"
    "  silence@SET          nothing is sent, and nothing is heard of what was sent\n"
    "  drop@SET             only a tenth of the mail is sent\n"
    "  surge@SET            ten times the mail is sent\n"
    "  lost-deliveries@SET  what is delivered is not told: no Delivery event is written\n"
    "  spamtrap@PROVIDER    the provider blocks 3 % of the mail to it, for a reason that is new\n"
    "  WHAT can be `all` in each of them. Providers are named as in the label: gmail, microsoft, yahoo, gmx_webde, "
    "...\n"
    "\n"
    "How it is written:\n"
    "  --out DIR            a folder of objects as Firehose lays them out, DIR/YYYY/MM/DD/HH/STREAM-1-...; - or none:\n"
    "                       standard output\n"
    "  --stream NAME        the delivery stream's name (default ses-events)\n"
    "  --object-size BYTES  an object's size before compression (default 5M)\n"
    "  --object-interval LENGTH\n"
    "                       an object ends so long after its first record at the latest, 1s to 15m (default 5m; with\n"
    "                       --live 10s, and 5m for what is past)\n"
    "  --compress KIND      none or gzip (default: gzip with --out, none without)\n"
    "  --framing KIND       newline, none, pretty, array or crlf (default newline)\n"
    "  --duplicates SHARE   records that come twice (default 0.01)\n"
    "  --late SHARE         records that arrive 1 to 24 hours late, so in another hour's folder (default 0.05)\n"
    "  --malformed SHARE    broken records, besides the sound ones (default 0); torn ones only where each record has\n"
    "                       a line of its own (newline, crlf)\n"
    "\n"
    "What it tells:\n"
    "  --truth FILE         what was made, as CSV: a row for each minute, event type, configuration set and provider,\n"
    "                       with duplicates taken out\n"
    "  --truth-summary FILE totals, as JSON\n"
    "  --progress WHEN      auto, always or never (default auto: when standard error is a terminal)\n"
    "  --quiet              no summary line\n"
    "  --help               this text\n"
    "\n"
    "Examples:\n"
    "  ses-collector simulate --messages 1000 | head -3\n"
    "  ses-collector simulate --duration 1d --messages 200000 --out demo --incident blocklist@gmail:9h+30m\n"
    "  ses-collector simulate --duration 4h --rate 20/s --incident badlist@newsletter:1h+2h --truth cells.csv --out t\n"
    "  ses-collector simulate --size 10G --duration 1d | ses-collector replay -\n"
    "  ses-collector simulate --live --rate 20/s --backfill 2h --incident blocklist@gmail:1m+5m | kcat -b localhost\n"
    "    -t ses-events -P\n";

/* While nothing is due the clock is looked at that often all the same: somebody may have set it. */
enum { LIVE_RATE = 10, LIVE_OBJECT_MS = 10000, LOOK_MS = 1000 };

enum option_id {
    OPT_SEED = 256,
    OPT_START,
    OPT_DURATION,
    OPT_MESSAGES,
    OPT_RATE,
    OPT_CURVE,
    OPT_LIVE,
    OPT_BACKFILL,
    OPT_UNEVEN,
    OPT_SIZE,
    OPT_TAIL,
    OPT_SETS,
    OPT_IDENTITIES,
    OPT_MULTI,
    OPT_INCIDENT,
    OPT_OUT,
    OPT_STREAM,
    OPT_OBJECT_SIZE,
    OPT_OBJECT_INTERVAL,
    OPT_COMPRESS,
    OPT_FRAMING,
    OPT_DUPLICATES,
    OPT_LATE,
    OPT_MALFORMED,
    OPT_TRUTH,
    OPT_TRUTH_SUMMARY,
    OPT_PROGRESS,
    OPT_QUIET,
    OPT_HELP,
};

static const struct option long_options[] = {
    {"seed", required_argument, NULL, OPT_SEED},
    {"start", required_argument, NULL, OPT_START},
    {"duration", required_argument, NULL, OPT_DURATION},
    {"messages", required_argument, NULL, OPT_MESSAGES},
    {"rate", required_argument, NULL, OPT_RATE},
    {"curve", no_argument, NULL, OPT_CURVE},
    {"live", no_argument, NULL, OPT_LIVE},
    {"backfill", required_argument, NULL, OPT_BACKFILL},
    {"uneven", required_argument, NULL, OPT_UNEVEN},
    {"size", required_argument, NULL, OPT_SIZE},
    {"tail", required_argument, NULL, OPT_TAIL},
    {"sets", required_argument, NULL, OPT_SETS},
    {"identities", required_argument, NULL, OPT_IDENTITIES},
    {"multi", required_argument, NULL, OPT_MULTI},
    {"incident", required_argument, NULL, OPT_INCIDENT},
    {"out", required_argument, NULL, OPT_OUT},
    {"stream", required_argument, NULL, OPT_STREAM},
    {"object-size", required_argument, NULL, OPT_OBJECT_SIZE},
    {"object-interval", required_argument, NULL, OPT_OBJECT_INTERVAL},
    {"compress", required_argument, NULL, OPT_COMPRESS},
    {"framing", required_argument, NULL, OPT_FRAMING},
    {"duplicates", required_argument, NULL, OPT_DUPLICATES},
    {"late", required_argument, NULL, OPT_LATE},
    {"malformed", required_argument, NULL, OPT_MALFORMED},
    {"truth", required_argument, NULL, OPT_TRUTH},
    {"truth-summary", required_argument, NULL, OPT_TRUTH_SUMMARY},
    {"progress", required_argument, NULL, OPT_PROGRESS},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static const char *option_name(int id) {
    for (const struct option *o = long_options; o->name; o++) {
        if (o->val == id)
            return o->name;
    }
    return "";
}

struct command {
    struct simulate_options options;
    bool compress_given, start_given, duration_given;
    bool quiet, help, progress;
};

static bool wrong(struct err *err, int id, const char *value, const char *wanted) {
    return err_set(err, ERR_USAGE, "--%s takes %s, not '%s'", option_name(id), wanted, value);
}

static bool parse_number(const char *text, uint64_t low, uint64_t high, uint64_t *value) {
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || end == text || *end || !isdigit((unsigned char)text[0]) || n < low || n > high)
        return false;
    *value = n;
    return true;
}

static bool parse_count(const char *text, uint32_t high, uint32_t *value) {
    uint64_t n;
    if (!parse_number(text, 1, high, &n))
        return false;
    *value = (uint32_t)n;
    return true;
}

static bool parse_size(const char *text, uint64_t *value) {
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || end == text || !isdigit((unsigned char)text[0]))
        return false;
    const char *unit = strchr("KMGT", toupper((unsigned char)*end));
    int shift = 0;
    if (*end && unit) {
        shift = 10 * (int)(unit - "KMGT" + 1);
        end++;
    }
    if (*end || n == 0 || n > UINT64_MAX >> 2 >> shift)
        return false;
    *value = n << shift;
    return true;
}

static bool parse_share(const char *text, uint32_t *ppm) {
    char *end;
    double share = strtod(text, &end);
    if (end == text || *end || !isfinite(share) || share < 0 || share > 1)
        return false;
    *ppm = (uint32_t)(share * 1e6 + 0.5);
    return true;
}

static bool parse_rate(const char *text, double *per_second) {
    char *end;
    double n = strtod(text, &end);
    if (end == text || (*end && strcmp(end, "/s") != 0) || !isfinite(n) || n < 1e-4 || n > 1e7)
        return false;
    *per_second = n;
    return true;
}

/* A length of time; plain 0 is one, too. */
static bool parse_length(struct span text, int64_t *ms) {
    if (text.len && text.ptr[0] == '0' && (text.len == 1 || (text.len == 2 && strchr("smhd", text.ptr[1])))) {
        *ms = 0;
        return true;
    }
    return duration_parse(text, ms);
}

/* KIND@WHAT:START+LENGTH */
static bool parse_incident(const char *text, struct simulate_options *o, struct err *err) {
    const char *at = strchr(text, '@'), *colon = at ? strchr(at, ':') : NULL, *plus = colon ? strchr(colon, '+') : NULL;
    if (!plus)
        return wrong(err, OPT_INCIDENT, text, "KIND@WHAT:START+LENGTH, such as blocklist@gmail:2h+30m");
    if (o->incident_count == INCIDENT_MAX)
        return err_set(err, ERR_USAGE, "over %d incidents", (int)INCIDENT_MAX);
    struct simulate_incident *x = &o->incidents[o->incident_count];
    int kind = 0;
    while (kind < INCIDENTS && !span_eq((struct span){text, (size_t)(at - text)}, span_of(incident_names[kind])))
        kind++;
    if (kind == INCIDENTS)
        return wrong(
            err, OPT_INCIDENT, text,
            "a kind of blocklist, outage, complaints, badlist, silence, drop, surge, lost-deliveries or spamtrap");
    size_t len = (size_t)(colon - at - 1);
    if (len == 0 || len >= sizeof x->what)
        return wrong(err, OPT_INCIDENT, text, "a provider, a configuration set or `all` behind the @");
    x->kind = (enum incident_kind)kind;
    memcpy(x->what, at + 1, len);
    x->what[len] = 0;
    if (!parse_length((struct span){colon + 1, (size_t)(plus - colon - 1)}, &x->start_ms))
        return wrong(err, OPT_INCIDENT, text, "a START such as 90m or 2h behind the colon");
    if (!duration_parse(span_of(plus + 1), &x->length_ms))
        return wrong(err, OPT_INCIDENT, text, "a LENGTH such as 30m behind the plus sign");
    o->incident_count++;
    return true;
}

static bool parse_framing(const char *text, enum dump_framing *framing) {
    static const char *const names[DUMP_FRAMINGS] = {"newline", "none", "pretty", "array", "crlf"};
    for (int i = 0; i < DUMP_FRAMINGS; i++) {
        if (strcmp(text, names[i]) == 0) {
            *framing = (enum dump_framing)i;
            return true;
        }
    }
    return false;
}

/* It becomes a part of file names. */
static bool parse_stream(const char *text, const char **stream) {
    size_t len = strlen(text);
    if (len == 0 || len > 64 ||
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != len)
        return false;
    *stream = text;
    return text[0] != '.';
}

static bool parse_compress(struct command *c, const char *text) {
    c->compress_given = true;
    c->options.dump.gzip = strcmp(text, "gzip") == 0;
    return c->options.dump.gzip || strcmp(text, "none") == 0;
}

static bool parse_progress(struct command *c, const char *text) {
    c->progress = strcmp(text, "always") == 0 || (strcmp(text, "auto") == 0 && isatty(STDERR_FILENO));
    return c->progress || strcmp(text, "never") == 0 || strcmp(text, "auto") == 0;
}

static bool parse_what(struct command *c, int id, const char *text, struct err *err) {
    struct simulate_options *o = &c->options;
    switch (id) {
    case OPT_SEED:
        return parse_number(text, 0, UINT64_MAX, &o->seed) || wrong(err, id, text, "a whole number");
    case OPT_START: /* up to the year 9000: what follows the start must be a time, too */
        c->start_given = true;
        return (timestamp_parse_option(span_of(text), &o->start_ms) && o->start_ms >= 0 &&
                o->start_ms < 221845392000000) ||
               wrong(err, id, text, "a time after 1970 such as 2026-11-20 or 2026-11-20T08:00Z");
    case OPT_DURATION:
        c->duration_given = true;
        return (duration_parse(span_of(text), &o->duration_ms) && o->duration_ms <= 3660LL * 86400000) ||
               wrong(err, id, text, "a length of time such as 90m, 6h or 2d, ten years at most");
    case OPT_TAIL:
        return (parse_length(span_of(text), &o->tail_ms) && o->tail_ms <= 30LL * 86400000) ||
               wrong(err, id, text, "a length of time such as 30m or 2h, 30 days at most");
    case OPT_MESSAGES:
        return parse_number(text, 1, UINT32_MAX, &o->messages) || wrong(err, id, text, "a number from 1 to 4294967295");
    case OPT_RATE:
        return parse_rate(text, &o->per_second) || wrong(err, id, text, "messages per second such as 50 or 0.5/s");
    case OPT_CURVE:
        return o->curve = true;
    case OPT_LIVE:
        return o->live = true;
    case OPT_BACKFILL:
        return (parse_length(span_of(text), &o->backfill_ms) && o->backfill_ms <= 30LL * 86400000) ||
               wrong(err, id, text, "a length of time such as 2h, 30 days at most");
    case OPT_UNEVEN:
        return (parse_share(text, &o->uneven_ppm) && o->uneven_ppm <= 900000) ||
               wrong(err, id, text, "a share from 0 to 0.9");
    case OPT_SIZE:
        return parse_size(text, &o->dump.max_bytes) || wrong(err, id, text, "a size such as 500M or 2G");
    case OPT_SETS:
        return parse_count(text, 10000, &o->sets) || wrong(err, id, text, "a number from 1 to 10000");
    case OPT_IDENTITIES:
        return parse_count(text, 10000, &o->identities) || wrong(err, id, text, "a number from 1 to 10000");
    case OPT_MULTI:
        return parse_share(text, &o->multi_ppm) || wrong(err, id, text, "a share from 0 to 1");
    default:
        return parse_incident(text, o, err);
    }
}

static bool parse_how(struct command *c, int id, const char *text, struct err *err) {
    struct simulate_options *o = &c->options;
    switch (id) {
    case OPT_OUT:
        o->dump.folder = strcmp(text, "-") == 0 ? NULL : text;
        return text[0] != 0 || wrong(err, id, text, "a folder, or - for standard output");
    case OPT_STREAM:
        return parse_stream(text, &o->dump.stream) || wrong(err, id, text, "a name of letters, digits, _ . and -");
    case OPT_OBJECT_SIZE:
        return parse_size(text, &o->dump.object_size) || wrong(err, id, text, "a size such as 1M");
    case OPT_OBJECT_INTERVAL:
        return (duration_parse(span_of(text), &o->dump.interval_ms) && o->dump.interval_ms >= 1000 &&
                o->dump.interval_ms <= 900000) ||
               wrong(err, id, text, "a length of time from 1s to 15m");
    case OPT_COMPRESS:
        return parse_compress(c, text) || wrong(err, id, text, "none or gzip");
    case OPT_FRAMING:
        return parse_framing(text, &o->dump.framing) || wrong(err, id, text, "newline, none, pretty, array or crlf");
    case OPT_DUPLICATES:
        return parse_share(text, &o->duplicates_ppm) || wrong(err, id, text, "a share from 0 to 1");
    case OPT_LATE:
        return parse_share(text, &o->late_ppm) || wrong(err, id, text, "a share from 0 to 1");
    case OPT_MALFORMED:
        return parse_share(text, &o->malformed_ppm) || wrong(err, id, text, "a share from 0 to 1");
    case OPT_TRUTH:
        o->truth = text;
        return true;
    case OPT_TRUTH_SUMMARY:
        o->truth_summary = text;
        return true;
    case OPT_PROGRESS:
        return parse_progress(c, text) || wrong(err, id, text, "auto, always or never");
    case OPT_QUIET:
        c->quiet = true;
        return true;
    default:
        c->help = true;
        return true;
    }
}

/* From options to a period: what is past begins before the clock is followed, and without a length there is no end. */
static bool make_live(struct command *c, struct err *err) {
    struct simulate_options *o = &c->options;
    if (!o->live)
        return !o->backfill_ms || err_set(err, ERR_USAGE, "--backfill goes with --live");
    if (o->messages && !c->duration_given)
        return err_set(err, ERR_USAGE,
                       "--live with --messages needs a --duration to spread them over; or write --rate");
    if (!o->messages && !(o->per_second > 0))
        o->per_second = LIVE_RATE;
    if (!c->start_given)
        o->start_ms = clock_wall_ms();
    if (o->start_ms < o->backfill_ms)
        return err_set(err, ERR_USAGE, "--backfill begins before 1970");
    if (!c->duration_given)
        o->duration_ms = simulate_longest_ms(o->per_second) - o->backfill_ms;
    if (o->duration_ms <= 0)
        return err_set(err, ERR_USAGE, "--backfill is longer than --rate lets a run be");
    o->start_ms -= o->backfill_ms;
    o->duration_ms += o->backfill_ms;
    if (!o->dump.interval_ms)
        o->dump.interval_ms = LIVE_OBJECT_MS;
    return true;
}

/* What cannot stand together. */
static bool check_together(const struct simulate_options *o, struct err *err) {
    if (o->messages && o->per_second > 0)
        return err_set(err, ERR_USAGE, "--messages and --rate cannot stand together: the one follows from the other");
    if (o->curve && !(o->per_second > 0))
        return err_set(err, ERR_USAGE, "--curve goes with --rate: --messages are spread along it anyway");
    if (o->uneven_ppm && o->per_second > 0 && !o->curve)
        return err_set(err, ERR_USAGE, "--uneven goes with --messages or --curve: --rate is even");
    return true;
}

static bool parse(int argc, char **argv, struct command *c, struct err *err) {
    simulate_options_init(&c->options);
    parse_progress(c, "auto");
    optind = 0; /* whoever read options before us left it elsewhere */
    opterr = 0;
    int id;
    while ((id = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
        if (id == ':')
            return err_set(err, ERR_USAGE, "%s wants a value", argv[optind - 1]);
        if (id == '?')
            return err_set(err, ERR_USAGE, "there is no option '%s'", argv[optind - 1]);
        if (!(id <= OPT_INCIDENT ? parse_what(c, id, optarg, err) : parse_how(c, id, optarg, err)))
            return false;
        if (c->help)
            return true;
    }
    if (optind < argc)
        return err_set(err, ERR_USAGE, "'%s' is no option", argv[optind]);
    if (!c->compress_given)
        c->options.dump.gzip = c->options.dump.folder != NULL;
    return check_together(&c->options, err) && make_live(c, err);
}

static void show_progress(const struct simulate *s) {
    struct simulate_totals t;
    simulate_totals(s, &t);
    fprintf(stderr, "\r%3.0f %%  %" PRIu64 " records  %.1f MB ", 100 * simulate_progress(s), t.records,
            (double)t.bytes / 1e6);
}

static void show_summary(const struct simulate *s) {
    struct simulate_totals t;
    simulate_totals(s, &t);
    fprintf(stderr,
            "simulate: %" PRIu64 " messages, %" PRIu64 " records (%" PRIu64 " duplicates, %" PRIu64 " late, %" PRIu64
            " malformed), %" PRIu64 " bytes of JSON, %" PRIu64 " objects\n",
            t.messages, t.records, t.duplicates, t.late, t.malformed, t.bytes, t.objects);
}

/* A signal is an ordinary end: what was begun is finished, if standard output has a reader who reads. */
static bool run_live(const struct command *c, struct simulate *s, struct err *err) {
    enum simulate_status status = SIMULATE_MORE;
    bool stopped = false;
    while (!stopped && status == SIMULATE_MORE) {
        int64_t now_ms = clock_wall_ms(), due_ms = now_ms;
        status = simulate_step_to(s, now_ms, &due_ms, err);
        int64_t wait_ms = due_ms - now_ms < LOOK_MS ? due_ms - now_ms : LOOK_MS;
        stopped = status == SIMULATE_MORE && !wait_unless(stop_flag(), wait_ms);
    }
    if (stopped && simulate_finish(s, err))
        status = SIMULATE_DONE;
    if (status == SIMULATE_DONE && !c->quiet && !simulate_reader_left(s))
        show_summary(s);
    return status == SIMULATE_DONE;
}

static bool run_at_once(const struct command *c, struct simulate *s, struct err *err) {
    int64_t shown_ns = clock_monotonic_ns();
    bool any = false;
    enum simulate_status status;
    while ((status = simulate_step(s, err)) == SIMULATE_MORE) {
        if (!c->progress || clock_monotonic_ns() - shown_ns < 200000000)
            continue;
        shown_ns = clock_monotonic_ns();
        show_progress(s);
        any = true;
    }
    if (any)
        fputs("\r\033[K", stderr);
    if (status == SIMULATE_DONE && !c->quiet && !simulate_reader_left(s))
        show_summary(s);
    return status == SIMULATE_DONE;
}

static bool run(const struct command *c, struct err *err) {
    struct simulate_options options = c->options;
    if (options.live) {
        stop_catch_signals();
        options.dump.stop = stop_flag();
    }
    struct simulate *s = simulate_open(&options, err);
    bool ok = s && (c->options.live ? run_live(c, s, err) : run_at_once(c, s, err));
    simulate_destroy(s);
    return ok;
}

int command_simulate(int argc, char **argv) {
    struct command c = {0};
    struct err err = {0};
    bool ok = parse(argc, argv, &c, &err);
    if (ok && c.help)
        return fputs(help_text, stdout) < 0 || fflush(stdout) != 0 ? EXIT_FAILED : EXIT_DONE;
    if (ok) {
        signal(SIGPIPE, SIG_IGN); /* a reader that has seen enough, as head(1), is no failure */
        ok = run(&c, &err);
    }
    if (ok)
        return EXIT_DONE;
    fprintf(stderr, "ses-collector simulate: %s\n", err.text);
    if (err.code != ERR_USAGE)
        return EXIT_FAILED;
    fputs("Try 'ses-collector simulate --help'.\n", stderr);
    return EXIT_USAGE;
}
