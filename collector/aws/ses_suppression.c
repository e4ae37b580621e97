#include "aws/ses_suppression.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static char *body_of(const char *address, enum ses_suppression_reason reason) {
    json_t *json = json_object(), *text = json_string(address);
    if (!text) { /* no UTF-8 */
        json_decref(json);
        return NULL;
    }
    json_object_set_new(json, "EmailAddress", text);
    json_object_set_new(json, "Reason", json_string(reason == SES_SUPPRESS_COMPLAINT ? "COMPLAINT" : "BOUNCE"));
    char *body = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    return body;
}

enum ses_suppression_result ses_suppress(struct aws_session *s, const char *address, enum ses_suppression_reason reason,
                                         const atomic_bool *stop, struct err *err) {
    static const struct http_header type = {"content-type", "application/json"};
    char *body = body_of(address, reason);
    if (!body)
        return SES_SUPPRESSION_REFUSED;
    struct aws_answer answer;
    struct err said = {0};
    const struct aws_call call = {
        .service = "ses",
        .prefix = "email",
        .method = "PUT",
        .path = "/v2/email/suppression/addresses",
        .headers = &type,
        .header_count = 1,
        .body = span_of(body),
    };
    bool put = aws_perform(s, &call, &answer, stop, &said);
    bool refused = !put && answer.status == 400 && strcmp(answer.code, "BadRequestException") == 0;
    /* AWS may say the address back: of its words only the code is shown. */
    if (!put && !refused && answer.status)
        err_set(err, ERR_IO, "SES refused an address for its suppression list: %s (status %d)",
                *answer.code ? answer.code : "no code", answer.status);
    else if (!put && !refused)
        err_set(err, said.code, "%s", said.text);
    aws_answer_deinit(&answer);
    free(body);
    return put ? SES_SUPPRESSED : refused ? SES_SUPPRESSION_REFUSED : SES_SUPPRESSION_FAILED;
}
