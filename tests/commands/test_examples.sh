#!/bin/sh
# Every file of sim-configs: it is valid, what a scenario expects holds, and what its `about` says
# of itself is so. Where that ends a sentence with "which fails here" or says "Where the expectation
# fails", the answer is no; and each --set that it proposes makes the answer no.
set -u

: "${BULKHEAD:=build/release/bulkhead}"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
n=0

verdict() { # claim, 0 or what is wrong
    n=$((n + 1))
    if [ "$2" = 0 ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1: $2"
        sed 's/^/# /' "$work/err"
        sed -n '/"pass"/p; /"mean": [0-9]/p' "$work/out" | sed 's/^/# /' | head -n 20
    fi
}

# What is slow by design runs once; the verdicts hold for a single replication too.
case $BULKHEAD in
*release*) less='' seconds=60 ;;
*) less='--replications 1' seconds=300 ;;
esac

# The answer of a scenario with these options: exit status and "pass" agree, in time.
answers() { # claim, 0 or 1, file, options
    claim=$1 want=$2 file=$3
    shift 3
    # shellcheck disable=SC2086 # a list of words
    timeout "$seconds" "$BULKHEAD" sim "$file" --json $less "$@" \
        >"$work/out" 2>"$work/err" </dev/null
    status=$?
    [ "$want" = 0 ] && pass=true || pass=false
    why=0
    grep -q "^  \"pass\": $pass,\{0,1\}$" "$work/out" || why="no \"pass\": $pass"
    [ "$status" -eq "$want" ] || why="exit status $status, not $want"
    verdict "$claim" "$why"
}

"$BULKHEAD" check sim-configs/*.json >"$work/out" 2>"$work/err"
verdict "check takes all of them" $?

for file in sim-configs/*.json; do
    grep -q '^  "topology":' "$file" || continue
    about=$(sed -n 's/^  "about": "\(.*\)",$/\1/p' "$file")
    name=${file#sim-configs/}
    [ -n "$about" ]
    verdict "$name says what it is" $?
    case $about in
    *'which fails here.'* | *'Where the expectation fails'*)
        answers "$name fails, as it says" 1 "$file" ;;
    *) answers "$name does what it expects" 0 "$file" ;;
    esac
    for set in $(echo "$about" | grep -o -e '--set [A-Za-z0-9_.]*=[A-Za-z0-9_.-]*' |
        sed 's/^--set //; s/[.]$//'); do
        answers "$name is no more so with $set" 1 "$file" --set "$set"
    done
done

echo "1..$n"
