"""From a JSON value to what is counted of it: envelopes, fields, time, recipients, labels."""

import base64
import binascii
import re
from collections import namedtuple

import knowing
import providers
import reading
from reading import BROKEN, Obj

MAX_ENVELOPES = 3
MAX_LABEL = 128


# Lists whose elements tell why.
TELLING = ("bouncedRecipients", "delayedRecipients")


class Malformed(Exception):
    pass


class Filtered(Exception):
    pass


class _NeedsTree(Exception):
    """The raw text of a field is asked for, and the plain parse does not tell where it stands."""


# eventType -> (our name, key of its object, whether that object carries the time, counts per recipient,
#               key of its list of recipients, key of the address in an element of it)
TYPES = {
    "Send": ("send", None, False, True, None, None),
    "Delivery": ("delivery", "delivery", True, True, "recipients", None),
    "Bounce": ("bounce", "bounce", True, True, "bouncedRecipients", "emailAddress"),
    "Complaint": ("complaint", "complaint", True, False, "complainedRecipients", "emailAddress"),
    "Reject": ("reject", "reject", False, True, None, None),
    "Open": ("open", "open", True, False, None, None),
    "Click": ("click", "click", True, False, None, None),
    "Rendering Failure": ("rendering_failure", "failure", False, True, None, None),
    "DeliveryDelay": ("delivery_delay", "deliveryDelay", True, True, "delayedRecipients", "emailAddress"),
    "Subscription": ("subscription", "subscription", True, False, None, None),
}
UNKNOWN = ("unknown", None, False, True, None, None)
TYPE_ORDER = [row[0] for row in TYPES.values()] + ["unknown"]
NEED_RECIPIENTS = {"send", "delivery", "bounce", "reject", "rendering_failure", "delivery_delay"}
MILLISECONDS = {"open", "click", "delivery_delay"}

BOUNCE_TYPES = {"Undetermined", "Permanent", "Transient"}
BOUNCE_SUBTYPES = {"Undetermined", "General", "NoEmail", "Suppressed", "OnAccountSuppressionList", "MailboxFull",
                   "MessageTooLarge", "ContentRejected", "AttachmentRejected",
                   # newer than the developer guide's table
                   "OnTenantSuppressionList", "UnsubscribedRecipient", "EmailValidationSuppressed",
                   "CustomTimeoutExceeded"}
FEEDBACK_TYPES = {"abuse", "auth-failure", "fraud", "not-spam", "other", "virus"}
DELAY_TYPES = {"InternalFailure", "General", "MailboxFull", "SpamDetected", "RecipientServerError", "IPFailure",
               "TransientCommunicationFailure", "BYOIPHostNameLookupUnavailable", "Undetermined", "SendingDeferral"}
NOT_SENDING = ("Received", "AmazonSnsSubscriptionSucceeded")
CONFIRMATIONS = ("SubscriptionConfirmation", "UnsubscribeConfirmation")


# unknown: the domain when no table names it, else None. hint: the provider that the event tells of it, or None.
# reason: of a bounce or a delay. told: (diagnosticCode, status, action) of a bounce or a delay.
Recipient = namedtuple("Recipient", "key provider domain unknown told hint reason", defaults=(None, None, None))


class Record:
    """One record that is not malformed.

    recipients: each once. unknown: the one unknown domain that all of them are at, else None. sent: when its mail was
    sent. label: what the metric of its type is labelled with (a bounce: a pair). verdict: what the rates ask of it.
    milliseconds: of processing, or None. agent: of an open or click, by itself. link: of a click.
    """
    __slots__ = ("type", "time", "sent", "message_id", "recipients", "per_recipient", "provider", "unknown",
                 "configuration_set", "identity", "tags", "extra", "label", "verdict", "milliseconds", "agent", "link")


# --- fields ----------------------------------------------------------------------------------------------------------

def get(holder, key):
    """A field that is read: what is broken or there twice makes the record malformed."""
    value = holder.get(key)
    if type(holder) is Obj and key in holder.twice or value is BROKEN:
        raise Malformed
    return value


def get_object(holder, key):
    value = get(holder, key)
    return value if isinstance(value, dict) else {}


def get_list(holder, key):
    value = get(holder, key)
    return value if isinstance(value, list) else []


def get_text(holder, key):
    value = get(holder, key)
    return value if isinstance(value, str) else ""


def first_text(holder, key):
    """The first element of a list, if it is a string."""
    items = get_list(holder, key)
    return items[0] if items and isinstance(items[0], str) else ""


def lower_ascii(text):
    return text.lower() if text.isascii() else "".join(c.lower() if c.isascii() else c for c in text)


def label(text):
    """A name as a label, or `invalid`."""
    if not text:
        return ""
    if text.isascii() and text.isprintable() and len(text) <= MAX_LABEL:
        return text
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        return "invalid"
    if size > MAX_LABEL or any(c < " " or "\x7f" <= c <= "\x9f" for c in text):
        return "invalid"
    return text


def known(value, names):
    """An enumeration's value as a label."""
    if value is None:
        return "none"
    return value if isinstance(value, str) and value in names else "other"


# --- time ------------------------------------------------------------------------------------------------------------

TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?: ?(?:([Zz])|([+-])(\d\d):?(\d\d)))?", re.ASCII
)
_minutes = {}


def days_from_civil(year, month, day):
    """Days since 1970-01-01 of a date in the Gregorian calendar."""
    year -= month <= 2
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468


def days_in_month(year, month):
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def parse_time(text):
    """Milliseconds since 1970, or None."""
    if len(text) == 24 and text[23] == "Z" and text[19] == "." and text[16] == ":" and text[:16] in _minutes:
        seconds, fraction = text[17:19], text[20:23]
        if text.isascii() and seconds.isdigit() and fraction.isdigit() and seconds < "60":
            return _minutes[text[:16]] + int(seconds) * 1000 + int(fraction)
    match = TIME.fullmatch(text)
    if not match:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    if not 1 <= month <= 12 or not 1 <= day <= days_in_month(year, month) or hour > 23 or minute > 59 or second > 59:
        return None
    shift = 0
    if match.group(9):
        hours, minutes = int(match.group(10)), int(match.group(11))
        if hours > 23 or minutes > 59:
            return None
        shift = (hours * 60 + minutes) * (1 if match.group(9) == "+" else -1)
    start = ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60000
    if text[10] == "T" and text[-1] == "Z":
        _minutes[text[:16]] = start
    return start - shift * 60000 + second * 1000 + int(((match.group(7) or "") + "000")[:3])


def read_time(holder, key):
    """The time in a field; None when the field is missing or null."""
    value = get(holder, key)
    if value is None:
        return None
    time = parse_time(value) if isinstance(value, str) else None
    if time is None:
        raise Malformed
    return time


# --- envelopes -------------------------------------------------------------------------------------------------------

def is_record(value):
    return "mail" in value and ("eventType" in value or "notificationType" in value)


def is_envelope(value):
    """Whether open_record has a way to go on from this object."""
    return get_text(value, "notificationType") in NOT_SENDING or get_text(value, "Type") in CONFIRMATIONS \
        or isinstance(get(value, "Message"), (str, dict)) or isinstance(get(value, "detail"), dict) \
        or isinstance(get(value, "rawData"), str) or isinstance(get(value, "payload"), (str, dict))


def open_record(value, text, start, end):
    """Opens envelopes: (record object, text it stands in, start, end). Raises Malformed or Filtered."""
    for _ in range(MAX_ENVELOPES + 1):
        if not isinstance(value, dict):
            raise Malformed
        if not isinstance(get(value, "eventType"), str) and get_text(value, "notificationType") in NOT_SENDING:
            raise Filtered
        if is_record(value):
            return value, text, start, end
        if get_text(value, "Type") in CONFIRMATIONS:
            raise Filtered
        message, detail = get(value, "Message"), get(value, "detail")
        raw_data, payload = get(value, "rawData"), get(value, "payload")
        if isinstance(message, dict):
            value = message
        elif isinstance(message, str):
            if not message.lstrip(" \t\r\n\ufeff").startswith("{"):
                raise Filtered
            value, text, start, end = inner(message, True)
        elif isinstance(detail, dict):
            if not is_record(detail) and not is_envelope(detail):
                raise Filtered
            value = detail
        elif isinstance(raw_data, str):
            value, text, start, end = inner(decode(raw_data), False)
        elif isinstance(payload, dict):
            value = payload
        elif isinstance(payload, str):
            value, text, start, end = inner(payload, True)
        else:
            raise Malformed
    raise Malformed


def decode(raw_data):
    try:
        data = base64.b64decode("".join(raw_data.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed from None
    return reading.as_text(data)


def inner(text, is_alone):
    """The record in a text; is_alone: nothing but blanks may follow it."""
    match = reading.NOT_BETWEEN.search(text)
    if not match or match.group() != "{":
        raise Malformed
    try:
        value, end = reading.load(text, match.start())
    except reading.Damage:
        raise Malformed from None
    if is_alone and text[end:].strip(" \t\r\n"):
        raise Malformed
    return value, text, match.start(), end


# --- the record ------------------------------------------------------------------------------------------------------

def extract(value, text, start, end, tag_names=(), knowledge=None):
    """The Record in a value, or Malformed or Filtered raised."""
    knowledge = knowledge or knowing.Knowledge()
    value, text, start, end = open_record(value, text, start, end)
    try:
        return _extract(value, text, start, end, tag_names, knowledge)
    except _NeedsTree:
        value = reading.tree(text, start, end)
        value, text, start, end = open_record(value, text, start, end)
        return _extract(value, text, start, end, tag_names, knowledge)


def _extract(value, text, start, end, tag_names, knowledge):
    type_name = get(value, "eventType")
    if not isinstance(type_name, str):
        type_name = get(value, "notificationType")
    mail = get(value, "mail")
    if not isinstance(type_name, str) or not isinstance(mail, dict):
        raise Malformed
    name, object_key, has_time, per_recipient, list_key, address_key = TYPES.get(type_name, UNKNOWN)
    event = get_object(value, object_key) if object_key else {}

    record = Record()
    record.type = name
    record.per_recipient = per_recipient
    record.message_id = get_text(mail, "messageId")
    if not record.message_id:
        raise Malformed
    time = read_time(event, "timestamp") if has_time else None
    if time is None:
        time = read_time(mail, "timestamp")
    if time is None:
        raise Malformed
    record.time = time
    sent = parse_time(get_text(mail, "timestamp"))      # nothing is wrong with a record whose send time is odd
    record.sent = time if sent is None else min(sent, time)

    record.recipients = read_recipients(event, list_key, address_key, knowledge) if list_key else []
    if not record.recipients:
        record.recipients = read_recipients(mail, "destination", None, knowledge)
    if not record.recipients and name in NEED_RECIPIENTS:
        raise Malformed
    at = {recipient.provider for recipient in record.recipients}
    record.provider = providers.OTHER if not at else at.pop() if len(at) == 1 else providers.MULTIPLE
    unknown = {recipient.unknown for recipient in record.recipients}
    record.unknown = unknown.pop() if len(unknown) == 1 else None

    tags = get_object(mail, "tags")
    record.configuration_set = label(first_text(tags, "ses:configuration-set") or
                                     read_header(mail, "x-ses-configuration-set"))
    record.identity = label(read_identity(mail, tags))
    record.tags = tuple([label(first_text(tags, tag)) for tag in tag_names])

    record.extra = record.label = record.verdict = record.milliseconds = record.agent = record.link = None
    reader = READERS.get(name)
    if reader:
        reader(record, event, (text, start, end), knowledge)
    elif name == "unknown":
        record.extra = type_name
    return record


def split_address(address):
    """(local part, domain) of an address with or without a display name; the domain in lower case."""
    address = address.strip(" \t\r\n")
    if address.endswith(">") and "<" in address:
        address = address[address.rindex("<") + 1:-1].strip(" \t\r\n")
    local, _, domain = address.rpartition("@")
    if not _:
        return address, ""
    return local, domain.lower()


def read_recipients(holder, list_key, address_key, knowledge):
    """The Recipient of each address, each once, in their order."""
    found = {}
    for item in get_list(holder, list_key):
        told = None
        if address_key:
            if not isinstance(item, dict):
                continue
            if list_key in TELLING:
                told = tuple(get_text(item, name) for name in ("diagnosticCode", "status", "action"))
            item = get(item, address_key)
        if not isinstance(item, str):
            continue
        key = split_address(item)
        if key not in found and (key[0] or key[1]):
            found[key] = Recipient(key, *knowledge.whose(key[1]), told=told)
    return list(found.values())


def read_header(mail, name):
    for header in get_list(mail, "headers"):
        if isinstance(header, dict) and lower_ascii(get_text(header, "name")) == name:
            return get_text(header, "value")
    return ""


def read_identity(mail, tags):
    _, _, identity = get_text(mail, "sourceArn").partition(":identity/")
    identity = identity or first_text(tags, "ses:from-domain") or split_address(get_text(mail, "source"))[1]
    if "@" in identity:
        identity = "*@" + identity.rpartition("@")[2]
    return lower_ascii(identity)


# --- by type ---------------------------------------------------------------------------------------------------------

def read_delivery(record, event, _, knowledge):
    value = get(event, "processingTimeMillis")
    if isinstance(value, str) and re.fullmatch(r"\d{1,15}", value, re.ASCII):
        value = int(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e15:
        record.milliseconds = int(value)
    hint = knowledge.hint(get_text(event, "smtpResponse"), "", get_text(event, "remoteMtaIp"))
    record.recipients = [recipient._replace(hint=hint) for recipient in record.recipients]


def judge_recipients(record, event, knowledge, **facts):
    """Why each recipient's mail bounced or was delayed, and whose its domain is by what its server said."""
    server = get_text(event, "reportingMTA"), get_text(event, "remoteMtaIp")
    judged = []
    for recipient in record.recipients:
        diagnostic, status, action = recipient.told or ("", "", "")
        hint = knowledge.hint(diagnostic, *server)
        provider = hint if recipient.unknown is not None and hint else recipient.provider
        reason = knowledge.reason(record.type, provider, diagnostic, status, action, **facts)
        judged.append(recipient._replace(hint=hint, reason=reason))
    record.recipients = judged


def read_bounce(record, event, _, knowledge):
    kind, subtype = get(event, "bounceType"), get(event, "bounceSubType")
    if not isinstance(kind, str):
        raise Malformed
    record.extra = get_text(event, "feedbackId")
    record.label = known(kind, BOUNCE_TYPES), known(subtype, BOUNCE_SUBTYPES)
    if subtype != "OnAccountSuppressionList":
        record.verdict = {"Permanent": "permanent", "Transient": "transient"}.get(kind, "bounce")
    judge_recipients(record, event, knowledge, bounce_type=record.label[0], subtype=record.label[1])


def read_complaint(record, event, *_):
    feedback = get(event, "complaintFeedbackType")
    is_suppressed = get(event, "complaintSubType") == "OnAccountSuppressionList"
    record.extra = get_text(event, "feedbackId")
    record.label = "OnAccountSuppressionList" if is_suppressed else known(feedback, FEEDBACK_TYPES)
    record.verdict = not is_suppressed and feedback != "not-spam"


def read_reject(record, event, *_):
    reason = get(event, "reason")
    record.label = known(reason, {"Bad content"})


def read_open(record, event, _, knowledge):
    record.extra = get_text(event, "ipAddress"), get_text(event, "userAgent")
    record.agent = knowledge.agent("open", record.extra[1], record.extra[0])


def read_click(record, event, place, knowledge):
    record.extra = (get_text(event, "ipAddress"), get_text(event, "userAgent"), get_text(event, "link"),
                    raw_link_tags(event, place))
    record.link = get_text(event, "link")
    record.agent = knowledge.agent("click", record.extra[1], record.extra[0])


def raw_link_tags(event, place):
    if "linkTags" not in event:
        return ""
    get(event, "linkTags")
    if type(event) is Obj:
        return event.raw["linkTags"]
    text, start, end = place
    found = list(re.compile(r'"linkTags"[ \t\r\n]*:[ \t\r\n]*').finditer(text, start, end))
    if len(found) != 1:
        raise _NeedsTree
    at = found[0].end()
    if text.startswith("null", at):
        return "null"
    if text[at] != "{":
        raise _NeedsTree
    return text[at:reading.follow(text, at)[0]]


def read_failure(record, event, *_):
    record.label = label(get_text(event, "templateName")) or "none"


def read_delay(record, event, _, knowledge):
    kind = get(event, "delayType")
    record.extra = kind if isinstance(kind, str) else ""
    if kind == "BYOIP HostNameLookupUnavailable":
        kind = "BYOIPHostNameLookupUnavailable"
    record.label = known(kind, DELAY_TYPES)
    judge_recipients(record, event, knowledge, delay_type=record.label)


def read_subscription(record, event, *_):
    source = get(event, "source")
    record.extra = get_text(event, "contactList"), source if isinstance(source, str) else ""
    source_label = known(source, {"UnsubscribeHeader", "PreferencesPage"})
    change = read_change(get_object(event, "newTopicPreferences"), get_object(event, "oldTopicPreferences"))
    record.label = change, source_label
    record.verdict = change in ("opt_out", "unsubscribe_all")


def read_change(new, old):
    if get(new, "unsubscribeAll") is True:
        return "unsubscribe_all"
    before = {name: status for name, status in read_topics(old)}
    changed = {status for name, status in read_topics(new) if before.get(name) != status}
    return "opt_out" if "OptOut" in changed else "opt_in" if "OptIn" in changed else "none"


def read_topics(preferences):
    for topic in get_list(preferences, "topicSubscriptionStatus"):
        if isinstance(topic, dict) and get_text(topic, "subscriptionStatus"):
            yield get_text(topic, "topicName"), get_text(topic, "subscriptionStatus")


READERS = {
    "delivery": read_delivery, "bounce": read_bounce, "complaint": read_complaint, "reject": read_reject,
    "open": read_open, "click": read_click, "rendering_failure": read_failure, "delivery_delay": read_delay,
    "subscription": read_subscription,
}
