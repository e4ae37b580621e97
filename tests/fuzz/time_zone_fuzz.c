/* Any bytes as a time zone's file, and as the rule at its end. Offsets stay in range, and a local time is that of the
 * moment that is found for it, or was left out by a change. */
#include <stdint.h>
#include <stdlib.h>

#include "core/time_rule.h"
#include "core/time_zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int64_t moments[] = {INT64_MIN, -5000000000000, -1, 0, 1774746000000, 4000000000000, INT64_MAX};
    struct span text = {(const char *)data, size};
    struct err err = {0};
    struct time_rule rule;
    if (time_rule_parse(text, &rule)) {
        int32_t offset = time_rule_offset(&rule, 1774746000);
        check(offset == rule.standard || offset == rule.summer);
    }
    struct time_zone *z = time_zone_parse(text, &err);
    check((z == NULL) == (err.code != ERR_NONE));
    for (size_t i = 0; z && i < sizeof moments / sizeof *moments; i++) {
        int32_t offset = time_zone_offset(z, moments[i]);
        check(offset >= -26 * 3600 && offset <= 26 * 3600);
        int64_t at = time_zone_to_utc(z, moments[i]);
        if (moments[i] > -6000000000000 && moments[i] < 6000000000000)
            check(at >= moments[i] - 27 * 3600000 && at <= moments[i] + 27 * 3600000);
    }
    time_zone_close(z);
    return 0;
}
