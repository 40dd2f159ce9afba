#!/bin/sh
# tests/run.sh itself: what must count as a failure does.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
unset BUILD

# script TEXT: one more test for the runner to run.
script() {
    name=$work/test_$(find "$work" -name 'test_*' | wc -l)
    printf '#!/bin/sh\n%s\n' "$1" >"$name"
    chmod +x "$name"
}

# expect CLAIM STATUS LAST_LINE [WORDS]: run the scripts; WORDS must be in the output.
expect() {
    count=$((count + 1))
    TEST_JOBS=2 TEST_SECONDS_MAX=2 sh tests/run.sh "$work"/test_* >"$work/out" 2>&1
    got=$?
    if [ "$got" -eq "$2" ] && [ "$(tail -n 1 "$work/out")" = "$3" ] &&
        grep -qF -e "${4:-}" "$work/out"; then
        echo "ok $count - $1"
    else
        echo "not ok $count - $1"
        echo "# expected exit status $2 and '$3', with '${4:-}'; got exit status $got and:"
        sed 's/^/# | /' "$work/out"
    fi
    rm -f "$work"/test_*
}

good='echo 1..2; echo ok 1 - a; echo ok 2 - b'

script "$good"
script 'echo 1..1; echo "ok 1 - c"'
expect 'tests that pass are added up' 0 '3 passed, 0 failed'

script "$good"
script 'echo 1..2; echo ok 1 - a; echo not ok 2 - b; echo "# because"; exit 1'
expect 'a test that fails is counted and shown' 1 '3 passed, 1 failed' '# because'

script 'echo 1..2; echo ok 1 - a; echo not ok 2 - b'
expect 'a test that fails counts, whatever the exit status' 1 '1 passed, 1 failed'

# shellcheck disable=SC2016
script "$good"'; kill -SEGV $$'
expect 'a crash after the last test is a failure' 1 '2 passed, 1 failed' 'crashed with signal 11'

# shellcheck disable=SC2016
script 'echo 1..2; echo ok 1 - a; kill -ABRT $$'
script "$good"
expect 'a crash on the way is a failure' 1 '3 passed, 1 failed' 'crashed with signal 6'

script 'echo 1..3; echo ok 1 - a; echo ok 2 - b'
expect 'fewer tests than planned are a failure' 1 '2 passed, 1 failed' 'planned 3 tests and ran 2'

script 'echo 1..1; echo ok 1 - a; echo ok 2 - b'
expect 'more tests than planned are a failure' 1 '2 passed, 1 failed' 'planned 1 tests and ran 2'

script 'echo ok 1 - a'
expect 'a missing plan is a failure' 1 '1 passed, 1 failed' 'printed no plan'

script ':'
expect 'silence is a failure' 1 '0 passed, 1 failed' 'printed no plan'

script 'echo 1..0'
expect 'an empty plan is a failure' 1 '0 passed, 1 failed' 'ran no test'

script "$good; exit 23"
expect 'an exit status alone, as of a leak, is a failure' 1 '2 passed, 1 failed' 'exit status 23'

script 'echo 1..2; echo ok 1 - a; echo "not ok 2 # SKIP b"'
expect 'a test left out is neither' 0 '1 passed, 0 failed' '(1 skipped)'

script "$good; sleep 30"
expect 'a test that hangs is ended' 1 '2 passed, 1 failed' 'TEST_SECONDS_MAX'

expect 'a program that is not there is a failure' 1 '0 passed, 1 failed' 'test_*'

count=$((count + 1))
if last=$(sh tests/run.sh) || [ "$last" != '0 passed, 1 failed' ]; then
    echo "not ok $count - no tests at all are a failure"
else
    echo "ok $count - no tests at all are a failure"
fi
echo "1..$count"
