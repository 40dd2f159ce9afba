/* party.h - customers and vendors: who buys and who sells. */
#ifndef REGION_PARTY_H
#define REGION_PARTY_H

#include "region/record.h"

struct party {
    struct record record;
    const char *name;
    const char *code;
};

extern const struct kind customer_kind;
extern const struct kind vendor_kind;

#endif
