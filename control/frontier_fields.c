/* The tables that encode a frontier. */
#include "base/json.h"
#include "control/frontier.h"

static const char *const measure_words[] = {
    [FRONTIER_CUSTOMERS] = "customers", [FRONTIER_DEMAND] = "demand", NULL};

static const struct json_field cell_fields[] = {
    JSON_STRS(struct frontier_cell, countries, country_count, "countries",
              .doc = "Served together"),
    JSON_I64(struct frontier_cell, parts, "parts", 0, 0,
             .doc = "So many equal cells like this, each with a part of the one country"),
    JSON_STR(struct frontier_cell, region, "region",
             .doc = "Of its cheapest regions the one nearest to its customers"),
    JSON_F64(struct frontier_cell, price, "price", 0, 0, .doc = "Of a server there"),
    JSON_F64(struct frontier_cell, peak_rps, "peak_rps", 0, 0,
             .doc = "Its peak; like all that follows, of one part"),
    JSON_I64(struct frontier_cell, servers, "servers", 0, 0, .doc = "Its servers"),
    JSON_F64(struct frontier_cell, cost, "cost", 0, 0, .doc = "Servers times price"),
    JSON_F64(struct frontier_cell, customers_share, "customers_share", 0, 0,
             .doc = "Its share of all customers"),
    JSON_F64(struct frontier_cell, demand_share, "demand_share", 0, 0,
             .doc = "Its share of a week's requests"),
    JSON_I64(struct frontier_cell, rtt_us, "rtt_us", 0, 0,
             .doc = "The longest round trip from its customers"),
    JSON_END,
};

static const struct json_field point_fields[] = {
    JSON_I64(struct frontier_point, number, "number", 0, 0, .doc = "For --pick"),
    JSON_F64(struct frontier_point, cost, "cost", 0, 0, .doc = "Of all servers"),
    JSON_I64(struct frontier_point, servers, "servers", 0, 0, .doc = "Of all cells"),
    JSON_I64(struct frontier_point, cell_count_all, "cell_count", 0, 0,
             .doc = "Cells, all parts counted"),
    JSON_F64(struct frontier_point, blast, "blast", 0, 0,
             .doc = "The largest share that the loss of one cell touches, by the measure"),
    JSON_F64(struct frontier_point, blast_customers, "blast_customers", 0, 0,
             .doc = "The same of customers"),
    JSON_F64(struct frontier_point, blast_demand, "blast_demand", 0, 0,
             .doc = "The same of a week's requests"),
    JSON_F64(struct frontier_point, cost_bound, "cost_bound", 0, 0,
             .doc = "No cut of this blast or less costs less"),
    JSON_F64(struct frontier_point, gap, "gap", 0, 0, .doc = "Cost over that bound, minus 1"),
    JSON_STR(struct frontier_point, knee, "knee", .nullable = true,
             .doc = "A letter where the price of a smaller blast turns; null elsewhere"),
    JSON_LIST(struct frontier_point, cells, cell_count, "cells", struct frontier_cell, cell_fields,
              .doc = "How it cuts, the largest blast first"),
    JSON_END,
};

static const struct json_field layout_fields[] = {
    JSON_STR(struct frontier_layout, name, "name", .doc = "A cut that one would think of"),
    JSON_BOOL(struct frontier_layout, allowed, "allowed",
              .doc = "Rules, regions and latency let it be"),
    JSON_F64(struct frontier_layout, cost, "cost", 0, 0, .nullable = true,
             .doc = "Its cost, as planned; null: no region will do for some cell"),
    JSON_I64(struct frontier_layout, servers, "servers", 0, 0, .doc = "Its servers, as planned"),
    JSON_I64(struct frontier_layout, cells, "cells", 0, 0, .doc = "Its cells"),
    JSON_F64(struct frontier_layout, blast, "blast", 0, 0,
             .doc = "The largest share that the loss of one cell touches"),
    JSON_END,
};

const struct json_field frontier_fields[] = {
    JSON_WORD(struct frontier, measure, "measure", measure_words,
              .doc = "What a blast radius is a share of"),
    JSON_BOOL(struct frontier, exact, "exact",
              .doc =
                  "Every cut was covered; else a search, and the gaps say how far it may be off"),
    JSON_BOOL(struct frontier, priced, "priced",
              .doc = "Cost is by the topology's prices; else it is servers"),
    JSON_BOOL(struct frontier, stopped, "stopped",
              .doc = "It was stopped: points of smaller blast are missing"),
    JSON_F64(struct frontier, gap_max, "gap_max", 0, 0, .doc = "The largest gap of its points"),
    JSON_LIST(struct frontier, points, point_count, "points", struct frontier_point, point_fields,
              .doc = "The largest blast and least cost first"),
    JSON_LIST(struct frontier, layouts, layout_count, "layouts", struct frontier_layout,
              layout_fields, .doc = "Other cuts, for comparison"),
    JSON_END,
};
