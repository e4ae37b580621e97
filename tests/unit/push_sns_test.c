/* collector/source/push over real sockets: what of SNS is believed, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "push_run.h"

/* --- SNS ---------------------------------------------------------------------------------------------------------- */

#define SNS "x-amz-sns-message-type: Notification\r\nx-amz-sns-topic-arn: " MAKER_TOPIC "\r\n"

static const char *time_at(int64_t off_ms) {
    static char text[TIMESTAMP_SIZE];
    timestamp_format((clock_wall_ms() + off_ms) / 1000 * 1000, text);
    return text;
}

/* `record` in a JSON string. */
static const char *escaped(const char *record) {
    static char text[8192];
    char *to = text;
    for (; *record; record++) {
        if (*record == '"' || *record == '\\')
            *to++ = '\\';
        *to++ = *record;
    }
    *to = '\0';
    return text;
}

static struct reply notify(EVP_PKEY *with, struct maker_message m, const char *headers) {
    if (!m.timestamp)
        m.timestamp = time_at(0);
    char *body = maker_body(with, &m, escaped(m.message));
    struct reply r = post("/sns", headers, body);
    free(body);
    return r;
}

static void notifications(void **state) {
    (void)state;
    char record[4096];
    start_source();
    make_record(record, sizeof record, 1);
    expect(notify(key, (struct maker_message){.message = record}, SNS), 200, "timestamp");
    make_record(record, sizeof record, 2);
    expect(notify(key, (struct maker_message){.message = record, .version = "1", .subject = "s"}, SNS), 200, "");
    expect(
        notify(key,
               (struct maker_message){.message = "Successfully validated SNS topic for Amazon SES event publishing."},
               SNS),
        200, "");
    expect(notify(key, (struct maker_message){.message = "{\"eventType\":"}, SNS), 200, "");
    stop_source();
    pipeline_assert_events(2);
    assert_int_equal(pipeline.accounting.read, 4);
    assert_int_equal(pipeline.accounting.filtered, 1);
    assert_int_equal(accounting_malformed(&pipeline.accounting), 1);
}

static void forged(void **state) {
    (void)state;
    static const char foreign[] = "arn:aws:sns:eu-west-1:123456789012:foreign";
    char record[4096], raw[4300];
    start_source();
    make_record(record, sizeof record, 1);
    const struct maker_message m = {.message = record};
    struct maker_message other = m;
    expect(notify(other_key, m, SNS), 403, "errorMessage");
    other.topic = foreign; /* in the body alone, and in the head alone */
    expect(notify(key, other, SNS), 403, "errorMessage");
    expect(notify(key, other, "x-amz-sns-message-type: Notification\r\n"), 403, "errorMessage");
    expect(notify(key, m, "x-amz-sns-message-type: Notification\r\nx-amz-sns-topic-arn: arn:aws:sns:x\r\n"), 403, "");
    other = m;
    char old[TIMESTAMP_SIZE];
    snprintf(old, sizeof old, "%s", time_at(-3 * 3600 * 1000));
    other.timestamp = old;
    expect(notify(key, other, SNS), 403, "too old");
    snprintf(old, sizeof old, "%s", time_at(3600 * 1000));
    expect(notify(key, other, SNS), 403, "too old");
    expect(notify(key, m, ""), 400, "errorMessage");
    snprintf(raw, sizeof raw, "%s", record);
    expect(post("/sns", SNS "x-amz-sns-rawdelivery: true\r\n", raw), 403, "raw");
    expect(post("/sns", SNS, raw), 400, "errorMessage");
    stop_source();
    assert_int_equal(pipeline.accounting.read, 0);
}

static void raw_delivery(void **state) {
    (void)state;
    char record[4096];
    now_running.options.allow_raw = true;
    start_source();
    make_record(record, sizeof record, 1);
    expect(post("/sns", SNS "x-amz-sns-rawdelivery: true\r\n", record), 200, "timestamp");
    expect(post("/sns", "x-amz-sns-message-type: Notification\r\nx-amz-sns-rawdelivery: true\r\n", record), 403, "");
    expect(post("/sns",
                "x-amz-sns-message-type: SubscriptionConfirmation\r\nx-amz-sns-topic-arn: " MAKER_TOPIC
                "\r\nx-amz-sns-rawdelivery: true\r\n",
                record),
           403, "");
    stop_source();
    pipeline_assert_events(1);
}

/* Files in the folder, and what kind they are. */
static int count_files(const char *ending) {
    int n = 0;
    DIR *d = opendir(confirmations);
    for (struct dirent *e; d && (e = readdir(d));)
        n += strlen(e->d_name) > strlen(ending) && strcmp(e->d_name + strlen(e->d_name) - strlen(ending), ending) == 0;
    if (d)
        closedir(d);
    return n;
}

static void subscriptions(void **state) {
    (void)state;
    static const char head[] = "x-amz-sns-message-type: SubscriptionConfirmation\r\n";
    char token[16], command[200];
    struct maker_message m = {.type = "SubscriptionConfirmation", .message = "confirm", .token = token};
    start_source();
    strcpy(token, "first");
    expect(notify(other_key, m, head), 403, "");
    assert_int_equal(count_files(".json"), 0);
    expect(notify(key, m, head), 200, "timestamp");
    expect(notify(key, m, head), 200, "timestamp"); /* the same again */
    assert_int_equal(count_files(".json"), 1);
    for (int i = 0; i < 99; i++) {
        snprintf(token, sizeof token, "t%d", i);
        expect(notify(key, m, head), 200, "");
    }
    assert_int_equal(count_files(".json"), 100);
    strcpy(token, "too many");
    expect(notify(key, m, head), 503, "");
    assert_int_equal(count_files(".json"), 100);
    assert_int_equal(count_files(".new"), 0);
    snprintf(command, sizeof command, "find %s -type f ! -perm 600 | grep .", confirmations);
    assert_int_not_equal(system(command), 0);
    stop_source();
    assert_int_equal(pipeline.accounting.read, 0);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(notifications),
        cmocka_unit_test(forged),
        cmocka_unit_test(raw_delivery),
        cmocka_unit_test(subscriptions),
    };
    return cmocka_run_group_tests(tests, make, destroy);
}
