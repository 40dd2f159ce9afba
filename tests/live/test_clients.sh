#!/bin/sh
# Clients of a real system: smart ones and dumb ones, while zones, doors and control are lost.
#
# BULKHEAD is the program. Only processes of our own folder are ended, by the pid files in it.
set -u

: "${BULKHEAD:=build/release/bulkhead}"
case $BULKHEAD in
/*) ;;
*) BULKHEAD=$PWD/$BULKHEAD ;;
esac
work=$(mktemp -d)
dir=$work/state
n=0

clean() {
    [ ! -e "$dir/bulkhead.json" ] || "$BULKHEAD" down --state "$dir" >/dev/null 2>&1
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
    fi
}

run() { # arguments
    timeout 60 "$BULKHEAD" "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}

ask() { # COMMAND arguments, of our system
    command=$1
    shift
    run "$command" --state "$dir" "$@"
}

said() { # exit status, text of stdout or stderr; 0 or what is wrong, in $why
    why=0
    [ "$status" -eq "$1" ] || why="exit status $status, not $1"
    [ -z "$2" ] || grep -qF -e "$2" "$work/out" "$work/err" || why="nobody says '$2'"
}

until_so() { # command; 20 s at most
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt 400 ] || return 1
        sleep 0.05 # between two looks, not for luck
    done
}

healthy() { "$BULKHEAD" status --state "$dir" >/dev/null 2>&1; }

# A number of what load --json printed: the first of that name.
number() { sed -n 's/^ *"'"$1"'": \([0-9]*\),*$/\1/p' "$work/out" | head -1; }

get() { # port, target: head and body
    printf 'GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' "$2" |
        timeout 20 bash -c 'exec 3<>/dev/tcp/127.0.0.1/'"$1"'; cat >&3; cat <&3'
}
version() { get "$1" /map | tr -d '\r' | sed -n 's/^ETag: "\([0-9]*\)"$/\1/p'; }

pid_of() { cat "$dir/$1.pid"; }
another() { # name, pid
    [ -s "$dir/$1.pid" ] && [ "$(pid_of "$1")" != "$2" ]
}

cat >"$work/two.json" <<'END'
{"countries": ["DE", "FR"],
 "cells": {"de": {"countries": ["DE"], "zones": ["a", "b"]},
           "fr": {"countries": ["FR"], "zones": ["a", "b"]}},
 "policy": {"timeout": "500ms", "retry_budget": 1},
 "services": {"catalog": {}, "customer": {}, "order": {}, "vendor": {}}}
END

port=$((10000 + $$ % 500 * 40))
for try in 1 2 3 4 5 6 7 8 9; do
    run up "$work/two.json" --state "$dir" --port "$port" --doors 2
    grep -q 'in use' "$work/err" || break
    port=$((10000 + (port + try * 1720 - 10000) % 20000))
done
said 0 'healthy: 2 cells, 23 processes'
verdict 'up starts two doors' "$why"
if [ "$status" -ne 0 ]; then # nothing that follows would mean anything
    echo "1..$n"
    exit 1
fi

ask status
said 0 'door 2 on port '
verdict 'status has both' "$why"
second=$(sed -n 's/^door 2 on port \([0-9]*\):.*/\1/p' "$work/out")

run up --state "$dir" --doors 3
said 2 'with 2 doors'
verdict 'a running system keeps its doors' "$why"

[ "$(version "$port")" -gt 0 ] && [ "$(version "$port")" = "$(version "$second")" ] && why=0 ||
    why="$(version "$port") and $(version "$second")"
verdict 'both hand out one map' "$why"

# A replica of de, which reads the map's file: its version may rise between two questions.
for try in 1 2 3 4 5 6 7 8 9; do
    before=$(version "$port")
    get "$((port + 1))" /fr/items | tr -d '\r' >"$work/421"
    [ "$before" = "$(version "$port")" ] && break
done
head -1 "$work/421" | grep -q '^HTTP/1.1 421 ' && grep -q "^Map-Version: $before\$" "$work/421" &&
    grep -q "\"map_version\":$before}" "$work/421" && why=0 || why="$before: $(cat "$work/421")"
verdict '421 of a replica tells the version of the map' "$why"

# ---- by hand ----

ask customer add de --name 'Ada Lovelace' --code 42
said 0 'de-c-42'
[ "$why" = 0 ] && ask catalog add de --description 'red teapot' --price 1250 --stock 10 --code TP &&
    said 0 '12.50'
[ "$why" = 0 ] && ask order place de --customer de-c-42 --line de-i-TP=3 --key one && said 0 confirmed
first=$(sed -n 's/^id *//p' "$work/out")
verdict 'a customer, an item and an order are made' "$why"

ask order place de --customer de-c-42 --line de-i-TP=3 --key one
said 0 "$first"
ask catalog read de-i-TP
[ "$why" != 0 ] || said 0 'stock        7'
verdict 'the same key twice is one order' "$why"

ask catalog search DE red teapot
said 0 'red teapot'
ask order list de --customer de-c-42 --json
[ "$why" != 0 ] || said 0 "\"id\": \"$first\""
verdict 'it is found, by words and by its customer' "$why"

ask order place de --customer de-c-42 --line de-i-TP=8
said 1 '8 are wanted and 7 are there (409)'
verdict 'a refusal says why' "$why"

ask customer read fr-o-1
said 2 'expected the id of a customer'
ask order place de --customer de-c-42
[ "$why" != 0 ] || said 2 '--line is missing'
ask vendor add DE
[ "$why" != 0 ] || said 2 '--name is missing'
ask catalog search de
[ "$why" != 0 ] || said 2 'search COUNTRY WORD...'
run catalog list de --port 1
[ "$why" != 0 ] || said 2 'no door answers with a map'
verdict 'what is asked in the wrong way is said so' "$why"

grep -q '"version"' "$dir/client-map.json" && why=0 || why='there is no client-map.json'
sed 's/"port": [0-9]*/"port": 9/' "$dir/client-map.json" | sed "0,/\"port\": 9/s//\"port\": $port/" \
    >"$work/stale" && cp "$work/stale" "$dir/client-map.json"
ask catalog read de-i-TP
[ "$why" != 0 ] || said 0 'red teapot'
cmp -s "$work/stale" "$dir/client-map.json" && why='the stale map was kept'
verdict 'a client whose map is stale is served and put right' "$why"

echo '{"format": 1' >"$dir/client-map.json"
ask catalog read de-i-TP
said 0 'client-map.json: line'
[ "$why" != 0 ] || said 0 'red teapot'
verdict 'a broken map that was kept is refused with the reason' "$why"

# ---- under load ----

ask load de fr --fill
said 0 'none failed'
verdict 'the example shop is filled in' "$why"

load() { # what else; in the background
    timeout 60 "$BULKHEAD" load de fr --state "$dir" --rate 200 --for 4s --json "$@" \
        >"$work/out" 2>"$work/err" </dev/null &
    loading=$!
}
loaded() {
    wait "$loading"
    status=$?
    said 0 ''
    [ "$(number requests)" -gt 400 ] || why="only $(number requests) requests"
    [ "$(number failed)" = 0 ] || why="$(number failed) failed"
}
asked_of() { # port: the requests that this door has had
    "$BULKHEAD" status --state "$dir" 2>/dev/null |
        sed -n "s/^door . on port $1: .* of \([0-9,]*\) requests lost/\1/p" | tr -d ,
}
asked() { # port, number: it has had so many
    count=$(asked_of "$1")
    [ "${count:-0}" -ge "$2" ]
}

before=$(asked_of "$port")
load --smart
until_so asked "$port" $((before + 4)) # what the cells hold is asked at a door, then it begins
timeout 20 "$BULKHEAD" fault zone-down de/a --for 1s --state "$dir" >/dev/null 2>&1
timeout 20 "$BULKHEAD" fault zone-down fr/b --for 1s --state "$dir" >/dev/null 2>&1
loaded
[ "$(number direct)" -ge "$(number requests)" ] || why="$(number direct) went straight"
[ "$(number again)" -gt 0 ] || why='nothing was tried again'
verdict 'smart clients lose nothing when two zones die' "$why"

until_so healthy
before=$(asked_of "$port")
load --any-door
until_so asked "$port" $((before + 100))
old=$(pid_of door)
kill -KILL "$old"
loaded
[ "$(number doors_lost)" -gt 0 ] || why='no door was lost'
asked "$second" 10 || why='the second door was not asked'
verdict 'a door killed under load: clients go on at the other' "$why"
until_so another door "$old" && until_so healthy

# ---- control is away ----

was=$(version "$port")
kill -STOP "$(pid_of control)"
old=$(pid_of door)
kill -KILL "$old"
"$BULKHEAD" door --state "$dir" 2>>"$dir/door.log" &
until_so another door "$old" && until_so get "$port" /health >/dev/null
[ "$(version "$port")" = "$was" ] && why=0 || why="version $(version "$port"), not $was"
verdict 'a door that starts while control is away has the last map' "$why"

load --smart
loaded
verdict 'and smart clients go on' "$why"
kill -CONT "$(pid_of control)"
until_so healthy && why=0 || why='it is not healthy'
verdict 'control comes back, and all is as before' "$why"

# ---- many countries, one frozen ----

get "$port" '/items?q=light&limit=2' >"$work/out" 2>"$work/err"
status=$?
said 0 '"partial": false}'
verdict 'one question is answered by all countries' "$why"

ask catalog search fr,de light --limit 1
said 0 'de-i-'
[ "$why" != 0 ] || said 0 'fr-i-'
ask catalog search all light --limit 1 --json
[ "$why" != 0 ] || said 0 '"partial": false'
ask catalog search de, light
[ "$why" != 0 ] || said 2 'expected a country of two letters, got ""'
verdict 'catalog search asks several, or all' "$why"

for one in "$dir"/zones/fr/*/catalog.pid; do
    kill -STOP "$(cat "$one")"
done
began=$(date +%s%3N)
get "$second" '/items?q=light&limit=2&within=1s' >"$work/out" 2>"$work/err"
status=$?
took=$(($(date +%s%3N) - began))
for one in "$dir"/zones/fr/*/catalog.pid; do
    kill -CONT "$(cat "$one")"
done
said 0 '{"country": "fr", "why": "no answer within 1000 ms"}'
[ "$why" != 0 ] || said 0 'de-i-'
[ "$took" -lt 8000 ] || why="it took $took ms"
verdict 'a frozen cell costs its own part, in time' "$why"

# ---- noise ----

# Random bytes, halves of requests and nothing at all, many times, to a unix socket.
noise() { # path
    perl -MSocket -e '
        srand 1;
        $SIG{PIPE} = "IGNORE";
        for my $i (1 .. 300) {
            socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die "socket: $!";
            connect($s, pack_sockaddr_un($ARGV[0])) or die "$ARGV[0]: $!";
            my $text = join "", map { chr int rand 256 } 1 .. rand 3000;
            $text = "POST /faults HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n{" if $i % 3 == 0;
            $text = "" if $i % 5 == 0;
            syswrite $s, $text;
            push @held, $s if $i % 7 == 0;
        }' "$1"
}
"$BULKHEAD" status --state "$dir" >/dev/null 2>&1 # once, for the pids that follow
control=$(pid_of control)
agent=$(pid_of zones/de/b/agent)
why=0
for one in control.sock door.sock door-2.sock zones/de/b/agent.sock; do
    (cd "$dir" && noise "$one") >"$work/out" 2>"$work/err" || why="$one: $(cat "$work/err")"
done
until_so healthy || why='it is not healthy'
[ "$(pid_of control)" = "$control" ] && [ "$(pid_of zones/de/b/agent)" = "$agent" ] ||
    why='another process is there'
run fault --state "$dir"
[ "$why" != 0 ] || said 0 'no fault is on'
verdict 'noise on the unix sockets of control, doors and an agent changes nothing' "$why"

kill -STOP "$control"
dd if=/dev/zero bs=1M count=5 2>/dev/null | tr '\0' ' ' >"$dir/map.new" && mv "$dir/map.new" "$dir/map.json"
until_so grep -q 'map.json: has 5242880 bytes, 4194304 are the most' "$dir/door.log" && why=0 ||
    why='no door said so'
kill -CONT "$control"
until_so grep -q '"version"' "$dir/map.json" || why='control has not written another'
is_newer() { [ "$(version "$port")" -gt "$was" ]; }
until_so is_newer || why="version $(version "$port")"
verdict 'a map file that somebody has spoilt is refused, and written anew' "$why"

echo "1..$n"
