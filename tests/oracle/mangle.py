#!/usr/bin/env python3
"""Writes the records of NDJSON files again in other shapes: the counts must not depend on any of them.

  mangle.py [--framing newline|crlf|none|pretty|array|blank]
            [--compress none|gzip|gzip-multi|zip|zstd|snappy|hadoop-snappy]
            [--envelope none|sns|eventbridge|firehose-error|connect]
            [--shuffle SEED] [--objects N] IN... OUTDIR

IN is a file or a folder, one record a line (gzip and zip are read too). A record's own text is kept to the byte;
only pretty puts blanks between its tokens. Lines that are no JSON are passed on as they are.
"""

import argparse
import base64
import gzip
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys
import uuid
import zipfile

import reading

EXTENSIONS = {"none": "", "gzip": ".gz", "gzip-multi": ".gz", "zip": ".zip", "zstd": ".zst", "snappy": ".snappy",
              "hadoop-snappy": ".snappy"}
SNAPPY_BLOCK = 32 * 1024


def read_lines(paths):
    lines = []
    for path in reading.list_objects(paths):
        for text in reading.read_object(path):
            lines += [line.strip("\r") for line in text.split("\n") if line.strip(" \t\r")]
    return lines


# --- envelopes -------------------------------------------------------------------------------------------------------

def name_of(index):
    """A UUID that depends on the index alone."""
    return str(uuid.UUID(int=(index * 0x9E3779B97F4A7C15F39CC0605CEDC835) % (1 << 128), version=4))


def as_string(text):
    return json.dumps(text, ensure_ascii=False)


def in_sns(line, index):
    topic = "arn:aws:sns:us-east-1:123456789012:ses-events"
    subject = '"Subject":"Amazon SES Email Event Notification",' if index % 3 == 0 else \
        '"Subject":null,' if index % 3 == 1 else ""
    return f'{{"Type":"Notification","MessageId":"{name_of(index)}","TopicArn":"{topic}",{subject}' \
           f'"Message":{as_string(line + chr(10))},"Timestamp":"2026-11-01T00:00:00.000Z","SignatureVersion":"1",' \
           f'"Signature":"EXAMPLE==","SigningCertURL":"https://sns.us-east-1.amazonaws.com/cert.pem"}}'


def in_eventbridge(line, index):
    return f'{{"version":"0","id":"{name_of(index)}","detail-type":"Email Event","source":"aws.ses",' \
           f'"account":"123456789012","time":"2026-11-01T00:00:00Z","region":"us-east-1","resources":[],' \
           f'"detail":{line}}}'


def in_firehose_error(line, index):
    data = base64.b64encode((line + "\n").encode("utf-8", "surrogateescape")).decode("ascii")
    return f'{{"attemptsMade":4,"arrivalTimestamp":1793491200000,"errorCode":"Lambda.FunctionError",' \
           f'"errorMessage":"The function failed.","attemptEndingTimestamp":1793491260000,"rawData":"{data}"}}'


def in_connect(line, index):
    payload = line if index % 2 else as_string(line)
    return f'{{"schema":{{"type":"string","optional":false}},"payload":{payload}}}'


ENVELOPES = {"none": lambda line, index: line, "sns": in_sns, "eventbridge": in_eventbridge,
             "firehose-error": in_firehose_error, "connect": in_connect}


# --- framing ---------------------------------------------------------------------------------------------------------

PIECE = re.compile(reading.STRING + r'|[{}\[\],:]|[^ \t\r\n"{}\[\],:]+|[ \t\r\n]+|(")')


def pretty(text):
    """The same tokens over many lines; text whose quotes or brackets do not match stays as it is."""
    out = []
    depth = 0
    for match in PIECE.finditer(text):
        token = match.group()
        if match.group(1):
            return text
        if token in "{[":
            depth += 1
            out.append(token + "\n" + "  " * depth)
        elif token in "}]":
            depth -= 1
            out.append("\n" + "  " * max(depth, 0) + token)
        elif token == ",":
            out.append(",\n" + "  " * max(depth, 0))
        elif token == ":":
            out.append(" : ")
        elif not token.isspace():
            out.append(token)
    return "".join(out) if depth == 0 else text


def frame(lines, framing):
    if framing == "newline":
        text = "".join(line + "\n" for line in lines)
    elif framing == "crlf":
        text = "".join(line + "\r\n" for line in lines)
    elif framing == "none":
        text = "".join(lines)
    elif framing == "pretty":
        text = "".join(pretty(line) + "\n" for line in lines)
    elif framing == "array":
        text = "[" + ",\n".join(lines) + "]\n"
    else:
        text = "\ufeff\n\n" + "".join(line + "\n" + "\n \t\r\n"[:index % 6] for index, line in enumerate(lines))
    return text.encode("utf-8", "surrogateescape")


# --- compression -----------------------------------------------------------------------------------------------------

def gzip_members(data, count=7):
    """Several members, none of which ends where a record does (if the data is long enough for that)."""
    edges = [0]
    for number in range(1, count):
        edge = max(len(data) * number // count, edges[-1] + 1)
        while edge < len(data) and (data[edge - 1] in b"}\r\n," or data[edge] in b"\r\n"):
            edge += 1
        if edge < len(data):
            edges.append(edge)
    edges.append(len(data))
    return b"".join(gzip.compress(data[begin:end], 6, mtime=0) for begin, end in zip(edges, edges[1:]))


def zip_archive(data, name):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name, (2026, 11, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def zstd(data):
    if shutil.which("zstd"):
        return subprocess.run(["zstd", "-q", "-3", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
    try:
        import zstandard
    except ImportError:
        raise SystemExit("zstd: neither the command nor the Python module is there") from None
    return zstandard.ZstdCompressor().compress(data)


def snappy_block(data):
    """A raw Snappy block: python-snappy's, or one made of literals only."""
    try:
        import snappy
        return snappy.compress(data)
    except ImportError:
        pass
    out = bytearray()
    length = len(data)
    while length >= 0x80:
        out.append(length & 0x7F | 0x80)
        length >>= 7
    out.append(length)
    for begin in range(0, len(data), 0x10000):
        literal = data[begin:begin + 0x10000]
        if len(literal) <= 60:
            out.append((len(literal) - 1) << 2)
        else:
            out.append(61 << 2)     # the length, less one, follows in two bytes
            out += (len(literal) - 1).to_bytes(2, "little")
        out += literal
    return bytes(out)


def blocks_of(data):
    return [data[begin:begin + SNAPPY_BLOCK] for begin in range(0, len(data), SNAPPY_BLOCK)]


def xerial_snappy(data):
    out = [b"\x82SNAPPY\x00" + (1).to_bytes(4, "big") * 2]
    for block in map(snappy_block, blocks_of(data)):
        out += [len(block).to_bytes(4, "big"), block]
    return b"".join(out)


def hadoop_snappy(data, blocks_per_frame=4):
    """Frames of a few blocks each, so that both levels of lengths are there."""
    out = []
    size = SNAPPY_BLOCK * blocks_per_frame
    for begin in range(0, len(data), size):
        part = data[begin:begin + size]
        out.append(len(part).to_bytes(4, "big"))
        for block in map(snappy_block, blocks_of(part)):
            out += [len(block).to_bytes(4, "big"), block]
    return b"".join(out)


def compress(data, how, name):
    if how == "none":
        return data
    if how == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if how == "zip":
        return zip_archive(data, name + ".json")
    return {"gzip-multi": gzip_members, "zstd": zstd, "snappy": xerial_snappy, "hadoop-snappy": hadoop_snappy}[how](
        data
    )


# --- the command -----------------------------------------------------------------------------------------------------

def object_name(index):
    minutes = index % (24 * 60)
    day = 1 + index // (24 * 60)
    return f"ses-events-1-2026-11-{day:02}-{minutes // 60:02}-{minutes % 60:02}-00-{name_of(index)}"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--framing", default="newline",
                        choices=["newline", "crlf", "none", "pretty", "array", "blank"])
    parser.add_argument("--compress", default="none", choices=list(EXTENSIONS))
    parser.add_argument("--envelope", default="none", choices=list(ENVELOPES))
    parser.add_argument("--shuffle", type=int, metavar="SEED")
    parser.add_argument("--objects", type=int, default=1, metavar="N")
    parser.add_argument("paths", nargs="+", metavar="IN")
    parser.add_argument("outdir", metavar="OUTDIR")
    options = parser.parse_args(arguments)
    if not 1 <= options.objects <= 28 * 24 * 60:
        parser.error("--objects must be between 1 and 40320")

    lines = read_lines(options.paths)
    if options.shuffle is not None:
        random.Random(options.shuffle).shuffle(lines)
    wrap = ENVELOPES[options.envelope]
    lines = [wrap(line, index) for index, line in enumerate(lines)]
    os.makedirs(options.outdir, exist_ok=True)
    for index in range(options.objects):
        begin, end = (len(lines) * number // options.objects for number in (index, index + 1))
        name = object_name(index)
        data = compress(frame(lines[begin:end], options.framing), options.compress, name)
        with open(os.path.join(options.outdir, name + EXTENSIONS[options.compress]), "wb") as file:
            file.write(data)
    print(f"{len(lines)} records in {options.objects} objects", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
