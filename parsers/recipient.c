#include "parsers/recipient.h"

#include <idn2.h>
#include <stdint.h>
#include <string.h>

enum {
    DOMAIN_MAX = 253, /* RFC 1035, as text without the last dot */
    LABEL_MAX = 63,
    /* Four bytes of UTF-8 for each of a domain's: libidn2 gets no longer input. */
    UNICODE_DOMAIN_MAX = 4 * DOMAIN_MAX,
};

/* What a domain's byte becomes; 0 for a byte that no domain has. The underscore is no host name's, but mail goes there.
 */
static const unsigned char domain_bytes[256] = {
    ['-'] = '-', ['.'] = '.', ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5', ['6'] = '6',
    ['7'] = '7', ['8'] = '8', ['9'] = '9', ['_'] = '_', ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e',
    ['f'] = 'f', ['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n',
    ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't', ['u'] = 'u', ['v'] = 'v', ['w'] = 'w',
    ['x'] = 'x', ['y'] = 'y', ['z'] = 'z', ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd', ['E'] = 'e', ['F'] = 'f',
    ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j', ['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o',
    ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't', ['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x',
    ['Y'] = 'y', ['Z'] = 'z',
};

static struct span span_from(struct span s, const char *start) {
    return (struct span){start, (size_t)(s.ptr + s.len - start)};
}

static bool is_escape(struct span s, size_t i) {
    return s.ptr[i] == '\\' && i + 1 < s.len && (s.ptr[i + 1] == '"' || s.ptr[i + 1] == '\\');
}

/* The last `c` outside quoted strings, or NULL. In a quoted string \" and \\ are escapes. A quote that is never closed
 * quotes nothing. */
static const char *last_unquoted(struct span s, char c) {
    const char *outside = NULL; /* the last one outside quotes that are closed */
    const char *latest = NULL;  /* the same, or one behind a quote that may turn out never to close */
    bool quoted = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"') {
            quoted = !quoted;
            latest = outside;
        } else if (s.ptr[i] == c) {
            latest = s.ptr + i;
            if (!quoted)
                outside = latest;
        } else if (quoted && is_escape(s, i)) {
            i++;
        }
    }
    return latest;
}

/* Angle brackets count where they end the text (`Doe <j@x.org>`), also doubled, or where the last one is never closed:
 * then the address is what follows the last `<`. */
struct span recipient_address(struct span text) {
    text = span_trim(text);
    const char *open = text.len && memchr(text.ptr, '<', text.len) ? last_unquoted(text, '<') : NULL;
    if (!open)
        return text;
    struct span address = span_from(text, open + 1);
    while (address.len && (address.ptr[address.len - 1] == '>' || span_is_blank(address.ptr[address.len - 1])))
        address.len--;
    if (last_unquoted(address, '>'))
        return text;
    return span_trim(address);
}

/* Copies an ASCII name in lower case. 0 when it is none. */
static inline size_t copy_domain(const char *name, size_t len, char *out) {
    if (len && name[len - 1] == '.')
        len--;
    if (len == 0 || len > DOMAIN_MAX)
        return 0;
    bool bad = false;
    unsigned char before = '.';
    for (size_t i = 0; i < len; i++) {
        unsigned char c = domain_bytes[(unsigned char)name[i]];
        bad |= c == 0 || (c == '.' && before == '.'); /* an empty label is no label */
        out[i] = (char)c;
        before = c;
    }
    return bad || before == '.' ? 0 : len;
}

static bool has_long_label(const char *name, size_t len) {
    size_t label = 0;
    for (size_t i = 0; i < len; i++) {
        label = name[i] == '.' ? 0 : label + 1;
        if (label > LABEL_MAX)
            return true;
    }
    return false;
}

/* A name with bytes over 0x7f, by libidn2: UTS 46 mapping (case, width, dots), then IDNA 2008. */
static size_t convert_domain(struct span name, char *out) {
    char text[UNICODE_DOMAIN_MAX + 1];
    if (name.len > UNICODE_DOMAIN_MAX)
        return 0;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c < 0x80 && domain_bytes[c] == 0)
            return 0;
        text[i] = (char)c;
    }
    text[name.len] = '\0';
    uint8_t *ascii = NULL;
    size_t len = 0;
    if (idn2_lookup_u8((const uint8_t *)text, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) == IDN2_OK)
        len = copy_domain((const char *)ascii, strlen((const char *)ascii), out);
    idn2_free(ascii);
    return len;
}

static bool is_ascii(struct span s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] > 0x7f)
            return false;
    return true;
}

static __attribute__((noinline)) size_t unusual_domain(struct span text, char *out) {
    struct span address = recipient_address(text);
    const char *at = last_unquoted(address, '@');
    if (!at)
        return 0;
    struct span name = span_from(address, at + 1);
    size_t len = is_ascii(name) ? copy_domain(name.ptr, name.len, out) : convert_domain(name, out);
    return has_long_label(out, len) ? 0 : len;
}

/* When only a domain's bytes follow the last `@`, no quote closes behind it, and no bracket: the rules above would find
 * the same `@`. Everything else takes the long way. */
size_t recipient_domain(struct span text, char out[RECIPIENT_DOMAIN_SIZE]) {
    const char *at = text.len ? memrchr(text.ptr, '@', text.len) : NULL;
    size_t len = 0;
    if (__builtin_expect(at != NULL, 1)) {
        struct span name = span_from(text, at + 1);
        if (name.len <= LABEL_MAX)
            len = copy_domain(name.ptr, name.len, out);
    }
    if (__builtin_expect(len == 0, 0))
        len = unusual_domain(text, out);
    out[len] = '\0';
    return len;
}
