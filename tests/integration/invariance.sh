#!/usr/bin/env bash
# Order of files, split into objects, compression, framing, envelopes, instruction sets, threads: nothing of that changes
# a count.
# shellcheck disable=SC2317 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"

mangle() {
    python3 "$top/tests/oracle/mangle.py" "$@"
}

simulate --seed 21 --duration 2h --messages 6000 --sets 30 --incident badlist@newsletter:30m+30m --out dump --truth truth.csv
cat "$(find dump -name '*.gz' | head -n 1)" >/dev/null || exit 1
find dump -name '*.gz' -print0 | sort -z | xargs -0 zcat >all.ndjson

# same NAME PATH [OPTIONS]: the same cells and alerts as in truth.csv and expected.json
same() {
    local name=$1
    shift
    check "$name: runs" replay --quiet --cells cells.csv --alerts alerts.json "$@"
    check "$name: cells" cmp truth.csv cells.csv
    check "$name: alerts" cmp expected.json alerts.json
}

check "alerts to compare with" replay --quiet --alerts expected.json dump
for framing in newline crlf none pretty array blank; do
    rm -rf shape
    mangle --framing "$framing" --compress none --objects 7 --shuffle 5 all.ndjson shape
    same "framing $framing" shape
done
for compress in gzip gzip-multi zip zstd snappy hadoop-snappy; do
    rm -rf shape
    mangle --framing newline --compress "$compress" --objects 13 --shuffle 6 all.ndjson shape
    same "compression $compress" shape
done
for envelope in sns eventbridge firehose-error connect; do
    rm -rf shape
    mangle --framing newline --compress gzip --objects 3 --envelope "$envelope" all.ndjson shape
    same "envelope $envelope" shape
done
for isa in plain sse2 avx2 avx512; do
    if replay --isa "$isa" --quiet all.ndjson 2>/dev/null; then
        same "instruction set $isa" --isa "$isa" all.ndjson
    fi
done
for threads in 1 2 3 8; do
    same "$threads threads, one plain file" --threads "$threads" all.ndjson
done
same "twice the same" dump dump all.ndjson
same "standard input" - <all.ndjson
same "a pipe in pieces" - < <(dd if=all.ndjson bs=777 status=none)
finish
