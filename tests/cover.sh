#!/bin/sh
# cover.sh BUILD - after the tests have run in that folder: which lines of our floors they reached.
set -eu
find "$1" -name '*.gcda' -exec gcov -n {} + 2>/dev/null | awk '
    /^File / {
        file = $2
        gsub(/\047/, "", file)
        wanted = file ~ /^(base|region|control|wire|simulator|commands)\/.*[.]c$/
    }
    /^Lines executed:/ && wanted {
        percent = $2
        sub(/executed:/, "", percent)
        sub(/%/, "", percent)
        lines[file] = $4
        reached[file] = $4 * percent / 100
        wanted = 0
    }
    END {
        line = "%6.1f %%  of %5d lines  %s\n"
        for (file in lines) {
            printf line, 100 * reached[file] / lines[file], lines[file], file | "sort -k 6"
            all += lines[file]
            sum += reached[file]
        }
        close("sort -k 6")
        if (all)
            printf line, 100 * sum / all, all, "in all"
    }'
