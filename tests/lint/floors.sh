#!/bin/sh
# floors.sh [ROOT] - what the sources may include and call, read from their text.
#
# Folders are floors: the table below says which floor may include which, and who may know which
# part of the system. Prints a sentence for each breach, with file, line and rule; exits 1 if any.
set -u
export LC_ALL=C
cd "${1:-.}" || exit 2
find . \( -path ./build -o -path './.*' \) -prune -o -type f \
    \( -name '*.[chS]' -o -name '*.sh' \) -print | sed 's|^\./||' | sort |
    awk '
function floor_is(name, may) { floors[name] = " " name " " may " " }
function breach(sentence) { print file ":" line_ ": " sentence; bad = 1 }

# A header of the system that only these floors or files may include, as a pattern.
function reserve(pattern, who) { reserved[pattern] = " " who " " }
function ban(words, why,   n, i, word) {
    n = split(words, word, " ")
    for (i = 1; i <= n; i++)
        banned[word[i]] = why
}

BEGIN {
    floor_is("base", "")
    floor_is("region", "base")
    floor_is("control", "base")
    floor_is("wire", "base")
    floor_is("region/live", "base wire region")
    floor_is("control/live", "base wire control")
    floor_is("control/dash", "base control")
    floor_is("simulator", "base region control")
    world = "base region control wire region/live control/live control/dash simulator commands"
    floor_is("commands", world " tests/bench")
    floor_is(".", "base commands") # bulkhead.c
    floor_is("tests", world)
    floor_is("tests/base", "base tests")
    floor_is("tests/region", "base region tests")
    floor_is("tests/control", "base control tests")
    floor_is("tests/wire", "base wire tests")
    floor_is("tests/simulator", "base region control simulator tests")
    floor_is("tests/dash", world " tests")
    floor_is("tests/live", world " tests")
    floor_is("tests/commands", world " tests")
    floor_is("tests/bench", world)
    floor_is("tests/bench/peers", "") # the benches of other simulators
    floor_is("tests/fuzz", world " tests tests/base")

    # The pure floors know of C what has no outside: no clock, no files, no locale.
    pure = " base region control "
    n = split("assert errno float inttypes limits math stdalign stdarg stdbool stddef stdint " \
              "stdio stdlib stdnoreturn string", name, " ")
    for (i = 1; i <= n; i++)
        pure_header[name[i] ".h"] = 1

    reserve("cJSON", "base/json_tree.h")
    reserve("^n?curses", "control/dash/term.c")
    reserve("^uv[./]", "wire region/live control/live")
    reserve("^(sqlite3|llhttp|libpq|seccomp|linux/(seccomp|filter|landlock))", "wire")
    reserve("^zlib", "commands")
    reserve("^(pthread|threads)[.]h", "simulator wire commands/plan_frontiers.c")

    ban("strcpy strcat stpcpy sprintf vsprintf gets", "has no bound: snprintf, memcpy")
    ban("atoi atol atoll atof", "sees no error: strtoll and its end")
    ban("strtok gmtime localtime ctime asctime", "keeps hidden state: the function of that name " \
        "with _r")
    ban("rand srand random srandom drand48 lrand48", "is no stream of ours: base/rng.h")
}

# The text of a line without comments, strings and characters.
function code_of(text,   out, c) {
    out = ""
    for (;;) {
        if (in_comment) {
            if (!match(text, /\*\//))
                return out
            text = substr(text, RSTART + 2)
            in_comment = 0
        }
        if (!match(text, /\/\*|\/\/|["\047]/))
            return out text
        c = substr(text, RSTART, RLENGTH)
        out = out substr(text, 1, RSTART - 1) " "
        text = substr(text, RSTART + RLENGTH)
        if (c == "/*")
            in_comment = 1
        else if (c == "//")
            return out
        else if (match(text, c == "\"" ? /^([^"\\]|\\.)*"/ : /^([^\047\\]|\\.)*\047/))
            text = substr(text, RLENGTH + 1)
        else
            return out
    }
}

function check_include(text,   angled, path, at, p) {
    angled = text ~ /^[ \t]*#[ \t]*include[ \t]*</
    path = text
    sub(/^[^<"]*[<"]/, "", path)
    sub(/[>"].*$/, "", path)
    at = path
    if (!sub(/\/[^\/]*$/, "", at))
        at = ""

    if (!angled && !(at in floors))
        breach("\"" path "\" is not written from the root, with its folder")
    else if (angled && at in floors)
        breach("<" path "> is ours and is written in quotes")
    else if (!angled && !index(floors[floor], " " at " "))
        breach((floor == "." ? "bulkhead.c" : floor "/") " may not include " at "/ (\"" path "\")")
    if (angled && floor !~ /^tests/) {
        if (index(pure, " " floor " ") && !(path in pure_header) && file != "base/json_tree.h")
            breach(floor "/ is pure and may not include <" path ">")
        for (p in reserved)
            if (path ~ p && !index(reserved[p], " " floor " ") && !index(reserved[p], " " file " "))
                breach("<" path "> is for" reserved[p] "only")
    }

    # Own header first, then the groups of the system, then ours; a blank line ends a group. A file
    # without one, as json_encode.c, may put first the header of its folder that declares it.
    if (first && own != "" && path != own)
        breach("its own header \"" own "\" comes first")
    if (!(first && (path == own || own == "" && at == floor && file ~ /[.]c$/))) {
        if (angled && ours)
            breach("<" path "> comes before our own headers")
        if (line_ == include_line + 1 && angled == include_angled && path < include_path)
            breach("includes are sorted: " path " comes before " include_path)
        ours = ours || !angled
    }
    first = 0
    include_line = line_
    include_angled = angled
    include_path = path
}

function check_calls(code,   word) {
    while (match(code, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
        word = substr(code, RSTART, RLENGTH - 1)
        sub(/[ \t]+$/, "", word)
        if (word in banned && substr(code, RSTART - 1, 1) !~ /[.>]/)
            breach(word " " banned[word])
        code = substr(code, RSTART + RLENGTH)
    }
}

function check_file(   text) {
    floor = file
    if (!sub(/\/[^\/]*$/, "", floor))
        floor = "."
    own = file
    if (!sub(/[.]c$/, ".h", own) || !(own in exists))
        own = ""
    in_comment = ours = line_ = 0
    include_line = -1
    first = 1
    while ((getline text < file) > 0) {
        line_++
        if (file !~ /[.][ch]$/)
            continue
        if (!in_comment && text ~ /^[ \t]*#[ \t]*include[ \t]*[<"]/ && floor in floors)
            check_include(text)
        else if (in_comment || text ~ /[(*"\047]/)
            check_calls(code_of(text))
    }
    close(file)
    if (line_ > 600)
        breach("the file has more than 600 lines: look for the seam")
    line_ = 1
    if (file ~ /[.][chS]$/ && !(floor in floors))
        breach("folder " floor "/ is not in the table of floors (tests/lint/floors.sh)")
}

{ files[NR] = $0; exists[$0] = 1 }
END {
    for (f = 1; f <= NR; f++) {
        file = files[f]
        check_file()
    }
    exit bad
}'
