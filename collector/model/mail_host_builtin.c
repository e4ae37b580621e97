#include "model/mail_host_builtin.h"

/* Whose a server is, from the MX records that providers and senders publish. Only names that tell: a hoster's or an
 * access provider's rented machines and lines (vps.ovh.net, 1-2-3-4.ip.secureserver.net) run their customers' own mail
 * servers, so they are left out, or stand under "other". scripts/providers-doc makes the table in docs/providers.md
 * from this file. */
const struct mail_host_builtin mail_host_builtins[] = {
    /* Worldwide. */
    {"gmail", "gmail-smtp-in.l.google.com *.gmail-smtp-in.l.google.com"},
    {"google_workspace", "*.google.com googlemail.com *.googlemail.com *.psmtp.com"},
    {"microsoft", "*.olc.protection.outlook.com"},
    {"microsoft_365",
     "*.mail.protection.outlook.com *.prod.outlook.com *.prod.protection.outlook.com *.mail.eo.outlook.com "
     "*.mail.protection.outlook.de *.mail.protection.office365.us *.mail.protection.partner.outlook.cn *.mx.microsoft"},
    {"yahoo", "*.yahoodns.net *.yahoo.com *.prodigy.net"},
    {"other", "*.dsl.prodigy.net"},
    {"apple", "*.icloud.com"},
    {"zoho", "*.zoho.com *.zoho.eu *.zoho.in *.zoho.com.au *.zohomail.com *.zohomail.eu *.zohomail.in"},
    {"fastmail", "*.messagingengine.com"},
    {"proton", "*.protonmail.ch"},

    /* Access providers' own. */
    {"charter", "*.charter.net"},
    {"naver", "*.naver.com *.worksmobile.com"}, /* Works is Naver's for companies */
    {"kakao", "*.hanmail.net *.daum.net"},
    {"yahoo_japan", "*.mail.yahoo.co.jp"},
    {"docomo", "*.docomo.ne.jp"},
    {"au_kddi", "*.ezweb.ne.jp msmx.au.com"},
    {"tencent", "*.qq.com"},
    {"netease", "*.netease.com *.ym.163.com"},
    {"aliyun", "*.mxhichina.com"},
    {"mailru", "*.mail.ru"},
    {"yandex", "*.yandex.ru *.yandex.net"},
    {"ukrnet", "*.email.ua"},
    {"gmx_webde", "*.gmx.net *.gmx.com *.web.de *.mail.com"},
    {"1and1",
     "*.1and1.com *.1and1.co.uk *.1and1.fr *.kundenserver.de mx00.ionos.com mx01.ionos.com mx00.ionos.de mx01.ionos.de "
     "mx00.ionos.co.uk mx01.ionos.co.uk mx00.ionos.fr mx01.ionos.fr mx00.ionos.es mx01.ionos.es mx00.ionos.it "
     "mx01.ionos.it"},
    {"orange", "*.orange.fr *.wanadoo.fr"},
    {"other", "*.abo.wanadoo.fr"},
    {"laposte", "*.laposte.net"},
    {"kpn", "*.kpnmail.nl"},
    {"seznam", "*.seznam.cz"},
    {"rediffmail", "mx.rediffmail.rediff.akadns.net"},

    /* Filters in front of others' mailboxes: Proofpoint, Mimecast, Barracuda, Cisco, Symantec, Forcepoint, FireEye,
     * AppRiver, Cyren, MXLogic, Trend Micro, Sophos, Hornetsecurity, SpamExperts, Cloudflare. */
    {"gateway",
     "*.pphosted.com *.ppe-hosted.com "
     "*.mimecast.com *.mimecast.co.za *.mimecast-offshore.com *.mimecast.lan "
     "*.barracudanetworks.com *.iphmx.com *.messagelabs.com *.mailcontrol.com *.email.fireeyecloud.com *.arsmtp.com "
     "*.ctmail.com *.expurgate.net *.mxlogic.net *.hes.trendmicro.com *.hes.trendmicro.eu *.hydra.sophos.com "
     "*.hornetsecurity.com *.antispameurope.com *.antispamcloud.com *.mx.cloudflare.net"},

    /* Hosters. */
    {"godaddy", "*.secureserver.net"},
    {"other", "*.ip.secureserver.net"},
    {"rackspace", "*.emailsrvr.com"},
    {"ovh", "*.mail.ovh.net mx0.ovh.net mx1.ovh.net mx2.ovh.net mx3.ovh.net mx4.ovh.net redirect.ovh.net"},
    {"gandi", "*.mail.gandi.net"},
    {"netvigator", "*.netvigator.com"},
};

const size_t mail_host_builtin_count = sizeof mail_host_builtins / sizeof mail_host_builtins[0];
