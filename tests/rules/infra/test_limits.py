from __future__ import annotations

import pytest

from qiatan.entrypoints.ceiling import Ceiling, Crowded
from qiatan.infra import metrics
from qiatan.infra.clock import new_id
from qiatan.infra.limits import VARIABLES, Limits
from qiatan.infra.settings import Settings, SettingsError


def test_every_limit_can_be_set_by_its_variable() -> None:
    given = {variable: str(number) for number, variable in enumerate(VARIABLES.values(), start=11)}

    limits = Settings.from_env(given).limits

    assert {name: getattr(limits, name) for name in VARIABLES} == {name: number for number, name in enumerate(VARIABLES, start=11)}


def test_what_is_left_empty_has_its_default() -> None:
    assert Limits.from_env({"ENTERPRISE_RATE": " ", "REQUESTS": "100"}) == Limits(all_requests=100)


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5", "٣", "100000001"])
def test_what_is_no_limit_is_named_with_its_remedy(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^ENTERPRISE_CONNECTIONS: .* use a whole number from 1 to 100000000$"):
        Limits.from_env({"ENTERPRISE_CONNECTIONS": text})


def _turned_away() -> float:
    """Connections that found no place, as Prometheus is told."""
    return metrics.TURNED_AWAY.values.get(("connections",), 0)


def test_some_descriptors_are_kept_for_what_is_no_socket() -> None:
    assert [Ceiling.for_descriptors(allowed, 1).most for allowed in (256, 1_024, 65_536)] == [192, 768, 65_024]


def test_the_ceiling_is_reached_with_the_last_place() -> None:
    ceiling, before = Ceiling(3, 1), _turned_away()

    assert [ceiling.is_reached(connections) for connections in (2, 3, 4)] == [False, True, True]
    assert (ceiling.refused, _turned_away() - before) == (2, 2)


def test_requests_find_places_beside_the_last_socket_but_not_all_there_are() -> None:
    ceiling, before = Ceiling.for_descriptors(1_024, 1), _turned_away()

    assert [ceiling.is_passed(connections) for connections in (768, 896, 897)] == [False, False, True]
    assert _turned_away() - before == 1
    assert not Ceiling(1, 1).is_passed(1_000_000)


def test_visitors_of_one_enterprise_leave_room_for_its_agents_and_for_others() -> None:
    ceiling, busy, other, before = Ceiling(100, 2), new_id(), new_id(), _turned_away()
    ceiling.enter(busy, agent=False)
    ceiling.enter(busy, agent=False)

    with pytest.raises(Crowded) as refused:
        ceiling.enter(busy, agent=False)
    ceiling.enter(busy, agent=True)
    ceiling.enter(other, agent=False)

    assert (refused.value.code, refused.value.status, refused.value.retry_after) == ("too_many", 429, 30)
    assert _turned_away() - before == 1


def test_who_leaves_makes_room() -> None:
    ceiling, enterprise = Ceiling(100, 1), new_id()
    ceiling.enter(enterprise, agent=False)

    ceiling.leave(enterprise, agent=False)

    ceiling.enter(enterprise, agent=False)
