"""The parts of the settings: assignment, queue, transfers. Working hours have a file of their own."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from qiatan.modules.routing.contracts.common import In, Name, Out, Text, Version
from qiatan.modules.routing.contracts.conditions import ConditionGroup

MAX_RULES = 200
MAX_ORDER = 10_000
MAX_STEPS = 3
MAX_QUEUE = 1_000


class BaseRule(StrEnum):
    """How one of the assignable agents is chosen (F28).

    rotate: the next in the order after who got the last one of this target · priority: the first in the order with a free place ·
    load: who serves fewest now · fill_up: who received fewest in the past 12 hours · random. Of equals the higher in the order.
    """

    ROTATE = "rotate"
    PRIORITY = "priority"
    LOAD = "load"
    FILL_UP = "fill_up"
    RANDOM = "random"


class Otherwise(StrEnum):
    """What happens when an advanced rule matches and nobody of its targets can be given the conversation."""

    CONTINUE = "continue"
    QUEUE = "queue"
    MESSAGE = "message"


class AdvancedRule(In):
    """Who matches all (or any) of the groups goes to one of the agents and members of the groups named. `id` is made by the page."""

    id: UUID
    name: Name
    enabled: bool = True
    match: Literal["all", "any"] = "all"
    groups: Annotated[list[ConditionGroup], Field(min_length=1, max_length=5)]
    agent_ids: Annotated[list[UUID], Field(max_length=100)] = []
    group_ids: Annotated[list[UUID], Field(max_length=100)] = []
    otherwise: Otherwise = Otherwise.CONTINUE


class AssignmentSettings(In):
    """Layers 3 to 5 (F21, F28). `order`: agents from top to bottom; whoever is not in it comes last, by the time they came."""

    base_rule: BaseRule = BaseRule.LOAD
    returning: bool = True
    returning_days: Annotated[int, Field(ge=1, le=3_650, strict=True)] = 90
    rules: Annotated[list[AdvancedRule], Field(max_length=MAX_RULES)] = []
    order: Annotated[list[UUID], Field(max_length=MAX_ORDER)] = []


class QueueSettings(In):
    """Queueing (F12). `limit`: how many wait in the whole enterprise at most. `max_wait_minutes` 0: without end."""

    enabled: bool = True
    limit: Annotated[int, Field(ge=1, le=MAX_QUEUE, strict=True)] = 20
    max_wait_minutes: Annotated[int, Field(ge=0, le=1_440, strict=True)] = 0
    text: Text = ""


class DelayedStep(In):
    """After `seconds` from the customer's first message that stands without an effective reply: to automatic assignment, or to one group."""

    seconds: Annotated[int, Field(strict=True)]
    group_id: UUID | None = None


class TransferSettings(In):
    """Delayed transfer (F04), transfer by hand, and what happens to conversations of agents who are gone.

    `steps` empty: no delayed transfer. `ask`: who gets a conversation by hand has to accept it within `ask_seconds`; else it is given at
    once. `groups_for_self`: agents who see no colleagues may still transfer to groups. `absent_minutes`: after so long without a
    connection an agent's conversations in which the customer waits are assigned anew; 0: they stay.
    """

    steps: Annotated[list[DelayedStep], Field(max_length=MAX_STEPS)] = []
    ask: bool = False
    ask_seconds: Annotated[int, Field(ge=10, le=600, strict=True)] = 60
    groups_for_self: bool = True
    absent_minutes: Annotated[int, Field(ge=0, le=1_440, strict=True)] = 5


class Problem(Out):
    """Something in the settings that deserves a look before (or after) saving.

    `field` is a path like `rules.2.groups.0.conditions.1.values.0`, `code` one of `never_matches`, `empty_group`, `unknown_agent`,
    `unknown_group`, `cannot_serve`, `shadowed`, `bad_expression`, `no_targets`, `duplicate_name`, `duplicate_id`; of delayed steps
    `too_early`, `too_late`, `not_later`; of working hours `ends_before_start`, `overlaps`, `duplicate_day`, `duplicate_group`,
    `never_open`. A `blocking` one refuses the save.
    """

    field: str
    code: str
    message: str
    blocking: bool


class Assignment(Out):
    settings: AssignmentSettings
    version: int
    problems: list[Problem]


class SaveAssignment(In):
    settings: AssignmentSettings
    version: Version


class CheckAssignment(In):
    settings: AssignmentSettings


class Problems(Out):
    items: list[Problem]


class Queueing(Out):
    settings: QueueSettings
    version: int


class SaveQueueing(In):
    settings: QueueSettings
    version: Version


class Transfers(Out):
    settings: TransferSettings
    version: int
    problems: list[Problem]


class SaveTransfers(In):
    settings: TransferSettings
    version: Version
