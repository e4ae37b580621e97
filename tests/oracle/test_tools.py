#!/usr/bin/env python3
"""Tests of the oracle as a command, of compare.py (it sees every difference) and of mangle.py (it makes none)."""

import contextlib
import copy
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import compare
import ledger
import mangle
import oracle
import reading
import test_oracle
from ledger import HOUR, MINUTE
from test_oracle import NOW, at, bounce, click, delivery, send, text_of


def run(arguments):
    """oracle.py as a command, its line on standard error kept quiet."""
    with contextlib.redirect_stderr(io.StringIO()):
        return oracle.main(arguments)


class CommandTest(test_oracle.OracleTest):
    def outputs(self, path, *more):
        names = {name: self.path(name) for name in ("cells", "report", "metrics", "alerts")}
        rules = self.write("rules.json", json.dumps([test_oracle.AlertTest.RULE | {"for_minutes": 0}]))
        run(["--now", "2026-11-10T00:00:00Z", "--rules", rules, *more,
             *[part for name, file in names.items() for part in ("--" + name, file)], path])
        found = {}
        for name, file in names.items():
            with open(file, encoding="utf-8") as opened:
                found[name] = opened.read() if name == "cells" else json.load(opened)
        return found

    def test_cells(self):
        path = self.write("in", text_of(bounce(to=["b@naver.com", "a@gmail.com"]), send(), send(message="m2", time=-1),
                                        send(message="m3", tags={})))
        self.assertEqual(self.outputs(path)["cells"].splitlines(), [
            "time,event_type,configuration_set,provider,records,recipients",
            "2026-11-01T11:59:00Z,send,set1,gmail,1,1", "2026-11-01T12:00:00Z,send,,gmail,1,1",
            "2026-11-01T12:00:00Z,send,set1,gmail,1,1", "2026-11-01T12:00:00Z,bounce,set1,gmail,0,1",
            "2026-11-01T12:00:00Z,bounce,set1,multiple,1,0", "2026-11-01T12:00:00Z,bounce,set1,naver,0,1"])

    def test_compare_option(self):
        path = self.write("in", text_of(send(time=-HOUR - 1), send(time=-1), send(time=0), send(time=HOUR)))
        found = self.outputs(path, "--compare", "--from", at(), "--to", at(HOUR))["report"]
        self.assertEqual(found["accounting"], {"read": 4, "counted": 2, "filtered": 2, "duplicate": 0, "late": 0,
                                               "future": 0, "malformed": 0})
        [row] = found["views"]["account"]
        self.assertEqual((row["recipients"], row["before"]["recipients"]), ({"send": 1}, {"send": 1}))

    def compared(self, kind, left, right):
        """(exit code, what compare.py says)"""
        out = io.StringIO()
        return compare.main([kind, left, right], out), out.getvalue()

    def json_file(self, name, content):
        return self.write(name, json.dumps(content))

    def test_compare_cells(self):
        header = ",".join(compare.HEADER) + "\n"
        row = "2026-11-01T12:00:00Z,send,set1,gmail,1,%d\n"
        left, same, other, empty = (self.write(name, content) for name, content in (
            ("1", header + row % 1), ("2", header + row % 1), ("3", header + row % 2), ("4", header)))
        code, said = self.compared("cells", left, same)
        self.assertEqual((code, "1 rows compared" in said), (0, True))
        for pair in ((left, other), (left, empty), (empty, left), (empty, empty), (left, self.write("5", row % 1)),
                     (left, self.write("6", header + row % 1 + row % 1)), (left, self.path("absent"))):
            self.assertEqual(self.compared("cells", *pair)[0], 1, pair)
        many = header + "".join(f"2026-11-01T12:00:00Z,send,s{number},gmail,1,1\n" for number in range(30))
        said = self.compared("cells", empty, self.write("7", many))[1]
        self.assertEqual(len(said.splitlines()), 22)

    def replay_of(self, report):
        """The report as the collector would write it."""
        views = []
        for by, rows in report["views"].items():
            rows = copy.deepcopy(rows)
            for row in rows:
                row["recipients"]["complaint"] = 0
                row["rates"]["human_open"] = {"value": 0.5, "numerator": 1, "denominator": 2}
                for rate in row["rates"].values():
                    rate["value"] = rate["numerator"] / rate["denominator"]
            views.append({"by": by, "rows": rows})
        return {"status": "success", "data": {
            "accounting": dict(report["accounting"]), "views": views, "reasons": copy.deepcopy(report["reasons"]),
            "reputation": copy.deepcopy(report["reputation"])}}

    def test_compare_report(self):
        report = self.outputs(self.write("in", text_of(send(to=["a@gmail.com", "b@naver.com"]), bounce())))["report"]
        left, replay = self.json_file("left", report), self.replay_of(report)
        self.assertEqual(self.compared("report", left, self.json_file("right", replay))[0], 0)

        def change(how):
            changed = copy.deepcopy(replay)
            how(changed["data"])
            return self.compared("report", left, self.json_file("changed", changed))[0]

        row = lambda data: data["views"][1]["rows"][0]
        self.assertEqual(change(lambda data: None), 0)
        self.assertEqual(change(lambda data: data["views"].pop()), 0)
        for how in (
            lambda data: data["accounting"].update(read=9),
            lambda data: data["accounting"].pop("late"),
            lambda data: row(data)["recipients"].update(send=9),
            lambda data: row(data)["records"].pop("bounce"),
            lambda data: row(data)["rates"].pop("bounce"),
            lambda data: row(data)["rates"]["bounce"].update(numerator=9),
            lambda data: row(data)["rates"]["bounce"].update(value=0.3),
            lambda data: data["views"][1]["rows"].pop(),
            lambda data: data["views"][1]["rows"].append({"provider": "x", "records": {"send": 1}}),
            lambda data: data["views"].clear(),
            lambda data: data["views"][0].update(by="odd"),
            lambda data: data["reasons"].pop(),
            lambda data: data["reasons"].append(dict(data["reasons"][0])),
            lambda data: data["reasons"][0].update(recipients=2),
            lambda data: data["reputation"].pop(),
            lambda data: data["reputation"][0].update(state="odd"),
        ):
            self.assertEqual(change(how), 1)

    def test_compare_metrics(self):
        path = self.write("in", text_of(send(tags={"ses:configuration-set": ['q"\\']}), delivery(), bounce()))
        samples = self.outputs(path, "--buckets", "0.5,1")["metrics"]
        left = self.path("metrics")

        def escape(text):
            return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

        def family(name):
            return name.rsplit("_", 1)[0] if name.startswith("ses_delivery_seconds_") else name

        lines, last = [], None
        for item in sorted(samples, key=lambda item: family(item["name"])):
            if family(item["name"]) != last:
                last = family(item["name"])
                lines += [f"# HELP {last} Help.", f"# TYPE {last} " + ("histogram" if "seconds" in last else "counter")]
            labels = ",".join(f'{name}="{escape(value)}"' for name, value in item["labels"].items())
            labels = labels.replace('le="1"', 'le="1.0"')
            lines.append(f"{item['name']}{{{labels}}} {item['value']}")
        extra = ["# TYPE ses_up gauge", "ses_up 1"]

        def code(lines, end="\n"):
            return self.compared("metrics", left, self.write("text", "\n".join(lines) + end))[0]

        place = next(index for index, line in enumerate(lines) if line.startswith("ses_bounces_total{"))
        self.assertEqual(code(lines + extra), 0)
        zero = lines[place].replace("Permanent", "Transient").rsplit(" ", 1)[0]
        self.assertEqual(code(lines[:place] + [zero + " 0"] + lines[place:]), 0)
        self.assertEqual(code(lines[:place] + [zero + " 1"] + lines[place:]), 1)
        self.assertEqual(code(lines[:place] + lines[place + 1:]), 1)
        self.assertEqual(code(lines[:place] + [lines[place].replace("} 1", "} 2")] + lines[place + 1:]), 1)
        for broken in (
            lines + [lines[place]],
            lines + ["odd line"],
            lines + ['x{a="b",} 1'],
            lines + ["x{a=b} 1"],
            lines + ['x{a="\\q"} 1'],
            lines + ["x  1"],
            lines + ["x 1,5"],
            lines + ["x_total 1", "y 1", 'x_total{a="b"} 1'],
            lines + ["x 1", "# TYPE x counter"],
            lines + ['x{a="1",a="2"} 1'],
            lines + ["# TYPE y odd"],
        ):
            self.assertEqual(code(broken), 1, broken[-1])
        self.assertEqual(code(lines, end=""), 1)
        self.assertEqual(code([]), 1)

    def test_compare_alerts(self):
        path = self.write("in", text_of(*test_oracle.AlertTest().traffic([(4, 2), (8, 0), (4, 0), (4, 0)])))
        expected = self.outputs(path)["alerts"]
        self.assertEqual(len(expected), 1)
        item = expected[0]
        answer = {"labels": {"alertname": "High", "severity": "critical", "scope": "account", "provider": "",
                             "configuration_set": ""}, "state": "resolved", "activeAt": item["activeAt"],
                  "firedAt": item["firedAt"].replace("Z", ".000Z"), "resolvedAt": item["resolvedAt"],
                  "numerator": 2, "denominator": 4}

        def code(*answers):
            given = {"status": "success", "data": {"alerts": list(answers)}}
            return self.compared("alerts", self.path("alerts"), self.json_file("given", given))[0]

        self.assertEqual(item["resolvedAt"], at(4 * MINUTE).replace(".000", ""))
        self.assertEqual(code(answer), 0)
        self.assertEqual(code(answer, answer | {"state": "pending"}), 0)
        for changed in ({"state": "firing"}, {"activeAt": at(HOUR)}, {"firedAt": at(HOUR)}, {"resolvedAt": None},
                        {"numerator": 3}, {"labels": {"alertname": "Other"}}):
            self.assertEqual(code(answer | changed), 1, changed)
        self.assertEqual(code(), 1)
        self.assertEqual(code(answer, answer), 1)

    def test_compare_usage(self):
        with contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(compare.main(["cells"]), 2)
            self.assertEqual(compare.main(["odd", "a", "b"]), 2)


def unsnap(block):
    """A raw Snappy block of literals and copies, decompressed."""
    length = shift = position = 0
    while True:
        byte = block[position]
        position += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    out = bytearray()
    while position < len(block):
        tag = block[position]
        position += 1
        if tag & 3 == 0:
            size = tag >> 2
            if size >= 60:
                count = size - 59
                size = int.from_bytes(block[position:position + count], "little")
                position += count
            out += block[position:position + size + 1]
            position += size + 1
            continue
        count = (0, 1, 2, 4)[tag & 3]
        offset = int.from_bytes(block[position:position + count], "little")
        size = (tag >> 2) + 1
        if count == 1:
            offset |= tag >> 5 << 8
            size = (tag >> 2 & 7) + 4
        position += count
        for _ in range(size):
            out.append(out[-offset])
    assert len(out) == length
    return bytes(out)


class MangleTest(test_oracle.OracleTest):
    def setUp(self):
        super().setUp()
        items = [send(message=f"s{number}", time=number * 1000, to=[f"u{number}@{domain}" for domain in
                 ("gmail.com", "naver.com", "m\u00fcller.de")[:number % 3 + 1]]) for number in range(40)]
        items += [click(message=f"c{number}", tags={"a": ["b{}[]", '"']}) for number in range(10)] + items[:5]
        items += [bounce(message=f"b{number}") for number in range(5)] + [{"eventType": "Send", "mail": {}}]
        self.source = self.write("in.ndjson", "".join(json.dumps(item, ensure_ascii=False, separators=(",", ":")) + "\n"
                                                      for item in items))
        self.expected = self.result(self.source)

    def result(self, path):
        book = ledger.Ledger(NOW)
        for item in reading.list_objects([path]):
            for text in reading.read_object(item):
                book.read_text(text)
        book.finish()
        return book.accounts, book.cells(), dict(book.samples)

    def mangled(self, *options):
        folder = tempfile.mkdtemp(dir=self.folder)
        with contextlib.redirect_stderr(io.StringIO()):
            mangle.main([*options, self.source, folder])
        return folder

    def test_nothing_changes(self):
        self.assertEqual(self.expected[0]["counted"], 55)
        for framing in ("newline", "crlf", "none", "pretty", "array", "blank"):
            for envelope in mangle.ENVELOPES:
                for packing in ("none", "gzip", "gzip-multi", "zip"):
                    folder = self.mangled("--framing", framing, "--envelope", envelope, "--compress", packing,
                                          "--shuffle", "7", "--objects", "3")
                    self.assertEqual(len(os.listdir(folder)), 3)
                    accounts, cells, samples = self.result(folder)
                    self.assertEqual((accounts, cells, samples), self.expected, (framing, envelope, packing))

    def test_broken_lines_stay(self):
        with open(self.source, "ab") as file:
            file.write(b'{"eventType":"Send","mail":{"x":"\xff\n' + json.dumps(send(message="end")).encode() + b"\n")
        for framing in ("newline", "crlf", "none", "array", "blank"):
            accounts = self.result(self.mangled("--framing", framing, "--objects", "4"))[0]
            self.assertEqual((accounts["counted"], accounts["malformed"]), (56, 2), framing)

    def test_members_cut_records(self):
        folder = self.mangled("--compress", "gzip-multi")
        with open(os.path.join(folder, os.listdir(folder)[0]), "rb") as file:
            data = file.read()
        self.assertGreater(data.count(b"\x1f\x8b\x08\x00"), 5)

    def contents(self, how):
        plain, packed = self.mangled(), self.mangled("--compress", how)
        found = []
        for folder in (plain, packed):
            [name] = os.listdir(folder)
            with open(os.path.join(folder, name), "rb") as file:
                found.append(file.read())
        return found

    def test_snappy(self):
        plain, packed = self.contents("snappy")
        self.assertEqual(packed[:16], b"\x82SNAPPY\0\0\0\0\1\0\0\0\1")
        out, position = b"", 16
        while position < len(packed):
            size = int.from_bytes(packed[position:position + 4], "big")
            out += unsnap(packed[position + 4:position + 4 + size])
            position += 4 + size
        self.assertEqual(out, plain)

    def test_hadoop_snappy(self):
        plain, packed = self.contents("hadoop-snappy")
        out, position = b"", 0
        while position < len(packed):
            frame = int.from_bytes(packed[position:position + 4], "big")
            position += 4
            end = len(out) + frame
            while len(out) < end:
                size = int.from_bytes(packed[position:position + 4], "big")
                out += unsnap(packed[position + 4:position + 4 + size])
                position += 4 + size
        self.assertEqual(out, plain)

    def test_zstd(self):
        if not mangle.shutil.which("zstd"):
            self.skipTest("no zstd command")
        plain, packed = self.contents("zstd")
        self.assertEqual(
            subprocess.run(["zstd", "-d", "-c"], input=packed, stdout=subprocess.PIPE, check=True).stdout, plain
        )

    def test_pretty(self):
        text = '{"a":[1,{"b":"{\\"[,"}],"c":1e400}'
        self.assertEqual(json.loads(mangle.pretty(text)), json.loads(text))
        self.assertGreater(mangle.pretty(text).count("\n"), 4)
        self.assertEqual(mangle.pretty('{"a":"b'), '{"a":"b')


if __name__ == "__main__":
    unittest.main()
