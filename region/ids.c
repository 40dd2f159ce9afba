#include "region/ids.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "region/digest.h"

static const char letters[] = "cvio";                                       /* by kind */
static const char *const words[] = {"customer", "vendor", "item", "order"}; /* by kind */

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("._~-", c) != NULL);
}

bool id_key_ok(const char *key)
{
    size_t len = 0;
    for (; key[len] != '\0'; len++)
        if (len == ID_KEY_MAX || key[len] <= ' ' || key[len] > '~')
            return false;
    return len > 0;
}

void id_of_key(char out[ID_TEXT], const char *country, enum id_kind kind, const char *key)
{
    char text[8 + ID_KEY_MAX], digest[DIGEST_TEXT];
    int n = snprintf(text, sizeof text, "%.2s-%c-%.*s", country, letters[kind], ID_KEY_MAX, key);
    digest_text(digest, text, (size_t)n);
    snprintf(out, ID_TEXT, "%.2s-%c-%s", country, letters[kind], digest);
}

int id_of_code(char out[ID_TEXT], const char *country, enum id_kind kind, const char *code,
               struct error *err)
{
    size_t len = 0;
    for (; code[len] != '\0'; len++)
        if (len == ID_CODE_MAX || !(is_plain(code[len]) || code[len] == ' '))
            break;
    if (len == 0 || code[len] != '\0')
        return error_set(err, ERR_RANGE,
                         "code: expected 1 to %d letters, digits, spaces or any of \"._~-\"",
                         ID_CODE_MAX);
    snprintf(out, ID_TEXT, "%.2s-%c-%s", country, letters[kind], code);
    for (char *c = out; *c != '\0'; c++)
        if (*c == ' ')
            *c = '_';
    return 0;
}

bool id_parse(struct id *out, const char *text)
{
    size_t len = strnlen(text, ID_TEXT);
    if (len < 6 || len > ID_MAX || text[2] != '-' || text[4] != '-')
        return false;
    const char *letter = strchr(letters, text[3]);
    if (letter == NULL)
        return false;
    for (int i = 0; i < 2; i++)
        if (text[i] < 'a' || text[i] > 'z')
            return false;
    for (size_t i = 5; i < len; i++)
        if (!is_plain(text[i]))
            return false;
    *out = (struct id){.country = {text[0], text[1]}, .kind = (enum id_kind)(letter - letters)};
    return true;
}

int id_check(const char *text, const char *country, enum id_kind kind, const char *what,
             struct error *err)
{
    struct id id;
    if (!id_parse(&id, text) || id.kind != kind)
        return error_set(err, ERR_RANGE, "%s: expected the id of %s %s, as %s-%c-1001", what,
                         kind == ID_ITEM || kind == ID_ORDER ? "an" : "a", words[kind], country,
                         letters[kind]);
    if (strcmp(id.country, country) != 0)
        return error_set(err, ERR_CONFLICT, "%s: %s is not of this country", what, text);
    return 0;
}

void id_bounds(char low[ID_TEXT], char high[ID_TEXT], const char *country, enum id_kind kind)
{
    snprintf(low, ID_TEXT, "%.2s-%c-", country, letters[kind]);
    snprintf(high, ID_TEXT, "%.2s-%c.", country, letters[kind]); /* '.' follows '-' in ASCII */
}
