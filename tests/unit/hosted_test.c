#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parsers/hosted.h"
#include "parsers/hosted_builtin.h"

static struct provider_table *providers;
static struct mail_hosts *hosts;
static struct hosted *hosted;

static int open_tables(void **state) {
    (void)state;
    providers = provider_table_create();
    hosts = mail_hosts_create(providers);
    hosted = hosted_create(hosts, providers);
    return 0;
}

static int close_tables(void **state) {
    (void)state;
    hosted_destroy(hosted);
    hosted_destroy(NULL);
    mail_hosts_destroy(hosts);
    provider_table_destroy(providers);
    return 0;
}

static const char *told(const char *reply, const char *mta, const char *ip) {
    return provider_table_name(providers, hosted_find(hosted, span_of(reply), span_of(mta), span_of(ip)));
}

struct expectation {
    const char *text, *provider;
};

static void expect(const struct expectation *cases, size_t count, int field) {
    for (size_t i = 0; i < count; i++) {
        const char *text[3] = {"", "", ""};
        text[field] = cases[i].text;
        const char *found = told(text[0], text[1], text[2]);
        if (strcmp(found, cases[i].provider) != 0)
            fail_msg("%s: %s in place of %s", cases[i].text, found, cases[i].provider);
    }
}

static void replies_tell(void **state) {
    (void)state;
    static const struct expectation cases[] = {
        /* Google. */
        {"250 2.0.0 OK  1598449133 k8si1234567qka.123 - gsmtp", "google_workspace"},
        {"250 2.0.0 OK 1598449133 K8SI123 - GSMTP", "google_workspace"},
        {"smtp; 550-5.1.1 The email account that you tried to reach does not exist.\n550 5.1.1 "
         "https://support.google.com/mail/?p=NoSuchUser a1si2.3",
         "google_workspace"},
        {"smtp; 550 5.1.1 host aspmx.l.google.com[142.250.1.27] said: no such user", "google_workspace"},
        {"smtp; 550 5.1.1 host gmail-smtp-in.l.google.com[142.250.1.27] said: no such user", "google_workspace"},
        {"250-mx.google.com at your service, [192.0.2.1]", "google_workspace"},
        {"while talking to aspmx.l.google.com.: 550", "google_workspace"},
        /* Microsoft. */
        {"250 2.6.0 <0102@eu-west-1.amazonses.com> [InternalId=123, "
         "Hostname=AM7EUR03FT012.eop-EUR03.prod.protection.outlook.com] Queued mail for delivery",
         "microsoft_365"},
        {"250 2.6.0 <0102@email.amazonses.com> [InternalId=1, Hostname=DM6PR12MB3444.namprd12.prod.outlook.com]",
         "microsoft_365"},
        {"smtp; 550 5.4.1 Recipient address rejected: Access denied. "
         "[VE1EUR01FT001.eop-EUR01.prod.protection.outlook.com 2021-01-01T00:00:00.000Z 08D8B]",
         "microsoft_365"},
        {"(S3140). See http://mail.live.com/mail/troubleshooting.aspx#errors.", "microsoft_365"},
        {"5.7.606 Access denied. To request removal visit https://sender.office.com/ and follow it", "microsoft_365"},
        {"250 2.6.0 <x@y> [InternalId=1, Hostname=EX01.corp.example] Queued mail for delivery", "other"},
        {"250 hotmail-com.olc.protection.outlook.com ok", "microsoft_365"},
        /* Others. */
        {"250 ok dirdel", "yahoo"},
        {"421 4.7.0 [TSS04] Messages from 192.0.2.1 deferred; see https://senders.yahooinc.com/error-codes", "yahoo"},
        {"250 SmtpThread-1155363-1520440800123@us-mta-22.us.mimecast.lan Received OK", "gateway"},
        {"550 Rejected by header - https://community.mimecast.com/docs/DOC-1369#550", "gateway"},
        {"550 5.1.1 mx0a-001.pphosted.com: user unknown", "gateway"},
        {"421 p3plibsmtp03-08.prod.phx3.secureserver.net bizsmtp Temporarily rejected", "godaddy"},
        {"250 2.0.0 Ok: queued on mxfront12.mail.yandex.net as 1", "yandex"},
        {"250 2.0.0 OK abc - nsmtp", "naver"},
        {"554 DT:SPM 163 mx http://mail.163.com/help/help_spam_16.htm?ip=192.0.2.1", "netease"},
        {"550 [CS01] https://support.apple.com/en-us/HT204137", "apple"},
        {"550 mailbox unavailable https://postmaster.gmx.net/en/case?c=r0601", "gmx_webde"},
        {"250 Requested mail action okay (mx.emailsrvr.com)", "rackspace"},
        {"host=mx1.mail.ovh.net,x", "ovh"},
        {"a..b mx1.emailsrvr.com--", "rackspace"},
        /* What tells nothing. */
        {"", "other"},
        {"250 2.0.0 Ok: queued as 12AB34", "other"},
        {"550 5.1.1 <user@gmail.com>: user unknown", "other"},
        {"550 5.1.1 <user@mx.google.com>: user unknown", "other"},
        {"550 5.1.1 mx.google.com@example.com: user unknown", "other"},
        {"250 2.6.0 <0102@mail.protection.outlook.com.prod.outlook.com> Queued", "other"},
        {"554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org; "
         "https://www.spamhaus.org/query/ip/192.0.2.1",
         "other"},
        {"554 blocked using Barracuda Reputation; http://www.barracudanetworks.com/reputation/?r=1&ip=192.0.2.1",
         "other"},
        {"550 see www.mimecast.com/help", "other"},
        {"550 see http://example.com/?host=mx.google.com", "other"},
        {"550 and/or,mx.zoho.com", "zoho"}, /* no name stands at the slash */
        {"550 mail.example.com/a,mx.zoho.com", "other"},
        {"450 cannot find your hostname, a8-31.smtp-out.amazonses.com[54.240.8.31]", "other"},
        {"550 SPF: gmail.com does not allow it", "other"},
        {"250 ok gsmtp", "other"},
        {"250 OK google", "other"},
        {"Amazon SES has suppressed sending to this address", "other"},
        {"550 ns3012345.ovh.net: no such user", "other"},
        {"550 1-2-3-4.ip.secureserver.net says no", "other"},
    };
    expect(cases, sizeof cases / sizeof cases[0], 0);
}

static void mtas_tell(void **state) {
    (void)state;
    static const struct expectation cases[] = {
        {"dns; googlemail.com", "google_workspace"},
        {"dns;googlemail.com", "google_workspace"},
        {"dsn; DM6PR12MB3444.namprd12.prod.outlook.com", "microsoft_365"},
        {"mx0a-00123456.pphosted.com", "gateway"},
        {" dns ; MX1.EMAILSRVR.COM. ", "rackspace"},
        {"x; y; mx1.emailsrvr.com", "rackspace"},
        {"dsn; a8-31.smtp-out.amazonses.com", "other"},
        {"dns; amazonses.com", "other"},
        {"dns;", "other"},
        {";", "other"},
        {"", "other"},
        {"dns; mail.example.com", "other"},
        {"dns; google", "other"},
    };
    expect(cases, sizeof cases / sizeof cases[0], 1);
    static char padded[600]; /* longer than any name, and looked at for each recipient: not read */
    memset(padded, ' ', sizeof padded - 1);
    memcpy(padded, "dns; googlemail.com", sizeof "dns; googlemail.com" - 1);
    assert_string_equal(told("", padded, ""), "other");
}

static void networks_tell(void **state) {
    (void)state;
    static const struct expectation cases[] = {
        {"142.251.10.27", "google_workspace"},
        {"2a00:1450:4010:c0f::1a", "google_workspace"},
        {"104.47.5.36", "microsoft_365"},
        {"52.101.8.1", "microsoft_365"},
        {"40.93.0.1", "microsoft_365"},
        {"2a01:111:f403:f90e::1", "microsoft_365"},
        {"2a01:111:f404::1", "other"},
        {"67.195.204.72", "yahoo"},
        {"98.136.96.91", "yahoo"},
        {"17.57.154.33", "apple"},
        {"148.163.129.50", "gateway"},
        {"209.222.82.255", "gateway"},
        {"104.47.128.1", "other"},
        {"203.0.113.7", "other"},
        {"52.96.0.1", "other"},
        {"54.240.8.31", "other"},
        {"", "other"},
        {"142.251.10.27 ", "other"},
        {"mx.google.com", "other"},
    };
    expect(cases, sizeof cases / sizeof cases[0], 2);
}

static void the_first_that_tells_counts(void **state) {
    (void)state;
    static const struct {
        const char *reply, *mta, *ip, *provider;
    } cases[] = {
        {"250 OK - gsmtp", "dns; mx1.emailsrvr.com", "104.47.5.36", "google_workspace"},
        {"250 OK", "dns; mx1.emailsrvr.com", "104.47.5.36", "rackspace"},
        {"250 OK", "dns; example.com", "104.47.5.36", "microsoft_365"},
        /* A server's name before a phrase, wherever they stand; of two names the first. */
        {"- gsmtp mx1.emailsrvr.com", "", "", "rackspace"},
        {"mx.zoho.com mx1.emailsrvr.com", "", "", "zoho"},
        {"mx.example.com mx1.emailsrvr.com mx.zoho.com", "", "", "rackspace"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(told(cases[i].reply, cases[i].mta, cases[i].ip), cases[i].provider);
}

/* Rows of the source: all of them tell, and what they tell is never a consumers' service. */
static void every_row_tells(void **state) {
    (void)state;
    for (size_t i = 0; i < hosted_phrase_count; i++) {
        char reply[256];
        snprintf(reply, sizeof reply, "250 see x%s?", hosted_phrases[i].text);
        if (strcmp(told(reply, "", ""), hosted_phrases[i].provider) != 0)
            fail_msg("%s: %s", reply, told(reply, "", ""));
    }
    for (size_t i = 0; i < hosted_networks_count; i++) {
        char first[64];
        size_t len = strcspn(hosted_networks[i].networks, "/");
        snprintf(first, sizeof first, "%.*s", (int)len, hosted_networks[i].networks);
        assert_string_equal(told("", "", first), hosted_networks[i].provider);
    }
}

static void only_the_first_2_kib_are_read(void **state) {
    (void)state;
    static char text[8192];
    memset(text, 'x', sizeof text);
    static const char end[] = " mx.zoho.com ";
    memcpy(text + 2048 - (sizeof end - 1), end, sizeof end - 1);
    assert_int_not_equal(hosted_find(hosted, (struct span){text, sizeof text}, (struct span){0}, (struct span){0}),
                         PROVIDER_OTHER);
    memset(text, 'x', sizeof text);
    memcpy(text + 2048, end, sizeof end - 1);
    assert_int_equal(hosted_find(hosted, (struct span){text, sizeof text}, (struct span){0}, (struct span){0}),
                     PROVIDER_OTHER);
    memset(text, '.', sizeof text);
    struct span dots = {text, sizeof text};
    assert_int_equal(hosted_find(hosted, dots, dots, dots), PROVIDER_OTHER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_tell),    cmocka_unit_test(mtas_tell),
        cmocka_unit_test(networks_tell),   cmocka_unit_test(the_first_that_tells_counts),
        cmocka_unit_test(every_row_tells), cmocka_unit_test(only_the_first_2_kib_are_read),
    };
    return cmocka_run_group_tests(tests, open_tables, close_tables);
}
