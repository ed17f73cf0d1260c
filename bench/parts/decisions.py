"""Who gets the conversation: decisions on one core, with their traces, where everything is large."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from uuid import UUID

from bench.report import Row, at_least
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
from qiatan.modules.routing.contracts.hours import Outside
from qiatan.modules.routing.contracts.presence import PresenceStatus
from qiatan.modules.routing.contracts.settings import AdvancedRule, AssignmentSettings, BaseRule
from qiatan.modules.routing.rules import Candidate, Case, Roster, Surroundings, compile_assignment, decide

AGENTS, RULES, GROUPS, DECISIONS = 1_000, 200, 40, 3_000
_PROVINCES = ("广东省", "江苏省", "浙江省", "四川省", "山东省", "福建省")
_WORDS = ("退货", "发票", "安装", "价格", "运费", "保修")


def decisions() -> list[Row]:
    """Each decision assigns; the next one sees the place it took. Most cases match none or a late one of the rules."""
    rows = []
    for base_rule in (BaseRule.LOAD, BaseRule.ROTATE):
        per_second = _per_second(base_rule)
        what = f"decisions with trace, {AGENTS:,} agents, {RULES} advanced rules, base rule {base_rule}"
        rows.append(at_least(what, per_second, 2_000, "/s"))
    return rows


def _per_second(base_rule: BaseRule) -> float:
    chance = random.Random(1)
    groups = {UUID(int=10_000 + number): f"group {number}" for number in range(GROUPS)}
    roster = _roster(chance, list(groups))
    rules = compile_assignment(
        AssignmentSettings(base_rule=base_rule, rules=[_rule(number, chance, list(groups)) for number in range(RULES)]), worked
    )
    around = Surroundings(
        open_now=True, closed_groups=frozenset(), outside=Outside.MESSAGE, queue_enabled=True, queue_has_room=True, groups=groups
    )
    cases = [_case(chance) for _ in range(500)]
    began = time.process_time()
    for number in range(DECISIONS):
        choice = decide(rules, roster, cases[number % len(cases)], around, pick=chance.randrange)
        if choice.agent_id is not None:
            roster = roster.with_load(choice.agent_id, 1)
            around = around.moved(choice.pointer)
    return DECISIONS / (time.process_time() - began)


def _roster(chance: random.Random, groups: list[UUID]) -> Roster:
    states = [PresenceStatus.ONLINE] * 7 + [PresenceStatus.AWAY, PresenceStatus.BUSY, PresenceStatus.OFFLINE]
    team = [
        Candidate(
            agent_id=UUID(int=number + 1),
            name=f"agent {number}",
            status=chance.choice(states),
            connected=chance.random() < 0.9,
            open=chance.randrange(8),
            maximum=10,
            group_ids=frozenset(chance.sample(groups, 2)),
        )
        for number in range(AGENTS)
    ]
    order = [one.agent_id for one in team]
    chance.shuffle(order)
    return Roster(team, order)


def _rule(number: int, chance: random.Random, groups: list[UUID]) -> AdvancedRule:
    conditions: list[Condition] = [
        VisitorCondition(field=ConditionField.REGION, operator=Operator.IN, values=[f"CN/{chance.choice(_PROVINCES)}"]),
        VisitorCondition(field=ConditionField.LANDING_PAGE, operator=Operator.CONTAINS, values=[f"/item/{number}/", f"sku={number}"]),
        VisitorCondition(field=ConditionField.SEARCH_KEYWORD, operator=Operator.MATCHES, values=[f"{chance.choice(_WORDS)}.*(多少|怎么)"]),
        TimeCondition(windows=[TimeWindow(weekdays=[1, 2, 3, 4, 5], start="08:00", until="22:00")]),
    ]
    devices: list[Condition] = [
        VisitorCondition(field=ConditionField.DEVICE, operator=Operator.EQUALS, values=[device]) for device in ("phone", "tablet")
    ]
    return AdvancedRule(
        id=UUID(int=50_000 + number),
        name=f"rule {number}",
        groups=[ConditionGroup(match="any", conditions=devices), ConditionGroup(match="all", conditions=conditions)],
        group_ids=[chance.choice(groups)],
    )


def _case(chance: random.Random) -> Case:
    return Case(
        landing_page=f"https://shop.example/item/{chance.randrange(RULES * 2)}/?sku={chance.randrange(9)}",
        current_page="https://shop.example/cart",
        region=f"CN/{chance.choice(_PROVINCES)}/市",
        search_engine="baidu",
        search_keyword=f"{chance.choice(_WORDS)} 大概 多少 钱",
        channel_id=UUID(int=7),
        device=chance.choice(("phone", "phone", "desktop")),
        language="zh-CN",
        tags=frozenset({"new"}),
        metadata={"level": "gold"},
        now=datetime(2026, 3, 2, 12, tzinfo=UTC),
    )
