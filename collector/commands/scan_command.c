#include "commands/scan_command.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "commands/command_fail.h"
#include "commands/commands.h"
#include "commands/stop.h"

enum { MAX_NAMES = 1 << 20 };

/* --- the command line --------------------------------------------------------------------------------------------- */

static const char help_how[] =
    "How\n"
    "  --providers FILE         adds to the table of mailbox providers, or overrides it (docs/providers.md)\n"
    "  --mx-table FILE          domains and their mail servers (docs/providers.md)\n"
    "  --bounce-rules FILE      rules that say why mail bounced, asked before the built-in ones (docs/reasons.md)\n"
    "  --threads N              workers (default: one for each processor)\n"
    "  --strict                 exit with 3 when something was malformed or unreadable\n"
    "  --progress WHEN          auto (default: on a terminal), always, never\n"
    "  --isa NAME               scans with plain, sse2, avx2 or avx512 code (default: the best there is)\n"
    "  --help\n\n";

static void print_help(const struct scan_form *f) {
    fputs(f->help_before, stdout);
    fputs(bucket_options_help, stdout);
    fputs(help_how, stdout);
    fputs(f->help_behind, stdout);
}

static bool parse(struct scan_command *c, int argc, char **argv, void *context, struct err *err) {
    const struct scan_form *f = c->form;
    return input_options_parse(&c->options, argc, argv, f->options, f->take, context, err) &&
           (c->options.help || input_options_check(&c->options, err));
}

bool scan_command_begin(struct scan_command *c, const struct scan_form *form, int argc, char **argv, void *context,
                        int *code) {
    struct err err = {0};
    *c = (struct scan_command){.input = {.options = &c->options}, .form = form};
    input_options_init(&c->options);
    *code = EXIT_DONE;
    bool ok = parse(c, argc, argv, context, &err);
    if (ok && !c->options.help) {
        stop_catch_signals();
        return true;
    }
    input_options_deinit(&c->options);
    if (ok)
        print_help(form);
    else
        *code = scan_command_fail(c, &err);
    return false;
}

/* --- before ------------------------------------------------------------------------------------------------------- */

bool scan_command_prepare(struct scan_command *c, bool in_time_order, struct err *err) {
    if (!input_load(&c->input, MAX_NAMES, MAX_NAMES, err) || !input_find_objects(&c->input, 0, in_time_order, err))
        return false;
    return !c->quarantine_dir || (c->quarantine = quarantine_open(c->quarantine_dir, 0, err)) != NULL;
}

bool scan_command_is_readable_again(const struct scan_command *c) {
    const struct object_list *list = &c->input.objects;
    for (size_t i = 0; i < list->count; i++) {
        const struct object *o = &list->objects[i];
        struct stat st;
        if (!o->opener && (strcmp(o->path, "-") == 0 || stat(o->path, &st) != 0 || !S_ISREG(st.st_mode)))
            return false;
    }
    return true;
}

bool scan_command_again(struct scan_command *c, struct err *err) {
    return input_find_objects(&c->input, 0, false, err);
}

/* --- the run ------------------------------------------------------------------------------------------------------ */

bool scan_command_run(struct scan_command *c, struct scan *s) {
    s->objects = &c->input.objects;
    s->quarantine = c->quarantine;
    s->isa = c->options.isa;
    s->threads = input_threads(&c->input);
    s->stop = stop_flag();
    s->on_progress = input_on_progress;
    s->on_trouble = input_on_trouble;
    s->context = c;
    input_begin(&c->input);
    bool done = scan_run(s);
    input_end(&c->input);
    return done;
}

/* --- after -------------------------------------------------------------------------------------------------------- */

void scan_command_say(const struct scan_command *c, const struct scan *s) {
    input_say_unread(&c->input, &s->accounting);
    input_say_malformed(&s->accounting);
}

int scan_command_fail(const struct scan_command *c, const struct err *err) {
    return command_fail(c->form->name, err);
}

int scan_command_exit_code(const struct scan_command *c, const struct scan *s) {
    if (input_is_nothing_read(&s->accounting))
        return EXIT_FAILED;
    bool partial = accounting_malformed(&s->accounting) || c->input.troubles;
    return c->options.strict && partial ? EXIT_PARTIAL : EXIT_DONE;
}

void scan_command_deinit(struct scan_command *c) {
    quarantine_close(c->quarantine, NULL);
    input_deinit(&c->input);
    input_options_deinit(&c->options);
}
