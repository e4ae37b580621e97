#include "sinks/csv.h"

#include "core/utf8.h"
#include "sinks/text.h"

static void separate(struct csv_writer *w) {
    if (w->comma)
        fputc(',', w->out);
    w->comma = true;
}

/* OWASP's list of first characters that spreadsheets act on. */
static bool begins_formula(struct span s) {
    return s.len && memchr("=+-@\t\r", s.ptr[0], 6);
}

/* Control characters that no text needs. */
static bool speaks_to_terminal(uint32_t c) {
    return (c < 0x20 && c != '\t' && c != '\r' && c != '\n') || (c >= 0x7f && c < 0xa0);
}

void csv_put_text(struct csv_writer *w, const char *text) {
    separate(w);
    struct span s = span_of(text);
    bool quoted = s.len && strpbrk(text, "\",\r\n");
    if (quoted)
        fputc('"', w->out);
    if (begins_formula(s))
        fputc('\'', w->out);
    for (size_t i = 0; i < s.len;) {
        uint32_t c;
        size_t len = utf8_next((struct span){s.ptr + i, s.len - i}, &c);
        if (len == 0 || speaks_to_terminal(c)) {
            fputs("\xef\xbf\xbd", w->out);
            i += len ? len : 1;
            continue;
        }
        if (c == '"')
            fputc('"', w->out);
        fwrite(s.ptr + i, 1, len, w->out);
        i += len;
    }
    if (quoted)
        fputc('"', w->out);
}

void csv_put_word(struct csv_writer *w, const char *word) {
    separate(w);
    fputs(word, w->out);
}

void csv_put_words(struct csv_writer *w, const char *before, const char *middle, const char *behind) {
    separate(w);
    fprintf(w->out, "%s%s%s", before, middle, behind);
}

void csv_put_u64(struct csv_writer *w, uint64_t value) {
    separate(w);
    fprintf(w->out, "%llu", (unsigned long long)value);
}

void csv_put_double(struct csv_writer *w, double value) {
    char text[TEXT_NUMBER_SIZE];
    text_double(value, text);
    csv_put_word(w, text);
}

void csv_put_empty(struct csv_writer *w) {
    separate(w);
}

void csv_end_line(struct csv_writer *w) {
    fputs("\r\n", w->out);
    w->comma = false;
}

void csv_put_known(struct csv_writer *w, bool known, double value) {
    if (known)
        csv_put_double(w, value);
    else
        csv_put_empty(w);
}
