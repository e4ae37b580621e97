#include "core/base64.h"

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_encode(struct span data, char *out) {
    const unsigned char *p = (const unsigned char *)data.ptr;
    char *o = out;
    size_t left = data.len;
    for (; left >= 3; left -= 3, p += 3) {
        uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        *o++ = alphabet[v >> 18];
        *o++ = alphabet[v >> 12 & 63];
        *o++ = alphabet[v >> 6 & 63];
        *o++ = alphabet[v & 63];
    }
    if (left) {
        uint32_t v = (uint32_t)p[0] << 16 | (left == 2 ? (uint32_t)p[1] << 8 : 0);
        *o++ = alphabet[v >> 18];
        *o++ = alphabet[v >> 12 & 63];
        *o++ = left == 2 ? alphabet[v >> 6 & 63] : '=';
        *o++ = '=';
    }
    return (size_t)(o - out);
}

static int digit(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

ptrdiff_t base64_decode(struct span text, char *out) {
    char *o = out;
    uint32_t bits = 0;
    int have = 0; /* digits in `bits` */
    size_t i = 0;
    for (; i < text.len && text.ptr[i] != '='; i++) {
        if (text.ptr[i] == '\n' || text.ptr[i] == '\r')
            continue;
        int d = digit(text.ptr[i]);
        if (d < 0)
            return -1;
        bits = bits << 6 | (uint32_t)d;
        if (++have == 4) {
            *o++ = (char)(bits >> 16);
            *o++ = (char)(bits >> 8);
            *o++ = (char)bits;
            bits = 0;
            have = 0;
        }
    }
    for (; i < text.len; i++)
        if (text.ptr[i] != '=' && text.ptr[i] != '\n' && text.ptr[i] != '\r')
            return -1;
    if (have == 1)
        return -1;
    if (have >= 2)
        *o++ = (char)(bits >> (have == 2 ? 4 : 10));
    if (have == 3)
        *o++ = (char)(bits >> 2);
    return o - out;
}
