"""The alerts that must have fired: every rule looked at for every minute, with nothing remembered but its state.

Modelled are rates over or under a threshold (with confidence, by event time or send time) and the silence of all types.
Changes, drops, new reasons, quotas and the last N sends are not: compare.py leaves out incidents of rules that are not
in the list given here. Whose a company's domain is, is known as hour by hour. Muting takes no incident out of the list.
"""

import itertools
import math
import statistics
from collections import defaultdict

import ledger
import providers

RATE_KINDS = ("rate", "rate_below")
MARGIN = 8 * 1440       # minutes of sending before the first event that a window can reach
SHORT = 120     # minutes: longest window made of minutes; longer ones are made of the hours they touch


def incidents(book, rules):
    """Every incident that fired, as a list of dicts; times in seconds."""
    if book.first is None:
        return []
    begin, end = book.first // ledger.MINUTE, book.watermark // ledger.MINUTE
    found = []
    for rule in rules:
        for scope in rule["scopes"] if rule["kind"] in RATE_KINDS else ["account"]:
            for key, (above, below) in sorted(series(book, rule, scope, begin, end).items()):
                if below.total < rule.get("min_volume", 0):
                    continue    # never enough, whatever the window
                look = look_at_rate if rule["kind"] in RATE_KINDS else look_at_silence
                for incident in follow(rule, begin, end, look(rule, above, below)):
                    found.append({"rule": rule["name"], "severity": rule.get("severity", ""), "scope": scope,
                                  "provider": key[0], "configuration_set": key[1], "key": key[2] or None} | incident)
    return found


def series(book, rule, scope, begin, end):
    """Key -> (numerators, denominators) that can be asked for the sum over any stretch of minutes."""
    if rule["kind"] in RATE_KINDS:
        above, below = ledger.RATES[rule["rate"]]
    else:
        above = below = tuple("r:" + kind for kind in ledger.records.TYPE_ORDER)
    pick = ledger.picker(scope)
    sparse = defaultdict(lambda: ([], []))
    for key, number in book.hourly.items():
        if rule["kind"] in RATE_KINDS and key[2] == providers.SIMULATOR:
            continue
        for side, wanted in enumerate((above, below)):
            if key[5] in wanted:
                sparse[pick(key)][side].append((key[0], key[6], number))
    make = SumOfSent if rule.get("basis") == "sent" else RunningSum
    return {key: tuple(make(side, begin, end) for side in sides) for key, sides in sparse.items()}


class RunningSum:
    """What happened, by when it happened."""

    def __init__(self, events, begin, end):
        self.begin = begin
        self.total = sum(number for _, _, number in events)
        minutes = [0] * (end + 1 - begin)
        for minute, _, number in events:
            minutes[minute - begin] += number
        self.before = [0, *itertools.accumulate(minutes)]

    def over(self, first, behind):
        """The sum over the minutes [first, behind)."""
        last = len(self.before) - 1
        return self.before[min(max(behind - self.begin, 0), last)] - self.before[min(max(first - self.begin, 0), last)]


class SumOfSent:
    """What became of mail by when it was sent, as known at the end of the stretch; asked in the order of time."""

    def __init__(self, events, begin, end):
        self.begin, self.end = begin - MARGIN, end
        self.total = sum(number for _, _, number in events)
        self.events = sorted(events, reverse=True)
        self.tree = [0] * (self.end - self.begin + 2)   # of Fenwick

    def over(self, first, behind):
        while self.events and self.events[-1][0] < behind:
            _, sent, number = self.events.pop()
            at = sent - self.begin + 1
            while 0 < at < len(self.tree):
                self.tree[at] += number
                at += at & -at
        return self.before(behind) - self.before(first)

    def before(self, minute):
        at, found = min(max(minute - self.begin, 0), len(self.tree) - 1), 0
        while at:
            found += self.tree[at]
            at -= at & -at
        return found


def bound(numerator, denominator, confidence, side):
    """The lower (side -1) or upper (1) bound of Wilson's interval, one-sided."""
    if not denominator:
        return 0.0 if side < 0 else 1.0
    z = statistics.NormalDist().inv_cdf(confidence)
    share = min(numerator / denominator, 1.0)
    middle = share + z * z / (2 * denominator)
    spread = z * math.sqrt(share * (1 - share) / denominator + z * z / (4 * denominator * denominator))
    return (middle + side * spread) / (1 + z * z / denominator)


def look_at_rate(rule, above, below):
    """Over the threshold, or under it; for sure, where that is asked."""
    window, confidence = rule["window"], rule.get("confidence")
    side = 1 if rule["kind"] == "rate_below" else -1
    threshold = rule["below"] if side > 0 else rule["above"]
    clear = rule.get("clear_above" if side > 0 else "clear_below")
    clear = threshold if clear is None else clear

    def look(minute_end):
        first = minute_end - window
        if window > SHORT:
            first = first // 60 * 60
        numerator, denominator = above.over(first, minute_end), below.over(first, minute_end)
        is_enough = denominator >= rule.get("min_volume", 0) and denominator > 0
        ratio = numerator / denominator if denominator else 0.0
        sure = bound(numerator, denominator, confidence, side) if confidence else ratio
        is_true = is_enough and side * (threshold - sure) >= 0
        is_clear = not is_enough or side * (ratio - clear) > 0
        return is_true, is_clear, numerator, denominator
    return look


def look_at_silence(rule, above, _):
    window = rule["window"]

    def look(minute_end):
        numerator = above.over(minute_end - window, minute_end)
        denominator = above.over(minute_end - 2 * window, minute_end - window)
        return numerator == 0 and denominator >= rule.get("min_volume", 0), numerator > 0, numerator, denominator
    return look


def follow(rule, begin, end, look):
    """The incidents that one key's states amount to."""
    wait, keep = rule.get("for_minutes", 0), rule.get("keep_firing_minutes", 0)
    found = []
    active_at = clear_at = incident = None
    for minute in range(begin, end + 1):
        now = minute + 1
        is_true, is_clear, numerator, denominator = look(now)
        if incident is not None:
            if not is_clear:
                clear_at = None
                continue
            clear_at = now if clear_at is None else clear_at
            if now - clear_at >= keep:
                incident["resolvedAt"] = now * 60
                active_at = clear_at = incident = None
            continue
        if not is_true:
            active_at = None
            continue
        active_at = now if active_at is None else active_at
        if now - active_at >= wait:
            incident = {"activeAt": active_at * 60, "firedAt": now * 60, "resolvedAt": None,
                        "numerator": numerator, "denominator": denominator}
            found.append(incident)
    return found
