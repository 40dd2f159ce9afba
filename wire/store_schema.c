#include "wire/store_schema.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/store.h"
#include "wire/store_tx.h"

/* The first row equals *owner: then that becomes NULL. */
static int row_is_owner(void *context, const struct store_value *column, size_t count)
{
    (void)count;
    const char **owner = context;
    if (column[0].type == STORE_TEXT && strcmp(column[0].text, *owner) == 0)
        *owner = NULL;
    return 1;
}

struct place {
    const char *folder;
    const char *owner;
};

/* The rows bear the name too: the file may have been copied here. */
static int check_owner(struct store_tx *tx, void *context, struct error *err)
{
    const struct place *place = context;
    const char *owner = place->owner;
    struct store_value arg = store_text(owner, strlen(owner));
    if (store_run(tx, "CREATE TABLE IF NOT EXISTS store_owner (id INTEGER PRIMARY KEY, cell TEXT)",
                  NULL, 0, NULL, NULL, NULL, err) < 0 ||
        store_run(tx, "INSERT INTO store_owner VALUES (1, ?1) ON CONFLICT (id) DO NOTHING", &arg, 1,
                  NULL, NULL, NULL, err) < 0 ||
        store_run(tx, "SELECT cell FROM store_owner", NULL, 0, row_is_owner, &owner, NULL, err) < 0)
        return -1;
    if (owner)
        return error_set(err, ERR_CONFLICT, "%s/rows.db: its rows are not those of cell '%s'",
                         place->folder, owner);
    return 0;
}

static int bring_up_to_date(struct store_tx *tx, const char *folder, const char *const *schema,
                            size_t count, struct error *err)
{
    int64_t version;
    if (store_tx_number(tx, "PRAGMA user_version", &version, err) < 0)
        return -1;
    for (size_t i = version < 0 ? 0 : (size_t)version; i < count; i++) {
        char set[64];
        snprintf(set, sizeof set, "PRAGMA user_version=%zu", i + 1);
        if (store_tx_script(tx, schema[i], err) < 0 || store_tx_script(tx, set, err) < 0)
            return error_prefix(err, "%s/rows.db: schema %zu", folder, i + 1);
    }
    return 0;
}

int store_schema_apply(struct store_tx *tx, const char *folder, const char *owner,
                       const char *const *schema, size_t count, struct error *err)
{
    enum { OPEN_US = 1000000 };
    if (store_tx_begin(tx, OPEN_US, err) < 0)
        return -1;
    struct place place = {.folder = folder, .owner = owner};
    if (store_tx_work(tx, check_owner, &place, OPEN_US, err) < 0 ||
        bring_up_to_date(tx, folder, schema, count, err) < 0) {
        store_tx_rollback(tx);
        return -1;
    }
    return store_tx_commit(tx, err);
}
