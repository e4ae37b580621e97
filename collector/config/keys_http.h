/* The keys of what is posted to: who we are, TLS, headers. For whatever struct holds them under these names: username,
 * password, bearer_token, ca_file, cert_file, key_file, headers and header_count. */
#ifndef CONFIG_KEYS_HTTP_H
#define CONFIG_KEYS_HTTP_H

#include "config/keys.h"
#include "config/words.h"

const char *user_wrong(const char *text);
bool is_secret_header(const char *name); /* its name tells of a secret */

/* As read, for what cannot be right together. */
struct http_keys {
    const char *username, *bearer_token, *cert_file, *key_file;
    const struct notify_header *headers;
    size_t header_count;
};
bool check_http_keys(struct binder *b, const struct http_keys *k, const struct node *map);

/* clang-format off */
#define BASIC_AUTH_KEYS(type) \
    {"username", KEY_TEXT, KEY_REQUIRED, FIELD(type, username), .wrong = user_wrong, .means = "The user's name."}, \
    {"password", KEY_TEXT, KEY_REQUIRED | KEY_SECRET, FIELD(type, password), .means = "The password."}

#define TLS_KEYS(type) \
    {"ca_file", KEY_PATH, KEY_READABLE, FIELD(type, ca_file), .shown_default = "the system's", \
     .means = "Certificates (PEM) that the server's is checked against."}, \
    {"cert_file", KEY_PATH, KEY_READABLE, FIELD(type, cert_file), .means = "Our certificate (PEM)."}, \
    {"key_file", KEY_PATH, KEY_READABLE, FIELD(type, key_file), .means = "Its key (PEM)."}

#define BEARER_TOKEN_KEY(type) \
    {"bearer_token", KEY_TEXT, KEY_SECRET, FIELD(type, bearer_token), \
     .means = "Sent as \"Authorization: Bearer ...\"."}

#define HEADERS_KEY(type) \
    {"headers", KEY_PAIRS, 0, LIST_FIELD(type, headers, header_count), .max = 32, .wrong = header_wrong, \
     .wrong_value = line_wrong, .is_secret = is_secret_header, \
     .means = "Headers of your own. One whose name tells of a secret is not shown, and can be read from a file: " \
              "`Authorization_file`."}
/* clang-format on */

#endif
