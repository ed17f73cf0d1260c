"""What goes in and out."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class FirstStep(StrEnum):
    """In the order in which they are shown."""

    NAME = "name"
    LOOK = "look"
    SNIPPET = "snippet"
    COLLEAGUES = "colleagues"
    CONVERSATION = "conversation"


class FirstStepState(BaseModel):
    """`done` follows from what is there; `skipped` was left out on purpose."""

    model_config = ConfigDict(frozen=True)

    step: FirstStep
    done: bool
    skipped: bool


class Onboarding(BaseModel):
    """Where the enterprise stands. `open`: some step is neither done nor skipped.

    `channel_id` and `snippet` are of its first channel, None for who may not see channels or where there is none.
    """

    model_config = ConfigDict(frozen=True)

    steps: list[FirstStepState]
    open: bool
    channel_id: UUID | None
    snippet: str | None


class SkipSteps(BaseModel):
    """Which steps to leave out; those that are done stay done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: Annotated[list[FirstStep], Field(min_length=1, max_length=len(FirstStep))]


class CheckSite(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, Field(min_length=1, max_length=2_000)]


class SiteProblem(StrEnum):
    """Why the snippet was not found: the page has none of ours, it answered with an error, it is beyond reach, or may not be asked."""

    MISSING = "missing"
    STATUS = "status"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"


class SiteCheck(BaseModel):
    """What a look at the enterprise's page has shown. `url` is where it was looked; `status` what the page answered, if it did."""

    model_config = ConfigDict(frozen=True)

    url: str
    found: bool
    problem: SiteProblem | None
    status: int | None
