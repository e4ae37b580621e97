#include "parsers/hosted_builtin.h"

/* Words that only this service's servers say, and pages of help that only they name. A page that others quote too (of
 * block lists, of vendors whose lists anybody may ask) tells nothing and is not here. scripts/providers-doc makes the
 * tables in docs/providers.md from this file. */
const struct hosted_phrase hosted_phrases[] = {
    {"google_workspace", "- gsmtp"},
    {"google_workspace", "support.google.com/"},
    {"microsoft_365", "sender.office.com"},
    {"microsoft_365", "aka.ms/exo"},
    {"microsoft_365", "@messaging.microsoft.com"},
    {"microsoft_365", "sendersupport.olc.protection.outlook.com"},
    {"microsoft_365", "mail.live.com/mail/troubleshooting"},
    {"yahoo", "ok dirdel"},
    {"yahoo", "senders.yahooinc.com"},
    {"yahoo", "postmaster.yahooinc.com"},
    {"yahoo", "postmaster.yahoo.com/"},
    {"yahoo", "help.yahoo.com/"},
    {"apple", "support.apple.com/"},
    {"comcast", "postmaster.comcast.net/"},
    {"naver", "- nsmtp"},
    {"tencent", "service.mail.qq.com/"},
    {"tencent", "open.work.weixin.qq.com/"},
    {"netease", "mail.163.com/help"},
    {"mailru", "help.mail.ru/"},
    {"yandex", "yandex.com/support/"},
    {"yandex", "yandex.ru/support/"},
    {"gmx_webde", "postmaster.gmx."},
    {"gmx_webde", "postmaster.web.de/"},
    {"1and1", "postmaster.1und1.de/"},
    {"gateway", ".mimecast.lan"}, /* in the ids of Mimecast's answers */
    {"gateway", "community.mimecast.com/"},
};
const size_t hosted_phrase_count = sizeof hosted_phrases / sizeof hosted_phrases[0];

/* Networks in which nobody but the service itself runs mail servers: no cloud that is rented out. */
const struct hosted_networks hosted_networks[] = {
    {"google_workspace",
     "64.233.160.0/19 66.102.0.0/20 66.249.64.0/19 72.14.192.0/18 74.125.0.0/16 108.177.0.0/17 142.250.0.0/15 "
     "172.217.0.0/16 172.253.0.0/16 173.194.0.0/16 209.85.128.0/17 216.58.192.0/19 216.239.32.0/19 "
     "2001:4860:4000::/36 2404:6800:4000::/36 2607:f8b0:4000::/36 2800:3f0:4000::/36 2a00:1450:4000::/36 "
     "2c0f:fb50:4000::/36"},
    {"microsoft_365", "40.92.0.0/15 40.107.0.0/16 52.100.0.0/14 104.47.0.0/17 2a01:111:f400::/48 2a01:111:f403::/48"},
    {"yahoo", "67.195.0.0/16 74.6.0.0/16 98.136.0.0/14"},
    {"apple", "17.0.0.0/8"},
    {"gateway", "67.231.144.0/20 148.163.128.0/19 205.220.160.0/19 209.222.80.0/21"}, /* Proofpoint, Barracuda */
};
const size_t hosted_networks_count = sizeof hosted_networks / sizeof hosted_networks[0];
