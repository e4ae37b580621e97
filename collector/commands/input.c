#include "commands/input.h"

#include <stdio.h>

#include "commands/stop.h"
#include "core/intern.h"
#include "sinks/text.h"

enum { MAX_TROUBLES = 20 }; /* that are said one by one */

/* --- before ------------------------------------------------------------------------------------------------------- */

bool input_load(struct input *in, size_t max_names, size_t max_templates, struct err *err) {
    const struct input_options *o = in->options;
    in->providers = provider_table_create();
    if (!o->providers || provider_table_load(in->providers, o->providers, err))
        in->knowledge = knowledge_create(in->providers, &(struct knowledge_files){o->mx_table, o->bounce_rules}, err);
    if (!in->knowledge) {
        err->code = ERR_CONFIG; /* also when the file is not there */
        return false;
    }
    in->dictionary = (struct dictionary){
        .providers = in->providers,
        .knowledge = in->knowledge,
        .key = hash_key_random(),
        .sets = intern_create(max_names),
        .identities = intern_create(max_names),
        .templates = intern_create(max_templates),
    };
    return true;
}

static void on_listing(void *context, const char *url, uint64_t objects, uint64_t requests) {
    struct input *in = context;
    char text[512], count[TEXT_NUMBER_SIZE], pages[TEXT_NUMBER_SIZE];
    text_count(objects, count);
    text_count(requests, pages);
    snprintf(text, sizeof text, "listing %.300s: %s objects, %s requests", url, count, pages);
    progress_say(&in->progress, text);
}

static void forget_objects(struct input *in) {
    object_list_deinit(&in->objects);
    replay_buckets_deinit(&in->buckets);
}

bool input_find_objects(struct input *in, int64_t before_ms, bool in_time_order, struct err *err) {
    const struct input_options *o = in->options;
    bool ok = true;
    forget_objects(in);
    in->buckets = (struct replay_buckets){
        .options = o, .before_ms = before_ms, .stop = stop_flag(), .on_listing = on_listing, .context = in};
    progress_begin(&in->progress, o->progress);
    for (size_t i = 0; ok && i < o->path_count; i++)
        ok = replay_buckets_is_url(o->paths[i]) ? replay_buckets_add(&in->buckets, &in->objects, o->paths[i], err)
                                                : files_add_all(&in->objects, o->paths[i], o->buckets.errors, err);
    progress_clear(&in->progress);
    if (!ok)
        return false;
    if (in_time_order)
        replay_find_times(&in->objects, o->isa);
    files_sort(&in->objects);
    replay_split(&in->objects, o->threads);
    return true;
}

/* --- the run ------------------------------------------------------------------------------------------------------ */

unsigned input_threads(const struct input *in) {
    unsigned threads = in->options->threads;
    if (threads > in->objects.count)
        threads = in->objects.count ? (unsigned)in->objects.count : 1;
    return threads;
}

void input_begin(struct input *in) {
    progress_begin(&in->progress, in->options->progress);
    replay_buckets_plan(&in->buckets, &in->objects);
}

void input_end(struct input *in) {
    progress_clear(&in->progress);
}

bool input_on_progress(void *context, const struct replay_progress *at) {
    struct input *in = context;
    progress_update(&in->progress, at);
    return !stop_signal();
}

/* Names of files and keys may hold any byte: none of them speaks to the terminal. */
static void say_safely(const char *text) {
    fputs("ses-collector: ", stderr);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        fprintf(stderr, c < ' ' || c == 0x7f ? "\\x%02x" : "%c", c);
    }
    fputc('\n', stderr);
}

void input_on_trouble(void *context, const char *text) {
    struct input *in = context;
    progress_clear(&in->progress);
    if (in->troubles++ < MAX_TROUBLES)
        say_safely(text);
}

/* --- after -------------------------------------------------------------------------------------------------------- */

bool input_is_nothing_read(const struct accounting *a) {
    return a->objects_unreadable && !a->bytes_read &&
           !(a->objects_done || a->objects_empty || a->objects_damaged || a->objects_unsupported);
}

static void say_buckets(const struct replay_buckets *b) {
    if (!b->session)
        return;
    fprintf(stderr, "ses-collector: %llu requests to buckets, %llu of them to list\n",
            (unsigned long long)replay_buckets_requests(b), (unsigned long long)b->list_requests);
    if (b->left_out)
        fprintf(stderr,
                "ses-collector: %llu objects or folders of errors in buckets were left out, or are excluded; "
                "--replay-errors reads the errors\n",
                (unsigned long long)b->left_out);
    if (b->archived)
        fprintf(stderr, "ses-collector: %llu archived objects in buckets cannot be read before they are restored\n",
                (unsigned long long)b->archived);
}

void input_say_unread(const struct input *in, const struct accounting *a) {
    if (in->troubles > MAX_TROUBLES)
        fprintf(stderr, "ses-collector: and %u more objects that could not be read to their end\n",
                in->troubles - MAX_TROUBLES);
    if (in->objects.skipped)
        fprintf(stderr, "ses-collector: %zu links, pipes and the like in folders were left out\n", in->objects.skipped);
    if (in->objects.left_out)
        fprintf(stderr, "ses-collector: %zu files below folders of errors were left out; --replay-errors reads them\n",
                in->objects.left_out);
    say_buckets(&in->buckets);
    if (input_is_nothing_read(a))
        fprintf(stderr, "ses-collector: nothing could be read: not one of %llu objects\n",
                (unsigned long long)a->objects_unreadable);
}

void input_say_malformed(const struct accounting *a) {
    for (int i = 0; i < MALFORMED_REASONS; i++)
        if (a->malformed[i])
            fprintf(stderr, "ses-collector: %llu records malformed: %s\n", (unsigned long long)a->malformed[i],
                    malformed_reason_text((enum malformed_reason)i));
}

void input_deinit(struct input *in) {
    struct dictionary *d = &in->dictionary;
    intern_destroy(d->sets);
    intern_destroy(d->identities);
    intern_destroy(d->templates);
    for (unsigned i = 0; i < d->tag_count; i++)
        intern_destroy(d->tags[i]);
    knowledge_destroy(in->knowledge);
    provider_table_destroy(in->providers);
    forget_objects(in);
}
