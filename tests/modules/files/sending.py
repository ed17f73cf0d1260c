"""Files on their way up, as pages send them."""

from __future__ import annotations

from typing import Any

import httpx

from qiatan.infra.clock import new_id
from qiatan.modules.channels.contracts import Channel
from tests.support.doors import Doors

COMPUTER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1"
TABLET = "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1"
BYTES = {"Content-Type": "application/octet-stream"}


async def visitor(doors: Doors, channel: Channel, agent: str = COMPUTER) -> tuple[httpx.AsyncClient, dict[str, Any]]:
    """Somebody at this device who has just opened the widget: their client, and what the panel was told."""
    opened = await doors.stranger(headers={"User-Agent": agent}).post(f"/widget/{channel.key}/session", json={})
    assert opened.status_code == 200, opened.text
    return doors.visitor(opened.json()["token"]), opened.json()


async def start(http: httpx.AsyncClient, size: int, name: str = "尺寸图.pdf", *, base: str = "/widget/uploads") -> dict[str, Any]:
    answer = await http.post(base, json={"name": name, "size": size})
    assert answer.status_code == 201, answer.text
    begun: dict[str, Any] = answer.json()
    return begun


async def part(http: httpx.AsyncClient, upload: str, offset: int, content: bytes, *, base: str = "/widget/uploads") -> httpx.Response:
    return await http.patch(f"{base}/{upload}?offset={offset}", content=content, headers=BYTES)


async def send_up(
    http: httpx.AsyncClient, content: bytes, name: str = "尺寸图.pdf", *, base: str = "/widget/uploads", step: int = 4 * 1024 * 1024
) -> dict[str, Any]:
    """The whole way of a file, but for its message."""
    begun = await start(http, len(content), name, base=base)
    for offset in range(0, len(content), step):
        answer = await part(http, begun["id"], offset, content[offset : offset + step], base=base)
        assert answer.status_code == 200, answer.text
    finished = await http.post(f"{base}/{begun['id']}/finish", json={})
    assert finished.status_code == 200, finished.text
    file: dict[str, Any] = finished.json()
    return file


def message(file: dict[str, Any]) -> dict[str, Any]:
    return {"client_message_id": str(new_id()), "kind": "file", "file_id": file["id"]}
