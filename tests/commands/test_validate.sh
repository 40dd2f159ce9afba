#!/bin/sh
# bulkhead validate, from the command line. Where the build is fast all of it runs as it is meant,
# elsewhere the tables that are quick, with wide intervals. Times are told, not judged.
set -u

: "${BULKHEAD:=build/release/bulkhead}"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
n=0
verdict() { # claim, 0 when it holds
    n=$((n + 1))
    [ "$2" -eq 0 ] && echo "ok $n - $1" || echo "not ok $n - $1"
}

case $BULKHEAD in
*release*) set -- ;;
*) set -- --within 10 --only sh ;;
esac
"$BULKHEAD" validate --seed 2 "$@" >"$work/out" 2>"$work/err"
verdict "every row agrees" $?
grep MISSES "$work/out" >&2
tail -n 1 "$work/out" >&2
[ ! -s "$work/err" ]
verdict "no progress where there is no terminal" $?
tail -n 1 "$work/out" | grep -q '^\([0-9]*\) of \1 rows agree, .*; family-wise 99 %; .* s; seed 2$'
verdict "the last line is the sum" $?

"$BULKHEAD" validate --json --within 20 --only shuffle --jobs 1 >"$work/json"
verdict "the rows as JSON" $?
grep -q '"verdict": "exact only"' "$work/json"
verdict "what is too rare is exact only" $?
"$BULKHEAD" validate --json --within 20 --only shuffle --jobs 2 | grep -v wall_s >"$work/two"
grep -v wall_s "$work/json" | cmp -s - "$work/two"
verdict "two threads give what one gives" $?
"$BULKHEAD" validate --only nosuch 2>"$work/err"
[ $? -eq 2 ] && grep -q 'no table begins with "nosuch"' "$work/err"
verdict "a table that is not is refused" $?
echo "1..$n"
