/* Asks a running service whether it is well, for container engines and init systems that know an exit code. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/command_fail.h"
#include "commands/commands.h"
#include "commands/option_values.h"
#include "config/binder.h"
#include "config/config.h"
#include "core/alloc.h"
#include "http/pool.h"

static const char help[] =
    "Asks a running service whether it is well: one line, and an exit code for container engines.\n\n"
    "Usage: ses-collector healthcheck [OPTIONS]\n\n"
    "  --config.file FILE           the service's configuration: says where it listens, and whether with TLS\n"
    "  --web.listen-address ADDRESS, --web.config.file FILE\n"
    "                               as for run, if run was given them\n"
    "  --url URL                    instead: its address, such as http://127.0.0.1:9465, which is also the default\n"
    "  --ca-file FILE               with --url: certificates to trust instead of the system's\n"
    "  --ready                      asks /-/ready and not /-/healthy\n"
    "  --username NAME              a user of the web configuration, and a file with the password\n"
    "  --password-file FILE\n"
    "  --help\n\n"
    "With a configuration the service's certificate is known from its file, so it need not name this machine. A "
    "service\n"
    "that asks for a password or a client certificate is alive, so no user is needed but for --ready. It is given 3 "
    "s.\n"
    "Exit: 0 it is, 1 it is not, or could not be asked, 2 wrong usage.\n";

enum { TIMEOUT_MS = 3000, ANSWER_MAX = 4096, PASSWORD_MAX = 1024, URL_MAX = 1024 };

enum option_id {
    OPT_CONFIG = 256,
    OPT_LISTEN,
    OPT_WEB_CONFIG,
    OPT_URL,
    OPT_CA,
    OPT_READY,
    OPT_USER,
    OPT_PASSWORD,
    OPT_HELP
};

static const struct option options[] = {
    {"config.file", required_argument, NULL, OPT_CONFIG},
    {"web.listen-address", required_argument, NULL, OPT_LISTEN},
    {"web.config.file", required_argument, NULL, OPT_WEB_CONFIG},
    {"url", required_argument, NULL, OPT_URL},
    {"ca-file", required_argument, NULL, OPT_CA},
    {"ready", no_argument, NULL, OPT_READY},
    {"username", required_argument, NULL, OPT_USER},
    {"password-file", required_argument, NULL, OPT_PASSWORD},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

struct arguments {
    const char *config, *url, *ca_file, *username, *password_file;
    struct config_overrides overrides;
    bool ready, help;
};

/* Whom to ask. */
struct service {
    char url[URL_MAX];
    struct http_pool_options options;
    struct config config;
    bool configured; /* it was read */
    char *password;
};

static bool take(struct arguments *a, int id) {
    switch (id) {
    case OPT_CONFIG:
        a->config = optarg;
        return true;
    case OPT_LISTEN:
        a->overrides.listen_address = optarg;
        return true;
    case OPT_WEB_CONFIG:
        a->overrides.web_config_file = optarg;
        return true;
    case OPT_URL:
        a->url = optarg;
        return true;
    case OPT_CA:
        a->ca_file = optarg;
        return true;
    case OPT_READY:
        return a->ready = true;
    case OPT_USER:
        a->username = optarg;
        return true;
    case OPT_PASSWORD:
        a->password_file = optarg;
        return true;
    case OPT_HELP:
        return a->help = true;
    default:
        return false;
    }
}

static bool parse(struct arguments *a, int argc, char **argv, struct err *err) {
    option_begin();
    for (int id; (id = option_next(argc, argv, options, err)) != OPTION_END;)
        if (!take(a, id))
            return false;
    if (a->help)
        return true;
    if (optind < argc)
        return err_set(err, ERR_USAGE, "%s: not an option", argv[optind]);
    if (a->url && a->config)
        return err_set(err, ERR_USAGE, "--url and --config.file both say where to ask: leave one out");
    if (a->ca_file && !a->url)
        return err_set(err, ERR_USAGE, "--ca-file goes with --url");
    if (!a->config && (a->overrides.listen_address || a->overrides.web_config_file))
        return err_set(err, ERR_USAGE, "--web.listen-address and --web.config.file go with --config.file");
    return !a->username == !a->password_file ||
           err_set(err, ERR_USAGE, "--username and --password-file go together; one of them is missing");
}

/* A service that listens on all addresses is asked on this machine's own. */
static bool make_url(struct service *s, const char *address, struct err *err) {
    const char *colon = address ? strrchr(address, ':') : NULL;
    if (!colon || strcmp(colon, ":0") == 0)
        return err_set(err, ERR_CONFIG, "web.listen_address \"%.100s\" names no port to ask at",
                       address ? address : "");
    struct span host = {address, (size_t)(colon - address)};
    if (host.len == 0 || span_is(host, "0.0.0.0"))
        host = SPAN_LIT("127.0.0.1");
    else if (span_is(host, "[::]"))
        host = SPAN_LIT("[::1]");
    int n = snprintf(s->url, sizeof s->url, "%s://%.*s%s", s->config.web.cert_file ? "https" : "http", (int)host.len,
                     host.ptr, colon);
    return (n > 0 && (size_t)n < sizeof s->url - 16) || err_set(err, ERR_CONFIG, "web.listen_address is too long");
}

static bool find_service(struct service *s, const struct arguments *a, struct err *err) {
    s->options = (struct http_pool_options){.ca_file = a->ca_file, .username = a->username, .connections = 1};
    if (a->password_file) {
        size_t len;
        s->password = bind_read_file(a->password_file, PASSWORD_MAX, true, &len, err);
        if (!s->password)
            return false;
        s->password[strcspn(s->password, "\r\n")] = 0;
        s->options.password = s->password;
    }
    if (a->config) {
        s->configured = config_load(&s->config, a->config, &a->overrides, err);
        if (!s->configured)
            return false;
        s->options.pinned_cert_file = s->config.web.cert_file;
        return make_url(s, s->config.web.listen_address, err);
    }
    const char *url = a->url ? a->url : "http://127.0.0.1:9465";
    size_t len = strlen(url);
    while (len && url[len - 1] == '/')
        len--;
    if (len + 16 > sizeof s->url)
        return err_set(err, ERR_USAGE, "--url is too long");
    memcpy(s->url, url, len);
    s->url[len] = 0;
    if (strchr(s->url, '@')) { /* it is printed */
        s->url[0] = 0;
        return err_set(err, ERR_USAGE, "--url: the user goes to --username, the password to --password-file");
    }
    return http_check_url(s->url, err);
}

/* The answer's first line, for a person. */
static void show(const struct service *s, const struct buf *body) {
    struct span text = buf_span(body);
    size_t len = 0;
    while (len < text.len && len < 200 && text.ptr[len] >= ' ' && text.ptr[len] < 0x7f) /* it goes to a terminal */
        len++;
    printf("%s: %.*s\n", s->url, (int)len, text.ptr);
}

static bool ask(struct service *s, bool ready, struct err *err) {
    struct http_pool *pool = http_pool_create(&s->options, err);
    if (!pool)
        return false;
    char url[URL_MAX];
    snprintf(url, sizeof url, "%.*s/-/%s", URL_MAX - 16, s->url, ready ? "ready" : "healthy");
    struct http_request request = {
        .method = "GET", .url = url, .timeout_ms = TIMEOUT_MS, .connect_ms = TIMEOUT_MS, .direct = true};
    struct buf body;
    buf_init(&body, ANSWER_MAX);
    int status = http_fetch(pool, &request, ANSWER_MAX, &body, NULL, NULL, NULL, err);
    bool guarded = status == 401 || status == 403;
    if (guarded && !ready && !s->options.username)
        printf("%s: it answers, and wants to know who asks\n", s->url);
    else if (guarded)
        err_set(err, ERR_IO,
                "%s: status %d: --username and --password-file, or a client's certificate, are missing or wrong",
                s->url, status);
    else if (status)
        show(s, &body);
    buf_deinit(&body);
    http_pool_destroy(pool);
    return status == 200 || (guarded && !ready && !s->options.username);
}

int command_healthcheck(int argc, char **argv) {
    struct arguments a = {0};
    struct err err = {0};
    if (!parse(&a, argc, argv, &err))
        return command_fail("healthcheck", &err);
    if (a.help) {
        fputs(help, stdout);
        return EXIT_DONE;
    }
    struct service s = {0};
    bool well = find_service(&s, &a, &err) && ask(&s, a.ready, &err);
    alloc_forget(s.password);
    if (s.configured)
        config_deinit(&s.config);
    if (err.text[0]) /* whatever it is: container engines know 0 and 1 */
        fprintf(stderr, "ses-collector: %s%s%s\n", s.url, s.url[0] && !strstr(err.text, s.url) ? ": " : "", err.text);
    return err.code == ERR_USAGE ? EXIT_USAGE : well ? EXIT_DONE : EXIT_FAILED;
}
