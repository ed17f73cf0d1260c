"""A small enterprise under a clock of its own: what the service does with the rules, without database; every step is checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from qiatan.modules.routing.contracts.common import Target
from qiatan.modules.routing.contracts.decisions import Outcome
from qiatan.modules.routing.contracts.settings import BaseRule
from qiatan.modules.routing.rules.base import Pick
from qiatan.modules.routing.rules.case import Candidate, Case, Roster, has_place
from qiatan.modules.routing.rules.compiled import CompiledAssignment
from qiatan.modules.routing.rules.decide import Choice, decide
from qiatan.modules.routing.rules.queueing import Waiting, sweep
from tests.rules.routing.given import AROUND, GROUPS, MONDAY_NOON


@dataclass
class Turns:
    """How often others got a conversation by rotation since somebody's last turn, and how often the order changed meanwhile."""

    others: dict[UUID, int]
    reordered: int = 0


class World:
    def __init__(self, rules: CompiledAssignment, team: Sequence[Candidate], *, pick: Pick, queue_limit: int = 10_000) -> None:
        self.rules, self.pick, self.queue_limit = rules, pick, queue_limit
        self.order = list(rules.order)
        self.around = AROUND
        self.roster = Roster(team, self.order)
        self.now: datetime = MONDAY_NOON
        self.waiting: dict[UUID, Waiting] = {}
        self.owner: dict[UUID, UUID] = {}
        self.messages: set[UUID] = set()
        self.turns: dict[UUID, Turns] = {}
        self.received: dict[UUID, int] = defaultdict(int)

    # What happens

    def arrive(self, conversation_id: UUID, case: Case) -> Choice:
        assert conversation_id not in self.owner
        assert conversation_id not in self.waiting
        around = replace(self.around, queue_has_room=len(self.waiting) < self.queue_limit)
        choice = decide(self.rules, self.roster, replace(case, now=self.now), around, pick=self.pick)
        if choice.outcome is Outcome.ASSIGNED:
            self.give(conversation_id, choice, case)
        elif choice.outcome is Outcome.QUEUED:
            self.waiting[conversation_id] = Waiting(conversation_id, choice.target, self.now, case, also=choice.also)
        else:
            self.messages.add(conversation_id)
        self.check()
        return choice

    def end(self, conversation_id: UUID) -> None:
        self.roster = self.roster.with_load(self.owner.pop(conversation_id), -1)
        self.settle()

    def change(self, agent_id: UUID, **changes: Any) -> None:
        one = self.roster.get(agent_id)
        assert one is not None
        self.roster = self.roster.with_candidate(replace(one, **changes))
        self.settle()

    def join(self, candidate: Candidate) -> None:
        self.roster = Roster([*self.roster, candidate], self.order)
        self.settle()

    def leave(self, agent_id: UUID) -> None:
        """The account is disabled; its conversations end."""
        self.owner = {one: holder for one, holder in self.owner.items() if holder != agent_id}
        self.roster = Roster([one for one in self.roster if one.agent_id != agent_id], self.order)
        self.settle()

    def reorder(self, order: Sequence[UUID]) -> None:
        self.order = list(order)
        self.roster = Roster(list(self.roster), self.order)
        for turns in self.turns.values():
            turns.reordered += 1
        self.settle()

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def settle(self) -> None:
        self.forget_who_cannot()
        for one, choice in sweep(self.rules, self.roster, list(self.waiting.values()), self.around, pick=self.pick):
            if choice.agent_id is None:
                self.waiting[one.conversation_id] = replace(one, target=choice.target, also=choice.also)
                continue
            ahead = [other for other in self.waiting.values() if _turn(other) < _turn(one) and choice.agent_id in self.served_by(other)]
            assert all(other.case.excluded for other in ahead), "somebody who waited for the same agent was overtaken"
            del self.waiting[one.conversation_id]
            self.give(one.conversation_id, choice, one.case)
        self.check()

    def give(self, conversation_id: UUID, choice: Choice, case: Case) -> None:
        assert choice.agent_id is not None
        holder = self.roster.get(choice.agent_id)
        assert holder is not None
        assert has_place(holder), "somebody was given a conversation without having a place"
        assert conversation_id not in self.owner
        self.owner[conversation_id] = choice.agent_id
        self.received[choice.agent_id] += 1
        self.watch_rotation(choice, case.excluded)
        self.roster = self.roster.with_load(choice.agent_id, 1)
        self.around = self.around.moved(choice.pointer)
        self.forget_who_cannot()

    # What must hold

    def watch_rotation(self, choice: Choice, excluded: frozenset[UUID]) -> None:
        """Between two turns of somebody who could be given one all the time, nobody else has two, but once more for each new order."""
        if self.rules.base_rule is not BaseRule.ROTATE or choice.pointer is None or choice.pointer[0] != "enterprise":
            return
        assert choice.agent_id is not None
        for agent_id in excluded:
            self.turns.pop(agent_id, None)
        for agent_id, turns in self.turns.items():
            if agent_id != choice.agent_id:
                turns.others[choice.agent_id] = turns.others.get(choice.agent_id, 0) + 1
                assert turns.others[choice.agent_id] <= 1 + turns.reordered, "somebody was passed over twice"
        self.turns[choice.agent_id] = Turns({})

    def forget_who_cannot(self) -> None:
        free = {one.agent_id for one in self.roster.free()}
        self.turns = {agent_id: turns for agent_id, turns in self.turns.items() if agent_id in free}
        for agent_id in free:
            self.turns.setdefault(agent_id, Turns({}))

    def check(self) -> None:
        loads: dict[UUID, int] = defaultdict(int)
        for holder in self.owner.values():
            loads[holder] += 1
        assert {one.agent_id: one.open for one in self.roster if one.open} == dict(loads)
        assert not self.waiting.keys() & self.owner.keys()
        assert not self.messages & self.owner.keys()
        assert len(self.waiting) <= self.queue_limit
        if self.roster.has_room and self.waiting:
            for target in {target for one in self.waiting.values() if not one.case.excluded for target in (one.target, *one.also)}:
                assert not any(has_place(one) for one in self.pool(target)), f"somebody waits for {target} while there is a place"

    def served_by(self, one: Waiting) -> set[UUID]:
        return {member.agent_id for target in (one.target, *one.also) for member in self.pool(target)}

    def pool(self, target: Target) -> Sequence[Candidate]:
        if target.id is None:
            return self.roster.candidates
        return self.roster.pool(group_ids=(target.id,)) if target.id in GROUPS else self.roster.pool((target.id,))


def _turn(one: Waiting) -> tuple[datetime, UUID]:
    return one.entered_at, one.conversation_id
