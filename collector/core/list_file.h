/* A file that an operator keeps by hand, a list of lines of words: blanks part the words, a comment ends a line, lines
 * end with \n or \r\n, an editor's byte order mark is skipped. What the words mean is for the caller. */
#ifndef CORE_LIST_FILE_H
#define CORE_LIST_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/span.h"

struct list_form {
    size_t max;           /* bytes of a file, whole KiB */
    const char *comments; /* each of these bytes begins a comment, in a word too */
    bool has_quotes;      /* a " ends a word and begins text in quotes */
};

/* Where the reading stands. Made by list_file_open or list_file_of_text, and changed by the functions below only. */
struct list_file {
    const char *path;      /* borrowed; what errors call the file */
    struct err *err;       /* borrowed; NULL is allowed */
    struct buf text;       /* empty when the text is borrowed */
    struct span lines;     /* those still to come */
    struct span line;      /* what is left of this one */
    const char *line_from; /* where it begins */
    size_t number;         /* of this line; the first is 1, before it 0 */
    bool has_quotes;
    bool ends_word[256], begins_comment[256];
};

/* Reads the whole file. False with ERR_IO when the system refuses, with ERR_CONFIG when the file is larger than `max`;
 * `f` may be closed then too. `path` and `err` must outlive `f`. */
bool list_file_open(struct list_file *f, const char *path, const struct list_form *form, struct err *err);
/* The same of a text that stands in memory and outlives `f`. False when it is larger than `max`. */
bool list_file_of_text(struct list_file *f, struct span text, const char *path, const struct list_form *form,
                       struct err *err);
void list_file_close(struct list_file *f);

/* Goes to the next line, the first at first. False when there is none. */
bool list_file_next_line(struct list_file *f);

/* The next word of the line, borrowed from `f`. An empty one stands where the line stopped: at its end, at a comment,
 * or at text in quotes. */
struct span list_file_next_word(struct list_file *f);

/* Text in quotes comes next, behind blanks at most. */
bool list_file_at_quote(struct list_file *f);

/* Reads text in quotes, where list_file_at_quote says so, into `to`, `max` bytes: \" and \\ are undone, every run of
 * blanks becomes one space. `text` gets what was written there, `place` how it stands in the file, with its quotes.
 * False with an error that names the place. */
bool list_file_next_quoted(struct list_file *f, char *to, size_t max, struct span *text, struct span *place);

/* Says ERR_CONFIG with `PATH:LINE:COLUMN: "WORD" WHAT`; an empty word only gives the place. Columns are bytes, the
 * first is 1. `word` stands in the present line. Of a long word the first bytes are shown; bytes that a terminal might
 * act on are shown as `?`. Returns false. */
bool list_file_fail(const struct list_file *f, struct span word, const char *what);

#endif
