#!/bin/sh
# deps.sh FOR... - install the Debian packages that are missing: for build, test, lint, fuzz or peers.
#
# What is there is found by use, not by package, so that a compiler of one's own will do; when
# nothing is missing nothing is said, asked or downloaded.
set -u

tool() { command -v "$1" >/dev/null 2>&1; }
file() { [ -e "$1" ]; }
locale() { [ -e "${I18NPATH:-/usr/share/i18n}/locales/$1" ]; }
library() { tool pkg-config && pkg-config --exists "$1"; }
module() { [ -x /usr/bin/python3 ] && /usr/bin/python3 -c "import $1" 2>/dev/null; }
header() { tool gcc && echo "#include <$1>" | gcc -E -x c - >/dev/null 2>&1; }
runtime() { tool clang && [ -n "$(find "$(clang -print-resource-dir)/" -name "$1")" ]; }

# What for, Debian's package, how to see that it is there, and why we want it.
table='
build  gcc              tool gcc                           compiles everything
build  binutils         tool ar                            keeps the archives apart
build  libc6-dev        header stdio.h                     the C library
build  pkg-config       tool pkg-config                    finds libraries
build  libcjson-dev     library libcjson                   reads JSON
build  libuv1-dev       library libuv                      loops, sockets and processes
build  libsqlite3-dev   library sqlite3                    keeps the rows of live cells
build  libncurses-dev   library ncursesw                   draws the dashboard
build  zlib1g-dev       library zlib                       reads compressed demand
build  libjs-chart.js   file /usr/share/javascript/chart.js/chart.min.js  draws the charts of reports
build  node-llhttp      file /usr/share/llhttp/llhttp.c    parses HTTP
test   tmux             tool tmux                          a terminal to run the dashboard in
test   chromium         tool chromium                      opens reports as people do
test   libcmocka-dev    library cmocka                     runs tests
test   locales          locale de_DE                       makes a decimal comma to test with
test   clang            tool clang                         must give the same bits as gcc
lint   clang            tool clang                         warns where gcc does not
lint   clang-format     tool clang-format                  keeps the layout
lint   shellcheck       tool shellcheck                    reads the scripts
fuzz   clang            tool clang                         has libFuzzer
fuzz   libclang-rt-dev  runtime libclang_rt.fuzzer-*       libFuzzer and its sanitizers
peers  g++              tool g++                           compiles the benches of C++ libraries
peers  libns3-dev       file /usr/include/ns3              a simulator to compare with
peers  libsimgrid-dev   file /usr/include/simgrid          another
peers  python3-simpy3   module simpy                       a third
'

missing=
while read -r for package how what why; do
    case " $* " in
    *" $for "*) ;;
    *) continue ;;
    esac
    case "$missing " in
    *" $package "*) continue ;;
    esac
    "$how" "$what" </dev/null && continue
    echo "missing: $package ($why)"
    missing="$missing $package"
done <<END
$(echo "$table" | sed '/^$/d')
END
[ -n "$missing" ] || exit 0

fail() {
    echo "bulkhead: $1; please install:$missing" >&2
    exit 1
}

tool apt-get || fail "no apt-get on this system"
root=
if [ "$(id -u)" -ne 0 ]; then
    tool sudo || fail "installing needs root and there is no sudo"
    root=sudo
fi
apt() {
    $root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 "$@"
}
# A list that cannot be fetched, of some other source, need not stop us.
apt update || echo "bulkhead: apt-get update failed, trying with the lists that are there" >&2
# shellcheck disable=SC2086 # a list of words
apt install -y --no-install-recommends $missing || fail "apt-get install failed"
