"""A page asks any node for its files, also those of the release before or after that node's own."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import delete, select

from qiatan.entrypoints.built import Assets, hashed_files
from qiatan.infra import page_files
from qiatan.infra.db import Database
from qiatan.infra.page_files import PageFileRow
from tests.support.clock import FakeClock

OLD, NEW = "export const release = 1\n" * 100, "export const release = 2\n" * 100


@pytest.fixture(autouse=True)
async def nothing_kept(database: Database) -> None:
    async with database.system() as tx:
        await tx.session.execute(delete(PageFileRow))


def build(place: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = place / "workspace" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return place / "workspace"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return build(
        tmp_path / "old", {"assets/desk-OLD12345.js": OLD, "assets/desk-Old_1-45.css": "a{}", "index.html": "<old>", "boot-1.js": "1"}
    )


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return build(tmp_path / "new", {"assets/desk-NEW12345.js": NEW, "index.html": "<new>", "boot-1.js": "2"})


def node(folder: Path, database: Database) -> httpx.AsyncClient:
    app = FastAPI()
    app.state.resources = SimpleNamespace(database=database)
    app.mount("/assets/workspace", Assets(folder))
    headers = {"accept-encoding": "identity"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://qiatan.test/assets/workspace", headers=headers)


async def known(database: Database) -> set[str]:
    async with database.system() as tx:
        return set((await tx.session.execute(select(PageFileRow.name))).scalars())


async def test_nodes_of_two_releases_serve_the_files_of_both(database: Database, old: Path, new: Path) -> None:
    # given a node of each release, both of which have started
    await page_files.keep(database, hashed_files(old))
    await page_files.keep(database, hashed_files(new))
    async with node(old, database) as before, node(new, database) as after:
        # when a page of one release asks the node of the other, then it gets its own file
        for client, name, content in ((after, "desk-OLD12345.js", OLD), (before, "desk-NEW12345.js", NEW)):
            plain = await client.get(f"/assets/{name}")
            squeezed = await client.get(f"/assets/{name}", headers={"accept-encoding": "gzip"})
            assert (plain.status_code, plain.text, squeezed.text) == (200, content, content)
            assert (plain.headers.get("content-encoding"), squeezed.headers["content-encoding"]) == (None, "gzip")
            for answer in (plain, squeezed):
                assert answer.headers["content-type"].startswith("text/javascript")
                assert answer.headers["vary"] == "Accept-Encoding"
                assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
                assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert (await after.get("/assets/desk-Old_1-45.css")).headers["content-type"].startswith("text/css")
        # and what is no file of any build is not there
        for name in (
            "assets/desk-GONE2345.js",
            "assets/../desk-OLD12345.js",
            "other/desk-OLD12345.js",
            "desk-OLD12345.js",
            "assets/x.html",
        ):
            assert (await after.get(f"/{name}")).status_code == 404
        # and what has one name in all builds is the node's own
        assert (await after.get("/boot-1.js")).text == "2"
    assert await known(database) == {
        "workspace/assets/desk-OLD12345.js",
        "workspace/assets/desk-Old_1-45.css",
        "workspace/assets/desk-NEW12345.js",
    }


async def test_what_no_program_has_had_for_thirty_days_is_forgotten(database: Database, old: Path, new: Path, clock: FakeClock) -> None:
    await page_files.keep(database, hashed_files(old))
    clock.advance(seconds=timedelta(days=29).total_seconds())
    await page_files.keep(database, hashed_files(new))
    clock.advance(seconds=timedelta(days=1, seconds=1).total_seconds())

    await page_files.keep(database, hashed_files(new))
    assert await known(database) == {"workspace/assets/desk-NEW12345.js"}

    # when a program is started again, its files count from then on
    clock.advance(seconds=timedelta(days=30).total_seconds())
    await page_files.keep(database, {})
    assert await known(database) == {"workspace/assets/desk-NEW12345.js"}


async def test_nodes_that_start_together_keep_each_file_once(database: Database, old: Path) -> None:
    await asyncio.gather(*(page_files.keep(database, hashed_files(old)) for _ in range(5)))

    assert await known(database) == {"workspace/assets/desk-OLD12345.js", "workspace/assets/desk-Old_1-45.css"}
    assert await page_files.squeezed_file(database, "workspace/assets/desk-GONE2345.js") is None
