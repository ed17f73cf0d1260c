"""Calls of all kinds of people in any order and at the same moment, each nearly right: never our fault, and never a word of another enterprise.

`test_fuzz_api.py` sends what fits the description to one route at a time. Here ids, versions, tokens and codes are real, so that
calls get as far as they can go, one leads to the other, and what they left in the database is looked at after each story.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import httpx
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from qiatan.entrypoints import polling
from qiatan.infra import metrics
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.geo import Geo
from qiatan.infra.resources import Resources
from qiatan.infra.throttle import Throttle
from qiatan.infra.timers import TimerLoop
from qiatan.modules.accounts import service as accounts
from tests.guarantees.call_covering import PARTS, covering_script
from tests.guarantees.call_scripts import NAMED_PLACES, OPERATIONS, Operation, drawn_script
from tests.guarantees.call_stage import CallStage
from tests.guarantees.call_values import KINDS, SCHEMAS
from tests.guarantees.world import make_world
from tests.support import fuzzing
from tests.support.census import census
from tests.support.doors import PUBLIC_URL, Doors
from tests.support.factories import Factories

EXAMPLES: Final = 4
SELDOM: Final = {
    "add_passkey": "needs an authenticator's signature",
    "rename_passkey": "needs a passkey of one's own",
    "remove_passkey": "needs a passkey of one's own",
    "sign_in_by_passkey": "needs an authenticator's signature",
    "sign_in_by_link": "such links are made at the command line only",
    "start_oidc": "needs a provider that answers",
    "finish_oidc": "needs a provider that answers",
    "try_oidc": "needs a provider that answers",
    "leave_queue": "needs an agent who is there and serves as many as they may",
    "get_reply_picture": "the world's picture has no content",
}
"""Calls that need not go well here, and why; each has tests of its own."""


@pytest.fixture
async def stage(
    doors: Doors, database: Database, resources: Resources, factories: Factories, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[CallStage]:
    monkeypatch.setattr(polling, "WAIT_SECONDS", 0.01)
    made = CallStage(doors, database, resources, factories, database_url)
    await made.prepare()
    yield made
    # Shown where more was asked for (-s): which depths were reached, and which call went well for nobody.
    print(made.codes.most_common())
    went_well = {name for name, status in made.answers if status < 400}
    missing = OPERATIONS.keys() - went_well - SELDOM.keys()
    print(f"{sum(made.answers.values())} calls; against expectation answered with success: {sorted(went_well & SELDOM.keys())}; never:")
    print(sorted((name, status, count) for (name, status), count in made.answers.items() if name in missing))


def test_what_is_seldom_is_there() -> None:
    assert SELDOM.keys() <= OPERATIONS.keys()


def test_every_kind_of_thing_in_a_path_has_ids_to_draw_from() -> None:
    places = {place for operation in OPERATIONS.values() for place in operation.places}

    assert places - NAMED_PLACES.keys() <= set(KINDS)


@fuzzing.time_for(EXAMPLES, seconds_each=20)
@fuzzing.some(EXAMPLES)
@given(seed=st.integers(0, 2**64))
async def test_whatever_is_called_nothing_breaks_or_crosses(stage: CallStage, seed: int) -> None:
    script = drawn_script(seed)
    for number, group in enumerate(script):
        note(f"{number}: {group}")
    await stage.play(script)


@pytest.mark.timeout(300)
async def test_every_call_goes_well_for_somebody(stage: CallStage) -> None:
    """By chance a few calls of each hundred get as far as their success: here each does, so that no route is only ever refused."""
    for part in range(PARTS):
        await stage.play(covering_script(part, lambda name: name in SELDOM or stage.goes_well(name)), calmly=True)

    refused = {name for name in OPERATIONS if not stage.goes_well(name)}
    assert refused <= SELDOM.keys(), sorted(key for key in stage.answers.items() if key[0][0] in refused)


async def test_what_callers_make_up_is_remembered_nowhere(
    doors: Doors, database: Database, factories: Factories, resources: Resources
) -> None:
    """Ids, addresses, tokens and names that nobody has ever heard of, to each call: nothing in the process grows with them."""
    world = await make_world(doors, database, factories)
    callers = (doors.agent(world.tenant.admin), doors.visitor(world.guest.token), doors.stranger())

    async def call(count: int) -> dict[str, int]:
        for _ in range(count):
            for operation in OPERATIONS.values():
                if operation.name not in _LEAVING:
                    for http in callers:
                        resources.throttle._buckets.clear()
                        await _made_up(http, operation)
        await doors.app.state.gateway.settled()
        await accounts.settled()
        return _remembered(doors, resources)

    assert await call(1) == await call(1)


_LEAVING: Final = {"sign_out": "ends the session of the next call", "sign_up": "makes an enterprise", "poll": "is a call of who has a poll"}


async def _made_up(http: httpx.AsyncClient, operation: Operation) -> None:
    path = operation.path.format(**{place: "1" if place == "seq" else new_id() for place in operation.places})
    fields = SCHEMAS.get(operation.schema.get("$ref", "").rpartition("/")[2], {}).get("required", ())
    body = {field: f"{new_id()}@example.com" if field == "email" else str(new_id()) for field in fields}
    query = {name: str(new_id()) for name in operation.query}
    answer = await http.request(operation.method, f"{PUBLIC_URL}{path}", params=query, json=body if operation.media else None)
    assert answer.status_code < 500, f"{operation.name}: {answer.text}"


def _remembered(doors: Doors, resources: Resources) -> dict[str, int]:
    """How much the whole application holds, but for limits, of which there are so many at most, and what is due by the clock."""
    state = doors.app.state
    layers: list[object] = []
    layer = doors.app.middleware_stack
    while layer is not None:
        layers.append(layer)
        layer = getattr(layer, "app", None) or getattr(layer, "_app", None)
    roots = (state.gateway, state.pollers, state.monitor, state.numbers, resources, *vars(metrics).values(), *layers)
    counted = census(*roots, besides=(Throttle, TimerLoop, Geo))
    return {place: count for place, count in counted.items() if count}
