"""What all schemas of this module are made of."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from qiatan.kit.errors import InvalidInput
from qiatan.kit.text import clean_name, storable

Version = Annotated[int, Field(ge=0, le=2_000_000_000, strict=True)]
"""The version that was read; 0 where nothing was ever saved."""


class Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class In(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _line(text: str) -> str:
    try:
        return clean_name(text, field="text", limit=len(text))
    except InvalidInput as error:
        raise ValueError(error.fields[0].message) from None


def kept_text(text: str) -> str:
    if not storable(text):
        raise ValueError("Remove the characters that are not text (NUL, broken pairs).")
    return text.strip()


def kept_word(text: str) -> str:
    """As `kept_text`, and not blank: what is stored has to be read by the same rules."""
    kept = kept_text(text)
    if not kept:
        raise ValueError("Write something.")
    return kept


Name = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_line)]
Text = Annotated[str, Field(max_length=500), AfterValidator(kept_text)]


class TargetKind(StrEnum):
    ENTERPRISE = "enterprise"
    GROUP = "group"
    AGENT = "agent"


class Target(Out):
    """For whom a conversation waits. `id` is None for the enterprise; `name` is shown to those who may see it."""

    kind: TargetKind
    id: UUID | None = None
    name: str | None = None
