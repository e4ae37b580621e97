#include "aws/ses.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 256, CALL_MS = 15000 };

/* 4xx are answers of the service itself, which has not done it. */
static enum ses_result result_of(const struct aws_answer *a) {
    if (strcmp(a->code, "NotFoundException") == 0 || strcmp(a->code, "BadRequestException") == 0)
        return SES_REFUSED;
    return a->status >= 400 && a->status < 500 ? SES_FAILED : SES_UNSURE;
}

static struct aws_call call_of(const char *method, const char *path) {
    return (struct aws_call){
        .service = "ses", .prefix = "email", .method = method, .path = path, .timeout_ms = CALL_MS};
}

enum ses_result ses_set_sending(struct aws_session *session, const char *set, bool enabled, const atomic_bool *stop,
                                struct err *err) {
    static const struct http_header json = {"Content-Type", "application/json"};
    char path[PATH_SIZE] = "/v2/email/account/sending";
    if (*set)
        snprintf(path, sizeof path, "/v2/email/configuration-sets/%.150s/sending", set);
    struct aws_call call = call_of("PUT", path);
    call.body = span_of(enabled ? "{\"SendingEnabled\":true}" : "{\"SendingEnabled\":false}");
    call.headers = &json;
    call.header_count = 1;
    struct aws_answer answer;
    enum ses_result result = SES_DONE;
    if (!aws_perform(session, &call, &answer, stop, err))
        result = result_of(&answer);
    aws_answer_deinit(&answer);
    return result;
}

/* The account says it at the top, a set among its SendingOptions. */
static bool read_enabled(struct span body, bool is_set, bool *enabled) {
    json_t *json = json_loadb(body.ptr ? body.ptr : "", body.len, 0, NULL);
    const json_t *at = is_set ? json_object_get(json, "SendingOptions") : json;
    const json_t *value = json_object_get(at, "SendingEnabled");
    bool found = json_is_boolean(value);
    *enabled = json_is_true(value);
    json_decref(json);
    return found;
}

enum ses_result ses_get_sending(struct aws_session *session, const char *set, bool *enabled, const atomic_bool *stop,
                                struct err *err) {
    char path[PATH_SIZE] = "/v2/email/account";
    if (*set)
        snprintf(path, sizeof path, "/v2/email/configuration-sets/%.150s", set);
    const struct aws_call call = call_of("GET", path);
    struct aws_answer answer;
    enum ses_result result = SES_DONE;
    *enabled = false;
    if (!aws_perform(session, &call, &answer, stop, err))
        result = result_of(&answer);
    else if (!read_enabled(buf_span(&answer.body), *set != '\0', enabled)) {
        err_set(err, ERR_INPUT, "SES does not say whether sending is enabled");
        result = SES_FAILED;
    }
    aws_answer_deinit(&answer);
    return result;
}
