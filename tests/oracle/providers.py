"""Which mailbox provider a recipient's domain belongs to.

A second table, written down apart from the collector's own: where the two disagree, one of them is wrong.
Names are the row names of the provider list, lower case, `_` for hyphens and blanks.
"""

import os
import re

SIMULATOR = "simulator"
OTHER = "other"
MULTIPLE = "multiple"

SIMULATOR_DOMAIN = "simulator.amazonses.com"

# provider -> domains, each matched as a whole.
DOMAINS = {
    "gmail": "gmail.com googlemail.com",
    "microsoft": "msn.com windowslive.com livemail.tw",
    "microsoft_365": "onmicrosoft.com",
    "yahoo": "yahoo.com ymail.com rocketmail.com myyahoo.com aol.com aim.com netscape.net compuserve.com cs.com "
             "wmconnect.com verizon.net cox.net sky.com "
             # AT&T's own names, run by Yahoo
             "att.net bellsouth.net sbcglobal.net pacbell.net swbell.net ameritech.net flash.net nvbell.net "
             "prodigy.net snet.net wans.net currently.com",
    "yahoo_japan": "yahoo.co.jp ybb.ne.jp",
    "apple": "icloud.com me.com mac.com",
    "comcast": "comcast.net",
    "charter": "charter.net spectrum.net bresnan.net rr.com",
    "centurylink": "centurylink.net embarqmail.com q.com",
    "earthlink": "earthlink.net mindspring.com ix.netcom.com",
    "optonline": "optonline.net",
    "canada": "shaw.ca rogers.com telus.net sympatico.ca bell.net videotron.ca sasktel.net cogeco.ca",
    "naver": "naver.com navercorp.com",
    "kakao": "daum.net hanmail.net kakao.com",
    "nate": "nate.com empas.com lycos.co.kr cyworld.com",
    "kr_legacy": "korea.com dreamwiz.com paran.com hanmir.com empal.com freechal.com hanafos.com chol.com "
                 "chollian.net hitel.net netian.com orgio.net yahoo.co.kr",
    "docomo": "docomo.ne.jp mopera.net",
    "au_kddi": "ezweb.ne.jp au.com ido.ne.jp",
    "softbank": "softbank.ne.jp i.softbank.jp disney.ne.jp pdx.ne.jp wm.pdx.ne.jp di.pdx.ne.jp dj.pdx.ne.jp "
                "dk.pdx.ne.jp " + " ".join(f"{region}.vodafone.ne.jp" for region in "dhtcrknsq"),
    "jp_isp": "nifty.com biglobe.ne.jp ocn.ne.jp goo.jp iij4u.or.jp broba.cc",
    "tencent": "qq.com vip.qq.com foxmail.com",
    "netease": "163.com 126.com yeah.net 188.com vip.163.com vip.126.com",
    "sina": "sina.com sina.cn",
    "sohu": "sohu.com",
    "aliyun": "aliyun.com",
    "mailru": "mail.ru inbox.ru list.ru bk.ru corp.mail.ru internet.ru",
    "yandex": "yandex.ru yandex.com yandex.by yandex.kz yandex.ua ya.ru narod.ru",
    "rambler": "rambler.ru",
    "ukrnet": "ukr.net email.ua",
    "gmx_webde": "web.de mail.com gmx.eu gmx.com gmx.net gmx.info "
                 # names that mail.com runs
                 "email.com post.com usa.com europe.com consultant.com engineer.com accountant.com techie.com "
                 "cheerful.com dr.com myself.com iname.com writeme.com workmail.com linuxmail.org",
    "t_online": "t-online.de magenta.de",
    "freenet": "freenet.de",
    "vodafone_de": "vodafonemail.de arcor.de kabelmail.de",
    "1and1": "online.de",
    "orange": "orange.fr wanadoo.fr",
    "free": "free.fr",
    "sfr": "sfr.fr neuf.fr club-internet.fr",
    "laposte": "laposte.net",
    "bbox": "bbox.fr",
    "italiaonline": "libero.it iol.it blu.it inwind.it giallo.it virgilio.it",
    "tim": "tim.it alice.it tin.it",
    "fastweb": "fastwebnet.it",
    "tiscali": "tiscali.it",
    "aruba": "pec.it arubapec.it",
    "uk": "btinternet.com btopenworld.com talk21.com virginmedia.com ntlworld.com blueyonder.co.uk virgin.net "
          "talktalk.net",
    "kpn": "kpnmail.nl kpnplanet.nl planet.nl hetnet.nl xs4all.nl telfort.nl",
    "ziggo": "ziggo.nl home.nl chello.nl upcmail.nl casema.nl quicknet.nl",
    "proximus": "skynet.be proximus.be belgacom.net",
    "telenet": "telenet.be",
    "seznam": "seznam.cz email.cz post.cz spoluzaci.cz",
    "centrum": "centrum.cz",
    "wp": "wp.pl",
    "onet": "onet.pl op.pl vp.pl poczta.onet.pl",
    "o2_pl": "o2.pl tlen.pl go2.pl",
    "abv": "abv.bg",
    "bluewin": "bluewin.ch bluemail.ch",
    "sapo": "sapo.pt meo.pt",
    "inbox_lv": "inbox.lv",
    "mail_ee": "mail.ee",
    "rediffmail": "rediffmail.com",
    "uol": "uol.com.br bol.com.br",
    "bigpond": "bigpond.com",
    "xtra": "xtra.co.nz",
    "netvigator": "netvigator.com",
    "proton": "protonmail.com protonmail.ch proton.me pm.me",
    SIMULATOR: SIMULATOR_DOMAIN,
}

# `name.*`: the name under any top-level domain, or under the commercial second level of a country.
# A public suffix is 2 or 3 letters, or one of a few second levels and a country.
_UNDER_ANY_TLD = _UNDER_A_COUNTRY = r"(?:[a-z]{2,3}|(?:co|com|net|org|ne|ac|or|go)\.[a-z]{2})"
PATTERNS = [
    ("microsoft", re.compile(rf"(?:hotmail|live|outlook)\.{_UNDER_ANY_TLD}")),
    ("microsoft_365", re.compile(r"(?:[^.]+\.)+onmicrosoft\.com")),
    ("charter", re.compile(r"(?:[^.]+\.)+rr\.com")),
    ("yahoo", re.compile(rf"yahoo\.{_UNDER_A_COUNTRY}")),
    ("yahoo", re.compile(rf"aol\.{_UNDER_ANY_TLD}")),
    ("gmx_webde", re.compile(rf"gmx\.{_UNDER_A_COUNTRY}")),
    ("zoho", re.compile(rf"(?:zoho|zohomail)\.{_UNDER_ANY_TLD}")),
    ("fastmail", re.compile(rf"fastmail\.{_UNDER_ANY_TLD}")),
]

# Who tells SES about complaints. Ziggo and Telenet belong to Liberty Global, which has a loop.
FEEDBACK_LOOP = frozenset("microsoft yahoo comcast fastmail italiaonline mailru laposte orange seznam zoho ziggo "
                          "telenet rackspace gandi".split())

# Where providers stand in the documentation's table: the first of two wins a tie.
PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "providers.md")


def section(page, begin, end):
    """The rows of a table between two marks of a page, without its two header lines; cells without their blanks."""
    with open(page, encoding="utf-8") as file:
        text = file.read()
    rows = text.split(f"<!-- {begin} -->")[1].split(f"<!-- {end} -->")[0].strip().splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))] for row in rows]


_RANKS = {cells[0].strip("`"): rank for rank, cells in enumerate(section(PAGE, "table: begin", "table: end"))}


def rank(provider):
    return _RANKS[provider]


_BY_DOMAIN = {domain: provider for provider, domains in DOMAINS.items() for domain in domains.split()}
_cache = {}


def to_ascii(domain):
    """Lower case; labels outside ASCII as A-labels (punycode, without the mappings of nameprep)."""
    if domain.isascii():
        return domain.lower()
    labels = []
    for label in domain.lower().split("."):
        if not label.isascii():
            try:
                label = "xn--" + label.encode("punycode").decode("ascii")
            except UnicodeError:
                pass
        labels.append(label)
    return ".".join(labels)


def provider_of(domain):
    """The provider of a recipient's domain; `other` when no row names it."""
    provider = _cache.get(domain)
    if provider is None:
        provider = _cache[domain] = _look_up(domain)
    return provider


def _look_up(domain):
    name = to_ascii(domain)
    if name.endswith("."):
        name = name[:-1]
    if name in _BY_DOMAIN:
        return _BY_DOMAIN[name]
    for provider, pattern in PATTERNS:
        if pattern.fullmatch(name):
            return provider
    return OTHER
