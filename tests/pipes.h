/* pipes.h - a pipeline from a text, for tests. */
#ifndef TESTS_PIPES_H
#define TESTS_PIPES_H

#include "base/arena.h"
#include "base/pipeline_def.h"

/* The "pipeline" of a topology of one country; a text that is refused fails the test. */
struct pipeline_def pipes_define(const char *pipeline, struct arena *a);

#endif
