/* sources[].files */
#include "config/keys.h"
#include "config/words.h"

static const struct key files_keys[] = {
    {"name", KEY_TEXT, 0, FIELD(struct folder_options, name), .wrong = source_name_wrong,
     .shown_default = "`files`, then `files-2` and so on",
     .means = "The source's name in metrics and in the state: another name reads everything anew."},
    {"paths", KEY_PATHS, KEY_REQUIRED, LIST_FIELD(struct folder_options, paths, path_count),
     .means = "Folders (with everything below them), files and glob patterns."},
    {"interval", KEY_DURATION, 0, FIELD(struct folder_options, interval_ms), .fallback = "10s", .min = 100,
     .max = 86400000, .means = "How often to look for what is new."},
    {"settle", KEY_DURATION, 0, FIELD(struct folder_options, settle_ms), .fallback = "5s", .max = 86400000,
     .means = "A file that changed less than this ago may still be being written, and waits."},
};
const struct section files_section = {"sources[].files", KEYS_OF(files_keys)};

static bool take(struct binder *b, struct config_source *s, const struct node *map) {
    bind_defaults(&files_section, &s->files);
    return bind_section(b, &files_section, &s->files, map);
}

static void show(struct writer *w, const struct config_source *s) {
    write_section(w, &files_section, &s->files);
}

static void deinit(struct config_source *s) {
    folder_options_deinit(&s->files);
}

static char **name_of(struct config_source *s) {
    return &s->files.name;
}

const struct source_keys files_source_keys = {take, show, deinit, name_of};
