#include "commands/doors_print.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "control/dash/say.h"
#include "control/reasons.h"
#include "control/status.h"

enum { COLUMNS = 80, INDENT = 4, LINE_MAX_ = 1024, ROWS_MAX = 20 };

/* One sentence, broken at blanks. What other processes said is not obeyed by the terminal. */
static void put(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(FILE *out, const char *format, ...)
{
    char line[LINE_MAX_];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    size_t column = 0;
    for (char *word = line; *word != '\0';) {
        size_t len = strcspn(word, " ");
        for (size_t i = 0; i < len; i++)
            if ((unsigned char)word[i] < 0x20 || word[i] == 0x7f)
                word[i] = '?';
        bool breaks = column > INDENT && column + 1 + len > COLUMNS;
        if (breaks)
            fprintf(out, "\n%*s", INDENT, "");
        else if (column > 0)
            fputc(' ', out);
        fprintf(out, "%.*s", (int)len, word);
        column = breaks ? INDENT + len : column + (column > 0) + len;
        word += len + strspn(word + len, " ");
    }
    fputc('\n', out);
}

/* "door" where there is one, else "door 2". */
static const char *name_of(const struct status *s, size_t index, char name[32])
{
    snprintf(name, 32, s->door_count == 1 ? "door" : "door %zu", index + 1);
    return name;
}

static void put_reasons(FILE *out, const char *name, const struct status_door *d)
{
    size_t shown = d->reason_count < ROWS_MAX ? d->reason_count : ROWS_MAX;
    int64_t more = (int64_t)(d->reason_count - shown) + (d->reasons_more > 0 ? d->reasons_more : 0);
    for (size_t i = 0; i < shown; i++) {
        const struct status_reason *r = &d->reasons[i];
        char words[REASONS_WORDS_MAX], until[64] = "";
        reasons_say(r, false, words);
        if (r->until_ms > 0)
            snprintf(until, sizeof until, " for %s more",
                     r->until_ms < 1000 ? "less than 1s" : say_since(r->until_ms).text);
        else if (r->until_ms == 0)
            snprintf(until, sizeof until, " until a request tries it");
        put(out, "%s: %s%s: %s", name, words, until, r->why);
    }
    if (more > 0)
        put(out, "%s: and %s more (--json)", name, say_count(more).text);
}

static void put_budgets(FILE *out, const char *name, const struct status_door *d)
{
    for (size_t i = 0; i < d->budget_count && i < ROWS_MAX; i++) {
        const struct status_budget *b = &d->budgets[i];
        put(out, "%s: %s%s%s: %.1f of %.0f tokens for %s used", name, b->cell,
            b->service[0] == '\0' ? "" : ": ", b->service, b->full - b->left, b->full, b->of);
    }
}

static void put_losses(FILE *out, const char *name, const struct status_door *d)
{
    for (size_t i = 0; i < d->loss_count && i < ROWS_MAX; i++) {
        const struct status_loss *l = &d->losses[i];
        put(out, "%s: %s lost in %s: %s%s%s", name, say_count(l->count).text,
            l->cell[0] == '\0' ? "questions to many countries" : l->cell, reasons_rule(l->rule),
            l->last[0] == '\0' ? "" : ", last ", l->last);
    }
    if (d->loss_count > ROWS_MAX)
        put(out, "%s: and losses of %zu more kinds (--json)", name, d->loss_count - ROWS_MAX);
}

static void put_questions(FILE *out, const char *name, const struct status_door *d)
{
    const struct status_questions *q = &d->questions;
    if (q->asked <= 0)
        return;
    put(out, "%s: %s question%s to many countries, %s in part, %s lost; %s req/s, p99 %s", name,
        say_count(q->asked).text, q->asked == 1 ? "" : "s", say_count(q->partial).text,
        say_count(q->lost).text, say_rate(q->rps).text, say_p99(q->p99_ms, q->rps).text);
    for (size_t i = 0; i < q->country_count; i++)
        if (q->countries[i].missing > 0)
            put(out, "%s: %s was missing in %s of %s answers to them", name,
                q->countries[i].country, say_count(q->countries[i].missing).text,
                say_count(q->countries[i].asked).text);
}

void doors_print(FILE *out, const struct status *s)
{
    char name[32];
    for (size_t i = 0; i < s->door_count; i++) {
        const struct status_door *d = &s->doors[i];
        name_of(s, i, name);
        if (s->door_count > 1 && d->answers)
            put(out, "%s on port %lld: %s req/s, %s of %s requests lost", name, (long long)d->port,
                say_rate(d->rps).text, say_count(d->lost).text, say_count(d->requests).text);
        else if (!d->answers)
            put(out, "%s on port %lld: %s", name, (long long)d->port,
                d->pid == 0 ? "there is no process" : "it does not answer");
        if (d->map_why != NULL)
            put(out, "%s goes by map %lld: %s", name, (long long)d->map_version, d->map_why);
        put_reasons(out, name, d);
        put_budgets(out, name, d);
        put_losses(out, name, d);
        put_questions(out, name, d);
    }
}
