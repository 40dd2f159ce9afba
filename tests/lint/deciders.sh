#!/bin/sh
# deciders.sh DIR [ROOT] - each function that decides exists once, and both worlds call that one.
#
# The table below names them, with the floor that is their home and the worlds that call them. That
# a home has them and who calls them is read from the archives in DIR; inline functions leave no
# symbol, so theirs is read from the sources in ROOT. Who calls control/route calls what that
# composes. simulator/ decides nothing: it defines no function whose name begins as those of a module
# of control/ or region/ do. Prints a sentence for each breach; exits 1 if any.
set -u
export LC_ALL=C
dir=${1:?deciders.sh DIR [ROOT]}
root=${2:-.}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

cat >"$work/table" <<'TABLE'
# Called by live processes and by the simulator; that stays so.
both base backoff_delay_us
both control retry_earn retry_allowed
both control balance_opts_of balance_init balance_pick_for balance_sent balance_ended
both control hedge_none_seen hedge_begin hedge_wait_us hedge_allowed hedge_seen
both control breaker_closed breaker_allows breaker_accepted
both control balance_present
both control shift_avoids
both control route_opts_of route_init route_begin route_try route_hedge route_end
both control route_leave route_present
both control capacity_plan
both control progress_opts_of progress_init progress_look
both control gossip_init gossip_join gossip_leave gossip_step gossip_deadline_us
both region admission_rules admission_init admission_arrive admission_full admission_choose
both region admission_finish admission_drop

# Called by live processes alone so far. What the simulator calls too moves up.
live control fence_asked fence_is_cut
live control cure_init cure_cell cure_words
live control route_outcome_of

# Called by the simulator alone so far. What is called live too moves up; this part only shrinks.
simulator control balance_pick
simulator control capacity_server_rps capacity_needed capacity_per_zone
simulator control shift_away shift_back
simulator control rollout_init rollout_step rollout_deadline_us
simulator control blast_count
simulator control autoscale_init autoscale_step
simulator control progress_ails progress_alone
simulator control progress_zone_alone
simulator control placement_add placement_remove
simulator control gossip_know gossip_state_of gossip_encode gossip_decode
simulator control shuffle_pick shuffle_common shuffle_overlap
simulator region admission_clear
simulator region cache_get cache_put cache_drop
simulator region pipeline_begin pipeline_finish pipeline_follow pipeline_turn pipeline_group
simulator region pipeline_lost pipeline_spent pipeline_work pipeline_report_id pipeline_describe
simulator region pipeline_bytes pipeline_ask_bytes
simulator region work_ready work_is_ready work_take work_finish work_fail work_expire
simulator region work_give_back
simulator region work_crew_count
simulator region function_init function_arrive function_next function_ready function_ended
simulator region function_died function_deadline_us
TABLE

set --
for name in pure sim live; do
    [ ! -e "$dir/lib$name.a" ] || set -- "$@" "$dir/lib$name.a"
done
[ $# -eq 3 ] || {
    echo "$dir: an archive is missing" >&2
    exit 2
}
nm -A -P "$@" >"$work/symbols" || exit 2

# Every function that a source declares, defines or calls: "FILE d NAME" and "FILE c NAME". What
# stands in the first column is no call; the layout is checked.
(
    cd "$root" || exit
    find base region control wire simulator -name '*.[ch]' | sort | while read -r file; do
        sed 's|//.*||; s|"[^"]*"||g; /^ *\/*\*/d; s|/\*.*||' "$file" | awk -v file="$file" '
            /^[a-z]/ && match($0, /[a-z_0-9]+\(/) {
                print file, "d", substr($0, RSTART, RLENGTH - 1)
                if (/static inline/)
                    print file, "i", substr($0, RSTART, RLENGTH - 1)
                next
            }
            {
                while (match($0, /[a-z_0-9]+\(/)) {
                    print file, "c", substr($0, RSTART, RLENGTH - 1)
                    $0 = substr($0, RSTART + RLENGTH)
                }
            }'
    done
) >"$work/text"

awk '
function breach(sentence) { print sentence; bad = 1 }
function floor_of(file) { sub(/\/[^\/]*$/, "", file); return file }
function world_of(floor) { return floor == "simulator" ? "sim" : floor ~ /\/live$/ ? "live" : "" }
# The module of control/ or region/ whose prefix a function of the simulator bears, or "".
function module_of(name,   m, own) {
    if (name in spared)
        return ""
    for (own in simulators)
        if (index(name, own "_") == 1)
            return ""
    for (m in modules)
        if (index(name, m "_") == 1)
            return m
    return ""
}

# Whether a world calls it, by itself or in route_begin and its kin.
function calls(name, world,   direct, routed) {
    direct = name in inline ? (name, world) in written : (name, world) in called
    routed = name in inline ? (name, "route") in written : (name, "route") in called
    return direct || routed && ("route_begin", world) in called
}

BEGIN {
    # A server works on a request here: the time it takes, not what region/work.h decides.
    spared["work_begin"]
    spared["work_count"]
}

FILENAME ~ /table$/ {
    if (/^(both|live|simulator|neither) /)
        for (i = 3; i <= NF; i++) {
            worlds[$i] = $1
            home[$i] = $2
        }
    next
}

FILENAME ~ /symbols$/ {
    split($1, part, "[][]")
    file = part[2]
    sub(/^build\/[^\/]*\//, "", file)
    sub(/[.]o:?$/, "", file)
    floor = floor_of(file)
    if ($3 == "T" && $2 in home && floor == home[$2])
        found[$2]++
    else if ($3 == "U" && $2 in home)
        called[$2, file == "control/route" ? "route" : world_of(floor)] = file
    else if ($3 == "T" && floor == "simulator")
        defined[$2] = file ".c"
    next
}

{
    floor = floor_of($1)
    module = $1
    sub(/^.*\//, "", module)
    if (sub(/[.]h$/, "", module)) {
        if (floor ~ /^(control|region)$/)
            modules[module]
        else if (floor == "simulator")
            simulators[module]
    }
    if ($2 == "i" && $3 in home && floor == home[$3]) {
        found[$3]++
        inline[$3]
    } else if ($2 == "d" && $3 in home && floor != home[$3])
        breach($1 " defines " $3 ", and that is in " home[$3] "/")
    else if ($2 == "d" && floor == "simulator")
        defined[$3] = $1
    else if ($2 == "c" && $3 in home && $1 == "control/route.c")
        written[$3, "route"]
    else if ($2 == "c" && $3 in home && world_of(floor) != "")
        written[$3, world_of(floor)]
}

END {
    for (name in defined)
        if (module_of(name) != "")
            breach(defined[name] " defines " name ": what " module_of(name) \
                   " does is decided in control/ or region/, and only called here")
    for (name in home) {
        if (found[name] != 1)
            breach(home[name] "/ defines " name " " found[name] + 0 " times, and it decides")
        sim = calls(name, "sim")
        live = calls(name, "live")
        if (sim && worlds[name] !~ /^(both|simulator)$/ || live && worlds[name] !~ /^(both|live)$/)
            breach(name " is called by " (live && worlds[name] != "live" ? "live processes" \
                                                                         : "the simulator") \
                   " now: move it up in tests/lint/deciders.sh")
        if (worlds[name] ~ /^(both|simulator)$/ && !sim)
            breach(name " decides, and the simulator does not call it")
        if (worlds[name] ~ /^(both|live)$/ && !live)
            breach(name " decides, and no live process calls it")
    }
    exit bad
}' "$work/table" "$work/symbols" "$work/text" >"$work/said"
status=$?
sort "$work/said"
exit "$status"
