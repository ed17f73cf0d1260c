from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as some

from qiatan.modules.routing.rules import Candidate, choose, has_place

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

times = some.none() | some.integers(0, 100).map(lambda minutes: NOON + timedelta(minutes=minutes))
candidates = some.builds(
    Candidate,
    agent_id=some.integers(1, 10_000).map(lambda number: UUID(int=number)),
    serving=some.booleans(),
    open=some.integers(0, 6),
    maximum=some.integers(0, 6),
    last_assigned_at=times,
)
teams = some.lists(candidates, max_size=8, unique_by=lambda candidate: candidate.agent_id)


@given(teams)
def test_nobody_gets_more_than_the_maximum_or_while_not_serving(team: list[Candidate]) -> None:
    chosen = choose(team)

    if chosen is None:
        assert not any(candidate.serving and candidate.open < candidate.maximum for candidate in team)
    else:
        assert chosen in team
        assert chosen.serving
        assert chosen.open < chosen.maximum


@given(teams)
def test_nobody_free_has_fewer_and_of_equals_nobody_has_waited_longer(team: list[Candidate]) -> None:
    chosen = choose(team)

    for other in team:
        if chosen is not None and has_place(other):
            assert chosen.open <= other.open
            if chosen.open == other.open and chosen.last_assigned_at is not None:
                assert other.last_assigned_at is not None
                assert chosen.last_assigned_at <= other.last_assigned_at


@given(teams)
def test_the_order_of_the_list_does_not_matter(team: list[Candidate]) -> None:
    assert choose(team) == choose(sorted(team, key=lambda candidate: candidate.agent_id, reverse=True)) == choose(team[::-1])


@given(some.integers(1, 6), some.integers(1, 5), some.integers(0, 40))
def test_equals_share_evenly_and_nobody_passes_the_maximum(size: int, maximum: int, waiting: int) -> None:
    team = {UUID(int=n): Candidate(UUID(int=n), serving=True, open=0, maximum=maximum, last_assigned_at=None) for n in range(1, size + 1)}
    served = 0
    for minute in range(waiting):
        chosen = choose(list(team.values()))
        if chosen is None:
            break
        at = NOON + timedelta(minutes=minute)
        team[chosen.agent_id] = Candidate(chosen.agent_id, serving=True, open=chosen.open + 1, maximum=maximum, last_assigned_at=at)
        served += 1

    loads = [candidate.open for candidate in team.values()]
    assert served == min(waiting, size * maximum)
    assert max(loads) - min(loads) <= 1


def test_of_equals_the_one_who_never_got_any_comes_first() -> None:
    new = Candidate(UUID(int=9), serving=True, open=1, maximum=5, last_assigned_at=None)
    old = Candidate(UUID(int=1), serving=True, open=1, maximum=5, last_assigned_at=NOON)

    assert choose([old, new]) == new
