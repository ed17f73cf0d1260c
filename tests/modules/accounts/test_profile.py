"""The own account: name, language, picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.modules.accounts import jobs
from tests.modules.accounts.reading import agent_row
from tests.support.doors import Doors
from tests.support.factories import Factories, Tenant


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


def picture(size: tuple[int, int] = (600, 400), kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    image = Image.new("RGB", size, (90, 120, 200))
    exif = image.getexif()
    exif[0x010E] = "taken at home"
    image.save(out, kind, exif=exif)
    return out.getvalue()


def upload(content: bytes, name: str = "me.jpg", kind: str = "image/jpeg") -> dict[str, Any]:
    return {"files": {"file": (name, content, kind)}}


async def test_the_own_names_and_language_are_changed(doors: Doors, tenant: Tenant) -> None:
    browser = doors.agent(tenant.admin)
    changed = await browser.patch("/me", json={"name": "沈夏", "public_name": "小夏", "locale": "en", "version": 1})
    assert changed.status_code == 200
    agent = changed.json()["agent"]
    assert (agent["name"], agent["public_name"], agent["locale"], agent["version"]) == ("沈夏", "小夏", "en", 2)
    cleared = await browser.patch("/me", json={"public_name": " ", "version": 2})
    assert cleared.json()["agent"]["public_name"] == ""
    assert (await browser.get("/me")).json() == cleared.json()


async def test_a_stale_version_changes_nothing(doors: Doors, tenant: Tenant, database: Database) -> None:
    browser = doors.agent(tenant.admin)
    await browser.patch("/me", json={"name": "先", "version": 1})
    refused = await browser.patch("/me", json={"name": "后", "version": 1})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "version_conflict")
    assert (await agent_row(database, tenant.admin.id))["name"] == "先"


async def test_a_picture_is_made_small_and_harmless_and_shown_to_everybody(doors: Doors, tenant: Tenant) -> None:
    me = await doors.agent(tenant.admin).put("/me/avatar", **upload(picture()))

    assert me.status_code == 200
    url = me.json()["agent"]["avatar_url"]
    assert url.startswith("/api/v1/avatars/")
    shown = await doors.stranger().get(url.removeprefix("/api/v1"))
    assert shown.status_code == 200
    assert shown.headers["content-type"] == "image/jpeg"
    assert shown.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert shown.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert b"taken at home" not in shown.content
    with Image.open(io.BytesIO(shown.content)) as image:
        assert image.size == (256, 171)


async def test_a_new_picture_has_a_new_address_and_the_former_is_deleted(doors: Doors, tenant: Tenant, resources: Resources) -> None:
    browser = doors.agent(tenant.admin)
    first = (await browser.put("/me/avatar", **upload(picture()))).json()["agent"]["avatar_url"]
    second = (await browser.put("/me/avatar", **upload(picture(kind="PNG"), "me.png", "image/png"))).json()["agent"]["avatar_url"]
    assert first != second
    assert (await browser.get(first.removeprefix("/api/v1"))).status_code == 404
    assert (await browser.get(second.removeprefix("/api/v1"))).headers["content-type"] == "image/png"

    await jobs.delete_avatar.run(resources, blob=Path(first).name)

    stored = [path.name for path in (resources.settings.data_dir / "files").rglob("*.*")]
    assert stored == [Path(second).name]


async def test_the_picture_can_be_taken_away(doors: Doors, tenant: Tenant) -> None:
    browser = doors.agent(tenant.admin)
    url = (await browser.put("/me/avatar", **upload(picture()))).json()["agent"]["avatar_url"]
    removed = await browser.delete("/me/avatar")
    assert removed.json()["agent"]["avatar_url"] is None
    assert (await doors.stranger().get(url.removeprefix("/api/v1"))).status_code == 404


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", 415, "not_a_picture"),
        (b"GIF89a<script>alert(1)</script>", 415, "not_a_picture"),
        (b"", 415, "not_a_picture"),
        (b"\xff\xd8\xff" + bytes(5 * 1024 * 1024), 413, "too_large"),
    ],
)
async def test_what_is_no_picture_is_refused(
    doors: Doors, tenant: Tenant, database: Database, resources: Resources, content: bytes, status: int, code: str
) -> None:
    before = await agent_row(database, tenant.admin.id)
    refused = await doors.agent(tenant.admin).put("/me/avatar", **upload(content))
    assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert await agent_row(database, tenant.admin.id) == before
    assert list((resources.settings.data_dir / "files").rglob("*.*")) == []


@pytest.mark.parametrize("name", ["x", "..", "%2e%2e%2fsecret.key", "0" * 32, "0" * 32 + ".jpg", "a%00b", "x" * 41])
async def test_only_pictures_that_agents_show_are_public(doors: Doors, resources: Resources, name: str) -> None:
    await resources.storage.put("0" * 32 + ".jpg", b"a customer's picture")
    refused = await doors.stranger().get(f"/avatars/{name}")
    assert refused.status_code == 404
    assert b"customer" not in refused.content
