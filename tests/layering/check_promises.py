#!/usr/bin/env python3
"""What the project promises about itself, and what is easily forgotten:

- README.md names scripts/demo and scripts/test;
- no file holds a mark of unfinished work;
- every fuzz target has a corpus, every corpus a target;
- every .c file of collector/core and parsers has a test or a fuzz target, or a reason here why not;
- scripts can be executed, and links between the documents lead somewhere;
- CHANGELOG.md knows the version that CMakeLists.txt builds.

    tests/layering/check_promises.py [--root FOLDER]
    tests/layering/check_promises.py --self-test
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile

# Files without a test of their own, and why.
UNTESTED = {
    "collector/core/alloc.c": "ends the process when memory is out; every other test runs through it",
    "parsers/ses_subscription.c": "record_fields_test and differential_test compare the change of many preferences",
    "parsers/ses_event.c": "record_fields_test, differential_test and record_fuzz read every field by parsers/record.c",
    "collector/core/clock.c": "two calls of the system's clock; everything else is given the time",
}

TESTED_FOLDERS = ("collector/core", "parsers")

# In two halves, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK:", "WI" + "P:")) + r")\b")
# Inputs, not our text: found by a fuzzer or taken from mail.
NOT_OUR_TEXT = ("tests/fuzz/corpus/", "tests/golden/", "LICENSE")

LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)")


def project_files(root):
    """Tracked or new and not ignored; where there is no git, all but the builds."""
    listing = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                             capture_output=True)
    if listing.returncode == 0:
        paths = [os.fsdecode(path) for path in listing.stdout.split(b"\0") if path]
    else:
        paths = []
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if name not in (".git", "build", "__pycache__")]
            paths += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted({path for path in paths if os.path.isfile(os.path.join(root, path))})


def read(root, path):
    """The file's text; None if it is not text."""
    try:
        with open(os.path.join(root, path), encoding="utf-8") as f:
            return f.read()
    except (UnicodeDecodeError, FileNotFoundError):
        return None


def check_readme(root, files):
    text = read(root, "README.md") if "README.md" in files else None
    if text is None:
        return ["README.md: is missing"]
    return [f"README.md: does not name {name}" for name in ("scripts/demo", "scripts/test") if name not in text]


def check_unfinished(root, files):
    found = []
    for path in files:
        text = None if path.startswith(NOT_OUR_TEXT) else read(root, path)
        for number, line in enumerate((text or "").split("\n"), 1):
            match = UNFINISHED.search(line)
            if match:
                found.append(f"{path}:{number}: a mark of unfinished work ({match.group(1)})")
    return found


def check_corpora(root, files):
    targets = {os.path.basename(path)[:-2] for path in files if re.fullmatch(r"tests/fuzz/[^/]+_fuzz\.c", path)}
    corpora = {path.split("/")[3] for path in files if path.startswith("tests/fuzz/corpus/") and path.count("/") > 3}
    return ([f"tests/fuzz/{name}.c: tests/fuzz/corpus/{name} has no file" for name in sorted(targets - corpora)] +
            [f"tests/fuzz/corpus/{name}: has no target tests/fuzz/{name}.c" for name in sorted(corpora - targets)])


def names_of(stem):
    """inflate_gzip -> inflate_gzip, inflate: a part of a module is tested with its module."""
    parts = stem.split("_")
    return ["_".join(parts[:n]) for n in range(len(parts), 0, -1)]


def check_tested(root, files):
    tests = [path for path in files if re.fullmatch(r"tests/(unit/[^/]+_test|fuzz/[^/]+_fuzz)\.c", path)]
    stems = {re.sub(r"_(test|fuzz)\.c$", "", os.path.basename(path)) for path in tests}
    included = set(re.findall(r'#\s*include\s+"(?:collector/)?((?:core|parsers)/[^"]+)\.h"',
                              "\n".join(read(root, path) or "" for path in tests)))
    found = []
    for path in files:
        folder, name = os.path.split(path)
        if folder not in TESTED_FOLDERS or not name.endswith(".c"):
            continue
        names = names_of(name[:-2])
        tested = any(n in stems or f"{os.path.basename(folder)}/{n}" in included for n in names)
        if not tested and path not in UNTESTED:
            found.append(f"{path}: no test in tests/unit, no target in tests/fuzz, and no reason in "
                         "tests/layering/check_promises.py")
    return found + [f"{path}: is gone, but UNTESTED of tests/layering/check_promises.py names it"
                    for path in UNTESTED if path not in files]


def check_executable(root, files):
    found = []
    for path in files:
        text = None
        if re.fullmatch(r"scripts/[^.]+|\.ci/run|tests/integration/[^/]+\.sh|tests/bench/run", path):
            if not os.access(os.path.join(root, path), os.X_OK):
                found.append(f"{path}: cannot be executed")
            text = read(root, path)
            if not (text or "").startswith("#!"):
                found.append(f"{path}: begins with no #! line")
    return found


def check_links(root, files):
    found = []
    for path in files:
        if not path.endswith(".md"):
            continue
        code_free = re.sub(r"```.*?```|`[^`\n]*`", lambda m: re.sub(r"[^\n]", " ", m.group(0)), read(root, path) or "",
                           flags=re.S)
        for match in LINK.finditer(code_free):
            target = match.group(1).split("#")[0]
            if not target or re.match(r"[a-z]+:", target):
                continue
            full = os.path.normpath(os.path.join(root, os.path.dirname(path), target))
            if not os.path.exists(full):
                number = code_free.count("\n", 0, match.start()) + 1
                found.append(f"{path}:{number}: the link to {target} leads nowhere")
    return found


def check_version(root, files):
    match = re.search(r"project\(ses-collector VERSION ([0-9.]+)", read(root, "CMakeLists.txt") or "")
    if not match:
        return ["CMakeLists.txt: names no version"]
    if f"[{match.group(1)}]" not in (read(root, "CHANGELOG.md") or ""):
        return [f"CHANGELOG.md: has no section [{match.group(1)}], the version of CMakeLists.txt"]
    return []


CHECKS = (check_readme, check_unfinished, check_corpora, check_tested, check_executable, check_links, check_version)


def check(root):
    files = project_files(root)
    return [problem for one in CHECKS for problem in one(root, files)]


# --- Self-test ----------------------------------------------------------------------------------------------------

SOUND_TREE = {
    "CMakeLists.txt": "project(ses-collector VERSION 1.2.3 LANGUAGES C)\n",
    "CHANGELOG.md": "## [1.2.3]\n",
    "README.md": "scripts/demo scripts/test [here](docs/a.md#x) [there](https://example.com/) `[no](link)`\n",
    "docs/a.md": "[back](../README.md)\n",
    "collector/core/alloc.c": "",
    "parsers/ses_subscription.c": "record_test and differential_test compare the change of many preferences",
    "parsers/ses_event.c": "record_test, differential_test and record_fuzz read every field through parsers/record.c",
    "collector/core/clock.c": "",
    "collector/core/map.c": "",
    "parsers/inflate_gzip.c": "",
    "parsers/frame.c": "",
    "tests/unit/map_test.c": "",
    "tests/unit/other_test.c": '#include "parsers/frame.h"\n',
    "tests/fuzz/inflate_fuzz.c": "",
    "tests/fuzz/corpus/inflate_fuzz/one": "TO" + "DO",
}
BREAKS = [
    ({"README.md": "scripts/test\n"}, "does not name scripts/demo"),
    ({"sinks/a.c": "\n/* " + "FIX" + "ME: */\n"}, "sinks/a.c:2: a mark of unfinished work"),
    ({"tests/fuzz/json_fuzz.c": ""}, "tests/fuzz/corpus/json_fuzz has no file"),
    ({"tests/fuzz/corpus/json_fuzz/one": ""}, "has no target"),
    ({"parsers/json.c": ""}, "parsers/json.c: no test"),
    ({"tests/unit/map_test.c": None}, "collector/core/map.c: no test"),
    ({"collector/core/alloc.c": None}, "is gone"),
    ({"tests/integration/a.sh": "#!/bin/sh\n"}, "cannot be executed"),
    ({"docs/a.md": "\n[x](gone.md)\n"}, "docs/a.md:2: the link to gone.md leads nowhere"),
    ({"CHANGELOG.md": "## [1.2.2]\n"}, "no section [1.2.3]"),
]


def complaints(files):
    with tempfile.TemporaryDirectory(prefix="ses-promises-") as root:
        for path, text in files.items():
            if text is None:
                continue
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as f:
                f.write(text)
        return check(root)


def self_test():
    failed = 0
    for change, expected in [({}, None)] + BREAKS:
        found = complaints({**SOUND_TREE, **change})
        if (found if expected is None else len(found) != 1 or expected not in found[0]):
            failed += 1
            print(f"not ok: expected {expected or 'no complaint'!r}, got:", *found, sep="\n    ")
    print(f"self-test: {len(BREAKS) + 1 - failed} of {len(BREAKS) + 1} as expected")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if options.self_test:
        return self_test()
    found = check(options.root)
    print(*found, sep="\n", end="\n" if found else "")
    print(f"{len(found)} promises broken" if found else "all promises kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
