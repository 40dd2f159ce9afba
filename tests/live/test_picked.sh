#!/bin/sh
# A point of the frontier, with a country in two parts, comes up as it is and serves both.
set -u

: "${BULKHEAD:=build/release/bulkhead}"
work=$(mktemp -d) || exit 1
dir=$work/state
n=0
trap '"$BULKHEAD" down --state "$dir" >/dev/null 2>&1; rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

verdict() { # claim, 0 when it holds
    n=$((n + 1))
    if [ "$2" -eq 0 ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        sed 's/^/# /' "$work/out" "$work/err" | head -n 20
    fi
}

cat >"$work/two.json" <<'JSON'
{"countries": {"GB": {"customers": 60000, "parts": 2}, "DE": {"customers": 9000}}}
JSON
last=$("$BULKHEAD" plan "$work/two.json" --frontier --json | sed -n 's/.*"number": \([0-9]*\).*/\1/p' |
    tail -n 1)
"$BULKHEAD" plan "$work/two.json" --pick "$last" --out "$work/picked.json" \
    >"$work/out" 2>"$work/err"
verdict "the point of the smallest blast is picked" $?
grep -q '"of": "GB"' "$work/picked.json"
verdict "it has Great Britain in two parts" $?

port=$((10000 + $$ % 500 * 40))
for try in 1 2 3 4 5; do
    "$BULKHEAD" up "$work/picked.json" --state "$dir" --port "$port" >"$work/out" 2>"$work/err"
    status=$?
    if [ "$status" -eq 0 ] || ! grep -q port "$work/err"; then
        break
    fi
    port=$((10000 + (port + try * 1720 - 10000) % 20000))
done
verdict "it comes up" "$status"
"$BULKHEAD" load GB XA DE --state "$dir" --fill >"$work/out" 2>"$work/err" </dev/null
verdict "the shop is filled" $?
for country in GB DE; do
    "$BULKHEAD" load "$country" --state "$dir" --rate 20 --for 2s \
        >"$work/out" 2>"$work/err" </dev/null
    verdict "$country is served" $?
done
"$BULKHEAD" customer add XA --name Ada --state "$dir" >"$work/out" 2>"$work/err" </dev/null
verdict "the second part takes customers of its own" $?
"$BULKHEAD" down --state "$dir" >"$work/out" 2>"$work/err"
verdict "it goes down" $?
echo "1..$n"
