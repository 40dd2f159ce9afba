/* topo_cut.h - who may share a cell, and where cells may be: the rules are checked against each
 * other and against the topology's own cells. A part of topo_parse. */
#ifndef BASE_TOPO_CUT_H
#define BASE_TOPO_CUT_H

#include <stdbool.h>

struct arena;
struct data_country;
struct error;
struct topo;
struct topo_cell;
struct topo_country;

/* The facts of the country that `country` is or is a part of. 0, or -1 with `err` set. */
int topo_cut_fact(struct data_country *fact, const struct topo_country *country, struct error *err);

/* Check the rules of all countries and the candidate regions. 0, or -1 with `err` set, which names
 * the rules that contradict each other. */
int topo_cut_rules(const struct topo *topo, struct error *err);

/* The first region in which the rules of all of the cell's countries let it lie, or NULL when they
 * do not care. 0, or -1 with `err` set: there is none. `country` of the cell is known. */
int topo_cut_region(const char **region, const struct topo *topo, const struct topo_cell *cell,
                    struct error *err);

/* Check a cell against the rules of its countries. 0, or -1 with `err` set. */
int topo_cut_cell(const struct topo *topo, const struct topo_cell *cell, struct error *err);

#endif
