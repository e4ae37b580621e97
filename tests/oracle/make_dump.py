#!/usr/bin/env python3
"""Makes up a dump that is full of what is hard to count: companies' domains with hints that come late, contradict each
other or are of the same millisecond, several recipients in a record, replies of every kind there is a rule for, bursts
over the borders of minutes with exactly two seconds between their ends, visits long after their mail.

  make_dump.py --seed N [--messages M] [--hours H] [--late] --mx-table FILE >DUMP.ndjson

What replies and visitors can say is taken from the documentation's tables, and the rest is spun around it. --late: some
records at the end are older than the allowed lateness. Not AWS's ways but its forms; the simulator makes the former.
"""

import argparse
import json
import random
import sys

import hosted
import oracle
import reasons
import visitors

START = 1_793_491_200_000       # 2026-11-01T00:00:00Z
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
KNOWN = ["gmail.com", "hotmail.com", "outlook.de", "yahoo.com", "naver.com", "simulator.amazonses.com", "zoho.com",
         "icloud.com", "mail.ru"]
COMPANIES = [f"company{number}.example" for number in range(40)] + ["b\u00fccher.example", "xn--mller-kva.example"]
BOUNCES = [("Permanent", subtype) for subtype in ("General", "General", "General", "NoEmail", "Suppressed",
                                                  "OnAccountSuppressionList", "Undetermined", None)] + \
    [("Transient", subtype) for subtype in ("General", "General", "MailboxFull", "MessageTooLarge", "ContentRejected",
                                            "AttachmentRejected", "CustomTimeoutExceeded", "New")] + \
    [("Undetermined", "Undetermined"), ("New", "General")]
DELAYS = ["General", "MailboxFull", "SpamDetected", "TransientCommunicationFailure", "Undetermined", "IPFailure",
          "InternalFailure", "RecipientServerError", None, "New"]
CODES = ["5.1.1", "4.2.2", "5.7.1", "5.0.0", "4.4.7", "5.7.26", "4.7.650", "5.4.4", "2.0.0", "5.1.10", "9.1.1", "x", ""]


class Maker:
    def __init__(self, seed, hours):
        self.random = random.Random(seed)
        self.span = hours * HOUR
        hosts = [host for host, _ in hosted.HOSTS]
        # As they stand in replies, with something before a suffix, in any case.
        self.hosts = [("mx-1" if host.startswith(".") else "") + host for host in hosts]
        self.networks = [str(network[self.random.randrange(min(network.num_addresses, 1 << 30))])
                         for network, _ in hosted.NETWORKS]
        self.replies = reasons.examples()
        self.agents = visitors.examples()
        self.addresses = [str(network[self.random.randrange(min(network.num_addresses, 1 << 30))])
                          for network, _ in visitors.NETWORKS] + ["198.51.100.7", "2001:db8::1", "none", ""]
        self.homes = {company: self.random.choice(self.hosts) for company in COMPANIES}

    def chance(self, share):
        return self.random.random() < share

    def time(self, milliseconds):
        return oracle.format_seconds(milliseconds // 1000)[:-1] + f".{milliseconds % 1000:03}Z"

    def recipients(self):
        found = []
        for number in range(self.random.choice((1, 1, 1, 1, 2, 2, 3, 5))):
            domain = self.random.choice(KNOWN if self.chance(0.4) else COMPANIES[:1 + self.random.randrange(len(COMPANIES))])
            if self.chance(0.1):
                domain = domain.upper()
            found.append(f"u{self.random.randrange(1000)}_{number}@{domain}" if self.chance(0.99) else "nowhere")
        return found

    def mail(self, message, sent, recipients):
        made = {"timestamp": self.time(sent), "messageId": message, "source": "news@sender.example",
                "destination": recipients}
        if self.chance(0.9):
            made["tags"] = {"ses:configuration-set": [f"set{self.random.randrange(4)}"], "campaign": ["c"]}
        odd = self.random.random()      # and what the send time can be instead
        if odd < 0.02:
            del made["timestamp"]
        elif odd < 0.04:
            made["timestamp"] = self.time(sent + 40 * DAY)
        elif odd < 0.06:
            made["timestamp"] = self.time(sent - self.random.choice((30, 61, 62, 63, 70, 500)) * DAY)
        elif odd < 0.07:
            made["timestamp"] = self.random.choice(("yesterday", 7, None))
        return made

    def host_of(self, address):
        """The server's name, mostly that of the company's home."""
        home = self.homes.get(address.rpartition("@")[2].lower())
        host = home if home and self.chance(0.8) else self.random.choice(self.hosts)
        return host.upper() if self.chance(0.1) else host

    def reply(self, address):
        kind = self.random.random()
        if kind < 0.2:
            return ""
        text = self.random.choice(self.replies) if kind < 0.7 else "250 2.0.0 Ok"
        if self.chance(0.5):
            host = self.host_of(address)
            text = self.random.choice((f"{text} {host}", f"{text} [{host}]", f"{host} said: {text}",
                                       f"{text} ({host}) x{host}y", f"{text} {host}.evil.example"))
        if self.chance(0.03):
            text += " gsmtp"
        if self.chance(0.3):
            text = "smtp; " + text
        return text.replace(" ", "\r\n", 1) if self.chance(0.02) else text

    def server(self, address, event):
        if self.chance(0.15):
            event["reportingMTA"] = self.random.choice(("dns; ", "dns;", "")) + self.host_of(address)
        if self.networks and self.chance(0.15):
            event["remoteMtaIp"] = self.random.choice(self.networks)
        return event

    def outcome(self, mail, address, time):
        """What becomes of one recipient: records with their times."""
        what = self.random.random()
        if what < 0.25:
            event = {"timestamp": self.time(time), "delayedRecipients": [self.why(address)]}
            kind = self.random.choice(DELAYS)
            if kind:
                event["delayType"] = kind
            yield time, {"eventType": "DeliveryDelay", "mail": mail, "deliveryDelay": self.server(address, event)}
            time += self.random.randrange(3 * HOUR)
        if what < 0.65:
            event = {"timestamp": self.time(time), "recipients": [address], "smtpResponse": self.reply(address),
                     "processingTimeMillis": self.random.randrange(100000)}
            yield time, {"eventType": "Delivery", "mail": mail, "delivery": self.server(address, event)}
        elif what < 0.95:
            kind, subtype = self.random.choice(BOUNCES)
            event = {"timestamp": self.time(time), "bounceType": kind, "feedbackId": f"f{time}",
                     "bouncedRecipients": [self.why(address)]}
            if subtype:
                event["bounceSubType"] = subtype
            yield time, {"eventType": "Bounce", "mail": mail, "bounce": self.server(address, event)}
        if what > 0.55 and self.chance(0.05):
            yield time + HOUR, {"eventType": "Complaint", "mail": mail, "complaint": {
                "timestamp": self.time(time + HOUR), "feedbackId": f"c{time}-{address}",
                "complainedRecipients": [{"emailAddress": address}]}}

    def why(self, address):
        recipient = {"emailAddress": address}
        for name, value in (("diagnosticCode", self.reply(address)), ("status", self.random.choice(CODES)),
                            ("action", self.random.choice(("failed", "delayed", "")))):
            if value and self.chance(0.8):
                recipient[name] = value
        return recipient

    def together(self, mail, recipients, time):
        """One record of several recipients."""
        event = {"timestamp": self.time(time)}
        if self.chance(0.5):
            event |= {"recipients": recipients, "smtpResponse": self.reply(recipients[0])}
            return time, {"eventType": "Delivery", "mail": mail, "delivery": self.server(recipients[0], event)}
        event |= {"bounceType": "Permanent", "bounceSubType": "General", "feedbackId": f"t{time}",
                  "bouncedRecipients": [self.why(address) for address in recipients]}
        return time, {"eventType": "Bounce", "mail": mail, "bounce": self.server(recipients[0], event)}

    def visit(self, mail, time, link=None, who=None):
        agent, address = who or (self.random.choice(self.agents), self.random.choice(self.addresses))
        event = {"timestamp": self.time(time), "userAgent": agent, "ipAddress": address}
        if link is None:
            return time, {"eventType": "Open", "mail": mail, "open": event}
        event["link"] = f"https://sender.example/{link}"
        return time, {"eventType": "Click", "mail": mail, "click": event}

    def visits(self, mail, time):
        for _ in range(self.random.choice((0, 0, 1, 1, 2, 4))):
            yield self.visit(mail, time + self.random.randrange(6 * HOUR))
        if self.chance(0.3):
            yield self.visit(mail, time + self.random.randrange(6 * HOUR), self.random.randrange(3))
        if self.chance(0.25):
            yield from self.burst(mail, time + self.random.randrange(6 * HOUR))

    def burst(self, mail, time):
        """Clicks around a border of a minute, often with just so much between them that they are a burst, or none."""
        if self.chance(0.7):
            time = time // MINUTE * MINUTE - self.random.choice((0, 1, 999, 1000, 1999, 2000, 2001))
        who = self.random.choice(self.agents), self.random.choice(self.addresses)
        for link in range(self.random.choice((2, 3, 3, 3, 4, 7))):
            offset = self.random.choice((0, 0, 1, 500, 1000, 1500, 1999, 2000, 2001, 2500, 4000))
            yield self.visit(mail, time + offset, link if self.chance(0.9) else 0, who if self.chance(0.9) else None)
        for offset in self.random.sample((-2001, -2000, -1999, -1, 0, 1000, 2000, 3999, 4000, 4001), 3):
            yield self.visit(mail, time + offset)

    def records(self, messages):
        """(time, record) of all of them, in no order."""
        for number in range(messages):
            sent = START + self.random.randrange(self.span)
            recipients = self.recipients()
            mail = self.mail(f"m{number}", sent, recipients)
            yield sent, {"eventType": "Send", "mail": mail | {"timestamp": self.time(sent)}, "send": {}}
            time = sent + self.random.randrange(1, 90 * MINUTE)
            if len(recipients) > 1 and self.chance(0.5):
                yield self.together(mail, recipients, time)
            else:
                for address in recipients:
                    yield from self.outcome(mail, address, time)
            yield from self.visits(mail, time)

    def dump(self, messages, has_late):
        """Lines about in the order of their times, some of them twice."""
        rows = list(self.records(messages))
        for time, record in list(rows):
            if self.chance(0.03):
                rows.append((time, record))
        lines = [(time + self.random.randrange(2 * HOUR), json.dumps(record)) for time, record in rows]
        if has_late:
            end = max(time for time, _ in rows)
            lines += [(end + 3 * HOUR, json.dumps(record)) for time, record in rows if end - time > 80 * HOUR
                      and self.chance(0.1)]
        lines.sort(key=lambda line: line[0])
        return [line for _, line in lines]

    def mx_table(self):
        """Some companies, with servers that are known, or are not."""
        for company in COMPANIES[::5]:
            servers = [self.random.choice(self.hosts)] if self.chance(0.7) else ["mx.company.example"]
            yield company, servers


def main(arguments=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--hours", type=int, default=30)
    parser.add_argument("--late", action="store_true")
    parser.add_argument("--mx-table", metavar="FILE")
    options = parser.parse_args(arguments)
    maker = Maker(options.seed, options.hours)
    if options.mx_table:
        hosted.write_mx_table(options.mx_table, maker.mx_table())
    for line in maker.dump(options.messages, options.late):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
