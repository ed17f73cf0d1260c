"""`make soak ROUNDS=100 SEED=1`: round after round of trouble, chosen by a seed; prints a line a round, and at the end what was proven.

`TROUBLES="fail-over,kill node"` has these alone, together in each round.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections import Counter, defaultdict

from bench.server import rss_kib
from bench.world import make_world
from tests.faults.cluster import Cluster
from tests.faults.people import crowd
from tests.faults.rounds import LATE_SECONDS, Outcome, Rounds
from tests.faults.story import answer
from tests.faults.troubles import choose

VISITORS, AGENTS, PLACES = 20, 3, 10
WARM = 3
"""Rounds of a process before its memory counts."""


async def soak(cluster: Cluster, rounds: int, seed: int, only: list[str]) -> list[Outcome]:
    """So many rounds; ends early when people themselves fail."""
    chance, outcomes = random.Random(seed), []
    world = await make_world(cluster.database_url(), agents=AGENTS, visitor_count=VISITORS, places=PLACES)
    measured: dict[int, list[tuple[int, int]]] = defaultdict(list)
    async with crowd(cluster.port, world) as people:
        answering = [asyncio.create_task(answer(agent)) for agent in people.agents]
        turn = Rounds(cluster, world, people)
        for number in range(1, rounds + 1):
            outcome = await turn.run(only or choose(chance), chance)
            outcomes.append(outcome)
            for node in cluster.nodes:
                measured[node.program.pid].append((rss_kib(node.program.pid), node.descriptors()))
            size = "  ".join(f"{rss_kib(node.program.pid) // 1024} MiB {node.descriptors()} fd" for node in cluster.nodes)
            print(
                f"{number:4}  {' + '.join(outcome.troubles):40} {outcome.acknowledged:6} acked  healed {outcome.healed_after:6.1f} s  "
                f"timers {outcome.late:5.2f} s late  {size}",
                flush=True,
            )
            for line in outcome.wrong[:10]:
                print(f"      WRONG {line}", flush=True)
            if outcome.wrong:
                print(cluster.said(), file=sys.stderr, flush=True)
        for task in answering:
            task.cancel()
        await asyncio.wait(answering)
    _flat(measured)
    return outcomes


def _flat(measured: dict[int, list[tuple[int, int]]]) -> None:
    """How memory and descriptors of each process that lived long enough grew, round by round."""
    for pid, samples in measured.items():
        steady = samples[WARM:]
        if len(steady) >= WARM:
            memory, descriptors = (_slope([sample[part] for sample in steady]) for part in (0, 1))
            print(f"process {pid}: {len(samples)} rounds, {memory:+.0f} KiB and {descriptors:+.2f} descriptors a round")


def _slope(values: list[int]) -> float:
    """Of the straight line that fits best."""
    middle, mean = (len(values) - 1) / 2, sum(values) / len(values)
    return sum((at - middle) * (value - mean) for at, value in enumerate(values)) / sum((at - middle) ** 2 for at in range(len(values)))


def main() -> None:
    """Exit code 1 when anything was wrong."""
    rounds, seed = int(os.environ.get("ROUNDS") or 100), int(os.environ.get("SEED") or 1)
    only = [name.strip() for name in os.environ.get("TROUBLES", "").split(",") if name.strip()]
    began = time.monotonic()
    print(f"{rounds} rounds, seed {seed}", flush=True)
    with Cluster() as cluster:
        outcomes = asyncio.run(soak(cluster, rounds, seed, only))
    had = Counter(name for outcome in outcomes for name in outcome.troubles)
    wrong = sum(bool(outcome.wrong) for outcome in outcomes)
    late = sum(outcome.late > LATE_SECONDS for outcome in outcomes)
    print(
        f"\n{len(outcomes)} rounds in {(time.monotonic() - began) / 60:.1f} min, {sum(o.acknowledged for o in outcomes)} messages acknowledged"
    )
    print("troubles: " + ", ".join(f"{name} {count}" for name, count in had.most_common()))
    print(f"rounds with anything lost, doubled, left out, told differently, unserved or above a limit: {wrong}")
    print(f"rounds with a timer more than {LATE_SECONDS:.0f} s late after recovery: {late} (worst {max(o.late for o in outcomes):.2f} s)")
    print(f"slowest to settle: {max(o.healed_after for o in outcomes):.1f} s")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
