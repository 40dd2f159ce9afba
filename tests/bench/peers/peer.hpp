/* peer.hpp - what the benches of other simulators share: our random numbers, a clock, the answer.
 *
 * The workloads are those of tests/bench/floors.h. A peer prints two numbers: events per second of
 * process CPU time, and what floors.h calls `check`. Called as "PEER mm1 EVENTS" or
 * "PEER hold EVENTS PENDING"; hold is warmed up with two events for each that is pending. */
#ifndef TESTS_BENCH_PEERS_PEER_HPP
#define TESTS_BENCH_PEERS_PEER_HPP

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <unistd.h>

extern "C" {
#include "base/rng.h"
}

struct peer_job {
    bool hold;
    uint64_t events, pending;
};

static struct rng peer_rng;
static double peer_start_s;

static inline double peer_cpu_s()
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

static inline struct peer_job peer_begin(int argc, char **argv)
{
    struct peer_job job = {};
    job.hold = argc == 4 && std::strcmp(argv[1], "hold") == 0;
    if (!job.hold && (argc != 3 || std::strcmp(argv[1], "mm1") != 0)) {
        std::fprintf(stderr, "usage: %s mm1 EVENTS | hold EVENTS PENDING\n", argv[0]);
        std::exit(2);
    }
    job.events = std::strtoull(argv[2], nullptr, 10);
    job.pending = job.hold ? std::strtoull(argv[3], nullptr, 10) : 0;
    rng_init(&peer_rng, 1);
    return job;
}

/* Print and leave at once: taking a million events down again is not what is measured. */
[[noreturn]] static inline void peer_end(uint64_t events, double check)
{
    double used_s = peer_cpu_s() - peer_start_s;
    std::printf("%.0f %.6g\n", static_cast<double>(events) / used_s, check);
    std::fflush(stdout);
    _exit(0);
}

#endif
