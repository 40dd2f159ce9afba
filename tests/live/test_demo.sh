#!/bin/sh
# Load, fill and replay against a running system, with a zone killed half-way; and the demo itself.
#
# BULKHEAD is the program; it runs from the project's folder, where sim-configs is.
set -u

: "${BULKHEAD:=build/release/bulkhead}"
data=sim-configs/data
work=$(mktemp -d)
dir=$work/state
n=0
trap '"$BULKHEAD" down --state "$dir" >/dev/null 2>&1; rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

verdict() { # claim, 0 or what is wrong
    n=$((n + 1))
    if [ "$2" = 0 ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1: $2"
        sed 's/^/# out: /' "$work/out" | head -n 40
        sed 's/^/# err: /' "$work/err"
    fi
}

run() { # arguments
    timeout 600 "$BULKHEAD" "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}

# The last run: its status, and a line of stdout or stderr.
judge() { # claim, status, line
    why=0
    [ "$status" -eq "$2" ] || why="exit status $status, not $2"
    grep -qF -e "$3" "$work/out" "$work/err" || why="no '$3'"
    verdict "$1" "$why"
}

# The number of the first row that bears this key in the last run's JSON: that of all countries.
figure() { # key
    sed -n 's/^ *"'"$1"'": \([-0-9.e]*\).*/\1/p' "$work/out" | head -n 1
}

has() { # claim, key, number
    got=$(figure "$2")
    why=0
    [ "$got" = "$3" ] || why="$2 is ${got:-nowhere}, not $3"
    verdict "$1" "$why"
}

at_most() { # claim, key, number
    why=0
    awk -v got="$(figure "$2")" -v most="$3" 'BEGIN { exit !(got != "" && got <= most) }' ||
        why="$2 is $(figure "$2"), over $3"
    verdict "$1" "$why"
}

# ---- a system of our own, on the first block of ports that is free ----

port=$((20000 + $$ % 100 * 64))
for _ in 1 2 3 4 5 6 7 8; do
    run up sim-configs/three-countries.json --state "$dir" --port "$port"
    [ "$status" -ne 0 ] || break
    port=$((port + 64))
done
judge "up" 0 "healthy"

run load DE --state "$dir" --for 1s
judge "an empty cell is not loaded, and it is said how to fill it" 2 "bulkhead load de --fill"
run load XX --state "$dir" --for 1s
judge "a country that nobody serves" 2 "404"
run load DE --port 1 --for 1s
judge "a port where nobody listens" 2 "nobody listens at the door"

# ---- fill ----

run load GB DE FR --state "$dir" --fill --data "$data" --json
judge "filling three cells" 0 '"what": "fill"'
has "every product, customer and vendor is taken" ok 13223
run load de --state "$dir" --fill --data "$data" --json
judge "filling again does no harm" 0 '"failed": 0'

# ---- reads and orders ----

run load GB DE FR --state "$dir" --rate 200 --for 2s --json
judge "a mix of reads and orders" 0 '"failed": 0'
run load GB --state "$dir" --rate 100 --for 1s --orders 0 --even
judge "even gaps, reads alone, for people" 0 "none failed"
run load GB DE FR --state "$dir" --rate 2000 --for 1s --in-flight 1 --json
verdict "what is over the bound in flight is not sent and counts as failed" "$(
    [ "$status" -eq 1 ] && [ "$(figure unsent)" -gt 0 ] && echo 0 || echo "status $status"
)"

# ---- a zone is killed half-way through real orders ----

"$BULKHEAD" load GB DE FR --state "$dir" --replay "$data/orders.csv" --rate 150 --check --json \
    >"$work/replay" 2>"$work/replay.err" </dev/null &
replay=$!
tries=0
until grep -q . "$work/replay" || [ "$tries" -ge 60 ]; do # 5 s of its 13
    tries=$((tries + 1))
    [ "$tries" -ne 50 ] || {
        run fault zone-down de/a --for 2s --state "$dir"
        judge "a zone is killed" 0 "zone-down"
    }
    sleep 0.1
done
wait "$replay"
status=$?
cp "$work/replay" "$work/out"
cp "$work/replay.err" "$work/err"
judge "orders are replayed, and each is there exactly once" 0 \
    "2,005 orders acknowledged: 0 missing, 0 twice, 0 changed"
has "no request failed" failed 0
at_most "and nobody waited long" pause_ms 1000
run load GB DE FR --state "$dir" --replay "$data/orders.csv" --rate 300 --retries 20 --check
judge "replayed again they are the same orders" 0 "0 missing, 0 twice, 0 changed"

# ---- Ctrl-C ----

timeout --foreground -s INT 1 "$BULKHEAD" load DE --state "$dir" --for 60s --json \
    >"$work/out" 2>"$work/err" </dev/null
status=$(grep -c '"stopped": true' "$work/out")
judge "Ctrl-C prints what is known" 1 '"failed": 0'

# ---- down, up: all is there ----

run down --state "$dir"
judge "down" 0 "ended"
run up --state "$dir"
judge "up again" 0 "healthy"
run load GB DE FR --state "$dir" --replay "$data/orders.csv" --rate 300 --retries 20 --check
judge "the orders outlive down and up" 0 "0 missing, 0 twice, 0 changed"
run down --state "$dir"
judge "down again" 0 "ended"

# ---- the demo does all of it by itself ----

run demo
judge "the demo goes as told" 0 "every order is there exactly once"
left=0
for cmdline in /proc/[0-9]*/cmdline; do
    case $(tr '\0' ' ' 2>/dev/null <"$cmdline") in
    *" --state $dir "*) left=$((left + 1)) ;;
    esac
done
verdict "no process is left" "$([ "$left" -eq 0 ] && echo 0 || echo "$left are")"

echo "1..$n"
