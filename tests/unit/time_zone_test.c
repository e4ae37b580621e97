/* core/time_zone, core/time_rule: offsets and local times as the zones' files have them, compared with a table that
 * Python's zoneinfo made; and files that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/time_rule.h"
#include "core/time_zone.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Seconds; 2000 to 2040: around changes, and anywhere. */
static const struct {
    const char *zone;
    int64_t utc;
    int32_t offset;
} offsets[] = {
    {"Europe/Berlin", 1162083599, 7200},        {"Europe/Berlin", 1162083600, 3600},
    {"Europe/Berlin", 1256432399, 7200},        {"Europe/Berlin", 1256432400, 3600},
    {"Europe/Berlin", 1427590799, 3600},        {"Europe/Berlin", 1427590800, 7200},
    {"Europe/Berlin", 1553993999, 3600},        {"Europe/Berlin", 1553994000, 7200},
    {"Europe/Berlin", 1743296399, 3600},        {"Europe/Berlin", 1743296400, 7200},
    {"Europe/Berlin", 1919293199, 7200},        {"Europe/Berlin", 1919293200, 3600},
    {"Europe/Berlin", 2234998799, 7200},        {"Europe/Berlin", 2234998800, 3600},
    {"Europe/Berlin", 1140173609, 3600},        {"Europe/Berlin", 1089524888, 7200},
    {"Europe/Berlin", 989241865, 7200},         {"America/New_York", 1067147999, -14400},
    {"America/New_York", 1067148000, -18000},   {"America/New_York", 1394348399, -18000},
    {"America/New_York", 1394348400, -14400},   {"America/New_York", 1541311199, -14400},
    {"America/New_York", 1541311200, -18000},   {"America/New_York", 1762063199, -14400},
    {"America/New_York", 1762063200, -18000},   {"America/New_York", 1994309999, -18000},
    {"America/New_York", 1994310000, -14400},   {"America/New_York", 2057209199, -18000},
    {"America/New_York", 2057209200, -14400},   {"America/New_York", 2235621599, -14400},
    {"America/New_York", 2235621600, -18000},   {"America/New_York", 2099196343, -14400},
    {"America/New_York", 1720304857, -14400},   {"America/New_York", 1540856253, -14400},
    {"Asia/Kolkata", 1317479045, 19800},        {"Asia/Kolkata", 1174711687, 19800},
    {"Asia/Kolkata", 1508723312, 19800},        {"Australia/Lord_Howe", 1004196599, 37800},
    {"Australia/Lord_Howe", 1004196600, 39600}, {"Australia/Lord_Howe", 1286033399, 37800},
    {"Australia/Lord_Howe", 1286033400, 39600}, {"Australia/Lord_Howe", 1333205999, 39600},
    {"Australia/Lord_Howe", 1333206000, 37800}, {"Australia/Lord_Howe", 1380986999, 37800},
    {"Australia/Lord_Howe", 1380987000, 39600}, {"Australia/Lord_Howe", 1475335799, 37800},
    {"Australia/Lord_Howe", 1475335800, 39600}, {"Australia/Lord_Howe", 1491058799, 39600},
    {"Australia/Lord_Howe", 1491058800, 37800}, {"Australia/Lord_Howe", 2233150199, 37800},
    {"Australia/Lord_Howe", 2233150200, 39600}, {"Australia/Lord_Howe", 1612082512, 39600},
    {"Australia/Lord_Howe", 1568683443, 37800}, {"Australia/Lord_Howe", 1746392889, 37800},
    {"Pacific/Apia", 1316872799, -39600},       {"Pacific/Apia", 1316872800, -36000},
    {"Pacific/Apia", 1380376799, 46800},        {"Pacific/Apia", 1380376800, 50400},
    {"Pacific/Apia", 1428155999, 50400},        {"Pacific/Apia", 1428156000, 46800},
    {"Pacific/Apia", 1459605599, 50400},        {"Pacific/Apia", 1459605600, 46800},
    {"Pacific/Apia", 1522504799, 50400},        {"Pacific/Apia", 1522504800, 46800},
    {"Pacific/Apia", 1569679199, 46800},        {"Pacific/Apia", 1569679200, 50400},
    {"Pacific/Apia", 1617458399, 50400},        {"Pacific/Apia", 1617458400, 46800},
    {"Pacific/Apia", 1328486289, 50400},        {"Pacific/Apia", 1477805220, 50400},
    {"Pacific/Apia", 1963707042, 46800},        {"Africa/Casablanca", 1212278399, 0},
    {"Africa/Casablanca", 1212278400, 3600},    {"Africa/Casablanca", 1348970399, 3600},
    {"Africa/Casablanca", 1348970400, 0},       {"Africa/Casablanca", 1557021599, 3600},
    {"Africa/Casablanca", 1557021600, 0},       {"Africa/Casablanca", 1587261599, 3600},
    {"Africa/Casablanca", 1587261600, 0},       {"Africa/Casablanca", 1590890399, 0},
    {"Africa/Casablanca", 1590890400, 3600},    {"Africa/Casablanca", 2080778399, 0},
    {"Africa/Casablanca", 2080778400, 3600},    {"Africa/Casablanca", 2233792799, 0},
    {"Africa/Casablanca", 2233792800, 3600},    {"Africa/Casablanca", 2175833146, 3600},
    {"Africa/Casablanca", 1616188993, 3600},    {"Africa/Casablanca", 2038406161, 3600},
    {"Europe/Dublin", 1332637199, 0},           {"Europe/Dublin", 1332637200, 3600},
    {"Europe/Dublin", 1521939599, 0},           {"Europe/Dublin", 1521939600, 3600},
    {"Europe/Dublin", 1774745999, 0},           {"Europe/Dublin", 1774746000, 3600},
    {"Europe/Dublin", 1806195599, 0},           {"Europe/Dublin", 1806195600, 3600},
    {"Europe/Dublin", 1824944399, 3600},        {"Europe/Dublin", 1824944400, 0},
    {"Europe/Dublin", 2153350799, 0},           {"Europe/Dublin", 2153350800, 3600},
    {"Europe/Dublin", 2234998799, 3600},        {"Europe/Dublin", 2234998800, 0},
    {"Europe/Dublin", 1915999645, 3600},        {"Europe/Dublin", 1293118161, 0},
    {"Europe/Dublin", 1447532088, 0},           {"America/Sao_Paulo", 982461599, -7200},
    {"America/Sao_Paulo", 982461600, -10800},   {"America/Sao_Paulo", 1036292399, -10800},
    {"America/Sao_Paulo", 1036292400, -7200},   {"America/Sao_Paulo", 1203213599, -7200},
    {"America/Sao_Paulo", 1203213600, -10800},  {"America/Sao_Paulo", 1255834799, -10800},
    {"America/Sao_Paulo", 1255834800, -7200},   {"America/Sao_Paulo", 1413687599, -10800},
    {"America/Sao_Paulo", 1413687600, -7200},   {"America/Sao_Paulo", 1518919199, -7200},
    {"America/Sao_Paulo", 1518919200, -10800},  {"America/Sao_Paulo", 1550368799, -7200},
    {"America/Sao_Paulo", 1550368800, -10800},  {"America/Sao_Paulo", 1548910529, -7200},
    {"America/Sao_Paulo", 2060954127, -10800},  {"America/Sao_Paulo", 2094776353, -10800},
    {"Asia/Tehran", 1016742599, 12600},         {"Asia/Tehran", 1016742600, 16200},
    {"Asia/Tehran", 1095708599, 16200},         {"Asia/Tehran", 1095708600, 12600},
    {"Asia/Tehran", 1206044999, 12600},         {"Asia/Tehran", 1206045000, 16200},
    {"Asia/Tehran", 1348169399, 16200},         {"Asia/Tehran", 1348169400, 12600},
    {"Asia/Tehran", 1490128199, 12600},         {"Asia/Tehran", 1490128200, 16200},
    {"Asia/Tehran", 1663788599, 16200},         {"Asia/Tehran", 1663788600, 12600},
    {"Asia/Tehran", 1833154569, 12600},         {"Asia/Tehran", 1381916634, 12600},
    {"Asia/Tehran", 1894051416, 12600},         {"Antarctica/Troll", 1477789199, 7200},
    {"Antarctica/Troll", 1477789200, 0},        {"Antarctica/Troll", 1509238799, 7200},
    {"Antarctica/Troll", 1509238800, 0},        {"Antarctica/Troll", 1667091599, 7200},
    {"Antarctica/Troll", 1667091600, 0},        {"Antarctica/Troll", 1761440399, 7200},
    {"Antarctica/Troll", 1761440400, 0},        {"Antarctica/Troll", 1824944399, 7200},
    {"Antarctica/Troll", 1824944400, 0},        {"Antarctica/Troll", 1982797199, 7200},
    {"Antarctica/Troll", 1982797200, 0},        {"Antarctica/Troll", 2234998799, 7200},
    {"Antarctica/Troll", 2234998800, 0},        {"Antarctica/Troll", 1641469243, 0},
    {"Antarctica/Troll", 1163536486, 0},        {"Antarctica/Troll", 1078991777, 0},
};
static const struct {
    const char *zone;
    int64_t local, utc;
} locals[] = {
    {"Europe/Berlin", 1162089000, 1162081800},       {"Europe/Berlin", 1162090800, 1162087200},
    {"Europe/Berlin", 1162087200, 1162080000},       {"Europe/Berlin", 1256437800, 1256430600},
    {"Europe/Berlin", 1256439600, 1256436000},       {"Europe/Berlin", 1256436000, 1256428800},
    {"Europe/Berlin", 1427596200, 1427590800},       {"Europe/Berlin", 1427598000, 1427590800},
    {"Europe/Berlin", 1427594399, 1427590799},       {"Europe/Berlin", 1553999400, 1553994000},
    {"Europe/Berlin", 1554001200, 1553994000},       {"Europe/Berlin", 1553997599, 1553993999},
    {"Europe/Berlin", 1743301800, 1743296400},       {"Europe/Berlin", 1743303600, 1743296400},
    {"Europe/Berlin", 1743299999, 1743296399},       {"Europe/Berlin", 1919298600, 1919291400},
    {"Europe/Berlin", 1919300400, 1919296800},       {"Europe/Berlin", 1919296800, 1919289600},
    {"Europe/Berlin", 2235004200, 2234997000},       {"Europe/Berlin", 2235006000, 2235002400},
    {"Europe/Berlin", 2235002400, 2234995200},       {"Europe/Berlin", 1140177209, 1140173609},
    {"Europe/Berlin", 1089532088, 1089524888},       {"Europe/Berlin", 989249065, 989241865},
    {"America/New_York", 1067131800, 1067146200},    {"America/New_York", 1067133600, 1067151600},
    {"America/New_York", 1067130000, 1067144400},    {"America/New_York", 1394332200, 1394348400},
    {"America/New_York", 1394334000, 1394348400},    {"America/New_York", 1394330399, 1394348399},
    {"America/New_York", 1541295000, 1541309400},    {"America/New_York", 1541296800, 1541314800},
    {"America/New_York", 1541293200, 1541307600},    {"America/New_York", 1762047000, 1762061400},
    {"America/New_York", 1762048800, 1762066800},    {"America/New_York", 1762045200, 1762059600},
    {"America/New_York", 1994293800, 1994310000},    {"America/New_York", 1994295600, 1994310000},
    {"America/New_York", 1994291999, 1994309999},    {"America/New_York", 2057193000, 2057209200},
    {"America/New_York", 2057194800, 2057209200},    {"America/New_York", 2057191199, 2057209199},
    {"America/New_York", 2235605400, 2235619800},    {"America/New_York", 2235607200, 2235625200},
    {"America/New_York", 2235603600, 2235618000},    {"America/New_York", 2099181943, 2099196343},
    {"America/New_York", 1720290457, 1720304857},    {"America/New_York", 1540841853, 1540856253},
    {"Asia/Kolkata", 1317498845, 1317479045},        {"Asia/Kolkata", 1174731487, 1174711687},
    {"Asia/Kolkata", 1508743112, 1508723312},        {"Australia/Lord_Howe", 1004235300, 1004196600},
    {"Australia/Lord_Howe", 1004236200, 1004196600}, {"Australia/Lord_Howe", 1004234399, 1004196599},
    {"Australia/Lord_Howe", 1286072100, 1286033400}, {"Australia/Lord_Howe", 1286073000, 1286033400},
    {"Australia/Lord_Howe", 1286071199, 1286033399}, {"Australia/Lord_Howe", 1333244700, 1333205100},
    {"Australia/Lord_Howe", 1333245600, 1333207800}, {"Australia/Lord_Howe", 1333243800, 1333204200},
    {"Australia/Lord_Howe", 1381025700, 1380987000}, {"Australia/Lord_Howe", 1381026600, 1380987000},
    {"Australia/Lord_Howe", 1381024799, 1380986999}, {"Australia/Lord_Howe", 1475374500, 1475335800},
    {"Australia/Lord_Howe", 1475375400, 1475335800}, {"Australia/Lord_Howe", 1475373599, 1475335799},
    {"Australia/Lord_Howe", 1491097500, 1491057900}, {"Australia/Lord_Howe", 1491098400, 1491060600},
    {"Australia/Lord_Howe", 1491096600, 1491057000}, {"Australia/Lord_Howe", 2233188900, 2233150200},
    {"Australia/Lord_Howe", 2233189800, 2233150200}, {"Australia/Lord_Howe", 2233187999, 2233150199},
    {"Australia/Lord_Howe", 1612122112, 1612082512}, {"Australia/Lord_Howe", 1568721243, 1568683443},
    {"Australia/Lord_Howe", 1746430689, 1746392889}, {"Pacific/Apia", 1316835000, 1316872800},
    {"Pacific/Apia", 1316836800, 1316872800},        {"Pacific/Apia", 1316833199, 1316872799},
    {"Pacific/Apia", 1380425400, 1380376800},        {"Pacific/Apia", 1380427200, 1380376800},
    {"Pacific/Apia", 1380423599, 1380376799},        {"Pacific/Apia", 1428204600, 1428154200},
    {"Pacific/Apia", 1428206400, 1428159600},        {"Pacific/Apia", 1428202800, 1428152400},
    {"Pacific/Apia", 1459654200, 1459603800},        {"Pacific/Apia", 1459656000, 1459609200},
    {"Pacific/Apia", 1459652400, 1459602000},        {"Pacific/Apia", 1522553400, 1522503000},
    {"Pacific/Apia", 1522555200, 1522508400},        {"Pacific/Apia", 1522551600, 1522501200},
    {"Pacific/Apia", 1569727800, 1569679200},        {"Pacific/Apia", 1569729600, 1569679200},
    {"Pacific/Apia", 1569725999, 1569679199},        {"Pacific/Apia", 1617507000, 1617456600},
    {"Pacific/Apia", 1617508800, 1617462000},        {"Pacific/Apia", 1617505200, 1617454800},
    {"Pacific/Apia", 1328536689, 1328486289},        {"Pacific/Apia", 1477855620, 1477805220},
    {"Pacific/Apia", 1963753842, 1963707042},        {"Africa/Casablanca", 1212280200, 1212278400},
    {"Africa/Casablanca", 1212282000, 1212278400},   {"Africa/Casablanca", 1212278399, 1212278399},
    {"Africa/Casablanca", 1348972200, 1348968600},   {"Africa/Casablanca", 1348974000, 1348974000},
    {"Africa/Casablanca", 1348970400, 1348966800},   {"Africa/Casablanca", 1557023400, 1557019800},
    {"Africa/Casablanca", 1557025200, 1557025200},   {"Africa/Casablanca", 1557021600, 1557018000},
    {"Africa/Casablanca", 1587263400, 1587259800},   {"Africa/Casablanca", 1587265200, 1587265200},
    {"Africa/Casablanca", 1587261600, 1587258000},   {"Africa/Casablanca", 1590892200, 1590890400},
    {"Africa/Casablanca", 1590894000, 1590890400},   {"Africa/Casablanca", 1590890399, 1590890399},
    {"Africa/Casablanca", 2080780200, 2080778400},   {"Africa/Casablanca", 2080782000, 2080778400},
    {"Africa/Casablanca", 2080778399, 2080778399},   {"Africa/Casablanca", 2233794600, 2233792800},
    {"Africa/Casablanca", 2233796400, 2233792800},   {"Africa/Casablanca", 2233792799, 2233792799},
    {"Africa/Casablanca", 2175836746, 2175833146},   {"Africa/Casablanca", 1616192593, 1616188993},
    {"Africa/Casablanca", 2038409761, 2038406161},   {"Europe/Dublin", 1332639000, 1332637200},
    {"Europe/Dublin", 1332640800, 1332637200},       {"Europe/Dublin", 1332637199, 1332637199},
    {"Europe/Dublin", 1521941400, 1521939600},       {"Europe/Dublin", 1521943200, 1521939600},
    {"Europe/Dublin", 1521939599, 1521939599},       {"Europe/Dublin", 1774747800, 1774746000},
    {"Europe/Dublin", 1774749600, 1774746000},       {"Europe/Dublin", 1774745999, 1774745999},
    {"Europe/Dublin", 1806197400, 1806195600},       {"Europe/Dublin", 1806199200, 1806195600},
    {"Europe/Dublin", 1806195599, 1806195599},       {"Europe/Dublin", 1824946200, 1824942600},
    {"Europe/Dublin", 1824948000, 1824948000},       {"Europe/Dublin", 1824944400, 1824940800},
    {"Europe/Dublin", 2153352600, 2153350800},       {"Europe/Dublin", 2153354400, 2153350800},
    {"Europe/Dublin", 2153350799, 2153350799},       {"Europe/Dublin", 2235000600, 2234997000},
    {"Europe/Dublin", 2235002400, 2235002400},       {"Europe/Dublin", 2234998800, 2234995200},
    {"Europe/Dublin", 1916003245, 1915999645},       {"Europe/Dublin", 1293118161, 1293118161},
    {"Europe/Dublin", 1447532088, 1447532088},       {"America/Sao_Paulo", 982452600, 982459800},
    {"America/Sao_Paulo", 982454400, 982465200},     {"America/Sao_Paulo", 982450800, 982458000},
    {"America/Sao_Paulo", 1036283400, 1036292400},   {"America/Sao_Paulo", 1036285200, 1036292400},
    {"America/Sao_Paulo", 1036281599, 1036292399},   {"America/Sao_Paulo", 1203204600, 1203211800},
    {"America/Sao_Paulo", 1203206400, 1203217200},   {"America/Sao_Paulo", 1203202800, 1203210000},
    {"America/Sao_Paulo", 1255825800, 1255834800},   {"America/Sao_Paulo", 1255827600, 1255834800},
    {"America/Sao_Paulo", 1255823999, 1255834799},   {"America/Sao_Paulo", 1413678600, 1413687600},
    {"America/Sao_Paulo", 1413680400, 1413687600},   {"America/Sao_Paulo", 1413676799, 1413687599},
    {"America/Sao_Paulo", 1518910200, 1518917400},   {"America/Sao_Paulo", 1518912000, 1518922800},
    {"America/Sao_Paulo", 1518908400, 1518915600},   {"America/Sao_Paulo", 1550359800, 1550367000},
    {"America/Sao_Paulo", 1550361600, 1550372400},   {"America/Sao_Paulo", 1550358000, 1550365200},
    {"America/Sao_Paulo", 1548903329, 1548910529},   {"America/Sao_Paulo", 2060943327, 2060954127},
    {"America/Sao_Paulo", 2094765553, 2094776353},   {"Asia/Tehran", 1016757000, 1016742600},
    {"Asia/Tehran", 1016758800, 1016742600},         {"Asia/Tehran", 1016755199, 1016742599},
    {"Asia/Tehran", 1095723000, 1095706800},         {"Asia/Tehran", 1095724800, 1095712200},
    {"Asia/Tehran", 1095721200, 1095705000},         {"Asia/Tehran", 1206059400, 1206045000},
    {"Asia/Tehran", 1206061200, 1206045000},         {"Asia/Tehran", 1206057599, 1206044999},
    {"Asia/Tehran", 1348183800, 1348167600},         {"Asia/Tehran", 1348185600, 1348173000},
    {"Asia/Tehran", 1348182000, 1348165800},         {"Asia/Tehran", 1490142600, 1490128200},
    {"Asia/Tehran", 1490144400, 1490128200},         {"Asia/Tehran", 1490140799, 1490128199},
    {"Asia/Tehran", 1663803000, 1663786800},         {"Asia/Tehran", 1663804800, 1663792200},
    {"Asia/Tehran", 1663801200, 1663785000},         {"Asia/Tehran", 1833167169, 1833154569},
    {"Asia/Tehran", 1381929234, 1381916634},         {"Asia/Tehran", 1894064016, 1894051416},
    {"Antarctica/Troll", 1477792800, 1477785600},    {"Antarctica/Troll", 1477796400, 1477796400},
    {"Antarctica/Troll", 1477789200, 1477782000},    {"Antarctica/Troll", 1509242400, 1509235200},
    {"Antarctica/Troll", 1509246000, 1509246000},    {"Antarctica/Troll", 1509238800, 1509231600},
    {"Antarctica/Troll", 1667095200, 1667088000},    {"Antarctica/Troll", 1667098800, 1667098800},
    {"Antarctica/Troll", 1667091600, 1667084400},    {"Antarctica/Troll", 1761444000, 1761436800},
    {"Antarctica/Troll", 1761447600, 1761447600},    {"Antarctica/Troll", 1761440400, 1761433200},
    {"Antarctica/Troll", 1824948000, 1824940800},    {"Antarctica/Troll", 1824951600, 1824951600},
    {"Antarctica/Troll", 1824944400, 1824937200},    {"Antarctica/Troll", 1982800800, 1982793600},
    {"Antarctica/Troll", 1982804400, 1982804400},    {"Antarctica/Troll", 1982797200, 1982790000},
    {"Antarctica/Troll", 2235002400, 2234995200},    {"Antarctica/Troll", 2235006000, 2235006000},
    {"Antarctica/Troll", 2234998800, 2234991600},    {"Antarctica/Troll", 1641469243, 1641469243},
    {"Antarctica/Troll", 1163536486, 1163536486},    {"Antarctica/Troll", 1078991777, 1078991777},
};

/* --- zones of the system ------------------------------------------------------------------------------------------ */

static struct time_zone *opened;
static const char *opened_name;

/* NULL when this system has no such zone. */
static const struct time_zone *zone_of(const char *name) {
    struct err err = {0};
    if (opened_name && strcmp(opened_name, name) == 0)
        return opened;
    time_zone_close(opened);
    opened = time_zone_open(name, &err);
    opened_name = name;
    return opened;
}

static int close_zone(void **state) {
    (void)state;
    time_zone_close(opened);
    opened = NULL;
    opened_name = NULL;
    return 0;
}

static bool has_zones(void) {
    return access("/usr/share/zoneinfo/Europe/Berlin", R_OK) == 0;
}

static void offsets_of_the_system(void **state) {
    (void)state;
    if (!has_zones())
        skip();
    for (size_t i = 0; i < COUNT(offsets); i++) {
        const struct time_zone *z = zone_of(offsets[i].zone);
        if (z && time_zone_offset(z, offsets[i].utc * 1000 + 999) != offsets[i].offset)
            fail_msg("%s at %lld: %d", offsets[i].zone, (long long)offsets[i].utc,
                     time_zone_offset(z, offsets[i].utc * 1000 + 999));
    }
}

static void local_times_of_the_system(void **state) {
    (void)state;
    if (!has_zones())
        skip();
    for (size_t i = 0; i < COUNT(locals); i++) {
        const struct time_zone *z = zone_of(locals[i].zone);
        if (z && time_zone_to_utc(z, locals[i].local * 1000) != locals[i].utc * 1000)
            fail_msg("%s shows %lld: %lld", locals[i].zone, (long long)locals[i].local,
                     (long long)time_zone_to_utc(z, locals[i].local * 1000));
    }
}

/* Every moment comes back, but for those that an autumn repeats. */
static void there_and_back(void **state) {
    (void)state;
    static const char *const names[] = {"UTC",          "+05:30",           "-08:00",       "Europe/Berlin",
                                        "Asia/Kolkata", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe"};
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct time_zone *z = zone_of(names[i]);
        int64_t before = INT64_MIN;
        for (int64_t s = 946684800; z && s < 2240611200; s += 40057) {
            int64_t local = s * 1000 + 123 + time_zone_offset(z, s * 1000) * (int64_t)1000;
            int64_t back = time_zone_to_utc(z, local);
            assert_true(back == s * 1000 + 123 || (back < s * 1000 && back > s * 1000 - 4 * 3600 * 1000));
            assert_true(back > before);
            before = back - 4 * 3600 * 1000;
        }
    }
}

/* --- names -------------------------------------------------------------------------------------------------------- */

static void names(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int32_t offset;
    } fixed[] = {{"UTC", 0}, {"Z", 0}, {"+00:00", 0}, {"+05:30", 19800}, {"-08:00", -28800}, {"+14:00", 50400}};
    static const char *const wrong[] = {
        "",       "Mars/Olympus", "/etc/passwd", "../../../etc/passwd", "+5",       "+05:60",    "+19:00", "+0530",
        "Europe", "Europe/",      "a//b",        "Europe/Berlin\n",     "zone.tab", "tzdata.zi", "+05:3x"};
    for (size_t i = 0; i < COUNT(fixed); i++) {
        struct err err = {0};
        struct time_zone *z = time_zone_open(fixed[i].name, &err);
        assert_non_null(z);
        assert_int_equal(time_zone_offset(z, 1795304070000), fixed[i].offset);
        assert_int_equal(time_zone_to_utc(z, 1795304070123), 1795304070123 - fixed[i].offset * (int64_t)1000);
        assert_int_equal(time_zone_to_utc(z, -1), -1 - fixed[i].offset * (int64_t)1000);
        time_zone_close(z);
    }
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct err err = {0};
        if (time_zone_open(wrong[i], &err))
            fail_msg("%s: is a zone", wrong[i]);
        assert_int_equal(err.code, ERR_CONFIG);
    }
    time_zone_close(NULL);
}

/* --- files -------------------------------------------------------------------------------------------------------- */

static void put32(struct buf *b, uint32_t n) {
    const char bytes[] = {(char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};
    buf_append(b, bytes, 4);
}

static void put64(struct buf *b, int64_t n) {
    put32(b, (uint32_t)((uint64_t)n >> 32));
    put32(b, (uint32_t)n);
}

struct change {
    int64_t at;
    unsigned type;
};

static void put_block(struct buf *b, bool wide, const struct change *changes, unsigned count, const int32_t *types,
                      unsigned type_count) {
    char zeros[16] = "2";
    buf_append_str(b, "TZif");
    buf_append(b, zeros, 16);
    const uint32_t counts[] = {0, 0, 0, count, type_count, 4};
    for (int i = 0; i < 6; i++)
        put32(b, counts[i]);
    for (unsigned i = 0; i < count; i++)
        wide ? put64(b, changes[i].at) : put32(b, (uint32_t)changes[i].at);
    for (unsigned i = 0; i < count; i++)
        buf_append_char(b, (char)changes[i].type);
    for (unsigned i = 0; i < type_count; i++) {
        put32(b, (uint32_t)types[i]);
        buf_append(b, "\0\0", 2);
    }
    buf_append(b, "ABC\0", 4);
}

static struct time_zone *make(const struct change *changes, unsigned count, const char *footer, struct buf *file) {
    static const int32_t types[] = {3600, 7200, -1800};
    struct err err = {0};
    buf_init(file, 1 << 20);
    put_block(file, false, NULL, 0, types, 1);
    put_block(file, true, changes, count, types, 3);
    buf_printf(file, "\n%s\n", footer);
    return time_zone_parse(buf_span(file), &err);
}

static void file_and_footer(void **state) {
    (void)state;
    static const struct change changes[] = {{1000000000, 2}, {1100000000, 1}, {1200000000, 0}};
    struct buf file;
    struct time_zone *z = make(changes, 3, "CET-1CEST,M3.5.0,M10.5.0/3", &file);
    assert_non_null(z);
    assert_int_equal(time_zone_offset(z, -5000), 3600);
    assert_int_equal(time_zone_offset(z, 999999999999), 3600);
    assert_int_equal(time_zone_offset(z, 1000000000000), -1800);
    assert_int_equal(time_zone_offset(z, 1100000000000), 7200);
    assert_int_equal(time_zone_offset(z, 1774745999999), 3600); /* 2026-03-29T00:59:59Z */
    assert_int_equal(time_zone_offset(z, 1774746000000), 7200);
    assert_int_equal(time_zone_offset(z, 1792889999999), 7200); /* 2026-10-25T00:59:59Z */
    assert_int_equal(time_zone_offset(z, 1792890000000), 3600);
    assert_int_equal(time_zone_to_utc(z, 1774751400000), 1774746000000); /* 02:30 is left out */
    assert_int_equal(time_zone_to_utc(z, 1792895400000), 1792888200000); /* 02:30 comes twice */
    assert_int_equal(time_zone_offset(z, INT64_MIN), 3600);
    (void)time_zone_offset(z, INT64_MAX);
    time_zone_close(z);
    buf_deinit(&file);
    z = make(changes, 3, "", &file); /* nothing is said of later times */
    assert_int_equal(time_zone_offset(z, 1774746000000), 3600);
    time_zone_close(z);
    buf_deinit(&file);
    z = make(NULL, 0, "<+0530>-5:30", &file);
    assert_int_equal(time_zone_offset(z, 1774746000000), 19800);
    time_zone_close(z);
    buf_deinit(&file);
}

/* Cut anywhere, or with any byte another: refused, or a zone that does no harm. */
static void damaged_files(void **state) {
    (void)state;
    static const struct change changes[] = {{1000000000, 2}, {1100000000, 1}};
    struct buf file;
    time_zone_close(make(changes, 2, "CET-1CEST,M3.5.0,M10.5.0/3", &file));
    for (size_t len = 0; len < file.len; len++) {
        struct err err = {0};
        char *copy = malloc(len + 1);
        memcpy(copy, file.data, len);
        assert_null(time_zone_parse((struct span){copy, len}, &err));
        free(copy);
    }
    for (size_t i = 0; i < file.len; i++)
        for (int byte = 0; byte < 256; byte += 51) {
            struct err err = {0};
            char kept = file.data[i];
            file.data[i] = (char)byte;
            struct time_zone *z = time_zone_parse(buf_span(&file), &err);
            file.data[i] = kept;
            for (int64_t ms = -1795304070000; z && ms < 4000000000000; ms += 700000000000) {
                int32_t offset = time_zone_offset(z, ms);
                assert_in_range(offset + 30 * 3600, 0, 60 * 3600);
                (void)time_zone_to_utc(z, ms);
            }
            time_zone_close(z);
        }
    buf_deinit(&file);
}

static void rules(void **state) {
    (void)state;
    static const char *const good[] = {"UTC0",
                                       "EST5EDT,M3.2.0,M11.1.0",
                                       "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1",
                                       "IST-1GMT0,M10.5.0,M3.5.0/1",
                                       "XXX3EDT4,0/0,J365/23",
                                       "NZST-12NZDT,M9.5.0,M4.1.0/3"};
    static const char *const wrong[] = {"",
                                        "UT0",
                                        "UTC",
                                        "UTC25",
                                        "EST5EDT",
                                        "EST5EDT,M3.2.0",
                                        "EST5EDT,M13.2.0,M11.1.0",
                                        "EST5EDT,M3.6.0,M11.1.0",
                                        "EST5EDT,M3.2.7,M11.1.0",
                                        "EST5EDT,J0,J9",
                                        "EST5EDT,366,1",
                                        "EST5EDT,M3.2.0/168,M11.1.0",
                                        "<+05-5",
                                        "UTC0 ",
                                        "UTC0:60"};
    struct time_rule r;
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(time_rule_parse((struct span){good[i], strlen(good[i])}, &r));
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (time_rule_parse((struct span){wrong[i], strlen(wrong[i])}, &r))
            fail_msg("%s: is a rule", wrong[i]);
    /* Days of the year, with and without a leap day. */
    assert_true(time_rule_parse(SPAN_LIT("AAA0BBB,J60/0,60/0"), &r));
    assert_int_equal(time_rule_start(&r, 2028), time_rule_days_to(2028, 3, 1) * 86400);
    assert_int_equal(time_rule_end(&r, 2028), time_rule_days_to(2028, 3, 1) * 86400 - 3600);
    assert_int_equal(time_rule_start(&r, 2027), time_rule_days_to(2027, 3, 1) * 86400);
    assert_int_equal(time_rule_end(&r, 2027), time_rule_days_to(2027, 3, 2) * 86400 - 3600);
    for (int64_t year = -400; year < 3000; year++) {
        assert_int_equal(time_rule_year_of(time_rule_days_to(year, 1, 1) * 86400), year);
        assert_int_equal(time_rule_year_of(time_rule_days_to(year, 12, 31) * 86400 + 86399), year);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(offsets_of_the_system, close_zone),
        cmocka_unit_test_teardown(local_times_of_the_system, close_zone),
        cmocka_unit_test_teardown(there_and_back, close_zone),
        cmocka_unit_test(names),
        cmocka_unit_test(file_and_footer),
        cmocka_unit_test(damaged_files),
        cmocka_unit_test(rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
