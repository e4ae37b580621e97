#include <string.h>

#include "sinks/page_parts.h"
#include "sinks/text.h"

static void put_state(FILE *out, const struct source_row *source) {
    if (source->trouble) {
        fputs("<span class=\"bad\"><i aria-hidden=\"true\">!!</i>", out);
        page_text(out, source->trouble);
        fputs("</span>", out);
    } else if (source->caught_up) {
        fputs("<span class=\"good\">caught up</span>", out);
    } else {
        fputs("<span>reading</span>", out);
    }
}

static void put_cell(FILE *out, uint64_t value) {
    fputs("<td>", out);
    page_count(out, value);
    fputs("</td>", out);
}

static void put_figures(FILE *out, const struct accounting *a, uint64_t lost, uint64_t dead_letters) {
    put_cell(out, a->counted);
    put_cell(out, accounting_malformed(a));
    put_cell(out, a->duplicate);
    put_cell(out, a->late);
    put_cell(out, a->future);
    put_cell(out, a->filtered);
    put_cell(out, lost);
    put_cell(out, dead_letters);
    fputs("</tr>\n", out);
}

static void put_source(FILE *out, const struct source_row *source) {
    fputs("<tr><th scope=\"row\">", out);
    page_name(out, source->name);
    fputs("</th><td class=\"left\">", out);
    page_text(out, source->kind);
    fputs("</td><td class=\"left wide\">", out);
    put_state(out, source);
    fputs("</td>", out);
    put_figures(out, &source->accounting, source->messages_lost, source->dead_letters);
}

static void put_rest(FILE *out, const struct source_row *sources, size_t count) {
    struct accounting sum = {0};
    uint64_t lost = 0, dead_letters = 0, troubled = 0;
    for (size_t i = 0; i < count; i++) {
        accounting_add(&sum, &sources[i].accounting);
        lost += sources[i].messages_lost;
        dead_letters += sources[i].dead_letters;
        troubled += sources[i].trouble != NULL;
    }
    fputs("<tr class=\"rest\"><th scope=\"row\">", out);
    page_count(out, count);
    fputs(" more, together</th><td></td><td class=\"left\">", out);
    if (troubled) {
        page_count(out, troubled);
        fputs(" in trouble", out);
    }
    fputs("</td>", out);
    put_figures(out, &sum, lost, dead_letters);
}

/* What is known of a source's lag, and over how many partitions. */
struct lag {
    uint64_t messages, ours, unknown;
};

static struct lag lag_of(const struct source_row *source) {
    struct lag lag = {0};
    for (size_t i = 0; i < source->partition_count; i++) {
        const struct partition_row *row = &source->partitions[i];
        lag.ours += row->assigned;
        lag.unknown += row->assigned && row->lag < 0;
        lag.messages += row->assigned && row->lag > 0 ? (uint64_t)row->lag : 0;
    }
    return lag;
}

static void put_partition(FILE *out, const struct partition_row *row) {
    fputs("<tr><th scope=\"row\">", out);
    page_text(out, row->topic);
    fprintf(out, "</th><td>%d</td><td>", (int)row->partition);
    if (row->next >= 0)
        page_count(out, (uint64_t)row->next);
    else
        fputs("<span class=\"none\">none yet</span>", out);
    fputs("</td><td>", out);
    if (row->assigned && row->lag >= 0)
        page_count(out, (uint64_t)row->lag);
    else
        fputs("<span class=\"none\">&ndash;</span>", out);
    fprintf(out, "</td><td class=\"left\">%s</td></tr>\n", row->assigned ? "here" : "not here");
}

static void put_partitions(FILE *out, const struct source_row *source, size_t number) {
    enum { FEW = 8 }; /* so many are shown at once, more are folded away */
    struct lag lag = lag_of(source);
    fprintf(out, "<details id=\"partitions-%zu\"%s><summary><b>", number,
            source->partition_count <= FEW ? " open" : "");
    page_name(out, source->name);
    fputs("</b>: ", out);
    page_plural(out, source->partition_count, "partition, ", "partitions, ");
    page_count(out, lag.ours);
    fputs(" read here, ", out);
    page_plural(out, lag.messages, "message behind", "messages behind");
    if (lag.unknown) {
        fputs(" (not known of ", out);
        page_count(out, lag.unknown);
        fputc(')', out);
    }
    fprintf(
        out,
        "</summary><div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Partitions\" "
        "id=\"partitions-%zu-table\"><table><thead><tr><th scope=\"col\">Topic</th><th scope=\"col\">Partition</th>"
        "<th scope=\"col\">Next offset</th><th scope=\"col\">Lag</th><th scope=\"col\" class=\"left\">Read</th></tr>"
        "</thead>\n<tbody>",
        number);
    size_t shown = source->partition_count > PAGE_MAX_ROWS ? PAGE_MAX_ROWS : source->partition_count;
    for (size_t i = 0; i < shown; i++)
        put_partition(out, &source->partitions[i]);
    if (shown < source->partition_count) {
        struct source_row rest = {.partitions = source->partitions + shown,
                                  .partition_count = source->partition_count - shown};
        fputs("<tr class=\"rest\"><th scope=\"row\">", out);
        page_count(out, rest.partition_count);
        fputs(" more, together</th><td></td><td></td>", out);
        put_cell(out, lag_of(&rest).messages);
        fputs("<td></td></tr>\n", out);
    }
    fputs("</tbody></table></div></details>\n", out);
}

void page_write_sources(FILE *out, const struct snapshot *s) {
    static const char *const columns[] = {"Counted", "Malformed", "Duplicate", "Late",
                                          "Future",  "Filtered",  "Lost",      "Dead letters"};
    fputs(
        "<section id=\"sources\" aria-labelledby=\"sources-title\"><h2 id=\"sources-title\">Sources "
        "<small>records, since the state began</small></h2>\n"
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"sources-title\" "
        "id=\"sources-table\"><table><thead><tr><th scope=\"col\">Source</th><th scope=\"col\" class=\"left\">Kind</th>"
        "<th scope=\"col\" class=\"left\">State</th>",
        out);
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        fprintf(out, "<th scope=\"col\">%s</th>", columns[i]);
    fputs("</tr></thead>\n<tbody>", out);
    size_t shown = s->source_count > PAGE_MAX_ROWS ? PAGE_MAX_ROWS : s->source_count;
    for (size_t i = 0; i < shown; i++)
        put_source(out, &s->sources[i]);
    if (shown < s->source_count)
        put_rest(out, s->sources + shown, s->source_count - shown);
    fputs("</tbody></table></div>\n", out);
    for (size_t i = 0; i < shown; i++)
        if (s->sources[i].partition_count)
            put_partitions(out, &s->sources[i], i);
    fputs("</section>\n", out);
}

static void put_fact(FILE *out, const char *title, const char *text) {
    fprintf(out, "<div><dt>%s</dt><dd>%s</dd></div>\n", title, text);
}

static void put_number(FILE *out, const char *title, uint64_t value) {
    char text[TEXT_NUMBER_SIZE];
    text_count(value, text);
    put_fact(out, title, text);
}

static void put_moment(FILE *out, const char *title, int64_t ms) {
    char text[TEXT_TIME_SIZE];
    text_time_plain(ms, text);
    put_fact(out, title, text);
}

static void put_commits(FILE *out, const struct service_row *v) {
    uint64_t commits = 0;
    for (int i = 0; i < COMMIT_BUCKETS; i++)
        commits += v->commit_count[i];
    char text[TEXT_NUMBER_SIZE];
    put_number(out, "Commits", commits);
    if (commits) {
        snprintf(text, sizeof text, "%.1f ms", v->commit_seconds_sum * 1000 / (double)commits);
        put_fact(out, "A commit takes", text);
    }
    text_bytes(v->state_bytes, text);
    put_fact(out, "State file", text);
}

void page_write_service(FILE *out, const struct service_row *v, const struct snapshot *s) {
    fputs("<section id=\"service\" aria-labelledby=\"service-title\"><h2 id=\"service-title\">Service</h2>"
          "<dl class=\"facts\">\n",
          out);
    put_moment(out, "Runs since", v->started_ms);
    put_moment(out, "Configuration of", v->reload_ok_ms);
    put_commits(out, v);
    put_number(out, "Batches waiting", v->queued_batches);
    put_number(out, "Series held", s->series);
    put_number(out, "Names folded", s->overflow_set + s->overflow_identity + s->overflow_tag + s->overflow_template);
    put_number(out, "Notifications sent", v->notifications_sent);
    put_number(out, "Failed attempts", v->notifications_failed);
    put_number(out, "Waiting to be sent", v->notifications_waiting);
    put_number(out, "Given up", v->notifications_dropped);
    fputs("</dl></section>\n", out);
}
