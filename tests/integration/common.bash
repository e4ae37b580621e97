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

finish() {
    ((failures == 0))
    exit
}
