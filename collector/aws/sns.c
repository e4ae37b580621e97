#include "aws/sns.h"

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws/date.h"
#include "core/base64.h"

enum { LEAST_KEY_BITS = 2048, SIGNATURE_MAX = 2048, ARN_MAX = 1024 };

#define DIGITS       "0123456789"
#define LOWER        "abcdefghijklmnopqrstuvwxyz"
#define NAME_LETTERS LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "-_."

/* --- topics ------------------------------------------------------------------------------------------------------- */

static bool consists_of(struct span s, const char *letters, size_t least, size_t most) {
    if (s.len < least || s.len > most)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!s.ptr[i] || !strchr(letters, s.ptr[i]))
            return false;
    return true;
}

static struct span take_part(struct span *rest) {
    const char *colon = memchr(rest->ptr, ':', rest->len);
    struct span part = {rest->ptr, colon ? (size_t)(colon - rest->ptr) : rest->len};
    size_t used = part.len + (colon ? 1 : 0);
    rest->ptr += used;
    rest->len -= used;
    return part;
}

static const char *domain_of(struct span partition) {
    static const struct {
        const char *partition, *domain;
    } known[] = {{"aws", "amazonaws.com"},
                 {"aws-us-gov", "amazonaws.com"},
                 {"aws-cn", "amazonaws.com.cn"},
                 {"aws-eusc", "amazonaws.eu"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (span_eq(partition, span_of(known[i].partition)))
            return known[i].domain;
    return NULL;
}

bool sns_topic_parse(struct span arn, struct sns_topic *t) {
    *t = (struct sns_topic){0};
    if (!arn.ptr || arn.len > ARN_MAX)
        return false;
    struct span rest = arn, word = take_part(&rest);
    t->partition = take_part(&rest);
    struct span service = take_part(&rest);
    t->region = take_part(&rest);
    t->account = take_part(&rest);
    t->name = rest;
    t->domain = domain_of(t->partition);
    return span_is(word, "arn") && t->domain && span_is(service, "sns") &&
           consists_of(t->region, LOWER DIGITS "-", 1, 32) && consists_of(t->account, DIGITS, 12, 12) &&
           consists_of(t->name, NAME_LETTERS, 1, 256);
}

/* --- the message -------------------------------------------------------------------------------------------------- */

static struct span text_at(const json_t *object, const char *key) {
    const json_t *v = json_object_get(object, key);
    return json_is_string(v) ? (struct span){json_string_value(v), json_string_length(v)} : (struct span){NULL, 0};
}

static bool take_type(struct sns_message *m, struct err *err) {
    if (m->type_text.ptr && span_is(m->type_text, "Notification"))
        m->type = SNS_NOTIFICATION;
    else if (m->type_text.ptr && span_is(m->type_text, "SubscriptionConfirmation"))
        m->type = SNS_SUBSCRIPTION;
    else if (m->type_text.ptr && span_is(m->type_text, "UnsubscribeConfirmation"))
        m->type = SNS_UNSUBSCRIBE;
    else
        return err_set(err, ERR_INPUT, "Type is none that SNS sends");
    return true;
}

static bool take_keys(struct sns_message *m, struct err *err) {
    const json_t *o = m->document;
    m->type_text = text_at(o, "Type");
    m->message = text_at(o, "Message");
    m->message_id = text_at(o, "MessageId");
    m->subject = text_at(o, "Subject");
    m->subscribe_url = text_at(o, "SubscribeURL");
    m->timestamp = text_at(o, "Timestamp");
    m->token = text_at(o, "Token");
    m->topic_arn = text_at(o, "TopicArn");
    m->signature = text_at(o, "Signature");
    m->certificate_url = text_at(o, "SigningCertURL");
    struct span version = text_at(o, "SignatureVersion");
    m->signature_version = version.ptr && span_is(version, "1") ? 1 : version.ptr && span_is(version, "2") ? 2 : 0;
    if (!take_type(m, err))
        return false;
    if (!sns_topic_parse(m->topic_arn, &m->topic))
        return err_set(err, ERR_INPUT, "TopicArn is no topic of SNS");
    /* All of what is signed as the time has to be one: date_parse_iso ends at a NUL. */
    if (!m->message.ptr || !m->message_id.ptr || !m->timestamp.ptr ||
        memchr(m->timestamp.ptr, '\0', m->timestamp.len) || !date_parse_iso(m->timestamp.ptr, &m->time_ms))
        return err_set(err, ERR_INPUT, "Message, MessageId or Timestamp is missing or wrong");
    if (m->type != SNS_NOTIFICATION && (!m->token.len || !m->subscribe_url.ptr))
        return err_set(err, ERR_INPUT, "Token or SubscribeURL is missing");
    if (!m->signature_version || !m->signature.ptr || !m->certificate_url.ptr)
        return err_set(err, ERR_INPUT, "it has no signature of version 1 or 2");
    return true;
}

bool sns_message_parse(struct sns_message *m, struct span body, struct err *err) {
    *m = (struct sns_message){0};
    if (body.len > SNS_MESSAGE_MAX)
        return err_set(err, ERR_INPUT, "it is longer than 1 MiB");
    json_error_t at;
    m->document = json_loadb(body.ptr ? body.ptr : "", body.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &at);
    if (!json_is_object((json_t *)m->document))
        err_set(err, ERR_INPUT, "it is no JSON object");
    else if (take_keys(m, err))
        return true;
    sns_message_deinit(m);
    return false;
}

void sns_message_deinit(struct sns_message *m) {
    json_decref(m->document);
    *m = (struct sns_message){0};
}

/* --- the signature ------------------------------------------------------------------------------------------------ */

static void add_pair(struct buf *to, const char *name, struct span value) {
    if (!value.ptr)
        return;
    buf_append_str(to, name);
    buf_append_char(to, '\n');
    buf_append(to, value.ptr, value.len);
    buf_append_char(to, '\n');
}

void sns_signed_text(const struct sns_message *m, struct buf *to) {
    add_pair(to, "Message", m->message);
    add_pair(to, "MessageId", m->message_id);
    if (m->type == SNS_NOTIFICATION) {
        add_pair(to, "Subject", m->subject);
    } else {
        add_pair(to, "SubscribeURL", m->subscribe_url);
    }
    add_pair(to, "Timestamp", m->timestamp);
    if (m->type != SNS_NOTIFICATION)
        add_pair(to, "Token", m->token);
    add_pair(to, "TopicArn", m->topic_arn);
    add_pair(to, "Type", m->type_text);
}

/* "sns.amazonaws.com", "sns.eu-west-1.amazonaws.com", "sns.cn-north-1.amazonaws.com.cn" */
static bool is_name_of_sns(const char *name, size_t len, const struct sns_topic *t) {
    struct span s = {name, len};
    size_t domain = strlen(t->domain);
    if (span_is(s, "sns.amazonaws.com"))
        return true;
    if (s.len < 5 + domain || memcmp(s.ptr, "sns.", 4) != 0 || memcmp(s.ptr + s.len - domain, t->domain, domain) != 0)
        return false;
    struct span middle = {s.ptr + 4, s.len - 4 - domain};
    return middle.len == 0 || (middle.ptr[middle.len - 1] == '.' &&
                               consists_of((struct span){middle.ptr, middle.len - 1}, LOWER DIGITS "-", 1, 32));
}

static bool is_for_sns(const X509 *x, const struct sns_topic *t) {
    X509_NAME *subject = X509_get_subject_name(x);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    const X509_NAME_ENTRY *entry = at < 0 ? NULL : X509_NAME_get_entry(subject, at);
    unsigned char *text = NULL;
    int len = entry ? ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry)) : -1;
    bool good = len > 0 && is_name_of_sns((const char *)text, (size_t)len, t);
    OPENSSL_free(text);
    return good;
}

static bool check_certificate(const X509 *x, const struct sns_topic *t, int64_t now_ms, struct err *err) {
    time_t now = (time_t)(now_ms / 1000);
    if (X509_cmp_time(X509_get0_notBefore(x), &now) >= 0 || X509_cmp_time(X509_get0_notAfter(x), &now) <= 0)
        return err_set(err, ERR_INPUT, "the certificate is not in its time");
    return is_for_sns(x, t) || err_set(err, ERR_INPUT, "the certificate is not one for SNS");
}

/* Under the digest of its version. */
static bool is_signed_by(const struct sns_message *m, EVP_PKEY *key, struct span text, struct err *err) {
    unsigned char signature[SIGNATURE_MAX];
    if (!EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_get_bits(key) < LEAST_KEY_BITS)
        return err_set(err, ERR_INPUT, "the certificate's key is no RSA key of 2048 bits or more");
    if (m->signature.len > base64_encoded_size(sizeof signature))
        return err_set(err, ERR_INPUT, "the signature is too long");
    ptrdiff_t len = base64_decode(m->signature, (char *)signature);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const EVP_MD *digest = m->signature_version == 1 ? EVP_sha1() : EVP_sha256();
    bool good = len > 0 && context && EVP_DigestVerifyInit(context, NULL, digest, NULL, key) == 1 &&
                EVP_DigestVerify(context, signature, (size_t)len, (const unsigned char *)text.ptr, text.len) == 1;
    EVP_MD_CTX_free(context);
    return good || err_set(err, ERR_INPUT, "the signature is wrong");
}

bool sns_verify(const struct sns_message *m, struct span certificate_pem, int64_t now_ms, struct err *err) {
    BIO *in = certificate_pem.len && certificate_pem.len <= INT32_MAX
                  ? BIO_new_mem_buf(certificate_pem.ptr, (int)certificate_pem.len)
                  : NULL;
    X509 *x = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
    EVP_PKEY *key = x ? X509_get0_pubkey(x) : NULL;
    struct buf text;
    buf_init(&text, 2 * SNS_MESSAGE_MAX);
    sns_signed_text(m, &text);
    bool good;
    if (!key || text.failed)
        good = err_set(err, ERR_INPUT, "the certificate is no certificate");
    else
        good = check_certificate(x, &m->topic, now_ms, err) && is_signed_by(m, key, buf_span(&text), err);
    buf_deinit(&text);
    X509_free(x);
    BIO_free(in);
    ERR_clear_error();
    return good;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

/* SimpleNotificationService-0123456789abcdef.pem */
static bool is_certificate_name(struct span name) {
    static const char head[] = "SimpleNotificationService-", tail[] = ".pem";
    size_t head_len = sizeof head - 1, tail_len = sizeof tail - 1;
    if (name.len < head_len + tail_len || memcmp(name.ptr, head, head_len) != 0 ||
        memcmp(name.ptr + name.len - tail_len, tail, tail_len) != 0)
        return false;
    return consists_of((struct span){name.ptr + head_len, name.len - head_len - tail_len}, DIGITS "abcdef", 16, 64);
}

bool sns_certificate_url(const struct sns_message *m, const char *endpoint, struct buf *to, struct err *err) {
    size_t at = to->len;
    if (endpoint) {
        struct span base = span_of(endpoint);
        while (base.len && base.ptr[base.len - 1] == '/')
            base.len--;
        buf_append(to, base.ptr, base.len);
    } else {
        buf_printf(to, "https://sns.%.*s.%s", SPAN_ARG(m->topic.region), m->topic.domain);
    }
    buf_append_char(to, '/');
    size_t len = to->len - at;
    struct span url = m->certificate_url;
    if (to->failed || url.len <= len || memcmp(url.ptr, to->data + at, len) != 0)
        return err_set(err, ERR_INPUT, "SigningCertURL is not of SNS in the topic's region");
    struct span name = {url.ptr + len, url.len - len};
    if (!is_certificate_name(name))
        return err_set(err, ERR_INPUT, "SigningCertURL does not name a certificate of SNS");
    return buf_append(to, name.ptr, name.len) || err_set(err, ERR_INPUT, "SigningCertURL is too long");
}

void sns_confirmation_name(const struct sns_message *m, char name[SNS_NAME_SIZE]) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(context, m->topic_arn.ptr, m->topic_arn.len) == 1 &&
                EVP_DigestUpdate(context, "\n", 1) == 1 && EVP_DigestUpdate(context, m->token.ptr, m->token.len) == 1 &&
                EVP_DigestFinal_ex(context, digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    if (!good)
        abort(); /* a library without SHA-256 is none */
    for (size_t i = 0; i < (SNS_NAME_SIZE - 1) / 2; i++) {
        name[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        name[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    name[SNS_NAME_SIZE - 1] = '\0';
}
