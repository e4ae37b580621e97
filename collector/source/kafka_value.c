/* A message's value. */
#include "source/kafka_internal.h"

/*  Confluent's prefixes:  00 | id, 4 bytes | value            01 | GUID, 16 bytes | value
 *  Behind one of Avro or Protobuf comes no JSON: such a message is left as it is, and is malformed. */
enum { ID_PREFIX = 5, GUID_PREFIX = 17 };

static bool is_json(struct span text) {
    text = span_trim(text);
    return text.len && (text.ptr[0] == '{' || text.ptr[0] == '[');
}

struct span kafka_value_strip(struct span value) {
    if (!value.len || (unsigned char)value.ptr[0] > 1)
        return value;
    size_t prefix = value.ptr[0] == 0 ? ID_PREFIX : GUID_PREFIX;
    if (value.len <= prefix)
        return value;
    struct span rest = {value.ptr + prefix, value.len - prefix};
    return is_json(rest) ? rest : value;
}

/* Its first bytes and its length: with offset and time, and the message id among those bytes, that is more than enough
 * to know a record again, and much cheaper than all of it. */
int64_t kafka_value_hash(struct span value) {
    enum { LOOKED_AT = 512 };
    static const struct hash_key key = {0x7365732d636f6c6cull, 0x6563746f722d6b61ull};
    struct hash_state state;
    hash_begin(&state, &key);
    hash_u64(&state, value.len);
    hash_field(&state, value.ptr, value.len < LOOKED_AT ? value.len : LOOKED_AT);
    uint64_t hash = hash_end(&state);
    int64_t number;
    memcpy(&number, &hash, sizeof number);
    return number;
}
