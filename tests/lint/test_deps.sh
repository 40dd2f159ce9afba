#!/bin/sh
# tests/deps.sh, in a world where it finds what we put there and apt-get only writes down its orders.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0

tool() { # NAME [TEXT]
    printf '#!/bin/sh\n%s\n' "${2:-:}" >"$work/bin/$1"
    chmod +x "$work/bin/$1"
}

# A machine of root's where all is well.
machine() {
    rm -rf "${work:?}"/*
    mkdir "$work/bin"
    for name in sh cat env find sed; do
        ln -s "$(command -v "$name")" "$work/bin/$name"
    done
    for name in gcc ar pkg-config clang clang-format shellcheck tmux chromium; do
        tool "$name"
    done
    tool clang "echo '$work'" # its -print-resource-dir
    mkdir "$work/locales"
    : >"$work/locales/de_DE"
    : >"$work/libclang_rt.fuzzer-x86_64.a"
    tool id 'echo 0'
    # shellcheck disable=SC2016
    tool apt-get 'echo "$@" >>"'"$work"'/orders"'
    : >"$work/orders"
}

# expect CLAIM STATUS WORDS ORDER FOR...: WORDS are in the output, ORDER is what apt-get got last.
expect() {
    claim=$1 status=$2 words=$3 order=$4
    shift 4
    count=$((count + 1))
    PATH=$work/bin I18NPATH=$work sh tests/deps.sh "$@" >"$work/out" 2>&1
    got=$?
    orders=$(sed -n '$s/^.*--no-install-recommends //p' "$work/orders")
    if [ "$got" -eq "$status" ] && [ "$orders" = "$order" ] &&
        { [ -z "$words" ] || grep -qF -e "$words" "$work/out" "$work/orders"; }; then
        echo "ok $count - $claim"
    else
        echo "not ok $count - $claim"
        echo "# expected $status, '$words' and the order '$order'; got $got, '$orders' and:"
        sed 's/^/# | /' "$work/out"
    fi
}

machine
expect 'all is there: nothing is ordered' 0 '' '' build test lint fuzz
count=$((count + 1))
if [ -s "$work/out" ]; then
    echo "not ok $count - and nothing said"
else
    echo "ok $count - and nothing said"
fi

machine
rm "$work/bin/clang-format" "$work/bin/clang"
expect 'what is missing is ordered, once' 0 'missing: clang ' 'clang clang-format' test lint

machine
rm "$work/bin/clang"
expect 'what nobody asked for is not' 0 '' '' build

machine
rm "$work/bin/gcc" "$work/bin/pkg-config"
expect 'the lists are fetched first' 0 'update' \
    'gcc libc6-dev pkg-config libcjson-dev libuv1-dev libsqlite3-dev libncurses-dev zlib1g-dev' build

machine
rm "$work/libclang_rt.fuzzer-x86_64.a"
expect 'clang without its runtime is not enough' 0 '' 'libclang-rt-dev' fuzz

machine
rm "$work/bin/clang" "$work/bin/apt-get"
expect 'without apt-get it says what to install' 1 'please install: clang' '' test

machine
rm "$work/bin/clang"
tool id 'echo 1000'
expect 'without root and sudo it says so' 1 'there is no sudo; please install: clang' '' test
# shellcheck disable=SC2016
tool sudo 'exec "$@"'
expect 'sudo is used when it is there' 0 '' 'clang' test

machine
rm "$work/bin/clang"
tool apt-get 'exit 100'
expect 'a failing apt-get is not hidden' 1 'apt-get install failed; please install: clang' '' test

# shellcheck disable=SC2016
tool apt-get '[ "$4" != update ] || exit 100; echo "$@" >>"'"$work"'/orders"'
expect 'lists that cannot be fetched do not stop it' 0 'update failed' 'clang' test

echo "1..$count"
