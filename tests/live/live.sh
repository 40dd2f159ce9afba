# shellcheck shell=sh
# What the scripts of this folder share; they source it from the project's folder. BULKHEAD is the
# program, $dir the state folder of the system that a script starts, which ends with the script.
: "${BULKHEAD:=build/release/bulkhead}"
work=$(mktemp -d)
dir=$work/state
n=0
clean_more() { :; } # a script's own
clean() {
    clean_more
    timeout 60 "$BULKHEAD" down --state "$dir" >/dev/null 2>&1
    rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' HUP INT TERM

verdict() { # claim, 0 or what is wrong
    n=$((n + 1))
    if [ "$2" = 0 ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1: $2"
        sed 's/^/# /' "$work"/*.out | tail -n 60
    fi
}

until_so() { # command
    end=$(($(date +%s) + 60))
    until "$@"; do
        [ "$(date +%s)" -lt "$end" ] || return 1
        sleep 0.05 # between two looks, not for luck
    done
}
