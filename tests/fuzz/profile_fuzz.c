/* The files of AWS's tools: read or refused by line, and what was read is found again. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aws/credentials_internal.h"
#include "aws/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct credentials_words words = {"it", "Token", "Expiration", false};
    static const char *const keys[] = {"region", "role_arn", "credential_process", "s3.endpoint_url"};
    struct span text = {(const char *)data, size};
    struct profile_set *s = profile_set_create();
    struct err err = {0};
    bool ok = profile_set_parse(s, size % 2 ? PROFILE_CONFIG : PROFILE_CREDENTIALS, text, "the file", &err);
    assert(ok == (err.code == ERR_NONE));
    assert(ok || strstr(err.text, "the file, line "));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *value = profile_value(s, "default", keys[i]);
        assert(!value || (*value && strlen(value) <= PROFILE_VALUE_MAX && !strchr(value, '\n')));
        profile_service_value(s, "x", keys[i]);
    }
    profile_set_destroy(s);

    /* The same bytes as what a process prints, and as a time. */
    struct aws_credentials c = {0};
    char *copy = malloc(size + 1);
    int64_t ms;
    if (credentials_of_json(text, &words, &c, NULL))
        assert(c.access_key && c.secret_key);
    aws_credentials_deinit(&c);
    if (copy) {
        memcpy(copy, data, size);
        copy[size] = 0;
        date_parse_iso(copy, &ms);
        date_parse_http(copy, &ms);
    }
    free(copy);
    return 0;
}
