#include "aws/msk_token.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "aws/sigv4.h"
#include "core/alloc.h"
#include "core/base64.h"

enum { HOST_TEXT = 128, URL_LIMIT = 16 << 10 };

static void append_base64url(struct buf *to, struct span data) {
    char *text = alloc_zeroed(base64_encoded_size(data.len) + 1, 1);
    size_t len = base64_encode(data, text);
    while (len && text[len - 1] == '=')
        len--;
    for (size_t i = 0; i < len; i++)
        text[i] = (char)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
    buf_append(to, text, len);
    OPENSSL_cleanse(text, len);
    free(text);
}

bool msk_token_make(const char *region, const struct aws_credentials *credentials, int64_t now_ms, struct buf *token,
                    struct err *err) {
    static const struct sigv4_parameter action = {"Action", "kafka-cluster:Connect"};
    char host[HOST_TEXT];
    struct buf url;
    buf_init(&url, URL_LIMIT);
    int n = snprintf(host, sizeof host, "kafka.%s.amazonaws.com", region);
    struct sigv4_presign request = {.service = "kafka-cluster",
                                    .region = region,
                                    .host = host,
                                    .path = "/",
                                    .parameters = &action,
                                    .parameter_count = 1,
                                    .now_ms = now_ms,
                                    .expires_s = MSK_TOKEN_SECONDS};
    /* The user agent comes after the signature and is not covered by it, as in AWS's own libraries. */
    bool ok = n > 0 && (size_t)n < sizeof host && sigv4_presign_url(&request, credentials, &url) &&
              buf_append_str(&url, "&User-Agent=ses-collector");
    if (ok) {
        append_base64url(token, buf_span(&url));
        ok = buf_append_char(token, 0);
    }
    if (url.data)
        OPENSSL_cleanse(url.data, url.size);
    buf_deinit(&url);
    return ok || err_set(err, ERR_CONFIG, "no MSK token could be made for region %s", region);
}
