#include "parsers/bounce_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "parsers/bounce_rules_internal.h"
#include "simulate/isp.h"

static struct provider_table *providers;
static struct bounce_rules *rules;

static int set_up(void **state) {
    (void)state;
    providers = provider_table_create();
    rules = bounce_rules_create(NULL, providers, NULL);
    return rules ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    bounce_rules_destroy(rules);
    bounce_rules_destroy(NULL);
    provider_table_destroy(providers);
    return 0;
}

static uint16_t provider_named(const char *names) {
    if (!names)
        return PROVIDER_OTHER;
    uint16_t id = bounce_rule_provider(providers, (struct span){names, strcspn(names, " ")});
    assert_int_not_equal(id, PROVIDER_OTHER);
    return id;
}

static struct bounce_facts bounced(const char *provider, const char *diagnostic, const char *status) {
    return (struct bounce_facts){
        .type = EVENT_BOUNCE,
        .bounce_type = BOUNCE_PERMANENT,
        .bounce_subtype = SUBTYPE_GENERAL,
        .provider = provider_named(provider),
        .diagnostic = span_of(diagnostic),
        .status = span_of(status),
        .action = SPAN_LIT("failed"),
    };
}

static size_t check_rows(const struct bounce_rule_list *list, enum bounce_step step) {
    size_t wrong = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct bounce_rule_builtin *row = &list->rows[i];
        struct bounce_facts facts = bounced(row->in, row->example, "");
        struct bounce_decision d = bounce_rules_decide(rules, &facts);
        if (d.reason == row->reason && d.step == step && d.row == i)
            continue;
        print_error("row %zu (%s: %s) of step %d: %s by step %d, row %zu\n", i, row->phrases[0], row->example, step,
                    bounce_reason_name(d.reason), d.step, d.row);
        wrong++;
    }
    return wrong;
}

static void every_row_decides_its_example(void **state) {
    (void)state;
    size_t wrong = check_rows(&bounce_rules_providers, STEP_PROVIDER_TEXT) +
                   check_rows(&bounce_rules_usual, STEP_USUAL_TEXT) + check_rows(&bounce_rules_vague, STEP_VAGUE_TEXT);
    assert_int_equal(wrong, 0);
}

static void every_code_decides(void **state) {
    (void)state;
    for (size_t i = 0; i < bounce_rules_codes.count; i++) {
        struct code_pattern p;
        assert_true(code_pattern_parse(span_of(bounce_rules_codes.rows[i].pattern), &p));
        char status[32], text[64];
        snprintf(status, sizeof status, "%d.%d.%d", p.class ? p.class : 5, p.subject, p.from);
        snprintf(text, sizeof text, "smtp; 550 %s xyz", status);
        struct bounce_facts facts = bounced(NULL, text, "");
        struct bounce_decision d = bounce_rules_decide(rules, &facts);
        assert_int_equal(d.step, STEP_CODE);
        assert_int_equal(d.row, i);
        assert_int_equal(d.reason, bounce_rules_codes.rows[i].reason);
        facts = bounced(NULL, "smtp; 550 5.0.0 xyz", status);
        d = bounce_rules_decide(rules, &facts);
        assert_int_equal(d.step, STEP_STATUS);
        assert_int_equal(d.row, i);
    }
    for (size_t i = 0; i < bounce_rules_replies.count; i++) {
        struct reply_pattern p;
        assert_true(reply_pattern_parse(span_of(bounce_rules_replies.rows[i].pattern), &p));
        char text[64];
        snprintf(text, sizeof text, "smtp; %d xyz", p.from);
        struct bounce_facts facts = bounced(NULL, text, "5.0.0");
        struct bounce_decision d = bounce_rules_decide(rules, &facts);
        assert_int_equal(d.step, STEP_REPLY);
        assert_int_equal(d.row, i);
        assert_int_equal(d.reason, bounce_rules_replies.rows[i].reason);
    }
}

struct text_case {
    const char *provider, *text, *status;
    enum bounce_reason reason;
};

/* What servers really say, shortened; the classes are taken from what their operators write about it. */
static const struct text_case texts[] = {
    {"gmail",
     "smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please try\n550-5.1.1 double-checking "
     "the recipient's email address for typos or\n550 5.1.1 unnecessary spaces. a-si1 - gsmtp",
     "5.1.1", REASON_INVALID_RECIPIENT},
    {NULL, "smtp; 552-5.2.2 The recipient's inbox is out of storage space and inactive. 552 5.2.2 x - gsmtp", "5.2.2",
     REASON_INACTIVE_MAILBOX},
    {NULL, "smtp; 552 5.2.2 Over quota", "5.2.2", REASON_MAILBOX_FULL},
    {NULL, "smtp; 550-5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy.",
     "5.7.26", REASON_AUTH_FAILED},
    {NULL, "smtp; 550-5.7.25 [192.0.2.1] The IP address sending this message does not have a PTR record setup",
     "5.7.25", REASON_PTR},
    {NULL, "smtp; 550 5.4.1 Recipient address rejected: Access denied. [BN8NAM11FT023.prod.protection.outlook.com]",
     "5.4.1", REASON_INVALID_RECIPIENT},
    {NULL, "smtp; 554 5.7.1 <a@example.com>: Recipient address rejected: Access denied", "5.7.1", REASON_POLICY},
    {"microsoft", "smtp; 550 5.5.0 Requested action not taken: mailbox unavailable", "5.5.0", REASON_INVALID_RECIPIENT},
    {NULL, "smtp; 550 5.7.606 nothing else", "", REASON_REPUTATION_BLOCK},
    {NULL, "smtp; 550 5.7.649 nothing else", "", REASON_REPUTATION_BLOCK},
    {NULL, "smtp; 550 5.7.650 nothing else", "", REASON_POLICY},
    {"yahoo", "smtp; 552 1 Requested mail action aborted, mailbox not found", "5.0.0", REASON_INVALID_RECIPIENT},
    {"yahoo", "smtp; 554 30 Sorry, your message to a@aol.com cannot be delivered. This mailbox is disabled (554.30).",
     "5.0.0", REASON_INACTIVE_MAILBOX},
    {NULL, "smtp; 553 a@example.com is no longer valid", "", REASON_INVALID_RECIPIENT}, /* only Yahoo's words */
    {"docomo", "smtp; 550 Unknown user a@docomo.ne.jp", "5.1.1", REASON_INVALID_RECIPIENT},
    {"docomo", "smtp; 550 Unknown user a@docomo.ne.jp", "5.2.0", REASON_POLICY},
    {NULL, "smtp; 550 Unknown user a@example.jp", "5.2.0", REASON_INVALID_RECIPIENT},
    {"au_kddi", "smtp; 550 : User unknown", "5.0.0", REASON_POLICY},
    {"au_kddi", "smtp; 550 <a@ezweb.ne.jp>: User unknown", "5.0.0", REASON_INVALID_RECIPIENT},
    {NULL, "smtp; 550 : User unknown", "5.0.0", REASON_INVALID_RECIPIENT},
    {"tencent", "smtp; 550 Mailbox unavailable or access denied [192.0.2.1]", "5.0.0", REASON_RATE_LIMITED},
    {NULL, "smtp; 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", "5.7.1",
     REASON_REPUTATION_BLOCK},
    {NULL, "smtp; 550 5.7.1 <a@example.com>: Relay access denied", "5.7.1", REASON_RELAY_DENIED},
    {NULL, "smtp; 450 4.1.8 <b@example.com>: Sender address rejected: Domain not found", "4.1.8",
     REASON_SENDER_INVALID},
    {NULL, "smtp; 550 5.4.4 Invalid domain", "5.4.4", REASON_BAD_DOMAIN},
    {NULL, "smtp; 451 4.4.4 no way", "4.4.4", REASON_ROUTING},
    {NULL, "smtp; 554 4.4.7 Message expired: unable to deliver in 840 minutes.<421 4.4.2 Connection dropped>", "4.4.7",
     REASON_NETWORK},
    {NULL, "smtp; 554 4.4.7 Message expired: unable to deliver in 840 minutes.<421 4.7.0 [TSS04] Messages deferred>",
     "4.4.7", REASON_RATE_LIMITED},
    {NULL, "smtp; 554 4.4.7 Message expired: unable to deliver in 840 minutes.", "4.4.7", REASON_EXPIRED},
    {NULL, "smtp; 550 4.2.2 xyz", "4.2.2", REASON_MAILBOX_FULL},
    {NULL, "smtp; 550 xyz", "5.1.1", REASON_INVALID_RECIPIENT},
    {NULL, "smtp; 550 5.0.0 xyz", "5.1.2", REASON_BAD_DOMAIN},
    {NULL, "smtp; 550 5.2.1 xyz", "5.1.1", REASON_INACTIVE_MAILBOX}, /* the text before the field */
    {NULL, "smtp; 550 xyz", "5.0.0", REASON_UNDETERMINED},
    {NULL, "smtp; 554 xyz", "", REASON_UNDETERMINED},
    {NULL, "smtp; 550 5.1.1 <vacation@example.com> rejected", "5.1.1", REASON_INVALID_RECIPIENT},
    {NULL, "smtp; 550 5.2.1 antispam.example.com says no", "5.2.1", REASON_INACTIVE_MAILBOX},
    {NULL, "smtp; 550 5.7.23 antispam.example.com says no", "5.7.1", REASON_AUTH_FAILED},
    {NULL, "smtp; 550 5.7.1 This is spam", "5.7.1", REASON_SPAM_CONTENT},
    {NULL, "smtp; 550 mx12.antispamcloud.com says no", "", REASON_UNDETERMINED},
    {NULL, "smtp; 550 5.7.1 mx12.antispamcloud.com says no", "", REASON_POLICY},
    {NULL, "smtp; 550 relay [a.antispameurope.com] xyz", "5.7.1", REASON_POLICY},
    {NULL, "smtp; 550 herbl.example.com xyz", "", REASON_UNDETERMINED},
    {NULL, "smtp; please try again later", "4.0.0", REASON_RATE_LIMITED}, /* no reply code: the class of the other */
    {NULL, "smtp; please try again later", "5.0.0", REASON_UNDETERMINED},
    {NULL, "smtp; 550-5.4.5 Daily sending quota exceeded", "5.4.5", REASON_RATE_LIMITED},
    {NULL, "smtp; 550 5.4.316 Message expired, connection refused(Socket error code 10061)", "5.4.316", REASON_NETWORK},
    {NULL, "smtp; 556 5.1.10 Recipient address has null MX", "5.1.10", REASON_BAD_DOMAIN},
    {NULL, "smtp; 550 5.1.10 xyz", "5.1.10", REASON_BAD_DOMAIN},
    {"microsoft_365", "smtp; 550 5.1.10 xyz", "5.1.10", REASON_INVALID_RECIPIENT},
    {NULL, "smtp; 550 5.7.1 Service unavailable, message sent from 192.0.2.1 (S3140).", "5.7.1",
     REASON_REPUTATION_BLOCK},
    {NULL, "smtp; 451 4.7.650 xyz", "4.7.650", REASON_REPUTATION_BLOCK},
    {NULL, "smtp; 550 5.7.515 xyz", "5.7.515", REASON_AUTH_FAILED},
    {"yahoo", "smtp; 554 5.7.9 Message not accepted for policy reasons.", "5.7.9", REASON_AUTH_FAILED},
    {NULL, "smtp; 554 Message not allowed - [PH01] Email not accepted for policy reasons.", "5.0.0", REASON_POLICY},
    {NULL, "smtp; 553 5.3.4 xyz", "", REASON_TOO_LARGE},
    {NULL, "smtp; 452 4.3.1 xyz", "", REASON_MAILBOX_FULL},
    {NULL, "", "", REASON_UNDETERMINED},
    {NULL, "", "4.4.7", REASON_EXPIRED},
    {NULL, "Amazon SES has suppressed sending to this address because it has a recent history of bouncing.", "5.1.1",
     REASON_SUPPRESSED},
};

static void what_servers_say(void **state) {
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct bounce_facts facts = bounced(texts[i].provider, texts[i].text, texts[i].status);
        enum bounce_reason reason = bounce_rules_find(rules, &facts);
        if (reason != texts[i].reason) {
            print_error("%s: %s, but it is %s\n", texts[i].text, bounce_reason_name(reason),
                        bounce_reason_name(texts[i].reason));
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void subtypes_come_first(void **state) {
    (void)state;
    static const struct {
        enum bounce_subtype subtype;
        enum bounce_reason reason;
    } cases[] = {
        {SUBTYPE_SUPPRESSED, REASON_SUPPRESSED},
        {SUBTYPE_ON_ACCOUNT_SUPPRESSION_LIST, REASON_SUPPRESSED},
        {SUBTYPE_ON_TENANT_SUPPRESSION_LIST, REASON_SUPPRESSED},
        {SUBTYPE_UNSUBSCRIBED_RECIPIENT, REASON_SUPPRESSED},
        {SUBTYPE_EMAIL_VALIDATION_SUPPRESSED, REASON_SUPPRESSED},
        {SUBTYPE_NO_EMAIL, REASON_INVALID_RECIPIENT},
        {SUBTYPE_MAILBOX_FULL, REASON_MAILBOX_FULL},
        {SUBTYPE_MESSAGE_TOO_LARGE, REASON_TOO_LARGE},
        {SUBTYPE_CONTENT_REJECTED, REASON_SPAM_CONTENT},
        {SUBTYPE_ATTACHMENT_REJECTED, REASON_CONTENT},
        {SUBTYPE_CUSTOM_TIMEOUT_EXCEEDED, REASON_EXPIRED},
        {SUBTYPE_NONE, REASON_PTR}, /* these say nothing: the text does */
        {SUBTYPE_UNDETERMINED, REASON_PTR},
        {SUBTYPE_GENERAL, REASON_PTR},
        {SUBTYPE_OTHER, REASON_PTR},
    };
    assert_int_equal(sizeof cases / sizeof *cases, SUBTYPES);
    for (size_t i = 0; i < SUBTYPES; i++) {
        struct bounce_facts facts = bounced(NULL, "smtp; 550 5.7.25 xyz", "5.1.1");
        facts.bounce_subtype = cases[i].subtype;
        assert_int_equal(bounce_rules_find(rules, &facts), cases[i].reason);
    }
}

static void delays(void **state) {
    (void)state;
    static const struct {
        enum delay_type type;
        enum bounce_reason with_text, alone;
    } cases[] = {
        {DELAY_NONE, REASON_DNS, REASON_UNDETERMINED},
        {DELAY_INTERNAL_FAILURE, REASON_DNS, REASON_UNDETERMINED},
        {DELAY_GENERAL, REASON_DNS, REASON_UNDETERMINED},
        {DELAY_MAILBOX_FULL, REASON_MAILBOX_FULL, REASON_MAILBOX_FULL},
        {DELAY_SPAM_DETECTED, REASON_REPUTATION_BLOCK, REASON_REPUTATION_BLOCK},
        {DELAY_RECIPIENT_SERVER_ERROR, REASON_DNS, REASON_NETWORK},
        {DELAY_IP_FAILURE, REASON_DNS, REASON_REPUTATION_BLOCK},
        {DELAY_TRANSIENT_COMMUNICATION_FAILURE, REASON_DNS, REASON_NETWORK},
        {DELAY_BYOIP_HOST_NAME_LOOKUP_UNAVAILABLE, REASON_PTR, REASON_PTR},
        {DELAY_UNDETERMINED, REASON_DNS, REASON_UNDETERMINED},
        {DELAY_SENDING_DEFERRAL, REASON_RATE_LIMITED, REASON_RATE_LIMITED},
        {DELAY_OTHER, REASON_DNS, REASON_UNDETERMINED},
    };
    assert_int_equal(sizeof cases / sizeof *cases, DELAY_TYPES);
    for (size_t i = 0; i < DELAY_TYPES; i++) {
        struct bounce_facts facts = {.type = EVENT_DELIVERY_DELAY, .delay_type = cases[i].type};
        assert_int_equal(bounce_rules_find(rules, &facts), cases[i].alone);
        facts.diagnostic = SPAN_LIT("smtp; 451 4.4.3 xyz");
        assert_int_equal(bounce_rules_find(rules, &facts), cases[i].with_text);
    }
}

static void out_of_office_has_nothing_but_an_address(void **state) {
    (void)state;
    struct bounce_facts facts = {
        .type = EVENT_BOUNCE, .bounce_type = BOUNCE_TRANSIENT, .bounce_subtype = SUBTYPE_GENERAL};
    assert_int_equal(bounce_rules_find(rules, &facts), REASON_AUTOREPLY);
    facts.action = SPAN_LIT("failed");
    assert_int_equal(bounce_rules_find(rules, &facts), REASON_UNDETERMINED);
    facts.action = (struct span){0};
    facts.bounce_type = BOUNCE_PERMANENT;
    assert_int_equal(bounce_rules_find(rules, &facts), REASON_UNDETERMINED);
    facts.bounce_type = BOUNCE_TRANSIENT;
    facts.bounce_subtype = SUBTYPE_NONE;
    assert_int_equal(bounce_rules_find(rules, &facts), REASON_AUTOREPLY);
    facts.bounce_subtype = SUBTYPE_OTHER; /* one that this version does not know may mean anything */
    assert_int_equal(bounce_rules_find(rules, &facts), REASON_UNDETERMINED);
    facts.bounce_subtype = SUBTYPE_UNDETERMINED;
    assert_int_equal(bounce_rules_find(rules, &facts), REASON_UNDETERMINED);
    facts.bounce_subtype = SUBTYPE_GENERAL;
    facts.status = SPAN_LIT("4.2.2");
    assert_int_equal(bounce_rules_find(rules, &facts), REASON_MAILBOX_FULL);
}

/* The simulator's texts, with something in the place of its marks, as they are once JSON is undone. */
static const char *spelled_out(const char *text, char to[2048]) {
    static const char *const marks[] = {"",          "0a1b2c3d4e", "1700000000", "0100018f", "anna@example.com",
                                        "192.0.2.1", "123"};
    size_t len = 0;
    for (; *text; text++) {
        if ((unsigned char)*text < sizeof marks / sizeof *marks)
            len += (size_t)snprintf(to + len, 2048 - len, "%s", marks[(unsigned char)*text]);
        else if (text[0] == '\\' && text[1] == 'n')
            to[len++] = '\n', text++;
        else
            to[len++] = *text;
    }
    to[len] = '\0';
    return to;
}

static bool is_one_of(enum bounce_reason reason, const enum bounce_reason *wanted, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (wanted[i] == reason)
            return true;
    return false;
}

/* A block is by name, by content or by policy; a passing one and a delay may also be about speed. */
static void what_the_simulated_servers_say(void **state) {
    (void)state;
    static const enum bounce_reason no_such_user[] = {REASON_INVALID_RECIPIENT}, full[] = {REASON_MAILBOX_FULL},
                                    blocked[] = {REASON_REPUTATION_BLOCK, REASON_SPAM_CONTENT, REASON_POLICY},
                                    blocked_now[] = {REASON_REPUTATION_BLOCK, REASON_SPAM_CONTENT, REASON_RATE_LIMITED},
                                    deferred[] = {REASON_RATE_LIMITED};
    size_t wrong = 0;
    for (size_t i = 0; i < ISPS; i++) {
        if (i == ISP_SIMULATOR) /* SES's own mailbox simulator: its words are too few to be of use */
            continue;
        const struct isp *isp = &isps[i];
        const struct {
            const char *text, *status;
            const enum bounce_reason *wanted;
            size_t count;
        } cases[] = {
            {isp->no_such_user, "5.1.1", no_such_user, 1}, {isp->mailbox_full, "4.2.2", full, 1},
            {isp->blocked, "5.7.1", blocked, 3},           {isp->blocked_now, "4.7.0", blocked_now, 3},
            {isp->deferred, "4.7.1", deferred, 1},
        };
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            char text[2048];
            uint16_t provider = bounce_rule_provider(providers, span_of(isp->name));
            struct bounce_facts facts = bounced(NULL, spelled_out(cases[k].text, text), cases[k].status);
            facts.provider = provider;
            enum bounce_reason reason = bounce_rules_find(rules, &facts);
            if (!is_one_of(reason, cases[k].wanted, cases[k].count)) {
                print_error("%s: %s\n", bounce_reason_name(reason), text);
                wrong++;
            }
        }
    }
    assert_int_equal(wrong, 0);
}

/* The texts of simulate/record_event.c that belong to no provider. */
static void what_the_simulator_says_for_ses(void **state) {
    (void)state;
    static const struct {
        enum bounce_type type;
        enum bounce_subtype subtype;
        const char *status, *text;
        enum bounce_reason reason;
    } cases[] = {
        {BOUNCE_TRANSIENT, SUBTYPE_CONTENT_REJECTED, "5.7.1",
         "smtp; 554 5.7.1 Message refused by the content filter, id 0a", REASON_SPAM_CONTENT},
        {BOUNCE_TRANSIENT, SUBTYPE_ATTACHMENT_REJECTED, "5.7.1",
         "smtp; 552 5.7.0 The message holds an attachment of a type that is not allowed (123)", REASON_CONTENT},
        {BOUNCE_TRANSIENT, SUBTYPE_MESSAGE_TOO_LARGE, "5.3.4", "smtp; 552 5.3.4 Message size exceeds fixed limit",
         REASON_TOO_LARGE},
        /* 4.4.7 gives way: the DNS was why */
        {BOUNCE_TRANSIENT, SUBTYPE_GENERAL, "4.4.7",
         "smtp; 554 4.4.7 Message expired: unable to deliver in 840 minutes.<421 4.4.0 Unable to lookup DNS for the "
         "recipient's domain>",
         REASON_DNS},
        {BOUNCE_TRANSIENT, SUBTYPE_CUSTOM_TIMEOUT_EXCEEDED, "4.4.7",
         "smtp; 554 4.4.7 Message expired: the time limit passed.<451 4.7.1 Please try again later>", REASON_EXPIRED},
        {BOUNCE_UNDETERMINED, SUBTYPE_UNDETERMINED, "5.0.0", "smtp; 550 unknown failure 123", REASON_UNDETERMINED},
        {BOUNCE_TRANSIENT, SUBTYPE_GENERAL, "5.4.4", "smtp; 550 5.4.4 Invalid domain", REASON_BAD_DOMAIN},
        {BOUNCE_PERMANENT, SUBTYPE_OTHER, "5.7.26",
         "smtp; 550 5.7.26 Unauthenticated mail is not taken because of the sender's DMARC policy", REASON_AUTH_FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bounce_facts facts = bounced(NULL, cases[i].text, cases[i].status);
        facts.bounce_type = cases[i].type;
        facts.bounce_subtype = cases[i].subtype;
        assert_int_equal(bounce_rules_find(rules, &facts), cases[i].reason);
    }
    struct bounce_facts delay = {.type = EVENT_DELIVERY_DELAY, .delay_type = DELAY_TRANSIENT_COMMUNICATION_FAILURE};
    delay.diagnostic = SPAN_LIT("smtp; 421 4.4.1 Unable to connect to remote host");
    assert_int_equal(bounce_rules_find(rules, &delay), REASON_NETWORK);
    delay.diagnostic = SPAN_LIT("smtp; 421 4.7.1 Too many connections (123)");
    assert_int_equal(bounce_rules_find(rules, &delay), REASON_RATE_LIMITED);
}

static void patterns(void **state) {
    (void)state;
    static const char *const wrong[] = {"",      "5",       "5.7",    "5.7.",     "2.1.1",  "6.1.1", "x.7.1x",
                                        "5.x.1", "5.7.9-1", "5.7.*1", "5.7.1000", "5.7.1-", "y.1.1", "5.7.1-1000"};
    struct code_pattern p;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(code_pattern_parse(span_of(wrong[i]), &p));
    static const struct {
        const char *pattern, *code;
        bool fits;
    } cases[] = {
        {"5.7.1", "5.7.1", true},          {"5.7.1", "4.7.1", false},        {"x.7.1", "4.7.1", true},
        {"x.7.1", "2.7.1", false},         {"5.7.*", "5.7.999", true},       {"5.7.*", "5.6.1", false},
        {"5.7.606-649", "5.7.605", false}, {"5.7.606-649", "5.7.606", true}, {"5.7.606-649", "5.7.649", true},
        {"5.7.606-649", "5.7.650", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(code_pattern_parse(span_of(cases[i].pattern), &p));
        struct smtp_status s = smtp_status_parse(span_of(cases[i].code));
        assert_int_equal(code_pattern_fits(&p, &s), cases[i].fits);
    }
    struct reply_pattern r;
    static const char *const wrong_replies[] = {"",    "x", "xx", "xxx",  "3xx",    "250",
                                                "600", "5", "55", "5xxx", "500-400"};
    for (size_t i = 0; i < sizeof wrong_replies / sizeof *wrong_replies; i++)
        assert_false(reply_pattern_parse(span_of(wrong_replies[i]), &r));
    assert_true(reply_pattern_parse(SPAN_LIT("4xx"), &r) && r.from == 400 && r.to == 499);
    assert_true(reply_pattern_parse(SPAN_LIT("55x"), &r) && r.from == 550 && r.to == 559);
    assert_true(reply_pattern_parse(SPAN_LIT("554"), &r) && r.from == 554 && r.to == 554);
    assert_true(reply_pattern_parse(SPAN_LIT("500-504"), &r) && r.from == 500 && r.to == 504);
}

static char path[] = "/tmp/bounce_rules_test.XXXXXX";

static void write_file(const char *text, size_t len) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void rules_of_the_operator(void **state) {
    (void)state;
    static const char text[] = "\xef\xbb\xbf# ours\n"
                               "\n"
                               "  policy provider=gmail \"No \\\"News\\\"\"  # from today on\r\n"
                               "rate_limited \"come   back\" code=4.7.* reply=45x\n"
                               "too_large \"first\" \"second\"\n"
                               "mailbox_full code=5.7.777\n"
                               "undetermined \"over quota\"\n"
                               "network \"a \\\\ b\"";
    static const struct {
        const char *provider, *text;
        enum bounce_reason reason;
    } cases[] = {
        {"gmail", "smtp; 550 5.1.1 no \"news\" here", REASON_POLICY},
        {"yahoo", "smtp; 550 5.1.1 no \"news\" here", REASON_INVALID_RECIPIENT},
        {NULL, "smtp; 450-4.7.3 please come\n450 4.7.3 back", REASON_RATE_LIMITED},
        {NULL, "smtp; 421 4.7.3 please come back", REASON_POLICY},
        {NULL, "smtp; 450 4.2.2 please come back", REASON_MAILBOX_FULL},
        {NULL, "smtp; 550 5.1.1 SECOND, and first", REASON_TOO_LARGE},
        {NULL, "smtp; 550 5.1.1 first", REASON_INVALID_RECIPIENT},
        {NULL, "smtp; 550 5.7.777 xyz", REASON_MAILBOX_FULL},
        {NULL, "smtp; 552 5.2.2 over quota", REASON_UNDETERMINED},
        {NULL, "smtp; 552 5.2.2 a \\ b", REASON_NETWORK},
        {NULL, "smtp; 554 5.7.1 blocked using zen.spamhaus.org", REASON_REPUTATION_BLOCK},
    };
    write_file(text, sizeof text - 1);
    struct err err = {0};
    struct bounce_rules *mine = bounce_rules_create(path, providers, &err);
    if (!mine)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bounce_facts facts = bounced(cases[i].provider, cases[i].text, "");
        assert_int_equal(bounce_rules_find(mine, &facts), cases[i].reason);
    }
    struct bounce_facts facts = bounced(NULL, "smtp; 550 first, second", "");
    facts.bounce_subtype = SUBTYPE_NO_EMAIL; /* SES is overruled, ... */
    assert_int_equal(bounce_rules_find(mine, &facts), REASON_TOO_LARGE);
    facts.bounce_subtype = SUBTYPE_SUPPRESSED; /* ... but what was never sent was not too large */
    assert_int_equal(bounce_rules_find(mine, &facts), REASON_SUPPRESSED);
    facts = bounced(NULL, "", "5.7.777");
    assert_int_equal(bounce_rules_find(mine, &facts), REASON_MAILBOX_FULL);
    bounce_rules_destroy(mine);
}

static void errors_name_the_place(void **state) {
    (void)state;
    static const struct {
        const char *text, *place, *what;
    } cases[] = {
        {"spam \"x\"", ":1:1: \"spam\"", "is no reason"},
        {"\n\"x\"", ":2:1: \"\"\"", "is no reason"},
        {"policy", ":1:1: \"policy\"", "nothing to go by"},
        {"policy provider=gmail", ":1:1: \"policy\"", "nothing to go by"},
        {"# x\n  policy # x", ":2:3: \"policy\"", "nothing to go by"},
        {"policy \"x", ":1:8: \"\"\"", "never closed"},
        {"policy \"x\ny\"", ":1:8: \"\"\"", "never closed"},
        {"policy \"\"", ":1:8: \"\"\"\"", "empty phrase"},
        {"policy \"  \"", ":1:8: \"\"  \"\"", "empty phrase"},
        {"policy \"a\\n\"", ":1:10: \"\\\"", "stands for nothing"},
        {"policy \"a\x01\"", ":1:10: \"?\"", "control character"},
        {"policy x", ":1:8: \"x\"", "not understood"},
        {"policy provider=nobody \"x\"", ":1:8: \"provider=nobody\"", "names no provider"},
        {"policy provider=other \"x\"", ":1:8: \"provider=other\"", "names no provider"},
        {"policy code=7.1.1 \"x\"", ":1:8: \"code=7.1.1\"", "no enhanced code"},
        {"policy reply=250 \"x\"", ":1:8: \"reply=250\"", "no reply"},
        {"policy reply=4xx reply=5xx", ":1:18: \"reply=5xx\"", "second of its kind"},
        {"policy code=5.1.1 code=5.1.2", ":1:19: \"code=5.1.2\"", "second of its kind"},
        {"policy provider=gmail provider=yahoo", ":1:23: \"provider=yahoo\"", "second of its kind"},
        {"policy \"1\" \"2\" \"3\" \"4\" \"5\"", ":1:24: \"\"\"", "at most 4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file(cases[i].text, strlen(cases[i].text));
        struct err err = {0};
        assert_null(bounce_rules_create(path, providers, &err));
        assert_int_equal(err.code, ERR_CONFIG);
        char start[128];
        snprintf(start, sizeof start, "%s%s", path, cases[i].place);
        if (strncmp(err.text, start, strlen(start)) != 0 || !strstr(err.text, cases[i].what))
            fail_msg("%s: %s", cases[i].text, err.text);
    }
    struct err err = {0};
    assert_null(bounce_rules_create("/nowhere/rules", providers, &err));
    assert_int_equal(err.code, ERR_IO);
}

/* Lines of one form, with a number in each. */
static void write_lines(const char *form, int count) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < count; i++)
        for (const char *c = form; *c; c++)
            *c == '$' ? fprintf(f, "%d", i) : fputc(*c, f);
    assert_int_equal(fclose(f), 0);
}

static bool is_refused(const char *what) {
    struct err err = {0};
    struct bounce_rules *mine = bounce_rules_create(path, providers, &err);
    bounce_rules_destroy(mine);
    return !mine && strstr(err.text, what);
}

static void ceilings_of_the_file(void **state) {
    (void)state;
    write_lines("policy \"$\"\n", 1000);
    struct err err = {0};
    struct bounce_rules *mine = bounce_rules_create(path, providers, &err);
    assert_non_null(mine);
    bounce_rules_destroy(mine);
    write_lines("policy \"$\"\n", 1001);
    assert_true(is_refused(":1001:1: \"policy\" begins one rule too many"));
    write_lines("policy \"$a\" \"$b\" \"$c\" \"$d\"\n", 751);
    assert_true(is_refused(":751:8: \"\"\" begins one phrase too many"));
    write_lines("# a long line of nothing but words\n", 2000);
    assert_true(is_refused("too large"));
    char text[256] = "policy \"";
    memset(text + 8, 'y', 201);
    text[209] = '"';
    write_file(text, 210);
    assert_true(is_refused("too long a phrase"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_decides_its_example),
        cmocka_unit_test(every_code_decides),
        cmocka_unit_test(what_servers_say),
        cmocka_unit_test(subtypes_come_first),
        cmocka_unit_test(delays),
        cmocka_unit_test(out_of_office_has_nothing_but_an_address),
        cmocka_unit_test(what_the_simulated_servers_say),
        cmocka_unit_test(what_the_simulator_says_for_ses),
        cmocka_unit_test(patterns),
        cmocka_unit_test(rules_of_the_operator),
        cmocka_unit_test(errors_name_the_place),
        cmocka_unit_test(ceilings_of_the_file),
    };
    close(mkstemp(path));
    int failed = cmocka_run_group_tests(tests, set_up, tear_down);
    unlink(path);
    return failed;
}
