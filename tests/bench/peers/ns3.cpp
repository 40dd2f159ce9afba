/* ns3.cpp - the two workloads on the core of ns-3: Simulator::Schedule and nothing above it.
 *
 * PEER_SCHEDULER in the environment names its event list, as "Map", its default, or
 * "PriorityQueue". Its clock counts nanoseconds, as ours does: a unit of the workload is 10^9. */
#include <ns3/core-module.h>
#include <string>

#include "tests/bench/peers/peer.hpp"

static const double UNIT = 1e9;
static struct peer_job job;

static ns3::Time after(double mean)
{
    return ns3::NanoSeconds(static_cast<int64_t>(rng_exp(&peer_rng) * mean * UNIT));
}

static double now()
{
    return static_cast<double>(ns3::Simulator::Now().GetNanoSeconds()) / UNIT;
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
        ns3::Simulator::Schedule(after(1), &complete);
}

static void arrive()
{
    if (inside.empty())
        ns3::Simulator::Schedule(after(1), &complete);
    inside.push_back(now());
    ns3::Simulator::Schedule(after(1 / 0.9), &arrive);
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
    ns3::Simulator::Schedule(after(1), &again);
}

int main(int argc, char **argv)
{
    job = peer_begin(argc, argv);
    const char *scheduler = std::getenv("PEER_SCHEDULER");
    ns3::ObjectFactory factory;
    factory.SetTypeId("ns3::" + std::string(scheduler ? scheduler : "Map") + "Scheduler");
    ns3::Simulator::SetScheduler(factory);
    for (uint64_t i = 0; i < job.pending; i++)
        ns3::Simulator::Schedule(after(1), &again);
    if (!job.hold)
        ns3::Simulator::Schedule(after(1 / 0.9), &arrive);
    peer_start_s = peer_cpu_s();
    ns3::Simulator::Run();
    return 1; /* peer_end comes first */
}
