#!/bin/sh
# bulkhead sim --trace from outside: options, a full disk, Ctrl-C. What is in the file is read back
# by test_trace_file.c.
set -u

: "${BULKHEAD:=build/release/bulkhead}"
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
n=0

verdict() { # claim, 0 when it holds
    n=$((n + 1))
    if [ "$2" -eq 0 ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        sed 's/^/# out: /' "$work/out"
        sed 's/^/# err: /' "$work/err"
    fi
}

run() { # arguments
    timeout 60 "$BULKHEAD" sim "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}

# A mistake: status 2, nothing on stdout, this sentence on stderr.
refused() { # claim, sentence, arguments
    claim=$1 sentence=$2
    shift 2
    run "$@"
    [ "$status" -eq 2 ] && [ ! -s "$work/out" ] && grep -qF -e "$sentence" "$work/err"
    verdict "$claim" $?
}

# The file is whole: every line between first and last is an event, and the last says how it ended.
whole() { # ended by
    sed -n '1p' "$work/trace" | grep -qx '{"displayTimeUnit":"ms","traceEvents":\[' &&
        sed -n '$p' "$work/trace" | grep -q "^\],\"otherData\":{.*\"ended_by\":\"$1\".*}}\$" &&
        awk 'NR > 2 && !/^\],"otherData"/ && last !~ /},$/ { exit 1 } { last = $0 }' "$work/trace" &&
        ! sed '1d;$d' "$work/trace" | grep -qv '^{"ph":"[a-zA-Z]",.*},\{0,1\}$'
}

echo '{"countries": ["GB"]}' >"$work/gb.json"
echo '{"topology": "gb.json", "start": "peak GB", "duration": "3s", "warmup": "0",
    "replications": 3}' >"$work/short.json"

run "$work/short.json" --json --jobs 2
grep '"digest"' "$work/out" >"$work/digest"
run "$work/short.json" --json --jobs 2 --trace "$work/trace"
[ "$status" -eq 0 ] && [ ! -s "$work/err" ] && grep '"digest"' "$work/out" | cmp -s - "$work/digest"
verdict "a traced run has the digest of one that is not" $?
whole "the end of the run"
verdict "and a whole trace" $?
echo '{"countries": {"GB": {"peak_rps": 100, "curve": "flat"}}, "cells": ["gb"],
    "services": {"shop": {"time": "50ms", "calls": [{"service": "rows"}]},
                 "rows": {"share": 0, "store": true, "time": "1ms"}}}' >"$work/store.json"
echo '{"topology": "store.json", "duration": "40s", "replications": 1, "control": {"replace": true,
    "detect": "1s", "start": "1s"}, "faults": [{"kind": "zone-down", "scope": "gb/a", "at": "5s"}]
    }' >"$work/grown.json"
run "$work/grown.json" --trace "$work/trace"
[ "$status" -eq 0 ] && grep -q '"name":"try 1 rows"' "$work/trace" &&
    grep -q '"name":"thread_name","args":{"name":"b/shop-2' "$work/trace" && whole "the end of the run"
verdict "stores are in no zone, and servers that control started have lanes" $?
run "$work/short.json" --trace "$work/trace" --trace-records 100 --trace-from 1s
[ "$status" -eq 0 ] && grep -q "trace is full, what came later is left out" "$work/err"
verdict "a bound is told" $?
whole "records_max, the rest is left out" && grep -q '"from":"1s",.*"records":100,' "$work/trace"
verdict "in the trace as well" $?

refused "a folder that is missing" "$work/no/trace: No such file or directory" \
    "$work/short.json" --trace "$work/no/trace"
refused "a folder instead of a file" "$work: Is a directory" "$work/short.json" --trace "$work"
refused "no unit" '--trace-from: "5" needs a unit' "$work/short.json" --trace x --trace-from 5
refused "a beginning at the end" "--trace-from: 3s is not before the end of the run, 3s" \
    "$work/short.json" --trace "$work/x" --trace-from 3s
refused "no records" "--trace-records: expected a whole number in 1.." \
    "$work/short.json" --trace "$work/x" --trace-records 0
refused "a beginning of no trace" "--trace-from needs --trace FILE" "$work/short.json" \
    --trace-from 1s
refused "a bound of no trace" "--trace-records needs --trace FILE" "$work/short.json" \
    --trace-records 5
[ ! -e "$work/x" ]
verdict "and none of them leaves a file" $?
if [ -c /dev/full ]; then
    refused "a full disk" "bulkhead: /dev/full: cannot write the trace: No space left on device" \
        "$work/short.json" --trace /dev/full
    # shellcheck disable=SC3045 # where there is no ulimit -f there is no limit
    (ulimit -f 100 && trap '' XFSZ && exec "$BULKHEAD" sim "$work/short.json" \
        --trace "$work/x") >"$work/out" 2>"$work/err"
    status=$?
    [ "$status" -eq 2 ] && [ ! -s "$work/out" ] && grep -q "x: cannot write the trace: File too" \
        "$work/err" && [ ! -e "$work/x" ]
    verdict "a disk that fills up on the way, of which no half trace is left" $?
fi

# A long run, interrupted once the file grows.
echo '{"topology": "gb.json", "start": "peak GB", "duration": "100d", "replications": 1}' \
    >"$work/long.json"
"$BULKHEAD" sim "$work/long.json" --trace "$work/trace" --trace-records 1000000000 \
    >"$work/out" 2>"$work/err" </dev/null &
pid=$!
tries=0
while [ "$(($(wc -c <"$work/trace")))" -lt 1000000 ] && [ $tries -lt 600 ]; do
    tries=$((tries + 1))
    sleep 0.05
done
kill -INT "$pid"
wait "$pid"
status=$?
pid=
[ "$status" -eq 1 ]
verdict "Ctrl-C ends a traced run" $?
whole "an interruption"
verdict "and leaves a whole trace" $?
grep '"ph":"[be]"' "$work/trace" | awk -F '"id":"' '
    { split($2, id, "\""); open[id[1]] += /"ph":"b"/ ? 1 : -1 }
    END { for (i in open) if (open[i] != 0) exit 1 }'
verdict "in which all that begins ends" $?

echo "1..$n"
