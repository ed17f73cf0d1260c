"""The slots of a supervisor: which node accepts on which socket, also while a slot's own node is away."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field

from qiatan.entrypoints import control
from qiatan.entrypoints.child import Child


@dataclass(slots=True, eq=False)
class Slot:
    """A listening socket and the node that accepts on it."""

    number: int
    listener: socket.socket
    child: Child | None = None
    lent_to: Child | None = None
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by whoever starts a node for it."""


def cover(slots: Sequence[Slot]) -> None:
    """See to it that somebody accepts on every socket: its own node, or another one while that is away.

    The kernel goes on to hand a share of the callers to each socket, whether anybody accepts there or not.
    """
    helpers = [slot.child for slot in slots if slot.child is not None and slot.child.serves]
    for slot in slots:
        own = slot.child is not None and slot.child.serves
        if slot.lent_to is not None and (own or not slot.lent_to.serves):
            slot.lent_to.say(control.GIVE_BACK, slot=slot.number)
            slot.lent_to = None
        if not own and slot.lent_to is None and helpers:
            slot.lent_to = helpers[slot.number % len(helpers)]
            slot.lent_to.say(control.LEND, handing=slot.listener, slot=slot.number)
