#include "model/exemplar.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>

uint64_t exemplar_message(struct span message_id) {
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    uint64_t message = 0;
    EVP_Digest(message_id.ptr, message_id.len, digest, NULL, EVP_sha256(),
               NULL); /* failed: there is no SHA-256 at all */
    for (unsigned i = 0; i < sizeof message; i++)
        message = message << 8 | digest[i];
    return message ? message : 1;
}

void exemplar_name(uint64_t message, char out[EXEMPLAR_DIGITS + 1]) {
    snprintf(out, EXEMPLAR_DIGITS + 1, "%016" PRIx64, message);
}

uint64_t exemplar_parse(const char *name) {
    uint64_t message = 0;
    for (unsigned i = 0; i < EXEMPLAR_DIGITS; i++) {
        char c = name[i];
        if (c >= '0' && c <= '9')
            message = message << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            message = message << 4 | (uint64_t)(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            message = message << 4 | (uint64_t)(c - 'A' + 10);
        else
            return 0; /* the end of the text, too */
    }
    return name[EXEMPLAR_DIGITS] ? 0 : message;
}
