"""A mark in every text of an enterprise: where it shows up elsewhere, something crossed."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import String, Text, update
from sqlalchemy.exc import DBAPIError

from qiatan.entrypoints.tables import metadata
from qiatan.infra.db import Database

CANARIES = ("kanarienvogel", "zaunkönig")
"""The marks of two enterprises that must not see each other's words."""

_LEFT = frozenset({"token_hash", "secret_hash", "password_hash"})


OURS = frozenset(
    [
        "kind",
        "sender_kind",
        "last_kind",
        "last_sender_kind",
        "ended_by",
        "timezone",
        "color",
        "cause",
        "outcome",
        "reason",
        "field",
        "target",
        "content_type",
        "blob",
        "thumb_blob",
        "key",
        "address",
        "first",
    ]
)
"""Columns that hold words of the program: with a mark in them an enterprise does not work any more."""


async def mark(database: Database, enterprise_id: UUID, canary: str, *, besides: Collection[str] = ()) -> set[str]:
    """Append the canary to every text of the enterprise that allows one, but for columns called as in `besides`; returns those that took it
    (`table.column`)."""
    marked = set()
    async with database.system() as tx:
        for name, columns in sorted(metadata.tables.items()):
            owner = "id" if name == "enterprises" else "enterprise_id"
            if owner not in columns.c:
                continue
            for column in columns.c:
                if not isinstance(column.type, String | Text) or column.name in _LEFT or column.name in besides:
                    continue
                statement = update(columns).where(columns.c[owner] == enterprise_id, column != "").values({column: column + canary})
                try:
                    async with tx.session.begin_nested():
                        changed = await tx.session.execute(statement)
                except DBAPIError:
                    continue  # a kind, a status, a limit of length: no place for what people write
                if changed.rowcount:  # type: ignore[attr-defined] # the driver's result of an UPDATE has it
                    marked.add(f"{name}.{column.name}")
    return marked
