"""The settings of assignment, made ready for decisions. Made once for each version of the settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from qiatan.modules.routing.contracts.settings import AdvancedRule, AssignmentSettings, BaseRule, Otherwise
from qiatan.modules.routing.rules.base import rule_key
from qiatan.modules.routing.rules.case import Case
from qiatan.modules.routing.rules.conditions import Check, Seen, rule_check


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """`key`: under which the rotation among its targets is remembered."""

    name: str
    key: str
    holds: Check
    agent_ids: tuple[UUID, ...]
    group_ids: tuple[UUID, ...]
    otherwise: Otherwise


@dataclass(frozen=True, slots=True)
class Match:
    """The first rule that holds, the names of those before it that do not, and of those whose expressions ran out of time."""

    rule: CompiledRule | None
    failed: list[str]
    slow: list[str]


@dataclass(frozen=True, slots=True)
class CompiledAssignment:
    """Settings with their enabled rules prepared. `worked` measures how long expressions look."""

    settings: AssignmentSettings
    base_rule: BaseRule
    returning: bool
    rules: tuple[CompiledRule, ...]
    names: tuple[str, ...]
    worked: Callable[[], float]

    @property
    def order(self) -> Sequence[UUID]:
        return self.settings.order

    def first_match(self, case: Case) -> Match:
        """The first rule that holds for the case. What is unknown of the visitor matches nothing."""
        if not self.rules:
            return Match(None, [], [])
        seen = Seen(case, self.worked)
        slow: list[str] = []
        slow_before = 0
        for number, rule in enumerate(self.rules):
            holds = rule.holds(seen)
            if seen.slow != slow_before:
                slow.append(rule.name)
                slow_before = seen.slow
            if holds:
                return Match(rule, list(self.names[:number]), slow)
        return Match(None, list(self.names), slow)


def compile_assignment(settings: AssignmentSettings, worked: Callable[[], float]) -> CompiledAssignment:
    """Prepare settings for decisions. An expression that cannot be read matches nothing; `validation.problems` refuses it before."""
    rules = tuple(_compile(rule) for rule in settings.rules if rule.enabled)
    return CompiledAssignment(
        settings=settings,
        base_rule=settings.base_rule,
        returning=settings.returning,
        rules=rules,
        names=tuple(rule.name for rule in rules),
        worked=worked,
    )


def _compile(rule: AdvancedRule) -> CompiledRule:
    return CompiledRule(
        name=rule.name,
        key=rule_key(rule.id),
        holds=rule_check(rule.groups, every=rule.match == "all"),
        agent_ids=tuple(rule.agent_ids),
        group_ids=tuple(rule.group_ids),
        otherwise=rule.otherwise,
    )
