#!/bin/sh
# --report: the page is whole, a browser draws all of it, and nothing in it can break out.
set -u

: "${BULKHEAD:=build/release/bulkhead}"
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
n=0
verdict() { # claim, 0 when it holds
    n=$((n + 1))
    [ "$2" -eq 0 ] && echo "ok $n - $1" || echo "not ok $n - $1"
}

# Open $dir/NAME.html in a browser; what it made of it goes to $dir/NAME.dom, what it said to
# $dir/NAME.log. #look makes the page tell what it drew, and click every table's first title twice.
browse() {
    sandbox=
    [ "$(id -u)" -ne 0 ] || sandbox=--no-sandbox
    # shellcheck disable=SC2086 # an option or none
    chromium --headless $sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
        --user-data-dir="$dir/profile" --enable-logging=stderr --window-size=1280,1024 \
        --dump-dom "file://$dir/$1.html#look" >"$dir/$1.dom" 2>"$dir/$1.log"
}
drawn() { # of NAME: a line for each chart, as "series points empty ink"
    tr '>' '\n' <"$dir/$1.dom" | sed -n 's/.*data-drawn="\([^"]*\)".*/\1/p' | sed 's/&quot;/"/g' |
        sed 's/.*"series":\([0-9]*\),"points":\([0-9]*\),"empty":\([0-9]*\),"ink":\([0-9.]*\).*/\1 \2 \3 \4/'
}
looks_well() { # NAME, how many charts at least
    browse "$1"
    set -- "$1" "$2" "$(grep -o '<figure class="chart"' "$dir/$1.html" | wc -l)"
    [ "$3" -ge "$2" ]
    verdict "$1: has its charts" $?
    set -- "$1" "$3"
    grep -q "<html[^>]* data-charts=\"$2\" data-figures=\"$2\" data-errors=\"\"" "$dir/$1.dom"
    verdict "$1: all $2 charts are there, and no error" $?
    [ "$(drawn "$1" | awk '$1 >= 1 && $2 >= 2 && $3 == 0 && $4 > 0.005' | wc -l)" -eq "$2" ]
    verdict "$1: every series of every chart has points, and ink on the page" $?
    ! grep -q CONSOLE "$dir/$1.log"
    verdict "$1: the console stays empty" $?
    ! grep -qiE '<[^>]*[ "](src|href|action)=' "$dir/$1.html" && ! grep -q '@import\|url(' "$dir/$1.html"
    verdict "$1: asks for nothing outside" $?
    [ "$(wc -c <"$dir/$1.html")" -lt 2000000 ]
    verdict "$1: is under 2 MB" $?
}
order() { # the first column of the table behind a heading, as the browser shows it
    tr '\n' ' ' <"$dir/$1.dom" | sed "s/.*>$2<//; s/<\/table>.*//" | grep -o '<tr><td[^>]*>[^<]*' |
        sed 's/.*>//' | tr '\n' ' '
}

# ---- a simulation ----
loss=sim-configs/region-loss.json
"$BULKHEAD" sim "$loss" --replications 2 >"$dir/plain.txt"
"$BULKHEAD" sim "$loss" --replications 2 --report "$dir/sim.html" >"$dir/report.txt"
verdict "a simulation writes its report" $?
[ "$(grep -o 'digest .*' "$dir/plain.txt")" = "$(grep -o 'digest .*' "$dir/report.txt")" ]
verdict "and the answer is the same" $?
looks_well sim 7
"$BULKHEAD" sim "$loss" --replications 2 --json >"$dir/sim.json"
requests=$(grep -o '"requests": *[0-9]*' "$dir/sim.json" | head -1 | grep -o '[0-9]*$')
tr '\n' ' ' <"$dir/sim.dom" | grep -q "data-v=\"$requests\""
verdict "its numbers are those of --json" $?
[ "$(order sim Countries)" = "GB DE " ] && grep -q '<td class="l">DE</td>.*' "$dir/sim.html"
verdict "a click on a title sorts" $?
grep -q 'class="heat"[^>]*>100 %' "$dir/sim.dom" && grep -q 'class="heat"[^>]*>0<' "$dir/sim.dom"
verdict "the heat map says who lost what" $?

# ---- a sweep ----
cat >"$dir/sweep.json" <<END
{"topology": "$PWD/sim-configs/three-countries.json", "start": "peak DE", "duration": "20s", "warmup": "5s",
 "replications": 2, "sweep": [{"path": "load", "values": [0.5, 1]},
 {"path": "services.catalog.queue", "values": [4, 8, 16]}]}
END
"$BULKHEAD" sim "$dir/sweep.json" --report "$dir/sweep.html" >/dev/null
verdict "a sweep writes its report" $?
looks_well sweep 7

# ---- a plan ----
"$BULKHEAD" plan sim-configs/three-countries.json --demand sim-configs/data/orders.csv \
    --demand-scale 100000 --frontier --report "$dir/plan.html" >"$dir/plan.txt"
verdict "a plan writes its report" $?
looks_well plan 7
servers=$(sed -n 's/^apart *\([0-9,]*\) servers.*/\1/p' "$dir/plan.txt")
tr '\n' ' ' <"$dir/plan.dom" | grep -q "<dt>Servers</dt><dd>$servers<"
verdict "it has the servers that are printed: $servers" $?
ratio=$(sed -n 's/.*busiest hour of all together.*ratio of //p' "$dir/plan.txt")
grep -q "<strong>$ratio</strong>" "$dir/plan.dom"
verdict "and the ratio of peaks: $ratio" $?

# ---- somebody else's words ----
evil='</script><img src=x onerror=document.title=1>&"'"'"
cat >"$dir/e.json" <<'END'
{"countries": {"GB": {"peak_rps": 50, "curve": "flat"}, "DE": {}},
 "about": "</pre><script>document.title = 'owned'</script>"}
END
cat >"$dir/<b>evil.json" <<'END'
{"topology": "e.json", "duration": "3s", "faults": [
 {"kind": "server-down", "scope": "gb/a/catalog-1", "at": "1s", "for": "1s"}],
 "about": "</script></title><img src=x onerror=\"document.title='owned'\">"}
END
"$BULKHEAD" sim "$dir/<b>evil.json" --set "about=\"$(printf '%s' "$evil" | sed 's/"/\\"/g')\"" \
    --report "$dir/evil.html" >/dev/null
verdict "hostile names are only names; and 3 s are enough for charts" $?
looks_well evil 6
grep -q '<title>&lt;b&gt;evil - Bulkhead simulation</title>' "$dir/evil.dom" &&
    ! grep -q '<img\|<b>' "$dir/evil.dom"
verdict "they stay text" $?

# ---- where it goes ----
fails() { # claim, sentence, path
    "$BULKHEAD" sim "$dir/<b>evil.json" --report "$3" >"$dir/out" 2>"$dir/err"
    [ $? -eq 2 ] && grep -qF -- "$2" "$dir/err"
    verdict "$1" $?
}
fails "a full disk is told" "/dev/full: No space left on device" /dev/full
[ -c /dev/full ]
verdict "and a device stays one" $?
fails "a folder is none" "Is a directory" "$dir"
fails "nor is what lies in no folder" "No such file or directory" "$dir/none/report.html"
[ ! -s "$dir/out" ]
verdict "and that is told before the work" $?
echo old >"$dir/old.html"
(
    trap '' XFSZ
    ulimit -f 20
    "$BULKHEAD" sim "$dir/<b>evil.json" --report "$dir/old.html" >/dev/null 2>"$dir/err"
)
[ $? -eq 2 ] && [ "$(cat "$dir/old.html")" = old ] && grep -q "old.html: File too large" "$dir/err"
verdict "what cannot be written as a whole leaves the old one" $?
ln -s old.html "$dir/link.html"
"$BULKHEAD" sim "$dir/<b>evil.json" --report "$dir/link.html" >/dev/null
[ -h "$dir/link.html" ] && grep -q '</html>' "$dir/old.html"
verdict "an old one is replaced, behind a link too" $?
! ls "$dir"/*.new >/dev/null 2>&1
verdict "and nothing is left beside it" $?
echo "1..$n"
