#!/usr/bin/env python3
"""The second decoder against bytes that are fixed for ever (normalized_v1.txt), and against damage."""

import json
import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import normalized_record  # noqa: E402


def golden():
    with open(os.path.join(HERE, "normalized_v1.txt"), encoding="utf-8") as lines:
        for line in lines:
            digits, text = line.split(" ", 1)
            yield bytes.fromhex(digits), json.loads(text)


class Golden(unittest.TestCase):
    def test_what_the_bytes_say(self):
        types = set()
        for value, record in golden():
            self.assertEqual(normalized_record.decode(value), record)
            types.add(record["type"])
        self.assertEqual(types, set(normalized_record.TYPES))

    def test_as_a_program(self):
        values = [value for value, _ in golden()]
        framed = b"".join(len(v).to_bytes(4, "big") + v for v in values)
        script = os.path.join(HERE, "normalized_record.py")
        out = subprocess.run([sys.executable, script], input=framed, stdout=subprocess.PIPE, check=True).stdout
        self.assertEqual([json.loads(line) for line in out.splitlines()], [record for _, record in golden()])
        digits = "".join(v.hex() + "\n" for v in values).encode()
        self.assertEqual(subprocess.run([sys.executable, script, "--hex"], input=digits, stdout=subprocess.PIPE,
                                        check=True).stdout, out)


class Damage(unittest.TestCase):
    def reason(self, value):
        return normalized_record.describe(value).get("malformed")

    def test_cut_anywhere(self):
        for value, _ in golden():
            for length in range(len(value)):
                self.assertEqual(self.reason(value[:length]), "truncated")

    def test_reasons(self):
        event = bytes.fromhex("0a03") + bytes(8)
        head = bytes.fromhex("9e01010100")
        self.assertIsNone(self.reason(head + event))
        for value, why in ((b"\x9e\x02" + head[2:] + event, "not_ses"), (b"\x9e\x00" + head[2:] + event, "structure"),
                           (b"{}", "not_ses"), (head + b"\x08\x03" + bytes(8), "structure"),
                           (head + b"\x1a\x03" + bytes(8), "structure"),
                           (head[:3] + b"\x41\x00" + event, "structure"),
                           (head[:3] + b"\x01\x80\x00" + event, "structure"),
                           (head[:3] + b"\x01" + b"\xff" * 9 + b"\x01" + event, "bad_time"),
                           (head[:3] + b"\x01" + b"\xff" * 9 + b"\x02" + event, "structure"),
                           (head[:3] + b"\x21\x00\x01" + event, "structure"),
                           (head[:3] + b"\x21\x00\x81\x80\x04" + event, "too_large"),
                           (head + event + b"\x00\x00", "structure"), (head + event + b"\x02\x00\x01\x00", "structure"),
                           (head + event + bytes(1 << 20), "too_large")):
            self.assertEqual(self.reason(value), why, value[:20].hex())

    def test_what_is_new_is_passed_over(self):
        event = bytes.fromhex("0a03") + bytes(8)
        record = normalized_record.decode(bytes.fromhex("9e01630100") + event + b"\x01\x02ab\x09\x00")
        self.assertEqual(record["type"], "unknown")
        self.assertEqual(len(record["events"]), 1)
        bounce = normalized_record.decode(bytes.fromhex("9e0103010063630a1063") + bytes(8))
        self.assertEqual((bounce["bounce_type"], bounce["bounce_subtype"]), ("other", "other"))
        self.assertEqual(bounce["events"][0]["reason"], "undetermined")


if __name__ == "__main__":
    unittest.main()
