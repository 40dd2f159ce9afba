/* cell.h - what a cell keeps: the kind of record of each of its services. */
#ifndef REGION_CELL_H
#define REGION_CELL_H

#include "base/layout.h"

struct kind;

const struct kind *cell_kind(enum layout_service service);

#endif
