#!/bin/sh
# Adoption, where it is hard: agents and control that die and come back again and again, at the worst
# moments, two at once, pid files that lie, up and down at the same time, and a program file that is
# replaced or removed under a running system. Each process is there once, and stays the same.
#
# BULKHEAD is the program; it runs from the project's folder, where sim-configs is.
set -u
# shellcheck source=tests/live/live.sh
. tests/live/live.sh
case $BULKHEAD in
/*) ;;
*) BULKHEAD=$PWD/$BULKHEAD ;;
esac
bystander=
clean_more() {
    rm -f "$work/hold"
    [ -z "$bystander" ] || kill "$bystander" 2>/dev/null
}

# The processes of our folder, by their command lines: "PID ROLE ...".
running() {
    grep -slF -e "$dir" /proc/[0-9]*/cmdline | while read -r cmdline; do
        line=$(tr '\0' ' ' 2>/dev/null <"$cmdline") || continue
        case ${line#* } in
        "control --state $dir "* | "door --state $dir "* | "agent --state $dir "* | \
            "service --state $dir "*)
            pid=${cmdline#/proc/}
            echo "${pid%/cmdline} ${line#* }"
            ;;
        esac
    done
}
count() { running | grep -c -e "${1:-.}" || :; }
pid_of() { tr -cd 0-9 <"$dir/$1.pid"; }
kill_9() { # pid file
    victim=$(pid_of "$1")
    running | grep -q "^$victim " && kill -KILL "$victim"
}
healthy() { "$BULKHEAD" status --state "$dir" >"$work/status.out" 2>&1; }
services() { running | grep ' service ' | sort; }
is_another() { [ -n "$(pid_of "$1")" ] && [ "$(pid_of "$1")" != "$2" ]; }

cat >"$work/one.json" <<'END_OF'
{"countries": ["DE"],
 "cells": {"de": {"countries": ["DE"], "zones": ["a", "b", "c"]}},
 "services": {"catalog": {}, "customer": {}, "order": {}, "vendor": {}}}
END_OF
all=17

# TEST_HOLD: see tests/live/preload.c. The sanitizer wants to be the first library and cannot be.
${CC:-cc} -std=c17 -D_GNU_SOURCE -shared -fPIC -o "$work/preload.so" tests/live/preload.c -ldl \
    >"$work/cc.out" 2>&1
can_hold=yes
LD_PRELOAD=$work/preload.so "$BULKHEAD" check --schema status >/dev/null 2>"$work/first.out" || can_hold=no
[ $can_hold = no ] || export TEST_HOLD="$work/hold" LD_PRELOAD="$work/preload.so"

port=$((10000 + $$ % 400 * 40))
for _ in 1 2 3 4 5 6 7 8; do
    "$BULKHEAD" up "$work/one.json" --state "$dir" --port "$port" >"$work/up.out" 2>&1 && break
    port=$((port + 40))
done
"$BULKHEAD" load de --state "$dir" --fill --data sim-configs/data >"$work/fill.out" 2>&1
verdict "up and filled" $?

# ---- an agent, again and again ----

"$BULKHEAD" load de --state "$dir" --rate 60 --for 5m --json >"$work/load.out" 2>&1 &
load=$!
services >"$work/before"
kill_9 control # or it would start the agents, ever later
kill_9 zones/de/b/agent
why=0
adopted() { [ "$(grep -c ' adopted (process ' "$work/agent.out")" -eq 4 ]; }
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    "$BULKHEAD" agent --state "$dir" --cell de --zone b >"$work/agent.out" 2>&1 &
    agent=$!
    until_so adopted || why='it does not adopt all four'
    ! grep -q ' started ' "$work/agent.out" || why='it started one'
    kill -KILL "$agent"
    wait "$agent" 2>/dev/null
done
services | cmp -s - "$work/before" || why='other services run'
verdict "an agent killed and started 20 times under load adopts all each time, and starts none" "$why"

"$BULKHEAD" up --state "$dir" >"$work/up.out" 2>&1 && why=0 || why='up fails'
services | cmp -s - "$work/before" || why='other services run'
[ "$(count)" -eq $all ] || why="$(count) processes run"
"$BULKHEAD" status --json --state "$dir" >"$work/status.out" 2>&1
! grep -q '"restarts": [1-9]' "$work/status.out" || why='status speaks of restarts'
verdict "then up brings control and the agent back, and nothing is restarted or there twice" "$why"

# ---- two of one ----

refused() { # claim, which pid file, and the arguments
    claim=$1
    holder=$(pid_of "$2")
    shift 2
    timeout 20 "$BULKHEAD" "$@" --state "$dir" >"$work/two.out" 2>&1
    [ $? -eq 2 ] && why=0 || why='it is not refused'
    grep -q "$(basename "$file"): process $holder runs already" "$work/two.out" || why='it does not say who runs'
    verdict "$claim" "$why"
}
file=agent.pid
refused "a second agent of a zone is refused, and names the first" zones/de/b/agent agent --cell de --zone b
file=control.pid
refused "a second control of a folder is refused, and names the first" control control
file=catalog.pid
refused "a second replica is refused, and names the first" zones/de/b/catalog service --cell de --zone b --service catalog

# ---- an agent that dies between the start of a replica and its claim ----

catalogs() { count '--cell de --zone b --service catalog'; }
two_wait() { [ "$(catalogs)" -ge 2 ]; }
one_waits() { [ "$(catalogs)" -eq 1 ] && is_unclaimed; }
is_unclaimed() { ! running | grep -q "^$(pid_of zones/de/b/catalog) "; }
one_is_there() { [ "$(catalogs)" -eq 1 ] && ! is_unclaimed; }
if [ $can_hold = yes ]; then
    services | grep -v -e '--zone b --service catalog' >"$work/before"
    : >"$work/hold" # whoever starts from here on waits before it claims its pid file
    kill_9 zones/de/b/catalog
    until_so one_waits && why=0 || why='no other was started'
    kill_9 zones/de/b/agent
    until_so two_wait || why='the next agent does not start one'
    rm "$work/hold"
    until_so healthy || why='it is not healthy again'
    until_so one_is_there || why="$(catalogs) run"
    services | grep -v -e '--zone b --service catalog' | cmp -s - "$work/before" || why='others were touched'
    [ "$(count)" -eq $all ] || why="$(count) processes run"
    verdict "an agent killed before the replica that it started has claimed its pid file" "$why"
else
    n=$((n + 1))
    echo "ok $n # SKIP an agent killed before a replica has claimed: $(head -c 200 "$work/first.out")"
fi

# ---- a pid file that names somebody else ----

sleep 600 &
bystander=$!
kill_9 control
kill_9 zones/de/c/agent
kill_9 zones/de/c/vendor
echo "$bystander" >"$dir/zones/de/c/vendor.pid"
"$BULKHEAD" up --state "$dir" >"$work/up.out" 2>&1 && why=0 || why='up fails'
kill -0 "$bystander" || why='the bystander was signalled'
[ "$(pid_of zones/de/c/vendor)" != "$bystander" ] || why='it was taken for a replica'
[ "$(count)" -eq $all ] || why="$(count) processes run"
verdict "a pid file with the number of another process: that one is let be, and the replica started" "$why"
kill -INT "$load"
wait "$load"
[ "$(sed -n 's/^ *"failed": \([0-9]*\).*/\1/p' "$work/load.out" | head -n 1)" = 0 ] && why=0 || why='some failed'
verdict "no request has failed so far" "$why"

# ---- up and down at the same time ----

# Either may win. What is left is all or nothing, and whoever is told no is told why.
unwanted() { [ ! -e "$dir/wanted" ]; }
all_or_nothing() { [ "$(count)" -eq $all ] || [ "$(count)" -eq 0 ]; }
why=0
for turn in 1 2 3 4; do
    timeout 60 "$BULKHEAD" up --state "$dir" >"$work/up.out" 2>&1
    timeout 60 "$BULKHEAD" down --state "$dir" >"$work/down.out" 2>&1 &
    downer=$!
    [ $((turn % 2)) -eq 0 ] || until_so unwanted
    timeout 60 "$BULKHEAD" up --state "$dir" >"$work/up.out" 2>&1
    upped=$?
    wait "$downer" || why="down says $?"
    [ $upped -eq 0 ] || grep -q 'bulkhead down is ending it' "$work/up.out" || why="up says $upped: $(cat "$work/up.out")"
    until_so all_or_nothing || why="$(count) processes are left"
done
verdict "up and down at the same time leave all or nothing" "$why"

# ---- the program's file ----

program=$work/bin/bulkhead
mkdir "$work/bin"
for how in removed replaced; do
    timeout 60 "$BULKHEAD" down --state "$dir" >"$work/down.out" 2>&1
    cp "$BULKHEAD" "$program"
    timeout 60 "$program" up --state "$dir" >"$work/up.out" 2>&1 && why=0 || why='up fails'
    rm "$program"
    [ $how = removed ] || printf '#!/bin/sh\nexec sleep 600\n' >"$program"
    [ $how = removed ] || chmod +x "$program"
    old=$(pid_of zones/de/b/agent)
    kill_9 zones/de/b/agent
    kill_9 zones/de/b/catalog
    until_so is_another zones/de/b/agent "$old" || why='the agent does not come back'
    until_so healthy || why='it is not healthy again'
    timeout 60 "$BULKHEAD" down --state "$dir" >"$work/down.out" 2>&1 || why="down says $?"
    [ "$(count)" -eq 0 ] || why="$(count) processes are left"
    verdict "a program file that is $how under it: what dies is started again, and down ends all" "$why"
done

# ---- one that nobody can find ----

timeout 60 "$BULKHEAD" up --state "$dir" >"$work/up.out" 2>&1
kill_9 control
kill_9 zones/de/b/agent
lost=$(pid_of zones/de/b/catalog)
rm "$dir/zones/de/b/catalog.pid"
timeout 60 "$BULKHEAD" down --state "$dir" >"$work/down.out" 2>&1
[ $? -eq 2 ] && why=0 || why='down is content'
grep -q "process $lost is a part of it by its command line" "$work/down.out" || why='down does not name it'
[ "$(count)" -eq 1 ] || why="$(count) processes are left"
running | grep -q "^$lost " && kill -KILL "$lost"
timeout 60 "$BULKHEAD" down --state "$dir" >"$work/down.out" 2>&1 || why="then down says $?"
verdict "down does not wait for ever for one whose pid file is gone: it names it" "$why"
echo "1..$n"
