#include "aws/session_error.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "aws/xml.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- what may be shown -------------------------------------------------------------------------------------------- */

enum { SECRET_RUN = 40, HEX_RUN = 32, KEY_ID = 20 };

static bool is_secret_byte(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
           c == '=';
}

/* Secret keys have 40 of these bytes, tokens hundreds, signatures 64, ids of keys 20 and a known beginning. */
static bool looks_secret(struct span run) {
    bool upper = false, lower = false, digit = false, hex = true;
    for (size_t i = 0; i < run.len; i++) {
        char c = run.ptr[i];
        upper |= c >= 'A' && c <= 'Z';
        lower |= c >= 'a' && c <= 'z';
        digit |= c >= '0' && c <= '9';
        hex &= (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    }
    if (run.len == KEY_ID && !lower && (memcmp(run.ptr, "AKIA", 4) == 0 || memcmp(run.ptr, "ASIA", 4) == 0))
        return true;
    return (run.len >= HEX_RUN && hex) || (run.len >= SECRET_RUN && upper && lower && digit);
}

static void add(char *to, size_t size, size_t *len, struct span text) {
    for (size_t i = 0; i < text.len && *len + 1 < size; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        to[(*len)++] = (char)(c < 0x20 || c == 0x7f ? ' ' : c);
    }
    to[*len] = 0;
}

void aws_message_clean(char *to, size_t size, struct span text) {
    size_t len = 0;
    const char *end = text.len ? memchr(text.ptr, '\n', text.len) : NULL;
    if (end)
        text.len = (size_t)(end - text.ptr); /* what was to be signed follows in further lines */
    to[0] = 0;
    bool inside = false; /* a word that was looked at for an address */
    while (text.len) {
        size_t word = 0, run = 0;
        while (!inside && word < text.len && !span_is_blank(text.ptr[word]))
            word++;
        if (word && memchr(text.ptr, '@', word)) {
            add(to, size, &len, SPAN_LIT("<e-mail>"));
            text.ptr += word;
            text.len -= word;
            continue;
        }
        while (run < text.len && is_secret_byte(text.ptr[run]))
            run++;
        bool secret = run && looks_secret((struct span){text.ptr, run});
        size_t eaten = run ? run : 1;
        inside = run || !span_is_blank(text.ptr[0]);
        add(to, size, &len, secret ? SPAN_LIT("...") : (struct span){text.ptr, eaten});
        text.ptr += eaten;
        text.len -= eaten;
    }
}

/* Some services answer a wrong signature with all that was signed, tokens included. */
static void set_message(struct aws_problem *p, const char *text) {
    static const char *const ends[] = {"The Canonical", "Authorization=", "Credential=", "Consult the service"};
    struct span shown = span_trim(span_of(text));
    for (size_t i = 0; i < COUNT(ends); i++) {
        const char *found = memmem(shown.ptr, shown.len, ends[i], strlen(ends[i]));
        if (found)
            shown.len = (size_t)(found - shown.ptr);
    }
    aws_message_clean(p->message, sizeof p->message, span_trim(shown));
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* "com.amazonaws.sqs#QueueDoesNotExist", "QueueDoesNotExist:http://...", "QueueDoesNotExist;Sender". */
static void set_code(struct aws_problem *p, const char *text) {
    const char *hash = strchr(text, '#');
    if (hash)
        text = hash + 1;
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    if (!len || len >= sizeof p->code)
        return;
    memcpy(p->code, text, len);
    p->code[len] = 0;
}

static void set_region(struct aws_problem *p, const char *text) {
    if (endpoint_is_region(text))
        snprintf(p->region, sizeof p->region, "%s", text);
}

static bool ends_with(const char *path, const char *end) {
    size_t len = strlen(path), end_len = strlen(end);
    return len >= end_len && strcmp(path + len - end_len, end) == 0;
}

static bool take_element(void *context, const char *path, const char *text) {
    struct aws_problem *p = context;
    if (ends_with(path, "Error/Code"))
        set_code(p, text);
    else if (ends_with(path, "Error/Message"))
        set_message(p, text);
    else if (ends_with(path, "Error/Region"))
        set_region(p, text);
    return true;
}

static void read_json(struct aws_problem *p, struct span body) {
    json_t *json = json_loadb(body.ptr, body.len, 0, NULL);
    static const char *const codes[] = {"__type", "code", "Code"}, *const messages[] = {"message", "Message"};
    for (size_t i = 0; i < COUNT(codes) && !*p->code; i++)
        if (json_is_string(json_object_get(json, codes[i])))
            set_code(p, json_string_value(json_object_get(json, codes[i])));
    for (size_t i = 0; i < COUNT(messages) && !*p->message; i++)
        if (json_is_string(json_object_get(json, messages[i])))
            set_message(p, json_string_value(json_object_get(json, messages[i])));
    json_decref(json);
}

/* "... the region 'us-east-1' is wrong; expecting 'eu-west-1'" */
static void read_expected_region(struct aws_problem *p) {
    const char *at = strstr(p->message, "expecting '");
    char region[ENDPOINT_REGION_MAX];
    if (!at || *p->region)
        return;
    at += strlen("expecting '");
    size_t len = strcspn(at, "'");
    if (len >= sizeof region)
        return;
    memcpy(region, at, len);
    region[len] = 0;
    set_region(p, region);
}

void aws_problem_read(struct aws_problem *p, int status, const struct aws_problem_headers *headers, struct span body) {
    *p = (struct aws_problem){.status = status};
    struct span text = span_trim(body);
    if (text.len && text.ptr[0] == '{')
        read_json(p, text);
    else if (text.len)
        xml_walk(text, &(struct xml_hooks){p, take_element}, NULL); /* as far as it can be read */
    if (!*p->code && headers->error_type)
        set_code(p, headers->error_type);
    if (!*p->code && headers->query_error)
        set_code(p, headers->query_error);
    if (headers->bucket_region)
        set_region(p, headers->bucket_region);
    if (strcmp(p->code, "AuthorizationHeaderMalformed") == 0)
        read_expected_region(p);
}

/* --- what helps --------------------------------------------------------------------------------------------------- */

static bool is_one_of(const char *code, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(code, list[i]) == 0)
            return true;
    return false;
}

static bool is_clock(const struct aws_problem *p) {
    static const char *const codes[] = {"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"};
    static const char *const signature_codes[] = {"SignatureDoesNotMatch", "InvalidSignatureException"};
    if (is_one_of(p->code, codes, COUNT(codes)))
        return true;
    return is_one_of(p->code, signature_codes, COUNT(signature_codes)) &&
           (strstr(p->message, "Signature expired") || strstr(p->message, "not yet current"));
}

enum aws_remedy aws_problem_remedy(const struct aws_problem *p) {
    static const char *const throttled[] = {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "RequestThrottled",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "SlowDown",
        "PriorRequestNotComplete",
        "EC2ThrottledException",
    };
    static const char *const transient[] = {"RequestTimeout",     "RequestTimeoutException", "InternalError",
                                            "InternalFailure",    "ServiceUnavailable",      "IDPCommunicationError",
                                            "InternalServerError"};
    static const char *const expired[] = {
        "ExpiredToken",       "ExpiredTokenException", "TokenRefreshRequired",       "InvalidClientTokenId",
        "InvalidAccessKeyId", "InvalidToken",          "UnrecognizedClientException"};
    if (is_clock(p))
        return REMEDY_CLOCK;
    if (is_one_of(p->code, expired, COUNT(expired)))
        return REMEDY_IDENTITY;
    if (is_one_of(p->code, throttled, COUNT(throttled)) || p->status == 429 || p->status == 509)
        return REMEDY_THROTTLE;
    if (is_one_of(p->code, transient, COUNT(transient)) || p->status == 500 || p->status == 502 || p->status == 503 ||
        p->status == 504)
        return REMEDY_WAIT;
    return REMEDY_NONE;
}
