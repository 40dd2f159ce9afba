"""simpy.py - the two workloads on SimPy: one process for each thing that waits.

Called and answering as peer.hpp says.
"""
import collections
import os
import sys
import time

# The folder of this file comes first in the path, and the file has the library's name.
sys.path.pop(0)
import random
import simpy


def end(events, start_s, check):
    used_s = time.process_time() - start_s
    print("%.0f %.6g" % (events / used_s, check), flush=True)
    os._exit(0)  # without taking everything down


def mm1(events):
    env = simpy.Environment()
    exponential = random.Random(1).expovariate
    inside = collections.deque()
    wake = [None]

    def arrivals():
        while True:
            yield env.timeout(exponential(0.9))
            inside.append(env.now)
            if wake[0] is not None:
                wake[0].succeed()
                wake[0] = None

    def server():
        served, spent = 0, 0.0
        while True:
            if not inside:
                wake[0] = env.event()
                yield wake[0]
            yield env.timeout(exponential(1.0))
            spent += env.now - inside.popleft()
            served += 1
            if served == events // 2:
                end(events, start_s, spent / served)

    env.process(server())
    env.process(arrivals())
    start_s = time.process_time()
    env.run()


def hold(events, pending):
    env = simpy.Environment()
    exponential = random.Random(1).expovariate
    warm, last = 2 * pending, 2 * pending + events
    handled, start_s, start = 0, 0.0, 0.0

    def thing():
        nonlocal handled, start_s, start
        while True:
            yield env.timeout(exponential(1.0))
            handled += 1
            if handled == warm:
                start_s, start = time.process_time(), env.now
            elif handled == last:
                end(events, start_s, (env.now - start) * pending / events)

    for _ in range(pending):
        env.process(thing())
    env.run()


if len(sys.argv) == 3 and sys.argv[1] == "mm1":
    mm1(int(sys.argv[2]))
elif len(sys.argv) == 4 and sys.argv[1] == "hold":
    hold(int(sys.argv[2]), int(sys.argv[3]))
else:
    sys.exit("usage: simpy.py mm1 EVENTS | hold EVENTS PENDING")
