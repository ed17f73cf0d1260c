"""Every POST by which an agent may change something can carry a key (decision 0034), unless it says here why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from qiatan.infra.http import transactions
from qiatan.infra.http.guards import Guard, SignedIn
from qiatan.infra.http.repeats import Repeatable
from tests.support.routes import described_app, routes_of

HOLDS_A_SECRET = frozenset(
    {
        "add_passkey",
        "view_as_agent",
    }
)
"""Their answers hold what opens something, and that is stored nowhere."""

_begin: Callable[..., Any] = transactions._begin_tenant


def _calls(dependant: Dependant) -> Iterator[object]:
    """In the order in which they are made."""
    for inner in dependant.dependencies:
        yield from _calls(inner)
        yield inner.call


def _posts_of_agents() -> Iterator[tuple[APIRoute, list[object]]]:
    for route in routes_of(described_app()):
        calls = list(_calls(route.dependant))
        if "POST" in (route.methods or ()) and any(isinstance(call, SignedIn) for call in calls):
            yield route, calls


def test_every_change_by_an_agent_can_carry_a_key() -> None:
    in_one_transaction = [route for route, calls in _posts_of_agents() if _begin in calls]

    assert {route.name for route in in_one_transaction if not isinstance(route, Repeatable)} == HOLDS_A_SECRET


def test_who_calls_is_asked_before_what_was_answered() -> None:
    for route, calls in _posts_of_agents():
        if _begin in calls:
            guards = [place for place, call in enumerate(calls) if isinstance(call, Guard)]
            assert max(guards) < calls.index(_begin), route.name
