#!/usr/bin/env python3
"""A bucket as Firehose fills it, and the clock that goes with it, for tests of who watches one.

    bucket_life.py make OBJECTS SEED FOLDER < RECORDS
        Cuts a stream of SES records (one a line, as they arrive) into about so many objects, below the hour in which the
        first record of each arrived: FOLDER/KEY. FOLDER.schedule says when each appears: an hour or so after its last
        record; one in twenty up to 24 hours after its first one was to be delivered, and half of those at the very end
        of that.
    bucket_life.py play FOLDER BUCKET SECONDS CLOCK
        Lets the whole time go by within so many seconds: CLOCK (clock_shift.c) goes on, and objects move from FOLDER to
        BUCKET when they appear, in any order within a moment. Then the clock stays where it is.
    bucket_life.py clock CLOCK MILLISECONDS
        Sets the shift.
    bucket_life.py late FOLDER
        How many objects appear more than four hours after the hour that they are below has begun, and by how many the
        latest one.
"""
import datetime
import gzip
import json
import os
import random
import struct
import sys
import time
import uuid

DAY = 86400
HOUR = 3600
LATE = 0.05


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def arrival(line):
    """Of an event: the time that its own object has, or its mail's. 0: it is broken."""
    try:
        record = json.loads(line)
        own = [seconds(v["timestamp"]) for k, v in record.items() if k != "mail" and isinstance(v, dict) and "timestamp" in v]
        return max(own, default=seconds(record["mail"]["timestamp"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return 0


def key_of(at, chance):
    t = datetime.datetime.fromtimestamp(int(at), datetime.timezone.utc)
    name = uuid.UUID(int=chance.getrandbits(128), version=4)
    return f"{t:%Y/%m/%d/%H}/ses-events-1-{t:%Y-%m-%d-%H-%M-%S}-{name}.gz"


def make(objects, seed, folder):
    chance = random.Random(seed)
    lines = sys.stdin.buffer.read().splitlines(keepends=True)
    size = len(lines) / objects
    schedule, clock = [], 0
    for i in range(objects):
        part = lines[round(i * size):round((i + 1) * size)]
        if not part:
            continue
        times = [arrival(line) for line in part]
        first = max(clock, times[0])
        clock = max(clock, *times)
        late = chance.random() < LATE
        appears = clock + chance.uniform(1, 1.5) * HOUR
        if late:  # Firehose tries again for a day; before that it may have kept the first record for a quarter of an hour
            appears = max(appears, first + 900 + chance.choice([chance.uniform(0, DAY), DAY]))
        key = key_of(first, chance)
        path = os.path.join(folder, key)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(gzip.compress(b"".join(part), 1, mtime=0))
        schedule.append((appears, chance.random(), key))
    schedule.sort()
    with open(folder + ".schedule", "w", encoding="ascii") as out:
        for appears, _, key in schedule:
            out.write(f"{appears:.3f} {key}\n")


def read_schedule(folder):
    with open(folder + ".schedule", encoding="ascii") as lines:
        return [(float(at), key.rstrip("\n")) for at, key in (line.split(" ", 1) for line in lines)]


def hour_of(key):
    return datetime.datetime(*map(int, key.split("/")[:4]), tzinfo=datetime.timezone.utc).timestamp()


def set_clock(path, shift_ms):
    """In place: it is looked at all the time."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    os.pwrite(fd, struct.pack("=q", shift_ms), 0)
    os.close(fd)


def play(folder, bucket, within, clock):
    """Hour by hour. The clock goes first, and the objects follow after a while: a service looks at its clock a few times
    a second, and an hour passes in less; but who looks now sees what appeared up to an hour ago."""
    schedule = read_schedule(folder)
    begin, end = hour_of(schedule[0][1]), schedule[-1][0] + 2 * HOUR
    steps = int((end - begin) / HOUR) + 1
    at = 0
    for step in range(steps):
        now = begin + step * HOUR
        set_clock(clock, round((now - time.time()) * 1000))
        time.sleep(within / steps)
        due = at
        while due < len(schedule) and schedule[due][0] <= now:
            due += 1
        batch = schedule[at:due]
        random.shuffle(batch)
        for appears, key in batch:
            to = os.path.join(bucket, key)
            os.makedirs(os.path.dirname(to), exist_ok=True)
            os.utime(os.path.join(folder, key), (appears, appears))
            os.rename(os.path.join(folder, key), to)
        at = due


def main():
    what, *rest = sys.argv[1:]
    if what == "make":
        make(int(rest[0]), int(rest[1]), rest[2])
    elif what == "play":
        play(rest[0], rest[1], float(rest[2]), rest[3])
    elif what == "clock":
        set_clock(rest[0], int(rest[1]))
    elif what == "late":
        by = [(appears - hour_of(key)) / HOUR for appears, key in read_schedule(rest[0])]
        print(sum(h > 4 for h in by), f"{max(by):.1f}")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
