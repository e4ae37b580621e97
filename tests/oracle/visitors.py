"""Who opened or clicked, by what one event says. The lists are those of docs/engagement.md."""

import ipaddress
import os
import re

import hosted
import providers

PAGE = os.path.join(os.path.dirname(providers.PAGE), "engagement.md")
SEARCHED_BYTES = 1024
SCAN_AT_DELIVERY = "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
APPLE = re.compile(
    r"Mozilla/5\.0|"
    r"Mozilla/5\.0 \((?:Macintosh|iPhone|iPad); .*AppleWebKit/.*\(KHTML, like Gecko\)(?: Mobile/[A-Za-z0-9]+)?", re.DOTALL
)
BREAK = r"[^a-z0-9/_.-]"    # what is between words


def pattern_of(word):
    """The regular expression of a word of the list, in which ␣ stands for a break, the beginning or the end."""
    parts = word.split("\u2423")
    inner = BREAK.join(re.escape(part) for part in parts if part)
    if not parts[0]:
        inner = "(?<![a-z0-9/_.-])" + inner
    if not parts[-1]:
        inner += "(?![a-z0-9/_.-])"
    return re.compile(inner)


# (pattern, what it makes the visit, example)
WORDS = [(pattern_of(cells[0].strip("`")), cells[1], cells[2].strip("`"))
         for cells in providers.section(PAGE, "user agents: begin", "user agents: end")]
MACHINES = [pattern for pattern, makes, _ in WORDS if makes == "`machine`"]
BOTS = [pattern for pattern, makes, _ in WORDS if makes.startswith("`machine`, unless `cubot`")]
NO_BOTS = [pattern for pattern, makes, _ in WORDS if makes.startswith("not `machine`")]
PROXIES = [pattern for pattern, makes, _ in WORDS if makes == "`proxy` (opens)"]
assert len(MACHINES) + len(BOTS) + len(NO_BOTS) + len(PROXIES) == len(WORDS), "the page has a row of another kind"

_ROWS = [(cells[1], [ipaddress.ip_network(text) for text in re.findall(r"`([^`]+)`", cells[2])])
         for cells in providers.section(PAGE, "networks: begin", "networks: end")]
FILTERS = [network for makes, networks in _ROWS if makes == "`machine`" for network in networks]
FETCHERS = [network for makes, networks in _ROWS if "without a user agent" in makes for network in networks]
EXCHANGE = [network for makes, networks in _ROWS if makes == "opens: `proxy`" for network in networks]
NETWORKS = [(network, makes) for makes, networks in _ROWS for network in networks]
assert len(FILTERS) + len(FETCHERS) + len(EXCHANGE) == len(NETWORKS), "the page has a row of another kind"


def is_in(address, networks):
    address = hosted.read_address(address)
    return address is not None and any(network.version == address.version and address in network for network in networks)


def find(kind, user_agent, address):
    """The agent of an open or a click, by itself."""
    data = user_agent.encode("utf-8", "surrogatepass")[:SEARCHED_BYTES]
    words = re.sub(r"[A-Z]", lambda letter: letter.group().lower(), data.decode("latin-1"))

    def has(patterns):
        return any(pattern.search(words) for pattern in patterns)

    if has(MACHINES) or has(BOTS) and not has(NO_BOTS):
        return "machine"
    if user_agent.endswith(SCAN_AT_DELIVERY) or is_in(address, FILTERS):
        return "machine"
    is_fetcher = is_in(address, FETCHERS)
    if is_fetcher and not user_agent:
        return "machine"
    if kind == "click":
        return "human"
    if has(PROXIES) or is_fetcher or is_in(address, EXCHANGE):
        return "proxy"
    return "machine" if APPLE.fullmatch(user_agent) else "human"


def examples():
    """User agents of every kind, for made-up dumps."""
    found = [example for _, _, example in WORDS]
    found += [example.replace("/", "x/", 1) for example in found] + ["x" * 1020 + "curl/", "x" * 1018 + " curl/7"]
    people = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
    apple = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    found += [people] * 30 + [f"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) {SCAN_AT_DELIVERY}",
                              SCAN_AT_DELIVERY + " ", "Mozilla/5.0", "mozilla/5.0", "Mozilla/5.0 ", apple,
                              apple + " Mobile/15E148", apple + " Mobile/", apple + " Mobile/15E148 Safari/604.1",
                              apple + " Version/17.0 Mobile/15E148 Safari/604.1", apple.replace("iPhone", "iPod"),
                              apple.replace("iPhone;", "iPad;"), apple.replace("AppleWebKit", "WebKit"), "", "", "",
                              "Amazon CloudFront", "Opera/9.80 (J2ME/MIDP; Java; U; MIDP-2.0)", "CURL/8", "xcurl/8",
                              "\u00fccurl/8", "robot", "robot ", "cubot", "CUBOT_X bot", "xcubot bot"]
    return found
