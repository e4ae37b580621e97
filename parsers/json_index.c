#include "parsers/json_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define HAVE_X86 1
#else
#define HAVE_X86 0
#endif

/* What a block's bytes are, before anything is known of strings. */
struct raw_block {
    uint64_t quote, backslash, newline, open, close;
};

/* What one block hands to the next. */
struct carry {
    uint64_t in_string; /* all ones inside a string, else 0 */
    uint64_t escaped;   /* 1 when the next block's first byte is escaped */
    bool damaged;
};

/* Bit i of the result is the parity of bits 0..i: ones from each opening quote up to before its closing one. */
static inline uint64_t parity_by_shifts(uint64_t x) {
    x ^= x << 1;
    x ^= x << 2;
    x ^= x << 4;
    x ^= x << 8;
    x ^= x << 16;
    x ^= x << 32;
    return x;
}

/* Which bytes a backslash escapes. A run of backslashes escapes the byte behind it when its length is odd; the addition
 * carries through a run and so finds its end (simdjson's find_escaped). */
static inline uint64_t escaped_bytes(uint64_t backslash, uint64_t *carry) {
    const uint64_t even = 0x5555555555555555ull;
    if (!backslash) {
        uint64_t escaped = *carry;
        *carry = 0;
        return escaped;
    }
    backslash &= ~*carry;
    uint64_t follows = backslash << 1 | *carry;
    uint64_t odd_starts = backslash & ~even & ~follows;
    unsigned long long sum;
    *carry = __builtin_uaddll_overflow(odd_starts, backslash, &sum);
    return (even ^ (uint64_t)sum << 1) & follows;
}

/* Line ends inside strings: ends the string at each, and looks at the rest of the block again from there. */
static uint64_t end_strings_at_newlines(uint64_t quote, uint64_t newline, uint64_t in_string, uint64_t *damage) {
    uint64_t bad;
    *damage = 0;
    while ((bad = newline & in_string)) {
        unsigned at = (unsigned)__builtin_ctzll(bad);
        *damage |= 1ull << at;
        uint64_t behind = at == 63 ? 0 : ~0ull << (at + 1);
        uint64_t before = (1ull << at) - 1;
        in_string = (in_string & before) | (parity_by_shifts(quote & behind) & behind);
        newline &= behind;
    }
    return in_string;
}

static inline __attribute__((always_inline)) void finish_block(struct json_block *b, const struct raw_block *raw,
                                                               uint64_t quote, uint64_t parity, struct carry *c) {
    uint64_t in_string = parity ^ c->in_string;
    b->damage = 0;
    if (__builtin_expect((raw->newline & in_string) != 0, 0)) {
        in_string = end_strings_at_newlines(quote, raw->newline, in_string, &b->damage);
        c->damaged = true;
    }
    c->in_string = (uint64_t)((int64_t)in_string >> 63);
    b->quote = quote;
    b->open = raw->open & ~in_string;
    b->close = raw->close & ~in_string;
    b->opens = (uint32_t)__builtin_popcountll(b->open);
    b->closes = (uint32_t)__builtin_popcountll(b->close);
    b->escape = raw->backslash;
    b->newline = raw->newline;
}

static struct raw_block read_block_plain(const unsigned char *p) {
    struct raw_block r = {0};
    for (unsigned i = 0; i < 64; i++) {
        uint64_t bit = 1ull << i;
        switch (p[i]) {
        case '"':
            r.quote |= bit;
            break;
        case '\\':
            r.backslash |= bit;
            break;
        case '\n':
            r.newline |= bit;
            break;
        case '{':
        case '[':
            r.open |= bit;
            break;
        case '}':
        case ']':
            r.close |= bit;
            break;
        default:
            break;
        }
    }
    return r;
}

static void index_plain(struct json_block *b, const char *text, size_t blocks, struct carry *c) {
    for (size_t i = 0; i < blocks; i++) {
        struct raw_block raw = read_block_plain((const unsigned char *)text + i * 64);
        uint64_t quote = raw.quote & ~escaped_bytes(raw.backslash, &c->escaped);
        finish_block(&b[i], &raw, quote, parity_by_shifts(quote), c);
    }
}

#if HAVE_X86
/* `[` and `{`, `]` and `}` differ only in bit 0x20: with that bit set, one comparison finds both. */
static inline uint64_t mask_sse2(const __m128i v[4], char byte) {
    __m128i want = _mm_set1_epi8(byte);
    uint64_t m = 0;
    for (int i = 0; i < 4; i++)
        m |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v[i], want)) << (16 * i);
    return m;
}

static void index_sse2(struct json_block *b, const char *text, size_t blocks, struct carry *c) {
    const __m128i fold = _mm_set1_epi8(0x20);
    for (size_t i = 0; i < blocks; i++) {
        __m128i v[4], folded[4];
        for (int j = 0; j < 4; j++) {
            v[j] = _mm_loadu_si128((const __m128i *)(const void *)(text + i * 64 + 16 * j));
            folded[j] = _mm_or_si128(v[j], fold);
        }
        struct raw_block raw = {mask_sse2(v, '"'), mask_sse2(v, '\\'), mask_sse2(v, '\n'), mask_sse2(folded, '{'),
                                mask_sse2(folded, '}')};
        uint64_t quote = raw.quote & ~escaped_bytes(raw.backslash, &c->escaped);
        finish_block(&b[i], &raw, quote, parity_by_shifts(quote), c);
    }
}

#define TARGET_AVX2   __attribute__((target("avx2,pclmul,bmi,popcnt")))
#define TARGET_AVX512 __attribute__((target("avx512f,avx512bw,pclmul,bmi,popcnt")))

/* Carry-less multiplication by all ones is the parity of every prefix at once. */
TARGET_AVX2 static inline uint64_t parity_by_clmul(uint64_t x) {
    __m128i product = _mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)x), _mm_set1_epi8((char)0xff), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

TARGET_AVX2 static inline uint64_t mask_avx2(__m256i low, __m256i high, char byte) {
    __m256i want = _mm256_set1_epi8(byte);
    uint64_t l = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, want));
    uint64_t h = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, want));
    return l | h << 32;
}

TARGET_AVX2 static void index_avx2(struct json_block *b, const char *text, size_t blocks, struct carry *c) {
    const __m256i fold = _mm256_set1_epi8(0x20);
    for (size_t i = 0; i < blocks; i++) {
        __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)(text + i * 64));
        __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(text + i * 64 + 32));
        __m256i folded_low = _mm256_or_si256(low, fold), folded_high = _mm256_or_si256(high, fold);
        struct raw_block raw = {mask_avx2(low, high, '"'), mask_avx2(low, high, '\\'), mask_avx2(low, high, '\n'),
                                mask_avx2(folded_low, folded_high, '{'), mask_avx2(folded_low, folded_high, '}')};
        uint64_t quote = raw.quote & ~escaped_bytes(raw.backslash, &c->escaped);
        finish_block(&b[i], &raw, quote, parity_by_clmul(quote), c);
    }
}

TARGET_AVX512 static void index_avx512(struct json_block *b, const char *text, size_t blocks, struct carry *c) {
    const __m512i fold = _mm512_set1_epi8(0x20);
    const __m128i ones = _mm_set1_epi8((char)0xff);
    for (size_t i = 0; i < blocks; i++) {
        __m512i v = _mm512_loadu_si512((const void *)(text + i * 64));
        __m512i folded = _mm512_or_si512(v, fold);
        struct raw_block raw = {
            _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('"')), _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\\')),
            _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\n')), _mm512_cmpeq_epi8_mask(folded, _mm512_set1_epi8('{')),
            _mm512_cmpeq_epi8_mask(folded, _mm512_set1_epi8('}'))};
        uint64_t quote = raw.quote & ~escaped_bytes(raw.backslash, &c->escaped);
        __m128i product = _mm_clmulepi64_si128(_mm_set_epi64x(0, (int64_t)quote), ones, 0);
        finish_block(&b[i], &raw, quote, (uint64_t)_mm_cvtsi128_si64(product), c);
    }
}
#endif

const char *json_isa_name(enum json_isa isa) {
    static const char *const names[JSON_ISAS] = {"plain", "sse2", "avx2", "avx512"};
    return names[isa];
}

bool json_isa_supported(enum json_isa isa) {
#if HAVE_X86
    switch (isa) {
    case JSON_ISA_PLAIN:
    case JSON_ISA_SSE2:
        return true;
    case JSON_ISA_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("popcnt");
    case JSON_ISA_AVX512:
        return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("pclmul") &&
               __builtin_cpu_supports("popcnt");
    default:
        return false;
    }
#else
    return isa == JSON_ISA_PLAIN;
#endif
}

enum json_isa json_isa_best(void) {
    enum json_isa best = JSON_ISA_PLAIN;
    for (int isa = 0; isa < JSON_ISAS; isa++)
        if (json_isa_supported((enum json_isa)isa))
            best = (enum json_isa)isa;
    return best;
}

void json_index_init(struct json_index *ix) {
    *ix = (struct json_index){.last = true};
}

void json_index_deinit(struct json_index *ix) {
    free(ix->blocks);
    *ix = (struct json_index){0};
}

static void index_blocks(enum json_isa isa, struct json_block *b, const char *text, size_t blocks, struct carry *c) {
    switch (isa) {
#if HAVE_X86
    case JSON_ISA_AVX512:
        index_avx512(b, text, blocks, c);
        break;
    case JSON_ISA_AVX2:
        index_avx2(b, text, blocks, c);
        break;
    case JSON_ISA_SSE2:
        index_sse2(b, text, blocks, c);
        break;
#endif
    default:
        index_plain(b, text, blocks, c);
        break;
    }
}

void json_index_build(struct json_index *ix, const char *text, size_t len, enum json_isa isa) {
    assert(json_isa_supported(isa));
    size_t whole = len / 64, rest = len % 64;
    if (whole + 2 > ix->capacity) {
        ix->capacity = whole + 2;
        ix->blocks = alloc_resize(ix->blocks, ix->capacity, sizeof *ix->blocks);
    }
    struct carry c = {0};
    index_blocks(isa, ix->blocks, text, whole, &c);
    if (rest) {
        /* The last block from a copy, so that bytes behind the text cannot look like anything. */
        char last[64];
        memset(last, ' ', sizeof last);
        memcpy(last, text + whole * 64, rest);
        index_blocks(isa, ix->blocks + whole, last, 1, &c);
        whole++;
    }
    memset(&ix->blocks[whole], 0, sizeof ix->blocks[whole]);
    ix->text = text;
    ix->len = len;
    ix->damaged = c.damaged;
}
