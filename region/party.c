#include "region/party.h"

#define PARTY_ROWS                                                                        \
    JSON_STR(struct party, name, "name", .required = true, .doc = "What people call it"), \
        JSON_STR(struct party, code, "code", .nullable = true,                            \
                 .doc = "The body of its id, if it brings one")

static const struct json_field body_fields[] = {PARTY_ROWS, JSON_END};
static const struct json_field fields[] = {
    RECORD_ROWS_FIRST(struct party),
    PARTY_ROWS,
    RECORD_ROWS_LAST(struct party),
    JSON_END,
};

static const char *const schema[] = {RECORD_SCHEMA};

static int check(const void *body, const char *country, struct record_facts *facts, struct arena *a,
                 struct error *err)
{
    const struct party *p = body;
    (void)country;
    (void)a;
    facts->code = p->code;
    return record_check_text(p->name, "name", err);
}

#define PARTY(name_, id_)                                                            \
    {                                                                                \
        .name = name_, .plural = name_ "s", .id = id_, .size = sizeof(struct party), \
        .body = body_fields, .fields = fields, .check = check, .schema = schema,     \
        .schema_count = sizeof schema / sizeof schema[0],                            \
    }

const struct kind customer_kind = PARTY("customer", ID_CUSTOMER);
const struct kind vendor_kind = PARTY("vendor", ID_VENDOR);
