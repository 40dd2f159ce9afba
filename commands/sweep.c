#include "commands/sweep.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/cli.h"
#include "commands/files.h"
#include "commands/keep.h"
#include "commands/report.h"
#include "commands/simulate.h"
#include "commands/sweep_print.h"
#include "simulator/pairs.h"
#include "wire/clock.h"

/* ---- trying ---- */

/* Whether one value of axis `axis` does, with the others as in the file. */
static int try_axis(const struct files_texts *texts, const struct scenario *s, size_t axis,
                    size_t variant, struct arena *a, struct error *err)
{
    struct json_set set[SWEEP_AXES_MAX];
    struct files files;
    sweep_sets(set, s->sweep, s->sweep_count, variant);
    if (files_scenario_build(&files, texts, &set[axis], 1, a, err) == 0)
        return 0;
    return error_prefix(err, "%s: sweep[%zu].path: %s = %s", texts->path, axis, set[axis].path,
                        set[axis].value);
}

/* `err` is why `variant` cannot be built: say by which axis, or that it takes several. */
static int blame(const struct files_texts *texts, const struct scenario *s, size_t variant,
                 struct arena *a, struct error *err)
{
    struct error alone;
    for (size_t i = 0; i < s->sweep_count; i++)
        if (try_axis(texts, s, i, variant, a, &alone) != 0) {
            *err = alone;
            return -1;
        }
    return error_prefix(err, "%s: sweep: variant %zu", texts->path, variant + 1);
}

/* Whether two topologies have the same parts in the same order, so that numbers of the one can
 * stand beside those of the other. */
static bool same_parts(const struct topo *a, const struct topo *b)
{
    bool same = a->country_count == b->country_count && a->cell_count == b->cell_count &&
                a->service_count == b->service_count;
    for (size_t i = 0; same && i < a->country_count; i++)
        same = strcmp(a->countries[i].name, b->countries[i].name) == 0;
    for (size_t i = 0; same && i < a->cell_count; i++)
        same = strcmp(a->cells[i].name, b->cells[i].name) == 0;
    for (size_t i = 0; same && i < a->service_count; i++)
        same = strcmp(a->services[i].name, b->services[i].name) == 0;
    return same;
}

static int check_sets(const struct files_texts *texts, const struct scenario *s, struct error *err)
{
    for (size_t i = 0; i < s->sweep_count; i++)
        for (size_t k = 0; k < texts->sets->count; k++)
            if (strcmp(s->sweep[i].path, texts->sets->set[k].path) == 0)
                return error_set(err, ERR_CONFLICT,
                                 "--set %s: %s: sweep[%zu] sets it too; --set sweep=[] runs it "
                                 "without its sweep",
                                 s->sweep[i].path, texts->path, i);
    return 0;
}

/* Build variant `index` and compare its parts with the first one's. */
static int try_variant(struct files *files, const struct files *first,
                       const struct files_texts *texts, const struct scenario *s, size_t index,
                       struct arena *a, struct error *err)
{
    struct json_set set[SWEEP_AXES_MAX];
    sweep_sets(set, s->sweep, s->sweep_count, index);
    if (files_scenario_build(files, texts, set, s->sweep_count, a, err) != 0)
        return blame(texts, s, index, a, err);
    if (!same_parts(&files->topo, &first->topo))
        return error_set(err, ERR_CONFLICT,
                         "%s: sweep: variant %zu has other countries, cells or services than the "
                         "first",
                         texts->path, index + 1);
    return 0;
}

int sweep_try(struct files *first, const struct files_texts *texts, const struct scenario *s,
              double *work, struct arena *a, struct error *err)
{
    struct arena scratch = {0};
    size_t variants = sweep_variants(s->sweep, s->sweep_count);
    if (check_sets(texts, s, err) != 0 || try_variant(first, first, texts, s, 0, a, err) != 0)
        return -1;
    if (work != NULL)
        work[0] = simulate_work(first);
    int status = 0;
    for (size_t i = 1; i < variants && status == 0; i++) {
        struct files files;
        status = try_variant(&files, first, texts, s, i, &scratch, err);
        if (status == 0 && work != NULL)
            work[i] = simulate_work(&files);
        arena_reset(&scratch);
    }
    arena_release(&scratch);
    return status;
}

/* ---- replications side by side ---- */

struct sweep { /* what is under way */
    const struct files_texts *texts;
    const struct files *base;
    struct files first_files; /* the first variant; all have its parts */
    struct simulate simulate;
    struct keep keep;
    struct sweep_report report;
    struct pairs first, now; /* of the first variant, and of another one */
    struct arena arena;      /* of all that stays */
};

static void take_pairs(struct sweep *w, int64_t index, const struct result_sample *sample)
{
    pairs_take(w->keep.variant == 0 ? &w->first : &w->now, index, sample);
}

static int load(void *context, int64_t index, struct result_sample *sample, struct error *err)
{
    struct sweep *w = context;
    int found = w->keep.db == NULL ? 0 : keep_load(&w->keep, index, sample, err);
    if (found > 0)
        take_pairs(w, index, sample);
    return found;
}

static int save(void *context, int64_t index, const struct result_sample *sample, struct error *err)
{
    struct sweep *w = context;
    take_pairs(w, index, sample);
    return w->keep.db == NULL ? 0 : keep_save(&w->keep, index, sample, err);
}

/* ---- variant by variant ---- */

/* A result that borrows nothing from `from`, which is forgotten when the next variant runs: the
 * table copies all that is told of it. */
static int copy_result(struct run_result *to, const struct run_result *from, struct arena *a,
                       struct arena *scratch, struct error *err)
{
    const char *text = json_encode(from, run_fields, scratch);
    if (text == NULL)
        return error_memory(err);
    return json_decode(to, sizeof *to, run_fields, text, strlen(text), NULL, 0, a, err);
}

static int put_sets(struct sweep_variant *v, const struct scenario *s, const struct json_set *set,
                    struct arena *a)
{
    v->set_count = s->sweep_count;
    v->sets = arena_alloc(a, v->set_count, sizeof v->sets[0]);
    for (size_t i = 0; v->sets != NULL && i < v->set_count; i++)
        v->sets[i] = (struct sweep_set){set[i].path, set[i].value};
    return v->sets == NULL ? -1 : 0;
}

/* Run variant `index`. 0, also when it was stopped; -1 with `err` set. */
static int run_variant(struct sweep *w, size_t index, struct arena *scratch, struct error *err)
{
    const struct scenario *s = &w->base->scenario;
    const struct run_keep keep = {load, save, w};
    struct json_set set[SWEEP_AXES_MAX];
    struct files files;
    struct run_result result;
    struct sweep_variant *v = &w->report.variants[index];
    w->keep.variant = (int64_t)index;
    sweep_sets(set, s->sweep, s->sweep_count, index);
    if (files_scenario_build(&files, w->texts, set, s->sweep_count, scratch, err) != 0)
        return -1;
    if (pairs_init(index == 0 ? &w->first : &w->now, &w->first_files.topo, &files.scenario,
                   w->simulate.replications, index == 0 ? &w->arena : scratch) != 0)
        return error_memory(err);
    if (simulate_run(&w->simulate, &result, index, &files, &keep, scratch, err) != 0)
        return simulate_stopped() ? 0 : -1;
    if (copy_result(&v->result, &result, &w->arena, scratch, err) != 0)
        return -1;
    v->servers = files.plan.servers;
    w->report.variant_count = index + 1;
    w->report.pass = w->report.pass && result.pass;
    if (put_sets(v, s, set, &w->arena) != 0 ||
        (index > 0 &&
         pairs_compare(&v->differences, &v->difference_count, &w->first, &w->now, &w->arena) != 0))
        return error_memory(err);
    return 0;
}

static int run_variants(struct sweep *w, struct error *err)
{
    struct arena scratch = {0};
    size_t planned = (size_t)w->report.planned;
    int status = 0;
    int64_t begin_us = clock_us();
    simulate_begin(&w->simulate);
    for (size_t i = 0; i < planned && status == 0 && !simulate_stopped(); i++) {
        status = run_variant(w, i, &scratch, err);
        arena_reset(&scratch);
    }
    simulate_end(&w->simulate);
    arena_release(&scratch);
    size_t ran = w->report.variant_count;
    w->report.wall_s = (double)(clock_us() - begin_us) * 1e-6;
    w->report.stopped = ran < planned || w->report.variants[ran - 1].result.stopped;
    if (status == 0 && ran == 0)
        return error_set(err, ERR_SYSTEM, "stopped before the first replication had ended");
    return status;
}

/* ---- the whole ---- */

static int prepare(struct sweep *w, const struct sweep_opts *opts, struct error *err)
{
    const struct scenario *s = &w->base->scenario;
    size_t variants = sweep_variants(s->sweep, s->sweep_count);
    double *work = arena_alloc(&w->arena, variants, sizeof work[0]);
    if (work == NULL)
        return error_memory(err);
    if (sweep_try(&w->first_files, w->texts, s, work, &w->arena, err) != 0)
        return -1;
    w->report = (struct sweep_report){
        .seed = opts->seed,
        .planned = (int64_t)variants,
        .pass = true,
        .variants = arena_alloc(&w->arena, variants, sizeof w->report.variants[0]),
    };
    w->simulate = (struct simulate){
        .seed = opts->seed,
        .replications = opts->replications,
        .jobs = opts->jobs,
        .work = work,
        .variants = variants,
    };
    if (w->report.variants == NULL)
        return error_memory(err);
    return opts->db == NULL ? 0
                            : keep_open(&w->keep, opts->db, w->texts->path, w->base,
                                        &w->first_files.topo, &w->simulate, err);
}

static int print(struct sweep *w, const struct sweep_opts *opts)
{
    if (!opts->json) {
        sweep_print(stdout, files_name(w->texts->path, &w->arena), w->base, &w->report);
        return 0;
    }
    const char *text = json_encode(&w->report, sweep_report_fields, &w->arena);
    if (text == NULL)
        return -1;
    fputs(text, stdout);
    return 0;
}

static int report(struct sweep *w, const struct sweep_opts *opts, struct error *err)
{
    if (opts->report == NULL)
        return 0;
    const struct report_info info =
        report_scenario(opts->command, w->texts, w->base->scenario.about, &w->arena);
    return report_sweep(opts->report, &info, &w->first_files, &w->report, err);
}

int sweep_run(const struct files_texts *texts, const struct files *base,
              const struct sweep_opts *opts)
{
    struct sweep w = {.texts = texts, .base = base};
    struct error err;
    int status;
    if ((opts->report != NULL && page_try(opts->report, &err) != 0) ||
        prepare(&w, opts, &err) != 0) {
        status = cli_fail(err.text);
    } else if (run_variants(&w, &err) != 0) {
        status = cli_fail(err.text);
        status = simulate_stopped() ? EXIT_NO : status;
        keep_explain(&w.keep);
    } else {
        status = w.report.pass && !w.report.stopped ? EXIT_YES : EXIT_NO;
        if (report(&w, opts, &err) != 0)
            status = cli_fail(err.text);
        else if (print(&w, opts) != 0)
            status = cli_fail("no memory left");
        if (w.report.stopped)
            keep_explain(&w.keep);
    }
    keep_close(&w.keep);
    arena_release(&w.arena);
    return status;
}
