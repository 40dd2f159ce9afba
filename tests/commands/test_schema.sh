#!/bin/sh
# The schemas in docs/ are what BULKHEAD prints. To make one anew:
#     build/release/bulkhead check --schema plan >docs/plan.schema.json
set -u

: "${BULKHEAD:=build/release/bulkhead}"
n=0
verdict() { # claim, 0 when it holds
    n=$((n + 1))
    [ "$2" -eq 0 ] && echo "ok $n - $1" || echo "not ok $n - $1"
}

for kind in topology scenario plan sim sweep bench bench_live bench_plan latency load map replay status \
    validate; do
    [ -s "docs/$kind.schema.json" ]
    verdict "there is docs/$kind.schema.json" $?
done
for file in docs/*.schema.json; do
    kind=${file#docs/}
    kind=${kind%.schema.json}
    "$BULKHEAD" check --schema "$kind" | cmp - "$file" >&2
    verdict "$file is what check --schema $kind prints" $?
done
echo "1..$n"
