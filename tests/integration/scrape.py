#!/usr/bin/env python3
"""Scrapes /metrics at a steady pace until it is told to stop (SIGTERM), and says which counters ever went down.

    scrape.py URL [HZ] [--lives FILE]

FILE gets a line for each life of the process that was seen, as it is seen.

Counters are told by their # TYPE lines: of a histogram its buckets, its sum and its count. Those that live as long as a
process (process_*, and what --process names) are compared while process_start_time_seconds stays the same, all others
for ever. A series that was there and is missing from a later scrape is reported too. Failing connections, and answers
other than 200, are counted apart: they are what a killed service looks like. Exit: 0 nothing went down, 1 something did.
"""
import argparse
import os
import signal
import sys
import time
import urllib.error
import urllib.request


def read(text):
    """(counters by series, values by name of other samples without labels)"""
    kinds, counters, others = {}, {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            kinds[name] = kind
        elif line and not line.startswith("#"):
            series, value = line.rsplit(" ", 1)
            name = series.split("{")[0]
            for suffix in ("_bucket", "_sum", "_count"):
                if name.endswith(suffix) and kinds.get(name[: -len(suffix)]) == "histogram":
                    name = name[: -len(suffix)]
            if kinds.get(name) in ("counter", "histogram"):
                counters[series] = (name, float(value))
            else:
                others[series] = float(value)
    return counters, others


class Watch:
    def __init__(self, mortal, told):
        self.mortal, self.told = mortal, told
        self.last, self.start = {}, None
        self.scrapes = self.failed = self.refused = self.lives = 0
        self.fallen = []

    def is_mortal(self, name):
        return name.startswith("process_") or name in self.mortal

    def look(self, text):
        counters, others = read(text)
        start = others.get("process_start_time_seconds")
        same_life = start == self.start
        if not same_life:
            self.lives += 1
            print(start, file=self.told, flush=True)
        for series, (name, before) in self.last.items():
            if self.is_mortal(name) and not same_life:
                continue
            now = counters.get(series)
            if now is None:
                self.fallen.append(f"{series}: {before:g}, then gone")
            elif now[1] < before:
                self.fallen.append(f"{series}: {before:g}, then {now[1]:g}")
        self.last, self.start = counters, start
        self.scrapes += 1

    def scrape(self, url):
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError:
            self.refused += 1
        except (OSError, ValueError) as failure:  # connection refused or reset, an answer cut short
            self.failed += 1
        except Exception:  # http.client.IncompleteRead and its like: it was killed in the middle of an answer
            self.failed += 1
        else:
            self.look(text)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("url")
    arguments.add_argument("hz", type=float, nargs="?", default=4)
    arguments.add_argument("--process", action="append", default=[], help="a counter that begins anew with a process")
    arguments.add_argument("--lives", type=argparse.FileType("a"), default=os.devnull)
    options = arguments.parse_args()
    going = True

    def stop(*_):
        nonlocal going
        going = False

    signal.signal(signal.SIGTERM, stop)
    watch = Watch(set(options.process), options.lives)
    due = time.monotonic()
    while going:
        watch.scrape(options.url)
        due = max(due + 1 / options.hz, time.monotonic())
        while going and time.monotonic() < due:
            time.sleep(max(0.0, min(0.05, due - time.monotonic())))
    print(f"scrapes {watch.scrapes} lives {watch.lives} failed {watch.failed} refused {watch.refused} "
          f"fallen {len(watch.fallen)}")
    for line in watch.fallen[:20]:
        print(line)
    return bool(watch.fallen) or not watch.scrapes


if __name__ == "__main__":
    sys.exit(main())
