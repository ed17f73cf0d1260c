"""Two enterprises, of which one's people make the calls that a script tells, and what must hold whatever they call."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import httpx
import jsonschema_rs
from sqlalchemy import text

from qiatan.entrypoints.registry import CATALOGUE, JOBS
from qiatan.infra.db import Database
from qiatan.infra.http.guards import SESSION_COOKIE, VIEW_HEADER, csrf_token
from qiatan.infra.resources import Resources
from qiatan.modules.accounts import service as accounts
from qiatan.modules.replies import service as replies
from tests.guarantees.call_requests import Requests, things_of
from tests.guarantees.call_scripts import OPERATIONS, VISITORS, Call, Operation
from tests.guarantees.call_values import DESCRIBED
from tests.guarantees.frame_houses import INTERNAL, House, make_house
from tests.guarantees.world import checksum
from tests.modules.routing.scene import present
from tests.support import talk
from tests.support.canaries import CANARIES
from tests.support.documented import documented_http_codes
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories
from tests.support.watching import Entry, watched
from tests.support.work import app_without_turns

CODES = documented_http_codes()
_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SEARCHES = {"search_conversations", "search_customers"}
LARGEST = 4_000_000
"""Bytes of one answer: every list is bounded, and a house of a few things has little to tell."""


class CallStage:
    """The whole installation; `theirs` is never called by anybody of theirs, and must stay as it is."""

    theirs: House
    ours: House

    def __init__(self, doors: Doors, database: Database, resources: Resources, factories: Factories, database_url: str) -> None:
        self.doors, self.database, self.resources, self.factories = doors, database, resources, factories
        self.answers: Counter[tuple[str, int]] = Counter()
        """How often each call was answered with each status."""
        self.codes: Counter[str] = Counter()
        self._url = database_url
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._their_ids: set[str] = set()
        self._validators: dict[str, Any] = {}
        self._before = ""

    async def prepare(self) -> None:
        self.theirs = await make_house(1, self.doors, self.database, self.factories)
        things, _ = await things_of(self.database, self.theirs)
        self._requests = Requests(self.database, self.resources.clock, things)
        house = self.theirs
        known = [*[one.id for one in house.members.values()], *[one.customer_id for one in house.guests.values()], house.id]
        self._their_ids = {str(one) for one in known} | {one for ids in things.values() for one in ids}
        await self.doors.app.state.gateway.settled()
        self._before = await checksum(self.database, self.theirs.id)

    def goes_well(self, name: str) -> bool:
        """Whether the call was answered with success to anybody yet."""
        return any(called == name and status < 400 for called, status in self.answers)

    # -- one example

    async def play(self, script: Iterable[tuple[Call, ...]], *, calmly: bool = False) -> None:
        """Make the calls; everything must hold after each group of them, and at the end. `calmly`: what follows from each is waited for."""
        self.ours = await make_house(0, self.doors, self.database, self.factories, marked=False)
        # A sealed secret that no key of ours has sealed is the operator's fault, and answered as such.
        async with self.database.system() as tx:
            await tx.session.execute(text("DELETE FROM totp_secrets WHERE enterprise_id = :id"), {"id": self.ours.id})
            # Only from computers are files sent up in parts.
            await tx.session.execute(text("UPDATE visits SET device = 'desktop' WHERE enterprise_id = :id"), {"id": self.ours.id})
            colleague = self.ours.members["colleague"]
            await tx.session.execute(text("UPDATE agents SET max_conversations = 2 WHERE id = :id"), {"id": colleague.id})
        async with self.database.tenant(self.ours.id) as tx:
            await replies.mend_counters(tx)  # the world's reply was written without its use case
        await present(self.database, colleague)  # somebody whom routing may choose, until they are full
        self.resources.throttle._buckets.clear()
        await self._requests.begin(self.ours)
        self._clients = {}
        faults: list[str] = []
        with watched(faults, besides=_is_expected):
            for group in script:
                await self._requests.look_up()
                requests = [(call, await self._client(call.who), await self._requests.request(call)) for call in group]
                answers = await asyncio.gather(*(self._send(client, request) for _, client, request in requests))
                for (call, _, request), answer in zip(requests, answers, strict=True):
                    if answer is not None:
                        self._look_at(call, request, answer, alone=len(group) == 1)
                        self._requests.learn(call, answer)
                        await self._restore(call, answer)
                assert not faults, faults
                if calmly:
                    await self.doors.app.state.gateway.settled()
            await self.doors.app.state.gateway.settled()
            await accounts.settled()
            await self._work_off()
            assert not faults, faults
        await self._compare()

    async def _send(self, client: httpx.AsyncClient, request: dict[str, Any]) -> httpx.Response | None:
        client.cookies.clear()  # what an answer has set: the caller stays who they are
        try:
            return await client.request(**request)
        except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeEncodeError):
            return None  # no client could send this

    async def _client(self, who: str) -> httpx.AsyncClient:
        if who not in self._clients:
            self._clients[who] = await self._new_client(who)
        return self._clients[who]

    async def _new_client(self, who: str) -> httpx.AsyncClient:
        house = self.ours
        if who in house.guests:
            return self.doors.visitor(house.guests[who].token)
        if who == "program":
            points = [point.name for point in CATALOGUE if not point.personal]
            new = {"name": "程序", "points": points, "password": PASSWORD}
            made = await self.doors.agent(house.world.tenant.admin).post("/api-keys", json=new)
            return self.doors.visitor(made.json()["secret"] if made.status_code == 201 else "qk_none")
        if who == "nobody":
            return self.doors.stranger()
        member = house.members[who]
        headers = {"Cookie": f"{SESSION_COOKIE}={member.session_token}"}
        if who == "view":
            headers[VIEW_HEADER] = house.view_token
        return self.doors.stranger(csrf=csrf_token(member.session_token), headers=headers)

    # -- what must hold

    def _look_at(self, call: Call, request: dict[str, Any], answer: httpx.Response, *, alone: bool) -> None:
        operation = OPERATIONS[call.name]
        told = f"{call}\n{request['method']} {request['url']} {str(request['content'])[:2_000]}\n{answer.status_code} {answer.text[:2_000]}"
        if call.method == operation.method:
            self.answers[call.name, answer.status_code] += 1
        assert answer.status_code < 500 or _is_told(call, answer, alone=alone), told
        assert len(answer.content) < LARGEST, f"{len(answer.content)} bytes\n{told[:2_000]}"
        heard = answer.content + str(answer.headers).encode()
        assert CANARIES[1].encode() not in heard, f"a word of the other enterprise\n{told}"
        if call.who in VISITORS:
            assert INTERNAL.encode() not in heard, f"an internal word\n{told}"
        if crossed := {one.decode() for one in _UUID.findall(heard)} & self._their_ids:
            sent = f"{request['url']} {request['content']!r} {request['headers']}"
            assert not [one for one in crossed if one not in sent.lower()], f"an id of the other enterprise: {crossed}\n{told}"
        if answer.status_code >= 400 and call.method not in ("HEAD", "head"):
            self._look_at_error(answer, told)
        elif answer.status_code < 300 and call.method == operation.method:
            self._look_at_success(operation, answer, told)

    def _look_at_error(self, answer: httpx.Response, told: str) -> None:
        assert answer.headers.get("Content-Type") == "application/json", told
        error = answer.json()["error"]
        self.codes[error["code"]] += 1
        assert error["code"] in CODES, f"{error['code']} is not in docs/protocol.md\n{told}"
        assert error["message"], told
        assert error["request_id"], told
        assert bool(error.get("fields")) is (error["code"] == "invalid_input"), told
        assert all(field["field"] and field["code"] and field["message"] for field in error.get("fields") or ()), told

    def _look_at_success(self, operation: Operation, answer: httpx.Response, told: str) -> None:
        described = DESCRIBED["paths"][operation.path][operation.method.lower()]["responses"]
        assert str(answer.status_code) in described or answer.status_code == 206, f"an undescribed status\n{told}"
        schema = described.get(str(answer.status_code), {}).get("content", {}).get("application/json", {}).get("schema")
        if schema is None or not answer.headers.get("Content-Type", "").startswith("application/json"):
            return
        if operation.name not in self._validators:
            whole = {**schema, "components": DESCRIBED["components"]}
            self._validators[operation.name] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        faults = [f"{error.instance_path}: {error.message}" for error in self._validators[operation.name].iter_errors(answer.json())]
        assert not faults, f"{faults[:3]}\n{told}"

    async def _compare(self) -> None:
        """The database agrees with itself, and the other enterprise is as it was."""
        house = self.ours
        assert await talk.gaps(self.database, house.id) == []
        assert await talk.drift(self.database, house.id) == []
        async with self.database.system() as tx:
            assert await accounts.count_audit_drift(tx, house.id) == 0
            assert await replies.count_drift(tx, house.id) == 0
        chain = await accounts.verify_chain(self.database, house.id, noted=None)
        assert chain.flaw is None, chain.flaw
        assert await checksum(self.database, self.theirs.id) == self._before

    async def _work_off(self) -> None:
        """Do the jobs that the calls have left: none may fail."""
        app = app_without_turns(self._url, list(JOBS), self.resources)
        async with self.database.system() as tx:
            # Nobody is called: that a push service does not answer is no fault.
            await tx.session.execute(text("DELETE FROM procrastinate_jobs WHERE task_name = 'push.deliver'"))
            waiting = (await tx.session.execute(text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'"))).scalar_one()
        if not waiting:
            return
        async with app.open_async():
            await app.run_worker_async(wait=False, install_signal_handlers=False, delete_jobs="successful")
        async with self.database.system() as tx:
            left = text("SELECT task_name, args::text, attempts FROM procrastinate_jobs WHERE attempts > 0 AND status <> 'succeeded'")
            failed = [tuple(row) for row in await tx.session.execute(left)]
        assert not failed, failed

    async def _restore(self, call: Call, answer: httpx.Response) -> None:
        """Sign in again who was signed out: they shall go on."""
        if answer.status_code == 401 and call.who in self.ours.members and not call.headers:
            self.ours.members[call.who] = await self.factories.session(self.ours.members[call.who])
            self._clients.pop(call.who, None)


def _is_told(call: Call, answer: httpx.Response, *, alone: bool) -> bool:
    """Whether docs/protocol.md promises it: a provider that does not answer, or a server with too much to do.

    Who calls alone never has to wait for a place; a search takes two seconds at most, which is a matter of the machine.
    """
    code = answer.json()["error"]["code"]
    if (answer.status_code, code) == (503, "try_again"):
        return "Retry-After" in answer.headers and (not alone or call.name in _SEARCHES)
    return (answer.status_code, code) == (502, "oidc_unreachable")


def _is_expected(entry: Entry) -> bool:
    """A provider of identities that cannot be asked is told to the operator too."""
    return entry.get("code") == "oidc_unreachable"
