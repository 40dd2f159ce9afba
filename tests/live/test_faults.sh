#!/bin/sh
# Every kind of fault on a live system: it is felt, it is seen in status, and it ends by itself after
# kill -9 of control, which nobody but a person starts again; and the other cell feels nothing.
#
# BULKHEAD is the program; it runs from the project's folder, where sim-configs is.
set -u
# shellcheck source=tests/live/live.sh
. tests/live/live.sh

# Cell fr has one zone, so that no retry elsewhere hides what is wrong; each request takes 10 ms.
cat >"$work/two.json" <<'END'
{"countries": ["DE", "FR"],
 "cells": {"de": {"countries": ["DE"], "zones": ["a", "b"]},
           "fr": {"countries": ["FR"], "zones": ["a"]}},
 "services": {"catalog": {"time": "10ms", "spread": "fixed"},
              "customer": {"time": "10ms", "spread": "fixed"},
              "order": {"time": "10ms", "spread": "fixed"},
              "vendor": {"time": "10ms", "spread": "fixed"}},
 "tolerance": {"zones": 0}, "policy": {"spend": true, "timeout": "2s"}}
END

port=$((10000 + $$ % 400 * 40))
for _ in 1 2 3 4 5 6 7 8; do
    "$BULKHEAD" up "$work/two.json" --state "$dir" --port "$port" >"$work/up.out" 2>&1 && break
    port=$((port + 40))
done
"$BULKHEAD" status --state "$dir" >"$work/status.out" 2>&1
verdict "up and healthy" $?
"$BULKHEAD" load fr --state "$dir" --fill --data sim-configs/data >"$work/fill.out" 2>&1
verdict "filled" $?
region=$("$BULKHEAD" status --state "$dir" --json |
    sed -n 's/.*"region": "\([^"]*\)".*/\1/p' | tail -n 1)

reads() { "$BULKHEAD" customer list "$1" --limit 1 --door --state "$dir" >"$work/ask.out" 2>&1; }
writes() { "$BULKHEAD" customer add "$1" --name x --door --state "$dir" >"$work/ask.out" 2>&1; }
control_pid() { tr -cd 0-9 <"$dir/control.pid"; }
agent_pid() { tr -cd 0-9 <"$dir/zones/fr/a/agent.pid"; }
runs() { # pid
    [ -n "$1" ] && grep -qsF -e "$dir" "/proc/$1/cmdline"
}
agent_runs() { runs "$(agent_pid)"; }
kill_control() {
    victim=$(control_pid)
    ! runs "$victim" || kill -KILL "$victim"
}

# How each is felt: commands that succeed while it is.
fails() { ! reads fr; }
well() { reads fr; }
slow() { # 300 ms at least
    began=$(date +%s%N)
    reads fr && [ $((($(date +%s%N) - began) / 1000000)) -ge 300 ]
}
late() { # the same, or too late to be answered: how long a store takes anyway is the machine's
    began=$(date +%s%N)
    reads fr || :
    [ $((($(date +%s%N) - began) / 1000000)) -ge 300 ]
}
swift() { reads fr && ! slow; }
refuses_writes() { reads fr && ! writes fr; }
takes_writes() { writes fr; }
many() {
    "$BULKHEAD" load fr --rate 20 --for 1s --state "$dir" --json >"$work/load.out" 2>&1
    [ "$(sed -n 's/^ *"requests": \([0-9]*\).*/\1/p' "$work/load.out" | head -n 1)" -gt 60 ]
}
few() { ! many; }
dies() {
    "$BULKHEAD" customer read fr-c-poison --door --state "$dir" >"$work/ask.out" 2>&1
    fails
}
unattended() { # a killed agent is not started again
    victim=$(agent_pid)
    [ "$victim" = "$agent_before" ] && runs "$victim" && kill -KILL "$victim"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        [ "$(agent_pid)" = "$agent_before" ] || return 1
        sleep 0.05
    done
}
attended() { [ "$(agent_pid)" != "$agent_before" ] && agent_runs; }

# kind, scope, how it is felt, how it is when it is over, and options.
while read -r kind scope felt over options; do
    agent_before=$(agent_pid)
    # Unquoted: a list of words.
    # shellcheck disable=SC2086
    "$BULKHEAD" fault "$kind" "$scope" --for 6s $options --state "$dir" >"$work/fault.out" 2>&1 &&
        why=0 || why='it is refused'
    "$BULKHEAD" status --state "$dir" >"$work/status.out" 2>&1
    grep -q "fault [0-9]*: $kind at $scope, ends by itself in" "$work/status.out" ||
        why='status does not say so'
    "$BULKHEAD" fault --state "$dir" >"$work/list.out" 2>&1
    grep -q "$kind *$scope " "$work/list.out" || why='fault does not list it'
    until_so "$felt" || why='it is not felt'
    reads de || why='another cell feels it'
    kill_control
    if [ "$kind" = control-down ]; then # its end is that control does its work: another one, here
        "$BULKHEAD" up --state "$dir" >"$work/up.out" 2>&1
        ! attended || why='the next control does not know of it'
    else
        until_so agent_runs || why='no agent waits for its end'
    fi
    until_so "$over" || why='it does not end'
    "$BULKHEAD" up --state "$dir" >"$work/up.out" 2>&1 || why='up fails'
    "$BULKHEAD" fault --state "$dir" >"$work/list.out" 2>&1
    grep -q 'no fault is on' "$work/list.out" || why='it is listed still'
    verdict "$kind is felt, seen, and ends by itself" "$why"
done <<END
zone-down fr/a fails well
server-down fr/a/customer-1 fails well
service-down fr/customer fails well
cell-down fr fails well
region-down $region fails well
slow fr slow swift --factor 50
errors fr/customer fails well
partition fr/a fails well
latency fr/a slow swift --extra 200ms
control-down fr unattended attended
store-down fr/customer fails well
store-slow fr/customer late swift --factor 1000000
disk-full fr/customer refuses_writes takes_writes
surge FR many few --factor 10
poison FR dies well --extra 1m
END

"$BULKHEAD" fault bad-deploy customer --state "$dir" >"$work/fault.out" 2>&1 && why='it is taken' || why=0
grep -q 'needs a rollout' "$work/fault.out" || why='it does not say why'
verdict "bad-deploy is refused: there is no rollout" "$why"

"$BULKHEAD" fault slow fr --for 1m --state "$dir" >"$work/fault.out" 2>&1
"$BULKHEAD" fault errors fr/customer --for 1m --state "$dir" >"$work/fault.out" 2>&1
"$BULKHEAD" heal fr --state "$dir" >"$work/heal.out" 2>&1 && until_so fails && why=0 || why='the other went too'
"$BULKHEAD" heal all --state "$dir" >"$work/heal.out" 2>&1 && until_so swift || why='it is on still'
verdict "heal ends one, or all, at once" "$why"

"$BULKHEAD" down --state "$dir" >"$work/down.out" 2>&1
verdict "down" $?
echo "1..$n"
