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
looks_well sim 12
"$BULKHEAD" sim "$loss" --replications 2 --json >"$dir/sim.json"
requests=$(grep -o '"requests": *[0-9]*' "$dir/sim.json" | head -1 | grep -o '[0-9]*$')
tr '\n' ' ' <"$dir/sim.dom" | grep -q "data-v=\"$requests\""
verdict "its numbers are those of --json" $?
[ "$(order sim Countries)" = "GB DE " ] && grep -q '<td class="l">DE</td>.*' "$dir/sim.html"
verdict "a click on a title sorts" $?
grep -q 'class="heat"[^>]*>100 %' "$dir/sim.dom" && grep -q 'class="heat"[^>]*>0<' "$dir/sim.dom"
verdict "the heat map says who lost what" $?

values() { # of NAME, chart TITLE, series NAME: the points' second numbers, as the page has them
    tr -d '\n' <"$dir/$1.html" |
        sed "s/.*<h3>$2<\/h3>//; s/<\/script>.*//; s/.*\"name\":\"$3\",\"points\":\[//; s/\]\].*//" |
        sed 's/\],\[/\n/g' | sed 's/.*,//'
}
values sim Headroom "spare share of the tightest service" | awk '$1 == "0" { none = 1 } $1 > 20 { some = 1 }
    END { exit !(none && some) }'
verdict "headroom is nothing while a region is down, and something before" $?
values sim Latency "p99.9" | grep -q '^[0-9.]*$'
verdict "p99.9 has its line" $?
counted=$(tr -d '\n ' <"$dir/sim.json" | sed 's/.*"counted":{"countries":[0-9]*,"customers":\([0-9.]*\).*/\1/')
percent=$(awk -v c="$counted" 'BEGIN { printf "%.1f %%", c * 100 }')
grep '<dt>Blast radius, counted' "$dir/sim.html" | grep -q "with $percent of the customers"
verdict "what is counted stands beside what was simulated: $percent of the customers" $?

# ---- beside others: a baseline, a measurement, and what --db knows already ----
cat >"$dir/pair.json" <<END
{"topology": "$PWD/sim-configs/three-countries.json", "start": "peak DE", "duration": "12s", "warmup": "2s",
 "replications": 2, "faults": [{"kind": "cell-down", "scope": "gb", "at": "6s", "for": "3s"}]}
END
sed 's/"faults".*/"faults": []}/' "$dir/pair.json" >"$dir/calm.json"
cat >"$dir/load.json" <<'END'
{"what": "load", "port": 1, "seed": 1, "stopped": false, "wall_s": 10, "rate": null, "rps": 99, "late_ms_max": 1,
 "in_flight_peak": 9, "smart": {}, "span_ms": 1000, "timeline": [], "all": {"requests": 1000, "ok": 990, "p50_ms": 21, "p99_ms": 77.5, "p999_ms": null},
 "countries": {"GB": {"requests": 1000, "ok": 990, "p50_ms": 21, "p99_ms": 77.5, "p999_ms": null}}}
END
program=$(realpath "$BULKHEAD")
pair() { # NAME
    (cd "$dir" && "$program" sim pair.json --baseline calm.json --measured load.json --db runs.db \
        --report "$1.html" --json >"$1.json.out" 2>"$dir/err")
}
pair pair && pair again
verdict "a simulation beside a baseline and a measurement writes its report" $?
looks_well pair 15
[ "$(grep -v -- --report "$dir/pair.html" | cksum)" = "$(grep -v -- --report "$dir/again.html" | cksum)" ] &&
    grep -q 'run 1 goes on: it has 2 replications' "$dir/err"
verdict "what --db knew already has the same courses" $?
lost=$(tr -d '\n ' <"$dir/pair.json.out" |
    sed 's/.*"differences":{"GB":{"availability":{"mean":\([-0-9.]*\).*/\1/')
points=$(awk -v l="$lost" 'BEGIN { printf "%+.3g", l * 100 }')
awk -v l="$lost" 'BEGIN { exit !(l < -0.2 && l > -0.4) }' && # 3 of 10 s
    grep -qF -- "$points % points to the baseline" "$dir/pair.html"
verdict "the difference is that of --json: $points points" $?
grep -q '"GB p99"' "$dir/pair.html" && grep -q '"measured","values":\[21,77.5\]' "$dir/pair.html" &&
    grep -q '"measured","values":\[1\],"low":\[0.54' "$dir/pair.html" # 10 of 1,000, by Wilson
verdict "what was measured stands beside what was simulated" $?
values pair "" "measured, all countries" | grep -qx 21
verdict "and as far as it says something, among the percentiles" $?
tr -d '\n' <"$dir/pair.html" |
    grep -q '<td class="l">a</td><td class="l">cell-down</td>.*>3 s (3 .. 3)<'
verdict "a fault has its times" $?
echo '{}' >"$dir/nothing.json"
for bad in "--baseline $dir/none.json" "--measured $dir/nothing.json --report $dir/x.html" "--baseline $dir/load.json" \
    "--measured $dir/pair.json --report $dir/x.html" "--measured $dir/load.json"; do
    # shellcheck disable=SC2086 # two words or four
    "$BULKHEAD" sim "$dir/calm.json" $bad >"$dir/out" 2>"$dir/err"
    [ $? -eq 2 ] && [ ! -s "$dir/out" ] && [ -s "$dir/err" ]
    verdict "refused: ${bad%% *}: $(sed 's/.*\///; 1q' "$dir/err")" $?
done

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
