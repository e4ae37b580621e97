/* Any bytes as a reply, reportingMTA and remoteMtaIp (with a zero byte between them). What is told is a provider of
 * companies' domains, the same in any case of letters, and never comes out of a reply's part that is not read. */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/hosted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
    if (!ok)
        abort();
}

static struct span take_field(struct span *rest) {
    const char *end = rest->len ? memchr(rest->ptr, '\0', rest->len) : NULL;
    struct span field = {rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len};
    size_t taken = field.len + (end != NULL);
    rest->ptr += taken, rest->len -= taken;
    return field;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct provider_table *providers;
    static struct hosted *hosted;
    if (!hosted) {
        providers = provider_table_create();
        hosted = hosted_create(mail_hosts_create(providers), providers);
    }
    struct span rest = {(const char *)data, size};
    struct span reply = take_field(&rest), mta = take_field(&rest), address = take_field(&rest);
    uint16_t told = hosted_find(hosted, reply, mta, address);
    check(told < provider_table_count(providers) && told != PROVIDER_MULTIPLE && told != PROVIDER_SIMULATOR);
    const char *name = provider_table_name(providers, told);
    check(strcmp(name, "gmail") != 0 && strcmp(name, "microsoft") != 0);

    struct span nothing = {NULL, 0};
    char *other = malloc(reply.len + 1);
    check(other != NULL);
    for (size_t i = 0; i < reply.len; i++)
        other[i] = (char)toupper((unsigned char)reply.ptr[i]);
    uint16_t by_reply = hosted_find(hosted, reply, nothing, nothing);
    check(hosted_find(hosted, (struct span){other, reply.len}, nothing, nothing) == by_reply);
    check(by_reply == PROVIDER_OTHER || by_reply == told);
    free(other);
    return 0;
}
