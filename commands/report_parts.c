#include "commands/report_parts.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "commands/table.h"
#include "simulator/run.h"

extern const char report_css[], report_css_end[];
extern const char report_js[], report_js_end[];
extern const char report_chart_js[], report_chart_js_end[];
extern const char report_chart_licence[], report_chart_licence_end[];

/* ---- the frame ---- */

void report_head(struct page *p, const char *kind, const struct report_info *info)
{
    page_put(p, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
                "<title>");
    page_text(p, info->name);
    page_put(p, " - Bulkhead %s</title>\n<style>\n", kind);
    page_bytes(p, report_css, (size_t)(report_css_end - report_css));
    page_put(p, "</style>\n</head>\n<body>\n<header>\n<p class=\"soft\">Bulkhead %s: %s</p>\n<h1>",
             BULKHEAD_VERSION, kind);
    page_text(p, info->name);
    page_put(p, "</h1>\n");
    if (info->about != NULL)
        page_element(p, "p", "%s", info->about);
    page_put(p, "\n</header>\n<main>\n");
}

void report_verdict(struct page *p, bool pass, const char *word, const char *sentence)
{
    page_put(p, "<p class=\"verdict %s\"><strong>%s</strong> ", pass ? "pass" : "fail", word);
    page_text(p, sentence);
    page_put(p, "</p>\n");
}

static void put_terms(struct page *p)
{
    static const char *const terms[][2] = {
        {"cell", "a complete stack of services for one or more countries, which shares nothing "
                 "with any other cell"},
        {"region, zone", "a cloud's place, and the parts of it that fail one by one"},
        {"tolerated loss", "zones and servers that may be lost without a customer noticing; what "
                           "is left must carry the peak at the target utilisation"},
        {"availability", "requests answered over requests sent, as customers see it"},
        {"shed, failed", "ended by a refusal of a server that is too busy; by a reset, a timeout "
                         "or an error, retries included"},
        {"p99", "99 of 100 answers were faster; counted from when the customer meant to send the "
                "request, to the answer at the customer"},
        {"blast radius", "how much of the countries, customers and requests a failure touched"},
        {"95 % interval", "over replications, which differ by their luck alone; where nothing "
                          "failed, the exact binomial bound says how little that proves"},
        {"detected, routed round, recovered",
         "a server was left out; the last of the bad tenths of "
         "a second that began with the fault; the same behind "
         "its end. Bad: more than 1 % lost"},
        {"headroom", "the spare share of the tightest service, on the servers that live"},
        {"baseline", "another run with the same customers and luck, so that its differences, "
                     "replication by replication, scatter less than the runs do"},
    };
    page_put(p, "<h2>Terms</h2>\n<dl class=\"terms\">\n");
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++)
        page_put(p, "<dt>%s</dt><dd>%s</dd>\n", terms[i][0], terms[i][1]);
    page_put(p, "</dl>\n");
}

static void put_input(struct page *p, const char *path, const char *text, size_t len)
{
    enum { SHOWN = 200000 };
    if (text == NULL)
        return;
    page_put(p, "<details open><summary>");
    page_text(p, path);
    page_put(p, "</summary>\n<pre>");
    page_text_len(p, text, len < SHOWN ? len : SHOWN);
    if (len > SHOWN)
        page_put(p, "\n... %zu more bytes", len - SHOWN);
    page_put(p, "</pre></details>\n");
}

static void put_script(struct page *p, const char *begin, const char *end)
{
    page_put(p, "<script>\n");
    page_bytes(p, begin, (size_t)(end - begin));
    page_put(p, "\n</script>\n");
}

void report_foot(struct page *p, const struct report_info *info)
{
    page_put(p, "<h2>Inputs</h2>\n<p><code>");
    page_text(p, info->command);
    page_put(p, "</code></p>\n");
    put_input(p, info->scenario_path, info->scenario_text, info->scenario_len);
    put_input(p, info->topology_path, info->topology_text, info->topology_len);
    put_terms(p);
    page_put(p, "</main>\n<!--\n");
    page_bytes(p, report_chart_licence, (size_t)(report_chart_licence_end - report_chart_licence));
    page_put(p, "-->\n");
    put_script(p, report_chart_js, report_chart_js_end);
    put_script(p, report_js, report_js_end);
    page_put(p, "</body>\n</html>\n");
}

/* ---- numbers ---- */

void report_numbers_begin(struct page *p)
{
    page_put(p, "<dl class=\"numbers\">\n");
}

void report_number(struct page *p, const char *name, const char *small, const char *format, ...)
{
    char text[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    page_put(p, "<div><dt>%s</dt><dd>", name);
    page_text(p, text);
    if (small != NULL)
        page_element(p, "small", "%s", small);
    page_put(p, "</dd></div>\n");
}

void report_numbers_end(struct page *p)
{
    page_put(p, "</dl>\n");
}

/* ---- tables ---- */

void report_table_begin(struct page *p, const char *titles)
{
    page_put(p, "<div class=\"wide\"><table class=\"sort\">\n<thead><tr>");
    for (;;) {
        size_t len = strcspn(titles, "|");
        bool left = titles[0] == '<';
        page_put(p, left ? "<th class=\"l\">" : "<th>");
        page_text_len(p, titles + left, len - left);
        page_put(p, "</th>");
        if (titles[len] == '\0')
            break;
        titles += len + 1;
    }
    page_put(p, "</tr></thead>\n<tbody>");
}

void report_row(struct page *p)
{
    page_put(p, "\n<tr>");
}

static void put_cell(struct page *p, const char *format, va_list args)
{
    char text[300];
    vsnprintf(text, sizeof text, format, args);
    page_text(p, text);
    page_put(p, "</td>");
}

void report_cell(struct page *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    page_put(p, "<td>");
    put_cell(p, format, args);
    va_end(args);
}

void report_cell_text(struct page *p, const char *text)
{
    page_put(p, "<td class=\"l%s\">", strlen(text) > 40 ? " w" : "");
    page_text(p, text);
    page_put(p, "</td>");
}

void report_cell_number(struct page *p, double value, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    page_put(p, isfinite(value) ? "<td data-v=\"%.9g\">" : "<td data-v=\"\">", value);
    put_cell(p, format, args);
    va_end(args);
}

void report_table_rest(struct page *p, size_t columns, int64_t count, const char *format, ...)
{
    char text[300];
    va_list args;
    if (count <= 0)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    page_put(p, "\n</tbody>\n<tbody class=\"rest\"><tr><td class=\"l\" colspan=\"%zu\">%s more: ",
             columns, table_count(count));
    page_text(p, text);
    page_put(p, "</td>");
}

void report_table_end(struct page *p, const char *caption)
{
    page_put(p, "\n</tbody></table></div>\n");
    if (caption != NULL)
        page_element(p, "p class=soft", "%s", caption);
}

/* ---- charts ---- */

static void put_figure(struct page *p, const char *title)
{
    page_put(p, "<figure class=\"chart\"><h3>");
    page_text(p, title);
    page_put(p, "</h3><div class=\"plot\"><canvas role=\"img\" aria-label=\"");
    page_text(p, title);
    page_put(p, "\"></canvas></div>\n<script type=\"application/json\">");
}

void report_chart_begin(struct page *p, const char *title, const char *x_kind, const char *x_title,
                        const char *y_title, bool y_log)
{
    put_figure(p, title);
    page_put(p, "{\"x\":{\"kind\":\"%s\",\"title\":", x_kind);
    page_json(p, x_title);
    page_put(p, "},\"y\":{\"title\":");
    page_json(p, y_title);
    page_put(p, ",\"log\":%s},\"series\":[", y_log ? "true" : "false");
}

/* Items of a list: a comma before all but the first. */
static void put_comma(struct page *p)
{
    if (p->len > 0 && !p->failed && strchr("[{:", p->text[p->len - 1]) == NULL)
        page_put(p, ",");
}

void report_series_begin(struct page *p, const char *name, const char *more)
{
    put_comma(p);
    page_put(p, "{%s\"name\":", more);
    page_json(p, name);
    page_put(p, ",\"points\":[");
}

void report_point(struct page *p, double x, double y)
{
    put_comma(p);
    page_put(p, "[");
    page_number(p, x);
    page_put(p, ",");
    page_number(p, y);
    page_put(p, "]");
}

void report_series_end(struct page *p, const char *more)
{
    page_put(p, "]%s}", more);
}

void report_chart_more(struct page *p)
{
    page_put(p, "]");
}

void report_chart_end(struct page *p, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    page_put(p, "}</script>\n");
    page_element(p, "figcaption", "%s", text);
    page_put(p, "</figure>\n");
}

void report_bars_begin(struct page *p, const char *title, const char *x_title)
{
    put_figure(p, title);
    page_put(p, "{\"kind\":\"bars\",\"x\":{\"title\":");
    page_json(p, x_title);
    page_put(p, "},\"labels\":[");
}

void report_range(char out[REPORT_RANGE], const struct run_measure *m, double scale,
                  const char *format)
{
    char low[40], high[40];
    if (isnan(m->ci95[0]) || isnan(m->mean)) {
        snprintf(out, REPORT_RANGE, "-");
        return;
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(low, sizeof low, format, m->ci95[scale < 0] * scale + 0.0);
    snprintf(high, sizeof high, format, m->ci95[scale >= 0] * scale + 0.0);
#pragma GCC diagnostic pop
    snprintf(out, REPORT_RANGE, "%s .. %s", low, high);
}

void report_seconds(char out[REPORT_SECONDS], double s, double low, double high)
{
    bool ms = s < 1 && s > 0;
    double scale = ms ? 1000 : 1;
    int used = snprintf(out, REPORT_SECONDS, "%.3g %s", s * scale, ms ? "ms" : "s");
    if (!isnan(low))
        snprintf(out + used, REPORT_SECONDS - (size_t)used, " (%.3g .. %.3g)", low * scale,
                 high * scale);
}
