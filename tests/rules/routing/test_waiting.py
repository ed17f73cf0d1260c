from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from qiatan.modules.routing.contracts.common import Target, TargetKind
from qiatan.modules.routing.contracts.decisions import Fallback, Layer, Outcome, Wish
from qiatan.modules.routing.contracts.presence import PresenceStatus
from qiatan.modules.routing.contracts.settings import BaseRule, Otherwise
from qiatan.modules.routing.rules.case import Candidate, Case, Roster, Surroundings
from qiatan.modules.routing.rules.compiled import CompiledAssignment
from qiatan.modules.routing.rules.decide import ENTERPRISE, Choice, decide_waiting
from qiatan.modules.routing.rules.queueing import Waiting, expected_seconds, in_turn, positions, sweep, to_tell
from tests.rules.routing.given import (
    AROUND,
    CASE,
    HELP,
    MONDAY_NOON,
    SALES,
    agent,
    decided,
    first,
    ids,
    rule,
    rules,
    step,
    with_around,
    with_case,
)

TO_SALES = Target(kind=TargetKind.GROUP, id=SALES, name="Sales")
TO_HELP = Target(kind=TargetKind.GROUP, id=HELP, name="Help")


def to(number: int) -> Target:
    return Target(kind=TargetKind.AGENT, id=UUID(int=number), name=f"agent {number}")


def waited(
    target: Target, team: list[Candidate], settings: CompiledAssignment | None = None, case: Case = CASE, around: Surroundings = AROUND
) -> Choice:
    settings = settings or rules()
    return decide_waiting(settings, Roster(team, settings.order), case, around, target=target, pick=first)


# Somebody who waits


def test_a_place_in_the_group_is_for_those_who_wait_for_it_and_another_is_not() -> None:
    team = [agent(1), agent(2, 5, 5, SALES)]

    kept = waited(TO_SALES, team)
    assigned = waited(TO_SALES, [*team, agent(3, 4, 5, SALES)])

    assert (kept.outcome, kept.agent_id, kept.target) == (Outcome.KEPT, None, TO_SALES)
    assert kept.steps[-1].reason == "still_waiting"
    assert (assigned.outcome, assigned.agent_id, assigned.target) == (Outcome.ASSIGNED, UUID(int=3), TO_SALES)


def test_who_waits_for_an_agent_gets_that_agent_or_stays() -> None:
    assert waited(to(2), [agent(1), agent(2)]).agent_id == UUID(int=2)
    assert waited(to(2), [agent(1), agent(2, 5)]).outcome is Outcome.KEPT
    assert waited(to(2), [agent(1), agent(2, status=PresenceStatus.BUSY)]).outcome is Outcome.KEPT


def test_a_waiting_group_rotates_where_it_left_off() -> None:
    team = [agent(number, 0, 5, SALES) for number in (1, 2, 3)]
    around = with_around(pointers={f"group:{SALES}": UUID(int=2), "enterprise": UUID(int=1)})

    choice = waited(TO_SALES, team, rules(base=BaseRule.ROTATE), around=around)

    assert (choice.agent_id, choice.pointer) == (UUID(int=3), (f"group:{SALES}", UUID(int=3)))


@pytest.mark.parametrize(
    ("target", "team"),
    [
        (TO_SALES, [agent(1)]),
        (TO_SALES, [agent(1), agent(2, 0, 0, SALES)]),
        (Target(kind=TargetKind.GROUP, id=UUID(int=999)), [agent(1, 0, 5, UUID(int=999))]),
        (to(2), [agent(1)]),
        (to(2), [agent(1), agent(2, 0, 0)]),
    ],
)
def test_a_target_that_is_gone_is_replaced_by_the_enterprise_and_the_trace_says_so(target: Target, team: list[Candidate]) -> None:
    assigned = waited(target, team)
    kept = waited(target, [agent(1, 5), *team[1:]])

    assert (assigned.agent_id, assigned.target) == (UUID(int=1), ENTERPRISE)
    assert (kept.outcome, kept.target) == (Outcome.KEPT, ENTERPRISE)
    for choice in (assigned, kept):
        assert (choice.steps[0].layer, choice.steps[0].reason) == (Layer.QUEUE, "target_gone")
        assert choice.steps[0].target is not None
        assert choice.steps[0].target.id == target.id


def test_who_waits_for_the_enterprise_goes_through_the_layers_and_nothing_but_an_agent_ends_the_search() -> None:
    settings = rules(rule(1, agents=[3], otherwise=Otherwise.MESSAGE))
    wish = Wish(agents=[str(UUID(int=4))], fallback=Fallback.MESSAGE)
    case = with_case(wish=wish, last_agent_id=UUID(int=2))

    def got(*free: int) -> UUID | None:
        return waited(ENTERPRISE, [agent(number, 0 if number in free else 5) for number in (1, 2, 3, 4)], settings, case).agent_id

    assert [got(1, 2, 3, 4), got(1, 2, 3), got(1, 2), got(1), got()] == [*ids(4, 3, 2, 1), None]


@pytest.mark.parametrize("fallback", list(Fallback))
def test_no_fallback_stops_who_waits_for_the_enterprise(fallback: Fallback) -> None:
    case = with_case(wish=Wish(agents=[str(UUID(int=2))], fallback=fallback))

    assert waited(ENTERPRISE, [agent(1), agent(2, 5, 5, SALES)], case=case).agent_id == UUID(int=1)


@pytest.mark.parametrize("target", [ENTERPRISE, TO_SALES, to(1)])
def test_outside_the_hours_everybody_goes_on_waiting(target: Target) -> None:
    choice = waited(target, [agent(1, 0, 5, SALES)], around=with_around(open_now=False))

    assert (choice.outcome, choice.target, step(choice, Layer.HOURS).reason) == (Outcome.KEPT, target, "closed")


def test_while_a_group_is_closed_its_queue_stands_still() -> None:
    team = [agent(1, 0, 5, SALES)]

    assert waited(TO_SALES, team, around=with_around(closed_groups=frozenset({SALES}))).outcome is Outcome.KEPT
    assert waited(TO_SALES, team, around=with_around(closed_groups=frozenset({HELP}))).agent_id == UUID(int=1)


# Several targets of one rule or wish


def waited_for_all(team: list[Candidate], *targets: Target, settings: CompiledAssignment | None = None, **around: Any) -> Choice:
    settings = settings or rules()
    roster = Roster(team, settings.order)
    return decide_waiting(settings, roster, CASE, with_around(**around), target=targets[0], also=targets[1:], pick=first)


def test_who_queues_by_a_rule_waits_for_all_of_its_targets_first_for_one_where_somebody_is() -> None:
    settings = rules(rule(1, agents=[3], groups=[SALES, HELP], otherwise=Otherwise.QUEUE))
    team = [agent(1, 5, 5, SALES, status=PresenceStatus.AWAY), agent(2, 5, 5, HELP), agent(3, 5, 5)]

    choice = decided(settings, team)

    assert (choice.outcome, choice.target) == (Outcome.QUEUED, TO_HELP)
    assert choice.also == (TO_SALES, to(3))


def test_a_message_left_by_a_rule_or_a_wish_is_for_all_of_its_targets_too() -> None:
    settings = rules(rule(1, groups=[SALES, HELP], otherwise=Otherwise.MESSAGE))
    by_rule = decided(settings, [agent(1, 5, 5, SALES), agent(2, 5, 5, HELP)])
    wish = Wish(groups=[str(SALES), str(HELP)], fallback=Fallback.MESSAGE)
    by_wish = decided(rules(), [agent(1, 5, 5, SALES), agent(2, 5, 5, HELP)], with_case(wish=wish))

    for choice in (by_rule, by_wish):
        assert (choice.outcome, choice.target, choice.also) == (Outcome.MESSAGE, TO_SALES, (TO_HELP,))


@pytest.mark.parametrize(("free", "through"), [(1, TO_SALES), (2, TO_HELP), (3, to(3))])
def test_whichever_of_them_is_free_first_gets_who_waits(free: int, through: Target) -> None:
    team = [agent(number, 4 if number == free else 5, 5, *groups) for number, groups in ((1, [SALES]), (2, [HELP]), (3, []), (4, []))]

    choice = waited_for_all(team, TO_SALES, TO_HELP, to(3))

    assert (choice.outcome, choice.agent_id, choice.target) == (Outcome.ASSIGNED, UUID(int=free), through)


def test_while_none_of_them_is_free_they_go_on_waiting_for_all() -> None:
    choice = waited_for_all([agent(1, 5, 5, SALES), agent(2, 5, 5, HELP), agent(3)], TO_SALES, TO_HELP)

    assert (choice.outcome, choice.target, choice.also) == (Outcome.KEPT, TO_SALES, (TO_HELP,))
    assert choice.steps[-1].reason == "still_waiting"


def test_a_first_target_that_is_gone_is_replaced_by_the_next_one_and_only_the_last_by_the_enterprise() -> None:
    full = [agent(1, 5, 5, HELP)]

    kept = waited_for_all([*full, agent(2)], TO_SALES, TO_HELP, to(9))
    nobody = waited_for_all([agent(2)], TO_SALES, TO_HELP)

    assert (kept.outcome, kept.target, kept.also) == (Outcome.KEPT, TO_HELP, ())
    assert (nobody.agent_id, nobody.target, nobody.also) == (UUID(int=2), ENTERPRISE, ())


def test_one_closed_group_holds_up_only_itself() -> None:
    team = [agent(1, 0, 5, SALES), agent(2, 5, 5, HELP), agent(3, 5, 5, HELP)]
    shut = frozenset({SALES})

    kept = waited_for_all(team, TO_SALES, TO_HELP, closed_groups=shut)
    assigned = waited_for_all([*team, agent(4, 0, 5, HELP)], TO_SALES, TO_HELP, closed_groups=shut)
    both = waited_for_all([*team, agent(4, 0, 5, HELP)], TO_SALES, TO_HELP, closed_groups=frozenset({SALES, HELP}))

    assert (kept.outcome, kept.target, kept.also) == (Outcome.KEPT, TO_SALES, (TO_HELP,))
    assert (assigned.agent_id, assigned.target) == (UUID(int=4), TO_HELP)
    assert (both.outcome, both.steps[-1].reason, both.also) == (Outcome.KEPT, "closed", (TO_HELP,))


def test_several_groups_are_asked_in_the_order_of_the_team_and_rotate_together() -> None:
    team = [agent(1, 0, 5, SALES), agent(2, 0, 5, HELP)]
    turn = rules(base=BaseRule.ROTATE)

    got = waited_for_all(team, TO_SALES, TO_HELP, settings=turn)
    then = waited_for_all(team, TO_SALES, TO_HELP, settings=turn, pointers=dict([got.pointer]) if got.pointer else {})

    assert [got.agent_id, then.agent_id] == ids(1, 2)


def test_in_a_sweep_who_waits_for_two_is_stuck_only_when_both_are() -> None:
    team = [agent(1, 5, 5, SALES), agent(2, 3, 5, HELP)]
    two = replace(waiting(2, TO_SALES), also=(TO_HELP,))

    assert swept(team, waiting(1, TO_SALES), two, waiting(3, TO_HELP)) == [(2, 2), (3, 2)]
    assert swept([agent(1, 5, 5, SALES), agent(2, 4, 5, HELP)], waiting(1, TO_SALES), two, waiting(3, TO_HELP)) == [(2, 2)]
    assert swept([agent(1, 4, 5, SALES), agent(2, 5, 5, HELP)], waiting(1, TO_SALES), two, waiting(3, TO_HELP)) == [(1, 1)]


# In turn


def waiting(number: int, target: Target = ENTERPRISE, *, minute: int | None = None, queued: bool = True, case: Case = CASE) -> Waiting:
    entered = MONDAY_NOON + timedelta(minutes=number if minute is None else minute)
    return Waiting(UUID(int=number), target, entered, case, queued)


def swept(team: list[Candidate], *waiters: Waiting, settings: CompiledAssignment | None = None) -> list[tuple[int, int | None]]:
    choices = sweep(settings or rules(), Roster(team), waiters, AROUND, pick=first)
    return [(one.conversation_id.int, choice.agent_id.int if choice.agent_id else None) for one, choice in choices]


def test_places_go_to_who_came_first_whatever_they_wait_for() -> None:
    team = [agent(1, 4, 5), agent(2, 4, 5, SALES)]

    assert swept(team, waiting(3), waiting(2, TO_SALES), waiting(1)) == [(1, 1), (2, 2)]
    assert swept(team, waiting(3, TO_SALES), waiting(2), waiting(1)) == [(1, 1), (2, 2)]


def test_messages_come_after_the_queue() -> None:
    assert swept([agent(1, 4, 5)], waiting(1, queued=False), waiting(2)) == [(2, 1)]
    assert swept([agent(1, 3, 5)], waiting(1, queued=False), waiting(2)) == [(2, 1), (1, 1)]


def test_who_waits_for_somebody_else_holds_up_nobody() -> None:
    assert swept([agent(1, 4, 5), agent(2, 5, 5, SALES)], waiting(1, TO_SALES), waiting(2)) == [(2, 1)]


def test_inside_a_target_nobody_overtakes_but_who_is_barred_holds_up_nobody() -> None:
    barred = waiting(1, TO_SALES, case=with_case(excluded=frozenset(ids(2))))

    assert swept([agent(2, 4, 5, SALES)], barred, waiting(2, TO_SALES)) == [(2, 2)]


def test_each_place_is_given_once_and_rotation_moves_on() -> None:
    team = [agent(1, 3, 5), agent(2, 3, 5)]

    assert swept(team, *(waiting(number) for number in range(1, 7)), settings=rules(base=BaseRule.ROTATE)) == [
        (1, 1),
        (2, 2),
        (3, 1),
        (4, 2),
    ]


def test_a_target_that_is_gone_comes_out_once_somebody_is_asked_for_it() -> None:
    team = [agent(1, 4, 5), agent(3, 5, 5)]

    assert swept(team, waiting(1), waiting(2, TO_SALES)) == [(1, 1)]
    assert swept([agent(1, 0, 5)], waiting(2, TO_SALES, case=with_case(excluded=frozenset(ids(1))))) == [(2, None)]


teams = some.lists(some.tuples(some.integers(0, 3), some.sampled_from([(), (SALES,), (HELP,), (SALES, HELP)])), min_size=1, max_size=5)
queues = some.lists(some.tuples(some.sampled_from([ENTERPRISE, TO_SALES, TO_HELP]), some.integers(0, 5), some.booleans()), max_size=10)


@given(teams, queues)
def test_after_a_sweep_nobody_waits_for_whom_there_is_a_place(
    team: list[tuple[int, tuple[UUID, ...]]], queue: list[tuple[Target, int, bool]]
) -> None:
    full_groups = [agent(90, 5, 5, SALES, HELP)]
    roster = Roster([*(agent(number + 1, load, 3, *groups) for number, (load, groups) in enumerate(team)), *full_groups])
    waiters = [waiting(number, target, minute=minute, queued=queued) for number, (target, minute, queued) in enumerate(queue)]

    left = {one.conversation_id: one for one in waiters}
    served: list[Waiting] = []
    for one, choice in sweep(rules(), roster, waiters, AROUND, pick=first):
        assert choice.agent_id is not None
        roster = roster.with_load(choice.agent_id, 1)
        served.append(left.pop(one.conversation_id))

    assert all(one.open <= one.maximum for one in roster)
    for one in left.values():
        pool = list(roster) if one.target is ENTERPRISE else roster.of_group(one.target.id or SALES)
        assert not any(other.open < other.maximum for other in pool)
        assert all(other in in_turn([other, one])[:1] for other in served if other.target == one.target)


# Places and expectations


def test_positions_count_inside_a_target_by_entry_and_then_by_id() -> None:
    def entry(number: int, kind: TargetKind, target_id: UUID | None, minute: int) -> tuple[UUID, TargetKind, UUID | None, datetime]:
        return UUID(int=number), kind, target_id, MONDAY_NOON + timedelta(minutes=minute)

    enterprise, group = TargetKind.ENTERPRISE, TargetKind.GROUP
    entries = [
        entry(5, enterprise, None, 1),
        entry(4, enterprise, None, 1),
        entry(3, group, SALES, 0),
        entry(2, group, HELP, 2),
        entry(1, group, SALES, 3),
    ]

    assert positions(entries) == {UUID(int=4): 1, UUID(int=5): 2, UUID(int=3): 1, UUID(int=1): 2, UUID(int=2): 1}


@pytest.mark.parametrize(
    ("position", "places", "handled", "expected"),
    [
        (1, 10, [600.0] * 10, 60),
        (2, 10, [600.0] * 10, 120),
        (1, 3, [500.0] * 10, 180),
        (1, 3, [550.0] * 10, 210),
        (3, 2, [300.0] * 10, 480),
        (1, 1, [301.0] * 10, 360),
        (1, 100, [1.0] * 10, 30),
        (1, 1, [0.0] * 10, 30),
        (1, 10, [600.0] * 4, None),
        (1, 10, [], None),
        (1, 0, [600.0] * 10, None),
        (1, 10, [*[600.0] * 18, 90_000.0, 1.0], 60),
    ],
)
def test_the_expected_wait_follows_from_places_and_durations(
    position: int, places: int, handled: list[float], expected: int | None
) -> None:
    assert expected_seconds(position, handled=handled, places=places) == expected


@given(some.integers(1, 50), some.integers(1, 50), some.lists(some.floats(1, 5_000), min_size=5, max_size=30))
def test_further_back_is_never_sooner_and_more_places_never_later(position: int, places: int, handled: list[float]) -> None:
    here = expected_seconds(position, handled=handled, places=places)
    behind = expected_seconds(position + 1, handled=handled, places=places)
    quicker = expected_seconds(position, handled=handled, places=places + 1)

    assert here is not None
    assert behind is not None
    assert quicker is not None
    assert 30 <= quicker <= here <= behind
    assert here % (30 if here <= 300 else 60) == 0


@pytest.mark.parametrize(
    ("told", "position", "seconds", "expected"),
    [
        (None, 3, None, (3, None)),
        ((3, 120), 3, 120, None),
        ((3, 120), 2, 120, (2, 120)),
        ((3, 120), 3, 150, None),
        ((3, 120), 3, 180, (3, 180)),
        ((3, 300), 3, 360, None),
        ((3, 300), 3, 390, (3, 390)),
        ((3, 300), 3, 210, (3, 210)),
        ((3, None), 3, 60, (3, 60)),
        ((3, 60), 3, None, (3, None)),
        ((3, None), 3, None, None),
    ],
)
def test_who_waits_is_told_only_what_truly_changed(
    told: tuple[int, int | None] | None, position: int, seconds: int | None, expected: tuple[int, int | None] | None
) -> None:
    assert to_tell(told, position, seconds) == expected
