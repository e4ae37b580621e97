#!/usr/bin/env python3
"""A second `find`, from docs/find.md alone: every message of a dump that the filters name, with its history.

    find_reader.py [--recipient P] [--from-address P] [--subject P] [--provider NAME] [--configuration-set P]
                   [--message-id P] [--message-hash H] [--last-event E] [--last-engagement E] [--from TIME] [--to TIME] FOLDER
    find_reader.py --strip          standard input: what `find --format json` wrote, in the same form
"""

import argparse
import hashlib
import json
import re
import sys

from normalize_reader import (LISTS, NAMES, OBJECTS, TIMED, WHOLE, bare, configuration_set, milliseconds, parse_input,
                              providers, records, rfc3339)

DELIVERY = ["send", "reject", "rendering_failure", "delivery_delay", "delivery", "bounce", "complaint"]
ORDER = {name: rank for rank, name in enumerate(["send", "reject", "delivery_delay", "delivery", "bounce", "complaint",
                                                 "open", "click", "unknown", "subscription"])}
ORDER["rendering_failure"] = ORDER["reject"]
KEPT = ("time", "event", "recipient", "provider", "status", "delivery_ms", "answer", "link", "user_agent", "ip")


def pattern(text):
    return re.compile(".*".join(re.escape(part.lower()) for part in text.split("*")), re.S) if text else None


def matches(wanted, *texts):
    return wanted is None or any(wanted.fullmatch(text.lower()) for text in texts)


def provider_of(address):
    return providers.provider_of(bare(address).rpartition("@")[2].lower())


def is_match(record, options):
    mail = record["mail"]
    headers = mail.get("commonHeaders")
    own = listed(record)
    sent = milliseconds(mail["timestamp"])
    to = mail.get("destination", []) + [r["emailAddress"] for r in own]
    if not options.since <= sent < options.until or not matches(options.message_id, mail["messageId"]):
        return False
    if options.message_hash and options.message_hash != hashlib.sha256(mail["messageId"].encode()).hexdigest()[:16]:
        return False
    if not matches(options.set, configuration_set(mail, mail.get("tags", {}))):
        return False
    if not matches(options.recipient, *map(bare, to)):
        return False
    if options.provider and options.provider not in map(provider_of, to):
        return False
    senders = [mail.get("source", "")] + (headers or {}).get("from", [])
    if not matches(options.sender, *map(bare, senders)):
        return False
    return options.subject is None or (headers is not None and matches(options.subject, headers.get("subject") or ""))


def listed(record):
    kind = record.get("eventType") or record["notificationType"]
    items = record.get(OBJECTS.get(kind, ""), {}).get(LISTS.get(kind, ""), [])
    return [r if isinstance(r, dict) else {"emailAddress": r} for r in items]


def events_of(record):
    kind, mail = record.get("eventType") or record["notificationType"], record["mail"]
    event = record.get(OBJECTS.get(kind, ""), {})
    own = listed(record) or [{"emailAddress": a} for a in mail.get("destination", [])]
    time = milliseconds(event["timestamp"] if kind in TIMED and "timestamp" in event else mail["timestamp"])
    for group in [own] if kind in WHOLE or not own else [[r] for r in own]:
        at = {provider_of(r["emailAddress"]) for r in group}
        found = {"time": rfc3339(time), "event": NAMES.get(kind, kind.lower()),
                 "provider": "other" if not at else at.pop() if len(at) == 1 else "multiple"}
        if len(group) == 1:
            local, _, domain = bare(group[0]["emailAddress"]).rpartition("@")
            found["recipient"] = f"{local}@{domain.lower()}"
            found["status"] = group[0].get("status")
        found["answer"] = (group[0].get("diagnosticCode") if len(group) == 1 else None) or event.get("smtpResponse") or \
            event.get("errorMessage")
        found["link"], found["ip"] = event.get("link"), event.get("ipAddress")
        found["user_agent"] = event.get("userAgent")
        if kind == "Delivery" and "processingTimeMillis" in event:
            found["delivery_ms"] = int(event["processingTimeMillis"])
        yield {key: value for key, value in found.items() if value not in (None, "")}


def newest_first(event):
    return (event["event"] != "send", event["time"], ORDER[event["event"]])


def last_events(history):
    """What came last for each recipient; a complaint that names nobody concerns all."""
    delivery = [event for event in history if event["event"] in DELIVERY]
    names = {event["recipient"] for event in delivery if "recipient" in event} or {None}
    return {next(event["event"] for event in delivery if event.get("recipient", name) == name) for name in names}


def describe(message, found, options):
    unique = {json.dumps(event, sort_keys=True): event for record in found for event in events_of(record)}
    history = sorted(sorted(unique.values(), key=lambda event: event.get("recipient", "")), key=newest_first, reverse=True)
    engagement = next((event["event"] for event in history if event["event"] in ("open", "click")), None)
    if options.last_event and options.last_event not in last_events(history):
        return None
    if options.last_engagement and options.last_engagement != (engagement or "none"):
        return None
    mails = [record["mail"] for record in found]
    sent = min(min(milliseconds(r["mail"]["timestamp"]), *(milliseconds(e["time"]) for e in events_of(r))) for r in found)
    subjects = [(mail.get("commonHeaders") or {}).get("subject", "") for mail in mails]
    return {"sent": rfc3339(sent), "message_id": message, "subject": next(filter(None, subjects), ""),
            "configuration_set": next(filter(None, (configuration_set(m, m.get("tags", {})) for m in mails)), ""),
            "last_event": next((e["event"] for e in history if e["event"] in DELIVERY), None),
            "last_engagement": engagement, "history": sorted(history, key=lambda e: json.dumps(e, sort_keys=True))}


def show(messages):
    for message in messages:
        print(json.dumps(message, sort_keys=True, ensure_ascii=False))


def strip():
    text = json.load(sys.stdin)
    assert text["found"] == len(text["messages"])
    for message in text["messages"]:
        history = message["history"]
        keys = [newest_first(event) for event in history]
        assert keys == sorted(keys, reverse=True), message["message_id"]
        for name in ("from", "identity"):
            del message[name]
        message["history"] = sorted(({key: event[key] for key in KEPT if key in event} for event in history),
                                    key=lambda e: json.dumps(e, sort_keys=True))
    show(text["messages"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name, key in (("recipient", "recipient"), ("from-address", "sender"), ("subject", "subject"),
                      ("configuration-set", "set"), ("message-id", "message_id")):
        parser.add_argument("--" + name, dest=key, type=pattern)
    for name in ("message-hash", "provider", "last-event", "last-engagement"):
        parser.add_argument("--" + name)
    options = parse_input(parser)
    if options.strip:
        strip()
        return
    if options.last_event == "delay":
        options.last_event = "delivery_delay"
    messages, wanted = {}, set()
    for record in records(options.folder):
        message = record["mail"]["messageId"]
        messages.setdefault(message, []).append(record)
        if is_match(record, options):
            wanted.add(message)
    found = [describe(message, messages[message], options) for message in wanted]
    show(sorted((m for m in found if m), key=lambda m: (-milliseconds(m["sent"]), m["message_id"])))


if __name__ == "__main__":
    main()
