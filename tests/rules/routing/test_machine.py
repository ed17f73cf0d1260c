from __future__ import annotations

from random import Random
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from qiatan.modules.routing.contracts.conditions import ConditionField, Operator
from qiatan.modules.routing.contracts.presence import PresenceStatus
from qiatan.modules.routing.contracts.settings import BaseRule, Otherwise
from tests.rules.routing.given import GROUPS, HELP, SALES, agent, ids, looks, rules, with_case
from tests.rules.routing.given import rule as advanced
from tests.rules.routing.world import World

numbers = some.integers(1, 6)
ON_TABLET = looks(ConditionField.DEVICE, Operator.EQUALS, "tablet")


class Enterprise(RuleBasedStateMachine):
    """Agents come, go, change; conversations arrive and end. The world checks itself at every step."""

    @initialize(
        base=some.sampled_from(list(BaseRule)),
        order=some.permutations([1, 2, 3, 4, 5, 6]),
        maxima=some.lists(some.integers(0, 2), min_size=1, max_size=3),
        seed=some.integers(0, 1_000),
        groups=some.sampled_from([[SALES], [SALES, HELP]]),
        agents=some.sampled_from([[], [2], [2, 3]]),
    )
    def open(self, base: BaseRule, order: list[int], maxima: list[int], seed: int, groups: list[UUID], agents: list[int]) -> None:
        team = [agent(number, 0, maximum, *list(GROUPS)[: number % 3]) for number, maximum in enumerate(maxima, start=1)]
        to_sales = advanced(1, ON_TABLET, groups=groups, agents=agents, otherwise=Otherwise.QUEUE)
        self.world = World(rules(to_sales, base=base, order=ids(*order[:3])), team, pick=Random(seed).randrange, queue_limit=5)
        self.count = 0

    def there(self, number: int) -> UUID | None:
        agent_id = UUID(int=number)
        return agent_id if agent_id in self.world.roster else None

    @rule(device=some.sampled_from(["phone", "tablet"]), barred=some.none() | numbers, times=some.integers(1, 5))
    def arrive(self, device: str, barred: int | None, times: int) -> None:
        excluded = frozenset() if barred is None else frozenset(ids(barred))
        for _ in range(times):
            self.count += 1
            self.world.later(1)
            self.world.arrive(UUID(int=1_000 + self.count), with_case(device=device, excluded=excluded))

    @precondition(lambda self: self.world.owner)
    @rule(place=some.integers(0, 100))
    def end(self, place: int) -> None:
        owned = list(self.world.owner)
        self.world.end(owned[place % len(owned)])

    @rule(number=numbers, maximum=some.integers(0, 3), groups=some.sets(some.sampled_from([SALES, HELP])))
    def join(self, number: int, maximum: int, groups: set[UUID]) -> None:
        if self.there(number) is None:
            self.world.join(agent(number, 0, maximum, *groups))

    @rule(number=numbers)
    def leave(self, number: int) -> None:
        if (agent_id := self.there(number)) is not None:
            self.world.leave(agent_id)

    @rule(number=numbers, status=some.sampled_from(list(PresenceStatus)), connected=some.booleans())
    def appear(self, number: int, status: PresenceStatus, connected: bool) -> None:
        if (agent_id := self.there(number)) is not None:
            self.world.change(agent_id, status=status, connected=connected)

    @rule(number=numbers, maximum=some.integers(0, 4))
    def limit(self, number: int, maximum: int) -> None:
        if (agent_id := self.there(number)) is not None:
            self.world.change(agent_id, maximum=maximum)

    @rule(order=some.permutations([1, 2, 3, 4, 5, 6]), length=some.integers(0, 6))
    def reorder(self, order: list[int], length: int) -> None:
        self.world.reorder(ids(*order[:length]))


class Rotation(Enterprise):
    """The same, with rotation only and plain visitors: who was passed over is watched there."""

    @initialize(order=some.permutations([1, 2, 3, 4, 5, 6]))
    def open(self, order: list[int]) -> None:
        self.world = World(
            rules(base=BaseRule.ROTATE, order=ids(*order[:4])), [agent(number, 0, 50) for number in (1, 2, 3, 4)], pick=lambda _: 0
        )
        self.count = 0


TestEnterprise = Enterprise.TestCase
TestRotation = Rotation.TestCase
TestEnterprise.settings = TestRotation.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
