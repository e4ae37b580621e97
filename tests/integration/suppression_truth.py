#!/usr/bin/env python3
"""Whom a dump says not to write to again, read independently of the program: one "address reason" a line, sorted.

    suppression_truth.py FILE...
"""
import gzip
import json
import sys

HELD_BACK_ALREADY = {"OnAccountSuppressionList", "OnTenantSuppressionList", "UnsubscribedRecipient",
                     "EmailValidationSuppressed"}
OTHERS = {"MailboxFull", "MessageTooLarge", "ContentRejected", "AttachmentRejected", "CustomTimeoutExceeded", "Undetermined"}


def addresses(record):
    kind = record.get("eventType") or record.get("notificationType")
    if kind == "Bounce" and record["bounce"]["bounceType"] == "Permanent":
        if record["bounce"].get("bounceSubType") not in HELD_BACK_ALREADY | OTHERS:
            for r in record["bounce"]["bouncedRecipients"]:
                yield r["emailAddress"], "bounce"
    if kind == "Complaint":
        c = record["complaint"]
        told = c.get("complaintSubType") == "OnAccountSuppressionList" or c.get("complaintFeedbackType") == "not-spam"
        if not told and len(c["complainedRecipients"]) == 1:
            yield c["complainedRecipients"][0]["emailAddress"], "complaint"


def bare(address):
    return address[address.rindex("<") + 1:address.rindex(">")] if "<" in address else address


found = {}
for path in sys.argv[1:]:
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as f:
        for line in f:
            for address, why in addresses(json.loads(line)):
                address = bare(address)
                if not address.lower().endswith("@simulator.amazonses.com"):
                    found.setdefault((address.lower(), why), address)
print(*sorted(f"{address.lower()} {why}" for address, why in found), sep="\n")
