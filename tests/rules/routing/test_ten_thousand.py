from __future__ import annotations

import heapq
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from qiatan.modules.routing.contracts.conditions import ConditionField, Operator
from qiatan.modules.routing.contracts.decisions import Fallback, Wish
from qiatan.modules.routing.contracts.presence import PresenceStatus
from qiatan.modules.routing.contracts.settings import BaseRule, Otherwise
from qiatan.modules.routing.rules.case import Case
from tests.rules.routing.given import HELP, SALES, agent, ids, looks, rule, rules, with_case
from tests.rules.routing.world import World

CONVERSATIONS, AGENTS = 10_000, 50
ON_TABLET = looks(ConditionField.DEVICE, Operator.EQUALS, "tablet")
IN_SICHUAN = looks(ConditionField.REGION, Operator.IN, "CN/四川省")


class Day:
    """Traffic and whims of agents under a fake clock; the world checks itself at each step."""

    def __init__(self, base: BaseRule) -> None:
        self.chance = chance = Random(f"a day of {base}")
        advanced = [
            rule(1, ON_TABLET, groups=[SALES], otherwise=Otherwise.QUEUE),
            rule(2, IN_SICHUAN, agents=[1, 2], groups=[HELP], otherwise=Otherwise.CONTINUE),
        ]
        team = [
            agent(number, 0, chance.randint(0, 6), *chance.sample([SALES, HELP], chance.randint(0, 2))) for number in range(1, AGENTS + 1)
        ]
        self.world = World(rules(*advanced, base=base, order=ids(*range(AGENTS, 20, -1))), team, pick=chance.randrange, queue_limit=100)
        self.ends: list[tuple[datetime, UUID]] = []
        self.ending: set[UUID] = set()
        self.most_waiting = 0

    def run(self, conversations: int) -> None:
        for number in range(conversations):
            arrives = self.world.now + timedelta(seconds=self.chance.expovariate(1 / 2))
            self.let_end(arrives)
            self.world.now = arrives
            self.whim()
            self.world.arrive(UUID(int=10_000 + number), self.visitor())
            self.note_assigned()
            self.most_waiting = max(self.most_waiting, len(self.world.waiting))
        for one in list(self.world.roster):
            self.world.change(one.agent_id, status=PresenceStatus.ONLINE, connected=True, maximum=6)
        self.note_assigned()
        self.let_end(None)

    def whim(self) -> None:
        chance, somebody = self.chance, UUID(int=self.chance.randint(1, AGENTS))
        match chance.randrange(40):
            case 0:
                self.world.change(somebody, status=chance.choice(list(PresenceStatus)))
            case 1:
                self.world.change(somebody, connected=chance.random() < 0.7)
            case 2 | 3:
                self.world.change(somebody, maximum=chance.randint(0, 6), status=PresenceStatus.ONLINE, connected=True)
            case 4:
                self.world.reorder(ids(*chance.sample(range(1, AGENTS + 1), 30)))

    def visitor(self) -> Case:
        chance, somebody = self.chance, UUID(int=self.chance.randint(1, AGENTS))
        return with_case(
            wish=Wish(agents=[str(somebody)], fallback=chance.choice(list(Fallback))) if chance.random() < 0.2 else None,
            device=chance.choice(["phone", "tablet", "desktop"]),
            region=chance.choice(["CN/四川省/成都市", "CN/广东省"]),
            last_agent_id=somebody,
        )

    def note_assigned(self) -> None:
        for conversation_id in self.world.owner.keys() - self.ending:
            self.ending.add(conversation_id)
            heapq.heappush(self.ends, (self.world.now + timedelta(seconds=self.chance.expovariate(1 / 300)), conversation_id))

    def let_end(self, until: datetime | None) -> None:
        while self.ends and (until is None or self.ends[0][0] <= until):
            self.world.now, conversation_id = heapq.heappop(self.ends)
            self.world.end(conversation_id)
            self.note_assigned()


@pytest.mark.parametrize("base", [BaseRule.ROTATE, BaseRule.LOAD])
def test_ten_thousand_conversations_and_every_step_holds(base: BaseRule) -> None:
    day = Day(base)

    day.run(CONVERSATIONS // 2)

    assert not day.world.waiting
    assert not day.world.owner
    assert len(day.ending) + len(day.world.messages) == CONVERSATIONS // 2
    assert len(day.ending) > CONVERSATIONS // 4
    assert day.most_waiting == 100
