#!/bin/sh
# Sweeps and --db from outside: BULKHEAD is killed at random and goes on, is interrupted, meets full
# disks and files that are not its own; what it says in the end is what it says undisturbed.
set -u

: "${BULKHEAD:=build/release/bulkhead}"
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
n=0

verdict() { # claim, 0 or what is wrong
    n=$((n + 1))
    if [ "$2" = 0 ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1: $2"
        sed 's/^/# out: /' "$work/out" | head -40
        sed 's/^/# err: /' "$work/err" | head -40
    fi
}

skip() { # claim, why
    n=$((n + 1))
    echo "ok $n # SKIP $1: $2"
}

run() { # arguments
    timeout 300 "$BULKHEAD" "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}

# The last run: its status, a line of its stdout and one of its stderr; "" means that there is none.
judge() { # claim, status, stdout, stderr
    why=0
    [ "$status" -eq "$2" ] || why="exit status $status, not $2"
    for stream in out err; do
        [ "$stream" = out ] && want=$3 || want=$4
        if [ -z "$want" ]; then
            [ ! -s "$work/$stream" ] || why="something on std$stream"
        else
            grep -qF -e "$want" "$work/$stream" || why="no '$want' on std$stream"
        fi
    done
    verdict "$1" "$why"
}

refused() { # claim, sentence on stderr, arguments
    claim=$1 line=$2
    shift 2
    run "$@"
    judge "$claim" 2 "" "$line"
}

same() { # claim: $work/out is, but for the clock, what $work/whole is
    sed '/"wall_s"/d; /"events_per_s"/d' "$work/out" >"$work/timeless"
    if cmp -s "$work/timeless" "$work/whole"; then
        verdict "$1" 0
    else
        verdict "$1" "it differs from the whole"
    fi
}

random() { # below
    echo $(($(od -An -N2 -tu2 /dev/urandom) % $1))
}

cat >"$work/town.json" <<END
{"countries": {"GB": {"peak_rps": 200, "curve": "flat"}, "DE": {"peak_rps": 300, "curve": "flat"}},
 "cells": ["gb", "de"]}
END
sweep=$work/sweep.json
cat >"$sweep" <<END
{"topology": "town.json", "duration": "20s", "warmup": "1s", "replications": 4,
 "faults": [{"kind": "zone-down", "scope": "de/a", "at": "5s"}],
 "expect": [{"measure": "availability", "min": 0.9}],
 "sweep": [{"path": "load", "values": [0.5, 1]},
           {"path": "cells.de.servers_per_zone", "from": 2, "to": 1, "step": -1},
           {"path": "policy.timeout", "values": ["1s", "500ms"]}]}
END

# ---- what a sweep says ----

run check "$sweep"
judge "check tries every variant" 0 "town.json, in 8 variants" ""
run sim "$sweep" --json --jobs 1
judge "a sweep says what its variants say" 0 '  "planned": 8,' ""
sed '/"wall_s"/d; /"events_per_s"/d' "$work/out" >"$work/whole"
[ "$(grep -c '^      "result": {' "$work/whole")" -eq 8 ]
verdict "all of them" $?
grep -A1 '"path": "policy.timeout"' "$work/whole" | grep -q '"value": "500ms"'
verdict "with what makes each" $?
run sim "$sweep" --json --jobs 3
same "the answer does not depend on the threads"
run sim "$sweep"
judge "as a table for people" 0 "pass  every expectation of every variant" ""
grep -q 'VARIANT  load  cells.de.servers_per_zone  policy.timeout  SERVERS' "$work/out" &&
    [ "$(grep -c '^ *[1-8]  *[0-9.]*  *[12]  *[0-9]*m*s  ' "$work/out")" -eq 8 ]
verdict "with a row for each variant" $?

# A variant is what a scenario with its values is: the third has load 0.5, 1 server and 1s.
sed -n '/^      "result": {/,/^      }/p' "$work/whole" |
    awk '/^      "result": \{/ { i++ } i == 3' | sed 's/^      //; s/^"result": //' >"$work/third"
run sim "$sweep" --json --set 'sweep=[]' --set load=0.5 --set cells.de.servers_per_zone=1 \
    --set policy.timeout=1s
sed '/"wall_s"/d; /"events_per_s"/d' "$work/out" | cmp -s - "$work/third"
verdict "a variant is the scenario with its values" $?
run sim "$sweep" --set expect.0.measure=p99_ms --set expect.0.max=9
judge "an expectation that fails is told with its variant" 1 "variant 8: FAIL  p99_ms of DE is" ""
run sim "$sweep" --replications 1 --seed 9
judge "one replication has no interval" 0 "1 replication each, seed 9" ""

# Replications are added to each variant by itself; those that two have in common are compared.
run sim "$sweep" --set replications=8 --set duration=10s --set warmup_auto=true \
    --set precision.relative=0.001 --set precision.replications_max=12 --db "$work/precise.db"
judge "a sweep takes a precision, and finds its warm-up" 0 "VARIANT  load" "run 1 begins"
cp "$work/out" "$work/first"
run sim "$sweep" --set replications=8 --set duration=10s --set warmup_auto=true \
    --set precision.relative=0.001 --set precision.replications_max=12 --db "$work/precise.db"
grep -q 'run 1 goes on: it has 96 replications' "$work/err"
verdict "all of them are kept" $?
grep ' [12]  *[0-9]*m*s  ' "$work/first" >"$work/rows" &&
    grep ' [12]  *[0-9]*m*s  ' "$work/out" | cmp -s - "$work/rows"
verdict "and say the same" $?

# ---- refusals, before anything runs ----

bad() { # claim, sentence, sweep
    run sim "$sweep" --db "$work/none.db" --set "sweep=$3"
    judge "$1" 2 "" "$2"
    [ ! -e "$work/none.db" ]
    verdict "$1: nothing is begun" $?
}
bad "a path of nobody" \
    'sweep[0].path: lod = 1: lod: neither a scenario nor a topology has a key "lod"' \
    '[{"path": "lod", "values": [1]}]'
bad "a path into nothing, in the second axis" \
    'sweep[1].path: cells.de.server = 2: ' \
    '[{"path": "load", "values": [1]}, {"path": "cells.de.server", "values": [2]}]'
bad "an item that is not there" 'sweep[0].path: faults.3.at = "1s": ' \
    '[{"path": "faults.3.at", "values": ["1s"]}]'
bad "the last value of a range, out of bounds" 'sweep[0].path: load = -1: ' \
    '[{"path": "load", "from": 1, "to": -1, "step": -1}]'
bad "a fraction of a server" 'cells.de.servers_per_zone = 1.5: ' \
    '[{"path": "cells.de.servers_per_zone", "from": 1, "to": 2, "step": 0.5}]'
bad "values that do not go together" "sweep: variant 2: $sweep: warmup: 10s is not shorter" \
    '[{"path": "duration", "values": ["40s", "8s"]}, {"path": "warmup", "values": ["10s"]}]'
bad "the seed" "sweep[0].path: seed is no axis" '[{"path": "seed", "values": [1]}]'
refused "cells that come and go" "sweep: variant 2 has other countries, cells or services than" \
    sim "$sweep" --set 'faults=[]' --set 'cells={"x": {"countries": ["GB"]}}' \
    --set 'sweep=[{"path": "cells.x.countries.0", "values": ["GB", "DE"]}]'
refused "a value of --set that the sweep sets too" \
    "--set load: $sweep: sweep[0] sets it too; --set sweep=[] runs it without its sweep" \
    sim "$sweep" --set load=2
echo '{"topology": "town.json", "sweep": [{"path": "load", "values": [1, -1]}]}' >"$work/bad.json"
run check "$work/bad.json"
judge "check names a bad value" 1 "" "bad.json: sweep[0].path: load = -1: "

# ---- a database ----

db=$work/r.db
kept() { run sim "$sweep" --json --db "$db" "$@"; }

kept
judge "a sweep that is kept" 0 '"planned": 8,' "$db: run 1 begins"
same "says the same"
[ "$(ls "$work"/r.db*)" = "$db" ]
verdict "in one file" $?
kept
judge "it is known then" 0 '"events_per_s": 0,' "$db: run 1 goes on: it has 32 replications"
same "and says the same"
kept --replications 3
judge "fewer replications of the same" 0 '"replications": 3,' "run 1 goes on: it has 32"
run sim "$sweep" --json --replications 6
sed '/"wall_s"/d; /"events_per_s"/d' "$work/out" >"$work/six"
kept --replications 6
sed '/"wall_s"/d; /"events_per_s"/d' "$work/out" | cmp -s - "$work/six"
verdict "more of them are those of a run of so many" $?
kept --set 'expect=[]' --set about=words
judge "what nothing depends on does not matter" 0 '"planned": 8,' "run 1 goes on: it has 48"
kept --seed 2
judge "another seed is another run" 0 '"seed": 2,' "$db: run 2 begins: the others have other inputs"
printf '10\n20\n30\n' >"$work/times"
echo '{"topology": "measured.json", "duration": "5s", "replications": 2}' >"$work/measured-run.json"
echo '{"countries": {"GB": {"peak_rps": 50, "curve": "flat"}},
    "services": {"shop": {"spread": "empirical", "times": "times"}}}' >"$work/measured.json"
run sim "$work/measured-run.json" --db "$work/times.db"
printf '1\n20\n39\n' >"$work/times"
run sim "$work/measured-run.json" --db "$work/times.db"
judge "other measured times in the same file are another run" 0 "5s" "run 2 begins"
kept --set policy.tries=1
judge "another policy too" 0 '"planned": 8,' "$db: run 3 begins"
kept
judge "the first is still there" 0 '"planned": 8,' "run 1 goes on: it has 48"
same "as it was"
run sim "$sweep" --json --set 'sweep=[]' --db "$db"
judge "one scenario alone is kept too" 0 '"replications": 4,' "$db: run 4 begins"
sed '/"wall_s"/d; /"events_per_s"/d' "$work/out" >"$work/alone"
run sim "$sweep" --json --set 'sweep=[]' --db "$db"
sed '/"wall_s"/d; /"events_per_s"/d' "$work/out" | cmp -s - "$work/alone"
verdict "and found again" $?

# ---- killed at random ----

rows() { # database
    sqlite3 "$1" 'SELECT variant, sets, replication, metric, typeof(value), value, hex(value)
        FROM result WHERE run = 1 ORDER BY 1, 3, 4'
}

# Until it has been killed so often: started, left alone for some time, and killed if it still runs.
# Where it had ended, a new file is begun.
rm -f "$db" "$work/unbroken.db"
kills=0 starts=0 ends=0 wrong=0
while [ $kills -lt 20 ] && [ $starts -lt 2000 ]; do
    starts=$((starts + 1))
    "$BULKHEAD" sim "$sweep" --json --db "$db" --jobs $((1 + starts % 2)) >"$work/out" \
        2>"$work/err" </dev/null &
    pid=$!
    naps=$(random 40)
    while [ "$naps" -gt 0 ] && kill -0 "$pid" 2>/dev/null; do
        naps=$((naps - 1))
        sleep 0.005
    done
    kill -KILL "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    status=$?
    pid=
    if [ $status -eq 137 ]; then
        kills=$((kills + 1))
    elif [ $status -eq 0 ]; then
        ends=$((ends + 1))
        sed '/"wall_s"/d; /"events_per_s"/d' "$work/out" | cmp -s - "$work/whole" || wrong=1
        rm -f "$db"
    else
        wrong="exit status $status"
        break
    fi
done
[ $kills -eq 20 ] || wrong="killed $kills times"
verdict "a sweep may be killed 20 times" "$wrong"
echo "# $starts starts, $ends of them came to an end"
kept --jobs 2
judge "and comes to its end" 0 '"planned": 8,' "$db: run 1 "
same "with the answer of the unbroken one"
if command -v sqlite3 >/dev/null; then
    run sim "$sweep" --json --db "$work/unbroken.db"
    rows "$db" >"$work/rows"
    rows "$work/unbroken.db" | cmp -s - "$work/rows" && [ "$(wc -l <"$work/rows")" -gt 1000 ]
    verdict "and with its rows" $?
    [ "$(sqlite3 "$db" 'PRAGMA integrity_check')" = ok ]
    verdict "in a file that is whole" $?
    [ "$(sqlite3 "$db" "SELECT count(*) FROM result WHERE json_extract(sets, '\$.load') = 0.5
        AND metric = 'DE.p99_ms'")" -eq 16 ]
    verdict "that people can ask" $?
    sqlite3 "$db" 'PRAGMA user_version = 99'
    refused "a file of a newer bulkhead" "was written by a newer bulkhead: its schema is 99" \
        sim "$sweep" --db "$db"
    sqlite3 "$db" 'PRAGMA user_version = 1'
else
    for claim in rows integrity questions schema; do
        skip "$claim" "no sqlite3"
    done
fi

# ---- Ctrl-C, and two at once ----

# Whether $pid is no longer the shell's copy of itself, and hears an interrupt: a shell starts it
# deaf to them.
hears() {
    tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q ' sim ' &&
        grep -q '^SigCgt:.*[2367abef]$' "/proc/$pid/status" 2>/dev/null
}
begin() { # arguments
    "$BULKHEAD" "$@" >"$work/out" 2>"$work/err" </dev/null &
    pid=$!
    tries=0
    while ! hears && [ $tries -lt 6000 ]; do
        tries=$((tries + 1))
        sleep 0.01
    done
}
# On many replications, and until the file has grown by some.
begin_long() { # further arguments
    had=$(wc -c <"$work/long.db")
    begin sim "$sweep" --replications 5000 --db "$work/long.db" "$@"
    tries=0
    while [ "$(wc -c <"$work/long.db")" -lt $((had + 80000)) ] && [ $tries -lt 6000 ]; do
        tries=$((tries + 1))
        sleep 0.01
    done
}
end_long() {
    kill -INT "$pid"
    tries=0
    while kill -0 "$pid" 2>/dev/null && [ $tries -lt 6000 ]; do
        tries=$((tries + 1))
        sleep 0.01
    done
    kill -KILL "$pid" 2>/dev/null # it did not end by itself: the status tells
    wait "$pid"
    status=$?
    pid=
}
if [ ! -r "/proc/$$/status" ]; then
    skip "Ctrl-C" "no /proc to see when it would be heard"
else
    : >"$work/long.db"
    begin_long
    cp "$work/err" "$work/first"
    "$BULKHEAD" sim "$sweep" --db "$work/long.db" >"$work/second" 2>&1 </dev/null
    second=$?
    grep -q "long.db: another process is writing results into it" "$work/second" && [ $second -eq 2 ]
    verdict "a second process at the same file is turned away" $?
    end_long
    judge "Ctrl-C prints what is known" 1 "1 of 8 variants" "the same command goes on from there"
    grep -q "variant 1 was stopped after [0-9]* of its replications" "$work/out" &&
        grep -q "(stopped: what is known so far)" "$work/out"
    verdict "and where it stopped" $?
    known=$(sed -n 's/.*long.db has \([0-9]*\) repl.*/\1/p' "$work/err")
    : >"$work/out"
    [ "${known:-0}" -gt 0 ]
    verdict "and how much is kept" $?
    begin_long --json
    end_long
    judge "it goes on from there, and is stopped as JSON" 1 '  "stopped": true,' \
        "run 1 goes on: it has $known replication"
    [ "$(sed -n '$p' "$work/out")" = '}' ]
    verdict "to its end" $?
    echo '{"topology": "town.json", "duration": "2d", "sweep": [{"path": "load", "values": [1, 2]}]}' \
        >"$work/slow.json"
    rm -f "$work/slow.db"
    begin sim "$work/slow.json" --db "$work/slow.db"
    end_long
    judge "Ctrl-C before anything is known" 1 "" "stopped before the first replication had ended"
fi

# ---- trouble ----

refused "a folder" "$work: is a folder, not a file" sim "$sweep" --db "$work"
refused "a file of words" "sweep.json: is not an SQLite database" sim "$sweep" --db "$sweep"
refused "a folder that is not there" "No such file or directory" sim "$sweep" --db "$work/no/r.db"
refused "a device" "/dev/null: is not a regular file" sim "$sweep" --db /dev/null

# shellcheck disable=SC3045 # where there is no ulimit -f there is no limit
limited() { (ulimit -f 150 && "$BULKHEAD" "$@" >"$work/out" 2>"$work/err" </dev/null); }
rm -f "$db"
limited sim "$sweep" --json --replications 50 --db "$db"
status=$?
if [ $status -eq 0 ]; then
    skip "a full disk" "no ulimit -f"
    skip "and room again" "no ulimit -f"
else
    judge "a full disk" 2 "" "$db: no room left on the disk"
    kept
    judge "it goes on when there is room again" 0 '"planned": 8,' "run 1 goes on: it has"
fi
same "with the same answer"

# ---- on a terminal ----

if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
    # The line is about time as well, once a second has passed.
    script -qec "echo \$\$ >$work/pid; exec $BULKHEAD sim $sweep --replications 5000" /dev/null \
        >"$work/out" 2>&1 </dev/null &
    shell=$!
    tries=0
    while ! grep -q ' s left' "$work/out" && [ $tries -lt 6000 ]; do
        tries=$((tries + 1))
        sleep 0.01
    done
    pid=$(cat "$work/pid")
    end_long
    wait "$shell"
    tr '\r' '\n' <"$work/out" | cut -c1-200 | head -100 >"$work/lines"
    tr '\r' '\n' <"$work/out" | grep ' left' >>"$work/lines"
    : >"$work/out"
    grep -q '^variant [1-8] of 8, replication [0-9]* of 5000' "$work/lines"
    verdict "a terminal shows how far it is" $?
    grep -q '^variant [1-8] of 8, replication .* [0-9]* s left' "$work/lines"
    verdict "and how long it still takes" $?
else
    skip "a terminal" "no script"
    skip "time left" "no script"
fi

echo "1..$n"
