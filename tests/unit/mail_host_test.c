#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/mail_host.h"
#include "model/mail_host_builtin.h"

static struct provider_table *providers;
static struct mail_hosts *hosts;

static int open_tables(void **state) {
    (void)state;
    providers = provider_table_create();
    hosts = mail_hosts_create(providers);
    return 0;
}

static int close_tables(void **state) {
    (void)state;
    mail_hosts_destroy(hosts);
    provider_table_destroy(providers);
    return 0;
}

static const char *owner(struct span host) {
    return provider_table_name(providers, mail_hosts_find(hosts, host));
}

static const struct {
    const char *host, *provider;
} cases[] = {
    {"gmail-smtp-in.l.google.com", "gmail"},
    {"alt3.gmail-smtp-in.l.google.com", "gmail"},
    {"aspmx.l.google.com", "google_workspace"},
    {"ALT1.ASPMX.L.GOOGLE.COM.", "google_workspace"},
    {"aspmx2.googlemail.com", "google_workspace"},
    {"googlemail.com", "google_workspace"},
    {"smtp.google.com", "google_workspace"},
    {"mx.google.com", "google_workspace"},
    {"example.com.s8a1.psmtp.com", "google_workspace"},
    {"google.com", "other"},
    {"aspmx.l.google.com.example.org", "other"},
    {"notgoogle.com", "other"},
    {"mail.notgoogle.com", "other"},
    {"hotmail-com.olc.protection.outlook.com", "microsoft"},
    {"contoso-com.mail.protection.outlook.com", "microsoft_365"},
    {"contoso-com.mail.protection.outlook.com.", "microsoft_365"},
    {"contoso-com.p-v1.mx.microsoft", "microsoft_365"},
    {"BN8NAM11FT012.eop-nam11.prod.protection.outlook.com", "microsoft_365"},
    {"DM6PR12MB3444.namprd12.prod.outlook.com", "microsoft_365"},
    {"outlook.com", "other"},
    {"protection.outlook.com", "other"},
    {"mx-aol.mail.gm0.yahoodns.net", "yahoo"},
    {"mta5.am0.yahoodns.net", "yahoo"},
    {"mta1234.mail.bf1.yahoo.com", "yahoo"},
    {"yahoo.com", "other"},
    {"ff-ip4-mx-vip1.prodigy.net", "yahoo"},
    {"adsl-1-2-3-4.dsl.prodigy.net", "other"},
    {"mx01.mail.icloud.com", "apple"},
    {"mx.zoho.com", "zoho"},
    {"mx2.zoho.eu", "zoho"},
    {"mx.zohomail.com", "zoho"},
    {"in1-smtp.messagingengine.com", "fastmail"},
    {"mailsec.protonmail.ch", "proton"},
    {"mx0.charter.net", "charter"},
    {"mx1.naver.com", "naver"},
    {"kr1-aspmx1.worksmobile.com", "naver"},
    {"mx4.hanmail.net", "kakao"},
    {"mx1.mail.yahoo.co.jp", "yahoo_japan"},
    {"mfsmax.docomo.ne.jp", "docomo"},
    {"lsean.ezweb.ne.jp", "au_kddi"},
    {"msmx.au.com", "au_kddi"},
    {"mxbiz1.qq.com", "tencent"},
    {"163mx01.mxmail.netease.com", "netease"},
    {"mx.ym.163.com", "netease"},
    {"mx1.mxhichina.com", "aliyun"},
    {"emx.mail.ru", "mailru"},
    {"mx.yandex.ru", "yandex"},
    {"mx.yandex.net", "yandex"},
    {"mx.email.ua", "ukrnet"},
    {"mx00.gmx.net", "gmx_webde"},
    {"mx-ha.web.de", "gmx_webde"},
    {"mx01.mail.com", "gmx_webde"},
    {"mx00.kundenserver.de", "1and1"},
    {"mx01.1and1.co.uk", "1and1"},
    {"mx00.ionos.de", "1and1"},
    {"smtp-in.orange.fr", "orange"},
    {"smtp.wanadoo.fr", "orange"},
    {"lfbn-1-2-3.w90-1.abo.wanadoo.fr", "other"},
    {"smtpz4.laposte.net", "laposte"},
    {"mx.kpnmail.nl", "kpn"},
    {"mx1.seznam.cz", "seznam"},
    {"mx.rediffmail.rediff.akadns.net", "rediffmail"},
    {"mxa-00123456.gslb.pphosted.com", "gateway"},
    {"mx1-us1.ppe-hosted.com", "gateway"},
    {"us-smtp-inbound-1.mimecast.com", "gateway"},
    {"za-smtp-inbound-1.mimecast.co.za", "gateway"},
    {"je-smtp-inbound-1.mimecast-offshore.com", "gateway"},
    {"d12345a.ess.barracudanetworks.com", "gateway"},
    {"mx1.hc123-45.eu.iphmx.com", "gateway"},
    {"cluster5.eu.messagelabs.com", "gateway"},
    {"cust1-1.in.mailcontrol.com", "gateway"},
    {"primary.eu.email.fireeyecloud.com", "gateway"},
    {"example.com.1.0001.arsmtp.com", "gateway"},
    {"example.com.mx1.ctmail.com", "gateway"},
    {"mx1.expurgate.net", "gateway"},
    {"example.com.inbound10.mxlogic.net", "gateway"},
    {"example.in.hes.trendmicro.eu", "gateway"},
    {"mx-01-eu-west-1.prod.hydra.sophos.com", "gateway"},
    {"mx01.hornetsecurity.com", "gateway"},
    {"route1.mx.cloudflare.net", "gateway"},
    {"smtp.secureserver.net", "godaddy"},
    {"mailstore1.secureserver.net", "godaddy"},
    {"4.3.2.1.ip.secureserver.net", "other"},
    {"ip.secureserver.net", "godaddy"},
    {"mx1.emailsrvr.com", "rackspace"},
    {"mx1.mail.ovh.net", "ovh"},
    {"redirect.ovh.net", "ovh"},
    {"vps-1234.vps.ovh.net", "other"},
    {"ns3012345.ovh.net", "other"},
    {"spool.mail.gandi.net", "gandi"},
    {"mx.netvigator.com", "netvigator"},
    {"a8-31.smtp-out.amazonses.com", "other"},
    {"smtp-out.amazonses.com", "other"},
    {"inbound-smtp.eu-west-1.amazonaws.com", "other"},
    {"example.com", "other"},
    {"", "other"},
    {".", "other"},
    {"..", "other"},
    {".google.com", "google_workspace"},
    {"a..google.com", "google_workspace"},
    {"com", "other"},
    {"\xff\xfe.google.com", "google_workspace"},
};

static void names_have_owners(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *found = owner(span_of(cases[i].host));
        if (strcmp(found, cases[i].provider) != 0)
            fail_msg("%s: %s in place of %s", cases[i].host, found, cases[i].provider);
    }
}

static void every_provider_is_in_the_table(void **state) {
    (void)state;
    for (size_t i = 0; i < mail_host_builtin_count; i++) {
        bool found = false;
        for (size_t n = 0; n < provider_table_count(providers); n++)
            found |= strcmp(provider_table_name(providers, (uint16_t)n), mail_host_builtins[i].provider) == 0;
        if (!found)
            fail_msg("no provider %s", mail_host_builtins[i].provider);
    }
}

/* The same by the plainest reading: the longest pattern that fits. */
static const char *owner_plainly(const char *host) {
    const char *best = "other";
    size_t best_len = 0;
    for (size_t i = 0; i < mail_host_builtin_count; i++) {
        char list[2048];
        assert_true(strlen(mail_host_builtins[i].hosts) < sizeof list);
        strcpy(list, mail_host_builtins[i].hosts);
        for (char *rest = list, *name; (name = strtok_r(rest, " ", &rest));) {
            bool is_suffix = name[0] == '*';
            const char *text = is_suffix ? name + 1 : name; /* with the dot */
            size_t len = strlen(text), host_len = strlen(host);
            bool fits = is_suffix ? host_len >= len && strcmp(host + host_len - len, text) == 0 : !strcmp(host, text);
            if (fits && len > best_len)
                best = mail_host_builtins[i].provider, best_len = len;
        }
    }
    return best;
}

static void every_row_is_found(void **state) {
    (void)state;
    static const char *const before[] = {"", "a.", "b.c.", "x"};
    for (size_t i = 0; i < mail_host_builtin_count; i++) {
        char list[2048];
        strcpy(list, mail_host_builtins[i].hosts);
        for (char *rest = list, *name; (name = strtok_r(rest, " ", &rest));) {
            for (size_t b = 0; b < sizeof before / sizeof before[0]; b++) {
                char host[300];
                strcpy(host, before[b]);
                strcat(host, name[0] == '*' ? name + 2 : name);
                assert_string_equal(owner(span_of(host)), owner_plainly(host));
            }
        }
    }
}

static void long_names_are_nobodys(void **state) {
    (void)state;
    char host[300];
    memset(host, 'a', sizeof host);
    const char end[] = ".google.com";
    size_t end_len = sizeof end - 1;
    memcpy(host + 253 - end_len, end, end_len);
    assert_string_equal(owner((struct span){host, 253}), "google_workspace");
    memset(host, 'a', sizeof host);
    memcpy(host + 254 - end_len, end, end_len);
    assert_string_equal(owner((struct span){host, 254}), "other");
    memset(host, '.', sizeof host);
    assert_string_equal(owner((struct span){host, sizeof host}), "other");
    assert_string_equal(owner((struct span){NULL, 0}), "other");
    mail_hosts_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_owners),
        cmocka_unit_test(every_provider_is_in_the_table),
        cmocka_unit_test(every_row_is_found),
        cmocka_unit_test(long_names_are_nobodys),
    };
    return cmocka_run_group_tests(tests, open_tables, close_tables);
}
