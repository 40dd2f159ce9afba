#include "control/live/map_file.h"

#include <string.h>

#include "wire/log.h"

static void refuse(struct map_file *f, const struct error *why)
{
    if (strcmp(f->why.text, why->text) != 0)
        log_line("the map is not used: %s", why->text);
    f->why = *why;
}

/* Read the file into `a`. 0, or -1 with `err` set and nothing changed. */
static int read_map(struct map_file *f, struct partition *map, const char **text, size_t *len,
                    struct arena *a, struct error *err)
{
    if (text_file_read(text, len, f->path, PARTITION_BYTES_MAX, &f->stamp, a, err) != 0)
        return -1;
    if (partition_parse(map, *text, *len, a, err) != 0 || partition_same(map, &f->map, err) != 0)
        return error_prefix(err, "%s", f->path);
    if (map->version < f->map.version)
        return error_set(err, ERR_CONFLICT, "%s: is stale: version %lld, and %lld is held", f->path,
                         (long long)map->version, (long long)f->map.version);
    return 0;
}

bool map_file_look(struct map_file *f)
{
    struct text_file_stamp there = text_file_look(f->path);
    if (text_file_same(&there, &f->stamp))
        return false;
    struct arena a = {0};
    struct partition map;
    struct error err;
    const char *text;
    size_t len;
    if (read_map(f, &map, &text, &len, &a, &err) != 0) {
        f->stamp = err.code == ERR_SYSTEM ? (struct text_file_stamp){0} : there; /* try again */
        if (there.inode != 0) /* else there is none yet, or no more */
            refuse(f, &err);
        arena_release(&a);
        return false;
    }
    bool changed = map.version != f->map.version;
    f->why = (struct error){0};
    arena_release(&f->made);
    arena_release(&f->held);
    f->made = a;
    f->map = map;
    f->text = text;
    f->len = len;
    return changed;
}

static int print(struct map_file *f)
{
    arena_reset(&f->held);
    f->text = partition_print(&f->map, &f->held);
    f->len = f->text == NULL ? 0 : strlen(f->text);
    return f->text == NULL ? -1 : 0;
}

int map_file_init(struct map_file *f, const struct layout *l, const char *system, const char *path)
{
    *f = (struct map_file){.path = path};
    if (partition_of(&f->map, l, system, &f->made) != 0 || print(f) != 0)
        return -1;
    map_file_look(f);
    return 0;
}

void map_file_release(struct map_file *f)
{
    arena_release(&f->made);
    arena_release(&f->held);
}

bool map_file_note(struct map_file *f, const struct status *status, int64_t now_ms)
{
    struct text_file_stamp there = text_file_look(f->path);
    struct error err;
    bool taken = !text_file_same(&there, &f->stamp) && map_file_look(f);
    bool changed = partition_observe(&f->map, status);
    if (taken && !changed)
        return true;
    if (!changed && text_file_same(&there, &f->stamp) && f->why.code == ERR_NONE &&
        there.inode != 0)
        return false;
    int64_t before = f->map.version;
    f->map.version = partition_version(before, now_ms);
    if (print(f) == 0 && text_file_replace(f->path, f->text, f->len, &f->stamp, &err) == 0) {
        f->why = (struct error){0};
        return true;
    }
    f->stamp = (struct text_file_stamp){0}; /* at the next look it is tried again */
    refuse(f, &err);
    return false;
}
