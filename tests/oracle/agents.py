"""Who opened and clicked: agents, bursts, and first visits, as docs/counting.md and docs/engagement.md say."""

from collections import defaultdict, namedtuple

DAY = 24 * 3_600_000
BURST_LINKS = 3
BURST_SPAN = 2000       # milliseconds, both ends included
REMEMBERED_DAYS = 62

# kind: "open" or "click"; agent: by itself; where: what the ledger needs to count it.
Visit = namedtuple("Visit", "kind message time sent agent link where is_shown")


def judge(visits):
    """(visit, its agent, whether it is the first of its message by that agent) of every visit."""
    messages = defaultdict(list)
    for visit in visits:
        messages[visit.message].append(visit)
    for company in messages.values():
        company.sort(key=lambda visit: visit.time)
        spans = burst_spans(company)
        seen = set()
        for visit in company:
            in_burst = any(first <= visit.time <= last for first, last in spans)
            agent = "machine" if in_burst else visit.agent
            key = visit.kind, agent, remembered_day(visit)
            yield visit, agent, key not in seen
            seen.add(key)


def burst_spans(company):
    """[first, last] of each union of stretches of two seconds that hold a burst; `company` is one message's, by time.

    A stretch [t, t + 2000] holds a burst if it has clicks on three links. It is enough to look at smallest groups: from
    a click to the first one with which there are three links. A stretch that has the group begins between the group's
    end - 2000 and its begin, so together they reach from the first of these to the begin + 2000.
    """
    clicks = [visit for visit in company if visit.kind == "click" and visit.link is not None]
    spans = []
    for number, begin in enumerate(clicks):
        links = set()
        for click in clicks[number:]:
            if click.time - begin.time > BURST_SPAN:
                break
            links.add(click.link)
            if len(links) >= BURST_LINKS:
                spans.append((click.time - BURST_SPAN, begin.time + BURST_SPAN))
                break
    return spans


def remembered_day(visit):
    """The day under which the visit's message is remembered."""
    sent, now = visit.sent // DAY, visit.time // DAY
    return sent if 0 <= now - sent <= REMEMBERED_DAYS and visit.sent <= visit.time else now
