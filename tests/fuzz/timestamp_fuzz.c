/* Any bytes as a timestamp, an option and a duration. What is accepted must be in range and survive a round trip. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
    if (!ok)
        abort();
}

static void check_round_trip(int64_t ms) {
    char text[TIMESTAMP_SIZE];
    int64_t again;
    timestamp_format(ms, text);
    check(strlen(text) < TIMESTAMP_SIZE);
    if (ms >= -62135596800000 && ms <= 253402300799999)
        check(timestamp_parse(span_of(text), &again) && again == ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span text = {(const char *)data, size};
    const int64_t day = 86400000;
    int64_t ms, option_ms;
    if (timestamp_parse(text, &ms)) {
        check(ms > -62135596800000 - day && ms < 253402300799999 + day);
        check(timestamp_parse_option(text, &option_ms) && option_ms == ms);
        check_round_trip(ms);
    }
    if (timestamp_parse_option(text, &ms))
        check(ms > -62135596800000 - day && ms < 253402300799999 + day);
    if (duration_parse(text, &ms))
        check(ms > 0 && ms <= 36525 * day);
    if (size >= sizeof ms) {
        memcpy(&ms, data, sizeof ms);
        check_round_trip(ms);
    }
    return 0;
}
