#include "config/config.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/keys.h"
#include "config/words.h"
#include "core/alloc.h"
#include "parsers/recipient.h"

/* --- what follows the reading of the keys ------------------------------------------------------------------------- */

static int by_bytes(const void *x, const void *y) {
    char *const *a = x, *const *b = y;
    return strcmp(*a, *b);
}

/* As domains are compared: lower case, A-labels; sorted, each once. */
static void finish_domains(struct config *c) {
    size_t kept = 0;
    for (size_t i = 0; i < c->verified_count; i++) {
        char address[RECIPIENT_DOMAIN_SIZE + 2], domain[RECIPIENT_DOMAIN_SIZE];
        snprintf(address, sizeof address, "@%s", c->verified_domains[i]);
        size_t len = recipient_domain(span_of(address), domain);
        free(c->verified_domains[i]);
        c->verified_domains[i] = alloc_string(domain, len);
    }
    if (c->verified_count)
        qsort(c->verified_domains, c->verified_count, sizeof *c->verified_domains, by_bytes);
    for (size_t i = 0; i < c->verified_count; i++)
        if (kept && strcmp(c->verified_domains[kept - 1], c->verified_domains[i]) == 0)
            free(c->verified_domains[i]);
        else
            c->verified_domains[kept++] = c->verified_domains[i];
    c->verified_count = kept;
}

char *name_for(const char *kind, bool (*is_taken)(const struct config *c, const char *name), const struct config *c) {
    char name[80];
    snprintf(name, sizeof name, "%s", kind);
    for (unsigned n = 2; is_taken(c, name); n++)
        snprintf(name, sizeof name, "%s-%u", kind, n);
    return alloc_string(name, strlen(name));
}

/* --- the command line's word -------------------------------------------------------------------------------------- */

static bool override_log(struct config *c, const struct config_overrides *o, struct err *err) {
    if (o->log_level && !log_level_parse(o->log_level, &c->log_level))
        return err_set(err, ERR_USAGE, "--log.level %s: not known. It is one of debug, info, warn, error",
                       o->log_level);
    if (o->log_format && !log_format_parse(o->log_format, &c->log_format))
        return err_set(err, ERR_USAGE, "--log.format %s: not known. It is one of logfmt, json", o->log_format);
    return true;
}

static bool override(struct config *c, const struct config_overrides *o, struct err *err) {
    if (!o)
        return true;
    if (o->listen_address) {
        const char *wrong = listen_wrong(o->listen_address);
        if (wrong)
            return err_set(err, ERR_USAGE, "--web.listen-address %s is not good; %s", o->listen_address, wrong);
        free(c->web.listen_address);
        c->web.listen_address = alloc_string(o->listen_address, strlen(o->listen_address));
    }
    if (o->web_config_file) {
        char here[PATH_MAX];
        if (!getcwd(here, sizeof here))
            return err_set_errno(err, ERR_IO, errno, "the current folder is not known");
        free(c->web_config_file);
        c->web_config_file = *o->web_config_file ? bind_absolute(here, o->web_config_file) : NULL;
    }
    return override_log(c, o, err);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static bool finish_web(struct binder *b, struct config *c, const struct node *root, bool overridden) {
    struct err err = {0};
    size_t len;
    if (!c->web_config_file)
        return true;
    char *text = bind_read_file(c->web_config_file, CONFIG_MAX_BYTES, true, &len, &err);
    if (!text && overridden)
        return err_set(b->err, ERR_CONFIG, "--web.config.file: %s", err.text);
    if (!text)
        return bind_error(b, bind_place(tree_get(root, "web"), "config_file"), "config_file: %s", err.text);
    bool ok = read_web_text(c->web_config_file, (struct span){text, len}, &c->web, b->err);
    free(text);
    return ok;
}

/* Where relative paths begin. Returns new. */
static char *folder_of(const char *path) {
    char *copy = alloc_string(path, strlen(path)), *slash = strrchr(copy, '/'), *folder;
    if (slash)
        slash[slash == copy] = '\0';
    folder = realpath(slash ? copy : ".", NULL);
    if (!folder)
        folder = alloc_string(slash ? copy : ".", slash ? strlen(copy) : 1);
    free(copy);
    return folder;
}

static bool read_tree(struct binder *b, struct config *c, const struct node *root,
                      const struct config_overrides *overrides) {
    if (!bind_section(b, &root_section, c, root) || !finish_rules(b, c, root))
        return false;
    finish_sources(c);
    finish_domains(c);
    finish_targets(c);
    finish_remote_writes(c);
    if (!check_exemplars(b, c, root) || !finish_brake(b, c, root) || !finish_suppression(b, c, root) ||
        !finish_normalize(b, c, root))
        return false;
    return override(c, overrides, b->err) && finish_web(b, c, root, overrides && overrides->web_config_file);
}

bool config_read(struct config *c, const char *path, struct span text, const struct config_overrides *overrides,
                 struct err *err) {
    *c = (struct config){.path = alloc_string(path, strlen(path))};
    bind_defaults(&root_section, c);
    char *folder = folder_of(path);
    struct binder b = {.file = path, .folder = folder, .expands = true, .err = err};
    struct node *root = tree_parse(path, text, err);
    bool ok = root && read_tree(&b, c, root, overrides);
    tree_destroy(root);
    free(folder);
    if (!ok)
        config_deinit(c);
    return ok;
}

bool config_load(struct config *c, const char *path, const struct config_overrides *overrides, struct err *err) {
    size_t len;
    char *text = bind_read_file(path, CONFIG_MAX_BYTES, false, &len, err);
    *c = (struct config){0};
    if (!text)
        return false;
    bool ok = config_read(c, path, (struct span){text, len}, overrides, err);
    free(text);
    return ok;
}

void config_deinit(struct config *c) {
    for (size_t i = 0; i < c->source_count; i++)
        config_source_deinit(&c->sources[i]);
    free(c->sources);
    for (size_t i = 0; i < c->rule_count; i++)
        rule_deinit(&c->rules[i]);
    free(c->rules);
    for (size_t i = 0; i < c->target_count; i++)
        notify_target_deinit(&c->targets[i]);
    free(c->targets);
    for (size_t i = 0; i < c->remote_write_count; i++)
        remote_write_target_deinit(&c->remote_writes[i]);
    free(c->remote_writes);
    for (unsigned i = 0; i < c->tag_count; i++)
        free(c->tags[i]);
    web_options_deinit(&c->web);
    c->web = (struct web_options){0};
    bind_free(&root_section, c);
    free(c->path);
    *c = (struct config){0};
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

bool config_write(const struct config *c, FILE *out) {
    struct writer w = {.out = out};
    fputs("# The effective configuration: every key, defaults filled in.\n", out);
    write_section(&w, &root_section, c);
    return !ferror(out);
}

static void write_raised_when(FILE *out, const struct alert_rule *r) {
    char threshold[SHARE_SIZE], factor[SHARE_SIZE];
    share_format(r->threshold, threshold);
    factor_format(r->factor, factor);
    switch (r->kind) {
    case ALERT_RATE_ABOVE:
    case ALERT_RATE_BELOW:
        fprintf(out, "%s%s is %s or %s", rate_name(r->rate), r->basis == BASIS_SENT ? " of what was sent" : "",
                threshold, r->kind == ALERT_RATE_ABOVE ? "more" : "less");
        return;
    case ALERT_SILENCE:
        fprintf(out, "no %s%scame", r->event < EVENT_TYPES ? event_type_name((enum event_type)r->event) : "event",
                r->event < EVENT_TYPES ? " event " : " ");
        return;
    case ALERT_CHANGE:
        fprintf(out, "%s is %s times that of the weeks before, and %s or more", rate_name(r->rate), factor, threshold);
        return;
    case ALERT_DROP:
        share_format(r->factor, factor);
        fprintf(out, "sends are %s or less of the smallest of the weeks before", factor);
        return;
    case ALERT_NEW_REASON:
        fprintf(out, "bounces for one reason are %s of the sends or more, and %s times those of the week before",
                threshold, factor);
        return;
    default:
        fprintf(out, "sends are %s or more of `quota.per_%s`", threshold,
                r->kind == ALERT_QUOTA_DAY ? "day" : "second");
    }
}

static void write_volume(FILE *out, const struct alert_rule *r) {
    switch (r->kind) {
    case ALERT_SILENCE:
        fprintf(out, "%" PRIu64 " %s", r->min_volume,
                r->event == EVENT_TYPES  ? "events in as long before"
                : r->event == EVENT_SEND ? "sends in as long before"
                                         : "sends in that time");
        return;
    case ALERT_DROP:
        fprintf(out, "%" PRIu64 " sends in each week before", r->min_volume);
        return;
    case ALERT_NEW_REASON:
        fprintf(out, "%" PRIu64 " bounces", r->min_volume);
        return;
    case ALERT_QUOTA_DAY:
    case ALERT_QUOTA_SECOND:
        fputs("a quota in the configuration", out);
        return;
    default:
        fprintf(out, "%" PRIu64 " %s", r->min_volume, rate_denominator_name(r->rate));
    }
}

static void write_default_rule(FILE *out, const struct alert_rule *r) {
    char clear[SHARE_SIZE], sure[SHARE_SIZE];
    share_format(r->clear, clear);
    share_format(r->confidence, sure);
    fprintf(out, "| `%s` | %s | ", r->name, r->severity);
    write_raised_when(out, r);
    fprintf(out, " | %s | ", r->window_name);
    if (r->kind == ALERT_SILENCE)
        fputs("one comes", out);
    else
        fprintf(out, "%s %s", r->kind == ALERT_RATE_BELOW || r->kind == ALERT_DROP ? "over" : "under", clear);
    fputs(" | ", out);
    write_volume(out, r);
    fprintf(out, " | %s | %d min | %d min |\n", r->confidence > 0 ? sure : "", r->for_minutes, r->keep_firing_minutes);
}

static void write_default_rules(FILE *out) {
    size_t count, quotas;
    const struct alert_rule *rules = alert_default_rules(&count), *quota_rules = config_quota_rules(&quotas);
    fputs("| name | severity | raised when | over | clear | at least | confidence | for | keeps firing |\n"
          "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
          out);
    for (size_t i = 0; i < count; i++)
        write_default_rule(out, &rules[i]);
    for (size_t i = 0; i < quotas; i++)
        write_default_rule(out, &quota_rules[i]);
}

void config_write_reference(FILE *out, enum config_reference which) {
    switch (which) {
    case CONFIG_REFERENCE_FILE:
        write_reference(out, &root_section);
        return;
    case CONFIG_REFERENCE_WEB:
        write_reference(out, &web_file_section);
        return;
    case CONFIG_REFERENCE_RULES:
        write_default_rules(out);
    }
}

/* A key and what belongs to it, secrets too, as text. Returns new. */
static char *text_of_key(const struct key *k, const struct config *c) {
    char *text = NULL;
    size_t len = 0;
    struct writer w = {.out = open_memstream(&text, &len), .reveal = true};
    if (!w.out)
        abort();
    write_key(&w, k, c);
    fclose(w.out);
    return text;
}

static void add_difference(char *text, size_t size, const char *section, const char *name) {
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s%s%s", used ? ", " : "", section, *section ? "." : "", name);
}

void config_fixed_differences(const struct config *running, const struct config *wanted, char *text, size_t size) {
    text[0] = '\0';
    for (size_t i = 0; i < root_section.count; i++) {
        const struct key *k = &root_section.keys[i];
        bool is_section = k->type == KEY_SECTION;
        const struct key *keys = is_section ? k->section->keys : k;
        size_t count = is_section ? k->section->count : 1;
        for (size_t j = 0; j < count; j++) {
            if (!(keys[j].flags & KEY_FIXED))
                continue;
            char *a = text_of_key(&keys[j], running), *b = text_of_key(&keys[j], wanted);
            if (strcmp(a, b) != 0)
                add_difference(text, size, is_section ? k->name : "", keys[j].name);
            free(a);
            free(b);
        }
    }
}
