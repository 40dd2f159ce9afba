#!/bin/sh
# plan --demand: orders and request counts of a user's own, from their file to a plan.
set -u

: "${BULKHEAD:=build/release/bulkhead}"
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
n=0
verdict() { # claim, 0 when it holds
    n=$((n + 1))
    [ "$2" -eq 0 ] && echo "ok $n - $1" || echo "not ok $n - $1"
}
plan() { "$BULKHEAD" plan "$dir/shop.json" "$@" >"$dir/out" 2>"$dir/err"; }
says() { grep -qF -- "$1" "$dir/out"; }
fails() { # claim, sentence, arguments: exit status 2, and the sentence
    claim=$1 sentence=$2
    shift 2
    plan "$@"
    [ $? -eq 2 ] && grep -qF -- "$sentence" "$dir/err" && [ ! -s "$dir/out" ]
    verdict "$claim" $?
}

echo '{"countries": ["GB", "DE", "FR"]}' >"$dir/shop.json"
orders=sim-configs/data/orders.csv

# The same numbers by another way: awk counts hours.
want=$(awk -F, 'NR > 1 {
        hour = substr($2, 1, 13); c = ++count[$3, hour]; t = ++all[hour]
        if (c > peak[$3]) peak[$3] = c
        if (t > top) top = t
    }
    END { for (k in peak) sum += peak[k]
          printf "sum of the busiest hours %d, busiest hour of all together %d: a ratio of %.2f",
              sum, top, sum / top }' "$orders")
plan --demand "$orders"
verdict "real orders are planned for" $?
says "$want"
verdict "their peaks are those that awk finds: $want" $?
says "$orders: 2,005 of 2,005 rows, 2010-12-01 08:00 to 2011-12-09 13:00 UTC"
verdict "the span and the rows are said" $?

cp "$dir/out" "$dir/plain"
"$BULKHEAD" plan "$dir/shop.json" --demand "$orders" --json >"$dir/json"
grep -q '"file": "sim-configs/data/orders.csv"' "$dir/json" && grep -q '"used": 2005' "$dir/json"
verdict "--json has them too" $?
"$BULKHEAD" plan "$dir/shop.json" --json | grep -q '"demand": null'
verdict "and null without" $?
gzip -c "$orders" >"$dir/orders.csv.gz"
plan --demand "$dir/orders.csv.gz"
sed 1d "$dir/out" >"$dir/a" && sed 1d "$dir/plain" | cmp -s - "$dir/a"
verdict "compressed they give the same" $?
sed 's/,/;/g; s/$/\r/' "$orders" | sed 's/^\([^;]*;[^;]*;[^;]*;[^;]*;\)\(.*\)\r$/\1"\2"\r/' >"$dir/semi.csv"
plan --demand "$dir/semi.csv"
sed 1d "$dir/out" | cmp -s - "$dir/a"
verdict "with semicolons, quotes and CRLF they give the same" $?
head -c 20000 "$dir/orders.csv.gz" >"$dir/half.csv.gz"
fails "half a gzip is refused" "the compressed file ends in the middle, behind line" \
    --demand "$dir/half.csv.gz"
tail -c 3000 "$dir/orders.csv.gz" >"$dir/tail.csv.gz"
fails "the other half too" "tail.csv.gz" --demand "$dir/tail.csv.gz"

{
    head -20 "$orders"
    echo "1,2011-01-05 10:00,Atlantis,1,x"
    echo "2,yesterday,FR,1,x"
} >"$dir/some.csv"
plan --demand "$dir/some.csv"
verdict "a few bad rows do not stop it" $?
says '! 1 row left out: unknown country ("Atlantis"), line 21' &&
    says '! 1 row left out: a time that cannot be read ("yesterday"), line 22'
verdict "but they are told, with line and reason" $?

plan --demand "$orders" --demand-where country=DE
says "! nothing counted, so as in the topology: GB FR"
verdict "countries without rows are told" $?
plan --demand "$orders" --demand-scale 100000
says "gb" && ! grep -q "^gb .* 0 .*12 " "$dir/out"
verdict "an order may stand for many requests" $?

cat >"$dir/run.json" <<END
{"topology": "shop.json", "start": "peak FR", "duration": "20s", "replications": 2}
END
"$BULKHEAD" sim "$dir/run.json" --demand "$orders" --demand-scale 72000 >"$dir/out" &&
    grep -q '^FR ' "$dir/out" && says "$want"
verdict "a simulation runs on it" $?
# FR's busiest hour has 3 orders: 3 x 72,000 / 3600 s x 20 s x 2 replications, give or take chance.
awk '$1 == "FR" && NF > 8 { gsub(",", "", $2); n = $2 } END { exit !(n > 2200 && n < 2600) }' \
    "$dir/out"
verdict "with as many requests as the file says" $?
"$BULKHEAD" sim "$dir/run.json" --demand "$orders" --db "$dir/runs.db" 2>"$dir/err"
[ $? -eq 2 ] && grep -q -- "--db keeps no runs of other demand" "$dir/err"
verdict "which --db does not keep" $?
fails "a zone that is none" "--demand-zone: expected UTC or local" --demand "$orders" --demand-zone CET
fails "a column that is not there" 'no column "when" (--demand-time); there are invoice,' \
    --demand "$orders" --demand-time when
fails "options without a file" "--demand-zone needs --demand FILE" --demand-zone UTC
fails "a folder" "is a folder, not a file" --demand "$dir"
fails "no file" "No such file" --demand "$dir/none.csv"
fails "a program" "a NUL byte: is it a text at all?" --demand "$BULKHEAD"
printf 'time,country\n2011-01-05 10:00,JP\n2011-01-07 10:00,JP\n' >"$dir/jp.csv"
fails "a file of other countries" "has rows of JP, and of none of the topology's countries (GB" \
    --demand "$dir/jp.csv"
echo "1..$n"
