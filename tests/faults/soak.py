"""`make soak ROUNDS=100 SEED=1`: round after round of trouble, chosen by a seed; prints a line a round, and at the end what was proven.

`TROUBLES="fail-over,kill node"` has these alone, together in each round; `TROUBLES=calm` has none, and shows what grows by itself.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter

from bench.world import make_world
from tests.faults import namespaces
from tests.faults.cluster import Cluster
from tests.faults.flatness import Flatness
from tests.faults.people import crowd
from tests.faults.rounds import LATE_SECONDS, Outcome, Rounds
from tests.faults.story import answer
from tests.faults.troubles import choose

VISITORS, AGENTS, PLACES = 20, 3, 10
WORKERS = (1, 2)
"""A node that is one process, and one that is a supervisor with two."""
IDLE_LOAD = 2.0
"""Above this many processes that want to run, a timer's lateness says more about the machine than about us."""


async def soak(cluster: Cluster, rounds: int, seed: int, only: list[str]) -> tuple[list[Outcome], Flatness]:
    """So many rounds; ends early when people themselves fail."""
    chance, outcomes = random.Random(seed), []
    world = await make_world(cluster.database_url(), agents=AGENTS, visitor_count=VISITORS, places=PLACES)
    flat = Flatness(cluster)
    flat.begin()
    async with crowd(cluster.port, world) as people:
        answering = [asyncio.create_task(answer(agent)) for agent in people.agents]
        turn = Rounds(cluster, world, people)
        for number in range(1, rounds + 1):
            outcome = await turn.run(only or choose(chance), chance)
            outcomes.append(outcome)
            flat.measure()
            print(
                f"{number:4}  {' + '.join(outcome.troubles):40} {outcome.acknowledged:6} acked  healed {outcome.healed_after:6.1f} s  "
                f"timers {outcome.late:5.2f} s late (load {outcome.load:4.1f})  {flat.shown()}",
                flush=True,
            )
            for line in outcome.without:
                print(f"      NOT HERE {line}", flush=True)
            for line in outcome.wrong[:10]:
                print(f"      WRONG {line}", flush=True)
            if outcome.wrong:
                print(cluster.said(), file=sys.stderr, flush=True)
        for task in answering:
            task.cancel()
        await asyncio.wait(answering)
    await flat.end()
    return outcomes, flat


def main() -> None:
    """Exit code 1 when anything was wrong."""
    rounds, seed = int(os.environ.get("ROUNDS") or 100), int(os.environ.get("SEED") or 1)
    only = [name.strip() for name in os.environ.get("TROUBLES", "").split(",") if name.strip()]
    # Ended from outside, it leaves no processes and no mounted disks behind.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    began = time.monotonic()
    print(f"{rounds} rounds, seed {seed}", flush=True)
    with Cluster(workers=WORKERS, apart=namespaces.why_not() is None) as cluster:
        outcomes, flat = asyncio.run(soak(cluster, rounds, seed, only))
    print(
        f"\n{len(outcomes)} rounds in {(time.monotonic() - began) / 60:.1f} min, {sum(o.acknowledged for o in outcomes)} messages acknowledged"
    )
    had = Counter(name for outcome in outcomes for name in outcome.troubles)
    print("troubles: " + ", ".join(f"{name} {count}" for name, count in had.most_common()))
    wrong = sum(bool(outcome.wrong) for outcome in outcomes)
    print(f"rounds with anything lost, doubled, left out, told differently, unserved, above a limit, or a timer not fired once: {wrong}")
    _timers(outcomes)
    print(f"slowest to settle: {max(o.healed_after for o in outcomes):.1f} s")
    grown = flat.wrong()
    for line in [*flat.told(), *(f"WRONG {one}" for one in grown)]:
        print(line)
    sys.exit(1 if wrong or grown else 0)


def _timers(outcomes: list[Outcome]) -> None:
    late = [outcome for outcome in outcomes if outcome.late > LATE_SECONDS]
    calm = [outcome for outcome in late if outcome.load <= IDLE_LOAD]
    print(
        f"rounds with a timer more than {LATE_SECONDS:.0f} s late after recovery: {len(late)} (worst {max(o.late for o in outcomes):.2f} s), "
        f"of these {len(calm)} on a machine with a load of {IDLE_LOAD:.0f} or less"
    )


if __name__ == "__main__":
    main()
