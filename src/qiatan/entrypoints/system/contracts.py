"""What the health page is told. Nothing in it is a secret, an address of somebody, or a text."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

Level = Literal["good", "warn", "bad"]
LineName = Literal["nodes", "database", "disk", "mail", "backups", "bus", "timers", "jobs"]
Fact = str | int | float | bool | None


class HealthLine(BaseModel):
    """One thing looked at. `state` says in one word why the level is what it is; `facts` are figures, empty for who does not run the
    installation."""

    name: LineName
    level: Level
    state: str
    facts: dict[str, Fact] = {}


class HealthNode(BaseModel):
    """A serving process. `cpu` in parts of one processor, `memory` in bytes, `lag` in seconds; None until it has told."""

    machine: str
    name: str
    version: str
    started_at: datetime
    seen_at: datetime
    alive: bool
    draining: bool
    cpu: float | None
    memory: int | None
    agents: int | None
    visitors: int | None
    lag: float | None
    level: Level


class SystemHealth(BaseModel):
    """`operator`: whether the caller's enterprise runs the installation; others see levels without figures, and no processes."""

    at: datetime
    version: str
    operator: bool
    level: Level
    lines: list[HealthLine]
    nodes: list[HealthNode]


class CounterComparison(BaseModel):
    """How many stored counters of the caller's enterprise differ from what they count, compared now. All must be 0.

    `night_at` and `night_drifted`: when all enterprises were compared last, and how many counters differed; None where that is not
    known (no night since the start) or not the caller's to know.
    """

    at: datetime
    conversations: int
    replies: int
    audit: int
    night_at: datetime | None = None
    night_drifted: int | None = None


class CountersMended(BaseModel):
    """How many counters were set right."""

    conversations: int
    replies: int
