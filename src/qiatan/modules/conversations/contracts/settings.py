"""The rules of conversations: automatic end, grades, evaluation (F18, F33, F25)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from qiatan.modules.conversations.contracts.common import MAX_PROMPT, In, Out, Satisfaction
from qiatan.modules.conversations.contracts.conversations import Evaluation


class AutoEnd(In):
    """End a conversation in which nobody has written for `minutes`; None: never (F18)."""

    minutes: Annotated[int, Field(ge=1, le=1_440, strict=True)] | None = 30
    warn: bool = False


class GradeThreshold(In):
    """Messages of either side that are needed at least."""

    customer: Annotated[int, Field(ge=1, le=1_000, strict=True)]
    agent: Annotated[int, Field(ge=1, le=1_000, strict=True)]


class Grading(In):
    """Each threshold must be no lower than the next one on either side."""

    enabled: bool = True
    gold: GradeThreshold = GradeThreshold(customer=10, agent=10)
    silver: GradeThreshold = GradeThreshold(customer=5, agent=5)
    bronze: GradeThreshold = GradeThreshold(customer=3, agent=3)


class EvaluationRules(In):
    """How customers are asked what they think (F25). `prompt`: the question, empty for the page's own; `automatic`: asked at the end;
    `by_customer`: they may say so unasked."""

    prompt: str = Field("", max_length=MAX_PROMPT)
    automatic: bool = False
    by_customer: bool = True


class Evaluate(In):
    """What the customer says. The remark may be empty and is at most 500 characters."""

    level: Satisfaction
    remark: str = ""


class EvaluationForm(Out):
    """What a customer may say of a conversation now. `until`: when that ends, once the conversation has."""

    open: bool
    prompt: str
    until: datetime | None
    evaluation: Evaluation | None


class ConversationSettings(In):
    """Rules of conversations. `auto_end` by kind of channel; a kind that is not named has 30 minutes without a warning."""

    auto_end: dict[Literal["web"], AutoEnd] = {}
    grading: Grading = Grading()
    evaluation: EvaluationRules = EvaluationRules()


class ConversationRules(Out):
    settings: ConversationSettings
    version: int


class SaveConversationRules(In):
    settings: ConversationSettings
    version: int = Field(ge=0, le=2_000_000_000)
