"""What follows from conditions: whether they exclude, or contain, one another. Only what is certain is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from qiatan.modules.routing.contracts.conditions import Condition, ConditionField, ConditionGroup, Operator, TimeCondition, VisitorCondition
from qiatan.modules.routing.contracts.settings import AdvancedRule
from qiatan.modules.routing.rules.conditions import URLS, WEEK, fold, spans, text_check

_EXACT = frozenset({Operator.EQUALS, Operator.IN})
_NESTED = {ConditionField.REGION: "/", ConditionField.LANGUAGE: "-"}

Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Times:
    """A look at the clock."""

    spans: Spans


@dataclass(frozen=True, slots=True)
class Values:
    """A look at the visitor: any of the (folded) values will do."""

    field: ConditionField
    key: str
    operator: Operator
    values: tuple[str, ...]

    @property
    def exact(self) -> bool:
        return self.operator in _EXACT


Fact = Times | Values


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule prepared for these questions. `ways`: for each way in which it can match, facts that hold then for sure; none if it cannot."""

    every: bool
    groups: tuple[tuple[bool, tuple[Fact, ...]], ...]
    ways: tuple[tuple[Fact, ...], ...]


def prepared(rule: AdvancedRule) -> Rule:
    """The rule as this file looks at it."""
    groups = tuple(facts_of(group) for group in rule.groups)
    sure = [facts if every or len(facts) == 1 else () for every, facts in groups]
    every = rule.match == "all"
    ways = [tuple(fact for facts in sure for fact in facts)] if every else sure
    return Rule(every, groups, tuple(way for way in ways if not contradictory(way)))


def facts_of(group: ConditionGroup) -> tuple[bool, tuple[Fact, ...]]:
    """Whether all must hold, and what."""
    return group.match == "all", tuple(_fact(condition) for condition in group.conditions)


def _fact(condition: Condition) -> Fact:
    if isinstance(condition, TimeCondition):
        return Times(spans(condition.windows))
    return Values(condition.field, fold(condition.key or ""), condition.operator, tuple(_values(condition)))


def _values(condition: VisitorCondition) -> list[str]:
    if condition.operator is Operator.MATCHES:
        return condition.values
    values = [fold(value) for value in condition.values]
    if condition.field is ConditionField.LANGUAGE:
        return [value.replace("_", "-") for value in values]
    if condition.field in URLS and condition.operator in _EXACT:
        return [value.rstrip("/") or "/" for value in values]
    return values


# Exclusion


def contradictory(facts: Sequence[Fact]) -> bool:
    """Whether these can never hold together."""
    left: Spans = [(0, WEEK)]
    of_field: dict[tuple[ConditionField, str], list[Values]] = {}
    for fact in facts:
        if isinstance(fact, Times):
            left = _common(left, fact.spans)
        elif fact.field is not ConditionField.CUSTOMER_TAG:
            of_field.setdefault((fact.field, fact.key), []).append(fact)
    return not left or any(_apart(one, other) for together in of_field.values() for one, other in combinations(together, 2))


def _common(one: Spans, other: Spans) -> Spans:
    shared = [(max(a[0], b[0]), min(a[1], b[1])) for a in one for b in other]
    return [span for span in shared if span[0] < span[1]]


def _apart(one: Values, other: Values) -> bool:
    """Whether no value of the field suits both."""
    return all(_values_apart(one, a, other, b) for a in one.values for b in other.values)


def _values_apart(one: Values, a: str, other: Values, b: str) -> bool:
    if Operator.MATCHES in {one.operator, other.operator} or (one.field in URLS and a.startswith("/") != b.startswith("/")):
        return False
    if one.field in _NESTED:
        mark = _NESTED[one.field]
        return one.exact and other.exact and not (_lies_in(a, b, mark) or _lies_in(b, a, mark))
    if one.exact and other.exact:
        return a != b
    if one.exact:
        return not _suits(one, a, other.operator, b)
    if other.exact:
        return not _suits(other, b, one.operator, a)
    return one.operator is other.operator is Operator.STARTS_WITH and not (a.startswith(b) or b.startswith(a))


def _suits(exact: Values, value: str, operator: Operator, wanted: str) -> bool:
    """An exact address stands for itself with and without an ending slash."""
    holds = text_check(operator, [wanted])
    return holds(value) or (exact.field in URLS and holds(value + "/"))


# Inclusion


def covers(earlier: Rule, later: Rule) -> bool:
    """Whether the earlier rule matches for sure whenever the later one does. A later one that cannot match at all is not covered."""
    return bool(later.ways) and all(_follows(way, earlier) for way in later.ways)


def _follows(facts: Sequence[Fact], rule: Rule) -> bool:
    groups = (_group_follows(facts, every, wanted) for every, wanted in rule.groups)
    return all(groups) if rule.every else any(groups)


def _group_follows(facts: Sequence[Fact], every: bool, wanted: Sequence[Fact]) -> bool:  # noqa: FBT001 - as it stands in the rule
    held = (_always(one) or any(_implies(fact, one) for fact in facts) for one in wanted)
    return all(held) if every else any(held)


def _always(fact: Fact) -> bool:
    """Only a whole week holds for everybody, since anything may be unknown of a visitor."""
    return isinstance(fact, Times) and list(fact.spans) == [(0, WEEK)]


def _implies(one: Fact, other: Fact) -> bool:
    """Whether `other` holds whenever `one` does."""
    if isinstance(one, Times):
        if not isinstance(other, Times):
            return False
        return all(any(begin <= span[0] and span[1] <= end for begin, end in other.spans) for span in one.spans)
    if isinstance(other, Times) or one.field is not other.field or one.key != other.key:
        return False
    if Operator.MATCHES in {one.operator, other.operator}:
        return one.operator is other.operator and set(one.values) <= set(other.values)
    return all(any(_value_implies(one, a, other, b) for b in other.values) for a in one.values)


def _value_implies(one: Values, a: str, other: Values, b: str) -> bool:
    if one.field in URLS and a.startswith("/") != b.startswith("/"):
        return False
    if other.exact:
        if not one.exact:
            return False
        return _lies_in(a, b, _NESTED[one.field]) if one.field in _NESTED else a == b
    if other.operator is Operator.STARTS_WITH:
        return one.operator is not Operator.CONTAINS and a.startswith(b)
    return b in a


def _lies_in(inner: str, outer: str, mark: str) -> bool:
    return inner == outer or inner.startswith(outer + mark)
