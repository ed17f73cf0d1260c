from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import settings as at_most
from hypothesis import strategies as some

from qiatan.modules.routing.contracts.decisions import GeneratedTraffic, SimulationResult
from qiatan.modules.routing.contracts.presence import PresenceStatus
from qiatan.modules.routing.contracts.settings import BaseRule, Otherwise
from qiatan.modules.routing.rules.case import Candidate, Case
from qiatan.modules.routing.rules.compiled import CompiledAssignment
from qiatan.modules.routing.rules.simulation import Arrival, Run, compare, generated, jain, outcome, quantile, simulate
from tests.rules.routing.given import AROUND, CASE, MONDAY_NOON, SALES, agent, first, ids, rule, rules, with_around

Answer = TypeVar("Answer")


def finish(steps: Generator[int, None, Answer]) -> tuple[list[int], Answer]:
    progress = []
    while True:
        try:
            progress.append(next(steps))
        except StopIteration as done:
            return progress, done.value


def arrival(second: float, handle: float = 60, case: Case = CASE) -> Arrival:
    return Arrival(MONDAY_NOON + timedelta(seconds=second), case, handle)


def ran(settings: CompiledAssignment, team: list[Candidate], *traffic: Arrival, queue_limit: int = 10, around: Any = AROUND) -> Run:
    return finish(simulate(settings, team, traffic, around, queue_limit=queue_limit, pick=first))[1]


def test_who_waits_gets_the_place_that_comes_free_first_in_first_out() -> None:
    run = ran(rules(), [agent(1, 0, 1)], arrival(0, 100), arrival(10, 50), arrival(20, 50))

    assert run.agents == tuple(ids(1, 1, 1))
    assert run.waits == (0.0, 90.0, 130.0)
    assert run.busiest == {UUID(int=1): 1}


def test_an_end_at_the_moment_of_an_arrival_frees_the_place_for_it() -> None:
    assert ran(rules(), [agent(1, 0, 1)], arrival(0, 60), arrival(60), queue_limit=0).agents == tuple(ids(1, 1))


def test_agents_begin_with_nothing_in_hand() -> None:
    run = ran(rules(base=BaseRule.FILL_UP), [agent(1, 5, 5, received=9), agent(2, 5, 5)], arrival(0), arrival(1))

    assert run.agents == tuple(ids(1, 2))


def test_the_queue_has_its_limit_and_whoever_finds_it_full_leaves_a_message() -> None:
    run = ran(rules(), [agent(1, 0, 1)], arrival(0, 100), arrival(1), arrival(2), queue_limit=1)

    assert run.agents == (UUID(int=1), UUID(int=1), None)


def test_who_waits_for_somebody_who_never_comes_has_left_a_message() -> None:
    busy = agent(2, 0, 1, SALES)
    settings = rules(rule(1, groups=[SALES], otherwise=Otherwise.QUEUE))

    run = ran(settings, [agent(1), busy], arrival(0, 1e9), arrival(1), around=with_around(queue_enabled=True))
    nobody = ran(settings, [agent(1), agent(2, 0, 1, SALES, status=PresenceStatus.AWAY)], arrival(0))

    assert run.agents == tuple(ids(2, 2))
    assert nobody.agents == (None,)


def test_fill_up_forgets_what_was_received_more_than_12_hours_ago() -> None:
    team = [agent(1, 0, 9), agent(2, 0, 9)]
    settings, twelve_hours = rules(base=BaseRule.FILL_UP), 12 * 3600

    assert ran(settings, team, arrival(0), arrival(twelve_hours - 1)).agents == tuple(ids(1, 2))
    assert ran(settings, team, arrival(0), arrival(twelve_hours)).agents == tuple(ids(1, 1))


def test_rotation_goes_on_through_the_run() -> None:
    assert ran(rules(base=BaseRule.ROTATE), [agent(1), agent(2), agent(3)], *(arrival(n) for n in range(4))).agents == tuple(
        ids(1, 2, 3, 1)
    )


def test_a_run_in_figures() -> None:
    there, away = agent(1, 0, 1), agent(2, status=PresenceStatus.AWAY)
    figures = outcome(ran(rules(), [there, away], arrival(0, 100), arrival(10, 50), arrival(20, 50), arrival(30), queue_limit=2))

    assert (figures.conversations, figures.assigned, figures.left_messages) == (4, 3, 1)
    assert (figures.median_wait, figures.p90_wait, figures.longest_wait) == (90.0, 130.0, 130.0)
    assert figures.waits == [1, 0, 0, 0, 1, 1, 0, 0]
    assert [(one.agent_id, one.received, one.busiest) for one in figures.agents] == [(UUID(int=1), 3, 1)]
    assert figures.fairness == 1.0


def test_nothing_happened_in_figures() -> None:
    figures = outcome(ran(rules(), [agent(1)]))

    assert (figures.conversations, figures.longest_wait, figures.fairness, figures.waits) == (0, 0.0, 1.0, [0] * 8)


@pytest.mark.parametrize(("wait", "bucket"), [(0, 0), (0.1, 1), (10, 1), (10.1, 2), (600, 6), (601, 7)])
def test_waits_are_counted_up_to_the_edge(wait: float, bucket: int) -> None:
    run = Run((UUID(int=1),), (wait,), {}, ())

    assert outcome(run).waits.index(1) == bucket


def test_changed_rules_are_compared_and_progress_goes_from_0_to_100() -> None:
    traffic = [arrival(second) for second in range(120)]
    steps, result = finish(
        compare(
            rules(base=BaseRule.PRIORITY), rules(base=BaseRule.ROTATE), [agent(1, 0, 99), agent(2, 0, 99)], traffic, AROUND, queue_limit=5
        )
    )

    assert isinstance(result, SimulationResult)
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (0, 100)
    assert [one.received for one in result.before.agents] == [120, 0]
    assert [one.received for one in result.after.agents] == [60, 60]
    assert (result.before.fairness, result.after.fairness, result.moved) == (0.5, 1.0, 60)


@given(some.sampled_from(list(BaseRule)))
def test_the_same_rules_move_nobody(base: BaseRule) -> None:
    traffic = [arrival(second, 30) for second in range(40)]
    _, result = finish(compare(rules(base=base), rules(base=base), [agent(1, 0, 9), agent(2, 0, 9)], traffic, AROUND, queue_limit=5))

    assert result.moved == 0
    assert result.before == result.after


def test_generated_traffic_is_the_same_for_the_same_seed_and_has_about_the_rate_and_length_asked_for() -> None:
    wanted = GeneratedTraffic(conversations=5_000, per_hour=120, minutes_each=8, seed=3)
    traffic = generated(wanted, [CASE], begins=MONDAY_NOON)

    assert traffic == generated(wanted, [CASE], begins=MONDAY_NOON)
    assert traffic != generated(wanted.model_copy(update={"seed": 4}), [CASE], begins=MONDAY_NOON)
    assert len(traffic) == 5_000
    hours = (traffic[-1].at - traffic[0].at) / timedelta(hours=1)
    assert 115 < 5_000 / hours < 125
    assert 7.5 < sum(one.handle_seconds for one in traffic) / 5_000 / 60 < 8.5
    assert all(one.case.now == one.at for one in traffic)


@at_most(max_examples=25)
@given(
    some.integers(1, 4),
    some.integers(1, 3),
    some.lists(some.tuples(some.integers(0, 300), some.integers(1, 200)), max_size=25),
    some.integers(0, 5),
    some.sampled_from(list(BaseRule)),
)
def test_no_agent_is_ever_above_the_maximum_and_everybody_is_accounted_for(
    size: int, maximum: int, traffic: list[tuple[int, int]], limit: int, base: BaseRule
) -> None:
    team = [agent(number, 0, maximum) for number in range(1, size + 1)]
    arrivals = sorted((arrival(second, handle) for second, handle in traffic), key=lambda one: one.at)

    run = ran(rules(base=base), team, *arrivals, queue_limit=limit)

    assert all(busiest <= maximum for busiest in run.busiest.values())
    spans = [
        (one.at + timedelta(seconds=wait), one.handle_seconds, agent_id)
        for one, wait, agent_id in zip(arrivals, run.waits, run.agents, strict=True)
        if agent_id is not None
    ]
    for begin, _, holder in spans:
        at_hand = [1 for other, handle, agent_id in spans if agent_id == holder and other <= begin < other + timedelta(seconds=handle)]
        assert len(at_hand) <= maximum
    assert outcome(run).assigned + outcome(run).left_messages == len(arrivals)
    begins = [begin for begin, _, _ in spans]
    assert begins == sorted(begins), "first in, first out"


def test_jain_is_1_for_even_and_1_of_n_for_the_most_uneven() -> None:
    assert jain([5, 5, 5, 5]) == 1.0
    assert jain([8, 0, 0, 0]) == 0.25
    assert jain([]) == jain([0, 0]) == 1.0


@pytest.mark.parametrize(("share", "expected"), [(0.5, 6), (0.9, 10), (0.0, 1), (1.0, 10)])
def test_a_quantile_is_one_of_the_values(share: float, expected: float) -> None:
    assert quantile([float(one) for one in range(1, 11)], share) == expected
    assert quantile([], share) == 0.0
