/* Signs what it reads, so that another program can compare: a JSON object in a line of standard input, a JSON object in
 * a line of standard output.
 *
 *     {"do": "sign", "method", "service", "region", "url": "https://host:port", "path", "parameters": [[name, value]],
 *      "headers": [[name, value]], "body", "now_ms", "key", "secret", "token"}
 *         {"target", "authorization", "headers": [[name, value]]}
 *     {"do": "endpoint", "service", "prefix", "region", "bucket", "path_style", "fips", "dual_stack"}
 *         {"url"}
 *
 *     {"do": "call", "service", "bucket", "region", "method", "path", "parameters", "body"}
 *         {"status", "code", "error", "body"}: as the environment's AWS answers, through a session
 *
 * What cannot be done is {}. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/endpoint.h"
#include "aws/session.h"
#include "aws/sigv4.h"

static char *text(const json_t *json, const char *name) {
    return (char *)(uintptr_t)json_string_value(json_object_get(json, name));
}

static const char *part(const json_t *pairs, size_t i, size_t which) {
    return json_string_value(json_array_get(json_array_get(pairs, i), which));
}

static json_t *answer_of(const struct sigv4_signed *s) {
    json_t *headers = json_array();
    const char *authorization = "";
    for (size_t i = 0; i < s->header_count; i++) {
        json_array_append_new(headers, json_pack("[ss]", s->headers[i].name, s->headers[i].value));
        if (strcmp(s->headers[i].name, "authorization") == 0)
            authorization = s->headers[i].value;
    }
    return json_pack("{s:s, s:s, s:o}", "target", s->target.data, "authorization", authorization, "headers", headers);
}

static json_t *sign(const json_t *in) {
    struct sigv4_parameter parameters[SIGV4_PARAMETERS_MAX];
    struct http_header headers[SIGV4_HEADERS_MAX];
    const json_t *p = json_object_get(in, "parameters"), *h = json_object_get(in, "headers"),
                 *body = json_object_get(in, "body");
    size_t parameter_count = json_array_size(p), header_count = json_array_size(h);
    struct endpoint endpoint;
    struct endpoint_query query = {
        .service = text(in, "service"), .region = text(in, "region"), .own = text(in, "url")};
    if (parameter_count > SIGV4_PARAMETERS_MAX || header_count > SIGV4_HEADERS_MAX ||
        !endpoint_resolve(&query, &endpoint, NULL))
        return json_object();
    for (size_t i = 0; i < parameter_count; i++)
        parameters[i] = (struct sigv4_parameter){part(p, i, 0), part(p, i, 1)};
    for (size_t i = 0; i < header_count; i++)
        headers[i] = (struct http_header){part(h, i, 0), part(h, i, 1)};
    struct sigv4_request request = {.method = text(in, "method"),
                                    .service = query.service,
                                    .region = query.region,
                                    .host = endpoint.host,
                                    .path = text(in, "path"),
                                    .parameters = parameters,
                                    .parameter_count = parameter_count,
                                    .headers = headers,
                                    .header_count = header_count,
                                    .body = {json_string_value(body), json_string_length(body)},
                                    .now_ms = json_integer_value(json_object_get(in, "now_ms"))};
    struct aws_credentials credentials = {text(in, "key"), text(in, "secret"), text(in, "token"), INT64_MAX};
    struct sigv4_signed out;
    json_t *answer = sigv4_sign(&request, &credentials, &out) ? answer_of(&out) : json_object();
    sigv4_signed_deinit(&out);
    return answer;
}

static json_t *find_endpoint(const json_t *in) {
    struct endpoint_query query = {.service = text(in, "service"),
                                   .prefix = text(in, "prefix"),
                                   .region = text(in, "region"),
                                   .bucket = text(in, "bucket"),
                                   .path_style = json_is_true(json_object_get(in, "path_style")),
                                   .fips = json_is_true(json_object_get(in, "fips")),
                                   .dual_stack = json_is_true(json_object_get(in, "dual_stack"))};
    struct endpoint e;
    char url[1024];
    if (!endpoint_resolve(&query, &e, NULL))
        return json_object();
    snprintf(url, sizeof url, "%s://%s%s%s%s", e.scheme, e.host, e.base, e.bucket_in_path ? "/" : "",
             e.bucket_in_path ? query.bucket : "");
    return json_pack("{ss}", "url", url);
}

static json_t *call(const json_t *in) {
    static struct aws_session *session;
    struct sigv4_parameter parameters[SIGV4_PARAMETERS_MAX];
    const json_t *p = json_object_get(in, "parameters"), *body = json_object_get(in, "body");
    struct err err = {0};
    struct aws_answer answer = {0};
    struct aws_call what = {.service = text(in, "service"),
                            .bucket = text(in, "bucket"),
                            .region = text(in, "region"),
                            .method = text(in, "method"),
                            .path = text(in, "path"),
                            .parameters = parameters,
                            .parameter_count = json_array_size(p),
                            .body = {json_string_value(body), json_string_length(body)}};
    if (what.parameter_count > SIGV4_PARAMETERS_MAX)
        return json_object();
    for (size_t i = 0; i < what.parameter_count; i++)
        parameters[i] = (struct sigv4_parameter){part(p, i, 0), part(p, i, 1)};
    if (!session)
        session = aws_session_open(&(struct aws_settings){0}, &err);
    if (session)
        aws_perform(session, &what, &answer, NULL, &err);
    json_t *out = json_pack("{s:i, s:s, s:s}", "status", answer.status, "code", answer.code, "error", err.text);
    json_object_set_new(out, "body", json_stringn_nocheck(answer.body.data ? answer.body.data : "", answer.body.len));
    aws_answer_deinit(&answer);
    return out;
}

int main(void) {
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    while ((len = getline(&line, &size, stdin)) > 0) {
        json_t *in = json_loadb(line, (size_t)len, 0, NULL);
        const char *what = text(in, "do");
        json_t *answer = !what                       ? json_object()
                         : strcmp(what, "sign") == 0 ? sign(in)
                         : strcmp(what, "call") == 0 ? call(in)
                                                     : find_endpoint(in);
        json_dumpf(answer, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(answer);
        json_decref(in);
    }
    free(line);
    return 0;
}
