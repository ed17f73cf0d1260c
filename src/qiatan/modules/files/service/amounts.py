"""How many bytes come in a day, from whom, and when there is room again: counted in the database, by all nodes together."""

from __future__ import annotations

from dataclasses import dataclass

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.kit.addresses import address_group
from qiatan.modules.files import rules
from qiatan.modules.files.repository import SentRepository
from qiatan.modules.files.service.uploaders import uploader_of


@dataclass(frozen=True, slots=True)
class Origin:
    """From which address something comes, and how much this server takes of an enterprise in a day: of all visitors, and of all agents."""

    address: str
    enterprise_bytes: int


async def check_room(tx: Tx, actor: AgentActor | VisitorActor, origin: Origin, *, pictures: bool = False) -> None:
    """Whether the actor may send anything at all now. Asked before something is read that would only be refused.

    Raises:
        QuotaReached: they, their address or their enterprise have sent too much today.
    """
    await _check(tx, _limits(actor, origin, pictures=pictures), 1)


async def count_sent(tx: Tx, actor: AgentActor | VisitorActor, origin: Origin, size: int, *, pictures: bool = False) -> None:
    """Count what has come, so that nobody passes a limit beside others who send at the same moment.

    Raises:
        QuotaReached: as `check_room`; the transaction has to fail.
    """
    limits = _limits(actor, origin, pictures=pictures)
    await SentRepository(tx, tx.enterprise_id).add([limit.source for limit in limits], rules.hour_of(tx.now), size)
    await _check(tx, limits, 0)


async def check_ceiling(tx: Tx, actor: AgentActor | VisitorActor, enterprise_bytes: int, size: int) -> None:
    """Whether a file of that size would go up now, as far as the whole enterprise is concerned. What is only announced is not counted.

    Raises:
        QuotaReached: all agents, or all visitors, have sent too much today.
    """
    await _check(tx, [rules.of_everybody(uploader_of(actor)[0], enterprise_bytes)], size)


def _limits(actor: AgentActor | VisitorActor, origin: Origin, *, pictures: bool) -> list[rules.DayLimit]:
    kind, sender_id = uploader_of(actor)
    return rules.day_limits(kind, sender_id, address_group(origin.address), origin.enterprise_bytes, pictures=pictures)


async def _check(tx: Tx, limits: list[rules.DayLimit], size: int) -> None:
    lately = await SentRepository(tx, tx.enterprise_id).since([limit.source for limit in limits], tx.now - rules.UNFINISHED_FOR)
    for limit in limits:
        rules.check_day(limit, lately[limit.source], size, tx.now)
