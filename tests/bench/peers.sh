#!/bin/sh
# peers.sh [ROUNDS] - our engine beside other simulators, by the two workloads of floors.h.
#
# The others are Debian's packages; what is missing is installed by tests/deps.sh. In each round
# everything runs once, so that whatever else the machine does falls on all. Prints a table in
# Markdown: millions of events per second of process CPU time, the median of the rounds, and how
# many times as many our engine handles, the median of the rounds' ratios. Some two minutes a round.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/../.."
rounds=${1:-5}
: "${BULKHEAD:=build/release/bulkhead}"
out=build/release/peers
python=/usr/bin/python3 # Debian's, which has Debian's modules

sh tests/deps.sh build peers
mkdir -p $out
compile() { # name, library
    g++ -std=c++17 -O3 -I. "tests/bench/peers/$1.cpp" build/release/libpure.a -o "$out/$1" "-l$2"
}
compile ns3 ns3-core
compile simgrid simgrid
: >$out/rates

# One figure of a peer goes to the file as "ROUND NAME WORKLOAD EVENTS_PER_S"; its check must hold.
measure() { # name, workload, what `check` should be, command
    name=$1 workload=$2 expected=$3
    shift 3
    printf '\r\033[Kround %s of %s: %s, %s' "$round" "$rounds" "$name" "$workload" >&2
    "$@" >$out/answer
    awk -v line="$round $name $workload" -v want="$expected" '
        { print line, $1 }
        $2 < 0.85 * want || $2 > 1.15 * want { print line ": got " $2 >"/dev/stderr"; exit 1 }
    ' $out/answer >>$out/rates
}

all() { # name, events of mm1, of hold with 10^3, 10^5, 10^6 pending, command
    peer=$1 mm1=$2 few=$3 many=$4 most=$5
    shift 5
    measure "$peer" mm1 10 "$@" mm1 "$mm1"
    measure "$peer" 1000 1 "$@" hold "$few" 1000
    measure "$peer" 100000 1 "$@" hold "$many" 100000
    measure "$peer" 1000000 1 "$@" hold "$most" 1000000
}

round=1
while [ "$round" -le "$rounds" ]; do
    printf '\r\033[Kround %s of %s: bulkhead' "$round" "$rounds" >&2
    "$BULKHEAD" bench sim --json >$out/engine.json
    awk -v round="$round" '
        /"(mm1|1000|100000|1000000)": \{/ { split($0, part, "\""); workload = part[2] }
        /"events_per_s"/ { print round, "bulkhead", workload, $2 + 0 }
        /"floor_events_per_s"/ { print round, "plain_C,_for_this_workload_alone", workload, $2 + 0 }
    ' $out/engine.json >>$out/rates
    PEER_SCHEDULER=PriorityQueue all ns-3,_fastest_list 6000000 4000000 3000000 2000000 $out/ns3
    PEER_SCHEDULER=Map all ns-3,_default_list 6000000 3000000 2000000 1000000 $out/ns3
    all SimGrid,_timers 4000000 3000000 1500000 1000000 $out/simgrid
    all SimPy,_processes 1000000 1000000 300000 300000 $python tests/bench/peers/simpy.py
    round=$((round + 1))
done
printf '\r\033[K' >&2

# Medians by insertion sort: there are few.
awk -v rounds="$rounds" '
function median(list,   n, value, i, k, swap) {
    n = split(list, value, " ")
    for (i = 2; i <= n; i++)
        for (k = i; k > 1 && value[k - 1] + 0 > value[k] + 0; k--) {
            swap = value[k]; value[k] = value[k - 1]; value[k - 1] = swap
        }
    return n % 2 ? value[(n + 1) / 2] : (value[n / 2] + value[n / 2 + 1]) / 2
}
function digits(x) { return x < 0.1 ? sprintf("%.3f", x) : x < 10 ? sprintf("%.2f", x) : sprintf("%.1f", x) }
{
    if (!($2 in seen)) { seen[$2] = 1; name[++names] = $2 }
    rate[$1, $2, $3] = $4
}
END {
    split("mm1 1000 100000 1000000", workload, " ")
    print "| million events/s | M/M/1 at 0.9 | hold 10^3 | hold 10^5 | hold 10^6 |"
    print "| --- | --- | --- | --- | --- |"
    for (n = 1; n <= names; n++) {
        who = name[n]
        label = who
        gsub("_", " ", label)
        printf "| %s |", label
        for (w = 1; w <= 4; w++) {
            rates = ratios = ""
            for (r = 1; r <= rounds; r++) {
                rates = rates " " rate[r, who, workload[w]]
                ratios = ratios " " rate[r, "bulkhead", workload[w]] / rate[r, who, workload[w]]
            }
            printf " %s", digits(median(rates) / 1e6)
            printf who == "bulkhead" ? " |" : " (%sx) |", digits(median(ratios))
        }
        print ""
    }
}' $out/rates
