#!/bin/sh
# symbols.sh DIR - what the archives of a build folder really call, read from their symbols.
#
# libpure.a (base, region, control) may call the C library where it has no outside, and nothing
# else; libsim.a may besides use threads and the heap. No floor uses a function of a floor that it
# may not include, and every function exists once: what decides in the simulator is what decides
# live. Prints a sentence for each breach; exits 1 if any. Works on an optimised build, where calls
# that are never made are gone.
set -u
export LC_ALL=C
dir=${1:?symbols.sh DIR}
set --
for name in pure sim live commands; do
    [ ! -e "$dir/lib$name.a" ] || set -- "$@" "$dir/lib$name.a"
done
[ $# -gt 0 ] || {
    echo "$dir: no archives" >&2
    exit 2
}

# Lines of "ARCHIVE[MEMBER]: NAME TYPE ..."; members have a path, as build/release/base/arena.o.
nm -A -P "$@" | awk '
function allow(names,   n, i, name) {
    n = split(names, name, " ")
    for (i = 1; i <= n; i++)
        allowed[name[i]] = 1
}
# Names as a pattern, and why they are refused.
function refuse(pattern, why) {
    refusals++
    refused[refusals] = "^(" pattern ")$"
    because[refusals] = why
}
function spare(files, pattern) {
    spares++
    spared_file[spares] = "^(" files ")$"
    spared[spares] = "^(" pattern ")$"
}
function is_spared(file, name,   i) {
    for (i = 1; i <= spares; i++)
        if (file ~ spared_file[i] && name ~ spared[i])
            return 1
    return 0
}
function floor_is(name, may) { floors[name] = " " name " " may " " }
function breach(sentence) { print sentence; bad = 1 }

BEGIN {
    floor_is("base", "") # the table of floors.sh
    floor_is("region", "base")
    floor_is("control", "base")
    floor_is("wire", "base")
    floor_is("region/live", "base wire region")
    floor_is("control/live", "base wire control")
    floor_is("control/dash", "base control")
    floor_is("simulator", "base region control")

    allow("memchr memcmp memcpy memmem memmove memrchr memset strchr strcmp strcspn strlen " \
          "strncmp strnlen strpbrk strrchr strspn strstr")
    allow("snprintf vsnprintf strtol strtoll strtoul strtoull strtoimax strtoumax " \
          "__errno_location bsearch qsort __assert_fail __stack_chk_fail _GLOBAL_OFFSET_TABLE_")
    # Exact by IEEE 754, so the same from every C library.
    allow("sqrt fabs floor ceil trunc round rint nearbyint fmod fmin fmax ldexp frexp modf " \
          "scalbn copysign nextafter lrint llrint lround llround")

    heap = "malloc|calloc|realloc|aligned_alloc|free"
    refuse("time|clock|clock_gettime|gettimeofday|timespec_get|nanosleep|usleep|sleep",
           "now_us is handed in and is the only time")
    refuse("s?rand(om)?(_r)?|[demnjl]rand48|getrandom|getentropy|arc4random.*",
           "luck comes from base/rng.h")
    refuse("(log|log2|log10|log1p|exp|exp2|exp10|expm1|pow|sin|cos|sincos|tan|a?sinh|a?cosh|" \
           "a?tanh|asin|acos|atan|atan2|cbrt|hypot|[tl]?gamma|erfc?)[fl]?",
           "its bits differ between C libraries: base/fmath.h")
    refuse("v?f?printf|v?dprintf|f?puts|f?putc|putchar|fwrite|stdout|stderr|stdin|perror|fopen|" \
           "fdopen|fclose|fread|fgets|f?getc|getchar|getline|fflush|open(at|dir)?(64)?|read|" \
           "write|close|stat|fstat|mmap", "it prints nothing and opens no files")
    refuse("socket|bind|listen|accept|connect|send.*|recv.*|poll|select|epoll_.*|getaddrinfo",
           "it knows no network: messages come by step")
    refuse("v?fork|exec.*|posix_spawn.*|kill|raise|signal|sigaction|wait(pid)?|system|popen|" \
           "getenv|getpid|_?exit|atexit|abort|syscall",
           "it knows no processes; our own mistakes are asserts")
    refuse("pthread_.*|thrd_.*|mtx_.*|cnd_.*|sem_.*", "it knows no threads")
    refuse("strtod|strtof|strtold|atof|v?f?s?scanf|setlocale|__ctype_.*|to(upper|lower)|" \
           "is(alpha|digit|alnum|space|upper|lower|print|punct|xdigit)|strcoll|strerror",
           "its answer depends on the locale")
    refuse("str(cpy|cat|tok)|stpcpy|v?sprintf|ato[il]l?|gets|gmtime|localtime|[ac](sc)?time",
           "it is banned (tests/lint/floors.sh)")
    refuse(heap "|posix_memalign|memalign|reallocarray|v?asprintf|strn?dup",
           "memory comes from base/arena.h")
    refuse("cJSON_.*", "only what includes base/json_tree.h knows cJSON")
    refuse("uv_.*|sqlite3_.*|llhttp_.*|PQ.*|seccomp_.*", "only wire/ knows the outside")

    # Who may nevertheless, and why.
    spare("base/arena", heap)                 # it is where memory comes from
    spare("base/json(_tree|_set)?", heap "|cJSON_.*") # cJSON allocates on its own
    spare("base/json_text", heap "|strtod")   # grows with the text; strtod reads back what snprintf
                                              # wrote in the same locale
    spare("simulator/.*", heap "|pthread_.*") # replications run side by side
    spare("simulator/(run|validate)", "clock_gettime")   # how long a run took, for people; decides nothing
}

{
    split($1, part, "[][]")
    member = part[2]
    sub(/^build\/[^\/]*\//, "", member)
    file = member
    sub(/[.]o:?$/, "", file)
    floor = file
    sub(/\/[^\/]*$/, "", floor)
    name = $2
    if ($3 == "U") {
        uses++
        user[uses] = file
        user_floor[uses] = floor
        used[uses] = name
    } else if ($3 ~ /^[TDRBC]$/) {
        if (name in home)
            breach(file ".c defines " name " a second time, after " home[name])
        home[name] = file
        home_floor[name] = floor
    }
}

END {
    for (i = 1; i <= uses; i++) {
        name = used[i]
        floor = user_floor[i]
        if (!(floor in floors))
            continue # commands/ sees everything
        if (name in home) {
            if (!index(floors[floor], " " home_floor[name] " "))
                breach(user[i] ".c uses " name " of " home[name] ", and " floor \
                       " does not know " home_floor[name])
            continue
        }
        if (floor !~ /^(base|region|control|simulator)$/)
            continue
        plain = name
        sub(/^__isoc(99|23)_/, "", plain)
        if (plain ~ /^__.*_chk$/) {
            sub(/^__/, "", plain)
            sub(/_chk$/, "", plain)
        }
        if (plain in allowed || is_spared(user[i], plain))
            continue
        why = "it is not on the list of what pure code may call (tests/lint/symbols.sh)"
        for (r = refusals; r >= 1; r--)
            if (plain ~ refused[r])
                why = because[r]
        breach(user[i] ".c calls " name ": " why)
    }
    if (!uses) {
        print "no symbols were read"
        bad = 1
    }
    exit bad
}'
