"""Any content by any name, sent by anybody and opened from the address of the pages themselves (no FILES_URL): it never gets to do anything there.

Few examples run by default; `FUZZ_EXAMPLES` asks for more, and then they differ from run to run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiatan.infra.resources import Resources
from tests.modules.files.pictures import PDF, png
from tests.modules.files.sending import message, send_up, visitor
from tests.support import fuzzing, talk
from tests.support.doors import PUBLIC_URL, Doors
from tests.support.factories import Factories, Tenant

EXAMPLES = 10
pytestmark = fuzzing.time_for(EXAMPLES, seconds_each=2)
FEW = fuzzing.some(EXAMPLES)
SHOWN: Final = re.compile(r"(image/(png|jpeg|gif|webp|avif)|audio/(mpeg|mp4|wav|ogg|flac|aac)|video/(mp4|webm|quicktime)|application/pdf)")
"""What a browser shows by itself without running anything in the page's name."""
SAVED: Final = "application/octet-stream"
NAME: Final = re.compile(r"(inline|attachment); filename\*=UTF-8''([A-Za-z0-9%._~-]+)")
FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f/\\<>:"|?*;%`$\u200b-\u200f\u2028-\u202e\u2066-\u2069]')

SCRIPT: Final = b"<script>fetch('/api/v1/me')</script>"
beginnings = st.sampled_from(
    (
        b"",
        PDF,
        png(),
        b"GIF89a",
        b"\xff\xd8\xff",
        b"RIFF\x00\x00\x00\x00WEBP",
        b"\x00\x00\x00\x18ftypmp42",
        b"\x00\x00\x00\x18ftypavif",
        b"\x1aE\xdf\xa3",
        b"ID3",
        b"OggS",
        b"\xff\xfb",
        b"\xff\xf1",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\xef\xbb\xbf",
        b"PK\x03\x04",
        b"MZ",
        b"#!/bin/sh\n",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'>",
        b"<!DOCTYPE html>",
        b'<?xml version="1.0"?>',
        b"+ADw-script+AD4-",
        "<html>".encode("utf-16"),
    )
)
contents = st.builds(
    lambda start, noise, script, cut: (start + noise + script)[: cut or None],
    beginnings,
    st.binary(max_size=80),
    st.sampled_from((b"", SCRIPT)),
    st.integers(0, 40),
).filter(bool)
names = st.one_of(
    st.text(min_size=1, max_size=150),
    st.builds(
        "{}{}{}".format,
        st.text(max_size=20),
        st.sampled_from(("\r\nSet-Cookie: a=b\r\n", '"; filename=x.html; "', "\u202egnp.", "../../", "con", "\x00", "%0d%0a", "。", "")),
        st.sampled_from((".html", ".svg", ".png", ".pdf", ".php.jpg", ".", "", ".htaccess", "." + "x" * 200)),
    ),
)


@dataclass
class Stage:
    """An enterprise in which a visitor and who serves them send each other files."""

    doors: Doors
    tenant: Tenant
    sender: httpx.AsyncClient
    agent: httpx.AsyncClient
    conversation: UUID


@pytest.fixture
async def stage(doors: Doors, factories: Factories, resources: Resources) -> Stage:
    tenant = await factories.tenant()
    sender, _ = await visitor(doors, await factories.channel(tenant.enterprise_id))
    sent = (await sender.post("/widget/messages", json={"client_message_id": str(UUID(int=1)), "kind": "text", "text": "你好"})).json()
    server, conversation = await factories.agent(tenant.enterprise_id), UUID(sent["conversation_id"])
    await talk.assign(resources.database, conversation, server)
    return Stage(doors, tenant, sender, doors.agent(server), conversation)


def _harmless(answer: httpx.Response, content: bytes) -> str:
    """Check an answer with a stranger's file; returns how it is handed out."""
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "Set-Cookie" not in answer.headers
    handed = NAME.fullmatch(answer.headers["Content-Disposition"])
    assert handed is not None, answer.headers["Content-Disposition"]
    assert FORBIDDEN.search(unquote(handed[2])) is None, unquote(handed[2])
    kind = answer.headers["Content-Type"]
    assert kind == SAVED if handed[1] == "attachment" else SHOWN.fullmatch(kind), kind
    return handed[1]


@FEW
@given(content=contents, name=names, by_visitor=st.booleans())
async def test_whatever_is_sent_does_nothing_where_it_is_opened(stage: Stage, content: bytes, name: str, by_visitor: bool) -> None:
    # Each example is a caller of its own: how often one may upload is another story.
    stage.doors.app.state.resources.throttle._buckets.clear()
    http = stage.sender if by_visitor else stage.agent
    try:
        file = await send_up(http, content, name, base="/widget/uploads" if by_visitor else "/uploads")
    except UnicodeEncodeError:
        return  # no client can write a lone surrogate
    to = "/widget/messages" if by_visitor else f"/conversations/{stage.conversation}/messages"
    sent = await http.post(to, json=message(file))
    assert sent.status_code in (200, 201), sent.text

    # from behind the sign-in it is for saving
    path = f"/conversations/{stage.conversation}/files/{file['id']}"
    for owner, own in ((stage.agent, path), (stage.sender, f"/widget/files/{file['id']}")):
        assert _harmless(await owner.get(own), content) == "attachment"
    # by its address it is shown as what can do nothing, with the session's cookie as without
    link = (await stage.agent.get(f"{path}/link")).json()
    saving = (await stage.agent.get(f"{path}/link", params={"download": "true"})).json()
    assert link["url"].startswith("/files/")
    for opener in (stage.agent, stage.doors.stranger()):
        shown = _harmless(await opener.get(f"{PUBLIC_URL}{link['url']}"), content)
        assert (shown == "inline") is (link["view_url"] is not None)
        assert _harmless(await opener.get(f"{PUBLIC_URL}{saving['url']}"), content) == "attachment"


@FEW
@given(content=contents, name=names)
async def test_what_is_taken_as_a_picture_is_one_that_we_wrote(stage: Stage, content: bytes, name: str) -> None:
    stage.doors.app.state.resources.throttle._buckets.clear()
    for http, path in ((stage.sender, "/widget/files"), (stage.agent, "/files")):
        try:
            answer = await http.post(path, files={"file": (name, content, "text/html")})
        except UnicodeEncodeError:
            return
        assert answer.status_code in (200, 201, 400, 413, 415, 422), answer.text
        if answer.is_success:
            assert SCRIPT not in content or answer.json()["size"] != len(content)
            assert answer.json()["content_type"] in ("image/png", "image/jpeg", "image/gif", "image/webp")
            assert FORBIDDEN.search(answer.json()["name"]) is None
