"""Seeing, checking and changing the settings of routing. Each part has a version, and each change stands in the audit log."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from qiatan.infra.db import Tx
from qiatan.infra.geo import Geo
from qiatan.infra.jobs import Job
from qiatan.kit.access import AgentActor, require
from qiatan.kit.calendar_file import read_calendar
from qiatan.kit.errors import FieldProblem, InvalidInput, VersionConflict
from qiatan.modules.accounts import service as accounts
from qiatan.modules.channels import service as channels
from qiatan.modules.conversations.permissions import SERVE
from qiatan.modules.routing import jobs, permissions
from qiatan.modules.routing.contracts import PresenceStatus
from qiatan.modules.routing.contracts.conditions import ConditionField, VisitorCondition
from qiatan.modules.routing.contracts.hours import Calendar, CalendarFault, ExceptionalDay, Hours, HoursSettings, SaveHours
from qiatan.modules.routing.contracts.settings import (
    Assignment,
    AssignmentSettings,
    CheckAssignment,
    Problem,
    Problems,
    Queueing,
    SaveAssignment,
    SaveQueueing,
    SaveTransfers,
    Transfers,
    TransferSettings,
)
from qiatan.modules.routing.events import RoutingSettingsChanged
from qiatan.modules.routing.repository.settings import Part, SettingsRepository
from qiatan.modules.routing.rules import Candidate, settings_checks, validation
from qiatan.modules.routing.service.hours import opening
from qiatan.modules.routing.service.presence import announce_opening
from qiatan.modules.routing.service.settings import (
    load_assignment,
    loaded_assignment,
    loaded_hours,
    loaded_queue,
    loaded_transfers,
    note_unsaved,
)

MAX_NAMED = 50
"""Fields that one refusal names."""

_FOLLOWED: Mapping[Part, Job] = {"transfers": jobs.reschedule, "queue": jobs.new_longest_wait}
"""Parts whose change reaches what is going on already."""


async def see_assignment(tx: Tx, actor: AgentActor, *, geo: Geo) -> Assignment:
    """The rules of assignment, and what in them deserves a look (a group that was emptied since, say)."""
    require(actor, permissions.VIEW)
    found = await loaded_assignment(tx)
    return Assignment(settings=found.value[0], version=found.version, problems=await _problems(tx, found.value[0], geo))


async def check_assignment(tx: Tx, actor: AgentActor, draft: CheckAssignment, *, geo: Geo) -> Problems:
    """What would be said of a draft. Nothing is saved."""
    require(actor, permissions.VIEW)
    return Problems(items=await _problems(tx, draft.settings, geo))


async def save_assignment(tx: Tx, actor: AgentActor, command: SaveAssignment, *, geo: Geo) -> Assignment:
    """Replace the rules of assignment. Who waits is looked at again by them.

    Agents and groups that were named before and are gone since may stay, and are told as problems; new ones have to exist.

    Raises:
        NotAllowed: without `routing.edit`, or with a scope that is not everything.
        VersionConflict: somebody else saved meanwhile.
        InvalidInput: what blocks, by its field below `settings`.
    """
    _require_edit(actor)
    before = await loaded_assignment(tx)
    _require_version(before.version, command.version)
    problems = await _problems(tx, command.settings, geo)
    _refuse(problems, also=await _foreign(tx, before.value[0], command.settings))
    details = await _assignment_changes(tx, before.value[0], command.settings)
    await _save(tx, actor, "assignment", command.settings, version=before.version, details=details)
    return Assignment(settings=command.settings, version=before.version + 1, problems=problems)


async def require_sound(tx: Tx, settings: AssignmentSettings) -> None:
    """Let pass a draft that could be saved. Raises InvalidInput naming what blocks."""
    saved, _ = await load_assignment(tx)
    groups = await accounts.group_names(tx)
    blocking = await asyncio.to_thread(validation.problems, settings, agents=(), groups=groups)
    _refuse(blocking, also=await _foreign(tx, saved, settings))


async def see_queue_settings(tx: Tx, actor: AgentActor) -> Queueing:
    require(actor, permissions.VIEW)
    found = await loaded_queue(tx)
    return Queueing(settings=found.value, version=found.version)


async def save_queue_settings(tx: Tx, actor: AgentActor, command: SaveQueueing) -> Queueing:
    """Replace the settings of the queue. Who waits already keeps the place, also beyond a lower limit. Errors as `save_assignment`."""
    _require_edit(actor)
    before = await loaded_queue(tx)
    _require_version(before.version, command.version)
    await _save(tx, actor, "queue", command.settings, version=before.version, details=_changes(before.value, command.settings))
    return Queueing(settings=command.settings, version=before.version + 1)


async def see_transfers(tx: Tx, actor: AgentActor) -> Transfers:
    require(actor, permissions.VIEW)
    found = await loaded_transfers(tx)
    problems = await _transfer_problems(tx, found.value)
    return Transfers(settings=found.value, version=found.version, problems=problems)


async def save_transfers(tx: Tx, actor: AgentActor, command: SaveTransfers) -> Transfers:
    """Replace the settings of transfers. Errors as `save_assignment`."""
    _require_edit(actor)
    before = await loaded_transfers(tx)
    _require_version(before.version, command.version)
    problems = await _transfer_problems(tx, command.settings)
    kept = {step.group_id for step in before.value.steps}
    _refuse(
        problems,
        also=_unknown_groups(problems, kept, {f"steps.{n}.group_id": step.group_id for n, step in enumerate(command.settings.steps)}),
    )
    await _save(tx, actor, "transfers", command.settings, version=before.version, details=_changes(before.value, command.settings))
    return Transfers(settings=command.settings, version=before.version + 1, problems=problems)


async def see_hours(tx: Tx, actor: AgentActor) -> Hours:
    require(actor, permissions.VIEW)
    found = await loaded_hours(tx)
    return await _shown_hours(tx, found.value, found.version)


async def save_hours(tx: Tx, actor: AgentActor, command: SaveHours) -> Hours:
    """Replace the working hours. Errors as `save_assignment`."""
    _require_edit(actor)
    before = await loaded_hours(tx)
    _require_version(before.version, command.version)
    problems = settings_checks.hours_problems(command.settings, groups=await accounts.group_names(tx))
    kept = {group.group_id for group in before.value.groups}
    _refuse(
        problems,
        also=_unknown_groups(problems, kept, {f"groups.{n}.group_id": group.group_id for n, group in enumerate(command.settings.groups)}),
    )
    await _save(tx, actor, "hours", command.settings, version=before.version, details=_changes(before.value, command.settings))
    await announce_opening(tx)
    return await _shown_hours(tx, command.settings, before.version + 1)


async def read_calendar_file(actor: AgentActor, content: bytes) -> Calendar:
    """What a calendar file holds, for the page to put into the working hours. Nothing is saved.

    Raises:
        NotAllowed
        InvalidInput: it is no calendar at all; single lines that cannot be read are faults instead.
    """
    require(actor, permissions.EDIT)
    days, faults = await asyncio.to_thread(read_calendar, content)
    return Calendar(
        days=[ExceptionalDay(day=found.day, open=found.worked, name=found.name) for found in days],
        faults=[CalendarFault(line=fault.line, code=fault.code, message=fault.message, found=fault.found) for fault in faults],
    )


def _require_edit(actor: AgentActor) -> None:
    require(actor, permissions.EDIT)
    accounts.require_whole_scope(actor)


def _require_version(saved: int, read: int) -> None:
    if saved != read:
        raise VersionConflict


def _refuse(problems: Collection[Problem], *, also: Collection[FieldProblem] = ()) -> None:
    blocking = [FieldProblem(f"settings.{found.field}", found.code, found.message) for found in problems if found.blocking]
    if blocking or also:
        raise InvalidInput(fields=(*blocking, *also))


async def _save(tx: Tx, actor: AgentActor, part: Part, settings: BaseModel, *, version: int, details: dict[str, Any]) -> None:
    """Store a part, unless somebody else was quicker, note it, and tell."""
    note_unsaved(tx)
    if not await SettingsRepository(tx, actor.enterprise_id).save(part, settings.model_dump(mode="json"), version=version):
        raise VersionConflict
    accounts.record(tx, accounts.Who.of(actor), f"{part}.changed", accounts.What("routing", None, ""), **details)
    if part in _FOLLOWED:
        # The event makes it quick; a process that dies right after the commit leaves it to the job.
        await tx.defer(_FOLLOWED[part], enterprise_id=str(actor.enterprise_id))
    tx.emit(RoutingSettingsChanged(enterprise_id=actor.enterprise_id, part=part, version=version + 1))


def _changes(before: BaseModel, after: BaseModel) -> dict[str, Any]:
    return accounts.differences(before.model_dump(mode="json"), after.model_dump(mode="json"))


async def _assignment_changes(tx: Tx, before: AssignmentSettings, after: AssignmentSettings) -> dict[str, Any]:
    """What is different now. Of rules those that changed, came or went; of the order the names."""
    details = _changes(before, after)
    if "rules" in details:
        old, new = ([rule.model_dump(mode="json") for rule in rules] for rules in (before.rules, after.rules))
        changed = [[rule for rule in old if rule not in new], [rule for rule in new if rule not in old]]
        details["rules"] = changed if any(changed) else [[rule["name"] for rule in old], [rule["name"] for rule in new]]
    if "order" in details:
        names = await accounts.agent_names(tx, {*before.order, *after.order})
        details["order"] = [[names.get(agent_id, str(agent_id)) for agent_id in order] for order in (before.order, after.order)]
    return details


async def _problems(tx: Tx, settings: AssignmentSettings, geo: Geo) -> list[Problem]:
    agents = [
        Candidate(found.id, found.name, PresenceStatus.ONLINE, True, 0, found.max_conversations, frozenset(found.group_ids))
        for found in await accounts.serving_agents(tx, SERVE)
    ]
    named = {agent_id for rule in settings.rules for agent_id in rule.agent_ids}
    known = await accounts.agent_names(tx, named)
    regions = set(_values(settings, ConditionField.REGION))
    unknown = set(await accounts.unknown_regions(geo, regions))
    groups = await accounts.group_names(tx)
    sources = await channels.briefs(tx, _ids(_values(settings, ConditionField.CHANNEL)))

    def look() -> list[Problem]:
        return validation.problems(
            settings,
            agents=agents,
            groups=groups,
            disabled=known.keys() - {agent.agent_id for agent in agents},
            channels=list(sources),
            region_known=lambda code: code not in unknown,
        )

    # Two hundred rules are compared with one another: not on the loop that everybody's messages pass.
    return await asyncio.to_thread(look)


def _values(settings: AssignmentSettings, field: ConditionField) -> Iterator[str]:
    for rule in settings.rules:
        for group in rule.groups:
            for condition in group.conditions:
                if isinstance(condition, VisitorCondition) and condition.field is field:
                    yield from condition.values


def _ids(values: Iterator[str]) -> Iterator[UUID]:
    for value in values:
        try:
            yield UUID(value)
        except ValueError:
            continue


async def _foreign(tx: Tx, before: AssignmentSettings, after: AssignmentSettings) -> list[FieldProblem]:
    """Agents and groups that are new in the settings and not of this enterprise."""
    old_agents = {*before.order, *(agent_id for rule in before.rules for agent_id in rule.agent_ids)}
    old_groups = {group_id for rule in before.rules for group_id in rule.group_ids}
    agents = [(f"order.{n}", agent_id) for n, agent_id in enumerate(after.order)]
    groups: list[tuple[str, UUID]] = []
    for number, rule in enumerate(after.rules):
        agents += [(f"rules.{number}.agent_ids.{n}", agent_id) for n, agent_id in enumerate(rule.agent_ids)]
        groups += [(f"rules.{number}.group_ids.{n}", group_id) for n, group_id in enumerate(rule.group_ids)]
    known_agents = await accounts.agent_names(tx, {agent_id for _, agent_id in agents} - old_agents)
    known_groups = await accounts.group_names(tx)
    found = [
        FieldProblem(f"settings.{field}", "unknown_agent", "There is no such agent in your enterprise. Take it out.")
        for field, agent_id in agents
        if agent_id not in old_agents and agent_id not in known_agents
    ]
    found += [
        FieldProblem(f"settings.{field}", "unknown_group", "There is no such group in your enterprise. Take it out.")
        for field, group_id in groups
        if group_id not in old_groups and group_id not in known_groups
    ]
    return found[:MAX_NAMED]


def _unknown_groups(problems: Collection[Problem], kept: Collection[UUID | None], named: dict[str, UUID | None]) -> list[FieldProblem]:
    """Of the groups that do not exist, those that are new in the settings."""
    return [
        FieldProblem(f"settings.{found.field}", found.code, found.message)
        for found in problems
        if found.code == "unknown_group" and named[found.field] not in kept
    ]


async def _transfer_problems(tx: Tx, settings: TransferSettings) -> list[Problem]:
    groups = await accounts.group_names(tx)
    manned = {group_id for agent in await accounts.serving_agents(tx, SERVE) for group_id in agent.group_ids}
    return settings_checks.transfer_problems(settings, groups=groups, empty_groups=groups.keys() - manned)


async def _shown_hours(tx: Tx, settings: HoursSettings, version: int) -> Hours:
    zone = (await accounts.get_enterprise(tx)).timezone
    now = await opening(tx)
    return Hours(settings=settings, version=version, timezone=zone, open_now=now.open_now, changes_at=now.own_changes_at)
