"""Who signed in from where, who was turned away, and why."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from qiatan.infra.db import Database, Tx
from qiatan.kit.access import AgentActor, require
from qiatan.kit.cursors import MAX_PAGE, Page, decode_time_cursor, encode_time_cursor
from qiatan.modules.accounts import permissions
from qiatan.modules.accounts.contracts import LoginEntry, LoginMethod, LoginReason, SignedOutPerson
from qiatan.modules.accounts.models import LoginEntryRow
from qiatan.modules.accounts.repository import AgentRepository, EnterpriseRepository, LoginFilter, LoginRepository
from qiatan.modules.accounts.service.audit import What, Who, record
from qiatan.modules.accounts.service.mapping import to_region

MAX_EXPORTED = 100_000
_ROWS_AT_ONCE = 1_000

_HEADERS = {
    "zh-CN": ("时间({zone})", "客服", "IP 地址", "地区", "设备", "方式", "结果", "原因"),
    "en": ("Time ({zone})", "Agent", "IP address", "Region", "Device", "Method", "Result", "Reason"),
}
_RESULTS = {"zh-CN": ("拒绝", "通过"), "en": ("denied", "let in")}
_WORDS: dict[str, dict[LoginMethod | LoginReason, str]] = {
    "zh-CN": {
        LoginMethod.PASSWORD: "密码",
        LoginMethod.PASSKEY: "通行密钥",
        LoginMethod.OIDC: "企业身份",
        LoginMethod.LINK: "一次性链接",
        LoginMethod.INVITATION: "邀请",
        LoginMethod.SIGN_UP: "注册",
        LoginMethod.SESSION: "会话续期",
        LoginReason.NOT_RESTRICTED: "未启用限制",
        LoginReason.ADMIN_FREE: "管理员不受限",
        LoginReason.ROLE_FREE: "角色不受限",
        LoginReason.TRUSTED_ADDRESS: "可信任 IP",
        LoginReason.ALLOWED_REGION: "可登录地区",
        LoginReason.REGION_DENIED: "地区不允许",
        LoginReason.REGION_UNKNOWN: "认不出地区",
        LoginReason.WRONG_PASSWORD: "密码不对",
        LoginReason.WRONG_SECOND_FACTOR: "第二步验证不对",
    },
    "en": {
        LoginMethod.PASSWORD: "password",
        LoginMethod.PASSKEY: "passkey",
        LoginMethod.OIDC: "identity provider",
        LoginMethod.LINK: "one-time link",
        LoginMethod.INVITATION: "invitation",
        LoginMethod.SIGN_UP: "sign-up",
        LoginMethod.SESSION: "session looked at again",
        LoginReason.NOT_RESTRICTED: "no restriction",
        LoginReason.ADMIN_FREE: "administrator",
        LoginReason.ROLE_FREE: "role not restricted",
        LoginReason.TRUSTED_ADDRESS: "trusted address",
        LoginReason.ALLOWED_REGION: "allowed region",
        LoginReason.REGION_DENIED: "region not allowed",
        LoginReason.REGION_UNKNOWN: "region unknown",
        LoginReason.WRONG_PASSWORD: "wrong password",
        LoginReason.WRONG_SECOND_FACTOR: "wrong second factor",
    },
}


@dataclass(frozen=True, slots=True)
class LoginExport:
    """An export that was allowed and written down: its first line, and what its rows are read with."""

    header: Sequence[str]
    locale: str
    timezone: str


async def login_log_page(tx: Tx, actor: AgentActor, asked: LoginFilter, *, after: str | None = None, limit: int = 50) -> Page[LoginEntry]:
    """Entries of agents in the actor's scope, newest first.

    Raises:
        InvalidInput: `after` is not a cursor of ours.
    """
    require(actor, permissions.VIEW_LOGINS)
    size = min(limit, MAX_PAGE)
    key = decode_time_cursor(after) if after is not None else None
    found = await LoginRepository(tx, actor.enterprise_id).entries(actor, asked, after=key, limit=size + 1)
    shown = found[:size]
    more = len(found) > size
    return Page(
        items=[_entry(row, name) for row, name in shown],
        next=encode_time_cursor(shown[-1][0].at, shown[-1][0].id) if more else None,
    )


async def start_login_log_export(tx: Tx, actor: AgentActor, asked: LoginFilter) -> LoginExport:
    """Write down that the log is exported, and by what filters. The rows follow with `login_log_rows`."""
    require(actor, permissions.VIEW_LOGINS)
    enterprise = await EnterpriseRepository(tx, actor.enterprise_id).get()
    reader = await AgentRepository(tx, actor.enterprise_id).get(actor.viewer_id or actor.agent_id)
    locale = reader.row.locale if reader is not None and reader.row.locale in _HEADERS else "zh-CN"
    filters = {name: value if isinstance(value, bool) else str(value) for name, value in asdict(asked).items() if value is not None}
    record(tx, Who.of(actor), "login_log.exported", What("login_log", None, ""), filters=filters)
    header = [title.format(zone=enterprise.timezone) for title in _HEADERS[locale]]
    return LoginExport(header, locale, enterprise.timezone)


async def login_log_rows(database: Database, actor: AgentActor, asked: LoginFilter, export: LoginExport) -> AsyncIterator[Sequence[str]]:
    """The lines of an export, newest first, at most 100,000. Read a thousand at a time: no transaction lasts as long as a download."""
    zone = ZoneInfo(export.timezone)
    key: tuple[datetime, UUID] | None = None
    for _ in range(MAX_EXPORTED // _ROWS_AT_ONCE):
        async with database.tenant(actor.enterprise_id) as tx:
            found = await LoginRepository(tx, actor.enterprise_id).entries(actor, asked, after=key, limit=_ROWS_AT_ONCE)
        for row, name in found:
            yield _line(row, name, export.locale, zone)
        if len(found) < _ROWS_AT_ONCE:
            return
        key = (found[-1][0].at, found[-1][0].id)


def _entry(row: LoginEntryRow, name: str) -> LoginEntry:
    return LoginEntry(
        id=row.id,
        at=row.at,
        agent=SignedOutPerson(id=row.agent_id, name=name),
        address=row.address,
        region=to_region(row.region),
        device=row.device,
        method=LoginMethod(row.method),
        allowed=row.allowed,
        reason=LoginReason(row.reason),
    )


def _line(row: LoginEntryRow, name: str, locale: str, zone: ZoneInfo) -> Sequence[str]:
    words = _WORDS[locale]
    return (
        row.at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
        name,
        row.address,
        " ".join(to_region(row.region).names),
        row.device,
        words[LoginMethod(row.method)],
        _RESULTS[locale][row.allowed],
        words[LoginReason(row.reason)],
    )
