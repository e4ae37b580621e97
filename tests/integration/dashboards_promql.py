"""The little that the tests of the dashboards must know of PromQL: which metrics a query names, with which matchers."""
import re

SELECTOR = re.compile(r"\b([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(\{(?:[^{}\"]|\"(?:[^\"\\]|\\.)*\")*\})?")
MATCHER = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*\"((?:[^\"\\]|\\.)*)\"")
STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"")
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)")
METRIC = re.compile(r"^(?:ses_|process_|go_|up$|ALERTS|scrape_)|:")


def selectors(expr):
    """[(metric, [(label, operator, value)])] of all selectors, those by __name__ included"""
    found = []
    for name, braces in SELECTOR.findall(GROUPING.sub(" ", expr)):
        if METRIC.search(name):
            found.append((name, MATCHER.findall(braces or "")))
    for braces in re.findall(r"\{[^{}]*__name__[^{}]*\}", expr):
        matchers = MATCHER.findall(braces)
        for label, operator, value in matchers:
            if label == "__name__":
                for name in value.split("|"):
                    found.append((name, [m for m in matchers if m[0] != "__name__"]))
    return found


def metrics(expr):
    """The names alone, each once, as they stand outside of strings and label lists"""
    return {name for name, _ in selectors(expr)}


def matches(labels, matchers):
    """Whether a series with these labels is selected, where matchers with variables in them select anything"""
    for label, operator, value in matchers:
        if "$" in value or "[[" in value:
            continue
        own = labels.get(label, "")
        if operator in ("=", "!="):
            hit = own == value
        else:
            hit = re.fullmatch(value.replace("\\\\", "\\"), own) is not None
        if hit != (operator in ("=", "=~")):
            return False
    return True
