/* Any bytes as an operator's table of MX records. An error names line and column; a table that is taken finds nothing
 * for names that cannot stand in it, and has no more domains than the text has lines. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "model/mx_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
    if (!ok)
        abort();
}

static void check_line(const struct mx_table *t, const struct provider_table *providers, struct span line) {
    char name[256];
    size_t len = 0;
    while (len < line.len && len < 253 && !strchr(" \t\r\v\f#;", line.ptr[len])) {
        char c = line.ptr[len];
        name[len++] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    uint16_t provider = mx_table_find(t, (struct span){name, len});
    check(provider < provider_table_count(providers));
    check(provider != PROVIDER_MULTIPLE && provider != PROVIDER_SIMULATOR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct provider_table *providers;
    static struct mail_hosts *hosts;
    static char path[64];
    static int fd = -1;
    if (fd < 0) {
        providers = provider_table_create();
        hosts = mail_hosts_create(providers);
        fd = memfd_create("mx_table", 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    check(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    struct err err = {0};
    struct mx_table *t = mx_table_load(path, hosts, providers, &err);
    check((t == NULL) == (err.code == ERR_CONFIG));
    size_t lines = 1;
    for (size_t begin = 0, i = 0; i < size; i++) {
        if (data[i] != '\n')
            continue;
        if (t)
            check_line(t, providers, (struct span){(const char *)data + begin, i - begin});
        begin = i + 1;
        lines++;
    }
    check(!t || mx_table_count(t) <= lines);
    for (const char *c = err.text; *c; c++)
        check(*c >= ' ' && *c <= '~');
    mx_table_destroy(t);
    return 0;
}
