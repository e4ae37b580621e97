#!/usr/bin/env python3
"""Tests of what the oracle makes of replies, domains and visitors, with counts worked out by hand."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import alerts
import hosted
import knowing
import ledger
import oracle
import reasons
import visitors
from ledger import DAY, HOUR, MINUTE
from test_oracle import NOON, OracleTest, at, book_of, bounce, click, delay, delivery, mail, open_, send

SECOND = 1000


class Plain(knowing.Knowledge):
    """Replies and user agents that say themselves what they tell."""

    def hint(self, reply, reporting_mta, remote_ip):
        return next((text for text in (reply, reporting_mta, remote_ip) if text), None)

    def reason(self, kind, provider, diagnostic, status, action, **facts):
        return status or "undetermined"

    @staticmethod
    def agent(kind, user_agent, address):
        return user_agent if user_agent in ("proxy", "machine") else "human"


def plain(*items, **options):
    return book_of(*items, knowledge=Plain(), **options)


def told(hint, to=("a@shop.example",), **more):
    """A delivery whose reply tells whose the domain is."""
    return delivery(to=to, fields={"smtpResponse": hint}, **more)


class DomainTest(OracleTest):
    def recipients(self, book, kind="send"):
        found = {}
        for (name, labels), number in book.samples.items():
            labels = dict(labels)
            if name == "ses_recipients_total" and labels["event_type"] == kind:
                found[labels["provider"]] = found.get(labels["provider"], 0) + number
        return found

    def to(self, *domains, **more):
        return send(to=[f"a@{domain}" for domain in domains], **more)

    def test_all_mail_of_the_domain(self):
        book = plain(self.to("shop.example"), told("zoho", time=2 * HOUR), self.to("shop.example", time=3 * HOUR),
                     self.to("else.example"))
        self.assertEqual(self.recipients(book), {"zoho": 2, "other": 1})
        self.check_type(book, "send", {"other": 2, "zoho": 1})      # cells: from the hint's hour on
        self.check_type(book, "delivery", {"zoho": 1})

    def test_from_the_hints_hour_on(self):
        book = plain(self.to("shop.example", time=-1), self.to("shop.example", time=0), told("zoho", time=HOUR - 1))
        self.check_type(book, "send", {"other": 1, "zoho": 1})

    def test_earliest_hint(self):
        for items in ((told("zoho", time=HOUR), told("gmail", time=HOUR - 1, message="m2")),
                      (told("gmail", time=HOUR - 1, message="m2"), told("zoho", time=HOUR)),
                      # at the same time: gmail is the table's first
                      (told("zoho", time=HOUR), told("gmail", time=HOUR, message="m2")),
                      (told("gmail", time=HOUR, message="m2"), told("zoho", time=HOUR))):
            self.assertEqual(self.recipients(plain(self.to("shop.example"), *items)), {"gmail": 1})

    def test_only_what_is_counted_tells(self):
        book = plain(self.to("shop.example"), told("zoho", time=2 * HOUR), told("gmail", time=-73 * HOUR))
        self.check_accounts(book, counted=2, late=1)
        self.assertEqual(self.recipients(book), {"zoho": 1})
        # the second text of the same delivery is none
        book = plain(self.to("shop.example"), told(""), told("zoho"))
        self.check_accounts(book, counted=2, duplicate=1)
        self.assertEqual(self.recipients(book), {"other": 1})

    def test_each_source(self):
        for item in (
            told("zoho"),
            delivery(to=["a@shop.example"], fields={"remoteMtaIp": "zoho"}),
            with_fields(bounce(to=["a@shop.example"]), "bounce", diagnosticCode="zoho"),
            with_fields(bounce(to=["a@shop.example"]), "bounce", reportingMTA="zoho"),
            with_fields(delay(to=["a@shop.example"]), "deliveryDelay", remoteMtaIp="zoho"),
            with_fields(delay(to=["a@shop.example"]), "deliveryDelay", diagnosticCode="zoho"),
        ):
            self.assertEqual(self.recipients(plain(self.to("shop.example"), item)), {"zoho": 1}, item)
        item = delivery(to=["a@shop.example"], fields={"reportingMTA": "zoho"})     # that is SES's own
        self.assertEqual(self.recipients(plain(self.to("shop.example"), item)), {"other": 1})

    def test_one_reply_for_several(self):
        book = plain(self.to("a.example", "b.example", "gmail.com"),
                     told("zoho", to=["x@a.example", "x@b.example", "x@gmail.com"]))
        self.assertEqual(self.recipients(book), {"zoho": 2, "gmail": 1})
        book = plain(self.to("a.example", "b.example"), told("zoho", to=["x@a.example"]))
        self.assertEqual(self.recipients(book), {"zoho": 1, "other": 1})

    def test_records(self):
        def provider(*domains):
            book = plain(self.to(*domains), told("zoho", to=["x@a.example", "x@b.example"], time=-HOUR))
            [key] = [key for key in book.cells() if key[1] == "send" and book.cells()[key][0]]
            return key[3]
        self.assertEqual(provider("a.example"), "zoho")
        self.assertEqual(provider("a.example", "A.example"), "zoho")
        self.assertEqual(provider("a.example", "b.example"), "other")
        self.assertEqual(provider("a.example", "gmail.com"), "multiple")
        self.assertEqual(provider("zoho.com", "a.example"), "multiple")
        self.assertEqual(provider("gmail.com"), "gmail")

    def test_opens_follow(self):
        book = plain(told("zoho"), open_(to=["a@shop.example"]), open_(to=["a@shop.example", "b@c.example"], message="m2"))
        self.assertEqual(self.recipients(book, "open"), {"zoho": 1, "other": 1})
        self.assertEqual(book.samples["ses_unique_opens_total", (
            ("agent", "human"), ("configuration_set", "set1"), ("provider", "zoho"))], 1)

    def test_never_in_the_complaint_rate(self):
        book = plain(told("yahoo"), delivery(to=["a@yahoo.com"], message="m2"))
        self.assertEqual(self.rates(book, "provider", ("yahoo", "", ""))["complaint"], (0, 1))
        self.assertEqual(self.rates(book, "provider", ("yahoo", "", ""))["open"], (0, 2))

    def test_off(self):
        book = plain(self.to("shop.example"), told("zoho"), is_learning=False)
        self.assertEqual(self.recipients(book), {"other": 1})

    def test_places(self):
        old, ledger.MAX_DOMAINS = ledger.MAX_DOMAINS, 2
        self.addCleanup(setattr, ledger, "MAX_DOMAINS", old)
        book = plain(*[self.to(f"{name}.example", message=name) for name in "abc"],
                     *[told("zoho", to=[f"x@{name}.example"], message=name) for name in "abc"])
        self.assertEqual(self.recipients(book), {"zoho": 2, "other": 1})

    def test_alerts_learn_by_the_hour(self):
        book = plain(self.to("shop.example", time=-HOUR), told("zoho"), self.to("shop.example", time=1))
        found = {key[2]: key[0] * MINUTE for key in book.hourly if key[5] == "n:send"}
        self.assertEqual(found, {"other": NOON - HOUR, "zoho": NOON})


def with_fields(record, place, **fields):
    """The record with more in its event, and of those of recipients in each of these."""
    for name, value in fields.items():
        holders = [record[place]]
        if name in ("diagnosticCode", "status", "action"):
            holders = record[place].get("bouncedRecipients") or record[place]["delayedRecipients"]
        for holder in holders:
            holder[name] = value
    return record


class ReasonTest(OracleTest):
    def test_counts(self):
        book = plain(with_fields(bounce(to=["a@gmail.com", "b@naver.com"]), "bounce", status="policy"),
                     with_fields(delay(), "deliveryDelay", status="network"),
                     bounce(message="m2", subtype="OnAccountSuppressionList"))
        found = {(name, dict(labels)["reason"], dict(labels)["provider"]): number
                 for (name, labels), number in book.samples.items() if "_reasons_" in name}
        self.assertEqual(found, {
            ("ses_bounce_reasons_total", "policy", "gmail"): 1, ("ses_bounce_reasons_total", "policy", "naver"): 1,
            ("ses_delay_reasons_total", "network", "gmail"): 1,
            ("ses_bounce_reasons_total", "undetermined", "gmail"): 1})


class VisitTest(OracleTest):
    def visits(self, *items, **options):
        """(metric without ses_ and _total, agent) -> number"""
        found = {}
        for (name, labels), number in plain(*items, **options).samples.items():
            if "agent" in dict(labels):
                key = name[4:-6], dict(labels)["agent"]
                found[key] = found.get(key, 0) + number
        return found

    def burst(self, *times, **more):
        return [click(time=time, link=f"https://example.org/{number}", **more) for number, time in enumerate(times)]

    def test_by_itself(self):
        self.assertEqual(self.visits(open_(), open_(agent="proxy"), open_(agent="machine"), click(), open_(time=1)), {
            ("opens", "human"): 2, ("opens", "proxy"): 1, ("opens", "machine"): 1, ("clicks", "human"): 1,
            ("unique_opens", "human"): 1, ("unique_opens", "proxy"): 1, ("unique_opens", "machine"): 1,
            ("unique_clicks", "human"): 1})

    def test_bursts(self):
        def clicks(*times):
            found = self.visits(*self.burst(*times))
            return found.get(("clicks", "machine"), 0), found.get(("clicks", "human"), 0)
        self.assertEqual(clicks(0, 500, 2000), (3, 0))
        self.assertEqual(clicks(0, 500, 2001), (0, 3))
        self.assertEqual(clicks(0, 0, 0), (3, 0))
        self.assertEqual(clicks(2000, 0, 500), (3, 0))                  # in any order
        self.assertEqual(clicks(0, 1000, 2000, 3000, 5001), (4, 1))
        self.assertEqual(clicks(0, 1999, 2000, 3998, 4000), (5, 0))     # 0 with the first three, 4000 with the last
        self.assertEqual(clicks(0, 1500, 3000, 4500), (0, 4))
        self.assertEqual(clicks(MINUTE - 1000, MINUTE, MINUTE + 1000), (3, 0))

    def test_same_link_is_no_burst(self):
        self.assertEqual(self.visits(*[click(time=time) for time in (0, 1, 2, 3)], click(time=4, link="two")),
                         {("clicks", "human"): 5, ("unique_clicks", "human"): 1})

    def test_messages_apart(self):
        items = [click(time=0, link="1"), click(time=1, link="2"), click(time=2, link="3", message="m2")]
        self.assertEqual(self.visits(*items)["clicks", "human"], 3)

    def test_opens_beside_a_burst(self):
        # The burst lasts from 5.0 to 6.0 s: stretches that hold it reach from 4.0 to 7.0 s.
        for time, agent in ((3999, "human"), (4000, "machine"), (5500, "machine"), (7000, "machine"), (7001, "human")):
            found = self.visits(*self.burst(5000, 5500, 6000), open_(time=time, agent="u"))
            self.assertEqual(found["opens", agent], 1, time)
        found = self.visits(*self.burst(5000, 5500, 6000), open_(time=5000, agent="proxy"))
        self.assertEqual(found["opens", "machine"], 1)
        found = self.visits(*self.burst(5000, 5500, 6000), open_(time=5000, message="m2"))
        self.assertEqual(found["opens", "human"], 1)

    def test_first_of_each_agent(self):
        book = plain(open_(time=MINUTE), open_(time=0), open_(time=2 * MINUTE, agent="proxy"), open_(message="m2"))
        found = {key[5]: key[0] - NOON // MINUTE for key in book.counts if key[5].startswith("open_") and key[0]}
        self.assertEqual(found, {"open_human": 0, "open_proxy": 2})
        self.assertEqual(sum(number for key, number in book.counts.items() if key[5] == "open_human"), 2)

    def test_a_machine_first(self):
        found = self.visits(*self.burst(0, 1, 2), click(time=MINUTE), click(time=2 * MINUTE))
        self.assertEqual(found, {("clicks", "machine"): 3, ("clicks", "human"): 2, ("unique_clicks", "machine"): 1,
                                 ("unique_clicks", "human"): 1})

    def days(self, *days, sent=0):
        """Unique opens of a message sent on a day, opened on these."""
        items = []
        for day in days:
            item = open_(time=day * DAY)
            item["mail"]["timestamp"] = at(sent * DAY)
            items.append(item)
        return self.visits(*items, now=NOON + 900 * DAY)["unique_opens", "human"]

    def test_memory(self):
        self.assertEqual(self.days(0, 1, 30, 62), 1)
        self.assertEqual(self.days(0, 63), 2)
        self.assertEqual(self.days(63, 64, 64), 2)  # its day is each time the event's
        self.assertEqual(self.days(62, 63), 2)
        self.assertEqual(self.days(5, 6, sent=7), 2)

    def test_before_the_period(self):
        items = [open_(time=-MINUTE), open_(time=MINUTE), open_(time=2 * MINUTE, message="m2")]
        found = self.visits(*items, since=NOON - HOUR, until=NOON + HOUR, period=NOON)
        self.assertEqual(found, {("opens", "human"): 2, ("unique_opens", "human"): 1})

    def test_rates(self):
        book = plain(delivery(to=["a@gmail.com", "b@gmail.com"]), delivery(to=["a@naver.com"], message="m2"),
                     open_(), open_(agent="proxy", message="m2"), *self.burst(0, 1, 2),
                     open_(to=["x@simulator.amazonses.com"], message="m3"))
        self.assertEqual({name: numbers for name, numbers in self.rates(book).items() if "open" in name or "click" in name}, {
            "open": (0, 3), "machine_open": (1, 3), "proxy_open": (1, 3), "click": (0, 3), "machine_click": (1, 3)})


class BasisTest(OracleTest):
    def numbers(self, book, rate, window, basis, scope="account", **labels):
        labels = {"provider": "", "configuration_set": "", "identity": ""} | labels
        found = {item["name"][9:]: item["value"] for item in oracle.make_metrics(book)
                 if item["labels"] == {"rate": rate, "window": window, "basis": basis, "scope": scope} | labels}
        return found.get("numerator", 0), found.get("denominator", 0)

    def test_sent(self):
        old = {"mail": mail(time=-2 * HOUR)}
        book = plain(send(time=-2 * HOUR), bounce() | old, send(message="m2"), bounce(message="m2", feedback="f2"))
        self.assertEqual(self.numbers(book, "bounce", "1h", "event"), (2, 1))
        self.assertEqual(self.numbers(book, "bounce", "1h", "sent"), (1, 1))
        self.assertEqual(self.numbers(book, "bounce", "24h", "sent"), (2, 2))

    def test_odd_send_times(self):
        for time in (at(MINUTE), ..., "yesterday", 5, None):    # later than the event, or none
            item = bounce() | {"mail": mail(timestamp=time)}
            book = plain(item, time_of_now())
            self.assertEqual(self.numbers(book, "bounce", "5m", "sent")[0], 1, time)

    def test_last_sends(self):
        items = [send(time=-number * MINUTE, message=str(number)) for number in range(10)]
        items.append(bounce(time=0) | {"mail": mail(time=-4 * MINUTE)})
        for last, expected in ((1, (0, 1)), (4, (0, 4)), (5, (1, 5)), (100, (1, 10))):
            book = plain(*items, last_sends=last)
            self.assertEqual(self.numbers(book, "bounce", f"last_{last}", "sent"), expected, last)

    def test_last_sends_of_each_series(self):
        items = [send(time=-number * MINUTE, message=str(number), to=[f"a@{'gmail.com' if number % 2 else 'naver.com'}"])
                 for number in range(10)]
        book = plain(*items, last_sends=2)
        for provider in ("gmail", "naver"):
            self.assertEqual(self.numbers(book, "bounce", "last_2", "sent", "provider", provider=provider), (0, 2))
        self.assertEqual(self.numbers(book, "bounce", "last_2", "event"), (0, 0))

    def test_whole_cells(self):
        # Within 185 minutes each minute is a cell; before that they are together in their hour's.
        for ago, first in ((184, 1), (185, 3)):
            book = plain(*[send(time=-(ago + more) * MINUTE, message=str(more)) for more in range(3)], time_of_now(),
                         last_sends=1, lateness=90 * HOUR)
            self.assertEqual(self.numbers(book, "bounce", "last_1", "sent"), (0, first), ago)

    def test_cells(self):
        watermark = NOON
        minute = NOON // MINUTE
        for ago, cell in ((0, (0, 0)), (184, (0, 184)), (185, (1, 4)), (842 * 60, (1, 842)), (842 * 60 + 1, (2, 35)),
                          (400 * 1440, (2, 400)), (400 * 1440 + 721, None)):
            self.assertEqual(ledger.cell_of(minute - ago, watermark), cell, ago)


def time_of_now():
    """A record that moves the watermark to noon and is in no rate of these tests."""
    return {"eventType": "Subscription", "mail": mail(message="now"), "subscription": {"timestamp": at()}}


class RuleTest(OracleTest):
    RULE = {"name": "High", "kind": "rate", "rate": "bounce", "scopes": ["account"], "window": 5, "above": 0.05,
            "min_volume": 10, "severity": "warning"}

    def incidents(self, rule, *items):
        base = NOON // 1000
        return [(item["provider"], (item["firedAt"] - base) // 60, item["numerator"], item["denominator"])
                for item in alerts.incidents(plain(*items), [rule])]

    def test_bounds(self):
        """Published for 5 of 50 (both sides, 95 %): 0.0435 and 0.2136; for 0 of 20: 0 and 0.1611."""
        for numerator, denominator, low, high in ((5, 50, 0.0435, 0.2136), (0, 20, 0, 0.1611), (20, 20, 0.8389, 1)):
            self.assertAlmostEqual(alerts.bound(numerator, denominator, 0.975, -1), low, 4)
            self.assertAlmostEqual(alerts.bound(numerator, denominator, 0.975, 1), high, 4)
        self.assertEqual((alerts.bound(0, 0, 0.95, -1), alerts.bound(0, 0, 0.95, 1)), (0, 1))

    def bounces(self, number, of, **more):
        return [send(to=[f"{n}@gmail.com" for n in range(of)], **more)] + \
            [bounce(to=[f"{n}@gmail.com"], feedback=str(n), **more) for n in range(number)]

    def test_confidence(self):
        """5 of 50 are 10 %; that it is 5 % at least is just not sure (4.95 %), for 6 of 50 it is."""
        sure = self.RULE | {"confidence": 0.95}
        self.assertEqual(self.incidents(self.RULE, *self.bounces(3, 50)), [("", 1, 3, 50)])
        self.assertEqual(self.incidents(sure, *self.bounces(5, 50)), [])
        self.assertEqual(self.incidents(sure, *self.bounces(6, 50)), [("", 1, 6, 50)])

    def test_below(self):
        rule = self.RULE | {"kind": "rate_below", "rate": "delivery", "below": 0.5}
        items = [send(to=[f"{n}@gmail.com" for n in range(20)])]
        good = [delivery(to=[f"{n}@gmail.com" for n in range(11)])]
        self.assertEqual(self.incidents(rule, *items), [("", 1, 0, 20)])
        self.assertEqual(self.incidents(rule, *items, *good), [])
        few = [delivery(to=[f"{n}@gmail.com" for n in range(8)])]
        self.assertEqual(self.incidents(rule, *items, *few), [("", 1, 8, 20)])
        self.assertEqual(self.incidents(rule | {"confidence": 0.95}, *items, *few), [])

    def test_sent(self):
        """Mail of noon that bounces four minutes later is an incident then; and of the mail of a later minute none."""
        rule = self.RULE | {"basis": "sent", "window": 5}
        items = self.bounces(0, 20) + [bounce(to=[f"{n}@gmail.com"], feedback=str(n), time=4 * MINUTE) for n in range(4)]
        self.assertEqual(self.incidents(rule, *items), [("", 5, 4, 20)])
        self.assertEqual(self.incidents(rule | {"window": 4}, *items), [])

    def test_learned_domains(self):
        rule = self.RULE | {"scopes": ["provider"]}
        def items(time):
            return [send(to=[f"{n}@shop.example" for n in range(20)], time=30 * MINUTE), told("zoho", time=time),
                    bounce(to=["1@shop.example"], time=30 * MINUTE, message="b")]
        self.assertEqual(self.incidents(rule, *items(59 * MINUTE)), [("zoho", 31, 1, 20)])
        self.assertEqual(self.incidents(rule, *items(60 * MINUTE)), [("other", 31, 1, 20)])


class ReputationTest(OracleTest):
    def test_states(self):
        for kind, numerator, denominator, expected in (
            ("bounce", 0, 0, ("unknown", None)),
            ("bounce", 0, 100, ("healthy", 5)),
            ("bounce", 4, 100, ("healthy", 1)),
            ("bounce", 5, 100, ("under_review", 5)),
            ("bounce", 5, 101, ("healthy", 1)),     # 5.05 are needed
            ("bounce", 9, 100, ("under_review", 1)),
            ("bounce", 10, 100, ("at_risk", None)),
            ("complaint", 0, 10, ("healthy", 1)),
            ("complaint", 1, 1000, ("under_review", 4)),
            ("complaint", 4, 1000, ("under_review", 1)),
            ("complaint", 5, 1000, ("at_risk", None)),
            ("complaint", 6, 7000, ("healthy", 1)),
            ("complaint", 7, 7000, ("under_review", 28)),
        ):
            self.assertEqual(oracle.reputation(kind, numerator, denominator), expected, (kind, numerator, denominator))

    def test_samples(self):
        book = plain(send(to=[f"{number}@gmail.com" for number in range(30)]), bounce(to=["1@gmail.com"]),
                     bounce(to=["2@gmail.com"], feedback="f2"), bounce(to=["3@gmail.com"], feedback="f3", kind="Transient"))
        found = {(item["name"], item["labels"].get("state")): item["value"] for item in oracle.make_metrics(book)
                 if item["name"].startswith("ses_reputation_") and item["labels"]["kind"] == "bounce"
                 and item["labels"]["scope"] == "configuration_set"}
        self.assertEqual(found, {("ses_reputation_ratio", None): 2 / 30, ("ses_reputation_state", "under_review"): 1,
                                 ("ses_reputation_to_next_threshold", None): 1})


class HostTest(OracleTest):
    def test_names(self):
        for text, names in (
            ("250 2.0.0 Ok", ["2.0.0"]),
            ("mx.a.example said: no", ["mx.a.example"]),
            ("[mx.a.example]:25 (b.example.) -c.example-", ["mx.a.example", "b.example", "c.example"]),
            ("<x@a.example> y@b.example@c.example d.example", ["d.example"]),
            ("see https://a.example/b.example?c.example d.example", ["d.example"]),
            ("a.example/b c.example\r\nd.example/", ["c.example"]),
            ("a.example/b\tc.example", ["c.example"]),
            ("a_b.example \u00fc.example", ["b.example"]),
            ("single word", []),
        ):
            self.assertEqual(list(hosted.names_in(text.encode().decode("latin-1"))), names, text)

    def test_hosts(self):
        for name, provider in (
            ("aspmx.l.google.com", "google_workspace"),
            ("ASPMX.L.GOOGLE.COM.", "google_workspace"),
            ("google.com", None),
            ("xgoogle.com", None),
            ("alt1.gmail-smtp-in.l.google.com", "gmail"),
            ("example-com.mail.protection.outlook.com", "microsoft_365"),
            ("mx1.ionos.com", None),
            ("mx00.ionos.com", "1and1"),
            ("mta.prodigy.net", "yahoo"),
            ("adsl-1.dsl.prodigy.net", None),
            ("x" * 240 + ".pphosted.com", "gateway"),
            ("x" * 240 + ".pphosted.com.", "gateway"),
            ("x" * 241 + ".pphosted.com", None),
        ):
            self.assertEqual(hosted.provider_of_host(name), provider, name)

    def test_find(self):
        for reply, reporting_mta, remote_ip, provider in (
            ("", "", "", None),
            ("250 2.0.0 OK 1762000000 d2e1a72fcca58-7b0 - gsmtp", "", "", "google_workspace"),
            ("250 ok dirdel", "", "", "yahoo"),
            ("250 OK DirDel", "", "", "yahoo"),
            ("mx.shop.example and then mx1.emailsrvr.com and x.pphosted.com", "", "", "rackspace"),
            ("- gsmtp mx1.emailsrvr.com", "", "", "rackspace"),     # names before phrases
            ("queue.dsl.prodigy.net mx1.emailsrvr.com", "", "", "rackspace"),
            ("a@mx1.emailsrvr.com", "dns; x.pphosted.com", "17.1.2.3", "gateway"),
            ("", "dns;x.pphosted.com", "", "gateway"),
            ("", "x.pphosted.com", "", "gateway"),
            ("", "dns; a8-23.smtp-out.amazonses.com", "17.1.2.3", "apple"),
            ("", "", "40.92.0.1", "microsoft_365"),
            ("", "", "2a01:111:f400::1", "microsoft_365"),
            ("", "", "40.91.255.255", None),
            ("", "", "here", None),
            ("", "", "::ffff:40.92.0.1", "microsoft_365"),
            ("", "", " 40.92.0.1", None),
            ("", "", "2a01:111:f400::1%1", None),
            ("", "dns;\v\fx.pphosted.com\t", "", "gateway"),
            ("", "\u212a" * 80 + ".pphosted.com", "", "gateway"),    # 253 bytes
            ("", "\u212a" * 81 + ".pphosted.com", "", None),
            ("see a.example/b\vmx1.emailsrvr.com", "", "", "rackspace"),
            # A company's is never Gmail.
            ("gmail-smtp-in.l.google.com", "", "", "google_workspace"),
            ("", "dns; x.olc.protection.outlook.com", "", "microsoft_365"),
            ("x" * 2047 + " mx1.emailsrvr.com", "", "", None),
            ("x" * 2030 + " mx1.emailsrvr.com", "", "", "rackspace"),
            ("x" * 2031 + " mx1.emailsrvr.com", "", "", None),      # .co
        ):
            self.assertEqual(hosted.find(reply, reporting_mta, remote_ip), provider, (reply[-40:], reporting_mta, remote_ip))

    def test_mx_table(self):
        path = self.write("mx", """
            # servers, the preferred one first
            a.example  mx.a.example mx1.emailsrvr.com x.pphosted.com
            B.Example. provider=ovh   ; what is known
            b.example  mx1.emailsrvr.com
            c.example  mx.c.example
            d.example.  300 IN MX 20 x.pphosted.com.
            d.example.  300 IN MX 10 mx.d.example.
            d.example.  300 IN MX 10 mx1.emailsrvr.com.
            d.example.  300 IN MX 10 x.pphosted.com.
            e.example.  300 IN CNAME x.pphosted.com.
            f.example.  IN MX 10 x.pphosted.com.
            g.example.  300 mx 10 x.pphosted.com.
            h.example.  MX 10\vx.pphosted.com.\f; what
            gmail.com   provider=ovh
            """)
        self.assertEqual(hosted.read_mx_table(path), {
            "a.example": "rackspace", "b.example": "ovh", "d.example": "rackspace", "gmail.com": "ovh",
            "f.example": "gateway", "g.example": "gateway", "h.example": "gateway"})
        known = knowing.Knowledge(path)
        self.assertEqual(known.whose("a.example"), ("rackspace", "a.example", None))
        self.assertEqual(known.whose("c.example"), ("other", "c.example", "c.example"))
        self.assertEqual(known.whose("gmail.com"), ("gmail", "gmail.com", None))
        self.assertEqual(known.whose(""), ("other", "", None))
        self.assertEqual(known.whose("\u00fc.example")[2], "xn--tda.example")
        # Mail of the table's domains counts as its provider's, and nothing is learned of it.
        items = [delivery(to=["x@a.example"], fields={"smtpResponse": "x.pphosted.com"})]
        book = book_of(*items, knowledge=known)
        self.check_type(book, "delivery", {"rackspace": 1})
        self.assertEqual(self.rates(book)["complaint"], (0, 1))

    def test_made_tables_are_read(self):
        rows = [(f"{name}.example", ["mx1.emailsrvr.com"]) for name in "abc"]
        hosted.write_mx_table(self.path("mx"), rows)
        self.assertEqual(set(hosted.read_mx_table(self.path("mx")).values()), {"rackspace"})


class RuleTableTest(OracleTest):
    """docs/reasons.md, with records made by hand."""

    def reason(self, diagnostic="", status="", provider="other", kind="bounce", rules=(), action="failed", **facts):
        if kind == "bounce":
            facts = {"bounce_type": "Permanent", "subtype": "General"} | facts
        return reasons.find([*rules, *reasons.built_in()], kind, provider, diagnostic, status, action, **facts)

    def test_order(self):
        for diagnostic, status, facts, reason in (
            ("550 5.1.1 user unknown", "5.1.1", {"subtype": "Suppressed"}, "suppressed"),
            ("550 5.1.1 user unknown", "5.1.1", {"subtype": "MailboxFull"}, "mailbox_full"),
            ("550 5.1.1 no", "5.2.2", {}, "invalid_recipient"),
            ("550 5.1.1 over quota", "", {}, "mailbox_full"),       # text before code
            ("550 no", "5.2.2", {}, "mailbox_full"),
            ("550 5.0.0 no", "5.2.2", {}, "mailbox_full"),
            ("552 no", "", {}, "mailbox_full"),
            ("552 5.7.1 no", "", {}, "policy"),
            ("552 mailbox unavailable", "", {}, "invalid_recipient"),   # weak words before the reply code
            ("552 5.7.1 mailbox unavailable", "", {}, "policy"),        # and behind codes
            ("552 mailbox unavailable", "5.7.1", {}, "policy"),
            ("550 no", "", {}, "undetermined"),
            ("", "", {}, "undetermined"),
            ("", "", {"bounce_type": "Transient", "action": ""}, "autoreply"),
            ("", "", {"bounce_type": "Transient"}, "undetermined"),
            ("", "", {"bounce_type": "Transient", "action": "", "subtype": "none"}, "autoreply"),
            ("", "", {"bounce_type": "Transient", "action": "", "subtype": "other"}, "undetermined"),
            ("", "", {"bounce_type": "Transient", "action": "", "subtype": "Undetermined"}, "undetermined"),
            ("550 mx1.antispamcloud.com no", "", {}, "undetermined"),
            ("550 5.7.1 mx1.antispamcloud.com no", "", {}, "policy"),
            ("550 no antispam", "", {}, "undetermined"),
            ("550 antispam it is", "", {}, "spam_content"),
            ("550 herbl", "", {}, "undetermined"),
            ("550 an rbl", "", {}, "reputation_block"),
            ("try again later", "4.0.0", {}, "rate_limited"),
            ("try again later", "5.0.0", {}, "undetermined"),
            ("550 no", "", {"bounce_type": "Transient", "action": ""}, "undetermined"),
            ("550 5.1.1 no", "", {"subtype": "General", "bounce_type": "Transient"}, "invalid_recipient"),
        ):
            self.assertEqual(self.reason(diagnostic, status, **facts), reason, (diagnostic, status, facts))

    def test_delays(self):
        for delay_type, diagnostic, reason in (
            ("MailboxFull", "451 4.7.1 greylisted", "mailbox_full"),
            ("SpamDetected", "", "reputation_block"),
            ("General", "451 4.7.1 greylisted", "rate_limited"),
            ("IPFailure", "", "reputation_block"),
            ("IPFailure", "451 4.2.2 no", "mailbox_full"),
            ("TransientCommunicationFailure", "", "network"),
            ("RecipientServerError", "451 no", "network"),
            ("InternalFailure", "", "undetermined"),
            ("none", "", "undetermined"),
        ):
            self.assertEqual(self.reason(diagnostic, kind="delivery_delay", delay_type=delay_type), reason, delay_type)

    def test_providers(self):
        self.assertEqual(self.reason("550 unknown user at end of DATA command", provider="docomo"), "policy")
        self.assertEqual(self.reason("550 unknown user at end of DATA command"), "invalid_recipient")
        self.assertEqual(self.reason("550 5.1.10 no", provider="microsoft"), "invalid_recipient")
        self.assertEqual(self.reason("550 5.1.10 no", provider="gmail"), "bad_domain")
        self.assertEqual(self.reason("421 4.7.1 unusual rate of unsolicited mail"), "rate_limited")
        self.assertEqual(self.reason("550 5.7.1 unusual rate of unsolicited mail"), "reputation_block")

    def test_reading(self):
        for diagnostic, status, code, text in (
            ("smtp; 550 5.1.1 No", (5, 1, 1), 550, "550 5.1.1 no"),
            ("smtp;550-5.1.1 One\r\n550-5.1.1 two  THREE\n550 5.1.1 four", (5, 1, 1), 550, "550-5.1.1 one two three four"),
            ("554 4.4.7 Message expired <421 4.4.0 no>", (4, 4, 0), 421, None),
            ("554 4.4.7 Message expired", (4, 4, 7), 554, None),
            ("550 5.0.0 no", (5, 0, 0), 550, None),
            ("250 2.1.5 then 550 5.2.1", (5, 2, 1), 550, None),
            ("connect to 192.5.1.1 failed", None, None, None),
            ("server 5.1.1.2 says", None, None, None),
            ("no code", None, None, "no code"),
            ("452 no", None, 452, None),
            ("x" * 4090 + " 5.1.1", (5, 1, 1), None, None),
            ("X-Mine ;\vsmtp; 550 no", None, 550, "550 no"),
            ("mine; 550 no", None, None, "mine; 550 no"),
            ("250 2.1.5 or 4.4.7", (4, 4, 7), 250, None),
            ("452 it says: 421 4.4.7 expired, and 5.1.1", (5, 1, 1), 452, None),
            ("554 (#5.1.1)", (5, 1, 1), 554, None),
            ("no 452\t#4.2.2", (4, 2, 2), 452, None),
            ("no 452 then 4.2.2", (4, 2, 2), None, None),
            ("mx.example SAID: 452 no", None, 452, None),
            ("Exim 4.2.2 or foo-4.2.2 or /4.2.2 or 4.8.1 or 4.2.2.no or 4.2.2@", None, None, None),
            ("550-one\n550\n550- 5.1.1\ttwo 550 three", (5, 1, 1), 550, "550-one two three"),
            ("550 one 550 two\n550-three\n5501", None, 550, "550 one 550 two three 5501"),
            ("550-one\n451-two", None, 550, "550-one 451-two"),
            ("x" * 4092 + " 5.1.1", None, None, None),
        ):
            reply = reasons.Reply(diagnostic)
            self.assertEqual((reply.status, reply.code), (status, code), diagnostic[-40:])
            if text is not None:
                self.assertEqual(reply.text, text)

    def test_patterns(self):
        for pattern, status, fits in (
            ("x.1.1", "4.1.1", True), ("x.1.1", "2.1.1", False), ("5.7.606-649", "5.7.606", True),
            ("5.7.606-649", "5.7.650", False), ("x.7.*", "5.7.9", True), ("4.4.4", "5.4.4", False),
        ):
            self.assertEqual(reasons.fits_code(pattern, reasons.parse_status(status)), fits, pattern)
        for pattern, code, fits in (("4xx", 421, True), ("4xx", 550, False), ("500-504", 504, True), ("55x", 550, True),
                                    ("500-504", 505, False), ("4xx", None, False)):
            self.assertEqual(reasons.fits_reply(pattern, code), fits, pattern)

    def test_own_rules(self):
        path = self.write("rules", """
            # ours
            policy  provider=gateway  "listed by" "Example-List"
            rate_limited  reply=4xx  "come   back"   # tomorrow
            auth_failed  code=5.7.777
            too_large  "she said \\"too long\\""
            """)
        rules = reasons.read_rules(path)
        for diagnostic, options, reason in (
            ("550 listed by the example-list", {"provider": "gateway"}, "policy"),
            ("550 listed by the example-list", {}, "undetermined"),
            ("451 come back", {}, "rate_limited"),
            ("551 come back", {}, "invalid_recipient"),
            ("550 5.7.777 over quota", {}, "auth_failed"),
            ("550 over quota", {"status": "5.7.777"}, "auth_failed"),
            ('550 she said "too long"', {}, "too_large"),
            ("550 5.7.777", {"subtype": "MailboxFull"}, "auth_failed"),     # before SES's subtype
            ("550 5.7.777", {"subtype": "Suppressed"}, "suppressed"),       # but not before its lists
        ):
            self.assertEqual(self.reason(diagnostic, rules=rules, **options), reason, diagnostic)

    def test_a_companys_provider(self):
        """The hint of the event itself, where no table knows the domain."""
        def counted(to):
            item = with_fields(bounce(to=[to]), "bounce", diagnosticCode="550 5.1.10 no x.olc.protection.outlook.com")
            return {dict(labels)["reason"] for name, labels in book_of(item).samples if name == "ses_bounce_reasons_total"}
        self.assertEqual(counted("a@shop.example"), {"invalid_recipient"})
        self.assertEqual(counted("a@gmail.com"), {"bad_domain"})


class VisitorTest(OracleTest):
    def test_agents(self):
        browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
        apple = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
        for user_agent, address, open_is, click_is in (
            (browser, "198.51.100.1", "human", "human"),
            ("", "", "human", "human"),
            ("curl/7.68.0", "", "machine", "machine"),
            ("CURL/7.68.0", "", "machine", "machine"),
            ("libcurl/7", "", "human", "human"),
            ("x curl/7", "", "machine", "machine"),
            ("x-curl/7", "", "human", "human"),
            ("Nokia (Java; U; MIDP-2.0)", "", "human", "human"),
            ("Java/1.8.0", "", "machine", "machine"),
            ("Microsoft Office  Existence Discovery", "", "human", "human"),
            ("Microsoft+Office Existence Discovery", "", "machine", "machine"),
            ("examplebot", "", "machine", "machine"),
            ("bots", "", "human", "human"),
            ("CUBOT P20", "", "human", "human"),
            ("Mozilla CUBOT/1 Googlebot/2.1", "", "human", "human"),
            ("CUBOT curl/7", "", "machine", "machine"),
            ("xcubot/1", "", "machine", "machine"),
            (browser[:-20] + " Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0", "", "machine", "machine"),
            ("Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 mozilla/5.0", "", "human", "human"),
            (browser, "40.92.0.9", "machine", "machine"),
            (browser, "2a01:111:f403::9", "machine", "machine"),
            (browser, "::ffff:40.92.0.9", "machine", "machine"),
            (browser, "209.222.82.255", "machine", "machine"),
            (browser, "209.222.83.0", "human", "human"),
            (browser, "66.249.64.1", "proxy", "human"),
            ("", "66.249.64.1", "machine", "machine"),
            (browser, "40.104.0.1", "proxy", "human"),
            ("", "40.104.0.1", "proxy", "human"),
            ("Mozilla (via ggpht.com GoogleImageProxy)", "", "proxy", "human"),
            ("YahooMailProxy; x", "", "proxy", "human"),
            ("Mozilla/5.0", "", "machine", "human"),
            ("mozilla/5.0", "", "human", "human"),
            (apple, "", "machine", "human"),
            (apple + " Mobile/15E148", "", "machine", "human"),
            (apple + " Mobile/", "", "human", "human"),
            (apple + " Version/17.0 Safari/605.1.15", "", "human", "human"),
            (apple.replace("Macintosh", "Windows"), "", "human", "human"),
            (apple, "66.249.64.1", "proxy", "human"),
            ("x" * 1024 + "spider", "", "human", "human"),
            ("x" * 1018 + "spider", "", "machine", "machine"),
            ("x" * 1019 + "spider", "", "human", "human"),
        ):
            found = tuple(visitors.find(kind, user_agent, address) for kind in ("open", "click"))
            self.assertEqual(found, (open_is, click_is), (user_agent[-60:], address))

    def test_examples(self):
        for _, makes, example in visitors.WORDS:
            agent = visitors.find("open", example, "")
            self.assertTrue(f"`{agent}`" in makes if agent != "human" else makes.startswith("not"), (makes, example))


if __name__ == "__main__":
    unittest.main()
