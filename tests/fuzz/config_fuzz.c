/* Any bytes as a configuration file: it loads, or is refused with a place; and what loads can be written. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *written(const struct config *c) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out || !config_write(c, out))
        abort();
    fclose(out);
    return text;
}

/* What was written loads again as the same; where a secret was taken out it cannot. */
static void come_back(const struct config *c) {
    char *once = written(c);
    if (!strstr(once, "<secret>")) {
        struct config again;
        struct err err = {0};
        if (!config_read(&again, "/nowhere/c.yaml", span_of(once), NULL, &err)) {
            fprintf(stderr, "%s\n%s\n", once, err.text);
            abort();
        }
        char *twice = written(&again);
        if (strcmp(once, twice) != 0)
            abort();
        free(twice);
        config_deinit(&again);
    }
    free(once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct config c;
    struct err err = {0};
    struct span text = {(const char *)data, size};
    if (config_read(&c, "/nowhere/c.yaml", text, NULL, &err)) {
        char differences[200];
        come_back(&c);
        config_fixed_differences(&c, &c, differences, sizeof differences);
        if (*differences)
            abort();
        config_deinit(&c);
    } else if (err.code != ERR_CONFIG || strncmp(err.text, "/nowhere/c.yaml:", 16) != 0) {
        abort();
    }
    struct web_options web = {0};
    err = (struct err){0};
    if (read_web_text("/nowhere/web.yaml", text, &web, &err))
        web_options_deinit(&web);
    else if (err.code != ERR_CONFIG)
        abort();
    return 0;
}
