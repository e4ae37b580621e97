#include "aws/sqs.h"

#include <assert.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "http/pool.h"

enum { URL_MAX = 1024, SLACK_MS = 10000 /* over a long poll's own time */, CALL_MS = 30000 };

/* --- where it is -------------------------------------------------------------------------------------------------- */

static bool ends_with(struct span text, const char *end, struct span *before) {
    size_t len = strlen(end);
    if (text.len < len || memcmp(text.ptr + text.len - len, end, len) != 0)
        return false;
    *before = (struct span){text.ptr, text.len - len};
    return true;
}

static bool begins_with(struct span *text, const char *start) {
    size_t len = strlen(start);
    if (text->len < len || memcmp(text->ptr, start, len) != 0)
        return false;
    text->ptr += len;
    text->len -= len;
    return true;
}

static bool is_region(struct span text) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    for (size_t i = 0; i < text.len; i++)
        if (!memchr(letters, text.ptr[i], sizeof letters - 1))
            return false;
    return text.len >= 4 && text.len <= 32 && memchr(text.ptr, '-', text.len);
}

/* The domains of AWS's partitions. */
static bool in_aws(struct span host, struct span *before) {
    static const char *const domains[] = {
        ".amazonaws.com", ".amazonaws.com.cn", ".api.aws",      ".api.amazonwebservices.com.cn",
        ".amazonaws.eu",  ".c2s.ic.gov",       ".sc2s.sgov.gov"};
    for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++)
        if (ends_with(host, domains[i], before))
            return true;
    return false;
}

/* The region in a host of AWS's; `own` says whether it is the endpoint that everyone has, not one of a private network
 * or of another kind, to which the URL's own host is the only way:
 *
 *     sqs.eu-west-1.amazonaws.com   sqs-fips.us-east-1.amazonaws.com   sqs.eu-west-1.api.aws
 *     eu-west-1.queue.amazonaws.com   queue.amazonaws.com
 *     vpce-0a1b2c3d-4e5f.sqs.eu-west-1.vpce.amazonaws.com
 */
static struct span region_of(struct span host, bool *own) {
    struct span rest, other;
    *own = false;
    if (!in_aws(host, &rest))
        return (struct span){0};
    if (span_is(rest, "queue")) {
        *own = true;
        return SPAN_LIT("us-east-1");
    }
    if (ends_with(rest, ".queue", &other)) {
        *own = is_region(other);
        return *own ? other : (struct span){0};
    }
    if (begins_with(&rest, "sqs.")) {
        *own = is_region(rest) && !ends_with(host, ".api.aws", &other);
        return is_region(rest) ? rest : (struct span){0};
    }
    if (begins_with(&rest, "sqs-fips."))
        return is_region(rest) ? rest : (struct span){0};
    if (!ends_with(rest, ".vpce", &other))
        return (struct span){0};
    const char *dot = memrchr(other.ptr, '.', other.len);
    struct span region = dot ? (struct span){dot + 1, (size_t)(other.ptr + other.len - dot - 1)} : other;
    return is_region(region) ? region : (struct span){0};
}

bool sqs_queue_parse(const char *url, struct sqs_queue *q, struct err *err) {
    *q = (struct sqs_queue){0};
    if (strlen(url) > URL_MAX)
        return err_set(err, ERR_CONFIG, "is too long for a queue's URL");
    struct err cause = {0};
    if (!http_check_url(url, &cause))
        return err_set(err, ERR_CONFIG, "is no queue's URL: %s", cause.text);
    const char *host = strstr(url, "://"), *path = host ? strchr(host += 3, '/') : NULL;
    const char *name = path && path > host ? strrchr(path, '/') + 1 : ""; /* "http:/h" and "http:///h" are URLs too */
    if (!*name || strpbrk(url, "?#@"))
        return err_set(err, ERR_CONFIG, "is no queue's URL");
    bool own;
    struct span whole = {host, strcspn(host, ":/")};
    struct span region = region_of(whole, &own);
    /* Behind AWS's own host stand an account and a name, nothing else. */
    if (own && (strspn(path + 1, "0123456789") != 12 || path + 14 != name))
        return err_set(err, ERR_CONFIG, "is no queue's URL");
    q->url = alloc_string(url, strlen(url));
    q->name = alloc_string(name, strlen(name));
    q->region = region.len ? alloc_string(region.ptr, region.len) : NULL;
    q->endpoint = own && host[whole.len] == '/' ? NULL : alloc_string(url, (size_t)(path - url));
    return true;
}

void sqs_queue_deinit(struct sqs_queue *q) {
    free(q->url);
    free(q->name);
    free(q->region);
    free(q->endpoint);
    *q = (struct sqs_queue){0};
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

struct operation {
    const char *name, *permission;
};
static const struct operation receive_operation = {"ReceiveMessage", "sqs:ReceiveMessage"};
static const struct operation delete_operation = {"DeleteMessageBatch", "sqs:DeleteMessage"};
static const struct operation change_operation = {"ChangeMessageVisibilityBatch", "sqs:ChangeMessageVisibility"};

static bool is_word(const char *code, const char *a, const char *b) {
    return strcmp(code, a) == 0 || strcmp(code, b) == 0;
}

static bool explain(const struct sqs_queue *q, const struct operation *o, const struct aws_answer *answer,
                    const struct err *cause, struct err *err) {
    if (is_word(answer->code, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"))
        return err_set(err, ERR_IO, "queue %s does not exist; look at account, region and name in its URL", q->name);
    if (is_word(answer->code, "AccessDenied", "AccessDeniedException"))
        return err_set(err, ERR_IO, "queue %s: not allowed; we need %s, from our own policies or the queue's", q->name,
                       o->permission);
    if (strncmp(answer->code, "KMS.", 4) == 0 || strncmp(answer->code, "Kms", 3) == 0)
        return err_set(err, ERR_IO, "queue %s: its messages cannot be decrypted (%s); we need kms:Decrypt on its key",
                       q->name, answer->code);
    return err_set(err, ERR_IO, "queue %s: %s", q->name, cause->text);
}

/* The answer's JSON; NULL with `err`. Takes `input`. */
static json_t *call(struct aws_session *s, const struct sqs_queue *q, const struct operation *o, json_t *input,
                    int64_t timeout_ms, bool once, const atomic_bool *stop, struct err *err) {
    char target[64];
    snprintf(target, sizeof target, "AmazonSQS.%s", o->name);
    const struct http_header headers[] = {{"content-type", "application/x-amz-json-1.0"}, {"x-amz-target", target}};
    char *body = json_dumps(input, JSON_COMPACT);
    json_decref(input);
    struct aws_call c = {.service = "sqs",
                         .region = q->region,
                         .method = "POST",
                         .path = "/",
                         .headers = headers,
                         .header_count = sizeof headers / sizeof headers[0],
                         .body = span_of(body),
                         .timeout_ms = timeout_ms,
                         .once = once};
    struct aws_answer answer;
    struct err cause = {0};
    json_t *output = NULL;
    if (!body)
        err_set(err, ERR_IO, "queue %s: the request cannot be written", q->name);
    else if (!aws_perform(s, &c, &answer, stop, &cause))
        explain(q, o, &answer, &cause, err), aws_answer_deinit(&answer);
    else {
        /* A NUL in a body must not make the others unreadable. An empty answer is as good as {}. */
        json_error_t e;
        output = answer.body.len ? json_loadb(answer.body.data, answer.body.len, JSON_ALLOW_NUL, &e) : json_object();
        if (!json_is_object(output)) {
            json_decref(output);
            output = NULL;
            err_set(err, ERR_IO, "queue %s: what answered %s is not SQS", q->name, o->name);
        }
        aws_answer_deinit(&answer);
    }
    free(body);
    return output;
}

/* --- receiving ---------------------------------------------------------------------------------------------------- */

static int64_t number_of(const json_t *attributes, const char *name) {
    const char *text = json_string_value(json_object_get(attributes, name));
    int64_t n = 0;
    if (!text || !*text || strlen(text) > 15)
        return 0;
    for (; *text >= '0' && *text <= '9'; text++)
        n = n * 10 + (*text - '0');
    return *text ? 0 : n;
}

/* Not known (a module without MD5, or none sent) is no damage: TLS is what guards the way here. */
static bool is_damaged(const json_t *md5, const char *body, size_t len) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    char text[2 * EVP_MAX_MD_SIZE + 1] = "";
    if (!json_is_string(md5) || EVP_Digest(body, len, digest, &digest_len, EVP_md5(), NULL) != 1)
        return false;
    for (unsigned i = 0; i < digest_len; i++)
        snprintf(text + 2 * (size_t)i, 3, "%02x", digest[i]);
    return strcmp(text, json_string_value(md5)) != 0;
}

static char *copy_of(const json_t *text) {
    return alloc_string(json_string_value(text), json_string_length(text));
}

/* False for what is no message. */
static bool take_message(const json_t *from, struct sqs_message *to) {
    const json_t *id = json_object_get(from, "MessageId"), *receipt = json_object_get(from, "ReceiptHandle"),
                 *body = json_object_get(from, "Body"), *attributes = json_object_get(from, "Attributes");
    if (!json_is_string(id) || !json_is_string(receipt))
        return false;
    int64_t count = number_of(attributes, "ApproximateReceiveCount");
    *to = (struct sqs_message){.id = copy_of(id),
                               .receipt = copy_of(receipt),
                               .receive_count = count > 0 && count < 1000000 ? (unsigned)count : 1,
                               .sent_ms = number_of(attributes, "SentTimestamp")};
    to->body = json_is_string(body) ? copy_of(body) : alloc_string("", 0);
    to->body_len = json_string_length(body);
    to->damaged = !json_is_string(body) || is_damaged(json_object_get(from, "MD5OfBody"), to->body, to->body_len);
    return true;
}

bool sqs_receive(struct aws_session *s, const struct sqs_queue *q, unsigned max, unsigned wait_s, unsigned visibility_s,
                 struct sqs_received *r, const atomic_bool *stop, struct err *err) {
    memset(r, 0, sizeof *r);
    /* The second name of the attributes is what servers know that are older than the first. */
    json_t *input = json_pack("{s:s, s:i, s:i, s:i, s:[s, s], s:[s, s]}", "QueueUrl", q->url, "MaxNumberOfMessages",
                              (int)max, "WaitTimeSeconds", (int)wait_s, "VisibilityTimeout", (int)visibility_s,
                              "MessageSystemAttributeNames", "ApproximateReceiveCount", "SentTimestamp",
                              "AttributeNames", "ApproximateReceiveCount", "SentTimestamp");
    json_t *output = call(s, q, &receive_operation, input, (int64_t)wait_s * 1000 + SLACK_MS, false, stop, err);
    if (!output)
        return false;
    const json_t *messages = json_object_get(output, "Messages"); /* not there: none */
    for (size_t i = 0; i < json_array_size(messages) && r->count < max && r->count < SQS_BATCH; i++)
        r->count += take_message(json_array_get(messages, i), &r->messages[r->count]);
    json_decref(output);
    return true;
}

void sqs_received_deinit(struct sqs_received *r) {
    for (unsigned i = 0; i < r->count; i++) {
        free(r->messages[i].id);
        free(r->messages[i].receipt);
        free(r->messages[i].body);
    }
    *r = (struct sqs_received){0};
}

/* --- deleting, visibility ----------------------------------------------------------------------------------------- */

static struct sqs_entry *entry_of(const json_t *item, struct sqs_entry *entries, size_t count) {
    const char *id = json_string_value(json_object_get(item, "Id"));
    if (!id || id[0] < '0' || id[0] > '9' || id[1] || (size_t)(id[0] - '0') >= count)
        return NULL;
    return &entries[id[0] - '0'];
}

/* What AWS does not name at all has failed. */
static void take_results(const json_t *output, struct sqs_entry *entries, size_t count) {
    const json_t *successful = json_object_get(output, "Successful"), *failed = json_object_get(output, "Failed");
    for (size_t i = 0; i < json_array_size(successful); i++) {
        struct sqs_entry *e = entry_of(json_array_get(successful, i), entries, count);
        if (e)
            e->result = SQS_ENTRY_DONE;
    }
    for (size_t i = 0; i < json_array_size(failed); i++) {
        const json_t *item = json_array_get(failed, i);
        struct sqs_entry *e = entry_of(item, entries, count);
        if (e)
            e->result = json_is_true(json_object_get(item, "SenderFault")) ? SQS_ENTRY_REFUSED : SQS_ENTRY_FAILED;
    }
}

static bool call_batch(struct aws_session *s, const struct sqs_queue *q, const struct operation *o,
                       struct sqs_entry *entries, size_t count, int64_t timeout_ms, const atomic_bool *stop,
                       struct err *err) {
    assert(count && count <= SQS_BATCH);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        char id[2] = {(char)('0' + i), 0};
        json_t *item = json_pack("{s:s, s:s}", "Id", id, "ReceiptHandle", entries[i].receipt);
        if (o == &change_operation)
            json_object_set_new(item, "VisibilityTimeout", json_integer(entries[i].visibility_s));
        json_array_append_new(list, item);
        entries[i].result = SQS_ENTRY_FAILED;
    }
    json_t *input = json_pack("{s:s, s:o}", "QueueUrl", q->url, "Entries", list);
    json_t *output = call(s, q, o, input, timeout_ms ? timeout_ms : CALL_MS, timeout_ms != 0, stop, err);
    if (!output)
        return false;
    take_results(output, entries, count);
    json_decref(output);
    return true;
}

bool sqs_delete(struct aws_session *s, const struct sqs_queue *q, struct sqs_entry *entries, size_t count,
                int64_t timeout_ms, const atomic_bool *stop, struct err *err) {
    return call_batch(s, q, &delete_operation, entries, count, timeout_ms, stop, err);
}

bool sqs_change_visibility(struct aws_session *s, const struct sqs_queue *q, struct sqs_entry *entries, size_t count,
                           int64_t timeout_ms, const atomic_bool *stop, struct err *err) {
    return call_batch(s, q, &change_operation, entries, count, timeout_ms, stop, err);
}
