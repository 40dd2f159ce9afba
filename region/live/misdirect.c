#include "region/live/misdirect.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/layout.h"
#include "region/live/request.h"
#include "region/live/service.h"
#include "wire/http.h"

enum { MAP_BYTES_MAX = 4 << 20, NUMBER_TEXT = 24 };

int misdirect_init(struct misdirect *m, const struct layout *l, struct arena *a)
{
    *m = (struct misdirect){.path = layout_file(l, "map.json", a)};
    return m->path == NULL ? -1 : 0;
}

/* Read again when the file is another than last time. One that is no map changes nothing. */
static void look(struct misdirect *m, const struct service_guest *guest)
{
    struct text_file_stamp there = text_file_look(m->path), read;
    struct arena a = {0};
    struct error err;
    const char *text;
    size_t len;
    if (text_file_same(&there, &m->stamp))
        return;
    m->stamp = there;
    if (text_file_read(&text, &len, m->path, MAP_BYTES_MAX, &read, &a, &err) == 0) {
        int64_t version = guest->map_version(text, len);
        m->version = version > m->version ? version : m->version;
    }
    arena_release(&a);
}

void misdirect_answer(struct service *s, struct http_exchange *x, const char *sentence)
{
    char number[NUMBER_TEXT], member[NUMBER_TEXT + 20];
    const struct http_header header = {"Map-Version", number};
    if (s->guest_opts == NULL || s->guest_opts->map_version == NULL) {
        http_problem(x, 421, sentence);
        return;
    }
    look(&s->misdirect, s->guest_opts);
    snprintf(number, sizeof number, "%" PRId64, s->misdirect.version);
    snprintf(member, sizeof member, ",\"map_version\":%s", number);
    http_problem_more(x, 421, sentence, member, &header, 1);
}
