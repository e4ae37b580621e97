# What the integration tests share. Sourced. SES_COLLECTOR is the binary to test (default: the release build).
# A test prints `ok NAME` or `not ok NAME`; scripts/test counts these lines.
set -uo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
SES_COLLECTOR=$(realpath "${SES_COLLECTOR:-$top/build/release/ses-collector}")
work=$(mktemp -d "${TMPDIR:-/tmp}/ses-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

# check NAME COMMAND...: passes when the command does; shows its output when it does not.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "ok $name"
    else
        echo "not ok $name"
        printf '%s\n' "$output" | head -n 40 | sed 's/^/    /'
        failures=$((failures + 1))
    fi
}

# exits CODE COMMAND...: what it says is in `out` and `err` then.
exits() {
    local want=$1 code
    shift
    "$@" >out 2>err
    code=$?
    ((code == want)) || {
        echo "exit $code, not $want: $*"
        tail -n 5 err
        return 1
    }
}

# says TEXT FILE: the file holds the text.
says() {
    grep -qF -- "$1" "$2" || {
        echo "\"$1\" is not in $2:"
        tail -n 20 "$2"
        return 1
    }
}

is() { # IS WANTED
    [[ $1 == "$2" ]] || {
        echo "got      \"$1\""
        echo "expected \"$2\""
        return 1
    }
}

# agree FEWEST WHATS: the lines of `found` are those of `expected`, and at least FEWEST.
agree() {
    diff found expected >difference || {
        head -n 10 difference
        return 1
    }
    (($(wc -l <found) >= $1)) || {
        echo "only $(wc -l <found) $2: nothing is shown by that"
        return 1
    }
}

oracle() {
    python3 "$top/tests/oracle/oracle.py" "$@"
}

compare() {
    python3 "$top/tests/oracle/compare.py" "$@"
}

simulate() {
    "$SES_COLLECTOR" simulate --quiet "$@"
}

replay() {
    "$SES_COLLECTOR" replay "$@"
}

# Below the ports that the kernel gives out by itself, so that nobody gets one by chance before it is used; never the same
# one twice, and scripts that run at the same time begin at different places.
free_port() {
    python3 - $((10000 + $$ * 23 % 5000)) "$work/.ports" <<'PY'
import pathlib, socket, sys
first, given = int(sys.argv[1]), pathlib.Path(sys.argv[2])
taken = given.read_text().split() if given.exists() else []


def is_free(port):
    with socket.socket() as s:
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return str(port) not in taken


port = next(p for p in (10000 + (first + i) % 5000 for i in range(5000)) if is_free(p))
given.write_text(" ".join(taken + [str(port)]))
print(port)
PY
}

finish() {
    ((failures == 0))
    exit
}
