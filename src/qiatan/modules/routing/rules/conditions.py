"""Conditions of advanced rules, made ready to be asked quickly: a condition becomes a function of what was seen of the visitor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Final

import regex

from qiatan.modules.routing.contracts.conditions import (
    Condition,
    ConditionField,
    ConditionGroup,
    Operator,
    TimeCondition,
    TimeWindow,
    VisitorCondition,
)
from qiatan.modules.routing.rules.case import Case

EXPRESSION_SECONDS: Final = 0.005
"""How long one regular expression may look at one text."""

EXPRESSIONS_SECONDS: Final = 0.015
"""How long all expressions of a decision may look together. Those that are left then count as not matching."""

WEEK: Final = 7 * 24 * 60
_DAY: Final = 24 * 60
_LONGEST_TEXT: Final = 2_000

Check = Callable[["Seen"], bool]
_TextCheck = Callable[[str], bool]

URLS: Final = frozenset({ConditionField.LANDING_PAGE, ConditionField.CURRENT_PAGE})


class Seen:
    """A case as conditions look at it: letters folded once, not once per condition.

    `worked`: for how many seconds the processor has worked, since whenever; `left`: for how many expressions may still be asked.
    """

    __slots__ = ("left", "metadata", "minute", "paths", "slow", "tags", "texts", "worked")

    def __init__(self, case: Case, worked: Callable[[], float]) -> None:
        self.texts: dict[ConditionField, str | None] = {
            ConditionField.LANDING_PAGE: _folded(case.landing_page),
            ConditionField.CURRENT_PAGE: _folded(case.current_page),
            ConditionField.REGION: _folded(case.region),
            ConditionField.SEARCH_ENGINE: _folded(case.search_engine),
            ConditionField.SEARCH_KEYWORD: _folded(case.search_keyword),
            ConditionField.CHANNEL: None if case.channel_id is None else str(case.channel_id),
            ConditionField.DEVICE: _folded(case.device),
            ConditionField.LANGUAGE: None if case.language is None else _tag(case.language),
        }
        self.paths = {field: path_of(self.texts[field] or "") for field in URLS}
        self.tags = frozenset(fold(tag) for tag in case.tags)
        self.metadata = {fold(key): fold(value) for key, value in case.metadata.items()}
        self.minute = minute_of_week(case.now.isoweekday(), case.now.hour * 60 + case.now.minute)
        self.slow = 0
        self.left = EXPRESSIONS_SECONDS
        self.worked = worked


def fold(text: str) -> str:
    """Letters without case, and no longer than anybody compares."""
    return text[:_LONGEST_TEXT].casefold()


def path_of(url: str) -> str:
    """Path and query of an address, from the first slash after the host."""
    rest = url.partition("://")[2] or url
    rest = rest.partition("#")[0]
    start = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=-1)
    if start < 0:
        return "/"
    return rest[start:] if rest[start] == "/" else "/" + rest[start:]


def minute_of_week(weekday: int, minute: int) -> int:
    """Minutes since the week began; ISO weekday, Monday is 1."""
    return (weekday - 1) * _DAY + minute


def minutes(clock: str) -> int:
    """Minutes of `HH:MM` since midnight; 24:00 is the end of the day."""
    return int(clock[:2]) * 60 + int(clock[3:])


def spans(windows: Sequence[TimeWindow]) -> list[tuple[int, int]]:
    """The windows as half-open spans of minutes of the week, merged. A window that ends when it starts is empty."""
    parts: list[tuple[int, int]] = []
    for window in windows:
        start, until = minutes(window.start), minutes(window.until)
        if start == until:
            continue
        length = until - start if until > start else until + _DAY - start
        for weekday in window.weekdays:
            begin = minute_of_week(weekday, start)
            parts.append((begin, min(begin + length, WEEK)))
            if begin + length > WEEK:
                parts.append((max(begin - WEEK, 0), begin + length - WEEK))
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(part for part in parts if part[0] < part[1]):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def compile_expression(text: str) -> regex.Pattern[str] | None:
    """The regular expression, or None if it is none. Letters without case."""
    try:
        return regex.compile(text, regex.IGNORECASE | regex.VERSION0)
    except (regex.error, RecursionError, OverflowError, MemoryError):
        return None


def rule_check(groups: Sequence[ConditionGroup], *, every: bool) -> Check:
    """Whether all or any of the groups hold. Quick looks come first, since most rules fail at one of them."""
    parts: list[tuple[int, Check]] = []
    for group in groups:
        inner = [(_cost(condition), condition_check(condition)) for condition in group.conditions]
        if (group.match == "all") == every or len(inner) == 1:
            parts += inner
        else:
            parts.append((sum(cost for cost, _ in inner), _joined(inner, every=not every)))
    return _joined(parts, every=every)


def _cost(condition: Condition) -> int:
    """Roughly, how long a look takes beside others."""
    if isinstance(condition, TimeCondition):
        return 3
    if condition.operator is Operator.MATCHES:
        return 20 * len(condition.values)
    return 1 if condition.operator in {Operator.EQUALS, Operator.IN} else 1 + len(condition.values)


def _joined(checks: Sequence[tuple[int, Check]], *, every: bool) -> Check:
    parts = tuple(check for _, check in sorted(checks, key=itemgetter(0)))
    if len(parts) == 1:
        return parts[0]

    def all_hold(seen: Seen) -> bool:
        for check in parts:  # noqa: SIM110 - half as slow as all() with a generator, and asked thousands of times a second
            if not check(seen):
                return False
        return True

    def any_holds(seen: Seen) -> bool:
        for check in parts:  # noqa: SIM110 - as above
            if check(seen):
                return True
        return False

    return all_hold if every else any_holds


def condition_check(condition: Condition) -> Check:
    """The function that tells whether a condition holds."""
    return _time_check(condition) if isinstance(condition, TimeCondition) else _visitor_check(condition)


def _time_check(condition: TimeCondition) -> Check:
    parts = tuple(spans(condition.windows))
    return lambda seen: any(begin <= seen.minute < end for begin, end in parts)


def _visitor_check(condition: VisitorCondition) -> Check:
    field, operator = condition.field, condition.operator
    if operator is Operator.MATCHES:
        return _expressions(condition)
    values = [_tag(value) if field is ConditionField.LANGUAGE else fold(value) for value in condition.values]
    if field in URLS:
        return _url_check(field, operator, values)
    if field is ConditionField.CUSTOMER_TAG:
        holds = text_check(operator, values)
        wanted = frozenset(values)
        if operator in {Operator.EQUALS, Operator.IN}:
            return lambda seen: not wanted.isdisjoint(seen.tags)
        return lambda seen: any(holds(tag) for tag in seen.tags)
    if field is ConditionField.METADATA:
        return _metadata_check(fold(condition.key or ""), text_check(operator, values))
    if field in _NESTED and operator in {Operator.EQUALS, Operator.IN}:
        return _nested_check(field, values)
    return _text_field_check(field, text_check(operator, values))


def text_check(operator: Operator, values: Sequence[str]) -> _TextCheck:
    """A comparison of one folded text with folded values."""
    match operator:
        case Operator.CONTAINS:
            return _contains(tuple(values))
        case Operator.STARTS_WITH:
            beginnings = tuple(values)
            return lambda text: text.startswith(beginnings)
        case _:
            wanted = frozenset(values)
            return wanted.__contains__


def _contains(values: tuple[str, ...]) -> _TextCheck:
    if len(values) == 1:
        only = values[0]
        return lambda text: only in text
    return lambda text: any(value in text for value in values)


def _text_field_check(field: ConditionField, holds: _TextCheck) -> Check:
    def check(seen: Seen) -> bool:
        text = seen.texts[field]
        return text is not None and holds(text)

    return check


def _metadata_check(key: str, holds: _TextCheck) -> Check:
    def check(seen: Seen) -> bool:
        text = seen.metadata.get(key)
        return text is not None and holds(text)

    return check


def _url_check(field: ConditionField, operator: Operator, values: Sequence[str]) -> Check:
    """Values that begin with a slash are compared with path and query, others with the whole address; an ending slash means nothing."""
    exact = operator in {Operator.EQUALS, Operator.IN}
    if exact:
        values = [value.rstrip("/") or "/" for value in values]
    whole = text_check(operator, [value for value in values if not value.startswith("/")])
    path = text_check(operator, [value for value in values if value.startswith("/")])

    def check(seen: Seen) -> bool:
        url = seen.texts[field]
        if url is None:
            return False
        if exact:
            return whole(url.rstrip("/")) or path(seen.paths[field].rstrip("/") or "/")
        return whole(url) or path(seen.paths[field])

    return check


_NESTED: Final = {ConditionField.REGION: "/", ConditionField.LANGUAGE: "-"}


def _nested_check(field: ConditionField, values: Sequence[str]) -> Check:
    """Regions lie in one another, languages have variants: a value holds for everything below it."""
    mark = _NESTED[field]
    exact = frozenset(values)
    below = tuple(value + mark for value in exact)

    def check(seen: Seen) -> bool:
        text = seen.texts[field]
        return text is not None and (text in exact or text.startswith(below))

    return check


def _expressions(condition: VisitorCondition) -> Check:
    patterns = [pattern for value in condition.values if (pattern := compile_expression(value)) is not None]
    field, key = condition.field, fold(condition.key or "")

    def texts(seen: Seen) -> Sequence[str | None]:
        if field is ConditionField.CUSTOMER_TAG:
            return sorted(seen.tags)
        return [seen.metadata.get(key) if field is ConditionField.METADATA else seen.texts[field]]

    def check(seen: Seen) -> bool:
        return any(_found(pattern, text, seen) for text in texts(seen) if text is not None for pattern in patterns)

    return check


def _found(pattern: regex.Pattern[str], text: str, seen: Seen) -> bool:
    if seen.left <= 0:
        seen.slow += 1
        return False
    began = seen.worked()
    try:
        return pattern.search(text, timeout=min(EXPRESSION_SECONDS, seen.left)) is not None
    except TimeoutError:
        seen.slow += 1
        return False
    finally:
        seen.left -= seen.worked() - began


def _folded(text: str | None) -> str | None:
    return None if text is None else fold(text)


def _tag(language: str) -> str:
    return fold(language).replace("_", "-")
