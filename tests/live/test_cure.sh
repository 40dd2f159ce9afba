#!/bin/sh
# A replica that answers but gets nothing done is restarted by rule, and once; what a restart does
# not help is not restarted again and again; and no request fails.
#
# BULKHEAD is the program; it runs from the project's folder, where sim-configs is.
set -u
# shellcheck source=tests/live/live.sh
. tests/live/live.sh

cat >"$work/one.json" <<'END_OF'
{"countries": ["DE"],
 "cells": {"de": {"countries": ["DE"], "zones": ["a", "b", "c"]}},
 "services": {"catalog": {"time": "5ms", "spread": "fixed"},
              "customer": {"time": "5ms", "spread": "fixed"},
              "order": {"time": "5ms", "spread": "fixed"},
              "vendor": {"time": "5ms", "spread": "fixed"}},
 "policy": {"spend": true, "timeout": "500ms"}}
END_OF

port=$((10000 + $$ % 400 * 40))
for _ in 1 2 3 4 5 6 7 8; do
    "$BULKHEAD" up "$work/one.json" --state "$dir" --port "$port" >"$work/up.out" 2>&1 && break
    port=$((port + 40))
done
"$BULKHEAD" load de --state "$dir" --fill --data sim-configs/data >"$work/fill.out" 2>&1
verdict "up and filled" $?

pid_of() { tr -cd 0-9 <"$dir/zones/de/$1.pid"; }
pids() { # all but the two that ail
    for file in "$dir"/zones/de/*/*.pid; do
        case $file in */a/customer.pid | */b/vendor.pid) ;; *) cat "$file" ;; esac
    done
}
says() { # words
    "$BULKHEAD" status --json --state "$dir" >"$work/status.out" 2>&1
    grep -qE -e "$1" "$work/status.out"
}
top_says() {
    COLUMNS=200 "$BULKHEAD" top --once --state "$dir" >"$work/top.out" 2>&1
    grep -q -e "$1" "$work/top.out"
}
is_another() { [ "$(pid_of "$1")" != "$2" ]; }
said_so() { [ "$(grep -cE -e "$1" "$work/status.out")" -eq "$2" ]; }

# Requests that take an hour hold all places of a/customer, also when the fault that made them slow
# is healed: it ails by itself then. The fault at b/vendor stays.
customer=$(pid_of a/customer)
vendor=$(pid_of b/vendor)
pids >"$work/before"
"$BULKHEAD" fault slow de/a/customer-1 --factor 1000000 --for 10m --state "$dir" >"$work/fault.out" 2>&1
"$BULKHEAD" fault slow de/b/vendor-1 --factor 1000000 --for 10m --state "$dir" >"$work/fault.out" 2>&1
"$BULKHEAD" load de --state "$dir" --rate 60 --for 5m --json >"$work/load.out" 2>&1 &
load=$!
until_so says 'customer is failing: nothing finished' && why=0 || why='status does not say so'
"$BULKHEAD" heal de/a/customer-1 --state "$dir" >"$work/heal.out" 2>&1
verdict "a replica that finishes nothing is named in status" "$why"

until_so is_another a/customer "$customer" && why=0 || why='it is not restarted'
until_so says "customer \(process $customer\) is restarted: failing: nothing finished" ||
    why='status does not say why'
verdict "it is restarted, and status says why" "$why"

until_so is_another b/vendor "$vendor" && why=0 || why='it is not restarted'
again='vendor: restarted 1 time for that, again in [0-9a-z]* at the earliest'
until_so says "$again" || why='status does not say what is next'
verdict "where the cause stays, status says when it is tried again" "$why"

"$BULKHEAD" heal all --state "$dir" >"$work/heal.out" 2>&1
kill -INT "$load"
wait "$load"
failed=$(sed -n 's/^ *"failed": \([0-9]*\).*/\1/p' "$work/load.out" | head -n 1)
[ "$failed" = 0 ] && why=0 || why="$failed requests failed"
verdict "no request failed" "$why"

pids | cmp -s - "$work/before" && why=0 || why='another process has gone'
said_so 'is restarted' 2 || why='restarted more than once'
until_so grep -qa 'is restarted: failing' "$dir"/control.db* || why='the journal does not know'
verdict "nothing else was restarted, nor anything twice, and the journal has it" "$why"

"$BULKHEAD" fault store-down de/order --for 1m --state "$dir" >"$work/fault.out" 2>&1
until_so says 'order is failing: the store does not answer' && why=0 || why='status does not say so'
"$BULKHEAD" heal all --state "$dir" >"$work/heal.out" 2>&1
verdict "what fails for its store says so in its own words" "$why"

# One that cannot start: the rows are another cell's.
echo xx >"$dir/cells/de/catalog/cell"
victim=$(pid_of a/catalog)
grep -qsF -e "$dir" "/proc/$victim/cmdline" && kill -KILL "$victim"
loop="ended [0-9]* times in a row, next start in [0-9a-z]*: .* belongs to cell 'xx', not to 'de'"
until_so says "\"why\": \"$loop" && why=0 || why='status does not say so of the replica'
said_so '"restarts": [1-9]' 3 || why='status does not count its restarts'
until_so top_says "catalog $loop" || why='top does not say so'
verdict "a crash loop is in status and in top: how often, why, and when it is tried next" "$why"
echo de >"$dir/cells/de/catalog/cell"

"$BULKHEAD" down --state "$dir" >"$work/down.out" 2>&1
verdict "down" $?
echo "1..$n"
