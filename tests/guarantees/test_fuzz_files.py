"""Files by signed addresses and uploads in parts, by anybody in any order: only one's own, only as they are, and never our fault."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiatan.infra.db import Database
from tests.guarantees.world import World, checksum, make_world
from tests.modules.files.sending import BYTES
from tests.support import fuzzing
from tests.support.doors import PUBLIC_URL, Doors
from tests.support.factories import Factories

EXAMPLES = 10
pytestmark = fuzzing.time_for(EXAMPLES, seconds_each=2)
FEW = fuzzing.some(EXAMPLES)


@dataclass
class Pair:
    """Two enterprises, and a signed address of a file of the second."""

    ours: World
    theirs: World
    link: str
    content: bytes


@pytest.fixture
async def pair(doors: Doors, database: Database, factories: Factories) -> Pair:
    ours, theirs = [await make_world(doors, database, factories) for _ in range(2)]
    granted = await doors.agent(theirs.server).get(f"/conversations/{theirs.ids['conversation_id']}/files/{theirs.ids['file_id']}/link")
    link = granted.json()["url"].partition("/files/")[2]
    shown = await doors.stranger().get(f"{PUBLIC_URL}/files/{link}")
    assert (shown.status_code, shown.headers["X-Content-Type-Options"]) == (200, "nosniff")
    return Pair(ours, theirs, link, shown.content)


changes = st.one_of(
    st.tuples(st.just("cut"), st.integers(0, 400), st.just("")),
    st.tuples(
        st.just("put"), st.integers(0, 400), st.text(st.characters(codec="ascii", exclude_characters="/?#\\"), min_size=1, max_size=3)
    ),
    st.tuples(st.just("bit"), st.integers(0, 3_000), st.just("")),
    st.tuples(st.just("add"), st.just(0), st.sampled_from(("=", "%00", ".", "/..", "?x=1", "%2e%2e", "A", "," * 300))),
)
ranges = st.one_of(
    st.none(),
    st.sampled_from(
        ("bytes=0-", "bytes=-1", "bytes=5-2", "bytes=0-0,2-3", "bytes=", "x", "bytes=99999999999999999999-", "bytes=-0", "bytes=a-b")
    ),
    st.tuples(st.integers(0, 300), st.integers(0, 300)).map(lambda ends: f"bytes={ends[0]}-{ends[1]}"),
)


def _changed(link: str, change: tuple[str, int, str]) -> str:
    kind, at, more = change
    at %= len(link)
    match kind:
        case "cut":
            return link[:at]
        case "put":
            return link[:at] + more + link[at + 1 :]
        case "bit":
            raw = bytearray(base64.urlsafe_b64decode(link + "=" * (-len(link) % 4)))
            raw[at // 8 % len(raw)] ^= 1 << at % 8
            return base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")
        case _:
            return link + more


@FEW
@given(change=changes, span=ranges, method=st.sampled_from(("GET", "GET", "HEAD", "POST")))
async def test_a_changed_address_shows_nothing(
    doors: Doors, pair: Pair, change: tuple[str, int, str], span: str | None, method: str
) -> None:
    http = doors.agent(pair.ours.tenant.admin) if change[1] % 2 else doors.stranger()
    token = _changed(pair.link, change)
    try:
        answer = await http.request(method, f"{PUBLIC_URL}/files/{token}", headers={} if span is None else {"Range": span})
    except httpx.InvalidURL:
        return
    assert answer.status_code < 500
    if re.split(r"[?#]", token)[0] != pair.link:
        assert answer.status_code >= 300, f"{token} was taken for {pair.link}"
        assert pair.content not in answer.content or not pair.content


@FEW
@given(span=ranges, size=st.sampled_from((None, "thumb", "x", "")))
async def test_any_part_of_a_file_is_a_part_of_it(doors: Doors, pair: Pair, span: str | None, size: str | None) -> None:
    headers = {} if span is None else {"Range": span}
    by_link = await doors.stranger().get(f"{PUBLIC_URL}/files/{pair.link}", headers=headers)
    assert by_link.status_code in (200, 206, 416)
    assert by_link.status_code == 416 or by_link.content in pair.content
    foreign = f"/conversations/{pair.theirs.ids['conversation_id']}/files/{pair.theirs.ids['file_id']}"
    refused = await doors.agent(pair.ours.tenant.admin).get(foreign, params={} if size is None else {"size": size}, headers=headers)
    assert refused.status_code in (404, 422)


uploads = st.lists(
    st.one_of(
        st.tuples(st.just("start"), st.sampled_from((0, 1, 5, 10, 50 * 2**20, 2**63, -1, "5", None))),
        st.tuples(st.just("part"), st.tuples(st.sampled_from(("right", 0, 3, -1, 2**63, "x")), st.integers(0, 12))),
        st.tuples(st.just("foreign"), st.integers(0, 5)),
        st.tuples(st.just("show"), st.none()),
        st.tuples(st.just("finish"), st.sampled_from((None, "right", "0" * 64, 5))),
        st.tuples(st.just("cancel"), st.none()),
    ),
    min_size=2,
    max_size=12,
)


class _Upload:
    """What one uploader does, and what they know of how far it is."""

    def __init__(self, http: httpx.AsyncClient, prefix: str) -> None:
        self.http, self.prefix = http, prefix
        self.id, self.size, self.sent = "00000000-0000-0000-0000-000000000000", 0, b""
        self.is_done = True

    async def take(self, step: tuple[str, Any], foreign: str) -> None:
        kind, value = step
        here = f"{self.prefix}/uploads/{self.id}"
        match kind:
            case "start":
                answer = await self.http.post(f"{self.prefix}/uploads", json={"name": "图纸.bin", "size": value})
                if answer.status_code == 201:
                    self.id, self.size, self.sent, self.is_done = answer.json()["id"], int(value), b"", False
            case "part":
                answer = await self._part(here, *value)
            case "foreign":
                answer = await self.http.patch(
                    f"{self.prefix}/uploads/{foreign}", params={"offset": 0}, content=b"x" * value, headers=BYTES
                )
                assert answer.status_code == 404
            case "show":
                answer = await self.http.get(here)
                assert answer.status_code != 200 or answer.json()["offset"] == len(self.sent)
            case "cancel":
                answer = await self.http.delete(here)
                self.is_done = self.is_done or answer.status_code == 204
            case _:
                answer = await self._finish(here, value)
        assert answer.status_code < 500, f"{step}: {answer.text}"

    async def _part(self, here: str, offset: object, count: int) -> httpx.Response:
        content = os.urandom(count)
        at = len(self.sent) if offset == "right" else offset
        answer = await self.http.patch(here, params={"offset": str(at)}, content=content, headers=BYTES)
        if answer.status_code == 200:
            assert not self.is_done
            assert at == len(self.sent)
            self.sent += content
            assert answer.json()["offset"] == len(self.sent) <= self.size
        return answer

    async def _finish(self, here: str, told: object) -> httpx.Response:
        digest = hashlib.sha256(self.sent).hexdigest() if told == "right" else told
        answer = await self.http.post(f"{here}/finish", json={} if digest is None else {"sha256": digest})
        if answer.status_code == 200 and not self.is_done:
            assert (answer.json()["size"], len(self.sent)) == (self.size, self.size)
            assert told in (None, "right")
            self.is_done = True
        return answer


@FEW
@given(script=uploads, by_visitor=st.booleans())
async def test_parts_in_any_order_make_what_was_sent_or_nothing(
    doors: Doors, database: Database, pair: Pair, script: list[tuple[str, Any]], by_visitor: bool
) -> None:
    before = await checksum(database, pair.theirs.tenant.enterprise_id)
    http = doors.visitor(pair.ours.guest.token) if by_visitor else doors.agent(pair.ours.server)
    upload = _Upload(http, "/widget" if by_visitor else "")

    for step in script:
        doors.app.state.resources.throttle.forget(f"files.finish:{pair.ours.guest.customer_id if by_visitor else pair.ours.server.id}")
        await upload.take(step, str(pair.theirs.ids["upload_id"]))

    await upload.http.delete(f"{upload.prefix}/uploads/{upload.id}")
    assert await checksum(database, pair.theirs.tenant.enterprise_id) == before
