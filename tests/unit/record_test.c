/* One record: what it is taken for. Every case is read with every instruction set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/record_run.h"

struct record_case {
    const char *text;
    int is;
};

static const struct record_case cases[] = {
    /* Every type with as little as it needs. */
    {SEND(MAIL), EVENT},
    {"{\"eventType\":\"Delivery\"," MAIL "}", EVENT},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":{\"bounceType\":\"Transient\"}}", EVENT},
    {"{\"eventType\":\"Complaint\"," MAIL "}", EVENT},
    {"{\"eventType\":\"Reject\"," MAIL "}", EVENT},
    {"{\"eventType\":\"Open\"," MAIL "}", EVENT},
    {"{\"eventType\":\"Click\"," MAIL "}", EVENT},
    {"{\"eventType\":\"Rendering Failure\"," MAIL "}", EVENT},
    {"{\"eventType\":\"DeliveryDelay\"," MAIL "}", EVENT},
    {"{\"eventType\":\"Subscription\"," MAIL "}", EVENT},
    {"{\"eventType\":\"Something New\"," MAIL "}", EVENT},
    {"{\"eventType\":\"\"," MAIL "}", EVENT},
    {"{\"eventType\":\"send\"," MAIL "}", EVENT},

    /* The type's name. */
    {"{\"notificationType\":\"Delivery\"," MAIL "}", EVENT},
    {"{\"eventType\":null,\"notificationType\":\"Delivery\"," MAIL "}", EVENT},
    {"{\"eventType\":7,\"notificationType\":\"Delivery\"," MAIL "}", EVENT},
    {"{\"eventType\":\"Send\",\"notificationType\":[]," MAIL "}", EVENT},
    {"{\"eventType\":7," MAIL "}", MALFORMED_WRONG_TYPE},
    {"{\"eventType\":[\"Send\"]," MAIL "}", MALFORMED_WRONG_TYPE},
    {"{\"eventType\":{}," MAIL "}", MALFORMED_WRONG_TYPE},
    {"{\"eventType\":true," MAIL "}", MALFORMED_WRONG_TYPE},
    {"{\"notificationType\":7," MAIL "}", MALFORMED_WRONG_TYPE},
    {"{\"eventType\":null," MAIL "}", MALFORMED_MISSING_FIELD},
    {"{" MAIL "}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"\\u0053end\"," MAIL "}", EVENT},
    {"{\"\\u0065ventType\":\"Send\"," MAIL "}", EVENT},

    /* mail. */
    {"{\"eventType\":\"Send\"}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"Send\",\"mail\":null}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"Send\",\"mail\":\"x\"}", MALFORMED_WRONG_TYPE},
    {"{\"eventType\":\"Send\",\"mail\":[]}", MALFORMED_WRONG_TYPE},
    {"{\"eventType\":\"Send\",\"mail\":7}", MALFORMED_WRONG_TYPE},
    {"{\"eventType\":\"Send\",\"mail\":{}}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"Send\",\"Mail\":{}}", MALFORMED_MISSING_FIELD},

    /* messageId. */
    {SEND(BARE(WHEN ",\"destination\":[\"a@b\"]")), MALFORMED_MISSING_FIELD},
    {SEND(BARE(WHEN ",\"destination\":[\"a@b\"],\"messageId\":null")), MALFORMED_MISSING_FIELD},
    {SEND(BARE(WHEN ",\"destination\":[\"a@b\"],\"messageId\":\"\"")), MALFORMED_MISSING_FIELD},
    {SEND(BARE(WHEN ",\"destination\":[\"a@b\"],\"messageId\":7")), MALFORMED_WRONG_TYPE},
    {SEND(BARE(WHEN ",\"destination\":[\"a@b\"],\"messageId\":[\"m\"]")), MALFORMED_WRONG_TYPE},
    {SEND(BARE(WHEN ",\"destination\":[\"a@b\"],\"messageId\":\"\\u006d\"")), EVENT},

    /* The event's time. */
    {SEND(BARE("\"messageId\":\"m\",\"destination\":[\"a@b\"]")), MALFORMED_MISSING_FIELD},
    {SEND(BARE("\"messageId\":\"m\",\"destination\":[\"a@b\"],\"timestamp\":null")), MALFORMED_MISSING_FIELD},
    {SEND(BARE("\"messageId\":\"m\",\"destination\":[\"a@b\"],\"timestamp\":7")), MALFORMED_WRONG_TYPE},
    {SEND(BARE("\"messageId\":\"m\",\"destination\":[\"a@b\"],\"timestamp\":{}")), MALFORMED_WRONG_TYPE},
    {SEND(BARE("\"messageId\":\"m\",\"destination\":[\"a@b\"],\"timestamp\":\"\"")), MALFORMED_BAD_TIME},
    {SEND(BARE("\"messageId\":\"m\",\"destination\":[\"a@b\"],\"timestamp\":\"today\"")), MALFORMED_BAD_TIME},
    {SEND(BARE("\"messageId\":\"m\",\"destination\":[\"a@b\"],\"timestamp\":\"2026-13-01T00:00:00Z\"")),
     MALFORMED_BAD_TIME},
    {"{\"eventType\":\"Open\"," MAIL ",\"open\":{\"timestamp\":\"today\"}}", MALFORMED_BAD_TIME},
    {"{\"eventType\":\"Open\"," MAIL ",\"open\":{\"timestamp\":7}}", MALFORMED_WRONG_TYPE},
    {"{\"eventType\":\"Open\"," MAIL ",\"open\":{\"timestamp\":null}}", EVENT},
    /* A time that the event does not need may be anything. */
    {"{\"eventType\":\"Open\",\"mail\":{\"timestamp\":\"today\",\"messageId\":\"m\"},\"open\":{" WHEN "}}", EVENT},
    {"{\"eventType\":\"Open\",\"mail\":{\"timestamp\":7,\"messageId\":\"m\"},\"open\":{" WHEN "}}", EVENT},
    {"{\"eventType\":\"Open\",\"mail\":{\"timestamp\":\"today\",\"messageId\":\"m\"},\"open\":{}}", MALFORMED_BAD_TIME},
    {"{\"eventType\":\"Send\"," MAIL ",\"send\":{\"timestamp\":\"today\"}}", EVENT},
    {"{\"eventType\":\"Reject\"," MAIL ",\"reject\":{\"timestamp\":[]}}", EVENT},

    /* The type's own object. */
    {"{\"eventType\":\"Send\"," MAIL ",\"send\":\"x\"}", EVENT},
    {"{\"eventType\":\"Delivery\"," MAIL ",\"delivery\":[]}", EVENT},
    {"{\"eventType\":\"Delivery\"," MAIL ",\"delivery\":null}", EVENT},
    {"{\"eventType\":\"Click\"," MAIL ",\"click\":7}", EVENT},
    {"{\"eventType\":\"Bounce\"," MAIL "}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":null}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":\"x\"}", MALFORMED_WRONG_TYPE},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":{}}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":{\"bounceType\":null}}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":{\"bounceType\":7}}", MALFORMED_WRONG_TYPE},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":{\"bounceType\":\"\"}}", EVENT},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":{\"bounceType\":\"New\",\"bounceSubType\":7}}", EVENT},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"complaint\":{\"bounceType\":\"Permanent\"}}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"Open\"," MAIL ",\"bounce\":{\"bounceType\":7}}", EVENT}, /* nobody reads it */

    /* Recipients. */
    {SEND(BARE(WHEN ",\"messageId\":\"m\"")), MALFORMED_MISSING_FIELD},
    {SEND(BARE(WHEN ",\"messageId\":\"m\",\"destination\":null")), MALFORMED_MISSING_FIELD},
    {SEND(BARE(WHEN ",\"messageId\":\"m\",\"destination\":[]")), MALFORMED_MISSING_FIELD},
    {SEND(BARE(WHEN ",\"messageId\":\"m\",\"destination\":[\"\"]")), MALFORMED_MISSING_FIELD},
    {SEND(BARE(WHEN ",\"messageId\":\"m\",\"destination\":[\" \"]")), MALFORMED_MISSING_FIELD},
    {SEND(BARE(WHEN ",\"messageId\":\"m\",\"destination\":\"a@b\"")), MALFORMED_WRONG_TYPE},
    {SEND(BARE(WHEN ",\"messageId\":\"m\",\"destination\":{\"a\":1}")), MALFORMED_WRONG_TYPE},
    {SEND(BARE(WHEN ",\"messageId\":\"m\",\"destination\":[7]")), MALFORMED_WRONG_TYPE},
    {SEND(BARE(WHEN ",\"messageId\":\"m\",\"destination\":[null,[\"a@b\"],7,\"a@b\"]")), EVENT},
    {SEND(BARE(WHEN ",\"messageId\":\"m\",\"destination\":[\"no address\"]")), EVENT},
    {"{\"eventType\":\"Open\"," BARE(WHEN ",\"messageId\":\"m\",\"destination\":7") "}", EVENT},
    {"{\"eventType\":\"Complaint\"," BARE(WHEN ",\"messageId\":\"m\"") "}", EVENT},
    {"{\"eventType\":\"Subscription\"," BARE(WHEN ",\"messageId\":\"m\"") "}", EVENT},
    {"{\"eventType\":\"New\"," BARE(WHEN ",\"messageId\":\"m\"") "}", EVENT},
    {"{\"eventType\":\"Reject\"," BARE(WHEN ",\"messageId\":\"m\"") "}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"Rendering Failure\"," BARE(WHEN ",\"messageId\":\"m\"") "}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"DeliveryDelay\"," BARE(WHEN ",\"messageId\":\"m\"") "}", MALFORMED_MISSING_FIELD},
    {"{\"eventType\":\"Delivery\"," BARE(WHEN ",\"messageId\":\"m\"") ",\"delivery\":{\"recipients\":[\"a@b\"]}}",
     EVENT},
    {"{\"eventType\":\"Delivery\"," MAIL ",\"delivery\":{\"recipients\":[]}}", EVENT},
    {"{\"eventType\":\"Delivery\"," MAIL ",\"delivery\":{\"recipients\":\"a@b\"}}", EVENT},
    {"{\"eventType\":\"Delivery\"," MAIL ",\"delivery\":{\"recipients\":[{}]}}", EVENT},
    {"{\"eventType\":\"DeliveryDelay\"," BARE(WHEN
                                              ",\"messageId\":\"m\"") ",\"deliveryDelay\":{\"delayedRecipients\":[{"
                                                                      "\"emailAddress\":7}]}}",
     MALFORMED_MISSING_FIELD},

    /* Everything else may be missing, null or of another type. */
    {SEND_WITH(",\"source\":null,\"sourceArn\":7,\"sourceIp\":[],\"callerIdentity\":{},\"sendingAccountId\":true"),
     EVENT},
    {SEND_WITH(",\"headersTruncated\":\"false\",\"headers\":\"x\",\"commonHeaders\":[1],\"tags\":[]"), EVENT},
    {SEND_WITH(",\"headersTruncated\":null,\"headers\":null,\"commonHeaders\":null,\"tags\":null"), EVENT},
    {SEND_WITH(",\"headers\":[null,7,{},{\"name\":7},{\"value\":\"x\"},{\"name\":\"a\",\"value\":{}}]"), EVENT},
    {SEND_WITH(",\"tags\":{\"ses:configuration-set\":7,\"ses:from-domain\":{},\"x\":null}"), EVENT},
    {SEND_WITH(",\"tags\":{\"ses:configuration-set\":[],\"ses:from-domain\":[[]],\"x\":[7]}"), EVENT},
    {"{\"eventType\":\"Delivery\"," MAIL ",\"delivery\":{\"processingTimeMillis\":\"x\",\"smtpResponse\":7}}", EVENT},
    {"{\"eventType\":\"Click\"," MAIL ",\"click\":{\"link\":[],\"linkTags\":null,\"ipAddress\":7,\"userAgent\":{}}}",
     EVENT},
    {"{\"eventType\":\"Subscription\"," MAIL ",\"subscription\":{\"newTopicPreferences\":[7],"
     "\"oldTopicPreferences\":\"x\",\"source\":7,\"contactList\":null}}",
     EVENT},
    {"{\"eventType\":\"Subscription\"," MAIL ",\"subscription\":{\"newTopicPreferences\":{\"unsubscribeAll\":\"true\","
     "\"topicSubscriptionStatus\":[7,null,{},{\"topicName\":7},[]]},\"oldTopicPreferences\":null}}",
     EVENT},

    /* Damage in what nobody reads costs nothing. */
    {SEND_WITH(",\"commonHeaders\":{\"subject\":\"\\ud800\"}"), EVENT},
    {SEND_WITH(",\"commonHeaders\":{\"subject\":\"a\\u0000b\"}"), EVENT},
    {SEND_WITH(",\"commonHeaders\":{\"subject\":\"\\q \\u12\"}"), EVENT},
    {SEND_WITH(",\"commonHeaders\":{\"n\":12345678901234567890,\"m\":1e400,\"o\":-,\"p\":01}"), EVENT},
    {SEND_WITH(",\"n\":12345678901234567890,\"m\":1e400,\"o\":--,\"p\":01,\"q\":nul"), EVENT},
    {SEND_WITH(",\"commonHeaders\":{\"subject\":\"\x01\t\x1f\r\x7f\"}"), EVENT},
    {SEND_WITH(",\"commonHeaders\":{\"subject\":\"\xff\xfe\xc0\x80\xed\xa0\x80\"}"), EVENT},
    {SEND_WITH(",\"new\":[{\"a\":[1,2,{\"eventType\":\"Open\"}]}],\"mail\":{}"), EVENT},
    {SEND_WITH(",\"ne\\qw\":1"), EVENT},
    {"{\"x\\u12\":1,\"eventType\":\"Send\"," MAIL "}", EVENT},
    {"{\"x\":{\"eventType\":\"Open\",\"mail\":{}},\"eventType\":\"Send\"," MAIL "}", EVENT},
    {SEND_WITH(",\"source\":\"\\ud800 \\u0000\""), EVENT},
    /* In what is read, an escape that JSON does not have leaves no value. */
    {SEND_WITH(",\"source\":\"\\q\""), MALFORMED_STRUCTURE},
    {SEND_WITH(",\"tags\":{\"ses:configuration-set\":[\"\\q\"]}"), MALFORMED_STRUCTURE},
    {"{\"eventType\":\"\\q\"," MAIL "}", MALFORMED_WRONG_TYPE},

    /* The same key twice: nobody can know which one holds. */
    {"{\"eventType\":\"Send\",\"eventType\":\"Send\"," MAIL "}", MALFORMED_DUPLICATE_KEY},
    {"{\"eventType\":null,\"eventType\":\"Send\"," MAIL "}", MALFORMED_DUPLICATE_KEY},
    {"{\"eventType\":\"Send\",\"event\\u0054ype\":\"Send\"," MAIL "}", MALFORMED_DUPLICATE_KEY},
    {"{\"notificationType\":\"Send\",\"notificationType\":\"Received\"," MAIL "}", MALFORMED_DUPLICATE_KEY},
    {"{\"eventType\":\"Send\",\"notificationType\":\"Send\"," MAIL "}", EVENT},
    {"{\"eventType\":\"Send\"," MAIL "," MAIL "}", MALFORMED_DUPLICATE_KEY},
    {"{\"eventType\":\"Send\",\"mail\":null," MAIL "}", MALFORMED_DUPLICATE_KEY},
    {"{\"eventType\":\"Open\"," MAIL ",\"open\":{},\"open\":{}}", MALFORMED_DUPLICATE_KEY},
    {"{\"open\":{},\"open\":{}," MAIL ",\"eventType\":\"Open\"}", MALFORMED_DUPLICATE_KEY},
    {"{\"eventType\":\"Open\"," MAIL ",\"click\":{},\"click\":{}}", EVENT},
    {SEND_WITH(",\"messageId\":\"m\""), MALFORMED_DUPLICATE_KEY},
    {SEND_WITH(",\"source\":\"a\",\"source\":\"a\""), MALFORMED_DUPLICATE_KEY},
    {SEND_WITH(",\"tags\":{},\"tags\":{}"), MALFORMED_DUPLICATE_KEY},
    {SEND_WITH(",\"tags\":{\"ses:configuration-set\":[],\"ses:configuration-set\":[]}"), MALFORMED_DUPLICATE_KEY},
    {SEND_WITH(",\"tags\":{\"other\":[],\"other\":[]}"), EVENT},
    {SEND_WITH(",\"unknown\":1,\"unknown\":2"), EVENT},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":{\"bounceType\":\"a\",\"bounceType\":\"a\"}}",
     MALFORMED_DUPLICATE_KEY},
    {"{\"eventType\":\"Bounce\"," MAIL ",\"bounce\":{\"bounceType\":\"a\",\"bouncedRecipients\":[{\"emailAddress\":"
     "\"a@b\",\"emailAddress\":\"a@c\"}]}}",
     MALFORMED_DUPLICATE_KEY},
    {"{\"Message\":\"{}\",\"Message\":\"{}\"}", MALFORMED_DUPLICATE_KEY},
    {"{\"Type\":\"a\",\"Type\":\"b\",\"Message\":\"text\"}", MALFORMED_DUPLICATE_KEY},
    {"{\"payload\":1,\"payload\":2,\"eventType\":\"Send\"," MAIL "}", EVENT},

    /* No sending events. */
    {"{\"notificationType\":\"Received\",\"mail\":{},\"receipt\":{},\"content\":\"...\"}", FILTERED},
    {"{\"notificationType\":\"Received\"}", FILTERED},
    {"{\"notificationType\":\"AmazonSnsSubscriptionSucceeded\",\"message\":\"You have subscribed.\"}", FILTERED},
    {"{\"eventType\":\"Received\"," MAIL "}", EVENT}, /* a type that is new to us */
    {"{\"eventType\":\"Send\",\"notificationType\":\"Received\"," MAIL "}", EVENT},
    {"{\"Type\":\"SubscriptionConfirmation\",\"Message\":\"You have chosen to subscribe\",\"SubscribeURL\":\"x\"}",
     FILTERED},
    {"{\"Message\":\"{\\\"eventType\\\":1}\",\"Type\":\"UnsubscribeConfirmation\"}", FILTERED},
    {"{\"Type\":\"Subscription\\u0043onfirmation\"}", FILTERED},
    {"{\"Type\":\"Notification\",\"Message\":\"Successfully validated SNS topic for Amazon SES event publishing.\"}",
     FILTERED},
    {"{\"Type\":\"Notification\",\"Message\":\"\"}", FILTERED},
    {"{\"Type\":\"Notification\",\"Message\":\" [1]\"}", FILTERED},
    {"{\"version\":\"0\",\"detail-type\":\"Sending Status Disabled\",\"detail\":{\"a\":1}}", FILTERED},
    {"{\"version\":\"0\",\"detail\":{}}", FILTERED},
    {"{\"version\":\"0\",\"detail\":{\"eventType\":\"Send\"}}", FILTERED},
    {"{\"version\":\"0\",\"detail\":{\"notificationType\":\"Received\"}}", FILTERED},

    /* Envelopes. */
    {"{\"Message\":" SEND(MAIL) "}", EVENT},
    {"{\"detail\":" SEND(MAIL) "}", EVENT},
    {"{\"payload\":" SEND(MAIL) "}", EVENT},
    {"{\"Message\":null,\"detail\":7,\"rawData\":[],\"payload\":" SEND(MAIL) "}", EVENT},
    {"{\"payload\":{\"Message\":{\"detail\":" SEND(MAIL) "}}}", EVENT},
    {"{\"payload\":{\"payload\":{\"Message\":{\"detail\":" SEND(MAIL) "}}}}", MALFORMED_BAD_ENVELOPE},
    {"{\"Message\":{\"Message\":{\"Message\":{\"Message\":{\"Message\":1}}}}}", MALFORMED_BAD_ENVELOPE},
    {"{\"eventType\":\"Send\"," MAIL ",\"Message\":\"plain\",\"detail\":{},\"payload\":7}", EVENT},
    {"{\"Message\":" SEND(MAIL) ",\"eventType\":\"Open\"}", EVENT}, /* without mail it is no record itself */
    {"{\"Message\":7}", MALFORMED_BAD_ENVELOPE},
    {"{\"Message\":[]}", MALFORMED_BAD_ENVELOPE},
    {"{\"detail\":7}", MALFORMED_BAD_ENVELOPE},
    {"{\"payload\":[1]}", MALFORMED_BAD_ENVELOPE},
    {"{\"payload\":\"plain text\"}", MALFORMED_BAD_ENVELOPE},
    {"{\"payload\":\"\\q\"}", MALFORMED_BAD_ENVELOPE},
    {"{\"rawData\":{}}", MALFORMED_BAD_ENVELOPE},
    {"{\"rawData\":\"!!!\"}", MALFORMED_BAD_ENVELOPE},
    {"{\"rawData\":\"\"}", MALFORMED_BAD_ENVELOPE},
    {"{\"rawData\":\"cGxhaW4=\"}", MALFORMED_BAD_ENVELOPE},  /* plain */
    {"{\"rawData\":\"e30=\"}", MALFORMED_NOT_SES},           /* {} */
    {"{\"rawData\":\"eyJhIjo=\"}", MALFORMED_TRUNCATED},     /* {"a": */
    {"{\"rawData\":\"eyJhIiAxfQ==\"}", MALFORMED_STRUCTURE}, /* {"a" 1} */
    {"{\"Message\":\"{\\\"a\\\":1}\"}", MALFORMED_NOT_SES},
    {"{\"Message\":\"{\\\"a\\\":\"}", MALFORMED_TRUNCATED},
    {"{\"Message\":\"{a}\"}", MALFORMED_STRUCTURE},
    {"{\"Message\":\"\\ufeff{\\\"notificationType\\\":\\\"Received\\\"}\"}", FILTERED},
    {"{\"detail\":{\"payload\":{}}}", MALFORMED_NOT_SES},
    {"{}", MALFORMED_NOT_SES},
    {"{\"a\":[1,2,{\"b\":null}]}", MALFORMED_NOT_SES},
    {"{\"Records\":[" SEND(MAIL) "]}", MALFORMED_NOT_SES},

    /* Structure. */
    {"{\"eventType\":\"Send\"," MAIL, LOST + MALFORMED_TRUNCATED},
    {"{\"eventType\":\"Send\"," MAIL ",}", LOST + MALFORMED_STRUCTURE},
    {"{\"eventType\":\"Send\" " MAIL "}", LOST + MALFORMED_STRUCTURE},
    {SEND_WITH(",\"source\":\"a\nb\""), LOST + MALFORMED_STRUCTURE},
    {SEND_WITH(",\"x\":\"a\nb\""), LOST + MALFORMED_STRUCTURE},
    {SEND_WITH(",\"headers\":[{}{}]"), LOST + MALFORMED_STRUCTURE},
};

static void test_cases(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        check(cases[i].text, cases[i].is);
    for (size_t i = 0; i < SAMPLE_RECORDS; i++)
        check(sample_records[i], EVENT);
}

static void test_depth(void **state) {
    (void)state;
    for (size_t levels = 60; levels < 64; levels++) {
        char open[65] = "", close[65] = "", text[512];
        for (size_t i = 0; i < levels; i++) {
            strcat(open, "[");
            strcat(close, "]");
        }
        snprintf(text, sizeof text, "{\"eventType\":\"Send\"," MAIL ",\"x\":%s%s}", open, close);
        check(text, EVENT);
        snprintf(text, sizeof text, SEND_WITH(",\"headers\":%s%s"), open, close);
        check(text, levels <= 62 ? EVENT : LOST + MALFORMED_TOO_DEEP);
        snprintf(text, sizeof text, SEND_WITH(",\"headers\":%s\"x\"%s"), open, close);
        check(text, levels <= 62 ? EVENT : LOST + MALFORMED_TOO_DEEP);
    }
    size_t levels = 1000000;
    char *bomb = malloc(6 * levels + 1);
    assert_non_null(bomb);
    for (size_t i = 0; i < levels; i++)
        memcpy(bomb + 6 * i, "{\"a\":[", 6);
    bomb[6 * levels] = 0;
    check(bomb, LOST + MALFORMED_TOO_DEEP);
    free(bomb);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_depth),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
