from __future__ import annotations

from collections import Counter
from dataclasses import replace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as some

from qiatan.modules.routing.contracts.decisions import Layer, Outcome, WhyNot
from qiatan.modules.routing.contracts.presence import PresenceStatus
from qiatan.modules.routing.contracts.settings import BaseRule
from qiatan.modules.routing.rules.base import assignable, choose
from qiatan.modules.routing.rules.case import Candidate, Roster, has_place, obstacle, serving
from qiatan.modules.routing.rules.decide import decide
from tests.rules.routing.given import AROUND, CASE, GROUPS, SALES, agent, decided, first, ids, rules, step, with_case

candidates = some.builds(
    Candidate,
    agent_id=some.integers(1, 30).map(lambda number: UUID(int=number)),
    name=some.just("somebody"),
    status=some.sampled_from(list(PresenceStatus)),
    connected=some.booleans() | some.just(True),
    open=some.integers(0, 6),
    maximum=some.integers(0, 6),
    group_ids=some.sets(some.sampled_from(list(GROUPS))).map(frozenset),
    received=some.integers(0, 6),
)
teams = some.lists(candidates, max_size=8, unique_by=lambda one: one.agent_id)
orders = some.lists(some.integers(1, 40).map(lambda number: UUID(int=number)), max_size=12)
exclusions = some.sets(some.integers(1, 30).map(lambda number: UUID(int=number)), max_size=5).map(frozenset)
base_rules = some.sampled_from(list(BaseRule))
pointers = some.none() | some.integers(1, 50).map(lambda number: UUID(int=number))


@given(teams, orders, exclusions, base_rules, pointers, some.integers(0, 1000))
def test_only_who_is_online_connected_below_the_maximum_and_not_excluded_is_given_a_conversation(
    team: list[Candidate], order: list[UUID], excluded: frozenset[UUID], rule: BaseRule, pointer: UUID | None, chance: int
) -> None:
    around = AROUND if pointer is None else replace(AROUND, pointers={"enterprise": pointer})
    choice = decided(rules(base=rule, order=order), team, with_case(excluded=excluded), around, pick=lambda count: chance % count)

    suited = {
        one.agent_id: one
        for one in team
        if one.status == "online" and one.connected and one.open < one.maximum and one.agent_id not in excluded
    }
    assert (choice.agent_id in suited) if suited else (choice.agent_id is None)
    assert (choice.outcome is Outcome.ASSIGNED) == bool(suited)


@given(teams, exclusions)
def test_assignable_are_those_nothing_is_in_the_way_of_in_their_order(team: list[Candidate], excluded: frozenset[UUID]) -> None:
    assert assignable(team, excluded) == [one for one in team if obstacle(one, excluded) is None]


@given(teams, orders, base_rules, some.integers(0, 1000))
def test_the_same_state_gives_the_same_decision_in_whatever_order_the_agents_come(
    team: list[Candidate], order: list[UUID], rule: BaseRule, chance: int
) -> None:
    settings = rules(base=rule, order=order)

    assert decided(settings, team, pick=lambda count: chance % count) == decided(settings, team[::-1], pick=lambda count: chance % count)


@given(teams, orders)
def test_the_order_counts_first_and_the_others_come_by_the_time_they_came(team: list[Candidate], order: list[UUID]) -> None:
    listed = [one.agent_id for one in Roster(team, order)]
    there = {one.agent_id for one in team}
    expected = [one for one in dict.fromkeys(order) if one in there]

    assert listed == expected + sorted((there - set(expected)), key=lambda one: one.int)


@given(teams, orders, exclusions)
def test_priority_takes_nobody_while_somebody_higher_is_free(team: list[Candidate], order: list[UUID], excluded: frozenset[UUID]) -> None:
    roster = Roster(team, order)
    chosen = choose(BaseRule.PRIORITY, assignable(list(roster), excluded), roster, None, first)

    for one in roster:
        if one is chosen:
            break
        assert not has_place(one) or one.agent_id in excluded


@given(teams, orders)
def test_load_is_never_above_the_least_and_ties_go_to_the_higher(team: list[Candidate], order: list[UUID]) -> None:
    roster = Roster(team, order)
    chosen = choose(BaseRule.LOAD, roster.free(), roster, None, first)

    if chosen is not None:
        for one in filter(has_place, roster):
            assert (chosen.open, roster.place_of(chosen.agent_id)) <= (one.open, roster.place_of(one.agent_id))


@given(teams, orders)
def test_fill_up_gives_to_who_received_fewest_and_ties_go_to_the_higher(team: list[Candidate], order: list[UUID]) -> None:
    roster = Roster(team, order)
    chosen = choose(BaseRule.FILL_UP, roster.free(), roster, None, first)

    if chosen is not None:
        for one in filter(has_place, roster):
            assert (chosen.received, roster.place_of(chosen.agent_id)) <= (one.received, roster.place_of(one.agent_id))


@given(some.integers(1, 6), some.integers(1, 40), some.integers(0, 5))
def test_fill_up_levels_out_what_was_received(size: int, conversations: int, ahead: int) -> None:
    roster = Roster([agent(1, 0, 100, received=ahead), *(agent(number, 0, 100) for number in range(2, size + 1))])
    settings = rules(base=BaseRule.FILL_UP)
    for _ in range(conversations):
        choice = decide(settings, roster, CASE, AROUND, pick=first)
        assert choice.agent_id is not None
        roster = roster.with_load(choice.agent_id, 1)

    received = [one.received for one in roster]
    if conversations >= ahead * (size - 1):
        assert max(received) - min(received) <= 1
    else:
        assert received[0] == ahead


@given(some.lists(some.integers(1, 20), min_size=1, max_size=8, unique=True), some.integers(1, 60), pointers)
def test_while_the_set_stands_rotation_differs_by_at_most_one(numbers: list[int], conversations: int, pointer: UUID | None) -> None:
    roster = Roster([agent(number, 0, 1000) for number in numbers])
    around = AROUND if pointer is None else replace(AROUND, pointers={"enterprise": pointer})
    settings = rules(base=BaseRule.ROTATE)
    got: Counter[UUID] = Counter()
    for _ in range(conversations):
        choice = decide(settings, roster, CASE, around, pick=first)
        assert choice.agent_id is not None
        around = around.moved(choice.pointer)
        got[choice.agent_id] += 1

        counts = [got[one.agent_id] for one in roster]
        assert max(counts) - min(counts) <= 1


def test_rotation_begins_at_the_top_and_goes_round() -> None:
    settings = rules(base=BaseRule.ROTATE, order=ids(3, 1, 2))
    around, got = AROUND, []
    for _ in range(5):
        choice = decided(settings, [agent(1), agent(2), agent(3)], around=around)
        around = around.moved(choice.pointer)
        got.append(choice.agent_id)

    assert got == ids(3, 1, 2, 3, 1)


def test_rotation_goes_on_behind_somebody_who_has_left_or_was_moved() -> None:
    around = replace(AROUND, pointers={"enterprise": UUID(int=2)})

    left = decided(rules(base=BaseRule.ROTATE, order=ids(1, 2, 3)), [agent(1), agent(3)], around=around)
    moved_up = decided(rules(base=BaseRule.ROTATE, order=ids(2, 1, 3)), [agent(1), agent(2), agent(3)], around=around)
    taken_out_of_the_order = decided(rules(base=BaseRule.ROTATE, order=ids(3, 1)), [agent(1), agent(3)], around=around)

    assert [left.agent_id, moved_up.agent_id, taken_out_of_the_order.agent_id] == ids(3, 1, 3)


def test_only_rotation_remembers_and_each_target_for_itself() -> None:
    team = [agent(1), agent(2)]

    assert decided(rules(base=BaseRule.LOAD), team).pointer is None
    assert decided(rules(base=BaseRule.ROTATE), team).pointer == ("enterprise", UUID(int=1))


def test_random_asks_for_a_number_among_those_who_are_free() -> None:
    asked: list[int] = []

    def pick(count: int) -> int:
        asked.append(count)
        return count - 1

    choice = decided(rules(base=BaseRule.RANDOM), [agent(1), agent(2, 5, 5), agent(3), agent(4, status=PresenceStatus.AWAY)], pick=pick)

    assert asked == [2]
    assert choice.agent_id == UUID(int=3)


def test_a_roster_with_another_load_leaves_the_former_as_it_was() -> None:
    roster = Roster([agent(1, 0, 1, SALES), agent(2, 1, 2)])

    full = roster.with_load(UUID(int=1), 1)
    free = full.with_load(UUID(int=1), -1)

    assert [one.open for one in roster] == [0, 1]
    assert [one.open for one in full] == [1, 1]
    assert [one.agent_id for one in full.free()] == ids(2)
    assert [one.agent_id for one in free.free()] == ids(1, 2)
    assert [one.received for one in free] == [1, 0]
    assert full.of_group(SALES)[0].open == 1


@given(teams, orders, some.lists(some.tuples(some.integers(0, 7), some.sampled_from([-1, 1])), max_size=12))
def test_who_is_free_is_always_who_has_a_place(team: list[Candidate], order: list[UUID], changes: list[tuple[int, int]]) -> None:
    roster = Roster(team, order)
    for place, change in changes:
        if place < len(roster) and roster.candidates[place].open + change >= 0:
            roster = roster.with_load(roster.candidates[place].agent_id, change)

    assert roster.free() == [one for one in roster if has_place(one)]
    assert roster.has_room == any(has_place(one) for one in roster)


@given(candidates, exclusions)
def test_somebody_has_a_place_when_nothing_is_in_the_way(one: Candidate, excluded: frozenset[UUID]) -> None:
    assert (obstacle(one, excluded) is None) == (has_place(one) and one.agent_id not in excluded)
    assert serving(one) == (obstacle(one) in {None, WhyNot.FULL})


def test_the_trace_says_of_everybody_what_became_of_them() -> None:
    team = [
        agent(1, 5, 5),
        agent(2, status=PresenceStatus.AWAY),
        agent(3, status=PresenceStatus.BUSY),
        agent(4, status=PresenceStatus.OFFLINE),
        agent(5, connected=False),
        agent(6, 0, 0),
        agent(7),
        agent(8, 2),
        agent(9, 1),
    ]

    choice = decided(rules(base=BaseRule.LOAD), team, with_case(excluded=frozenset(ids(7))))
    base = step(choice, Layer.BASE)

    assert [note.why.value for note in base.candidates] == [
        "full", "away", "busy", "offline", "offline", "none_allowed", "excluded", "less_suited", "chosen",
    ]  # fmt: skip
    assert [note.figure for note in base.candidates] == [5, 0, 0, 0, 0, 0, 0, 2, 1]
    assert base.base_rule is BaseRule.LOAD
    assert (choice.agent_id, base.more) == (UUID(int=9), 0)


@given(some.integers(1, 60), some.integers(0, 59))
def test_the_trace_shows_at_most_twenty_and_always_the_chosen_one(size: int, at: int) -> None:
    team = [agent(number, 0 if number == at % size + 1 else 5) for number in range(1, size + 1)]

    choice = decided(rules(base=BaseRule.PRIORITY), team)
    base = step(choice, Layer.BASE)

    assert [note.agent_id for note in base.candidates if note.why is WhyNot.CHOSEN] == [choice.agent_id] == ids(at % size + 1)
    assert len(base.candidates) == min(size, 20)
    assert base.more == max(size - 20, 0)


@given(teams, orders, some.lists(some.tuples(some.integers(0, 7), some.integers(0, 6), some.booleans()), max_size=12))
def test_new_states_make_the_roster_that_would_be_made_of_them(
    team: list[Candidate], order: list[UUID], states: list[tuple[int, int, bool]]
) -> None:
    roster = Roster(team, order)
    before = list(roster)
    places = {place: (load, connected) for place, load, connected in states if place < len(roster)}
    changed = [replace(before[place], open=load, connected=connected) for place, (load, connected) in places.items()]
    fresh = Roster([{one.agent_id: one for one in changed}.get(one.agent_id, one) for one in before], order)

    moved = roster.with_states(changed)

    assert list(moved) == list(fresh)
    assert moved.free() == fresh.free()
    assert list(roster) == before
