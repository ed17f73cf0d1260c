"""The layers in their order (table 0.4, F21): who gets a conversation, or where it waits."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from uuid import UUID

from qiatan.modules.routing.contracts.common import Target, TargetKind
from qiatan.modules.routing.contracts.decisions import CandidateNote, Fallback, Layer, Outcome, Step, Verdict, Wish
from qiatan.modules.routing.contracts.hours import Outside
from qiatan.modules.routing.contracts.settings import BaseRule, Otherwise
from qiatan.modules.routing.rules.base import ENTERPRISE_KEY, WISH_KEY, Pick, assignable, choose, group_key
from qiatan.modules.routing.rules.case import Candidate, Case, Roster, Surroundings, serving
from qiatan.modules.routing.rules.compiled import CompiledAssignment, CompiledRule, Match
from qiatan.modules.routing.rules.trace import Reason, closed, notes, unknown

ENTERPRISE = Target(kind=TargetKind.ENTERPRISE)


@dataclass(frozen=True, slots=True)
class Choice:
    """What becomes of the conversation, and why.

    `target`: through which it was assigned, for which it waits, or for which a message is left; `also`: the others of the same rule or
    wish, each of whose agents may take it too. `pointer`: the target key and agent the rotation has to remember once the assignment is
    certain.
    """

    outcome: Outcome
    agent_id: UUID | None
    target: Target
    pointer: tuple[str, UUID] | None
    steps: tuple[Step, ...]
    also: tuple[Target, ...] = ()


def decide(rules: CompiledAssignment, roster: Roster, case: Case, around: Surroundings, *, pick: Pick, may_wait: bool = True) -> Choice:
    """All layers for a conversation that has nobody.

    Nobody assignable: it waits if somebody who may take it is online but full and the queue has room, else a message is left. Not
    `may_wait`: it never waits nor becomes a message, and is kept where it is instead.
    """
    return _Decision(rules, roster, case, around, pick, may_wait=may_wait).run()


def decide_waiting(
    rules: CompiledAssignment,
    roster: Roster,
    case: Case,
    around: Surroundings,
    *,
    target: Target,
    pick: Pick,
    also: Sequence[Target] = (),
) -> Choice:
    """Whether somebody who waits for `target` and `also` (in the queue, or with a message left) can be assigned now; else kept.

    Who waits for the enterprise goes through all layers again, where nothing but an agent ends the search. A target that is gone (a
    group without anybody who may receive, an agent who may not) is replaced by the first of the others that is there, or else by the
    enterprise: the choice names it as its target.
    """
    return _Decision(rules, roster, case, around, pick, may_wait=False, onward=True).wait_for((target, *also))


class _Decision:
    """One run through the layers. A layer gives a choice, or nothing to let the next one speak."""

    def __init__(
        self,
        rules: CompiledAssignment,
        roster: Roster,
        case: Case,
        around: Surroundings,
        pick: Pick,
        *,
        may_wait: bool,
        onward: bool = False,
    ) -> None:
        self.rules, self.roster, self.case, self.around, self.pick = rules, roster, case, around, pick
        self.may_wait, self.onward = may_wait, onward
        self.base_rule: BaseRule = rules.base_rule
        self.steps: list[Step] = []

    def run(self) -> Choice:
        return self.hours() or self.layers()

    def layers(self) -> Choice:
        chosen = self.specified()
        if chosen is None:
            # Who has an open conversation writes into it, so that this layer (F21) never has anything to decide here.
            self.step(Layer.STICKY, Verdict.SKIPPED, Reason.NO_OPEN_CONVERSATION)
            chosen = self.advanced() or self.returning() or self.base()
        return chosen or self.wait((ENTERPRISE,), self.roster.candidates)

    def wait_for(self, targets: tuple[Target, ...]) -> Choice:
        targets = tuple(self.named(one) for one in targets)
        if not self.around.open_now:
            self.step(Layer.HOURS, Verdict.ENDED, Reason.CLOSED)
            return self.kept(targets)
        if targets[0].kind is TargetKind.ENTERPRISE:
            return self.layers()
        there = tuple(one for one in targets if self.is_there(one))
        if not there:
            self.step(Layer.QUEUE, Verdict.NOBODY, Reason.TARGET_GONE, target=targets[0])
            return self.layers()
        if there[0] != targets[0]:
            targets = there
        extra = [closed(one.name or "") for one in there if one.id in self.around.closed_groups]
        if len(extra) == len(there):
            self.step(Layer.QUEUE, Verdict.NOBODY, Reason.CLOSED, target=targets[0], extra=extra)
            return self.kept(targets)
        agent_ids = [one.id for one in there if one.kind is TargetKind.AGENT and one.id is not None]
        group_ids = self.open_groups([one.id for one in there if one.kind is TargetKind.GROUP and one.id is not None])
        pool = self.roster.pool(agent_ids, group_ids)
        key = WISH_KEY if agent_ids else _key(group_ids)
        found = self.choose(pool, key)
        if found is None:
            self.step(Layer.QUEUE, Verdict.NOBODY, Reason.STILL_WAITING, pool, target=targets[0], extra=extra)
            return self.kept(targets)
        target = self.through(found, () if found.agent_id in agent_ids else group_ids)
        reason = Reason.GROUP if target.kind is TargetKind.GROUP else Reason.AGENT
        return self.assigned(Layer.QUEUE, reason, pool, found, key, target, extra)

    def is_there(self, target: Target) -> bool:
        """Whether anybody of this group or agent may be given anything, now or later."""
        if target.id is None:
            return False
        if target.kind is TargetKind.GROUP:
            return target.id in self.around.groups and any(one.maximum > 0 for one in self.roster.pool(group_ids=(target.id,)))
        return any(one.maximum > 0 for one in self.roster.pool((target.id,)))

    # Layers

    def hours(self) -> Choice | None:
        if self.around.open_now:
            self.step(Layer.HOURS, Verdict.SKIPPED, Reason.OPEN)
            return None
        self.step(Layer.HOURS, Verdict.ENDED, Reason.CLOSED)
        targets = self.outside_targets()
        if self.around.outside is Outside.QUEUE:
            return self.wait(targets, None)
        return self.ended(Outcome.MESSAGE, targets)

    def specified(self) -> Choice | None:
        wish = self.case.wish
        if wish is None or not (wish.agents or wish.groups):
            self.step(Layer.SPECIFIED, Verdict.SKIPPED, Reason.NO_WISH)
            return None
        agent_ids, group_ids, extra = self.known(wish)
        pool = self.roster.pool(agent_ids, self.open_groups(group_ids))
        key = _key(group_ids)
        found = self.choose(pool, key)
        if found is not None:
            reason = Reason.WISHED_AGENT if wish.agents else Reason.WISHED_GROUP
            return self.assigned(Layer.SPECIFIED, reason, pool, found, key, self.through(found, self.open_groups(group_ids)), extra)
        targets = self.all_of(agent_ids, group_ids)
        if wish.fallback is Fallback.AGENT_GROUPS:
            return self.groups_of_wished(wish, agent_ids, group_ids, pool, extra)
        if wish.fallback is Fallback.MESSAGE and not self.onward:
            self.step(Layer.SPECIFIED, Verdict.ENDED, Reason.FALLBACK_MESSAGE, pool, target=targets[0], extra=extra)
            return self.ended(Outcome.MESSAGE, targets)
        self.step(Layer.SPECIFIED, Verdict.NOBODY, Reason.FALLBACK_ENTERPRISE, pool, target=targets[0], extra=extra)
        return None

    def groups_of_wished(
        self, wish: Wish, agent_ids: Sequence[UUID], group_ids: Sequence[UUID], pool: Sequence[Candidate], extra: list[CandidateNote]
    ) -> Choice | None:
        """Fallback 2. A wish for groups has asked them already; an agent without groups leaves the whole enterprise."""
        if wish.agents:
            group_ids = self.groups_of(agent_ids)
            extra = [*extra, *(closed(self.around.groups[one]) for one in group_ids if one in self.around.closed_groups)]
            pool = self.roster.pool(agent_ids, self.open_groups(group_ids))
        if not group_ids:
            self.step(Layer.SPECIFIED, Verdict.NOBODY, Reason.NO_GROUPS, pool, extra=extra)
            return None
        found = self.choose(pool, _key(group_ids)) if wish.agents else None
        if found is not None:
            return self.assigned(
                Layer.SPECIFIED, Reason.AGENTS_GROUP, pool, found, _key(group_ids), self.through(found, self.open_groups(group_ids)), extra
            )
        targets = self.all_of((), group_ids)
        verdict = Verdict.NOBODY if self.onward else Verdict.ENDED
        self.step(Layer.SPECIFIED, verdict, Reason.FALLBACK_GROUPS, pool, target=targets[0], extra=extra)
        return None if self.onward else self.wait(targets, pool)

    def advanced(self) -> Choice | None:
        match = self.rules.first_match(self.case)
        for name in match.slow:
            self.steps.append(Step(layer=Layer.ADVANCED, verdict=Verdict.SKIPPED, reason=Reason.SLOW_EXPRESSION, rule=name))
        if match.rule is None:
            reason = Reason.NO_MATCH if self.rules.rules else Reason.NO_RULES
            self.steps.append(Step(layer=Layer.ADVANCED, verdict=Verdict.SKIPPED, reason=reason, failed=match.failed))
            return None
        return self.matched(match.rule, match)

    def matched(self, rule: CompiledRule, match: Match) -> Choice | None:
        group_ids = [one for one in rule.group_ids if one in self.around.groups]
        extra = [closed(self.around.groups[one]) for one in group_ids if one in self.around.closed_groups]
        extra += [unknown(str(one)) for one in rule.agent_ids if one not in self.roster]
        extra += [unknown(str(one)) for one in rule.group_ids if one not in self.around.groups]
        pool = self.roster.pool(rule.agent_ids, self.open_groups(group_ids))
        found = self.choose(pool, rule.key)
        if found is not None:
            target = self.through(found, () if found.agent_id in rule.agent_ids else self.open_groups(group_ids))
            return self.assigned(Layer.ADVANCED, Reason.MATCHED, pool, found, rule.key, target, extra, match)
        targets = self.all_of([one for one in rule.agent_ids if one in self.roster], group_ids)
        target = targets[0]
        if rule.otherwise is Otherwise.CONTINUE or self.onward:
            self.step(Layer.ADVANCED, Verdict.NOBODY, Reason.OTHERWISE_CONTINUE, pool, target=target, extra=extra, match=match)
            return None
        if rule.otherwise is Otherwise.QUEUE:
            self.step(Layer.ADVANCED, Verdict.ENDED, Reason.OTHERWISE_QUEUE, pool, target=target, extra=extra, match=match)
            return self.wait(targets, pool)
        self.step(Layer.ADVANCED, Verdict.ENDED, Reason.OTHERWISE_MESSAGE, pool, target=target, extra=extra, match=match)
        return self.ended(Outcome.MESSAGE, targets)

    def returning(self) -> Choice | None:
        last = self.case.last_agent_id
        if not self.rules.returning or last is None:
            self.step(Layer.RETURNING, Verdict.SKIPPED, Reason.NO_LAST_AGENT if self.rules.returning else Reason.OFF)
            return None
        pool = self.roster.pool((last,))
        if assignable(pool, self.case.excluded):
            return self.assigned(Layer.RETURNING, Reason.LAST_AGENT, pool, pool[0], None, self.through(pool[0], ()))
        extra = [] if pool else [unknown(str(last))]
        self.step(Layer.RETURNING, Verdict.NOBODY, Reason.LAST_AGENT_NOT_FREE, pool, extra=extra)
        return None

    def base(self) -> Choice | None:
        pool = self.roster.candidates
        excluded = self.case.excluded
        free = self.roster.free()
        found = self.one_of_free([one for one in free if one.agent_id not in excluded] if excluded else free, ENTERPRISE_KEY)
        if found is not None:
            return self.assigned(Layer.BASE, Reason.BASE_RULE, pool, found, ENTERPRISE_KEY, ENTERPRISE)
        self.step(Layer.BASE, Verdict.NOBODY, Reason.NOBODY_FREE, pool, target=ENTERPRISE)
        return None

    def wait(self, targets: tuple[Target, ...], pool: Sequence[Candidate] | None) -> Choice:
        """In the queue if there is one, it has room, and somebody of the pool is there; pool None: whoever comes when it opens."""
        if not self.may_wait:
            return self.kept(targets)
        excluded = self.case.excluded
        if not self.around.queue_enabled:
            outcome, reason = Outcome.MESSAGE, Reason.QUEUE_OFF
        elif pool is not None and not any(serving(one) and one.agent_id not in excluded for one in pool):
            outcome, reason = Outcome.MESSAGE, Reason.NOBODY_ONLINE
        elif not self.around.queue_has_room:
            outcome, reason = Outcome.MESSAGE, Reason.QUEUE_FULL
        else:
            outcome, reason = Outcome.QUEUED, Reason.QUEUED
        self.step(Layer.QUEUE, Verdict.ENDED, reason, target=targets[0])
        return self.ended(outcome, targets)

    # What layers are made of

    def choose(self, pool: Sequence[Candidate], key: str) -> Candidate | None:
        free = assignable(pool, self.case.excluded)
        return self.one_of_free(free, key)

    def one_of_free(self, free: Sequence[Candidate], key: str) -> Candidate | None:
        return choose(self.base_rule, free, self.roster, self.around.pointers.get(key), self.pick)

    def assigned(
        self,
        layer: Layer,
        reason: Reason,
        pool: Sequence[Candidate],
        found: Candidate,
        key: str | None,
        target: Target,
        extra: Sequence[CandidateNote] = (),
        match: Match | None = None,
    ) -> Choice:
        self.step(layer, Verdict.CHOSE, reason, pool, found, target=target, extra=extra, match=match)
        pointer = (key, found.agent_id) if key is not None and self.base_rule is BaseRule.ROTATE else None
        return Choice(Outcome.ASSIGNED, found.agent_id, target, pointer, tuple(self.steps))

    def ended(self, outcome: Outcome, targets: tuple[Target, ...]) -> Choice:
        return Choice(outcome, None, targets[0], None, tuple(self.steps), targets[1:]) if self.may_wait else self.kept(targets)

    def kept(self, targets: tuple[Target, ...]) -> Choice:
        return Choice(Outcome.KEPT, None, targets[0], None, tuple(self.steps), targets[1:])

    def step(
        self,
        layer: Layer,
        verdict: Verdict,
        reason: Reason,
        pool: Sequence[Candidate] = (),
        found: Candidate | None = None,
        *,
        target: Target | None = None,
        extra: Sequence[CandidateNote] = (),
        match: Match | None = None,
    ) -> None:
        shown, more = notes(pool, found, self.case, self.roster, self.base_rule, beside=extra)
        self.steps.append(
            Step(
                layer=layer,
                verdict=verdict,
                reason=reason,
                rule=match.rule.name if match is not None and match.rule is not None else None,
                failed=match.failed if match is not None else [],
                target=target,
                base_rule=self.base_rule if len(pool) > 1 else None,
                candidates=shown,
                more=more,
            )
        )

    # Targets

    def known(self, wish: Wish) -> tuple[list[UUID], list[UUID], list[CandidateNote]]:
        """Agents and groups the wish names and we know, and notes on those we do not and on closed groups. Agents win (F34)."""
        if wish.agents:
            agent_ids, missing = _sorted_out(wish.agents, self.roster)
            return agent_ids, [], missing
        group_ids, missing = _sorted_out(wish.groups, self.around.groups)
        return [], group_ids, missing + [closed(self.around.groups[one]) for one in group_ids if one in self.around.closed_groups]

    def open_groups(self, group_ids: Sequence[UUID]) -> list[UUID]:
        return [one for one in group_ids if one not in self.around.closed_groups]

    def groups_of(self, agent_ids: Sequence[UUID]) -> list[UUID]:
        """All groups of these agents that still exist, in a fixed sequence."""
        found = {one for agent_id in agent_ids if (agent := self.roster.get(agent_id)) is not None for one in agent.group_ids}
        return sorted(found & self.around.groups.keys())

    def outside_targets(self) -> tuple[Target, ...]:
        """For whom a conversation waits that begins outside the working hours: for the wish where it does not fall back on everybody."""
        wish = self.case.wish
        if wish is None or wish.fallback is Fallback.ENTERPRISE:
            return (ENTERPRISE,)
        agent_ids, group_ids, _ = self.known(wish)
        if wish.fallback is Fallback.AGENT_GROUPS and agent_ids:
            return self.all_of((), self.groups_of(agent_ids))
        return self.all_of(agent_ids, group_ids)

    def all_of(self, agent_ids: Sequence[UUID], group_ids: Sequence[UUID]) -> tuple[Target, ...]:
        """Whom to wait for. First comes in whose queue the place is counted: the first group, else agent, where somebody is there, else the
        first of all. The enterprise where none is named."""
        targets = [self.group(one) for one in group_ids] + [self.agent(one) for one in agent_ids]
        for target in targets:
            if target.id is not None and target.id not in self.around.closed_groups:
                pool = self.roster.pool((target.id,)) if target.kind is TargetKind.AGENT else self.roster.pool(group_ids=(target.id,))
                if any(serving(one) and one.agent_id not in self.case.excluded for one in pool):
                    return (target, *(one for one in targets if one != target))
        return tuple(targets) or (ENTERPRISE,)

    def through(self, found: Candidate, group_ids: Sequence[UUID]) -> Target:
        """The first of the groups the agent was found in, else the agent."""
        return next((self.group(one) for one in group_ids if one in found.group_ids), self.agent(found.agent_id))

    def group(self, group_id: UUID) -> Target:
        return Target(kind=TargetKind.GROUP, id=group_id, name=self.around.groups.get(group_id))

    def agent(self, agent_id: UUID) -> Target:
        agent = self.roster.get(agent_id)
        return Target(kind=TargetKind.AGENT, id=agent_id, name=agent.name if agent is not None else None)

    def named(self, target: Target) -> Target:
        if target.id is None:
            return ENTERPRISE
        return self.group(target.id) if target.kind is TargetKind.GROUP else self.agent(target.id)


def _key(group_ids: Sequence[UUID]) -> str:
    return group_key(group_ids[0]) if len(group_ids) == 1 else WISH_KEY


def _sorted_out(tokens: Sequence[str], there: Container[UUID]) -> tuple[list[UUID], list[CandidateNote]]:
    """The ids among the tokens that are there, each once; and notes on the others."""
    ids: dict[UUID, None] = {}
    missing: list[CandidateNote] = []
    for token in tokens:
        one = _id(token)
        if one is not None and one in there:
            ids[one] = None
        else:
            missing.append(unknown(token))
    return list(ids), missing


def _id(token: str) -> UUID | None:
    try:
        return UUID(token)
    except ValueError:
        return None
