#!/usr/bin/env python3
"""Whether every record of a dump stands exactly once in a topic of compact records.

    kafka_normalize_check.py DUMP < MESSAGES      MESSAGES: kcat -C -f '%K:%k:%S:%s'

Records are told apart by message id and type; ids are the messages' keys. The decoder is the oracle's, not the program's.
Prints how many there are, or what is missing or too many.

    kafka_normalize_check.py --times N FEW MANY    two such readings: whether each message of FEW is N times in MANY
"""
import collections
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../oracle"))
import normalized_record  # noqa: E402


def snake(name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])|\s+", "_", name).lower()


def wanted(path):
    found = collections.Counter()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            kind = record.get("eventType") or record.get("notificationType")
            kind = snake(kind) if snake(kind) in normalized_record.TYPES else "unknown"
            found[record["mail"]["messageId"], kind] += 1
    return found


def field(data, at):
    end = data.index(b":", at)
    return int(data[at:end]), end + 1


def messages(data):
    at = 0
    while at < len(data):
        length, at = field(data, at)
        key, at = data[at:at + length], at + length + 1
        length, at = field(data, at)
        yield key, data[at:at + length]
        at += length


def given(data):
    return collections.Counter((key.decode(), normalized_record.decode(value)["type"]) for key, value in messages(data))


def differ(want, have):
    for what, those in (("missing", want - have), ("too many", have - want)):
        if those:
            print(f"{sum(those.values())} records {what}, as {list(those)[:3]}")
    return want != have or not want


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    if sys.argv[1] == "--times":
        few, many = (collections.Counter(messages(read(path))) for path in sys.argv[3:5])
        sys.exit(differ(collections.Counter({m: n * int(sys.argv[2]) for m, n in few.items()}), many))
    want = wanted(sys.argv[1])
    if differ(want, given(sys.stdin.buffer.read())):
        sys.exit(1)
    print(f"{sum(want.values())} records")


if __name__ == "__main__":
    main()
