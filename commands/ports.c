#include "commands/ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/layout.h"
#include "base/topo.h"
#include "wire/process.h"

static int check_port(int port, struct error *err)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, ERR_SYSTEM, "cannot make a socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    int status = bind(fd, (const struct sockaddr *)&at, sizeof at);
    int error = errno;
    close(fd);
    if (status == 0)
        return 0;
    if (error == EADDRINUSE)
        return error_set(err, ERR_CONFLICT, "port %d on 127.0.0.1 is in use: choose another --port",
                         port);
    return error_set(err, ERR_SYSTEM, "port %d on 127.0.0.1: %s", port, strerror(error));
}

/* One that our own process has is fine. */
static int check(const char *pid_file, bool exists, int port, struct error *err)
{
    struct process found = {.fd = -1};
    if (pid_file == NULL)
        return error_memory(err);
    if (exists && process_find(&found, pid_file, err) != 0)
        return -1;
    bool ours = found.pid != 0;
    process_release(&found);
    return ours ? 0 : check_port(port, err);
}

static int check_all(const struct layout *l, bool exists, struct arena *a, struct error *err)
{
    for (int i = 0; i < l->doors; i++)
        if (check(layout_door(l, i, "pid", a), exists, layout_door_port(l, i), err) != 0)
            return -1;
    for (size_t i = 0; i < l->topo->cell_count; i++)
        for (size_t k = 0; k < l->topo->cells[i].zone_count; k++)
            for (size_t s = 0; s < l->topo->service_count; s++)
                if (check(layout_replica(l, i, k, s, "pid", a), exists, layout_port(l, i, k, s),
                          err) != 0)
                    return -1;
    return 0;
}

int ports_check(const struct layout *l, bool exists, struct error *err)
{
    struct arena a = {0};
    int status = check_all(l, exists, &a, err);
    arena_release(&a);
    return status;
}
