#!/bin/sh
# run.sh COMMAND... - run tests and count them.
#
# Each argument is a command line: a test program, or a script with its shell. It prints TAP, a
# plan ("1..2") and a line per test ("ok 1 - claim", "not ok 2 - claim"; cmocka does so when asked),
# and exits 0 when all is well. One that crashes, hangs, prints no plan, runs other than it planned,
# or runs nothing counts as a failure, whatever it printed. Prints a line per command, the output of
# those that failed, and last "N passed, N failed"; exits 1 unless all passed.
#
# BUILD            is left out of the names shown; "$BUILD/result" gets a copy of the last line
# TEST_JOBS        how many run at a time; else one per processor, at most 4
# TEST_SECONDS_MAX before a command counts as hanging; else 900
set -u

# Read TAP, print "PASSED FAILED SKIPPED REASON"; the reason is empty when the output keeps its word.
count() {
    awk -v status="$1" '
        /^1\.\.[0-9]+/ { plans++; planned += substr($1, 4); next }
        !/^(not )?ok([ \t]|$)/ { next }
        / # [Ss][Kk][Ii][Pp]/ { skipped++; next } # cmocka says "not ok 3 # SKIP name"
        /^ok/ { passed++; next }
        { failed++ }
        END {
            ran = passed + failed + skipped
            if (status == 124 || status == 137)
                why = "killed after TEST_SECONDS_MAX, or by someone"
            else if (status > 128)
                why = "crashed with signal " status - 128
            else if (!plans)
                why = "printed no plan"
            else if (ran != planned)
                why = "planned " planned " tests and ran " ran + 0
            else if (!ran)
                why = "ran no test"
            else if (status != 0 && !failed)
                why = "exit status " status ", yet no test failed"
            print passed + 0, failed + (why != ""), skipped + 0, why
        }' "$2"
}

one() {
    out=$(mktemp "$work/out.XXXXXX")
    start=$(date +%s%N)
    # Unquoted: the words of a command line.
    # shellcheck disable=SC2086
    timeout -k 10 "${TEST_SECONDS_MAX:-900}" $1 >"$out" 2>&1 </dev/null
    counts=$(count $? "$out")
    end=$(date +%s%N)
    name=${1##* } # the last word: of "sh SCRIPT" the script
    name=${name#"${BUILD:-}/"}
    echo "$counts" | {
        read -r passed failed skipped why
        [ "$failed" -eq 0 ] && verdict='ok  ' || verdict=FAIL
        [ "$skipped" -eq 0 ] && skips='' || skips=" ($skipped skipped)"
        printf '%s  %-44s %4d tests %6d ms%s\n' "$verdict" "$name" "$((passed + failed))" \
            "$(((end - start) / 1000000))" "$skips"
        if [ "$failed" -ne 0 ]; then
            sed 's/^/    /' "$out"
            echo "    -- $name: ${why:-$failed failed}"
        fi
    } >"$out.report"
    flock "$work/lock" cat "$out.report" # one report at a time
    echo "$counts" >>"$work/counts"
}

if [ "${1:-}" = --one ]; then
    work=$2
    one "$3"
    exit 0
fi

if [ -z "${TEST_JOBS:-}" ]; then
    TEST_JOBS=$(nproc)
    [ "$TEST_JOBS" -le 4 ] || TEST_JOBS=4
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
: >"$work/counts"
export CMOCKA_MESSAGE_OUTPUT=TAP
for command; do
    printf '%s\n' "$command"
done | xargs -P "$TEST_JOBS" -I '{}' sh "$0" --one "$work" '{}'

# A command without a count never came back to us.
result=$(awk -v commands=$# '
    { passed += $1; failed += $2 }
    END { print passed + 0 " passed, " failed + (commands > NR ? commands - NR : 0) + !NR " failed" }
    ' "$work/counts")
[ -z "${BUILD:-}" ] || printf '%s\n' "$result" >"$BUILD/result"
printf '%s\n' "$result"
case $result in
*' 0 failed') ;;
*) exit 1 ;;
esac
