#!/bin/sh
# kill -9 of each process of a cell in turn, of an agent and of control, under load, and of all that
# looks after the others while a zone is lost: nobody notices.
#
# BULKHEAD is the program; it runs from the project's folder, where sim-configs is.
set -u
# shellcheck source=tests/live/live.sh
. tests/live/live.sh

# The process that a pid file names, if it is ours: one of this folder.
process_of() { # pid file
    pid=$(tr -cd 0-9 <"$1")
    [ -n "$pid" ] && { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null |
        grep -qF -e "--state $dir" &&
        echo "$pid"
}

# Kill what a pid file names, and wait until another process has taken its place.
replace() { # pid file
    old=$(process_of "$1") || return 1
    kill -9 "$old"
    for _ in $(seq 200); do
        new=$(process_of "$1")
        [ -n "$new" ] && [ "$new" != "$old" ] && return 0
        sleep 0.05 # between looks; the bound is 10 s
    done
    return 1
}

healthy() {
    for _ in $(seq 200); do
        "$BULKHEAD" status --state "$dir" >/dev/null 2>&1 && return 0
        sleep 0.05
    done
    return 1
}

port=$((20000 + $$ % 100 * 64))
for _ in 1 2 3 4 5 6 7 8; do
    "$BULKHEAD" up sim-configs/three-countries.json --state "$dir" --port "$port" \
        >"$work/up.out" 2>&1 && break
    port=$((port + 64))
done
healthy
verdict "up and healthy" $?
"$BULKHEAD" load de --state "$dir" --fill --data sim-configs/data >"$work/fill.out" 2>&1
verdict "filled" $?

# Load as long as the kills take; then it is told to end, and says what it knows.
"$BULKHEAD" load de --state "$dir" --rate 200 --for 5m --orders 30 --json >"$work/load.out" 2>&1 &
load=$!
for file in "$dir"/zones/de/*/*.pid; do
    case $file in */agent.pid) continue ;; esac
    replace "$file" && healthy
    verdict "${file#"$dir"/zones/} is killed, and replaced" $?
done
replace "$dir/zones/de/b/agent.pid" && healthy
verdict "an agent is killed, and replaced" $?
services=$(cat "$dir"/zones/de/b/[covx]*.pid)
old=$(process_of "$dir/control.pid")
kill -9 "$old"
"$BULKHEAD" up --state "$dir" >"$work/again.out" 2>&1 && healthy
verdict "control is killed, and up starts another" $?
[ "$services" = "$(cat "$dir"/zones/de/b/[covx]*.pid)" ]
verdict "which adopts what runs" $?

figure() { # name [file]
    sed -n 's/^ *"'"$1"'": \([-0-9.e]*\).*/\1/p' "$work/${2:-load.out}" | head -n 1
}

# Static stability: what serves needs nobody who looks after it, also when a zone goes.
lives() { # pid file...: the processes that are there, with their files
    for file; do
        pid=$(process_of "$file") && echo "$file $pid"
    done
}
kill -9 "$(process_of "$dir/control.pid")"
for file in "$dir"/zones/*/*/agent.pid; do
    kill -9 "$(process_of "$file")"
done
for file in "$dir"/zones/de/c/[covx]*.pid; do
    kill -9 "$(process_of "$file")"
done
before=$(lives "$dir"/door.pid "$dir"/zones/*/*/[covx]*.pid)
"$BULKHEAD" load de --port "$port" --data sim-configs/data --rate 200 --for 3s --json \
    >"$work/alone.out" 2>&1
why=0
[ "$(figure failed alone.out)" = 0 ] || why="$(figure failed alone.out) failed"
[ "$(figure requests alone.out)" -gt 300 ] || why="only $(figure requests alone.out) requests"
[ -z "$(lives "$dir"/control.pid "$dir"/zones/*/*/agent.pid "$dir"/zones/de/c/*.pid)" ] ||
    why='somebody looked after it'
verdict "without control, without agents, and a zone lost meanwhile no request fails" "$why"
"$BULKHEAD" up --state "$dir" >"$work/back.out" 2>&1 && healthy
verdict "when they return all becomes healthy" $?
after=$(lives "$dir"/door.pid "$dir"/zones/*/*/[covx]*.pid | grep -v /zones/de/c/)
[ -n "$before" ] && [ "$after" = "$before" ]
verdict "and whatever ran goes on: they adopt it" $?

kill -INT "$load"
wait "$load"
why=0
[ "$(figure requests)" -gt 50 ] || why="only $(figure requests) requests"
verdict "there was load all the time" "$why"
why=0
[ "$(figure failed)" = 0 ] || why="$(figure failed) of $(figure requests) failed"
verdict "and no request failed" "$why"
"$BULKHEAD" down --state "$dir" >"$work/down.out" 2>&1
verdict "down" $?
why=0
for proc in /proc/[0-9]*; do
    { tr '\0' ' ' <"$proc/cmdline"; } 2>/dev/null | grep -qF -e "--state $dir" && why="$proc is left"
done
verdict "leaves no process" "$why"
echo "1..$n"
