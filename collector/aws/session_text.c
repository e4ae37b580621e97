/* What is said when a call fails: what was called, what AWS said, and what to do. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "aws/session_internal.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *header_of(const struct aws_call *call, const char *name) {
    for (size_t i = 0; i < call->header_count; i++)
        if (strcasecmp(call->headers[i].name, name) == 0)
            return call->headers[i].value;
    return "";
}

/* "AmazonSQS.ReceiveMessage", or "Action=ConfirmSubscription&..." in a form. */
static struct span action_of(const struct aws_call *call) {
    const char *target = header_of(call, "x-amz-target"), *dot = strrchr(target, '.');
    struct span word = span_of(dot ? dot + 1 : target);
    if (!word.len && call->body.len > 7 && memcmp(call->body.ptr, "Action=", 7) == 0)
        word = (struct span){call->body.ptr + 7, call->body.len - 7};
    for (size_t i = 0; i < call->parameter_count && !word.len; i++)
        if (strcmp(call->parameters[i].name, "Action") == 0)
            word = span_of(call->parameters[i].value);
    size_t len = 0;
    while (len < word.len && ((word.ptr[len] | 0x20) >= 'a' && (word.ptr[len] | 0x20) <= 'z'))
        len++;
    word.len = len;
    return word;
}

static const char *s3_action(const struct aws_call *call) {
    bool whole = strcmp(call->path, "/") == 0;
    if (!call->bucket)
        return "ListAllMyBuckets";
    if (strcmp(call->method, "PUT") == 0)
        return "PutObject";
    if (strcmp(call->method, "DELETE") == 0)
        return "DeleteObject";
    return whole ? "ListBucket" : "GetObject";
}

/* The SES v2 API names its actions by path. */
static const char *ses_action(const struct aws_call *call) {
    static const struct {
        const char *method, *begin, *end, *action;
    } actions[] = {
        {"PUT", "/v2/email/configuration-sets/", "/sending", "PutConfigurationSetSendingOptions"},
        {"GET", "/v2/email/configuration-sets/", "", "GetConfigurationSet"},
        {"GET", "/v2/email/configuration-sets", "", "ListConfigurationSets"},
        {"PUT", "/v2/email/account/sending", "", "PutAccountSendingAttributes"},
        {"GET", "/v2/email/account", "", "GetAccount"},
        {"PUT", "/v2/email/suppression/addresses", "", "PutSuppressedDestination"},
        {"GET", "/v2/email/suppression/addresses", "", "ListSuppressedDestinations"},
    };
    size_t len = strlen(call->path);
    for (size_t i = 0; i < COUNT(actions); i++) {
        size_t end = strlen(actions[i].end);
        if (strcmp(call->method, actions[i].method) == 0 &&
            strncmp(call->path, actions[i].begin, strlen(actions[i].begin)) == 0 && len >= end &&
            strcmp(call->path + len - end, actions[i].end) == 0)
            return actions[i].action;
    }
    return NULL;
}

void session_permission(const struct aws_call *call, char *to, size_t size) {
    struct span action = action_of(call);
    to[0] = 0;
    if (call->permission) {
        snprintf(to, size, "%s", call->permission);
        return;
    }
    if (strcmp(call->service, "s3") == 0)
        action = span_of(s3_action(call));
    else if (strcmp(call->service, "ses") == 0)
        action = span_of(ses_action(call));
    if (action.len)
        snprintf(to, size, "%s:%.*s", call->service, SPAN_ARG(action));
}

static bool is_denied(const struct aws_problem *p) {
    static const char *const codes[] = {"AccessDenied", "AccessDeniedException", "AuthorizationError",
                                        "UnauthorizedOperation", "NotAuthorized"};
    for (size_t i = 0; i < COUNT(codes); i++)
        if (strcmp(p->code, codes[i]) == 0)
            return true;
    return p->status == 403 && !*p->code;
}

/* What to do, as far as that is known: "; ...". */
static void advise(const struct aws_flight *f, const struct aws_problem *p, const char *permission, char *to,
                   size_t size) {
    static const struct {
        const char *code, *advice;
    } known[] = {
        {"SignatureDoesNotMatch", "the secret key is wrong, or something on the way changes requests"},
        {"InvalidSignatureException", "the secret key is wrong, or something on the way changes requests"},
        {"InvalidAccessKeyId", "AWS does not know the access key"},
        {"InvalidClientTokenId", "AWS does not know the access key"},
        {"UnrecognizedClientException", "AWS does not know the access key"},
        {"ExpiredToken", "the credentials have expired"},
        {"ExpiredTokenException", "the credentials have expired"},
        {"RequestTimeTooSkewed", "the clock of this machine is wrong"},
        {"RequestExpired", "the clock of this machine is wrong"},
        {"InvalidObjectState", "the object is archived and has to be restored first"},
    };
    const char *advice = NULL;
    to[0] = 0;
    if (is_denied(p) && strstr(p->message, "kms:")) {
        snprintf(to, size, "; the key's policy and ours must allow kms:Decrypt");
    } else if (is_denied(p) && *permission && !f->credentials.access_key) {
        snprintf(to, size, "; requests are not signed: is it public?");
    } else if (is_denied(p) && *permission) {
        snprintf(to, size, "; the permission %s may be missing", permission);
    } else if (*p->region && strcmp(p->region, f->region) != 0 && f->call.bucket) {
        snprintf(to, size, "; %s in region %s, not %s%s",
                 f->own_endpoint ? "the endpoint says that the bucket is" : "the bucket is", p->region, f->region,
                 f->own_endpoint ? ": set aws.region" : "");
    } else {
        for (size_t i = 0; i < COUNT(known) && !advice; i++)
            advice = strcmp(p->code, known[i].code) == 0 ? known[i].advice : NULL;
        if (advice)
            snprintf(to, size, "; %s", advice);
    }
}

bool session_explain(const struct aws_flight *f, const struct aws_problem *p, const struct err *why, struct err *err) {
    char permission[80], what[200], advice[160];
    const struct aws_call *call = &f->call;
    session_permission(call, permission, sizeof permission);
    if (*permission)
        snprintf(what, sizeof what, "%s", permission);
    else
        snprintf(what, sizeof what, "%s %s", call->service, call->method);
    if (call->bucket) {
        size_t len = strlen(what);
        snprintf(what + len, sizeof what - len, ", bucket %.80s", call->bucket);
    }
    if (!p->status)
        return err_set(err, why->code ? why->code : ERR_IO, "%s: %s", what, why->text);
    advise(f, p, permission, advice, sizeof advice);
    return err_set(err, ERR_IO, "%s: %s%sHTTP %d%s%s%s%s", what, p->code, *p->code ? " (" : "", p->status,
                   *p->code ? ")" : "", *p->message ? ": " : "", p->message, advice);
}
