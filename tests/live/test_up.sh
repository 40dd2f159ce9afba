#!/bin/sh
# up, down and what is between: real processes on loopback, killed in every way, then counted.
#
# BULKHEAD is the program. What runs is told from /proc by the state folder on its command line, so
# that nothing is believed that the program itself says.
set -u

: "${BULKHEAD:=build/release/bulkhead}"
case $BULKHEAD in
/*) ;;
*) BULKHEAD=$PWD/$BULKHEAD ;;
esac
work=$(mktemp -d)
dir=$work/state
n=0
port=

# The command lines of the processes of a folder, a line each: "PID ROLE ...".
running() { # folder
    grep -slF -e "$1" /proc/[0-9]*/cmdline | while read -r cmdline; do
        line=$(tr '\0' ' ' 2>/dev/null <"$cmdline") || continue
        case ${line#* } in
        "control --state $1 "* | "door --state $1 "* | "agent --state $1 "* | \
            "service --state $1 "*)
            pid=${cmdline#/proc/}
            echo "${pid%/cmdline} ${line#* }"
            ;;
        esac
    done
}

count() { # folder
    running "$1" | grep -c . || :
}

clean() {
    for one in "$work"/*/; do
        [ ! -e "$one/bulkhead.json" ] || "$BULKHEAD" down --state "${one%/}" >/dev/null 2>&1
    done
    rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' HUP INT TERM PIPE

verdict() { # claim, 0 or what is wrong
    n=$((n + 1))
    if [ "$2" = 0 ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1: $2"
        sed 's/^/# out: /' "$work/out"
        sed 's/^/# err: /' "$work/err"
        "$BULKHEAD" logs control --state "$dir" -n 20 2>/dev/null | sed 's/^/# /'
    fi
}

skip() { # claim, why
    n=$((n + 1))
    echo "ok $n # SKIP $1: $2"
}

# Root may read all; these words before a command take that from it, for the checks that need it.
as_anyone=
run() { # arguments
    # shellcheck disable=SC2086 # a list of words
    timeout 60 $as_anyone "$BULKHEAD" "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}

up() { run up --state "$dir" "$@"; }
down() { run down --state "$dir"; }

said() { # exit status, text of stdout or stderr; 0 or what is wrong, in $why
    why=0
    [ "$status" -eq "$1" ] || why="exit status $status, not $1"
    [ -z "$2" ] || grep -qF -e "$2" "$work/out" "$work/err" || why="nobody says '$2'"
}

# Try again until it is so, 20 s at most.
until_so() { # command
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt 400 ] || return 1
        sleep 0.05 # between two looks, not for luck
    done
}

pid_of() { # control, door, de/a/agent, de/a/catalog
    case $1 in
    */*) cat "$dir/zones/$1.pid" ;;
    *) cat "$dir/$1.pid" ;;
    esac
}

# Only what runs for our folder is killed.
kill_9() { # name...
    for one; do
        victim=$(pid_of "$one")
        running "$dir" | grep -q "^$victim " && kill -KILL "$victim"
    done
}

runs() { # name, pid: it runs, and is another
    [ -n "$(pid_of "$1")" ] && [ "$(pid_of "$1")" != "$2" ] &&
        running "$dir" | grep -q "^$(pid_of "$1") "
}

healthy() { "$BULKHEAD" status --state "$dir" >/dev/null 2>&1; }

# "DOWN" of a zone, from the table that people read.
health_of() { # cell zone
    "$BULKHEAD" status --state "$dir" 2>/dev/null |
        awk -v cell="$1" -v zone="$2" '/^[^ ]/ { at = $1; next } at == cell && $1 == zone { print $2 }'
}
zone_is() { [ "$(health_of "$1" "$2")" = "$3" ]; }

# Everything but control and one zone, to see that nothing else was touched.
others() { running "$dir" | grep -v " control \| --cell de --zone a " | sort; }

listens() { # port: somebody does
    hex=$(printf '%04X' "$1")
    grep -q ":$hex 00000000:0000 0A" /proc/net/tcp
}

any_port() {
    for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        ! listens $((port + i)) || return 0
    done
    return 1
}

topology=$work/two.json
cat >"$topology" <<'END'
{"countries": ["DE", "FR"],
 "cells": {"de": {"countries": ["DE"], "zones": ["a", "b"]},
           "fr": {"countries": ["FR"], "zones": ["a", "b"]}},
 "services": {"catalog": {"spread": "empirical", "times": "times.csv"},
              "customer": {}, "order": {}, "vendor": {}}}
END
printf '10\n20ms\n60\n' >"$work/times.csv"
sed 's/"FR"/"GB"/g' "$topology" >"$work/other.json"
cp "$topology" "$work/same.json"
all=22 # control, door, 4 agents, 16 services

# ---- up ----

# Other tests run at the same time: take the first block that is free.
port=$((10000 + $$ % 500 * 40))
for try in 1 2 3 4 5 6 7 8 9; do
    up "$topology" --port "$port"
    grep -q 'in use' "$work/err" || break
    port=$((10000 + (port + try * 1720 - 10000) % 20000))
done
said 0 "healthy: 2 cells, $all processes, port $port"
[ "$(count "$dir")" -eq "$all" ] || why="$(count "$dir") processes run"
verdict 'up starts every process and returns when all is healthy' "$why"
if [ "$status" -ne 0 ]; then # nothing that follows would mean anything
    echo "1..$n"
    exit 1
fi

run status --state "$dir"
said 0 'healthy'
verdict 'status says so too' "$why"

modes=$(stat -c %a "$dir" "$dir/control.sock" "$dir/door.sock" "$dir/zones/de/a/agent.sock" | xargs)
[ "$modes" = '700 600 600 600' ] && why=0 || why="modes $modes"
verdict 'the folder and its sockets are the owner'\''s only' "$why"

cmp -s "$work/times.csv" "$dir/times-catalog" && why=0 || why="another times-catalog, or none"
verdict 'the folder has its own copy of measured times' "$why"

running "$dir" | sort >"$work/before"
up
said 0 'already up, healthy'
running "$dir" | sort | cmp -s - "$work/before" || why='other processes run'
verdict 'up again changes nothing and says so' "$why"

up "$work/same.json" --port "$port"
said 0 'already up, healthy'
verdict 'up of the same text under another name is fine' "$why"

echo 70 >>"$work/times.csv"
up "$topology"
said 2 "holds the system of another topology"
verdict 'up of a topology whose measured times have changed is refused' "$why"
rm "$work/times.csv" # what is there does not read it again

up "$work/other.json"
said 2 'holds the system of another topology'
[ "$(count "$dir")" -eq "$all" ] || why='processes have gone'
verdict 'up of another topology is refused' "$why"

up --port $((port + 100))
said 2 "runs on port $port"
verdict 'a running system keeps its port' "$why"

run control --state "$dir"
said 2 'runs already'
verdict 'a second control is refused' "$why"

run logs --state "$dir" de/a cata
said 0 ''
[ "$(grep -c '==>' "$work/out")" -le 1 ] || why='more logs than asked for'
run logs --state "$dir" -n 1
grep -q '==> fr/b/agent <==' "$work/out" || why='a log is missing'
verdict 'logs prints those that have all the words in their names' "$why"

# ---- killing one ----

old=$(pid_of de/a/catalog)
kill_9 de/a/catalog
until_so runs de/a/catalog "$old" && until_so healthy && why=0 || why='it is not back'
verdict 'a killed service is started again' "$why"

old=$(pid_of de/a/agent)
running "$dir" | grep ' service ' | sort >"$work/before"
kill_9 de/a/agent
until_so runs de/a/agent "$old" && until_so healthy && why=0 || why='it is not back'
running "$dir" | grep ' service ' | sort | cmp -s - "$work/before" || why='its services have changed'
verdict 'a killed agent is started again and adopts its services' "$why"

old=$(pid_of de/a/agent)
kill -TERM "$old"
until_so runs de/a/agent "$old" && until_so healthy && why=0 || why='it is not back'
running "$dir" | grep ' service ' | sort | cmp -s - "$work/before" || why='its services have changed'
verdict 'an agent that ends leaves its services running' "$why"

old=$(pid_of door)
kill_9 door
until_so runs door "$old" && until_so healthy && why=0 || why='it is not back'
verdict 'a killed door is started again' "$why"

# What control has told goes into its journal a little later.
kept() { grep -qaF 'the door ended' "$dir"/control.db*; }
until_so kept || echo "# the journal does not know of the door"

running "$dir" | grep -v ' control ' | sort >"$work/before"
kill_9 control
up
said 0 "healthy: 2 cells, $all processes"
running "$dir" | grep -v ' control ' | sort | cmp -s - "$work/before" || why='others were restarted'
verdict 'after control is killed all goes on, and up adopts it' "$why"

run status --json --state "$dir"
said 0 'the door ended'
verdict 'the next control knows what the one before has seen' "$why"

# ---- faults ----

run fault zone-down de/a --for 6s --state "$dir"
said 0 'fault 1: zone-down at de/a'
others >"$work/before"
[ "$(running "$dir" | grep -c -e '--cell de --zone a --service')" -eq 0 ] || why='some of it still runs'
zone_is de a DOWN || why="it is $(health_of de a)"
verdict 'zone-down kills the zone at once' "$why"

run fault --state "$dir"
said 0 'zone-down  de/a'
verdict 'fault lists what is on' "$why"

until_so healthy && why=0 || why="it is $(health_of de a)"
others | cmp -s - "$work/before" || why='others have been touched'
[ "$(count "$dir")" -eq "$all" ] || why="$(count "$dir") processes run"
run fault --state "$dir"
[ "$why" != 0 ] || said 0 'no fault is on'
verdict 'it ends by itself, and nothing else was touched' "$why"

run fault zone-down de/a --for 60s --state "$dir"
run heal de/a --state "$dir"
said 0 'ended 1 fault'
until_so healthy || why="it is $(health_of de a)"
verdict 'heal ends a fault' "$why"

for words in 'bad-deploy catalog' 'slow DE' 'zone-down de' 'zone-down xx/a' 'zone-down de/z' 'server-down de/a/x'; do
    # Unquoted: two arguments.
    # shellcheck disable=SC2086
    run fault $words --state "$dir"
    said 2 'bulkhead: '
    [ "$why" = 0 ] || break
done
run fault zone-down de/a --for soon --state "$dir"
[ "$why" != 0 ] || said 2 '--for'
run heal fr/b --state "$dir"
[ "$why" != 0 ] || said 2 'no such fault is on'
healthy || why='something broke'
verdict 'what is no fault is refused' "$why"

run fault server-down de/a/catalog-1 --for 60s --state "$dir"
said 0 'server-down at de/a/catalog-1'
until_so zone_is de a DEGRADED || why="the zone is $(health_of de a)"
running "$dir" | grep -q -e '--cell de --zone a --service catalog ' && why='it runs'
old=$(pid_of de/a/agent)
kill_9 de/a/agent
until_so runs de/a/agent "$old" && until_so zone_is de a DEGRADED || why='its agent is not back'
running "$dir" | grep -q -e '--cell de --zone a --service catalog ' && why='it was started again'
run heal all --state "$dir"
until_so healthy || why='it is not back'
verdict 'server-down holds one replica, whatever becomes of its agent' "$why"

run fault zone-down de/a --for 60s --state "$dir"
kill_9 control
up
said 0 'as well as the faults allow'
[ "$(running "$dir" | grep -c -e '--cell de --zone a --service')" -eq 0 ] || why='the zone was started'
run heal all --state "$dir"
until_so healthy || why='it is not back'
verdict 'a fault outlives control' "$why"

zone_runs() { [ "$(running "$dir" | grep -c -e '--cell de --zone a --service')" -eq 4 ]; }
run fault zone-down de/a --for 3s --state "$dir"
until_so runs de/a/agent 0 # it waits for the end
kill_9 control
until_so zone_runs && why=0 || why='it is still down'
verdict 'a fault ends by itself, though control is dead' "$why"
up
said 0 'healthy: 2 cells'
verdict 'and up is healthy again' "$why"

# ---- a disk without room ----

mkdir "$work/small"
echo '{"countries": ["DE"]}' >"$work/plain.json"
if mount -t tmpfs -o size=300k none "$work/small" 2>/dev/null; then
    run up "$work/plain.json" --state "$work/small/state" --port $((port + 100))
    said 2 'its disk is full'
    [ "$(count "$work/small/state")" -eq 0 ] || why='something runs'
    umount "$work/small"
    verdict 'up on a full disk names the cause' "$why"
else
    skip 'up on a full disk names the cause' 'no file system may be mounted here'
fi

# ---- down ----

echo kept >"$dir/cells/de/catalog/kept"
down
said 0 "ended $all processes"
[ "$(count "$dir")" -eq 0 ] || why="$(count "$dir") processes are left"
any_port && why='a port is still taken'
[ -e "$dir/cells/de/catalog/kept" ] || why='data has gone'
verdict 'down leaves no process and no port, and the data' "$why"

down
said 0 'nothing ran'
run down --state "$work/nowhere"
[ "$why" != 0 ] || said 0 'no such folder'
verdict 'down of what does not run is fine' "$why"

run service --state "$dir" --cell de --zone a --service catalog
said 2 'the system is to be down'
verdict 'no process starts in a system that is down' "$why"

up
said 0 'healthy: 2 cells'
[ -e "$dir/cells/de/catalog/kept" ] || why='data has gone'
verdict 'up after down has the same data' "$why"
printf '10\n20ms\n60\n' >"$work/times.csv"

down
up --port $((port + 1))
said 0 "port $((port + 1))"
down
up --port "$port"
[ "$why" != 0 ] || said 0 "port $port"
verdict 'a system that is down may be given another port' "$why"

# In turn: control; everything of a zone; all agents; all services; all.
for victims in ' control ' '--zone a ' ' agent ' ' service ' ' --state '; do
    running "$dir" | grep -e "$victims" | while read -r pid _; do kill -KILL "$pid"; done
    down
    said 0 ''
    [ "$(count "$dir")" -eq 0 ] || why="$(count "$dir") processes are left"
    any_port && why='a port is still taken'
    verdict "down ends the rest after kill -9 of '$victims'" "$why"
    up
done
said 0 'healthy'
verdict 'and up after that' "$why"

for pid in $(running "$dir" | grep ' control \| --cell de --zone a ' | cut -d ' ' -f 1); do
    kill -STOP "$pid"
done
down
said 0 ''
[ "$(count "$dir")" -eq 0 ] || why="$(count "$dir") processes are left"
verdict 'down ends what is frozen' "$why"

no_complaint() { # claim
    grep -rE --include='*.log' 'Sanitizer|runtime error|Assertion' "$dir" >"$work/out" 2>&1 &&
        why='see below' || why=0
    verdict "$1" "$why"
}
no_complaint 'no log speaks of a broken assertion or a sanitizer'

# ---- up, cut short ----

is_there() { [ -e "$dir/$1" ]; }
claimed() { [ -s "$dir/$1" ]; }
for moment in '.' bulkhead.json control.pid zones/de/b/agent.pid zones/fr/b/catalog.pid; do
    rm -rf "$dir"
    "$BULKHEAD" up "$topology" --state "$dir" --port "$port" >"$work/out" 2>"$work/err" &
    upper=$!
    case $moment in
    . | *.json) until_so is_there "$moment" ;;
    *) until_so claimed "$moment" ;;
    esac
    kill -KILL "$upper"
    wait "$upper" 2>/dev/null
    up "$topology" --port "$port"
    said 0 'healthy: 2 cells'
    [ "$(count "$dir")" -eq "$all" ] || why="$(count "$dir") processes run"
    verdict "up goes on where it was killed, at $moment" "$why"
    down
done

nobody() { [ "$(count "$dir")" -eq 0 ]; }
for moment in control.pid zones/de/a/agent.pid zones/fr/b/agent.pid zones/fr/a/vendor.pid; do
    rm -f "$dir/$moment"
    "$BULKHEAD" up --state "$dir" >/dev/null 2>&1 &
    upper=$!
    until_so claimed "$moment"
    down
    said 0 ''
    wait "$upper"
    until_so nobody || why="$(count "$dir") processes are left"
    verdict "down in the middle of up leaves nothing, at $moment" "$why"
done

# It cannot become healthy: the catalog's rows are another cell's.
echo xx >"$dir/cells/de/catalog/cell"
looping() { "$BULKHEAD" status --state "$dir" 2>/dev/null | grep -q 'catalog ended .* in a row'; }
"$BULKHEAD" up --state "$dir" >"$work/out" 2>"$work/err" &
upper=$!
until_so looping && why=0 || why='status does not say why'
verdict 'a crash loop is named in status' "$why"
kill -INT "$upper"
wait "$upper"
status=$?
said 1 '' # when it was slow it has given up before
[ "$(count "$dir")" -eq 0 ] || why="$(count "$dir") processes are left"
verdict 'up that is interrupted takes down what it started' "$why"
up
said 1 'does not become healthy: catalog ended'
verdict 'up does not wait for what ends again and again, and says why it does' "$why"
echo de >"$dir/cells/de/catalog/cell"

# ---- ports ----

up
running "$dir" | sort >"$work/before"
for first in "$port" $((port - 3)); do
    run up "$topology" --state "$work/second" --port "$first"
    said 2 "port $port on 127.0.0.1 is in use"
    [ ! -e "$work/second" ] || why='a folder was made'
    running "$dir" | sort | cmp -s - "$work/before" || why='the other system was touched'
    verdict "a port in use is named and nothing is started (first port $((first - port)))" "$why"
done
run up "$topology" --state "$work/second" --port 32760
said 2 'choose another first port'
verdict 'ports above those that the system gives away are refused' "$why"
down

# ---- folders ----

refused() { # claim, folder, sentence
    run up "$topology" --state "$2" --port "$port"
    said 2 "$3"
    [ "$(count "$2")" -eq 0 ] || why='something was started'
    verdict "$1" "$why"
}

mkdir "$work/foreign"
echo mine >"$work/foreign/notes.txt"
refused 'a folder with other things is left alone' "$work/foreign" 'not a state folder'
run down --state "$work/foreign"
said 2 'not a state folder'
[ "$(ls "$work/foreign")" = notes.txt ] || why='something was written'
verdict 'down leaves it alone too' "$why"

refused 'a file is no folder' "$topology" 'is not a folder'

cp -r "$dir" "$work/half"
rm "$work/half/bulkhead.json"
refused 'half a state folder is left alone' "$work/half" 'half a state folder'

cp -r "$dir" "$work/bare"
rm "$work/bare/topology.json"
refused 'a state folder without its topology is refused' "$work/bare" 'topology.json'

cp -r "$dir" "$work/cut"
head -c 20 "$dir/bulkhead.json" >"$work/cut/bulkhead.json"
refused 'a cut bulkhead.json is refused' "$work/cut" 'bulkhead.json'

cp -r "$dir" "$work/newer"
echo '{"format": 2, "port": 20000, "name": "x"}' >"$work/newer/bulkhead.json"
refused 'a folder of another version is refused' "$work/newer" 'another version'

cp -r "$dir" "$work/open"
chmod 777 "$work/open"
refused 'a folder that others may write to is refused' "$work/open" 'others may write'

mkdir "$work/theirs"
if [ "$(id -u)" -eq 0 ]; then
    chown 65534 "$work/theirs"
    refused 'a folder of another user is refused' "$work/theirs" 'belongs to another user'
    as_anyone='setpriv --bounding-set=-dac_override,-dac_read_search'
else
    skip 'a folder of another user is refused' 'only root can make one'
fi
mkdir "$work/unreadable"
chmod 0 "$work/unreadable"
refused 'an unreadable folder is refused' "$work/unreadable" 'cannot read'
chmod 700 "$work/unreadable"
as_anyone=

run up "$work/nothing.json" --state "$work/third" --port "$port"
said 2 'nothing.json'
[ ! -e "$work/third" ] || why='a folder was made'
verdict 'up of a topology that is not there makes no folder' "$why"

no_complaint 'nor does one now'

# ---- the folder goes away ----

up
rm -rf "$dir"
until_so nobody && why=0 || why="$(count "$dir") processes are left"
any_port && why='a port is still taken'
verdict 'a system whose folder is removed ends itself' "$why"

echo "1..$n"
