#include "sinks/http_auth.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/alloc.h"
#include "core/base64.h"
#include "core/hash.h"

enum { BCRYPT_LEN = 60, KEY_LEN = 32, MAC_LEN = 32, REMEMBERED = 64, MICROS = 1000000 };

struct known_user {
    char *name;
    char bcrypt[BCRYPT_LEN + 1];
};

struct http_auth {
    pthread_mutex_t lock; /* over all below but `scratch` */
    struct known_user *users;
    size_t user_count;
    unsigned char key[KEY_LEN];
    unsigned char remembered[REMEMBERED][MAC_LEN]; /* a ring; zeros: empty */
    size_t remembered_next;
    int64_t allowance; /* millionths of a wrong guess that may still be computed */
    int64_t refilled_ns;
    struct crypt_data *scratch; /* of the one who computes */
};

/* --- users -------------------------------------------------------------------------------------------------------- */

/* $2y$10$ and 53 more of the alphabet. */
static bool is_bcrypt(const char *hash, int *cost) {
    static const char alphabet[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    if (!hash || strlen(hash) != BCRYPT_LEN || strncmp(hash, "$2", 2) != 0 || !strchr("aby", hash[2]) || hash[3] != '$')
        return false;
    if (hash[4] < '0' || hash[4] > '9' || hash[5] < '0' || hash[5] > '9' || hash[6] != '$')
        return false;
    *cost = (hash[4] - '0') * 10 + hash[5] - '0';
    return strspn(hash + 7, alphabet) == BCRYPT_LEN - 7;
}

bool http_auth_check_users(const struct web_user *users, size_t count, struct err *err) {
    for (size_t i = 0; i < count; i++) {
        int cost = 0;
        const char *name = users[i].name;
        if (!name || !*name || strlen(name) >= sizeof((struct http_credentials *)0)->user || strchr(name, ':'))
            return err_set(err, ERR_CONFIG, "basic_auth_users: a user's name has 1 to 128 bytes and no colon");
        if (!is_bcrypt(users[i].bcrypt, &cost))
            return err_set(err, ERR_CONFIG,
                           "basic_auth_users: what stands for \"%s\" is no bcrypt hash; make one with htpasswd -nB",
                           name);
        if (cost < 4 || cost > AUTH_MAX_COST)
            return err_set(err, ERR_CONFIG, "basic_auth_users: the hash of \"%s\" has the cost %d; 4 to %d are allowed",
                           name, cost, AUTH_MAX_COST);
    }
    return true;
}

static void free_users(struct http_auth *a) {
    for (size_t i = 0; i < a->user_count; i++)
        free(a->users[i].name);
    free(a->users);
}

void http_auth_set_users(struct http_auth *a, const struct web_user *users, size_t count) {
    pthread_mutex_lock(&a->lock);
    free_users(a);
    a->users = count ? alloc_zeroed(count, sizeof *a->users) : NULL;
    a->user_count = count;
    for (size_t i = 0; i < count; i++) {
        a->users[i].name = alloc_string(users[i].name, strlen(users[i].name));
        memcpy(a->users[i].bcrypt, users[i].bcrypt, BCRYPT_LEN);
    }
    pthread_mutex_unlock(&a->lock);
}

struct http_auth *http_auth_create(void) {
    struct http_auth *a = alloc_zeroed(1, sizeof *a);
    pthread_mutex_init(&a->lock, NULL);
    for (size_t i = 0; i < KEY_LEN; i += sizeof(struct hash_key)) {
        struct hash_key k = hash_key_random();
        memcpy(a->key + i, &k, sizeof k);
    }
    a->allowance = (int64_t)AUTH_FAILURE_BURST * MICROS;
    a->scratch = alloc_zeroed(1, sizeof *a->scratch);
    return a;
}

void http_auth_destroy(struct http_auth *a) {
    if (!a)
        return;
    free_users(a);
    OPENSSL_cleanse(a->scratch, sizeof *a->scratch);
    free(a->scratch);
    OPENSSL_cleanse(a, sizeof *a);
    free(a);
}

/* --- credentials -------------------------------------------------------------------------------------------------- */

void http_credentials_wipe(struct http_credentials *c) {
    OPENSSL_cleanse(c, sizeof *c);
}

bool http_credentials_parse(struct http_credentials *c, const char *header) {
    char pair[sizeof c->user + sizeof c->password + 8];
    if (strncasecmp(header, "Basic ", 6) != 0)
        return false;
    const char *text = header + 6 + strspn(header + 6, " ");
    size_t len = strlen(text);
    if (len / 4 * 3 + 3 > sizeof pair)
        return false;
    ptrdiff_t n = base64_decode((struct span){text, len}, pair);
    const char *colon = n > 0 ? memchr(pair, ':', (size_t)n) : NULL;
    bool good = false;
    if (colon && !memchr(pair, 0, (size_t)n)) {
        size_t user = (size_t)(colon - pair), password = (size_t)n - user - 1;
        if (user > 0 && user < sizeof c->user && password < sizeof c->password) {
            memset(c, 0, sizeof *c);
            memcpy(c->user, pair, user);
            memcpy(c->password, colon + 1, password);
            good = true;
        }
    }
    OPENSSL_cleanse(pair, sizeof pair);
    return good;
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

/* The hash to hold a password against; for an unknown user some other one's, so that it takes as long. Under the lock.
 */
static const char *hash_of(const struct http_auth *a, const char *user, bool *known) {
    *known = false;
    const char *hash = a->users[0].bcrypt;
    for (size_t i = 0; i < a->user_count && !*known; i++)
        if (!strcmp(a->users[i].name, user)) {
            *known = true;
            hash = a->users[i].bcrypt;
        }
    return hash;
}

/* Over the zero-padded fields: their lengths cannot be shifted against each other. */
static void mac_of(const struct http_auth *a, const struct http_credentials *c, const char *hash,
                   unsigned char mac[MAC_LEN]) {
    unsigned char text[sizeof *c + BCRYPT_LEN];
    memcpy(text, c, sizeof *c);
    memcpy(text + sizeof *c, hash, BCRYPT_LEN);
    unsigned len = 0;
    if (!HMAC(EVP_sha256(), a->key, KEY_LEN, text, sizeof text, mac, &len) || len != MAC_LEN)
        abort();
    OPENSSL_cleanse(text, sizeof text);
}

static bool is_remembered(const struct http_auth *a, const unsigned char mac[MAC_LEN]) {
    int found = 0;
    for (size_t i = 0; i < REMEMBERED; i++)
        found |= !CRYPTO_memcmp(a->remembered[i], mac, MAC_LEN);
    return found;
}

/* One guess's worth of computing; given back when it was right. Under the lock. */
static bool take_allowance(struct http_auth *a, int64_t now_ns) {
    const int64_t full = (int64_t)AUTH_FAILURE_BURST * MICROS;
    int64_t passed_us = (now_ns - a->refilled_ns) / 1000;
    if (passed_us > 60LL * MICROS)
        passed_us = 60LL * MICROS;
    if (passed_us > 0) {
        a->allowance += passed_us * AUTH_FAILURES_PER_SEC;
        a->refilled_ns = now_ns;
    }
    if (a->allowance > full)
        a->allowance = full;
    if (a->allowance < MICROS)
        return false;
    a->allowance -= MICROS;
    return true;
}

enum http_auth_answer http_auth_ask(struct http_auth *a, const char *header, int64_t now_ns,
                                    struct http_credentials *c) {
    pthread_mutex_lock(&a->lock);
    enum http_auth_answer answer = HTTP_AUTH_WRONG;
    if (a->user_count == 0) {
        answer = HTTP_AUTH_WELCOME;
    } else if (header && http_credentials_parse(c, header)) {
        bool known;
        unsigned char mac[MAC_LEN];
        const char *hash = hash_of(a, c->user, &known);
        mac_of(a, c, hash, mac);
        if (is_remembered(a, mac) && known)
            answer = HTTP_AUTH_WELCOME;
        else
            answer = take_allowance(a, now_ns) ? HTTP_AUTH_COMPUTE : HTTP_AUTH_TOO_MANY;
        if (answer != HTTP_AUTH_COMPUTE)
            http_credentials_wipe(c);
    }
    pthread_mutex_unlock(&a->lock);
    return answer;
}

bool http_auth_compute(struct http_auth *a, const struct http_credentials *c) {
    char hash[BCRYPT_LEN + 1] = "";
    unsigned char mac[MAC_LEN];
    bool known = false;
    pthread_mutex_lock(&a->lock);
    if (a->user_count) { /* else: everybody has become welcome since */
        memcpy(hash, hash_of(a, c->user, &known), BCRYPT_LEN);
        mac_of(a, c, hash, mac);
    }
    pthread_mutex_unlock(&a->lock);
    if (!*hash)
        return true;
    const char *made = crypt_r(c->password, hash, a->scratch);
    bool same = made && strlen(made) == BCRYPT_LEN && !CRYPTO_memcmp(made, hash, BCRYPT_LEN);
    bool right = same && known;
    OPENSSL_cleanse(a->scratch, sizeof *a->scratch);
    if (!right)
        return false;
    pthread_mutex_lock(&a->lock);
    memcpy(a->remembered[a->remembered_next++ % REMEMBERED], mac, MAC_LEN);
    a->allowance += MICROS;
    pthread_mutex_unlock(&a->lock);
    return true;
}
