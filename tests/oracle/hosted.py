"""Whose the mailboxes of a company's own domain are: from a table of MX records, and from what one event tells.

The tables of servers, phrases and networks are those of docs/providers.md.
"""

import ipaddress
import re

import providers

REPLY_BYTES = 2048      # of a reply that are looked at
RUN = re.compile(r"[A-Za-z0-9.-]+")
BLANKS = " \t\n\v\f\r"
NAME_BYTES = 253


def read_rows(begin, end):
    """(text, provider) of every text in backticks that a row of the table gives to its provider."""
    for cells in providers.section(providers.PAGE, begin, end):
        provider = cells[0].strip("`")
        for cell in cells[1:]:
            for text in re.findall(r"`([^`]+)`", cell):
                yield text, provider


# (name, provider); names that begin with a dot are those of everything below.
HOSTS = [(name.removeprefix("*"), provider) for name, provider in read_rows("mail servers: begin", "mail servers: end")]
PHRASES = [(phrase.lower(), provider) for phrase, provider in read_rows("phrases: begin", "phrases: end")]
NETWORKS = [(ipaddress.ip_network(network), provider) for network, provider in
            read_rows("networks: begin", "networks: end")]
NOBODYS = "nobody's"    # names of customers' machines below those of their provider
_BY_NAME = dict(HOSTS)
# An unknown domain is a company's.
OF_COMPANIES = {"gmail": "google_workspace", "microsoft": "microsoft_365"}


def lower(text):
    """Letters of ASCII in lower case."""
    return "".join(c.lower() if c.isascii() else c for c in text)


def provider_of_host(name):
    """The provider of a mail server, or None; of several that fit the longest decides."""
    name = name.removesuffix(".")
    if len(name.encode("utf-8", "surrogatepass")) > NAME_BYTES:
        return None
    name = lower(name)
    found = _BY_NAME.get(name)
    while found is None and "." in name:
        name = name[name.index(".") + 1:]
        found = _BY_NAME.get("." + name)
    return None if found == NOBODYS else found


def names_in(text):
    """The names of servers in a reply, from the left; not those of addresses and of pages of the web."""
    at = 0
    while run := RUN.search(text, at):
        at = run.end()
        name = run.group().strip(".-")
        if "." not in name:
            continue
        around = text[run.start() - 1:run.start()] + text[at:at + 1]
        if "/" in around:
            blank = re.compile(f"[{BLANKS}]").search(text, at)
            at = blank.start() if blank else len(text)
        elif "@" not in around:
            yield name


def find(reply, reporting_mta, remote_ip):
    """The provider that one event tells, or None."""
    provider = look(reply, reporting_mta, remote_ip)
    return OF_COMPANIES.get(provider, provider)


def look(reply, reporting_mta, remote_ip):
    text = reply.encode("utf-8", "surrogatepass")[:REPLY_BYTES].decode("latin-1")
    for name in names_in(text):
        if provider := provider_of_host(name):
            return provider
    text = lower(text)
    for phrase, provider in PHRASES:
        if phrase in text:
            return provider
    if provider := provider_of_host(reporting_mta.rpartition(";")[2].strip(BLANKS)):
        return provider
    return provider_of_network(remote_ip)


def read_address(text):
    """An IP address, or None; an IPv4 address written as IPv6 is one of IPv4."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if address.version == 4:
        return address
    return None if address.scope_id is not None else address.ipv4_mapped or address


def provider_of_network(remote_ip):
    address = read_address(remote_ip)
    if address is None:
        return None
    around = [(network.prefixlen, provider) for network, provider in NETWORKS
              if network.version == address.version and address in network]
    return max(around)[1] if around else None


# --- the operator's table --------------------------------------------------------------------------------------------

def read_mx_table(path):
    """domain -> provider, of the domains that have a known server."""
    given, known = {}, {}
    with open(path, encoding="ascii") as file:
        for line in file:
            words = [word for word in re.split(f"[{BLANKS}]+", re.split(r"[#;]", line)[0]) if word]
            if not words:
                continue
            domain, rest = words[0].lower().removesuffix("."), words[1:]
            if rest and (rest[0].isdigit() or rest[0].upper() in ("IN", "MX")):
                record = rest[1:] if rest[0].isdigit() else rest
                record = record[1:] if record[0].upper() == "IN" else record
                if record[0].upper() == "MX" and (provider := provider_of_host(record[2])):
                    known.setdefault(domain, []).append((int(record[1]), len(known.get(domain, ())), provider))
            elif rest and rest[0].startswith("provider="):
                given[domain] = rest[0].partition("=")[2]
            else:
                for server in rest:
                    if provider := provider_of_host(server):
                        known.setdefault(domain, []).append((0, len(known.get(domain, ())), provider))
    return {domain: min(found)[2] for domain, found in known.items()} | given


def write_mx_table(path, rows):
    """(domain, servers) in every form that there is."""
    with open(path, "w", encoding="ascii") as file:
        file.write("# made up\n")
        for number, (domain, servers) in enumerate(rows):
            domain = providers.to_ascii(domain)
            if number % 3 == 0:
                file.write(f"{domain.upper()}  nowhere.example {' '.join(servers)}  # servers\n")
            elif number % 3 == 1:
                start = ("\t300\tIN\tMX", " IN mx", " 300 MX", " MX")[number // 3 % 4]
                file.write(f"{domain}.{start}\t20 {servers[0]}.\n{domain}.\v300 IN\fMX 10 nowhere.example.\n"
                           f"{domain}. 300 IN TXT \"words\"\n; a comment\n")
            else:
                file.write(f"{domain} provider=rackspace\n")
