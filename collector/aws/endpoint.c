#include "aws/endpoint.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/alloc.h"
#include "core/log.h"
#include "http/pool.h"

/* --- partitions --------------------------------------------------------------------------------------------------- */

static const struct partition {
    const char *regions; /* how their names begin */
    const char *id, *suffix, *dual_suffix, *home;
} partitions[] = {
    {"cn-", "aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn", "cn-northwest-1"},
    {"us-gov-", "aws-us-gov", "amazonaws.com", "api.aws", "us-gov-west-1"},
    {"us-iso-", "aws-iso", "c2s.ic.gov", "api.aws.ic.gov", "us-iso-east-1"},
    {"us-isob-", "aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud", "us-isob-east-1"},
    {"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", "eu-isoe-west-1"},
    {"us-isof-", "aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov", "us-isof-south-1"},
    {"eusc-", "aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu", "eusc-de-east-1"},
    {"", "aws", "amazonaws.com", "api.aws", "us-east-1"}, /* all others */
};
enum { PARTITIONS = sizeof partitions / sizeof *partitions };

static const struct partition *partition_of(const char *region) {
    size_t i = 0;
    while (strncmp(region, partitions[i].regions, strlen(partitions[i].regions)) != 0)
        i++;
    return &partitions[i];
}

const char *endpoint_partition_region(const char *partition) {
    for (size_t i = 0; i < PARTITIONS; i++)
        if (strcmp(partition, partitions[i].id) == 0)
            return partitions[i].home;
    return NULL;
}

bool endpoint_is_region(const char *region) {
    size_t len = strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return len && !region[len] && len < ENDPOINT_REGION_MAX && region[0] != '-' && region[len - 1] != '-';
}

bool endpoint_is_true(const char *text) {
    return text && strcasecmp(text, "true") == 0;
}

/* --- AWS's own ---------------------------------------------------------------------------------------------------- */

/* Whether the bucket can be a host's label: then no certificate and no resolver is in its way. */
static bool is_label(const char *bucket) {
    size_t len = strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return len >= 3 && len <= 63 && !bucket[len] && bucket[0] != '-' && bucket[len - 1] != '-';
}

/* In GovCloud some services' ordinary endpoints are the FIPS ones, and have no other name. */
static bool is_fips_anyway(const struct endpoint_query *q, const struct partition *p) {
    if (strcmp(p->id, "aws-us-gov") != 0 || q->dual_stack)
        return false;
    if (strcmp(q->service, "sns") == 0)
        return strcmp(q->region, "us-gov-west-1") == 0 || strcmp(q->region, "us-gov-east-1") == 0;
    return strcmp(q->service, "sts") == 0 || strcmp(q->service, "sqs") == 0;
}

static bool resolve_aws(const struct endpoint_query *q, struct endpoint *to, struct err *err) {
    const struct partition *p = partition_of(q->region);
    bool s3 = strcmp(q->service, "s3") == 0;
    const char *fips = q->fips && !is_fips_anyway(q, p) ? "-fips" : "";
    /* S3 had both kinds of addresses before the others had. */
    const char *dual = s3 && q->dual_stack ? ".dualstack" : "";
    const char *suffix = q->dual_stack && !s3 ? p->dual_suffix : p->suffix;
    bool in_host = q->bucket && !to->bucket_in_path;
    int n = snprintf(to->host, sizeof to->host, "%s%s%s%s%s.%s.%s", in_host ? q->bucket : "", in_host ? "." : "",
                     q->prefix ? q->prefix : q->service, fips, dual, q->region, suffix);
    snprintf(to->scheme, sizeof to->scheme, "https");
    return (n > 0 && (size_t)n < sizeof to->host) || err_set(err, ERR_CONFIG, "the endpoint's name is too long");
}

/* --- the user's --------------------------------------------------------------------------------------------------- */

struct span endpoint_bare_host(struct span host) {
    bool brackets = host.len && host.ptr[0] == '[';
    const char *end = memchr(host.ptr, brackets ? ']' : ':', host.len);
    if (brackets)
        return (struct span){host.ptr, end ? (size_t)(end - host.ptr) + 1 : 0};
    return end ? (struct span){host.ptr, (size_t)(end - host.ptr)} : host;
}

bool endpoint_is_loopback(struct span host) {
    if (span_eq_nocase(host, SPAN_LIT("localhost")) || span_is(host, "[::1]"))
        return true;
    size_t dots = 0;
    if (host.len < 4 || memcmp(host.ptr, "127.", 4) != 0)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        dots += host.ptr[i] == '.';
        if (host.ptr[i] != '.' && (host.ptr[i] < '0' || host.ptr[i] > '9'))
            return false; /* 127.example.com is no address */
    }
    return dots == 3;
}

bool endpoint_is_open(const char *url) {
    if (strncasecmp(url, "http://", 7) != 0)
        return false;
    struct span host = {url + 7, strcspn(url + 7, "/?#")};
    return !endpoint_is_loopback(endpoint_bare_host(host));
}

/* Said once: signatures keep keys to ourselves, but nothing else that goes there. */
static void tell_open(const char *host) {
    static atomic_bool told;
    if (!atomic_exchange(&told, true))
        log_event(LOG_WARN, "an endpoint is http: tokens and messages can be read, and answers changed, on the way",
                  LOG_FIELDS({"endpoint", host}));
}

static bool resolve_own(const char *url, struct endpoint *to, struct err *err) {
    if (!http_check_url(url, err))
        return false;
    bool secure = strncasecmp(url, "https", 5) == 0;
    const char *host = strstr(url, "://") + 3;
    size_t len = strcspn(host, "/?#");
    const char *path = host + len;
    if (memchr(host, '@', len) || strpbrk(path, "?#"))
        return err_set(err, ERR_CONFIG, "an endpoint has no user, query or fragment");
    const char *usual = secure ? ":443" : ":80"; /* which is not sent, and so is not signed */
    if (len > strlen(usual) && memcmp(host + len - strlen(usual), usual, strlen(usual)) == 0)
        len -= strlen(usual);
    size_t path_len = strlen(path);
    while (path_len && path[path_len - 1] == '/')
        path_len--;
    if (!len || len >= sizeof to->host || path_len >= sizeof to->base)
        return err_set(err, ERR_CONFIG, "the endpoint's URL is too long");
    snprintf(to->scheme, sizeof to->scheme, "%s", secure ? "https" : "http");
    for (size_t i = 0; i < len; i++)
        to->host[i] = (char)tolower((unsigned char)host[i]);
    memcpy(to->base, path, path_len);
    if (endpoint_is_open(url))
        tell_open(to->host);
    return true;
}

bool endpoint_resolve(const struct endpoint_query *q, struct endpoint *to, struct err *err) {
    *to = (struct endpoint){0};
    if (!endpoint_is_region(q->region))
        return err_set(err, ERR_CONFIG, "no AWS region: %.40s", q->region);
    if (q->bucket && (!*q->bucket || strlen(q->bucket) > 255 || strpbrk(q->bucket, "/?#\r\n")))
        return err_set(err, ERR_CONFIG, "no bucket's name: %.80s", q->bucket);
    to->bucket_in_path = q->bucket && (q->own || q->path_style || !is_label(q->bucket));
    return q->own ? resolve_own(q->own, to, err) : resolve_aws(q, to, err);
}

/* "AWS_ENDPOINT_URL_SQS": what variables are called (and, in lower case, sections). */
static void service_word(const char *service, char *to, size_t size, bool upper) {
    size_t i = 0;
    const char *word = strcmp(service, "ses") == 0 ? "sesv2" : service;
    for (; i < size - 1 && word[i]; i++) {
        char c = (char)(word[i] == '-' ? '_' : word[i]);
        to[i] = (char)(upper ? toupper((unsigned char)c) : c);
    }
    to[i] = 0;
}

static const char *set_variable(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

char *endpoint_configured(const struct aws_settings *s, const struct profile_set *profiles, const char *profile,
                          const char *service) {
    char word[32], name[64];
    if (s->endpoint)
        return alloc_copy(s->endpoint);
    if (endpoint_is_true(getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) ||
        (profiles && endpoint_is_true(profile_value(profiles, profile, "ignore_configured_endpoint_urls"))))
        return NULL;
    service_word(service, word, sizeof word, true);
    snprintf(name, sizeof name, "AWS_ENDPOINT_URL_%s", word);
    const char *url = set_variable(name);
    if (!url)
        url = set_variable("AWS_ENDPOINT_URL");
    if (!url && profiles) {
        const char *services = profile_value(profiles, profile, "services");
        service_word(service, word, sizeof word, false);
        snprintf(name, sizeof name, "%s.endpoint_url", word);
        url = services ? profile_service_value(profiles, services, name) : NULL;
        if (!url)
            url = profile_value(profiles, profile, "endpoint_url");
    }
    return alloc_copy(url);
}

static bool flag(const char *variable, const struct profile_set *profiles, const char *profile, const char *key) {
    const char *value = set_variable(variable);
    if (!value && profiles)
        value = profile_value(profiles, profile, key);
    return endpoint_is_true(value);
}

void endpoint_flags(const struct aws_settings *s, const struct profile_set *profiles, const char *profile, bool *fips,
                    bool *dual_stack) {
    *fips = s->fips || flag("AWS_USE_FIPS_ENDPOINT", profiles, profile, "use_fips_endpoint");
    *dual_stack = s->dual_stack || flag("AWS_USE_DUALSTACK_ENDPOINT", profiles, profile, "use_dualstack_endpoint");
}
