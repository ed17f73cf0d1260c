"""The words of a trace: reasons, and who was looked at."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from qiatan.modules.routing.contracts.decisions import MAX_CANDIDATES_SHOWN, CandidateNote, WhyNot
from qiatan.modules.routing.contracts.settings import BaseRule
from qiatan.modules.routing.rules.base import figure
from qiatan.modules.routing.rules.case import Candidate, Case, Roster, obstacle


class Reason(StrEnum):
    """What a step says. Pages have words for each.

    hours: open, closed · specified: no_wish, wished_agent, wished_group, agents_group (a group of the wished agent), fallback_message,
    fallback_groups, fallback_enterprise, no_groups (the wished agent is in none: the whole enterprise) · sticky: no_open_conversation ·
    advanced: no_rules, no_match, matched, otherwise_continue, otherwise_queue, otherwise_message, slow_expression (given up, counted as
    not matching) · returning: off, no_last_agent, last_agent, last_agent_not_free · base: base_rule, nobody_free · queue: queued,
    queue_off, queue_full, nobody_online, target_gone (the enterprise instead), group (chosen from it), agent, still_waiting, stays.
    """

    OPEN = "open"
    CLOSED = "closed"
    NO_WISH = "no_wish"
    WISHED_AGENT = "wished_agent"
    WISHED_GROUP = "wished_group"
    AGENTS_GROUP = "agents_group"
    FALLBACK_MESSAGE = "fallback_message"
    FALLBACK_GROUPS = "fallback_groups"
    FALLBACK_ENTERPRISE = "fallback_enterprise"
    NO_GROUPS = "no_groups"
    NO_OPEN_CONVERSATION = "no_open_conversation"
    NO_RULES = "no_rules"
    NO_MATCH = "no_match"
    MATCHED = "matched"
    OTHERWISE_CONTINUE = "otherwise_continue"
    OTHERWISE_QUEUE = "otherwise_queue"
    OTHERWISE_MESSAGE = "otherwise_message"
    SLOW_EXPRESSION = "slow_expression"
    OFF = "off"
    NO_LAST_AGENT = "no_last_agent"
    LAST_AGENT = "last_agent"
    LAST_AGENT_NOT_FREE = "last_agent_not_free"
    BASE_RULE = "base_rule"
    NOBODY_FREE = "nobody_free"
    QUEUED = "queued"
    QUEUE_OFF = "queue_off"
    QUEUE_FULL = "queue_full"
    NOBODY_ONLINE = "nobody_online"
    TARGET_GONE = "target_gone"
    GROUP = "group"
    AGENT = "agent"
    STILL_WAITING = "still_waiting"
    STAYS = "stays"


def notes(
    pool: Sequence[Candidate],
    chosen: Candidate | None,
    case: Case,
    roster: Roster,
    rule: BaseRule,
    *,
    beside: Sequence[CandidateNote] = (),
) -> tuple[list[CandidateNote], int]:
    """The first of the pool with what became of them, the chosen one always, and notes `beside` them; and how many more there were."""
    beside = beside[: MAX_CANDIDATES_SHOWN // 2]
    shown = list(pool[: MAX_CANDIDATES_SHOWN - len(beside)])
    if chosen is not None and all(one.agent_id != chosen.agent_id for one in shown):
        shown[-1] = chosen
    picked = None if chosen is None else chosen.agent_id
    noted = [
        CandidateNote(
            agent_id=one.agent_id,
            name=one.name,
            why=WhyNot.CHOSEN if one.agent_id == picked else obstacle(one, case.excluded) or WhyNot.LESS_SUITED,
            open=one.open,
            maximum=one.maximum,
            figure=figure(rule, one, roster),
        )
        for one in shown
    ]
    return noted + list(beside), len(pool) - len(shown)


def unknown(token: str) -> CandidateNote:
    """Somebody or something named that nobody knows."""
    return CandidateNote(agent_id=None, name=token, why=WhyNot.UNKNOWN)


def closed(name: str) -> CandidateNote:
    """A group outside its working hours."""
    return CandidateNote(agent_id=None, name=name, why=WhyNot.CLOSED)
