"""Clients that keep the protocol's rules (docs/protocol.md, section 5) and write down everything they were told."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import msgspec

from bench.client import LeanSocket
from bench.world import Person, World
from qiatan.infra.clock import new_id

ACK_PATIENCE = 5.0
FINAL = frozenset({"conversation_ended", "not_yours"})
"""Refusals after which nobody tries again."""
REPAIR_EVERY = 0.2
PING_EVERY = 2.0
DEAF_AFTER = 10.0
"""A line on which nothing was heard for so long, although we ask all the time, is given up."""
_BACK_OFF = (0.05, 0.4)


@dataclass
class Sent:
    """A message of ours. `ack` is (conversation, seq), set once; `conflict` when a second acknowledgement said otherwise."""

    text: str
    conversation_id: str | None
    ack: tuple[str, int] | None = None
    conflict: tuple[str, int] | None = None
    tried_at: float = 0.0
    refusals: list[str] = field(default_factory=list)
    refused: str | None = None
    """Why it will never be stored, if so: an answer into a conversation that has ended or was given to somebody else."""


@dataclass(frozen=True)
class Seen:
    """A message as this side saw it."""

    sender_id: str | None
    client_message_id: str | None
    text: str | None


class Client:
    """One person's page: one socket at a time, an outbox that survives it, and a log of what came, by conversation and seq."""

    agent = False

    def __init__(self, ports: Sequence[int], number: int, person: Person) -> None:
        self.number, self.person = number, person
        self._ports, self._at = ports, number
        self._heard_at = 0.0
        self.mine: dict[str, tuple[int, int]] = {}
        """Head and version of what `mine` shows, as it was told last."""
        self._over: set[str] = set()
        """Conversations whose end we have read; visitors are shown them too, and no digest speaks of them."""
        self._vanished: set[str] = set()
        """What `mine` showed and shows no more: it is looked at once more, as a page does that stands open."""
        self.differed = 0
        """How often the server's digest was another one than ours, so that we looked again."""
        self.in_step = False
        """Whether the last digest was ours."""
        self.burst = 1
        """How many messages are written at once."""
        self.outbox: dict[str, Sent] = {}
        self._acked = 0
        self._open: dict[str, Sent] = {}
        """Of these, what has no answer yet: what was answered in hours of rounds is not gone through again and again."""
        self.log: dict[str, dict[int, Seen]] = {}
        self.heads: dict[str, int] = {}
        self.conflicts: list[str] = []
        self.connects = 0
        self.refused = 0
        """How often nobody took the connection."""
        self._socket: LeanSocket | None = None
        self._synced = asyncio.Event()
        self._hears: dict[str, Callable[[dict[str, Any]], None]] = {
            "subscribed": self._subscribed,
            "ack": self._acknowledged,
            "message": self._keep,
            "conversation": self._told,
            "conversation_gone": self._gone,
            "pong": self._compare,
            "error": self._refused,
        }
        self._http = httpx.AsyncClient(headers=self._authorization(), timeout=10)

    @property
    def port(self) -> int:
        """Where we call now: one of those we know, the next one when it fails us."""
        return self._ports[self._at % len(self._ports)]

    def _authorization(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.person.token}"}

    def _messages_path(self, conversation_id: str) -> str:
        return f"/widget/conversations/{conversation_id}/messages"

    # -- writing

    def write(self, text: str, conversation_id: str | None = None) -> Sent:
        """Put a message into the outbox, and on the wire if there is one."""
        client_id, sent = str(new_id()), Sent(text, conversation_id)
        self.outbox[client_id] = self._open[client_id] = sent
        self._try(client_id, sent)
        return sent

    def _try(self, client_id: str, sent: Sent) -> None:
        if self._socket is None or not self._synced.is_set():
            return
        frame: dict[str, Any] = {"type": "send", "client_message_id": client_id, "kind": "text", "text": sent.text}
        if sent.conversation_id is not None:
            frame["conversation_id"] = sent.conversation_id
        sent.tried_at = asyncio.get_running_loop().time()
        self._socket.send(msgspec.json.encode(frame))

    def open_sends(self) -> int:
        return len(self._open)

    def acked(self) -> int:
        """Of how many we know that they are stored."""
        return self._acked

    # -- the life of the connection

    def cut(self) -> None:
        """The network fails."""
        if self._socket is not None:
            self._socket.abort()

    async def run(self) -> None:
        """Connect, connect again and repair, until cancelled; a fault of either ends both, and is raised."""
        async with self._http, asyncio.TaskGroup() as group:
            group.create_task(self._repair())
            group.create_task(self._stay_connected())
            group.create_task(self._ask())

    async def _stay_connected(self) -> None:
        while True:
            try:
                await self._one_connection()
            except (OSError, TimeoutError) as error:
                self._socket = None
                self.refused += isinstance(error, ConnectionRefusedError)
                self._at += 1
            await asyncio.sleep(random.uniform(*_BACK_OFF))

    async def _one_connection(self) -> None:
        cookie = self.person.token if self.agent else None
        self._synced.clear()
        self.in_step = False
        async with asyncio.timeout(DEAF_AFTER):
            socket = await LeanSocket.connect(self.port, self._heard, number=self.number, cookie=cookie)
        self._socket = socket
        self._heard_at = asyncio.get_running_loop().time()
        self.connects += 1
        hello: dict[str, Any] = {"type": "hello", "protocol": 1}
        if not self.agent:
            hello["token"] = self.person.token
        socket.send(msgspec.json.encode(hello))
        socket.send(b'{"type":"subscribe","topic":"mine"}')
        try:
            await socket.closed.wait()
        finally:
            self._socket = None
            socket.abort()
            await socket.closed.wait()

    async def _ask(self) -> None:
        """Ask for a sign of life again and again, and give up a line that gives none."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(PING_EVERY)
            if self._socket is None:
                continue
            if loop.time() - self._heard_at > DEAF_AFTER:
                self._at += 1
                self.cut()
            elif self._synced.is_set():
                self._socket.send(b'{"type":"ping"}')

    def _compare(self, frame: dict[str, Any]) -> None:
        """Rule 4: look again when the server knows something else than we do."""
        own = "\n".join(f"{key}:{head}:{version}" for key, (head, version) in sorted(self.mine.items()))
        self.in_step = frame["digest"] == hashlib.sha256(own.encode()).hexdigest()[:16]
        if not self.in_step and self._socket is not None:
            self.differed += 1
            self._socket.send(b'{"type":"subscribe","topic":"mine"}')

    def _heard(self, socket: LeanSocket, payload: bytes) -> None:
        if socket is not self._socket:
            return
        self._heard_at = asyncio.get_running_loop().time()
        for frame in msgspec.json.decode(payload):
            hear = self._hears.get(frame["type"])
            if hear is not None:
                hear(frame)

    def _told(self, frame: dict[str, Any]) -> None:
        conversation = frame["conversation"]
        self._know(conversation["id"], conversation["head"])
        self._shown(conversation)

    def _gone(self, frame: dict[str, Any]) -> None:
        if frame["topic"] == "mine":
            self.mine.pop(frame["conversation_id"], None)
            self._vanished.add(frame["conversation_id"])

    def _subscribed(self, frame: dict[str, Any]) -> None:
        self._vanished |= self.mine.keys() - {shown["id"] for shown in frame["conversations"]}
        self.mine = {shown["id"]: (shown["head"], shown["version"]) for shown in frame["conversations"] if shown["id"] not in self._over}
        for shown in frame["conversations"]:
            self._know(shown["id"], shown["head"])
        self._synced.set()
        for client_id, sent in self._open.items():
            self._try(client_id, sent)

    def _acknowledged(self, frame: dict[str, Any]) -> None:
        sent, answer = self.outbox[frame["client_message_id"]], (frame["conversation_id"], frame["seq"])
        if sent.ack is None:
            sent.ack = answer
            self._acked += 1
            self._open.pop(frame["client_message_id"], None)
        elif sent.ack != answer:
            sent.conflict = answer
        self._keep(
            {
                "conversation_id": answer[0],
                "seq": answer[1],
                "sender_id": str(self.person.id),
                "client_message_id": frame["client_message_id"],
                "text": sent.text,
            }
        )

    def _refused(self, frame: dict[str, Any]) -> None:
        sent = self.outbox.get(frame.get("ref", ""))
        if sent is not None:
            # Not stored; the repair loop tries it again when its patience is over.
            sent.refusals.append(frame["code"])
            if self.agent and frame["code"] in FINAL:
                sent.refused = frame["code"]
                self._open.pop(frame["ref"], None)

    def _know(self, conversation_id: str, head: int) -> None:
        self.heads[conversation_id] = max(head, self.heads.get(conversation_id, 0))
        if conversation_id in self.mine:
            known, version = self.mine[conversation_id]
            self.mine[conversation_id] = (max(known, head), version)

    def _shown(self, conversation: dict[str, Any]) -> None:
        """What is ours and open belongs to the digest."""
        key, known = conversation["id"], self.mine.get(conversation["id"], (0, 0))
        if conversation["status"] == "ended":
            self.mine.pop(key, None)
        elif key in self.mine or not self.agent or conversation["assignee_id"] == str(self.person.id):
            self.mine[key] = (max(known[0], conversation["head"]), max(known[1], conversation["version"]))

    def _keep(self, message: dict[str, Any]) -> None:
        conversation_id, seq = message["conversation_id"], message["seq"]
        seen = Seen(message["sender_id"], message["client_message_id"], message["text"])
        before = self.log.setdefault(conversation_id, {}).setdefault(seq, seen)
        if before != seen:
            self.conflicts.append(f"{conversation_id} {seq}: {before} and then {seen}")
        if message.get("kind") == "event" and message["data"]["name"] == "ended":
            self._over.add(conversation_id)
            self.mine.pop(conversation_id, None)
        self._know(conversation_id, seq)

    # -- gaps

    def missing(self) -> list[str]:
        """Conversations of which this side does not have everything it knows of."""
        return [key for key, head in self.heads.items() if len(self.log.get(key, ())) < head]

    def looking(self) -> bool:
        """Whether something has yet to be looked at once more."""
        return bool(self._vanished)

    async def _repair(self) -> None:
        """Fetch what is missing; send again what nobody acknowledged in time."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(REPAIR_EVERY)
            for client_id, sent in list(self._open.items()):
                if loop.time() - sent.tried_at > ACK_PATIENCE:
                    self._try(client_id, sent)
            for conversation_id in self.missing():
                await self._fetch(conversation_id)
            for conversation_id in tuple(self._vanished):
                if await self._fetch_after(conversation_id, max(self.log.get(conversation_id, {0: None}))):
                    self._vanished.discard(conversation_id)

    async def _fetch(self, conversation_id: str) -> None:
        have = self.log.get(conversation_id, {})
        first = next((seq for seq in range(1, self.heads[conversation_id] + 1) if seq not in have), None)
        if first is None:
            return  # the socket brought it while we fetched another conversation
        await self._fetch_after(conversation_id, first - 1)

    async def _fetch_after(self, conversation_id: str, seq: int) -> bool:
        """Keep what comes after that number; False when the server could not say."""
        try:
            path = f"http://127.0.0.1:{self.port}/api/v1{self._messages_path(conversation_id)}"
            answer = await self._http.get(path, params={"after_seq": seq, "limit": 100})
        except httpx.TransportError as error:
            self.refused += isinstance(error, httpx.ConnectError)
            return False  # the server is away: the next round asks again
        if answer.status_code >= 500:
            return False
        if answer.status_code == 404 and self.agent:
            self.heads.pop(conversation_id, None)  # it was given to somebody else, with the right to see it
            return True
        assert answer.status_code == 200, answer.text
        for message in answer.json()["items"]:
            self._keep(message)
        return True

    async def catch_up(self) -> None:
        """Connect anew, hear the heads, and wait until nothing is missing."""
        self._synced.clear()
        self.cut()
        await self._synced.wait()
        while self.missing():
            await asyncio.sleep(0.05)


class Agent(Client):
    """An agent's page."""

    agent = True

    def _authorization(self) -> dict[str, str]:
        return {"cookie": f"qiatan_session={self.person.token}"}

    def _messages_path(self, conversation_id: str) -> str:
        return f"/conversations/{conversation_id}/messages"

    async def deaf_line(self, port: int) -> LeanSocket:
        """One more page of ours, which reads nothing of what it is told. Raises OSError, TimeoutError."""
        socket = await LeanSocket.connect(port, lambda _socket, _payload: None, number=self.number, cookie=self.person.token)
        socket.send(b'{"type":"hello","protocol":1}')
        socket.send(b'{"type":"subscribe","topic":"mine"}')
        socket.read_no_more()
        return socket


@dataclass
class Crowd:
    """Everybody of a story."""

    visitors: list[Client]
    agents: list[Agent]

    @property
    def everybody(self) -> list[Client]:
        return [*self.visitors, *self.agents]

    def behind(self) -> list[str]:
        """Who has not everything they were told of, or something else than the server knows, while they stay connected."""
        found = [f"{client.person.id} lacks {client.missing()}" for client in self.everybody if client.missing() or client.looking()]
        return found + [
            f"{client.person.id} is not in step: {client.mine}, {client.differed} times so far, {client.connects} connections"
            for client in self.everybody
            if not client.in_step
        ]

    def acked(self) -> int:
        return sum(client.acked() for client in self.everybody)

    def agent_of(self, agent_id: UUID) -> Agent:
        return next(agent for agent in self.agents if agent.person.id == agent_id)


@asynccontextmanager
async def crowd(ports: int | Sequence[int], world: World) -> AsyncIterator[Crowd]:
    """Everybody of a world, connected as long as the block lasts; a fault of one of them ends the block at once and is raised.

    `ports`: of the servers that they know; each begins with another one, and goes to the next when one fails.
    """
    known = [ports] if isinstance(ports, int) else list(ports)
    people = Crowd(
        visitors=[Client(known, 1000 + number, person) for number, person in enumerate(world.visitors)],
        agents=[Agent(known, number, person) for number, person in enumerate(world.agents)],
    )
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(client.run()) for client in people.everybody]
        yield people
        for task in tasks:
            task.cancel()
