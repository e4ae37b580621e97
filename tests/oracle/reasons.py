"""Why a message bounced or was delayed. The rules are those of the tables in docs/reasons.md."""

import os
import re
from collections import namedtuple

import providers

PAGE = os.path.join(os.path.dirname(providers.PAGE), "reasons.md")
READ_BYTES = 4096

# phrases: all must be there; at: providers, or none asked for; code and reply: None where none is asked for.
Rule = namedtuple("Rule", "phrases at code reply reason")

SUPPRESSED = {"Suppressed", "OnAccountSuppressionList", "OnTenantSuppressionList", "UnsubscribedRecipient",
              "EmailValidationSuppressed"}
SUBTYPES = {"NoEmail": "invalid_recipient", "MailboxFull": "mailbox_full", "MessageTooLarge": "too_large",
            "ContentRejected": "spam_content", "AttachmentRejected": "content", "CustomTimeoutExceeded": "expired"}
DELAY_TYPES = {"MailboxFull": "mailbox_full", "SpamDetected": "reputation_block",
               "BYOIPHostNameLookupUnavailable": "ptr", "SendingDeferral": "rate_limited"}
WEAK_DELAY_TYPES = {"IPFailure": "reputation_block", "RecipientServerError": "network",
                    "TransientCommunicationFailure": "network"}

# Texts are held as bytes, each a character of its own.
BLANKS = " \t\n\v\f\r"
TYPE = re.compile(rf"([A-Za-z0-9_-]{{1,32}})[{BLANKS}]*;")
TYPES = {"smtp", "lmtp", "dns", "unix", "local", "unknown", "rfc822", "x400"}
STATUS = re.compile(r"(?<![A-Za-z0-9_./@])[245]\.0{0,2}[0-7]\.\d{1,3}(?![A-Za-z0-9_/@])(?![.-][A-Za-z0-9_])", re.ASCII)
PROGRAM = re.compile(rf"(?<![A-Za-z])(?:version|ver|release|exim|sendmail|postfix|exchange)[{BLANKS}]+\Z", re.IGNORECASE)
CODE_AT_END = re.compile(r"(?<![A-Za-z0-9_.])[245]\d\d\Z", re.ASCII)
FIRST_CODE = re.compile(rf"(?:\A|[\r\n][{BLANKS}]*|(?:<|said:)[{BLANKS}]*)([245]\d\d)(?![A-Za-z0-9_.])",
                        re.ASCII | re.IGNORECASE)


def as_bytes(text):
    """Its bytes, letters of ASCII in lower case."""
    text = text.encode("utf-8", "surrogatepass").decode("latin-1")
    return "".join(c.lower() if c.isascii() else c for c in text)


def one_blank(text):
    return re.sub(f"[{BLANKS}]+", " ", text)


# --- the tables ------------------------------------------------------------------------------------------------------

def texts_of(table):
    rules = []
    for cells in providers.section(PAGE, f"{table}: begin", f"{table}: end"):
        if cells[0].startswith("*"):
            continue
        at, code, reply = (), None, None
        for condition in filter(None, cells[1].split("; ")):
            kind, _, rest = condition.partition(" ")
            names = re.findall(r"`([^`]+)`", rest)
            if kind == "at":
                at = tuple(names)
            elif kind == "code":
                [code] = names
            elif kind == "reply":
                [reply] = names
            else:
                assert condition == "a guess", condition
        phrases = tuple(as_bytes(phrase.replace("\u2420", " ")) for phrase in re.findall(r"`([^`]+)`", cells[0]))
        rules.append(Rule(phrases, at, code, reply, cells[2].strip("`")))
    return rules


def codes_of(table):
    return [(cells[0].strip("`"), cells[2].strip("`"))
            for cells in providers.section(PAGE, f"{table}: begin", f"{table}: end")]


TEXTS = texts_of("providers") + texts_of("usual")
WEAK_TEXTS = texts_of("vague")
CODES = codes_of("codes")
REPLIES = codes_of("replies")


def built_in():
    return TEXTS


def read_rules(path):
    """The operator's rules."""
    rules = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            words = re.findall(r'"(?:[^"\\]|\\.)*"|#.*|[^\s"#]+', line)
            words = [word for word in words if not word.startswith("#")]
            if not words:
                continue
            asked = dict(word.split("=", 1) for word in words[1:] if not word.startswith('"'))
            phrases = tuple(as_bytes(one_blank(re.sub(r"\\(.)", r"\1", word[1:-1]))) for word in words[1:] if word[0] == '"')
            rules.append(Rule(phrases, (asked["provider"],) if "provider" in asked else (), asked.get("code"),
                              asked.get("reply"), words[0]))
    return rules


# --- a reply ---------------------------------------------------------------------------------------------------------

class Reply:
    """What a server said: its text on one line and in lower case, the code to trust, and the reply code."""

    def __init__(self, diagnostic):
        text = as_bytes(diagnostic)[:READ_BYTES].strip(BLANKS)
        while (match := TYPE.match(text)) and (match[1] in TYPES or match[1].startswith("x-") and len(match[1]) > 2):
            text = text[match.end():].strip(BLANKS)
        self.status, before = best_status(text)
        first = FIRST_CODE.search(text)
        self.code = before or (int(first[1]) if first else None)
        self.text = on_one_line(text)


def parse_status(text):
    """(class, subject, detail), or None"""
    match = re.fullmatch(r"([245])\.(\d{1,3})\.(\d{1,3})", text.strip(BLANKS), re.ASCII)
    return tuple(int(part) for part in match.groups()) if match else None


def worth(status):
    """None, then 2.x.x, then the weak ones, then those that tell."""
    if status is None or status[0] == 2:
        return 0 if status is None else 1
    return 2 if status[1:] == (0, 0) or status == (4, 4, 7) else 3


def best_status(text):
    """The enhanced code to trust, and the reply code right before it."""
    best, best_before = None, None
    for match in STATUS.finditer(text):
        before = code_before(text[:match.start()])
        if text[:match.start()].endswith("-") and not before or PROGRAM.search(text[:match.start()]):
            continue
        status = parse_status(match.group())
        if worth(status) > worth(best):
            best, best_before = status, before
    return best, best_before


def code_before(text):
    text = text[:-1] if text.endswith(("#", "(", "-")) else text
    match = CODE_AT_END.search(text.rstrip(BLANKS))
    return int(match.group()) if match else None


def on_one_line(text):
    """With one blank for every run of them, and without the codes that begin later lines."""
    beginning = re.match(r"[245]\d\d(?![A-Za-z0-9_])", text, re.ASCII)
    if beginning:
        code = beginning.group()
        is_continued = text[3:4] == "-"
        blanks = f"[{BLANKS}]+" if is_continued else f"[{BLANKS}]*[\r\n][{BLANKS}]*"
        status = rf"(?:[{BLANKS}]*[245]\.\d{{1,3}}\.\d{{1,3}}(?=[{BLANKS}]|\Z))?"
        text = re.sub(rf"(?:{blanks}{code}(?:-|(?=[{BLANKS}])|\Z){status})+", " ", text, flags=re.ASCII)
    return one_blank(text).strip(" ")


# --- what fits -------------------------------------------------------------------------------------------------------

def fits_part(pattern, number):
    if pattern == "*":
        return True
    first, _, last = pattern.partition("-")
    return int(first) <= number <= int(last or first)


def fits_code(pattern, status):
    if status is None or status[0] == 2:
        return False
    kind, subject, detail = pattern.split(".")
    is_kind = kind == "x" or status[0] == int(kind)
    return is_kind and fits_part(subject, status[1]) and fits_part(detail, status[2])


def fits_reply(pattern, code):
    if not code:
        return False
    if "-" in pattern:
        first, last = pattern.split("-")
        return int(first) <= code <= int(last)
    return re.fullmatch(pattern.replace("x", "[0-9]"), str(code)) is not None


def first_rule(rules, reply, status, provider):
    code = reply.code or status and status[0] * 100
    for rule in rules:
        if all(phrase in reply.text for phrase in rule.phrases) and (not rule.at or provider in rule.at) \
                and (rule.code is None or fits_code(rule.code, status)) \
                and (rule.reply is None or fits_reply(rule.reply, code)):
            return rule.reason
    return None


def first_code(status):
    return next((reason for pattern, reason in CODES if fits_code(pattern, status)), None)


def find(rules, kind, provider, diagnostic, status, action, bounce_type=None, subtype=None, delay_type=None):
    """The reason. rules: the operator's, and then the built-in ones."""
    reply = Reply(diagnostic)
    is_bare = not (diagnostic or status or action)
    status = parse_status(status)
    trusted = status if worth(reply.status) < 3 and status else reply.status
    own = rules[:len(rules) - len(TEXTS)]
    if subtype in SUPPRESSED:
        return "suppressed"
    answers = (
        lambda: first_rule(own, reply, trusted, provider),
        lambda: SUBTYPES.get(subtype) if kind == "bounce" else DELAY_TYPES.get(delay_type),
        lambda: first_rule(TEXTS, reply, trusted, provider),
        lambda: first_code(reply.status),
        lambda: first_code(status),
        lambda: first_rule(WEAK_TEXTS, reply, trusted, provider),
        lambda: next((reason for pattern, reason in REPLIES if fits_reply(pattern, reply.code)), None),
        lambda: WEAK_DELAY_TYPES.get(delay_type),
        lambda: "autoreply" if bounce_type == "Transient" and subtype in (None, "none", "General") and is_bare else None,
    )
    return next((reason for reason in (answer() for answer in answers) if reason), "undetermined")


def examples():
    """Replies for made-up dumps: every rule's words, with codes and lines around them."""
    found = []
    for number, rule in enumerate(TEXTS + WEAK_TEXTS):
        words = " what ".join(rule.phrases) or "no"
        code = (rule.reply or "550").replace("x", "5")
        status = re.sub(r"-\d+", "", rule.code or "").replace("x", "5").replace("*", "9")
        found.append(f"{code} {status} <a@shop.example> {words}.".replace("  ", " "))
        if number % 5 == 0:
            found.append(f"{code}-{status or '5.0.0'} sorry\n{code} {status or '5.0.0'} {words.upper()}")
        if number % 7 == 0:
            found.append(words)
        if number % 11 == 0:
            found.append("554 4.4.7 Message expired <" + found[-1] + ">")
    for pattern, _ in CODES:
        kind, subject, detail = pattern.replace("*", "777").split(".")
        for number in detail.split("-"):
            found.append(f"{kind.replace('x', '5')}50 {kind.replace('x', '5')}.{subject}.{number} no words")
            found.append(f"{kind.replace('x', '4')}51 {kind.replace('x', '4')}.{subject}.{int(number) + 1} no words")
    found += [f"{code} no words" for code in range(420, 575)]
    found += ["550 192.0.2.4.1.1 no", "Server/5.1.1 says no", "421 4.4.7 then 5.1.1", "5.0.0 then 4.2.2", "x",
              "250 2.1.5 then 5.2.1", "550 5.1.1.2", "550 55.1.1 no", "5.1.1234 no", "host mx.shop.example said: 452 4.2.2 no",
              "550 5.7.1 no; 421 4.7.0 later", "x" * 4090 + " 5.1.1", "y" * 4080 + " spamhaus", "x" * 4094 + "5.1.1",
              "550 no by mx1.antispamcloud.com", "550 5.7.1 no by mx1.antispamcloud.com", "554 by our antispam filter",
              "550 herbl", "452 it says: 421 4.4.7 then 5.1.1", "try again later 4.3.0", "host said: 452 no", "x\r452 no",
              "X-A; lmtp ;452 no", "550-a\n550\n550- 5.1.1 over\n550-quota", "550-over 550 quota", "550 over 550-quota", "550-5.1.1 over\v550\fquota",
              "Exim 4.2.2 no", "550 foo-5.1.1 no", "550 4.9.1 no", "(452 (4.2.2) no", "a 452 #4.2.2 no", "5.2.2@ no"]
    return found
