/* The other way: from the structs to YAML, and the tables as documentation. */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/binder.h"
#include "config/words.h"
#include "core/utf8.h"

struct pair {
    char *name, *value;
};

static const void *field_of(const struct key *k, const void *base) {
    return (const char *)base + k->at;
}

static size_t count_of(const struct key *k, const void *base) {
    return *(const size_t *)((const char *)base + k->count_at);
}

/* --- lines -------------------------------------------------------------------------------------------------------- */

static void begin_line(struct writer *w) {
    unsigned indent = w->indent;
    if (w->dash)
        indent--;
    for (unsigned i = 0; i < indent; i++)
        fputs("  ", w->out);
    if (w->dash)
        fputs("- ", w->out);
    w->dash = false;
}

void write_begin(struct writer *w, const char *name) {
    begin_line(w);
    fprintf(w->out, "%s:\n", name);
    w->indent++;
}

void write_end(struct writer *w) {
    w->indent--;
}

static bool needs_quotes(const char *text) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-";
    static const char *const words[] = {"null", "Null", "NULL", "true", "false"}; /* no such word is meant as one */
    if (!*text || *text == '-' || text[strspn(text, plain)])
        return true;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

/* What YAML takes for a control character, a line break or a mark of byte order. */
static bool is_odd(uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 || code == 0xfeff ||
           code == 0xfffe || code == 0xffff;
}

/* A $ is doubled, so that it comes back as one. */
static void write_text(struct writer *w, const char *text) {
    if (!needs_quotes(text)) {
        fputs(text, w->out);
        return;
    }
    fputc('"', w->out);
    size_t len;
    for (struct span rest = span_of(text); rest.len; rest.ptr += len, rest.len -= len) {
        uint32_t code = 0;
        len = utf8_next(rest, &code);
        if (!len)
            len = 1; /* only a path on the disk can hold such a byte */
        else if (is_odd(code))
            fprintf(w->out, "\\u%04x", code);
        else if (code == '"' || code == '\\' || code == '$')
            fprintf(w->out, "%c%c", code == '$' ? '$' : '\\', (char)code);
        else
            fwrite(rest.ptr, 1, len, w->out);
    }
    fputc('"', w->out);
}

static void write_secret(struct writer *w, const char *text, bool secret) {
    write_text(w, secret && !w->reveal ? "<secret>" : text);
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static void write_number(FILE *out, const struct key *k, const void *field) {
    int32_t narrow;
    int64_t wide;
    if (k->width == sizeof narrow) {
        memcpy(&narrow, field, sizeof narrow);
        wide = narrow;
    } else {
        memcpy(&wide, field, sizeof wide);
    }
    fprintf(out, "%" PRId64, wide);
}

static bool stands_for_0(const struct key *k, const void *field) {
    return k->word && (k->type == KEY_DURATION ? *(const int64_t *)field == 0 : fabs(*(const double *)field) < 1e-12);
}

static void write_scalar(struct writer *w, const struct key *k, const void *field) {
    char text[64];
    unsigned chosen;
    switch (k->type) {
    case KEY_BOOL:
        fputs(*(const bool *)field ? "true" : "false", w->out);
        return;
    case KEY_CHOICE:
        memcpy(&chosen, field, sizeof chosen);
        fputs(k->choice(chosen), w->out);
        return;
    case KEY_NUMBER:
        write_number(w->out, k, field);
        return;
    case KEY_SIZE:
        size_format(*(const uint64_t *)field, text);
        break;
    case KEY_DURATION:
        duration_format(*(const int64_t *)field, text);
        break;
    case KEY_FACTOR:
        factor_format(*(const double *)field, text);
        break;
    default:
        assert(k->type == KEY_SHARE);
        share_format(*(const double *)field, text);
    }
    fputs(stands_for_0(k, field) ? k->word : text, w->out);
}

static void write_members(struct writer *w, const struct key *k, const void *base) {
    const void *field = field_of(k, base);
    const char *separator = "";
    fputc('[', w->out);
    if (k->type == KEY_FLAGS) {
        for (unsigned i = 0; k->choice(i); i++)
            if (*(const unsigned *)field & 1u << i) {
                fprintf(w->out, "%s%s", separator, k->choice(i));
                separator = ", ";
            }
    } else {
        for (size_t i = 0; i < count_of(k, base); i++) {
            fputs(separator, w->out);
            separator = ", ";
            if (k->type == KEY_NUMBERS)
                fprintf(w->out, "%" PRId32, (*(int32_t *const *)field)[i]);
            else
                write_text(w, (*(char **const *)field)[i]);
        }
    }
    fputc(']', w->out);
}

static void write_pairs(struct writer *w, const struct key *k, const void *base) {
    const struct pair *pairs = *(struct pair *const *)field_of(k, base);
    w->indent++;
    for (size_t i = 0; i < count_of(k, base); i++) {
        begin_line(w);
        struct writer name = *w;
        name.reveal = true;
        write_text(&name, pairs[i].name);
        fputs(": ", w->out);
        write_secret(w, pairs[i].value, k->flags & KEY_SECRET || (k->is_secret && k->is_secret(pairs[i].name)));
        fputc('\n', w->out);
    }
    w->indent--;
}

static bool is_given(const struct key *k, const void *base) {
    const void *field = field_of(k, base);
    switch (k->type) {
    case KEY_TEXT:
    case KEY_PATH:
        return *(char *const *)field;
    case KEY_DURATION:
        return *(const int64_t *)field >= 0;
    case KEY_SHARE:
    case KEY_FACTOR:
        return *(const double *)field >= 0;
    case KEY_TEXTS:
    case KEY_PATHS:
    case KEY_NUMBERS:
    case KEY_PAIRS:
        return count_of(k, base);
    case KEY_FLAGS:
        return *(const unsigned *)field;
    default:
        return true;
    }
}

static bool any_given(const struct section *s, const void *base) {
    for (size_t i = 0; i < s->count; i++)
        if (is_given(&s->keys[i], base))
            return true;
    return false;
}

void write_key(struct writer *w, const struct key *k, const void *base) {
    if (k->type == KEY_REFUSED)
        return;
    if (k->type == KEY_ITEMS) {
        k->show(w, base);
        return;
    }
    if (k->type == KEY_SECTION) {
        if (!any_given(k->section, base))
            return;
        write_begin(w, k->name);
        write_section(w, k->section, base);
        write_end(w);
        return;
    }
    if (!is_given(k, base)) {
        if (!w->dash && !w->terse) { /* a comment cannot begin an entry */
            begin_line(w);
            fprintf(w->out, "# %s: not set\n", k->name);
        }
        return;
    }
    begin_line(w);
    fprintf(w->out, "%s:%s", k->name, k->type == KEY_PAIRS ? "\n" : " ");
    if (k->type == KEY_TEXT || k->type == KEY_PATH)
        write_secret(w, k->count_at ? **(char **const *)field_of(k, base) : *(char *const *)field_of(k, base),
                     k->flags & KEY_SECRET);
    else if (k->type == KEY_PAIRS)
        write_pairs(w, k, base);
    else if (k->type == KEY_TEXTS || k->type == KEY_PATHS || k->type == KEY_NUMBERS || k->type == KEY_FLAGS)
        write_members(w, k, base);
    else
        write_scalar(w, k, field_of(k, base));
    if (k->type != KEY_PAIRS)
        fputc('\n', w->out);
}

void write_section(struct writer *w, const struct section *s, const void *base) {
    for (size_t i = 0; i < s->count; i++)
        write_key(w, &s->keys[i], base);
}

/* --- the reference ------------------------------------------------------------------------------------------------ */

static void write_type(FILE *out, const struct key *k) {
    static const char *const names[] = {
        [KEY_TEXT] = "text",
        [KEY_PATH] = "path",
        [KEY_BOOL] = "true or false",
        [KEY_CHOICE] = "",
        [KEY_FLAGS] = "list of ",
        [KEY_NUMBER] = "number",
        [KEY_SIZE] = "size",
        [KEY_DURATION] = "duration",
        [KEY_SHARE] = "share",
        [KEY_FACTOR] = "factor",
        [KEY_TEXTS] = "list",
        [KEY_PATHS] = "list of paths",
        [KEY_NUMBERS] = "list of numbers",
        [KEY_PAIRS] = "names and values",
        [KEY_SECTION] = "section",
        [KEY_ITEMS] = "list of sections",
        [KEY_REFUSED] = "not supported",
    };
    char least[DURATION_SIZE], most[DURATION_SIZE];
    fputs(k->type == KEY_ITEMS && !k->section ? "list" : names[k->type], out);
    for (unsigned i = 0; k->choice && k->choice(i); i++)
        fprintf(out, "%s`%s`", i ? ", " : "", k->choice(i));
    if (k->type == KEY_NUMBER && k->max)
        fprintf(out, ", %" PRId64 " to %" PRId64, k->min, k->max);
    else if (k->type == KEY_NUMBER && k->min)
        fprintf(out, ", %" PRId64 " or more", k->min);
    if (k->type == KEY_DURATION && k->max) {
        duration_format(k->min, least);
        duration_format(k->max, most);
        fprintf(out, ", %s to %s", least, most);
    }
    if (k->type == KEY_SIZE && k->min) {
        size_format((uint64_t)k->min, least);
        fprintf(out, ", %s or more", least);
    }
    if (k->word)
        fprintf(out, ", or `%s`", k->word);
    if (k->flags & KEY_SECRET)
        fputs(", secret", out);
}

static void write_default(FILE *out, const struct key *k) {
    if (k->shown_default)
        fputs(k->shown_default, out);
    else if (k->fallback)
        fprintf(out, "`%s`", k->fallback);
    else if (k->flags & KEY_REQUIRED)
        fputs("required", out);
    else
        fputs("none", out);
}

static void write_reference_row(FILE *out, const struct key *k) {
    fprintf(out, "| `%s`", k->name);
    if (k->flags & KEY_SECRET && k->type == KEY_TEXT)
        fprintf(out, " or `%s_file`", k->name);
    fputs(" | ", out);
    write_type(out, k);
    fputs(" | ", out);
    if (k->type == KEY_SECTION || k->type == KEY_ITEMS || k->type == KEY_REFUSED)
        fputs(k->flags & KEY_REQUIRED ? "required" : "", out);
    else
        write_default(out, k);
    fprintf(out, " | %s%s%s |\n", k->type == KEY_REFUSED ? "refused: " : "", k->means,
            k->flags & KEY_FIXED ? " A change needs a restart." : "");
}

enum { MAX_SECTIONS = 40 };

/* Puts the sections of a section's keys behind it, but those that are there already: the same keys have one name,
 * whatever they are in. */
static size_t add_sections(const struct section **sections, size_t count, size_t at) {
    const struct section *s = sections[at];
    for (size_t i = 0, to = at + 1; i < s->count; i++) {
        const struct section *below = s->keys[i].section;
        size_t seen = 0;
        while (below && seen < count && strcmp(sections[seen]->name, below->name) != 0)
            seen++;
        if (!below || seen < count)
            continue;
        assert(count < MAX_SECTIONS);
        for (size_t j = count++; j > to; j--)
            sections[j] = sections[j - 1];
        sections[to++] = below;
    }
    return count;
}

void write_reference(FILE *out, const struct section *root) {
    const struct section *sections[MAX_SECTIONS] = {root};
    size_t count = 1;
    for (size_t at = 0; at < count; at++) {
        const struct section *s = sections[at];
        if (*s->name)
            fprintf(out, "\n### %s\n", s->name);
        fputs("\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n", out);
        for (size_t i = 0; i < s->count; i++)
            write_reference_row(out, &s->keys[i]);
        count = add_sections(sections, count, at);
    }
}
