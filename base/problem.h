/* problem.h - application/problem+json (RFC 9457), as our own processes answer it. */
#ifndef BASE_PROBLEM_H
#define BASE_PROBLEM_H

#include <stddef.h>

struct arena;

/* What is wrong, in `a`; NULL when the body does not say it. */
const char *problem_detail(const char *body, size_t len, struct arena *a);

#endif
