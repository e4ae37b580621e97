"""From files to JSON values: which objects in which order, decompression, and the value stream with its damage.

A text is walked as one string (bytes that are no UTF-8 become lone surrogates, so nothing is lost). The standard
library's JSON scanner takes what is plain; what it refuses goes to the tolerant reader below, for which only brackets
and quotes are structure, so that damage in a field nobody reads costs nothing.
"""

import json
import os
import re
import sys
import zipfile
import zlib

MAX_RECORD = 1 << 20
MAX_DEPTH = 64

FIREHOSE_TIME = re.compile(r"-(\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)-"
                           r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")


# --- objects ---------------------------------------------------------------------------------------------------------

# What Firehose calls the folders for what it could not deliver; also behind a "word=", and with a year at the end.
ERROR_FOLDER = re.compile(r"([^=]*=)?(processing|AmazonOpen[Ss]earchService|AmazonOpenSearchServerless|elasticsearch|splunk|"
                          r"format-conversion|http-endpoint)-failed(\d{4})?")


def is_error_folder(path):
    return any(ERROR_FOLDER.fullmatch(part) for part in path.split(os.sep))


def list_objects(paths):
    """Every file named or below a named folder, by the time in its Firehose name, then by name.

    Names without such a time come first. Hidden files in folders are left out, and folders of errors, unless the named
    folder lies in one.
    """
    found = []
    for path in paths:
        if path == "-" or not os.path.isdir(path):
            found.append(path)
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = [name for name in folders
                          if not name.startswith(".") and (is_error_folder(path) or not is_error_folder(name))]
            found += [os.path.join(folder, name) for name in names if not name.startswith(".")]

    def order(path):
        match = FIREHOSE_TIME.search(os.path.basename(path))
        return (match.group(1) if match else "", os.fsencode(path))

    return sorted(found, key=order)


def read_object(path):
    """The texts of one object: one, or one for each file in a zip."""
    if path == "-":
        data = sys.stdin.buffer.read()
    else:
        with open(path, "rb") as file:
            data = file.read()
    if data[:2] == b"\x1f\x8b":
        return [as_text(gunzip(data))]
    if data[:4] == b"PK\x03\x04":
        return [as_text(part) for part in unzip(path)]
    if data[:4] == b"\x28\xb5\x2f\xfd" or data[:8] == b"\x82SNAPPY\x00" or data[:10] == b"\xff\x06\x00\x00sNaPpY":
        raise SystemExit(f"{path}: zstd and snappy must be decompressed before the oracle reads them")
    return [as_text(data)]


def as_text(data):
    return data.decode("utf-8", "surrogateescape")


def gunzip(data):
    """All members; of a damaged or cut one, what comes before the damage."""
    out = []
    while data[:2] == b"\x1f\x8b":
        member = zlib.decompressobj(31)
        try:
            out.append(member.decompress(data))
            data = member.unused_data
        except zlib.error:
            out.append(_gunzip_prefix(data))
            break
        if not member.eof:
            break
    return b"".join(out)


def _gunzip_prefix(data):
    member = zlib.decompressobj(31)
    out = []
    try:
        for at in range(len(data)):
            out.append(member.decompress(data[at:at + 1]))
    except zlib.error:
        pass
    return b"".join(out)


def unzip(path):
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in archive.namelist() if not name.endswith("/")]


# --- values ----------------------------------------------------------------------------------------------------------

class Damage(Exception):
    """No value can be followed from here."""


class Damaged:
    """A scalar that is no JSON."""


class Broken:
    """A container whose brackets match but whose inside cannot be followed."""


class TooDeep:
    """A whole value that is nested too deep."""


class Obj(dict):
    """An object that also knows which keys came twice, and the text of each value."""
    __slots__ = ("twice", "raw")


BROKEN = Broken()
DAMAGED = Damaged()
TOO_DEEP = TooDeep()

_saw_twice = False


def _object(pairs):
    global _saw_twice
    made = dict(pairs)
    if len(made) != len(pairs):
        _saw_twice = True
    return made


_raw_decode = json.JSONDecoder(object_pairs_hook=_object).raw_decode
_scan_string = json.decoder.scanstring

STRING = r'"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"'
STRUCTURE = re.compile(STRING + r'|[{}\[\]"]')
TOKEN = re.compile(STRING + r'|[{}\[\],:]|[^ \t\r\n"{}\[\],:]+')
NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?", re.ASCII)
NOT_BETWEEN = re.compile(r"[^ \t\r\n,\[\]\ufeff\x1e]")
SCALAR = re.compile("(?:" + STRING + r"|-?\d[0-9.eE+-]*|true|false|null)(?=[ \t\r\n,\[\]{\ufeff\x1e]|\Z)", re.ASCII)


def follow(text, start):
    """The end of the object that starts here, and its depth, by brackets and quotes alone; Damage if it has none
    within the longest record."""
    stack = []
    depth = 0
    for match in STRUCTURE.finditer(text, start):
        at = match.start()
        token = text[at]
        if token == '"':
            end = match.end()
            # A string without an end; or one that ends where a record begins, since a quote is missing.
            if end == at + 1 or text[end - 2] == "{" and text[end:end + 1].isalpha():
                raise Damage
        elif token == "{" or token == "[":
            if token == "{" and stack and _is_misplaced(text, at, stack[-1]):
                raise Damage
            stack.append("}" if token == "{" else "]")
            depth = max(depth, len(stack))
        else:
            if stack.pop() != token:
                raise Damage
            if not stack:
                return at + 1, depth
        if at - start > MAX_RECORD:
            break
    raise Damage


def _is_misplaced(text, at, inside):
    """Whether a new record begins at this `{`, and the one before it was cut: behind a `}`, which no JSON has, or first
    on its line where no value may stand."""
    before = at - 1
    crossed = False
    while text[before] in " \t\r\n":
        crossed = crossed or text[before] == "\n"
        before -= 1
    return text[before] == "}" or crossed and text[before] not in (":" if inside == "}" else ",[")


def load(text, start):
    """(value, end) of the object at start. The value is a dict, an Obj or TOO_DEEP. Damage when the object has no end,
    is too long, or cannot be followed: it may have swallowed its neighbours, so they are looked for inside it."""
    global _saw_twice
    _saw_twice = False
    try:
        value, end = _raw_decode(text, start)
        depth = text.count("{", start, end) + text.count("[", start, end)
    except (ValueError, RecursionError):
        value = None
        depth = MAX_DEPTH + 1
    if depth > MAX_DEPTH:
        end, depth = follow(text, start)
    if _is_too_long(text, start, end):
        raise Damage
    if depth > MAX_DEPTH:
        return TOO_DEEP, end
    if value is None or _saw_twice:
        value = tree(text, start, end)
    return value, end


def load_lines(text, start):
    """As load, for values that go on over several lines: finds the end first, since an error of the standard library
    costs a pass over the whole text."""
    global _saw_twice
    end, depth = follow(text, start)
    if _is_too_long(text, start, end):
        raise Damage
    if depth > MAX_DEPTH:
        return TOO_DEEP, end
    _saw_twice = False
    value = _plain(text, start, end)
    return (tree(text, start, end) if value is None else value), end


def _plain(text, start, end):
    """The value of a complete piece of text if the standard library takes it."""
    try:
        value, stop = _raw_decode(text[start:end], 0)
    except (ValueError, RecursionError):
        return None
    return None if _saw_twice or stop != end - start else value


def _is_too_long(text, start, end):
    if (end - start) * 4 <= MAX_RECORD:
        return False
    return len(text[start:end].encode("utf-8", "surrogateescape")) > MAX_RECORD


def tree(text, start, end):
    """Tolerant parse of text whose brackets are known to match and to be at most MAX_DEPTH deep. Damage when the
    outermost object cannot be followed."""
    tokens = [(match.group(), match.start(), match.end()) for match in TOKEN.finditer(text, start, end)]
    partner = {}
    stack = []
    for index, (token, _, _) in enumerate(tokens):
        if token in "{[":
            stack.append(index)
        elif token in "}]":
            partner[stack.pop()] = index
    value = _Tree(text, tokens, partner).value(0, len(tokens))[0]
    if value is BROKEN:
        raise Damage
    return value


class _Tree:
    def __init__(self, text, tokens, partner):
        self.text, self.tokens, self.partner = text, tokens, partner

    def value(self, index, close):
        """(value, index of the comma or bracket behind it). Damage reaches no further than the next comma."""
        first = index
        while index < close and self.tokens[index][0] != ",":
            index = self.partner[index] + 1 if self.tokens[index][0] in "{[" else index + 1
        token = self.tokens[first][0]
        if token in "{[" and self.partner[first] + 1 == index:
            return (self.object if token == "{" else self.array)(first, index - 1), index
        return (scalar(token) if index == first + 1 else DAMAGED), index

    def object(self, index, close):
        made = Obj()
        made.twice, made.raw = set(), {}
        index += 1
        while index < close:
            if self.tokens[index][0][0] != '"' or self.tokens[index + 1][0] != ":":
                return BROKEN
            key = scalar(self.tokens[index][0])
            if key in made:
                made.twice.add(key)
            first = index + 2
            made[key], index = self.value(first, close)
            made.raw[key] = self.text[self.tokens[first][1]:self.tokens[index - 1][2]] if index > first else ""
            if index == close:
                return made
            index += 1
            if index == close:
                return BROKEN
        return made

    def array(self, index, close):
        made = []
        index += 1
        while index < close:
            item, index = self.value(index, close)
            made.append(item)
            index += 1
        return made


def scalar(token):
    if token[0] == '"':
        try:
            return _scan_string(token, 1, False)[0]
        except ValueError:
            return DAMAGED
    if token in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[token]
    if NUMBER.fullmatch(token):
        return float(token) if any(mark in token for mark in ".eE") or len(token) > 300 else int(token)
    return DAMAGED


# --- the stream ------------------------------------------------------------------------------------------------------

RECORD_START = r'\{[ \t]*"(?:eventType|notificationType|mail|Type|Message|MessageId|version|detail|detail-type|' \
               r'rawData|attemptsMade|schema|payload)"'
CANDIDATE = re.compile(r"(?<=\})[ \t]*(\{)|(?=(" + RECORD_START + "))")


def values(text, is_good):
    """Yields (value, text, start, end) for each value, and None for each piece of damage.

    is_good(value, text, start, end) says whether a value is a record that is not malformed: what ends damage.
    """
    position = 0
    size = len(text)
    while True:
        match = NOT_BETWEEN.search(text, position)
        if not match:
            return
        position = match.start()
        if text[position] == "{":
            line_end = text.find("\n", position)
            if line_end < 0:
                line_end = size
            line = text[position:line_end]
            at = 0
            while at < len(line):
                if line[at] != "{":
                    match = NOT_BETWEEN.match(line, at)
                    if match:
                        break
                    at += 1
                    continue
                try:
                    value, end = load(line, at)
                except Damage:
                    break
                yield value, line, at, end
                at = end
            position += at
            if at == len(line) or at > 0:
                continue
            # The line holds no whole value: perhaps one that goes on over the next lines.
            try:
                value, end = load_lines(text, position)
            except Damage:
                position = behind_damage(text, position, is_good)
                yield None
                continue
            yield value, text, position, end
            position = end
            continue
        match = SCALAR.match(text, position)
        if match:
            position = match.end()
        else:
            position = behind_damage(text, position, is_good)
        yield None


def behind_damage(text, start, is_good):
    """Where reading goes on after damage that begins at start.

    Line by line: a good record ends it, and so does a line's end that must end a record, since it stands inside a
    string or outside all brackets.
    """
    line_start = start
    depth = 0
    while True:
        line_end = text.find("\n", line_start)
        if line_end < 0:
            line_end = len(text)
        for at in _candidates(text, start, line_start, line_end):
            if _is_good_at(text, at, line_end, is_good):
                return at
        for match in STRUCTURE.finditer(text, line_start, line_end):
            token = match.group()
            if token == '"':
                return line_end
            if token in "{[":
                depth += 1
            elif token in "}]":
                depth = max(depth - 1, 0)
        if depth == 0 or line_end == len(text):
            return line_end
        line_start = line_end + 1


def _candidates(text, damage_start, line_start, line_end):
    if line_start > damage_start:
        match = NOT_BETWEEN.search(text, line_start, line_end)
        if match and text[match.start()] == "{":
            yield match.start()
    last = -1
    for match in CANDIDATE.finditer(text, max(line_start, damage_start + 1), line_end):
        at = match.start(1) if match.group(1) else match.start(2)
        if at != last:
            last = at
            yield at


def _is_good_at(text, at, line_end, is_good):
    try:
        line = text[at:line_end]
        value, end = load(line, 0)
        return is_good(value, line, 0, end)
    except Damage:
        pass
    if line_end - at > MAX_RECORD:
        return False
    try:
        value, end = load_lines(text, at)
        return is_good(value, text, at, end)
    except Damage:
        return False
