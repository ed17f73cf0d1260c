"""The queue (F12): who is at which place, how long it takes, and who is served next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from qiatan.modules.routing.contracts.common import Target, TargetKind
from qiatan.modules.routing.contracts.decisions import Outcome
from qiatan.modules.routing.rules.base import Pick
from qiatan.modules.routing.rules.case import Case, Roster, Surroundings
from qiatan.modules.routing.rules.compiled import CompiledAssignment
from qiatan.modules.routing.rules.decide import Choice, decide_waiting

FEWEST_SAMPLES: Final = 5
_LONG: Final = 300


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who waits. `queued` False: a message was left, served after everybody in the queue. `also`: whose agents may take them too."""

    conversation_id: UUID
    target: Target
    entered_at: datetime
    case: Case
    queued: bool = True
    also: tuple[Target, ...] = ()


def in_turn(waiting: Iterable[Waiting]) -> list[Waiting]:
    """Who is served before whom: the queue before messages, each first in, first out over all targets; of one moment, by id."""
    return sorted(waiting, key=lambda one: (not one.queued, one.entered_at, one.conversation_id))


def positions(entries: Iterable[tuple[UUID, TargetKind, UUID | None, datetime]]) -> dict[UUID, int]:
    """Places from 1 inside each target. Entries of the queue: conversation, target's kind and id, when it entered."""
    counts: dict[tuple[TargetKind, UUID | None], int] = {}
    places: dict[UUID, int] = {}
    for conversation_id, kind, target_id, _ in sorted(entries, key=lambda entry: (entry[3], entry[0])):
        counts[kind, target_id] = places[conversation_id] = counts.get((kind, target_id), 0) + 1
    return places


def expected_seconds(position: int, *, handled: Sequence[float], places: int) -> int | None:
    """How long somebody at this place will about wait, or None when nothing honest can be said.

    `handled`: how long the target's recently ended conversations were with an agent, in seconds. `places`: conversations that its
    serving agents have at hand now, of which any may end next. With n of them, one ends every (mean duration / n) seconds. The longest
    and shortest tenth are left out, since a conversation forgotten over night says nothing. Rounded up to 30 seconds, from five minutes
    on to whole minutes.
    """
    if position < 1 or places < 1 or len(handled) < FEWEST_SAMPLES:
        return None
    aside = len(handled) // 10
    usual = sorted(handled)[aside : len(handled) - aside]
    seconds = position * max(sum(usual) / len(usual), 1) / places
    grain = 30 if seconds <= _LONG else 60
    return int(-(-seconds // grain) * grain)


def to_tell(told: tuple[int, int | None] | None, position: int, seconds: int | None) -> tuple[int, int | None] | None:
    """What to tell somebody who was `told` (position, expected seconds); None when nothing truly changed.

    The position is always told when it changes. A new expected wait alone has to differ by more than a quarter, and by a minute:
    numbers that tremble are no information.
    """
    if told is None or told[0] != position or (told[1] is None) != (seconds is None):
        return position, seconds
    if told[1] is None or seconds is None:
        return None
    differs = abs(seconds - told[1])
    return (position, seconds) if differs >= 60 and differs * 4 > told[1] else None


def sweep(
    rules: CompiledAssignment, roster: Roster, waiting: Iterable[Waiting], around: Surroundings, *, pick: Pick
) -> Iterator[tuple[Waiting, Choice]]:
    """Everybody who can be assigned now, in turn, each with the places that those before have left.

    Inside a target nobody overtakes: where one stays for want of an agent, those behind are not asked, unless they wait for another one
    too. Who alone is hindered, because agents are excluded for them, holds up nobody. Only choices that assign, or that name another
    target than before, come out.
    """
    if not around.open_now:
        return
    stuck: set[tuple[TargetKind, UUID | None]] = set()
    for one in in_turn(waiting):
        key = one.target.kind, one.target.id
        keys = {key, *((other.kind, other.id) for other in one.also)}
        if keys <= stuck:
            continue
        if not roster.has_room:
            return
        choice = decide_waiting(rules, roster, one.case, around, target=one.target, also=one.also, pick=pick)
        if choice.agent_id is not None:
            roster = roster.with_load(choice.agent_id, 1)
            around = around.moved(choice.pointer)
            yield one, choice
        elif (choice.target.kind, choice.target.id) != key:
            yield one, choice
        elif choice.outcome is Outcome.KEPT and not one.case.excluded:
            stuck |= keys
