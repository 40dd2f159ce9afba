#include "wire/lease_file.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/topo.h"
#include "wire/log.h"
#include "wire/text_file.h"

enum { BYTES_MAX = 1 << 16 }; /* LEASES_MAX of them are far smaller */

/* Of this start of the machine; "" when it cannot be told. */
static void read_boot(char boot[LEASE_BOOT_MAX])
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file == NULL || fgets(boot, LEASE_BOOT_MAX, file) == NULL)
        boot[0] = '\0';
    boot[strcspn(boot, "\n")] = '\0';
    if (file != NULL)
        fclose(file);
}

void lease_file_init(struct lease_file *f, const char *path, const struct topo *topo)
{
    *f = (struct lease_file){.path = path, .topo = topo, .looked_us = INT64_MIN / 2};
    read_boot(f->boot);
}

bool lease_file_look(struct lease_file *f)
{
    struct text_file_stamp now = text_file_look(f->path);
    if (text_file_same(&now, &f->stamp) && !f->unread)
        return false;
    struct arena a = {0};
    struct error err;
    const char *text;
    size_t len;
    bool failed = false;
    f->stamp = now;
    if (now.inode == 0)
        f->leases.count = 0;
    else if (text_file_read(&text, &len, f->path, BYTES_MAX, &f->stamp, &a, &err) != 0)
        failed = true;
    else if (leases_parse(&f->leases, text, len, f->topo, &err) != 0)
        log_line("%s: %s", f->path, err.text);
    if (failed && !f->unread)
        log_line("%s", err.text);
    f->unread = failed;
    if (strcmp(f->leases.boot, f->boot) != 0)
        f->leases.count = 0;
    arena_release(&a);
    return true;
}

void lease_file_glance(struct lease_file *f, int64_t now_us)
{
    if (now_us - f->looked_us < LEASE_FILE_LOOK_US)
        return;
    f->looked_us = now_us;
    lease_file_look(f);
}

int lease_file_save(struct lease_file *f, struct error *err)
{
    struct arena a = {0};
    memcpy(f->leases.boot, f->boot, sizeof f->boot);
    const char *text = leases_print(&f->leases, &a);
    int status = text == NULL ? error_memory(err)
                              : text_file_replace(f->path, text, strlen(text), &f->stamp, err);
    arena_release(&a);
    return status;
}

int64_t lease_file_way_us(struct lease_file *f, size_t cell, size_t from, size_t to, int64_t now_us)
{
    const struct topo *topo = f->topo;
    lease_file_glance(f, now_us);
    int64_t fault_us = f->leases.count == 0 ? 0 : leases_way_us(&f->leases, cell, from, to, now_us);
    if (fault_us == LEASE_CUT || !topo->policy.network)
        return fault_us;
    return topo_rtt_us(&topo->cells[cell], from, to) / 2 + fault_us;
}
