#include <string.h>

#include "sinks/report_parts.h"
#include "sinks/report_style.h"
#include "sinks/text.h"

static void put_title(FILE *out, bool colour, const char *title) {
    fprintf(out, "%s%-10s%s", report_style_begin(colour, STYLE_BOLD), title, report_style_end(colour, STYLE_BOLD));
}

static void put_count(FILE *out, uint64_t value, const char *before, const char *after) {
    char text[TEXT_NUMBER_SIZE];
    text_count(value, text);
    fprintf(out, "%s%s%s", before, text, after);
}

static void put_period(FILE *out, const struct snapshot *s, bool colour, bool compare) {
    char from[TEXT_TIME_SIZE] = "", to[TEXT_TIME_SIZE] = "", before[TEXT_TIME_SIZE];
    put_title(out, colour, "Period");
    if (s->watermark_ms == 0 && s->from_ms == INT64_MIN && s->to_ms == INT64_MAX) {
        fputs("no events\n", out);
        return;
    }
    if (s->from_ms != INT64_MIN)
        text_time_plain(s->from_ms, from);
    else if (s->first_ms)
        text_time_plain(s->first_ms, from);
    if (s->to_ms != INT64_MAX)
        text_time_plain(s->to_ms, to);
    else if (s->watermark_ms)
        text_time_plain(s->watermark_ms, to);
    fprintf(out, "%s to %s UTC%s\n", *from ? from : "..", *to ? to : "..", s->watermark_ms ? "" : ", no events");
    if (compare) {
        text_time_plain(s->before_from_ms, before);
        put_title(out, colour, "Compared");
        fprintf(out, "with %s to %s UTC (second lines)\n", before, from);
    }
}

static void put_source(FILE *out, const struct snapshot *s, bool colour) {
    const struct accounting *a = &s->accounting;
    uint64_t objects =
        a->objects_done + a->objects_empty + a->objects_damaged + a->objects_unsupported + a->objects_unreadable;
    char read[TEXT_NUMBER_SIZE], decoded[TEXT_NUMBER_SIZE];
    text_bytes(a->bytes_read, read);
    text_bytes(a->bytes_decoded, decoded);
    put_title(out, colour, "Source");
    fprintf(out, "%s: ", s->sources[0].name);
    put_count(out, objects, "", objects == 1 ? " object, " : " objects, ");
    fputs(read, out);
    if (strcmp(read, decoded) != 0)
        fprintf(out, " (%s decoded)", decoded);
    const struct {
        uint64_t value;
        const char *name;
    } bad[] = {{a->objects_empty, " empty"},
               {a->objects_damaged, " damaged"},
               {a->objects_unsupported, " unsupported"},
               {a->objects_unreadable, " unreadable"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (bad[i].value)
            put_count(out, bad[i].value, ", ", bad[i].name);
    fputc('\n', out);
}

/* The sum that always holds, without its terms that are 0. */
static void put_records(FILE *out, const struct snapshot *s, bool colour) {
    const struct accounting *a = &s->accounting;
    put_title(out, colour, "Records");
    put_count(out, a->read, "", " read = ");
    put_count(out, a->counted, "", " counted");
    const struct {
        uint64_t value;
        const char *name;
    } rest[] = {{a->duplicate, " duplicate"},
                {a->late, " late"},
                {a->future, " future"},
                {a->filtered, " filtered"},
                {accounting_malformed(a), " malformed"}};
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++)
        if (rest[i].value)
            put_count(out, rest[i].value, " + ", rest[i].name);
    fputc('\n', out);
}

static void put_malformed(FILE *out, const struct snapshot *s, bool colour) {
    if (accounting_malformed(&s->accounting) == 0)
        return;
    put_title(out, colour, "Malformed");
    const char *before = "";
    for (int r = 0; r < MALFORMED_REASONS; r++) {
        if (s->accounting.malformed[r] == 0)
            continue;
        put_count(out, s->accounting.malformed[r], before, " ");
        fputs(malformed_reason_name((enum malformed_reason)r), out);
        before = ", ";
    }
    fputc('\n', out);
}

static bool left_out(const struct detail_row *row) {
    if (row->provider && strcmp(row->provider, "simulator") == 0)
        return false;
    if (row->kind == DETAIL_BOUNCE)
        return row->second && strcmp(row->second, bounce_subtype_name(SUBTYPE_ON_ACCOUNT_SUPPRESSION_LIST)) == 0;
    return row->kind == DETAIL_COMPLAINT && row->first &&
           (strcmp(row->first, feedback_type_name(FEEDBACK_SUPPRESSED)) == 0 ||
            strcmp(row->first, feedback_type_name(FEEDBACK_NOT_SPAM)) == 0);
}

/* Whoever compares the columns with the raw events misses these. */
static void put_left_out(FILE *out, const struct snapshot *s, bool colour) {
    uint64_t bounces = 0, complaints = 0;
    for (size_t i = 0; i < s->detail_count; i++) {
        if (!left_out(&s->details[i]))
            continue;
        uint64_t *sum = s->details[i].kind == DETAIL_BOUNCE ? &bounces : &complaints;
        *sum += s->details[i].count;
    }
    if (bounces == 0 && complaints == 0)
        return;
    put_title(out, colour, "Left out");
    if (bounces)
        put_count(out, bounces, "", " bounces by the account's suppression list");
    if (complaints)
        put_count(out, complaints, bounces ? ", " : "", " complaints by it or not-spam");
    fputc('\n', out);
}

void report_write_summary(FILE *out, const struct snapshot *s, bool colour, bool compare) {
    put_period(out, s, colour, compare);
    put_source(out, s, colour);
    put_records(out, s, colour);
    put_malformed(out, s, colour);
    put_left_out(out, s, colour);
    report_write_reputation(out, s, colour);
}
