#include "parsers/visitors_builtin.h"

/* scripts/providers-doc makes the tables in docs/engagement.md from this file. */
const struct visitor_word visitor_words[] = {
    /* Tools and libraries. The slash keeps `java/` from the browsers of old telephones, `(Java; U; ...)`. */
    {WORD_MACHINE, " curl/", "curl/7.68.0"},
    {WORD_MACHINE, " wget/", "Wget/1.21.2"},
    {WORD_MACHINE, " java/", "Java/1.8.0_211"},
    {WORD_MACHINE, " okhttp/", "okhttp/4.9.3"},
    {WORD_MACHINE, "httpclient/", "Apache-HttpClient/4.5.13 (Java/11.0.16)"},
    {WORD_MACHINE, " ahc/", "AHC/2.1"},
    {WORD_MACHINE, "go-http-client/", "Go-http-client/1.1"},
    {WORD_MACHINE, "python-requests/", "python-requests/2.28.1"},
    {WORD_MACHINE, "python-urllib/", "Python-urllib/3.9"},
    {WORD_MACHINE, "python-httpx/", "python-httpx/0.24.0"},
    {WORD_MACHINE, " aiohttp/", "Python/3.9 aiohttp/3.8.1"},
    {WORD_MACHINE, "libwww-perl/", "libwww-perl/6.67"},
    {WORD_MACHINE, " axios/", "axios/1.4.0"},
    {WORD_MACHINE, "guzzlehttp/", "GuzzleHttp/7"},
    {WORD_MACHINE, "scrapy/", "Scrapy/2.8.0 (+https://scrapy.org)"},
    {WORD_MACHINE, "headlesschrome",
     "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "HeadlessChrome/120.0.0.0 Safari/537.36"},
    {WORD_MACHINE, "phantomjs/",
     "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) "
     "PhantomJS/2.1.1 Safari/538.1"},
    /* Crawlers and previews. */
    {WORD_MACHINE, "crawl", "Mozilla/5.0 (compatible; ExampleCrawler/1.0)"},
    {WORD_MACHINE, "spider", "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)"},
    {WORD_MACHINE, "preview",
     "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, like Gecko) "
     "BingPreview/1.0b"},
    {WORD_MACHINE, "facebookexternalhit", "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"},
    {WORD_MACHINE, "slackbot", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
    {WORD_MACHINE, "microsoft office existence discovery", "Microsoft Office Existence Discovery"},
    /* Filters of mail. */
    {WORD_MACHINE, "barracuda", "Mozilla/5.0 (X11; Linux x64) Barracuda Sentinel (EE)"},
    {WORD_MACHINE, "proofpoint", "Mozilla/5.0 (compatible; Proofpoint URL Defense)"},
    {WORD_MACHINE, "mimecast", "Mozilla/5.0 (compatible; Mimecast)"},
    /* A word that ends in `bot`. */
    {WORD_BOT, "bot/", "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"},
    {WORD_BOT, "bot ", "TelegramBot (like TwitterBot)"},
    {WORD_BOT, "bot-", "Googlebot-Image/1.0"},
    {WORD_NOT_BOT, " cubot",
     "Mozilla/5.0 (Linux; Android 9; CUBOT P20) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/96.0.4664.45 Mobile Safari/537.36"},
    /* Proxies of pictures. */
    {WORD_PROXY, "googleimageproxy",
     "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com "
     "GoogleImageProxy)"},
    {WORD_PROXY, "yahoomailproxy", "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"},
};
const size_t visitor_word_count = sizeof visitor_words / sizeof visitor_words[0];

const struct visitor_network visitor_networks[] = {
    {NETWORK_SCANNER, "Microsoft's filter (Safe Links, detonation)",
     "40.92.0.0/15 40.107.0.0/16 52.100.0.0/14 52.238.78.88/32 104.47.0.0/17 2a01:111:f400::/48 2a01:111:f403::/48"},
    {NETWORK_SCANNER, "Barracuda's filter",
     "209.222.82.0/24 3.24.133.128/25 15.222.16.128/25 35.157.190.224/27 18.185.115.192/26 18.184.203.224/27 "
     "13.200.136.128/25 35.176.92.96/27 18.133.136.96/27 18.133.136.128/26"},
    {NETWORK_GOOGLE, "Google's fetchers", "66.102.0.0/20 66.249.64.0/19 64.233.160.0/19"},
    {NETWORK_MICROSOFT_WEB, "Exchange Online's own servers",
     "40.96.0.0/13 40.104.0.0/15 52.96.0.0/14 132.245.0.0/16 23.103.160.0/20 150.171.32.0/22 2603:1006::/40 "
     "2603:1016::/36 2603:1026::/36 2603:1036::/36 2603:1046::/36 2603:1056::/36"},
};
const size_t visitor_network_count = sizeof visitor_networks / sizeof visitor_networks[0];
