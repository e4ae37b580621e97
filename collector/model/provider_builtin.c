#include "model/provider_builtin.h"

/* Which company runs which mailboxes, from what providers and senders publish. A domain's most common endings stand
 * beside its pattern because a whole name is found faster. scripts/providers-doc makes the table in docs/providers.md
 * from this file. */
const struct provider_builtin provider_builtins[] = {
    /* Worldwide. */
    {"gmail", false, "gmail.com googlemail.com"},
    {"google_workspace", false, ""},
    {"microsoft", true,
     "hotmail.com hotmail.* live.com live.* outlook.com outlook.* msn.com windowslive.com livemail.tw"},
    {"microsoft_365", false, "onmicrosoft.com *.onmicrosoft.com"},
    /* AOL, AT&T's names, Verizon's, Cox's and Sky's are mailboxes at Yahoo. */
    {"yahoo", true,
     "yahoo.com yahoo.* ymail.com rocketmail.com myyahoo.com "
     "aol.com aol.* aim.com netscape.net compuserve.com cs.com wmconnect.com "
     "verizon.net cox.net sky.com "
     "att.net bellsouth.net sbcglobal.net pacbell.net swbell.net ameritech.net flash.net nvbell.net prodigy.net "
     "snet.net wans.net currently.com"},
    {"apple", false, "icloud.com me.com mac.com"},
    {"zoho", true, "zoho.com zoho.* zohomail.com zohomail.*"},
    {"fastmail", true, "fastmail.com fastmail.fm fastmail.*"},
    {"proton", false, "protonmail.com protonmail.ch proton.me pm.me"},

    /* North America. */
    {"comcast", true, "comcast.net"},
    {"charter", false, "charter.net spectrum.net bresnan.net rr.com *.rr.com"},
    {"centurylink", false, "centurylink.net embarqmail.com q.com"},
    {"earthlink", false, "earthlink.net mindspring.com ix.netcom.com"},
    {"optonline", false, "optonline.net"},
    {"canada", false, "shaw.ca rogers.com telus.net sympatico.ca bell.net videotron.ca sasktel.net cogeco.ca"},

    /* Korea. */
    {"naver", false, "naver.com navercorp.com"},
    {"kakao", false, "daum.net hanmail.net kakao.com"},
    {"nate", false, "nate.com empas.com lycos.co.kr cyworld.com"},
    {"kr_legacy", false,
     "korea.com dreamwiz.com paran.com hanmir.com empal.com freechal.com hanafos.com chol.com chollian.net hitel.net "
     "netian.com orgio.net yahoo.co.kr"},

    /* Japan. Yahoo Japan is another company with other rules. */
    {"yahoo_japan", false, "yahoo.co.jp ybb.ne.jp"},
    {"docomo", false, "docomo.ne.jp mopera.net"},
    {"au_kddi", false, "ezweb.ne.jp au.com ido.ne.jp"},
    {"softbank", false,
     "softbank.ne.jp i.softbank.jp disney.ne.jp d.vodafone.ne.jp h.vodafone.ne.jp t.vodafone.ne.jp c.vodafone.ne.jp "
     "r.vodafone.ne.jp k.vodafone.ne.jp n.vodafone.ne.jp s.vodafone.ne.jp q.vodafone.ne.jp pdx.ne.jp wm.pdx.ne.jp "
     "di.pdx.ne.jp dj.pdx.ne.jp dk.pdx.ne.jp"},
    {"jp_isp", false, "nifty.com biglobe.ne.jp ocn.ne.jp goo.jp iij4u.or.jp broba.cc"},

    /* China. */
    {"tencent", false, "qq.com vip.qq.com foxmail.com"},
    {"netease", false, "163.com 126.com yeah.net 188.com vip.163.com vip.126.com"},
    {"sina", false, "sina.com sina.cn"},
    {"sohu", false, "sohu.com"},
    {"aliyun", false, "aliyun.com"},

    /* Russia and Ukraine. */
    {"mailru", true, "mail.ru inbox.ru list.ru bk.ru corp.mail.ru internet.ru"},
    {"yandex", false, "yandex.ru yandex.com yandex.by yandex.kz yandex.ua ya.ru narod.ru"},
    {"rambler", false, "rambler.ru"},
    {"ukrnet", false, "ukr.net email.ua"},

    /* Germany. mail.com is the same company's, under many names. */
    {"gmx_webde", false,
     "gmx.de gmx.net gmx.at gmx.ch gmx.eu gmx.com gmx.* gmx.info web.de mail.com email.com post.com usa.com europe.com "
     "consultant.com engineer.com accountant.com techie.com cheerful.com dr.com myself.com iname.com writeme.com "
     "workmail.com linuxmail.org"},
    {"t_online", false, "t-online.de magenta.de"},
    {"freenet", false, "freenet.de"},
    {"vodafone_de", false, "vodafonemail.de arcor.de kabelmail.de"},
    {"1and1", false, "online.de"},

    /* France. */
    {"orange", true, "orange.fr wanadoo.fr"},
    {"free", false, "free.fr"},
    {"sfr", false, "sfr.fr neuf.fr club-internet.fr"},
    {"laposte", true, "laposte.net"},
    {"bbox", false, "bbox.fr"},

    /* Italy. */
    {"italiaonline", true, "libero.it iol.it blu.it inwind.it giallo.it virgilio.it"},
    {"tim", false, "tim.it alice.it tin.it"},
    {"fastweb", false, "fastwebnet.it"},
    {"tiscali", false, "tiscali.it"},
    {"aruba", false, "pec.it arubapec.it"},

    /* United Kingdom: BT, Virgin Media, TalkTalk. */
    {"uk", false,
     "btinternet.com btopenworld.com talk21.com virginmedia.com ntlworld.com blueyonder.co.uk virgin.net talktalk.net"},

    /* Netherlands and Belgium. Ziggo and Telenet are Liberty Global's. */
    {"kpn", false, "kpnmail.nl kpnplanet.nl planet.nl hetnet.nl xs4all.nl telfort.nl"},
    {"ziggo", true, "ziggo.nl home.nl chello.nl upcmail.nl casema.nl quicknet.nl"},
    {"proximus", false, "skynet.be proximus.be belgacom.net"},
    {"telenet", true, "telenet.be"},

    /* The rest of Europe. */
    {"seznam", true, "seznam.cz email.cz post.cz spoluzaci.cz"},
    {"centrum", false, "centrum.cz"},
    {"wp", false, "wp.pl"},
    {"onet", false, "onet.pl op.pl vp.pl poczta.onet.pl"},
    {"o2_pl", false, "o2.pl tlen.pl go2.pl"},
    {"abv", false, "abv.bg"},
    {"bluewin", false, "bluewin.ch bluemail.ch"},
    {"sapo", false, "sapo.pt meo.pt"},
    {"inbox_lv", false, "inbox.lv"},
    {"mail_ee", false, "mail.ee"},

    /* Elsewhere. */
    {"rediffmail", false, "rediffmail.com"},
    {"uol", false, "uol.com.br bol.com.br"},
    {"bigpond", false, "bigpond.com"},
    {"xtra", false, "xtra.co.nz"},

    /* Filters in front of others' mailboxes, and hosters: known by what a reply says, not by the domain. */
    {"gateway", false, ""},
    {"godaddy", false, ""},
    {"rackspace", true, ""},
    {"ovh", false, ""},
    {"gandi", true, ""},
    {"netvigator", false, "netvigator.com"},
};

const size_t provider_builtin_count = sizeof provider_builtins / sizeof provider_builtins[0];
