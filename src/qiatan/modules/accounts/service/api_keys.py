"""Keys with which programs act for the enterprise.

A key acts within what whoever made it may do at that moment: points and scope are those of the account, narrowed to the key's own
points, so taking rights from somebody takes them from their keys too. Keys of an account that is disabled, or has to add a second
factor first, do nothing for that long; what shall never work again is revoked.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.infra.throttle import Rate, Throttle
from qiatan.kit.access import AgentActor, Point, require
from qiatan.kit.cursors import MAX_PAGE, Page, decode_time_cursor, encode_time_cursor
from qiatan.kit.errors import FieldProblem, InvalidInput, NotFound
from qiatan.modules.accounts import permissions, repository, rules
from qiatan.modules.accounts.contracts import ApiKey, CreatedApiKey, NewApiKey
from qiatan.modules.accounts.errors import LimitReached
from qiatan.modules.accounts.models import ApiKeyRow
from qiatan.modules.accounts.repository import ApiKeyRepository, EnterpriseRepository, LinkRepository
from qiatan.modules.accounts.service.audit import What, Who, record
from qiatan.modules.accounts.service.authority import lock_rights, require_whole_scope
from qiatan.modules.accounts.service.own_security import Proof, confirmed_owner
from qiatan.modules.accounts.service.tokens import new_token, token_hash

PREFIX = "qk_"
MAX_KEYS = 100
LONGEST_LIFE = timedelta(days=3_660)
# A key cannot be guessed; this bounds the work that tries cost. A good key gives its address a full bucket again.
UNKNOWN_KEYS = Rate(burst=200, per_minute=60)
_SHOWN = 10
_LENGTH = len(PREFIX) + 43
"""`qk_` and 32 random bytes in URL-safe base64."""


def looks_like_key(bearer: str) -> bool:
    return bearer.startswith(PREFIX)


async def api_keys_page(tx: Tx, actor: AgentActor, *, after: str | None, limit: int) -> Page[ApiKey]:
    """All keys there ever were, newest first.

    Raises:
        NotAllowed: without `api_keys.manage` and the scope `all`.
    """
    require(actor, permissions.MANAGE_KEYS)
    require_whole_scope(actor)
    limit = min(limit, MAX_PAGE)
    key = decode_time_cursor(after) if after is not None else None
    rows = await ApiKeyRepository(tx, actor.enterprise_id).page(before=key, limit=limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(items=[_contract(row) for row in rows[:limit]], next=encode_time_cursor(last.created_at, last.id) if last else None)


async def create_api_key(tx: Tx, actor: AgentActor, new: NewApiKey, *, proof: Proof, catalogue: Collection[Point]) -> CreatedApiKey:
    """A new key. Its secret is in the answer and as a hash in the database, nowhere else.

    Raises:
        NotAllowed: without `api_keys.manage` and the scope `all`.
        InvalidInput: a point does not exist, is a person's only, or is one the actor lacks; or an end that is past or far off.
        LimitReached: the enterprise has 100 living keys.
        WrongCredentials: as `confirmed_owner`.
    """
    actor = await lock_rights(tx, actor, permissions.MANAGE_KEYS, catalogue=catalogue)
    await confirmed_owner(tx, actor, proof)
    require_whole_scope(actor)
    _check_points(actor, new.points, catalogue)
    if new.expires_at is not None and not tx.now < new.expires_at <= tx.now + LONGEST_LIFE:
        raise InvalidInput.of("expires_at", "invalid", "Choose a time in the future, within ten years.")
    keys = ApiKeyRepository(tx, actor.enterprise_id)
    if await keys.count_living() >= MAX_KEYS:
        raise LimitReached(f"There are {MAX_KEYS} keys in use. Revoke one first.")
    secret = PREFIX + new_token()
    row = await keys.insert(
        {
            "id": new_id(),
            "name": new.name,
            "prefix": secret[:_SHOWN],
            "secret_hash": token_hash(secret),
            "points": new.points,
            "created_by": actor.agent_id,
            "created_at": tx.now,
            "expires_at": new.expires_at,
        }
    )
    record(tx, Who.of(actor), "api_key.created", What("api_key", row.id, row.name), points=row.points, expires_at=row.expires_at)
    return CreatedApiKey(api_key=_contract(row), secret=secret)


async def revoke_api_key(tx: Tx, actor: AgentActor, *, key_id: UUID) -> None:
    """End a key, at once and for ever, and the links it has handed out. Ending it again changes nothing.

    Raises:
        NotAllowed: without `api_keys.manage` and the scope `all`.
        NotFound: the enterprise has no such key.
    """
    require(actor, permissions.MANAGE_KEYS)
    require_whole_scope(actor)
    # The key may be inviting somebody at this moment.
    await EnterpriseRepository(tx, actor.enterprise_id).lock()
    row = await ApiKeyRepository(tx, actor.enterprise_id).get(key_id, lock=True)
    if row is None:
        raise NotFound
    if row.revoked_at is not None:
        return
    row.revoked_at = tx.now
    await LinkRepository(tx, actor.enterprise_id).drop_made_by(key_id)
    record(tx, Who.of(actor), "api_key.revoked", What("api_key", row.id, row.name))


async def resolve_api_key(tx: Tx, secret: str, catalogue: Collection[Point], *, address: str, throttle: Throttle) -> AgentActor | None:
    """Which key this is (in a system transaction); None for an unknown, revoked or expired one, and when its maker is disabled.

    Raises:
        TooMany: too many unknown keys came from this address.
    """
    tries = f"api_key:{rules.address_group(address)}"
    throttle.check(tries, UNKNOWN_KEYS)
    if len(secret) != _LENGTH or not secret.isascii():
        return None
    found = await repository.find_api_key(tx, token_hash(secret))
    if found is None:
        return None
    throttle.forget(tries)
    if found.last_used_at is None or tx.now - found.last_used_at >= rules.SEEN_EVERY:
        await ApiKeyRepository(tx, found.enterprise_id).use(found.id)
    personal = {point.name for point in catalogue if point.personal}
    return AgentActor(
        enterprise_id=found.enterprise_id,
        agent_id=found.id,
        session_id=found.id,
        points=rules.points_of(found.creator.role, catalogue).intersection(found.points) - personal,
        scope=found.creator.scope,
        regions=found.creator.regions,
        via="api_key",
        must_enrol=found.creator.role_row.requires_two_factor and not found.creator.two_factor,
        address=address,
    )


def _check_points(actor: AgentActor, names: Collection[str], catalogue: Collection[Point]) -> None:
    known = {point.name: point for point in catalogue}
    problems = []
    for name in names:
        if name not in known:
            problems.append(FieldProblem("points", "unknown", f"There is no permission {name}. Load the page again."))
        elif known[name].personal:
            problems.append(FieldProblem("points", "personal", f"{name} is worth something to a person only. Leave it out."))
        elif name not in actor.points:
            problems.append(FieldProblem("points", "not_held", f"You do not hold {name} yourself. Leave it out."))
    if problems:
        raise InvalidInput(fields=tuple(problems[:20]))


def _contract(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        prefix=row.prefix,
        points=list(row.points),
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
