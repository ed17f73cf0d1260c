"""One client over a socket or by polling, as a script knows it: what it says, and what it hears."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from tests.guarantees.frame_scripts import Raw, Who, encoded
from tests.support.documented import documented_closes, documented_http_codes
from tests.support.sockets import SocketClient

if TYPE_CHECKING:
    from tests.guarantees.frame_stage import Stage

HTTP_CODES, CLOSES = documented_http_codes(), documented_closes()
_ECHOED = re.compile(rb'"(ref|client_message_id)": ?"[^"]*"')
"""What a client called its own frame, given back to it: it may have called it by anything."""
SILENT = {"unsubscribe", "viewing", "page", "read", "typing", "hello"}
"""Frames that are not answered when all is well."""
ANSWERS = {"ack", "error", "subscribed", "pong", "welcome", "bye"}


@dataclass
class Spoken:
    """What one client said and heard in one example."""

    said: int = 0
    """Frames that must be answered, or the line ended."""
    answered: int = 0
    acks: set[tuple[str, str, int]] = field(default_factory=set)
    broken: bool = False
    """Whether a line of theirs ended, by whomever: what was stored need not have been acknowledged."""


class Client:
    """A client of either kind, as the script knows it."""

    def __init__(self, stage: Stage, who: Who) -> None:
        self.stage, self.who = stage, who
        self.spoken = Spoken()
        self.socket: SocketClient | None = None
        self.poll_id: str | None = None
        self._coming = asyncio.Lock()
        house = stage.houses[who.house]
        member, guest = house.members.get(who.role), house.guests.get(who.role)
        self.sender = member.id if member is not None else guest.customer_id if guest is not None else None
        self._cookie = None if member is None else member.session_token
        self._token = None if guest is None else guest.token
        self.http = (
            stage.http("agent", member)
            if member is not None
            else stage.http("visitor", guest.token)
            if guest is not None
            else stage.http("stranger", None)
        )

    def is_open(self) -> bool:
        return self.poll_id is not None if self.who.polls else self.socket is not None and self.socket.close_code is None

    async def come(self, hello: dict[str, Any] | None) -> None:
        async with self._coming:  # of two at the same moment the second takes the first one's place
            await self.leave()
            await self._open(hello)

    async def _open(self, hello: dict[str, Any] | None) -> None:
        filled = None if hello is None else await self.stage.filled(hello, self.who)
        if not self.who.polls:
            self.socket = await self.stage.doors.socket(cookie=self._cookie)
            if filled is not None:
                await self.socket.send_text(encoded(filled, escaped=True))
            return
        answer = await self._post("/poll", encoded({"hello": filled or {}}, escaped=True))
        if answer is not None and answer.status_code == 200:
            self.poll_id = answer.json()["poll_id"]

    async def say(self, frames: Sequence[dict[str, Any] | Raw], *, escaped: bool) -> None:
        if not self.is_open():
            return
        texts = [encoded(await self.stage.filled(frame, self.who), escaped=escaped) for frame in frames]
        if not self.is_open():
            return  # left meanwhile
        if self.who.polls:
            answer = await self._post(f"/poll/{self.poll_id}", '{"frames":[' + ",".join(texts) + "]}")
            if answer is not None and answer.status_code == 200 and self.is_open():
                self.spoken.said += sum(map(_must_be_answered, texts))
                await self._hear(answer.json()["frames"])
            return
        for sent in texts:
            if self.socket is None or self.socket.close_code is not None:
                return
            self.spoken.said += _must_be_answered(sent)
            await self.socket.send_text(sent)

    async def steal(self, other: Client) -> None:
        """Frames to somebody else's polling connection."""
        if other.poll_id is not None and other.http is not self.http:
            answer = await self._post(f"/poll/{other.poll_id}", '{"frames":[]}', expected=None)
            same = self.sender is not None and self.sender == other.sender
            assert answer is None or same or answer.status_code in (404, 429), (
                f"{self.who} at the poll of {other.who}: {answer.status_code} {answer.text}"
            )

    async def leave(self) -> None:
        if self.socket is not None and self.socket.close_code is None:
            self.spoken.broken = True
            await self.socket.close()
        if self.poll_id is not None:
            self.spoken.broken = True
            self.stage.pollers.forget(self.poll_id)
        self.socket, self.poll_id = None, None
        self.spoken.said = self.spoken.answered

    async def handled(self) -> None:
        """Wait until the server has done with what was sent."""
        if self.socket is not None:
            await self.socket.handled()

    async def listen(self) -> None:
        """Take what has come, and look at it."""
        if self.socket is not None:
            frames, self.socket.frames = self.socket.frames, []
            await self._hear(frames)
            if self.socket.close_code is not None:
                assert self.socket.close_code in CLOSES | {1006}, f"{self.who} was closed with {self.socket.close_code}"
                self.spoken.broken = True
                self.spoken.said = self.spoken.answered
        while self.poll_id is not None:
            answer = await self._post(f"/poll/{self.poll_id}", '{"frames":[]}', expected=(200, 401, 404))
            if answer is None or answer.status_code != 200:
                self.spoken.broken = True
                self.spoken.said = self.spoken.answered
                self.poll_id = None
            elif not answer.json()["frames"]:
                break
            else:
                await self._hear(answer.json()["frames"])
        assert self.spoken.answered >= self.spoken.said, f"{self.who}: {self.spoken.said - self.spoken.answered} frames were not answered"

    async def _post(self, path: str, body: str, expected: tuple[int, ...] | None = None) -> httpx.Response | None:
        content = body.encode(errors="surrogatepass")
        answer = await self.http.post(path, content=content, headers={"Content-Type": "application/json"})
        self.stage.look_at_bytes(self.who, _ECHOED.sub(b"", answer.content))
        if answer.status_code >= 400:
            code = answer.json()["error"]["code"]
            assert answer.status_code < 500, f"{self.who} {path}: {answer.status_code} {code}"
            assert code in HTTP_CODES, f"{code} is not in docs/protocol.md"
        assert expected is None or answer.status_code in expected, f"{self.who} {path}: {answer.status_code} {answer.text[:300]}"
        return answer

    async def _hear(self, frames: Sequence[dict[str, Any]]) -> None:
        for frame in frames:
            self.stage.look_at(self.who, frame)
            self.spoken.answered += frame["type"] in ANSWERS
            if frame["type"] == "ack":
                self.spoken.acks.add((frame["conversation_id"], frame["client_message_id"], frame["seq"]))


def _must_be_answered(sent: str) -> bool:
    """Whether some answer has to follow. What may be silent when it is right is not counted."""
    try:
        frame = json.loads(sent)
    except (ValueError, RecursionError):
        return True
    return not isinstance(frame, dict) or str(frame.get("type")) not in SILENT
