from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from qiatan.modules.routing.contracts.common import Target, TargetKind
from qiatan.modules.routing.contracts.decisions import Fallback, Layer, Outcome, WhyNot, Wish
from qiatan.modules.routing.contracts.hours import Outside
from qiatan.modules.routing.contracts.presence import PresenceStatus
from qiatan.modules.routing.contracts.settings import BaseRule, Otherwise
from qiatan.modules.routing.rules.case import Candidate
from qiatan.modules.routing.rules.decide import ENTERPRISE, Choice
from tests.rules.routing.given import (
    AROUND,
    CASE,
    HELP,
    ON_DESKTOP,
    SALES,
    agent,
    decided,
    ids,
    rule,
    rules,
    step,
    with_around,
    with_case,
)

TO_SALES = Target(kind=TargetKind.GROUP, id=SALES, name="Sales")
TO_HELP = Target(kind=TargetKind.GROUP, id=HELP, name="Help")
AWAY = PresenceStatus.AWAY


def to(number: int) -> Target:
    return Target(kind=TargetKind.AGENT, id=UUID(int=number), name=f"agent {number}")


def wish(*agents: int | str, groups: tuple[UUID | str, ...] = (), fallback: Fallback = Fallback.ENTERPRISE) -> Wish:
    tokens = [str(UUID(int=one)) if isinstance(one, int) else one for one in agents]
    return Wish(agents=tokens, groups=[str(one) for one in groups], fallback=fallback)


def said(choice: Choice) -> list[str]:
    return [f"{one.layer.value}: {one.verdict.value}, {one.reason}" for one in choice.steps]


def test_everything_that_does_not_apply_is_skipped_and_the_base_rule_chooses() -> None:
    choice = decided(rules(), [agent(1)])

    assert said(choice) == [
        "hours: skipped, open",
        "specified: skipped, no_wish",
        "sticky: skipped, no_open_conversation",
        "advanced: skipped, no_rules",
        "returning: skipped, no_last_agent",
        "base: chose, base_rule",
    ]
    assert (choice.outcome, choice.agent_id, choice.target) == (Outcome.ASSIGNED, UUID(int=1), ENTERPRISE)


TEAM = [agent(1), agent(2), agent(3), agent(4)]
ALL_LAYERS: dict[str, Any] = {"wish": wish(4), "last_agent_id": UUID(int=2)}


def test_layers_go_before_one_another_in_their_order() -> None:
    settings = rules(rule(1, agents=[3]))

    specified = decided(settings, TEAM, with_case(**ALL_LAYERS))
    advanced = decided(settings, TEAM, with_case(**ALL_LAYERS | {"wish": None}))
    returning = decided(settings, TEAM, with_case(**ALL_LAYERS | {"wish": None, "device": "desktop"}))
    base = decided(settings, TEAM, with_case(device="desktop"))

    assert [one.agent_id for one in (specified, advanced, returning, base)] == ids(4, 3, 2, 1)
    assert [one.steps[-1].layer.value for one in (specified, advanced, returning, base)] == ["specified", "advanced", "returning", "base"]
    assert [one.target for one in (specified, advanced, returning, base)] == [to(4), to(3), to(2), ENTERPRISE]


@given(some.sets(some.sampled_from(["specified", "advanced", "returning"])), some.sets(some.integers(2, 4)))
def test_the_first_layer_that_applies_and_has_somebody_decides(applying: set[str], full: set[int]) -> None:
    team = [agent(number, 5 if number in full else 0) for number in (1, 2, 3, 4)]
    case = with_case(
        wish=wish(4) if "specified" in applying else None,
        device="phone" if "advanced" in applying else "desktop",
        last_agent_id=UUID(int=2) if "returning" in applying else None,
    )
    expected = next(
        (number for name, number in (("specified", 4), ("advanced", 3), ("returning", 2)) if name in applying and number not in full), 1
    )

    assert decided(rules(rule(1, agents=[3])), team, case).agent_id == UUID(int=expected)


# Specified


def test_of_agents_and_groups_wished_for_the_agents_win() -> None:
    choice = decided(rules(), [agent(1, 0, 5, SALES), agent(2)], with_case(wish=wish(2, groups=(SALES,))))

    assert (choice.agent_id, choice.target) == (UUID(int=2), to(2))
    assert step(choice, Layer.SPECIFIED).reason == "wished_agent"


def test_among_several_wished_agents_the_base_rule_chooses() -> None:
    choice = decided(rules(base=BaseRule.LOAD), [agent(1), agent(2, 3), agent(3, 1)], with_case(wish=wish(2, 3)))

    assert choice.agent_id == UUID(int=3)


@pytest.mark.parametrize(("count", "key"), [(1, f"group:{SALES}"), (2, "wish")])
def test_a_wished_group_rotates_for_itself(count: int, key: str) -> None:
    team = [agent(1), agent(2, 0, 5, SALES), agent(3, 0, 5, SALES)]
    around = with_around(pointers={"enterprise": UUID(int=1), key: UUID(int=2)})

    choice = decided(rules(base=BaseRule.ROTATE), team, with_case(wish=wish(groups=(SALES, HELP)[:count])), around)

    assert choice.agent_id == UUID(int=3)
    assert choice.pointer == (key, UUID(int=3))
    assert choice.target == TO_SALES


@pytest.mark.parametrize("obstacle", [{"load": 5}, {"status": AWAY}, {"connected": False}, {"maximum": 0}])
def test_fallback_1_leaves_a_message_for_who_was_wished(obstacle: dict[str, Any]) -> None:
    choice = decided(rules(), [agent(1), agent(2, **obstacle)], with_case(wish=wish(2, fallback=Fallback.MESSAGE)))

    assert (choice.outcome, choice.agent_id, choice.target) == (Outcome.MESSAGE, None, to(2))
    assert said(choice)[-1] == "specified: ended, fallback_message"


def test_fallback_2_asks_the_groups_of_the_wished_agent() -> None:
    team = [agent(1), agent(2, 5, 5, SALES), agent(3, 0, 5, SALES)]

    choice = decided(rules(), team, with_case(wish=wish(2, fallback=Fallback.AGENT_GROUPS)))

    assert (choice.agent_id, choice.target) == (UUID(int=3), TO_SALES)
    assert said(choice)[-1] == "specified: chose, agents_group"
    assert [(note.agent_id, note.why) for note in step(choice, Layer.SPECIFIED).candidates] == [
        (UUID(int=2), WhyNot.FULL),
        (UUID(int=3), WhyNot.CHOSEN),
    ]


def test_fallback_2_waits_for_the_group_when_it_is_full_and_leaves_a_message_when_nobody_is_there() -> None:
    case = with_case(wish=wish(2, fallback=Fallback.AGENT_GROUPS))

    full = decided(rules(), [agent(1), agent(2, 5, 5, SALES), agent(3, 5, 5, SALES)], case)
    gone = decided(rules(), [agent(1), agent(2, 0, 5, SALES, status=AWAY), agent(3, 0, 5, SALES, connected=False)], case)

    assert (full.outcome, full.target) == (Outcome.QUEUED, TO_SALES)
    assert (gone.outcome, gone.target) == (Outcome.MESSAGE, TO_SALES)
    assert said(gone)[-2:] == ["specified: ended, fallback_groups", "queue: ended, nobody_online"]


def test_fallback_2_of_an_agent_without_group_asks_the_enterprise() -> None:
    choice = decided(rules(), [agent(1), agent(2, 5)], with_case(wish=wish(2, fallback=Fallback.AGENT_GROUPS)))

    assert choice.agent_id == UUID(int=1)
    assert step(choice, Layer.SPECIFIED).reason == "no_groups"


def test_fallback_2_of_a_wished_group_waits_for_it() -> None:
    case = with_case(wish=wish(groups=(SALES,), fallback=Fallback.AGENT_GROUPS))

    choice = decided(rules(), [agent(1), agent(2, 5, 5, SALES)], case)

    assert (choice.outcome, choice.target) == (Outcome.QUEUED, TO_SALES)


def test_fallback_3_lets_the_other_layers_speak() -> None:
    choice = decided(rules(), [agent(1), agent(2, 5)], with_case(wish=wish(2)))

    assert choice.agent_id == UUID(int=1)
    assert step(choice, Layer.SPECIFIED).reason == "fallback_enterprise"


@pytest.mark.parametrize("token", ["somebody", str(UUID(int=99)), "' OR 1=1"])
def test_unknown_names_are_noted_and_cannot_serve(token: str) -> None:
    falls_back = decided(rules(), [agent(1)], with_case(wish=wish(token)))
    takes_the_known = decided(rules(), [agent(1), agent(2)], with_case(wish=wish(token, 2)))
    message = decided(rules(), [agent(1)], with_case(wish=wish(token, fallback=Fallback.MESSAGE)))
    group = decided(rules(), [agent(1)], with_case(wish=wish(groups=(token,))))

    for choice in (falls_back, takes_the_known, message, group):
        note = step(choice, Layer.SPECIFIED).candidates[-1]
        assert (note.agent_id, note.name, note.why) == (None, token, WhyNot.UNKNOWN)
    assert [one.agent_id for one in (falls_back, takes_the_known, message, group)] == [*ids(1, 2), None, *ids(1)]
    assert (message.outcome, message.target) == (Outcome.MESSAGE, ENTERPRISE)


def test_a_group_outside_its_hours_serves_nobody_and_is_noted() -> None:
    around = with_around(closed_groups=frozenset({SALES}))
    team = [agent(1), agent(2, 0, 5, SALES), agent(3, 0, 5, SALES, HELP)]

    one = decided(rules(), team, with_case(wish=wish(groups=(SALES,))), around)
    both = decided(rules(), team, with_case(wish=wish(groups=(SALES, HELP))), around)
    by_rule = decided(rules(rule(1, groups=[SALES], otherwise=Otherwise.QUEUE)), team, around=around)

    assert one.agent_id == UUID(int=1)
    assert [(note.name, note.why) for note in step(one, Layer.SPECIFIED).candidates] == [("Sales", WhyNot.CLOSED)]
    assert (both.agent_id, both.target) == (UUID(int=3), TO_HELP)
    assert (by_rule.outcome, by_rule.target) == (Outcome.MESSAGE, TO_SALES)
    assert [(note.name, note.why) for note in step(by_rule, Layer.ADVANCED).candidates] == [("Sales", WhyNot.CLOSED)]


# Advanced


def test_the_first_rule_that_matches_counts_and_those_before_are_named() -> None:
    settings = rules(rule(1, ON_DESKTOP, agents=[1]), rule(2, agents=[2]), rule(3, agents=[3]))

    choice = decided(settings, TEAM)
    advanced = step(choice, Layer.ADVANCED)

    assert choice.agent_id == UUID(int=2)
    assert (advanced.rule, advanced.failed) == ("rule 2", ["rule 1"])


def test_agents_and_groups_of_a_rule_are_one_pool_and_rotate_for_themselves() -> None:
    settings = rules(rule(1, agents=[4], groups=[SALES]), base=BaseRule.ROTATE)
    team = [agent(1), agent(2, 0, 5, SALES), agent(3, 0, 5, SALES), agent(4)]
    around, got = AROUND, []
    for _ in range(4):
        choice = decided(settings, team, around=around)
        assert choice.pointer is not None
        assert choice.pointer[0] == f"rule:{UUID(int=501)}"
        around = around.moved(choice.pointer)
        got.append((choice.agent_id, choice.target))

    assert got == [(UUID(int=2), TO_SALES), (UUID(int=3), TO_SALES), (UUID(int=4), to(4)), (UUID(int=2), TO_SALES)]


@pytest.mark.parametrize(
    ("otherwise", "team", "outcome", "agent_id", "target", "last"),
    [
        (Otherwise.CONTINUE, [agent(1), agent(3, 5)], Outcome.ASSIGNED, UUID(int=1), ENTERPRISE, "base: chose, base_rule"),
        (Otherwise.QUEUE, [agent(1), agent(3, 5)], Outcome.QUEUED, None, to(3), "queue: ended, queued"),
        (Otherwise.QUEUE, [agent(1), agent(3, status=AWAY)], Outcome.MESSAGE, None, to(3), "queue: ended, nobody_online"),
        (Otherwise.MESSAGE, [agent(1), agent(3, 5)], Outcome.MESSAGE, None, to(3), "advanced: ended, otherwise_message"),
    ],
)
def test_a_rule_that_matches_and_has_nobody_does_what_it_says(
    otherwise: Otherwise, team: list[Candidate], outcome: Outcome, agent_id: UUID | None, target: Target, last: str
) -> None:
    choice = decided(rules(rule(1, agents=[3], otherwise=otherwise), rule(2, agents=[1])), team)

    assert (choice.outcome, choice.agent_id, choice.target) == (outcome, agent_id, target)
    assert said(choice)[-1] == last
    assert step(choice, Layer.ADVANCED).rule == "rule 1"


def test_of_several_targets_it_waits_for_the_first_where_somebody_is() -> None:
    settings = rules(rule(1, agents=[4], groups=[SALES, HELP], otherwise=Otherwise.QUEUE))

    help_is_there = decided(settings, [agent(2, 0, 5, SALES, connected=False), agent(3, 5, 5, HELP), agent(4, 5)])
    only_the_agent = decided(settings, [agent(2, 0, 5, SALES, connected=False), agent(4, 5)])
    nobody = decided(settings, [agent(1, 5), agent(2, 0, 5, SALES, connected=False)])

    assert (help_is_there.outcome, help_is_there.target) == (Outcome.QUEUED, TO_HELP)
    assert (only_the_agent.outcome, only_the_agent.target) == (Outcome.QUEUED, to(4))
    assert (nobody.outcome, nobody.target) == (Outcome.MESSAGE, TO_SALES)


def test_targets_that_are_gone_are_noted() -> None:
    choice = decided(rules(rule(1, agents=[8], groups=[UUID(int=9)])), [agent(1)])

    assert choice.agent_id == UUID(int=1)
    assert [(note.name, note.why) for note in step(choice, Layer.ADVANCED).candidates] == [
        (str(UUID(int=8)), WhyNot.UNKNOWN),
        (str(UUID(int=9)), WhyNot.UNKNOWN),
    ]


# Returning


@pytest.mark.parametrize(
    ("last", "expected", "reason"),
    [
        (agent(2), 2, "last_agent"),
        (agent(2, 5), 1, "last_agent_not_free"),
        (agent(2, status=AWAY), 1, "last_agent_not_free"),
        (agent(9), 1, "last_agent_not_free"),
    ],
)
def test_a_returning_customer_gets_the_last_agent_only_if_they_can_take_it(last: Candidate, expected: int, reason: str) -> None:
    team = [agent(1), last] if last.agent_id == UUID(int=2) else [agent(1)]

    choice = decided(rules(), team, with_case(last_agent_id=UUID(int=2)))

    assert choice.agent_id == UUID(int=expected)
    assert step(choice, Layer.RETURNING).reason == reason


def test_returning_customers_are_nothing_special_when_that_is_off() -> None:
    choice = decided(rules(returning=False), TEAM, with_case(last_agent_id=UUID(int=2)))

    assert choice.agent_id == UUID(int=1)
    assert step(choice, Layer.RETURNING).reason == "off"


# Nobody there


@pytest.mark.parametrize(
    ("around", "team", "outcome", "reason"),
    [
        (AROUND, [agent(1, 5)], Outcome.QUEUED, "queued"),
        (with_around(queue_enabled=False), [agent(1, 5)], Outcome.MESSAGE, "queue_off"),
        (with_around(queue_has_room=False), [agent(1, 5)], Outcome.MESSAGE, "queue_full"),
        (AROUND, [agent(1, status=AWAY)], Outcome.MESSAGE, "nobody_online"),
        (AROUND, [agent(1, 0, 0)], Outcome.MESSAGE, "nobody_online"),
        (AROUND, [], Outcome.MESSAGE, "nobody_online"),
    ],
)
def test_it_waits_while_somebody_is_online_but_full_and_else_leaves_a_message(
    around: Any, team: list[Candidate], outcome: Outcome, reason: str
) -> None:
    choice = decided(rules(), team, around=around)

    assert (choice.outcome, choice.agent_id, choice.target) == (outcome, None, ENTERPRISE)
    assert said(choice)[-2:] == ["base: nobody, nobody_free", f"queue: ended, {reason}"]


def test_nobody_waits_for_somebody_who_is_excluded() -> None:
    choice = decided(rules(), [agent(1, 5)], with_case(excluded=frozenset(ids(1))))

    assert choice.outcome is Outcome.MESSAGE


@pytest.mark.parametrize(
    ("case", "settings", "target"),
    [
        (CASE, rules(), ENTERPRISE),
        (with_case(wish=wish(1, fallback=Fallback.MESSAGE)), rules(), to(1)),
        (CASE, rules(rule(1, agents=[1], otherwise=Otherwise.QUEUE)), to(1)),
        (CASE, rules(rule(1, agents=[1], otherwise=Otherwise.MESSAGE)), to(1)),
    ],
)
@pytest.mark.parametrize("open_now", [True, False])
def test_what_may_not_wait_is_kept_where_it_is(case: Any, settings: Any, target: Target, open_now: bool) -> None:
    choice = decided(settings, [agent(1, 5)], case, with_around(open_now=open_now, outside=Outside.QUEUE), may_wait=False)

    assert (choice.outcome, choice.agent_id) == (Outcome.KEPT, None)
    if open_now:
        assert choice.target == target


# Hours


@pytest.mark.parametrize(
    ("outside", "enabled", "outcome"),
    [(Outside.MESSAGE, True, Outcome.MESSAGE), (Outside.QUEUE, True, Outcome.QUEUED), (Outside.QUEUE, False, Outcome.MESSAGE)],
)
def test_outside_the_hours_nobody_gets_it_and_the_setting_counts(outside: Outside, enabled: bool, outcome: Outcome) -> None:
    choice = decided(rules(), [agent(1)], around=with_around(open_now=False, outside=outside, queue_enabled=enabled))

    assert (choice.outcome, choice.agent_id, choice.target) == (outcome, None, ENTERPRISE)
    assert said(choice)[0] == "hours: ended, closed"


def test_outside_the_hours_it_waits_for_a_wish_that_means_nobody_else() -> None:
    around = with_around(open_now=False, outside=Outside.QUEUE)
    team = [agent(1), agent(2, 0, 5, HELP, connected=False)]

    only = decided(rules(), team, with_case(wish=wish(2, fallback=Fallback.MESSAGE)), around)
    group = decided(rules(), team, with_case(wish=wish(2, fallback=Fallback.AGENT_GROUPS)), around)
    anybody = decided(rules(), team, with_case(wish=wish(2)), around)

    assert [one.outcome for one in (only, group, anybody)] == [Outcome.QUEUED] * 3
    assert [one.target for one in (only, group, anybody)] == [to(2), TO_HELP, ENTERPRISE]


@given(
    some.booleans(),
    some.booleans(),
    some.booleans(),
    some.booleans(),
    some.sampled_from(list(Fallback)),
    some.sampled_from(list(Otherwise)),
)
def test_every_end_is_told_by_the_last_step(
    open_now: bool, room: bool, wished: bool, full: bool, fallback: Fallback, otherwise: Otherwise
) -> None:
    case = with_case(wish=wish(2, fallback=fallback) if wished else None)
    team = [agent(1, 5 if full else 0), agent(2, 5, 5, SALES), agent(3, 5, 5)]
    around = replace(AROUND, open_now=open_now, queue_has_room=room)

    choice = decided(rules(rule(1, agents=[3], otherwise=otherwise)), team, case, around)

    last = choice.steps[-1]
    assert (choice.outcome is Outcome.ASSIGNED) == (choice.agent_id is not None) == (last.verdict == "chose")
    assert (choice.outcome in {Outcome.QUEUED, Outcome.MESSAGE}) == (last.verdict == "ended")
    assert choice.outcome is not Outcome.QUEUED or room
