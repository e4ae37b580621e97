#!/usr/bin/env python3
"""Compact records a second time: reads them from docs/normalized-events.md ("The compact form") alone.

    normalized_record.py < values        values: each behind its length, 4 bytes, the highest first
    normalized_record.py --hex < lines   a value in hexadecimal digits on each line

A line of JSON for each value: the record, or {"malformed": reason}. Keys are 16 hexadecimal digits as they were written
(a reader of the real thing hashes them once more).
"""

import json
import struct
import sys

MAGIC, VERSION = 0x9E, 1
MAX_SIZE, MAX_EVENTS, MAX_TAGS = 1 << 20, 65536, 16
FIRST_TIME, LAST_TIME = -62167219200000, 253433923199999

TYPES = ("unknown send delivery bounce complaint reject open click rendering_failure delivery_delay "
         "subscription").split()
BOUNCE_TYPES = "other Undetermined Permanent Transient".split()
BOUNCE_SUBTYPES = ("other none Undetermined General NoEmail Suppressed OnAccountSuppressionList "
                   "OnTenantSuppressionList UnsubscribedRecipient EmailValidationSuppressed MailboxFull "
                   "MessageTooLarge ContentRejected AttachmentRejected CustomTimeoutExceeded").split()
FEEDBACK_TYPES = "other none abuse auth-failure fraud not-spam virus OnAccountSuppressionList".split()
DELAY_TYPES = ("other none InternalFailure General MailboxFull SpamDetected RecipientServerError IPFailure "
               "TransientCommunicationFailure BYOIPHostNameLookupUnavailable Undetermined SendingDeferral").split()
REJECT_REASONS = ["other", "none", "Bad content"]
CHANGES = "none opt_in opt_out unsubscribe_all".split()
SOURCES = "other none UnsubscribeHeader PreferencesPage".split()
AGENTS = "human proxy machine".split()
REASONS = ("undetermined invalid_recipient bad_domain inactive_mailbox mailbox_full too_large sender_invalid "
           "auth_failed ptr reputation_block spam_content policy rate_limited relay_denied network dns routing "
           "expired protocol content suppressed autoreply").split()
COUNTERS = ("sent sent_reputation delivered delivered_feedback bounced permanent reputation_bounced transient "
            "complained delayed rejected rendering_failed opted_out").split()


class Malformed(Exception):
    pass


class Cursor:
    def __init__(self, value):
        self.value, self.at = value, 0

    def take(self, count):
        if len(self.value) - self.at < count:
            raise Malformed("truncated")
        self.at += count
        return self.value[self.at - count:self.at]

    def byte(self):
        return self.take(1)[0]

    def named(self, names):
        number = self.byte()
        return names[number if number < len(names) else 0]

    def number(self):
        n = 0
        for i in range(10):
            byte = self.byte()
            n |= (byte & 0x7F) << 7 * i
            if byte < 0x80:
                if (byte == 0 and i) or n >= 1 << 64:
                    break
                return n
        raise Malformed("structure")

    def signed(self):
        n = self.number()
        return n >> 1 if n % 2 == 0 else -(n >> 1) - 1

    def text(self):
        return self.take(self.number()).decode("utf-8", "replace")

    def key(self):
        return "%016x" % struct.unpack("<Q", self.take(8))[0]

    def bits(self, allowed):
        bits = self.byte()
        if bits & ~allowed:
            raise Malformed("structure")
        return bits


def read_tags(c):
    count = c.number()
    if count > MAX_TAGS:
        raise Malformed("structure")
    tags = {}
    for _ in range(count):
        name, value = c.text(), c.text()
        tags.setdefault(name, value)
    return tags


def read_by_type(c, record):
    kind = record["type"]
    if kind == "delivery":
        ms = c.number()
        if ms >= 1 << 32:
            raise Malformed("structure")
        record["delivery_ms"] = ms - 1 if ms else None
    elif kind == "bounce":
        record["bounce_type"], record["bounce_subtype"] = c.named(BOUNCE_TYPES), c.named(BOUNCE_SUBTYPES)
    elif kind == "complaint":
        record["feedback"] = c.named(FEEDBACK_TYPES)
    elif kind == "reject":
        record["reject_reason"] = c.named(REJECT_REASONS)
    elif kind in ("open", "click"):
        record["agent"], record["message_key"] = c.named(AGENTS), c.key()
        if kind == "click":
            record["link"] = struct.unpack("<I", c.take(4))[0]
    elif kind == "rendering_failure":
        record["template"] = c.text()
    elif kind == "delivery_delay":
        record["delay_type"] = c.named(DELAY_TYPES)
    elif kind == "subscription":
        record["change"], record["source"] = c.named(CHANGES), c.named(SOURCES)


def read_event(c, kind, before):
    bits = c.bits(0x0F)
    place = bits & 3
    if place == 0:
        if before is None:
            raise Malformed("structure")
        event = {name: before[name] for name in ("provider", "domain_key") if name in before}
    else:
        event = {"provider": c.text() if place == 1 else "other"}
        if place == 3:
            event["domain_key"] = c.key()
    if bits & 4:
        event["hint"] = c.text()
    if bits & 8:
        number = c.number()
        event["counters"] = [name for i, name in enumerate(COUNTERS) if number >> i & 1]
    else:
        event["counters"] = before["counters"] if before else []
    if kind in ("bounce", "delivery_delay"):
        event["reason"] = c.named(REASONS)
    if kind == "delivery_delay":
        event["message_key"] = c.key()
    event["key"] = c.key()
    return event


def pass_over_fields(c):
    last = 0
    while c.at < len(c.value):
        number = c.number()
        if number <= last:
            raise Malformed("structure")
        c.take(c.number())
        last = number


def read_head(c):
    record = {"type": c.named(TYPES)}
    bits = c.bits(0x3F)
    record["single"] = bool(bits & 1)
    record["time"] = c.signed()
    ago = c.number() if bits & 2 else 0
    if not FIRST_TIME <= record["time"] - ago <= record["time"] <= LAST_TIME:
        raise Malformed("bad_time")
    record["sent"] = record["time"] - ago
    record["configuration_set"] = c.text() if bits & 4 else ""
    record["identity"] = c.text() if bits & 8 else ""
    record["tags"] = read_tags(c) if bits & 16 else {}
    count = c.number() if bits & 32 else 1
    if bits & 32 and count < 2:
        raise Malformed("structure")
    if count > MAX_EVENTS:
        raise Malformed("too_large")
    return record, count


def decode(value):
    """The record of one value, as a dictionary. Raises Malformed with the reason."""
    if len(value) > MAX_SIZE:
        raise Malformed("too_large")
    c = Cursor(value)
    if c.byte() != MAGIC:
        raise Malformed("not_ses")
    version = c.byte()
    if version != VERSION:
        raise Malformed("not_ses" if version else "structure")
    record, count = read_head(c)
    read_by_type(c, record)
    events = []
    for _ in range(count):
        events.append(read_event(c, record["type"], events[-1] if events else None))
    pass_over_fields(c)
    record["events"] = events
    return record


def describe(value):
    try:
        return decode(value)
    except Malformed as e:
        return {"malformed": str(e)}


def values_of(stream):
    while True:
        head = stream.read(4)
        if not head:
            return
        yield stream.read(struct.unpack(">I", head)[0])


def main():
    if sys.argv[1:] == ["--hex"]:
        values = (bytes.fromhex(line) for line in sys.stdin)
    elif not sys.argv[1:]:
        values = values_of(sys.stdin.buffer)
    else:
        sys.exit(__doc__)
    for value in values:
        print(json.dumps(describe(value), ensure_ascii=False))


if __name__ == "__main__":
    main()
