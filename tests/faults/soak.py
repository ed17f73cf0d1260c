"""`make soak ROUNDS=100 SEED=1`: round after round of trouble, chosen by a seed; prints a line a round, and at the end what was proven.

`TROUBLES="fail-over,kill node"` has these alone, together in each round; `TROUBLES=calm` has none, and shows what grows by itself.
Ends with 0 when nothing was wrong, else with 1; what was proven is told too when it is interrupted.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import statistics
import sys
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bench.world import make_world
from tests.faults import namespaces
from tests.faults.cluster import Cluster
from tests.faults.flatness import Flatness
from tests.faults.people import crowd
from tests.faults.rounds import LATE_SECONDS, Outcome, Rounds
from tests.faults.story import answer
from tests.faults.troubles import TROUBLES, choose

VISITORS, AGENTS, PLACES = 20, 3, 10
WORKERS = (1, 2)
"""A node that is one process, and one that is a supervisor with two."""
IDLE_LOAD = 2.0
"""Above this many processes that want to run, a timer's lateness says more about the machine than about us."""


@dataclass
class Soak:
    """So many rounds, and what they came to so far."""

    rounds: int
    seed: int
    only: list[str]
    outcomes: list[Outcome] = field(default_factory=list)
    flat: Flatness | None = None
    broken: str = ""
    """What ended it before its time."""

    async def run(self, cluster: Cluster) -> None:
        """Ends early when people themselves fail, or a part of the cluster does not come back."""
        chance = random.Random(self.seed)
        world = await make_world(cluster.database_url(), agents=AGENTS, visitor_count=VISITORS, places=PLACES)
        self.flat = flat = Flatness(cluster)
        flat.begin()
        async with crowd(cluster.port, world) as people:
            answering = [asyncio.create_task(answer(agent)) for agent in people.agents]
            turn = Rounds(cluster, world, people)
            for _ in range(self.rounds):
                outcome = await turn.run(self.only or choose(chance), chance)
                self.outcomes.append(outcome)
                flat.measure()
                self._tell(cluster, outcome, flat)
            for task in answering:
                task.cancel()
            await asyncio.wait(answering)
        await flat.end()

    def _tell(self, cluster: Cluster, outcome: Outcome, flat: Flatness) -> None:
        print(
            f"{len(self.outcomes):4}/{self.rounds} {datetime.now(UTC):%H:%M:%S}  {' + '.join(outcome.troubles):40} {outcome.acknowledged:6} acked"
            f"  healed {outcome.healed_after:6.1f} s  timers {outcome.late:5.2f} s late (load {outcome.load:4.1f})  {flat.shown()}",
            flush=True,
        )
        for line in outcome.without:
            print(f"      NOT HERE {line}", flush=True)
        for line in outcome.wrong[:10]:
            print(f"      WRONG {line}", flush=True)
        if outcome.wrong:
            print(cluster.said(), file=sys.stderr, flush=True)

    # -- at the end

    def summary(self) -> Iterator[str]:
        """What was proven, line by line."""
        if self.broken:
            yield f"ENDED in round {len(self.outcomes) + 1} of {self.rounds}: {self.broken}"
        if not self.outcomes:
            return
        healed = [outcome.healed_after for outcome in self.outcomes]
        yield f"{len(self.outcomes)} rounds, {sum(outcome.acknowledged for outcome in self.outcomes)} messages acknowledged"
        yield from self._by_trouble()
        wrong = sum(bool(outcome.wrong) for outcome in self.outcomes)
        yield f"rounds with anything lost, doubled, left out, told differently, unserved, above a limit, or a timer not fired once: {wrong}"
        yield self._timers()
        yield f"all was settled {statistics.median(healed):.1f} s after the end of the trouble as a rule, {max(healed):.1f} s at worst"
        if self.flat is not None:
            yield from self.flat.told()
            yield from (f"WRONG {line}" for line in self.flat.wrong())

    def failed(self) -> bool:
        return bool(self.broken or any(outcome.wrong for outcome in self.outcomes) or (self.flat is not None and self.flat.wrong()))

    def _by_trouble(self) -> Iterator[str]:
        had: dict[str, list[Outcome]] = defaultdict(list)
        for outcome in self.outcomes:
            for name in outcome.troubles:
                had[name].append(outcome)
        for name, ones in sorted(had.items(), key=lambda item: (-len(item[1]), item[0])):
            late, healed = max(one.late for one in ones), max(one.healed_after for one in ones)
            missing = sum(any(line.startswith(f"{name}: ") for line in one.without) for one in ones)
            here = f", of these {missing} not possible here" if missing else ""
            yield f"  {name:24} {len(ones):4} rounds{here}, at worst settled after {healed:.1f} s and a timer {late:.2f} s late"
        if not self.only:
            yield f"  never had: {', '.join(sorted(set(TROUBLES) - {'calm'} - set(had))) or 'none'}"

    def _timers(self) -> str:
        late = [outcome for outcome in self.outcomes if outcome.late > LATE_SECONDS]
        calm = [outcome for outcome in late if outcome.load <= IDLE_LOAD]
        return (
            f"rounds with a timer more than {LATE_SECONDS:.0f} s late after recovery: {len(late)} (worst {max(o.late for o in self.outcomes):.2f} s), "
            f"of these {len(calm)} on a machine with a load of {IDLE_LOAD:.0f} or less"
        )


def main() -> None:
    """Exit code 1 when anything was wrong."""
    rounds, seed = int(os.environ.get("ROUNDS") or 100), int(os.environ.get("SEED") or 1)
    only = [name.strip() for name in os.environ.get("TROUBLES", "").split(",") if name.strip()]
    unknown = sorted(set(only) - set(TROUBLES))
    if unknown:
        sys.exit(f"there is no trouble named {', '.join(unknown)}; there are {', '.join(sorted(TROUBLES))}")
    # Ended from outside, it leaves no processes and no mounted disks behind.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    began, soak = time.monotonic(), Soak(rounds, seed, only)
    print(f"{rounds} rounds, seed {seed}", flush=True)
    try:
        with Cluster(workers=WORKERS, apart=namespaces.why_not() is None) as cluster:
            asyncio.run(soak.run(cluster))
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 -- told as a result, with the rounds that were
        soak.broken = _cause(error)
        traceback.print_exc()
    print(f"\nin {(time.monotonic() - began) / 60:.1f} min, seed {seed}")
    for line in soak.summary():
        print(line)
    failed = soak.failed()
    print("FAILED" if failed else "all well")
    sys.exit(1 if failed else 0)


def _cause(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"[:500]


if __name__ == "__main__":
    main()
