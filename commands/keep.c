#include "commands/keep.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json_text.h"
#include "commands/files.h"
#include "commands/simulate.h"
#include "region/digest.h"
#include "simulator/metrics.h"
#include "wire/results_db.h"

/* What `variant` sets, as {"load": 0.5}. NULL when memory is out. */
static const char *variant_json(const struct scenario *s, size_t variant, struct arena *a)
{
    struct json_set set[SWEEP_AXES_MAX];
    struct json_text t = {0};
    sweep_sets(set, s->sweep, s->sweep_count, variant);
    json_text_open_flat(&t, '{');
    for (size_t i = 0; i < s->sweep_count; i++) {
        json_text_key(&t, set[i].path);
        json_text_word(&t, set[i].value);
    }
    json_text_close(&t, '}');
    char *text = json_text_take(&t, a);
    if (text != NULL)
        text[strlen(text) - 1] = '\0'; /* the newline */
    return text;
}

static const char *const *variants_of(const struct scenario *s, size_t count, struct arena *a)
{
    const char **out = arena_alloc(a, count, sizeof out[0]);
    for (size_t i = 0; out != NULL && i < count; i++) {
        out[i] = variant_json(s, i, a);
        if (out[i] == NULL)
            return NULL;
    }
    return out;
}

static const char *const *metrics_of(const struct topo *topo, size_t count, struct arena *a)
{
    const char **out = arena_alloc(a, count, sizeof out[0]);
    for (size_t i = 0; out != NULL && i < count; i++) {
        char name[METRICS_NAME_MAX];
        metrics_name(name, topo, i);
        out[i] = arena_string(a, name, strlen(name));
        if (out[i] == NULL)
            return NULL;
    }
    return out;
}

/* `text`, and what is in the files of measured times, whose names alone are in the topology. NULL
 * when memory is out. */
static const char *with_times(const char *text, const struct topo *topo, struct arena *a)
{
    for (size_t i = 0; text != NULL && i < topo->service_count; i++) {
        const struct topo_service *service = &topo->services[i];
        char digest[DIGEST_TEXT];
        if (service->times_count == 0)
            continue;
        digest_text(digest, service->times_us, service->times_count * sizeof service->times_us[0]);
        text = arena_format(a, "%s\n%s %s", text, service->name, digest);
    }
    return text;
}

/* The scenario and the topology as they were understood, without what no number depends on. */
static int put_inputs(struct results_run *run, const struct files *base, struct arena *a)
{
    struct scenario scenario = base->scenario;
    struct topo topo = base->topo;
    scenario.about = scenario.topology = topo.about = NULL;
    scenario.seed = scenario.replications = 0;
    scenario.expect_count = 0;
    run->scenario_json = json_encode(&scenario, scenario_fields, a);
    run->topology_json = json_encode(&topo, topo_fields, a);
    if (run->scenario_json == NULL || run->topology_json == NULL)
        return -1;
    const char *all = arena_format(a, "%s\n%s", run->scenario_json, run->topology_json);
    char *digest = arena_alloc(a, DIGEST_TEXT, 1);
    all = all == NULL ? NULL : with_times(all, &base->topo, a);
    if (all == NULL || digest == NULL)
        return -1;
    digest_text(digest, all, strlen(all));
    run->inputs = digest;
    return 0;
}

static void say_found(const char *path, const struct results_found *found)
{
    if (found->replications > 0)
        fprintf(stderr, "%s: run %lld goes on: it has %lld replication%s\n", path,
                (long long)found->run, (long long)found->replications,
                found->replications == 1 ? "" : "s");
    else if (found->runs > 1)
        fprintf(stderr, "%s: run %lld begins: the others have other inputs, seeds or versions\n",
                path, (long long)found->run);
    else
        fprintf(stderr, "%s: run %lld begins\n", path, (long long)found->run);
}

int keep_open(struct keep *keep, const char *path, const char *scenario_path,
              const struct files *base, const struct topo *topo, struct simulate *simulate,
              struct error *err)
{
    struct arena a = {0};
    size_t variants = sweep_variants(base->scenario.sweep, base->scenario.sweep_count);
    size_t metrics = metrics_count(topo);
    struct results_found found;
    struct results_run run = {
        .version = BULKHEAD_VERSION,
        .seed = simulate->seed,
        .scenario = scenario_path,
        .variants = variants_of(&base->scenario, variants, &a),
        .variant_count = variants,
        .metrics = metrics_of(topo, metrics, &a),
        .metric_count = metrics,
    };
    int status = -1;
    *keep = (struct keep){.path = path, .topo = topo, .simulate = simulate};
    keep->values = calloc(metrics, sizeof keep->values[0]);
    signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is a full disk, not a crash */
    if (run.variants == NULL || run.metrics == NULL || keep->values == NULL ||
        put_inputs(&run, base, &a) != 0)
        error_memory(err);
    else
        status = results_open(&keep->db, path, &run, &found, err);
    arena_release(&a);
    if (status != 0) {
        keep_close(keep);
        return -1;
    }
    keep->count = found.replications;
    say_found(path, &found);
    return 0;
}

int keep_load(void *context, int64_t index, struct result_sample *sample, struct error *err)
{
    struct keep *keep = context;
    int found = results_load(keep->db, keep->variant + 1, index + 1, keep->values, err);
    if (found <= 0)
        return found;
    /* Values that are no longer of their kind are not those that were saved. */
    if (metrics_put(sample, keep->values, keep->topo) != 0)
        return 0;
    simulate_loaded(keep->simulate);
    return 1;
}

int keep_save(void *context, int64_t index, const struct result_sample *sample, struct error *err)
{
    struct keep *keep = context;
    metrics_take(keep->values, sample, keep->topo);
    if (results_save(keep->db, keep->variant + 1, index + 1, keep->values, err) != 0)
        return -1;
    keep->count++;
    return 0;
}

void keep_explain(const struct keep *keep)
{
    if (keep->db != NULL)
        fprintf(stderr, "%s has %lld replication%s of it; the same command goes on from there\n",
                keep->path, (long long)keep->count, keep->count == 1 ? "" : "s");
}

void keep_close(struct keep *keep)
{
    results_close(keep->db);
    free(keep->values);
    *keep = (struct keep){0};
}
