#include "core/list_file.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { STEP = 64 << 10 }; /* bytes of one read */

static void set_up(struct list_file *f, const char *path, const struct list_form *form, struct err *err) {
    assert(form->max % 1024 == 0);
    *f = (struct list_file){.path = path, .err = err, .has_quotes = form->has_quotes};
    buf_init(&f->text, form->max + STEP); /* the last read may pass the ceiling */
    for (int c = 0; c <= UCHAR_MAX; c++)
        f->ends_word[c] = span_is_blank((char)c);
    for (const char *c = form->comments; *c; c++)
        f->ends_word[(unsigned char)*c] = f->begins_comment[(unsigned char)*c] = true;
    f->ends_word['"'] |= form->has_quotes;
}

static bool take_text(struct list_file *f, struct span text, size_t max) {
    bool in_mib = max % (1 << 20) == 0;
    if (text.len > max)
        return err_set(f->err, ERR_CONFIG, "%.200s is too large: expected at most %zu %s", f->path,
                       in_mib ? max >> 20 : max >> 10, in_mib ? "MiB" : "KiB");
    if (text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0)
        text.ptr += 3, text.len -= 3;
    f->lines = text;
    return true;
}

static bool read_all(struct list_file *f, size_t max) {
    FILE *in = fopen(f->path, "re");
    if (!in)
        return err_set_errno(f->err, ERR_IO, errno, "cannot open %.200s", f->path);
    bool ok = true;
    for (size_t n = 1; ok && n > 0 && f->text.len <= max; f->text.len += n) {
        n = 0;
        ok = buf_reserve(&f->text, STEP);
        if (ok)
            n = fread(f->text.data + f->text.len, 1, STEP, in);
    }
    if (!ok)
        err_set(f->err, ERR_IO, "cannot read %.200s: out of memory", f->path);
    else if (ferror(in))
        ok = err_set_errno(f->err, ERR_IO, errno, "cannot read %.200s", f->path);
    fclose(in);
    return ok;
}

bool list_file_open(struct list_file *f, const char *path, const struct list_form *form, struct err *err) {
    set_up(f, path, form, err);
    return read_all(f, form->max) && take_text(f, buf_span(&f->text), form->max);
}

bool list_file_of_text(struct list_file *f, struct span text, const char *path, const struct list_form *form,
                       struct err *err) {
    set_up(f, path, form, err);
    return take_text(f, text, form->max);
}

void list_file_close(struct list_file *f) {
    buf_deinit(&f->text);
}

bool list_file_next_line(struct list_file *f) {
    if (!f->lines.len)
        return false;
    const char *end = memchr(f->lines.ptr, '\n', f->lines.len);
    size_t len = end ? (size_t)(end - f->lines.ptr) : f->lines.len;
    f->line = (struct span){f->lines.ptr, len};
    f->line_from = f->lines.ptr;
    f->number++;
    len += end != NULL;
    f->lines.ptr += len, f->lines.len -= len;
    return true;
}

static void skip_blanks(struct list_file *f) {
    while (f->line.len && span_is_blank(f->line.ptr[0]))
        f->line.ptr++, f->line.len--;
    if (f->line.len && f->begins_comment[(unsigned char)f->line.ptr[0]])
        f->line.len = 0;
}

struct span list_file_next_word(struct list_file *f) {
    skip_blanks(f);
    size_t n = 0;
    while (n < f->line.len && !f->ends_word[(unsigned char)f->line.ptr[n]])
        n++;
    struct span word = {f->line.ptr, n};
    f->line.ptr += n, f->line.len -= n;
    return word;
}

bool list_file_at_quote(struct list_file *f) {
    skip_blanks(f);
    return f->has_quotes && f->line.len && f->line.ptr[0] == '"';
}

bool list_file_next_quoted(struct list_file *f, char *to, size_t max, struct span *text, struct span *place) {
    bool is_quote = list_file_at_quote(f);
    assert(is_quote);
    (void)is_quote;
    struct span line = f->line, quote = {line.ptr, 1};
    size_t len = 0, i = 1;
    for (; i < line.len && line.ptr[i] != '"'; i++) {
        char c = line.ptr[i];
        if (c == '\\' && i + 1 < line.len && (line.ptr[i + 1] == '"' || line.ptr[i + 1] == '\\'))
            c = line.ptr[++i];
        else if (c == '\\')
            return list_file_fail(f, (struct span){line.ptr + i, 1}, "stands for nothing: expected \\\" or \\\\");
        if (span_is_blank(c))
            c = ' ';
        else if ((unsigned char)c < ' ' || c == 0x7f)
            return list_file_fail(f, (struct span){line.ptr + i, 1}, "is a control character: expected plain text");
        if (c == ' ' && len && to[len - 1] == ' ')
            continue;
        if (len == max) {
            char what[80];
            snprintf(what, sizeof what, "begins too long a phrase: expected at most %zu bytes", max);
            return list_file_fail(f, quote, what);
        }
        to[len++] = c;
    }
    if (i == line.len)
        return list_file_fail(f, quote, "is never closed: expected another \" on the same line");
    *text = (struct span){to, len};
    *place = (struct span){line.ptr, i + 1};
    f->line = (struct span){line.ptr + i + 1, line.len - i - 1};
    return true;
}

bool list_file_fail(const struct list_file *f, struct span word, const char *what) {
    assert(f->number && word.ptr >= f->line_from);
    char shown[64] = "";
    size_t n = 0;
    for (; n < word.len && n < sizeof shown - 4; n++)
        shown[n] = (char)(word.ptr[n] >= ' ' && word.ptr[n] <= '~' ? word.ptr[n] : '?');
    if (n < word.len)
        memcpy(shown + n, "...", 4);
    size_t column = (size_t)(word.ptr - f->line_from) + 1;
    if (!word.len)
        return err_set(f->err, ERR_CONFIG, "%.200s:%zu:%zu: %s", f->path, f->number, column, what);
    return err_set(f->err, ERR_CONFIG, "%.200s:%zu:%zu: \"%s\" %s", f->path, f->number, column, shown, what);
}
