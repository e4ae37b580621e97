#include "aws/sns_confirm.h"

#include <stdlib.h>
#include <string.h>

#include "aws/xml.h"
#include "core/alloc.h"

enum { FORM_MAX = 64 * 1024 };

static void add_field(struct buf *form, const char *name, struct span value) {
    if (form->len)
        buf_append_char(form, '&');
    buf_append_str(form, name);
    buf_append_char(form, '=');
    sigv4_encode(form, value, false);
}

static bool take_arn(void *context, const char *path, const char *text) {
    struct buf *arn = context;
    if (strcmp(path, "ConfirmSubscriptionResponse/ConfirmSubscriptionResult/SubscriptionArn") != 0)
        return true;
    buf_append_str(arn, text);
    return false;
}

bool sns_confirm(struct aws_session *s, const struct sns_message *m, struct buf *arn, const atomic_bool *stop,
                 struct err *err) {
    static const struct http_header headers[] = {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"}};
    struct buf form;
    buf_init(&form, FORM_MAX);
    add_field(&form, "Action", SPAN_LIT("ConfirmSubscription"));
    add_field(&form, "Token", m->token);
    add_field(&form, "TopicArn", m->topic_arn);
    add_field(&form, "Version", SPAN_LIT("2010-03-31"));
    char *region = alloc_string(m->topic.region.ptr, m->topic.region.len);
    const struct aws_call call = {.service = "sns",
                                  .region = region,
                                  .method = "POST",
                                  .path = "/",
                                  .headers = headers,
                                  .header_count = 1,
                                  .body = buf_span(&form),
                                  .anonymous = true};
    struct aws_answer answer = {0};
    const struct xml_hooks hooks = {arn, take_arn};
    bool good = !form.failed || err_set(err, ERR_INPUT, "the token is too long");
    good = good && aws_perform(s, &call, &answer, stop, err) && xml_walk(buf_span(&answer.body), &hooks, err);
    if (good && (!arn->len || arn->failed))
        good = err_set(err, ERR_IO, "SNS did not say the subscription's ARN");
    aws_answer_deinit(&answer);
    if (form.data)
        aws_wipe(form.data, form.len);
    buf_deinit(&form);
    free(region);
    return good;
}
