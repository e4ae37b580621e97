"""What was counted: the six accounts, the cells, and the rates over any set of cells."""

import copy
from collections import defaultdict

import providers
import records
import reading

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
FUTURE = 5 * MINUTE
DELAY_MEMORY = 4 * DAY
ACCOUNTS = ("read", "counted", "duplicate", "late", "future", "malformed", "filtered")

# rate -> (what is in the numerator, what is in the denominator). Where a name stands for a part of the recipients or
# events of a type, Ledger.count says which.
RATES = {
    "delivery": (("n:delivery",), ("n:send",)),
    "bounce": (("bounce",), ("n:send",)),
    "permanent_bounce": (("permanent",), ("n:send",)),
    "transient_bounce": (("transient",), ("n:send",)),
    "reputation_bounce": (("permanent_elsewhere",), ("send_elsewhere",)),
    "complaint": (("complaint",), ("delivery_with_loop",)),
    "delay": (("first_delay",), ("n:send",)),
    "reject": (("n:reject",), ("n:send", "n:reject")),
    "rendering_failure": (("n:rendering_failure",), ("n:send", "n:rendering_failure")),
    "unsubscribe": (("opt_out",), ("n:delivery",)),
}


class Ledger:
    """Counts records. counts: (minute, configuration set, provider, identity, tags, what) -> number.

    what: `r:TYPE` records, `n:TYPE` recipients (or events, for the types counted once), else a name out of RATES.
    """

    def __init__(self, now, since=None, until=None, lateness=72 * HOUR, verified=(), tag_names=(), buckets=None,
                 period=None):
        """period: when the period asked for begins, if one before it is counted too, to compare with."""
        self.period = period
        self.now, self.since, self.until, self.lateness = now, since, until, lateness
        self.verified = {providers.to_ascii(domain) for domain in verified}
        self.tag_names = tuple(tag_names)
        self.buckets = buckets
        self.accounts = dict.fromkeys(ACCOUNTS, 0)
        self.counts = defaultdict(int)
        self.samples = defaultdict(int)     # (metric, labels as pairs) -> number
        self.seconds = defaultdict(list)    # (configuration set, provider) -> milliseconds, one for each recipient
        self.seen = set()
        self.delays = defaultdict(list)     # (message, recipient) -> (time, dimensions)
        self.watermark = None
        self.first = None
        self._is_finished = False

    # -- reading --

    def is_good(self, value, text, start, end):
        try:
            self.extract(value, text, start, end)
        except records.Malformed:
            return False
        except records.Filtered:
            pass
        return True

    def extract(self, value, text, start, end):
        return records.extract(value, text, start, end, self.tag_names)

    def read_text(self, text):
        accounts = self.accounts
        for found in reading.values(text, self.is_good):
            accounts["read"] += 1
            if found is None:
                accounts["malformed"] += 1
                continue
            try:
                record = self.extract(*found)
            except records.Malformed:
                accounts["malformed"] += 1
            except records.Filtered:
                accounts["filtered"] += 1
            else:
                accounts[self.judge(record)] += 1

    def judge(self, record):
        """Counts the record if it is to be counted, and names the account it belongs to."""
        time = record.time
        if self.since is not None and time < self.since or self.until is not None and time >= self.until:
            return "filtered"
        if time > self.now + FUTURE:
            return "future"
        if self.watermark is not None and self.watermark // HOUR * HOUR - time // HOUR * HOUR > self.lateness:
            return "late"
        new = self.take_new(record)
        if not new:
            return "duplicate"
        self.count(record, new)
        self.watermark = time if self.watermark is None else max(self.watermark, time)
        self.first = time if self.first is None else min(self.first, time)
        return "counted"

    def take_new(self, record):
        """The recipients whose event was not counted before; for what counts once, [None]."""
        stamp = record.time if record.type in records.MILLISECONDS else record.time // 1000
        new = []
        for recipient in record.recipients if record.per_recipient and record.recipients else [None]:
            key = (record.type, record.message_id, stamp, recipient and recipient[0], record.extra)
            if key not in self.seen:
                self.seen.add(key)
                new.append(recipient)
        return new

    def count(self, record, new):
        kind, verdict, counts = record.type, record.verdict, self.counts
        place = (record.time // MINUTE, record.configuration_set)
        rest = (record.identity, record.tags)
        counts[place + (record.provider,) + rest + ("r:" + kind,)] += 1
        is_shown = self.period is None or record.time >= self.period
        if is_shown:
            self.sample("ses_events_total", 1, event_type=kind, configuration_set=record.configuration_set)
        for recipient in new:
            provider = record.provider if recipient is None else recipient[1]
            where = place + (provider,) + rest
            counts[where + ("n:" + kind,)] += 1
            if kind == "send":
                if not self.is_verified(recipient[2]):
                    counts[where + ("send_elsewhere",)] += 1
            elif kind == "delivery":
                if provider in providers.FEEDBACK_LOOP:
                    counts[where + ("delivery_with_loop",)] += 1
            elif kind == "bounce" and verdict:
                counts[where + ("bounce",)] += 1
                if verdict != "bounce":
                    counts[where + (verdict,)] += 1
                if verdict == "permanent" and not self.is_verified(recipient[2]):
                    counts[where + ("permanent_elsewhere",)] += 1
            elif kind == "complaint" and verdict:
                counts[where + ("complaint",)] += 1
            elif kind == "subscription" and verdict:
                counts[where + ("opt_out",)] += 1
            elif kind == "delivery_delay":
                self.delays[record.message_id, recipient[0]].append((record.time, where))
            if is_shown:
                self.sample_type(record, provider)

    def is_verified(self, domain):
        return bool(self.verified) and providers.to_ascii(domain) in self.verified

    def only_period(self):
        """This ledger without the period before the one asked for."""
        if self.period is None:
            return self
        rest = copy.copy(self)
        rest.counts = {key: number for key, number in self.counts.items() if key[0] >= self.period // MINUTE}
        rest.first = min((key[0] * MINUTE for key in rest.counts), default=None)
        return rest

    def sample(self, metric, number, **labels):
        self.samples[metric, tuple(labels.items())] += number

    def sample_type(self, record, provider):
        kind, label, name = record.type, record.label, record.configuration_set
        self.sample("ses_recipients_total", 1, event_type=kind, configuration_set=name, provider=provider)
        if kind == "delivery":
            if record.milliseconds is not None:
                self.seconds[name, provider].append(record.milliseconds)
        elif kind == "bounce":
            self.sample("ses_bounces_total", 1, bounce_type=label[0], bounce_subtype=label[1], configuration_set=name,
                        provider=provider)
        elif kind == "complaint":
            self.sample("ses_complaints_total", 1, feedback_type=label, configuration_set=name, provider=provider)
        elif kind == "delivery_delay":
            self.sample("ses_delivery_delays_total", 1, delay_type=label, configuration_set=name, provider=provider)
        elif kind == "subscription":
            self.sample("ses_subscription_changes_total", 1, change=label[0], source=label[1], configuration_set=name)
        elif kind == "reject":
            self.sample("ses_rejects_total", 1, reason=label, configuration_set=name)
        elif kind == "rendering_failure":
            self.sample("ses_rendering_failures_total", 1, template=label, configuration_set=name)

    def finish(self):
        """First delays are known only now: the earliest of each message and recipient, whatever came first."""
        if self._is_finished:
            return
        self._is_finished = True
        for delays in self.delays.values():
            remembered = None
            for time, where in sorted(delays, key=lambda delay: delay[0]):
                if remembered is None or time - remembered > DELAY_MEMORY:
                    remembered = time
                    self.counts[where + ("first_delay",)] += 1

    # -- what follows from the counts --

    def cells(self):
        """(minute, type, configuration set, provider) -> [records, recipients]"""
        found = defaultdict(lambda: [0, 0])
        for (minute, name, provider, _, _, what), number in self.counts.items():
            if what[1] == ":":
                found[minute, what[2:], name, provider][what[0] == "n"] += number
        return found

    def view(self, by, begin=None, end=None):
        """Row key -> {what: number} over the minutes [begin, end), the simulator's counts under ("simulator", what)."""
        rows = defaultdict(lambda: defaultdict(int))
        pick = picker(by, self.tag_names)
        for key, number in self.counts.items():
            if (begin is None or key[0] >= begin) and (end is None or key[0] < end):
                row = rows[pick(key)]
                what = key[5]
                if key[2] == providers.SIMULATOR:
                    row["simulator", what] += number
                else:
                    row[what] += number
        return rows


def picker(by, tag_names=()):
    """From a key of Ledger.counts to (provider, configuration set, name) of the row it belongs to."""
    if by == "account":
        return lambda key: ("", "", "")
    if by == "provider":
        return lambda key: (key[2], "", "")
    if by == "configuration_set":
        return lambda key: ("", key[1], "")
    if by in ("provider,configuration_set", "provider_configuration_set", "configuration_set,provider"):
        return lambda key: (key[2], key[1], "")
    if by == "identity":
        return lambda key: ("", "", key[3])
    if by.startswith("tag:") and by[4:] in tag_names:
        index = tag_names.index(by[4:])
        return lambda key: ("", "", key[4][index])
    raise SystemExit(f"no such view: {by}")


def rate_numbers(row):
    """rate -> (numerator, denominator)."""
    return {rate: (sum(row.get(what, 0) for what in above), sum(row.get(what, 0) for what in below))
            for rate, (above, below) in RATES.items()}


def rates_of(row):
    """The same of the rates whose denominator is not 0: the others do not exist."""
    return {rate: numbers for rate, numbers in rate_numbers(row).items() if numbers[1]}
