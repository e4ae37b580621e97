/* Any text as one record: the plain and the best instruction set must take it for the same, and whatever is taken out
 * of it must be memory of the text's or the parser's. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok) {
    if (!ok)
        abort();
}

static uint64_t sum; /* so that every byte is really read */

static void read_span(struct span s) {
    for (size_t i = 0; i < s.len; i++)
        sum = sum * 31 + (unsigned char)s.ptr[i];
}

static uint64_t read_event(const struct ses_event *e) {
    const struct span spans[] = {
        e->type_name,
        e->message_id,
        e->source,
        e->source_arn,
        e->source_ip,
        e->caller_identity,
        e->sending_account_id,
        e->headers_truncated,
        e->headers,
        e->common_headers,
        e->tags,
        e->configuration_set,
        e->from_domain,
        e->tag_values[0],
        e->feedback_id,
        e->reporting_mta,
        e->remote_mta_ip,
        e->bounce_type,
        e->bounce_subtype,
        e->complaint_subtype,
        e->complaint_feedback_type,
        e->arrival_date,
        e->smtp_response,
        e->reason,
        e->ip_address,
        e->user_agent,
        e->link,
        e->link_tags,
        e->template_name,
        e->error_message,
        e->delay_type,
        e->expiration_time,
        e->contact_list,
        e->subscription_source,
        e->new_preferences,
        e->old_preferences,
    };
    sum = (uint64_t)e->time_ms * 31 + (uint64_t)e->type + e->processing_ms + (uint64_t)e->change;
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++)
        read_span(spans[i]);
    check(e->message_id.len > 0);
    check(e->destination.first + e->destination.count <= e->recipient_count);
    check(e->object_recipients.first + e->object_recipients.count <= e->recipient_count);
    for (uint32_t i = 0; i < e->recipient_count; i++) {
        check(e->recipients[i].address.len > 0);
        read_span(e->recipients[i].address);
        read_span(e->recipients[i].action);
        read_span(e->recipients[i].status);
        read_span(e->recipients[i].diagnostic_code);
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct record_reader readers[2];
    static struct json_index ix;
    const enum json_isa isas[2] = {JSON_ISA_PLAIN, json_isa_best()};
    struct record found[2];
    uint64_t sums[2] = {0};
    if (!readers[0].parser.arena) {
        json_index_init(&ix);
        for (int i = 0; i < 2; i++) {
            record_reader_init(&readers[i], isas[i]);
            readers[i].parser.tag_names[0] = SPAN_LIT("campaign");
            readers[i].parser.tag_count = 1;
        }
    }
    if (size == 0 || size > RECORD_MAX_SIZE || data[0] != '{')
        return 0;
    char *text = malloc(size + 1); /* exactly as long as it is */
    check(text != NULL);
    memcpy(text, data, size);
    text[size] = 0;
    for (int i = 0; i < 2; i++) {
        struct ses_event e;
        json_index_build(&ix, text, size, isas[i]);
        found[i] = record_read(&readers[i], &ix, 0, &e);
        if (found[i].kind != RECORD_CUT)
            check(found[i].end <= size);
        if (found[i].kind == RECORD_EVENT || found[i].kind == RECORD_FILTERED || found[i].kind == RECORD_MALFORMED)
            check(text[found[i].end - 1] == '}');
        if (found[i].kind == RECORD_EVENT)
            sums[i] = read_event(&e);
    }
    check(found[0].kind == found[1].kind && found[0].end == found[1].end && sums[0] == sums[1]);
    check(found[0].kind < RECORD_MALFORMED || found[0].reason == found[1].reason);
    free(text);
    return 0;
}
