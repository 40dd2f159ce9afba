#!/bin/sh
# What the command line takes and refuses, from outside: exit status, stdout and stderr of BULKHEAD.
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
        sed 's/^/# out: /' "$work/out"
        sed 's/^/# err: /' "$work/err"
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

yes() { # claim, line of stdout, arguments
    claim=$1 line=$2
    shift 2
    run "$@"
    judge "$claim" 0 "$line" ""
}

no() { # the same with exit status 1
    claim=$1 line=$2
    shift 2
    run "$@"
    judge "$claim" 1 "$line" ""
}

refused() { # claim, sentence on stderr, arguments
    claim=$1 line=$2
    shift 2
    run "$@"
    judge "$claim" 2 "" "$line"
}

# ---- help ----

run help
commands=$(sed -n 's/^  \([a-z]*\) .*/\1/p' "$work/out")
case $(echo "$commands" | tr '\n' ' ') in
'check plan sim '*'demo help version ') verdict "help lists the commands" 0 ;;
*) verdict "help lists the commands" "$commands" ;;
esac
run
judge "without a command it lists them and fails" 2 "" "usage: bulkhead COMMAND"
for word in help --help -h; do
    yes "$word lists the commands" "usage: bulkhead COMMAND" "$word"
done
for command in $commands; do
    yes "$command --help says how it is called" "usage: bulkhead $command" "$command" --help
    cp "$work/out" "$work/help"
    run help "$command"
    judge "help $command says the same" 0 "usage: bulkhead $command" ""
    cmp -s "$work/help" "$work/out"
    verdict "help $command and $command --help are equal" $?
done
yes "--help wins over what stands before it" "usage: bulkhead plan" plan nosuch.json --help
yes "version prints a version" "bulkhead " version
yes "--version does too" "bulkhead " --version

# ---- misuse ----

refused "an unknown command" 'no command "nosuch" (bulkhead help lists them)' nosuch
refused "help of an unknown command" 'no command "nosuch"' help nosuch
refused "an empty command" 'no command ""' ''
refused "an unknown option" "bulkhead plan: no option --jsno" plan --jsno x.json
refused "a short option" "bulkhead plan: no option -j" plan -j x.json
refused "a flag with a value" "--json takes no value" plan --json=1 x.json
refused "an option at the end without its value" "--seed wants a value: --seed N" sim x.json --seed
refused "no file to check" "bulkhead check: FILE is missing" check
refused "no topology" "bulkhead plan: TOPOLOGY is missing" plan
refused "no scenario" "bulkhead sim: SCENARIO is missing" sim
refused "two topologies" "bulkhead plan: one argument too many: b" plan a b
refused "an argument of version" "bulkhead version: one argument too many: x" version x
refused "a hint where to read" "(bulkhead plan --help lists what it takes)" plan
for seed in -1 x '' ' 5' 5x 1e3 9007199254740992 99999999999999999999; do
    refused "the seed '$seed'" \
        "--seed: expected a whole number in 0..9007199254740991, got \"$seed\"" \
        sim "--seed=$seed" sim-configs/zone-loss-at-peak.json
done
refused "no replications" "--replications: expected a whole number in 1..100000, got \"0\"" \
    sim --replications 0 x.json
refused "a schema of nothing" '--schema: expected topology, scenario, plan' check --schema x
refused "a schema and a file" "--schema and --state take no FILE: x.json" check --schema sim x.json
refused "behind -- a file, not an option" "bulkhead: --json: No such file" plan -- --json

# ---- files that are good, and files that say what is wrong with them ----

smallest=$work/smallest.json
echo '{"countries": ["GB"]}' >"$smallest"
yes "check takes the smallest topology" "smallest.json: ok, a topology of 1 country in 1 cell" \
    check "$smallest"
yes "check takes a scenario" "ok, a scenario on sim-configs/three-countries.json" \
    check sim-configs/*.json
echo '{"countries": ["GB"], "cells": {"topology": {"countries": ["GB"]}}}' >"$work/named.json"
yes "a cell called topology does not make a scenario" "ok, a topology of" check "$work/named.json"

bad() { # claim, content for printf, sentence
    # shellcheck disable=SC2059 # the content is a format: it has the escapes
    printf "$2" >"$work/bad.json"
    run check "$work/bad.json"
    judge "check: $1" 1 "" "$work/bad.json: $3"
    run plan "$work/bad.json"
    judge "plan: $1" 2 "" "bulkhead: $work/bad.json: $3"
}
bad "an empty file" '' 'line 1, column 1: expected a value, got the end'
bad "white space alone" '\n\n ' 'line 3, column 2: expected a value, got the end'
bad "words" 'countries: [GB]\n' 'line 1, column 1: '
bad "a file cut off" '{"countries": ["GB"' 'line 1, column 20: '
bad "a NUL byte" '{"countries": \000["GB"]}' 'line 1, column 15: '
bad "a NUL byte in a string" '{"countries": ["G\000B"]}' 'line 1, column 18: '
bad "binary garbage" '\177ELF\002\001\001\000\377\376\200' 'line 1, column 1: '
bad "bytes that are not UTF-8" '{"about": "\377", "countries": ["GB"]}' 'line 1, column 12: '
bad "an unknown key" '{"countries": ["GB"], "cels": {}}' 'cels: unknown key; did you mean "cells"?'
bad "a key given twice" '{"countries": ["GB"], "countries": ["FR"]}' 'key "countries" is given twice'
bad "a wrong type deep inside" '{"countries": ["GB"], "cells": {"gb": {"zones": "a"}}}' \
    'cells.gb.zones: expected array, got string'
bad "an escape sequence is shown, not sent" '{"countries": {"GB": {"curve": "\\u001b[2J"}}}' \
    'countries.GB.curve: no curve "\x1b[2J"'
bad "more servers than anyone has" \
    '{"countries": {"GB": {"customers": 1e12, "requests_per_customer_day": 1e6}}}' \
    'cells.gb: service catalog would need over 10^9 servers'
awk 'BEGIN { for (i = 0; i < 100000; i++) printf "["; print "" }' >"$work/deep.json"
run check "$work/deep.json"
judge "check: nesting 100000 deep" 1 "" "deep.json: line 1, column 33: "

run check "$smallest" "$work/deep.json" "$work/nosuch.json" sim-configs/seed-27-24.json
judge "check goes on behind a bad file" 1 "seed-27-24.json: ok" "nosuch.json: No such file or dir"
refused "plan wants a topology" "zone-loss-at-peak.json: is a scenario; expected a topology" \
    plan sim-configs/zone-loss-at-peak.json
refused "sim wants a scenario" "is a topology; expected a scenario, which names one" \
    sim sim-configs/seed-27-24.json
refused "a folder" "bulkhead: sim-configs: is a folder, not a file" plan sim-configs
refused "a missing file" "bulkhead: $work/nosuch.json: No such file or directory" \
    plan "$work/nosuch.json"
refused "a device" "/dev/zero: is not a regular file" plan /dev/zero
refused "a demo without its files" "$work/seed-27-24.json: No such file or directory" demo "$work"
mkfifo "$work/fifo"
refused "a FIFO, without waiting" "fifo: is not a regular file" plan "$work/fifo"
echo '{"countries": ["GB"]}' >"$work/locked.json"
chmod 000 "$work/locked.json"
[ "$(id -u)" -ne 0 ] || as_anyone='setpriv --bounding-set=-dac_override,-dac_read_search'
refused "a file that may not be read" "locked.json: Permission denied" plan "$work/locked.json"
as_anyone=

# Sanitizers need more address space than any limit leaves.
truncate -s 1G "$work/huge.json"
# shellcheck disable=SC3045 # where there is no ulimit -v there is no limit
limited() { (ulimit -v 100000 2>/dev/null && timeout 10 "$@"); }
if limited "$BULKHEAD" version >/dev/null 2>&1; then
    limited "$BULKHEAD" plan "$work/huge.json" >"$work/out" 2>"$work/err"
    status=$?
else
    run plan "$work/huge.json"
fi
judge "a file of 1 GB, with little memory" 2 "" \
    "huge.json: is too large: 1073741824 bytes, at most 16777216"

# ---- plan ----

yes "plan of the example" "keeping them apart costs +3 servers (+12.5 %)" \
    plan sim-configs/seed-27-24.json
yes "plan as JSON" '  "servers": 27,' plan --json sim-configs/seed-27-24.json
grep -q '^    "servers": 24,$' "$work/out" && [ "$(sed -n '$p' "$work/out")" = '}' ]
verdict "with the 24 servers together, and its end" $?
no "plan with too few servers" "NOT ENOUGH" plan sim-configs/three-countries.json \
    --set cells.de.servers_per_zone=1
no "the same as JSON" '  "enough": false,' plan sim-configs/three-countries.json --json \
    --set cells.de.servers_per_zone=1
yes "--set makes what is missing" "15 servers" plan "$smallest" --set cells.gb.servers_per_zone=9 \
    --set cells.gb.region=aws/eu-west-1 --set about=words
yes "--set takes JSON" "2 countries in 2 cells" plan "$smallest" --set 'countries=["GB", "DE"]'
refused "--set without a value" '--set: expected PATH=VALUE, got "cells"' plan "$smallest" \
    --set cells
refused "--set without a path" '--set: expected PATH=VALUE, got "=1"' plan "$smallest" --set =1
refused "--set of an unknown key" "smallest.json: cells.gb.servers: unknown key" plan "$smallest" \
    --set cells.gb.servers=1
refused "--set out of bounds" "cells.gb.servers_per_zone: expected 0..100000, got -1" \
    plan "$smallest" --set cells.gb.servers_per_zone=-1
refused "--set of a scenario's key" "smallest.json: load: unknown key" plan "$smallest" --set load=2
set --
while [ $# -lt 65 ]; do
    set -- "$@" --set=about=x
done
refused "--set 65 times" "--set: more than 64 are given" plan "$smallest" "$@"

# ---- sim ----

scenario=sim-configs/zone-loss-at-peak.json
short="--replications 2 --set duration=90s --set warmup=5s --set faults.0.at=30s --set load=0.5"
# shellcheck disable=SC2086 # words
{
    yes "sim of the example" "pass  availability of DE is" sim $scenario $short
    yes "sim as JSON" '  "replications": 2,' sim $scenario --json $short
    run sim $scenario $short --set cells.de.servers_per_zone=1 --set load=1.5
    judge "sim with too few servers" 1 "FAIL  availability of DE" \
        "warning: cells.de: catalog is offered 113 % of what its 3 servers can do"
    no "--set cells.de.servers_per_zone=1 alone" "FAIL  availability of DE is" sim $scenario \
        --set cells.de.servers_per_zone=1 --replications 2
    yes "the seed is the one given" ", seed 77" sim $scenario $short --seed 77
    yes "--set reaches both files" "de    x " sim $scenario $short --set policy.timeout=2s \
        --set expect.0.max=1 --set cells.de.zone_rtt=1ms --set 'services={"x":{"time":"1ms"}}'
}
refused "--set of nobody's key" 'neither a scenario nor a topology has a key "nosuch"' \
    sim $scenario --set nosuch.x=1
refused "--set of an unknown key names its file and path" \
    "sim-configs/three-countries.json: cells.de.nosuch: unknown key" \
    sim $scenario --set cells.de.nosuch=1
refused "a topology that is missing" "sim-configs/nosuch.json: No such file or directory" \
    sim $scenario --set topology=nosuch.json
refused "a scenario for its own topology" "is a scenario; expected a topology" \
    sim $scenario --set topology=zone-loss-at-peak.json
refused "a fault on nothing" 'faults[0].scope: cell de has no zone "z"' \
    sim $scenario --set faults.0.scope=de/z
refused "a fault on a server that is not planned" \
    "zone de/a has 3 servers of catalog, so no de/a/catalog-4" \
    sim $scenario --set faults.0.kind=server-down --set faults.0.scope=de/a/catalog-4
yes "no load is no failure" "none, no request was lost" sim $scenario --set load=0 --set 'expect=[]'
no "but nothing can be expected of it" "FAIL  availability of GB is not known, expected at least" \
    sim $scenario --set load=0

# ---- service times from a file, and models that cannot be ----

mkdir "$work/data"
printf 'latency_ms\n10\n20\n60\n' >"$work/data/times.csv"
cat >"$work/measured.json" <<'END'
{"countries": {"GB": {"peak_rps": 50, "curve": "flat"}},
 "cells": {"gb": {"zones": ["a", "b"], "servers_per_zone": 1}},
 "services": {"shop": {"spread": "empirical", "times": "data/times.csv", "concurrency": 1}},
 "tolerance": {"zones": 0, "servers": 0}}
END
echo '{"topology": "measured.json", "duration": "5m", "replications": 2}' >"$work/measure.json"
yes "check reads the times beside the topology" "measured.json: ok" check "$work/measured.json"
no "and plans with their mean, 30ms" '"busy": 0.75' plan --json "$work/measured.json"
yes "sim draws from them" "gb    shop" sim "$work/measure.json"
run sim "$work/measure.json" --set load=2
judge "sim warns of an overload that has no end" 0 "gb    shop" "warning: cells.gb: shop is offered \
150 % of what its 2 servers can do for the whole run: it will shed about 33 %, more if they time out"
yes "and does so in JSON" '"cells.gb: shop is offered 150 % of what its 2 servers can do for' \
    sim "$work/measure.json" --set load=2 --json
run sim "$work/measure.json" --set 'services.shop={"spread":"pareto","tail":1.5}'
judge "sim warns of an infinite variance" 0 "gb    shop" \
    "warning: services.shop.tail: 1.5 makes the variance infinite"
refused "sim of a spread without a mean" "measured.json: services.shop.tail: expected more than 1" \
    sim "$work/measure.json" --set 'services.shop={"spread":"pareto","tail":1}'
refused "times that are not there" \
    "measured.json: services.shop.times: $work/data/nosuch.csv: No such file or directory" \
    sim "$work/measure.json" --set services.shop.times=data/nosuch.csv
printf '10\n20ms\nsixty\n' >"$work/data/bad.csv"
refused "times that are none, with file and line" \
    "measured.json: services.shop.times: $work/data/bad.csv:3: expected a time" \
    sim "$work/measure.json" --set services.shop.times=data/bad.csv

# ---- a full disk ----

full() { # arguments
    "$BULKHEAD" "$@" >/dev/full 2>"$work/err"
    status=$?
    : >"$work/out"
    judge "$* onto a full disk" 2 "" "bulkhead: cannot write the output"
}
if [ -c /dev/full ]; then
    full help
    full version
    full check "$smallest"
    full check --schema topology
    full plan "$smallest"
    full plan --json "$smallest"
else
    skip "a full disk" "no /dev/full"
fi
"$BULKHEAD" plan "$smallest" >&- 2>"$work/err"
status=$?
: >"$work/out"
judge "a closed stdout" 2 "" "bulkhead: cannot write the output"

# ---- Ctrl-C ----

# Processor time of $pid in hundredths of a second; empty when it has gone.
worked() { awk '{ print $14 + $15 }' "/proc/$pid/stat" 2>/dev/null; }

# Start, wait until it is well under way, interrupt it.
interrupted() { # arguments
    "$BULKHEAD" "$@" >"$work/out" 2>"$work/err" </dev/null &
    pid=$!
    tries=0
    while [ "$(worked)" -lt 50 ] 2>/dev/null && [ $tries -lt 1200 ]; do
        tries=$((tries + 1))
        sleep 0.05
    done
    kill -INT "$pid"
    wait "$pid"
    status=$?
    pid=
}
if [ -r "/proc/$$/stat" ]; then
    # Many short replications: some have ended by then, and most have not.
    echo '{"topology": "smallest.json", "duration": "1s", "start": "peak GB",
        "replications": 100000}' >"$work/many.json"
    interrupted sim "$work/many.json" --jobs 1
    judge "Ctrl-C prints what is known" 1 "(stopped: what is known so far)" ""
    grep -q '^GB  ' "$work/out" && sed -n '$p' "$work/out" | grep -q ' events in .*, digest '
    verdict "to its end" $?
    interrupted sim "$work/many.json" --jobs 2 --json
    judge "Ctrl-C prints JSON too" 1 '  "stopped": true,' ""
    [ "$(sed -n '$p' "$work/out")" = '}' ] && ! grep -q '"replications": 100000,' "$work/out"
    verdict "to its end as well" $?
    # One long replication: nothing is known yet.
    echo '{"topology": "smallest.json", "duration": "2d", "replications": 1}' >"$work/one.json"
    interrupted sim "$work/one.json"
    judge "Ctrl-C before anything is known" 1 "" "stopped before the first replication had ended"
    interrupted demo
    judge "Ctrl-C ends a demo as a whole" 2 "1. How many servers" "bulkhead: stopped"
    grep -q "EXPECTED" "$work/out"
    verdict "with no row of half a run" $((1 - $?))
else
    skip "Ctrl-C" "no /proc to see when it is under way"
fi

echo "1..$n"
