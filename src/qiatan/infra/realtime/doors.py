"""Inbound frames: their shapes, who may send them, and who handles them.

A module lists its doors in `realtime`; the entrypoint makes one decoder of all of them. A frame that no door declares does not exist.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import msgspec

from qiatan.infra.realtime.connection import Connection
from qiatan.kit.access import AgentActor, Point, VisitorActor
from qiatan.kit.errors import Fault, NotAllowed, NotSignedIn, ReadOnlyView

MAX_FRAME_BYTES = 64 * 1024


class Frame(msgspec.Struct, forbid_unknown_fields=True, tag_field="type", gc=False):
    """Base of inbound frames; each subclass says its `tag`."""


class OutFrame(msgspec.Struct, tag_field="type", gc=False):
    """Base of frames to the client."""


Handler = Callable[[Connection, Any], Awaitable[None] | None]


@dataclass(frozen=True, slots=True)
class FrameDoor:
    """One kind of frame. `agents` is the point an agent needs (`every`: none; None: agents may not send it); `visitors` whether visitors may.

    `reads`: it changes nothing, so who looks at the product as somebody else may send it too.
    """

    frame: type[Frame]
    handle: Handler
    agents: Point | Literal["every"] | None
    visitors: bool
    reads: bool = False

    def admit(self, actor: AgentActor | VisitorActor | None) -> None:
        """
        Raises:
            NotSignedIn: before the hello.
            NotAllowed: this kind of actor, or a role without the point.
            ReadOnlyView: this would change something, and the actor only looks as somebody else.
        """
        if actor is None:
            raise NotSignedIn
        if isinstance(actor, VisitorActor):
            if not self.visitors:
                raise NotAllowed
        elif self.agents is None or actor.via == "api_key" or not (self.agents == "every" or actor.may(self.agents)):
            raise NotAllowed
        elif actor.via == "view" and not self.reads:
            raise ReadOnlyView


class ErrorFrame(OutFrame, tag="error", omit_defaults=True):
    """A refusal. `ref` is the client message id it speaks of."""

    code: str
    message: str
    ref: UUID | None = None
    field: str | None = None
    retry_after: float | None = None


class ChangedFrame(OutFrame, tag="changed"):
    """An object changed: fetch it again if it is on the screen."""

    object: str
    id: UUID
    version: int


class ByeFrame(OutFrame, tag="bye", omit_defaults=True):
    """The last frame before the server closes. `within`: come back at a moment of your choice in so many seconds, as many others do."""

    code: str
    message: str
    within: float | None = None


encode = msgspec.json.Encoder().encode


def error_frame(fault: Fault, ref: UUID | None = None) -> bytes:
    """A fault as a frame: the first refused field's code is the code, so that pages can say it in their language."""
    if fault.fields:
        problem = fault.fields[0]
        code = problem.code if problem.code in ("empty", "too_long", "invalid_text") else fault.code
        return encode(ErrorFrame(code, problem.message, ref, problem.field))
    return encode(ErrorFrame(fault.code, fault.message, ref, retry_after=fault.retry_after))
