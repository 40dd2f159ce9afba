#!/bin/sh
# The files shown in docs/SCENARIOS.md are ones that BULKHEAD takes.
set -u

: "${BULKHEAD:=build/release/bulkhead}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

# A line "`name`:" says what the next block is.
awk -v work="$work" '
    /^`[a-z]*\.json`:$/ { name = work "/" substr($0, 2, length($0) - 3) }
    /^```$/ { if (inside) close(name); inside = 0 }
    inside { print > name }
    /^```json$/ { inside = 1 }' docs/SCENARIOS.md

n=0
verdict() { # claim, 0 when it holds
    n=$((n + 1))
    if [ "$2" -eq 0 ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        sed 's/^/# /' "$work/out"
    fi
}

[ "$(ls "$work")" = "shop.json
storm.json
sweep.json" ] && "$BULKHEAD" check "$work"/*.json >"$work/out" 2>&1
verdict "the page's files are valid" $?
"$BULKHEAD" sim "$work/storm.json" --replications 2 --json >"$work/out" 2>&1
[ $? -le 1 ] && grep -q '"replications": 2,' "$work/out"
verdict "its scenario runs" $?
"$BULKHEAD" sim "$work/sweep.json" --replications 1 --json >"$work/out" 2>&1
[ $? -le 1 ] && grep -q '"planned": 8,' "$work/out"
verdict "its sweep runs" $?
"$BULKHEAD" sim "$work/storm.json" --replications 1 >"$work/out" 2>&1
grep -qx "fault: zone-down de/a at 1m for 1m" "$work/out" &&
    grep -qx "fault: server-down gb/b/page-1 from 0s on, at random: 1m after it last ended, for 5s, on average" \
        "$work/out"
verdict "and says when its faults come" $?
"$BULKHEAD" sim "$work/storm.json" >"$work/out" 2>&1 --set 'faults=[
    {"kind": "bad-deploy", "scope": "page"}, {"kind": "bad-deploy", "scope": "item"}]'
[ $? -eq 2 ] && grep -q "faults\[1\].kind: faults\[0\] is a bad-deploy too" "$work/out"
verdict "and takes one rollout at most" $?
echo "1..$n"
