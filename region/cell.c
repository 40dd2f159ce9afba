#include "region/cell.h"

#include "region/catalog.h"
#include "region/order.h"
#include "region/party.h"

static const struct kind *const kinds[] = {
    [LAYOUT_CUSTOMER] = &customer_kind,
    [LAYOUT_VENDOR] = &vendor_kind,
    [LAYOUT_CATALOG] = &item_kind,
    [LAYOUT_ORDER] = &order_kind,
};

const struct kind *cell_kind(enum layout_service service)
{
    return kinds[service];
}
