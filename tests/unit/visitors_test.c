#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parsers/visitors.h"
#include "parsers/visitors_builtin.h"

static struct visitors *visitors;

static int open_visitors(void **state) {
    (void)state;
    visitors = visitors_create();
    return 0;
}

static int close_visitors(void **state) {
    (void)state;
    visitors_destroy(visitors);
    visitors_destroy(NULL);
    return 0;
}

#define WINDOWS "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
#define MAC     "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
#define PHONE   "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
#define HOME    "81.2.69.142"

enum { H = VISITOR_HUMAN, P = VISITOR_PROXY, M = VISITOR_MACHINE };

static const struct {
    const char *agent, *address;
    int open, click;
} cases[] = {
    /* People. */
    {WINDOWS "Chrome/141.0.0.0 Safari/537.36", HOME, H, H},
    {PHONE " Version/18.6 Mobile/15E148 Safari/604.1", HOME, H, H},
    {MAC " Version/17.1 Safari/605.1.15", HOME, H, H},
    {"Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Thunderbird/115.5.0", HOME, H, H},
    {"Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.5134; Pro)", HOME, H, H},
    {"Mozilla/4.0 (compatible; ms-office; MSOffice 16)", HOME, H, H},
    {"Mozilla/5.0 (Linux; Android 9; CUBOT_P20) AppleWebKit/537.36 Chrome/96.0 Mobile Safari/537.36", HOME, H, H},
    {"Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) AppleWebKit/537.36 Chrome/96.0 Mobile Safari/537.36", HOME, H, H},
    {"Mozilla/5.0 (Linux; U; Android 9; Cubot X19 Build/PPR1) AppleWebKit/533.1 Mobile Safari/533.1", HOME, H, H},
    {"UCWEB/2.0 (Java; U; MIDP-2.0; en-US; nokia) U2/1.0.0 UCBrowser/9.4.1.482 Mobile", HOME, H, H},
    {"Mozilla/5.0 (Robotics; Talbots; abbott) Chrome/96.0", HOME, H, H},
    {"", HOME, H, H},
    {"Amazon CloudFront", "130.176.1.1", H, H},
    {"", "not an address", H, H},
    {WINDOWS "Chrome/141.0.0.0 Safari/537.36", "", H, H},
    /* Clouds are probable, not certain. */
    {WINDOWS "Chrome/141.0.0.0 Safari/537.36", "34.64.1.1", H, H},
    {WINDOWS "Chrome/141.0.0.0 Safari/537.36", "67.231.152.7", H, H},
    /* Gmail. */
    {"Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "66.249.84.1", P, H},
    {"Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", HOME, P, H},
    {"Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0", "66.102.8.1", P, H},
    {WINDOWS "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0", "66.102.8.1", M, M},
    {WINDOWS "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0", HOME, M, M},
    {WINDOWS "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246", HOME, H, H},
    {"", "66.102.8.1", M, M},
    {"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "66.249.66.1", M, M},
    /* Yahoo. */
    {"YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", "98.139.1.1", P, H},
    /* Apple. */
    {"Mozilla/5.0", "104.28.1.1", M, H},
    {"Mozilla/5.0 ", HOME, H, H},
    {MAC, "104.28.1.1", M, H},
    {PHONE, HOME, M, H},
    {PHONE " Mobile/15E148", HOME, M, H},
    {PHONE " Mobile/15E148 OutlookMobile/4.2", HOME, H, H},
    {PHONE " Mobile/15E148 [FBAN/FBIOS]", HOME, H, H},
    {PHONE " CriOS/118.0 Mobile/15E148 Safari/604.1", HOME, H, H},
    {PHONE " Mobile/", HOME, H, H},
    {PHONE "Mobile/15E148", HOME, H, H},
    {PHONE " Mobile/15E148 Mobile/15E148", HOME, H, H},
    {"Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)", HOME, M, H},
    {"Mozilla/5.0 (iPod; CPU OS 12_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)", HOME, H, H},
    {"Mozilla/5.0 (Macintosh; (KHTML, like Gecko)", HOME, H, H},
    {"Mozilla/5.0 (Macintosh; AppleWebKit/1 (KHTML, like Gecko) (KHTML, like Gecko)", HOME, M, H},
    {MAC " ", HOME, H, H},
    {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko)", HOME, H, H},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", HOME, H, H},
    /* Outlook on the web loads pictures from Exchange's own servers, even under Apple's name. */
    {WINDOWS "Chrome/141.0.0.0 Safari/537.36", "40.97.1.1", P, H},
    {MAC, "52.97.1.1", P, H},
    {MAC, "2603:1026:c0d::5", P, H},
    /* Filters. */
    {WINDOWS "Chrome/79.0.3945.74 Safari/537.36 Edg/79.0.309.43", "40.107.1.1", M, M},
    {WINDOWS "Chrome/91.0.4472.124 Safari/537.36", "52.103.255.255", M, M},
    {WINDOWS "Chrome/91.0.4472.124 Safari/537.36", "52.238.78.88", M, M},
    {WINDOWS "Chrome/91.0.4472.124 Safari/537.36", "52.238.78.89", H, H},
    {WINDOWS "Chrome/91.0.4472.124 Safari/537.36", "2a01:111:f400:1::1", M, M},
    {WINDOWS "Chrome/91.0.4472.124 Safari/537.36", "::ffff:104.47.127.1", M, M},
    {WINDOWS "Chrome/91.0.4472.124 Safari/537.36", "209.222.82.9", M, M},
    {WINDOWS "Chrome/91.0.4472.124 Safari/537.36", "18.133.136.127", M, M},
    {WINDOWS "Chrome/91.0.4472.124 Safari/537.36", "18.133.136.95", H, H},
    {"Mozilla/5.0 (X11; Linux x64) Barracuda Sentinel (EE)", HOME, M, M},
    /* Tools. */
    {"HeadlessChrome/120.0.0.0", HOME, M, M},
    {"curl/7.68.0", HOME, M, M},
    {"CURL/8", HOME, M, M},
    {"Mozilla/5.0 curling/1.0 Firefox/100.0", HOME, H, H},
    {"Java/1.8.0_211", HOME, M, M},
    {"Mozilla/5.0 (compatible) Java/17", HOME, M, M},
    {"okhttp/4.9.3", HOME, M, M},
    {"Apache-HttpClient/UNAVAILABLE (java 1.4)", HOME, M, M},
    {"Slackbot 1.0 (+https://api.slack.com/robots)", HOME, M, M},
    {"LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)", HOME, M, M},
    {"Discordbot", HOME, M, M},
    {"(examplebot)", HOME, M, M},
    {"Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, like Gecko) BingPreview/1.0b", HOME, M, M},
    {"Mozilla/5.0 (compatible; bingbot/2.0) CUBOT", HOME, H, H}, /* doubt is for the person */
};

static void an_event_says_who_came(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct span agent = span_of(cases[i].agent), address = span_of(cases[i].address);
        int open = (int)visitors_find(visitors, EVENT_OPEN, agent, address);
        int click = (int)visitors_find(visitors, EVENT_CLICK, agent, address);
        if (open != cases[i].open || click != cases[i].click)
            fail_msg("%s from %s: open %d, click %d", cases[i].agent, cases[i].address, open, click);
    }
}

static void every_row_has_an_example_that_has_it(void **state) {
    (void)state;
    for (size_t i = 0; i < visitor_word_count; i++) {
        const struct visitor_word *word = &visitor_words[i];
        int wanted = word->kind == WORD_PROXY ? P : word->kind == WORD_NOT_BOT ? H : M;
        int found = (int)visitors_find(visitors, EVENT_OPEN, span_of(word->example), SPAN_LIT(HOME));
        if (found != wanted)
            fail_msg("%s: %d", word->example, found);
        /* The row itself: the bare word, which only a NOT_BOT lets pass. */
        char bare[128] = "";
        strcat(bare, word->text);
        assert_int_equal(visitors_find(visitors, EVENT_OPEN, span_of(bare), SPAN_LIT(HOME)), wanted);
    }
}

static void every_network_counts(void **state) {
    (void)state;
    static const int opens[] = {[NETWORK_SCANNER] = M, [NETWORK_GOOGLE] = P, [NETWORK_MICROSOFT_WEB] = P};
    for (size_t i = 0; i < visitor_network_count; i++) {
        for (const char *p = visitor_networks[i].networks; *p;) {
            size_t len = strcspn(p, "/"), word = strcspn(p, " ");
            assert_int_equal(visitors_find(visitors, EVENT_OPEN, SPAN_LIT("Firefox"), (struct span){p, len}),
                             opens[visitor_networks[i].kind]);
            p += word + (p[word] == ' ');
        }
    }
}

static void a_long_name_is_read_from_both_ends(void **state) {
    (void)state;
    static char agent[70000];
    memset(agent, ' ', sizeof agent);
    struct span all = {agent, sizeof agent}, nowhere = {NULL, 0};
    assert_int_equal(visitors_find(visitors, EVENT_OPEN, all, nowhere), VISITOR_HUMAN);
    static const char scan[] = "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0";
    memcpy(agent + sizeof agent - (sizeof scan - 1), scan, sizeof scan - 1);
    assert_int_equal(visitors_find(visitors, EVENT_CLICK, all, nowhere), VISITOR_MACHINE);
    memset(agent, ' ', sizeof agent);
    memcpy(agent + 1024, "curl/7", 6);
    assert_int_equal(visitors_find(visitors, EVENT_CLICK, all, nowhere), VISITOR_HUMAN);
    memcpy(agent + 1018, "curl/7", 6);
    assert_int_equal(visitors_find(visitors, EVENT_CLICK, all, nowhere), VISITOR_MACHINE);
    assert_int_equal(visitors_find(visitors, EVENT_CLICK, nowhere, nowhere), VISITOR_HUMAN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_says_who_came),
        cmocka_unit_test(every_row_has_an_example_that_has_it),
        cmocka_unit_test(every_network_counts),
        cmocka_unit_test(a_long_name_is_read_from_both_ends),
    };
    return cmocka_run_group_tests(tests, open_visitors, close_visitors);
}
