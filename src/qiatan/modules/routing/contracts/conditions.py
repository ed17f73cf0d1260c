"""Conditions of advanced rules (高级条件, F28)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from qiatan.modules.routing.contracts.common import In, kept_text, kept_word

MAX_CONDITIONS = 20
MAX_VALUES = 50
MAX_VALUE_LENGTH = 500


class ConditionField(StrEnum):
    """What of a visitor a condition looks at. `metadata` needs a `key`; `time` has windows instead of values."""

    LANDING_PAGE = "landing_page"
    CURRENT_PAGE = "current_page"
    REGION = "region"
    SEARCH_ENGINE = "search_engine"
    SEARCH_KEYWORD = "search_keyword"
    CHANNEL = "channel"
    DEVICE = "device"
    LANGUAGE = "language"
    CUSTOMER_TAG = "customer_tag"
    METADATA = "metadata"


class Operator(StrEnum):
    """How values are compared, letters without case. `equals` and `in`: is one of the values; of a region, lies in one of them;
    of a language, is one of them or a variant of it. `contains`, `starts_with` and `matches` hold when any of the values does. Of pages,
    values that begin with `/` are compared with path and query (not by `matches`)."""

    CONTAINS = "contains"
    EQUALS = "equals"
    STARTS_WITH = "starts_with"
    IN = "in"
    MATCHES = "matches"


Value = Annotated[str, Field(min_length=1, max_length=MAX_VALUE_LENGTH), AfterValidator(kept_word)]
Clock = Annotated[str, Field(pattern=r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]
Weekday = Annotated[int, Field(ge=1, le=7, strict=True)]


class TimeWindow(In):
    """A span of these weekdays (ISO: Monday is 1) in the enterprise's time zone. `until` before `start` reaches into the next day."""

    weekdays: Annotated[list[Weekday], Field(min_length=1, max_length=7)]
    start: Clock
    until: Clock


class VisitorCondition(In):
    """One look at the visitor."""

    kind: Literal["visitor"] = "visitor"
    field: ConditionField
    operator: Operator
    values: Annotated[list[Value], Field(min_length=1, max_length=MAX_VALUES)]
    key: Annotated[str, Field(max_length=60), AfterValidator(kept_text)] | None = None


class TimeCondition(In):
    """Whether it is one of these times."""

    kind: Literal["time"] = "time"
    windows: Annotated[list[TimeWindow], Field(min_length=1, max_length=20)]


Condition = Annotated[VisitorCondition | TimeCondition, Field(discriminator="kind")]


class ConditionGroup(In):
    """Conditions of which all or any must hold."""

    match: Literal["all", "any"] = "all"
    conditions: Annotated[list[Condition], Field(min_length=1, max_length=MAX_CONDITIONS)]
