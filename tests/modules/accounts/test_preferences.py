"""What an agent prefers."""

from __future__ import annotations

from typing import Any

import pytest

from qiatan.infra.db import Database
from qiatan.modules.accounts import service
from tests.support.doors import Doors
from tests.support.factories import Factories, Tenant

DEFAULTS = {
    "send_mode": "enter",
    "insert_replies": False,
    "shortcuts": {"enabled": True, "keys": {}},
    "sounds": {"message": "chime", "transfer": "bell", "queue": "drop"},
    "desktop": False,
    "quiet_hours": {"enabled": False, "start": "22:00", "until": "08:00", "days": [1, 2, 3, 4, 5, 6, 7]},
    "push_preview": True,
}


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


async def test_who_never_saved_anything_has_the_defaults(doors: Doors, tenant: Tenant) -> None:
    assert (await doors.agent(tenant.admin).get("/me/preferences")).json() == {"settings": DEFAULTS, "version": 0}


async def test_what_is_saved_is_ones_own(doors: Doors, tenant: Tenant, factories: Factories, database: Database) -> None:
    colleague = await factories.agent(tenant.enterprise_id)
    wanted = DEFAULTS | {
        "send_mode": "mod_enter",
        "shortcuts": {"enabled": True, "keys": {"transfer": "Mod+Shift+T", "end": ""}},
        "quiet_hours": {"enabled": True, "start": "21:30", "until": "07:00", "days": [6, 7]},
    }
    browser = doors.agent(tenant.admin)
    saved = await browser.put("/me/preferences", json={"settings": wanted, "version": 0})

    assert (saved.status_code, saved.json()) == (200, {"settings": wanted, "version": 1})
    assert (await browser.get("/me/preferences")).json() == saved.json()
    assert (await doors.agent(colleague).get("/me/preferences")).json()["version"] == 0
    async with database.tenant(tenant.enterprise_id) as tx:
        found = await service.preferences_of(tx, tenant.enterprise_id, [tenant.admin.id, colleague.id])
    assert (found[tenant.admin.id].send_mode, found[colleague.id].send_mode) == ("mod_enter", "enter")


@pytest.mark.parametrize("first", [0, 1])
async def test_a_stale_version_changes_nothing(doors: Doors, tenant: Tenant, first: int) -> None:
    browser = doors.agent(tenant.admin)
    for version in range(first + 1):
        await browser.put("/me/preferences", json={"settings": {"insert_replies": True}, "version": version})

    refused = await browser.put("/me/preferences", json={"settings": {"insert_replies": False}, "version": first})

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "version_conflict")
    kept = (await browser.get("/me/preferences")).json()
    assert (kept["settings"]["insert_replies"], kept["version"]) == (True, first + 1)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"send_mode": "shout"}, "settings.send_mode"),
        ({"shortcuts": {"keys": {"end": "Hyper+E"}}}, "settings.shortcuts.keys.end"),
        ({"shortcuts": {"keys": {"end": "Mod+"}}}, "settings.shortcuts.keys.end"),
        ({"shortcuts": {"keys": {f"a_{chr(97 + n % 26)}{chr(97 + n // 26)}": "" for n in range(61)}}}, "settings.shortcuts.keys"),
        ({"sounds": {"message": "fanfare"}}, "settings.sounds.message"),
        ({"quiet_hours": {"enabled": True, "start": "08:00", "until": "08:00"}}, "settings.quiet_hours"),
        ({"quiet_hours": {"enabled": True, "days": []}}, "settings.quiet_hours"),
        ({"quiet_hours": {"start": "25:00"}}, "settings.quiet_hours.start"),
        ({"theme": "dark"}, "settings.theme"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(doors: Doors, tenant: Tenant, wanted: dict[str, Any], field: str) -> None:
    browser = doors.agent(tenant.admin)
    refused = await browser.put("/me/preferences", json={"settings": wanted, "version": 0})

    assert refused.status_code == 422
    assert [problem["field"] for problem in refused.json()["error"]["fields"]] == [field]
    assert (await browser.get("/me/preferences")).json()["version"] == 0


async def test_who_is_not_signed_in_has_no_preferences(doors: Doors, tenant: Tenant) -> None:
    assert (await doors.stranger().get("/me/preferences")).status_code == 401
