#!/usr/bin/env python3
"""What a Prometheus got by remote write, against what the service showed.

    remote_write_check.py equal URL METRICS JOB [LABEL=VALUE...]   the last value of every series of the text METRICS is
                                                                    that of Prometheus, and there is no other series
    remote_write_check.py gaps URL QUERY SECONDS FEWEST             no two neighbouring samples of the one series are
                                                                    further apart, and there are at least so many
    remote_write_check.py histograms URL COUNT [FROM]               the native histograms of job "native" say at the end
                                                                    what the classic ones of job "classic" say, which
                                                                    counted COUNT deliveries; FROM: and their rate() from
                                                                    then on, a moment at which nothing changed
    remote_write_check.py live URL JOB                              how many series an instant query finds
"""
import json
import math
import re
import sys
import urllib.parse
import urllib.request

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def query(url, text, **more):
    asked = urllib.parse.urlencode({"query": text} | more)
    with urllib.request.urlopen(url + "/api/v1/query?" + asked, timeout=30) as f:
        answer = json.load(f)
    assert answer["status"] == "success", answer
    return answer["data"]["result"]


def unescape(value):
    return re.sub(r"\\(.)", lambda m: "\n" if m.group(1) == "n" else m.group(1), value)


def key_of(name, labels):
    """Empty labels are none; a bound is a number, however it is written."""
    kept = {k: v for k, v in labels.items() if v != "" and k != "__name__"}
    if "le" in kept:
        kept["le"] = repr(float(kept["le"].replace("+Inf", "inf")))
    return name, tuple(sorted(kept.items()))


def shown(path):
    found = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.startswith("#") or not line.strip():
                continue
            name, labels, value = SAMPLE.match(line.rstrip("\n")).groups()
            found[key_of(name, {k: unescape(v) for k, v in LABEL.findall(labels or "")})] = float(value)
    return found


def equal(url, path, job, *more):
    extra = dict(pair.split("=", 1) for pair in more) | {"job": job}
    want = shown(path)
    got = {}
    # As it was at the moment of the last values: a moment later all series have ended, and many had before.
    last = query(url, f'ses_collector_series{{job="{job}"}}[1h]')[0]["values"][-1][0]
    for row in query(url, f'{{job="{job}"}}', time=last):
        labels = row["metric"]
        for name, value in extra.items():
            assert labels.pop(name, None) == value, (name, row["metric"])
        got[key_of(labels["__name__"], labels)] = float(row["value"][1])
    wrong = [(k, v, got.get(k)) for k, v in want.items()
             if not k[0].startswith("process_")  # read anew each time
             and not (k in got and (got[k] == v or (math.isnan(v) and math.isnan(got[k]))))]
    wrong += [(k, None, v) for k, v in got.items() if k not in want]
    for key, a, b in wrong[:10]:
        print(f"{key}: shown {a}, written {b}")
    events = sum(v for k, v in want.items() if k[0] == "ses_events_total")
    print(f"{len(want)} series, {len(wrong)} differ, {events:.0f} events")
    return 0 if not wrong and len(want) > 200 and events > 1000 else 1


def gaps(url, text, seconds, fewest):
    rows = query(url, text)
    assert len(rows) == 1, rows
    times = [float(t) for t, _ in rows[0]["values"]]
    widest = max((b - a for a, b in zip(times, times[1:])), default=0)
    print(f"{len(times)} samples, at most {widest:.3f} s apart")
    return 0 if len(times) >= int(fewest) and widest <= float(seconds) else 1


def by_cell(url, text, when):
    return {tuple(row["metric"].get(k) for k in ("configuration_set", "provider")): float(row["value"][1])
            for row in query(url, text, time=when)}


def differ(what, a, b):
    """Classic and native; a quantile of nothing is NaN in both."""
    wrong = [(k, a.get(k), b.get(k)) for k in sorted(a.keys() | b.keys(), key=str)
             if not (k in a and k in b and (math.isclose(a[k], b[k], rel_tol=1e-9) or a[k] != a[k] and b[k] != b[k]))]
    for key, classic, native in wrong[:5]:
        print(f"{what} of {key}: classic {classic}, native {native}")
    return len(wrong)


def histograms(url, count, since=None):
    last = {job: query(url, f'ses_collector_series{{job="{job}"}}[1h]')[0]["values"][-1][0]
            for job in ("classic", "native")}

    def both(what, classic, native, known=None):
        a, b = by_cell(url, classic, last["classic"]), by_cell(url, native, last["native"])
        if known is not None:
            a, b = ({k: v for k, v in x.items() if k in known} for x in (a, b))
        said[what] = a
        return differ(what, a, b)

    # None that lies exactly between two observations: where empty buckets are there, the two forms take either end.
    said, wrong, quantiles = {}, 0, (0.01237, 0.10369, 0.49691, 0.95029, 0.99907)
    for name in ("ses_delivery_seconds", "ses_collector_commit_seconds"):
        c, n = f'{name}%s{{job="classic"}}', f'{name}{{job="native"}}'
        wrong += both(f"{name} count", c % "_count", f"histogram_count({n})")
        wrong += both(f"{name} sum", c % "_sum", f"histogram_sum({n})")
        for q in quantiles:
            wrong += both(f"{name} {q}", f"histogram_quantile({q}, {c % '_bucket'})", f"histogram_quantile({q}, {n})")
    if since is not None:  # classic buckets are subtracted: rate() guesses each one's beginning for itself
        c, n = 'ses_delivery_seconds_bucket{job="classic"}', 'ses_delivery_seconds{job="native"}'
        known = by_cell(url, 'ses_delivery_seconds_count{job="classic"}', since)
        wrong += both("rate", f"histogram_quantile(0.95029, {c} - ({c} @ {since}))",
                      f"histogram_quantile(0.95029, rate({n}[{(last['native'] - float(since)) * 1000:.0f}ms]))", known)
        assert sum(not math.isnan(v) for v in said["rate"].values()) > 20, said["rate"]
    parts = query(url, '{__name__=~"ses_.+_seconds_(bucket|sum|count)", job="native"}', time=last["native"])
    cells = said["ses_delivery_seconds count"]
    print(f"{len(cells)} histograms of {sum(cells.values()):.0f} deliveries, {wrong} values differ, "
          f"{len(parts)} classic series of the native job")
    return 0 if wrong == 0 and not parts and sum(cells.values()) == float(count) and len(cells) > 20 else 1


def live(url, job):
    print(len(query(url, f'{{job="{job}"}}')))
    return 0


if __name__ == "__main__":
    sys.exit({"equal": equal, "gaps": gaps, "histograms": histograms,
              "live": live}[sys.argv[1]](*sys.argv[2:]))
