/* Any bytes as a recipient. A domain that comes out must be fit for a table and for a label, and blanks around the
 * recipient (which take the slow way) must change nothing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/recipient.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
    if (!ok)
        abort();
}

static void check_domain(const char *domain, size_t len) {
    check(len <= 253 && domain[len] == '\0' && strlen(domain) == len);
    check(strspn(domain, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == len);
    check(len == 0 || (domain[0] != '.' && domain[len - 1] != '.' && !strstr(domain, "..")));
    char address[2 + 253 + 1] = "a@", again[RECIPIENT_DOMAIN_SIZE];
    memcpy(address + 2, domain, len);
    check(recipient_domain((struct span){address, len + 2}, again) == len && memcmp(again, domain, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span text = {(const char *)data, size};
    char domain[RECIPIENT_DOMAIN_SIZE], other[RECIPIENT_DOMAIN_SIZE];
    size_t len = recipient_domain(text, domain);
    check_domain(domain, len);

    struct span address = recipient_address(text);
    check(address.ptr >= text.ptr && address.ptr + address.len <= text.ptr + text.len);

    char *padded = malloc(size + 2);
    check(padded != NULL);
    padded[0] = ' ';
    if (size)
        memcpy(padded + 1, data, size);
    padded[size + 1] = '\n';
    check(recipient_domain((struct span){padded, size + 2}, other) == len && memcmp(other, domain, len) == 0);
    free(padded);
    return 0;
}
