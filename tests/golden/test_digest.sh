#!/bin/sh
# The same inputs and seed give the same digest: for any number of threads, from every compiler at
# every level. BULKHEADS are the programs to compare, made by `make test`; alone it takes BULKHEAD.
set -u
expected=$(cat tests/golden/digest.txt)
n=0

digest_of() { # program, further options
    program=$1
    shift
    "$program" sim sim-configs/zone-loss-at-peak.json --json --seed 7 --replications 3 "$@" \
        --set load=0.2 --set policy.timeout=60ms | sed -n 's/^  "digest": "\(.*\)",$/\1/p'
}

check() { # claim, digest
    n=$((n + 1))
    if [ "$2" = "$expected" ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1: got '$2', expected '$expected'"
    fi
}

for program in ${BULKHEADS:-$BULKHEAD}; do
    check "$program gives the golden digest" "$(digest_of "$program")"
done
for jobs in 1 2 3; do
    check "$jobs threads give it too" "$(digest_of "$BULKHEAD" --jobs "$jobs")"
done
echo "1..$n"
