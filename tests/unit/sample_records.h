/* Records as SES publishes them, one of each kind, for the tests of the parsers; and the envelopes they travel in. */
#ifndef TESTS_UNIT_SAMPLE_RECORDS_H
#define TESTS_UNIT_SAMPLE_RECORDS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"

#define SAMPLE_ID "0102018f6a3b4c5d-0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9-000000"

#define SAMPLE_MAIL                                                                                                    \
    "\"mail\":{\"timestamp\":\"2026-11-20T08:15:30.123Z\",\"source\":\"Shop <news@mail.shop.example>\","               \
    "\"sourceArn\":\"arn:aws:ses:eu-west-1:123456789012:identity/shop.example\",\"sendingAccountId\":"                 \
    "\"123456789012\",\"messageId\":\"" SAMPLE_ID                                                                      \
    "\",\"destination\":[\"anna@gmail.com\",\"ben@web.de\"],\"headersTruncated\":false,\"headers\":[{\"name\":"        \
    "\"From\",\"value\":\"\\\"Shop {x}\\\" <news@mail.shop.example>\"},{\"name\":\"Subject\",\"value\":"               \
    "\"Gr\\u00fc\\u00dfe [1]\"}],\"commonHeaders\":{\"from\":[\"news@mail.shop.example\"],\"subject\":\"Hi\"},"        \
    "\"tags\":{\"ses:configuration-set\":[\"newsletter\"],\"ses:from-domain\":[\"mail.shop.example\"],"                \
    "\"campaign\":[\"spring\",\"sale\"]}}"

/* In the order of enum event_type; the type's object behind mail, as AWS writes it in its examples, or before it. */
static const char *const sample_records[] __attribute__((unused)) = {
    "{\"eventType\":\"Send\"," SAMPLE_MAIL ",\"send\":{}}",
    "{\"eventType\":\"Delivery\"," SAMPLE_MAIL ",\"delivery\":{\"timestamp\":\"2026-11-20T08:15:31.999Z\","
    "\"processingTimeMillis\":1876,\"recipients\":[\"anna@gmail.com\"],\"smtpResponse\":\"250 2.0.0 OK\","
    "\"remoteMtaIp\":\"192.0.2.7\",\"reportingMTA\":\"a7-30.smtp-out.eu-west-1.amazonses.com\"}}",
    "{\"eventType\":\"Bounce\",\"bounce\":{\"feedbackId\":\"0102-bounce\",\"bounceType\":\"Permanent\","
    "\"bounceSubType\":\"NoEmail\",\"bouncedRecipients\":[{\"emailAddress\":\"anna@gmail.com\",\"action\":\"failed\","
    "\"status\":\"5.1.1\",\"diagnosticCode\":\"smtp; 550 5.1.1 \\\"no such {user}\\\"\"},{\"emailAddress\":"
    "\"ben@web.de\"}],\"timestamp\":\"2026-11-20T08:15:33.500Z\",\"remoteMtaIp\":\"192.0.2.8\",\"reportingMTA\":"
    "\"dsn; a8-50.smtp-out.amazonses.com\"}," SAMPLE_MAIL "}",
    "{\"eventType\":\"Complaint\",\"complaint\":{\"complainedRecipients\":[{\"emailAddress\":\"ben@web.de\"}],"
    "\"timestamp\":\"2026-11-20T09:00:00.000Z\",\"feedbackId\":\"0102-complaint\",\"complaintSubType\":null,"
    "\"userAgent\":\"Feedback/1.0\",\"complaintFeedbackType\":\"abuse\",\"arrivalDate\":"
    "\"2026-11-20T08:59:00.000Z\"}," SAMPLE_MAIL "}",
    "{\"eventType\":\"Reject\"," SAMPLE_MAIL ",\"reject\":{\"reason\":\"Bad content\"}}",
    "{\"eventType\":\"Open\"," SAMPLE_MAIL ",\"open\":{\"ipAddress\":\"198.51.100.1\",\"timestamp\":"
    "\"2026-11-20T10:00:00.001Z\",\"userAgent\":\"Mozilla/5.0 (X11; Linux)\"}}",
    "{\"eventType\":\"Click\",\"click\":{\"ipAddress\":\"198.51.100.2\",\"link\":\"https://shop.example/?a={b}\","
    "\"linkTags\":{\"button\":[\"buy\",\"top\"]},\"timestamp\":\"2026-11-20T10:00:05.000Z\",\"userAgent\":"
    "\"Mozilla/5.0\"}," SAMPLE_MAIL "}",
    "{\"eventType\":\"Rendering Failure\"," SAMPLE_MAIL ",\"failure\":{\"errorMessage\":\"Attribute 'name' is not "
    "present\",\"templateName\":\"welcome\"}}",
    "{\"eventType\":\"DeliveryDelay\"," SAMPLE_MAIL ",\"deliveryDelay\":{\"timestamp\":\"2026-11-20T08:20:00.000Z\","
    "\"delayType\":\"MailboxFull\",\"expirationTime\":\"2026-11-21T08:15:30.123Z\",\"delayedRecipients\":[{"
    "\"emailAddress\":\"ben@web.de\",\"status\":\"4.2.2\",\"diagnosticCode\":\"smtp; 452 4.2.2 full\"}]}}",
    "{\"eventType\":\"Subscription\"," SAMPLE_MAIL ",\"subscription\":{\"contactList\":\"readers\",\"timestamp\":"
    "\"2026-11-20T11:00:00.000Z\",\"source\":\"UnsubscribeHeader\",\"newTopicPreferences\":{\"unsubscribeAll\":false,"
    "\"topicSubscriptionStatus\":[{\"topicName\":\"weekly\",\"subscriptionStatus\":\"OptOut\"}]},"
    "\"oldTopicPreferences\":{\"unsubscribeAll\":false,\"topicSubscriptionStatus\":[{\"topicName\":\"weekly\","
    "\"subscriptionStatus\":\"OptIn\"}]}}}",
    "{\"eventType\":\"Teleport\"," SAMPLE_MAIL ",\"teleport\":{\"timestamp\":7}}",
};

enum { SAMPLE_RECORDS = sizeof sample_records / sizeof sample_records[0] };

/* Each of the functions below returns new text, which the caller frees. */

static __attribute__((unused)) char *sample_print(const char *before, const char *text, const char *behind) {
    char *out = NULL;
    return asprintf(&out, "%s%s%s", before, text, behind) < 0 ? abort(), NULL : out;
}

/* As a JSON string, quotes included; PHP's way also escapes slashes. */
static __attribute__((unused)) char *sample_quoted(const char *text, int escape_slashes) {
    char *out = malloc(2 * strlen(text) + 3), *p = out;
    if (!out)
        abort();
    *p++ = '"';
    for (; *text; text++) {
        if (*text == '"' || *text == '\\' || *text == '\n' || (*text == '/' && escape_slashes))
            *p++ = '\\';
        *p++ = *text == '\n' ? 'n' : *text;
    }
    *p++ = '"';
    *p = 0;
    return out;
}

static __attribute__((unused)) char *sample_in_sns(const char *text) {
    char *message = sample_quoted(text, 0);
    char *out = sample_print("{\"Type\":\"Notification\",\"MessageId\":\"8f6a\",\"TopicArn\":"
                             "\"arn:aws:sns:eu-west-1:123456789012:ses\",\"Subject\":null,\"Message\":",
                             message,
                             ",\"Timestamp\":\"2026-11-20T12:00:00.000Z\",\"SignatureVersion\":\"1\",\"Signature\":"
                             "\"EXAMPLE==\"}");
    free(message);
    return out;
}

static __attribute__((unused)) char *sample_in_eventbridge(const char *text) {
    return sample_print("{\"version\":\"0\",\"id\":\"8f6a\",\"detail-type\":\"Email Event\",\"source\":\"aws.ses\","
                        "\"account\":\"123456789012\",\"time\":\"2026-11-20T12:00:00Z\",\"resources\":[],\"detail\":",
                        text, "}");
}

static __attribute__((unused)) char *sample_in_firehose_error(const char *text) {
    char *data = malloc(base64_encoded_size(strlen(text)) + 1);
    if (!data)
        abort();
    data[base64_encode(span_of(text), data)] = 0;
    char *out = sample_print("{\"attemptsMade\":4,\"arrivalTimestamp\":1795132800000,\"errorCode\":"
                             "\"Lambda.FunctionError\",\"rawData\":\"",
                             data, "\"}");
    free(data);
    return out;
}

static __attribute__((unused)) char *sample_in_connect(const char *text) {
    return sample_print("{\"schema\":{\"type\":\"string\",\"optional\":false},\"payload\":", text, "}");
}

#endif
