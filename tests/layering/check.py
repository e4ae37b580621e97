#!/usr/bin/env python3
"""Who may include whom.

Reads the #include lines of every C file and fails when the picture is broken:

    core <- model <- parsers, aggregate, alert, state, aws, simulate <- source, sinks <- config, pipeline <- commands
    <- main

Parsers and sinks never see each other, each foreign library is included by those who own the thing and nobody else, and
CMakeLists.txt (ses_layer ... USES ...) says the same as the table here.

    tests/layering/check.py [--root FOLDER]
    tests/layering/check.py --self-test      breaks a small tree in every way and expects to be told
"""

import argparse
import fnmatch
import os
import re
import sys
import tempfile

# Each layer: its folder, and the layers it may use besides itself.
LAYERS = {
    "core": ("collector/core", []),
    "model": ("collector/model", ["core"]),
    "parsers": ("parsers", ["model", "core"]),
    "aggregate": ("collector/aggregate", ["model", "core"]),
    "alert": ("collector/alert", ["model", "core"]),
    "simulate": ("collector/simulate", ["model", "core"]),
    "state": ("collector/state", ["model", "core"]),
    "http": ("collector/http", ["core"]),
    "aws": ("collector/aws", ["http", "model", "core"]),
    "source": ("collector/source", ["aws", "http", "parsers", "model", "core"]),
    "sinks": ("sinks", ["aws", "http", "alert", "aggregate", "model", "core"]),
    "config": ("collector/config", ["source", "sinks", "parsers", "alert", "aws", "http", "model", "core"]),
    "pipeline": ("collector/pipeline",
                 ["source", "sinks", "state", "parsers", "aggregate", "alert", "aws", "model", "core"]),
    "commands": ("collector/commands",
                 ["config", "pipeline", "simulate", "sinks", "source", "state", "aggregate", "alert",
                  "aws", "http", "parsers", "model", "core"]),
}

# collector/main.c finds the command and returns its exit code.
MAIN_USES = ["commands", "core"]

# Foreign headers (patterns) and the files that may include them. "(nobody)" is a decision too.
LIBRARIES = [
    ("zlib.h", ["parsers/inflate*", "collector/simulate/*", "sinks/http_*", "collector/source/push*", "tests/*"]),
    ("isa-l.h", ["parsers/inflate*"]),
    ("isa-l/*", ["parsers/inflate*"]),
    ("igzip_lib.h", ["parsers/inflate*"]),
    ("snappy-c.h", ["parsers/inflate*", "sinks/remote_write_encode.c", "tests/*"]),
    ("zstd.h", ["parsers/inflate*", "tests/*"]),
    ("zstd_errors.h", ["parsers/inflate*"]),
    ("idn2.h", ["parsers/recipient.c", "tests/*"]),
    ("jansson.h", ["sinks/*", "collector/aws/*", "collector/source/sqs*", "collector/source/push*",
                   "collector/source/s3_notification*", "tests/*"]),
    ("cmocka.h", ["tests/*"]),
    ("librdkafka/*", ["collector/source/kafka*", "tests/*"]),
    ("curl/*", ["collector/http/pool*"]),
    ("openssl/*", ["collector/model/exemplar.c", "collector/aws/*", "sinks/http_*", "sinks/webhook.c",
                   "sinks/normalized*", "tests/*"]),
    ("crypt.h", ["sinks/http_*"]),
    ("sqlite3.h", ["collector/state/*", "tests/*"]),
    ("microhttpd.h", ["collector/http/*", "sinks/http_server*", "collector/source/push*"]),
    ("gnutls/*", ["collector/http/*", "sinks/http_server*"]),
    ("expat.h", ["collector/aws/xml.c"]),
    ("yaml.h", ["collector/config/*"]),
]

# What a ses_layer line of CMakeLists.txt links, and the header that it is linked for.
PACKAGES = {
    "PkgConfig::ZLIB": "zlib.h",
    "PkgConfig::ZSTD": "zstd.h",
    "PkgConfig::IDN2": "idn2.h",
    "Snappy::snappy": "snappy-c.h",
    "isal_optional": "isa-l/*",
    "PkgConfig::JANSSON": "jansson.h",
    "PkgConfig::RDKAFKA": "librdkafka/*",
    "PkgConfig::CURL": "curl/*",
    "PkgConfig::CRYPTO": "openssl/*",
    "PkgConfig::CRYPT": "crypt.h",
    "PkgConfig::SQLITE": "sqlite3.h",
    "PkgConfig::MICROHTTPD": "microhttpd.h",
    "PkgConfig::GNUTLS": "gnutls/*",
    "PkgConfig::YAML": "yaml.h",
    "PkgConfig::EXPAT": "expat.h",
}
NO_HEADER_OF_ITS_OWN = {"Threads::Threads", "m", "rt", "dl"}

# Headers of C, POSIX and the compiler. Any other <header> must have a line in LIBRARIES.
SYSTEM = set("""
    assert.h ctype.h complex.h errno.h fenv.h float.h inttypes.h iso646.h limits.h locale.h math.h setjmp.h signal.h
    stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h stdnoreturn.h string.h tgmath.h
    threads.h time.h uchar.h wchar.h wctype.h
    dirent.h dlfcn.h endian.h err.h fcntl.h fnmatch.h fts.h ftw.h getopt.h glob.h grp.h langinfo.h libgen.h malloc.h netdb.h
    poll.h pthread.h pwd.h regex.h sched.h semaphore.h spawn.h strings.h sysexits.h syslog.h termios.h ucontext.h unistd.h
    byteswap.h execinfo.h features.h
    cpuid.h immintrin.h emmintrin.h x86intrin.h nmmintrin.h smmintrin.h tmmintrin.h wmmintrin.h arm_neon.h arm_acle.h
""".split())
SYSTEM_FOLDERS = ("sys/", "net/", "netinet/", "arpa/", "linux/", "sanitizer/")

GENERATED = {"version.h"}  # by CMake
CLOCK_OWNER = "collector/core/clock.c"
CLOCK_CALL = re.compile(r"(?<![\w.>])(clock_gettime|gettimeofday|timespec_get|time|ftime)\s*\(")

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
SOURCES = ("collector", "parsers", "sinks", "tests")


def c_files(root):
    for top in SOURCES:
        for folder, folders, names in os.walk(os.path.join(root, top)):
            folders.sort()
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def layer_of(path):
    """The layer's name; "main" and "tests" for what stands above them; None for a C file outside the picture."""
    if path == "collector/main.c":
        return "main"
    if path.startswith("tests/"):
        return "tests"
    for name, (folder, _) in LAYERS.items():
        if os.path.dirname(path) == folder or path.startswith(folder + "/"):
            return name
    return None


def allowed_layers(layer):
    if layer == "tests":
        return list(LAYERS) + ["tests"]
    if layer == "main":
        return MAIN_USES
    return [layer] + LAYERS[layer][1]


def resolve(root, path, header):
    """The project's file that "header" means, relative to the root; None if there is no such file."""
    folders = ["", "collector", os.path.dirname(path)] + (["tests"] if path.startswith("tests/") else [])
    for folder in folders:
        candidate = os.path.normpath(os.path.join(folder, header)).replace(os.sep, "/")
        if os.path.isfile(os.path.join(root, candidate)):
            return candidate
    return None


def check_own_header(root, path, header):
    if header in GENERATED:
        return None
    target = resolve(root, path, header)
    if target is None:
        return f'"{header}" is no file of this project; foreign headers go in <>'
    if target.endswith(".c"):
        return f'"{header}": a .c file is never included'
    layer, other = layer_of(path), layer_of(target)
    if other is None:
        return f'"{header}" lies in no layer that tests/layering/check.py knows'
    if other not in allowed_layers(layer):
        return f'"{header}" is of {other}; {layer} may use: {", ".join(allowed_layers(layer))}'
    return None


def check_foreign_header(path, header):
    if header in SYSTEM or header.startswith(SYSTEM_FOLDERS):
        return None
    for pattern, owners in LIBRARIES:
        if fnmatch.fnmatchcase(header, pattern):
            if any(fnmatch.fnmatchcase(path, owner) for owner in owners):
                return None
            return f'<{header}> is for: {", ".join(owners) or "(nobody)"}'
    return f"<{header}> is neither of the system nor in LIBRARIES of tests/layering/check.py"


def without_comments_and_strings(text):
    """The same lines with comments and literals blanked, so that a word in them is not taken for code."""
    blank = lambda m: re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def check_file(root, path):
    found = []
    layer = layer_of(path)
    if layer is None:
        return [f"{path}:1: lies in no layer that tests/layering/check.py knows"]
    text = read(root, path)
    for number, line in enumerate(text.split("\n"), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        own, foreign = match.groups()
        problem = check_own_header(root, path, own) if own else check_foreign_header(path, foreign)
        if problem:
            found.append(f"{path}:{number}: {problem}")
    if layer != "tests" and path != CLOCK_OWNER:
        for number, line in enumerate(without_comments_and_strings(text).split("\n"), 1):
            match = CLOCK_CALL.search(line)
            if match:
                found.append(f"{path}:{number}: {match.group(1)}() reads a clock; only {CLOCK_OWNER} does, time is an argument")
    return found


def owned_by(layer, header):
    """Whether LIBRARIES lets any file of the layer include the header."""
    folder = LAYERS[layer][0]
    owners = next(owners for pattern, owners in LIBRARIES if pattern == header)
    return any(owner == folder or owner.startswith(folder + "/") for owner in owners)


def check_cmake_layer(where, name, folder, uses):
    if name not in LAYERS:
        return [f"{where}: layer {name} is not in LAYERS of tests/layering/check.py"]
    found = []
    expected_folder, expected = LAYERS[name]
    if folder != expected_folder:
        found.append(f"{where}: layer {name} is in {folder}, and here in {expected_folder}")
    layers = [use for use in uses if use in LAYERS]
    if sorted(layers) != sorted(expected):
        found.append(f"{where}: {name} USES {' '.join(layers) or 'nothing'}; allowed: {' '.join(expected) or 'nothing'}")
    for use in uses:
        if use not in LAYERS and use not in PACKAGES and use not in NO_HEADER_OF_ITS_OWN:
            found.append(f"{where}: {name} links {use}, which PACKAGES of tests/layering/check.py does not know")
    for package, header in PACKAGES.items():
        if (package in uses) != owned_by(name, header):
            may = "may" if owned_by(name, header) else "may not"
            found.append(f"{where}: {name} {'links' if package in uses else 'does not link'} {package}, "
                         f"but {may} include <{header}>")
    return found


def check_cmake(root):
    text = re.sub(r"#[^\n]*", "", read(root, "CMakeLists.txt"))
    found, seen = [], set()
    for match in re.finditer(r"^ses_layer\(\s*(\w+)\s+DIR\s+(\S+?)(?:\s+USES\s+([^)]*))?\)", text, flags=re.M):
        where = f"CMakeLists.txt:{text.count(chr(10), 0, match.start()) + 1}"
        seen.add(match.group(1))
        found += check_cmake_layer(where, match.group(1), match.group(2), (match.group(3) or "").split())
    found += [f"CMakeLists.txt:1: no ses_layer line for {name}" for name in LAYERS if name not in seen]
    return found


def check_picture():
    """The table itself: only what stands before a layer, and parsers and sinks apart."""
    found, before = [], set()
    for name, (_, uses) in LAYERS.items():
        found += [f"LAYERS: {name} uses {use}, which is not below it" for use in uses if use not in before]
        before.add(name)
    for one, other in (("parsers", "sinks"), ("sinks", "parsers")):
        if other in LAYERS[one][1]:
            found.append(f"LAYERS: {one} and {other} must not see each other")
    return found


def check(root):
    found = check_picture() + check_cmake(root)
    files = list(c_files(root))
    for path in files:
        found += check_file(root, path)
    return found, len(files)


# --- Self-test ----------------------------------------------------------------------------------------------------

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def layer_lines(text):
    return "\n" + "\n".join(re.findall(r"^ses_layer\(\w+ DIR[^)]*\)", text, flags=re.M)) + "\n"


# The project's own lines: sound by the check of the project itself.
SOUND_CMAKE = layer_lines(read(HERE, "CMakeLists.txt"))

SOUND_TREE = {
    "CMakeLists.txt": SOUND_CMAKE,
    "collector/core/buf.h": "#include <stddef.h>\n",
    "collector/core/clock.c": "#include <time.h>\nint x(void) { return (int)time(NULL); }\n",
    "collector/model/event.h": '#include "core/buf.h"\n',
    "collector/simulate/write.c": '#include <zlib.h>\n#include "model/event.h"\n',
    "collector/source/files.c": '#include "parsers/frame.h"\n#include "source/files.h"\n',
    "collector/source/files.h": "#include <sys/types.h>\n",
    "collector/commands/replay.c": '#include "sinks/table.h"\n#include "version.h"\n/* time() is not called */\n',
    "collector/main.c": '#include "core/buf.h"\n',
    "parsers/frame.h": '#include "model/event.h"\n',
    "parsers/inflate_gzip.c": "#include <isa-l/igzip_lib.h>\n#include <zlib.h>\n",
    "sinks/table.h": '#include "core/buf.h"\n',
    "sinks/alerts.c": "#include <jansson.h>\nint x(void) { return event.time(1) + delivery_time(2); }\n",
    "tests/unit/frame_test.c": '#include <cmocka.h>\n#include <jansson.h>\n#include "parsers/frame.h"\n#include "sinks/table.h"\n',
}

# What is changed in the sound tree, and what the one complaint must hold.
BREAKS = [
    ("core uses model", {"collector/core/bad.c": '\n#include "model/event.h"\n'}, "collector/core/bad.c:2: "),
    ("a parser sees a sink", {"parsers/bad.c": '#include "sinks/table.h"\n'}, "parsers may use: parsers, model, core"),
    ("a sink sees a parser", {"sinks/bad.c": '#include "parsers/frame.h"\n'}, "is of parsers; sinks may use"),
    ("by a relative path", {"sinks/bad.c": '#include "../parsers/frame.h"\n'}, "is of parsers; sinks may use"),
    ("the model uses a test", {"tests/h.h": "", "collector/model/bad.c": '#include "tests/h.h"\n'}, "is of tests"),
    ("main uses a sink", {"collector/main.c": '#include "sinks/table.h"\n'}, "main may use: commands, core"),
    ("zlib in a source", {"collector/source/bad.c": "#include <zlib.h>\n"}, "<zlib.h> is for: parsers/inflate*"),
    ("idn2 in another parser", {"parsers/json.c": "#include <idn2.h>\n"}, "<idn2.h> is for: parsers/recipient.c"),
    ("jansson in a parser", {"parsers/json.c": "#  include  <jansson.h>\n"}, "<jansson.h> is for: sinks/*"),
    ("curl in another sink", {"sinks/push.c": "#include <curl/curl.h>\n"}, "<curl/curl.h> is for: collector/http/pool*"),
    ("XML in a sink", {"sinks/push.c": "#include <expat.h>\n"}, "<expat.h> is for: collector/aws/xml.c"),
    ("an unknown library", {"sinks/push.c": "#include <uv.h>\n"}, "neither of the system nor in LIBRARIES"),
    ("a missing header", {"sinks/push.c": '#include "sinks/none.h"\n'}, "is no file of this project"),
    ("a .c file included", {"sinks/a.c": "", "sinks/b.c": '#include "sinks/a.c"\n'}, "never included"),
    ("a new folder", {"collector/misc/a.c": ""}, "collector/misc/a.c:1: lies in no layer"),
    ("a clock read", {"collector/alert/rule.c": "long f(void) {\n    return time(0);\n}\n"}, "collector/alert/rule.c:2: time()"),
    ("CMake links too much", {"CMakeLists.txt": SOUND_CMAKE.replace("model DIR collector/model USES core",
                                                                    "model DIR collector/model USES core parsers")},
     "CMakeLists.txt:3: model USES core parsers; allowed: core"),
    ("CMake links a library", {"CMakeLists.txt": SOUND_CMAKE.replace("alert USES model core",
                                                                     "alert USES model core PkgConfig::JANSSON")},
     "alert links PkgConfig::JANSSON, but may not include <jansson.h>"),
    ("CMake links an unknown one", {"CMakeLists.txt": SOUND_CMAKE.replace("alert USES model", "alert USES uv model")},
     "alert links uv"),
    ("CMake forgets a layer", {"CMakeLists.txt": SOUND_CMAKE.replace("ses_layer(alert", "layer(alert")},
     "no ses_layer line for alert"),
]


def complaints(files):
    with tempfile.TemporaryDirectory(prefix="ses-layering-") as root:
        for path, text in files.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as f:
                f.write(text)
        return check(root)[0]


def self_test():
    failed = 0
    found = complaints(SOUND_TREE)
    if found:
        failed += 1
        print("not ok the sound tree:", *found, sep="\n    ")
    for name, change, expected in BREAKS:
        found = complaints({**SOUND_TREE, **change})
        if len(found) != 1 or expected not in found[0]:
            failed += 1
            print(f"not ok {name}: expected one complaint with {expected!r}, got:", *found, sep="\n    ")
    print(f"self-test: {len(BREAKS) + 1 - failed} of {len(BREAKS) + 1} as expected")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default=HERE)
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if options.self_test:
        return self_test()
    found, files = check(options.root)
    print(*found, sep="\n", end="\n" if found else "")
    print(f"{files} files, {len(found)} includes or links that break the picture" if found
          else f"{files} files keep to the picture")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
