#include "config/keys_http.h"

#include <string.h>
#include <strings.h>

bool is_secret_header(const char *name) {
    static const char *const words[] = {"auth",     "token",  "key",        "secret",
                                        "password", "cookie", "credential", "signature"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasestr(name, words[i]))
            return true;
    return false;
}

const char *user_wrong(const char *text) {
    return strchr(text, ':') ? "a user's name cannot hold a colon" : line_wrong(text);
}

bool check_http_keys(struct binder *b, const struct http_keys *k, const struct node *map) {
    const struct node *tls = tree_get(map, "tls");
    bool has_header = false;
    for (size_t i = 0; i < k->header_count; i++)
        has_header = has_header || strcasecmp(k->headers[i].name, "authorization") == 0;
    if (k->username && k->bearer_token)
        return bind_error_at_key(b, bind_place(map, "bearer_token"),
                                 "basic_auth and bearer_token are both given; keep one of them");
    if (has_header && (k->username || k->bearer_token))
        return bind_error_at_key(b, bind_place(map, "headers"),
                                 "headers has an Authorization beside basic_auth or bearer_token; keep one of them");
    if (tls && !k->cert_file != !k->key_file)
        return bind_error(b, tls, "tls: %s without %s; give both, or none", k->cert_file ? "cert_file" : "key_file",
                          k->cert_file ? "key_file" : "cert_file");
    return true;
}
