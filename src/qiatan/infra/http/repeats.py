"""Calls that are made again because nobody heard of the first: with an `Idempotency-Key` they are done once (decision 0034).

The page that sent a note and lost its line does not know whether the note is there. It sends the same once more, with the same key, and
is answered what it was, or would have been, answered then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import Request, Response
from fastapi.routing import APIRoute

from qiatan.infra import answers
from qiatan.infra.answers import Answer
from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor
from qiatan.kit.errors import BadRequest, InvalidInput

HEADER: Final = "idempotency-key"
LONGEST: Final = 255


class AlreadyAnswered(Exception):
    """This very call was answered before; it is not made again."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("answered before")
        self.answer = answer


class Repeatable(APIRoute):
    """The class of routes whose POSTs may carry a key: `APIRouter(route_class=Repeatable)`.

    Their transaction is the request's own (`TenantTx`), so that the answer is kept by it; and no answer of theirs holds a secret, as
    those are stored nowhere. A test holds both.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if "POST" not in (self.methods or ()):
            return handle

        async def once(request: Request) -> Response:
            given = request.headers.get(HEADER)
            if given is None:
                return await handle(request)
            call = request.state.keyed_call = KeyedCall(request, given)
            try:
                response = await handle(request)
            except AlreadyAnswered as before:
                return Response(before.answer.content, before.answer.status, media_type=before.answer.media_type)
            # Here the transaction is still open; it is committed before the answer goes out (`transactions.py`).
            await call.keep(response)
            return response

        return once


class KeyedCall:
    """A call that names itself, while it is made."""

    def __init__(self, request: Request, given: str) -> None:
        """Raises BadRequest: the key is none."""
        if not 0 < len(given) <= LONGEST:
            raise BadRequest(f"An Idempotency-Key has 1 to {LONGEST} characters. Make one for each call, a UUID for instance.")
        self._request = request
        self._key = hashlib.sha256(given.encode()).digest()
        self._asked = b""
        self._kept_by: tuple[Tx, AgentActor] | None = None

    async def begin(self, tx: Tx, actor: AgentActor) -> Answer | None:
        """The answer that was given to this call, if it was made before.

        Raises:
            InvalidInput: another one was made with the key.
        """
        self._asked = await _digest(self._request)
        known = await answers.find(tx, actor.agent_id, self._key)
        if known is not None and known.asked != self._asked:
            raise InvalidInput.of(HEADER, "taken", "You have made another call with this Idempotency-Key. Make a new one for each call.")
        self._kept_by = tx, actor
        return known

    async def keep(self, response: Response) -> None:
        """Keep the answer in the call's own transaction. Without one nothing was changed."""
        if self._kept_by is not None:
            tx, actor = self._kept_by
            answer = Answer(self._asked, response.status_code, response.media_type, bytes(response.body))
            await answers.keep(tx, actor.agent_id, self._key, answer)


async def _digest(request: Request) -> bytes:
    """Of all that is asked. The body is here already: it is read before a request has its turn (`admission.py`)."""
    asked = hashlib.sha256()
    for part in (request.method.encode(), request.scope["path"].encode(), request.scope["query_string"], await request.body()):
        asked.update(len(part).to_bytes(8))
        asked.update(part)
    return asked.digest()
