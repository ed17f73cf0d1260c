"""Why a conversation went where it went: the trace of a decision, dry runs and simulations."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from qiatan.modules.routing.contracts.common import In, Out, Target, Text, kept_word
from qiatan.modules.routing.contracts.settings import AssignmentSettings, BaseRule

MAX_CANDIDATES_SHOWN = 20


class Fallback(IntEnum):
    """When nobody specified can serve: leave a message, ask the groups of the specified agent, or ask the whole enterprise (F28, F34)."""

    MESSAGE = 1
    AGENT_GROUPS = 2
    ENTERPRISE = 3


Token = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(kept_word)]


class Wish(In):
    """Whom the page, a chat link or a form answer names for the visitor's next conversation. Agents win over groups."""

    agents: Annotated[list[Token], Field(max_length=20)] = []
    groups: Annotated[list[Token], Field(max_length=20)] = []
    fallback: Fallback = Fallback.ENTERPRISE
    source: Literal["page", "link", "form"] = "page"


class Cause(StrEnum):
    """What made a decision necessary."""

    OPENED = "opened"
    WAITING = "waiting"
    RELEASED = "released"
    DELAYED = "delayed"
    ABSENT = "absent"
    TAKEN = "taken"
    TAKEN_OVER = "taken_over"
    TRANSFERRED = "transferred"


class Outcome(StrEnum):
    """assigned to `agent_id` · queued · left as a message · kept where it was (nobody suited)."""

    ASSIGNED = "assigned"
    QUEUED = "queued"
    MESSAGE = "message"
    KEPT = "kept"


class Layer(StrEnum):
    """The layers in their order (F21), and what stands around them."""

    HOURS = "hours"
    SPECIFIED = "specified"
    STICKY = "sticky"
    ADVANCED = "advanced"
    RETURNING = "returning"
    BASE = "base"
    QUEUE = "queue"
    BY_HAND = "by_hand"


class Verdict(StrEnum):
    """What a layer said: it did not apply, had nobody, chose, or ended the search (queue or message)."""

    SKIPPED = "skipped"
    NOBODY = "nobody"
    CHOSE = "chose"
    ENDED = "ended"


class WhyNot(StrEnum):
    """What became of a candidate."""

    CHOSEN = "chosen"
    LESS_SUITED = "less_suited"
    FULL = "full"
    NONE_ALLOWED = "none_allowed"
    AWAY = "away"
    BUSY = "busy"
    OFFLINE = "offline"
    EXCLUDED = "excluded"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class CandidateNote(Out):
    """One agent who was looked at. `figure` is what the base rule compares: conversations now, or received in 12 hours, or the place in the order."""

    agent_id: UUID | None
    name: str = ""
    why: WhyNot
    open: int = 0
    maximum: int = 0
    figure: int | None = None


class Step(Out):
    """One layer's part. `reason` is a code the page has words for; `rule` the matching rule's name; `failed` the rules that did not match.

    `candidates` shows the first 20, the chosen one always; `more` counts the rest.
    """

    layer: Layer
    verdict: Verdict
    reason: str
    rule: str | None = None
    failed: list[str] = []
    target: Target | None = None
    base_rule: BaseRule | None = None
    candidates: list[CandidateNote] = []
    more: int = 0


class Decision(Out):
    """A decision with its trace, as stored."""

    id: UUID
    conversation_id: UUID
    at: datetime
    cause: Cause
    outcome: Outcome
    agent_id: UUID | None
    agent_name: str | None
    by_agent_id: UUID | None
    by_agent_name: str | None
    waited_seconds: int | None
    steps: list[Step]


class Decisions(Out):
    """A conversation's decisions, oldest first."""

    items: list[Decision]


class TrialCase(In):
    """A visitor to try the rules with. Fields that are left out are unknown of that visitor; `at` is now unless given."""

    landing_page: Text | None = None
    current_page: Text | None = None
    referrer: Text | None = None
    region: Text | None = None
    search_engine: Text | None = None
    search_keyword: Text | None = None
    channel_id: UUID | None = None
    device: Literal["desktop", "phone", "tablet", "bot"] | None = None
    language: Text | None = None
    tags: Annotated[list[Text], Field(max_length=50)] = []
    metadata: Annotated[dict[str, Text], Field(max_length=20)] = {}
    at: datetime | None = None
    last_agent_id: UUID | None = None
    wish: Wish | None = None


class TryRules(In):
    """Exactly one of `case` and `conversation_id` (its visitor and wish, as they are known now). `settings`: a draft; else the saved ones."""

    case: TrialCase | None = None
    conversation_id: UUID | None = None
    settings: AssignmentSettings | None = None


class Trial(Out):
    """What the rules would do now. Nothing is assigned, and rotation does not move on."""

    outcome: Outcome
    agent_id: UUID | None
    agent_name: str | None
    target: Target | None
    steps: list[Step]


class RecordedTraffic(In):
    kind: Literal["recorded"] = "recorded"
    days: Annotated[int, Field(ge=1, le=30, strict=True)] = 7


class GeneratedTraffic(In):
    """Arrivals at random moments. `agents`: how many of the order are online all the time."""

    kind: Literal["generated"] = "generated"
    conversations: Annotated[int, Field(ge=10, le=5_000, strict=True)] = 1_000
    per_hour: Annotated[int, Field(ge=1, le=5_000, strict=True)] = 120
    minutes_each: Annotated[float, Field(ge=0.5, le=240)] = 8
    seed: Annotated[int, Field(ge=0, le=2_000_000_000, strict=True)] = 1


class StartSimulation(In):
    """Runs traffic through the saved rules and through `settings`, and compares."""

    settings: AssignmentSettings
    traffic: Annotated[RecordedTraffic | GeneratedTraffic, Field(discriminator="kind")]


class AgentLoad(Out):
    agent_id: UUID
    name: str
    received: int
    busiest: int


class SimulatedOutcome(Out):
    """Waiting in seconds; `waits` counts by bucket of (0, ≤10, ≤30, ≤60, ≤120, ≤300, ≤600, more) seconds.

    `fairness` is the Jain index of conversations received over the agents who were there: 1 is even, 1/n the most uneven.
    """

    conversations: int
    assigned: int
    left_messages: int
    median_wait: float
    p90_wait: float
    longest_wait: float
    waits: list[int]
    fairness: float
    agents: list[AgentLoad]


class SimulationResult(Out):
    before: SimulatedOutcome
    after: SimulatedOutcome
    moved: int


class Simulation(Out):
    """`progress` in percent. `result` is there when done; `moved`: conversations that would go to somebody else."""

    id: UUID
    made_by: UUID
    made_at: datetime
    state: Literal["queued", "running", "done", "failed"]
    progress: int
    traffic: RecordedTraffic | GeneratedTraffic
    result: SimulationResult | None


class Simulations(Out):
    """The newest ten, without their results."""

    items: list[Simulation]
