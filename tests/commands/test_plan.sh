#!/bin/sh
# The planner as people use it: its tables, points that are picked and simulated, what it refuses.
set -u

: "${BULKHEAD:=build/release/bulkhead}"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
n=0

verdict() { # claim, 0 when it holds
    n=$((n + 1))
    [ "$2" -eq 0 ] && echo "ok $n - $1" || echo "not ok $n - $1"
}

plan() { # arguments
    "$BULKHEAD" plan "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}

says() { # claim, exit status, text of stdout or stderr
    [ "$status" -eq "$2" ] && grep -qF -e "$3" "$work/out" "$work/err"
    verdict "$1" $?
}

plan sim-configs/seed-27-24.json
says "27 servers apart" 0 "apart     27 servers"
says "24 together" 0 "together  24 servers"
says "every tolerated loss is tried" 0 \
    "Tolerated losses tried out: 39 of a service x 672 quarter-hours, all survived."
plan sim-configs/seed-27-24.json --set cells.de.servers_per_zone=2
says "a server per zone fewer is found out" 1 "9 NOT SURVIVED"

plan sim-configs/three-countries.json --set goal.time=100ms
says "a goal that no count keeps says what would" 2 "the work alone takes up to 185ms"
plan sim-configs/sixteen.json --frontier --set rtt_max=5ms
says "a latency limit that no layout meets says what would" 2 "of US: the nearest, aws/us-east-1, is 40.1 ms away"
plan sim-configs/sixteen.json --pick 100000
says "a point that is not there is refused" 2 "--pick: expected a point from 1 to"
plan sim-configs/sixteen.json --out x.json
says "--out alone is misuse" 2 "--out needs --pick"

plan sim-configs/sixteen.json --frontier --json
grep -q '"measure": "customers"' "$work/out" && grep -q '"measure": "demand"' "$work/out"
verdict "one frontier for customers, one for demand" $?
cp "$work/out" "$work/first"
plan sim-configs/sixteen.json --frontier --json
cmp -s "$work/out" "$work/first"
verdict "the same each time" $?

# A picked point survives in the simulator what it is planned for: a zone and a server more at its
# peak, in its largest cell, and nobody notices.
plan sim-configs/sixteen.json --pick 14 --out "$work/picked.json"
verdict "a point is picked" "$status"
"$BULKHEAD" check "$work/picked.json" >/dev/null
verdict "the picked topology is one" $?
plan "$work/picked.json"
says "its plan survives every tolerated loss" 0 "all survived."
cell=$(sed -n '/^  "cells"/,$ s/^    "\([a-z0-9-]*\)": {$/\1/p' "$work/picked.json" | head -n 1)
cat >"$work/loss.json" <<JSON
{"topology": "picked.json", "start": "peak US", "duration": "40s", "replications": 1, "seed": 5,
 "faults": [{"kind": "zone-down", "scope": "$cell/a", "at": "20s"},
            {"kind": "server-down", "scope": "$cell/b/catalog-1", "at": "20s"}],
 "expect": [{"measure": "shed", "max": 0}, {"measure": "availability", "country": "US", "min": 0.999}]}
JSON
"$BULKHEAD" sim "$work/loss.json" >"$work/out" 2>"$work/err" </dev/null
status=$?
verdict "its expectations hold in sim" "$status"
[ "$status" -eq 0 ] || sed 's/^/# /' "$work/err" "$work/out" | tail -n 12
echo "1..$n"
