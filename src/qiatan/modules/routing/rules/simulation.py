"""Traffic run through rules, event by event, to see what changed rules would do before they go live."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Final
from uuid import UUID

from qiatan.modules.routing.contracts.decisions import AgentLoad, GeneratedTraffic, Outcome, SimulatedOutcome, SimulationResult
from qiatan.modules.routing.rules.base import Pick
from qiatan.modules.routing.rules.case import Candidate, Case, Roster, Surroundings, serving
from qiatan.modules.routing.rules.compiled import CompiledAssignment
from qiatan.modules.routing.rules.decide import decide
from qiatan.modules.routing.rules.queueing import Waiting, sweep

BUCKETS: Final = (0, 10, 30, 60, 120, 300, 600)
FILL_UP_WINDOW: Final = timedelta(hours=12)
_SHORTEST: Final = 10.0
_REPORT_EVERY: Final = 50


@dataclass(frozen=True, slots=True)
class Arrival:
    """One conversation of the traffic: when it began, whose it is, how long an agent has it."""

    at: datetime
    case: Case
    handle_seconds: float


@dataclass(frozen=True, slots=True)
class Run:
    """What became of each arrival, in their order: the agent (None: a message was left) and the seconds waited."""

    agents: tuple[UUID | None, ...]
    waits: tuple[float, ...]
    busiest: dict[UUID, int]
    there: tuple[Candidate, ...]


def generated(traffic: GeneratedTraffic, cases: Sequence[Case], *, begins: datetime) -> list[Arrival]:
    """Arrivals at independent moments (a Poisson process) of visitors drawn from `cases`; the same for the same seed."""
    chance = Random(traffic.seed)  # noqa: S311 - traffic to try rules with, repeatable on purpose
    at, arrivals = begins, []
    for _ in range(traffic.conversations):
        at += timedelta(seconds=chance.expovariate(traffic.per_hour / 3_600))
        seconds = max(chance.expovariate(1 / (traffic.minutes_each * 60)), _SHORTEST)
        arrivals.append(Arrival(at, replace(chance.choice(cases), now=at), seconds))
    return arrivals


def compare(
    before: CompiledAssignment,
    after: CompiledAssignment,
    candidates: Sequence[Candidate],
    traffic: Sequence[Arrival],
    around: Surroundings,
    *,
    queue_limit: int,
    seed: int = 0,
) -> Generator[int, None, SimulationResult]:
    """Runs the traffic through both rules; yields the progress in percent, returns the comparison."""
    runs: list[Run] = []
    for number, rules in enumerate((before, after)):
        run = simulate(rules, candidates, traffic, around, queue_limit=queue_limit, pick=Random(seed).randrange)  # noqa: S311 - as above
        try:
            while True:
                yield (next(run) * 50) // max(len(traffic), 1) + 50 * number
        except StopIteration as done:
            runs.append(done.value)
    moved = sum(one != other for one, other in zip(runs[0].agents, runs[1].agents, strict=True))
    return SimulationResult(before=outcome(runs[0]), after=outcome(runs[1]), moved=moved)


def simulate(
    rules: CompiledAssignment,
    candidates: Sequence[Candidate],
    traffic: Sequence[Arrival],
    around: Surroundings,
    *,
    queue_limit: int,
    pick: Pick,
) -> Generator[int, None, Run]:
    """Runs traffic through rules; yields how many arrivals are through, now and then.

    The agents are as they are in `candidates` all the time, and begin with nothing in hand. Messages that are left are not served. Who
    waits at the end for somebody who never comes has left a message, too.
    """
    world = _World(rules, candidates, traffic, around, queue_limit, pick)
    for number, arrival in enumerate(sorted(traffic, key=lambda one: one.at)):
        world.until(arrival.at)
        world.arrive(number, arrival)
        if number % _REPORT_EVERY == 0:
            yield number
    world.until(None)
    yield len(traffic)
    return world.result()


class _World:
    """The state between two events."""

    def __init__(
        self,
        rules: CompiledAssignment,
        candidates: Sequence[Candidate],
        traffic: Sequence[Arrival],
        around: Surroundings,
        queue_limit: int,
        pick: Pick,
    ) -> None:
        self.rules, self.around, self.queue_limit, self.pick = rules, around, queue_limit, pick
        self.roster = Roster([replace(one, open=0, received=0) for one in candidates], rules.order)
        self.traffic = sorted(traffic, key=lambda one: one.at)
        self.ends: list[tuple[datetime, int, UUID]] = []
        self.queue: dict[UUID, tuple[int, Waiting]] = {}
        self.recent: deque[tuple[datetime, UUID]] = deque()
        self.agents: list[UUID | None] = [None] * len(traffic)
        self.waits: list[float] = [0.0] * len(traffic)
        self.busiest: Counter[UUID] = Counter()

    def until(self, moment: datetime | None) -> None:
        """Lets conversations end that end up to a moment; None: all of them."""
        while self.ends and (moment is None or self.ends[0][0] <= moment):
            at, _, agent_id = heapq.heappop(self.ends)
            self.roster = self.roster.with_load(agent_id, -1)
            self.forget(at)
            self.serve(at)

    def arrive(self, number: int, arrival: Arrival) -> None:
        self.forget(arrival.at)
        around = replace(self.around, queue_has_room=len(self.queue) < self.queue_limit)
        choice = decide(self.rules, self.roster, arrival.case, around, pick=self.pick)
        if choice.agent_id is not None:
            self.around = self.around.moved(choice.pointer)
            self.give(number, choice.agent_id, arrival.at)
        elif choice.outcome is Outcome.QUEUED:
            waiting = Waiting(UUID(int=number), choice.target, arrival.at, arrival.case, also=choice.also)
            self.queue[waiting.conversation_id] = number, waiting

    def serve(self, at: datetime) -> None:
        """Gives places to those who wait."""
        if not self.queue:
            return
        for waiting, choice in sweep(self.rules, self.roster, [one for _, one in self.queue.values()], self.around, pick=self.pick):
            number, former = self.queue.pop(waiting.conversation_id)
            if choice.agent_id is None:
                self.queue[waiting.conversation_id] = number, replace(former, target=choice.target)
                continue
            self.around = self.around.moved(choice.pointer)
            self.give(number, choice.agent_id, at)

    def give(self, number: int, agent_id: UUID, at: datetime) -> None:
        self.roster = self.roster.with_load(agent_id, 1)
        arrival = self.traffic[number]
        self.agents[number] = agent_id
        self.waits[number] = (at - arrival.at).total_seconds()
        self.recent.append((at, agent_id))
        holder = self.roster.get(agent_id)
        assert holder is not None
        self.busiest[agent_id] = max(self.busiest[agent_id], holder.open)
        heapq.heappush(self.ends, (at + timedelta(seconds=arrival.handle_seconds), number, agent_id))

    def forget(self, at: datetime) -> None:
        """What was received longer ago than the fill-up rule looks back."""
        while self.recent and self.recent[0][0] <= at - FILL_UP_WINDOW:
            _, agent_id = self.recent.popleft()
            holder = self.roster.get(agent_id)
            assert holder is not None
            self.roster = self.roster.with_candidate(replace(holder, received=holder.received - 1))

    def result(self) -> Run:
        there = tuple(one for one in self.roster if serving(one))
        return Run(tuple(self.agents), tuple(self.waits), dict(self.busiest), there)


def outcome(run: Run) -> SimulatedOutcome:
    """A run in figures."""
    waits = sorted(wait for agent_id, wait in zip(run.agents, run.waits, strict=True) if agent_id is not None)
    received = Counter(agent_id for agent_id in run.agents if agent_id is not None)
    counts = Counter(bisect_left(BUCKETS, wait) for wait in waits)
    return SimulatedOutcome(
        conversations=len(run.agents),
        assigned=len(waits),
        left_messages=len(run.agents) - len(waits),
        median_wait=quantile(waits, 0.5),
        p90_wait=quantile(waits, 0.9),
        longest_wait=waits[-1] if waits else 0.0,
        waits=[counts[bucket] for bucket in range(len(BUCKETS) + 1)],
        fairness=jain([received[one.agent_id] for one in run.there]),
        agents=[
            AgentLoad(agent_id=one.agent_id, name=one.name, received=received[one.agent_id], busiest=run.busiest.get(one.agent_id, 0))
            for one in run.there
        ],
    )


def jain(values: Sequence[float]) -> float:
    """Jain's index of fairness: 1 where all have the same, 1/n where one has everything."""
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value at most `share` of the ordered ones lie below; 0 of none."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
