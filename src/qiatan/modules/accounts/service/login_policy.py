"""The login restriction of an enterprise (F02): seeing, trying and changing it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.infra.geo import Geo, Region
from qiatan.kit.access import AgentActor, Point, require
from qiatan.kit.errors import FieldProblem, InvalidInput, NotAllowed, NotFound, VersionConflict
from qiatan.modules.accounts import permissions
from qiatan.modules.accounts.contracts import (
    BuiltinRole,
    ChangeLoginPolicy,
    LoginPolicy,
    LoginVerdict,
    PolicyDraft,
    PolicyPreview,
    RegionItem,
    RegionList,
    SignedOutPerson,
    TrustedAddress,
    TrustedInput,
    TryAddress,
)
from qiatan.modules.accounts.errors import WouldLockOut
from qiatan.modules.accounts.events import LoginPolicyChanged
from qiatan.modules.accounts.models import RoleRow
from qiatan.modules.accounts.repository import (
    AgentRecord,
    AgentRepository,
    LivingSession,
    LoginRepository,
    PolicyRecord,
    RoleRepository,
)
from qiatan.modules.accounts.rules.login import BadAddress, LoginRules, TrustedRange, decide, plain_address, read_address, read_range
from qiatan.modules.accounts.service.audit import What, Who, record
from qiatan.modules.accounts.service.authority import lock_rights, require_whole_scope
from qiatan.modules.accounts.service.login import to_verdict
from qiatan.modules.accounts.service.mapping import to_region
from qiatan.modules.accounts.service.places import unknown_regions

MAX_NAMED = 20


@dataclass(frozen=True, slots=True)
class _Drafted:
    """A draft that can be meant: its rules, and the roles and notes behind them."""

    rules: LoginRules
    roles: dict[UUID, RoleRow]
    notes: tuple[str, ...]


async def regions(geo: Geo, *, parent: str | None) -> RegionList:
    """The countries (China first), or what lies in a region.

    Raises:
        NotFound: there is no such region.
    """
    tree = await asyncio.to_thread(geo.tree)
    if parent is None:
        return RegionList(items=[RegionItem(code=place.code, name=place.name, children=len(place.provinces)) for place in tree])
    country = next((place for place in tree if place.code == parent.partition("/")[0]), None)
    if country is None:
        raise NotFound
    if country.code == parent:
        items = [RegionItem(code=place.code, name=place.name, children=len(place.cities)) for place in country.provinces]
        return RegionList(items=items)
    province = next((place for place in country.provinces if parent in {place.code, *(city.code for city in place.cities)}), None)
    if province is None:
        raise NotFound
    cities = province.cities if province.code == parent else ()
    return RegionList(items=[RegionItem(code=place.code, name=place.name, children=0) for place in cities])


async def see_login_policy(tx: Tx, actor: AgentActor) -> LoginPolicy:
    """The login restriction as it is; switched off and empty where none was saved."""
    require(actor, permissions.VIEW_SECURITY)
    return await _shown(tx, actor.enterprise_id)


async def change_login_policy(
    tx: Tx, actor: AgentActor, change: ChangeLoginPolicy, *, geo: Geo, catalogue: Collection[Point]
) -> LoginPolicy:
    """Replace the login restriction. Sessions that no longer pass end within a minute; those with an open socket at once.

    Raises:
        VersionConflict: somebody else changed it meanwhile.
        InvalidInput: a role, region or address that cannot be meant, or rules that name nobody or no place.
        WouldLockOut: its author could not stay signed in, and has not confirmed it.
    """
    actor = await lock_rights(tx, actor, permissions.EDIT_SECURITY, catalogue=catalogue)
    require_whole_scope(actor)
    login = LoginRepository(tx, actor.enterprise_id)
    before = await login.policy()
    if before.version != change.version:
        raise VersionConflict
    drafted = await _read(tx, actor.enterprise_id, change, before=before, geo=geo)
    locked_out = not (own := await _own_verdict(tx, actor, drafted.rules, geo)).allowed
    if locked_out and not change.confirm_lock_out:
        place = "、".join(own.region.names) or "an unknown region"
        raise WouldLockOut(
            f"These rules would sign you out: {own.address} ({place}) is neither trusted nor in an allowed region."
            " Add it to the trusted addresses, or confirm that you want it so."
        )
    version = before.version + 1
    await login.save(enabled=change.enabled, role_ids=drafted.rules.role_ids, regions=sorted(drafted.rules.regions), version=version)
    await login.replace_trusted(_entries(tx, before, drafted))
    details = await _changes(tx, actor.enterprise_id, before, drafted)
    if locked_out:
        details["locked_out"] = True
    record(tx, Who.of(actor), "login_policy.changed", What("login_policy", None, ""), **details)
    tx.emit(LoginPolicyChanged(enterprise_id=actor.enterprise_id, version=version))
    return await _shown(tx, actor.enterprise_id)


async def preview_login_policy(tx: Tx, actor: AgentActor, draft: PolicyDraft, *, geo: Geo) -> PolicyPreview:
    """What saving a draft would do to the asker and to everybody who is signed in now, by the address each was last seen at.

    Colleagues outside the actor's scope are counted, not named.

    Raises:
        InvalidInput: as `change_login_policy`.
    """
    require(actor, permissions.VIEW_SECURITY)
    login = LoginRepository(tx, actor.enterprise_id)
    drafted = await _read(tx, actor.enterprise_id, draft, before=await login.policy(), geo=geo)
    own = await _own_verdict(tx, actor, drafted.rules, geo)
    ended: dict[UUID, str] = {}
    if drafted.rules.enabled:
        found = await login.sessions_of_roles(drafted.rules.role_ids, besides=actor.viewer_id or actor.agent_id)
        # Thousands of sessions mean as many lookups: not on the loop that everybody's messages pass.
        ended = await asyncio.to_thread(_signed_out, drafted.rules, found, geo)
    visible = await login.within_scope(actor, ended) if ended else set()
    named = [SignedOutPerson(id=agent_id, name=name) for agent_id, name in ended.items() if agent_id in visible]
    return PolicyPreview(own=own, signed_out=named[:MAX_NAMED], signed_out_count=len(ended))


async def try_address(tx: Tx, actor: AgentActor, asked: TryAddress, *, geo: Geo) -> LoginVerdict:
    """What the saved rules, or a draft, say of an address and a role.

    Raises:
        InvalidInput: the address is none, the role is not of this enterprise, or the draft as in `change_login_policy`.
    """
    require(actor, permissions.VIEW_SECURITY)
    if read_address(asked.address) is None:
        raise InvalidInput.of("address", "invalid", "Write an address like 192.0.2.1 or 2001:db8::1.")
    address = plain_address(asked.address)
    role = (await RoleRepository(tx, actor.enterprise_id).existing([asked.role_id])).get(asked.role_id)
    if role is None:
        raise InvalidInput.of("role_id", "unknown", "Choose a role of your enterprise.")
    policy = await LoginRepository(tx, actor.enterprise_id).policy()
    meant = policy.rules
    if asked.draft is not None:
        try:
            meant = (await _read(tx, actor.enterprise_id, asked.draft, before=policy, geo=geo)).rules
        except InvalidInput as refused:
            inside = tuple(FieldProblem(f"draft.{problem.field}", problem.code, problem.message) for problem in refused.fields)
            raise InvalidInput(fields=inside) from None
    return _verdict(meant, role, address, geo.region_of(address))


def _signed_out(meant: LoginRules, sessions: Sequence[LivingSession], geo: Geo) -> dict[UUID, str]:
    """Whose sessions would end, by id, in the order given."""
    places = {address: geo.region_of(address).code for address in {session.address for session in sessions}}
    return {
        session.agent_id: session.agent_name
        for session in sessions
        if not decide(
            meant,
            role_id=session.role_id,
            is_admin=session.builtin == BuiltinRole.ADMIN.value,
            address=session.address,
            region=places[session.address],
        ).allowed
    }


def _verdict(meant: LoginRules, role: RoleRow, address: str, region: Region) -> LoginVerdict:
    is_admin = role.builtin == BuiltinRole.ADMIN.value
    return to_verdict(decide(meant, role_id=role.id, is_admin=is_admin, address=address, region=region.code), address, region)


async def _own_verdict(tx: Tx, actor: AgentActor, meant: LoginRules, geo: Geo) -> LoginVerdict:
    """What the rules say of the person who asks (who may be looking as somebody else), at the address they ask from."""
    own = await _person(tx, actor)
    if own is None:
        raise NotAllowed("A preview says first what becomes of the person who asks, and an API key is none.")
    return _verdict(meant, own.role_row, actor.address, geo.region_of(actor.address))


async def _person(tx: Tx, actor: AgentActor) -> AgentRecord | None:
    return await AgentRepository(tx, actor.enterprise_id).get(actor.viewer_id or actor.agent_id)


async def _read(tx: Tx, enterprise_id: UUID, draft: PolicyDraft, *, before: PolicyRecord, geo: Geo) -> _Drafted:
    problems: list[FieldProblem] = []
    roles = await RoleRepository(tx, enterprise_id).existing(draft.role_ids)
    if not set(draft.role_ids) <= roles.keys():
        problems.append(FieldProblem("role_ids", "unknown", "Choose roles of your enterprise."))
    if any(role.builtin == BuiltinRole.ADMIN.value for role in roles.values()):
        problems.append(FieldProblem("role_ids", "admin", "Administrators are never restricted. Leave their role out."))
    # Newer region data may have dropped a place that was chosen with older data; what is there may stay.
    asked = set(draft.regions) - before.rules.regions
    unknown = await unknown_regions(geo, asked)
    if unknown:
        problems.append(FieldProblem("regions", "unknown", f"There is no region {unknown[0]}. Choose it from the list."))
    trusted = [_range(position, entry, problems) for position, entry in enumerate(draft.trusted)]
    if draft.enabled and not draft.role_ids:
        problems.append(FieldProblem("role_ids", "empty", "Choose at least one role whose members are restricted."))
    if draft.enabled and not draft.regions and not draft.trusted:
        problems.append(FieldProblem("regions", "empty", "Choose at least one region, or write a trusted address."))
    if problems:
        raise InvalidInput(fields=tuple(problems))
    ranges = tuple(entry for entry in trusted if entry is not None)
    meant = LoginRules(draft.enabled, frozenset(roles), frozenset(draft.regions), ranges)
    return _Drafted(meant, roles, tuple(entry.note for entry in draft.trusted))


def _range(position: int, entry: TrustedInput, problems: list[FieldProblem]) -> TrustedRange | None:
    try:
        return read_range(entry.first, entry.last)
    except BadAddress as problem:
        problems.append(FieldProblem(f"trusted.{position}.{problem.part}", "invalid", str(problem)))
        return None


def _entries(tx: Tx, before: PolicyRecord, drafted: _Drafted) -> list[dict[str, Any]]:
    """The rows of the trusted addresses; what stays keeps when it was added and used."""
    kept = {(row.first, row.last): row for row in before.trusted}
    rows = []
    for entry, note in zip(drafted.rules.trusted, drafted.notes, strict=True):
        former = kept.pop((entry.first, entry.last), None)
        rows.append(
            {
                "id": former.id if former else new_id(),
                "first": entry.first,
                "last": entry.last,
                "note": note,
                "created_at": former.created_at if former else tx.now,
                "last_used_at": former.last_used_at if former else None,
            }
        )
    return rows


async def _changes(tx: Tx, enterprise_id: UUID, before: PolicyRecord, drafted: _Drafted) -> dict[str, Any]:
    """What is different now, for the audit log: `{field: [before, after]}`."""
    earlier = await RoleRepository(tx, enterprise_id).existing(before.rules.role_ids)
    pairs: dict[str, list[Any]] = {
        "enabled": [before.rules.enabled, drafted.rules.enabled],
        "roles": [sorted(role.name for role in earlier.values()), sorted(role.name for role in drafted.roles.values())],
        "regions": [sorted(before.rules.regions), sorted(drafted.rules.regions)],
        "trusted": [_written(before.rules), _written(drafted.rules)],
        "notes": [[row.note for row in before.trusted], list(drafted.notes)],
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _written(meant: LoginRules) -> list[str]:
    return [entry.first if entry.last is None else f"{entry.first} – {entry.last}" for entry in meant.trusted]


async def _shown(tx: Tx, enterprise_id: UUID) -> LoginPolicy:
    login = LoginRepository(tx, enterprise_id)
    policy = await login.policy()
    restricted, free = await login.counts(policy.rules.role_ids)
    return LoginPolicy(
        enabled=policy.rules.enabled,
        role_ids=sorted(policy.rules.role_ids),
        regions=[to_region(code) for code in sorted(policy.rules.regions)],
        trusted=[TrustedAddress(first=row.first, last=row.last, note=row.note, last_used_at=row.last_used_at) for row in policy.trusted],
        restricted_count=restricted,
        free_count=free,
        version=policy.version,
    )
