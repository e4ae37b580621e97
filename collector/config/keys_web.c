/* The file of --web.config.file: TLS and passwords, in the form of Prometheus's exporter toolkit
 * (https://github.com/prometheus/exporter-toolkit, docs/web-configuration.md). */
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "config/words.h"
#include "core/alloc.h"

static const char *choice_of_client_auth(unsigned i) {
    static const char *const names[] = {"NoClientCert", "RequestClientCert", "RequireAnyClientCert",
                                        "VerifyClientCertIfGiven",
                                        "RequireAndVerifyClientCert"}; /* as enum web_client_auth */
    return i < 5 ? names[i] : NULL;
}

static const char *version_wrong(const char *text) {
    if (strcmp(text, "TLS10") == 0 || strcmp(text, "TLS11") == 0)
        return "versions before TLS12 are broken; write TLS12 or TLS13";
    return strcmp(text, "TLS12") == 0 || strcmp(text, "TLS13") == 0 ? NULL : "it is one of TLS12, TLS13";
}

static const char *web_user_wrong(const char *text) {
    return strchr(text, ':') ? "a user's name cannot hold a colon" : line_wrong(text);
}

#define INLINE_PEM "put it into a file, and name that"
#define CHOSEN     "ses-collector takes GnuTLS's secure choice; take the line out"

static const struct key tls_keys[] = {
    {"cert_file", KEY_PATH, KEY_READABLE, FIELD(struct web_options, cert_file),
     .means = "The server's certificate (PEM), with those between it and the root."},
    {"key_file", KEY_PATH, KEY_READABLE, FIELD(struct web_options, key_file), .means = "Its key (PEM)."},
    {"client_ca_file", KEY_PATH, KEY_READABLE, FIELD(struct web_options, client_ca_file),
     .means = "Certificates (PEM) that those of clients are checked against."},
    {"client_auth_type", KEY_CHOICE, 0, FIELD(struct web_options, client_auth), .fallback = "NoClientCert",
     .choice = choice_of_client_auth, .means = "What is asked of clients."},
    {"min_version", KEY_TEXT, 0, FIELD(struct web_options, min_version), .shown_default = "`TLS12`",
     .wrong = version_wrong, .means = "The oldest version of TLS that is spoken: `TLS12` or `TLS13`."},
    {"max_version", KEY_REFUSED, .means = CHOSEN},
    {"cipher_suites", KEY_REFUSED, .means = CHOSEN},
    {"curve_preferences", KEY_REFUSED, .means = CHOSEN},
    {"prefer_server_cipher_suites", KEY_REFUSED, .means = CHOSEN},
    {"client_allowed_sans", KEY_REFUSED,
     .means = "any certificate that client_ca_file vouches for is let in; take the line out"},
    {"cert", KEY_REFUSED, .means = INLINE_PEM},
    {"key", KEY_REFUSED, .means = INLINE_PEM},
    {"client_ca", KEY_REFUSED, .means = INLINE_PEM},
};
static const struct section tls_section = {"tls_server_config", KEYS_OF(tls_keys)};

struct web_form {
    struct web_options o; /* first: the tables of tls_server_config are of it */
    bool http2;
};

static const struct key http_keys[] = {
    {"http2", KEY_BOOL, 0, FIELD(struct web_form, http2), .fallback = "false",
     .means = "Only false: this server speaks HTTP/1.1."},
    {"headers", KEY_REFUSED, .means = "ses-collector sets the headers that its answers need; take the lines out"},
    {"rate_limit", KEY_REFUSED, .means = "web.max_connections limits connections; take the lines out"},
};
static const struct section http_section = {"http_server_config", KEYS_OF(http_keys)};

static const struct key file_keys[] = {
    {"tls_server_config", KEY_SECTION, 0, .section = &tls_section,
     .means = "TLS; without it the server speaks plain HTTP."},
    {"http_server_config", KEY_SECTION, 0, .section = &http_section, .means = "HTTP."},
    {"basic_auth_users", KEY_PAIRS, KEY_SECRET | KEY_PLAIN, LIST_FIELD(struct web_form, o.users, o.user_count),
     .max = 1000, .wrong = web_user_wrong, .wrong_value = bcrypt_wrong,
     .means = "Names, and for each the bcrypt hash of the password. Without any no password is asked."},
};
const struct section web_file_section = {"", KEYS_OF(file_keys)};

static bool check_web(struct binder *b, const struct web_form *f, const struct node *root) {
    const struct web_options *o = &f->o;
    const struct node *tls = tree_get(root, "tls_server_config");
    if (f->http2)
        return bind_error(
            b, bind_place(tree_get(root, "http_server_config"), "http2"),
            "http2: true is not supported; this server speaks HTTP/1.1, write false or take the line out");
    if (!tls)
        return true;
    if (!o->cert_file || !o->key_file)
        return bind_error(b, tls, "tls_server_config needs cert_file and key_file; add %s",
                          !o->cert_file ? "cert_file" : "key_file");
    if (o->client_ca_file && o->client_auth == WEB_CLIENT_NONE)
        return bind_error(b, bind_place(tls, "client_ca_file"),
                          "client_ca_file without client_auth_type; add client_auth_type: RequireAndVerifyClientCert");
    if (!o->client_ca_file && o->client_auth != WEB_CLIENT_NONE)
        return bind_error(b, bind_place(tls, "client_auth_type"), "client_auth_type %s needs client_ca_file; add it",
                          choice_of_client_auth(o->client_auth));
    return true;
}

static bool read_form(struct binder *b, struct span text, struct web_form *f) {
    struct node *root = tree_parse(b->file, text, b->err);
    bind_defaults(&web_file_section, f);
    bool ok = root && bind_section(b, &web_file_section, f, root) && check_web(b, f, root);
    tree_destroy(root);
    return ok;
}

bool read_web_text(const char *path, struct span text, struct web_options *o, struct err *err) {
    const char *slash = strrchr(path, '/');
    char *folder = slash > path ? alloc_string(path, (size_t)(slash - path)) : alloc_string("/", 1);
    struct binder b = {.file = path, .folder = folder, .err = err};
    struct web_form f = {0};
    bool ok = read_form(&b, text, &f);
    if (ok) {
        o->cert_file = f.o.cert_file;
        o->key_file = f.o.key_file;
        o->client_ca_file = f.o.client_ca_file;
        o->client_auth = f.o.client_auth;
        o->min_version = f.o.min_version;
        o->users = f.o.users;
        o->user_count = f.o.user_count;
    } else {
        bind_free(&web_file_section, &f);
    }
    free(folder);
    return ok;
}
