/* Makes what SNS would: a key, a certificate, and signed messages. */
#ifndef TESTS_UNIT_SNS_MAKER_H
#define TESTS_UNIT_SNS_MAKER_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/sns.h"
#include "core/base64.h"

#define MAKER_TOPIC "arn:aws:sns:eu-west-1:123456789012:ses-events"
#define MAKER_URL   "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"

static inline EVP_PKEY *maker_key(unsigned bits) {
    EVP_PKEY *key = EVP_RSA_gen(bits);
    if (!key)
        abort();
    return key;
}

/* Valid from `from_s` to `to_s` seconds from now. Returns new. */
static inline char *maker_certificate(EVP_PKEY *key, const char *name, long from_s, long to_s) {
    X509 *x = X509_new();
    X509_NAME *subject = X509_get_subject_name(x);
    char *pem = NULL, *copy;
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), from_s);
    X509_gmtime_adj(X509_getm_notAfter(x), to_s);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, subject);
    X509_set_pubkey(x, key);
    BIO *out = BIO_new(BIO_s_mem());
    if (!X509_sign(x, key, EVP_sha256()) || !PEM_write_bio_X509(out, x))
        abort();
    long len = BIO_get_mem_data(out, &pem);
    copy = calloc((size_t)len + 1, 1);
    memcpy(copy, pem, (size_t)len);
    BIO_free(out);
    X509_free(x);
    return copy;
}

struct maker_message {
    const char *type, *message, *subject, *timestamp, *topic, *token, *url, *version; /* NULL: the usual */
};

static inline const char *maker_or(const char *given, const char *usual) {
    return given ? given : usual;
}

/* As JSON; the strings must need no escapes but those that are there. `escaped` is `message` in a JSON string. Returns
 * new. */
static inline char *maker_body(EVP_PKEY *key, const struct maker_message *m, const char *escaped) {
    const char *type = maker_or(m->type, "Notification"), *topic = maker_or(m->topic, MAKER_TOPIC);
    const char *time = maker_or(m->timestamp, "2026-11-20T08:15:30.000Z"), *version = maker_or(m->version, "2");
    const char *token = maker_or(m->token, "0123456789abcdef"), *url = maker_or(m->url, MAKER_URL);
    int notifies = strcmp(type, "Notification") == 0;
    char *signed_text, *body, signature[2048] = "";
    if (notifies && m->subject) {
        if (asprintf(&signed_text, "Message\n%s\nMessageId\nid-1\nSubject\n%s\nTimestamp\n%s\nTopicArn\n%s\nType\n%s\n",
                     m->message, m->subject, time, topic, type) < 0)
            abort();
    } else if (notifies) {
        if (asprintf(&signed_text, "Message\n%s\nMessageId\nid-1\nTimestamp\n%s\nTopicArn\n%s\nType\n%s\n", m->message,
                     time, topic, type) < 0)
            abort();
    } else if (asprintf(&signed_text,
                        "Message\n%s\nMessageId\nid-1\nSubscribeURL\nhttps://evil.example/follow\nTimestamp\n%s\nToken"
                        "\n%s\nTopicArn\n%s\nType\n%s\n",
                        m->message, time, token, topic, type) < 0) {
        abort();
    }
    unsigned char raw[1024];
    size_t len = sizeof raw;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const EVP_MD *digest = strcmp(version, "1") == 0 ? EVP_sha1() : EVP_sha256();
    if (EVP_DigestSignInit(context, NULL, digest, NULL, key) != 1 ||
        EVP_DigestSign(context, raw, &len, (const unsigned char *)signed_text, strlen(signed_text)) != 1)
        abort();
    EVP_MD_CTX_free(context);
    base64_encode((struct span){(const char *)raw, len}, signature);
    if (asprintf(
            &body,
            "{\"Type\":\"%s\",\"MessageId\":\"id-1\",%s%s%s%s%s%s%s\"TopicArn\":\"%s\",\"Message\":\"%s\",\"Timestamp\""
            ":\"%s\",\"SignatureVersion\":\"%s\",\"Signature\":\"%s\",\"SigningCertURL\":\"%s\"}",
            type, notifies && m->subject ? "\"Subject\":\"" : "", notifies && m->subject ? m->subject : "",
            notifies && m->subject ? "\"," : "", notifies ? "" : "\"SubscribeURL\":\"https://evil.example/follow\",",
            notifies ? "" : "\"Token\":\"", notifies ? "" : token, notifies ? "" : "\",", topic, escaped, time, version,
            signature, url) < 0)
        abort();
    free(signed_text);
    return body;
}

#endif
