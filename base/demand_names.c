#include "base/demand_names.h"

#include <stdint.h>
#include <string.h>

#include "base/arena.h"

/* Names in use besides those of base/data.h, of which ISO's own and those of well-known data. */
static const struct {
    const char *name, *code;
} others[] = {
    {"UK", "GB"},
    {"EL", "GR"},
    {"Great Britain", "GB"},
    {"England", "GB"},
    {"U.S.", "US"},
    {"U.S.A.", "US"},
    {"United States of America", "US"},
    {"EIRE", "IE"},
    {"RSA", "ZA"},
    {"Holland", "NL"},
    {"The Netherlands", "NL"},
    {"Czech Republic", "CZ"},
    {"Russian Federation", "RU"},
    {"Korea", "KR"},
    {"Republic of Korea", "KR"},
    {"Viet Nam", "VN"},
    {"Turkiye", "TR"},
    {"T\xc3\xbcrkiye", "TR"},
    {"UAE", "AE"},
    {"Channel Islands", "JE"},
    {"Macedonia", "MK"},
    {"Swaziland", "SZ"},
};

static char small(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static bool same(const char *text, size_t len, const char *name)
{
    for (size_t i = 0; i < len; i++)
        if (name[i] == '\0' || small(text[i]) != small(name[i]))
            return false;
    return name[len] == '\0';
}

static int letter_of(char c)
{
    char s = small(c);
    return s >= 'a' && s <= 'z' ? s - 'a' : -1;
}

/* A two-letter text as an index into by_code; -1: it is none. */
static int code_of(const char *text)
{
    int a = letter_of(text[0]), b = letter_of(text[1]);
    return a < 0 || b < 0 ? -1 : a * 26 + b;
}

struct demand_names *demand_names_new(struct arena *a)
{
    struct demand_names *names = arena_alloc(a, 1, sizeof *names);
    if (names == NULL)
        return NULL;
    names->count = data_countries_all(names->country, DATA_COUNTRIES_MAX);
    for (size_t i = 0; i < names->count; i++)
        names->by_code[code_of(names->country[i].code)] = (short)(i + 1);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strlen(others[i].name) == 2)
            names->by_code[code_of(others[i].name)] = names->by_code[code_of(others[i].code)];
    return names;
}

static int search(const struct demand_names *names, const char *text, size_t len)
{
    for (size_t i = 0; i < names->count; i++)
        if (same(text, len, names->country[i].name) || same(text, len, names->country[i].code3))
            return (int)i;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (same(text, len, others[i].name))
            return names->by_code[code_of(others[i].code)] - 1;
    return DEMAND_NAMES_NONE;
}

int demand_names_find(struct demand_names *names, const char *text, size_t len)
{
    if (len == 2) {
        int code = code_of(text);
        return code < 0 ? DEMAND_NAMES_NONE : names->by_code[code] - 1;
    }
    if (len == 0 || len > DEMAND_NAMES_KEY)
        return DEMAND_NAMES_NONE;
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    size_t at = (hash ^ hash >> 16) % DEMAND_NAMES_CACHE;
    if (names->cache[at].len != len || memcmp(names->cache[at].key, text, len) != 0) {
        names->cache[at].index = (short)search(names, text, len);
        names->cache[at].len = (unsigned char)len;
        memcpy(names->cache[at].key, text, len);
    }
    return names->cache[at].index;
}

bool demand_names_no_country(const char *text, size_t len)
{
    if (len != 2 || code_of(text) < 0)
        return false;
    char a = small(text[0]), b = small(text[1]);
    return (a == 'a' && b == 'a') || (a == 'q' && b >= 'm') || a == 'x' || (a == 'z' && b == 'z') ||
           (a == 'e' && b == 'u') || (a == 'u' && b == 'n');
}

/* ---- columns ---- */

/* The better one first; one that ends in '*' is a beginning. */
static const char *const columns[][20] = {
    [DEMAND_COLUMN_TIME] =
        {"timestamp", "datetime",      "time",         "createdat",  "orderedat",
         "created",   "orderdatetime", "ordertime",    "orderdate",  "invoicedate",
         "eventtime", "requesttime",   "purchasedate", "date",       "ts",
         "at",        "timestamp*",    "datetime*",    "createdat*", NULL},
    [DEMAND_COLUMN_COUNTRY] = {"country", "countrycode", "countryiso2", "countryiso", "countryiso3",
                               "iso2", "iso3", "cc", "countryname", "shippingcountry",
                               "customercountry", "billingcountry", "country*", NULL},
    [DEMAND_COLUMN_COUNT] = {"count", "requests", "orders", "hits", "requestcount", "ordercount",
                             "numrequests", "numorders", NULL},
};

static void plain_name(const struct csv_field *field, char out[64])
{
    size_t n = 0;
    for (size_t i = 0; i < field->len && n < 63; i++) {
        char c = small(field->text[i]);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            out[n++] = c;
    }
    out[n] = '\0';
}

size_t demand_names_column(const struct csv *header, enum demand_column what)
{
    for (const char *const *name = columns[what]; *name != NULL; name++) {
        size_t len = strlen(*name);
        bool beginning = (*name)[len - 1] == '*';
        for (size_t i = 0; i < header->count; i++) {
            char plain[64];
            plain_name(&header->field[i], plain);
            if (beginning ? strncmp(plain, *name, len - 1) == 0 : strcmp(plain, *name) == 0)
                return i;
        }
    }
    return SIZE_MAX;
}
