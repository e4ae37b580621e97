/* Any bytes as a message of SNS: what is taken has a topic, a time and a signature; nothing but the certificate's own
 * key ever verifies it; and no address leads away from the topic's region. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/sns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct sns_message *m) {
    struct buf text, url;
    struct err err = {0};
    char name[SNS_NAME_SIZE], host[100];
    buf_init(&text, 4 << 20);
    buf_init(&url, 512);
    sns_signed_text(m, &text);
    assert(!text.failed && text.len > 20);
    assert(m->signature_version && m->topic.domain && m->topic.account.len == 12);
    if (m->type != SNS_NOTIFICATION) {
        sns_confirmation_name(m, name);
        assert(strlen(name) == SNS_NAME_SIZE - 1);
    }
    if (sns_certificate_url(m, NULL, &url, &err)) {
        size_t len = (size_t)snprintf(host, sizeof host, "https://sns.%.*s.%s/SimpleNotificationService-",
                                      SPAN_ARG(m->topic.region), m->topic.domain);
        assert(url.len > len && memcmp(url.data, host, len) == 0 && !memchr(url.data + len, '/', url.len - len));
    }
    assert(!sns_verify(m, SPAN_LIT("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"), 0, &err));
    buf_deinit(&text);
    buf_deinit(&url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct sns_message m;
    struct sns_topic topic;
    struct err err = {0};
    char *text = malloc(size ? size : 1);
    memcpy(text, data, size);
    if (sns_message_parse(&m, (struct span){text, size}, &err))
        look(&m);
    else
        assert(err.code == ERR_INPUT && *err.text);
    sns_message_deinit(&m);
    if (sns_topic_parse((struct span){text, size}, &topic))
        assert(topic.region.ptr > text && topic.name.ptr + topic.name.len == text + size);
    free(text);
    return 0;
}
