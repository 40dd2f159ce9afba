#include "base/problem.h"

#include "base/error.h"
#include "base/json.h"

struct problem {
    const char *type, *title, *detail;
    int64_t status;
};

static const struct json_field problem_fields[] = {
    JSON_STR(struct problem, type, "type", .nullable = true, .doc = "Its kind"),
    JSON_STR(struct problem, title, "title", .nullable = true, .doc = "The status in words"),
    JSON_I64(struct problem, status, "status", 0, 999, .preset = "0", .doc = "The status"),
    JSON_STR(struct problem, detail, "detail", .nullable = true, .doc = "What is wrong"),
    JSON_END,
};

const char *problem_detail(const char *body, size_t len, struct arena *a)
{
    struct problem p = {0};
    struct error ignored;
    if (json_decode(&p, sizeof p, problem_fields, body, len, NULL, 0, a, &ignored) != 0)
        return NULL;
    return p.detail;
}
