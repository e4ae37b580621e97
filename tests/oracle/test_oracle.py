#!/usr/bin/env python3
"""Tests of the oracle itself, on records written by hand with counts worked out by hand.

    python3 -m unittest discover -s tests/oracle
"""

import base64
import gzip
import json
import os
import random
import sys
import tempfile
import unittest
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import alerts
import ledger
import oracle
import providers
import reading
import records
from ledger import DAY, HOUR, MINUTE

NOW = records.parse_time("2026-11-10T00:00:00Z")
NOON = records.parse_time("2026-11-01T12:00:00Z")


def at(milliseconds=0):
    """A time, so long after noon of the first of November 2026."""
    seconds, milliseconds = divmod(NOON + milliseconds, 1000)
    return oracle.format_seconds(seconds)[:-1] + f".{milliseconds:03}Z"


def mail(to=("a@gmail.com",), time=0, message="m1", **more):
    made = {"timestamp": at(time), "messageId": message, "source": "Shop <news@Shop.Example>",
            "destination": list(to), "tags": {"ses:configuration-set": ["set1"]}}
    made.update(more)
    return {key: value for key, value in made.items() if value is not ...}


def send(**more):
    return {"eventType": "Send", "mail": mail(**more), "send": {}}


def delivery(to=("a@gmail.com",), time=0, fields=None, **more):
    event = {"timestamp": at(time), "recipients": list(to), "processingTimeMillis": 500}
    return {"eventType": "Delivery", "mail": mail(to=to, **more), "delivery": event | (fields or {})}


def bounce(to=("a@gmail.com",), time=0, kind="Permanent", subtype="General", feedback="f1", **more):
    event = {"timestamp": at(time), "bounceType": kind, "bounceSubType": subtype, "feedbackId": feedback,
             "bouncedRecipients": [{"emailAddress": address} for address in to]}
    return {"eventType": "Bounce", "mail": mail(to=to, **more), "bounce": event}


def complaint(to=("a@gmail.com",), time=0, feedback="f1", fields=None, **more):
    event = {"timestamp": at(time), "feedbackId": feedback,
             "complainedRecipients": [{"emailAddress": address} for address in to]}
    return {"eventType": "Complaint", "mail": mail(to=to, **more), "complaint": event | (fields or {})}


def delay(to=("a@gmail.com",), time=0, kind="MailboxFull", **more):
    event = {"timestamp": at(time), "delayType": kind,
             "delayedRecipients": [{"emailAddress": address} for address in to]}
    return {"eventType": "DeliveryDelay", "mail": mail(to=to, **more), "deliveryDelay": event}


def open_(time=0, agent="Mozilla/5.0", ip="192.0.2.1", **more):
    return {"eventType": "Open", "mail": mail(**more),
            "open": {"timestamp": at(time), "userAgent": agent, "ipAddress": ip}}


def click(time=0, link="https://example.org/", tags=None, **more):
    return {"eventType": "Click", "mail": mail(**more),
            "click": {"timestamp": at(time), "userAgent": "u", "ipAddress": "192.0.2.1", "link": link,
                      "linkTags": tags}}


def subscription(new, old=None, time=0, source="UnsubscribeHeader", contacts="list", **more):
    event = {"timestamp": at(time), "contactList": contacts, "source": source, "newTopicPreferences": new}
    if old is not None:
        event["oldTopicPreferences"] = old
    return {"eventType": "Subscription", "mail": mail(**more), "subscription": event}


def topics(*statuses, everything=False):
    return {"unsubscribeAll": everything,
            "topicSubscriptionStatus": [{"topicName": name, "subscriptionStatus": status} for name, status in statuses]}


def text_of(*items):
    """Lines: objects as JSON, strings as they are."""
    return "".join((item if isinstance(item, str) else json.dumps(item)) + "\n" for item in items)


def book_of(*items, **options):
    """A finished Ledger over records given as objects or lines; or over one text, given as text=."""
    text = options.pop("text", None)
    options.setdefault("now", NOW)
    book = ledger.Ledger(**options)
    book.read_text(text_of(*items) if text is None else text)
    book.finish()
    return book


class OracleTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as file:
            file.write(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)
        return self.path(name)

    def check_accounts(self, book, **expected):
        """Accounts not named must be 0; read is the sum."""
        expected = dict.fromkeys(ledger.ACCOUNTS, 0) | expected
        expected["read"] = sum(expected.values())
        self.assertEqual(book.accounts, expected)

    def check_type(self, book, kind, recipients):
        """recipients: provider -> recipients of that type."""
        found = {}
        for (_, name, _, provider), numbers in book.cells().items():
            if name == kind and numbers[1]:
                found[provider] = found.get(provider, 0) + numbers[1]
        self.assertEqual(found, recipients)

    def rates(self, book, by="account", key=("", "", "")):
        return ledger.rates_of(book.view(by)[key])

    def the_set(self, record):
        [key] = {key[2] for key in book_of(record).cells()}
        return key


class ReadingTest(OracleTest):
    def test_framings(self):
        lines = [json.dumps(send(message=f"m{number}")) for number in range(4)]
        wide = [json.dumps(send(message=f"m{number}"), indent=2) for number in range(4)]
        for text in (
            "\n".join(lines),
            "\r\n".join(lines) + "\r\n",
            "".join(lines),
            "\n".join(wide),
            "".join(wide),
            "[" + ",".join(lines) + "]",
            "[\n" + ",\n".join(wide) + "\n]\n",
            "\ufeff" + "\n\n \t\n".join(lines),
            "\x1e" + "\n\x1e".join(lines),
            "".join(lines[:2]) + "\n" + wide[2] + lines[3],
        ):
            self.check_accounts(book_of(text=text), counted=4)

    def test_folders_of_errors(self):
        with tempfile.TemporaryDirectory() as root:
            for folder in ("2026/11/21", "processing-failed/2026", "x=splunk-failed", "http-endpoint-failed2026", ".git"):
                os.makedirs(os.path.join(root, folder))
                open(os.path.join(root, folder, "a"), "w").close()
            listed = [os.path.relpath(path, root) for path in reading.list_objects([root])]
            self.assertEqual(listed, ["2026/11/21/a"])
            named = os.path.join(root, "processing-failed")
            self.assertEqual(reading.list_objects([named]), [os.path.join(named, "2026", "a")])

    def test_nothing(self):
        self.check_accounts(book_of(text=" \n[]\n,\r\n"))

    def test_truncated_line_costs_itself_only(self):
        line = json.dumps(send(message="m2"))
        for cut in (1, 5, 20, 60, len(line) // 2, len(line) - 5, len(line) - 1):
            book = book_of(send(message="m1"), line[:cut], send(message="m3"), send(message="m4"))
            self.check_accounts(book, counted=3, malformed=1)

    def test_truncated_at_the_end(self):
        self.check_accounts(book_of(text=text_of(send()) + '{"eventType":"Send","mail":{"mess'),
                            counted=1, malformed=1)

    def test_two_cut_strings_are_two(self):
        self.check_accounts(book_of('{"eventType":"Se', '{"eventType":"De', send()), counted=1, malformed=2)

    def test_garbage_lines(self):
        self.check_accounts(book_of("garbage here", send(), "}}}", "more"), counted=1, malformed=3)

    def test_scalars_are_values(self):
        self.check_accounts(book_of("123", '"text" null', send()), counted=1, malformed=3)

    def test_damage_side_by_side(self):
        first, second, third = (json.dumps(send(message=f"m{number}")) for number in range(3))
        self.check_accounts(book_of(text=first + second[:40] + third), counted=2, malformed=1)
        self.check_accounts(book_of(text=first + '{"mail" broken}' + third), counted=2, malformed=1)
        other = json.dumps({"own": 1} | send(message="m5"))
        self.check_accounts(book_of(text='{"mail":{"a":"b}' + "}" + other), counted=1, malformed=1)
        self.check_accounts(book_of(text='{"mail":{"a":"b' + other + "\n" + first), counted=1, malformed=1)
        self.check_accounts(book_of(text='{"mail":{"a":[}' + "}" + other), counted=1, malformed=1)

    def test_no_neighbour_is_swallowed(self):
        first, second, third = (json.dumps(send(message=f"m{number}")) for number in range(3))
        opened = first[:-1] + ',"unread":{"x":{"y":1}}'
        closed = second + "}"
        self.check_accounts(book_of(text=opened + closed + third), counted=2, malformed=2)
        self.check_accounts(book_of(opened, second, closed, third), counted=2, duplicate=1, malformed=2)
        unclosed = first[:-1] + ',"unread":"x}'
        self.check_accounts(book_of(text=unclosed + second + unclosed + third), counted=2, malformed=2)
        filler = ',"x":"' + "y" * 600_000 + '"}'
        self.check_accounts(book_of(text=opened + second[:-1] + filler + third[:-1] + filler + "}"),
                            counted=2, malformed=2)

    def test_damage_over_many_lines_is_one(self):
        wide = json.dumps(send(message="m2"), indent=1).replace('"mail": {', '"mail": {{')
        text = json.dumps(send()) + "\n" + wide + "\n" + json.dumps(send(message="m3"), indent=1)
        self.check_accounts(book_of(text=text), counted=2, malformed=1)

    def test_size(self):
        line = json.dumps(send())
        exact = line[:-1] + ',"x":"' + "y" * (reading.MAX_RECORD - len(line) - 7) + '"}'
        self.assertEqual(len(exact), 1 << 20)
        self.check_accounts(book_of(exact), counted=1)
        self.check_accounts(book_of(exact.replace("y", "yy", 1), send(message="m2")), counted=1, malformed=1)
        self.check_accounts(book_of(exact.replace("y", "\u00e9", 1)), malformed=1)

    def test_depth(self):
        for levels, account in ((63, "counted"), (64, "malformed")):
            for opener, closer in ("[]", ('{"a":', "}")):
                record = json.dumps(send())[:-1] + ',"x":' + opener * levels + "1" * (opener != "[") + \
                    closer * levels + "}"
                self.check_accounts(book_of(record), **{account: 1})
        self.check_accounts(book_of('{"a":' * 5000 + "1" + "}" * 5000, send()), counted=1, malformed=1)
        many = mail(headers=[{"name": "a", "value": "b"}] * 100)
        self.check_accounts(book_of({"eventType": "Send", "mail": many}), counted=1)

    def test_damage_in_unread_fields_costs_nothing(self):
        for damage in (r'"\ud800"', r'"\q"', r'"\u12"', '"\t\x01"', "12345678901234567890123", "1" * 5000, "tru", "01",
                       "{1:2}", '{"a" "b"}', '"\udcff\udcfe"', "NaN", '{"k":1,"k":2}', "[1,,2]", "foo bar"):
            line = json.dumps(send())
            for place in ('{"x":%s,' % damage + line[1:], line[:-1] + ',"x":%s}' % damage,
                          line.replace('"mail": {', '"mail": {"x":%s,' % damage)):
                self.check_accounts(book_of(place, send(message="m2")), counted=2)

    def test_keys_read_twice(self):
        line = json.dumps(send())
        self.check_accounts(book_of(line[:-1] + ',"eventType":"Send"}'), malformed=1)
        self.check_accounts(book_of(line.replace('"messageId"', '"messageId":"x","messageId"')), malformed=1)
        self.check_accounts(book_of(line.replace('"messageId"', '"message\\u0049d":"x","messageId"')), malformed=1)
        self.check_accounts(book_of(line[:-1] + ',"own":1,"own":2}'), counted=1)

    def test_compression_and_order(self):
        line = text_of(send())
        self.write("a/x.gz", gzip.compress(line.encode()) + gzip.compress(text_of(send(message="m2")).encode()))
        with zipfile.ZipFile(self.path("a/y.zip"), "w") as archive:
            archive.writestr("one", text_of(send(message="m3")))
            archive.writestr("two", text_of(send(message="m4")))
        whole = gzip.compress(os.urandom(0) + text_of(*[send(message=f"n{number}") for number in range(50)]).encode())
        self.write("a/cut.gz", whole[:-20])
        uuid = "-6dd4f6b3-0000-4000-8000-000000000000"
        self.write("b/z-1-2026-11-01-10-00-00" + uuid, line)
        self.write("a/a-1-2026-11-01-11-00-00" + uuid + ".gz", line)
        self.write("a/.hidden", line)
        found = [os.path.basename(path)[:26] for path in reading.list_objects([self.folder])]
        self.assertEqual(found, ["cut.gz", "x.gz", "y.zip", "z-1-2026-11-01-10-00-00-6d", "a-1-2026-11-01-11-00-00-6d"])
        self.assertEqual([reading.read_object(path)[0] for path in reading.list_objects([self.folder])][3:], [line] * 2)
        self.assertEqual(reading.read_object(self.path("a/x.gz")), [line + text_of(send(message="m2"))])
        self.assertEqual(len(reading.read_object(self.path("a/y.zip"))), 2)
        prefix = reading.read_object(self.path("a/cut.gz"))[0]
        self.assertTrue(len(prefix) > 50 and prefix.startswith('{"eventType"'))

    def test_damaged_gzip_keeps_its_prefix(self):
        content = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=200_000))
        data = bytearray(gzip.compress(content.encode()))
        for place in range(len(data) // 2, len(data) // 2 + 2000):
            data[place] ^= 0xFF
        prefix = reading.as_text(reading.gunzip(bytes(data)))
        self.assertGreater(len(prefix), 50_000)
        self.assertEqual(prefix[:80_000], content[:len(prefix[:80_000])])


class EnvelopeTest(OracleTest):
    def sns(self, message, **more):
        return {"Type": "Notification", "MessageId": "x", "Message": message} | more

    def firehose(self, text):
        return {"attemptsMade": 1, "rawData": base64.b64encode(text.encode()).decode()}

    def check(self, value, account):
        self.check_accounts(book_of(value), **{account: 1})

    def test_each(self):
        record = json.dumps(send())
        for value in (self.sns(record + "\n"), self.sns(send()), {"source": "aws.ses", "detail": send()},
                      self.firehose(record + "\n"), {"schema": {}, "payload": send()}, {"payload": record},
                      {"detail": self.sns(record)}):
            self.check(value, "counted")

    def test_record_comes_first(self):
        self.check(send() | {"Message": "text", "detail": {}, "payload": "x"}, "counted")

    def test_levels(self):
        value = send()
        for _ in range(3):
            value = {"payload": json.dumps(value)}
        self.check(value, "counted")
        self.check({"payload": value}, "malformed")
        self.check({"detail": value}, "malformed")

    def test_filtered(self):
        for value in ({"notificationType": "Received", "mail": {}}, self.sns("You have subscribed."), self.sns(""),
                      {"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "x"},
                      self.sns("Confirm", Type="SubscriptionConfirmation"),
                      self.sns("{", Type="UnsubscribeConfirmation"),
                      {"source": "aws.ses", "detail": {"version": "1"}}, {"detail": {"eventType": "Send"}},
                      self.sns(json.dumps({"notificationType": "Received"}))):
            self.check(value, "filtered")

    def test_malformed(self):
        for value in (
            {},
            {"a": 1},
            self.sns("{broken"),
            self.sns(None),
            self.sns('{"a":1}'),
            {"rawData": "%%%"},
            self.firehose("text"),
            {"payload": "text"},
            {"payload": None},
            {"detail": {"eventType": "Send", "mail": 1}},
            {"eventType": "Send"},
            {"mail": mail()},
            self.sns(json.dumps(send()) + "x"),
        ):
            self.check(value, "malformed")

    def test_several_in_raw_data(self):
        self.check(self.firehose(text_of(send(), send(message="m2"))), "counted")
        self.check(self.firehose(text_of("{}", send(message="m2"))), "malformed")


class FieldTest(OracleTest):
    def test_what_is_needed(self):
        for record in ({"eventType": 5, "mail": mail()}, {"eventType": "Send", "mail": None}, send(messageId=...),
                       send(messageId=""), send(messageId=7), send(timestamp=...), send(timestamp="yesterday"),
                       send(timestamp=1), send(to=[]), send(destination="a@gmail.com"), send(to=[1, None]),
                       {"eventType": "Bounce", "mail": mail()}, bounce(kind=None), bounce(kind=1),
                       delivery(fields={"timestamp": "x"}), delivery(fields={"timestamp": 1}),
                       {"eventType": "Reject", "mail": mail(to=[])}, delay(to=[]), bounce(to=[]),
                       {"eventType": "Rendering Failure", "mail": mail(to=[])}, delivery(to=[])):
            self.check_accounts(book_of(record), malformed=1)

    def test_what_is_not(self):
        for record in (send(source=..., tags=None), send(headers=5, tags={"ses:configuration-set": "x"}),
                       {"eventType": "Delivery", "mail": mail()}, {"eventType": "Open", "mail": mail(to=[])},
                       {"notificationType": "Bounce", "mail": mail(), "bounce": {"bounceType": "New"}},
                       {"eventType": "Complaint", "mail": mail(destination=...), "complaint": None},
                       delivery(timestamp="unreadable"), {"eventType": "New", "mail": mail(to=[])},
                       {"eventType": None, "notificationType": "Send", "mail": mail()}):
            self.check_accounts(book_of(record), counted=1)

    def test_times(self):
        second = records.parse_time("2017-08-05T00:41:02Z")
        self.assertEqual(second, 1501893662000)
        for text, milliseconds in (("2017-08-05T00:41:02.669Z", 669), ("2017-08-05T00:41:02.6Z", 600),
                                   ("2017-08-05T00:41:02.999999999Z", 999), ("2017-08-05T00:41:02 +0000", 0),
                                   ("2017-08-04T19:41:02.001-05:00", 1), ("2017-08-05 03:41:02.66999+03:00", 669),
                                   ("2017-08-05T00:41:02", 0)):
            self.assertEqual(records.parse_time(text), second + milliseconds, text)
        for text in ("", "2017-08-05", "2017-13-05T00:41:02Z", "2017-02-29T00:41:02Z", "2017-08-05T24:00:00Z",
                     "2017-08-05T00:41:60Z", "2017-08-05T00:41:02.Z", "2017-08-05T00:41:02.1234567890Z",
                     "2017-08-05T00:41:02Z ", "2017-08-05T00:41:02+25:00", "2017-08-05T00:41:0\u0662Z"):
            self.assertIsNone(records.parse_time(text), text)
        self.assertIsNotNone(records.parse_time("2016-02-29T00:00:00Z"))
        self.assertEqual(records.parse_time("1970-01-01T00:00:00Z"), 0)

    def test_which_time(self):
        def minute(record):
            [key] = book_of(record).cells()
            return key[0] - NOON // MINUTE

        self.assertEqual(minute(delivery(time=MINUTE, timestamp=at())), 1)
        self.assertEqual(minute({"eventType": "Delivery", "mail": mail(time=2 * MINUTE)}), 2)
        self.assertEqual(minute(delivery(fields={"timestamp": None})), 0)
        self.assertEqual(minute({"eventType": "Reject", "mail": mail(), "reject": {"timestamp": at(MINUTE)}}), 0)
        self.assertEqual(minute({"eventType": "New", "mail": mail(), "new": {"timestamp": at(MINUTE)}}), 0)

    def test_recipients(self):
        book = book_of(send(to=["a@gmail.com", " A Name <a@GMAIL.com>", "A@gmail.com", "b@naver.com", "c", 5]))
        self.check_type(book, "send", {"gmail": 2, "naver": 1, "other": 1})
        [numbers] = [numbers for key, numbers in book.cells().items() if key[3] == "multiple"]
        self.assertEqual(numbers, [1, 0])

    def test_recipients_fall_back_on_destination(self):
        record = bounce(to=["a@naver.com"])
        record["mail"]["destination"] = ["b@gmail.com", "c@gmail.com"]
        self.check_type(book_of(record), "bounce", {"naver": 1})
        record["bounce"]["bouncedRecipients"] = []
        self.check_type(book_of(record), "bounce", {"gmail": 2})
        del record["bounce"]["bouncedRecipients"]
        self.check_type(book_of(record), "bounce", {"gmail": 2})

    def test_once_per_event(self):
        two, mixed = ["a@gmail.com", "b@gmail.com"], ["a@gmail.com", "b@naver.com"]
        self.check_type(book_of(complaint(to=two)), "complaint", {"gmail": 1})
        self.check_type(book_of(complaint(to=mixed)), "complaint", {"multiple": 1})
        self.check_type(book_of(complaint(to=[])), "complaint", {"other": 1})
        self.check_type(book_of(open_(to=mixed)), "open", {"multiple": 1})
        self.check_type(book_of(click(to=two)), "click", {"gmail": 1})
        self.check_type(book_of(subscription(topics(), to=["x@simulator.amazonses.com"])), "subscription",
                        {"simulator": 1})
        self.check_type(book_of({"eventType": "New", "mail": mail(to=mixed)}), "unknown", {"gmail": 1, "naver": 1})
        self.check_type(book_of({"eventType": "New", "mail": mail(to=[])}), "unknown", {"other": 1})

    def test_configuration_set(self):
        def headers(*pairs):
            return [{"name": name, "value": value} for name, value in pairs]

        self.assertEqual(self.the_set(send()), "set1")
        both = headers(("X-Other", "no"), ("x-ses-CONFIGURATION-set", "h1"), ("X-SES-CONFIGURATION-SET", "h2"))
        self.assertEqual(self.the_set(send(headers=both)), "set1")
        self.assertEqual(self.the_set(send(headers=both, tags={})), "h1")
        self.assertEqual(self.the_set(send(tags=None)), "")
        for name, expected in (("x" * 128, "x" * 128), ("x" * 129, "invalid"), ("\u00e9" * 64, "\u00e9" * 64),
                               ("\u00e9" * 65, "invalid"), ("a\nb", "invalid"), ("a\x00", "invalid"),
                               ("\x7f", "invalid"), ("\ud800", "invalid")):
            self.assertEqual(self.the_set(send(tags={"ses:configuration-set": [name]})), expected)
        raw = json.dumps(send()).replace("set1", "se\udcff")
        self.assertEqual(self.the_set(raw), "invalid")

    def test_identity(self):
        def identity(**more):
            [key] = book_of(send(**more)).view("identity")
            return key[2]

        arn = "arn:aws:ses:us-east-1:1:identity/"
        self.assertEqual(identity(sourceArn=arn + "Example.ORG"), "example.org")
        self.assertEqual(identity(sourceArn=arn + "me@Example.ORG"), "*@example.org")
        self.assertEqual(identity(sourceArn="arn", tags={"ses:from-domain": ["From.example"]}), "from.example")
        self.assertEqual(identity(), "shop.example")
        self.assertEqual(identity(source=...), "")
        self.assertEqual(identity(sourceArn=arn + "x" * 129), "invalid")

    def test_tag(self):
        book = book_of(send(tags={"campaign": ["c1", "c2"]}), send(message="m2"), tag_names=["campaign"])
        rows = book.view("tag:campaign")
        self.assertEqual({key[2]: row["n:send"] for key, row in rows.items()}, {"c1": 1, "": 1})

    def test_providers(self):
        for domain, provider in (
            ("gmail.com", "gmail"),
            ("GoogleMail.COM", "gmail"),
            ("hotmail.co.jp", "microsoft"),
            ("live.jp", "microsoft"),
            ("outlook.com", "microsoft"),
            ("tenant.onmicrosoft.com", "microsoft_365"),
            ("yahoo.com.br", "yahoo"),
            ("yahoo.co.jp", "yahoo_japan"),
            ("yahoo.co.kr", "kr_legacy"),
            ("sbcglobal.net", "yahoo"),
            ("aol.de", "yahoo"),
            ("hanmail.net", "kakao"),
            ("t.vodafone.ne.jp", "softbank"),
            ("seznam.cz", "seznam"),
            ("web.de", "gmx_webde"),
            ("gmx.co.uk", "gmx_webde"),
            ("libero.it", "italiaonline"),
            ("t-online.de", "t_online"),
            ("simulator.amazonses.com", "simulator"),
            ("gmail.com.", "gmail"),
            ("notgmail.com", "other"),
            ("mail.gmail.com", "other"),
            ("", "other"),
            ("m\u00fcller.de", "other"),
            ("hotmail.example.org", "other"),
        ):
            self.assertEqual(providers.provider_of(domain), provider, domain)
        self.assertEqual(providers.to_ascii("M\u00dcLLER.de"), "xn--mller-kva.de")
        listed = [domain for domains in providers.DOMAINS.values() for domain in domains.split()]
        self.assertEqual(len(listed), len(set(listed)))


class OnceTest(OracleTest):
    def check_events(self, *items, **expected):
        self.check_accounts(book_of(*items), **expected)

    def test_same_record(self):
        self.check_events(send(), send(), counted=1, duplicate=1)
        self.check_events(send(), send(message="m2"), counted=2)

    def test_seconds_and_milliseconds(self):
        self.check_events(delivery(time=0), delivery(time=999), counted=1, duplicate=1)
        self.check_events(delivery(time=999), delivery(time=1000), counted=2)
        self.check_events(open_(time=0), open_(time=1), counted=2)
        self.check_events(click(time=0), click(time=1), counted=2)
        self.check_events(delay(time=0), delay(time=1), counted=2)
        self.check_events(complaint(time=0), complaint(time=1), counted=1, duplicate=1)

    def test_recipients(self):
        one, both = ["a@gmail.com"], ["a@gmail.com", "b@naver.com"]
        book = book_of(bounce(to=one), bounce(to=both), bounce(to=["b@NAVER.com"]), bounce(to=["A@gmail.com"]))
        self.check_accounts(book, counted=3, duplicate=1)
        self.check_type(book, "bounce", {"gmail": 2, "naver": 1})
        self.assertEqual(sum(numbers[0] for numbers in book.cells().values()), 3)
        self.check_events(complaint(to=one), complaint(to=both), counted=1, duplicate=1)

    def test_what_tells_events_apart(self):
        self.check_events(bounce(feedback="1"), bounce(feedback="2"), counted=2)
        self.check_events(complaint(feedback="1"), complaint(feedback="2"), counted=2)
        self.check_events(open_(agent="1"), open_(agent="2"), open_(ip="::1"), counted=3)
        self.check_events(click(link="1"), click(link="2"), click(link="1"), counted=2, duplicate=1)
        self.check_events(click(tags={"a": ["b"]}), click(tags={"a": ["c"]}), click(tags=None), counted=3)
        self.check_events(click(tags={"a": ["b"]}), click(tags={"a": ["b"]}), counted=1, duplicate=1)
        line = json.dumps(click(tags={"a": ["b"]}))
        self.check_events(line, line.replace('"a": [', '"a":['), counted=2)
        self.check_events(line, line.replace('"linkTags"', '"link\\u0054ags"'), counted=1, duplicate=1)
        self.check_events(line, json.dumps({"Message": line}), {"detail": json.loads(line)}, counted=1, duplicate=2)
        self.check_events(delay(kind="General"), delay(kind="MailboxFull"), counted=2)
        self.check_events(subscription(topics(), contacts="1"), subscription(topics(), contacts="2"),
                          subscription(topics(), contacts="1", source="x"), counted=3)
        self.check_events(*[{"eventType": name, "mail": mail()} for name in ("New", "Newer", "New")],
                          counted=2, duplicate=1)
        self.check_events(bounce(kind="Permanent"), bounce(kind="Transient"), counted=1, duplicate=1)

    def test_late(self):
        self.assertEqual(NOON % HOUR, 0)
        for time, account in ((-72 * HOUR, "counted"), (-72 * HOUR - 1, "late")):
            book = book_of(send(time=59 * MINUTE), send(message="m2", time=time))
            self.check_accounts(book, **({"counted": 2} if account == "counted" else {"counted": 1, "late": 1}))
        self.check_accounts(book_of(send(), send(message="m2", time=-2 * HOUR - 1), lateness=2 * HOUR),
                            counted=1, late=1)

    def test_future(self):
        now = NOON + HOUR
        self.check_accounts(book_of(send(time=HOUR + 5 * MINUTE), now=now), counted=1)
        book = book_of(send(time=HOUR + 5 * MINUTE + 1), send(message="m2"), now=now)
        self.check_accounts(book, counted=1, future=1)
        self.assertEqual(book.watermark, NOON)

    def test_order_of_the_questions(self):
        span = {"since": NOON, "until": NOON + HOUR}
        self.check_accounts(book_of(send(time=-1), send(time=0), send(message="m2", time=HOUR), **span),
                            counted=1, filtered=2)
        far = records.parse_time("2027-01-01T00:00:00Z") - NOON
        self.check_accounts(book_of(send(time=far), **span), filtered=1)
        self.check_accounts(book_of(send(time=far, to=[]), **span), malformed=1)
        old = send(time=-100 * HOUR)
        self.check_accounts(book_of(old, send(message="m2"), old), counted=2, late=1)

    def test_late_does_not_move_anything(self):
        book = book_of(send(), send(message="m2", time=-100 * HOUR), send(message="m3", time=-72 * HOUR))
        self.check_accounts(book, counted=2, late=1)
        self.assertEqual((book.first, book.watermark), (NOON - 72 * HOUR, NOON))


class RateTest(OracleTest):
    def test_basic(self):
        book = book_of(send(to=["a@gmail.com", "b@naver.com", "c@hotmail.com", "d@yahoo.com"]),
                       send(to=["x@simulator.amazonses.com"], message="m2"),
                       delivery(to=["a@gmail.com", "c@hotmail.com"]),
                       delivery(to=["x@simulator.amazonses.com"], message="m2"),
                       bounce(to=["b@naver.com"]), bounce(to=["x@simulator.amazonses.com"], message="m2"))
        self.assertEqual(self.rates(book), {
            "delivery": (2, 4), "bounce": (1, 4), "permanent_bounce": (1, 4), "transient_bounce": (0, 4),
            "reputation_bounce": (1, 4), "complaint": (0, 1), "delay": (0, 4), "reject": (0, 4),
            "rendering_failure": (0, 4), "unsubscribe": (0, 2), "open": (0, 2), "proxy_open": (0, 2),
            "machine_open": (0, 2), "click": (0, 2), "machine_click": (0, 2)})
        self.check_type(book, "send", {"gmail": 1, "naver": 1, "microsoft": 1, "yahoo": 1, "simulator": 1})
        self.assertEqual(self.rates(book, "provider", ("simulator", "", "")), {})
        self.assertEqual(self.rates(book, "provider", ("naver", "", ""))["bounce"], (1, 1))

    def test_bounces(self):
        kinds = [
            ("Permanent", "General"),
            ("Permanent", "Suppressed"),
            ("Permanent", "OnAccountSuppressionList"),
            ("Transient", "General"),
            ("Transient", "MailboxFull"),
            ("Undetermined", "Undetermined"),
            ("New", None),
        ]
        items = [bounce(kind=kind, subtype=subtype, feedback=str(number))
                 for number, (kind, subtype) in enumerate(kinds)]
        items += [bounce(to=["a@own.example"], feedback="own"), send(to=["a@gmail.com", "b@OWN.example"])]
        found = self.rates(book_of(*items, verified=["Own.Example"]))
        self.assertEqual(
            (found["bounce"], found["permanent_bounce"], found["transient_bounce"]), ((7, 2), (3, 2), (2, 2))
        )
        self.assertEqual(found["reputation_bounce"], (2, 1))

    def test_complaints(self):
        fields = [{}, {"complaintFeedbackType": "abuse"}, {"complaintFeedbackType": "not-spam"},
                  {"complaintSubType": "OnAccountSuppressionList"}, {"complaintSubType": None}]
        items = [complaint(feedback=str(number), fields=item) for number, item in enumerate(fields)]
        found = self.rates(
            book_of(*items, delivery(to=["a@gmail.com", "b@yahoo.com", "c@hotmail.de", "d@comcast.net"]))
        )
        self.assertEqual(found["complaint"], (3, 3))

    def test_first_delays(self):
        items = [send(to=["a@gmail.com", "b@gmail.com"]), delay(time=3 * MINUTE), delay(time=MINUTE),
                 delay(time=2 * MINUTE, to=["a@gmail.com", "b@gmail.com"]), delay(time=9 * MINUTE, message="m2")]
        for order in (items, items[::-1]):
            book = book_of(*order)
            self.assertEqual(self.rates(book)["delay"], (3, 2))
            minutes = {
                key[0] - NOON // MINUTE: number for key, number in book.counts.items() if key[5] == "first_delay"
            }
            self.assertEqual(minutes, {1: 1, 2: 1, 9: 1})
        for later, expected in ((4 * DAY, 1), (4 * DAY + 1, 2)):
            book = book_of(send(), delay(), delay(time=later))
            self.assertEqual(self.rates(book)["delay"], (expected, 1))

    def test_reject_and_rendering_failure(self):
        book = book_of(send(), {"eventType": "Reject", "mail": mail(to=["a@gmail.com", "b@gmail.com"])},
                       {"eventType": "Rendering Failure", "mail": mail(message="m2")})
        self.assertEqual((self.rates(book)["reject"], self.rates(book)["rendering_failure"]), ((2, 3), (1, 2)))
        book = book_of({"eventType": "Reject", "mail": mail()})
        self.assertEqual(self.rates(book), {"reject": (1, 1)})

    def test_changes(self):
        out, in_ = "OptOut", "OptIn"
        for new, old, change in (
                (topics(everything=True), None, "unsubscribe_all"),
                (topics(("t", in_), everything=True), topics(("t", out)), "unsubscribe_all"),
                (topics(("t", out)), topics(("t", in_)), "opt_out"), (topics(("t", out)), topics(("t", out)), "none"),
                (topics(("t", out)), None, "opt_out"), (topics(("t", out)), topics(("u", out)), "opt_out"),
                (topics(("t", in_)), topics(("t", out)), "opt_in"), (topics(("t", in_)), None, "opt_in"),
                (topics(("t", in_), ("u", out)), None, "opt_out"), (topics(), None, "none"), (None, None, "none"),
                ({"unsubscribeAll": "true"}, None, "none")):
            book = book_of(subscription(new, old), delivery())
            self.assertEqual(self.rates(book)["unsubscribe"], (int(change in ("opt_out", "unsubscribe_all")), 1))
            [labels] = [dict(labels) for (name, labels) in book.samples if name == "ses_subscription_changes_total"]
            self.assertEqual(labels, {"change": change, "source": "UnsubscribeHeader", "configuration_set": "set1"})

    def test_views(self):
        book = book_of(send(to=["a@gmail.com", "b@naver.com"]), send(message="m2", tags={}))
        report = oracle.make_report(book, ["provider", "configuration_set", "provider,configuration_set"], None)
        found = {by: [(row["provider"], row["configuration_set"], row["records"].get("send", 0),
                       row["recipients"].get("send", 0)) for row in rows] for by, rows in report["views"].items()}
        self.assertEqual(found, {
            "provider": [("gmail", "", 1, 2), ("multiple", "", 1, 0), ("naver", "", 0, 1)],
            "configuration_set": [("", "", 1, 1), ("", "set1", 1, 2)],
            "provider,configuration_set": [("gmail", "", 1, 1), ("gmail", "set1", 0, 1), ("multiple", "set1", 1, 0),
                                           ("naver", "set1", 0, 1)]})


class MetricsTest(OracleTest):
    def samples(self, *items, **options):
        found = {}
        for item in oracle.make_metrics(book_of(*items, **options)):
            labels = ",".join(f"{name}={value}" for name, value in item["labels"].items())
            found[f"{item['name']} {labels}"] = item["value"]
        return found

    def labels(self, metric, label, *items):
        return {dict(labels)[label]: number for (name, labels), number in book_of(*items).samples.items()
                if name == metric}

    def test_counters(self):
        found = self.samples(send(to=["a@gmail.com", "b@naver.com"]))
        self.assertEqual(found["ses_events_total event_type=send,configuration_set=set1"], 1)
        self.assertEqual(found["ses_recipients_total event_type=send,configuration_set=set1,provider=gmail"], 1)
        self.assertNotIn("ses_recipients_total event_type=send,configuration_set=set1,provider=multiple", found)

    def test_enumerations(self):
        kinds = [("Permanent", "NoEmail"), ("Permanent", None), ("Odd", "Odd"), ("permanent", 5)]
        items = [bounce(kind=kind, subtype=subtype, feedback=str(number), to=["a@gmail.com", "b@gmail.com"])
                 for number, (kind, subtype) in enumerate(kinds)]
        self.assertEqual(
            self.labels("ses_bounces_total", "bounce_subtype", *items), {"NoEmail": 2, "none": 2, "other": 4}
        )
        fields = [{"complaintFeedbackType": "auth-failure"}, {"complaintFeedbackType": "odd"}, {},
                  {"complaintSubType": "OnAccountSuppressionList", "complaintFeedbackType": "abuse"}]
        items = [complaint(feedback=str(number), fields=item) for number, item in enumerate(fields)]
        self.assertEqual(self.labels("ses_complaints_total", "feedback_type", *items),
                         {"auth-failure": 1, "other": 1, "none": 1, "OnAccountSuppressionList": 1})
        kinds = ["IPFailure", "BYOIP HostNameLookupUnavailable", "BYOIPHostNameLookupUnavailable", "odd", None]
        self.assertEqual(self.labels("ses_delivery_delays_total", "delay_type", *[delay(kind=kind) for kind in kinds]),
                         {"IPFailure": 1, "BYOIPHostNameLookupUnavailable": 2, "other": 1, "none": 1})
        items = [{"eventType": "Reject", "mail": mail(message=str(reason)), "reject": {"reason": reason}}
                 for reason in ("Bad content", "Bad", None)]
        self.assertEqual(self.labels("ses_rejects_total", "reason", *items), {"Bad content": 1, "other": 1, "none": 1})
        items = [{"eventType": "Rendering Failure", "mail": mail(message=str(name)), "failure": {"templateName": name}}
                 for name in ("welcome", "a\nb", None)]
        self.assertEqual(self.labels("ses_rendering_failures_total", "template", *items),
                         {"welcome": 1, "invalid": 1, "none": 1})
        items = [subscription(topics(), source=source) for source in ("PreferencesPage", "Odd", None)]
        self.assertEqual(self.labels("ses_subscription_changes_total", "source", *items),
                         {"PreferencesPage": 1, "other": 1, "none": 1})

    def test_histogram(self):
        def with_time(number, value):
            return delivery(message=str(number), fields={"processingTimeMillis": value})

        items = [with_time(number, value) for number, value in enumerate([499, "500", 501, 60000, None, "x"])]
        found = self.samples(*items, buckets=["0.5", "1", "10"])
        place = "configuration_set=set1,provider=gmail"
        self.assertEqual(
            [found[f"ses_delivery_seconds_bucket {place},le={bound}"] for bound in ("0.5", "1", "10", "+Inf")],
            [2, 3, 3, 4],
        )
        self.assertEqual(found[f"ses_delivery_seconds_count {place}"], 4)
        self.assertEqual(found[f"ses_delivery_seconds_sum {place}"], 61.5)

    def test_windows(self):
        """The watermark is 12:00:30; the cells touched begin at 11:55, 11:00, 12:00 the day before, 25 October."""
        times = [30_000, -5 * MINUTE, -5 * MINUTE - 1, -HOUR, -HOUR - 1, -24 * HOUR, -24 * HOUR - 1]
        items = [send(message=str(number), time=time) for number, time in enumerate(times)]
        items.append(send(message="week", time=-7 * DAY - 12 * HOUR))
        items.append(send(message="older", time=-7 * DAY - 12 * HOUR - 1))
        found = self.samples(*items, lateness=9 * DAY)
        place = "ses_rate_denominator rate=bounce,window=%s,basis=event,scope=account,provider=,configuration_set=,identity="
        self.assertEqual([found[place % window] for window in ("5m", "1h", "24h", "7d")], [2, 4, 6, 8])
        self.assertEqual(found["ses_rate_denominator rate=bounce,window=5m,basis=event,scope=provider_configuration_set,"
                               "provider=gmail,configuration_set=set1,identity="], 2)


class AlertTest(OracleTest):
    RULE = {"name": "High", "kind": "rate", "rate": "bounce", "scopes": ["account"], "window": 5, "above": 0.5,
            "clear_below": 0.25, "min_volume": 4, "for_minutes": 2, "keep_firing_minutes": 2, "severity": "critical"}

    def traffic(self, minutes):
        """minutes: (sends, bounces) for each minute from noon on."""
        items = []
        for minute, (sends, bounces) in enumerate(minutes):
            items += [send(message=f"s{minute}-{number}", time=minute * MINUTE) for number in range(sends)]
            items += [bounce(message=f"b{minute}-{number}", time=minute * MINUTE) for number in range(bounces)]
        return items

    def incidents(self, rule, minutes):
        found = alerts.incidents(book_of(*self.traffic(minutes)), [rule])
        base = NOON // 1000
        return [(item["scope"], item["provider"], (item["activeAt"] - base) // 60, (item["firedAt"] - base) // 60,
                 item["resolvedAt"] and (item["resolvedAt"] - base) // 60, item["numerator"], item["denominator"])
                for item in found]

    def test_a_life(self):
        """Minute ends 1..: the window of 5 minutes holds, numerator/denominator:
        1: 0/4  2: 4/8 true  3: 6/12 true  4: 8/16 true, fires  5: 8/20=.4 stays  6: 8/20  7: 4/20=.2 clear
        8: 2/20 clear  9: 0/20 clear, two minutes long: resolved."""
        minutes = [(4, 0), (4, 4), (4, 2), (4, 2)] + [(4, 0)] * 6
        self.assertEqual(self.incidents(self.RULE, minutes), [("account", "", 2, 4, 9, 8, 16)])
        self.assertEqual(self.incidents(self.RULE | {"keep_firing_minutes": 0}, minutes),
                         [("account", "", 2, 4, 7, 8, 16)])
        self.assertEqual(self.incidents(self.RULE | {"for_minutes": 0}, minutes)[0][:5], ("account", "", 2, 2, 9))
        self.assertEqual(self.incidents(self.RULE | {"for_minutes": 3}, minutes), [])
        self.assertEqual(self.incidents(self.RULE | {"min_volume": 13}, minutes), [])
        self.assertEqual(self.incidents(self.RULE, minutes[:8]), [("account", "", 2, 4, None, 8, 16)])

    def test_without_clear_below(self):
        rule = {key: value for key, value in self.RULE.items() if key not in ("clear_below", "keep_firing_minutes")}
        self.assertEqual(self.incidents(rule, [(4, 0), (4, 4), (4, 2), (4, 2), (4, 0)]),
                         [("account", "", 2, 4, 5, 8, 16)])

    def test_pending_is_cancelled(self):
        """1: 2/4 true  2: 2/8  3: 6/12 true  4: 8/16 true  5: 10/20 true, fires."""
        self.assertEqual(self.incidents(self.RULE, [(4, 2), (4, 0), (4, 4), (4, 2), (4, 2)]),
                         [("account", "", 3, 5, None, 10, 20)])

    def test_clear_time_is_forgotten(self):
        """1: 2/4 fires  2: 2/12 clear  3: 6/13 not  4: 4/10 not  5: 4/3, too few: clear  6: 0/6 clear  7: resolved.
        Were the first clear time remembered, it would end at 4."""
        rule = self.RULE | {"for_minutes": 0, "window": 3}
        minutes = [(4, 2), (8, 0), (1, 4), (1, 0), (1, 0)] + [(4, 0)] * 8
        self.assertEqual(self.incidents(rule, minutes), [("account", "", 1, 1, 7, 2, 4)])

    def test_scopes(self):
        rule = self.RULE | {"for_minutes": 0, "scopes": ["account", "provider", "configuration_set",
                                                         "provider_configuration_set"]}
        found = self.incidents(rule, [(4, 2)])
        self.assertEqual(
            [item[:2] for item in found],
            [
                ("account", ""),
                ("provider", "gmail"),
                ("configuration_set", ""),
                ("provider_configuration_set", "gmail"),
            ],
        )

    def test_silence(self):
        """4 at noon; minutes 1 to 4 empty; one at minute 5 and one at 8. Window 2: at the end of minute 3, [1,3) is
        empty and [-1,1) holds 4."""
        rule = {"name": "Silent", "kind": "silence", "window": 2, "min_volume": 3, "severity": "warning"}
        minutes = [(4, 0)] + [(0, 0)] * 4 + [(1, 0), (0, 0), (0, 0), (1, 0)]
        self.assertEqual(self.incidents(rule, minutes), [("account", "", 3, 3, 6, 0, 4)])

    def test_long_window_is_made_of_hours(self):
        """Window 3 h. The bounces of 12:00 leave when no hour touched holds them: at 16:00 sharp."""
        rule = self.RULE | {"window": 180, "for_minutes": 0, "keep_firing_minutes": 0, "min_volume": 1}
        minutes = [(4, 4)] + [(0, 0)] * 238 + [(1, 0)] * 3
        # at the end of minute 239, 15:59, the window is [12:59, 15:59), so the whole of the hour of 12:00 is in it;
        # at 16:00 it is [13:00, 16:00), which holds 0/1
        self.assertEqual(self.incidents(rule, minutes), [("account", "", 1, 1, 240, 4, 4)])


if __name__ == "__main__":
    unittest.main()
