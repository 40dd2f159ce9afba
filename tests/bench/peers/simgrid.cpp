/* simgrid.cpp - the two workloads on the timers of SimGrid's kernel, its fastest way to have
 * something happen later. An actor that sleeps through it all keeps the engine running. */
#include <simgrid/kernel/Timer.hpp>
#include <simgrid/s4u.hpp>

#include "tests/bench/peers/peer.hpp"

using simgrid::kernel::timer::Timer;

static struct peer_job job;

static double now()
{
    return simgrid::s4u::Engine::get_clock();
}

static double after(double mean)
{
    return now() + mean * rng_exp(&peer_rng);
}

/* ---- one server ---- */

static std::deque<double> inside; /* who is there, by arrival */
static uint64_t served;
static double spent;

static void complete()
{
    spent += now() - inside.front();
    inside.pop_front();
    if (++served == job.events / 2)
        peer_end(job.events, spent / static_cast<double>(served));
    if (!inside.empty())
        Timer::set(after(1), complete);
}

static void arrive()
{
    if (inside.empty())
        Timer::set(after(1), complete);
    inside.push_back(now());
    Timer::set(after(1 / 0.9), arrive);
}

/* ---- what reschedules itself ---- */

static uint64_t handled;
static double start_time;

static void again()
{
    if (++handled == 2 * job.pending) {
        start_time = now();
        peer_start_s = peer_cpu_s();
    }
    if (handled == 2 * job.pending + job.events)
        peer_end(job.events, (now() - start_time) * static_cast<double>(job.pending) /
                                 static_cast<double>(job.events));
    Timer::set(after(1), again);
}

int main(int argc, char **argv)
{
    job = peer_begin(argc, argv);
    char quiet[] = "--log=root.threshold:error";
    char *engine_argv[] = {argv[0], quiet, nullptr};
    int engine_argc = 2;
    simgrid::s4u::Engine engine(&engine_argc, engine_argv);
    auto *zone = simgrid::s4u::create_full_zone("zone");
    auto *host = zone->create_host("host", 1e9);
    zone->seal();
    simgrid::s4u::Actor::create("sleeper", host, [] { simgrid::s4u::this_actor::sleep_for(1e15); });
    for (uint64_t i = 0; i < job.pending; i++)
        Timer::set(after(1), again);
    if (!job.hold)
        Timer::set(after(1 / 0.9), arrive);
    peer_start_s = peer_cpu_s();
    engine.run();
    return 1; /* peer_end comes first */
}
