"""Two enterprises and their clients, who say what a script tells, and what must hold whatever they say."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from typing import Any
from uuid import UUID, uuid5

import httpx
from sqlalchemy import text

from qiatan.entrypoints.gateway import Gateway
from qiatan.entrypoints.polling import Pollers
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.geo import Geo
from qiatan.infra.http.guards import CSRF_HEADER
from qiatan.infra.resources import Resources
from qiatan.infra.storage import LocalStorage
from qiatan.infra.throttle import Throttle
from qiatan.infra.timers import TimerLoop
from tests.guarantees.frame_clients import Client, Spoken
from tests.guarantees.frame_houses import INTERNAL, House, make_house
from tests.guarantees.frame_scripts import AGENTS, MESSAGES, VISITORS, WORDS, Come, End, Leave, Ref, Say, Script, Steal, Step, Who
from tests.modules.files.pictures import png
from tests.support import talk
from tests.support.canaries import CANARIES
from tests.support.census import census
from tests.support.documented import documented_codes, documented_types
from tests.support.doors import Doors
from tests.support.factories import Factories, Member
from tests.support.sockets import SocketClient
from tests.support.watching import watched

CODES, TYPES = documented_codes(), documented_types()
_SPACE = UUID("0192f3a1-0000-7000-8000-000000000000")


class Stage:
    """The whole installation, and both houses."""

    def __init__(self, doors: Doors, database: Database, resources: Resources) -> None:
        self.doors, self.database, self.resources = doors, database, resources
        self.gateway: Gateway = doors.app.state.gateway
        self.pollers: Pollers = doors.app.state.pollers
        self.houses: list[House] = []
        self.clients: dict[Who, Client] = {}
        self.steady: list[tuple[SocketClient, SocketClient, list[int]]] = []
        self.outcomes: Counter[str] = Counter()
        self.faults: list[str] = []
        self._https: dict[tuple[str, str], httpx.AsyncClient] = {}
        self._example = 0
        self._newest: list[dict[UUID, UUID]] = [{}, {}]
        self._loops: set[asyncio.Task[Any]] = set()
        self._start: dict[str, int] | None = None

    async def prepare(self, factories: Factories) -> None:
        self.houses = [await make_house(number, self.doors, self.database, factories) for number in (0, 1)]
        await self._steady_ones_come()
        await self._look_up()
        self._loops = asyncio.all_tasks()
        await self.play(_everybody())
        self._start = self.left()

    def http(self, kind: str, caller: Any) -> httpx.AsyncClient:
        """One client of each caller, so that thousands of examples do not open as many."""
        key = kind, str(caller if not isinstance(caller, Member) else caller.id)
        if key not in self._https:
            if kind == "agent":
                self._https[key] = self.doors.agent(caller)
            else:
                self._https[key] = self.doors.visitor(caller) if kind == "visitor" else self.doors.stranger()
            self._https[key].headers.setdefault(CSRF_HEADER, "1")
        return self._https[key]

    # -- one example

    async def play(self, script: Script) -> None:
        """Tell the story; everything must hold after each group of steps, and at the end."""
        self._example += 1
        self.clients = {}
        self.doors.forget_sockets()
        self.faults = []
        with watched(self.faults):
            for turn, group in enumerate(script):
                await asyncio.gather(*[self._take(step) for step in group])
                await self._settle(turn % 2)
                for client in self.clients.values():
                    await client.listen()
                assert not self.faults, self.faults
            acks = await self._leave()
            assert not self.faults, self.faults
        await self._compare(acks)
        if self._start is not None:
            left = self.left()
            more = {place: (self._start.get(place, 0), left.get(place, 0)) for place in self._start.keys() | left.keys()}
            assert not (grown := {place: counts for place, counts in more.items() if counts[0] != counts[1]}), grown
        assert self._strange_keys() == []

    def client(self, who: Who) -> Client:
        if who not in self.clients:
            self.clients[who] = Client(self, who)
        return self.clients[who]

    async def _take(self, step: Step) -> None:
        match step:
            case Come():
                await self.client(step.who).come(step.hello)
            case Say():
                await self.client(step.who).say(step.frames, escaped=step.escaped)
            case Leave():
                await self.client(step.who).leave()
            case Steal():
                await self.client(step.who).steal(self.client(step.other))
            case End():
                house = self.houses[step.house]
                newest = self._newest[step.house].get(house.guests[step.which].customer_id)
                if newest is not None:
                    await self.http("agent", house.world.tenant.admin).post(f"/conversations/{newest}/end")

    async def _settle(self, *numbers: int) -> None:
        """Wait until everything said is done, and see that who does right in these houses still gets what is due."""
        for client in self.clients.values():
            await client.handled()
        await self.gateway.settled()
        for number in numbers:
            visitor, agent, seqs = self.steady[number]
            self.resources.throttle.forget(f"send:{self.houses[number].steady.customer_id}")
            message_id = str(new_id())
            await visitor.send(type="send", client_message_id=message_id, text=f"{CANARIES[number]} steady")
            ack, heard = await visitor.next("ack"), await agent.next("message")
            assert (ack["client_message_id"], heard["client_message_id"]) == (message_id, message_id)
            assert (ack["seq"], heard["seq"]) == (seqs[0] + 1, seqs[0] + 1)
            seqs[0] += 1
            await asyncio.gather(visitor.settle(), agent.settle())
            for socket, who in ((visitor, Who(number, "steady", False)), (agent, Who(number, "keeper", False))):
                for frame in socket.frames:
                    self.look_at(who, frame)
                socket.frames.clear()
        await self._look_up()

    async def _steady_ones_come(self) -> None:
        for house in self.houses:
            visitor, agent = await self.doors.visitor_socket(house.steady.token), await self.doors.agent_socket(house.keeper)
            for socket in (visitor, agent):
                await socket.send(type="subscribe", topic="mine")
            shown = await visitor.next("subscribed")
            [line] = shown["conversations"]
            await agent.next("subscribed")
            self.steady.append((visitor, agent, [line["head"]]))

    async def _leave(self) -> list[tuple[Client, Spoken]]:
        """Everybody goes; nothing of them is left behind."""
        heard = [(client, client.spoken) for client in self.clients.values()]
        for client in self.clients.values():
            await client.leave()
        await self._settle(0, 1)
        await self.done(self._loops)
        return heard

    async def done(self, lasting: set[asyncio.Task[Any]]) -> None:
        """Wait until nothing of the program runs any more but what lasts."""
        async with asyncio.timeout(30):
            while begun := {task for task in asyncio.all_tasks() - lasting - {asyncio.current_task()} if _is_ours(task)}:
                await asyncio.wait(begun)

    def left(self) -> dict[str, int]:
        """How much the gateway and all behind it remember now, but for what is bounded (counts by person, 256 folders) or due by the clock."""
        roots = (self.gateway, self.pollers, self.resources.hub, self.resources.relay)
        counted = census(*roots, besides=(Throttle, TimerLoop, Database, Geo, LocalStorage))
        return {place: count for place, count in counted.items() if count}

    def _strange_keys(self) -> list[str]:
        """Limits are counted by who it is and where from, never by what a client writes: else it could fill the memory with them."""
        known = {one for house in self.houses for one in house.ids} | {str(house.id) for house in self.houses}
        strange = []
        for key in self.resources.throttle._buckets:
            _, _, whose = key.partition(":")
            if whose not in known and not whose.startswith("192.0.2."):
                strange.append(key)
        return strange

    # -- what must hold

    def look_at(self, who: Who, frame: dict[str, Any]) -> None:
        """One frame that somebody got."""
        assert frame["type"] in TYPES, f"{frame['type']} is not in docs/protocol.md"
        self.outcomes[frame["type"] if frame["type"] not in ("error", "bye") else frame["code"]] += 1
        if frame["type"] in ("error", "bye"):
            assert frame["code"] in CODES, f"{frame['code']} is not in docs/protocol.md"
        told = {name: value for name, value in frame.items() if name not in ("ref", "client_message_id")}
        self.look_at_bytes(who, json.dumps(told, ensure_ascii=False).encode(errors="surrogatepass"))

    def look_at_bytes(self, who: Who, content: bytes) -> None:
        other = self.houses[1 - who.house]
        assert CANARIES[other.number].encode() not in content, f"{who} got a word of the other enterprise: {content!r}"
        for word in set(re.findall(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", content)):
            assert word.decode() not in other.ids, f"{who} got an id of the other enterprise: {content!r}"
        if who.role in (*VISITORS, "steady"):
            assert INTERNAL.encode() not in content, f"{who} got a note: {content!r}"
            for role in {*VISITORS} - {who.role}:
                assert _own_mark(role).encode() not in content, f"{who} got what {role} wrote: {content!r}"

    async def _look_up(self) -> None:
        """Which conversations there are now: ids of the other enterprise, and the newest of each customer."""
        query = text("SELECT enterprise_id, id, customer_id FROM conversations WHERE enterprise_id = ANY(:ids) ORDER BY created_at, id")
        async with self.database.system() as tx:
            everything = (await tx.session.execute(query, {"ids": [house.id for house in self.houses]})).all()
        for house in self.houses:
            rows = [row[1:] for row in everything if row[0] == house.id]
            self._newest[house.number] = {row[1]: row[0] for row in rows}
            known = [*[one.id for one in (*house.members.values(), house.keeper)], house.steady.customer_id]
            known += [one.customer_id for one in house.guests.values()]
            given = [value for name, value in house.world.ids.items() if name.endswith("_id")]
            house.ids = {str(value) for value in (*known, *given, *(row[0] for row in rows), house.id)} - {"none"}

    async def _compare(self, spoken: list[tuple[Client, Spoken]]) -> None:
        """The database agrees with what was said, and with itself."""
        ids = {self._message_id(number) for number in range(MESSAGES)}
        for house in self.houses:
            assert await talk.gaps(self.database, house.id) == []
            assert await talk.drift(self.database, house.id) == []
            ours = [(client, one) for client, one in spoken if client.who.house == house.number]
            acked = {(str(client.sender), *ack) for client, one in ours for ack in one.acks}
            # A client may call its message by any id at all: of a conversation, or the same one in many examples.
            stored, strangers = await self._stored(house, ids | {row[2] for row in acked})
            assert strangers == []
            assert acked <= stored, f"acknowledged and not stored: {acked - stored}"
            broken = {str(client.sender) for client, one in ours if one.broken}
            unheard = {row for row in stored - acked if row[0] not in broken and row[2] in ids}
            assert unheard == set(), f"stored and not acknowledged: {unheard}"

    async def _stored(self, house: House, ids: set[str]) -> tuple[set[tuple[str, str, str, int]], list[Any]]:
        mine = text(
            """SELECT sender_id::text, conversation_id::text, client_message_id::text, seq FROM messages
                WHERE enterprise_id = :id AND client_message_id = ANY(CAST(:ids AS uuid[]))"""
        )
        strange = text(
            """SELECT m.conversation_id, m.seq FROM messages m
                WHERE m.enterprise_id = :id AND m.sender_id IS NOT NULL
                  AND NOT EXISTS (SELECT FROM agents a WHERE a.enterprise_id = m.enterprise_id AND a.id = m.sender_id)
                  AND NOT EXISTS (SELECT FROM conversations v WHERE v.enterprise_id = m.enterprise_id AND v.id = m.conversation_id
                                                                AND v.customer_id = m.sender_id)"""
        )
        async with self.database.system() as tx:
            stored = {tuple(row) for row in await tx.session.execute(mine, {"id": house.id, "ids": list(ids)})}
            strangers = list((await tx.session.execute(strange, {"id": house.id})).all())
        return stored, strangers

    # -- references

    def _message_id(self, which: int | str) -> str:
        return str(uuid5(_SPACE, f"{self._example} {which}"))

    async def filled(self, value: Any, who: Who) -> Any:
        """The value with its references as they are for who speaks."""
        if isinstance(value, dict):
            return {name: await self.filled(inner, who) for name, inner in value.items()}
        if isinstance(value, list):
            return [await self.filled(inner, who) for inner in value]
        return await self._fill(value, who) if isinstance(value, Ref) else value

    async def _fill(self, ref: Ref, who: Who) -> Any:
        house = self.houses[who.house if ref.side == "ours" else 1 - who.house]
        match ref.kind:
            case "words":
                words = f"{INTERNAL} " if ref.which == "internal" else WORDS[ref.which]
                return f"{words}{CANARIES[who.house]}{_own_mark(who.role) if who.role in VISITORS else ''}"
            case "message":
                return self._message_id(ref.which)
            case "conversation":
                return self._conversation(ref, house)
            case "file":
                return await self._file(ref, house, who)
            case "picture":
                return str(house.world.ids["picture_id"])
            case "note":
                return house.note_seq
            case "token":
                own = self.houses[who.house].guests.get(who.role)
                real = house.world.guest.token
                return {"own": own.token if own is not None else "", "cut": real[:-1], "swapped": real.swapcase()}.get(ref.which, "unknown")
            case "view":
                return house.view_token
            case "person":
                ids = {"server": house.world.server.id, "guest": house.world.guest.customer_id, "enterprise": house.id}
                return str(ids.get(ref.which) or house.world.ids[f"{ref.which}_id"])

    def _conversation(self, ref: Ref, house: House) -> str:
        if ref.which == "ended":
            return str(house.ended)
        guest = house.guests.get(ref.which)
        newest = self._newest[house.number].get(guest.customer_id) if guest is not None else None
        return str(newest or uuid5(_SPACE, "no conversation"))

    async def _file(self, ref: Ref, house: House, who: Who) -> str:
        """`fresh`: a picture that this speaker (or, of the other house, its guest) has uploaded and not sent."""
        if ref.which == "sent":
            return str(house.world.ids["file_id"])
        role = who.role if ref.side == "ours" and who.role in (*house.members, *house.guests) else "guest"
        if role not in house.fresh:
            by_visitor = role in house.guests
            http = self.http("visitor", house.guests[role].token) if by_visitor else self.http("agent", house.members[role])
            answer = await http.post("/widget/files" if by_visitor else "/files", files={"file": ("a.png", png(), "image/png")})
            house.fresh[role] = str(answer.json().get("id") or uuid5(_SPACE, "no file"))
        return house.fresh[role]


def _is_ours(task: asyncio.Task[Any]) -> bool:
    """Whether the program began it, and not a library."""
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and "/qiatan/" in code.co_filename


def _everybody() -> Script:
    """Everybody comes, looks at something, writes and leaves: what is learnt by that stays for good reason, and is no leak."""
    clients = [Who(house, role, polls) for house in (0, 1) for role in (*AGENTS, *VISITORS) for polls in (False, True)]
    newest = Ref("conversation", "ours", "guest")

    def hello(who: Who) -> dict[str, Any]:
        given: dict[str, Any] = {"token": Ref("token", "ours", "own")} if who.role in VISITORS else {}
        return {"type": "hello", "protocol": 1} | given | ({"view_as": Ref("view")} if who.role == "view" else {})

    def says(who: Who) -> tuple[dict[str, Any], ...]:
        text = {"type": "send", "client_message_id": Ref("message", "ours", "0"), "text": Ref("words", "ours", "plain")}
        if who.role in VISITORS:
            return {"type": "subscribe", "topic": "mine"}, text, {"type": "typing", "text": "a"}
        topics = [{"type": "subscribe", "topic": topic} for topic in ("mine", "queue", "colleagues")]
        looks = {"type": "subscribe", "topic": "conversation", "conversation_id": newest}, {"type": "viewing", "conversation_id": newest}
        return *topics, *looks, text | {"conversation_id": newest}

    return [
        tuple(Come(who, hello(who)) for who in clients),
        tuple(Say(who, says(who)) for who in clients),
        (End(0, "guest"), End(1, "guest")),
    ]


def _own_mark(role: str) -> str:
    return f"von-{role}-allein"
