#!/bin/sh
# The lint itself: the tree as it is passes, and each planted breach is found and named.
set -u
build=${BUILD:-build/release}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0

verdict() { # CLAIM, STATUS (0: it held), the output in $work/out
    count=$((count + 1))
    if [ "$2" -eq 0 ]; then
        echo "ok $count - $1"
    else
        echo "not ok $count - $1"
        sed 's/^/# | /' "$work/out"
    fi
}

passes() { # CLAIM COMMAND...
    claim=$1
    shift
    "$@" >"$work/out" 2>&1
    verdict "$claim" $?
}

fails_with() { # CLAIM SENTENCE COMMAND...
    claim=$1 sentence=$2
    shift 2
    if "$@" >"$work/out" 2>&1; then
        echo "passed, and should have said: $sentence" >>"$work/out"
        verdict "$claim" 1
    else
        grep -qF -e "$sentence" "$work/out"
        verdict "$claim" $?
    fi
}

# ---- floors.sh, over a copy of the tree ----

tree=$work/tree
mkdir -p "$tree"
for folder in base wire region control simulator commands tests; do
    [ ! -d "$folder" ] || cp -r "$folder" "$tree/"
done
[ ! -e bulkhead.c ] || cp bulkhead.c "$tree/"

text() { # FILE TEXT CLAIM SENTENCE: plant a file, or more lines in one that is there
    mkdir -p "$(dirname "$tree/$1")"
    [ ! -e "$tree/$1" ] || cp "$tree/$1" "$work/kept"
    printf '%s\n' "$2" >>"$tree/$1"
    fails_with "$3" "$4" sh tests/lint/floors.sh "$tree"
    rm "$tree/$1"
    [ ! -e "$work/kept" ] || mv "$work/kept" "$tree/$1"
}

passes 'the tree keeps to its floors' sh tests/lint/floors.sh .

text simulator/planted.c '#include "commands/cli.h"' 'the simulator may not include commands' \
    'simulator/planted.c:1: simulator/ may not include commands/'
text base/planted.c '#include "control/balance.h"' 'base may not include control' \
    'base/planted.c:1: base/ may not include control/'
text region/planted.h '#include "control/balance.h"' 'region may not include control' \
    'region/planted.h:1: region/ may not include control/'
text control/planted.c '#include "region/admission.h"' 'control may not include region' \
    'control/planted.c:1: control/ may not include region/'
text control/planted.c '#include "control/live/agent.h"' 'a floor may not include its own cellar' \
    'control/ may not include control/live/'
text control/dash/planted.c '#include "wire/loop.h"' 'the dashboard may not include wire' \
    'control/dash/ may not include wire/'
text tests/region/planted.c '#include "control/balance.h"' 'tests keep to the floor they test' \
    'tests/region/ may not include control/'
text bulkhead.c '#include "simulator/run.h"' 'bulkhead.c is the command table and nothing else' \
    'bulkhead.c may not include simulator/'
text helpers/planted.c 'int x;' 'a new folder needs a row' 'folder helpers/ is not in the table'
text base/topo.c '#include <cjson/cJSON.h>' 'only json_tree.h knows cJSON' \
    '<cjson/cJSON.h> is for base/json_tree.h only'
text commands/planted.c '#include <pthread.h>' 'threads are where they are needed' \
    '<pthread.h> is for simulator wire commands/plan_frontiers.c only'
text control/dash/panel.c '#include <ncurses.h>' 'only term.c knows ncurses' \
    '<ncurses.h> is for control/dash/term.c only'
text simulator/planted.c '#include <uv.h>' 'only wire and the live floors know libuv' \
    '<uv.h> is for wire region/live control/live only'
text control/live/planted.c '#include <sqlite3.h>' 'only wire knows SQLite' \
    '<sqlite3.h> is for wire only'
for header in unistd.h time.h sys/socket.h pthread.h; do
    text control/planted.c "#include <$header>" "pure code may not include $header" \
        "control/planted.c:1: control/ is pure and may not include <$header>"
done
text base/planted.c '#include "error.h"' 'includes are written from the root' \
    '"error.h" is not written from the root'
text base/planted.c '#include <base/error.h>' 'our headers are in quotes' \
    '<base/error.h> is ours and is written in quotes'
text base/planted.c '#include <string.h>
#include <assert.h>' 'includes are sorted' \
    'base/planted.c:2: includes are sorted: assert.h comes before string.h'
text control/planted.c '#include "base/error.h"

#include <assert.h>' 'the system comes before our own headers' '<assert.h> comes before our own'
echo '#include <stdint.h>' >"$tree/base/planted.h"
text base/planted.c '#include <assert.h>

#include "base/planted.h"' 'its own header comes first' \
    'its own header "base/planted.h" comes first'
rm "$tree/base/planted.h"
for word in strcpy strcat sprintf atoi strtok gmtime rand gets; do
    text commands/planted.c "void f(void) { $word (0); }" "$word is banned" \
        "commands/planted.c:1: $word "
done
text control/planted.c "$(yes '/* */' | head -n 700)" 'a file of 700 lines is too long' \
    'control/planted.c:700: the file has more than 600 lines'

echo '/* strcpy(a, b) is banned,
 * #include "control/x.h" too */
const char *s = "atoi(x) /* "; int strcpy_count; int t = gmtime_r(0, 0);' >"$tree/base/planted.c"
sh tests/lint/floors.sh "$tree" >"$work/out" 2>&1
! grep -F 'planted.c' "$work/out" >/dev/null
verdict 'comments, strings and longer names are not taken for calls' $?

# ---- symbols.sh, over a copy of the archives with one more object ----

call() { # ARCHIVE FILE TEXT CLAIM SENTENCE
    object=build/release/${2%.c}.o
    mkdir -p "$work/$(dirname "$object")"
    cp "$build"/lib*.a "$work/"
    (
        cd "$work" || exit
        printf '%s\n' "$3" | gcc -O2 -w -fno-builtin -x c -c -o "$object" - &&
            ar qcsP "$1" "$object"
    ) || echo "# cannot compile $2"
    fails_with "$4" "$5" sh tests/lint/symbols.sh "$work"
}

passes 'the archives call what they may' sh tests/lint/symbols.sh "$build"

call libpure.a control/planted.c 'long time(long *); long planted(void) { return time(0); }' \
    'control may not ask the time' 'control/planted.c calls time: now_us is handed in'
call libpure.a base/planted.c 'int printf(); int planted(void) { return printf("x%d", 1); }' \
    'base may not print' 'base/planted.c calls printf: it prints nothing'
call libpure.a region/planted.c 'double log(double); double planted(double x) { return log(x); }' \
    'region may not call log' 'region/planted.c calls log: its bits differ'
call libpure.a control/planted.c 'void *malloc(long); void *planted(void) { return malloc(9); }' \
    'control may not allocate' 'control/planted.c calls malloc: memory comes from base/arena.h'
call libpure.a base/planted.c 'void cJSON_Delete(); void planted(void) { cJSON_Delete(0); }' \
    'only the JSON files call cJSON' \
    'base/planted.c calls cJSON_Delete: only what includes base/json_tree.h knows cJSON'
call libpure.a control/planted.c 'int pthread_create(); int planted(void) { return pthread_create(); }' \
    'pure code has no threads' 'control/planted.c calls pthread_create: it knows no threads'
call libpure.a control/planted.c 'int uv_run(); int planted(void) { return uv_run(); }' \
    'pure code does not know libuv' 'control/planted.c calls uv_run: only wire/ knows the outside'
call libpure.a control/planted.c 'int vfs(); int planted(void) { return vfs(); }' \
    'a call that nobody thought of is refused' 'control/planted.c calls vfs: it is not on the list'
call libsim.a simulator/planted.c 'int rand(void); int planted(void) { return rand(); }' \
    'the simulator has no luck of its own' 'simulator/planted.c calls rand: luck comes from'
call libpure.a base/planted.c 'int balance_pick(); int planted(void) { return balance_pick(); }' \
    'base may not call control behind a header' 'base does not know control'
call libsim.a simulator/planted.c 'int balance_pick(void) { return 0; }' \
    'what decides exists once' 'simulator/planted.c defines balance_pick a second time'

# ---- deciders.sh, over copies of both ----

decides() { # CLAIM SENTENCE: of what was planted; then all is as it was
    fails_with "$1" "$2" sh tests/lint/deciders.sh "$work" "$tree"
    cp "$build"/lib*.a "$work/"
}
plant() { # FILE TEXT CLAIM SENTENCE
    printf '%s\n' "$2" >"$tree/$1"
    decides "$3" "$4"
    rm "$tree/$1"
}
object() { # ARCHIVE FILE TEXT
    mkdir -p "$work/build/release/$(dirname "$2")"
    (
        cd "$work" || exit
        printf '%s\n' "$3" | gcc -O2 -w -x c -c -o "build/release/${2%.c}.o" - &&
            ar qcsP "$1" "build/release/${2%.c}.o"
    ) || echo "# cannot compile $2"
}
without() { # ARCHIVE TYPE NAME: an archive without its members that have, or use, a symbol
    nm -A -P "$work/$1" | sed -n "s/^.*\\[\\(.*\\)\\]: $3 $2 .*/\\1/p" |
        xargs ar dP "$work/$1"
}

rm -f "$tree"/*/planted.* "$tree"/*/*/planted.*
cp "$build"/lib*.a "$work/"
passes 'what decides exists once and is called by those who should' \
    sh tests/lint/deciders.sh "$build"
passes 'and so it is in the copies' sh tests/lint/deciders.sh "$work" "$tree"

plant simulator/planted.c 'static int retry_wanted(int tries)
{
    return tries < 3;
}' 'the simulator has no second mind of its own' 'simulator/planted.c defines retry_wanted: what retry'
plant simulator/planted.h 'static inline bool shift_is_wise(double errors)' \
    'nor in a header' 'simulator/planted.h defines shift_is_wise: what shift does'
object libsim.a simulator/planted.c 'int cache_guess(void) { return 0; }'
decides 'nor behind a macro' 'simulator/planted.c defines cache_guess: what cache does'
plant control/live/planted.c 'static uint32_t balance_pick(const struct balance *b)' \
    'nor has a live process' 'control/live/planted.c defines balance_pick, and that is in control/'
plant region/planted.h 'static inline bool retry_allowed(struct retry *r)' \
    'a region does not decide for control' 'region/planted.h defines retry_allowed, and that is in control/'
plant control/planted.h 'static inline bool retry_allowed(struct retry *r)' \
    'an inline function exists once' 'control/ defines retry_allowed 2 times'

without liblive.a U route_begin
decides 'live processes call what decides' 'route_begin decides, and no live process calls it'
without liblive.a U route_begin
decides 'and so what that is made of' 'balance_init decides, and no live process calls it'
without libsim.a U rollout_step
decides 'the simulator calls what decides' 'rollout_step decides, and the simulator does not call it'
without libpure.a T rollout_step
decides 'what decides is there' 'control/ defines rollout_step 0 times'
object liblive.a control/live/planted.c 'int rollout_step(); int f(void) { return rollout_step(); }'
decides 'the list of what only the simulator calls shrinks' \
    'rollout_step is called by live processes now: move it up'
cp "$tree/control/route.c" "$work/kept"
sed 's/retry_allowed(/may_retry(/' "$work/kept" >"$tree/control/route.c"
decides 'live processes call what is inline' 'retry_allowed decides, and no live process calls it'
cp "$work/kept" "$tree/control/route.c"
grep -l progress_alone "$tree"/simulator/*.c | xargs sed -i 's/progress_alone(/own_alone(/'
decides 'and so does the simulator' 'progress_alone decides, and the simulator does not call it'

echo "1..$count"
