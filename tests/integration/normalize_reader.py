#!/usr/bin/env python3
"""A second reader of SES records, from docs/normalized-events.md alone: writes what `normalize` should.

    normalize_reader.py --key FILE [--clear] [--tag NAME]... [--from MS] [--to MS] FOLDER    expected lines, sorted
    normalize_reader.py --strip                             standard input: takes off what this reader does not know

Reasons, agents and hints have tests of their own, and a key of an event is only compared with others of the run.
"""

import argparse
import datetime
import gzip
import hashlib
import hmac
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle"))
import providers  # noqa: E402

OBJECTS = {"Delivery": "delivery", "Bounce": "bounce", "Complaint": "complaint", "Open": "open", "Click": "click",
           "DeliveryDelay": "deliveryDelay", "Subscription": "subscription", "Reject": "reject",
           "Rendering Failure": "failure"}
NAMES = {"Rendering Failure": "rendering_failure", "DeliveryDelay": "delivery_delay"}
TIMED = {"Delivery", "Bounce", "Complaint", "Open", "Click", "DeliveryDelay", "Subscription"}
LISTS = {"Delivery": "recipients", "Bounce": "bouncedRecipients", "Complaint": "complainedRecipients",
         "DeliveryDelay": "delayedRecipients"}
DELAY_TYPES = {"InternalFailure", "General", "MailboxFull", "SpamDetected", "RecipientServerError", "IPFailure",
               "TransientCommunicationFailure", "BYOIPHostNameLookupUnavailable", "Undetermined", "SendingDeferral"}
WHOLE = {"Complaint", "Open", "Click", "Subscription"}
UNKNOWN_HERE = ("reason", "agent", "provider_hint", "key")


def records(folder):
    for where, folders, names in os.walk(folder):
        for name in names:
            with open(os.path.join(where, name), "rb") as f:
                data = f.read()
            if data[:2] == b"\x1f\x8b":
                data = gzip.decompress(data)
            for line in data.splitlines():
                yield json.loads(line)


def milliseconds(text):
    text = text.replace("Z", "+00:00").replace(" +0000", "+00:00")
    match = re.fullmatch(r"(.*?)(?:\.(\d+))?([+-]\d\d:\d\d)", text)
    moment = datetime.datetime.fromisoformat(match.group(1) + match.group(3))
    return int(moment.timestamp()) * 1000 + int(((match.group(2) or "") + "000")[:3])


def rfc3339(ms):
    moment = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03d}Z"


def bare(address):
    address = address.strip()
    return address[address.rindex("<") + 1:-1].strip() if address.endswith(">") else address


def first(tags, name):
    values = tags.get(name) or [""]
    return values[0] if isinstance(values, list) else values


def identity(mail, tags):
    name = mail.get("sourceArn", "").partition(":identity/")[2] or first(tags, "ses:from-domain") or \
        bare(mail.get("source", "")).rpartition("@")[2]
    return ("*@" + name.rpartition("@")[2] if "@" in name else name).lower()


def configuration_set(mail, tags):
    headers = {h["name"].lower(): h["value"] for h in reversed(mail.get("headers", []))}
    return first(tags, "ses:configuration-set") or headers.get("x-ses-configuration-set", "")


ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")


def said_by_server(text):
    """An expired message carries two replies: SES's own, and the server's in angle brackets, which tells why."""
    match = re.search(r"4\.4\.7.*<(\d{3} \d\.\d+\.\d+ .*)", text, re.S)
    return match.group(1) if match else text


def code_of(diagnostic):
    match = re.match(r"\s*(?:[a-zA-Z0-9-]+;)?\s*([2-5]\d\d)(?!\d)", diagnostic)
    return int(match.group(1)) if match else None


def change_of(event):
    new, old = event.get("newTopicPreferences") or {}, event.get("oldTopicPreferences") or {}
    if new.get("unsubscribeAll") is True:
        return "unsubscribe_all"
    before = {t["topicName"]: t["subscriptionStatus"] for t in old.get("topicSubscriptionStatus") or []}
    now = {t["topicName"]: t["subscriptionStatus"] for t in new.get("topicSubscriptionStatus") or []}
    for word, change in (("OptOut", "opt_out"), ("OptIn", "opt_in")):
        if any(status == word and before.get(topic) != word for topic, status in now.items()):
            return change
    return "none"


def delay_type(name):
    return "none" if not name else name if name in DELAY_TYPES else "other"


def details(kind, event, recipient, clear):
    if kind == "Delivery":
        found = {"ms": int(event["processingTimeMillis"]) if "processingTimeMillis" in event else None}
        if clear and event.get("smtpResponse"):
            found["diagnostic"] = event["smtpResponse"]
    elif kind in ("Bounce", "DeliveryDelay"):
        text = recipient.get("diagnosticCode") or ""
        found = {"type": event["bounceType"], "subtype": event.get("bounceSubType") or "none"} if kind == "Bounce" \
            else {"type": delay_type(event.get("delayType"))}
        status, said = recipient.get("status", ""), said_by_server(text)
        if said != text:
            status = said.split()[1]
        if ENHANCED.fullmatch(status):
            found["status"] = status
        if code_of(said):
            found["code"] = code_of(said)
        if clear and text:
            found["diagnostic"] = text
    elif kind == "Complaint":
        found = {"feedback": event.get("complaintSubType") or event.get("complaintFeedbackType") or "none"}
    elif kind in ("Open", "Click"):
        found = {name: event[key] for name, key in (("link", "link"), ("user_agent", "userAgent"), ("ip", "ipAddress"))
                 if clear and event.get(key)}
    elif kind == "Subscription":
        found = {"change": change_of(event), "source": event.get("source") or "none"}
    elif kind == "Reject":
        found = {"reason": event.get("reason") or "none"}
    elif kind == "Rendering Failure":
        found = {"template": event.get("templateName")}
        if clear and event.get("errorMessage"):
            found["message"] = event["errorMessage"]
    else:
        return None
    return found


def lines_of(record, options):
    kind, mail = record.get("eventType") or record["notificationType"], record["mail"]
    event = record.get(OBJECTS.get(kind, ""), {})
    tags = mail.get("tags", {})
    sent = milliseconds(mail["timestamp"])
    time = milliseconds(event["timestamp"]) if kind in TIMED and "timestamp" in event else sent
    if not options.since <= time < options.until:
        return
    listed = event.get(LISTS.get(kind, ""), []) or mail.get("destination", [])
    recipients = [r if isinstance(r, dict) else {"emailAddress": r} for r in listed]
    groups = [recipients] if kind in WHOLE or not recipients else [[r] for r in recipients]
    for group in groups:
        at = {providers.provider_of(bare(r["emailAddress"]).rpartition("@")[2].lower()) for r in group}
        line = {"v": 1, "type": NAMES.get(kind, kind.lower()), "time": rfc3339(time), "sent": rfc3339(min(sent, time)),
                "message_id": mail["messageId"], "configuration_set": configuration_set(mail, tags),
                "identity": identity(mail, tags),
                "provider": "other" if not at else at.pop() if len(at) == 1 else "multiple"}
        if len(group) == 1:
            address = bare(group[0]["emailAddress"])
            local, _, domain = address.rpartition("@")
            if options.clear:
                line["recipient"], line["recipient_domain"] = address, providers.to_ascii(domain.lower())
            else:
                line["recipient"] = hmac.new(options.secret, f"{local}@{providers.to_ascii(domain.lower())}".lower().encode(),
                                             hashlib.sha256).hexdigest()[:32]
        else:
            line["recipient"], line["recipients"] = None, len(group)
        found = details(kind, event, group[0] if group else {}, options.clear)
        if found is not None:
            line[{"deliveryDelay": "delay"}.get(OBJECTS[kind], OBJECTS[kind])] = found
        wanted = {name: first(tags, name) for name in options.tag if first(tags, name)}
        if wanted:
            line["tags"] = wanted
        yield line


def parse_input(parser):
    """The options, with those that every reader has."""
    parser.add_argument("--from", dest="since", type=milliseconds, default=-(1 << 62))
    parser.add_argument("--to", dest="until", type=milliseconds, default=1 << 62)
    parser.add_argument("--strip", action="store_true")
    parser.add_argument("folder", nargs="?")
    return parser.parse_args()


def strip(line):
    for name in UNKNOWN_HERE:
        line.pop(name, None)
    for name, inner in line.items():
        if isinstance(inner, dict) and name not in ("tags", "reject"):
            for key in UNKNOWN_HERE:
                inner.pop(key, None)
    return json.dumps(line, sort_keys=True, ensure_ascii=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--key")
    parser.add_argument("--clear", action="store_true")
    parser.add_argument("--tag", action="append", default=[])
    options = parse_input(parser)
    if options.strip:
        print(*sorted(strip(json.loads(line)) for line in sys.stdin.buffer.read().decode().split("\n") if line), sep="\n")
        return
    with open(options.key, "rb") as f:
        options.secret = f.read().rstrip()
    print(*sorted(strip(line) for record in records(options.folder) for line in lines_of(record, options)), sep="\n")


if __name__ == "__main__":
    main()
