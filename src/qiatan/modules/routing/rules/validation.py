"""What is wrong with settings of assignment, said before they do harm: which rule, which part of it, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final
from uuid import UUID

import regex

from qiatan.modules.routing.contracts.conditions import Condition, ConditionField, ConditionGroup, Operator, TimeCondition, VisitorCondition
from qiatan.modules.routing.contracts.settings import AdvancedRule, AssignmentSettings, Problem
from qiatan.modules.routing.rules.case import Candidate
from qiatan.modules.routing.rules.conditions import compile_expression, fold, spans, text_check
from qiatan.modules.routing.rules.implied import Rule, contradictory, covers, facts_of, prepared

DEVICES: Final = ("desktop", "phone", "tablet", "bot")
_EXACT: Final = frozenset({Operator.EQUALS, Operator.IN})
_SCHEMES: Final = ("http://", "https://")
_LANGUAGE: Final = regex.compile(r"[a-z]{1,8}(-[a-z0-9]{1,8})*")


def problems(
    settings: AssignmentSettings,
    *,
    agents: Iterable[Candidate],
    groups: Mapping[UUID, str],
    disabled: Collection[UUID] = (),
    channels: Collection[UUID] | None = None,
    region_known: Callable[[str], bool] | None = None,
) -> list[Problem]:
    """All problems, rule by rule.

    `agents`: who may receive conversations; `disabled`: accounts that exist and may not. `channels` and `region_known` (of a code like
    `CN/广东省`) None: not looked at.
    """
    check = _Check({one.agent_id: one for one in agents}, groups, disabled, channels, region_known)
    found: list[Problem] = []
    for number, rule in enumerate(settings.rules):
        found += check.rule(f"rules.{number}", rule)
    found += _repeated(settings.rules)
    found += _shadowed(settings.rules)
    return found


def _never(field: str, message: str) -> Problem:
    return Problem(field=field, code="never_matches", message=message, blocking=False)


class _Check:
    """Checks single rules against who and what there is."""

    def __init__(
        self,
        agents: Mapping[UUID, Candidate],
        groups: Mapping[UUID, str],
        disabled: Collection[UUID],
        channels: Collection[UUID] | None,
        region_known: Callable[[str], bool] | None,
    ) -> None:
        self.agents, self.groups, self.disabled = agents, groups, disabled
        self.channels = None if channels is None else [str(one) for one in channels]
        self.region_known = region_known
        self.members: dict[UUID, list[Candidate]] = {}
        for one in agents.values():
            for group_id in one.group_ids:
                self.members.setdefault(group_id, []).append(one)

    def rule(self, path: str, rule: AdvancedRule) -> Iterator[Problem]:
        yield from self.targets(path, rule)
        before = False
        for number, group in enumerate(rule.groups):
            for found in self.group(f"{path}.groups.{number}", group):
                before = before or found.code == "never_matches"
                yield found
        if not before and not prepared(rule).ways:
            yield _never(path, "These conditions exclude one another, so that the rule can never match. Take one of them out.")

    def targets(self, path: str, rule: AdvancedRule) -> Iterator[Problem]:
        if not rule.agent_ids and not rule.group_ids:
            message = "Name at least one agent or group this rule assigns to."
            yield Problem(field=f"{path}.agent_ids", code="no_targets", message=message, blocking=True)
        for number, agent_id in enumerate(rule.agent_ids):
            code, message = self.agent(agent_id)
            if code:
                yield Problem(field=f"{path}.agent_ids.{number}", code=code, message=message, blocking=False)
        for number, group_id in enumerate(rule.group_ids):
            code, message = self.group_target(group_id)
            if code:
                yield Problem(field=f"{path}.group_ids.{number}", code=code, message=message, blocking=False)

    def agent(self, agent_id: UUID) -> tuple[str, str]:
        if agent_id in self.agents:
            if self.agents[agent_id].maximum > 0:
                return "", ""
            return (
                "cannot_serve",
                f"{self.agents[agent_id].name} may have no conversation at all. Raise the maximum, or name somebody else.",
            )
        if agent_id in self.disabled:
            return "cannot_serve", "This account is disabled or its role does not serve customers. Name somebody else."
        return "unknown_agent", "This agent does not exist any more. Take it out."

    def group_target(self, group_id: UUID) -> tuple[str, str]:
        if group_id not in self.groups:
            return "unknown_group", "This group does not exist any more. Take it out."
        members, name = self.members.get(group_id, []), self.groups[group_id]
        if not members:
            return "empty_group", f"Nobody in “{name}” serves customers. Add members, or name another group."
        if all(one.maximum == 0 for one in members):
            return "cannot_serve", f"Nobody in “{name}” may have a conversation. Raise a maximum, or name another group."
        return "", ""

    def group(self, path: str, group: ConditionGroup) -> Iterator[Problem]:
        dead = False
        for number, condition in enumerate(group.conditions):
            for found in self.condition(f"{path}.conditions.{number}", condition):
                dead = dead or found.code == "never_matches"
                yield found
        if group.match == "all" and not dead and contradictory(facts_of(group)[1]):
            yield _never(path, "These conditions exclude one another. Take one of them out, or let any of them be enough.")

    def condition(self, path: str, condition: Condition) -> Iterator[Problem]:
        if isinstance(condition, TimeCondition):
            for number, window in enumerate(condition.windows):
                if not spans([window]):
                    yield _never(f"{path}.windows.{number}", "This span ends when it begins. For a whole day use 00:00 to 24:00.")
            return
        if condition.field is ConditionField.METADATA and not condition.key:
            yield _never(f"{path}.key", "Name the piece of metadata this condition looks at.")
        for number, value in enumerate(condition.values):
            yield from self.value(f"{path}.values.{number}", condition, value)

    def value(self, path: str, condition: VisitorCondition, value: str) -> Iterator[Problem]:
        if not value:
            yield _never(path, "This value is empty. Fill it in or take it out.")
        elif condition.operator is Operator.MATCHES:
            if compile_expression(value) is None:
                message = "This is not a regular expression we can read. Check brackets and backslashes."
                yield Problem(field=path, code="bad_expression", message=message, blocking=True)
        else:
            message = self.impossible(condition.field, condition.operator, value)
            if message:
                yield _never(path, message)

    def impossible(self, field: ConditionField, operator: Operator, value: str) -> str:
        """Why no visitor can ever have this value; nothing where one may."""
        match field:
            case ConditionField.DEVICE:
                return "" if _any_suits(operator, value, DEVICES) else "A device is desktop, phone, tablet or bot."
            case ConditionField.CHANNEL:
                if self.channels is None or _any_suits(operator, value, self.channels):
                    return ""
                return "There is no such channel. Choose one from the list."
            case ConditionField.REGION if operator in _EXACT and self.region_known is not None:
                return "" if self.region_known(value) else "There is no such region. Choose one from the list."
            case ConditionField.LANGUAGE if operator in _EXACT:
                fits = _LANGUAGE.fullmatch(fold(value).replace("_", "-"))
                return "" if fits else "A language is written like zh-CN or en."
            case ConditionField.LANDING_PAGE | ConditionField.CURRENT_PAGE:
                return "" if _address(operator, fold(value)) else "An address begins with https:// here; its path alone with a slash."
            case _:
                return ""


def _any_suits(operator: Operator, value: str, domain: Iterable[str]) -> bool:
    holds = text_check(operator, [fold(value)])
    return any(holds(one) for one in domain)


def _address(operator: Operator, value: str) -> bool:
    if operator is Operator.CONTAINS or value.startswith(("/", *_SCHEMES)):
        return True
    return operator is Operator.STARTS_WITH and any(scheme.startswith(value) for scheme in _SCHEMES)


def _repeated(rules: list[AdvancedRule]) -> Iterator[Problem]:
    names: set[str] = set()
    ids: set[UUID] = set()
    for number, rule in enumerate(rules):
        if rule.id in ids:
            yield Problem(
                field=f"rules.{number}.id", code="duplicate_id", message="Two rules have the same id. Copy the rule anew.", blocking=True
            )
        if fold(rule.name) in names:
            message = f"Another rule is called “{rule.name}”, too. Give each its own name: reasons shown to people name the rule."
            yield Problem(field=f"rules.{number}.name", code="duplicate_name", message=message, blocking=False)
        names.add(fold(rule.name))
        ids.add(rule.id)


def _shadowed(rules: list[AdvancedRule]) -> Iterator[Problem]:
    """Rules that never get their turn, since an earlier one matches whenever they do."""
    earlier: list[tuple[AdvancedRule, Rule]] = []
    for number, rule in enumerate(rules):
        if not rule.enabled:
            continue
        later = prepared(rule)
        cover = next((one for one, before in earlier if covers(before, later)), None)
        if cover is None:
            earlier.append((rule, later))
        else:
            message = f"“{cover.name}” above matches everybody this rule is for. Move this rule above it, or change one of them."
            yield Problem(field=f"rules.{number}", code="shadowed", message=message, blocking=False)
