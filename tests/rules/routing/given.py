"""What the tests of routing rules start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from qiatan.infra.clock import worked
from qiatan.modules.routing.contracts.conditions import (
    Condition,
    ConditionField,
    ConditionGroup,
    Operator,
    TimeCondition,
    TimeWindow,
    VisitorCondition,
)
from qiatan.modules.routing.contracts.decisions import Layer, Step
from qiatan.modules.routing.contracts.hours import Outside
from qiatan.modules.routing.contracts.presence import PresenceStatus
from qiatan.modules.routing.contracts.settings import AdvancedRule, AssignmentSettings, BaseRule
from qiatan.modules.routing.rules.case import Candidate, Case, Roster, Surroundings
from qiatan.modules.routing.rules.compiled import CompiledAssignment, compile_assignment
from qiatan.modules.routing.rules.decide import Choice, decide

MONDAY_NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SALES, HELP = UUID(int=901), UUID(int=902)
GROUPS = {SALES: "Sales", HELP: "Help"}

CASE = Case(
    landing_page="https://shop.example/spring?from=mail#top",
    current_page="https://shop.example/cart",
    region="CN/广东省/佛山市",
    search_engine="baidu",
    search_keyword="红木 家具 价格",
    channel_id=UUID(int=77),
    device="phone",
    language="zh-CN",
    tags=frozenset({"VIP", "回头客"}),
    metadata={"Level": "Gold"},
    now=MONDAY_NOON,
)

AROUND = Surroundings(
    open_now=True, closed_groups=frozenset(), outside=Outside.MESSAGE, queue_enabled=True, queue_has_room=True, groups=GROUPS
)


def agent(number: int, load: int = 0, maximum: int = 5, *groups: UUID, **other: Any) -> Candidate:
    """Online and connected unless said otherwise."""
    values: dict[str, Any] = {"status": PresenceStatus.ONLINE, "connected": True} | other
    return Candidate(agent_id=UUID(int=number), name=f"agent {number}", open=load, maximum=maximum, group_ids=frozenset(groups), **values)


def ids(*numbers: int) -> list[UUID]:
    return [UUID(int=number) for number in numbers]


def looks(field: ConditionField, operator: Operator, *values: str, key: str | None = None) -> VisitorCondition:
    return VisitorCondition(field=field, operator=operator, values=list(values), key=key)


def times(*windows: tuple[list[int], str, str]) -> TimeCondition:
    return TimeCondition(windows=[TimeWindow(weekdays=days, start=start, until=until) for days, start, until in windows])


ON_PHONE = looks(ConditionField.DEVICE, Operator.EQUALS, "phone")
ON_DESKTOP = looks(ConditionField.DEVICE, Operator.EQUALS, "desktop")


def rule(number: int, *conditions: Condition, agents: Sequence[int] = (), groups: Sequence[UUID] = (), **other: Any) -> AdvancedRule:
    """A rule of which all conditions must hold."""
    values: dict[str, Any] = {"groups": [ConditionGroup(conditions=list(conditions or (ON_PHONE,)))], "name": f"rule {number}"} | other
    return AdvancedRule(id=UUID(int=500 + number), agent_ids=ids(*agents), group_ids=list(groups), **values)


def rules(*advanced: AdvancedRule, base: BaseRule = BaseRule.PRIORITY, **other: Any) -> CompiledAssignment:
    return compile_assignment(AssignmentSettings(base_rule=base, rules=list(advanced), **other), worked)


def first(count: int) -> int:
    return 0


def decided(
    settings: CompiledAssignment, team: Sequence[Candidate], case: Case = CASE, around: Surroundings = AROUND, **other: Any
) -> Choice:
    return decide(settings, Roster(team, settings.order), case, around, pick=other.pop("pick", first), **other)


def step(choice: Choice, layer: Layer) -> Step:
    """The last step of a layer."""
    return next(one for one in reversed(choice.steps) if one.layer is layer)


def with_case(**changes: Any) -> Case:
    return replace(CASE, **changes)


def with_around(**changes: Any) -> Surroundings:
    return replace(AROUND, **changes)
