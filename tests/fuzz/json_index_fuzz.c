/* Any bytes: every instruction set must make the same bitmaps as the plain one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/json_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct json_index plain, other;
    char *text = malloc(size + 1); /* exactly as long as it is */
    if (!text)
        abort();
    if (size)
        memcpy(text, data, size);
    text[size] = 0;
    json_index_build(&plain, text, size, JSON_ISA_PLAIN);
    for (int isa = JSON_ISA_PLAIN + 1; isa < JSON_ISAS; isa++) {
        if (!json_isa_supported((enum json_isa)isa))
            continue;
        json_index_build(&other, text, size, (enum json_isa)isa);
        size_t blocks = (size + 63) / 64 + 1;
        if (memcmp(plain.blocks, other.blocks, blocks * sizeof *plain.blocks) != 0 || plain.damaged != other.damaged)
            abort();
    }
    free(text);
    return 0;
}
