#include "commands/demand_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/error.h"
#include "commands/files.h"
#include "commands/table.h"

/* ---- reading ---- */

static int read_gz(struct demand *d, gzFile gz, struct error *err)
{
    for (;;) {
        size_t room;
        char *to = demand_room(d, &room);
        int n = gzread(gz, to, (unsigned)room);
        int code = Z_OK;
        const char *why = n < 0 || (size_t)n < room ? gzerror(gz, &code) : "";
        if (code == Z_BUF_ERROR)
            return error_set(
                err, ERR_SYNTAX,
                "%s: the compressed file ends in the middle, behind line %lld; copy it "
                "anew (gzip -t tells when it is whole)",
                d->opts.name, (long long)(d->csv.line_next - 1));
        if (n < 0 || (code != Z_OK && code != Z_STREAM_END))
            return error_set(err, code == Z_ERRNO ? ERR_SYSTEM : ERR_SYNTAX, "%s: %s%s",
                             d->opts.name, code == Z_ERRNO ? "" : "not a sound gzip: ",
                             code == Z_ERRNO ? strerror(errno) : why);
        if (demand_take(d, (size_t)n, err) != 0)
            return -1;
        if (n == 0)
            return 0;
    }
}

static int read_fd(struct demand *d, int fd, struct error *err)
{
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        return error_set(err, ERR_TYPE, "%s: is a folder, not a file", d->opts.name);
    int own = dup(fd); /* gzclose closes it */
    gzFile gz = own < 0 ? NULL : gzdopen(own, "rb");
    if (gz == NULL) {
        if (own >= 0)
            close(own);
        return error_memory(err);
    }
    gzbuffer(gz, 1 << 18);
    int status = read_gz(d, gz, err);
    gzclose(gz);
    return status;
}

int demand_file_alone(const struct cli_command *command, const struct demand_args *args)
{
    const struct {
        bool given;
        const char *name;
    } options[] = {{args->time != NULL, "time"},   {args->country != NULL, "country"},
                   {args->count != NULL, "count"}, {args->where != NULL, "where"},
                   {args->zone != NULL, "zone"},   {args->month_first, "month-first"},
                   {args->scale > 0, "scale"}};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (options[i].given)
            return cli_misuse(command, "--demand-%s needs --demand FILE", options[i].name);
    return -1;
}

int demand_file_read(struct demand *d, const struct demand_args *args, struct arena *a,
                     struct error *err)
{
    struct demand_opts opts = {
        .name = args->path,
        .time = args->time,
        .country = args->country,
        .count = args->count,
        .where = args->where,
        .month_first = args->month_first,
    };
    if (args->zone != NULL) {
        if (strcmp(args->zone, "UTC") != 0 && strcmp(args->zone, "local") != 0)
            return error_set(err, ERR_UNKNOWN, "--demand-zone: expected UTC or local, got \"%s\"",
                             args->zone);
        opts.zone = args->zone[0] == 'U' ? DEMAND_ZONE_UTC : DEMAND_ZONE_LOCAL;
    }
    if (demand_init(d, &opts, a, err) != 0)
        return -1;
    int fd = open(args->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return error_set(err, ERR_SYSTEM, "%s: %s", args->path, strerror(errno));
    int status = read_fd(d, fd, err);
    close(fd);
    return status;
}

/* ---- printing ---- */

enum { COUNTRIES_SHOWN = 12 };

static void print_countries(FILE *out, const struct demand_report *r)
{
    struct table t;
    table_titles(&t, "<COUNTRY|COUNTED|BUSIEST HOUR|<UTC|TIMES THE MEAN|<");
    for (size_t i = 0; i < r->country_count && i < COUNTRIES_SHOWN; i++) {
        const struct demand_country *c = &r->countries[i];
        table_put(&t, "%s", c->code);
        table_put(&t, "%s", table_count(c->count));
        table_put(&t, "%s", table_count(c->peak));
        table_put(&t, "%s", c->peak_at);
        table_put(&t, "%.1f", c->peak_to_mean);
        table_put(&t, "%s", c->planned ? "" : "not in the topology");
    }
    table_print(&t, out);
    if (r->country_count > COUNTRIES_SHOWN)
        fprintf(out, "and %zu more\n", r->country_count - COUNTRIES_SHOWN);
}

void demand_file_print(FILE *out, const struct demand_report *r)
{
    fprintf(out, "%s: %s of %s rows, %s to %s UTC (%s hours)\n", r->file, table_count(r->used),
            table_count(r->rows), r->from, r->to, table_count(r->hours));
    fprintf(out, "  columns: time %s, country %s, count %s%s%s\n", r->time_column,
            r->country_column, r->count_column == NULL ? "none, each row is one" : r->count_column,
            r->clock == NULL ? "" : "; times without a zone are ",
            r->clock == NULL ? "" : r->clock);
    if (r->not_meant > 0)
        fprintf(out, "  %s row%s not meet --demand-where\n", table_count(r->not_meant),
                r->not_meant == 1 ? " does" : "s do");
    for (size_t i = 0; i < r->left_out_count; i++)
        fprintf(out, "! %s row%s left out: %s (\"%s\"), line%s %s\n",
                table_count(r->left_out[i].rows), r->left_out[i].rows == 1 ? "" : "s",
                r->left_out[i].reason, r->left_out[i].example, r->left_out[i].rows == 1 ? "" : "s",
                r->left_out[i].lines);
    for (size_t i = 0; i < r->without_count; i++)
        fprintf(out, "%s%s%s", i == 0 ? "! nothing counted, so as in the topology: " : " ",
                r->without[i], i + 1 == r->without_count ? "\n" : "");
    fprintf(out, "\n");
    print_countries(out, r);
    fprintf(out, "sum of the busiest hours %s, busiest hour of all together %s: a ratio of %.2f\n",
            table_count(r->sum_of_peaks), table_count(r->peak_of_sum), r->peaks_ratio);
    if (r->effects)
        fprintf(out,
                "of the difference of %.4g an hour: time zones %+.4g, habits %+.4g, small numbers "
                "%+.4g;\nby clocks and habits alone the ratio would be %.2f\n",
                r->counts.parts.sum, r->counts.parts.time_zones, r->counts.parts.habits,
                r->counts.parts.small_numbers, r->counts.mean_ratio);
    fprintf(out, "\n");
}
