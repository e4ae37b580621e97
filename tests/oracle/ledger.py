"""What was counted: the six accounts, the cells, and the rates over any set of cells."""

import copy
from collections import defaultdict

import agents
import knowing
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
    "open": (("open_human",), ("n:delivery",)),
    "proxy_open": (("open_proxy",), ("n:delivery",)),
    "machine_open": (("open_machine",), ("n:delivery",)),
    "click": (("click_human",), ("n:delivery",)),
    "machine_click": (("click_machine",), ("n:delivery",)),
}

MAX_DOMAINS = 20_000    # unknown ones that are told apart

# Cells, newest first: (how many are kept, their length in minutes).
GRID = ((185, 1), (843, 60), (401, 1440))


class Ledger:
    """Counts records. After finish():

    counts: (minute, configuration set, provider, identity, tags, what, minute sent) -> number, where all mail of a
    domain whose provider was learned belongs to it; hourly: the same as known hour by hour.

    what: `r:TYPE` records, `n:TYPE` recipients (or events, for the types counted once), else a name out of RATES.
    Before finish() a place stands where the provider will: (provider by the tables, unknown domain or None).
    """

    def __init__(self, now, since=None, until=None, lateness=72 * HOUR, verified=(), tag_names=(), buckets=None,
                 period=None, knowledge=None, is_learning=True, last_sends=10_000):
        """period: when the period asked for begins, if one before it is counted too, to compare with."""
        self.period = period
        self.now, self.since, self.until, self.lateness = now, since, until, lateness
        self.verified = {providers.to_ascii(domain) for domain in verified}
        self.tag_names = tuple(tag_names)
        self.buckets = buckets
        self.knowledge = knowledge or knowing.Knowledge()
        self.is_learning, self.last_sends = is_learning, last_sends
        self.accounts = dict.fromkeys(ACCOUNTS, 0)
        self.raw = defaultdict(int)         # like counts, with a place
        self.raw_samples = []               # (metric, labels, place or None)
        self.raw_seconds = []               # (configuration set, place, milliseconds)
        self.domains = {}                   # unknown domain -> its earliest hint: (time, rank, provider), or None
        self.visits = []
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
        return records.extract(value, text, start, end, self.tag_names, self.knowledge)

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
        kind, verdict, counts = record.type, record.verdict, self.raw
        before = (record.time // MINUTE, record.configuration_set)
        behind = (record.identity, record.tags)
        sent = record.sent // MINUTE
        counts[before + (self.place(record.provider, record.unknown),) + behind + ("r:" + kind, sent)] += 1
        is_shown = self.period is None or record.time >= self.period
        if is_shown:
            self.sample("ses_events_total", event_type=kind, configuration_set=record.configuration_set)
        for recipient in new:
            if recipient is None:
                provider, place = record.provider, self.place(record.provider, record.unknown)
            else:
                provider, place = recipient.provider, self.place(recipient.provider, recipient.unknown)
                self.learn(record, recipient)

            def add(what):
                counts[before + (place,) + behind + (what, sent)] += 1

            add("n:" + kind)
            if kind == "send":
                if not self.is_verified(recipient.domain):
                    add("send_elsewhere")
            elif kind == "delivery":
                if provider in providers.FEEDBACK_LOOP:     # by the tables: a learned one is never in it
                    add("delivery_with_loop")
            elif kind == "bounce" and verdict:
                add("bounce")
                if verdict != "bounce":
                    add(verdict)
                if verdict == "permanent" and not self.is_verified(recipient.domain):
                    add("permanent_elsewhere")
            elif kind == "complaint" and verdict:
                add("complaint")
            elif kind == "subscription" and verdict:
                add("opt_out")
            elif kind == "delivery_delay":
                self.delays[record.message_id, recipient.key].append((record.time, before, place, behind, sent))
            elif kind in ("open", "click"):
                self.visits.append(agents.Visit(
                    kind, record.message_id, record.time, record.sent, record.agent, record.link,
                    (before, place, behind, sent), is_shown))
            if kind in ("bounce", "delivery_delay"):
                add(f"{kind}_reason:{recipient.reason}")
                if verdict:
                    add(f"bounced_for:{recipient.reason}")
            if is_shown:
                self.sample_type(record, recipient, place)

    def place(self, provider, unknown):
        """Where mail is counted until it is known whose its domain is."""
        if unknown is None or not self.is_learning:
            return provider, None
        if unknown not in self.domains:
            if len(self.domains) == MAX_DOMAINS:
                return provider, None
            self.domains[unknown] = None
        return provider, unknown

    def learn(self, record, recipient):
        """Of the hints of a domain the earliest holds; of two at the same time the provider that comes first."""
        if recipient.hint and recipient.unknown in self.domains:
            hint = (record.time, providers.rank(recipient.hint), recipient.hint)
            earliest = self.domains[recipient.unknown]
            if earliest is None or hint < earliest:
                self.domains[recipient.unknown] = hint

    def provider(self, place, minute=None):
        """Whose a place is: as known at the end, or by the end of the minute's hour."""
        provider, unknown = place
        hint = self.domains.get(unknown)
        if hint is None or minute is not None and minute // 60 < hint[0] // HOUR:
            return provider
        return hint[2]

    def is_verified(self, domain):
        return bool(self.verified) and providers.to_ascii(domain) in self.verified

    def only_period(self):
        """This ledger without the period before the one asked for."""
        if self.period is None:
            return self
        rest = copy.copy(self)
        for name in ("counts", "hourly"):
            setattr(rest, name, {key: number for key, number in getattr(self, name).items()
                                 if key[0] >= self.period // MINUTE})
        rest.first = min((key[0] * MINUTE for key in rest.counts), default=None)
        return rest

    def sample(self, metric, place=None, **labels):
        self.raw_samples.append((metric, labels, place))

    def sample_type(self, record, recipient, place):
        kind, label, name = record.type, record.label, record.configuration_set
        self.sample("ses_recipients_total", place, event_type=kind, configuration_set=name)
        if kind == "delivery":
            if record.milliseconds is not None:
                self.raw_seconds.append((name, place, record.milliseconds))
        elif kind == "bounce":
            self.sample("ses_bounces_total", place, bounce_type=label[0], bounce_subtype=label[1],
                        configuration_set=name)
            self.sample("ses_bounce_reasons_total", place, reason=recipient.reason, configuration_set=name)
        elif kind == "complaint":
            self.sample("ses_complaints_total", place, feedback_type=label, configuration_set=name)
        elif kind == "delivery_delay":
            self.sample("ses_delivery_delays_total", place, delay_type=label, configuration_set=name)
            self.sample("ses_delay_reasons_total", place, reason=recipient.reason, configuration_set=name)
        elif kind == "subscription":
            self.sample("ses_subscription_changes_total", change=label[0], source=label[1], configuration_set=name)
        elif kind == "reject":
            self.sample("ses_rejects_total", reason=label, configuration_set=name)
        elif kind == "rendering_failure":
            self.sample("ses_rendering_failures_total", template=label, configuration_set=name)

    def finish(self):
        """What is known only at the end: first delays, agents, first visits, and whose domains are."""
        if self._is_finished:
            return
        self._is_finished = True
        for delays in self.delays.values():
            remembered = None
            for time, before, place, behind, sent in sorted(delays, key=lambda delay: delay[0]):
                if remembered is None or time - remembered > DELAY_MEMORY:
                    remembered = time
                    self.raw[before + (place,) + behind + ("first_delay", sent)] += 1
        self.finish_visits()
        self.counts, self.hourly = defaultdict(int), defaultdict(int)
        for key, number in self.raw.items():
            for book, minute in ((self.counts, None), (self.hourly, key[0])):
                book[key[:2] + (self.provider(key[2], minute),) + key[3:]] += number
        self.samples = defaultdict(int)     # (metric, labels as pairs) -> number
        for metric, labels, place in self.raw_samples:
            if place is not None:
                labels = labels | {"provider": self.provider(place)}
            self.samples[metric, tuple(labels.items())] += 1
        self.seconds = defaultdict(list)    # (configuration set, provider) -> milliseconds, one for each recipient
        for name, place, milliseconds in self.raw_seconds:
            self.seconds[name, self.provider(place)].append(milliseconds)

    def finish_visits(self):
        for visit, agent, is_first in agents.judge(self.visits):
            before, place, behind, sent = visit.where
            metrics = [f"ses_{visit.kind}s_total"]
            if is_first:
                metrics.append(f"ses_unique_{visit.kind}s_total")
                self.raw[before + (place,) + behind + (f"{visit.kind}_{agent}", sent)] += 1
            for metric in metrics if visit.is_shown else ():
                self.sample(metric, place, agent=agent, configuration_set=before[1])

    # -- what follows from the counts --

    def cells(self):
        """(minute, type, configuration set, provider) -> [records, recipients], as known hour by hour."""
        found = defaultdict(lambda: [0, 0])
        for (minute, name, provider, _, _, what, _), number in self.hourly.items():
            if what[1] == ":":
                found[minute, what[2:], name, provider][what[0] == "n"] += number
        return found

    def view(self, by, begin=None, end=None, basis="event"):
        """Row key -> {what: number} over the minutes [begin, end), the simulator's counts under ("simulator", what)."""
        at = 0 if basis == "event" else 6
        rows = defaultdict(lambda: defaultdict(int))
        pick = picker(by, self.tag_names)
        for key, number in self.counts.items():
            if (begin is None or key[at] >= begin) and (end is None or key[at] < end):
                add_to(rows[pick(key)], key, number)
        return rows

    def view_of_last_sends(self, by):
        """The same over the fewest latest cells, by send time, that together hold so many sends of the row."""
        cells = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))     # row -> cell, old ones last -> {what: n}
        pick = picker(by, self.tag_names)
        for key, number in self.counts.items():
            cell = cell_of(key[6], self.watermark)
            if cell is not None:
                add_to(cells[pick(key)][cell], key, number)
        rows = {}
        for key, found in cells.items():
            row = rows[key] = defaultdict(int)
            for _, numbers in sorted(found.items()):
                for what, number in numbers.items():
                    row[what] += number
                if row["n:send"] >= self.last_sends:
                    break
        return rows


def add_to(row, key, number):
    what = key[5]
    row[("simulator", what) if key[2] == providers.SIMULATOR else what] += number


def cell_of(minute, watermark):
    """(level, age) of the cell that holds a minute when time has come to the watermark; None: none any more.

    A minute is in its own cell while that is kept, then in its hour's, then in its day's.
    """
    for level, (kept, length) in enumerate(GRID):
        age = watermark // MINUTE // length - minute // length
        if age < kept:
            return level, age
    return None


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
