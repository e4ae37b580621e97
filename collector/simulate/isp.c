#include "simulate/isp.h"

const struct isp_domain isp_domains[] = {
    {"gmail.com", ISP_GMAIL, 3740},       {"googlemail.com", ISP_GMAIL, 60},   {"hotmail.com", ISP_MICROSOFT, 620},
    {"outlook.com", ISP_MICROSOFT, 680},  {"live.com", ISP_MICROSOFT, 140},    {"msn.com", ISP_MICROSOFT, 60},
    {"hotmail.co.uk", ISP_MICROSOFT, 90}, {"hotmail.fr", ISP_MICROSOFT, 80},   {"outlook.de", ISP_MICROSOFT, 40},
    {"outlook.kr", ISP_MICROSOFT, 20},    {"live.co.uk", ISP_MICROSOFT, 40},   {"live.fr", ISP_MICROSOFT, 30},
    {"yahoo.com", ISP_YAHOO, 780},        {"aol.com", ISP_YAHOO, 220},         {"ymail.com", ISP_YAHOO, 60},
    {"yahoo.co.uk", ISP_YAHOO, 70},       {"yahoo.fr", ISP_YAHOO, 40},         {"rocketmail.com", ISP_YAHOO, 30},
    {"icloud.com", ISP_APPLE, 560},       {"me.com", ISP_APPLE, 100},          {"mac.com", ISP_APPLE, 40},
    {"naver.com", ISP_NAVER, 260},        {"hanmail.net", ISP_KAKAO, 70},      {"daum.net", ISP_KAKAO, 50},
    {"kakao.com", ISP_KAKAO, 20},         {"web.de", ISP_GMX_WEBDE, 150},      {"gmx.de", ISP_GMX_WEBDE, 120},
    {"gmx.net", ISP_GMX_WEBDE, 60},       {"gmx.at", ISP_GMX_WEBDE, 20},       {"comcast.net", ISP_COMCAST, 190},
    {"orange.fr", ISP_ORANGE, 110},       {"wanadoo.fr", ISP_ORANGE, 50},      {"mail.ru", ISP_MAILRU, 90},
    {"inbox.ru", ISP_MAILRU, 15},         {"list.ru", ISP_MAILRU, 10},         {"bk.ru", ISP_MAILRU, 10},
    {"yandex.ru", ISP_YANDEX, 60},        {"ya.ru", ISP_YANDEX, 10},           {"qq.com", ISP_TENCENT, 90},
    {"foxmail.com", ISP_TENCENT, 10},     {"163.com", ISP_NETEASE, 50},        {"126.com", ISP_NETEASE, 15},
    {"docomo.ne.jp", ISP_DOCOMO, 45},     {"libero.it", ISP_ITALIAONLINE, 50}, {"virgilio.it", ISP_ITALIAONLINE, 15},
};
const uint32_t isp_domain_count = sizeof isp_domains / sizeof isp_domains[0];

const struct isp isps[ISPS] = {
    [ISP_OTHER] =
        {
            .name = "other",
            .readers = READERS_COMPANY,
            .network = "203.0",
            .accepted = "250 2.0.0 Ok: queued as \001",
            .no_such_user = "smtp; 550 5.1.1 <\004>: Recipient address rejected: User unknown in local recipient table",
            .mailbox_full = "smtp; 452 4.2.2 <\004>: Recipient address rejected: user is over quota",
            .blocked = "smtp; 554 5.7.1 Service unavailable; Client host [\005] blocked using zen.spamhaus.org; "
                       "https://www.spamhaus.org/query/ip/\005",
            .blocked_now = "smtp; 451 4.7.1 Client host [\005] is greylisted for its reputation, come back later",
            .deferred = "smtp; 451 4.7.1 <\004>: Recipient address rejected: Greylisting in effect, please try again",
        },
    [ISP_SIMULATOR] =
        {
            .name = "simulator",
            .network = "192.0",
            .accepted = "250 2.6.0 Message received",
            .no_such_user = "smtp; 550 5.1.1 user unknown",
            .mailbox_full = "smtp; 552 5.2.2 mailbox full",
            .blocked = "smtp; 550 5.7.1 blocked",
            .blocked_now = "smtp; 450 4.7.1 try later",
            .deferred = "smtp; 450 4.0.0 try later",
        },
    [ISP_GMAIL] =
        {
            .name = "gmail",
            .readers = READERS_GMAIL,
            .network = "142.251",
            .accepted = "250 2.0.0 OK  \002 \001-4ed\001si\006.\006 - gsmtp",
            .no_such_user = "smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please look\\n"
                            "550-5.1.1 for typing errors and stray blanks in the address. More is at\\n"
                            "550 5.1.1  https://support.google.com/mail/?p=NoSuchUser \001si\006.\006 - gsmtp",
            .mailbox_full = "smtp; 452-4.2.2 The recipient's inbox is out of storage space and takes no mail now.\\n"
                            "452-4.2.2 Please tell the recipient to see\\n"
                            "452 4.2.2  https://support.google.com/mail/?p=OverQuotaTemp \001si\006 - gsmtp",
            .blocked = "smtp; 550-5.7.1 [\005      18] Gmail has found that this message is likely to be\\n"
                       "550-5.7.1 unsolicited mail. It has been blocked to protect our users. See\\n"
                       "550 5.7.1  https://support.google.com/mail/?p=UnsolicitedMessageError \001si\006 - gsmtp",
            .blocked_now = "smtp; 421-4.7.0 [\005      15] Our system sees much unsolicited mail from your address.\\n"
                           "421-4.7.0 It has been blocked for the time being. See\\n"
                           "421 4.7.0  https://support.google.com/mail/?p=UnsolicitedRateLimitError \001si\006 - gsmtp",
            .deferred = "smtp; 421-4.7.28 Gmail has detected an unusual rate of mail from [\005].\\n"
                        "421 4.7.28  It is limited for a while. \001si\006 - gsmtp",
        },
    [ISP_MICROSOFT] =
        {
            .name = "microsoft",
            .feedback = true,
            .readers = READERS_MICROSOFT,
            .network = "104.47",
            .accepted = "250 2.6.0 <\003@email.amazonses.com> [InternalId=\006\006\006\006\006, "
                        "Hostname=AM7EUR\006FT.eop-EUR\006.prod.protection.outlook.com] 18\006 bytes in 0.\006, "
                        "\006.\006 KB/sec Queued mail for delivery -> 250 2.1.5",
            .no_such_user = "smtp; 550 5.1.1 Requested action not taken: mailbox unavailable (S2017062302). "
                            "[BN8NAM11FT\006.eop-nam11.prod.protection.outlook.com \001]",
            .mailbox_full = "smtp; 452 4.2.2 Mailbox full [AM7EUR03FT\006.eop-EUR03.prod.protection.outlook.com]",
            .blocked = "smtp; 550 5.7.1 Messages from [\005] were not sent: part of their network is on our block list "
                       "(S3140). See http://mail.live.com/mail/troubleshooting.aspx#errors. "
                       "[AM7EUR03FT\006.eop-EUR03.prod.protection.outlook.com \001]",
            .blocked_now = "smtp; 451 4.7.650 The mail server [\005] has been temporarily rate limited due to IP "
                           "reputation (S775). [BN8NAM11FT\006.eop-nam11.prod.protection.outlook.com \001]",
            .deferred = "smtp; 451 4.7.500 Server busy. Please try again later from [\005]. (S77719) "
                        "[BN8NAM11FT\006.eop-nam11.prod.protection.outlook.com \001]",
        },
    [ISP_YAHOO] =
        {
            .name = "yahoo",
            .feedback = true,
            .readers = READERS_YAHOO,
            .network = "67.195",
            .accepted = "250 ok dirdel \006/\006",
            .no_such_user = "smtp; 550 5.1.1 Sorry, your message to \004 cannot be delivered: no such mailbox [\006]",
            .mailbox_full = "smtp; 552 1 Requested mail action aborted, mailbox not found or over quota (\006)",
            .blocked = "smtp; 553 5.7.1 [BL21] Connections are not taken from addresses on a block list: \005; see "
                       "https://senders.yahooinc.com/error-codes",
            .blocked_now = "smtp; 421 4.7.0 [TSS04] Messages from \005 deferred for user complaints or unexpected "
                           "volume - 4.16.55.1; see https://senders.yahooinc.com/error-codes",
            .deferred = "smtp; 421 4.7.0 [TSS04] Messages from \005 temporarily deferred - 4.16.55.1; see "
                        "https://senders.yahooinc.com/error-codes",
        },
    [ISP_APPLE] =
        {
            .name = "apple",
            .readers = READERS_APPLE,
            .network = "17.57",
            .accepted = "250 2.0.0 Ok: queued as \001",
            .no_such_user = "smtp; 550 5.1.1 <\004>: user does not exist",
            .mailbox_full = "smtp; 552 5.2.2 <\004>: user is over quota",
            .blocked = "smtp; 550 5.7.1 [CS01] Message rejected due to local policy. Please visit "
                       "https://support.apple.com/en-us/HT204137",
            .blocked_now = "smtp; 450 4.7.1 [HM08] Message from [\005] temporarily deferred: excessive volume",
            .deferred = "smtp; 450 4.7.1 [HM08] Message temporarily deferred: excessive volume",
        },
    [ISP_NAVER] =
        {
            .name = "naver",
            .network = "125.209",
            .accepted = "250 2.0.0 OK \001 - nsmtp",
            .no_such_user = "smtp; 550 5.1.1 \001 No such user - nsmtp",
            .mailbox_full = "smtp; 452 4.2.2 \001 Mailbox is full - nsmtp",
            .blocked = "smtp; 554 5.7.1 \001 The message from (\005) with the sending domain has been blocked - nsmtp",
            .blocked_now = "smtp; 421 4.3.2 \001 Your IP (\005) has been temporarily blocked - nsmtp",
            .deferred = "smtp; 421 4.3.2 \001 Too many sessions from your IP (\005) - nsmtp",
        },
    [ISP_KAKAO] =
        {
            .name = "kakao",
            .network = "211.231",
            .accepted = "250 2.0.0 \001 Message accepted for delivery",
            .no_such_user = "smtp; 550 5.1.1 <\004>... User Unknown",
            .mailbox_full = "smtp; 552 5.2.2 <\004>... Mailbox is full",
            .blocked = "smtp; 550 5.7.1 <\005>... Blocked by the receiver's spam policy",
            .blocked_now = "smtp; 421 4.7.1 <\005>... Too many connections, try again later",
            .deferred = "smtp; 451 4.7.1 <\004>... Please try again later",
        },
    [ISP_GMX_WEBDE] =
        {
            .name = "gmx_webde",
            .network = "212.227",
            .accepted = "250 Requested mail action okay, completed: id=1M\001-00\006",
            .no_such_user = "smtp; 550 5.1.1 Requested action not taken: mailbox unavailable. For explanation visit "
                            "https://postmaster.gmx.net/en/case?c=r0601&i=ip&v=\005",
            .mailbox_full = "smtp; 552 5.2.2 Requested mail action aborted: exceeded storage allocation. "
                            "Quota exceeded. The recipient mailbox is full.",
            .blocked = "smtp; 554 5.7.1 Transaction failed. Reject due to policy restrictions. For explanation visit "
                       "https://postmaster.gmx.net/en/case?c=hi&i=ip&v=\005",
            .blocked_now = "smtp; 421 4.7.0 Service not available. Many messages from \005. See "
                           "https://postmaster.gmx.net/en/case?c=r1601",
            .deferred = "smtp; 421 4.7.0 Service not available, closing transmission channel: too many connections",
        },
    [ISP_COMCAST] =
        {
            .name = "comcast",
            .feedback = true,
            .network = "96.102",
            .accepted = "250 2.0.0 \001 mail accepted for delivery",
            .no_such_user = "smtp; 550 5.1.1 Not our Customer",
            .mailbox_full = "smtp; 452 4.2.2 Mailbox full for <\004>",
            .blocked = "smtp; 554 5.7.1 BL000001 Blocked for spam. Please see "
                       "https://postmaster.comcast.net/smtp-error-codes.php#BL000001 for \005",
            .blocked_now = "smtp; 421 4.1.0 \005 Throttled - try again later. Please see "
                           "https://postmaster.comcast.net/smtp-error-codes.php#RL000001",
            .deferred = "smtp; 421 4.1.0 Throttled - try again later. Please see "
                        "https://postmaster.comcast.net/smtp-error-codes.php#RL000003",
        },
    [ISP_ORANGE] =
        {
            .name = "orange",
            .feedback = true,
            .network = "80.12",
            .accepted = "250 2.0.0 \001 mail accepted for delivery",
            .no_such_user = "smtp; 550 5.1.1 <\004> Adresse d au moins un destinataire invalide. Invalid recipient. "
                            "OFR_416 [416]",
            .mailbox_full = "smtp; 552 5.2.2 <\004> Boite du destinataire pleine. Recipient overquota. OFR_417 [417]",
            .blocked = "smtp; 554 5.7.1 Service refuse. Veuillez essayer plus tard. Service refused, please try later. "
                       "OFR_506 [506] \005",
            .blocked_now = "smtp; 421 4.7.1 Service refuse. Please try later. OFR004_104 [104] \005",
            .deferred = "smtp; 421 4.7.1 Trop de connexions, veuillez verifier votre configuration. Too many "
                        "connections, slow down. OFR004_104 [104]",
        },
    [ISP_MAILRU] =
        {
            .name = "mailru",
            .feedback = true,
            .network = "94.100",
            .accepted = "250 OK id=\001-\006",
            .no_such_user = "smtp; 550 5.1.1 Message was not accepted -- invalid mailbox. Local mailbox \004 is "
                            "unavailable: user not found",
            .mailbox_full = "smtp; 552 5.2.2 Message was not accepted: mailbox \004 is full",
            .blocked = "smtp; 550 5.7.1 Spam message rejected from \005. Please visit "
                       "http://help.mail.ru/notspam-support/id?c=\001",
            .blocked_now = "smtp; 451 4.7.1 Ratelimit exceeded for \005. Try again later.",
            .deferred = "smtp; 451 4.7.1 Try again later. http://help.mail.ru/mail-help/faq/deliveries",
        },
    [ISP_YANDEX] =
        {
            .name = "yandex",
            .network = "77.88",
            .accepted = "250 2.0.0 Ok: queued on mxfront\006.mail.yandex.net as \001",
            .no_such_user = "smtp; 550 5.1.1 No such user! \002-\001",
            .mailbox_full = "smtp; 552 5.2.2 Mailbox size limit exceeded \002-\001",
            .blocked = "smtp; 554 5.7.1 [2] Message rejected under suspicion of SPAM; "
                       "https://yandex.com/support/mail/spam/honest-mailers.html \002-\001",
            .blocked_now = "smtp; 451 4.7.1 Sorry, the service is currently unavailable. Please come back later.",
            .deferred = "smtp; 451 4.7.1 Sorry, the service is currently unavailable. Please come back later.",
        },
    [ISP_TENCENT] =
        {
            .name = "tencent",
            .network = "43.155",
            .accepted = "250 OK: queued as.",
            .no_such_user = "smtp; 550 5.1.1 The recipient may contain a non-existent account, please check the "
                            "recipient address. [\001 IP: \005]",
            .mailbox_full = "smtp; 552 5.2.2 The recipient's mailbox is full. [\001 IP: \005]",
            .blocked = "smtp; 550 5.7.1 Connection frequency limited or IP blocked. [\001 IP: \005]. "
                       "https://service.mail.qq.com/detail/122/57",
            .blocked_now = "smtp; 451 4.7.1 Connection frequency limited [\001 IP: \005]. "
                           "https://service.mail.qq.com/detail/122/72",
            .deferred = "smtp; 451 4.7.1 Connection frequency limited [\001 IP: \005].",
        },
    [ISP_NETEASE] =
        {
            .name = "netease",
            .network = "220.181",
            .accepted = "250 Mail OK queued as gzga-mx-mtada-g0-\006,\001 \002",
            .no_such_user = "smtp; 550 5.1.1 User not found: \004",
            .mailbox_full = "smtp; 552 5.2.2 Quota exceeded or service disabled: \004",
            .blocked = "smtp; 554 5.7.1 DT:SPM 163 mx-\006,\001 \002 http://mail.163.com/help/help_spam_16.htm?ip=\005",
            .blocked_now = "smtp; 451 4.7.1 DT:SPM mx-\006,\001, please try again \002",
            .deferred = "smtp; 421 4.7.1 HL:ICC \002, try again later",
        },
    [ISP_DOCOMO] =
        {
            .name = "docomo",
            .network = "203.138",
            .accepted = "250 Ok",
            .no_such_user = "smtp; 550 5.1.1 Unknown user \004",
            .mailbox_full = "smtp; 452 4.2.2 Insufficient storage for \004",
            .blocked = "smtp; 554 5.7.1 Access from \005 is refused",
            .blocked_now = "smtp; 450 4.7.1 Access from \005 is limited",
            .deferred = "smtp; 450 4.4.5 Service is busy",
        },
    [ISP_ITALIAONLINE] =
        {
            .name = "italiaonline",
            .feedback = true,
            .network = "213.209",
            .accepted = "250 2.0.0 \001 mail accepted for delivery",
            .no_such_user = "smtp; 550 5.1.1 <\004> recipient rejected - Indirizzo inesistente",
            .mailbox_full = "smtp; 552 5.2.2 <\004> mailbox full - Casella piena",
            .blocked = "smtp; 550 5.7.1 smtp-\006.iol.local smtp-\006 IP blacklisted by CSI. For remediation see "
                       "https://csi.cloudmark.com/reset-request/?ip=\005",
            .blocked_now = "smtp; 421 4.7.1 smtp-\006.iol.local Too many connections from \005",
            .deferred = "smtp; 421 4.7.1 smtp-\006.iol.local Too many connections, slow down",
        },
};
