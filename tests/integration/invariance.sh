#!/usr/bin/env bash
# Order of files, split into objects, compression, framing, envelopes, instruction sets, threads: nothing of that changes
# a count. Nor what is learned of domains, who opened, and what was first: in whatever order the records come.
# shellcheck disable=SC2317,SC2054 source=common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"

mangle() {
    python3 "$top/tests/oracle/mangle.py" "$@"
}

simulate --seed 21 --duration 2h --messages 6000 --sets 30 --incident badlist@newsletter:30m+30m --out dump --truth truth.csv
cat "$(find dump -name '*.gz' | head -n 1)" >/dev/null || exit 1
find dump -name '*.gz' -print0 | sort -z | xargs -0 zcat >all.ndjson
# Hints that contradict each other, bursts, late visits: none of it too late to count, whatever comes first.
python3 "$top/tests/oracle/make_dump.py" --seed 22 --messages 2000 --hours 20 >odd.ndjson
cat odd.ndjson >>all.ndjson
cp odd.ndjson dump/

# Of the metrics all that is about the mail; and the report but for what it says of the input.
readonly options=(--last-sends 700 --lateness 20d --format json --by account,provider --by provider,configuration_set --by identity)
outputs() { # NAME PATH [OPTIONS]
    local name=$1
    shift
    replay "${options[@]}" --cells "$name.csv" --alerts "$name.json" --metrics "$name.prom" "$@" 2>"$name.said" |
        python3 -c 'import json, sys; data = json.load(sys.stdin)["data"]; print(json.dumps([data["views"], data["reasons"], data["reputation"]]))' >"$name.report" || return
    grep '^ses_' "$name.prom" | grep -v '^ses_collector_' >"$name.samples"
}

# same NAME PATH [OPTIONS]: the same cells, alerts, samples and report as of the dump
same() {
    local name=$1 output
    shift
    check "$name: runs" outputs given "$@"
    for output in csv json samples report; do
        check "$name: $output" cmp expected.$output given.$output
    done
}

check "the dump to compare with" outputs expected dump
check "has hints" grep -q '^ses_recipients_total.*provider="google_workspace"' expected.samples
check "has all kinds of visitors" test "$(grep -c '^ses_unique_opens_total' expected.samples)" -gt 10
check "cells are what was made, where nothing is learned" bash -c "rm -f dump/odd.ndjson &&
    '$SES_COLLECTOR' replay --no-learning --quiet --cells made.csv dump 2>/dev/null && cmp truth.csv made.csv"
cp odd.ndjson dump/
for seed in 1 2 3 4 5; do
    python3 -c 'import random, sys; random.seed(int(sys.argv[1])); lines = sys.stdin.readlines(); random.shuffle(lines); sys.stdout.writelines(lines)' \
        "$seed" <all.ndjson >shuffled.ndjson
    same "shuffled records ($seed)" shuffled.ndjson
    rm -rf shape
    mangle --framing newline --compress none --objects 9 --shuffle "$seed" shuffled.ndjson shape
    same "shuffled records in shuffled objects ($seed)" shape
done
tac all.ndjson >backwards.ndjson
same "backwards" backwards.ndjson
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
