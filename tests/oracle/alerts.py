"""The alerts that must have fired: every rule looked at for every minute, with nothing remembered but its state."""

from collections import defaultdict

import ledger
import providers

SHORT = 120     # minutes: longest window made of minutes; longer ones are made of the hours they touch


def incidents(book, rules):
    """Every incident that fired, as a list of dicts; times in seconds."""
    if book.first is None:
        return []
    begin, end = book.first // ledger.MINUTE, book.watermark // ledger.MINUTE
    found = []
    for rule in rules:
        for scope in rule["scopes"] if rule["kind"] == "rate" else ["account"]:
            for key, (above, below) in sorted(series(book, rule, scope, begin, end).items()):
                if below.before[-1] < rule.get("min_volume", 0):
                    continue    # never enough, whatever the window
                look = look_at_rate if rule["kind"] == "rate" else look_at_silence
                for incident in follow(rule, begin, end, look(rule, above, below)):
                    found.append({"rule": rule["name"], "severity": rule.get("severity", ""), "scope": scope,
                                  "provider": key[0], "configuration_set": key[1], "key": key[2] or None} | incident)
    return found


def series(book, rule, scope, begin, end):
    """Key -> (numerators, denominators) as running sums: item i is the sum over the minutes before begin + i."""
    if rule["kind"] == "rate":
        above, below = ledger.RATES[rule["rate"]]
    else:
        above = below = tuple("r:" + kind for kind in ledger.records.TYPE_ORDER)
    pick = ledger.picker(scope)
    sparse = defaultdict(lambda: (defaultdict(int), defaultdict(int)))
    for key, number in book.counts.items():
        if rule["kind"] == "rate" and key[2] == providers.SIMULATOR:
            continue
        for side, wanted in enumerate((above, below)):
            if key[5] in wanted:
                sparse[pick(key)][side][key[0]] += number
    return {key: tuple(RunningSum(side, begin, end) for side in sides) for key, sides in sparse.items()}


class RunningSum:
    def __init__(self, sparse, begin, end):
        self.begin = begin
        self.before = [0]
        for minute in range(begin, end + 1):
            self.before.append(self.before[-1] + sparse.get(minute, 0))

    def over(self, first, behind):
        """The sum over the minutes [first, behind)."""
        last = len(self.before) - 1
        return self.before[min(max(behind - self.begin, 0), last)] - self.before[min(max(first - self.begin, 0), last)]


def look_at_rate(rule, above, below):
    window = rule["window"]

    def look(minute_end):
        first = minute_end - window
        if window > SHORT:
            first = first // 60 * 60
        numerator, denominator = above.over(first, minute_end), below.over(first, minute_end)
        is_enough = denominator >= rule.get("min_volume", 0) and denominator > 0
        ratio = numerator / denominator if denominator else 0.0
        clear_below = rule.get("clear_below")
        is_true = is_enough and ratio >= rule["above"]
        is_clear = not is_enough or ratio < (rule["above"] if clear_below is None else clear_below)
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
